"""Enumerations: numbers in messages, the words that REST uses in rows."""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, EnumValueDescriptor

from automation_engine.v1 import annotations_pb2


def word(enum: EnumDescriptor, number: int) -> str:
    """Return the word of an enum value, e.g. ``new_only`` for ``IMPORT_MODE_NEW_ONLY``."""
    return _words(enum)[number]


def number(enum: EnumDescriptor, word: str) -> Any:
    """Return the enum value of a word, an ``int`` that the stubs know under a type of its own for each enum."""
    return _numbers(enum)[word]


@cache
def _words(enum: EnumDescriptor) -> dict[int, str]:
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return {value.number: _own_word(value) or value.name.removeprefix(prefix).lower() for value in enum.values}


@cache
def _numbers(enum: EnumDescriptor) -> dict[str, int]:
    return {word: number for number, word in _words(enum).items()}


def _own_word(value: EnumValueDescriptor) -> str:
    options: Any = value.GetOptions()  # the stubs know no extension of another file
    return str(options.Extensions[annotations_pb2.rest_name])
