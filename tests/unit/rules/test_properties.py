"""The laws as properties: whatever arrives, fails, is paused or set, they hold.

A ``World`` lives through random deeds. What it fired is judged by the world's own clock, which nobody sets, and by what
was in its storage: no rule is asked.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automation_engine.errors import IllegalTransition
from automation_engine.rules import events
from automation_engine.rules.debounce import Skip
from automation_engine.rules.effects import ImportEffect, StartScan
from automation_engine.rules.engine import decide
from automation_engine.rules.model import ExistingFiles, ImportMode, ImportState, LedgerState, Phase, Trigger
from tests.unit.rules.world import WATCH, Fired, World, configured

bounded = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SETTLED_BY = 2.0
"""Ticks come on whole seconds: one to start a scan, one to decide."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that happens in the world."""

    name: str
    do: Callable[[World], None]

    def __repr__(self) -> str:
        return self.name


def _deed(name: str, do: Callable[[World], Any]) -> Deed:
    return Deed(name, lambda world: (do(world), None)[1])


NAMES = ["a.mp4", "b.mp4", "c/d.mp4", "e.mp4.part", "f.mp4", "g.mp4"]
TWO_AIMS = [WATCH, replace(WATCH, file_pattern="*.mp4")]


def _remove(world: World, name: str) -> None:
    world.objects.pop(f"in/{name}", None)


arrivals = st.builds(
    lambda name, size: _deed(f"put({name!r}, {size})", lambda world: world.put(name, size)),
    st.sampled_from(NAMES),
    st.sampled_from([0, 1, 5, 100, 100, 100]),
)
removals = st.sampled_from(NAMES).map(lambda name: _deed(f"remove({name!r})", lambda world: _remove(world, name)))
passing = st.one_of(
    st.floats(0.5, 60.0),
    st.floats(60.0, 900.0),
    st.sampled_from([29.0, 30.0, 31.0, 200.0, 250.0, 280.0, 290.0, 296.0, 299.0, 300.0, 301.0, 3600.0]),
).map(lambda seconds: _deed(f"run({seconds})", lambda world: world.run(seconds)))
failures = st.floats(1.0, 200.0).map(
    lambda seconds: _deed(f"fail_for({seconds})", lambda world: world.fail_for(seconds))
)
pauses = st.sampled_from(
    [_deed("pause()", lambda world: world.pause())] + 2 * [_deed("resume()", lambda world: world.resume())]
)
puts = st.one_of(
    st.sampled_from([300.0, 600.0]).map(
        lambda d: _deed(f"configure(debounce={d})", lambda world: world.configure(debounce=d))
    ),
    st.sampled_from([True, True, False]).map(
        lambda on: _deed(f"configure(enabled={on})", lambda world: world.configure(enabled=on))
    ),
    st.sampled_from(TWO_AIMS).map(
        lambda watch: _deed(f"configure(watch={watch})", lambda world: world.configure(watch=watch))
    ),
)
INTERRUPTING = {"pause()", "configure(enabled=False)", *(f"configure(watch={watch})" for watch in TWO_AIMS)}
"""Deeds that can stop a sequence of batches half-way: what is left of it fires later."""
restarts = st.just(_deed("restart()", lambda world: world.restart()))
rescans = st.just(_deed("rescan()", lambda world: world.rescan()))
edges = st.floats(0.0, 20.0).map(lambda early: _deed(f"edge({early})", lambda world: world.edge(early)))
ticks = st.just(_deed("tick()", lambda world: world.tick()))
steps = st.one_of(st.floats(-5000.0, 5000.0), st.sampled_from([-1e6, -600.0, -300.0, -30.0, 300.0, 1e6])).map(
    lambda seconds: _deed(f"step_clock({seconds})", lambda world: world.step_clock(seconds))
)

usual = {arrivals: 6, passing: 8, rescans: 2, edges: 3, removals: 1}
unusual = {failures: 1, pauses: 1, puts: 1, restarts: 1, ticks: 1}


