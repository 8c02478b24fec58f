"""What previews and simulations answer alike: files, and batches that would fire."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from automation_engine.rules.replay import ReplayedBatch
from automation_engine.servicers.times import timestamp
from automation_engine.servicers.words import number
from automation_engine.v1 import automation_pb2, forecast_pb2

EXAMPLES = 20
"""Most files that are named of a kind."""
BATCHES = 100
"""Most batches that are named."""

_TRIGGER = automation_pb2.BatchTrigger.DESCRIPTOR


class Tally:
    """Files of one kind: how many, their bytes, and the first ones by key."""

    def __init__(self) -> None:
        self.count = 0
        self.bytes = 0
        self._first: list[tuple[str, int]] = []

    def add(self, key: str, size: int) -> None:
        """Count a file."""
        self.count += 1
        self.bytes += size
        if len(self._first) < EXAMPLES or key < self._first[-1][0]:
            insort(self._first, (key, size))
            del self._first[EXAMPLES:]

    @property
    def examples(self) -> list[forecast_pb2.ForecastFile]:
        """The first ones by key."""
        return files(self._first)


def counted(count: int) -> str:
    """Return a number of files in words."""
    return "1 file" if count == 1 else f"{count:,} files"


def files(found: Iterable[tuple[str, int]]) -> list[forecast_pb2.ForecastFile]:
    """Return files, given as key and size, as messages."""
    return [forecast_pb2.ForecastFile(path=_text(key), size_bytes=size) for key, size in found]


def batch(fired: ReplayedBatch, folder: str) -> forecast_pb2.ForecastBatch:
    """Return a batch that would fire as its message; ``folder`` is what its paths lie below."""
    return forecast_pb2.ForecastBatch(
        fires_at=timestamp(fired.fired_at),
        trigger=number(_TRIGGER, fired.trigger.value),
        object_count=len(fired.members),
        bytes=fired.bytes,
        held_reason=fired.held_reason,
        examples=files((folder + member.path, member.size) for member in fired.members[:EXAMPLES]),
    )


def _text(key: str) -> str:
    """Return a key as text that a message can hold: a file's name may be no UTF-8."""
    return key.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
