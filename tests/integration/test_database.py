"""Transactions on a real SQLite file: what goes through the session and what goes past it are one."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from automation_engine.clock import VirtualClock
from automation_engine.store.database import Database, sqlite_url
from automation_engine.store.schema import migrate
from automation_engine.store.tables import MediaIndex

_COUNT = text("SELECT count(*) AS rows FROM indexes")
_ADD = text("INSERT INTO indexes (index_id, owner, name, is_default, created_at) VALUES (:id, 'ada', 'b', false, 0)")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database in a file."""
    database = Database(sqlite_url(tmp_path / "engine.db"), clock=VirtualClock())
    await migrate(database)
    yield database
    await database.close()


def _index(index_id: str) -> MediaIndex:
    return MediaIndex(index_id=index_id, owner="ada", name="a", created_at=0.0)


async def _rows(database: Database) -> int:
    return (await database.fetch(_COUNT))[0].rows  # type: ignore[no-any-return]  # text() has no types


async def test_what_was_added_and_what_was_executed_are_committed_together(database: Database) -> None:
    async with database.transaction() as tx:
        tx.add(_index("idx_1"))
        assert await tx.change(_ADD, {"id": "idx_2"}) == 1
        assert await _rows(database) == 0
    assert await _rows(database) == 2


async def test_what_was_added_and_what_was_executed_are_rolled_back_together(database: Database) -> None:
    async def failing() -> None:
        async with database.transaction() as tx:
            tx.add(_index("idx_1"))
            await tx.flush()
            await tx.change(_ADD, {"id": "idx_2"})
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await failing()
    assert await _rows(database) == 0


@pytest.mark.parametrize("adding", [False, True])
async def test_a_rollback_on_purpose_undoes_also_what_went_past_the_session(
    database: Database, *, adding: bool
) -> None:
    async with database.transaction() as tx:
        if adding:
            tx.add(_index("idx_1"))
        await tx.change(_ADD, {"id": "idx_2"})
        await tx.rollback()
    assert await _rows(database) == 0


async def test_a_commit_that_fails_leaves_nothing_behind_and_nobody_waiting(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_connection: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async def failing() -> None:
        async with database.transaction() as tx:
            await tx.change(_ADD, {"id": "idx_1"})

    with monkeypatch.context() as patch:
        patch.setattr(database.engine.sync_engine.dialect, "do_commit", fail)
        with pytest.raises(OperationalError, match="disk is full"):
            await failing()
    assert await _rows(database) == 0
    async with database.transaction() as tx:
        tx.add(_index("idx_2"))
    assert await _rows(database) == 1


async def test_a_session_is_made_only_for_who_asks_something_of_it(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.change(_ADD, {"id": "idx_2"})
        assert not tx.used
        assert (await tx.exec(select(MediaIndex.index_id))).all() == ["idx_2"]
        assert tx.used


async def test_what_a_transaction_read_may_be_looked_at_after_it(database: Database) -> None:
    async with database.transaction() as tx:
        tx.add(_index("idx_1"))
    async with database.reading() as session:
        row = await session.get_one(MediaIndex, "idx_1")
    assert row.name == "a"


async def test_a_snapshot_does_not_see_what_is_committed_meanwhile(database: Database) -> None:
    async with database.reading() as session:
        before = await session.fetch(_COUNT)
        async with database.transaction() as tx:
            tx.add(_index("idx_1"))
        assert (await session.fetch(_COUNT))[0].rows == before[0].rows == 0
    assert await _rows(database) == 1
