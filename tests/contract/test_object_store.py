"""What every storage promises, over real folders and real S3, GCS-like and Azure-like servers."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from aiohttp import web

from automation_engine.connectors.local import LocalStore
from automation_engine.connectors.protocol import PAGE_SIZE
from automation_engine.connectors.s3 import S3Store
from automation_engine.connectors.web import PART_SIZE
from automation_engine.errors import (
    ObjectNotFound,
    StorageDenied,
    StorageError,
    StorageThrottled,
    StorageUnavailable,
    VersionMismatch,
)
from tests.contract.stores import (
    Answer,
    Subject,
    chunks_of,
    cut_short,
    read,
    served,
)
from tests.servers.seaweedfs import SeaweedFS


async def _failing_chunks(data: bytes) -> AsyncIterator[bytes]:
    async for chunk in chunks_of(data):
        yield chunk
    raise ConnectionAbortedError("the source went away")


def _open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _write(folder: Path, name: bytes, data: bytes) -> None:
    path = folder / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


@contextmanager
def _world_readable_folder() -> Iterator[Path]:
    """Make a folder that other users reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


class TestListing:
    async def test_a_listing_of_2500_objects_has_every_one_once_in_pages_of_at_most_1000(
        self, subject: Subject
    ) -> None:
        expected = [f"d{number % 7}/{number:04}.mp4" for number in range(2_500)]
        gate = asyncio.Semaphore(32)

        async def put(name: str) -> None:
            async with gate:
                await subject.put(name)

        await asyncio.gather(*map(put, expected))
        pages = [page async for page in subject.store.list_pages(subject.folder, recursive=True)]
        assert sorted(listed.key.removeprefix(subject.folder) for page in pages for listed in page) == sorted(expected)
        assert len(pages) >= 3
        assert max(len(page) for page in pages) <= PAGE_SIZE

    async def test_not_recursive_means_direct_children_only(self, subject: Subject) -> None:
        for name in ("a.mp4", "sub/b.mp4", "sub/deeper/c.mp4"):
            await subject.put(name)
        assert await subject.names(recursive=False) == ["a.mp4"]
        assert await subject.names("sub/", recursive=False) == ["sub/b.mp4"]
        assert await subject.names() == ["a.mp4", "sub/b.mp4", "sub/deeper/c.mp4"]

    async def test_a_prefix_is_a_folder_and_not_the_start_of_a_name(self, subject: Subject) -> None:
        for name in ("in/a", "in-2/b", "in.mp4", "inn/c"):
            await subject.put(name)
        assert await subject.names("in/") == ["in/a"]

    async def test_the_empty_prefix_lists_the_whole_store(self, subject: Subject) -> None:
        info = await subject.put("a")
        pages = subject.store.list_pages("", recursive=True)
        assert info.key in [listed.key async for page in pages for listed in page]

    async def test_a_missing_folder_lists_nothing(self, subject: Subject) -> None:
        await subject.put("file")
        assert await subject.names("nowhere/") == []
        assert await subject.names("file/") == []

    async def test_a_missing_root_or_bucket_is_no_empty_listing(self, subject: Subject) -> None:
        with pytest.raises(StorageUnavailable):
            [page async for page in subject.absent.list_pages("", recursive=True)]

    async def test_listing_head_and_put_agree_on_the_identity(self, subject: Subject) -> None:
        written = await subject.put("a.mp4", b"twelve bytes")
        (listed,) = await subject.listing()
        described = await subject.store.head(written.key)
        assert written.version == listed.version == described.version
        assert written.size == listed.size == described.size == 12
        assert listed.last_modified == pytest.approx(described.last_modified, abs=1.0)
        assert written.last_modified == pytest.approx(described.last_modified, abs=5.0)

    async def test_an_abandoned_listing_leaves_nothing_behind(self, subject: Subject) -> None:
        await subject.put("a")
        pages = subject.store.list_pages(subject.folder, recursive=True)
        await anext(pages)
        await pages.aclose()  # type: ignore[attr-defined] # listings are generators
        assert await subject.names() == ["a"]


