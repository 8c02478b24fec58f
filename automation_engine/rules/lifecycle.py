"""The lifecycle of an import automation: every phase, every event, in one table.

``enabled`` and ``paused`` are what somebody wants, the phase is what follows from it:

======== ========== =========== =========== ============ ======== ========== ============= =============
phase    configured paused      resumed     ticked       run now  rescan     scan complete scan failed
======== ========== =========== =========== ============ ======== ========== ============= =============
stopped  start?     stay        start?      stay         refused  refused    ignored       ignored
starting re-aim?    stop        stay        scan?        note it  scan soon  open window   degraded
idle     re-aim?    stop        stay        scan?        note it  scan soon  open window   degraded
waiting  re-aim?    stop        stay        scan? fire?  note it  scan soon  fire?         degraded
firing   re-aim?    stop        stay        next batch   stay     scan soon  take it in    degraded
======== ========== =========== =========== ============ ======== ========== ============= =============

"start?" and "re-aim?": if the new configuration says so. ``restarted`` makes every phase scan before it
fires; only *stopped* stays so, and *firing* ends the sequence that fired already. A scan that reports an epoch other
than the newest one is ignored everywhere: it never moves state back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from automation_engine.errors import IllegalTransition
from automation_engine.rules import events
from automation_engine.rules.debounce import due_trigger, next_scan_at
from automation_engine.rules.effects import CancelScan, ImportEffect, StartBatch, StartScan
from automation_engine.rules.model import (
    BACKOFF_MAX,
    SCAN_INTERVAL_MAX,
    Degraded,
    ImportConfig,
    ImportState,
    Phase,
    Trigger,
    amended,
    scan_interval,
)
from automation_engine.rules.retry import backoff

Outcome = tuple[ImportState, tuple[ImportEffect, ...]]
Transition = Callable[[ImportState, Any, float], Outcome]


def _unchanged(state: ImportState, _event: object, _now: float) -> Outcome:
    return state, ()


def stopped(*, enabled: bool) -> IllegalTransition:
    """Return the refusal of what an automation can't do while it is disabled or, if ``enabled``, paused."""
    if not enabled:
        return IllegalTransition("the automation is disabled: PUT it with enabled true first")
    return IllegalTransition("the automation is paused: resume it first")


def _refused(state: ImportState, _event: object, _now: float) -> Outcome:
    raise stopped(enabled=state.config.enabled)


def start(state: ImportState, now: float) -> Outcome:
    """Begin to watch: one fresh complete scan first, then a full new window. An earlier scan no longer counts."""
    fresh, effects = _blank(state)
    return replace(fresh, phase=Phase.STARTING, next_scan_at=now), effects


def _stop(state: ImportState) -> Outcome:
    """Discard the open window, keep the ledger, make no further storage call."""
    blank, effects = _blank(state)
    return replace(blank, phase=Phase.STOPPED), effects


def _blank(state: ImportState) -> Outcome:
    """Forget the window and whatever scan is under way."""
    effects = (CancelScan(epoch=state.epoch),) if state.scanning else ()
    blank = replace(
        state,
        epoch=state.epoch + state.scanning,
        scanning=False,
        next_scan_at=None,
        scanned_at=None,
        floor_at=None,
        last_change_at=None,
        window_opened_at=None,
        ready=0,
        settling=0,
        left_to_fire=0,
        trigger=None,
        run_requested=False,
        degraded=None,
    )
    return blank, effects


def _configured(state: ImportState, event: events.Configured, now: float) -> Outcome:
    old, new = state.config, event.config
    if new == old:
        return state, ()
    changed = replace(state, config=new)
    if new.watch != old.watch:
        changed = replace(changed, generation=state.generation + 1, sequence=0)
        return start(changed, now) if new.active else _stop(changed)
    if new.active != old.active:
        return start(changed, now) if new.active else _stop(changed)
    return _rescheduled(changed, now), ()


