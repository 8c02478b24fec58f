"""Replay arrivals in virtual time through the real rules, with the ledger in memory.

What was observed is a sequence of ``Observation``; the replay scans when the rules ask for a scan, and a scan meets
what was observed until then. Scans take no time, imports succeed at once, a retry waits for half of its longest delay.
A stretch in which nothing can happen is skipped in one step, whatever its length.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from automation_engine.rules.debounce import Hold, Sighting, admit, first_sighting, settle, settle_span
from automation_engine.rules.effects import StartBatch, StartScan
from automation_engine.rules.engine import create_import, decide
from automation_engine.rules.events import Pending, ScanCompleted, ScanFailed, Ticked
from automation_engine.rules.fuse import blown
from automation_engine.rules.model import (
    SETTLE,
    ImportConfig,
    ImportMode,
    ImportState,
    LedgerState,
    Phase,
    Trigger,
    scan_interval,
)
from automation_engine.rules.selection import compile_selection

_JITTER = 0.5
_CAUSE = "the recorded scan failed"


class Arrival(NamedTuple):
    """A version of a file. Without a ``version`` it is one that never was before."""

    path: str
    size: int
    version: Hashable = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What changed by the instant ``at``, in paths below the watched folder; a new version needs no ``gone``.

    ``failed``: from now on, until the next observation that is none, the storage does not answer.
    """

    at: float
    arrived: Sequence[Arrival] = ()
    gone: Sequence[str] = ()
    failed: bool = False


