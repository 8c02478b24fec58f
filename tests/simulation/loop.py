"""An event loop in virtual time whose every choice is drawn from one seeded source.

There is no selector, no thread and no waiting: when nothing is ready, time jumps to the next timer; when several things
are ready, chance says which comes first. What would run in a thread runs at once.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Callable
from typing import Any


class Stuck(RuntimeError):
    """Nothing is ready and no timer is set: somebody waits for what never comes."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """A loop that asks ``chance`` for the order of things. ``steps`` counts the callbacks that it ran."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance
        self._instant = 0.0
        self.steps = 0
        self.set_exception_handler(lambda _loop, _context: None)  # what a dead process raises is nobody's news

    def time(self) -> float:
        """Return the virtual instant, in seconds since the loop was made."""
        return self._instant

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False  # type: ignore[attr-defined]  # as BaseEventLoop keeps it
        if not ready:
            if not scheduled:
                raise Stuck("nothing is ready, and no timer is set")
            self._instant = max(self._instant, scheduled[0].when())
        while scheduled and scheduled[0].when() <= self._instant:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False  # type: ignore[attr-defined]  # as BaseEventLoop keeps it
            if not timer._cancelled:
                ready.append(timer)
        if len(ready) > 1:
            ready.rotate(-int(self._chance.random() * len(ready)))
        if ready:
            handle = ready.popleft()
            if not handle._cancelled:
                self.steps += 1
                handle._run()

    def _write_to_self(self) -> None:
        """Wake nobody: there is one thread."""

    def run_in_executor(  # type: ignore[override]  # the types of the arguments are not kept
        self,
        executor: Any,  # noqa: ARG002 - of the interface
        func: Callable[..., Any],
        *args: Any,
    ) -> asyncio.Future[Any]:
        """Call at once, in this thread."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whatever it is: it is the caller's
            done.set_exception(error)
        return done
