"""A folder of this machine as a storage.

Symbolic links below the root are never followed and are no objects, whether they name files or folders: each path is
opened component by component with ``O_NOFOLLOW``, from ``/`` down, so that nobody who may write below the root can lead
a read or a write out of it, not even by swapping a folder for a link in between. Only the root itself may be given
through links; it is resolved once, when the store is opened. Fifos, sockets and devices are no objects either.

Blocking calls run in threads. Content types are not kept: a file system has no place for them.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar
from urllib.parse import quote

from automation_engine.connectors.local_names import key_of, name_of
from automation_engine.connectors.protocol import PAGE_SIZE, ObjectInfo
from automation_engine.errors import ObjectNotFound, StorageDenied, StorageError, StorageUnavailable, VersionMismatch

CHUNK_SIZE = 1 << 20
"""Most bytes in a chunk of a stream."""

_BATCHES_PER_PAGE = 100
_DRAFT_PREFIX = ".automation-engine-"
_DRAFT_SUFFIX = ".tmp"
# O_PATH asks for search permission alone, as the kernel's own path walk does.
_ENTER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Without O_NONBLOCK a fifo that takes the file's place would block the open.
_READ_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP})
_OBSTRUCTED = frozenset({errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOTEMPTY, errno.EEXIST})

P = ParamSpec("P")
T = TypeVar("T")


class LocalStore:
    """The files below ``root``, an absolute folder that must lie in one of ``allowed_roots`` (None: anywhere).

    Raises ``StorageDenied`` when it lies elsewhere. A root that is missing (an absent mount) is ``StorageUnavailable``
    at each call, never an empty listing.
    """

    def __init__(self, root: Path, allowed_roots: Sequence[Path] | None = None) -> None:
        try:
            self._root = root.resolve()
            allowed = None if allowed_roots is None else [allowed_root.resolve() for allowed_root in allowed_roots]
        except (OSError, RuntimeError) as error:
            raise StorageUnavailable(f"{root}: {error}") from error
        if allowed is not None and not any(self._root.is_relative_to(folder) for folder in allowed):
            raise StorageDenied(f"{root}: lies outside the folders that local connectors may touch (--local-root)")

    def __repr__(self) -> str:
        return f"LocalStore({str(self._root)!r})"

    def uri(self, key: str) -> str:
        """Return ``file://`` and the percent-encoded path."""
        path = b"/".join(name_of(segment) or segment.encode("utf-8", "replace") for segment in key.split("/"))
        return f"{self._root.as_uri().rstrip('/')}/{quote(path)}"

    def location(self, prefix: str) -> str:
        """Return the folder's only address: links are resolved in the root and refused below it."""
        return self.uri(prefix) if prefix else f"{self._root.as_uri().rstrip('/')}/"

    async def list_pages(self, prefix: str, *, recursive: bool) -> AsyncGenerator[list[ObjectInfo], None]:
        """Walk the folder, streaming. A file or folder that vanishes meanwhile is absent.

        Raises ``StorageDenied`` or ``StorageUnavailable`` for a folder that can't be read: a listing with a hole never
        looks complete. A missing folder below an existing root lists nothing.
        """
        where = self.location(prefix)
        if prefix:
            _names(prefix.removesuffix("/"), where)
        async for page in _iterate(_pages(self._walk(prefix, recursive=recursive)), where):
            if page:
                yield page

    async def head(self, key: str) -> ObjectInfo:
        """Describe the file."""
        return await _in_thread(self.uri(key), self._head, key)

    async def read_range(self, key: str, *, version: str, start: int, length: int) -> bytes:
        """Read from one descriptor, whose identity is compared before and after."""
        return await _in_thread(self.uri(key), self._read_range, key, version, start, length)

    async def read_stream(self, key: str, *, version: str) -> AsyncIterator[bytes]:
        """Read from one descriptor, whose identity is compared before and after each chunk."""
        async for chunk in _iterate(self._read_chunks(key, version), self.uri(key)):
            yield chunk

    async def put(
        self,
        key: str,
        chunks: AsyncIterator[bytes],
        *,
        content_type: str,  # noqa: ARG002 - part of the protocol; a file has no place for it
    ) -> ObjectInfo:
        """Write beside the target, sync, rename over it, sync the folder; missing folders are created."""
        where = self.uri(key)
        *folders, name = _names(key, where)
        draft = _Draft(name)
        try:
            await _in_thread(where, self._open_draft, draft, folders, writing=True)
            async for chunk in chunks:
                await _in_thread(where, draft.write, chunk, writing=True)
            return _info(key, await _in_thread(where, draft.publish, writing=True))
        finally:
            await _in_thread(where, draft.discard, writing=True)

    async def test(self) -> None:
        """Read the root folder."""
        await _in_thread(str(self._root), self._test)

    async def close(self) -> None:
        """Do nothing: no descriptor outlives a call."""

    @contextmanager
    def _folder(self, names: Sequence[bytes], *, create: bool = False) -> Iterator[int]:
        """Open a folder below the root for as long as the context lasts."""
        descriptor = _descend(self._open_root(), names, create=create)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _open_root(self) -> int:
        try:
            return _descend(os.open("/", _ENTER), [os.fsencode(name) for name in self._root.parts[1:]])
        except OSError as error:
            if error.errno in _DENIED:
                raise
            raise StorageUnavailable(f"{self._root}: no such folder ({error.strerror})") from error

    def _test(self) -> None:
        with self._folder([]) as folder, _readable(folder) as readable, os.scandir(readable) as entries:
            next(entries, None)

    def _walk(self, prefix: str, *, recursive: bool) -> Generator[list[ObjectInfo], None, None]:
        pending = [prefix]
        while pending:
            folder = pending.pop()
            names = [name_of(segment) or b"" for segment in folder.split("/")[:-1]]
            try:
                descriptor = _descend(self._open_root(), names)
            except OSError as error:
                # Gone since its parent was read; or replaced by a link, which is no folder of ours.
                if error.errno in _ABSENT or (folder != prefix and error.errno == errno.ELOOP):
                    continue
                raise
            try:
                yield from _scan(descriptor, folder, pending if recursive else None)
            finally:
                os.close(descriptor)

    def _head(self, key: str) -> ObjectInfo:
        *folders, name = _names(key, self.uri(key))
        with self._folder(folders) as folder:
            return _info(key, _regular(os.stat(name, dir_fd=folder, follow_symlinks=False)))

    @contextmanager
    def _pinned(self, key: str, version: str) -> Iterator[int]:
        """Open the file in that version."""
        *folders, name = _names(key, self.uri(key))
        with self._folder(folders) as folder:
            _regular(os.stat(name, dir_fd=folder, follow_symlinks=False))
            descriptor = os.open(name, _READ_FILE, dir_fd=folder)
        try:
            self._compare(descriptor, key, version)
            yield descriptor
        finally:
            os.close(descriptor)

    def _compare(self, descriptor: int, key: str, version: str) -> os.stat_result:
        status = _regular(os.fstat(descriptor))
        if _version(status) != version:
            raise VersionMismatch(f"{self.uri(key)}: is now version {_version(status)}, not {version}")
        return status

    def _read_range(self, key: str, version: str, start: int, length: int) -> bytes:
        with self._pinned(key, version) as descriptor:
            data = self._read(descriptor, key, start, length)
            self._compare(descriptor, key, version)
            return data

    def _read_chunks(self, key: str, version: str) -> Generator[bytes, None, None]:
        with self._pinned(key, version) as descriptor:
            start = 0
            while chunk := self._read(descriptor, key, start, CHUNK_SIZE):
                self._compare(descriptor, key, version)
                yield chunk
                start += len(chunk)

    def _read(self, descriptor: int, key: str, start: int, length: int) -> bytes:
        """Read all of a range: one ``pread`` may return less, which is no end of file."""
        length = max(0, min(length, os.fstat(descriptor).st_size - start))
        pieces: list[bytes] = []
        while length > 0:
            piece = os.pread(descriptor, length, start)
            if not piece:
                raise VersionMismatch(f"{self.uri(key)}: became shorter while it was read")
            pieces.append(piece)
            start, length = start + len(piece), length - len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _open_draft(self, draft: _Draft, folders: Sequence[bytes]) -> None:
        with self._folder(folders, create=True) as folder:
            draft.open(folder)


