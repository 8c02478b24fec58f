"""Posting to endpoints that strangers name: signed, bounded, and never into the operator's own network.

The address that is really connected to is checked, so that a name which leads elsewhere the second time it is resolved
gains nothing. Redirects are not followed, no proxy of the environment is used. ``insecure`` allows ``http`` and every
address: for development.

Source: RFC 2104; the OWASP Server-Side Request Forgery Prevention Cheat Sheet; RFC 6052 and 3056 for addresses that
embed others.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

MAX_ANSWER = 64 << 10
"""Most bytes of an answer that are read; the rest is left."""
GONE = 410
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=10)
_USER_AGENT = "automation-engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What is sent to a webhook once. ``secret`` is the key that the body is signed with, as the owner was shown it."""

    url: str
    secret: str
    webhook_id: str
    delivery_id: str
    attempt_id: str
    event: str
    body: bytes

    def headers(self) -> dict[str, str]:
        """Return the headers of the contract."""
        return {
            "Content-Type": "application/json",
            "User-Agent": _USER_AGENT,
            "Accept-Encoding": "identity",
            "X-Webhook-Signature": "sha256=" + hmac.new(self.secret.encode(), self.body, "sha256").hexdigest(),
            "X-Webhook-ID": self.webhook_id,
            "X-Delivery-ID": self.delivery_id,
            "X-Delivery-Attempt-ID": self.attempt_id,
            "X-Event-Type": self.event,
            "Idempotency-Key": self.delivery_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How an attempt ended. ``error`` is None when the endpoint answered 2xx.

    ``retry_after``: what a ``Retry-After`` header asks for, in seconds; or in seconds since the epoch, ``retry_at``.
    """

    status: int | None = None
    text: str | None = None
    error: str | None = None
    retry_after: float | None = None
    retry_at: float | None = None


class WebhookSender:
    """Sends posts. ``authorities`` is a PEM file of certificate authorities that are trusted beside the system's."""

    def __init__(
        self,
        *,
        insecure: bool = False,
        authorities: Path | None = None,
        timeout: aiohttp.ClientTimeout = _TIMEOUT,
    ) -> None:
        self.insecure = insecure
        self._authorities = authorities
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def send(self, post: Post) -> Answer:
        """Send once. Whatever goes wrong is the answer's ``error``."""
        url = URL(post.url)
        if url.scheme != "https" and not self.insecure:
            return Answer(error="refused: the URL must begin with https://")
        try:
            async with self._opened().post(
                url, data=post.body, headers=post.headers(), allow_redirects=False
            ) as response:
                return _answer(response, await _text(response))
        except TimeoutError:
            return Answer(error="no answer in time")
        except aiohttp.ClientConnectorDNSError:
            return Answer(error=f"there is no address for {url.host}")
        except aiohttp.ClientConnectorError as error:
            return Answer(error=f"no connection to {url.host}:{url.port}: {_told(error)}")
        except (aiohttp.ClientError, OSError) as error:
            return Answer(error=f"{url.host}: {str(error) or type(error).__name__}")

    async def close(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        # Opened late: a session belongs to the loop that runs when it is made.
        if self._session is None:
            tls = ssl.create_default_context()
            if self._authorities is not None:
                tls.load_verify_locations(cafile=self._authorities)
            connector = aiohttp.TCPConnector(
                ssl=tls, socket_factory=None if self.insecure else public_socket, limit=0, force_close=True
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session


class NotPublic(OSError):
    """A connection that is not made."""


def public_socket(address: tuple[Any, ...]) -> socket.socket:
    """Make the socket for a connection to ``(family, type, proto, name, address)``. Raises ``NotPublic``."""
    family, kind, protocol, _, (host, *_) = address
    if not is_public(host):
        raise NotPublic("refused: its address is not public")
    return socket.socket(family, kind, protocol)


def is_public(host: str) -> bool:
    """Whether an IP address is one of the public internet, and embeds none that is not."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour
        if embedded is None and address in _NAT64:
            embedded = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if embedded is not None:
            address = embedded
    return address.is_global and not address.is_multicast


async def _text(response: aiohttp.ClientResponse) -> str | None:
    """Return the beginning of the body as text; what breaks off while it is read ends it."""
    data = bytearray()
    try:
        while len(data) < MAX_ANSWER and (chunk := await response.content.read(MAX_ANSWER - len(data))):
            data += chunk
    except (aiohttp.ClientError, OSError, TimeoutError):
        pass  # the status has said what the endpoint made of the post
    # No database of text holds a NUL.
    return data.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}") or None


def _answer(response: aiohttp.ClientResponse, text: str | None) -> Answer:
    status = response.status
    if 200 <= status < 300:
        return Answer(status=status, text=text)
    error = f"answered {status}" + (": redirects are not followed" if 300 <= status < 400 else "")
    after, at = _retry_after(response.headers)
    return Answer(status=status, text=text, error=error, retry_after=after, retry_at=at)


def _retry_after(headers: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Return the seconds, or the instant, that ``Retry-After`` names (RFC 9110, section 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9]), None
    try:
        return None, parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None, None


def _told(error: aiohttp.ClientConnectorError) -> str:
    cause = error.os_error
    return str(cause) if isinstance(cause, NotPublic) else cause.strerror or str(cause)
