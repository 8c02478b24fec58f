"""``ImportBatchService``: the batches that an import automation fired, held by their spend fuse or started."""

from __future__ import annotations

from typing import Any

from automation_engine.servicers import caller
from automation_engine.servicers.pages import cut, limit_of, pagination, read_cursor
from automation_engine.servicers.times import timestamp
from automation_engine.servicers.words import number, word
from automation_engine.store import automations, batches, imports
from automation_engine.store.automations import IMPORT
from automation_engine.store.database import Database, Transaction
from automation_engine.store.tables import Automation, Batch
from automation_engine.v1 import automation_pb2, import_batch_pb2
from automation_engine.v1 import import_batch_service_pb2 as pb
from automation_engine.v1.import_batch_service_pb2_grpc import ImportBatchServiceServicer

_STATUS = import_batch_pb2.BatchStatus.DESCRIPTOR
_TRIGGER = automation_pb2.BatchTrigger.DESCRIPTOR
_INSTANTS = ("scan_started_at", "scan_finished_at")


def message(batch: Batch, run_id: str | None) -> import_batch_pb2.ImportBatch:
    """Return a batch as its message."""
    return import_batch_pb2.ImportBatch(
        batch_id=batch.batch_id,
        status=number(_STATUS, batch.status),
        trigger=number(_TRIGGER, batch.trigger),
        fired_at=timestamp(batch.fired_at),
        generation=batch.generation,
        sequence=batch.sequence,
        object_count=batch.object_count,
        bytes=batch.bytes,
        job_id=batch.job_id,
        run_id=run_id,
        held_reason=batch.held_reason,
        decided_by=batch.decided_by,
        decided_at=timestamp(batch.decided_at),
        certificate=None if batch.certificate is None else _certificate(batch.certificate),
    )


def _certificate(kept: dict[str, Any]) -> import_batch_pb2.CompletenessCertificate:
    instants = {name: timestamp(kept[name]) for name in _INSTANTS}
    return import_batch_pb2.CompletenessCertificate(**{**kept, **instants})


class ImportBatchServicer(ImportBatchServiceServicer):
    """Batches of the caller's import automations."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def ListImportBatches(
        self, request: pb.ListImportBatchesRequest, _context: Any
    ) -> pb.ListImportBatchesResponse:
        """List batches, the newest first. Raises ``NotFound`` for the automation."""
        limit = limit_of(request)
        after = read_cursor(request.cursor, float, int, int)
        async with self._database.reading() as session:
            row = await automations.find(session, caller.current().owner, request.index_id, IMPORT)
            found = await batches.listed(
                session,
                row,
                status=word(_STATUS, request.status) if request.status else None,
                after=None if after is None else (after[0], after[1], after[2]),
                limit=limit + 1,
            )
        page, cursor = cut(found, limit, lambda line: (line[0].fired_at, line[0].generation, line[0].sequence))
        return pb.ListImportBatchesResponse(
            data=[message(*line) for line in page], pagination=pagination(limit, cursor)
        )

    async def GetImportBatch(self, request: pb.GetImportBatchRequest, _context: Any) -> pb.GetImportBatchResponse:
        """Return a batch. Raises ``NotFound``."""
        async with self._database.reading() as session:
            row = await automations.find(session, caller.current().owner, request.index_id, IMPORT)
            fired = await batches.find(session, row, request.batch_id)
        return pb.GetImportBatchResponse(batch=message(*fired))

    async def ApproveImportBatch(
        self, request: pb.ApproveImportBatchRequest, _context: Any
    ) -> pb.ApproveImportBatchResponse:
        """Start a held batch. Raises ``NotFound``, and ``IllegalTransition`` where it may not start."""
        async with self._database.transaction() as tx:
            row, batch = await self._locked(tx, request.index_id, request.batch_id)
            await imports.approve(tx, row, batch, caller.current().key_id)
            fired = await batches.find(tx, row, batch.batch_id)
        return pb.ApproveImportBatchResponse(batch=message(*fired))

    async def RejectImportBatch(
        self, request: pb.RejectImportBatchRequest, _context: Any
    ) -> pb.RejectImportBatchResponse:
        """Give a held batch up. Raises ``NotFound``, and ``IllegalTransition`` once it was started."""
        async with self._database.transaction() as tx:
            row, batch = await self._locked(tx, request.index_id, request.batch_id)
            await imports.reject(tx, row, batch, caller.current().key_id)
            fired = await batches.find(tx, row, batch.batch_id)
        return pb.RejectImportBatchResponse(batch=message(*fired))

    @staticmethod
    async def _locked(tx: Transaction, index_id: str, batch_id: str) -> tuple[Automation, Batch]:
        row = await automations.locked(tx, caller.current().owner, index_id, IMPORT)
        return row, (await batches.find(tx, row, batch_id))[0]
