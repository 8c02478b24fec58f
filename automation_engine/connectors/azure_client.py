"""Authorised requests to one Azure Blob container, and what their failures mean.

Source: Azure Storage REST API reference, "Authorize with Microsoft Entra ID", "Authorize with Shared Key", "Status and
error codes"; Microsoft identity platform, "OAuth 2.0 client credentials flow".
"""

from __future__ import annotations

import base64
import hmac
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from html import unescape
from urllib.parse import urlsplit

import aiohttp

from automation_engine.connectors.web import MAX_ERROR_BYTES, Tokens, Web, encoded_key, encoded_query
from automation_engine.errors import (
    ObjectNotFound,
    StorageDenied,
    StorageError,
    StorageThrottled,
    StorageUnavailable,
    VersionMismatch,
)

AUTHORITY_HOST = "https://login.microsoftonline.com"
"""Where tokens of the public cloud come from."""

MAX_KEY_BYTES = 1024
"""The longest name that is sent: Blob Storage allows 1,024 characters, and the address they are part of some more."""

_API_VERSION = "2021-12-02"
_SCOPE = "https://storage.azure.com/.default"
_SIGNED_HEADERS = (
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-MD5",
    "Content-Type",
    "Date",
    "If-Modified-Since",
    "If-Match",
    "If-None-Match",
    "If-Unmodified-Since",
    "Range",
)
# "Naming and referencing containers, blobs, and metadata": what no blob's name holds, and what addresses lose.
_UNNAMEABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]|(?:^|/)\.{1,2}(?:/|$)")
_ERRORS: dict[str, type[StorageError]] = {
    "BlobNotFound": ObjectNotFound,
    "ContainerNotFound": StorageUnavailable,
    "ContainerBeingDeleted": StorageUnavailable,
    "ResourceNotFound": StorageUnavailable,
    "ConditionNotMet": VersionMismatch,
    "TargetConditionNotMet": VersionMismatch,
    "InvalidAuthenticationInfo": StorageDenied,
    "LeaseIdMissing": StorageDenied,
    "InvalidBlockList": StorageUnavailable,  # another writer's commit came between: the next try starts anew
    "ServerBusy": StorageThrottled,
}
_STATUSES: dict[int, type[StorageError]] = {
    401: StorageDenied,
    403: StorageDenied,
    412: VersionMismatch,
    429: StorageThrottled,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecret:
    """An application of a tenant. ``authority_host`` gives the tokens."""

    tenant_id: str
    client_id: str
    client_secret: str = field(repr=False)
    authority_host: str = AUTHORITY_HOST

    @property
    def token_url(self) -> str:
        """Return the tenant's token endpoint."""
        return f"{self.authority_host.rstrip('/')}/{self.tenant_id}/oauth2/v2.0/token"

    def grant(self) -> dict[str, str]:
        """Return the form that asks for a token."""
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "scope": _SCOPE,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKey:
    """A storage account's own key, in base64."""

    key: str = field(repr=False)


class AzureClient:
    """Requests to ``container`` of ``account``.

    ``endpoint_url`` is the account's Blob endpoint, for Azurite with the account: ``http://127.0.0.1:10000/account``;
    unset, the public cloud's.
    """

    def __init__(
        self,
        account: str,
        container: str,
        credential: ClientSecret | AccountKey,
        endpoint_url: str | None = None,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._account = account
        self.base = f"{(endpoint_url or public_endpoint(account)).rstrip('/')}/{container}"
        self._web = Web(tls)
        self._key = base64.b64decode(credential.key) if isinstance(credential, AccountKey) else b""
        self._tokens = (
            Tokens(self._web, credential.token_url, credential.grant) if isinstance(credential, ClientSecret) else None
        )

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
        """Send one request about the container or one of its blobs; the response lives as long as the context.

        Raises ``StorageError`` for what failed in it, while the body is read too. 416 is a response like the others.
        """
        where = f"{self.base}/{key or ''}"
        path = f"{self.base}/{_encoded(key, where)}" if key is not None else self.base
        sent = {
            "Accept-Encoding": "identity",
            "x-ms-date": formatdate(usegmt=True),
            "x-ms-version": _API_VERSION,
            **({"Content-Length": f"{len(body)}"} if method == "PUT" else {}),
            **(headers or {}),
        }
        sent["Authorization"] = await self._authorization(method, path, query or {}, sent)
        url = path + encoded_query(query or {})
        async with self._web.request(method, url, headers=sent, body=body, where=where) as response:
            # A range behind the end of a blob is an answer of its own, not a failure.
            if response.status not in {200, 201, 206, 416}:
                if response.status == 401 and self._tokens is not None:
                    self._tokens.forget()
                raise await self._failure(key, headers or {}, response, where)
            yield response

    async def close(self) -> None:
        """Close all connections."""
        await self._web.close()

    async def _failure(
        self, key: str | None, headers: Mapping[str, str], response: aiohttp.ClientResponse, where: str
    ) -> StorageError:
        body = await response.content.read(MAX_ERROR_BYTES)
        error = failure(response.status, response.headers.get("x-ms-error-code", ""), body, where)
        if isinstance(error, VersionMismatch) and "If-Match" in headers:
            # Azurite, for one, says of a missing blob that it does not match.
            async with self.request("HEAD", key):
                return error
        return error

    async def _authorization(self, method: str, path: str, query: Mapping[str, str], sent: Mapping[str, str]) -> str:
        if self._tokens is not None:
            return f"Bearer {await self._tokens.get()}"
        own = sorted((name.lower(), value) for name, value in sent.items() if name.lower().startswith("x-ms-"))
        standard = {**sent, "Content-Length": sent.get("Content-Length", "").lstrip("0")}
        text = "\n".join(
            [
                method,
                *(standard.get(name, "") for name in _SIGNED_HEADERS),
                *(f"{name}:{value}" for name, value in own),
                f"/{self._account}{urlsplit(path).path}",
                *(f"{name}:{value}" for name, value in sorted(query.items())),
            ]
        )
        digest = hmac.digest(self._key, text.encode(), "sha256")
        return f"SharedKey {self._account}:{base64.b64encode(digest).decode()}"


def public_endpoint(account: str) -> str:
    """Return the account's Blob endpoint in the public cloud."""
    return f"https://{account}.blob.core.windows.net"


def failure(status: int, code: str, body: bytes, where: str) -> StorageError:
    """Return the error that an error answer means; ``code`` is its ``x-ms-error-code``."""
    found = re.search(rb"<Message>([^<\n]*)", body)
    reason = unescape(found[1].decode("utf-8", "replace")).strip() if found else ""
    kind = _ERRORS.get(code) or _STATUSES.get(status)
    if kind is None:
        # Without Azure's own code even a 404 tells nothing of the blob: it may come from a proxy.
        kind = StorageError if 400 <= status < 500 and code else StorageUnavailable
    return kind(f"{where}: {code or f'HTTP {status}'}{': ' if reason else ''}{reason}")


def _encoded(key: str, where: str) -> str:
    if _UNNAMEABLE.search(key):
        raise StorageDenied(f"{where!r}: no blob is called so: control characters, and '.' or '..' between slashes")
    return encoded_key(key, where, slashes=True, max_bytes=MAX_KEY_BYTES)
