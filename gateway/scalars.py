"""Scalars between JSON, URL text and message fields: ranges, base64, enums by their REST word.

A ``Convert`` takes a parsed JSON value and returns what the field holds, or raises InvalidFields. Input follows the
proto3 JSON mapping (64-bit integers as strings too); output is always a JSON number for integers.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable
from typing import Any, TypeAlias

import orjson
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from gateway.errors import InvalidFields

Convert = Callable[[Any], Any]
Extension: TypeAlias = FieldDescriptor
"""An extension of ``google.protobuf.EnumValueOptions`` with a string: the REST word of an enum value."""

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_MAX_INTEGER_DIGITS = 20  # of 2^64; a longer text is out of range, and is never converted
_MAX_SHOWN = 80
_MAX_EXACT = 2**53
_MAX_FLOAT32 = 3.4028234663852886e38
_FLOAT_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_RANGES = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SFIXED32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SINT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SFIXED64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.TYPE_FIXED64: (0, 2**64 - 1),
}


def shown(value: object) -> str:
    """A given value as JSON, shortened, for a message."""
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        text = repr(value)
    return brief(text)


def brief(text: str) -> str:
    """A given text, shortened, for a message."""
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def mismatch(wanted: str, value: object) -> InvalidFields:
    """The wrong type or value: what was wanted, what came."""
    return InvalidFields.of(f"must be {wanted}; got {shown(value)}")


class EnumWords:
    """The REST words of an enum: the value's name without the enum's prefix in lower case, or what the extension says.

    A zero value that is called ``…_UNSPECIFIED`` has no word: it stands for null, out and in.
    """

    def __init__(self, enum: EnumDescriptor, extension: Extension | None) -> None:
        prefix = re.compile("_?".join(map(re.escape, enum.name.replace("_", "").upper())) + "_(?=.)")
        self.names: dict[int, str | None] = {}
        self.numbers: dict[str, int] = {}
        self.in_capitals: dict[str, str] = {}
        for value in enum.values:
            bare = prefix.sub("", value.name, count=1)
            word = _rest_word(value, extension) or bare.lower()
            if word == bare.lower():
                self.in_capitals[bare] = word
            if value.number == 0 and word == "unspecified":
                self.names[0] = None
            else:
                self.names.setdefault(value.number, word)
                self.numbers[word] = value.number
        self.words = tuple(self.numbers)
        self._wanted = "one of " + ", ".join(self.words)
        for value in enum.values:
            self.numbers.setdefault(value.name, value.number)

    def number(self, value: object) -> int:
        """The number of a word, of a value's full name, or of a defined number."""
        if type(value) is str and (number := self.numbers.get(value)) is not None:
            return number
        if type(value) is int and value in self.names:
            return value
        raise mismatch(self._wanted, value)

    def word(self, number: int) -> str | int | None:
        """The word; None for unspecified; the number itself when this side does not know it (an open enum)."""
        return self.names.get(number, number)


def _rest_word(value: Any, extension: Extension | None) -> str | None:
    if extension is None or not value.has_options:
        return None
    options = value.GetOptions()
    return options.Extensions[extension] if options.HasExtension(extension) else None


def from_json(field: FieldDescriptor, words: Callable[[EnumDescriptor], EnumWords]) -> Convert:
    """The conversion of a scalar field's JSON value."""
    if field.type in _RANGES:
        return _integer(*_RANGES[field.type])
    if field.enum_type is not None:
        return words(field.enum_type).number
    return {
        FieldDescriptor.TYPE_STRING: _string,
        FieldDescriptor.TYPE_BOOL: _boolean,
        FieldDescriptor.TYPE_BYTES: _bytes,
        FieldDescriptor.TYPE_DOUBLE: _double,
        FieldDescriptor.TYPE_FLOAT: _float,
    }[field.type]


def from_text(field: FieldDescriptor, words: Callable[[EnumDescriptor], EnumWords]) -> Convert:
    """The conversion of a scalar that stands in a path, a query or a map's key."""
    convert = from_json(field, words)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return lambda text: _boolean({"true": True, "false": False}.get(text, text))
    if field.enum_type is not None:
        # Clients document their filters in capitals, too: status=PENDING.
        word = words(field.enum_type).in_capitals
        return lambda text: convert(
            int(text) if text.isascii() and text.isdigit() and len(text) < 10 else word.get(text, text)
        )
    return convert


def to_json(field: FieldDescriptor, words: Callable[[EnumDescriptor], EnumWords]) -> Convert | None:
    """The conversion of a scalar to what orjson writes; None when the value is written as it is."""
    if field.enum_type is not None:
        return words(field.enum_type).word
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _base64
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return finite
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return _shortest
    return None


def key_text(key: object) -> str:
    """A map's key as a JSON key."""
    if type(key) is bool:
        return "true" if key else "false"
    return str(key)


def finite(value: float) -> float | str:
    """A double, or the word for what JSON has no number for."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _shortest(value: float) -> float | str:
    # A float32 read as a double shows digits it never had (0.10000000149011612): take the shortest that reads back.
    if not math.isfinite(value):
        return finite(value)
    for digits in (6, 7, 8):
        short = float(f"{value:.{digits}g}")
        if abs(short) <= _MAX_FLOAT32 and struct.unpack("f", struct.pack("f", short))[0] == value:
            return short
    return value


def _integer(low: int, high: int) -> Convert:
    def convert(value: object) -> int:
        if type(value) is int and low <= value <= high:
            return value
        return _odd_integer(value, low, high)

    return convert


def _odd_integer(value: Any, low: int, high: int) -> int:
    digits = type(value) is str and len(value) <= _MAX_INTEGER_DIGITS and _INTEGER.fullmatch(value)
    whole = type(value) is int or (type(value) is float and value.is_integer())
    if not (digits or whole):
        raise mismatch("an integer", value)
    number = int(value)
    if not low <= number <= high:
        raise mismatch(f"an integer from {low} to {high}", value)
    if type(value) is float and abs(value) > _MAX_EXACT:  # 9007199254740993.0 has become …992 by now
        raise mismatch("an integer without fraction and exponent", value)
    return number


def _string(value: object) -> str:
    if type(value) is str:
        return value
    raise mismatch("a string", value)


def _boolean(value: object) -> bool:
    if type(value) is bool:
        return value
    raise mismatch("true or false", value)


def _double(value: object) -> float:
    if type(value) is float or type(value) is int:
        return float(value)
    if type(value) is str:
        if value in _FLOAT_WORDS:
            return _FLOAT_WORDS[value]
        if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", value) and math.isfinite(number := float(value)):
            return number
    raise mismatch("a number", value)


def _float(value: object) -> float:
    number = _double(value)
    try:
        struct.pack("<f", number)  # it rounds first: 3.4028235e38, as others write the largest one, is that one
    except OverflowError:
        raise mismatch("a number in the range of 32 bits", value) from None
    return number


def _bytes(value: object) -> bytes:
    if type(value) is str:
        try:
            unpadded = value.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
            return base64.b64decode(unpadded + "=" * (-len(unpadded) % 4), validate=True)
        except (binascii.Error, ValueError):
            pass
    raise mismatch("base64", value)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
