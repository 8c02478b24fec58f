"""Open stores, kept open: one for each connector in its latest version."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from automation_engine.connectors.protocol import ObjectStore
from automation_engine.connectors.providers import open_store
from automation_engine.secrets import SecretBox


class SavedConnector(Protocol):
    """A connector as it is saved. ``secrets`` are encrypted, ``updated_at`` is the version of all the rest."""

    @property
    def connector_id(self) -> str: ...  # noqa: D102 - see the class
    @property
    def updated_at(self) -> float: ...  # noqa: D102 - see the class
    @property
    def provider(self) -> str: ...  # noqa: D102 - see the class
    @property
    def settings(self) -> Mapping[str, Any]: ...  # noqa: D102 - see the class
    @property
    def secrets(self) -> bytes | None: ...  # noqa: D102 - see the class


class Stores:
    """Opens stores on first use and shares them. ``allowed_roots`` limits local connectors; None allows any folder.

    ``box`` holds the keys that their credentials are sealed under.
    ``endpoints`` are the operator's servers for connectors that name none: URLs by provider, and ``azure_authority``.
    They are read when a connector is created: what a saved one reaches never changes.
    """

    def __init__(
        self,
        box: SecretBox,
        *,
        allowed_roots: Sequence[Path] | None,
        endpoints: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.box = box
        self._allowed_roots = allowed_roots
        self.endpoints = endpoints
        self._open: dict[str, tuple[float, ObjectStore]] = {}
        self._replaced: list[ObjectStore] = []

    def get(self, connector: SavedConnector) -> ObjectStore:
        """Return the store of a connector as of its ``updated_at``.

        Raises ``EngineError`` where it can't be opened as configured. A version that was replaced is closed with the
        pool: until then somebody may be reading from it.
        """
        known = self._open.get(connector.connector_id)
        if known is not None and known[0] == connector.updated_at:
            return known[1]
        store = self.unsaved(connector.provider, connector.settings, self.secrets(connector))
        if known is not None:
            self._replaced.append(known[1])
        self._open[connector.connector_id] = (connector.updated_at, store)
        return store

    def unsaved(self, provider: str, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> ObjectStore:
        """Open a store that is not shared: for a configuration that was not saved yet. The caller closes it."""
        return open_store(provider, settings, secrets, allowed_roots=self._allowed_roots)

    def secrets(self, connector: SavedConnector) -> dict[str, str]:
        """Decrypt a connector's credentials. Raises ``SecretsUnreadable``."""
        return {} if connector.secrets is None else self.box.decrypt(connector.secrets)

    def encrypt(self, secrets: Mapping[str, str]) -> bytes:
        """Encrypt a connector's credentials for its row."""
        return self.box.encrypt(secrets)

    async def close(self) -> None:
        """Close every store."""
        stores = [store for _, store in self._open.values()] + self._replaced
        self._open.clear()
        self._replaced.clear()
        await asyncio.gather(*(store.close() for store in stores))
