"""The operator: calls the services as anybody does who looks after an automation, and repeats what got no answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from automation_engine.errors import EngineError
from automation_engine.servicers import caller
from automation_engine.servicers.automation_servicer import AutomationServicer
from automation_engine.servicers.connector_servicer import ConnectorServicer
from automation_engine.servicers.import_batch_servicer import ImportBatchServicer
from automation_engine.servicers.import_job_servicer import ImportJobServicer
from automation_engine.servicers.import_settings import duration
from automation_engine.servicers.prompt_run_servicer import PromptRunServicer
from automation_engine.v1 import (
    automation_pb2,
    connector_service_pb2,
    import_batch_service_pb2,
    import_job_service_pb2,
    prompt_run_service_pb2,
)
from automation_engine.v1 import automation_service_pb2 as pb
from tests.simulation.history import Watching
from tests.simulation.process import Died

if TYPE_CHECKING:
    from tests.simulation.world import World

INDEX, SOURCE, TARGET, PROMPT, OWNER = "idx_1", "conn_in", "conn_out", "pr_1", "ada"
_CALLER = caller.Caller(owner=OWNER, key_id="key", scope=caller.Scope.ADMIN)
_DEBOUNCE = {"5m": 1, "10m": 2, "1h": 3, "1d": 4}
_SWITCHES = frozenset({"pause", "resume", "disable", "enable", "configure", "delete automation"})
"""The operator's calls that make the automation another one."""
_MODES = {"all": 1, "new_only": 2}
_ABOUT = {
    "cancel job": "SELECT job_id FROM import_jobs WHERE completed_at IS NULL ORDER BY rowid DESC LIMIT 1",
    "retry job": "SELECT job_id FROM import_jobs WHERE completed_at IS NOT NULL AND failed + skipped > 0 "
    "ORDER BY rowid DESC LIMIT 1",
    "approve": "SELECT batch_id FROM batches WHERE status = 'held' ORDER BY rowid LIMIT 1",
    "reject": "SELECT batch_id FROM batches WHERE status = 'held' ORDER BY rowid LIMIT 1",
    "cancel run": "SELECT run_id FROM prompt_runs WHERE completed_at IS NULL ORDER BY rowid DESC LIMIT 1",
}
"""Finds what a call is about."""


def _given(what: str, args: tuple[Any, ...]) -> dict[str, Any]:
    """Return what a PUT changes; one without arguments says again what is wanted."""
    if what == "configure":
        return {args[0]: args[1]} if args else {}
    return {"enabled": what == "enable"}


