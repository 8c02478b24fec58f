import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class VideoSegmentationType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VIDEO_SEGMENTATION_TYPE_UNSPECIFIED: _ClassVar[VideoSegmentationType]
    VIDEO_SEGMENTATION_TYPE_SMART: _ClassVar[VideoSegmentationType]
    VIDEO_SEGMENTATION_TYPE_FIXED: _ClassVar[VideoSegmentationType]
    VIDEO_SEGMENTATION_TYPE_CONTENT_AWARE: _ClassVar[VideoSegmentationType]

class AudioSegmentationType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIO_SEGMENTATION_TYPE_UNSPECIFIED: _ClassVar[AudioSegmentationType]
    AUDIO_SEGMENTATION_TYPE_FIXED: _ClassVar[AudioSegmentationType]
    AUDIO_SEGMENTATION_TYPE_CONTENT_AWARE: _ClassVar[AudioSegmentationType]

class PromptRunStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROMPT_RUN_STATUS_UNSPECIFIED: _ClassVar[PromptRunStatus]
    PROMPT_RUN_STATUS_PENDING: _ClassVar[PromptRunStatus]
    PROMPT_RUN_STATUS_PROCESSING: _ClassVar[PromptRunStatus]
    PROMPT_RUN_STATUS_COMPLETED: _ClassVar[PromptRunStatus]
    PROMPT_RUN_STATUS_COMPLETED_WITH_FAILURES: _ClassVar[PromptRunStatus]
    PROMPT_RUN_STATUS_FAILED: _ClassVar[PromptRunStatus]
    PROMPT_RUN_STATUS_CANCELLED: _ClassVar[PromptRunStatus]

class PromptRunTargetType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROMPT_RUN_TARGET_TYPE_UNSPECIFIED: _ClassVar[PromptRunTargetType]
    PROMPT_RUN_TARGET_TYPE_INDEX: _ClassVar[PromptRunTargetType]
    PROMPT_RUN_TARGET_TYPE_VIDEOS: _ClassVar[PromptRunTargetType]
    PROMPT_RUN_TARGET_TYPE_PLAYGROUND: _ClassVar[PromptRunTargetType]

class ResultType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESULT_TYPE_UNSPECIFIED: _ClassVar[ResultType]
    RESULT_TYPE_SEGMENT: _ClassVar[ResultType]
    RESULT_TYPE_VIDEO: _ClassVar[ResultType]
VIDEO_SEGMENTATION_TYPE_UNSPECIFIED: VideoSegmentationType
VIDEO_SEGMENTATION_TYPE_SMART: VideoSegmentationType
VIDEO_SEGMENTATION_TYPE_FIXED: VideoSegmentationType
VIDEO_SEGMENTATION_TYPE_CONTENT_AWARE: VideoSegmentationType
AUDIO_SEGMENTATION_TYPE_UNSPECIFIED: AudioSegmentationType
AUDIO_SEGMENTATION_TYPE_FIXED: AudioSegmentationType
AUDIO_SEGMENTATION_TYPE_CONTENT_AWARE: AudioSegmentationType
PROMPT_RUN_STATUS_UNSPECIFIED: PromptRunStatus
PROMPT_RUN_STATUS_PENDING: PromptRunStatus
PROMPT_RUN_STATUS_PROCESSING: PromptRunStatus
PROMPT_RUN_STATUS_COMPLETED: PromptRunStatus
PROMPT_RUN_STATUS_COMPLETED_WITH_FAILURES: PromptRunStatus
PROMPT_RUN_STATUS_FAILED: PromptRunStatus
PROMPT_RUN_STATUS_CANCELLED: PromptRunStatus
PROMPT_RUN_TARGET_TYPE_UNSPECIFIED: PromptRunTargetType
PROMPT_RUN_TARGET_TYPE_INDEX: PromptRunTargetType
PROMPT_RUN_TARGET_TYPE_VIDEOS: PromptRunTargetType
PROMPT_RUN_TARGET_TYPE_PLAYGROUND: PromptRunTargetType
RESULT_TYPE_UNSPECIFIED: ResultType
RESULT_TYPE_SEGMENT: ResultType
RESULT_TYPE_VIDEO: ResultType

class PromptRunContext(_message.Message):
    __slots__ = ("type", "index_id", "video_ids", "import_job_id", "automation_id")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_IDS_FIELD_NUMBER: _ClassVar[int]
    IMPORT_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    AUTOMATION_ID_FIELD_NUMBER: _ClassVar[int]
    type: PromptRunTargetType
    index_id: str
    video_ids: _containers.RepeatedScalarFieldContainer[str]
    import_job_id: str
    automation_id: str
    def __init__(self, type: _Optional[_Union[PromptRunTargetType, str]] = ..., index_id: _Optional[str] = ..., video_ids: _Optional[_Iterable[str]] = ..., import_job_id: _Optional[str] = ..., automation_id: _Optional[str] = ...) -> None: ...