ODD_NAMES = [
    "a b.mp4",
    "caf\u00e9",  # NFC
    "cafe\u0301",  # NFD
    "100%.mp4",
    "a%2Fb",
    "a+b",
    "a&b=c",
    "<xml>",
    "'single' \"double\"",
    "line\nbreak",
    "tab\t",
    "bell\x07",
    "q?x#y",
    "🎬.mp4",
    "…" * 80,
    " leading and trailing ",
    "~!$()*,;:@[]{}|^`",
]


class TestKeys:
    async def test_odd_names_are_written_listed_described_and_read_as_they_are(self, subject: Subject) -> None:
        names = [name for name in ODD_NAMES if subject.holds(name)]
        for name in names:
            await subject.put(name, name.encode())
        assert await subject.names() == sorted(names)
        for name in names:
            info = await subject.store.head(subject.folder + name)
            assert await read(subject.store, info) == name.encode(), name

    async def test_a_segment_of_dots_is_a_name_like_any_other_where_the_storage_has_such(
        self, subject: Subject
    ) -> None:
        names = [name for name in ("../escape", "a/../b", "./a", "a/./b") if subject.holds(name)]
        for name in names:
            assert await read(subject.store, await subject.put(name, name.encode())) == name.encode()
        assert await subject.names() == sorted(names)

    @pytest.mark.parametrize("subject", ["gcs_subject", "azure_subject"], indirect=True)
    async def test_empty_segments_are_part_of_a_name_where_the_storage_has_such(self, subject: Subject) -> None:
        names = ["/leading", "//twice", "a//b", "a///b", "a/b"]
        for name in names:
            await subject.put(name, name.encode())
        assert await subject.names() == sorted(names)
        for name in names:
            info = await subject.store.head(subject.folder + name)
            assert await read(subject.store, info) == name.encode(), name
        assert await subject.names("a/", recursive=False) == ["a/b"]

    async def test_a_key_of_1024_bytes_is_held(self, subject: Subject) -> None:
        name = "".join(f"{number:03}" + "é" * 48 + "/" for number in range(10))
        name += "n" * (1_024 - len((subject.folder + name).encode()))
        await subject.put(name, b"long")
        assert await subject.names() == [name]
        assert await read(subject.store, await subject.store.head(subject.folder + name)) == b"long"

    async def test_a_key_that_the_storage_cannot_hold_is_refused_with_a_reason(self, subject: Subject) -> None:
        unheld = [name for name in ("../escape", "a/../b", "./a", "a/./b", *ODD_NAMES) if not subject.holds(name)]
        for name in (*unheld, "\ud800", "n" * 1_025):
            await self._is_refused(subject, subject.folder + name)
        assert await subject.names() == []

    async def _is_refused(self, subject: Subject, key: str) -> None:
        with pytest.raises(StorageError, match=r"\w+"):
            await subject.store.put(key, chunks_of(b"x"), content_type="video/mp4")
        with pytest.raises(StorageError, match=r"\w+"):
            await subject.store.head(key)
        with pytest.raises(StorageError, match=r"\w+"):
            await subject.store.read_range(key, version="1-1", start=0, length=1)

    async def test_the_empty_key_is_refused(self, subject: Subject) -> None:
        with pytest.raises(StorageDenied):
            await subject.store.put("", chunks_of(b"x"), content_type="video/mp4")
        with pytest.raises(StorageDenied):
            await subject.store.head("")

    async def test_locations_contain_each_other_exactly_when_folders_do(self, subject: Subject) -> None:
        store = subject.store
        assert store.location("a/b/").startswith(store.location("a/"))
        assert store.location("a/").startswith(store.location(""))
        assert not store.location("ab/").startswith(store.location("a/"))
        assert store.location("").endswith("/")
        assert store.location("") != subject.absent.location("")


