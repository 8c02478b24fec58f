"""The files of a ledger as people ask for them: a page, the newest version of a key, and where each of them led.

From a path to its job, its video, the runs that analysed it, the exports that delivered what they found, and back.
Whatever a page holds is looked up for all of its lines together, along an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.rules.model import LedgerState
from automation_engine.store import exports
from automation_engine.store.automations import row_seq
from automation_engine.store.ledger import CHUNK
from automation_engine.store.tables import (
    NOT_IMPORTED,
    Automation,
    Batch,
    Export,
    ImportFile,
    ImportJob,
    LedgerEntry,
    PromptRun,
    RunItem,
    Video,
)

LINKED = 20
"""Most runs, and most exports, that a file is linked to."""
_INDEX_EXPORTS = 200
"""Exports of a whole index that are looked at, the newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which files are wanted: all conditions that are set have to hold."""

    state: str | None = None
    prefix: str = ""
    batch_id: str | None = None
    job_id: str | None = None
    video_id: str | None = None
    run_id: str | None = None
    export_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What became of a version: its batch, the file of its import job, and the video, unless that was deleted."""

    batch_status: str | None = None
    held_reason: str | None = None
    job_id: str | None = None
    job_status: str | None = None
    file_id: str | None = None
    imported_as: str | None = None
    """The video that the file became, also if it was deleted."""
    video_id: str | None = None
    imported_at: float | None = None
    """When the video was made, in seconds since the epoch."""


_LINK = (
    col(Batch.status),
    col(Batch.held_reason),
    col(ImportJob.job_id),
    col(ImportJob.status),
    col(ImportFile.file_id),
    col(ImportFile.video_id),
    col(Video.video_id),
    col(Video.created_at),
)


def _linked(*columns: Any) -> Any:
    """Select of entries, joined with what became of them."""
    return (
        select_columns(*columns, *_LINK)
        .select_from(LedgerEntry)
        .join(Batch, col(Batch.batch_id) == col(LedgerEntry.batch_id), isouter=True)
        .join(ImportJob, col(ImportJob.batch_id) == col(LedgerEntry.batch_id), isouter=True)
        .join(
            ImportFile,
            and_(col(ImportFile.ledger_seq) == col(LedgerEntry.seq), col(ImportFile.job_id) == col(ImportJob.job_id)),
            isouter=True,
        )
        .join(Video, col(Video.video_id) == col(ImportFile.video_id), isouter=True)
    )


def _link(row: Row[Any]) -> Link:
    names = ("batch_status", "held_reason", "job_id", "job_status", "file_id", "imported_as", "video_id", "imported_at")
    return Link(**dict(zip(names, row[1:], strict=True)))


async def newest(session: AsyncSession, automation_seq: int, key: str) -> tuple[LedgerEntry, Link] | None:
    """Return the version of a key that was met last, and what became of it, in one statement; None for no version."""
    statement = (
        _linked(LedgerEntry)
        .where(col(LedgerEntry.automation_seq) == automation_seq, col(LedgerEntry.key) == key)
        .order_by(col(LedgerEntry.epoch).desc(), col(LedgerEntry.seq).desc())
        .limit(1)
    )
    row = (await session.exec(statement)).one_or_none()
    return None if row is None else (row[0], _link(row))


async def newest_of(
    session: AsyncSession, automation_seq: int, keys: Sequence[str]
) -> dict[str, tuple[LedgerEntry, Link]]:
    """Return for each key that the ledger knows its newest version, as ``newest``."""
    found: dict[str, tuple[LedgerEntry, Link]] = {}
    for at in range(0, len(keys), CHUNK):
        statement = (
            _linked(LedgerEntry)
            .where(col(LedgerEntry.automation_seq) == automation_seq, col(LedgerEntry.key).in_(keys[at : at + CHUNK]))
            .order_by(col(LedgerEntry.epoch), col(LedgerEntry.seq))
        )
        for row in (await session.exec(statement)).all():
            found[row[0].key] = (row[0], _link(row))
    return found


async def listed(
    session: AsyncSession, row: Automation, chosen: Chosen, *, after: tuple[str, int] | None, limit: int
) -> Sequence[LedgerEntry]:
    """Return entries by key, the versions of a key newest first, behind a position ``(key, seq)``."""
    key, seq, mine = col(LedgerEntry.key), col(LedgerEntry.seq), col(LedgerEntry.automation_seq)
    statement = select(LedgerEntry).order_by(key, seq.desc()).limit(limit)
    open_state = chosen.state not in {None, LedgerState.IMPORTED.value}
    related = await _related(session, row, chosen)
    if related:
        # What names few files is looked up and sorted: + 0 keeps SQLite, which knows no better, from going through the
        # whole ledger in order of keys instead.
        statement = statement.where(*related, mine + 0 == row_seq(row))
    else:
        index = "ix_ledger_not_imported" if open_state else "ix_ledger_key"
        statement = statement.with_hint(LedgerEntry, f"INDEXED BY {index}", "sqlite").where(mine == row_seq(row))
    if chosen.state is not None:
        statement = statement.where(col(LedgerEntry.state) == chosen.state)
    if open_state:
        statement = statement.where(NOT_IMPORTED)
    for bound in _bounds(chosen.prefix, after):
        statement = statement.where(bound)
    return (await session.exec(statement)).all()


def _bounds(prefix: str, after: tuple[str, int] | None) -> list[ColumnElement[bool]]:
    """Return the range of keys that begin with a prefix and come behind a position."""
    key, end = col(LedgerEntry.key), _behind(prefix)
    bounds = [] if end is None else [key < end]
    if after is not None:
        last, number = after
        bounds.append(or_(key > last, col(LedgerEntry.seq) < number))
        prefix = max(prefix, last)
    return [*bounds, key >= prefix] if prefix else bounds


