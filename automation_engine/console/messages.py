"""Messages in the shape of REST: the same words, names and null fields, by the gateway's own codec."""

from __future__ import annotations

from typing import Any, BinaryIO, TypeVar

import orjson
from google.protobuf.message import Message

from automation_engine.v1 import annotations_pb2
from gateway.codec import Codec
from gateway.errors import InvalidFields

M = TypeVar("M", bound=Message)

_CODEC = Codec(annotations_pb2.rest_name)


def request(kind: type[M], /, **values: Any) -> M:
    """Return a message of JSON values; None leaves a field unset. Raises ``InvalidFields`` with every violation."""
    message = kind()
    given = {name: value for name, value in values.items() if value is not None}
    descriptor: Any = message.DESCRIPTOR  # the stubs know two types of descriptors
    _CODEC.shape(descriptor).fill(message, given, 1)
    return message


def read_json(file: BinaryIO) -> Any:
    """Return the JSON value of a file. Raises ``InvalidFields`` when it holds none."""
    try:
        return orjson.loads(file.read())
    except orjson.JSONDecodeError as fault:
        raise InvalidFields.of(f"not valid JSON: {fault}", "--file") from None


def told(message: Any) -> dict[str, Any]:
    """Return a message as REST tells it, timestamps as ``datetime`` in UTC."""
    shape: dict[str, Any] = _CODEC.shape(message.DESCRIPTOR).dump(message)
    return shape


def json_text(value: Any, *, indent: bool = True) -> str:
    """Return what ``told`` returned as JSON text, as REST writes it."""
    options = orjson.OPT_UTC_Z | (orjson.OPT_INDENT_2 if indent else 0)
    return orjson.dumps(value, option=options).decode()
