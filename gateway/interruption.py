"""Ending a call early: its client went away, or its time is up."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from starlette.types import Receive

WATCH_AFTER = 0.05
"""Seconds a call may run before its connection is watched: most calls end sooner and need no watcher of their own."""


class ClientGoneError(Exception):
    """The connection was closed before the answer was ready."""


class DeadlineError(Exception):
    """The time was up before the answer was ready."""


class _Interruption:
    """Within it, the current task may be cancelled; it then leaves the block as ``error``.

    Like ``asyncio.timeout``, a cancellation from elsewhere passes through unchanged; at a third of its cost.
    """

    __slots__ = ("_cancelling", "_error", "_interrupted", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float | None, error: type[Exception]) -> None:
        self._seconds = seconds
        self._error = error
        self._timer: asyncio.TimerHandle | None = None
        self._interrupted = False

    def __enter__(self) -> Self:
        """Start the clock."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be interrupted")
        self._task = task
        self._cancelling = task.cancelling()
        if self._seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._due)
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Stop it. Raises ``error`` for the cancellation that it caused."""
        if self._timer is not None:
            self._timer.cancel()
        if self._interrupted and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise self._error from None

    def _due(self) -> None:
        self._interrupted = True
        self._task.cancel()


class Deadline(_Interruption):
    """Within it, the current task is cancelled after ``seconds`` (None: never), and leaves it as DeadlineError."""

    __slots__ = ()

    def __init__(self, seconds: float | None) -> None:
        super().__init__(seconds, DeadlineError)


class DisconnectWatch(_Interruption):
    """Within it, ``http.disconnect`` cancels the current task, which leaves the block as ClientGoneError.

    The body must have been read: messages before the disconnect are dropped.
    """

    __slots__ = ("_receive", "_watcher")

    def __init__(self, receive: Receive) -> None:
        super().__init__(WATCH_AFTER, ClientGoneError)
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        """Stop watching. Raises ClientGoneError for the cancellation that it caused."""
        if self._watcher is not None:
            self._watcher.cancel()
        super().__exit__(kind, fault, at)

    def _due(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        super()._due()
