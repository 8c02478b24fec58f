"""Sections 2 to 4: quiet, the longest wait, one firing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation_engine.rules.debounce import due_trigger, next_scan_at
from automation_engine.rules.effects import StartBatch
from automation_engine.rules.engine import decide
from automation_engine.rules.events import Pending, RunRequested, ScanCompleted, Ticked
from automation_engine.rules.lifecycle import batch_key
from automation_engine.rules.model import ImportState, LedgerState, Phase, Trigger
from tests.unit.rules.world import World, configured

NOW = 1_000_000.0


def _waiting(**values: object) -> ImportState:
    state = ImportState(
        automation_id="auto_1",
        config=configured(300.0),
        phase=Phase.WAITING,
        epoch=5,
        scanned_at=NOW,
        floor_at=NOW - 5000,
        last_change_at=NOW,
        window_opened_at=NOW - 100,
        ready=1,
    )
    return replace(state, **values)  # type: ignore[arg-type]  # a test names the fields


@pytest.mark.parametrize("debounce", [300.0, 600.0, 3600.0, 86_400.0])
def test_the_batch_fires_at_last_change_plus_d(debounce: float) -> None:
    """Section 2."""
    world = World(config=configured(debounce))
    world.run(1000)
    world.put("a.mp4")
    fired = world.run_until_fired()
    assert fired.trigger is Trigger.QUIET
    assert fired.real == world.changed_real + debounce


def test_last_change_is_when_the_engine_last_observed_a_new_or_changed_matching_object() -> None:
    """Section 2: observed, by a scan; not when somebody wrote it."""
    world = World()
    world.put("a.mp4")
    world.run(200)
    world.put("b.mp4")
    world.run(15)
    world.put("b.mp4")
    fired = world.run_until_fired()
    observed = next(scan.ends_real for scan in world.scans if scan.objects.get("in/b.mp4") == ("v3", 100))
    assert observed > 215.0
    assert fired.real == observed + 300.0
    assert fired.keys == ["in/a.mp4", "in/b.mp4"]


def test_each_change_starts_the_quiet_time_again() -> None:
    """Section 2."""
    world = World()
    for name in ("a", "b", "c"):
        world.put(f"{name}.mp4")
        world.run(250)
    assert world.fired == []


def test_a_deletion_is_not_a_change() -> None:
    """Section 2: neither new nor changed."""
    world = World()
    world.put("a.mp4")
    world.put("b.mp4")
    world.run(200)
    world.remove("b.mp4")
    fired = world.run_until_fired()
    assert (fired.real, fired.keys) == (300.0, ["in/a.mp4"])


@pytest.mark.parametrize(("started", "trigger"), [(299.9, None), (300.0, Trigger.QUIET), (400.0, Trigger.QUIET)])
def test_quiet_fires_only_if_a_complete_scan_has_covered_the_end_of_the_window(
    started: float, trigger: Trigger | None
) -> None:
    """Section 2: one that started after it."""
    assert due_trigger(_waiting(), NOW + 500, scan_started_at=NOW + started) is trigger


def test_a_scan_that_began_before_the_end_of_the_window_does_not_cover_it() -> None:
    """Section 2: seen with scans that take long."""
    world = World(scan_seconds=50.0)
    world.put("a.mp4")
    fired = world.run_until_fired()
    assert world.scans[-1].started_real >= world.changed_real + 300.0
    assert fired.real == world.scans[-1].ends_real


def test_time_alone_never_ends_a_quiet_window() -> None:
    """Section 2: quiet needs a scan."""
    state = _waiting(next_scan_at=NOW + 320, scanned_at=NOW + 300)
    assert decide(state, Ticked(), NOW + 301).effects == ()


def test_nothing_ready_nothing_fires() -> None:
    """Section 2 and 3: with what is ready."""
    state = _waiting(ready=0, settling=3)
    assert due_trigger(state, NOW + 9999, scan_started_at=NOW + 9999) is None


def test_under_continuous_arrivals_the_batch_fires_no_later_than_first_unfired_seen_plus_max_wait() -> None:
    """Section 3."""
    world = World()
    while not world.fired:
        world.put(f"{world.real:06.0f}.mp4")
        world.run(10)
        assert world.real < 1000
    assert world.fired[0].trigger is Trigger.MAX_WAIT
    assert world.fired[0].real == 900.0


def test_the_last_arrival_never_postpones_the_longest_wait_further() -> None:
    """Section 3."""
    world = World()
    world.put("a.mp4")
    for at in (290, 290, 290, 29):
        world.run(at)
        world.put(f"{world.real}.mp4")
    fired = world.run_until_fired()
    assert (fired.real, fired.trigger) == (900.0, Trigger.MAX_WAIT)


def test_the_longest_wait_fires_with_what_is_ready_then() -> None:
    """Section 3."""
    world = World()
    for second in range(89):
        world.put(f"{second:02}.mp4")
        world.run(10)
    world.put("late.mp4")
    fired = world.run_until_fired()
    assert "in/late.mp4" not in fired.keys
    assert all(entry.ready_real is not None and entry.ready_real <= 900.0 for entry in fired.members)
    assert world.run_until_fired().keys[-1] == "in/late.mp4"


def test_max_wait_can_be_chosen() -> None:
    """Section 3: the default is only a default."""
    world = World(config=configured(300.0, max_wait=300.0))
    while not world.fired:
        world.put(f"{world.real:06.0f}.mp4")
        world.run(10)
    assert world.fired[0].real == 300.0


def test_a_scan_is_brought_forward_to_the_end_of_the_longest_wait() -> None:
    """Section 3: what is ready then is known then."""
    state = _waiting(config=configured(3600.0, max_wait=3600.0), window_opened_at=NOW - 3500)
    assert next_scan_at(state, NOW, scan_started_at=NOW) == NOW + 100


def test_the_longest_wait_counts_anew_after_a_firing() -> None:
    """Section 3: first *unfired* seen."""
    world = World()
    while len(world.fired) < 3:
        world.put(f"{world.real:06.0f}.mp4")
        world.run(10)
    for fired in world.fired:
        oldest = min(entry.first_seen_real for entry in fired.members)
        assert fired.real == oldest + 900.0


def test_the_longest_wait_does_not_fire_on_stale_knowledge() -> None:
    """Section 3 and 9: a scan that is older than a scan interval and a settling time is stale."""
    state = _waiting(window_opened_at=NOW - 900, scanned_at=NOW - 61)
    assert due_trigger(state, NOW, scan_started_at=None) is None
    assert due_trigger(replace(state, scanned_at=NOW - 60), NOW, scan_started_at=None) is Trigger.MAX_WAIT


def test_one_firing_carries_all_ready_members_in_key_order() -> None:
    """Section 4."""
    world = World()
    for name in ("c.mp4", "a.mp4", "b/z.mp4", "b.mp4"):
        world.put(name)
    fired = world.run_until_fired()
    assert fired.keys == ["in/a.mp4", "in/b.mp4", "in/b/z.mp4", "in/c.mp4"]
    assert len(world.fired) == 1
    assert all(entry.state is LedgerState.IMPORTED for entry in world.ledger)


def test_above_the_batch_cap_one_firing_is_a_sequence_of_batches() -> None:
    """Section 4."""
    world = World(config=configured(300.0, batch_cap=3))
    for at in range(8):
        world.put(f"{at}.mp4")
    world.run(3600)
    assert [len(fired.members) for fired in world.fired] == [3, 3, 2]
    assert {fired.real for fired in world.fired} == {300.0}
    assert [key for fired in world.fired for key in fired.keys] == [f"in/{at}.mp4" for at in range(8)]
    assert {fired.trigger for fired in world.fired} == {Trigger.QUIET}


def test_the_batch_cap_is_10000_objects_unless_said_otherwise() -> None:
    """Section 4: the default."""
    assert configured(300.0).batch_cap == 10_000


def test_exactly_a_full_batch_is_one_batch() -> None:
    """Section 4."""
    world = World(config=configured(300.0, batch_cap=3))
    for at in range(3):
        world.put(f"{at}.mp4")
    world.run(3600)
    assert [len(fired.members) for fired in world.fired] == [3]


def test_what_becomes_ready_during_a_sequence_joins_a_later_firing() -> None:
    """Section 4: one firing carries what was ready when it fired."""
    state = _waiting(phase=Phase.FIRING, ready=4, left_to_fire=4, scanning=True, trigger=Trigger.QUIET)
    state = replace(state, config=configured(300.0, batch_cap=3))
    pending = Pending(ready=6, oldest_at=NOW)
    scan = ScanCompleted(epoch=5, started_at=NOW + 1, finished_at=NOW + 1, changed=True, pending=pending)
    during = decide(state, scan, NOW + 1)
    assert (during.state.phase, during.effects) == (Phase.FIRING, ())
    first = decide(during.state, Ticked(), NOW + 2)
    last = decide(first.state, Ticked(), NOW + 2)
    limits = [effect.limit for effect in (*first.effects, *last.effects) if isinstance(effect, StartBatch)]
    assert limits == [3, 1]
    assert (last.state.phase, last.state.ready) == (Phase.WAITING, 2)


def test_a_batch_key_is_deterministic() -> None:
    """Section 4: auto:{automation}:{generation}:{sequence}."""
    assert batch_key("auto_1", 2, 7) == "auto:auto_1:2:7"


def test_batch_keys_count_up_and_are_never_used_twice() -> None:
    """Section 4: firing twice is impossible."""
    world = World(config=configured(300.0, batch_cap=2))
    for at in range(5):
        world.put(f"{at}.mp4")
    world.run(1000)
    world.configure(debounce=600.0)
    world.put("more.mp4")
    world.run(1000)
    world.configure(watch=replace(world.config.watch, source_prefix="in/"))
    world.put("most.mp4")
    world.run(2000)
    keys = [fired.key for fired in world.fired]
    assert keys == ["auto:auto_1:1:1", "auto:auto_1:1:2", "auto:auto_1:1:3", "auto:auto_1:1:4", "auto:auto_1:2:1"]


def test_run_now_fires_what_is_settled_after_one_complete_scan() -> None:
    """Section 2 to 4: somebody asked; settle is still kept."""
    world = World()
    world.put("a.mp4")
    world.run(60)
    world.decide(RunRequested())
    fired = world.run_until_fired()
    assert (fired.trigger, fired.real) == (Trigger.MANUAL, 61.0)


def test_run_now_waits_for_the_first_object_to_settle_and_fires_once() -> None:
    """Section 1: settle is kept."""
    world = World()
    world.put("a.mp4")
    world.decide(RunRequested())
    fired = world.run_until_fired()
    assert (fired.trigger, fired.real) == (Trigger.MANUAL, 30.0)
    world.put("b.mp4")
    assert world.run_until_fired().trigger is Trigger.QUIET


def test_run_now_with_nothing_to_import_is_forgotten() -> None:
    """Nothing fires by surprise."""
    world = World()
    world.run(10)
    world.decide(RunRequested())
    world.run(60)
    world.put("a.mp4")
    assert world.run_until_fired().trigger is Trigger.QUIET
