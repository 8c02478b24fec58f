"""Both published clients, awaited alike: each test runs with the synchronous and with the asynchronous one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

from videovector import AsyncVideoVector, VideoVector

Client: TypeAlias = Any
"""``AsyncVideoVector``, or ``VideoVector`` behind ``InThread``: the same methods, all of them to be awaited."""

QUICK: dict[str, Any] = {"max_retry_delay": 0.05, "timeout": 30.0}
"""How long the client waits before it asks again, and for an answer, in seconds."""


class InThread:
    """A synchronous client or one of its resources, whose methods run in a thread."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        return partial(asyncio.to_thread, value) if callable(value) else InThread(value)


@asynccontextmanager
async def opened(kind: str, url: str, key: str, **options: Any) -> AsyncIterator[Client]:
    """Open the client of a kind, ``sync`` or ``async``; ``options`` are those of its constructor."""
    if kind == "async":
        async with AsyncVideoVector(api_key=key, base_url=url, **{**QUICK, **options}) as client:
            yield client
    else:
        with VideoVector(api_key=key, base_url=url, **{**QUICK, **options}) as client:
            yield InThread(client)


async def gathered(items: Any) -> list[Any]:
    """Return all that an iterator of either client gives: one that is awaited first, or is asynchronous itself."""
    found = await items if inspect.isawaitable(items) else items
    if hasattr(found, "__aiter__"):
        return [item async for item in found]
    return await asyncio.to_thread(list, found)


async def raw(client: Client, method: str, path: str, **options: Any) -> Any:
    """Call through the client's own transport what it has no method for; return the document."""
    if isinstance(client, InThread):
        return await asyncio.to_thread(client._target._http._request, method, path, **options)
    return await client._http._request(method, path, **options)
