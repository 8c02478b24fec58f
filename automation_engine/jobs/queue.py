"""The doorbell: the only module that imports PgQueuer.

A message carries the id of a unit of work and nothing else. It may be lost, doubled or late: the row decides, and the
sweep rings again for every due row that nobody holds. Embedded, the queue lives in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from pgqueuer import PgQueuer
from pgqueuer.adapters.inmemory import InMemoryDriver, InMemoryQueries
from pgqueuer.models import Job

Perform = Callable[[str], Awaitable[None]]

_BATCH = 10


class Doorbell:
    """Rings for units of work, and answers with ``perform(work_id)``.

    ``limits`` names the kinds that this process works on, and how many units of each it performs at a time.
    """

    def __init__(self, perform: Perform, limits: Mapping[str, int]) -> None:
        self._perform = perform
        self._limits = limits
        driver = InMemoryDriver()
        self._messages = InMemoryQueries(driver=driver)
        self._queue = PgQueuer(connection=driver, queries=self._messages)
        self._waiting: set[tuple[str, str]] = set()
        self._performing: set[asyncio.Task[None]] = set()
        for kind, limit in limits.items():
            self._queue.entrypoint(kind, concurrency_limit=limit)(self._answer)

    async def ring(self, rings: Sequence[tuple[str, str]]) -> None:
        """Enqueue a message for each ``(kind, work_id)`` for which none waits.

        The sweep rings for all that is due, every time: without this the queue would grow for as long as there is more
        to do than is being done.
        """
        unheard = [one for one in dict.fromkeys(rings) if one not in self._waiting]
        if unheard:
            self._waiting.update(unheard)
            kinds, work_ids = zip(*unheard, strict=True)
            payloads = [work_id.encode() for work_id in work_ids]
            await self._messages.enqueue(list(kinds), payloads, [0] * len(unheard))
            await self._messages.clear_queue_log()  # which nobody reads, and which would grow for as long as we run

    async def run(self) -> None:
        """Answer until ``stop``."""
        await self._queue.run(
            batch_size=_BATCH,
            max_concurrent_tasks=max(2 * _BATCH, sum(self._limits.values())),
            dequeue_timeout=timedelta(seconds=1),
            log_aggregation_interval=timedelta(0),
        )

    async def stop(self, *, grace: float) -> None:
        """Take no more work; give what is being performed ``grace`` real seconds, then cancel it.

        Cancelled work is released by its performer, and done by whoever comes next.
        """
        self._queue.shutdown.set()
        if self._performing:
            _, late = await asyncio.wait(self._performing, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _answer(self, job: Job) -> None:
        if job.payload is None:
            raise ValueError(f"message {job.id} names no work")
        work_id = job.payload.decode()
        self._waiting.discard((job.entrypoint, work_id))  # what rings from now on may mean something new
        performing = asyncio.ensure_future(self._perform(work_id))
        self._performing.add(performing)
        try:
            await performing
        finally:
            self._performing.discard(performing)
