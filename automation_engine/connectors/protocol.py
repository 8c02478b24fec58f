"""What every storage must do, and nothing more.

Keys are full object keys below the connector's root (bucket or folder), ``/``-separated, without a leading slash of our
own making. A *version* is the part of an object's identity that changes with its bytes: S3 ``VersionId``, else
``ETag + size``; GCS generation; Azure ETag; local ``dev-inode-size-mtime_ns-ctime_ns``. It is opaque to everyone else.

Every method raises ``StorageError`` (see ``errors``) and nothing else for what the storage did.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Protocol

PAGE_SIZE = 1000
"""Most objects in a page of a listing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """One object as the storage describes it. ``size`` in bytes, ``last_modified`` in seconds since the epoch."""

    key: str
    version: str
    size: int
    last_modified: float
    content_type: str | None = None


class ObjectStore(Protocol):
    """A bucket, a container or a folder. Safe for concurrent use; close it when done."""

    def uri(self, key: str) -> str:
        """Return the object's own address, e.g. ``s3://bucket/key``, ``file:///mnt/media/key``."""
        ...

    def location(self, prefix: str) -> str:
        """Return an address that two connectors share exactly when they reach the same bytes.

        Endpoint, bucket and prefix (resolved root and prefix, for local), always ending in ``/``: one location lies
        inside another exactly when it starts with it.
        """
        ...

    def list_pages(self, prefix: str, *, recursive: bool) -> AsyncGenerator[list[ObjectInfo], None]:
        """Yield pages of at most ``PAGE_SIZE`` objects under the folder ``prefix``, in the storage's own order.

        ``prefix`` is a folder: empty, or ending in ``/``. Not recursive: only direct children. Folder markers (keys
        ending in ``/``) are left out. The iteration ends normally only when the listing was complete.
        """
        ...

    async def head(self, key: str) -> ObjectInfo:
        """Describe one object. Raises ``ObjectNotFound``."""
        ...

    async def read_range(self, key: str, *, version: str, start: int, length: int) -> bytes:
        """Read ``length`` bytes (fewer at the end of the object) of exactly that version.

        Raises ``VersionMismatch`` when the object has another version, before or after the read.
        """
        ...

    def read_stream(self, key: str, *, version: str) -> AsyncIterator[bytes]:
        """Stream the whole object, pinned like ``read_range``; chunks of at most some MiB."""
        ...

    async def put(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str) -> ObjectInfo:
        """Write an object whole or not at all: readers see the old bytes or the new ones, never a part."""
        ...

    async def test(self) -> None:
        """Reach the storage with the connector's credentials: returns, or raises what is wrong."""
        ...

    async def close(self) -> None:
        """Release connections. Afterwards no other method may be called."""
        ...
