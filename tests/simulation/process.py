"""Processes of the engine that can freeze and die, and the database as they reach it.

Which process a task belongs to is a context variable: whatever the task starts belongs to it too. Each statement, each
commit and each storage call is a *step*, before and after which a process can die.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, Self
from unittest import mock

from sqlalchemy import URL, Pool
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.base import SQLiteExecutionContext
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util import await_only as await_

from automation_engine.clock import Clock
from automation_engine.store import database as product
from automation_engine.store.database import Database, Transaction
from automation_engine.store.ids import Ids


class Died(BaseException):
    """The process ends here: nobody's ``except Exception`` keeps it alive."""


class Process:
    """A process of the engine. ``dies_in`` and ``fails_in`` count steps down to its death, or to a database error."""

    def __init__(self, name: str, on_death: Callable[[Process], None]) -> None:
        self.name = name
        self.dead = False
        self.dies_in: int | None = None
        self.fails_in: int | None = None
        self.thawed: asyncio.Event | None = None
        self.tasks: dict[asyncio.Task[Any], None] = {}  # in order, as everything that decides anything
        self._on_death = on_death

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something as a part of this process."""
        token = PROCESS.set(self)
        try:
            task = asyncio.get_running_loop().create_task(work)
        finally:
            PROCESS.reset(token)
        self.tasks[task] = None
        task.add_done_callback(lambda done: self.tasks.pop(done, None))
        return task

    async def gate(self) -> None:
        """Wait while the process is frozen; end here if it is dead."""
        while self.thawed is not None and not self.dead:
            await self.thawed.wait()
        if self.dead:
            raise Died

    def step(self) -> None:
        """Come one step closer to death."""
        if self.dead:
            raise Died
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in <= 0:
                self.die()
                raise Died

    def fail(self) -> None:
        """Come one statement closer to a database error."""
        if self.fails_in is not None:
            self.fails_in -= 1
            if self.fails_in <= 0:
                self.fails_in = None
                raise sqlite3.OperationalError("disk I/O error")

    def die(self) -> None:
        """End, wherever the process stands."""
        if not self.dead:
            self.dead = True
            if self.thawed is not None:
                self.thawed.set()
            for task in list(self.tasks):
                task.cancel()
            self._on_death(self)


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class Shared:
    """What the connections of a run share: chance, and whom to tell of a commit."""

    def __init__(self) -> None:
        self.chance = random.Random(0)  # noqa: S311 - reproducible on purpose
        self.path = ""
        self.committed: Callable[[], None] = lambda: None
        self.written: set[str] = set()
        """The tables that the present transaction wrote to: ``committed`` may ask."""
        self.interleaving = 0.0


class _Nothing:
    """What takes no time: SQLAlchemy asks that every statement is waited for."""

    def __await__(self) -> Generator[Any, None, None]:
        """Be there already."""
        return
        yield


_NOTHING = _Nothing()


@cache
def _written(sql: str) -> str:
    """Return the table that a statement writes to."""
    words = sql.split(None, 3)
    return words[{"INSERT": 2, "UPDATE": 1}.get(words[0], 0)]


class Cursor(sqlite3.Cursor):
    """A cursor each of whose statements is a step. It works at once, in this thread; the rows are fetched at once."""

    connection: SteppingConnection
    _rows: deque[Any]

    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        """Execute: one step."""
        self.connection.step()
        super().execute(sql, parameters)
        self.connection.shared.written.add(_written(sql))
        self._rows = deque(super().fetchall())
        return self

    def executemany(self, sql: str, parameters: Any, /) -> Self:
        """Execute once for each row of parameters: one step."""
        self.connection.step()
        self.connection.shared.written.add(_written(sql))
        return super().executemany(sql, parameters)

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        rows, self._rows = list(self._rows), deque()
        return rows

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return some rows."""
        return [self._rows.popleft() for _ in range(min(size or self.arraysize, len(self._rows)))]

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        return self._rows.popleft() if self._rows else None

    async def _async_soft_close(self) -> None:
        """SQLAlchemy lets go of the cursor and keeps its rows: nothing is left open here."""


class SteppingConnection(sqlite3.Connection):
    """A connection each of whose statements is a step.

    At a step the process may die, the database may fail, and somebody else may come first.
    """

    shared: Shared

    def cursor(self, _factory: Any = None) -> Cursor:  # type: ignore[override]  # nobody asks for another kind
        """Return a cursor."""
        return super().cursor(Cursor)

    def step(self) -> None:
        """Take one step, if a process takes it."""
        process = PROCESS.get()
        if process is not None:
            process.step()
            process.fail()
            shared = self.shared
            if shared.interleaving and shared.chance.random() < shared.interleaving:
                await_(asyncio.sleep(0))
                return
        await_(_NOTHING)

    def commit(self) -> None:
        """Commit: the process can die before it, and just after."""
        process = PROCESS.get()
        writes = self.in_transaction
        if process is not None and writes:
            process.step()
            process.fail()
        super().commit()
        if writes:
            self.shared.committed()
            self.shared.written.clear()
            if process is not None:
                process.step()


class _Execution(SQLiteExecutionContext):
    def create_server_side_cursor(self) -> Any:
        return self._dbapi_connection.cursor()


class Stepping(SQLiteDialect_pysqlite):
    """SQLAlchemy's dialect of a stepping connection: an asynchronous one, without aiosqlite's thread."""

    driver = "stepping"
    supports_statement_cache = True
    supports_server_side_cursors = True
    is_async = True
    execution_ctx_cls = _Execution

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:  # noqa: ARG003 - of the interface
        """Return the pool of asynchronous connections."""
        return AsyncAdaptedQueuePool

    def get_driver_connection(self, connection: Any) -> Any:
        """Return the connection itself: nothing adapts it."""
        return connection


registry.register("sqlite.stepping", __name__, Stepping.__name__)


class SimulatedDatabase(Database):
    """The product's database, reached by processes that can freeze and die. A frozen one holds no transaction."""

    def __init__(self, shared: Shared, *, clock: Clock, ids: Ids) -> None:
        def connect() -> SteppingConnection:
            connection = sqlite3.connect(shared.path, factory=SteppingConnection)
            connection.shared = shared
            return connection

        def create(url: str, *, connect_args: object, **options: Any) -> AsyncEngine:  # noqa: ARG001 - nobody waits
            return create_async_engine(url, creator=connect, **options)

        with mock.patch.object(product, "create_async_engine", create):
            super().__init__("sqlite+stepping:///simulated", clock=clock, ids=ids)

    def renew(self, *, clock: Clock, ids: Ids) -> None:
        """Begin another run: statements stay compiled, nothing else stays."""
        self.clock, self.ids, self._turn = clock, ids, asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Write, unless the process is frozen or dead."""
        process = PROCESS.get()
        if process is not None:
            await process.gate()
        async with super().transaction() as tx:
            yield tx
