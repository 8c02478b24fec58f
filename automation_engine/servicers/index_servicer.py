"""``IndexService``: the collections that media are imported into."""

from __future__ import annotations

from typing import Any

from automation_engine.errors import Conflict
from automation_engine.servicers import caller
from automation_engine.servicers.times import timestamp
from automation_engine.store import deletions, indexes
from automation_engine.store.database import Database
from automation_engine.store.tables import MediaIndex
from automation_engine.v1 import index_pb2
from automation_engine.v1 import index_service_pb2 as pb
from automation_engine.v1.index_service_pb2_grpc import IndexServiceServicer

_NAMED = 5


def message(row: MediaIndex) -> index_pb2.Index:
    """Return an index as its message."""
    return index_pb2.Index(
        index_id=row.index_id,
        name=row.name,
        user_id=row.owner,
        created_at=timestamp(row.created_at),
        description=row.description,
        sort_order=row.sort_order,
        is_default=row.is_default,
    )


class IndexServicer(IndexServiceServicer):
    """Indexes of the caller. Two of them may share a name."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def CreateIndex(
        self,
        request: pb.CreateIndexRequest,
        context: Any,
    ) -> pb.CreateIndexResponse:
        """Create an index."""
        async with self._database.transaction() as tx:
            row = MediaIndex(
                index_id=tx.new_id("idx"),
                owner=caller.current().owner,
                name=request.name,
                description=request.description if request.HasField("description") else None,
                created_at=tx.now,
            )
            tx.add(row)
        return pb.CreateIndexResponse(index=message(row))

    async def ListIndexes(
        self,
        request: pb.ListIndexesRequest,
        context: Any,
    ) -> pb.ListIndexesResponse:
        """List the caller's indexes, the oldest first."""
        include_defaults = request.include_defaults if request.HasField("include_defaults") else True
        async with self._database.reading() as session:
            rows = await indexes.owned(session, caller.current().owner, include_defaults=include_defaults)
        return pb.ListIndexesResponse(indexes=[message(row) for row in rows])

    async def GetIndex(
        self,
        request: pb.GetIndexRequest,
        context: Any,
    ) -> pb.GetIndexResponse:
        """Return an index. Raises ``NotFound``."""
        async with self._database.reading() as session:
            row = await indexes.find(session, caller.current().owner, request.index_id)
        return pb.GetIndexResponse(index=message(row))

    async def DeleteIndex(
        self,
        request: pb.DeleteIndexRequest,
        context: Any,
    ) -> pb.DeleteIndexResponse:
        """Delete an index with all that belongs to it, at once; what was deleted before is.

        Raises ``NotFound``, and ``Conflict`` while something in it is at work.
        """
        owner = caller.current().owner
        async with self._database.transaction() as tx:
            if await deletions.known(tx, owner, request.index_id):
                return pb.DeleteIndexResponse(**_deleted(request.index_id))
            row = await indexes.find(tx, owner, request.index_id)
            await indexes.stop_automations(tx, row.index_id)
            if running := await indexes.running_work(tx, row.index_id):
                named = ", ".join(running[:_NAMED])
                more = f" and {len(running) - _NAMED} more" if len(running) > _NAMED else ""
                raise Conflict(
                    f"index {row.index_id} can't be deleted while {named}{more} is at work: pause its automations, "
                    "then cancel the work or wait for its end"
                )
            await indexes.delete(tx, row)
            deletions.record(tx, owner, row.index_id)
        return pb.DeleteIndexResponse(**_deleted(row.index_id))

    async def GetIndexDeletion(
        self,
        request: pb.GetIndexDeletionRequest,
        context: Any,
    ) -> pb.GetIndexDeletionResponse:
        """Tell how far the deletion of an index has come: each one is at its end at once. Raises ``NotFound``."""
        async with self._database.reading() as session:
            row = await deletions.find(session, caller.current().owner, request.index_id)
        return pb.GetIndexDeletionResponse(**_deleted(row.subject_id))


def _deleted(index_id: str) -> dict[str, Any]:
    return {
        "index_id": index_id,
        "deletion_id": deletions.deletion_id(index_id),
        "status": index_pb2.DELETION_STATUS_DELETED,
    }
