"""Path templates of ``google.api.http``, parsed by the grammar in the comment of google/api/http.proto.

::

Template = "/" Segments [ Verb ] ;
Segments = Segment { "/" Segment } ;
Segment  = "*" | "**" | LITERAL | Variable ;
Variable = "{" FieldPath [ "=" Segments ] "}" ;
FieldPath = IDENT { "." IDENT } ;
Verb     = ":" LITERAL ;
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import quote_from_bytes, unquote_to_bytes


class Wildcard(Enum):
    """What a segment matches when it is no literal."""

    ONE = "*"
    REST = "**"


Segment = str | Wildcard
"""A literal, percent-decoded, or a wildcard."""

_IDENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# RFC 3986 pchar, without ":" (the verb) and "*" (the wildcards).
_LITERAL = re.compile(r"(?:[-._~0-9A-Za-z!$&'()+,;=@]|%[0-9A-Fa-f]{2})+")
_UNQUOTED = "/%:@!$&'()*+,;=~-._?"
_MALFORMED_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class TemplateError(ValueError):
    """A template that the grammar refuses; the message names the template and the column (from 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A field path bound to ``segments[start:stop]``; ``stop`` is None when the last segment is ``**``."""

    path: tuple[str, ...]
    start: int
    stop: int | None
    multi: bool

    def captured(self, segments: list[str]) -> str:
        """The value within raw path segments, decoded.

        A single segment is decoded entirely; several keep ``%2F`` as it is, since a slash there would be another path.

        Raises:
            ValueError: malformed percent-encoding, or no UTF-8.
        """
        raw = "/".join(segments[self.start : self.stop]) if self.multi else segments[self.start]
        if "%" not in raw:
            return raw
        return decode_multi(raw) if self.multi else decode(raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A parsed template. Variables are in order of appearance; ``verb`` is empty when there is none."""

    text: str
    segments: tuple[Segment, ...]
    verb: str
    variables: tuple[Variable, ...]


def escaped(raw: bytes) -> str:
    """A raw path or query as text: bytes beyond ASCII, which ought to have been escaped, are: one decoding serves."""
    return raw.decode() if raw.isascii() else quote_from_bytes(raw, safe=_UNQUOTED)


def decode(raw: str) -> str:
    """Percent-decoded text. Raises ValueError for a malformed escape or bytes that are not UTF-8."""
    if _MALFORMED_ESCAPE.search(raw):
        raise ValueError("malformed percent-encoding")
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise ValueError("percent-encoded bytes are not UTF-8") from None


def decode_multi(raw: str) -> str:
    """Percent-decoded except for ``%2F`` and ``%2f``, which are left unchanged."""
    parts = re.split(r"(%2[Ff])", raw)
    return "".join(part if index % 2 else decode(part) for index, part in enumerate(parts))


def parse(text: str) -> Template:
    """Parse a template. Raises TemplateError."""
    return _Parser(text).template()


@dataclass(slots=True)
class _Parser:
    text: str
    at: int = 0
    segments: list[Segment] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)

    def template(self) -> Template:
        self._expect("/")
        self._segments(inside=False)
        verb = ""
        if self._peek() == ":":
            self.at += 1
            verb = self._literal()
        if self.at != len(self.text):
            raise self._fault(f"unexpected {self.text[self.at]!r}")
        self._check()
        return Template(text=self.text, segments=tuple(self.segments), verb=verb, variables=tuple(self.variables))

    def _segments(self, *, inside: bool) -> None:
        self._segment(inside=inside)
        while self._peek() == "/":
            self.at += 1
            self._segment(inside=inside)

    def _segment(self, *, inside: bool) -> None:
        if self._peek() == "{":
            if inside:
                raise self._fault("a variable must not contain another variable")
            self._variable()
        elif self.text.startswith("**", self.at):
            self.at += 2
            self.segments.append(Wildcard.REST)
        elif self._peek() == "*":
            self.at += 1
            self.segments.append(Wildcard.ONE)
        else:
            self.segments.append(self._literal())

    def _variable(self) -> None:
        self._expect("{")
        path = [self._ident()]
        while self._peek() == ".":
            self.at += 1
            path.append(self._ident())
        start = len(self.segments)
        if self._peek() == "=":
            self.at += 1
            self._segments(inside=True)
        else:
            self.segments.append(Wildcard.ONE)
        self._expect("}")
        own = self.segments[start:]
        stop = None if own[-1] is Wildcard.REST else len(self.segments)
        multi = len(own) > 1 or stop is None
        self.variables.append(Variable(path=tuple(path), start=start, stop=stop, multi=multi))

    def _check(self) -> None:
        if Wildcard.REST in self.segments[:-1]:
            raise self._fault("** must be the last part of the path")
        paths = [variable.path for variable in self.variables]
        if len(set(paths)) != len(paths):
            raise self._fault("a field is bound twice")

    def _ident(self) -> str:
        return self._token(_IDENT, "a field name")

    def _literal(self) -> str:
        raw = self._token(_LITERAL, "a literal, *, ** or {variable}")
        try:
            return decode(raw)
        except ValueError as fault:
            raise self._fault(str(fault)) from None

    def _token(self, pattern: re.Pattern[str], wanted: str) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise self._fault(f"expected {wanted}")
        self.at = found.end()
        return found.group()

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _expect(self, char: str) -> None:
        if self._peek() != char:
            raise self._fault(f"expected {char!r}")
        self.at += 1

    def _fault(self, message: str) -> TemplateError:
        return TemplateError(f"path template {self.text!r}, column {self.at + 1}: {message}")
