import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeletionStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELETION_STATUS_UNSPECIFIED: _ClassVar[DeletionStatus]
    DELETION_STATUS_DRAINING: _ClassVar[DeletionStatus]
    DELETION_STATUS_DELETING: _ClassVar[DeletionStatus]
    DELETION_STATUS_DELETED: _ClassVar[DeletionStatus]
DELETION_STATUS_UNSPECIFIED: DeletionStatus
DELETION_STATUS_DRAINING: DeletionStatus
DELETION_STATUS_DELETING: DeletionStatus
DELETION_STATUS_DELETED: DeletionStatus

class Index(_message.Message):
    __slots__ = ("index_id", "name", "user_id", "created_at", "description", "sort_order", "is_default")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SORT_ORDER_FIELD_NUMBER: _ClassVar[int]
    IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    name: str
    user_id: str
    created_at: _timestamp_pb2.Timestamp
    description: str
    sort_order: int
    is_default: bool
    def __init__(self, index_id: _Optional[str] = ..., name: _Optional[str] = ..., user_id: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., description: _Optional[str] = ..., sort_order: _Optional[int] = ..., is_default: _Optional[bool] = ...) -> None: ...
