"""Deletions, remembered: whoever asks again, or asks how far it has come, gets the answer that he may have missed."""

from __future__ import annotations

from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import NotFound
from automation_engine.store.database import Transaction
from automation_engine.store.tables import Deletion


def record(tx: Transaction, owner: str, subject_id: str) -> None:
    """Remember that an owner's index or video was deleted."""
    tx.add(Deletion(subject_id=subject_id, owner=owner, deleted_at=tx.now))


async def known(session: AsyncSession, owner: str, subject_id: str) -> bool:
    """Whether an owner deleted what had this id."""
    row = await session.get(Deletion, subject_id)
    return row is not None and row.owner == owner


async def find(session: AsyncSession, owner: str, subject_id: str) -> Deletion:
    """Return the deletion of what had this id. Raises ``NotFound``."""
    row = await session.get(Deletion, subject_id)
    if row is None or row.owner != owner:
        raise NotFound(f"there was no deletion of {subject_id}")
    return row


def deletion_id(subject_id: str) -> str:
    """Return a deletion's id: that of its subject, with another prefix."""
    return "del_" + subject_id.partition("_")[2]
