"""The optional fields of an import automation over a real folder and a real SQLite file, in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from automation_engine.clock import VirtualClock
from automation_engine.errors import IllegalTransition
from automation_engine.jobs import census as census_module
from automation_engine.rules import events
from automation_engine.rules.model import ExistingFiles, Fuse, Phase, Watch
from automation_engine.secrets import SecretBox
from automation_engine.store import connectors, imports, work
from automation_engine.store.database import sqlite_url
from automation_engine.store.schema import migrate
from automation_engine.store.tables import Automation, Batch, ImportFile, ImportJob, Work
from tests.integration.test_scans import AUTOMATION, Watched, _Crash, _Mortal, _Storage

WATCH = Watch(connector_id="conn_1", source_prefix="in")
DONE = replace(WATCH, done_file_pattern="*.done")
PRESET = {"prompt_id": "prompt_1", "prompt_name": "as it was"}


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


async def _batches(watched: Watched) -> list[Batch]:
    async with watched.database.reading() as session:
        return list((await session.exec(select(Batch).order_by(col(Batch.generation), col(Batch.sequence)))).all())


async def _jobs(watched: Watched) -> list[ImportJob]:
    async with watched.database.reading() as session:
        return list((await session.exec(select(ImportJob).order_by(col(ImportJob.created_at)))).all())


async def _files(watched: Watched, job_id: str) -> list[str]:
    async with watched.database.reading() as session:
        statement = select(ImportFile.key).where(ImportFile.job_id == job_id).order_by(col(ImportFile.ordinal))
        return list((await session.exec(statement)).all())


async def _import_work(watched: Watched) -> list[str]:
    async with watched.database.reading() as session:
        return list((await session.exec(select(Work.subject).where(Work.kind == work.IMPORT_JOB))).all())


async def _automation(watched: Watched) -> Automation:
    async with watched.database.reading() as session:
        return (await session.exec(select(Automation))).one()


async def _decide(watched: Watched, batch_id: str, *, approve: bool = True, by: str = "ada") -> str | None:
    async with watched.database.transaction() as tx:
        row = (await tx.exec(select(Automation).with_for_update())).one()
        batch = await tx.get_one(Batch, batch_id)
        if approve:
            return (await imports.approve(tx, row, batch, by)).job_id
        await imports.reject(tx, row, batch, by)
        return None


async def _held(watched: Watched, **config: Any) -> str:
    """Let a batch of three files be held by its fuse, and return it."""
    await watched.create(**{"spend_fuse": Fuse(max_files=2), **config})
    async with watched.database.transaction() as tx:
        row = (await tx.exec(select(Automation))).one()
        row.preset = PRESET
        tx.add(row)
    for name in ("c.mp4", "a.mp4", "b.mp4"):
        watched.write(name)
    await watched.run(400)
    return "auto:auto_1:1:1"


async def test_a_batch_above_its_fuse_exists_with_its_members_and_no_job(watched: Watched) -> None:
    await _held(watched)
    (batch,) = await _batches(watched)
    assert (batch.status, batch.object_count, batch.job_id, batch.decided_by) == ("held", 3, None, None)
    assert batch.held_reason == "The batch has 3 files (limit: 2): somebody has to approve it."
    assert set(map(tuple, (await watched.entries()).values())) == {("claimed",)}
    assert (await _jobs(watched), await _import_work(watched)) == ([], [])
    row = await _automation(watched)
    assert (row.last_fired_at, row.last_job_id) == (batch.fired_at, None)


async def test_a_batch_above_its_bytes_is_held(watched: Watched) -> None:
    await _held(watched, spend_fuse=Fuse(max_bytes=14))
    (batch,) = await _batches(watched)
    assert (batch.status, batch.bytes) == ("held", 15)


async def test_a_batch_at_its_fuse_starts_at_once(watched: Watched) -> None:
    await _held(watched, spend_fuse=Fuse(max_files=3, max_bytes=15))
    (batch,) = await _batches(watched)
    assert (batch.status, batch.held_reason, batch.plan) == ("started", None, None)
    assert batch.job_id == (await _jobs(watched))[0].job_id


async def test_a_held_batch_holds_up_no_other(watched: Watched) -> None:
    await _held(watched)
    watched.write("d.mp4")
    await watched.run(400)
    assert [(batch.sequence, batch.status) for batch in await _batches(watched)] == [(1, "held"), (2, "started")]
    (job,) = await _jobs(watched)
    assert await _files(watched, job.job_id) == ["in/d.mp4"]
    assert (await watched.state()).phase is Phase.IDLE


async def test_of_a_sequence_each_batch_has_a_fuse_of_its_own(watched: Watched) -> None:
    await watched.create(batch_cap=3, spend_fuse=Fuse(max_files=2))
    for at in range(8):
        watched.write(f"{at}.mp4")
    await watched.run(400)
    found = [(batch.object_count, batch.status) for batch in await _batches(watched)]
    assert found == [(3, "held"), (3, "held"), (2, "started")]


async def test_an_approved_batch_starts_the_job_that_it_would_have_started_when_it_fired(watched: Watched) -> None:
    """Whatever was configured since: the preset, the prefix, the pattern and the connector are those of the firing."""
    batch_id = await _held(watched)
    async with watched.database.transaction() as tx:
        row = (await tx.exec(select(Automation))).one()
        row.preset = {"prompt_id": "prompt_2"}
        tx.add(row)
    await watched.configure(watch=replace(WATCH, source_prefix="in/sub", file_pattern="*.mov", recursive=False))
    watched.clock.advance(5)
    job_id = await _decide(watched, batch_id)
    (job,) = await _jobs(watched)
    assert (job.job_id, job.status, job.total_files, job.execution_status) == (job_id, "pending", 3, "pending")
    assert (job.connector_id, job.source_prefix, job.file_pattern, job.recursive) == ("conn_1", "in", "*", True)
    assert (job.preset, job.import_mode, job.automation_id, job.batch_id) == (PRESET, "all", AUTOMATION, batch_id)
    assert await _files(watched, job.job_id) == ["in/a.mp4", "in/b.mp4", "in/c.mp4"]
    assert await _import_work(watched) == [job_id]
    (batch,) = await _batches(watched)
    assert (batch.status, batch.decided_by, batch.job_id) == ("started", "ada", job_id)
    assert batch.decided_at == watched.clock.now()
    assert (await _automation(watched)).last_job_id == job_id


async def test_approving_twice_returns_the_same_job(watched: Watched) -> None:
    batch_id = await _held(watched)
    first = await _decide(watched, batch_id)
    watched.clock.advance(5)
    assert await _decide(watched, batch_id, by="bob") == first
    assert await _import_work(watched) == [first]
    assert (await _batches(watched))[0].decided_by == "ada"


async def test_a_held_batch_uses_its_connector(watched: Watched) -> None:
    """Whoever deletes the connector has to decide on the batch first: its job would read from there."""
    batch_id = await _held(watched)
    async with watched.database.reading() as session:
        connector = await connectors.find(session, "ada", "conn_1")
        assert f"held batch {batch_id}" in await connectors.users(session, connector)


async def test_a_batch_that_was_never_held_has_nothing_to_approve(watched: Watched) -> None:
    batch_id = await _held(watched, spend_fuse=None)
    assert await _decide(watched, batch_id) == (await _jobs(watched))[0].job_id
    assert (await _batches(watched))[0].decided_by is None
    assert len(await _jobs(watched)) == 1


async def test_a_process_that_dies_while_it_approves_has_started_nothing_and_approves_once(watched: Watched) -> None:
    batch_id = await _held(watched)
    watched.database.dies_in = 1
    with pytest.raises(_Crash):
        await _decide(watched, batch_id)
    assert ((await _batches(watched))[0].status, await _jobs(watched), await _import_work(watched)) == ("held", [], [])
    job_id = await _decide(watched, batch_id)
    assert [job.job_id for job in await _jobs(watched)] == [job_id]


async def test_a_process_that_dies_while_it_fires_a_held_batch_holds_it_once(watched: Watched) -> None:
    await watched.create(spend_fuse=Fuse(max_files=1))
    for name in ("a.mp4", "b.mp4"):
        watched.write(name)
    await watched.run(290)
    watched.clock.advance(20)
    for dies_in in range(1, 12):
        watched.database.dies_in = dies_in
        try:
            await watched.run(60)
        except _Crash:
            await watched.reborn()
        watched.database.dies_in = 0
    await watched.run(900)
    assert [(batch.sequence, batch.status, batch.object_count) for batch in await _batches(watched)] == [(1, "held", 2)]


async def test_a_rejected_batch_leaves_its_members_out_for_good(watched: Watched) -> None:
    batch_id = await _held(watched)
    await _decide(watched, batch_id, approve=False)
    await _decide(watched, batch_id, approve=False, by="bob")
    (batch,) = await _batches(watched)
    assert (batch.status, batch.decided_by, batch.job_id) == ("rejected", "ada", None)
    assert set(map(tuple, (await watched.entries()).values())) == {("skipped",)}
    assert set((await watched.reasons()).values()) == {"rejected"}
    await watched.run(1000)
    assert (len(await _batches(watched)), await _jobs(watched)) == (1, [])


async def test_a_later_version_of_a_rejected_file_is_imported_as_usual(watched: Watched) -> None:
    await _decide(watched, await _held(watched), approve=False)
    watched.write("a.mp4", b"other bytes")
    await watched.run(400)
    assert (await watched.entries())["a.mp4"] == ["skipped", "claimed"]


async def test_what_was_rejected_is_not_approved_and_what_was_started_is_not_rejected(watched: Watched) -> None:
    await _held(watched)
    for name in ("d.mp4", "e.mp4", "f.mp4"):
        watched.write(name)
    await watched.run(400)
    first, second = [batch.batch_id for batch in await _batches(watched)]
    await _decide(watched, first, approve=False)
    with pytest.raises(IllegalTransition, match="was rejected"):
        await _decide(watched, first)
    await _decide(watched, second)
    with pytest.raises(IllegalTransition, match="cancel its import job instead"):
        await _decide(watched, second, approve=False)


async def test_while_the_automation_is_paused_nothing_is_approved_and_after_a_resume_it_is(watched: Watched) -> None:
    """Section 6: once a pause has answered, no new job starts."""
    batch_id = await _held(watched)
    await watched.decide(events.Paused())
    with pytest.raises(IllegalTransition, match="paused: resume it first"):
        await _decide(watched, batch_id)
    assert ((await _batches(watched))[0].status, await _jobs(watched)) == ("held", [])
    await watched.decide(events.Resumed())
    assert await _decide(watched, batch_id) is not None


async def test_while_the_automation_is_disabled_or_deleted_nothing_is_approved(watched: Watched) -> None:
    batch_id = await _held(watched)
    await watched.configure(enabled=False)
    with pytest.raises(IllegalTransition, match="PUT it with enabled true"):
        await _decide(watched, batch_id)
    async with watched.database.transaction() as tx:
        row = (await tx.exec(select(Automation))).one()
        row.deleted_at = tx.now
        tx.add(row)
    with pytest.raises(IllegalTransition, match="was deleted"):
        await _decide(watched, batch_id)


async def test_a_held_batch_may_be_rejected_while_the_automation_is_paused(watched: Watched) -> None:
    batch_id = await _held(watched)
    await watched.decide(events.Paused())
    await _decide(watched, batch_id, approve=False)
    assert (await _batches(watched))[0].status == "rejected"


async def test_what_a_held_batch_claimed_is_in_no_other_batch(watched: Watched) -> None:
    await _held(watched)
    await watched.reborn()
    await watched.run(1000)
    await watched.configure(watch=replace(WATCH, file_pattern="*.mp4"))
    await watched.run(1000)
    assert len(await _batches(watched)) == 1


async def test_excluded_files_do_not_enter_the_ledger(watched: Watched) -> None:
    await watched.create(watch=replace(WATCH, exclude_patterns=("proxies/**", "*.txt")))
    for name in ("a.mp4", "a.txt", "proxies/a.mp4", "sub/b.txt", "sub/b.mp4"):
        watched.write(name)
    await watched.run(400)
    assert list(await watched.entries()) == ["a.mp4", "sub/b.mp4"]
    scan = (await watched.scan_rows())[0]
    assert (scan.listed, scan.matched) == (5, 2)


async def test_a_file_that_is_excluded_while_it_waits_is_unwatched(watched: Watched) -> None:
    await watched.create()
    watched.write("a.mp4")
    watched.write("a.txt")
    await watched.run(100)
    await watched.configure(watch=replace(WATCH, exclude_patterns=("*.txt",)))
    await watched.run(400)
    assert await watched.entries() == {"a.mp4": ["claimed"], "a.txt": ["gone"]}
    assert (await watched.reasons())["a.txt"] == "unwatched"


async def test_an_identical_configuration_changes_nothing_however_it_was_kept(watched: Watched) -> None:
    """Section 7: what comes back from the database equals what was saved."""
    config: dict[str, Any] = {
        "watch": replace(DONE, exclude_patterns=("*.txt", "x/**")),
        "existing_files": ExistingFiles.SKIP,
        "max_wait": 3600.0,
        "batch_cap": 100,
        "spend_fuse": Fuse(max_files=10, max_bytes=1000),
    }
    await watched.create(**config)
    await watched.run(100)
    before = await watched.state()
    assert {name: getattr(before.config, name) for name in config} == config
    await watched.configure(**config)
    assert await watched.state() == before
    assert before.generation == 1


async def test_what_exists_when_the_automation_begins_is_skipped_and_what_comes_later_is_imported(
    watched: Watched,
) -> None:
    for name in ("old.mp4", "older.mp4"):
        watched.write(name)
    await watched.create(existing_files=ExistingFiles.SKIP)
    await watched.run(100)
    assert await watched.entries() == {"old.mp4": ["skipped"], "older.mp4": ["skipped"]}
    assert set((await watched.reasons()).values()) == {"existing"}
    assert (await watched.state()).phase is Phase.IDLE
    watched.write("new.mp4")
    watched.write("old.mp4", b"other bytes")
    await watched.reborn()
    await watched.run(400)
    assert await watched.batches() == [("quiet", ["new.mp4", "old.mp4"])]


async def test_under_new_only_an_existing_file_is_never_imported(watched: Watched) -> None:
    watched.write("old.mp4")
    await watched.create(import_mode="new_only", existing_files=ExistingFiles.SKIP)
    await watched.run(100)
    watched.write("old.mp4", b"other bytes")
    await watched.run(600)
    assert (await watched.entries(), await watched.batches()) == ({"old.mp4": ["skipped", "skipped"]}, [])


@pytest.mark.parametrize("dies_in", range(1, 9))
async def test_a_first_scan_that_dies_is_repeated_by_another_first_scan(
    watched: Watched, dies_in: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it dies: what it admitted is skipped, and so is what the repeated one finds."""
    monkeypatch.setattr(census_module, "_SPOOLED", 3)
    watched.storage.page_size = 3
    for at in range(10):
        watched.write(f"{at}.mp4")
    await watched.create(existing_files=ExistingFiles.SKIP)
    watched.database.dies_in = dies_in
    try:
        await watched.step()
    except _Crash:
        watched.clock.advance(5)
        await watched.reborn()
    watched.database.dies_in = 0
    await watched.run(30)
    watched.write("new.mp4")
    await watched.run(900)
    skipped = {f"{at}.mp4": ["skipped"] for at in range(10)}
    assert await watched.entries() == {**skipped, "new.mp4": ["claimed"]}
    assert await watched.batches() == [("quiet", ["new.mp4"])]


