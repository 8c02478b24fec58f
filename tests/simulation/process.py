"""Processes of the engine that can freeze and die, and the database as they reach it.

Which process a task belongs to is a context variable: whatever the task starts belongs to it too. Each statement, each
commit and each storage call is a *step*, before and after which a process can die.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Self
from unittest import mock

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

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
        self.interleaving = 0.0


class Cursor:
    """What SQLAlchemy asks of a cursor of aiosqlite, done at once."""

    def __init__(self, connection: SteppingConnection) -> None:
        self._connection = connection
        self._cursor: sqlite3.Cursor = connection.raw.cursor()
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    @property
    def description(self) -> Any:
        """Describe the columns."""
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        """Count the rows that a statement changed."""
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        """Return the number of the last row."""
        return self._cursor.lastrowid

    async def execute(self, sql: str, parameters: Any = ()) -> Self:
        """Execute: one step."""
        await self._connection.step()
        self._cursor.execute(sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Any) -> Self:
        """Execute once for each row of parameters: one step."""
        await self._connection.step()
        self._cursor.executemany(sql, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        return self._cursor.fetchall()

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return some rows."""
        return self._cursor.fetchmany(size or self.arraysize)

    async def fetchone(self) -> Any:
        """Return the next row, or None."""
        return self._cursor.fetchone()

    async def close(self) -> None:
        """Close."""
        self._cursor.close()


class SteppingConnection:
    """What SQLAlchemy asks of a connection of aiosqlite, without its thread: each statement is a step.

    At a step the process may die, the database may fail, and somebody else may come first.
    """

    def __init__(self, shared: Shared, **options: Any) -> None:
        self._shared = shared
        self.raw: sqlite3.Connection = sqlite3.connect(shared.path, **options)
        # SQLAlchemy looks into these three.
        self._connection = self._conn = self.raw
        self._tx = self

    def __await__(self) -> Generator[Any, None, Self]:
        """Be connected already."""
        return self._connected().__await__()

    async def _connected(self) -> Self:
        return self

    def put_nowait(self, order: tuple[asyncio.Future[Any], Callable[[], Any]]) -> None:
        """Carry out what would be queued for the thread."""
        future, function = order
        future.set_result(function())

    def cursor(self) -> Cursor:
        """Return a cursor."""
        return Cursor(self)

    async def create_function(self, *args: Any, **options: Any) -> None:
        """Add a function to the database."""
        self.raw.create_function(*args, **options)

    async def step(self) -> None:
        """Take one step, if a process takes it."""
        process = PROCESS.get()
        if process is not None:
            process.step()
            process.fail()
            if self._shared.chance.random() < self._shared.interleaving:
                await asyncio.sleep(0)

    async def commit(self) -> None:
        """Commit: the process can die before it, and just after."""
        process = PROCESS.get()
        writes = self.raw.in_transaction
        if process is not None and writes:
            process.step()
            process.fail()
        self.raw.commit()
        if writes:
            self._shared.committed()
            if process is not None:
                process.step()

    async def rollback(self) -> None:
        """Roll back: nothing can stop it."""
        self.raw.rollback()

    async def close(self) -> None:
        """Close."""
        self.stop()

    def stop(self) -> None:
        """Close at once."""
        self.raw.close()


class SimulatedDatabase(Database):
    """The product's database, reached by processes that can freeze and die. A frozen one holds no transaction."""

    def __init__(self, shared: Shared, *, clock: Clock, ids: Ids) -> None:
        def connect(_path: str, **options: Any) -> SteppingConnection:
            return SteppingConnection(shared, **options)

        def create(url: str, *, connect_args: dict[str, Any], **options: Any) -> AsyncEngine:
            return create_async_engine(url, connect_args={**connect_args, "async_creator_fn": connect}, **options)

        with mock.patch.object(product, "create_async_engine", create):
            super().__init__("sqlite+aiosqlite:///simulated", clock=clock, ids=ids)

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
