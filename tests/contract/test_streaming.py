"""Server streams over HTTP, in process and over a channel: written as they come, ended by their error, cancelled."""
# ruff: noqa: N802 - a servicer's methods are named by its proto

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio
from fastapi import FastAPI
from grpc_status import rpc_status
from starlette.types import Message, Scope

from gateway.app import create_app
from gateway.dispatch import Dispatch, InProcessDispatch
from tests.contract.doors import dispatch_to, in_memory, over_http
from tests.contract.gateway_stubs import compiled, rich_status

LINES, EVENTS = "application/x-ndjson", "text/event-stream"
WATCH = "/api/v1/watch"


@dataclass
class Watched:
    """Answers a message for each tag; then does what the id says."""

    made: int = 0
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        message = compiled().messaging.ThingRequest()
        await context.send_initial_metadata((("etag", '"7"'), ("x-private", "kept")))
        try:
            for tag in request.tag:
                self.made += 1
                message.id = tag  # the same message again: what was yielded before must have been written by now
                yield message
            if request.id == "wait":
                await self.go_on.wait()
                message.id = "went on"
                yield message
            while request.id == "endless":
                self.made += 1
                yield message
            if request.id == "rich":
                await context.abort_with_status(rpc_status.to_status(rich_status()))
            if request.id == "raise":
                raise RuntimeError("the secret of the house")
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.set()
            raise


class Writing(Watched):
    """The same by the writer's API."""

    async def Watch(self, request: Any, context: Any) -> None:  # type: ignore[override]  # the other of the two shapes
        async for message in Watched.Watch(self, request, context):
            await context.write(message)


def add(servicer: Watched, server: Any) -> None:
    services = compiled().services
    whole = type("Servicer", (services.MessagingServicer,), {"Watch": servicer.Watch})()
    services.add_MessagingServicer_to_server(whole, server)


def gateway(dispatch: Dispatch) -> FastAPI:
    async def ready() -> bool:
        return True

    made = compiled()
    services = list(made.messaging.DESCRIPTOR.services_by_name.values())
    return create_app(services, dispatch, descriptor_set=b"", title="T", version="1", ready=ready)


@pytest_asyncio.fixture(params=["in process", "in process, writing", "channel"], loop_scope="session")
async def house(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Watched, FastAPI]]:
    servicer = Writing() if "writing" in request.param else Watched()
    address = "127.0.0.1:0" if request.param == "channel" else None
    async with dispatch_to(partial(add, servicer), address) as dispatch:
        yield servicer, gateway(dispatch)


@pytest_asyncio.fixture(loop_scope="session")
async def client(house: tuple[Watched, FastAPI]) -> AsyncIterator[httpx.AsyncClient]:
    async with in_memory(house[1]) as http:
        yield http


@pytest_asyncio.fixture(loop_scope="session")
async def live(house: tuple[Watched, FastAPI]) -> AsyncIterator[httpx.AsyncClient]:
    async with over_http(house[1]) as http:
        yield http


def ids(lines: list[str]) -> list[str]:
    return [orjson.loads(line)["id"] for line in lines]


async def test_messages_are_lines_of_json_and_initial_metadata_are_headers(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{WATCH}?tag=a&tag=b")
    assert (answer.status_code, answer.headers["content-type"]) == (200, LINES)
    assert ids(answer.text.splitlines()) == ["a", "b"]
    assert answer.text.endswith("\n")
    told = [answer.headers[name] for name in ("etag", "vary", "cache-control")]
    assert told == ['"7"', "accept", "no-store"]
    assert "x-private" not in answer.headers
    assert "content-length" not in answer.headers


async def test_messages_are_events_for_whom_accepts_those(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{WATCH}?tag=a&tag=b", headers={"accept": EVENTS})
    assert answer.headers["content-type"] == EVENTS
    events = answer.text.split("\n\n")
    assert ids([event.removeprefix("data: ") for event in events[:-1]]) == ["a", "b"]
    assert events[-1] == ""


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", LINES),
        ("*/*", LINES),
        ("application/*", LINES),
        ("text/*", EVENTS),
        (f"{LINES};q=0.5, {EVENTS}", EVENTS),
        (f"{EVENTS};q=0.2, */*;q=0.1", EVENTS),
        (f"{LINES};q=0, */*", EVENTS),
        (f"{EVENTS.upper()}; charset=utf-8", EVENTS),
        ("text/html, application/xhtml+xml, */*;q=0.8", LINES),
        ("application/json", None),
        (f"{LINES};q=0", None),
        (",;q=,", None),
    ],
)
async def test_accept_chooses_and_what_it_does_not_take_is_406_before_the_call(
    house: tuple[Watched, FastAPI], client: httpx.AsyncClient, accept: str, chosen: str | None
) -> None:
    answer = await client.get(f"{WATCH}?tag=a", headers={"accept": accept})
    if chosen:
        assert (answer.status_code, answer.headers["content-type"]) == (200, chosen)
        return
    assert (answer.status_code, answer.json()["error"]["code"], house[0].made) == (406, "not_acceptable", 0)
    assert answer.json()["error"]["details"] == {"offered": [LINES, EVENTS]}


