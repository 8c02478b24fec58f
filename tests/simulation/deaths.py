"""Death at every step: each statement, each commit (before it and after it), each external call, one after the other.

A short story takes N steps when nobody dies. Then it is told N times more, and in its k-th telling the process dies at
step k and is started again five seconds later. Whatever k is, the same files have to be imported, analysed and exported
in the end, each of them once, and hardly later.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tests.simulation.history import History
from tests.simulation.oracle import judge
from tests.simulation.plan import LENGTHS, Action, Plan
from tests.simulation.world import Laboratory, simulate

_NEVER = 1_000_000_000
_LATER = 5.0 + 30.0 + 5.0 + 3.0
"""What a death may cost: the restart, the pace of scans, a sweep, an operator's second call."""


def _at(at: float, what: str, *args: object) -> Action:
    return Action(at=at, what=what, args=args)


def _story(*actions: Action, cap: int = 10_000, clockwork: str = "model") -> Plan:
    return Plan(
        seed=7,
        debounce="5m",
        mode="all",
        pattern="*",
        recursive=True,
        cap=cap,
        page_size=2,
        lossy=0.0,
        lateness=0.0,
        interleaving=0.0,
        exporting=True,
        calm=0.0,
        brief=True,
        clockwork=clockwork,
        actions=tuple(sorted(actions, key=lambda action: action.at)),
    )


_FILES = tuple(_at(0.1, "put", f"in/take{n}.mp4", 900) for n in range(3))
_ASKED = (*_FILES, _at(32.0, "run"))

STORIES: dict[str, Plan] = {
    "asked": _story(*_FILES[:2], _ASKED[-1]),
    "as it ships": _story(*_ASKED, clockwork="real"),
    "sequence": _story(*_ASKED, *(_at(0.2, "put", f"in/clip{n}.mp4", 900) for n in range(2)), cap=2),
    "paused": _story(*_FILES, _at(5.0, "pause"), _at(9.0, "resume"), _at(45.0, "run")),
    "moved": _story(
        *(_at(0.1, "put", f"in/b/take{n}.mp4", 900) for n in range(3)),
        _at(9.0, "configure", "source_prefix", "in/b/"),
        _at(45.0, "run"),
    ),
    "overwritten": _story(
        *_ASKED, _at(32.9, "put", "in/take1.mp4", 800), *(_at(70.0 + 35.0 * n, "run") for n in range(4))
    ),
    "quiet": _story(*_FILES),
    "longest wait": _story(*(_at(100.0 * n, "put", f"in/more{n}.mp4", 900) for n in range(10))),
}
"""Short worlds: what is delivered is admitted, settled, fired, imported, analysed and exported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One telling: after how many steps each life ended, and what was wrong."""

    story: str
    deaths: tuple[int, ...]
    violations: Sequence[str]


class Telling:
    """A story, and how it ends when nobody dies: in how many ``steps``, and with what."""

    def __init__(self, name: str, laboratory: Laboratory) -> None:
        self.name = name
        self._laboratory = laboratory
        self._undisturbed, _ = simulate(replace(STORIES[name], deaths=(_NEVER,)), laboratory)
        self.steps = _NEVER - (self._undisturbed.unspent or 0)
        self._waits_again = any(one.died is not None for one in self._undisturbed.bucket.history)

    def told(self, *deaths: int) -> Told:
        """Tell it with those deaths."""
        try:
            history, _ = simulate(replace(STORIES[self.name], deaths=deaths), self._laboratory)
        except Exception as error:  # noqa: BLE001 - a world that breaks is a violation, too
            return Told(
                story=self.name, deaths=deaths, violations=[f"the world broke: {type(error).__name__}: {error}"]
            )
        violations = [*judge(history), *self._differences(history, len(deaths))]
        return Told(story=self.name, deaths=deaths, violations=violations)

    def once(self, *, every: int = 1) -> list[tuple[int, ...]]:
        """Return a death at each step, or at one of ``every`` so many."""
        return [(step,) for step in range(1, self.steps + 1, every)]

    def twice(self, count: int) -> list[tuple[int, ...]]:
        """Draw two deaths: the second one interrupts the recovery from the first."""
        chance = random.Random(self.name)  # noqa: S311 - reproducible on purpose
        return [(chance.randrange(1, self.steps + 1), chance.randrange(1, 150)) for _ in range(count)]

    def _differences(self, history: History, deaths: int) -> Iterator[str]:
        if not history.rested:
            yield "unfinished: not everything was imported, analysed and exported"
        wanted = {(one.key, one.token) for one in self._undisturbed.bucket.history if one.died is None}
        missing = wanted - {(one.key, one.token) for one in history.imported}
        if missing:
            yield f"forgotten: {sorted(missing)}"
        late = history.end - self._undisturbed.end
        # What is overwritten settles again, and whoever asked too early for it waits for the quiet window.
        if late > deaths * _LATER + self._waits_again * LENGTHS[STORIES[self.name].debounce]:
            yield f"late: the death cost {late:.0f} s"
