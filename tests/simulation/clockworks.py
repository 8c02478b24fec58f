"""What makes a process of the engine move: its ticks and its doorbell.

``Real`` is the composition root's own wiring, APScheduler and PgQueuer included, in virtual time. ``Model`` is what
they amount to, without the beats at which nothing could happen: that is faster. Around both of them ticks come late,
and bells are lost and doubled.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from unittest import mock

import apscheduler.schedulers.base
import apscheduler.triggers.interval
import pgqueuer.adapters.inmemory.queries
import pgqueuer.core.buffers
import pgqueuer.core.qm

from automation_engine import main
from automation_engine.config import Settings
from automation_engine.jobs import scheduler, watch
from automation_engine.jobs.scheduler import Scheduler
from automation_engine.store import work
from tests.simulation.process import PROCESS, Process

if TYPE_CHECKING:
    from automation_engine.store.database import Database
    from tests.simulation.world import World

Rings = Sequence[tuple[str, str]]
Answer = Callable[[Rings], Awaitable[None]]

_NOWHERE = Path("/nowhere")
# Wider than what the engine asks for: what these don't find, no tick finds.
_ACTS = "SELECT 1 FROM automations WHERE next_action_at <= :now OR next_action_at > :now + 300 LIMIT 1"
_DELIVERS = "SELECT 1 FROM deliveries WHERE export_id IS NULL LIMIT 1"
_WORKS = (
    "SELECT 1 FROM work WHERE (state = 'due' AND (due_at <= :now OR due_at > :now + 300)) "
    "OR (state = 'leased' AND (leased_until <= :now OR leased_until > :now + 90)) LIMIT 1"
)

_RUNG = "SELECT 1 FROM work WHERE state = 'due' AND due_at <= :now LIMIT 1"


class Model:
    """What ``main.running`` does: recover, restart, tick, answer the bell."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process

    async def run(self) -> Answer:
        """Start; return what is rung."""
        world, process = self._world, self._process
        worker = main.make_worker(world.database, world.stores, world.chance.random)
        limits = {kind: asyncio.Semaphore(limit) for kind, limit in main._LIMITS.items()}

        async def perform(kind: str, work_id: str) -> None:
            async with limits[kind]:
                await worker.perform(work_id)

        async def answer(rings: Rings) -> None:
            for kind, work_id in rings:
                process.spawn(perform(kind, work_id))

        async def sweep() -> None:
            async with world.database.reading() as session:
                await answer(await work.due(session, world.database))

        await work.recover(world.database)
        await watch.restart(world.database)
        for seconds, tick, instant, matters, again in (
            (1.0, watch.Watch(world.database).tick, self._next_action, _ACTS, None),
            (5.0, partial(watch.export_tick, world.database), None, _DELIVERS, None),
            (5.0, sweep, self._next_work, _WORKS, _RUNG),
        ):
            process.spawn(self._ticking(seconds, tick, instant, matters, again))
        return answer

    async def _ticking(
        self,
        period: float,
        tick: Callable[[], Awaitable[None]],
        instant: Callable[[], float | None] | None,
        matters: str,
        again: str | None,
    ) -> None:
        """Tick on every beat at which it could make a difference: after a commit, or when something is due."""
        world, woken = self._world, asyncio.Event()
        woken.set()
        world.wakes[woken] = None
        try:
            while True:
                await self._until_due(woken, instant)
                now = world.loop.time()
                late = world.chance.random() * world.plan.lateness
                await asyncio.sleep((math.floor(now / period) + 1) * period - now + late)
                await self._process.gate()
                woken.clear()
                if not self._matters(matters):
                    continue
                try:
                    await tick()
                except Exception:  # noqa: BLE001 - APScheduler logs it and goes on
                    woken.set()
                if again is not None and self._found(again):
                    woken.set()  # what was rung for may come to nothing: the next beat looks again
        finally:
            world.wakes.pop(woken, None)

    def _matters(self, statement: str) -> bool:
        """Whether a tick could find anything to do: one that can't only reads, and is left out."""
        if self._world.stepped:
            return True
        return self._found(statement)

    def _found(self, statement: str) -> bool:
        now = self._world.clock.now()
        return self._world.reader.execute(statement, {"now": now}).fetchone() is not None

    async def _until_due(self, woken: asyncio.Event, instant: Callable[[], float | None] | None) -> None:
        due = None if instant is None or woken.is_set() else instant()
        later = None if due is None else max(0.0, due - self._world.clock.now())
        timer = None if later is None else self._world.loop.call_later(later, woken.set)
        try:
            await woken.wait()
        finally:
            if timer is not None:
                timer.cancel()

    def _next_action(self) -> float | None:
        statement = "SELECT min(next_action_at) FROM automations WHERE next_action_at > ?"
        return self._world.reader.execute(statement, (self._world.clock.now(),)).fetchone()[0]  # type: ignore[no-any-return]

    def _next_work(self) -> float | None:
        now = self._world.clock.now()
        statement = (
            "SELECT min(at) FROM (SELECT due_at AS at FROM work WHERE state = 'due' AND due_at > ? "
            "UNION ALL SELECT leased_until FROM work WHERE state = 'leased' AND leased_until > ?)"
        )
        return self._world.reader.execute(statement, (now, now)).fetchone()[0]  # type: ignore[no-any-return]


