"""Pages of every list: whole, in order and each item once, whatever is added while somebody reads them."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from automation_engine.servicers.prompt_run_servicer import PromptRunServicer
from automation_engine.servicers.video_servicer import VideoServicer
from automation_engine.v1 import prompt_run_service_pb2, video_service_pb2
from automation_engine.v1.prompt_run_service_pb2_grpc import (
    PromptRunServiceStub,
    add_PromptRunServiceServicer_to_server,
)
from automation_engine.v1.video_service_pb2_grpc import VideoServiceStub, add_VideoServiceServicer_to_server
from tests.integration.engine import Engine, serve
from tests.integration.scenery import add_connector, add_index, add_prompt, add_run, add_videos

Page = Callable[[int, str | None], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """An index with media and runs, and stubs that list them."""

    engine: Engine
    videos: Any
    runs: Any

    async def add(self, chance: random.Random, name: str) -> None:
        """Add a video, or a run over what there is; time passes between some of them, not all."""
        self.engine.clock.advance(chance.choice([0.0, 0.0, 1.0]))
        if chance.random() < 0.5:
            await add_videos(self.engine, f"{chance.randrange(100)}-{name}.mp4")
        else:
            await add_run(self.engine, ["vid_first_mp4"], {"vid_first_mp4": "no sound"})


@pytest.fixture
async def lists(engine: Engine) -> AsyncIterator[Lists]:
    services = {
        "PromptRunService": (
            add_PromptRunServiceServicer_to_server,
            PromptRunServicer(database=engine.database),
        ),
        "VideoService": (add_VideoServiceServicer_to_server, VideoServicer(database=engine.database)),
    }
    async with serve(engine, services) as api:
        await add_index(engine)
        await add_connector(engine, "conn_in")
        await add_prompt(engine)
        await add_videos(engine, "first.mp4")
        yield Lists(engine=engine, videos=await api.stub(VideoServiceStub), runs=await api.stub(PromptRunServiceStub))


def _videos(lists: Lists) -> tuple[Page, Callable[[Any], str]]:
    def page(limit: int, cursor: str | None) -> Awaitable[Any]:
        request = video_service_pb2.ListVideosRequest(index_id="idx_news", limit=limit, cursor=cursor)
        answer: Awaitable[Any] = lists.videos.ListVideos(request)
        return answer

    return page, lambda video: str(video.video_id)


def _segments(lists: Lists, *, latest_run: bool) -> tuple[Page, Callable[[Any], str]]:
    def page(limit: int, cursor: str | None) -> Awaitable[Any]:
        request = video_service_pb2.ListSegmentsRequest(
            video_id="vid_first_mp4", latest_run=latest_run, limit=limit, cursor=cursor
        )
        answer: Awaitable[Any] = lists.videos.ListSegments(request)
        return answer

    return page, lambda segment: f"{segment.from_run_id} {segment.segment_id}"


def _index_runs(lists: Lists) -> tuple[Page, Callable[[Any], str]]:
    def page(limit: int, cursor: str | None) -> Awaitable[Any]:
        request = prompt_run_service_pb2.ListIndexPromptRunsRequest(index_id="idx_news", limit=limit, cursor=cursor)
        answer: Awaitable[Any] = lists.runs.ListIndexPromptRuns(request)
        return answer

    return page, lambda run: str(run.run_id)


@pytest.mark.parametrize("listing", ["videos", "segments", "latest segments", "runs"])
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_was_there_is_listed_once_while_more_comes(lists: Lists, listing: str, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    for at in range(chance.randrange(4, 12)):
        await lists.add(chance, f"before-{at}")
    await add_run(lists.engine, ["vid_first_mp4"])
    page, identity = {
        "videos": _videos(lists),
        "segments": _segments(lists, latest_run=False),
        "latest segments": _segments(lists, latest_run=True),
        "runs": _index_runs(lists),
    }[listing]
    expected = [identity(item) for item in (await page(200, None)).data]
    limit, cursor, seen = chance.randrange(1, 4), None, list[str]()
    while True:
        answer = await page(limit, cursor)
        assert answer.pagination.limit == limit
        assert answer.pagination.has_more == answer.pagination.HasField("next_cursor")
        assert len(answer.data) == limit or not answer.pagination.has_more
        seen += [identity(item) for item in answer.data]
        if not answer.pagination.has_more:
            break
        cursor = answer.pagination.next_cursor
        lists.engine.clock.advance(1.0)
        if len(seen) < 30:  # it ends
            await lists.add(chance, f"meanwhile-{len(seen)}")
    assert len(seen) == len(set(seen))
    known = set(expected)
    assert [item for item in seen if item in known] == expected
