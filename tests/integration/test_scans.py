"""Scans over a real folder and a real SQLite file, in virtual time, with the ticks driven by hand."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from automation_engine.clock import VirtualClock
from automation_engine.connectors.pool import Stores
from automation_engine.connectors.protocol import ObjectInfo, ObjectStore
from automation_engine.errors import LeaseLost, StorageDenied, StorageUnavailable
from automation_engine.jobs import scans as scans_module
from automation_engine.jobs import watch
from automation_engine.jobs.scans import Scans
from automation_engine.rules import events
from automation_engine.rules.engine import create_import
from automation_engine.rules.model import (
    SCAN_INTERVAL_MAX,
    SETTLE,
    ImportConfig,
    ImportState,
    LedgerState,
    Phase,
    Watch,
)
from automation_engine.secrets import SecretBox
from automation_engine.store import automations, imports, ledger, work
from automation_engine.store.database import Database, Transaction, sqlite_url
from automation_engine.store.schema import migrate
from automation_engine.store.tables import Automation, Batch, Connector, ImportFile, ImportJob, LedgerEntry, Scan

AUTOMATION = "auto_1"
PageHook = Callable[[int], Awaitable[None]]


class _Crash(Exception):
    """The process died here."""


class _Mortal(Database):
    """A database whose process dies before the commit of a chosen transaction."""

    dies_in = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with super().transaction() as tx:
            yield tx
            self.dies_in -= 1
            if self.dies_in == 0:
                raise _Crash


class _Listed:
    """A real store whose listing comes in small pages, each announced to a hook before it is asked for."""

    def __init__(self, store: ObjectStore, storage: _Storage) -> None:
        self._store = store
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def list_pages(self, prefix: str, *, recursive: bool) -> AsyncGenerator[list[ObjectInfo], None]:
        self._storage.listings += 1
        found: list[ObjectInfo] = []
        async with aclosing(self._store.list_pages(prefix, recursive=recursive)) as pages:
            async for page in pages:
                found += page
        size = self._storage.page_size
        for number, at in enumerate(range(0, max(1, len(found)), size)):
            await self._storage.before_page(number)
            self._storage.pages += 1
            yield found[at : at + size]


class _Storage(Stores):
    """The real pool, counting what is asked of its stores."""

    page_size = 1000
    listings = 0
    pages = 0

    async def before_page(self, number: int) -> None:
        """Let the page come."""

    def get(self, *arguments: Any, **options: Any) -> Any:
        return _Listed(super().get(*arguments, **options), self)


class Watched:
    """An import automation over a folder."""

    def __init__(self, database: _Mortal, clock: VirtualClock, storage: _Storage, folder: Path) -> None:
        self.database = database
        self.clock = clock
        self.storage = storage
        self.folder = folder
        self.scans = Scans(database, storage, lambda: 0.5)
        self.watch = watch.Watch(database)

    async def create(self, *, import_mode: str = "all", **config: Any) -> None:
        given = {"watch": Watch(connector_id="conn_1", source_prefix="in"), "debounce": 300.0}
        async with self.database.transaction() as tx:
            state = create_import(AUTOMATION, ImportConfig(**{**given, **config}), tx.now).state
            tx.add(
                Connector(
                    connector_id="conn_1",
                    owner="ada",
                    name="media",
                    provider="local",
                    status="active",
                    scopes=["import"],
                    import_mode=import_mode,
                    settings={"root": str(self.folder)},
                    created_at=tx.now,
                    updated_at=tx.now,
                )
            )
            row = Automation(
                automation_id=AUTOMATION,
                owner="ada",
                index_id="idx_1",
                kind="import",
                config={},
                state={},
                created_at=tx.now,
                updated_at=tx.now,
            )
            automations.save_state(row, state)
            tx.add(row)

    def write(self, path: str, data: bytes = b"bytes") -> None:
        file = self.folder / "in" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def append(self, path: str) -> None:
        with (self.folder / "in" / path).open("ab") as file:
            file.write(b"more")

    async def step(self) -> None:
        """One tick, and the scans that it started."""
        await self.watch.tick()
        await self.perform()

    async def perform(self) -> None:
        async with self.database.reading() as session:
            due = await work.due(session, self.database)
        for kind, work_id in due:
            lease = await work.claim(self.database, work_id) if kind == work.SCAN else None
            if lease is not None:
                await self.scans.perform(lease)

    async def run(self, seconds: float) -> None:
        """Let time pass: a tick wherever the state says that time makes a difference, on whole seconds."""
        end = self.clock.now() + seconds
        await self.step()
        while self.clock.now() < end:
            action = (await self.state()).next_action_at
            now = self.clock.now()
            if action is None:  # stopped, or scanning
                action = end
            elif action > now + SCAN_INTERVAL_MAX:
                action = now + 10
            self.clock.advance(min(end - now, max(1.0, math.ceil(action - now))))
            await self.step()

    async def decide(self, event: events.ImportEvent) -> None:
        async with self.database.transaction() as tx:
            row = await automations.lock(tx, AUTOMATION)
            assert row is not None
            await automations.apply_import(tx, row, event)

    async def configure(self, **changes: Any) -> None:
        await self.decide(events.Configured(config=replace((await self.state()).config, **changes)))

    async def reborn(self) -> None:
        """Another process takes over."""
        self.scans, self.watch = Scans(self.database, self.storage, lambda: 0.5), watch.Watch(self.database)
        await work.recover(self.database)
        await watch.restart(self.database)

    async def state(self) -> ImportState:
        async with self.database.reading() as session:
            row = (await session.exec(select(Automation))).one()
        return automations.import_state(row)

    async def entries(self) -> dict[str, list[str]]:
        """Return the states of each key's identities, in the order in which they were met."""
        async with self.database.reading() as session:
            rows = (await session.exec(select(LedgerEntry).order_by(col(LedgerEntry.seq)))).all()
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row.key.removeprefix("in/"), []).append(row.state)
        return found

    async def reasons(self) -> dict[str, str | None]:
        async with self.database.reading() as session:
            rows = (await session.exec(select(LedgerEntry).order_by(col(LedgerEntry.seq).desc()))).all()
        return {row.key.removeprefix("in/"): row.reason for row in rows}

    async def batches(self) -> list[tuple[str, list[str]]]:
        """Return trigger and keys of each batch, as its import job has them."""
        async with self.database.reading() as session:
            rows = (await session.exec(select(Batch).order_by(col(Batch.fired_at), col(Batch.sequence)))).all()
            found = []
            for row in rows:
                files = select(ImportFile).where(ImportFile.job_id == row.job_id).order_by(col(ImportFile.ordinal))
                keys = [file.key.removeprefix("in/") for file in (await session.exec(files)).all()]
                assert len(keys) == row.object_count
                found.append((row.trigger, keys))
        return found

    async def scan_rows(self) -> list[Scan]:
        async with self.database.reading() as session:
            return list((await session.exec(select(Scan).order_by(col(Scan.epoch)))).all())

    async def resolve(self, key: str, state: LedgerState) -> None:
        """Say how the import of a claimed identity ended."""
        async with self.database.transaction() as tx:
            row = (
                await tx.exec(select(LedgerEntry).where(LedgerEntry.key == f"in/{key}", LedgerEntry.state == "claimed"))
            ).one()
            await ledger.resolve(tx, row.seq or 0, state)


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    """A folder with an empty subfolder ``in`` that nothing watches yet."""
    clock = VirtualClock()
    database = _Mortal(sqlite_url(tmp_path / "engine.db"), clock=clock)
    await migrate(database)
    (tmp_path / "media" / "in").mkdir(parents=True)
    storage = _Storage(SecretBox.open(tmp_path), allowed_roots=[tmp_path])
    yield Watched(database, clock, storage, tmp_path / "media")
    await storage.close()
    await database.close()


