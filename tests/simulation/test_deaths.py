"""Wherever a process dies, everything is imported, analysed and exported once: one short story at each of its steps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.deaths import STORIES, Telling
from tests.simulation.mutants import broken
from tests.simulation.world import Laboratory


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    kept = Laboratory()
    yield kept
    kept.close()


def test_a_death_at_any_step_loses_nothing_and_doubles_nothing(laboratory: Laboratory) -> None:
    telling = Telling("asked", laboratory)
    wrong = {deaths: telling.told(*deaths).violations for deaths in telling.once()}
    assert telling.steps > 200  # else it was not told
    assert {deaths: violations for deaths, violations in wrong.items() if violations} == {}


def test_processes_side_by_side_tell_in_worlds_of_their_own() -> None:
    command = [sys.executable, "-m", "tests.simulation", *["--deaths", "asked", "--every", "60", "--jobs", "2"]]
    told = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)  # noqa: S603
    assert (told.returncode, told.stderr) == (0, "")
    assert "0 with violations" in told.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in STORIES if name not in {"asked", "longest wait"}])
def test_nor_does_a_death_at_some_steps_of_any_other_story(name: str, laboratory: Laboratory) -> None:
    telling = Telling(name, laboratory)
    orders = [*telling.once(every=telling.steps // 6), *telling.twice(3)]
    assert {deaths: found for deaths in orders if (found := telling.told(*deaths).violations)} == {}


@pytest.mark.slow
def test_leases_that_outlive_their_process_are_noticed(laboratory: Laboratory) -> None:
    telling = Telling("asked", laboratory)
    with broken("no_recovery"):
        assert any(telling.told(*deaths).violations for deaths in telling.once(every=5))
