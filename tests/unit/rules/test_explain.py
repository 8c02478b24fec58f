"""One plain sentence for people."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation_engine.rules.debounce import Hold
from automation_engine.rules.explain import health, when, why, why_ended, why_held
from automation_engine.rules.model import Degraded, ImportState, LedgerState, Phase
from tests.unit.rules.world import World, configured

NOW = 1_000_000.0


def _state(phase: Phase, **values: object) -> ImportState:
    state = ImportState(automation_id="auto_1", config=configured(300.0), phase=phase, scanned_at=NOW)
    return replace(state, **values)  # type: ignore[arg-type]  # a test names the fields


_WAITING = _state(
    Phase.WAITING, ready=3, settling=1, last_change_at=NOW - 10, window_opened_at=NOW - 100, next_scan_at=NOW + 30
)
_CASES = {
    "The automation is disabled.": _state(Phase.STOPPED, config=configured(300.0, enabled=False, paused=True)),
    "The automation is paused; what arrives meanwhile is found after it is resumed.": _state(
        Phase.STOPPED, config=configured(300.0, paused=True)
    ),
    "One fresh complete scan comes first; then a full new window begins.": _state(Phase.STARTING),
    "Nothing new waits; the next scan is in 30 s.": _state(Phase.IDLE, next_scan_at=NOW + 30),
    "Nothing new waits; the next scan is under way.": _state(Phase.IDLE, scanning=True),
    "Nothing new waits; the next scan is due now.": _state(Phase.IDLE, next_scan_at=NOW - 5),
    "Waiting for quiet: 3 objects ready and 1 still settling; without another change the batch fires in 5 min.": (
        _WAITING
    ),
    "Waiting for quiet: 1 object ready and 1 still settling; without another change the batch fires in 119 s.": replace(
        _WAITING, ready=1, last_change_at=NOW - 181
    ),
    "Arrivals go on: 3 objects ready and 1 still settling; the longest wait ends in 20 s.": replace(
        _WAITING, window_opened_at=NOW - 880
    ),
    "The wait is over: 3 objects ready and 1 still settling; one complete scan confirms it.": replace(
        _WAITING, last_change_at=NOW - 300
    ),
    "Waiting for quiet: 12,345 objects ready and 1 still settling; without another change the batch fires in 24 h.": (
        replace(_WAITING, ready=12_345, config=configured(86_400.0))
    ),
    "A sequence of batches is being started; what is left of it: 20,000 objects.": _state(
        Phase.FIRING, left_to_fire=20_000
    ),
    "The storage can't be listed (no answer); the next try is in 8 s, and nothing fires meanwhile.": replace(
        _WAITING, degraded=Degraded(cause="no answer", since=NOW - 60, attempts=2), next_scan_at=NOW + 8
    ),
    "The storage can't be listed (denied); a retry is running, and nothing fires meanwhile.": replace(
        _WAITING, degraded=Degraded(cause="denied", since=NOW - 60, attempts=2), scanning=True
    ),
}


@pytest.mark.parametrize(("sentence", "state"), _CASES.items(), ids=list(_CASES))
def test_why(sentence: str, state: ImportState) -> None:
    assert why(state, NOW) == sentence


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_has_one_sentence(phase: Phase) -> None:
    sentence = why(_state(phase), NOW)
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_the_sentence_follows_a_delivery_from_arrival_to_import() -> None:
    world = World()
    told = []
    for _ in range(7):
        told.append(why(world.state, world.now).partition(":")[0].partition(";")[0])
        if len(told) == 2:
            world.put("a.mp4")
        world.run(55)
    assert told[0] == "One fresh complete scan comes first"
    assert told[1] == "Nothing new waits"
    assert told[2:] == ["Waiting for quiet"] * 5
    world.run(60)
    assert why(world.state, world.now).startswith("Nothing new waits")


def test_health_is_ok_while_scans_are_complete_and_blind_after_three_intervals_without_one() -> None:
    state = _state(Phase.IDLE)
    assert health(state, NOW + 90.0) == "ok"
    assert health(state, NOW + 91.0) == "blind"


def test_health_is_degraded_when_the_last_scan_failed() -> None:
    failed = _state(Phase.IDLE, degraded=Degraded(cause="denied", since=NOW, attempts=1))
    assert health(failed, NOW + 10.0) == "degraded"
    assert health(failed, NOW + 1000.0) == "blind"


def test_health_is_ok_before_the_first_scan_until_it_is_long_overdue() -> None:
    new = _state(Phase.STARTING, scanned_at=None, next_scan_at=NOW)
    assert health(new, NOW + 1.0) == "ok"
    assert health(new, NOW + 91.0) == "blind"
    assert health(replace(new, next_scan_at=None, scanning=True), NOW + 1.0) == "ok"


def test_who_is_stopped_is_well() -> None:
    assert health(_state(Phase.STOPPED, config=configured(300.0, paused=True), scanned_at=None), NOW) == "ok"


def test_health_is_blind_when_the_storage_never_answered_for_long() -> None:
    """The retries are due again and again: what counts is since when they fail."""
    failing = _state(
        Phase.STARTING,
        scanned_at=None,
        next_scan_at=NOW + 60.0,
        degraded=Degraded(cause="denied", since=NOW - 80.0, attempts=4),
    )
    assert health(failing, NOW + 10.0) == "degraded"
    assert health(failing, NOW + 11.0) == "blind"


_HELD = {
    Hold.TEMPORARY: "Its name says that it is unfinished or hidden: it counts once it has another one.",
    Hold.EMPTY: "It has no bytes.",
    Hold.UNDECLARED: "It waits for the sidecar that declares it whole.",
    Hold.PREDECESSOR: "An earlier version of it is being imported, and only the first one counts.",
}


@pytest.mark.parametrize("hold", list(Hold))
def test_every_hold_has_one_sentence(hold: Hold) -> None:
    assert why_held(hold, growing=False, debounce=300.0) == _HELD[hold]


def test_a_settling_object_is_told_how_long_it_settles() -> None:
    bytes_have_to = "bytes have to be the same in two complete scans at least"
    assert why_held(None, growing=False, debounce=3600.0) == f"Its {bytes_have_to} 30 s apart."
    replaced = f"It was replaced while it waited: its {bytes_have_to} 3,600 s apart."
    assert why_held(None, growing=True, debounce=3600.0) == replaced


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        ("skipped", "new_only", "An earlier version of it counted already, and only the first one does."),
        ("skipped", "existing", "It was there before the automation watched, and existing files are skipped."),
        ("skipped", "rejected", "Somebody rejected the batch that it was in."),
        ("skipped", "ignored", "Somebody left it out."),
        ("skipped", "the job was cancelled", "It was left out: the job was cancelled."),
        ("failed", "file:///a.mp4: no media.", "Its import failed: file:///a.mp4: no media."),
        ("gone", "vanished", "It was not there any more."),
        ("gone", "superseded", "Another version replaced it."),
        ("gone", "unwatched", "It is not watched any more."),
    ],
)
def test_what_ended_says_how(state: str, reason: str, said: str) -> None:
    assert why_ended(LedgerState(state), reason) == said


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5.0, "due now"),
        (0.4, "due now"),
        (0.6, "in 1 s"),
        (119.4, "in 119 s"),
        (120.0, "in 2 min"),
        (3600.0, "in 60 min"),
        (7199.0, "in 120 min"),
        (7200.0, "in 2 h"),
        (125 * 86_400.0, "in 3000 h"),
    ],
)
def test_an_instant_is_told_in_the_unit_that_people_would_choose(seconds: float, told: str) -> None:
    assert when(NOW + seconds, NOW) == told
