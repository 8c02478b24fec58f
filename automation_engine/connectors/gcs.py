"""A Google Cloud Storage bucket, or what speaks its JSON API, as a storage.

An object's version is its generation, which every write makes anew; reads are pinned by ``ifGenerationMatch``, so that
a bucket that keeps old generations answers like one that doesn't. ``last_modified`` is when the generation was made:
``updated`` moves with mere metadata, too.

Source: Cloud Storage JSON API reference, Objects: list, get, insert; "Resumable uploads"; "Transcoding of gzip files".
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from automation_engine.connectors.gcs_client import ENDPOINT_URL, GcsClient, ServiceAccount
from automation_engine.connectors.protocol import PAGE_SIZE, ObjectInfo
from automation_engine.connectors.web import PART_SIZE, document, origin, parts
from automation_engine.errors import StorageError, StorageUnavailable, VersionMismatch

CHUNK_SIZE = 1 << 20
"""Most bytes in a chunk of a stream."""

_FIELDS = "kind,name,generation,size,timeCreated,contentType"
_PAGE_FIELDS = "kind,nextPageToken,items(name,generation,size,timeCreated,contentType)"
_RANGE_NOT_SATISFIABLE = 416
_MEDIA = frozenset({200, 206, _RANGE_NOT_SATISFIABLE})
_RESUME = 308
# The bytes as they are stored: without it GCS unpacks what was stored under Content-Encoding gzip.
_AS_STORED = {"Accept-Encoding": "gzip"}


class GcsStore:
    """The objects of ``bucket``, as ``account``. ``endpoint_url`` names another server than Google's."""

    def __init__(self, bucket: str, account: ServiceAccount, endpoint_url: str | None = None) -> None:
        self._bucket = bucket
        self._endpoint = ENDPOINT_URL if endpoint_url is None else origin(endpoint_url)
        self._client = GcsClient(bucket, account, endpoint_url)

    def __repr__(self) -> str:
        return f"GcsStore({self.location('')!r})"

    def uri(self, key: str) -> str:
        """Return ``gs://bucket/key``, the key as it is."""
        return f"gs://{self._bucket}/{key}"

    def location(self, prefix: str) -> str:
        """Return endpoint, bucket and prefix. Google's bucket names are unique."""
        return f"{self._endpoint}/{self._bucket}/{prefix}"

    async def list_pages(self, prefix: str, *, recursive: bool) -> AsyncGenerator[list[ObjectInfo], None]:
        """Page through the objects. Raises ``StorageUnavailable`` where an answer can't be trusted to be whole."""
        where = self.uri(prefix)
        query = {"prefix": prefix, "maxResults": str(PAGE_SIZE), "fields": _PAGE_FIELDS}
        if not recursive:
            query["delimiter"] = "/"
        tokens: set[str] = set()
        while True:
            page = await self._page(query, where)
            objects = _listed(page, prefix, where)
            if objects:
                yield objects
            token = page.get("nextPageToken")
            if not token:
                return
            if not isinstance(token, str) or token in tokens:
                raise StorageUnavailable(f"{where}: the listing goes in circles: a repeated token")
            tokens.add(token)
            query["pageToken"] = token

    async def head(self, key: str) -> ObjectInfo:
        """Describe the object by its metadata."""
        where = self.uri(key)
        url = self._client.object(key, {"fields": _FIELDS})
        async with self._client.request("GET", url, where=where, one_object=True) as response:
            return _info(_answer(await document(response, where), "storage#object", where), where)

    async def read_range(self, key: str, *, version: str, start: int, length: int) -> bytes:
        """Read by a download with ``Range`` and ``ifGenerationMatch``."""
        # A range can't be empty: a byte is asked for, and dropped.
        headers = {**_AS_STORED, "Range": f"bytes={start}-{start + max(length, 1) - 1}"}
        url, where = await self._download(key, version), self.uri(key)
        async with self._client.request(
            "GET", url, where=where, headers=headers, answers=_MEDIA, one_object=True
        ) as response:
            _compare(response, version, where)
            if response.status == _RANGE_NOT_SATISFIABLE:  # behind the end
                return b""
            if response.status == 200:
                raise StorageUnavailable(f"{where}: the server ignores Range")
            data = await response.read()
        return data[: max(length, 0)]

    async def read_stream(self, key: str, *, version: str) -> AsyncIterator[bytes]:
        """Read by one download with ``ifGenerationMatch``; the answer is the object as GCS opened it."""
        url, where = await self._download(key, version), self.uri(key)
        async with self._client.request("GET", url, where=where, headers=_AS_STORED, one_object=True) as response:
            _compare(response, version, where)
            async for chunk in response.content.iter_chunked(CHUNK_SIZE):
                yield chunk

    async def put(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str) -> ObjectInfo:
        """Write by one request, or from ``PART_SIZE`` on by a resumable upload; neither shows before it is whole."""
        where = self.uri(key)
        self._client.object(key, {})  # for its refusals, before a byte is sent
        pieces = parts(chunks)
        first = await anext(pieces, b"")
        if len(first) == PART_SIZE:
            return await self._put_parts(key, first, pieces, content_type)
        boundary = secrets.token_hex(16)
        metadata = orjson.dumps({"name": key, "contentType": content_type})
        body = b"".join(
            (
                f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode(),
                metadata,
                f"\r\n--{boundary}\r\nContent-Type: {content_type}\r\n\r\n".encode(),
                first,
                f"\r\n--{boundary}--".encode(),
            )
        )
        headers = {"Content-Type": f"multipart/related; boundary={boundary}"}
        url = self._client.upload({"uploadType": "multipart"})
        async with self._client.request("POST", url, where=where, headers=headers, body=body) as response:
            return _info(_answer(await document(response, where), "storage#object", where), where)

    async def test(self) -> None:
        """List one object. Raises with the reason: bucket missing, denied, unreachable."""
        await self._page({"maxResults": "1", "fields": _PAGE_FIELDS}, self.uri(""))

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _page(self, query: Mapping[str, str], where: str) -> dict[str, Any]:
        async with self._client.request("GET", self._client.objects(query), where=where) as response:
            return _answer(await document(response, where), "storage#objects", where)

    async def _download(self, key: str, version: str) -> str:
        """Return the URL of the object's bytes in that version. Raises for what is no generation, so no version."""
        if not (version.isascii() and version.isdecimal()):
            found = await self.head(key)
            raise VersionMismatch(f"{self.uri(key)}: is now version {found.version}, not {version}")
        query = {"alt": "media", "ifGenerationMatch": version}
        return self._client.object(key, query, service="download/storage/v1")

    async def _put_parts(self, key: str, first: bytes, rest: AsyncIterator[bytes], content_type: str) -> ObjectInfo:
        session, part, start = await self._start(key, content_type), first, 0
        try:
            async for following in rest:
                await self._put_part(session, part, start, content_type, self.uri(key))
                start, part = start + len(part), following
            return await self._finish(session, part, start, content_type, self.uri(key))
        except BaseException:
            # The first failure is the one to tell; GCS forgets abandoned uploads after a week.
            with suppress(StorageError):
                answers = frozenset({200, 204, 499})
                async with self._client.request("DELETE", session, where=self.uri(key), answers=answers):
                    pass
            raise

    async def _start(self, key: str, content_type: str) -> str:
        """Return the URL of a new resumable upload."""
        where = self.uri(key)
        url = self._client.upload({"uploadType": "resumable"})
        headers = {"Content-Type": "application/json; charset=UTF-8", "X-Upload-Content-Type": content_type}
        body = orjson.dumps({"name": key, "contentType": content_type})
        async with self._client.request("POST", url, where=where, headers=headers, body=body) as response:
            session = response.headers.get("Location", "")
        if urlsplit(session)[:2] != urlsplit(url)[:2]:  # our token goes to no other server
            raise StorageUnavailable(f"{where}: the server wants the upload at another address: {session[:200]!r}")
        return session

    async def _put_part(self, session: str, part: bytes, start: int, content_type: str, where: str) -> None:
        last = start + len(part) - 1
        headers = {"Content-Type": content_type, "Content-Range": f"bytes {start}-{last}/*"}
        async with self._client.request(
            "PUT", session, where=where, headers=headers, body=part, answers=frozenset({_RESUME})
        ) as response:
            kept = response.headers.get("Range", "")
        if kept != f"bytes=0-{last}":
            raise StorageUnavailable(f"{where}: of the bytes up to {last} the server kept {kept or 'none'}")

    async def _finish(self, session: str, part: bytes, start: int, content_type: str, where: str) -> ObjectInfo:
        size = start + len(part)
        headers = {"Content-Type": content_type, "Content-Range": f"bytes {start}-{size - 1}/{size}"}
        async with self._client.request("PUT", session, where=where, headers=headers, body=part) as response:
            info = _info(_answer(await document(response, where), "storage#object", where), where)
        if info.size != size:
            raise StorageUnavailable(f"{where}: {size} bytes were sent, and the server has {info.size}")
        return info