class _Draft:
    """A file under a temporary name in its target's folder, until it is published or discarded."""

    def __init__(self, name: bytes) -> None:
        self._name = name
        self._temporary = f"{_DRAFT_PREFIX}{secrets.token_hex(16)}{_DRAFT_SUFFIX}"
        self._open: list[int] = []
        self._published = False

    def open(self, folder: int) -> None:
        self._open.append(os.open(".", _READ_FOLDER, dir_fd=folder))
        self._open.append(os.open(self._temporary, _CREATE_FILE, 0o666, dir_fd=folder))

    def write(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            view = view[os.write(self._open[1], view) :]

    def publish(self) -> os.stat_result:
        folder, file = self._open
        os.fsync(file)
        os.rename(self._temporary, self._name, src_dir_fd=folder, dst_dir_fd=folder)
        self._published = True
        os.fsync(folder)
        # After the rename, which changes ctime on most file systems.
        return os.fstat(file)

    def discard(self) -> None:
        """Close, and remove what was not published."""
        if self._open and not self._published:
            with suppress(FileNotFoundError):
                os.unlink(self._temporary, dir_fd=self._open[0])
        while self._open:
            os.close(self._open.pop())


def _descend(descriptor: int, names: Sequence[bytes], *, create: bool = False) -> int:
    """Exchange an open folder for one further down; the first is closed in any case."""
    try:
        for name in names:
            child = _enter(descriptor, name, create=create)
            os.close(descriptor)
            descriptor = child
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _enter(parent: int, name: bytes, *, create: bool = False) -> int:
    """Open a child folder without following links. Raises ``OSError``, with ``ELOOP`` for a link."""
    try:
        return os.open(name, _ENTER, dir_fd=parent)
    except FileNotFoundError:
        if not create:
            raise
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=parent)
        with _readable(parent) as readable:
            os.fsync(readable)
        return os.open(name, _ENTER, dir_fd=parent)
    except NotADirectoryError:
        # The kernel says so of links too.
        if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise _link_error() from None
        raise


