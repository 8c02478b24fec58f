"""The ledger: every identity that an automation has met, admitted and settled in bulk.

No query here is per object. Known identities are tested against ``Fingerprints`` in memory; only new and waiting ones
reach the database, a chunk at a time, in transactions of their own: what is lost when a process dies between two of
them is found again by the next complete scan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Table, UpdateBase, and_, bindparam, case, delete, func, literal, or_, text, update
from sqlalchemy import select as select_columns
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.rules.debounce import Hold, Skip
from automation_engine.rules.events import Pending
from automation_engine.rules.model import LedgerState
from automation_engine.store.database import Reader, Transaction
from automation_engine.store.fingerprints import SIZE, Fingerprints
from automation_engine.store.tables import NOT_IMPORTED, WAITING, Automation, LedgerEntry

CHUNK = 500
"""Rows in one statement: below every database's limit of parameters."""

RESOLVED = (LedgerState.IMPORTED, LedgerState.FAILED, LedgerState.SKIPPED)
"""The states that an identity leaves only when somebody says so: whoever does it has to ``touch`` the ledger."""
_CODES = {state.value: RESOLVED.index(state) + 1 if state in RESOLVED else 0 for state in LedgerState}


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
    skip: Skip | None = None


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
    """Return every identity that is not new: all but those that were gone before their claim, which may come back.

    The code of one that is resolved is 1 more than its state's place in ``RESOLVED``, that of any other one is 0.
    """
    statement = select_columns(col(LedgerEntry.fingerprint), col(LedgerEntry.state)).where(
        col(LedgerEntry.automation_seq) == automation_seq, col(LedgerEntry.state) != LedgerState.GONE.value
    )
    stream = await (await session.connection()).stream(statement.execution_options(yield_per=10_000))
    parts, codes = [], bytearray()
    async for rows in stream.partitions():
        prints, states = zip(*rows, strict=True)
        parts.append(b"".join(prints))
        codes += bytes(map(_CODES.__getitem__, states))
    return Fingerprints(parts, bytes(codes))


async def standing(reader: Reader, automation_seq: int, prints: bytes) -> Counter[str]:
    """Count identities, given by their joined fingerprints, by state; those that a rule holds are ``held``."""
    found: Counter[str] = Counter()
    for at in range(0, len(prints), CHUNK * SIZE):
        chunk = prints[at : at + CHUNK * SIZE]
        chosen = [chunk[start : start + SIZE] for start in range(0, len(chunk), SIZE)]
        asked = {"b_automation_seq": automation_seq, "b_prints": chosen}
        found.update({row.stands: row[1] for row in await reader.fetch(_STANDING, asked)})
    return found


async def versions(reader: Reader, automation_seq: int, keys: Sequence[str]) -> dict[str, set[LedgerState]]:
    """Return for each key that the ledger knows the states of its identities.

    Those that nobody ever tried to import are left out: none of them was the first version of its key.
    """
    found: dict[str, set[LedgerState]] = {}
    for at in range(0, len(keys), CHUNK):
        asked = {"b_automation_seq": automation_seq, "b_keys": keys[at : at + CHUNK]}
        for key, state in await reader.fetch(_VERSIONS, asked):
            found.setdefault(key, set()).add(LedgerState(state))
    return found


async def identities(reader: Reader, automation_seq: int, keys: Sequence[str]) -> dict[str, dict[bytes, LedgerState]]:
    """Return for each key that the ledger knows the fingerprints of its identities, with their states."""
    found: dict[str, dict[bytes, LedgerState]] = {}
    for at in range(0, len(keys), CHUNK):
        asked = {"b_automation_seq": automation_seq, "b_keys": keys[at : at + CHUNK]}
        for key, fingerprint, state in await reader.fetch(_IDENTITIES, asked):
            found.setdefault(key, {})[fingerprint] = LedgerState(state)
    return found


async def admit(
    tx: Transaction, automation_seq: int, entries: Sequence[NewEntry], *, epoch: int, seen_at: float
) -> None:
    """Add identities. One that was gone comes back; one that the scan reported twice is added once."""
    if not entries:
        return
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
            "reason": entry.skip,
        }
        for entry in unique.values()
    ]
    await tx.change(_admitting(tx.dialect), rows)


