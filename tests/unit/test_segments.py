"""How media is cut into segments."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation_engine.analyzers.segments import DEFAULT_SECONDS, SHORTEST_TAIL, fixed_segments, segment
from automation_engine.errors import MediaError


def bounds(duration: float, seconds: float = 30.0) -> list[tuple[float, float]]:
    return [(s.start, s.end) for s in fixed_segments(duration, seconds)]


def test_the_last_segment_is_shorter() -> None:
    assert bounds(70.0) == [(0.0, 30.0), (30.0, 60.0), (60.0, 70.0)]


def test_a_multiple_of_the_length_leaves_no_empty_segment() -> None:
    assert bounds(60.0) == [(0.0, 30.0), (30.0, 60.0)]


def test_a_tail_under_half_a_second_joins_the_segment_before_it() -> None:
    assert bounds(60.4) == [(0.0, 30.0), (30.0, 60.4)]
    assert bounds(60.5) == [(0.0, 30.0), (30.0, 60.0), (60.0, 60.5)]


def test_media_shorter_than_the_shortest_tail_is_one_segment() -> None:
    assert bounds(0.04) == [(0.0, 0.04)]


def test_a_day_by_the_second_is_within_bounds_and_does_not_drift() -> None:
    cut = fixed_segments(86_400.0, 1.0)
    assert len(cut) == 86_400
    assert cut[-1].end == 86_400.0


def test_more_segments_than_the_limit_are_refused_before_they_are_made() -> None:
    with pytest.raises(MediaError, match="more than 100,000 segments"):
        fixed_segments(1e12, 1.0)


@pytest.mark.parametrize("duration", [0.0, -1.0, float("nan"), float("inf")])
def test_a_duration_that_is_none_is_refused(duration: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        fixed_segments(duration)


@given(duration=st.floats(0.001, 20_000.0), seconds=st.floats(0.5, 300.0))
def test_segments_cover_the_media_without_gap_or_overlap(duration: float, seconds: float) -> None:
    cut = fixed_segments(duration, seconds)
    assert cut[0].start == 0.0
    assert cut[-1].end == duration
    assert [s.ordinal for s in cut] == list(range(len(cut)))
    assert all(before.end == after.start for before, after in itertools.pairwise(cut))
    assert all(0.0 < s.end - s.start <= seconds + SHORTEST_TAIL for s in cut)


def test_an_image_is_one_segment_from_zero_to_zero() -> None:
    assert [(s.start, s.end) for s in segment("image", None, "smart", 5.0)] == [(0.0, 0.0)]


@pytest.mark.parametrize("segmentation", ["fixed", "smart", "content_aware", None])
@pytest.mark.parametrize("media_type", ["video", "audio"])
def test_every_segmentation_cuts_by_the_default_duration_when_none_is_given(
    media_type: str, segmentation: str | None
) -> None:
    assert segment(media_type, 95.0, segmentation, None) == fixed_segments(95.0, DEFAULT_SECONDS)


def test_media_of_unknown_duration_is_refused_with_the_reason() -> None:
    with pytest.raises(MediaError, match="no known duration"):
        segment("video", None, "fixed", 30.0)


def test_an_unknown_segmentation_is_refused() -> None:
    with pytest.raises(ValueError, match="must be fixed, smart or content_aware"):
        segment("video", 10.0, "clever", None)
