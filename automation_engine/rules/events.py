"""What happened: the only input of ``engine.decide`` beside the state and the instant."""

from __future__ import annotations

from dataclasses import dataclass

from automation_engine.rules.model import ImportConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """A PUT was accepted: the automation shall be as ``config`` says."""

    config: ImportConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """Somebody paused the automation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """Somebody resumed the automation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """Time passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """A process took over: what was known about the storage is old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequested:
    """Somebody wants what is settled to be imported now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RescanRequested:
    """Somebody wants a scan now, or a claimed object was sent back to settle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The ledger's summary after a complete scan: what waits, how many, since when.

    ``held`` counts objects that can't become ready as they are (temporary names, empty, behind an earlier version).
    ``oldest_at`` is the first sighting of the oldest of ``ready + settling``, ``newest_at`` of the newest of all.
    """

    ready: int = 0
    settling: int = 0
    held: int = 0
    oldest_at: float | None = None
    newest_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanCompleted:
    """Every page of scan ``epoch`` arrived. ``changed``: it met at least one new identity."""

    epoch: int
    started_at: float
    finished_at: float
    changed: bool
    pending: Pending


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFailed:
    """Scan ``epoch`` did not complete. ``jitter`` in [0, 1) is the chance that the retry's delay is drawn with."""

    epoch: int
    cause: str
    jitter: float


ImportEvent = (
    Configured | Paused | Resumed | Ticked | Restarted | RunRequested | RescanRequested | ScanCompleted | ScanFailed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfigured:
    """A PUT of an export automation was accepted."""

    destination_connector_id: str
    destination_subpath: str
    enabled: bool
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """A prompt run of the index ended ``completed`` or ``completed_with_failures``."""

    run_id: str


ExportEvent = ExportConfigured | Paused | Resumed | Ticked | RunFinished
