"""Every route with every scope, as the table says: below its scope it is refused before anything else is looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from itertools import product

import httpx
import pytest

from automation_engine.store import keys
from tests.e2e.routes import Route, listed_routes
from tests.e2e.world import World, open_world

SCOPES = ("search", "read", "write", "admin")
"""Each includes those before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """An engine without anything in it, and a key of each scope."""

    world: World
    keys: Mapping[str, str]

    async def send(self, route: Route, headers: Mapping[str, str]) -> httpx.Response:
        """Send a route's request with ids of nothing, or with none where they are made here."""
        method, target, body = route.request({slot: "1" if slot == "revision" else "none" for slot in route.slots})
        return await self.world.client.request(method, f"/api/v2{target}", json=body, headers=headers)


@pytest.fixture(scope="module")
async def gate(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gate]:
    """Make a key of each scope."""
    async with open_world(tmp_path_factory.mktemp("gate")) as world:
        made = {}
        async with world.database.transaction() as tx:
            for scope in SCOPES:
                _, made[scope] = await keys.create(tx, "ada", scope, [scope])
        yield Gate(world=world, keys=made)


def _code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


@pytest.mark.parametrize(("route", "scope"), [*product(listed_routes(), SCOPES)], ids=str)
async def test_a_key_may_call_what_its_scope_includes(gate: Gate, route: Route, scope: str) -> None:
    answer = await gate.send(route, {"X-API-Key": gate.keys[scope]})
    if route.scope == "public" or SCOPES.index(scope) >= SCOPES.index(route.scope):
        assert answer.status_code not in {401, 403}, answer.text
    else:
        assert (answer.status_code, _code(answer)) == (403, "insufficient_scope")
        assert answer.json()["error"]["details"] == {"required_scope": route.scope, "scope": scope}


@pytest.mark.parametrize("route", listed_routes(), ids=str)
@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": "sk_live_" + "0" * 48}, {"Authorization": "Basic YTpi"}], ids=str
)
async def test_without_a_known_key_only_the_public_is_served(
    gate: Gate, route: Route, headers: Mapping[str, str]
) -> None:
    answer = await gate.send(route, headers)
    if route.scope == "public":
        assert answer.status_code == 200, answer.text
    else:
        assert (answer.status_code, _code(answer)) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
