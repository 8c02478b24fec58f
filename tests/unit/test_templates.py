"""The grammar of path templates, and the decoding rules of the comment of google/api/http.proto."""

from __future__ import annotations

import pytest

from gateway.routes import Match, Miss, RouteConflictError, Routes
from gateway.templates import Template, TemplateError, Wildcard, parse

ONE, REST = Wildcard.ONE, Wildcard.REST


def routes(*templates: str, method: str = "GET") -> Routes[Template]:
    table: Routes[Template] = Routes()
    for text in templates:
        verb, _, path = text.rpartition(" ")
        template = parse(path)
        table.add(verb or method, template, template, name=text)
    return table


def found(table: Routes[Template], path: str, method: str = "GET") -> dict[str, str] | None:
    """The variables by field path and the template's text under ``""``."""
    match = table.match(method, path.encode())
    if isinstance(match, Miss):
        return None
    values = {".".join(v.path): v.captured(match.segments) for v in match.target.variables}
    return {"": match.target.text, **values}


@pytest.mark.parametrize(
    ("text", "segments", "verb"),
    [
        ("/v1/messages", ("v1", "messages"), ""),
        ("/v1/*", ("v1", ONE), ""),
        ("/v1/**", ("v1", REST), ""),
        ("/v1/messages:search", ("v1", "messages"), "search"),
        ("/v1/{id}", ("v1", ONE), ""),
        ("/v1/{id=*}:pause", ("v1", ONE), "pause"),
        ("/v1/{name=messages/*}", ("v1", "messages", ONE), ""),
        ("/v1/{name=messages/**}:undo", ("v1", "messages", REST), "undo"),
        ("/v1/{a.b.c}/{d=x/*/y}", ("v1", ONE, "x", ONE, "y"), ""),
        ("/v1/a%20b", ("v1", "a b"), ""),
        ("/v1/{name=literal}", ("v1", "literal"), ""),
    ],
)
def test_a_template_is_segments_and_a_verb(text: str, segments: tuple[object, ...], verb: str) -> None:
    template = parse(text)
    assert (template.segments, template.verb) == (segments, verb)


def test_a_variable_without_a_template_is_the_same_as_one_segment() -> None:
    short, long = parse("/v1/{var}").variables, parse("/v1/{var=*}").variables
    assert short == long
    assert not short[0].multi


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("v1", "column 1: expected '/'"),
        ("", "column 1: expected '/'"),
        ("/", "expected a literal"),
        ("/v1//x", "column 5: expected a literal"),
        ("/v1/", "expected a literal"),
        ("/v1/{", "expected a field name"),
        ("/v1/{a", "expected '}'"),
        ("/v1/{a.}", "expected a field name"),
        ("/v1/{1a}", "expected a field name"),
        ("/v1/{a=}", "expected a literal"),
        ("/v1/{a={b}}", "must not contain another variable"),
        ("/v1/**/x", "must be the last part"),
        ("/v1/{a=**}/x", "must be the last part"),
        ("/v1/{a}/{a}", "bound twice"),
        ("/v1/x:", "expected a literal"),
        ("/v1/x:a:b", "unexpected ':'"),
        ("/v1/x y", "unexpected ' '"),
        ("/v1/x*", "unexpected '*'"),
        ("/v1/%FF", "UTF-8"),
    ],
)
def test_a_template_outside_the_grammar_is_refused_with_its_column(text: str, reason: str) -> None:
    with pytest.raises(TemplateError) as fault:
        parse(text)
    assert reason in str(fault.value)
    assert repr(text) in str(fault.value)


def test_one_star_matches_one_segment_and_never_an_empty_one() -> None:
    table = routes("/v1/{id}/x")
    assert found(table, "/v1/a/x") == {"": "/v1/{id}/x", "id": "a"}
    assert found(table, "/v1//x") is None
    assert found(table, "/v1/a/b/x") is None


@pytest.mark.parametrize(
    ("path", "rest"), [("/v1", ""), ("/v1/", ""), ("/v1/a", "a"), ("/v1/a/b", "a/b"), ("/v1/a//b/", "a//b/")]
)
def test_two_stars_match_zero_or_more_segments(path: str, rest: str) -> None:
    assert found(routes("/v1/{name=**}"), path) == {"": "/v1/{name=**}", "name": rest}


def test_a_variable_never_captures_the_leading_slash() -> None:
    assert found(routes("/{name=**}"), "/a/b") == {"": "/{name=**}", "name": "a/b"}


def test_a_multi_segment_variable_holds_its_literals() -> None:
    table = routes("/v1/{name=projects/*/topics/*}")
    assert found(table, "/v1/projects/p/topics/t") == {
        "": "/v1/{name=projects/*/topics/*}",
        "name": "projects/p/topics/t",
    }


def test_a_single_segment_is_decoded_entirely() -> None:
    assert found(routes("/v1/{id}"), "/v1/a%2Fb%20%C3%A9%3A") == {"": "/v1/{id}", "id": "a/b é:"}


