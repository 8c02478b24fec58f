"""How often a caller may call: a token bucket for each API key, for each subject of JWTs, and for each unknown caller.

A full bucket holds a burst and is filled up again at an even rate. Buckets are in memory: each process has its own.
They run on the machine's monotonic clock, however fast the engine's own clock runs.

Source: the token bucket of RFC 2697; RFC 6585 (429); draft-ietf-httpapi-ratelimit-headers.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from automation_engine.errors import RateLimited

STRANGERS_PER_MINUTE = 300
"""Calls a minute, and at once, that an address may make without credentials that are known."""

_HOUR = 3600.0
_TRUSTED = ("inproc:", "unix:")  # who comes this way is our own gateway, which tells for whom it asks


@dataclass(slots=True)
class _Bucket:
    left: float
    filled_at: float
    hour_began: float
    hour_used: int = 0


class Level(NamedTuple):
    """How full a bucket is. ``wait``: seconds until it lets a call through; ``full_in``: seconds until it is full."""

    limit: int
    remaining: int
    wait: float
    full_in: float
    hour_used: int


class Buckets:
    """Buckets by who draws from them, ``most`` at a time: the one that was left alone longest makes room."""

    def __init__(
        self, per_minute: int, burst: int, *, monotonic: Callable[[], float] = time.monotonic, most: int = 10_000
    ) -> None:
        self.per_minute = per_minute
        self._burst = burst
        self._rate = per_minute / 60
        self._monotonic = monotonic
        self._most = most
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str) -> Level:
        """Take one call out of a bucket; ``wait`` is above 0 where there was none left."""
        bucket = self._filled(name)
        if bucket.left < 1.0:
            return self._level(bucket, wait=(1.0 - bucket.left) / self._rate)
        bucket.left -= 1.0
        bucket.hour_used += 1
        return self._level(bucket, wait=0.0)

    def look(self, name: str) -> Level:
        """Return how full a bucket is."""
        return self._level(self._filled(name), wait=0.0)

    def _filled(self, name: str) -> _Bucket:
        now = self._monotonic()
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(float(self._burst), now, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
            return bucket
        self._buckets.move_to_end(name)
        bucket.left = min(float(self._burst), bucket.left + (now - bucket.filled_at) * self._rate)
        bucket.filled_at = now
        if now - bucket.hour_began >= _HOUR:
            bucket.hour_began, bucket.hour_used = now, 0
        return bucket

    def _level(self, bucket: _Bucket, wait: float) -> Level:
        full_in = (self._burst - bucket.left) / self._rate
        return Level(self._burst, int(bucket.left), wait, full_in, bucket.hour_used)


class RateLimits:
    """The limits of a process: ``per_minute`` calls of each key or subject, ``burst`` of them at once."""

    def __init__(
        self,
        per_minute: int,
        burst: int | None = None,
        *,
        strangers_per_minute: int = STRANGERS_PER_MINUTE,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.callers = Buckets(per_minute, burst or per_minute, monotonic=monotonic)
        self.strangers = Buckets(strangers_per_minute, strangers_per_minute, monotonic=monotonic)
        self._wall = wall

    def reset_at(self, level: Level) -> int:
        """Return when a bucket is full again, in seconds since the epoch."""
        return math.ceil(self._wall() + level.full_in)

    def told(self, level: Level) -> tuple[tuple[str, str], ...]:
        """Return the metadata that tell how full a bucket is."""
        return (
            ("x-ratelimit-limit", str(level.limit)),
            ("x-ratelimit-remaining", str(level.remaining)),
            ("x-ratelimit-reset", str(self.reset_at(level))),
        )


def refuse(level: Level, whose: str) -> None:
    """Raise ``RateLimited`` where a bucket had no call left."""
    if level.wait:
        raise RateLimited(
            f"too many calls {whose}: {level.limit} at once; the next one in {math.ceil(level.wait)} s",
            retry_after=level.wait,
            details={"limit": str(level.limit), "retry_after_seconds": str(math.ceil(level.wait))},
        )


def address(peer: str, metadata: Mapping[str, str | bytes]) -> str:
    """Return what stands for a caller without credentials: its IPv4 address, or the /64 network of its IPv6 address.

    ``peer`` is what gRPC calls it: ``ipv4:192.0.2.1:1234``, ``ipv6:%5B::1%5D:1234``, ``unix:…``.
    """
    told = metadata.get("x-forwarded-for")
    if peer.startswith(_TRUSTED) and isinstance(told, str):
        host = told
    else:
        host = peer.partition(":")[2].rpartition(":")[0].replace("%5B", "").replace("%5D", "").strip("[]")
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return peer
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))
