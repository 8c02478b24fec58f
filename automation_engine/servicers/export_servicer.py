"""``ExportService``: results as one artifact, to a connector or for download.

A download URL is used up when its download begins. One that breaks off needs a new URL, which costs nothing: parts
(``Range``) are not served, and whoever has a key needs no URL at all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

from google.api.httpbody_pb2 import HttpBody

from automation_engine.errors import Conflict, InvalidArgument, NotFound, Unauthenticated, Violation
from automation_engine.rules.retry import MAX_ATTEMPTS
from automation_engine.secrets import SecretBox
from automation_engine.servicers import caller, download_tokens, request_ids
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

_CONTENT_TYPE = "application/json"


def message(export: Export, unit: Work | None, now: float) -> export_pb2.Export:
    """Return an export with its unit of work as a message. What it says of a download depends on the instant."""
    queue = None if unit is None else queue_status(export, unit)
    to_connector = export.destination_type == "connector"
    downloadable = exports.downloadable(export, now) and queue == "succeeded"
    return export_pb2.Export(
        export_id=export.export_id,
        user_id=export.owner,
        export_type=number(export_pb2.ExportType.DESCRIPTOR, export.export_type),
        target_id=export.target_id,
        status=number(export_pb2.ExportStatus.DESCRIPTOR, export.status),
        created_at=timestamp(export.created_at),
        gcs_uri=export.artifact_uri if to_connector or downloadable else None,
        download_url=_path(export.export_id) if downloadable else None,
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
            return "failed" if unit.failures or unit.waits else "queued"
        case "leased":
            return "running" if export.status == "processing" else "leased"
        case "done" if export.status == "completed":
            return "succeeded"
        case _:
            return "dead_letter"


def _path(export_id: str) -> str:
    return f"/api/v2/exports/{quote(export_id, safe='')}/download"


class ExportServicer(ExportServiceServicer):
    """Exports of the caller.

    ``box`` signs download URLs, which begin with ``public_url``; None: with the origin that the gateway was called at.
    """

    def __init__(self, *, database: Database, box: SecretBox, public_url: str | None = None) -> None:
        self._database = database
        self._box = box
        self._public_url = public_url

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
        now = self._database.clock.now()
        return pb.ListExportsResponse(exports=[message(export, unit, now) for export, unit in rows])

    async def GetExport(self, request: pb.GetExportRequest, _context: Any) -> pb.GetExportResponse:
        """Return an export. Raises ``NotFound``."""
        async with self._database.reading() as session:
            export, unit = await exports.find(session, caller.current().owner, request.export_id)
        return pb.GetExportResponse(export=message(export, unit, self._database.clock.now()))

    async def CreateExportDownloadUrl(
        self, request: pb.CreateExportDownloadUrlRequest, context: Any
    ) -> pb.CreateExportDownloadUrlResponse:
        """Make a URL; none for what can't be downloaded. Raises ``NotFound``, and ``Conflict`` without an origin."""
        now = self._database.clock.now()
        async with self._database.reading() as session:
            export, unit = await exports.find(session, caller.current().owner, request.export_id)
        shown, url = message(export, unit, now), None
        if shown.HasField("download_url"):
            origin = self._public_url or _origin(dict(context.invocation_metadata() or ()))
            url = f"{origin}{shown.download_url}?token={download_tokens.issue(self._box, export, now)}"
        return pb.CreateExportDownloadUrlResponse(
            export_id=shown.export_id,
            status=shown.status,
            destination_type=shown.destination_type,
            destination_connector_id=export.destination_connector_id,
            download_url=url,
        )

    async def DownloadExport(
        self, request: pb.DownloadExportRequest, context: Any
    ) -> AsyncIterator[pb.DownloadExportResponse]:
        """Yield the artifact, whole. Raises ``Unauthenticated``, ``NotFound``, ``Conflict`` before the first part."""
        if request.HasField("token"):
            export = await self._spend(request.export_id, request.token)
        else:
            async with self._database.reading() as session:
                export, _ = await exports.find(session, caller.current().owner, request.export_id)
            _check_kept(export, self._database.clock.now())
        left = export.file_size or 0
        await request_ids.answer(
            context,
            ("x-content-length", str(left)),
            ("content-disposition", f'attachment; filename="{export.export_id}.json"'),
            ("cache-control", "private, no-store"),
        )
        async with aclosing(exports.pieces(self._database, export.export_id)) as pieces:
            async for piece in pieces:
                left -= len(piece)
                yield pb.DownloadExportResponse(body=HttpBody(content_type=_CONTENT_TYPE, data=piece))
        if left:
            raise Conflict(f"export {export.export_id} was deleted while it was downloaded: {left:,} bytes are missing")

    async def _spend(self, export_id: str, text: str) -> Export:
        """Use a token up. Whoever holds none learns nothing, not even whether there is such an export."""
        async with self._database.transaction() as tx:
            export = await tx.get(Export, export_id)
            token = None if export is None else download_tokens.read(self._box, export, text, tx.now)
            if export is None or token is None:
                raise Unauthenticated("this download URL has expired, or never was one of this export: ask for another")
            _check_kept(export, tx.now)
            if not await exports.spend(tx, token.nonce, token.expires_at):
                raise Unauthenticated("this download URL was used: ask for another")
            return export


def _origin(metadata: Mapping[str, str]) -> str:
    """Return the origin that a client of the gateway called. Raises ``Conflict`` for a call past it."""
    host = metadata.get("x-forwarded-host")
    if host is None:
        raise Conflict("there is no origin for the download URL: call by REST, or start the server with --public-url")
    return f"{metadata.get('x-forwarded-proto', 'https')}://{host}"


def _check_kept(export: Export, now: float) -> None:
    """Raise ``Conflict`` for what can't be downloaded here, or not yet, and ``NotFound`` for what was kept before."""
    if export.destination_connector_id is not None:
        where = f": it is at {export.artifact_uri}" if export.artifact_uri else ""
        raise Conflict(f"export {export.export_id} goes to connector {export.destination_connector_id}{where}")
    if export.status != "completed":
        raise Conflict(f"export {export.export_id} is {export.status}: only a completed one can be downloaded")
    if not exports.downloadable(export, now):
        days = exports.KEPT / 86400
        raise NotFound(f"export {export.export_id} was kept for {days:g} days after it had completed: export again")


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