def _lives(weights: dict[st.SearchStrategy[Deed], int]) -> st.SearchStrategy[list[Deed]]:
    """Return lists of deeds; the weights say how often each kind comes."""
    kinds = [kind for kind, weight in weights.items() for _ in range(weight)]
    deeds = st.integers(0, len(kinds) - 1).flatmap(kinds.__getitem__)
    return st.lists(deeds, min_size=25, max_size=50)


calm = _lives(usual)
wild = _lives({**usual, **unusual})
mad = _lives({**usual, **unusual, steps: 2})
worlds = st.builds(
    lambda scan_seconds, cap, max_wait, mode: World(
        config=configured(300.0, batch_cap=cap, max_wait=max_wait), scan_seconds=scan_seconds, mode=mode
    ),
    st.sampled_from([0.0, 3.0, 45.0]),
    st.sampled_from([1, 2, 10_000]),
    st.sampled_from([None, 600.0, 3600.0]),
    st.sampled_from(list(ImportMode)),
)


SIDECARS = ["a.mp4.done", "b.done", "c/d.done", "f.mp4.done"]
optional_arrivals = st.sampled_from(SIDECARS).map(
    lambda name: _deed(f"put({name!r})", lambda world: world.put(name, 0))
)
optional_removals = st.sampled_from(SIDECARS).map(
    lambda name: _deed(f"remove({name!r})", lambda world: _remove(world, name))
)
OPTIONS = [
    WATCH,
    replace(WATCH, exclude_patterns=("b.*", "c/**")),
    replace(WATCH, done_file_pattern="*.done"),
    replace(WATCH, done_file_pattern="*.done", exclude_patterns=("f.*",)),
]
optional_puts = st.one_of(
    st.sampled_from(OPTIONS).map(
        lambda watch: _deed(f"configure(watch={watch})", lambda world: world.configure(watch=watch))
    ),
    st.sampled_from([None, 600.0, 3600.0]).map(
        lambda longest: _deed(f"configure(max_wait={longest})", lambda world: world.configure(max_wait=longest))
    ),
)
INTERRUPTING |= {f"configure(watch={watch})" for watch in OPTIONS}
optional = _lives({**usual, **unusual, steps: 1, optional_arrivals: 4, optional_removals: 1, optional_puts: 1})
optional_worlds = st.builds(
    lambda scan_seconds, watch, existing, mode: World(
        config=configured(300.0, watch=watch, existing_files=existing), scan_seconds=scan_seconds, mode=mode
    ),
    st.sampled_from([0.0, 3.0, 45.0]),
    st.sampled_from(OPTIONS),
    st.sampled_from(list(ExistingFiles)),
    st.sampled_from(list(ImportMode)),
)
every_life = st.one_of(st.tuples(worlds, mad), st.tuples(optional_worlds, optional))


def _live(world: World, deeds: list[Deed]) -> World:
    for deed in deeds:
        deed.do(world)
    return world


@bounded
@given(every_life)
def test_never_early(life: tuple[World, list[Deed]]) -> None:
    """A quiet firing comes no earlier than D after the last change, and a complete scan began after that.

    However the clock is set back. Where it was set forward, it looks later by that much, and no more.
    """
    world, deeds = life
    judged = 0
    for deed in deeds:
        deed.do(world)
        for fired in world.fired[judged:]:
            _judge_quiet(world, fired)
        judged = len(world.fired)


def _judge_quiet(world: World, fired: Fired) -> None:
    debounce = fired.before.config.debounce
    if fired.trigger is not Trigger.QUIET:
        return
    covering = max(scan.started_real + scan.forward for scan in world.scans if scan.ends_real <= fired.real)
    met = [entry for entry in world.ledger if entry.first_seen_real <= fired.real]
    changed = max(entry.first_seen_real + entry.first_seen_forward for entry in met)
    assert covering >= changed + debounce - 1e-6


