"""REST and gRPC against bare echoes: servers on one core, the load on the other."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import httpx
import orjson

from automation_engine.v1 import automation_service_pb2 as pb
from automation_engine.v1.automation_service_pb2_grpc import AutomationServiceStub
from gateway.app import create_app
from gateway.codec import Codec
from gateway.dispatch import InProcessDispatch
from gateway.stubs import load_stubs
from tests.bench.load import CONNECTIONS, Target, cpu_seconds, http_rate, request_bytes
from tests.bench.measure import ROUNDS, Figure, paired, seconds
from tests.bench.servers import INDEX, PUT_BODY, STUBS, fastapi_app

GROUP = "gateway"
_SLICE = 1.0
"""Seconds of load in one turn."""

_Side = Callable[[], Awaitable[tuple[float, float]]]


async def measure() -> list[Figure]:
    """Start every server, and let each pair take turns."""
    async with AsyncExitStack() as stack:
        socket = stack.enter_context(tempfile.TemporaryDirectory()) + "/engine.sock"
        served = {
            kind: await stack.enter_async_context(_server(kind, socket))
            for kind in ("fastapi", "gateway", "moving", "engine", "channel", "bridge", "echo_rpc", "engine_rpc")
        }
        await _check_alike(served["fastapi"], served["gateway"])
        await http_rate(_target(served["engine"], "PUT"), 0.1)  # so that there is something to GET
        figures = [_start_up()]
        for verb in ("GET", "PUT"):
            echo = _http_side(served["fastapi"], verb)
            for kind, name, goal in (
                ("gateway", f"REST {verb} in process", "≥ 1.5"),
                ("engine", f"REST {verb} in process, with auth, validation, SQLite", ""),
                ("bridge", f"REST {verb} over a unix socket", "≥ 0.5"),
            ):
                figures += await _sides(name, _http_side(served[kind], verb), "FastAPI, pydantic", echo, goal)
        moving, echo = _http_side(served["moving"], "GET"), _http_side(served["fastapi"], "GET")
        figures += await _sides("REST GET in process, no answer like another", moving, "FastAPI, pydantic", echo, "")
        async with _rpc_side(served["engine_rpc"]) as ours, _rpc_side(served["echo_rpc"]) as theirs:
            name = "gRPC GET, with auth, validation, SQLite"
            figures += await _sides(name, ours, "grpc.aio echo", theirs, "")
    return figures


@asynccontextmanager
async def _server(kind: str, socket: str) -> AsyncIterator[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.bench.servers", kind, socket),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if process.stdout is None or process.stdin is None:
        raise RuntimeError("the server has no pipes")
    try:
        yield orjson.loads(await asyncio.wait_for(process.stdout.readline(), 30.0))
    finally:
        process.stdin.close()
        await process.wait()


async def _check_alike(echo: dict[str, Any], ours: dict[str, Any]) -> None:
    """Raise where the two sides that are compared do not answer the very same JSON."""
    path = f"/api/v2/indexes/{INDEX}/automations/import"
    async with httpx.AsyncClient() as client:
        for verb, body in (("GET", None), ("PUT", PUT_BODY)):
            urls = [f"http://127.0.0.1:{one['port']}{path}" for one in (echo, ours)]
            theirs, mine = [(await client.request(verb, url, json=body)).json() for url in urls]
            if theirs != mine:
                raise RuntimeError(f"{verb}: FastAPI answers {theirs}, the gateway {mine}")


def _target(served: dict[str, Any], verb: str) -> Target:
    body = orjson.dumps(PUT_BODY) if verb == "PUT" else b""
    request = request_bytes(verb, f"/api/v2/indexes/{INDEX}/automations/import", served["key"], body)
    return Target(pid=served["pid"], port=served["port"], request=request)


def _http_side(served: dict[str, Any], verb: str) -> _Side:
    target = _target(served, verb)
    return lambda: http_rate(target, _SLICE)


@asynccontextmanager
async def _rpc_side(served: dict[str, Any]) -> AsyncIterator[_Side]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{served['port']}") as channel:
        call = AutomationServiceStub(channel).GetImportAutomation
        request = pb.GetImportAutomationRequest(index_id=INDEX)
        metadata = (("x-api-key", served["key"]),)
        if served["key"]:
            put = pb.PutImportAutomationRequest(index_id=INDEX)
            Codec(load_stubs(STUBS).rest_name).decode(put.import_automation, orjson.dumps(PUT_BODY))
            await AutomationServiceStub(channel).PutImportAutomation(put, metadata=metadata)

        async def client(stop_at: float) -> int:
            calls = 0
            while time.perf_counter() < stop_at:
                await call(request, metadata=metadata)
                calls += 1
            return calls

        async def side() -> tuple[float, float]:
            before, begun = cpu_seconds(served["pid"]), time.perf_counter()
            calls = sum(await asyncio.gather(*(client(begun + _SLICE) for _ in range(CONNECTIONS))))
            used = cpu_seconds(served["pid"]) - before
            return calls / (time.perf_counter() - begun), 1e6 * used / calls

        yield side


async def _sides(name: str, ours: _Side, reference: str, theirs: _Side, goal: str) -> list[Figure]:
    """Two lines of one pair: requests a second, and the serving process's own time for each."""
    turns = [(await ours(), await theirs()) for _ in range(ROUNDS)]
    rates = [(mine[0], other[0]) for mine, other in turns]
    costs = [(mine[1], other[1]) for mine, other in turns]
    return [
        _line(name, rates, "/s", reference, statistics.median(mine / other for mine, other in rates), goal),
        _line(f"{name}: CPU", costs, "µs", reference, statistics.median(other / mine for mine, other in costs), ""),
    ]


def _line(  # noqa: PLR0917 - a line of a table
    name: str, turns: list[tuple[float, float]], unit: str, reference: str, ratio: float, goal: str
) -> Figure:
    return Figure(
        group=GROUP,
        name=name,
        value=statistics.median(mine for mine, _ in turns),
        unit=unit,
        reference=reference,
        reference_value=statistics.median(other for _, other in turns),
        ratio=ratio,
        goal=goal,
    )


def _start_up() -> Figure:
    stubs = load_stubs(STUBS)

    async def ready() -> bool:
        return True

    def ours() -> None:
        create_app(
            stubs.services,
            InProcessDispatch(),
            descriptor_set=stubs.descriptor_set,
            title="bench",
            version="1",
            rest_name_extension=stubs.rest_name,
            ready=ready,
        )

    return paired(
        GROUP,
        "create_app, every route of the API",
        unit="ms",
        ours=lambda: 1e3 * seconds(ours),
        reference="FastAPI, two routes",
        theirs=lambda: 1e3 * seconds(fastapi_app),
        less_is_better=True,
    )
