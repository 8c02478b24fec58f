"""Odd names on every cloud: imported as they are, or refused by the storage itself; no listing dies of them."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator

from automation_engine.errors import EngineError
from tests.client.clients import Client, gathered
from tests.client.storages import Storage

NAMES = (
    "a//b.png",
    "/leading.png",
    "./dot.png",
    "../up.png",
    "x/./y.png",
    "x/../y.png",
    "three...png",
    " space .png",
    "plus+and%2Fescape.png",
    "question?hash#amp&.png",
    "back\\slash.png",
    "quote'and\"less<.png",
    unicodedata.normalize("NFC", "é.png"),
    unicodedata.normalize("NFD", "é.png"),
    "日本語/🎬.png",
    "rtl\u202egnp.png",
    "tab\there.png",
    "line\nfeed.png",
    "bell\x07.png",
    "delete\x7f.png",
    "long/" + "x" * 1000 + ".png",
)

FOLDED = {"s3": {"a//b.png", "/leading.png", "back\\slash.png"}, "gcs": set[str](), "azure": {"back\\slash.png"}}
"""What the test's servers themselves keep under another name; the real S3 does not."""


async def test_odd_names_are_imported_as_they_are(client: Client, storage: Storage, media: dict[str, bytes]) -> None:
    prefix = f"odd-{client.__class__.__name__.lower()}/"
    held = {key async for key in _held(storage, prefix, media[".png"])}
    assert len(held) >= len(NAMES) / 2
    connector = await storage.create(client)
    browsed = await client.connectors.browse(connector.connector_id, prefix=prefix)
    assert {file.path for file in browsed} == held

    index = await client.indexes.create(name="Odd")
    job = await client.import_jobs.create(
        connector_id=connector.connector_id, index_id=index.index_id, source_prefix=prefix
    )
    job = await client.import_jobs.wait_for_completion(job.job_id, poll_interval=0.05, timeout=60)
    files = await gathered(client.import_jobs.iter_files(job.job_id))
    assert {file.file_name for file in files} == held
    assert {file.file_name: file.failure for file in files if file.status != "imported"} == {}
    outputs = await gathered(client.import_jobs.iter_outputs(job.job_id))
    titles = {(await client.videos.retrieve(output.video_id)).title for output in outputs}
    assert titles == {key.rpartition("/")[2] for key in held}


async def _held(storage: Storage, prefix: str, data: bytes) -> AsyncIterator[str]:
    """Put every name there; give the keys that the storage takes."""
    for name in NAMES:
        if name in FOLDED[storage.kind]:
            continue
        try:
            await storage.put({prefix + name: data})
        except EngineError:
            continue
        yield prefix + name
