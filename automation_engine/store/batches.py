"""Batches: what was fired, found and listed for people. ``imports`` starts, approves and rejects them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import NotFound
from automation_engine.store.tables import Automation, Batch, ImportJob

Fired = tuple[Batch, str | None]
"""A batch, and the prompt run that its import job submitted, if it has."""


def _fired(row: Automation) -> Any:
    return (
        select(Batch, ImportJob.run_id)
        .join(ImportJob, col(ImportJob.job_id) == col(Batch.job_id), isouter=True)
        .where(Batch.automation_seq == row.seq)
    )


async def find(session: AsyncSession, row: Automation, batch_id: str) -> Fired:
    """Return a batch of an automation. Raises ``NotFound``."""
    found = (await session.exec(_fired(row).where(Batch.batch_id == batch_id))).one_or_none()
    if found is None:
        raise NotFound(f"the import automation of index {row.index_id} has no batch {batch_id}")
    return found[0], found[1]


async def listed(
    session: AsyncSession, row: Automation, *, status: str | None, after: tuple[float, int, int] | None, limit: int
) -> Sequence[Fired]:
    """Return an automation's batches, the newest first, behind a position ``(fired_at, generation, sequence)``."""
    at, generation, sequence = col(Batch.fired_at), col(Batch.generation), col(Batch.sequence)
    statement = _fired(row).order_by(at.desc(), generation.desc(), sequence.desc()).limit(limit)
    if status is not None:
        statement = statement.where(Batch.status == status)
    if after is not None:
        fired_at, of_generation, number = after
        before = or_(generation < of_generation, and_(generation == of_generation, sequence < number))
        statement = statement.where(at <= fired_at, or_(at < fired_at, before))
    return [(batch, run_id) for batch, run_id in (await session.exec(statement)).all()]
