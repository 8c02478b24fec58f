"""Files of which a process may have died. Each attempt is written down before it is made, and they take turns.

So whoever starts after a death knows of which file it was: no other suspect was being read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

BEGUN = "an attempt has begun, and not ended"
"""What is said of a file while it is tried under suspicion."""
DEADLY = "the last time that it was tried, the process ended"
"""What is said of a file that is not tried again: a decoder crashed, or memory ran out."""
_LONGEST_WAIT = 60.0
"""Seconds that a turn is waited for: a file that takes hours, or never ends, holds nobody up for longer."""


class Turns:
    """The turns that the suspects of a process take, whichever unit of work they belong to."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def one(self, *, suspect: bool) -> AsyncIterator[None]:
        """Wait for a turn and take it. Who is no suspect needs none."""
        taken = suspect and await self._take()
        try:
            yield
        finally:
            if taken:
                self._lock.release()

    async def _take(self) -> bool:
        try:
            async with asyncio.timeout(_LONGEST_WAIT):
                return await self._lock.acquire()
        except TimeoutError:
            return False
