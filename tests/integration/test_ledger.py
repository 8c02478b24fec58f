"""The ledger on a real SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from automation_engine.clock import VirtualClock
from automation_engine.rules import events
from automation_engine.rules.debounce import Hold, Skip
from automation_engine.rules.effects import StartBatch
from automation_engine.rules.model import ExportState, ImportConfig, ImportState, LedgerState, Phase, Trigger, Watch
from automation_engine.store import automations, imports, ledger
from automation_engine.store.database import Database, sqlite_url
from automation_engine.store.fingerprints import fingerprint
from automation_engine.store.ledger import NewEntry
from automation_engine.store.schema import migrate
from automation_engine.store.tables import Automation, Batch, Connector, Delivery, Export, ImportFile, LedgerEntry

SETTLING, READY, GONE, CLAIMED = LedgerState.SETTLING, LedgerState.READY, LedgerState.GONE, LedgerState.CLAIMED
CONFIG = ImportConfig(watch=Watch(connector_id="conn_1", source_prefix="in"), debounce=300.0)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database with an import automation, number 1, and an export automation, number 2."""
    database = Database(sqlite_url(tmp_path / "engine.db"), clock=VirtualClock())
    await migrate(database)
    states: dict[str, ImportState | ExportState] = {
        "import": ImportState(automation_id="auto_1", config=CONFIG, phase=Phase.WAITING),
        "export": ExportState(automation_id="auto_2", destination_connector_id="conn_1"),
    }
    async with database.transaction() as tx:
        for number, (kind, state) in enumerate(states.items(), 1):
            row = Automation(
                seq=number,
                automation_id=f"auto_{number}",
                owner="ada",
                index_id="idx_1",
                kind=kind,
                config={},
                state={},
                created_at=tx.now,
                updated_at=tx.now,
            )
            automations.save_state(row, state)
            tx.add(row)
        tx.add(
            Connector(
                connector_id="conn_1",
                owner="ada",
                name="media",
                provider="local",
                status="active",
                scopes=["import", "export"],
                import_mode="all",
                settings={},
                created_at=tx.now,
                updated_at=tx.now,
            )
        )
    yield database
    await database.close()


def _new(key: str, version: str = "v1", **values: Any) -> NewEntry:
    given = {"size": 100, "last_modified": 0.0, "state": SETTLING, "hold": None, "growing": False}
    return NewEntry(fingerprint=fingerprint("conn_1", key, version), key=key, version=version, **{**given, **values})


async def _admit(database: Database, *entries: NewEntry, epoch: int = 1, seen_at: float = 1000.0) -> None:
    async with database.transaction() as tx:
        await ledger.admit(tx, 1, entries, epoch=epoch, seen_at=seen_at)


async def _rows(database: Database) -> list[LedgerEntry]:
    async with database.reading() as session:
        return list((await session.exec(select(LedgerEntry).order_by(col(LedgerEntry.seq)))).all())


async def _settle(database: Database, state: LedgerState, *seqs: int | None, reason: str | None = None) -> None:
    async with database.transaction() as tx:
        await ledger.settle(
            tx,
            [
                {"seq": seq, "state": state.value, "hold": None, "first_seen_at": 1000.0, "reason": reason}
                for seq in seqs
            ],
        )


async def test_an_identity_is_admitted_once_however_often_a_scan_reports_it(database: Database) -> None:
    await _admit(database, _new("a"), _new("a"))
    await _admit(database, _new("a"), epoch=2, seen_at=2000.0)
    (row,) = await _rows(database)
    assert (row.epoch, row.first_seen_at, row.state) == (1, 1000.0, "settling")


async def test_an_identity_that_was_gone_comes_back_in_its_own_row(database: Database) -> None:
    await _admit(database, _new("a"))
    (row,) = await _rows(database)
    await _settle(database, GONE, row.seq, reason="vanished")
    await _admit(database, _new("a", growing=True), epoch=5, seen_at=5000.0)
    (back,) = await _rows(database)
    assert (back.seq, back.state, back.epoch, back.first_seen_at, back.reason, back.growing) == (
        row.seq,
        "settling",
        5,
        5000.0,
        None,
        True,
    )


@pytest.mark.parametrize("state", ["claimed", "imported", "failed", "skipped"])
async def test_an_identity_that_was_claimed_once_is_not_admitted_again(database: Database, state: str) -> None:
    """Section 5: never imported twice."""
    await _admit(database, _new("a", state=LedgerState(state)))
    await _admit(database, _new("a"), epoch=2, seen_at=2000.0)
    (row,) = await _rows(database)
    assert (row.state, row.epoch) == (state, 1)


async def test_a_skipped_identity_says_why(database: Database) -> None:
    await _admit(database, _new("a", state=LedgerState.SKIPPED, skip=Skip.EXISTING))
    assert (await _rows(database))[0].reason == "existing"


