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

class LedgerFileState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEDGER_FILE_STATE_UNSPECIFIED: _ClassVar[LedgerFileState]
    LEDGER_FILE_STATE_SETTLING: _ClassVar[LedgerFileState]
    LEDGER_FILE_STATE_READY: _ClassVar[LedgerFileState]
    LEDGER_FILE_STATE_CLAIMED: _ClassVar[LedgerFileState]
    LEDGER_FILE_STATE_IMPORTED: _ClassVar[LedgerFileState]
    LEDGER_FILE_STATE_FAILED: _ClassVar[LedgerFileState]
    LEDGER_FILE_STATE_SKIPPED: _ClassVar[LedgerFileState]
    LEDGER_FILE_STATE_GONE: _ClassVar[LedgerFileState]

class CheckResult(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHECK_RESULT_UNSPECIFIED: _ClassVar[CheckResult]
    CHECK_RESULT_PASSED: _ClassVar[CheckResult]
    CHECK_RESULT_FAILED: _ClassVar[CheckResult]
    CHECK_RESULT_PENDING: _ClassVar[CheckResult]
    CHECK_RESULT_UNKNOWN: _ClassVar[CheckResult]
LEDGER_FILE_STATE_UNSPECIFIED: LedgerFileState
LEDGER_FILE_STATE_SETTLING: LedgerFileState
LEDGER_FILE_STATE_READY: LedgerFileState
LEDGER_FILE_STATE_CLAIMED: LedgerFileState
LEDGER_FILE_STATE_IMPORTED: LedgerFileState
LEDGER_FILE_STATE_FAILED: LedgerFileState
LEDGER_FILE_STATE_SKIPPED: LedgerFileState
LEDGER_FILE_STATE_GONE: LedgerFileState
CHECK_RESULT_UNSPECIFIED: CheckResult
CHECK_RESULT_PASSED: CheckResult
CHECK_RESULT_FAILED: CheckResult
CHECK_RESULT_PENDING: CheckResult
CHECK_RESULT_UNKNOWN: CheckResult

class LedgerFile(_message.Message):
    __slots__ = ("path", "version", "size_bytes", "last_modified", "state", "reason", "first_seen_at", "batch_id", "job_id", "file_id", "video_id", "run_ids", "export_ids")
    PATH_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    LAST_MODIFIED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEEN_AT_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    FILE_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    EXPORT_IDS_FIELD_NUMBER: _ClassVar[int]
    path: str
    version: str
    size_bytes: int
    last_modified: _timestamp_pb2.Timestamp
    state: LedgerFileState
    reason: str
    first_seen_at: _timestamp_pb2.Timestamp
    batch_id: str
    job_id: str
    file_id: str
    video_id: str
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    export_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, path: _Optional[str] = ..., version: _Optional[str] = ..., size_bytes: _Optional[int] = ..., last_modified: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[LedgerFileState, str]] = ..., reason: _Optional[str] = ..., first_seen_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., batch_id: _Optional[str] = ..., job_id: _Optional[str] = ..., file_id: _Optional[str] = ..., video_id: _Optional[str] = ..., run_ids: _Optional[_Iterable[str]] = ..., export_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class Check(_message.Message):
    __slots__ = ("name", "result", "text", "passes_at", "remedy")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PASSES_AT_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    name: str
    result: CheckResult
    text: str
    passes_at: _timestamp_pb2.Timestamp
    remedy: str
    def __init__(self, name: _Optional[str] = ..., result: _Optional[_Union[CheckResult, str]] = ..., text: _Optional[str] = ..., passes_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., remedy: _Optional[str] = ...) -> None: ...

class FileExplanation(_message.Message):
    __slots__ = ("path", "verdict", "checks", "failing_check", "file")
    PATH_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    FAILING_CHECK_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    path: str
    verdict: str
    checks: _containers.RepeatedCompositeFieldContainer[Check]
    failing_check: str
    file: LedgerFile
    def __init__(self, path: _Optional[str] = ..., verdict: _Optional[str] = ..., checks: _Optional[_Iterable[_Union[Check, _Mapping]]] = ..., failing_check: _Optional[str] = ..., file: _Optional[_Union[LedgerFile, _Mapping]] = ...) -> None: ...

class UnchangedFile(_message.Message):
    __slots__ = ("path", "reason")
    PATH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    path: str
    reason: str
    def __init__(self, path: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...
