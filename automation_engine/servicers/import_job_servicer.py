"""``ImportJobService``: files of a connector on their way into an index."""

from __future__ import annotations

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from automation_engine.errors import Conflict, InvalidArgument, Violation
from automation_engine.rules.matching import compile_pattern, folder
from automation_engine.servicers import caller
from automation_engine.servicers.automation_checks import connector_for
from automation_engine.servicers.pages import cut, limit_of, read_cursor, write_cursor
from automation_engine.servicers.times import timestamp
from automation_engine.servicers.words import number, word
from automation_engine.store import automations, connectors, imports, indexes, work
from automation_engine.store.database import Database, Transaction
from automation_engine.store.tables import ImportFile, ImportJob, Video
from automation_engine.v1 import import_job_pb2
from automation_engine.v1 import import_job_service_pb2 as pb
from automation_engine.v1.connector_pb2 import ImportMode
from automation_engine.v1.import_job_service_pb2_grpc import ImportJobServiceServicer

PAGE = 100
"""Records of a page, and of each list within a job, unless the request says otherwise."""
LISTED = 200
"""Jobs in a list unless the request says otherwise."""

_STATUS = import_job_pb2.ImportJobStatus.DESCRIPTOR
_FROM_THE_START = -1


def message(
    job: ImportJob,
    *,
    outputs: import_job_pb2.ImportOutputsPage,
    failed: list[ImportFile],
    skipped: list[ImportFile],
    failed_cursor: str | None,
) -> import_job_pb2.ImportJob:
    """Return a job as its message."""
    running = job.status not in imports.TERMINAL
    return import_job_pb2.ImportJob(
        job_id=job.job_id,
        status=number(_STATUS, job.status),
        phase=job.status if running else None,
        source_kind="connector",
        connector_id=job.connector_id,
        target_index_id=job.index_id,
        source_prefix=job.source_prefix,
        file_pattern=job.file_pattern,
        recursive=job.recursive,
        created_at=timestamp(job.created_at),
        started_at=timestamp(job.started_at),
        completed_at=timestamp(job.completed_at),
        error_message=job.error_message,
        progress=_progress(job, running=running),
        outputs=outputs,
        execution=_execution(job),
        video_ids=[output.video_id for output in outputs.items],
        failed_files=[import_job_pb2.FailedFile(path=file.key, error=file.reason or "") for file in failed],
        skipped_files=[import_job_pb2.SkippedFile(path=file.key, reason=file.reason or "") for file in skipped],
        failed_files_next_cursor=failed_cursor,
        automation_id=job.automation_id,
        batch_id=job.batch_id,
    )


def _progress(job: ImportJob, *, running: bool) -> import_job_pb2.ImportJobProgress:
    return import_job_pb2.ImportJobProgress(
        total_files=job.total_files,
        imported=job.imported,
        failed=job.failed,
        skipped=job.skipped,
        bytes_transferred=job.bytes_transferred,
        current_file=job.current_file if running else None,
        parts_total=job.total_files,
        parts_completed=job.imported,
        parts_failed=job.failed,
    )


def _execution(job: ImportJob) -> import_job_pb2.ImportExecution:
    return import_job_pb2.ImportExecution(
        status=number(import_job_pb2.ImportExecutionStatus.DESCRIPTOR, job.execution_status),
        run_id=job.run_id,
        error_code=job.execution_error_code,
        error=job.execution_error,
    )


def output_message(file: ImportFile, video: Video) -> import_job_pb2.ImportOutput:
    """Return what came out of a file: each file is one part."""
    return import_job_pb2.ImportOutput(
        file_id=file.file_id,
        file_name=file.key,
        source_ordinal=file.ordinal,
        part_index=0,
        part_count=1,
        source_start_seconds=0.0,
        source_end_seconds=video.facts.get("duration") or 0.0,
        video_id=video.video_id,
        title=video.title,
        status=import_job_pb2.IMPORT_OUTPUT_STATUS_READY,
    )


