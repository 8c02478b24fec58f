"""Import automations: from a message to the saved row, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.connectors.pool import Stores
from automation_engine.errors import InvalidArgument, NotFound
from automation_engine.rules.debounce import Hold
from automation_engine.rules.engine import create_import
from automation_engine.rules.events import Configured
from automation_engine.rules.explain import health, why, why_held
from automation_engine.rules.model import ImportConfig
from automation_engine.servicers import import_settings, presets
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
from automation_engine.store import automations, imports, ledger, prompts, revisions
from automation_engine.store.database import Transaction
from automation_engine.store.tables import Automation, Connector, LedgerEntry, Revision
from automation_engine.v1 import automation_pb2 as pb
from automation_engine.v1.automation_service_pb2 import PutImportAutomationRequest
from automation_engine.v1.revision_service_pb2 import RestoreImportRevisionRequest

HELD_BY = 20
"""Most objects that a status names."""


async def put(
    tx: Transaction,
    stores: Stores,
    by: Caller,
    request: PutImportAutomationRequest,
    *,
    restored: Revision | None = None,
) -> Automation:
    """Check a configuration and save it. One that is saved already changes nothing.

    ``restored`` is the revision that the configuration comes from: its snapshot of the prompt is taken as it was.
    Raises ``NotFound`` for the index, ``InvalidArgument`` for a field, ``StaleWrite`` for another etag.
    """
    owner = by.owner
    await lock_index(tx, owner, request.index_id)
    kept = await automations.kept(tx, owner, request.index_id, automations.IMPORT)
    saved = None if kept is None or kept.deleted_at is not None else kept
    check_etag(saved, request.etag)
    given = request.import_automation
    config = import_settings.saved(given)
    before = None if saved is None else automations.import_state(saved).config
    after = import_settings.engine_config(given, config, before)
    await _check_place(tx, stores, owner, request.index_id, config)
    snapshot = None if restored is None else restored.preset
    preset = await _preset(tx, owner, given.prompt_preset, None if saved is None else saved.preset, snapshot)
    if saved is not None and (saved.config, saved.preset, before) == (config, preset, after):
        return saved
    if kept is None:
        kept = await _create(tx, owner, request.index_id, config=config, preset=preset, after=after)
    else:
        if saved is None:
            await _revive(tx, kept, after)
        kept.config, kept.preset = config, preset
        await automations.apply_import(tx, kept, Configured(config=after))
    await automations.revise(tx, kept, change(by, restored), created=saved is None)
    return kept


async def restore(tx: Transaction, stores: Stores, by: Caller, request: RestoreImportRevisionRequest) -> Automation:
    """Save what an earlier revision holds again, checked as a PUT is; also of an automation that was deleted.

    Raises what ``put`` raises, and ``NotFound`` for the revision.
    """
    await lock_index(tx, by.owner, request.index_id)
    row = await kept_or_missing(tx, by.owner, request.index_id, automations.IMPORT)
    revision = await revisions.find(tx, row, request.revision)
    again = PutImportAutomationRequest(
        index_id=request.index_id, import_automation=configuration(revision), etag=request.etag
    )
    return await put(tx, stores, by, again, restored=revision)


def configuration(revision: Revision) -> pb.ImportAutomation:
    """Return the configuration that a revision holds, without anything about its state."""
    saved = import_settings.message(revision.config)
    switches = pb.ImportAutomation(enabled=revision.enabled, paused=revision.paused)
    if revision.preset is not None:
        switches.prompt_preset.CopyFrom(presets.message(revision.preset))
    saved.MergeFrom(switches)
    return saved


async def _check_place(tx: Transaction, stores: Stores, owner: str, index_id: str, config: Mapping[str, Any]) -> None:
    source = await connector_for(tx, owner, config["connector_id"], scope="import", field="connector_id")
    exporting = await automations.sibling(tx, index_id, automations.EXPORT)
    if exporting is None:
        return
    state = automations.export_state(exporting)
    destination = await tx.get(Connector, state.destination_connector_id)
    if destination is not None:
        refuse_loop(
            stores, source, config["source_prefix"], destination, state.destination_subpath, field="source_prefix"
        )


async def _preset(
    tx: Transaction,
    owner: str,
    given: pb.PromptPreset,
    saved: dict[str, Any] | None,
    snapshot: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return the saved snapshot while it is what is wanted, else the given one, else one of the prompt as it is now."""
    choice = presets.chosen(given, path="prompt_preset.")
    wanted = choice if snapshot is None else snapshot
    if saved is not None and wanted.items() <= saved.items():
        return saved
    field = "prompt_preset.prompt_id"
    try:
        prompt = await prompts.find(tx, owner, given.prompt_id)
    except NotFound:
        raise InvalidArgument.of(field, f"{given.prompt_id!r}: there is no such prompt") from None
    if not prompt.is_active:
        raise InvalidArgument.of(field, f"{given.prompt_id!r}: the prompt is not active")
    return snapshot or presets.snapshot(choice, prompt, tx.now)


