"""``VideoService``: what has been imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from automation_engine.servicers import caller
from automation_engine.servicers.pages import cut, limit_of, pagination, read_cursor
from automation_engine.servicers.results import segment_message
from automation_engine.servicers.times import timestamp
from automation_engine.servicers.words import number
from automation_engine.store import deletions, indexes, videos
from automation_engine.store.database import Database
from automation_engine.store.tables import Video
from automation_engine.store.videos import Coverage
from automation_engine.v1 import index_pb2, video_pb2
from automation_engine.v1 import video_service_pb2 as pb
from automation_engine.v1.prompt_run_pb2 import PromptRunStatus
from automation_engine.v1.video_service_pb2_grpc import VideoServiceServicer

RUNS = 20
"""Most runs that a video names."""


def message(video: Video, coverage: Sequence[Coverage]) -> video_pb2.Video:
    """Return a video as its message; ``coverage`` are the runs that cover it, the newest first."""
    return video_pb2.Video(
        video_id=video.video_id,
        title=video.title,
        video_uri=video.source_uri,
        status=_status(coverage),
        processing_status=[_progress(run) for run in coverage[:RUNS]],
        created_at=timestamp(video.created_at),
        updated_at=timestamp(video.updated_at),
        metadata_keys=sorted({name for run in coverage for name in run.fields}),
        media_type=number(video_pb2.MediaType.DESCRIPTOR, video.media_type),
        index_id=video.index_id,
        connector_id=video.connector_id,
        source_path=video.source_key,
        source_version=video.source_version,
        import_job_id=video.job_id,
        media=_facts(video),
    )


def _status(coverage: Sequence[Coverage]) -> Any:
    """Return how far the newest run that was not cancelled has come with the video."""
    ended = {"pending": "processing", "completed": "processed", "failed": "failed"}
    words = [ended[run.item.status] for run in coverage if run.item.status in ended]
    return number(video_pb2.VideoStatus.DESCRIPTOR, words[0] if words else "not_processed")


def _progress(run: Coverage) -> video_pb2.RunProgress:
    item = run.item
    status = run.run.status if item.status == "pending" else item.status
    if item.status == "completed" and run.failures:
        status = "completed_with_failures"
    total = max(item.total_segments, run.segments)
    return video_pb2.RunProgress(
        run_id=item.run_id,
        prompt_id=run.run.prompt_id,
        status=number(PromptRunStatus.DESCRIPTOR, status),
        total_segments=total,
        pending_segments=total - run.segments,
        successful_segments=run.segments - run.failures,
        failed_segments=run.failures,
        created_at=timestamp(item.started_at or run.run.created_at),
        updated_at=timestamp(item.completed_at or item.started_at or run.run.created_at),
    )


def _facts(video: Video) -> video_pb2.MediaFacts:
    facts = video.facts
    return video_pb2.MediaFacts(
        container=facts.get("container"),
        size_bytes=video.size,
        duration_seconds=facts.get("duration"),
        bit_rate=facts.get("bit_rate"),
        video_codec=facts.get("video_codec"),
        audio_codec=facts.get("audio_codec"),
        width=facts.get("width"),
        height=facts.get("height"),
        frame_rate=facts.get("frame_rate"),
        sample_rate=facts.get("sample_rate"),
        channels=facts.get("channels"),
    )


def _deleted(video_id: str) -> dict[str, Any]:
    return {
        "video_id": video_id,
        "deletion_id": deletions.deletion_id(video_id),
        "status": index_pb2.DELETION_STATUS_DELETED,
    }


class VideoServicer(VideoServiceServicer):
    """Videos of the caller."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def ListVideos(self, request: pb.ListVideosRequest, _context: Any) -> pb.ListVideosResponse:
        """List the videos of an index, the oldest first. Raises ``NotFound``."""
        limit = limit_of(request)
        async with self._database.reading() as session:
            index = await indexes.find(session, caller.current().owner, request.index_id)
            after = read_cursor(request.cursor, float, str)
            rows = await videos.of_index(session, index.index_id, after=after, limit=limit + 1)
            page, cursor = cut(rows, limit, lambda video: (video.created_at, video.video_id))
            covered = await videos.coverage(session, [video.video_id for video in page])
        return pb.ListVideosResponse(
            data=[message(video, covered[video.video_id]) for video in page], pagination=pagination(limit, cursor)
        )

    async def GetVideo(self, request: pb.GetVideoRequest, _context: Any) -> pb.GetVideoResponse:
        """Return a video. Raises ``NotFound``."""
        async with self._database.reading() as session:
            video = await videos.find(session, caller.current().owner, request.video_id)
            covered = await videos.coverage(session, [video.video_id])
        return pb.GetVideoResponse(video=message(video, covered[video.video_id]))

    async def DeleteVideo(self, request: pb.DeleteVideoRequest, _context: Any) -> pb.DeleteVideoResponse:
        """Delete a video and its results, at once. Raises ``NotFound``, and ``Conflict`` while a run works on it."""
        async with self._database.transaction() as tx:
            await videos.remove(tx, caller.current().owner, request.video_id)
        return pb.DeleteVideoResponse(**_deleted(request.video_id))

    async def GetVideoDeletion(self, request: pb.GetVideoDeletionRequest, _context: Any) -> pb.GetVideoDeletionResponse:
        """Tell how far the deletion of a video has come: each one is at its end at once. Raises ``NotFound``."""
        async with self._database.reading() as session:
            row = await deletions.find(session, caller.current().owner, request.video_id)
        return pb.GetVideoDeletionResponse(**_deleted(row.subject_id))

    async def ListSegments(self, request: pb.ListSegmentsRequest, _context: Any) -> pb.ListSegmentsResponse:
        """List a video's segments by start: of one run, of the newest one with results, or of every one."""
        limit, after = limit_of(request), read_cursor(request.cursor, float, str, int)
        latest = request.latest_run if request.HasField("latest_run") else True
        async with self._database.reading() as session:
            video = await videos.find(session, caller.current().owner, request.video_id)
            run_ids = [request.run_id] if request.run_id else await videos.runs_with_results(session, video.video_id)
            if latest and after is not None and after[1] in run_ids:
                run_ids = [after[1]]  # the pages of one list show one run, also when another one has ended meanwhile
            rows = await videos.segments(
                session,
                video.video_id,
                run_ids[:1] if latest else run_ids,
                after=after,
                limit=limit + 1,
            )
        page, cursor = cut(rows, limit, lambda row: (row.start_time, row.run_id, row.ordinal))
        return pb.ListSegmentsResponse(
            data=[segment_message(row) for row in page], pagination=pagination(limit, cursor)
        )

    async def BatchGetVideoStatus(
        self, request: pb.BatchGetVideoStatusRequest, _context: Any
    ) -> pb.BatchGetVideoStatusResponse:
        """Return the status of those videos that the caller has."""
        async with self._database.reading() as session:
            found = await videos.owned(session, caller.current().owner, request.video_ids)
            covered = await videos.coverage(session, list(found))
        return pb.BatchGetVideoStatusResponse(
            statuses=[
                video_pb2.VideoStatusSnapshot(
                    video_id=video_id,
                    status=_status(covered[video_id]),
                    processing_status=[_progress(run) for run in covered[video_id][:RUNS]],
                )
                for video_id in found
            ]
        )
