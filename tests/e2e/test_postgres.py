"""The main job on PostgreSQL: the same schema, the same queries, the same sentences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from automation_engine.store.schema import differences
from tests.e2e import test_main_job as main_job
from tests.e2e.world import Folder, World

Clip = Callable[[int], bytes]


async def test_the_migrated_schema_is_the_one_of_the_tables(postgres_world: World, world: World) -> None:
    assert await differences(postgres_world.database) == []
    assert await differences(world.database) == []


async def test_the_main_job_runs_on_postgresql(postgres_world: World, tmp_path: Path, clip: Clip) -> None:
    buckets = (Folder(tmp_path / "watched"), Folder(tmp_path / "delivered"))
    await main_job.test_a_dropped_delivery_is_imported_once_analysed_and_delivered(postgres_world, buckets, clip)


async def test_a_backlog_on_postgresql_is_one_job(postgres_world: World, tmp_path: Path, clip: Clip) -> None:
    buckets = (Folder(tmp_path / "watched"), Folder(tmp_path / "delivered"))
    await main_job.test_a_paused_automation_imports_nothing_and_its_backlog_is_one_job(postgres_world, buckets, clip)


async def test_new_files_only_on_postgresql(postgres_world: World, tmp_path: Path, clip: Clip) -> None:
    buckets = (Folder(tmp_path / "watched"), Folder(tmp_path / "delivered"))
    await main_job.test_a_replaced_file_is_not_imported_again_when_only_new_files_are_wanted(
        postgres_world, buckets, clip
    )


async def test_a_path_is_followed_to_its_export_and_back_on_postgresql(
    postgres_world: World, tmp_path: Path, clip: Clip
) -> None:
    world, source, target = postgres_world, Folder(tmp_path / "watched"), Folder(tmp_path / "delivered")
    await world.set_up(source, target)
    for name, data in (("b.mp4", clip(1)), ("B.mp4", b"no media"), ("a/c.mp4", clip(2))):
        await source.put(main_job.DAY + name, data)
    await world.advance(1200)
    route = f"/indexes/{world.ids['index']}/automations/import"
    [batch] = (await world.rest("GET", f"{route}/batches"))["data"]
    counted = batch["certificate"]
    assert (counted["matched"], counted["members"], counted["unexplained"]) == (3, 3, 0)
    assert counted["listing_hash"] == counted["member_hash"]
    files = (await world.rest("GET", f"{route}/files?prefix={main_job.DAY}"))["data"]
    names = [file["path"].removeprefix(main_job.DAY) for file in files]
    assert names == ["B.mp4", "a/c.mp4", "b.mp4"], "the order of code points, whatever the database's locale"
    imported = files[2]
    for link in ("batch_id", "job_id", "video_id"):
        found = (await world.rest("GET", f"{route}/files?state=imported&{link}={imported[link]}"))["data"]
        assert imported in found
    [run_id], [export_id] = imported["run_ids"], imported["export_ids"]
    for link in (f"run_id={run_id}", f"export_id={export_id}"):
        assert (await world.rest("GET", f"{route}/files?{link}&limit=1"))["data"] == [files[1]]
    told = await world.rest("GET", f"{route}/explain?path={imported['path']}")
    assert (told["failing_check"], told["file"]) == (None, imported)
    broken = {"paths": [files[0]["path"]]}
    for action in ("retry", "ignore", "release"):
        await world.advance(60)
        assert (await world.rest("POST", f"{route}/files/{action}", broken))["changed"] == broken["paths"]
    await world.advance(1200)
    assert len((await world.rest("GET", f"{route}/batches"))["data"]) == 2


async def test_what_no_text_of_postgresql_holds_is_refused(postgres_world: World, tmp_path: Path) -> None:
    await postgres_world.set_up(Folder(tmp_path / "watched"))
    route = f"/indexes/{postgres_world.ids['index']}/automations/import"
    for path in ("/explain?path=a%00b", "/files?prefix=a%00b", "/batches/a%00b"):
        refused = await postgres_world.rest("GET", route + path, expect=422)
        assert refused["error"]["message"] == "no text may hold the character U+0000"
    await postgres_world.rest("POST", f"{route}/files/ignore", {"paths": ["a\0b"]}, expect=422)
