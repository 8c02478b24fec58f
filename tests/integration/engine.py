"""The engine's parts for integration tests: a real database file, real folders, a real gRPC server, a virtual clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pool

from automation_engine.clock import VirtualClock
from automation_engine.connectors.pool import Stores
from automation_engine.secrets import SecretBox
from automation_engine.servicers.pipeline import interceptors
from automation_engine.servicers.rate_limits import RateLimits
from automation_engine.servicers.tokens import Tokens
from automation_engine.store import keys
from automation_engine.store.database import Database, sqlite_url
from automation_engine.store.tables import ApiKey

Registration = tuple[Callable[[Any, Any], None], Any]
"""A generated ``add_XServicer_to_server`` and the servicer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine without jobs. ``media`` is the folder that local connectors may touch."""

    database: Database
    clock: VirtualClock
    stores: Stores
    media: Path

    async def key(self, scope: str = "admin", *, owner: str = "ada") -> str:
        """Make an API key."""
        async with self.database.transaction() as tx:
            _, key = await keys.create(tx, owner, "test", [scope])
        return key


@asynccontextmanager
async def open_engine(folder: Path) -> AsyncIterator[Engine]:
    """Open an engine on an empty database in that folder."""
    clock = VirtualClock()
    database = Database(sqlite_url(folder / "engine.db"), clock=clock)
    media = folder / "media"
    media.mkdir()
    stores = Stores(SecretBox.open(folder), allowed_roots=[media])
    async with database.engine.begin() as connection:
        await connection.run_sync(ApiKey.metadata.create_all)
    yield Engine(database=database, clock=clock, stores=stores, media=media)
    await stores.close()
    await database.close()


class Api:
    """A served engine: hands out stubs whose calls carry an API key."""

    def __init__(self, engine: Engine, target: str, channels: AsyncExitStack) -> None:
        self.engine = engine
        self.target = target
        self._channels = channels

    async def stub(self, stub_class: Callable[[Any], Any], scope: str = "admin", *, owner: str = "ada") -> Any:
        """Return a stub for a caller with a new key of that scope."""
        return await self.stub_with(stub_class, {"x-api-key": await self.engine.key(scope, owner=owner)})

    async def stub_with(self, stub_class: Callable[[Any], Any], metadata: Mapping[str, str]) -> Any:
        """Return a stub that sends that metadata with every call."""
        channel = grpc.aio.insecure_channel(self.target, interceptors=_senders(metadata))
        return stub_class(await self._channels.enter_async_context(channel))


@asynccontextmanager
async def serve(
    engine: Engine,
    services: Mapping[str, Registration],
    *,
    limits: RateLimits | None = None,
    tokens: Tokens | None = None,
) -> AsyncIterator[Api]:
    """Serve servicers by the name of their service, behind the interceptors, on a free port."""
    pool = descriptor_pool.Default()
    descriptors = [pool.FindServiceByName(f"automation_engine.v1.{name}") for name in services]
    guards = interceptors(engine.database, descriptors, engine.stores.box, limits=limits, tokens=tokens)
    server = grpc.aio.server(interceptors=guards)
    for register, servicer in services.values():
        register(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with AsyncExitStack() as channels:
        yield Api(engine, f"127.0.0.1:{port}", channels)
    await server.stop(None)


def _senders(metadata: Mapping[str, str]) -> list[Any]:
    return [_UnarySender(metadata), _StreamSender(metadata)]


class _Sender:
    def __init__(self, metadata: Mapping[str, str]) -> None:
        self._metadata = tuple(metadata.items())

    def _added(self, details: Any) -> Any:
        return details._replace(metadata=grpc.aio.Metadata(*(details.metadata or ()), *self._metadata))


class _UnarySender(_Sender, grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]  # grpc ships no types
    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await continuation(self._added(client_call_details), request)


class _StreamSender(_Sender, grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[misc]  # grpc ships no types
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await continuation(self._added(client_call_details), request)
