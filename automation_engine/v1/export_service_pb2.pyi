from automation_engine.v1 import annotations_pb2 as _annotations_pb2
from automation_engine.v1 import export_pb2 as _export_pb2
from automation_engine.v1 import validation_pb2 as _validation_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2_1
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.api import httpbody_pb2 as _httpbody_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateIndexExportRequest(_message.Message):
    __slots__ = ("index_id", "prompt_run_ids", "destination_connector_id", "destination_subpath")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    PROMPT_RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_SUBPATH_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    prompt_run_ids: _containers.RepeatedScalarFieldContainer[str]
    destination_connector_id: str
    destination_subpath: str
    def __init__(self, index_id: _Optional[str] = ..., prompt_run_ids: _Optional[_Iterable[str]] = ..., destination_connector_id: _Optional[str] = ..., destination_subpath: _Optional[str] = ...) -> None: ...

class CreateIndexExportResponse(_message.Message):
    __slots__ = ("export_id", "status")
    EXPORT_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    export_id: str
    status: _export_pb2.ExportStatus
    def __init__(self, export_id: _Optional[str] = ..., status: _Optional[_Union[_export_pb2.ExportStatus, str]] = ...) -> None: ...

class CreatePromptRunExportRequest(_message.Message):
    __slots__ = ("run_id", "destination_connector_id", "destination_subpath")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_SUBPATH_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    destination_connector_id: str
    destination_subpath: str
    def __init__(self, run_id: _Optional[str] = ..., destination_connector_id: _Optional[str] = ..., destination_subpath: _Optional[str] = ...) -> None: ...

class CreatePromptRunExportResponse(_message.Message):
    __slots__ = ("export_id", "status")
    EXPORT_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    export_id: str
    status: _export_pb2.ExportStatus
    def __init__(self, export_id: _Optional[str] = ..., status: _Optional[_Union[_export_pb2.ExportStatus, str]] = ...) -> None: ...

class ListExportsRequest(_message.Message):
    __slots__ = ("limit",)
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    limit: int
    def __init__(self, limit: _Optional[int] = ...) -> None: ...

class ListExportsResponse(_message.Message):
    __slots__ = ("exports",)
    EXPORTS_FIELD_NUMBER: _ClassVar[int]
    exports: _containers.RepeatedCompositeFieldContainer[_export_pb2.Export]
    def __init__(self, exports: _Optional[_Iterable[_Union[_export_pb2.Export, _Mapping]]] = ...) -> None: ...

class GetExportRequest(_message.Message):
    __slots__ = ("export_id",)
    EXPORT_ID_FIELD_NUMBER: _ClassVar[int]
    export_id: str
    def __init__(self, export_id: _Optional[str] = ...) -> None: ...

class GetExportResponse(_message.Message):
    __slots__ = ("export",)
    EXPORT_FIELD_NUMBER: _ClassVar[int]
    export: _export_pb2.Export
    def __init__(self, export: _Optional[_Union[_export_pb2.Export, _Mapping]] = ...) -> None: ...

class CreateExportDownloadUrlRequest(_message.Message):
    __slots__ = ("export_id",)
    EXPORT_ID_FIELD_NUMBER: _ClassVar[int]
    export_id: str
    def __init__(self, export_id: _Optional[str] = ...) -> None: ...

class CreateExportDownloadUrlResponse(_message.Message):
    __slots__ = ("export_id", "status", "destination_type", "destination_connector_id", "download_url")
    EXPORT_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_TYPE_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    DOWNLOAD_URL_FIELD_NUMBER: _ClassVar[int]
    export_id: str
    status: _export_pb2.ExportStatus
    destination_type: _export_pb2.ExportDestinationType
    destination_connector_id: str
    download_url: str
    def __init__(self, export_id: _Optional[str] = ..., status: _Optional[_Union[_export_pb2.ExportStatus, str]] = ..., destination_type: _Optional[_Union[_export_pb2.ExportDestinationType, str]] = ..., destination_connector_id: _Optional[str] = ..., download_url: _Optional[str] = ...) -> None: ...

class DownloadExportRequest(_message.Message):
    __slots__ = ("export_id", "token")
    EXPORT_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    export_id: str
    token: str
    def __init__(self, export_id: _Optional[str] = ..., token: _Optional[str] = ...) -> None: ...

class DownloadExportResponse(_message.Message):
    __slots__ = ("body",)
    BODY_FIELD_NUMBER: _ClassVar[int]
    body: _httpbody_pb2.HttpBody
    def __init__(self, body: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...