async def test_a_new_generation_skips_what_it_finds_and_keeps_what_waits(watched: Watched) -> None:
    await watched.create(existing_files=ExistingFiles.SKIP)
    await watched.run(10)
    watched.write("waits.mp4")
    await watched.run(35)
    watched.write("sub.mov")
    await watched.configure(watch=replace(WATCH, exclude_patterns=("*.txt",)))
    await watched.run(600)
    assert await watched.entries() == {"waits.mp4": ["claimed"], "sub.mov": ["skipped"]}


@pytest.mark.parametrize("names", [["b.mp4", "b.mp4.done"], ["b.mp4", "b.done"], ["b.mp4", "a.done", "b.done"]])
@pytest.mark.parametrize("page_size", [1, 1000])
async def test_a_sidecar_declares_its_file_wherever_the_listing_has_it(
    watched: Watched, names: list[str], page_size: int
) -> None:
    """Before the file or after it, on the same page or on another one."""
    watched.storage.page_size = page_size
    await watched.create(watch=DONE)
    for name in names:
        watched.write(name, b"")
    watched.write("b.mp4")
    watched.write("c.mp4")
    await watched.run(400)
    assert await watched.batches() == [("quiet", ["b.mp4"])]
    assert await watched.entries() == {"b.mp4": ["claimed"], "c.mp4": ["settling"]}


