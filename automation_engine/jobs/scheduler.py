"""The ticks: the only module that imports APScheduler.

A heartbeat and no more. A late tick comes once (``coalesce``), never twice at a time (``max_instances``), and is never
dropped for being late (``misfire_grace_time=None``). What is due stands in the database.

APScheduler reads the machine's clock, which can be set: back, and it would wait until the old time comes again;
forward, and it would count every beat that it seems to have missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

Tick = Callable[[], Coroutine[Any, Any, None]]
"""A coroutine function, or a partial of one: APScheduler would run anything else in a thread."""

# A tick that finds the one before it still at work is skipped on purpose; that is no news.
logging.getLogger("apscheduler").setLevel(logging.ERROR)


class _Beat(IntervalTrigger):  # type: ignore[misc]  # APScheduler has no types
    """An interval that is taken up again after a gap, not counted through.

    From now on: asked anew, it would begin at its first beat, which lies ahead where the clock was set back.
    """

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        beat: datetime | None = super().get_next_fire_time(previous_fire_time, now)
        return now + self.interval if beat is not None and beat <= now else beat


class _Beats(AsyncIOScheduler):  # type: ignore[misc]  # as above
    """Beats that go on when the clock is set back: no beat lies further ahead than its interval."""

    def _process_jobs(self) -> float | None:
        now = datetime.now(UTC)
        for job in self.get_jobs():
            if job.next_run_time > now + job.trigger.interval:
                job.modify(next_run_time=now)
        return super()._process_jobs()  # type: ignore[no-any-return]  # APScheduler has no types


class Scheduler:
    """Calls each tick at its interval, in real seconds, from ``start`` to ``stop``."""

    def __init__(self) -> None:
        self._scheduler = _Beats(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._ticking: set[asyncio.Task[None]] = set()

    def every(self, seconds: float, name: str, tick: Tick) -> None:
        """Add a tick."""
        self._scheduler.add_job(partial(self._tick, tick), _Beat(seconds=seconds, timezone=UTC), id=name, name=name)

    def start(self) -> None:
        """Begin to tick, on the running event loop."""
        self._scheduler.start()

    async def stop(self) -> None:
        """Tick no more; return when what still ticked has ended."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
            await asyncio.sleep(0)  # it shuts down at the loop's next turn
        await asyncio.gather(*self._ticking, return_exceptions=True)

    async def _tick(self, tick: Tick) -> None:
        """Tick out of the reach of APScheduler: its shutdown would cancel it in the middle of a transaction."""
        ticking = asyncio.create_task(tick())
        self._ticking.add(ticking)
        ticking.add_done_callback(self._ticking.discard)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({ticking})
            ticking.result()
