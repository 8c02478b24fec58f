"""Transactions on SQLite or PostgreSQL.

A writing transaction is serialised where it matters: on SQLite by ``BEGIN IMMEDIATE`` (one writer), on PostgreSQL by
the row locks that the queries take. Bells that a transaction collected ring after it committed, never before.

What every scan goes through doesn't pay for mapped objects: ``fetch`` and ``change`` execute statements that were built
once, with parameters, each in one turn of the event loop's work where the driver allows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sqlalchemy import Engine, Executable, Row, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.clock import Clock
from automation_engine.store.ids import Ids

Bell = Callable[[Sequence[tuple[str, str]]], Awaitable[None]]
"""Told kind and id of each unit of work that became due. A ring may be lost, and it may come twice."""

Rows = Sequence[Row[*tuple[Any, ...]]]
"""What a statement returned: each row a tuple whose parts have the names of their columns, too."""

_CONNECTIONS = 32
"""Kept open to an embedded database, at most: about as many calls as are performed at a time."""


async def _silent(_rings: Sequence[tuple[str, str]]) -> None:
    """Nobody listens: the sweep finds the work."""


class Reader(Protocol):
    """What answers one question: a ``Database``, or a session that has its snapshot already."""

    async def fetch(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Execute a statement and return its rows."""
        ...


