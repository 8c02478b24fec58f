"""When to try again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation_engine.rules.model import BACKOFF_MAX
from automation_engine.rules.retry import BASE, backoff


@pytest.mark.parametrize(
    ("attempts", "longest"), [(1, 10.0), (2, 20.0), (3, 40.0), (7, 640.0), (8, 900.0), (1_000_000, 900.0)]
)
def test_the_longest_delay_doubles_up_to_a_quarter_of_an_hour(attempts: int, longest: float) -> None:
    assert backoff(attempts, 0.5) == longest / 2


@settings(derandomize=True, database=None, deadline=None)
@given(st.integers(1, 10_000), st.floats(0.0, 1.0, exclude_max=True))
def test_a_delay_lies_between_a_second_and_the_longest_one(attempts: int, jitter: float) -> None:
    assert 1.0 <= backoff(attempts, jitter) <= min(BACKOFF_MAX, BASE * 2.0 ** min(attempts, 16))


def test_an_unlucky_draw_does_not_hammer_a_storage_that_is_down() -> None:
    assert backoff(20, 0.0) == 1.0


def test_a_shorter_cap_can_be_asked_for() -> None:
    assert backoff(20, 0.5, cap=60.0) == 30.0


@pytest.mark.parametrize(("attempts", "jitter"), [(0, 0.5), (-1, 0.5), (1, 1.0), (1, -0.1)])
def test_impossible_arguments_are_refused(attempts: int, jitter: float) -> None:
    with pytest.raises(ValueError, match="needs attempts ≥ 1 and 0 ≤ jitter < 1"):
        backoff(attempts, jitter)
