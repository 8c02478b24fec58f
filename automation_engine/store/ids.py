"""Ids: a prefix that names the kind, then 26 characters that sort by time of creation.

The characters are Crockford's base 32 of 128 bits, 48 of them the time in milliseconds, as in a ULID. The random part
comes from an injected source, so that a seed reproduces a run exactly.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 80


class Ids:
    """Makes ids; ``bits(n)`` returns n random bits."""

    def __init__(self, bits: Callable[[int], int] = secrets.randbits) -> None:
        self._bits = bits

    @classmethod
    def seeded(cls, seed: int) -> Ids:
        """Return a source whose ids depend on nothing but the seed and the time."""
        return cls(random.Random(seed).getrandbits)  # noqa: S311 - reproducible on purpose, not a secret

    def new(self, prefix: str, now: float) -> str:
        """Return a new id, ``prefix_`` and 26 characters. ``now`` in seconds since the epoch."""
        number = (int(now * 1000) % (1 << 48)) << _RANDOM_BITS | self._bits(_RANDOM_BITS)
        return f"{prefix}_" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
