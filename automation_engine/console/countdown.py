"""The engine's clock, as far as its answers tell it: it may be set otherwise than ours, and run faster."""

from __future__ import annotations


class EngineClock:
    """Tells the engine's time between two of its answers. Instants are seconds, of each clock since its own epoch."""

    def __init__(self) -> None:
        self._engine = 0.0
        self._local = 0.0
        self._rate = 1.0
        self._known = False

    def observe(self, engine: float, local: float) -> None:
        """Learn that it was ``engine`` there when it was ``local`` here; two answers tell how fast it runs."""
        elapsed = local - self._local
        if self._known and elapsed > 0:
            # A clock that was set back runs, for all that we know, as ours does.
            self._rate = (engine - self._engine) / elapsed if engine > self._engine else 1.0
        self._engine, self._local, self._known = engine, local, True

    def now(self, local: float) -> float:
        """Return what time it is there when it is ``local`` here."""
        return self._engine + (local - self._local) * self._rate
