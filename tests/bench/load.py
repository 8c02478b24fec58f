"""Load over HTTP/1.1 that costs less than what it measures: raw requests on connections that stay open."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONNECTIONS = 16
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A served address, the process that serves it, and the request that is sent to it again and again."""

    pid: int
    port: int
    request: bytes


def request_bytes(method: str, path: str, key: str, body: bytes = b"") -> bytes:
    """Return a request as a client of the REST API sends it."""
    head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: {key}\r\naccept: application/json\r\n"
    if body:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, in all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class _Client(asyncio.Protocol):
    """One connection: sends the request, and again as soon as the answer is complete, until ``stop_at``."""

    def __init__(self, request: bytes, stop_at: float) -> None:
        self._request = request
        self._stop_at = stop_at
        self._received = b""
        self.answers = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:  # uvloop's transports are no subclasses of asyncio's
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        received = self._received + data
        end = received.find(b"\r\n\r\n")
        if end < 0 or len(received) < end + 4 + _length(received[:end]):
            self._received = received
            return
        if not received.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(ValueError(f"refused: {received.decode()}"))
            self._transport.close()
            return
        self._received = b""
        self.answers += 1
        if time.perf_counter() < self._stop_at:
            self._transport.write(self._request)
        else:
            self._transport.close()

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def _length(head: bytes) -> int:
    lower = head.lower()
    at = lower.index(b"content-length:") + len(b"content-length:")
    return int(lower[at:].partition(b"\r\n")[0])


async def http_rate(target: Target, seconds: float) -> tuple[float, float]:
    """Return requests a second, and the server's processor time of one in microseconds."""
    loop = asyncio.get_running_loop()
    before, begun = cpu_seconds(target.pid), time.perf_counter()
    clients = []
    for _ in range(CONNECTIONS):
        _, client = await loop.create_connection(
            lambda: _Client(target.request, begun + seconds), "127.0.0.1", target.port
        )
        clients.append(client)
    await asyncio.gather(*(client.done for client in clients))
    took, used = time.perf_counter() - begun, cpu_seconds(target.pid) - before
    answers = sum(client.answers for client in clients)
    return answers / took, 1e6 * used / answers
