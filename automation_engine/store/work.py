"""Units of work: enqueue, claim, commit under the fence, finish.

A worker holds a unit while its *lease* holds: the row's ``attempt`` is the one it claimed and the state is ``leased``.
Every commit of its work goes through ``fenced``, which checks that in the same transaction and prolongs the lease: a
worker that froze and was replaced can't commit any more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Select,
    Table,
    Update,
    UpdateBase,
    and_,
    bindparam,
    case,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import LeaseLost
from automation_engine.rules.model import BACKOFF_MAX
from automation_engine.store.database import Database, Reader, Transaction
from automation_engine.store.tables import CLAIMABLE, Work

LEASE = 60.0
"""How long a lease holds without a sign of life, in real seconds."""

SCAN = "scan"
IMPORT_JOB = "import_job"
PROMPT_RUN = "prompt_run"
EXPORT = "export"
WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A claimed unit of work. ``attempt`` is the fencing token.

    How often in a row before this attempt: ``failures``, ``waits`` for its storage, ``silences`` of who held it.
    """

    work_id: str
    kind: str
    subject: str
    attempt: int
    failures: int
    waits: int
    silences: int


async def changed(tx: AsyncSession, statement: Update) -> int:
    """Execute an UPDATE and return how many rows it changed."""
    return cast("CursorResult[Any]", await tx.exec(statement)).rowcount


async def enqueue(tx: Transaction, kind: str, subject: str, *, due_at: float | None = None) -> None:
    """Make a subject's unit of work due, at once unless said otherwise, and ring for it.

    A unit that was done or cancelled becomes due again; its attempts go on counting, so that old leases stay void.
    """
    work_id = f"{kind}:{subject}"
    await tx.change(
        _enqueuing(tx.dialect),
        {
            "work_id": work_id,
            "kind": kind,
            "subject": subject,
            "due_at": tx.now if due_at is None else due_at,
            "created_at": tx.now,
        },
    )
    tx.ring(kind, work_id)


async def claim(database: Database, work_id: str) -> Lease | None:
    """Claim a unit that is due, or whose lease ran out; None when there is nothing to claim: the bell was late."""
    async with database.transaction() as tx:
        limits = {**_limits(database, tx.now), "b_work_id": work_id, "b_leased_until": tx.now + _lease(database)}
        for row in await tx.fetch(_CLAIM, limits):
            return Lease(
                work_id=work_id,
                kind=row.kind,
                subject=row.subject,
                attempt=row.attempt,
                failures=row.failures,
                waits=row.waits,
                silences=row.silences,
            )
        return None


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


async def still_held(reader: Reader, lease: Lease) -> bool:
    """Whether the lease holds, without prolonging it: a read."""
    found = await reader.fetch(_HELD, {"b_work_id": lease.work_id})
    return bool(found) and found[0].attempt == lease.attempt


async def finish(tx: Transaction, lease: Lease) -> None:
    """Mark the unit done, in the transaction that commits its result."""
    await _hold(tx, lease, state="done", leased_until=None)


@asynccontextmanager
async def last(database: Database, lease: Lease) -> AsyncIterator[Transaction]:
    """Open the transaction that ends a unit nobody will ask for again: its row goes first, and the lease with it.

    Commits only if the lease held until then. Raises ``LeaseLost``.
    """
    async with database.transaction() as tx:
        await _drop(tx, lease)
        yield tx


