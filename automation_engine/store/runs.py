"""Prompt runs: submitted once under a key, worked through item by item, ended in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Integer, and_, case, exists, func, insert, or_, update
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from automation_engine.errors import NotFound
from automation_engine.rules.model import BACKOFF_MAX
from automation_engine.store import announcements, work
from automation_engine.store.database import Transaction
from automation_engine.store.tables import PromptRun, RunItem, SegmentResult, Video, VideoResult

TERMINAL = ("completed", "completed_with_failures", "failed", "cancelled")
WITH_RESULTS = ("completed", "completed_with_failures")

_LACKING = case((col(VideoResult.error).is_not(None), 1), else_=0)


async def submit(
    tx: Transaction,
    *,
    run_key: str,
    owner: str,
    index_id: str | None,
    preset: dict[str, Any],
    context: dict[str, Any],
    executed_by: str,
    videos: Sequence[Video],
) -> PromptRun:
    """Submit a run over media that were imported. Submitting under the same key again returns the first run."""
    known = (await tx.exec(select(PromptRun).where(PromptRun.run_key == run_key))).one_or_none()
    if known is not None:
        return known
    run = PromptRun(
        run_id=tx.new_id("run"),
        run_key=run_key,
        owner=owner,
        index_id=index_id,
        prompt_id=preset["prompt_id"],
        preset=preset,
        context=context,
        executed_by=executed_by,
        status="pending",
        total_items=len(videos),
        media_seconds=sum(video.facts.get("duration") or 0.0 for video in videos),
        created_at=tx.now,
    )
    tx.add(run)
    await tx.flush()
    items = [
        {"run_id": run.run_id, "video_id": video.video_id, "ordinal": at, "status": "pending"}
        for at, video in enumerate(videos)
    ]
    if items:
        await tx.exec(insert(RunItem), params=items)
    await work.enqueue(tx, work.PROMPT_RUN, run.run_id)
    return run


async def find(session: AsyncSession, owner: str, run_id: str) -> PromptRun:
    """Return an owner's run. Raises ``NotFound``."""
    run = (await session.exec(_owned(owner, run_id))).one_or_none()
    if run is None:
        raise NotFound(f"there is no prompt run {run_id}")
    return run


async def locked(tx: Transaction, owner: str, run_id: str) -> PromptRun:
    """Return an owner's run that nobody else can change until this transaction ends. Raises ``NotFound``."""
    statement = _owned(owner, run_id).with_for_update().execution_options(populate_existing=True)
    run = (await tx.exec(statement)).one_or_none()
    if run is None:
        raise NotFound(f"there is no prompt run {run_id}")
    return run


def _owned(owner: str, run_id: str) -> SelectOfScalar[PromptRun]:
    return select(PromptRun).where(PromptRun.owner == owner, PromptRun.run_id == run_id)


_NEWEST = (col(PromptRun.created_at).desc(), col(PromptRun.run_id).desc())


async def listed(
    session: AsyncSession, owner: str, *, status: str | None = None, index_id: str | None = None, limit: int
) -> Sequence[PromptRun]:
    """Return an owner's runs, the newest first: all of them, or those in a status or of an index."""
    statement = select(PromptRun).where(PromptRun.owner == owner).order_by(*_NEWEST).limit(limit)
    if status is not None:
        statement = statement.where(PromptRun.status == status)
    if index_id is not None:
        statement = statement.where(PromptRun.index_id == index_id)
    return (await session.exec(statement)).all()


async def of_index(
    session: AsyncSession, index_id: str, *, after: tuple[float, str] | None, limit: int
) -> Sequence[PromptRun]:
    """Return an index's runs, the newest first, behind a position ``(created_at, run_id)``."""
    statement = select(PromptRun).where(PromptRun.index_id == index_id).order_by(*_NEWEST).limit(limit)
    if after is not None:
        created_at, run_id = after
        older = and_(col(PromptRun.created_at) == created_at, col(PromptRun.run_id) < run_id)
        statement = statement.where(or_(col(PromptRun.created_at) < created_at, older))
    return (await session.exec(statement)).all()


