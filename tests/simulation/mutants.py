"""Engines that were broken on purpose: what a proof must notice to be worth anything."""

from __future__ import annotations

import itertools
import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from sqlalchemy import and_, bindparam, delete, update
from sqlmodel import col, select

from automation_engine.errors import LeaseLost
from automation_engine.jobs import census, import_jobs, prompt_runs, scans, sources, watch
from automation_engine.rules import debounce, engine, events, lifecycle, model
from automation_engine.rules.model import LedgerState, Phase
from automation_engine.store import automations, exports, fingerprints, imports, ledger, work
from automation_engine.store.tables import Delivery, LedgerEntry, Work
from tests.simulation.world import Laboratory

Patch = tuple[Any, str, Any]
_serial = itertools.count()


def _no_settle() -> list[Patch]:
    """What was seen once counts as whole."""
    real = debounce.settle

    def settle(state: Any, first: float, hold: Any, sighting: Any, *, span: float) -> Any:  # noqa: ARG001 - that is the mutation
        return real(state, first, hold, sighting, span=-1e9)

    admit = debounce.admit

    def ready(*args: Any, **options: Any) -> Any:
        admission = admit(*args, **options)
        whole = admission.hold is None and admission.state is LedgerState.SETTLING
        return replace(admission, state=LedgerState.READY) if whole else admission

    return [(scans, "settle", settle), (scans, "admit", ready)]


def _no_growth() -> list[Patch]:
    """A growing file needs no longer than any other."""
    return [(scans, "settle_span", lambda **_: model.SETTLE)]


def _no_max_wait() -> list[Patch]:
    """Arrivals that never stop starve what is whole."""
    return [(model.ImportState, "deadline_at", property(lambda _: None))]


def _half_quiet() -> list[Patch]:
    """The window ends after half of D."""
    real = model.ImportState.quiet_at

    def quiet_at(state: Any) -> float | None:
        at = real.fget(state)  # type: ignore[attr-defined]  # a property
        return None if at is None else at - state.config.debounce / 2

    return [(model.ImportState, "quiet_at", property(quiet_at))]


def _fires_while_paused() -> list[Patch]:
    """A pause is remembered, and nothing stops."""

    def pausing(state: Any, _event: Any, _now: float) -> Any:
        return replace(state, config=replace(state.config, paused=True)), ()

    table = {phase: {**row, events.Paused: pausing} for phase, row in lifecycle.TRANSITIONS.items()}
    return [(engine, "TRANSITIONS", table)]


def _resumes_in_the_middle() -> list[Patch]:
    """After a resume the old window goes on, without a fresh scan."""

    def stop(state: Any) -> Any:
        return replace(state, phase=Phase.STOPPED, scanning=False, epoch=state.epoch + state.scanning), ()

    def start(state: Any, now: float) -> Any:
        return replace(state, phase=Phase.WAITING, next_scan_at=now), ()

    return [(lifecycle, "_stop", stop), (lifecycle, "start", start)]


def _forgets_the_gone() -> list[Patch]:
    """What was gone once is never met again."""
    real = ledger.admit

    async def admit(tx: Any, seq: int, entries: Any, **options: Any) -> None:
        gone = await tx.exec(
            select(LedgerEntry.fingerprint).where(
                col(LedgerEntry.automation_seq) == seq, col(LedgerEntry.state) == LedgerState.GONE.value
            )
        )
        lost = set(gone.all())
        await real(tx, seq, [entry for entry in entries if entry.fingerprint not in lost], **options)

    return [(ledger, "admit", admit)]


def _no_dedupe() -> list[Patch]:
    """Every now and then a known identity looks new."""

    def fingerprint(connector: str, key: str, version: str) -> bytes:
        return real(connector, key, f"{version}{next(_serial) // 40}")

    real = fingerprints.fingerprint
    return [(census, "fingerprint", fingerprint)]


def _claims_what_settles() -> list[Patch]:
    """A batch takes whatever waits."""
    real = imports.start_batch

    async def start_batch(tx: Any, row: Any, state: Any, effect: Any) -> Any:
        await tx.exec(
            update(LedgerEntry)
            .where(col(LedgerEntry.automation_seq) == row.seq, col(LedgerEntry.state) == "settling")
            .values(state="ready")
            .execution_options(synchronize_session=False)
        )
        return await real(tx, row, state, replace(effect, limit=effect.limit + 1))

    return [(imports, "start_batch", start_batch)]


