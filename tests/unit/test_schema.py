"""What may be a prompt's schema, and what fits it."""

from __future__ import annotations

from typing import Any

import pytest

from automation_engine.analyzers.schema import check_prompt_schema, validate_data
from automation_engine.errors import InvalidArgument


def faults(json_schema: object) -> list[str]:
    return [f"{fault.field}: {fault.message}" for fault in check_prompt_schema(json_schema)]


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_an_object_schema_passes() -> None:
    nested = {"type": "array", "items": of(width={"type": "integer", "minimum": 1})}
    assert faults({"$schema": "https://json-schema.org/draft/2020-12/schema", **of(clips=nested)}) == []


@pytest.mark.parametrize("root", [{}, {"type": "array"}, {"type": ["object", "null"]}])
def test_the_root_type_is_object(root: dict[str, Any]) -> None:
    assert any("json_schema.type" in fault for fault in faults(root))


@pytest.mark.parametrize("root", [None, [], "object", True])
def test_a_schema_is_a_json_object(root: object) -> None:
    assert faults(root) == ["json_schema: must be a JSON object"]


@pytest.mark.parametrize("name", ["a.b", "a[", "a]", "."])
def test_field_names_hold_no_dot_and_no_brackets_at_any_depth(name: str) -> None:
    inner = of(**{name: {}})
    for root in (
        inner,
        of(x=inner),
        of(x={"items": inner}),
        of(x={"anyOf": [{}, inner]}),
        of() | {"$defs": {"d": inner}},
    ):
        assert len(faults(root)) == 1
        assert repr(name) in faults(root)[0]


def test_a_property_that_is_called_like_a_keyword_is_only_a_property() -> None:
    assert faults(of(properties={"type": "string"}, pattern={"type": "string"})) == []


def test_a_schema_that_the_dialect_refuses_is_named_with_its_path() -> None:
    assert faults(of(a={"type": "integr"}))[0].startswith("json_schema.properties.a.type: not valid in Draft 2020-12")


def test_another_dialect_is_refused() -> None:
    assert "json_schema.$schema" in faults({**of(), "$schema": "http://json-schema.org/draft-07/schema#"})[0]


@pytest.mark.parametrize(
    "reference", ["http://127.0.0.1:1/x", "file:///etc/passwd", "other.json", "#/nowhere", "#name"]
)
def test_a_reference_stays_inside_the_schema(reference: str) -> None:
    assert "must point to a subschema of this schema" in faults(of(a={"$ref": reference}))[0]


@pytest.mark.parametrize("keyword", ["$dynamicRef", "$anchor", "$id"])
def test_what_could_move_references_elsewhere_is_refused(keyword: str) -> None:
    assert "not supported" in faults(of(a={keyword: "x"}))[0]


def test_a_local_reference_is_followed() -> None:
    schema = {**of(width={"$ref": "#/$defs/size"}), "$defs": {"size": {"type": "integer"}}}
    assert faults(schema) == []
    assert [fault.field for fault in validate_data(schema, {"width": "wide"})] == ["width"]


def test_references_that_multiply_are_refused() -> None:
    chain = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    assert "expand to more than" in faults({**of(), "$ref": "#/$defs/d0", "$defs": {**chain, "d40": {}}})[0]


def test_a_schema_that_is_its_own_part_ends_in_a_fault_and_not_in_a_loop() -> None:
    (fault,) = validate_data({"type": "object", "$ref": "#"}, {})
    assert "can't be followed" in fault.message


def test_depth_and_size_are_bounded() -> None:
    deep: dict[str, Any] = {"type": "object"}
    for _ in range(20_000):
        deep = {"not": deep}
    assert "nested deeper than 32" in faults(deep)[0]
    assert "at most 65,536" in faults(of(a={"description": "x" * 70_000}))[0]
    assert "must be JSON" in faults(of(a={"const": float("nan")}))[0]


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*$", "(a|b)(a|b)(a|b)(a|b)$", "a*a*a*a*b", r"(a)\1", "(?=a)", "x" * 300]
)
def test_a_pattern_that_could_be_matched_forever_is_refused(pattern: str) -> None:
    assert "too complex" in faults(of(a={"pattern": pattern}))[0]
    assert "too complex" in faults(of() | {"patternProperties": {pattern: {}}})[0]


@pytest.mark.parametrize("pattern", [r"^\d{4}-\d{2}-\d{2}$", "^(mp4|mov|mkv)$", r"^[a-z0-9_.*+-]+@[a-z]+$", r"\(a\)+"])
def test_an_ordinary_pattern_passes(pattern: str) -> None:
    assert faults(of(a={"type": "string", "pattern": pattern})) == []


def test_data_that_does_not_fit_is_told_by_the_path_of_the_value() -> None:
    schema = {**of(width={"type": "integer"}, codecs={"items": {"type": "string"}}), "required": ["duration"]}
    told = {fault.field: fault.message for fault in validate_data(schema, {"width": 1.5, "codecs": ["h264", 3]})}
    assert told.keys() == {"", "width", "codecs.1"}
    assert "'duration' is a required property" in told[""]


def test_data_is_not_validated_by_a_schema_that_may_not_be_saved() -> None:
    with pytest.raises(InvalidArgument, match="must point to a subschema"):
        validate_data(of(a={"$ref": "http://127.0.0.1:1/x"}), {"a": 1})
