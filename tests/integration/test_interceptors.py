"""Request ids, credentials, scopes, validation and failures, over a real gRPC server."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from sqlalchemy.exc import DBAPIError, OperationalError

from automation_engine import errors
from automation_engine.errors import EngineError, InvalidArgument, Violation
from automation_engine.servicers import caller, request_ids
from automation_engine.servicers.auth_servicer import AuthServicer
from automation_engine.servicers.authentication import required_scopes
from automation_engine.servicers.connector_servicer import ConnectorServicer
from automation_engine.servicers.index_servicer import IndexServicer
from automation_engine.servicers.pipeline import interceptors
from automation_engine.servicers.prompt_servicer import PromptServicer
from automation_engine.store import keys
from automation_engine.v1 import auth_service_pb2, connector_service_pb2, index_service_pb2, prompt_service_pb2
from automation_engine.v1.auth_service_pb2_grpc import AuthServiceStub, add_AuthServiceServicer_to_server
from automation_engine.v1.connector_service_pb2_grpc import (
    ConnectorServiceStub,
    add_ConnectorServiceServicer_to_server,
)
from automation_engine.v1.index_service_pb2_grpc import (
    IndexServiceServicer,
    IndexServiceStub,
    add_IndexServiceServicer_to_server,
)
from automation_engine.v1.prompt_service_pb2_grpc import PromptServiceStub, add_PromptServiceServicer_to_server
from gateway.dispatch import InProcessDispatch
from gateway.errors import RpcFailure
from gateway.methods import Method
from tests.integration.engine import Api, Engine, serve
from tests.integration.failures import refusal

SCOPES = {
    "AuthService": {"ValidateCredentials": "search", "RecordProcessingActivity": "search"},
    "IndexService": {
        "CreateIndex": "write",
        "ListIndexes": "search",
        "GetIndex": "read",
        "GetIndexDeletion": "read",
        "DeleteIndex": "admin",
    },
    "ConnectorService": {
        "CreateS3Connector": "write",
        "CreateGcsConnector": "write",
        "CreateAzureConnector": "write",
        "CreateLocalConnector": "write",
        "ListConnectors": "read",
        "GetConnector": "read",
        "UpdateConnector": "write",
        "DeleteConnector": "admin",
        "TestConnector": "write",
        "BrowseConnector": "read",
    },
    "PromptService": {
        "CreatePrompt": "write",
        "ListPrompts": "read",
        "GetPrompt": "read",
        "UpdatePrompt": "write",
        "DeletePrompt": "admin",
        "TestPromptSchema": "write",
        "GetPromptUsage": "read",
    },
}
STUBS: dict[str, Any] = {
    "AuthService": AuthServiceStub,
    "IndexService": IndexServiceStub,
    "ConnectorService": ConnectorServiceStub,
    "PromptService": PromptServiceStub,
}
MODULES = (auth_service_pb2, index_service_pb2, connector_service_pb2, prompt_service_pb2)
SERVICES = {name: service for module in MODULES for name, service in module.DESCRIPTOR.services_by_name.items()}
CASES = [(service, method, scope) for service, methods in SCOPES.items() for method, scope in methods.items()]


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[Api]:
    database, stores = engine.database, engine.stores
    services = {
        "AuthService": (add_AuthServiceServicer_to_server, AuthServicer()),
        "IndexService": (add_IndexServiceServicer_to_server, IndexServicer(database=database)),
        "ConnectorService": (
            add_ConnectorServiceServicer_to_server,
            ConnectorServicer(database=database, stores=stores),
        ),
        "PromptService": (add_PromptServiceServicer_to_server, PromptServicer(database=database)),
    }
    async with serve(engine, services) as api:
        yield api


class _Raising(IndexServiceServicer):
    """Raises what it is given."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def ListIndexes(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the service's name
        raise self.error


@asynccontextmanager
async def _raising(engine: Engine, error: Exception) -> AsyncIterator[Any]:
    services = {"IndexService": (add_IndexServiceServicer_to_server, _Raising(error))}
    async with serve(engine, services) as api:
        yield await api.stub(IndexServiceStub, "read")


