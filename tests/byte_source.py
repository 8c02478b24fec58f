"""A ``ByteSource`` over bytes, for tests: it counts what is read and can fail like a storage."""

from __future__ import annotations

from pathlib import Path

from automation_engine.errors import StorageUnavailable


class BytesSource:
    """The bytes as they are; ``fetched`` counts those that were read, ``fails_after`` raises once so many were."""

    def __init__(self, data: bytes, name: str = "media", *, fails_after: int | None = None) -> None:
        self.name = name
        self.size = len(data)
        self.fetched = 0
        self._data = data
        self._fails_after = fails_after

    @classmethod
    def of(cls, path: Path) -> BytesSource:
        """Take the bytes of a file."""
        return cls(path.read_bytes(), path.name)

    def read_at(self, start: int, length: int) -> bytes:
        if self._fails_after is not None and self.fetched >= self._fails_after:
            raise StorageUnavailable("the storage went away")
        piece = self._data[start : start + length]
        self.fetched += len(piece)
        return piece
