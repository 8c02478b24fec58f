"""Performing a delivery: post what was recorded until the endpoint takes it, or 24 hours have passed.

An attempt is counted before it is made and judged after it. Who dies between the post and the commit leaves the
delivery ``processing``: its lease runs out, and it is sent again under the same id. So it is at least once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from automation_engine.rules.model import BACKOFF_MAX
from automation_engine.rules.retry import backoff
from automation_engine.secrets import SecretBox
from automation_engine.store import outbox, webhooks, work
from automation_engine.store.database import Database, Transaction
from automation_engine.store.tables import Webhook, WebhookDelivery
from automation_engine.store.work import Lease
from automation_engine.webhook_sender import GONE, Answer, Post, WebhookSender

RETRY_MAX = 4 * 3600.0
"""No two attempts are further apart, whatever is drawn or asked for."""
_AT_A_TIME = 16
"""Deliveries that a process sends to one webhook at a time; one, after a failure: others must not wait behind it."""
_PATIENCE = 1.0
"""Real seconds that a delivery waits for its turn before it makes room for those to other webhooks …"""
_AWAY, _AWAY_FROM_FAILING = 60.0, 600.0
"""… and how long it is away then, at most. Nobody waits for an endpoint that fails."""


class Webhooks:
    """Performs deliveries. ``chance()`` draws the jitter of retries, in [0, 1)."""

    def __init__(self, database: Database, box: SecretBox, sender: WebhookSender, chance: Callable[[], float]) -> None:
        self._database = database
        self._box = box
        self._sender = sender
        self._chance = chance
        self._turns: WeakValueDictionary[tuple[str, bool], asyncio.Semaphore] = WeakValueDictionary()

    async def perform(self, lease: Lease) -> None:
        """Attempt a delivery once, unless it has to wait."""
        async with self._turn(lease.subject) as away:
            if away:
                async with work.fenced(self._database, lease) as tx:
                    await work.release(tx, lease, due_at=tx.now + 1.0 + self._chance() * away)
                return
            post = await self._begin(lease)
            if post is not None:
                await self._end(lease, await self._sender.send(post))

    @asynccontextmanager
    async def _turn(self, delivery_id: str) -> AsyncIterator[float]:
        """Wait for a delivery's turn among those of its webhook: 0, or how long to be away where it did not come."""
        webhook_id, failing = await webhooks.receiver_of(self._database, delivery_id)
        turns = self._turns.setdefault((webhook_id, failing), asyncio.Semaphore(1 if failing else _AT_A_TIME))
        if failing and turns.locked():
            yield _AWAY_FROM_FAILING
            return
        try:
            await asyncio.wait_for(turns.acquire(), _PATIENCE)
        except TimeoutError:
            yield _AWAY
            return
        try:
            yield 0.0
        finally:
            turns.release()

    async def give_up(self, lease: Lease, reason: str) -> None:
        """End the delivery as failed, for a reason that is ours."""
        async with work.fenced(self._database, lease) as tx:
            delivery, webhook = await _rows(tx, lease)
            if delivery is not None and webhook is not None:
                delivery.error_message = reason
                _failed(tx, delivery, webhook)
            await work.finish(tx, lease)

    async def _begin(self, lease: Lease) -> Post | None:
        """Count the attempt and return what is to be sent; None where nothing is, for now or for good."""
        async with work.fenced(self._database, lease) as tx:
            delivery, webhook = await _rows(tx, lease)
            if delivery is None or webhook is None or delivery.status not in outbox.OPEN or webhook.status != "active":
                if delivery is not None and webhook is None:
                    await tx.delete(delivery)  # it was recorded while the webhook was deleted
                await work.finish(tx, lease)  # what waits for its webhook to be active is due again then
                return None
            retry_at = delivery.next_retry_at
            if retry_at is not None and tx.now < retry_at <= tx.now + RETRY_MAX:  # else the clock was set back
                await work.release(tx, lease, due_at=_looks_in(retry_at, tx.now))
                return None
            secret = self._box.decrypt(webhook.secret)["secret"]
            delivery.attempts += 1
            delivery.status, delivery.last_attempt_at, delivery.next_retry_at = "processing", tx.now, None
            tx.add(delivery)
            return Post(
                url=webhook.url,
                secret=secret,
                webhook_id=webhook.webhook_id,
                delivery_id=delivery.delivery_id,
                attempt_id=f"{delivery.delivery_id}_{delivery.attempts}",
                event=delivery.event_type,
                body=delivery.body,
            )

    async def _end(self, lease: Lease, answer: Answer) -> None:
        async with work.fenced(self._database, lease) as tx:
            delivery, webhook = await _rows(tx, lease)
            if delivery is None or webhook is None:
                await work.finish(tx, lease)
                return
            delivery.response_status_code, delivery.response_body = answer.status, answer.text
            delivery.error_message = answer.error
            if answer.error is None:
                delivery.status, delivery.completed_at = "delivered", tx.now
                webhook.last_success_at, webhook.failure_count = tx.now, 0
            else:
                webhook.last_failure_at = tx.now
                delivery.next_retry_at = tx.now + self._delay(delivery.attempts, answer, tx.now)
                delivery.status = "retrying"
                if answer.status == GONE:
                    webhook.status, webhook.updated_at = "disabled", tx.now
                if answer.status == GONE or delivery.next_retry_at > delivery.give_up_at:
                    _failed(tx, delivery, webhook)
            tx.add_all((delivery, webhook))
            if delivery.next_retry_at is None:
                await work.finish(tx, lease)
            else:
                await work.release(tx, lease, due_at=_looks_in(delivery.next_retry_at, tx.now))

    def _delay(self, attempts: int, answer: Answer, now: float) -> float:
        """Return how long to wait: what is drawn, or what the endpoint asks for if that is longer."""
        asked = answer.retry_after or (answer.retry_at or 0.0) - now
        return min(RETRY_MAX, max(asked, backoff(attempts, self._chance(), cap=RETRY_MAX)))


def _looks_in(retry_at: float, now: float) -> float:
    """Return when a unit that waits is due: further ahead, it would count as written before a clock was set back."""
    return min(retry_at, now + BACKOFF_MAX)


async def _rows(tx: Transaction, lease: Lease) -> tuple[WebhookDelivery | None, Webhook | None]:
    delivery = await tx.get(WebhookDelivery, lease.subject)
    webhook = None if delivery is None else await tx.get(Webhook, delivery.webhook_id, with_for_update=True)
    return delivery, webhook


def _failed(tx: Transaction, delivery: WebhookDelivery, webhook: Webhook) -> None:
    """Give a delivery up; a webhook that was given up on too often is disabled."""
    delivery.status, delivery.completed_at, delivery.next_retry_at = "failed", tx.now, None
    webhook.failure_count += 1
    if webhook.failure_count >= webhooks.DISABLING_FAILURES and webhook.status == "active":
        webhook.status, webhook.updated_at = "disabled", tx.now
    tx.add_all((delivery, webhook))
