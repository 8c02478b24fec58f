"""A client with generated stubs on a real port: reflection, health, and the same answers as over REST."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from automation_engine.v1 import automation_pb2, prompt_service_pb2
from automation_engine.v1 import automation_service_pb2 as pb
from automation_engine.v1.automation_service_pb2_grpc import AutomationServiceStub
from automation_engine.v1.connector_service_pb2 import CreateLocalConnectorRequest
from automation_engine.v1.connector_service_pb2_grpc import ConnectorServiceStub
from automation_engine.v1.index_service_pb2 import CreateIndexRequest
from automation_engine.v1.index_service_pb2_grpc import IndexServiceStub
from automation_engine.v1.prompt_service_pb2_grpc import PromptServiceStub
from tests.e2e.processes import EXPORT_EXAMPLE, IMPORT_EXAMPLE, Service, is_serving
from tests.e2e.world import SCHEMA

PACKAGE = "automation_engine.v1"
SERVICES = {
    f"{PACKAGE}.{name}Service"
    for name in (
        *("Auth", "Automation", "Connector", "Export", "Forecast", "ImportBatch", "ImportJob", "Index", "Ledger"),
        *("PromptRun", "Prompt", "RateLimit", "Revision", "Video", "Webhook"),
    )
}
STATES = automation_pb2.AutomationState
Metadata = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A channel to a service, and what its automations need."""

    service: Service
    channel: grpc.aio.Channel
    automations: Any
    ids: dict[str, str]

    @property
    def credentials(self) -> Metadata:
        """Present the owner's key."""
        return [("x-api-key", self.service.key)]

    async def index(self) -> str:
        """Create an index."""
        made = await IndexServiceStub(self.channel).CreateIndex(CreateIndexRequest(name="D"), metadata=self.credentials)
        return str(made.index.index_id)

    def import_automation(self, **changes: Any) -> automation_pb2.ImportAutomation:
        """Return the contract's example as its message."""
        body = {
            **IMPORT_EXAMPLE,
            "connector_id": self.ids["import"],
            "prompt_preset": {"prompt_id": self.ids["prompt"]},
            "debounce_interval": "DEBOUNCE_INTERVAL_10M",
        }
        return json_format.ParseDict({**body, **changes}, automation_pb2.ImportAutomation())

    def export_automation(self) -> automation_pb2.ExportAutomation:
        """Return the contract's example as its message."""
        body = {**EXPORT_EXAMPLE, "destination_connector_id": self.ids["export"]}
        return json_format.ParseDict(body, automation_pb2.ExportAutomation())


@pytest.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """Serve, and set everything up without REST."""
    folder = tmp_path_factory.mktemp("grpc")
    async with (
        Service(folder, "--local-root", folder) as service,
        grpc.aio.insecure_channel(service.grpc) as channel,
    ):
        ids = await _furnish(channel, folder, [("x-api-key", service.key)])
        yield Client(service=service, channel=channel, automations=AutomationServiceStub(channel), ids=ids)


async def _furnish(channel: grpc.aio.Channel, folder: Path, credentials: Metadata) -> dict[str, str]:
    ids = {}
    for scope in ("import", "export"):
        (folder / scope).mkdir()
        body = {"name": scope, "root": str(folder / scope), "scopes": [f"CONNECTOR_SCOPE_{scope.upper()}"]}
        request = json_format.ParseDict(body, CreateLocalConnectorRequest())
        made = await ConnectorServiceStub(channel).CreateLocalConnector(request, metadata=credentials)
        ids[scope] = made.connector.connector_id
    facts: dict[str, Any] = {"name": "Facts", "prompt_text": "Measure.", "json_schema": SCHEMA}
    prompt = json_format.ParseDict(facts, prompt_service_pb2.CreatePromptRequest())
    made = await PromptServiceStub(channel).CreatePrompt(prompt, metadata=credentials)
    return {**ids, "prompt": made.prompt.prompt_id}


