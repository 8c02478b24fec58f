"""``LedgerService``: the files that an import automation has met, why each stands where it stands, and what to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from automation_engine.rules.checks import checks
from automation_engine.servicers import caller
from automation_engine.servicers.ledger_files import explanation, facts, message, messages
from automation_engine.servicers.pages import cut, limit_of, pagination, read_cursor
from automation_engine.servicers.words import word
from automation_engine.store import automations, files, interventions
from automation_engine.store.automations import IMPORT
from automation_engine.store.database import Database, Transaction
from automation_engine.store.files import Chosen
from automation_engine.store.interventions import Outcome
from automation_engine.store.tables import Automation
from automation_engine.v1 import ledger_pb2
from automation_engine.v1 import ledger_service_pb2 as pb
from automation_engine.v1.ledger_service_pb2_grpc import LedgerServiceServicer

_STATE = ledger_pb2.LedgerFileState.DESCRIPTOR
_LINKS = ("batch_id", "job_id", "video_id", "run_id", "export_id")

Intervention = Callable[[Transaction, Automation, Sequence[str]], Awaitable[Outcome]]


class LedgerServicer(LedgerServiceServicer):
    """The ledgers of the caller's import automations."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def ListLedgerFiles(self, request: pb.ListLedgerFilesRequest, _context: Any) -> pb.ListLedgerFilesResponse:
        """List files by key, the versions of a key newest first. Raises ``NotFound`` for the automation."""
        limit = limit_of(request)
        after = read_cursor(request.cursor, str, int, most=2**63 - 1)
        chosen = Chosen(
            state=word(_STATE, request.state) if request.state else None,
            prefix=request.prefix,
            **{name: getattr(request, name) for name in _LINKS if request.HasField(name)},
        )
        async with self._database.reading() as session:
            row = await automations.find(session, caller.current().owner, request.index_id, IMPORT)
            entries = await files.listed(
                session, row, chosen, after=None if after is None else (after[0], after[1]), limit=limit + 1
            )
            page, cursor = cut(entries, limit, lambda entry: (entry.key, entry.seq or 0))
            lines = await messages(session, row, automations.import_state(row).config.debounce, page)
        return pb.ListLedgerFilesResponse(data=lines, pagination=pagination(limit, cursor))

    async def ExplainFile(self, request: pb.ExplainFileRequest, _context: Any) -> pb.ExplainFileResponse:
        """Say why a file was imported, or was not. Raises ``NotFound`` for the automation."""
        async with self._database.reading() as session:
            row = await automations.find(session, caller.current().owner, request.index_id, IMPORT)
            state = automations.import_state(row)
            found = await files.newest(session, automations.row_seq(row), request.path)
            file = None if found is None else await message(session, row, state.config.debounce, *found)
        known = None if found is None else facts(*found)
        told = checks(state, request.path, known, self._database.clock.now())
        link = None if found is None else found[1]
        return pb.ExplainFileResponse(explanation=explanation(request.path, told, link, file))

    async def RetryFiles(self, request: pb.RetryFilesRequest, _context: Any) -> pb.RetryFilesResponse:
        """Give failed files another round of attempts. Raises ``IllegalTransition`` while the automation is stopped."""
        outcome = await self._change(request, interventions.retry)
        return pb.RetryFilesResponse(
            message=_sentence(outcome, "tried again"), changed=outcome.changed, unchanged=_unchanged(outcome)
        )

    async def ReleaseFiles(self, request: pb.ReleaseFilesRequest, _context: Any) -> pb.ReleaseFilesResponse:
        """Let files that failed or were left out settle again."""
        outcome = await self._change(request, interventions.release)
        return pb.ReleaseFilesResponse(
            message=_sentence(outcome, "released"), changed=outcome.changed, unchanged=_unchanged(outcome)
        )

    async def IgnoreFiles(self, request: pb.IgnoreFilesRequest, _context: Any) -> pb.IgnoreFilesResponse:
        """Leave files out that wait or that failed."""
        outcome = await self._change(request, interventions.ignore)
        return pb.IgnoreFilesResponse(
            message=_sentence(outcome, "ignored"), changed=outcome.changed, unchanged=_unchanged(outcome)
        )

    async def _change(self, request: Any, intervention: Intervention) -> Outcome:
        async with self._database.transaction() as tx:
            row = await automations.locked(tx, caller.current().owner, request.index_id, IMPORT)
            return await intervention(tx, row, request.paths)


def _sentence(outcome: Outcome, done: str) -> str:
    changed, unchanged = len(outcome.changed), len(outcome.unchanged)
    text = f"1 file is {done}" if changed == 1 else f"{changed:,} files are {done}"
    return f"{text}; {unchanged:,} left as {'it was' if unchanged == 1 else 'they were'}." if unchanged else f"{text}."


def _unchanged(outcome: Outcome) -> list[ledger_pb2.UnchangedFile]:
    return [
        ledger_pb2.UnchangedFile(path=path, reason=f"{reason[:1].upper()}{reason[1:]}.")
        for path, reason in outcome.unchanged
    ]
