"""Performing an export: write the artifact, deliver it, then its manifest.

The artifact's name holds its hash: an attempt that is repeated after a crash delivers the same bytes to the same place.
The manifest is written last, so that who sees it may read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

from automation_engine.connectors.pool import Stores
from automation_engine.connectors.protocol import ObjectStore
from automation_engine.jobs.artifact import CONTENT_TYPE, Artifact, manifest, write_artifact
from automation_engine.jobs.sources import open_connector
from automation_engine.rules.matching import folder
from automation_engine.store import exports, work
from automation_engine.store.database import Database
from automation_engine.store.tables import Export
from automation_engine.store.work import Lease

_CHUNK = 1 << 20


class Exports:
    """Performs exports. Artifacts for download are kept in ``downloads``, an absolute folder."""

    def __init__(self, database: Database, stores: Stores, downloads: Path) -> None:
        self._database = database
        self._stores = stores
        self._downloads = downloads

    async def perform(self, lease: Lease) -> None:
        """Deliver one export."""
        export = await self._begin(lease)
        if export is None:
            return
        with TemporaryDirectory(prefix="automation-engine-") as scratch:
            async with self._database.reading() as session:
                runs = await exports.chosen_runs(session, export)
                artifact = await write_artifact(session, export, runs, Path(scratch) / "artifact.json")
            name = artifact.name(export.target_id)
            if export.destination_connector_id is None:
                uri = await asyncio.to_thread(self._keep, export, artifact)
            else:
                store = await open_connector(self._database, self._stores, export.destination_connector_id)
                uri = await _deliver(store, destination(export), name, artifact, manifest(artifact, name, export, runs))
        async with work.fenced(self._database, lease) as tx:
            saved = await tx.get_one(Export, export.export_id)
            saved.status, saved.artifact_uri, saved.artifact_sha256 = "completed", uri, artifact.sha256
            saved.file_size, saved.completed_at, saved.updated_at = artifact.size, tx.now, tx.now
            saved.error_message = saved.last_error = None
            tx.add(saved)
            await work.finish(tx, lease)

    async def give_up(self, lease: Lease, reason: str) -> None:
        """End the export as failed, with the reason."""
        async with work.fenced(self._database, lease) as tx:
            export = await tx.get(Export, lease.subject)
            if export is not None and export.status not in exports.TERMINAL:
                export.status, export.error_message, export.last_error = "failed", reason, reason
                export.completed_at = export.updated_at = tx.now
                tx.add(export)
            await work.finish(tx, lease)

    async def _begin(self, lease: Lease) -> Export | None:
        async with work.fenced(self._database, lease) as tx:
            export = await tx.get(Export, lease.subject)
            if export is None or export.status in exports.TERMINAL:
                await work.finish(tx, lease)
                return None
            export.status, export.updated_at = "processing", tx.now
            export.started_at = export.started_at or tx.now
            tx.add(export)
            return export

    def _keep(self, export: Export, artifact: Artifact) -> str:
        """Keep an artifact for download, whole or not at all."""
        self._downloads.mkdir(parents=True, exist_ok=True)
        draft = self._downloads / f".{export.export_id}.tmp"
        draft.write_bytes(artifact.path.read_bytes())
        return draft.replace(self._downloads / f"{export.export_id}.json").as_uri()


def destination(export: Export) -> str:
    """Return the folder that an export is delivered to, below the connector's root."""
    return folder((export.destination_base_path or "").strip("/")) + folder(
        (export.destination_subpath or "").strip("/")
    )


async def _deliver(store: ObjectStore, where: str, name: str, artifact: Artifact, certificate: bytes) -> str:
    await store.put(where + name, _read(artifact.path), content_type=CONTENT_TYPE)
    manifest_key = where + name.removesuffix(".json") + ".manifest.json"
    await store.put(manifest_key, _once(certificate), content_type=CONTENT_TYPE)
    return store.uri(where + name)


async def _read(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
