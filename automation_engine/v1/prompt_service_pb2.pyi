from automation_engine.v1 import annotations_pb2 as _annotations_pb2
from automation_engine.v1 import prompt_pb2 as _prompt_pb2
from automation_engine.v1 import validation_pb2 as _validation_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2_1
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreatePromptRequest(_message.Message):
    __slots__ = ("name", "description", "prompt_text", "json_schema", "video_level", "semantic_indexing")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TEXT_FIELD_NUMBER: _ClassVar[int]
    JSON_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    VIDEO_LEVEL_FIELD_NUMBER: _ClassVar[int]
    SEMANTIC_INDEXING_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    prompt_text: str
    json_schema: _struct_pb2.Struct
    video_level: _prompt_pb2.PromptVideoLevel
    semantic_indexing: _prompt_pb2.PromptSemanticIndexing
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., prompt_text: _Optional[str] = ..., json_schema: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., video_level: _Optional[_Union[_prompt_pb2.PromptVideoLevel, _Mapping]] = ..., semantic_indexing: _Optional[_Union[_prompt_pb2.PromptSemanticIndexing, _Mapping]] = ...) -> None: ...

class CreatePromptResponse(_message.Message):
    __slots__ = ("prompt",)
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    prompt: _prompt_pb2.Prompt
    def __init__(self, prompt: _Optional[_Union[_prompt_pb2.Prompt, _Mapping]] = ...) -> None: ...

class ListPromptsRequest(_message.Message):
    __slots__ = ("active_only", "include_defaults")
    ACTIVE_ONLY_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_DEFAULTS_FIELD_NUMBER: _ClassVar[int]
    active_only: bool
    include_defaults: bool
    def __init__(self, active_only: _Optional[bool] = ..., include_defaults: _Optional[bool] = ...) -> None: ...

class ListPromptsResponse(_message.Message):
    __slots__ = ("prompts", "total_count", "active_count")
    PROMPTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_COUNT_FIELD_NUMBER: _ClassVar[int]
    prompts: _containers.RepeatedCompositeFieldContainer[_prompt_pb2.Prompt]
    total_count: int
    active_count: int
    def __init__(self, prompts: _Optional[_Iterable[_Union[_prompt_pb2.Prompt, _Mapping]]] = ..., total_count: _Optional[int] = ..., active_count: _Optional[int] = ...) -> None: ...

class GetPromptRequest(_message.Message):
    __slots__ = ("prompt_id",)
    PROMPT_ID_FIELD_NUMBER: _ClassVar[int]
    prompt_id: str
    def __init__(self, prompt_id: _Optional[str] = ...) -> None: ...

class GetPromptResponse(_message.Message):
    __slots__ = ("prompt",)
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    prompt: _prompt_pb2.Prompt
    def __init__(self, prompt: _Optional[_Union[_prompt_pb2.Prompt, _Mapping]] = ...) -> None: ...

class UpdatePromptRequest(_message.Message):
    __slots__ = ("prompt_id", "name", "description", "prompt_text", "json_schema", "video_level", "semantic_indexing", "clear_video_level")
    PROMPT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TEXT_FIELD_NUMBER: _ClassVar[int]
    JSON_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    VIDEO_LEVEL_FIELD_NUMBER: _ClassVar[int]
    SEMANTIC_INDEXING_FIELD_NUMBER: _ClassVar[int]
    CLEAR_VIDEO_LEVEL_FIELD_NUMBER: _ClassVar[int]
    prompt_id: str
    name: str
    description: str
    prompt_text: str
    json_schema: _struct_pb2.Struct
    video_level: _prompt_pb2.PromptVideoLevel
    semantic_indexing: _prompt_pb2.PromptSemanticIndexing
    clear_video_level: bool
    def __init__(self, prompt_id: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., prompt_text: _Optional[str] = ..., json_schema: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., video_level: _Optional[_Union[_prompt_pb2.PromptVideoLevel, _Mapping]] = ..., semantic_indexing: _Optional[_Union[_prompt_pb2.PromptSemanticIndexing, _Mapping]] = ..., clear_video_level: _Optional[bool] = ...) -> None: ...

class UpdatePromptResponse(_message.Message):
    __slots__ = ("prompt",)
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    prompt: _prompt_pb2.Prompt
    def __init__(self, prompt: _Optional[_Union[_prompt_pb2.Prompt, _Mapping]] = ...) -> None: ...

class DeletePromptRequest(_message.Message):
    __slots__ = ("prompt_id", "force")
    PROMPT_ID_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    prompt_id: str
    force: bool
    def __init__(self, prompt_id: _Optional[str] = ..., force: _Optional[bool] = ...) -> None: ...

class DeletePromptResponse(_message.Message):
    __slots__ = ("message",)
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    message: str
    def __init__(self, message: _Optional[str] = ...) -> None: ...

class TestPromptSchemaRequest(_message.Message):
    __slots__ = ("json_schema", "sample_data")
    JSON_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_DATA_FIELD_NUMBER: _ClassVar[int]
    json_schema: _struct_pb2.Struct
    sample_data: _struct_pb2.Struct
    def __init__(self, json_schema: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., sample_data: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class TestPromptSchemaResponse(_message.Message):
    __slots__ = ("valid", "validated_data", "error", "message")
    VALID_FIELD_NUMBER: _ClassVar[int]
    VALIDATED_DATA_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    valid: bool
    validated_data: _struct_pb2.Struct
    error: str
    message: str
    def __init__(self, valid: _Optional[bool] = ..., validated_data: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., error: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class GetPromptUsageRequest(_message.Message):
    __slots__ = ("prompt_id",)
    PROMPT_ID_FIELD_NUMBER: _ClassVar[int]
    prompt_id: str
    def __init__(self, prompt_id: _Optional[str] = ...) -> None: ...

class GetPromptUsageResponse(_message.Message):
    __slots__ = ("usage",)
    USAGE_FIELD_NUMBER: _ClassVar[int]
    usage: _prompt_pb2.PromptUsage
    def __init__(self, usage: _Optional[_Union[_prompt_pb2.PromptUsage, _Mapping]] = ...) -> None: ...
