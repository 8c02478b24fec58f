"""From a row to bytes: the pinned source of a file or a video, and whose fault it is when there are none.

Who asked by hand is told soon that a storage does not answer. Nobody watches an automation: its work is *patient*, and
waits for a storage that is away (denied, expired, throttled, gone, its connector disabled), as its scans do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

from automation_engine.connectors.pool import Stores
from automation_engine.connectors.protocol import ObjectInfo, ObjectStore
from automation_engine.connectors.reader import PinnedReader
from automation_engine.errors import (
    EngineError,
    ObjectNotFound,
    SecretsUnreadable,
    StorageAway,
    StorageError,
    StorageThrottled,
    StorageUnavailable,
    Unforeseen,
)
from automation_engine.jobs.worker import said
from automation_engine.store.database import Database
from automation_engine.store.tables import Connector

_log = logging.getLogger(__name__)
Result = TypeVar("Result")


async def saved_connector(database: Database, connector_id: str, *, scope: str) -> Connector:
    """Return a connector as it is saved now.

    Raises ``ObjectNotFound`` when it was deleted, ``StorageUnavailable`` when it is disabled or lacks the scope by now.
    """
    async with database.reading() as session:
        connector = await session.get(Connector, connector_id)
    if connector is None:
        raise ObjectNotFound(f"connector {connector_id} was deleted")
    if connector.status == "disabled":
        raise StorageUnavailable(f"connector {connector_id} is disabled: PATCH its status to active")
    if scope not in connector.scopes:
        raise StorageUnavailable(f"connector {connector_id} lacks the scope {scope}: PATCH its scopes")
    return connector


async def open_connector(
    database: Database, stores: Stores, connector_id: str, *, scope: str, patient: bool
) -> ObjectStore:
    """Return the store of a connector. Raises like ``saved_connector``, and when it can't be opened as configured.

    Raises ``StorageAway`` for patient work, unless the connector was deleted.
    """
    try:
        return stores.get(await saved_connector(database, connector_id, scope=scope))
    except ObjectNotFound:
        raise
    except (StorageError, SecretsUnreadable) as error:
        if patient:
            raise StorageAway(error.message) from error
        raise


async def judged(transfer: Awaitable[Result], store: ObjectStore, *, patient: bool) -> Result:
    """Await what reads or writes one object, and find out whose fault it is when that fails.

    Raises ``StorageAway`` when patient work failed because the storage as a whole does not answer; ``Unforeseen`` for
    what is no error of ours; every other one as it is: the fault is the object's own.
    """
    try:
        return await transfer
    except StorageError as error:
        if patient and error.transient:
            await _check_answers(store, error)
        raise
    except EngineError:
        raise
    except Exception as error:
        _log.exception("reading or writing an object failed as nobody foresaw")
        raise Unforeseen(said(error)) from error


async def _check_answers(store: ObjectStore, error: StorageError) -> None:
    """Raise ``StorageAway`` unless the storage answers. To throttle is never about one object."""
    if isinstance(error, StorageThrottled):
        raise StorageAway(error.message) from error
    try:
        await store.test()
    except StorageError as refused:
        raise StorageAway(refused.message) from error


def pinned(store: ObjectStore, key: str, version: str, size: int) -> PinnedReader:
    """Return the bytes of exactly that version, readable from a decoding thread."""
    info = ObjectInfo(key=key, version=version, size=size, last_modified=0.0)
    return PinnedReader(store, info, asyncio.get_running_loop())