async def test_more_entries_than_a_statement_takes_are_admitted(database: Database) -> None:
    entries = [_new(f"{at:04}") for at in range(ledger.CHUNK * 2 + 1)]
    await _admit(database, *entries)
    assert [row.key for row in await _rows(database)] == [entry.key for entry in entries]


async def test_nothing_to_admit_is_nothing_to_do(database: Database) -> None:
    await _admit(database)
    assert await _rows(database) == []


async def test_what_grew_before_it_was_gone_is_still_taken_for_growing(database: Database) -> None:
    """A stale listing that leaves it out tells nothing of its writer."""
    await _admit(database, _new("a", growing=True))
    (row,) = await _rows(database)
    await _settle(database, GONE, row.seq, reason="vanished")
    await _admit(database, _new("a"), epoch=5, seen_at=5000.0)
    (back,) = await _rows(database)
    assert back.growing


async def test_all_but_the_gone_are_known(database: Database) -> None:
    entries = [_new(state.value, state=state) for state in LedgerState]
    await _admit(database, *entries)
    async with database.reading() as session:
        known = await ledger.known(session, 1)
    positions = known.positions([entry.fingerprint for entry in entries])
    unknown = [entry.key for entry, at in zip(entries, positions.tolist(), strict=True) if at < 0]
    assert unknown == ["gone"]


async def test_ledgers_of_two_automations_do_not_know_each_other(database: Database) -> None:
    await _admit(database, _new("a"))
    async with database.reading() as session:
        assert len(await ledger.known(session, 2)) == 0
        assert (await ledger.pending(session, 2)).settling == 0
        assert await ledger.versions(session, 2, ["a"]) == {}


async def test_versions_tell_the_states_of_each_key(database: Database) -> None:
    await _admit(database, _new("a", "v1", state=GONE), _new("a", "v2"), _new("b", state=CLAIMED))
    async with database.reading() as session:
        found = await ledger.versions(session, 1, ["a", "b", "c"])
    assert found == {"a": {GONE, SETTLING}, "b": {CLAIMED}}


async def test_what_waits_is_returned_in_chunks_and_without_what_the_scan_itself_admitted(database: Database) -> None:
    await _admit(database, *(_new(f"{at}") for at in range(4)), _new("done", state=CLAIMED), seen_at=500.0)
    await _admit(database, _new("of an attempt that died"), epoch=2, seen_at=600.0)
    await _admit(database, _new("own"), epoch=2, seen_at=700.0)
    async with database.reading() as session:
        first = await ledger.waiting(session, 1, epoch=2, listed_at=700.0, after_seq=0, limit=3)
        second = await ledger.waiting(session, 1, epoch=2, listed_at=700.0, after_seq=first[-1].seq, limit=3)
    assert [entry.key for entry in (*first, *second)] == ["0", "1", "2", "3", "of an attempt that died"]


async def test_what_is_claimed_meanwhile_stays_claimed(database: Database) -> None:
    """A scan that still thinks it waits must not take it back."""
    await _admit(database, _new("a", state=CLAIMED))
    (row,) = await _rows(database)
    await _settle(database, GONE, row.seq)
    assert (await _rows(database))[0].state == "claimed"


async def test_pending_sums_up_what_waits(database: Database) -> None:
    await _admit(database, _new("ready", state=READY), seen_at=500.0)
    await _admit(database, _new("settling"), _new("gone", state=GONE), seen_at=700.0)
    await _admit(database, _new("x.part", hold=Hold.TEMPORARY), seen_at=900.0)
    await _admit(database, _new("empty", hold=Hold.EMPTY), seen_at=100.0)
    async with database.reading() as session:
        summary = await ledger.pending(session, 1)
    assert summary == events.Pending(ready=1, settling=1, held=2, oldest_at=500.0, newest_at=900.0)


async def test_pending_of_an_empty_ledger_is_nothing(database: Database) -> None:
    async with database.reading() as session:
        assert await ledger.pending(session, 1) == events.Pending()


async def test_admitted_keys_are_those_that_a_scan_met_in_a_new_version(database: Database) -> None:
    await _admit(database, _new("a"), _new("b"))
    await _admit(database, _new("a", "v2"), epoch=2)
    async with database.reading() as session:
        assert await ledger.admitted_keys(session, 1, ["a", "b", "c"], epoch=2) == {"a"}


async def test_counts_are_objects_and_bytes_of_each_state(database: Database) -> None:
    await _admit(database, _new("a", size=5), _new("b", size=7), _new("c", size=1, state=CLAIMED))
    async with database.reading() as session:
        assert await ledger.counts(session, 1) == {"settling": (2, 12), "claimed": (1, 1)}


async def test_what_holds_a_window_longest_comes_first(database: Database) -> None:
    await _admit(database, _new("late"), seen_at=900.0)
    await _admit(database, _new("b"), _new("a"), _new("ready", state=READY), seen_at=100.0)
    async with database.reading() as session:
        holding = await ledger.held_by(session, 1, limit=2)
    assert [row.key for row in holding] == ["a", "b"]