def _rescheduled(state: ImportState, now: float) -> ImportState:
    """Bring the next scan forward to what new spans ask for; the window keeps its ``last_change`` and its beginning."""
    if state.next_scan_at is None:
        return state
    scans = [state.next_scan_at, now + scan_interval(state.config.debounce)]
    scans.extend(max(now, end) for end in (state.quiet_at, state.deadline_at) if end is not None)
    return replace(state, next_scan_at=min(scans))


def _switched(state: ImportState, now: float, config: ImportConfig) -> Outcome:
    return _configured(state, events.Configured(config=config), now)


def _paused(state: ImportState, _event: events.Paused, now: float) -> Outcome:
    return _switched(state, now, replace(state.config, paused=True))


def _resumed(state: ImportState, _event: events.Resumed, now: float) -> Outcome:
    return _switched(state, now, replace(state.config, paused=False))


def _ticked(state: ImportState, _event: events.Ticked, now: float) -> Outcome:
    trigger = due_trigger(state, now, scan_started_at=None)
    if trigger is not None:
        return _fire(state, trigger, next_scan_at=state.next_scan_at)
    if state.scanning or state.next_scan_at is None or now < state.next_scan_at:
        return state, ()
    epoch = state.epoch + 1
    return amended(state, epoch=epoch, scanning=True, next_scan_at=None), (StartScan(epoch=epoch),)


def _restarted(state: ImportState, _event: events.Restarted, now: float) -> Outcome:
    if state.scanning:  # the scan's own row is picked up again
        return replace(state, scanned_at=None), ()
    return replace(state, scanned_at=None, next_scan_at=now), ()


def _run_requested(state: ImportState, _event: events.RunRequested, now: float) -> Outcome:
    return _rescan(replace(state, run_requested=True), now), ()


def _rescan_requested(state: ImportState, _event: events.RescanRequested, now: float) -> Outcome:
    return _rescan(state, now), ()


def _rescan(state: ImportState, now: float) -> ImportState:
    return state if state.scanning else replace(state, next_scan_at=now)


def _scan_completed(state: ImportState, event: events.ScanCompleted, now: float) -> Outcome:
    if event.epoch != state.epoch or not state.scanning:
        return state, ()
    known = _taken_in(state, event, now)
    started_at = min(event.started_at, now)  # the clock may have been set back since: it covers no later instant
    trigger = due_trigger(known, now, scan_started_at=started_at)
    scan_at = next_scan_at(known, now, scan_started_at=started_at)
    if trigger is None or state.phase is Phase.FIRING:
        return amended(known, next_scan_at=scan_at), ()
    return _fire(known, trigger, next_scan_at=scan_at)


def _taken_in(state: ImportState, event: events.ScanCompleted, now: float) -> ImportState:
    """Take in what a complete scan found: the window opens, stays open, or closes."""
    pending, finished_at = event.pending, min(event.finished_at, now)
    floor = finished_at if state.floor_at is None else state.floor_at
    changes = [floor] if state.last_change_at is None else [state.last_change_at]
    if event.changed:
        changes.append(finished_at)
    if pending.newest_at is not None:
        changes.append(min(pending.newest_at, now))
    waiting = pending.ready + pending.settling > 0
    phase = state.phase
    if phase is not Phase.FIRING:
        phase = Phase.WAITING if waiting else Phase.IDLE
    oldest = finished_at if pending.oldest_at is None else min(pending.oldest_at, now)
    return amended(
        state,
        phase=phase,
        scanning=False,
        scanned_at=finished_at,
        surveyed=state.generation,
        floor_at=floor,
        last_change_at=max(changes),
        window_opened_at=max(floor, oldest) if waiting else None,
        ready=pending.ready,
        settling=pending.settling,
        run_requested=state.run_requested and waiting,
        degraded=None,
    )


def _fire(state: ImportState, trigger: Trigger, *, next_scan_at: float | None) -> Outcome:
    return _next_batch(state, state.ready, trigger, next_scan_at=next_scan_at, run_requested=False)


