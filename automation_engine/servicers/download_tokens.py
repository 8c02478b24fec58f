"""Download tokens: who holds one may download one export, within a quarter of an hour and once, without a key.

``v1.<expiry and nonce>.<signature>``, both parts in base64url. The signature binds the token to the export and to its
owner, neither of which it tells. Nothing is stored of a token before it is used: whoever knows the engine's secret can
check it, on whichever machine, after whatever restart.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import struct
from dataclasses import dataclass

from automation_engine.secrets import SecretBox
from automation_engine.store.tables import Export

LIFETIME = 900.0
"""Seconds that a token may be used for."""

_VERSION = "v1"
_CONTENT = struct.Struct(">Q16s")
_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadToken:
    """A token that was issued here. ``nonce`` tells it from every other one."""

    nonce: bytes
    expires_at: float


def issue(box: SecretBox, export: Export, now: float) -> str:
    """Return a new token for an export."""
    content = _CONTENT.pack(int(now + LIFETIME), secrets.token_bytes(16))
    return ".".join([_VERSION, _encoded(content), _encoded(box.sign(_signed(content, export)))])


def read(box: SecretBox, export: Export, token: str, now: float) -> DownloadToken | None:
    """Return a token that holds for this export now; None for any other text."""
    parts = token.split(".")
    if len(parts) != _PARTS or parts[0] != _VERSION:
        return None
    try:
        content, signature = (
            base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True) for part in parts[1:]
        )
    except (ValueError, binascii.Error):
        return None
    if len(content) != _CONTENT.size or not box.signed(_signed(content, export), signature):
        return None
    expires_at, nonce = _CONTENT.unpack(content)
    return DownloadToken(nonce=nonce, expires_at=expires_at) if now < expires_at else None


def _signed(content: bytes, export: Export) -> bytes:
    return b"\0".join([b"download", export.export_id.encode(), export.owner.encode(), content])


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