async def test_a_delivery_is_one_batch_in_key_order(watched: Watched) -> None:
    await watched.create()
    for name in ("c.mp4", "a.mp4", "sub/b.mp4", "b.mp4"):
        watched.write(name)
    await watched.run(290)
    assert await watched.batches() == []
    await watched.run(30)
    assert await watched.batches() == [("quiet", ["a.mp4", "b.mp4", "c.mp4", "sub/b.mp4"])]
    assert set(map(tuple, (await watched.entries()).values())) == {("claimed",)}


async def test_a_firing_makes_one_import_job_with_one_unit_of_work(watched: Watched) -> None:
    await watched.create()
    watched.write("a.mp4")
    await watched.run(400)
    async with watched.database.reading() as session:
        job = (await session.exec(select(ImportJob))).one()
        due = await work.due(session, watched.database)
    assert (job.batch_id, job.total_files, job.status) == ("auto:auto_1:1:1", 1, "pending")
    assert due == [("import_job", f"import_job:{job.job_id}")]


async def test_what_was_imported_is_not_imported_again(watched: Watched) -> None:
    await watched.create()
    watched.write("a.mp4")
    await watched.run(400)
    await watched.resolve("a.mp4", LedgerState.IMPORTED)
    await watched.run(600)
    await watched.reborn()
    await watched.run(600)
    assert len(await watched.batches()) == 1


