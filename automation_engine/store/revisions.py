"""Revisions: what was saved of an automation, by whom and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import NotFound
from automation_engine.store.database import Transaction
from automation_engine.store.tables import Automation, Revision

PUT = "put"
PAUSE = "pause"
RESUME = "resume"
RESTORE = "restore"
DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What somebody does to a configuration. ``actor`` is the id of an API key."""

    action: str
    actor: str
    restored_from: int | None = None


async def record(tx: Transaction, row: Automation, change: Change, *, enabled: bool, paused: bool) -> None:
    """Keep what is saved now as the present revision of a row that was saved before."""
    tx.add(row)
    tx.add(
        Revision(
            automation_seq=row.seq or 0,  # never 0: a saved row has a number
            revision=row.revision,
            action=change.action,
            actor=change.actor,
            created_at=tx.now,
            restored_from=change.restored_from,
            enabled=enabled,
            paused=paused,
            config=row.config,
            preset=row.preset,
        )
    )
    await tx.flush()


async def newest(session: AsyncSession, row: Automation, *, before: int | None, limit: int) -> Sequence[Revision]:
    """Return an automation's revisions, newest first, those before a number."""
    statement = select(Revision).where(Revision.automation_seq == row.seq)
    if before is not None:
        statement = statement.where(col(Revision.revision) < before)
    return (await session.exec(statement.order_by(col(Revision.revision).desc()).limit(limit))).all()


async def find(session: AsyncSession, row: Automation, number: int) -> Revision:
    """Return one revision. Raises ``NotFound``."""
    found = await session.get(Revision, (row.seq, number)) if number < 2**31 else None  # more is no integer column's
    if found is None:
        raise NotFound(f"the {row.kind} automation of index {row.index_id} has no revision {number}")
    return found


async def forget(tx: Transaction, row: Automation) -> None:
    """Delete an automation's whole history. Its numbers are not used again."""
    await tx.exec(delete(Revision).where(col(Revision.automation_seq) == row.seq))
