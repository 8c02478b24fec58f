"""Webhooks and their deliveries: found by owner, begun, ended, kept for a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, bindparam, delete, func, literal, or_, update
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import NotFound
from automation_engine.store import outbox, work
from automation_engine.store.database import Database, Reader, Transaction
from automation_engine.store.tables import Webhook, WebhookDelivery, Work

MOST = 50
"""Webhooks of an owner."""
DISABLING_FAILURES = 20
"""A webhook is disabled when this many deliveries in a row were given up."""
KEPT_SECONDS = 30 * 86_400.0
KEPT_DELIVERIES = 10_000
"""What is kept of a webhook's deliveries; what is older goes, delivered or not."""
_PRUNED = 1_000  # rows in a transaction


async def find(session: AsyncSession, owner: str, webhook_id: str) -> Webhook:
    """Return an owner's webhook. Raises ``NotFound``."""
    statement = select(Webhook).where(Webhook.owner == owner, Webhook.webhook_id == webhook_id)
    return _found((await session.exec(statement)).one_or_none(), webhook_id)


async def locked(tx: Transaction, owner: str, webhook_id: str) -> Webhook:
    """Return an owner's webhook that nobody else can change until this transaction ends. Raises ``NotFound``."""
    statement = select(Webhook).where(Webhook.owner == owner, Webhook.webhook_id == webhook_id).with_for_update()
    return _found((await tx.exec(statement.execution_options(populate_existing=True))).one_or_none(), webhook_id)


def _found(row: Webhook | None, webhook_id: str) -> Webhook:
    if row is None:
        raise NotFound(f"there is no webhook {webhook_id}")
    return row


async def owned(session: AsyncSession, owner: str) -> Sequence[Webhook]:
    """Return an owner's webhooks, the oldest first."""
    statement = select(Webhook).where(Webhook.owner == owner)
    return (await session.exec(statement.order_by(col(Webhook.created_at), col(Webhook.webhook_id)))).all()


async def count(session: AsyncSession, owner: str) -> int:
    """Count an owner's webhooks."""
    return (await session.exec(select(func.count()).select_from(Webhook).where(Webhook.owner == owner))).one()


async def activate(tx: Transaction, webhook: Webhook) -> None:
    """Make a webhook active, with its failures forgotten. What waited meanwhile is due: the next sweep rings for it."""
    webhook.status, webhook.failure_count = "active", 0
    waiting = select_columns(_DELIVERIES.c.delivery_id).where(
        _DELIVERIES.c.webhook_id == webhook.webhook_id, _DELIVERIES.c.status.in_(outbox.OPEN)
    )
    await tx.exec(
        update(Work)
        .where(col(Work.work_id).in_(_work_of(waiting)), col(Work.state) == "done")
        .values(state="due", due_at=tx.now, failures=0)
        .execution_options(synchronize_session=False)
    )


async def remove(tx: Transaction, webhook: Webhook) -> None:
    """Delete a webhook, its deliveries and their work: whoever sends one now can't commit what became of it.

    The webhook goes last: whoever performs a delivery locks its unit of work first.
    """
    mine = select_columns(_DELIVERIES.c.delivery_id).where(_DELIVERIES.c.webhook_id == webhook.webhook_id)
    await tx.exec(delete(Work).where(col(Work.work_id).in_(_work_of(mine))))
    await tx.exec(delete(WebhookDelivery).where(col(WebhookDelivery.webhook_id) == webhook.webhook_id))
    await tx.delete(webhook)


async def deliveries(
    session: AsyncSession, webhook_id: str, *, status: str | None, limit: int
) -> Sequence[WebhookDelivery]:
    """Return a webhook's deliveries, the newest first, all or those that stand there."""
    newest = (col(WebhookDelivery.created_at).desc(), col(WebhookDelivery.delivery_id).desc())
    statement = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    if status is not None:
        statement = statement.where(WebhookDelivery.status == status)
    return (await session.exec(statement.order_by(*newest).limit(limit))).all()


