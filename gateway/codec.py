"""JSON ↔ messages, compiled once per message type from its descriptor.

Out: snake_case names, every field present (unset optionals and messages as null, empty lists as []), enums by their
REST word, 64-bit integers as numbers. In: both spellings of a name, strict types and ranges; every violation is
reported with its path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from gateway import scalars
from gateway.errors import InvalidFields, Violation
from gateway.json_text import parse_json
from gateway.scalars import Convert, EnumWords, Extension, mismatch
from gateway.wellknown import (
    AnyShape,
    DurationShape,
    FieldMaskShape,
    ListShape,
    Shape,
    StructShape,
    TimestampShape,
    ValueShape,
    WrapperShape,
    check_depth,
)

Setter = Callable[[Any, Any, int], None]
"""Sets one field of a message from a JSON value at a depth."""

_WRAPPERS = frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
_VALUE = "google.protobuf.Value"
_NULL = "google.protobuf.NullValue"


class MessageShape:
    """The compiled form of one message type: setters by name for input, a blank object and writers for output."""

    __slots__ = ("_aliases", "_blank", "_oneofs", "_setters", "_writers")

    def __init__(self) -> None:
        self._setters: dict[str, Setter] = {}
        self._aliases: dict[str, str] = {}
        self._oneofs: list[tuple[str, frozenset[str]]] = []
        self._blank: dict[str, Any] = {}  # what an empty message is written as
        self._writers: dict[int, tuple[str, Convert | None]] = {}  # by field number

    def compile(self, descriptor: Descriptor, codec: Codec) -> None:
        """Fill the tables; apart from construction, since messages may contain themselves."""
        for field in descriptor.fields:
            setter = codec.setter(field)
            self._setters[field.name] = self._setters[field.json_name] = setter
            if field.json_name != field.name:
                self._aliases[field.json_name] = field.name
            write = codec.writer(field)
            self._writers[field.number] = (field.name, write)
            self._blank[field.name] = _empty(field, write)
        for oneof in descriptor.oneofs:
            keys = frozenset(name for field in oneof.fields for name in (field.name, field.json_name))
            if len(oneof.fields) > 1:
                self._oneofs.append((oneof.name, keys))

    def fill(self, message: Any, value: Any, depth: int) -> None:
        """Set a fresh message from a JSON object. Raises InvalidFields with all violations."""
        if type(value) is not dict:
            raise mismatch("an object", value)
        setters = self._setters
        faults: list[Violation] = []
        for key, item in value.items():
            try:
                setters[key](message, item, depth)
            except KeyError:
                if key in setters:
                    raise
                faults.append(Violation(field=scalars.brief(key), message="unknown field"))
            except InvalidFields as fault:
                faults += fault.under(key)
        if self._aliases and not self._aliases.keys().isdisjoint(value):
            faults += self._given_twice(value)
        for name, keys in self._oneofs:
            faults += _too_many(name, keys, value)
        if faults:
            raise InvalidFields(faults)

    def dump(self, message: Any) -> dict[str, Any]:
        """The message as a dict that orjson writes."""
        out = self._blank.copy()
        writers = self._writers
        for field, value in message.ListFields():
            name, write = writers[field.number]
            out[name] = value if write is None else write(value)
        return out

    def _given_twice(self, value: dict[str, Any]) -> list[Violation]:
        return [
            Violation(field=name, message=f"given twice, as {name} and as {alias}")
            for alias, name in self._aliases.items()
            if alias in value and name in value
        ]


class Codec:
    """All message types of a gateway. ``rest_name`` is the extension that overrides the words of enum values."""

    def __init__(self, rest_name: Extension | None = None) -> None:
        self._rest_name = rest_name
        self._shapes: dict[str, Shape] = {}
        self._words: dict[str, EnumWords] = {}

    def decode(self, message: Any, body: bytes) -> None:
        """Set a fresh message from JSON text.

        Raises:
            HttpProblem: the text is no JSON (422 ``invalid_json``).
            InvalidFields: it does not fit the message.
        """
        self.shape(message.DESCRIPTOR).fill(message, parse_json(body), 1)

    def encode(self, message: Any) -> bytes:
        """The message as JSON text."""
        return write_json(self.shape(message.DESCRIPTOR).dump(message))

    def shape(self, descriptor: Descriptor) -> Shape:
        """The JSON form of a message type."""
        found = self._shapes.get(descriptor.full_name)
        if found is not None:
            return found
        if (known := self._well_known(descriptor)) is not None:
            self._shapes[descriptor.full_name] = known
            return known
        shape = self._shapes[descriptor.full_name] = MessageShape()
        shape.compile(descriptor, self)
        return shape

    def words(self, enum: EnumDescriptor) -> EnumWords:
        """The REST words of an enum."""
        if enum.full_name not in self._words:
            self._words[enum.full_name] = EnumWords(enum, self._rest_name)
        return self._words[enum.full_name]

    def setter(self, field: FieldDescriptor) -> Setter:
        """How a field is set from JSON. A null leaves it unset, except where null is a value."""
        if (entry := map_entry(field)) is not None:
            return self._map_setter(field.name, entry)
        if field.message_type is not None:
            shape = self.shape(field.message_type)
            if field.is_repeated:
                return _messages(field.name, shape, null_is_a_value=field.message_type.full_name == _VALUE)
            return _message(field.name, shape, null_is_a_value=field.message_type.full_name == _VALUE)
        convert = self._reader(field)
        return _scalars(field.name, convert) if field.is_repeated else _scalar(field.name, convert)

    def writer(self, field: FieldDescriptor) -> Convert | None:
        """How a field's value becomes JSON; None when it is written as it is."""
        if (entry := map_entry(field)) is not None:
            return _write_map(self._single_writer(entry.fields_by_name["value"]))
        single = self._single_writer(field)
        if field.is_repeated:
            return list if single is None else lambda values: [single(value) for value in values]
        return single

    def _single_writer(self, field: FieldDescriptor) -> Convert | None:
        if field.message_type is not None:
            return self.shape(field.message_type).dump
        if field.enum_type is not None and field.enum_type.full_name == _NULL:
            return lambda _: None
        return scalars.to_json(field, self.words)

    def _reader(self, field: FieldDescriptor) -> Convert:
        if field.enum_type is not None and field.enum_type.full_name == _NULL:
            return _null
        return scalars.from_json(field, self.words)

    def _map_setter(self, name: str, entry: Descriptor) -> Setter:
        key, value = scalars.from_text(entry.fields_by_name["key"], self.words), entry.fields_by_name["value"]
        if value.message_type is not None:
            return _message_map(name, key, self.shape(value.message_type))
        return _scalar_map(name, key, self._reader(value))

    def _well_known(self, descriptor: Descriptor) -> Shape | None:
        name = descriptor.full_name
        if name in _WRAPPERS:
            value = descriptor.fields_by_name["value"]
            return WrapperShape(scalars.from_json(value, self.words), scalars.to_json(value, self.words))
        if name == "google.protobuf.Any":
            return AnyShape(self._find)
        plain: dict[str, Callable[[], Shape]] = {
            "google.protobuf.Timestamp": TimestampShape,
            "google.protobuf.Duration": DurationShape,
            "google.protobuf.FieldMask": FieldMaskShape,
            "google.protobuf.Struct": StructShape,
            "google.protobuf.ListValue": ListShape,
            _VALUE: ValueShape,
        }
        return plain[name]() if name in plain else None

    def _find(self, full_name: str) -> tuple[type[Any], Shape, bool] | None:
        try:
            descriptor = descriptor_pool.Default().FindMessageTypeByName(full_name)
        except KeyError:
            return None
        shape = self.shape(descriptor)
        return GetMessageClass(descriptor), shape, isinstance(shape, MessageShape)


