"""The outbox: what happened is recorded for the webhooks in the transaction in which it happened, or not at all.

One row for each webhook that wants to know, with the bytes that it will be sent, and a unit of work that sends them. An
owner without webhooks costs one look into an index for each transaction that has something to tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Table, bindparam, insert, select
from sqlmodel import col

from automation_engine.store import work
from automation_engine.store.database import Reader, Rows, Transaction
from automation_engine.store.tables import OF_SUBJECT, ImportJob, Webhook, WebhookDelivery

API_VERSION = "2024-01"
"""The version of the body's shape."""
ATTEMPTED = 24 * 3600.0
"""Seconds for which a delivery is attempted."""
PROGRESS_EVERY = 10.0
"""Seconds between two progress events of the same thing, at least."""
OPEN = ("pending", "processing", "retrying")
"""What a delivery is until it was delivered or given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened: its word, and ``data`` as JSON knows it.

    ``subject`` is set for progress: such an event is left out while an earlier one of the same subject still waits, or
    is younger than ``PROGRESS_EVERY``.
    """

    word: str
    data: Mapping[str, Any]
    subject: str | None = None


async def listeners(reader: Reader, owner: str) -> Rows:
    """Return an owner's active webhooks: ``webhook_id``, ``events``, ``index_ids``, ``extra``."""
    return await reader.fetch(_LISTENING, {"b_owner": owner})


async def listeners_of_job(reader: Reader, job_id: str) -> Rows:
    """Return the active webhooks of an import job's owner, in one look."""
    return await reader.fetch(_LISTENING_TO_JOB, {"b_job_id": job_id})


def wanted(told: Rows, word: str) -> bool:
    """Whether any of the webhooks is told of such events."""
    return any(word in webhook.events for webhook in told)


async def tell(tx: Transaction, owner: str, index_id: str | None, *events: Event) -> None:
    """Record events of an index, or of none, for those of the owner's webhooks that want them."""
    await record(tx, await listeners(tx, owner), index_id, *events)


async def record(tx: Transaction, told: Rows, index_id: str | None, *events: Event) -> None:
    """Record events for those of these webhooks that want them."""
    here = [webhook for webhook in told if webhook.index_ids is None or index_id in webhook.index_ids]
    for event in events:
        if wanted(here, event.word):
            event_id = tx.new_id("evt")
            for webhook in here:
                if event.word in webhook.events:
                    await _record(tx, webhook.webhook_id, event, body(event_id, event, tx.now, webhook.extra))


async def _record(tx: Transaction, webhook_id: str, event: Event, posted: bytes) -> None:
    if event.subject is not None and await _is_told(tx, webhook_id, event.subject):
        return
    delivery_id = tx.new_id("whd")
    row = {
        "delivery_id": delivery_id,
        "webhook_id": webhook_id,
        "event_type": event.word,
        "subject": event.subject,
        "body": posted,
        "give_up_at": tx.now + ATTEMPTED,
        "created_at": tx.now,
    }
    await tx.change(_RECORD, row)
    await work.enqueue(tx, work.WEBHOOK, delivery_id)


async def _is_told(tx: Transaction, webhook_id: str, subject: str) -> bool:
    """Whether the newest progress event of a subject is on its way, or so young that the next one can wait."""
    rows = await tx.fetch(_NEWEST, {"b_webhook_id": webhook_id, "b_subject": subject})
    return any(row.status in OPEN or 0.0 <= tx.now - row.created_at < PROGRESS_EVERY for row in rows)


def body(event_id: str, event: Event, now: float, extra: Mapping[str, Any] | None) -> bytes:
    """Return the bytes that are posted."""
    told: dict[str, Any] = {
        "id": event_id,
        "event": event.word,
        "data": event.data,
        "created_at": rfc3339(now),
        "api_version": API_VERSION,
    }
    return orjson.dumps({**told, "metadata": extra} if extra else told)


def rfc3339(instant: float) -> str:
    """Return an instant as text, to the millisecond."""
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# The statements, each built once.

_WEBHOOKS: Table = Webhook.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_DELIVERIES: Table = WebhookDelivery.__table__  # type: ignore[attr-defined]  # SQLModel adds it

_ACTIVE = (
    select(_WEBHOOKS.c.webhook_id, _WEBHOOKS.c.events, _WEBHOOKS.c.index_ids, _WEBHOOKS.c.extra)
    .where(_WEBHOOKS.c.status == "active")
    .order_by(_WEBHOOKS.c.webhook_id)
)
_LISTENING = _ACTIVE.where(_WEBHOOKS.c.owner == bindparam("b_owner"))
_LISTENING_TO_JOB = _ACTIVE.where(
    _WEBHOOKS.c.owner
    == select(col(ImportJob.owner)).where(col(ImportJob.job_id) == bindparam("b_job_id")).scalar_subquery()
)
_NEWEST = (
    select(_DELIVERIES.c.status, _DELIVERIES.c.created_at)
    .where(
        _DELIVERIES.c.webhook_id == bindparam("b_webhook_id"),
        _DELIVERIES.c.subject == bindparam("b_subject"),
        OF_SUBJECT,
    )
    .order_by(_DELIVERIES.c.delivery_id.desc())
    .limit(1)
)
_GIVEN = ("delivery_id", "webhook_id", "event_type", "subject", "body", "give_up_at", "created_at")
_RECORD = insert(_DELIVERIES).values(status="pending", attempts=0, **{name: bindparam(name) for name in _GIVEN})
