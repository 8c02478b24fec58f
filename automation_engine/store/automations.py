"""Automations: load, decide, save. The state and what the engine decided are written in one transaction.

``apply_import`` and ``apply_export`` are the only places that change an automation.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Protocol

from sqlalchemy import Table, Update, and_, bindparam, delete, exists, insert, or_, update
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import NotFound
from automation_engine.rules import events
from automation_engine.rules.effects import CancelScan, ImportEffect, QueueRun, StartBatch, StartExport, StartScan
from automation_engine.rules.engine import ExportDecision, ImportDecision, decide
from automation_engine.rules.model import (
    BACKOFF_MAX,
    Degraded,
    ExistingFiles,
    ExportState,
    Fuse,
    ImportConfig,
    ImportState,
    Phase,
    Trigger,
    Watch,
)
from automation_engine.store import announcements, exports, imports, revisions, work
from automation_engine.store.database import Reader, Transaction
from automation_engine.store.outbox import rfc3339
from automation_engine.store.revisions import Change
from automation_engine.store.tables import (
    WAITING,
    Automation,
    Batch,
    Connector,
    Delivery,
    ImportJob,
    LedgerEntry,
    MediaIndex,
    Scan,
    Work,
)
from automation_engine.store.work import Lease

IMPORT = "import"
EXPORT = "export"

_TOLD = {
    revisions.PUT: "updated",
    revisions.RESTORE: "updated",
    revisions.PAUSE: "paused",
    revisions.RESUME: "resumed",
    revisions.DELETE: "deleted",
}


class Saved(Protocol):
    """Whatever holds a saved state."""

    @property
    def state(self) -> Mapping[str, Any]: ...  # noqa: D102 - see the class


def import_state(row: Saved) -> ImportState:
    """Return what the rule engine remembers of an import automation."""
    saved = dict(row.state)
    config = import_config(saved.pop("config"))
    degraded = saved.pop("degraded")
    trigger = saved.pop("trigger")
    return ImportState(
        **{
            **saved,
            "phase": Phase(saved["phase"]),
            "config": config,
            "degraded": None if degraded is None else Degraded(**degraded),
            "trigger": None if trigger is None else Trigger(trigger),
        }
    )


def import_config(saved: Mapping[str, Any]) -> ImportConfig:
    """Return a configuration as it was before it was kept as JSON: equal to what was saved."""
    watch, fuse = saved["watch"], saved.get("spend_fuse")
    return ImportConfig(
        **{
            **saved,
            "watch": Watch(**{**watch, "exclude_patterns": tuple(watch.get("exclude_patterns", ()))}),
            "existing_files": ExistingFiles(saved.get("existing_files", ExistingFiles.IMPORT)),
            "spend_fuse": None if fuse is None else Fuse(**fuse),
        }
    )


def export_state(row: Automation) -> ExportState:
    """Return what the rule engine remembers of an export automation."""
    return ExportState(**row.state)


def plain(value: Any) -> Any:
    """Return a value of the rule engine as JSON knows it: what ``asdict`` returns, without its deep copies."""
    kind: Any = type(value)
    names = _names(kind)
    if names is not None:
        return {name: plain(getattr(value, name)) for name in names}
    return [plain(one) for one in value] if isinstance(value, tuple) else value


@cache
def _names(kind: Any) -> tuple[str, ...] | None:
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else None


def save_state(row: Automation, state: ImportState | ExportState) -> None:
    """Write a state into its row, with the instant at which time alone makes a difference next."""
    row.state = plain(state)
    row.next_action_at = state.next_action_at if isinstance(state, ImportState) else None


async def revise(tx: Transaction, row: Automation, change: Change, *, created: bool = False) -> None:
    """Say that somebody changed the configuration, and keep it as it is now: the next revision, with its own etag.

    A new row begins with revision 0. What the engine remembers by itself changes without it. ``created``: there was no
    automation before, or none any more.
    """
    row.revision += 1
    row.updated_at = tx.now
    config: dict[str, Any] = row.state if row.kind == EXPORT else row.state["config"]
    await revisions.record(tx, row, change, enabled=config["enabled"], paused=config["paused"])
    await announcements.automation(tx, row, "created" if created else _TOLD[change.action], actor=change.actor)


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
        raise await _missing(session, owner, index_id, kind)
    return row


async def _missing(session: AsyncSession, owner: str, index_id: str, kind: str) -> NotFound:
    """Say what is not there: the automation, or even its index."""
    index = select(MediaIndex).where(MediaIndex.index_id == index_id, MediaIndex.owner == owner)
    if (await session.exec(index)).one_or_none() is None:
        return NotFound(f"there is no index {index_id}")
    return NotFound(f"index {index_id} has no {kind} automation: PUT one first")


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
        raise await _missing(tx, owner, index_id, kind)
    return row


async def known(session: AsyncSession, owner: str, index_id: str, kind: str) -> Automation:
    """Return an owner's automation, also one that was deleted. Raises ``NotFound``."""
    statement = select(Automation).where(
        Automation.owner == owner, Automation.index_id == index_id, Automation.kind == kind
    )
    row = (await session.exec(statement)).one_or_none()
    if row is None:
        raise await _missing(session, owner, index_id, kind)
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


