"""Webhooks over REST, in virtual time, with a real endpoint on the loopback."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web
from sqlmodel import col, func, select

from automation_engine.config import Settings
from automation_engine.demo_media import write_clip
from automation_engine.store import keys, webhooks, work
from automation_engine.store.outbox import Event, tell
from automation_engine.store.tables import Webhook, WebhookDelivery, Work
from automation_engine.webhook_sender import WebhookSender
from tests.e2e.world import Died, Folder, World, open_world
from tests.servers.postgres import Postgres
from tests.servers.webhook_receiver import Receiver, receiver

DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A world with an import automation, an endpoint, and what sends to it."""

    world: World
    receiver: Receiver
    sender: WebhookSender

    async def hook(self, *events: str, **fields: Any) -> dict[str, Any]:
        """Create a webhook to the endpoint."""
        body = {"name": "Hook", "url": self.receiver.url, "events": events, **fields}
        return dict(await self.world.rest("POST", "/webhooks", body))

    async def pause(self) -> None:
        """Make an event happen: ``automation.paused``; nothing is sent yet."""
        await self.world.automation("resume")
        await self.world.automation("pause")

    async def deliveries(self, webhook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
        """Return a webhook's deliveries, the newest first."""
        found = await self.world.rest("GET", f"/webhooks/{webhook['webhook_id']}/deliveries{query}")
        return list(found)

    async def delivery(self, webhook: dict[str, Any]) -> dict[str, Any]:
        """Return a webhook's only delivery."""
        [found] = await self.deliveries(webhook)
        return found

    async def shown(self, webhook: dict[str, Any]) -> dict[str, Any]:
        """Return a webhook as it is now."""
        return dict(await self.world.rest("GET", f"/webhooks/{webhook['webhook_id']}"))

    async def change(self, webhook: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Change a webhook."""
        return dict(await self.world.rest("PATCH", f"/webhooks/{webhook['webhook_id']}", fields))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Open a house with a paused import automation, in which nothing happens by itself."""
    sender = WebhookSender(insecure=True, timeout=aiohttp.ClientTimeout(total=2))
    async with receiver() as endpoint, open_world(tmp_path, sender=sender) as world:
        await world.set_up(Folder(tmp_path / "watched"), paused=True)
        yield House(world=world, receiver=endpoint, sender=sender)


async def _rows(world: World, table: Any) -> int:
    async with world.database.reading() as session:
        return (await session.exec(select(func.count()).select_from(table))).one()


async def test_an_event_arrives_as_the_contract_says_signed_over_its_exact_bytes(house: House) -> None:
    webhook = await house.hook("automation.paused", metadata={"team": "news"})
    await house.pause()
    assert (await house.delivery(webhook))["status"] == "pending"
    await house.world.settle()
    [post] = house.receiver.posts
    delivery = await house.delivery(webhook)
    assert post.is_signed_with(webhook["secret"])
    assert {name: post.headers[name] for name in ("Content-Type", "X-Webhook-ID", "X-Event-Type")} == {
        "Content-Type": "application/json",
        "X-Webhook-ID": webhook["webhook_id"],
        "X-Event-Type": "automation.paused",
    }
    assert post.headers["X-Delivery-ID"] == post.headers["Idempotency-Key"] == delivery["delivery_id"]
    assert post.headers["X-Delivery-Attempt-ID"] == f"{delivery['delivery_id']}_1"
    assert post.payload == delivery["payload"]
    assert set(post.payload) == {"id", "event", "data", "created_at", "api_version", "metadata"}
    assert (post.payload["event"], post.payload["api_version"]) == ("automation.paused", "2024-01")
    assert post.payload["metadata"] == {"team": "news"}
    assert post.payload["data"]["index_id"] == house.world.ids["index"]
    assert post.payload["data"]["paused"] is True
    assert (delivery["status"], delivery["attempts"], delivery["response_status_code"]) == ("delivered", 1, 204)
    shown = await house.shown(webhook)
    assert (shown["failure_count"], shown["last_failure_at"]) == (0, None)
    assert shown["last_success_at"] == delivery["completed_at"]


async def test_a_secret_is_shown_once_and_kept_sealed(house: House) -> None:
    webhook = await house.hook("automation.paused")
    assert webhook["secret"].startswith("whsec_")
    assert "secret" not in await house.shown(webhook)
    async with house.world.database.reading() as session:
        row = await session.get_one(Webhook, webhook["webhook_id"])
    assert webhook["secret"].encode() not in row.secret


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_delivery_of_files_tells_its_whole_story(
    tmp_path: Path, database: str, request: pytest.FixtureRequest
) -> None:
    url = None
    if database == "postgresql":
        server: Postgres = request.getfixturevalue("postgres_server")
        url = Settings(database_url=server.new_database()).url
    sender = WebhookSender(insecure=True)
    async with receiver() as endpoint, open_world(tmp_path, url=url, sender=sender) as world:
        house = House(world=world, receiver=endpoint, sender=sender)
        webhook = await house.hook(*await world.rest("GET", "/webhooks/events"))
        watched = Folder(tmp_path / "watched")
        await world.set_up(watched, Folder(tmp_path / "delivered"))
        write_clip(tmp_path / "clip.mp4", seconds=1, size=(160, 90), audio=False, seed=1)
        await watched.put("incoming/daily/clip.mp4", (tmp_path / "clip.mp4").read_bytes())
        await watched.put("incoming/daily/torn.mp4", b"nothing that could be decoded")
        await world.advance(1200)
        [job] = await world.jobs()
        told = {post.event: post.payload["data"] for post in endpoint.posts}
        assert sorted(endpoint.events) == sorted(
            [
                *["automation.created"] * 2,
                "automation.triggered",
                "import_job.started",
                "import_job.progress",
                "media.created",
                "import_job.partial_completed",
                "prompt_run.started",
                "media.processing.started",
                "media.processing.completed",
                "prompt_run.progress",
                "prompt_run.completed",
                "automation.triggered",
                "export.ready",
            ]
        )
        ids = {
            told[event]["job_id"] for event in ("import_job.started", "import_job.partial_completed", "media.created")
        }
        assert ids == {job["job_id"]}
        assert told["import_job.partial_completed"]["progress"]["failed"] == 1
        assert told["prompt_run.completed"]["run_id"] == told["export.ready"]["target_id"]
        assert told["media.processing.completed"]["video_id"] == told["media.created"]["video_id"]
        assert told["export.ready"]["destination_uri"].startswith("file://")
        assert all(post.is_signed_with(webhook["secret"]) for post in endpoint.posts)
        assert len({post.payload["id"] for post in endpoint.posts}) == len(endpoint.posts)
        await world.rest("DELETE", f"/webhooks/{webhook['webhook_id']}")
        assert await _rows(world, WebhookDelivery) == 0


async def test_a_held_batch_a_failed_job_and_a_storage_that_fails_are_told(house: House) -> None:
    world, watched = house.world, Folder(house.world.folder / "watched")
    await world.automation(body=world.import_body(spend_fuse={"max_files": 1}))
    events = ("batch_held", "triggered", "degraded", "recovered")
    await house.hook(*(f"automation.{event}" for event in events), "import_job.failed")
    for name in ("a", "b"):
        await watched.put(f"incoming/daily/{name}.mp4", b"nothing that could be decoded")
    await world.advance(1200)
    watched.root.rename(world.folder / "away")
    await world.advance(1200)
    (world.folder / "away").rename(watched.root)
    await world.advance(1200)
    told = {post.event: post.payload["data"] for post in house.receiver.posts}
    assert house.receiver.events == ["automation.batch_held", "automation.degraded", "automation.recovered"]
    held = told["automation.batch_held"]
    assert (held["object_count"], held["job_id"], held["kind"]) == (2, None, "import")
    assert told["automation.degraded"]["cause"]
    assert told["automation.degraded"]["degraded_since"] == told["automation.recovered"]["degraded_since"]
    index_id = world.ids["index"]
    await world.rest("POST", f"/indexes/{index_id}/automations/import/batches/{held['batch_id']}/approve")
    await world.advance(60)
    told = {post.event: post.payload["data"] for post in house.receiver.posts[3:]}
    assert told["automation.triggered"]["job_id"] == told["import_job.failed"]["job_id"]
    assert told["import_job.failed"]["error_message"] == "none of 2 files could be imported"


async def test_a_failed_attempt_is_repeated_under_the_same_key_until_it_succeeds(house: House) -> None:
    webhook = await house.hook("automation.paused")
    house.receiver.answers.extend([web.Response(status=500, text="ouch"), web.Response(status=302)])
    await house.pause()
    await house.world.settle()
    delivery = await house.delivery(webhook)
    assert (delivery["status"], delivery["response_status_code"], delivery["response_body"]) == (
        "retrying",
        500,
        "ouch",
    )
    assert delivery["error_message"] == "answered 500"
    assert delivery["next_retry_at"] is not None
    assert (await house.shown(webhook))["last_failure_at"] == delivery["last_attempt_at"]
    await house.world.advance(5)
    assert (await house.delivery(webhook))["error_message"] == "answered 302: redirects are not followed"
    await house.world.advance(60)
    delivery = await house.delivery(webhook)
    assert (delivery["status"], delivery["attempts"], delivery["next_retry_at"]) == ("delivered", 3, None)
    assert delivery["error_message"] is None
    assert len({post.headers["Idempotency-Key"] for post in house.receiver.posts}) == 1
    assert len({post.body for post in house.receiver.posts}) == 1
    assert len({post.headers["X-Delivery-Attempt-ID"] for post in house.receiver.posts}) == 3


@pytest.mark.parametrize("asked", ["3600", "Thu, 01 Jan 1970 00:00:00 GMT", "soon", "99999999999"])
async def test_an_endpoint_may_ask_for_time_within_bounds(house: House, asked: str) -> None:
    webhook = await house.hook("automation.paused")
    house.receiver.answers.append(web.Response(status=503, headers={"Retry-After": asked}))
    await house.pause()
    await house.world.settle()
    waits = {"3600": 3_600.0, "99999999999": 4 * 3_600.0}.get(asked, 5.0)
    await house.world.advance(waits - 1)
    assert (await house.delivery(webhook))["status"] == "retrying"
    await house.world.advance(2)
    assert (await house.delivery(webhook))["status"] == "delivered"


async def test_an_endpoint_that_does_not_answer_in_time_or_refuses_is_tried_again(house: House) -> None:
    never = asyncio.Event()

    async def hang() -> None:
        await never.wait()

    slow = await house.hook("automation.paused")
    house.sender._timeout = aiohttp.ClientTimeout(total=0.05)  # before it has a session
    house.receiver.meanwhile = hang
    await house.pause()
    await house.world.settle()
    assert (await house.delivery(slow))["error_message"] == "no answer in time"
    never.set()
    async with receiver() as gone:
        url = gone.url
    refused = await house.hook("automation.paused", url=url)
    await house.pause()
    await house.world.settle()
    assert "no connection to 127.0.0.1" in (await house.delivery(refused))["error_message"]
    assert (await house.delivery(refused))["status"] == "retrying"


async def test_a_delivery_is_given_up_after_a_day_and_can_be_retried_by_hand(house: House) -> None:
    webhook = await house.hook("automation.paused")
    house.receiver.answers.extend(web.Response(status=500) for _ in range(40))
    await house.pause()
    await house.world.advance(DAY)
    delivery = await house.delivery(webhook)
    assert (delivery["status"], delivery["next_retry_at"]) == ("failed", None)
    assert 10 < delivery["attempts"] < 40
    assert (await house.shown(webhook))["failure_count"] == 1
    assert await house.deliveries(webhook, "?status=delivered") == []
    house.receiver.answers.clear()
    retried = await house.world.rest("POST", f"/webhooks/deliveries/{delivery['delivery_id']}/retry")
    assert (retried["status"], retried["completed_at"]) == ("pending", None)
    await house.world.settle()
    assert (await house.world.rest("GET", f"/webhooks/deliveries/{delivery['delivery_id']}"))["status"] == "delivered"
    assert (await house.shown(webhook))["failure_count"] == 0
    error = await house.world.rest("POST", f"/webhooks/deliveries/{delivery['delivery_id']}/retry", expect=409)
    assert "nothing to retry" in error["error"]["message"]


async def test_a_clock_set_back_does_not_hold_a_retry_up(house: House) -> None:
    webhook = await house.hook("automation.paused")
    house.receiver.answers.append(web.Response(status=503, headers={"Retry-After": "14400"}))
    await house.pause()
    await house.world.settle()
    house.world.clock.advance(-DAY)
    await house.world.advance(0)
    assert (await house.delivery(webhook))["status"] == "delivered"


async def test_twenty_lost_deliveries_in_a_row_disable_a_webhook(house: House) -> None:
    webhook = await house.hook("automation.paused")
    async with house.world.database.transaction() as tx:
        (await tx.get_one(Webhook, webhook["webhook_id"])).failure_count = webhooks.DISABLING_FAILURES - 1
    house.receiver.answers.extend(web.Response(status=500) for _ in range(40))
    await house.pause()
    await house.world.advance(DAY)
    assert (await house.shown(webhook))["status"] == "disabled"
    await house.pause()
    assert len(await house.deliveries(webhook)) == 1
    changed = await house.change(webhook, status="active")
    assert (changed["status"], changed["failure_count"]) == ("active", 0)


async def test_an_endpoint_that_is_gone_disables_its_webhook_at_once(house: House) -> None:
    webhook = await house.hook("automation.paused")
    house.receiver.answers.append(web.Response(status=410))
    await house.pause()
    await house.world.settle()
    assert (await house.delivery(webhook))["status"] == "failed"
    assert (await house.shown(webhook))["status"] == "disabled"
    [failed] = await house.deliveries(webhook, "?status=failed")
    answer = await house.world.rest("POST", f"/webhooks/deliveries/{failed['delivery_id']}/retry", expect=409)
    assert "PATCH its status to active first" in answer["error"]["message"]


async def test_while_paused_nothing_is_recorded_and_what_was_recorded_waits(house: House) -> None:
    webhook = await house.hook("automation.paused")
    await house.pause()
    await house.change(webhook, status="paused")
    await house.pause()
    await house.world.advance(DAY)
    assert house.receiver.posts == []
    assert (await house.delivery(webhook))["status"] == "pending"
    await house.change(webhook, status="active")
    await house.world.settle()
    assert (await house.delivery(webhook))["status"] == "delivered"


@pytest.mark.parametrize("after_commit", [False, True])
async def test_who_dies_between_the_post_and_the_commit_sends_it_again_under_the_same_id(
    house: House, *, after_commit: bool
) -> None:
    webhook = await house.hook("automation.paused")
    await house.pause()
    database = house.world.database
    database.dies_at, database.after_commit = database.transactions + 3, after_commit  # claim, begin, end
    with pytest.raises(Died):
        await house.world.settle()
    async with open_world(house.world.folder, before=house.world, sender=house.sender) as world:
        again = replace(house, world=world)
        await world.advance(120)
        delivery = await again.delivery(webhook)
    posts = house.receiver.posts
    assert (delivery["status"], len(posts)) == ("delivered", 1 if after_commit else 2)
    assert {post.headers["Idempotency-Key"] for post in posts} == {delivery["delivery_id"]}
    assert len({post.headers["X-Delivery-Attempt-ID"] for post in posts}) == len(posts)


async def test_nobody_else_and_no_other_index_is_told(house: House) -> None:
    other = (await house.world.rest("POST", "/indexes", {"name": "Other"}))["index_id"]
    async with house.world.database.transaction() as tx:
        _, eves = await keys.create(tx, "eve", "webhooks", ["admin"])
    body = {"name": "Eve's", "url": house.receiver.url, "events": ["automation.paused"]}
    await house.world.rest("POST", "/webhooks", body, key=eves)
    await house.hook("automation.paused", index_ids=[other])
    await house.hook("automation.resumed")
    mine = await house.hook("automation.paused", index_ids=[other, house.world.ids["index"]])
    await house.world.automation("pause")
    await house.pause()
    await house.world.settle()
    told = [post.headers["X-Webhook-ID"] for post in house.receiver.posts if post.event == "automation.paused"]
    assert told == [mine["webhook_id"]]
    everything = await house.change(mine, index_ids=[])
    assert everything["index_ids"] is None


async def test_what_is_rolled_back_was_never_told(house: House) -> None:
    webhook = await house.hook("automation.updated")
    path = f"/indexes/{house.world.ids['index']}/automations/import"
    body = house.world.import_body(paused=True, file_pattern="*.mov")
    await house.world.rest("PUT", f"{path}?validate_only=true", body)
    assert await house.deliveries(webhook) == []
    await house.world.rest("PUT", path, body)
    assert (await house.delivery(webhook))["event_type"] == "automation.updated"


async def test_progress_is_told_every_ten_seconds_and_never_piles_up(house: House) -> None:
    webhook = await house.hook("import_job.progress")

    async def progress(at: int, subject: str = "job_1") -> int:
        async with house.world.database.transaction() as tx:
            await tell(tx, "ada", "idx_1", Event(word="import_job.progress", data={"at": at}, subject=subject))
        return len(await house.deliveries(webhook))

    assert await progress(1) == 1
    house.world.clock.advance(60)
    assert await progress(2) == 1, "the first one still waits"
    assert await progress(2, "job_2") == 2
    await house.world.settle()
    assert await progress(3) == 3
    await house.world.settle()
    house.world.clock.advance(9)
    assert await progress(4) == 3
    house.world.clock.advance(1)
    assert await progress(5) == 4


async def test_a_rotated_secret_signs_everything_from_then_on(house: House) -> None:
    webhook = await house.hook("automation.paused")
    house.receiver.answers.append(web.Response(status=500))
    await house.pause()
    await house.world.settle()
    rotated = await house.world.rest("POST", f"/webhooks/{webhook['webhook_id']}/rotate-secret")
    assert rotated.keys() == {"webhook_id", "new_secret"}
    await house.world.advance(60)
    old, new = house.receiver.posts
    assert old.is_signed_with(webhook["secret"])
    assert new.is_signed_with(rotated["new_secret"])
    assert not new.is_signed_with(webhook["secret"])


async def test_a_webhook_may_be_deleted_while_it_is_sent_to(house: House) -> None:
    webhook = await house.hook("automation.paused")

    async def delete() -> None:
        answer = await house.world.rest("DELETE", f"/webhooks/{webhook['webhook_id']}")
        assert webhook["webhook_id"] in answer["message"]

    house.receiver.meanwhile = delete
    await house.pause()
    await house.world.settle()
    assert len(house.receiver.posts) == 1
    assert await _rows(house.world, WebhookDelivery) == 0
    async with house.world.database.reading() as session:
        assert (await session.exec(select(Work.work_id).where(Work.kind == work.WEBHOOK))).all() == []
    await house.world.rest("GET", f"/webhooks/{webhook['webhook_id']}", expect=404)
    await house.world.rest("DELETE", f"/webhooks/{webhook['webhook_id']}", expect=404)


async def test_what_was_recorded_while_its_webhook_was_deleted_is_dropped(house: House) -> None:
    webhook = await house.hook("automation.paused")
    await house.pause()
    async with house.world.database.transaction() as tx:
        await tx.delete(await tx.get_one(Webhook, webhook["webhook_id"]))
    await house.world.settle()
    assert house.receiver.posts == []
    assert await _rows(house.world, WebhookDelivery) == 0


async def test_old_deliveries_are_pruned_and_the_newest_are_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook = await house.hook("automation.paused")
    for _ in range(5):
        await house.pause()
        await house.world.settle()
        house.world.clock.advance(DAY)
    newest = [one["delivery_id"] for one in await house.deliveries(webhook)]
    monkeypatch.setattr(webhooks, "KEPT_DELIVERIES", 3)
    monkeypatch.setattr(webhooks, "_PRUNED", 1)
    await webhooks.prune(house.world.database)
    assert [one["delivery_id"] for one in await house.deliveries(webhook)] == newest[:3]
    house.world.clock.advance(28 * DAY)
    await webhooks.prune(house.world.database)
    assert [one["delivery_id"] for one in await house.deliveries(webhook)] == newest[:1]
    async with house.world.database.reading() as session:
        left = (await session.exec(select(Work.subject).where(col(Work.kind) == work.WEBHOOK))).all()
    assert left == newest[:1]


async def test_a_test_tells_how_the_endpoint_answers_and_leaves_nothing_behind(house: House) -> None:
    webhook = await house.hook("automation.paused")
    path = f"/webhooks/{webhook['webhook_id']}/test"
    assert await house.world.rest("POST", path) == {"success": True, "status_code": 204, "error": None}
    [post] = house.receiver.posts
    assert (post.event, post.payload["data"]["name"]) == ("webhook.test", "Hook")
    assert post.is_signed_with(webhook["secret"])
    house.receiver.answers.append(web.Response(status=500))
    assert await house.world.rest("POST", path) == {"success": False, "status_code": 500, "error": "answered 500"}
    assert await house.deliveries(webhook) == []
    assert (await house.shown(webhook))["last_failure_at"] is None


async def test_an_answer_is_kept_as_text_up_to_64_kib(house: House) -> None:
    webhook = await house.hook("automation.paused")
    house.receiver.answers.append(web.Response(body=b"\0\xff" + b"x" * (1 << 20)))
    await house.pause()
    await house.world.settle()
    listed = await house.delivery(webhook)
    shown = await house.world.rest("GET", f"/webhooks/deliveries/{listed['delivery_id']}")
    assert shown["response_body"] == "\ufffd\ufffd" + "x" * ((64 << 10) - 2)
    assert listed["response_body"] == shown["response_body"][:4_096]


@pytest.mark.parametrize("failing", [True, False])
async def test_deliveries_to_one_webhook_take_turns_and_others_need_not_wait(
    house: House, monkeypatch: pytest.MonkeyPatch, *, failing: bool
) -> None:
    monkeypatch.setattr("automation_engine.jobs.webhooks._AT_A_TIME", 1)
    monkeypatch.setattr("automation_engine.jobs.webhooks._PATIENCE", 30.0 if failing else 0.01)
    webhook = await house.hook("automation.paused")
    if failing:
        house.receiver.answers.append(web.Response(status=500))
    await house.pause()
    await house.world.settle()
    released, arrived = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        arrived.set()
        await released.wait()

    house.receiver.meanwhile = wait
    for _ in range(3):
        await house.pause()
    async with house.world.database.reading() as session:
        due = [work_id for _, work_id in await work.due(session, house.world.database)]
    first = asyncio.create_task(house.world.worker.perform(due[0]))
    await arrived.wait()
    for work_id in due[1:]:
        await house.world.worker.perform(work_id)
    assert len(house.receiver.posts) == 2, "the one before, and the one that is sent now"
    released.set()
    await first
    await house.world.advance(600)
    assert {one["status"] for one in await house.deliveries(webhook)} == {"delivered"}


async def test_the_events_are_public_and_listed_by_name(house: House) -> None:
    answer = await house.world.client.get("/api/v2/webhooks/events")
    events = answer.json()
    assert answer.status_code == 200
    assert {"media.created", "import_job.partial_completed", "export.ready", "automation.batch_held"} <= set(events)
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
    assert [event for event in events if f"`{event}`" not in page] == []


async def test_webhooks_are_listed_changed_and_counted(house: House) -> None:
    first = await house.hook("automation.paused", metadata={"a": 1})
    house.world.clock.advance(1)
    second = await house.hook("export.ready")
    listed = await house.world.rest("GET", "/webhooks")
    assert [one["webhook_id"] for one in listed] == [first["webhook_id"], second["webhook_id"]]
    assert {**listed[0], "secret": first["secret"]} == first
    changed = await house.change(
        first, name="New", events=["export.failed"], metadata={}, url=f"{house.receiver.url}?a"
    )
    assert (changed["name"], changed["events"], changed["metadata"]) == ("New", ["export.failed"], None)
    assert changed["url"].endswith("?a")
    async with house.world.database.transaction() as tx:
        row = await tx.get_one(Webhook, second["webhook_id"])
        others = [{**row.model_dump(), "webhook_id": f"wh_{at}"} for at in range(webhooks.MOST - 2)]
        tx.add_all(Webhook(**other) for other in others)
    body = {"name": "One too many", "url": house.receiver.url, "events": ["export.ready"]}
    error = await house.world.rest("POST", "/webhooks", body, expect=409)
    assert "50 webhooks already" in error["error"]["message"]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("url", "http://example.com/", "https://; http needs --insecure-dev"),
        ("url", "https://ada:secret@example.com/", "without user information"),
        ("url", "https://example.com/#part", "without user information or fragment"),
        ("url", "ftp://example.com/", "must be https://"),
        ("url", "https://example.com:99999/", "port up to 65535"),
        ("url", "https://" + "a" * 2_048, "2048"),
        ("name", "", "1 character"),
        ("events", [], "1 item"),
        ("events", ["import_job.exploded"], "import_job.exploded"),
        ("events", ["export.ready", "export.ready"], "unique"),
        ("index_ids", ["idx_nobodys"], "'idx_nobodys': there is no such index"),
        ("index_ids", [7], "there is no such index"),
        ("metadata", {"a": "x" * 5_000}, "must be at most 4,096"),
    ],
)
async def test_a_wrong_field_is_named(tmp_path: Path, field: str, value: Any, told: str) -> None:
    async with open_world(tmp_path) as world:
        body = {"name": "Hook", "url": "https://example.com/", "events": ["export.ready"], field: value}
        error = (await world.rest("POST", "/webhooks", body, expect=422))["error"]
        assert field in str(error["details"])
        assert told in str(error)
        assert await _rows(world, Webhook) == 0


