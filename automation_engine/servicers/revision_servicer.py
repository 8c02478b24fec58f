"""``RevisionService``: what was saved of automations, by whom and when, and how to save it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from automation_engine.connectors.pool import Stores
from automation_engine.servicers import caller, export_automations, import_automations
from automation_engine.servicers.differences import changes
from automation_engine.servicers.pages import cut, limit_of, pagination, read_cursor
from automation_engine.servicers.times import timestamp
from automation_engine.servicers.words import number
from automation_engine.store import automations, revisions
from automation_engine.store.automations import EXPORT, IMPORT
from automation_engine.store.database import Database
from automation_engine.store.tables import Revision
from automation_engine.v1 import revision_pb2
from automation_engine.v1 import revision_service_pb2 as pb
from automation_engine.v1.revision_service_pb2_grpc import RevisionServiceServicer

_ACTION = revision_pb2.RevisionAction.DESCRIPTOR
_LARGEST = 2**31 - 1
"""No revision has a larger number; a cursor that somebody made up may."""


class RevisionServicer(RevisionServiceServicer):
    """The history of the caller's automations, of deleted ones too."""

    def __init__(self, *, database: Database, stores: Stores) -> None:
        self._database = database
        self._stores = stores

    async def ListImportRevisions(
        self, request: pb.ListImportRevisionsRequest, _context: Any
    ) -> pb.ListImportRevisionsResponse:
        """List revisions, newest first. Raises ``NotFound`` for an automation that never was."""
        rows, limit = await self._rows(request, IMPORT)
        page, cursor = cut(rows, limit, _position)
        data = _told(rows, len(page), import_automations.configuration)
        return pb.ListImportRevisionsResponse(
            data=[revision_pb2.ImportRevision(**told) for told in data], pagination=pagination(limit, cursor)
        )

    async def RestoreImportRevision(
        self, request: pb.RestoreImportRevisionRequest, _context: Any
    ) -> pb.RestoreImportRevisionResponse:
        """Save an earlier configuration again, checked as a PUT is. Raises ``NotFound`` for the revision."""
        async with self._database.transaction() as tx:
            row = await import_automations.restore(tx, self._stores, caller.current(), request)
        return pb.RestoreImportRevisionResponse(import_automation=import_automations.message(row))

    async def ListExportRevisions(
        self, request: pb.ListExportRevisionsRequest, _context: Any
    ) -> pb.ListExportRevisionsResponse:
        """List revisions, newest first. Raises ``NotFound`` for an automation that never was."""
        rows, limit = await self._rows(request, EXPORT)
        page, cursor = cut(rows, limit, _position)
        data = _told(rows, len(page), export_automations.configuration)
        return pb.ListExportRevisionsResponse(
            data=[revision_pb2.ExportRevision(**told) for told in data], pagination=pagination(limit, cursor)
        )

    async def RestoreExportRevision(
        self, request: pb.RestoreExportRevisionRequest, _context: Any
    ) -> pb.RestoreExportRevisionResponse:
        """Save an earlier configuration again, checked as a PUT is. Raises ``NotFound`` for the revision."""
        async with self._database.transaction() as tx:
            row = await export_automations.restore(tx, self._stores, caller.current(), request)
            return pb.RestoreExportRevisionResponse(export_automation=await export_automations.message(tx, row))

    async def _rows(
        self, request: pb.ListImportRevisionsRequest | pb.ListExportRevisionsRequest, kind: str
    ) -> tuple[Sequence[Revision], int]:
        """Return a page and the revision behind it, against which the page's last one is told; and the limit."""
        limit = limit_of(request)
        after = read_cursor(request.cursor, int)
        before = None if after is None else max(0, min(after[0], _LARGEST))
        async with self._database.reading() as session:
            row = await automations.known(session, caller.current().owner, request.index_id, kind)
            return await revisions.newest(session, row, before=before, limit=limit + 1), limit


def _position(row: Revision) -> tuple[int]:
    return (row.revision,)


def _told(rows: Sequence[Revision], count: int, configuration: Callable[[Revision], Any]) -> list[dict[str, Any]]:
    """Return the first ``count`` revisions as the fields of their messages, each against the one before it."""
    configurations = [*(configuration(row) for row in rows), None]
    return [
        {
            "revision": row.revision,
            "action": number(_ACTION, row.action),
            "actor": row.actor,
            "created_at": timestamp(row.created_at),
            "restored_from": row.restored_from,
            "configuration": after,
            "changes": changes(before, after),
        }
        for row, (after, before) in zip(rows[:count], pairwise(configurations), strict=False)
    ]
