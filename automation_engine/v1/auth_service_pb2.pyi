from automation_engine.v1 import annotations_pb2 as _annotations_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2_1
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ValidateCredentialsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ValidateCredentialsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RecordProcessingActivityRequest(_message.Message):
    __slots__ = ("event_id", "surface", "reason", "operation")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    SURFACE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    surface: str
    reason: str
    operation: str
    def __init__(self, event_id: _Optional[str] = ..., surface: _Optional[str] = ..., reason: _Optional[str] = ..., operation: _Optional[str] = ...) -> None: ...

class RecordProcessingActivityResponse(_message.Message):
    __slots__ = ("accepted",)
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    accepted: bool
    def __init__(self, accepted: _Optional[bool] = ...) -> None: ...
