from automation_engine.v1 import annotations_pb2 as _annotations_pb2
from automation_engine.v1 import connector_pb2 as _connector_pb2
from automation_engine.v1 import validation_pb2 as _validation_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2_1
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateS3ConnectorRequest(_message.Message):
    __slots__ = ("name", "bucket", "region", "aws_access_key_id", "aws_secret_access_key", "scopes", "import_mode", "export_base_path", "endpoint_url")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    AWS_ACCESS_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    AWS_SECRET_ACCESS_KEY_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    IMPORT_MODE_FIELD_NUMBER: _ClassVar[int]
    EXPORT_BASE_PATH_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_URL_FIELD_NUMBER: _ClassVar[int]
    name: str
    bucket: str
    region: str
    aws_access_key_id: str
    aws_secret_access_key: str
    scopes: _containers.RepeatedScalarFieldContainer[_connector_pb2.ConnectorScope]
    import_mode: _connector_pb2.ImportMode
    export_base_path: str
    endpoint_url: str
    def __init__(self, name: _Optional[str] = ..., bucket: _Optional[str] = ..., region: _Optional[str] = ..., aws_access_key_id: _Optional[str] = ..., aws_secret_access_key: _Optional[str] = ..., scopes: _Optional[_Iterable[_Union[_connector_pb2.ConnectorScope, str]]] = ..., import_mode: _Optional[_Union[_connector_pb2.ImportMode, str]] = ..., export_base_path: _Optional[str] = ..., endpoint_url: _Optional[str] = ...) -> None: ...

class CreateS3ConnectorResponse(_message.Message):
    __slots__ = ("connector",)
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    connector: _connector_pb2.Connector
    def __init__(self, connector: _Optional[_Union[_connector_pb2.Connector, _Mapping]] = ...) -> None: ...

class CreateGcsConnectorRequest(_message.Message):
    __slots__ = ("name", "bucket", "gcp_project_id", "credentials_file", "scopes", "import_mode", "export_base_path", "endpoint_url")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    GCP_PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_FILE_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    IMPORT_MODE_FIELD_NUMBER: _ClassVar[int]
    EXPORT_BASE_PATH_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_URL_FIELD_NUMBER: _ClassVar[int]
    name: str
    bucket: str
    gcp_project_id: str
    credentials_file: str
    scopes: _containers.RepeatedScalarFieldContainer[_connector_pb2.ConnectorScope]
    import_mode: _connector_pb2.ImportMode
    export_base_path: str
    endpoint_url: str
    def __init__(self, name: _Optional[str] = ..., bucket: _Optional[str] = ..., gcp_project_id: _Optional[str] = ..., credentials_file: _Optional[str] = ..., scopes: _Optional[_Iterable[_Union[_connector_pb2.ConnectorScope, str]]] = ..., import_mode: _Optional[_Union[_connector_pb2.ImportMode, str]] = ..., export_base_path: _Optional[str] = ..., endpoint_url: _Optional[str] = ...) -> None: ...

class CreateGcsConnectorResponse(_message.Message):
    __slots__ = ("connector",)
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    connector: _connector_pb2.Connector
    def __init__(self, connector: _Optional[_Union[_connector_pb2.Connector, _Mapping]] = ...) -> None: ...

class CreateAzureConnectorRequest(_message.Message):
    __slots__ = ("name", "storage_account", "container", "tenant_id", "client_id", "client_secret", "scopes", "import_mode", "export_base_path", "endpoint_url", "authority_host", "account_key")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STORAGE_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_SECRET_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    IMPORT_MODE_FIELD_NUMBER: _ClassVar[int]
    EXPORT_BASE_PATH_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_URL_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_HOST_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_KEY_FIELD_NUMBER: _ClassVar[int]
    name: str
    storage_account: str
    container: str
    tenant_id: str
    client_id: str
    client_secret: str
    scopes: _containers.RepeatedScalarFieldContainer[_connector_pb2.ConnectorScope]
    import_mode: _connector_pb2.ImportMode
    export_base_path: str
    endpoint_url: str
    authority_host: str
    account_key: str
    def __init__(self, name: _Optional[str] = ..., storage_account: _Optional[str] = ..., container: _Optional[str] = ..., tenant_id: _Optional[str] = ..., client_id: _Optional[str] = ..., client_secret: _Optional[str] = ..., scopes: _Optional[_Iterable[_Union[_connector_pb2.ConnectorScope, str]]] = ..., import_mode: _Optional[_Union[_connector_pb2.ImportMode, str]] = ..., export_base_path: _Optional[str] = ..., endpoint_url: _Optional[str] = ..., authority_host: _Optional[str] = ..., account_key: _Optional[str] = ...) -> None: ...

class CreateAzureConnectorResponse(_message.Message):
    __slots__ = ("connector",)
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    connector: _connector_pb2.Connector
    def __init__(self, connector: _Optional[_Union[_connector_pb2.Connector, _Mapping]] = ...) -> None: ...

