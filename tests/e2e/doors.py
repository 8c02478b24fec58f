"""The three doors of a service: REST, gRPC with the generated stubs, and the command line; a call goes through each."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status
from typer.testing import CliRunner

from automation_engine.cli import app
from automation_engine.v1 import (
    automation_service_pb2,
    automation_service_pb2_grpc,
    forecast_service_pb2,
    forecast_service_pb2_grpc,
    import_batch_service_pb2,
    import_batch_service_pb2_grpc,
    ledger_service_pb2,
    ledger_service_pb2_grpc,
    revision_service_pb2,
    revision_service_pb2_grpc,
)
from tests.e2e.processes import Service

DOORS = ("rest", "grpc", "cli")

_SERVICES: Sequence[tuple[Any, Any]] = (
    (automation_service_pb2, automation_service_pb2_grpc.AutomationServiceStub),
    (forecast_service_pb2, forecast_service_pb2_grpc.ForecastServiceStub),
    (import_batch_service_pb2, import_batch_service_pb2_grpc.ImportBatchServiceStub),
    (ledger_service_pb2, ledger_service_pb2_grpc.LedgerServiceStub),
    (revision_service_pb2, revision_service_pb2_grpc.RevisionServiceStub),
)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked, as each door takes it. ``answer`` is the field of the gRPC response that REST tells alone."""

    rest: tuple[str, str]
    """Method, and path below ``/api/v2``."""
    body: Any = None
    grpc: tuple[str, Mapping[str, Any]]
    """Method, and its request as protobuf's own JSON."""
    answer: str | None = None
    cli: Sequence[str]
    """Arguments of ``automation-engine automations``."""
    given: Any = None
    """JSON that the command reads from its standard input."""
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A door refused a call: the error's stable code, and all that was said."""

    def __init__(self, code: str, said: str) -> None:
        super().__init__(code, said)
        self.code = code
        self.said = said


class Doors:
    """The doors of one service, for the holder of its key."""

    def __init__(self, service: Service, channel: grpc.aio.Channel) -> None:
        self._service = service
        self._channel = channel

    async def ask(self, door: str, call: Call) -> Any:
        """Send a call through a door and return the JSON that it means. Raises ``Refused``."""
        document = await getattr(self, f"_{door}")(call)
        for name, value in _leaves(document):
            if name.endswith("_at") and value is not None:
                assert _INSTANT.fullmatch(value), f"{name}: {value!r} is no instant of RFC 3339 in UTC"
        return document

    async def each(self, call: Call) -> list[Any]:
        """Send a call through every door."""
        return [await self.ask(door, call) for door in DOORS]

    async def refusals(self, call: Call) -> list[Refused]:
        """Send a call that every door has to refuse, and return what each said."""
        refused = []
        for door in DOORS:
            try:
                answer = await self.ask(door, call)
            except Refused as error:
                refused.append(error)
            else:
                raise AssertionError(f"{door} answered {answer}")
        return refused

    async def _rest(self, call: Call) -> Any:
        method, path = call.rest
        headers = {"X-API-Key": self._service.key, **call.headers}
        answer = await self._service.send(method, f"/api/v2{path}", json=call.body, headers=headers)
        if answer.is_error:
            error = answer.json()["error"]
            raise Refused(error["code"], error["message"])
        return answer.json()

    async def _grpc(self, call: Call) -> Any:
        method, fields = call.grpc
        module, stub = next(service for service in _SERVICES if hasattr(service[0], f"{method}Request"))
        asked = json_format.ParseDict(dict(fields), getattr(module, f"{method}Request")())
        try:
            answer = await getattr(stub(self._channel), method)(asked, metadata=[("x-api-key", self._service.key)])
        except grpc.aio.AioRpcError as error:
            raise Refused(_reason(error), error.details() or "") from None
        return document_of(answer if call.answer is None else getattr(answer, call.answer))

    async def _cli(self, call: Call) -> Any:
        words = ["automations", "--engine", self._service.grpc, "--key", self._service.key, "--json", *call.cli]
        given = None if call.given is None else json.dumps(call.given)
        ended = await asyncio.to_thread(CliRunner().invoke, app, words, input=given)
        if ended.exit_code:
            assert "Traceback" not in ended.output, ended.output
            raise Refused(ended.stderr.split(": ")[1], ended.stderr)
        return json.loads(ended.stdout)


def _reason(error: grpc.aio.AioRpcError) -> str:
    info = ErrorInfo()
    for detail in rpc_status.from_call(error).details:
        detail.Unpack(info)
    return str(info.reason).lower()


def _leaves(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield every value that is neither object nor array, with the name that it has."""
    for name, value in document.items() if isinstance(document, dict) else ():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield from _leaves(one)
            else:
                yield name, one


def document_of(message: Any) -> dict[str, Any]:
    """Return a message as the contract of REST says it: written down a second time, apart from the gateway."""
    return {each.name: _field(message, each) for each in message.DESCRIPTOR.fields}


def _field(message: Message, of: FieldDescriptor) -> Any:
    value: Any = getattr(message, of.name)
    if of.is_repeated:
        return [_value(of, one) for one in value]
    if of.has_presence and not message.HasField(of.name):
        return None
    return _value(of, value)


def _value(of: FieldDescriptor, value: Any) -> Any:
    if of.enum_type is not None:
        prefix = of.enum_type.values_by_number[0].name.removesuffix("UNSPECIFIED")
        return of.enum_type.values_by_number[value].name.removeprefix(prefix).lower() if value else None
    if of.message_type is None:
        return value
    if of.message_type.full_name == "google.protobuf.Timestamp":
        return value.ToDatetime().isoformat() + "Z"
    if of.message_type.full_name.startswith("google.protobuf."):
        return json_format.MessageToDict(value)
    return document_of(value)
