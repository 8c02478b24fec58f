"""Import jobs and their files: started from a batch or by hand, resolved file by file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, func, insert, literal, or_, update
from sqlalchemy import cast as sql_cast
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from automation_engine.errors import IllegalTransition, NotFound
from automation_engine.rules.debounce import Skip
from automation_engine.rules.effects import StartBatch
from automation_engine.rules.fuse import blown
from automation_engine.rules.lifecycle import stopped
from automation_engine.rules.model import BACKOFF_MAX, ImportState, LedgerState
from automation_engine.store import announcements, certificates, ledger, work
from automation_engine.store.database import Transaction
from automation_engine.store.tables import (
    HELD,
    NOT_IMPORTED,
    Automation,
    Batch,
    Connector,
    ImportFile,
    ImportJob,
    LedgerEntry,
    PromptRun,
    RunItem,
    Video,
)

TERMINAL = ("completed", "failed", "cancelled")
CHUNK = 500
"""Values in one statement: below every database's limit of parameters."""


async def start_batch(tx: Transaction, row: Automation, state: ImportState, effect: StartBatch) -> Batch | None:
    """Claim the first ready objects in key order as a batch, and start its one import job, unless its fuse holds it.

    The claim, the batch, the job, its files and its unit of work are one transaction; the batch's deterministic key is
    its primary key. Returns None when nothing was left to claim.
    """
    count, size = await _claim(tx, row, effect)
    if not count:
        return None
    held = blown(state.config.spend_fuse, count, size)
    batch = Batch(
        batch_id=effect.key,
        automation_seq=row.seq or 0,
        generation=state.generation,
        sequence=effect.sequence,
        trigger=effect.trigger.value,
        fired_at=tx.now,
        object_count=count,
        bytes=size,
        status="held",
        held_reason=held,
    )
    batch.certificate = await certificates.issue(tx, batch)
    tx.add(batch)
    row.last_fired_at = tx.now
    plan = await _plan(tx, row, state)
    if held is None:
        await _start(tx, row, batch, plan)
    else:
        batch.plan = plan
        await announcements.batch(tx, row, batch, "batch_held")
    return batch


async def approve(tx: Transaction, row: Automation, batch: Batch, by: str) -> ImportJob:
    """Start the import job of a batch that its fuse held, as it would have started when the batch fired.

    ``row`` must be locked. Approving again returns the same job. Raises ``IllegalTransition`` for a batch that was
    rejected, and while the automation is stopped: once a pause has answered, no new job starts.
    """
    await tx.refresh(batch, with_for_update=True)
    if batch.status == "rejected":
        raise IllegalTransition(f"batch {batch.batch_id} was rejected: it can't be approved any more")
    if batch.job_id is not None:
        return await tx.get_one(ImportJob, batch.job_id)
    refuse_stopped(row)
    batch.decided_by, batch.decided_at = by, tx.now
    return await _start(tx, row, batch, batch.plan or {})


async def reject(tx: Transaction, row: Automation, batch: Batch, by: str) -> None:
    """Leave out for good what a held batch claimed. ``row`` must be locked. Rejecting again changes nothing.

    Raises ``IllegalTransition`` for a batch whose job was started.
    """
    await tx.refresh(batch, with_for_update=True)
    if batch.status == "rejected":
        return
    if batch.status != "held":
        raise IllegalTransition(f"batch {batch.batch_id} was started: cancel its import job instead")
    await tx.exec(
        update(LedgerEntry)
        .where(
            col(LedgerEntry.automation_seq) == row.seq,
            col(LedgerEntry.batch_id) == batch.batch_id,
            col(LedgerEntry.state) == LedgerState.CLAIMED.value,
        )
        .values(state=LedgerState.SKIPPED.value, reason=Skip.REJECTED.value)
        .execution_options(synchronize_session=False)
    )
    batch.status, batch.decided_by, batch.decided_at = "rejected", by, tx.now
    tx.add(batch)


async def reject_held(tx: Transaction, row: Automation, by: str) -> None:
    """Reject every batch that waits for approval: once their files are forgotten, there is nothing to approve."""
    held = select(Batch).where(Batch.automation_seq == row.seq, HELD)
    for batch in (await tx.exec(held)).all():
        await reject(tx, row, batch, by)


async def held_batches(session: AsyncSession, automation_seq: int) -> int:
    """Count the batches of an automation that wait to be approved."""
    statement = select(func.count()).select_from(Batch).where(Batch.automation_seq == automation_seq, HELD)
    return (await session.exec(statement)).one()


