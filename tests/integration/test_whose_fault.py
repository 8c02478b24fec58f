"""Whose fault it is that a file can't be read, its own, its storage's or a decoder's, and what that costs the rest."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from automation_engine.analyzers.protocol import Analysis, Media, MediaFacts, Prompt, Segment
from automation_engine.connectors.reader import PinnedReader
from automation_engine.errors import StorageDenied, StorageThrottled, StorageUnavailable
from automation_engine.jobs import import_jobs, prompt_runs, suspects
from automation_engine.jobs.exports import Exports
from automation_engine.jobs.import_jobs import ImportJobs
from automation_engine.jobs.prompt_runs import PromptRuns
from automation_engine.jobs.suspects import Turns
from automation_engine.jobs.worker import Worker
from automation_engine.rules.model import BACKOFF_MAX
from automation_engine.rules.retry import MAX_ATTEMPTS
from automation_engine.servicers.export_servicer import queue_status
from automation_engine.store import exports, work
from automation_engine.store.tables import Connector, Export, ImportFile, ImportJob, PromptRun, RunItem, Video, Work
from tests.integration.engine import Engine
from tests.integration.scenery import (
    add_connector,
    add_index,
    add_job,
    add_prompt,
    add_run,
    add_videos,
    saved_run,
    work_of,
)

KEYS = [f"{name}.mp4" for name in "abcdefgh"]
CHANCE = 0.99
OUTAGE = 3 * 86_400.0
_LONG = 5_000
"""Turns of the event loop."""


class Reading:
    """A decoder and an analyzer that fail for some files as they are told, and count how often they were asked.

    They take long for those that are ``slow``, and end the process for those that are ``deadly``.
    """

    name = "reading"

    def __init__(self, faults: Mapping[str, Exception]) -> None:
        self.faults = dict(faults)
        self.slow = set[str]()
        self.deadly = set[str]()
        self.ended = asyncio.Event()
        self.asked = Counter[str]()

    async def probe(self, source: PinnedReader) -> MediaFacts:
        """Read a file, then fail if it is one of those."""
        await self._read(source)
        return MediaFacts(media_type="video", container="mp4", size=source.size, duration=10.0)

    async def analyze(self, media: Media, _prompt: Prompt, _segment: Segment) -> Analysis:
        """Read a segment, then fail if its file is one of those."""
        assert isinstance(media.source, PinnedReader)
        await self._read(media.source)
        return Analysis(metadata={"duration": 10.0})

    async def _read(self, source: PinnedReader) -> None:
        key = source._info.key
        self.asked[key] += 1
        for _ in range(_LONG if key in self.slow else 0):
            await asyncio.sleep(0)
        await source._store.read_range(key, version=source._info.version, start=0, length=1)
        if key in self.deadly:
            await self.end()
        if key in self.faults:
            raise self.faults[key]

    async def end(self) -> None:
        """End the process: nothing that it does goes on."""
        self.ended.set()
        await asyncio.Event().wait()


@pytest.fixture
async def scene(engine: Engine) -> Engine:
    """An index over a folder with eight files, and a folder for exports."""
    await add_index(engine)
    await add_connector(engine, "conn_in")
    (engine.media / "out").mkdir()
    await add_connector(engine, "conn_out", settings={"root": str(engine.media / "out")})
    await add_prompt(engine)
    for key in KEYS:
        (engine.media / key).write_bytes(key.encode())
    return engine


def _faulty(monkeypatch: pytest.MonkeyPatch, faults: Mapping[str, Exception] | None = None) -> Reading:
    reading = Reading(faults or {})
    monkeypatch.setattr(import_jobs, "probe", reading.probe)
    monkeypatch.setattr(prompt_runs, "analyzer_for", lambda _name: reading)
    return reading


async def _versions(engine: Engine) -> dict[str, str]:
    store = engine.stores.unsaved("local", {"root": str(engine.media)}, {})
    return {key: (await store.head(key)).version for key in KEYS}


async def _job(
    engine: Engine, automation_id: str | None = "auto_1", *, name: str = "job_a", keys: Sequence[str] = KEYS
) -> str:
    job_id = await add_job(engine, name, keys, automation_id=automation_id)
    found = await _versions(engine)
    async with engine.database.transaction() as tx:
        for file in (await tx.exec(select(ImportFile))).all():
            file.version, file.size = found[file.key], len(file.key)
    return job_id


async def _run(engine: Engine, automation_id: str | None = "auto_1") -> str:
    video_ids = await add_videos(engine, *KEYS)
    found = await _versions(engine)
    async with engine.database.transaction() as tx:
        for video in (await tx.exec(select(Video))).all():
            video.source_version, video.size = found[video.source_key], len(video.source_key)
    run_id = await add_run(engine, video_ids, ended=False)
    async with engine.database.transaction() as tx:
        run = await tx.get_one(PromptRun, run_id)
        run.context = {**run.context, "automation_id": automation_id}
        run.preset = {**run.preset, "video_segmentation_type": None}
    return run_id


async def _export(engine: Engine, automation_id: str | None = "auto_2") -> str:
    run_id = await add_run(engine, await add_videos(engine, *KEYS))
    async with engine.database.transaction() as tx:
        export = await exports.create(
            tx,
            export_key="exp",
            owner="ada",
            export_type="prompt_run",
            target_id=run_id,
            index_id="idx_news",
            prompt_run_ids=[run_id],
            connector=await tx.get_one(Connector, "conn_out"),
            subpath=None,
            automation_id=automation_id,
        )
    return export.export_id


class Life:
    """The work of some units in one process, attempt after attempt, made together when they are due.

    Whenever the process has ``ended``, another one starts.
    """

    def __init__(self, engine: Engine, kind: str, *subjects: str, ended: asyncio.Event | None = None) -> None:
        database, stores, turns = engine.database, engine.stores, Turns()
        performers = {
            work.IMPORT_JOB: ImportJobs(database, stores, lambda: CHANCE, turns),
            work.PROMPT_RUN: PromptRuns(database, stores, lambda: CHANCE, turns),
            work.EXPORT: Exports(database, stores),
        }
        self._worker = Worker(database, performers, lambda: CHANCE)
        self._engine = engine
        self._of = [(kind, subject) for subject in subjects]
        self._ended = ended or asyncio.Event()
        self.delays: list[float] = []
        self.deaths = 0

    async def goes_on(self, until: float = float("inf")) -> None:
        """Let attempts follow each other until the units are done, or until an instant."""
        clock = self._engine.clock
        while units := [unit for unit in await self._units() if unit.state != "done" and unit.due_at < until]:
            due_at = max(unit.due_at for unit in units)  # a sweep finds them together
            if due_at > clock.now():
                self.delays.append(due_at - clock.now())
                clock.advance(due_at - clock.now())
            await self._perform([f"{unit.kind}:{unit.subject}" for unit in units])

    async def _units(self) -> list[Work]:
        return [await work_of(self._engine, *of) for of in self._of]

    async def _perform(self, work_ids: Sequence[str]) -> None:
        performing = asyncio.gather(*map(self._worker.perform, work_ids))
        ending = asyncio.ensure_future(self._ended.wait())
        await asyncio.wait({performing, ending}, return_when=asyncio.FIRST_COMPLETED)
        if self._ended.is_set():
            self._ended.clear()
            self.deaths += 1
            await work.recover(self._engine.database)  # as a process does that starts
            performing.cancel()
        ending.cancel()
        await asyncio.gather(performing, return_exceptions=True)


async def _files(engine: Engine) -> dict[str, ImportFile]:
    async with engine.database.reading() as session:
        return {file.key: file for file in (await session.exec(select(ImportFile))).all()}


async def _items(engine: Engine) -> dict[str, RunItem]:
    async with engine.database.reading() as session:
        rows = await session.exec(select(Video.source_key, RunItem).where(Video.video_id == RunItem.video_id))
        return dict(rows.all())


async def _saved(engine: Engine, job_id: str) -> ImportJob:
    async with engine.database.reading() as session:
        return await session.get_one(ImportJob, job_id)


def _hide(folder: Path) -> Path:
    return folder.rename(folder.with_name(f"{folder.name}.away"))


async def test_the_job_of_an_automation_waits_for_its_storage(scene: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Section 11: retries back off up to 15 min; nothing is given up, and no attempt is counted."""
    _faulty(monkeypatch)
    job = await _job(scene)
    away = _hide(scene.media)
    life = Life(scene, work.IMPORT_JOB, job)
    await life.goes_on(until=scene.clock.now() + OUTAGE)
    assert (await _saved(scene, job)).status == "importing"
    files = await _files(scene)
    assert {(file.status, file.attempts) for file in files.values()} == {("pending", 0)}
    assert "no such folder" in (files["a.mp4"].reason or "")
    assert life.delays[0] < life.delays[3] < life.delays[-1]
    assert pytest.approx(max(life.delays)) == BACKOFF_MAX * CHANCE
    away.rename(scene.media)
    await life.goes_on()
    assert {file.status for file in (await _files(scene)).values()} == {"imported"}
    assert (await _saved(scene, job)).status == "completed"


