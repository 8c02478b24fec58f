"""Automations: load, decide, save. The state and what the engine decided are written in one transaction.

``apply_import`` and ``apply_export`` are the only places that change an automation.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import and_, delete, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import NotFound
from automation_engine.rules import events
from automation_engine.rules.effects import CancelScan, ImportEffect, QueueRun, StartBatch, StartExport, StartScan
from automation_engine.rules.engine import ExportDecision, ImportDecision, decide
from automation_engine.rules.model import (
    Degraded,
    ExportState,
    ImportConfig,
    ImportState,
    Phase,
    Trigger,
    Watch,
)
from automation_engine.store import exports, imports, work
from automation_engine.store.database import Transaction
from automation_engine.store.tables import Automation, Batch, Delivery, ImportJob, Scan

IMPORT = "import"
EXPORT = "export"


def import_state(row: Automation) -> ImportState:
    """Return what the rule engine remembers of an import automation."""
    saved = dict(row.state)
    config = dict(saved.pop("config"))
    degraded = saved.pop("degraded")
    trigger = saved.pop("trigger")
    return ImportState(
        **{
            **saved,
            "phase": Phase(saved["phase"]),
            "config": ImportConfig(**{**config, "watch": Watch(**config["watch"])}),
            "degraded": None if degraded is None else Degraded(**degraded),
            "trigger": None if trigger is None else Trigger(trigger),
        }
    )


def export_state(row: Automation) -> ExportState:
    """Return what the rule engine remembers of an export automation."""
    return ExportState(**row.state)


def save_state(row: Automation, state: ImportState | ExportState) -> None:
    """Write a state into its row, with the instant at which time alone makes a difference next."""
    row.state = asdict(state)
    row.next_action_at = state.next_action_at if isinstance(state, ImportState) else None


def revise(row: Automation, now: float) -> None:
    """Say that somebody changed the configuration: what the engine remembers changes without it."""
    row.revision += 1
    row.updated_at = now


async def find(session: AsyncSession, owner: str, index_id: str, kind: str) -> Automation:
    """Return an owner's automation. Raises ``NotFound``."""
    statement = select(Automation).where(
        Automation.owner == owner,
        Automation.index_id == index_id,
        Automation.kind == kind,
        col(Automation.deleted_at).is_(None),
    )
    row = (await session.exec(statement)).one_or_none()
    if row is None:
        raise NotFound(f"index {index_id} has no {kind} automation: PUT one first")
    return row


