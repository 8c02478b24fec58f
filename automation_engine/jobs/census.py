"""One listing held against the ledger: what is new, and what of the waiting was seen.

An order-free membership test of fingerprints, a page at a time; servers list in different orders, and nothing here
depends on one. New objects are spooled to disk, so that the first scan of a million objects needs no more memory than
the hundredth.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator, Sequence
from functools import cached_property
from tempfile import SpooledTemporaryFile

import numpy as np

from automation_engine.connectors.protocol import ObjectInfo
from automation_engine.jobs.recording import Survey
from automation_engine.rules.model import Watch
from automation_engine.rules.selection import compile_selection
from automation_engine.store.fingerprints import Fingerprints, fingerprint, total

NewObject = tuple[bytes, str, str, int, float]
"""Fingerprint, key, version, size in bytes, last modified in seconds since the epoch."""

_SPOOL = 8 << 20
_SPOOLED = 5_000
"""New objects that are put by, and later admitted, together."""


class Census:
    """Counts a listing. ``take`` every page, then ask what is new, seen and declared; ``close`` it afterwards."""

    def __init__(self, watch: Watch, known: Fingerprints, survey: Survey | None = None) -> None:
        self._watch = watch
        self._survey = survey
        self._selection = compile_selection(watch)
        self._sidecars = bytearray()
        self._known = known
        self._seen = np.zeros(len(known), dtype=np.bool_)
        self._fresh: list[NewObject] = []
        self._new = bytearray()
        self._spool = SpooledTemporaryFile(max_size=_SPOOL)  # noqa: SIM115 - closed by close()
        self.known = len(known)
        self.listed = 0
        self.not_matched = 0
        self.excluded = 0
        self.new = 0

    def take(self, page: Sequence[ObjectInfo]) -> None:
        """Count one page of the listing."""
        self.listed += len(page)
        self._take_sidecars(page)
        matching = [info for info in page if self._selection.matches(self.path(info.key))]
        if len(matching) < len(page):
            self._leave_out(page, len(page) - len(matching))
        if not matching and self._survey is None:
            return
        prints = [fingerprint(self._watch.connector_id, info.key, info.version) for info in matching]
        positions = self._known.positions(prints)
        if self._survey is not None:
            self._survey.take(page, matching, prints, positions < 0)
        self._seen[positions[positions >= 0]] = True
        for at in np.flatnonzero(positions < 0).tolist():
            info = matching[at]
            self._fresh.append((prints[at], info.key, info.version, info.size, info.last_modified))
            self._new += prints[at]
            self.new += 1
        if len(self._fresh) >= _SPOOLED:
            self._put_by()

    def _leave_out(self, page: Sequence[ObjectInfo], count: int) -> None:
        """Count what is not watched, by who leaves it out: the pattern first."""
        not_matched = count
        if self._selection.excluding or self._selection.sidecar is not None:
            not_matched = sum(not self._selection.pattern.matches(self.path(info.key)) for info in page)
        self.not_matched += not_matched
        self.excluded += count - not_matched

    def _take_sidecars(self, page: Sequence[ObjectInfo]) -> None:
        """Remember the sidecars of a page, 16 bytes each: servers list them before or after what they declare."""
        sidecar = self._selection.sidecar
        if sidecar is not None:
            for info in page:
                if sidecar.matches(info.key):
                    self._sidecars += fingerprint(self._watch.connector_id, info.key, "")

    def watches(self, key: str) -> bool:
        """Whether the automation is about a key at all."""
        return self._selection.watches(key)

    def path(self, key: str) -> str:
        """Return a key's path below the watched folder."""
        return self._selection.path(key)

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

    def declared(self, keys: Sequence[str]) -> list[bool]:
        """Return for each key whether it needs no sidecar, or the listing held one of its own."""
        sidecar = self._selection.sidecar
        if sidecar is None or not keys:
            return [True] * len(keys)
        wanted = [sidecar.of(key) for key in keys]
        prints = [fingerprint(self._watch.connector_id, key, "") for names in wanted for key in names]
        held = iter((self._declaring.positions(prints) >= 0).tolist())
        return [sum(next(held) for _ in names) > 0 for names in wanted]  # not any(): each takes all of its own

    @property
    def matched(self) -> int:
        """Watched identities that were listed, however often each was."""
        return int(np.count_nonzero(self._seen)) + len(self._met)

    @property
    def listing_hash(self) -> str:
        """The sum modulo 2^128 of the fingerprints of ``matched``, as 32 hexadecimal digits."""
        listed = total(self._known.joined(self._seen)) + total(self._met.joined())
        return f"{listed % (1 << 128):032x}"

    def codes(self) -> dict[int, int]:
        """Count the known identities that were listed by their code; those of code 0 are in ``unresolved``."""
        counts = np.bincount(self._known.codes[self._seen])
        return {code: int(count) for code, count in enumerate(counts) if code and count}

    def unresolved(self) -> bytes:
        """Return the listed identities that were new, or that had code 0 when the scan began: joined fingerprints."""
        return self._known.joined(self._seen & (self._known.codes == 0)) + self._met.joined()

    @cached_property
    def _met(self) -> Fingerprints:
        return Fingerprints([bytes(self._new)])

    @cached_property
    def _declaring(self) -> Fingerprints:
        return Fingerprints([bytes(self._sidecars)])

    def close(self) -> None:
        """Delete the spooled pages."""
        self._spool.close()
