"""The replay: what the rules would have done with what was observed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from automation_engine.rules.engine import decide
from automation_engine.rules.model import (
    DEBOUNCE_INTERVALS,
    ExistingFiles,
    Fuse,
    ImportConfig,
    ImportMode,
    Trigger,
    Watch,
)
from automation_engine.rules.replay import Arrival, Observation, Replay, replay

START = 1_000_000.0
DAY = 86_400.0


def saw(
    after: float, *arrived: str, gone: Sequence[str] = (), size: int = 10, version: str | None = None
) -> Observation:
    return Observation(at=START + after, arrived=[Arrival(path, size, version) for path in arrived], gone=gone)


def failed(after: float) -> Observation:
    return Observation(at=START + after, failed=True)


def watching(**changes: Any) -> Watch:
    return Watch(connector_id="conn_1", **changes)


def replayed(
    *observations: Observation,
    mode: ImportMode = ImportMode.ALL,
    known: Sequence[str] = (),
    until: float = 3 * DAY,
    watch: Watch | None = None,
    **config: Any,
) -> Replay:
    given = ImportConfig(**{"watch": watch or watching(), "debounce": 300.0, **config})
    return replay(
        given, mode, observations, start=START, until=START + until, known=[Arrival(path, 10) for path in known]
    )


def paths(outcome: Replay) -> list[list[str]]:
    return [[member.path for member in batch.members] for batch in outcome.batches]


def fired(outcome: Replay) -> list[float]:
    return [batch.fired_at - START for batch in outcome.batches]


def test_what_arrives_together_is_one_batch_after_a_quiet_window() -> None:
    outcome = replayed(saw(0.0, "b.mp4", "a.mp4"))
    assert paths(outcome) == [["a.mp4", "b.mp4"]]
    assert fired(outcome) == [300.0]
    assert outcome.batches[0].trigger is Trigger.QUIET
    assert outcome.batches[0].bytes == 20


def test_a_file_is_first_seen_by_the_first_scan_after_it_arrived() -> None:
    (batch,) = replayed(saw(0.0), saw(10_001.0, "a.mp4")).batches
    (member,) = batch.members
    assert member.first_seen_at == START + 10_020.0
    assert batch.fired_at == START + 10_320.0


def test_arrivals_that_never_stop_are_imported_when_the_longest_wait_ends() -> None:
    stream = [saw(60.0 * minute, f"{minute:03}.mp4") for minute in range(60)]
    outcome = replayed(*stream)
    assert [batch.trigger for batch in outcome.batches][:2] == [Trigger.MAX_WAIT, Trigger.MAX_WAIT]
    assert fired(outcome)[0] == 900.0
    assert sum(len(batch.members) for batch in outcome.batches) == 60


def test_a_longer_interval_makes_fewer_batches_of_the_same_files() -> None:
    stream = [saw(1_000.0 * at, f"{at}.mp4") for at in range(8)]
    counts = {word: len(replayed(*stream, debounce=span).batches) for word, span in DEBOUNCE_INTERVALS.items()}
    assert counts == {"5m": 8, "10m": 8, "1h": 1, "1d": 1}


def test_a_replaced_file_is_imported_once_in_its_last_version() -> None:
    outcome = replayed(saw(0.0, "a.mp4", size=1), saw(60.0, "a.mp4", size=2))
    assert [[(m.path, m.size) for m in batch.members] for batch in outcome.batches] == [[("a.mp4", 2)]]


def test_a_file_that_grows_holds_back_only_itself() -> None:
    growing = [saw(120.0 * at, "grows.mp4", size=at) for at in range(1, 20)]
    outcome = replayed(saw(0.0, "whole.mp4"), *growing)
    assert paths(outcome)[0] == ["whole.mp4"]
    assert paths(outcome)[-1] == ["grows.mp4"]


def test_a_file_that_vanishes_while_it_waits_is_in_no_batch() -> None:
    assert paths(replayed(saw(0.0, "a.mp4", "b.mp4"), saw(100.0, gone=["a.mp4"]))) == [["b.mp4"]]


def test_a_version_that_comes_back_is_not_imported_again_and_a_new_one_is() -> None:
    first = saw(0.0, "a.mp4", version="1")
    away, back = saw(1_000.0, gone=["a.mp4"]), saw(2_000.0, "a.mp4", version="1")
    assert paths(replayed(first, away, back)) == [["a.mp4"]]
    assert paths(replayed(first, away, saw(2_000.0, "a.mp4", version="2"))) == [["a.mp4"], ["a.mp4"]]


def test_no_version_that_was_ever_imported_is_imported_again() -> None:
    first, second = saw(0.0, "a.mp4", version="1"), saw(1_000.0, "a.mp4", version="2")
    assert paths(replayed(first, second, saw(2_000.0, "a.mp4", version="1"))) == [["a.mp4"], ["a.mp4"]]
    known = [Arrival("a.mp4", 10, "1")]
    outcome = replay(
        ImportConfig(watch=watching(), debounce=300.0),
        ImportMode.ALL,
        [first],
        start=START,
        until=START + DAY,
        known=known,
    )
    assert outcome == Replay(batches=[], waiting=0)


def test_an_imported_version_is_remembered_behind_one_that_was_never_claimed() -> None:
    imported, back = saw(0.0, "a.mp4", version="1"), saw(9_000.0, "a.mp4", version="1")
    waits, is_replaced = saw(1_000.0, "a.mp4", version="2"), saw(1_100.0, "a.mp4", version="3")
    assert paths(replayed(imported, waits, saw(1_100.0, gone=["a.mp4"]), back)) == [["a.mp4"]]
    assert paths(replayed(imported, waits, is_replaced, back)) == [["a.mp4"], ["a.mp4"]]


def test_a_version_that_comes_back_between_two_scans_never_was_away() -> None:
    flicker = [saw(1.0, gone=["a.mp4"]), saw(2.0, "a.mp4", version="1")]
    assert fired(replayed(saw(0.0, "a.mp4", version="1"), *flicker)) == [300.0]


def test_a_version_that_comes_back_before_it_was_claimed_waits_anew() -> None:
    flicker = [saw(100.0, gone=["a.mp4"]), saw(200.0, "a.mp4", version="1")]
    outcome = replayed(saw(0.0, "a.mp4", version="1"), *flicker)
    assert [batch.members[0].first_seen_at - START for batch in outcome.batches] == [210.0]


def test_only_the_first_version_counts_under_new_only() -> None:
    versions = [saw(0.0, "a.mp4"), saw(3_600.0, "a.mp4", "b.mp4")]
    assert paths(replayed(*versions, mode=ImportMode.NEW_ONLY)) == [["a.mp4"], ["b.mp4"]]
    assert paths(replayed(*versions, mode=ImportMode.NEW_ONLY, known=["a.mp4"])) == [["b.mp4"]]
    assert paths(replayed(*versions, known=["a.mp4"])) == [["a.mp4"], ["a.mp4", "b.mp4"]]


def test_what_is_excluded_temporary_or_empty_is_in_no_batch() -> None:
    watch = watching(file_pattern="*.mp4", exclude_patterns=("draft*",))
    seen = saw(0.0, "a.mp4", "a.mov", "draft1.mp4", ".hidden.mp4")
    assert paths(replayed(seen, saw(0.0, "empty.mp4", size=0), watch=watch)) == [["a.mp4"]]


def test_a_file_waits_for_its_sidecar() -> None:
    watch = watching(done_file_pattern="*.done")
    outcome = replayed(saw(0.0, "a.mp4", "b.mp4", "b.mp4.done"), saw(3_600.0, "a.done"), watch=watch)
    assert paths(outcome) == [["b.mp4"], ["a.mp4"]]
    assert outcome.batches[1].fired_at - START >= 3_600.0 + 30.0


def test_a_file_whose_sidecar_is_taken_away_waits_again() -> None:
    watch = watching(done_file_pattern="*.done")
    outcome = replayed(saw(0.0, "a.mp4", "a.done"), saw(100.0, gone=["a.done"]), watch=watch)
    assert paths(outcome) == []


def test_existing_files_are_skipped_if_that_is_asked_for() -> None:
    outcome = replayed(saw(0.0, "old.mp4"), saw(60.0, "new.mp4"), existing_files=ExistingFiles.SKIP)
    assert paths(outcome) == [["new.mp4"]]


def test_more_files_than_a_batch_may_have_become_a_sequence_in_order() -> None:
    outcome = replayed(saw(0.0, *(f"{at}.mp4" for at in range(5))), batch_cap=2)
    assert paths(outcome) == [["0.mp4", "1.mp4"], ["2.mp4", "3.mp4"], ["4.mp4"]]
    assert fired(outcome) == [300.0] * 3


def test_a_batch_above_the_spend_fuse_says_why_it_is_held() -> None:
    outcome = replayed(saw(0.0, "a.mp4", "b.mp4"), saw(3_600.0, "c.mp4"), spend_fuse=Fuse(max_files=1))
    assert [batch.held_reason is not None for batch in outcome.batches] == [True, False]
    assert "2" in str(outcome.batches[0].held_reason)
    heavy = replayed(saw(0.0, "a.mp4", "b.mp4", size=30), spend_fuse=Fuse(max_bytes=50))
    assert "60 bytes" in str(heavy.batches[0].held_reason)


def test_nothing_fires_while_the_storage_fails() -> None:
    outcome = replayed(saw(0.0, "a.mp4"), failed(60.0), saw(7_200.0))
    (at,) = fired(outcome)
    assert 7_200.0 <= at <= 7_200.0 + 900.0


def test_a_stopped_automation_does_nothing() -> None:
    assert replayed(saw(0.0, "a.mp4"), paused=True) == Replay(batches=[], waiting=0)


def test_what_fires_at_the_very_end_is_told() -> None:
    assert fired(replayed(saw(0.0, "a.mp4"), until=300.0)) == [300.0]


def test_what_still_waits_at_the_end_is_counted() -> None:
    outcome = replayed(saw(0.0, "a.mp4"), saw(290.0, "b.mp4", ".part"), until=299.0)
    assert (outcome.batches, outcome.waiting) == ([], 2)


def test_skipping_quiet_stretches_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    observations = [
        saw(0.0, "a.mp4"),
        saw(37.0, "b.mp4", size=0),
        saw(1_111.0, "b.mp4", "c.mp4"),
        saw(1_400.0, "b.mp4"),
        failed(9_000.0),
        saw(12_345.0, "d.mp4"),
        saw(50_000.0, "e.mp4", gone=["d.mp4"]),
        *(saw(60_000.0 + 250.0 * at, f"f{at}.mp4") for at in range(10)),
    ]
    skipping = {span: replayed(*observations, debounce=span) for span in DEBOUNCE_INTERVALS.values()}
    monkeypatch.setattr("automation_engine.rules.replay._Run._skip", lambda _self: None)
    for span, outcome in skipping.items():
        assert replayed(*observations, debounce=span) == outcome


def test_a_quiet_stretch_costs_nothing_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    decisions = 0

    def counted(*given: Any) -> Any:
        nonlocal decisions
        decisions += 1
        return decide(*given)

    monkeypatch.setattr("automation_engine.rules.replay.decide", counted)
    stream = [saw(600.0 * at, f"{at}.mp4") for at in range(4_320)]
    outcome = replayed(*stream, until=31 * DAY)
    assert sum(len(batch.members) for batch in outcome.batches) == 4_320
    assert decisions < 4_320 * 12
    decisions = 0
    assert len(replayed(saw(0.0, "a.mp4"), saw(30 * DAY, "b.mp4"), until=31 * DAY).batches) == 2
    assert decisions < 40
