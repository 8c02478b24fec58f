"""``python -m tests.simulation --seeds 1000``: run seeds, report, shrink what goes wrong and tell it as a story."""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TypeVar

from tests.simulation.deaths import STORIES, Telling, Told
from tests.simulation.history import History
from tests.simulation.oracle import judge
from tests.simulation.plan import Plan, draw
from tests.simulation.shrink import shrunk
from tests.simulation.world import Laboratory, simulate

_PROGRESS = 60.0
"""Seconds between two lines that tell how far a run is."""
T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a number of seeds amounted to. ``seconds`` are virtual ones."""

    seeds: int = 0
    seconds: float = 0.0
    firings: int = 0
    imported: int = 0
    exported: int = 0
    scans: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    triggers: Counter[str] = field(default_factory=Counter)
    violations: dict[int, list[str]] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Add another tally."""
        for name in ("seeds", "seconds", "firings", "imported", "exported", "scans"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.faults.update(other.faults)
        self.triggers.update(other.triggers)
        self.violations.update(other.violations)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run(seed: int) -> Tally:
    """Run one seed in this process's laboratory."""
    try:
        history, _ = simulate(draw(seed), _laboratory())
    except Exception as error:  # noqa: BLE001 - a world that breaks is a violation, too
        return Tally(seeds=1, violations={seed: [f"the world broke: {type(error).__name__}: {error}"]})
    found = judge(history)
    return Tally(
        seeds=1,
        seconds=history.end,
        firings=len(history.fired),
        imported=len(history.imported),
        exported=len(history.ending.exports),
        scans=len(history.taken),
        faults=Counter(history.faults),
        triggers=Counter(one.trigger for one in history.fired),
        violations={seed: found} if found else {},
    )


def _numbered(seed: int) -> tuple[int, Tally]:
    return seed, run(seed)


def _journal(path: Path | None, seed: int, tally: Tally) -> None:
    if path is not None:
        with path.open("a") as lines:
            lines.write(json.dumps([seed, {part.name: getattr(tally, part.name) for part in fields(tally)}]) + "\n")


def _journalled(path: Path | None, total: Tally) -> set[int]:
    """Add what a journal has to the total, and return its seeds."""
    if path is None or not path.exists():
        return set()
    done = set()
    for line in path.read_text().splitlines():
        seed, values = json.loads(line)
        if seed not in done:
            done.add(seed)
            values |= {name: Counter(values[name]) for name in ("faults", "triggers")}
            values["violations"] = {int(number): found for number, found in values["violations"].items()}
            total.add(Tally(**values))
    return done


_laboratories: dict[int, Laboratory] = {}


def _laboratory() -> Laboratory:
    """Return this process's own: one that it inherited is its parent's."""
    pid = os.getpid()
    if pid not in _laboratories:
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)  # most of what is made is gone at once
        _laboratories[pid] = Laboratory()
    return _laboratories[pid]


def story(plan: Plan, history: History, violations: Iterable[str]) -> str:
    """Tell a run: what happened, and what was wrong about it."""
    head = (
        f"seed {plan.seed}: D {plan.debounce}, {plan.mode}, pattern {plan.pattern}, "
        f"{'recursive' if plan.recursive else 'flat'}, cap {plan.cap}, pages of {plan.page_size}"
    )
    lines = [f"  {at:>11.2f} s  {text}" for at, text in history.log]
    return "\n".join([head, *lines, *(f"  VIOLATION  {violation}" for violation in violations)])


def _spread(perform: Callable[[T], R], orders: Iterable[T], jobs: int) -> Iterator[R]:
    """Perform each, in as many processes."""
    if jobs == 1:
        yield from map(perform, orders)
        return
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap_unordered(perform, orders)
        pool.close()  # not terminated: each process clears its own folder away
        pool.join()


def _die(order: tuple[str, tuple[int, ...]]) -> Told:
    """Tell a story with those deaths in this process's laboratory."""
    name, deaths = order
    if name not in _tellings:
        _tellings[name] = Telling(name, _laboratory())
    return _tellings[name].told(*deaths)


_tellings: dict[str, Telling] = {}


def _deaths(names: Iterable[str], *, every: int, twice: int, jobs: int) -> int:
    """Die at every step of the stories, and twice at some."""
    broken = 0
    for name in names:
        began, telling = time.monotonic(), Telling(name, _laboratory())
        orders = [(name, deaths) for deaths in (*telling.once(every=every), *telling.twice(twice))]
        wrong = []
        for told in _spread(_die, orders, jobs):
            if told.violations:
                wrong.append(told)
                _say(f"{name}, deaths after {told.deaths} steps: {'; '.join(told.violations[:5])}")
        took = time.monotonic() - began
        _say(f"{name}: {telling.steps} steps, {len(orders)} tellings, {len(wrong)} with violations, {took:.0f} s")
        broken += len(wrong)
    return 1 if broken else 0


def _report(total: Tally, took: float) -> None:
    _say(
        f"{total.seeds} seeds, {total.seconds / 31_557_600:.3f} virtual years ({total.seconds / 3600:.0f} h; "
        f"{total.seconds / 3600 / took:.1f} h/s), {total.scans} scans, {total.firings} firings {dict(total.triggers)}, "
        f"{total.imported} imports, {total.exported} exports, "
        f"{len(total.violations)} seeds with violations, {took:.0f} s"
    )
    _say(f"{sum(total.faults.values())} faults and interventions: {json.dumps(dict(total.faults.most_common()))}")


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--journal", type=Path, help="keep each seed's result here, and go on behind those it has")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--story", action="store_true")
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--deaths", nargs="*", metavar="STORY", help="die at every step of these stories, or of all")
    parser.add_argument("--every", type=int, default=1, help="of the steps, only one of so many")
    parser.add_argument("--twice", type=int, default=0, help="also so many tellings with two deaths")
    options = parser.parse_args()
    if options.deaths is not None:
        names = options.deaths or list(STORIES)
        return _deaths(names, every=options.every, twice=options.twice, jobs=options.jobs)
    if options.seed is not None:
        return _one(options.seed, telling=options.story, shrinking=not options.no_shrink)
    began, total = time.monotonic(), Tally()
    done = _journalled(options.journal, total)
    seeds = [seed for seed in range(options.first, options.first + options.seeds) if seed not in done]
    told = began
    for seed, tally in _spread(_numbered, seeds, options.jobs):
        total.add(tally)
        _journal(options.journal, seed, tally)
        for violations in tally.violations.values():
            _say(f"seed {seed}: {'; '.join(violations[:5])}")
        now = time.monotonic()
        if now - told > _PROGRESS:
            told = now
            _say(f"… {total.seeds} seeds, {total.seconds / 3600:.0f} virtual hours, {now - began:.0f} s")
        if now - began > options.minutes * 60:
            break
    _report(total, time.monotonic() - began)
    if total.violations and not options.no_shrink:
        _one(min(total.violations), telling=True, shrinking=True)
    return 1 if total.violations else 0


def _one(seed: int, *, telling: bool, shrinking: bool) -> int:
    plan, laboratory = draw(seed), _laboratory()
    history, digest = simulate(plan, laboratory)
    violations = judge(history)
    if violations and shrinking:
        plan = shrunk(plan, violations, laboratory)
        history, _ = simulate(plan, laboratory)
        violations = judge(history)
    if telling:
        _say(story(plan, history, violations))
    _say(f"seed {seed}: digest {digest}, {len(violations)} violations")
    laboratory.close()
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
