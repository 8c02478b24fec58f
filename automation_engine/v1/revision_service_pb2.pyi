from automation_engine.v1 import annotations_pb2 as _annotations_pb2
from automation_engine.v1 import automation_pb2 as _automation_pb2
from automation_engine.v1 import pagination_pb2 as _pagination_pb2
from automation_engine.v1 import revision_pb2 as _revision_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2_1
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListImportRevisionsRequest(_message.Message):
    __slots__ = ("index_id", "limit", "cursor")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    limit: int
    cursor: str
    def __init__(self, index_id: _Optional[str] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListImportRevisionsResponse(_message.Message):
    __slots__ = ("data", "pagination")
    DATA_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    data: _containers.RepeatedCompositeFieldContainer[_revision_pb2.ImportRevision]
    pagination: _pagination_pb2.Pagination
    def __init__(self, data: _Optional[_Iterable[_Union[_revision_pb2.ImportRevision, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.Pagination, _Mapping]] = ...) -> None: ...

class RestoreImportRevisionRequest(_message.Message):
    __slots__ = ("index_id", "revision", "etag")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    revision: int
    etag: str
    def __init__(self, index_id: _Optional[str] = ..., revision: _Optional[int] = ..., etag: _Optional[str] = ...) -> None: ...

class RestoreImportRevisionResponse(_message.Message):
    __slots__ = ("import_automation",)
    IMPORT_AUTOMATION_FIELD_NUMBER: _ClassVar[int]
    import_automation: _automation_pb2.ImportAutomation
    def __init__(self, import_automation: _Optional[_Union[_automation_pb2.ImportAutomation, _Mapping]] = ...) -> None: ...

class ListExportRevisionsRequest(_message.Message):
    __slots__ = ("index_id", "limit", "cursor")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    limit: int
    cursor: str
    def __init__(self, index_id: _Optional[str] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListExportRevisionsResponse(_message.Message):
    __slots__ = ("data", "pagination")
    DATA_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    data: _containers.RepeatedCompositeFieldContainer[_revision_pb2.ExportRevision]
    pagination: _pagination_pb2.Pagination
    def __init__(self, data: _Optional[_Iterable[_Union[_revision_pb2.ExportRevision, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.Pagination, _Mapping]] = ...) -> None: ...

class RestoreExportRevisionRequest(_message.Message):
    __slots__ = ("index_id", "revision", "etag")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    revision: int
    etag: str
    def __init__(self, index_id: _Optional[str] = ..., revision: _Optional[int] = ..., etag: _Optional[str] = ...) -> None: ...

class RestoreExportRevisionResponse(_message.Message):
    __slots__ = ("export_automation",)
    EXPORT_AUTOMATION_FIELD_NUMBER: _ClassVar[int]
    export_automation: _automation_pb2.ExportAutomation
    def __init__(self, export_automation: _Optional[_Union[_automation_pb2.ExportAutomation, _Mapping]] = ...) -> None: ...
