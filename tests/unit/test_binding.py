"""Path, body and query → request message; response message → body."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from google.api import http_pb2
from google.protobuf import json_format

from gateway.binding import Binding
from gateway.codec import Codec
from gateway.errors import HttpProblem, InvalidFields
from gateway.methods import Method, Rule, RuleError, rules_of
from tests.contract.gateway_stubs import compiled

service = compiled().messaging.DESCRIPTOR.services_by_name["Messaging"]
codec = Codec(compiled().words.rest_name)


def binding(method: str, **rule: str) -> Binding:
    """A binding of a method by a rule of the test's own."""
    kind, path = next((k, v) for k, v in rule.items() if k in ("get", "put", "post", "delete", "patch"))
    made = Rule(
        method=Method.of(service.methods_by_name[method]),
        http_method=kind.upper(),
        template=path,
        body=rule.get("body", ""),
        response_body=rule.get("response_body", ""),
        index=0,
    )
    return Binding(made, codec)


def request(bound: Binding, path: str, query: str = "", body: Any = b"") -> dict[str, Any]:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    message = bound.request(path.split("/")[1:], query.encode(), content, "application/json")
    return dict(json_format.MessageToDict(message, preserving_proto_field_name=True))


def faults(bound: Binding, path: str, query: str = "", body: Any = b"") -> list[str]:
    with pytest.raises(InvalidFields) as fault:
        request(bound, path, query, body)
    return [str(violation) for violation in fault.value.violations]


get_message = binding("GetMessage", get="/v1/messages/{message_id}")
update = binding("UpdateMessage", patch="/v1/messages/{message_id}", body="message")
query_kinds = binding("QueryKinds", get="/v1/kinds")


def test_unbound_fields_are_query_parameters_nested_ones_by_their_path() -> None:
    """The second example of http.proto."""
    assert request(get_message, "/v1/messages/123456", "revision=2&sub.subfield=foo") == {
        "message_id": "123456",
        "revision": "2",
        "sub": {"subfield": "foo"},
    }


def test_the_body_may_be_one_field() -> None:
    """The third example of http.proto."""
    assert request(update, "/v1/messages/123456", body={"text": "Hi!"}) == {
        "message_id": "123456",
        "message": {"text": "Hi!"},
    }


def test_a_star_body_is_every_field_that_the_path_does_not_bind() -> None:
    """The fourth example of http.proto."""
    whole = binding("ReplaceMessage", patch="/v1/messages/{message_id}", body="*")
    assert request(whole, "/v1/messages/123456", body={"text": "Hi!"}) == {"message_id": "123456", "text": "Hi!"}


def test_a_star_body_leaves_no_query_parameters() -> None:
    whole = binding("ReplaceMessage", patch="/v1/messages/{message_id}", body="*")
    assert faults(whole, "/v1/messages/1", "text=a", {}) == ["text: unknown query parameter: it belongs in the body"]


def test_the_path_wins_over_the_body() -> None:
    whole = binding("ReplaceMessage", patch="/v1/messages/{message_id}", body="*")
    nested = binding("PutNested", put="/v1/{message.message_id}", body="message")
    assert request(whole, "/v1/messages/1", body={"message_id": "2", "text": "a"})["message_id"] == "1"
    assert request(nested, "/v1/1", body={"message_id": "2", "text": "a"})["message"]["message_id"] == "1"


def test_beside_a_body_field_the_rest_is_query_but_not_the_body_or_the_path() -> None:
    bound = binding("GetMessage", post="/v1/{message_id}", body="sub")
    assert request(bound, "/v1/1", "revision=3", {"subfield": "x"})["revision"] == "3"
    assert faults(bound, "/v1/1", "sub.subfield=y&message_id=2") == [
        "sub.subfield: unknown query parameter: it belongs in the body",
        "message_id: unknown query parameter: the path sets it",
    ]