def refuse_stopped(row: Automation) -> None:
    """Raise ``IllegalTransition`` where no job may start: the automation was deleted, is disabled or paused."""
    config = row.state["config"]
    if row.deleted_at is not None:
        raise IllegalTransition("the automation was deleted: no job starts")
    if config["paused"] or not config["enabled"]:
        raise stopped(enabled=config["enabled"])


async def _claim(tx: Transaction, row: Automation, effect: StartBatch) -> tuple[int, int]:
    """Claim a batch's members; return how many there are, and their bytes."""
    chosen = (
        select(LedgerEntry.seq)
        .where(LedgerEntry.automation_seq == row.seq, LedgerEntry.state == LedgerState.READY.value, NOT_IMPORTED)
        .order_by(col(LedgerEntry.key))
        .limit(effect.limit)
    )
    await tx.exec(
        update(LedgerEntry)
        .where(col(LedgerEntry.seq).in_(chosen))
        .values(state=LedgerState.CLAIMED.value, batch_id=effect.key)
        .execution_options(synchronize_session=False)
    )
    members = select(func.count(), func.coalesce(func.sum(LedgerEntry.size), 0)).where(
        LedgerEntry.batch_id == effect.key
    )
    count, size = (await tx.exec(members)).one()
    return count, int(size)


async def _plan(tx: Transaction, row: Automation, state: ImportState) -> dict[str, Any]:
    """Return what a batch's job is made of, as the configuration is now."""
    watch = state.config.watch
    connector = await tx.get(Connector, watch.connector_id)
    return {
        "connector_id": watch.connector_id,
        "source_prefix": watch.source_prefix,
        "file_pattern": watch.file_pattern,
        "recursive": watch.recursive,
        "import_mode": connector.import_mode if connector else "all",
        "preset": row.preset,
    }


async def _start(tx: Transaction, row: Automation, batch: Batch, plan: dict[str, Any]) -> ImportJob:
    """Create a batch's job with its files and its unit of work."""
    job = ImportJob(
        job_id=tx.new_id("job"),
        owner=row.owner,
        index_id=row.index_id,
        automation_id=row.automation_id,
        batch_id=batch.batch_id,
        status="pending",
        total_files=batch.object_count,
        execution_status="pending",
        created_at=tx.now,
        **plan,
    )
    batch.status, batch.job_id, row.last_job_id = "started", job.job_id, job.job_id
    tx.add_all((job, batch, row))
    await tx.flush()
    await _copy_members(tx, job.job_id, batch.batch_id)
    await work.enqueue(tx, work.IMPORT_JOB, job.job_id)
    await announcements.batch(tx, row, batch, "triggered")
    return job


async def _copy_members(tx: Transaction, job_id: str, batch_id: str) -> None:
    """Make the batch's members the job's files, in key order, without moving them through this process."""
    ordinal = func.row_number().over(order_by=col(LedgerEntry.key)) - 1
    members = select_columns(
        literal(job_id.replace("job_", "file_", 1) + "_") + sql_cast(ordinal, String),
        literal(job_id),
        ordinal,
        col(LedgerEntry.seq),
        col(LedgerEntry.key),
        col(LedgerEntry.version),
        col(LedgerEntry.size),
        col(LedgerEntry.last_modified),
        literal("pending"),
        literal(0),
        literal(0.0),
    ).where(col(LedgerEntry.batch_id) == batch_id)
    names = (
        "file_id",
        "job_id",
        "ordinal",
        "ledger_seq",
        "key",
        "version",
        "size",
        "last_modified",
        "status",
        "attempts",
        "next_attempt_at",
    )
    await tx.exec(insert(ImportFile).from_select(list(names), members))


async def add_files(tx: Transaction, job_id: str, files: Sequence[dict[str, Any]]) -> None:
    """Add the files that a job started by hand found: dicts of the columns that are theirs alone."""
    rows = [
        {
            "status": "pending",
            **file,
            "job_id": job_id,
            "file_id": f"{job_id.replace('job_', 'file_', 1)}_{file['ordinal']}",
            "attempts": 0,
            "next_attempt_at": 0.0,
        }
        for file in files
    ]
    if rows:
        await tx.exec(insert(ImportFile), params=rows)


async def known_keys(session: AsyncSession, job: ImportJob, keys: Sequence[str]) -> set[str]:
    """Return which keys of the job's connector the index holds already."""
    known: set[str] = set()
    for at in range(0, len(keys), CHUNK):
        statement = select(Video.source_key).where(
            Video.index_id == job.index_id,
            Video.connector_id == job.connector_id,
            col(Video.source_key).in_(keys[at : at + CHUNK]),
        )
        known.update((await session.exec(statement)).all())
    return known


