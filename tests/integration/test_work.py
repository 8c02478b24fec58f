"""Units of work on a real SQLite file: claimed by one, committed under the fence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from automation_engine.clock import VirtualClock
from automation_engine.errors import LeaseLost
from automation_engine.store import work
from automation_engine.store.database import Database, sqlite_url
from automation_engine.store.schema import migrate
from automation_engine.store.tables import Work
from automation_engine.store.work import LEASE, Lease

ID = "scan:auto_1:1"


@pytest.fixture
async def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def database(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Database]:
    """An empty database in a file."""
    database = Database(sqlite_url(tmp_path / "engine.db"), clock=clock)
    await migrate(database)
    yield database
    await database.close()


async def _enqueue(database: Database, *, due_at: float | None = None) -> None:
    async with database.transaction() as tx:
        await work.enqueue(tx, work.SCAN, "auto_1:1", due_at=due_at)


async def _claimed(database: Database) -> Lease:
    lease = await work.claim(database, ID)
    assert lease is not None
    return lease


async def _saved(database: Database) -> Work:
    async with database.reading() as session:
        return await session.get_one(Work, ID)


async def _due(database: Database) -> list[str]:
    async with database.reading() as session:
        return [work_id for _, work_id in await work.due(session, database, limit=10)]


async def _finish(database: Database, lease: Lease) -> None:
    async with work.fenced(database, lease) as tx:
        await work.finish(tx, lease)


async def test_a_claim_is_exclusive(database: Database) -> None:
    await _enqueue(database)
    claims = await asyncio.gather(*(work.claim(database, ID) for _ in range(8)))
    held = [lease for lease in claims if lease is not None]
    assert [lease.attempt for lease in held] == [1]


async def test_a_claim_is_exclusive_between_two_processes(database: Database, clock: VirtualClock) -> None:
    """Two Database objects on one file share nothing but the file."""
    await _enqueue(database)
    other = Database(database.url, clock=clock)
    claims = await asyncio.gather(*(work.claim(one, ID) for one in (database, other, database, other)))
    await other.close()
    assert sum(lease is not None for lease in claims) == 1


async def test_what_was_never_enqueued_cannot_be_claimed(database: Database) -> None:
    assert await work.claim(database, "scan:nobody:1") is None


async def test_what_is_due_later_cannot_be_claimed_before(database: Database, clock: VirtualClock) -> None:
    await _enqueue(database, due_at=clock.now() + 10)
    assert await work.claim(database, ID) is None
    assert await _due(database) == []
    clock.advance(10)
    assert await _due(database) == [ID]
    assert await work.claim(database, ID) is not None


async def test_what_is_claimed_is_not_due(database: Database) -> None:
    await _enqueue(database)
    await _claimed(database)
    assert await _due(database) == []


async def test_a_silent_lease_runs_out_and_somebody_else_claims(database: Database, clock: VirtualClock) -> None:
    await _enqueue(database)
    await _claimed(database)
    clock.advance(LEASE - 1)
    assert await work.claim(database, ID) is None
    clock.advance(1)
    assert await _due(database) == [ID]
    assert (await _claimed(database)).attempt == 2


async def test_a_sign_of_life_prolongs_the_lease(database: Database, clock: VirtualClock) -> None:
    await _enqueue(database)
    lease = await _claimed(database)
    for _ in range(5):
        clock.advance(LEASE - 1)
        await work.keep(database, lease)
    assert await work.claim(database, ID) is None


async def test_every_commit_prolongs_the_lease(database: Database, clock: VirtualClock) -> None:
    await _enqueue(database)
    lease = await _claimed(database)
    clock.advance(LEASE - 1)
    async with work.fenced(database, lease):
        pass
    clock.advance(LEASE - 1)
    assert await work.claim(database, ID) is None


async def test_a_frozen_worker_s_late_commit_is_refused(database: Database, clock: VirtualClock) -> None:
    """Section 8: frozen for an hour and revived, the loser's write fails."""
    await _enqueue(database)
    frozen = await _claimed(database)
    clock.advance(3600)
    await _claimed(database)
    with pytest.raises(LeaseLost):
        async with work.fenced(database, frozen) as tx:
            await work.enqueue(tx, work.EXPORT, "exp_1")
    assert await _due(database) == []
    async with database.reading() as session:
        assert await session.get(Work, "export:exp_1") is None