@bounded
@given(st.one_of(st.tuples(worlds, wild), st.tuples(optional_worlds, optional)))
def test_every_member_was_seen_unchanged_in_two_complete_scans_30_s_apart(life: tuple[World, list[Deed]]) -> None:
    world, deeds = life
    _live(world, deeds)
    for fired in world.fired:
        for entry in fired.members:
            seen = [scan for scan in world.scans if scan.objects.get(entry.key, ("",))[0] == entry.version]
            assert any(
                later.started_real - earlier.ends_real >= 30.0 and later.ends_real <= fired.real
                for earlier in seen
                for later in seen
            )


@bounded
@given(every_life)
def test_an_identity_is_imported_at_most_once(life: tuple[World, list[Deed]]) -> None:
    world, deeds = life
    imported = _live(world, deeds).imported()
    assert len(imported) == len(set(imported))


@bounded
@given(every_life)
def test_under_new_only_a_key_is_imported_at_most_once(life: tuple[World, list[Deed]]) -> None:
    world, deeds = life
    world.mode = ImportMode.NEW_ONLY
    keys = [key for key, _ in _live(world, deeds).imported()]
    assert len(keys) == len(set(keys))


@bounded
@given(every_life)
def test_temporary_and_empty_objects_are_never_imported(life: tuple[World, list[Deed]]) -> None:
    world, deeds = life
    for fired in _live(world, deeds).fired:
        assert all(entry.size and not entry.key.endswith(".part") for entry in fired.members)


@bounded
@given(every_life)
def test_one_firing_per_window(life: tuple[World, list[Deed]]) -> None:
    """A firing takes all that is ready: the next one has nothing but members that became ready after it."""
    world, deeds = life
    began = -1.0
    judged = 0
    for deed in deeds:
        deed.do(world)
        if deed.name in INTERRUPTING:
            began = -1.0
        for fired in world.fired[judged:]:
            if fired.before.phase is not Phase.FIRING:
                assert all(entry.ready_real is not None and entry.ready_real > began for entry in fired.members)
                began = fired.real
        judged = len(world.fired)


@bounded
@given(every_life)
def test_batch_keys_are_never_used_twice_and_sequences_have_no_gaps(life: tuple[World, list[Deed]]) -> None:
    world, deeds = life
    _live(world, deeds)
    keys = [fired.key for fired in world.fired]
    assert len(keys) == len(set(keys))
    generations: dict[int, list[int]] = {}
    for fired in world.fired:
        generations.setdefault(fired.before.generation, []).append(fired.sequence)
    assert all(sequences == list(range(1, len(sequences) + 1)) for sequences in generations.values())


@bounded
@given(every_life)
def test_it_never_fires_and_never_scans_while_paused_disabled_or_degraded(life: tuple[World, list[Deed]]) -> None:
    world, deeds = life
    for deed in deeds:
        stopped = not world.state.config.active
        scans, fired = len(world.scans), len(world.fired)
        deed.do(world)
        if stopped and not world.state.config.active:
            assert (len(world.scans), len(world.fired), world.listing) == (scans, fired, None)
    assert all(fired.before.config.active for fired in world.fired)
    starting = [fired for fired in world.fired if fired.before.phase is not Phase.FIRING]
    assert all(fired.before.degraded is None or _just_scanned(world, fired) for fired in starting)


def _just_scanned(world: World, fired: Fired) -> bool:
    return any(scan.ends_real == fired.real for scan in world.scans)


@bounded
@given(worlds, calm)
def test_no_arrival_pattern_exceeds_max_wait(world: World, deeds: list[Deed]) -> None:
    """Each ready object fires by the end of the longest wait since it was first seen, or as soon as it is ready."""
    _live(world, deeds)
    longest = world.config.longest_wait
    late = SETTLED_BY + world.scan_seconds
    for fired in world.fired:
        for entry in fired.members:
            assert entry.ready_real is not None
            assert fired.real <= max(entry.first_seen_real + longest, entry.ready_real) + late
    for entry in world.ledger:
        if entry.state is LedgerState.READY:
            assert world.real <= entry.first_seen_real + longest + late


