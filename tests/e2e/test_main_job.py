"""The main job, from the dropped file to the delivered result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automation_engine.connectors.local import LocalStore
from automation_engine.errors import StorageUnavailable
from tests.e2e.world import Bucket, Died, Folder, World, open_world

Clip = Callable[[int], bytes]
DAY = "incoming/daily/"


async def test_a_dropped_delivery_is_imported_once_analysed_and_delivered(
    world: World, buckets: tuple[Bucket, Bucket], clip: Clip
) -> None:
    source, target = buckets
    await world.set_up(source, target)
    await source.put(DAY + "a.mp4", clip(1))
    await source.put(DAY + "sub/b.mp4", clip(2))
    await source.put(DAY + "notes.txt", b"not asked for")
    await source.put("elsewhere/c.mp4", clip(3))
    await world.advance(1200)

    [job] = await world.jobs()
    assert (job["status"], job["progress"]["imported"]) == ("completed", 2)
    assert job["execution"]["status"] == "submitted"
    assert await world.videos() == ["a.mp4", "b.mp4"]
    run = await world.rest("GET", f"/prompt-runs/{job['execution']['run_id']}")
    assert (run["status"], run["total_videos"], run["completed_segments"]) == ("completed", 2, 2)

    [export] = await world.exports()
    assert (export["status"], export["destination_type"]) == ("completed", "connector")
    artifact, manifest = sorted(await target.names(), key=len)
    data = await target.read(artifact)
    assert artifact == f"exports/review-team/{run['run_id']}-{hashlib.sha256(data).hexdigest()[:16]}.json"
    segments = json.loads(data)["runs"][0]["segments"]
    assert [segment["video_name"] for segment in segments] == ["a.mp4", "b.mp4"]
    assert all(abs(segment["metadata"]["duration"] - 1) < 0.1 for segment in segments)
    certificate = json.loads(await target.read(manifest))
    assert certificate["sha256"] == hashlib.sha256(data).hexdigest()
    assert certificate["size_bytes"] == len(data) == export["file_size_bytes"]
    assert certificate["counts"]["segments"] == 2


async def test_a_second_delivery_makes_a_second_job_and_a_second_export(
    world: World, buckets: tuple[Bucket, Bucket], clip: Clip
) -> None:
    source, target = buckets
    await world.set_up(source, target)
    await source.put(DAY + "a.mp4", clip(1))
    await world.advance(1200)
    await source.put(DAY + "b.mp4", clip(2))
    await world.advance(1200)
    assert [job["progress"]["imported"] for job in await world.jobs()] == [1, 1]
    assert [export["status"] for export in await world.exports()] == ["completed", "completed"]
    assert len(await target.names()) == 4


async def test_nothing_is_imported_before_the_debounce_interval_ends(world: World, tmp_path: Path, clip: Clip) -> None:
    source = Folder(tmp_path / "watched")
    await world.set_up(source)
    await world.advance(60)
    await source.put(DAY + "a.mp4", clip(1))
    await world.advance(299)
    assert await world.jobs() == []
    await world.advance(91)
    assert len(await world.jobs()) == 1


async def test_a_file_that_still_grows_is_never_imported(world: World, tmp_path: Path, clip: Clip) -> None:
    """Not even when the longest wait ends while its writer pauses: it holds back only itself."""
    source = Folder(tmp_path / "watched")
    await world.set_up(source)
    data = clip(1)
    await source.put(DAY + "whole.mp4", clip(2))
    growing = source.root / DAY / "growing.mp4"
    for end in range(1, 41):
        with growing.open("ab") as file:
            file.write(data[(end - 1) * len(data) // 40 : end * len(data) // 40])
        await world.advance(65)
        assert "growing.mp4" not in await world.videos()
    assert await world.videos() == ["whole.mp4"]
    await world.advance(1200)
    assert await world.videos() == ["growing.mp4", "whole.mp4"]
    assert sum(job["progress"]["failed"] for job in await world.jobs()) == 0


async def test_a_replaced_file_is_imported_again_when_all_versions_are_wanted(
    world: World, buckets: tuple[Bucket, Bucket], clip: Clip
) -> None:
    source, _ = buckets
    await world.set_up(source, import_mode="all")
    await source.put(DAY + "a.mp4", clip(1))
    await world.advance(1200)
    await source.put(DAY + "a.mp4", clip(2))
    await world.advance(1200)
    assert await world.videos() == ["a.mp4", "a.mp4"]


async def test_a_replaced_file_is_not_imported_again_when_only_new_files_are_wanted(
    world: World, buckets: tuple[Bucket, Bucket], clip: Clip
) -> None:
    source, _ = buckets
    await world.set_up(source, import_mode="new_only")
    await source.put(DAY + "a.mp4", clip(1))
    await world.advance(1200)
    await source.put(DAY + "a.mp4", clip(2))
    await world.advance(1200)
    assert await world.videos() == ["a.mp4"]
    status = await world.automation("status")
    assert (status["backlog"]["imported"], status["backlog"]["skipped"]) == (1, 1)


async def test_a_paused_automation_imports_nothing_and_its_backlog_is_one_job(
    world: World, buckets: tuple[Bucket, Bucket], clip: Clip
) -> None:
    source, target = buckets
    await world.set_up(source, target)
    await world.advance(60)
    await world.automation("pause")
    for number in range(3):
        await source.put(f"{DAY}{number}.mp4", clip(number))
        await world.advance(7200)
    assert await world.jobs() == []
    assert (await world.automation("status"))["next_trigger_at"] is None
    await world.automation("resume")
    await world.advance(299)
    assert await world.jobs() == []
    await world.advance(301)
    [job] = await world.jobs()
    assert job["progress"]["imported"] == 3
    assert len(await world.exports()) == 1


async def test_runs_that_finish_while_the_export_is_paused_are_delivered_after_resume(
    world: World, buckets: tuple[Bucket, Bucket], clip: Clip
) -> None:
    source, target = buckets
    await world.set_up(source, target)
    await world.automation("pause", kind="export")
    for number in range(2):
        await source.put(f"{DAY}{number}.mp4", clip(number))
        await world.advance(1200)
    assert await target.names() == []
    await world.automation("resume", kind="export")
    await world.advance(60)
    assert len(await target.names()) == 4
    await world.automation("pause", kind="export")
    await world.automation("resume", kind="export")
    await world.advance(60)
    assert len(await world.exports()) == 2


async def test_a_corrupt_file_fails_alone_and_the_rest_is_delivered(
    world: World, buckets: tuple[Bucket, Bucket], clip: Clip
) -> None:
    source, target = buckets
    await world.set_up(source, target)
    await source.put(DAY + "good.mp4", clip(1))
    await source.put(DAY + "torn.mp4", clip(2)[:700])
    await source.put(DAY + "text.mp4", b"this is no film\n" * 100)
    await world.advance(1200)
    job = await world.rest("GET", f"/import-jobs/{(await world.jobs())[0]['job_id']}")
    assert job["progress"] | {"bytes_transferred": 0} == {
        "total_files": 3,
        "imported": 1,
        "failed": 2,
        "skipped": 0,
        "bytes_transferred": 0,
        "current_file": None,
        "parts_total": 3,
        "parts_completed": 1,
        "parts_failed": 2,
    }
    assert {failure["path"] for failure in job["failed_files"]} == {DAY + "torn.mp4", DAY + "text.mp4"}
    assert all(failure["error"] for failure in job["failed_files"])
    assert len(await target.names()) == 2
    await world.advance(3600)
    assert len(await world.jobs()) == 1


async def test_storage_that_goes_away_degrades_the_automation_and_nothing_fires(
    world: World, tmp_path: Path, clip: Clip
) -> None:
    source = Folder(tmp_path / "watched")
    await world.set_up(source)
    await source.put(DAY + "a.mp4", clip(1))
    await world.advance(100)
    source.root.rename(tmp_path / "unmounted")
    await world.advance(60)
    status = await world.automation("status")
    assert (status["state"], status["health"]) == ("degraded", "degraded")
    assert status["degraded_cause"]
    await world.advance(3600)
    status = await world.automation("status")
    assert (status["state"], status["health"]) == ("degraded", "blind")
    assert await world.jobs() == []
    (tmp_path / "unmounted").rename(source.root)
    await world.advance(1800)
    assert await world.videos() == ["a.mp4"]
    assert (await world.automation("status"))["health"] == "ok"


async def test_a_prompt_that_is_edited_after_the_put_does_not_change_what_runs(
    world: World, tmp_path: Path, clip: Clip
) -> None:
    source = Folder(tmp_path / "watched")
    await world.set_up(source)
    other = {"type": "object", "properties": {"height": {"type": "integer"}}}
    await world.rest("PUT", f"/prompts/{world.ids['prompt']}", {"json_schema": other})
    await source.put(DAY + "a.mp4", clip(1))
    await world.advance(1200)
    [job] = await world.jobs()
    results = await world.rest("GET", f"/prompt-runs/{job['execution']['run_id']}/results")
    assert set(results["data"][0]["metadata"]) == {"duration", "width", "has_audio"}


async def test_files_that_a_retry_imports_are_analysed_by_a_run_of_their_own(
    world: World, tmp_path: Path, clip: Clip
) -> None:
    source = Folder(tmp_path / "watched")
    await world.set_up(source)
    await source.put(DAY + "a.mp4", clip(1))
    await source.put(DAY + "b.mp4", clip(2))
    read_range, failures = LocalStore.read_range, iter(range(5))

    async def unreadable(store: LocalStore, key: str, **span: Any) -> bytes:
        if key.endswith("b.mp4") and next(failures, None) is not None:
            raise StorageUnavailable("the disk is away")
        return await read_range(store, key, **span)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalStore, "read_range", unreadable)
        await world.advance(7200)
    [job] = await world.jobs()
    assert (job["progress"]["imported"], job["progress"]["failed"]) == (1, 1)
    await world.rest("POST", f"/import-jobs/{job['job_id']}/retry")
    await world.advance(60)
    [retried] = await world.jobs()
    assert (retried["progress"]["imported"], retried["progress"]["failed"]) == (2, 0)
    assert retried["execution"]["run_id"] != job["execution"]["run_id"]
    run = await world.rest("GET", f"/prompt-runs/{retried['execution']['run_id']}")
    assert (run["status"], run["total_videos"]) == ("completed", 1)


async def test_an_engine_that_dies_at_any_transaction_loses_and_doubles_nothing(tmp_path: Path, clip: Clip) -> None:
    """Every transaction from the confirming scan to the delivery, before its commit and after."""
    source, target = Folder(tmp_path / "watched"), Folder(tmp_path / "delivered")
    async with open_world(tmp_path) as before:
        await before.set_up(source, target)
        await source.put(DAY + "a.mp4", clip(1))
        await source.put(DAY + "b.mp4", clip(2))
        await before.advance(295)
    saved, began_at = (tmp_path / "engine.db").read_bytes(), before.clock.now()
    at, deaths = 0, 1
    while deaths:
        at, deaths = at + 1, 0
        for after_commit in (False, True):
            _put_back(tmp_path, saved)
            before.clock.advance(began_at - before.clock.now())
            deaths += await _dies(before, at, after_commit=after_commit)
            await _finishes(before, target, f"death at transaction {at}, after its commit: {after_commit}")
    assert at > 18


def _put_back(folder: Path, database: bytes) -> None:
    """Undo everything since the database was saved; the watched files stay as they are."""
    for path in [*folder.glob("engine.db*"), *(folder / "delivered").rglob("*.json")]:
        path.unlink()
    (folder / "engine.db").write_bytes(database)


async def _dies(before: World, at: int, *, after_commit: bool) -> bool:
    """Run the main job up to its n-th transaction. Returns whether there is one."""
    async with open_world(before.folder, before=before) as world:
        world.database.dies_at, world.database.after_commit = world.database.transactions + at, after_commit
        try:
            await world.advance(10)
        except (Died, BaseExceptionGroup) as death:
            assert "Died" in repr(death)  # noqa: PT017 - nothing but the death itself
        return world.database.dead


async def _finishes(before: World, target: Folder, story: str) -> None:
    async with open_world(before.folder, before=before) as world:
        await world.advance(60)
        assert await world.videos() == ["a.mp4", "b.mp4"], story
        [job] = await world.jobs()
        assert (job["status"], job["progress"]["imported"]) == ("completed", 2), story
        run = await world.rest("GET", f"/prompt-runs/{job['execution']['run_id']}")
        assert (run["status"], run["completed_segments"]) == ("completed", 2), story
        assert [export["status"] for export in await world.exports()] == ["completed"], story
        assert len(await target.names()) == 2, story