class TestReading:
    async def test_a_range_has_the_bytes_asked_for_and_fewer_at_the_end(self, subject: Subject) -> None:
        info = await subject.put("a", b"0123456789")

        async def read(start: int, length: int) -> bytes:
            return await subject.store.read_range(info.key, version=info.version, start=start, length=length)

        assert await read(0, 10) == b"0123456789"
        assert await read(3, 4) == b"3456"
        assert await read(8, 100) == b"89"
        assert await read(10, 5) == b""
        assert await read(99, 5) == b""
        assert await read(3, 0) == b""

    async def test_an_empty_object_is_listed_and_read(self, subject: Subject) -> None:
        info = await subject.put("empty", b"")
        assert [listed.size for listed in await subject.listing()] == [0]
        assert await read(subject.store, info) == b""
        assert await subject.store.read_range(info.key, version=info.version, start=0, length=5) == b""

    async def test_a_replaced_object_is_not_read_under_its_old_version(self, subject: Subject) -> None:
        old = await subject.put("a", b"old bytes")
        new = await subject.put("a", b"new bytes")
        assert old.version != new.version
        with pytest.raises(VersionMismatch):
            await subject.store.read_range(old.key, version=old.version, start=0, length=3)
        with pytest.raises(VersionMismatch):
            await read(subject.store, old)
        assert await read(subject.store, new) == b"new bytes"

    async def test_a_missing_object_is_not_found(self, subject: Subject) -> None:
        key = f"{subject.folder}none"
        with pytest.raises(ObjectNotFound):
            await subject.store.head(key)
        with pytest.raises(ObjectNotFound):
            await subject.store.read_range(key, version="1-1", start=0, length=1)
        with pytest.raises(ObjectNotFound):
            [chunk async for chunk in subject.store.read_stream(key, version="1-1")]

    async def test_in_a_missing_root_or_bucket_no_object_is_called_not_found(self, subject: Subject) -> None:
        with pytest.raises(StorageUnavailable):
            await subject.absent.head("a")
        with pytest.raises(StorageUnavailable):
            await subject.absent.read_range("a", version="1-1", start=0, length=1)


class TestWriting:
    async def test_20_mib_arrive_whole_and_agree_with_the_listing(self, subject: Subject) -> None:
        data = os.urandom(20 << 20)
        written = await subject.put("big.bin", data)
        assert [listed.version for listed in await subject.listing()] == [written.version]
        digest, largest = hashlib.sha256(), 0
        async for chunk in subject.store.read_stream(written.key, version=written.version):
            digest.update(chunk)
            largest = max(largest, len(chunk))
        assert digest.digest() == hashlib.sha256(data).digest()
        assert largest <= 4 << 20
        middle = await subject.store.read_range(written.key, version=written.version, start=PART_SIZE - 5, length=10)
        assert middle == data[PART_SIZE - 5 : PART_SIZE + 5]

    @pytest.mark.parametrize("size", [5, PART_SIZE, 2 * PART_SIZE + 1])
    async def test_a_source_that_fails_leaves_the_old_object_and_no_other(self, subject: Subject, size: int) -> None:
        old = await subject.put("a", b"old")
        with pytest.raises(ConnectionAbortedError):
            await subject.store.put(old.key, _failing_chunks(bytes(size)), content_type="video/mp4")
        assert await subject.names() == ["a"]
        assert await read(subject.store, old) == b"old"

    async def test_a_cancelled_put_leaves_nothing(self, subject: Subject) -> None:
        started = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            yield b"some"
            started.set()
            await asyncio.Event().wait()

        await subject.put("other")
        putting = asyncio.ensure_future(subject.store.put(f"{subject.folder}a", endless(), content_type="video/mp4"))
        await started.wait()
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting
        assert await subject.names() == ["other"]

    async def test_concurrent_puts_of_one_key_leave_one_of_them_whole(self, subject: Subject) -> None:
        contents = [bytes([number]) * 300_000 for number in range(8)]
        await asyncio.gather(*(subject.put("a", content) for content in contents))
        assert await subject.names() == ["a"]
        assert await read(subject.store, await subject.store.head(f"{subject.folder}a")) in contents

    async def test_a_put_into_a_missing_root_or_bucket_fails(self, subject: Subject) -> None:
        with pytest.raises(StorageUnavailable):
            await subject.absent.put("a", chunks_of(b"x"), content_type="video/mp4")


