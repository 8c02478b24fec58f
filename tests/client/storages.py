"""The three clouds as the client's users have them: a bucket, its credentials, and somebody who puts files there."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from automation_engine.connectors.protocol import ObjectStore
from tests.client.clients import Client
from tests.contract.stores import chunks_of, open_azure, open_gcs, open_s3, read
from tests.servers.azurite import Azurite
from tests.servers.fake_gcs import FakeGcs
from tests.servers.seaweedfs import SeaweedFS


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """A bucket or container of a real server. ``told`` is what the client is told of a connector to it."""

    kind: str
    open: Callable[[], ObjectStore]
    create: Callable[..., Awaitable[Any]]
    told: Mapping[str, str]

    async def put(self, files: Mapping[str, bytes]) -> None:
        """Put files there."""
        async with self._store() as store:
            for key, data in files.items():
                await store.put(key, chunks_of(data), content_type="application/octet-stream")

    async def read(self, key: str) -> bytes:
        """Read a file."""
        async with self._store() as store:
            return await read(store, await store.head(key))

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[ObjectStore]:
        store = self.open()
        try:
            yield store
        finally:
            await store.close()


def s3_storage(server: SeaweedFS, bucket: str) -> Storage:
    async def create(client: Client, **fields: Any) -> Any:
        given = {
            "name": "Bucket",
            "bucket": bucket,
            "region": server.region,
            "aws_access_key_id": server.access_key_id,
            "aws_secret_access_key": server.secret_access_key,
        }
        return await client.connectors.create_s3(**{**given, **fields})

    told = {"provider": "s3", "bucket": bucket, "region": server.region}
    return Storage(kind="s3", open=lambda: open_s3(server, bucket), create=create, told=told)


def gcs_storage(server: FakeGcs, bucket: str) -> Storage:
    async def create(client: Client, **fields: Any) -> Any:
        given = {
            "name": "Bucket",
            "bucket": bucket,
            "gcp_project_id": "test",
            "credentials_file": io.BytesIO(server.credentials.encode()),
        }
        return await client.connectors.create_gcs(**{**given, **fields})

    told = {"provider": "gcs", "bucket": bucket, "gcp_project_id": "test"}
    return Storage(kind="gcs", open=lambda: open_gcs(server, bucket), create=create, told=told)


def azure_storage(server: Azurite, container: str) -> Storage:
    async def create(client: Client, **fields: Any) -> Any:
        given = {
            "name": "Container",
            "storage_account": server.account,
            "container": container,
            "tenant_id": server.tenant_id,
            "client_id": server.client_id,
            "client_secret": server.client_secret,
        }
        return await client.connectors.create_azure(**{**given, **fields})

    told = {"provider": "azure", "storage_account": server.account, "container": container}
    return Storage(kind="azure", open=lambda: open_azure(server, container), create=create, told=told)
