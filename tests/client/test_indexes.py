"""Indexes and what they hold, as the published client asks for them."""

from __future__ import annotations

import pytest
from videovector import ConflictError, NotFoundError, ValidationError

from tests.client.clients import Client, opened
from tests.client.conftest import Place
from tests.client.storages import Storage


async def test_an_index_is_created_listed_retrieved_and_deleted(client: Client) -> None:
    made = await client.indexes.create(name="Dailies é")
    assert (made.name, made.user_id, made.is_default, made.description) == ("Dailies é", "ada", False, None)
    assert made.created_at.endswith("Z")
    assert await client.indexes.retrieve(made.index_id) == made
    assert made in await client.indexes.list()
    assert made in await client.indexes.list(include_defaults=False)

    gone = await client.indexes.delete(made.index_id)
    assert (gone.index_id, gone.status, gone.retry_after_seconds) == (made.index_id, "deleted", None)
    assert await client.indexes.delete(made.index_id) == gone, "a client that missed the answer asks again"
    assert await client.indexes.get_deletion(made.index_id) == gone
    with pytest.raises(NotFoundError):
        await client.indexes.retrieve(made.index_id)


async def test_the_longest_name_is_that_of_the_clients_documentation(client: Client) -> None:
    assert len((await client.indexes.create(name="x" * 255)).name) == 255
    with pytest.raises(ValidationError, match="name"):
        await client.indexes.create(name="x" * 256)


async def test_an_empty_index_has_empty_pages(client: Client) -> None:
    index = await client.indexes.create(name="Empty")
    for ask in (client.indexes.list_videos, client.indexes.list_prompt_runs):
        page = await ask(index.index_id)
        assert (page.data, page.has_more, page.next_cursor) == ([], False, None)


async def test_an_index_in_which_work_goes_on_is_not_deleted(client: Client, waiting_job: tuple[str, str]) -> None:
    index_id, job_id = waiting_job
    with pytest.raises(ConflictError, match=f"import job {job_id}"):
        await client.indexes.delete(index_id)
    with pytest.raises(NotFoundError):
        await client.indexes.get_deletion(index_id)
    await client.import_jobs.cancel(job_id)
    assert (await client.indexes.delete(index_id)).status == "deleted"


async def test_a_stranger_finds_nothing(client: Client, place: Place, s3: Storage) -> None:
    index = await client.indexes.create(name="Mine")
    connector = await s3.create(client)
    async with opened("async", place.url, await place.key(owner="eve")) as eve:
        assert not {made.index_id for made in await eve.indexes.list()} & {index.index_id}
        assert not await eve.connectors.list()
        for refused in (
            eve.indexes.retrieve(index.index_id),
            eve.indexes.delete(index.index_id),
            eve.indexes.list_videos(index.index_id),
            eve.connectors.browse(connector.connector_id),
            eve.import_jobs.create(connector_id=connector.connector_id, index_id=index.index_id),
        ):
            with pytest.raises(NotFoundError):
                await refused