def test_an_omitted_body_takes_none_but_an_empty_object() -> None:
    bound = binding("GetThing", post="/v1/{id}")
    assert request(bound, "/v1/a", body={}) == {"id": "a"}
    assert faults(bound, "/v1/a", body={"dry_run": True}) == ["takes no body"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("nope=1", "nope"),
        ("child.nope=1", "child.nope"),
        ("child=1", "child"),
        ("children=1", "children"),
        ("children.name=1", "children.name"),
        ("labels=1", "labels"),
        ("struct=1", "struct"),
        ("struct.fields=1", "struct.fields"),
        ("at.seconds=1", "at.seconds"),
        ("a_string.x=1", "a_string.x"),
        ("=1", ""),
    ],
)
def test_an_unknown_query_parameter_is_refused_by_name(query: str, name: str) -> None:
    assert faults(query_kinds, "/v1/kinds", query) == [
        f"{name}: unknown query parameter" if name else "unknown query parameter"
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a_bool=true", {"a_bool": True}),
        ("aBool=true", {"a_bool": True}),
        ("an_int32=-5", {"an_int32": -5}),
        ("a_double=1.5e3", {"a_double": 1500.0}),
        ("debounce_interval=1h", {"debounce_interval": "DEBOUNCE_INTERVAL_1H"}),
        ("debounce_interval=3", {"debounce_interval": "DEBOUNCE_INTERVAL_1H"}),
        ("debounceInterval=DEBOUNCE_INTERVAL_1H", {"debounce_interval": "DEBOUNCE_INTERVAL_1H"}),
        ("strings=a&strings=b%26&strings=", {"strings": ["a", "b&", ""]}),
        ("int64s=1&int64s=2", {"int64s": ["1", "2"]}),
        ("intervals=5m&intervals=1d", {"intervals": ["DEBOUNCE_INTERVAL_5M", "DEBOUNCE_INTERVAL_1D"]}),
        ("child.child.name=x&child.size=3", {"child": {"child": {"name": "x"}, "size": 3}}),
        ("at=2026-01-01T00:00:00Z", {"at": "2026-01-01T00:00:00Z"}),
        ("at=2026-01-01T01:00:00%2B01:00", {"at": "2026-01-01T00:00:00Z"}),
        ("wait=1.5s", {"wait": "1.500s"}),
        ("mask=a,bC", {"mask": "a,bC"}),
        ("wrapped_int64=0&wrapped_string=", {"wrapped_int64": "0", "wrapped_string": ""}),
        ("a_string=a+b%2Bc", {"a_string": "a b+c"}),
        ("a_string=%C3%A9", {"a_string": "é"}),
        ("some_bytes=_-8", {"some_bytes": "/+8="}),
        ("maybe_string=", {"maybe_string": ""}),
        ("maybe_int64=&a_bool=&at=", {}),
        ("to_number=0", {"to_number": 0}),
        ("&&", {}),
    ],
)
def test_query_parameters_of_every_type(query: str, expected: dict[str, Any]) -> None:
    assert request(query_kinds, "/v1/kinds", query) == expected


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("an_int32=x", 'an_int32: must be an integer; got "x"'),
        ("a_bool=yes", 'a_bool: must be true or false; got "yes"'),
        ("debounce_interval=7m", 'debounce_interval: must be one of 5m, 10m, 1h, 1d; got "7m"'),
        ("a_string=a&a_string=b", "a_string: given 2 times, takes one value"),
        ("a_string=a&aString=b", "aString: given twice, as a_string and as aString"),
        ("a_string=%zz", 'query parameter "%zz": malformed percent-encoding'),
        ("a_string=%FF", 'query parameter "%FF": percent-encoded bytes are not UTF-8'),
        ("at=now", 'at: must be an RFC 3339 timestamp such as 2026-01-01T00:00:00Z; got "now"'),
    ],
)
def test_a_wrong_query_parameter_is_refused_with_its_value(query: str, fault: str) -> None:
    assert faults(query_kinds, "/v1/kinds", query) == [fault]


def test_the_violations_of_path_query_and_body_come_together() -> None:
    bound = binding("QueryKinds", post="/v1/{an_int32}", body="child")
    assert faults(bound, "/v1/x", "a_bool=2", {"size": "big"}) == [
        'size: must be an integer; got "big"',
        'a_bool: must be true or false; got "2"',
        'an_int32: must be an integer; got "x"',
    ]


