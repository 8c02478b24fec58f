"""What happens to a world, drawn from a seed: its configuration, and a list of actions in the order of time.

A plan is all that a run depends on beside the seed itself. An action makes sense without those before it: any of them
can be left out, which is how a violation is shrunk.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

DAY = 86_400.0
LENGTHS = {"5m": 300.0, "10m": 600.0, "1h": 3_600.0, "1d": DAY}
LONGEST_WAIT = {"5m": 900.0, "10m": 1_800.0, "1h": 10_800.0, "1d": 2 * DAY}

_BUSY = {"5m": 0.6, "10m": 1.0, "1h": 2.8, "1d": 24.0}
"""Hours in which writers, faults and operators are dense. Nights come on top: spans in which few scans are made."""
_HOURS = (8, 8, 12, 16, 24, 36)
_EVENING = 1_800.0
"""The first night falls no sooner, seconds after the beginning, unless the busy hours end before that."""

_UNUSUAL = 0.35
_DECLARED = 0.7
_SHIPPED = 0.03
_POISONED = 0.2
_UNDELIVERABLE = 0.3
"""Of the plans with a short debounce, those in which APScheduler and PgQueuer run themselves: 2 ms a virtual second."""

# What each pattern means, in other terms than the engine's.
PATTERNS = {
    "*": r".*",
    "*.mp4": r"(.*/)?[^/]*\.mp4",
    "*.{mp4,mov}": r"(.*/)?[^/]*\.(mp4|mov)",
    "day-?/*.mp4": r"day-[^/]/[^/]*\.mp4",
    "**/take[0-9].mp4": r"(.*/)?take[0-9]\.mp4",
}
EXCLUDING = ("day-?/*.mp4", "**/take[0-9].mp4")
SIDECARS = ("*.done", "_SUCCESS")
POISONS = ("probe dies", "probe fails", "analysis dies", "analysis fails")
"""What reads a file, and what becomes of it: its process ends, or something is raised that nobody foresaw."""
PREFIXES = ("in/", "in/b/", "")
_NAMES = ("a.mp4", "b.mp4", "c.mov", "take1.mp4", "take2.mp4", "day-1/x.mp4", "day-2/y.mp4", "b/z.mp4", "b/take3.mp4")
_ODD = ("d.mp4.part", ".hidden.mp4", "e.TMP", ".dot/f.mp4", "g.txt", "empty.mp4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that happens: ``what`` with ``args``, ``at`` seconds after the beginning."""

    at: float
    what: str
    args: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.what}({', '.join(map(repr, self.args))})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A world. ``calm`` is where faults and operators end and only writers go on, seconds after the beginning."""

    seed: int
    debounce: str
    mode: str
    pattern: str
    recursive: bool
    cap: int
    page_size: int
    lossy: float
    """The odds that the doorbell is not heard."""
    lateness: float
    """The most seconds that a tick comes late."""
    interleaving: float
    """The odds that somebody else comes first, at each statement."""
    exporting: bool
    calm: float
    actions: tuple[Action, ...] = field(default=())
    rest: float | None = None
    """Seconds that the calm lasts; None: as long as everything may take to come to its end."""
    brief: bool = False
    """The run ends as soon as everything has come to its end."""
    deaths: tuple[int, ...] = ()
    """After how many steps process a dies, for each of its lives."""
    excluded: str | None = None
    """A pattern that excludes, of ``PATTERNS``."""
    existing: str = "import"
    """What becomes of the files that are there at the beginning: ``import`` or ``skip``."""
    max_wait: float | None = None
    """The longest wait, seconds; None: what belongs to the debounce interval."""
    fuse: int | None = None
    """Most files in a batch that starts without approval."""
    done: str | None = None
    """The name of sidecars, of ``SIDECARS``; None: there are none."""
    clockwork: str = "model"
    """``real``: APScheduler and PgQueuer themselves; ``model``: what they amount to, some four times as fast."""

    def longest_wait(self, debounce: str) -> float:
        """Return the longest wait, in seconds, under a debounce interval."""
        return LONGEST_WAIT[debounce] if self.max_wait is None else self.max_wait


def draw(seed: int) -> Plan:
    """Draw a plan."""
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    debounce = chance.choices(list(LENGTHS), (30, 25, 43, 2))[0]
    span = _BUSY[debounce] * 3_600.0 * chance.uniform(0.5, 1.5)
    plan = Plan(
        seed=seed,
        debounce=debounce,
        mode=chance.choice(("all", "all", "new_only")),
        pattern=chance.choice(tuple(PATTERNS)),
        recursive=chance.random() < 0.85,
        cap=chance.choice((2, 7, 10_000)),
        page_size=chance.choice((4, 20, 100, 100)),
        lossy=chance.choice((0.0, 0.0, 0.3, 1.0)),
        lateness=chance.choice((0.0, 0.0, 5.0)),
        interleaving=chance.choice((0.0, 0.05, 0.3)),
        exporting=chance.random() < 0.6,
        calm=span,
        rest=1.1 * DAY if debounce == "1d" and chance.random() < 0.75 else None,
    )
    if chance.random() < _UNUSUAL:
        plan = _unusual(chance, plan)
    actions = [*_writers(chance, plan), *_faults(chance, plan), *_operators(chance, plan), *_trials(plan)]
    plan = replace(plan, actions=tuple(sorted(actions, key=lambda action: action.at)))
    if debounce == "5m" and chance.random() < _SHIPPED:
        return replace(plan, clockwork="real")
    return _with_nights(chance, plan)


def _unusual(chance: random.Random, plan: Plan) -> Plan:
    """Set some of the options that most automations leave alone."""
    return replace(
        plan,
        excluded=chance.choice((None, *EXCLUDING)),
        existing=chance.choice(("import", "import", "skip")),
        max_wait=chance.choice((None, LENGTHS[plan.debounce], 2.5 * LENGTHS[plan.debounce])),
        fuse=chance.choice((None, 1, min(plan.cap - 1, 4))),
        done=chance.choice((None, *SIDECARS)),
    )


def _with_nights(chance: random.Random, plan: Plan) -> Plan:
    """Let nights fall into the busy hours: what comes after one comes later, and in it something else happens."""
    nights = sorted(
        (
            chance.uniform(min(_EVENING, plan.calm / 2), plan.calm),
            chance.choice(_HOURS) * chance.uniform(3_000.0, 4_000.0),
        )
        for _ in range(chance.choice((1, 1, 2, 2, 3)))
    )
    actions = [replace(action, at=_later(action.at, nights)) for action in plan.actions]
    for number, (evening, span) in enumerate(nights):
        start = _later(evening, nights[:number])
        actions += chance.choice(_NIGHTS)(start, span)
        for _ in range(chance.randrange(0, 6)):
            key = _key(chance)
            actions.append(Action(at=start + chance.random() * span, what="put", args=(key, _size(chance, key))))
    actions.sort(key=lambda action: action.at)
    return replace(plan, calm=_later(plan.calm, nights), actions=tuple(actions))


def _later(at: float, nights: Sequence[tuple[float, float]]) -> float:
    """Return when something happens of which the nights before it were left out."""
    return at + sum(span for evening, span in nights if evening < at)


def _away(start: float, span: float) -> list[Action]:
    return [Action(at=start, what="away", args=(span,))]


def _denied(start: float, span: float) -> list[Action]:
    return [Action(at=start, what="denied", args=(span,))]


def _throttled(start: float, span: float) -> list[Action]:
    return [Action(at=start, what="throttle", args=(span, 1.0))]


def _suspended(start: float, span: float) -> list[Action]:
    """Every host sleeps. One that was just being started anew, or slept already and woke, is put to sleep again."""
    again = (0.0, 10.0, 120.0, 700.0, *(hour * 3_600.0 for hour in range(1, int(span / 3_600.0))))
    return [Action(at=start + late, what="freeze", args=(host, span - late)) for late in again for host in ("a", "b")]


def _paused(start: float, span: float) -> list[Action]:
    return [Action(at=start, what="pause"), Action(at=start + span, what="resume")]


def _disabled(start: float, span: float) -> list[Action]:
    return [Action(at=start, what="disable"), Action(at=start + span, what="enable")]


_NIGHTS = (_away, _denied, _throttled, *(3 * (_suspended,)), *(2 * (_paused,)), _disabled)


def _key(chance: random.Random) -> str:
    if chance.random() < 0.12:
        return "in/" + chance.choice(_ODD)
    if chance.random() < 0.5:
        return "in/" + chance.choice(_NAMES)
    return (
        f"in/{chance.choice(('', 'b/', 'day-1/', 'day-2/'))}{chance.choice(('take', 'clip'))}{chance.randrange(30)}.mp4"
    )


def _writers(chance: random.Random, plan: Plan) -> list[Action]:
    unit = LENGTHS[plan.debounce]
    actions: list[Action] = []
    for _ in range(chance.randrange(3, 22)):
        at = chance.uniform(0.0, plan.calm * 1.02)
        actions += chance.choice((_whole, _whole, _slow, _slow, _rewriting, _renaming, _recreating, _multipart))(
            chance, at, unit
        )
    if plan.done is not None:
        actions += [_declaring(chance, action, plan.done) for action in actions if chance.random() < _DECLARED]
    if chance.random() < 0.25:
        actions += _unending(chance, plan, unit)
    if chance.random() < 0.04:
        actions += _burst(chance, plan)
    return actions


def _declaring(chance: random.Random, action: Action, done: str) -> Action:
    """Declare a file whole: mostly soon after it was, now and then before."""
    folder, slash, name = action.args[-1 if action.what == "rename" else 0].rpartition("/")
    named = chance.choice((name, name.rpartition(".")[0] or name))
    at = max(0.0, action.at + chance.uniform(-30.0, 300.0))
    return Action(at=at, what="put", args=(f"{folder}{slash}{done.replace('*', named)}", 10))


def _size(chance: random.Random, key: str) -> int:
    return 0 if "empty" in key else chance.randrange(100, 10_000_000)


def _whole(chance: random.Random, at: float, _unit: float) -> list[Action]:
    keys = [_key(chance) for _ in range(chance.choice((1, 1, 2, 6)))]
    return [Action(at=at + chance.uniform(0, 20), what="put", args=(key, _size(chance, key))) for key in keys]


def _slow(chance: random.Random, at: float, unit: float) -> list[Action]:
    """Append for a while, now and then with a stall that is longer than an object needs to settle."""
    key, actions = _key(chance), []
    for _ in range(chance.randrange(2, 12)):
        actions.append(Action(at=at, what="append", args=(key, chance.randrange(100, 9_999), False)))
        at += chance.choice((1.0, 5.0, 20.0, 31.0, 45.0, 100.0, unit * 0.7, unit * 1.2))
    return [*actions, Action(at=at, what="append", args=(key, 500, True))]


def _rewriting(chance: random.Random, at: float, unit: float) -> list[Action]:
    key = _key(chance)
    actions = [Action(at=at, what="put", args=(key, _size(chance, key)))]
    for _ in range(chance.randrange(1, 5)):
        at += chance.uniform(1.0, 2 * unit)
        what, args = chance.choice((("put", (key, _size(chance, key))), ("replace", (key,))))
        actions.append(Action(at=at, what=what, args=args))
    return actions


def _renaming(chance: random.Random, at: float, unit: float) -> list[Action]:
    key, to = _key(chance), _key(chance)
    part = chance.choice((f"{key}.part", key))
    return [
        Action(at=at, what="append", args=(part, 500, False)),
        Action(at=at + chance.uniform(0, 100), what="append", args=(part, 500, True)),
        Action(at=at + chance.uniform(100, unit), what="rename", args=(part, key if part != key else to)),
    ]


def _recreating(chance: random.Random, at: float, unit: float) -> list[Action]:
    key, actions = _key(chance), []
    for _ in range(chance.randrange(1, 4)):
        gone = at + chance.uniform(5.0, 1.5 * unit)
        actions += [
            Action(at=at, what="put", args=(key, _size(chance, key))),
            Action(at=gone, what="delete", args=(key,)),
        ]
        at = gone + chance.uniform(0.0, unit)
    return [*actions, Action(at=at, what="put", args=(key, _size(chance, key)))]


def _multipart(chance: random.Random, at: float, _unit: float) -> list[Action]:
    """An upload that took hours appears at once, and says that it was modified when it started."""
    key = _key(chance)
    return [Action(at=at, what="upload", args=(key, _size(chance, key), chance.uniform(600.0, 36_000.0)))]


def _unending(chance: random.Random, plan: Plan, unit: float) -> list[Action]:
    """Arrivals that never stop: they go on through the calm, which only the longest wait can end."""
    start, every = chance.uniform(0.0, plan.calm * 0.7), unit * chance.uniform(0.4, 0.9)
    end = plan.calm + LONGEST_WAIT[plan.debounce] + unit + 1_500.0
    return [
        Action(at=start + n * every, what="put", args=(f"in/more{n:04}.mp4", 1_000))
        for n in range(int((end - start) / every))
    ]


def _burst(chance: random.Random, plan: Plan) -> list[Action]:
    count = chance.choice((40, 40, 100, 100, 300, 1_000))
    return [Action(at=chance.uniform(0.0, plan.calm), what="burst", args=("in/burst", count))]


def _faults(chance: random.Random, plan: Plan) -> list[Action]:
    unit = LENGTHS[plan.debounce]
    actions: list[Action] = []
    for _ in range(chance.choice((1, 2, 3))):
        at = chance.uniform(0.0, plan.calm * 0.9)
        end = min(plan.calm, at + chance.uniform(0.05, 0.5) * plan.calm)
        actions += [_fault(chance, chance.uniform(at, end), unit, plan) for _ in range(chance.randrange(6, 30))]
    return actions


def _fault(chance: random.Random, at: float, unit: float, plan: Plan) -> Action:
    span = chance.choice((20.0, 100.0, unit * 0.5, unit * 1.5))
    long = chance.choice((600.0, 3_600.0, 28_800.0, 2 * DAY)) if chance.random() < 0.15 else span
    long = min(long, plan.calm - at + 60.0)
    host = chance.choice(("a", "a", "b"))
    kinds: tuple[tuple[str, tuple[Any, ...]], ...] = (
        ("away", (long,)),
        ("denied", (long,)),
        ("throttle", (span, chance.choice((0.2, 0.6, 1.0)))),
        ("slow", (span, chance.choice((20.0, 90.0)))),
        ("bad page", (float(chance.randrange(3)), chance.randrange(1, 4))),
        ("repeated page", (chance.randrange(1, 4),)),
        ("stale", (chance.choice((5.0, 40.0, 200.0, unit)), chance.randrange(1, 4))),
        ("die", (host, chance.randrange(1, 60), chance.choice((0.0, 5.0, 100.0, unit)))),
        ("die", (host, chance.randrange(1, 300), chance.choice((0.0, 5.0, 100.0, unit)))),
        ("die", (host, chance.randrange(1, 60), 1.0)),
        ("db error", (host, chance.randrange(1, 100))),
        ("db error", (host, chance.randrange(1, 100))),
        ("clock", (chance.choice((-DAY, -3_600.0, -45.0, 20.0, 120.0, unit, 3_600.0, DAY)),)),
        ("freeze", (host, long)),
        ("freeze", (host, chance.choice((70.0, 3_600.0, 28_800.0)))),
        ("second", (chance.uniform(60.0, 3 * unit),)),
    )
    what, args = chance.choice(kinds)
    return Action(at=at, what=what, args=args)


def _trials(plan: Plan) -> list[Action]:
    """Let files come that no decoder survives, and the place be away that exports go to."""
    chance = random.Random(f"trials {plan.seed}")  # noqa: S311 - reproducible on purpose
    actions: list[Action] = []
    if chance.random() < _POISONED:
        for _ in range(chance.choice((1, 1, 2, 4))):
            at, key = chance.uniform(0.0, plan.calm * 0.9), f"in/poison{chance.randrange(3)}.mp4"
            actions.append(Action(at=at, what="poison", args=(key, 1_000, chance.choice(POISONS))))
    if plan.exporting and chance.random() < _UNDELIVERABLE:
        for _ in range(chance.choice((1, 2, 4))):
            span = chance.choice((100.0, 1_000.0, 10_000.0, 2 * DAY))
            what = chance.choice(("target away", "target denied", "target throttle"))
            actions.append(Action(at=chance.uniform(0.0, plan.calm), what=what, args=(span,)))
    return actions


def _operators(chance: random.Random, plan: Plan) -> list[Action]:
    unit = LENGTHS[plan.debounce]
    others = ("1h", "1d") if plan.debounce == "1d" else tuple(LENGTHS)  # days of scans every 30 s take minutes
    actions: list[Action] = []
    for _ in range(chance.randrange(0, 7)):
        at = chance.uniform(0.0, plan.calm * 0.95)
        later = at + chance.choice((1.0, 40.0, unit * 0.5, unit * 2))
        pairs: tuple[tuple[tuple[str, tuple[Any, ...]], ...], ...] = (
            (("pause", ()), ("resume", ())),
            (("pause", ()), ("resume", ())),
            (("disable", ()), ("enable", ())),
            (("configure", ("debounce", chance.choice(others))), ("configure", ("debounce", plan.debounce))),
            (("configure", ("source_prefix", chance.choice(PREFIXES))), ("configure", ("source_prefix", "in/"))),
            (("configure", ("file_pattern", chance.choice(tuple(PATTERNS)))),),
            (("configure", ()), ("configure", ())),
            (("run", ()),),
            (("run", ()), ("rescan", ())),
            (("rescan", ()), ("cancel run", ())),
            (("delete automation", (chance.random() < 0.5,)), ("configure", ())),
            (("cancel job", ()), ("retry job", ())),
            (("retry job", ()), ("rename connector", (chance.choice(("Ann's", "Ben's")),))),
            (("mode", ("new_only",)), ("mode", ("all",))) if chance.random() < 0.3 else (("rescan", ()),),
            (("approve", ()), ("approve", ())),
            (("approve", ()), ("reject", ())),
            (("export pause", ()), ("export resume", ())),
            (("export move", (chance.choice(("x", "y", "z")),)),),
        )
        for instant, (what, args) in zip((at, later), chance.choice(pairs), strict=False):
            if instant < plan.calm:
                actions.append(Action(at=instant, what=what, args=args))
    return actions
