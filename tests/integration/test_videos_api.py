"""Videos through a real gRPC server, over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlmodel import select

from automation_engine.servicers.video_servicer import VideoServicer
from automation_engine.store.tables import SegmentResult
from automation_engine.v1 import index_pb2, prompt_run_pb2, video_pb2
from automation_engine.v1 import video_service_pb2 as pb
from automation_engine.v1.video_service_pb2_grpc import VideoServiceStub, add_VideoServiceServicer_to_server
from tests.integration.engine import Api, Engine, serve
from tests.integration.failures import refusal
from tests.integration.scenery import add_connector, add_index, add_prompt, add_run, add_videos


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[Api]:
    servicer = VideoServicer(database=engine.database)
    async with serve(engine, {"VideoService": (add_VideoServiceServicer_to_server, servicer)}) as api:
        await add_index(engine)
        await add_connector(engine, "conn_in")
        await add_prompt(engine)
        yield api


@pytest.fixture
async def stub(api: Api) -> Any:
    return await api.stub(VideoServiceStub)


async def _get(stub: Any, video_id: str) -> Any:
    return (await stub.GetVideo(pb.GetVideoRequest(video_id=video_id))).video


async def _deletion(stub: Any, video_id: str) -> Any:
    return await stub.GetVideoDeletion(pb.GetVideoDeletionRequest(video_id=video_id))


async def test_a_video_tells_its_source_and_its_media(engine: Engine, stub: Any) -> None:
    await add_videos(engine, "a.mp4")
    video = await _get(stub, "vid_a_mp4")
    assert (video.title, video.video_uri, video.source_path, video.index_id) == (
        "a.mp4",
        "file:///media/a.mp4",
        "a.mp4",
        "idx_news",
    )
    assert (video.media_type, video.status) == (video_pb2.MEDIA_TYPE_VIDEO, video_pb2.VIDEO_STATUS_NOT_PROCESSED)
    assert (video.media.duration_seconds, video.media.HasField("width")) == (60.0, False)
    assert not video.metadata_keys


async def test_the_status_follows_the_newest_run(engine: Engine, stub: Any) -> None:
    video_ids = await add_videos(engine, "a.mp4")
    done = await add_run(engine, video_ids, {"vid_a_mp4": "no sound"})
    video = await _get(stub, "vid_a_mp4")
    assert video.status == video_pb2.VIDEO_STATUS_PROCESSED
    assert list(video.metadata_keys) == ["duration"]
    progress = video.processing_status[0]
    assert (progress.total_segments, progress.successful_segments, progress.failed_segments) == (2, 1, 1)
    assert progress.status == prompt_run_pb2.PROMPT_RUN_STATUS_COMPLETED_WITH_FAILURES
    engine.clock.advance(1)
    running = await add_run(engine, video_ids, ended=False)
    video = await _get(stub, "vid_a_mp4")
    assert video.status == video_pb2.VIDEO_STATUS_PROCESSING
    assert [run.run_id for run in video.processing_status] == [running, done]


async def test_videos_of_an_index_come_in_pages_oldest_first(engine: Engine, stub: Any) -> None:
    await add_videos(engine, "c.mp4")
    engine.clock.advance(1)
    await add_videos(engine, "a.mp4", "b.mp4")
    first = await stub.ListVideos(pb.ListVideosRequest(index_id="idx_news", limit=2))
    assert [video.title for video in first.data] == ["c.mp4", "a.mp4"]
    request = pb.ListVideosRequest(index_id="idx_news", limit=2, cursor=first.pagination.next_cursor)
    rest = await stub.ListVideos(request)
    assert ([video.title for video in rest.data], rest.pagination.has_more) == (["b.mp4"], False)
    assert (await refusal(stub.ListVideos(pb.ListVideosRequest(index_id="idx_no")))).status == "NOT_FOUND"


async def test_segments_are_those_of_the_newest_run_with_results(engine: Engine, stub: Any) -> None:
    video_ids = await add_videos(engine, "a.mp4")
    older = await add_run(engine, video_ids)
    engine.clock.advance(1)
    newer = await add_run(engine, video_ids)
    engine.clock.advance(1)
    await add_run(engine, video_ids, ended=False)

    async def segments(**fields: Any) -> Any:
        return await stub.ListSegments(pb.ListSegmentsRequest(video_id="vid_a_mp4", **fields))

    latest = await segments()
    assert [(item.segment_id, item.from_run_id) for item in latest.data] == [
        ("seg_a_mp4_0", newer),
        ("seg_a_mp4_1", newer),
    ]
    assert {item.from_run_id for item in (await segments(run_id=older)).data} == {older}
    page = await segments(latest_run=False, limit=3)
    assert [item.start_time for item in page.data] == [0.0, 0.0, 30.0]
    rest = await segments(latest_run=False, limit=3, cursor=page.pagination.next_cursor)
    assert [item.start_time for item in rest.data] == [30.0]


async def test_a_deleted_video_is_gone_with_its_results_however_often_it_is_deleted(engine: Engine, stub: Any) -> None:
    video_ids = await add_videos(engine, "a.mp4", "b.mp4")
    await add_run(engine, video_ids)
    delete = pb.DeleteVideoRequest(video_id="vid_a_mp4")
    assert (await refusal(_deletion(stub, "vid_a_mp4"))).status == "NOT_FOUND"
    answer = await stub.DeleteVideo(delete)
    assert answer.status == index_pb2.DELETION_STATUS_DELETED
    assert await stub.DeleteVideo(delete) == answer
    told = await _deletion(stub, "vid_a_mp4")
    assert (told.video_id, told.deletion_id, told.status) == ("vid_a_mp4", answer.deletion_id, answer.status)
    assert (await refusal(_get(stub, "vid_a_mp4"))).status == "NOT_FOUND"
    async with engine.database.reading() as session:
        left = (await session.exec(select(SegmentResult.video_id).distinct())).all()
    assert list(left) == ["vid_b_mp4"]
    assert (await refusal(stub.DeleteVideo(pb.DeleteVideoRequest(video_id="vid_no")))).status == "NOT_FOUND"


async def test_a_video_that_a_run_works_on_is_not_deleted(engine: Engine, stub: Any) -> None:
    await add_run(engine, await add_videos(engine, "a.mp4"), ended=False)
    refused = await refusal(stub.DeleteVideo(pb.DeleteVideoRequest(video_id="vid_a_mp4")))
    assert refused.status == "FAILED_PRECONDITION"
    assert "is working on" in refused.message


async def test_the_status_of_many_comes_in_the_order_that_was_asked_for(engine: Engine, stub: Any) -> None:
    video_ids = await add_videos(engine, "a.mp4", "b.mp4")
    await add_run(engine, video_ids[:1])
    request = pb.BatchGetVideoStatusRequest(video_ids=["vid_b_mp4", "vid_no", "vid_a_mp4"])
    statuses = (await stub.BatchGetVideoStatus(request)).statuses
    assert [(item.video_id, item.status) for item in statuses] == [
        ("vid_b_mp4", video_pb2.VIDEO_STATUS_NOT_PROCESSED),
        ("vid_a_mp4", video_pb2.VIDEO_STATUS_PROCESSED),
    ]


async def test_another_owners_video_is_not_found(engine: Engine, api: Api) -> None:
    await add_videos(engine, "a.mp4")
    stranger = await api.stub(VideoServiceStub, owner="eve")
    assert (await refusal(_get(stranger, "vid_a_mp4"))).status == "NOT_FOUND"
    assert (await refusal(stranger.DeleteVideo(pb.DeleteVideoRequest(video_id="vid_a_mp4")))).status == "NOT_FOUND"
    owner = await api.stub(VideoServiceStub)
    await owner.DeleteVideo(pb.DeleteVideoRequest(video_id="vid_a_mp4"))
    for call in (stranger.DeleteVideo(pb.DeleteVideoRequest(video_id="vid_a_mp4")), _deletion(stranger, "vid_a_mp4")):
        assert (await refusal(call)).status == "NOT_FOUND"
    batch = await stranger.BatchGetVideoStatus(pb.BatchGetVideoStatusRequest(video_ids=["vid_a_mp4"]))
    assert not batch.statuses
