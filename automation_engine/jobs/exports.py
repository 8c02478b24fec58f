"""Performing an export: write the artifact, deliver it, then its manifest; or keep it for download.

The artifact's name holds its hash: an attempt that is repeated after a crash delivers the same bytes to the same place.
The manifest is written last, so that who sees it may read. What is kept for download lies in the database, piece by
piece, so that it can be had from whichever machine serves the API.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

from automation_engine.connectors.pool import Stores
from automation_engine.connectors.protocol import ObjectStore
from automation_engine.errors import EngineError, ResourceExhausted
from automation_engine.jobs.artifact import CONTENT_TYPE, Artifact, manifest, write_artifact
from automation_engine.jobs.sources import judged, open_connector
from automation_engine.rules.matching import folder
from automation_engine.store import announcements, exports, work
from automation_engine.store.database import Database
from automation_engine.store.tables import Export, ExportChunk
from automation_engine.store.work import Lease

_CHUNK = 1 << 20


class Exports:
    """Performs exports."""

    def __init__(self, database: Database, stores: Stores) -> None:
        self._database = database
        self._stores = stores

    async def perform(self, lease: Lease) -> None:
        """Deliver one export. One that is too large ends at once: it would be again."""
        export = await self._begin(lease)
        if export is None:
            return
        try:
            await self._deliver(lease, export)
        except ResourceExhausted as error:
            await self.give_up(lease, error.message)
        except EngineError as error:
            async with work.fenced(self._database, lease) as tx:
                saved = await tx.get_one(Export, export.export_id)
                saved.last_error, saved.updated_at = error.message, tx.now
            raise

    async def _deliver(self, lease: Lease, export: Export) -> None:
        with TemporaryDirectory(prefix="automation-engine-") as scratch:
            async with self._database.reading() as session:
                runs = await exports.chosen_runs(session, export)
                artifact = await write_artifact(session, export, runs, Path(scratch) / "artifact.json")
            name = artifact.name(export.target_id)
            if export.destination_connector_id is None:
                uri = await self._keep(lease, export, artifact)
            else:
                patient = export.automation_id is not None
                store = await open_connector(
                    self._database, self._stores, export.destination_connector_id, scope="export", patient=patient
                )
                putting = _put(store, destination(export), name, artifact, manifest(artifact, name, export, runs))
                uri = await judged(putting, store, patient=patient)
        async with work.fenced(self._database, lease) as tx:
            saved = await tx.get_one(Export, export.export_id)
            saved.status, saved.artifact_uri, saved.artifact_sha256 = "completed", uri, artifact.sha256
            saved.file_size, saved.completed_at, saved.updated_at = artifact.size, tx.now, tx.now
            saved.error_message = saved.last_error = None
            tx.add(saved)
            await announcements.export(tx, saved, "ready")
            await work.finish(tx, lease)

    async def give_up(self, lease: Lease, reason: str) -> None:
        """End the export as failed, with the reason."""
        async with work.fenced(self._database, lease) as tx:
            export = await tx.get(Export, lease.subject)
            if export is not None and export.status not in exports.TERMINAL:
                export.status, export.error_message, export.last_error = "failed", reason, reason
                export.completed_at = export.updated_at = tx.now
                tx.add(export)
                await exports.drop_chunks(tx, export.export_id)
                await announcements.export(tx, export, "failed")
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

    async def _keep(self, lease: Lease, export: Export, artifact: Artifact) -> str:
        """Keep an artifact for download; nobody sees a piece of it before the export has completed."""
        async with work.fenced(self._database, lease) as tx:
            await exports.drop_chunks(tx, export.export_id)  # of an attempt that died
            await exports.drop_expired(tx)
        ordinal = 0
        async for piece in _read(artifact.path):
            async with work.fenced(self._database, lease) as tx:
                tx.add(ExportChunk(export_id=export.export_id, ordinal=ordinal, data=piece))
            ordinal += 1
        return f"export://{export.export_id}/{artifact.name(export.target_id)}"


def destination(export: Export) -> str:
    """Return the folder that an export is delivered to, below the connector's root."""
    return folder((export.destination_base_path or "").strip("/")) + folder(
        (export.destination_subpath or "").strip("/")
    )


async def _put(store: ObjectStore, where: str, name: str, artifact: Artifact, certificate: bytes) -> str:
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
