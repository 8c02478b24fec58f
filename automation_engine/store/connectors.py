"""Connectors: found by owner, and who uses them."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from sqlalchemy import delete as delete_rows
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import NotFound
from automation_engine.store import automations, exports, imports, runs
from automation_engine.store.database import Transaction
from automation_engine.store.tables import (
    HELD,
    Automation,
    Batch,
    Connector,
    Export,
    ImportJob,
    PromptRun,
    RunItem,
    Video,
)

SCOPES = ("import", "export")
"""What a connector may be used for."""


async def find(session: AsyncSession, owner: str, connector_id: str) -> Connector:
    """Return an owner's connector. Raises ``NotFound``."""
    statement = select(Connector).where(Connector.connector_id == connector_id, Connector.owner == owner)
    row = (await session.exec(statement)).one_or_none()
    if row is None:
        raise NotFound(f"there is no connector {connector_id}")
    return row


async def owned(session: AsyncSession, owner: str) -> Sequence[Connector]:
    """Return an owner's connectors, the oldest first."""
    statement = select(Connector).where(Connector.owner == owner)
    return (await session.exec(statement.order_by(col(Connector.created_at), col(Connector.connector_id)))).all()


def changed_at(connector: Connector, now: float) -> float:
    """Return the instant of a change: always later than the one before, for it is the configuration's version."""
    return max(now, math.nextafter(connector.updated_at, math.inf))


async def users(session: AsyncSession, connector: Connector, scopes: Collection[str] = SCOPES) -> list[str]:
    """Name what uses a connector in these scopes: its owner's automations, and the work that is not done yet."""
    return [
        *(await _readers(session, connector) if "import" in scopes else ()),
        *(await _writers(session, connector) if "export" in scopes else ()),
    ]


async def _readers(session: AsyncSession, connector: Connector) -> list[str]:
    jobs = select(ImportJob.job_id).where(
        ImportJob.connector_id == connector.connector_id, col(ImportJob.status).not_in(imports.TERMINAL)
    )
    reading = (
        select(PromptRun.run_id)
        .join(RunItem, col(RunItem.run_id) == col(PromptRun.run_id))
        .join(Video, col(Video.video_id) == col(RunItem.video_id))
        .where(Video.connector_id == connector.connector_id, col(PromptRun.status).not_in(runs.TERMINAL))
        .distinct()
    )
    return [
        *_named(await using(session, connector, automations.IMPORT)),
        *(await _held(session, connector)),
        *(f"import job {job_id}" for job_id in (await session.exec(jobs)).all()),
        *(f"prompt run {run_id}" for run_id in (await session.exec(reading)).all()),
    ]


async def _writers(session: AsyncSession, connector: Connector) -> list[str]:
    writing = select(Export.export_id).where(
        Export.destination_connector_id == connector.connector_id, col(Export.status).not_in(exports.TERMINAL)
    )
    return [
        *_named(await using(session, connector, automations.EXPORT)),
        *(f"export {export_id}" for export_id in (await session.exec(writing)).all()),
    ]


async def using(session: AsyncSession, connector: Connector, kind: str) -> list[Automation]:
    """Return the automations of that kind that read from a connector or write to it."""
    rows = await session.exec(
        select(Automation)
        .where(Automation.owner == connector.owner, Automation.kind == kind, col(Automation.deleted_at).is_(None))
        .order_by(col(Automation.seq))
    )
    return [row for row in rows.all() if connector_of(row) == connector.connector_id]


def _named(rows: Sequence[Automation]) -> list[str]:
    return [f"{row.kind} automation {row.automation_id} of index {row.index_id}" for row in rows]


async def _held(session: AsyncSession, connector: Connector) -> list[str]:
    """Name the batches that wait to be approved: their jobs will read from where they fired."""
    rows = await session.exec(
        select(Batch)
        .join(Automation, col(Automation.seq) == col(Batch.automation_seq))
        .where(Automation.owner == connector.owner, HELD)
        .order_by(col(Batch.fired_at))
    )
    return [f"held batch {row.batch_id}" for row in rows if (row.plan or {})["connector_id"] == connector.connector_id]


def connector_of(row: Automation) -> str:
    """Return the connector that an automation reads from or writes to."""
    if row.kind == automations.EXPORT:
        return automations.export_state(row).destination_connector_id
    return automations.import_state(row).config.watch.connector_id


async def delete(tx: Transaction, connector: Connector) -> None:
    """Delete a connector that nothing uses. What was imported through it stays."""
    await tx.exec(delete_rows(Connector).where(col(Connector.connector_id) == connector.connector_id))
