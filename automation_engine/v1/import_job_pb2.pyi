import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ImportJobStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPORT_JOB_STATUS_UNSPECIFIED: _ClassVar[ImportJobStatus]
    IMPORT_JOB_STATUS_PENDING: _ClassVar[ImportJobStatus]
    IMPORT_JOB_STATUS_SCANNING: _ClassVar[ImportJobStatus]
    IMPORT_JOB_STATUS_IMPORTING: _ClassVar[ImportJobStatus]
    IMPORT_JOB_STATUS_COMPLETED: _ClassVar[ImportJobStatus]
    IMPORT_JOB_STATUS_FAILED: _ClassVar[ImportJobStatus]
    IMPORT_JOB_STATUS_CANCELLED: _ClassVar[ImportJobStatus]

class ImportFileStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPORT_FILE_STATUS_UNSPECIFIED: _ClassVar[ImportFileStatus]
    IMPORT_FILE_STATUS_PENDING: _ClassVar[ImportFileStatus]
    IMPORT_FILE_STATUS_IMPORTING: _ClassVar[ImportFileStatus]
    IMPORT_FILE_STATUS_IMPORTED: _ClassVar[ImportFileStatus]
    IMPORT_FILE_STATUS_FAILED: _ClassVar[ImportFileStatus]
    IMPORT_FILE_STATUS_SKIPPED: _ClassVar[ImportFileStatus]
    IMPORT_FILE_STATUS_CANCELLED: _ClassVar[ImportFileStatus]

class ImportOutputStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPORT_OUTPUT_STATUS_UNSPECIFIED: _ClassVar[ImportOutputStatus]
    IMPORT_OUTPUT_STATUS_PENDING: _ClassVar[ImportOutputStatus]
    IMPORT_OUTPUT_STATUS_READY: _ClassVar[ImportOutputStatus]
    IMPORT_OUTPUT_STATUS_FAILED: _ClassVar[ImportOutputStatus]

class ImportExecutionStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPORT_EXECUTION_STATUS_UNSPECIFIED: _ClassVar[ImportExecutionStatus]
    IMPORT_EXECUTION_STATUS_NOT_REQUESTED: _ClassVar[ImportExecutionStatus]
    IMPORT_EXECUTION_STATUS_PENDING: _ClassVar[ImportExecutionStatus]
    IMPORT_EXECUTION_STATUS_SUBMITTED: _ClassVar[ImportExecutionStatus]
    IMPORT_EXECUTION_STATUS_BLOCKED: _ClassVar[ImportExecutionStatus]
IMPORT_JOB_STATUS_UNSPECIFIED: ImportJobStatus
IMPORT_JOB_STATUS_PENDING: ImportJobStatus
IMPORT_JOB_STATUS_SCANNING: ImportJobStatus
IMPORT_JOB_STATUS_IMPORTING: ImportJobStatus
IMPORT_JOB_STATUS_COMPLETED: ImportJobStatus
IMPORT_JOB_STATUS_FAILED: ImportJobStatus
IMPORT_JOB_STATUS_CANCELLED: ImportJobStatus
IMPORT_FILE_STATUS_UNSPECIFIED: ImportFileStatus
IMPORT_FILE_STATUS_PENDING: ImportFileStatus
IMPORT_FILE_STATUS_IMPORTING: ImportFileStatus
IMPORT_FILE_STATUS_IMPORTED: ImportFileStatus
IMPORT_FILE_STATUS_FAILED: ImportFileStatus
IMPORT_FILE_STATUS_SKIPPED: ImportFileStatus
IMPORT_FILE_STATUS_CANCELLED: ImportFileStatus
IMPORT_OUTPUT_STATUS_UNSPECIFIED: ImportOutputStatus
IMPORT_OUTPUT_STATUS_PENDING: ImportOutputStatus
IMPORT_OUTPUT_STATUS_READY: ImportOutputStatus
IMPORT_OUTPUT_STATUS_FAILED: ImportOutputStatus
IMPORT_EXECUTION_STATUS_UNSPECIFIED: ImportExecutionStatus
IMPORT_EXECUTION_STATUS_NOT_REQUESTED: ImportExecutionStatus
IMPORT_EXECUTION_STATUS_PENDING: ImportExecutionStatus
IMPORT_EXECUTION_STATUS_SUBMITTED: ImportExecutionStatus
IMPORT_EXECUTION_STATUS_BLOCKED: ImportExecutionStatus