async def _create(
    tx: Transaction, owner: str, index_id: str, *, config: dict[str, Any], preset: dict[str, Any], after: ImportConfig
) -> Automation:
    automation_id = tx.new_id("auto")
    state = create_import(automation_id, after, tx.now).state
    row = Automation(
        automation_id=automation_id,
        owner=owner,
        index_id=index_id,
        kind=automations.IMPORT,
        config=config,
        preset=preset,
        state=asdict(state),
        next_action_at=state.next_action_at,
        revision=0,
        created_at=tx.now,
        updated_at=tx.now,
    )
    tx.add(row)
    await tx.flush()
    return row


async def _revive(tx: Transaction, row: Automation, after: ImportConfig) -> None:
    """Begin a new generation of an automation that was deleted, stopped until it is configured."""
    before = automations.import_state(row)
    stopped = replace(before, config=replace(after, enabled=False), generation=before.generation + 1, sequence=0)
    await automations.revive(tx, row, stopped)


def message(row: Automation) -> pb.ImportAutomation:
    """Return an import automation as its message."""
    state = automations.import_state(row)
    shown = import_settings.message(row.config)
    shown.MergeFrom(
        pb.ImportAutomation(
            index_id=row.index_id,
            automation_id=row.automation_id,
            enabled=state.config.enabled,
            paused=state.config.paused,
            prompt_preset=None if row.preset is None else presets.message(row.preset),
            state=number(pb.AutomationState.DESCRIPTOR, automations.public_state(row)),
            generation=state.generation,
            etag=etag(row),
            created_at=timestamp(row.created_at),
            updated_at=timestamp(row.updated_at),
            next_scan_at=timestamp(state.next_scan_at),
            next_trigger_at=timestamp(state.next_trigger_at),
            deadline_at=timestamp(state.deadline_at),
            last_change_at=timestamp(state.last_change_at),
            last_scan_at=timestamp(state.scanned_at),
            last_fired_at=timestamp(row.last_fired_at),
            last_job_id=row.last_job_id,
            last_run_id=row.last_run_id,
        )
    )
    return shown


async def status(session: AsyncSession, row: Automation, now: float) -> pb.ImportAutomationStatus:
    """Return what an import automation waits for, and why."""
    state = automations.import_state(row)
    seq = automations.row_seq(row)
    held = await ledger.held_by(session, seq, limit=HELD_BY)
    counts = await ledger.counts(session, seq)
    return pb.ImportAutomationStatus(
        index_id=row.index_id,
        automation_id=row.automation_id,
        state=number(pb.AutomationState.DESCRIPTOR, automations.public_state(row)),
        health=number(pb.AutomationHealth.DESCRIPTOR, health(state, now)),
        degraded_cause=None if state.degraded is None else state.degraded.cause,
        degraded_since=None if state.degraded is None else timestamp(state.degraded.since),
        why=why(state, now),
        next_scan_at=timestamp(state.next_scan_at),
        next_trigger_at=timestamp(state.next_trigger_at),
        deadline_at=timestamp(state.deadline_at),
        last_change_at=timestamp(state.last_change_at),
        held_by=[_held(entry, state.config.debounce) for entry in held],
        held_count=counts.get("settling", (0, 0))[0],
        held_batches=await imports.held_batches(session, seq),
        backlog=_backlog(counts),
        last_scan=await _last_scan(session, row),
        last_batch=await _last_batch(session, row),
        taken_at=timestamp(now),
    )


def _held(entry: LedgerEntry, debounce: float) -> pb.HeldBy:
    hold = None if entry.hold is None else Hold(entry.hold)
    return pb.HeldBy(
        path=entry.key,
        reason=why_held(hold, growing=entry.growing, debounce=debounce),
        since=timestamp(entry.first_seen_at),
    )


def _backlog(counts: Mapping[str, tuple[int, int]]) -> pb.Backlog:
    pending = sum(counts.get(state, (0, 0))[1] for state in ("settling", "ready", "claimed"))
    return pb.Backlog(pending_bytes=pending, **{state: count for state, (count, _) in counts.items()})


async def _last_scan(session: AsyncSession, row: Automation) -> pb.ScanSummary | None:
    scan = await automations.last_scan(session, row)
    if scan is None:
        return None
    return pb.ScanSummary(
        epoch=scan.epoch,
        started_at=timestamp(scan.started_at),
        finished_at=timestamp(scan.finished_at),
        complete=scan.outcome == "complete",
        listed=scan.listed,
        matched=scan.matched,
        new=scan.new,
        error=scan.error,
    )


async def _last_batch(session: AsyncSession, row: Automation) -> pb.BatchSummary | None:
    found = await automations.last_batch(session, row)
    if found is None:
        return None
    batch, run_id = found
    return pb.BatchSummary(
        batch_id=batch.batch_id,
        trigger=number(pb.BatchTrigger.DESCRIPTOR, batch.trigger),
        fired_at=timestamp(batch.fired_at),
        object_count=batch.object_count,
        bytes=batch.bytes,
        job_id=batch.job_id,
        run_id=run_id,
    )
