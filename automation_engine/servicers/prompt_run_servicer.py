"""``PromptRunService``: executions of prompts, by hand and by automations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import Conflict, InvalidArgument, NotFound, Violation
from automation_engine.servicers import caller, presets
from automation_engine.servicers.pages import cut, limit_of, pagination, read_cursor
from automation_engine.servicers.results import result_message, video_result_message
from automation_engine.servicers.times import timestamp
from automation_engine.servicers.words import number, word
from automation_engine.store import announcements, indexes, prompts, runs, videos, work
from automation_engine.store.database import Database, Transaction
from automation_engine.store.runs import segment_id
from automation_engine.store.tables import Prompt, PromptRun, RunItem, SegmentResult, Video
from automation_engine.v1 import prompt_run_pb2
from automation_engine.v1 import prompt_run_service_pb2 as pb
from automation_engine.v1.prompt_run_service_pb2_grpc import PromptRunServiceServicer

LISTED = 200
"""Runs in a list unless the request says otherwise."""

_STATUS = prompt_run_pb2.PromptRunStatus.DESCRIPTOR
_TARGET = prompt_run_pb2.PromptRunTargetType.DESCRIPTOR
_MEDIA = ("video", "audio", "image")
_WITHOUT_END = ("failed", "partial", "cancelled")


def message(run: PromptRun, counts: Mapping[tuple[str, str], int], whole: tuple[int, int]) -> prompt_run_pb2.PromptRun:
    """Return a run as its message; ``counts`` are its media by type and status, ``whole`` those analysed as a whole.

    The latter are two: those with every field that was asked of them, and those that lack some.
    """
    ended = run.status in runs.TERMINAL
    preset = run.preset
    return prompt_run_pb2.PromptRun(
        run_id=run.run_id,
        prompt_id=run.prompt_id,
        prompt_name=preset["prompt_name"],
        prompt_type="custom",
        executed_at=timestamp(run.created_at),
        executed_by=run.executed_by,
        status=number(_STATUS, run.status),
        run_context=_context(run),
        total_segments=run.total_segments,
        completed_segments=run.completed_segments + run.extraction_failures,
        field_extraction_failures=run.extraction_failures,
        field_extraction_succeeded=run.extraction_failures == 0 if ended else None,
        error_message=run.error_message,
        video_segmentation_type=number(
            prompt_run_pb2.VideoSegmentationType.DESCRIPTOR, preset["video_segmentation_type"]
        ),
        audio_segmentation_type=number(
            prompt_run_pb2.AudioSegmentationType.DESCRIPTOR, preset["audio_segmentation_type"]
        ),
        video_segment_duration=preset["video_segment_duration"],
        audio_segment_duration=preset["audio_segment_duration"],
        processing_model=preset["processing_model"],
        total_video_seconds=run.media_seconds,
        enable_transcription=preset["enable_transcription"],
        enable_image_embedding=preset["enable_image_embedding"],
        completed_at=timestamp(run.completed_at),
        analyzer=preset["analyzer"],
        **_media_counts(counts),
        **({} if preset["video_level"] is None else _video_level_counts(counts, whole)),
    )


def _context(run: PromptRun) -> prompt_run_pb2.PromptRunContext:
    """Return what a run was made on; one over what a job imported names its media through the job."""
    return prompt_run_pb2.PromptRunContext(
        type=number(_TARGET, run.context["type"]),
        index_id=run.index_id,
        video_ids=run.context.get("video_ids", []),
        import_job_id=run.context.get("import_job_id"),
        automation_id=run.context.get("automation_id"),
    )


def _media_counts(counts: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """Return ``total_videos``, ``completed_videos`` … for each of the three kinds of media."""
    fields: dict[str, Any] = {}
    for media in _MEDIA:
        fields[f"total_{media}s"] = sum(count for (kind, _), count in counts.items() if kind == media)
        for status in ("completed", "failed", "partial", "cancelled"):
            fields[f"{status}_{media}s"] = counts.get((media, status), 0)
    return fields


def _video_level_counts(counts: Mapping[tuple[str, str], int], whole: tuple[int, int]) -> dict[str, Any]:
    failed = [counts.get((media, status), 0) for media in ("video", "audio") for status in _WITHOUT_END]
    return {
        "video_level_enabled": True,
        "video_level_total_items": sum(count for (media, _), count in counts.items() if media != "image"),
        "video_level_completed_items": whole[0],
        "video_level_partial_items": whole[1],
        "video_level_failed_items": sum(failed),
    }


async def messages(session: AsyncSession, rows: Sequence[PromptRun]) -> list[prompt_run_pb2.PromptRun]:
    """Return runs as messages, counted in one query."""
    counts = await runs.media_counts(session, [run.run_id for run in rows])
    whole = await runs.video_level_counts(session, [run.run_id for run in rows])
    return [message(run, counts[run.run_id], whole[run.run_id]) for run in rows]


async def _message(session: AsyncSession, run: PromptRun) -> prompt_run_pb2.PromptRun:
    return (await messages(session, [run]))[0]


class PromptRunServicer(PromptRunServiceServicer):
    """Prompt runs of the caller."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def ExecutePromptRun(self, request: pb.ExecutePromptRunRequest, _context: Any) -> pb.ExecutePromptRunResponse:
        """Submit a run. Raises ``NotFound``, ``InvalidArgument``, and ``Conflict`` for an index without media."""
        owner = caller.current().owner
        choice = presets.chosen(request)
        async with self._database.transaction() as tx:
            prompt = await _active_prompt(tx, owner, request.prompt_id)
            media = await _targets(tx, owner, request.target)
            index_ids = {video.index_id for video in media}
            index_id = index_ids.pop() if len(index_ids) == 1 else None
            by_index = request.target.type == prompt_run_pb2.PROMPT_RUN_TARGET_TYPE_INDEX
            context = {
                "type": "index" if by_index else "videos",
                "index_id": index_id,
                "video_ids": [] if by_index else list(request.target.video_ids),
            }
            run = await runs.submit(
                tx,
                run_key=tx.new_id("manual"),
                owner=owner,
                index_id=index_id,
                preset=presets.snapshot(choice, prompt, tx.now),
                context=context,
                executed_by=owner,
                videos=media,
            )
            return pb.ExecutePromptRunResponse(run=await _message(tx, run))

    async def ListPromptRuns(self, request: pb.ListPromptRunsRequest, _context: Any) -> pb.ListPromptRunsResponse:
        """List runs, the newest first."""
        async with self._database.reading() as session:
            rows = await runs.listed(
                session,
                caller.current().owner,
                status=word(_STATUS, request.status) if request.HasField("status") else None,
                index_id=request.index_id if request.HasField("index_id") else None,
                limit=limit_of(request, LISTED),
            )
            return pb.ListPromptRunsResponse(runs=await messages(session, rows))

    async def GetPromptRun(self, request: pb.GetPromptRunRequest, _context: Any) -> pb.GetPromptRunResponse:
        """Return a run. Raises ``NotFound``."""
        async with self._database.reading() as session:
            run = await runs.find(session, caller.current().owner, request.run_id)
            return pb.GetPromptRunResponse(run=await _message(session, run))

    async def CancelPromptRun(self, request: pb.CancelPromptRunRequest, _context: Any) -> pb.CancelPromptRunResponse:
        """Cancel a run; results up to now stay. Raises ``Conflict`` when it has ended."""
        async with self._database.transaction() as tx:
            run = await runs.locked(tx, caller.current().owner, request.run_id)
            if run.status in runs.TERMINAL:
                raise Conflict(f"prompt run {run.run_id} is {run.status}: only a run that works can be cancelled")
            await work.cancel(tx, work.PROMPT_RUN, run.run_id)
            await runs.cancel_items(tx, run.run_id)
            run = await runs.tally(tx, run.run_id)
            run.status, run.completed_at = "cancelled", tx.now
            await announcements.prompt_run(tx, run, "cancelled")
            await tx.flush()
            return pb.CancelPromptRunResponse(run=await _message(tx, run))

    async def ListPromptRunResults(
        self, request: pb.ListPromptRunResultsRequest, _context: Any
    ) -> pb.ListPromptRunResultsResponse:
        """List what a run found, by video and time."""
        limit = limit_of(request)
        async with self._database.reading() as session:
            run = await runs.find(session, caller.current().owner, request.run_id)
            rows = await runs.results(
                session,
                run.run_id,
                video_id=request.video_id or None,
                after=read_cursor(request.cursor, str, int),
                limit=limit + 1,
            )
        page, cursor = cut(rows, limit, lambda row: (row[0].video_id, row[0].ordinal))
        return pb.ListPromptRunResultsResponse(
            data=[result_message(run, result, video) for result, video in page], pagination=pagination(limit, cursor)
        )

    async def GetPromptRunVideoResult(
        self, request: pb.GetPromptRunVideoResultRequest, _context: Any
    ) -> pb.GetPromptRunVideoResultResponse:
        """Return what a run found in a video as a whole. Raises ``NotFound`` for what nothing is asked of."""
        async with self._database.reading() as session:
            run = await runs.find(session, caller.current().owner, request.run_id)
            found = await runs.item_of(session, run.run_id, request.video_id)
            segments = await runs.segment_counts(session, run.run_id, request.video_id)
        if run.preset["video_level"] is None:
            raise NotFound(f"prompt run {run.run_id}: its prompt asks for nothing of a video as a whole")
        if found is None:
            raise NotFound(f"prompt run {run.run_id} does not cover {request.video_id}")
        item, result, video = found
        if video is not None and video.media_type == "image":
            raise NotFound(f"{video.video_id} is an image: its one segment holds the result")
        return pb.GetPromptRunVideoResultResponse(result=video_result_message(run, item, result, video, segments))

    async def GetPromptRunFailedSegments(
        self, request: pb.GetPromptRunFailedSegmentsRequest, _context: Any
    ) -> pb.GetPromptRunFailedSegmentsResponse:
        """Return all failures of a run."""
        async with self._database.reading() as session:
            run = await runs.find(session, caller.current().owner, request.run_id)
            segments, items = await runs.failures(session, run.run_id)
        return pb.GetPromptRunFailedSegmentsResponse(manifest=manifest(run, segments, items))

    async def ListIndexPromptRuns(
        self, request: pb.ListIndexPromptRunsRequest, _context: Any
    ) -> pb.ListIndexPromptRunsResponse:
        """List the runs of an index, the newest first."""
        limit = limit_of(request)
        async with self._database.reading() as session:
            index = await indexes.find(session, caller.current().owner, request.index_id)
            after = read_cursor(request.cursor, float, str)
            rows = await runs.of_index(session, index.index_id, after=after, limit=limit + 1)
            page, cursor = cut(rows, limit, lambda run: (run.created_at, run.run_id))
            data = await messages(session, page)
        return pb.ListIndexPromptRunsResponse(data=data, pagination=pagination(limit, cursor))

    async def ListVideoPromptRuns(
        self, request: pb.ListVideoPromptRunsRequest, _context: Any
    ) -> pb.ListVideoPromptRunsResponse:
        """List the runs that cover a video, the newest first."""
        async with self._database.reading() as session:
            video = await videos.find(session, caller.current().owner, request.video_id)
            rows = await runs.of_video(session, video.video_id, limit=limit_of(request, LISTED))
            return pb.ListVideoPromptRunsResponse(runs=await messages(session, rows))


