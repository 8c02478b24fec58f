"""What people do about single files: try again, let settle again, leave out. Each is one transaction.

The automation has to be locked: then no batch claims meanwhile. Every change is conditional on the state that it
leaves, so a scan or a job that resolves the same entry at the same time is never overruled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import or_, update
from sqlmodel import col

from automation_engine.rules.debounce import Skip
from automation_engine.rules.model import LedgerState
from automation_engine.store import automations, files, imports, ledger
from automation_engine.store.database import Transaction
from automation_engine.store.files import Link
from automation_engine.store.tables import Automation, LedgerEntry

_OPEN = frozenset({LedgerState.SETTLING.value, LedgerState.READY.value, LedgerState.FAILED.value})
_ENDED = frozenset({LedgerState.FAILED.value, LedgerState.SKIPPED.value})
_STANDS = {
    LedgerState.SETTLING: "it settles",
    LedgerState.READY: "it is ready and waits for its window",
    LedgerState.CLAIMED: "it is being imported",
    LedgerState.IMPORTED: "it was imported",
    LedgerState.FAILED: "it has failed in this very moment",
    LedgerState.SKIPPED: "it is left out",
    LedgerState.GONE: "this version is gone",
}
_NEW_ONLY = "only the first version of a file is imported (import_mode new_only), and this is a later one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The keys that were changed, and the others with the reason of each."""

    changed: list[str] = field(default_factory=list)
    unchanged: list[tuple[str, str]] = field(default_factory=list)


async def retry(tx: Transaction, row: Automation, keys: Sequence[str]) -> Outcome:
    """Give failed files another round of attempts in the job that they failed in, once that has ended.

    Raises ``IllegalTransition`` while the automation is stopped.
    """
    imports.refuse_stopped(row)
    outcome, jobs = Outcome(), dict[str, list[str]]()
    for key, (entry, link) in await _newest(tx, row, keys, outcome):
        if entry.state != LedgerState.FAILED.value:
            outcome.unchanged.append((key, _stands(entry, link)))
        elif link.job_id is None or link.file_id is None:
            outcome.unchanged.append((key, "no import job has it any more: release it"))
        elif link.job_status not in imports.TERMINAL:  # not even locked: it may be waiting for the automation
            outcome.unchanged.append((key, f"its import job {link.job_id} still runs: wait for its end"))
        else:
            jobs.setdefault(link.job_id, []).append(key)
    for job_id, mine in jobs.items():
        await _retry_in(tx, row, job_id, mine, outcome)
    return outcome


async def _retry_in(tx: Transaction, row: Automation, job_id: str, keys: list[str], outcome: Outcome) -> None:
    job = await imports.locked(tx, row.owner, job_id)
    if job.status not in imports.TERMINAL:
        outcome.unchanged.extend((key, f"its import job {job_id} was started again: wait for its end") for key in keys)
        return
    await imports.retry(tx, job, only=keys)
    await imports.restart(tx, job, status="importing")
    outcome.changed.extend(keys)


async def release(tx: Transaction, row: Automation, keys: Sequence[str]) -> Outcome:
    """Let files that failed or were left out settle again, as if they had been met now, and ask for a scan."""
    outcome = await _change(
        tx,
        row,
        keys,
        _ENDED,
        state=LedgerState.SETTLING.value,
        hold=None,
        first_seen_at=tx.now,
        batch_id=None,
        reason=None,
    )
    if outcome.changed:
        await automations.rescan(tx, row.automation_id)
    return outcome


async def ignore(tx: Transaction, row: Automation, keys: Sequence[str]) -> Outcome:
    """Leave files out that wait or that failed."""
    return await _change(tx, row, keys, _OPEN, state=LedgerState.SKIPPED.value, hold=None, reason=Skip.IGNORED.value)


async def _newest(
    tx: Transaction, row: Automation, keys: Sequence[str], outcome: Outcome
) -> list[tuple[str, tuple[LedgerEntry, Link]]]:
    """Return the newest version of each key, once, in the order that was asked for; the others go to the outcome."""
    wanted = list(dict.fromkeys(keys))
    found = await files.newest_of(tx, automations.row_seq(row), wanted)
    outcome.unchanged.extend((key, "the ledger does not know it") for key in wanted if key not in found)
    return [(key, found[key]) for key in wanted if key in found]


def _stands(entry: LedgerEntry, link: Link) -> str:
    if link.batch_status == "held" and entry.state == LedgerState.CLAIMED.value:
        return f"it is in batch {entry.batch_id}, which is held: approve or reject that"
    if entry.reason == Skip.NEW_ONLY.value:
        return _NEW_ONLY
    return _STANDS[LedgerState(entry.state)]


async def _change(
    tx: Transaction, row: Automation, keys: Sequence[str], states: frozenset[str], **values: Any
) -> Outcome:
    """Write the values into the newest version of each key that is in one of the states."""
    outcome = Outcome()
    newest = await _newest(tx, row, keys, outcome)
    written = await _write(tx, [entry.seq for _, (entry, _) in newest], states, values)
    for key, (entry, link) in newest:
        if entry.seq in written:
            outcome.changed.append(key)
        else:
            outcome.unchanged.append((key, _stands(entry, link)))
    if written:
        await ledger.touch(tx, automations.row_seq(row))
    return outcome


async def _write(
    tx: Transaction, seqs: Sequence[int | None], states: frozenset[str], values: dict[str, Any]
) -> set[int | None]:
    """Return the numbers of the entries that were in one of the states until now."""
    written: set[int | None] = set()
    for at in range(0, len(seqs), ledger.CHUNK):
        statement = (
            update(LedgerEntry)
            .where(
                col(LedgerEntry.seq).in_(seqs[at : at + ledger.CHUNK]),
                col(LedgerEntry.state).in_(sorted(states)),
                # What the mode leaves out, it would leave out again at once.
                or_(col(LedgerEntry.reason).is_(None), col(LedgerEntry.reason) != Skip.NEW_ONLY.value),
            )
            .values(**values)
            .returning(col(LedgerEntry.seq))
            .execution_options(synchronize_session=False)
        )
        written.update((await tx.exec(statement)).scalars())
    return written
