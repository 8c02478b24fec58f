"""Presets: how a prompt is run, and the snapshot of the prompt that is run.

As a dict: what a caller chooses (``chosen``), and what the snapshot adds: ``prompt_name, prompt_text, json_schema,
video_level, snapshot_at``. ``analyzer`` is what ``processing_model`` stood for then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automation_engine.analyzers.registry import analyzer_for
from automation_engine.analyzers.segments import DEFAULT_SECONDS
from automation_engine.errors import InvalidArgument
from automation_engine.servicers.structs import to_struct
from automation_engine.servicers.times import timestamp
from automation_engine.servicers.words import number, word
from automation_engine.store.tables import Prompt
from automation_engine.v1 import automation_pb2
from automation_engine.v1.prompt_run_pb2 import AudioSegmentationType, VideoSegmentationType
from automation_engine.v1.prompt_run_service_pb2 import ExecutePromptRunRequest

_VIDEO = VideoSegmentationType.DESCRIPTOR
_AUDIO = AudioSegmentationType.DESCRIPTOR


def chosen(given: automation_pb2.PromptPreset | ExecutePromptRunRequest, *, path: str = "") -> dict[str, Any]:
    """Return what a caller chooses, with the defaults for what is unset.

    Raises ``InvalidArgument`` for an analyzer that is not there; ``path`` leads to the fields, e.g. ``prompt_preset.``.
    """

    def value(name: str, default: Any) -> Any:
        return getattr(given, name) if given.HasField(name) else default

    model = value("processing_model", None)
    try:
        analyzer = analyzer_for(model)
    except InvalidArgument as error:
        raise InvalidArgument.of(f"{path}processing_model", error.violations[0].message) from error
    return {
        "prompt_id": given.prompt_id,
        "video_segmentation_type": word(_VIDEO, value("video_segmentation_type", number(_VIDEO, "smart"))),
        "audio_segmentation_type": word(_AUDIO, value("audio_segmentation_type", number(_AUDIO, "content_aware"))),
        "video_segment_duration": value("video_segment_duration", round(DEFAULT_SECONDS)),
        "audio_segment_duration": value("audio_segment_duration", round(DEFAULT_SECONDS)),
        "processing_model": model,
        "analyzer": analyzer.name,
        "enable_transcription": value("enable_transcription", True),
        "enable_image_embedding": value("enable_image_embedding", True),
    }


def snapshot(choice: Mapping[str, Any], prompt: Prompt, now: float) -> dict[str, Any]:
    """Return a choice with the prompt as it is now."""
    return {
        **choice,
        "prompt_name": prompt.name,
        "prompt_text": prompt.prompt_text,
        "json_schema": prompt.json_schema,
        "video_level": prompt.video_level,
        "snapshot_at": now,
    }


def message(preset: Mapping[str, Any]) -> automation_pb2.PromptPreset:
    """Return a snapshot as its message."""
    return automation_pb2.PromptPreset(
        prompt_id=preset["prompt_id"],
        video_segmentation_type=number(_VIDEO, preset["video_segmentation_type"]),
        audio_segmentation_type=number(_AUDIO, preset["audio_segmentation_type"]),
        video_segment_duration=preset["video_segment_duration"],
        audio_segment_duration=preset["audio_segment_duration"],
        processing_model=preset["processing_model"],
        enable_transcription=preset["enable_transcription"],
        enable_image_embedding=preset["enable_image_embedding"],
        prompt_name=preset["prompt_name"],
        prompt_text=preset["prompt_text"],
        json_schema=to_struct(preset["json_schema"]),
        snapshot_at=timestamp(preset["snapshot_at"]),
    )
