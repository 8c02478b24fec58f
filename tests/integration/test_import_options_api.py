"""The optional fields of an import automation, and what else may be asked of it, through a real gRPC server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.protobuf import json_format

from automation_engine.rules import events
from automation_engine.rules.model import ExistingFiles, Fuse
from automation_engine.servicers.automation_servicer import AutomationServicer
from automation_engine.store import automations
from automation_engine.v1 import automation_pb2
from automation_engine.v1 import automation_service_pb2 as pb
from automation_engine.v1.automation_service_pb2_grpc import (
    AutomationServiceStub,
    add_AutomationServiceServicer_to_server,
)
from tests.integration.engine import Engine, serve
from tests.integration.failures import refusal
from tests.integration.scenery import add_connector, add_index, add_prompt

INDEX = "idx_news"
BODY = {
    "connector_id": "conn_archive",
    "debounce_interval": "DEBOUNCE_INTERVAL_10M",
    "prompt_preset": {"prompt_id": "prompt_episode_extract"},
}
OPTIONS = {
    "exclude_patterns": ["*_proxy.mp4", "raw/**"],
    "existing_files": "EXISTING_FILES_SKIP",
    "max_wait": "7200.500s",
    "batch_limit": 50,
    "spend_fuse": {"max_files": "49", "max_bytes": "1000000"},
    "done_file_pattern": "*.done",
}


@pytest.fixture
async def stub(engine: Engine) -> AsyncIterator[Any]:
    servicer = AutomationServicer(database=engine.database, stores=engine.stores)
    async with serve(engine, {"AutomationService": (add_AutomationServiceServicer_to_server, servicer)}) as api:
        await add_index(engine)
        await add_connector(engine, "conn_archive", scopes=["import"])
        await add_prompt(engine, "prompt_episode_extract")
        yield await api.stub(AutomationServiceStub)


async def _put(stub: Any, **changes: Any) -> Any:
    automation = json_format.ParseDict({**BODY, **changes}, automation_pb2.ImportAutomation())
    request = pb.PutImportAutomationRequest(index_id=INDEX, import_automation=automation)
    return (await stub.PutImportAutomation(request)).import_automation


async def _config(engine: Engine) -> Any:
    async with engine.database.reading() as session:
        return automations.import_state(await automations.find(session, "ada", INDEX, "import")).config


async def test_the_options_are_saved_and_told_back(engine: Engine, stub: Any) -> None:
    told = json_format.MessageToDict(await _put(stub, **OPTIONS), preserving_proto_field_name=True)
    assert {name: told[name] for name in OPTIONS} == OPTIONS
    config = await _config(engine)
    assert config.watch.exclude_patterns == ("*_proxy.mp4", "raw/**")
    assert config.watch.done_file_pattern == "*.done"
    assert (config.max_wait, config.batch_cap) == (7200.5, 50)
    assert config.existing_files is ExistingFiles.SKIP
    assert config.spend_fuse == Fuse(max_files=49, max_bytes=1_000_000)


async def test_an_identical_put_with_options_changes_nothing(stub: Any) -> None:
    first = await _put(stub, **OPTIONS)
    assert await _put(stub, **OPTIONS) == first


async def test_options_that_are_left_out_are_at_their_defaults(engine: Engine, stub: Any) -> None:
    await _put(stub, **OPTIONS)
    plain = await _put(stub)
    assert plain.existing_files == automation_pb2.EXISTING_FILES_IMPORT
    assert plain.batch_limit == 10_000
    for name in ("max_wait", "spend_fuse", "done_file_pattern"):
        assert not plain.HasField(name)
    assert (await _config(engine)).longest_wait == 3 * 600


@pytest.mark.parametrize("option", ["exclude_patterns", "done_file_pattern"])
async def test_another_selection_begins_a_new_generation(stub: Any, option: str) -> None:
    assert (await _put(stub, **{option: OPTIONS[option]})).generation == 1
    assert (await _put(stub)).generation == 2


@pytest.mark.parametrize("option", ["existing_files", "max_wait", "batch_limit", "spend_fuse"])
async def test_other_limits_stay_within_the_generation(stub: Any, option: str) -> None:
    first = await _put(stub)
    second = await _put(stub, **{option: OPTIONS[option]})
    assert (first.generation, second.generation) == (1, 1)
    assert first.etag != second.etag


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"max_wait": "599s"}, "max_wait", "at least the debounce interval, 10m: 600s; got 599s"),
        ({"max_wait": "2592001s"}, "import_automation.max_wait", "2592000"),
        ({"batch_limit": 0}, "import_automation.batch_limit", "1"),
        ({"batch_limit": 10_001}, "import_automation.batch_limit", "10000"),
        ({"spend_fuse": {}}, "import_automation.spend_fuse", "max_files, max_bytes or both"),
        ({"spend_fuse": {"max_files": 0}}, "import_automation.spend_fuse.max_files", "1"),
        ({"batch_limit": 50, "spend_fuse": {"max_files": 50}}, "spend_fuse.max_files", "less than batch_limit, 50"),
        ({"exclude_patterns": ["*.ok", "{a"]}, "exclude_patterns[1]", "never closed"),
        ({"exclude_patterns": ["*"] * 51}, "import_automation.exclude_patterns", "50"),
        ({"done_file_pattern": "*"}, "import_automation.done_file_pattern", "at most one '*'"),
        ({"done_file_pattern": "a/b"}, "import_automation.done_file_pattern", "without '/'"),
        ({"existing_files": "EXISTING_FILES_UNSPECIFIED"}, "import_automation.existing_files", "0"),
    ],
)
async def test_a_refused_option_names_the_field_and_what_would_be_right(
    stub: Any, changes: dict[str, Any], field: str, told: str
) -> None:
    refused = await refusal(_put(stub, **changes))
    assert refused.status == "INVALID_ARGUMENT"
    assert told in refused.fields[field]


async def test_a_rescan_is_asked_for_and_refused_while_paused(engine: Engine, stub: Any) -> None:
    await _put(stub)
    rescan = pb.RescanImportAutomationRequest(index_id=INDEX)
    assert "next tick" in (await stub.RescanImportAutomation(rescan)).message
    async with engine.database.transaction() as tx:
        row = await automations.locked(tx, "ada", INDEX, "import")
        await automations.apply_import(tx, row, events.Ticked())
    assert "under way" in (await stub.RescanImportAutomation(rescan)).message
    await stub.PauseImportAutomation(pb.PauseImportAutomationRequest(index_id=INDEX))
    assert (await refusal(stub.RescanImportAutomation(rescan))).reason == "ILLEGAL_TRANSITION"


async def test_automations_are_listed_by_their_health(engine: Engine, stub: Any) -> None:
    await _put(stub)
    degraded = pb.ListAutomationsRequest(health=automation_pb2.AUTOMATION_HEALTH_DEGRADED)
    assert not (await stub.ListAutomations(degraded)).data
    async with engine.database.transaction() as tx:
        row = await automations.locked(tx, "ada", INDEX, "import")
        epoch = (await automations.apply_import(tx, row, events.Ticked())).state.epoch
        await automations.apply_import(tx, row, events.ScanFailed(epoch=epoch, cause="denied", jitter=0.5))
    listed = (await stub.ListAutomations(degraded)).data
    assert [(line.kind, line.health) for line in listed] == [
        (automation_pb2.AUTOMATION_KIND_IMPORT, automation_pb2.AUTOMATION_HEALTH_DEGRADED)
    ]
