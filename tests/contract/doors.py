"""The doors of the gateway's tests: to a servicer in process or over a channel, to an app in memory or over HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx
import uvicorn
from fastapi import FastAPI

from gateway.dispatch import ChannelDispatch, Dispatch, InProcessDispatch
from tests.contract.gateway_stubs import INTERCEPTORS


@asynccontextmanager
async def dispatch_to(add: Callable[[Any], None], address: str | None) -> AsyncIterator[Dispatch]:
    """Reach what ``add`` adds to a server: in this process, or at an address, over a channel."""
    if address is None:
        local = InProcessDispatch(INTERCEPTORS)
        add(local)
        yield local
        return
    server = grpc.aio.server(interceptors=INTERCEPTORS)
    add(server)
    port = server.add_insecure_port(address)
    await server.start()
    async with grpc.aio.insecure_channel(address.removesuffix(":0") + f":{port}" * address.endswith(":0")) as channel:
        yield ChannelDispatch(channel)
    await server.stop(None)


@asynccontextmanager
async def in_memory(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, without a connection."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as http:
        yield http


@asynccontextmanager
async def over_http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app behind a real server."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, http="httptools", log_level="warning", lifespan="off"))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            yield http
        server.should_exit = True
        await task
