"""Claim a unit of work, perform it under its lease, and see to it that it ends well.

What a performer raises is never lost: the unit is released and retried with backoff, and given up with the reason
after ``MAX_ATTEMPTS`` failures in a row; but ``StorageAway`` is waited for as long as it takes. A lost lease ends the
attempt silently, because somebody else holds the work.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Protocol

from automation_engine.errors import EngineError, LeaseLost, StorageAway
from automation_engine.rules.retry import MAX_ATTEMPTS, backoff
from automation_engine.store import work
from automation_engine.store.database import Database
from automation_engine.store.work import LEASE, Lease

_log = logging.getLogger(__name__)


class Performer(Protocol):
    """Performs one kind of work. Commits through ``work.fenced``; finishes or releases the lease itself."""

    async def perform(self, lease: Lease) -> None:
        """Do the work, from wherever an earlier attempt left it."""
        ...

    async def give_up(self, lease: Lease, reason: str) -> None:
        """Record that the work failed for good, and finish the lease."""
        ...


async def all_of(parts: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Await all parts of a unit of work, whatever becomes of the others; then raise what the first one raised."""
    for outcome in await asyncio.gather(*parts, return_exceptions=True):
        if outcome is not None:
            raise outcome


class Worker:
    """Performs units of work. ``chance()`` draws the jitter of retries, in [0, 1)."""

    def __init__(self, database: Database, performers: Mapping[str, Performer], chance: Callable[[], float]) -> None:
        self._database = database
        self._performers = performers
        self._chance = chance

    async def perform(self, work_id: str) -> None:
        """Claim and perform one unit. Returns when it is done, released, or held by somebody else."""
        lease = await work.claim(self._database, work_id)
        if lease is None:
            return
        try:
            await self._perform(lease)
        except LeaseLost:
            _log.info("%s: attempt %d ended, its lease was lost", lease.work_id, lease.attempt)
        except asyncio.CancelledError:
            await asyncio.shield(self._again(lease, 0.0))
            raise
        except StorageAway as error:
            _log.warning("%s: attempt %d waits for its storage: %s", lease.work_id, lease.attempt, error.message)
            waits = lease.waits + 1
            await self._again(lease, backoff(waits, self._chance()), failures=lease.failures, waits=waits)
        except Exception as error:  # noqa: BLE001 - whatever it is: it is logged, counted and retried
            _log.exception("%s: attempt %d failed", lease.work_id, lease.attempt)
            await self._failed(lease, error)

    async def _perform(self, lease: Lease) -> None:
        """Perform while the lease is kept alive; stop as soon as it is lost."""
        performing = asyncio.ensure_future(self._performers[lease.kind].perform(lease))
        beating = asyncio.ensure_future(self._beat(lease))
        try:
            await asyncio.wait({performing, beating}, return_when=asyncio.FIRST_COMPLETED)
            (performing if performing.done() else beating).result()
        finally:
            performing.cancel()
            beating.cancel()
            await asyncio.gather(performing, beating, return_exceptions=True)

    async def _beat(self, lease: Lease) -> None:
        while True:
            await asyncio.sleep(LEASE / 4)
            await work.keep(self._database, lease)

    async def _failed(self, lease: Lease, error: Exception) -> None:
        failures = lease.failures + 1
        if failures < MAX_ATTEMPTS:
            await self._again(lease, backoff(failures, self._chance()), failures=failures)
            return
        try:
            await self._performers[lease.kind].give_up(lease, said(error))
        except LeaseLost:
            _log.info("%s: failed after its lease was lost", lease.work_id)

    async def _again(self, lease: Lease, delay: float, *, failures: int = 0, waits: int = 0) -> None:
        """Give the unit back, to be performed again after ``delay`` seconds."""
        try:
            async with self._database.transaction() as tx:
                await work.release(tx, lease, due_at=tx.now + delay, failures=failures, waits=waits)
        except LeaseLost:
            _log.info("%s: nothing to give back, its lease was lost", lease.work_id)


def said(error: Exception) -> str:
    """Return what an error says to people."""
    if isinstance(error, EngineError):
        return error.message
    return f"{type(error).__name__}: {error}".removesuffix(": ")
