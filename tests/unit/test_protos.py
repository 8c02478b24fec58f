"""What every proto promises: routes, scopes, comments, behaviours, rules that compile, words that are unique."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import protovalidate
import pytest
from google.api import annotations_pb2 as google_annotations
from google.api import field_behavior_pb2
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

import automation_engine.v1
from automation_engine.v1 import annotations_pb2, automation_pb2, automation_service_pb2, connector_service_pb2

PACKAGE = "automation_engine.v1"
DESCRIPTOR_SET = Path(automation_engine.v1.__file__).with_name("descriptor_set.binpb")
FILES = {file.name: file for file in FileDescriptorSet.FromString(DESCRIPTOR_SET.read_bytes()).file}
OURS = [file for file in FILES.values() if file.package == PACKAGE]
for _file in OURS:
    importlib.import_module(_file.name.removesuffix(".proto").replace("/", ".") + "_pb2")
POOL = descriptor_pool.Default()


def _methods() -> Iterator[MethodDescriptor]:
    for file in OURS:
        for service in file.service:
            yield from POOL.FindServiceByName(f"{PACKAGE}.{service.name}").methods


def _messages() -> Iterator[Descriptor]:
    for file in OURS:
        yield from POOL.FindFileByName(file.name).message_types_by_name.values()


def _enums() -> Iterator[EnumDescriptor]:
    for file in OURS:
        yield from POOL.FindFileByName(file.name).enum_types_by_name.values()


def _fields() -> Iterator[FieldDescriptor]:
    for message in _messages():
        yield from message.fields


def _rest_name(enum: EnumDescriptor, value_name: str) -> str:
    value = enum.values_by_name[value_name]
    words = "".join(f"_{c}" if c.isupper() else c.upper() for c in enum.name).lstrip("_")
    prefix = "".join(c if c == "_" else c.upper() for c in words) + "_"
    assert value.name.startswith(prefix)
    return str(value.GetOptions().Extensions[annotations_pb2.rest_name]) or value.name.removeprefix(prefix).lower()


def _uncommented_fields(file: FileDescriptorProto) -> Iterator[str]:
    commented = {tuple(at.path) for at in file.source_code_info.location if at.leading_comments.strip()}
    message_tag = FileDescriptorProto.DESCRIPTOR.fields_by_name["message_type"].number
    field_tag = DescriptorProto.DESCRIPTOR.fields_by_name["field"].number
    for m, message in enumerate(file.message_type):
        for f, field in enumerate(message.field):
            if (message_tag, m, field_tag, f) not in commented:
                yield f"{message.name}.{field.name}"


@pytest.mark.parametrize("method", list(_methods()), ids=lambda method: method.full_name)
def test_every_method_has_a_route_under_api_v2_and_a_scope(method: MethodDescriptor) -> None:
    options = method.GetOptions()
    rule = options.Extensions[google_annotations.http]
    for binding in (rule, *rule.additional_bindings):
        path = getattr(binding, binding.WhichOneof("pattern") or "", "")
        assert path.startswith("/api/v2/")
    assert options.Extensions[annotations_pb2.required_scope] != annotations_pb2.SCOPE_UNSPECIFIED


def test_no_two_methods_share_a_route() -> None:
    routes: Counter[tuple[str, str]] = Counter()
    for method in _methods():
        rule = method.GetOptions().Extensions[google_annotations.http]
        for binding in (rule, *rule.additional_bindings):
            verb = binding.WhichOneof("pattern") or ""
            routes[verb, getattr(binding, verb)] += 1
    assert [route for route, count in routes.items() if count > 1] == []


@pytest.mark.parametrize("method", list(_methods()), ids=lambda method: method.full_name)
def test_body_and_response_body_name_fields_that_exist(method: MethodDescriptor) -> None:
    rule = method.GetOptions().Extensions[google_annotations.http]
    for binding in (rule, *rule.additional_bindings):
        assert binding.body in {"", "*", *method.input_type.fields_by_name}
        assert binding.response_body in {"", *method.output_type.fields_by_name}


def test_deleting_needs_admin() -> None:
    for method in _methods():
        options = method.GetOptions()
        if options.Extensions[google_annotations.http].WhichOneof("pattern") == "delete":
            assert options.Extensions[annotations_pb2.required_scope] == annotations_pb2.SCOPE_ADMIN, method.full_name


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.name)
def test_every_field_is_commented_in_the_shipped_descriptors(file: FileDescriptorProto) -> None:
    assert list(_uncommented_fields(file)) == []


def test_every_field_says_who_sets_it() -> None:
    silent = [
        field.full_name for field in _fields() if not field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    ]
    assert silent == []


def test_fields_named_output_only_in_their_comment_are_output_only() -> None:
    output_only = field_behavior_pb2.OUTPUT_ONLY
    for file in OURS:
        for at in file.source_code_info.location:
            if len(at.path) == 4 and at.path[0] == 4 and at.path[2] == 2 and "Output only." in at.leading_comments:
                field = file.message_type[at.path[1]].field[at.path[3]]
                behaviours = field.options.Extensions[field_behavior_pb2.field_behavior]
                assert output_only in behaviours, f"{file.message_type[at.path[1]].name}.{field.name}"


@pytest.mark.parametrize("message", list(_messages()), ids=lambda message: message.full_name)
def test_the_rules_of_every_message_compile(message: Descriptor) -> None:
    """An empty message may be invalid; a rule that can't be compiled or evaluated raises."""
    protovalidate.collect_violations(message_factory.GetMessageClass(message)())