def _compare(response: aiohttp.ClientResponse, version: str, where: str) -> None:
    # For servers that ignore ifGenerationMatch.
    found = response.headers.get("X-Goog-Generation")
    if found is None and response.status != _RANGE_NOT_SATISFIABLE:
        raise StorageUnavailable(f"{where}: answered without its generation")
    if found is not None and found != version:
        raise VersionMismatch(f"{where}: is now version {found}, not {version}")


def _answer(body: bytes, kind: str, where: str) -> dict[str, Any]:
    """Return a JSON object of that kind. Raises ``StorageUnavailable`` for anything else."""
    try:
        answer = orjson.loads(body)
    except ValueError as error:
        raise StorageUnavailable(f"{where}: the answer is broken JSON: {error}") from error
    if not isinstance(answer, dict) or answer.get("kind") != kind:
        raise StorageUnavailable(f"{where}: the answer is no {kind}")
    return answer


def _listed(page: Mapping[str, Any], prefix: str, where: str) -> list[ObjectInfo]:
    items = page.get("items", [])
    if not isinstance(items, list):
        raise StorageUnavailable(f"{where}: a page whose items are no list")
    objects = [_info(item, where) for item in items]
    if any(not listed.key.startswith(prefix) for listed in objects):
        raise StorageUnavailable(f"{where}: a page lists keys outside the prefix")
    return [listed for listed in objects if not listed.key.endswith("/")]


def _info(item: Any, where: str) -> ObjectInfo:
    try:
        generation, content_type = item["generation"], item.get("contentType")
        if not (isinstance(item["name"], str) and isinstance(generation, str) and generation.isdecimal()):
            raise ValueError("no name or generation")  # noqa: TRY301 - told like what the parsers refuse
        return ObjectInfo(
            key=item["name"],
            version=generation,
            size=int(item["size"]),
            last_modified=datetime.fromisoformat(item["timeCreated"]).timestamp(),
            content_type=content_type if isinstance(content_type, str) else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StorageUnavailable(f"{where}: an object can't be read: {error!r}") from error