async def _active_prompt(tx: Transaction, owner: str, prompt_id: str) -> Prompt:
    prompt = await prompts.find(tx, owner, prompt_id)
    if not prompt.is_active:
        raise InvalidArgument.of("prompt_id", f"{prompt_id!r}: the prompt is not active")
    return prompt


async def _targets(tx: Transaction, owner: str, target: pb.PromptRunTarget) -> Sequence[Video]:
    """Return the media that a run shall cover. Raises ``NotFound``, ``InvalidArgument``, ``Conflict``."""
    if target.type == prompt_run_pb2.PROMPT_RUN_TARGET_TYPE_INDEX:
        index = await indexes.find(tx, owner, target.index_id)
        media = await videos.of_index(tx, index.index_id)
        if not media:
            raise Conflict(f"index {index.index_id} holds no media yet: import some first")
        return media
    found = await videos.owned(tx, owner, target.video_ids)
    violations = [
        Violation(field=f"target.video_ids[{at}]", message=f"{video_id!r}: there is no such video")
        for at, video_id in enumerate(target.video_ids)
        if video_id not in found or (target.index_id and found[video_id].index_id != target.index_id)
    ]
    if violations:
        raise InvalidArgument(violations)
    return list(found.values())


def manifest(
    run: PromptRun, segments: Iterable[SegmentResult], items: Iterable[RunItem]
) -> prompt_run_pb2.FailedSegmentsManifest:
    """Return a run's failures by video: segments without all their fields, and media that failed as a whole."""
    failed: dict[str, list[prompt_run_pb2.FailedSegment]] = {}
    for video_id, of_video in groupby(segments, key=lambda segment: segment.video_id):
        failed[video_id] = [_failed_extraction(segment) for segment in of_video]
    for item in items:
        failed.setdefault(item.video_id, []).append(_failed_item(item))
    media = [
        prompt_run_pb2.FailedVideo(
            video_id=video_id, failed_segments=len(found), operation_counts=_operations(found), segments=found
        )
        for video_id, found in sorted(failed.items())
    ]
    everything = [segment for video in media for segment in video.segments]
    return prompt_run_pb2.FailedSegmentsManifest(
        run_id=run.run_id,
        status=number(_STATUS, run.status),
        videos_with_failures=len(media),
        failed_segments=len(everything),
        operation_counts=_operations(everything),
        videos=media,
    )


def _failed_extraction(segment: SegmentResult) -> prompt_run_pb2.FailedSegment:
    return prompt_run_pb2.FailedSegment(
        segment_id=segment_id(segment.video_id, segment.ordinal),
        failed_operations=["field_extraction"],
        field_extraction_error=segment.error,
        failure_message=segment.error,
        retryable=False,
        start_time=segment.start_time,
        end_time=segment.end_time,
    )


def _failed_item(item: RunItem) -> prompt_run_pb2.FailedSegment:
    """A medium that could not be read or decoded was never cut: it stands for its first segment."""
    return prompt_run_pb2.FailedSegment(
        segment_id=segment_id(item.video_id, 0),
        failed_operations=["processing"],
        failure_stage="analysis",
        failure_message=item.error,
    )


def _operations(failed: Sequence[prompt_run_pb2.FailedSegment]) -> prompt_run_pb2.FailureCounts:
    return prompt_run_pb2.FailureCounts(
        field_extraction=sum("field_extraction" in segment.failed_operations for segment in failed),
        processing=sum("processing" in segment.failed_operations for segment in failed),
    )
