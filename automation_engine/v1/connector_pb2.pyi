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

class ConnectorProvider(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONNECTOR_PROVIDER_UNSPECIFIED: _ClassVar[ConnectorProvider]
    CONNECTOR_PROVIDER_GCS: _ClassVar[ConnectorProvider]
    CONNECTOR_PROVIDER_S3: _ClassVar[ConnectorProvider]
    CONNECTOR_PROVIDER_AZURE: _ClassVar[ConnectorProvider]
    CONNECTOR_PROVIDER_LOCAL: _ClassVar[ConnectorProvider]

class ConnectorStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONNECTOR_STATUS_UNSPECIFIED: _ClassVar[ConnectorStatus]
    CONNECTOR_STATUS_ACTIVE: _ClassVar[ConnectorStatus]
    CONNECTOR_STATUS_TESTING: _ClassVar[ConnectorStatus]
    CONNECTOR_STATUS_FAILED: _ClassVar[ConnectorStatus]
    CONNECTOR_STATUS_DISABLED: _ClassVar[ConnectorStatus]

class ConnectorScope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONNECTOR_SCOPE_UNSPECIFIED: _ClassVar[ConnectorScope]
    CONNECTOR_SCOPE_IMPORT: _ClassVar[ConnectorScope]
    CONNECTOR_SCOPE_EXPORT: _ClassVar[ConnectorScope]

class ImportMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPORT_MODE_UNSPECIFIED: _ClassVar[ImportMode]
    IMPORT_MODE_ALL: _ClassVar[ImportMode]
    IMPORT_MODE_NEW_ONLY: _ClassVar[ImportMode]

class ConnectorTestResult(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONNECTOR_TEST_RESULT_UNSPECIFIED: _ClassVar[ConnectorTestResult]
    CONNECTOR_TEST_RESULT_SUCCESS: _ClassVar[ConnectorTestResult]
    CONNECTOR_TEST_RESULT_FAILED: _ClassVar[ConnectorTestResult]
CONNECTOR_PROVIDER_UNSPECIFIED: ConnectorProvider
CONNECTOR_PROVIDER_GCS: ConnectorProvider
CONNECTOR_PROVIDER_S3: ConnectorProvider
CONNECTOR_PROVIDER_AZURE: ConnectorProvider
CONNECTOR_PROVIDER_LOCAL: ConnectorProvider
CONNECTOR_STATUS_UNSPECIFIED: ConnectorStatus
CONNECTOR_STATUS_ACTIVE: ConnectorStatus
CONNECTOR_STATUS_TESTING: ConnectorStatus
CONNECTOR_STATUS_FAILED: ConnectorStatus
CONNECTOR_STATUS_DISABLED: ConnectorStatus
CONNECTOR_SCOPE_UNSPECIFIED: ConnectorScope
CONNECTOR_SCOPE_IMPORT: ConnectorScope
CONNECTOR_SCOPE_EXPORT: ConnectorScope
IMPORT_MODE_UNSPECIFIED: ImportMode
IMPORT_MODE_ALL: ImportMode
IMPORT_MODE_NEW_ONLY: ImportMode
CONNECTOR_TEST_RESULT_UNSPECIFIED: ConnectorTestResult
CONNECTOR_TEST_RESULT_SUCCESS: ConnectorTestResult
CONNECTOR_TEST_RESULT_FAILED: ConnectorTestResult

class Connector(_message.Message):
    __slots__ = ("connector_id", "name", "provider", "status", "scopes", "import_mode", "export_base_path", "bucket", "region", "storage_account", "container", "gcp_project_id", "created_at", "updated_at", "last_tested_at", "last_test_result", "last_test_error", "endpoint_url", "root")
    CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    IMPORT_MODE_FIELD_NUMBER: _ClassVar[int]
    EXPORT_BASE_PATH_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    STORAGE_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    GCP_PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_TESTED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_TEST_RESULT_FIELD_NUMBER: _ClassVar[int]
    LAST_TEST_ERROR_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_URL_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    connector_id: str
    name: str
    provider: ConnectorProvider
    status: ConnectorStatus
    scopes: _containers.RepeatedScalarFieldContainer[ConnectorScope]
    import_mode: ImportMode
    export_base_path: str
    bucket: str
    region: str
    storage_account: str
    container: str
    gcp_project_id: str
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    last_tested_at: _timestamp_pb2.Timestamp
    last_test_result: ConnectorTestResult
    last_test_error: str
    endpoint_url: str
    root: str
    def __init__(self, connector_id: _Optional[str] = ..., name: _Optional[str] = ..., provider: _Optional[_Union[ConnectorProvider, str]] = ..., status: _Optional[_Union[ConnectorStatus, str]] = ..., scopes: _Optional[_Iterable[_Union[ConnectorScope, str]]] = ..., import_mode: _Optional[_Union[ImportMode, str]] = ..., export_base_path: _Optional[str] = ..., bucket: _Optional[str] = ..., region: _Optional[str] = ..., storage_account: _Optional[str] = ..., container: _Optional[str] = ..., gcp_project_id: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_tested_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_test_result: _Optional[_Union[ConnectorTestResult, str]] = ..., last_test_error: _Optional[str] = ..., endpoint_url: _Optional[str] = ..., root: _Optional[str] = ...) -> None: ...

class CloudFile(_message.Message):
    __slots__ = ("path", "name", "size_bytes", "last_modified", "content_type", "extension")
    PATH_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    LAST_MODIFIED_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    EXTENSION_FIELD_NUMBER: _ClassVar[int]
    path: str
    name: str
    size_bytes: int
    last_modified: _timestamp_pb2.Timestamp
    content_type: str
    extension: str
    def __init__(self, path: _Optional[str] = ..., name: _Optional[str] = ..., size_bytes: _Optional[int] = ..., last_modified: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., content_type: _Optional[str] = ..., extension: _Optional[str] = ...) -> None: ...