async def _reflect(client: Client, request: reflection_pb2.ServerReflectionRequest) -> Any:
    async def once() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        yield request

    stub = reflection_pb2_grpc.ServerReflectionStub(client.channel)
    [answer] = [answer async for answer in stub.ServerReflectionInfo(once())]
    return answer


async def test_reflection_lists_the_services(client: Client) -> None:
    answer = await _reflect(client, reflection_pb2.ServerReflectionRequest(list_services=""))
    listed = {service.name for service in answer.list_services_response.service}
    assert listed == SERVICES | {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}


async def test_reflection_describes_a_message_and_a_service(client: Client) -> None:
    symbols: dict[str, Any] = {}
    for name in (f"{PACKAGE}.ImportAutomation", f"{PACKAGE}.AutomationService"):
        request = reflection_pb2.ServerReflectionRequest(file_containing_symbol=name)
        described = (await _reflect(client, request)).file_descriptor_response.file_descriptor_proto
        for serialised in described:
            file = FileDescriptorProto.FromString(serialised)
            symbols |= {f"{file.package}.{message.name}": message for message in file.message_type}
            symbols |= {f"{file.package}.{service.name}": service for service in file.service}
    fields = {field.name for field in symbols[f"{PACKAGE}.ImportAutomation"].field}
    assert fields >= set(IMPORT_EXAMPLE)
    methods = {method.name for method in symbols[f"{PACKAGE}.AutomationService"].method}
    assert methods >= {
        f"{verb}{kind}Automation" for verb in ("Get", "Put", "Pause", "Resume") for kind in ("Import", "Export")
    }


async def test_health_says_serving_of_the_whole_and_of_every_service(client: Client) -> None:
    for name in ("", *SERVICES):
        assert await is_serving(client.service.grpc, name), name
    assert not await is_serving(client.service.grpc, "automation_engine.v1.NoSuchService")


async def test_a_stub_does_with_an_import_automation_what_rest_does(client: Client) -> None:
    index_id, given = await client.index(), client.import_automation()
    path, sent = f"/indexes/{index_id}/automations/import", {"metadata": client.credentials}
    put = pb.PutImportAutomationRequest(index_id=index_id, import_automation=given)
    saved = (await client.automations.PutImportAutomation(put, **sent)).import_automation
    assert (saved.connector_id, saved.debounce_interval) == (given.connector_id, given.debounce_interval)
    paused = await client.automations.PauseImportAutomation(pb.PauseImportAutomationRequest(index_id=index_id), **sent)
    assert paused.import_automation.state == STATES.AUTOMATION_STATE_PAUSED
    got = await client.automations.GetImportAutomation(pb.GetImportAutomationRequest(index_id=index_id), **sent)
    _same(got.import_automation, await client.service.rest("GET", path))
    status = await client.automations.GetImportAutomationStatus(
        pb.GetImportAutomationStatusRequest(index_id=index_id), **sent
    )
    _same(status.status, await client.service.rest("GET", f"{path}/status"))
    resumed = await client.automations.ResumeImportAutomation(
        pb.ResumeImportAutomationRequest(index_id=index_id), **sent
    )
    assert resumed.import_automation.state != STATES.AUTOMATION_STATE_PAUSED
    assert (await client.service.rest("GET", path))["paused"] is False


async def test_a_stub_does_with_an_export_automation_what_rest_does(client: Client) -> None:
    index_id, given = await client.index(), client.export_automation()
    path, sent = f"/indexes/{index_id}/automations/export", {"metadata": client.credentials}
    put = pb.PutExportAutomationRequest(index_id=index_id, export_automation=given)
    saved = (await client.automations.PutExportAutomation(put, **sent)).export_automation
    assert saved.destination_subpath == given.destination_subpath
    paused = await client.automations.PauseExportAutomation(pb.PauseExportAutomationRequest(index_id=index_id), **sent)
    assert paused.export_automation.state == STATES.AUTOMATION_STATE_PAUSED
    got = await client.automations.GetExportAutomation(pb.GetExportAutomationRequest(index_id=index_id), **sent)
    _same(got.export_automation, await client.service.rest("GET", path))
    status = await client.automations.GetExportAutomationStatus(
        pb.GetExportAutomationStatusRequest(index_id=index_id), **sent
    )
    _same(status.status, await client.service.rest("GET", f"{path}/status"))
    resumed = await client.automations.ResumeExportAutomation(
        pb.ResumeExportAutomationRequest(index_id=index_id), **sent
    )
    assert resumed.export_automation.state == STATES.AUTOMATION_STATE_IDLE


