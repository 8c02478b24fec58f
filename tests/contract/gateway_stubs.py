"""The gateway's own test services: protos compiled when first needed, a servicer, an interceptor."""
# ruff: noqa: N802 - a servicer's methods are named by its proto

from __future__ import annotations

import asyncio
import contextvars
import importlib
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import grpc_tools  # type: ignore[import-untyped]  # it ships no types
from google.api import annotations_pb2
from google.protobuf import any_pb2, duration_pb2, empty_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from grpc_tools import protoc

PROTOS = Path(__file__).parent / "gateway_protos"
seen_key: contextvars.ContextVar[str] = contextvars.ContextVar("seen_key", default="")


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """The generated modules, and the descriptor set with source info."""

    messaging: Any
    words: Any
    services: Any
    descriptor_set: bytes


@cache
def compiled() -> Compiled:
    out = Path(tempfile.mkdtemp(prefix="gateway-protos-"))
    compile_protos(PROTOS, out, ["words.proto", "messaging.proto"])
    sys.path.insert(0, str(out))
    return Compiled(
        messaging=importlib.import_module("messaging_pb2"),
        words=importlib.import_module("words_pb2"),
        services=importlib.import_module("messaging_pb2_grpc"),
        descriptor_set=(out / "set.binpb").read_bytes(),
    )


def compile_protos(source: Path, out: Path, names: list[str]) -> None:
    common = Path(annotations_pb2.__file__).parents[2]
    builtin = Path(grpc_tools.__file__).parent / "_proto"
    failed = protoc.main(
        [
            "protoc",
            *(f"-I{path}" for path in (source, common, builtin)),
            *(f"--{kind}={out}" for kind in ("python_out", "grpc_python_out")),
            f"--descriptor_set_out={out / 'set.binpb'}",
            "--include_source_info",
            "--include_imports",
            *names,
        ]
    )
    assert not failed


@dataclass
class Servicer:
    """Echoes, fails as it is told, and notes what was cancelled."""

    started: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    def add_to(self, server: Any) -> None:
        compiled().services.add_MessagingServicer_to_server(self, server)

    async def _echo(self, request: Any, _: Any) -> Any:
        return request

    GetMessage = UpdateMessage = ReplaceMessage = PutNested = PauseThing = GetThing = Anything = _echo
    GetFile = GetRevision = PutTags = EchoBytes = EchoKinds = QueryKinds = Internal = _echo

    async def PutVersioned(self, request: Any, context: Any) -> Any:
        """Save what is there in version ``a-1``, as version ``a-2``."""
        if request.HasField("etag") and request.etag not in {"a-1", "*"}:
            await context.abort_with_status(rpc_status.to_status(stale_status()))
        made = compiled().messaging
        return made.PutVersionedResponse(versioned=made.Versioned(text=request.etag or "in any case", etag="a-2"))

    async def ReplaceVersioned(self, request: Any, context: Any) -> Any:
        """Return what was sent; a text becomes the etag of the metadata."""
        if request.text:
            await context.send_initial_metadata((("etag", request.text),))
        return request

    async def GetByName(self, request: Any, _: Any) -> Any:
        return compiled().messaging.Message(text=request.name)

    async def SearchThings(self, request: Any, _: Any) -> Any:
        request.id = "the search"
        return request

    async def DeleteThing(self, _: Any, __: Any) -> Any:
        return empty_pb2.Empty()

    async def ListTags(self, request: Any, _: Any) -> Any:
        return compiled().messaging.Tags(tags=request.tag)

    async def ShowMetadata(self, _: Any, context: Any) -> Any:
        await context.send_initial_metadata((("etag", '"7"'), ("x-private", "kept")))
        context.set_trailing_metadata((("location", "/api/v1/things/9"), ("x-http-code", "201")))
        pairs = sorted(f"{key}={value}" for key, value in context.invocation_metadata())
        return compiled().messaging.Tags(
            tags=[*pairs, f"seen={seen_key.get()}", f"timed={(context.time_remaining() or 0) < 5}"]
        )

    def Missing(self, _: Any, context: Any) -> Any:
        """What generated code does for a method that nobody wrote."""
        context.set_code(grpc.StatusCode.UNIMPLEMENTED)
        context.set_details("Method not implemented!")
        raise NotImplementedError("Method not implemented!")

    async def Watch(self, request: Any, _: Any) -> Any:
        yield request

    async def Fail(self, request: Any, context: Any) -> Any:
        how = request.how
        if how == "raise":
            raise RuntimeError("the secret of the house")
        if how == "rich":
            await context.abort_with_status(rpc_status.to_status(rich_status()))
        if how == "coded":
            context.set_code(grpc.StatusCode.NOT_FOUND)
            context.set_details("nothing there")
            return request
        if how == "slow":
            await self._wait(context)
        return await context.abort(grpc.StatusCode[how.upper()], f"it is {how}")

    async def _wait(self, context: Any) -> None:
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        finally:
            context.add_done_callback(lambda _: None)


def rich_status() -> status_pb2.Status:
    details = [
        error_details_pb2.ErrorInfo(reason="QUOTA_USED", domain="test", metadata={"limit": "3"}),
        error_details_pb2.BadRequest(
            field_violations=[error_details_pb2.BadRequest.FieldViolation(field="how", description="too much")]
        ),
        error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=6, nanos=1)),
    ]
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    return status_pb2.Status(code=8, message="the quota is used up", details=packed)


def stale_status() -> status_pb2.Status:
    status = status_pb2.Status(code=10, message="the saved one is a-1")
    for detail in (error_details_pb2.ErrorInfo(reason="STALE_WRITE"), error_details_pb2.PreconditionFailure()):
        status.details.add().Pack(detail)
    return status


class KeyInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc ships no types
    """Refuses the key ``refused``; tells the handler the key by a context variable."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        metadata = dict(handler_call_details.invocation_metadata)
        if metadata.get("x-api-key") == "refused":
            return grpc.unary_unary_rpc_method_handler(self._refuse)
        seen_key.set(metadata.get("x-api-key", ""))
        return await continuation(handler_call_details)

    async def _refuse(self, _: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "this key is refused")


class PathInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc ships no types
    """Runs within KeyInterceptor: reads what that one set."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        seen_key.set(f"{seen_key.get()}@{handler_call_details.method}")
        return await continuation(handler_call_details)


INTERCEPTORS = (KeyInterceptor(), PathInterceptor())
