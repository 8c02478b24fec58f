"""What is measured, how, and how it is told: two sides of a pair take turns, so that noise hits both."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

ROUNDS = 5
"""Turns that each side of a pair takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the report. ``ratio`` is ours against the reference, above 1 where ours is better."""

    group: str
    name: str
    value: float
    unit: str
    reference: str = ""
    reference_value: float | None = None
    ratio: float | None = None
    goal: str = ""


def pin(role: int) -> None:
    """Keep this process on one core: role 0 serves, role 1 makes the load; on a single core they share it."""
    os.sched_setaffinity(0, range(os.cpu_count() or 1))  # a process inherits the one core of whoever started it
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[min(role, len(cores) - 1)]})


def seconds(action: Callable[[], object]) -> float:
    """Return how long one call takes."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


async def seconds_of(action: Callable[[], Awaitable[object]]) -> float:
    """Return how long one awaited call takes."""
    begun = time.perf_counter()
    await action()
    return time.perf_counter() - begun


def rate(action: Callable[[], object], count: int) -> float:
    """Return how many of ``count`` things in one call are done in a second: the median of some rounds."""
    return count / statistics.median(seconds(action) for _ in range(ROUNDS))


def paired(
    group: str,
    name: str,
    *,
    unit: str,
    ours: Callable[[], float],
    reference: str,
    theirs: Callable[[], float],
    less_is_better: bool = False,
    goal: str = "",
) -> Figure:
    """Measure two sides in turns. Value and ratio are medians over the rounds."""
    turns = [(ours(), theirs()) for _ in range(ROUNDS)]
    return _figure(group, name, turns, unit=unit, reference=reference, less_is_better=less_is_better, goal=goal)


async def paired_of(
    group: str,
    name: str,
    *,
    unit: str,
    ours: Callable[[], Awaitable[float]],
    reference: str,
    theirs: Callable[[], Awaitable[float]],
    less_is_better: bool = False,
    goal: str = "",
) -> Figure:
    """Measure two asynchronous sides in turns."""
    turns = [(await ours(), await theirs()) for _ in range(ROUNDS)]
    return _figure(group, name, turns, unit=unit, reference=reference, less_is_better=less_is_better, goal=goal)


def _figure(group: str, name: str, turns: list[tuple[float, float]], *, less_is_better: bool, **told: str) -> Figure:
    ratios = [theirs / ours if less_is_better else ours / theirs for ours, theirs in turns]
    return Figure(
        group=group,
        name=name,
        value=statistics.median(ours for ours, _ in turns),
        reference_value=statistics.median(theirs for _, theirs in turns),
        ratio=statistics.median(ratios),
        **told,
    )


def table(figures: Iterable[Figure]) -> Table:
    """Return the report for people."""
    drawn = Table("what", "ours", "reference", "theirs", "ratio", "goal", title="ratio: above 1 ours is better")
    group = ""
    for figure in figures:
        if figure.group != group:
            group = figure.group
            drawn.add_section()
            drawn.add_row(f"[bold]{group}[/bold]")
        drawn.add_row(
            escape(figure.name),
            f"{_shown(figure.value)} {figure.unit}",
            figure.reference,
            _shown(figure.reference_value),
            "" if figure.ratio is None else f"{figure.ratio:,.2f}",
            figure.goal,
        )
    for column in (1, 3, 4):
        drawn.columns[column].justify = "right"
    return drawn


def document(figures: Iterable[Figure]) -> dict[str, Any]:
    """Return the report for programs."""
    return {"cores": len(os.sched_getaffinity(0)), "figures": [asdict(figure) for figure in figures]}


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
