"""Cancelling work whose client went away."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from starlette.types import Receive

WATCH_AFTER = 0.05
"""Seconds a call may run before its connection is watched: most calls end sooner and need no watcher of their own."""


class ClientGoneError(Exception):
    """The connection was closed before the answer was ready."""


class DisconnectWatch:
    """Within it, ``http.disconnect`` cancels the current task, which leaves the block as ClientGoneError.

    The body must have been read: messages before the disconnect are dropped. Like ``asyncio.timeout``, a cancellation
    from elsewhere passes through unchanged.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._gone = False
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        """Arm the watch."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a disconnect is watched from within a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER, self._start)
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Disarm it. Raises ClientGoneError for the cancellation that it caused."""
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._gone and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise ClientGoneError from None

    def _start(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._task.cancel()