async def lock(tx: Transaction, automation_id: str) -> Automation | None:
    """Return an automation that nobody else can change until this transaction ends; None when it was deleted."""
    statement = (
        select(Automation)
        .where(Automation.automation_id == automation_id, col(Automation.deleted_at).is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await tx.exec(statement)).one_or_none()


async def locked(tx: Transaction, owner: str, index_id: str, kind: str) -> Automation:
    """Return an owner's automation that nobody else can change until this transaction ends. Raises ``NotFound``."""
    row = await lock(tx, (await find(tx, owner, index_id, kind)).automation_id)
    if row is None:
        raise NotFound(f"index {index_id} has no {kind} automation: PUT one first")
    return row


async def kept(tx: Transaction, owner: str, index_id: str, kind: str) -> Automation | None:
    """Return and lock an owner's automation, also one that was deleted; None when there never was one."""
    statement = (
        select(Automation)
        .where(Automation.owner == owner, Automation.index_id == index_id, Automation.kind == kind)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await tx.exec(statement)).one_or_none()


async def revive(tx: Transaction, row: Automation, state: ImportState | ExportState) -> None:
    """Undo a deletion. The ledger, the scans and the batches that were known stay known; a new generation begins.

    ``state`` is what the automation shall remember: stopped, in the generation that begins.
    """
    save_state(row, state)
    row.deleted_at, row.created_at = None, tx.now
    row.last_fired_at = row.last_job_id = row.last_run_id = row.last_export_id = None
    await tx.flush()


async def listed(
    session: AsyncSession, owner: str, *, kind: str | None, after: tuple[str, str] | None
) -> AsyncGenerator[Automation, None]:
    """Stream an owner's automations by index, import before export, behind a position ``(index_id, kind)``."""
    statement = (
        select(Automation)
        .where(Automation.owner == owner, col(Automation.deleted_at).is_(None))
        .order_by(col(Automation.index_id), col(Automation.kind).desc())
        .execution_options(yield_per=200)
    )
    if kind is not None:
        statement = statement.where(Automation.kind == kind)
    if after is not None:
        index_id, last = after
        statement = statement.where(
            or_(
                col(Automation.index_id) > index_id,
                and_(col(Automation.index_id) == index_id, col(Automation.kind) < last),
            )
        )
    stream = await session.stream_scalars(statement)
    async for row in stream:
        yield row
    await stream.close()


async def last_scan(session: AsyncSession, row: Automation) -> Scan | None:
    """Return the automation's newest listing, under way or ended."""
    statement = select(Scan).where(Scan.automation_seq == row.seq).order_by(col(Scan.epoch).desc()).limit(1)
    return (await session.exec(statement)).one_or_none()


async def last_batch(session: AsyncSession, row: Automation) -> tuple[Batch, str | None] | None:
    """Return the automation's newest batch, and the prompt run that was submitted for it, if it was."""
    statement = (
        select(Batch, ImportJob.run_id)
        .join(ImportJob, col(ImportJob.job_id) == col(Batch.job_id), isouter=True)
        .where(Batch.automation_seq == row.seq)
        .order_by(col(Batch.fired_at).desc(), col(Batch.generation).desc(), col(Batch.sequence).desc())
        .limit(1)
    )
    found = (await session.exec(statement)).one_or_none()
    return None if found is None else (found[0], found[1])


async def sibling(session: AsyncSession, index_id: str, kind: str) -> Automation | None:
    """Return the index's automation of that kind, if there is one."""
    statement = select(Automation).where(
        Automation.index_id == index_id, Automation.kind == kind, col(Automation.deleted_at).is_(None)
    )
    return (await session.exec(statement)).one_or_none()


async def due(session: AsyncSession, now: float, *, limit: int = 1000) -> Sequence[str]:
    """Return the automations for which time makes a difference now."""
    at = col(Automation.next_action_at)
    statement = (
        select(Automation.automation_id)
        .where(col(Automation.deleted_at).is_(None), at <= now)
        .order_by(at)
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def all_of(session: AsyncSession, kind: str) -> Sequence[str]:
    """Return every automation of that kind that was not deleted."""
    statement = select(Automation.automation_id).where(Automation.kind == kind, col(Automation.deleted_at).is_(None))
    return (await session.exec(statement)).all()


async def with_queued_runs(session: AsyncSession) -> Sequence[str]:
    """Return the export automations for which runs wait to be delivered."""
    statement = (
        select(Automation.automation_id)
        .join(Delivery, col(Delivery.automation_seq) == col(Automation.seq))
        .where(col(Automation.deleted_at).is_(None), col(Delivery.export_id).is_(None))
        .distinct()
    )
    return (await session.exec(statement)).all()


async def apply_import(tx: Transaction, row: Automation, event: events.ImportEvent) -> ImportDecision:
    """Decide on an event and save what follows from it. ``row`` must be locked."""
    before = import_state(row)
    decision = decide(before, event, tx.now)
    if decision.state != before:
        save_state(row, decision.state)
        tx.add(row)
    for effect in decision.effects:
        await _save_import_effect(tx, row, decision.state, effect)
    await tx.flush()
    return decision


async def _save_import_effect(tx: Transaction, row: Automation, state: ImportState, effect: ImportEffect) -> None:
    match effect:
        case StartScan(epoch=epoch):
            tx.add(Scan(automation_seq=row_seq(row), epoch=epoch, generation=state.generation, outcome="running"))
            await work.enqueue(tx, work.SCAN, scan_subject(row.automation_id, epoch))
        case CancelScan(epoch=epoch):
            await work.cancel(tx, work.SCAN, scan_subject(row.automation_id, epoch))
            await tx.exec(
                update(Scan)
                .where(col(Scan.automation_seq) == row_seq(row), col(Scan.outcome) == "running")
                .values(outcome="cancelled", finished_at=tx.now)
            )
        case StartBatch():
            await imports.start_batch(tx, row, state, effect)


async def apply_export(tx: Transaction, row: Automation, event: events.ExportEvent) -> ExportDecision:
    """Decide on an event and save what follows from it. ``row`` must be locked."""
    before = export_state(row)
    decision = decide(before, event, tx.now)
    if decision.state != before:
        save_state(row, decision.state)
        tx.add(row)
        await tx.flush()
    for effect in decision.effects:
        match effect:
            case QueueRun(run_id=run_id):
                await exports.queue_run(tx, row, run_id, decision.state.generation)
            case StartExport(run_id=run_id, generation=generation):
                await exports.queue_run(tx, row, run_id, generation)
                await exports.start_queued(tx, row, decision.state)
            case _:
                await exports.start_queued(tx, row, decision.state)
    return decision


async def rescan(tx: Transaction, automation_id: str | None) -> None:
    """Bring an automation's next scan forward, if it watches: something that was claimed has to settle again."""
    row = None if automation_id is None else await lock(tx, automation_id)
    if row is not None and import_state(row).config.active:
        await apply_import(tx, row, events.RescanRequested())


async def forget_scans(tx: Transaction, automation_seq: int, *, before: int) -> None:
    """Delete the records of scans older than that epoch."""
    await tx.exec(delete(Scan).where(col(Scan.automation_seq) == automation_seq, col(Scan.epoch) < before))


async def note_run(tx: Transaction, automation_id: str | None, run_id: str) -> None:
    """Remember the newest run of an automation."""
    await tx.exec(update(Automation).where(col(Automation.automation_id) == automation_id).values(last_run_id=run_id))


async def run_finished(tx: Transaction, index_id: str | None, run_id: str) -> None:
    """Tell the index's export automation that a run ended with results."""
    row = None if index_id is None else await sibling(tx, index_id, EXPORT)
    locked = None if row is None else await lock(tx, row.automation_id)
    if locked is not None:
        await apply_export(tx, locked, events.RunFinished(run_id=run_id))


def scan_subject(automation_id: str, epoch: int) -> str:
    """Name a scan as the subject of a unit of work."""
    return f"{automation_id}:{epoch}"


def parse_scan_subject(subject: str) -> tuple[str, int]:
    """Return the automation and the epoch that ``scan_subject`` named."""
    automation_id, _, epoch = subject.rpartition(":")
    return automation_id, int(epoch)


def row_seq(row: Automation) -> int:
    """Return the number of a saved row."""
    if row.seq is None:
        raise ValueError(f"automation {row.automation_id} was never saved")
    return row.seq


def public_state(row: Automation) -> str:
    """Return the state as the API names it: one word of ``AutomationState`` in lower case."""
    config: dict[str, Any] = row.state if row.kind == EXPORT else row.state["config"]
    if not config["enabled"]:
        return "disabled"
    if config["paused"]:
        return "paused"
    if row.kind == EXPORT:
        return "idle"
    return "degraded" if row.state["degraded"] else str(row.state["phase"])
