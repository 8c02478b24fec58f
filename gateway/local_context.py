"""The context of an RPC that is performed within this process, with the semantics of grpc.aio's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import grpc
from google.rpc import status_pb2

from gateway.errors import RpcFailure

Metadata = tuple[tuple[str, str | bytes], ...]
_DETAILS_KEY = "grpc-status-details-bin"


class CallDetails(NamedTuple):
    """``grpc.HandlerCallDetails``: what a server interceptor is told."""

    method: str
    invocation_metadata: tuple[tuple[str, str], ...]


class LocalContext(grpc.aio.ServicerContext):  # type: ignore[misc]  # grpc ships no types
    """The context of one RPC within this process."""

    def __init__(
        self,
        metadata: Sequence[tuple[str, str]],
        timeout: float | None,
        answers: asyncio.Queue[Any] | None = None,
    ) -> None:
        self._answers = answers
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
        """Refused: the request is one message."""
        raise grpc.aio.UsageError("the request is no stream to read")

    async def write(self, message: Any) -> None:
        """Answer one message of a stream; returns when the next one is wanted. Refused in a unary RPC."""
        if self._answers is None:
            raise grpc.aio.UsageError("a unary RPC has no stream to write")
        await self._answers.put(message)
        await self._answers.join()  # until then it is still being read: the servicer may use the message again

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

    def initial_metadata(self) -> Metadata:
        """What was sent ahead of the answer."""
        return self._initial

    def metadata(self) -> Metadata:
        """Initial and trailing metadata of the answer."""
        return self._initial + self._trailing

    def failed(self) -> bool:
        """Whether a status other than OK was set."""
        return self._code is not None and self._code != grpc.StatusCode.OK

    def failure(self) -> RpcFailure:
        """The failure that was set or aborted with."""
        return failure_of(self._code or grpc.StatusCode.UNKNOWN, self._details, self._trailing)

    def cancel(self) -> None:
        """The client went away, or the deadline passed."""
        self._cancelled = True

    def finish(self) -> None:
        """The RPC has ended: tell those who asked."""
        self._done = True
        for callback in self._callbacks:
            callback(self)


def failure_of(code: grpc.StatusCode, details: str, trailing: Metadata = ()) -> RpcFailure:
    """The rich status of the trailing metadata, where it agrees with code and details; else a bare one."""
    number = code.value[0]
    for key, value in trailing:
        if key == _DETAILS_KEY and isinstance(value, bytes):
            status = status_pb2.Status.FromString(value)
            if status.code == number:
                return RpcFailure(status, trailing)
    return RpcFailure(status_pb2.Status(code=number, message=details), trailing)
