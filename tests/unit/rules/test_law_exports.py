"""Section 12: export automations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation_engine.rules.effects import QueueRun, StartExport, StartQueuedExports
from automation_engine.rules.engine import decide
from automation_engine.rules.events import (
    ExportConfigured,
    ExportEvent,
    Paused,
    RescanRequested,
    Resumed,
    RunFinished,
    Ticked,
)
from automation_engine.rules.model import ExportState

NOW = 1_000_000.0
ACTIVE = ExportState(automation_id="auto_2", destination_connector_id="conn_9", destination_subpath="out")


def _put(state: ExportState, **changes: object) -> ExportConfigured:
    values = {
        name: getattr(state, name) for name in ("destination_connector_id", "destination_subpath", "enabled", "paused")
    }
    return ExportConfigured(**{**values, **changes})


def test_it_fires_when_a_prompt_run_of_its_index_ends() -> None:
    """Section 12."""
    decision = decide(ACTIVE, RunFinished(run_id="run_1"), NOW)
    assert decision.effects == (StartExport(run_id="run_1", generation=1),)
    assert decision.state == ACTIVE


def test_once_per_run_and_automation_generation() -> None:
    """Section 12: the effect names both, and the same event again has the same effect."""
    first = decide(ACTIVE, RunFinished(run_id="run_1"), NOW)
    again = decide(first.state, RunFinished(run_id="run_1"), NOW + 5)
    assert first == again


@pytest.mark.parametrize("stopped", [replace(ACTIVE, paused=True), replace(ACTIVE, enabled=False)])
def test_paused_the_runs_queue_up(stopped: ExportState) -> None:
    """Section 12; and 6: enabled false stops in the same way."""
    decision = decide(stopped, RunFinished(run_id="run_1"), NOW)
    assert decision.effects == (QueueRun(run_id="run_1"),)
    assert decision.state == stopped


def test_they_are_delivered_on_resume() -> None:
    """Section 12."""
    decision = decide(replace(ACTIVE, paused=True), Resumed(), NOW)
    assert decision.effects == (StartQueuedExports(generation=1),)
    assert decision.state == ACTIVE


def test_they_are_delivered_when_it_is_enabled_again() -> None:
    """Section 12 and 6."""
    disabled = replace(ACTIVE, enabled=False)
    decision = decide(disabled, _put(disabled, enabled=True), NOW)
    assert decision.effects == (StartQueuedExports(generation=1),)


def test_they_are_not_delivered_by_a_resume_while_it_is_disabled() -> None:
    """Section 12 and 6."""
    disabled = replace(ACTIVE, enabled=False, paused=True)
    decision = decide(disabled, Resumed(), NOW)
    assert (decision.state.active, decision.effects) == (False, ())


@pytest.mark.parametrize("event", [Ticked(), Paused()])
def test_nothing_is_delivered_while_it_is_paused(event: ExportEvent) -> None:
    """Section 12."""
    assert decide(replace(ACTIVE, paused=True), event, NOW).effects == ()


def test_the_tick_delivers_what_waits() -> None:
    """Section 12: a delivery that a crash left behind."""
    decision = decide(ACTIVE, Ticked(), NOW)
    assert decision.effects == (StartQueuedExports(generation=1),)
    assert decision.state == ACTIVE


def test_a_pause_stops_it_and_changes_nothing_else() -> None:
    """Section 6 and 12."""
    assert decide(ACTIVE, Paused(), NOW).state == replace(ACTIVE, paused=True)


def test_pausing_what_is_paused_and_resuming_what_runs_change_nothing() -> None:
    """Section 6."""
    paused = decide(ACTIVE, Paused(), NOW).state
    assert decide(paused, Paused(), NOW).state == paused
    assert decide(ACTIVE, Resumed(), NOW).state == ACTIVE


@pytest.mark.parametrize("changes", [{"destination_connector_id": "conn_8"}, {"destination_subpath": "elsewhere"}])
def test_another_destination_is_another_generation(changes: dict[str, object]) -> None:
    """Section 12 and 7."""
    assert decide(ACTIVE, _put(ACTIVE, **changes), NOW).state == replace(ACTIVE, generation=2, **changes)  # type: ignore[arg-type]  # a test names the fields


@pytest.mark.parametrize("changes", [{}, {"paused": True}, {"enabled": False}])
def test_the_same_destination_is_the_same_generation(changes: dict[str, object]) -> None:
    """Section 7: an identical body changes nothing."""
    assert decide(ACTIVE, _put(ACTIVE, **changes), NOW).state == replace(ACTIVE, **changes)  # type: ignore[arg-type]  # a test names the fields


def test_an_export_automation_knows_no_events_of_imports() -> None:
    """The table has no such transition: that is a fault of the caller."""
    with pytest.raises(TypeError, match="RescanRequested"):
        decide(ACTIVE, RescanRequested(), NOW)  # type: ignore[call-overload]  # that is what is tested
