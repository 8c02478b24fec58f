import datetime

from automation_engine.v1 import prompt_run_pb2 as _prompt_run_pb2
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

class MediaType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MEDIA_TYPE_UNSPECIFIED: _ClassVar[MediaType]
    MEDIA_TYPE_VIDEO: _ClassVar[MediaType]
    MEDIA_TYPE_AUDIO: _ClassVar[MediaType]
    MEDIA_TYPE_IMAGE: _ClassVar[MediaType]

class VideoStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VIDEO_STATUS_UNSPECIFIED: _ClassVar[VideoStatus]
    VIDEO_STATUS_NOT_PROCESSED: _ClassVar[VideoStatus]
    VIDEO_STATUS_PROCESSING: _ClassVar[VideoStatus]
    VIDEO_STATUS_PROCESSED: _ClassVar[VideoStatus]
    VIDEO_STATUS_FAILED: _ClassVar[VideoStatus]

class SegmentStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEGMENT_STATUS_UNSPECIFIED: _ClassVar[SegmentStatus]
    SEGMENT_STATUS_PENDING: _ClassVar[SegmentStatus]
    SEGMENT_STATUS_PROCESSING: _ClassVar[SegmentStatus]
    SEGMENT_STATUS_COMPLETED: _ClassVar[SegmentStatus]
    SEGMENT_STATUS_FAILED: _ClassVar[SegmentStatus]
MEDIA_TYPE_UNSPECIFIED: MediaType
MEDIA_TYPE_VIDEO: MediaType
MEDIA_TYPE_AUDIO: MediaType
MEDIA_TYPE_IMAGE: MediaType
VIDEO_STATUS_UNSPECIFIED: VideoStatus
VIDEO_STATUS_NOT_PROCESSED: VideoStatus
VIDEO_STATUS_PROCESSING: VideoStatus
VIDEO_STATUS_PROCESSED: VideoStatus
VIDEO_STATUS_FAILED: VideoStatus
SEGMENT_STATUS_UNSPECIFIED: SegmentStatus
SEGMENT_STATUS_PENDING: SegmentStatus
SEGMENT_STATUS_PROCESSING: SegmentStatus
SEGMENT_STATUS_COMPLETED: SegmentStatus
SEGMENT_STATUS_FAILED: SegmentStatus

