"""Server streams of ``google.api.HttpBody``: bytes that are passed on as they come, whatever their size.

Initial metadata become headers before the first byte; ``x-content-length`` among them is the length of the whole. (It
can't be called ``content-length``: gRPC's own framing makes another one of the HTTP/2 message that carries it.)
"""

from __future__ import annotations

from typing import Any

from starlette.types import Send

from gateway.binding import Binding
from gateway.dispatch import Stream
from gateway.headers import returned

LENGTH_KEY = "x-content-length"
"""Initial metadata that tell how many bytes all parts have together."""


class BrokenOffError(Exception):
    """A stream failed after its first bytes were sent: only closing the connection tells the client."""


async def pass_on(binding: Binding, stream: Stream, send: Send, request_id: str, *, head: bool) -> None:
    """Send what a stream answers; for HEAD its headers alone.

    Raises:
        RpcFailure: the RPC failed, and nothing was sent.
        BrokenOffError: it failed later.
    """
    first = await anext(stream, None)
    metadata = await stream.initial_metadata()
    status, told = returned(metadata)
    data, content_type = (b"", b"application/octet-stream") if first is None else binding.response(first)
    headers = [(b"x-request-id", request_id.encode()), *told, (b"content-type", content_type)]
    length = dict(metadata).get(LENGTH_KEY)
    if isinstance(length, str) and length.isdecimal():
        headers.append((b"content-length", length.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    try:
        if not head:
            await _part(send, data)
            async for message in stream:
                await _part(send, binding.response(message)[0])
        await send({"type": "http.response.body", "body": b""})
    except Exception as fault:
        raise BrokenOffError(f"request {request_id}: the answer broke off") from fault


async def _part(send: Send, data: Any) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})
