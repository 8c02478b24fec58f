"""The artifact of an export: every segment of the chosen runs with its metadata, as one JSON document.

The document's schema is ``docs/export-artifact.schema.json``. It holds nothing that changes between two attempts: a
repeated export writes the same bytes under the same name. Written to a file as it is read from the database: the
artifact is never in memory as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import orjson
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import ResourceExhausted
from automation_engine.store import exports
from automation_engine.store.runs import segment_id
from automation_engine.store.tables import Export, PromptRun, SegmentResult, Video

SCHEMA_VERSION = "1.0"
MAX_BYTES = 64 << 20
"""Largest artifact: 64 MiB."""
CONTENT_TYPE = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A finished artifact. ``segments``, ``media`` and ``failures`` (of field extraction) are counts."""

    path: Path
    size: int
    sha256: str
    segments: int
    media: int
    failures: int

    def name(self, target_id: str) -> str:
        """Return the name it is delivered under: content decides, so a retry overwrites its own bytes at most."""
        return f"{target_id}-{self.sha256[:16]}.json"


class _Writer:
    """Writes pieces, counts and hashes them, and refuses to go past the limit."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > MAX_BYTES:
            raise ResourceExhausted(
                f"the artifact exceeds {MAX_BYTES:,} bytes: export fewer runs at a time (prompt_run_ids)"
            )
        self._hash.update(data)
        self._file.write(data)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


async def write_artifact(session: AsyncSession, export: Export, runs: Sequence[PromptRun], path: Path) -> Artifact:
    """Write the artifact of an export to a new file. Raises ``ResourceExhausted`` past ``MAX_BYTES``."""
    segments = failures = 0
    media: set[str] = set()
    with path.open("wb") as file:
        out = _Writer(file)
        out.write(_head(export))
        for number, run in enumerate(runs):
            out.write((b"," if number else b"") + orjson.dumps(_run(run))[:-1] + b',"segments":[')
            first = True
            async with aclosing(exports.results(session, run.run_id)) as results:
                async for result, video in results:
                    out.write((b"" if first else b",") + orjson.dumps(_segment(run, result, video)))
                    first = False
                    segments += 1
                    failures += result.error is not None
                    media.add(result.video_id)
            out.write(b"]}")
        out.write(b"]}\n")
    return Artifact(path=path, size=out.size, sha256=out.sha256, segments=segments, media=len(media), failures=failures)


def manifest(artifact: Artifact, name: str, export: Export, runs: Sequence[PromptRun]) -> bytes:
    """Return the manifest: written last, it says that the artifact beside it is whole."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "artifact": name,
        "sha256": artifact.sha256,
        "size_bytes": artifact.size,
        "export_type": export.export_type,
        "target_id": export.target_id,
        "runs": [{"run_id": run.run_id, "prompt_id": run.prompt_id, "status": run.status} for run in runs],
        "counts": {
            "runs": len(runs),
            "media": artifact.media,
            "segments": artifact.segments,
            "field_extraction_failures": artifact.failures,
        },
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _head(export: Export) -> bytes:
    head = {
        "schema_version": SCHEMA_VERSION,
        "export_type": export.export_type,
        "target_id": export.target_id,
        "index_id": export.index_id,
    }
    return orjson.dumps(head)[:-1] + b',"runs":['


def _run(run: PromptRun) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "prompt_id": run.prompt_id,
        "prompt_name": run.preset["prompt_name"],
        "status": run.status,
        "executed_at": _rfc3339(run.created_at),
        "completed_at": None if run.completed_at is None else _rfc3339(run.completed_at),
        "total_media": run.total_items,
        "failed_media": run.failed_items,
    }


def _segment(run: PromptRun, result: SegmentResult, video: Video | None) -> dict[str, Any]:
    return {
        "result_type": "segment",
        "segment_id": segment_id(result.video_id, result.ordinal),
        "video_id": result.video_id,
        "video_name": None if video is None else video.title,
        "source_uri": None if video is None else video.source_uri,
        "media_type": None if video is None else video.media_type,
        "source_index_id": run.index_id,
        "start_time": result.start_time,
        "end_time": result.end_time,
        "metadata": result.data,
        "field_extraction_succeeded": result.error is None,
        "field_extraction_error": result.error,
    }


def _rfc3339(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