class ImportJobProgress(_message.Message):
    __slots__ = ("total_files", "imported", "failed", "skipped", "bytes_transferred", "current_file", "parts_total", "parts_completed", "parts_failed")
    TOTAL_FILES_FIELD_NUMBER: _ClassVar[int]
    IMPORTED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    BYTES_TRANSFERRED_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FILE_FIELD_NUMBER: _ClassVar[int]
    PARTS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    PARTS_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    PARTS_FAILED_FIELD_NUMBER: _ClassVar[int]
    total_files: int
    imported: int
    failed: int
    skipped: int
    bytes_transferred: int
    current_file: str
    parts_total: int
    parts_completed: int
    parts_failed: int
    def __init__(self, total_files: _Optional[int] = ..., imported: _Optional[int] = ..., failed: _Optional[int] = ..., skipped: _Optional[int] = ..., bytes_transferred: _Optional[int] = ..., current_file: _Optional[str] = ..., parts_total: _Optional[int] = ..., parts_completed: _Optional[int] = ..., parts_failed: _Optional[int] = ...) -> None: ...

class ImportOutput(_message.Message):
    __slots__ = ("file_id", "file_name", "source_ordinal", "part_index", "part_count", "source_start_seconds", "source_end_seconds", "video_id", "title", "status")
    FILE_ID_FIELD_NUMBER: _ClassVar[int]
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ORDINAL_FIELD_NUMBER: _ClassVar[int]
    PART_INDEX_FIELD_NUMBER: _ClassVar[int]
    PART_COUNT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_START_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_END_SECONDS_FIELD_NUMBER: _ClassVar[int]
    VIDEO_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    file_id: str
    file_name: str
    source_ordinal: int
    part_index: int
    part_count: int
    source_start_seconds: float
    source_end_seconds: float
    video_id: str
    title: str
    status: ImportOutputStatus
    def __init__(self, file_id: _Optional[str] = ..., file_name: _Optional[str] = ..., source_ordinal: _Optional[int] = ..., part_index: _Optional[int] = ..., part_count: _Optional[int] = ..., source_start_seconds: _Optional[float] = ..., source_end_seconds: _Optional[float] = ..., video_id: _Optional[str] = ..., title: _Optional[str] = ..., status: _Optional[_Union[ImportOutputStatus, str]] = ...) -> None: ...