def _behind(prefix: str) -> str | None:
    """Return the first text, in order of code points, behind all that begin with a prefix; None if there is none."""
    while prefix:
        prefix, last = prefix[:-1], ord(prefix[-1])
        if last < 0x10FFFF:
            return prefix + chr(0xE000 if last == 0xD7FF else last + 1)  # half a surrogate pair is no text
    return None


async def _related(session: AsyncSession, row: Automation, chosen: Chosen) -> list[ColumnElement[bool]]:
    seq, batch = col(LedgerEntry.seq), col(LedgerEntry.batch_id)
    conditions: list[ColumnElement[bool]] = []
    if chosen.batch_id is not None:
        conditions.append(batch == chosen.batch_id)
    if chosen.job_id is not None:
        of_job = select(ImportJob.batch_id).where(ImportJob.job_id == chosen.job_id)
        conditions.append(batch == of_job.scalar_subquery())
    if chosen.video_id is not None:
        conditions.append(seq.in_(select(ImportFile.ledger_seq).where(ImportFile.video_id == chosen.video_id)))
    if chosen.run_id is not None:
        conditions.append(seq.in_(_analysed([chosen.run_id])))
    if chosen.export_id is not None:
        conditions.append(seq.in_(_analysed(await _exported(session, row.owner, chosen.export_id))))
    return conditions


def _analysed(run_ids: Sequence[str]) -> Any:
    """Select the entries of the files that runs analysed."""
    return (
        select(ImportFile.ledger_seq)
        .join(RunItem, col(RunItem.video_id) == col(ImportFile.video_id))
        .where(col(RunItem.run_id).in_(run_ids), col(ImportFile.ledger_seq).is_not(None))
    )


async def _exported(session: AsyncSession, owner: str, export_id: str) -> list[str]:
    """Return the runs whose results an export holds; none for what is not the owner's."""
    statement = select(Export).where(Export.owner == owner, Export.export_id == export_id)
    export = (await session.exec(statement)).one_or_none()
    if export is None:
        return []
    return [run.run_id for run in await exports.chosen_runs(session, export) if _holds(export, run.completed_at)]


def _holds(export: Export, run_completed_at: float | None) -> bool:
    """Whether an export, which takes what is finished, came after a run's end."""
    if export.prompt_run_ids is not None or export.completed_at is None:
        return True
    return run_completed_at is not None and run_completed_at <= export.completed_at


async def links(session: AsyncSession, entries: Sequence[LedgerEntry]) -> dict[int, Link]:
    """Return what became of at most 500 entries, by their number."""
    seqs = [entry.seq for entry in entries if entry.batch_id is not None]
    if not seqs:
        return {}
    statement = _linked(col(LedgerEntry.seq)).where(col(LedgerEntry.seq).in_(seqs))
    return {row[0]: _link(row) for row in (await session.exec(statement)).all()}


async def analyses(session: AsyncSession, video_ids: Sequence[str]) -> dict[str, list[PromptRun]]:
    """Return for each of at most 500 videos the runs that analysed it, newest first, at most ``LINKED``."""
    if not video_ids:
        return {}
    newest_first = (col(PromptRun.created_at).desc(), col(PromptRun.run_id).desc())
    place = func.row_number().over(partition_by=col(RunItem.video_id), order_by=newest_first)
    ranked = (
        select_columns(col(RunItem.video_id), col(RunItem.run_id), place.label("place"))
        .join(PromptRun, col(PromptRun.run_id) == col(RunItem.run_id))
        .where(col(RunItem.video_id).in_(video_ids))
        .subquery()
    )
    statement = (
        select_columns(ranked.c.video_id, PromptRun)
        .join(PromptRun, col(PromptRun.run_id) == ranked.c.run_id)
        .where(ranked.c.place <= LINKED)
        .order_by(ranked.c.place)
    )
    found: dict[str, list[PromptRun]] = {}
    for video_id, run in (await session.exec(statement)).all():  # type: ignore[call-overload]  # a select of SQLAlchemy's
        found.setdefault(video_id, []).append(run)
    return found


async def deliveries(session: AsyncSession, row: Automation, run_ids: Sequence[str]) -> list[Export]:
    """Return the completed exports that may hold results of these runs, newest first."""
    if not run_ids:
        return []
    done = select(Export).where(Export.owner == row.owner, Export.status == "completed")
    newest_first = (col(Export.created_at).desc(), col(Export.export_id).desc())
    whole = done.where(Export.target_id == row.index_id).order_by(*newest_first).limit(_INDEX_EXPORTS)
    found = list((await session.exec(whole)).all())
    wanted = sorted(set(run_ids))
    for at in range(0, len(wanted), CHUNK):
        chunk = done.where(col(Export.target_id).in_(wanted[at : at + CHUNK]))
        found.extend((await session.exec(chunk)).all())
    return sorted(found, key=lambda export: (export.created_at, export.export_id), reverse=True)


def delivered(exported: Sequence[Export], runs: Sequence[PromptRun]) -> list[str]:
    """Return which of the exports, newest first, hold results of these runs, at most ``LINKED``."""
    ids = {run.run_id for run in runs}
    ended = [run.completed_at for run in runs if run.completed_at is not None]
    found = [
        export.export_id
        for export in exported
        if (
            any(_holds(export, at) for at in ended)
            if export.prompt_run_ids is None
            else not ids.isdisjoint(export.prompt_run_ids)
        )
    ]
    return found[:LINKED]