async def due(reader: Reader, now: float, *, limit: int = 1000) -> Sequence[str]:
    """Return the automations for which time makes a difference now."""
    rows = await reader.fetch(_DUE, {"b_now": now, "b_too_late": now + BACKOFF_MAX, "b_limit": limit})
    return [row.automation_id for row in rows]


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
    await _tell_storage(tx, row, event, before, decision.state)
    return decision


async def _tell_storage(
    tx: Transaction, row: Automation | int, event: events.ImportEvent, before: ImportState, after: ImportState
) -> None:
    """Tell that an automation can't list its storage any more, or can again."""
    failing, failed = before.degraded, after.degraded
    lost = isinstance(event, events.ScanFailed) and failing is None and failed is not None
    found = isinstance(event, events.ScanCompleted) and failing is not None and failed is None
    degraded = failed if lost else failing
    if (lost or found) and degraded is not None:
        saved = await tx.get_one(Automation, row) if isinstance(row, int) else row
        since = rfc3339(degraded.since)
        await announcements.automation(
            tx, saved, "degraded" if lost else "recovered", cause=degraded.cause, degraded_since=since
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An import automation that nobody else can change until the transaction ends."""

    automation_id: str
    seq: int
    state: ImportState


async def hold(tx: Transaction, automation_id: str) -> Held | None:
    """Lock an import automation and return what the engine remembers of it; None when it was deleted.

    As ``lock``, without a mapped row: every tick and every scan goes through here.
    """
    for row in await tx.fetch(_HOLD, {"b_automation_id": automation_id}):
        return Held(automation_id=automation_id, seq=row.seq, state=import_state(row))
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a scan begins with, as of one instant."""

    seq: int
    state: ImportState
    ledger_version: int
    leased: bool
    """Whether the scan's lease holds."""
    waits: bool
    """Whether any identity waits that an earlier scan met, or an earlier attempt at this one."""
    connector_updated_at: float | None
    """The version of the watched connector; None when it was deleted."""
    connector_status: str | None


async def opening(reader: Reader, automation_id: str, lease: Lease) -> Opening | None:
    """Look at everything that the scan of a lease needs to know, in one statement; None when there is no automation."""
    asked = {"b_automation_id": automation_id, "b_work_id": lease.work_id}
    for row in await reader.fetch(_OPENING, asked):
        return Opening(
            seq=row.seq,
            state=import_state(row),
            ledger_version=row.ledger_version,
            leased=row.attempt == lease.attempt,
            waits=row.waits,
            connector_updated_at=row.connector_updated_at,
            connector_status=row.connector_status,
        )
    return None


async def advance(tx: Transaction, held: Held, event: events.ImportEvent) -> ImportDecision:
    """Decide on an event and save what follows from it, as ``apply_import``, which does it where a batch starts."""
    decision = decide(held.state, event, tx.now)
    scans = [effect for effect in decision.effects if isinstance(effect, StartScan)]
    if len(scans) < len(decision.effects):
        row = await lock(tx, held.automation_id)
        return decision if row is None else await apply_import(tx, row, event)
    if decision.state != held.state:
        saved = {"b_state": plain(decision.state), "b_next_action_at": decision.state.next_action_at}
        await tx.change(_SAVE, {"b_seq": held.seq, **saved})
    for scan in scans:
        await _start_scan(tx, held.seq, held.automation_id, scan.epoch, decision.state.generation)
    await _tell_storage(tx, held.seq, event, held.state, decision.state)
    return decision


async def _start_scan(tx: Transaction, seq: int, automation_id: str, epoch: int, generation: int) -> None:
    await tx.change(_START_SCAN, {"automation_seq": seq, "epoch": epoch, "generation": generation})
    await work.enqueue(tx, work.SCAN, scan_subject(automation_id, epoch))


async def _save_import_effect(tx: Transaction, row: Automation, state: ImportState, effect: ImportEffect) -> None:
    match effect:
        case StartScan(epoch=epoch):
            await _start_scan(tx, row_seq(row), row.automation_id, epoch, state.generation)
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


async def note_scan(tx: Transaction, automation_seq: int, epoch: int, **values: Any) -> None:
    """Write what became of a scan."""
    changes = {f"b_{name}": value for name, value in values.items()}
    await tx.change(_noting(*values), {"b_seq": automation_seq, "b_scan": epoch, **changes})


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


# The statements of every tick and every scan, each built once.

_TABLE: Table = Automation.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_SCANS: Table = Scan.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_LEDGER: Table = LedgerEntry.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_CONNECTORS: Table = Connector.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_WORK: Table = Work.__table__  # type: ignore[attr-defined]  # SQLModel adds it

_DUE = (
    select_columns(_TABLE.c.automation_id)
    .where(
        _TABLE.c.deleted_at.is_(None),
        # What lies too far ahead was written before the clock was set back, maybe by another process.
        or_(_TABLE.c.next_action_at <= bindparam("b_now"), _TABLE.c.next_action_at > bindparam("b_too_late")),
    )
    .order_by(_TABLE.c.next_action_at)
    .limit(bindparam("b_limit"))
)
_HOLD = (
    select_columns(_TABLE.c.seq, _TABLE.c.state)
    .where(_TABLE.c.automation_id == bindparam("b_automation_id"), _TABLE.c.deleted_at.is_(None))
    .with_for_update()
)
_OPENING = (
    select_columns(
        _TABLE.c.seq,
        _TABLE.c.state,
        _TABLE.c.ledger_version,
        _CONNECTORS.c.updated_at.label("connector_updated_at"),
        _CONNECTORS.c.status.label("connector_status"),
        select_columns(_WORK.c.attempt)
        .where(_WORK.c.work_id == bindparam("b_work_id"), _WORK.c.state == "leased")
        .scalar_subquery()
        .label("attempt"),
        exists().where(_LEDGER.c.automation_seq == _TABLE.c.seq, WAITING).label("waits"),
    )
    .join_from(
        _TABLE,
        _CONNECTORS,
        _CONNECTORS.c.connector_id == _TABLE.c.state["config", "watch", "connector_id"].as_string(),
        isouter=True,
    )
    .where(_TABLE.c.automation_id == bindparam("b_automation_id"), _TABLE.c.deleted_at.is_(None))
)
_SAVE = (
    update(_TABLE)
    .where(_TABLE.c.seq == bindparam("b_seq"))
    .values(state=bindparam("b_state"), next_action_at=bindparam("b_next_action_at"))
)
_START_SCAN = insert(_SCANS).values(
    {name: bindparam(name) for name in ("automation_seq", "epoch", "generation")}
    | {"outcome": "running", "listed": 0, "matched": 0, "not_matched": 0, "excluded": 0, "new": 0}
)


@cache
def _noting(*names: str) -> Update:
    return (
        update(_SCANS)
        .where(_SCANS.c.automation_seq == bindparam("b_seq"), _SCANS.c.epoch == bindparam("b_scan"))
        .values({name: bindparam(f"b_{name}") for name in names})
    )