async def test_a_refused_field_is_named_in_the_details(client: Client) -> None:
    given = client.import_automation(debounce_interval="DEBOUNCE_INTERVAL_UNSPECIFIED", source_prefix="../elsewhere")
    put = pb.PutImportAutomationRequest(index_id=await client.index(), import_automation=given)
    error = await _refusal(client.automations.PutImportAutomation(put, metadata=client.credentials))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    info, bad = _details(error)
    assert (info.reason, info.domain) == ("VALIDATION_ERROR", "automation-engine")
    told = {violation.field: violation.description for violation in bad.field_violations}
    assert told["import_automation.debounce_interval"] == "must be one of 5m, 10m, 1h, 1d"
    assert "import_automation.source_prefix" in told


async def test_who_may_call_is_told_by_the_metadata(client: Client) -> None:
    service, get = client.service, pb.GetImportAutomationRequest(index_id=await client.index())
    stranger, reader = await service.new_key(owner="eve"), await service.new_key("read")
    put = pb.PutImportAutomationRequest(index_id=get.index_id, import_automation=client.import_automation())
    await client.automations.PutImportAutomation(put, metadata=[("authorization", f"Bearer {service.key}")])
    for call, metadata, code, reason in (
        (client.automations.GetImportAutomation(get), None, "UNAUTHENTICATED", "UNAUTHENTICATED"),
        (client.automations.GetImportAutomation, "nonsense", "UNAUTHENTICATED", "UNAUTHENTICATED"),
        (client.automations.GetImportAutomation, stranger, "NOT_FOUND", "NOT_FOUND"),
    ):
        error = await _refusal(call if metadata is None else call(get, metadata=[("x-api-key", metadata)]))
        assert (error.code().name, _details(error)[0].reason) == (code, reason)
    await client.automations.GetImportAutomation(get, metadata=[("x-api-key", reader)])
    error = await _refusal(client.automations.PutImportAutomation(put, metadata=[("x-api-key", reader)]))
    assert (error.code().name, _details(error)[0].reason) == ("PERMISSION_DENIED", "INSUFFICIENT_SCOPE")


async def test_a_request_id_is_told_back_in_the_initial_metadata(client: Client) -> None:
    request = pb.GetImportAutomationRequest(index_id=await client.index())
    metadata = [*client.credentials, ("x-request-id", "nightly-7")]
    call = client.automations.GetImportAutomation(request, metadata=metadata)
    assert dict(await call.initial_metadata())["x-request-id"] == "nightly-7"
    assert (await _refusal(call)).code() == grpc.StatusCode.NOT_FOUND


def _same(message: Any, document: dict[str, Any]) -> None:
    """Check a message against the JSON that REST tells of it: names, texts, numbers, instants, words of enums."""
    assert set(document) == {field.name for field in message.DESCRIPTOR.fields}
    told = json_format.MessageToDict(message, preserving_proto_field_name=True)
    told.pop("taken_at", None)  # each answer's own
    for name, value in told.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.enum_type is not None:
            assert str(value).lower().endswith(f"_{document[name]}"), name
        elif not isinstance(value, dict | list):
            assert json.dumps(document[name]).strip('"') == json.dumps(value).strip('"'), name


async def _refusal(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return refused.value


def _details(error: grpc.aio.AioRpcError) -> tuple[ErrorInfo, BadRequest]:
    """Unpack the details of ``google.rpc.Status``."""
    info, bad = ErrorInfo(), BadRequest()
    for detail in rpc_status.from_call(error).details:
        for message in (info, bad):
            if detail.Is(message.DESCRIPTOR):
                detail.Unpack(message)
    return info, bad
