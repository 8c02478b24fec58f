"""The simulated storage: what is there, what was there, what it answered, and how it fails.

Time here is the true one: seconds since the run began, which no clock step touches.
"""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field

from automation_engine.connectors.protocol import ObjectInfo
from automation_engine.errors import (
    ObjectNotFound,
    StorageDenied,
    StorageError,
    StorageThrottled,
    StorageUnavailable,
    VersionMismatch,
)
from tests.simulation.process import PROCESS


@dataclass(slots=True, kw_only=True)
class Version:
    """One state of an object's bytes. ``whole``: its writer was done. ``poison``: what they do to who reads them.

    ``victims``: how many processes they ended.
    """

    key: str
    token: str
    size: int
    modified: float
    born: float
    whole: bool
    died: float | None = None
    poison: str | None = None
    victims: int = 0

    def content(self, length: int) -> bytes:
        """Return its first bytes: whether they are whole, and which version they are."""
        text = f"{(self.poison or 'whole') if self.whole else 'torn'}:{self.token}:".encode()
        return text[:length].ljust(length, b".")


@dataclass(slots=True, kw_only=True)
class Listing:
    """One listing as it was answered: what it held, from when to when; ``ended`` is None unless it was complete."""

    process: str
    prefix: str
    recursive: bool
    started: float
    seen: dict[str, str] = field(default_factory=dict)
    ended: float | None = None
    stale: bool = False


@dataclass(slots=True, kw_only=True)
class Call:
    """A storage call, for the judgement of who calls while nobody should."""

    at: float
    process: str
    what: str


class Bucket:
    """A bucket with its history, and the faults that are in force."""

    def __init__(self, name: str, chance: random.Random, now: Callable[[], float], wall: Callable[[], float]) -> None:
        self.name = name
        self.live: dict[str, Version] = {}
        self.history: list[Version] = []
        self.listings: list[Listing] = []
        self.pages: list[Call] = []
        self.puts: list[tuple[float, str, bytes]] = []
        self.chance = chance
        self.now = now
        self.wall = wall
        self.away_until = self.denied_until = self.throttled_until = self.slow_until = -1.0
        self.odds = 0.0
        self.page_size = 50
        self.slowness = 0.0
        self.listing_faults: list[tuple[str, float]] = []
        self.faults: dict[str, int] = {}
        self._versions = 0

    def write(
        self, key: str, size: int, *, whole: bool = True, modified: float | None = None, poison: str | None = None
    ) -> None:
        """Put an object there, or other bytes in its place."""
        self._versions += 1
        self.remove(key)
        at = self.wall() if modified is None else modified
        token = f"v{self._versions}"
        version = Version(key=key, token=token, size=size, modified=at, born=self.now(), whole=whole, poison=poison)
        self.live[key] = version
        self.history.append(version)

    def append(self, key: str, size: int, *, whole: bool) -> None:
        """Let an object grow: in place, under another version."""
        grown = self.live[key].size if key in self.live else 0
        self.write(key, grown + size, whole=whole)

    def replace(self, key: str) -> None:
        """Replace an object by another one of the same size and age."""
        if key in self.live:
            there = self.live[key]
            self.write(key, there.size, modified=there.modified, poison=there.poison)

    def remove(self, key: str) -> None:
        """Delete an object, if it is there."""
        version = self.live.pop(key, None)
        if version is not None:
            version.died = self.now()

    def rename(self, key: str, to: str) -> None:
        """Give an object another key."""
        version = self.live.get(key)
        if version is not None and to != key:
            self.remove(key)
            self.write(to, version.size, whole=version.whole, modified=version.modified, poison=version.poison)

    def as_of(self, instant: float) -> dict[str, Version]:
        """Return what was there at an instant."""
        upto = bisect_right(self.history, instant, key=lambda version: version.born)
        return {v.key: v for v in self.history[:upto] if v.died is None or v.died > instant}

    def hurt(self, kind: str) -> None:
        """Count a fault that a caller felt."""
        self.faults[kind] = self.faults.get(kind, 0) + 1

    def trouble(self) -> StorageError | None:
        """Return what a call that is made now fails with."""
        now = self.now()
        if now < self.away_until:
            self.hurt("storage away")
            return StorageUnavailable(f"{self.name}: no answer")
        if now < self.denied_until:
            self.hurt("credentials expired")
            return StorageDenied(f"{self.name}: the credentials expired")
        if now < self.throttled_until and self.chance.random() < self.odds:
            self.hurt("throttled")
            return StorageThrottled(f"{self.name}: slow down")
        return None

    def latency(self) -> float:
        """Draw how long a call takes, in seconds."""
        if self.now() < self.slow_until:
            return self.chance.random() * self.slowness
        return self.chance.choice((0.01, 0.05, 0.2, 1.0))


