"""Exports: created once under a key, artifacts kept for download, and the runs that an automation delivers or keeps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, or_
from sqlalchemy import select as select_columns
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import NotFound
from automation_engine.rules.model import ExportState
from automation_engine.store import announcements, work
from automation_engine.store.database import Reader, Transaction
from automation_engine.store.runs import WITH_RESULTS
from automation_engine.store.tables import (
    Automation,
    Connector,
    Delivery,
    Export,
    ExportChunk,
    PromptRun,
    RunItem,
    SegmentResult,
    SpentToken,
    Video,
    Work,
)

TERMINAL = ("completed", "failed")
KEPT = 7 * 86400.0
"""Seconds that an artifact is kept for download after its export has completed."""

_WORK_OF = and_(col(Work.kind) == work.EXPORT, col(Work.subject) == col(Export.export_id))
_CHUNK: Any = vars(ExportChunk)["__table__"].c
_PIECE = select_columns(_CHUNK.data).where(
    _CHUNK.export_id == bindparam("b_export_id"), _CHUNK.ordinal == bindparam("b_ordinal")
)


async def create(
    tx: Transaction,
    *,
    export_key: str,
    owner: str,
    export_type: str,
    target_id: str,
    index_id: str | None,
    prompt_run_ids: list[str] | None,
    connector: Connector | None,
    subpath: str | None,
    automation_id: str | None = None,
) -> Export:
    """Create an export, to a connector or (None) for download. The same key again returns the first one."""
    known = (await tx.exec(select(Export).where(Export.export_key == export_key))).one_or_none()
    if known is not None:
        return known
    export = Export(
        export_id=tx.new_id("exp"),
        export_key=export_key,
        owner=owner,
        automation_id=automation_id,
        export_type=export_type,
        target_id=target_id,
        index_id=index_id,
        prompt_run_ids=prompt_run_ids,
        destination_type="download" if connector is None else "connector",
        destination_connector_id=None if connector is None else connector.connector_id,
        destination_base_path=None if connector is None else connector.export_base_path,
        destination_subpath=None if connector is None else subpath,
        status="pending",
        created_at=tx.now,
        updated_at=tx.now,
    )
    tx.add(export)
    await tx.flush()
    await work.enqueue(tx, work.EXPORT, export.export_id)
    return export


async def queue_run(tx: Transaction, row: Automation, run_id: str, generation: int) -> None:
    """Keep a finished run for delivery, once: also when it waits since an earlier generation."""
    if any(delivery.run_id == run_id for delivery in await queued(tx, row.seq)):
        return
    insert = sqlite.insert if tx.get_bind().dialect.name == "sqlite" else postgresql.insert
    await tx.exec(
        insert(Delivery)
        .values(automation_seq=row.seq, run_id=run_id, generation=generation, export_id=None, queued_at=tx.now)
        .on_conflict_do_nothing()
    )


async def queued(session: AsyncSession, automation_seq: int | None) -> Sequence[Delivery]:
    """Return the runs that wait to be delivered, the oldest first."""
    statement = (
        select(Delivery)
        .where(Delivery.automation_seq == automation_seq, col(Delivery.export_id).is_(None))
        .order_by(col(Delivery.queued_at), col(Delivery.run_id))
    )
    return (await session.exec(statement)).all()


async def start_queued(tx: Transaction, row: Automation, state: ExportState) -> None:
    """Start an export for every run that waits, once for the generation: its key says so."""
    waiting = await queued(tx, row.seq)
    if not waiting:
        return
    connector = await tx.get(Connector, state.destination_connector_id)
    if connector is None:
        raise ValueError(f"automation {row.automation_id}: connector {state.destination_connector_id} is gone")
    for delivery in waiting:
        export = await create(
            tx,
            export_key=f"auto:{row.automation_id}:{state.generation}:{delivery.run_id}",
            owner=row.owner,
            automation_id=row.automation_id,
            export_type="prompt_run",
            target_id=delivery.run_id,
            index_id=row.index_id,
            prompt_run_ids=[delivery.run_id],
            connector=connector,
            subpath=state.destination_subpath,
        )
        delivery.export_id, delivery.generation = export.export_id, state.generation
        row.last_export_id, row.last_run_id, row.last_fired_at = export.export_id, delivery.run_id, tx.now
        tx.add(delivery)
        await announcements.automation(tx, row, "triggered", export_id=export.export_id, run_id=delivery.run_id)
    tx.add(row)
    await tx.flush()


async def newest_undelivered(session: AsyncSession, row: Automation, generation: int) -> str | None:
    """Return the index's newest finished run, unless it waits already or was delivered in this generation."""
    newest = (
        select(PromptRun.run_id)
        .where(PromptRun.index_id == row.index_id, col(PromptRun.status).in_(WITH_RESULTS))
        .order_by(col(PromptRun.created_at).desc(), col(PromptRun.run_id).desc())
        .limit(1)
    )
    run_id = (await session.exec(newest)).one_or_none()
    known = select(Delivery.run_id).where(
        Delivery.automation_seq == row.seq,
        Delivery.run_id == run_id,
        or_(col(Delivery.generation) == generation, col(Delivery.export_id).is_(None)),
    )
    return None if run_id is None or (await session.exec(known)).first() is not None else run_id