@bounded
@given(worlds, st.integers(1, 45), st.integers(30, 120), st.randoms(use_true_random=False))
def test_continuous_arrivals_never_exceed_max_wait(world: World, gap: int, count: int, chance: random.Random) -> None:
    for at in range(count):
        world.put(f"{at if chance.random() < 0.8 else 0}.mp4")
        world.run(chance.uniform(0.0, 2.0 * gap))
    for fired in world.fired:
        waited = max(fired.real - max(entry.first_seen_real, 0.0) for entry in fired.members)
        assert waited <= world.config.longest_wait + SETTLED_BY + world.scan_seconds


@bounded
@given(optional_worlds, optional)
def test_what_existed_when_a_generation_began_is_never_imported(world: World, deeds: list[Deed]) -> None:
    """Nor is anything else left out for that reason."""
    _live(world, deeds)
    existing = set().union(*world.surveys.values())
    skipped = {(entry.key, entry.version) for entry in world.ledger if entry.skip is Skip.EXISTING}
    if world.config.existing_files is ExistingFiles.SKIP:
        assert existing.isdisjoint(world.imported())
        assert skipped <= existing
    else:
        assert skipped == set()


@bounded
@given(optional_worlds, optional)
def test_no_member_lacks_its_sidecar_is_excluded_or_is_a_sidecar(world: World, deeds: list[Deed]) -> None:
    """Judged by the latest complete scan before the firing."""
    for fired in _live(world, deeds).fired:
        watch = fired.before.config.watch
        latest = [scan for scan in world.scans if scan.ends_real <= fired.real][-1]
        for key in fired.keys:
            if watch.done_file_pattern is not None:
                assert not key.endswith(".done")
                assert {f"{key}.done", f"{key.removesuffix('.mp4')}.done"} & latest.objects.keys()
            if watch.exclude_patterns:
                assert not key.startswith("in/f." if watch.done_file_pattern else ("in/b.", "in/c/"))


@bounded
@given(optional_worlds, optional)
def test_no_member_fires_before_it_was_declared_in_two_complete_scans_30_s_apart(
    world: World, deeds: list[Deed]
) -> None:
    for fired in _live(world, deeds).fired:
        if fired.before.config.watch.done_file_pattern is None:
            continue
        for entry in fired.members:
            names = {f"{entry.key}.done", f"{entry.key.removesuffix('.mp4')}.done"}
            declaring = [
                scan
                for scan in world.scans
                if scan.objects.get(entry.key, ("",))[0] == entry.version and names & scan.objects.keys()
            ]
            assert any(
                later.started_real - earlier.ends_real >= 30.0 and later.ends_real <= fired.real
                for earlier in declaring
                for later in declaring
            )


@bounded
@given(worlds, wild)
def test_whatever_happened_what_is_there_is_imported_in_the_end(world: World, deeds: list[Deed]) -> None:
    """At least once, while the storage answers and nobody stops it."""
    _live(world, deeds)
    world.reachable = True
    world.configure(enabled=True, paused=False, watch=WATCH)
    world.run(900.0 + 300.0 + world.config.longest_wait + 600.0)
    whole = {(key, version) for key, (version, size) in world.objects.items() if size and not key.endswith(".part")}
    if world.mode is ImportMode.ALL:
        assert whole <= set(world.imported())
    else:
        assert {key for key, _ in whole} <= {key for key, _ in world.imported()}


