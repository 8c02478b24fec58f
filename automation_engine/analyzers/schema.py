"""The prompt's JSON Schema (Draft 2020-12): what may be saved as one, and whether data fits it.

A schema comes from a stranger: it is bounded in size, depth and in what its references expand to, refers to nothing
outside itself, and holds no pattern that a backtracking matcher could take forever over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from automation_engine.errors import InvalidArgument, Violation

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_BYTES = 64 * 1024
"""Largest schema, in bytes of JSON."""
MAX_DEPTH = 32
"""Deepest nesting of objects and arrays."""
MAX_EXPANSION = 10_000
"""Most subschemas that validating flat data can visit, references followed."""
MAX_FAULTS = 8
"""Most faults of data, or of a schema, that are told at once."""
MAX_PATTERN = 256
"""Longest pattern, in characters."""
MAX_CHOICES = 3
"""Most places where a pattern may repeat or branch."""

_UNSAFE_REPEAT = re.compile(r"\)[*+?{]|\\[1-9]|\(\?")
_CHOICE = re.compile(r"[*+?]|\{\d*,\d*\}|\([^()|]*\|")
_LITERALS = re.compile(r"\\[^1-9]|\[\^?\]?[^\]]*\]")
_ONE = frozenset(
    {"items", "contains", "additionalProperties", "unevaluatedProperties", "unevaluatedItems", "propertyNames"}
    | {"not", "if", "then", "else"}
)
_MANY = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
_REFUSED = frozenset({"$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$anchor"})


def check_prompt_schema(json_schema: object) -> list[Violation]:
    """Return what is wrong with a prompt's schema, each fault by its path; an empty list when nothing is.

    The root is an object schema (``"type": "object"``), field names hold no ``.``, ``[`` or ``]``, references stay
    inside the schema and are JSON pointers (``#/$defs/name``), and it is at most 64 KiB and 32 levels deep.
    """
    if not isinstance(json_schema, Mapping):
        return [_fault("", "must be a JSON object")]
    if bound := _bound_fault(json_schema):
        return [_fault("", bound)]
    if found := list(_dialect_faults(json_schema)):
        return found
    found = [*_root_faults(json_schema), *_subschema_faults(json_schema, json_schema, "")]
    if not found and _expansion(json_schema, json_schema, {}) > MAX_EXPANSION:
        found.append(_fault("", f"its references expand to more than {MAX_EXPANSION:,} subschemas"))
    return found[:MAX_FAULTS]


def validate_data(json_schema: Mapping[str, Any], data: object) -> list[Violation]:
    """Return where data does not fit the schema, each fault by the path of the value; at most ``MAX_FAULTS``.

    The schema is compiled once. Raises ``InvalidArgument`` for a schema that ``check_prompt_schema`` refuses.
    """
    validator = _validator(json.dumps(json_schema, sort_keys=True))
    try:
        errors = [error for error, _ in zip(validator.iter_errors(data), range(MAX_FAULTS), strict=False)]
    except (RecursionError, Unresolvable) as error:
        return [Violation(field="", message=f"the schema can't be followed: {type(error).__name__}")]
    return [Violation(field=_data_path(error), message=error.message[:300]) for error in errors]


@lru_cache(maxsize=256)
def _validator(canonical: str) -> Draft202012Validator:
    json_schema = json.loads(canonical)
    if faults := check_prompt_schema(json_schema):
        raise InvalidArgument(faults)
    # An empty registry retrieves nothing: a reference that the check let through still reaches no network.
    return Draft202012Validator(json_schema, registry=Registry())


def _fault(path: str, message: str) -> Violation:
    return Violation(field=f"json_schema{path}", message=message)


def _data_path(error: ValidationError | SchemaError) -> str:
    return ".".join(str(part) for part in error.absolute_path)


def _bound_fault(json_schema: Mapping[str, Any]) -> str | None:
    """Tell which bound is broken, without recursion: deep nesting must not reach anything that recurses."""
    level: list[Any] = [json_schema]
    for _ in range(MAX_DEPTH):
        level = [child for value in level for child in _children(value)]
    if level:
        return f"nested deeper than {MAX_DEPTH} levels"
    try:
        size = len(json.dumps(json_schema, allow_nan=False).encode())
    except (TypeError, ValueError) as error:
        return f"must be JSON: {error}"
    return f"{size:,} bytes: at most {MAX_BYTES:,}" if size > MAX_BYTES else None


def _children(value: object) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else []


def _dialect_faults(json_schema: Mapping[str, Any]) -> Iterator[Violation]:
    dialect = json_schema.get("$schema", DIALECT)
    if not isinstance(dialect, str) or dialect.rstrip("#") != DIALECT:
        yield _fault(".$schema", f"must be {DIALECT}, or left out")
    try:
        Draft202012Validator.check_schema(json_schema)
    except SchemaError as error:
        yield _fault(f".{_data_path(error)}".rstrip("."), f"not valid in Draft 2020-12: {error.message[:300]}")
    except RecursionError:
        yield _fault("", "nested too deeply")


def _root_faults(json_schema: Mapping[str, Any]) -> Iterator[Violation]:
    if json_schema.get("type") != "object":
        yield _fault(".type", 'must be "object": the root of a prompt\'s schema is one')


def _subschema_faults(root: Mapping[str, Any], node: Any, path: str) -> Iterator[Violation]:
    if not isinstance(node, Mapping):
        return
    yield from _reference_faults(root, node, path)
    if "pattern" in node and (fault := _pattern_fault(node["pattern"])):
        yield _fault(f"{path}.pattern", fault)
    for name in node.get("properties", {}):
        if set(name) & set(".[]"):
            yield _fault(f"{path}.properties", f"the field name {name[:100]!r} may not hold '.', '[' or ']'")
    for pattern in node.get("patternProperties", {}):
        if fault := _pattern_fault(pattern):
            yield _fault(f"{path}.patternProperties", fault)
    for step, child in _subschemas(node):
        yield from _subschema_faults(root, child, f"{path}.{step}")


def _reference_faults(root: Mapping[str, Any], node: Mapping[str, Any], path: str) -> Iterator[Violation]:
    for keyword in sorted(_REFUSED & node.keys()):
        yield _fault(f"{path}.{keyword}", "not supported: use $ref with a JSON pointer into the schema")
    if "$id" in node:
        yield _fault(f"{path}.$id", "not supported: a prompt's schema has no address")
    if "$ref" in node and _target(root, node["$ref"]) is None:
        message = f"{str(node['$ref'])[:100]!r}: must point to a subschema of this schema, like #/$defs/name"
        yield _fault(f"{path}.$ref", message)


def _target(root: Mapping[str, Any], reference: object) -> Any:
    """Return the subschema a JSON pointer (RFC 6901, as a fragment) points to; None when there is none."""
    if not isinstance(reference, str) or (reference != "#" and not reference.startswith("#/")):
        return None
    node: Any = root
    for step in reference.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and name.isdecimal() and int(name) < len(node):
            node = node[int(name)]
        elif isinstance(node, Mapping) and name in node:
            node = node[name]
        else:
            return None
    return node if isinstance(node, Mapping | bool) else None


def _subschemas(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the step to and the value of each subschema directly below."""
    for keyword, value in node.items():
        if keyword in _ONE:
            yield keyword, value
        elif keyword in _MANY:
            yield from ((f"{keyword}.{number}", child) for number, child in enumerate(value))
        elif keyword in _NAMED and isinstance(value, Mapping):
            yield from ((f"{keyword}.{name}", child) for name, child in value.items())


def _expansion(root: Mapping[str, Any], node: Any, known: dict[int, int]) -> int:
    """Count the subschemas below a node, each reference as what it points to; one to an open ancestor counts one.

    Without this bound, twenty definitions that refer twice to the next one are a million subschemas.
    """
    if not isinstance(node, Mapping):
        return 1
    if id(node) not in known:
        known[id(node)] = 1
        below = [child for _, child in _subschemas(node)]
        below += [_target(root, node["$ref"])] if "$ref" in node else []
        known[id(node)] = 1 + sum(_expansion(root, child, known) for child in below)
    return known[id(node)]


def _pattern_fault(pattern: str) -> str | None:
    """Tell why a pattern is refused: no match may take longer than a small power of the text's length."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"not a pattern that is understood here: {error}"
    plain = _LITERALS.sub("x", pattern)
    if len(pattern) > MAX_PATTERN or _UNSAFE_REPEAT.search(plain) or len(_CHOICE.findall(plain)) > MAX_CHOICES:
        return (
            f"too complex to be matched safely: at most {MAX_PATTERN} characters and {MAX_CHOICES} repeats "
            "or groups of alternatives, no repeated group, look-around or back-reference"
        )
    return None
