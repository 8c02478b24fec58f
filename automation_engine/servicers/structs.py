"""JSON objects: ``google.protobuf.Struct`` in messages, dicts in rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import ListValue, Struct, Value

_EXACT = 2**53  # above it, a double no longer tells which integer it was


def to_dict(struct: Struct) -> dict[str, Any]:
    """Return a struct as a dict. It knows doubles alone: whole ones become ``int`` again, as they came in."""
    return {key: _plain(value) for key, value in struct.fields.items()}


def _plain(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return to_dict(value.struct_value)
        case "list_value":
            return [_plain(item) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() and abs(number) <= _EXACT else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def to_struct(values: Mapping[str, Any]) -> Struct:
    """Return a dict of JSON values as a struct. Raises ``TypeError`` for what is no JSON."""
    return Struct(fields={key: to_value(value) for key, value in values.items()})


def to_value(value: Any) -> Value:
    """Return a JSON value as its message. Raises ``TypeError`` for what is no JSON."""
    match value:
        case None:
            return Value(null_value=0)  # type: ignore[arg-type]  # the enum's only value, which has no name in Python
        case bool():
            return Value(bool_value=value)
        case int() | float():
            return Value(number_value=value)
        case str():
            return Value(string_value=value)
        case Mapping():
            return Value(struct_value=to_struct(value))
        case list() | tuple():
            return Value(list_value=ListValue(values=[to_value(item) for item in value]))
        case _:
            raise TypeError(f"{type(value).__name__} is no JSON value")
