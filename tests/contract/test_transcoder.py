"""One suite for every way to a servicer: in process, over TCP, over a unix socket; in memory and over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from starlette.types import Message, Scope

from gateway import transcoder
from gateway.app import create_app
from gateway.dispatch import ChannelDispatch, Dispatch, InProcessDispatch
from gateway.routes import RouteConflictError
from tests.contract.doors import dispatch_to, in_memory, over_http
from tests.contract.gateway_stubs import Servicer, compiled

ADDRESSES = {"in process": None, "tcp": "127.0.0.1:0", "unix socket": "unix:{folder}/engine.sock"}


def gateway(dispatch: Dispatch, *, is_ready: bool = True) -> FastAPI:
    async def ready() -> bool:
        return is_ready

    made = compiled()
    return create_app(
        list(made.messaging.DESCRIPTOR.services_by_name.values()),
        dispatch,
        descriptor_set=made.descriptor_set,
        title="Test <gateway>",
        version="1",
        rest_name_extension=made.words.rest_name,
        ready=ready,
    )


@pytest_asyncio.fixture(params=ADDRESSES, loop_scope="session")
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Servicer, FastAPI]]:
    servicer = Servicer()
    address = ADDRESSES[request.param]
    async with dispatch_to(servicer.add_to, address and address.format(folder=tmp_path)) as dispatch:
        yield servicer, gateway(dispatch)


@pytest_asyncio.fixture(loop_scope="session")
async def client(house: tuple[Servicer, FastAPI]) -> AsyncIterator[httpx.AsyncClient]:
    async with in_memory(house[1]) as http:
        yield http


@pytest_asyncio.fixture(loop_scope="session")
async def live(house: tuple[Servicer, FastAPI]) -> AsyncIterator[httpx.AsyncClient]:
    async with over_http(house[1]) as http:
        yield http


def error_of(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"code", "message", "details", "request_id", "timestamp"}
    assert error["request_id"] == answer.headers["x-request-id"]
    return error


@pytest.mark.parametrize(
    ("method", "url", "body", "expected"),
    [
        ("GET", "/v1/messages/123456", None, {"message_id": "", "text": "messages/123456"}),
        (
            "GET",
            "/v2/messages/123456?revision=2&sub.subfield=foo",
            None,
            {"message_id": "123456", "revision": 2, "sub": {"subfield": "foo"}, "user_id": ""},
        ),
        (
            "GET",
            "/v2/users/me/messages/123456",
            None,
            {"message_id": "123456", "revision": 0, "sub": None, "user_id": "me"},
        ),
        (
            "PATCH",
            "/v3/messages/123456",
            {"text": "Hi!"},
            {"message_id": "123456", "message": {"message_id": "", "text": "Hi!"}},
        ),
        ("PATCH", "/v4/messages/123456", {"text": "Hi!"}, {"message_id": "123456", "text": "Hi!"}),
    ],
)
async def test_the_examples_of_http_proto(
    client: httpx.AsyncClient, method: str, url: str, body: Any, expected: dict[str, Any]
) -> None:
    answer = await client.request(method, url, json=body)
    assert (answer.status_code, answer.json()) == (200, expected)
    assert answer.headers["content-type"] == "application/json"


async def test_the_raw_path_decides_over_a_real_socket(live: httpx.AsyncClient) -> None:
    assert (await live.get("/api/v1/things/a%2Fb%3Apause")).json()["id"] == "a/b:pause"
    assert (await live.get("/api/v1/files/a%2Fb/c%20d")).json() == {"path": "a%2Fb/c d"}
    assert (await live.post("/api/v1/things/a%2Fb:pause")).json()["id"] == "a/b"
    assert (await live.post("/api/v1/things/a/pause", json={"dry_run": True})).json()["dry_run"] is True
    assert (await live.get("/api/v1/trees/1/nodes/2/revision:show")).json() == {"path": "trees/1/nodes/2"}
    assert (await live.get("/api/v1/things/search")).json()["id"] == "the search"
    assert (await live.get("/api/v1/files")).json() == {"path": ""}


async def test_bodies_of_every_size_travel_over_a_real_socket(live: httpx.AsyncClient) -> None:
    text = "ü" * 200_000
    answer = await live.post("/api/v1/kinds", json={"a_string": text, "an_int64": 2**63 - 1})
    assert (answer.json()["a_string"], answer.json()["an_int64"]) == (text, 2**63 - 1)

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in (b'{"a_str', b'ing": "x', b'"}'):
            yield chunk

    chunked = await live.post("/api/v1/kinds", content=chunks(), headers={"content-type": "application/json"})
    assert chunked.json()["a_string"] == "x"


async def test_a_body_beyond_the_limit_is_413_declared_or_not(live: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    for content in (b" " * (1024 * 1024 + 1), chunks()):
        answer = await live.post("/api/v1/kinds", content=content, headers={"content-type": "application/json"})
        assert (answer.status_code, error_of(answer)["code"]) == (413, "payload_too_large")


async def test_an_answer_without_fields_is_204(live: httpx.AsyncClient) -> None:
    answer = await live.delete("/api/v1/things/a")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-length" not in answer.headers


async def test_head_is_get_without_the_body(live: httpx.AsyncClient) -> None:
    whole, head = await live.get("/api/v1/things/a"), await live.head("/api/v1/things/a")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]


async def test_bare_arrays_come_and_go(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/tags?tag=a&tag=b")).json() == ["a", "b"]
    assert (await client.get("/api/v1/tags")).json() == []
    assert (await client.put("/api/v1/tags", json=["x"])).json() == {"tags": ["x"]}


async def test_a_custom_star_serves_any_method(client: httpx.AsyncClient) -> None:
    for method in ("GET", "HEAD", "PURGE", "OPTIONS"):
        assert (await client.request(method, "/api/v1/anything/a")).status_code == 200


async def test_an_http_body_is_bytes_as_they_are(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/bytes", content=b"\x00\xff", headers={"content-type": "image/x-test"})
    assert (answer.content, answer.headers["content-type"]) == (b"\x00\xff", "image/x-test")


async def test_a_rest_word_that_is_none_names_the_field_and_all_words(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/kinds", json={"debounce_interval": "7m"})
    error = error_of(answer)
    assert (answer.status_code, error["code"]) == (422, "validation_error")
    assert error["message"] == 'debounce_interval: must be one of 5m, 10m, 1h, 1d; got "7m"'
    assert error["details"]["violations"][0]["field"] == "debounce_interval"


async def test_an_unknown_query_parameter_is_422_by_name(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/things/a?dry_run=true&lmit=5")
    assert answer.status_code == 422
    assert error_of(answer)["details"]["violations"] == [{"field": "lmit", "message": "unknown query parameter"}]


async def test_malformed_json_is_422(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/kinds", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, error_of(answer)["code"]) == (422, "invalid_json")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "application/json", "content-encoding": "gzip"}, 415),
        ({"content-type": "application/json; charset=utf-8"}, 200),
        ({"content-type": "application/merge-patch+json"}, 200),
        ({}, 200),
    ],
)
async def test_only_json_is_read_as_json(client: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    answer = await client.post("/api/v1/kinds", content=b"{}", headers=headers)
    assert answer.status_code == status
    if status == 415:
        assert error_of(answer)["code"] == "unsupported_media_type"


async def test_an_unknown_path_is_404_with_the_error_body_everywhere(client: httpx.AsyncClient) -> None:
    for path in ("/api/v1/nowhere", "/api/v9", "/elsewhere", "/v1/messages", "/v1/messages/", "/v1/messages/a/b"):
        answer = await client.get(path)
        assert (answer.status_code, error_of(answer)["code"]) == (404, "not_found")


async def test_another_method_is_405_and_names_those_allowed(client: httpx.AsyncClient) -> None:
    answer = await client.put("/api/v1/things/a", json={})
    assert (answer.status_code, error_of(answer)["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS"
    options = await client.options("/api/v1/things/a")
    assert (options.status_code, options.headers["allow"]) == (204, "DELETE, GET, HEAD, OPTIONS")
    assert (await client.get("/api/v1/things/a:pause")).status_code == 405


@pytest.mark.parametrize(
    ("how", "status", "code", "message"),
    [
        ("not_found", 404, "not_found", "it is not_found"),
        ("unauthenticated", 401, "unauthenticated", "it is unauthenticated"),
        ("permission_denied", 403, "permission_denied", "it is permission_denied"),
        ("failed_precondition", 409, "failed_precondition", "it is failed_precondition"),
        ("aborted", 409, "aborted", "it is aborted"),
        ("already_exists", 409, "already_exists", "it is already_exists"),
        ("invalid_argument", 422, "validation_error", "it is invalid_argument"),
        ("out_of_range", 422, "out_of_range", "it is out_of_range"),
        ("unavailable", 503, "unavailable", "it is unavailable"),
        ("cancelled", 499, "cancelled", "it is cancelled"),
        ("coded", 404, "not_found", "nothing there"),
    ],
)
async def test_a_failed_rpc_is_its_http_status(
    client: httpx.AsyncClient, how: str, status: int, code: str, message: str
) -> None:
    answer = await client.post(f"/api/v1/fail/{how}")
    error = error_of(answer)
    assert (answer.status_code, error["code"], error["message"]) == (status, code, message)


async def test_rich_details_become_code_details_and_retry_after(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/fail/rich")
    error = error_of(answer)
    assert (answer.status_code, error["code"], answer.headers["retry-after"]) == (429, "quota_used", "7")
    assert error["details"] == {"limit": "3", "violations": [{"field": "how", "message": "too much"}]}


@pytest.mark.parametrize("how", ["raise", "internal"])
async def test_the_inside_of_a_failure_stays_inside(client: httpx.AsyncClient, how: str) -> None:
    answer = await client.post(f"/api/v1/fail/{how}")
    assert (answer.status_code, error_of(answer)["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text


async def test_a_method_that_nobody_wrote_is_501(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/missing")
    assert (answer.status_code, error_of(answer)["message"]) == (501, "unimplemented")


async def test_interceptors_run_for_each_call_in_order_and_may_refuse_it(client: httpx.AsyncClient) -> None:
    path = "/gateway_test.v1.Messaging/ShowMetadata"
    for key in ("one", "two"):
        tags = (await client.get("/api/v1/metadata", headers={"x-api-key": key})).json()
        assert f"seen={key}@{path}" in tags
    answer = await client.get("/api/v1/metadata", headers={"x-api-key": "refused"})
    assert (answer.status_code, error_of(answer)["message"]) == (401, "this key is refused")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_headers_become_metadata_and_metadata_headers(client: httpx.AsyncClient) -> None:
    sent = {
        "X-API-Key": "k",
        "Authorization": "Bearer t",
        "Idempotency-Key": "i",
        "If-Match": '"1"',
        "If-None-Match": '"2"',
        "X-Request-Id": "r-1",
        "X-Private": "stays here",
    }
    answer = await client.get("/api/v1/metadata", headers=sent)
    tags = answer.json()
    for pair in ("x-api-key=k", "authorization=Bearer t", "idempotency-key=i", 'if-match="1"', 'if-none-match="2"'):
        assert pair in tags
    assert "x-request-id=r-1" in tags
    assert "x-forwarded-host=gateway.test" in tags
    assert "x-forwarded-proto=http" in tags
    assert not any(tag.startswith("x-private") for tag in tags)
    assert (answer.status_code, answer.headers["location"], answer.headers["etag"]) == (201, "/api/v1/things/9", '"7"')
    assert "x-private" not in answer.headers
    assert answer.headers["x-request-id"] == "r-1"


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "é"])
async def test_a_request_id_that_is_none_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/api/v1/things/a", headers={b"x-request-id": given.encode()})
    assert len(answer.headers["x-request-id"]) == 32


async def test_a_header_that_metadata_cannot_hold_is_422(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/things/a", headers={b"x-api-key": "ké".encode()})
    assert (answer.status_code, error_of(answer)["code"]) == (422, "invalid_header")


@pytest.mark.parametrize("header", [{"x-request-timeout": "0.02"}, {"grpc-timeout": "20m"}])
async def test_a_deadline_ends_the_call_and_cancels_the_servicer(
    house: tuple[Servicer, FastAPI], client: httpx.AsyncClient, header: dict[str, str]
) -> None:
    await client.get("/api/v1/things/warm")  # the connection is there before the clock starts
    answer = await client.post("/api/v1/fail/slow", headers=header)
    assert (answer.status_code, error_of(answer)["code"]) == (504, "deadline_exceeded")
    if house[0].started.is_set():
        await asyncio.wait_for(house[0].cancelled.wait(), 10)


@pytest.mark.parametrize("header", [{"x-request-timeout": "soon"}, {"grpc-timeout": "5"}])
async def test_a_timeout_that_is_none_is_422(client: httpx.AsyncClient, header: dict[str, str]) -> None:
    answer = await client.get("/api/v1/things/a", headers=header)
    assert (answer.status_code, error_of(answer)["code"]) == (422, "invalid_header")


async def test_the_servicer_sees_the_time_that_remains(client: httpx.AsyncClient) -> None:
    assert "timed=False" in (await client.get("/api/v1/metadata")).json()
    assert "timed=True" in (await client.get("/api/v1/metadata", headers={"x-request-timeout": "4"})).json()


async def test_a_client_that_goes_away_cancels_the_servicer(
    house: tuple[Servicer, FastAPI], live: httpx.AsyncClient
) -> None:
    call = asyncio.create_task(live.post("/api/v1/fail/slow"))
    await asyncio.wait_for(house[0].started.wait(), 10)
    call.cancel()
    await asyncio.wait_for(house[0].cancelled.wait(), 10)


async def test_cancelling_the_server_is_not_taken_for_the_client(house: tuple[Servicer, FastAPI]) -> None:
    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(_: Message) -> None:
        raise AssertionError

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/fail/slow",
        "raw_path": b"/api/v1/fail/slow",
        "query_string": b"",
        "headers": [],
    }
    call = asyncio.create_task(_run(house[1], scope, receive, send))
    await asyncio.wait_for(house[0].started.wait(), 10)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def _run(app: Any, *call: Any) -> None:
    await app(*call)


async def test_health_schema_and_docs_are_served_beside_the_routes(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/openapi.json")).json()["openapi"] == "3.1.0"
    page = (await client.get("/docs")).text
    assert "Test &lt;gateway&gt;" in page
    assert "http://" not in page
    assert "https://" not in page


async def test_health_is_503_until_the_engine_is_ready() -> None:
    transport = httpx.ASGITransport(app=gateway(InProcessDispatch(), is_ready=False))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as http:
        assert (await http.get("/healthz")).status_code == 503


@pytest.mark.parametrize(
    ("url", "headers", "seen"),
    [
        ("/api/v1/versioned/x", {}, "in any case"),
        ("/api/v1/versioned/x", {"If-Match": '"a-1"'}, "a-1"),
        ("/api/v1/versioned/x", {"If-Match": "*"}, "*"),
        ("/api/v1/versioned/x?etag=a-1", {}, "a-1"),
        ("/api/v1/versioned/x?etag=a-1", {"If-Match": '"a-0"'}, "a-1"),
    ],
)
async def test_if_match_fills_the_etag_that_nothing_else_set(
    client: httpx.AsyncClient, url: str, headers: dict[str, str], seen: str
) -> None:
    answer = await client.put(url, json={"text": "new", "etag": "of the body's message"}, headers=headers)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"a-2"')
    assert answer.json() == {"text": seen, "etag": "a-2"}


@pytest.mark.parametrize(("url", "headers"), [("?etag=a-0", {}), ("", {"If-Match": '"a-0"'})])
async def test_a_stale_etag_is_412(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> None:
    answer = await client.put(f"/api/v1/versioned/x{url}", json={}, headers=headers)
    assert (answer.status_code, error_of(answer)["code"]) == (412, "stale_write")
    assert "etag" not in answer.headers


@pytest.mark.parametrize("given", ['W/"a-1"', '"a-1", "a-2"', "a-1", '""', '"*"', '"a 1"'])
async def test_if_match_takes_one_strong_etag(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.put("/api/v1/versioned/x", json={}, headers={"If-Match": given})
    assert (answer.status_code, error_of(answer)["code"]) == (422, "invalid_header")
    assert error_of(answer)["details"]["violations"][0]["field"] == "if-match"


async def test_if_match_in_two_lines_is_a_list(client: httpx.AsyncClient) -> None:
    lines = [("If-Match", '"a-0"'), ("If-Match", '"a-1"')]
    answer = await client.put("/api/v1/versioned/x", json={}, headers=lines)
    assert (answer.status_code, error_of(answer)["code"]) == (422, "invalid_header")


async def test_if_match_means_nothing_to_a_method_without_etag(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/things/a", headers={"If-Match": "whatever"})).status_code == 200


async def test_the_etag_of_a_message_is_a_header_unless_the_servicer_sent_one_or_it_is_no_etag(
    client: httpx.AsyncClient,
) -> None:
    sent = [
        ({"etag": "b-1"}, '"b-1"'),
        ({"etag": "b-1", "text": '"own"'}, '"own"'),
        ({"etag": 'b"1'}, None),
        ({}, None),
    ]
    for body, header in sent:
        answer = await client.post("/api/v1/versioned", json=body)
        assert answer.headers.get_list("etag") == ([header] if header else [])
    assert (await client.post("/api/v1/versioned", json={}, headers={"If-Match": '"c-1"'})).json()["etag"] == "c-1"


async def test_an_engine_that_is_not_there_is_503(tmp_path: Path) -> None:
    async with grpc.aio.insecure_channel(f"unix:{tmp_path}/nobody.sock") as channel:
        transport = httpx.ASGITransport(app=gateway(ChannelDispatch(channel)))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as http:
            answer = await http.get("/api/v1/things/a")
    assert (answer.status_code, error_of(answer)["code"]) == (503, "unavailable")


def test_a_conflict_is_reported_at_start() -> None:
    service = compiled().messaging.DESCRIPTOR.services_by_name["Messaging"]

    async def ready() -> bool:
        return True

    with pytest.raises(RouteConflictError):
        create_app([service, service], InProcessDispatch(), descriptor_set=b"", title="T", version="1", ready=ready)


async def test_what_the_client_knows_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/api/v1/things/a")
    etag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for method, given in (("GET", etag), ("GET", f'"other", W/{etag}'), ("HEAD", etag), ("GET", "*")):
        again = await client.request(method, "/api/v1/things/a", headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert "content-type" not in again.headers
    lines = [("If-None-Match", etag), ("If-None-Match", '"other"')]
    assert (await client.get("/api/v1/things/a", headers=lines)).status_code == 304
    other = await client.get("/api/v1/things/b", headers={"If-None-Match": etag})
    assert (other.status_code, other.headers["etag"] != etag) == (200, True)


async def test_only_some_answers_are_remembered(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcoder, "_RECENT", 2)
    for round_ in range(3):
        for name in "abc"[: round_ + 1]:
            answer = await client.get(f"/api/v1/things/{name}")
            assert (answer.status_code, answer.json()["id"]) == (200, name)


async def test_a_refusal_is_never_unchanged(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/nothing", headers={"If-None-Match": "*"})
    assert answer.status_code == 404
    assert "etag" not in answer.headers
