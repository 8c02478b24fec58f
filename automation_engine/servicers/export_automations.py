"""Export automations: from a message to the saved row, and back."""

from __future__ import annotations

from dataclasses import asdict, replace

from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.connectors.pool import Stores
from automation_engine.rules.events import ExportConfigured
from automation_engine.rules.model import ExportState
from automation_engine.servicers.automation_checks import (
    change,
    check_etag,
    connector_for,
    etag,
    kept_or_missing,
    lock_index,
    refuse_loop,
)
from automation_engine.servicers.caller import Caller
from automation_engine.servicers.times import timestamp
from automation_engine.servicers.words import number
from automation_engine.store import automations, exports, revisions
from automation_engine.store.database import Transaction
from automation_engine.store.tables import Automation, Connector, Export, Revision
from automation_engine.v1 import automation_pb2 as pb
from automation_engine.v1.automation_service_pb2 import PutExportAutomationRequest
from automation_engine.v1.revision_service_pb2 import RestoreExportRevisionRequest

PENDING_RUNS = 20
"""Most pending runs that a status names."""


async def put(
    tx: Transaction,
    stores: Stores,
    by: Caller,
    request: PutExportAutomationRequest,
    *,
    restored: Revision | None = None,
) -> Automation:
    """Check a configuration and save it. One that is saved already changes nothing.

    ``restored`` is the revision that the configuration comes from.
    Raises ``NotFound`` for the index, ``InvalidArgument`` for a field, ``StaleWrite`` for another etag.
    """
    owner = by.owner
    await lock_index(tx, owner, request.index_id)
    kept = await automations.kept(tx, owner, request.index_id, automations.EXPORT)
    saved = None if kept is None or kept.deleted_at is not None else kept
    check_etag(saved, request.etag)
    given = request.export_automation
    subpath = given.destination_subpath if given.HasField("destination_subpath") else None
    config = {"destination_connector_id": given.destination_connector_id, "destination_subpath": subpath}
    await _check_place(tx, stores, owner, request.index_id, given)
    event = _configured(given, None if saved is None else automations.export_state(saved))
    if saved is not None and saved.config == config and event == present(automations.export_state(saved)):
        return saved
    if kept is None:
        kept = await _create(tx, owner, request.index_id, config, event)
    else:
        if saved is None:
            await _revive(tx, kept, event)
        kept.config = config
        await automations.apply_export(tx, kept, event)
    await automations.revise(tx, kept, change(by, restored), created=saved is None)
    return kept


async def restore(tx: Transaction, stores: Stores, by: Caller, request: RestoreExportRevisionRequest) -> Automation:
    """Save what an earlier revision holds again, checked as a PUT is; also of an automation that was deleted.

    Raises what ``put`` raises, and ``NotFound`` for the revision.
    """
    await lock_index(tx, by.owner, request.index_id)
    row = await kept_or_missing(tx, by.owner, request.index_id, automations.EXPORT)
    revision = await revisions.find(tx, row, request.revision)
    again = PutExportAutomationRequest(
        index_id=request.index_id, export_automation=configuration(revision), etag=request.etag
    )
    return await put(tx, stores, by, again, restored=revision)


def configuration(revision: Revision) -> pb.ExportAutomation:
    """Return the configuration that a revision holds, without anything about its state."""
    return pb.ExportAutomation(**revision.config, enabled=revision.enabled, paused=revision.paused)


async def _check_place(tx: Transaction, stores: Stores, owner: str, index_id: str, given: pb.ExportAutomation) -> None:
    destination = await connector_for(
        tx, owner, given.destination_connector_id, scope="export", field="destination_connector_id"
    )
    importing = await automations.sibling(tx, index_id, automations.IMPORT)
    if importing is None:
        return
    watch = automations.import_state(importing).config.watch
    source = await tx.get(Connector, watch.connector_id)
    if source is not None:
        refuse_loop(
            stores,
            source,
            watch.source_prefix,
            destination,
            given.destination_subpath,
            field="destination_subpath",
        )


def _configured(given: pb.ExportAutomation, before: ExportState | None) -> ExportConfigured:
    """Return what decisions depend on. What is unset keeps its present value."""
    return ExportConfigured(
        destination_connector_id=given.destination_connector_id,
        destination_subpath=given.destination_subpath.strip("/"),
        enabled=given.enabled if given.HasField("enabled") else before is None or before.enabled,
        paused=given.paused if given.HasField("paused") else before is not None and before.paused,
    )