def test_several_segments_keep_an_escaped_slash_in_either_case() -> None:
    assert found(routes("/v1/{name=**}"), "/v1/a%2Fb/c%2fd%20e%25") == {
        "": "/v1/{name=**}",
        "name": "a%2Fb/c%2fd e%",
    }


def test_a_plus_in_a_path_is_a_plus() -> None:
    assert found(routes("/v1/{id}"), "/v1/a+b") == {"": "/v1/{id}", "id": "a+b"}


@pytest.mark.parametrize("path", ["/v1/%", "/v1/%zz", "/v1/%4", "/v1/%FF"])
def test_a_malformed_escape_is_an_error_not_a_value(path: str) -> None:
    table = routes("/v1/{id}")
    with pytest.raises(ValueError, match=r"percent-enc"):
        found(table, path)


def test_bytes_beyond_ascii_are_read_as_utf8() -> None:
    assert found(routes("/v1/{id}"), "/v1/é") == {"": "/v1/{id}", "id": "é"}


def test_an_escaped_literal_equals_its_character() -> None:
    table = routes("/v1/messages/a%20b")
    assert found(table, "/v1/%6Dessages/a%20b") == {"": "/v1/messages/a%20b"}


def test_a_literal_beats_one_star_beats_two() -> None:
    table = routes("/v1/{rest=**}", "/v1/{id}", "/v1/search")
    assert (found(table, "/v1/search") or {})[""] == "/v1/search"
    assert (found(table, "/v1/other") or {})[""] == "/v1/{id}"
    assert (found(table, "/v1/a/b") or {})[""] == "/v1/{rest=**}"


def test_the_more_general_template_is_tried_when_the_special_one_leads_nowhere() -> None:
    table = routes("/v1/a/{x}/end", "/v1/{y}/b/c", "DELETE /v1/{id}", "GET /v1/search")
    assert (found(table, "/v1/a/b/c") or {})[""] == "/v1/{y}/b/c"
    assert (found(table, "/v1/search", "DELETE") or {})[""] == "/v1/{id}"


def test_a_verb_is_never_swallowed_by_a_variable() -> None:
    table = routes("/r/{x}", "POST /r/{x}:pause")
    assert found(table, "/r/a:pause", "POST") == {"": "/r/{x}:pause", "x": "a"}
    assert table.match("GET", b"/r/a:pause") == Miss(allowed=("POST",))


def test_a_colon_that_is_no_verb_belongs_to_the_value() -> None:
    table = routes("/r/{x}", "POST /other/{x}:pause", "POST /r/{x}:pause")
    assert found(table, "/r/a:b") == {"": "/r/{x}", "x": "a:b"}
    assert found(table, "/r/a%3Apause") == {"": "/r/{x}", "x": "a:pause"}
    assert found(table, "/r/a:b:pause", "POST") == {"": "/r/{x}:pause", "x": "a:b"}


def test_a_verb_that_the_place_does_not_know_belongs_to_the_value() -> None:
    assert found(routes("/r/{x}", "/other/{x}:pause"), "/r/a:pause") == {"": "/r/{x}", "x": "a:pause"}


def test_a_verb_follows_two_stars() -> None:
    assert found(routes("/v1/{name=**}:undelete"), "/v1/a/b:undelete") == {
        "": "/v1/{name=**}:undelete",
        "name": "a/b",
    }


def test_a_known_path_with_another_method_names_the_methods() -> None:
    table = routes("GET /v1/{id}", "PUT /v1/{id}", "DELETE /v1/{other=**}")
    assert table.match("POST", b"/v1/a") == Miss(allowed=("DELETE", "GET", "HEAD", "PUT"))
    assert table.match("POST", b"/v2/a") == Miss(allowed=())


def test_head_is_get_and_a_custom_star_is_any_method() -> None:
    table = routes("GET /v1/{id}", "* /v2/{id}")
    assert isinstance(table.match("HEAD", b"/v1/a"), Match)
    assert isinstance(table.match("PURGE", b"/v2/a"), Match)


@pytest.mark.parametrize(
    ("first", "second"),
    [("/v1/{a}", "/v1/{b}"), ("/v1/{a}", "/v1/*"), ("/v1/{n=x/*}", "/v1/x/{id}"), ("/v1/a%20b", "/v1/a%20b")],
)
def test_templates_that_match_the_same_conflict_at_start(first: str, second: str) -> None:
    with pytest.raises(RouteConflictError) as fault:
        routes(first, second)
    assert first in str(fault.value)
    assert second in str(fault.value)


def test_other_methods_and_verbs_do_not_conflict() -> None:
    routes("GET /v1/{a}", "PUT /v1/{a}", "GET /v1/{a}:x", "GET /v1/{a}:y", "GET /v1/{a=**}")


def test_a_hostile_path_is_matched_in_bounded_time() -> None:
    table = routes("/{a}/x/{b}/x/{c}/end", "/x/{a=**}")
    assert found(table, "/x" * 20_000) is not None
    assert found(table, "/y" * 20_000) is None
