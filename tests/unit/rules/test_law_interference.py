"""Sections 5 to 7: overwritten, renamed, paused, disabled, configured anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from automation_engine.rules.debounce import Hold
from automation_engine.rules.effects import StartBatch
from automation_engine.rules.engine import create_import, decide
from automation_engine.rules.events import Configured, Paused, RunRequested, Ticked
from automation_engine.rules.model import ImportMode, LedgerState, Phase, Trigger
from tests.unit.rules.world import START, WATCH, World, configured, effect_names

GONE, SETTLING, SKIPPED, CLAIMED = (
    LedgerState.GONE,
    LedgerState.SETTLING,
    LedgerState.SKIPPED,
    LedgerState.CLAIMED,
)


def test_overwritten_while_waiting_settle_and_quiet_start_again() -> None:
    """Section 5."""
    world = World()
    world.put("a.mp4")
    world.run(250)
    world.put("a.mp4")
    fired = world.run_until_fired()
    assert fired.real == world.entry("a.mp4").first_seen_real + 300.0
    assert world.imported() == [("in/a.mp4", "v2")]


def test_overwritten_while_waiting_the_old_identity_is_superseded() -> None:
    """Section 5."""
    world = World()
    world.put("a.mp4")
    world.run(100)
    world.put("a.mp4")
    world.run(30)
    assert world.entry("a.mp4", "v1").state is GONE
    assert world.entry("a.mp4", "v2").state is SETTLING


def test_overwritten_while_being_imported_it_goes_back_to_settle() -> None:
    """Section 5: the claim pins the version; the mismatch sends it back, and the new identity settles."""
    world = World(imports_at_once=False)
    world.put("a.mp4")
    world.run_until_fired()
    world.put("a.mp4")
    world.resolve("a.mp4", GONE)
    assert world.state.next_scan_at == world.now
    fired = world.run_until_fired()
    assert fired.members[0].version == "v2"
    assert fired.real >= world.entry("a.mp4").first_seen_real + 300.0


def test_renamed_is_a_new_key() -> None:
    """Section 5."""
    world = World()
    world.put("a.mp4")
    world.run(100)
    world.objects["in/b.mp4"] = world.objects.pop("in/a.mp4")
    world.run(30)
    assert world.entry("a.mp4").state is GONE
    fired = world.run_until_fired()
    assert fired.keys == ["in/b.mp4"]
    assert fired.real == world.entry("b.mp4").first_seen_real + 300.0


def test_import_mode_all_imports_every_new_identity() -> None:
    """Section 5."""
    world = World()
    world.put("a.mp4")
    world.run_until_fired()
    world.put("a.mp4")
    world.run_until_fired()
    assert world.imported() == [("in/a.mp4", "v1"), ("in/a.mp4", "v2")]


def test_import_mode_new_only_imports_only_the_first_version_of_a_key() -> None:
    """Section 5."""
    world = World(mode=ImportMode.NEW_ONLY)
    world.put("a.mp4")
    world.run_until_fired()
    world.put("a.mp4")
    world.put("b.mp4")
    world.run(3600)
    assert world.imported() == [("in/a.mp4", "v1"), ("in/b.mp4", "v3")]
    assert world.entry("a.mp4").state is SKIPPED


def test_under_new_only_a_version_that_was_superseded_before_its_import_does_not_count() -> None:
    """Section 5: the first version that there is to import is the one that is whole."""
    world = World(mode=ImportMode.NEW_ONLY)
    world.put("a.mp4")
    world.run(60)
    world.put("a.mp4")
    world.run_until_fired()
    assert world.imported() == [("in/a.mp4", "v2")]


@pytest.mark.parametrize(
    ("end", "second"), [(LedgerState.IMPORTED, SKIPPED), (LedgerState.FAILED, SKIPPED), (GONE, CLAIMED)]
)
def test_under_new_only_a_second_version_waits_for_how_the_import_of_the_first_ends(
    end: LedgerState, second: LedgerState
) -> None:
    """Section 5."""
    world = World(mode=ImportMode.NEW_ONLY, imports_at_once=False)
    world.put("a.mp4")
    world.run_until_fired()
    world.put("a.mp4")
    world.run(2000)
    assert world.entry("a.mp4").hold is Hold.PREDECESSOR
    world.resolve("a.mp4", end)
    world.run(2000)
    assert world.entry("a.mp4", "v2").state is second


def test_an_unchanged_identity_is_never_imported_twice() -> None:
    """Section 5."""
    world = World()
    world.put("a.mp4")
    world.run(86_400)
    world.pause()
    world.resume()
    world.configure(watch=replace(WATCH, file_pattern="*.mp4"))
    world.restart()
    world.run(86_400)
    assert world.imported() == [("in/a.mp4", "v1")]


def test_paused_there_are_no_storage_calls_and_no_firing() -> None:
    """Section 6."""
    world = World()
    world.put("a.mp4")
    world.run(200)
    scans = len(world.scans)
    world.pause()
    world.run(86_400)
    assert (len(world.scans), world.fired, world.listing) == (scans, [], None)
    assert world.state.next_action_at is None


def test_paused_during_a_scan_calls_it_off_and_its_result_is_ignored() -> None:
    """Section 6."""
    world = World(scan_seconds=20.0)
    world.put("a.mp4")
    world.run(10)
    assert world.state.scanning
    world.pause()
    assert (world.listing, world.state.scanning) == (None, False)


def test_paused_running_jobs_finish() -> None:
    """Section 6: what is claimed stays claimed, and its end is taken in."""
    world = World(imports_at_once=False)
    world.put("a.mp4")
    world.run_until_fired()
    world.pause()
    assert world.entry("a.mp4").state is CLAIMED


def test_paused_the_open_window_is_discarded_and_the_ledger_kept() -> None:
    """Section 6."""
    world = World()
    world.put("a.mp4")
    world.run(200)
    ledger = list(world.ledger)
    world.pause()
    state = world.state
    assert (state.window_opened_at, state.last_change_at, state.next_trigger_at, state.ready) == (None, None, None, 0)
    assert world.ledger == ledger


def test_resumed_a_fresh_scan_and_a_full_new_d() -> None:
    """Section 6: nothing fires by surprise."""
    world = World()
    world.put("a.mp4")
    world.run(290)
    world.pause()
    world.run(5000)
    world.resume()
    assert (world.state.phase, world.state.next_scan_at) == (Phase.STARTING, world.now)
    scans = len(world.scans)
    fired = world.run_until_fired()
    assert fired.real == world.scans[scans].ends_real + 300.0
    assert fired.trigger is Trigger.QUIET


def test_resumed_the_longest_wait_begins_anew_too() -> None:
    """Section 6: the window was discarded."""
    world = World()
    world.put("a.mp4")
    world.run(290)
    world.pause()
    world.run(5000)
    world.resume()
    resumed = world.real
    while not world.fired:
        world.put(f"{world.real}.mp4")
        world.run(10)
    assert world.fired[0].real >= resumed + 900.0


def test_the_backlog_is_one_capped_batch_sequence() -> None:
    """Section 6."""
    world = World(config=configured(300.0, batch_cap=10))
    world.run(60)
    world.pause()
    for at in range(25):
        world.put(f"{at:02}.mp4")
        world.run(500)
    world.resume()
    world.run(3600)
    assert [len(fired.members) for fired in world.fired] == [10, 10, 5]
    assert len({fired.real for fired in world.fired}) == 1


def test_pausing_what_is_paused_and_resuming_what_runs_succeed_and_change_nothing() -> None:
    """Section 6."""
    world = World()
    world.put("a.mp4")
    world.run(200)
    running = world.state
    world.resume()
    assert world.state == running
    world.pause()
    paused = world.state
    world.run(10)
    world.pause()
    assert world.state == paused


def test_disabled_stops_in_the_same_way_and_shows_no_next_firing() -> None:
    """Section 6."""
    world = World(scan_seconds=5.0)
    world.put("a.mp4")
    world.run(207)
    world.configure(enabled=False)
    assert (world.state.phase, world.state.next_trigger_at, world.state.next_action_at) == (Phase.STOPPED, None, None)
    scans = len(world.scans)
    world.run(86_400)
    assert (len(world.scans), world.fired) == (scans, [])


def test_enabled_again_a_fresh_scan_and_a_full_new_d() -> None:
    """Section 6: in the same way."""
    world = World()
    world.put("a.mp4")
    world.run(290)
    world.configure(enabled=False)
    world.run(5000)
    world.configure(enabled=True)
    enabled = world.real
    assert world.run_until_fired().real >= enabled + 300.0


def test_once_a_pause_has_answered_no_new_job_starts() -> None:
    """Section 6: at the very instant that the window ends, and between two batches of a sequence."""
    world = World(config=configured(300.0, batch_cap=1))
    world.put("a.mp4")
    world.put("b.mp4")
    world.run(299)
    world.pause()
    for _ in range(5):
        assert world.decide(Ticked()) == ()
    firing = replace(world.state, phase=Phase.FIRING, config=world.config, ready=2, left_to_fire=2)
    first = decide(firing, Ticked(), world.now)
    assert effect_names(first.effects) == ["StartBatch"]
    paused = decide(first.state, Paused(), world.now).state
    assert decide(paused, Ticked(), world.now).effects == ()


@pytest.mark.parametrize("paused_first", [True, False])
def test_pause_and_fire_are_serialised(paused_first: bool) -> None:  # noqa: FBT001 - the two orders
    """Section 6: whichever comes first is whole; after the pause there is no firing."""
    world = World(config=configured(300.0))
    world.put("a.mp4")
    world.run(60)
    due = replace(world.state, window_opened_at=world.now - 900.0)
    order: list[Paused | Ticked] = [Paused(), Ticked()] if paused_first else [Ticked(), Paused()]
    state, started = due, []
    for event in order:
        decision = decide(state, event, world.now)
        state = decision.state
        started += [effect for effect in decision.effects if isinstance(effect, StartBatch)]
    assert state.phase is Phase.STOPPED
    assert len(started) == (0 if paused_first else 1)


def test_paused_may_be_set_while_enabled_is_false_and_survives_it() -> None:
    """Section 6."""
    world = World(config=configured(300.0, enabled=False))
    world.pause()
    assert world.state.config.paused
    world.configure(enabled=True)
    assert (world.state.phase, world.state.config.paused) == (Phase.STOPPED, True)
    world.resume()
    assert world.state.phase is Phase.STARTING


@pytest.mark.parametrize(("enabled", "paused"), [(True, True), (False, False), (False, True)])
def test_an_automation_that_is_created_inactive_is_stopped(enabled: bool, paused: bool) -> None:  # noqa: FBT001 - flags
    """Section 6."""
    created = create_import("auto_1", configured(300.0, enabled=enabled, paused=paused), START)
    assert (created.state.phase, created.effects) == (Phase.STOPPED, ())


def test_an_identical_body_changes_nothing_the_timer_runs_on() -> None:
    """Section 7."""
    world = World()
    world.put("a.mp4")
    world.run(200)
    before = world.state
    world.configure()
    assert world.state == before
    assert world.run_until_fired().real == 300.0


@pytest.mark.parametrize(("old", "new", "at"), [(300.0, 600.0, 600.0), (600.0, 300.0, 300.0), (3600.0, 300.0, 300.0)])
def test_a_changed_d_recomputes_the_due_time_from_the_same_last_change(old: float, new: float, at: float) -> None:
    """Section 7."""
    world = World(config=configured(old))
    world.put("a.mp4")
    world.run(100)
    world.configure(debounce=new)
    assert world.state.next_trigger_at == START + at
    assert world.run_until_fired().real == at


def test_a_shorter_d_brings_the_next_scan_forward_and_a_longer_one_never_puts_it_off() -> None:
    """Section 7; words: scan interval."""
    world = World(config=configured(3600.0))
    world.run(10)
    world.configure(debounce=300.0)
    assert world.state.next_scan_at == world.now + 30.0
    world.configure(debounce=3600.0)
    assert world.state.next_scan_at == world.now + 30.0


def test_a_shorter_d_that_is_over_already_fires_after_one_complete_scan() -> None:
    """Section 7 and 2."""
    world = World(config=configured(3600.0))
    world.put("a.mp4")
    world.run(1000)
    world.configure(debounce=300.0)
    fired = world.run_until_fired()
    assert 1000.0 <= fired.real <= 1001.0
    assert world.scans[-1].started_real >= 1000.0


@pytest.mark.parametrize(
    "changes",
    [{"connector_id": "conn_2"}, {"source_prefix": "other"}, {"file_pattern": "*.mp4"}, {"recursive": False}],
    ids=["connector", "prefix", "pattern", "recursive flag"],
)
def test_a_changed_aim_starts_a_new_generation(changes: dict[str, Any]) -> None:
    """Section 7: the ledger stays, the window starts afresh."""
    world = World()
    world.put("a.mp4")
    world.run(200)
    ledger = list(world.ledger)
    world.configure(watch=replace(WATCH, **changes))
    assert (world.state.generation, world.state.sequence, world.state.phase) == (2, 0, Phase.STARTING)
    assert world.ledger == ledger
    assert world.run_until_fired().real == 500.0
    assert world.fired[0].key == "auto:auto_1:2:1"


@pytest.mark.parametrize("changes", [{"debounce": 600.0}, {"max_wait": 400.0}, {"batch_cap": 5}, {"enabled": False}])
def test_another_change_stays_in_the_generation(changes: dict[str, Any]) -> None:
    """Section 7."""
    world = World()
    world.configure(**changes)
    assert world.state.generation == 1


def test_a_changed_aim_while_paused_starts_a_new_generation_that_waits_for_the_resume() -> None:
    """Section 7 and 6."""
    world = World()
    world.pause()
    world.configure(watch=replace(WATCH, source_prefix="other"))
    assert (world.state.generation, world.state.phase) == (2, Phase.STOPPED)


def test_a_changed_aim_forgets_a_request_to_run_now() -> None:
    """Section 7: it was meant for what was watched then."""
    world = World()
    world.decide(RunRequested())
    world.decide(Configured(config=configured(300.0, watch=replace(WATCH, file_pattern="*.mov"))))
    assert not world.state.run_requested
