"""From a row to bytes: the pinned source of a file or a video."""

from __future__ import annotations

import asyncio

from automation_engine.connectors.pool import Stores
from automation_engine.connectors.protocol import ObjectInfo, ObjectStore
from automation_engine.connectors.reader import PinnedReader
from automation_engine.errors import StorageUnavailable
from automation_engine.store.database import Database
from automation_engine.store.tables import Connector


async def saved_connector(database: Database, connector_id: str, *, scope: str) -> Connector:
    """Return a connector as it is saved now.

    Raises ``StorageUnavailable`` when it was deleted or disabled, or may not be used for that any more.
    """
    async with database.reading() as session:
        connector = await session.get(Connector, connector_id)
    if connector is None:
        raise StorageUnavailable(f"connector {connector_id} was deleted")
    if connector.status == "disabled":
        raise StorageUnavailable(f"connector {connector_id} is disabled: PATCH its status to active")
    if scope not in connector.scopes:
        raise StorageUnavailable(f"connector {connector_id} lacks the scope {scope}: PATCH its scopes")
    return connector


async def open_connector(database: Database, stores: Stores, connector_id: str, *, scope: str) -> ObjectStore:
    """Return the store of a connector. Raises like ``saved_connector``, and when it can't be opened as configured."""
    return stores.get(await saved_connector(database, connector_id, scope=scope))


def pinned(store: ObjectStore, key: str, version: str, size: int) -> PinnedReader:
    """Return the bytes of exactly that version, readable from a decoding thread."""
    info = ObjectInfo(key=key, version=version, size=size, last_modified=0.0)
    return PinnedReader(store, info, asyncio.get_running_loop())