class TestReachability:
    async def test_a_store_that_is_there_passes(self, subject: Subject) -> None:
        await subject.store.test()

    async def test_a_missing_root_or_bucket_is_named(self, subject: Subject) -> None:
        with pytest.raises(StorageUnavailable, match=r"absent|NoSuchBucket|ContainerNotFound|no-such-bucket"):
            await subject.absent.test()


@contextmanager
def _unprivileged() -> Iterator[None]:
    """Act as a user whom file permissions bind, also where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


class TestLocal:
    async def test_a_root_outside_the_allowed_ones_is_denied_also_through_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "allowed").mkdir()
        (tmp_path / "secret").mkdir()
        (tmp_path / "allowed" / "link").symlink_to(tmp_path / "secret")
        allowed = [tmp_path / "allowed"]
        LocalStore(tmp_path / "allowed" / "not-yet", allowed)
        for root in ("secret", "allowed/../secret", "allowed/link", "allowed-2"):
            with pytest.raises(StorageDenied):
                LocalStore(tmp_path / root, allowed)

    async def test_links_are_neither_listed_nor_read_nor_written_through(self, tmp_path: Path) -> None:
        outside, root = tmp_path / "outside", tmp_path / "root"
        outside.mkdir()
        root.mkdir()
        (outside / "secret").write_bytes(b"secret")
        (root / "file").symlink_to(outside / "secret")
        (root / "folder").symlink_to(outside)
        (root / "inside").symlink_to(root)
        store = LocalStore(root)
        assert [page async for page in store.list_pages("", recursive=True)] == []
        with pytest.raises(StorageDenied):
            [page async for page in store.list_pages("folder/", recursive=True)]
        for key in ("file", "folder/secret"):
            with pytest.raises(StorageDenied):
                await store.head(key)
            with pytest.raises(StorageDenied):
                await store.read_range(key, version="1", start=0, length=6)
        with pytest.raises(StorageDenied):
            await store.put("folder/new", chunks_of(b"x"), content_type="video/mp4")
        await store.put("file", chunks_of(b"own"), content_type="video/mp4")
        assert (outside / "secret").read_bytes() == b"secret"
        assert [path.name for path in outside.iterdir()] == ["secret"]

    async def test_a_folder_swapped_for_a_link_does_not_lead_out(self, tmp_path: Path) -> None:
        outside, root = tmp_path / "outside", tmp_path / "root"
        outside.mkdir()
        root.mkdir()
        (outside / "a").write_bytes(b"secret")
        store = LocalStore(root)
        root.rename(tmp_path / "moved")
        root.symlink_to(outside)
        with pytest.raises(StorageError):
            await store.head("a")

    async def test_names_that_are_not_utf8_have_keys_that_are(self, tmp_path: Path) -> None:
        names = [b"caf\xe9.mp4", b"\xff\xfe", "\uefe9".encode(), "caf\u00e9".encode(), b"n" * 255]
        for name in names:
            _write(tmp_path, name, name)
        _write(tmp_path, b"dir\x80/x", b"x")
        store = LocalStore(tmp_path)
        listed = [info async for page in store.list_pages("", recursive=True) for info in page]
        assert len({info.key.encode() for info in listed}) == len(names) + 1
        assert sorted([await read(store, info) for info in listed]) == sorted([*names, b"x"])
        with pytest.raises(StorageDenied):
            await store.head("caf\uefc3\uefa9")  # the same file by another spelling

    async def test_fifos_and_folders_are_no_objects(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "folder").mkdir()
        store = LocalStore(tmp_path)
        assert [page async for page in store.list_pages("", recursive=True)] == []
        for key in ("pipe", "folder"):
            with pytest.raises(ObjectNotFound):
                await store.head(key)
            with pytest.raises(ObjectNotFound):
                await store.read_range(key, version="1", start=0, length=1)
        with pytest.raises(StorageDenied):
            await store.put("folder", chunks_of(b"x"), content_type="video/mp4")

    async def test_a_folder_that_cannot_be_read_fails_the_listing(self) -> None:
        with _world_readable_folder() as root:
            for name in (b"open/a", b"shut/a"):
                _write(root, name, b"x")
            (root / "shut").chmod(0o000)
            store = LocalStore(root)
            with _unprivileged():
                await store.test()
                with pytest.raises(StorageDenied):
                    [page async for page in store.list_pages("", recursive=True)]
                with pytest.raises(StorageDenied):
                    await store.head("shut/a")
            (root / "shut").chmod(0o700)

    async def test_a_file_that_vanishes_during_the_walk_is_absent(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("a", "b"):
            (tmp_path / name).write_bytes(b"x")
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "c").write_bytes(b"x")
        scandir = os.scandir

        class Vanishing:
            """The real entries, of which a file and a folder go between reading and describing."""

            def __init__(self, folder: int) -> None:
                self.entries = list(scandir(folder))
                (tmp_path / "a").unlink(missing_ok=True)
                (tmp_path / "sub" / "c").unlink(missing_ok=True)
                (tmp_path / "sub").rmdir()

            def __enter__(self) -> Iterator[os.DirEntry[str]]:
                return iter(self.entries)

            def __exit__(self, *_: object) -> None:
                pass

        monkeypatch.setattr(os, "scandir", Vanishing)
        pages = [page async for page in LocalStore(tmp_path).list_pages("", recursive=True)]
        assert [info.key for page in pages for info in page] == ["b"]

    async def test_a_file_that_grows_while_it_is_streamed_is_not_taken_for_whole(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(bytes(3 << 20))
        store = LocalStore(tmp_path)
        info = await store.head("a")
        stream = store.read_stream("a", version=info.version)
        await anext(stream)
        with (tmp_path / "a").open("ab") as file:
            file.write(b"more")
        with pytest.raises(VersionMismatch):
            [chunk async for chunk in stream]

    async def test_a_cancelled_walk_stops_within_its_thread_before_it_returns(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store, scandir = LocalStore(tmp_path), os.scandir
        walking, proceed = threading.Event(), threading.Event()
        open_before = _open_descriptors()

        def slow(folder: int) -> object:
            walking.set()
            proceed.wait()
            return scandir(folder)

        async def walk() -> None:
            [page async for page in store.list_pages("", recursive=True)]

        monkeypatch.setattr(os, "scandir", slow)
        task = asyncio.ensure_future(walk())
        await asyncio.to_thread(walking.wait)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        proceed.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert _open_descriptors() == open_before

    async def test_drafts_of_a_killed_put_are_not_listed(self, tmp_path: Path) -> None:
        (tmp_path / f".automation-engine-{'0' * 32}.tmp").write_bytes(b"half")
        assert [page async for page in LocalStore(tmp_path).list_pages("", recursive=True)] == []

    async def test_no_descriptor_is_left_open(self, tmp_path: Path) -> None:
        store = LocalStore(tmp_path)
        before = _open_descriptors()
        info = await store.put("a/b/c", chunks_of(b"x"), content_type="video/mp4")
        await read(store, info)
        [page async for page in store.list_pages("", recursive=True)]
        with pytest.raises(ObjectNotFound):
            await store.head("a/b/none/c")
        assert _open_descriptors() == before


@asynccontextmanager
async def _scripted(answer: Answer) -> AsyncIterator[S3Store]:
    async with served(answer) as url:
        store = S3Store("media", "us-east-1", "key", "very-secret", url)
        yield store
        await store.close()


def _page(number: int, *, truncated: str, token: str = "", etag: str = "e") -> web.Response:
    following = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return web.Response(
        text=f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{following}<Contents><Key>{number}</Key>"
        f"<ETag>{etag}</ETag><Size>1</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
        "</ListBucketResult>",
        content_type="application/xml",
    )


def _error(status: int, code: str) -> web.Response:
    return web.Response(status=status, text=f"<Error><Code>{code}</Code><Message>said so</Message></Error>")


class TestS3Listing:
    async def test_pages_are_followed_to_the_end(self) -> None:
        def answer(request: web.Request) -> web.Response:
            number = int(request.query.get("continuation-token", "0"))
            return _page(number, truncated="true" if number < 3 else "false", token=str(number + 1))

        async with _scripted(answer) as store:
            keys = [info.key async for page in store.list_pages("", recursive=True) for info in page]
        assert keys == ["0", "1", "2", "3"]

    @pytest.mark.parametrize(
        ("why", "answer"),
        [
            ("no token", lambda _: _page(1, truncated="true")),
            ("a repeated token", lambda _: _page(1, truncated="true", token="again")),
            ("no IsTruncated", lambda _: _page(1, truncated="")),
            ("no ETag", lambda _: _page(1, truncated="false", etag="")),
            ("a body cut short", cut_short),
            ("broken XML", lambda _: web.Response(text="<ListBucketResult><IsTruncated>false</IsTruncated>")),
            ("another document", lambda _: web.Response(text="<html></html>")),
            ("entities", lambda _: web.Response(text='<!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult/>')),
            ("an empty body", lambda _: web.Response(text="")),
            ("a redirect", lambda _: web.Response(status=301, headers={"Location": "/elsewhere"})),
            ("a failing server", lambda _: web.Response(status=500)),
            ("a proxy's 404", lambda _: web.Response(status=404, text="<html>not here</html>")),
        ],
    )
    async def test_an_answer_that_may_be_incomplete_fails_the_listing(self, why: str, answer: Answer) -> None:
        async with _scripted(answer) as store:
            with pytest.raises(StorageUnavailable):
                [page async for page in store.list_pages("", recursive=True)]
        assert why

    @pytest.mark.parametrize(
        ("status", "code", "kind"),
        [
            (403, "AccessDenied", StorageDenied),
            (403, "InvalidAccessKeyId", StorageDenied),
            (403, "SignatureDoesNotMatch", StorageDenied),
            (400, "ExpiredToken", StorageDenied),
            (503, "SlowDown", StorageThrottled),
            (503, "", StorageThrottled),
            (429, "", StorageThrottled),
            (404, "NoSuchBucket", StorageUnavailable),
            (500, "InternalError", StorageUnavailable),
        ],
    )
    async def test_errors_are_typed_by_what_the_server_says(
        self, status: int, code: str, kind: type[StorageError]
    ) -> None:
        async with _scripted(lambda _: _error(status, code)) as store:
            with pytest.raises(StorageError, match=code or f"HTTP {status}") as raised:
                await store.test()
        assert type(raised.value) is kind

    async def test_a_key_travels_to_the_server_as_it_is(self) -> None:
        seen: list[str] = []

        def answer(request: web.Request) -> web.Response:
            seen.append(request.raw_path)
            return _error(412, "PreconditionFailed")

        keys = ["a//b", "/lead", "x/../y", "./z", "tail/.", "a%2Fb", "c\x01"]
        async with _scripted(answer) as store:
            for key in keys:
                with pytest.raises(VersionMismatch):
                    await store.read_range(key, version="e-1", start=0, length=1)
        assert seen == [
            "/media/a//b", "/media//lead", "/media/x/../y", "/media/./z", "/media/tail/.", "/media/a%252Fb",
            "/media/c%01",
        ]  # fmt: skip

    async def test_a_server_that_ignores_if_match_and_range_is_found_out(self) -> None:
        headers = {"ETag": '"new"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        async with _scripted(lambda _: web.Response(body=b"0123456789", headers=headers)) as store:
            with pytest.raises(VersionMismatch):
                [chunk async for chunk in store.read_stream("a", version="old-10")]
            with pytest.raises(StorageUnavailable):
                await store.read_range("a", version="new-10", start=2, length=3)

    async def test_a_multipart_upload_that_fails_after_200_is_aborted_and_raised(self) -> None:
        seen: list[str] = []

        def answer(request: web.Request) -> web.Response:
            seen.append(f"{request.method} {request.query_string}")
            if "uploads" in request.query:
                return web.Response(
                    text="<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
                )
            if request.method == "PUT":
                return web.Response(headers={"ETag": '"part"'})
            if request.method == "POST":
                return web.Response(text="<Error><Code>InternalError</Code></Error>")
            return web.Response(status=204)

        async with _scripted(answer) as store:
            with pytest.raises(StorageUnavailable, match="InternalError"):
                await store.put("a", chunks_of(bytes(PART_SIZE)), content_type="video/mp4")
        assert seen == ["POST uploads=", "PUT partNumber=1&uploadId=u", "POST uploadId=u", "DELETE uploadId=u"]


class TestS3:
    async def test_a_wrong_secret_is_denied(self, s3_server: SeaweedFS, bucket: str) -> None:
        store = S3Store(bucket, s3_server.region, s3_server.access_key_id, "wrong", s3_server.endpoint_url)
        for call in (store.test(), store.head("a"), store.put("a", chunks_of(b"x"), content_type="video/mp4")):
            with pytest.raises(StorageDenied):
                await call
        await store.close()

    async def test_an_unreachable_endpoint_is_unavailable(self, unused_tcp_port: int) -> None:
        store = S3Store("media", "us-east-1", "key", "secret", f"http://127.0.0.1:{unused_tcp_port}")
        with pytest.raises(StorageUnavailable):
            await store.test()
        await store.close()

    async def test_the_content_type_is_kept(self, s3_subject: Subject) -> None:
        for size in (3, PART_SIZE + 1):
            info = await s3_subject.put(f"{size}", bytes(size))
            assert (await s3_subject.store.head(info.key)).content_type == "video/mp4"

    async def test_folder_markers_are_left_out(self, s3_subject: Subject) -> None:
        await s3_subject.put("sub/", b"")
        await s3_subject.put("sub/a")
        assert await s3_subject.names() == ["sub/a"]

    def test_one_place_has_one_location_however_it_is_written(self) -> None:
        def location(endpoint_url: str | None, region: str = "eu-central-1") -> str:
            return S3Store("media", region, "key", "secret", endpoint_url).location("in/")

        assert location("HTTPS://Store.example.com:443/") == location("https://store.example.com")
        assert location("http://store.example.com") != location("https://store.example.com")
        assert location(None) == location("https://s3.eu-central-1.amazonaws.com") == location(None, "us-east-1")

    def test_aws_is_addressed_by_virtual_host_and_other_servers_by_path(self) -> None:
        def base(bucket: str, region: str, endpoint_url: str | None = None) -> str:
            return S3Store(bucket, region, "key", "secret", endpoint_url)._client._base

        assert base("media", "eu-central-1") == "https://media.s3.eu-central-1.amazonaws.com/"
        assert base("media", "cn-north-1") == "https://media.s3.cn-north-1.amazonaws.com.cn/"
        # The certificate's wildcard covers no dots.
        assert base("media.example", "us-east-1") == "https://s3.us-east-1.amazonaws.com/media.example/"
        assert base("media", "us-east-1", "http://127.0.0.1:8333/") == "http://127.0.0.1:8333/media/"

    def test_no_representation_shows_a_credential(self) -> None:
        store = S3Store("media", "us-east-1", "the-key-id", "the-secret")
        assert "the-" not in f"{store!r} {store._client!r} {vars(store)!r}"