async def test_how_an_import_ended_is_written_to_what_is_claimed_alone(database: Database) -> None:
    await _admit(database, _new("a", state=CLAIMED), _new("b", state=READY))
    for row in await _rows(database):
        async with database.transaction() as tx:
            await ledger.resolve(tx, row.seq or 0, LedgerState.FAILED, "not media")
    assert [(row.state, row.reason) for row in await _rows(database)] == [("failed", "not media"), ("ready", None)]


async def test_a_forgotten_ledger_is_empty(database: Database) -> None:
    await _admit(database, _new("a"))
    async with database.transaction() as tx:
        await ledger.forget(tx, 1)
    assert await _rows(database) == []


async def _start(database: Database, sequence: int, limit: int) -> bool:
    effect = StartBatch(key=f"auto:auto_1:1:{sequence}", sequence=sequence, limit=limit, trigger=Trigger.QUIET)
    async with database.transaction() as tx:
        row = await automations.lock(tx, "auto_1")
        assert row is not None
        return await imports.start_batch(tx, row, automations.import_state(row), effect) is not None


async def test_a_batch_claims_the_first_ready_objects_in_key_order(database: Database) -> None:
    """Section 4."""
    await _admit(database, *(_new(key, state=READY) for key in "dacb"), _new("aa"))
    assert await _start(database, 1, 3)
    rows = {row.key: (row.state, row.batch_id) for row in await _rows(database)}
    claimed = ("claimed", "auto:auto_1:1:1")
    assert rows == {"a": claimed, "b": claimed, "c": claimed, "d": ("ready", None), "aa": ("settling", None)}
    async with database.reading() as session:
        files = (await session.exec(select(ImportFile).order_by(col(ImportFile.ordinal)))).all()
    assert [(file.ordinal, file.key, file.version, file.status) for file in files] == [
        (0, "a", "v1", "pending"),
        (1, "b", "v1", "pending"),
        (2, "c", "v1", "pending"),
    ]


async def test_a_batch_without_members_does_not_exist(database: Database) -> None:
    await _admit(database, _new("a"))
    assert not await _start(database, 1, 10)
    async with database.reading() as session:
        assert (await session.exec(select(Batch))).all() == []


async def test_the_same_batch_can_not_be_fired_twice(database: Database) -> None:
    """Section 4: its key is the primary key; the second claim is rolled back with it."""
    await _admit(database, _new("a", state=READY))
    await _start(database, 1, 10)
    await _admit(database, _new("b", state=READY), epoch=2)
    with pytest.raises(IntegrityError):
        await _start(database, 1, 10)
    assert [(row.key, row.state) for row in await _rows(database)] == [("a", "claimed"), ("b", "ready")]


async def _tell(database: Database, event: events.ExportEvent) -> None:
    async with database.transaction() as tx:
        row = await automations.lock(tx, "auto_2")
        assert row is not None
        await automations.apply_export(tx, row, event)


async def _deliveries(database: Database) -> tuple[list[tuple[str, int, bool]], list[str]]:
    async with database.reading() as session:
        rows = (await session.exec(select(Delivery).order_by(col(Delivery.run_id), col(Delivery.generation)))).all()
        keys = (await session.exec(select(Export.export_key).order_by(col(Export.export_key)))).all()
    return [(row.run_id, row.generation, row.export_id is not None) for row in rows], list(keys)


async def test_a_finished_run_is_exported_once_for_the_generation(database: Database) -> None:
    """Section 12."""
    for _ in range(3):
        await _tell(database, events.RunFinished(run_id="run_1"))
        await _tell(database, events.Ticked())
    assert await _deliveries(database) == ([("run_1", 1, True)], ["auto:auto_2:1:run_1"])


async def test_runs_that_end_during_a_pause_are_delivered_on_resume(database: Database) -> None:
    """Section 12."""
    await _tell(database, events.Paused())
    for run_id in ("run_1", "run_2", "run_1"):
        await _tell(database, events.RunFinished(run_id=run_id))
    await _tell(database, events.Ticked())
    assert await _deliveries(database) == ([("run_1", 1, False), ("run_2", 1, False)], [])
    await _tell(database, events.Resumed())
    assert await _deliveries(database) == (
        [("run_1", 1, True), ("run_2", 1, True)],
        ["auto:auto_2:1:run_1", "auto:auto_2:1:run_2"],
    )


async def test_a_run_that_waits_since_an_earlier_generation_and_ends_again_is_delivered_once(
    database: Database,
) -> None:
    """Section 12: paused, pointed elsewhere, and the run was tried again meanwhile."""
    elsewhere = events.ExportConfigured(
        destination_connector_id="conn_1", destination_subpath="elsewhere", enabled=True, paused=True
    )
    await _tell(database, events.Paused())
    await _tell(database, events.RunFinished(run_id="run_1"))
    await _tell(database, elsewhere)
    await _tell(database, events.RunFinished(run_id="run_1"))
    await _tell(database, events.Resumed())
    assert await _deliveries(database) == ([("run_1", 2, True)], ["auto:auto_2:2:run_1"])
