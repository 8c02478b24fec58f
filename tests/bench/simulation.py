"""Virtual time: how much of it the simulator runs through in a second of one core."""

from __future__ import annotations

import asyncio
import time

from tests.bench.measure import Figure
from tests.simulation.history import History
from tests.simulation.plan import draw
from tests.simulation.world import Laboratory, simulate

GROUP = "simulation"
_SEEDS = [seed for seed in range(24) if draw(seed).clockwork == "model"][:16]


async def measure() -> list[Figure]:
    """Virtual hours, scans and faults a second, over the same seeds each time."""
    return await asyncio.to_thread(_measured)  # a loop of its own, which no other may surround


def _measured() -> list[Figure]:
    laboratory = Laboratory()
    simulate(draw(_SEEDS[0]), laboratory)  # statements are compiled once
    begun = time.perf_counter()
    histories = [simulate(draw(seed), laboratory)[0] for seed in _SEEDS]
    took = time.perf_counter() - begun
    laboratory.close()
    return [
        _figure("virtual hours a second", sum(one.end for one in histories) / 3_600.0 / took, "h/s"),
        _figure(
            "scans a second, with all that follows from them",
            sum(len(one.taken) for one in histories) / took,
            "scans/s",
        ),
        _figure("faults and interventions a second", sum(map(_faults, histories)) / took, "1/s"),
    ]


def _faults(history: History) -> int:
    return sum(history.faults.values())


def _figure(name: str, value: float, unit: str) -> Figure:
    return Figure(group=GROUP, name=name, value=value, unit=unit)
