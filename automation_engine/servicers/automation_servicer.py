"""``AutomationService``: what an index imports by itself, and what it delivers by itself."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.connectors.pool import Stores
from automation_engine.rules import events
from automation_engine.rules.explain import health as import_health
from automation_engine.rules.lifecycle import stopped
from automation_engine.servicers import caller, export_automations, import_automations
from automation_engine.servicers.automation_checks import kept_or_missing
from automation_engine.servicers.pages import cut, limit_of, pagination, read_cursor
from automation_engine.servicers.times import timestamp
from automation_engine.servicers.words import number, word
from automation_engine.store import automations, connectors, exports, imports, ledger, recordings, revisions
from automation_engine.store.automations import EXPORT, IMPORT
from automation_engine.store.database import Database, Transaction
from automation_engine.store.revisions import Change
from automation_engine.store.tables import Automation
from automation_engine.v1 import automation_pb2
from automation_engine.v1 import automation_service_pb2 as pb
from automation_engine.v1.automation_service_pb2_grpc import AutomationServiceServicer

_STATE = automation_pb2.AutomationState.DESCRIPTOR
_KIND = automation_pb2.AutomationKind.DESCRIPTOR
_HEALTH = automation_pb2.AutomationHealth.DESCRIPTOR


def _summary(row: Automation, health: str) -> automation_pb2.AutomationSummary:
    """Return an automation of either kind as a line of the list."""
    state = automations.export_state(row) if row.kind == EXPORT else automations.import_state(row).config
    next_trigger_at = None if row.kind == EXPORT else automations.import_state(row).next_trigger_at
    return automation_pb2.AutomationSummary(
        index_id=row.index_id,
        kind=number(_KIND, row.kind),
        automation_id=row.automation_id,
        enabled=state.enabled,
        paused=state.paused,
        state=number(_STATE, automations.public_state(row)),
        connector_id=connectors.connector_of(row),
        next_trigger_at=timestamp(next_trigger_at),
        last_fired_at=timestamp(row.last_fired_at),
        updated_at=timestamp(row.updated_at),
        health=number(_HEALTH, health),
    )


class AutomationServicer(AutomationServiceServicer):
    """Automations of the caller. What the engine decides on is changed by events alone."""

    def __init__(self, *, database: Database, stores: Stores) -> None:
        self._database = database
        self._stores = stores

    async def ListAutomations(self, request: pb.ListAutomationsRequest, _context: Any) -> pb.ListAutomationsResponse:
        """List automations by index, import before export."""
        limit = limit_of(request)
        kind = word(_KIND, request.kind) if request.kind else None
        state = word(_STATE, request.state) if request.state else None
        wanted = word(_HEALTH, request.health) if request.health else None
        after = read_cursor(request.cursor, str, str)
        lines: list[tuple[Automation, str]] = []
        async with self._database.reading() as session, self._database.reading() as beside:
            found = automations.listed(session, caller.current().owner, kind=kind, after=after)
            async with aclosing(found):
                async for row in found:
                    if state is not None and automations.public_state(row) != state:
                        continue
                    health = await self._health(beside, row)
                    if wanted in (None, health):
                        lines.append((row, health))
                    if len(lines) > limit:
                        break
        page, cursor = cut(lines, limit, lambda line: (line[0].index_id, line[0].kind))
        return pb.ListAutomationsResponse(data=[_summary(*line) for line in page], pagination=pagination(limit, cursor))

    async def _health(self, session: AsyncSession, row: Automation) -> str:
        if row.kind == EXPORT:
            return "ok" if await export_automations.cause(session, row) is None else "degraded"
        return import_health(automations.import_state(row), self._database.clock.now())

    async def GetImportAutomation(
        self, request: pb.GetImportAutomationRequest, _context: Any
    ) -> pb.GetImportAutomationResponse:
        """Return the import automation. Raises ``NotFound``."""
        async with self._database.reading() as session:
            row = await automations.find(session, caller.current().owner, request.index_id, IMPORT)
        return pb.GetImportAutomationResponse(import_automation=import_automations.message(row))

    async def PutImportAutomation(
        self, request: pb.PutImportAutomationRequest, _context: Any
    ) -> pb.PutImportAutomationResponse:
        """Save the import automation, or only check it."""
        async with self._database.transaction() as tx:
            row = await import_automations.put(tx, self._stores, caller.current(), request)
            saved = import_automations.message(row)
            if request.validate_only:
                await _discard(tx)
        return pb.PutImportAutomationResponse(import_automation=saved)

    async def PauseImportAutomation(
        self, request: pb.PauseImportAutomationRequest, _context: Any
    ) -> pb.PauseImportAutomationResponse:
        """Pause. Pausing what is paused changes nothing."""
        row = await self._switch_import(request.index_id, events.Paused())
        return pb.PauseImportAutomationResponse(import_automation=import_automations.message(row))

    async def ResumeImportAutomation(
        self, request: pb.ResumeImportAutomationRequest, _context: Any
    ) -> pb.ResumeImportAutomationResponse:
        """Resume. Resuming what runs changes nothing."""
        row = await self._switch_import(request.index_id, events.Resumed())
        return pb.ResumeImportAutomationResponse(import_automation=import_automations.message(row))

    async def _switch_import(self, index_id: str, event: events.Paused | events.Resumed) -> Automation:
        async with self._database.transaction() as tx:
            row = await automations.locked(tx, caller.current().owner, index_id, IMPORT)
            before = automations.import_state(row).config
            decision = await automations.apply_import(tx, row, event)
            if decision.state.config != before:
                await automations.revise(tx, row, _switched(event))
        return row

    async def DeleteImportAutomation(
        self, request: pb.DeleteImportAutomationRequest, _context: Any
    ) -> pb.DeleteImportAutomationResponse:
        """Stop the import automation and delete it; deleting it again changes nothing."""
        async with self._database.transaction() as tx:
            row = await kept_or_missing(tx, caller.current().owner, request.index_id, IMPORT)
            if row.deleted_at is None:
                await automations.revise(tx, row, self._deleted())
                config = replace(automations.import_state(row).config, enabled=False)
                await automations.apply_import(tx, row, events.Configured(config=config))
                row.deleted_at = tx.now
            if request.forget:
                await revisions.forget(tx, row)
                await imports.reject_held(tx, row, caller.current().key_id)
                await ledger.forget(tx, automations.row_seq(row))
                await recordings.forget(tx, automations.row_seq(row))
                await ledger.touch(tx, automations.row_seq(row))
        memory = "forgotten: saved again, it meets every file as new" if request.forget else "kept"
        return pb.DeleteImportAutomationResponse(
            message=f"The import automation was deleted; its media stay, its ledger is {memory}."
        )

    async def GetImportAutomationStatus(
        self, request: pb.GetImportAutomationStatusRequest, _context: Any
    ) -> pb.GetImportAutomationStatusResponse:
        """Say what the import automation waits for."""
        return pb.GetImportAutomationStatusResponse(status=await self._import_status(request.index_id))

    async def _import_status(self, index_id: str) -> automation_pb2.ImportAutomationStatus:
        async with self._database.reading() as session:
            row = await automations.find(session, caller.current().owner, index_id, IMPORT)
            return await import_automations.status(session, row, self._database.clock.now())

    async def RunImportAutomation(
        self, request: pb.RunImportAutomationRequest, _context: Any
    ) -> pb.RunImportAutomationResponse:
        """Ask for a scan, after which what is settled fires. Raises ``IllegalTransition`` while stopped."""
        async with self._database.transaction() as tx:
            row = await automations.locked(tx, caller.current().owner, request.index_id, IMPORT)
            decision = await automations.apply_import(tx, row, events.RunRequested())
        asked = decision.state.run_requested
        return pb.RunImportAutomationResponse(
            message="A fresh scan comes first; then whatever is whole fires, without waiting for quiet."
            if asked
            else "Batches are being started already.",
            status=await self._import_status(request.index_id),
        )

    async def RescanImportAutomation(
        self, request: pb.RescanImportAutomationRequest, _context: Any
    ) -> pb.RescanImportAutomationResponse:
        """Ask for a scan now. Raises ``IllegalTransition`` while stopped."""
        async with self._database.transaction() as tx:
            row = await automations.locked(tx, caller.current().owner, request.index_id, IMPORT)
            before = automations.import_state(row)
            await automations.apply_import(tx, row, events.RescanRequested())
        return pb.RescanImportAutomationResponse(
            message="A scan is under way already." if before.scanning else "The next scan begins with the next tick.",
            status=await self._import_status(request.index_id),
        )

    async def GetExportAutomation(
        self, request: pb.GetExportAutomationRequest, _context: Any
    ) -> pb.GetExportAutomationResponse:
        """Return the export automation. Raises ``NotFound``."""
        async with self._database.reading() as session:
            row = await automations.find(session, caller.current().owner, request.index_id, EXPORT)
            return pb.GetExportAutomationResponse(export_automation=await export_automations.message(session, row))

    async def PutExportAutomation(
        self, request: pb.PutExportAutomationRequest, _context: Any
    ) -> pb.PutExportAutomationResponse:
        """Save the export automation, or only check it."""
        async with self._database.transaction() as tx:
            row = await export_automations.put(tx, self._stores, caller.current(), request)
            saved = await export_automations.message(tx, row)
            if request.validate_only:
                await _discard(tx)
        return pb.PutExportAutomationResponse(export_automation=saved)

    async def PauseExportAutomation(
        self, request: pb.PauseExportAutomationRequest, _context: Any
    ) -> pb.PauseExportAutomationResponse:
        """Pause: finished runs are kept. Pausing what is paused changes nothing."""
        return pb.PauseExportAutomationResponse(
            export_automation=await self._switch_export(request.index_id, events.Paused())
        )

    async def ResumeExportAutomation(
        self, request: pb.ResumeExportAutomationRequest, _context: Any
    ) -> pb.ResumeExportAutomationResponse:
        """Resume: what was kept is delivered. Resuming what runs changes nothing."""
        return pb.ResumeExportAutomationResponse(
            export_automation=await self._switch_export(request.index_id, events.Resumed())
        )

    async def _switch_export(
        self, index_id: str, event: events.Paused | events.Resumed
    ) -> automation_pb2.ExportAutomation:
        async with self._database.transaction() as tx:
            row = await automations.locked(tx, caller.current().owner, index_id, EXPORT)
            before = automations.export_state(row)
            decision = await automations.apply_export(tx, row, event)
            if decision.state != before:
                await automations.revise(tx, row, _switched(event))
            return await export_automations.message(tx, row)

    async def DeleteExportAutomation(
        self, request: pb.DeleteExportAutomationRequest, _context: Any
    ) -> pb.DeleteExportAutomationResponse:
        """Delete the export automation; deleting it again changes nothing. Runs that it kept are not delivered."""
        async with self._database.transaction() as tx:
            row = await kept_or_missing(tx, caller.current().owner, request.index_id, EXPORT)
            if row.deleted_at is None:
                await automations.revise(tx, row, self._deleted())
                present = export_automations.present(automations.export_state(row))
                await automations.apply_export(tx, row, replace(present, enabled=False))
                row.deleted_at = tx.now
            if request.forget:
                await revisions.forget(tx, row)
            await exports.drop_deliveries(tx, row, forget=request.forget)
        memory = "forgotten" if request.forget else "kept in mind"
        return pb.DeleteExportAutomationResponse(
            message=f"The export automation was deleted; artifacts stay, what was delivered is {memory}."
        )

    async def GetExportAutomationStatus(
        self, request: pb.GetExportAutomationStatusRequest, _context: Any
    ) -> pb.GetExportAutomationStatusResponse:
        """Say what the export automation delivered and keeps."""
        return pb.GetExportAutomationStatusResponse(status=await self._export_status(request.index_id))

    async def _export_status(self, index_id: str) -> automation_pb2.ExportAutomationStatus:
        async with self._database.reading() as session:
            row = await automations.find(session, caller.current().owner, index_id, EXPORT)
            return await export_automations.status(session, row, self._database.clock.now())

    async def RunExportAutomation(
        self, request: pb.RunExportAutomationRequest, _context: Any
    ) -> pb.RunExportAutomationResponse:
        """Deliver what is kept, and the newest finished run unless this generation delivered it.

        Raises ``IllegalTransition`` while disabled or paused.
        """
        async with self._database.transaction() as tx:
            row = await automations.locked(tx, caller.current().owner, request.index_id, EXPORT)
            state = automations.export_state(row)
            if not state.active:
                raise stopped(enabled=state.enabled)
            newest = await exports.newest_undelivered(tx, row, state.generation)
            if newest is not None:
                await exports.queue_run(tx, row, newest, state.generation)
            waiting = await exports.queued(tx, row.seq)
            await automations.apply_export(tx, row, events.Ticked())
            started = [delivery.export_id for delivery in waiting if delivery.export_id is not None]
        return pb.RunExportAutomationResponse(
            message=_started(len(started)),
            export_ids=started,
            status=await self._export_status(request.index_id),
        )

    @staticmethod
    def _deleted() -> Change:
        # Kept before the deletion stops it: the configuration that a restoration brings back is the one that ran.
        return Change(action=revisions.DELETE, actor=caller.current().key_id)


def _switched(event: events.Paused | events.Resumed) -> Change:
    action = revisions.PAUSE if isinstance(event, events.Paused) else revisions.RESUME
    return Change(action=action, actor=caller.current().key_id)


def _started(count: int) -> str:
    if not count:
        return "Every finished run was delivered already, or is under way."
    return "1 export was started." if count == 1 else f"{count:,} exports were started."


async def _discard(tx: Transaction) -> None:
    """Undo what a transaction wrote, and ring for nothing."""
    tx.bells.clear()
    await tx.rollback()