def write_json(value: Any) -> bytes:
    """What a shape dumped, as JSON text."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def _empty(field: FieldDescriptor, write: Convert | None) -> Any:
    """The JSON value of a field that is not set."""
    if field.has_presence:
        return None
    if field.is_repeated:
        return {} if map_entry(field) is not None else []
    return field.default_value if write is None else write(field.default_value)


def _too_many(name: str, keys: frozenset[str], value: dict[str, Any]) -> list[Violation]:
    given = sorted(key for key in keys if value.get(key) is not None)
    if len(given) < 2:
        return []
    return [Violation(field=name, message=f"only one may be given; got {', '.join(given)}")]


def map_entry(field: FieldDescriptor) -> Descriptor | None:
    """The entry type of a map field; None for any other field."""
    entry = field.message_type
    return entry if entry is not None and entry.GetOptions().map_entry else None


def _null(value: object) -> int:
    if value in (None, "NULL_VALUE"):
        return 0
    raise mismatch("null", value)


def _scalar(name: str, convert: Convert) -> Setter:
    def fill(message: Any, value: Any, depth: int) -> None:  # noqa: ARG001 - one signature for all setters
        if value is not None:
            setattr(message, name, convert(value))

    return fill


def _message(name: str, shape: Shape, *, null_is_a_value: bool) -> Setter:
    def fill(message: Any, value: Any, depth: int) -> None:
        if value is not None or null_is_a_value:
            child = getattr(message, name)
            child.SetInParent()
            shape.fill(child, value, check_depth(depth + 1))

    return fill


def _scalars(name: str, convert: Convert) -> Setter:
    def one(message: Any, item: Any, _: int) -> None:
        getattr(message, name).append(convert(item))

    return _each(one)


def _messages(name: str, shape: Shape, *, null_is_a_value: bool) -> Setter:
    def one(message: Any, item: Any, depth: int) -> None:
        if item is None and not null_is_a_value:
            raise mismatch("an object", item)
        shape.fill(getattr(message, name).add(), item, check_depth(depth + 1))

    return _each(one)


def _each(one: Setter) -> Setter:
    def fill(message: Any, value: Any, depth: int) -> None:
        if value is None:
            return
        if type(value) is not list:
            raise mismatch("an array", value)
        faults: list[Violation] = []
        for index, item in enumerate(value):
            try:
                one(message, item, depth)
            except InvalidFields as fault:
                faults += fault.under(f"[{index}]")
        if faults:
            raise InvalidFields(faults)

    return fill


def _scalar_map(name: str, to_key: Convert, convert: Convert) -> Setter:
    def one(message: Any, key: str, item: Any, _: int) -> None:
        entries, typed = getattr(message, name), to_key(key)
        _check_new(entries, typed)
        entries[typed] = convert(item)

    return _entries(one)


def _message_map(name: str, to_key: Convert, shape: Shape) -> Setter:
    def one(message: Any, key: str, item: Any, depth: int) -> None:
        entries, typed = getattr(message, name), to_key(key)
        _check_new(entries, typed)
        shape.fill(entries[typed], item, check_depth(depth + 1))

    return _entries(one)


def _check_new(entries: Any, key: object) -> None:
    if key in entries:
        raise InvalidFields.of("given twice, in two spellings")


def _entries(one: Callable[[Any, str, Any, int], None]) -> Setter:
    def fill(message: Any, value: Any, depth: int) -> None:
        if value is None:
            return
        if type(value) is not dict:
            raise mismatch("an object", value)
        faults: list[Violation] = []
        for key, item in value.items():
            try:
                one(message, key, item, depth)
            except InvalidFields as fault:
                faults += fault.under(f"[{scalars.shown(key)}]")
        if faults:
            raise InvalidFields(faults)

    return fill


def _write_map(write: Convert | None) -> Convert:
    key_text = scalars.key_text
    if write is None:
        return lambda values: {key_text(key): value for key, value in values.items()}
    return lambda values: {key_text(key): write(value) for key, value in values.items()}
