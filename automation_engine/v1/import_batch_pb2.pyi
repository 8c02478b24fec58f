import datetime

from automation_engine.v1 import automation_pb2 as _automation_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BatchStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BATCH_STATUS_UNSPECIFIED: _ClassVar[BatchStatus]
    BATCH_STATUS_HELD: _ClassVar[BatchStatus]
    BATCH_STATUS_STARTED: _ClassVar[BatchStatus]
    BATCH_STATUS_REJECTED: _ClassVar[BatchStatus]
BATCH_STATUS_UNSPECIFIED: BatchStatus
BATCH_STATUS_HELD: BatchStatus
BATCH_STATUS_STARTED: BatchStatus
BATCH_STATUS_REJECTED: BatchStatus

class CompletenessCertificate(_message.Message):
    __slots__ = ("scan_epoch", "scan_started_at", "scan_finished_at", "listing_hash", "member_hash", "listed", "not_matched", "excluded", "matched", "members", "ready", "settling", "held", "claimed_before", "imported_before", "failed_before", "skipped_before", "gone_since", "unexplained")
    SCAN_EPOCH_FIELD_NUMBER: _ClassVar[int]
    SCAN_STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    SCAN_FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    LISTING_HASH_FIELD_NUMBER: _ClassVar[int]
    MEMBER_HASH_FIELD_NUMBER: _ClassVar[int]
    LISTED_FIELD_NUMBER: _ClassVar[int]
    NOT_MATCHED_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_FIELD_NUMBER: _ClassVar[int]
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    SETTLING_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    IMPORTED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    FAILED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    GONE_SINCE_FIELD_NUMBER: _ClassVar[int]
    UNEXPLAINED_FIELD_NUMBER: _ClassVar[int]
    scan_epoch: int
    scan_started_at: _timestamp_pb2.Timestamp
    scan_finished_at: _timestamp_pb2.Timestamp
    listing_hash: str
    member_hash: str
    listed: int
    not_matched: int
    excluded: int
    matched: int
    members: int
    ready: int
    settling: int
    held: int
    claimed_before: int
    imported_before: int
    failed_before: int
    skipped_before: int
    gone_since: int
    unexplained: int
    def __init__(self, scan_epoch: _Optional[int] = ..., scan_started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., scan_finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., listing_hash: _Optional[str] = ..., member_hash: _Optional[str] = ..., listed: _Optional[int] = ..., not_matched: _Optional[int] = ..., excluded: _Optional[int] = ..., matched: _Optional[int] = ..., members: _Optional[int] = ..., ready: _Optional[int] = ..., settling: _Optional[int] = ..., held: _Optional[int] = ..., claimed_before: _Optional[int] = ..., imported_before: _Optional[int] = ..., failed_before: _Optional[int] = ..., skipped_before: _Optional[int] = ..., gone_since: _Optional[int] = ..., unexplained: _Optional[int] = ...) -> None: ...

class ImportBatch(_message.Message):
    __slots__ = ("batch_id", "status", "trigger", "fired_at", "generation", "sequence", "object_count", "bytes", "job_id", "run_id", "held_reason", "decided_by", "decided_at", "certificate")
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    FIRED_AT_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    OBJECT_COUNT_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    HELD_REASON_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    batch_id: str
    status: BatchStatus
    trigger: _automation_pb2.BatchTrigger
    fired_at: _timestamp_pb2.Timestamp
    generation: int
    sequence: int
    object_count: int
    bytes: int
    job_id: str
    run_id: str
    held_reason: str
    decided_by: str
    decided_at: _timestamp_pb2.Timestamp
    certificate: CompletenessCertificate
    def __init__(self, batch_id: _Optional[str] = ..., status: _Optional[_Union[BatchStatus, str]] = ..., trigger: _Optional[_Union[_automation_pb2.BatchTrigger, str]] = ..., fired_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., generation: _Optional[int] = ..., sequence: _Optional[int] = ..., object_count: _Optional[int] = ..., bytes: _Optional[int] = ..., job_id: _Optional[str] = ..., run_id: _Optional[str] = ..., held_reason: _Optional[str] = ..., decided_by: _Optional[str] = ..., decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., certificate: _Optional[_Union[CompletenessCertificate, _Mapping]] = ...) -> None: ...
