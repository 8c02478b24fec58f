"""What runs found, as messages: shared by runs and videos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from automation_engine.servicers.structs import to_struct
from automation_engine.servicers.times import timestamp
from automation_engine.servicers.words import number
from automation_engine.store.runs import segment_id
from automation_engine.store.tables import PromptRun, RunItem, SegmentResult, Video, VideoResult
from automation_engine.v1 import prompt_run_pb2, video_pb2


def metadata_text(data: Mapping[str, Any]) -> str:
    """Return extracted fields as text, a line for each."""
    lines = (
        f"{key}: {value if isinstance(value, str) else orjson.dumps(value).decode()}" for key, value in data.items()
    )
    return "\n".join(lines)


def result_message(run: PromptRun, result: SegmentResult, video: Video | None) -> prompt_run_pb2.SegmentResult:
    """Return what a run found in a segment. ``video`` is None where it was deleted."""
    return prompt_run_pb2.SegmentResult(
        result_type=prompt_run_pb2.RESULT_TYPE_SEGMENT,
        result_id=f"res_{run.run_id}_{result.video_id}_{result.ordinal}",
        segment_id=segment_id(result.video_id, result.ordinal),
        video_id=result.video_id,
        run_id=run.run_id,
        prompt_id=run.prompt_id,
        video_name=None if video is None else video.title,
        source_index_id=run.index_id if video is None else video.index_id,
        executed_at=timestamp(result.created_at),
        start_time=result.start_time,
        end_time=result.end_time,
        metadata=to_struct(result.data),
        metadata_text=metadata_text(result.data),
        schema_used=orjson.dumps(run.preset["json_schema"]).decode(),
        field_extraction_succeeded=result.error is None,
        field_extraction_error=result.error,
        prompt_run_id=run.run_id,
        segment_uri=None if video is None else video.source_uri,
    )


def video_result_message(
    run: PromptRun, item: RunItem, result: VideoResult | None, video: Video | None, segments: tuple[int, int]
) -> prompt_run_pb2.VideoResult:
    """Return what a run found in a video as a whole, or how far it has come.

    ``segments`` counts those with all their fields, and those without; ``video`` is None where it was deleted.
    """
    data = {} if result is None else result.data
    return prompt_run_pb2.VideoResult(
        result_type=prompt_run_pb2.RESULT_TYPE_VIDEO,
        result_id=f"res_{run.run_id}_{item.video_id}",
        run_id=run.run_id,
        prompt_id=run.prompt_id,
        video_id=item.video_id,
        video_name=None if video is None else video.title,
        source_index_id=run.index_id if video is None else video.index_id,
        executed_at=timestamp(run.created_at if result is None else result.created_at),
        status=number(prompt_run_pb2.PromptRunStatus.DESCRIPTOR, _item_status(run, item, result)),
        metadata=to_struct(data),
        metadata_text=metadata_text(data),
        schema_used=orjson.dumps(run.preset["video_level"]["json_schema"]).decode(),
        successful_segment_count=segments[0],
        failed_segment_count=segments[1],
        error_message=item.error if result is None else result.error,
        started_at=timestamp(item.started_at),
        completed_at=timestamp(item.completed_at),
    )


def _item_status(run: PromptRun, item: RunItem, result: VideoResult | None) -> str:
    if item.status == "pending":
        return "processing" if run.status == "processing" else "pending"
    return "completed_with_failures" if result is not None and result.error else item.status


def segment_message(result: SegmentResult) -> video_pb2.Segment:
    """Return a segment of a video, with what a run found in it."""
    return video_pb2.Segment(
        segment_id=segment_id(result.video_id, result.ordinal),
        video_id=result.video_id,
        start_time=result.start_time,
        end_time=result.end_time,
        processed=True,
        processing_failed=False,
        segment_status=video_pb2.SEGMENT_STATUS_COMPLETED,
        metadata=to_struct(result.data),
        metadata_text=metadata_text(result.data),
        created_at=timestamp(result.created_at),
        processed_at=timestamp(result.created_at),
        error_message=result.error,
        from_run_id=result.run_id,
        field_extraction_succeeded=result.error is None,
        field_extraction_error=result.error,
    )
