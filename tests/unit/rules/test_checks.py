"""Why one object is not imported yet: a table of everything that can be in its way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from automation_engine.rules.checks import Check, LedgerFacts, Result, checks, failing
from automation_engine.rules.debounce import Hold
from automation_engine.rules.model import Degraded, ImportState, LedgerState, Phase
from tests.unit.rules.world import WATCH, World, configured

NOW = 1_000_000.0
_TABLES = Path(__file__).parents[2] / "cases"
CASES: list[dict[str, Any]] = yaml.safe_load((_TABLES / "explain.yaml").read_text(encoding="utf-8"))
WHOLE: list[dict[str, Any]] = yaml.safe_load((_TABLES / "explain_whole.yaml").read_text(encoding="utf-8"))
ORDER = [
    "automation_active",
    "under_prefix",
    "recursion",
    "sidecar",
    "matches_pattern",
    "not_excluded",
    "not_temporary",
    "listed",
    "not_empty",
    "declared",
    "mode",
    "not_poisoned",
    "settled",
    "window",
    "batch",
    "imported",
]
by_name = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])


def _instants(changes: dict[str, Any]) -> dict[str, Any]:
    """Turn what is so many seconds ago into instants."""
    return {
        name.replace("_ago", "_at"): value if value is None or not name.endswith("_ago") else NOW - value
        for name, value in changes.items()
    }


def _state(case: dict[str, Any]) -> ImportState:
    watch = {**case.get("watch", {})}
    if "exclude_patterns" in watch:
        watch["exclude_patterns"] = tuple(watch["exclude_patterns"])
    config = configured(300.0, watch=replace(WATCH, **watch), **case.get("config", {}))
    given = {
        "phase": Phase.WAITING,
        "ready": 3,
        "scanned_at": NOW - 10.0,
        "next_scan_at": NOW + 20.0,
        "last_change_at": NOW - 100.0,
        "window_opened_at": NOW - 200.0,
        **_instants(case.get("state", {})),
    }
    if "degraded" in given:
        given["degraded"] = Degraded(cause=given["degraded"], since=NOW - 60.0, attempts=1)
    return ImportState(automation_id="auto_1", config=config, **{**given, "phase": Phase(given["phase"])})


def _facts(case: dict[str, Any]) -> LedgerFacts | None:
    if "facts" not in case:
        return None
    given = {"state": "ready", "size": 100, "first_seen_at": NOW - 100.0, **_instants(case["facts"])}
    hold = given.pop("hold", None)
    return LedgerFacts(**{**given, "state": LedgerState(given["state"]), "hold": None if hold is None else Hold(hold)})


def _checked(case: dict[str, Any]) -> tuple[Check, ...]:
    return checks(_state(case), case.get("path", "in/a.mp4"), _facts(case), NOW)


@by_name
def test_the_first_check_that_does_not_pass(case: dict[str, Any]) -> None:
    first = failing(_checked(case))
    if "fails" not in case:
        assert first is None
        return
    assert first is not None
    assert (first.name, first.result, first.text) == (case["fails"], case["result"], case["text"])
    assert first.passes_at == (NOW + case["in"] if "in" in case else None)
    if "remedy" in case:
        assert first.remedy == case["remedy"]


@by_name
def test_checks_come_in_order_each_in_one_sentence(case: dict[str, Any]) -> None:
    found = _checked(case)
    names = [check.name for check in found]
    assert names == [name for name in ORDER if name in names]
    assert names[-1] == "imported"
    assert ("declared" in names) == ("done_file_pattern" in case.get("watch", {}))
    for check in found:
        assert check.text.endswith(".")
        assert check.text[0].isupper()
        assert check.result is not Result.PASSED or (check.passes_at, check.remedy) == (None, None)


@pytest.mark.parametrize("case", WHOLE, ids=[case["name"] for case in WHOLE])
def test_every_check_says_what_became_of_it(case: dict[str, Any]) -> None:
    told = []
    for check in _checked(case):
        seconds = None if check.passes_at is None else check.passes_at - NOW
        told.append([check.name, check.result.value, check.text, seconds, check.remedy])
    assert told == [[*row, None, None][:5] for row in case["checks"]]


@by_name
def test_nothing_is_known_of_what_was_never_listed(case: dict[str, Any]) -> None:
    if "facts" in case and case["facts"].get("state") != "gone":
        return
    found = _checked(case)
    listed = [check.name for check in found].index("listed")
    assert {check.result for check in found[listed + 1 :]} == {Result.UNKNOWN}


def test_what_a_clock_that_was_set_back_puts_ahead_was_seen_just_now() -> None:
    for ago in (0, -60):
        known, missed = {"facts": {"first_seen_ago": ago}}, {"state": {"scanned_ago": ago}}
        told = {check.text for case in (known, missed) for check in _checked(case) if check.name == "listed"}
        assert told == {
            "This version has been known for 0 s.",
            "It was not there in the last complete scan, 0 s ago.",
        }


def test_no_scan_looks_for_what_is_not_watched() -> None:
    found = {check.name: check for check in checks(_state({}), "out/a.mp4", None, NOW)}
    assert (found["listed"].result, found["listed"].passes_at) == (Result.UNKNOWN, None)


def test_a_stopped_automation_promises_no_scan() -> None:
    found = {check.name: check for check in checks(_state({"config": {"paused": True}}), "in/a.mp4", None, NOW)}
    assert (found["listed"].result, found["listed"].passes_at) == (Result.PENDING, None)
    assert (found["listed"].text, found["listed"].remedy) == ("Nothing is scanned meanwhile.", None)


def test_an_object_passes_check_after_check_on_its_way() -> None:
    world = World()
    told: list[str] = []

    def tell() -> None:
        entries = [entry for entry in world.ledger if entry.key == "in/a.mp4"]
        facts = None
        if entries:
            fired = [batch for batch in world.fired if "in/a.mp4" in batch.keys]
            facts = LedgerFacts(
                state=entries[-1].state,
                size=entries[-1].size,
                first_seen_at=entries[-1].first_seen_at,
                batch_id=fired[0].key if fired else None,
                batch_status="started" if fired else None,
            )
        first = failing(checks(world.state, "in/a.mp4", facts, world.now))
        told.append("" if first is None else first.name)

    world.put("a.mp4")
    for _ in range(40):
        tell()
        world.run(10)
    assert sorted(set(told), key=told.index) == ["listed", "settled", "window", ""]
