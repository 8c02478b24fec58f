"""A small world for an import automation: storage, ledger and clocks in plain Python, decisions by the real rules.

Time moves to whatever comes next: a tick (on whole seconds, when the state says that time makes a difference), the end
of a listing, or the instant that the test asked for. A listing holds what was there when it began.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from automation_engine.rules.debounce import Hold, Sighting, Skip, admit, first_sighting, settle, settle_span
from automation_engine.rules.effects import CancelScan, ImportEffect, StartBatch, StartScan
from automation_engine.rules.engine import create_import, decide
from automation_engine.rules.events import (
    Configured,
    ImportEvent,
    Paused,
    Pending,
    RescanRequested,
    Restarted,
    Resumed,
    ScanCompleted,
    ScanFailed,
    Ticked,
)
from automation_engine.rules.model import (
    SCAN_INTERVAL_MAX,
    ImportConfig,
    ImportMode,
    ImportState,
    LedgerState,
    Phase,
    Trigger,
    Watch,
)
from automation_engine.rules.selection import compile_selection

WATCH = Watch(connector_id="conn_1", source_prefix="in")
START = 1_000_000.0
_WAITING = (LedgerState.SETTLING, LedgerState.READY)


@dataclass(slots=True, kw_only=True)
class Entry:
    """An identity in the ledger. ``*_real`` are instants of the clock that nobody sets."""

    key: str
    version: str
    size: int
    state: LedgerState
    hold: Hold | None
    growing: bool
    epoch: int
    first_seen_at: float
    first_seen_real: float
    first_seen_forward: float
    ready_real: float | None = None
    skip: Skip | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A batch that was started."""

    at: float
    real: float
    key: str
    sequence: int
    trigger: Trigger
    members: tuple[Entry, ...]
    before: ImportState

    @property
    def keys(self) -> list[str]:
        return [entry.key for entry in self.members]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One scan of ``watch``. ``forward`` is how far the clock had ever been set forward when it began."""

    epoch: int
    started_at: float
    started_real: float
    ends_real: float
    objects: dict[str, tuple[str, int]]
    forward: float
    watch: Watch = WATCH

    @property
    def matching(self) -> dict[str, tuple[str, int]]:
        """The objects that are watched."""
        selection = compile_selection(self.watch)
        return {key: info for key, info in self.objects.items() if selection.matches(selection.path(key))}

    def declared(self, key: str) -> bool:
        """Whether a key needs no sidecar, or has one."""
        sidecar = compile_selection(self.watch).sidecar
        return sidecar is None or not self.objects.keys().isdisjoint(sidecar.of(key))


@dataclass(slots=True, kw_only=True)
class World:
    """An automation, its storage and its ledger."""

    config: ImportConfig = field(default_factory=lambda: configured(300.0))
    mode: ImportMode = ImportMode.ALL
    scan_seconds: float = 0.0
    reachable: bool = True
    imports_at_once: bool = True
    jitter: float = 0.5
    order: random.Random | None = None
    now: float = START
    real: float = 0.0
    forward: float = 0.0
    objects: dict[str, tuple[str, int]] = field(default_factory=dict)
    ledger: list[Entry] = field(default_factory=list)
    fired: list[Fired] = field(default_factory=list)
    scans: list[Listing] = field(default_factory=list)
    surveys: dict[int, set[tuple[str, str]]] = field(default_factory=dict)
    """What the first complete scan of each generation met for the first time."""
    listing: Listing | None = None
    changed_real: float = 0.0
    changed_forward: float = 0.0
    state: ImportState = field(init=False)
    _versions: int = 0
    _ticked_real: float = -1.0

    def __post_init__(self) -> None:
        self.state = create_import("auto_1", self.config, self.now).state

    def put(self, path: str, size: int = 100) -> str:
        """Write an object, in a version that never was before, and return the version."""
        self._versions += 1
        self.objects[f"in/{path}"] = (f"v{self._versions}", size)
        return f"v{self._versions}"

    def remove(self, path: str) -> None:
        del self.objects[f"in/{path}"]

    def decide(self, event: ImportEvent) -> tuple[ImportEffect, ...]:
        """Let the engine decide, and perform what it wants."""
        before = self.state
        decision = decide(before, event, self.now)
        self.state = decision.state
        for effect in decision.effects:
            self._perform(effect, before)
        return decision.effects

    def tick(self) -> tuple[ImportEffect, ...]:
        self._ticked_real = self.real
        effects = self.decide(Ticked())
        while self.state.phase is Phase.FIRING:
            effects += self.decide(Ticked())
        return effects

    def configure(self, **changes: Any) -> None:
        self.decide(Configured(config=replace(self.state.config, **changes)))

    def pause(self) -> None:
        self.decide(Paused())

    def resume(self) -> None:
        self.decide(Resumed())

    def fail_for(self, seconds: float) -> None:
        """Let time pass in which the storage does not answer."""
        self.reachable = False
        self.run(seconds)
        self.reachable = True

    def edge(self, early: float) -> None:
        """Let time pass until just before the next firing, and bring a scan forward to there."""
        trigger = self.state.next_trigger_at
        if trigger is not None:
            self.run(min(max(0.0, trigger - self.now - early), 4000.0))
            self.rescan()

    def rescan(self) -> None:
        """Bring the next scan forward."""
        if self.state.config.active:
            self.decide(RescanRequested())

    def restart(self) -> None:
        """Die and come back: the listing under way begins again, as its own row."""
        self.decide(Restarted())
        if self.listing is not None:
            self._list(self.listing.epoch)

    def step_clock(self, seconds: float) -> None:
        """Set the clock forward or back."""
        self.now += seconds
        self.forward += max(0.0, seconds)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.real + seconds
        while self._next(end):
            pass

    def _next(self, end: float) -> bool:
        """Let happen what comes next, unless that is after ``end``."""
        due = self._next_tick()
        finish = math.inf if self.listing is None else self.listing.ends_real
        self._pass(min(due, finish, end))
        if min(due, finish) > end:
            return False
        if finish <= due:
            self.finish_scan()
        else:
            self.tick()
        return True

    def run_until(self, happened: Callable[[], bool], *, within: float = 4 * 86_400.0) -> None:
        """Let time pass until something has happened."""
        end = self.real + within
        while not happened():
            assert self.real < end, "it never happened"
            self._next(end)

    def run_until_fired(self) -> Fired:
        """Let time pass until the next batch starts, and return it: of a sequence, the last one."""
        count = len(self.fired)
        self.run_until(lambda: len(self.fired) > count)
        return self.fired[-1]

    def entry(self, path: str, version: str | None = None) -> Entry:
        """Return the newest identity of a path, or the one of that version."""
        return [e for e in self.ledger if e.key == f"in/{path}" and version in {None, e.version}][-1]

    def imported(self) -> list[tuple[str, str]]:
        return [(entry.key, entry.version) for fired in self.fired for entry in fired.members]

    def resolve(self, path: str, state: LedgerState) -> None:
        """Say how the import of a claimed identity ended; what was overwritten meanwhile is looked for again."""
        claimed = [e for e in self.ledger if e.key == f"in/{path}" and e.state is LedgerState.CLAIMED]
        claimed[-1].state = state
        if state is LedgerState.GONE:
            self.rescan()

    def _pass(self, real: float) -> None:
        self.now += real - self.real
        self.real = real

    def _next_tick(self) -> float:
        """Return when to tick next: on a whole second, at most once a second."""
        action = self.state.next_action_at
        if action is None:
            return math.inf
        soonest = math.floor(self._ticked_real) + 1.0
        due = soonest if action > self.now + SCAN_INTERVAL_MAX else self.real + math.ceil(max(0.0, action - self.now))
        return max(soonest, due, self.real)

    def _perform(self, effect: ImportEffect, before: ImportState) -> None:
        match effect:
            case StartScan(epoch=epoch):
                assert before.config.active
                self._list(epoch)
            case CancelScan():
                self.listing = None
            case StartBatch():
                self._claim(effect, before)

    def _list(self, epoch: int) -> None:
        self.listing = Listing(
            epoch=epoch,
            started_at=self.now,
            started_real=self.real,
            ends_real=self.real + self.scan_seconds,
            objects=dict(self.objects),
            forward=self.forward,
            watch=self.state.config.watch,
        )

    def finish_scan(self) -> None:
        """Let the listing under way end, complete or failed."""
        listing = self.listing
        assert listing is not None
        self.listing = None
        if not self.reachable:
            self.decide(ScanFailed(epoch=listing.epoch, cause="no answer", jitter=self.jitter))
            return
        self.scans.append(listing)
        changed = self._admit(listing)
        self._settle(listing)
        self.decide(
            ScanCompleted(
                epoch=listing.epoch,
                started_at=listing.started_at,
                finished_at=self.now,
                changed=changed,
                pending=self.pending(),
            )
        )
        while self.state.phase is Phase.FIRING:
            self.decide(Ticked())

    def _admit(self, listing: Listing) -> bool:
        known = {(e.key, e.version): e for e in self.ledger if e.state is not LedgerState.GONE}
        states: dict[str, set[LedgerState]] = defaultdict(set)
        for entry in self.ledger:
            states[entry.key].add(entry.state)
        fresh = [(key, *info) for key, info in listing.matching.items() if (key, info[0]) not in known]
        self.surveys.setdefault(self.state.generation, {(key, version) for key, version, _ in fresh})
        existing = self.state.skips_existing
        if self.order is not None:
            self.order.shuffle(fresh)
        for key, version, size in fresh:
            path = key.removeprefix("in/")
            admission = admit(path, size, states[key], self.mode, declared=listing.declared(key), existing=existing)
            self.ledger = [e for e in self.ledger if (e.key, e.version) != (key, version)]
            self.ledger.append(
                Entry(
                    key=key,
                    version=version,
                    size=size,
                    state=admission.state,
                    hold=admission.hold,
                    growing=admission.growing,
                    skip=admission.skip,
                    epoch=listing.epoch,
                    first_seen_at=self.now,
                    first_seen_real=self.real,
                    first_seen_forward=self.forward,
                )
            )
        changed = bool(fresh) and not existing
        if changed:
            self.changed_real, self.changed_forward = self.real, self.forward
        return changed

    def _settle(self, listing: Listing) -> None:
        states: dict[str, set[LedgerState]] = defaultdict(set)
        for entry in self.ledger:
            states[entry.key].add(entry.state)
        for entry in self.ledger:
            if entry.state not in _WAITING or entry.epoch >= listing.epoch:
                continue
            seen = listing.matching.get(entry.key, ("", 0))[0] == entry.version
            declared = listing.declared(entry.key)
            again = admit(entry.key.removeprefix("in/"), entry.size, states[entry.key], self.mode, declared=declared)
            if seen and again.state is LedgerState.SKIPPED:
                entry.state, entry.skip = LedgerState.SKIPPED, again.skip
                continue
            if declared and entry.hold is Hold.UNDECLARED:
                entry.first_seen_real, entry.first_seen_forward = self.real, self.forward
            sighting = Sighting(seen=seen, scan_started_at=listing.started_at, scan_finished_at=self.now)
            since = first_sighting(entry.first_seen_at, entry.hold, again.hold, sighting)
            entry.hold, was = again.hold, entry.state
            entry.state, entry.first_seen_at = settle(
                LedgerState.SETTLING if again.hold is not None else entry.state,
                since,
                again.hold,
                sighting,
                span=settle_span(growing=entry.growing, debounce=self.state.config.debounce),
            )
            if entry.state is LedgerState.READY and was is not LedgerState.READY:
                entry.ready_real = self.real

    def pending(self) -> Pending:
        """Sum up what waits, as the ledger does."""
        waiting = [e for e in self.ledger if e.state in _WAITING]
        free = [e for e in waiting if e.hold is None]
        return Pending(
            ready=sum(e.state is LedgerState.READY for e in free),
            settling=sum(e.state is LedgerState.SETTLING for e in free),
            held=len(waiting) - len(free),
            oldest_at=min((e.first_seen_at for e in free), default=None),
            newest_at=max((e.first_seen_at for e in waiting), default=None),
        )

    def _claim(self, effect: StartBatch, before: ImportState) -> None:
        ready = sorted((e for e in self.ledger if e.state is LedgerState.READY), key=lambda e: e.key)
        members = ready[: effect.limit]
        for entry in members:
            entry.state = LedgerState.IMPORTED if self.imports_at_once else LedgerState.CLAIMED
        self.fired.append(
            Fired(
                at=self.now,
                real=self.real,
                key=effect.key,
                sequence=effect.sequence,
                trigger=effect.trigger,
                members=tuple(members),
                before=before,
            )
        )


def configured(debounce: float = 300.0, **values: Any) -> ImportConfig:
    """Return a configuration that watches the folder ``in``."""
    return ImportConfig(**{"watch": WATCH, "debounce": debounce, **values})


def effect_names(effects: Sequence[ImportEffect]) -> list[str]:
    return [type(effect).__name__ for effect in effects]
