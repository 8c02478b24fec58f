"""The well-known types in their JSON forms (https://protobuf.dev/programming-guides/json/).

Each shape has ``fill`` (JSON value into a message) and ``dump`` (message to what orjson writes), like a compiled
message. Timestamps leave as ``datetime`` in UTC, which orjson writes as RFC 3339 with ``Z`` and microseconds only when
there are any.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from gateway.errors import InvalidFields, Violation
from gateway.scalars import Convert, brief, finite, mismatch

MAX_DEPTH = 64
"""How deep a JSON value may nest."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))", flags=re.ASCII
)
_DURATION = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s", flags=re.ASCII)
_MAX_DURATION_SECONDS = 315_576_000_000
_MIN_SECONDS, _MAX_SECONDS = -62_135_596_800, 253_402_300_799
_MASK_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_MICRO = 1000
_MAX_EXACT = 2**53


class Shape(Protocol):
    """A message type's JSON form."""

    def fill(self, message: Any, value: Any, depth: int) -> None:
        """Set a fresh message from a JSON value. Raises InvalidFields."""

    def dump(self, message: Any) -> Any:
        """The message as orjson writes it."""


class TimestampShape:
    """RFC 3339 text; any offset in, ``Z`` out."""

    def fill(self, message: Any, value: Any, depth: int) -> None:  # noqa: ARG002 - one signature for all shapes
        """Set seconds and nanos."""
        found = _RFC3339.fullmatch(value) if type(value) is str else None
        if found is None:
            raise mismatch("an RFC 3339 timestamp such as 2026-01-01T00:00:00Z", value)
        date, time, fraction, sign, hours, minutes = found.groups()
        try:
            at = datetime.fromisoformat(f"{date}T{time}+00:00")
        except ValueError:
            raise mismatch("a timestamp that exists", value) from None
        seconds = (at - _EPOCH) // timedelta(seconds=1)
        if sign:
            offset = int(hours) * 3600 + int(minutes) * 60
            seconds -= offset if sign == "+" else -offset
        if not _MIN_SECONDS <= seconds <= _MAX_SECONDS:
            raise mismatch("a timestamp from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z", value)
        message.seconds = seconds
        message.nanos = int((fraction or "").ljust(9, "0"))

    def dump(self, message: Any) -> datetime | str:
        """A datetime in UTC; text with nine digits where there are nanoseconds."""
        nanos = message.nanos
        at = datetime.fromtimestamp(message.seconds, UTC)
        if not nanos:
            return at
        if nanos % _MICRO:
            return f"{at:%Y-%m-%dT%H:%M:%S}".zfill(19) + f".{nanos:09d}Z"  # %Y does not fill a year
        return at.replace(microsecond=nanos // _MICRO)


class DurationShape:
    """``"3.5s"``."""

    def fill(self, message: Any, value: Any, depth: int) -> None:  # noqa: ARG002 - one signature for all shapes
        """Set seconds and nanos, both with the sign."""
        found = _DURATION.fullmatch(value) if type(value) is str else None
        if found is None:
            raise mismatch('a duration in seconds such as "3.5s"', value)
        sign, whole, fraction = found.groups()
        seconds, nanos = int(whole), int((fraction or "").ljust(9, "0"))
        if seconds > _MAX_DURATION_SECONDS:
            raise mismatch("a duration of at most 315576000000s", value)
        message.seconds, message.nanos = (-seconds, -nanos) if sign else (seconds, nanos)

    def dump(self, message: Any) -> str:
        """Seconds with no, three, six or nine digits."""
        seconds, nanos = message.seconds, message.nanos
        sign = "-" if seconds < 0 or nanos < 0 else ""
        digits = f"{abs(nanos):09d}"
        while digits.endswith("000"):
            digits = digits[:-3]
        return f"{sign}{abs(seconds)}{'.' + digits if digits else ''}s"


class FieldMaskShape:
    """Paths joined by commas; both spellings in, snake_case out."""

    def fill(self, message: Any, value: Any, depth: int) -> None:  # noqa: ARG002 - one signature for all shapes
        """Set the paths."""
        if type(value) is not str:
            raise mismatch("field paths joined by commas", value)
        paths = value.split(",") if value else []
        if not all(map(_MASK_PATH.fullmatch, paths)):
            raise mismatch("field paths joined by commas", value)
        message.paths.extend(re.sub("[A-Z]", lambda m: "_" + m.group().lower(), path) for path in paths)

    def dump(self, message: Any) -> str:
        """The paths as text."""
        return ",".join(message.paths)


class WrapperShape:
    """``google.protobuf.*Value``: the bare value."""

    def __init__(self, convert: Convert, write: Convert | None) -> None:
        self._convert = convert
        self._write = write or _same

    def fill(self, message: Any, value: Any, depth: int) -> None:  # noqa: ARG002 - one signature for all shapes
        """Set the value."""
        message.value = self._convert(value)

    def dump(self, message: Any) -> Any:
        """The value alone."""
        return self._write(message.value)


class StructShape:
    """``google.protobuf.Struct``: any JSON object."""

    def fill(self, message: Any, value: Any, depth: int) -> None:
        """Set the fields."""
        if type(value) is not dict:
            raise mismatch("an object", value)
        _fill_struct(message, value, depth)

    def dump(self, message: Any) -> dict[str, Any]:
        """A dict; integral numbers as integers."""
        return {key: _plain(item) for key, item in message.fields.items()}


class ListShape:
    """``google.protobuf.ListValue``: any JSON array."""

    def fill(self, message: Any, value: Any, depth: int) -> None:
        """Set the items."""
        if type(value) is not list:
            raise mismatch("an array", value)
        _fill_list(message, value, depth)

    def dump(self, message: Any) -> list[Any]:
        """A list; integral numbers as integers."""
        return [_plain(item) for item in message.values]


class ValueShape:
    """``google.protobuf.Value``: any JSON value, null included."""

    def fill(self, message: Any, value: Any, depth: int) -> None:
        """Set the kind that the value has."""
        _fill_value(message, value, depth)

    def dump(self, message: Any) -> Any:
        """The JSON value."""
        return _plain(message)


class AnyShape:
    """``google.protobuf.Any``: ``@type`` beside the fields, or beside ``value`` for a type with its own JSON form."""

    def __init__(self, find: Callable[[str], tuple[type[Any], Shape, bool] | None]) -> None:
        self._find = find  # full name → message class, shape, whether it is a JSON object of its fields

    def fill(self, message: Any, value: Any, depth: int) -> None:
        """Pack the message that ``@type`` names."""
        if type(value) is not dict or type(url := value.get("@type")) is not str:
            raise mismatch("an object with @type", value)
        found = self._find(url.rpartition("/")[2])
        if found is None:
            raise InvalidFields([*InvalidFields.of(f"unknown type {brief(url)!r}").under("@type")])
        message_class, shape, is_object = found
        inner = message_class()
        rest = {key: item for key, item in value.items() if key != "@type"}
        if not is_object and (other := rest.keys() - {"value"}):
            raise InvalidFields(Violation(field=brief(key), message="unknown field") for key in sorted(other))
        shape.fill(inner, rest if is_object else rest.get("value"), check_depth(depth + 1))
        message.type_url, message.value = url, inner.SerializeToString()

    def dump(self, message: Any) -> dict[str, Any]:
        """The packed message; only its type when this side does not know it."""
        found = self._find(message.type_url.rpartition("/")[2])
        if found is None:
            return {"@type": message.type_url}
        message_class, shape, is_object = found
        inner = shape.dump(message_class.FromString(message.value))
        return {"@type": message.type_url, **inner} if is_object else {"@type": message.type_url, "value": inner}


def check_depth(depth: int) -> int:
    """The depth, if it is allowed."""
    if depth > MAX_DEPTH:
        raise InvalidFields.of(f"nested deeper than {MAX_DEPTH} levels")
    return depth


def _same(value: Any) -> Any:
    return value


def _fill_value(message: Any, value: Any, depth: int) -> None:
    kind = type(value)
    if kind is str:
        message.string_value = value
    elif value is None:
        message.null_value = 0
    elif kind is bool:
        message.bool_value = value
    elif kind is dict:
        message.struct_value.SetInParent()
        _fill_struct(message.struct_value, value, check_depth(depth + 1))
    elif kind is list:
        message.list_value.SetInParent()
        _fill_list(message.list_value, value, check_depth(depth + 1))
    else:
        message.number_value = _exact(value)


def _exact(value: float) -> float:
    number = float(value)
    if number != value:
        raise mismatch("a number that a double holds exactly", value)
    return number


def _fill_struct(message: Any, value: dict[str, Any], depth: int) -> None:
    fields = message.fields
    for key, item in value.items():
        try:
            _fill_value(fields[key], item, depth)
        except InvalidFields as fault:
            raise InvalidFields(fault.under(key)) from None


def _fill_list(message: Any, value: list[Any], depth: int) -> None:
    for index, item in enumerate(value):
        try:
            _fill_value(message.values.add(), item, depth)
        except InvalidFields as fault:
            raise InvalidFields(fault.under(f"[{index}]")) from None


def _plain(message: Any) -> Any:
    kind = message.WhichOneof("kind")
    if kind == "string_value":
        return message.string_value
    if kind == "number_value":
        number = message.number_value
        return int(number) if number.is_integer() and abs(number) <= _MAX_EXACT else finite(number)
    if kind == "struct_value":
        return {key: _plain(item) for key, item in message.struct_value.fields.items()}
    if kind == "list_value":
        return [_plain(item) for item in message.list_value.values]
    return message.bool_value if kind == "bool_value" else None