def test_a_path_variable_is_converted_and_checked() -> None:
    bound = binding("QueryKinds", get="/v1/{debounce_interval}/{a_bool}/{child.name}")
    assert request(bound, "/v1/5m/true/a%2Fb") == {
        "debounce_interval": "DEBOUNCE_INTERVAL_5M",
        "a_bool": True,
        "child": {"name": "a/b"},
    }
    assert faults(bound, "/v1/5m/true/%FF") == ["child.name: percent-encoded bytes are not UTF-8"]


@pytest.mark.parametrize("body", [b"{", b'{"text": NaN}', b"\xff", b'"\\ud800"', b"[" * 5000])
def test_what_is_no_json_is_invalid_json(body: bytes) -> None:
    with pytest.raises(HttpProblem) as fault:
        request(update, "/v1/messages/1", body=body)
    assert (fault.value.status, fault.value.code) == (422, "invalid_json")


def test_a_body_may_be_a_bare_array_or_scalar() -> None:
    assert request(binding("PutTags", put="/v1/tags", body="tags"), "/v1/tags", body=["a", "b"]) == {"tags": ["a", "b"]}
    assert request(binding("GetThing", put="/v1/id", body="id"), "/v1/id", body="x") == {"id": "x"}
    assert faults(binding("PutTags", put="/v1/tags", body="tags"), "/v1/tags", body=["a", 5]) == [
        "tags[1]: must be a string; got 5"
    ]


def test_a_response_body_is_one_field_of_the_response() -> None:
    tags = compiled().messaging.Tags(tags=["a"])
    assert binding("ListTags", get="/v1/tags", response_body="tags").response(tags)[0] == b'["a"]'
    thing = compiled().messaging.UpdateMessageRequest()
    bound = binding("UpdateMessage", get="/v1/x", response_body="message")
    assert bound.response(thing)[0] == b"null"


@pytest.mark.parametrize(
    ("method", "rule", "reason"),
    [
        ("GetMessage", {"get": "/v1/{nope}"}, "which the request does not have"),
        ("GetMessage", {"get": "/v1/{sub.nope}"}, "which the request does not have"),
        ("GetMessage", {"get": "/v1/{message_id.x}"}, "which the request does not have"),
        ("GetMessage", {"get": "/v1/{sub}"}, "which is a message"),
        ("QueryKinds", {"get": "/v1/{strings}"}, "which is repeated or a map"),
        ("QueryKinds", {"get": "/v1/{labels}"}, "which is repeated or a map"),
        ("QueryKinds", {"get": "/v1/{children.name}"}, "which is repeated or a map"),
        ("GetMessage", {"post": "/v1/x", "body": "nope"}, "body 'nope' is no field"),
        ("GetMessage", {"post": "/v1/x", "body": "sub.subfield"}, "body 'sub.subfield' is no field"),
        ("GetMessage", {"get": "/v1/x", "response_body": "nope"}, "response_body 'nope' is no field"),
        ("GetMessage", {"get": "/v1/x", "body": "*"}, "GET has no body"),
    ],
)
def test_a_rule_that_http_proto_does_not_allow_is_refused_at_start(
    method: str, rule: dict[str, str], reason: str
) -> None:
    with pytest.raises(RuleError) as fault:
        binding(method, **rule)
    assert reason in str(fault.value)
    assert f"Messaging.{method}" in str(fault.value)


def test_each_additional_binding_is_a_rule_of_its_own() -> None:
    rules = [rule for rule in rules_of(service) if rule.method.descriptor.name == "GetMessage"]
    assert [(rule.template, rule.index) for rule in rules] == [
        ("/v2/messages/{message_id}", 0),
        ("/v2/users/{user_id}/messages/{message_id}", 1),
    ]


def test_a_method_without_a_rule_has_no_route() -> None:
    assert "Internal" not in {rule.method.descriptor.name for rule in rules_of(service)}


def test_a_rule_knows_every_pattern_of_http_rule() -> None:
    patterns = {field.name for field in http_pb2.HttpRule.DESCRIPTOR.oneofs_by_name["pattern"].fields}
    assert patterns == {"get", "put", "post", "delete", "patch", "custom"}
