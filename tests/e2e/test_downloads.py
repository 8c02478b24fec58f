"""Downloads by REST, on SQLite and on PostgreSQL: what a client of the contract relies on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from automation_engine.config import Settings
from automation_engine.store import exports
from tests.e2e.world import Folder, World, open_world
from tests.servers.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Return the URL of a new database; None for SQLite."""
    if request.param == "sqlite":
        return None
    server: Postgres = request.getfixturevalue("postgres_server")
    return Settings(database_url=server.new_database()).url


@pytest.fixture
async def finished(url: str | None, tmp_path: Path, clip: Callable[[int], bytes]) -> AsyncIterator[tuple[World, str]]:
    """Open a world with an export that is kept for download, and return its id, too."""
    source = Folder(tmp_path / "watched")
    await source.put("incoming/daily/a.mp4", clip(1))
    async with open_world(tmp_path, url=url) as world:
        await world.set_up(source)
        await world.advance(900)
        created = await world.rest("POST", f"/exports/index/{world.ids['index']}")
        assert created["status"] == "processing"
        await world.settle()
        yield world, created["export_id"]


def _is_whole(answer: httpx.Response, export_id: str) -> None:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == f'attachment; filename="{export_id}.json"'
    assert answer.headers["cache-control"] == "private, no-store"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert not {"content-encoding", "transfer-encoding", "location"} & set(answer.headers)
    assert len(answer.json()["runs"]) == 1


async def test_an_export_is_downloaded_with_a_key_or_once_with_a_url(finished: tuple[World, str]) -> None:
    world, export_id = finished
    export = await world.rest("GET", f"/exports/{export_id}")
    path = f"/api/v2/exports/{export_id}/download"
    assert export["download_url"] == path
    headers = {"X-API-Key": world.key, "Accept-Encoding": "identity", "Range": "bytes=0-1"}
    _is_whole(await world.client.get(path, headers=headers), export_id)
    minted = await world.rest("POST", f"/exports/{export_id}/download-url")
    assert {name: value for name, value in minted.items() if name != "download_url"} == {
        "export_id": export_id,
        "status": "completed",
        "destination_type": "download",
        "destination_connector_id": None,
    }
    url = httpx.URL(minted["download_url"])
    assert (url.copy_with(query=None), list(url.params)) == (httpx.URL(f"http://world{path}"), ["token"])
    _is_whole(await world.client.get(url), export_id)
    for again in (await world.client.get(url), await world.client.get(path)):
        assert (again.status_code, again.json()["error"]["code"]) == (401, "unauthenticated")
        assert "content-disposition" not in again.headers


async def test_what_is_asked_about_a_download_is_its_headers(finished: tuple[World, str]) -> None:
    world, export_id = finished
    path = f"/api/v2/exports/{export_id}/download"
    asked = await world.client.head(path, headers={"X-API-Key": world.key})
    told = await world.client.get(path, headers={"X-API-Key": world.key})
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["content-length"] == told.headers["content-length"] == str(len(told.content))


async def test_refusals_come_as_errors_of_the_contract(finished: tuple[World, str]) -> None:
    world, export_id = finished
    await world.rest("GET", "/exports/exp_none/download", expect=404)
    waiting = (await world.rest("POST", f"/exports/index/{world.ids['index']}"))["export_id"]
    refused = await world.rest("GET", f"/exports/{waiting}/download", expect=409)
    assert refused["error"]["code"] == "conflict"
    assert (await world.rest("POST", f"/exports/{waiting}/download-url"))["download_url"] is None
    world.clock.advance(exports.KEPT)
    refused = await world.rest("GET", f"/exports/{export_id}/download", expect=404)
    assert "kept for 7 days" in json.dumps(refused)
    assert (await world.rest("GET", f"/exports/{export_id}"))["gcs_uri"] is None