class ImportOutputsPage(_message.Message):
    __slots__ = ("items", "next_cursor", "total")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[ImportOutput]
    next_cursor: str
    total: int
    def __init__(self, items: _Optional[_Iterable[_Union[ImportOutput, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., total: _Optional[int] = ...) -> None: ...

class ImportFailure(_message.Message):
    __slots__ = ("code", "message", "attempts")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    attempts: int
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., attempts: _Optional[int] = ...) -> None: ...

class ImportSourceFile(_message.Message):
    __slots__ = ("file_id", "file_name", "source_ordinal", "status", "part_count", "parts_completed", "parts_failed", "failure", "skip_reason")
    FILE_ID_FIELD_NUMBER: _ClassVar[int]
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ORDINAL_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PART_COUNT_FIELD_NUMBER: _ClassVar[int]
    PARTS_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    PARTS_FAILED_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    SKIP_REASON_FIELD_NUMBER: _ClassVar[int]
    file_id: str
    file_name: str
    source_ordinal: int
    status: ImportFileStatus
    part_count: int
    parts_completed: int
    parts_failed: int
    failure: ImportFailure
    skip_reason: str
    def __init__(self, file_id: _Optional[str] = ..., file_name: _Optional[str] = ..., source_ordinal: _Optional[int] = ..., status: _Optional[_Union[ImportFileStatus, str]] = ..., part_count: _Optional[int] = ..., parts_completed: _Optional[int] = ..., parts_failed: _Optional[int] = ..., failure: _Optional[_Union[ImportFailure, _Mapping]] = ..., skip_reason: _Optional[str] = ...) -> None: ...

class ImportExecution(_message.Message):
    __slots__ = ("status", "run_id", "error_code", "error")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    status: ImportExecutionStatus
    run_id: str
    error_code: str
    error: str
    def __init__(self, status: _Optional[_Union[ImportExecutionStatus, str]] = ..., run_id: _Optional[str] = ..., error_code: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class FailedFile(_message.Message):
    __slots__ = ("path", "error")
    PATH_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    path: str
    error: str
    def __init__(self, path: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class SkippedFile(_message.Message):
    __slots__ = ("path", "reason")
    PATH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    path: str
    reason: str
    def __init__(self, path: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ImportJob(_message.Message):
    __slots__ = ("job_id", "status", "phase", "source_kind", "connector_id", "target_index_id", "source_prefix", "file_pattern", "recursive", "created_at", "started_at", "completed_at", "error_message", "progress", "outputs", "execution", "video_ids", "failed_files", "skipped_files", "failed_files_next_cursor", "automation_id", "batch_id")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_KIND_FIELD_NUMBER: _ClassVar[int]
    CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_PREFIX_FIELD_NUMBER: _ClassVar[int]
    FILE_PATTERN_FIELD_NUMBER: _ClassVar[int]
    RECURSIVE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_AT_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    VIDEO_IDS_FIELD_NUMBER: _ClassVar[int]
    FAILED_FILES_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FILES_FIELD_NUMBER: _ClassVar[int]
    FAILED_FILES_NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    AUTOMATION_ID_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    status: ImportJobStatus
    phase: str
    source_kind: str
    connector_id: str
    target_index_id: str
    source_prefix: str
    file_pattern: str
    recursive: bool
    created_at: _timestamp_pb2.Timestamp
    started_at: _timestamp_pb2.Timestamp
    completed_at: _timestamp_pb2.Timestamp
    error_message: str
    progress: ImportJobProgress
    outputs: ImportOutputsPage
    execution: ImportExecution
    video_ids: _containers.RepeatedScalarFieldContainer[str]
    failed_files: _containers.RepeatedCompositeFieldContainer[FailedFile]
    skipped_files: _containers.RepeatedCompositeFieldContainer[SkippedFile]
    failed_files_next_cursor: str
    automation_id: str
    batch_id: str
    def __init__(self, job_id: _Optional[str] = ..., status: _Optional[_Union[ImportJobStatus, str]] = ..., phase: _Optional[str] = ..., source_kind: _Optional[str] = ..., connector_id: _Optional[str] = ..., target_index_id: _Optional[str] = ..., source_prefix: _Optional[str] = ..., file_pattern: _Optional[str] = ..., recursive: _Optional[bool] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., completed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., error_message: _Optional[str] = ..., progress: _Optional[_Union[ImportJobProgress, _Mapping]] = ..., outputs: _Optional[_Union[ImportOutputsPage, _Mapping]] = ..., execution: _Optional[_Union[ImportExecution, _Mapping]] = ..., video_ids: _Optional[_Iterable[str]] = ..., failed_files: _Optional[_Iterable[_Union[FailedFile, _Mapping]]] = ..., skipped_files: _Optional[_Iterable[_Union[SkippedFile, _Mapping]]] = ..., failed_files_next_cursor: _Optional[str] = ..., automation_id: _Optional[str] = ..., batch_id: _Optional[str] = ...) -> None: ...
