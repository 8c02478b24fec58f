"""OpenAPI 3.1 from the descriptors."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import pytest
from jsonschema import Draft202012Validator

from gateway.codec import Codec
from gateway.components import PARAMETERS
from gateway.openapi import build_openapi
from gateway.stubs import load_stubs
from gateway.transcoder import compile_bindings
from tests.contract.gateway_stubs import compiled
from tests.e2e.routes import listed_routes


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made = compiled()
    codec = Codec(made.words.rest_name)
    bindings = compile_bindings([made.messaging.DESCRIPTOR.services_by_name["Messaging"]], codec)
    return build_openapi(bindings, codec, descriptor_set=made.descriptor_set, title="T", version="1")


def parameters(operation: dict[str, Any]) -> dict[str, str]:
    given = operation.get("parameters", [])
    named = {"#/components/parameters/" + name: p for name, p in PARAMETERS.items()}
    found = [named[p["$ref"]] if "$ref" in p else p for p in given]
    return {p["name"]: p["in"] for p in found if p["name"] != "Idempotency-Key"}


def test_every_route_is_an_operation_with_an_id_of_its_own(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))
    assert "GetMessage" in ids
    assert "GetMessage_1" in ids
    assert "Internal" not in ids


def test_templates_become_paths_with_one_parameter_for_each_wildcard(document: dict[str, Any]) -> None:
    assert parameters(document["paths"]["/v1/messages/{name}"]["get"]) == {"name": "path", "If-None-Match": "header"}
    assert parameters(document["paths"]["/api/v1/trees/{path_1}/nodes/{path_2}/revision:show"]["get"]) == {
        "path_1": "path",
        "path_2": "path",
        "If-None-Match": "header",
    }
    assert "/api/v1/things/{id}:pause" in document["paths"]
    assert "/v5/{message.message_id}" in document["paths"]


def test_the_rest_are_query_parameters(document: dict[str, Any]) -> None:
    operation = document["paths"]["/v2/messages/{message_id}"]["get"]
    assert parameters(operation) == {
        "message_id": "path",
        "revision": "query",
        "sub.subfield": "query",
        "user_id": "query",
        "If-None-Match": "header",
    }
    kinds = parameters(document["paths"]["/api/v1/kinds"]["get"])
    assert {"at", "wait", "strings", "child.name", "wrapped_int64"} <= set(kinds)
    assert not {"labels", "children", "struct", "child.children"} & set(kinds)


def test_bodies_and_answers_refer_to_components(document: dict[str, Any]) -> None:
    update = document["paths"]["/v3/messages/{message_id}"]["patch"]
    assert update["requestBody"]["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/MessageInput"
    assert "required" not in update["requestBody"]  # without one there is no message
    replace = document["paths"]["/v4/messages/{message_id}"]["patch"]
    assert replace["requestBody"]["required"]
    body = replace["requestBody"]["content"]["application/json"]["schema"]
    assert list(body["properties"]) == ["text"]
    assert body["required"] == ["text"]
    tags = document["paths"]["/api/v1/tags"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert tags == {"type": "array", "items": {"type": "string"}}
    assert "204" in document["paths"]["/api/v1/things/{id}"]["delete"]["responses"]


def test_comments_become_texts(document: dict[str, Any]) -> None:
    operation = document["paths"]["/v1/messages/{name}"]["get"]
    assert operation["summary"] == "Gets a message by its resource name"
    assert operation["description"].endswith("Answers what it was asked for.")
    message = document["components"]["schemas"]["Message"]
    assert message["description"] == "A message."
    assert message["properties"]["message_id"]["description"] == "Its id."
    assert document["tags"][0]["description"].startswith("The messages of http.proto.")


def test_answers_have_every_field_and_requests_what_they_need(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["Message"]["required"] == ["message_id", "text"]
    assert schemas["MessageInput"]["required"] == ["text"]
    assert schemas["Message"]["properties"]["message_id"]["type"] == "string"
    assert schemas["MessageInput"]["properties"]["message_id"]["type"] == ["string", "null"]


def test_types_say_what_travels(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    properties = schemas["Kinds"]["properties"]
    assert properties["an_int64"] == {"type": "integer", "format": "int64"}
    assert properties["maybe_int64"]["type"] == ["integer", "null"]
    assert properties["debounce_interval"]["anyOf"][0] == {"$ref": "#/components/schemas/DebounceInterval"}
    assert schemas["DebounceInterval"]["enum"] == ["5m", "10m", "1h", "1d"]
    assert schemas["DebounceInterval"]["x-enum-varnames"][0] == "DEBOUNCE_INTERVAL_5M"
    assert schemas["DebounceInterval"]["description"].endswith("\n\n- `5m`: Five minutes.")
    assert schemas["Colour"] == {"type": "string", "enum": ["red", "green"], "description": ANY}
    assert properties["child"] == {"anyOf": [{"$ref": "#/components/schemas/Child"}, {"type": "null"}]}
    assert properties["at"] == {"type": ["string", "null"], "format": "date-time"}
    assert properties["labels"] == {"type": "object", "additionalProperties": {"type": "string"}}
    assert properties["wrapped_int64"]["type"] == ["integer", "null"]
    sent = schemas["KindsInput"]["properties"]
    assert sent["a_uint32"] == {"type": ["integer", "null"], "format": "int64", "minimum": 0, "maximum": 2**32 - 1}
    assert sent["maybe_interval"] == properties["debounce_interval"]


def test_what_the_codec_writes_fits_the_schema(document: dict[str, Any]) -> None:
    words = compiled().words
    message = words.Kinds(debounce_interval=1, strings=["a"], labels={"a": "b"}, to_child=words.Child(name="x"))
    message.children.add(name="y")
    message.struct["a"] = 1
    out = Codec(words.rest_name).shape(message.DESCRIPTOR).dump(message)
    schema = {"$ref": "#/components/schemas/Kinds", "components": document["components"]}
    assert list(Draft202012Validator(schema).iter_errors(out)) == []


def test_every_schema_is_valid_and_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)

    def follow(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(reference := value.get("$ref"), str):
                section, name = reference.removeprefix("#/components/").split("/")
                assert name in document["components"][section]
            for item in value.values():
                follow(item)
        elif isinstance(value, list):
            for item in value:
                follow(item)

    follow(document)


def test_etags_are_headers_of_those_methods_that_know_them(document: dict[str, Any]) -> None:
    put = document["paths"]["/api/v1/versioned/{id}"]["put"]
    assert parameters(put) == {"id": "path", "etag": "query", "If-Match": "header"}
    assert put["responses"]["412"] == {"$ref": "#/components/responses/Stale"}
    assert "ETag" in put["responses"]["200"]["headers"]
    other = document["paths"]["/api/v1/things/{id}"]["get"]
    assert "412" not in other["responses"]
    assert parameters(other)["If-None-Match"] == "header"
    assert {"ETag"} <= set(other["responses"]["200"]["headers"]) & set(other["responses"]["304"]["headers"])


def test_errors_and_keys_are_described(document: dict[str, Any]) -> None:
    assert set(document["components"]["securitySchemes"]) == {"ApiKey", "Bearer"}
    assert document["security"] == [{"ApiKey": []}, {"Bearer": []}]
    for item in document["paths"].values():
        for operation in item.values():
            assert {"401", "403", "404", "409", "422", "429", "5XX", "default"} <= set(operation["responses"])


@pytest.fixture(scope="module")
def product() -> dict[str, Any]:
    stubs = load_stubs("automation_engine.v1")
    codec = Codec(stubs.rest_name)
    return build_openapi(
        compile_bindings(stubs.services, codec),
        codec,
        descriptor_set=stubs.descriptor_set,
        title="Automation engine",
        version="1",
        license_id="Apache-2.0",
        scope_extension=stubs.required_scope,
        bearer_extension=stubs.bearer_field,
    )


def test_the_scopes_are_those_of_the_table_of_all_routes(product: dict[str, Any]) -> None:
    told = {
        f"{method.upper()} {path.removeprefix('/api/v2')}": operation["x-required-scope"]
        for path, item in product["paths"].items()
        for method, operation in item.items()
    }
    assert {route.route: told.get(route.route) for route in listed_routes()} == {
        route.route: route.scope for route in listed_routes()
    }


def test_what_is_public_needs_no_credentials(product: dict[str, Any]) -> None:
    for item in product["paths"].values():
        for operation in item.values():
            public = operation["x-required-scope"] == "public"
            assert public == (operation.get("security") == [])
            assert public == ("401" not in operation["responses"])
    download = product["paths"]["/api/v2/exports/{export_id}/download"]["get"]
    assert download["security"] == [{"ApiKey": []}, {"Bearer": []}, {"token": []}]


def test_bounds_are_those_of_the_protos(product: dict[str, Any]) -> None:
    put = product["components"]["schemas"]["ImportAutomationInput"]
    assert put["required"] == ["connector_id", "debounce_interval", "prompt_preset"]
    fields = put["properties"]
    assert {"state", "created_at", "etag"}.isdisjoint(fields)
    connector_id = {key: value for key, value in fields["connector_id"].items() if key != "description"}
    assert connector_id == {"type": "string", "minLength": 1, "maxLength": 128, "examples": ["conn_archive"]}
    assert (fields["batch_limit"]["minimum"], fields["batch_limit"]["maximum"]) == (1, 10_000)
    assert fields["exclude_patterns"]["items"]["not"] == {"type": "string", "pattern": r"[\x00-\x1f\x7f]"}
    assert fields["done_file_pattern"]["pattern"] == "^[^/*]*[*]?[^/*]*$"
    assert product["components"]["schemas"]["ConnectorStatusInput"]["enum"] == ["active", "disabled"]
    reference = product["components"]["schemas"]["ImportFileReference"]
    assert (reference["minProperties"], reference["maxProperties"]) == (1, 1)


@pytest.mark.parametrize(("prefix", "fits"), [("incoming/", True), (None, True), ("../up", False), ("/root", False)])
def test_rules_in_cel_hold_for_texts_alone(product: dict[str, Any], prefix: str | None, fits: bool) -> None:  # noqa: FBT001 - a case's outcome
    schema = {"$ref": "#/components/schemas/BrowseConnectorRequest", "components": product["components"]}
    assert Draft202012Validator(schema).is_valid({"prefix": prefix}) == fits


def test_a_stream_is_events_or_lines(document: dict[str, Any]) -> None:
    content = document["paths"]["/api/v1/watch"]["get"]["responses"]["200"]["content"]
    assert set(content) == {"text/event-stream", "application/x-ndjson"}


def test_every_operation_and_field_is_described(product: dict[str, Any]) -> None:
    for path, item in product["paths"].items():
        for operation in item.values():
            assert operation["summary"], path
            assert operation["description"], path
            for parameter in operation.get("parameters", []):
                assert "$ref" in parameter or parameter["description"], (path, parameter)
    for name, schema in product["components"]["schemas"].items():
        for field, inner in schema.get("properties", {}).items():
            assert inner.get("description") or name == "ErrorBody", (name, field)
