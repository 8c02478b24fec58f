"""An Azure Blob Storage container, or what speaks its REST API, as a storage.

An object's version is its ETag without quotes (listings have none, answers about one blob do); ``If-Match`` pins a read
to it. Setting a blob's metadata makes a new ETag, too: such a blob counts as changed.

Source: Azure Storage REST API reference, List Blobs, Get Blob, Put Blob, Put Block, Put Block List.
"""

from __future__ import annotations

import base64
import secrets
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element

import aiohttp

from automation_engine.connectors.azure_client import AccountKey, AzureClient, ClientSecret, public_endpoint
from automation_engine.connectors.protocol import PAGE_SIZE, ObjectInfo
from automation_engine.connectors.web import PART_SIZE, document, origin, parts
from automation_engine.connectors.xml_documents import parse, required
from automation_engine.errors import StorageUnavailable, VersionMismatch

CHUNK_SIZE = 1 << 20
"""Most bytes in a chunk of a stream."""

_RANGE_NOT_SATISFIABLE = 416
_PARTIAL_CONTENT = 206


class AzureStore:
    """The block blobs of ``container`` in ``account``. ``endpoint_url``: see ``AzureClient``."""

    def __init__(
        self,
        account: str,
        container: str,
        credential: ClientSecret | AccountKey,
        endpoint_url: str | None = None,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._place = f"{origin(endpoint_url or public_endpoint(account))}/{container}/"
        self._client = AzureClient(account, container, credential, endpoint_url, tls=tls)

    def __repr__(self) -> str:
        return f"AzureStore({self._place!r})"

    def uri(self, key: str) -> str:
        """Return the blob's own URL, percent-encoded."""
        return f"{self._place}{quote(key, safe='/-_.~', errors='replace')}"

    def location(self, prefix: str) -> str:
        """Return endpoint, container and prefix."""
        return f"{self._place}{prefix}"

    async def list_pages(self, prefix: str, *, recursive: bool) -> AsyncGenerator[list[ObjectInfo], None]:
        """Page through List Blobs. Raises ``StorageUnavailable`` where an answer can't be trusted to be whole."""
        query = {"comp": "list", "maxresults": str(PAGE_SIZE), "prefix": prefix, "restype": "container"}
        if not recursive:
            query["delimiter"] = "/"
        markers: set[str] = set()
        while True:
            page = await self._page(query, prefix)
            if page.objects:
                yield page.objects
            if not page.next_marker:
                return
            if page.next_marker in markers:
                raise StorageUnavailable(f"{self.uri(prefix)}: the listing goes in circles: a repeated marker")
            markers.add(page.next_marker)
            query["marker"] = page.next_marker

    async def head(self, key: str) -> ObjectInfo:
        """Describe the blob by HEAD."""
        async with self._client.request("HEAD", key) as response:
            return self._info(key, response, response.content_length)

    async def read_range(self, key: str, *, version: str, start: int, length: int) -> bytes:
        """Read by GET with ``Range`` and ``If-Match``."""
        # A range can't be empty: a byte is asked for, and dropped.
        headers = {"Range": f"bytes={start}-{start + max(length, 1) - 1}", "If-Match": f'"{version}"'}
        async with self._client.request("GET", key, headers=headers) as response:
            if response.status == _PARTIAL_CONTENT:
                self._compare(self._info(key, response, 0), version)
                return (await response.read())[: max(length, 0)]
            if response.status != _RANGE_NOT_SATISFIABLE:
                raise StorageUnavailable(f"{self.uri(key)}: the server ignores Range")
        # Behind the end. The answer tells no ETag, and which of the two conditions goes first is nowhere promised.
        self._compare(await self.head(key), version)
        return b""

    async def read_stream(self, key: str, *, version: str) -> AsyncIterator[bytes]:
        """Read by one GET with ``If-Match``; the answer is the blob as it was when the server opened it."""
        async with self._client.request("GET", key, headers={"If-Match": f'"{version}"'}) as response:
            self._compare(self._info(key, response, response.content_length), version)
            async for chunk in response.content.iter_chunked(CHUNK_SIZE):
                yield chunk

    async def put(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str) -> ObjectInfo:
        """Write by Put Blob, or from ``PART_SIZE`` on by blocks and their list; neither shows before it is whole."""
        pieces = parts(chunks)
        first = await anext(pieces, b"")
        if len(first) == PART_SIZE:
            return await self._put_blocks(key, first, pieces, content_type)
        headers = {"x-ms-blob-type": "BlockBlob", "x-ms-blob-content-type": content_type}
        async with self._client.request("PUT", key, headers=headers, body=first) as response:
            return self._info(key, response, len(first))

    async def test(self) -> None:
        """List one blob. Raises with the reason: container missing, denied, unreachable."""
        await self._page({"comp": "list", "maxresults": "1", "restype": "container"}, "")

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _page(self, query: dict[str, str], prefix: str) -> _Page:
        where = self.uri(prefix)
        async with self._client.request("GET", query=query) as response:
            return _parse_page(await document(response, where), prefix, where)

    async def _put_blocks(self, key: str, first: bytes, rest: AsyncIterator[bytes], content_type: str) -> ObjectInfo:
        """Stage blocks and commit them. There is no abort: Azure forgets blocks that nobody commits, after a week."""
        upload = secrets.token_hex(16)  # so that two writers of one blob don't take each other's blocks
        blocks = [await self._put_block(key, upload, 0, first)]
        size = len(first)
        async for part in rest:
            blocks.append(await self._put_block(key, upload, len(blocks), part))
            size += len(part)
        body = f"<BlockList>{''.join(f'<Uncommitted>{block}</Uncommitted>' for block in blocks)}</BlockList>".encode()
        headers = {"Content-Type": "application/xml", "x-ms-blob-content-type": content_type}
        async with self._client.request(
            "PUT", key, query={"comp": "blocklist"}, headers=headers, body=body
        ) as response:
            return self._info(key, response, size)

    async def _put_block(self, key: str, upload: str, number: int, part: bytes) -> str:
        block = base64.b64encode(f"{upload}{number:08}".encode()).decode()
        async with self._client.request("PUT", key, query={"blockid": block, "comp": "block"}, body=part):
            return block

    def _info(self, key: str, response: aiohttp.ClientResponse, size: int | None) -> ObjectInfo:
        etag, modified = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
        if not etag or size is None:
            raise StorageUnavailable(f"{self.uri(key)}: answered without ETag or size")
        return ObjectInfo(
            key=key,
            version=_version(etag),
            size=size,
            last_modified=_seconds(modified, self.uri(key)),
            content_type=response.headers.get("Content-Type"),
        )

    def _compare(self, found: ObjectInfo, version: str) -> None:
        # For servers that ignore If-Match.
        if found.version != version:
            raise VersionMismatch(f"{self.uri(found.key)}: is now version {found.version}, not {version}")


class _Page(NamedTuple):
    objects: list[ObjectInfo]
    next_marker: str


def _parse_page(body: bytes, prefix: str, where: str) -> _Page:
    """Read one EnumerationResults, strictly: what is missing or odd makes the listing fail rather than end."""
    root = parse(body, "EnumerationResults", where)
    blobs, marker = root.find("Blobs"), root.find("NextMarker")
    if blobs is None or marker is None:
        raise StorageUnavailable(f"{where}: a page lacks Blobs or NextMarker")
    try:
        objects = [_listed(blob, where) for blob in blobs.iterfind("Blob") if not _is_folder(blob)]
    except ValueError as error:
        raise StorageUnavailable(f"{where}: a page lists a blob that can't be read: {error}") from error
    if any(not listed.key.startswith(prefix) for listed in objects):
        raise StorageUnavailable(f"{where}: a page lists keys outside the prefix")
    return _Page([listed for listed in objects if not listed.key.endswith("/")], marker.text or "")


def _is_folder(blob: Element) -> bool:
    # Accounts with a hierarchical namespace list their folders as blobs.
    return blob.findtext("Properties/ResourceType") == "directory"


def _listed(blob: Element, where: str) -> ObjectInfo:
    name, properties = blob.find("Name"), blob.find("Properties")
    if name is None or not name.text or properties is None:
        raise ValueError("no Name or Properties")
    return ObjectInfo(
        # Names that XML can't hold are percent-encoded, and say so.
        key=unquote(name.text, errors="strict") if name.get("Encoded") == "true" else name.text,
        version=_version(required(properties, "Etag", where)),
        size=int(required(properties, "Content-Length", where)),
        last_modified=_seconds(required(properties, "Last-Modified", where), where),
        content_type=properties.findtext("Content-Type"),
    )


def _version(etag: str) -> str:
    return etag.strip('"')


def _seconds(date: str, where: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError as error:
        raise StorageUnavailable(f"{where}: answered with the time {date!r}") from error
