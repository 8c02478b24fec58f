"""From a row to bytes: the pinned source of a file or a video."""

from __future__ import annotations

import asyncio

from automation_engine.connectors.pool import Stores
from automation_engine.connectors.protocol import ObjectInfo, ObjectStore
from automation_engine.connectors.reader import PinnedReader
from automation_engine.errors import StorageUnavailable
from automation_engine.store.database import Database
from automation_engine.store.tables import Connector


async def open_connector(database: Database, stores: Stores, connector_id: str) -> ObjectStore:
    """Return the store of a connector as it is saved now. Raises ``StorageUnavailable`` when it was deleted."""
    async with database.reading() as session:
        connector = await session.get(Connector, connector_id)
    if connector is None:
        raise StorageUnavailable(f"connector {connector_id} was deleted")
    return stores.get(
        connector.connector_id, connector.updated_at, connector.provider, connector.settings, connector.secrets
    )


def pinned(store: ObjectStore, key: str, version: str, size: int) -> PinnedReader:
    """Return the bytes of exactly that version, readable from a decoding thread."""
    info = ObjectInfo(key=key, version=version, size=size, last_modified=0.0)
    return PinnedReader(store, info, asyncio.get_running_loop())
