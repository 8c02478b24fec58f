"""Plans as data: what once went wrong stays reproducible, however plans are drawn by then.

A file holds the plan and what it taught; an action is a list ``[at, what, *args]``, one a line.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tests.simulation.plan import Action, Plan

REGRESSIONS = Path(__file__).parent / "regressions"
_TUPLES = ("deaths",)


def dumps(plan: Plan, *, taught: str) -> str:
    """Return the text of a file."""
    values: dict[str, Any] = {"taught": taught} | asdict(plan)
    del values["actions"]
    actions = ",\n    ".join(json.dumps([one.at, one.what, *one.args]) for one in plan.actions)
    return f'{json.dumps(values, indent=2)[:-2]},\n  "actions": [\n    {actions}\n  ]\n}}\n'


def loads(text: str) -> Plan:
    """Return the plan of a file. What a later plan has beside it has its default."""
    values = json.loads(text)
    known = {one.name for one in fields(Plan)}
    actions = tuple(Action(at=at, what=what, args=tuple(args)) for at, what, *args in values.pop("actions"))
    given = {name: value for name, value in values.items() if name in known}
    return Plan(**{**given, **{name: tuple(given[name]) for name in _TUPLES if name in given}}, actions=actions)


def kept() -> dict[str, Plan]:
    """Return every plan that is kept, by the name of its file."""
    return {path.stem: loads(path.read_text()) for path in sorted(REGRESSIONS.glob("*.json"))}
