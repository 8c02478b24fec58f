"""Open stores, kept open: one for each connector in its latest version."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from automation_engine.connectors.protocol import ObjectStore
from automation_engine.connectors.providers import open_store
from automation_engine.secrets import SecretBox


class Stores:
    """Opens stores on first use and shares them. ``allowed_roots`` limits local connectors; None allows any folder."""

    def __init__(self, box: SecretBox, *, allowed_roots: Sequence[Path] | None) -> None:
        self._box = box
        self._allowed_roots = allowed_roots
        self._open: dict[str, tuple[float, ObjectStore]] = {}

    def get(
        self, connector_id: str, updated_at: float, provider: str, settings: Mapping[str, Any], secrets: bytes | None
    ) -> ObjectStore:
        """Return the store of a connector as of ``updated_at``.

        Raises ``StorageError`` where it can't be opened as configured. A version that was replaced is closed once
        nobody can be using it any more: with the pool.
        """
        known = self._open.get(connector_id)
        if known is not None and known[0] == updated_at:
            return known[1]
        store = self.unsaved(provider, settings, {} if secrets is None else self._box.decrypt(secrets))
        if known is not None:
            self._open[f"{connector_id}@{known[0]}"] = known
        self._open[connector_id] = (updated_at, store)
        return store

    def unsaved(self, provider: str, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> ObjectStore:
        """Open a store that is not shared: for a configuration that was not saved yet. The caller closes it."""
        return open_store(provider, settings, secrets, allowed_roots=self._allowed_roots)

    def encrypt(self, secrets: Mapping[str, str]) -> bytes:
        """Encrypt a connector's credentials for its row."""
        return self._box.encrypt(secrets)

    async def close(self) -> None:
        """Close every store."""
        stores = [store for _, store in self._open.values()]
        self._open.clear()
        await asyncio.gather(*(store.close() for store in stores))
