"""JSON Schema (2020-12, as in OpenAPI 3.1) of messages: types, comments, field_behavior, protovalidate's bounds.

A message has up to two schemas, since the two directions promise different things. What is *answered* has every field,
null where it is unset, so that none of a generated type is optional. What is *sent* has no output-only fields, requires
what is required, and takes null for whatever may be left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from gateway.bounds import Schema, allowed_numbers, bounds_of, field_rules, is_choice, typed_rules
from gateway.codec import Codec, MessageShape, map_entry

_INTEGERS: dict[int, Schema] = {
    FieldDescriptor.TYPE_INT32: {"format": "int32", "minimum": -(2**31), "maximum": 2**31 - 1},
    FieldDescriptor.TYPE_SINT32: {"format": "int32", "minimum": -(2**31), "maximum": 2**31 - 1},
    FieldDescriptor.TYPE_SFIXED32: {"format": "int32", "minimum": -(2**31), "maximum": 2**31 - 1},
    FieldDescriptor.TYPE_UINT32: {"format": "int64", "minimum": 0, "maximum": 2**32 - 1},
    FieldDescriptor.TYPE_FIXED32: {"format": "int64", "minimum": 0, "maximum": 2**32 - 1},
    FieldDescriptor.TYPE_INT64: {"format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1},
    FieldDescriptor.TYPE_SINT64: {"format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1},
    FieldDescriptor.TYPE_SFIXED64: {"format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1},
    FieldDescriptor.TYPE_UINT64: {"minimum": 0, "maximum": 2**64 - 1},
    FieldDescriptor.TYPE_FIXED64: {"minimum": 0, "maximum": 2**64 - 1},
}
_PLAIN: dict[int, Schema] = {
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number", "format": "float"},
}
_WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Value": {},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {"@type": {"type": "string"}},
        "additionalProperties": True,
    },
    "google.api.HttpBody": {"type": "string", "contentEncoding": "binary"},
}


class Schemas:
    """Collects the components that operations refer to, named as the messages and enums without their package.

    A message that is both answered and sent has its name for the answer, and ``…Input`` for what is sent.
    """

    def __init__(self, codec: Codec, comments: Mapping[str, str], answered: Iterable[Descriptor]) -> None:
        self.components: dict[str, Schema] = {}
        self._codec = codec
        self._comments = comments
        self._names: dict[str, str] = {}
        self._answered = {name for message in answered for name in _reachable(message)}

    def message(self, descriptor: Descriptor, *, sent: bool) -> Schema:
        """The schema of a message: a reference to its component, or the form of a well-known type."""
        if descriptor.full_name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[descriptor.full_name])
        shape = self._codec.shape(descriptor)
        if not isinstance(shape, MessageShape):  # a wrapper
            return nullable(self._single(descriptor.fields_by_name["value"], sent=sent))
        name = self._name(descriptor, sent=sent)
        if name not in self.components:
            self.components[name] = {}  # messages may contain themselves
            self.components[name] = self._object(descriptor, sent=sent, without=())
        return _ref(name)

    def body(self, descriptor: Descriptor, *, without: Collection[str]) -> Schema:
        """The schema of a request that is the body, but for the fields that the path sets."""
        if not without:
            return self.message(descriptor, sent=True)
        schema = self._object(descriptor, sent=True, without=without)
        name = self._name(descriptor, sent=True)
        return _ref(name) if self.components.setdefault(name, schema) == schema else schema

    def field(self, field: FieldDescriptor, *, sent: bool) -> Schema:
        """The schema of a field's value: null where it may be unset."""
        schema = self._value(field, sent=sent)
        required = is_required(field)
        if required:
            schema = not_null(schema)
        elif not is_choice(field.containing_type) if sent else self._may_be_unset(field):
            schema = nullable(schema)
        if comment := self._comments.get(field.full_name):
            schema["description"] = comment
        behavior = _behavior(field)
        if field_behavior_pb2.OUTPUT_ONLY in behavior:
            schema["readOnly"] = True
        if field_behavior_pb2.INPUT_ONLY in behavior:
            schema["writeOnly"] = True
        if field.GetOptions().deprecated:
            schema["deprecated"] = True
        return schema

    def is_optional(self, schema: Schema) -> bool:
        """Whether an empty object would do."""
        name = schema.get("$ref", "").rpartition("/")[2]
        return not self.components.get(name, schema).get("required")

    def _may_be_unset(self, field: FieldDescriptor) -> bool:
        """Whether an answer may show null. What only the server sets is never an enum's ``_UNSPECIFIED`` (AIP-126)."""
        if field.enum_type is None or field.is_repeated or field.has_presence or _is_output(field):
            return bool(field.has_presence)
        return self._codec.words(field.enum_type).names.get(0, "") is None

    def _object(self, descriptor: Descriptor, *, sent: bool, without: Collection[str]) -> Schema:
        fields = [
            field for field in descriptor.fields if field.name not in without and not (sent and _is_output(field))
        ]
        schema: Schema = {"type": "object"}
        if comment := self._comments.get(descriptor.full_name):
            schema["description"] = comment
        schema["properties"] = {field.name: self.field(field, sent=sent) for field in fields}
        if required := [field.name for field in fields if not sent or is_required(field)]:
            schema["required"] = required
        schema["additionalProperties"] = False
        if sent and is_choice(descriptor):
            schema |= {"minProperties": 1, "maxProperties": 1}
        return schema

    def _value(self, field: FieldDescriptor, *, sent: bool) -> Schema:
        rules = field_rules(field)
        if (entry := map_entry(field)) is not None:
            value = self._single(entry.fields_by_name["value"], sent=sent)
            return {"type": "object", "additionalProperties": value, **bounds_of(rules)}
        if not field.is_repeated:
            return self._bounded(field, rules, sent=sent)
        inner = getattr(typed_rules(rules), "items", None)
        return {"type": "array", "items": self._bounded(field, inner, sent=sent), **bounds_of(rules)}

    def _bounded(self, field: FieldDescriptor, rules: Any, *, sent: bool) -> Schema:
        if field.enum_type is not None and sent and (numbers := allowed_numbers(rules)) is not None:
            return self._part(field.enum_type, numbers)
        return {**self._single(field, sent=sent), **bounds_of(rules)}

    def _part(self, enum: EnumDescriptor, numbers: Collection[int]) -> Schema:
        """An enum of which only some values may be sent: a component, too, since generators name it by the enum."""
        names = self._codec.words(enum).names
        words = [word for number, word in names.items() if number in numbers and word is not None]
        whole = self._enum(enum)
        if len(words) == len(self._codec.words(enum).words):
            return whole
        schema: Schema = {"type": "string", "enum": words}
        name = whole["$ref"].rpartition("/")[2] + "Input"
        return _ref(name) if self.components.setdefault(name, schema) == schema else schema

    def _single(self, field: FieldDescriptor, *, sent: bool) -> Schema:
        if field.message_type is not None:
            return self.message(field.message_type, sent=sent)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.type in _INTEGERS:
            # In what is answered the bounds of the machine would be noise.
            known = _INTEGERS[field.type]
            return {"type": "integer", **(known if sent else {k: v for k, v in known.items() if k == "format"})}
        return dict(_PLAIN[field.type])

    def _enum(self, enum: EnumDescriptor) -> Schema:
        if enum.full_name == "google.protobuf.NullValue":
            return {"type": "null"}
        words, name = self._codec.words(enum), self._name(enum)
        if name not in self.components:
            text = [self._comments.get(enum.full_name, "")]
            meanings = [(words.word(v.number), self._comments.get(f"{enum.full_name}.{v.name}")) for v in enum.values]
            text += ["\n".join(f"- `{word}`: {meaning}" for word, meaning in meanings if word is not None and meaning)]
            schema: Schema = {"type": "string", "enum": list(words.words)}
            if not all(map(str.isidentifier, words.words)):
                # Generators call a member by its word, and fall back on VALUE_0 where that is no name.
                schema["x-enum-varnames"] = [enum.values_by_number[words.numbers[word]].name for word in words.words]
            if description := "\n\n".join(filter(None, text)):
                schema["description"] = description
            self.components[name] = schema
        return _ref(name)

    def _name(self, descriptor: Descriptor | EnumDescriptor, *, sent: bool = False) -> str:
        package, full_name = descriptor.file.package, descriptor.full_name
        short = full_name.removeprefix(f"{package}.") if package else full_name
        suffix = "Input" if sent and full_name in self._answered else ""
        if self._names.setdefault(short + suffix, full_name) != full_name:
            return full_name + suffix
        return short + suffix


