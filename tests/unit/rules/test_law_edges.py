"""At the very instant: where a span ends exactly when it is looked at."""

from __future__ import annotations

from typing import Any

from automation_engine.rules.debounce import Sighting, next_scan_at, settle
from automation_engine.rules.lifecycle import steady
from automation_engine.rules.model import Degraded, ImportState, LedgerState, Phase, amended
from tests.unit.rules.world import configured

NOW = 1_000_000.0


def _waiting(**values: Any) -> ImportState:
    """Return a window in which one object settles, over folders that are scanned every five minutes."""
    state = ImportState(automation_id="auto_1", config=configured(3600.0), phase=Phase.WAITING, settling=1)
    return amended(state, **values)


def test_a_clock_that_was_set_back_to_the_first_sighting_itself_unsettles_nothing() -> None:
    """Section 9: only what was seen later than now counts anew."""
    sighting = Sighting(seen=True, scan_started_at=NOW, scan_finished_at=NOW)
    assert settle(LedgerState.READY, NOW, None, sighting, span=30.0) == (LedgerState.READY, NOW)
    assert settle(LedgerState.READY, NOW + 0.1, None, sighting, span=30.0) == (LedgerState.SETTLING, NOW)


def test_a_window_that_just_ended_is_scanned_again_only_when_something_has_settled() -> None:
    """Words: scan interval. What ended is no reason to scan at once, and again at once."""
    for ended in (_waiting(last_change_at=NOW - 3600.0), _waiting(window_opened_at=NOW - 10_800.0)):
        assert ended.next_trigger_at == NOW
        assert next_scan_at(ended, NOW, scan_started_at=NOW) == NOW + 30.0


def test_after_a_step_backward_no_remembered_instant_lies_ahead_and_those_behind_stay() -> None:
    """Section 9."""
    behind = {"last_change_at": NOW - 4, "window_opened_at": NOW - 3, "floor_at": NOW - 2, "scanned_at": NOW - 1}
    for name in behind:
        state = _waiting(**{**behind, name: NOW + 5, "next_scan_at": NOW + 9})
        assert steady(state, NOW) == amended(state, **{name: NOW})


def test_after_a_step_backward_no_scan_is_further_off_than_it_can_be() -> None:
    """Section 9: five minutes, or a quarter of an hour while the storage does not answer."""
    away = Degraded(cause="no answer", since=NOW - 60, attempts=9)
    for state, horizon in ((_waiting(), 300.0), (_waiting(degraded=away), 900.0)):
        soon, late = amended(state, next_scan_at=NOW + horizon), amended(state, next_scan_at=NOW + horizon + 1)
        assert steady(soon, NOW) == soon
        assert steady(late, NOW) == amended(late, next_scan_at=NOW)