def file_message(file: ImportFile) -> import_job_pb2.ImportSourceFile:
    """Return a source file as its message."""
    imported = file.status == "imported"
    status = "cancelled" if file.reason_code == "cancelled" else file.status
    failure = import_job_pb2.ImportFailure(
        code=file.reason_code or "", message=file.reason or "", attempts=file.attempts
    )
    return import_job_pb2.ImportSourceFile(
        file_id=file.file_id,
        file_name=file.key,
        source_ordinal=file.ordinal,
        status=number(import_job_pb2.ImportFileStatus.DESCRIPTOR, status),
        part_count=1 if imported else None,
        parts_completed=1 if imported else None,
        parts_failed=0 if imported else None,
        failure=failure if status == "failed" else None,
        skip_reason=file.reason if status == "skipped" else None,
    )


async def outputs_page(
    session: AsyncSession, job_id: str, *, after: int, limit: int
) -> import_job_pb2.ImportOutputsPage:
    """Return a page of a job's outputs."""
    rows = await imports.outputs(session, job_id, after=after, limit=limit + 1)
    page, cursor = cut(rows, limit, lambda row: (row[0].ordinal,))
    return import_job_pb2.ImportOutputsPage(
        items=[output_message(file, video) for file, video in page],
        next_cursor=cursor,
        total=await imports.count_outputs(session, job_id),
    )


async def full_message(session: AsyncSession, job: ImportJob) -> import_job_pb2.ImportJob:
    """Return a job with the first page of everything that it lists."""
    start = _FROM_THE_START
    failed = await imports.files(session, job.job_id, status="failed", after=start, limit=PAGE + 1)
    page, cursor = cut(failed, PAGE, lambda file: (file.ordinal,))
    return message(
        job,
        outputs=await outputs_page(session, job.job_id, after=start, limit=PAGE),
        failed=list(page),
        skipped=list(await imports.files(session, job.job_id, status="skipped", after=start, limit=PAGE)),
        failed_cursor=cursor,
    )


def line_message(job: ImportJob) -> import_job_pb2.ImportJob:
    """Return a job as a line of a list: its first pages are empty, and their cursors lead to the records."""
    cursor = write_cursor(_FROM_THE_START)
    outputs = import_job_pb2.ImportOutputsPage(next_cursor=cursor if job.imported else None, total=job.imported)
    return message(job, outputs=outputs, failed=[], skipped=[], failed_cursor=cursor if job.failed else None)


