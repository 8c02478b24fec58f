"""What the webhooks are told: the events of import jobs, media, prompt runs, exports and automations, and their data.

Each function is called in the transaction that changes the state that it tells of, after the change.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, bindparam, select

from automation_engine.store import outbox
from automation_engine.store.database import Rows, Transaction
from automation_engine.store.outbox import Event, rfc3339
from automation_engine.store.tables import Automation, Batch, Export, ImportJob, PromptRun, RunItem, Video


async def import_job(tx: Transaction, job: ImportJob, what: str) -> None:
    """Tell that an import job ``started``, or how it ended; with failed files, one that completed did so in part."""
    what = "partial_completed" if what == "completed" and job.failed else what
    await outbox.tell(tx, job.owner, job.index_id, Event(word=f"import_job.{what}", data=_job(job)))


async def file_resolved(tx: Transaction, job_id: str, video: Video | None) -> None:
    """Tell that a file of a job was imported, failed or left out: that there is a video, and how far the job is."""
    told = await outbox.listeners_of_job(tx, job_id)
    if video is not None:
        await outbox.record(tx, told, video.index_id, Event(word="media.created", data=_video(video)))
    if outbox.wanted(told, "import_job.progress"):
        for job in await tx.fetch(_JOB, {"b_job_id": job_id}):
            progress = Event(word="import_job.progress", data=_job(job), subject=job_id)
            await outbox.record(tx, told, job.index_id, progress)


async def prompt_run(tx: Transaction, run: PromptRun, what: str) -> None:
    """Tell that a prompt run ``started``, or the status that it ended in."""
    what = "partial_completed" if what == "completed_with_failures" else what
    await outbox.tell(tx, run.owner, run.index_id, Event(word=f"prompt_run.{what}", data=_run(run)))


async def item_started(tx: Transaction, told: Rows, run: PromptRun, item: RunItem) -> None:
    """Tell the listeners that the analysis of a video began."""
    await outbox.record(tx, told, run.index_id, _item(run, item, "started", None))


async def item_ended(tx: Transaction, run: PromptRun, item: RunItem, what: str, error: str | None) -> None:
    """Tell that the analysis of a video ``completed`` or ``failed``, and how far the run is."""
    progress = Event(word="prompt_run.progress", data=_run(run), subject=run.run_id)
    await outbox.tell(tx, run.owner, run.index_id, _item(run, item, what, error), progress)


async def export(tx: Transaction, row: Export, what: str) -> None:
    """Tell that an export is ``ready``, or ``failed``."""
    data = {
        "export_id": row.export_id,
        "export_type": row.export_type,
        "target_id": row.target_id,
        "index_id": row.index_id,
        "automation_id": row.automation_id,
        "prompt_run_ids": row.prompt_run_ids,
        "status": row.status,
        "destination_type": row.destination_type,
        "destination_connector_id": row.destination_connector_id,
        "destination_uri": row.artifact_uri if row.destination_type == "connector" else None,
        "file_size_bytes": row.file_size,
        "error_message": row.error_message,
        "created_at": rfc3339(row.created_at),
        "completed_at": _instant(row.completed_at),
    }
    await outbox.tell(tx, row.owner, row.index_id, Event(word=f"export.{what}", data=data))


async def automation(tx: Transaction, row: Automation, what: str, **data: Any) -> None:
    """Tell what became of an automation, with ``data`` of this event alone."""
    configured = row.state if row.kind == "export" else row.state["config"]
    told = {
        "automation_id": row.automation_id,
        "kind": row.kind,
        "index_id": row.index_id,
        "enabled": configured["enabled"],
        "paused": configured["paused"],
        "revision": row.revision,
        **data,
    }
    await outbox.tell(tx, row.owner, row.index_id, Event(word=f"automation.{what}", data=told))


async def batch(tx: Transaction, row: Automation, fired: Batch, what: str) -> None:
    """Tell that a batch of an import automation was ``triggered``, or ``batch_held``."""
    await automation(
        tx,
        row,
        what,
        batch_id=fired.batch_id,
        trigger=fired.trigger,
        fired_at=rfc3339(fired.fired_at),
        object_count=fired.object_count,
        bytes=fired.bytes,
        held_reason=fired.held_reason,
        job_id=fired.job_id,
    )


def _job(job: Any) -> dict[str, Any]:
    """Return an import job, mapped or a plain row, as data."""
    return {
        "job_id": job.job_id,
        "index_id": job.index_id,
        "connector_id": job.connector_id,
        "automation_id": job.automation_id,
        "batch_id": job.batch_id,
        "status": job.status,
        "source_prefix": job.source_prefix,
        "file_pattern": job.file_pattern,
        "progress": {
            "total_files": job.total_files,
            "imported": job.imported,
            "failed": job.failed,
            "skipped": job.skipped,
            "bytes_transferred": job.bytes_transferred,
        },
        "run_id": job.run_id,
        "error_message": job.error_message,
        "created_at": rfc3339(job.created_at),
        "started_at": _instant(job.started_at),
        "completed_at": _instant(job.completed_at),
    }


def _video(video: Video) -> dict[str, Any]:
    return {
        "video_id": video.video_id,
        "index_id": video.index_id,
        "job_id": video.job_id,
        "title": video.title,
        "media_type": video.media_type,
        "source_uri": video.source_uri,
        "size_bytes": video.size,
        "duration_seconds": video.facts.get("duration"),
        "created_at": rfc3339(video.created_at),
    }


def _run(run: PromptRun) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "index_id": run.index_id,
        "prompt_id": run.prompt_id,
        "prompt_name": run.preset["prompt_name"],
        "import_job_id": run.context.get("import_job_id"),
        "automation_id": run.context.get("automation_id"),
        "status": run.status,
        "progress": {
            "total": run.total_items,
            "completed": run.completed_items,
            "failed": run.failed_items,
            "completed_segments": run.completed_segments,
            "field_extraction_failures": run.extraction_failures,
        },
        "error_message": run.error_message,
        "created_at": rfc3339(run.created_at),
        "started_at": _instant(run.started_at),
        "completed_at": _instant(run.completed_at),
    }


def _item(run: PromptRun, item: RunItem, what: str, error: str | None) -> Event:
    data = {"video_id": item.video_id, "index_id": run.index_id, "run_id": run.run_id, "error_message": error}
    return Event(word=f"media.processing.{what}", data=data)


def _instant(instant: float | None) -> str | None:
    return None if instant is None else rfc3339(instant)


_JOBS: Table = ImportJob.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_JOB = select(_JOBS).where(_JOBS.c.job_id == bindparam("b_job_id"))
