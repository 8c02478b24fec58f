"""The bounds of protovalidate's rules as JSON Schema.

What they say in CEL is read where it has a schema: ``this.matches('…')``, ``!this.matches('…')`` and, of an enum,
``this in [1, 2]``. Everything else stands in the fields' comments and is checked by the server alone.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

Schema = dict[str, Any]

_BOUNDS = {
    "min_len": "minLength",
    "max_len": "maxLength",
    "max_bytes": "maxLength",  # no text has more characters than bytes
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
_CALL = r"(!?)this\.matches\('((?:[^'\\]|\\.)*)'\)"
_MATCHES = re.compile(rf"(?:^|&& ){_CALL}(?= &&|$)")
_AMONG = re.compile(r"this in \[([0-9, ]+)\]")


def field_rules(field: FieldDescriptor) -> Any:
    """``buf.validate.FieldRules``, when its stubs are loaded; this package does not import them. Else None."""
    found = (value for option, value in field.GetOptions().ListFields() if option.full_name == "buf.validate.field")
    return next(found, None)


def is_choice(message: Descriptor | None) -> bool:
    """Whether a message is exactly one of its fields, as the rule ``oneof`` says with ``required``."""
    if message is None:
        return False
    found = [value for option, value in message.GetOptions().ListFields() if option.full_name == "buf.validate.message"]
    names = {field.name for field in message.fields}
    return any(set(rule.fields) == names and rule.required for rules in found for rule in rules.oneof)


def bounds_of(rules: Any) -> Schema:
    """The keywords of a ``FieldRules``; empty for None."""
    if rules is None:
        return {}
    typed = typed_rules(rules)
    schema = _typed_bounds(typed)
    for pattern, negated in _patterns(rules, typed):
        if negated:
            schema = _without(schema, pattern)
        elif "pattern" not in schema:
            schema["pattern"] = pattern
    return schema


def typed_rules(rules: Any) -> Any:
    """``StringRules``, ``Int32Rules``, … of a ``FieldRules``; None when it has none."""
    kind = rules.WhichOneof("type") if rules is not None else None
    return getattr(rules, kind) if kind else None


def allowed_numbers(rules: Any) -> frozenset[int] | None:
    """The numbers that an enum's field may have; None for any."""
    if rules is None:
        return None
    if numbers := getattr(rules.enum, "in"):  # a keyword of this language
        return frozenset(numbers)
    found = next(filter(None, (_AMONG.fullmatch(rule.expression) for rule in rules.cel)), None)
    return None if found is None else frozenset(map(int, found[1].split(",")))


def _typed_bounds(typed: Any) -> Schema:
    schema: Schema = {}
    for option, value in typed.ListFields() if typed is not None else ():
        if option.name in _BOUNDS and isinstance(value, (int, float, str)):
            schema.setdefault(_BOUNDS[option.name], value)
        elif option.name == "len":
            schema |= {"minLength": value, "maxLength": value}
        elif option.name == "const" and isinstance(value, (int, float, str)):
            schema["const"] = value
        elif option.name == "in" and not typed.DESCRIPTOR.name.startswith("Enum"):
            schema["enum"] = list(value)
        elif option.name == "example":
            schema["examples"] = list(value)
        elif option.name in _FORMATS and value is True:
            schema["format"] = _FORMATS[option.name]
    return schema


def _patterns(rules: Any, typed: Any) -> list[tuple[str, bool]]:
    """Patterns, and whether a text must not match them."""
    expressions = [rule.expression for rule in rules.cel]
    for option, value in typed.ListFields() if typed is not None else ():
        if option.is_extension and value is True:
            expressions += [rule.expression.removeprefix("!rule || ") for rule in _predefined(option)]
    found = (match for expression in expressions for match in _MATCHES.finditer(expression))
    return [(match[2].replace("\\\\", "\\"), bool(match[1])) for match in found]


def _predefined(option: FieldDescriptor) -> list[Any]:
    options = option.GetOptions().ListFields()
    return [rule for known, value in options if known.full_name == "buf.validate.predefined" for rule in value.cel]


def _without(schema: Schema, pattern: str) -> Schema:
    if "not" in schema:
        pattern = f"{schema['not']['pattern']}|{pattern}"
    return {**schema, "not": {"type": "string", "pattern": pattern}}  # a null fits every pattern
