"""Say in one plain sentence why an automation stands where it stands."""

from __future__ import annotations

from automation_engine.rules.debounce import Hold, Skip, settle_span
from automation_engine.rules.model import ImportState, LedgerState, Phase, scan_interval

BLIND_AFTER = 3
"""Scan intervals without a complete scan after which nothing is known any more."""

_HELD = {
    Hold.TEMPORARY: "Its name says that it is unfinished or hidden: it counts once it has another one.",
    Hold.EMPTY: "It has no bytes.",
    Hold.UNDECLARED: "It waits for the sidecar that declares it whole.",
    Hold.PREDECESSOR: "An earlier version of it is being imported, and only the first one counts.",
}
_ENDED: dict[str, str] = {
    Skip.NEW_ONLY: "An earlier version of it counted already, and only the first one does.",
    Skip.EXISTING: "It was there before the automation watched, and existing files are skipped.",
    Skip.REJECTED: "Somebody rejected the batch that it was in.",
    Skip.IGNORED: "Somebody left it out.",
    "vanished": "It was not there any more.",
    "superseded": "Another version replaced it.",
    "unwatched": "It is not watched any more.",
}


def health(state: ImportState, now: float) -> str:
    """Return how well the engine sees the watched place: ``ok``, ``degraded`` or ``blind``. Who is stopped is ok."""
    if not state.config.active:
        return "ok"
    patience = BLIND_AFTER * scan_interval(state.config.debounce)
    known_at = _known_at(state)
    if known_at is not None and now - known_at > patience:
        return "blind"
    return "ok" if state.degraded is None else "degraded"


def _known_at(state: ImportState) -> float | None:
    """Return the latest complete scan; before the first one, since when it fails or is due; None while it runs."""
    if state.scanned_at is not None:
        return state.scanned_at
    return state.next_scan_at if state.degraded is None else state.degraded.since


def why_held(hold: Hold | None, *, growing: bool, debounce: float) -> str:
    """Return one sentence for people: why an object that waits is not ready."""
    if hold is not None:
        return _HELD[hold]
    seconds = round(settle_span(growing=growing, debounce=debounce))
    replaced = "It was replaced while it waited: its" if growing else "Its"
    return f"{replaced} bytes have to be the same in two complete scans at least {seconds:,} s apart."


def why_ended(state: LedgerState, reason: str) -> str:
    """Return one sentence for people: why an object failed, was left out or is gone."""
    known = _ENDED.get(reason)
    if known is not None:
        return known
    return f"{'Its import failed' if state is LedgerState.FAILED else 'It was left out'}: {reason.rstrip('.')}."


def why(state: ImportState, now: float) -> str:
    """Return one sentence for people. ``now`` in seconds since the epoch."""
    if not state.config.active:
        resumed = "what arrives meanwhile is found after it is resumed"
        return f"The automation is paused; {resumed}." if state.config.enabled else "The automation is disabled."
    if state.degraded is not None:
        retry = "a retry is running" if state.scanning else f"the next try is {when(state.next_scan_at, now)}"
        return f"The storage can't be listed ({state.degraded.cause}); {retry}, and nothing fires meanwhile."
    if state.phase is Phase.STARTING:
        return "One fresh complete scan comes first; then a full new window begins."
    if state.phase is Phase.FIRING:
        return f"A sequence of batches is being started; what is left of it: {objects(state.left_to_fire)}."
    if state.phase is Phase.IDLE:
        return f"Nothing new waits; the next scan is {when(state.next_scan_at, now)}."
    return _why_waiting(state, now)


def _why_waiting(state: ImportState, now: float) -> str:
    waiting = f"{objects(state.ready)} ready and {state.settling} still settling"
    if state.next_trigger_at is None or state.next_trigger_at <= now:
        return f"The wait is over: {waiting}; one complete scan confirms it."
    end = when(state.next_trigger_at, now)
    if state.next_trigger_at == state.deadline_at != state.quiet_at:
        return f"Arrivals go on: {waiting}; the longest wait ends {end}."
    return f"Waiting for quiet: {waiting}; without another change the batch fires {end}."


def objects(count: int) -> str:
    """Return a count of objects in words."""
    return "1 object" if count == 1 else f"{count:,} objects"


def when(instant: float | None, now: float) -> str:
    """Return how far an instant lies ahead; None is something that is under way."""
    if instant is None:
        return "under way"
    seconds = round(instant - now)
    if seconds <= 0:
        return "due now"
    return f"in {span(seconds)}"


def span(seconds: float) -> str:
    """Return a span in a unit that people would choose."""
    if seconds < 120:  # two minutes are still told in seconds
        return f"{round(seconds)} s"
    if seconds < 2 * 3600:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3600)} h"