async def next_files(session: AsyncSession, job_id: str, now: float, *, limit: int) -> Sequence[ImportFile]:
    """Return files that may be tried now, in order. An attempt too far ahead was set before the clock was set back."""
    at = col(ImportFile.next_attempt_at)
    statement = (
        select(ImportFile)
        .where(ImportFile.job_id == job_id, ImportFile.status == "pending", or_(at <= now, at > now + BACKOFF_MAX))
        .order_by(col(ImportFile.ordinal))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def next_attempt_at(session: AsyncSession, job_id: str) -> float | None:
    """Return when the next file of the job may be tried; None when no file is left."""
    statement = select(func.min(ImportFile.next_attempt_at)).where(
        ImportFile.job_id == job_id, ImportFile.status == "pending"
    )
    return (await session.exec(statement)).one()


async def file_imported(tx: Transaction, file: ImportFile, video: Video) -> None:
    """Record a success: the video, the file, the ledger and the job's progress, all or nothing."""
    tx.add(video)
    await _resolve(tx, file, "imported", video_id=video.video_id)
    await _resolve_ledger(tx, file, LedgerState.IMPORTED, None)
    await _count(tx, file, imported=1, size=file.size)
    await announcements.file_resolved(tx, file.job_id, video)


async def file_failed(tx: Transaction, file: ImportFile, code: str, reason: str) -> None:
    """Record a final failure with its reason."""
    await _resolve(tx, file, "failed", reason_code=code, reason=reason)
    await _resolve_ledger(tx, file, LedgerState.FAILED, reason)
    await _count(tx, file, failed=1)
    await announcements.file_resolved(tx, file.job_id, None)


async def file_skipped(tx: Transaction, file: ImportFile, code: str, reason: str, state: LedgerState) -> None:
    """Record that a file was left out: not there any more, or there in another version, which settles by itself."""
    await _resolve(tx, file, "skipped", reason_code=code, reason=reason)
    await _resolve_ledger(tx, file, state, code)
    await _count(tx, file, skipped=1)
    await announcements.file_resolved(tx, file.job_id, None)
    if state is LedgerState.GONE:  # it may come back, so it is no longer known
        watching = select(LedgerEntry.automation_seq).where(LedgerEntry.seq == file.ledger_seq)
        await tx.exec(
            update(Automation)
            .where(col(Automation.seq).in_(watching))
            .values(ledger_version=Automation.ledger_version + 1)
            .execution_options(synchronize_session=False)
        )


async def file_postponed(tx: Transaction, file: ImportFile, reason: str, *, until: float) -> None:
    """Record a failure that may pass: the file alone waits for its next attempt."""
    await tx.exec(
        update(ImportFile)
        .where(col(ImportFile.file_id) == file.file_id)
        .values(attempts=file.attempts + 1, next_attempt_at=until, reason_code="retrying", reason=reason)
    )


async def file_waits(tx: Transaction, file: ImportFile, reason: str) -> None:
    """Record what keeps a file from being read, which is no failure of its own: the attempt does not count."""
    before = {"attempts": file.attempts, "next_attempt_at": file.next_attempt_at}
    await tx.exec(
        update(ImportFile)
        .where(col(ImportFile.file_id) == file.file_id)
        .values(reason_code="retrying", reason=reason, **before)
    )


async def _resolve(tx: Transaction, file: ImportFile, status: str, **values: Any) -> None:
    await tx.exec(
        update(ImportFile)
        .where(col(ImportFile.file_id) == file.file_id)
        .values(status=status, attempts=file.attempts + 1, **{"reason_code": None, "reason": None, **values})
    )


async def _resolve_ledger(tx: Transaction, file: ImportFile, state: LedgerState, reason: str | None) -> None:
    if file.ledger_seq is not None:
        await ledger.resolve(tx, file.ledger_seq, state, reason)


async def _count(
    tx: Transaction, file: ImportFile, *, imported: int = 0, failed: int = 0, skipped: int = 0, size: int = 0
) -> None:
    await tx.exec(
        update(ImportJob)
        .where(col(ImportJob.job_id) == file.job_id)
        .values(
            imported=ImportJob.imported + imported,
            failed=ImportJob.failed + failed,
            skipped=ImportJob.skipped + skipped,
            bytes_transferred=col(ImportJob.bytes_transferred) + size,
            current_file=file.key,
        )
    )


async def fail_pending(tx: Transaction, job: ImportJob, reason: str) -> None:
    """Fail whatever a job has not resolved, for a reason that is the job's own."""
    job.failed += await _resolve_pending(tx, job, "failed", LedgerState.FAILED, reason_code="job_failed", reason=reason)


async def retry(tx: Transaction, job: ImportJob, *, only: Sequence[str] | None = None) -> int:
    """Give the failed and cancelled files of a job another round of attempts; ``only`` those of these keys.

    Their identities are claimed again. Returns how many there are. A file is not the job's any more once its identity
    was released, ignored or forgotten: another batch may have imported it since.
    """
    reopened = 0
    for keys in [None] if only is None else [only[at : at + CHUNK] for at in range(0, len(only), CHUNK)]:
        chosen = and_(*_retryable(job), *([] if keys is None else [col(ImportFile.key).in_(keys)]))
        reopened += await _reopen(tx, job, chosen)
    if reopened and job.automation_id is not None:
        await tx.exec(
            update(Automation)
            .where(col(Automation.automation_id) == job.automation_id)
            .values(ledger_version=Automation.ledger_version + 1)
            .execution_options(synchronize_session=False)
        )
    return reopened


def _retryable(job: ImportJob) -> list[ColumnElement[bool]]:
    mine = (
        select(LedgerEntry.seq)
        .where(
            col(LedgerEntry.seq) == col(ImportFile.ledger_seq),
            col(LedgerEntry.batch_id) == job.batch_id,
            col(LedgerEntry.state).in_([LedgerState.FAILED.value, LedgerState.SKIPPED.value]),
            func.coalesce(LedgerEntry.reason, "") != Skip.IGNORED.value,
        )
        .exists()
    )
    return [
        col(ImportFile.job_id) == job.job_id,
        or_(col(ImportFile.status) == "failed", col(ImportFile.reason_code) == "cancelled"),
        or_(col(ImportFile.ledger_seq).is_(None), mine),
    ]


async def _reopen(tx: Transaction, job: ImportJob, chosen: ColumnElement[bool]) -> int:
    failed = case((col(ImportFile.status) == "failed", 1), else_=0)
    counted = select(func.count(), func.coalesce(func.sum(failed), 0)).select_from(ImportFile).where(chosen)
    total, failures = (await tx.exec(counted)).one()
    await tx.exec(
        update(ImportFile)
        .where(chosen)
        .values(status="pending", attempts=0, next_attempt_at=0.0, reason_code=None, reason=None)
        .execution_options(synchronize_session=False)
    )
    reopened = select(ImportFile.ledger_seq).where(ImportFile.job_id == job.job_id, ImportFile.status == "pending")
    await tx.exec(
        update(LedgerEntry)
        .where(
            col(LedgerEntry.seq).in_(reopened),
            col(LedgerEntry.state).in_([LedgerState.FAILED.value, LedgerState.SKIPPED.value]),
        )
        .values(state=LedgerState.CLAIMED.value, reason=None)
        .execution_options(synchronize_session=False)
    )
    job.failed -= failures
    job.skipped -= total - failures
    return total


async def restart(tx: Transaction, job: ImportJob, *, status: str) -> None:
    """Make a job that had ended go on, in that status."""
    job.status = status
    job.completed_at = job.error_message = None
    if job.execution_status == "blocked":
        job.execution_status, job.execution_error_code, job.execution_error = "pending", None, None
    tx.add(job)
    await work.enqueue(tx, work.IMPORT_JOB, job.job_id)
    if status == "importing":  # a job that looks for its files again tells it when it begins to
        await announcements.import_job(tx, job, "started")


async def find(session: AsyncSession, owner: str, job_id: str) -> ImportJob:
    """Return an owner's job. Raises ``NotFound``."""
    job = (await session.exec(_owned(owner, job_id))).one_or_none()
    if job is None:
        raise NotFound(f"there is no import job {job_id}")
    return job


async def locked(tx: Transaction, owner: str, job_id: str) -> ImportJob:
    """Return an owner's job that nobody else can change until this transaction ends. Raises ``NotFound``."""
    statement = _owned(owner, job_id).with_for_update().execution_options(populate_existing=True)
    job = (await tx.exec(statement)).one_or_none()
    if job is None:
        raise NotFound(f"there is no import job {job_id}")
    return job


def _owned(owner: str, job_id: str) -> SelectOfScalar[ImportJob]:
    return select(ImportJob).where(ImportJob.owner == owner, ImportJob.job_id == job_id)


async def listed(
    session: AsyncSession, owner: str, *, status: str | None, index_id: str | None, automation_only: bool, limit: int
) -> Sequence[ImportJob]:
    """Return an owner's jobs, the newest first."""
    newest = (col(ImportJob.created_at).desc(), col(ImportJob.job_id).desc())
    statement = select(ImportJob).where(ImportJob.owner == owner).order_by(*newest).limit(limit)
    if status is not None:
        statement = statement.where(ImportJob.status == status)
    if index_id is not None:
        statement = statement.where(ImportJob.index_id == index_id)
    if automation_only:
        statement = statement.where(col(ImportJob.automation_id).is_not(None))
    return (await session.exec(statement)).all()


async def outputs(session: AsyncSession, job_id: str, *, after: int, limit: int) -> Sequence[tuple[ImportFile, Video]]:
    """Return what a job imported and nobody deleted, behind an ordinal, in source order."""
    statement = (
        select(ImportFile, Video)
        .join(Video, col(Video.video_id) == col(ImportFile.video_id))
        .where(ImportFile.job_id == job_id, ImportFile.ordinal > after)
        .order_by(col(ImportFile.ordinal))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def count_outputs(session: AsyncSession, job_id: str) -> int:
    """Count what a job imported and nobody deleted."""
    return (await session.exec(select(func.count()).select_from(Video).where(Video.job_id == job_id))).one()


async def files(
    session: AsyncSession, job_id: str, *, status: str | None = None, after: int, limit: int
) -> Sequence[ImportFile]:
    """Return a job's files, all or those of one status, behind an ordinal, in source order."""
    statement = (
        select(ImportFile)
        .where(ImportFile.job_id == job_id, ImportFile.ordinal > after)
        .order_by(col(ImportFile.ordinal))
        .limit(limit)
    )
    if status is not None:
        statement = statement.where(ImportFile.status == status)
    return (await session.exec(statement)).all()


async def retryable(session: AsyncSession, job: ImportJob) -> dict[str, str]:
    """Return the key of each file of a job that ``retry`` would try again, by its id."""
    statement = select(ImportFile.file_id, ImportFile.key).where(*_retryable(job))
    return dict((await session.exec(statement)).all())


async def unanalysed(session: AsyncSession, job_id: str) -> Sequence[Video]:
    """Return what a job imported and no run of its own was given yet, in the order of its files."""
    given = (
        select(RunItem.video_id)
        .join(PromptRun, col(PromptRun.run_id) == col(RunItem.run_id))
        .where(col(PromptRun.run_key).startswith(run_key(job_id, ""), autoescape=True))
    )
    statement = (
        select(Video)
        .join(ImportFile, col(ImportFile.video_id) == col(Video.video_id))
        .where(ImportFile.job_id == job_id, col(Video.video_id).not_in(given))
        .order_by(col(ImportFile.ordinal))
    )
    return (await session.exec(statement)).all()


def run_key(job_id: str, imported: int | str) -> str:
    """Return the key of the run over what a job imported, once it had imported that many: a retry imports more."""
    return f"job:{job_id}:{imported}"


async def abandon(tx: Transaction, job: ImportJob) -> None:
    """Resolve what a cancelled job leaves behind: its pending files are skipped, their identities with them."""
    job.skipped += await _resolve_pending(
        tx, job, "skipped", LedgerState.SKIPPED, reason_code="cancelled", reason="the job was cancelled"
    )


async def _resolve_pending(
    tx: Transaction, job: ImportJob, status: str, ledger: LedgerState, *, reason_code: str, reason: str
) -> int:
    pending = col(ImportFile.status) == "pending"
    left = select(ImportFile.ledger_seq).where(ImportFile.job_id == job.job_id, pending)
    await tx.exec(
        update(LedgerEntry)
        .where(col(LedgerEntry.seq).in_(left), col(LedgerEntry.state) == LedgerState.CLAIMED.value)
        .values(state=ledger.value, reason=reason)
        .execution_options(synchronize_session=False)
    )
    return await work.changed(
        tx,
        update(ImportFile)
        .where(col(ImportFile.job_id) == job.job_id, pending)
        .values(status=status, reason_code=reason_code, reason=reason)
        .execution_options(synchronize_session=False),
    )


def outcome(job: ImportJob) -> str:
    """Return the status of a job that has nothing left to do."""
    return "failed" if job.failed and not job.imported else "completed"