def _call(stub: Any, service: str, method: str) -> Any:
    """Call a method with an empty request: whoever is let in fails, if at all, only at its content."""
    request = message_factory.GetMessageClass(SERVICES[service].methods_by_name[method].input_type)
    return getattr(stub, method)(request())


def test_the_table_names_every_method() -> None:
    served = {name: {method.name for method in service.methods} for name, service in SERVICES.items()}
    assert served == {name: set(methods) for name, methods in SCOPES.items()}


@pytest.mark.parametrize(("service", "method", "scope"), CASES)
async def test_each_method_lets_its_scope_in(api: Api, service: str, method: str, scope: str) -> None:
    stub = await api.stub(STUBS[service], scope)
    call = _call(stub, service, method)
    assert await call.code() in {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}


@pytest.mark.parametrize(("service", "method", "scope"), [case for case in CASES if case[2] != "search"])
async def test_each_method_refuses_the_scope_below_and_names_the_one_it_needs(
    api: Api, service: str, method: str, scope: str
) -> None:
    below = keys.SCOPES[keys.SCOPES.index(scope) - 1]
    refused = await refusal(_call(await api.stub(STUBS[service], below), service, method))
    assert (refused.status, refused.reason) == ("PERMISSION_DENIED", "INSUFFICIENT_SCOPE")
    assert f"needs the scope {scope}" in refused.message
    assert refused.metadata["required_scope"] == scope


