import datetime

from automation_engine.v1 import annotations_pb2 as _annotations_pb2
from automation_engine.v1 import prompt_run_pb2 as _prompt_run_pb2
from automation_engine.v1 import validation_pb2 as _validation_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DebounceInterval(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEBOUNCE_INTERVAL_UNSPECIFIED: _ClassVar[DebounceInterval]
    DEBOUNCE_INTERVAL_5M: _ClassVar[DebounceInterval]
    DEBOUNCE_INTERVAL_10M: _ClassVar[DebounceInterval]
    DEBOUNCE_INTERVAL_1H: _ClassVar[DebounceInterval]
    DEBOUNCE_INTERVAL_1D: _ClassVar[DebounceInterval]

class AutomationKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUTOMATION_KIND_UNSPECIFIED: _ClassVar[AutomationKind]
    AUTOMATION_KIND_IMPORT: _ClassVar[AutomationKind]
    AUTOMATION_KIND_EXPORT: _ClassVar[AutomationKind]

class AutomationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUTOMATION_STATE_UNSPECIFIED: _ClassVar[AutomationState]
    AUTOMATION_STATE_DISABLED: _ClassVar[AutomationState]
    AUTOMATION_STATE_PAUSED: _ClassVar[AutomationState]
    AUTOMATION_STATE_STARTING: _ClassVar[AutomationState]
    AUTOMATION_STATE_IDLE: _ClassVar[AutomationState]
    AUTOMATION_STATE_WAITING: _ClassVar[AutomationState]
    AUTOMATION_STATE_FIRING: _ClassVar[AutomationState]
    AUTOMATION_STATE_DEGRADED: _ClassVar[AutomationState]

class AutomationHealth(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUTOMATION_HEALTH_UNSPECIFIED: _ClassVar[AutomationHealth]
    AUTOMATION_HEALTH_OK: _ClassVar[AutomationHealth]
    AUTOMATION_HEALTH_DEGRADED: _ClassVar[AutomationHealth]
    AUTOMATION_HEALTH_BLIND: _ClassVar[AutomationHealth]

class ExistingFiles(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXISTING_FILES_UNSPECIFIED: _ClassVar[ExistingFiles]
    EXISTING_FILES_IMPORT: _ClassVar[ExistingFiles]
    EXISTING_FILES_SKIP: _ClassVar[ExistingFiles]

class BatchTrigger(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BATCH_TRIGGER_UNSPECIFIED: _ClassVar[BatchTrigger]
    BATCH_TRIGGER_QUIET: _ClassVar[BatchTrigger]
    BATCH_TRIGGER_MAX_WAIT: _ClassVar[BatchTrigger]
    BATCH_TRIGGER_MANUAL: _ClassVar[BatchTrigger]
DEBOUNCE_INTERVAL_UNSPECIFIED: DebounceInterval
DEBOUNCE_INTERVAL_5M: DebounceInterval
DEBOUNCE_INTERVAL_10M: DebounceInterval
DEBOUNCE_INTERVAL_1H: DebounceInterval
DEBOUNCE_INTERVAL_1D: DebounceInterval
AUTOMATION_KIND_UNSPECIFIED: AutomationKind
AUTOMATION_KIND_IMPORT: AutomationKind
AUTOMATION_KIND_EXPORT: AutomationKind
AUTOMATION_STATE_UNSPECIFIED: AutomationState
AUTOMATION_STATE_DISABLED: AutomationState
AUTOMATION_STATE_PAUSED: AutomationState
AUTOMATION_STATE_STARTING: AutomationState
AUTOMATION_STATE_IDLE: AutomationState
AUTOMATION_STATE_WAITING: AutomationState
AUTOMATION_STATE_FIRING: AutomationState
AUTOMATION_STATE_DEGRADED: AutomationState
AUTOMATION_HEALTH_UNSPECIFIED: AutomationHealth
AUTOMATION_HEALTH_OK: AutomationHealth
AUTOMATION_HEALTH_DEGRADED: AutomationHealth
AUTOMATION_HEALTH_BLIND: AutomationHealth
EXISTING_FILES_UNSPECIFIED: ExistingFiles
EXISTING_FILES_IMPORT: ExistingFiles
EXISTING_FILES_SKIP: ExistingFiles
BATCH_TRIGGER_UNSPECIFIED: BatchTrigger
BATCH_TRIGGER_QUIET: BatchTrigger
BATCH_TRIGGER_MAX_WAIT: BatchTrigger
BATCH_TRIGGER_MANUAL: BatchTrigger

class PromptPreset(_message.Message):
    __slots__ = ("prompt_id", "video_segmentation_type", "audio_segmentation_type", "video_segment_duration", "audio_segment_duration", "processing_model", "enable_transcription", "enable_image_embedding", "prompt_name", "prompt_text", "json_schema", "snapshot_at")
    PROMPT_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_SEGMENTATION_TYPE_FIELD_NUMBER: _ClassVar[int]
    AUDIO_SEGMENTATION_TYPE_FIELD_NUMBER: _ClassVar[int]
    VIDEO_SEGMENT_DURATION_FIELD_NUMBER: _ClassVar[int]
    AUDIO_SEGMENT_DURATION_FIELD_NUMBER: _ClassVar[int]
    PROCESSING_MODEL_FIELD_NUMBER: _ClassVar[int]
    ENABLE_TRANSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ENABLE_IMAGE_EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    PROMPT_NAME_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TEXT_FIELD_NUMBER: _ClassVar[int]
    JSON_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_AT_FIELD_NUMBER: _ClassVar[int]
    prompt_id: str
    video_segmentation_type: _prompt_run_pb2.VideoSegmentationType
    audio_segmentation_type: _prompt_run_pb2.AudioSegmentationType
    video_segment_duration: int
    audio_segment_duration: int
    processing_model: str
    enable_transcription: bool
    enable_image_embedding: bool
    prompt_name: str
    prompt_text: str
    json_schema: _struct_pb2.Struct
    snapshot_at: _timestamp_pb2.Timestamp
    def __init__(self, prompt_id: _Optional[str] = ..., video_segmentation_type: _Optional[_Union[_prompt_run_pb2.VideoSegmentationType, str]] = ..., audio_segmentation_type: _Optional[_Union[_prompt_run_pb2.AudioSegmentationType, str]] = ..., video_segment_duration: _Optional[int] = ..., audio_segment_duration: _Optional[int] = ..., processing_model: _Optional[str] = ..., enable_transcription: _Optional[bool] = ..., enable_image_embedding: _Optional[bool] = ..., prompt_name: _Optional[str] = ..., prompt_text: _Optional[str] = ..., json_schema: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., snapshot_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SpendFuse(_message.Message):
    __slots__ = ("max_files", "max_bytes")
    MAX_FILES_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    max_files: int
    max_bytes: int
    def __init__(self, max_files: _Optional[int] = ..., max_bytes: _Optional[int] = ...) -> None: ...

class ImportAutomation(_message.Message):
    __slots__ = ("index_id", "automation_id", "enabled", "paused", "connector_id", "source_prefix", "file_pattern", "recursive", "debounce_interval", "prompt_preset", "state", "generation", "etag", "created_at", "updated_at", "next_scan_at", "next_trigger_at", "deadline_at", "last_change_at", "last_scan_at", "last_fired_at", "last_job_id", "last_run_id", "exclude_patterns", "existing_files", "max_wait", "batch_limit", "spend_fuse", "done_file_pattern")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    AUTOMATION_ID_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_PREFIX_FIELD_NUMBER: _ClassVar[int]
    FILE_PATTERN_FIELD_NUMBER: _ClassVar[int]
    RECURSIVE_FIELD_NUMBER: _ClassVar[int]
    DEBOUNCE_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    PROMPT_PRESET_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    NEXT_SCAN_AT_FIELD_NUMBER: _ClassVar[int]
    NEXT_TRIGGER_AT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_CHANGE_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_SCAN_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_FIRED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_PATTERNS_FIELD_NUMBER: _ClassVar[int]
    EXISTING_FILES_FIELD_NUMBER: _ClassVar[int]
    MAX_WAIT_FIELD_NUMBER: _ClassVar[int]
    BATCH_LIMIT_FIELD_NUMBER: _ClassVar[int]
    SPEND_FUSE_FIELD_NUMBER: _ClassVar[int]
    DONE_FILE_PATTERN_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    automation_id: str
    enabled: bool
    paused: bool
    connector_id: str
    source_prefix: str
    file_pattern: str
    recursive: bool
    debounce_interval: DebounceInterval
    prompt_preset: PromptPreset
    state: AutomationState
    generation: int
    etag: str
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    next_scan_at: _timestamp_pb2.Timestamp
    next_trigger_at: _timestamp_pb2.Timestamp
    deadline_at: _timestamp_pb2.Timestamp
    last_change_at: _timestamp_pb2.Timestamp
    last_scan_at: _timestamp_pb2.Timestamp
    last_fired_at: _timestamp_pb2.Timestamp
    last_job_id: str
    last_run_id: str
    exclude_patterns: _containers.RepeatedScalarFieldContainer[str]
    existing_files: ExistingFiles
    max_wait: _duration_pb2.Duration
    batch_limit: int
    spend_fuse: SpendFuse
    done_file_pattern: str
    def __init__(self, index_id: _Optional[str] = ..., automation_id: _Optional[str] = ..., enabled: _Optional[bool] = ..., paused: _Optional[bool] = ..., connector_id: _Optional[str] = ..., source_prefix: _Optional[str] = ..., file_pattern: _Optional[str] = ..., recursive: _Optional[bool] = ..., debounce_interval: _Optional[_Union[DebounceInterval, str]] = ..., prompt_preset: _Optional[_Union[PromptPreset, _Mapping]] = ..., state: _Optional[_Union[AutomationState, str]] = ..., generation: _Optional[int] = ..., etag: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., next_scan_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., next_trigger_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deadline_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_change_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_scan_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_fired_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_job_id: _Optional[str] = ..., last_run_id: _Optional[str] = ..., exclude_patterns: _Optional[_Iterable[str]] = ..., existing_files: _Optional[_Union[ExistingFiles, str]] = ..., max_wait: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., batch_limit: _Optional[int] = ..., spend_fuse: _Optional[_Union[SpendFuse, _Mapping]] = ..., done_file_pattern: _Optional[str] = ...) -> None: ...

class ExportAutomation(_message.Message):
    __slots__ = ("index_id", "automation_id", "enabled", "paused", "destination_connector_id", "destination_subpath", "state", "generation", "etag", "created_at", "updated_at", "pending_runs", "last_export_id", "last_exported_at")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    AUTOMATION_ID_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_SUBPATH_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    PENDING_RUNS_FIELD_NUMBER: _ClassVar[int]
    LAST_EXPORT_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_EXPORTED_AT_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    automation_id: str
    enabled: bool
    paused: bool
    destination_connector_id: str
    destination_subpath: str
    state: AutomationState
    generation: int
    etag: str
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    pending_runs: int
    last_export_id: str
    last_exported_at: _timestamp_pb2.Timestamp
    def __init__(self, index_id: _Optional[str] = ..., automation_id: _Optional[str] = ..., enabled: _Optional[bool] = ..., paused: _Optional[bool] = ..., destination_connector_id: _Optional[str] = ..., destination_subpath: _Optional[str] = ..., state: _Optional[_Union[AutomationState, str]] = ..., generation: _Optional[int] = ..., etag: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., pending_runs: _Optional[int] = ..., last_export_id: _Optional[str] = ..., last_exported_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AutomationSummary(_message.Message):
    __slots__ = ("index_id", "kind", "automation_id", "enabled", "paused", "state", "connector_id", "next_trigger_at", "last_fired_at", "updated_at", "health")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    AUTOMATION_ID_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    NEXT_TRIGGER_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_FIRED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    kind: AutomationKind
    automation_id: str
    enabled: bool
    paused: bool
    state: AutomationState
    connector_id: str
    next_trigger_at: _timestamp_pb2.Timestamp
    last_fired_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    health: AutomationHealth
    def __init__(self, index_id: _Optional[str] = ..., kind: _Optional[_Union[AutomationKind, str]] = ..., automation_id: _Optional[str] = ..., enabled: _Optional[bool] = ..., paused: _Optional[bool] = ..., state: _Optional[_Union[AutomationState, str]] = ..., connector_id: _Optional[str] = ..., next_trigger_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_fired_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., health: _Optional[_Union[AutomationHealth, str]] = ...) -> None: ...

class HeldBy(_message.Message):
    __slots__ = ("path", "reason", "since")
    PATH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    path: str
    reason: str
    since: _timestamp_pb2.Timestamp
    def __init__(self, path: _Optional[str] = ..., reason: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Backlog(_message.Message):
    __slots__ = ("settling", "ready", "claimed", "imported", "failed", "skipped", "gone", "pending_bytes")
    SETTLING_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    IMPORTED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    GONE_FIELD_NUMBER: _ClassVar[int]
    PENDING_BYTES_FIELD_NUMBER: _ClassVar[int]
    settling: int
    ready: int
    claimed: int
    imported: int
    failed: int
    skipped: int
    gone: int
    pending_bytes: int
    def __init__(self, settling: _Optional[int] = ..., ready: _Optional[int] = ..., claimed: _Optional[int] = ..., imported: _Optional[int] = ..., failed: _Optional[int] = ..., skipped: _Optional[int] = ..., gone: _Optional[int] = ..., pending_bytes: _Optional[int] = ...) -> None: ...

class ScanSummary(_message.Message):
    __slots__ = ("epoch", "started_at", "finished_at", "complete", "listed", "matched", "new", "error")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    LISTED_FIELD_NUMBER: _ClassVar[int]
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    NEW_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    started_at: _timestamp_pb2.Timestamp
    finished_at: _timestamp_pb2.Timestamp
    complete: bool
    listed: int
    matched: int
    new: int
    error: str
    def __init__(self, epoch: _Optional[int] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., complete: _Optional[bool] = ..., listed: _Optional[int] = ..., matched: _Optional[int] = ..., new: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class BatchSummary(_message.Message):
    __slots__ = ("batch_id", "trigger", "fired_at", "object_count", "bytes", "job_id", "run_id")
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    FIRED_AT_FIELD_NUMBER: _ClassVar[int]
    OBJECT_COUNT_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    batch_id: str
    trigger: BatchTrigger
    fired_at: _timestamp_pb2.Timestamp
    object_count: int
    bytes: int
    job_id: str
    run_id: str
    def __init__(self, batch_id: _Optional[str] = ..., trigger: _Optional[_Union[BatchTrigger, str]] = ..., fired_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., object_count: _Optional[int] = ..., bytes: _Optional[int] = ..., job_id: _Optional[str] = ..., run_id: _Optional[str] = ...) -> None: ...

class ImportAutomationStatus(_message.Message):
    __slots__ = ("index_id", "automation_id", "state", "health", "degraded_cause", "degraded_since", "why", "next_scan_at", "next_trigger_at", "deadline_at", "last_change_at", "held_by", "backlog", "last_scan", "last_batch", "held_batches", "held_count", "taken_at")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    AUTOMATION_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_CAUSE_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_SINCE_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    NEXT_SCAN_AT_FIELD_NUMBER: _ClassVar[int]
    NEXT_TRIGGER_AT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_CHANGE_AT_FIELD_NUMBER: _ClassVar[int]
    HELD_BY_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_FIELD_NUMBER: _ClassVar[int]
    LAST_SCAN_FIELD_NUMBER: _ClassVar[int]
    LAST_BATCH_FIELD_NUMBER: _ClassVar[int]
    HELD_BATCHES_FIELD_NUMBER: _ClassVar[int]
    HELD_COUNT_FIELD_NUMBER: _ClassVar[int]
    TAKEN_AT_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    automation_id: str
    state: AutomationState
    health: AutomationHealth
    degraded_cause: str
    degraded_since: _timestamp_pb2.Timestamp
    why: str
    next_scan_at: _timestamp_pb2.Timestamp
    next_trigger_at: _timestamp_pb2.Timestamp
    deadline_at: _timestamp_pb2.Timestamp
    last_change_at: _timestamp_pb2.Timestamp
    held_by: _containers.RepeatedCompositeFieldContainer[HeldBy]
    backlog: Backlog
    last_scan: ScanSummary
    last_batch: BatchSummary
    held_batches: int
    held_count: int
    taken_at: _timestamp_pb2.Timestamp
    def __init__(self, index_id: _Optional[str] = ..., automation_id: _Optional[str] = ..., state: _Optional[_Union[AutomationState, str]] = ..., health: _Optional[_Union[AutomationHealth, str]] = ..., degraded_cause: _Optional[str] = ..., degraded_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., why: _Optional[str] = ..., next_scan_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., next_trigger_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deadline_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_change_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., held_by: _Optional[_Iterable[_Union[HeldBy, _Mapping]]] = ..., backlog: _Optional[_Union[Backlog, _Mapping]] = ..., last_scan: _Optional[_Union[ScanSummary, _Mapping]] = ..., last_batch: _Optional[_Union[BatchSummary, _Mapping]] = ..., held_batches: _Optional[int] = ..., held_count: _Optional[int] = ..., taken_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DeliverySummary(_message.Message):
    __slots__ = ("export_id", "run_id", "exported_at", "destination_uri", "error")
    EXPORT_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EXPORTED_AT_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_URI_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    export_id: str
    run_id: str
    exported_at: _timestamp_pb2.Timestamp
    destination_uri: str
    error: str
    def __init__(self, export_id: _Optional[str] = ..., run_id: _Optional[str] = ..., exported_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., destination_uri: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class ExportAutomationStatus(_message.Message):
    __slots__ = ("index_id", "automation_id", "state", "health", "degraded_cause", "degraded_since", "why", "pending_runs", "delivered_runs", "failed_runs", "pending_run_ids", "last_delivery", "taken_at")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    AUTOMATION_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_CAUSE_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_SINCE_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    PENDING_RUNS_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_RUNS_FIELD_NUMBER: _ClassVar[int]
    FAILED_RUNS_FIELD_NUMBER: _ClassVar[int]
    PENDING_RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    LAST_DELIVERY_FIELD_NUMBER: _ClassVar[int]
    TAKEN_AT_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    automation_id: str
    state: AutomationState
    health: AutomationHealth
    degraded_cause: str
    degraded_since: _timestamp_pb2.Timestamp
    why: str
    pending_runs: int
    delivered_runs: int
    failed_runs: int
    pending_run_ids: _containers.RepeatedScalarFieldContainer[str]
    last_delivery: DeliverySummary
    taken_at: _timestamp_pb2.Timestamp
    def __init__(self, index_id: _Optional[str] = ..., automation_id: _Optional[str] = ..., state: _Optional[_Union[AutomationState, str]] = ..., health: _Optional[_Union[AutomationHealth, str]] = ..., degraded_cause: _Optional[str] = ..., degraded_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., why: _Optional[str] = ..., pending_runs: _Optional[int] = ..., delivered_runs: _Optional[int] = ..., failed_runs: _Optional[int] = ..., pending_run_ids: _Optional[_Iterable[str]] = ..., last_delivery: _Optional[_Union[DeliverySummary, _Mapping]] = ..., taken_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