async def test_a_growing_file_is_not_imported_while_it_grows_and_holds_back_only_itself(watched: Watched) -> None:
    await watched.create()
    watched.write("a.mp4")
    watched.write("growing.mp4")
    while not await watched.batches():
        watched.append("growing.mp4")
        await watched.run(20)
    assert await watched.batches() == [("max_wait", ["a.mp4"])]
    await watched.run(400)
    assert (await watched.batches())[1:] == [("quiet", ["growing.mp4"])]
    assert (await watched.entries())["growing.mp4"][-1] == "claimed"
    assert set((await watched.entries())["growing.mp4"][:-1]) == {"gone"}


async def test_an_overwritten_file_settles_again_and_its_old_identity_is_superseded(watched: Watched) -> None:
    await watched.create()
    watched.write("a.mp4")
    await watched.run(200)
    watched.write("a.mp4", b"other bytes")
    await watched.run(60)
    assert (await watched.entries())["a.mp4"] == ["gone", "settling"]
    assert await _reasons_in_order(watched, "a.mp4") == ["superseded", None]
    await watched.run(230)
    assert await watched.batches() == []
    await watched.run(60)
    assert await watched.batches() == [("quiet", ["a.mp4"])]


async def _reasons_in_order(watched: Watched, key: str) -> list[str | None]:
    async with watched.database.reading() as session:
        statement = select(LedgerEntry.reason).where(LedgerEntry.key == f"in/{key}").order_by(col(LedgerEntry.seq))
        return list((await session.exec(statement)).all())


async def test_a_renamed_file_is_a_new_key(watched: Watched) -> None:
    await watched.create()
    watched.write("a.mp4.part")
    await watched.run(100)
    (watched.folder / "in/a.mp4.part").rename(watched.folder / "in/a.mp4")
    await watched.run(400)
    assert await watched.entries() == {"a.mp4.part": ["gone"], "a.mp4": ["claimed"]}
    assert await watched.batches() == [("quiet", ["a.mp4"])]


async def test_a_deleted_file_is_gone_with_the_reason_and_closes_its_window(watched: Watched) -> None:
    await watched.create()
    watched.write("a.mp4")
    await watched.run(100)
    (watched.folder / "in/a.mp4").unlink()
    await watched.run(1000)
    assert await watched.entries() == {"a.mp4": ["gone"]}
    assert await watched.reasons() == {"a.mp4": "vanished"}
    assert (await watched.state()).phase is Phase.IDLE
    assert await watched.batches() == []


async def test_temporary_and_empty_files_never_become_ready(watched: Watched) -> None:
    await watched.create()
    for name in ("a.part", "b.tmp", "c.filepart", "d.crdownload", ".e.mp4", ".f/g.mp4"):
        watched.write(name)
    watched.write("empty.mp4", b"")
    await watched.run(1000)
    assert set(map(tuple, (await watched.entries()).values())) == {("settling",)}
    assert await watched.batches() == []


async def test_files_that_the_pattern_or_the_recursion_excludes_do_not_enter_the_ledger(watched: Watched) -> None:
    await watched.create(watch=Watch(connector_id="conn_1", source_prefix="in", file_pattern="*.mp4", recursive=False))
    for name in ("a.mp4", "a.mov", "sub/a.mp4"):
        watched.write(name)
    await watched.run(60)
    assert list(await watched.entries()) == ["a.mp4"]


async def test_under_new_only_an_overwritten_file_is_skipped_once_its_first_version_was_imported(
    watched: Watched,
) -> None:
    await watched.create(import_mode="new_only")
    watched.write("a.mp4")
    await watched.run(400)
    watched.write("a.mp4", b"other bytes")
    await watched.run(600)
    assert (await watched.entries())["a.mp4"] == ["claimed", "settling"]
    await watched.resolve("a.mp4", LedgerState.IMPORTED)
    await watched.run(600)
    assert (await watched.entries())["a.mp4"] == ["imported", "skipped"]
    assert await _reasons_in_order(watched, "a.mp4") == [None, "new_only"]
    assert len(await watched.batches()) == 1