@cache
def _admitting(dialect: str) -> UpdateBase:
    insert = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(_LEDGER)
    back = ("state", "hold", "epoch", "first_seen_at", "reason")
    growing = or_(_C.growing, insert.excluded.growing)  # a stale listing that left it out tells nothing of its writer
    return insert.on_conflict_do_update(
        index_elements=["automation_seq", "fingerprint"],
        set_={name: getattr(insert.excluded, name) for name in back} | {"batch_id": None, "growing": growing},
        where=_C.state == LedgerState.GONE.value,
    )


async def waiting(
    reader: Reader, automation_seq: int, *, epoch: int, listed_at: float, after_seq: int, limit: int
) -> list[WaitingEntry]:
    """Return a chunk of the identities that waited before a scan, in order of ``seq``.

    All but those that the scan's own listing, which ended at ``listed_at``, admitted. What an earlier attempt at the
    same scan admitted, before it died, did wait.
    """
    asked = {
        "b_automation_seq": automation_seq,
        "b_epoch": epoch,
        "b_listed_at": listed_at,
        "b_after_seq": after_seq,
        "b_limit": limit,
    }
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
        for row in await reader.fetch(_WAITING, asked)
    ]


async def settle(tx: Transaction, changes: Sequence[dict[str, Any]]) -> None:
    """Write what a scan changed: dicts of ``seq, state, hold, first_seen_at, reason``. What is claimed stays so."""
    if not changes:
        return
    await tx.change(_SETTLE, [{f"b_{name}": value for name, value in row.items()} for row in changes])


async def admitted_keys(reader: Reader, automation_seq: int, keys: Sequence[str], *, epoch: int) -> set[str]:
    """Return which of the keys a scan met in a new version."""
    found: set[str] = set()
    for at in range(0, len(keys), CHUNK):
        asked = {"b_automation_seq": automation_seq, "b_keys": keys[at : at + CHUNK], "b_epoch": epoch}
        found.update(row.key for row in await reader.fetch(_ADMITTED, asked))
    return found


async def pending(reader: Reader, automation_seq: int) -> Pending:
    """Sum up what waits."""
    rows = await reader.fetch(_PENDING, {"b_automation_seq": automation_seq})
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
    await tx.change(_TOUCH, {"b_seq": automation_seq})


# The statements of every scan, each built once.

_LEDGER: Table = LedgerEntry.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_AUTOMATIONS: Table = Automation.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_C = _LEDGER.c
_OURS = _C.automation_seq == bindparam("b_automation_seq")
_KEYS = _C.key.in_(bindparam("b_keys", expanding=True))

_STANDS = case((and_(_C.hold.is_not(None), WAITING), literal("held")), else_=_C.state)
_STANDING = (
    select_columns(_STANDS.label("stands"), func.count())
    .where(_OURS, _C.fingerprint.in_(bindparam("b_prints", expanding=True)))
    .group_by(text("stands"))
)
_UNTRIED = (Skip.NEW_ONLY.value, Skip.IGNORED.value, Skip.REJECTED.value)
_VERSIONS = select_columns(_C.key, _C.state).where(_OURS, _KEYS, or_(_C.reason.is_(None), _C.reason.not_in(_UNTRIED)))
_IDENTITIES = select_columns(_C.key, _C.fingerprint, _C.state).where(_OURS, _KEYS)
_ADMITTED = select_columns(_C.key).where(_OURS, _KEYS, _C.epoch == bindparam("b_epoch"))
_WAITING = (
    select_columns(_C.seq, _C.fingerprint, _C.key, _C.size, _C.state, _C.first_seen_at, _C.hold, _C.growing)
    .where(
        _OURS,
        WAITING,
        or_(_C.epoch != bindparam("b_epoch"), _C.first_seen_at != bindparam("b_listed_at")),
        _C.seq > bindparam("b_after_seq"),
    )
    .order_by(_C.seq)
    .limit(bindparam("b_limit"))
)
_PENDING = (
    select_columns(_C.state, _C.hold.is_not(None), func.count(), func.min(_C.first_seen_at), func.max(_C.first_seen_at))
    .where(_OURS, WAITING)
    .group_by(_C.state, _C.hold.is_not(None))
)
_SETTLE = (
    update(_LEDGER)
    .where(_C.seq == bindparam("b_seq"), WAITING)
    .values({name: bindparam(f"b_{name}") for name in ("state", "hold", "first_seen_at", "reason")})
)
_TOUCH = (
    update(_AUTOMATIONS)
    .where(_AUTOMATIONS.c.seq == bindparam("b_seq"))
    .values(ledger_version=_AUTOMATIONS.c.ledger_version + 1)
)