@bounded
@given(worlds, calm, st.integers())
def test_the_order_in_which_a_scan_meets_arrivals_is_irrelevant(world: World, deeds: list[Deed], seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - a shuffle, not a secret
    other = World(config=world.config, scan_seconds=world.scan_seconds, mode=world.mode, order=order)
    _live(world, deeds)
    _live(other, deeds)
    assert world.state == other.state
    assert _told(world) == _told(other)


def _told(world: World) -> list[Any]:
    return [(fired.at, fired.key, fired.trigger, fired.keys) for fired in world.fired]


@bounded
@given(worlds, wild, st.data())
def test_replaying_any_event_twice_changes_nothing(world: World, deeds: list[Deed], data: st.DataObject) -> None:
    """Time passing goes on with a sequence of batches, and starts a scan after a firing: everything else is still."""
    _live(world, deeds)
    event = data.draw(_events(world))
    first = _decided(world.state, event, world.now)
    if first is None:
        assert _decided(world.state, event, world.now) is None
        return
    again = _decided(first[0], event, world.now)
    assert again == (first[0], ())


@bounded
@given(worlds, wild)
def test_a_second_tick_at_the_same_instant_fires_nothing(world: World, deeds: list[Deed]) -> None:
    _live(world, deeds)
    world.tick()
    fired = len(world.fired)
    scans = [effect for effect in (*world.tick(), *world.tick()) if isinstance(effect, StartScan)]
    assert len(scans) <= 1
    assert len(world.fired) == fired


@bounded
@given(worlds, mad, st.data())
def test_a_pause_at_the_same_instant_ends_everything_before_or_after(
    world: World, deeds: list[Deed], data: st.DataObject
) -> None:
    """Whichever of the two comes first, the state is the same but for the counters, and nothing starts afterwards."""
    _live(world, deeds)
    event = data.draw(st.one_of(_events(world), st.just(events.Ticked())))
    before = _decided(world.state, event, world.now)
    paused_last = decide(world.state if before is None else before[0], events.Paused(), world.now).state
    paused_first = decide(world.state, events.Paused(), world.now).state
    after = _decided(paused_first, event, world.now) or (paused_first, ())
    if isinstance(event, events.Configured | events.Resumed):
        return
    assert after[1] == ()
    assert _uncounted(after[0]) == _uncounted(paused_last)
    assert after[0].phase is Phase.STOPPED


@bounded
@given(worlds, mad)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (events.RunRequested(), events.RescanRequested()),
        (events.Restarted(), events.RescanRequested()),
        (events.Restarted(), events.RunRequested()),
    ],
    ids=lambda event: type(event).__name__,
)
def test_the_order_of_simultaneous_events_is_irrelevant(
    one: events.ImportEvent, other: events.ImportEvent, world: World, deeds: list[Deed]
) -> None:
    _live(world, deeds)
    if not world.state.config.active:
        return
    forth = decide(decide(world.state, one, world.now).state, other, world.now)
    back = decide(decide(world.state, other, world.now).state, one, world.now)
    assert forth == back


def _events(world: World) -> st.SearchStrategy[events.ImportEvent]:
    """Everything that can happen next, but the passing of time."""
    epoch = world.state.epoch
    return st.one_of(
        st.sampled_from(
            [
                events.Paused(),
                events.Resumed(),
                events.Restarted(),
                events.RunRequested(),
                events.RescanRequested(),
                events.Configured(config=replace(world.state.config, debounce=600.0)),
                events.Configured(config=replace(world.state.config, watch=TWO_AIMS[1])),
                events.ScanFailed(epoch=epoch, cause="no answer", jitter=0.5),
            ]
        ),
        st.builds(
            events.ScanCompleted,
            epoch=st.sampled_from([epoch - 1, epoch]),
            started_at=st.just(world.now),
            finished_at=st.just(world.now),
            changed=st.booleans(),
            pending=st.just(world.pending()),
        ),
    )


def _decided(
    state: ImportState, event: events.ImportEvent, now: float
) -> tuple[ImportState, tuple[ImportEffect, ...]] | None:
    """Return the decision, or None where the table refuses."""
    try:
        decision = decide(state, event, now)
    except IllegalTransition:
        return None
    return decision.state, decision.effects


def _uncounted(state: ImportState) -> ImportState:
    return replace(state, epoch=0, sequence=0)
