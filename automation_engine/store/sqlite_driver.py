"""SQLite connections that go to their thread once a statement.

aiosqlite makes every call of a cursor (open, execute, fetch, close) a journey to the connection's thread and back; for
the short statements that an engine lives on, the journeys are most of the time. Here a statement is executed, its first
rows are fetched, and its cursor is closed when there are no more, all in one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Self

import aiosqlite

_FIRST = 256
"""Rows that come with the execution; a longer result is fetched as it is asked for."""


class OneTripCursor:
    """What SQLAlchemy asks of an aiosqlite cursor."""

    arraysize = 1

    def __init__(self, connection: OneTripConnection) -> None:
        self._connection = connection
        self._open: sqlite3.Cursor | None = None
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> Self:
        """Execute, and fetch the first rows."""
        await self._connection.run(self._perform, "execute", sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> Self:
        """Execute once for each row of parameters."""
        await self._connection.run(self._perform, "executemany", sql, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        """Return all the rows that are left."""
        rows, self._rows = self._rows, []
        if self._open is not None:
            rows += await self._connection.run(self._open.fetchall)
        return rows

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return some of the rows that are left; none when there are none."""
        wanted = size or self.arraysize
        if not self._rows and self._open is not None:
            return list(await self._connection.run(self._open.fetchmany, wanted))
        rows, self._rows = self._rows[:wanted], self._rows[wanted:]
        return rows

    async def fetchone(self) -> Any:
        """Return the next row, or None."""
        return next(iter(await self.fetchmany(1)), None)

    async def close(self) -> None:
        """Forget what is left."""
        self._rows = []
        if self._open is not None:
            await self._connection.run(self._open.close)
            self._open = None

    def _perform(self, how: str, sql: str, parameters: Any) -> None:
        """Do all of it, in the connection's thread."""
        cursor = self._connection.raw.cursor()
        getattr(cursor, how)(sql, parameters)
        self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
        self._rows = cursor.fetchmany(_FIRST) if cursor.description else []
        if len(self._rows) < _FIRST:
            # Closed here, not when the result is read: an open cursor would keep its snapshot.
            cursor.close()
            self._open = None
        else:
            self._open = cursor


class OneTripConnection(aiosqlite.Connection):
    """An aiosqlite connection whose cursors are ``OneTripCursor``."""

    @property
    def raw(self) -> sqlite3.Connection:
        """The connection itself, for use in its thread alone."""
        return self._conn

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function in the connection's thread."""
        return await self._execute(function, *args)  # type: ignore[no-untyped-call]  # aiosqlite leaves it untyped

    def cursor(self) -> OneTripCursor:  # type: ignore[override]  # SQLAlchemy enters it, and awaits its methods
        """Return a cursor; nothing is done before it executes."""
        return OneTripCursor(self)


def connect(database: str, **options: Any) -> OneTripConnection:
    """Return a connection to await; ``options`` are those of ``sqlite3.connect``."""
    connection = OneTripConnection(partial(sqlite3.connect, database, **options), iter_chunk_size=64)
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does: an exit does not wait for it
    return connection
