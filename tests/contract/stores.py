"""What the suites of the storages share: a store under test, and servers that say what broken ones would."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from aiohttp.test_utils import TestServer

from automation_engine.connectors.azure import AzureStore
from automation_engine.connectors.azure_client import ClientSecret
from automation_engine.connectors.gcs import GcsStore
from automation_engine.connectors.gcs_client import ServiceAccount
from automation_engine.connectors.protocol import ObjectInfo, ObjectStore
from automation_engine.connectors.s3 import S3Store
from tests.servers.azurite import Azurite
from tests.servers.fake_gcs import FakeGcs
from tests.servers.seaweedfs import SeaweedFS

folders = (f"folder-{number}/" for number in itertools.count())


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A store under test, and a folder in it that is this test's own."""

    store: ObjectStore
    folder: str
    absent: ObjectStore
    """The same kind of store, whose bucket or root does not exist."""
    holds: Callable[[str], bool] = lambda _: True
    """Whether the storage can hold a key of this name; all others are refused."""

    async def put(self, name: str, data: bytes = b"x") -> ObjectInfo:
        return await self.store.put(self.folder + name, chunks_of(data), content_type="video/mp4")

    async def names(self, folder: str = "", *, recursive: bool = True) -> list[str]:
        return sorted(
            listed.key.removeprefix(self.folder) for listed in await self.listing(folder, recursive=recursive)
        )

    async def listing(self, folder: str = "", *, recursive: bool = True) -> list[ObjectInfo]:
        pages = self.store.list_pages(self.folder + folder, recursive=recursive)
        return [listed async for page in pages for listed in page]


async def chunks_of(data: bytes, size: int = 1 << 20) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def read(store: ObjectStore, info: ObjectInfo) -> bytes:
    return b"".join([chunk async for chunk in store.read_stream(info.key, version=info.version)])


def has_no_dots(name: str) -> bool:
    return not {".", ".."}.intersection(name.split("/"))


def open_s3(server: SeaweedFS, bucket: str) -> S3Store:
    return S3Store(bucket, server.region, server.access_key_id, server.secret_access_key, server.endpoint_url)


def open_gcs(server: FakeGcs, bucket: str) -> GcsStore:
    return GcsStore(bucket, ServiceAccount.of(json.loads(server.credentials)), server.endpoint_url)


def open_azure(server: Azurite, container: str, **changes: str) -> AzureStore:
    fields = {name: getattr(server, name) for name in ("tenant_id", "client_id", "client_secret", "authority_host")}
    credential = ClientSecret(**{**fields, **changes})
    return AzureStore(server.account, container, credential, server.endpoint_url, tls=server.tls)


Answer = Callable[[web.Request], web.StreamResponse]


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[str]:
    """Run a server that says what a broken one would; return its address."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return answer(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/")


def cut_short(_: web.Request) -> web.StreamResponse:
    """Announce more bytes than are sent, then close."""
    response = web.Response(body=b"<ListBucketResult>", headers={"Content-Length": "500"})
    response.force_close()
    return response
