"""Section 1: are the bytes whole?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from automation_engine.rules.debounce import Hold, Sighting, admit, settle, settle_span
from automation_engine.rules.matching import is_temporary
from automation_engine.rules.model import ImportMode, LedgerState
from tests.unit.rules.world import World

SETTLING, READY, GONE = LedgerState.SETTLING, LedgerState.READY, LedgerState.GONE
TEMPORARY: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "cases/temporary_names.yaml").read_text(encoding="utf-8")
)


def _seen(started_at: float, finished_at: float | None = None) -> Sighting:
    return Sighting(
        seen=True, scan_started_at=started_at, scan_finished_at=started_at if finished_at is None else finished_at
    )


@pytest.mark.parametrize(("apart", "state"), [(0.0, SETTLING), (29.9, SETTLING), (30.0, READY), (3600.0, READY)])
def test_an_object_is_ready_when_two_complete_scans_30_s_apart_saw_the_same_identity(
    apart: float, state: LedgerState
) -> None:
    """Section 1."""
    assert settle(SETTLING, 1000.0, None, _seen(1000.0 + apart), span=30.0) == (state, 1000.0)


def test_the_span_counts_from_the_end_of_the_first_scan_to_the_start_of_the_second() -> None:
    """Section 1: nothing is ever early, however long a scan takes."""
    world = World(scan_seconds=25.0)
    world.put("a.mp4")
    world.run_until_fired()
    entry = world.entry("a.mp4")
    assert entry.first_seen_real == 25.0
    confirming = [scan for scan in world.scans if scan.ends_real == entry.ready_real]
    assert confirming[0].started_real - entry.first_seen_real >= 30.0


def test_a_scan_that_began_too_early_confirms_nothing_however_late_it_ends() -> None:
    """Section 1: it may have listed the object at its very beginning."""
    assert settle(SETTLING, 1000.0, None, _seen(1029.0, 1100.0), span=30.0)[0] is SETTLING
    assert settle(SETTLING, 1000.0, None, _seen(1030.0, 1100.0), span=30.0)[0] is READY


def test_one_scan_is_never_enough() -> None:
    """Section 1: a listing that takes minutes is still one scan."""
    world = World(scan_seconds=600.0)
    world.put("a.mp4")
    world.run(600)
    assert world.entry("a.mp4").state is SETTLING


def test_a_scan_that_does_not_see_it_makes_it_gone() -> None:
    """Section 1: not the same identity, not ready."""
    unseen = Sighting(seen=False, scan_started_at=2000.0, scan_finished_at=2000.0)
    assert settle(SETTLING, 1000.0, None, unseen, span=30.0)[0] is GONE
    assert settle(READY, 1000.0, None, unseen, span=30.0)[0] is GONE


def test_what_is_ready_stays_ready_while_it_is_seen() -> None:
    """Section 1."""
    assert settle(READY, 1000.0, None, _seen(1010.0), span=30.0) == (READY, 1000.0)


@pytest.mark.parametrize("case", TEMPORARY, ids=[case["path"] for case in TEMPORARY])
def test_temporary_names(case: dict[str, Any]) -> None:
    """Section 1: .part, .tmp, .filepart, .crdownload, dotfiles."""
    assert is_temporary(case["path"]) is case["temporary"]


@pytest.mark.parametrize("name", ["a.part", "a.tmp", "a.filepart", "a.crdownload", ".a.mp4"])
def test_temporary_names_never_become_ready(name: str) -> None:
    """Section 1."""
    world = World()
    world.put(name)
    world.run(3 * 3600)
    assert world.entry(name).state is SETTLING
    assert world.entry(name).hold is Hold.TEMPORARY
    assert world.fired == []


def test_empty_objects_never_become_ready() -> None:
    """Section 1."""
    world = World()
    world.put("a.mp4", size=0)
    world.run(3 * 3600)
    assert world.entry("a.mp4").hold is Hold.EMPTY
    assert world.fired == []


def test_an_empty_object_that_gets_bytes_is_imported() -> None:
    """Section 1: with bytes it is another identity."""
    world = World()
    world.put("a.mp4", size=0)
    world.run(600)
    world.put("a.mp4", size=5)
    world.run_until_fired()
    assert world.imported() == [("in/a.mp4", "v2")]


def test_a_temporary_object_that_is_renamed_is_imported_under_its_final_name() -> None:
    """Section 1 and 5: renamed is a new key."""
    world = World()
    world.put("a.mp4.part")
    world.run(100)
    world.remove("a.mp4.part")
    world.put("a.mp4")
    world.run_until_fired()
    assert world.imported() == [("in/a.mp4", "v2")]


def test_a_held_object_opens_no_window_and_holds_nobody_back() -> None:
    """Section 1: it holds back only itself."""
    world = World()
    world.put("forever.part")
    world.run(1000)
    world.put("a.mp4")
    fired = world.run_until_fired()
    assert fired.keys == ["in/a.mp4"]


def test_a_growing_object_holds_back_only_itself() -> None:
    """Section 1."""
    world = World()
    world.put("a.mp4")
    while not world.fired:
        world.put("growing.mp4", size=1 + world._versions)
        world.run(20)
        assert world.real < 1000
    assert world.fired[0].keys == ["in/a.mp4"]


def test_a_growing_object_joins_a_later_batch_and_is_never_forgotten() -> None:
    """Section 1."""
    world = World()
    world.put("a.mp4")
    for _ in range(60):
        world.put("growing.mp4")
        world.run(20)
    last = world.objects["in/growing.mp4"][0]
    fired = world.run_until_fired()
    assert fired.keys == ["in/growing.mp4"]
    assert fired.members[0].version == last


def test_a_growing_object_settles_for_d_instead_of_30_s() -> None:
    """Section 1, strengthened: a writer who stalls is not taken for one who is done when the longest wait ends."""
    assert settle_span(growing=False, debounce=300.0) == 30.0
    assert settle_span(growing=True, debounce=300.0) == 300.0
    for waiting in (SETTLING, READY):
        assert admit("a.mp4", 5, {waiting}, ImportMode.ALL).growing
    for resolved in (LedgerState.CLAIMED, LedgerState.IMPORTED, LedgerState.FAILED, GONE):
        assert not admit("a.mp4", 5, {resolved}, ImportMode.ALL).growing


def test_a_writer_that_stalls_when_the_longest_wait_ends_is_not_taken_for_one_who_is_done() -> None:
    """Section 1, strengthened."""
    world = World()
    world.put("steady.mp4")
    while world.real < 800:
        world.put("growing.mp4")
        world.run(20)
    world.run(200)
    assert [fired.keys for fired in world.fired] == [["in/steady.mp4"]]


def test_a_growing_object_waits_no_longer_than_its_own_window_would() -> None:
    """Section 1, strengthened: D from its last change, which is when the quiet window ends."""
    world = World()
    world.put("growing.mp4")
    world.run(40)
    world.put("growing.mp4")
    world.run_until_fired()
    entry = world.entry("growing.mp4")
    assert world.fired[0].real == entry.first_seen_real + 300.0
    assert world.fired[0].keys == ["in/growing.mp4"]