async def release(tx: Transaction, lease: Lease, *, due_at: float, failures: int = 0, waits: int = 0) -> None:
    """Give the unit back, to be claimed again at ``due_at``, with how often in a row it has failed and waited."""
    await _hold(
        tx,
        lease,
        state="due",
        due_at=due_at,
        leased_until=None,
        failures=failures,
        waits=waits,
        silences=0,
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


async def due(reader: Reader, database: Database, *, limit: int = 1000) -> Sequence[tuple[str, str]]:
    """Return kind and id of the units that anybody may claim now, the longest due first."""
    rows = await reader.fetch(_DUE, {**_limits(database, database.clock.now()), "b_limit": limit})
    return [(row.kind, row.work_id) for row in rows]


async def recover(database: Database) -> int:
    """Void every lease, for a process that knows itself to be the only one. Returns how many there were."""
    voided = {"state": "due", "leased_until": None, "silences": Work.silences + 1}
    async with database.transaction() as tx:
        return await changed(tx, update(Work).where(col(Work.state) == "leased").values(voided))


def _lease(database: Database) -> float:
    return LEASE * database.clock.scale


def _limits(database: Database, now: float) -> dict[str, float]:
    """Return the instants that ``CLAIMABLE_NOW`` asks for."""
    return {"b_now": now, "b_too_late": now + BACKOFF_MAX, "b_too_long": now + 2 * _lease(database)}


async def _hold(tx: Transaction, lease: Lease, **values: Any) -> None:
    """Change the unit if the lease holds. Raises ``LeaseLost``."""
    changes = {f"b_{name}": value for name, value in values.items()}
    held = await tx.change(_holding(*values), {"b_work_id": lease.work_id, "b_attempt": lease.attempt, **changes})
    _still(lease, held)


async def _drop(tx: Transaction, lease: Lease) -> None:
    """Delete the unit if the lease holds. Raises ``LeaseLost``."""
    held = await tx.change(_DROP, {"b_work_id": lease.work_id, "b_attempt": lease.attempt})
    _still(lease, held)


def _still(lease: Lease, held: int) -> None:
    if not held:
        raise LeaseLost(f"work {lease.work_id}, attempt {lease.attempt}: the lease no longer holds")


# The statements, each built once.

_TABLE: Table = Work.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_WORK = _TABLE.c
_MINE = and_(_WORK.work_id == bindparam("b_work_id"), _WORK.attempt == bindparam("b_attempt"), _WORK.state == "leased")

_HELD = select(_WORK.attempt).where(_WORK.work_id == bindparam("b_work_id"), _WORK.state == "leased")
_DROP = delete(_TABLE).where(_MINE)

CLAIMABLE_NOW = or_(
    and_(_WORK.state == "due", or_(_WORK.due_at <= bindparam("b_now"), _WORK.due_at > bindparam("b_too_late"))),
    and_(
        _WORK.state == "leased",
        or_(_WORK.leased_until <= bindparam("b_now"), _WORK.leased_until > bindparam("b_too_long")),
    ),
)
"""Due, or leased and silent for too long. What lies too far ahead was written before the clock was set back."""


def claiming(claimable: ColumnElement[bool]) -> UpdateBase:
    """Return the statement that claims a unit, if it is claimable."""
    return (
        update(_TABLE)
        .where(_WORK.work_id == bindparam("b_work_id"), claimable)
        .values(
            state="leased",
            attempt=_WORK.attempt + 1,
            leased_until=bindparam("b_leased_until"),
            silences=_WORK.silences + case((_WORK.state == "leased", 1), else_=0),
        )
        .returning(_WORK.kind, _WORK.subject, _WORK.attempt, _WORK.failures, _WORK.waits, _WORK.silences)
    )


def finding(claimable: ColumnElement[bool]) -> Select[Any]:
    """Return the statement that finds claimable units."""
    return (
        select(_WORK.kind, _WORK.work_id).where(CLAIMABLE, claimable).order_by(_WORK.due_at).limit(bindparam("b_limit"))
    )


_CLAIM = claiming(CLAIMABLE_NOW)
_DUE = finding(CLAIMABLE_NOW)


@cache
def _holding(*names: str) -> Update:
    return update(_TABLE).where(_MINE).values({name: bindparam(f"b_{name}") for name in names})


@cache
def _enqueuing(dialect: str) -> UpdateBase:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    given = ("work_id", "kind", "subject", "due_at", "created_at")
    anew = {"state": "due", "failures": 0, "waits": 0, "silences": 0}
    row = insert(_TABLE).values(attempt=0, **anew, **{name: bindparam(name) for name in given})
    return row.on_conflict_do_update(
        index_elements=["work_id"], set_={**anew, "leased_until": None, "due_at": row.excluded.due_at}
    )