class ImportJobServicer(ImportJobServiceServicer):
    """Import jobs of the caller."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def CreateImportJob(self, request: pb.CreateImportJobRequest, _context: Any) -> pb.CreateImportJobResponse:
        """Create a job. Raises ``NotFound`` for index and connector, ``InvalidArgument`` for pattern and scope."""
        owner = caller.current().owner
        pattern = request.file_pattern if request.HasField("file_pattern") else "*"
        compile_pattern(pattern)
        mode = word(ImportMode.DESCRIPTOR, request.import_mode_override) if request.import_mode_override else None
        async with self._database.transaction() as tx:
            index = await indexes.find(tx, owner, request.index_id)
            await connectors.find(tx, owner, request.connector_id)
            connector = await connector_for(tx, owner, request.connector_id, scope="import", field="connector_id")
            job = ImportJob(
                job_id=tx.new_id("job"),
                owner=owner,
                index_id=index.index_id,
                connector_id=connector.connector_id,
                status="pending",
                source_prefix=folder(request.source_prefix),
                file_pattern=pattern,
                recursive=request.recursive if request.HasField("recursive") else True,
                import_mode=mode or connector.import_mode,
                execution_status="not_requested",
                created_at=tx.now,
            )
            tx.add(job)
            await tx.flush()
            await work.enqueue(tx, work.IMPORT_JOB, job.job_id)
        return pb.CreateImportJobResponse(job=line_message(job))

    async def ListImportJobs(self, request: pb.ListImportJobsRequest, _context: Any) -> pb.ListImportJobsResponse:
        """List jobs, the newest first, each without its records."""
        async with self._database.reading() as session:
            jobs = await imports.listed(
                session,
                caller.current().owner,
                status=word(_STATUS, request.status) if request.status else None,
                index_id=request.index_id if request.HasField("index_id") else None,
                automation_only=request.automation_only,
                limit=limit_of(request, LISTED),
            )
        return pb.ListImportJobsResponse(jobs=[line_message(job) for job in jobs])

    async def GetImportJob(self, request: pb.GetImportJobRequest, _context: Any) -> pb.GetImportJobResponse:
        """Return a job. Raises ``NotFound``."""
        async with self._database.reading() as session:
            job = await imports.find(session, caller.current().owner, request.job_id)
            return pb.GetImportJobResponse(job=await full_message(session, job))

    async def CancelImportJob(self, request: pb.CancelImportJobRequest, _context: Any) -> pb.CancelImportJobResponse:
        """Cancel a job; what it imported stays. Raises ``Conflict`` when it has ended."""
        async with self._database.transaction() as tx:
            job = await imports.locked(tx, caller.current().owner, request.job_id)
            if job.status in imports.TERMINAL:
                raise Conflict(f"import job {job.job_id} is {job.status}: only a job that runs can be cancelled")
            await work.cancel(tx, work.IMPORT_JOB, job.job_id)
            await imports.abandon(tx, job)
            job.status, job.completed_at, job.current_file = "cancelled", tx.now, None
            if job.execution_status == "pending":
                job.execution_status, job.execution_error_code = "blocked", "cancelled"
                job.execution_error = "the job was cancelled"
            await tx.flush()
            return pb.CancelImportJobResponse(job=await full_message(tx, job))

    async def RetryImportJob(self, request: pb.RetryImportJobRequest, _context: Any) -> pb.RetryImportJobResponse:
        """Try failed and cancelled files again; a job that found none yet looks again.

        Raises ``Conflict`` while it runs, and when there is nothing to try again.
        """
        async with self._database.transaction() as tx:
            found = await imports.find(tx, caller.current().owner, request.job_id)
            if found.automation_id is not None:  # first, as whoever retries single files does
                await automations.lock(tx, found.automation_id)
            job = await imports.locked(tx, caller.current().owner, request.job_id)
            if job.status not in imports.TERMINAL:
                raise Conflict(f"import job {job.job_id} is {job.status}: wait for its end, or cancel it first")
            unlisted = job.status != "completed" and not job.total_files
            if not unlisted and not await imports.retry(tx, job, only=await _chosen(tx, job, request)):
                raise Conflict(f"import job {job.job_id} has no failed or cancelled file to try again")
            await imports.restart(tx, job, status="pending" if unlisted else "importing")
            await tx.flush()
            return pb.RetryImportJobResponse(job=await full_message(tx, job))

    async def ListImportJobOutputs(
        self, request: pb.ListImportJobOutputsRequest, _context: Any
    ) -> pb.ListImportJobOutputsResponse:
        """List a job's outputs in source order."""
        async with self._database.reading() as session:
            job = await imports.find(session, caller.current().owner, request.job_id)
            page = await outputs_page(session, job.job_id, after=_after(request.cursor), limit=limit_of(request, PAGE))
        cursor = page.next_cursor if page.HasField("next_cursor") else None
        return pb.ListImportJobOutputsResponse(items=page.items, next_cursor=cursor, total=page.total)

    async def ListImportJobFiles(
        self, request: pb.ListImportJobFilesRequest, _context: Any
    ) -> pb.ListImportJobFilesResponse:
        """List a job's source files in source order."""
        limit, status = limit_of(request, PAGE), "failed" if request.failed_only else None
        async with self._database.reading() as session:
            job = await imports.find(session, caller.current().owner, request.job_id)
            rows = await imports.files(
                session, job.job_id, status=status, after=_after(request.cursor), limit=limit + 1
            )
        page, cursor = cut(rows, limit, lambda file: (file.ordinal,))
        return pb.ListImportJobFilesResponse(
            items=[file_message(file) for file in page],
            next_cursor=cursor,
            total=job.failed if request.failed_only else job.total_files,
        )


def _after(cursor: str) -> int:
    position = read_cursor(cursor, int)
    return _FROM_THE_START if position is None else position[0]


async def _chosen(tx: Transaction, job: ImportJob, request: pb.RetryImportJobRequest) -> list[str] | None:
    """Return the keys of the files that a retry names; None for all."""
    if not request.files:
        return None
    by_id = await imports.retryable(tx, job)
    keys = set(by_id.values())
    named = [by_id.get(file.file_id) if file.file_id else file.path for file in request.files]
    violations = [
        Violation(field=f"files[{at}]", message="must be a failed or cancelled file of this job")
        for at, key in enumerate(named)
        if key not in keys
    ]
    if violations:
        raise InvalidArgument(violations)
    return [key for key in named if key is not None]