class Snapshot(AsyncSession):
    """A session on one connection, which sees one state of the database.

    What every scan does goes past the session; it is made when somebody first asks something of it.
    """

    def __init__(self, connection: Connection, engine: AsyncEngine) -> None:  # the rest is in ``__getattr__``
        self._connection = connection
        self._async_engine = engine

    if not TYPE_CHECKING:  # else any name would pass for an attribute

        def __getattr__(self, name: str) -> Any:
            """Make the session: only what it would have made itself is missing."""
            if self.used:
                raise AttributeError(name)
            super().__init__(AsyncConnection(self._async_engine, self._connection), expire_on_commit=False)
            return getattr(self, name)

    @property
    def used(self) -> bool:
        """Whether there is a session at all."""
        return "sync_session" in vars(self)

    async def fetch(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Execute a statement past the session and return its rows: flush first what it has to see."""
        return await greenlet_spawn(_fetch, self._connection, statement, parameters)


class Transaction(Snapshot):
    """A session that knows the instant it began at and collects the bells to ring once it has committed."""

    def __init__(self, connection: Connection, engine: AsyncEngine, *, now: float, ids: Ids) -> None:
        super().__init__(connection, engine)
        self.now = now
        self.bells: list[tuple[str, str]] = []
        self._ids = ids

    @property
    def undone(self) -> bool:
        """Whether it was rolled back."""
        return not self._connection.in_transaction()

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[Snapshot]:
        """Read what it wrote, with a session that remembers no objects of this one."""
        snapshot = Snapshot(self._connection, self._async_engine)
        try:
            yield snapshot
        finally:
            if snapshot.used:
                await snapshot.close()

    @property
    def dialect(self) -> str:
        """The name of the database's dialect: what a statement depends on that both databases have, each its own."""
        return self._connection.dialect.name

    async def rollback(self) -> None:
        """Undo everything, also what went past the session."""
        if self.used:
            await super().rollback()
        await greenlet_spawn(self._connection.rollback)

    async def change(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> int:
        """Execute a statement past the session, once for each of the parameters; return how many rows it changed."""
        return await greenlet_spawn(_change, self._connection, statement, parameters)

    def new_id(self, prefix: str) -> str:
        """Return a new id of that kind."""
        return self._ids.new(prefix, self.now)

    def ring(self, kind: str, work_id: str) -> None:
        """Ring for a unit of work as soon as the transaction has committed."""
        self.bells.append((kind, work_id))


class _Held(NamedTuple):
    transaction: Transaction
    ending: AsyncExitStack


class Deferral:
    """The writes of one call, of which the last is committed together with one more: the answer to that call.

    While it is entered, a transaction stays open behind its block. It is committed by ``last``, or before the call
    begins another one; what the call reads meanwhile, it reads within it. ``first`` is what each of them does first
    until one was committed. A call writes one thing after another: two at a time would wait for each other.
    """

    def __init__(self, first: Callable[[Transaction], Awaitable[None]]) -> None:
        self.held: _Held | None = None
        self.committed = False
        self._first = first
        self.active = False

    @staticmethod
    def current() -> Deferral | None:
        """Return the one that the present call has entered; tasks that outlive the call have none."""
        deferral = _deferral.get()
        return deferral if deferral is not None and deferral.active else None

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[Deferral]:
        """Defer within the block. Whatever is held at its end is rolled back."""
        token = _deferral.set(self)
        self.active = True
        try:
            yield self
        finally:
            self.active = False
            _deferral.reset(token)
            if self.held is not None:
                await self._end(_Abandoned())

    @asynccontextmanager
    async def hold(self, writing: AbstractAsyncContextManager[Transaction]) -> AsyncIterator[Transaction]:
        """Write, and hold the commit back."""
        await self._commit()
        async with AsyncExitStack() as ending:
            transaction = await ending.enter_async_context(writing)
            if not self.committed:
                await self._first(transaction)
            yield transaction
            if not transaction.undone:
                if transaction.used:
                    await transaction.flush()  # what a constraint refuses is the block's own failure
                self.held = _Held(transaction, ending.pop_all())

    @asynccontextmanager
    async def last(self, database: Database) -> AsyncIterator[Transaction]:
        """Write once more, into the transaction that is held, or else into one of its own, and commit."""
        if self.held is None:
            async with database.transaction() as transaction:
                yield transaction
        else:
            yield self.held.transaction
        await self._commit()

    async def _commit(self) -> None:
        if self.held is not None:
            await self._end(None)
            self.committed = True

    async def _end(self, error: Exception | None) -> None:
        held, self.held = self.held, None
        if held is not None:
            await held.ending.__aexit__(None if error is None else type(error), error, None)


class _Abandoned(Exception):
    """The call came to nothing: tells a transaction to roll back."""


_deferral: ContextVar[Deferral | None] = ContextVar("deferral", default=None)


def _held() -> Transaction | None:
    deferral = Deferral.current()
    return None if deferral is None or deferral.held is None else deferral.held.transaction


class Database:
    """The engine's database. ``url`` is ``sqlite+aiosqlite:///path`` or ``postgresql+asyncpg://…``."""

    def __init__(self, url: str, *, clock: Clock, ids: Ids | None = None) -> None:
        self.url = url
        self.clock = clock
        self.ids = ids or Ids()
        self.bell: Bell = _silent
        self._engine = _create_engine(url)
        # A single statement is a snapshot of its own: the embedded database begins nothing by itself (see ``_begin``).
        self._asker = self._engine if self.embedded else self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._turn = asyncio.Lock() if self.embedded else None

    @property
    def embedded(self) -> bool:
        """Whether this is SQLite: one process, which may hold whatever it holds alone."""
        return self.url.startswith("sqlite")

    @property
    def engine(self) -> AsyncEngine:
        """The SQLAlchemy engine, for migrations and checks."""
        return self._engine

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Write: commits at the end of the block, rolls back when it raises, then rings the bells.

        Under a ``Deferral`` the commit comes later.
        """
        deferral = Deferral.current()
        return self._writing() if deferral is None else deferral.hold(self._writing())

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Transaction]:
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
        now = self.clock.now()
        connection = await greenlet_spawn(_begin, self._engine.sync_engine, writes=True)
        transaction = Transaction(connection, self._engine, now=now, ids=self.ids)
        try:
            yield transaction
            await greenlet_spawn(_commit, transaction, connection)
        finally:
            await greenlet_spawn(_close, transaction, connection)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Snapshot]:
        """Read one consistent snapshot; whatever the block writes is rolled back."""
        if (held := _held()) is not None:
            async with held.beside() as beside:
                yield beside
            return
        connection = await greenlet_spawn(_begin, self._engine.sync_engine, writes=False)
        snapshot = Snapshot(connection, self._engine)
        try:
            yield snapshot
        finally:
            await greenlet_spawn(_close, snapshot, connection)

    async def fetch(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Execute one statement that reads, and return its rows. It is a snapshot of its own: nothing is begun."""
        if (held := _held()) is not None:
            return await held.fetch(statement, parameters)
        return await greenlet_spawn(_fetch_alone, self._asker.sync_engine, statement, parameters)

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
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: ``begin`` does
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "cache_size=-65536"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


# What follows runs inside SQLAlchemy's greenlets: it waits for the database without blocking the event loop.


def _begin(engine: Engine, *, writes: bool) -> Connection:
    connection = engine.connect()
    try:
        begin(connection, writes=writes)
    except BaseException:
        connection.close()
        raise
    return connection


def begin(connection: Connection, *, writes: bool) -> None:
    """Begin a transaction. On SQLite this says so itself: a driver that began one when it likes would read first."""
    connection.begin()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _commit(session: Snapshot, connection: Connection) -> None:
    if session.used:
        session.sync_session.commit()  # writes what was added; the connection's transaction is not its to commit
    if not connection.in_transaction():
        return  # it was rolled back on purpose
    try:
        connection.commit()
    except BaseException:
        connection.rollback()  # else the pool took the connection back as it is, with its transaction open
        raise


def _close(session: Snapshot, connection: Connection) -> None:
    """Let go of both; what was not committed is rolled back."""
    try:
        if session.used:
            session.sync_session.close()
    finally:
        connection.close()


def _fetch(connection: Connection, statement: Executable, parameters: Mapping[str, Any] | None) -> Rows:
    return connection.execute(statement, parameters).all()


def _change(
    connection: Connection,
    statement: Executable,
    parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None,
) -> int:
    return connection.execute(statement, parameters).rowcount


def _fetch_alone(engine: Engine, statement: Executable, parameters: Mapping[str, Any] | None) -> Rows:
    with engine.connect() as connection:
        return connection.execute(statement, parameters).all()
