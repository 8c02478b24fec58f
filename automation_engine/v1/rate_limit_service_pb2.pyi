from automation_engine.v1 import annotations_pb2 as _annotations_pb2
from google.api import annotations_pb2 as _annotations_pb2_1
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetRateLimitStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetRateLimitStatusResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: RateLimitStatus
    def __init__(self, status: _Optional[_Union[RateLimitStatus, _Mapping]] = ...) -> None: ...

class RefreshRateLimitRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RefreshRateLimitResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: RateLimitStatus
    def __init__(self, status: _Optional[_Union[RateLimitStatus, _Mapping]] = ...) -> None: ...

class RateLimitStatus(_message.Message):
    __slots__ = ("user_id", "plan_id", "categories")
    class CategoriesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: RateLimitCategory
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[RateLimitCategory, _Mapping]] = ...) -> None: ...
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    PLAN_ID_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    plan_id: str
    categories: _containers.MessageMap[str, RateLimitCategory]
    def __init__(self, user_id: _Optional[str] = ..., plan_id: _Optional[str] = ..., categories: _Optional[_Mapping[str, RateLimitCategory]] = ...) -> None: ...

class RateLimitCategory(_message.Message):
    __slots__ = ("minute_used", "minute_limit", "minute_remaining", "hour_used", "hour_limit", "hour_remaining", "reset_at")
    MINUTE_USED_FIELD_NUMBER: _ClassVar[int]
    MINUTE_LIMIT_FIELD_NUMBER: _ClassVar[int]
    MINUTE_REMAINING_FIELD_NUMBER: _ClassVar[int]
    HOUR_USED_FIELD_NUMBER: _ClassVar[int]
    HOUR_LIMIT_FIELD_NUMBER: _ClassVar[int]
    HOUR_REMAINING_FIELD_NUMBER: _ClassVar[int]
    RESET_AT_FIELD_NUMBER: _ClassVar[int]
    minute_used: int
    minute_limit: int
    minute_remaining: int
    hour_used: int
    hour_limit: int
    hour_remaining: int
    reset_at: int
    def __init__(self, minute_used: _Optional[int] = ..., minute_limit: _Optional[int] = ..., minute_remaining: _Optional[int] = ..., hour_used: _Optional[int] = ..., hour_limit: _Optional[int] = ..., hour_remaining: _Optional[int] = ..., reset_at: _Optional[int] = ...) -> None: ...