def _next_batch(state: ImportState, left: int, trigger: Trigger, **changes: Any) -> Outcome:
    """Start one batch of the ``left`` objects; after the last one, what still settles opens the next window."""
    sequence = state.sequence + 1
    limit = min(left, state.config.batch_cap)
    batch = StartBatch(
        key=batch_key(state.automation_id, state.generation, sequence), sequence=sequence, limit=limit, trigger=trigger
    )
    ready = max(0, state.ready - limit)
    changes.update(sequence=sequence, ready=ready, left_to_fire=left - limit)
    if left > limit:
        return amended(state, phase=Phase.FIRING, trigger=trigger, **changes), (batch,)
    waiting = ready + state.settling > 0
    closed = amended(
        state,
        phase=Phase.WAITING if waiting else Phase.IDLE,
        trigger=None,
        # Until the next scan says when the oldest of them was first seen: not before the newest change, at any rate.
        window_opened_at=state.last_change_at if waiting else None,
        **changes,
    )
    return closed, (batch,)


def _ticked_while_firing(state: ImportState, _event: events.Ticked, _now: float) -> Outcome:
    return _next_batch(state, state.left_to_fire, state.trigger or Trigger.QUIET)


def _scan_failed(state: ImportState, event: events.ScanFailed, now: float) -> Outcome:
    if event.epoch != state.epoch or not state.scanning:
        return state, ()
    since = now if state.degraded is None else state.degraded.since
    attempts = 1 if state.degraded is None else state.degraded.attempts + 1
    return replace(
        state,
        scanning=False,
        degraded=Degraded(cause=event.cause, since=since, attempts=attempts),
        next_scan_at=now + backoff(attempts, event.jitter),
    ), ()


def batch_key(automation_id: str, generation: int, sequence: int) -> str:
    """Return a batch's deterministic key: firing twice is impossible, because the second one has the same key."""
    return f"auto:{automation_id}:{generation}:{sequence}"


_WATCHING: Mapping[type, Transition] = {
    events.Configured: _configured,
    events.Paused: _paused,
    events.Resumed: _unchanged,
    events.Ticked: _ticked,
    events.Restarted: _restarted,
    events.RunRequested: _run_requested,
    events.RescanRequested: _rescan_requested,
    events.ScanCompleted: _scan_completed,
    events.ScanFailed: _scan_failed,
}

TRANSITIONS: Mapping[Phase, Mapping[type, Transition]] = {
    Phase.STOPPED: {
        events.Configured: _configured,
        events.Paused: _paused,
        events.Resumed: _resumed,
        events.Ticked: _unchanged,
        events.Restarted: _unchanged,
        events.RunRequested: _refused,
        events.RescanRequested: _refused,
        events.ScanCompleted: _unchanged,
        events.ScanFailed: _unchanged,
    },
    Phase.STARTING: _WATCHING,
    Phase.IDLE: _WATCHING,
    Phase.WAITING: _WATCHING,
    Phase.FIRING: {**_WATCHING, events.Ticked: _ticked_while_firing, events.RunRequested: _unchanged},
}


def steady(state: ImportState, now: float) -> ImportState:
    """Cap every remembered instant at ``now``: after a clock was set back, no wait is longer than a full new one."""
    horizon = now + (SCAN_INTERVAL_MAX if state.degraded is None else BACKOFF_MAX)
    past = (state.last_change_at, state.window_opened_at, state.floor_at, state.scanned_at)
    late = state.next_scan_at is not None and state.next_scan_at > horizon
    ahead = late
    for instant in past:  # not any(): this is asked of every decision, and a generator takes most of its time
        if instant is not None and instant > now:
            ahead = True
    if not ahead:
        return state
    last_change_at, window_opened_at, floor_at, scanned_at = (None if at is None else min(at, now) for at in past)
    return replace(
        state,
        last_change_at=last_change_at,
        window_opened_at=window_opened_at,
        floor_at=floor_at,
        scanned_at=scanned_at,
        next_scan_at=now if late else state.next_scan_at,
    )
