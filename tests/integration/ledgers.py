"""Import automations with a ledger, for tests of what people ask and do about single files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
from sqlmodel import select

from automation_engine.main import make_app
from automation_engine.rules.effects import StartBatch
from automation_engine.rules.engine import create_import
from automation_engine.rules.model import ImportConfig, LedgerState, Trigger, Watch
from automation_engine.store import automations, exports, imports, ledger
from automation_engine.store.fingerprints import fingerprint
from automation_engine.store.ledger import NewEntry
from automation_engine.store.tables import Automation, Batch, ImportFile, ImportJob, LedgerEntry
from tests.integration.engine import Engine

WATCH = Watch(connector_id="conn_in", source_prefix="in/", file_pattern="*.mp4")


async def add_automation(
    engine: Engine, automation_id: str = "auto_1", *, owner: str = "ada", index_id: str = "idx_news", **config: Any
) -> Automation:
    """Add an import automation of an index, which watches unless told otherwise."""
    async with engine.database.transaction() as tx:
        state = create_import(
            automation_id, ImportConfig(**{"watch": WATCH, "debounce": 300.0, **config}), tx.now
        ).state
        row = Automation(
            automation_id=automation_id,
            owner=owner,
            index_id=index_id,
            kind="import",
            config={},
            state={},
            created_at=tx.now,
            updated_at=tx.now,
        )
        automations.save_state(row, state)
        tx.add(row)
    return row


async def add_entry(
    engine: Engine,
    row: Automation,
    key: str,
    state: str = "ready",
    *,
    version: str = "v1",
    epoch: int = 1,
    **fields: Any,
) -> None:
    """Add one version of a file to an automation's ledger."""
    async with engine.database.transaction() as tx:
        entry = NewEntry(
            fingerprint=fingerprint("conn_in", key, version),
            key=key,
            version=version,
            size=10,
            last_modified=tx.now - 60,
            state=LedgerState(state),
            hold=fields.pop("hold", None),
            growing=False,
        )
        await ledger.admit(tx, automations.row_seq(row), [entry], epoch=epoch, seen_at=tx.now)
        if fields:
            saved = (await tx.exec(select(LedgerEntry).where(LedgerEntry.fingerprint == entry.fingerprint))).one()
            saved.sqlmodel_update(fields)
            tx.add(saved)


async def fire(engine: Engine, automation_id: str = "auto_1", *, limit: int = 100) -> Batch:
    """Fire a batch of what is ready, as a window's end does."""
    async with engine.database.transaction() as tx:
        row = await automations.lock(tx, automation_id)
        assert row is not None
        state = automations.import_state(row)
        state = replace(state, sequence=state.sequence + 1)
        automations.save_state(row, state)
        key = f"auto:{automation_id}:{state.generation}:{state.sequence}"
        effect = StartBatch(key=key, sequence=state.sequence, limit=limit, trigger=Trigger.QUIET)
        batch = await imports.start_batch(tx, row, state, effect)
        assert batch is not None
        tx.add(row)
    return batch


async def fail_file(engine: Engine, job_id: str, key: str, reason: str = "no media") -> None:
    """Fail a file of a job for good."""
    async with engine.database.transaction() as tx:
        file = (await tx.exec(select(ImportFile).where(ImportFile.job_id == job_id, ImportFile.key == key))).one()
        await imports.file_failed(tx, file, "media_error", reason)


async def end_job(engine: Engine, job_id: str) -> None:
    """End a job all of whose files are resolved."""
    async with engine.database.transaction() as tx:
        job = await tx.get_one(ImportJob, job_id)
        job.status, job.completed_at = imports.outcome(job), tx.now


async def add_export(engine: Engine, run_ids: list[str] | None, key: str = "exp", *, done: bool = True) -> str:
    """Export these runs, or (None) the whole index."""
    async with engine.database.transaction() as tx:
        whole = run_ids is None or len(run_ids) > 1
        export = await exports.create(
            tx,
            export_key=key,
            owner="ada",
            export_type="index" if whole else "prompt_run",
            target_id="idx_news" if run_ids is None or whole else run_ids[0],
            index_id="idx_news",
            prompt_run_ids=run_ids,
            connector=None,
            subpath=None,
        )
        if done:
            export.status, export.completed_at = "completed", tx.now
    return export.export_id


async def entries(engine: Engine) -> dict[str, LedgerEntry]:
    """Return the newest entry of each key of every ledger."""
    async with engine.database.reading() as session:
        rows = (await session.exec(select(LedgerEntry).order_by(LedgerEntry.epoch, LedgerEntry.seq))).all()  # type: ignore[arg-type]  # a column, once mapped
    return {row.key: row for row in rows}


@asynccontextmanager
async def rest(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    """Reach the engine by REST, within the process, as ``ada`` with every scope."""
    transport = httpx.ASGITransport(make_app(engine.database, engine.stores))
    headers = {"X-API-Key": await engine.key()}
    async with httpx.AsyncClient(transport=transport, base_url="http://engine", headers=headers) as client:
        yield client
