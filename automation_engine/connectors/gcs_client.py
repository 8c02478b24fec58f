"""Requests to one GCS bucket as a service account, and what their failures mean.

google-auth signs the assertion, aiohttp carries the bytes. Source: Cloud Storage JSON API reference and its list of
HTTP status and error codes; Google's OAuth 2.0 for service accounts; RFC 7523.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from google.auth import crypt, jwt

from automation_engine.connectors.web import MAX_ERROR_BYTES, Tokens, Web, encoded_key, encoded_query
from automation_engine.errors import (
    ObjectNotFound,
    StorageDenied,
    StorageError,
    StorageThrottled,
    StorageUnavailable,
    VersionMismatch,
)

ENDPOINT_URL = "https://storage.googleapis.com"
"""Google's own."""

MAX_KEY_BYTES = 1024
"""The longest name that GCS stores, in UTF-8."""

_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_LIFETIME_SECONDS = 3600
_STATUSES: dict[int, type[StorageError]] = {
    401: StorageDenied,
    403: StorageDenied,
    404: StorageUnavailable,
    412: VersionMismatch,
    429: StorageThrottled,
}
_RATE_LIMITS = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """A service account's key file, as far as it is needed."""

    client_email: str
    token_uri: str
    signer: Any = field(repr=False)

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> ServiceAccount:
        """Take the fields of the file. Raises ``ValueError``, which never quotes the key."""
        for name in ("client_email", "private_key", "token_uri"):
            if not isinstance(info.get(name), str) or not info[name]:
                raise ValueError(f"lacks {name}")
        try:
            signer = crypt.RSASigner.from_service_account_info(info)  # type: ignore[no-untyped-call] # untyped in google-auth
        except Exception:  # noqa: BLE001 - whatever its parsers raise may quote the key
            raise ValueError("private_key is no RSA key in PEM") from None
        return cls(client_email=info["client_email"], token_uri=info["token_uri"], signer=signer)

    def grant(self) -> dict[str, str]:
        """Return the form that asks for a token: a freshly signed assertion."""
        now = int(time.time())
        times = {"iat": now, "exp": now + _LIFETIME_SECONDS}
        claims = {"iss": self.client_email, "scope": _SCOPE, "aud": self.token_uri, **times}
        assertion = jwt.encode(self.signer, claims).decode()  # type: ignore[no-untyped-call] # untyped in google-auth
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}


class GcsClient:
    """Requests to ``bucket`` below ``endpoint_url``, Google's own by default."""

    def __init__(self, bucket: str, account: ServiceAccount, endpoint_url: str | None = None) -> None:
        self.bucket = bucket
        self._base = (endpoint_url or ENDPOINT_URL).rstrip("/")
        self._web = Web()
        self._tokens = Tokens(self._web, account.token_uri, account.grant)

    def objects(self, query: Mapping[str, str]) -> str:
        """Return the URL of the bucket's objects."""
        return f"{self._base}/storage/v1/b/{self.bucket}/o{encoded_query(query)}"

    def object(self, key: str, query: Mapping[str, str], *, service: str = "storage/v1") -> str:
        """Return the URL of one object. Raises ``StorageDenied`` for a key that GCS can't hold."""
        where = f"gs://{self.bucket}/{key}"
        if key in {".", ".."}:
            raise StorageDenied(f"{where}: GCS has no object of this name")
        name = encoded_key(key, where, slashes=False, max_bytes=MAX_KEY_BYTES)
        return f"{self._base}/{service}/b/{self.bucket}/o/{name}{encoded_query(query)}"

    def upload(self, query: Mapping[str, str]) -> str:
        """Return the URL that uploads start at."""
        return f"{self._base}/upload/storage/v1/b/{self.bucket}/o{encoded_query(query)}"

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        where: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        answers: frozenset[int] = frozenset({200}),
        one_object: bool = False,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request; the response lives as long as the context.

        Raises ``StorageError`` for a status outside ``answers``. 404 means the bucket, unless the request is about
        ``one_object`` and the bucket answers.
        """
        authorised = {
            "Accept-Encoding": "identity",
            **(headers or {}),
            "Authorization": f"Bearer {await self._tokens.get()}",
        }
        async with self._web.request(method, url, headers=authorised, body=body, where=where) as response:
            if response.status in answers:
                yield response
                return
            if response.status == 401:
                self._tokens.forget()
            error = failure(response.status, await response.content.read(MAX_ERROR_BYTES), where)
        if response.status == 404 and one_object:
            # A missing bucket must not look like a missing object, and their answers are the same.
            bucket = f"gs://{self.bucket}/"
            async with self.request("GET", self.objects({"maxResults": "1", "fields": "kind"}), where=bucket):
                error = ObjectNotFound(error.message)
        raise error

    async def close(self) -> None:
        """Close all connections."""
        await self._web.close()


def failure(status: int, body: bytes, where: str) -> StorageError:
    """Return the error that an error answer means."""
    told = _told(body)
    errors = told.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code, reason = first.get("reason"), told.get("message")
    kind = StorageThrottled if code in _RATE_LIMITS else _STATUSES.get(status)
    if kind is None:
        kind = StorageError if 400 <= status < 500 and told and status != 408 else StorageUnavailable
    return kind(f"{where}: {code or f'HTTP {status}'}{': ' if reason else ''}{reason or ''}")


def _told(body: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(body)
    except ValueError:
        return {}
    told = answer.get("error") if isinstance(answer, dict) else None
    return told if isinstance(told, dict) else {}
