"""How a request message reaches its servicer: in this process or over a channel, with the semantics of grpc.aio."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, NoReturn, Protocol

import grpc
from google.rpc import status_pb2

from gateway.errors import RpcFailure
from gateway.methods import Method

Metadata = tuple[tuple[str, str | bytes], ...]
_DETAILS_KEY = "grpc-status-details-bin"
_log = logging.getLogger(__name__)


class Dispatch(Protocol):
    """Performs RPCs."""

    async def unary(
        self,
        method: Method,
        request: Any,
        metadata: Sequence[tuple[str, str]],
        timeout: float | None,  # noqa: ASYNC109 - it travels with the RPC, as in every gRPC stub
    ) -> tuple[Any, Metadata]:
        """Perform a unary RPC; ``timeout`` is in seconds. Returns the response and its initial and trailing metadata.

        Cancelling the caller cancels the RPC.

        Raises:
            RpcFailure: it ended with a status other than OK.
        """


class CallDetails(NamedTuple):
    """``grpc.HandlerCallDetails``: what a server interceptor is told."""

    method: str
    invocation_metadata: tuple[tuple[str, str], ...]


class LocalContext(grpc.aio.ServicerContext):  # type: ignore[misc]  # grpc ships no types
    """The context of one RPC within this process."""

    def __init__(self, metadata: Sequence[tuple[str, str]], timeout: float | None) -> None:
        self._metadata = tuple(metadata)
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._code: grpc.StatusCode | None = None
        self._details = ""
        self._initial: Metadata = ()
        self._trailing: Metadata = ()
        self._callbacks: list[Callable[[LocalContext], None]] = []
        self._cancelled = False
        self._done = False

    async def read(self) -> NoReturn:
        """Refused: a unary RPC has one request."""
        raise grpc.aio.UsageError("a unary RPC has no stream to read")

    async def write(self, message: Any) -> NoReturn:  # noqa: ARG002 - the signature of ServicerContext
        """Refused: a unary RPC has one response."""
        raise grpc.aio.UsageError("a unary RPC has no stream to write")

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        """Keep them for the answer."""
        self._initial = tuple(initial_metadata)

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> NoReturn:
        """End the RPC with a status."""
        self._code, self._details = code, details
        if trailing_metadata:
            self._trailing = tuple(trailing_metadata)
        if code == grpc.StatusCode.OK:
            self._code, self._details = grpc.StatusCode.UNKNOWN, ""
        raise grpc.aio.AbortError("Locally aborted.")

    async def abort_with_status(self, status: Any) -> NoReturn:
        """End the RPC with a ``grpc.Status``."""
        await self.abort(status.code, status.details, status.trailing_metadata)

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        """Keep them for the answer."""
        self._trailing = tuple(trailing_metadata)

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        """What the client sent."""
        return self._metadata

    def set_code(self, code: grpc.StatusCode) -> None:
        """The status of the answer."""
        self._code = code

    def set_details(self, details: str) -> None:
        """The message of the status."""
        self._details = details

    def set_compression(self, compression: grpc.Compression) -> None:
        """Nothing is compressed within a process."""

    def disable_next_message_compression(self) -> None:
        """Nothing is compressed within a process."""

    def peer(self) -> str:
        """Where the call comes from: this process."""
        return "inproc:gateway"

    def peer_identities(self) -> Iterable[bytes] | None:
        """None: no transport authenticated the peer."""
        return None

    def peer_identity_key(self) -> str | None:
        """None: no transport authenticated the peer."""
        return None

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """Empty: no transport authenticated the peer."""
        return {}

    def time_remaining(self) -> float | None:
        """Seconds until the deadline, not negative; None without one."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def trailing_metadata(self) -> Metadata:
        """What was set."""
        return self._trailing

    def code(self) -> grpc.StatusCode | None:
        """What was set."""
        return self._code

    def details(self) -> str:
        """What was set."""
        return self._details

    def add_done_callback(self, callback: Callable[[LocalContext], None]) -> None:
        """Call it when the RPC has ended."""
        self._callbacks.append(callback)

    def cancelled(self) -> bool:
        """Whether the client went away."""
        return self._cancelled

    def done(self) -> bool:
        """Whether the RPC has ended."""
        return self._done

    def metadata(self) -> Metadata:
        """Initial and trailing metadata of the answer."""
        return self._initial + self._trailing

    def failed(self) -> bool:
        """Whether a status other than OK was set."""
        return self._code is not None and self._code != grpc.StatusCode.OK

    def failure(self) -> RpcFailure:
        """The failure that was set or aborted with."""
        return _failure(self._code or grpc.StatusCode.UNKNOWN, self._details, self._trailing)

    def cancel(self) -> None:
        """The client went away, or the deadline passed."""
        self._cancelled = True

    def finish(self) -> None:
        """The RPC has ended: tell those who asked."""
        self._done = True
        for callback in self._callbacks:
            callback(self)


