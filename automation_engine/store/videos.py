"""Videos: what was imported, the runs that cover it, and the segments that they cut it into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Integer, and_, case, delete, func, or_
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import Conflict, NotFound
from automation_engine.store import deletions
from automation_engine.store.database import Transaction
from automation_engine.store.tables import PromptRun, RunItem, SegmentResult, Video, VideoResult

_CHUNK = 500
"""Ids in one statement: below every database's limit of parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """A run that covers a video: how far it has come with it, and the fields of the video's first segment."""

    run: PromptRun
    item: RunItem
    segments: int = 0
    failures: int = 0
    fields: frozenset[str] = frozenset()


async def find(session: AsyncSession, owner: str, video_id: str) -> Video:
    """Return an owner's video. Raises ``NotFound``."""
    video = (await session.exec(select(Video).where(Video.owner == owner, Video.video_id == video_id))).one_or_none()
    if video is None:
        raise NotFound(f"there is no video {video_id}")
    return video


async def of_index(
    session: AsyncSession, index_id: str, *, after: tuple[float, str] | None = None, limit: int | None = None
) -> Sequence[Video]:
    """Return an index's videos, the oldest first, behind a position ``(created_at, video_id)``."""
    statement = (
        select(Video)
        .where(Video.index_id == index_id)
        .order_by(col(Video.created_at), col(Video.video_id))
        .limit(limit)
    )
    if after is not None:
        created_at, video_id = after
        same = and_(col(Video.created_at) == created_at, col(Video.video_id) > video_id)
        statement = statement.where(or_(col(Video.created_at) > created_at, same))
    return (await session.exec(statement)).all()


async def owned(session: AsyncSession, owner: str, video_ids: Sequence[str]) -> dict[str, Video]:
    """Return those of the videos that the owner has, by id, in the order that was asked for."""
    found: dict[str, Video] = {}
    for at in range(0, len(video_ids), _CHUNK):
        chunk = video_ids[at : at + _CHUNK]
        statement = select(Video).where(Video.owner == owner, col(Video.video_id).in_(chunk))
        found |= {video.video_id: video for video in (await session.exec(statement)).all()}
    return {video_id: found[video_id] for video_id in video_ids if video_id in found}


async def coverage(session: AsyncSession, video_ids: Sequence[str]) -> dict[str, list[Coverage]]:
    """Return for each of at most 500 videos the runs that cover it, the newest first."""
    statement = (
        select(RunItem, PromptRun)
        .join(PromptRun, col(PromptRun.run_id) == col(RunItem.run_id))
        .where(col(RunItem.video_id).in_(video_ids))
        .order_by(col(PromptRun.created_at).desc(), col(PromptRun.run_id).desc())
    )
    pairs = (await session.exec(statement)).all()
    counted = await _counted(session, sorted({run.run_id for _, run in pairs}), video_ids)
    fields = await _fields(session, sorted({run.run_id for _, run in pairs}), video_ids)
    covered: dict[str, list[Coverage]] = {video_id: [] for video_id in video_ids}
    for item, run in pairs:
        segments, failures = counted.get((run.run_id, item.video_id), (0, 0))
        covered[item.video_id].append(
            Coverage(
                run=run,
                item=item,
                segments=segments,
                failures=failures,
                fields=fields.get((run.run_id, item.video_id), frozenset()),
            )
        )
    return covered


async def _counted(
    session: AsyncSession, run_ids: Sequence[str], video_ids: Sequence[str]
) -> dict[tuple[str, str], tuple[int, int]]:
    """Count segments, and those of them whose fields were not extracted, along the primary key."""
    errors = func.sum(case((col(SegmentResult.error).is_not(None), 1), else_=0), type_=Integer)
    statement = (
        select_columns(col(SegmentResult.run_id), col(SegmentResult.video_id), func.count(), errors)
        .where(col(SegmentResult.run_id).in_(run_ids), col(SegmentResult.video_id).in_(video_ids))
        .group_by(col(SegmentResult.run_id), col(SegmentResult.video_id))
    )
    rows = (await (await session.connection()).execute(statement)).all()
    return {(run_id, video_id): (segments, failures) for run_id, video_id, segments, failures in rows}


async def _fields(
    session: AsyncSession, run_ids: Sequence[str], video_ids: Sequence[str]
) -> dict[tuple[str, str], frozenset[str]]:
    statement = select(SegmentResult.run_id, SegmentResult.video_id, SegmentResult.data).where(
        col(SegmentResult.run_id).in_(run_ids), col(SegmentResult.video_id).in_(video_ids), SegmentResult.ordinal == 0
    )
    return {(run_id, video_id): frozenset(data) for run_id, video_id, data in (await session.exec(statement)).all()}


async def runs_with_results(session: AsyncSession, video_id: str) -> Sequence[str]:
    """Return the runs that have results of a video, the newest first."""
    statement = (
        select(PromptRun.run_id)
        .join(RunItem, col(RunItem.run_id) == col(PromptRun.run_id))
        .join(
            SegmentResult,
            and_(
                col(SegmentResult.run_id) == col(RunItem.run_id),
                col(SegmentResult.video_id) == col(RunItem.video_id),
                col(SegmentResult.ordinal) == 0,
            ),
        )
        .where(RunItem.video_id == video_id)
        .order_by(col(PromptRun.created_at).desc(), col(PromptRun.run_id).desc())
    )
    return (await session.exec(statement)).all()


async def segments(
    session: AsyncSession,
    video_id: str,
    run_ids: Sequence[str],
    *,
    after: tuple[float, str, int] | None,
    limit: int,
) -> Sequence[SegmentResult]:
    """Return a video's segments in those runs by start, behind a position ``(start_time, run_id, ordinal)``."""
    start, run, ordinal = col(SegmentResult.start_time), col(SegmentResult.run_id), col(SegmentResult.ordinal)
    statement = (
        select(SegmentResult)
        .where(run.in_(run_ids), SegmentResult.video_id == video_id)
        .order_by(start, run, ordinal)
        .limit(limit)
    )
    if after is not None:
        at, run_id, last = after
        same_start = and_(start == at, or_(run > run_id, and_(run == run_id, ordinal > last)))
        statement = statement.where(or_(start > at, same_start))
    return (await session.exec(statement)).all()


async def remove(tx: Transaction, owner: str, video_id: str) -> None:
    """Delete a video and its results; doing it again changes nothing. Its source and its ledger entry stay.

    Runs keep what they counted. Raises ``NotFound`` for what never was the owner's, ``Conflict`` while a run
    works on it.
    """
    statement = select(Video).where(Video.owner == owner, Video.video_id == video_id).with_for_update()
    video = (await tx.exec(statement)).one_or_none()
    if video is None:
        if not await deletions.known(tx, owner, video_id):
            raise NotFound(f"there is no video {video_id}")
        return
    items = (await tx.exec(select(RunItem).where(RunItem.video_id == video_id))).all()
    working = [item.run_id for item in items if item.status == "pending"]
    if working:
        raise Conflict(f"prompt run {working[0]} is working on video {video_id}: wait for it, or cancel it first")
    run_ids = [item.run_id for item in items]
    for at in range(0, len(run_ids), _CHUNK):
        chunk = run_ids[at : at + _CHUNK]
        for table in (SegmentResult, VideoResult):
            await tx.exec(delete(table).where(col(table.run_id).in_(chunk), col(table.video_id) == video_id))
    await tx.delete(video)
    deletions.record(tx, owner, video_id)
    await tx.flush()
