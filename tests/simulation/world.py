"""A world: the engine that ships, in virtual time, on a simulated storage, while a plan happens to it.

Real: rules, store on SQLite, performers, worker, ticks, the servicers that take the operator's calls. Simulated: time,
storage and media. APScheduler and PgQueuer run themselves, or stand aside for a model of them (see ``clockworks``).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import math
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from automation_engine.connectors.pool import Stores
from automation_engine.jobs import import_jobs, prompt_runs
from automation_engine.secrets import SecretBox
from automation_engine.store.database import Database
from automation_engine.store.ids import Ids
from automation_engine.store.schema import migrate
from automation_engine.store.tables import Connector, MediaIndex, Prompt
from tests.simulation import media
from tests.simulation.clockworks import CLOCKWORKS, Answer, in_virtual_time
from tests.simulation.history import Fired, History, Imported, Taken
from tests.simulation.loop import SimulatedLoop
from tests.simulation.operators import INDEX, OWNER, PROMPT, SOURCE, TARGET, Operator
from tests.simulation.plan import LENGTHS, Action, Plan
from tests.simulation.process import PROCESS, Process, Shared, SimulatedDatabase
from tests.simulation.storage import Bucket, SimulatedStore

EPOCH = 1_767_225_600.0
_WORKED = (
    "SELECT 1 FROM work WHERE kind <> 'scan' AND state IN ('due', 'leased') "
    "UNION ALL SELECT 1 FROM deliveries WHERE export_id IS NULL LIMIT 1"
)
"""Finds something as long as a job, a run or an export is not at its end."""
T = TypeVar("T")
_MEMORY = Path("/dev/shm")  # noqa: S108 - a database in memory, where there is such a place


class SimulatedClock:
    """The machine's clock: true time, and whatever it was set forward or back by."""

    scale = 1.0

    def __init__(self, true: Callable[[], float]) -> None:
        self._true = true
        self.skew = 0.0

    def now(self) -> float:
        """Return the present instant, in seconds since the epoch."""
        return EPOCH + self._true() + self.skew


class SimulatedStores(Stores):
    """The two simulated buckets."""

    def __init__(self, stores: dict[str, SimulatedStore]) -> None:
        self._stores = stores
        self.box = SecretBox(["A" * 43 + "="])

    def get(self, connector: Any) -> SimulatedStore:
        """Return the store of a connector."""
        return self._stores[connector.connector_id]


class Laboratory:
    """What outlives a run: compiled statements, and an empty database to copy."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=_MEMORY if _MEMORY.is_dir() else None))
        Finalize(self, shutil.rmtree, args=(self.folder, True), exitpriority=1)  # also where a pool's process ends
        self.shared = Shared()
        self.database: SimulatedDatabase | None = None
        _run(SimulatedLoop(random.Random(0)), self.prepare())  # noqa: S311 - reproducible on purpose

    def open(self, clock: SimulatedClock, ids: Ids) -> SimulatedDatabase:
        """Return the database for another run."""
        if self.database is None:
            self.database = SimulatedDatabase(self.shared, clock=clock, ids=ids)
        self.database.renew(clock=clock, ids=ids)
        return self.database

    async def prepare(self) -> None:
        """Make the database that every run begins with: index, connectors and prompt are there."""
        database = self.open(SimulatedClock(lambda: 0.0), Ids.seeded(0))
        self.shared.path = str(self.folder / "empty.db")
        await migrate(database)
        await self._rows(database)
        await database.close()

    def furnish(self, plan: Plan) -> None:
        """Put a fresh database in place."""
        empty, here = self.folder / "empty.db", self.folder / "world.db"
        for path in self.folder.glob("world.db*"):
            path.unlink()
        shutil.copy(empty, here)
        self.shared.path = str(here)
        with contextlib.closing(sqlite3.connect(here)) as connection:
            connection.execute("UPDATE connectors SET import_mode = ?", (plan.mode,))
            connection.commit()

    @staticmethod
    async def _rows(database: Database) -> None:
        async with database.transaction() as tx:
            tx.add(MediaIndex(index_id=INDEX, owner=OWNER, name="Dailies", created_at=EPOCH))
            for connector_id, scope in ((SOURCE, "import"), (TARGET, "export")):
                tx.add(
                    Connector(
                        connector_id=connector_id,
                        owner=OWNER,
                        name=scope,
                        provider="local",
                        status="active",
                        scopes=[scope],
                        import_mode="all",
                        settings={},
                        created_at=EPOCH,
                        updated_at=EPOCH,
                    )
                )
            tx.add(
                Prompt(
                    prompt_id=PROMPT,
                    owner=OWNER,
                    name="Facts",
                    description="",
                    prompt_text="Read.",
                    json_schema={"type": "object", "properties": {}},
                    semantic_indexing={},
                    created_at=EPOCH,
                    updated_at=EPOCH,
                )
            )

    def close(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _reading(_model: str | None) -> media.Reading:
    return media.Reading()


@contextmanager
def substituted() -> Iterator[None]:
    """Put simulated media in the place of decoded ones."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(import_jobs, "probe", media.probe))
        stack.enter_context(mock.patch.object(prompt_runs, "analyzer_for", _reading))
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