async def test_a_worker_that_freezes_between_two_commits_can_neither_keep_nor_finish_nor_release(
    database: Database, clock: VirtualClock
) -> None:
    await _enqueue(database)
    frozen = await _claimed(database)
    clock.advance(3600)
    winner = await _claimed(database)
    with pytest.raises(LeaseLost):
        await work.keep(database, frozen)
    with pytest.raises(LeaseLost):
        await _finish(database, frozen)
    with pytest.raises(LeaseLost):
        async with database.transaction() as tx:
            await work.release(tx, frozen, due_at=tx.now)
    await _finish(database, winner)
    assert (await _saved(database)).state == "done"


async def test_a_worker_that_was_replaced_can_not_end_the_work_either(database: Database, clock: VirtualClock) -> None:
    await _enqueue(database)
    frozen = await _claimed(database)
    clock.advance(3600)
    winner = await _claimed(database)
    with pytest.raises(LeaseLost):
        async with work.last(database, frozen):
            pytest.fail("it does not hold the work")
    async with work.last(database, winner):
        pass
    with pytest.raises(LeaseLost):
        async with work.last(database, winner):
            pytest.fail("there is no such work any more")


async def test_work_whose_last_transaction_fails_is_not_forgotten(database: Database) -> None:
    await _enqueue(database)
    lease = await _claimed(database)
    with pytest.raises(ValueError, match="disk"):
        async with work.last(database, lease):
            raise ValueError("disk full")
    assert (await _saved(database)).state == "leased"
    await work.keep(database, lease)


async def test_a_late_worker_that_nobody_replaced_still_commits(database: Database, clock: VirtualClock) -> None:
    """The token decides, not the time: nobody else has begun the work."""
    await _enqueue(database)
    lease = await _claimed(database)
    clock.advance(3600)
    await _finish(database, lease)
    assert (await _saved(database)).state == "done"


async def test_still_held_reads_without_prolonging(database: Database, clock: VirtualClock) -> None:
    await _enqueue(database)
    lease = await _claimed(database)
    until = (await _saved(database)).leased_until
    clock.advance(5)
    async with database.reading() as session:
        assert await work.still_held(session, lease)
    assert (await _saved(database)).leased_until == until
    clock.advance(LEASE)
    await _claimed(database)
    async with database.reading() as session:
        assert not await work.still_held(session, lease)


@pytest.mark.parametrize("step", [-61.0 * 2, -3600.0, -1e6])
async def test_a_lease_from_the_future_is_void_after_the_clock_was_set_back(
    database: Database, clock: VirtualClock, step: float
) -> None:
    """Section 9."""
    await _enqueue(database)
    await _claimed(database)
    clock.advance(step)
    assert await _due(database) == [ID]
    assert (await _claimed(database)).attempt == 2


@pytest.mark.parametrize("step", [-3600.0, -86_400.0, -1e6])
async def test_work_that_is_due_in_the_future_is_due_after_the_clock_was_set_back(
    database: Database, clock: VirtualClock, step: float
) -> None:
    """Section 9: no wait is longer than the longest backoff."""
    await _enqueue(database)
    clock.advance(step)
    assert await _due(database) == [ID]
    assert await work.claim(database, ID) is not None


async def test_cancelled_work_cannot_be_claimed_and_its_holder_cannot_commit(database: Database) -> None:
    await _enqueue(database)
    lease = await _claimed(database)
    async with database.transaction() as tx:
        await work.cancel(tx, work.SCAN, "auto_1:1")
    assert await work.claim(database, ID) is None
    with pytest.raises(LeaseLost):
        await _finish(database, lease)


async def test_cancelling_what_is_done_changes_nothing(database: Database) -> None:
    await _enqueue(database)
    await _finish(database, await _claimed(database))
    async with database.transaction() as tx:
        await work.cancel(tx, work.SCAN, "auto_1:1")
    assert (await _saved(database)).state == "done"


async def test_released_work_is_due_again_at_its_time(database: Database, clock: VirtualClock) -> None:
    await _enqueue(database)
    lease = await _claimed(database)
    async with database.transaction() as tx:
        await work.release(tx, lease, due_at=tx.now + 20)
    assert await work.claim(database, ID) is None
    clock.advance(20)
    assert await work.claim(database, ID) is not None


