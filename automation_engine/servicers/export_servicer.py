"""``ExportService``: results as one artifact, to a connector or for download."""

from __future__ import annotations

from typing import Any

from automation_engine.errors import Conflict, InvalidArgument, Violation
from automation_engine.rules.retry import MAX_ATTEMPTS
from automation_engine.servicers import caller
from automation_engine.servicers.automation_checks import connector_for
from automation_engine.servicers.pages import limit_of
from automation_engine.servicers.times import timestamp
from automation_engine.servicers.words import number
from automation_engine.store import exports, indexes, runs
from automation_engine.store.database import Database, Transaction
from automation_engine.store.tables import Connector, Export, Work
from automation_engine.v1 import export_pb2
from automation_engine.v1 import export_service_pb2 as pb
from automation_engine.v1.export_service_pb2_grpc import ExportServiceServicer


def message(export: Export, unit: Work | None) -> export_pb2.Export:
    """Return an export with its unit of work as a message."""
    queue = None if unit is None else queue_status(export, unit)
    to_connector = export.destination_type == "connector"
    downloadable = not to_connector and export.status == "completed" and queue == "succeeded" and export.artifact_uri
    return export_pb2.Export(
        export_id=export.export_id,
        user_id=export.owner,
        export_type=number(export_pb2.ExportType.DESCRIPTOR, export.export_type),
        target_id=export.target_id,
        status=number(export_pb2.ExportStatus.DESCRIPTOR, export.status),
        created_at=timestamp(export.created_at),
        gcs_uri=export.artifact_uri,
        download_url=f"/api/v2/exports/{export.export_id}/download" if downloadable else None,
        file_size_bytes=export.file_size,
        error_message=export.error_message,
        export_params=_params(export),
        queue_status=None if queue is None else number(export_pb2.ExportQueueStatus.DESCRIPTOR, queue),
        # A claim after a lease that ran out repeats an attempt, it does not add one.
        attempts=0 if unit is None else min(unit.attempt, MAX_ATTEMPTS),
        max_attempts=MAX_ATTEMPTS,
        available_at=None if unit is None or unit.state != "due" else timestamp(unit.due_at),
        started_at=timestamp(export.started_at),
        completed_at=timestamp(export.completed_at),
        updated_at=timestamp(export.updated_at),
        last_error=export.last_error,
        destination_type=number(export_pb2.ExportDestinationType.DESCRIPTOR, export.destination_type),
        destination_connector_id=export.destination_connector_id,
        destination_base_path=export.destination_base_path,
        destination_subpath=export.destination_subpath,
        destination_uri=export.artifact_uri if to_connector else None,
    )


def _params(export: Export) -> export_pb2.ExportParams:
    return export_pb2.ExportParams(
        prompt_run_ids=export.prompt_run_ids or [],
        destination_connector_id=export.destination_connector_id,
        destination_base_path=export.destination_base_path,
        destination_subpath=export.destination_subpath,
    )


def queue_status(export: Export, unit: Work) -> str:
    """Return where an export's work stands, as a word of ``ExportQueueStatus``."""
    match unit.state:
        case "due":
            return "failed" if unit.failures else "queued"
        case "leased":
            return "running" if export.status == "processing" else "leased"
        case "done" if export.status == "completed":
            return "succeeded"
        case _:
            return "dead_letter"


class ExportServicer(ExportServiceServicer):
    """Exports of the caller."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def CreateIndexExport(
        self, request: pb.CreateIndexExportRequest, _context: Any
    ) -> pb.CreateIndexExportResponse:
        """Export an index, or some of its finished runs. Raises ``NotFound`` and ``InvalidArgument``."""
        owner, run_ids = caller.current().owner, list(request.prompt_run_ids)
        async with self._database.transaction() as tx:
            index = await indexes.find(tx, owner, request.index_id)
            finished = await runs.finished(tx, owner, run_ids)
            violations = [
                Violation(field=f"prompt_run_ids[{at}]", message=f"{run_id!r}: must be a finished run of this index")
                for at, run_id in enumerate(run_ids)
                if run_id not in finished or finished[run_id].index_id != index.index_id
            ]
            if violations:
                raise InvalidArgument(violations)
            export = await exports.create(
                tx,
                export_key=tx.new_id("manual"),
                owner=owner,
                export_type="index",
                target_id=index.index_id,
                index_id=index.index_id,
                prompt_run_ids=run_ids or None,
                connector=await _destination(tx, owner, request),
                subpath=request.destination_subpath if request.HasField("destination_subpath") else None,
            )
        return pb.CreateIndexExportResponse(export_id=export.export_id, status=export_pb2.EXPORT_STATUS_PROCESSING)

    async def CreatePromptRunExport(
        self, request: pb.CreatePromptRunExportRequest, _context: Any
    ) -> pb.CreatePromptRunExportResponse:
        """Export a run. Raises ``NotFound``, ``InvalidArgument``, and ``Conflict`` for a run without results."""
        owner = caller.current().owner
        async with self._database.transaction() as tx:
            run = await runs.find(tx, owner, request.run_id)
            if run.status not in runs.WITH_RESULTS:
                raise Conflict(
                    f"prompt run {run.run_id} is {run.status}: only a run that ended with results is exported"
                )
            export = await exports.create(
                tx,
                export_key=tx.new_id("manual"),
                owner=owner,
                export_type="prompt_run",
                target_id=run.run_id,
                index_id=run.index_id,
                prompt_run_ids=[run.run_id],
                connector=await _destination(tx, owner, request),
                subpath=request.destination_subpath if request.HasField("destination_subpath") else None,
            )
        return pb.CreatePromptRunExportResponse(export_id=export.export_id, status=export_pb2.EXPORT_STATUS_PROCESSING)

    async def ListExports(self, request: pb.ListExportsRequest, _context: Any) -> pb.ListExportsResponse:
        """List exports, the newest first."""
        async with self._database.reading() as session:
            rows = await exports.listed(session, caller.current().owner, limit=limit_of(request))
        return pb.ListExportsResponse(exports=[message(export, unit) for export, unit in rows])

    async def GetExport(self, request: pb.GetExportRequest, _context: Any) -> pb.GetExportResponse:
        """Return an export. Raises ``NotFound``."""
        async with self._database.reading() as session:
            export, unit = await exports.find(session, caller.current().owner, request.export_id)
        return pb.GetExportResponse(export=message(export, unit))


async def _destination(
    tx: Transaction, owner: str, request: pb.CreateIndexExportRequest | pb.CreatePromptRunExportRequest
) -> Connector | None:
    """Return the connector to write through; None keeps the export for download."""
    if request.HasField("destination_connector_id"):
        field = "destination_connector_id"
        return await connector_for(tx, owner, request.destination_connector_id, scope="export", field=field)
    if request.destination_subpath:
        raise InvalidArgument.of("destination_subpath", "needs a destination_connector_id: a download has no folder")
    return None
