r"""Which objects an automation is about: folders, glob patterns, temporary names.

Patterns: ``*`` any characters but ``/``; ``**`` as a whole segment any number of segments; ``?`` one character but
``/``; ``[a-z]``, ``[!a-z]`` one of a class; ``{mp4,mov}`` alternatives, nested if need be; ``\`` takes the next
character literally. A pattern without ``/`` is matched against the name, one with ``/`` against the path below the
watched folder. Case matters.

Matching takes time linear in the path, whatever the pattern: braces are expanded (to at most ``MAX_ALTERNATIVES``), and
what lies between two stars is matched leftmost inside an atomic group. Leftmost is never wrong for such a chunk,
since it leaves the most for the rest, and an atomic group is never entered again: so there is nothing to backtrack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from automation_engine.errors import InvalidArgument

MAX_PATTERN = 256
MAX_ALTERNATIVES = 128
TEMPORARY_SUFFIXES = (".part", ".tmp", ".filepart", ".crdownload")


def folder(prefix: str) -> str:
    """Return a prefix as the folder that it names: empty, or ending in ``/``."""
    return prefix if not prefix or prefix.endswith("/") else prefix + "/"


def is_temporary(path: str) -> bool:
    """Whether a path below the watched folder names an unfinished or hidden file.

    A name with one of ``TEMPORARY_SUFFIXES`` (in any case), or a dotfile, or anything within a dot folder.
    """
    if path.lower().endswith(TEMPORARY_SUFFIXES):
        return True
    return any(part.startswith(".") and part not in {".", ".."} for part in path.split("/"))


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled glob. Build it with ``compile_pattern``."""

    source: str
    whole_path: bool
    _regex: re.Pattern[str] = field(repr=False)

    def matches(self, path: str) -> bool:
        """Whether the path below the watched folder matches."""
        subject = path if self.whole_path else path[path.rfind("/") + 1 :]
        return self._regex.fullmatch(subject) is not None


def compile_pattern(source: str, *, field: str = "file_pattern") -> Pattern:
    """Compile a glob. Raises ``InvalidArgument`` on ``field`` that says what is wrong with it and where."""
    try:
        return _compiled(source)
    except _Malformed as error:
        raise InvalidArgument.of(field, f"{error}; got {source!r}") from None


class _Malformed(Exception):
    """What is wrong with a pattern."""


@lru_cache(maxsize=1024)
def _compiled(source: str) -> Pattern:
    if not 1 <= len(source) <= MAX_PATTERN:
        raise _Malformed(f"must have 1 to {MAX_PATTERN} characters, has {len(source)}")
    alternatives = list(_expand(source))
    whole_path = "/" in source
    regex = "|".join(_translate(alternative.removeprefix("/")) for alternative in alternatives)
    return Pattern(source, whole_path, re.compile(f"(?:{regex})", re.DOTALL))


def _expand(text: str) -> Iterator[str]:
    """Yield the alternatives of a pattern with every brace resolved, in order."""
    pending, count = [text], 0
    while pending:
        current = pending.pop()
        brace = _first_brace(current)
        if brace is None:
            count += 1
            yield current
        else:
            head, choices, tail = brace
            pending.extend(head + choice + tail for choice in reversed(choices))
        if count + len(pending) > MAX_ALTERNATIVES:
            raise _Malformed(f"braces may stand for at most {MAX_ALTERNATIVES} alternatives")


def _first_brace(text: str) -> tuple[str, list[str], str] | None:
    """Split at the first brace: what precedes it, its choices, what follows it."""
    start, depth, cut = -1, 0, 0
    choices: list[str] = []
    for at, char in _unquoted(text):
        if char == "{":
            if depth == 0:
                start, cut = at, at + 1
            depth += 1
        elif char == "}" and depth:
            depth -= 1
            if depth == 0:
                return text[:start], [*choices, text[cut:at]], text[at + 1 :]
        elif char == "," and depth == 1:
            choices.append(text[cut:at])
            cut = at + 1
    if depth:
        raise _Malformed("a '{' is never closed")
    return None


def _unquoted(text: str) -> Iterator[tuple[int, str]]:
    """Yield the characters that may mean something: not those behind a backslash, not those of a class."""
    at = 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == "[":
            at = _class_end(text, at)
            continue
        yield at, text[at]
        at += 1


def _class_end(text: str, start: int) -> int:
    """Return where the class that begins at ``start`` has ended. A ``]`` in the first place is a member."""
    first = start + 2 if text[start + 1 : start + 2] in {"!", "^"} else start + 1
    end = text.find("]", first + 1)
    if end < 0:
        raise _Malformed("a '[' is never closed")
    return end + 1


def _translate(glob: str) -> str:
    """Translate one brace-free alternative into a regular expression that has nothing to backtrack."""
    groups: list[list[str]] = [[]]
    for segment in _segments(glob):
        if segment == "**":
            groups.append([])
        else:
            groups[-1].append(_segment(segment))
    if len(groups) == 1:
        return "/".join(groups[0])
    first, *middle, last = groups
    regex = "".join(segment + "/" for segment in first)
    for group in middle:
        if group:
            regex += "(?>(?:[^/]*/)*?" + "".join(segment + "/" for segment in group) + ")"
    return regex + ("(?:[^/]*/)*" + "/".join(last) if last else ".*")


def _segments(glob: str) -> Iterator[str]:
    """Split at every ``/`` outside a class."""
    cut = 0
    for at, char in _unquoted(glob):
        if char == "/":
            yield glob[cut:at]
            cut = at + 1
    yield glob[cut:]


def _segment(glob: str) -> str:
    """Translate one segment: chunks between stars, each but the first and the last in an atomic group."""
    chunks = [""]
    at = 0
    while at < len(glob):
        char, end = glob[at], at + 1
        if char == "*":
            chunks.append("")
        elif char == "?":
            chunks[-1] += "[^/]"
        elif char == "[":
            end = _class_end(glob, at)
            chunks[-1] += _character_class(glob[at + 1 : end - 1])
        else:
            if char == "\\":
                char, end = glob[at + 1 : at + 2], at + 2
                if not char:
                    raise _Malformed("ends in a backslash that quotes nothing")
            chunks[-1] += re.escape(char)
        at = end
    if len(chunks) == 1:
        return chunks[0]
    first, *middle, last = chunks
    return first + "".join(f"(?>[^/]*?{chunk})" for chunk in middle if chunk) + "[^/]*" + last


def _character_class(members: str) -> str:
    """Translate the inside of a class; a class never matches ``/``."""
    negated = members[0] in "!^"
    body = members[1:] if negated else members
    items, at = "", 0
    while at < len(body):
        if body[at + 1 : at + 2] == "-" and at + 2 < len(body):
            low, high = body[at], body[at + 2]
            if low > high:
                raise _Malformed(f"the range {low}-{high} is empty")
            items += f"{re.escape(low)}-{re.escape(high)}"
            at += 3
        else:
            items += re.escape(body[at])
            at += 1
    return f"[^/{items}]" if negated else f"(?!/)[{items}]"
