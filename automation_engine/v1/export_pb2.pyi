import datetime

from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExportType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPORT_TYPE_UNSPECIFIED: _ClassVar[ExportType]
    EXPORT_TYPE_INDEX: _ClassVar[ExportType]
    EXPORT_TYPE_PROMPT_RUN: _ClassVar[ExportType]

class ExportStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPORT_STATUS_UNSPECIFIED: _ClassVar[ExportStatus]
    EXPORT_STATUS_PENDING: _ClassVar[ExportStatus]
    EXPORT_STATUS_PROCESSING: _ClassVar[ExportStatus]
    EXPORT_STATUS_COMPLETED: _ClassVar[ExportStatus]
    EXPORT_STATUS_FAILED: _ClassVar[ExportStatus]

class ExportQueueStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPORT_QUEUE_STATUS_UNSPECIFIED: _ClassVar[ExportQueueStatus]
    EXPORT_QUEUE_STATUS_QUEUED: _ClassVar[ExportQueueStatus]
    EXPORT_QUEUE_STATUS_LEASED: _ClassVar[ExportQueueStatus]
    EXPORT_QUEUE_STATUS_RUNNING: _ClassVar[ExportQueueStatus]
    EXPORT_QUEUE_STATUS_FAILED: _ClassVar[ExportQueueStatus]
    EXPORT_QUEUE_STATUS_SUCCEEDED: _ClassVar[ExportQueueStatus]
    EXPORT_QUEUE_STATUS_DEAD_LETTER: _ClassVar[ExportQueueStatus]

class ExportDestinationType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPORT_DESTINATION_TYPE_UNSPECIFIED: _ClassVar[ExportDestinationType]
    EXPORT_DESTINATION_TYPE_DOWNLOAD: _ClassVar[ExportDestinationType]
    EXPORT_DESTINATION_TYPE_CONNECTOR: _ClassVar[ExportDestinationType]
EXPORT_TYPE_UNSPECIFIED: ExportType
EXPORT_TYPE_INDEX: ExportType
EXPORT_TYPE_PROMPT_RUN: ExportType
EXPORT_STATUS_UNSPECIFIED: ExportStatus
EXPORT_STATUS_PENDING: ExportStatus
EXPORT_STATUS_PROCESSING: ExportStatus
EXPORT_STATUS_COMPLETED: ExportStatus
EXPORT_STATUS_FAILED: ExportStatus
EXPORT_QUEUE_STATUS_UNSPECIFIED: ExportQueueStatus
EXPORT_QUEUE_STATUS_QUEUED: ExportQueueStatus
EXPORT_QUEUE_STATUS_LEASED: ExportQueueStatus
EXPORT_QUEUE_STATUS_RUNNING: ExportQueueStatus
EXPORT_QUEUE_STATUS_FAILED: ExportQueueStatus
EXPORT_QUEUE_STATUS_SUCCEEDED: ExportQueueStatus
EXPORT_QUEUE_STATUS_DEAD_LETTER: ExportQueueStatus
EXPORT_DESTINATION_TYPE_UNSPECIFIED: ExportDestinationType
EXPORT_DESTINATION_TYPE_DOWNLOAD: ExportDestinationType
EXPORT_DESTINATION_TYPE_CONNECTOR: ExportDestinationType

class ExportParams(_message.Message):
    __slots__ = ("prompt_run_ids", "destination_connector_id", "destination_base_path", "destination_subpath")
    PROMPT_RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_BASE_PATH_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_SUBPATH_FIELD_NUMBER: _ClassVar[int]
    prompt_run_ids: _containers.RepeatedScalarFieldContainer[str]
    destination_connector_id: str
    destination_base_path: str
    destination_subpath: str
    def __init__(self, prompt_run_ids: _Optional[_Iterable[str]] = ..., destination_connector_id: _Optional[str] = ..., destination_base_path: _Optional[str] = ..., destination_subpath: _Optional[str] = ...) -> None: ...

class Export(_message.Message):
    __slots__ = ("export_id", "user_id", "export_type", "target_id", "status", "created_at", "gcs_uri", "download_url", "file_size_bytes", "error_message", "export_params", "queue_status", "attempts", "max_attempts", "available_at", "started_at", "completed_at", "updated_at", "last_error", "destination_type", "destination_connector_id", "destination_base_path", "destination_subpath", "destination_uri")
    EXPORT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    EXPORT_TYPE_FIELD_NUMBER: _ClassVar[int]
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    GCS_URI_FIELD_NUMBER: _ClassVar[int]
    DOWNLOAD_URL_FIELD_NUMBER: _ClassVar[int]
    FILE_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EXPORT_PARAMS_FIELD_NUMBER: _ClassVar[int]
    QUEUE_STATUS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_AT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_TYPE_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_BASE_PATH_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_SUBPATH_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_URI_FIELD_NUMBER: _ClassVar[int]
    export_id: str
    user_id: str
    export_type: ExportType
    target_id: str
    status: ExportStatus
    created_at: _timestamp_pb2.Timestamp
    gcs_uri: str
    download_url: str
    file_size_bytes: int
    error_message: str
    export_params: ExportParams
    queue_status: ExportQueueStatus
    attempts: int
    max_attempts: int
    available_at: _timestamp_pb2.Timestamp
    started_at: _timestamp_pb2.Timestamp
    completed_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    last_error: str
    destination_type: ExportDestinationType
    destination_connector_id: str
    destination_base_path: str
    destination_subpath: str
    destination_uri: str
    def __init__(self, export_id: _Optional[str] = ..., user_id: _Optional[str] = ..., export_type: _Optional[_Union[ExportType, str]] = ..., target_id: _Optional[str] = ..., status: _Optional[_Union[ExportStatus, str]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., gcs_uri: _Optional[str] = ..., download_url: _Optional[str] = ..., file_size_bytes: _Optional[int] = ..., error_message: _Optional[str] = ..., export_params: _Optional[_Union[ExportParams, _Mapping]] = ..., queue_status: _Optional[_Union[ExportQueueStatus, str]] = ..., attempts: _Optional[int] = ..., max_attempts: _Optional[int] = ..., available_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., completed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_error: _Optional[str] = ..., destination_type: _Optional[_Union[ExportDestinationType, str]] = ..., destination_connector_id: _Optional[str] = ..., destination_base_path: _Optional[str] = ..., destination_subpath: _Optional[str] = ..., destination_uri: _Optional[str] = ...) -> None: ...
