"""Answers to writes that came with an Idempotency-Key, kept for a day, so that a repeated write is done once.

A claim is made in the very transaction of the write, and so is the answer: either both are there or nothing was done.
Of two processes that write under the same key, PostgreSQL lets the second claim wait until the first has committed, and
then refuses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from automation_engine.store.database import Database, Reader, Transaction
from automation_engine.store.tables import KeptAnswer

KEPT = 24 * 3600.0
"""Seconds that an answer is kept."""

_SWEPT = 1000  # rows in a transaction
_TABLE: Any = vars(KeptAnswer)["__table__"]
_C = _TABLE.c
_PLACE = (_C.owner, _C.route, _C.idempotency_key)
_AT_PLACE = and_(*(column == bindparam(f"b_{column.name}") for column in _PLACE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an answer is kept. Keys of two owners, or for two routes, have nothing to do with each other."""

    owner: str
    route: str
    idempotency_key: str

    def parameters(self) -> dict[str, Any]:
        """What the statements of this module call it."""
        return {f"b_{column.name}": getattr(self, column.name) for column in _PLACE}


class Kept(NamedTuple):
    """What is known of the first call: its request, and its answer, still sealed; None: how it ended is unknown."""

    request_hash: bytes
    answer: bytes | None


class Claimed(Exception):
    """Another call has the place."""


_KEPT = select(_C.request_hash, _C.answer).where(_AT_PLACE, _C.expires_at > bindparam("b_now"))


async def find(reader: Reader, place: Place, now: float) -> Kept | None:
    """Return what is kept there at ``now``."""
    rows = await reader.fetch(_KEPT, {**place.parameters(), "b_now": now})
    return Kept(*rows[0]) if rows else None


def _claim(dialect: str) -> Any:
    insert = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(_TABLE)
    row = insert.values({column.name: bindparam(f"b_{column.name}") for column in _C if column is not _C.answer})
    return row.on_conflict_do_update(
        index_elements=list(_PLACE),
        set_={"request_hash": row.excluded.request_hash, "answer": None, "expires_at": row.excluded.expires_at},
        where=_C.expires_at <= bindparam("b_now"),
    )


_CLAIM = {dialect: _claim(dialect) for dialect in ("sqlite", "postgresql")}


async def claim(tx: Transaction, place: Place, request_hash: bytes) -> None:
    """Take the place for a request, or take it over from an expired one. Raises ``Claimed``."""
    row = {**place.parameters(), "b_request_hash": request_hash, "b_expires_at": tx.now + KEPT, "b_now": tx.now}
    if not await tx.change(_CLAIM[tx.dialect], row):
        raise Claimed


_ANSWER = update(_TABLE).where(_AT_PLACE).values(answer=bindparam("b_answer"))


async def answer(tx: Transaction, place: Place, sealed: bytes) -> None:
    """Keep the answer at a place that was claimed."""
    await tx.change(_ANSWER, {**place.parameters(), "b_answer": sealed})


_EXPIRED = select(*_PLACE).where(_C.expires_at <= bindparam("b_now"))
_SWEEP = delete(_TABLE).where(tuple_(*_PLACE).in_(_EXPIRED.limit(_SWEPT)))


async def sweep(database: Database) -> None:
    """Delete what has expired, a piece at a time. Nothing is written where nothing has."""
    while await database.fetch(_EXPIRED.limit(1), {"b_now": database.clock.now()}):
        async with database.transaction() as tx:
            await tx.change(_SWEEP, {"b_now": tx.now})
