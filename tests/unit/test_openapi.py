"""OpenAPI 3.1 from the descriptors."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gateway.codec import Codec
from gateway.openapi import build_openapi
from gateway.transcoder import compile_bindings
from tests.contract.gateway_stubs import compiled


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made = compiled()
    codec = Codec(made.words.rest_name)
    bindings = compile_bindings([made.messaging.DESCRIPTOR.services_by_name["Messaging"]], codec)
    return build_openapi(bindings, codec, descriptor_set=made.descriptor_set, title="T", version="1")


def parameters(operation: dict[str, Any]) -> dict[str, str]:
    return {p["name"]: p["in"] for p in operation.get("parameters", [])}


def test_every_route_is_an_operation_with_an_id_of_its_own(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))
    assert "Messaging_GetMessage" in ids
    assert "Messaging_GetMessage_1" in ids
    assert "Messaging_Internal" not in ids


def test_templates_become_paths_with_one_parameter_for_each_wildcard(document: dict[str, Any]) -> None:
    assert parameters(document["paths"]["/v1/messages/{name}"]["get"]) == {"name": "path"}
    assert parameters(document["paths"]["/api/v1/trees/{path_1}/nodes/{path_2}/revision:show"]["get"]) == {
        "path_1": "path",
        "path_2": "path",
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
    }
    kinds = parameters(document["paths"]["/api/v1/kinds"]["get"])
    assert {"at", "wait", "strings", "child.name", "wrapped_int64"} <= set(kinds)
    assert not {"labels", "children", "struct", "child.children"} & set(kinds)


def test_bodies_and_answers_refer_to_components(document: dict[str, Any]) -> None:
    update = document["paths"]["/v3/messages/{message_id}"]["patch"]
    assert update["requestBody"]["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/Message"
    replace = document["paths"]["/v4/messages/{message_id}"]["patch"]
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


def test_types_say_what_travels(document: dict[str, Any]) -> None:
    properties = document["components"]["schemas"]["Kinds"]["properties"]
    assert properties["an_int64"] == {"type": "integer", "format": "int64"}
    assert properties["maybe_int64"]["type"] == ["integer", "null"]
    assert properties["debounce_interval"]["enum"] == ["5m", "10m", "1h", "1d", None]
    assert "- `5m`: Five minutes." in properties["debounce_interval"]["description"]
    assert properties["colour"] == {"type": "string", "enum": ["red", "green"]}
    assert properties["child"] == {"anyOf": [{"$ref": "#/components/schemas/Child"}, {"type": "null"}]}
    assert properties["at"] == {"type": ["string", "null"], "format": "date-time"}
    assert properties["labels"] == {"type": "object", "additionalProperties": {"type": "string"}}
    assert properties["wrapped_int64"]["type"] == ["integer", "null"]


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
    assert "headers" not in other["responses"]["200"]


def test_errors_and_keys_are_described(document: dict[str, Any]) -> None:
    assert set(document["components"]["securitySchemes"]) == {"ApiKey", "Bearer"}
    for item in document["paths"].values():
        for operation in item.values():
            assert operation["responses"]["default"] == {"$ref": "#/components/responses/Error"}
