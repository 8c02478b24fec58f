from automation_engine.v1 import annotations_pb2 as _annotations_pb2
from automation_engine.v1 import ledger_pb2 as _ledger_pb2
from automation_engine.v1 import pagination_pb2 as _pagination_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2_1
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListLedgerFilesRequest(_message.Message):
    __slots__ = ("index_id", "state", "prefix", "batch_id", "job_id", "video_id", "run_id", "export_id", "limit", "cursor")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EXPORT_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    state: _ledger_pb2.LedgerFileState
    prefix: str
    batch_id: str
    job_id: str
    video_id: str
    run_id: str
    export_id: str
    limit: int
    cursor: str
    def __init__(self, index_id: _Optional[str] = ..., state: _Optional[_Union[_ledger_pb2.LedgerFileState, str]] = ..., prefix: _Optional[str] = ..., batch_id: _Optional[str] = ..., job_id: _Optional[str] = ..., video_id: _Optional[str] = ..., run_id: _Optional[str] = ..., export_id: _Optional[str] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListLedgerFilesResponse(_message.Message):
    __slots__ = ("data", "pagination")
    DATA_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    data: _containers.RepeatedCompositeFieldContainer[_ledger_pb2.LedgerFile]
    pagination: _pagination_pb2.Pagination
    def __init__(self, data: _Optional[_Iterable[_Union[_ledger_pb2.LedgerFile, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.Pagination, _Mapping]] = ...) -> None: ...

class ExplainFileRequest(_message.Message):
    __slots__ = ("index_id", "path")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    path: str
    def __init__(self, index_id: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class ExplainFileResponse(_message.Message):
    __slots__ = ("explanation",)
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    explanation: _ledger_pb2.FileExplanation
    def __init__(self, explanation: _Optional[_Union[_ledger_pb2.FileExplanation, _Mapping]] = ...) -> None: ...

class RetryFilesRequest(_message.Message):
    __slots__ = ("index_id", "paths")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    paths: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, index_id: _Optional[str] = ..., paths: _Optional[_Iterable[str]] = ...) -> None: ...

class RetryFilesResponse(_message.Message):
    __slots__ = ("message", "changed", "unchanged")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    message: str
    changed: _containers.RepeatedScalarFieldContainer[str]
    unchanged: _containers.RepeatedCompositeFieldContainer[_ledger_pb2.UnchangedFile]
    def __init__(self, message: _Optional[str] = ..., changed: _Optional[_Iterable[str]] = ..., unchanged: _Optional[_Iterable[_Union[_ledger_pb2.UnchangedFile, _Mapping]]] = ...) -> None: ...

class ReleaseFilesRequest(_message.Message):
    __slots__ = ("index_id", "paths")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    paths: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, index_id: _Optional[str] = ..., paths: _Optional[_Iterable[str]] = ...) -> None: ...

class ReleaseFilesResponse(_message.Message):
    __slots__ = ("message", "changed", "unchanged")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    message: str
    changed: _containers.RepeatedScalarFieldContainer[str]
    unchanged: _containers.RepeatedCompositeFieldContainer[_ledger_pb2.UnchangedFile]
    def __init__(self, message: _Optional[str] = ..., changed: _Optional[_Iterable[str]] = ..., unchanged: _Optional[_Iterable[_Union[_ledger_pb2.UnchangedFile, _Mapping]]] = ...) -> None: ...

class IgnoreFilesRequest(_message.Message):
    __slots__ = ("index_id", "paths")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    paths: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, index_id: _Optional[str] = ..., paths: _Optional[_Iterable[str]] = ...) -> None: ...

class IgnoreFilesResponse(_message.Message):
    __slots__ = ("message", "changed", "unchanged")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    message: str
    changed: _containers.RepeatedScalarFieldContainer[str]
    unchanged: _containers.RepeatedCompositeFieldContainer[_ledger_pb2.UnchangedFile]
    def __init__(self, message: _Optional[str] = ..., changed: _Optional[_Iterable[str]] = ..., unchanged: _Optional[_Iterable[_Union[_ledger_pb2.UnchangedFile, _Mapping]]] = ...) -> None: ...