async def delivery_counts(session: AsyncSession, row: Automation, generation: int) -> dict[str, int]:
    """Count an automation's deliveries: ``pending`` of all generations, ``completed`` and ``failed`` of this one."""
    statement = (
        select(Export.status, Delivery.generation, func.count())
        .select_from(Delivery)
        .join(Export, col(Export.export_id) == col(Delivery.export_id), isouter=True)
        .where(Delivery.automation_seq == row.seq)
        .group_by(col(Export.status), col(Delivery.generation))
    )
    counts = {"pending": 0, "completed": 0, "failed": 0}
    for status, since, count in (await session.exec(statement)).all():
        if status not in TERMINAL:
            counts["pending"] += count
        elif since == generation:
            counts[status] += count
    return counts


async def undelivered(session: AsyncSession, row: Automation, *, limit: int) -> Sequence[str]:
    """Return the runs that an automation keeps or is delivering, the oldest first."""
    statement = (
        select(Delivery.run_id)
        .join(Export, col(Export.export_id) == col(Delivery.export_id), isouter=True)
        .where(
            Delivery.automation_seq == row.seq,
            or_(col(Delivery.export_id).is_(None), col(Export.status).not_in(TERMINAL)),
        )
        .order_by(col(Delivery.queued_at), col(Delivery.run_id))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def last_delivered(session: AsyncSession, row: Automation) -> Export | None:
    """Return the export that an automation delivered last."""
    statement = (
        select(Export)
        .where(Export.automation_id == row.automation_id, Export.status == "completed")
        .order_by(col(Export.completed_at).desc())
        .limit(1)
    )
    return (await session.exec(statement)).one_or_none()


async def drop_deliveries(tx: Transaction, row: Automation, *, forget: bool) -> None:
    """Delete the runs that an automation keeps; with ``forget`` the memory of what it delivered, too."""
    statement = delete(Delivery).where(col(Delivery.automation_seq) == row.seq)
    await tx.exec(statement if forget else statement.where(col(Delivery.export_id).is_(None)))


async def find(session: AsyncSession, owner: str, export_id: str) -> tuple[Export, Work | None]:
    """Return an owner's export with its unit of work. Raises ``NotFound``."""
    statement = select(Export, Work).join(Work, _WORK_OF, isouter=True)
    statement = statement.where(Export.owner == owner, Export.export_id == export_id)
    found = (await session.exec(statement)).one_or_none()
    if found is None:
        raise NotFound(f"there is no export {export_id}")
    return found[0], found[1]


async def listed(session: AsyncSession, owner: str, *, limit: int) -> Sequence[tuple[Export, Work | None]]:
    """Return an owner's exports with their units of work, the newest first."""
    newest = (col(Export.created_at).desc(), col(Export.export_id).desc())
    statement = select(Export, Work).join(Work, _WORK_OF, isouter=True)
    statement = statement.where(Export.owner == owner).order_by(*newest).limit(limit)
    return (await session.exec(statement)).all()


def downloadable(export: Export, now: float) -> bool:
    """Whether an export's artifact is kept for download."""
    return (
        export.destination_type == "download"
        and export.status == "completed"
        and export.completed_at is not None
        and now < export.completed_at + KEPT
    )


async def pieces(reader: Reader, export_id: str) -> AsyncGenerator[bytes, None]:
    """Yield what is kept of an artifact, piece by piece; no transaction is open between two of them."""
    ordinal = 0
    while rows := await reader.fetch(_PIECE, {"b_export_id": export_id, "b_ordinal": ordinal}):
        yield rows[0].data
        ordinal += 1


async def drop_chunks(tx: Transaction, export_id: str) -> None:
    """Delete what is kept of an export's artifact."""
    await tx.exec(delete(ExportChunk).where(col(ExportChunk.export_id) == export_id))


async def drop_expired(tx: Transaction) -> None:
    """Delete the artifacts that nobody may download any more."""
    expired = (
        select(ExportChunk.export_id)
        .join(Export, col(Export.export_id) == col(ExportChunk.export_id))
        .where(col(Export.completed_at) <= tx.now - KEPT)
    )
    await tx.exec(delete(ExportChunk).where(col(ExportChunk.export_id).in_(expired)))


async def spend(tx: Transaction, nonce: bytes, expires_at: float) -> bool:
    """Use a download token up; False when it was before. Tokens that expired need no memory."""
    await tx.exec(delete(SpentToken).where(col(SpentToken.expires_at) <= tx.now))
    insert = sqlite.insert if tx.dialect == "sqlite" else postgresql.insert
    row = insert(SpentToken).values(nonce=nonce, expires_at=expires_at).on_conflict_do_nothing()
    return bool(await tx.change(row))


async def chosen_runs(session: AsyncSession, export: Export) -> Sequence[PromptRun]:
    """Return the runs whose results an export holds, the oldest first."""
    statement = select(PromptRun).order_by(col(PromptRun.created_at), col(PromptRun.run_id))
    if export.prompt_run_ids is not None:
        statement = statement.where(col(PromptRun.run_id).in_(export.prompt_run_ids))
    else:
        statement = statement.where(PromptRun.index_id == export.target_id, col(PromptRun.status).in_(WITH_RESULTS))
    return (await session.exec(statement)).all()


async def results(session: AsyncSession, run_id: str) -> AsyncGenerator[tuple[SegmentResult, Video | None], None]:
    """Stream a run's results with their media, in order of media and time."""
    statement = (
        select(SegmentResult, Video)
        .join(
            RunItem,
            and_(
                col(RunItem.run_id) == col(SegmentResult.run_id), col(RunItem.video_id) == col(SegmentResult.video_id)
            ),
        )
        .join(Video, col(Video.video_id) == col(SegmentResult.video_id), isouter=True)
        .where(SegmentResult.run_id == run_id)
        .order_by(col(RunItem.ordinal), col(SegmentResult.ordinal))
        .execution_options(yield_per=500)
    )
    async for row in await session.stream(statement):
        yield row[0], row[1]
