"""Automations through a real gRPC server, over a real database and real folders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.protobuf import json_format
from sqlmodel import select

from automation_engine.rules import events
from automation_engine.rules.debounce import Hold
from automation_engine.rules.model import LedgerState
from automation_engine.servicers.automation_servicer import AutomationServicer
from automation_engine.store import automations, ledger
from automation_engine.store.ledger import NewEntry
from automation_engine.store.tables import Automation, Export, LedgerEntry, Prompt, Work
from automation_engine.v1 import automation_pb2
from automation_engine.v1 import automation_service_pb2 as pb
from automation_engine.v1.automation_service_pb2_grpc import (
    AutomationServiceStub,
    add_AutomationServiceServicer_to_server,
)
from tests.integration.engine import Api, Engine, serve
from tests.integration.failures import refusal
from tests.integration.scenery import add_connector, add_index, add_prompt, add_run, add_videos

INDEX = "idx_news"
IMPORT_BODY = {
    "enabled": True,
    "paused": False,
    "connector_id": "conn_archive",
    "source_prefix": "incoming/daily/",
    "file_pattern": "*.mp4",
    "recursive": True,
    "debounce_interval": "DEBOUNCE_INTERVAL_10M",
    "prompt_preset": {"prompt_id": "prompt_episode_extract"},
}
"""The contract's public example, with the enum's name for its REST word ``10m``."""
EXPORT_BODY = {
    "enabled": True,
    "paused": False,
    "destination_connector_id": "conn_export",
    "destination_subpath": "exports/review-team",
}
STATES = automation_pb2.AutomationState


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[Api]:
    servicer = AutomationServicer(database=engine.database, stores=engine.stores)
    async with serve(engine, {"AutomationService": (add_AutomationServiceServicer_to_server, servicer)}) as api:
        await add_index(engine)
        await add_connector(engine, "conn_archive", scopes=["import"])
        await add_connector(engine, "conn_export", scopes=["export"])
        await add_prompt(engine, "prompt_episode_extract")
        yield api


@pytest.fixture
async def stub(api: Api) -> Any:
    return await api.stub(AutomationServiceStub)


async def _put(stub: Any, *, validate_only: bool = False, etag: str | None = None, **changes: Any) -> Any:
    body = {key: value for key, value in {**IMPORT_BODY, **changes}.items() if value is not None}
    automation = json_format.ParseDict(body, automation_pb2.ImportAutomation())
    request = pb.PutImportAutomationRequest(
        index_id=INDEX, import_automation=automation, validate_only=validate_only, etag=etag
    )
    return (await stub.PutImportAutomation(request)).import_automation


async def _put_export(stub: Any, *, validate_only: bool = False, **changes: Any) -> Any:
    body = {key: value for key, value in {**EXPORT_BODY, **changes}.items() if value is not None}
    automation = json_format.ParseDict(body, automation_pb2.ExportAutomation())
    request = pb.PutExportAutomationRequest(index_id=INDEX, export_automation=automation, validate_only=validate_only)
    return (await stub.PutExportAutomation(request)).export_automation


async def _get(stub: Any) -> Any:
    return (await stub.GetImportAutomation(pb.GetImportAutomationRequest(index_id=INDEX))).import_automation


async def _get_export(stub: Any) -> Any:
    return (await stub.GetExportAutomation(pb.GetExportAutomationRequest(index_id=INDEX))).export_automation


async def _status(stub: Any) -> Any:
    return (await stub.GetImportAutomationStatus(pb.GetImportAutomationStatusRequest(index_id=INDEX))).status


async def _row(engine: Engine, kind: str = "import") -> Automation:
    async with engine.database.reading() as session:
        return (await session.exec(select(Automation).where(Automation.kind == kind))).one()


async def _event(engine: Engine, event: events.ImportEvent) -> None:
    async with engine.database.transaction() as tx:
        row = await automations.locked(tx, "ada", INDEX, "import")
        await automations.apply_import(tx, row, event)


async def test_the_contracts_import_example_is_saved_and_told_back(stub: Any) -> None:
    saved = await _put(stub)
    told = json_format.MessageToDict(saved, preserving_proto_field_name=True)
    preset = told.pop("prompt_preset")
    assert {key: told[key] for key in IMPORT_BODY if key in told and key != "prompt_preset"} == {
        key: value for key, value in IMPORT_BODY.items() if key != "prompt_preset"
    }
    assert preset["prompt_id"] == "prompt_episode_extract"
    assert preset["prompt_text"] == "How long is it?"
    assert preset["video_segment_duration"] == 30
    assert (saved.state, saved.generation) == (STATES.AUTOMATION_STATE_STARTING, 1)
    assert saved.HasField("next_scan_at")
    assert await _get(stub) == saved


async def test_the_contracts_export_example_is_saved_and_told_back(stub: Any) -> None:
    saved = await _put_export(stub)
    told = json_format.MessageToDict(saved, preserving_proto_field_name=True)
    assert {key: told[key] for key in EXPORT_BODY} == EXPORT_BODY
    assert saved.state == STATES.AUTOMATION_STATE_IDLE
    assert await _get_export(stub) == saved


async def test_get_before_put_is_not_found(stub: Any) -> None:
    assert (await refusal(_get(stub))).status == "NOT_FOUND"
    assert (await refusal(_get_export(stub))).status == "NOT_FOUND"


async def test_another_owners_index_is_not_found(api: Api, stub: Any) -> None:
    await _put(stub)
    stranger = await api.stub(AutomationServiceStub, owner="eve")
    assert (await refusal(_get(stranger))).status == "NOT_FOUND"
    assert (await refusal(_put(stranger))).status == "NOT_FOUND"
    assert (await refusal(_status(stranger))).status == "NOT_FOUND"
    listed = await stranger.ListAutomations(pb.ListAutomationsRequest())
    assert not listed.data


async def test_an_identical_put_changes_nothing_although_time_passed_and_the_prompt_was_edited(
    engine: Engine, stub: Any
) -> None:
    saved = await _put(stub)
    engine.clock.advance(100)
    await _event(engine, events.Ticked())
    async with engine.database.transaction() as tx:
        prompt = await tx.get_one(Prompt, "prompt_episode_extract")
        prompt.prompt_text = "Something else"
    again = await _put(stub)
    assert (again.etag, again.updated_at, again.generation) == (saved.etag, saved.updated_at, 1)
    assert again.prompt_preset == saved.prompt_preset


async def test_a_changed_preset_takes_a_new_snapshot(engine: Engine, stub: Any) -> None:
    saved = await _put(stub)
    async with engine.database.transaction() as tx:
        prompt = await tx.get_one(Prompt, "prompt_episode_extract")
        prompt.prompt_text = "Something else"
    preset = {"prompt_id": "prompt_episode_extract", "video_segment_duration": 10}
    changed = await _put(stub, prompt_preset=preset)
    assert changed.prompt_preset.prompt_text == "Something else"
    assert changed.etag != saved.etag
    assert changed.generation == 1


async def test_what_get_returned_can_be_put_back(stub: Any) -> None:
    saved = await _put(stub)
    request = pb.PutImportAutomationRequest(index_id=INDEX, import_automation=saved)
    assert (await stub.PutImportAutomation(request)).import_automation == saved


async def test_another_place_begins_a_new_generation(stub: Any) -> None:
    await _put(stub)
    assert (await _put(stub, source_prefix="incoming/weekly/")).generation == 2
    assert (await _put(stub, source_prefix="incoming/weekly")).generation == 2
    assert (await _put(stub, source_prefix="incoming/weekly", debounce_interval="DEBOUNCE_INTERVAL_5M")).generation == 2


async def test_switches_that_are_left_out_keep_their_present_value(stub: Any) -> None:
    await _put(stub, enabled=False, paused=True)
    saved = await _put(stub, enabled=None, paused=None, file_pattern="*.mov")
    assert (saved.enabled, saved.paused) == (False, True)
    assert saved.state == STATES.AUTOMATION_STATE_DISABLED


async def test_defaults_fill_what_is_left_out_at_creation(stub: Any) -> None:
    saved = await _put(stub, enabled=None, paused=None, source_prefix=None, file_pattern=None, recursive=None)
    assert (saved.enabled, saved.paused, saved.source_prefix, saved.file_pattern, saved.recursive) == (
        True,
        False,
        "",
        "*",
        True,
    )


async def test_pausing_and_resuming_twice_changes_nothing_the_second_time(engine: Engine, stub: Any) -> None:
    saved = await _put(stub)
    engine.clock.advance(10)
    pause = pb.PauseImportAutomationRequest(index_id=INDEX)
    paused = (await stub.PauseImportAutomation(pause)).import_automation
    assert (paused.state, paused.paused) == (STATES.AUTOMATION_STATE_PAUSED, True)
    assert not paused.HasField("next_scan_at")
    assert paused.etag != saved.etag
    engine.clock.advance(10)
    assert (await stub.PauseImportAutomation(pause)).import_automation == paused
    resume = pb.ResumeImportAutomationRequest(index_id=INDEX)
    resumed = (await stub.ResumeImportAutomation(resume)).import_automation
    assert resumed.state == STATES.AUTOMATION_STATE_STARTING
    assert (await stub.ResumeImportAutomation(resume)).import_automation == resumed


async def test_an_unknown_interval_is_refused_with_the_four_that_there_are(stub: Any) -> None:
    refused = await refusal(_put(stub, debounce_interval=None))
    assert refused.status == "INVALID_ARGUMENT"
    assert "5m, 10m, 1h, 1d" in refused.fields["import_automation.debounce_interval"]


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"connector_id": "conn_none"}, "connector_id", "no such connector"),
        ({"connector_id": "conn_export"}, "connector_id", "scope import"),
        ({"file_pattern": "*.{mp4"}, "file_pattern", "never closed"),
        ({"prompt_preset": {"prompt_id": "prompt_none"}}, "prompt_preset.prompt_id", "no such prompt"),
        (
            {"prompt_preset": {"prompt_id": "prompt_episode_extract", "processing_model": "oracle"}},
            "prompt_preset.processing_model",
            "not available",
        ),
    ],
)
async def test_a_refusal_names_the_field_and_what_is_wrong(
    stub: Any, changes: dict[str, Any], field: str, told: str
) -> None:
    refused = await refusal(_put(stub, **changes))
    assert refused.status == "INVALID_ARGUMENT"
    assert told in refused.fields[field]


async def test_a_prompt_that_is_not_active_is_refused(engine: Engine, stub: Any) -> None:
    await add_prompt(engine, "prompt_old", is_active=False)
    refused = await refusal(_put(stub, prompt_preset={"prompt_id": "prompt_old"}))
    assert "not active" in refused.fields["prompt_preset.prompt_id"]


async def test_another_owners_connector_is_no_such_connector(engine: Engine, stub: Any) -> None:
    await add_connector(engine, "conn_eve", owner="eve")
    refused = await refusal(_put(stub, connector_id="conn_eve"))
    assert "no such connector" in refused.fields["connector_id"]


async def test_an_export_into_the_watched_place_is_refused(stub: Any) -> None:
    await _put(stub, source_prefix="exports/")
    refused = await refusal(_put_export(stub))
    assert "feed itself" in refused.fields["destination_subpath"]
    assert (await _put_export(stub, destination_subpath="exports-of-news")).generation == 1


async def test_watching_the_place_of_the_export_is_refused(stub: Any) -> None:
    await _put_export(stub)
    refused = await refusal(_put(stub, source_prefix=""))
    assert "feed itself" in refused.fields["source_prefix"]
    assert (await _put(stub, source_prefix="exports/review")).generation == 1


async def test_a_loop_through_another_connector_and_its_base_path_is_refused(engine: Engine, stub: Any) -> None:
    await _put(stub, source_prefix="incoming/daily/")
    (engine.media / "incoming").mkdir()
    await add_connector(
        engine, "conn_inner", settings={"root": str(engine.media / "incoming")}, export_base_path="daily"
    )
    refused = await refusal(_put_export(stub, destination_connector_id="conn_inner", destination_subpath="out"))
    assert "feed itself" in refused.fields["destination_subpath"]
    outer = await _put_export(stub, destination_connector_id="conn_export", destination_subpath=None)
    assert not outer.HasField("destination_subpath")


async def test_validate_only_answers_and_saves_nothing(engine: Engine, stub: Any) -> None:
    checked = await _put(stub, validate_only=True)
    assert checked.connector_id == "conn_archive"
    assert (await refusal(_get(stub))).status == "NOT_FOUND"
    saved = await _put(stub)
    await _event(engine, events.Ticked())
    checked = await _put(stub, validate_only=True, source_prefix="elsewhere/")
    assert (checked.source_prefix, checked.generation) == ("elsewhere/", 2)
    assert (await _get(stub)).etag == saved.etag
    async with engine.database.reading() as session:
        assert [unit.state for unit in (await session.exec(select(Work))).all()] == ["due"]
    assert (await refusal(_put(stub, validate_only=True, connector_id="conn_none"))).status == "INVALID_ARGUMENT"
    await _put_export(stub, validate_only=True)
    assert (await refusal(_get_export(stub))).status == "NOT_FOUND"


async def test_an_etag_of_what_is_not_saved_is_refused_with_what_to_do(stub: Any) -> None:
    refused = await refusal(_put(stub, etag="*"))
    assert (refused.status, refused.message) == ("ABORTED", "etag *: nothing is saved; PUT it without an etag")


async def test_an_index_that_is_not_there_is_said_to_be_missing_not_its_automation(stub: Any) -> None:
    request = pb.GetImportAutomationRequest(index_id="idx_none")
    assert (await refusal(stub.GetImportAutomation(request))).message == "there is no index idx_none"
    assert (await refusal(_get(stub))).message == f"index {INDEX} has no import automation: PUT one first"


async def test_a_stale_etag_is_refused(stub: Any) -> None:
    first = await _put(stub)
    second = await _put(stub, etag=first.etag, file_pattern="*.mov")
    refused = await refusal(_put(stub, etag=first.etag, file_pattern="*.mkv"))
    assert (refused.status, refused.reason) == ("ABORTED", "STALE_WRITE")
    assert (await _get(stub)).etag == second.etag
    assert (await _put(stub, etag="*", file_pattern="*.mkv")).file_pattern == "*.mkv"


async def test_an_etag_of_any_version_is_refused_while_nothing_is_saved(stub: Any) -> None:
    assert (await refusal(_put(stub, etag="*"))).reason == "STALE_WRITE"
    assert (await refusal(_get(stub))).status == "NOT_FOUND"


async def test_concurrent_first_puts_make_one_automation(api: Api) -> None:
    stubs = [await api.stub(AutomationServiceStub) for _ in range(4)]
    saved = await asyncio.gather(*(_put(stub, file_pattern=f"*.{at}") for at, stub in enumerate(stubs)))
    assert len({automation.automation_id for automation in saved}) == 1
    assert (await _row(api.engine)).revision == 4


async def _meet(engine: Engine, key: str, *, hold: Hold | None = None, growing: bool = False) -> None:
    row = await _row(engine)
    entry = NewEntry(
        fingerprint=key.encode().ljust(16),
        key=key,
        version="1",
        size=10,
        last_modified=0.0,
        state=LedgerState.SETTLING,
        hold=hold,
        growing=growing,
    )
    async with engine.database.transaction() as tx:
        await ledger.admit(tx, automations.row_seq(row), [entry], epoch=1, seen_at=tx.now)


async def test_a_deleted_automation_stops_and_comes_back_with_its_ledger(engine: Engine, stub: Any) -> None:
    saved = await _put(stub)
    await _event(engine, events.Ticked())
    await _meet(engine, "a.mp4")
    delete = pb.DeleteImportAutomationRequest(index_id=INDEX)
    assert "kept" in (await stub.DeleteImportAutomation(delete)).message
    assert "kept" in (await stub.DeleteImportAutomation(delete)).message
    assert (await refusal(_get(stub))).status == "NOT_FOUND"
    async with engine.database.reading() as session:
        assert [unit.state for unit in (await session.exec(select(Work))).all()] == ["cancelled"]
    epoch = automations.import_state(await _row(engine)).epoch
    back = await _put(stub)
    assert (back.automation_id, back.generation) == (saved.automation_id, 2)
    assert back.state == STATES.AUTOMATION_STATE_STARTING
    assert back.etag != saved.etag
    assert automations.import_state(await _row(engine)).epoch == epoch
    assert (await _status(stub)).backlog.settling == 1


async def test_forgetting_deletes_the_ledger(engine: Engine, stub: Any) -> None:
    await _put(stub)
    await _meet(engine, "a.mp4")
    await stub.DeleteImportAutomation(pb.DeleteImportAutomationRequest(index_id=INDEX, forget=True))
    async with engine.database.reading() as session:
        assert (await session.exec(select(LedgerEntry))).all() == []


async def test_deleting_what_never_was_is_not_found(stub: Any) -> None:
    call = stub.DeleteImportAutomation(pb.DeleteImportAutomationRequest(index_id=INDEX))
    assert (await refusal(call)).status == "NOT_FOUND"


async def test_the_status_says_what_it_waits_for_and_why(engine: Engine, stub: Any) -> None:
    await _put(stub)
    status = await _status(stub)
    assert status.health == automation_pb2.AUTOMATION_HEALTH_OK
    assert "complete scan comes first" in status.why
    await _event(engine, events.Ticked())
    await _meet(engine, "a.mp4")
    engine.clock.advance(1)
    await _meet(engine, "b.mp4.part", hold=Hold.TEMPORARY)
    pending = events.Pending(settling=1, held=1, oldest_at=engine.clock.now(), newest_at=engine.clock.now())
    now = engine.clock.now()
    done = events.ScanCompleted(epoch=1, started_at=now, finished_at=now, changed=True, pending=pending)
    await _event(engine, done)
    status = await _status(stub)
    assert status.state == STATES.AUTOMATION_STATE_WAITING
    assert status.health == automation_pb2.AUTOMATION_HEALTH_OK
    assert [held.path for held in status.held_by] == ["a.mp4", "b.mp4.part"]
    assert "30 s apart" in status.held_by[0].reason
    assert "unfinished" in status.held_by[1].reason
    assert (status.backlog.settling, status.backlog.pending_bytes) == (2, 20)
    assert status.last_scan.epoch == 1
    engine.clock.advance(10_000)
    assert (await _status(stub)).health == automation_pb2.AUTOMATION_HEALTH_BLIND


async def test_run_now_asks_for_a_scan_and_is_refused_while_paused(stub: Any) -> None:
    await _put(stub)
    run = pb.RunImportAutomationRequest(index_id=INDEX)
    answer = await stub.RunImportAutomation(run)
    assert "scan comes first" in answer.message
    assert not answer.job_ids
    await stub.PauseImportAutomation(pb.PauseImportAutomationRequest(index_id=INDEX))
    refused = await refusal(stub.RunImportAutomation(run))
    assert (refused.status, refused.reason) == ("FAILED_PRECONDITION", "ILLEGAL_TRANSITION")


async def test_automations_are_listed_by_index_in_pages(stub: Any) -> None:
    await _put(stub)
    await _put_export(stub, paused=True)
    first = await stub.ListAutomations(pb.ListAutomationsRequest(limit=1))
    assert [item.kind for item in first.data] == [automation_pb2.AUTOMATION_KIND_IMPORT]
    assert first.pagination.has_more
    second = await stub.ListAutomations(pb.ListAutomationsRequest(limit=1, cursor=first.pagination.next_cursor))
    assert [item.connector_id for item in second.data] == ["conn_export"]
    assert not second.pagination.has_more
    paused = await stub.ListAutomations(pb.ListAutomationsRequest(state=STATES.AUTOMATION_STATE_PAUSED))
    assert [item.kind for item in paused.data] == [automation_pb2.AUTOMATION_KIND_EXPORT]
    imports = await stub.ListAutomations(pb.ListAutomationsRequest(kind=automation_pb2.AUTOMATION_KIND_IMPORT))
    assert len(imports.data) == 1


async def test_run_now_delivers_the_newest_finished_run_once_for_a_generation(engine: Engine, stub: Any) -> None:
    await add_prompt(engine)
    run_id = await add_run(engine, await add_videos(engine, "a.mp4"))
    await _put_export(stub)
    run = pb.RunExportAutomationRequest(index_id=INDEX)
    first = await stub.RunExportAutomation(run)
    assert len(first.export_ids) == 1
    assert list(first.status.pending_run_ids) == [run_id]
    assert first.status.last_delivery.export_id == first.export_ids[0]
    assert not (await stub.RunExportAutomation(run)).export_ids
    await _put_export(stub, destination_subpath="elsewhere")
    assert len((await stub.RunExportAutomation(run)).export_ids) == 1
    async with engine.database.reading() as session:
        assert len((await session.exec(select(Export))).all()) == 2


async def test_runs_that_ended_while_the_export_was_paused_are_delivered_on_resume(engine: Engine, stub: Any) -> None:
    await add_prompt(engine)
    await _put_export(stub)
    pause = pb.PauseExportAutomationRequest(index_id=INDEX)
    paused = (await stub.PauseExportAutomation(pause)).export_automation
    assert (await stub.PauseExportAutomation(pause)).export_automation == paused
    assert (await refusal(stub.RunExportAutomation(pb.RunExportAutomationRequest(index_id=INDEX)))).reason == (
        "ILLEGAL_TRANSITION"
    )
    run_id = await add_run(engine, await add_videos(engine, "a.mp4"))
    async with engine.database.transaction() as tx:
        await automations.run_finished(tx, INDEX, run_id)
    status = (await stub.GetExportAutomationStatus(pb.GetExportAutomationStatusRequest(index_id=INDEX))).status
    assert "1 finished run" in status.why
    assert list(status.pending_run_ids) == [run_id]
    await stub.ResumeExportAutomation(pb.ResumeExportAutomationRequest(index_id=INDEX))
    async with engine.database.reading() as session:
        export = (await session.exec(select(Export))).one()
    assert export.target_id == run_id


async def test_a_delivered_export_is_told(engine: Engine, stub: Any) -> None:
    await add_prompt(engine)
    await _put_export(stub)
    await add_run(engine, await add_videos(engine, "a.mp4"))
    started = await stub.RunExportAutomation(pb.RunExportAutomationRequest(index_id=INDEX))
    async with engine.database.transaction() as tx:
        export = await tx.get_one(Export, started.export_ids[0])
        export.status, export.completed_at, export.artifact_uri = "completed", tx.now, "file:///out/a.json"
    automation = await _get_export(stub)
    assert (automation.last_export_id, automation.pending_runs) == (started.export_ids[0], 0)
    status = (await stub.GetExportAutomationStatus(pb.GetExportAutomationStatusRequest(index_id=INDEX))).status
    assert status.health == automation_pb2.AUTOMATION_HEALTH_OK
    assert (status.delivered_runs, status.last_delivery.destination_uri) == (1, "file:///out/a.json")


async def test_a_deleted_export_automation_comes_back_in_a_new_generation(stub: Any) -> None:
    saved = await _put_export(stub)
    delete = pb.DeleteExportAutomationRequest(index_id=INDEX)
    await stub.DeleteExportAutomation(delete)
    assert (await refusal(_get_export(stub))).status == "NOT_FOUND"
    back = await _put_export(stub)
    assert (back.automation_id, back.generation, back.enabled) == (saved.automation_id, 2, True)
    again = await _put_export(stub)
    assert again.etag == back.etag
