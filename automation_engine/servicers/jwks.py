"""The public keys that JWTs are signed with: from a file, or from the issuer by OIDC discovery.

Each key says which algorithms it may be used with, by its own type: a token's header never decides that. Symmetric keys
and ``none`` don't exist here.

Source: RFC 7517 (JWK), RFC 8725 (best practices), OpenID Connect Discovery 1.0.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import aiohttp
import jwt

from automation_engine.errors import IssuerUnavailable

MAX_BYTES = 256 * 1024
"""Bytes of a document of the issuer's."""

_ALGORITHMS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("RSA", ""): ("RS256", "PS256"),
    ("EC", "P-256"): ("ES256",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
"""By the kind of key, and its curve."""
_MAX_KEYS = 100
_MIN_RSA_BITS = 2048
_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
_FRESH = 3600.0  # seconds after which keys are fetched again, so that withdrawn ones go
_USABLE = 24 * 3600.0  # seconds that keys stay in use while the issuer doesn't answer
_UNKNOWN_KEY = 60.0  # seconds between two fetches for keys that nobody knows
_AFTER_FAILURE = 5.0  # seconds before an issuer that has never answered is asked again
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class SigningKey(NamedTuple):
    """A public key and the algorithms that it is for."""

    key: Any
    algorithms: tuple[str, ...]


Keys = Mapping[str | None, SigningKey]
"""By key id; None where a key has no id."""


class KeySource(Protocol):
    """Knows the issuer's keys."""

    async def find(self, key_id: str | None) -> SigningKey | None:
        """Return a key; None for one that isn't the issuer's. Raises ``IssuerUnavailable``."""
        ...


class StaticKeys:
    """Keys from a JWKS file, read once. Raises ``OSError``, and ``ValueError`` where it is no JWKS document."""

    def __init__(self, path: Path) -> None:
        self._keys = parse(path.read_bytes())

    async def find(self, key_id: str | None) -> SigningKey | None:
        """Return a key of the file."""
        return _chosen(self._keys, key_id)


class DiscoveredKeys:
    """Keys of an issuer, fetched when the first token comes, once an hour, and for a key that is new.

    ``insecure``: the issuer may name an address without TLS that is not on this machine.
    """

    def __init__(self, issuer: str, *, insecure: bool = False, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._insecure = insecure
        self._monotonic = monotonic
        self._keys: Keys = {}
        self._fetched_at: float | None = None
        self._failed_at: float | None = None
        self._turn = asyncio.Lock()

    async def find(self, key_id: str | None) -> SigningKey | None:
        """Return a key. Raises ``IssuerUnavailable`` where the issuer has to be asked and does not answer."""
        if not self._within(self._fetched_at, _FRESH):
            await self._refresh(_FRESH)
        found = _chosen(self._keys, key_id)
        if found is None and not self._within(self._fetched_at, _UNKNOWN_KEY):
            await self._refresh(_UNKNOWN_KEY)
            found = _chosen(self._keys, key_id)
        return found

    async def _refresh(self, age: float) -> None:
        """Fetch the keys unless somebody just did, or failed to. Keys that are usable outlive a failure."""
        async with self._turn:
            if self._within(self._fetched_at, age):
                return
            if not self._within(self._failed_at, _UNKNOWN_KEY if self._keys else _AFTER_FAILURE):
                try:
                    self._keys = await self._fetch()
                except (OSError, ValueError, RecursionError, aiohttp.ClientError):
                    self._failed_at = self._monotonic()
                else:
                    self._fetched_at, self._failed_at = self._monotonic(), None
            if self._failed_at is not None and not (age == _FRESH and self._within(self._fetched_at, _USABLE)):
                raise IssuerUnavailable("the issuer of tokens does not tell its keys: try again, or use an API key")

    def _within(self, at: float | None, seconds: float) -> bool:
        return at is not None and self._monotonic() - at < seconds

    async def _fetch(self) -> Keys:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            found = json.loads(await _get(session, self._issuer.rstrip("/") + "/.well-known/openid-configuration"))
            if not isinstance(found, dict) or found.get("issuer") != self._issuer:
                raise ValueError("the discovery document is another issuer's")
            uri = found.get("jwks_uri")
            if not isinstance(uri, str) or not is_safe(uri, insecure=self._insecure):
                raise ValueError("the discovery document names no https jwks_uri")
            return parse(await _get(session, uri))


def is_safe(url: str, *, insecure: bool) -> bool:
    """Whether keys may be fetched from a URL: over TLS, from this machine, or ``insecure`` from anywhere."""
    parts = urlsplit(url)
    if not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and (insecure or parts.hostname in _LOOPBACK))


def parse(data: bytes) -> Keys:
    """Return the usable keys of a JWKS document. Raises ``ValueError`` when there is none.

    As RFC 7517 asks, keys of kinds that are not understood are passed over.
    """
    document = json.loads(data)
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError(  # noqa: TRY004 - a fault of the document, not of our code
            "must be a JWKS document: an object with a list of keys"
        )
    keys: dict[str | None, SigningKey] = {}
    for entry in listed[:_MAX_KEYS]:
        if isinstance(entry, dict) and (key := _signing_key(entry)) is not None:
            kid = entry.get("kid")
            keys.setdefault(kid if isinstance(kid, str) else None, key)
    if not keys:
        raise ValueError("holds no public key for RS256, PS256, ES256 or EdDSA")
    return keys


def _signing_key(entry: dict[str, Any]) -> SigningKey | None:
    kind, declared = entry.get("kty"), entry.get("alg")
    allowed = _ALGORITHMS.get((str(kind), "" if kind == "RSA" else str(entry.get("crv"))), ())
    algorithms = tuple(name for name in allowed if declared in (None, name))
    if not algorithms or entry.get("use", "sig") != "sig" or "d" in entry:
        return None  # of another kind, for another use, or a private key, which nobody should have given us
    try:
        key: Any = jwt.PyJWK(entry, algorithms[0]).key
    except jwt.PyJWTError:
        return None
    return None if kind == "RSA" and key.key_size < _MIN_RSA_BITS else SigningKey(key, algorithms)


def _chosen(keys: Keys, key_id: str | None) -> SigningKey | None:
    if key_id is None and len(keys) == 1:
        return next(iter(keys.values()))
    return keys.get(key_id)


async def _get(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(url, allow_redirects=False) as response:
        if response.status != 200:
            raise ValueError(f"{url} answered {response.status}")
        data = await response.content.read(MAX_BYTES + 1)
        while len(data) <= MAX_BYTES and (more := await response.content.read(MAX_BYTES + 1)):
            data += more
    if len(data) > MAX_BYTES:
        raise ValueError(f"{url} sent more than {MAX_BYTES} bytes")
    return data
