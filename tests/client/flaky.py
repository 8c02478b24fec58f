"""A real proxy before the served engine that fails as told: a status, a lost answer, a cut connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
from aiohttp import web
from aiohttp.test_utils import TestServer

LOST = "lost"
"""The engine answers, and the client is told 502 instead: what it asked for was done."""
CUT = "cut"
"""The connection ends before the engine is asked."""
_LEFT_OUT = {"host", "connection", "transfer-encoding", "content-length", "content-encoding", "keep-alive"}


class Flaky:
    """Where the proxy is, what it will do to the coming requests, and the method and key of those that it got."""

    def __init__(self) -> None:
        self.url = ""
        self.failures: list[int | str] = []
        self.seen: list[tuple[str, str]] = []


@asynccontextmanager
async def flaky(upstream: str) -> AsyncIterator[Flaky]:
    """Run a proxy before ``upstream``, a base URL with a path."""
    state = Flaky()
    base = urlsplit(upstream)

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        state.seen.append((request.method, request.headers.get("Idempotency-Key", "")))
        failure = state.failures.pop(0) if state.failures else None
        if failure == CUT:
            assert request.transport is not None
            request.transport.abort()
            raise ConnectionResetError
        if isinstance(failure, int):
            error = {"error": {"code": "busy", "message": "The proxy is busy."}}
            return web.json_response(error, status=failure, headers={"Retry-After": "0"})
        url = base._replace(path=request.raw_path, query="").geturl()
        answer = await client.request(request.method, url, content=body, headers=_passed_on(request.headers))
        if failure == LOST:
            return web.Response(status=502, text="<html>Bad gateway</html>", content_type="text/html")
        return web.Response(status=answer.status_code, body=answer.content, headers=_passed_on(answer.headers))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with httpx.AsyncClient(timeout=30) as client, TestServer(app) as server:
        state.url = str(server.make_url(base.path))
        yield state


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _LEFT_OUT}
