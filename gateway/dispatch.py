"""How a request message reaches its servicer: in this process or over a channel, with the semantics of grpc.aio."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self

import grpc

from gateway.errors import RpcFailure
from gateway.interruption import Deadline, DeadlineError
from gateway.local_context import CallDetails, LocalContext, Metadata, failure_of
from gateway.methods import Method

_Serve = Callable[[Any, Any, LocalContext], Awaitable[Any]]
_log = logging.getLogger(__name__)


class Stream(Protocol):
    """A server stream: an async context manager, which cancels the RPC at its end, and an iterator of messages.

    Nothing is read ahead: the servicer goes on when the next message is asked for (over a channel: as far as its flow
    control lets it).
    """

    async def __aenter__(self) -> Self:
        """Start the RPC."""

    async def __aexit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """Cancel what still runs of it."""

    def __aiter__(self) -> Self:
        """The messages."""

    async def __anext__(self) -> Any:
        """The next message. Raises RpcFailure when the RPC ended with a status other than OK."""

    async def initial_metadata(self) -> Metadata:
        """The initial metadata; asked for when the first message is there, or the end."""


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

    def stream(
        self, method: Method, request: Any, metadata: Sequence[tuple[str, str]], timeout: float | None
    ) -> Stream:
        """Perform an RPC that answers a stream; ``timeout`` bounds all of it, in seconds."""


class InProcessDispatch:
    """Servicers of this process behind the very interceptors of the gRPC server.

    It stands where a ``grpc.aio.Server`` does: ``add_XServicer_to_server(servicer, dispatch)``. Interceptors run for
    each RPC, the first outermost; they and the handler share one context, as in grpc.aio. Handlers are coroutine
    functions; those of streams may be asynchronous generators, too.
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
        response = await self._perform(method, request, context, timeout, _one)
        return response, context.metadata()

    def stream(
        self, method: Method, request: Any, metadata: Sequence[tuple[str, str]], timeout: float | None
    ) -> Stream:
        """See Dispatch."""
        answers: asyncio.Queue[Any] = asyncio.Queue(1)
        context = LocalContext(metadata, timeout, answers)
        work = partial(self._perform, method, request, context, timeout, _each)
        return _LocalStream(context, answers, work)

    async def _perform(
        self,
        method: Method,
        request: Any,
        context: LocalContext,
        timeout: float | None,  # noqa: ASYNC109 - it is the RPC's own
        serve: _Serve,
    ) -> Any:
        try:
            with Deadline(timeout):
                handler = await self._find(CallDetails(method.path, context.invocation_metadata()))
                response = await serve(request, handler, context)
        except DeadlineError:
            context.cancel()
            raise failure_of(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded") from None
        except asyncio.CancelledError:
            context.cancel()
            raise
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
        finally:
            context.finish()
        if context.failed():
            raise context.failure()
        return response

    async def _lookup(self, details: CallDetails) -> Any:
        found = self._handlers.get(details.method)
        if found is None:
            found = next((handler for one in self._generic if (handler := one.service(details))), None)
        return found


class _LocalStream:
    """The servicer runs in a task of its own, one message ahead of nobody: each is taken before the next is made."""

    def __init__(self, context: LocalContext, answers: asyncio.Queue[Any], work: Callable[[], Awaitable[None]]) -> None:
        self._context = context
        self._answers = answers
        self._work = work
        self._taken = False
        self._left = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._left = True
        self._task.cancel()
        await asyncio.wait({self._task})

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        if self._taken:
            self._answers.task_done()
        message = await self._answers.get()
        self._taken = True
        if message is None:
            raise StopAsyncIteration
        if isinstance(message, RpcFailure):
            raise message
        return message

    async def initial_metadata(self) -> Metadata:
        return self._context.initial_metadata()

    async def _run(self) -> None:
        end: RpcFailure | None = None
        try:
            await self._work()
        except RpcFailure as failure:
            end = failure
        except asyncio.CancelledError:
            if self._left:
                raise
            end = failure_of(grpc.StatusCode.UNKNOWN, "")  # the servicer's own: nobody cancelled this task
        await self._answers.put(end)


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
        call = self._call(method, self._channel.unary_unary)(request, metadata=tuple(metadata), timeout=timeout)
        try:
            response = await call
        except grpc.aio.AioRpcError as fault:
            raise _received(fault) from None
        initial, trailing = await call.initial_metadata(), await call.trailing_metadata()
        return response, (*(initial or ()), *(trailing or ()))

    def stream(
        self, method: Method, request: Any, metadata: Sequence[tuple[str, str]], timeout: float | None
    ) -> Stream:
        """See Dispatch."""
        start = self._call(method, self._channel.unary_stream)
        return _ChannelStream(partial(start, request, metadata=tuple(metadata), timeout=timeout))

    def _call(self, method: Method, kind: Callable[..., Any]) -> Any:
        prepared = self._calls.get(method.path)
        if prepared is None:
            prepared = self._calls[method.path] = kind(
                method.path,
                request_serializer=method.request_class.SerializeToString,
                response_deserializer=method.response_class.FromString,
            )
        return prepared


class _ChannelStream:
    def __init__(self, start: Callable[[], Any]) -> None:
        self._start = start

    async def __aenter__(self) -> Self:
        self._call = self._start()
        self._messages = aiter(self._call)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._call.cancel()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return await anext(self._messages)
        except grpc.aio.AioRpcError as fault:
            raise _received(fault) from None

    async def initial_metadata(self) -> Metadata:
        return tuple(await self._call.initial_metadata() or ())


async def _one(request: Any, handler: Any, context: LocalContext) -> Any:
    if handler is None or handler.unary_unary is None:
        raise failure_of(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
    return await _awaited(handler.unary_unary(request, context))


async def _each(request: Any, handler: Any, context: LocalContext) -> None:
    if handler is None or handler.unary_stream is None:
        # What an interceptor puts in the place of a handler may be unary: its answer is a stream of one.
        await context.write(await _one(request, handler, context))
        return
    answers = handler.unary_stream(request, context)
    if not hasattr(answers, "__aiter__"):
        await _awaited(answers)
        return
    try:
        async for message in answers:
            await context.write(message)
    finally:
        if inspect.isasyncgen(answers):
            await answers.aclose()


async def _awaited(result: Any) -> Any:
    if not inspect.isawaitable(result):
        raise TypeError("the handler is no coroutine function")
    return await result


def _received(fault: grpc.aio.AioRpcError) -> RpcFailure:
    return failure_of(fault.code(), fault.details() or "", tuple(fault.trailing_metadata() or ()))
