"""Two tenants, every route: whatever one sends with the other's ids, nothing of the other's is shown or changed.

Every id that a request names, in its path, query or body, stands for either tenant, in every combination. ``ada`` and
``eve`` have the same things: a watched folder whose delivery was imported, analysed and delivered, and a held batch.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlmodel import SQLModel

from automation_engine.store import keys
from tests.e2e.routes import Route, listed_routes, served_routes
from tests.e2e.world import Folder, World, open_world

ROUTES = listed_routes()
NOBODYS = "of_nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """An owner with a key, and one id of each kind. ``marks`` are strings that only this tenant may ever see."""

    owner: str
    key: str
    ids: Mapping[str, str]
    marks: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """Both tenants on one engine."""

    world: World
    ada: Tenant
    eve: Tenant

    async def send(self, tenant: Tenant, route: Route, ids: Mapping[str, str]) -> httpx.Response:
        """Send a route's request with these ids."""
        method, target, body = route.request(ids)
        headers = {"X-API-Key": tenant.key}
        return await self.world.client.request(method, f"/api/v2{target}", json=body, headers=headers)

    def belongings(self, tenant: Tenant) -> set[str]:
        """Return every row of the database that is a tenant's, or that names something of it."""
        automations = {seq for seq, owner in self._rows("SELECT seq, owner FROM automations") if owner == tenant.owner}
        found = set()
        for table in SQLModel.metadata.sorted_tables:
            columns = [column.name for column in table.columns]
            for values in self._rows(f'SELECT * FROM "{table.name}"'):  # noqa: S608 - the tables are ours
                row = dict(zip(columns, values, strict=True))
                text = f"{table.name} {row}"
                theirs = row.get("owner") == tenant.owner or row.get("automation_seq") in automations
                if theirs or any(mark in text for mark in tenant.marks):
                    found.add(text)
        return found

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.world.folder}/engine.db?mode=ro", uri=True)) as database:
            return database.execute(statement).fetchall()


@pytest.fixture(scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory, clip: Callable[[int], bytes]) -> AsyncIterator[Town]:
    """Let both tenants work for a while."""
    folder = tmp_path_factory.mktemp("town")
    async with open_world(folder) as world:
        tenants = [await _tenant(world, folder, owner, clip) for owner in ("ada", "eve")]
        yield Town(world=world, ada=tenants[0], eve=tenants[1])


async def _tenant(world: World, folder: Path, owner: str, clip: Callable[[int], bytes]) -> Tenant:
    async with world.database.transaction() as tx:
        _, key = await keys.create(tx, owner, "town", ["admin"])
    home = replace(world, key=key, ids={})
    source, target = Folder(folder / f"{owner}s-watched"), Folder(folder / f"{owner}s-delivered")
    await home.set_up(source, target, source_prefix="incoming/")
    hook = {"name": owner, "url": "https://127.0.0.1:9/hook", "events": ["import_job.completed"]}
    webhook = await home.rest("POST", "/webhooks", hook)
    file = f"incoming/{owner}s-clip.mp4"
    await source.put(file, clip(1))
    await home.advance(1200)
    await home.automation(body=home.import_body(source_prefix="incoming/", batch_limit=2, spend_fuse={"max_files": 1}))
    for number in (2, 3):
        await source.put(f"incoming/{owner}s-clip-{number}.mp4", clip(number))
    await home.advance(1200)
    [delivery] = await home.rest("GET", f"/webhooks/{webhook['webhook_id']}/deliveries")
    ids = await _ids(home) | {name: delivery[name] for name in ("webhook_id", "delivery_id")}
    names = {f"{owner}s-clip", source.root.name, target.root.name}
    marks = frozenset(names | {value for name, value in ids.items() if name.endswith("_id")})
    ids |= {"file": file, "revision": "1", "folder": str(folder), "credentials": _service_account()}
    return Tenant(owner=owner, key=key, ids=ids, marks=marks)


async def _ids(home: World) -> dict[str, str]:
    [job] = await home.jobs()
    [video] = (await home.rest("GET", f"/indexes/{home.ids['index']}/videos"))["data"]
    held = await home.rest("GET", f"/indexes/{home.ids['index']}/automations/import/batches?status=held")
    return {
        "index_id": home.ids["index"],
        "connector_id": home.ids["source"],
        "target_id": home.ids["target"],
        "prompt_id": home.ids["prompt"],
        "job_id": job["job_id"],
        "run_id": job["execution"]["run_id"],
        "video_id": video["video_id"],
        "batch_id": held["data"][0]["batch_id"],
        "export_id": (await home.exports())[0]["export_id"],
    }


def _service_account() -> str:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    email, token_uri = "media@project-1.iam.gserviceaccount.com", "https://oauth2.googleapis.com/token"
    account = {"type": "service_account", "project_id": "project-1", "private_key": pem, "client_email": email}
    return json.dumps({**account, "private_key_id": "key-1", "client_id": "1", "token_uri": token_uri})


def _mixtures(town: Town, route: Route) -> Iterator[dict[str, str]]:
    """Every mixture of the tenants' ids in which one is ada's; for a request without ids, itself."""
    slots = [slot for slot in route.slots if town.ada.ids[slot] != town.eve.ids[slot]]
    for owners in product((town.ada, town.eve), repeat=len(slots)):
        if town.ada in owners or not slots:
            yield {**town.eve.ids, **{slot: owner.ids[slot] for slot, owner in zip(slots, owners, strict=True)}}


def test_the_table_lists_every_route() -> None:
    assert {str(route) for route in ROUTES} == served_routes()


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_a_stranger_sees_and_changes_nothing(town: Town, route: Route) -> None:
    """What names another tenant's resource in its path does not exist; elsewhere it finds nothing."""
    for ids in _mixtures(town, route):
        before = town.belongings(town.ada)
        answer = await town.send(town.eve, route, ids)
        sent = json.dumps(route.request(ids))
        shown = {mark for mark in town.ada.marks if mark in answer.text and mark not in sent}
        assert not shown, f"{route} with {ids} shows {shown}: {answer.text}"
        assert town.belongings(town.ada) == before, f"{route} with {ids} changed what is ada's: {answer.text}"
        if any(ids[slot] == town.ada.ids[slot] for slot in route.path_slots if slot != "revision"):
            assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_what_is_somebody_elses_looks_like_what_is_not_there(town: Town, route: Route) -> None:
    """Status and code tell nobody that an id exists."""
    slots = [slot for slot in route.slots if slot.endswith("_id")]
    for slot in slots:
        theirs = await town.send(town.eve, route, {**town.eve.ids, slot: town.ada.ids[slot]})
        made_up = town.ada.ids[slot].partition("_")[0] + "_" + NOBODYS
        nobodys = await town.send(town.eve, route, {**town.eve.ids, slot: made_up})
        assert _told(theirs, town.ada.ids[slot]) == _told(nobodys, made_up)


def _told(answer: httpx.Response, named: str) -> tuple[int, Any]:
    """Return what an answer says, without the id that was asked for and what differs between any two answers."""
    told = json.loads(answer.text.replace(named, "ID")) if answer.content else None
    if isinstance(told, dict) and isinstance(told.get("error"), dict):
        told = {name: told["error"][name] for name in ("code", "message", "details")}
    return answer.status_code, told


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_the_owner_may(town: Town, route: Route) -> None:
    """The same requests do reach what is there: their refusals above are about whose it is."""
    answer = await town.send(town.ada, route, town.ada.ids)
    assert answer.status_code in {200, 201, 204, 409, route.refused}, answer.text