async def test_failures_and_waits_in_a_row_are_counted_and_a_release_without_forgets_them(database: Database) -> None:
    await _enqueue(database)
    counted = []
    for failures, waits in ((1, 0), (1, 1), (2, 2), (0, 0)):
        lease = await _claimed(database)
        counted.append((lease.failures, lease.waits))
        async with database.transaction() as tx:
            await work.release(tx, lease, due_at=tx.now, failures=failures, waits=waits)
    assert counted == [(0, 0), (1, 0), (1, 1), (2, 2)]
    lease = await _claimed(database)
    assert (lease.failures, lease.waits) == (0, 0)


async def test_who_falls_silent_is_counted_until_somebody_gives_the_work_back(
    database: Database, clock: VirtualClock
) -> None:
    await _enqueue(database)
    assert (await _claimed(database)).silences == 0
    clock.advance(LEASE + 1)  # the lease ran out
    assert (await _claimed(database)).silences == 1
    await work.recover(database)  # the process died
    lease = await _claimed(database)
    assert lease.silences == 2
    async with database.transaction() as tx:
        await work.release(tx, lease, due_at=tx.now)
    assert (await _claimed(database)).silences == 0


async def test_recovery_voids_every_lease_at_once(database: Database) -> None:
    """Section 8: a process that knows itself to be the only one need not wait for leases to run out."""
    await _enqueue(database)
    dead = await _claimed(database)
    assert await work.recover(database) == 1
    assert await _due(database) == [ID]
    with pytest.raises(LeaseLost):
        await _finish(database, dead)
    assert (await _claimed(database)).attempt == 2
    with pytest.raises(LeaseLost):
        await _finish(database, dead)


async def test_recovery_leaves_what_is_not_leased_alone(database: Database) -> None:
    await _enqueue(database)
    await _finish(database, await _claimed(database))
    assert await work.recover(database) == 0
    assert (await _saved(database)).state == "done"


async def test_what_was_done_can_be_enqueued_again_and_its_old_leases_stay_void(database: Database) -> None:
    await _enqueue(database)
    first = await _claimed(database)
    await _finish(database, first)
    await _enqueue(database)
    second = await _claimed(database)
    assert (second.attempt, second.failures) == (2, 0)
    with pytest.raises(LeaseLost):
        await work.keep(database, first)


async def test_enqueuing_what_is_leased_voids_the_lease(database: Database) -> None:
    await _enqueue(database)
    first = await _claimed(database)
    await _enqueue(database)
    with pytest.raises(LeaseLost):
        await work.keep(database, first)
    assert (await _claimed(database)).attempt == 2


class _Bells:
    """Hears the bells, and whether what they ring for can be read by then."""

    def __init__(self, database: Database) -> None:
        self.rung: list[tuple[str, str]] = []
        self._database = database
        database.bell = self

    async def __call__(self, rings: Sequence[tuple[str, str]]) -> None:
        async with self._database.reading() as session:
            for _, work_id in rings:
                assert await session.get(Work, work_id) is not None
        self.rung += rings


async def test_bells_ring_after_the_commit_only(database: Database) -> None:
    bells = _Bells(database)
    async with database.transaction() as tx:
        await work.enqueue(tx, work.SCAN, "auto_1:1")
        await work.enqueue(tx, work.EXPORT, "exp_1")
        assert bells.rung == []
    assert bells.rung == [("scan", ID), ("export", "export:exp_1")]


async def test_bells_of_a_transaction_that_failed_never_ring(database: Database) -> None:
    bells = _Bells(database)

    async def interrupted() -> None:
        async with database.transaction() as tx:
            await work.enqueue(tx, work.SCAN, "auto_1:1")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        await interrupted()
    assert bells.rung == []
    async with database.reading() as session:
        assert await session.get(Work, ID) is None


async def test_a_bell_may_write_itself(database: Database) -> None:
    """The turn to write is given back before it rings."""
    held: list[Lease | None] = []

    async def claim(rings: Sequence[tuple[str, str]]) -> None:
        held.append(await work.claim(database, rings[0][1]))

    database.bell = claim
    await _enqueue(database)
    assert [lease is not None for lease in held] == [True]


async def test_a_release_at_once_rings_again_and_one_for_later_does_not(database: Database) -> None:
    await _enqueue(database)
    bells = _Bells(database)
    lease = await _claimed(database)
    async with database.transaction() as tx:
        await work.release(tx, lease, due_at=tx.now)
    assert bells.rung == [("scan", ID)]
    lease = await _claimed(database)
    async with database.transaction() as tx:
        await work.release(tx, lease, due_at=tx.now + 1)
    assert bells.rung == [("scan", ID)]
