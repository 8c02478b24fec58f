"""Indexes: found by owner, deleted with all that belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import NotFound
from automation_engine.store import announcements, automations, exports, imports, runs, work
from automation_engine.store.database import Transaction
from automation_engine.store.tables import (
    Automation,
    Batch,
    Delivery,
    Export,
    ExportChunk,
    ImportFile,
    ImportJob,
    LedgerEntry,
    MediaIndex,
    PromptRun,
    Revision,
    RunItem,
    Scan,
    SegmentResult,
    Video,
    VideoResult,
    Work,
)


async def find(session: AsyncSession, owner: str, index_id: str) -> MediaIndex:
    """Return an owner's index. Raises ``NotFound``."""
    statement = select(MediaIndex).where(MediaIndex.index_id == index_id, MediaIndex.owner == owner)
    row = (await session.exec(statement)).one_or_none()
    if row is None:
        raise NotFound(f"there is no index {index_id}")
    return row


async def owned(session: AsyncSession, owner: str, *, include_defaults: bool) -> Sequence[MediaIndex]:
    """Return an owner's indexes, the oldest first."""
    statement = select(MediaIndex).where(MediaIndex.owner == owner)
    if not include_defaults:
        statement = statement.where(col(MediaIndex.is_default).is_(False))
    return (await session.exec(statement.order_by(col(MediaIndex.created_at), col(MediaIndex.index_id)))).all()


async def running_work(session: AsyncSession, index_id: str) -> list[str]:
    """Name what is at work in an index: ``import job job_…``, ``prompt run run_…``, ``export exp_…``."""
    jobs = select(ImportJob.job_id).where(
        ImportJob.index_id == index_id, col(ImportJob.status).not_in(imports.TERMINAL)
    )
    running = select(PromptRun.run_id).where(
        PromptRun.index_id == index_id, col(PromptRun.status).not_in(runs.TERMINAL)
    )
    delivering = select(Export.export_id).where(
        Export.index_id == index_id, col(Export.status).not_in(exports.TERMINAL)
    )
    return [
        *(f"import job {job_id}" for job_id in (await session.exec(jobs)).all()),
        *(f"prompt run {run_id}" for run_id in (await session.exec(running)).all()),
        *(f"export {export_id}" for export_id in (await session.exec(delivering)).all()),
    ]


async def stop_automations(tx: Transaction, index_id: str) -> list[Automation]:
    """Mark the index's automations deleted, cancel their scans, and return them: nothing starts any more."""
    statement = (
        select(Automation)
        .where(Automation.index_id == index_id, col(Automation.deleted_at).is_(None))
        .with_for_update()
    )
    rows = list((await tx.exec(statement)).all())
    for row in rows:
        row.deleted_at, row.next_action_at = tx.now, None
        tx.add(row)
        if row.kind == automations.IMPORT:
            epoch = automations.import_state(row).epoch
            await work.cancel(tx, work.SCAN, automations.scan_subject(row.automation_id, epoch))
        await announcements.automation(tx, row, "deleted", actor=None)
    await tx.flush()
    return rows


async def delete(tx: Transaction, index: MediaIndex) -> None:
    """Delete an index with what it holds. Its automations, stopped before, stay as rows that nobody sees.

    Nothing of it may be at work (see ``running_work``). Files in connectors stay, of imports and of exports.
    """
    await tx.delete(index)
    await tx.flush()
    for statement in _deletions(index.index_id):
        await tx.exec(statement.execution_options(synchronize_session=False))


def _deletions(index_id: str) -> list[Any]:
    """Return the statements that delete what an index holds, the innermost first."""
    jobs = select(ImportJob.job_id).where(ImportJob.index_id == index_id)
    of_index = select(PromptRun.run_id).where(PromptRun.index_id == index_id)
    delivered = select(Export.export_id).where(Export.index_id == index_id)
    watching = select(Automation.seq).where(Automation.index_id == index_id)
    done = ((work.IMPORT_JOB, jobs), (work.PROMPT_RUN, of_index), (work.EXPORT, delivered))
    return [
        *(delete_rows(Work).where(col(Work.kind) == kind, col(Work.subject).in_(ids)) for kind, ids in done),
        delete_rows(SegmentResult).where(col(SegmentResult.run_id).in_(of_index)),
        delete_rows(VideoResult).where(col(VideoResult.run_id).in_(of_index)),
        delete_rows(RunItem).where(col(RunItem.run_id).in_(of_index)),
        delete_rows(ExportChunk).where(col(ExportChunk.export_id).in_(delivered)),
        delete_rows(ImportFile).where(col(ImportFile.job_id).in_(jobs)),
        *(
            delete_rows(table).where(col(table.automation_seq).in_(watching))
            for table in (LedgerEntry, Scan, Batch, Delivery, Revision)
        ),
        *(delete_rows(table).where(col(table.index_id) == index_id) for table in (Export, PromptRun, ImportJob, Video)),
    ]
