"""Random access from a decoding thread."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from automation_engine.analyzers.probe import probe
from automation_engine.connectors.local import LocalStore
from automation_engine.connectors.protocol import ObjectInfo
from automation_engine.connectors.reader import PinnedReader
from automation_engine.demo_media import write_clip
from automation_engine.errors import StorageUnavailable, VersionMismatch


def _dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same test data each time, no secret


DATA = _dice(7).randbytes(10_000)


class CountingStore(LocalStore):
    """A folder that counts its ranged reads."""

    reads = 0

    async def read_range(self, key: str, *, version: str, start: int, length: int) -> bytes:
        self.reads += 1
        return await super().read_range(key, version=version, start=start, length=length)


class SilentStore(LocalStore):
    """A storage that never answers a read."""

    async def read_range(self, key: str, *, version: str, start: int, length: int) -> bytes:  # noqa: ARG002 - as above
        await asyncio.Event().wait()
        return b""


async def _put(store: LocalStore, data: bytes) -> ObjectInfo:
    async def chunks() -> AsyncIterator[bytes]:
        yield data

    return await store.put("a", chunks(), content_type="video/mp4")


async def test_any_range_reads_as_a_slice_does(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    reader = PinnedReader(store, await _put(store, DATA), asyncio.get_running_loop(), block_size=1_000)
    dice = _dice(11)
    spans = [(dice.randrange(11_000), dice.randrange(4_000)) for _ in range(200)]
    spans += [(0, 0), (0, 10_000), (999, 2), (10_000, 1), (9_999, 5)]

    def read() -> list[bytes]:
        return [reader.read_at(start, length) for start, length in spans]

    assert await asyncio.to_thread(read) == [DATA[start : start + length] for start, length in spans]


async def test_small_reads_share_blocks_and_only_a_few_are_kept(tmp_path: Path) -> None:
    store = CountingStore(tmp_path)
    reader = PinnedReader(store, await _put(store, DATA), asyncio.get_running_loop(), block_size=1_000, blocks=2)

    def read() -> list[int]:
        counts = []
        for start in (*range(0, 1_000, 10), 5_000, 0, 9_000, 0, 5_000):
            reader.read_at(start, 10)
            counts.append(store.reads)
        return counts

    counts = await asyncio.to_thread(read)
    assert counts[99] == 1
    assert counts[100:] == [2, 2, 3, 3, 4]


async def test_a_replaced_object_is_not_read_on(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    reader = PinnedReader(store, await _put(store, DATA), asyncio.get_running_loop(), block_size=1_000)
    await asyncio.to_thread(reader.read_at, 0, 10)
    await _put(store, DATA)
    with pytest.raises(VersionMismatch):
        await asyncio.to_thread(reader.read_at, 5_000, 10)


async def test_a_storage_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    store = SilentStore(tmp_path)
    reader = PinnedReader(store, await _put(store, DATA), asyncio.get_running_loop(), timeout=0.01)
    with pytest.raises(StorageUnavailable, match="no bytes within"):
        await asyncio.to_thread(reader.read_at, 0, 10)


async def test_a_call_on_the_loop_itself_is_refused_rather_than_waiting_forever(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    reader = PinnedReader(store, await _put(store, DATA), asyncio.get_running_loop())
    with pytest.raises(RuntimeError, match="its own event loop"):
        reader.read_at(0, 10)


async def test_media_are_probed_through_a_pinned_reader(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", seconds=1, size=(64, 48))
    store = LocalStore(tmp_path)
    info = await store.head("clip.mp4")
    facts = await probe(PinnedReader(store, info, asyncio.get_running_loop(), block_size=1_000))
    assert (facts.width, facts.height, facts.size) == (64, 48, info.size)


async def test_probing_hands_on_what_the_storage_said(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", seconds=1, size=(64, 48))
    store = LocalStore(tmp_path)
    reader = PinnedReader(store, await store.head("clip.mp4"), asyncio.get_running_loop())
    write_clip(tmp_path / "clip.mp4", seconds=2, size=(64, 48))
    with pytest.raises(VersionMismatch):
        await probe(reader)