class Member(NamedTuple):
    """A file of a batch, and when it was first seen."""

    path: str
    size: int
    first_seen_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedBatch:
    """A batch that would fire. ``held_reason``: why its spend fuse would hold it."""

    fired_at: float
    trigger: Trigger
    members: Sequence[Member]
    held_reason: str | None = None

    @property
    def bytes(self) -> int:
        """The bytes of its files."""
        return sum(member.size for member in self.members)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What would happen. ``waiting``: the files that are ready or settling at the end."""

    batches: Sequence[ReplayedBatch]
    waiting: int


def replay(
    config: ImportConfig,
    mode: ImportMode,
    observations: Sequence[Observation],
    *,
    start: float,
    until: float,
    known: Iterable[Arrival] = (),
) -> Replay:
    """Return what ``config``, saved at ``start``, would do with what was observed, until nothing waits any more.

    ``observations`` are in order of time; ``known`` are versions that were imported before. Nothing fires
    after ``until``.
    """
    run = _Run(config, mode, observations, start, known)
    run.run(until)
    return Replay(batches=run.batches, waiting=run.waiting)


@dataclass(slots=True, eq=False)
class _Entry:
    """An identity in the ledger. ``earlier``: the version before it that was claimed."""

    path: str
    size: int
    version: Hashable
    state: LedgerState
    hold: Hold | None
    growing: bool
    met_at: float
    first_seen_at: float
    earlier: _Entry | None

    @property
    def free(self) -> bool:
        """Whether a window waits for it."""
        return self.hold is None and self.state in _PENDING


_PENDING = frozenset({LedgerState.SETTLING, LedgerState.READY})


class _Run:
    """One replay."""

    def __init__(
        self,
        config: ImportConfig,
        mode: ImportMode,
        observations: Sequence[Observation],
        start: float,
        known: Iterable[Arrival],
    ) -> None:
        self._mode = mode
        self._selection = compile_selection(config.watch)
        self._interval = scan_interval(config.debounce)
        # Else a name and a size decide alone whether a file is held, and they don't change while it waits.
        self._changeable = self._selection.sidecar is not None or mode is ImportMode.NEW_ONLY
        self._coming = deque(observations)
        self._now = start
        self._state: ImportState = create_import("replay", config, start).state
        self._failing = False
        self._changed: dict[str, Arrival | None] = {}  # since the last complete scan; None: it went away
        self._sidecars: set[str] = set()
        self._declaring = False  # whether a sidecar came or went since the last complete scan
        self._newest = {arrival.path: _imported(arrival, start) for arrival in known}
        self._settling: dict[str, _Entry] = {}
        self._held: dict[str, _Entry] = {}
        self._ready: dict[str, _Entry] = {}
        self._oldest: list[tuple[float, int, _Entry]] = []
        self._count = itertools.count()
        self._newest_at: float | None = None
        self._firing: Iterator[_Entry] | None = None
        self.batches: list[ReplayedBatch] = []

    @property
    def waiting(self) -> int:
        """How many files a window waits for."""
        return len(self._settling) + len(self._ready)

    def run(self, until: float) -> None:
        """Let time pass."""
        while not self._over():
            self._skip()
            action = self._state.next_action_at
            if action is None or action > until:
                break
            self._now = max(self._now, action)
            self._decide(Ticked())
        if self._state.config.active:
            self._observe(until)
            self._meet(until)

    def _over(self) -> bool:
        nothing_comes = not self._coming and not self._changed
        return nothing_comes and not self.waiting and self._state.phase is Phase.IDLE

    def _skip(self) -> None:
        """Leave out the scans that can find nothing, and before which no wait ends."""
        state = self._state
        at, scanned_at = state.next_scan_at, state.scanned_at
        if at is None or scanned_at is None or self._changed or self._failing or state.degraded is not None:
            return
        ends = [end for end in (state.quiet_at, state.deadline_at) if end is not None and end > scanned_at]
        ends.extend(self._ripe_at(entry) for entry in self._settling.values())
        if self._coming:
            ends.append(self._coming[0].at)
        step = min(self._interval, SETTLE) if state.settling else self._interval
        skipped = math.floor((min(ends, default=at) - at) / step)
        if skipped > 0:
            self._state = replace(
                state,
                epoch=state.epoch + skipped,
                scanned_at=at + (skipped - 1) * step,
                next_scan_at=at + skipped * step,
            )

    def _ripe_at(self, entry: _Entry) -> float:
        return entry.first_seen_at + settle_span(growing=entry.growing, debounce=self._state.config.debounce)

    def _decide(self, event: Ticked | ScanCompleted | ScanFailed) -> None:
        decision = decide(self._state, event, self._now)
        self._state = decision.state
        for effect in decision.effects:
            if isinstance(effect, StartScan):
                self._scan(effect.epoch)
            elif isinstance(effect, StartBatch):
                self._claim(effect)

    def _scan(self, epoch: int) -> None:
        self._observe(self._now)
        if self._failing:
            self._decide(ScanFailed(epoch=epoch, cause=_CAUSE, jitter=_JITTER))
            return
        existing = self._state.skips_existing
        met = self._meet(self._now)
        self._firing = None
        self._decide(
            ScanCompleted(
                epoch=epoch,
                started_at=self._now,
                finished_at=self._now,
                changed=met > 0 and not existing,
                pending=self._pending(),
            )
        )

    def _observe(self, until: float) -> None:
        """Take in what was observed until then: of each path, what is there now."""
        while self._coming and self._coming[0].at <= until:
            observation = self._coming.popleft()
            self._failing = observation.failed
            for path in observation.gone:
                self._changed[path] = None
                self._note_sidecar(path, there=False)
            for arrival in observation.arrived:
                self._changed[arrival.path] = arrival
                self._note_sidecar(arrival.path, there=True)

    def _note_sidecar(self, path: str, *, there: bool) -> None:
        sidecar = self._selection.sidecar
        if sidecar is not None and sidecar.matches(path):
            (self._sidecars.add if there else self._sidecars.discard)(path)
            self._declaring = True

    def _meet(self, now: float) -> int:
        """Take one complete scan in, and return how many new identities it met."""
        waited = list(self._settling.values())
        if self._declaring:
            waited += [*self._held.values(), *self._ready.values()]
        met = self._meet_changed(now)
        sighting = Sighting(seen=True, scan_started_at=now, scan_finished_at=now)
        for entry in waited:
            if entry.state in _PENDING:
                self._settle(entry, sighting)
        self._changed.clear()
        self._declaring = False
        return met

    def _meet_changed(self, now: float) -> int:
        existing = self._state.skips_existing
        met = 0
        for path, arrival in self._changed.items():
            before = self._newest.get(path)
            same = before is not None and arrival is not None and _same(before, arrival)
            if arrival is not None and not same and self._selection.matches(path):
                met += self._admit(arrival, before, now, existing=existing)
            if before is not None and before.state in _PENDING and not same:
                self._drop(before)
        return met

    def _admit(self, arrival: Arrival, before: _Entry | None, now: float, *, existing: bool) -> int:
        chain = list(_chain(before))
        if any(_same(entry, arrival) for entry in chain):
            return 0  # a version that was imported has come back
        states = {entry.state for entry in chain}
        admission = admit(
            arrival.path, arrival.size, states, self._mode, declared=self._declared(arrival.path), existing=existing
        )
        entry = _Entry(
            path=arrival.path,
            size=arrival.size,
            version=arrival.version,
            state=admission.state,
            hold=admission.hold,
            growing=admission.growing,
            met_at=now,
            first_seen_at=now,
            earlier=before,
        )
        self._newest[arrival.path] = entry
        self._file(entry)
        return 1

    def _declared(self, path: str) -> bool:
        sidecar = self._selection.sidecar
        return sidecar is None or not self._sidecars.isdisjoint(sidecar.of(path))

    def _settle(self, entry: _Entry, sighting: Sighting) -> None:
        hold = entry.hold
        if self._changeable:
            states = {other.state for other in _chain(self._newest[entry.path])}
            again = admit(entry.path, entry.size, states, self._mode, declared=self._declared(entry.path))
            hold = again.hold
            if again.state is LedgerState.SKIPPED:
                self._move(entry, again.state, hold, entry.first_seen_at)
                return
        current = LedgerState.SETTLING if hold is not None else entry.state
        counted_from = first_sighting(entry.first_seen_at, entry.hold, hold, sighting)
        span = settle_span(growing=entry.growing, debounce=self._state.config.debounce)
        state, first_seen_at = settle(current, counted_from, hold, sighting, span=span)
        self._move(entry, state, hold, first_seen_at)

    def _move(self, entry: _Entry, state: LedgerState, hold: Hold | None, first_seen_at: float) -> None:
        if (state, hold, first_seen_at) != (entry.state, entry.hold, entry.first_seen_at):
            self._unfile(entry)
            entry.state, entry.hold, entry.first_seen_at = state, hold, first_seen_at
            self._file(entry)

    def _file(self, entry: _Entry) -> None:
        """Put a waiting entry where its state belongs."""
        if entry.state not in _PENDING:
            return
        self._shelf(entry)[entry.path] = entry
        self._newest_at = max(self._newest_at or entry.first_seen_at, entry.first_seen_at)
        if entry.hold is None:
            heapq.heappush(self._oldest, (entry.first_seen_at, next(self._count), entry))

    def _unfile(self, entry: _Entry) -> None:
        shelf = self._shelf(entry)
        if shelf.get(entry.path) is entry:
            del shelf[entry.path]

    def _shelf(self, entry: _Entry) -> dict[str, _Entry]:
        if entry.hold is not None:
            return self._held
        return self._ready if entry.state is LedgerState.READY else self._settling

    def _drop(self, entry: _Entry) -> None:
        """Note that a version was gone before its claim: nothing remembers it any more."""
        self._unfile(entry)
        entry.state = LedgerState.GONE
        newest = self._newest[entry.path]
        if newest is not entry:
            newest.earlier = entry.earlier
        elif entry.earlier is not None:
            self._newest[entry.path] = entry.earlier
        else:
            del self._newest[entry.path]

    def _pending(self) -> Pending:
        while self._oldest and not _waits(self._oldest[0]):
            heapq.heappop(self._oldest)
        return Pending(
            ready=len(self._ready),
            settling=len(self._settling),
            held=len(self._held),
            oldest_at=self._oldest[0][0] if self._oldest else None,
            newest_at=self._newest_at if self.waiting or self._held else None,
        )

    def _claim(self, effect: StartBatch) -> None:
        """Claim the first ready files by path; between the batches of a sequence nothing becomes ready."""
        if self._firing is None:
            self._firing = iter(sorted(self._ready.values(), key=lambda entry: entry.path))
        claimed = list(itertools.islice(self._firing, effect.limit))
        held_reason = blown(self._state.config.spend_fuse, len(claimed), sum(entry.size for entry in claimed))
        for entry in claimed:
            del self._ready[entry.path]
            entry.state = LedgerState.IMPORTED if held_reason is None else LedgerState.CLAIMED
        self.batches.append(
            ReplayedBatch(
                fired_at=self._now,
                trigger=effect.trigger,
                members=[Member(entry.path, entry.size, entry.met_at) for entry in claimed],
                held_reason=held_reason,
            )
        )
        if self._state.phase is not Phase.FIRING:
            self._firing = None


def _imported(arrival: Arrival, at: float) -> _Entry:
    return _Entry(
        path=arrival.path,
        size=arrival.size,
        version=arrival.version,
        state=LedgerState.IMPORTED,
        hold=None,
        growing=False,
        met_at=at,
        first_seen_at=at,
        earlier=None,
    )


def _chain(entry: _Entry | None) -> Iterator[_Entry]:
    while entry is not None:
        yield entry
        entry = entry.earlier


def _same(entry: _Entry, arrival: Arrival) -> bool:
    return arrival.version is not None and entry.version == arrival.version


def _waits(item: tuple[float, int, _Entry]) -> bool:
    first_seen_at, _, entry = item
    return entry.free and entry.first_seen_at == first_seen_at
