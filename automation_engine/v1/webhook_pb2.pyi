import datetime

from automation_engine.v1 import annotations_pb2 as _annotations_pb2
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

class WebhookEvent(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WEBHOOK_EVENT_UNSPECIFIED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_MEDIA_CREATED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_MEDIA_PROCESSING_STARTED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_MEDIA_PROCESSING_COMPLETED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_MEDIA_PROCESSING_FAILED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_PROMPT_RUN_STARTED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_PROMPT_RUN_COMPLETED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_PROMPT_RUN_FAILED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_PROMPT_RUN_CANCELLED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_PROMPT_RUN_PARTIAL_COMPLETED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_PROMPT_RUN_PROGRESS: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_EXPORT_READY: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_EXPORT_FAILED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_IMPORT_JOB_STARTED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_IMPORT_JOB_COMPLETED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_IMPORT_JOB_FAILED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_IMPORT_JOB_PARTIAL_COMPLETED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_IMPORT_JOB_PROGRESS: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_AUTOMATION_CREATED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_AUTOMATION_UPDATED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_AUTOMATION_PAUSED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_AUTOMATION_RESUMED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_AUTOMATION_DELETED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_AUTOMATION_TRIGGERED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_AUTOMATION_BATCH_HELD: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_AUTOMATION_DEGRADED: _ClassVar[WebhookEvent]
    WEBHOOK_EVENT_AUTOMATION_RECOVERED: _ClassVar[WebhookEvent]

class WebhookStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WEBHOOK_STATUS_UNSPECIFIED: _ClassVar[WebhookStatus]
    WEBHOOK_STATUS_ACTIVE: _ClassVar[WebhookStatus]
    WEBHOOK_STATUS_PAUSED: _ClassVar[WebhookStatus]
    WEBHOOK_STATUS_DISABLED: _ClassVar[WebhookStatus]

class WebhookDeliveryStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WEBHOOK_DELIVERY_STATUS_UNSPECIFIED: _ClassVar[WebhookDeliveryStatus]
    WEBHOOK_DELIVERY_STATUS_PENDING: _ClassVar[WebhookDeliveryStatus]
    WEBHOOK_DELIVERY_STATUS_PROCESSING: _ClassVar[WebhookDeliveryStatus]
    WEBHOOK_DELIVERY_STATUS_DELIVERED: _ClassVar[WebhookDeliveryStatus]
    WEBHOOK_DELIVERY_STATUS_FAILED: _ClassVar[WebhookDeliveryStatus]
    WEBHOOK_DELIVERY_STATUS_RETRYING: _ClassVar[WebhookDeliveryStatus]
WEBHOOK_EVENT_UNSPECIFIED: WebhookEvent
WEBHOOK_EVENT_MEDIA_CREATED: WebhookEvent
WEBHOOK_EVENT_MEDIA_PROCESSING_STARTED: WebhookEvent
WEBHOOK_EVENT_MEDIA_PROCESSING_COMPLETED: WebhookEvent
WEBHOOK_EVENT_MEDIA_PROCESSING_FAILED: WebhookEvent
WEBHOOK_EVENT_PROMPT_RUN_STARTED: WebhookEvent
WEBHOOK_EVENT_PROMPT_RUN_COMPLETED: WebhookEvent
WEBHOOK_EVENT_PROMPT_RUN_FAILED: WebhookEvent
WEBHOOK_EVENT_PROMPT_RUN_CANCELLED: WebhookEvent
WEBHOOK_EVENT_PROMPT_RUN_PARTIAL_COMPLETED: WebhookEvent
WEBHOOK_EVENT_PROMPT_RUN_PROGRESS: WebhookEvent
WEBHOOK_EVENT_EXPORT_READY: WebhookEvent
WEBHOOK_EVENT_EXPORT_FAILED: WebhookEvent
WEBHOOK_EVENT_IMPORT_JOB_STARTED: WebhookEvent
WEBHOOK_EVENT_IMPORT_JOB_COMPLETED: WebhookEvent
WEBHOOK_EVENT_IMPORT_JOB_FAILED: WebhookEvent
WEBHOOK_EVENT_IMPORT_JOB_PARTIAL_COMPLETED: WebhookEvent
WEBHOOK_EVENT_IMPORT_JOB_PROGRESS: WebhookEvent
WEBHOOK_EVENT_AUTOMATION_CREATED: WebhookEvent
WEBHOOK_EVENT_AUTOMATION_UPDATED: WebhookEvent
WEBHOOK_EVENT_AUTOMATION_PAUSED: WebhookEvent
WEBHOOK_EVENT_AUTOMATION_RESUMED: WebhookEvent
WEBHOOK_EVENT_AUTOMATION_DELETED: WebhookEvent
WEBHOOK_EVENT_AUTOMATION_TRIGGERED: WebhookEvent
WEBHOOK_EVENT_AUTOMATION_BATCH_HELD: WebhookEvent
WEBHOOK_EVENT_AUTOMATION_DEGRADED: WebhookEvent
WEBHOOK_EVENT_AUTOMATION_RECOVERED: WebhookEvent
WEBHOOK_STATUS_UNSPECIFIED: WebhookStatus
WEBHOOK_STATUS_ACTIVE: WebhookStatus
WEBHOOK_STATUS_PAUSED: WebhookStatus
WEBHOOK_STATUS_DISABLED: WebhookStatus
WEBHOOK_DELIVERY_STATUS_UNSPECIFIED: WebhookDeliveryStatus
WEBHOOK_DELIVERY_STATUS_PENDING: WebhookDeliveryStatus
WEBHOOK_DELIVERY_STATUS_PROCESSING: WebhookDeliveryStatus
WEBHOOK_DELIVERY_STATUS_DELIVERED: WebhookDeliveryStatus
WEBHOOK_DELIVERY_STATUS_FAILED: WebhookDeliveryStatus
WEBHOOK_DELIVERY_STATUS_RETRYING: WebhookDeliveryStatus

class Webhook(_message.Message):
    __slots__ = ("webhook_id", "name", "url", "events", "index_ids", "status", "failure_count", "last_failure_at", "last_success_at", "created_at", "updated_at", "metadata")
    WEBHOOK_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    INDEX_IDS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_COUNT_FIELD_NUMBER: _ClassVar[int]
    LAST_FAILURE_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_SUCCESS_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    webhook_id: str
    name: str
    url: str
    events: _containers.RepeatedScalarFieldContainer[WebhookEvent]
    index_ids: _struct_pb2.ListValue
    status: WebhookStatus
    failure_count: int
    last_failure_at: _timestamp_pb2.Timestamp
    last_success_at: _timestamp_pb2.Timestamp
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    metadata: _struct_pb2.Struct
    def __init__(self, webhook_id: _Optional[str] = ..., name: _Optional[str] = ..., url: _Optional[str] = ..., events: _Optional[_Iterable[_Union[WebhookEvent, str]]] = ..., index_ids: _Optional[_Union[_struct_pb2.ListValue, _Mapping]] = ..., status: _Optional[_Union[WebhookStatus, str]] = ..., failure_count: _Optional[int] = ..., last_failure_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_success_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class WebhookDelivery(_message.Message):
    __slots__ = ("delivery_id", "webhook_id", "event_type", "status", "attempts", "last_attempt_at", "next_retry_at", "response_status_code", "response_body", "error_message", "created_at", "completed_at", "payload")
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    WEBHOOK_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    LAST_ATTEMPT_AT_FIELD_NUMBER: _ClassVar[int]
    NEXT_RETRY_AT_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_STATUS_CODE_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_BODY_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_AT_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    delivery_id: str
    webhook_id: str
    event_type: WebhookEvent
    status: WebhookDeliveryStatus
    attempts: int
    last_attempt_at: _timestamp_pb2.Timestamp
    next_retry_at: _timestamp_pb2.Timestamp
    response_status_code: int
    response_body: str
    error_message: str
    created_at: _timestamp_pb2.Timestamp
    completed_at: _timestamp_pb2.Timestamp
    payload: _struct_pb2.Struct
    def __init__(self, delivery_id: _Optional[str] = ..., webhook_id: _Optional[str] = ..., event_type: _Optional[_Union[WebhookEvent, str]] = ..., status: _Optional[_Union[WebhookDeliveryStatus, str]] = ..., attempts: _Optional[int] = ..., last_attempt_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., next_retry_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., response_status_code: _Optional[int] = ..., response_body: _Optional[str] = ..., error_message: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., completed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., payload: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...
