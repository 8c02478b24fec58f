"""The ledger: every identity that an automation has met, admitted and settled in bulk.

No query here is per object. Known identities are tested against ``Fingerprints`` in memory; only new and waiting ones
reach the database, a chunk at a time, in transactions of their own: what is lost when a process dies between two of
them is found again by the next complete scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, func, update
from sqlalchemy import select as select_columns
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.rules.debounce import Hold
from automation_engine.rules.events import Pending
from automation_engine.rules.model import LedgerState
from automation_engine.store.database import Transaction
from automation_engine.store.fingerprints import Fingerprints
from automation_engine.store.tables import NOT_IMPORTED, WAITING, Automation, LedgerEntry

CHUNK = 500
"""Rows in one statement: below every database's limit of parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """An identity to admit, decided upon."""

    fingerprint: bytes
    key: str
    version: str
    size: int
    last_modified: float
    state: LedgerState
    hold: Hold | None
    growing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEntry:
    """An identity that waits, as a scan finds it."""

    seq: int
    fingerprint: bytes
    key: str
    size: int
    state: LedgerState
    first_seen_at: float
    hold: Hold | None
    growing: bool


async def known(session: AsyncSession, automation_seq: int) -> Fingerprints:
    """Return every identity that is not new: all but those that were gone before their claim, which may come back."""
    statement = select(LedgerEntry.fingerprint).where(
        LedgerEntry.automation_seq == automation_seq, LedgerEntry.state != LedgerState.GONE.value
    )
    stream = await session.stream(statement.execution_options(yield_per=10_000))
    parts = [b"".join(rows) async for rows in stream.scalars().partitions()]
    return Fingerprints(parts)


async def versions(session: AsyncSession, automation_seq: int, keys: Sequence[str]) -> dict[str, set[LedgerState]]:
    """Return for each key that the ledger knows the states of its identities."""
    found: dict[str, set[LedgerState]] = {}
    for at in range(0, len(keys), CHUNK):
        statement = select(LedgerEntry.key, LedgerEntry.state).where(
            LedgerEntry.automation_seq == automation_seq, col(LedgerEntry.key).in_(keys[at : at + CHUNK])
        )
        for key, state in (await session.exec(statement)).all():
            found.setdefault(key, set()).add(LedgerState(state))
    return found


async def admit(
    tx: Transaction, automation_seq: int, entries: Sequence[NewEntry], *, epoch: int, seen_at: float
) -> None:
    """Add identities. One that was gone comes back; one that the scan reported twice is added once."""
    if not entries:
        return
    insert = sqlite.insert if tx.get_bind().dialect.name == "sqlite" else postgresql.insert
    unique = {entry.fingerprint: entry for entry in entries}
    rows = [
        {
            "automation_seq": automation_seq,
            "fingerprint": entry.fingerprint,
            "key": entry.key,
            "version": entry.version,
            "size": entry.size,
            "last_modified": entry.last_modified,
            "state": entry.state.value,
            "hold": entry.hold,
            "growing": entry.growing,
            "epoch": epoch,
            "first_seen_at": seen_at,
            "reason": "new_only" if entry.state is LedgerState.SKIPPED else None,
        }
        for entry in unique.values()
    ]
    statement = insert(LedgerEntry)
    back = ("state", "hold", "growing", "epoch", "first_seen_at", "reason")
    # On the connection: the session's own bulk insert takes ten times as long.
    await (await tx.connection()).execute(
        statement.on_conflict_do_update(
            index_elements=["automation_seq", "fingerprint"],
            set_={name: getattr(statement.excluded, name) for name in back},
            where=col(LedgerEntry.state) == LedgerState.GONE.value,
        ),
        rows,
    )


async def waiting(
    session: AsyncSession, automation_seq: int, *, before_epoch: int, after_seq: int, limit: int
) -> list[WaitingEntry]:
    """Return a chunk of the identities that waited before scan ``before_epoch``, in order of ``seq``."""
    statement = (
        select_columns(  # no mapped objects: they would take most of the time
            col(LedgerEntry.seq),
            col(LedgerEntry.fingerprint),
            col(LedgerEntry.key),
            col(LedgerEntry.size),
            col(LedgerEntry.state),
            col(LedgerEntry.first_seen_at),
            col(LedgerEntry.hold),
            col(LedgerEntry.growing),
        )
        .where(
            col(LedgerEntry.automation_seq) == automation_seq,
            WAITING,
            col(LedgerEntry.epoch) < before_epoch,
            col(LedgerEntry.seq) > after_seq,
        )
        .order_by(col(LedgerEntry.seq))
        .limit(limit)
    )
    return [
        WaitingEntry(
            seq=row.seq,
            fingerprint=row.fingerprint,
            key=row.key,
            size=row.size,
            state=LedgerState(row.state),
            first_seen_at=row.first_seen_at,
            hold=None if row.hold is None else Hold(row.hold),
            growing=row.growing,
        )
        for row in (await (await session.connection()).execute(statement)).all()
    ]


