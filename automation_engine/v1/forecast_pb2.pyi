import datetime

from automation_engine.v1 import automation_pb2 as _automation_pb2
from automation_engine.v1 import validation_pb2 as _validation_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ForecastFile(_message.Message):
    __slots__ = ("path", "size_bytes")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    path: str
    size_bytes: int
    def __init__(self, path: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class ExcludedFiles(_message.Message):
    __slots__ = ("reason", "text", "count", "bytes", "examples")
    REASON_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    reason: str
    text: str
    count: int
    bytes: int
    examples: _containers.RepeatedCompositeFieldContainer[ForecastFile]
    def __init__(self, reason: _Optional[str] = ..., text: _Optional[str] = ..., count: _Optional[int] = ..., bytes: _Optional[int] = ..., examples: _Optional[_Iterable[_Union[ForecastFile, _Mapping]]] = ...) -> None: ...

class DuplicateFiles(_message.Message):
    __slots__ = ("reason", "count", "examples")
    REASON_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    reason: str
    count: int
    examples: _containers.RepeatedCompositeFieldContainer[ForecastFile]
    def __init__(self, reason: _Optional[str] = ..., count: _Optional[int] = ..., examples: _Optional[_Iterable[_Union[ForecastFile, _Mapping]]] = ...) -> None: ...

class ForecastBatch(_message.Message):
    __slots__ = ("fires_at", "trigger", "object_count", "bytes", "held_reason", "examples")
    FIRES_AT_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    OBJECT_COUNT_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    HELD_REASON_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    fires_at: _timestamp_pb2.Timestamp
    trigger: _automation_pb2.BatchTrigger
    object_count: int
    bytes: int
    held_reason: str
    examples: _containers.RepeatedCompositeFieldContainer[ForecastFile]
    def __init__(self, fires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., trigger: _Optional[_Union[_automation_pb2.BatchTrigger, str]] = ..., object_count: _Optional[int] = ..., bytes: _Optional[int] = ..., held_reason: _Optional[str] = ..., examples: _Optional[_Iterable[_Union[ForecastFile, _Mapping]]] = ...) -> None: ...

class ImportPreview(_message.Message):
    __slots__ = ("complete", "cut_off", "listed", "matched", "matched_bytes", "examples", "excluded", "duplicates", "batches", "batch_count", "taken_at")
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    CUT_OFF_FIELD_NUMBER: _ClassVar[int]
    LISTED_FIELD_NUMBER: _ClassVar[int]
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    MATCHED_BYTES_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    BATCH_COUNT_FIELD_NUMBER: _ClassVar[int]
    TAKEN_AT_FIELD_NUMBER: _ClassVar[int]
    complete: bool
    cut_off: str
    listed: int
    matched: int
    matched_bytes: int
    examples: _containers.RepeatedCompositeFieldContainer[ForecastFile]
    excluded: _containers.RepeatedCompositeFieldContainer[ExcludedFiles]
    duplicates: _containers.RepeatedCompositeFieldContainer[DuplicateFiles]
    batches: _containers.RepeatedCompositeFieldContainer[ForecastBatch]
    batch_count: int
    taken_at: _timestamp_pb2.Timestamp
    def __init__(self, complete: _Optional[bool] = ..., cut_off: _Optional[str] = ..., listed: _Optional[int] = ..., matched: _Optional[int] = ..., matched_bytes: _Optional[int] = ..., examples: _Optional[_Iterable[_Union[ForecastFile, _Mapping]]] = ..., excluded: _Optional[_Iterable[_Union[ExcludedFiles, _Mapping]]] = ..., duplicates: _Optional[_Iterable[_Union[DuplicateFiles, _Mapping]]] = ..., batches: _Optional[_Iterable[_Union[ForecastBatch, _Mapping]]] = ..., batch_count: _Optional[int] = ..., taken_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ReplaySetting(_message.Message):
    __slots__ = ("name", "debounce_interval", "file_pattern", "exclude_patterns", "max_wait", "batch_limit")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DEBOUNCE_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    FILE_PATTERN_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_PATTERNS_FIELD_NUMBER: _ClassVar[int]
    MAX_WAIT_FIELD_NUMBER: _ClassVar[int]
    BATCH_LIMIT_FIELD_NUMBER: _ClassVar[int]
    name: str
    debounce_interval: _automation_pb2.DebounceInterval
    file_pattern: str
    exclude_patterns: _containers.RepeatedScalarFieldContainer[str]
    max_wait: _duration_pb2.Duration
    batch_limit: int
    def __init__(self, name: _Optional[str] = ..., debounce_interval: _Optional[_Union[_automation_pb2.DebounceInterval, str]] = ..., file_pattern: _Optional[str] = ..., exclude_patterns: _Optional[_Iterable[str]] = ..., max_wait: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., batch_limit: _Optional[int] = ...) -> None: ...

class ReplayOutcome(_message.Message):
    __slots__ = ("name", "debounce_interval", "file_pattern", "exclude_patterns", "max_wait", "batch_limit", "objects", "bytes", "batch_count", "mean_batch_size", "max_batch_size", "wait_p50_seconds", "wait_p99_seconds", "wait_max_seconds", "still_waiting", "batches")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DEBOUNCE_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    FILE_PATTERN_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_PATTERNS_FIELD_NUMBER: _ClassVar[int]
    MAX_WAIT_FIELD_NUMBER: _ClassVar[int]
    BATCH_LIMIT_FIELD_NUMBER: _ClassVar[int]
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    BATCH_COUNT_FIELD_NUMBER: _ClassVar[int]
    MEAN_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    MAX_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    WAIT_P50_SECONDS_FIELD_NUMBER: _ClassVar[int]
    WAIT_P99_SECONDS_FIELD_NUMBER: _ClassVar[int]
    WAIT_MAX_SECONDS_FIELD_NUMBER: _ClassVar[int]
    STILL_WAITING_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    name: str
    debounce_interval: _automation_pb2.DebounceInterval
    file_pattern: str
    exclude_patterns: _containers.RepeatedScalarFieldContainer[str]
    max_wait: _duration_pb2.Duration
    batch_limit: int
    objects: int
    bytes: int
    batch_count: int
    mean_batch_size: float
    max_batch_size: int
    wait_p50_seconds: float
    wait_p99_seconds: float
    wait_max_seconds: float
    still_waiting: int
    batches: _containers.RepeatedCompositeFieldContainer[ForecastBatch]
    def __init__(self, name: _Optional[str] = ..., debounce_interval: _Optional[_Union[_automation_pb2.DebounceInterval, str]] = ..., file_pattern: _Optional[str] = ..., exclude_patterns: _Optional[_Iterable[str]] = ..., max_wait: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., batch_limit: _Optional[int] = ..., objects: _Optional[int] = ..., bytes: _Optional[int] = ..., batch_count: _Optional[int] = ..., mean_batch_size: _Optional[float] = ..., max_batch_size: _Optional[int] = ..., wait_p50_seconds: _Optional[float] = ..., wait_p99_seconds: _Optional[float] = ..., wait_max_seconds: _Optional[float] = ..., still_waiting: _Optional[int] = ..., batches: _Optional[_Iterable[_Union[ForecastBatch, _Mapping]]] = ...) -> None: ...

class ImportReplay(_message.Message):
    __slots__ = ("recorded_from", "recorded_until", "recorded_scans", "recorded_arrivals", "outcomes", "limitation")
    RECORDED_FROM_FIELD_NUMBER: _ClassVar[int]
    RECORDED_UNTIL_FIELD_NUMBER: _ClassVar[int]
    RECORDED_SCANS_FIELD_NUMBER: _ClassVar[int]
    RECORDED_ARRIVALS_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    LIMITATION_FIELD_NUMBER: _ClassVar[int]
    recorded_from: _timestamp_pb2.Timestamp
    recorded_until: _timestamp_pb2.Timestamp
    recorded_scans: int
    recorded_arrivals: int
    outcomes: _containers.RepeatedCompositeFieldContainer[ReplayOutcome]
    limitation: str
    def __init__(self, recorded_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., recorded_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., recorded_scans: _Optional[int] = ..., recorded_arrivals: _Optional[int] = ..., outcomes: _Optional[_Iterable[_Union[ReplayOutcome, _Mapping]]] = ..., limitation: _Optional[str] = ...) -> None: ...
