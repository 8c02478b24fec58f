"""The two clocks of the law: *settle*, for each object, and *quiet*, for the automation; and the longest wait.

Instants are taken so that nothing is ever early: an object's first sighting counts from the *end* of the scan that met
it, a later sighting from the *start* of the scan that confirms it, and a quiet window is covered only by a scan that
*started* after the window's end.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from automation_engine.rules.matching import is_temporary
from automation_engine.rules.model import SETTLE, ImportMode, ImportState, LedgerState, Trigger, scan_interval


class Hold(StrEnum):
    """Why an object can't become ready as it is."""

    TEMPORARY = "temporary"
    """Its name says that it is unfinished or hidden."""
    EMPTY = "empty"
    """It has no bytes."""
    UNDECLARED = "undeclared"
    """A sidecar declares files whole, and the latest complete scan met none for it."""
    PREDECESSOR = "predecessor"
    """``new_only``, and an earlier version of it is being imported: how that ends decides."""


class Skip(StrEnum):
    """Why an object is left out for good: the reason of what is ``skipped`` by a rule or by somebody."""

    NEW_ONLY = "new_only"
    """Only the first version of a key counts, and this is a later one."""
    EXISTING = "existing"
    """It was there before the automation watched, and only what comes later counts."""
    REJECTED = "rejected"
    """Somebody rejected the batch that it was in."""
    IGNORED = "ignored"
    """Somebody left it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """How a new identity enters the ledger. ``skip`` is set where ``state`` is ``skipped``."""

    state: LedgerState = LedgerState.SETTLING
    hold: Hold | None = None
    growing: bool = False
    skip: Skip | None = None


_PENDING = frozenset({LedgerState.SETTLING, LedgerState.READY})
_CLAIMED_ONCE = frozenset({LedgerState.IMPORTED, LedgerState.FAILED, LedgerState.SKIPPED})


def admit(
    path: str,
    size: int,
    versions: AbstractSet[LedgerState],
    mode: ImportMode,
    *,
    declared: bool = True,
    existing: bool = False,
) -> Admission:
    """Decide how a new identity enters the ledger.

    ``path`` lies below the watched folder, ``size`` is in bytes, ``versions`` are the states of the key's identities.
    ``declared``: no sidecar is asked for, or it is there. ``existing``: it was there before, and that is to be skipped.
    An identity that replaces one which still waited is *growing*: it settles for D instead of 30 s. A writer who stalls
    for a while is then not taken for one who is done, when the longest wait ends in just that while. It holds back only
    itself, and no longer than its own window would.
    """
    if existing:
        return Admission(state=LedgerState.SKIPPED, skip=Skip.EXISTING)
    hold = None
    if is_temporary(path):
        hold = Hold.TEMPORARY
    elif size == 0:
        hold = Hold.EMPTY
    elif mode is ImportMode.NEW_ONLY and not _CLAIMED_ONCE.isdisjoint(versions):
        return Admission(state=LedgerState.SKIPPED, skip=Skip.NEW_ONLY)
    elif not declared:
        hold = Hold.UNDECLARED
    elif mode is ImportMode.NEW_ONLY and LedgerState.CLAIMED in versions:
        hold = Hold.PREDECESSOR
    return Admission(hold=hold, growing=not _PENDING.isdisjoint(versions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a complete scan says of one identity that waits."""

    seen: bool
    scan_started_at: float
    scan_finished_at: float


def first_sighting(first_seen_at: float, was: Hold | None, hold: Hold | None, sighting: Sighting) -> float:
    """Return since when an object counts: from now on, if this scan met its sidecar for the first time.

    Whoever declares it whole only then may have written to it until then.
    """
    declared = was is Hold.UNDECLARED and hold is not Hold.UNDECLARED
    return sighting.scan_finished_at if declared else first_seen_at


def settle(
    state: LedgerState, first_seen_at: float, hold: Hold | None, sighting: Sighting, *, span: float
) -> tuple[LedgerState, float]:
    """Return the state and the first sighting of a waiting identity after one more complete scan.

    ``span`` is how long its bytes must have been the same: 30 s, or D for a growing object (see ``settle_span``).
    """
    if not sighting.seen:
        return LedgerState.GONE, first_seen_at
    if first_seen_at > sighting.scan_finished_at:
        return LedgerState.SETTLING, sighting.scan_finished_at  # the clock was set back: it counts from here
    if hold is None and sighting.scan_started_at - first_seen_at >= span:
        return LedgerState.READY, first_seen_at
    return state, first_seen_at


def settle_span(*, growing: bool, debounce: float) -> float:
    """Return how long an object's bytes must have been the same before it is ready, in seconds."""
    return debounce if growing else SETTLE


def due_trigger(state: ImportState, now: float, *, scan_started_at: float | None) -> Trigger | None:
    """Return why the window fires now, or None.

    ``scan_started_at`` is the start of the complete scan that has just been taken in; None when only time passed. Then
    nothing but the longest wait can fire, and only on knowledge that is no older than a scan interval.
    """
    if not state.ready or state.degraded is not None:
        return None
    if scan_started_at is not None:
        if state.run_requested:
            return Trigger.MANUAL
        quiet_at = state.quiet_at
        if quiet_at is not None and scan_started_at >= quiet_at:
            return Trigger.QUIET
    elif not state.knows(now):
        return None
    deadline_at = state.deadline_at
    if deadline_at is not None and now >= deadline_at:
        return Trigger.MAX_WAIT
    return None


def next_scan_at(state: ImportState, now: float, *, scan_started_at: float) -> float:
    """Return when to scan again after a complete scan that began at ``scan_started_at`` and was taken in ``now``.

    A scan interval on; sooner for what settles, for the window's end, and for the deadline. Never later.
    """
    quiet_at, deadline_at = state.quiet_at, state.deadline_at
    scans = [now + scan_interval(state.config.debounce)]
    if state.settling or state.run_requested:
        scans.append(now + SETTLE)
    if quiet_at is not None and scan_started_at < quiet_at:
        scans.append(max(now, quiet_at))
    if deadline_at is not None and deadline_at > now:
        scans.append(deadline_at)
    return min(scans)