class World:
    """One run of a plan."""

    def __init__(self, plan: Plan, laboratory: Laboratory, loop: SimulatedLoop) -> None:
        self.plan = plan
        self.loop = loop
        self.chance = random.Random(f"world {plan.seed}")  # noqa: S311 - reproducible on purpose
        self.clock = SimulatedClock(loop.time)
        self.laboratory = laboratory
        self.bucket = Bucket("in", self.chance, loop.time, self.clock.now)
        self.target = Bucket("out", self.chance, loop.time, self.clock.now)
        self.bucket.page_size = plan.page_size
        self.history = History(plan=plan, bucket=self.bucket, target=self.target)
        self.processes: dict[str, Process] = {}
        self.wakes: dict[asyncio.Event, None] = {}  # in order, as everything that decides anything
        self.tasks: set[asyncio.Task[Any]] = set()
        self.digest = hashlib.blake2b(digest_size=8)
        self.alone = not any(action.what == "second" or action.args[:1] == ("b",) for action in plan.actions)
        self._down: dict[str, float] = {}
        self._pause_after_death: dict[str, float] = {}
        self._answers: dict[str, Answer] = {}
        self._deaths = list(plan.deaths)
        self._seen_batch = self._seen_video = self._seen_epoch = 0

    async def run(self) -> History:
        """Let the plan happen, then a calm in which everything has to come to its end."""
        shared = self.laboratory.shared
        shared.chance, shared.interleaving = self.chance, self.plan.interleaving
        shared.committed = lambda: None
        ids = Ids.seeded(self.plan.seed)
        self.database = self.laboratory.open(self.clock, ids)
        self.laboratory.furnish(self.plan)
        self.reader = sqlite3.connect(shared.path, isolation_level=None)
        shared.committed = self._committed
        self.stores = SimulatedStores({SOURCE: SimulatedStore(self.bucket), TARGET: SimulatedStore(self.target)})
        self.database.bell = self.ring
        self.operator = Operator(self)
        try:
            await self._create()
            self._start("a")
            await self._happens(0.0, self.plan.calm)
            await self._heal()
            await self._happens(self.plan.calm, math.inf)
            await self._rests(self.plan.calm + self._calm())
        finally:
            await self._stop()
        self._close_history()
        return self.history

    async def _happens(self, since: float, until: float) -> None:
        for action in self.plan.actions:
            if since <= action.at < until:
                await self._until(action.at)
                self._happen(action)
        if until < math.inf:
            await self._until(until)

    # Time.

    async def _until(self, instant: float) -> None:
        await asyncio.sleep(max(0.0, instant - self.loop.time()))

    async def _rests(self, until: float) -> None:
        """Wait until everything has come to its end, or until nothing is left to be waited for."""
        while self.plan.brief and self.loop.time() < until and not self._at_rest():  # noqa: ASYNC110 - it is looked at
            await asyncio.sleep(1.0)
        self.history.rested = self._at_rest()
        if not self.plan.brief:
            await self._until(until)

    def _at_rest(self) -> bool:
        """Whether whatever is there was imported, analysed and exported."""
        imported = {(one.key, one.token) for one in self.history.imported}
        whole = {(version.key, version.token) for version in self.bucket.live.values()}
        return whole <= imported and not self.operator.waiting and self.reader.execute(_WORKED).fetchone() is None

    def _calm(self) -> float:
        """How long everything may take when nothing is in its way."""
        if self.plan.rest is not None:
            return self.plan.rest
        return 2_700.0 + LENGTHS[self.plan.debounce] + self.plan.longest_wait(self.plan.debounce)

    def note(self, text: str) -> None:
        self.history.log.append((self.loop.time(), text))

    def trouble(self, since: float, until: float) -> None:
        self.history.troubles.append((since, until))

    # Processes.

    def _start(self, name: str) -> None:
        process = Process(name, self._died)
        if name == "a" and self._deaths:
            process.dies_in = self._deaths.pop(0)
        self.processes[name] = process
        since = self._down.pop(name, self.loop.time())
        self.trouble(since, self.loop.time())
        process.spawn(self._main(process))

    def _died(self, process: Process) -> None:
        self.note(f"process {process.name} dies")
        self.history.hurt("process death")
        self._down[process.name] = self.loop.time()
        pause = self._pause_after_death.pop(process.name, 5.0)
        self.loop.call_later(pause + 0.001, self._revive, process)

    def _revive(self, process: Process) -> None:
        if self.processes.get(process.name) is process and not self._ended:
            self.note(f"process {process.name} is started again")
            self._start(process.name)

    _ended = False
    stepped = False
    """Whether the clock was set just now."""

    async def _main(self, process: Process) -> None:
        """Start; a process that can't ends, and is started again."""
        try:
            await process.gate()
            self._answers[process.name] = await CLOCKWORKS[self.plan.clockwork](self, process).run()
        except Exception as error:  # noqa: BLE001 - whatever it is
            self.note(f"process {process.name} can't start: {type(error).__name__}: {error}")
            process.die()

    async def ring(self, rings: Sequence[tuple[str, str]]) -> None:
        """Ring in some living process, if the bell is heard at all; now and then twice."""
        for ring in rings:
            if self.chance.random() < self.plan.lossy:
                continue
            listeners = [name for name, process in self.processes.items() if not process.dead and name in self._answers]
            if listeners:
                await self._answers[self.chance.choice(listeners)]([ring] * self.chance.choice((1, 1, 1, 2)))

    def _wake(self) -> None:
        for event in list(self.wakes):
            event.set()

    # What is seen from outside.

    def _committed(self) -> None:
        self._wake()
        now, written = self.loop.time(), self.laboratory.shared.written
        if "batches" in written:
            self._see_batches(now)
        if "videos" in written:
            self._see_videos(now)
        if "scans" in written:
            self._see_scans(now)
        self.digest.update(f"{now!r} {self.loop.steps}\n".encode())

    def _see_batches(self, now: float) -> None:
        read = self.reader.execute
        for batch_id in self.history.held:
            started = read("SELECT 1 FROM batches WHERE batch_id = ? AND job_id IS NOT NULL", (batch_id,)).fetchone()
            if started is not None:
                self.history.started.setdefault(batch_id, now)
        for row in read(
            "SELECT rowid, batch_id, sequence, trigger, object_count, job_id FROM batches WHERE rowid > ?",
            (self._seen_batch,),
        ).fetchall():
            self._seen_batch = row[0]
            if row[5] is None:
                self.history.held[row[1]] = now
                members = read("SELECT key, version FROM ledger WHERE batch_id = ? ORDER BY key", (row[1],)).fetchall()
            else:
                members = read(
                    "SELECT key, version FROM import_files WHERE job_id = ? ORDER BY ordinal", (row[5],)
                ).fetchall()
            self.history.fired.append(
                Fired(at=now, batch_id=row[1], sequence=row[2], trigger=row[3], counted=row[4], members=tuple(members))
            )
            self.note(
                f"FIRES {row[1]} ({row[3]}): {', '.join(f'{k}@{v}' for k, v in members[:8])}{' …' * (len(members) > 8)}"
            )

    def _see_videos(self, now: float) -> None:
        for row in self.reader.execute(
            "SELECT rowid, source_key, source_version, json_extract(facts, '$.video_codec') "
            "FROM videos WHERE rowid > ?",
            (self._seen_video,),
        ).fetchall():
            self._seen_video = row[0]
            self.history.imported.append(Imported(at=now, key=row[1], token=row[2], read=row[3]))
            self.note(f"imported {row[1]}@{row[2]}")

    def _see_scans(self, now: float) -> None:
        scans = "SELECT epoch, outcome FROM scans WHERE epoch > ? AND outcome IN ('complete', 'failed') ORDER BY epoch"
        for epoch, outcome in self.reader.execute(scans, (self._seen_epoch,)).fetchall():
            self._seen_epoch = epoch
            self._taken(now, epoch, complete=outcome == "complete")

    def _taken(self, now: float, epoch: int, *, complete: bool) -> None:
        process = PROCESS.get()
        name = "" if process is None else process.name
        listing = next(
            (one for one in reversed(self.bucket.listings) if one.process == name and one.ended is not None), None
        )
        self.history.taken.append(Taken(at=now, epoch=epoch, complete=complete, listing=listing if complete else None))

    # What happens.

    def _happen(self, action: Action) -> None:
        """Let an action happen; what is no deed of the world is a call of the operator."""
        self.note(str(action))
        deed = self._deeds().get(action.what)
        if deed is None:
            self.operator.ask(action.what, action.args)
        else:
            deed(*action.args)

    def _deeds(self) -> dict[str, Callable[..., None]]:
        bucket = self.bucket
        return {
            "put": bucket.write,
            "append": lambda key, size, whole: bucket.append(key, size, whole=whole),
            "replace": bucket.replace,
            "delete": bucket.remove,
            "rename": bucket.rename,
            "upload": lambda key, size, took: bucket.write(key, size, modified=self.clock.now() - took),
            "poison": lambda key, size, poison: bucket.write(key, size, poison=poison),
            "burst": self._burst,
            "away": partial(self._unreachable, "away_until"),
            "denied": partial(self._unreachable, "denied_until"),
            "throttle": self._throttle,
            "target away": partial(self._undeliverable, "away_until"),
            "target denied": partial(self._undeliverable, "denied_until"),
            "target throttle": partial(self._undeliverable, "throttled_until"),
            "slow": self._slow,
            "bad page": lambda page, count: bucket.listing_faults.extend([("bad page", page)] * count),
            "repeated page": lambda count: bucket.listing_faults.extend([("repeated page", 0.0)] * count),
            "stale": lambda age, count: bucket.listing_faults.extend([("stale", age)] * count),
            "die": self._doom,
            "db error": self._spoil,
            "clock": self._step_clock,
            "freeze": self._freeze,
            "second": self._second,
        }

    def _burst(self, prefix: str, count: int) -> None:
        for number in range(count):
            self.bucket.write(f"{prefix}{number:04}.mp4", 1_000)

    def _unreachable(self, until: str, span: float) -> None:
        now = self.loop.time()
        setattr(self.bucket, until, now + span)
        self.trouble(now, now + span)

    def _undeliverable(self, until: str, span: float) -> None:
        self.target.odds = 0.7
        setattr(self.target, until, self.loop.time() + span)

    def _throttle(self, span: float, odds: float) -> None:
        self.bucket.odds = odds
        self._unreachable("throttled_until", span)

    def _slow(self, span: float, slowness: float) -> None:
        self.history.hurt("slow storage")
        self.bucket.slowness = slowness
        self._unreachable("slow_until", span)
        self.trouble(self.loop.time(), self.loop.time() + span + 600.0)

    def _doom(self, host: str, steps: int, pause: float) -> None:
        self._pause_after_death[host] = pause
        if host in self.processes:
            self.processes[host].dies_in = steps

    def _spoil(self, host: str, steps: int) -> None:
        if host in self.processes:
            self.history.hurt("database error")
            self.processes[host].fails_in = steps
            self.trouble(self.loop.time(), self.loop.time() + 60.0)

    def _step_clock(self, step: float) -> None:
        now = self.loop.time()
        self.history.hurt("clock step")
        self.clock.skew += step
        self.history.clock_steps.append((now, step))
        self.trouble(now, now)
        self.stepped = True
        self.loop.call_later(20.0, self._unstepped)
        self._wake()

    def _unstepped(self) -> None:
        self.stepped = False

    def _freeze(self, host: str, span: float) -> None:
        process = self.processes.get(host)
        if process is None or process.dead or process.thawed is not None:
            return
        self.history.hurt("freeze")
        process.thawed = asyncio.Event()
        now = self.loop.time()
        self.trouble(now, now + span)
        self.loop.call_later(span, self._thaw, process)

    def _thaw(self, process: Process) -> None:
        if process.thawed is not None:
            self.note(f"process {process.name} is revived")
            process.thawed.set()
            process.thawed = None

    def _second(self, span: float) -> None:
        if "b" not in self.processes:
            self.history.hurt("second scheduler")
            self._start("b")
            self.loop.call_later(span, self._leave)

    def _leave(self) -> None:
        process = self.processes.pop("b", None)
        if process is not None:
            self.note("process b leaves")
            self._answers.pop("b", None)
            process.dead = True
            if process.thawed is not None:
                process.thawed.set()
            for task in list(process.tasks):
                task.cancel()
            self.trouble(self.loop.time(), self.loop.time())

    async def _heal(self) -> None:
        """End every fault; let everything run."""
        self.note("the calm begins")
        for bucket in (self.bucket, self.target):
            bucket.away_until = bucket.denied_until = bucket.throttled_until = bucket.slow_until = -1.0
        self.bucket.listing_faults.clear()
        for process in self.processes.values():
            process.fails_in = None
            process.dies_in = process.dies_in if self.plan.deaths else None
            self._thaw(process)
        self.history.troubles = [(since, min(until, self.loop.time())) for since, until in self.history.troubles]
        self.operator.ask("heal", ())

    async def _create(self) -> None:
        await self.operator.create()
        self.tasks.add(self.loop.create_task(self.operator.work()))

    async def _stop(self) -> None:
        self._ended = True
        self.laboratory.shared.committed = lambda: None
        for process in self.processes.values():
            process.dead = True
            if process.thawed is not None:
                process.thawed.set()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self.database.close()

    def _close_history(self) -> None:
        history, read = self.history, self.reader.execute
        history.end = self.loop.time()
        history.unspent = self.processes["a"].dies_in
        for kind, count in (*self.bucket.faults.items(), *self.target.faults.items()):
            history.faults[kind] = history.faults.get(kind, 0) + count
        ending = history.ending
        files = "SELECT key, version, status, reason_code FROM import_files ORDER BY job_id, ordinal"
        for key, version, status, code in read(files).fetchall():
            ending.files.setdefault((key, version), []).append((status, code))
        ending.jobs = read("SELECT job_id, status, total_files, imported, failed, skipped FROM import_jobs").fetchall()
        ending.runs = read(
            "SELECT run_id, status, json_extract(context, '$.import_job_id') FROM prompt_runs"
        ).fetchall()
        ending.exports = read(
            "SELECT e.target_id, e.status, d.generation, e.destination_subpath FROM exports e "
            "LEFT JOIN deliveries d ON d.export_id = e.export_id"
        ).fetchall()
        ending.items = read(
            "SELECT i.run_id, v.source_key, v.source_version, i.status, i.error FROM run_items i "
            "JOIN videos v ON v.video_id = i.video_id"
        ).fetchall()
        ending.results = read(
            "SELECT s.run_id, v.source_version, json_extract(s.data, '$.version') FROM segment_results s "
            "JOIN videos v ON v.video_id = s.video_id"
        ).fetchall()
        batches = "SELECT batch_id, object_count, COALESCE(certificate, 'null') FROM batches"
        ending.certificates = [(batch, count, json.loads(told)) for batch, count, told in read(batches)]
        self.reader.close()


def simulate(plan: Plan, laboratory: Laboratory) -> tuple[History, str]:
    """Run a plan. Returns what happened, and a digest of the run: the same for the same plan."""
    loop = SimulatedLoop(random.Random(f"order {plan.seed}"))  # noqa: S311 - reproducible on purpose
    world = World(plan, laboratory, loop)
    with substituted(), in_virtual_time(world):
        history = _run(loop, world.run())
    return history, world.digest.hexdigest()


def _run(loop: SimulatedLoop, main: Coroutine[Any, Any, T]) -> T:
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
