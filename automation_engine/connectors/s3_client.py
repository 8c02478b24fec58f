"""Signed requests to one S3 bucket, and what their failures mean.

botocore's signer computes Signature Version 4, aiohttp carries the bytes. Keys travel as they are: nothing between the
caller and the server parses, normalises or refuses them. There are no retries here; ``StorageError.transient`` tells
the caller, who has the patience, that one may help.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from html import unescape

import aiohttp
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from automation_engine.connectors.web import MAX_ERROR_BYTES, Web, document, encoded_key, encoded_query
from automation_engine.errors import (
    ObjectNotFound,
    StorageDenied,
    StorageError,
    StorageThrottled,
    StorageUnavailable,
    VersionMismatch,
)

MAX_KEY_BYTES = 1024
"""The longest key S3 stores, in UTF-8."""

_SIGN_IN_THREAD_BYTES = 256 << 10
_ERRORS: dict[str, type[StorageError]] = {
    "NoSuchKey": ObjectNotFound,
    "NoSuchVersion": ObjectNotFound,
    "PreconditionFailed": VersionMismatch,
    "NoSuchBucket": StorageUnavailable,
    "AccessDenied": StorageDenied,
    "InvalidAccessKeyId": StorageDenied,
    "SignatureDoesNotMatch": StorageDenied,
    "ExpiredToken": StorageDenied,
    "InvalidToken": StorageDenied,
    "SlowDown": StorageThrottled,
    "RequestLimitExceeded": StorageThrottled,
    "ServiceUnavailable": StorageThrottled,
    "TooManyRequests": StorageThrottled,
}
_STATUSES: dict[int, type[StorageError]] = {
    401: StorageDenied,
    403: StorageDenied,
    412: VersionMismatch,
    429: StorageThrottled,
    503: StorageThrottled,
}


class S3Client:
    """Requests to ``bucket``; path-style addresses below ``endpoint_url``, virtual-host style on AWS without one."""

    def __init__(
        self, bucket: str, region: str, access_key_id: str, secret_access_key: str, endpoint_url: str | None = None
    ) -> None:
        self.bucket = bucket
        self._base = _base_url(bucket, region, endpoint_url)
        self._signer = S3SigV4Auth(Credentials(access_key_id, secret_access_key), "s3", region)
        self._web = Web()

    @asynccontextmanager
    async def request(
        self,
        method: str,
        key: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request about the bucket or one of its keys; the response lives as long as the context.

        Raises ``StorageError`` for what failed in it, while the body is read too. 416 is a response like the others.
        """
        where = f"s3://{self.bucket}/{key or ''}"
        url = self._url(key, query or {}, where)
        signed = await self._signed(method, url, headers or {}, body)
        async with self._web.request(method, url, headers=signed, body=body, where=where) as response:
            # A range behind the end of an object is an answer of its own, not a failure.
            if response.status not in {200, 204, 206, 416}:
                raise await self._failure(method, key, headers or {}, response, where)
            yield response

    async def document(
        self,
        method: str,
        key: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> bytes:
        """Return the whole body of an answer that must be a document of at most 16 MiB."""
        async with self.request(method, key, query=query, headers=headers, body=body) as response:
            return await document(response, f"s3://{self.bucket}")

    async def close(self) -> None:
        """Close all connections."""
        await self._web.close()

    def _url(self, key: str | None, query: Mapping[str, str], where: str) -> str:
        path = "" if key is None else encoded_key(key, where, slashes=True, max_bytes=MAX_KEY_BYTES)
        return f"{self._base}{path}{encoded_query(query)}"

    async def _signed(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        request = AWSRequest(method=method, url=url, headers={**headers, "Accept-Encoding": "identity"}, data=body)
        if len(body) > _SIGN_IN_THREAD_BYTES:
            await asyncio.to_thread(self._signer.add_auth, request)
        else:
            self._signer.add_auth(request)
        return dict(request.headers.items())

    async def _failure(
        self, method: str, key: str | None, headers: Mapping[str, str], response: aiohttp.ClientResponse, where: str
    ) -> StorageError:
        error = failure(response.status, await response.content.read(MAX_ERROR_BYTES), where)
        # A missing bucket must not look like a missing object, so two answers are asked for again in the plainest way:
        # those to HEAD have no body and so no reason; and SeaweedFS judges If-Match before it looks for the bucket.
        if method == "HEAD" or (isinstance(error, ObjectNotFound) and "If-Match" in headers):
            async with self.request("GET", key, headers={"Range": "bytes=0-0"}):
                return StorageUnavailable(f"{where}: failed with HTTP {response.status} and then succeeded")
        return error


def failure(status: int, body: bytes, where: str) -> StorageError:
    """Return the error that an S3 error answer means.

    The body is searched, not parsed: it may quote the key, and a key may hold characters that XML can't.
    Source: the list of error codes in the Amazon S3 API reference.
    """
    code, reason = _element(body, "Code"), _element(body, "Message")
    kind = _ERRORS.get(code) or _STATUSES.get(status)
    if kind is None:
        # Without S3's own code even a 404 tells nothing of the object: it may come from a proxy.
        kind = StorageError if 400 <= status < 500 and code else StorageUnavailable
    region = _element(body, "Region")
    hint = f" (the bucket's region is {region})" if region else ""
    return kind(f"{where}: {code or f'HTTP {status}'}{': ' if reason else ''}{reason}{hint}")


def _element(body: bytes, name: str) -> str:
    found = re.search(rf"<{name}>([^<]*)</{name}>".encode(), body)
    return unescape(found[1].decode("utf-8", "replace")) if found else ""


def _base_url(bucket: str, region: str, endpoint_url: str | None) -> str:
    """Return the bucket's URL, ending in ``/``."""
    if endpoint_url is not None:
        return f"{endpoint_url.rstrip('/')}/{bucket}/"
    domain = f"s3.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
    # The certificate's wildcard covers one label, so a bucket with dots needs the path.
    return f"https://{domain}/{bucket}/" if "." in bucket else f"https://{bucket}.{domain}/"