async def test_a_job_by_hand_fails_soon_when_its_storage_is_away(
    scene: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _faulty(monkeypatch)
    job = await _job(scene, None)
    _hide(scene.media)
    life = Life(scene, work.IMPORT_JOB, job)
    await life.goes_on()
    assert (await _saved(scene, job)).status == "failed"
    assert {(file.status, file.attempts) for file in (await _files(scene)).values()} == {("failed", MAX_ATTEMPTS)}
    assert sum(life.delays) < 600


async def test_a_storage_that_throttles_is_waited_for_although_it_answers(
    scene: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = _faulty(monkeypatch, dict.fromkeys(KEYS, StorageThrottled("slow down")))
    job = await _job(scene)
    life = Life(scene, work.IMPORT_JOB, job)
    await life.goes_on(until=scene.clock.now() + OUTAGE)
    assert {file.attempts for file in (await _files(scene)).values()} == {0}
    reading.faults.clear()
    await life.goes_on()
    assert (await _saved(scene, job)).imported == len(KEYS)


async def test_a_disabled_connector_is_waited_for_and_a_deleted_one_is_not(
    scene: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _faulty(monkeypatch)
    job = await _job(scene)
    async with scene.database.transaction() as tx:
        (await tx.get_one(Connector, "conn_in")).status = "disabled"
    life = Life(scene, work.IMPORT_JOB, job)
    await life.goes_on(until=scene.clock.now() + OUTAGE)
    assert (await _saved(scene, job)).status == "importing"
    async with scene.database.transaction() as tx:
        await tx.delete(await tx.get_one(Connector, "conn_in"))
    await life.goes_on()
    assert (await _saved(scene, job)).status == "failed"


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (StorageDenied("d.mp4: not yours"), "storage_denied", "d.mp4: not yours"),
        (StorageUnavailable("d.mp4: bad sector"), "storage_unavailable", "d.mp4: bad sector"),
        (IndexError("tuple index out of range"), "internal_error", "IndexError: tuple index out of range"),
        (MemoryError(), "internal_error", "MemoryError"),
    ],
)
async def test_a_fault_of_one_file_takes_its_own_attempts(
    scene: Engine, monkeypatch: pytest.MonkeyPatch, fault: Exception, code: str, said: str
) -> None:
    """Section 10: it never blocks its batch, also when nobody foresaw it."""
    reading = _faulty(monkeypatch, {"d.mp4": fault})
    job = await _job(scene)
    await Life(scene, work.IMPORT_JOB, job).goes_on(until=scene.clock.now() + 1)
    files = await _files(scene)
    assert {key for key, file in files.items() if file.status != "imported"} == {"d.mp4"}
    assert (files["d.mp4"].status, files["d.mp4"].attempts) == ("pending", 1)
    await Life(scene, work.IMPORT_JOB, job).goes_on()
    file = (await _files(scene))["d.mp4"]
    assert (file.status, file.reason_code, file.reason, file.attempts) == ("failed", code, said, MAX_ATTEMPTS)
    assert reading.asked["d.mp4"] == MAX_ATTEMPTS
    saved = await _saved(scene, job)
    assert (saved.status, saved.imported, saved.failed) == ("completed", len(KEYS) - 1, 1)


async def test_a_file_that_ends_the_process_fails_alone(scene: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder crashes, or the memory ends: the process starts again, and again."""
    reading = _faulty(monkeypatch)
    reading.deadly = {"b.mp4"}
    job = await _job(scene)
    life = Life(scene, work.IMPORT_JOB, job, ended=reading.ended)
    await life.goes_on()
    files = await _files(scene)
    assert {key for key, file in files.items() if file.status != "imported"} == {"b.mp4"}
    assert (files["b.mp4"].status, files["b.mp4"].reason_code) == ("failed", "process_ended")
    assert life.deaths == reading.asked["b.mp4"] == MAX_ATTEMPTS + 1  # the first one had no name yet
    assert (await _saved(scene, job)).status == "completed"


async def test_a_file_that_is_read_at_the_same_time_is_not_taken_for_the_one_that_ends_the_process(
    scene: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs of two automations are due together, again and again: the suspects of a process take turns."""
    reading = _faulty(monkeypatch)
    reading.deadly, reading.slow = {"a.mp4"}, {"b.mp4"}
    deadly = await _job(scene, keys=KEYS[:1])
    other = await _job(scene, "auto_2", name="job_b", keys=KEYS[1:2])
    life = Life(scene, work.IMPORT_JOB, deadly, other, ended=reading.ended)
    await life.goes_on()
    files = await _files(scene)
    assert (files["a.mp4"].status, files["b.mp4"].status) == ("failed", "imported")
    assert life.deaths == MAX_ATTEMPTS + 1


async def test_a_suspect_that_takes_for_ever_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspects, "_LONGEST_WAIT", 0.0)
    turns = Turns()
    async with turns.one(suspect=True):
        async with turns.one(suspect=False), turns.one(suspect=True):
            pass
        async with turns.one(suspect=True):
            pass
    async with turns.one(suspect=True):
        assert turns._lock.locked()
    assert not turns._lock.locked()


async def test_a_run_waits_for_its_storage(scene: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    _faulty(monkeypatch)
    run_id = await _run(scene)
    away = _hide(scene.media)
    life = Life(scene, work.PROMPT_RUN, run_id)
    await life.goes_on(until=scene.clock.now() + OUTAGE)
    items = await _items(scene)
    assert {(item.status, item.attempts) for item in items.values()} == {("pending", 0)}
    assert "no such folder" in (items["a.mp4"].error or "")
    away.rename(scene.media)
    await life.goes_on()
    assert (await saved_run(scene, run_id)).status == "completed"


async def test_a_run_by_hand_fails_soon_when_its_storage_is_away(
    scene: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _faulty(monkeypatch)
    run_id = await _run(scene, None)
    _hide(scene.media)
    await Life(scene, work.PROMPT_RUN, run_id).goes_on()
    assert (await saved_run(scene, run_id)).status == "failed"


@pytest.mark.parametrize(
    ("faults", "deadly", "said"),
    [
        ({"a.mp4": ZeroDivisionError("by zero")}, set(), "ZeroDivisionError: by zero"),
        ({}, {"a.mp4"}, "the last time that it was tried, the process ended"),
    ],
)
async def test_a_run_loses_only_the_file_that_has_the_fault(
    scene: Engine, monkeypatch: pytest.MonkeyPatch, faults: Mapping[str, Exception], deadly: set[str], said: str
) -> None:
    reading = _faulty(monkeypatch, faults)
    reading.deadly = deadly
    run_id = await _run(scene)
    life = Life(scene, work.PROMPT_RUN, run_id, ended=reading.ended)
    await life.goes_on()
    items = await _items(scene)
    assert {key for key, item in items.items() if item.status != "completed"} == {"a.mp4"}
    assert (items["a.mp4"].status, items["a.mp4"].error) == ("failed", said)
    assert life.deaths == (MAX_ATTEMPTS + 1 if deadly else 0)
    assert (await saved_run(scene, run_id)).status == "completed_with_failures"


async def test_deaths_on_the_way_through_a_long_file_are_forgotten_with_each_step(
    scene: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody restarts the process again and again, while an analysis of hours gets on."""
    reading = _faulty(monkeypatch)
    run_id = await _run(scene)
    segments = 20 * 2 * MAX_ATTEMPTS
    async with scene.database.transaction() as tx:
        video = await tx.get_one(Video, "vid_a_mp4")
        video.facts = {**video.facts, "duration": 10.0 * segments}
        run = await tx.get_one(PromptRun, run_id)
        run.preset = {**run.preset, "video_segmentation_type": "fixed", "video_segment_duration": 10}

    async def analyze(media: Media, prompt: Prompt, segment: Segment) -> Analysis:
        if segment.ordinal % 20 == 19 and reading.asked["restarts"] < segment.ordinal // 20:
            reading.asked["restarts"] += 1
            await reading.end()
        return await Reading.analyze(reading, media, prompt, segment)

    monkeypatch.setattr(reading, "analyze", analyze)
    life = Life(scene, work.PROMPT_RUN, run_id, ended=reading.ended)
    await life.goes_on()
    assert life.deaths > MAX_ATTEMPTS
    assert (await saved_run(scene, run_id)).status == "completed"


@pytest.mark.parametrize(("automation_id", "ends"), [("auto_2", "completed"), (None, "failed")])
async def test_the_export_of_an_automation_waits_for_its_destination(
    scene: Engine, automation_id: str | None, ends: str
) -> None:
    export_id = await _export(scene, automation_id)
    away = _hide(scene.media / "out")
    life = Life(scene, work.EXPORT, export_id)
    await life.goes_on(until=scene.clock.now() + OUTAGE)
    async with scene.database.reading() as session:
        export = await session.get_one(Export, export_id)
    assert "no such folder" in (export.last_error or "")
    told = (export.status, queue_status(export, await work_of(scene, work.EXPORT, export_id)))
    assert told == (("processing", "failed") if automation_id else ("failed", "dead_letter"))
    away.rename(scene.media / "out")
    await life.goes_on()
    async with scene.database.reading() as session:
        assert (await session.get_one(Export, export_id)).status == ends


async def test_an_export_that_is_refused_by_a_storage_that_answers_fails(scene: Engine) -> None:
    export_id = await _export(scene)
    async with scene.database.transaction() as tx:
        (await tx.get_one(Export, export_id)).destination_base_path = "taken"
    (scene.media / "out" / "taken").write_bytes(b"a file, where a folder is wanted")
    await Life(scene, work.EXPORT, export_id).goes_on()
    async with scene.database.reading() as session:
        export: Any = await session.get_one(Export, export_id)
    assert export.status == "failed"
    assert "taken" in export.error_message