def not_null(schema: Schema) -> Schema:
    """The same schema for a value that is there."""
    if isinstance(schema.get("type"), list):
        schema = {**schema, "type": schema["type"][0]}
        return {**schema, "enum": [word for word in schema["enum"] if word is not None]} if "enum" in schema else schema
    inner = next((part for part in schema.get("anyOf", ()) if "$ref" in part), None)
    if inner is None:
        return schema
    return {**inner, **{key: value for key, value in schema.items() if key != "anyOf"}}


def nullable(schema: Schema) -> Schema:
    """The same schema for a value that may be null."""
    if isinstance(schema.get("type"), str) and schema["type"] != "null":
        made = {**schema, "type": [schema["type"], "null"]}
        return {**made, "enum": [*schema["enum"], None]} if "enum" in schema else made
    return {"anyOf": [schema, {"type": "null"}]} if "$ref" in schema else schema


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _reachable(message: Descriptor) -> Iterator[str]:
    waiting, seen = [message], set[str]()
    while waiting:
        found = waiting.pop()
        if found.full_name not in seen:
            seen.add(found.full_name)
            yield found.full_name
            waiting += [field.message_type for field in found.fields if field.message_type is not None]


def _behavior(field: FieldDescriptor) -> list[int]:
    return list(field.GetOptions().Extensions[field_behavior_pb2.field_behavior])


def _is_output(field: FieldDescriptor) -> bool:
    return field_behavior_pb2.OUTPUT_ONLY in _behavior(field)


def is_required(field: FieldDescriptor) -> bool:
    """Whether a request is refused without it."""
    return field_behavior_pb2.REQUIRED in _behavior(field) or bool(getattr(field_rules(field), "required", False))
