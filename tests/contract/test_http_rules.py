"""Every rule and example of the comment of google/api/http.proto, served in process and over a channel.

The comment is the text in third_party; its examples are compiled from there as they stand. Two parts of it don't apply
to a transcoder that reads descriptors:

* Service configuration in YAML: there is none, so nothing overrides an annotation, "last one wins" has no list to be
  said of, and ``selector`` selects nothing (an annotation stands at its method). Its example's template is served.
* ``fully_decode_reserved_expansion`` is a setting of that configuration. What ``HttpRule`` itself says holds: several
  segments are decoded except for ``%2F``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from google.protobuf import json_format, text_format
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dispatch import InProcessDispatch
from gateway.methods import RuleError
from gateway.routes import RouteConflictError
from gateway.templates import TemplateError
from tests.contract.rule_services import (
    House,
    app_of,
    in_process,
    over_a_channel,
    request_of,
    rules_package,
    service_of,
    the_comment,
    the_examples,
)

KINDS = ".gateway_test.v1.Kinds"
EVERY_CHARACTER = "".join(map(chr, range(128))) + "é\u0301ÿ中😀"


@pytest.fixture(scope="module", params=["in process", "over a channel"])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    if request.param == "in process":
        yield in_process()
        return
    async with over_a_channel() as house:
        yield house


def expected(text: str) -> Any:
    return text_format.Parse(text, rules_package()())


@pytest.mark.parametrize("number", range(5))
async def test_each_example_of_the_comment_maps_as_the_comment_says(house: House, number: int) -> None:
    example = the_examples()[number]
    door = house.serving(example.service)
    assert example.pairs
    for http, rpc in example.pairs:
        assert await door.asked(http) == (rpc.partition("(")[0], request_of(example.service, rpc))


def test_no_example_of_the_comment_is_left_out() -> None:
    assert len(the_examples()) == the_comment().count("    service ") == 5
    assert sum(len(example.pairs) for example in the_examples()) == the_comment().count("- HTTP:") == 6


MAPPINGS = [
    # "The path template may refer to one or more fields in the gRPC request message"
    ("no variable", 'get: "/v1/all"', "GET /v1/all", ""),
    ("one field", 'get: "/v1/{id}"', "GET /v1/a", 'id: "a"'),
    ("several fields", 'get: "/v1/{id}/x/{other}"', "GET /v1/a/x/b", 'id: "a" other: "b"'),
    ("a field of a message", 'get: "/v1/{sub.name}"', "GET /v1/a", 'sub { name: "a" }'),
    ("two fields of a message", 'get: "/v1/{sub.name}/{sub.number}"', "GET /v1/a/5", 'sub { name: "a" number: 5 }'),
    # It says "as long as each field is a non-repeated field with a primitive (non-message) type"
    ("a number", 'get: "/v1/{number}"', "GET /v1/-9223372036854775808", "number: -9223372036854775808"),
    ("a boolean", 'get: "/v1/{flag}"', "GET /v1/true", "flag: true"),
    ("an enum's word", 'get: "/v1/{interval}"', "GET /v1/10m", "interval: DEBOUNCE_INTERVAL_10M"),
    ("an enum's name", 'get: "/v1/{interval}"', "GET /v1/DEBOUNCE_INTERVAL_10M", "interval: DEBOUNCE_INTERVAL_10M"),
    ("a member of a oneof", 'get: "/v1/{to_number}"', "GET /v1/0", "to_number: 0"),
    ("an optional field", 'get: "/v1/{maybe}"', "GET /v1/a", 'maybe: "a"'),
    # "Any fields in the request message which are not bound by the path template automatically become HTTP query
    # parameters if there is no HTTP request body."
    ("the rest is the query", 'get: "/v1/{id}"', "GET /v1/a?other=b&number=3", 'id: "a" other: "b" number: 3'),
    ("no query", 'get: "/v1/{id}"', "GET /v1/a?", 'id: "a"'),
    ("DELETE has a query", 'delete: "/v1/{id}"', "DELETE /v1/a?other=b", 'id: "a" other: "b"'),
    ("POST without a body has a query", 'post: "/v1/{id}"', "POST /v1/a?other=b", 'id: "a" other: "b"'),
    # It says "In the case of a repeated type, the parameter can be repeated in the URL as `...?param=A&param=B`."
    ("?param=A&param=B", 'get: "/v1"', "GET /v1?tags=A&id=a&tags=B", 'tags: ["A", "B"] id: "a"'),
    # "In the case of a message type, each field of the message is mapped to a separate parameter, such as
    # `...?foo.a=A&foo.b=B&foo.c=C`."
    (
        "?foo.a=A&foo.b=B&foo.c=C",
        'get: "/v1"',
        "GET /v1?sub.name=A&sub.number=2&sub.words=C&sub.words=D",
        'sub { name: "A" number: 2 words: ["C", "D"] }',
    ),
    # "the parameter name is the field path in the request message"
    ("beside a nested path variable", 'get: "/v1/{sub.name}"', "GET /v1/a?sub.number=2", 'sub { name: "a" number: 2 }'),
    # "For HTTP methods that allow a request body, the `body` field specifies the mapping."
    ("PUT", 'put: "/v1" body: "sub"', 'PUT /v1 {"name": "a"}', 'sub { name: "a" }'),
    ("POST", 'post: "/v1" body: "sub"', 'POST /v1 {"name": "a"}', 'sub { name: "a" }'),
    ("PATCH", 'patch: "/v1" body: "sub"', 'PATCH /v1 {"name": "a"}', 'sub { name: "a" }'),
    ("DELETE", 'delete: "/v1" body: "sub"', 'DELETE /v1 {"name": "a"}', 'sub { name: "a" }'),
    ("a scalar body", 'put: "/v1" body: "number"', 'PUT /v1 "7"', "number: 7"),
    ("an enum body", 'put: "/v1" body: "interval"', 'PUT /v1 "1d"', "interval: DEBOUNCE_INTERVAL_1D"),
    ("a map body", 'put: "/v1" body: "labels"', 'PUT /v1 {"a": "b"}', 'labels { key: "a" value: "b" }'),
    ("an absent body", 'put: "/v1/{id}" body: "sub"', "PUT /v1/a", 'id: "a"'),
    ("an empty message", 'put: "/v1/{id}" body: "sub"', "PUT /v1/a {}", 'id: "a" sub {}'),
    # "All other fields are passed via the URL query parameters"
    (
        "path, body and query",
        'put: "/v1/{id}" body: "sub"',
        'PUT /v1/a?other=b&tags=c {"name": "n"}',
        'id: "a" other: "b" tags: "c" sub { name: "n" }',
    ),
    # "every field not bound by the path template should be mapped to the request body"
    (
        "body *",
        'post: "/v1/{id}" body: "*"',
        'POST /v1/a {"other": "b", "tags": ["c"], "sub": {"name": "n"}, "subs": [{"number": 1}], "labels": {"k": "v"}}',
        'id: "a" other: "b" tags: "c" sub { name: "n" } subs { number: 1 } labels { key: "k" value: "v" }',
    ),
    ("body * without one", 'post: "/v1/{id}" body: "*"', "POST /v1/a", 'id: "a"'),
    ("body * does not change the path", 'post: "/v1/{id}" body: "*"', 'POST /v1/a {"id": "b"}', 'id: "a"'),
    # "The common usage of `*` is in custom methods which don't use the URL at all for transferring data."
    ("a custom method", 'post: "/v1:cancel" body: "*"', 'POST /v1:cancel {"id": "b"}', 'id: "b"'),
    # "Template = "/" Segments [ Verb ]": all its parts
    ("* alone", 'get: "/v1/*/x"', "GET /v1/any/x", ""),
    ("** alone", 'get: "/v1/**"', "GET /v1/any/x", ""),
    ("* and a variable", 'get: "/v1/*/{id}"', "GET /v1/any/x", 'id: "x"'),
    ("a verb after a literal", 'get: "/v1/things:search"', "GET /v1/things:search?id=a", 'id: "a"'),
    ("a verb after a variable", 'post: "/v1/{id}:stop"', "POST /v1/a:stop", 'id: "a"'),
    ("a verb after **", 'post: "/v1/{id=**}:stop"', "POST /v1/a/b:stop", 'id: "a/b"'),
    ("a colon within a value", 'get: "/v1/{id}"', "GET /v1/a:stop", 'id: "a:stop"'),
    ("a variable between literals", 'get: "/v1/{id=x/*/y/*}/z"', "GET /v1/x/1/y/2/z", 'id: "x/1/y/2"'),
    # "The syntax `*` matches a single URL path segment. The syntax `**` matches zero or more URL path segments"
    ("** of zero", 'get: "/v1/{id=**}"', "GET /v1", ""),
    ("** of one", 'get: "/v1/{id=**}"', "GET /v1/a", 'id: "a"'),
    ("** of three", 'get: "/v1/{id=**}"', "GET /v1/a/b/c", 'id: "a/b/c"'),
    ("** of zero after a literal", 'get: "/v1/{id=a/**}"', "GET /v1/a", 'id: "a"'),
    ("** and a verb", 'get: "/v1/{id=**}:x"', "GET /v1:x", ""),
    # It says "`{var}` is equivalent to `{var=*}`"
    ("{var=*}", 'get: "/v1/{id=*}"', "GET /v1/a%2Fb", 'id: "a/b"'),
    # "If the `LITERAL` contains any reserved character, such characters should be percent-encoded before the matching."
    ("an escaped literal", 'get: "/v1/a%20b%2Fc"', "GET /v1/a%20b%2Fc", ""),
    ("an escaped literal in lower case", 'get: "/v1/a%2Fc"', "GET /v1/a%2fc", ""),
    ("an escape that was not needed", 'get: "/v1/abc"', "GET /v1/%61b%63", ""),
    # "except "%2F" and "%2f" are left unchanged"
    ("%2F of several segments", 'get: "/v1/{id=**}"', "GET /v1/a%2Fb/c%2fd%20e", 'id: "a%2Fb/c%2fd e"'),
    ("%2F within foo/*", 'get: "/v1/{id=foo/*}"', "GET /v1/foo/a%2Fb%3A", 'id: "foo/a%2Fb:"'),
    ("%252F is decoded once", 'get: "/v1/{id=**}"', "GET /v1/a%252Fb", 'id: "a%2Fb"'),
    ("%252F is decoded once in one segment", 'get: "/v1/{id}"', "GET /v1/a%252Fb", 'id: "a%2Fb"'),
    ("+ is no space in a path", 'get: "/v1/{id}"', "GET /v1/a+b", 'id: "a+b"'),
    # Of service config, "{selector: … get: /v1/messages/{message_id}/{sub.subfield}}"
    (
        "of service config",
        'get: "/v1/messages/{id}/{sub.name}"',
        "GET /v1/messages/1/foo",
        'id: "1" sub { name: "foo" }',
    ),
    ("a selector", 'selector: "not.This" get: "/v1/{id}"', "GET /v1/a", 'id: "a"'),
    # "The path variables must not capture the leading "/" character."
    ("no leading slash", 'get: "/{id=**}"', "GET /a/b", 'id: "a/b"'),
    # It says "If an API needs to use a JSON array for request or response body, it can map [it] to a repeated field."
    ("an array of scalars", 'put: "/v1" body: "tags"', 'PUT /v1 ["a", "b"]', 'tags: ["a", "b"]'),
    ("an array of messages", 'put: "/v1" body: "subs"', 'PUT /v1 [{"name": "a"}, {}]', 'subs { name: "a" } subs {}'),
    # "The custom pattern is used for specifying an HTTP method that is not included in the `pattern` field, such as
    # HEAD, or "*" to leave the HTTP method unspecified"
    ("custom HEAD", 'custom { kind: "HEAD" path: "/v1/{id}" }', "HEAD /v1/a", 'id: "a"'),
    ("custom of its own", 'custom { kind: "REPORT" path: "/v1" } body: "*"', 'REPORT /v1 {"id": "a"}', 'id: "a"'),
    ("custom *", 'custom { kind: "*" path: "/v1/{id}" }', "BREW /v1/a", 'id: "a"'),
    # what OpenAPI and the query call it, too: both spellings of a name
    ("both spellings", 'get: "/v1"', "GET /v1?toText=a", 'to_text: "a"'),
]


@pytest.mark.parametrize(("rule", "http", "message"), [row[1:] for row in MAPPINGS], ids=[row[0] for row in MAPPINGS])
async def test_a_request_becomes_the_message_that_its_rule_says(
    house: House, rule: str, http: str, message: str
) -> None:
    assert await house.serving(service_of(rule)).asked(http) == ("M1", expected(message))


REFUSALS: list[tuple[str, str, str, int, str]] = [
    # "Note that when using `*` in the body mapping, it is not possible to have HTTP parameters"
    ("body * and a parameter", 'post: "/v1" body: "*"', "POST /v1?id=a {}", 422, "id"),
    # "If HttpRule.body is omitted, there is no HTTP request body"
    ("no body", 'post: "/v1"', 'POST /v1 {"id": "a"}', 422, ""),
    ("no body of GET", 'get: "/v1"', 'GET /v1 {"id": "a"}', 422, ""),
    # "Leaf request fields are classified into three categories": each is passed in one of the three ways
    ("a path's field in the query", 'get: "/v1/{id}"', "GET /v1/a?id=b", 422, "id"),
    ("a body's field in the query", 'put: "/v1" body: "sub"', "PUT /v1?sub.name=b {}", 422, "sub.name"),
    ("a field of nobody", 'get: "/v1"', "GET /v1?nope=b", 422, "nope"),
    # "fields which are mapped to URL query parameters must have a primitive type or a repeated primitive type or a
    # non-repeated message type"; "Repeated message fields must not be mapped to URL query parameters"
    ("a repeated message", 'get: "/v1"', "GET /v1?subs.name=a", 422, "subs.name"),
    ("a map", 'get: "/v1"', "GET /v1?labels.a=b", 422, "labels.a"),
    ("a message as a whole", 'get: "/v1"', "GET /v1?sub=a", 422, "sub"),
    ("one value, given twice", 'get: "/v1"', "GET /v1?id=a&id=b", 422, "id"),
    ("one value in both spellings", 'get: "/v1"', "GET /v1?to_text=a&toText=a", 422, "toText"),
    # A oneof holds one of its members, wherever they come from.
    ("two of a oneof in the query", 'get: "/v1"', "GET /v1?to_text=a&to_number=1", 422, "to_number"),
    ("a nested one", 'get: "/v1"', "GET /v1?to_text=a&to_sub.name=b", 422, "to_sub.name"),
    ("body and query", 'put: "/v1" body: "to_sub"', "PUT /v1?to_text=a {}", 422, "to_text"),
    ("path and query", 'get: "/v1/{to_text}"', "GET /v1/a?to_number=1", 422, "to_text"),
    ("path and body", 'put: "/v1/{to_text}" body: "*"', 'PUT /v1/a {"to_number": 1}', 422, "to_text"),
    ("nested path and body", 'put: "/v1/{to_sub.name}" body: "*"', 'PUT /v1/a {"to_text": "b"}', 422, "to_sub.name"),
    # values
    ("no number", 'get: "/v1/{number}"', "GET /v1/x", 422, "number"),
    ("no boolean", 'get: "/v1/{flag}"', "GET /v1/1", 422, "flag"),
    ("no word", 'get: "/v1/{interval}"', "GET /v1/7m", 422, "interval"),
    ("a body that is no array", 'put: "/v1" body: "tags"', 'PUT /v1 "a"', 422, "tags"),
    # "The syntax `*` matches a single URL path segment."
    ("* is not none", 'get: "/v1/{id}"', "GET /v1", 404, ""),
    ("* is not empty", 'get: "/v1/{id}"', "GET /v1/", 404, ""),
    ("* is not two", 'get: "/v1/{id}"', "GET /v1/a/b", 404, ""),
    ("x/* has its literal", 'get: "/v1/{id=x/*}"', "GET /v1/y/a", 404, ""),
    ("an escaped slash does not part", 'get: "/v1/x/y"', "GET /v1/x%2Fy", 404, ""),
    ("an escaped verb is none", 'get: "/v1/x:go"', "GET /v1/x%3Ago", 404, ""),
    ("literals have a case", 'get: "/v1/x"', "GET /v1/X", 404, ""),
    ("a verb is wanted", 'get: "/v1/{id}:go"', "GET /v1/a", 404, ""),
    # It says "This pattern can be used with any of the {get|put|post|delete|patch} methods."
    ("another method", 'get: "/v1"', "PUT /v1 {}", 405, ""),
    ("custom is that method alone", 'custom { kind: "HEAD" path: "/v1" }', "GET /v1", 405, ""),
]


@pytest.mark.parametrize(
    ("rule", "http", "status", "field"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
async def test_what_no_rule_maps_is_refused_and_reaches_nobody(
    house: House, rule: str, http: str, status: int, field: str
) -> None:
    door = house.serving(service_of(rule))
    answer = await door(http)
    assert (answer.status, door.recorder.seen) == (status, [])
    if status == 422:
        assert list(answer.violations()) == [field]


async def test_each_character_of_a_single_segment_is_decoded(house: House) -> None:
    """Rule: "all characters except `[-_.~0-9a-zA-Z]` are percent-encoded [...] the reverse decoding"."""
    door = house.serving(service_of('get: "/v1/{id}"'))
    for escaped in (quote(EVERY_CHARACTER, safe="-_.~"), quote(EVERY_CHARACTER, safe="-_.~").lower()):
        _, message = await door.asked(f"GET /v1/{escaped}")
        assert message.id.lower() == EVERY_CHARACTER.lower()


@pytest.mark.parametrize(("rule", "prefix"), [('get: "/v1/{id=**}"', ""), ('get: "/v1/{id=foo/*}"', "foo/")])
async def test_each_character_of_several_segments_is_decoded_but_the_escaped_slash(
    house: House, rule: str, prefix: str
) -> None:
    """Rule: "The server side does the reverse decoding, except %2F and %2f are left unchanged"."""
    door = house.serving(service_of(rule))
    _, message = await door.asked(f"GET /v1/{prefix}{quote(EVERY_CHARACTER, safe='-_.~')}")
    assert message.id == prefix + EVERY_CHARACTER.replace("/", "%2F")


async def test_each_character_of_a_parameter_is_decoded_in_its_name_and_value(house: House) -> None:
    door = house.serving(service_of('get: "/v1"'))
    _, message = await door.asked(f"GET /v1?%6fther={quote(EVERY_CHARACTER, safe='')}")
    assert message.other == EVERY_CHARACTER


async def test_response_body_is_that_field_and_without_it_the_whole_message(house: House) -> None:
    """Rule: "When omitted, the entire response message will be used as the HTTP response body"."""
    rules = [f'get: "/{name}" response_body: "{name}"' for name in ("tags", "sub", "subs", "labels", "number", "maybe")]
    door = house.serving(service_of(*rules, 'get: "/whole"'))
    door.recorder.answer = expected('tags: "a" sub { name: "b" } subs { number: 1 } labels { key: "k" value: "v" }')
    bodies = {
        name: (await door(f"GET /{name}")).json() for name in ("tags", "sub", "subs", "labels", "number", "maybe")
    }
    sub = {"name": "", "number": 0, "words": []}
    assert bodies == {
        "tags": ["a"],
        "sub": sub | {"name": "b"},
        "subs": [sub | {"number": 1}],
        "labels": {"k": "v"},
        "number": 0,
        "maybe": None,
    }
    whole = (await door("GET /whole")).json()
    assert list(whole) == [field.name for field in rules_package().DESCRIPTOR.fields]
    assert {name: whole[name] for name in bodies} == bodies


async def test_additional_bindings_have_methods_bodies_and_responses_of_their_own(house: House) -> None:
    """Rule: "It is possible to define multiple HTTP methods for one RPC by using the `additional_bindings` option"."""
    rule = """get: "/v1/{id}"
        additional_bindings { post: "/v1" body: "*" }
        additional_bindings { put: "/v2/{id}" body: "sub" response_body: "sub" }
        additional_bindings { custom { kind: "*" path: "/v3/{other}" } }"""
    door = house.serving(service_of(rule))
    for http, message in [
        ("GET /v1/a?other=b", 'id: "a" other: "b"'),
        ('POST /v1 {"id": "a"}', 'id: "a"'),
        ('PUT /v2/a?number=1 {"name": "n"}', 'id: "a" number: 1 sub { name: "n" }'),
        ("PURGE /v3/a", 'other: "a"'),
    ]:
        assert await door.asked(http) == ("M1", expected(message))
    assert (await door("PUT /v2/a {}")).json() is None


async def test_an_http_body_in_a_field_is_the_bytes_and_their_type_beside_the_query(house: House) -> None:
    door = house.serving(service_of('put: "/v1/{id}" body: "file" response_body: "file"'))
    door.recorder.answer = expected('file { content_type: "text/x-out" data: "\\377out" }')
    answer = await door.send("PUT", b"/v1/a?other=b", b"\xff{", content_type=b"image/x-in")
    message = expected('id: "a" other: "b" file { content_type: "image/x-in" data: "\\377{" }')
    assert door.recorder.seen == [("M1", message)]
    assert (answer.body, answer.headers["content-type"]) == (b"\xffout", "text/x-out")


PRECEDENCE = [
    ("GET /v1/search", "M3"),
    ("GET /v1/other", "M2"),
    ("GET /v1/a/b", "M1"),
    ("GET /v1/search/deep", "M1"),
    ("GET /v1/a:go", "M4"),
    ("GET /v1/search:go", "M4"),
    ("GET /v1/a%3Ago", "M2"),
    ("PUT /v1/search", "M5"),
]


@pytest.mark.parametrize(("http", "method"), PRECEDENCE)
async def test_the_more_special_template_is_served_whatever_the_order(house: House, http: str, method: str) -> None:
    """A literal, then `*`, then `**`: no two of them conflict."""
    paths = ['get: "/v1/{id=**}"', 'get: "/v1/{id}"', 'get: "/v1/search"', 'get: "/v1/{id}:go"', 'put: "/v1/{id}"']
    assert (await house.serving(service_of(*paths)).asked(http))[0] == method


def illegal(error: type[Exception], word: str, *rules: str, client_streaming: bool = False) -> Any:
    return pytest.param(error, word, rules, client_streaming, id=f"{word}: {rules[-1]}")


ILLEGAL = [
    # "each field is a non-repeated field with a primitive (non-message) type"; "The path variables must not refer to
    # any repeated or mapped field"
    illegal(RuleError, "repeated", 'get: "/v1/{tags}"'),
    illegal(RuleError, "repeated", 'get: "/v1/{labels}"'),
    illegal(RuleError, "repeated", 'get: "/v1/{subs.name}"'),
    illegal(RuleError, "repeated", 'get: "/v1/{sub.words}"'),
    illegal(RuleError, "is a message", 'get: "/v1/{sub}"'),
    illegal(RuleError, "does not have", 'get: "/v1/{nope}"'),
    illegal(RuleError, "does not have", 'get: "/v1/{sub.nope}"'),
    illegal(RuleError, "does not have", 'get: "/v1/{id.x}"'),
    illegal(RuleError, "one of", 'get: "/v1/{to_text}/{to_number}"'),
    illegal(RuleError, "one of", 'get: "/v1/{to_sub.name}/{to_number}"'),
    # "`**` ... must be the last part of the URL path except the `Verb`"
    illegal(TemplateError, "last part", 'get: "/v1/**/x"'),
    illegal(TemplateError, "last part", 'get: "/v1/{id=**}/{other}"'),
    # "A variable template must not contain other variables."
    illegal(TemplateError, "another variable", 'get: "/v1/{id={other}}"'),
    illegal(TemplateError, "bound twice", 'get: "/v1/{id}/{id}"'),
    # The grammar that begins with: Template is "/" Segments [ Verb ]
    illegal(TemplateError, "expected '/'", 'get: "v1"'),
    illegal(TemplateError, "expected '/'", 'get: ""'),
    illegal(TemplateError, "expected a literal", 'get: "/v1/"'),
    illegal(TemplateError, "expected a literal", 'get: "/v1//x"'),
    illegal(TemplateError, "unexpected", 'get: "/v1?x=y"'),
    illegal(TemplateError, "unexpected", 'get: "/v1#x"'),
    illegal(TemplateError, "unexpected", 'get: "/v1/a{id}"'),
    illegal(TemplateError, "last part", 'custom { kind: "GET" path: "/v1/**/x" }'),
    illegal(TemplateError, "expected", 'get: "/v1" additional_bindings { get: "/v2/{" }'),
    # "the referred field must be present at the top-level of the request message type"
    illegal(RuleError, "is no field", 'put: "/v1" body: "nope"'),
    illegal(RuleError, "is no field", 'put: "/v1" body: "sub.name"'),
    # "The referred field must be present at the top-level of the response message type."
    illegal(RuleError, "is no field", 'get: "/v1" response_body: "nope"'),
    illegal(RuleError, "is no field", 'get: "/v1" response_body: "sub.name"'),
    illegal(RuleError, "is no field", 'get: "/v1" response_body: "*"'),
    # "For HTTP methods that allow a request body"
    illegal(RuleError, "no body", 'get: "/v1" body: "*"'),
    illegal(RuleError, "no body", 'get: "/v1" body: "sub"'),
    illegal(RuleError, "no body", 'custom { kind: "HEAD" path: "/v1" } body: "*"'),
    # A field is in one of the three categories.
    illegal(RuleError, "the path sets", 'put: "/v1/{id}" body: "id"'),
    # "Nested bindings must not contain an `additional_bindings` field themselves"
    illegal(RuleError, "nested", 'get: "/v1" additional_bindings { get: "/v2" additional_bindings { get: "/v3" } }'),
    illegal(RuleError, "no pattern", 'body: "*"'),
    illegal(RuleError, "no pattern", 'get: "/v1" additional_bindings { body: "*" }'),
    illegal(RuleError, "kind", 'custom { path: "/v1" }'),
    illegal(RuleError, "kind", 'custom { kind: "G T" path: "/v1" }'),
    illegal(RuleError, "client stream", 'post: "/v1" body: "*"', client_streaming=True),
    # Two rules that match the same requests.
    illegal(RouteConflictError, "conflicts", 'get: "/v1/{id}"', 'get: "/v1/{other}"'),
    illegal(RouteConflictError, "conflicts", 'get: "/v1/*"', 'get: "/v1/{id=*}"'),
    illegal(RouteConflictError, "conflicts", 'get: "/v1/x/*"', 'get: "/v1/{id=x/*}"'),
    illegal(RouteConflictError, "conflicts", 'get: "/v1/**"', 'get: "/v1/{id=**}"'),
    illegal(RouteConflictError, "conflicts", 'get: "/v1/{id}:go"', 'get: "/v1/{other}:go"'),
    illegal(RouteConflictError, "conflicts", 'get: "/v1/a%20b"', 'get: "/v1/%61%20b"'),
    illegal(RouteConflictError, "conflicts", 'get: "/v1"', 'custom { kind: "get" path: "/v1" }'),
    illegal(RouteConflictError, "conflicts", 'get: "/v1" additional_bindings { get: "/v1" }'),
    illegal(RouteConflictError, "conflicts", 'get: "/v1"', 'get: "/v2" additional_bindings { get: "/v1" }'),
]


@pytest.mark.parametrize(("error", "word", "rules", "client_streaming"), ILLEGAL)
def test_a_rule_that_cannot_be_served_is_reported_at_start_with_its_method(
    error: type[Exception], word: str, rules: tuple[str, ...], *, client_streaming: bool
) -> None:
    service = service_of(*rules, client_streaming=client_streaming)
    with pytest.raises(error) as fault:
        app_of(service, dispatch=InProcessDispatch())
    assert word in str(fault.value)
    assert f"{service.full_name}.M{len(rules)}" in str(fault.value)


def test_two_services_that_match_the_same_requests_are_reported_at_start_by_name() -> None:
    first, second = service_of('get: "/v1/{id}"'), service_of('get: "/v1/{other}"')
    with pytest.raises(RouteConflictError) as fault:
        app_of(first, second, dispatch=InProcessDispatch())
    assert f"GET /v1/{{id}} of {first.full_name}.M1" in str(fault.value)
    assert f"GET /v1/{{other}} of {second.full_name}.M1" in str(fault.value)


REST_WORDS = {"debounce_interval", "s3_mode", "colour"}
LOW, HIGH = -(2**63), 2**63 - 1
SAME = [
    *((name, low) for name in ("an_int32", "a_sint32") for low in ("-2147483648", "2147483647", "0")),
    *((name, text) for name in ("an_int64", "a_sint64", "maybe_int64") for text in (str(LOW), str(HIGH), "0")),
    *((name, text) for name in ("a_uint32", "a_fixed32") for text in ("0", "4294967295")),
    *((name, text) for name in ("a_uint64", "a_fixed64") for text in ("0", "18446744073709551615")),
    *(("a_double", text) for text in ("0", "-0.0", "1e308", "-1.5", "5e-324", "NaN", "Infinity", "-Infinity")),
    *(("a_float", text) for text in ("0.1", "3.4028235e38", "-3.4028235e+38", "NaN", "Infinity", "-Infinity")),
    ("a_bool", "true"),
    ("a_bool", "false"),
    *(("a_string", text) for text in ("a", " ", "null", "5", "%", "ü/😀?&=#+", EVERY_CHARACTER)),
    *(("some_bytes", text) for text in ("+/8=", "-_8=", "+/8", "-_8", "AAECAw==")),
    *(("debounce_interval", text) for text in ("5m", "DEBOUNCE_INTERVAL_5M", "1d", "DEBOUNCE_INTERVAL_1D")),
    *(("s3_mode", text) for text in ("path_style", "virtual-hosted", "S3_MODE_VIRTUAL")),
    *(("colour", text) for text in ("red", "green", "GREEN")),
]


@pytest.mark.parametrize(("field", "text"), SAME)
async def test_a_scalar_is_the_same_in_path_query_and_body(house: House, field: str, text: str) -> None:
    service = service_of(f'get: "/p/{{{field}}}"', 'get: "/q"', 'post: "/b" body: "*"', request=KINDS)
    door = house.serving(service)
    value: Any = text == "true" if field == "a_bool" else text
    escaped = quote(text, safe="")
    seen = [
        (await door.asked(http))[1].SerializeToString(deterministic=True)
        for http in (
            f"GET /p/{escaped}",
            f"GET /q?{field}={escaped}",
            f"POST /b {orjson.dumps({field: value}).decode()}",
        )
    ]
    if field not in REST_WORDS:  # those the canonical reader does not know
        canonical = json_format.ParseDict({field: value}, GetMessageClass(service.methods[0].input_type)())
        seen.append(canonical.SerializeToString(deterministic=True))
    assert seen == [seen[0]] * len(seen)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *((name, text) for name in ("an_int32", "a_sint32") for text in ("-2147483649", "2147483648")),
        *((name, text) for name in ("an_int64", "a_sint64") for text in (str(LOW - 1), str(HIGH + 1))),
        *((name, text) for name in ("a_uint32", "a_fixed32") for text in ("-1", "4294967296")),
        *((name, text) for name in ("a_uint64", "a_fixed64") for text in ("-1", "18446744073709551616")),
        *(("an_int32", text) for text in ("1.5", "1e3", "01", "+1", " 1", "0x1", "1_0", "٣", "NaN", "9" * 5000)),
        *(("a_double", text) for text in ("1e400", "-1e400", "nan", "inf", "1_0", "0x1", ".5", "+1", "9" * 5000)),
        *(("a_float", text) for text in ("3.4028236e38", "-1e39")),
        *(("a_bool", text) for text in ("True", "TRUE", "1", "yes", "0", "on")),
        *(("some_bytes", text) for text in ("A", "A B=", "ü", "%%%%")),
        *(("debounce_interval", text) for text in ("7m", "unspecified", "99", "-1", "٣")),
    ],
)
async def test_a_scalar_out_of_its_range_is_refused_by_name_in_path_query_and_body(
    house: House, field: str, text: str
) -> None:
    service = service_of(f'get: "/p/{{{field}}}"', 'get: "/q"', 'post: "/b" body: "*"', request=KINDS)
    door, escaped = house.serving(service), quote(text, safe="")
    body = orjson.dumps({field: text}).decode()
    for http in (f"GET /p/{escaped}", f"GET /q?{field}={escaped}", f"POST /b {body}"):
        answer = await door(http)
        assert (answer.status, list(answer.violations())) == (422, [field])
        assert len(answer.body) < 500
    assert door.recorder.seen == []


@pytest.mark.parametrize(
    "target",
    [
        b"/v1/%",
        b"/v1/%4",
        b"/v1/%zz",
        b"/v1/%FF",
        b"/v1/%C3",
        b"/v1/%ED%A0%80",
        b"/v1/%C0%AF",
        b"/v1/\xff",
        b"/v1/%u0041",
    ],
)
@pytest.mark.parametrize("template", ["{id}", "{id=**}"])
async def test_a_path_that_is_no_escaped_utf8_is_refused_with_the_variable(
    house: House, template: str, target: bytes
) -> None:
    door = house.serving(service_of(f'get: "/v1/{template}"'))
    answer = await door.send("GET", target)
    assert (answer.status, list(answer.violations()), door.recorder.seen) == (422, ["id"], [])


@pytest.mark.parametrize("query", [b"id=%", b"id=%4", b"id=%zz", b"id=%FF", b"id=%ED%A0%80", b"id=\xff", b"%zz=a"])
async def test_a_query_that_is_no_escaped_utf8_is_refused(house: House, query: bytes) -> None:
    door = house.serving(service_of('get: "/v1"'))
    answer = await door.send("GET", b"/v1?" + query)
    assert (answer.status, door.recorder.seen) == (422, [])
    assert b"query parameter" in answer.body


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        (b"/v1/%00", "\0"),
        (b"/v1/%2e%2e", ".."),
        (b"/v1/..", ".."),
        (b"/v1/%2F", "/"),
        (b"/v1/..%2f..%2Fetc", "../../etc"),
        (b"/v1/\xc3\xa9", "é"),
        (b"/v1/a;b=c,d", "a;b=c,d"),
        (b"/v1/%3Cb%3E", "<b>"),
        (b"/v1/" + b"a" * 100_000, "a" * 100_000),
        (b"/v1/" + b"%2F" * 40_000, "/" * 40_000),
        (b"/v1?id=%00%2F%2e%2e", "\0/.."),
        (b"/v1?id=\xc3\xa9+%2B", "é +"),
        (b"/v1?id=a=b?c/d", "a=b?c/d"),
        (b"/v1?&&id=a&", "a"),
    ],
)
async def test_an_odd_path_or_query_is_one_value_as_it_stands(house: House, target: bytes, seen: str) -> None:
    """Nothing is resolved: the servicer sees what was named, and decides."""
    door = house.serving(service_of('get: "/v1/{id}" additional_bindings { get: "/v1" }'))
    assert (await door.send("GET", target)).status == 200
    assert door.recorder.seen == [("M1", expected("") if not seen else rules_package()(id=seen))]


async def test_a_path_of_many_segments_is_one_value_or_unknown(house: House) -> None:
    door = house.serving(service_of('get: "/v1/{id=**}"', 'get: "/v2/{id}"'))
    assert (await door.send("GET", b"/v1" + b"/x" * 50_000)).status == 200
    assert (await door.send("GET", b"/v2" + b"/x" * 50_000)).status == 404


async def test_ten_thousand_parameters_are_read_and_as_many_faults_are_told_in_short(house: House) -> None:
    door = house.serving(service_of('get: "/v1"'))
    _, message = await door.asked("GET /v1?" + "&".join(f"tags={number}" for number in range(10_000)))
    assert list(message.tags) == list(map(str, range(10_000)))
    unknown = await door("GET /v1?" + "&".join(f"no{number}=1" for number in range(10_000)))
    assert (unknown.status, len(unknown.violations())) == (422, 50)
    deep = await door("GET /v1?" + ".".join(["sub"] * 10_000) + "=1")
    assert deep.status == 422


def nested(opening: str, closing: str, times: int) -> bytes:
    return (opening * times + closing * times).encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b"{}{}", "invalid_json"),
        (b'{"a_string": "\xff"}', "invalid_json"),
        (b'{"a_string": "\xed\xa0\x80"}', "invalid_json"),
        (b'{"a_string": "\\ud800"}', "invalid_json"),
        (b'{"a_string": "\\udc00\\ud800"}', "invalid_json"),
        (b'{"a_string": "\0"}', "invalid_json"),
        (b'\xef\xbb\xbf{"a_string": "x"}', "invalid_json"),
        ('{"a_string": "x"}'.encode("utf-16"), "invalid_json"),
        (b'{"a_double": NaN}', "invalid_json"),
        (b'{"a_double": 1e400}', "invalid_json"),
        (b'{"a_double": 1e999999999}', "invalid_json"),
        (b'{"an_int64": ' + b"9" * 100_000 + b"}", "invalid_json"),
        (b'{"an_int32": 01}', "invalid_json"),
        (b"{'a_string': 'x'}", "invalid_json"),
        (b'{"a_string": "x",}', "invalid_json"),
        (nested('{"child":', "}", 5000), "invalid_json"),
        (nested("[", "]", 100_000), "invalid_json"),
        (nested('{"child":', "}", 100).replace(b":}", b":{}}"), "validation_error"),
        (b'{"struct": ' + nested('{"a":', "}", 100).replace(b":}", b":{}}") + b"}", "validation_error"),
        (b'{"value": ' + nested("[", "]", 100) + b"}", "validation_error"),
        (b'{"a_string": "x", "a_string": "y"}', "validation_error"),
        (b'{"a_string": "x", "a_str\\u0069ng": "y"}', "validation_error"),
        (b'{"child": {"name": "x", "name": "x"}}', "validation_error"),
        (b'{"labels": {"a": "x", "a": "y"}}', "validation_error"),
        (b'{"struct": {"a": 1, "a": 1}}', "validation_error"),
        (b'{"a_string": "x", "aString": "x"}', "validation_error"),
        (b'{"by_number": {"0": {}, "-0": {}}}', "validation_error"),
        (b'{"an_int64": 1e30}', "validation_error"),
        (b'{"an_int64": 9223372036854775808}', "validation_error"),
        (b'{"an_int64": -9223372036854775809}', "validation_error"),
        (b'{"a_uint64": 18446744073709551616}', "validation_error"),
        (b'{"an_int64": 1e-400}', ""),
        (b'{"a_double": -0.0}', ""),
        (b'{"a_string": "\\u0000\\ud83d\\ude00"}', ""),
        (b' \t\r\n{"a_string": "x"}\n', ""),
        (b'{"a_string": "' + b"x" * 1_000_000 + b'"}', ""),
        (b'{"strings": [' + b'"",' * 100_000 + b'""]}', ""),
        (b"null", "validation_error"),
        (b"[]", "validation_error"),
        (b'"x"', "validation_error"),
        (b"", ""),
    ],
    ids=lambda value: repr(value)[:50],
)
async def test_a_body_is_read_whole_or_refused_with_its_reason(house: House, body: bytes, code: str) -> None:
    door = house.serving(service_of('post: "/v1" body: "*"', request=KINDS, response=".gateway_test.v1.Child"))
    answer = await door.send("POST", b"/v1", body)
    if not code:
        assert (answer.status, len(door.recorder.seen)) == (200, 1)
        return
    assert (answer.status, answer.json()["error"]["code"], door.recorder.seen) == (422, code, [])
    assert len(answer.body) < 5000


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (b"application/json", 200),
        (b"APPLICATION/JSON", 200),
        (b"application/json;charset=utf-8", 200),
        (b'application/json; charset="UTF-8"', 200),
        (b"application/vnd.any+json", 200),
        (b"", 200),
        (b"text/plain", 415),
        (b"text/json", 415),
        (b"application/jsonp", 415),
        (b"application/xml", 415),
        (b"application/octet-stream", 415),
        (b"application/x-www-form-urlencoded", 415),
        (b"multipart/form-data; boundary=x", 415),
        (b"json", 415),
        (b"\xff\xfe", 415),
    ],
)
async def test_a_body_is_json_of_a_json_type(house: House, content_type: bytes, status: int) -> None:
    door = house.serving(service_of('post: "/v1" body: "*"'))
    answer = await door.send("POST", b"/v1", b'{"id": "a"}', content_type=content_type)
    assert (answer.status, len(door.recorder.seen)) == (status, int(status == 200))


@pytest.mark.parametrize("chunks", [(b'{"id":', b' "a"', b"}"), (b'{"id": "a"}', b""), tuple(b'{"id": "a"}'.decode())])
async def test_a_chunked_body_is_the_sum_of_its_chunks(house: House, chunks: tuple[bytes | str, ...]) -> None:
    door = house.serving(service_of('post: "/v1" body: "*"'))
    pieces = [chunk.encode() if isinstance(chunk, str) else chunk for chunk in chunks]
    assert (await door.send("POST", b"/v1", *pieces)).status == 200
    assert door.recorder.seen == [("M1", expected('id: "a"'))]


async def test_a_body_where_none_is_mapped_is_refused_unless_it_says_nothing(house: House) -> None:
    door = house.serving(service_of('get: "/v1"', 'post: "/v1"'))
    for method in ("GET", "POST"):
        for body, status in [(b"{}", 200), (b"null", 200), (b'{"id": "a"}', 422), (b"[]", 422), (b"x", 422)]:
            assert (await door.send(method, b"/v1", body)).status == status


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("at", "2026-01-01T00:00:00.000000001Z"),
        ("at", "2026-01-01T00:30:00+00:30"),
        ("wait", "-1.5s"),
        ("mask", "name,child.someField"),
        ("wrapped_string", "ü+"),
        ("wrapped_string", ""),
        ("wrapped_int64", str(HIGH)),
        ("wrapped_bytes", "-_8"),
        ("child.child.name", "x"),
    ],
)
async def test_a_well_known_or_nested_value_is_the_same_in_query_and_body(house: House, field: str, text: str) -> None:
    door = house.serving(service_of('get: "/q"', 'post: "/b" body: "*"', request=KINDS))
    value: Any = text
    for name in reversed(field.split(".")):
        value = {name: value}
    _, asked = await door.asked(f"GET /q?{field}={quote(text, safe='')}")
    _, posted = await door.asked(f"POST /b {orjson.dumps(value).decode()}")
    assert asked == posted == json_format.ParseDict(value, type(posted)())


@pytest.mark.parametrize("name", ["at", "wait", "mask", "wrapped_int64", "struct", "value", "any"])
def test_a_well_known_type_is_a_message_and_never_in_a_path(name: str) -> None:
    with pytest.raises(RuleError, match="is a message"):
        app_of(service_of(f'get: "/v1/{{{name}}}"', request=KINDS), dispatch=InProcessDispatch())


PIECES = st.sampled_from(
    [b"/", b"v1", b"v2", b":go", b"%", b"%2F", b"%00", b"?", b"&", b"=", b"child", b".", b"name", b"+"]
)
BODIES = st.sampled_from(
    [b"{", b"}", b"[", b"]", b'"', b":", b",", b"null", b"child", b"struct", b"1e9", b"\\ud800", b"\xff"]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(PIECES | st.binary(max_size=4), max_size=12).map(b"".join),
    st.lists(BODIES | st.binary(max_size=4), max_size=12).map(b"".join),
    st.sampled_from(["GET", "POST", "HEAD", "OPTIONS"]),
)
async def test_whatever_comes_is_no_internal_error(target: bytes, body: bytes, method: str) -> None:
    rules = 'get: "/v1/{a_string=**}" additional_bindings { post: "/v1/{an_int32}:go" body: "*" }'
    door = in_process().serving(fuzzed_service(f'{rules} additional_bindings {{ post: "/v2" body: "child" }}'))
    for start in (b"/v1", b"/v2", b"/"):
        assert (await door.send(method, start + target, body)).status < 500


@cache
def fuzzed_service(rule: str) -> ServiceDescriptor:
    return service_of(rule, request=KINDS)
