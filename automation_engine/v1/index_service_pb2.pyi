from automation_engine.v1 import annotations_pb2 as _annotations_pb2
from automation_engine.v1 import index_pb2 as _index_pb2
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

class CreateIndexRequest(_message.Message):
    __slots__ = ("name", "description")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class CreateIndexResponse(_message.Message):
    __slots__ = ("index",)
    INDEX_FIELD_NUMBER: _ClassVar[int]
    index: _index_pb2.Index
    def __init__(self, index: _Optional[_Union[_index_pb2.Index, _Mapping]] = ...) -> None: ...

class ListIndexesRequest(_message.Message):
    __slots__ = ("include_defaults",)
    INCLUDE_DEFAULTS_FIELD_NUMBER: _ClassVar[int]
    include_defaults: bool
    def __init__(self, include_defaults: _Optional[bool] = ...) -> None: ...

class ListIndexesResponse(_message.Message):
    __slots__ = ("indexes",)
    INDEXES_FIELD_NUMBER: _ClassVar[int]
    indexes: _containers.RepeatedCompositeFieldContainer[_index_pb2.Index]
    def __init__(self, indexes: _Optional[_Iterable[_Union[_index_pb2.Index, _Mapping]]] = ...) -> None: ...

class GetIndexRequest(_message.Message):
    __slots__ = ("index_id",)
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    def __init__(self, index_id: _Optional[str] = ...) -> None: ...

class GetIndexResponse(_message.Message):
    __slots__ = ("index",)
    INDEX_FIELD_NUMBER: _ClassVar[int]
    index: _index_pb2.Index
    def __init__(self, index: _Optional[_Union[_index_pb2.Index, _Mapping]] = ...) -> None: ...

class DeleteIndexRequest(_message.Message):
    __slots__ = ("index_id",)
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    def __init__(self, index_id: _Optional[str] = ...) -> None: ...

class DeleteIndexResponse(_message.Message):
    __slots__ = ("index_id", "deletion_id", "status", "retry_after_seconds")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    DELETION_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_SECONDS_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    deletion_id: str
    status: _index_pb2.DeletionStatus
    retry_after_seconds: int
    def __init__(self, index_id: _Optional[str] = ..., deletion_id: _Optional[str] = ..., status: _Optional[_Union[_index_pb2.DeletionStatus, str]] = ..., retry_after_seconds: _Optional[int] = ...) -> None: ...

class GetIndexDeletionRequest(_message.Message):
    __slots__ = ("index_id",)
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    def __init__(self, index_id: _Optional[str] = ...) -> None: ...

class GetIndexDeletionResponse(_message.Message):
    __slots__ = ("index_id", "deletion_id", "status", "retry_after_seconds")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    DELETION_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_SECONDS_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    deletion_id: str
    status: _index_pb2.DeletionStatus
    retry_after_seconds: int
    def __init__(self, index_id: _Optional[str] = ..., deletion_id: _Optional[str] = ..., status: _Optional[_Union[_index_pb2.DeletionStatus, str]] = ..., retry_after_seconds: _Optional[int] = ...) -> None: ...
