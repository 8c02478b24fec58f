"""Prompt runs through a real gRPC server, over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

import pytest

from automation_engine.analyzers import registry
from automation_engine.analyzers.probe import probe
from automation_engine.demo_media import write_clip
from automation_engine.errors import InvalidArgument
from automation_engine.jobs.prompt_runs import PromptRuns
from automation_engine.jobs.sources import pinned
from automation_engine.jobs.suspects import Turns
from automation_engine.servicers.prompt_run_servicer import PromptRunServicer
from automation_engine.store import work
from automation_engine.store.tables import Video
from automation_engine.v1 import prompt_run_pb2
from automation_engine.v1 import prompt_run_service_pb2 as pb
from automation_engine.v1.prompt_run_service_pb2_grpc import (
    PromptRunServiceStub,
    add_PromptRunServiceServicer_to_server,
)
from tests.integration.engine import Api, Engine, serve
from tests.integration.failures import refusal
from tests.integration.scenery import (
    add_connector,
    add_index,
    add_job,
    add_prompt,
    add_run,
    add_videos,
    import_file,
    saved_run,
    work_of,
)

BY_INDEX, BY_VIDEOS = prompt_run_pb2.PROMPT_RUN_TARGET_TYPE_INDEX, prompt_run_pb2.PROMPT_RUN_TARGET_TYPE_VIDEOS


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[Api]:
    servicer = PromptRunServicer(database=engine.database)
    async with serve(engine, {"PromptRunService": (add_PromptRunServiceServicer_to_server, servicer)}) as api:
        await add_index(engine)
        await add_connector(engine, "conn_in")
        await add_prompt(engine)
        yield api


@pytest.fixture
async def stub(api: Api) -> Any:
    return await api.stub(PromptRunServiceStub)


async def _execute(stub: Any, target: dict[str, Any], prompt_id: str = "prompt_facts", **fields: Any) -> Any:
    request = pb.ExecutePromptRunRequest(prompt_id=prompt_id, target=pb.PromptRunTarget(**target), **fields)
    return (await stub.ExecutePromptRun(request)).run


def _schema(*required: str) -> dict[str, Any]:
    return {"type": "object", "properties": {"duration": {"type": "number"}}, "required": list(required)}


async def _import_real(engine: Engine, *keys: str) -> None:
    """Import real videos, two seconds long, from the folder that ``conn_in`` reads."""
    for key in keys:
        write_clip(engine.media / key, seconds=2, size=(64, 36), audio=False, seed=1)
    store = engine.stores.unsaved("local", {"root": str(engine.media)}, {})
    await add_videos(engine, *keys)
    for key in keys:
        found = await store.head(key)
        async with engine.database.transaction() as tx:
            video = await tx.get_one(Video, f"vid_{key.replace('.', '_')}")
            video.source_version, video.size = found.version, found.size
            video.facts = asdict(await probe(pinned(store, key, found.version, found.size)))


async def _perform(engine: Engine, run_id: str) -> None:
    lease = await work.claim(engine.database, f"prompt_run:{run_id}")
    assert lease is not None
    await PromptRuns(engine.database, engine.stores, lambda: 0.5, Turns()).perform(lease)


async def _get(stub: Any, run_id: str) -> Any:
    return (await stub.GetPromptRun(pb.GetPromptRunRequest(run_id=run_id))).run


async def test_a_run_over_an_index_covers_its_media_by_kind(engine: Engine, stub: Any) -> None:
    await add_job(engine, "job_a", ["a.mp4", "b.mp3", "c.png"])
    for key, media_type in (("a.mp4", "video"), ("b.mp3", "audio"), ("c.png", "image")):
        await import_file(engine, "job_a", key, media_type=media_type)
    run = await _execute(stub, {"type": BY_INDEX, "index_id": "idx_news"}, video_segment_duration=10)
    assert (run.total_videos, run.total_audios, run.total_images) == (1, 1, 1)
    assert (run.prompt_name, run.executed_by, run.video_segment_duration) == ("Facts", "ada", 10)
    assert (run.run_context.type, run.run_context.index_id) == (BY_INDEX, "idx_news")
    assert run.total_video_seconds == 180.0
    assert (await work_of(engine, work.PROMPT_RUN, run.run_id)).state == "due"
    assert await _get(stub, run.run_id) == run


async def test_a_run_over_named_videos_covers_them_alone(engine: Engine, stub: Any) -> None:
    video_ids = await add_videos(engine, "a.mp4", "b.mp4")
    run = await _execute(stub, {"type": BY_VIDEOS, "video_ids": video_ids[1:]})
    assert run.total_videos == 1
    assert list(run.run_context.video_ids) == video_ids[1:]
    assert run.run_context.index_id == "idx_news"


async def test_the_run_keeps_the_prompt_as_it_was(engine: Engine, stub: Any) -> None:
    await add_videos(engine, "a.mp4")
    run = await _execute(stub, {"type": BY_INDEX, "index_id": "idx_news"})
    preset = (await saved_run(engine, run.run_id)).preset
    assert (preset["prompt_text"], preset["json_schema"]["required"]) == ("How long is it?", ["duration"])


async def test_what_cannot_be_run_is_refused(engine: Engine, api: Api, stub: Any) -> None:
    by_index = {"type": BY_INDEX, "index_id": "idx_news"}
    assert (await refusal(_execute(stub, by_index))).status == "FAILED_PRECONDITION"
    await add_videos(engine, "a.mp4")
    named = await refusal(_execute(stub, {"type": BY_VIDEOS, "video_ids": ["vid_a_mp4", "vid_none"]}))
    assert "no such video" in named.fields["target.video_ids[1]"]
    assert (await refusal(_execute(stub, by_index, prompt_id="prompt_none"))).status == "NOT_FOUND"
    await add_prompt(engine, "prompt_old", is_active=False)
    assert "not active" in (await refusal(_execute(stub, by_index, prompt_id="prompt_old"))).fields["prompt_id"]
    model = await refusal(_execute(stub, by_index, processing_model="oracle"))
    assert "not available" in model.fields["processing_model"]
    unknown = await refusal(_execute(stub, {"type": 0}))
    assert "index, videos" in unknown.fields["target.type"]
    stranger = await api.stub(PromptRunServiceStub, owner="eve")
    assert (await refusal(_execute(stranger, by_index))).status == "NOT_FOUND"


async def test_results_come_by_video_and_time_in_pages(engine: Engine, stub: Any) -> None:
    video_ids = await add_videos(engine, "a.mp4", "b.mp4")
    run_id = await add_run(engine, video_ids)
    first = await stub.ListPromptRunResults(pb.ListPromptRunResultsRequest(run_id=run_id, limit=3))
    assert [(item.video_id, item.start_time) for item in first.data] == [
        ("vid_a_mp4", 0.0),
        ("vid_a_mp4", 30.0),
        ("vid_b_mp4", 0.0),
    ]
    assert (first.pagination.limit, first.pagination.has_more) == (3, True)
    request = pb.ListPromptRunResultsRequest(run_id=run_id, limit=3, cursor=first.pagination.next_cursor)
    rest = await stub.ListPromptRunResults(request)
    assert [(item.video_id, item.start_time) for item in rest.data] == [("vid_b_mp4", 30.0)]
    result = rest.data[0]
    assert (result.result_type, result.video_name) == (prompt_run_pb2.RESULT_TYPE_SEGMENT, "b.mp4")
    assert (result.metadata["duration"], result.metadata_text) == (30.0, "duration: 30.0")
    assert result.field_extraction_succeeded
    one = await stub.ListPromptRunResults(pb.ListPromptRunResultsRequest(run_id=run_id, video_id="vid_b_mp4"))
    assert len(one.data) == 2


async def test_failures_are_told_by_video(engine: Engine, stub: Any) -> None:
    video_ids = await add_videos(engine, "a.mp4", "b.mp4")
    run_id = await add_run(engine, video_ids, {"vid_b_mp4": "loudness: there is no sound"})
    run = await _get(stub, run_id)
    assert run.status == prompt_run_pb2.PROMPT_RUN_STATUS_COMPLETED_WITH_FAILURES
    assert (run.total_segments, run.completed_segments, run.field_extraction_failures) == (4, 4, 1)
    assert not run.field_extraction_succeeded
    request = pb.GetPromptRunFailedSegmentsRequest(run_id=run_id)
    manifest = (await stub.GetPromptRunFailedSegments(request)).manifest
    assert (manifest.videos_with_failures, manifest.failed_segments) == (1, 1)
    assert manifest.operation_counts.field_extraction == 1
    failed = manifest.videos[0].segments[0]
    assert (failed.segment_id, failed.start_time, list(failed.failed_operations)) == (
        "seg_b_mp4_1",
        30.0,
        ["field_extraction"],
    )


async def _whole(stub: Any, run_id: str, video_id: str) -> Any:
    request = pb.GetPromptRunVideoResultRequest(run_id=run_id, video_id=video_id)
    return (await stub.GetPromptRunVideoResult(request)).result


async def test_there_is_no_video_level_result_that_no_prompt_asked_for(engine: Engine, stub: Any) -> None:
    run_id = await add_run(engine, await add_videos(engine, "a.mp4"))
    refused = await refusal(_whole(stub, run_id, "vid_a_mp4"))
    assert refused.status == "NOT_FOUND"
    assert "asks for nothing of a video as a whole" in refused.message
    assert not (await _get(stub, run_id)).video_level_enabled


async def test_a_video_as_a_whole_is_analysed_where_the_prompt_asks_for_it(engine: Engine, stub: Any) -> None:
    await _import_real(engine, "a.mp4", "b.mp4", "torn.mp4")
    level = {"instructions_text": "Sum up", "json_schema": _schema("duration", "frame_count")}
    await add_prompt(engine, "prompt_whole", video_level=level)
    run = await _execute(stub, {"type": BY_INDEX, "index_id": "idx_news"}, "prompt_whole", video_segment_duration=1)
    assert (await _whole(stub, run.run_id, "vid_a_mp4")).status == prompt_run_pb2.PROMPT_RUN_STATUS_PENDING
    (engine.media / "torn.mp4").unlink()
    await _perform(engine, run.run_id)
    found = await _whole(stub, run.run_id, "vid_a_mp4")
    assert (found.status, found.metadata["frame_count"] > 0) == (prompt_run_pb2.PROMPT_RUN_STATUS_COMPLETED, True)
    assert found.metadata["duration"] == pytest.approx(2.0, abs=0.2)
    assert (found.successful_segment_count, found.failed_segment_count) == (2, 0)
    assert found.HasField("started_at")
    torn = await _whole(stub, run.run_id, "vid_torn_mp4")
    assert (torn.status, dict(torn.metadata)) == (prompt_run_pb2.PROMPT_RUN_STATUS_FAILED, {})
    assert "source changed" in torn.error_message
    run = await _get(stub, run.run_id)
    items = (run.video_level_total_items, run.video_level_completed_items, run.video_level_failed_items)
    assert (run.video_level_enabled, items, run.video_level_partial_items) == (True, (3, 2, 1), 0)
    assert (await refusal(_whole(stub, run.run_id, "vid_no"))).status == "NOT_FOUND"


async def test_a_field_that_a_video_as_a_whole_lacks_is_told(engine: Engine, stub: Any) -> None:
    await _import_real(engine, "a.mp4")
    level = {"instructions_text": "Sum up", "json_schema": _schema("duration", "mood")}
    await add_prompt(engine, "prompt_whole", video_level=level)
    run = await _execute(stub, {"type": BY_VIDEOS, "video_ids": ["vid_a_mp4"]}, "prompt_whole")
    await _perform(engine, run.run_id)
    found = await _whole(stub, run.run_id, "vid_a_mp4")
    assert found.status == prompt_run_pb2.PROMPT_RUN_STATUS_COMPLETED_WITH_FAILURES
    assert ("duration" in found.metadata, "mood: required" in found.error_message) == (True, True)
    run = await _get(stub, run.run_id)
    assert (run.status, run.video_level_partial_items, run.field_extraction_failures) == (
        prompt_run_pb2.PROMPT_RUN_STATUS_COMPLETED_WITH_FAILURES,
        1,
        0,
    )


async def test_a_model_of_another_service_runs_on_what_the_operator_says(
    engine: Engine, stub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_videos(engine, "a.mp4")
    target = {"type": BY_INDEX, "index_id": "idx_news"}
    assert (await refusal(_execute(stub, target, processing_model="gemini-2.5-flash"))).fields
    monkeypatch.setattr(registry, "_ALIASES", {})
    registry.use_aliases({"gemini-2.5-flash": "media_facts"})
    run = await _execute(stub, target, processing_model="gemini-2.5-flash")
    assert (run.processing_model, run.analyzer) == ("gemini-2.5-flash", "media_facts")
    run = await _execute(stub, target)
    assert (run.HasField("processing_model"), run.analyzer) == (False, "media_facts")
    for alias in ({"oracle": "nobody"}, {"media_facts": "media_facts"}):
        with pytest.raises(InvalidArgument, match="--model-alias"):
            registry.use_aliases(alias)


async def test_a_playground_is_refused_by_name(stub: Any) -> None:
    refused = await refusal(_execute(stub, {"type": prompt_run_pb2.PROMPT_RUN_TARGET_TYPE_PLAYGROUND}))
    assert "a playground holds uploads" in refused.fields["target.type"]


async def test_runs_are_listed_by_status_and_index(engine: Engine, stub: Any) -> None:
    video_ids = await add_videos(engine, "a.mp4")
    done, failing, waiting = (
        await add_run(engine, video_ids),
        await add_run(engine, video_ids, {"vid_a_mp4": "no sound"}),
        await add_run(engine, video_ids, ended=False),
    )

    async def listed(**fields: Any) -> list[str]:
        return [run.run_id for run in (await stub.ListPromptRuns(pb.ListPromptRunsRequest(**fields))).runs]

    assert await listed(status=prompt_run_pb2.PROMPT_RUN_STATUS_COMPLETED) == [done]
    assert await listed(status=prompt_run_pb2.PROMPT_RUN_STATUS_COMPLETED_WITH_FAILURES) == [failing]
    assert await listed(status=prompt_run_pb2.PROMPT_RUN_STATUS_PENDING, index_id="idx_news") == [waiting]
    assert await listed(index_id="idx_other") == []


async def test_a_cancelled_run_keeps_its_results_and_its_work_is_void(engine: Engine, stub: Any) -> None:
    run_id = await add_run(engine, await add_videos(engine, "a.mp4"), ended=False)
    cancel = pb.CancelPromptRunRequest(run_id=run_id)
    run = (await stub.CancelPromptRun(cancel)).run
    assert (run.status, run.cancelled_videos) == (prompt_run_pb2.PROMPT_RUN_STATUS_CANCELLED, 1)
    assert run.HasField("completed_at")
    assert (await work_of(engine, work.PROMPT_RUN, run_id)).state == "cancelled"
    assert (await refusal(stub.CancelPromptRun(cancel))).status == "FAILED_PRECONDITION"


async def test_runs_are_listed_newest_first_by_owner_index_and_video(engine: Engine, api: Api, stub: Any) -> None:
    video_ids = await add_videos(engine, "a.mp4", "b.mp4")
    run_ids = []
    for covered in (video_ids, video_ids[:1], video_ids[1:]):
        run_ids.append(await add_run(engine, covered))
        engine.clock.advance(1)
    newest = run_ids[::-1]
    assert [run.run_id for run in (await stub.ListPromptRuns(pb.ListPromptRunsRequest())).runs] == newest
    by_video = await stub.ListVideoPromptRuns(pb.ListVideoPromptRunsRequest(video_id=video_ids[0]))
    assert [run.run_id for run in by_video.runs] == newest[1:]
    first = await stub.ListIndexPromptRuns(pb.ListIndexPromptRunsRequest(index_id="idx_news", limit=2))
    assert [run.run_id for run in first.data] == newest[:2]
    request = pb.ListIndexPromptRunsRequest(index_id="idx_news", limit=2, cursor=first.pagination.next_cursor)
    assert [run.run_id for run in (await stub.ListIndexPromptRuns(request)).data] == newest[2:]
    stranger = await api.stub(PromptRunServiceStub, owner="eve")
    assert not (await stranger.ListPromptRuns(pb.ListPromptRunsRequest())).runs
    assert (await refusal(_get(stranger, run_ids[0]))).status == "NOT_FOUND"