class Real:
    """The wiring that ships: ``main._working`` and ``main._ticking``, held open for as long as the process lives."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process

    async def run(self) -> Answer:
        """Start; return what is rung."""
        started: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        living = self._process.spawn(self._live(started))
        await asyncio.wait({started, living}, return_when=asyncio.FIRST_COMPLETED)
        return started.result() if started.done() else living.result()

    async def _live(self, started: asyncio.Future[Answer]) -> None:
        world = self._world
        engine = main.Engine(Settings(data_dir=_NOWHERE), world.database, world.stores, world.clock)
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(main._working(engine))
                ring = world.database.bell
            finally:
                world.database.bell = world.ring  # the bell of this process is one of several, and may not be heard
            await stack.enter_async_context(main._ticking(engine))
            started.set_result(ring)
            await asyncio.Event().wait()


CLOCKWORKS: dict[str, type[Model | Real]] = {"model": Model, "real": Real}


@contextmanager
def in_virtual_time(world: World) -> Iterator[None]:
    """Let both libraries read the simulated clock and draw from the world's chance; give ticks their lateness."""
    tick, recover = Scheduler._tick, work.recover

    class Instant(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(world.clock.now(), tz)

    async def late(self: Scheduler, work_of_tick: Any) -> None:
        await asyncio.sleep(world.chance.random() * world.plan.lateness)
        process = PROCESS.get()
        if process is not None:
            await process.gate()
        await tick(self, work_of_tick)

    async def recovered(database: Database) -> int:
        return await recover(database) if world.alone else 0  # on SQLite, main sees to it that there is only one

    def entrypoints(queue: Any) -> dict[str, Any]:
        return dict.fromkeys(queue.entrypoint_registry)  # in order: a set of strings has another one in each process

    drawn: Any = random.Random(world.plan.seed)  # noqa: S311 - reproducible on purpose
    with ExitStack() as stack:
        for target, name, value in (
            (apscheduler.schedulers.base, "datetime", Instant),
            (apscheduler.triggers.interval, "datetime", Instant),
            (scheduler, "datetime", Instant),
            (pgqueuer.adapters.inmemory.queries, "utc_now", lambda: Instant.now(UTC)),
            (pgqueuer.core.buffers, "random", drawn),
            (pgqueuer.core.qm, "random", drawn),
            (pgqueuer.core.qm.QueueManager, "entrypoints_below_capacity_limits", entrypoints),
            (main, "random", world.chance),
            (work, "recover", recovered),
            (Scheduler, "_tick", late),
        ):
            stack.enter_context(mock.patch.object(target, name, value))
        yield
