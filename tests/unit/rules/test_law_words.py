"""The law's words, where they state a rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from automation_engine.rules.debounce import Hold, Sighting, admit, settle
from automation_engine.rules.model import (
    DEBOUNCE_INTERVALS,
    ImportMode,
    LedgerState,
    Phase,
    default_max_wait,
    scan_interval,
)
from tests.unit.rules.world import World, configured

INTERVALS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "cases/scan_intervals.yaml").read_text(encoding="utf-8")
)


def test_an_object_is_new_when_its_identity_is_not_in_the_ledger() -> None:
    """Words: identity is (connector, key, version); a version that was met is never met again."""
    world = World()
    world.put("a.mp4")
    world.run(60)
    assert len(world.ledger) == 1
    world.put("a.mp4")
    world.put("b.mp4")
    world.run(60)
    assert [(entry.key, entry.version) for entry in world.ledger] == [
        ("in/a.mp4", "v1"),
        ("in/a.mp4", "v2"),
        ("in/b.mp4", "v3"),
    ]


def test_last_modified_never_decides_newness() -> None:
    """Words: neither the admission nor the settling of an object is told when it was modified."""
    assert "last_modified" not in {*admit.__annotations__, *settle.__annotations__, *Sighting.__annotations__}


def test_a_failed_scan_is_neither_silence_nor_a_deletion() -> None:
    """Words: scan."""
    world = World()
    world.put("a.mp4")
    world.run(290)
    world.reachable = False
    world.remove("a.mp4")
    world.run(3600)
    assert world.fired == []
    assert world.entry("a.mp4").state is LedgerState.READY
    assert world.state.degraded is not None


def test_only_a_complete_scan_that_misses_an_object_says_that_it_is_gone() -> None:
    """Words: scan; ledger: gone is vanished before it was claimed."""
    world = World()
    world.put("a.mp4")
    world.run(60)
    world.remove("a.mp4")
    world.run(30)
    assert world.entry("a.mp4").state is LedgerState.GONE
    assert world.state.phase is Phase.IDLE


def test_scans_carry_a_growing_epoch() -> None:
    """Words: scan."""
    world = World()
    world.run(300)
    epochs = [scan.epoch for scan in world.scans]
    assert epochs == sorted(set(epochs))
    assert len(epochs) > 5


@pytest.mark.parametrize("case", INTERVALS, ids=[f"{case['debounce']:.0f} s" for case in INTERVALS])
def test_the_scan_interval_is_a_tenth_of_d_at_least_30_s_at_most_5_min(case: dict[str, float]) -> None:
    """Words: scan interval."""
    assert scan_interval(case["debounce"]) == case["interval"]


@pytest.mark.parametrize("case", INTERVALS, ids=[f"{case['debounce']:.0f} s" for case in INTERVALS])
def test_an_idle_automation_scans_at_the_scan_interval(case: dict[str, float]) -> None:
    """Words: scan interval."""
    world = World(config=configured(case["debounce"]))
    world.run(case["interval"] * 5)
    assert [scan.started_real for scan in world.scans] == [case["interval"] * at for at in range(6)]


@pytest.mark.parametrize("case", INTERVALS, ids=[f"{case['debounce']:.0f} s" for case in INTERVALS])
def test_a_settling_object_may_bring_the_next_scan_forward_never_back(case: dict[str, float]) -> None:
    """Words: scan interval."""
    world = World(config=configured(case["debounce"]))
    world.put("a.mp4")
    world.run(case["interval"])
    gaps = [scan.started_real for scan in world.scans[:2]]
    assert gaps == [0.0, min(30.0, case["interval"])]


def test_the_ledger_knows_settling_ready_claimed_imported_failed_skipped_and_gone() -> None:
    """Words: ledger."""
    assert [state.value for state in LedgerState] == [
        "settling",
        "ready",
        "claimed",
        "imported",
        "failed",
        "skipped",
        "gone",
    ]


def test_nothing_leaves_the_ledger_silently() -> None:
    """Words: ledger. Whatever was met is still there, and what is no longer waited for says how it ended."""
    world = World()
    for name in ("a.mp4", "b.mp4", "c.mp4.part", "d.mp4"):
        world.put(name)
    world.run(60)
    world.remove("b.mp4")
    world.put("d.mp4")
    world.run(3600)
    ends = {(entry.key, entry.version): entry.state for entry in world.ledger}
    assert ends == {
        ("in/a.mp4", "v1"): LedgerState.IMPORTED,
        ("in/b.mp4", "v2"): LedgerState.GONE,
        ("in/c.mp4.part", "v3"): LedgerState.SETTLING,
        ("in/d.mp4", "v4"): LedgerState.GONE,
        ("in/d.mp4", "v5"): LedgerState.IMPORTED,
    }


def test_an_object_that_comes_back_as_it_was_settles_anew() -> None:
    """Words: ledger. Gone is not retried by itself; a complete scan that sees the identity again admits it again."""
    world = World()
    world.put("a.mp4")
    world.run(60)
    away = world.objects.pop("in/a.mp4")
    world.run(60)
    world.objects["in/a.mp4"] = away
    world.run(40)
    assert world.entry("a.mp4").state is LedgerState.SETTLING
    world.run(3600)
    assert world.imported() == [("in/a.mp4", "v1")]


def test_the_debounce_intervals_are_300_600_3600_and_86400_s() -> None:
    """Words: D."""
    assert DEBOUNCE_INTERVALS == {"5m": 300.0, "10m": 600.0, "1h": 3_600.0, "1d": 86_400.0}


@pytest.mark.parametrize(
    ("debounce", "longest"), [(300.0, 900.0), (600.0, 1800.0), (3600.0, 10_800.0), (86_400.0, 172_800.0)]
)
def test_the_longest_wait_is_three_times_d_and_two_days_for_a_day(debounce: float, longest: float) -> None:
    """Section 3: the default."""
    assert default_max_wait(debounce) == longest
    assert configured(debounce).longest_wait == longest


def test_a_hold_says_which_of_three_reasons_keeps_an_object_back() -> None:
    """Section 1 and 5: temporary, empty, or behind an earlier version under new_only."""
    claimed = {LedgerState.CLAIMED}
    assert admit("a.part", 1, set(), ImportMode.ALL).hold is Hold.TEMPORARY
    assert admit("a.mp4", 0, set(), ImportMode.ALL).hold is Hold.EMPTY
    assert admit("a.mp4", 1, claimed, ImportMode.NEW_ONLY).hold is Hold.PREDECESSOR
    assert admit("a.mp4", 1, claimed, ImportMode.ALL).hold is None
