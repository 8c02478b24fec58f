"""API keys: made once, kept as a hash, looked up at every call."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import InvalidArgument, NotFound
from automation_engine.store.database import Reader, Transaction
from automation_engine.store.tables import ApiKey

PREFIX = "sk_live_"
SCOPES = ("search", "read", "write", "admin")
"""What a key may be made for; each includes those before it."""

_KEY = re.compile(PREFIX + "[0-9a-f]{48}")
_SHOWN = len(PREFIX) + 4


async def create(
    tx: Transaction, owner: str, name: str, scopes: Sequence[str], expires_at: float | None = None
) -> tuple[ApiKey, str]:
    """Make a key of 192 random bits for an owner; it can't be shown again. ``expires_at`` in seconds since the epoch.

    Returns its row and the key. Raises ``InvalidArgument`` for an empty owner, no scope, or one that there isn't.
    """
    if not owner:
        raise InvalidArgument.of("owner", "must not be empty")
    if not scopes or not set(scopes) <= set(SCOPES):
        raise InvalidArgument.of("scopes", f"must be some of {', '.join(SCOPES)}; got {', '.join(scopes) or 'none'}")
    key = PREFIX + secrets.token_hex(24)
    row = ApiKey(
        key_id=tx.new_id("key"),
        owner=owner,
        name=name,
        key_hash=_hash(key),
        key_prefix=key[:_SHOWN],
        scopes=[scope for scope in SCOPES if scope in scopes],
        created_at=tx.now,
        expires_at=expires_at,
    )
    tx.add(row)
    await tx.flush()
    return row, key


_BY_HASH = select_columns(vars(ApiKey)["__table__"]).where(col(ApiKey.key_hash) == bindparam("b_key_hash"))


async def authenticate(reader: Reader, key: str, now: float) -> Row[*tuple[Any, ...]] | None:
    """Return the row of a key that is valid at ``now``; None for one that is unknown, expired or revoked."""
    if not _KEY.fullmatch(key):
        return None
    digest = _hash(key)
    rows = await reader.fetch(_BY_HASH, {"b_key_hash": digest})
    row = rows[0] if rows else None
    # The index search leaks at most how the hash of a guess compares, which tells nothing of a key of 192 random bits.
    if row is None or not hmac.compare_digest(row.key_hash, digest):
        return None
    expired = row.expires_at is not None and row.expires_at <= now
    return None if expired or row.revoked_at is not None else row


async def list_keys(session: AsyncSession, owner: str | None = None) -> Sequence[ApiKey]:
    """Return an owner's keys, or everybody's, the oldest first, expired and revoked ones too."""
    statement = select(ApiKey).order_by(col(ApiKey.created_at), col(ApiKey.key_id))
    if owner is not None:
        statement = statement.where(ApiKey.owner == owner)
    return (await session.exec(statement)).all()


async def revoke(tx: Transaction, key_id: str) -> ApiKey:
    """Refuse a key from now on; the first revocation's instant stays. Raises ``NotFound``."""
    row = await tx.get(ApiKey, key_id)
    if row is None:
        raise NotFound(f"there is no API key {key_id}")
    if row.revoked_at is None:
        row.revoked_at = tx.now
        tx.add(row)
        await tx.flush()
    return row


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
