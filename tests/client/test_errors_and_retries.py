"""Errors become the client's exceptions with all that they say, and what it repeats happens once."""

from __future__ import annotations

import socket
import uuid
from collections.abc import AsyncIterator

import pytest
import videovector
from videovector import (
    AuthenticationError,
    AuthorizationError,
    ConflictError,
    ExternalServiceError,
    IdempotencyError,
    NotFoundError,
    RateLimitError,
    ValidationError,
    VideoVectorError,
)

from tests.client.clients import Client, opened, raw
from tests.client.conftest import Place
from tests.client.flaky import CUT, LOST, Flaky, flaky
from tests.client.storages import Storage


@pytest.fixture(scope="module")
async def proxy(place: Place) -> AsyncIterator[Flaky]:
    async with flaky(place.url) as proxy:
        yield proxy


@pytest.fixture(params=["sync", "async"])
async def through(request: pytest.FixtureRequest, proxy: Flaky, admin_key: str) -> AsyncIterator[Client]:
    """Open either client on the proxy."""
    proxy.failures.clear()
    proxy.seen.clear()
    async with opened(request.param, proxy.url, admin_key) as client:
        yield client


def told(error: VideoVectorError, status: int, code: str) -> None:
    """Check what every error says."""
    assert (error.status_code, error.error_code) == (status, code)
    assert error.message
    assert error.request_id
    assert isinstance(error.details, dict)


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_credentials_that_are_none_are_401(place: Place, kind: str) -> None:
    async with opened(kind, place.url, "sk_live_" + "0" * 48) as client:
        for ask in (client.indexes.list, client.authenticate):
            with pytest.raises(AuthenticationError) as refused:
                await ask()
            assert refused.value.status_code == 401
            assert refused.value.request_id


async def test_good_credentials_are_acknowledged(client: Client) -> None:
    assert await client.authenticate() == {"accepted": True}


async def test_a_key_may_be_sent_as_a_bearer_token(place: Place, admin_key: str) -> None:
    async with videovector.AsyncVideoVector(bearer_token=admin_key, base_url=place.url) as client:
        assert isinstance(await client.indexes.list(), list)


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_scope_that_lacks_is_403(place: Place, kind: str) -> None:
    async with opened(kind, place.url, await place.key("read")) as reader:
        with pytest.raises(AuthorizationError) as refused:
            await reader.indexes.create(name="No")
    told(refused.value, 403, refused.value.error_code or "")


async def test_each_kind_of_refusal_is_its_exception(client: Client, waiting_job: tuple[str, str]) -> None:
    with pytest.raises(NotFoundError) as absent:
        await client.indexes.retrieve("idx_absent")
    told(absent.value, 404, "not_found")
    with pytest.raises(ValidationError) as invalid:
        await client.indexes.create(name="")
    told(invalid.value, 422, "validation_error")
    assert "name" in str(invalid.value.details)
    with pytest.raises(ConflictError) as conflict:
        await client.indexes.delete(waiting_job[0])
    told(conflict.value, 409, "conflict")


async def test_what_is_out_of_scope_is_404_with_the_error_body(client: Client) -> None:
    with pytest.raises(NotFoundError) as absent:
        await client.api_keys.list()
    told(absent.value, 404, "not_found")


async def test_reading_goes_on_after_refusals_and_cut_connections(through: Client, proxy: Flaky) -> None:
    proxy.failures += [503, 429, 500]
    assert isinstance(await through.indexes.list(), list)
    assert len(proxy.seen) == 4
    proxy.failures += [LOST]
    assert isinstance(await through.connectors.list(), list)


async def test_who_is_refused_too_often_is_told_so(through: Client, proxy: Flaky) -> None:
    proxy.failures += [503] * 4
    with pytest.raises(ExternalServiceError) as refused:
        await through.indexes.list()
    assert (refused.value.status_code, refused.value.error_code) == (503, "busy")
    proxy.failures += [429] * 4
    with pytest.raises(RateLimitError) as limited:
        await through.indexes.list()
    assert (limited.value.status_code, limited.value.retry_after) == (429, 0)


async def test_a_post_without_a_key_is_not_repeated(through: Client, proxy: Flaky, s3: Storage) -> None:
    made = await s3.create(through)
    proxy.seen.clear()
    for failure in (503, CUT):
        proxy.failures.append(failure)
        with pytest.raises(VideoVectorError):
            await through.connectors.test(made.connector_id)
    assert [method for method, _ in proxy.seen] == ["POST", "POST"]


async def test_creating_again_after_a_lost_answer_makes_one_object(
    through: Client, proxy: Flaky, storage: Storage
) -> None:
    name = uuid.uuid4().hex
    proxy.failures += [503, LOST, LOST]
    made = await storage.create(through, name=name)
    keys = {key for _, key in proxy.seen}
    assert (len(proxy.seen), len(keys)) == (4, 1)
    assert [found.connector_id for found in await through.connectors.list() if found.name == name] == [
        made.connector_id
    ]
    proxy.failures += [LOST]
    index = await through.indexes.create(name=name)
    assert [found.index_id for found in await through.indexes.list() if found.name == name] == [index.index_id]
    proxy.failures += [LOST]
    ids = {"connector_id": made.connector_id, "index_id": index.index_id, "source_prefix": "nowhere/"}
    job = await through.import_jobs.create(**ids)
    assert [found["job_id"] for found in await raw(through, "GET", f"/import-jobs?index_id={index.index_id}")] == [
        job.job_id
    ]


async def test_deleting_again_after_a_lost_answer_is_answered(through: Client, proxy: Flaky) -> None:
    index = await through.indexes.create(name="Gone")
    proxy.failures += [LOST]
    assert (await through.indexes.delete(index.index_id)).status == "deleted"


async def test_a_key_is_for_one_body(client: Client) -> None:
    key = uuid.uuid4().hex
    first = await client.indexes.create(name="One", idempotency_key=key)
    assert await client.indexes.create(name="One", idempotency_key=key) == first
    with pytest.raises(IdempotencyError) as refused:
        await client.indexes.create(name="Other", idempotency_key=key)
    assert refused.value.status_code == 422


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_who_is_not_there_or_does_not_answer_is_told_apart(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/api/v2"
        async with opened(kind, url, "key", timeout=0.2, max_retries=1) as client:
            with pytest.raises(videovector.TimeoutError):
                await client.indexes.list()
    async with opened(kind, url, "key", max_retries=1) as client:
        with pytest.raises(videovector.ConnectionError):
            await client.indexes.list()
