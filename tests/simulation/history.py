"""What truly happened in a world, in true seconds: all that the oracle judges by."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.simulation.plan import Plan
from tests.simulation.storage import Bucket, Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """What the automation was told to be, from one answer to the next. ``since`` is when it was first asked for."""

    since: float
    answered: float
    active: bool
    debounce: str
    prefix: str
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A scan that the engine took in, or noted as failed."""

    at: float
    epoch: int
    complete: bool
    listing: Listing | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A batch that was committed: its members in the order of the job."""

    at: float
    batch_id: str
    sequence: int
    trigger: str
    counted: int
    members: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A media object that was committed: key, version, and the version whose bytes were read."""

    at: float
    key: str
    token: str
    read: str


@dataclass(slots=True, kw_only=True)
class Ending:
    """What the engine says at the end."""

    files: dict[tuple[str, str], list[tuple[str, str | None]]] = field(default_factory=dict)
    """For each identity that was in a batch: status and reason code of each of its files."""
    jobs: list[tuple[str, str, int, int, int, int]] = field(default_factory=list)
    """Id, status, total, imported, failed, skipped."""
    runs: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Id, status, job."""
    exports: list[tuple[str, str, int, str]] = field(default_factory=list)
    """Run, status, generation, where it was delivered to."""
    items: list[tuple[str, str, str, str, str | None]] = field(default_factory=list)
    """Run, key and version of what it is about, status, error."""
    results: list[tuple[str, str, str]] = field(default_factory=list)
    """Run, the version that was imported, the version that was analysed."""
    certificates: list[tuple[str, int, dict[str, int] | None]] = field(default_factory=list)
    """Batch, its files, the numbers of its certificate, if it has one."""


@dataclass(slots=True, kw_only=True)
class History:
    """The world's history. ``troubles`` are spans in which the promise of timeliness is suspended."""

    plan: Plan
    bucket: Bucket
    target: Bucket
    watching: list[Watching] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    fired: list[Fired] = field(default_factory=list)
    imported: list[Imported] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    """When somebody asked for a run now."""
    failed: dict[str, int] = field(default_factory=dict)
    """How often each of the operator's calls ended in an unexpected error."""
    deleted: list[float] = field(default_factory=list)
    """When a deletion of the automation was answered: what was created after it watches anew."""
    forgotten: list[float] = field(default_factory=list)
    """When a deletion that forgets the ledger was answered: what is imported after it is imported anew."""
    modes: list[str] = field(default_factory=list)
    """Import modes that the connector was switched to, beside the plan's."""
    retried: set[str] = field(default_factory=set)
    """Jobs whose failures were tried again."""
    held: dict[str, float] = field(default_factory=dict)
    """When a batch fired without a job."""
    started: dict[str, float] = field(default_factory=dict)
    """When a batch that was held got its job."""
    approved: set[str] = field(default_factory=set)
    """Batches that somebody asked to approve."""
    clock_steps: list[tuple[float, float]] = field(default_factory=list)
    troubles: list[tuple[float, float]] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    log: list[tuple[float, str]] = field(default_factory=list)
    export_generation: int = 1
    export_active: bool = True
    end: float = 0.0
    rested: bool = False
    """Whether everything that was there at the end was imported, analysed and exported."""
    unspent: int | None = None
    """How many steps process a was away from its death at the end."""
    ending: Ending = field(default_factory=Ending)

    def hurt(self, kind: str) -> None:
        """Count a fault that took effect."""
        self.faults[kind] = self.faults.get(kind, 0) + 1
