"""Indexes through a real gRPC server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

import pytest
from sqlmodel import SQLModel, select

from automation_engine.rules.model import ExportState, ImportConfig, ImportState, Watch
from automation_engine.servicers.index_servicer import IndexServicer
from automation_engine.store import automations, exports, runs, work
from automation_engine.store.tables import (
    Automation,
    Batch,
    Delivery,
    Export,
    ImportFile,
    ImportJob,
    LedgerEntry,
    MediaIndex,
    PromptRun,
    RunItem,
    Scan,
    SegmentResult,
    Video,
    Work,
)
from automation_engine.v1 import index_pb2
from automation_engine.v1 import index_service_pb2 as pb
from automation_engine.v1.index_service_pb2_grpc import IndexServiceStub, add_IndexServiceServicer_to_server
from tests.integration.engine import Api, Engine, serve
from tests.integration.failures import refusal

HELD: tuple[Any, ...] = (
    *(MediaIndex, ImportJob, ImportFile, Video, PromptRun, RunItem, SegmentResult, Export),
    *(LedgerEntry, Scan, Batch, Delivery),
)


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[Api]:
    servicer = IndexServicer(database=engine.database)
    async with serve(engine, {"IndexService": (add_IndexServiceServicer_to_server, servicer)}) as api:
        yield api


@pytest.fixture
async def stub(api: Api) -> Any:
    return await api.stub(IndexServiceStub)


async def _create(stub: Any, name: str = "Archive", **fields: Any) -> index_pb2.Index:
    created: index_pb2.Index = (await stub.CreateIndex(pb.CreateIndexRequest(name=name, **fields))).index
    return created


async def test_an_index_is_created_for_the_caller(stub: Any) -> None:
    index = await _create(stub, description="Everything old")
    assert (index.name, index.user_id, index.description, index.is_default) == (
        "Archive",
        "ada",
        "Everything old",
        False,
    )
    assert index.index_id.startswith("idx_")
    assert index.created_at.seconds == 1_767_225_600
    assert (await stub.GetIndex(pb.GetIndexRequest(index_id=index.index_id))).index == index


async def test_what_was_not_said_of_an_index_is_unset(stub: Any) -> None:
    index = await _create(stub)
    assert not index.HasField("description")
    assert not index.HasField("sort_order")


async def test_two_indexes_may_share_a_name(stub: Any) -> None:
    assert (await _create(stub)).index_id != (await _create(stub)).index_id


async def test_indexes_are_listed_the_oldest_first_and_only_ones_own(api: Api, stub: Any) -> None:
    other = await api.stub(IndexServiceStub, owner="grace")
    await _create(other, "Hers")
    for name in ("First", "Second"):
        api.engine.clock.advance(1)
        await _create(stub, name)
    listed = (await stub.ListIndexes(pb.ListIndexesRequest())).indexes
    assert [index.name for index in listed] == ["First", "Second"]


async def test_default_indexes_can_be_left_out(api: Api, stub: Any) -> None:
    async with api.engine.database.transaction() as tx:
        tx.add(MediaIndex(index_id="idx_default", owner="ada", name="Mine", is_default=True, created_at=0.0))
    await _create(stub)
    everything = (await stub.ListIndexes(pb.ListIndexesRequest())).indexes
    own = (await stub.ListIndexes(pb.ListIndexesRequest(include_defaults=False))).indexes
    assert [index.is_default for index in everything] == [True, False]
    assert [index.is_default for index in own] == [False]


async def test_another_owners_index_is_not_found(api: Api, stub: Any) -> None:
    index_id = (await _create(await api.stub(IndexServiceStub, owner="grace"))).index_id
    for call in (
        stub.GetIndex(pb.GetIndexRequest(index_id=index_id)),
        stub.DeleteIndex(pb.DeleteIndexRequest(index_id=index_id)),
    ):
        assert (await refusal(call)).status == "NOT_FOUND"


def _automation(index_id: str, kind: str, state: Any) -> Automation:
    return Automation(
        automation_id=f"auto_{index_id}_{kind}",
        owner="ada",
        index_id=index_id,
        kind=kind,
        config={},
        state=asdict(state),
        next_action_at=1.0,
        created_at=0.0,
        updated_at=0.0,
    )


async def _fill(engine: Engine, index_id: str, *, status: str = "completed") -> None:
    """Give an index one row of everything that it can hold."""
    name = f"auto_{index_id}_import"
    importing = ImportState(
        automation_id=name, config=ImportConfig(watch=Watch(connector_id="conn_1"), debounce=300.0), epoch=3
    )
    exporting = ExportState(automation_id=f"auto_{index_id}_export", destination_connector_id="conn_1")
    async with engine.database.transaction() as tx:
        row = _automation(index_id, "import", importing)
        tx.add(row)
        tx.add(_automation(index_id, "export", exporting))
        await tx.flush()
        seq = row.seq or 0
        tx.add(
            LedgerEntry(
                automation_seq=seq,
                fingerprint=bytes(16),
                key="a.mp4",
                version="1",
                size=1,
                last_modified=0.0,
                state="imported",
                epoch=1,
                first_seen_at=0.0,
            )
        )
        tx.add(Scan(automation_seq=seq, epoch=3, generation=1, outcome="running"))
        tx.add(
            Batch(
                batch_id=f"batch_{index_id}",
                automation_seq=seq,
                generation=1,
                sequence=1,
                trigger="quiet",
                fired_at=0.0,
                object_count=1,
                bytes=1,
                job_id=f"job_{index_id}",
            )
        )
        tx.add(Delivery(automation_seq=seq, run_id=f"run_{index_id}", generation=1, queued_at=0.0))
        tx.add(
            ImportJob(
                job_id=f"job_{index_id}",
                owner="ada",
                index_id=index_id,
                connector_id="conn_1",
                status=status,
                source_prefix="",
                file_pattern="*",
                recursive=True,
                import_mode="all",
                execution_status="submitted",
                created_at=0.0,
            )
        )
        tx.add(
            ImportFile(
                file_id=f"file_{index_id}",
                job_id=f"job_{index_id}",
                ordinal=0,
                key="a.mp4",
                version="1",
                size=1,
                last_modified=0.0,
                status="imported",
            )
        )
        video = Video(
            video_id=f"vid_{index_id}",
            owner="ada",
            index_id=index_id,
            file_id=f"file_{index_id}",
            job_id=f"job_{index_id}",
            connector_id="conn_1",
            source_key="a.mp4",
            source_version="1",
            source_uri="file:///a.mp4",
            size=1,
            title="a",
            status="ready",
            media_type="video",
            facts={},
            created_at=0.0,
            updated_at=0.0,
        )
        tx.add(video)
        run = await runs.submit(
            tx,
            run_key=index_id,
            owner="ada",
            index_id=index_id,
            preset={"prompt_id": "prompt_1"},
            context={},
            executed_by="ada",
            videos=[video],
        )
        run.status = status
        await runs.add_results(
            tx,
            [
                {
                    "run_id": run.run_id,
                    "video_id": video.video_id,
                    "ordinal": 0,
                    "start_time": 0.0,
                    "end_time": 1.0,
                    "data": {},
                    "created_at": 0.0,
                }
            ],
        )
        export = await exports.create(
            tx,
            export_key=index_id,
            owner="ada",
            export_type="index",
            target_id=index_id,
            index_id=index_id,
            prompt_run_ids=None,
            connector=None,
            subpath=None,
        )
        export.status = status
        await work.enqueue(tx, work.SCAN, automations.scan_subject(name, 3))


async def _count(engine: Engine, table: type[SQLModel]) -> int:
    async with engine.database.reading() as session:
        return len((await session.exec(select(table))).all())


async def test_a_deleted_index_takes_all_that_it_held_with_it_and_nothing_else(api: Api, stub: Any) -> None:
    index_id, other_id = (await _create(stub)).index_id, (await _create(stub)).index_id
    await _fill(api.engine, index_id)
    await _fill(api.engine, other_id)
    assert [await _count(api.engine, table) for table in HELD] == [2] * len(HELD)
    answer = await stub.DeleteIndex(pb.DeleteIndexRequest(index_id=index_id))
    assert answer.status == index_pb2.DELETION_STATUS_DELETED
    assert answer.index_id == index_id
    assert answer.deletion_id.startswith("del_")
    assert not answer.HasField("retry_after_seconds")
    assert [await _count(api.engine, table) for table in HELD] == [1] * len(HELD)
    assert (await stub.GetIndex(pb.GetIndexRequest(index_id=other_id))).index.index_id == other_id


async def test_the_automations_of_a_deleted_index_never_act_again(api: Api, stub: Any) -> None:
    index_id = (await _create(stub)).index_id
    await _fill(api.engine, index_id)
    await stub.DeleteIndex(pb.DeleteIndexRequest(index_id=index_id))
    async with api.engine.database.reading() as session:
        rows = (await session.exec(select(Automation))).all()
        scan = (await session.exec(select(Work).where(Work.kind == work.SCAN))).one()
        assert await automations.due(session, api.engine.clock.now()) == []
    assert [(row.deleted_at is not None, row.next_action_at) for row in rows] == [(True, None)] * 2
    assert scan.state == "cancelled"


async def test_an_index_in_which_work_is_going_on_is_not_deleted_and_says_which(api: Api, stub: Any) -> None:
    index_id = (await _create(stub)).index_id
    await _fill(api.engine, index_id, status="pending")
    refused = await refusal(stub.DeleteIndex(pb.DeleteIndexRequest(index_id=index_id)))
    assert (refused.status, refused.reason) == ("FAILED_PRECONDITION", "CONFLICT")
    for named in (f"import job job_{index_id}", "prompt run run_", "export exp_"):
        assert named in refused.message
    async with api.engine.database.reading() as session:
        assert [row.deleted_at for row in (await session.exec(select(Automation))).all()] == [None, None]


async def test_deleting_again_answers_the_same_and_so_does_asking_how_far_it_is(api: Api, stub: Any) -> None:
    index_id = (await _create(stub)).index_id
    asked = pb.GetIndexDeletionRequest(index_id=index_id)
    assert (await refusal(stub.GetIndexDeletion(asked))).status == "NOT_FOUND"
    first = await stub.DeleteIndex(pb.DeleteIndexRequest(index_id=index_id))
    assert await stub.DeleteIndex(pb.DeleteIndexRequest(index_id=index_id)) == first
    told = await stub.GetIndexDeletion(asked)
    assert (told.deletion_id, told.status) == (first.deletion_id, index_pb2.DELETION_STATUS_DELETED)
    eve = await api.stub(IndexServiceStub, owner="eve")
    assert (await refusal(eve.GetIndexDeletion(asked))).status == "NOT_FOUND"
    assert (await refusal(eve.DeleteIndex(pb.DeleteIndexRequest(index_id=index_id)))).status == "NOT_FOUND"


@pytest.mark.parametrize("name", ["", "x" * 256, "line\nbreak"])
async def test_a_name_that_is_none_is_refused(stub: Any, name: str) -> None:
    refused = await refusal(stub.CreateIndex(pb.CreateIndexRequest(name=name)))
    assert list(refused.fields) == ["name"]
