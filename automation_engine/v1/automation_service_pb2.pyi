from automation_engine.v1 import annotations_pb2 as _annotations_pb2
from automation_engine.v1 import automation_pb2 as _automation_pb2
from automation_engine.v1 import pagination_pb2 as _pagination_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2_1
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListAutomationsRequest(_message.Message):
    __slots__ = ("kind", "state", "health", "limit", "cursor")
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    kind: _automation_pb2.AutomationKind
    state: _automation_pb2.AutomationState
    health: _automation_pb2.AutomationHealth
    limit: int
    cursor: str
    def __init__(self, kind: _Optional[_Union[_automation_pb2.AutomationKind, str]] = ..., state: _Optional[_Union[_automation_pb2.AutomationState, str]] = ..., health: _Optional[_Union[_automation_pb2.AutomationHealth, str]] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListAutomationsResponse(_message.Message):
    __slots__ = ("data", "pagination")
    DATA_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    data: _containers.RepeatedCompositeFieldContainer[_automation_pb2.AutomationSummary]
    pagination: _pagination_pb2.Pagination
    def __init__(self, data: _Optional[_Iterable[_Union[_automation_pb2.AutomationSummary, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.Pagination, _Mapping]] = ...) -> None: ...

class GetImportAutomationRequest(_message.Message):
    __slots__ = ("index_id",)
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    def __init__(self, index_id: _Optional[str] = ...) -> None: ...

class GetImportAutomationResponse(_message.Message):
    __slots__ = ("import_automation",)
    IMPORT_AUTOMATION_FIELD_NUMBER: _ClassVar[int]
    import_automation: _automation_pb2.ImportAutomation
    def __init__(self, import_automation: _Optional[_Union[_automation_pb2.ImportAutomation, _Mapping]] = ...) -> None: ...

class PutImportAutomationRequest(_message.Message):
    __slots__ = ("index_id", "import_automation", "validate_only", "etag")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    IMPORT_AUTOMATION_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    import_automation: _automation_pb2.ImportAutomation
    validate_only: bool
    etag: str
    def __init__(self, index_id: _Optional[str] = ..., import_automation: _Optional[_Union[_automation_pb2.ImportAutomation, _Mapping]] = ..., validate_only: _Optional[bool] = ..., etag: _Optional[str] = ...) -> None: ...

class PutImportAutomationResponse(_message.Message):
    __slots__ = ("import_automation",)
    IMPORT_AUTOMATION_FIELD_NUMBER: _ClassVar[int]
    import_automation: _automation_pb2.ImportAutomation
    def __init__(self, import_automation: _Optional[_Union[_automation_pb2.ImportAutomation, _Mapping]] = ...) -> None: ...

class PauseImportAutomationRequest(_message.Message):
    __slots__ = ("index_id",)
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    def __init__(self, index_id: _Optional[str] = ...) -> None: ...

class PauseImportAutomationResponse(_message.Message):
    __slots__ = ("import_automation",)
    IMPORT_AUTOMATION_FIELD_NUMBER: _ClassVar[int]
    import_automation: _automation_pb2.ImportAutomation
    def __init__(self, import_automation: _Optional[_Union[_automation_pb2.ImportAutomation, _Mapping]] = ...) -> None: ...

class ResumeImportAutomationRequest(_message.Message):
    __slots__ = ("index_id",)
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    def __init__(self, index_id: _Optional[str] = ...) -> None: ...

class ResumeImportAutomationResponse(_message.Message):
    __slots__ = ("import_automation",)
    IMPORT_AUTOMATION_FIELD_NUMBER: _ClassVar[int]
    import_automation: _automation_pb2.ImportAutomation
    def __init__(self, import_automation: _Optional[_Union[_automation_pb2.ImportAutomation, _Mapping]] = ...) -> None: ...

class DeleteImportAutomationRequest(_message.Message):
    __slots__ = ("index_id", "forget")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    FORGET_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    forget: bool
    def __init__(self, index_id: _Optional[str] = ..., forget: _Optional[bool] = ...) -> None: ...

class DeleteImportAutomationResponse(_message.Message):
    __slots__ = ("message",)
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    message: str
    def __init__(self, message: _Optional[str] = ...) -> None: ...

class GetImportAutomationStatusRequest(_message.Message):
    __slots__ = ("index_id",)
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    def __init__(self, index_id: _Optional[str] = ...) -> None: ...

class GetImportAutomationStatusResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: _automation_pb2.ImportAutomationStatus
    def __init__(self, status: _Optional[_Union[_automation_pb2.ImportAutomationStatus, _Mapping]] = ...) -> None: ...

class RunImportAutomationRequest(_message.Message):
    __slots__ = ("index_id",)
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    def __init__(self, index_id: _Optional[str] = ...) -> None: ...

class RunImportAutomationResponse(_message.Message):
    __slots__ = ("message", "job_ids", "status")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    JOB_IDS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    message: str
    job_ids: _containers.RepeatedScalarFieldContainer[str]
    status: _automation_pb2.ImportAutomationStatus
    def __init__(self, message: _Optional[str] = ..., job_ids: _Optional[_Iterable[str]] = ..., status: _Optional[_Union[_automation_pb2.ImportAutomationStatus, _Mapping]] = ...) -> None: ...

class RescanImportAutomationRequest(_message.Message):
    __slots__ = ("index_id",)
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    def __init__(self, index_id: _Optional[str] = ...) -> None: ...

class RescanImportAutomationResponse(_message.Message):
    __slots__ = ("message", "status")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    message: str
    status: _automation_pb2.ImportAutomationStatus
    def __init__(self, message: _Optional[str] = ..., status: _Optional[_Union[_automation_pb2.ImportAutomationStatus, _Mapping]] = ...) -> None: ...

class GetExportAutomationRequest(_message.Message):
    __slots__ = ("index_id",)
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    def __init__(self, index_id: _Optional[str] = ...) -> None: ...

class GetExportAutomationResponse(_message.Message):
    __slots__ = ("export_automation",)
    EXPORT_AUTOMATION_FIELD_NUMBER: _ClassVar[int]
    export_automation: _automation_pb2.ExportAutomation
    def __init__(self, export_automation: _Optional[_Union[_automation_pb2.ExportAutomation, _Mapping]] = ...) -> None: ...

class PutExportAutomationRequest(_message.Message):
    __slots__ = ("index_id", "export_automation", "validate_only", "etag")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    EXPORT_AUTOMATION_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    export_automation: _automation_pb2.ExportAutomation
    validate_only: bool
    etag: str
    def __init__(self, index_id: _Optional[str] = ..., export_automation: _Optional[_Union[_automation_pb2.ExportAutomation, _Mapping]] = ..., validate_only: _Optional[bool] = ..., etag: _Optional[str] = ...) -> None: ...

class PutExportAutomationResponse(_message.Message):
    __slots__ = ("export_automation",)
    EXPORT_AUTOMATION_FIELD_NUMBER: _ClassVar[int]
    export_automation: _automation_pb2.ExportAutomation
    def __init__(self, export_automation: _Optional[_Union[_automation_pb2.ExportAutomation, _Mapping]] = ...) -> None: ...

class PauseExportAutomationRequest(_message.Message):
    __slots__ = ("index_id",)
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    def __init__(self, index_id: _Optional[str] = ...) -> None: ...

class PauseExportAutomationResponse(_message.Message):
    __slots__ = ("export_automation",)
    EXPORT_AUTOMATION_FIELD_NUMBER: _ClassVar[int]
    export_automation: _automation_pb2.ExportAutomation
    def __init__(self, export_automation: _Optional[_Union[_automation_pb2.ExportAutomation, _Mapping]] = ...) -> None: ...

class ResumeExportAutomationRequest(_message.Message):
    __slots__ = ("index_id",)
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    def __init__(self, index_id: _Optional[str] = ...) -> None: ...

class ResumeExportAutomationResponse(_message.Message):
    __slots__ = ("export_automation",)
    EXPORT_AUTOMATION_FIELD_NUMBER: _ClassVar[int]
    export_automation: _automation_pb2.ExportAutomation
    def __init__(self, export_automation: _Optional[_Union[_automation_pb2.ExportAutomation, _Mapping]] = ...) -> None: ...

class DeleteExportAutomationRequest(_message.Message):
    __slots__ = ("index_id", "forget")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    FORGET_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    forget: bool
    def __init__(self, index_id: _Optional[str] = ..., forget: _Optional[bool] = ...) -> None: ...

class DeleteExportAutomationResponse(_message.Message):
    __slots__ = ("message",)
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    message: str
    def __init__(self, message: _Optional[str] = ...) -> None: ...

class GetExportAutomationStatusRequest(_message.Message):
    __slots__ = ("index_id",)
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    def __init__(self, index_id: _Optional[str] = ...) -> None: ...

class GetExportAutomationStatusResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: _automation_pb2.ExportAutomationStatus
    def __init__(self, status: _Optional[_Union[_automation_pb2.ExportAutomationStatus, _Mapping]] = ...) -> None: ...

class RunExportAutomationRequest(_message.Message):
    __slots__ = ("index_id",)
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    def __init__(self, index_id: _Optional[str] = ...) -> None: ...

class RunExportAutomationResponse(_message.Message):
    __slots__ = ("message", "export_ids", "status")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EXPORT_IDS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    message: str
    export_ids: _containers.RepeatedScalarFieldContainer[str]
    status: _automation_pb2.ExportAutomationStatus
    def __init__(self, message: _Optional[str] = ..., export_ids: _Optional[_Iterable[str]] = ..., status: _Optional[_Union[_automation_pb2.ExportAutomationStatus, _Mapping]] = ...) -> None: ...
