"""What the HTTP storages share: connections, typed network failures, encoding and tokens.

URLs travel as they are: nothing between the caller and the server parses, normalises or refuses a key. There are no
retries; ``StorageError.transient`` tells the caller, who has the patience, that one may help.
"""

from __future__ import annotations

import asyncio
import io
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import orjson
from yarl import URL

from automation_engine.errors import StorageDenied, StorageThrottled, StorageUnavailable

MAX_ERROR_BYTES = 64 << 10
"""Most bytes that are read of an answer which tells a failure."""

PART_SIZE = 8 << 20
"""Bytes in a part of an upload in parts, and the most that one request sends: S3's 10,000 parts make 78 GiB."""

_MAX_DOCUMENT_BYTES = 16 << 20
_READ_BUFFER_BYTES = 1 << 20
_UNRESERVED = "-_.~"
_TOKEN_MARGIN_SECONDS = 60.0
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=30, sock_connect=10, sock_read=60)


class Web:
    """Connections to a storage. ``tls`` replaces the trust in the system's certificate authorities."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", where: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request; the response, whatever its status, lives as long as the context.

        ``where`` names the object in messages. Raises ``StorageUnavailable`` for what the network did in the context,
        while the body is read too.
        """
        try:
            async with self._open_session().request(
                method,
                URL(url, encoded=True),
                headers=headers,
                # As a file: aiohttp warns of bytes above a mebibyte.
                data=io.BytesIO(body) if body else None,
                allow_redirects=False,
                ssl=self._tls or True,
            ) as response:
                yield response
        except TimeoutError as error:
            raise StorageUnavailable(f"{where}: no answer in time from {urlsplit(url).netloc}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise StorageUnavailable(f"{where}: {error or type(error).__name__}") from error

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        # Opened late: a session belongs to the loop that runs when it is made.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=_TIMEOUT,
                auto_decompress=False,
                read_bufsize=_READ_BUFFER_BYTES,
                skip_auto_headers=["Content-Type"],
            )
        return self._session


class Tokens:
    """An OAuth 2.0 bearer token, fetched from ``url`` when it is needed and kept until shortly before it expires.

    ``grant`` returns the form that asks for one. Source: RFC 6749, sections 4.4 and 5.
    """

    def __init__(self, web: Web, url: str, grant: Callable[[], Mapping[str, str]]) -> None:
        self._web = web
        self._url = url
        self._grant = grant
        self._lock = asyncio.Lock()
        self._token = ""
        self._expires_at = 0.0

    async def get(self) -> str:
        """Return a token. Raises ``StorageDenied`` when the credentials are refused, other ``StorageError``."""
        async with self._lock:  # callers who come meanwhile take the same one
            if time.monotonic() >= self._expires_at:
                self._token, lifetime = await self._fetch()
                self._expires_at = time.monotonic() + lifetime - _TOKEN_MARGIN_SECONDS
            return self._token

    def forget(self) -> None:
        """Fetch a new token next time: the storage has refused this one."""
        self._expires_at = 0.0

    async def _fetch(self) -> tuple[str, float]:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Encoding": "identity"}
        body = urlencode(self._grant()).encode()
        async with self._web.request("POST", self._url, headers=headers, body=body, where=self._url) as response:
            answer = _mapping(await response.content.read(MAX_ERROR_BYTES))
            if response.status != 200:
                raise self._failure(response.status, answer)
        token, lifetime = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise StorageUnavailable(f"{self._url}: answered without an access token")
        return token, float(lifetime) if isinstance(lifetime, int) else 0.0

    def _failure(
        self, status: int, answer: Mapping[str, object]
    ) -> StorageDenied | StorageUnavailable | StorageThrottled:
        code, reason = answer.get("error"), answer.get("error_description")
        message = f"{self._url}: {code or f'HTTP {status}'}{': ' if reason else ''}{reason or ''}"
        if status == 429:
            return StorageThrottled(message)
        # Without the code of the RFC even a refusal tells nothing of the credentials: it may come from a proxy.
        return StorageDenied(message) if status < 500 and code else StorageUnavailable(message)


async def document(response: aiohttp.ClientResponse, where: str) -> bytes:
    """Return the whole body of an answer, which must have at most 16 MiB. Raises ``StorageUnavailable``."""
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > _MAX_DOCUMENT_BYTES:
            raise StorageUnavailable(f"{where}: an answer above {_MAX_DOCUMENT_BYTES} bytes")
    return bytes(data)


async def parts(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Regroup chunks into parts of ``PART_SIZE``, the last one shorter."""
    buffer = bytearray()
    async for chunk in chunks:
        buffer += chunk
        while len(buffer) >= PART_SIZE:
            yield bytes(buffer[:PART_SIZE])
            del buffer[:PART_SIZE]
    if buffer:
        yield bytes(buffer)


def encoded_query(query: Mapping[str, str]) -> str:
    """Return the query with its ``?``, empty without parameters."""
    parameters = "&".join(
        f"{quote(name, safe=_UNRESERVED)}={quote(value, safe=_UNRESERVED)}" for name, value in query.items()
    )
    return f"?{parameters}" if parameters else ""


def encoded_key(key: str, where: str, *, slashes: bool, max_bytes: int) -> str:
    """Return the key percent-encoded; ``slashes`` stay as they are or are encoded, too.

    Raises ``StorageDenied`` for a key that is empty, longer than ``max_bytes`` in UTF-8, or no Unicode.
    """
    try:
        raw = key.encode()
    except UnicodeEncodeError as error:
        raise StorageDenied(f"{where!r}: keys are UTF-8, and this one holds a lone surrogate") from error
    if not 0 < len(raw) <= max_bytes:
        raise StorageDenied(f"{where}: keys have 1 to {max_bytes} bytes, not {len(raw)}")
    return quote(raw, safe=_UNRESERVED + ("/" if slashes else ""))


def origin(endpoint_url: str) -> str:
    """Return the one spelling of an endpoint: host in lower case, without the scheme's own port or a last slash."""
    url = urlsplit(endpoint_url)
    host = url.hostname or ""
    port = "" if url.port in {None, {"http": 80, "https": 443}.get(url.scheme)} else f":{url.port}"
    return f"{url.scheme}://{f'[{host}]' if ':' in host else host}{port}{url.path.rstrip('/')}"


def _mapping(body: bytes) -> Mapping[str, object]:
    try:
        answer = orjson.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