async def test_under_all_an_overwritten_file_is_imported_again(watched: Watched) -> None:
    await watched.create()
    watched.write("a.mp4")
    await watched.run(400)
    await watched.resolve("a.mp4", LedgerState.IMPORTED)
    watched.write("a.mp4", b"other bytes")
    await watched.run(600)
    assert (await watched.entries())["a.mp4"] == ["imported", "claimed"]
    assert len(await watched.batches()) == 2


async def test_a_claimed_file_that_vanished_and_comes_back_as_it_was_is_met_again(watched: Watched) -> None:
    """The memory of known identities is told that this one is no longer known."""
    await watched.create()
    watched.write("a.mp4")
    await watched.run(400)
    async with watched.database.transaction() as tx:
        file = (await tx.exec(select(ImportFile))).one()
        await imports.file_skipped(tx, file, "vanished", "no such file", LedgerState.GONE)
        await automations.rescan(tx, AUTOMATION)
    await watched.run(10)
    assert (await watched.entries())["a.mp4"] == ["settling"]
    await watched.run(350)
    assert len(await watched.batches()) == 2


async def test_a_pause_during_a_listing_makes_no_further_storage_call(watched: Watched) -> None:
    """Section 6."""
    await watched.create()
    watched.storage.page_size = 2
    for at in range(10):
        watched.write(f"{at}.mp4")

    async def pause_at_the_second(number: int) -> None:
        if number == 1:
            await watched.decide(events.Paused())

    watched.storage.before_page = pause_at_the_second  # type: ignore[method-assign]  # the hook of this test
    with pytest.raises(LeaseLost):
        await watched.step()
    assert (watched.storage.listings, watched.storage.pages) == (1, 2)
    assert await watched.entries() == {}
    assert [scan.outcome for scan in await watched.scan_rows()] == ["cancelled"]
    await watched.run(3600)
    assert (watched.storage.listings, await watched.batches()) == (1, [])


async def test_a_pause_between_two_batches_of_a_sequence_starts_no_further_job(watched: Watched) -> None:
    """Section 6."""
    await watched.create(batch_cap=2)
    for at in range(5):
        watched.write(f"{at}.mp4")
    await watched.run(290)
    watched.clock.advance(20)
    await watched.watch.tick()
    await watched.perform()
    assert (await watched.state()).phase is Phase.FIRING
    await watched.decide(events.Paused())
    await watched.run(3600)
    assert [keys for _, keys in await watched.batches()] == [["0.mp4", "1.mp4"]]
    await watched.decide(events.Resumed())
    await watched.run(400)
    assert [keys for _, keys in await watched.batches()][1:] == [["2.mp4", "3.mp4"], ["4.mp4"]]


@pytest.mark.parametrize("failing", [0, 1, 4])
@pytest.mark.parametrize("error", [StorageUnavailable("no answer"), StorageDenied("expired")])
async def test_a_failed_page_changes_nothing_but_the_health(
    watched: Watched, failing: int, error: StorageUnavailable | StorageDenied
) -> None:
    """Words, section 11: a failed scan is neither silence nor a deletion."""
    await watched.create()
    watched.storage.page_size = 2
    for at in range(10):
        watched.write(f"{at}.mp4")
    await watched.run(60)
    before = await watched.entries()
    (watched.folder / "in/0.mp4").unlink()
    watched.write("new.mp4")

    async def fail(number: int) -> None:
        if number == failing:
            raise error

    watched.storage.before_page = fail  # type: ignore[method-assign]  # the hook of this test
    await watched.run(600)
    assert await watched.entries() == before
    assert await watched.batches() == []
    degraded = (await watched.state()).degraded
    assert degraded is not None
    assert degraded.cause == error.message
    last = (await watched.scan_rows())[-1]
    assert (last.outcome, last.error) in {("failed", error.message), ("running", None)}


async def test_storage_that_answers_again_is_no_longer_degraded_and_fires(watched: Watched) -> None:
    """Section 11."""
    await watched.create()
    watched.write("a.mp4")
    await watched.run(60)
    (watched.folder).rename(watched.folder.with_name("away"))
    await watched.run(600)
    assert (await watched.state()).degraded is not None
    (watched.folder.with_name("away")).rename(watched.folder)
    await watched.run(1200)
    assert (await watched.state()).degraded is None
    assert await watched.batches() == [("quiet", ["a.mp4"])]


