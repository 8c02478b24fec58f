"""``automation-gateway``: the gateway as a process of its own, before an engine on a socket."""

from __future__ import annotations

import asyncio
from importlib import metadata
from typing import Annotated

import grpc
import typer
import uvicorn
import uvloop
from fastapi import FastAPI
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.app import create_app
from gateway.dispatch import ChannelDispatch
from gateway.stubs import load_stubs

STUBS = "automation_engine.v1"
"""The package of generated stubs that is served unless another one is named."""

_HEALTH_TIMEOUT = 2.0
_GRACE = 5
"""Seconds that requests get at a stop: one whose end is never sent would hold it up for ever."""
_MAX_PORT = 65535


def main() -> None:
    """Entry point of the console script."""
    typer.run(serve)


def serve(
    engine: Annotated[
        str, typer.Option(help="gRPC address of the engine: HOST:PORT, https://HOST:PORT for TLS, or unix:/path.")
    ],
    http: Annotated[str, typer.Option(help="Address to serve REST on: HOST:PORT.")] = "127.0.0.1:8080",
    stubs: Annotated[str, typer.Option(help="Package of generated stubs to serve.")] = STUBS,
) -> None:
    """Serve the engine's RPCs as REST."""
    host, port = _address(http)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(engine, host, port, stubs))


async def _serve(engine: str, host: str, port: int, stubs: str) -> None:
    async with _channel(engine) as channel:
        config = uvicorn.Config(
            gateway_app(channel, stubs),
            host=host,
            port=port,
            http="httptools",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=_GRACE,
        )
        await uvicorn.Server(config).serve()


def _channel(engine: str) -> grpc.aio.Channel:
    # GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names a private authority, as for every program with gRPC in it.
    address = engine.removeprefix("https://")
    if address != engine:
        return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials())
    return grpc.aio.insecure_channel(address)


def gateway_app(channel: grpc.aio.Channel, stubs: str = STUBS) -> FastAPI:
    """The app over a channel; ready when the engine's gRPC health says SERVING."""
    loaded = load_stubs(stubs)
    health = health_pb2_grpc.HealthStub(channel)

    async def ready() -> bool:
        try:
            answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=_HEALTH_TIMEOUT)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    return create_app(
        loaded.services,
        ChannelDispatch(channel),
        descriptor_set=loaded.descriptor_set,
        title="Automation engine",
        version=metadata.version("automation-engine"),
        license_id="Apache-2.0",
        rest_name_extension=loaded.rest_name,
        scope_extension=loaded.required_scope,
        bearer_extension=loaded.bearer_field,
        form_extension=loaded.takes_form,
        ready=ready,
    )


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isdigit() and int(port) <= _MAX_PORT):
        raise typer.BadParameter(f"must be HOST:PORT; got {text!r}", param_hint="--http")
    return host.strip("[]"), int(port)