async def test_a_file_waits_for_its_sidecar_and_then_a_full_window(watched: Watched) -> None:
    await watched.create(watch=DONE)
    watched.write("a.mp4")
    await watched.run(1000)
    assert await watched.batches() == []
    assert (await watched.state()).phase is Phase.IDLE
    watched.write("a.mp4.done", b"")
    await watched.run(290)
    assert await watched.batches() == []
    await watched.run(60)
    assert await watched.batches() == [("quiet", ["a.mp4"])]
    assert await watched.entries() == {"a.mp4": ["claimed"]}


async def test_a_sidecar_that_disappears_before_the_claim_brings_the_hold_back(watched: Watched) -> None:
    await watched.create(watch=DONE)
    watched.write("a.mp4")
    watched.write("a.done", b"")
    await watched.run(100)
    assert await watched.entries() == {"a.mp4": ["ready"]}
    (watched.folder / "in/a.done").unlink()
    await watched.run(1000)
    assert (await watched.entries(), await watched.batches()) == ({"a.mp4": ["settling"]}, [])


@pytest.mark.parametrize("recursive", [True, False])
async def test_a_marker_declares_every_file_of_its_own_folder(watched: Watched, *, recursive: bool) -> None:
    await watched.create(watch=replace(WATCH, done_file_pattern="_SUCCESS", recursive=recursive))
    for name in ("a.mp4", "b.mp4", "_SUCCESS", "x/c.mp4", "y/d.mp4", "y/_SUCCESS"):
        watched.write(name)
    await watched.run(400)
    expected = ["a.mp4", "b.mp4", "y/d.mp4"] if recursive else ["a.mp4", "b.mp4"]
    assert await watched.batches() == [("quiet", expected)]
    assert "_SUCCESS" not in await watched.entries()


async def test_a_max_wait_that_is_shortened_fires_by_its_new_deadline(watched: Watched) -> None:
    await watched.create(max_wait=3600.0)
    for at in range(20):
        watched.write(f"{at:02}.mp4")
        await watched.run(20)
    assert await watched.batches() == []
    await watched.configure(max_wait=450.0)
    for at in range(20, 24):
        watched.write(f"{at:02}.mp4")
        await watched.run(20)
    assert [trigger for trigger, _ in await watched.batches()] == ["max_wait"]
