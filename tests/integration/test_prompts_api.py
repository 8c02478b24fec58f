"""Prompts through a real gRPC server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from automation_engine.servicers.prompt_servicer import PromptServicer
from automation_engine.servicers.structs import to_dict, to_struct
from automation_engine.store import runs
from automation_engine.store.tables import Automation
from automation_engine.v1 import prompt_pb2
from automation_engine.v1 import prompt_service_pb2 as pb
from automation_engine.v1.prompt_service_pb2_grpc import PromptServiceStub, add_PromptServiceServicer_to_server
from tests.integration.engine import Api, Engine, serve
from tests.integration.failures import refusal

SCHEMA = {
    "type": "object",
    "properties": {"duration": {"type": "number", "minimum": 0}, "scene": {"type": "string", "maxLength": 80}},
    "required": ["duration"],
}
BAD_SCHEMA = {"type": "object", "properties": {"a.b": {"type": "string"}}}


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[Api]:
    servicer = PromptServicer(database=engine.database)
    async with serve(engine, {"PromptService": (add_PromptServiceServicer_to_server, servicer)}) as api:
        yield api


@pytest.fixture
async def stub(api: Api) -> Any:
    return await api.stub(PromptServiceStub)


def _request(**fields: Any) -> pb.CreatePromptRequest:
    given = {"name": "Facts", "prompt_text": "Measure", "json_schema": to_struct(SCHEMA), **fields}
    return pb.CreatePromptRequest(**given)


async def _create(stub: Any, **fields: Any) -> prompt_pb2.Prompt:
    created: prompt_pb2.Prompt = (await stub.CreatePrompt(_request(**fields))).prompt
    return created


async def test_a_prompt_comes_back_as_it_was_created(stub: Any) -> None:
    level = prompt_pb2.PromptVideoLevel(instructions_text="Sum up", json_schema=to_struct(SCHEMA))
    semantic = prompt_pb2.PromptSemanticIndexing(disabled_segment_fields=["scene"])
    prompt = await _create(stub, description="What can be measured", video_level=level, semantic_indexing=semantic)
    assert (prompt.user_id, prompt.name, prompt.prompt_text, prompt.is_active) == ("ada", "Facts", "Measure", True)
    assert prompt.description == "What can be measured"
    assert (prompt.video_level, prompt.semantic_indexing) == (level, semantic)
    assert to_dict(prompt.json_schema) == SCHEMA
    assert (await stub.GetPrompt(pb.GetPromptRequest(prompt_id=prompt.prompt_id))).prompt == prompt


async def test_what_was_not_said_of_a_prompt_has_its_default(stub: Any) -> None:
    prompt = await _create(stub)
    assert prompt.description == ""
    assert not prompt.HasField("video_level")
    assert prompt.HasField("semantic_indexing")


def test_whole_numbers_stay_whole_through_a_struct() -> None:
    values = {"maxLength": 80, "half": 0.5, "big": 2**53, "none": None, "list": [1, True, {"deep": -3}]}
    returned = to_dict(to_struct(values))
    assert returned == values
    assert [type(returned[key]) for key in ("maxLength", "half", "big")] == [int, float, int]
    assert returned["list"][1] is True


async def test_a_schema_that_is_refused_names_the_place(stub: Any) -> None:
    refused = await refusal(stub.CreatePrompt(_request(json_schema=to_struct(BAD_SCHEMA))))
    assert refused.status == "INVALID_ARGUMENT"
    assert list(refused.fields) == ["json_schema.properties"]
    level = prompt_pb2.PromptVideoLevel(instructions_text="Sum up", json_schema=to_struct({"type": "array"}))
    refused = await refusal(stub.CreatePrompt(_request(video_level=level)))
    assert list(refused.fields) == ["video_level.json_schema.type"]


async def test_prompts_are_listed_with_their_counts_and_only_ones_own(api: Api, stub: Any) -> None:
    await _create(await api.stub(PromptServiceStub, owner="grace"))
    for name in ("First", "Second"):
        api.engine.clock.advance(1)
        await _create(stub, name=name)
    listed = await stub.ListPrompts(pb.ListPromptsRequest())
    assert [prompt.name for prompt in listed.prompts] == ["First", "Second"]
    assert (listed.total_count, listed.active_count) == (2, 2)


async def test_an_update_changes_what_is_set_and_nothing_else(stub: Any) -> None:
    level = prompt_pb2.PromptVideoLevel(instructions_text="Sum up", json_schema=to_struct(SCHEMA))
    prompt = await _create(stub, description="Old", video_level=level)
    request = pb.UpdatePromptRequest(prompt_id=prompt.prompt_id, name="New", description="")
    changed = (await stub.UpdatePrompt(request)).prompt
    assert (changed.name, changed.description, changed.prompt_text) == ("New", "", "Measure")
    assert changed.video_level == level
    cleared = await stub.UpdatePrompt(pb.UpdatePromptRequest(prompt_id=prompt.prompt_id, clear_video_level=True))
    assert not cleared.prompt.HasField("video_level")
    assert (await stub.GetPrompt(pb.GetPromptRequest(prompt_id=prompt.prompt_id))).prompt == cleared.prompt


async def test_an_update_cannot_bring_in_a_schema_that_is_refused(stub: Any) -> None:
    prompt = await _create(stub)
    request = pb.UpdatePromptRequest(prompt_id=prompt.prompt_id, json_schema=to_struct(BAD_SCHEMA))
    assert (await refusal(stub.UpdatePrompt(request))).status == "INVALID_ARGUMENT"
    assert (await stub.GetPrompt(pb.GetPromptRequest(prompt_id=prompt.prompt_id))).prompt == prompt


async def test_another_owners_prompt_is_not_found(api: Api, stub: Any) -> None:
    prompt_id = (await _create(await api.stub(PromptServiceStub, owner="grace"))).prompt_id
    for call in (
        stub.GetPrompt(pb.GetPromptRequest(prompt_id=prompt_id)),
        stub.UpdatePrompt(pb.UpdatePromptRequest(prompt_id=prompt_id, name="Mine")),
        stub.DeletePrompt(pb.DeletePromptRequest(prompt_id=prompt_id)),
        stub.GetPromptUsage(pb.GetPromptUsageRequest(prompt_id=prompt_id)),
    ):
        assert (await refusal(call)).status == "NOT_FOUND"


def _automation(prompt_id: str) -> Automation:
    return Automation(
        automation_id="auto_1",
        owner="ada",
        index_id="idx_1",
        kind="import",
        config={},
        preset={"prompt_id": prompt_id},
        state={},
        created_at=0.0,
        updated_at=0.0,
    )


async def _usage(stub: Any, prompt_id: str) -> prompt_pb2.PromptUsage:
    usage: prompt_pb2.PromptUsage = (await stub.GetPromptUsage(pb.GetPromptUsageRequest(prompt_id=prompt_id))).usage
    return usage


async def test_a_prompt_is_in_use_by_an_automation(api: Api, stub: Any) -> None:
    prompt_id = (await _create(stub)).prompt_id
    usage = await _usage(stub, prompt_id)
    assert (usage.is_in_use, usage.is_active, usage.schema_properties_count) == (False, True, 2)
    async with api.engine.database.transaction() as tx:
        tx.add(_automation(prompt_id))
    usage = await _usage(stub, prompt_id)
    assert (usage.is_in_use, usage.prompt_run_count, usage.automation_index_ids) == (True, 0, ["idx_1"])


async def test_a_prompt_is_in_use_by_a_run(api: Api, stub: Any) -> None:
    prompt_id = (await _create(stub)).prompt_id
    async with api.engine.database.transaction() as tx:
        await runs.submit(
            tx,
            run_key="k",
            owner="ada",
            index_id=None,
            preset={"prompt_id": prompt_id},
            context={},
            executed_by="ada",
            videos=[],
        )
    usage = await _usage(stub, prompt_id)
    assert (usage.is_in_use, usage.prompt_run_count, usage.automation_index_ids) == (True, 1, [])
    refused = await refusal(stub.DeletePrompt(pb.DeletePromptRequest(prompt_id=prompt_id)))
    assert "in use by prompt run run_" in refused.message


async def test_a_prompt_in_use_is_deleted_only_by_force_and_its_automation_keeps_the_snapshot(
    api: Api, stub: Any
) -> None:
    prompt_id = (await _create(stub)).prompt_id
    async with api.engine.database.transaction() as tx:
        tx.add(_automation(prompt_id))
    refused = await refusal(stub.DeletePrompt(pb.DeletePromptRequest(prompt_id=prompt_id)))
    assert refused.status == "FAILED_PRECONDITION"
    assert "in use by the import automation of index idx_1: delete it with force=true" in refused.message
    answer = await stub.DeletePrompt(pb.DeletePromptRequest(prompt_id=prompt_id, force=True))
    assert prompt_id in answer.message
    assert (await refusal(stub.GetPrompt(pb.GetPromptRequest(prompt_id=prompt_id)))).status == "NOT_FOUND"
    async with api.engine.database.reading() as session:
        row = await session.get(Automation, 1)
    assert row is not None
    assert row.preset == {"prompt_id": prompt_id}


async def _test_schema(stub: Any, schema: dict[str, Any], data: dict[str, Any]) -> pb.TestPromptSchemaResponse:
    request = pb.TestPromptSchemaRequest(json_schema=to_struct(schema), sample_data=to_struct(data))
    answer: pb.TestPromptSchemaResponse = await stub.TestPromptSchema(request)
    return answer


async def test_a_schema_and_data_that_fit_are_valid(stub: Any) -> None:
    answer = await _test_schema(stub, SCHEMA, {"duration": 3})
    assert answer.valid
    assert not answer.HasField("error")
    assert to_dict(answer.validated_data) == {"duration": 3}


async def test_what_is_wrong_with_a_schema_or_its_data_is_an_answer(stub: Any) -> None:
    for schema, data, place in ((BAD_SCHEMA, {}, "json_schema.properties"), (SCHEMA, {"duration": -1}, "duration")):
        answer = await _test_schema(stub, schema, data)
        assert not answer.valid
        assert not answer.HasField("validated_data")
        assert answer.error.startswith(f"{place}: ")
        assert answer.error in answer.message


async def test_without_sample_data_the_empty_object_is_checked(stub: Any) -> None:
    answer = await stub.TestPromptSchema(pb.TestPromptSchemaRequest(json_schema=to_struct(SCHEMA)))
    assert not answer.valid
    assert "duration" in answer.error