async def test_a_stream_without_messages_is_an_empty_answer(client: httpx.AsyncClient) -> None:
    answer = await client.get(WATCH)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("accept", [LINES, EVENTS])
async def test_what_fails_before_the_first_message_has_its_own_status(client: httpx.AsyncClient, accept: str) -> None:
    answer = await client.get(f"{WATCH}?id=rich", headers={"accept": accept})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert (answer.json()["error"]["code"], answer.headers["content-type"]) == ("quota_used", "application/json")


async def test_an_interceptor_may_refuse_a_stream(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{WATCH}?tag=a", headers={"x-api-key": "refused"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (401, "this key is refused")


async def test_what_fails_later_is_the_last_line_or_event(client: httpx.AsyncClient) -> None:
    lines = (await client.get(f"{WATCH}?id=rich&tag=a", headers={"x-request-id": "r-1"})).text.splitlines()
    error = orjson.loads(lines[-1])["error"]
    assert (ids(lines[:-1]), error["code"], error["request_id"]) == (["a"], "quota_used", "r-1")
    assert error["details"] == {"limit": "3", "violations": [{"field": "how", "message": "too much"}]}
    events = (await client.get(f"{WATCH}?id=rich&tag=a", headers={"accept": EVENTS})).text.split("\n\n")
    assert events[-2].startswith('event: error\ndata: {"error":')
    assert events[-1] == ""


async def test_the_inside_of_a_failure_in_midstream_stays_inside(client: httpx.AsyncClient) -> None:
    text = (await client.get(f"{WATCH}?id=raise&tag=a")).text
    assert orjson.loads(text.splitlines()[-1])["error"]["code"] == "internal_error"
    assert "secret" not in text


async def test_head_has_the_headers_and_ends_the_call(
    house: tuple[Watched, FastAPI], client: httpx.AsyncClient
) -> None:
    answer = await client.head(f"{WATCH}?id=wait&tag=a")
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, LINES, b"")
    await asyncio.wait_for(house[0].cancelled.wait(), 10)


async def test_a_deadline_in_midstream_is_the_last_line(
    house: tuple[Watched, FastAPI], client: httpx.AsyncClient
) -> None:
    await client.get(f"{WATCH}?tag=warm")  # the connection is there before the clock starts
    answer = await client.get(f"{WATCH}?id=wait&tag=a", headers={"x-request-timeout": "0.2"})
    lines = answer.text.splitlines()
    assert ids(lines[:1]) == ["a"]
    assert orjson.loads(lines[1])["error"]["code"] == "deadline_exceeded"
    await asyncio.wait_for(house[0].cancelled.wait(), 10)


async def test_each_message_arrives_before_the_next_one_is_made(
    house: tuple[Watched, FastAPI], live: httpx.AsyncClient
) -> None:
    async with live.stream("GET", f"{WATCH}?id=wait&tag=a") as answer:
        lines = answer.aiter_lines()
        assert ids([await anext(lines)]) == ["a"]
        house[0].go_on.set()
        assert ids([await anext(lines)]) == ["went on"]


@pytest.mark.parametrize("how", ["wait", "endless"])
async def test_a_client_that_goes_away_cancels_the_call(
    house: tuple[Watched, FastAPI], live: httpx.AsyncClient, how: str
) -> None:
    async with live.stream("GET", f"{WATCH}?id={how}&tag=a") as answer:
        assert ids([await anext(answer.aiter_lines())]) == ["a"]
    await asyncio.wait_for(house[0].cancelled.wait(), 10)


@pytest.mark.parametrize("servicer", [Watched(), Writing()])
async def test_a_client_that_does_not_read_holds_up_the_servicer(servicer: Watched) -> None:
    """In process no message is ahead of the one being sent; over a channel it is the window of HTTP/2."""
    full, gone = asyncio.Event(), asyncio.Event()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            full.set()
            await asyncio.Event().wait()

    local = InProcessDispatch()
    add(servicer, local)
    scope: Scope = {"type": "http", "method": "GET", "path": WATCH, "query_string": b"id=endless", "headers": []}
    call = asyncio.ensure_future(gateway(local)(scope, receive, send))
    await asyncio.wait_for(full.wait(), 10)
    for _ in range(100):
        await asyncio.sleep(0)
    assert servicer.made == 1
    gone.set()
    await asyncio.wait_for(call, 10)
    assert servicer.cancelled.is_set()
