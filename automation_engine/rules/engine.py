"""``decide(state, event, now) → Decision(state, effects)``: the whole engine, seen from outside.

The same event decided on twice changes nothing the second time, and nothing here draws a random number or looks at a
clock: whatever chance or instant a decision needs comes in with the event.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, overload

from automation_engine.rules import events
from automation_engine.rules.effects import ExportEffect, ImportEffect, QueueRun, StartExport, StartQueuedExports
from automation_engine.rules.lifecycle import TRANSITIONS, start, steady
from automation_engine.rules.model import ExportState, ImportConfig, ImportState


class ImportDecision(NamedTuple):
    """The new state of an import automation, and what shall be done."""

    state: ImportState
    effects: tuple[ImportEffect, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportDecision:
    """The new state of an export automation, and what shall be done."""

    state: ExportState
    effects: tuple[ExportEffect, ...] = ()


def create_import(automation_id: str, config: ImportConfig, now: float) -> ImportDecision:
    """Decide on a first PUT: an active automation starts to watch, any other is stopped."""
    state = ImportState(automation_id=automation_id, config=config)
    if config.active:
        state, _ = start(state, now)
    return ImportDecision(state=state)


@overload
def decide(state: ImportState, event: events.ImportEvent, now: float) -> ImportDecision: ...
@overload
def decide(state: ExportState, event: events.ExportEvent, now: float) -> ExportDecision: ...
def decide(
    state: ImportState | ExportState, event: events.ImportEvent | events.ExportEvent, now: float
) -> ImportDecision | ExportDecision:
    """Decide what an event means for an automation at the instant ``now`` (seconds since the epoch).

    Raises ``IllegalTransition`` where the lifecycle table says "refused".
    """
    if isinstance(state, ExportState):
        return _decide_export(state, event)
    decided, effects = TRANSITIONS[state.phase][type(event)](steady(state, now), event, now)
    return ImportDecision(state=decided, effects=effects)


def _decide_export(state: ExportState, event: object) -> ExportDecision:
    match event:
        case events.RunFinished(run_id=run_id):
            if state.active:
                return ExportDecision(state=state, effects=(StartExport(run_id=run_id, generation=state.generation),))
            return ExportDecision(state=state, effects=(QueueRun(run_id=run_id),))
        case events.Ticked():
            return ExportDecision(state=state, effects=_queued(state))
        case events.Paused():
            return ExportDecision(state=replace(state, paused=True))
        case events.Resumed():
            resumed = replace(state, paused=False)
            return ExportDecision(state=resumed, effects=_queued(resumed))
        case events.ExportConfigured():
            return _export_configured(state, event)
        case _:
            raise TypeError(f"an export automation knows no event {type(event).__name__}")


def _export_configured(state: ExportState, event: events.ExportConfigured) -> ExportDecision:
    moved = (event.destination_connector_id, event.destination_subpath) != (
        state.destination_connector_id,
        state.destination_subpath,
    )
    configured = replace(
        state,
        destination_connector_id=event.destination_connector_id,
        destination_subpath=event.destination_subpath,
        enabled=event.enabled,
        paused=event.paused,
        generation=state.generation + moved,
    )
    return ExportDecision(state=configured, effects=_queued(configured))


def _queued(state: ExportState) -> tuple[ExportEffect, ...]:
    return (StartQueuedExports(generation=state.generation),) if state.active else ()
