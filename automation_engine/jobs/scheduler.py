"""The ticks: the only module that imports APScheduler.

A heartbeat and no more. A late tick comes once (``coalesce``), never twice at a time (``max_instances``), and is never
dropped for being late (``misfire_grace_time=None``). What is due stands in the database.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

Tick = Callable[[], Awaitable[None]]


class Scheduler:
    """Calls each tick at its interval, in real seconds, from ``start`` to ``stop``."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    def every(self, seconds: float, name: str, tick: Tick) -> None:
        """Add a tick."""
        self._scheduler.add_job(tick, IntervalTrigger(seconds=seconds), id=name, name=name)

    def start(self) -> None:
        """Begin to tick, on the running event loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Tick no more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
