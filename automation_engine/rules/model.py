"""The values that the engine decides on. Instants are seconds since the Unix epoch, UTC; spans are seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SETTLE = 30.0
"""An object is ready when two complete scans at least this far apart saw the same identity."""
SCAN_INTERVAL_MIN = 30.0
SCAN_INTERVAL_MAX = 300.0
BACKOFF_MAX = 900.0
"""Retries against unreachable storage are never further apart than this."""
BATCH_CAP = 10_000
"""Most objects in one batch; more become a sequence of batches."""
MAX_WAIT_MAX = 30 * 86_400.0
"""No window stays open longer than this, whatever is asked for."""

DEBOUNCE_INTERVALS: dict[str, float] = {"5m": 300.0, "10m": 600.0, "1h": 3_600.0, "1d": 86_400.0}
"""The four words of the contract. ``1d`` is 86,400 s, not a calendar day."""


def default_max_wait(debounce: float) -> float:
    """Return 3·D, and two days for ``1d``."""
    return min(3 * debounce, 2 * 86_400.0)


def scan_interval(debounce: float) -> float:
    """Return the span between two scans: D/10, at least 30 s, at most 5 min."""
    return min(max(debounce / 10, SCAN_INTERVAL_MIN), SCAN_INTERVAL_MAX)


class Phase(StrEnum):
    """Where an import automation stands. Degraded storage is a condition beside the phase, not a phase."""

    STOPPED = "stopped"
    """Disabled or paused: no storage calls, no window, no firing."""
    STARTING = "starting"
    """Created, resumed or pointed elsewhere: one fresh complete scan comes before anything else."""
    IDLE = "idle"
    """Nothing waits to be imported."""
    WAITING = "waiting"
    """A window is open: objects wait for quiet, or for the longest wait to end."""
    FIRING = "firing"
    """A sequence of batches is being started, one a transaction."""


class Trigger(StrEnum):
    """What made a batch fire."""

    QUIET = "quiet"
    MAX_WAIT = "max_wait"
    MANUAL = "manual"


class ImportMode(StrEnum):
    """``all`` imports every new identity; ``new_only`` only the first version of a key."""

    ALL = "all"
    NEW_ONLY = "new_only"


class ExistingFiles(StrEnum):
    """What becomes of the objects that the first complete scan of a generation meets.

    ``import`` treats them as arrivals. ``skip`` enters them in the ledger as skipped: only later ones are imported.
    """

    IMPORT = "import"
    SKIP = "skip"


class LedgerState(StrEnum):
    """The life of an identity: settling → ready → claimed → imported | failed | skipped, or gone before its claim."""

    SETTLING = "settling"
    READY = "ready"
    CLAIMED = "claimed"
    IMPORTED = "imported"
    FAILED = "failed"
    SKIPPED = "skipped"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is watched. A change of any of these starts a new generation."""

    connector_id: str
    source_prefix: str = ""
    file_pattern: str = "*"
    recursive: bool = True
    exclude_patterns: tuple[str, ...] = ()
    """What any of these globs matches is not watched."""
    done_file_pattern: str | None = None
    """The name of a sidecar that declares a file whole (see ``sidecars``): without it the file does not settle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuse:
    """A batch with more files or more bytes than this waits for somebody to approve it. None is no limit."""

    max_files: int | None = None
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        limits = {"max_files": self.max_files, "max_bytes": self.max_bytes}
        if all(limit is None for limit in limits.values()):
            raise ValueError("spend_fuse: needs max_files, max_bytes or both")
        for name, limit in limits.items():
            if limit is not None and limit < 1:
                raise ValueError(f"spend_fuse.{name} {limit}: must be at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportConfig:
    """A saved import automation, as far as decisions depend on it."""

    watch: Watch
    debounce: float
    enabled: bool = True
    paused: bool = False
    max_wait: float | None = None
    batch_cap: int = BATCH_CAP
    existing_files: ExistingFiles = ExistingFiles.IMPORT
    spend_fuse: Fuse | None = None

    def __post_init__(self) -> None:
        if self.debounce not in DEBOUNCE_INTERVALS.values():
            raise ValueError(f"debounce {self.debounce}: must be one of 300, 600, 3600, 86400 s")
        if self.max_wait is not None and self.max_wait < self.debounce:
            raise ValueError(f"max_wait {self.max_wait}: must be at least the debounce interval, {self.debounce}")
        if self.max_wait is not None and self.max_wait > MAX_WAIT_MAX:
            raise ValueError(f"max_wait {self.max_wait}: must be at most 30 days, {MAX_WAIT_MAX}")
        if not 1 <= self.batch_cap <= BATCH_CAP:
            raise ValueError(f"batch_cap {self.batch_cap}: must be 1 to {BATCH_CAP}")
        most = None if self.spend_fuse is None else self.spend_fuse.max_files
        if most is not None and most >= self.batch_cap:
            raise ValueError(f"spend_fuse.max_files {most}: no batch is larger than {self.batch_cap}; must be less")

    @property
    def active(self) -> bool:
        """Whether the automation watches at all."""
        return self.enabled and not self.paused

    @property
    def longest_wait(self) -> float:
        """The span after which a window fires although arrivals go on."""
        return default_max_wait(self.debounce) if self.max_wait is None else self.max_wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Degraded:
    """Storage does not answer: why, since when, and how often in a row it was tried."""

    cause: str
    since: float
    attempts: int


@dataclass(frozen=True, kw_only=True)
class ImportState:
    """All that an import automation remembers beside its ledger. Without slots, so that ``amended`` is quick."""

    automation_id: str
    config: ImportConfig
    phase: Phase = Phase.STOPPED
    generation: int = 1
    """Grows with every change of ``config.watch``."""
    epoch: int = 0
    """The newest scan. What an older one reports is ignored."""
    surveyed: int = 0
    """The newest generation whose first complete scan was taken in; 0 while there is none."""
    sequence: int = 0
    """Batches started in this generation."""
    scanning: bool = False
    next_scan_at: float | None = None
    scanned_at: float | None = None
    """When the latest complete scan ended; None while there is none that may be relied upon."""
    floor_at: float | None = None
    """The end of the first complete scan since the automation started to watch: no window began before it."""
    last_change_at: float | None = None
    """When the engine last observed a new or changed matching object."""
    window_opened_at: float | None = None
    """``first_unfired_seen``: since when the oldest waiting object waits."""
    ready: int = 0
    settling: int = 0
    left_to_fire: int = 0
    trigger: Trigger | None = None
    """Why the present sequence of batches fires."""
    run_requested: bool = False
    degraded: Degraded | None = None

    @property
    def skips_existing(self) -> bool:
        """Whether what the next complete scan meets was there before: it is the first one of its generation."""
        return self.surveyed != self.generation and self.config.existing_files is ExistingFiles.SKIP

    @property
    def quiet_at(self) -> float | None:
        """The end of the quiet window: ``last_change + D``."""
        if self.phase is not Phase.WAITING or self.last_change_at is None:
            return None
        return self.last_change_at + self.config.debounce

    @property
    def deadline_at(self) -> float | None:
        """The end of the longest wait: ``first_unfired_seen + max_wait``."""
        if self.phase is not Phase.WAITING or self.window_opened_at is None:
            return None
        return self.window_opened_at + self.config.longest_wait

    @property
    def next_trigger_at(self) -> float | None:
        """When the window fires if nothing more arrives."""
        ends = [end for end in (self.quiet_at, self.deadline_at) if end is not None]
        return min(ends, default=None)

    def knows(self, instant: float) -> bool:
        """Whether the latest complete scan is fresh enough to fire on at an instant."""
        return self.scanned_at is not None and instant - self.scanned_at <= scan_interval(self.config.debounce) + SETTLE

    @property
    def next_action_at(self) -> float | None:
        """When time alone makes a difference next: the tick need not look before. Never further on than a retry."""
        if self.phase is Phase.STOPPED:
            return None
        if self.phase is Phase.FIRING:
            return 0.0
        actions = [] if self.next_scan_at is None else [self.next_scan_at]
        if self.deadline_at is not None and self.ready and self.degraded is None and self.knows(self.deadline_at):
            actions.append(self.deadline_at)
        return min(actions, default=None)


def amended(state: ImportState, **changes: Any) -> ImportState:
    """Return the state with changes, as the slower ``dataclasses.replace`` does: every decision copies it."""
    remembered = vars(state)
    if not changes.keys() <= remembered.keys():
        raise TypeError(f"an import automation remembers nothing of {', '.join(changes.keys() - remembered.keys())}")
    copy = object.__new__(ImportState)
    vars(copy).update(remembered, **changes)
    return copy


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportState:
    """An export automation. The runs that wait for a resume are rows of their own."""

    automation_id: str
    destination_connector_id: str
    destination_subpath: str = ""
    enabled: bool = True
    paused: bool = False
    generation: int = 1

    @property
    def active(self) -> bool:
        """Whether finished runs are delivered at once."""
        return self.enabled and not self.paused
