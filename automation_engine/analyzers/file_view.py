"""A seekable, read-only file over a ``ByteSource``: the only way by which bytes reach the decoder."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from automation_engine.errors import MediaError

if TYPE_CHECKING:
    from automation_engine.analyzers.protocol import ByteSource

BLOCK_SIZE = 256 * 1024
"""Bytes asked of the source at once: a decoder reads in small pieces, a storage answers a request at a time."""

CACHED_BLOCKS = 16
"""Blocks kept, least recently used first out: interleaved streams are read side by side."""


class Stopped(Exception):
    """The work was given up before it was done: whoever waited for it no longer does."""


class FileView(io.RawIOBase):
    """What the decoder sees of one object. Not for use by two threads at a time.

    A read that can't be answered ends the file: it and every later one return nothing, and ``failure`` holds the
    reason, for whoever opened the file to raise: ``Stopped`` once ``stop`` is set, ``MediaError`` once ``budget`` bytes
    were fetched (None: no limit), ``StorageError`` when the source raised it. It is not raised here, because a decoder
    that swallows a failed read would have it blamed on the next file of its thread.
    """

    def __init__(self, source: ByteSource, *, stop: threading.Event, budget: int | None = None) -> None:
        super().__init__()
        # A fixed name: FFmpeg guesses formats from names, and would open a picture's path by itself if it saw one.
        self.name = "media"
        self.failure: Exception | None = None
        self._source = source
        self._stop = stop
        self._budget = budget
        self._fetched = 0
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, possibly past the end (where reads return nothing), and return the new position."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size}[whence]
        if origin + offset < 0:
            raise ValueError(f"position {origin + offset}: before the start of the file")
        self._position = origin + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes (all that is left when negative), nothing at the end or after a failure."""
        if self.failure is not None:
            return b""
        try:
            return self._read(size)
        except Exception as error:  # noqa: BLE001 - kept, see above
            self.failure = error
            return b""

    def _read(self, size: int) -> bytes:
        wanted = self._source.size - self._position if size < 0 else size
        pieces = []
        while wanted > 0 and (piece := self._piece(wanted)):
            pieces.append(piece)
            self._position += len(piece)
            wanted -= len(piece)
        return b"".join(pieces)

    def _piece(self, wanted: int) -> bytes:
        number, offset = divmod(self._position, BLOCK_SIZE)
        return self._block(number)[offset : offset + wanted]

    def _block(self, number: int) -> bytes:
        if self._stop.is_set():
            raise Stopped
        if number not in self._blocks:
            self._blocks[number] = self._fetch(number)
            if len(self._blocks) > CACHED_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _fetch(self, number: int) -> bytes:
        start = number * BLOCK_SIZE
        if start >= self._source.size:
            return b""
        if self._budget is not None and self._fetched >= self._budget:
            raise MediaError(f"gave up after reading {self._fetched:,} bytes: too much work")
        block = self._source.read_at(start, BLOCK_SIZE)
        self._fetched += len(block)
        return block