async def test_the_engine_alone_disables_a_webhook(house: House) -> None:
    webhook = await house.hook("automation.paused")
    error = await house.world.rest("PATCH", f"/webhooks/{webhook['webhook_id']}", {"status": "disabled"}, expect=422)
    assert "must be active or paused" in str(error)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_the_engines_own_network_is_never_reached(tmp_path: Path, host: str) -> None:
    sender = WebhookSender()
    async with AsyncExitStack() as stack:
        endpoint = await stack.enter_async_context(receiver(_tls(trustme.CA())))
        world = await stack.enter_async_context(open_world(tmp_path, sender=sender))
        house = House(world=world, receiver=endpoint, sender=sender)
        await world.set_up(Folder(tmp_path / "watched"), paused=True)
        webhook = await house.hook("automation.paused", url=endpoint.url.replace("127.0.0.1", host))
        await house.pause()
        await world.settle()
        assert "refused: its address is not public" in (await house.delivery(webhook))["error_message"]
        assert not (await world.rest("POST", f"/webhooks/{webhook['webhook_id']}/test"))["success"]
        assert endpoint.posts == []
        async with world.database.transaction() as tx:
            (await tx.get_one(Webhook, webhook["webhook_id"])).url = "http://example.com/"  # saved in a development
        tested = await world.rest("POST", f"/webhooks/{webhook['webhook_id']}/test")
        assert tested["error"] == "refused: the URL must begin with https://"


def _tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_private_authority_has_to_be_trusted(tmp_path: Path, *, trusted: bool) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    settings = Settings(insecure_dev=True, webhook_ca=tmp_path / "ca.pem")
    sender = WebhookSender(insecure=True, authorities=settings.webhook_ca if trusted else None)
    async with receiver(_tls(authority)) as endpoint, open_world(tmp_path, sender=sender) as world:
        house = House(world=world, receiver=endpoint, sender=sender)
        webhook = await house.hook("automation.paused")
        tested = await world.rest("POST", f"/webhooks/{webhook['webhook_id']}/test")
        assert tested["success"] is trusted
        assert trusted or "certificate verify failed" in tested["error"]