def _blind() -> list[Patch]:
    """A failed scan counts as silence."""

    def failed(state: Any, event: events.ScanFailed, now: float) -> Any:
        if event.epoch != state.epoch or not state.scanning:
            return state, ()
        pending = events.Pending(
            ready=state.ready, settling=state.settling, oldest_at=state.window_opened_at, newest_at=state.last_change_at
        )
        done = events.ScanCompleted(epoch=event.epoch, started_at=now, finished_at=now, changed=False, pending=pending)
        return lifecycle.TRANSITIONS[state.phase][events.ScanCompleted](state, done, now)

    table = {
        phase: {**row, events.ScanFailed: failed} if phase is not Phase.STOPPED else row
        for phase, row in lifecycle.TRANSITIONS.items()
    }
    return [(engine, "TRANSITIONS", table)]


def _no_sweep() -> list[Patch]:
    """A bell that nobody heard is never rung again."""

    async def due(*_args: Any, **_options: Any) -> list[tuple[str, str]]:
        return []

    return [(work, "due", due)]


def _no_recovery() -> list[Patch]:
    """A process that starts leaves the leases of the one before to run out."""

    async def recover(_database: Any) -> int:
        return 0

    return [(work, "recover", recover)]


def _no_fence() -> list[Patch]:
    """Whoever froze and was replaced writes on."""

    async def hold(tx: Any, lease: Any, **values: Any) -> None:
        await work.changed(tx, update(Work).where(col(Work.work_id) == lease.work_id).values(**values))

    async def held(*_args: Any) -> bool:
        return True

    async def drop(tx: Any, lease: Any) -> None:
        await tx.exec(delete(Work).where(col(Work.work_id) == lease.work_id))

    return [(work, "_hold", hold), (work, "_drop", drop), (work, "still_held", held)]


def _no_lease() -> list[Patch]:
    """Work that somebody holds is taken by whoever asks, and its holder may go on."""
    claimable = col(Work.state).in_(["due", "leased"])
    return [*_no_fence(), (work, "_CLAIM", work.claiming(claimable)), (work, "_DUE", work.finding(claimable))]


def _no_token() -> list[Patch]:
    """A commit asks whether somebody holds the work, not whether it is still the same one."""

    async def hold(tx: Any, lease: Any, **values: Any) -> None:
        mine = update(Work).where(col(Work.work_id) == lease.work_id, col(Work.state) == "leased")
        if not await work.changed(tx, mine.values(**values)):
            raise LeaseLost(lease.work_id)

    return [(work, "_hold", hold)]


def _no_expiry() -> list[Patch]:
    """What somebody holds is his for ever, dead or alive."""
    claimable = and_(col(Work.state) == "due", col(Work.due_at) <= bindparam("b_now"))
    return [(work, "_CLAIM", work.claiming(claimable)), (work, "_DUE", work.finding(claimable))]


def _no_renewal() -> list[Patch]:
    """A lease ends after a minute, however alive its holder is."""
    real = work._hold

    async def hold(tx: Any, lease: Any, **values: Any) -> None:
        if values.keys() != {"leased_until"}:
            await real(tx, lease, **values)
        elif not await work.still_held(tx, lease):
            raise LeaseLost(lease.work_id)

    return [(work, "_hold", hold)]


def _without(table: str, constraint: str) -> list[Patch]:
    """Let the database forget a constraint and its index."""
    real = Laboratory.furnish

    def furnish(self: Laboratory, plan: Any) -> None:
        real(self, plan)
        with closing(sqlite3.connect(self.shared.path)) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute(
                "UPDATE sqlite_master SET sql = replace(sql, ?, '') WHERE name = ?", (f", \n\t{constraint}", table)
            )
            connection.execute("DELETE FROM sqlite_master WHERE tbl_name = ? AND sql IS NULL", (table,))
            connection.commit()

    return [(Laboratory, "furnish", furnish)]


def _no_identity_index() -> list[Patch]:
    """The ledger takes the same identity as often as it is told."""
    return _without("ledger", "UNIQUE (automation_seq, fingerprint)")


