"""An S3 bucket, or what speaks its language, as a storage.

An object's version is its unquoted ETag and its size: ListObjectsV2 tells no ``VersionId``, so the ETag is the one
identity on which listing, head and reads agree, and ``If-Match`` pins a read to it. Equal ETag and size mean equal
bytes, which is what a version is for: writing the same bytes again is no new version.

Source: Amazon S3 API reference, ListObjectsV2, GetObject, PutObject, CreateMultipartUpload and its companions.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import unquote_plus, urlsplit
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

import aiohttp

from automation_engine.connectors.protocol import PAGE_SIZE, ObjectInfo
from automation_engine.connectors.s3_client import S3Client, failure
from automation_engine.connectors.web import PART_SIZE, origin, parts
from automation_engine.connectors.xml_documents import parse, required, tag
from automation_engine.errors import StorageError, StorageUnavailable, VersionMismatch

CHUNK_SIZE = 1 << 20
"""Most bytes in a chunk of a stream."""

_RANGE_NOT_SATISFIABLE = 416
_PARTIAL_CONTENT = 206


class S3Store:
    """The objects of ``bucket``. ``endpoint_url`` names another server than AWS, addressed path-style."""

    def __init__(
        self, bucket: str, region: str, access_key_id: str, secret_access_key: str, endpoint_url: str | None = None
    ) -> None:
        self._bucket = bucket
        self._place = _place(bucket, endpoint_url)
        self._client = S3Client(bucket, region, access_key_id, secret_access_key, endpoint_url)

    def __repr__(self) -> str:
        return f"S3Store({self._place!r})"

    def uri(self, key: str) -> str:
        """Return ``s3://bucket/key``, the key as it is."""
        return f"s3://{self._bucket}/{key}"

    def location(self, prefix: str) -> str:
        """Return endpoint, bucket and prefix. All of AWS is one endpoint: its bucket names are unique."""
        return f"{self._place}{prefix}"

    async def list_pages(self, prefix: str, *, recursive: bool) -> AsyncGenerator[list[ObjectInfo], None]:
        """Page through ListObjectsV2. Raises ``StorageUnavailable`` where an answer can't be trusted to be whole."""
        query = {"encoding-type": "url", "list-type": "2", "max-keys": str(PAGE_SIZE), "prefix": prefix}
        if not recursive:
            query["delimiter"] = "/"
        tokens: set[str] = set()
        while True:
            page = _parse_page(await self._client.document("GET", query=query), prefix, self.uri(prefix))
            if page.objects:
                yield page.objects
            if page.next_token is None:
                return
            if page.next_token in tokens:
                raise StorageUnavailable(f"{self.uri(prefix)}: the listing goes in circles: a repeated token")
            tokens.add(page.next_token)
            query["continuation-token"] = page.next_token

    async def head(self, key: str) -> ObjectInfo:
        """Describe the object by HEAD."""
        async with self._client.request("HEAD", key) as response:
            return self._info(key, response, response.content_length)

    async def read_range(self, key: str, *, version: str, start: int, length: int) -> bytes:
        """Read by GET with ``Range`` and ``If-Match``."""
        # A range can't be empty: a byte is asked for, and dropped.
        headers = {"Range": f"bytes={start}-{start + max(length, 1) - 1}", "If-Match": _etag(version)}
        async with self._client.request("GET", key, headers=headers) as response:
            if response.status == _RANGE_NOT_SATISFIABLE:  # behind the end; If-Match was checked before
                return b""
            if response.status != _PARTIAL_CONTENT:
                raise StorageUnavailable(f"{self.uri(key)}: the server ignores Range")
            size = response.headers.get("Content-Range", "").rpartition("/")[2]
            self._compare(self._info(key, response, int(size) if size.isdecimal() else None), version)
            data = await response.read()
        return data[: max(length, 0)]

    async def read_stream(self, key: str, *, version: str) -> AsyncIterator[bytes]:
        """Read by one GET with ``If-Match``; the answer is the object as it was when the server opened it."""
        async with self._client.request("GET", key, headers={"If-Match": _etag(version)}) as response:
            self._compare(self._info(key, response, response.content_length), version)
            async for chunk in response.content.iter_chunked(CHUNK_SIZE):
                yield chunk

    async def put(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str) -> ObjectInfo:
        """Write by one PUT, or by a multipart upload from ``PART_SIZE`` on; S3 shows neither before it is whole.

        ``last_modified`` is the server's time when the write was done.
        """
        pieces = parts(chunks)
        first = await anext(pieces, b"")
        if len(first) == PART_SIZE:
            return await self._put_parts(key, first, pieces, content_type)
        headers = {"Content-Type": content_type}
        async with self._client.request("PUT", key, headers=headers, body=first) as response:
            return self._info(key, response, len(first))

    async def test(self) -> None:
        """List one key. Raises with the reason: bucket missing, denied, unreachable."""
        query = {"encoding-type": "url", "list-type": "2", "max-keys": "1"}
        _parse_page(await self._client.document("GET", query=query), "", self.uri(""))

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _put_parts(self, key: str, first: bytes, rest: AsyncIterator[bytes], content_type: str) -> ObjectInfo:
        where = self.uri(key)
        started = await self._client.document(
            "POST", key, query={"uploads": ""}, headers={"Content-Type": content_type}
        )
        upload = {"uploadId": required(parse(started, "InitiateMultipartUploadResult", where), "UploadId", where)}
        try:
            etags = [await self._put_part(key, upload, 1, first)]
            size = len(first)
            async for part in rest:
                etags.append(await self._put_part(key, upload, len(etags) + 1, part))
                size += len(part)
            return await self._complete(key, upload, etags, size)
        except BaseException:
            # The first failure is the one to tell; a server forgets abandoned uploads by its lifecycle rules.
            with suppress(StorageError):
                await self._client.document("DELETE", key, query=upload)
            raise

    async def _put_part(self, key: str, upload: dict[str, str], number: int, part: bytes) -> str:
        query = {"partNumber": str(number), **upload}
        async with self._client.request("PUT", key, query=query, body=part) as response:
            return self._info(key, response, len(part)).version.rpartition("-")[0]

    async def _complete(self, key: str, upload: dict[str, str], etags: list[str], size: int) -> ObjectInfo:
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{escape(etag)}&quot;</ETag></Part>"
            for number, etag in enumerate(etags, 1)
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        async with self._client.request("POST", key, query=upload, body=body) as response:
            answer = await response.read()
            modified = _seconds(response)
        if b"<Error>" in answer:  # S3 may fail after it has answered 200
            raise failure(500, answer, self.uri(key))
        etag = required(parse(answer, "CompleteMultipartUploadResult", self.uri(key)), "ETag", self.uri(key))
        return ObjectInfo(key=key, version=_version(etag, size), size=size, last_modified=modified)

    def _info(self, key: str, response: aiohttp.ClientResponse, size: int | None) -> ObjectInfo:
        etag = response.headers.get("ETag", "")
        if not etag or size is None:
            raise StorageUnavailable(f"{self.uri(key)}: answered without ETag or size")
        return ObjectInfo(
            key=key,
            version=_version(etag, size),
            size=size,
            last_modified=_seconds(response),
            content_type=response.headers.get("Content-Type"),
        )

    def _compare(self, found: ObjectInfo, version: str) -> None:
        # For servers that ignore If-Match.
        if found.version != version:
            raise VersionMismatch(f"{self.uri(found.key)}: is now version {found.version}, not {version}")


