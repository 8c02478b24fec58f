"""A connection to a running engine, and what is said when it refuses or is not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import typer
import uvloop
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status
from rich.console import Console

from automation_engine.console.display import plain
from gateway.errors import HttpProblem, InvalidFields, RpcFailure, invalid, problem_of

_TIMEOUT = 60.0
"""Real seconds that a call may take: a preview lists storage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which engine is asked, with which key, and whether it is answered in JSON."""

    engine: str
    key: str
    as_json: bool


class Connection:
    """An open channel. Raises ``grpc.aio.AioRpcError`` for whatever the engine refuses."""

    def __init__(self, channel: grpc.aio.Channel, target: Target) -> None:
        self._channel = channel
        self._metadata = (("x-api-key", target.key),) if target.key else ()
        self.as_json = target.as_json

    async def call(self, stub: Callable[[Any], Any], method: str, request: Any) -> Any:
        """Call a method of a generated stub."""
        return await getattr(stub(self._channel), method)(request, metadata=self._metadata, timeout=_TIMEOUT)


@asynccontextmanager
async def connected(target: Target) -> AsyncIterator[Connection]:
    """Open a channel for the length of the block: ``HOST:PORT``, over TLS with ``https://`` before it."""
    address = target.engine.removeprefix("https://")
    secure = address != target.engine
    async with (
        grpc.aio.secure_channel(address, grpc.ssl_channel_credentials())
        if secure
        else grpc.aio.insecure_channel(address)
    ) as channel:
        yield Connection(channel, target)


def run(context: typer.Context, command: Callable[[Connection], Coroutine[Any, Any, None]]) -> None:
    """Perform a command. A failure is told on stderr: exit code 2 for what was asked wrongly, else 1.

    Ctrl-C ends a command that waits, and is no failure.
    """
    target: Target = context.obj

    async def perform() -> None:
        async with connected(target) as connection:
            await command(connection)

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(perform())
    except KeyboardInterrupt:
        return
    except InvalidFields as fault:
        raise _failed(invalid(fault)) from None
    except grpc.aio.AioRpcError as error:
        raise _failed(problem(error, target.engine)) from None


def problem(error: grpc.aio.AioRpcError, engine: str) -> HttpProblem:
    """Return what a failed call means, as REST tells it, or that nothing answered."""
    status = rpc_status.from_call(error)
    if status is None and error.code() is grpc.StatusCode.UNAVAILABLE:
        advice = "start it with `automation-engine serve`, or name another address with --engine"
        return HttpProblem(status=503, code="unreachable", message=f"no engine answers at {engine}: {advice}")
    if status is None:
        status = status_pb2.Status(code=error.code().value[0], message=error.details() or "")
    if status.code == code_pb2.UNAUTHENTICATED:
        status.message += "; here: --key or AUTOMATION_ENGINE_KEY"
    return problem_of(RpcFailure(status))


def _failed(told: HttpProblem) -> typer.Exit:
    err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    violations: Any = told.details.get("violations", ())  # named as in a file: it holds no wrapper, as in REST
    what = "not as it must be:" if violations else plain(told.message)
    err.print(f"error: {told.code}: {what}")
    for violation in violations:
        field = violation["field"].removeprefix("import_automation.").removeprefix("export_automation.")
        err.print(f"  {plain(field) or 'the whole'}: {plain(violation['message'])}")
    return typer.Exit(2 if told.status == 422 else 1)
