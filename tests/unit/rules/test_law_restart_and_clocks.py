"""Sections 8, 9 and 11: restart, clocks, storage that does not answer."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from automation_engine.rules.engine import decide
from automation_engine.rules.events import ScanCompleted, ScanFailed, Ticked
from automation_engine.rules.model import Degraded, LedgerState, Phase, Trigger
from tests.unit.rules.world import START, World, configured, effect_names


def test_after_a_restart_scan_first() -> None:
    """Section 8: nothing fires on what an earlier process knew."""
    world = World()
    world.put("a.mp4")
    world.run(280)
    world.now += 5000.0
    scans = len(world.scans)
    world.restart()
    fired = world.run_until_fired()
    assert len(world.scans) > scans
    assert world.scans[-1].started_real >= 280.0
    assert fired.real == world.scans[-1].ends_real


def test_after_a_restart_an_overdue_longest_wait_waits_for_the_scan_too() -> None:
    """Section 8."""
    world = World(scan_seconds=10.0)
    world.put("a.mp4")
    while world.real < 890:
        world.run(10)
        world.put(f"{world.real}.mp4")
    world.restart()
    begun = world.real
    fired = world.run_until_fired()
    assert fired.real >= begun + 10.0


def test_an_overdue_window_fires_once() -> None:
    """Section 8."""
    world = World()
    world.put("a.mp4")
    world.run(200)
    world.now += 100_000.0
    world.restart()
    world.restart()
    world.run(10_000)
    assert len(world.fired) == 1


def test_a_restart_in_the_middle_of_a_sequence_loses_and_doubles_nothing() -> None:
    """Section 8 and 4."""
    world = World(config=configured(300.0, batch_cap=2))
    for at in range(5):
        world.put(f"{at}.mp4")
    world.run(299)
    world.state = replace(world.state, phase=Phase.FIRING, left_to_fire=5, ready=5, trigger=Trigger.QUIET)
    world.decide(Ticked())
    world.restart()
    world.run(3600)
    assert [len(fired.members) for fired in world.fired] == [2, 2, 1]
    assert len(set(world.imported())) == 5


def test_a_restart_while_paused_stays_paused() -> None:
    """Section 8 and 6."""
    world = World()
    world.pause()
    world.restart()
    world.run(3600)
    assert world.scans == []


@pytest.mark.parametrize("step", [-1.0, -100.0, -250.0, -400.0, -700.0, -899.0, -901.0, -3600.0, -1e9])
@pytest.mark.parametrize("debounce", [300.0, 600.0, 3600.0, 86_400.0])
def test_a_step_backward_caps_the_remaining_wait_at_d(step: float, debounce: float) -> None:
    """Section 9: from the first decision on."""
    world = World(config=configured(debounce))
    world.put("a.mp4")
    world.run(1)
    world.step_clock(step)
    world.tick()
    assert world.state.next_trigger_at is not None
    assert world.state.next_trigger_at - world.now <= debounce


@pytest.mark.parametrize("step", [-1.0, -100.0, -299.0, -400.0, -700.0, -899.0, -901.0, -3600.0, -1e9])
@pytest.mark.parametrize("debounce", [300.0, 600.0, 3600.0, 86_400.0])
def test_a_step_backward_delays_a_firing_by_no_more_than_the_longest_scan_interval(
    step: float, debounce: float
) -> None:
    """Section 9: the first decision is no further away, even where nobody noticed the step."""
    world = World(config=configured(debounce))
    world.put("a.mp4")
    world.run(60)
    world.step_clock(step)
    delay = min(-step, 300.0)
    assert debounce <= world.run_until_fired().real <= 60.0 + debounce + delay + 2.0


@pytest.mark.parametrize("step", [-100.0, -290.0, -600.0, -1_000_000.0])
def test_a_step_backward_does_not_stop_the_scans(step: float) -> None:
    """Section 9: the next scan is no later than a wait can be."""
    world = World()
    world.run(60)
    world.step_clock(step)
    scans = len(world.scans)
    world.run(301)
    assert len(world.scans) > scans


def test_a_step_backward_lets_a_settling_object_settle_anew() -> None:
    """Section 9 and 1: it counts from the first scan in the new time."""
    world = World(config=configured(3600.0))
    world.put("a.mp4")
    world.run(20)
    world.step_clock(-10_000.0)
    world.run(40)
    assert world.entry("a.mp4").first_seen_at <= world.now
    world.run(100)
    assert world.entry("a.mp4").state is LedgerState.READY


@pytest.mark.parametrize("step", [-100.0, -301.0, -600.0, -900.0, -10_000.0])
def test_a_step_backward_during_a_scan_does_not_make_it_cover_a_window_that_is_not_over(step: float) -> None:
    """Section 9 and 2: the scan's start, in the old time, lies behind the window's end in the new one."""
    world = World(config=configured(300.0, max_wait=86_400.0), scan_seconds=10.0)
    for at in range(6):
        world.put(f"{at}.mp4")
        world.run(200)
    world.run_until(lambda: world.listing is not None)
    world.step_clock(step)
    fired = world.run_until_fired()
    assert fired.real >= world.changed_real + 300.0


def test_a_step_forward_fires_only_after_one_fresh_complete_scan() -> None:
    """Section 9."""
    world = World(scan_seconds=5.0)
    world.put("a.mp4")
    world.run(100)
    world.step_clock(1_000_000.0)
    stepped = world.real
    fired = world.run_until_fired()
    covering = world.scans[-1]
    assert covering.started_real >= stepped
    assert fired.real == covering.ends_real


def test_a_step_forward_past_the_longest_wait_fires_only_after_one_fresh_complete_scan_either() -> None:
    """Section 9: knowledge that looks old is old."""
    world = World(scan_seconds=5.0)
    world.put("a.mp4")
    world.run(100)
    world.step_clock(1000.0)
    stepped = world.real
    world.decide(Ticked())
    assert world.fired == []
    assert world.run_until_fired().real > stepped


def test_a_poll_that_comes_late_fires_late_once() -> None:
    """Section 9."""
    world = World()
    world.put("a.mp4")
    world.run(290)
    world.now += 4000.0
    world.real += 4000.0
    world.run(3600)
    assert len(world.fired) == 1
    assert world.fired[0].real >= 4290.0


def test_unreachable_storage_is_degraded_with_the_cause_and_since_when() -> None:
    """Section 11."""
    world = World(reachable=False)
    world.run(1)
    assert world.state.degraded is not None
    assert (world.state.degraded.cause, world.state.degraded.since) == ("no answer", START)


def test_retries_against_unreachable_storage_are_never_more_than_15_minutes_apart() -> None:
    """Section 11."""
    world = World(reachable=False, jitter=0.999_999)
    tries = []
    for _ in range(12):
        world.run_until(lambda: world.listing is not None)
        tries.append(world.real)
        world.finish_scan()
    gaps = [after - before for before, after in pairwise(tries)]
    assert gaps == sorted(gaps)
    assert gaps[0] <= 10.0
    assert gaps[-1] == 900.0


@pytest.mark.parametrize("jitter", [0.0, 0.25, 0.9])
def test_retries_back_off_with_full_jitter(jitter: float) -> None:
    """Section 11: anywhere between at once and the whole backoff."""
    world = World()
    world.run(0)
    scanning = replace(world.state, scanning=True)
    failed = ScanFailed(epoch=scanning.epoch, cause="no answer", jitter=jitter)
    next_scan_at = decide(scanning, failed, world.now).state.next_scan_at
    assert next_scan_at == world.now + max(1.0, jitter * 10.0)


def test_no_timer_fires_on_stale_knowledge() -> None:
    """Section 11."""
    world = World()
    world.put("a.mp4")
    world.run(100)
    world.reachable = False
    world.run(86_400)
    assert world.fired == []
    world.reachable = True
    recovered = world.real
    fired = world.run_until_fired()
    assert fired.real >= recovered
    assert world.state.degraded is None


def test_no_timer_fires_while_degraded_even_on_knowledge_that_is_fresh() -> None:
    """Section 11: a deadline that passes between a failed scan and the next one."""
    world = World()
    world.put("a.mp4")
    world.run(100)
    degraded = Degraded(cause="no answer", since=world.now, attempts=1)
    due = replace(world.state, window_opened_at=world.now - 900.0, next_scan_at=world.now + 60.0)
    assert effect_names(decide(due, Ticked(), world.now).effects) == ["StartBatch"]
    assert decide(replace(due, degraded=degraded), Ticked(), world.now).effects == ()


def test_an_outage_is_not_silence_what_arrived_meanwhile_has_its_quiet_time() -> None:
    """Section 11 and 2."""
    world = World(config=configured(300.0, max_wait=86_400.0))
    world.put("a.mp4")
    world.run(100)
    world.reachable = False
    world.run(5000)
    world.put("b.mp4")
    world.reachable = True
    fired = world.run_until_fired()
    assert fired.real == world.entry("b.mp4").first_seen_real + 300.0
    assert fired.keys == ["in/a.mp4", "in/b.mp4"]


def test_a_complete_scan_ends_the_degradation_and_the_count_of_attempts() -> None:
    """Section 11."""
    world = World(reachable=False)
    world.run(600)
    world.reachable = True
    world.run(900)
    assert world.state.degraded is None
    world.reachable = False
    world.run_until(lambda: world.state.degraded is not None)
    assert world.state.degraded is not None
    assert world.state.degraded.attempts == 1


def test_what_an_older_scan_reports_never_moves_state_back() -> None:
    """Words and section 8: epochs grow."""
    world = World()
    world.put("a.mp4")
    world.run(100)
    before = world.state
    late = ScanCompleted(epoch=1, started_at=world.now, finished_at=world.now, changed=True, pending=world.pending())
    world.decide(late)
    world.decide(ScanFailed(epoch=1, cause="late", jitter=0.1))
    assert world.state == before
