"""JSON text in: as strict as the proto3 JSON mapping, which refuses an object that gives a key twice."""

from __future__ import annotations

import json
from typing import Any

import orjson

from gateway.errors import HttpProblem, InvalidFields
from gateway.scalars import brief


def parse_json(body: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        HttpProblem: it is none (422 ``invalid_json``): bad syntax, no UTF-8, a number beyond a double.
        InvalidFields: an object gives a key twice.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise _no_json(str(fault)) from None
    try:
        written = orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise _no_json("it is nested too deep") from None
    # Most clients send what orjson would write: then nothing was dropped, and that is known in half a microsecond.
    if written != body and _may_repeat_a_key(value, body):
        json.loads(body, object_pairs_hook=_unique, parse_int=str, parse_float=str)
    return value


def _no_json(reason: str) -> HttpProblem:
    return HttpProblem(status=422, code="invalid_json", message=f"The body is not valid JSON: {reason}")


def _may_repeat_a_key(value: Any, body: bytes) -> bool:
    r"""Whether the text has more colons than the value explains.

    orjson keeps the last of two equal keys. Each pair of the text has one colon and each other colon is within a
    string; so if keys and colons of the value sum up to those of the text, no pair was dropped. Only an escaped colon
    (``\u003a``) could make up for one.
    """
    colons = body.count(b":")
    if not colons:
        return False
    if b"\\u003" in body:
        return True
    explained, rest = 0, [value]
    while rest:
        item = rest.pop()
        kind = type(item)
        if kind is dict:
            explained += len(item)
            rest += item
            rest += item.values()
        elif kind is list:
            rest += item
        elif kind is str and ":" in item:
            explained += item.count(":")
    return explained != colons


def _unique(pairs: list[tuple[str, Any]]) -> None:
    seen = set[str]()
    for key, _ in pairs:
        if key in seen:
            raise InvalidFields.of("given twice in one object", name=brief(key))
        seen.add(key)
