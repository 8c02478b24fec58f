"""Server streams over HTTP: messages as events or as lines, ``google.api.HttpBody`` as its bytes.

The answer begins with the first message: what fails before it has a status and an error body as any other call. After
it, events and lines end with the error body as the last event (``error``) or line; of bytes, only the closed connection
tells. Each message is sent before the next one is asked for, whatever their number and size.

Initial metadata become headers; ``x-content-length`` among them is the length of all bytes. (It can't be called
``content-length``: gRPC's own framing makes another one of the HTTP/2 message that carries it.)
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from google.rpc import code_pb2, status_pb2
from starlette.types import Send

from gateway.binding import Binding
from gateway.dispatch import Stream
from gateway.errors import RpcFailure, problem_of
from gateway.headers import RequestHeaders, returned
from gateway.local_context import Metadata
from gateway.media_types import preferred

LENGTH_KEY = "x-content-length"
"""Initial metadata that tell how many bytes all parts have together."""

_log = logging.getLogger(__name__)


class BrokenOffError(Exception):
    """A stream of bytes failed after its first ones were sent: only closing the connection tells the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """What stands before a message, before the error that ends a stream, and after both."""

    before: bytes
    before_error: bytes
    after: bytes


LINES, EVENTS = "application/x-ndjson", "text/event-stream"
_FRAMINGS = {
    LINES: Framing(before=b"", before_error=b"", after=b"\n"),
    EVENTS: Framing(before=b"data: ", before_error=b"event: error\ndata: ", after=b"\n\n"),
}
_BYTES = Framing(before=b"", before_error=b"", after=b"")


class StreamedAnswer:
    """The answer to one call of a method that streams."""

    def __init__(self, binding: Binding, headers: RequestHeaders) -> None:
        """Choose how the messages are written. Raises HttpProblem: the client takes none of the ways (406)."""
        self._binding = binding
        self._request_id = headers.request_id
        self._type = "" if binding.raw_answer else preferred(headers.accept, tuple(_FRAMINGS))
        self._framing = _FRAMINGS.get(self._type, _BYTES)

    async def send(self, stream: Stream, send: Send, *, head: bool) -> None:
        """Send what a stream answers; for HEAD its headers alone.

        Raises:
            RpcFailure: the RPC failed, and nothing was sent.
            BrokenOffError: it failed later, and the answer has no way to tell.
        """
        first = await anext(stream, None)
        status, headers = self._opening(first, await stream.initial_metadata())
        await send({"type": "http.response.start", "status": status, "headers": headers})
        end = b""
        try:
            if not head and first is not None:
                await self._part(send, first)
                async for message in stream:
                    await self._part(send, message)
        except Exception as fault:
            if self._binding.raw_answer:
                raise BrokenOffError(f"request {self._request_id}: the answer broke off") from fault
            end = self._failed(fault)
        await send({"type": "http.response.body", "body": end})

    def _opening(self, first: Any, metadata: Metadata) -> tuple[int, list[tuple[bytes, bytes]]]:
        status, told = returned(metadata)
        headers = [(b"x-request-id", self._request_id.encode()), *told]
        if not self._binding.raw_answer:
            headers += [(b"content-type", self._type.encode()), (b"vary", b"accept")]
            if not any(name == b"cache-control" for name, _ in told):
                headers.append((b"cache-control", b"no-store"))
            return status, headers
        content_type = b"application/octet-stream" if first is None else self._binding.response(first)[1]
        headers.append((b"content-type", content_type))
        length = dict(metadata).get(LENGTH_KEY)
        if isinstance(length, str) and length.isdecimal():
            headers.append((b"content-length", length.encode()))
        return status, headers

    async def _part(self, send: Send, message: Any) -> None:
        body = self._framing.before + self._binding.response(message)[0] + self._framing.after
        await send({"type": "http.response.body", "body": body, "more_body": True})

    def _failed(self, fault: Exception) -> bytes:
        if not isinstance(fault, RpcFailure):
            _log.error("request %s failed", self._request_id, exc_info=fault)
            fault = RpcFailure(status_pb2.Status(code=code_pb2.INTERNAL))
        body = problem_of(fault, body=self._binding.rule.body).body(self._request_id)
        return self._framing.before_error + body + self._framing.after
