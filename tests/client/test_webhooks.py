"""Webhooks as the published client sets them up, and what a real HTTPS receiver gets of them."""

from __future__ import annotations

import hmac
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer
from videovector import ConflictError, NotFoundError, ValidationError
from videovector.resources.webhooks import WEBHOOK_EVENTS

from tests.client.clients import Client
from tests.client.storages import Storage
from tests.e2e.processes import until


@dataclass(kw_only=True)
class Receiver:
    """Where events are sent to, how it answers, and what it got: headers and exact bodies."""

    url: str = ""
    status: int = 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
async def receiver(authority: trustme.CA) -> AsyncIterator[Receiver]:
    receiver = Receiver()

    async def handle(request: web.Request) -> web.Response:
        receiver.got.append((dict(request.headers), await request.read()))
        return web.Response(status=receiver.status, text="noted")

    app = web.Application()
    app.router.add_post("/hook", handle)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=context)
    receiver.url = str(server.make_url("/hook"))
    yield receiver
    await server.close()


async def test_a_webhook_is_created_changed_and_deleted(client: Client) -> None:
    index = await client.indexes.create(name="Told of")
    made = await client.webhooks.create(
        name="Night desk",
        url="https://hooks.example.com/night",
        events=["import_job.completed"],
        index_ids=[index.index_id],
        metadata={"desk": "night"},
    )
    assert (made.status, made.failure_count, made.index_ids) == ("active", 0, [index.index_id])
    assert made.metadata == {"desk": "night"}
    found = await client.webhooks.retrieve(made.webhook_id)
    assert found.model_dump() == made.model_dump(exclude={"secret"})
    assert found in await client.webhooks.list()

    changed = await client.webhooks.update(made.webhook_id, name="Desk", status="paused", events=WEBHOOK_EVENTS)
    assert (changed.name, changed.status, changed.url) == ("Desk", "paused", made.url)
    assert sorted(changed.events) == sorted(WEBHOOK_EVENTS)
    rotated = await client.webhooks.rotate_secret(made.webhook_id)
    assert rotated.webhook_id == made.webhook_id
    assert rotated.new_secret != made.secret
    assert await client.webhooks.list_deliveries(made.webhook_id) == []
    assert (await client.webhooks.delete(made.webhook_id)).message
    with pytest.raises(NotFoundError):
        await client.webhooks.retrieve(made.webhook_id)


async def test_all_events_of_the_client_are_known(client: Client) -> None:
    assert set(WEBHOOK_EVENTS) <= set(await client.webhooks.list_events())


@pytest.mark.parametrize(
    ("field", "value"), [("url", "ftp://example.com"), ("events", ["media.deleted"]), ("events", []), ("name", "")]
)
async def test_what_no_webhook_can_be_is_refused(client: Client, field: str, value: Any) -> None:
    given = {"name": "Wrong", "url": "https://hooks.example.com", "events": ["export.ready"], field: value}
    with pytest.raises(ValidationError, match=field):
        await client.webhooks.create(**given)


async def test_a_test_event_arrives_signed(client: Client, receiver: Receiver) -> None:
    made = await client.webhooks.create(name="Signed", url=receiver.url, events=["export.ready"])
    result = await client.webhooks.test(made.webhook_id)
    assert (result.success, result.status_code, result.error) == (True, 200, None)
    ((headers, body),) = receiver.got
    signature = hmac.new(made.secret.encode(), body, "sha256").hexdigest()
    assert headers["X-Webhook-Signature"] == f"sha256={signature}"
    assert headers["X-Webhook-ID"] == made.webhook_id
    assert json.loads(body)["api_version"] == "2024-01"
    receiver.status = 500
    refused = await client.webhooks.test(made.webhook_id)
    assert (refused.success, refused.status_code) == (False, 500)


async def test_an_event_that_was_refused_is_listed_and_sent_again(
    client: Client, receiver: Receiver, s3: Storage, media: dict[str, bytes]
) -> None:
    await s3.put({"told/a.png": media[".png"]})
    connector = await s3.create(client)
    index = await client.indexes.create(name="Told")
    made = await client.webhooks.create(
        name="Jobs", url=receiver.url, events=["import_job.completed"], index_ids=[index.index_id]
    )
    receiver.status = 503
    job = await client.import_jobs.create(
        connector_id=connector.connector_id, index_id=index.index_id, source_prefix="told"
    )
    list_deliveries = client.webhooks.list_deliveries
    (refused,) = await until("a refusal", lambda: list_deliveries(made.webhook_id, status="retrying"))
    assert (refused.event_type, refused.attempts, refused.response_status_code) == ("import_job.completed", 1, 503)
    assert refused.next_retry_at

    receiver.status = 200
    assert (await client.webhooks.retry_delivery(refused.delivery_id)).delivery_id == refused.delivery_id
    (delivered,) = await until("a delivery", lambda: list_deliveries(made.webhook_id, status="delivered"))
    assert (delivered.attempts, delivered.response_status_code, delivered.response_body) == (2, 200, "noted")
    (first, body), (second, same) = receiver.got
    assert (body, first["X-Delivery-ID"]) == (same, second["X-Delivery-ID"])
    event = json.loads(body)
    assert (second["X-Event-Type"], event["event"]) == ("import_job.completed", "import_job.completed")
    assert event["data"]["job_id"] == job.job_id
    assert (await client.webhooks.get_delivery(refused.delivery_id)).payload == event
    with pytest.raises(ConflictError, match="was delivered"):
        await client.webhooks.retry_delivery(refused.delivery_id)