async def settle(tx: Transaction, changes: Sequence[dict[str, Any]]) -> None:
    """Write what a scan changed: dicts of ``seq, state, hold, first_seen_at, reason``. What is claimed stays so."""
    if not changes:
        return
    table = LedgerEntry.__table__  # type: ignore[attr-defined]  # SQLModel adds it
    statement = (
        update(table)
        .where(table.c.seq == bindparam("b_seq"), WAITING)
        .values(
            state=bindparam("b_state"),
            hold=bindparam("b_hold"),
            first_seen_at=bindparam("b_first_seen_at"),
            reason=bindparam("b_reason"),
        )
    )
    await (await tx.connection()).execute(
        statement, [{f"b_{name}": value for name, value in row.items()} for row in changes]
    )


async def admitted_keys(session: AsyncSession, automation_seq: int, keys: Sequence[str], *, epoch: int) -> set[str]:
    """Return which of the keys a scan met in a new version."""
    found: set[str] = set()
    for at in range(0, len(keys), CHUNK):
        statement = select(LedgerEntry.key).where(
            LedgerEntry.automation_seq == automation_seq,
            col(LedgerEntry.key).in_(keys[at : at + CHUNK]),
            LedgerEntry.epoch == epoch,
        )
        found.update((await session.exec(statement)).all())
    return found


async def pending(session: AsyncSession, automation_seq: int) -> Pending:
    """Sum up what waits."""
    held = col(LedgerEntry.hold).is_not(None)
    seen = col(LedgerEntry.first_seen_at)
    statement = (
        select_columns(col(LedgerEntry.state), held, func.count(), func.min(seen), func.max(seen))
        .where(col(LedgerEntry.automation_seq) == automation_seq, WAITING)
        .group_by(col(LedgerEntry.state), held)
    )
    rows = (await (await session.connection()).execute(statement)).all()
    free = [row for row in rows if not row[1]]
    return Pending(
        ready=sum(row[2] for row in free if row[0] == LedgerState.READY.value),
        settling=sum(row[2] for row in free if row[0] == LedgerState.SETTLING.value),
        held=sum(row[2] for row in rows if row[1]),
        oldest_at=min((row[3] for row in free), default=None),
        newest_at=max((row[4] for row in rows), default=None),
    )


async def counts(session: AsyncSession, automation_seq: int) -> dict[str, tuple[int, int]]:
    """Return for each state the number of identities and their bytes; the bytes of imported ones are not summed: 0.

    Imported ones are what is left of all: counting them, nearly the whole ledger, would take an index as large.
    """
    statement = (
        select(LedgerEntry.state, func.count(), func.coalesce(func.sum(LedgerEntry.size), 0))
        .where(LedgerEntry.automation_seq == automation_seq, NOT_IMPORTED)
        .group_by(col(LedgerEntry.state))
    )
    found = {state: (count, int(size)) for state, count, size in (await session.exec(statement)).all()}
    everything = select(func.count()).where(LedgerEntry.automation_seq == automation_seq)
    imported = (await session.exec(everything)).one() - sum(count for count, _ in found.values())
    return {**found, LedgerState.IMPORTED.value: (imported, 0)} if imported else found


async def held_by(session: AsyncSession, automation_seq: int, *, limit: int) -> Sequence[LedgerEntry]:
    """Return objects that a window waits for, those that hold it longest first."""
    statement = (
        select(LedgerEntry)
        .where(LedgerEntry.automation_seq == automation_seq, LedgerEntry.state == LedgerState.SETTLING.value, WAITING)
        .order_by(col(LedgerEntry.first_seen_at), col(LedgerEntry.key))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def forget(tx: Transaction, automation_seq: int) -> None:
    """Delete an automation's whole ledger."""
    await tx.exec(delete(LedgerEntry).where(col(LedgerEntry.automation_seq) == automation_seq))


async def resolve(tx: Transaction, seq: int, state: LedgerState, reason: str | None = None) -> None:
    """Write how the import of a claimed identity ended."""
    await tx.exec(
        update(LedgerEntry)
        .where(col(LedgerEntry.seq) == seq, col(LedgerEntry.state) == LedgerState.CLAIMED.value)
        .values(state=state.value, reason=reason)
    )


async def touch(tx: Transaction, automation_seq: int) -> None:
    """Say that the set of known identities changed."""
    await tx.exec(
        update(Automation)
        .where(col(Automation.seq) == automation_seq)
        .values(ledger_version=Automation.ledger_version + 1)
        .execution_options(synchronize_session=False)
    )
