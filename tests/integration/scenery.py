"""Rows that tests of the API start from, written as the servicers and jobs write them."""

from __future__ import annotations

from typing import Any

from sqlmodel import select

from automation_engine.servicers import presets
from automation_engine.store import imports, runs, work
from automation_engine.store.tables import (
    Connector,
    ImportFile,
    ImportJob,
    MediaIndex,
    Prompt,
    PromptRun,
    RunItem,
    Video,
    Work,
)
from automation_engine.v1.prompt_run_service_pb2 import ExecutePromptRunRequest
from tests.integration.engine import Engine

SCHEMA = {"type": "object", "properties": {"duration": {"type": "number"}}, "required": ["duration"]}


async def add_index(engine: Engine, index_id: str = "idx_news", *, owner: str = "ada") -> str:
    async with engine.database.transaction() as tx:
        tx.add(MediaIndex(index_id=index_id, owner=owner, name=index_id, created_at=tx.now))
    return index_id


async def add_connector(engine: Engine, connector_id: str, *, owner: str = "ada", **fields: Any) -> str:
    async with engine.database.transaction() as tx:
        given = {
            "name": connector_id,
            "provider": "local",
            "status": "active",
            "scopes": ["import", "export"],
            "import_mode": "all",
            "settings": {"root": str(engine.media)},
            "created_at": tx.now,
            "updated_at": tx.now,
        }
        tx.add(Connector(connector_id=connector_id, owner=owner, **{**given, **fields}))
    return connector_id


async def add_prompt(engine: Engine, prompt_id: str = "prompt_facts", *, owner: str = "ada", **fields: Any) -> str:
    async with engine.database.transaction() as tx:
        given = {
            "name": "Facts",
            "description": "",
            "prompt_text": "How long is it?",
            "json_schema": SCHEMA,
            "semantic_indexing": {},
            "created_at": tx.now,
            "updated_at": tx.now,
        }
        tx.add(Prompt(prompt_id=prompt_id, owner=owner, **{**given, **fields}))
    return prompt_id


async def add_job(engine: Engine, job_id: str, keys: list[str], *, owner: str = "ada", **fields: Any) -> str:
    """Add a job that is importing files, none of which has been imported yet."""
    async with engine.database.transaction() as tx:
        given = {
            "index_id": "idx_news",
            "connector_id": "conn_in",
            "status": "importing",
            "source_prefix": "",
            "file_pattern": "*",
            "recursive": True,
            "import_mode": "all",
            "execution_status": "not_requested",
            "total_files": len(keys),
            "created_at": tx.now,
        }
        tx.add(ImportJob(job_id=job_id, owner=owner, **{**given, **fields}))
        await tx.flush()
        files = [
            {"ordinal": at, "key": key, "version": "1", "size": 10, "last_modified": tx.now}
            for at, key in enumerate(keys)
        ]
        await imports.add_files(tx, job_id, files)
        await work.enqueue(tx, work.IMPORT_JOB, job_id)
    return job_id


async def import_file(engine: Engine, job_id: str, key: str, *, media_type: str = "video") -> str:
    """Import a file of a job, and return the video."""
    async with engine.database.transaction() as tx:
        job = (await tx.exec(select(ImportJob).where(ImportJob.job_id == job_id))).one()
        file = (await tx.exec(select(ImportFile).where(ImportFile.job_id == job_id, ImportFile.key == key))).one()
        video = Video(
            video_id=f"vid_{key.replace('.', '_')}",
            owner=job.owner,
            index_id=job.index_id,
            file_id=file.file_id,
            job_id=job_id,
            connector_id=job.connector_id,
            source_key=key,
            source_version=file.version,
            source_uri=f"file:///media/{key}",
            size=file.size,
            title=key,
            status="ready",
            media_type=media_type,
            facts={"media_type": media_type, "container": "mp4", "size": 10, "duration": 60.0},
            created_at=tx.now,
            updated_at=tx.now,
        )
        await imports.file_imported(tx, file, video)
    return video.video_id


async def add_videos(engine: Engine, *keys: str) -> list[str]:
    """Import files with a job of their own that has ended."""
    job_id = await add_job(engine, f"job_{keys[0]}", list(keys))
    video_ids = [await import_file(engine, job_id, key) for key in keys]
    async with engine.database.transaction() as tx:
        job = await tx.get_one(ImportJob, job_id)
        job.status, job.completed_at = "completed", tx.now
    return video_ids


async def add_run(
    engine: Engine, video_ids: list[str], errors: dict[str, str] | None = None, *, ended: bool = True
) -> str:
    """Submit a run; when it shall have ended, with two segments of each video, the second one failed if it says so."""
    async with engine.database.transaction() as tx:
        prompt = await tx.get_one(Prompt, "prompt_facts")
        choice = presets.chosen(ExecutePromptRunRequest(prompt_id="prompt_facts"))
        media = [await tx.get_one(Video, video_id) for video_id in video_ids]
        run = await runs.submit(
            tx,
            run_key=tx.new_id("test"),
            owner="ada",
            index_id="idx_news",
            preset=presets.snapshot(choice, prompt, tx.now),
            context={"type": "videos", "index_id": "idx_news", "video_ids": video_ids},
            executed_by="ada",
            videos=media,
        )
    if ended:
        await _end_run(engine, run.run_id, video_ids, errors or {})
    return run.run_id


async def _end_run(engine: Engine, run_id: str, video_ids: list[str], errors: dict[str, str]) -> None:
    async with engine.database.transaction() as tx:
        for video_id in video_ids:
            found = [
                {
                    "run_id": run_id,
                    "video_id": video_id,
                    "ordinal": at,
                    "start_time": at * 30.0,
                    "end_time": at * 30.0 + 30.0,
                    "data": {"duration": 30.0},
                    "error": errors.get(video_id) if at else None,
                    "created_at": tx.now,
                }
                for at in range(2)
            ]
            await runs.add_results(tx, found)
            item = await tx.get_one(RunItem, (run_id, video_id))
            await runs.end_item(tx, item, "completed", total_segments=2, error=None)
        run = await runs.tally(tx, run_id)
        run.status, run.completed_at = runs.outcome(run), tx.now


async def saved_run(engine: Engine, run_id: str) -> PromptRun:
    async with engine.database.reading() as session:
        return await session.get_one(PromptRun, run_id)


async def work_of(engine: Engine, kind: str, subject: str) -> Work:
    async with engine.database.reading() as session:
        return await session.get_one(Work, f"{kind}:{subject}")
