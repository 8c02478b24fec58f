"""The rule engine and the patterns."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

from automation_engine.rules import events
from automation_engine.rules.effects import StartBatch
from automation_engine.rules.engine import create_import, decide
from automation_engine.rules.matching import compile_pattern
from automation_engine.rules.model import ImportConfig, ImportState, Watch
from tests.bench.measure import Figure, paired, rate, seconds

GROUP = "rules"
_NOW = 1_767_225_600.0
_CALLS = 20_000


async def measure() -> list[Figure]:
    """Decisions a second, and matches a second against the standard library."""
    return [*_decisions(), *_matches()]


def _waiting() -> tuple[ImportState, events.ScanCompleted]:
    """Return a state whose scan is under way, and the report by which its window fires."""
    config = ImportConfig(watch=Watch(connector_id="conn_bench", source_prefix="incoming/"), debounce=300.0)
    state = create_import("auto_bench", config, _NOW).state
    pending = events.Pending(ready=100, oldest_at=_NOW, newest_at=_NOW)
    for at in (_NOW, _NOW + 60.0):
        state = decide(state, events.Ticked(), at).state
        state = decide(state, _report(state, at, pending, changed=at == _NOW), at).state
    at = _NOW + 400.0
    state = decide(state, events.Ticked(), at).state
    return state, _report(state, at, pending, changed=False)


def _report(state: ImportState, at: float, pending: events.Pending, *, changed: bool) -> events.ScanCompleted:
    return events.ScanCompleted(epoch=state.epoch, started_at=at, finished_at=at, changed=changed, pending=pending)


def _decisions() -> list[Figure]:
    firing, fires = _waiting()
    idle = create_import("auto_idle", firing.config, _NOW).state
    idle = decide(idle, events.Ticked(), _NOW).state
    empty = _report(idle, _NOW, events.Pending(), changed=False)
    scanning = decide(decide(idle, empty, _NOW).state, events.Ticked(), _NOW + 60.0).state
    ticked = events.Ticked()
    found = _report(scanning, _NOW + 60.0, events.Pending(settling=3, oldest_at=_NOW, newest_at=_NOW), changed=True)
    if not any(isinstance(effect, StartBatch) for effect in decide(firing, fires, _NOW + 400.0).effects):
        raise ValueError("the case that shall fire does not")
    return [
        _decision("a tick that changes nothing", lambda: decide(scanning, ticked, _NOW + 60.0)),
        _decision("a scan completed, files met", lambda: decide(scanning, found, _NOW + 60.0)),
        _decision("a window fires", lambda: decide(firing, fires, _NOW + 400.0)),
        _decision("the mix: eight ticks, a scan, a window", _mix(scanning, found, firing, fires), 10, "≥ 200,000"),
    ]


def _mix(
    scanning: ImportState, found: events.ScanCompleted, firing: ImportState, fires: events.ScanCompleted
) -> Callable[[], object]:
    ticked = events.Ticked()

    def ten() -> None:
        for _ in range(8):
            decide(scanning, ticked, _NOW + 60.0)
        decide(scanning, found, _NOW + 60.0)
        decide(firing, fires, _NOW + 400.0)

    return ten


def _decision(name: str, once: Callable[[], object], calls: int = 1, goal: str = "") -> Figure:
    def many() -> None:
        for _ in range(_CALLS // calls):
            once()

    return Figure(group=GROUP, name=f"decide: {name}", value=rate(many, _CALLS), unit="/s", goal=goal)


def _matches() -> list[Figure]:
    names = [f"clip_{number:05d}.{'mp4' if number % 2 else 'txt'}" for number in range(1000)]
    hostile = ["a" * 60 + "b"] * 20
    return [
        _match("*.mp4", names, re.compile(fnmatch.translate("*.mp4")), "fnmatch's regular expression"),
        _match("*.{mp4,mov,mkv}", names, re.compile(r"[^/]*\.(?:mp4|mov|mkv)"), "re by hand"),
        _match(
            "**/[a-z]*_0*.mp4", [f"2026/01/{name}" for name in names], re.compile(r".*/[a-z][^/]*_0[^/]*\.mp4"), "re"
        ),
        _match("*a*a*a*c", hostile, re.compile("[^/]*a[^/]*a[^/]*a[^/]*c"), "re, backtracking"),
    ]


def _match(pattern: str, names: list[str], regex: re.Pattern[str], reference: str) -> Figure:
    compiled = compile_pattern(pattern)

    def ours() -> None:
        for name in names:
            compiled.matches(name)

    def theirs() -> None:
        for name in names:
            regex.fullmatch(name)

    return paired(
        GROUP,
        f"glob {pattern} on {'hostile' if len(set(names)) == 1 else 'normal'} names",
        unit="/s",
        ours=lambda: len(names) / seconds(ours),
        reference=reference,
        theirs=lambda: len(names) / seconds(theirs),
    )
