"""Time, injected: real, accelerated or virtual.

Everything that needs the time takes a ``Clock``; instants are seconds since the Unix epoch, UTC, as ``float``.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """``now()`` in seconds since the epoch; ``scale`` engine seconds pass in one real second."""

    scale: float

    def now(self) -> float:
        """Return the present instant, in seconds since the Unix epoch."""
        ...


class SystemClock:
    """The machine's own clock, run ``scale`` times faster from the moment of construction on.

    At ``scale == 1`` it *is* the wall clock and follows its steps, as the law's section 9 expects.
    """

    def __init__(self, scale: float = 1.0) -> None:
        if not 1.0 <= scale <= 100_000.0:
            raise ValueError(f"time scale {scale}: must lie between 1 and 100,000")
        self.scale = scale
        self._started_at = time.time()
        self._started_tick = time.monotonic()

    def now(self) -> float:
        """Return the present instant, in seconds since the Unix epoch."""
        if self.scale == 1.0:
            return time.time()
        return self._started_at + (time.monotonic() - self._started_tick) * self.scale


class VirtualClock:
    """A clock that moves only when told to: for tests and the simulator."""

    def __init__(self, now: float = 1_767_225_600.0) -> None:
        self.scale = 1.0
        self._now = now

    def now(self) -> float:
        """Return the present instant, in seconds since the Unix epoch."""
        return self._now

    def advance(self, seconds: float) -> float:
        """Move by ``seconds`` (a negative step is a clock set back) and return the new instant."""
        self._now += seconds
        return self._now
