"""The optional fields of an import automation: what each of them promises, and that its default changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from automation_engine.errors import InvalidArgument
from automation_engine.rules import events
from automation_engine.rules.debounce import Hold, Skip, admit
from automation_engine.rules.engine import decide
from automation_engine.rules.fuse import blown
from automation_engine.rules.model import (
    BATCH_CAP,
    ExistingFiles,
    Fuse,
    ImportConfig,
    ImportMode,
    LedgerState,
    Phase,
    Trigger,
    Watch,
    amended,
)
from automation_engine.rules.selection import compile_selection
from automation_engine.rules.sidecars import compile_sidecar
from tests.unit.rules.world import WATCH, World, configured

DONE = replace(WATCH, done_file_pattern="*.done")
MARKED = replace(WATCH, done_file_pattern="_SUCCESS")
SKIPPING = configured(300.0, existing_files=ExistingFiles.SKIP)


def _watch(**values: Any) -> World:
    return World(config=configured(300.0, watch=replace(WATCH, **values)))


# exclude_patterns


def test_what_an_exclude_pattern_matches_is_not_watched() -> None:
    world = _watch(exclude_patterns=("proxies/**", "*_low.*"))
    for path in ("a.mp4", "a_low.mp4", "proxies/b.mp4", "sub/proxies/c.mp4"):
        world.put(path)
    assert world.run_until_fired().keys == ["in/a.mp4", "in/sub/proxies/c.mp4"]
    assert [entry.key for entry in world.ledger] == ["in/a.mp4", "in/sub/proxies/c.mp4"]


def test_what_is_excluded_opens_no_window() -> None:
    world = _watch(exclude_patterns=("*.txt",))
    world.put("a.txt")
    world.run(1000)
    assert (world.state.phase, world.state.last_change_at) == (Phase.IDLE, world.state.floor_at)


def test_changed_exclude_patterns_start_a_new_generation() -> None:
    world = World()
    world.put("a.mp4")
    world.run(60)
    world.configure(watch=replace(WATCH, exclude_patterns=("*.txt",)))
    assert (world.state.generation, world.state.phase) == (2, Phase.STARTING)


def test_identical_exclude_patterns_change_nothing() -> None:
    world = _watch(exclude_patterns=("*.txt",))
    world.run(60)
    before = world.state
    world.configure(watch=replace(WATCH, exclude_patterns=("*.txt",)))
    assert world.state == before


def test_an_object_that_waits_and_is_excluded_is_gone_from_the_window() -> None:
    world = World()
    world.put("a.mp4")
    world.put("a.txt")
    world.run(60)
    world.configure(watch=replace(WATCH, exclude_patterns=("*.txt",)))
    assert world.run_until_fired().keys == ["in/a.mp4"]
    assert world.entry("a.txt").state is LedgerState.GONE


def test_a_malformed_exclude_pattern_is_refused_under_its_own_place() -> None:
    with pytest.raises(InvalidArgument, match=r"exclude_patterns\[1\]: a '\[' is never closed; got 'x\['"):
        compile_selection(replace(WATCH, exclude_patterns=("ok", "x[")))


@pytest.mark.parametrize(
    ("key", "watched"),
    [("in/a.mp4", True), ("in/sub/a.mp4", False), ("other/a.mp4", False), ("in/a.txt", False), ("in/_DONE", False)],
)
def test_a_selection_is_about_the_folder_the_recursion_the_patterns_and_no_sidecar(key: str, *, watched: bool) -> None:
    watch = replace(WATCH, recursive=False, exclude_patterns=("*.txt",), done_file_pattern="_DONE")
    assert compile_selection(watch).watches(key) is watched


# existing_files


def test_what_the_first_complete_scan_of_a_generation_finds_is_skipped_as_existing() -> None:
    world = World(config=SKIPPING)
    for path in ("old.mp4", "old.mp4.part", "empty.mp4"):
        world.put(path, 0 if path == "empty.mp4" else 100)
    world.run(60)
    world.put("new.mp4")
    assert world.run_until_fired().keys == ["in/new.mp4"]
    for path in ("old.mp4", "old.mp4.part", "empty.mp4"):
        assert (world.entry(path).state, world.entry(path).skip) == (LedgerState.SKIPPED, Skip.EXISTING)


def test_a_later_version_of_an_existing_file_is_imported_as_usual() -> None:
    world = World(config=SKIPPING)
    world.put("a.mp4")
    world.run(60)
    later = world.put("a.mp4")
    assert [(entry.key, entry.version) for entry in world.run_until_fired().members] == [("in/a.mp4", later)]
    assert not world.entry("a.mp4").growing


def test_under_new_only_the_existing_version_is_the_first_one() -> None:
    world = World(config=SKIPPING, mode=ImportMode.NEW_ONLY)
    world.put("a.mp4")
    world.run(60)
    world.put("a.mp4")
    world.run(1000)
    assert world.fired == []
    assert world.entry("a.mp4").skip is Skip.NEW_ONLY


def test_what_is_skipped_as_existing_opens_no_window_and_counts_as_no_change() -> None:
    world = World(config=SKIPPING, scan_seconds=5.0)
    world.put("a.mp4")
    world.run(20)
    assert (world.state.phase, world.state.last_change_at) == (Phase.IDLE, world.state.floor_at)
    assert (world.state.window_opened_at, world.changed_real) == (None, 0.0)


def test_a_resume_and_a_restart_are_no_first_scan() -> None:
    world = World(config=SKIPPING)
    world.run(60)
    world.pause()
    world.put("a.mp4")
    world.resume()
    world.run(10)
    world.restart()
    world.put("b.mp4")
    assert world.run_until_fired().keys == ["in/a.mp4", "in/b.mp4"]


def test_a_pause_before_the_first_complete_scan_leaves_it_to_be_the_first() -> None:
    world = World(config=SKIPPING, scan_seconds=20.0)
    world.put("a.mp4")
    world.run(5)
    world.pause()
    world.run(100)
    world.resume()
    world.run(1000)
    assert (world.fired, world.entry("a.mp4").skip) == ([], Skip.EXISTING)


def test_a_failed_scan_is_no_first_scan() -> None:
    world = World(config=SKIPPING)
    world.put("a.mp4")
    world.fail_for(100)
    world.run(1000)
    assert (world.fired, world.entry("a.mp4").skip) == ([], Skip.EXISTING)


def test_a_new_generation_has_a_first_scan_of_its_own_and_what_waits_goes_on_waiting() -> None:
    world = World(config=SKIPPING)
    world.run(60)
    world.put("waits.mp4")
    world.run(35)
    world.put("unmet.mp4")
    world.configure(watch=replace(WATCH, exclude_patterns=("*.txt",)))
    assert world.run_until_fired().keys == ["in/waits.mp4"]
    assert world.entry("unmet.mp4").skip is Skip.EXISTING


def test_changing_existing_files_later_changes_nothing_that_is_known_and_starts_no_generation() -> None:
    world = World()
    world.put("a.mp4")
    world.run(60)
    world.configure(existing_files=ExistingFiles.SKIP)
    world.put("b.mp4")
    assert world.state.generation == 1
    assert world.run_until_fired().keys == ["in/a.mp4", "in/b.mp4"]
    skipping = World(config=SKIPPING)
    skipping.put("a.mp4")
    skipping.run(60)
    skipping.configure(existing_files=ExistingFiles.IMPORT)
    skipping.run(1000)
    assert (skipping.fired, skipping.entry("a.mp4").state) == ([], LedgerState.SKIPPED)


# max_wait and batch_cap


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_wait": 299.0}, "max_wait 299.0: must be at least the debounce interval, 300.0"),
        ({"max_wait": 30 * 86_400.0 + 1}, "max_wait 2592001.0: must be at most 30 days, 2592000.0"),
        ({"batch_cap": 0}, "batch_cap 0: must be 1 to 10000"),
        ({"batch_cap": 10_001}, "batch_cap 10001: must be 1 to 10000"),
        ({"batch_cap": 10, "spend_fuse": Fuse(max_files=10)}, "spend_fuse.max_files 10: no batch is larger than 10"),
        ({"spend_fuse": Fuse(max_files=10_000)}, "spend_fuse.max_files 10000: no batch is larger than 10000"),
    ],
)
def test_a_limit_out_of_its_bounds_is_refused_when_it_is_built(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        configured(300.0, **values)


@pytest.mark.parametrize(
    "values",
    [
        {"max_wait": 300.0},
        {"max_wait": 30 * 86_400.0},
        {"batch_cap": 1},
        {"batch_cap": BATCH_CAP},
        {"batch_cap": 10, "spend_fuse": Fuse(max_files=9)},
        {"batch_cap": 1, "spend_fuse": Fuse(max_bytes=1)},
    ],
)
def test_a_limit_at_its_bounds_is_accepted(values: dict[str, Any]) -> None:
    assert configured(300.0, **values)


def _arriving(max_wait: float) -> World:
    """Return a world in which objects have arrived every 20 s for 500 s."""
    world = World(config=configured(300.0, max_wait=max_wait))
    for at in range(25):
        world.put(f"{at}.mp4")
        world.run(20)
    return world


def test_a_changed_max_wait_recomputes_the_deadline_from_the_same_window() -> None:
    world = _arriving(3600.0)
    opened = world.state.window_opened_at
    assert opened is not None
    world.configure(max_wait=600.0)
    assert (world.state.window_opened_at, world.state.deadline_at) == (opened, opened + 600.0)


def test_a_sooner_deadline_brings_the_next_scan_forward() -> None:
    config = configured(3600.0)
    at = 1_000_000.0
    state = amended(
        World(config=config).state,
        phase=Phase.WAITING,
        scanned_at=at,
        last_change_at=at,
        window_opened_at=at - 3500.0,
        ready=1,
        next_scan_at=at + 300.0,
    )
    sooner = decide(state, events.Configured(config=replace(config, max_wait=3600.0)), at).state
    assert sooner.next_scan_at == sooner.deadline_at == at + 100.0
    overdue = amended(state, window_opened_at=at - 5000.0)
    assert decide(overdue, events.Configured(config=replace(config, max_wait=3600.0)), at).state.next_scan_at == at


def test_an_overdue_deadline_fires_at_once_and_a_later_one_never_delays_a_scan() -> None:
    world = _arriving(3600.0)
    world.configure(max_wait=400.0)
    world.run(2)
    assert [fired.trigger for fired in world.fired] == [Trigger.MAX_WAIT]
    before = world.state.next_scan_at
    world.configure(max_wait=86_400.0)
    assert world.state.next_scan_at == before


# spend_fuse


@pytest.mark.parametrize(
    ("fuse", "files", "size", "reason"),
    [
        (None, 10_000, 10**15, None),
        (Fuse(max_files=1000), 1000, 10**15, None),
        (Fuse(max_files=1000), 1001, 0, "The batch has 1,001 files (limit: 1,000): somebody has to approve it."),
        (Fuse(max_bytes=5000), 10_000, 5000, None),
        (Fuse(max_bytes=5000), 1, 5001, "The batch has 5,001 bytes (limit: 5,000): somebody has to approve it."),
        (Fuse(max_files=10, max_bytes=50), 10, 50, None),
        (Fuse(max_files=10, max_bytes=50), 11, 50, "The batch has 11 files (limit: 10): somebody has to approve it."),
        (
            Fuse(max_files=10, max_bytes=50),
            11,
            51,
            "The batch has 11 files (limit: 10) and 51 bytes (limit: 50): somebody has to approve it.",
        ),
    ],
)
def test_a_fuse_blows_above_a_limit_and_says_why(fuse: Fuse | None, files: int, size: int, reason: str | None) -> None:
    assert blown(fuse, files, size) == reason


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "spend_fuse: needs max_files, max_bytes or both"),
        ({"max_files": 0}, "spend_fuse.max_files 0: must be at least 1"),
        ({"max_files": 1, "max_bytes": 0}, "spend_fuse.max_bytes 0: must be at least 1"),
    ],
)
def test_a_fuse_without_a_limit_is_refused(values: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Fuse(**values)


def test_a_changed_fuse_starts_no_generation_and_keeps_the_window() -> None:
    world = World()
    world.put("a.mp4")
    world.run(60)
    before = world.state
    world.configure(spend_fuse=Fuse(max_files=1))
    assert world.state == replace(before, config=world.state.config)


# done_file_pattern


@pytest.mark.parametrize(
    ("pattern", "path", "sidecars"),
    [
        ("*.done", "clip.mp4", ("clip.mp4.done", "clip.done")),
        ("*.done", "a/b/clip.mp4", ("a/b/clip.mp4.done", "a/b/clip.done")),
        ("*.done", "clip", ("clip.done",)),
        ("*.done", "archive.tar.gz", ("archive.tar.gz.done", "archive.tar.done")),
        ("done_*", "a/clip.mp4", ("a/done_clip.mp4", "a/done_clip")),
        ("<*>.ok", "clip.mp4", ("<clip.mp4>.ok", "<clip>.ok")),
        ("_SUCCESS", "clip.mp4", ("_SUCCESS",)),
        ("_SUCCESS", "a/b/clip.mp4", ("a/b/_SUCCESS",)),
    ],
)
def test_a_star_stands_for_the_name_with_or_without_its_extension(
    pattern: str, path: str, sidecars: tuple[str, ...]
) -> None:
    sidecar = compile_sidecar(pattern)
    assert sidecar.of(path) == sidecars
    assert all(sidecar.matches(name) for name in sidecars)
    assert not sidecar.matches(path)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.done", ".done", False),
        ("*.done", "a.done/b.mp4", False),
        ("*.done", "a.DONE", False),
        ("_SUCCESS", "_SUCCESS.mp4", False),
        ("_SUCCESS", "a/_SUCCESS", True),
        ("a*a", "a", False),
        ("a*a", "aa", False),
        ("a*a", "aba", True),
    ],
)
def test_a_sidecar_is_told_by_its_name(pattern: str, path: str, *, matches: bool) -> None:
    assert compile_sidecar(pattern).matches(path) is matches


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("", "must have 1 to 128 characters, has 0"),
        ("x" * 129, "must have 1 to 128 characters, has 129"),
        ("*", "every file would be a sidecar"),
        ("*.*", "may have one"),
        ("a/*.done", "can't have /"),
        ("?.{done}", r"can't have \? { }"),
        ("[a].done", r"can't have \[ \]"),
        ("\\*", r"can't have \\"),
    ],
)
def test_a_malformed_done_file_pattern_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=f"done_file_pattern: .*{reason}"):
        compile_sidecar(pattern)


def test_the_longest_done_file_pattern_is_accepted() -> None:
    assert compile_sidecar("x" * 128).marker


def test_a_file_without_its_sidecar_never_becomes_ready_and_opens_no_window() -> None:
    world = _watch(done_file_pattern="*.done")
    world.put("a.mp4")
    world.run(3600)
    entry = world.entry("a.mp4")
    assert (entry.state, entry.hold, world.fired) == (LedgerState.SETTLING, Hold.UNDECLARED, [])
    assert (world.state.phase, world.state.window_opened_at) == (Phase.IDLE, None)


def test_a_sidecar_that_comes_later_counts_as_a_change_and_two_sightings_are_still_needed() -> None:
    """Sections 1 and 2: its window begins, and its bytes count, with the scan that met the sidecar."""
    world = _watch(done_file_pattern="*.done")
    world.put("a.mp4")
    world.run(1000)
    world.put("a.mp4.done", size=0)
    world.run_until(lambda: world.state.phase is Phase.WAITING)
    met = world.now
    entry = world.entry("a.mp4")
    assert (entry.hold, entry.state, entry.first_seen_at) == (None, LedgerState.SETTLING, met)
    assert (world.state.last_change_at, world.state.window_opened_at) == (met, met)
    world.run_until(lambda: world.entry("a.mp4").state is LedgerState.READY)
    assert world.now >= met + 30.0
    fired = world.run_until_fired()
    assert (fired.trigger, fired.keys) == (Trigger.QUIET, ["in/a.mp4"])
    assert fired.at >= met + 300.0


def test_a_sidecar_that_was_there_first_declares_a_file_when_it_is_met() -> None:
    world = _watch(done_file_pattern="*.done")
    world.put("a.done")
    world.run(60)
    world.put("a.mp4")
    assert world.run_until_fired().keys == ["in/a.mp4"]


def test_a_sidecar_that_disappears_before_the_claim_brings_the_hold_back() -> None:
    world = _watch(done_file_pattern="*.done")
    world.put("a.mp4")
    world.put("a.mp4.done")
    world.run(100)
    assert world.entry("a.mp4").state is LedgerState.READY
    world.remove("a.mp4.done")
    world.run(1000)
    entry = world.entry("a.mp4")
    assert (entry.state, entry.hold, world.fired) == (LedgerState.SETTLING, Hold.UNDECLARED, [])
    world.put("a.mp4.done")
    world.run(20)
    assert world.run_until_fired().at - world.entry("a.mp4").first_seen_at >= 300.0


def test_a_sidecar_holds_back_its_own_file_alone() -> None:
    world = _watch(done_file_pattern="*.done")
    for path in ("a.mp4", "b.mp4", "a.mp4.done", "sub/b.mp4.done"):
        world.put(path)
    assert world.run_until_fired().keys == ["in/a.mp4"]


def test_one_marker_declares_every_file_of_its_folder_and_of_no_other() -> None:
    world = World(config=configured(300.0, watch=MARKED))
    for path in ("x/a.mp4", "x/b.mp4", "x/_SUCCESS", "x/y/c.mp4", "d.mp4"):
        world.put(path)
    assert world.run_until_fired().keys == ["in/x/a.mp4", "in/x/b.mp4"]


def test_sidecars_are_never_imported_even_if_the_pattern_matches_everything() -> None:
    world = World(config=configured(300.0, watch=DONE))
    for path in ("a.mp4", "a.mp4.done", "lonely.done", "a.done.done"):
        world.put(path)
    world.run(1000)
    assert [entry.key for entry in world.ledger] == ["in/a.mp4"]


def test_what_was_held_for_its_sidecar_counts_from_now_when_none_is_asked_for_any_more() -> None:
    world = _watch(done_file_pattern="*.done")
    world.put("a.mp4")
    world.run(1000)
    world.configure(watch=WATCH)
    began = world.now
    assert world.run_until_fired().at >= began + 300.0


@pytest.mark.parametrize(
    ("path", "size", "versions", "mode", "hold"),
    [
        ("a.part", 1, set(), ImportMode.ALL, Hold.TEMPORARY),
        ("a.mp4", 0, set(), ImportMode.ALL, Hold.EMPTY),
        ("a.mp4", 1, {LedgerState.CLAIMED}, ImportMode.NEW_ONLY, Hold.UNDECLARED),
        ("a.mp4", 1, {LedgerState.CLAIMED}, ImportMode.ALL, Hold.UNDECLARED),
        ("a.mp4", 1, {LedgerState.IMPORTED}, ImportMode.NEW_ONLY, None),
    ],
)
def test_what_an_undeclared_file_is_held_for(
    path: str, size: int, versions: set[LedgerState], mode: ImportMode, hold: Hold | None
) -> None:
    assert admit(path, size, versions, mode, declared=False).hold is hold


def test_a_file_that_was_declared_while_its_predecessor_is_imported_counts_from_then() -> None:
    """Whatever held it besides: until the sidecar was met, somebody may have written to it."""
    world = World(config=configured(300.0, watch=DONE), mode=ImportMode.NEW_ONLY, imports_at_once=False)
    world.put("a.mp4")
    world.put("a.mp4.done")
    world.run_until_fired()
    world.remove("a.mp4.done")
    world.put("a.mp4")
    world.run(200)
    assert world.entry("a.mp4").hold is Hold.UNDECLARED
    world.put("a.mp4.done")
    world.run(60)
    entry = world.entry("a.mp4")
    assert entry.hold is Hold.PREDECESSOR
    assert entry.first_seen_at > world.now - 60.0


# defaults


def test_the_defaults_are_those_of_the_public_contract() -> None:
    config = ImportConfig(watch=Watch(connector_id="conn_1"), debounce=300.0)
    assert (config.watch.exclude_patterns, config.watch.done_file_pattern) == ((), None)
    assert (config.existing_files, config.max_wait, config.batch_cap) == (ExistingFiles.IMPORT, None, 10_000)
    assert config.spend_fuse is None


def test_an_amended_state_is_a_new_value_and_knows_its_fields() -> None:
    state = World().state
    assert amended(state, ready=3) == replace(state, ready=3)
    assert state.ready == 0
    assert amended(state, **vars(state)) == state
    with pytest.raises(TypeError, match="remembers nothing of redy"):
        amended(state, redy=3)
