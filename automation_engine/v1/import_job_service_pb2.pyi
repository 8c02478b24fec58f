from automation_engine.v1 import annotations_pb2 as _annotations_pb2
from automation_engine.v1 import connector_pb2 as _connector_pb2
from automation_engine.v1 import import_job_pb2 as _import_job_pb2
from automation_engine.v1 import validation_pb2 as _validation_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2_1
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateImportJobRequest(_message.Message):
    __slots__ = ("connector_id", "index_id", "source_prefix", "file_pattern", "recursive", "import_mode_override")
    CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_PREFIX_FIELD_NUMBER: _ClassVar[int]
    FILE_PATTERN_FIELD_NUMBER: _ClassVar[int]
    RECURSIVE_FIELD_NUMBER: _ClassVar[int]
    IMPORT_MODE_OVERRIDE_FIELD_NUMBER: _ClassVar[int]
    connector_id: str
    index_id: str
    source_prefix: str
    file_pattern: str
    recursive: bool
    import_mode_override: _connector_pb2.ImportMode
    def __init__(self, connector_id: _Optional[str] = ..., index_id: _Optional[str] = ..., source_prefix: _Optional[str] = ..., file_pattern: _Optional[str] = ..., recursive: _Optional[bool] = ..., import_mode_override: _Optional[_Union[_connector_pb2.ImportMode, str]] = ...) -> None: ...

class CreateImportJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: _import_job_pb2.ImportJob
    def __init__(self, job: _Optional[_Union[_import_job_pb2.ImportJob, _Mapping]] = ...) -> None: ...

class ListImportJobsRequest(_message.Message):
    __slots__ = ("status", "index_id", "automation_only", "limit")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    AUTOMATION_ONLY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    status: _import_job_pb2.ImportJobStatus
    index_id: str
    automation_only: bool
    limit: int
    def __init__(self, status: _Optional[_Union[_import_job_pb2.ImportJobStatus, str]] = ..., index_id: _Optional[str] = ..., automation_only: _Optional[bool] = ..., limit: _Optional[int] = ...) -> None: ...

class ListImportJobsResponse(_message.Message):
    __slots__ = ("jobs",)
    JOBS_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[_import_job_pb2.ImportJob]
    def __init__(self, jobs: _Optional[_Iterable[_Union[_import_job_pb2.ImportJob, _Mapping]]] = ...) -> None: ...

class GetImportJobRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class GetImportJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: _import_job_pb2.ImportJob
    def __init__(self, job: _Optional[_Union[_import_job_pb2.ImportJob, _Mapping]] = ...) -> None: ...

class CancelImportJobRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class CancelImportJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: _import_job_pb2.ImportJob
    def __init__(self, job: _Optional[_Union[_import_job_pb2.ImportJob, _Mapping]] = ...) -> None: ...

class ImportFileReference(_message.Message):
    __slots__ = ("file_id", "path")
    FILE_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    file_id: str
    path: str
    def __init__(self, file_id: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class RetryImportJobRequest(_message.Message):
    __slots__ = ("job_id", "files")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    files: _containers.RepeatedCompositeFieldContainer[ImportFileReference]
    def __init__(self, job_id: _Optional[str] = ..., files: _Optional[_Iterable[_Union[ImportFileReference, _Mapping]]] = ...) -> None: ...

class RetryImportJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: _import_job_pb2.ImportJob
    def __init__(self, job: _Optional[_Union[_import_job_pb2.ImportJob, _Mapping]] = ...) -> None: ...

class ListImportJobOutputsRequest(_message.Message):
    __slots__ = ("job_id", "limit", "cursor")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    limit: int
    cursor: str
    def __init__(self, job_id: _Optional[str] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListImportJobOutputsResponse(_message.Message):
    __slots__ = ("items", "next_cursor", "total")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[_import_job_pb2.ImportOutput]
    next_cursor: str
    total: int
    def __init__(self, items: _Optional[_Iterable[_Union[_import_job_pb2.ImportOutput, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., total: _Optional[int] = ...) -> None: ...

class ListImportJobFilesRequest(_message.Message):
    __slots__ = ("job_id", "limit", "cursor", "failed_only")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    FAILED_ONLY_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    limit: int
    cursor: str
    failed_only: bool
    def __init__(self, job_id: _Optional[str] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ..., failed_only: _Optional[bool] = ...) -> None: ...

class ListImportJobFilesResponse(_message.Message):
    __slots__ = ("items", "next_cursor", "total")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[_import_job_pb2.ImportSourceFile]
    next_cursor: str
    total: int
    def __init__(self, items: _Optional[_Iterable[_Union[_import_job_pb2.ImportSourceFile, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., total: _Optional[int] = ...) -> None: ...