async def of_video(session: AsyncSession, video_id: str, *, limit: int) -> Sequence[PromptRun]:
    """Return the runs that cover a video, the newest first."""
    statement = (
        select(PromptRun)
        .join(RunItem, col(RunItem.run_id) == col(PromptRun.run_id))
        .where(RunItem.video_id == video_id)
        .order_by(*_NEWEST)
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def media_counts(session: AsyncSession, run_ids: Sequence[str]) -> dict[str, dict[tuple[str, str], int]]:
    """Count each run's items by media type and status.

    An item that failed with results for some of its segments is ``partial``. Media that were deleted count as videos.
    """
    some = exists().where(
        col(SegmentResult.run_id) == col(RunItem.run_id), col(SegmentResult.video_id) == col(RunItem.video_id)
    )
    items = (
        select_columns(
            col(RunItem.run_id).label("run_id"),
            func.coalesce(Video.media_type, "video").label("media_type"),
            case((and_(col(RunItem.status) == "failed", some), "partial"), else_=col(RunItem.status)).label("status"),
        )
        .join(Video, col(Video.video_id) == col(RunItem.video_id), isouter=True)
        .where(col(RunItem.run_id).in_(run_ids))
        .subquery()
    )
    statement = select_columns(items, func.count()).group_by(items.c.run_id, items.c.media_type, items.c.status)
    counts: dict[str, dict[tuple[str, str], int]] = {run_id: {} for run_id in run_ids}
    for run_id, media, state, count in (await (await session.connection()).execute(statement)).all():
        counts[run_id][media, state] = count
    return counts


async def video_level_counts(session: AsyncSession, run_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Count media that were analysed as a whole, by run: those with every required field, and those that lack some."""
    failed = func.sum(_LACKING, type_=Integer)
    statement = (
        select_columns(col(VideoResult.run_id), func.count(), failed)
        .where(col(VideoResult.run_id).in_(run_ids))
        .group_by(col(VideoResult.run_id))
    )
    rows = (await (await session.connection()).execute(statement)).all()
    counts = dict.fromkeys(run_ids, (0, 0))
    return counts | {run_id: (total - lacking, lacking) for run_id, total, lacking in rows}


async def video_level_failures(session: AsyncSession, run_id: str) -> int:
    """Return how many media lack a field that was required of them as a whole."""
    return (await video_level_counts(session, [run_id]))[run_id][1]


async def item_of(
    session: AsyncSession, run_id: str, video_id: str
) -> tuple[RunItem, VideoResult | None, Video | None] | None:
    """Return a run's item with what was found in the media as a whole, and the media; None if it covers no such one."""
    same = and_(col(VideoResult.run_id) == col(RunItem.run_id), col(VideoResult.video_id) == col(RunItem.video_id))
    statement = (
        select(RunItem, VideoResult, Video)
        .join(VideoResult, same, isouter=True)
        .join(Video, col(Video.video_id) == col(RunItem.video_id), isouter=True)
        .where(RunItem.run_id == run_id, RunItem.video_id == video_id)
    )
    row = (await session.exec(statement)).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


async def results(
    session: AsyncSession, run_id: str, *, video_id: str | None, after: tuple[str, int] | None, limit: int
) -> Sequence[tuple[SegmentResult, Video | None]]:
    """Return a run's results with their media, by video and time, behind a position ``(video_id, ordinal)``."""
    statement = (
        select(SegmentResult, Video)
        .join(Video, col(Video.video_id) == col(SegmentResult.video_id), isouter=True)
        .where(SegmentResult.run_id == run_id)
        .order_by(col(SegmentResult.video_id), col(SegmentResult.ordinal))
        .limit(limit)
    )
    if video_id is not None:
        statement = statement.where(SegmentResult.video_id == video_id)
    if after is not None:
        video, ordinal = after
        later = and_(col(SegmentResult.video_id) == video, col(SegmentResult.ordinal) > ordinal)
        statement = statement.where(or_(col(SegmentResult.video_id) > video, later))
    return (await session.exec(statement)).all()


async def segment_counts(session: AsyncSession, run_id: str, video_id: str) -> tuple[int, int]:
    """Count a video's segments in a run: those with all their fields, and those without."""
    errors = func.coalesce(func.sum(case((col(SegmentResult.error).is_not(None), 1), else_=0), type_=Integer), 0)
    statement = select(func.count(), errors).where(SegmentResult.run_id == run_id, SegmentResult.video_id == video_id)
    total, failed = (await session.exec(statement)).one()
    return total - failed, failed


async def failures(session: AsyncSession, run_id: str) -> tuple[Sequence[SegmentResult], Sequence[RunItem]]:
    """Return a run's segments whose fields were not extracted, by video and time, and the items that failed whole."""
    segments = (
        select(SegmentResult)
        .where(SegmentResult.run_id == run_id, col(SegmentResult.error).is_not(None))
        .order_by(col(SegmentResult.video_id), col(SegmentResult.ordinal))
    )
    items = select(RunItem).where(RunItem.run_id == run_id, RunItem.status == "failed").order_by(col(RunItem.video_id))
    return (await session.exec(segments)).all(), (await session.exec(items)).all()


async def finished(session: AsyncSession, owner: str, run_ids: Sequence[str]) -> dict[str, PromptRun]:
    """Return those of an owner's runs that ended with results, by id."""
    statement = select(PromptRun).where(
        PromptRun.owner == owner, col(PromptRun.run_id).in_(run_ids), col(PromptRun.status).in_(WITH_RESULTS)
    )
    return {run.run_id: run for run in (await session.exec(statement)).all()}


async def next_items(
    session: AsyncSession, run_id: str, now: float, *, limit: int
) -> Sequence[tuple[RunItem, Video | None]]:
    """Return items that may be tried now with their media (None where it was deleted), in order.

    An attempt too far ahead was set before the clock was set back.
    """
    at = col(RunItem.next_attempt_at)
    statement = (
        select(RunItem, Video)
        .join(Video, col(Video.video_id) == col(RunItem.video_id), isouter=True)
        .where(RunItem.run_id == run_id, RunItem.status == "pending", or_(at <= now, at > now + BACKOFF_MAX))
        .order_by(col(RunItem.ordinal))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def next_attempt_at(session: AsyncSession, run_id: str) -> float | None:
    """Return when the next item of the run may be tried; None when no item is left."""
    statement = select(func.min(RunItem.next_attempt_at)).where(RunItem.run_id == run_id, RunItem.status == "pending")
    return (await session.exec(statement)).one()


async def segments_done(session: AsyncSession, run_id: str, video_id: str) -> int:
    """Return how many segments of an item were written already, by an attempt that did not end."""
    statement = select(func.count()).where(SegmentResult.run_id == run_id, SegmentResult.video_id == video_id)
    return (await session.exec(statement)).one()


async def add_results(tx: Transaction, results: Sequence[dict[str, Any]]) -> None:
    """Write segment results: dicts of the columns of ``SegmentResult``."""
    if results:
        await tx.exec(insert(SegmentResult), params=list(results))


def add_video_result(tx: Transaction, item: RunItem, data: Mapping[str, Any], error: str | None) -> None:
    """Write what was found in an item's media as a whole."""
    tx.add(VideoResult(run_id=item.run_id, video_id=item.video_id, data=dict(data), error=error, created_at=tx.now))


async def start_item(tx: Transaction, item: RunItem) -> None:
    """Record when an item's first attempt began."""
    await tx.exec(
        update(RunItem)
        .where(col(RunItem.run_id) == item.run_id, col(RunItem.video_id) == item.video_id)
        .values(started_at=item.started_at)
    )


async def end_item(tx: Transaction, item: RunItem, status: str, *, total_segments: int, error: str | None) -> None:
    """Record how an item ended: completed, or failed with the reason."""
    await tx.exec(
        update(RunItem)
        .where(col(RunItem.run_id) == item.run_id, col(RunItem.video_id) == item.video_id)
        .values(
            status=status,
            total_segments=total_segments,
            error=error,
            attempts=item.attempts + 1,
            started_at=item.started_at,
            completed_at=tx.now,
        )
    )
    await announcements.item_ended(tx, await tally(tx, item.run_id), item, status, error)


async def postpone_item(tx: Transaction, item: RunItem, reason: str, *, until: float) -> None:
    """Record a failure that may pass: the item alone waits for its next attempt."""
    await tx.exec(
        update(RunItem)
        .where(col(RunItem.run_id) == item.run_id, col(RunItem.video_id) == item.video_id)
        .values(attempts=item.attempts + 1, next_attempt_at=until, error=reason)
    )


async def item_waits(tx: Transaction, item: RunItem, reason: str) -> None:
    """Record what keeps an item from being read, which is no failure of its own: the attempt does not count."""
    await tx.exec(
        update(RunItem)
        .where(col(RunItem.run_id) == item.run_id, col(RunItem.video_id) == item.video_id)
        .values(attempts=item.attempts, next_attempt_at=item.next_attempt_at, error=reason)
    )


async def item_got_on(tx: Transaction, item: RunItem) -> None:
    """Record that an attempt came further than the ones before it: they are forgotten."""
    item.attempts = 0
    await tx.exec(
        update(RunItem)
        .where(col(RunItem.run_id) == item.run_id, col(RunItem.video_id) == item.video_id)
        .values(attempts=0)
    )


async def tally(tx: Transaction, run_id: str) -> PromptRun:
    """Bring a run's counters up to what its items and results say."""
    counted = select(
        func.coalesce(func.sum(case((col(RunItem.status) == "completed", 1), else_=0)), 0),
        func.coalesce(func.sum(case((col(RunItem.status) == "failed", 1), else_=0)), 0),
        func.coalesce(func.sum(RunItem.total_segments), 0),
    ).where(RunItem.run_id == run_id)
    completed, failed, total_segments = (await tx.exec(counted)).one()
    errors = func.coalesce(func.sum(case((col(SegmentResult.error).is_not(None), 1), else_=0)), 0)
    segments, extraction_failures = (
        await tx.exec(select(func.count(), errors).where(SegmentResult.run_id == run_id))
    ).one()
    run = (await tx.exec(select(PromptRun).where(PromptRun.run_id == run_id).with_for_update())).one()
    run.completed_items, run.failed_items = completed, failed
    run.total_segments, run.completed_segments = max(total_segments, segments), segments - extraction_failures
    run.extraction_failures = extraction_failures
    tx.add(run)
    return run


async def cancel_items(tx: Transaction, run_id: str) -> None:
    """Cancel what a run has not begun or not finished."""
    await tx.exec(
        update(RunItem)
        .where(col(RunItem.run_id) == run_id, col(RunItem.status) == "pending")
        .values(status="cancelled", completed_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def segment_id(video_id: str, ordinal: int) -> str:
    """Return the id of a segment: the same in every run that cuts the media alike."""
    return f"seg_{video_id.removeprefix('vid_')}_{ordinal}"


def outcome(run: PromptRun, video_level_failures: int = 0) -> str:
    """Return the status of a run that has nothing left to do."""
    if run.total_items and run.failed_items == run.total_items:
        return "failed"
    failures = run.failed_items + run.extraction_failures + video_level_failures
    return "completed_with_failures" if failures else "completed"
