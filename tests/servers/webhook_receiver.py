"""A real endpoint for webhooks: it keeps what it is sent, and answers as it is told to."""

from __future__ import annotations

import asyncio
import hmac
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One post, byte for byte."""

    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> dict[str, Any]:
        """The body as JSON."""
        return dict(json.loads(self.body))

    @property
    def event(self) -> str:
        """What happened."""
        return self.headers["X-Event-Type"]

    def is_signed_with(self, secret: str) -> bool:
        """Whether the signature is that of the body under this secret, as the contract says."""
        expected = "sha256=" + hmac.new(secret.encode(), self.body, "sha256").hexdigest()
        return hmac.compare_digest(self.headers["X-Webhook-Signature"], expected)


@dataclass(kw_only=True)
class Receiver:
    """``answers`` are used up one after the other; then it is 204. ``meanwhile`` is awaited before each."""

    url: str = ""
    posts: list[Received] = field(default_factory=list)
    answers: deque[web.Response] = field(default_factory=deque)
    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def take(self, request: web.Request) -> web.Response:
        """Keep a post and answer it."""
        self.posts.append(Received(headers=dict(request.headers), body=await request.read()))
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.answers.popleft() if self.answers else web.Response(status=204)

    @property
    def events(self) -> list[str]:
        """What it was told, in this order."""
        return [post.event for post in self.posts]


@asynccontextmanager
async def receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Serve on a free port of the loopback."""
    told = Receiver()
    app = web.Application()
    app.router.add_post("/hook", told.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    told.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield told
    finally:
        await runner.cleanup()
        await asyncio.sleep(0)