class SimulatedStore:
    """One bucket as an ``ObjectStore``."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket

    def uri(self, key: str) -> str:
        """Return the object's address."""
        return f"sim://{self.bucket.name}/{key}"

    def location(self, prefix: str) -> str:
        """Return the folder's address."""
        return self.uri(prefix)

    async def _call(self) -> None:
        """Take the time that a call takes; fail as the storage does; freeze and die as the process does."""
        process = PROCESS.get()
        if process is not None:
            process.step()
            await process.gate()
        await asyncio.sleep(self.bucket.latency())
        if process is not None:
            await process.gate()
            process.step()
        trouble = self.bucket.trouble()
        if trouble is not None:
            raise trouble

    async def list_pages(self, prefix: str, *, recursive: bool) -> AsyncGenerator[list[ObjectInfo], None]:
        """Yield pages in the order of keys, each as of the instant at which it is asked for."""
        bucket, process = self.bucket, PROCESS.get()
        name = "" if process is None else process.name
        listing = Listing(process=name, prefix=prefix, recursive=recursive, started=bucket.now())
        bucket.listings.append(listing)
        fault, amount = bucket.listing_faults.pop(0) if bucket.listing_faults else ("", 0.0)
        listing.stale = fault == "stale"
        number, after = 0, ""
        while True:
            bucket.pages.append(Call(at=bucket.now(), process=name, what="list"))
            await self._call()
            if fault == "bad page" and number >= amount:
                bucket.hurt("failed or truncated page")
                raise StorageUnavailable(f"{bucket.name}: page {number} never arrived")
            page, last = self._page(prefix, after, recursive=recursive, age=amount if listing.stale else 0.0)
            listing.seen |= {info.key: info.version for info in page}
            if last:
                listing.ended = bucket.now()
                if listing.stale:
                    bucket.hurt("stale listing")
            if page:
                yield page
                if fault == "repeated page":
                    bucket.hurt("repeated page")
                    yield page
                after = page[-1].key
            if last:
                return
            number += 1

    def _page(self, prefix: str, after: str, *, recursive: bool, age: float) -> tuple[list[ObjectInfo], bool]:
        there = self.bucket.as_of(self.bucket.now() - age) if age else self.bucket.live
        keys = sorted(
            key
            for key in there
            if key > after and key.startswith(prefix) and (recursive or "/" not in key[len(prefix) :])
        )
        page = [
            ObjectInfo(key=key, version=there[key].token, size=there[key].size, last_modified=there[key].modified)
            for key in keys[: self.bucket.page_size]
        ]
        return page, len(keys) <= self.bucket.page_size

    async def head(self, key: str) -> ObjectInfo:
        """Describe an object."""
        await self._call()
        version = self._there(key)
        return ObjectInfo(key=key, version=version.token, size=version.size, last_modified=version.modified)

    def _there(self, key: str, token: str | None = None) -> Version:
        version = self.bucket.live.get(key)
        if version is None:
            raise ObjectNotFound(f"{self.uri(key)}: not there")
        if token is not None and version.token != token:
            raise VersionMismatch(f"{self.uri(key)}: is {version.token}, not {token}")
        return version

    async def read_range(self, key: str, *, version: str, start: int, length: int) -> bytes:
        """Read bytes of exactly that version, looked at before and after."""
        self._there(key, version)
        await self._call()
        return self._there(key, version).content(start + length)[start:]

    async def read_stream(self, key: str, *, version: str) -> AsyncIterator[bytes]:
        """Read it whole."""
        yield await self.read_range(key, version=version, start=0, length=self._there(key, version).size)

    async def put(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str) -> ObjectInfo:  # noqa: ARG002 - of the protocol
        """Write an object whole or not at all."""
        data = b"".join([chunk async for chunk in chunks])
        await self._call()
        self.bucket.write(key, len(data))
        self.bucket.puts.append((self.bucket.now(), key, data))
        process = PROCESS.get()
        if process is not None:
            process.step()
        return await self.head(key)

    async def test(self) -> None:
        """Reach the storage."""
        await self._call()

    async def close(self) -> None:
        """Nothing is open."""
