"""Performing an import job: probe each file in the version that was claimed, then submit the batch's prompt run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import aclosing
from dataclasses import asdict

from sqlalchemy import delete
from sqlmodel import col

from automation_engine.analyzers.probe import probe
from automation_engine.analyzers.protocol import MediaFacts
from automation_engine.connectors.pool import Stores
from automation_engine.connectors.protocol import ObjectInfo, ObjectStore
from automation_engine.errors import MediaError, ObjectNotFound, StorageAway, StorageError, Unforeseen, VersionMismatch
from automation_engine.jobs.sources import judged, open_connector, pinned
from automation_engine.jobs.suspects import BEGUN, DEADLY, Turns
from automation_engine.jobs.worker import all_of
from automation_engine.rules.debounce import Skip
from automation_engine.rules.matching import compile_pattern, folder, is_temporary
from automation_engine.rules.model import ImportMode, LedgerState
from automation_engine.rules.retry import MAX_ATTEMPTS, backoff
from automation_engine.store import announcements, automations, imports, runs, work
from automation_engine.store.database import Database, Transaction
from automation_engine.store.tables import ImportFile, ImportJob, Video
from automation_engine.store.work import Lease

_AT_A_TIME = 4
"""Files probed concurrently by one job."""


class ImportJobs:
    """Performs import jobs. ``chance()`` draws the jitter of retries, in [0, 1)."""

    def __init__(self, database: Database, stores: Stores, chance: Callable[[], float], turns: Turns) -> None:
        self._database = database
        self._stores = stores
        self._chance = chance
        self._turns = turns

    async def perform(self, lease: Lease) -> None:
        """Import what is left to import; come back for what has to wait; end the job when nothing is left."""
        job = await self._begin(lease)
        if job is None:
            return
        store = await open_connector(
            self._database, self._stores, job.connector_id, scope="import", patient=_patient(job)
        )
        if job.status == "scanning":
            await self._find(lease, job, store)
        suspects = _AT_A_TIME if lease.silences else 0  # one of those that come first may have ended the process
        while True:
            now = self._database.clock.now()
            async with self._database.reading() as session:
                files = await imports.next_files(session, job.job_id, now, limit=1 if suspects else _AT_A_TIME)
                later = await imports.next_attempt_at(session, job.job_id)
            if files:
                await all_of(self._import(lease, job, store, file, suspect=suspects > 0) for file in files)
                suspects -= suspects > 0 and not files[0].attempts
            elif later is not None:
                async with work.fenced(self._database, lease) as tx:
                    await work.release(tx, lease, due_at=later)
                return
            else:
                await self._end(lease, job.job_id)
                return

    async def give_up(self, lease: Lease, reason: str) -> None:
        """End the job as failed: what it imported stays, what it did not is failed with the reason."""
        async with work.fenced(self._database, lease) as tx:
            job = await tx.get(ImportJob, lease.subject, with_for_update=True)
            if job is not None and job.status not in imports.TERMINAL:
                await imports.fail_pending(tx, job, reason)
                job.status, job.error_message, job.completed_at = "failed", reason, tx.now
                if job.execution_status == "pending":
                    job.execution_status, job.execution_error_code, job.execution_error = (
                        "blocked",
                        "job_failed",
                        reason,
                    )
                tx.add(job)
                await announcements.import_job(tx, job, "failed")
            await work.finish(tx, lease)

    async def _begin(self, lease: Lease) -> ImportJob | None:
        async with work.fenced(self._database, lease) as tx:
            job = await tx.get(ImportJob, lease.subject, with_for_update=True)
            if job is None or job.status in imports.TERMINAL:
                await work.finish(tx, lease)
                return None
            if job.status == "pending":
                job.status = "importing" if job.batch_id is not None else "scanning"
                job.started_at = tx.now
                tx.add(job)
                await announcements.import_job(tx, job, "started")
            return job

    async def _find(self, lease: Lease, job: ImportJob, store: ObjectStore) -> None:
        """List what a job started by hand shall import. The result is written whole, or the listing is repeated."""
        found = [info async for info in self._matching(job, store)]
        found.sort(key=lambda info: info.key)
        below = len(folder(job.source_prefix))
        known = set[str]()
        if ImportMode(job.import_mode) is ImportMode.NEW_ONLY:
            async with self._database.reading() as session:
                known = await imports.known_keys(session, job, [info.key for info in found])
        rows = [
            {
                "ordinal": at,
                "key": info.key,
                "version": info.version,
                "size": info.size,
                "last_modified": info.last_modified,
                **_left_out(info, info.key[below:], known),
            }
            for at, info in enumerate(found)
        ]
        async with work.fenced(self._database, lease) as tx:
            await tx.exec(delete(ImportFile).where(col(ImportFile.job_id) == job.job_id))
            await imports.add_files(tx, job.job_id, rows)
            job.status, job.total_files = "importing", len(rows)
            job.skipped = sum(row["status"] == "skipped" for row in rows)
            tx.add(await tx.merge(job))

    @staticmethod
    async def _matching(job: ImportJob, store: ObjectStore) -> AsyncIterator[ObjectInfo]:
        prefix, pattern = folder(job.source_prefix), compile_pattern(job.file_pattern)
        async with aclosing(store.list_pages(prefix, recursive=job.recursive)) as pages:
            async for page in pages:
                for info in page:
                    if pattern.matches(info.key[len(prefix) :]):
                        yield info

    async def _import(
        self, lease: Lease, job: ImportJob, store: ObjectStore, file: ImportFile, *, suspect: bool
    ) -> None:
        """Import one file. Whatever happens to it happens to it alone, also what nobody foresaw.

        An attempt of which a process may die is written down before it is made.
        """
        suspect = suspect or file.reason == BEGUN
        async with self._turns.one(suspect=suspect):
            if (suspect or file.attempts) and not await self._dared(lease, file):
                return
            await self._try(lease, job, store, file)

    async def _try(self, lease: Lease, job: ImportJob, store: ObjectStore, file: ImportFile) -> None:
        try:
            source = pinned(store, file.key, file.version, file.size)
            facts = await judged(probe(source), store, patient=_patient(job))
        except (VersionMismatch, ObjectNotFound) as error:
            await self._changed(lease, job, file, error)
        except MediaError as error:
            async with work.fenced(self._database, lease) as tx:
                await imports.file_failed(tx, file, error.code, error.message)
        except (StorageError, Unforeseen) as error:
            await self._unreadable(lease, file, error)
        except StorageAway as error:
            async with work.fenced(self._database, lease) as tx:
                await imports.file_waits(tx, file, error.message)
            raise
        else:
            async with work.fenced(self._database, lease) as tx:
                await imports.file_imported(tx, file, _video(tx, job, store, file, facts))

    async def _changed(self, lease: Lease, job: ImportJob, file: ImportFile, error: StorageError) -> None:
        """Send a file that was overwritten or removed since its claim back to settle."""
        reason = "vanished" if isinstance(error, ObjectNotFound) else "superseded"
        async with work.fenced(self._database, lease) as tx:
            await imports.file_skipped(tx, file, reason, error.message, LedgerState.GONE)
            await automations.rescan(tx, job.automation_id)

    async def _dared(self, lease: Lease, file: ImportFile) -> bool:
        """Write down that an attempt begins; False once enough of them ended with their process."""
        async with work.fenced(self._database, lease) as tx:
            if file.attempts >= MAX_ATTEMPTS:
                await imports.file_failed(tx, file, "process_ended", DEADLY)
                return False
            until = tx.now + backoff(file.attempts + 1, self._chance())
            await imports.file_postponed(tx, file, BEGUN, until=until)
            return True

    async def _unreadable(self, lease: Lease, file: ImportFile, error: StorageError | Unforeseen) -> None:
        attempts = file.attempts + 1
        async with work.fenced(self._database, lease) as tx:
            if attempts >= MAX_ATTEMPTS:
                await imports.file_failed(tx, file, error.code, error.message)
            else:
                until = tx.now + backoff(attempts, self._chance())
                await imports.file_postponed(tx, file, error.message, until=until)

    async def _end(self, lease: Lease, job_id: str) -> None:
        """End the job and submit its prompt run, in one transaction."""
        async with work.fenced(self._database, lease) as tx:
            job = await tx.get(ImportJob, job_id, with_for_update=True)
            if job is not None and job.status not in imports.TERMINAL:
                job.status, job.completed_at, job.current_file = imports.outcome(job), tx.now, None
                if job.status == "failed":
                    job.error_message = f"none of {job.total_files} files could be imported"
                await self._execute(tx, job)
                tx.add(job)
                await announcements.import_job(tx, job, job.status)
            await work.finish(tx, lease)

    @staticmethod
    async def _execute(tx: Transaction, job: ImportJob) -> None:
        """Submit the run over what was imported; after a retry, over what was imported since."""
        if job.preset is None:
            return
        videos = await imports.unanalysed(tx, job.job_id)
        if not videos:
            if job.execution_status == "pending":
                job.execution_status = "blocked"
                job.execution_error_code = "no_media"
                job.execution_error = "the job imported no media to run the prompt on"
            return
        run = await runs.submit(
            tx,
            run_key=imports.run_key(job.job_id, job.imported),
            owner=job.owner,
            index_id=job.index_id,
            preset=job.preset,
            context={"type": "videos", "import_job_id": job.job_id, "automation_id": job.automation_id},
            executed_by=job.owner if job.automation_id is None else f"automation:{job.automation_id}",
            videos=videos,
        )
        job.execution_status, job.run_id = "submitted", run.run_id
        job.execution_error_code = job.execution_error = None
        await automations.note_run(tx, job.automation_id, run.run_id)


def _patient(job: ImportJob) -> bool:
    return job.automation_id is not None


def _left_out(info: ObjectInfo, path: str, known: Collection[str]) -> dict[str, str | None]:
    """Return where a matching object begins in its job: to be imported, or left out by a rule, which is told."""
    if info.key in known:
        code, reason = Skip.NEW_ONLY.value, "a version of it is in the index already, and import_mode is new_only"
    elif not info.size:
        code, reason = "empty", "it is empty"
    elif is_temporary(path):
        code, reason = "temporary", "its name is that of a hidden or unfinished file"
    else:
        return {"status": "pending", "reason_code": None, "reason": None}
    return {"status": "skipped", "reason_code": code, "reason": reason}


def _video(tx: Transaction, job: ImportJob, store: ObjectStore, file: ImportFile, facts: MediaFacts) -> Video:
    """Return the record of an imported file: its source, the version, and what probing told."""
    return Video(
        video_id=tx.new_id("vid"),
        owner=job.owner,
        index_id=job.index_id,
        file_id=file.file_id,
        job_id=job.job_id,
        connector_id=job.connector_id,
        source_key=file.key,
        source_version=file.version,
        source_uri=store.uri(file.key),
        size=file.size,
        title=file.key.rpartition("/")[2],
        status="ready",
        media_type=facts.media_type,
        facts=asdict(facts),
        created_at=tx.now,
        updated_at=tx.now,
    )
