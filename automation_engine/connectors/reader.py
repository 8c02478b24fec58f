"""The pinned bytes of one object, for code that decodes in a thread.

``PinnedReader`` is what the analyzers call a byte source: ``name``, ``size`` and ``read_at(start, length)``. The
decoder's small reads are served from a few cached blocks; each block is one ranged read on the event loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import CancelledError
from threading import Lock

from automation_engine.connectors.protocol import ObjectInfo, ObjectStore
from automation_engine.errors import StorageUnavailable

BLOCK_SIZE = 2 << 20
"""Bytes of a block by default."""

BLOCKS = 4
"""Blocks that a reader keeps by default: one where the decoder reads, the others for an index elsewhere in the file."""


class PinnedReader:
    """Random access to ``info.key`` in exactly ``info.version``, from any thread but that of ``loop``.

    ``timeout`` is in seconds for each block. ``read_at`` raises what ``ObjectStore.read_range`` raises, and
    ``StorageUnavailable`` when a block doesn't arrive in time.
    """

    def __init__(
        self,
        store: ObjectStore,
        info: ObjectInfo,
        loop: asyncio.AbstractEventLoop,
        *,
        timeout: float = 120.0,
        block_size: int = BLOCK_SIZE,
        blocks: int = BLOCKS,
    ) -> None:
        self.name = store.uri(info.key)
        self.size = info.size
        self._store = store
        self._info = info
        self._loop = loop
        self._timeout = timeout
        self._block_size = block_size
        self._capacity = blocks
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._lock = Lock()

    def read_at(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``, fewer at the end. Blocks the calling thread."""
        end = min(start + length, self.size)
        if start < 0 or end <= start:
            return b""
        with self._lock:
            pieces = [
                self._block(number)[max(0, start - number * self._block_size) : end - number * self._block_size]
                for number in range(start // self._block_size, (end - 1) // self._block_size + 1)
            ]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _block(self, number: int) -> bytes:
        block = self._blocks.get(number)
        if block is None:
            block = self._fetch(number * self._block_size)
            self._blocks[number] = block
            if len(self._blocks) > self._capacity:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return block

    def _fetch(self, start: int) -> bytes:
        if asyncio._get_running_loop() is self._loop:  # noqa: SLF001 - the one call that doesn't raise without a loop
            raise RuntimeError("a pinned reader was called on its own event loop, which would wait for itself")
        length = min(self._block_size, self.size - start)
        reading = asyncio.run_coroutine_threadsafe(
            self._store.read_range(self._info.key, version=self._info.version, start=start, length=length), self._loop
        )
        try:
            block = reading.result(self._timeout)
        except TimeoutError as error:
            reading.cancel()
            raise StorageUnavailable(f"{self.name}: no bytes within {self._timeout:g} s") from error
        except CancelledError as error:
            raise StorageUnavailable(f"{self.name}: the read was cancelled") from error
        if len(block) != length:
            raise StorageUnavailable(f"{self.name}: {len(block)} bytes at {start}, not {length}")
        return block
