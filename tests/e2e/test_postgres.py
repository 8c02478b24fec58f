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
