"""Units of work: enqueue, claim, commit under the fence, finish.

A worker holds a unit while its *lease* holds: the row's ``attempt`` is the one it claimed and the state is ``leased``.
Every commit of its work goes through ``fenced``, which checks that in the same transaction and prolongs the lease: a
worker that froze and was replaced can't commit any more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, Update, and_, delete, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import LeaseLost
from automation_engine.rules.model import BACKOFF_MAX
from automation_engine.store.database import Database, Transaction
from automation_engine.store.tables import CLAIMABLE, Work

LEASE = 60.0
"""How long a lease holds without a sign of life, in real seconds."""

SCAN = "scan"
IMPORT_JOB = "import_job"
PROMPT_RUN = "prompt_run"
EXPORT = "export"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A claimed unit of work. ``attempt`` is the fencing token, ``failures`` how often in a row it failed before."""

    work_id: str
    kind: str
    subject: str
    attempt: int
    failures: int


async def changed(tx: AsyncSession, statement: Update) -> int:
    """Execute an UPDATE and return how many rows it changed."""
    return cast("CursorResult[Any]", await tx.exec(statement)).rowcount


async def enqueue(tx: Transaction, kind: str, subject: str, *, due_at: float | None = None) -> None:
    """Make a subject's unit of work due, at once unless said otherwise, and ring for it.

    A unit that was done or cancelled becomes due again; its attempts go on counting, so that old leases stay void.
    """
    work_id = f"{kind}:{subject}"
    work = await tx.get(Work, work_id)
    if work is None:
        work = Work(work_id=work_id, kind=kind, subject=subject, state="due", due_at=tx.now, created_at=tx.now)
        tx.add(work)
    work.state, work.leased_until, work.failures = "due", None, 0
    work.due_at = tx.now if due_at is None else due_at
    await tx.flush()
    tx.ring(kind, work_id)


async def claim(database: Database, work_id: str) -> Lease | None:
    """Claim a unit that is due, or whose lease ran out; None when there is nothing to claim: the bell was late."""
    async with database.transaction() as tx:
        claimed = await changed(
            tx,
            update(Work)
            .where(col(Work.work_id) == work_id, _claimable(tx.now, database))
            .values(state="leased", attempt=Work.attempt + 1, leased_until=tx.now + _lease(database)),
        )
        if not claimed:
            return None
        work = (await tx.exec(select(Work).where(Work.work_id == work_id))).one()
        return Lease(
            work_id=work_id, kind=work.kind, subject=work.subject, attempt=work.attempt, failures=work.failures
        )


@asynccontextmanager
async def fenced(database: Database, lease: Lease) -> AsyncIterator[Transaction]:
    """Open a transaction that commits only if the lease still holds. Raises ``LeaseLost``."""
    async with database.transaction() as tx:
        await _hold(tx, lease, leased_until=tx.now + _lease(database))
        yield tx


async def keep(database: Database, lease: Lease) -> None:
    """Give a sign of life. Raises ``LeaseLost`` when the unit was cancelled or given to somebody else."""
    async with fenced(database, lease):
        pass


async def still_held(session: AsyncSession, lease: Lease) -> bool:
    """Whether the lease holds, without prolonging it: a read."""
    statement = select(Work.attempt).where(Work.work_id == lease.work_id, Work.state == "leased")
    return (await session.exec(statement)).one_or_none() == lease.attempt


async def finish(tx: Transaction, lease: Lease, *, forget: bool = False) -> None:
    """Mark the unit done, in the transaction that commits its result; ``forget`` it where nobody will ask again."""
    await _hold(tx, lease, state="done", leased_until=None)
    if forget:
        await tx.exec(delete(Work).where(col(Work.work_id) == lease.work_id))


async def release(tx: Transaction, lease: Lease, *, due_at: float, failed: bool) -> None:
    """Give the unit back, to be claimed again at ``due_at``; ``failed`` counts against its retries."""
    await _hold(
        tx,
        lease,
        state="due",
        due_at=due_at,
        leased_until=None,
        failures=Work.failures + 1 if failed else 0,
    )
    if due_at <= tx.now:
        tx.ring(lease.kind, lease.work_id)


async def cancel(tx: Transaction, kind: str, subject: str) -> None:
    """Cancel a subject's unit, whoever holds it: the holder's next commit is refused."""
    await changed(
        tx,
        update(Work)
        .where(col(Work.kind) == kind, col(Work.subject) == subject, col(Work.state).in_(["due", "leased"]))
        .values(state="cancelled", leased_until=None),
    )


async def due(session: AsyncSession, database: Database, *, limit: int = 1000) -> Sequence[tuple[str, str]]:
    """Return kind and id of the units that anybody may claim now, the longest due first."""
    statement = (
        select(Work.kind, Work.work_id)
        .where(CLAIMABLE, _claimable(database.clock.now(), database))
        .order_by(col(Work.due_at))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def recover(database: Database) -> int:
    """Void every lease, for a process that knows itself to be the only one. Returns how many there were."""
    async with database.transaction() as tx:
        return await changed(tx, update(Work).where(col(Work.state) == "leased").values(state="due", leased_until=None))


def _lease(database: Database) -> float:
    return LEASE * database.clock.scale


def _claimable(now: float, database: Database) -> Any:
    """Due, or leased and silent for too long. What lies too far ahead was written before the clock was set back."""
    return or_(
        and_(col(Work.state) == "due", or_(col(Work.due_at) <= now, col(Work.due_at) > now + BACKOFF_MAX)),
        and_(
            col(Work.state) == "leased",
            or_(col(Work.leased_until) <= now, col(Work.leased_until) > now + 2 * _lease(database)),
        ),
    )


async def _hold(tx: Transaction, lease: Lease, **values: Any) -> None:
    held = await changed(
        tx,
        update(Work)
        .where(col(Work.work_id) == lease.work_id, col(Work.attempt) == lease.attempt, col(Work.state) == "leased")
        .values(**values),
    )
    if not held:
        raise LeaseLost(f"work {lease.work_id}, attempt {lease.attempt}: the lease no longer holds")