def _exports_again() -> list[Patch]:
    """A run is delivered each time that anybody asks."""
    real = exports.create

    async def create(tx: Any, *, export_key: str, **options: Any) -> Any:
        return await real(tx, export_key=f"{export_key}:{next(_serial)}", **options)

    async def start_queued(tx: Any, row: Any, state: Any) -> None:
        await started(tx, row, state)
        for delivery in (await tx.exec(select(Delivery))).all():
            delivery.export_id = None if next(_serial) % 3 == 0 else delivery.export_id
            tx.add(delivery)

    started = exports.start_queued
    return [(exports, "create", create), (exports, "start_queued", start_queued)]


def _fires_twice() -> list[Patch]:
    """A batch leaves its members ready: the next one carries them again."""
    real = imports.start_batch

    async def start_batch(tx: Any, row: Any, state: Any, effect: Any) -> Any:
        job = await real(tx, row, state, effect)
        await tx.exec(
            update(LedgerEntry)
            .where(col(LedgerEntry.batch_id) == effect.key)
            .values(state="ready")
            .execution_options(synchronize_session=False)
        )
        return job

    return [(imports, "start_batch", start_batch)]


def _imports_the_hidden() -> list[Patch]:
    """A temporary name is as good as any other."""
    return [(debounce, "is_temporary", lambda _path: False)]


def _keeps_the_generation() -> list[Patch]:
    """A new destination is taken for the old one; what was claimed under the old watch stays in the window."""

    def configured(state: Any, event: events.Configured, now: float) -> Any:
        if event.config.active and state.config.active:
            return lifecycle._rescheduled(replace(state, config=event.config), now), ()
        return real(state, event, now)

    real = lifecycle._configured
    table = {
        phase: {**row, events.Configured: configured} if phase is not Phase.STOPPED else row
        for phase, row in lifecycle.TRANSITIONS.items()
    }
    return [(engine, "TRANSITIONS", table)]


def _misses_the_set_back() -> list[Patch]:
    """A clock that was set back is noticed by a tick that fails, and nobody asks for what now lies far ahead."""

    async def tick(self: Any) -> None:
        now = self._database.clock.now()
        set_back, self._last = now < self._last, now
        async with self._database.reading() as session:
            find = automations.all_of(session, automations.IMPORT) if set_back else automations.due(session, now)
            due = await find
        for automation_id in due:
            await watch.tick_one(self._database, automation_id)

    return [(watch.Watch, "tick", tick), (automations, "BACKOFF_MAX", math.inf)]


def _no_patience() -> list[Patch]:
    """A storage that is away is the fault of each file, and of each export."""

    async def check_answers(*_args: Any) -> None:
        pass

    return [(sources, "_check_answers", check_answers)]


def _no_suspicion() -> list[Patch]:
    """Nobody writes down that a process may die of a file."""

    async def dared(*_args: Any) -> bool:
        return True

    return [(import_jobs.ImportJobs, "_dared", dared), (prompt_runs.PromptRuns, "_dared", dared)]


def _no_fairness() -> list[Patch]:
    """What nobody foresaw of one file is the failure of all."""

    async def judged(transfer: Any, _store: Any, **_options: Any) -> Any:
        return await transfer

    return [(import_jobs, "judged", judged), (prompt_runs, "judged", judged)]


MUTANTS: dict[str, Callable[[], list[Patch]]] = {
    patches.__name__.strip("_"): patches
    for patches in (
        _no_settle,
        _no_growth,
        _no_max_wait,
        _half_quiet,
        _fires_while_paused,
        _resumes_in_the_middle,
        _forgets_the_gone,
        _no_dedupe,
        _claims_what_settles,
        _blind,
        _no_sweep,
        _no_fence,
        _no_lease,
        _no_token,
        _no_expiry,
        _no_renewal,
        _no_identity_index,
        _no_recovery,
        _exports_again,
        _fires_twice,
        _imports_the_hidden,
        _keeps_the_generation,
        _misses_the_set_back,
        _no_patience,
        _no_suspicion,
        _no_fairness,
    )
}


@contextmanager
def broken(name: str) -> Iterator[None]:
    """Break the engine in that way."""
    with ExitStack() as stack:
        for target, attribute, value in MUTANTS[name]():
            stack.enter_context(mock.patch.object(target, attribute, value))
        yield
