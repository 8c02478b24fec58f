"""API keys over a real database."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlmodel import select

from automation_engine.errors import InvalidArgument, NotFound
from automation_engine.main import make_app
from automation_engine.servicers.auth_servicer import AuthServicer
from automation_engine.store import keys
from automation_engine.store.tables import ApiKey
from automation_engine.v1.auth_service_pb2 import ValidateCredentialsRequest
from automation_engine.v1.auth_service_pb2_grpc import AuthServiceStub, add_AuthServiceServicer_to_server
from tests.integration.engine import Engine, serve


async def _authenticate(engine: Engine, key: str) -> Any:
    return await keys.authenticate(engine.database, key, engine.clock.now())


async def test_a_key_is_sk_live_and_48_lower_case_hex_digits(engine: Engine) -> None:
    assert re.fullmatch(r"sk_live_[0-9a-f]{48}", await engine.key())


async def test_a_key_is_recognised_and_tells_its_owner_and_scopes(engine: Engine) -> None:
    row = await _authenticate(engine, await engine.key("write", owner="grace"))
    assert row is not None
    assert (row.owner, row.scopes) == ("grace", ["write"])


async def test_only_the_hash_of_a_key_is_kept(engine: Engine) -> None:
    key = await engine.key()
    async with engine.database.reading() as session:
        row = (await session.exec(select(ApiKey))).one()
    assert row.key_hash == hashlib.sha256(key.encode()).digest()
    assert len(row.key_prefix) < 16
    assert key not in repr(row.model_dump())


@pytest.mark.parametrize("key", ["", "sk_live_", "sk_live_" + "0" * 48, "sk_live_" + "A" * 48, "é" * 56])
async def test_a_key_that_was_never_made_is_unknown(engine: Engine, key: str) -> None:
    await engine.key()
    assert await _authenticate(engine, key) is None


async def test_a_key_is_refused_from_the_instant_it_expires(engine: Engine) -> None:
    async with engine.database.transaction() as tx:
        _, key = await keys.create(tx, "ada", "short", ["read"], tx.now + 60)
    engine.clock.advance(59)
    assert await _authenticate(engine, key) is not None
    engine.clock.advance(1)
    assert await _authenticate(engine, key) is None


async def test_a_revoked_key_is_refused_and_revoking_again_keeps_the_first_instant(engine: Engine) -> None:
    async with engine.database.transaction() as tx:
        row, key = await keys.create(tx, "ada", "lost", ["read"])
        first = (await keys.revoke(tx, row.key_id)).revoked_at
    assert await _authenticate(engine, key) is None
    engine.clock.advance(5)
    async with engine.database.transaction() as tx:
        assert (await keys.revoke(tx, row.key_id)).revoked_at == first


async def test_revoking_an_unknown_key_says_so(engine: Engine) -> None:
    async with engine.database.transaction() as tx:
        with pytest.raises(NotFound, match="key_none"):
            await keys.revoke(tx, "key_none")


async def test_keys_are_listed_by_owner_the_oldest_first(engine: Engine) -> None:
    for owner in ("ada", "grace", "ada"):
        await engine.key(owner=owner)
        engine.clock.advance(1)
    async with engine.database.reading() as session:
        listed = await keys.list_keys(session, "ada")
        everybody = await keys.list_keys(session)
    assert [row.owner for row in listed] == ["ada", "ada"]
    assert listed[0].created_at < listed[1].created_at
    assert len(everybody) == 3


@pytest.mark.parametrize(("owner", "scopes"), [("", ["read"]), ("ada", []), ("ada", ["root"])])
async def test_a_key_needs_an_owner_and_scopes_that_exist(engine: Engine, owner: str, scopes: list[str]) -> None:
    async with engine.database.transaction() as tx:
        with pytest.raises(InvalidArgument):
            await keys.create(tx, owner, "bad", scopes)


@asynccontextmanager
async def _doors(engine: Engine, key: str) -> AsyncIterator[Callable[[], Awaitable[tuple[int, str]]]]:
    """Return what asks at both doors whether a key is good: over REST and over gRPC."""
    services = {"AuthService": (add_AuthServiceServicer_to_server, AuthServicer())}
    transport = httpx.ASGITransport(make_app(engine.database, engine.stores))
    async with (
        serve(engine, services) as api,
        httpx.AsyncClient(transport=transport, base_url="http://engine/api/v2") as http,
    ):
        stub = await api.stub_with(AuthServiceStub, {"x-api-key": key})

        async def ask() -> tuple[int, str]:
            answer = await http.get("/auth/validate", headers={"X-API-Key": key})
            return answer.status_code, (await stub.ValidateCredentials(ValidateCredentialsRequest()).code()).name

        yield ask


async def test_a_revocation_works_at_once_over_rest_and_grpc(engine: Engine) -> None:
    async with engine.database.transaction() as tx:
        row, key = await keys.create(tx, "ada", "lost", ["read"])
    async with _doors(engine, key) as ask:
        assert await ask() == (204, "OK")
        async with engine.database.transaction() as tx:
            await keys.revoke(tx, row.key_id)
        assert await ask() == (401, "UNAUTHENTICATED")


async def test_an_expiry_works_at_once_over_rest_and_grpc(engine: Engine) -> None:
    async with engine.database.transaction() as tx:
        _, key = await keys.create(tx, "ada", "short", ["search"], tx.now + 60)
    async with _doors(engine, key) as ask:
        assert await ask() == (204, "OK")
        engine.clock.advance(60)
        assert await ask() == (401, "UNAUTHENTICATED")


async def test_a_client_may_announce_its_work(engine: Engine) -> None:
    transport = httpx.ASGITransport(make_app(engine.database, engine.stores))
    event = {"event_id": "e-1", "surface": "sdk", "reason": "processing_intent", "operation": "process_media"}
    async with httpx.AsyncClient(transport=transport, base_url="http://engine/api/v2") as http:
        headers = {"X-API-Key": await engine.key("search")}
        for body in (event, {}):
            answer = await http.post("/auth/processing-activity", json=body, headers=headers)
            assert (answer.status_code, answer.json()) == (200, {"accepted": True})