class _Page(NamedTuple):
    objects: list[ObjectInfo]
    next_token: str | None


def _parse_page(document: bytes, prefix: str, where: str) -> _Page:
    """Read one ListBucketResult, strictly: what is missing or odd makes the listing fail rather than end."""
    root = parse(document, "ListBucketResult", where)
    truncated = required(root, "IsTruncated", where)
    token = root.findtext(tag(root, "NextContinuationToken"))
    if truncated not in {"true", "false"} or (truncated == "true" and not token):
        raise StorageUnavailable(f"{where}: a page says IsTruncated={truncated} and does not tell how to go on")
    try:
        objects = [_listed(element, where) for element in root.iterfind(tag(root, "Contents"))]
    except ValueError as error:
        raise StorageUnavailable(f"{where}: a page lists an object that can't be read: {error}") from error
    if any(not listed.key.startswith(prefix) for listed in objects):
        raise StorageUnavailable(f"{where}: a page lists keys outside the prefix")
    return _Page([listed for listed in objects if not listed.key.endswith("/")], token if truncated == "true" else None)


def _listed(element: Element, where: str) -> ObjectInfo:
    size = int(required(element, "Size", where))
    return ObjectInfo(
        # S3 writes a space as "+" and a plus as "%2B".
        key=unquote_plus(required(element, "Key", where), errors="strict"),
        version=_version(required(element, "ETag", where), size),
        size=size,
        last_modified=datetime.fromisoformat(required(element, "LastModified", where)).timestamp(),
    )


def _version(etag: str, size: int) -> str:
    unquoted = etag.strip('"')
    return f"{unquoted}-{size}"


def _etag(version: str) -> str:
    return f'"{version.rpartition("-")[0]}"'


def _seconds(response: aiohttp.ClientResponse) -> float:
    """Return when the object was modified: ``Last-Modified``, or ``Date`` in the answer to a write."""
    value = response.headers.get("Last-Modified") or response.headers.get("Date") or ""
    try:
        return parsedate_to_datetime(value).timestamp()
    except ValueError as error:
        raise StorageUnavailable(f"{response.url}: answered with the time {value!r}") from error


def _place(bucket: str, endpoint_url: str | None) -> str:
    """Return the bucket's one address. All of AWS is one endpoint."""
    host = urlsplit(endpoint_url).hostname or "" if endpoint_url is not None else ""
    if endpoint_url is None or host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return f"https://s3.amazonaws.com/{bucket}/"
    return f"{origin(endpoint_url)}/{bucket}/"
