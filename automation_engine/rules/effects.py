"""What shall be done: saved with the new state in one transaction, performed by jobs afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from automation_engine.rules.model import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class StartScan:
    """List the watched prefix once, as scan ``epoch``."""

    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelScan:
    """Make no further storage call for any scan up to ``epoch``."""

    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartBatch:
    """Claim the first ``limit`` ready objects in key order as batch ``key``, and start one import job for them."""

    key: str
    sequence: int
    limit: int
    trigger: Trigger


ImportEffect = StartScan | CancelScan | StartBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRun:
    """Keep a finished run until the automation is resumed."""

    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartExport:
    """Deliver a finished run, once for the generation."""

    run_id: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartQueuedExports:
    """Deliver every run that was kept, once for the generation."""

    generation: int


ExportEffect = QueueRun | StartExport | StartQueuedExports
