"""Rate limits: told on request, and kept to by an engine that is served with few calls a minute."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from videovector import RateLimitError

from tests.client.clients import Client, opened
from tests.client.conftest import Place, settled
from tests.e2e.processes import ENGINE, started


async def test_the_status_is_told(client: Client) -> None:
    for ask in (client.rate_limits.get_status, client.rate_limits.refresh):
        status = await ask()
        assert status.user_id == "ada"
        assert status.plan_id
        for category in status.categories.values():
            assert 0 <= category.minute_remaining <= category.minute_limit
            assert 0 <= category.hour_remaining <= category.hour_limit


@pytest.fixture(scope="module")
async def strict(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Serve five calls a minute, without TLS: the client asks for it only where a download URL is minted."""
    folder = tmp_path_factory.mktemp("strict")
    options = ("--data-dir", folder / "data", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--rate-limit", "5")
    async with started(folder / "serve.log", ENGINE, "serve", *options) as running:
        yield await settled(running, folder / "data")


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_who_calls_too_often_is_told_when_to_come_back(strict: Place, kind: str) -> None:
    async with opened(kind, strict.url, await strict.key(), max_retries=0) as client:
        for _ in range(5):
            await client.indexes.list()
        with pytest.raises(RateLimitError) as limited:
            await client.indexes.list()
    assert limited.value.status_code == 429
    assert limited.value.request_id
