from automation_engine.v1 import annotations_pb2 as _annotations_pb2
from automation_engine.v1 import pagination_pb2 as _pagination_pb2
from automation_engine.v1 import prompt_run_pb2 as _prompt_run_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2_1
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PromptRunTarget(_message.Message):
    __slots__ = ("type", "index_id", "video_ids")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_IDS_FIELD_NUMBER: _ClassVar[int]
    type: _prompt_run_pb2.PromptRunTargetType
    index_id: str
    video_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, type: _Optional[_Union[_prompt_run_pb2.PromptRunTargetType, str]] = ..., index_id: _Optional[str] = ..., video_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ExecutePromptRunRequest(_message.Message):
    __slots__ = ("prompt_id", "target", "video_segmentation_type", "audio_segmentation_type", "video_segment_duration", "audio_segment_duration", "processing_model", "enable_transcription", "enable_image_embedding")
    PROMPT_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    VIDEO_SEGMENTATION_TYPE_FIELD_NUMBER: _ClassVar[int]
    AUDIO_SEGMENTATION_TYPE_FIELD_NUMBER: _ClassVar[int]
    VIDEO_SEGMENT_DURATION_FIELD_NUMBER: _ClassVar[int]
    AUDIO_SEGMENT_DURATION_FIELD_NUMBER: _ClassVar[int]
    PROCESSING_MODEL_FIELD_NUMBER: _ClassVar[int]
    ENABLE_TRANSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ENABLE_IMAGE_EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    prompt_id: str
    target: PromptRunTarget
    video_segmentation_type: _prompt_run_pb2.VideoSegmentationType
    audio_segmentation_type: _prompt_run_pb2.AudioSegmentationType
    video_segment_duration: int
    audio_segment_duration: int
    processing_model: str
    enable_transcription: bool
    enable_image_embedding: bool
    def __init__(self, prompt_id: _Optional[str] = ..., target: _Optional[_Union[PromptRunTarget, _Mapping]] = ..., video_segmentation_type: _Optional[_Union[_prompt_run_pb2.VideoSegmentationType, str]] = ..., audio_segmentation_type: _Optional[_Union[_prompt_run_pb2.AudioSegmentationType, str]] = ..., video_segment_duration: _Optional[int] = ..., audio_segment_duration: _Optional[int] = ..., processing_model: _Optional[str] = ..., enable_transcription: _Optional[bool] = ..., enable_image_embedding: _Optional[bool] = ...) -> None: ...

class ExecutePromptRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _prompt_run_pb2.PromptRun
    def __init__(self, run: _Optional[_Union[_prompt_run_pb2.PromptRun, _Mapping]] = ...) -> None: ...

class ListPromptRunsRequest(_message.Message):
    __slots__ = ("limit", "status", "index_id")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    limit: int
    status: _prompt_run_pb2.PromptRunStatus
    index_id: str
    def __init__(self, limit: _Optional[int] = ..., status: _Optional[_Union[_prompt_run_pb2.PromptRunStatus, str]] = ..., index_id: _Optional[str] = ...) -> None: ...

class ListPromptRunsResponse(_message.Message):
    __slots__ = ("runs",)
    RUNS_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[_prompt_run_pb2.PromptRun]
    def __init__(self, runs: _Optional[_Iterable[_Union[_prompt_run_pb2.PromptRun, _Mapping]]] = ...) -> None: ...

class GetPromptRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class GetPromptRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _prompt_run_pb2.PromptRun
    def __init__(self, run: _Optional[_Union[_prompt_run_pb2.PromptRun, _Mapping]] = ...) -> None: ...

class CancelPromptRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class CancelPromptRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _prompt_run_pb2.PromptRun
    def __init__(self, run: _Optional[_Union[_prompt_run_pb2.PromptRun, _Mapping]] = ...) -> None: ...

class ListPromptRunResultsRequest(_message.Message):
    __slots__ = ("run_id", "video_id", "limit", "cursor")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    video_id: str
    limit: int
    cursor: str
    def __init__(self, run_id: _Optional[str] = ..., video_id: _Optional[str] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListPromptRunResultsResponse(_message.Message):
    __slots__ = ("data", "pagination")
    DATA_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    data: _containers.RepeatedCompositeFieldContainer[_prompt_run_pb2.SegmentResult]
    pagination: _pagination_pb2.Pagination
    def __init__(self, data: _Optional[_Iterable[_Union[_prompt_run_pb2.SegmentResult, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.Pagination, _Mapping]] = ...) -> None: ...

class GetPromptRunVideoResultRequest(_message.Message):
    __slots__ = ("run_id", "video_id")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    video_id: str
    def __init__(self, run_id: _Optional[str] = ..., video_id: _Optional[str] = ...) -> None: ...

class GetPromptRunVideoResultResponse(_message.Message):
    __slots__ = ("result",)
    RESULT_FIELD_NUMBER: _ClassVar[int]
    result: _prompt_run_pb2.VideoResult
    def __init__(self, result: _Optional[_Union[_prompt_run_pb2.VideoResult, _Mapping]] = ...) -> None: ...

class GetPromptRunFailedSegmentsRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class GetPromptRunFailedSegmentsResponse(_message.Message):
    __slots__ = ("manifest",)
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    manifest: _prompt_run_pb2.FailedSegmentsManifest
    def __init__(self, manifest: _Optional[_Union[_prompt_run_pb2.FailedSegmentsManifest, _Mapping]] = ...) -> None: ...

class ListIndexPromptRunsRequest(_message.Message):
    __slots__ = ("index_id", "limit", "cursor")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    limit: int
    cursor: str
    def __init__(self, index_id: _Optional[str] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListIndexPromptRunsResponse(_message.Message):
    __slots__ = ("data", "pagination")
    DATA_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    data: _containers.RepeatedCompositeFieldContainer[_prompt_run_pb2.PromptRun]
    pagination: _pagination_pb2.Pagination
    def __init__(self, data: _Optional[_Iterable[_Union[_prompt_run_pb2.PromptRun, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.Pagination, _Mapping]] = ...) -> None: ...

class ListVideoPromptRunsRequest(_message.Message):
    __slots__ = ("video_id", "limit")
    VIDEO_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    video_id: str
    limit: int
    def __init__(self, video_id: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListVideoPromptRunsResponse(_message.Message):
    __slots__ = ("runs",)
    RUNS_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[_prompt_run_pb2.PromptRun]
    def __init__(self, runs: _Optional[_Iterable[_Union[_prompt_run_pb2.PromptRun, _Mapping]]] = ...) -> None: ...
