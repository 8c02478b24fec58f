"""Delta debugging: the shortest list of actions that still breaks the same sentence of the law."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from tests.simulation.oracle import judge
from tests.simulation.plan import Action, Plan
from tests.simulation.world import Laboratory, simulate


def shrunk(plan: Plan, violations: Sequence[str], laboratory: Laboratory, *, seconds: float = 120.0) -> Plan:
    """Return the plan with as few actions as are needed for a violation of the same name, within real ``seconds``."""
    names = {violation.partition(":")[0] for violation in violations}
    until = time.monotonic() + seconds

    def breaks(actions: Sequence[Action]) -> bool:
        try:
            history, _ = simulate(replace(plan, actions=tuple(actions)), laboratory)
        except Exception:  # noqa: BLE001 - another fault than the one that is looked for
            return False
        return any(violation.partition(":")[0] in names for violation in judge(history))

    actions, parts = list(plan.actions), 2
    while len(actions) > 1 and time.monotonic() < until:
        size = max(1, len(actions) // parts)
        for at in range(0, len(actions), size):
            fewer = actions[:at] + actions[at + size :]
            if breaks(fewer):
                actions, parts = fewer, max(parts - 1, 2)
                break
            if time.monotonic() >= until:
                break
        else:
            if size == 1:
                break
            parts = min(2 * parts, len(actions))
    return replace(plan, actions=tuple(actions))
