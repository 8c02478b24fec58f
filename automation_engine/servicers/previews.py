"""Previews: an unsaved configuration of an import automation held against the live listing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from automation_engine.connectors.pool import Stores
from automation_engine.connectors.protocol import ObjectInfo
from automation_engine.errors import Conflict
from automation_engine.rules.debounce import Admission, Hold, Skip, admit
from automation_engine.rules.model import MAX_WAIT_MAX, ExistingFiles, ImportMode, ImportState, LedgerState, Watch
from automation_engine.rules.replay import Arrival, Observation, Replay, replay
from automation_engine.rules.selection import Selection, compile_selection
from automation_engine.servicers import forecasts, import_automations
from automation_engine.servicers.caller import Caller
from automation_engine.servicers.forecasts import Tally
from automation_engine.servicers.times import timestamp
from automation_engine.store import automations, connectors, ledger
from automation_engine.store.database import Database
from automation_engine.store.fingerprints import fingerprint
from automation_engine.store.tables import Connector
from automation_engine.v1 import forecast_pb2
from automation_engine.v1.automation_service_pb2 import PutImportAutomationRequest
from automation_engine.v1.forecast_service_pb2 import PreviewImportRequest

MAX_FILES = 100_000
"""Most files that are listed, unless the request says otherwise."""

_EXCLUDED = {
    "sidecar": "A sidecar: it declares other files and is not imported itself.",
    "not_matched": "The file pattern doesn't match it.",
    "excluded": "An exclude pattern matches it.",
    "temporary": "Its name says that it is unfinished or hidden.",
    "empty": "It has no bytes.",
    "existing": "It was there before, and only what comes later shall be imported.",
    "new_only": "An earlier version of it was imported, and the connector imports only the first one.",
    "undeclared": "The sidecar that declares it whole is not there.",
}
_HELD = {Hold.TEMPORARY: "temporary", Hold.EMPTY: "empty", Hold.PREDECESSOR: "new_only"}
_SKIPPED = {Skip.EXISTING: "existing", Skip.NEW_ONLY: "new_only"}
_WAITING = frozenset({LedgerState.SETTLING, LedgerState.READY, LedgerState.GONE})
_TELLS_CONTENT = frozenset({"s3"})
"""Providers of which two objects with the same version have the same bytes: it is a checksum and the size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What would be saved. ``seq`` is the automation whose ledger knows what was imported, if there is one."""

    state: ImportState
    connector: Connector
    seq: int | None

    @property
    def mode(self) -> ImportMode:
        return ImportMode(self.connector.import_mode)


async def preview(
    database: Database, stores: Stores, by: Caller, request: PreviewImportRequest, *, seconds: float
) -> forecast_pb2.ImportPreview:
    """Return what a configuration would do. The listing may take so many real seconds.

    Raises what a PUT of the same configuration raises, ``Conflict`` for a connector that is disabled, ``StorageError``.
    """
    plan = await _plan(database, stores, by, request)
    look = _Look(database, plan)
    most = request.max_files if request.HasField("max_files") else MAX_FILES
    cut_off = await _list(look, plan, stores, most=most, seconds=seconds)
    now = database.clock.now()
    forecast = await asyncio.to_thread(_forecast, plan, look, now)
    return forecast_pb2.ImportPreview(
        complete=cut_off is None,
        cut_off=cut_off,
        listed=look.listed,
        matched=look.matched.count,
        matched_bytes=look.matched.bytes,
        examples=look.matched.examples,
        excluded=look.excluded_messages(),
        duplicates=look.duplicate_messages(),
        batches=[forecasts.batch(fired, look.folder) for fired in forecast.batches[: forecasts.BATCHES]],
        batch_count=len(forecast.batches),
        taken_at=timestamp(now),
    )


async def _plan(database: Database, stores: Stores, by: Caller, request: PreviewImportRequest) -> _Plan:
    """Check the configuration by saving it, in a transaction that is undone."""
    put = PutImportAutomationRequest(index_id=request.index_id, import_automation=request.import_automation)
    async with database.transaction() as tx:
        kept = await automations.kept(tx, by.owner, request.index_id, automations.IMPORT)
        seq = None if kept is None else kept.seq
        state = automations.import_state(await import_automations.put(tx, stores, by, put))
        tx.bells.clear()
        await tx.rollback()
    async with database.reading() as session:
        connector = await connectors.find(session, by.owner, state.config.watch.connector_id)
    if connector.status == "disabled":
        raise Conflict(f"connector {connector.connector_id} is disabled: PATCH its status to active first")
    return _Plan(state=state, connector=connector, seq=seq)


async def _list(look: _Look, plan: _Plan, stores: Stores, *, most: int, seconds: float) -> str | None:
    """List, and return why that was cut off, if it was."""
    pages = stores.get(plan.connector).list_pages(look.folder, recursive=plan.state.config.watch.recursive)
    try:
        async with asyncio.timeout(seconds), aclosing(pages) as listed:
            async for page in listed:
                room = most - look.listed
                if room:
                    await look.take(page[:room])
                if room < len(page):
                    return _cut_off(look, f"after {forecasts.counted(most)}, as max_files says")
    except TimeoutError:
        return _cut_off(look, f"after {seconds:g} s")
    return None


def _cut_off(look: _Look, when: str) -> str:
    undeclared = "" if look.selection.sidecar is None else ", and sidecars may lie in the rest"
    return (
        f"The listing was cut off {when}: the numbers and batches are of what the storage listed until then,"
        f" {forecasts.counted(look.listed)}; there is more{undeclared}."
    )


def _forecast(plan: _Plan, look: _Look, now: float) -> Replay:
    """Let the rules decide on what is left, all of it seen now for the first time."""
    look.declare()
    config = plan.state.config
    everything = Watch(connector_id=config.watch.connector_id)  # what is watched was chosen already
    chosen = replace(config, watch=everything, existing_files=ExistingFiles.IMPORT)
    seen = Observation(at=now, arrived=look.arrivals)
    return replay(chosen, ImportMode.ALL, [seen], start=now, until=now + 2 * MAX_WAIT_MAX)


class _Look:
    """Sorts what is listed, page by page."""

    def __init__(self, database: Database, plan: _Plan) -> None:
        self._database = database
        self._plan = plan
        self.selection: Selection = compile_selection(plan.state.config.watch)
        self.folder = self.selection.folder
        self.listed = 0
        self.matched = Tally()
        self.arrivals: list[Arrival] = []
        self._excluded: dict[str, Tally] = {}
        self._known = Tally()
        self._same = Tally()
        self._contents: set[str] = set()
        self._sidecars: set[str] = set()
        self._candidates: list[ObjectInfo] = []

    async def take(self, page: Sequence[ObjectInfo]) -> None:
        """Sort one page of the listing."""
        left_out = [(info, self._left_out_by_name(info)) for info in page]
        candidates = [info for info, reason in left_out if reason is None]
        seq = self._plan.seq
        keys = [info.key for info in candidates]
        known = {} if seq is None or not keys else await ledger.identities(self._database, seq, keys)
        self.listed += len(page)
        for info, reason in left_out:
            if reason is not None:
                self._exclude(reason, info)
            else:
                self._take_candidate(info, known.get(info.key, {}))

    def _left_out_by_name(self, info: ObjectInfo) -> str | None:
        path, selection = self.selection.path(info.key), self.selection
        if selection.is_sidecar(path):
            self._sidecars.add(path)
            return "sidecar"
        if not selection.pattern.matches(path):
            return "not_matched"
        return None if selection.excluded_by(path) is None else "excluded"

    def _take_candidate(self, info: ObjectInfo, versions: dict[bytes, LedgerState]) -> None:
        state = versions.get(fingerprint(self._plan.connector.connector_id, info.key, info.version), LedgerState.GONE)
        if state not in _WAITING:
            self._known.add(info.key, info.size)
            return
        reason = self._reason(self._admission(info, set(versions.values())))
        if reason is not None:
            self._exclude(reason, info)
        elif self.selection.sidecar is not None:
            self._candidates.append(info)
        else:
            self._match(info)

    def _admission(self, info: ObjectInfo, states: set[LedgerState]) -> Admission:
        existing = self._plan.state.skips_existing
        return admit(self.selection.path(info.key), info.size, states, self._plan.mode, existing=existing)

    @staticmethod
    def _reason(admission: Admission) -> str | None:
        if admission.skip is not None:
            return _SKIPPED[admission.skip]
        return None if admission.hold is None else _HELD[admission.hold]

    def declare(self) -> None:
        """Take in what needs a sidecar, once all of them are known."""
        sidecar = self.selection.sidecar
        for info in self._candidates:
            if sidecar is None or not self._sidecars.isdisjoint(sidecar.of(self.selection.path(info.key))):
                self._match(info)
            else:
                self._exclude("undeclared", info)
        self._candidates = []

    def _match(self, info: ObjectInfo) -> None:
        self.matched.add(info.key, info.size)
        self.arrivals.append(Arrival(self.selection.path(info.key), info.size))
        if self._plan.connector.provider in _TELLS_CONTENT:
            if info.version in self._contents:
                self._same.add(info.key, info.size)
            self._contents.add(info.version)

    def _exclude(self, reason: str, info: ObjectInfo) -> None:
        self._excluded.setdefault(reason, Tally()).add(info.key, info.size)

    def excluded_messages(self) -> list[forecast_pb2.ExcludedFiles]:
        """Return what is left out, by reason."""
        return [
            forecast_pb2.ExcludedFiles(
                reason=reason,
                text=text,
                count=self._excluded[reason].count,
                bytes=self._excluded[reason].bytes,
                examples=self._excluded[reason].examples,
            )
            for reason, text in _EXCLUDED.items()
            if reason in self._excluded
        ]

    def duplicate_messages(self) -> list[forecast_pb2.DuplicateFiles]:
        """Return what was imported before, and what holds the same bytes as another file that would be imported."""
        return [
            forecast_pb2.DuplicateFiles(reason=reason, count=tally.count, examples=tally.examples)
            for reason, tally in (("known", self._known), ("same_content", self._same))
            if tally.count
        ]