async def find_delivery(session: AsyncSession, owner: str, delivery_id: str) -> WebhookDelivery:
    """Return a delivery to one of an owner's webhooks. Raises ``NotFound``."""
    statement = (
        select(WebhookDelivery)
        .join(Webhook, col(Webhook.webhook_id) == col(WebhookDelivery.webhook_id))
        .where(Webhook.owner == owner, WebhookDelivery.delivery_id == delivery_id)
    )
    row = (await session.exec(statement)).one_or_none()
    if row is None:
        raise NotFound(f"there is no webhook delivery {delivery_id}")
    return row


async def receiver_of(reader: Reader, delivery_id: str) -> tuple[str, bool]:
    """Return the webhook that a delivery goes to, and whether its last attempt failed; empty for neither."""
    for row in await reader.fetch(_RECEIVER, {"b_delivery_id": delivery_id}):
        return row.webhook_id, (row.last_failure_at or 0.0) > (row.last_success_at or 0.0)
    return "", False


async def retry(tx: Transaction, delivery: WebhookDelivery) -> None:
    """Make a delivery due at once, with as much time to succeed as a new one."""
    await work.enqueue(tx, work.WEBHOOK, delivery.delivery_id)  # first, as whoever performs it locks its unit first
    delivery.status, delivery.give_up_at = "pending", tx.now + outbox.ATTEMPTED
    delivery.next_retry_at = delivery.completed_at = None
    tx.add(delivery)


async def prune(database: Database) -> None:
    """Delete the deliveries that were kept long enough, and those beyond a webhook's newest, a piece at a time."""
    async with database.reading() as session:
        hooks = (await session.exec(select(Webhook.webhook_id))).all()
    old = _DELIVERIES.c.created_at <= database.clock.now() - KEPT_SECONDS
    await _prune(database, old)
    for webhook_id in hooks:
        mine = _DELIVERIES.c.webhook_id == webhook_id
        newest = (_DELIVERIES.c.created_at.desc(), _DELIVERIES.c.delivery_id.desc())
        last = select_columns(_DELIVERIES.c.created_at, _DELIVERIES.c.delivery_id).where(mine).order_by(*newest)
        for row in await database.fetch(last.offset(KEPT_DELIVERIES).limit(1)):
            same = (_DELIVERIES.c.created_at == row.created_at) & (_DELIVERIES.c.delivery_id <= row.delivery_id)
            await _prune(database, mine & or_(_DELIVERIES.c.created_at < row.created_at, same))


async def _prune(database: Database, which: Any) -> None:
    pruned = _PRUNED
    while pruned == _PRUNED:
        ids = select_columns(_DELIVERIES.c.delivery_id).where(which).order_by(_DELIVERIES.c.created_at).limit(_PRUNED)
        async with database.transaction() as tx:
            chosen = [row.delivery_id for row in await tx.fetch(ids)]
            await tx.change(_DROP_WORK, {"b_ids": [f"{work.WEBHOOK}:{delivery_id}" for delivery_id in chosen]})
            pruned = await tx.change(_DROP, {"b_ids": chosen})


def _work_of(ids: Any) -> Any:
    return select_columns(literal(f"{work.WEBHOOK}:") + ids.subquery().c.delivery_id)


_DELIVERIES: Table = WebhookDelivery.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_WORK: Table = Work.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_WEBHOOKS: Table = Webhook.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_RECEIVER = (
    select_columns(_WEBHOOKS.c.webhook_id, _WEBHOOKS.c.last_failure_at, _WEBHOOKS.c.last_success_at)
    .join(_DELIVERIES, _DELIVERIES.c.webhook_id == _WEBHOOKS.c.webhook_id)
    .where(_DELIVERIES.c.delivery_id == bindparam("b_delivery_id"))
)
_DROP = delete(_DELIVERIES).where(_DELIVERIES.c.delivery_id.in_(bindparam("b_ids", expanding=True)))
_DROP_WORK = delete(_WORK).where(_WORK.c.work_id.in_(bindparam("b_ids", expanding=True)))
