"""A bounded slice of seeds, the seeds that once found something, and the simulator's own promises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from unittest import mock

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from automation_engine.jobs import scheduler
from tests.simulation.clockworks import CLOCKWORKS
from tests.simulation.kept import dumps, kept, loads
from tests.simulation.mutants import broken
from tests.simulation.oracle import judge
from tests.simulation.plan import Action, Plan, draw
from tests.simulation.shrink import shrunk
from tests.simulation.world import Laboratory, simulate

SLICE = range(20)
"""For every commit; what once found something is kept as a plan, or is a world in ``test_mutants``, where no change of
how plans are drawn can lose it."""
SHORT = next(seed for seed in SLICE if draw(seed).debounce == "5m")


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    kept = Laboratory()
    yield kept
    kept.close()


def _short(plan: Plan, *, calm: float = 1_500.0) -> Plan:
    return replace(plan, calm=calm, actions=tuple(action for action in plan.actions if action.at < calm))


@pytest.mark.parametrize("name", kept())
def test_what_once_went_wrong_does_not_go_wrong_again(name: str, laboratory: Laboratory) -> None:
    history, _ = simulate(kept()[name], laboratory)
    assert judge(history) == []
    assert history.rested or not history.plan.brief


def test_the_clockworks_that_ship_stop_when_the_clock_is_set_back_unless_somebody_minds(laboratory: Laboratory) -> None:
    plan = kept()["clock_set_back_stops_the_ticks"]
    with mock.patch.object(scheduler, "_Beats", AsyncIOScheduler):
        history, _ = simulate(replace(plan, rest=900.0), laboratory)
    assert not history.rested


def test_a_plan_is_kept_as_it_is() -> None:
    plan = replace(draw(SHORT), deaths=(3, 4))
    assert loads(dumps(plan, taught="nothing yet")) == plan


@pytest.mark.parametrize("seed", SLICE)
def test_the_law_holds_whatever_happens(seed: int, laboratory: Laboratory) -> None:
    history, _ = simulate(draw(seed), laboratory)
    assert judge(history) == []
    assert history.taken


@pytest.mark.parametrize("clockwork", CLOCKWORKS)
def test_a_seed_reproduces_a_run_exactly(clockwork: str, laboratory: Laboratory) -> None:
    plan = replace(_short(draw(SHORT)), rest=300.0, clockwork=clockwork)
    first, again = simulate(plan, laboratory), simulate(plan, laboratory)
    assert first[1] == again[1]
    assert first[0].log == again[0].log


def test_another_seed_is_another_run(laboratory: Laboratory) -> None:
    plan = replace(_short(draw(SHORT)), rest=300.0)
    assert simulate(plan, laboratory)[1] != simulate(replace(plan, seed=2), laboratory)[1]


def test_a_violation_is_shrunk_to_what_it_needs(laboratory: Laboratory) -> None:
    wanted = Action(at=40.0, what="put", args=("in/a.mp4", 900))
    others = tuple(Action(at=50.0 + n, what="put", args=(f"in/note{n}.tmp", 900)) for n in range(3))
    plan = replace(draw(SHORT), pattern="*", calm=60.0, rest=600.0, page_size=50, actions=(wanted, *others))
    with broken("half_quiet"):
        history, _ = simulate(plan, laboratory)
        assert shrunk(plan, judge(history), laboratory).actions == (wanted,)
