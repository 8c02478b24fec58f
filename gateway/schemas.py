"""JSON Schema (2020-12, as in OpenAPI 3.1) of messages: types, comments, field_behavior, protovalidate's bounds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from gateway.codec import Codec, MessageShape, map_entry

Schema = dict[str, Any]

_RANGES: dict[int, Schema] = {
    FieldDescriptor.TYPE_INT32: {"format": "int32"},
    FieldDescriptor.TYPE_SINT32: {"format": "int32"},
    FieldDescriptor.TYPE_SFIXED32: {"format": "int32"},
    FieldDescriptor.TYPE_UINT32: {"format": "int64", "minimum": 0, "maximum": 2**32 - 1},
    FieldDescriptor.TYPE_FIXED32: {"format": "int64", "minimum": 0, "maximum": 2**32 - 1},
    FieldDescriptor.TYPE_INT64: {"format": "int64"},
    FieldDescriptor.TYPE_SINT64: {"format": "int64"},
    FieldDescriptor.TYPE_SFIXED64: {"format": "int64"},
    FieldDescriptor.TYPE_UINT64: {"minimum": 0},
    FieldDescriptor.TYPE_FIXED64: {"minimum": 0},
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
_BOUNDS = {
    "min_len": "minLength",
    "max_len": "maxLength",
    "pattern": "pattern",
    "gt": "exclusiveMinimum",
    "gte": "minimum",
    "lt": "exclusiveMaximum",
    "lte": "maximum",
    "min_items": "minItems",
    "max_items": "maxItems",
    "unique": "uniqueItems",
    "min_pairs": "minProperties",
    "max_pairs": "maxProperties",
}
_FORMATS = {"email": "email", "hostname": "hostname", "uri": "uri", "uuid": "uuid", "ipv4": "ipv4", "ipv6": "ipv6"}


class Schemas:
    """Collects the components that operations refer to. Names are those of the messages without their package."""

    def __init__(self, codec: Codec, comments: Mapping[str, str]) -> None:
        self.components: dict[str, Schema] = {}
        self._codec = codec
        self._comments = comments
        self._names: dict[str, str] = {}

    def message(self, descriptor: Descriptor) -> Schema:
        """The schema of a message: a reference to its component, or the form of a well-known type."""
        if descriptor.full_name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[descriptor.full_name])
        shape = self._codec.shape(descriptor)
        if not isinstance(shape, MessageShape):  # a wrapper
            return _nullable(self._single(descriptor.fields_by_name["value"]))
        name = self._name(descriptor)
        if name not in self.components:
            self.components[name] = {}  # messages may contain themselves
            self.components[name] = self.properties(descriptor, without=())
        return {"$ref": f"#/components/schemas/{name}"}

    def properties(self, descriptor: Descriptor, *, without: Collection[str]) -> Schema:
        """The object schema of a message, without the fields that something else sets."""
        fields = [field for field in descriptor.fields if field.name not in without]
        schema: Schema = {"type": "object"}
        if comment := self._comments.get(descriptor.full_name):
            schema["description"] = comment
        schema["properties"] = {field.name: self.field(field) for field in fields}
        if required := [field.name for field in fields if _is_required(field)]:
            schema["required"] = required
        schema["additionalProperties"] = False
        return schema

    def field(self, field: FieldDescriptor) -> Schema:
        """The schema of a field's value: null where it may be unset."""
        schema = self._value(field)
        if _is_required(field):
            schema = not_null(schema)
        elif field.has_presence:
            schema = _nullable(schema)
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

    def _value(self, field: FieldDescriptor) -> Schema:
        rules = _rules(field)
        if (entry := map_entry(field)) is not None:
            value = self._single(entry.fields_by_name["value"])
            return {"type": "object", "additionalProperties": value, **_bounds(rules)}
        if not field.is_repeated:
            return {**self._single(field), **_bounds(rules)}
        items = self._single(field)
        inner = getattr(rules, "items", None)
        return {"type": "array", "items": {**items, **_bounds(_typed(inner))}, **_bounds(rules)}

    def _single(self, field: FieldDescriptor) -> Schema:
        if field.message_type is not None:
            return self.message(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.type in _RANGES:
            return {"type": "integer", **_RANGES[field.type]}
        return dict(_PLAIN[field.type])

    def _enum(self, enum: EnumDescriptor) -> Schema:
        if enum.full_name == "google.protobuf.NullValue":
            return {"type": "null"}
        words = self._codec.words(enum)
        schema: Schema = {"type": "string", "enum": list(words.words)}
        if words.names.get(0) is None:
            schema = {"type": ["string", "null"], "enum": [*words.words, None]}
        meanings = [(words.word(v.number), self._comments.get(f"{enum.full_name}.{v.name}")) for v in enum.values]
        if lines := [f"- `{word}`: {text}" for word, text in meanings if word is not None and text]:
            schema["description"] = "\n".join(lines)
        return schema

    def _name(self, descriptor: Descriptor) -> str:
        package = descriptor.file.package
        short = descriptor.full_name.removeprefix(f"{package}.") if package else descriptor.full_name
        if self._names.setdefault(short, descriptor.full_name) != descriptor.full_name:
            return descriptor.full_name
        return short


def not_null(schema: Schema) -> Schema:
    """The same schema for a value that is there."""
    if isinstance(schema.get("type"), list):
        schema = {**schema, "type": schema["type"][0]}
        return {**schema, "enum": [word for word in schema["enum"] if word is not None]} if "enum" in schema else schema
    return next((part for part in schema.get("anyOf", ()) if "$ref" in part), schema)


def _nullable(schema: Schema) -> Schema:
    if isinstance(schema.get("type"), str):
        nullable = {**schema, "type": [schema["type"], "null"]}
        return {**nullable, "enum": [*schema["enum"], None]} if "enum" in schema else nullable
    return {"anyOf": [schema, {"type": "null"}]} if "$ref" in schema else schema


def _behavior(field: FieldDescriptor) -> list[int]:
    return list(field.GetOptions().Extensions[field_behavior_pb2.field_behavior])


def _is_required(field: FieldDescriptor) -> bool:
    return field_behavior_pb2.REQUIRED in _behavior(field) or bool(getattr(_validate(field), "required", False))


def _validate(field: FieldDescriptor) -> Any:
    """``buf.validate.FieldRules``, when its stubs are loaded; this package does not import them."""
    found = (value for option, value in field.GetOptions().ListFields() if option.full_name == "buf.validate.field")
    return next(found, None)


def _rules(field: FieldDescriptor) -> Any:
    return _typed(_validate(field))


def _typed(rules: Any) -> Any:
    """``StringRules``, ``Int32Rules``, … of a ``FieldRules``."""
    if rules is None or not (kind := rules.WhichOneof("type")):
        return None
    return getattr(rules, kind)


def _bounds(rules: Any) -> Schema:
    schema: Schema = {}
    for option, value in rules.ListFields() if rules is not None else ():
        if option.name in _BOUNDS and isinstance(value, (int, float, str)):
            schema[_BOUNDS[option.name]] = value
        elif option.name == "len":
            schema |= {"minLength": value, "maxLength": value}
        elif option.name == "const" and isinstance(value, (int, float, str)):
            schema["const"] = value
        elif option.name == "in" and not rules.DESCRIPTOR.name.startswith("Enum"):
            schema["enum"] = list(value)
        elif option.name in _FORMATS and value is True:
            schema["format"] = _FORMATS[option.name]
    return schema
