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
from automation_engine.jobs.recording import Recorder, Survey
from automation_engine.jobs.sources import saved_connector
from automation_engine.rules import events
from automation_engine.rules.debounce import Admission, Sighting, admit, first_sighting, settle, settle_span
from automation_engine.rules.matching import folder
from automation_engine.rules.model import ImportMode, ImportState, LedgerState
from automation_engine.store import automations, certificates, ledger, work
from automation_engine.store.automations import Opening
from automation_engine.store.database import Database
from automation_engine.store.fingerprints import Fingerprints
from automation_engine.store.ledger import NewEntry, WaitingEntry
from automation_engine.store.tables import Connector
from automation_engine.store.work import Lease

_CHUNK = 2_000
"""Waiting identities decided on together: some 40 ms on the event loop."""
_KEPT_BYTES = 256 << 20
"""Known identities kept between scans, of all automations together: sixteen million."""
_KEPT_SCANS = 1_000
"""Scans of an automation that are remembered, at least."""
_FORGOTTEN_SCANS = 100
"""Scans that are forgotten together."""
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
    ledger_version: int
    waits: bool


class Scans:
    """Performs scans. Known identities are kept between scans under the ledger's version."""

    def __init__(
        self, database: Database, stores: Stores, chance: Callable[[], float], recorder: Recorder | None = None
    ) -> None:
        self._database = database
        self._recorder = recorder
        self._stores = stores
        self._chance = chance
        self._known: dict[int, tuple[int, Fingerprints]] = {}
        self._connectors: dict[str, Connector] = {}

    async def perform(self, lease: Lease) -> None:
        """List once and take the result in. A failed listing changes nothing but the automation's health."""
        try:
            listing = await self._open(lease)
            if listing is None:
                return
            survey = await self._survey(listing)
            census = Census(listing.state.config.watch, await self._fingerprints(listing), survey)
            try:
                await self._list(lease, listing, census)
                finished_at = self._database.clock.now()
                await self._admit(lease, listing, census, finished_at)
                if listing.waits:
                    await self._settle(lease, listing, census, finished_at)
                await self._complete(lease, listing, census, survey, finished_at)
            finally:
                census.close()
        except LeaseLost:
            raise
        except EngineError as error:
            await self.give_up(lease, error.message)

    async def give_up(self, lease: Lease, reason: str) -> None:
        """Tell the engine that the scan failed."""
        automation_id, epoch = automations.parse_scan_subject(lease.subject)
        async with work.last(self._database, lease) as tx:
            held = await automations.hold(tx, automation_id)
            if held is not None:
                await automations.note_scan(tx, held.seq, epoch, outcome="failed", finished_at=tx.now, error=reason)
                event = events.ScanFailed(epoch=epoch, cause=reason, jitter=self._chance())
                after = (await automations.advance(tx, held, event)).state
                if self._recorder is not None and held.state.degraded is None and after.degraded is not None:
                    await self._recorder.write_failure(tx, held.seq, epoch, after)

    async def _open(self, lease: Lease) -> _Listing | None:
        """Look once at all that the scan begins with; None when the engine no longer waits for it."""
        automation_id, epoch = automations.parse_scan_subject(lease.subject)
        opening = await automations.opening(self._database, automation_id, lease)
        if opening is None or opening.state.epoch != epoch or not opening.state.scanning:
            async with work.last(self._database, lease):
                return None
        if not opening.leased:
            raise _called_off(lease)
        connector = await self._connector(opening)
        return _Listing(
            seq=opening.seq,
            epoch=epoch,
            state=opening.state,
            mode=ImportMode(connector.import_mode),
            store=self._stores.get(connector),
            started_at=self._database.clock.now(),
            ledger_version=opening.ledger_version,
            waits=opening.waits,
        )

    async def _connector(self, opening: Opening) -> Connector:
        """Return the connector as it is saved now: the one that was read before, unless it has changed."""
        connector_id = opening.state.config.watch.connector_id
        kept = self._connectors.get(connector_id)
        if kept is None or kept.updated_at != opening.connector_updated_at or kept.status != opening.connector_status:
            kept = self._connectors[connector_id] = await saved_connector(self._database, connector_id, scope="import")
        return kept

    async def _fingerprints(self, listing: _Listing) -> Fingerprints:
        version, known = self._known.pop(listing.seq, (-1, _NONE_KNOWN))
        if version != listing.ledger_version:
            async with self._database.reading() as session:
                known = await ledger.known(session, listing.seq)
        self._known[listing.seq] = (listing.ledger_version, known)
        while sum(kept.nbytes for _, kept in self._known.values()) > _KEPT_BYTES and len(self._known) > 1:
            del self._known[next(iter(self._known))]  # the one that was not used for longest
        return known

    async def _survey(self, listing: _Listing) -> Survey | None:
        if self._recorder is None:
            return None
        return await self._recorder.survey(listing.seq, listing.epoch, listing.state)

    async def _list(self, lease: Lease, listing: _Listing, census: Census) -> None:
        """Take every page. Before each storage call the lease is checked: a paused automation makes none.

        Before the first one, ``_open`` did so.
        """
        watch = listing.state.config.watch
        pages = listing.store.list_pages(folder(watch.source_prefix), recursive=watch.recursive)
        async with aclosing(pages) as listed:
            async for page in listed:
                census.take(page)
                await self._check(lease)

    async def _check(self, lease: Lease) -> None:
        if not await work.still_held(self._database, lease):
            raise _called_off(lease)

    async def _admit(self, lease: Lease, listing: _Listing, census: Census, seen_at: float) -> None:
        for page in census.pages_of_new():
            async with work.fenced(self._database, lease) as tx:
                keys = [key for _, key, _, _, _ in page]
                # Without a known identity, no key has another version.
                states = await ledger.versions(tx, listing.seq, keys) if census.known else {}
                entries = [
                    self._admitted(census, listing, item, states.get(item[1], set()), declared=declared)
                    for item, declared in zip(page, census.declared(keys), strict=True)
                ]
                await ledger.admit(tx, listing.seq, entries, epoch=listing.epoch, seen_at=seen_at)
                await ledger.touch(tx, listing.seq)

    @staticmethod
    def _admitted(
        census: Census, listing: _Listing, item: NewObject, states: set[LedgerState], *, declared: bool
    ) -> NewEntry:
        fingerprint, key, version, size, last_modified = item
        existing = listing.state.skips_existing
        admission: Admission = admit(census.path(key), size, states, listing.mode, declared=declared, existing=existing)
        return NewEntry(
            fingerprint=fingerprint,
            key=key,
            version=version,
            size=size,
            last_modified=last_modified,
            state=admission.state,
            hold=admission.hold,
            growing=admission.growing,
            skip=admission.skip,
        )

    async def _settle(self, lease: Lease, listing: _Listing, census: Census, finished_at: float) -> None:
        """Take every identity that waited before this scan one step further."""
        after = 0
        while True:
            waiting = await ledger.waiting(
                self._database,
                listing.seq,
                epoch=listing.epoch,
                listed_at=finished_at,
                after_seq=after,
                limit=_CHUNK,
            )
            await self._settle_chunk(lease, listing, census, waiting, finished_at)
            if len(waiting) < _CHUNK:
                return
            after = waiting[-1].seq

    async def _settle_chunk(
        self, lease: Lease, listing: _Listing, census: Census, waiting: Sequence[WaitingEntry], finished_at: float
    ) -> None:
        """Read first, and write only where something changes: what is claimed meanwhile stays so."""
        seen = census.seen([entry.fingerprint for entry in waiting])
        gone = [entry.key for entry, here in zip(waiting, seen, strict=True) if not here]
        replaced = await ledger.admitted_keys(self._database, listing.seq, gone, epoch=listing.epoch)
        states: dict[str, set[LedgerState]] = {}
        if listing.mode is ImportMode.NEW_ONLY:
            states = await ledger.versions(self._database, listing.seq, [entry.key for entry in waiting])
        declared = census.declared([entry.key for entry in waiting])
        changes = []
        for entry, here, whole in zip(waiting, seen, declared, strict=True):
            sighting = Sighting(seen=here, scan_started_at=listing.started_at, scan_finished_at=finished_at)
            change = _step(listing, census, entry, sighting, states.get(entry.key, set()), declared=whole)
            if change is not None:
                if not here and entry.key in replaced:
                    change["reason"] = "superseded"
                changes.append(change)
        if not changes:
            return
        async with work.fenced(self._database, lease) as tx:
            await ledger.settle(tx, changes)
            if gone:
                await ledger.touch(tx, listing.seq)

    async def _complete(
        self, lease: Lease, listing: _Listing, census: Census, survey: Survey | None, finished_at: float
    ) -> None:
        automation_id, _ = automations.parse_scan_subject(lease.subject)
        standing = None  # where nothing waited before the scan, nothing fires after it
        if listing.waits:
            standing = await certificates.standing(self._database, listing.seq, census.codes(), census.unresolved())
        async with work.last(self._database, lease) as tx:
            held = await automations.hold(tx, automation_id)
            if held is not None:
                await automations.note_scan(
                    tx,
                    listing.seq,
                    listing.epoch,
                    outcome="complete",
                    started_at=listing.started_at,
                    finished_at=finished_at,
                    listed=census.listed,
                    matched=census.matched,
                    not_matched=census.not_matched,
                    excluded=census.excluded,
                    new=census.new,
                    listing_hash=census.listing_hash,
                    standing=standing,
                )
                event = events.ScanCompleted(
                    epoch=listing.epoch,
                    started_at=listing.started_at,
                    finished_at=finished_at,
                    changed=census.new > 0 and not listing.state.skips_existing,
                    pending=await ledger.pending(tx, listing.seq),
                )
                await automations.advance(tx, held, event)
                if self._recorder is not None and survey is not None:
                    recovered = held.state.degraded is not None
                    await self._recorder.write(tx, survey, finished_at, recovered=recovered)
                if listing.epoch % _FORGOTTEN_SCANS == 0:
                    await automations.forget_scans(tx, listing.seq, before=listing.epoch - _KEPT_SCANS)
        if self._recorder is not None and survey is not None:
            self._recorder.keep(survey)


