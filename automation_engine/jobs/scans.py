"""Performing a scan: list the watched prefix, hold it against the ledger, tell the engine what was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from automation_engine.connectors.pool import Stores
from automation_engine.connectors.protocol import ObjectStore
from automation_engine.errors import EngineError, LeaseLost
from automation_engine.jobs.census import Census, NewObject
from automation_engine.jobs.sources import saved_connector
from automation_engine.rules import events
from automation_engine.rules.debounce import Admission, Sighting, admit, settle, settle_span
from automation_engine.rules.matching import folder
from automation_engine.rules.model import ImportMode, ImportState, LedgerState
from automation_engine.store import automations, ledger, work
from automation_engine.store.database import Database, Transaction
from automation_engine.store.fingerprints import Fingerprints
from automation_engine.store.ledger import NewEntry, WaitingEntry
from automation_engine.store.tables import Automation, Scan
from automation_engine.store.work import Lease

_CHUNK = 2_000
"""Waiting identities decided on together: some 40 ms on the event loop."""
_KEPT_BYTES = 256 << 20
"""Known identities kept between scans, of all automations together: sixteen million."""
_KEPT_SCANS = 1_000
"""Scans of an automation that are remembered."""
_NONE_KNOWN = Fingerprints()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """What a scan works with: who scans what, as of its start."""

    seq: int
    epoch: int
    state: ImportState
    mode: ImportMode
    store: ObjectStore
    started_at: float


class Scans:
    """Performs scans. Known identities are kept between scans under the ledger's version."""

    def __init__(self, database: Database, stores: Stores, chance: Callable[[], float]) -> None:
        self._database = database
        self._stores = stores
        self._chance = chance
        self._known: dict[int, tuple[int, Fingerprints]] = {}

    async def perform(self, lease: Lease) -> None:
        """List once and take the result in. A failed listing changes nothing but the automation's health."""
        try:
            row = await self._begin(lease)
            if row is None:
                return
            listing = await self._open(lease, row)
            census = Census(listing.state.config.watch, await self._fingerprints(row))
            try:
                await self._list(lease, listing, census)
                finished_at = self._database.clock.now()
                await self._admit(lease, listing, census, finished_at)
                await self._settle(lease, listing, census, finished_at)
                await self._complete(lease, listing, census, finished_at)
            finally:
                census.close()
        except LeaseLost:
            raise
        except EngineError as error:
            await self.give_up(lease, error.message)

    async def give_up(self, lease: Lease, reason: str) -> None:
        """Tell the engine that the scan failed."""
        automation_id, epoch = automations.parse_scan_subject(lease.subject)
        async with work.fenced(self._database, lease) as tx:
            row = await automations.lock(tx, automation_id)
            if row is not None:
                await self._note(tx, automations.row_seq(row), epoch, outcome="failed", error=reason)
                event = events.ScanFailed(epoch=epoch, cause=reason, jitter=self._chance())
                await automations.apply_import(tx, row, event)
            await work.finish(tx, lease, forget=True)

    async def _begin(self, lease: Lease) -> Automation | None:
        """Note the start; None when the engine no longer waits for this scan."""
        automation_id, epoch = automations.parse_scan_subject(lease.subject)
        async with work.fenced(self._database, lease) as tx:
            row = await automations.lock(tx, automation_id)
            state = None if row is None else automations.import_state(row)
            if row is None or state is None or state.epoch != epoch or not state.scanning:
                await work.finish(tx, lease, forget=True)
                return None
            await self._note(tx, automations.row_seq(row), epoch, started_at=tx.now)
            return row

    async def _open(self, lease: Lease, row: Automation) -> _Listing:
        state = automations.import_state(row)
        connector = await saved_connector(self._database, state.config.watch.connector_id)
        return _Listing(
            seq=automations.row_seq(row),
            epoch=automations.parse_scan_subject(lease.subject)[1],
            state=state,
            mode=ImportMode(connector.import_mode),
            store=self._stores.get(connector),
            started_at=self._database.clock.now(),
        )

    async def _fingerprints(self, row: Automation) -> Fingerprints:
        seq = automations.row_seq(row)
        version, known = self._known.pop(seq, (-1, _NONE_KNOWN))
        if version != row.ledger_version:
            async with self._database.reading() as session:
                known = await ledger.known(session, seq)
        self._known[seq] = (row.ledger_version, known)
        while sum(kept.nbytes for _, kept in self._known.values()) > _KEPT_BYTES and len(self._known) > 1:
            del self._known[next(iter(self._known))]  # the one that was not used for longest
        return known

    async def _list(self, lease: Lease, listing: _Listing, census: Census) -> None:
        """Take every page. Before each storage call the lease is checked: a paused automation makes none."""
        watch = listing.state.config.watch
        pages = listing.store.list_pages(folder(watch.source_prefix), recursive=watch.recursive)
        async with aclosing(pages) as listed:
            await self._check(lease)
            async for page in listed:
                census.take(page)
                await self._check(lease)

    async def _check(self, lease: Lease) -> None:
        async with self._database.reading() as session:
            if not await work.still_held(session, lease):
                raise LeaseLost(f"scan {lease.subject} was called off")

    async def _admit(self, lease: Lease, listing: _Listing, census: Census, seen_at: float) -> None:
        for page in census.pages_of_new():
            async with work.fenced(self._database, lease) as tx:
                states: dict[str, set[LedgerState]] = {}
                if census.known:  # else no key has another version
                    states = await ledger.versions(tx, listing.seq, [key for _, key, _, _, _ in page])
                entries = [self._admitted(census, listing, item, states.get(item[1], set())) for item in page]
                await ledger.admit(tx, listing.seq, entries, epoch=listing.epoch, seen_at=seen_at)
                await ledger.touch(tx, listing.seq)

    @staticmethod
    def _admitted(census: Census, listing: _Listing, item: NewObject, states: set[LedgerState]) -> NewEntry:
        fingerprint, key, version, size, last_modified = item
        admission: Admission = admit(census.path(key), size, states, listing.mode)
        return NewEntry(
            fingerprint=fingerprint,
            key=key,
            version=version,
            size=size,
            last_modified=last_modified,
            state=admission.state,
            hold=admission.hold,
            growing=admission.growing,
        )

    async def _settle(self, lease: Lease, listing: _Listing, census: Census, finished_at: float) -> None:
        """Take every identity that waited before this scan one step further."""
        after = 0
        while True:
            async with work.fenced(self._database, lease) as tx:
                waiting = await ledger.waiting(
                    tx, listing.seq, before_epoch=listing.epoch, after_seq=after, limit=_CHUNK
                )
                if not waiting:
                    return
                after = waiting[-1].seq
                await self._settle_chunk(tx, listing, census, waiting, finished_at)

    async def _settle_chunk(
        self, tx: Transaction, listing: _Listing, census: Census, waiting: Sequence[WaitingEntry], finished_at: float
    ) -> None:
        seen = census.seen([entry.fingerprint for entry in waiting])
        gone = [entry.key for entry, here in zip(waiting, seen, strict=True) if not here]
        replaced = await ledger.admitted_keys(tx, listing.seq, gone, epoch=listing.epoch)
        states: dict[str, set[LedgerState]] = {}
        if listing.mode is ImportMode.NEW_ONLY:
            states = await ledger.versions(tx, listing.seq, [entry.key for entry in waiting])
        changes = []
        for entry, here in zip(waiting, seen, strict=True):
            sighting = Sighting(seen=here, scan_started_at=listing.started_at, scan_finished_at=finished_at)
            change = _step(listing, census, entry, sighting, states.get(entry.key, set()))
            if change is not None:
                if not here and entry.key in replaced:
                    change["reason"] = "superseded"
                changes.append(change)
        await ledger.settle(tx, changes)
        if gone:
            await ledger.touch(tx, listing.seq)

    async def _complete(self, lease: Lease, listing: _Listing, census: Census, finished_at: float) -> None:
        automation_id, _ = automations.parse_scan_subject(lease.subject)
        async with work.fenced(self._database, lease) as tx:
            row = await automations.lock(tx, automation_id)
            if row is not None:
                await self._note(
                    tx,
                    listing.seq,
                    listing.epoch,
                    outcome="complete",
                    finished_at=finished_at,
                    listed=census.listed,
                    matched=census.matched,
                    new=census.new,
                )
                event = events.ScanCompleted(
                    epoch=listing.epoch,
                    started_at=listing.started_at,
                    finished_at=finished_at,
                    changed=census.new > 0,
                    pending=await ledger.pending(tx, listing.seq),
                )
                await automations.apply_import(tx, row, event)
                await automations.forget_scans(tx, listing.seq, before=listing.epoch - _KEPT_SCANS)
            await work.finish(tx, lease, forget=True)

    @staticmethod
    async def _note(tx: Transaction, seq: int, epoch: int, **values: Any) -> None:
        scan = await tx.get(Scan, (seq, epoch))
        if scan is not None:
            scan.sqlmodel_update({"finished_at": tx.now if "error" in values else scan.finished_at, **values})
            tx.add(scan)


def _step(
    listing: _Listing, census: Census, entry: WaitingEntry, sighting: Sighting, states: set[LedgerState]
) -> dict[str, Any] | None:
    """Return what a scan changes in one waiting entry, or None."""
    again = admit(census.path(entry.key), entry.size, states, listing.mode)
    hold, reason = again.hold, None
    if sighting.seen and again.state is LedgerState.SKIPPED:
        state, first_seen_at, reason = LedgerState.SKIPPED, entry.first_seen_at, "new_only"
    else:
        span = settle_span(growing=entry.growing, debounce=listing.state.config.debounce)
        current = LedgerState.SETTLING if hold is not None else entry.state
        state, first_seen_at = settle(current, entry.first_seen_at, hold, sighting, span=span)
        if state is LedgerState.GONE:
            reason = "vanished" if census.watches(entry.key) else "unwatched"
    if (state, hold, first_seen_at) == (entry.state, entry.hold, entry.first_seen_at):
        return None
    return {"seq": entry.seq, "state": state.value, "hold": hold, "first_seen_at": first_seen_at, "reason": reason}
