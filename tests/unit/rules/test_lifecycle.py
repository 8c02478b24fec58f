"""The transition table: every phase, every event, a legal next state or the declared error."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from automation_engine.errors import IllegalTransition
from automation_engine.rules import events, lifecycle
from automation_engine.rules.effects import CancelScan, StartBatch, StartScan
from automation_engine.rules.engine import decide
from automation_engine.rules.lifecycle import TRANSITIONS
from automation_engine.rules.model import Degraded, ImportConfig, ImportState, Phase, Trigger, Watch
from tests.unit.rules.world import WATCH, configured, effect_names

NOW = 1_000_000.0
CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "cases/lifecycle.yaml").read_text(encoding="utf-8")
)
WATCHING = [Phase.STARTING, Phase.IDLE, Phase.WAITING, Phase.FIRING]
_AGO = {"window_opened_ago": "window_opened_at", "last_change_ago": "last_change_at"}


def _word(event: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower()


EVENTS = {_word(event): event for event in get_args(events.ImportEvent)}


def state_of(phase: Phase, **given: Any) -> ImportState:
    """Return a plausible state of that phase at ``NOW``, changed as given."""
    stopped = phase is Phase.STOPPED
    config = configured(300.0, batch_cap=10, enabled=given.pop("enabled", True), paused=given.pop("paused", stopped))
    state = ImportState(automation_id="auto_1", config=config, phase=phase, epoch=7, sequence=3)
    if not stopped:
        state = replace(state, next_scan_at=NOW)
    if phase in {Phase.IDLE, Phase.WAITING, Phase.FIRING}:
        state = replace(state, scanned_at=NOW - 10, floor_at=NOW - 5000, last_change_at=NOW - 40)
    if phase in {Phase.WAITING, Phase.FIRING}:
        state = replace(state, window_opened_at=NOW - 100, ready=5)
    if phase is Phase.FIRING:
        state = replace(state, ready=15, left_to_fire=15, trigger=Trigger.QUIET)
    if given.get("scanning"):
        state = replace(state, next_scan_at=None)
    for ago, name in _AGO.items():
        if ago in given:
            given[name] = NOW - given.pop(ago)
    if "next_scan_in" in given:
        given["next_scan_at"] = NOW + given.pop("next_scan_in")
    return replace(state, **given)


def _event(case: dict[str, Any], state: ImportState) -> Any:
    match case["event"]:
        case "configured":
            return events.Configured(config=_changed(state.config, case["with"]))
        case "scan_completed":
            waiting: dict[str, Any] = dict(case.get("pending", {}))
            if waiting.get("ready", 0) + waiting.get("settling", 0):
                waiting["oldest_at"] = NOW - 100
            return events.ScanCompleted(
                epoch=7, started_at=NOW, finished_at=NOW, changed=False, pending=events.Pending(**waiting)
            )
        case "scan_failed":
            return events.ScanFailed(epoch=7, cause="no answer", jitter=0.5)
        case word:
            return EVENTS[word]()


def _changed(config: ImportConfig, changes: dict[str, Any]) -> ImportConfig:
    aimed = {name: value for name, value in changes.items() if name in Watch.__dataclass_fields__}
    others = {name: value for name, value in changes.items() if name not in aimed}
    return replace(config, watch=replace(config.watch, **aimed), **others)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_table_decides(case: dict[str, Any]) -> None:
    state = state_of(Phase(case["phase"]), **case.get("given", {}))
    event = _event(case, state)
    if "error" in case:
        with pytest.raises(IllegalTransition, match=f"^{case['error']}$"):
            decide(state, event, NOW)
        return
    decision = decide(state, event, NOW)
    assert decision.state.phase == case["then"]
    assert effect_names(decision.effects) == case.get("effects", [])


def test_every_phase_meets_every_event() -> None:
    tested = {(case["phase"], case["event"]) for case in CASES}
    assert tested == {(phase.value, word) for phase, word in product(Phase, EVENTS)}


def test_the_names_of_the_cases_tell_them_apart() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES)


def test_the_table_in_code_has_a_transition_for_every_phase_and_event() -> None:
    assert set(TRANSITIONS) == set(Phase)
    assert all(set(row) == set(EVENTS.values()) for row in TRANSITIONS.values())


_COLUMNS = {
    "configured": "configured",
    "paused": "paused",
    "resumed": "resumed",
    "ticked": "ticked",
    "run now": "run_requested",
    "rescan": "rescan_requested",
    "scan complete": "scan_completed",
    "scan failed": "scan_failed",
}


def _drawn() -> list[list[str]]:
    """Return the cells of the table in the docstring, the header first."""
    lines = (lifecycle.__doc__ or "").splitlines()
    rules = [at for at, line in enumerate(lines) if line.startswith("====")]
    starts = [match.start() for match in re.finditer(r"=+", lines[rules[0]])]
    ends = [*starts[1:], None]
    rows = [*lines[rules[0] + 1 : rules[1]], *lines[rules[1] + 1 : rules[2]]]
    return [[row[start:end].strip() for start, end in zip(starts, ends, strict=True)] for row in rows]


def test_the_drawn_table_lists_every_phase_and_every_event() -> None:
    header, *rows = _drawn()
    assert header[0] == "phase"
    assert [row[0] for row in rows] == [phase.value for phase in Phase]
    assert {_COLUMNS[title] for title in header[1:]} == set(EVENTS) - {"restarted"}
    assert "``restarted`` makes every phase" in (lifecycle.__doc__ or "")


def test_the_drawn_table_has_no_empty_cell() -> None:
    assert all(cell for row in _drawn() for cell in row)


def test_the_drawn_table_refuses_and_ignores_what_the_code_refuses_and_ignores() -> None:
    header, *rows = _drawn()
    errors = {(case["phase"], case["event"]) for case in CASES if "error" in case}
    drawn = {
        (row[0], _COLUMNS[title])
        for row in rows
        for title, cell in zip(header[1:], row[1:], strict=True)
        if cell == "refused"
    }
    assert drawn == errors


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("word", ["scan_completed", "scan_failed"])
@pytest.mark.parametrize("epoch", [6, 8])
def test_a_scan_of_another_epoch_than_the_newest_is_ignored_everywhere(phase: Phase, word: str, epoch: int) -> None:
    state = state_of(phase, scanning=phase is not Phase.STOPPED)
    event = replace(_event({"event": word, "pending": {"ready": 9}}, state), epoch=epoch)
    assert decide(state, event, NOW).state == state
    assert decide(state, event, NOW).effects == ()


@pytest.mark.parametrize("phase", WATCHING)
def test_a_restart_makes_every_phase_but_stopped_scan_first(phase: Phase) -> None:
    state = state_of(phase, next_scan_at=NOW + 20)
    restarted = decide(state, events.Restarted(), NOW).state
    assert restarted.next_scan_at == NOW
    assert restarted.scanned_at is None


@pytest.mark.parametrize("phase", WATCHING)
def test_a_restart_picks_up_the_scan_that_was_under_way(phase: Phase) -> None:
    restarted = decide(state_of(phase, scanning=True), events.Restarted(), NOW).state
    assert restarted.scanned_at is None
    assert (restarted.scanning, restarted.epoch, restarted.next_scan_at) == (True, 7, None)


@pytest.mark.parametrize("phase", WATCHING)
def test_a_stop_forgets_everything_but_the_configuration_and_the_counters(phase: Phase) -> None:
    stopped = decide(state_of(phase, scanning=True), events.Paused(), NOW).state
    blank = ImportState(automation_id="auto_1", config=replace(stopped.config), epoch=8, sequence=3)
    assert stopped == blank


def test_a_stop_forgets_the_next_scan_what_settles_and_how_often_the_storage_failed() -> None:
    failing = Degraded(cause="no answer", since=NOW - 60, attempts=3)
    state = state_of(Phase.WAITING, settling=2, run_requested=True, degraded=failing)
    stopped = decide(state, events.Paused(), NOW).state
    assert stopped == ImportState(automation_id="auto_1", config=stopped.config, epoch=7, sequence=3)


@pytest.mark.parametrize("phase", WATCHING)
def test_calling_a_scan_off_names_its_epoch_and_makes_it_old(phase: Phase) -> None:
    decision = decide(state_of(phase, scanning=True), events.Paused(), NOW)
    assert decision.effects == (CancelScan(epoch=7),)
    assert decision.state.epoch == 8


def test_a_request_to_run_what_fires_is_not_kept_for_later() -> None:
    assert decide(state_of(Phase.FIRING), events.RunRequested(), NOW).state == state_of(Phase.FIRING)


def test_a_firing_names_its_batch_and_leaves_nothing_of_its_window() -> None:
    state = state_of(Phase.WAITING, window_opened_ago=900.0, run_requested=True)
    decision = decide(state, events.Ticked(), NOW)
    batch = StartBatch(key="auto:auto_1:1:4", sequence=4, limit=5, trigger=Trigger.MAX_WAIT)
    assert decision.effects == (batch,)
    left = replace(state, phase=Phase.IDLE, sequence=4, ready=0, window_opened_at=None, run_requested=False)
    assert decision.state == left


def test_every_batch_of_a_sequence_says_what_made_it_fire() -> None:
    state = state_of(Phase.WAITING, window_opened_ago=900.0, ready=25)
    told = []
    for _ in range(3):
        state, (batch,) = decide(state, events.Ticked(), NOW)
        told.append((batch.sequence, batch.limit, batch.trigger, state.trigger))
    assert told == [
        (4, 10, Trigger.MAX_WAIT, Trigger.MAX_WAIT),
        (5, 10, Trigger.MAX_WAIT, Trigger.MAX_WAIT),
        (6, 5, Trigger.MAX_WAIT, None),
    ]


def test_a_resume_changes_what_somebody_wants_and_nothing_else_of_the_configuration() -> None:
    state = state_of(Phase.STOPPED)
    assert decide(state, events.Resumed(), NOW).state.config == replace(state.config, paused=False)


def test_what_is_asked_for_while_a_scan_is_under_way_waits_for_its_end() -> None:
    state = state_of(Phase.WAITING, scanning=True)
    asked = decide(state, events.RescanRequested(), NOW).state
    assert asked == state
    assert decide(asked, events.Ticked(), NOW) == (state, ())


def test_after_the_last_batch_what_still_settles_has_a_window_of_its_own() -> None:
    state = state_of(Phase.FIRING, ready=10, left_to_fire=10, settling=1)
    fired = decide(state, events.Ticked(), NOW).state
    assert fired.window_opened_at == state.last_change_at
    assert (fired.trigger, fired.ready, fired.settling) == (None, 0, 1)


@pytest.mark.parametrize(
    ("changed", "newest_at", "last_change_at"),
    [(True, None, NOW), (False, NOW - 5, NOW - 5), (False, None, NOW - 40), (False, NOW - 50, NOW - 40)],
)
def test_a_change_is_told_by_the_scan_or_by_the_newest_of_what_waits(
    changed: bool,  # noqa: FBT001 - a column of the table
    newest_at: float | None,
    last_change_at: float,
) -> None:
    """A scan that is repeated after a crash finds nothing new: what its first attempt admitted still counts."""
    pending = events.Pending(ready=1, oldest_at=NOW - 100, newest_at=newest_at)
    scan = events.ScanCompleted(epoch=7, started_at=NOW, finished_at=NOW, changed=changed, pending=pending)
    assert decide(state_of(Phase.WAITING, scanning=True), scan, NOW).state.last_change_at == last_change_at


def test_time_makes_a_difference_at_the_end_of_the_longest_wait_also_while_a_scan_is_under_way() -> None:
    waiting = state_of(Phase.WAITING, scanning=True)
    deadline_at = waiting.deadline_at
    assert deadline_at is not None
    state = replace(waiting, scanned_at=deadline_at - 60.0)
    assert state.next_action_at == deadline_at
    assert replace(state, ready=0).next_action_at is None


def test_the_end_of_the_longest_wait_makes_no_difference_where_knowledge_is_too_old_by_then() -> None:
    waiting = state_of(Phase.WAITING, scanning=True)
    deadline_at = waiting.deadline_at
    assert deadline_at is not None
    assert replace(waiting, scanned_at=deadline_at - 60.1).next_action_at is None
    assert replace(waiting, scanned_at=None).next_action_at is None


def test_the_next_batch_of_a_sequence_is_due_at_once() -> None:
    assert state_of(Phase.FIRING, next_scan_at=NOW + 20).next_action_at == 0.0


def test_a_new_scan_has_the_next_epoch() -> None:
    decision = decide(state_of(Phase.IDLE), events.Ticked(), NOW)
    assert decision.effects == (StartScan(epoch=8),)
    assert (decision.state.epoch, decision.state.next_scan_at) == (8, None)


def test_a_failed_scan_tells_cause_since_and_attempts() -> None:
    state = state_of(Phase.WAITING, scanning=True)
    first = decide(state, events.ScanFailed(epoch=7, cause="denied", jitter=0.5), NOW).state
    assert first == replace(state, scanning=False, degraded=first.degraded, next_scan_at=NOW + 5.0)
    again = decide(first, events.Ticked(), NOW + 10).state
    second = decide(again, events.ScanFailed(epoch=8, cause="expired", jitter=0.5), NOW + 12).state
    assert first.degraded is not None
    assert second.degraded is not None
    assert (first.degraded.cause, first.degraded.since, first.degraded.attempts) == ("denied", NOW, 1)
    assert (second.degraded.cause, second.degraded.since, second.degraded.attempts) == ("expired", NOW, 2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"debounce": 420.0}, "debounce 420.0: must be one of 300, 600, 3600, 86400 s"),
        ({"debounce": 600.0, "max_wait": 599.0}, "max_wait 599.0: must be at least the debounce interval, 600.0"),
        ({"debounce": 300.0, "batch_cap": 0}, "batch_cap 0: must be 1 to 10000"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused_when_it_is_built(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImportConfig(watch=WATCH, **values)
