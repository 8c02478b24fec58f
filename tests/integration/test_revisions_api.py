"""Configuration history through a real gRPC server: who saved what, when, and how to save it again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.protobuf import json_format
from sqlmodel import select

from automation_engine.rules import events
from automation_engine.servicers.automation_servicer import AutomationServicer
from automation_engine.servicers.revision_servicer import RevisionServicer
from automation_engine.store import automations
from automation_engine.store.tables import ApiKey, Connector, Prompt, Revision
from automation_engine.v1 import automation_pb2, revision_pb2
from automation_engine.v1 import automation_service_pb2 as pb
from automation_engine.v1 import revision_service_pb2 as history_pb
from automation_engine.v1.automation_service_pb2_grpc import (
    AutomationServiceStub,
    add_AutomationServiceServicer_to_server,
)
from automation_engine.v1.revision_service_pb2_grpc import RevisionServiceStub, add_RevisionServiceServicer_to_server
from tests.integration.engine import Api, Engine, serve
from tests.integration.failures import refusal
from tests.integration.scenery import add_connector, add_index, add_prompt

INDEX = "idx_news"
IMPORT_BODY = {
    "connector_id": "conn_archive",
    "source_prefix": "incoming/daily/",
    "file_pattern": "*.mp4",
    "debounce_interval": "DEBOUNCE_INTERVAL_10M",
    "prompt_preset": {"prompt_id": "prompt_facts"},
}
EXPORT_BODY = {"destination_connector_id": "conn_export", "destination_subpath": "exports/review-team"}


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[Api]:
    parts: dict[str, Any] = {"database": engine.database, "stores": engine.stores}
    services = {
        "AutomationService": (add_AutomationServiceServicer_to_server, AutomationServicer(**parts)),
        "RevisionService": (add_RevisionServiceServicer_to_server, RevisionServicer(**parts)),
    }
    async with serve(engine, services) as api:
        await add_index(engine)
        await add_connector(engine, "conn_archive", scopes=["import"])
        await add_connector(engine, "conn_export", scopes=["export"])
        await add_prompt(engine)
        yield api


@pytest.fixture
async def stub(api: Api) -> Any:
    return await api.stub(AutomationServiceStub)


@pytest.fixture
async def history(api: Api) -> Any:
    return await api.stub(RevisionServiceStub)


async def _put(stub: Any, **changes: Any) -> Any:
    automation = json_format.ParseDict({**IMPORT_BODY, **changes}, automation_pb2.ImportAutomation())
    request = pb.PutImportAutomationRequest(index_id=INDEX, import_automation=automation)
    return (await stub.PutImportAutomation(request)).import_automation


async def _put_export(stub: Any, **changes: Any) -> Any:
    automation = json_format.ParseDict({**EXPORT_BODY, **changes}, automation_pb2.ExportAutomation())
    request = pb.PutExportAutomationRequest(index_id=INDEX, export_automation=automation)
    return (await stub.PutExportAutomation(request)).export_automation


async def _pause(stub: Any) -> Any:
    return (await stub.PauseImportAutomation(pb.PauseImportAutomationRequest(index_id=INDEX))).import_automation


async def _resume(stub: Any) -> Any:
    return (await stub.ResumeImportAutomation(pb.ResumeImportAutomationRequest(index_id=INDEX))).import_automation


async def _delete(stub: Any, *, forget: bool = False) -> None:
    await stub.DeleteImportAutomation(pb.DeleteImportAutomationRequest(index_id=INDEX, forget=forget))


async def _listed(history: Any, **page: Any) -> list[Any]:
    return list((await history.ListImportRevisions(history_pb.ListImportRevisionsRequest(index_id=INDEX, **page))).data)


async def _restore(history: Any, revision: int, *, etag: str | None = None) -> Any:
    request = history_pb.RestoreImportRevisionRequest(index_id=INDEX, revision=revision, etag=etag)
    return (await history.RestoreImportRevision(request)).import_automation


def _actions(revisions: list[Any]) -> list[tuple[int, str]]:
    name = revision_pb2.RevisionAction.Name
    return [(one.revision, name(one.action).removeprefix("REVISION_ACTION_").lower()) for one in revisions]


def _changes(revision: Any) -> dict[str, tuple[Any, Any]]:
    told = json_format.MessageToDict(revision, preserving_proto_field_name=True).get("changes", [])
    return {change["field"]: (change.get("before"), change.get("after")) for change in told}


async def test_each_change_is_kept_with_its_actor_and_time_newest_first(
    engine: Engine, stub: Any, history: Any
) -> None:
    await _put(stub)
    engine.clock.advance(60)
    await _put(stub, file_pattern="*.mov")
    await _pause(stub)
    await _resume(stub)
    revisions = await _listed(history)
    assert _actions(revisions) == [(4, "resume"), (3, "pause"), (2, "put"), (1, "put")]
    async with engine.database.reading() as session:
        known = {key.key_id for key in (await session.exec(select(ApiKey))).all()}
    assert {one.actor for one in revisions} <= known
    assert revisions[2].created_at.seconds - revisions[3].created_at.seconds == 60
    assert revisions[0].configuration.file_pattern == "*.mov"
    assert not revisions[0].configuration.etag
    assert revisions[0].configuration.state == automation_pb2.AUTOMATION_STATE_UNSPECIFIED


async def test_what_changes_nothing_is_not_kept(engine: Engine, stub: Any, history: Any) -> None:
    await _put(stub)
    await _put(stub)
    await _pause(stub)
    await _pause(stub)
    await _resume(stub)
    await _resume(stub)
    assert [number for number, _ in _actions(await _listed(history))] == [3, 2, 1]
    async with engine.database.transaction() as tx:
        row = await automations.locked(tx, "ada", INDEX, "import")
        await automations.apply_import(tx, row, events.Ticked())
    assert len(await _listed(history)) == 3


async def test_validate_only_keeps_nothing(stub: Any, history: Any) -> None:
    automation = json_format.ParseDict(IMPORT_BODY, automation_pb2.ImportAutomation())
    await stub.PutImportAutomation(
        pb.PutImportAutomationRequest(index_id=INDEX, import_automation=automation, validate_only=True)
    )
    assert (await refusal(_listed(history))).status == "NOT_FOUND"


async def test_the_changes_are_told_in_the_words_and_values_of_rest(stub: Any, history: Any) -> None:
    await _put(stub)
    await _put(
        stub,
        debounce_interval="DEBOUNCE_INTERVAL_1H",
        exclude_patterns=["*.tmp", "old/**"],
        max_wait="7200s",
        spend_fuse={"max_files": 10},
        existing_files="EXISTING_FILES_SKIP",
    )
    await _pause(stub)
    paused, put, created = await _listed(history)
    assert _changes(paused) == {"paused": (False, True)}
    assert _changes(put) == {
        "debounce_interval": ("10m", "1h"),
        "exclude_patterns": ([], ["*.tmp", "old/**"]),
        "existing_files": ("import", "skip"),
        "max_wait": (None, "7200s"),
        "spend_fuse.max_files": (None, 10),
    }
    told = _changes(created)
    assert told["connector_id"] == (None, "conn_archive")
    assert told["debounce_interval"] == (None, "10m")
    assert told["prompt_preset.prompt_id"] == (None, "prompt_facts")
    assert "exclude_patterns" not in told
    assert "state" not in told
    assert "etag" not in told


async def test_a_new_snapshot_shows_what_the_prompt_says_now(engine: Engine, stub: Any, history: Any) -> None:
    await _put(stub)
    async with engine.database.transaction() as tx:
        (await tx.get_one(Prompt, "prompt_facts")).prompt_text = "How wide is it?"
    engine.clock.advance(1)
    await _put(stub, prompt_preset={"prompt_id": "prompt_facts", "video_segment_duration": 10})
    told = _changes((await _listed(history))[0])
    assert told["prompt_preset.video_segment_duration"] == (30, 10)
    assert told["prompt_preset.prompt_text"] == ("How long is it?", "How wide is it?")
    assert told["prompt_preset.snapshot_at"] == ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z")
    assert "prompt_preset.json_schema" not in told


async def test_pages_tell_each_revision_against_the_one_before_it(stub: Any, history: Any) -> None:
    for pattern in ("*.a", "*.b", "*.c"):
        await _put(stub, file_pattern=pattern)
    request = history_pb.ListImportRevisionsRequest(index_id=INDEX, limit=2)
    first = await history.ListImportRevisions(request)
    assert [_changes(one)["file_pattern"] for one in first.data] == [("*.b", "*.c"), ("*.a", "*.b")]
    rest = await _listed(history, limit=2, cursor=first.pagination.next_cursor)
    assert _actions(rest) == [(1, "put")]
    assert (await refusal(_listed(history, cursor="bm9uZQ"))).fields.keys() == {"cursor"}


async def test_a_restored_revision_is_saved_as_it_was_then_with_its_snapshot(
    engine: Engine, stub: Any, history: Any
) -> None:
    first = await _put(stub)
    async with engine.database.transaction() as tx:
        (await tx.get_one(Prompt, "prompt_facts")).prompt_text = "How wide is it?"
    await _put(stub, file_pattern="*.mov", prompt_preset={"prompt_id": "prompt_facts", "video_segment_duration": 10})
    restored = await _restore(history, 1)
    assert (restored.file_pattern, restored.prompt_preset) == (first.file_pattern, first.prompt_preset)
    assert restored.etag not in {first.etag, ""}
    newest = (await _listed(history))[0]
    assert (newest.revision, newest.restored_from) == (3, 1)
    assert _actions([newest]) == [(3, "restore")]
    assert _changes(newest)["file_pattern"] == ("*.mov", "*.mp4")


async def test_restoring_brings_the_switches_back(stub: Any, history: Any) -> None:
    await _put(stub)
    await _pause(stub)
    await _put(stub, file_pattern="*.mov", paused=False)
    assert (await _restore(history, 2)).paused
    assert (await _restore(history, 1)).state == automation_pb2.AUTOMATION_STATE_STARTING


async def test_restoring_what_is_saved_changes_nothing(engine: Engine, stub: Any, history: Any) -> None:
    saved = await _put(stub)
    engine.clock.advance(10)
    assert await _restore(history, 1) == saved
    await _pause(stub)
    resumed = await _resume(stub)
    assert await _restore(history, 1) == resumed
    assert len(await _listed(history)) == 3


async def test_restoring_is_checked_as_a_put_is(engine: Engine, stub: Any, history: Any) -> None:
    await add_connector(engine, "conn_old", scopes=["import"])
    await _put(stub, connector_id="conn_old")
    await _put(stub, source_prefix="exports/")
    await _put(stub)
    await _put_export(stub)
    async with engine.database.transaction() as tx:
        (await tx.get_one(Connector, "conn_old")).scopes = ["export"]
    assert "scope import" in (await refusal(_restore(history, 1))).fields["connector_id"]
    assert "feed itself" in (await refusal(_restore(history, 2))).fields["source_prefix"]
    assert (await refusal(_restore(history, 9))).status == "NOT_FOUND"
    assert (await refusal(_restore(history, 2**62))).status == "NOT_FOUND"
    assert (await refusal(_restore(history, 0))).status == "INVALID_ARGUMENT"


async def test_a_snapshot_of_a_prompt_that_is_gone_is_not_restored(engine: Engine, stub: Any, history: Any) -> None:
    await add_prompt(engine, "prompt_old")
    await _put(stub, prompt_preset={"prompt_id": "prompt_old"})
    await _put(stub)
    async with engine.database.transaction() as tx:
        await tx.delete(await tx.get_one(Prompt, "prompt_old"))
    assert "no such prompt" in (await refusal(_restore(history, 1))).fields["prompt_preset.prompt_id"]


async def test_a_stale_etag_restores_nothing(stub: Any, history: Any) -> None:
    first = await _put(stub)
    second = await _put(stub, file_pattern="*.mov")
    assert (await refusal(_restore(history, 1, etag=first.etag))).reason == "STALE_WRITE"
    assert (await _restore(history, 1, etag=second.etag)).file_pattern == "*.mp4"
    assert (await _restore(history, 2, etag="*")).file_pattern == "*.mov"
    await _delete(stub)
    assert (await refusal(_restore(history, 1, etag="*"))).reason == "STALE_WRITE"


async def test_a_deleted_automation_keeps_its_history_and_comes_back_by_it(stub: Any, history: Any) -> None:
    first = await _put(stub)
    await _delete(stub)
    await _delete(stub)
    revisions = await _listed(history)
    assert _actions(revisions) == [(2, "delete"), (1, "put")]
    assert _changes(revisions[0]) == {}
    back = await _restore(history, 2)
    assert (back.automation_id, back.enabled, back.generation) == (first.automation_id, True, 2)
    assert _actions(await _listed(history))[0] == (3, "restore")
    await _delete(stub)
    await _put(stub)
    assert _actions(await _listed(history))[:2] == [(5, "put"), (4, "delete")]


async def test_forgetting_forgets_the_history_and_no_etag_comes_twice(engine: Engine, stub: Any, history: Any) -> None:
    etags = [(await _put(stub)).etag, (await _pause(stub)).etag]
    await _delete(stub, forget=True)
    assert await _listed(history) == []
    assert (await refusal(_restore(history, 1))).status == "NOT_FOUND"
    etags.append((await _put(stub)).etag)
    assert len(set(etags)) == 3
    assert _actions(await _listed(history)) == [(4, "put")]
    async with engine.database.reading() as session:
        assert len((await session.exec(select(Revision))).all()) == 1


async def test_an_export_automation_has_a_history_of_its_own(stub: Any, history: Any) -> None:
    await _put(stub)
    await _put_export(stub)
    await _put_export(stub, destination_subpath="elsewhere")
    await stub.PauseExportAutomation(pb.PauseExportAutomationRequest(index_id=INDEX))
    listing = history_pb.ListExportRevisionsRequest(index_id=INDEX)
    revisions = list((await history.ListExportRevisions(listing)).data)
    assert _actions(revisions) == [(3, "pause"), (2, "put"), (1, "put")]
    assert _changes(revisions[1]) == {"destination_subpath": ("exports/review-team", "elsewhere")}
    restore = history_pb.RestoreExportRevisionRequest(index_id=INDEX, revision=1)
    restored = (await history.RestoreExportRevision(restore)).export_automation
    assert (restored.destination_subpath, restored.paused) == ("exports/review-team", False)
    assert (await history.RestoreExportRevision(restore)).export_automation == restored
    await stub.DeleteExportAutomation(pb.DeleteExportAutomationRequest(index_id=INDEX, forget=True))
    assert not (await history.ListExportRevisions(listing)).data


async def test_a_strangers_history_is_not_found(api: Api, stub: Any) -> None:
    await _put(stub)
    stranger = await api.stub(RevisionServiceStub, owner="eve")
    assert (await refusal(_listed(stranger))).status == "NOT_FOUND"
    assert (await refusal(_restore(stranger, 1))).status == "NOT_FOUND"


async def test_a_change_that_fails_leaves_no_revision(stub: Any, history: Any) -> None:
    await _put(stub)
    await refusal(_put(stub, connector_id="conn_none"))
    assert len(await _listed(history)) == 1