class CreateLocalConnectorRequest(_message.Message):
    __slots__ = ("name", "root", "scopes", "import_mode", "export_base_path")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    IMPORT_MODE_FIELD_NUMBER: _ClassVar[int]
    EXPORT_BASE_PATH_FIELD_NUMBER: _ClassVar[int]
    name: str
    root: str
    scopes: _containers.RepeatedScalarFieldContainer[_connector_pb2.ConnectorScope]
    import_mode: _connector_pb2.ImportMode
    export_base_path: str
    def __init__(self, name: _Optional[str] = ..., root: _Optional[str] = ..., scopes: _Optional[_Iterable[_Union[_connector_pb2.ConnectorScope, str]]] = ..., import_mode: _Optional[_Union[_connector_pb2.ImportMode, str]] = ..., export_base_path: _Optional[str] = ...) -> None: ...

class CreateLocalConnectorResponse(_message.Message):
    __slots__ = ("connector",)
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    connector: _connector_pb2.Connector
    def __init__(self, connector: _Optional[_Union[_connector_pb2.Connector, _Mapping]] = ...) -> None: ...

class ListConnectorsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListConnectorsResponse(_message.Message):
    __slots__ = ("connectors",)
    CONNECTORS_FIELD_NUMBER: _ClassVar[int]
    connectors: _containers.RepeatedCompositeFieldContainer[_connector_pb2.Connector]
    def __init__(self, connectors: _Optional[_Iterable[_Union[_connector_pb2.Connector, _Mapping]]] = ...) -> None: ...

class GetConnectorRequest(_message.Message):
    __slots__ = ("connector_id",)
    CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    connector_id: str
    def __init__(self, connector_id: _Optional[str] = ...) -> None: ...

class GetConnectorResponse(_message.Message):
    __slots__ = ("connector",)
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    connector: _connector_pb2.Connector
    def __init__(self, connector: _Optional[_Union[_connector_pb2.Connector, _Mapping]] = ...) -> None: ...

class UpdateConnectorRequest(_message.Message):
    __slots__ = ("connector_id", "name", "scopes", "import_mode", "export_base_path", "status", "aws_access_key_id", "aws_secret_access_key", "credentials_file", "tenant_id", "client_id", "client_secret", "account_key", "authority_host")
    CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    IMPORT_MODE_FIELD_NUMBER: _ClassVar[int]
    EXPORT_BASE_PATH_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    AWS_ACCESS_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    AWS_SECRET_ACCESS_KEY_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_FILE_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_SECRET_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_KEY_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_HOST_FIELD_NUMBER: _ClassVar[int]
    connector_id: str
    name: str
    scopes: _containers.RepeatedScalarFieldContainer[_connector_pb2.ConnectorScope]
    import_mode: _connector_pb2.ImportMode
    export_base_path: str
    status: _connector_pb2.ConnectorStatus
    aws_access_key_id: str
    aws_secret_access_key: str
    credentials_file: str
    tenant_id: str
    client_id: str
    client_secret: str
    account_key: str
    authority_host: str
    def __init__(self, connector_id: _Optional[str] = ..., name: _Optional[str] = ..., scopes: _Optional[_Iterable[_Union[_connector_pb2.ConnectorScope, str]]] = ..., import_mode: _Optional[_Union[_connector_pb2.ImportMode, str]] = ..., export_base_path: _Optional[str] = ..., status: _Optional[_Union[_connector_pb2.ConnectorStatus, str]] = ..., aws_access_key_id: _Optional[str] = ..., aws_secret_access_key: _Optional[str] = ..., credentials_file: _Optional[str] = ..., tenant_id: _Optional[str] = ..., client_id: _Optional[str] = ..., client_secret: _Optional[str] = ..., account_key: _Optional[str] = ..., authority_host: _Optional[str] = ...) -> None: ...

class UpdateConnectorResponse(_message.Message):
    __slots__ = ("connector",)
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    connector: _connector_pb2.Connector
    def __init__(self, connector: _Optional[_Union[_connector_pb2.Connector, _Mapping]] = ...) -> None: ...

class DeleteConnectorRequest(_message.Message):
    __slots__ = ("connector_id",)
    CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    connector_id: str
    def __init__(self, connector_id: _Optional[str] = ...) -> None: ...

class DeleteConnectorResponse(_message.Message):
    __slots__ = ("message",)
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    message: str
    def __init__(self, message: _Optional[str] = ...) -> None: ...

class TestConnectorRequest(_message.Message):
    __slots__ = ("connector_id",)
    CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    connector_id: str
    def __init__(self, connector_id: _Optional[str] = ...) -> None: ...

class TestConnectorResponse(_message.Message):
    __slots__ = ("success", "error_message")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    success: bool
    error_message: str
    def __init__(self, success: _Optional[bool] = ..., error_message: _Optional[str] = ...) -> None: ...

class BrowseConnectorRequest(_message.Message):
    __slots__ = ("connector_id", "prefix", "pattern", "recursive")
    CONNECTOR_ID_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    RECURSIVE_FIELD_NUMBER: _ClassVar[int]
    connector_id: str
    prefix: str
    pattern: str
    recursive: bool
    def __init__(self, connector_id: _Optional[str] = ..., prefix: _Optional[str] = ..., pattern: _Optional[str] = ..., recursive: _Optional[bool] = ...) -> None: ...

class BrowseConnectorResponse(_message.Message):
    __slots__ = ("files",)
    FILES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[_connector_pb2.CloudFile]
    def __init__(self, files: _Optional[_Iterable[_Union[_connector_pb2.CloudFile, _Mapping]]] = ...) -> None: ...