@pytest.mark.parametrize(("service", "method", "scope"), CASES)
async def test_no_method_answers_without_a_key(api: Api, service: str, method: str, scope: str) -> None:
    refused = await refusal(_call(await api.stub_with(STUBS[service], {}), service, method))
    assert (refused.status, refused.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED"), scope
    assert "X-API-Key" in refused.message


async def test_a_bearer_token_may_be_a_key(api: Api) -> None:
    stub = await api.stub_with(IndexServiceStub, {"authorization": f"bearer {await api.engine.key()}"})
    await stub.ListIndexes(index_service_pb2.ListIndexesRequest())


async def test_x_api_key_wins_over_the_bearer_token(api: Api) -> None:
    good, bad = await api.engine.key(), "sk_live_" + "0" * 48
    stub = await api.stub_with(IndexServiceStub, {"x-api-key": good, "authorization": f"Bearer {bad}"})
    await stub.ListIndexes(index_service_pb2.ListIndexesRequest())
    stub = await api.stub_with(IndexServiceStub, {"x-api-key": bad, "authorization": f"Bearer {good}"})
    refused = await refusal(stub.ListIndexes(index_service_pb2.ListIndexesRequest()))
    assert refused.status == "UNAUTHENTICATED"


async def test_a_key_is_refused_at_the_first_call_after_it_was_revoked(api: Api) -> None:
    async with api.engine.database.transaction() as tx:
        row, key = await keys.create(tx, "ada", "lost", ["admin"])
    stub = await api.stub_with(IndexServiceStub, {"x-api-key": key})
    await stub.ListIndexes(index_service_pb2.ListIndexesRequest())
    async with api.engine.database.transaction() as tx:
        await keys.revoke(tx, row.key_id)
    refused = await refusal(stub.ListIndexes(index_service_pb2.ListIndexesRequest()))
    assert (refused.status, key in refused.message) == ("UNAUTHENTICATED", False)


async def test_a_request_id_comes_back_and_one_is_made_where_none_is_usable(api: Api) -> None:
    key = await api.engine.key()
    for given in ("req-1", "not usable", None):
        metadata = {"x-api-key": key} | ({} if given is None else {"x-request-id": given})
        call = (await api.stub_with(IndexServiceStub, metadata)).ListIndexes(index_service_pb2.ListIndexesRequest())
        answered = dict(await call.initial_metadata())["x-request-id"]
        assert answered == given if given == "req-1" else len(answered) == 32


async def test_a_failed_call_has_its_request_id_too(api: Api) -> None:
    call = (await api.stub_with(IndexServiceStub, {"x-request-id": "req-2"})).ListIndexes(
        index_service_pb2.ListIndexesRequest()
    )
    await refusal(call)
    assert dict(await call.initial_metadata())["x-request-id"] == "req-2"


async def test_an_invalid_request_is_refused_with_each_field_the_value_and_what_would_be_right(api: Api) -> None:
    stub = await api.stub(ConnectorServiceStub)
    refused = await refusal(
        stub.CreateS3Connector(
            connector_service_pb2.CreateS3ConnectorRequest(
                name="Archive", bucket="Media", region="", aws_access_key_id="AK", aws_secret_access_key="s" * 300
            )
        )
    )
    assert (refused.status, refused.reason) == ("INVALID_ARGUMENT", "VALIDATION_ERROR")
    assert refused.fields["region"] == "must be at least 1 character; got ''"
    assert refused.fields["bucket"].endswith("; got 'Media'")


async def test_a_secret_is_not_repeated_in_a_violation(api: Api) -> None:
    request = connector_service_pb2.CreateS3ConnectorRequest(
        name="Archive", bucket="media", region="eu", aws_access_key_id="AK", aws_secret_access_key="s3cr3t" * 50
    )
    refused = await refusal((await api.stub(ConnectorServiceStub)).CreateS3Connector(request))
    assert "aws_secret_access_key" in refused.fields
    assert "s3cr3t" not in repr(refused)


async def test_a_violation_within_a_list_names_the_place(api: Api) -> None:
    request = connector_service_pb2.UpdateConnectorRequest(connector_id="conn_1")
    request.scopes.extend([1, 9])  # type: ignore[list-item]  # no value of the enum, on purpose
    refused = await refusal((await api.stub(ConnectorServiceStub)).UpdateConnector(request))
    assert list(refused.fields) == ["scopes[1]"]
    assert refused.fields["scopes[1]"].endswith("; got 9")


def _errors(kind: type[EngineError] = EngineError) -> Iterator[type[EngineError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from _errors(child)


@pytest.mark.parametrize("kind", [kind for kind in _errors() if kind is not InvalidArgument])
async def test_every_error_of_ours_has_its_status_its_reason_and_its_details(
    engine: Engine, kind: type[EngineError]
) -> None:
    async with _raising(engine, kind("what was wrong", details={"index_id": "idx_1"})) as stub:
        refused = await refusal(stub.ListIndexes(index_service_pb2.ListIndexesRequest()))
    assert (refused.status, refused.reason) == (kind.status, kind.code.upper())
    assert (refused.message, refused.metadata) == ("what was wrong", {"index_id": "idx_1"})


async def test_an_unexpected_error_tells_the_request_id_and_nothing_of_itself(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "automation_engine.servicers.failures"):
        async with _raising(engine, ValueError("password=hunter2")) as stub:
            call = stub.ListIndexes(index_service_pb2.ListIndexesRequest())
            refused = await refusal(call)
    request_id = dict(await call.initial_metadata())["x-request-id"]
    assert (refused.status, refused.reason) == ("INTERNAL", "INTERNAL_ERROR")
    assert request_id in refused.message
    assert "hunter2" not in repr(refused)
    assert request_id in caplog.text
    assert "hunter2" in caplog.text


async def test_a_locked_database_is_unavailable_and_a_wrong_statement_is_internal(engine: Engine) -> None:
    for code, status in ((sqlite3.SQLITE_BUSY, "UNAVAILABLE"), (sqlite3.SQLITE_ERROR, "INTERNAL")):
        cause = sqlite3.OperationalError("database is locked")
        cause.sqlite_errorcode = code
        async with _raising(engine, OperationalError("SELECT 1", {}, cause)) as stub:
            refused = await refusal(stub.ListIndexes(index_service_pb2.ListIndexesRequest()))
        assert refused.status == status


async def test_a_text_that_postgresql_can_not_hold_is_an_invalid_argument(engine: Engine) -> None:
    cause = sqlite3.DatabaseError("invalid byte sequence for encoding UTF8: 0x00")
    cause.sqlstate = "22021"  # type: ignore[attr-defined]  # the attribute of the driver that raises it
    async with _raising(engine, DBAPIError("SELECT 1", {}, cause)) as stub:
        refused = await refusal(stub.ListIndexes(index_service_pb2.ListIndexesRequest()))
    assert (refused.status, refused.fields) == ("INVALID_ARGUMENT", {"": "no text may hold the character U+0000"})


async def test_a_failure_larger_than_metadata_may_be_still_arrives(engine: Engine) -> None:
    violations = [Violation(field=f"field_{at}", message="é\udc80" * 1000) for at in range(100)]
    async with _raising(engine, InvalidArgument(violations)) as stub:
        refused = await refusal(stub.ListIndexes(index_service_pb2.ListIndexesRequest()))
    assert refused.status == "INVALID_ARGUMENT"
    assert "field_0" in refused.fields


class _Context(IndexServiceServicer):
    """Remembers who called."""

    async def ListIndexes(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the service's name
        self.seen = (caller.current(), request_ids.current())
        return index_service_pb2.ListIndexesResponse()


async def test_a_servicer_knows_the_caller_and_the_request_id(engine: Engine) -> None:
    servicer = _Context()
    async with serve(engine, {"IndexService": (add_IndexServiceServicer_to_server, servicer)}) as api:
        key = await engine.key("write", owner="grace")
        stub = await api.stub_with(IndexServiceStub, {"x-api-key": key, "x-request-id": "req-3"})
        await stub.ListIndexes(index_service_pb2.ListIndexesRequest())
    known, request_id = servicer.seen
    assert (known.owner, known.scope, request_id) == ("grace", caller.Scope.WRITE, "req-3")


async def test_health_needs_no_key(engine: Engine) -> None:
    def register(servicer: Any, server: Any) -> None:
        add_IndexServiceServicer_to_server(servicer, server)
        health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)

    async with serve(engine, {"IndexService": (register, IndexServicer(database=engine.database))}) as api:
        stub = await api.stub_with(health_pb2_grpc.HealthStub, {})
        answer = await stub.Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_service_that_the_interceptors_were_not_told_of_does_not_exist(engine: Engine) -> None:
    def register(servicer: Any, server: Any) -> None:
        add_IndexServiceServicer_to_server(servicer, server)
        add_AuthServiceServicer_to_server(AuthServicer(), server)

    async with serve(engine, {"IndexService": (register, IndexServicer(database=engine.database))}) as api:
        stub = await api.stub(AuthServiceStub)
        refused = await refusal(stub.ValidateCredentials(auth_service_pb2.ValidateCredentialsRequest()))
    assert refused.status == "UNIMPLEMENTED"


def test_a_method_without_a_scope_is_refused_at_construction() -> None:
    with pytest.raises(ValueError, match=r"Health\.\w+: declares no required_scope"):
        required_scopes([health_pb2.DESCRIPTOR.services_by_name["Health"]])


async def test_the_same_interceptors_stand_before_calls_within_the_process(engine: Engine) -> None:
    service = SERVICES["IndexService"]
    dispatch = InProcessDispatch(interceptors(engine.database, [service], engine.stores.box))
    add_IndexServiceServicer_to_server(IndexServicer(database=engine.database), dispatch)
    method, request = Method.of(service.methods_by_name["CreateIndex"]), index_service_pb2.CreateIndexRequest(name="A")
    metadata = [("x-api-key", await engine.key("write")), ("x-request-id", "req-4")]
    answer, returned = await dispatch.unary(method, request, metadata, 10.0)
    assert answer.index.user_id == "ada"
    assert ("x-request-id", "req-4") in returned
    for invalid, sent, reason in (
        (request, [], "UNAUTHENTICATED"),
        (request, [("x-api-key", await engine.key("read"))], "INSUFFICIENT_SCOPE"),
        (index_service_pb2.CreateIndexRequest(), metadata, "VALIDATION_ERROR"),
    ):
        with pytest.raises(RpcFailure) as raised:
            await dispatch.unary(method, invalid, sent, 10.0)
        info = ErrorInfo()
        assert raised.value.status.details[0].Unpack(info)
        assert info.reason == reason


async def test_validating_credentials_asks_rest_for_204(api: Api) -> None:
    call = (await api.stub(AuthServiceStub, "search")).ValidateCredentials(
        auth_service_pb2.ValidateCredentialsRequest()
    )
    await call
    assert ("x-http-code", "204") in tuple(await call.trailing_metadata())


async def test_processing_activity_is_accepted(api: Api) -> None:
    stub = await api.stub(AuthServiceStub, "search")
    answer = await stub.RecordProcessingActivity(auth_service_pb2.RecordProcessingActivityRequest(surface="sdk"))
    assert answer.accepted