@pytest.mark.parametrize("enum", list(_enums()), ids=lambda enum: enum.full_name)
def test_the_rest_words_of_an_enum_are_unique_and_lower_case(enum: EnumDescriptor) -> None:
    assert enum.values_by_number[0].name.endswith("_UNSPECIFIED")
    words = [_rest_name(enum, value.name) for value in enum.values]
    assert len(set(words)) == len(words)
    assert words == [word.lower() for word in words]


def test_the_four_intervals_have_the_words_of_the_contract() -> None:
    enum = automation_pb2.DebounceInterval.DESCRIPTOR
    assert [_rest_name(enum, value.name) for value in enum.values if value.number] == ["5m", "10m", "1h", "1d"]


def _valid_automation() -> automation_pb2.ImportAutomation:
    return automation_pb2.ImportAutomation(
        enabled=True,
        paused=False,
        connector_id="conn_archive",
        source_prefix="incoming/daily/",
        file_pattern="*.mp4",
        recursive=True,
        debounce_interval=automation_pb2.DEBOUNCE_INTERVAL_10M,
        prompt_preset=automation_pb2.PromptPreset(prompt_id="prompt_episode_extract"),
    )


def test_the_public_example_of_an_import_automation_is_valid() -> None:
    protovalidate.validate(
        automation_service_pb2.PutImportAutomationRequest(index_id="idx", import_automation=_valid_automation())
    )


def test_an_unknown_interval_is_refused_with_the_four_that_are_known() -> None:
    automation = _valid_automation()
    automation.debounce_interval = automation_pb2.DEBOUNCE_INTERVAL_UNSPECIFIED
    [violation] = protovalidate.collect_violations(automation)
    assert violation.proto.message == "must be one of 5m, 10m, 1h, 1d"


@pytest.mark.parametrize("prefix", ["", "a/", "a/.hidden/", "..a/", "a..b/", "a//b/", "incoming/daily/"])
def test_a_folder_below_the_root_is_a_source_prefix(prefix: str) -> None:
    automation = _valid_automation()
    automation.source_prefix = prefix
    protovalidate.validate(automation)


@pytest.mark.parametrize("prefix", ["/a", ".", "..", "a/..", "../a", "a/./b", "a\n", "a\x00b", "é" * 513])
def test_what_leaves_the_root_or_is_not_printable_or_too_long_is_no_source_prefix(prefix: str) -> None:
    automation = _valid_automation()
    automation.source_prefix = prefix
    with pytest.raises(protovalidate.ValidationError):
        protovalidate.validate(automation)


def _s3_connector(endpoint_url: str) -> connector_service_pb2.CreateS3ConnectorRequest:
    return connector_service_pb2.CreateS3ConnectorRequest(
        name="archive",
        bucket="media",
        region="eu-central-1",
        aws_access_key_id="id",
        aws_secret_access_key="secret",
        endpoint_url=endpoint_url,
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:8333", "https://minio.example.com/", "http://[::1]:9000"])
def test_a_web_address_is_an_endpoint(url: str) -> None:
    protovalidate.validate(_s3_connector(url))


@pytest.mark.parametrize("url", ["", "ftp://h", "http://user@h", "http://h/?q=1", "http://h h", "file:///etc"])
def test_anything_else_is_no_endpoint(url: str) -> None:
    with pytest.raises(protovalidate.ValidationError):
        protovalidate.validate(_s3_connector(url))