async def test_a_connector_that_was_deleted_degrades_with_the_reason(watched: Watched) -> None:
    """Section 11: gone."""
    await watched.create()
    async with watched.database.transaction() as tx:
        await tx.delete(await tx.get_one(Connector, "conn_1"))
    await watched.run(10)
    degraded = (await watched.state()).degraded
    assert degraded is not None
    assert "conn_1" in degraded.cause


async def test_after_a_restart_an_overdue_window_fires_once_and_after_a_scan(watched: Watched) -> None:
    """Section 8."""
    await watched.create()
    watched.write("a.mp4")
    await watched.run(200)
    watched.clock.advance(50_000)
    await watched.reborn()
    await watched.watch.tick()
    assert await watched.batches() == []
    await watched.perform()
    await watched.run(1000)
    assert await watched.batches() == [("quiet", ["a.mp4"])]


@pytest.mark.parametrize("fails", [False, True])
async def test_a_clock_that_is_set_back_is_noticed_at_the_next_tick_that_ends_well(
    watched: Watched, *, fails: bool
) -> None:
    """Section 9: however small the step, the remaining wait is capped at D from then on."""
    await watched.create()
    watched.write("a.mp4")
    await watched.run(60)
    watched.clock.advance(-100)
    if fails:
        watched.database.dies_in = 1
        with pytest.raises(_Crash):
            await watched.step()
    await watched.step()
    state, now = await watched.state(), watched.clock.now()
    assert state.next_trigger_at is not None
    assert state.next_trigger_at - now <= 300
    await watched.run(301 + SCAN_INTERVAL_MAX)
    assert await watched.batches() == [("quiet", ["a.mp4"])]


async def test_a_frozen_scan_that_wakes_up_changes_nothing(watched: Watched) -> None:
    """Section 8: its lease was given to another process."""
    await watched.create()
    watched.write("a.mp4")
    await watched.watch.tick()
    async with watched.database.reading() as session:
        ((_, work_id),) = await work.due(session, watched.database)
    frozen = await work.claim(watched.database, work_id)
    assert frozen is not None
    watched.clock.advance(3600)
    await watched.step()
    before = (await watched.state(), await watched.entries())
    watched.write("b.mp4")
    with pytest.raises(LeaseLost):
        await watched.scans.perform(frozen)
    assert (await watched.state(), await watched.entries()) == before


async def test_a_changed_prefix_starts_a_generation_and_keeps_the_ledger(watched: Watched) -> None:
    """Section 7."""
    await watched.create()
    watched.write("a.mp4")
    watched.write("sub/b.mp4")
    await watched.run(200)
    await watched.configure(watch=Watch(connector_id="conn_1", source_prefix="in/sub"))
    await watched.run(60)
    assert (await watched.state()).generation == 2
    assert await watched.entries() == {"a.mp4": ["gone"], "sub/b.mp4": ["ready"]}
    assert (await watched.reasons())["a.mp4"] == "unwatched"
    await watched.run(200)
    assert await watched.batches() == []
    await watched.run(60)
    assert await watched.batches() == [("quiet", ["sub/b.mp4"])]
    async with watched.database.reading() as session:
        assert (await session.exec(select(Batch.batch_id))).all() == ["auto:auto_1:2:1"]


async def test_above_the_cap_a_firing_is_a_sequence_of_batches(watched: Watched) -> None:
    """Section 4."""
    await watched.create(batch_cap=4)
    for at in range(10):
        watched.write(f"{at}.mp4")
    await watched.run(400)
    assert [len(keys) for _, keys in await watched.batches()] == [4, 4, 2]
    assert [key for _, keys in await watched.batches() for key in keys] == [f"{at}.mp4" for at in range(10)]


