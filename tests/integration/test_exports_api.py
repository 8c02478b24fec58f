"""Exports through a real gRPC server, over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from automation_engine.servicers.export_servicer import ExportServicer
from automation_engine.store import exports, work
from automation_engine.store.tables import Export
from automation_engine.v1 import export_pb2
from automation_engine.v1 import export_service_pb2 as pb
from automation_engine.v1.export_service_pb2_grpc import ExportServiceStub, add_ExportServiceServicer_to_server
from tests.integration.engine import Api, Engine, serve
from tests.integration.failures import refusal
from tests.integration.scenery import add_connector, add_index, add_prompt, add_run, add_videos


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[Api]:
    servicer = ExportServicer(database=engine.database, box=engine.stores.box)
    async with serve(engine, {"ExportService": (add_ExportServiceServicer_to_server, servicer)}) as api:
        await add_index(engine)
        await add_connector(engine, "conn_out", scopes=["export"], export_base_path="results")
        await add_prompt(engine)
        yield api


@pytest.fixture
async def stub(api: Api) -> Any:
    return await api.stub(ExportServiceStub)


async def _export_index(stub: Any, **fields: Any) -> Any:
    return await stub.CreateIndexExport(pb.CreateIndexExportRequest(**{"index_id": "idx_news", **fields}))


async def _get(stub: Any, export_id: str) -> Any:
    return (await stub.GetExport(pb.GetExportRequest(export_id=export_id))).export


async def _complete(engine: Engine, export_id: str) -> None:
    lease = await work.claim(engine.database, f"export:{export_id}")
    assert lease is not None
    async with work.fenced(engine.database, lease) as tx:
        export = await tx.get_one(Export, export_id)
        export.status, export.artifact_uri, export.file_size = "completed", "file:///out/a.json", 12
        export.completed_at = tx.now
        await work.finish(tx, lease)


def _check(export: export_pb2.Export, target: str) -> None:
    """Check what published clients hold every export to, whatever it is doing."""
    params = {field.name: getattr(export.export_params, field.name) for field in export.export_params.DESCRIPTOR.fields}
    assert list(params) == [
        "prompt_run_ids",
        "destination_connector_id",
        "destination_base_path",
        "destination_subpath",
    ]
    assert [params[name] for name in list(params)[1:]] == [getattr(export, name) for name in list(params)[1:]]
    assert (export.target_id, export.max_attempts >= max(1, export.attempts)) == (target, True)
    done = export.status == export_pb2.EXPORT_STATUS_COMPLETED
    assert done == (export.queue_status == export_pb2.EXPORT_QUEUE_STATUS_SUCCEEDED)
    assert (export.status == export_pb2.EXPORT_STATUS_FAILED) == export.HasField("error_message")
    if export.destination_type == export_pb2.EXPORT_DESTINATION_TYPE_CONNECTOR:
        assert export.destination_connector_id
        assert not export.HasField("download_url")
        assert (export.HasField("destination_uri"), export.destination_uri) == (done, export.gcs_uri)
        return
    assert export.destination_type == export_pb2.EXPORT_DESTINATION_TYPE_DOWNLOAD
    assert not any(export.HasField(name) for name in ("destination_connector_id", "destination_uri"))
    offered = export.HasField("download_url")
    assert offered == export.HasField("gcs_uri")
    if offered:
        assert (done, export.download_url) == (True, f"/api/v2/exports/{export.export_id}/download")


@pytest.mark.parametrize("destination", [{}, {"destination_connector_id": "conn_out", "destination_subpath": "team"}])
@pytest.mark.parametrize("end", ["completed", "failed", "expired"])
async def test_what_clients_hold_an_export_to_holds_in_every_state(
    engine: Engine, stub: Any, destination: dict[str, str], end: str
) -> None:
    export_id = (await _export_index(stub, **destination)).export_id

    async def look() -> export_pb2.Export:
        export: export_pb2.Export = await _get(stub, export_id)
        _check(export, "idx_news")
        return export

    await look()
    for error in ("the disk is full", None):
        lease = await work.claim(engine.database, f"export:{export_id}")
        assert lease is not None
        await look()
        async with work.fenced(engine.database, lease) as tx:
            (await tx.get_one(Export, export_id)).status = "processing"
        await look()
        if error is not None:
            async with engine.database.transaction() as tx:
                await work.release(tx, lease, due_at=tx.now, failures=lease.failures + 1)
            await look()
    async with work.fenced(engine.database, lease) as tx:
        saved = await tx.get_one(Export, export_id)
        saved.status, saved.completed_at = "failed" if end == "failed" else "completed", tx.now
        if end == "failed":
            saved.error_message = "the disk is full"
        else:
            saved.artifact_uri, saved.file_size = "export://exp/a.json", 12
        await work.finish(tx, lease)
    assert (await look()).HasField("download_url") == (end != "failed" and not destination)
    if end == "expired":
        engine.clock.advance(exports.KEPT)
        assert not (await look()).HasField("download_url")


async def test_a_download_has_no_destination_and_its_url_appears_when_it_succeeded(engine: Engine, stub: Any) -> None:
    created = await _export_index(stub)
    assert created.status == export_pb2.EXPORT_STATUS_PROCESSING
    export = await _get(stub, created.export_id)
    assert export.queue_status == export_pb2.EXPORT_QUEUE_STATUS_QUEUED
    assert (export.attempts, export.max_attempts, export.HasField("available_at")) == (0, 5, True)
    assert not export.HasField("download_url")
    await _complete(engine, created.export_id)
    export = await _get(stub, created.export_id)
    assert export.download_url == f"/api/v2/exports/{created.export_id}/download"
    assert (export.gcs_uri, export.attempts, export.queue_status) == (
        "file:///out/a.json",
        1,
        export_pb2.EXPORT_QUEUE_STATUS_SUCCEEDED,
    )
    assert export.destination_type == export_pb2.EXPORT_DESTINATION_TYPE_DOWNLOAD
    assert not export.HasField("destination_uri")
    assert not export.HasField("destination_connector_id")


async def test_an_export_to_a_connector_has_its_uri_and_no_download(engine: Engine, stub: Any) -> None:
    created = await _export_index(stub, destination_connector_id="conn_out", destination_subpath="team")
    await _complete(engine, created.export_id)
    export = await _get(stub, created.export_id)
    assert export.destination_type == export_pb2.EXPORT_DESTINATION_TYPE_CONNECTOR
    assert export.destination_uri == export.gcs_uri == "file:///out/a.json"
    assert not export.HasField("download_url")
    for name in ("destination_connector_id", "destination_base_path", "destination_subpath"):
        assert getattr(export.export_params, name) == getattr(export, name) != ""


async def test_the_queue_tells_where_the_work_stands(engine: Engine, stub: Any) -> None:
    created = await _export_index(stub)
    lease = await work.claim(engine.database, f"export:{created.export_id}")
    assert lease is not None
    assert (await _get(stub, created.export_id)).queue_status == export_pb2.EXPORT_QUEUE_STATUS_LEASED
    async with work.fenced(engine.database, lease) as tx:
        (await tx.get_one(Export, created.export_id)).status = "processing"
    assert (await _get(stub, created.export_id)).queue_status == export_pb2.EXPORT_QUEUE_STATUS_RUNNING
    async with engine.database.transaction() as tx:
        await work.release(tx, lease, due_at=tx.now, failures=lease.failures + 1)
    assert (await _get(stub, created.export_id)).queue_status == export_pb2.EXPORT_QUEUE_STATUS_FAILED
    lease = await work.claim(engine.database, f"export:{created.export_id}")
    assert lease is not None
    async with work.fenced(engine.database, lease) as tx:
        (await tx.get_one(Export, created.export_id)).status = "failed"
        await work.finish(tx, lease)
    export = await _get(stub, created.export_id)
    assert (export.queue_status, export.attempts) == (export_pb2.EXPORT_QUEUE_STATUS_DEAD_LETTER, 2)


async def test_chosen_runs_must_be_finished_runs_of_the_index(engine: Engine, stub: Any) -> None:
    video_ids = await add_videos(engine, "a.mp4")
    finished, running = await add_run(engine, video_ids), await add_run(engine, video_ids, ended=False)
    created = await _export_index(stub, prompt_run_ids=[finished])
    assert list((await _get(stub, created.export_id)).export_params.prompt_run_ids) == [finished]
    refused = await refusal(_export_index(stub, prompt_run_ids=[finished, running]))
    assert list(refused.fields) == ["prompt_run_ids[1]"]
    await add_index(engine, "idx_other")
    assert (await refusal(_export_index(stub, index_id="idx_other", prompt_run_ids=[finished]))).fields


async def test_a_run_is_exported_once_it_has_ended(engine: Engine, stub: Any) -> None:
    video_ids = await add_videos(engine, "a.mp4")
    finished, running = await add_run(engine, video_ids), await add_run(engine, video_ids, ended=False)
    created = await stub.CreatePromptRunExport(pb.CreatePromptRunExportRequest(run_id=finished))
    export = await _get(stub, created.export_id)
    assert (export.export_type, export.target_id) == (export_pb2.EXPORT_TYPE_PROMPT_RUN, finished)
    call = stub.CreatePromptRunExport(pb.CreatePromptRunExportRequest(run_id=running))
    assert (await refusal(call)).status == "FAILED_PRECONDITION"


async def test_a_destination_that_cannot_be_written_to_is_refused(engine: Engine, stub: Any) -> None:
    await add_connector(engine, "conn_in", scopes=["import"])
    refused = await refusal(_export_index(stub, destination_connector_id="conn_in"))
    assert "scope export" in refused.fields["destination_connector_id"]
    outside = await refusal(
        _export_index(stub, destination_connector_id="conn_out", destination_subpath="../elsewhere")
    )
    assert "destination_subpath" in outside.fields
    assert "destination_subpath" in (await refusal(_export_index(stub, destination_subpath="team"))).fields


async def test_exports_are_listed_newest_first_to_their_owner(engine: Engine, api: Api, stub: Any) -> None:
    first = await _export_index(stub)
    engine.clock.advance(1)
    second = await _export_index(stub)
    listed = (await stub.ListExports(pb.ListExportsRequest())).exports
    assert [export.export_id for export in listed] == [second.export_id, first.export_id]
    assert len((await stub.ListExports(pb.ListExportsRequest(limit=1))).exports) == 1
    stranger = await api.stub(ExportServiceStub, owner="eve")
    assert not (await stranger.ListExports(pb.ListExportsRequest())).exports
    assert (await refusal(_get(stranger, first.export_id))).status == "NOT_FOUND"
    assert (await refusal(_export_index(stranger))).status == "NOT_FOUND"