class InProcessDispatch:
    """Servicers of this process behind the very interceptors of the gRPC server.

    It stands where a ``grpc.aio.Server`` does: ``add_XServicer_to_server(servicer, dispatch)``. Interceptors run for
    each RPC, the first outermost; they and the handler share one context, as in grpc.aio. Handlers are coroutine
    functions.
    """

    def __init__(self, interceptors: Sequence[grpc.aio.ServerInterceptor] = ()) -> None:
        self._handlers: dict[str, Any] = {}
        self._generic: list[Any] = []
        self._find: Callable[[CallDetails], Any] = self._lookup
        for interceptor in reversed(interceptors):
            self._find = partial(interceptor.intercept_service, self._find)

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[Any]) -> None:
        """Take handlers that are found by ``service(call_details)``."""
        self._generic += generic_rpc_handlers

    def add_registered_method_handlers(self, service_name: str, method_handlers: Mapping[str, Any]) -> None:
        """Take the handlers of a service by method name; they are found first."""
        for name, handler in method_handlers.items():
            self._handlers[f"/{service_name}/{name}"] = handler

    async def unary(
        self,
        method: Method,
        request: Any,
        metadata: Sequence[tuple[str, str]],
        timeout: float | None,  # noqa: ASYNC109 - it travels with the RPC, as in every gRPC stub
    ) -> tuple[Any, Metadata]:
        """See Dispatch."""
        context = LocalContext(metadata, timeout)
        try:
            async with asyncio.timeout(timeout) as deadline:
                return await self._perform(method, request, context)
        except TimeoutError:
            if not deadline.expired():
                raise
            context.cancel()
            raise _failure(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded") from None
        except asyncio.CancelledError:
            context.cancel()
            raise
        finally:
            context.finish()

    async def _perform(self, method: Method, request: Any, context: LocalContext) -> tuple[Any, Metadata]:
        try:
            handler = await self._find(CallDetails(method.path, context.invocation_metadata()))
            response = await _called(_unary(handler)(request, context))
        except RpcFailure:
            raise
        except grpc.aio.AbortError:
            raise context.failure() from None
        except Exception as fault:
            if not context.failed():
                _log.exception("unexpected error in %s", method.path)
                context.set_code(grpc.StatusCode.UNKNOWN)
            context.set_details(f"Unexpected {type(fault)}: {fault}")
            raise context.failure() from fault
        if context.failed():
            raise context.failure()
        return response, context.metadata()

    async def _lookup(self, details: CallDetails) -> Any:
        found = self._handlers.get(details.method)
        if found is None:
            found = next((handler for one in self._generic if (handler := one.service(details))), None)
        return found


class ChannelDispatch:
    """Servicers behind a ``grpc.aio.Channel``, over TCP or a unix socket."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._calls: dict[str, Any] = {}

    async def unary(
        self,
        method: Method,
        request: Any,
        metadata: Sequence[tuple[str, str]],
        timeout: float | None,  # noqa: ASYNC109 - it travels with the RPC, as in every gRPC stub
    ) -> tuple[Any, Metadata]:
        """See Dispatch."""
        multicallable = self._calls.get(method.path) or self._prepare(method)
        call = multicallable(request, metadata=tuple(metadata), timeout=timeout)
        try:
            response = await call
        except grpc.aio.AioRpcError as fault:
            raise _failure(fault.code(), fault.details() or "", tuple(fault.trailing_metadata() or ())) from None
        initial, trailing = await call.initial_metadata(), await call.trailing_metadata()
        return response, (*(initial or ()), *(trailing or ()))

    def _prepare(self, method: Method) -> Any:
        self._calls[method.path] = self._channel.unary_unary(
            method.path,
            request_serializer=method.request_class.SerializeToString,
            response_deserializer=method.response_class.FromString,
        )
        return self._calls[method.path]


def _unary(handler: Any) -> Callable[[Any, LocalContext], Any]:
    if handler is None or handler.unary_unary is None:
        raise _failure(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
    behavior: Callable[[Any, LocalContext], Any] = handler.unary_unary
    return behavior


async def _called(result: Any) -> Any:
    if not inspect.isawaitable(result):
        raise TypeError("the handler is no coroutine function")
    return await result


def _failure(code: grpc.StatusCode, details: str, trailing: Metadata = ()) -> RpcFailure:
    """The rich status of the trailing metadata, where it agrees with code and details; else a bare one."""
    number = code.value[0]
    for key, value in trailing:
        if key == _DETAILS_KEY and isinstance(value, bytes):
            status = status_pb2.Status.FromString(value)
            if status.code == number:
                return RpcFailure(status, trailing)
    return RpcFailure(status_pb2.Status(code=number, message=details), trailing)
