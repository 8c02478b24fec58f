"""Previews of an unsaved import automation over REST, over real folders and real SQLite files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from automation_engine.connectors.local import LocalStore
from automation_engine.connectors.protocol import ObjectInfo
from automation_engine.errors import StorageUnavailable
from automation_engine.servicers import previews
from automation_engine.servicers.caller import Caller, Scope
from automation_engine.v1.forecast_service_pb2 import PreviewImportRequest
from tests.e2e.world import Folder, World, open_world


class Previewing:
    """A world whose source folder can be previewed."""

    def __init__(self, world: World, root: Path) -> None:
        self.world = world
        self.root = root

    def write(self, *paths: str, data: bytes = b"bytes") -> None:
        for path in paths:
            file = self.root / "incoming" / "daily" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)

    async def preview(self, *, max_files: int | None = None, expect: int = 200, **changes: Any) -> Any:
        limit = "" if max_files is None else f"?max_files={max_files}"
        path = f"/indexes/{self.world.ids['index']}/automations/import/preview{limit}"
        return await self.world.rest("POST", path, self.world.import_body(**changes), expect=expect)

    async def rows(self) -> dict[str, int]:
        """Count the rows of every table."""
        counts = {}
        async with self.world.database.reading() as session:
            for name in SQLModel.metadata.tables:
                counts[name] = (await session.exec(text(f'SELECT count(*) FROM "{name}"'))).scalar_one()  # type: ignore[call-overload]  # noqa: S608 - our own tables
        return counts


@pytest.fixture
async def previewing(tmp_path: Path) -> AsyncIterator[Previewing]:
    """An index with a connector to an empty folder, and a saved automation."""
    async with open_world(tmp_path) as world:
        root = tmp_path / "media"
        (root / "incoming" / "daily").mkdir(parents=True)
        await world.set_up(Folder(root))
        yield Previewing(world, root)


def reasons(found: Any) -> dict[str, list[str]]:
    return {kind["reason"]: [file["path"] for file in kind["examples"]] for kind in found["excluded"]}


async def test_a_preview_says_what_is_matched_what_is_left_out_and_why(previewing: Previewing) -> None:
    previewing.write("a.mp4", "sub/b.mp4", "notes.txt", "draft-c.mp4", ".hidden.mp4")
    previewing.write("empty.mp4", data=b"")
    found = await previewing.preview(exclude_patterns=["draft-*"])
    assert (found["complete"], found["cut_off"], found["listed"]) == (True, None, 6)
    assert (found["matched"], found["matched_bytes"]) == (2, 10)
    assert [file["path"] for file in found["examples"]] == ["incoming/daily/a.mp4", "incoming/daily/sub/b.mp4"]
    assert reasons(found) == {
        "not_matched": ["incoming/daily/notes.txt"],
        "excluded": ["incoming/daily/draft-c.mp4"],
        "temporary": ["incoming/daily/.hidden.mp4"],
        "empty": ["incoming/daily/empty.mp4"],
    }
    assert all(kind["text"] and kind["count"] == 1 for kind in found["excluded"])


async def test_a_preview_says_when_which_batches_would_fire(previewing: Previewing) -> None:
    previewing.write(*(f"{at}.mp4" for at in range(5)))
    fuse = {"max_files": 1}
    found = await previewing.preview(debounce_interval="1h", batch_limit=2, spend_fuse=fuse)
    assert [batch["object_count"] for batch in found["batches"]] == [2, 2, 1]
    assert [batch["held_reason"] is None for batch in found["batches"]] == [False, False, True]
    assert {batch["trigger"] for batch in found["batches"]} == {"quiet"}
    assert found["batch_count"] == 3
    assert found["taken_at"].startswith("2026-01-01T00:00:0")
    assert all(batch["fires_at"].startswith("2026-01-01T01:00:0") for batch in found["batches"])
    assert [file["path"] for file in found["batches"][2]["examples"]] == ["incoming/daily/4.mp4"]


async def test_a_preview_needs_nothing_saved_and_writes_nothing(previewing: Previewing) -> None:
    world = previewing.world
    await world.rest("DELETE", f"/indexes/{world.ids['index']}/automations/import?forget=true")
    world.ids["index"] = (await world.rest("POST", "/indexes", {"name": "Empty"}))["index_id"]
    previewing.write("a.mp4")
    before = await previewing.rows()
    assert (await previewing.preview())["matched"] == 1
    await previewing.preview(source_prefix="", debounce_interval="1d")
    assert await previewing.rows() == before
    await world.rest("GET", f"/indexes/{world.ids['index']}/automations/import", expect=404)


async def test_a_preview_of_a_saved_automation_changes_it_in_nothing(previewing: Previewing) -> None:
    previewing.write("a.mp4")
    await previewing.world.advance(60)
    rows, saved = await previewing.rows(), await previewing.world.automation("status")
    await previewing.preview(file_pattern="*.mov", debounce_interval="1d", paused=True)
    assert (await previewing.rows(), await previewing.world.automation("status")) == (rows, saved)


async def test_a_preview_refuses_what_a_put_refuses(previewing: Previewing) -> None:
    for changes in (
        {"file_pattern": "[a"},
        {"connector_id": "conn_none"},
        {"prompt_preset": {"prompt_id": "none"}},
        {"max_wait": "300s", "debounce_interval": "1h"},
        {"debounce_interval": "2m"},
    ):
        refused = await previewing.preview(expect=422, **changes)
        saved = await previewing.world.rest(
            "PUT",
            f"/indexes/{previewing.world.ids['index']}/automations/import",
            previewing.world.import_body(**changes),
            expect=422,
        )
        assert refused["error"]["details"] == saved["error"]["details"]
        assert refused["error"]["details"]["violations"]


async def test_what_was_imported_is_a_duplicate_and_what_waits_is_not(previewing: Previewing) -> None:
    previewing.write("a.mp4")
    await previewing.world.advance(400)
    previewing.write("b.mp4")
    await previewing.world.advance(60)
    found = await previewing.preview()
    assert found["matched"] == 1
    (known,) = found["duplicates"]
    assert (known["reason"], [file["path"] for file in known["examples"]]) == ("known", ["incoming/daily/a.mp4"])


async def test_existing_files_are_left_out_where_a_new_generation_would_begin(previewing: Previewing) -> None:
    previewing.write("a.mp4", "b.mov")
    await previewing.world.advance(60)
    assert (await previewing.preview(existing_files="skip"))["matched"] == 1
    found = await previewing.preview(existing_files="skip", file_pattern="*.mov")
    assert (found["matched"], reasons(found)["existing"]) == (0, ["incoming/daily/b.mov"])


async def test_a_file_without_its_sidecar_is_left_out(previewing: Previewing) -> None:
    previewing.write("a.mp4", "b.mp4", "z/c.mp4", "b.mp4.done")
    found = await previewing.preview(done_file_pattern="*.done")
    assert found["matched"] == 1
    assert reasons(found) == {
        "sidecar": ["incoming/daily/b.mp4.done"],
        "undeclared": ["incoming/daily/a.mp4", "incoming/daily/z/c.mp4"],
    }


async def test_an_automation_that_would_be_paused_fires_nothing(previewing: Previewing) -> None:
    previewing.write("a.mp4")
    found = await previewing.preview(paused=True)
    assert (found["matched"], found["batches"]) == (1, [])


async def test_a_preview_that_reaches_its_limit_says_so(previewing: Previewing) -> None:
    previewing.write(*(f"{at}.mp4" for at in range(5)))
    assert (await previewing.preview(max_files=5))["complete"] is True
    found = await previewing.preview(max_files=3)
    assert (found["complete"], found["listed"], found["matched"]) == (False, 3, 3)
    assert "after 3 files" in found["cut_off"]
    assert (await previewing.preview(max_files=1))["cut_off"] == (
        "The listing was cut off after 1 file, as max_files says: the numbers and batches are of what the storage"
        " listed until then, 1 file; there is more."
    )


async def test_a_listing_that_takes_too_long_is_cut_off_and_one_that_fails_is_an_error(
    previewing: Previewing, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = LocalStore.list_pages

    async def endless(store: LocalStore, prefix: str, *, recursive: bool) -> AsyncGenerator[list[ObjectInfo], None]:
        async for page in listing(store, prefix, recursive=recursive):
            yield page
        await asyncio.Event().wait()

    async def broken(store: LocalStore, prefix: str, *, recursive: bool) -> AsyncGenerator[list[ObjectInfo], None]:
        async for page in listing(store, prefix, recursive=recursive):
            yield page
        raise StorageUnavailable("the share is gone")

    previewing.write("a.mp4")
    world = previewing.world
    monkeypatch.setattr(LocalStore, "list_pages", endless)
    request = PreviewImportRequest(index_id=world.ids["index"])
    request.import_automation.connector_id = world.ids["source"]
    request.import_automation.prompt_preset.prompt_id = world.ids["prompt"]
    request.import_automation.debounce_interval = 1  # type: ignore[assignment]  # 5m
    stores: Any = world.worker._performers["scan"]._stores  # type: ignore[attr-defined]
    by = Caller(owner="ada", key_id="key_test", scope=Scope.ADMIN)
    found = await previews.preview(world.database, stores, by, request, seconds=0.5)
    assert (found.complete, "after 0.5 s" in found.cut_off) == (False, True)
    monkeypatch.setattr(LocalStore, "list_pages", broken)
    refused = await previewing.preview(expect=503)
    assert refused["error"]["code"] == "storage_unavailable"


async def test_a_preview_through_a_disabled_connector_is_refused(previewing: Previewing) -> None:
    await previewing.world.rest("PATCH", f"/connectors/{previewing.world.ids['source']}", {"status": "disabled"})
    await previewing.preview(expect=409)
