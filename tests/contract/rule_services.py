"""Services made of a rule's text: described when a test runs, served in process and over a channel by one recorder."""

from __future__ import annotations

import asyncio
import itertools
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import grpc
import orjson
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, text_format
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from gateway.app import create_app
from gateway.dispatch import ChannelDispatch, Dispatch, InProcessDispatch
from tests.contract.gateway_stubs import PROTOS, compile_protos, compiled

HTTP_PROTO = Path(__file__).parents[2] / "third_party" / "google" / "api" / "http.proto"
_RULES = "gateway_test.rules.v1"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A service of the comment of http.proto, and what the comment says about it: HTTP request → gRPC request."""

    service: ServiceDescriptor
    pairs: tuple[tuple[str, str], ...]


def the_comment() -> str:
    """The comment of ``HttpRule`` without its slashes."""
    lines = HTTP_PROTO.read_text().partition("// gRPC Transcoding\n")[2].partition("\nmessage HttpRule")[0].splitlines()
    return "\n".join(line.removeprefix("//").removeprefix(" ") for line in lines)


@cache
def the_examples() -> tuple[Example, ...]:
    """Every ``service`` of the comment, compiled as it stands there, with the mappings that follow it."""
    parts = re.split(r"^(?=    service )", the_comment(), flags=re.MULTILINE)[1:]
    return tuple(_example(number, part) for number, part in enumerate(parts, 1))


def _example(number: int, text: str) -> Example:
    source = "".join(
        itertools.takewhile(lambda line: line.startswith("    ") or not line.strip(), text.splitlines(True))
    )
    if "message Message " not in source:  # it stands in the first example alone
        source += "message Message { string text = 1; }"
    head = f'syntax = "proto3"; package http_proto.example{number}; import "google/api/annotations.proto";\n'
    name = f"http_proto_example{number}.proto"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_text(head + source)
        compile_protos(Path(folder), Path(folder), [name])
        files = descriptor_pb2.FileDescriptorSet.FromString((Path(folder) / "set.binpb").read_bytes()).file
    _add(next(file for file in files if file.name == name))
    joined = re.sub(r"\s+", " ", text)
    pairs = re.findall(r"- HTTP: `([^`]+)` - gRPC: `(\w+\([^`]+\))`", joined)
    service = descriptor_pool.Default().FindServiceByName(f"http_proto.example{number}.Messaging")
    return Example(service=service, pairs=tuple(pairs))


def request_of(service: ServiceDescriptor, text: str) -> Any:
    """``GetMessage(sub: SubMessage(subfield: "foo"))``, the comment's notation, as the method's request message."""
    name, _, fields = text.removesuffix(")").partition("(")
    fields = re.sub(r"\w+\(([^()]*)\)", r"{\1}", fields)
    return text_format.Parse(fields, GetMessageClass(service.methods_by_name[name].input_type)())


def service_of(
    *rules: str, request: str = "Request", response: str = "Request", client_streaming: bool = False
) -> ServiceDescriptor:
    """A service ``RulesN`` with a method ``M1``, ``M2``, … for each rule, in the text format of ``HttpRule``.

    Messages are named within the packages of rules.proto and words.proto (``.gateway_test.v1.Kinds``).
    """
    rules_package()
    number = next(_numbers)
    file = descriptor_pb2.FileDescriptorProto(
        name=f"made_rules{number}.proto", package=f"made{number}", syntax="proto3"
    )
    file.dependency.extend(["google/api/annotations.proto", "google/api/httpbody.proto", "rules.proto", "words.proto"])
    service = file.service.add(name=f"Rules{number}")
    for index, text in enumerate(rules, 1):
        method = service.method.add(name=f"M{index}", input_type=_full(request), output_type=_full(response))
        method.client_streaming = client_streaming
        text_format.Parse(text, method.options.Extensions[annotations_pb2.http])
    _add(file)
    return descriptor_pool.Default().FindServiceByName(f"made{number}.Rules{number}")


@cache
def rules_package() -> Any:
    """The ``Request`` class of rules.proto, compiled into the pool."""
    compiled()
    with tempfile.TemporaryDirectory() as folder:
        compile_protos(PROTOS, Path(folder), ["rules.proto"])
        files = descriptor_pb2.FileDescriptorSet.FromString((Path(folder) / "set.binpb").read_bytes()).file
    _add(next(file for file in files if file.name == "rules.proto"))
    return GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(f"{_RULES}.Request"))


def _full(name: str) -> str:
    return name if name.startswith(".") else f".{_RULES}.{name}"


def _add(file: descriptor_pb2.FileDescriptorProto) -> None:
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())


@dataclass(slots=True)
class Recorder(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """Serves every method of every service it knows: keeps the request, answers ``answer`` or an empty message."""

    services: dict[str, ServiceDescriptor] = field(default_factory=dict)
    seen: list[tuple[str, Any]] = field(default_factory=list)
    answer: Any = None

    def service(self, handler_call_details: Any) -> Any:
        """The handler of a call; None for a service it does not know."""
        service_name, _, name = handler_call_details.method.lstrip("/").partition("/")
        if service_name not in self.services:
            return None
        method = self.services[service_name].methods_by_name[name]

        async def serve(request: Any, _: Any) -> Any:
            self.seen.append((name, request))
            return GetMessageClass(method.output_type)() if self.answer is None else self.answer

        return grpc.unary_unary_rpc_method_handler(
            serve,
            request_deserializer=GetMessageClass(method.input_type).FromString,
            response_serializer=GetMessageClass(method.output_type).SerializeToString,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)

    def violations(self) -> dict[str, str]:
        """The messages of a refusal by field."""
        return {one["field"]: one["message"] for one in self.json()["error"]["details"]["violations"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """An app asked by ASGI itself: a client would put in order what a hostile one sends."""

    app: Any
    recorder: Recorder

    async def __call__(self, text: str, **more: Any) -> Answer:
        """Send ``PATCH /v1/messages/1?revision=2 {"text": "Hi!"}``, as http.proto writes it."""
        method, target, *body = text.split(" ", 2)
        return await self.send(method, target.encode(), body[0].encode() if body else b"", **more)

    async def send(
        self, method: str, target: bytes, *chunks: bytes, content_type: bytes = b"application/json"
    ) -> Answer:
        """Send a request whose body comes in chunks; one chunk has a ``content-length``."""
        raw_path, _, query = target.partition(b"?")
        sized = len(chunks) == 1
        length = (b"content-length", b"%d" % len(chunks[0])) if sized else (b"transfer-encoding", b"chunked")
        headers = [(b"host", b"gateway.test"), *([length] if any(chunks) else [])]
        headers += [(b"content-type", content_type)] if content_type else []
        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": unquote(raw_path.decode("latin-1")),
            "raw_path": raw_path,
            "query_string": query,
            "headers": headers,
        }
        waiting = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        waiting.append({"type": "http.request", "body": b"", "more_body": False})
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not waiting:
                await asyncio.Event().wait()
            return waiting.pop(0)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start, *rest = sent
        names = {key.decode(): value.decode() for key, value in start["headers"]}
        return Answer(
            status=start["status"], headers=names, body=b"".join(message.get("body", b"") for message in rest)
        )

    async def asked(self, text: str) -> Any:
        """The request message that reached the servicer by a request, which must succeed."""
        answer = await self(text)
        assert answer.status in {200, 204}, answer
        return self.recorder.seen.pop()


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A recorder behind one of the two dispatches."""

    dispatch: Dispatch
    recorder: Recorder

    def serving(self, *services: ServiceDescriptor) -> Door:
        """The door of a gateway that serves these services."""
        self.recorder.services.update({service.full_name: service for service in services})
        self.recorder.seen.clear()
        self.recorder.answer = None
        return Door(app=app_of(*services, dispatch=self.dispatch), recorder=self.recorder)


def app_of(*services: ServiceDescriptor, dispatch: Dispatch) -> Any:
    async def ready() -> bool:
        return True

    extension = compiled().words.rest_name
    return create_app(
        services, dispatch, descriptor_set=b"", title="T", version="1", rest_name_extension=extension, ready=ready
    )


def in_process() -> House:
    recorder, dispatch = Recorder(), InProcessDispatch()
    dispatch.add_generic_rpc_handlers([recorder])
    return House(dispatch=dispatch, recorder=recorder)


@asynccontextmanager
async def over_a_channel() -> AsyncIterator[House]:
    recorder, server = Recorder(), grpc.aio.server()
    server.add_generic_rpc_handlers([recorder])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield House(dispatch=ChannelDispatch(channel), recorder=recorder)
    await server.stop(None)