class Operator:
    """One operator, who makes one call after the other. ``waiting`` counts those that nobody has begun."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._orders: asyncio.Queue[tuple[str, tuple[Any, ...]]] = asyncio.Queue()
        self._automations = AutomationServicer(database=world.database, stores=world.stores)
        self._connectors = ConnectorServicer(database=world.database, stores=world.stores)
        self._batches = ImportBatchServicer(database=world.database)
        self._jobs = ImportJobServicer(database=world.database)
        self._runs = PromptRunServicer(database=world.database)
        self._wanted: dict[str, Any] = {
            "enabled": True,
            "paused": False,
            "debounce": world.plan.debounce,
            "source_prefix": "in/",
            "file_pattern": world.plan.pattern,
            "deleted": False,
        }

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return self._orders.qsize()

    async def create(self) -> None:
        """Create the automations, before any process runs."""
        caller.enter(_CALLER)
        await self._automations.PutImportAutomation(self._request(self._wanted), None)
        if self._world.plan.exporting:
            await self._put_export("x")
        self._watch(0.0)

    def ask(self, what: str, args: tuple[Any, ...]) -> None:
        """Ask for a call, behind those that wait."""
        self._orders.put_nowait((what, args))

    async def work(self) -> None:
        """Carry out the operator's calls one after the other; each is repeated until it is answered."""
        while True:
            what, args = await self._orders.get()
            if what == "heal":
                for order in self._healing():
                    self.ask(*order)
                continue
            asked = self._world.loop.time()
            if what in _SWITCHES:
                self._world.trouble(asked, asked)
            while not await self._order(what, args):  # noqa: ASYNC110 - it is called again, not waited for
                await asyncio.sleep(3.0)
            self._answered(asked, what)

    def _healing(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield the calls that let everything run. No others: a call would wake who sleeps too long."""
        if self._wanted["deleted"] or self._wanted["debounce"] != self._world.plan.debounce:
            yield "configure", ("debounce", self._world.plan.debounce)
        if not self._wanted["enabled"]:
            yield "enable", ()
        if self._wanted["paused"]:
            yield "resume", ()
        if self._world.plan.exporting and not self._world.history.export_active:
            yield "export resume", ()
        for _ in self._world.history.held.keys() - self._world.history.started.keys():
            yield "approve", ()

    async def _order(self, what: str, args: tuple[Any, ...]) -> bool:
        """Make one call through a living process; False when there is no answer."""
        living = [one for one in self._world.processes.values() if not one.dead and one.thawed is None]
        if not living:
            return False
        task = self._world.chance.choice(living).spawn(self._call(what, args))
        try:
            await asyncio.shield(asyncio.wait({task}))
            task.result()
        except (Died, asyncio.CancelledError):
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]  # there is one
                raise
            return False
        except EngineError:
            return True
        except Exception as error:  # noqa: BLE001 - the call failed: it is made again
            self._world.note(f"{what} fails: {type(error).__name__}: {error}")
            self._world.history.failed[what] = self._world.history.failed.get(what, 0) + 1
            return False
        return True

    async def _call(self, what: str, args: tuple[Any, ...]) -> None:
        caller.enter(_CALLER)
        if what in _SWITCHES:
            await self._switch(what, args)
        elif what in {"run", "rescan"}:
            await self._hurry(what)
        elif what in {"mode", "rename connector"}:
            await self._call_connector(what, args)
        elif what in _ABOUT:
            await self._call_work(what)
        elif self._world.plan.exporting:
            await self._call_export(what, args)

    async def _switch(self, what: str, args: tuple[Any, ...]) -> None:
        automations, wanted = self._automations, dict(self._wanted)
        if what == "pause":
            await automations.PauseImportAutomation(pb.PauseImportAutomationRequest(index_id=INDEX), None)
            wanted["paused"] = True
        elif what == "resume":
            await automations.ResumeImportAutomation(pb.ResumeImportAutomationRequest(index_id=INDEX), None)
            wanted["paused"] = False
        elif what == "delete automation":
            request = pb.DeleteImportAutomationRequest(index_id=INDEX, forget=args[0])
            await automations.DeleteImportAutomation(request, None)
            wanted["deleted"] = True
            self._world.history.deleted.append(self._world.loop.time())
            if request.forget:
                self._world.history.forgotten.append(self._world.loop.time())
        else:
            wanted |= {"deleted": False, **_given(what, args)}
            await automations.PutImportAutomation(self._request(wanted), None)
        self._wanted = wanted

    async def _hurry(self, what: str) -> None:
        if what == "rescan":
            await self._automations.RescanImportAutomation(pb.RescanImportAutomationRequest(index_id=INDEX), None)
        else:
            self._world.history.asked.append(self._world.loop.time())
            await self._automations.RunImportAutomation(pb.RunImportAutomationRequest(index_id=INDEX), None)

    async def _call_connector(self, what: str, args: tuple[Any, ...]) -> None:
        request = connector_service_pb2.UpdateConnectorRequest(connector_id=SOURCE)
        if what == "mode":
            request.import_mode = _MODES[args[0]]  # type: ignore[assignment]  # an enum's number
            self._world.history.modes.append(args[0])
        else:
            request.name = args[0]
        await self._connectors.UpdateConnector(request, None)

    async def _call_work(self, what: str) -> None:
        """Call for the newest job or run that the call is about."""
        found = self._world.reader.execute(_ABOUT[what]).fetchone()
        if found is None:
            return
        if what == "cancel run":
            await self._runs.CancelPromptRun(prompt_run_service_pb2.CancelPromptRunRequest(run_id=found[0]), None)
        elif what == "approve":
            self._world.history.approved.add(found[0])
            asked = import_batch_service_pb2.ApproveImportBatchRequest(index_id=INDEX, batch_id=found[0])
            await self._batches.ApproveImportBatch(asked, None)
        elif what == "reject":
            given = import_batch_service_pb2.RejectImportBatchRequest(index_id=INDEX, batch_id=found[0])
            await self._batches.RejectImportBatch(given, None)
        elif what == "cancel job":
            await self._jobs.CancelImportJob(import_job_service_pb2.CancelImportJobRequest(job_id=found[0]), None)
        else:
            await self._jobs.RetryImportJob(import_job_service_pb2.RetryImportJobRequest(job_id=found[0]), None)
            self._world.history.retried.add(found[0])

    async def _call_export(self, what: str, args: tuple[Any, ...]) -> None:
        if what == "export pause":
            await self._automations.PauseExportAutomation(pb.PauseExportAutomationRequest(index_id=INDEX), None)
            self._world.history.export_active = False
        elif what == "export resume":
            await self._automations.ResumeExportAutomation(pb.ResumeExportAutomationRequest(index_id=INDEX), None)
            self._world.history.export_active = True
        else:
            await self._put_export(args[0])

    async def _put_export(self, subpath: str) -> None:
        export = automation_pb2.ExportAutomation(destination_connector_id=TARGET, destination_subpath=subpath)
        await self._automations.PutExportAutomation(
            pb.PutExportAutomationRequest(index_id=INDEX, export_automation=export), None
        )

    def _request(self, wanted: dict[str, Any]) -> pb.PutImportAutomationRequest:
        plan = self._world.plan
        given = automation_pb2.ImportAutomation(
            enabled=wanted["enabled"],
            paused=wanted["paused"],
            connector_id=SOURCE,
            source_prefix=wanted["source_prefix"],
            file_pattern=wanted["file_pattern"],
            recursive=plan.recursive,
            batch_limit=plan.cap,
            debounce_interval=_DEBOUNCE[wanted["debounce"]],  # type: ignore[arg-type]  # an enum's number
            exclude_patterns=[] if plan.excluded is None else [plan.excluded],
            existing_files=1 if plan.existing == "import" else 2,  # type: ignore[arg-type]  # an enum's number
            max_wait=None if plan.max_wait is None else duration(plan.max_wait),
            spend_fuse=None if plan.fuse is None else automation_pb2.SpendFuse(max_files=plan.fuse),
            done_file_pattern=plan.done,
            prompt_preset=automation_pb2.PromptPreset(prompt_id=PROMPT),
        )
        return pb.PutImportAutomationRequest(index_id=INDEX, import_automation=given)

    def _answered(self, asked: float, what: str) -> None:
        self._world.history.hurt(what)
        if what in _SWITCHES:
            self._watch(asked)
            self._world.trouble(asked, self._world.loop.time())

    def _watch(self, asked: float) -> None:
        self._world.history.watching.append(
            Watching(
                since=asked,
                answered=self._world.loop.time(),
                active=self._wanted["enabled"] and not self._wanted["paused"] and not self._wanted["deleted"],
                debounce=self._wanted["debounce"],
                prefix=self._wanted["source_prefix"],
                pattern=self._wanted["file_pattern"],
            )
        )
