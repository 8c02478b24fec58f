"""Media types: what a body may be sent as, what a stream is answered as (RFC 9110, sections 8.3 and 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from gateway.errors import HttpProblem

FORM = "multipart/form-data"
_JSON = re.compile(r"application/(?:json|[a-z0-9!#$&^_.+-]+\+json)\s*", re.IGNORECASE)
_CHARSET = re.compile(r"\s*charset\s*=\s*\"?([^\"]*?)\"?\s*", re.IGNORECASE)
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
_QUALITY = re.compile(r"\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*", re.IGNORECASE)


def essence(content_type: str) -> str:
    """Type and subtype in lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower()


@lru_cache(64)  # clients send the same one again and again
def check_json(content_type: str, *, or_form: bool) -> None:
    """Raises HttpProblem (415): the type of a body is no JSON in UTF-8, nor a form where that is taken, too."""
    sort, *parameters = content_type.split(";")
    if not _JSON.fullmatch(sort.strip()):
        wanted = f"application/json or {FORM}" if or_form else "application/json"
        raise _unsupported(f"The body must be {wanted}; got {content_type}.")
    for parameter in parameters:
        charset = _CHARSET.fullmatch(parameter)
        if charset and charset[1].lower() not in _CHARSETS:
            raise _unsupported(f"The body's charset must be utf-8; got {charset[1]}.")


def check_encoding(content_encoding: str) -> None:
    """Raises HttpProblem (415) for a compressed body."""
    if content_encoding not in ("", "identity"):
        raise _unsupported(f"The body's encoding must be identity; got {content_encoding}.")


def preferred(accept: str, offered: Sequence[str]) -> str:
    """The offered type that an ``Accept`` prefers; the first one of equals, and where nothing is asked for.

    Raises:
        HttpProblem: it takes none of them (406).
    """
    if not accept.strip():
        return offered[0]
    ranges = dict(map(_range, accept.split(",")))
    best = max(offered, key=lambda kind: _quality(kind, ranges))
    if not _quality(best, ranges):
        text = f"The answer is {' or '.join(offered)}; accepted is only {accept}."
        raise HttpProblem(status=406, code="not_acceptable", message=text, details={"offered": list(offered)})
    return best


def _range(text: str) -> tuple[str, float]:
    kind, *parameters = text.split(";")
    found = next(filter(None, map(_QUALITY.fullmatch, parameters)), None)
    return kind.strip().lower(), 1.0 if found is None else float(found[1])


def _quality(kind: str, ranges: dict[str, float]) -> float:
    """The quality of the most specific range that the type is in."""
    for one in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        if one in ranges:
            return ranges[one]
    return 0.0


def _unsupported(message: str) -> HttpProblem:
    return HttpProblem(status=415, code="unsupported_media_type", message=message)