class RunProgress(_message.Message):
    __slots__ = ("run_id", "prompt_id", "status", "total_segments", "pending_segments", "processing_segments", "successful_segments", "failed_segments", "created_at", "updated_at")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROMPT_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    PENDING_SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    PROCESSING_SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    SUCCESSFUL_SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    FAILED_SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    prompt_id: str
    status: _prompt_run_pb2.PromptRunStatus
    total_segments: int
    pending_segments: int
    processing_segments: int
    successful_segments: int
    failed_segments: int
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    def __init__(self, run_id: _Optional[str] = ..., prompt_id: _Optional[str] = ..., status: _Optional[_Union[_prompt_run_pb2.PromptRunStatus, str]] = ..., total_segments: _Optional[int] = ..., pending_segments: _Optional[int] = ..., processing_segments: _Optional[int] = ..., successful_segments: _Optional[int] = ..., failed_segments: _Optional[int] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class MediaFacts(_message.Message):
    __slots__ = ("container", "size_bytes", "duration_seconds", "bit_rate", "video_codec", "audio_codec", "width", "height", "frame_rate", "sample_rate", "channels")
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    BIT_RATE_FIELD_NUMBER: _ClassVar[int]
    VIDEO_CODEC_FIELD_NUMBER: _ClassVar[int]
    AUDIO_CODEC_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    FRAME_RATE_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    container: str
    size_bytes: int
    duration_seconds: float
    bit_rate: int
    video_codec: str
    audio_codec: str
    width: int
    height: int
    frame_rate: float
    sample_rate: int
    channels: int
    def __init__(self, container: _Optional[str] = ..., size_bytes: _Optional[int] = ..., duration_seconds: _Optional[float] = ..., bit_rate: _Optional[int] = ..., video_codec: _Optional[str] = ..., audio_codec: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., frame_rate: _Optional[float] = ..., sample_rate: _Optional[int] = ..., channels: _Optional[int] = ...) -> None: ...

class Video(_message.Message):
    __slots__ = ("video_id", "title", "video_uri", "status", "processing_status", "created_at", "updated_at", "metadata_keys", "media_type", "index_id", "connector_id", "source_path", "source_version", "import_job_id", "media")
    VIDEO_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    VIDEO_URI_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PROCESSING_STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    METADATA_KEYS_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_PATH_FIELD_NUMBER: _ClassVar[int]
    SOURCE_VERSION_FIELD_NUMBER: _ClassVar[int]
    IMPORT_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    video_id: str
    title: str
    video_uri: str
    status: VideoStatus
    processing_status: _containers.RepeatedCompositeFieldContainer[RunProgress]
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    metadata_keys: _containers.RepeatedScalarFieldContainer[str]
    media_type: MediaType
    index_id: str
    connector_id: str
    source_path: str
    source_version: str
    import_job_id: str
    media: MediaFacts
    def __init__(self, video_id: _Optional[str] = ..., title: _Optional[str] = ..., video_uri: _Optional[str] = ..., status: _Optional[_Union[VideoStatus, str]] = ..., processing_status: _Optional[_Iterable[_Union[RunProgress, _Mapping]]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., metadata_keys: _Optional[_Iterable[str]] = ..., media_type: _Optional[_Union[MediaType, str]] = ..., index_id: _Optional[str] = ..., connector_id: _Optional[str] = ..., source_path: _Optional[str] = ..., source_version: _Optional[str] = ..., import_job_id: _Optional[str] = ..., media: _Optional[_Union[MediaFacts, _Mapping]] = ...) -> None: ...

class Segment(_message.Message):
    __slots__ = ("segment_id", "video_id", "start_time", "end_time", "processed", "processing_failed", "segment_status", "failure_stage", "failure_message", "metadata", "metadata_text", "created_at", "processed_at", "error_message", "from_run_id", "field_extraction_succeeded", "field_extraction_error")
    SEGMENT_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_ID_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    PROCESSED_FIELD_NUMBER: _ClassVar[int]
    PROCESSING_FAILED_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_STATUS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_STAGE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    METADATA_TEXT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    PROCESSED_AT_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FROM_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    FIELD_EXTRACTION_SUCCEEDED_FIELD_NUMBER: _ClassVar[int]
    FIELD_EXTRACTION_ERROR_FIELD_NUMBER: _ClassVar[int]
    segment_id: str
    video_id: str
    start_time: float
    end_time: float
    processed: bool
    processing_failed: bool
    segment_status: SegmentStatus
    failure_stage: str
    failure_message: str
    metadata: _struct_pb2.Struct
    metadata_text: str
    created_at: _timestamp_pb2.Timestamp
    processed_at: _timestamp_pb2.Timestamp
    error_message: str
    from_run_id: str
    field_extraction_succeeded: bool
    field_extraction_error: str
    def __init__(self, segment_id: _Optional[str] = ..., video_id: _Optional[str] = ..., start_time: _Optional[float] = ..., end_time: _Optional[float] = ..., processed: _Optional[bool] = ..., processing_failed: _Optional[bool] = ..., segment_status: _Optional[_Union[SegmentStatus, str]] = ..., failure_stage: _Optional[str] = ..., failure_message: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., metadata_text: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., processed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., error_message: _Optional[str] = ..., from_run_id: _Optional[str] = ..., field_extraction_succeeded: _Optional[bool] = ..., field_extraction_error: _Optional[str] = ...) -> None: ...

class VideoStatusSnapshot(_message.Message):
    __slots__ = ("video_id", "status", "processing_status")
    VIDEO_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PROCESSING_STATUS_FIELD_NUMBER: _ClassVar[int]
    video_id: str
    status: VideoStatus
    processing_status: _containers.RepeatedCompositeFieldContainer[RunProgress]
    def __init__(self, video_id: _Optional[str] = ..., status: _Optional[_Union[VideoStatus, str]] = ..., processing_status: _Optional[_Iterable[_Union[RunProgress, _Mapping]]] = ...) -> None: ...
