"""Around a call: what an interceptor does before and after a method's own code, whichever of the two shapes it has.

The interceptors also run within a process, without a socket: they use nothing but the call's name, its metadata and the
servicer context.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Any

import grpc

GRPC_OWN = "/grpc."
"""How the methods of gRPC's own services begin (health, reflection): they are public and left as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call as it came in: ``/package.Service/Method``, and its metadata by lower-case name (the last one wins)."""

    method: str
    metadata: dict[str, str | bytes]


class CallInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc ships no types
    """Wraps unary-unary and unary-stream methods; a servicer's stream is an async generator."""

    @abstractmethod
    def around(self, call: Call, request: Any, context: Any) -> AbstractAsyncContextManager[None]:
        """Return what the method's code runs in."""

    def admits(self, call: Call) -> bool:  # noqa: ARG002 - for those who know their methods
        """Whether the method exists at all, as far as this interceptor is concerned."""
        return True

    async def answering(self, context: Any) -> None:
        """Do what comes before a message of a stream."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        """Return the method's handler with ``around`` around it; None (unimplemented) for what is not admitted."""
        if handler_call_details.method.startswith(GRPC_OWN):
            return await continuation(handler_call_details)
        metadata = dict(handler_call_details.invocation_metadata or ())
        call = Call(method=handler_call_details.method, metadata=metadata)
        handler = await continuation(handler_call_details) if self.admits(call) else None
        return None if handler is None else self._wrapped(handler, call)

    def _wrapped(self, handler: Any, call: Call) -> Any:
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(
                self._unary(handler.unary_unary, call), handler.request_deserializer, handler.response_serializer
            )
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(
                self._stream(handler.unary_stream, call), handler.request_deserializer, handler.response_serializer
            )
        raise TypeError(f"{call.method} streams requests, which no interceptor here can check")

    def _unary(self, behaviour: Callable[[Any, Any], Awaitable[Any]], call: Call) -> Callable[..., Awaitable[Any]]:
        async def wrapped(request: Any, context: Any) -> Any:
            async with self.around(call, request, context):
                return await behaviour(request, context)

        return wrapped

    def _stream(self, behaviour: Callable[[Any, Any], Any], call: Call) -> Callable[..., AsyncIterator[Any]]:
        async def wrapped(request: Any, context: Any) -> AsyncIterator[Any]:
            async with self.around(call, request, context), aclosing(behaviour(request, context)) as responses:
                async for response in responses:
                    await self.answering(context)
                    yield response

        return wrapped