def _called_off(lease: Lease) -> LeaseLost:
    return LeaseLost(f"scan {lease.subject} was called off")


def _step(
    listing: _Listing,
    census: Census,
    entry: WaitingEntry,
    sighting: Sighting,
    states: set[LedgerState],
    *,
    declared: bool,
) -> dict[str, Any] | None:
    """Return what a scan changes in one waiting entry, or None."""
    again = admit(census.path(entry.key), entry.size, states, listing.mode, declared=declared)
    hold = again.hold
    reason: str | None = None
    if sighting.seen and again.state is LedgerState.SKIPPED:
        state, first_seen_at, reason = LedgerState.SKIPPED, entry.first_seen_at, again.skip
    else:
        span = settle_span(growing=entry.growing, debounce=listing.state.config.debounce)
        current = LedgerState.SETTLING if hold is not None else entry.state
        counted_from = first_sighting(entry.first_seen_at, entry.hold, hold, sighting)
        state, first_seen_at = settle(current, counted_from, hold, sighting, span=span)
        if state is LedgerState.GONE:
            reason = "vanished" if census.watches(entry.key) else "unwatched"
    if (state, hold, first_seen_at) == (entry.state, entry.hold, entry.first_seen_at):
        return None
    return {"seq": entry.seq, "state": state.value, "hold": hold, "first_seen_at": first_seen_at, "reason": reason}