class PromptRun(_message.Message):
    __slots__ = ("run_id", "prompt_id", "prompt_name", "prompt_type", "executed_at", "executed_by", "status", "run_context", "total_videos", "completed_videos", "failed_videos", "partial_videos", "cancelled_videos", "total_audios", "completed_audios", "failed_audios", "partial_audios", "cancelled_audios", "total_images", "completed_images", "failed_images", "partial_images", "cancelled_images", "total_segments", "completed_segments", "field_extraction_failures", "field_extraction_succeeded", "error_message", "video_segmentation_type", "audio_segmentation_type", "video_segment_duration", "audio_segment_duration", "processing_model", "total_video_seconds", "enable_transcription", "enable_image_embedding", "completed_at", "analyzer", "video_level_enabled", "video_level_total_items", "video_level_completed_items", "video_level_failed_items", "video_level_partial_items")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROMPT_ID_FIELD_NUMBER: _ClassVar[int]
    PROMPT_NAME_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TYPE_FIELD_NUMBER: _ClassVar[int]
    EXECUTED_AT_FIELD_NUMBER: _ClassVar[int]
    EXECUTED_BY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    RUN_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_VIDEOS_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_VIDEOS_FIELD_NUMBER: _ClassVar[int]
    FAILED_VIDEOS_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_VIDEOS_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_VIDEOS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_AUDIOS_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_AUDIOS_FIELD_NUMBER: _ClassVar[int]
    FAILED_AUDIOS_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_AUDIOS_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_AUDIOS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_IMAGES_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_IMAGES_FIELD_NUMBER: _ClassVar[int]
    FAILED_IMAGES_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_IMAGES_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_IMAGES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    FIELD_EXTRACTION_FAILURES_FIELD_NUMBER: _ClassVar[int]
    FIELD_EXTRACTION_SUCCEEDED_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    VIDEO_SEGMENTATION_TYPE_FIELD_NUMBER: _ClassVar[int]
    AUDIO_SEGMENTATION_TYPE_FIELD_NUMBER: _ClassVar[int]
    VIDEO_SEGMENT_DURATION_FIELD_NUMBER: _ClassVar[int]
    AUDIO_SEGMENT_DURATION_FIELD_NUMBER: _ClassVar[int]
    PROCESSING_MODEL_FIELD_NUMBER: _ClassVar[int]
    TOTAL_VIDEO_SECONDS_FIELD_NUMBER: _ClassVar[int]
    ENABLE_TRANSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ENABLE_IMAGE_EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_AT_FIELD_NUMBER: _ClassVar[int]
    ANALYZER_FIELD_NUMBER: _ClassVar[int]
    VIDEO_LEVEL_ENABLED_FIELD_NUMBER: _ClassVar[int]
    VIDEO_LEVEL_TOTAL_ITEMS_FIELD_NUMBER: _ClassVar[int]
    VIDEO_LEVEL_COMPLETED_ITEMS_FIELD_NUMBER: _ClassVar[int]
    VIDEO_LEVEL_FAILED_ITEMS_FIELD_NUMBER: _ClassVar[int]
    VIDEO_LEVEL_PARTIAL_ITEMS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    prompt_id: str
    prompt_name: str
    prompt_type: str
    executed_at: _timestamp_pb2.Timestamp
    executed_by: str
    status: PromptRunStatus
    run_context: PromptRunContext
    total_videos: int
    completed_videos: int
    failed_videos: int
    partial_videos: int
    cancelled_videos: int
    total_audios: int
    completed_audios: int
    failed_audios: int
    partial_audios: int
    cancelled_audios: int
    total_images: int
    completed_images: int
    failed_images: int
    partial_images: int
    cancelled_images: int
    total_segments: int
    completed_segments: int
    field_extraction_failures: int
    field_extraction_succeeded: bool
    error_message: str
    video_segmentation_type: VideoSegmentationType
    audio_segmentation_type: AudioSegmentationType
    video_segment_duration: int
    audio_segment_duration: int
    processing_model: str
    total_video_seconds: float
    enable_transcription: bool
    enable_image_embedding: bool
    completed_at: _timestamp_pb2.Timestamp
    analyzer: str
    video_level_enabled: bool
    video_level_total_items: int
    video_level_completed_items: int
    video_level_failed_items: int
    video_level_partial_items: int
    def __init__(self, run_id: _Optional[str] = ..., prompt_id: _Optional[str] = ..., prompt_name: _Optional[str] = ..., prompt_type: _Optional[str] = ..., executed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., executed_by: _Optional[str] = ..., status: _Optional[_Union[PromptRunStatus, str]] = ..., run_context: _Optional[_Union[PromptRunContext, _Mapping]] = ..., total_videos: _Optional[int] = ..., completed_videos: _Optional[int] = ..., failed_videos: _Optional[int] = ..., partial_videos: _Optional[int] = ..., cancelled_videos: _Optional[int] = ..., total_audios: _Optional[int] = ..., completed_audios: _Optional[int] = ..., failed_audios: _Optional[int] = ..., partial_audios: _Optional[int] = ..., cancelled_audios: _Optional[int] = ..., total_images: _Optional[int] = ..., completed_images: _Optional[int] = ..., failed_images: _Optional[int] = ..., partial_images: _Optional[int] = ..., cancelled_images: _Optional[int] = ..., total_segments: _Optional[int] = ..., completed_segments: _Optional[int] = ..., field_extraction_failures: _Optional[int] = ..., field_extraction_succeeded: _Optional[bool] = ..., error_message: _Optional[str] = ..., video_segmentation_type: _Optional[_Union[VideoSegmentationType, str]] = ..., audio_segmentation_type: _Optional[_Union[AudioSegmentationType, str]] = ..., video_segment_duration: _Optional[int] = ..., audio_segment_duration: _Optional[int] = ..., processing_model: _Optional[str] = ..., total_video_seconds: _Optional[float] = ..., enable_transcription: _Optional[bool] = ..., enable_image_embedding: _Optional[bool] = ..., completed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., analyzer: _Optional[str] = ..., video_level_enabled: _Optional[bool] = ..., video_level_total_items: _Optional[int] = ..., video_level_completed_items: _Optional[int] = ..., video_level_failed_items: _Optional[int] = ..., video_level_partial_items: _Optional[int] = ...) -> None: ...

