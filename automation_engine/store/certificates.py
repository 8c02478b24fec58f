"""Completeness certificates: a batch shows that nothing which was listed was left out.

A scan after which a batch may fire notes its *standing*: how many of the watched identities that it listed stand in
which state, ``gone`` being those that vanished since they were listed. It is counted, identity by identity, against the
ledger; what is missing from the sum is unexplained, and would be a bug. Each batch that fires on that scan moves its
members from what waits to what is claimed, in the transaction that claims them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import col, select

from automation_engine.rules.model import LedgerState
from automation_engine.store import ledger
from automation_engine.store.database import Reader, Transaction
from automation_engine.store.fingerprints import total
from automation_engine.store.tables import Batch, LedgerEntry, Scan

HELD = "held"
"""What waits and can't become ready as it is."""
_CLAIMED = LedgerState.CLAIMED.value
_STANDS = (*(state.value for state in LedgerState), HELD)
_BECOMING_READY = ("ready", "settling", HELD, "skipped", "failed", "gone")
"""Where a member stood when its scan was taken in, the likeliest first: nearly always it was ready."""


async def standing(reader: Reader, automation_seq: int, codes: Mapping[int, int], unresolved: bytes) -> dict[str, int]:
    """Count the listed identities by state.

    ``codes`` counts those of which ``ledger.known`` says how they were resolved, by their code; ``unresolved`` are the
    joined fingerprints of the others: the ledger is asked for them.
    """
    found = await ledger.standing(reader, automation_seq, unresolved)
    for code, count in codes.items():
        found[ledger.RESOLVED[code - 1].value] += count
    return {name: found[name] for name in _STANDS}


async def issue(tx: Transaction, batch: Batch) -> dict[str, Any] | None:
    """Return the certificate of a batch that has just claimed its members; None if no scan is known that it rests on.

    ``batch`` need not be saved yet. The fields are those of ``CompletenessCertificate``.
    """
    scan = await _deciding(tx, batch)
    if scan is None or scan.standing is None:
        return None
    scan.standing = stands = _claimed(scan.standing, batch.object_count)
    tx.add(scan)
    return {
        "scan_epoch": scan.epoch,
        "scan_started_at": scan.started_at,
        "scan_finished_at": scan.finished_at,
        "listing_hash": scan.listing_hash,
        "member_hash": await _member_hash(tx, batch.batch_id),
        "listed": scan.listed,
        "not_matched": scan.not_matched,
        "excluded": scan.excluded,
        "matched": scan.matched,
        "members": batch.object_count,
        **{name: stands[name] for name in ("ready", "settling", HELD)},
        "claimed_before": stands[_CLAIMED] - batch.object_count,
        **{f"{name}_before": stands[name] for name in ("imported", "failed", "skipped")},
        "gone_since": stands["gone"],
        "unexplained": scan.matched - sum(stands.values()),
    }


async def _deciding(tx: Transaction, batch: Batch) -> Scan | None:
    """Return the latest complete scan of the generation."""
    statement = (
        select(Scan)
        .where(
            Scan.automation_seq == batch.automation_seq,
            Scan.generation == batch.generation,
            Scan.outcome == "complete",
        )
        .order_by(col(Scan.epoch).desc())
        .limit(1)
        .execution_options(populate_existing=True)  # a scan is written past the session
    )
    return (await tx.exec(statement)).one_or_none()


def _claimed(stood: Mapping[str, int], members: int) -> dict[str, int]:
    """Move members to what is claimed.

    All of them were ready, unless a batch fires while the next scan is under way: that may have found some to be whole.
    """
    stands, left = dict(stood), members
    for name in _BECOMING_READY:
        moved = min(left, stands[name])
        stands[name] -= moved
        left -= moved
    stands[_CLAIMED] += members - left
    return stands


async def _member_hash(tx: Transaction, batch_id: str) -> str:
    prints = (await tx.exec(select(LedgerEntry.fingerprint).where(LedgerEntry.batch_id == batch_id))).all()
    return f"{total(b''.join(prints)):032x}"
