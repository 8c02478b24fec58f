"""Import jobs through a real gRPC server, over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlmodel import select

from automation_engine.servicers.import_job_servicer import ImportJobServicer
from automation_engine.store import imports, work
from automation_engine.store.tables import ImportFile, ImportJob
from automation_engine.v1 import connector_pb2, import_job_pb2
from automation_engine.v1 import import_job_service_pb2 as pb
from automation_engine.v1.import_job_service_pb2_grpc import (
    ImportJobServiceStub,
    add_ImportJobServiceServicer_to_server,
)
from tests.integration.engine import Api, Engine, serve
from tests.integration.failures import refusal
from tests.integration.scenery import add_connector, add_index, add_job, import_file, work_of


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[Api]:
    servicer = ImportJobServicer(database=engine.database)
    async with serve(engine, {"ImportJobService": (add_ImportJobServiceServicer_to_server, servicer)}) as api:
        await add_index(engine)
        await add_connector(engine, "conn_in", import_mode="new_only", scopes=["import"])
        yield api


@pytest.fixture
async def stub(api: Api) -> Any:
    return await api.stub(ImportJobServiceStub)


async def _create(stub: Any, **fields: Any) -> Any:
    request = pb.CreateImportJobRequest(**{"connector_id": "conn_in", "index_id": "idx_news", **fields})
    return (await stub.CreateImportJob(request)).job


async def _get(stub: Any, job_id: str) -> Any:
    return (await stub.GetImportJob(pb.GetImportJobRequest(job_id=job_id))).job


async def _fail(engine: Engine, job_id: str, key: str, reason: str) -> None:
    async with engine.database.transaction() as tx:
        file = (await tx.exec(select(ImportFile).where(ImportFile.job_id == job_id, ImportFile.key == key))).one()
        await imports.file_failed(tx, file, "media_error", reason)


async def _end(engine: Engine, job_id: str) -> None:
    async with engine.database.transaction() as tx:
        job = await tx.get_one(ImportJob, job_id)
        job.status, job.completed_at = imports.outcome(job), tx.now


async def test_a_job_made_by_hand_waits_for_a_worker(engine: Engine, stub: Any) -> None:
    job = await _create(stub, source_prefix="incoming", file_pattern="*.{mp4,mov}")
    assert job.status == import_job_pb2.IMPORT_JOB_STATUS_PENDING
    assert job.execution.status == import_job_pb2.IMPORT_EXECUTION_STATUS_NOT_REQUESTED
    assert (job.source_kind, job.source_prefix, job.recursive, job.target_index_id) == (
        "connector",
        "incoming/",
        True,
        "idx_news",
    )
    assert (await work_of(engine, work.IMPORT_JOB, job.job_id)).state == "due"
    assert await _get(stub, job.job_id) == job
    async with engine.database.reading() as session:
        assert (await session.get_one(ImportJob, job.job_id)).import_mode == "new_only"


async def test_the_import_mode_may_be_overridden(engine: Engine, stub: Any) -> None:
    job = await _create(stub, import_mode_override=connector_pb2.IMPORT_MODE_ALL)
    async with engine.database.reading() as session:
        assert (await session.get_one(ImportJob, job.job_id)).import_mode == "all"


async def test_what_a_job_cannot_be_made_of_is_refused(engine: Engine, api: Api, stub: Any) -> None:
    await add_connector(engine, "conn_out", scopes=["export"])
    assert "scope import" in (await refusal(_create(stub, connector_id="conn_out"))).fields["connector_id"]
    assert (await refusal(_create(stub, connector_id="conn_no"))).status == "NOT_FOUND"
    assert "never closed" in (await refusal(_create(stub, file_pattern="{a"))).fields["file_pattern"]
    assert (await refusal(_create(stub, index_id="idx_no"))).status == "NOT_FOUND"
    stranger = await api.stub(ImportJobServiceStub, owner="eve")
    assert (await refusal(_create(stranger))).status == "NOT_FOUND"


async def test_jobs_are_listed_newest_first_by_status_index_and_origin(engine: Engine, stub: Any) -> None:
    await add_job(engine, "job_a", ["a.mp4"], automation_id="auto_1", batch_id="auto:auto_1:1:1")
    engine.clock.advance(1)
    await add_job(engine, "job_b", ["a.mp4", "b.mp4"])
    await import_file(engine, "job_b", "a.mp4")
    await _fail(engine, "job_b", "b.mp4", "not media")
    await _end(engine, "job_b")

    async def listed(**filters: Any) -> list[str]:
        jobs = (await stub.ListImportJobs(pb.ListImportJobsRequest(**filters))).jobs
        return [job.job_id for job in jobs]

    assert await listed() == ["job_b", "job_a"]
    assert await listed(limit=1) == ["job_b"]
    assert await listed(automation_only=True) == ["job_a"]
    assert await listed(status=import_job_pb2.IMPORT_JOB_STATUS_COMPLETED) == ["job_b"]
    assert await listed(index_id="idx_other") == []
    line = (await stub.ListImportJobs(pb.ListImportJobsRequest(limit=1))).jobs[0]
    request = pb.ListImportJobOutputsRequest(job_id="job_b", cursor=line.outputs.next_cursor)
    assert [item.video_id for item in (await stub.ListImportJobOutputs(request)).items] == ["vid_a_mp4"]


async def test_a_job_tells_its_outputs_and_its_failures(engine: Engine, stub: Any) -> None:
    await add_job(engine, "job_a", ["a.mp4", "b.txt", "c.mp4"])
    await import_file(engine, "job_a", "a.mp4")
    await _fail(engine, "job_a", "b.txt", "not media")
    job = await _get(stub, "job_a")
    assert (job.progress.total_files, job.progress.imported, job.progress.failed) == (3, 1, 1)
    assert job.progress.bytes_transferred == 10
    assert list(job.video_ids) == ["vid_a_mp4"]
    assert [(file.path, file.error) for file in job.failed_files] == [("b.txt", "not media")]
    assert not job.HasField("failed_files_next_cursor")
    output = job.outputs.items[0]
    assert (output.title, output.source_end_seconds, output.status) == (
        "a.mp4",
        60.0,
        import_job_pb2.IMPORT_OUTPUT_STATUS_READY,
    )


async def test_files_come_in_pages_of_the_source_order(engine: Engine, stub: Any) -> None:
    await add_job(engine, "job_a", [f"{at}.mp4" for at in range(5)])
    await _fail(engine, "job_a", "3.mp4", "not media")
    first = await stub.ListImportJobFiles(pb.ListImportJobFilesRequest(job_id="job_a", limit=3))
    assert ([file.file_name for file in first.items], first.total) == (["0.mp4", "1.mp4", "2.mp4"], 5)
    rest = await stub.ListImportJobFiles(
        pb.ListImportJobFilesRequest(job_id="job_a", limit=3, cursor=first.next_cursor)
    )
    assert [file.file_name for file in rest.items] == ["3.mp4", "4.mp4"]
    assert not rest.HasField("next_cursor")
    failed = await stub.ListImportJobFiles(pb.ListImportJobFilesRequest(job_id="job_a", failed_only=True))
    assert [(file.file_name, file.failure.code, failed.total) for file in failed.items] == [("3.mp4", "media_error", 1)]
    broken = stub.ListImportJobFiles(pb.ListImportJobFilesRequest(job_id="job_a", cursor="nonsense"))
    assert "cursor" in (await refusal(broken)).fields


async def test_a_cancelled_job_keeps_what_it_imported_and_its_work_is_void(engine: Engine, stub: Any) -> None:
    await add_job(engine, "job_a", ["a.mp4", "b.mp4"], execution_status="pending", preset={})
    await import_file(engine, "job_a", "a.mp4")
    cancel = pb.CancelImportJobRequest(job_id="job_a")
    job = (await stub.CancelImportJob(cancel)).job
    assert job.status == import_job_pb2.IMPORT_JOB_STATUS_CANCELLED
    assert (job.progress.imported, job.progress.skipped) == (1, 1)
    assert job.execution.status == import_job_pb2.IMPORT_EXECUTION_STATUS_BLOCKED
    assert (await work_of(engine, work.IMPORT_JOB, "job_a")).state == "cancelled"
    files = await stub.ListImportJobFiles(pb.ListImportJobFilesRequest(job_id="job_a"))
    assert files.items[1].status == import_job_pb2.IMPORT_FILE_STATUS_CANCELLED
    assert (await refusal(stub.CancelImportJob(cancel))).status == "FAILED_PRECONDITION"


async def test_failed_and_cancelled_files_are_tried_again(engine: Engine, stub: Any) -> None:
    await add_job(engine, "job_a", ["a.mp4", "b.mp4", "c.mp4"])
    retry = pb.RetryImportJobRequest(job_id="job_a")
    assert (await refusal(stub.RetryImportJob(retry))).status == "FAILED_PRECONDITION"
    await import_file(engine, "job_a", "a.mp4")
    await _fail(engine, "job_a", "b.mp4", "not media")
    await stub.CancelImportJob(pb.CancelImportJobRequest(job_id="job_a"))
    job = (await stub.RetryImportJob(retry)).job
    assert job.status == import_job_pb2.IMPORT_JOB_STATUS_IMPORTING
    assert (job.progress.imported, job.progress.failed, job.progress.skipped) == (1, 0, 0)
    assert not job.HasField("completed_at")
    assert (await work_of(engine, work.IMPORT_JOB, "job_a")).state == "due"


async def test_a_retry_may_name_files_and_refuses_others(engine: Engine, stub: Any) -> None:
    await add_job(engine, "job_a", ["a.mp4", "b.mp4", "c.mp4"])
    await import_file(engine, "job_a", "a.mp4")
    await _fail(engine, "job_a", "b.mp4", "not media")
    await _fail(engine, "job_a", "c.mp4", "not media")
    await _end(engine, "job_a")
    request = pb.RetryImportJobRequest(job_id="job_a", files=[pb.ImportFileReference(path="a.mp4")])
    assert "files[0]" in (await refusal(stub.RetryImportJob(request))).fields
    request = pb.RetryImportJobRequest(job_id="job_a", files=[pb.ImportFileReference(file_id="file_a_2")])
    assert (await stub.RetryImportJob(request)).job.progress.failed == 1


async def test_there_is_nothing_to_retry_in_a_job_without_failures(engine: Engine, stub: Any) -> None:
    await add_job(engine, "job_a", ["a.mp4"])
    await import_file(engine, "job_a", "a.mp4")
    await _end(engine, "job_a")
    refused = await refusal(stub.RetryImportJob(pb.RetryImportJobRequest(job_id="job_a")))
    assert (refused.status, refused.reason) == ("FAILED_PRECONDITION", "CONFLICT")


async def test_a_job_that_could_not_list_its_source_lists_again(engine: Engine, stub: Any) -> None:
    await add_job(engine, "job_a", [], status="failed", error_message="the storage is gone")
    job = (await stub.RetryImportJob(pb.RetryImportJobRequest(job_id="job_a"))).job
    assert job.status == import_job_pb2.IMPORT_JOB_STATUS_PENDING
    assert not job.HasField("error_message")


async def test_another_owners_job_is_not_found(engine: Engine, api: Api) -> None:
    await add_job(engine, "job_a", ["a.mp4"])
    stranger = await api.stub(ImportJobServiceStub, owner="eve")
    assert (await refusal(_get(stranger, "job_a"))).status == "NOT_FOUND"
    assert (await refusal(stranger.CancelImportJob(pb.CancelImportJobRequest(job_id="job_a")))).status == "NOT_FOUND"
    assert not (await stranger.ListImportJobs(pb.ListImportJobsRequest())).jobs
