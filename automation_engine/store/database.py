"""Transactions on SQLite or PostgreSQL.

A writing transaction is serialised where it matters: on SQLite by ``BEGIN IMMEDIATE`` (one writer), on PostgreSQL by
the row locks that the queries take. Bells that a transaction collected ring after it committed, never before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.clock import Clock
from automation_engine.store.ids import Ids

Bell = Callable[[Sequence[tuple[str, str]]], Awaitable[None]]
"""Told kind and id of each unit of work that became due. A ring may be lost, and it may come twice."""

_CONNECTIONS = 32
"""Kept open to an embedded database, at most: about as many calls as are performed at a time."""


async def _silent(_rings: Sequence[tuple[str, str]]) -> None:
    """Nobody listens: the sweep finds the work."""


class Transaction(AsyncSession):
    """A session that knows the instant it began at and collects the bells to ring once it has committed."""

    def __init__(self, *args: Any, now: float, ids: Ids, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        self.bells: list[tuple[str, str]] = []
        self._ids = ids

    def new_id(self, prefix: str) -> str:
        """Return a new id of that kind."""
        return self._ids.new(prefix, self.now)

    def ring(self, kind: str, work_id: str) -> None:
        """Ring for a unit of work as soon as the transaction has committed."""
        self.bells.append((kind, work_id))


class Database:
    """The engine's database. ``url`` is ``sqlite+aiosqlite:///path`` or ``postgresql+asyncpg://…``."""

    def __init__(self, url: str, *, clock: Clock, ids: Ids | None = None) -> None:
        self.url = url
        self.clock = clock
        self.ids = ids or Ids()
        self.bell: Bell = _silent
        self._engine = _create_engine(url)
        self._writer = self._engine.execution_options(writes=True)
        self._turn = asyncio.Lock() if self.embedded else None

    @property
    def embedded(self) -> bool:
        """Whether this is SQLite: one process, which may hold whatever it holds alone."""
        return self.url.startswith("sqlite")

    @property
    def engine(self) -> AsyncEngine:
        """The SQLAlchemy engine, for migrations and checks."""
        return self._engine

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Write: commits at the end of the block, rolls back when it raises, then rings the bells."""
        if self._turn is None:
            async with self._begun() as transaction:
                yield transaction
        else:
            async with self._turn, self._begun() as transaction:
                yield transaction
        if transaction.bells:
            await self.bell(transaction.bells)

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[Transaction]:
        async with (
            Transaction(self._writer, now=self.clock.now(), ids=self.ids, expire_on_commit=False) as transaction,
            transaction.begin(),
        ):
            yield transaction

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Read one consistent snapshot; whatever the block writes is rolled back."""
        async with AsyncSession(self._engine, expire_on_commit=False) as session:
            yield session

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def sqlite_url(path: Path) -> str:
    """Return the URL of an embedded database in that file."""
    return f"sqlite+aiosqlite:///{path}"


def _create_engine(url: str) -> AsyncEngine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_async_engine(url, pool_size=10, max_overflow=10, pool_pre_ping=True)
    # A connection beyond the pool would be opened and closed for each use. The last one used comes first, so that few
    # of them fill their caches.
    engine = create_async_engine(url, connect_args={"timeout": 30.0}, pool_size=_CONNECTIONS, pool_use_lifo=True)
    event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: _begin_sqlite does
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "cache_size=-65536"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
