import datetime

from automation_engine.v1 import annotations_pb2 as _annotations_pb2
from automation_engine.v1 import automation_pb2 as _automation_pb2
from automation_engine.v1 import forecast_pb2 as _forecast_pb2
from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2_1
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PreviewImportRequest(_message.Message):
    __slots__ = ("index_id", "import_automation", "max_files")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    IMPORT_AUTOMATION_FIELD_NUMBER: _ClassVar[int]
    MAX_FILES_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    import_automation: _automation_pb2.ImportAutomation
    max_files: int
    def __init__(self, index_id: _Optional[str] = ..., import_automation: _Optional[_Union[_automation_pb2.ImportAutomation, _Mapping]] = ..., max_files: _Optional[int] = ...) -> None: ...

class PreviewImportResponse(_message.Message):
    __slots__ = ("preview",)
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    preview: _forecast_pb2.ImportPreview
    def __init__(self, preview: _Optional[_Union[_forecast_pb2.ImportPreview, _Mapping]] = ...) -> None: ...

class SimulateImportRequest(_message.Message):
    __slots__ = ("index_id", "settings", "since")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    settings: _containers.RepeatedCompositeFieldContainer[_forecast_pb2.ReplaySetting]
    since: _timestamp_pb2.Timestamp
    def __init__(self, index_id: _Optional[str] = ..., settings: _Optional[_Iterable[_Union[_forecast_pb2.ReplaySetting, _Mapping]]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SimulateImportResponse(_message.Message):
    __slots__ = ("replay",)
    REPLAY_FIELD_NUMBER: _ClassVar[int]
    replay: _forecast_pb2.ImportReplay
    def __init__(self, replay: _Optional[_Union[_forecast_pb2.ImportReplay, _Mapping]] = ...) -> None: ...
