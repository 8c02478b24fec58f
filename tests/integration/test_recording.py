"""What scans record, over a real folder and a real SQLite file, in virtual time."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from automation_engine.jobs import recording
from automation_engine.rules.model import ImportMode
from automation_engine.rules.replay import Arrival, Observation, replay
from automation_engine.store import automations, recordings
from automation_engine.store.database import Transaction
from automation_engine.store.recordings import Changes, RecordedScan
from automation_engine.store.tables import Automation, Batch, ImportFile, Scan
from tests.e2e.world import Folder, World, open_world

DAY = 86_400.0


@dataclass
class Recorded:
    """A world whose recording is read back."""

    world: World
    root: Path
    removed: list[str] = field(default_factory=list)

    def write(self, path: str, data: bytes = b"bytes") -> None:
        file = self.root / "incoming" / "daily" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def remove(self, path: str) -> None:
        (self.root / "incoming" / "daily" / path).unlink()

    async def rows(self) -> list[RecordedScan]:
        async with self.world.database.reading() as session:
            seq = (await session.exec(select(Automation.seq).where(Automation.kind == "import"))).one()
            return await recordings.load(session, seq or 0)

    async def scans(self) -> int:
        async with self.world.database.reading() as session:
            return len((await session.exec(select(Scan.epoch).where(Scan.outcome == "complete"))).all())

    async def told(self) -> list[tuple[list[str], list[str]]]:
        """Return what arrived and what was gone, row by row."""
        return [([a.path for a in seen.arrived], list(seen.gone)) for seen in observations(await self.rows())]


def observations(rows: Sequence[RecordedScan]) -> list[Observation]:
    paths: dict[int, str] = {}
    found = []
    for row in rows:
        changes: Changes = recordings.decode(row.blob)
        gone = [paths[number] for number in changes.gone]
        paths.update(enumerate((file.path for file in changes.files), changes.head.number))
        arrived = [Arrival(file.path, file.size, file.print) for file in changes.files if not file.before]
        assert row.arrivals == len(arrived)
        found.append(Observation(at=row.at, arrived=arrived, gone=gone, failed=row.failed))
    return found


@pytest.fixture
async def recorded(tmp_path: Path) -> AsyncIterator[Recorded]:
    """An import automation of ``*.mp4`` that watches an empty folder; nothing was scanned yet."""
    async with open_world(tmp_path) as world:
        root = tmp_path / "media"
        (root / "incoming" / "daily").mkdir(parents=True)
        await world.set_up(Folder(root))
        yield Recorded(world, root)


async def test_what_arrives_and_what_goes_is_recorded_whether_or_not_the_pattern_matches(recorded: Recorded) -> None:
    recorded.write("a.mp4")
    recorded.write("notes.txt")
    await recorded.world.advance(60)
    recorded.remove("notes.txt")
    recorded.write("b.mov")
    await recorded.world.advance(60)
    recorded.write("a.mp4", b"other bytes")
    await recorded.world.advance(60)
    assert await recorded.told() == [
        (["a.mp4", "notes.txt"], []),
        (["b.mov"], ["notes.txt"]),
        (["a.mp4"], ["a.mp4"]),
    ]
    assert [file.size for file in recordings.decode((await recorded.rows())[-1].blob).files] == [11]


async def test_an_unchanged_scan_writes_nothing(recorded: Recorded) -> None:
    recorded.write("a.mp4")
    await recorded.world.advance(1_200)
    assert len(await recorded.rows()) == 1
    assert await recorded.scans() > 20


async def test_a_process_that_starts_anew_goes_on_where_the_recording_ended(recorded: Recorded, tmp_path: Path) -> None:
    recorded.write("a.mp4")
    recorded.write("notes.txt")
    await recorded.world.advance(60)
    recorded.write("while-down.txt")
    recorded.remove("notes.txt")
    async with open_world(tmp_path, before=recorded.world) as world:
        again = Recorded(world, recorded.root)
        await world.advance(60)
        assert (await again.told())[1:] == [(["while-down.txt"], ["notes.txt"])]
        await world.advance(600)
        assert len(await again.rows()) == 2


async def test_another_process_that_scanned_meanwhile_is_caught_up_with(recorded: Recorded, tmp_path: Path) -> None:
    recorded.write("a.txt")
    await recorded.world.advance(60)
    async with open_world(tmp_path, before=recorded.world) as other:
        recorded.write("b.txt")
        await other.advance(60)
    recorded.write("c.txt")
    await recorded.world.advance(60)
    assert [arrived for arrived, _ in await recorded.told()] == [["a.txt"], ["b.txt"], ["c.txt"]]


async def test_of_failures_in_a_row_the_first_is_recorded_and_the_scan_that_ends_them(recorded: Recorded) -> None:
    recorded.write("a.mp4")
    await recorded.world.advance(60)
    recorded.root.rename(recorded.root.with_name("away"))
    await recorded.world.advance(600)
    recorded.root.with_name("away").rename(recorded.root)
    await recorded.world.advance(1_200)
    rows = await recorded.rows()
    assert [(row.failed, row.arrivals) for row in rows] == [(False, 1), (True, 0), (False, 0)]


async def test_another_pattern_goes_on_recording_and_another_place_begins_anew(recorded: Recorded) -> None:
    recorded.write("a.mp4")
    recorded.write("b.mov")
    await recorded.world.advance(60)
    await recorded.world.automation(body=recorded.world.import_body(file_pattern="*.mov"))
    await recorded.world.advance(60)
    assert len(await recorded.rows()) == 1
    await recorded.world.automation(body=recorded.world.import_body(source_prefix="incoming/"))
    await recorded.world.advance(60)
    heads = [recordings.decode(row.blob).head for row in await recorded.rows()]
    assert [(head.baseline, head.survey, head.place.prefix) for head in heads] == [
        (True, True, "incoming/daily/"),
        (True, True, "incoming/"),
    ]


async def test_what_was_there_before_a_recording_begins_is_no_arrival(recorded: Recorded) -> None:
    recorded.write("a.mp4")
    recorded.write("notes.txt")
    await recorded.world.advance(60)
    async with recorded.world.database.transaction() as tx:
        await recordings.forget(tx, await _seq(tx))
    recorded.world.worker._performers["scan"]._recorder._kept.clear()  # type: ignore[attr-defined]  # starts anew
    recorded.write("b.mp4")
    await recorded.world.advance(60)
    (row,) = await recorded.rows()
    changes = recordings.decode(row.blob)
    assert {file.path: file.before for file in changes.files} == {"a.mp4": True, "notes.txt": True, "b.mp4": False}
    assert (changes.head.baseline, changes.head.survey, row.arrivals) == (True, False, 1)


async def _seq(tx: Transaction) -> int:
    return automations.row_seq((await tx.exec(select(Automation).where(Automation.kind == "import"))).one())


async def test_what_is_older_than_its_time_is_dropped_and_no_file_arrives_a_second_time(
    recorded: Recorded, tmp_path: Path
) -> None:
    recorded.write("a.mp4")
    recorded.write("notes.txt")
    await recorded.world.advance(60)
    recorded.world.clock.advance(31 * DAY)
    async with open_world(tmp_path, before=recorded.world) as world:
        again = Recorded(world, recorded.root)
        recorded.write("b.mp4")
        await world.advance(60)
        assert [arrived for arrived, _ in (await again.told())] == [["b.mp4"]]
        async with open_world(tmp_path, before=world) as third:
            recorded.write("c.mp4")
            recorded.remove("notes.txt")
            await third.advance(60)
            assert (await Recorded(third, recorded.root).told()) == [(["b.mp4"], []), (["c.mp4"], [])]


async def test_of_more_than_it_may_take_the_oldest_is_dropped_first(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_MOST_BYTES", 1_000)
    monkeypatch.setattr(recording, "_PRUNED_EVERY", 0.0)
    for at in range(20):
        recorded.write(f"{at:02}.mp4")
        await recorded.world.advance(60)
    rows = await recorded.rows()
    assert sum(len(row.blob) for row in rows) <= 1_000
    assert [arrived for arrived, _ in await recorded.told()][-1] == ["19.mp4"]
    assert 1 < len(rows) < 20


async def test_too_many_files_that_do_not_match_are_not_recorded_and_the_recording_says_so(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_MOST_UNMATCHED", 3)
    for at in range(3):
        recorded.write(f"{at}.txt")
    recorded.write("a.mp4")
    await recorded.world.advance(60)
    for at in range(3, 6):
        recorded.write(f"{at}.txt")
    await recorded.world.advance(60)
    recorded.remove("a.mp4")
    recorded.write("b.mp4")
    await recorded.world.advance(600)
    assert [recordings.decode(row.blob).narrow for row in await recorded.rows()] == [False, True, True]
    assert (await recorded.told())[1:] == [([], []), (["b.mp4"], ["a.mp4"])]


async def test_a_damaged_row_fails_no_scan(recorded: Recorded, tmp_path: Path) -> None:
    recorded.write("a.mp4")
    await recorded.world.advance(60)
    async with recorded.world.database.transaction() as tx:
        seq = await _seq(tx)
        await recordings.forget(tx, seq)
        damaged = RecordedScan(epoch=1, generation=1, at=tx.now, failed=False, arrivals=1, blob=b"damaged")
        await recordings.add(tx, seq, damaged)
    async with open_world(tmp_path, before=recorded.world) as world:
        recorded.write("b.mp4")
        await world.advance(60)
        newest = (await Recorded(world, recorded.root).rows())[-1]
        assert newest.arrivals == 1
        assert (await world.automation("status"))["health"] == "ok"


async def test_forgetting_an_automation_deletes_its_recording(recorded: Recorded) -> None:
    recorded.write("a.mp4")
    await recorded.world.advance(60)
    path = f"/indexes/{recorded.world.ids['index']}/automations/import?forget=true"
    await recorded.world.rest("DELETE", path)
    assert await recorded.rows() == []
    await recorded.world.automation(body=recorded.world.import_body())
    await recorded.world.advance(60)
    assert await recorded.told() == [(["a.mp4"], [])]


async def test_the_replay_of_a_recording_makes_the_batches_that_were_made(recorded: Recorded) -> None:
    """Hours of arrivals, rewrites, deletions and an outage: the same members, the instants within a scan interval."""
    chance = random.Random(7)  # noqa: S311 - reproducible hours
    await recorded.world.advance(1)
    for step in range(30):
        await _something_happens(recorded, chance, step)
        await recorded.world.advance(chance.choice([20.0, 45.0, 170.0, 500.0]))
    await recorded.world.advance(1_500)
    made = await _batches(recorded.world)
    rows = await recorded.rows()
    config = (await _state(recorded.world)).config
    outcome = replay(config, ImportMode.ALL, observations(rows), start=rows[0].at, until=recorded.world.clock.now())
    assert len(made) > 5
    assert [[member.path for member in batch.members] for batch in outcome.batches] == [keys for _, _, keys in made]
    assert [batch.trigger.value for batch in outcome.batches] == [trigger for _, trigger, _ in made]
    apart = [abs(batch.fired_at - at) for batch, (at, _, _) in zip(outcome.batches, made, strict=True)]
    assert max(apart) <= 60.0


async def _something_happens(recorded: Recorded, chance: random.Random, step: int) -> None:
    for at in range(chance.randrange(3)):
        recorded.write(f"{step:02}-{at}.mp4", b"x" * chance.randrange(1, 9))
    there = sorted(path.name for path in (recorded.root / "incoming" / "daily").iterdir())
    if there and chance.random() < 0.4:
        recorded.write(chance.choice(there), b"y" * (10 + step))
    if there and chance.random() < 0.2:
        recorded.remove(chance.choice(there))
    if step == 15:
        recorded.root.rename(recorded.root.with_name("away"))
        await recorded.world.advance(300)
        recorded.root.with_name("away").rename(recorded.root)
        await recorded.world.advance(900)


async def _state(world: World) -> Any:
    async with world.database.reading() as session:
        row = (await session.exec(select(Automation).where(Automation.kind == "import"))).one()
    return automations.import_state(row)


async def _batches(world: World) -> list[tuple[float, str, list[str]]]:
    async with world.database.reading() as session:
        found = []
        for row in (await session.exec(select(Batch).order_by(col(Batch.fired_at), col(Batch.sequence)))).all():
            files = select(ImportFile.key).where(ImportFile.job_id == row.job_id).order_by(col(ImportFile.ordinal))
            keys = [key.removeprefix("incoming/daily/") for key in (await session.exec(files)).all()]
            found.append((row.fired_at, row.trigger, keys))
    return found
