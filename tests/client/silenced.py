"""A relay before a real server that falls silent when told: connections stay open, and nothing comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Relay:
    """Where it is, whether it passes on what it gets, and whether something was held back."""

    url: str = ""
    passes: asyncio.Event = field(default_factory=asyncio.Event)
    holds: asyncio.Event = field(default_factory=asyncio.Event)

    def silence(self) -> None:
        """Pass nothing on from now on."""
        self.passes.clear()
        self.holds.clear()


@asynccontextmanager
async def relay(upstream: str) -> AsyncIterator[Relay]:
    """Run a relay before ``upstream``, a base URL. It passes everything on until it is silenced."""
    place, state = urlsplit(upstream), Relay()
    state.passes.set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_there, to_there = await asyncio.open_connection(place.hostname, place.port)
        await asyncio.wait(
            {asyncio.create_task(pass_on(reader, to_there)), asyncio.create_task(pass_on(from_there, writer))},
            return_when=asyncio.FIRST_COMPLETED,
        )
        for end in (writer, to_there):
            end.close()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                if not state.passes.is_set():
                    state.holds.set()
                await state.passes.wait()
                writer.write(data)
                await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    state.url = f"{place.scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield state
    state.passes.set()
    server.close()