@pytest.mark.parametrize("dies_in", range(1, 16))
async def test_a_process_that_dies_between_two_commits_loses_and_doubles_nothing(
    watched: Watched, dies_in: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Section 8: wherever it dies, the next scan finds everything exactly once."""
    monkeypatch.setattr(scans_module, "_CHUNK", 3)
    await watched.create()
    watched.storage.page_size = 3
    for at in range(10):
        watched.write(f"{at}.mp4")
    watched.database.dies_in = dies_in
    with pytest.raises(_Crash):
        await watched.run(100)
    watched.clock.advance(5)
    await watched.reborn()
    watched.write("late.mp4")
    await watched.run(900)
    expected = sorted([*(f"{at}.mp4" for at in range(10)), "late.mp4"])
    assert await watched.batches() == [("quiet", expected)]
    assert await watched.entries() == {key: ["claimed"] for key in expected}


async def test_what_a_scan_met_before_its_process_died_waits_when_it_is_tried_again(watched: Watched) -> None:
    """The next attempt takes it a step further: what is whole is ready, and what vanished in between is gone."""
    await watched.create()
    watched.write("a.mp4")
    watched.write("b.mp4")
    await watched.watch.tick()
    watched.database.dies_in = 3  # the claim, what is admitted, what completes the scan
    with pytest.raises(_Crash):
        await watched.perform()
    assert await watched.entries() == {"a.mp4": ["settling"], "b.mp4": ["settling"]}
    (watched.folder / "in" / "b.mp4").unlink()
    watched.clock.advance(SETTLE + 1)
    await work.recover(watched.database)
    await watched.perform()
    assert [(scan.epoch, scan.outcome) for scan in await watched.scan_rows()] == [(1, "complete")]
    assert await watched.entries() == {"a.mp4": ["ready"], "b.mp4": ["gone"]}


@pytest.mark.parametrize("dies_in", range(1, 8))
async def test_a_process_that_dies_while_it_fires_fires_once(watched: Watched, dies_in: int) -> None:
    """Section 4 and 8: the claim, the batch, the job and its work are one transaction."""
    await watched.create(batch_cap=2)
    for at in range(5):
        watched.write(f"{at}.mp4")
    await watched.run(290)
    watched.clock.advance(20)
    watched.database.dies_in = dies_in
    with pytest.raises(_Crash):
        await watched.run(60)
    await watched.reborn()
    await watched.run(900)
    assert [keys for _, keys in await watched.batches()] == [["0.mp4", "1.mp4"], ["2.mp4", "3.mp4"], ["4.mp4"]]


@pytest.mark.parametrize("step", [-200.0, -600.0, -86_400.0])
async def test_a_clock_that_is_set_back_delays_a_firing_by_no_more_than_the_longest_scan_interval(
    watched: Watched, step: float
) -> None:
    """Section 9."""
    await watched.create()
    watched.write("a.mp4")
    await watched.run(60)
    watched.clock.advance(step)
    await watched.run(300 + min(300.0, -step) + 20)
    assert await watched.batches() == [("quiet", ["a.mp4"])]


async def test_a_repeated_page_admits_nothing_twice(watched: Watched) -> None:
    await watched.create()
    watched.storage.page_size = 2
    for at in range(4):
        watched.write(f"{at}.mp4")
    original = _Listed.list_pages

    async def twice(self: _Listed, prefix: str, *, recursive: bool) -> AsyncGenerator[list[ObjectInfo], None]:
        async for page in original(self, prefix, recursive=recursive):
            yield page
            yield page

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_Listed, "list_pages", twice)
        await watched.run(400)
    assert await watched.batches() == [("quiet", [f"{at}.mp4" for at in range(4)])]
    assert set(map(tuple, (await watched.entries()).values())) == {("claimed",)}


async def test_an_unchanged_rescan_writes_one_scan_row(watched: Watched) -> None:
    await watched.create()
    for at in range(50):
        watched.write(f"{at}.mp4")
    await watched.run(400)
    async with watched.database.reading() as session:
        before = (await session.exec(select(Automation))).one().ledger_version
    scans = len(await watched.scan_rows())
    await watched.run(30)
    rows = await watched.scan_rows()
    async with watched.database.reading() as session:
        assert (await session.exec(select(Automation))).one().ledger_version == before
    assert (rows[-1].listed, rows[-1].matched, rows[-1].new, rows[-1].outcome) == (50, 50, 0, "complete")
    assert scans < len(rows) <= scans + 2


async def test_twenty_thousand_files_are_two_batches(watched: Watched) -> None:
    await watched.create()
    for at in range(20_000):
        (watched.folder / "in" / f"{at:05}.mp4").write_bytes(b"x")
    await watched.run(40)
    watched.clock.advance(290)
    await watched.run(20)
    batches = await watched.batches()
    assert [len(keys) for _, keys in batches] == [10_000, 10_000]
    assert [key for _, keys in batches for key in keys] == [f"{at:05}.mp4" for at in range(20_000)]
    first = (await watched.scan_rows())[0]
    assert (first.listed, first.matched, first.new) == (20_000, 20_000, 20_000)
