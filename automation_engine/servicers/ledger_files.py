"""Files of a ledger: from entries and what became of them to messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.rules.checks import Check, LedgerFacts, failing
from automation_engine.rules.debounce import Hold
from automation_engine.rules.explain import why_ended, why_held
from automation_engine.rules.model import LedgerState
from automation_engine.servicers.times import timestamp
from automation_engine.servicers.words import number
from automation_engine.store import files
from automation_engine.store.files import Link
from automation_engine.store.tables import Automation, Export, LedgerEntry, PromptRun
from automation_engine.v1 import ledger_pb2 as pb

_STATE = pb.LedgerFileState.DESCRIPTOR
_RESULT = pb.CheckResult.DESCRIPTOR
_NO_LINK = Link()


async def messages(
    session: AsyncSession, row: Automation, debounce: float, entries: Sequence[LedgerEntry]
) -> list[pb.LedgerFile]:
    """Return entries as lines of a list, each with all that it is linked to."""
    links = await files.links(session, entries)
    found = [links.get(entry.seq or 0, _NO_LINK) for entry in entries]
    runs, exported = await _downstream(session, row, found)
    return [
        _message(entry, link, debounce, runs.get(link.imported_as or "", []), exported)
        for entry, link in zip(entries, found, strict=True)
    ]


async def message(
    session: AsyncSession, row: Automation, debounce: float, entry: LedgerEntry, link: Link
) -> pb.LedgerFile:
    """Return an entry of which it is known what became of it."""
    runs, exported = await _downstream(session, row, [link])
    return _message(entry, link, debounce, runs.get(link.imported_as or "", []), exported)


async def _downstream(
    session: AsyncSession, row: Automation, links: Sequence[Link]
) -> tuple[dict[str, list[PromptRun]], list[Export]]:
    """Return the runs by video, and the exports that may hold results of them."""
    runs = await files.analyses(session, [link.imported_as for link in links if link.imported_as is not None])
    return runs, await files.deliveries(session, row, [run.run_id for of_video in runs.values() for run in of_video])


def _message(
    entry: LedgerEntry, link: Link, debounce: float, runs: Sequence[PromptRun], exported: Sequence[Export]
) -> pb.LedgerFile:
    return pb.LedgerFile(
        path=entry.key,
        version=entry.version,
        size_bytes=entry.size,
        last_modified=timestamp(entry.last_modified),
        state=number(_STATE, entry.state),
        reason=_reason(entry, debounce),
        first_seen_at=timestamp(entry.first_seen_at),
        batch_id=entry.batch_id,
        job_id=link.job_id,
        file_id=link.file_id,
        video_id=link.video_id,
        run_ids=[run.run_id for run in runs],
        export_ids=files.delivered(exported, runs),
    )


def _reason(entry: LedgerEntry, debounce: float) -> str | None:
    """Return in one sentence why an entry stands where it stands."""
    if entry.state == LedgerState.SETTLING.value:
        return why_held(facts(entry, _NO_LINK).hold, growing=entry.growing, debounce=debounce)
    return None if entry.reason is None else why_ended(LedgerState(entry.state), entry.reason)


def facts(entry: LedgerEntry, link: Link) -> LedgerFacts:
    """Return an entry as the rules ask for it."""
    return LedgerFacts(
        state=LedgerState(entry.state),
        size=entry.size,
        first_seen_at=entry.first_seen_at,
        hold=None if entry.hold is None else Hold(entry.hold),
        growing=entry.growing,
        reason=entry.reason,
        batch_id=entry.batch_id,
        batch_status=link.batch_status,
        held_reason=link.held_reason,
    )


def explanation(path: str, found: Sequence[Check], link: Link | None, file: pb.LedgerFile | None) -> pb.FileExplanation:
    """Return the checks of a path, and in one sentence what they come to."""
    failed = failing(found)
    return pb.FileExplanation(
        path=path,
        verdict=_imported(link or _NO_LINK) if failed is None else failed.text,
        checks=[_check(check) for check in found],
        failing_check=None if failed is None else failed.name,
        file=file,
    )


def _imported(link: Link) -> str:
    by = "" if link.job_id is None else f" by job {link.job_id}"
    if link.video_id is None or link.imported_at is None:
        return f"It was imported{by}; what it became was deleted since."
    at = datetime.fromtimestamp(link.imported_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"It was imported as video {link.video_id}{by} at {at}."


def _check(check: Check) -> pb.Check:
    return pb.Check(
        name=check.name,
        result=number(_RESULT, check.result.value),
        text=check.text,
        passes_at=timestamp(check.passes_at),
        remedy=check.remedy,
    )
