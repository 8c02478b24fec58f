"""Recordings: what the scans of an automation found to have changed, compact, to be replayed under other settings.

A row is one scan. Its changes are JSON lines, compressed: first ``Head``, then files in groups, last what was gone.
Files are numbered in the order in which they are written, on from the row before; who is gone is named by number. A
file is kept with the first half of its fingerprint, so that a process which starts anew knows what was recorded.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import delete, func
from sqlalchemy import select as select_columns
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.store.database import Transaction
from automation_engine.store.tables import Recording

PRINT = 8
"""Bytes of a fingerprint that are kept."""

_GROUP = 500
_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What was listed."""

    connector_id: str
    prefix: str
    recursive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What precedes the changes of a scan. ``number``: of the first file.

    ``baseline``: a recording begins here; what was there before stands in the row too. ``survey``: it was the first
    scan of its generation.
    """

    place: Place
    number: int
    baseline: bool = False
    survey: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFile:
    """A version of a file: its path below the prefix, its bytes, the first half of its fingerprint."""

    path: str
    size: int
    print: bytes
    before: bool = False
    """Whether it was there before the recording began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one scan found. ``narrow``: from now on only what the pattern matched was recorded."""

    head: Head
    files: Sequence[RecordedFile]
    gone: Sequence[int]
    narrow: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedScan:
    """A recorded scan as it stands in its row. ``blob`` is what ``decode`` reads."""

    epoch: int
    generation: int
    at: float
    failed: bool
    arrivals: int
    blob: bytes


@dataclass(slots=True)
class Encoder:
    """Writes the changes of one scan, file by file: no more than a group of them is held."""

    head: Head
    files: int = 0
    arrivals: int = 0
    _group: list[RecordedFile] = field(default_factory=list)
    _parts: list[bytes] = field(default_factory=list)
    _compressor: Any = field(default_factory=lambda: zlib.compressobj(_LEVEL))

    def __post_init__(self) -> None:
        self._write(asdict(self.head))

    def add(self, file: RecordedFile) -> None:
        """Write a file."""
        if self._group and (self._group[0].before != file.before or len(self._group) == _GROUP):
            self._flush()
        self._group.append(file)
        self.files += 1
        self.arrivals += not file.before

    def finish(self, gone: Sequence[int], *, narrow: bool) -> bytes:
        """Write the end, and return all of it."""
        self._flush()
        steps = [number - before for number, before in zip(gone, [0, *gone], strict=False)]
        self._write({"gone": steps, "narrow": narrow})
        return b"".join([*self._parts, self._compressor.flush()])

    def _flush(self) -> None:
        if self._group:
            group = {
                "before": self._group[0].before,
                "paths": [file.path for file in self._group],
                "sizes": [file.size for file in self._group],
                "prints": b"".join(file.print for file in self._group).hex(),
            }
            self._write(group)
            self._group = []

    def _write(self, line: dict[str, Any]) -> None:
        self._parts.append(self._compressor.compress(json.dumps(line, separators=(",", ":")).encode() + b"\n"))


def decode(blob: bytes) -> Changes:
    """Read what an ``Encoder`` wrote. Raises ``ValueError`` for anything else."""
    try:
        head, *groups, end = [json.loads(line) for line in zlib.decompress(blob).splitlines()]
        return Changes(
            head=Head(**{**head, "place": Place(**head["place"])}),
            files=[file for group in groups for file in _files(group)],
            gone=list(_summed(end["gone"])),
            narrow=end["narrow"],
        )
    except (zlib.error, KeyError, TypeError) as error:
        raise ValueError(f"a recording was damaged: {error}") from error


def _files(group: dict[str, Any]) -> Iterator[RecordedFile]:
    prints = bytes.fromhex(group["prints"])
    for at, (path, size) in enumerate(zip(group["paths"], group["sizes"], strict=True)):
        yield RecordedFile(path=path, size=size, print=prints[at * PRINT : (at + 1) * PRINT], before=group["before"])


def _summed(steps: Sequence[int]) -> Iterator[int]:
    number = 0
    for step in steps:
        number += step
        yield number


async def add(tx: Transaction, automation_seq: int, scan: RecordedScan) -> None:
    """Add a recorded scan; one that is there already stays as it is."""
    insert = sqlite.insert if tx.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = {
        "automation_seq": automation_seq,
        "epoch": scan.epoch,
        "generation": scan.generation,
        "at": scan.at,
        "failed": scan.failed,
        "arrivals": scan.arrivals,
        "changes": scan.blob,
    }
    await (await tx.connection()).execute(insert(Recording).on_conflict_do_nothing(), row)


async def load(session: AsyncSession, automation_seq: int, *, after_epoch: int = -1) -> list[RecordedScan]:
    """Return the recorded scans behind an epoch, the oldest first."""
    statement = (
        select_columns(
            col(Recording.epoch),
            col(Recording.generation),
            col(Recording.at),
            col(Recording.failed),
            col(Recording.arrivals),
            col(Recording.changes),
        )
        .where(col(Recording.automation_seq) == automation_seq, col(Recording.epoch) > after_epoch)
        .order_by(col(Recording.epoch))
    )
    return [
        RecordedScan(
            epoch=row.epoch,
            generation=row.generation,
            at=row.at,
            failed=row.failed,
            arrivals=row.arrivals,
            blob=row.changes,
        )
        for row in (await (await session.connection()).execute(statement)).all()
    ]


async def prune(tx: Transaction, automation_seq: int, *, before: float, max_bytes: int) -> None:
    """Delete what was recorded before an instant, and the oldest of what is more than ``max_bytes``."""
    mine = col(Recording.automation_seq) == automation_seq
    await tx.exec(delete(Recording).where(mine, col(Recording.at) < before))
    lengths = select_columns(col(Recording.epoch), func.length(col(Recording.changes))).where(mine)
    rows = (await (await tx.connection()).execute(lengths.order_by(col(Recording.epoch).desc()))).all()
    kept = 0
    for epoch, length in rows:
        kept += length
        if kept > max_bytes:
            await tx.exec(delete(Recording).where(mine, col(Recording.epoch) <= epoch))
            return


async def forget(tx: Transaction, automation_seq: int) -> None:
    """Delete everything that was recorded of an automation."""
    await tx.exec(delete(Recording).where(col(Recording.automation_seq) == automation_seq))
