import datetime

from automation_engine.v1 import automation_pb2 as _automation_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RevisionAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVISION_ACTION_UNSPECIFIED: _ClassVar[RevisionAction]
    REVISION_ACTION_PUT: _ClassVar[RevisionAction]
    REVISION_ACTION_PAUSE: _ClassVar[RevisionAction]
    REVISION_ACTION_RESUME: _ClassVar[RevisionAction]
    REVISION_ACTION_RESTORE: _ClassVar[RevisionAction]
    REVISION_ACTION_DELETE: _ClassVar[RevisionAction]
REVISION_ACTION_UNSPECIFIED: RevisionAction
REVISION_ACTION_PUT: RevisionAction
REVISION_ACTION_PAUSE: RevisionAction
REVISION_ACTION_RESUME: RevisionAction
REVISION_ACTION_RESTORE: RevisionAction
REVISION_ACTION_DELETE: RevisionAction

class FieldChange(_message.Message):
    __slots__ = ("field", "before", "after")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    field: str
    before: _struct_pb2.Value
    after: _struct_pb2.Value
    def __init__(self, field: _Optional[str] = ..., before: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., after: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...

class ImportRevision(_message.Message):
    __slots__ = ("revision", "action", "actor", "created_at", "restored_from", "configuration", "changes")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    RESTORED_FROM_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    revision: int
    action: RevisionAction
    actor: str
    created_at: _timestamp_pb2.Timestamp
    restored_from: int
    configuration: _automation_pb2.ImportAutomation
    changes: _containers.RepeatedCompositeFieldContainer[FieldChange]
    def __init__(self, revision: _Optional[int] = ..., action: _Optional[_Union[RevisionAction, str]] = ..., actor: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., restored_from: _Optional[int] = ..., configuration: _Optional[_Union[_automation_pb2.ImportAutomation, _Mapping]] = ..., changes: _Optional[_Iterable[_Union[FieldChange, _Mapping]]] = ...) -> None: ...

class ExportRevision(_message.Message):
    __slots__ = ("revision", "action", "actor", "created_at", "restored_from", "configuration", "changes")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    RESTORED_FROM_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    revision: int
    action: RevisionAction
    actor: str
    created_at: _timestamp_pb2.Timestamp
    restored_from: int
    configuration: _automation_pb2.ExportAutomation
    changes: _containers.RepeatedCompositeFieldContainer[FieldChange]
    def __init__(self, revision: _Optional[int] = ..., action: _Optional[_Union[RevisionAction, str]] = ..., actor: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., restored_from: _Optional[int] = ..., configuration: _Optional[_Union[_automation_pb2.ExportAutomation, _Mapping]] = ..., changes: _Optional[_Iterable[_Union[FieldChange, _Mapping]]] = ...) -> None: ...