class SegmentResult(_message.Message):
    __slots__ = ("result_type", "result_id", "segment_id", "video_id", "run_id", "prompt_id", "video_name", "source_index_id", "executed_at", "start_time", "end_time", "metadata", "metadata_text", "schema_used", "field_extraction_succeeded", "field_extraction_error", "prompt_run_id", "segment_uri", "processing_warning", "transcription_succeeded", "image_embedding_succeeded")
    RESULT_TYPE_FIELD_NUMBER: _ClassVar[int]
    RESULT_ID_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROMPT_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    EXECUTED_AT_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    METADATA_TEXT_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_USED_FIELD_NUMBER: _ClassVar[int]
    FIELD_EXTRACTION_SUCCEEDED_FIELD_NUMBER: _ClassVar[int]
    FIELD_EXTRACTION_ERROR_FIELD_NUMBER: _ClassVar[int]
    PROMPT_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_URI_FIELD_NUMBER: _ClassVar[int]
    PROCESSING_WARNING_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPTION_SUCCEEDED_FIELD_NUMBER: _ClassVar[int]
    IMAGE_EMBEDDING_SUCCEEDED_FIELD_NUMBER: _ClassVar[int]
    result_type: ResultType
    result_id: str
    segment_id: str
    video_id: str
    run_id: str
    prompt_id: str
    video_name: str
    source_index_id: str
    executed_at: _timestamp_pb2.Timestamp
    start_time: float
    end_time: float
    metadata: _struct_pb2.Struct
    metadata_text: str
    schema_used: str
    field_extraction_succeeded: bool
    field_extraction_error: str
    prompt_run_id: str
    segment_uri: str
    processing_warning: str
    transcription_succeeded: bool
    image_embedding_succeeded: bool
    def __init__(self, result_type: _Optional[_Union[ResultType, str]] = ..., result_id: _Optional[str] = ..., segment_id: _Optional[str] = ..., video_id: _Optional[str] = ..., run_id: _Optional[str] = ..., prompt_id: _Optional[str] = ..., video_name: _Optional[str] = ..., source_index_id: _Optional[str] = ..., executed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start_time: _Optional[float] = ..., end_time: _Optional[float] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., metadata_text: _Optional[str] = ..., schema_used: _Optional[str] = ..., field_extraction_succeeded: _Optional[bool] = ..., field_extraction_error: _Optional[str] = ..., prompt_run_id: _Optional[str] = ..., segment_uri: _Optional[str] = ..., processing_warning: _Optional[str] = ..., transcription_succeeded: _Optional[bool] = ..., image_embedding_succeeded: _Optional[bool] = ...) -> None: ...

