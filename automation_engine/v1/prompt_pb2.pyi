import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PromptVideoLevel(_message.Message):
    __slots__ = ("instructions_text", "json_schema")
    INSTRUCTIONS_TEXT_FIELD_NUMBER: _ClassVar[int]
    JSON_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    instructions_text: str
    json_schema: _struct_pb2.Struct
    def __init__(self, instructions_text: _Optional[str] = ..., json_schema: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class PromptSemanticIndexing(_message.Message):
    __slots__ = ("disabled_segment_fields", "disabled_video_level_fields")
    DISABLED_SEGMENT_FIELDS_FIELD_NUMBER: _ClassVar[int]
    DISABLED_VIDEO_LEVEL_FIELDS_FIELD_NUMBER: _ClassVar[int]
    disabled_segment_fields: _containers.RepeatedScalarFieldContainer[str]
    disabled_video_level_fields: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, disabled_segment_fields: _Optional[_Iterable[str]] = ..., disabled_video_level_fields: _Optional[_Iterable[str]] = ...) -> None: ...

class Prompt(_message.Message):
    __slots__ = ("prompt_id", "user_id", "name", "description", "prompt_text", "json_schema", "video_level", "semantic_indexing", "is_active", "created_at")
    PROMPT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TEXT_FIELD_NUMBER: _ClassVar[int]
    JSON_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    VIDEO_LEVEL_FIELD_NUMBER: _ClassVar[int]
    SEMANTIC_INDEXING_FIELD_NUMBER: _ClassVar[int]
    IS_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    prompt_id: str
    user_id: str
    name: str
    description: str
    prompt_text: str
    json_schema: _struct_pb2.Struct
    video_level: PromptVideoLevel
    semantic_indexing: PromptSemanticIndexing
    is_active: bool
    created_at: _timestamp_pb2.Timestamp
    def __init__(self, prompt_id: _Optional[str] = ..., user_id: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., prompt_text: _Optional[str] = ..., json_schema: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., video_level: _Optional[_Union[PromptVideoLevel, _Mapping]] = ..., semantic_indexing: _Optional[_Union[PromptSemanticIndexing, _Mapping]] = ..., is_active: _Optional[bool] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PromptUsage(_message.Message):
    __slots__ = ("prompt_id", "name", "is_active", "is_in_use", "created_at", "schema_properties_count", "prompt_run_count", "automation_index_ids")
    PROMPT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    IS_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    IS_IN_USE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_PROPERTIES_COUNT_FIELD_NUMBER: _ClassVar[int]
    PROMPT_RUN_COUNT_FIELD_NUMBER: _ClassVar[int]
    AUTOMATION_INDEX_IDS_FIELD_NUMBER: _ClassVar[int]
    prompt_id: str
    name: str
    is_active: bool
    is_in_use: bool
    created_at: _timestamp_pb2.Timestamp
    schema_properties_count: int
    prompt_run_count: int
    automation_index_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, prompt_id: _Optional[str] = ..., name: _Optional[str] = ..., is_active: _Optional[bool] = ..., is_in_use: _Optional[bool] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., schema_properties_count: _Optional[int] = ..., prompt_run_count: _Optional[int] = ..., automation_index_ids: _Optional[_Iterable[str]] = ...) -> None: ...
