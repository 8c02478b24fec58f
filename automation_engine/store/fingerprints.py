"""A compact set of identities: 16 bytes each, tested a page at a time.

A fingerprint is the 128-bit BLAKE2b hash of *(connector, key, version)*. Among n identities, two share one with a
probability of n²/2¹²⁹: for a million of them, 10⁻²⁷.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WORDS = np.dtype([("high", ">u8"), ("low", ">u8")])
SIZE = _WORDS.itemsize


def total(prints: bytes) -> int:
    """Return the sum modulo 2^128 of joined fingerprints: it stands for a set of identities, in whatever order."""
    limbs = np.frombuffer(prints, dtype=">u4").reshape(-1, 4).sum(axis=0, dtype=np.uint64)
    return sum(int(limb) << shift for limb, shift in zip(limbs, (96, 64, 32, 0), strict=True)) % (1 << 128)


def fingerprint(connector_id: str, key: str, version: str) -> bytes:
    """Return the 16 bytes that stand for an identity."""
    identity = f"{connector_id}\0{key}\0{version}".encode("utf-8", "surrogateescape")
    return blake2b(identity, digest_size=SIZE).digest()


class Fingerprints:
    """An immutable set of fingerprints, kept sorted. ``positions`` tests a page at once.

    ``codes`` has one byte for each fingerprint that was given, in their order: what else is known of it. Unset: 0.
    """

    def __init__(self, fingerprints: Iterable[bytes] = (), codes: bytes = b"") -> None:
        words = np.frombuffer(b"".join(fingerprints), dtype=_WORDS)
        high, low = words["high"].astype(np.uint64), words["low"].astype(np.uint64)
        order = np.lexsort((low, high))
        high, low = high[order], low[order]
        first = np.ones(len(order), dtype=np.bool_)  # of those that are the same
        first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
        self._high: NDArray[np.uint64] = high[first]
        self._low: NDArray[np.uint64] = low[first]
        given = np.frombuffer(codes, dtype=np.uint8)
        self.codes: NDArray[np.uint8] = given[order][first] if codes else np.broadcast_to(np.uint8(0), len(self._high))

    def __len__(self) -> int:
        return len(self._high)

    @property
    def nbytes(self) -> int:
        """Bytes that the set occupies."""
        return self._high.nbytes + self._low.nbytes + self.codes.strides[0] * len(self.codes)

    def joined(self, chosen: NDArray[np.bool_] | slice = slice(None)) -> bytes:
        """Return the fingerprints of the chosen positions, or all, joined, in their order."""
        high, low = self._high[chosen], self._low[chosen]
        words = np.empty(len(high), dtype=_WORDS)
        words["high"], words["low"] = high, low
        return words.tobytes()

    def positions(self, page: Sequence[bytes]) -> NDArray[np.int64]:
        """Return for each fingerprint of the page its position in the set, or -1 where it is unknown."""
        words = np.frombuffer(b"".join(page), dtype=_WORDS)
        high, low = words["high"].astype(np.uint64), words["low"].astype(np.uint64)
        at = np.searchsorted(self._high, high)
        found = np.full(len(page), -1, dtype=np.int64)
        searching = self._inside(at, high)
        while searching.any():  # goes round again only for those that share the upper half with another one
            hit = np.zeros_like(searching)
            hit[searching] = self._low[at[searching]] == low[searching]
            found[hit] = at[hit]
            at = at + 1
            searching = searching & ~hit & self._inside(at, high)
        return found

    def _inside(self, at: NDArray[Any], high: NDArray[np.uint64]) -> NDArray[np.bool_]:
        inside: NDArray[np.bool_] = at < len(self._high)
        inside[inside] = self._high[at[inside]] == high[inside]
        return inside
