"""Exports as the published client asks for them: with its strict validators, over TLS."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from videovector import NotFoundError, ValidationError, VideoVectorError

from tests.client.clients import Client, gathered, opened
from tests.client.conftest import QUICKLY, Analysed, Place
from tests.client.storages import Storage


async def exported(client: Client, made: Any) -> Any:
    assert made.status == "processing"
    return await client.exports.wait_for_completion(made.export_id, **QUICKLY)


async def test_an_index_is_exported_and_downloaded(client: Client, analysed: Analysed, tmp_path: Path) -> None:
    export = await exported(client, await client.exports.create_index_export(analysed.index_id))
    assert (export.status, export.queue_status, export.export_type) == ("completed", "succeeded", "index")
    assert (export.target_id, export.user_id, export.destination_type) == (analysed.index_id, "ada", "download")
    assert export.download_url == f"/api/v2/exports/{export.export_id}/download"
    assert (export.destination_connector_id, export.destination_uri, export.error_message) == (None, None, None)
    assert export.max_attempts >= export.attempts >= 1
    assert export in await client.exports.list(limit=5)

    path = tmp_path / "metadata.json"
    assert await client.exports.download(export.export_id, path) == export.file_size_bytes == path.stat().st_size
    document = json.loads(path.read_bytes())
    assert analysed.run_id in path.read_text()
    assert set(analysed.videos.values()) <= set(_words(document))
    buffer = io.BytesIO()
    await client.exports.download(export.export_id, buffer, chunk_size=1024)
    assert buffer.getvalue() == path.read_bytes()
    assert b"".join(await gathered(client.exports.iter_download(export.export_id))) == path.read_bytes()
    with pytest.raises(VideoVectorError, match="byte limit"):
        await client.exports.download(export.export_id, tmp_path / "small.json", max_bytes=10)
    assert not (tmp_path / "small.json").exists()


def _words(document: Any) -> list[str]:
    """Return every text in a document."""
    if isinstance(document, dict):
        return [word for value in document.values() for word in _words(value)]
    if isinstance(document, list):
        return [word for value in document for word in _words(value)]
    return [document] if isinstance(document, str) else []


async def test_a_download_url_needs_no_key_and_is_for_its_export_alone(
    client: Client, place: Place, analysed: Analysed
) -> None:
    made = await client.exports.create_prompt_run_export(analysed.run_id)
    export = await exported(client, made)
    assert (export.export_type, export.target_id) == ("prompt_run", analysed.run_id)
    url = await client.exports.download_url(export.export_id)
    assert url.startswith(place.url)
    async with httpx.AsyncClient() as anybody:
        answer = await anybody.get(url)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert int(answer.headers["content-length"]) == len(answer.content) == export.file_size_bytes
        assert (await anybody.get(url + "x")).status_code in {401, 403}
        other = await exported(client, await client.exports.create_prompt_run_export(analysed.run_id))
        elsewhere = f"{place.url}/exports/{other.export_id}/download?{urlsplit(url).query}"
        assert (await anybody.get(elsewhere)).status_code in {401, 403}
        assert (await anybody.get(f"{place.url}/exports/{export.export_id}/download")).status_code == 401


@pytest.mark.parametrize("kind", ["s3", "gcs", "azure"])
async def test_an_export_to_a_connector_is_where_it_says(
    client: Client, analysed: Analysed, kind: str, request: pytest.FixtureRequest
) -> None:
    storage: Storage = request.getfixturevalue(kind)
    connector = await storage.create(client, scopes=["export"], export_base_path="team/results")
    made = await client.exports.create_index_export(
        analysed.index_id,
        prompt_run_ids=[analysed.run_id],
        destination_connector_id=connector.connector_id,
        destination_subpath="review",
    )
    export = await exported(client, made)
    assert (export.destination_type, export.destination_connector_id) == ("connector", connector.connector_id)
    assert (export.destination_base_path, export.destination_subpath) == ("team/results", "review")
    assert export.destination_uri == export.gcs_uri
    assert export.export_params == {
        "prompt_run_ids": [analysed.run_id],
        "destination_connector_id": connector.connector_id,
        "destination_base_path": "team/results",
        "destination_subpath": "review",
    }
    key = export.destination_uri[export.destination_uri.index("team/results/review/") :]
    assert len(await storage.read(key)) == export.file_size_bytes
    assert await client.exports.download_url(export.export_id) is None
    with pytest.raises(VideoVectorError):
        await gathered(client.exports.iter_download(export.export_id))


async def test_what_cannot_be_exported_is_refused(
    client: Client, place: Place, analysed: Analysed, s3: Storage
) -> None:
    with pytest.raises(NotFoundError):
        await client.exports.create_index_export("idx_absent")
    with pytest.raises(NotFoundError):
        await client.exports.create_prompt_run_export("run_absent")
    reading = await s3.create(client)
    with pytest.raises(ValidationError, match="scope export"):
        await client.exports.create_index_export(analysed.index_id, destination_connector_id=reading.connector_id)
    made = await client.exports.create_index_export(analysed.index_id)
    async with opened("async", place.url, await place.key(owner="eve")) as eve:
        for ask in (eve.exports.retrieve, eve.exports.download_url):
            with pytest.raises(NotFoundError):
                await ask(made.export_id)
