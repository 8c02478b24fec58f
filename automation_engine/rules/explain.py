"""Say in one plain sentence why an automation stands where it stands."""

from __future__ import annotations

from automation_engine.rules.model import ImportState, Phase


def why(state: ImportState, now: float) -> str:
    """Return one sentence for people. ``now`` in seconds since the epoch."""
    if not state.config.enabled:
        return "The automation is disabled."
    if state.config.paused:
        return "The automation is paused; what arrives meanwhile is found after it is resumed."
    if state.degraded is not None:
        retry = "a retry is running" if state.scanning else f"the next try is {_in(state.next_scan_at, now)}"
        return f"The storage can't be listed ({state.degraded.cause}); {retry}, and nothing fires meanwhile."
    if state.phase is Phase.STARTING:
        return "One fresh complete scan comes first; then a full new window begins."
    if state.phase is Phase.FIRING:
        return f"A sequence of batches is being started; {_objects(state.left_to_fire)} are left."
    if state.phase is Phase.IDLE:
        return f"Nothing new waits; the next scan is {_in(state.next_scan_at, now)}."
    return _why_waiting(state, now)


def _why_waiting(state: ImportState, now: float) -> str:
    waiting = f"{_objects(state.ready)} ready and {state.settling} still settling"
    if state.next_trigger_at is None or state.next_trigger_at <= now:
        return f"The wait is over: {waiting}; one complete scan confirms it."
    end = _in(state.next_trigger_at, now)
    if state.next_trigger_at == state.deadline_at != state.quiet_at:
        return f"Arrivals go on: {waiting}; the longest wait ends {end}."
    return f"Waiting for quiet: {waiting}; without another change the batch fires {end}."


def _objects(count: int) -> str:
    return "1 object" if count == 1 else f"{count:,} objects"


def _in(instant: float | None, now: float) -> str:
    if instant is None:
        return "under way"
    seconds = round(instant - now)
    if seconds <= 0:
        return "due now"
    if seconds < 120:  # noqa: PLR2004 - two minutes are still told in seconds
        return f"in {seconds} s"
    if seconds < 2 * 3600:
        return f"in {round(seconds / 60)} min"
    return f"in {round(seconds / 3600)} h"
