from automation_engine.v1 import annotations_pb2 as _annotations_pb2
from automation_engine.v1 import import_batch_pb2 as _import_batch_pb2
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

class ListImportBatchesRequest(_message.Message):
    __slots__ = ("index_id", "status", "limit", "cursor")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    status: _import_batch_pb2.BatchStatus
    limit: int
    cursor: str
    def __init__(self, index_id: _Optional[str] = ..., status: _Optional[_Union[_import_batch_pb2.BatchStatus, str]] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListImportBatchesResponse(_message.Message):
    __slots__ = ("data", "pagination")
    DATA_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    data: _containers.RepeatedCompositeFieldContainer[_import_batch_pb2.ImportBatch]
    pagination: _pagination_pb2.Pagination
    def __init__(self, data: _Optional[_Iterable[_Union[_import_batch_pb2.ImportBatch, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.Pagination, _Mapping]] = ...) -> None: ...

class GetImportBatchRequest(_message.Message):
    __slots__ = ("index_id", "batch_id")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    batch_id: str
    def __init__(self, index_id: _Optional[str] = ..., batch_id: _Optional[str] = ...) -> None: ...

class GetImportBatchResponse(_message.Message):
    __slots__ = ("batch",)
    BATCH_FIELD_NUMBER: _ClassVar[int]
    batch: _import_batch_pb2.ImportBatch
    def __init__(self, batch: _Optional[_Union[_import_batch_pb2.ImportBatch, _Mapping]] = ...) -> None: ...

class ApproveImportBatchRequest(_message.Message):
    __slots__ = ("index_id", "batch_id")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    batch_id: str
    def __init__(self, index_id: _Optional[str] = ..., batch_id: _Optional[str] = ...) -> None: ...

class ApproveImportBatchResponse(_message.Message):
    __slots__ = ("batch",)
    BATCH_FIELD_NUMBER: _ClassVar[int]
    batch: _import_batch_pb2.ImportBatch
    def __init__(self, batch: _Optional[_Union[_import_batch_pb2.ImportBatch, _Mapping]] = ...) -> None: ...

class RejectImportBatchRequest(_message.Message):
    __slots__ = ("index_id", "batch_id")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    batch_id: str
    def __init__(self, index_id: _Optional[str] = ..., batch_id: _Optional[str] = ...) -> None: ...

class RejectImportBatchResponse(_message.Message):
    __slots__ = ("batch",)
    BATCH_FIELD_NUMBER: _ClassVar[int]
    batch: _import_batch_pb2.ImportBatch
    def __init__(self, batch: _Optional[_Union[_import_batch_pb2.ImportBatch, _Mapping]] = ...) -> None: ...