def present(state: ExportState) -> ExportConfigured:
    """Return the event that leaves a state as it is."""
    return ExportConfigured(
        destination_connector_id=state.destination_connector_id,
        destination_subpath=state.destination_subpath,
        enabled=state.enabled,
        paused=state.paused,
    )


async def _create(
    tx: Transaction, owner: str, index_id: str, config: dict[str, str | None], event: ExportConfigured
) -> Automation:
    automation_id = tx.new_id("auto")
    row = Automation(
        automation_id=automation_id,
        owner=owner,
        index_id=index_id,
        kind=automations.EXPORT,
        config=config,
        state=asdict(ExportState(automation_id=automation_id, **asdict(event))),
        revision=0,
        created_at=tx.now,
        updated_at=tx.now,
    )
    tx.add(row)
    await tx.flush()
    return row


async def _revive(tx: Transaction, row: Automation, event: ExportConfigured) -> None:
    """Begin a new generation of an automation that was deleted, stopped until it is configured."""
    generation = automations.export_state(row).generation + 1
    stopped = ExportState(automation_id=row.automation_id, generation=generation, **asdict(event))
    await automations.revive(tx, row, replace(stopped, enabled=False))


async def message(session: AsyncSession, row: Automation) -> pb.ExportAutomation:
    """Return an export automation as its message."""
    state = automations.export_state(row)
    counts = await exports.delivery_counts(session, row, state.generation)
    last = await exports.last_delivered(session, row)
    return pb.ExportAutomation(
        index_id=row.index_id,
        automation_id=row.automation_id,
        enabled=state.enabled,
        paused=state.paused,
        destination_connector_id=row.config["destination_connector_id"],
        destination_subpath=row.config["destination_subpath"],
        state=number(pb.AutomationState.DESCRIPTOR, automations.public_state(row)),
        generation=state.generation,
        etag=etag(row),
        created_at=timestamp(row.created_at),
        updated_at=timestamp(row.updated_at),
        pending_runs=counts["pending"],
        last_export_id=None if last is None else last.export_id,
        last_exported_at=None if last is None else timestamp(last.completed_at),
    )


async def status(session: AsyncSession, row: Automation, now: float) -> pb.ExportAutomationStatus:
    """Return what an export automation delivered and what it keeps."""
    state = automations.export_state(row)
    counts = await exports.delivery_counts(session, row, state.generation)
    last = await _newest(session, row)
    failure = _cause(last)
    return pb.ExportAutomationStatus(
        index_id=row.index_id,
        automation_id=row.automation_id,
        state=number(pb.AutomationState.DESCRIPTOR, automations.public_state(row)),
        health=number(pb.AutomationHealth.DESCRIPTOR, "degraded" if failure else "ok"),
        degraded_cause=failure,
        degraded_since=None if last is None or failure is None else timestamp(last.updated_at),
        why=_why(state, counts["pending"]),
        pending_runs=counts["pending"],
        delivered_runs=counts["completed"],
        failed_runs=counts["failed"],
        pending_run_ids=await exports.undelivered(session, row, limit=PENDING_RUNS),
        last_delivery=None if last is None else _delivery(last),
        taken_at=timestamp(now),
    )


async def cause(session: AsyncSession, row: Automation) -> str | None:
    """Return what went wrong in the newest delivery, unless it succeeded in the end."""
    return _cause(await _newest(session, row))


async def _newest(session: AsyncSession, row: Automation) -> Export | None:
    return None if row.last_export_id is None else await session.get(Export, row.last_export_id)


def _cause(last: Export | None) -> str | None:
    if last is None or last.status == "completed":
        return None
    return last.error_message or last.last_error


def _delivery(export: Export) -> pb.DeliverySummary:
    return pb.DeliverySummary(
        export_id=export.export_id,
        run_id=export.target_id,
        exported_at=timestamp(export.completed_at) if export.status == "completed" else None,
        destination_uri=export.artifact_uri,
        error=_cause(export),
    )


def _why(state: ExportState, pending: int) -> str:
    runs = "1 finished run" if pending == 1 else f"{pending:,} finished runs"
    if not state.active:
        stopped = "disabled" if not state.enabled else "paused"
        return (
            f"The automation is {stopped}; {runs} wait to be delivered." if pending else f"The automation is {stopped}."
        )
    if pending:
        return f"Delivering {runs}."
    return "Waits for the next prompt run of the index to end with results."