@contextmanager
def _readable(folder: int) -> Iterator[int]:
    """Reopen an ``O_PATH`` folder for reading and syncing."""
    descriptor = os.open(".", _READ_FOLDER, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _pages(batches: Iterable[list[ObjectInfo]]) -> Generator[list[ObjectInfo], None, None]:
    """Join small batches into pages, and come up for air at times even when there is nothing to show.

    Each step of this generator is one thread call: the air bounds how long a cancelled walk goes on.
    """
    page: list[ObjectInfo] = []
    for step, batch in enumerate(batches, 1):
        if len(page) + len(batch) > PAGE_SIZE or step % _BATCHES_PER_PAGE == 0:
            yield page
            page = []
        page += batch
    yield page


def _scan(folder: int, prefix: str, pending: list[str] | None) -> Generator[list[ObjectInfo], None, None]:
    """Yield the files among each ``PAGE_SIZE`` entries of a folder; its subfolders go onto ``pending``, if given."""
    batch: list[ObjectInfo] = []
    with _readable(folder) as readable, os.scandir(readable) as entries:
        for seen, entry in enumerate(entries, 1):
            if entry.is_dir(follow_symlinks=False):
                if pending is not None:
                    pending.append(f"{prefix}{key_of(entry.name)}/")
            elif entry.is_file(follow_symlinks=False) and not _is_draft(entry.name):
                with suppress(FileNotFoundError):
                    batch.append(_info(prefix + key_of(entry.name), entry.stat(follow_symlinks=False)))
            if seen % PAGE_SIZE == 0:
                yield batch
                batch = []
    yield batch


def _names(key: str, where: str) -> list[bytes]:
    """Split a key into file names. Raises ``StorageDenied`` for a key that can't name a file below the root."""
    names = [name_of(segment) for segment in key.split("/")]
    if None in names or _is_draft(key.rpartition("/")[2]):
        raise StorageDenied(
            f"{where}: no file can have this key: its parts must be non-empty, not '.' or '..', hold no NUL, "
            f"and not be the service's own temporary names"
        )
    return [name for name in names if name is not None]


def _is_draft(name: str) -> bool:
    return name.startswith(_DRAFT_PREFIX) and name.endswith(_DRAFT_SUFFIX)


def _version(status: os.stat_result) -> str:
    return f"{status.st_dev}-{status.st_ino}-{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    return ObjectInfo(key=key, version=_version(status), size=status.st_size, last_modified=status.st_mtime_ns / 1e9)


def _regular(status: os.stat_result) -> os.stat_result:
    if stat.S_ISLNK(status.st_mode):
        raise _link_error()
    if not stat.S_ISREG(status.st_mode):
        raise FileNotFoundError(errno.ENOENT, "not a regular file")
    return status


def _link_error() -> OSError:
    return OSError(errno.ELOOP, "is or passes a symbolic link, which is never followed")


def _failure(error: OSError, where: str, *, writing: bool) -> StorageError:
    """Return the storage error for a system error."""
    message = f"{where}: {error.strerror or error}"
    if error.errno in _DENIED:
        return StorageDenied(message)
    if writing:
        kind = StorageDenied if error.errno in _OBSTRUCTED else StorageUnavailable
        return kind(f"{message}; nothing was written")
    return ObjectNotFound(message) if error.errno in _ABSENT else StorageUnavailable(message)


async def _in_thread(
    where: str, call: Callable[..., T], *arguments: object, writing: bool = False, **options: object
) -> T:
    """Run a blocking call in a thread and wait for its end even when cancelled.

    Otherwise the caller would clean up, and close descriptors, under a system call that still runs.
    """
    task = asyncio.ensure_future(asyncio.to_thread(call, *arguments, **options))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # retrieved: the cancellation is what the caller hears of
        raise
    except OSError as error:
        raise _failure(error, where, writing=writing) from error


async def _iterate(items: Generator[T, None, None], where: str) -> AsyncIterator[T]:
    """Iterate over a blocking generator, one step a thread call, so never ahead of the consumer."""
    try:
        while (item := await _in_thread(where, next, items, None)) is not None:
            yield item
    finally:
        items.close()
