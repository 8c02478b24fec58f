"""One listing held against the ledger: what is new, and what of the waiting was seen.

An order-free membership test of fingerprints, a page at a time; servers list in different orders, and nothing here
depends on one. New objects are spooled to disk, so that the first scan of a million objects needs no more memory than
the hundredth.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator, Sequence
from tempfile import SpooledTemporaryFile

import numpy as np

from automation_engine.connectors.protocol import ObjectInfo
from automation_engine.rules.matching import compile_pattern, folder
from automation_engine.rules.model import Watch
from automation_engine.store.fingerprints import Fingerprints, fingerprint

NewObject = tuple[bytes, str, str, int, float]
"""Fingerprint, key, version, size in bytes, last modified in seconds since the epoch."""

_SPOOL = 8 << 20
_SPOOLED = 5_000
"""New objects that are put by, and later admitted, together."""


class Census:
    """Counts a listing. ``take`` every page, then ask ``new`` and ``seen``; ``close`` it afterwards."""

    def __init__(self, watch: Watch, known: Fingerprints) -> None:
        self._watch = watch
        self._folder = folder(watch.source_prefix)
        self._pattern = compile_pattern(watch.file_pattern)
        self._known = known
        self._seen = np.zeros(len(known), dtype=np.bool_)
        self._fresh: list[NewObject] = []
        self._spool = SpooledTemporaryFile(max_size=_SPOOL)  # noqa: SIM115 - closed by close()
        self.known = len(known)
        self.listed = 0
        self.matched = 0
        self.new = 0

    def take(self, page: Sequence[ObjectInfo]) -> None:
        """Count one page of the listing."""
        self.listed += len(page)
        matching = [info for info in page if self._pattern.matches(self.path(info.key))]
        if not matching:
            return
        self.matched += len(matching)
        prints = [fingerprint(self._watch.connector_id, info.key, info.version) for info in matching]
        positions = self._known.positions(prints)
        self._seen[positions[positions >= 0]] = True
        for at in np.flatnonzero(positions < 0).tolist():
            info = matching[at]
            self._fresh.append((prints[at], info.key, info.version, info.size, info.last_modified))
            self.new += 1
        if len(self._fresh) >= _SPOOLED:
            self._put_by()

    def watches(self, key: str) -> bool:
        """Whether the automation is about a key at all."""
        return key.startswith(self._folder) and self._pattern.matches(self.path(key))

    def path(self, key: str) -> str:
        """Return a key's path below the watched folder."""
        return key[len(self._folder) :]

    def pages_of_new(self) -> Iterator[list[NewObject]]:
        """Yield the new objects, in pages."""
        self._put_by()
        end = self._spool.tell()
        self._spool.seek(0)
        while self._spool.tell() < end:
            yield marshal.load(self._spool)  # noqa: S302 - written by this object alone

    def _put_by(self) -> None:
        if self._fresh:
            marshal.dump(self._fresh, self._spool)
            self._fresh = []

    def seen(self, prints: Sequence[bytes]) -> list[bool]:
        """Return for each fingerprint whether the listing held it."""
        if not prints:
            return []
        positions = self._known.positions(prints)
        return [at >= 0 and bool(self._seen[at]) for at in positions.tolist()]

    def close(self) -> None:
        """Delete the spooled pages."""
        self._spool.close()