class VideoResult(_message.Message):
    __slots__ = ("result_type", "result_id", "run_id", "prompt_id", "video_id", "video_name", "source_index_id", "executed_at", "status", "metadata", "metadata_text", "schema_used", "successful_segment_count", "failed_segment_count", "error_message", "started_at", "completed_at")
    RESULT_TYPE_FIELD_NUMBER: _ClassVar[int]
    RESULT_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROMPT_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    EXECUTED_AT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    METADATA_TEXT_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_USED_FIELD_NUMBER: _ClassVar[int]
    SUCCESSFUL_SEGMENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILED_SEGMENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_AT_FIELD_NUMBER: _ClassVar[int]
    result_type: ResultType
    result_id: str
    run_id: str
    prompt_id: str
    video_id: str
    video_name: str
    source_index_id: str
    executed_at: _timestamp_pb2.Timestamp
    status: PromptRunStatus
    metadata: _struct_pb2.Struct
    metadata_text: str
    schema_used: str
    successful_segment_count: int
    failed_segment_count: int
    error_message: str
    started_at: _timestamp_pb2.Timestamp
    completed_at: _timestamp_pb2.Timestamp
    def __init__(self, result_type: _Optional[_Union[ResultType, str]] = ..., result_id: _Optional[str] = ..., run_id: _Optional[str] = ..., prompt_id: _Optional[str] = ..., video_id: _Optional[str] = ..., video_name: _Optional[str] = ..., source_index_id: _Optional[str] = ..., executed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., status: _Optional[_Union[PromptRunStatus, str]] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., metadata_text: _Optional[str] = ..., schema_used: _Optional[str] = ..., successful_segment_count: _Optional[int] = ..., failed_segment_count: _Optional[int] = ..., error_message: _Optional[str] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., completed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class FailureCounts(_message.Message):
    __slots__ = ("field_extraction", "transcription", "image_embedding", "processing")
    FIELD_EXTRACTION_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IMAGE_EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    PROCESSING_FIELD_NUMBER: _ClassVar[int]
    field_extraction: int
    transcription: int
    image_embedding: int
    processing: int
    def __init__(self, field_extraction: _Optional[int] = ..., transcription: _Optional[int] = ..., image_embedding: _Optional[int] = ..., processing: _Optional[int] = ...) -> None: ...

class FailedSegment(_message.Message):
    __slots__ = ("segment_id", "failed_operations", "field_extraction_error", "failure_stage", "failure_message", "failure_code", "retryable", "start_time", "end_time")
    SEGMENT_ID_FIELD_NUMBER: _ClassVar[int]
    FAILED_OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    FIELD_EXTRACTION_ERROR_FIELD_NUMBER: _ClassVar[int]
    FAILURE_STAGE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_CODE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    segment_id: str
    failed_operations: _containers.RepeatedScalarFieldContainer[str]
    field_extraction_error: str
    failure_stage: str
    failure_message: str
    failure_code: str
    retryable: bool
    start_time: float
    end_time: float
    def __init__(self, segment_id: _Optional[str] = ..., failed_operations: _Optional[_Iterable[str]] = ..., field_extraction_error: _Optional[str] = ..., failure_stage: _Optional[str] = ..., failure_message: _Optional[str] = ..., failure_code: _Optional[str] = ..., retryable: _Optional[bool] = ..., start_time: _Optional[float] = ..., end_time: _Optional[float] = ...) -> None: ...

class FailedVideo(_message.Message):
    __slots__ = ("video_id", "failed_segments", "operation_counts", "segments")
    VIDEO_ID_FIELD_NUMBER: _ClassVar[int]
    FAILED_SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    OPERATION_COUNTS_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    video_id: str
    failed_segments: int
    operation_counts: FailureCounts
    segments: _containers.RepeatedCompositeFieldContainer[FailedSegment]
    def __init__(self, video_id: _Optional[str] = ..., failed_segments: _Optional[int] = ..., operation_counts: _Optional[_Union[FailureCounts, _Mapping]] = ..., segments: _Optional[_Iterable[_Union[FailedSegment, _Mapping]]] = ...) -> None: ...

class FailedSegmentsManifest(_message.Message):
    __slots__ = ("run_id", "status", "videos_with_failures", "failed_segments", "operation_counts", "videos")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    VIDEOS_WITH_FAILURES_FIELD_NUMBER: _ClassVar[int]
    FAILED_SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    OPERATION_COUNTS_FIELD_NUMBER: _ClassVar[int]
    VIDEOS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    status: PromptRunStatus
    videos_with_failures: int
    failed_segments: int
    operation_counts: FailureCounts
    videos: _containers.RepeatedCompositeFieldContainer[FailedVideo]
    def __init__(self, run_id: _Optional[str] = ..., status: _Optional[_Union[PromptRunStatus, str]] = ..., videos_with_failures: _Optional[int] = ..., failed_segments: _Optional[int] = ..., operation_counts: _Optional[_Union[FailureCounts, _Mapping]] = ..., videos: _Optional[_Iterable[_Union[FailedVideo, _Mapping]]] = ...) -> None: ...
