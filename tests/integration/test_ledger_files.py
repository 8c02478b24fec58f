"""The files of a ledger, and what people do about them, through a real gRPC server and REST, over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlmodel import select

from automation_engine.jobs.scans import Scans
from automation_engine.rules import events
from automation_engine.rules.model import Fuse
from automation_engine.servicers.import_job_servicer import ImportJobServicer
from automation_engine.servicers.ledger_servicer import LedgerServicer
from automation_engine.store import automations, files, imports, interventions, ledger, videos
from automation_engine.store.files import Chosen
from automation_engine.store.tables import Automation, ImportFile, ImportJob, Video
from automation_engine.v1 import ledger_pb2
from automation_engine.v1 import ledger_service_pb2 as pb
from automation_engine.v1.import_job_service_pb2 import RetryImportJobRequest
from automation_engine.v1.import_job_service_pb2_grpc import (
    ImportJobServiceStub,
    add_ImportJobServiceServicer_to_server,
)
from automation_engine.v1.ledger_service_pb2_grpc import LedgerServiceStub, add_LedgerServiceServicer_to_server
from tests.integration import test_scans
from tests.integration.engine import Api, Engine, serve
from tests.integration.failures import refusal
from tests.integration.ledgers import (
    add_automation,
    add_entry,
    add_export,
    end_job,
    entries,
    fail_file,
    fire,
    rest,
)
from tests.integration.scenery import add_connector, add_prompt, add_run, import_file, work_of
from tests.integration.test_scans import Watched

watched = test_scans.watched
"""The fixture: a folder that nothing watches yet."""
PATHS = ["in/a.mp4", "in/b.mp4", "in/c.mp4"]


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[Api]:
    services = {
        "LedgerService": (add_LedgerServiceServicer_to_server, LedgerServicer(database=engine.database)),
        "ImportJobService": (add_ImportJobServiceServicer_to_server, ImportJobServicer(database=engine.database)),
    }
    async with serve(engine, services) as api:
        await add_connector(engine, "conn_in")
        await add_prompt(engine)
        yield api


@pytest.fixture
async def stub(api: Api) -> Any:
    return await api.stub(LedgerServiceStub)


async def _list(stub: Any, **fields: Any) -> Any:
    return await stub.ListLedgerFiles(pb.ListLedgerFilesRequest(**{"index_id": "idx_news", **fields}))


async def _paths(stub: Any, **fields: Any) -> list[str]:
    return [file.path for file in (await _list(stub, **fields)).data]


async def _all_paths(stub: Any, **fields: Any) -> list[str]:
    """Return every page's paths."""
    page, found = await _list(stub, **fields), []
    while True:
        found += [file.path for file in page.data]
        if not page.pagination.has_more:
            return found
        page = await _list(stub, **fields, cursor=page.pagination.next_cursor)


async def _retry(stub: Any, *paths: str) -> Any:
    return await stub.RetryFiles(pb.RetryFilesRequest(index_id="idx_news", paths=paths))


async def _release(stub: Any, *paths: str) -> Any:
    return await stub.ReleaseFiles(pb.ReleaseFilesRequest(index_id="idx_news", paths=paths))


async def _ignore(stub: Any, *paths: str) -> Any:
    return await stub.IgnoreFiles(pb.IgnoreFilesRequest(index_id="idx_news", paths=paths))


async def _event(engine: Engine, happened: events.ImportEvent) -> None:
    async with engine.database.transaction() as tx:
        row = await automations.lock(tx, "auto_1")
        assert row is not None
        await automations.apply_import(tx, row, happened)


async def _failed(engine: Engine, *, ended: bool = True) -> str:
    """Fail two of three files of a batch, and import the third; return the job."""
    row = await add_automation(engine)
    for path in PATHS:
        await add_entry(engine, row, path)
    job_id = (await fire(engine)).job_id or ""
    for path in PATHS[:2]:
        await fail_file(engine, job_id, path)
    await import_file(engine, job_id, PATHS[2])
    if ended:
        await end_job(engine, job_id)
    return job_id


async def _states(engine: Engine) -> dict[str, str]:
    return {key: row.state for key, row in (await entries(engine)).items()}


async def test_files_are_listed_by_key_and_the_versions_of_a_key_newest_first(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    for key, version in (("in/b.mp4", "v1"), ("in/a.mp4", "v1"), ("in/b.mp4", "v2"), ("in/B.mp4", "v1")):
        await add_entry(engine, row, key, version=version)
    listed = [(file.path, file.version) for file in (await _list(stub)).data]
    assert listed == [("in/B.mp4", "v1"), ("in/a.mp4", "v1"), ("in/b.mp4", "v2"), ("in/b.mp4", "v1")]


async def test_pages_neither_repeat_nor_leave_out(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    for at in range(7):
        await add_entry(engine, row, f"in/{at // 3}.mp4", version=f"v{at}")
    assert await _all_paths(stub, limit=2) == await _paths(stub)
    assert len(await _paths(stub)) == 7


async def test_files_can_be_listed_by_state(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    for state in ("settling", "ready", "claimed", "imported", "failed", "skipped", "gone"):
        await add_entry(engine, row, f"in/{state}.mp4", state)
    for word, number in ledger_pb2.LedgerFileState.items():
        listed = [(file.path, file.state) for file in (await _list(stub, state=number)).data]
        name = word.removeprefix("LEDGER_FILE_STATE_").lower()
        assert listed == [(f"in/{name}.mp4", number)] if number else len(listed) == 7


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("in/a", ["in/a", "in/a/x", "in/a\uffff", "in/a😀"]),
        ("in/a/", ["in/a/x"]),
        ("in/%", ["in/%"]),
        ("in/_", ["in/_"]),
        ("in/A", []),
        ("in/a\uffff", ["in/a\uffff"]),
        ("in/\ud7ff", ["in/\ud7ffx"]),
        ("\U0010ffff", ["\U0010ffff", "\U0010ffffx"]),
    ],
)
async def test_a_prefix_is_taken_as_it_is(engine: Engine, stub: Any, prefix: str, expected: list[str]) -> None:
    row = await add_automation(engine)
    keys = ["in/a", "in/a/x", "in/a😀", "in/a\uffff", "in/b", "in/%", "in/_", "in/\ud7ffx", "\U0010ffff", "\U0010ffffx"]
    for key in keys:
        await add_entry(engine, row, key)
    assert await _all_paths(stub, prefix=prefix, limit=1) == expected


async def test_a_file_leads_to_its_job_its_video_its_runs_and_its_exports_and_back(engine: Engine, stub: Any) -> None:
    job_id = await _failed(engine)
    video_id = f"vid_{PATHS[2].replace('.', '_')}"
    first = await add_run(engine, [video_id])
    engine.clock.advance(1)
    second = await add_run(engine, [video_id])
    engine.clock.advance(1)
    one, both = await add_export(engine, [first], "one"), await add_export(engine, [first, second], "both")
    whole = await add_export(engine, None, "whole")
    await add_export(engine, [second], "under way", done=False)
    (file,) = (await _list(stub, prefix=PATHS[2])).data
    assert (file.job_id, file.video_id, file.batch_id) == (job_id, video_id, "auto:auto_1:1:1")
    assert file.file_id == job_id.replace("job_", "file_", 1) + "_2"
    assert list(file.run_ids) == [second, first]
    assert sorted(file.export_ids) == sorted([one, both, whole])
    assert await _paths(stub, job_id=job_id) == await _paths(stub, batch_id=file.batch_id) == PATHS
    for link in ({"video_id": video_id}, {"run_id": first}, {"export_id": one}, {"export_id": whole}):
        assert await _paths(stub, **link) == [PATHS[2]]
    assert await _paths(stub, run_id=first, state=ledger_pb2.LEDGER_FILE_STATE_FAILED) == []


async def test_an_export_of_the_whole_index_does_not_hold_what_ended_after_it(engine: Engine, stub: Any) -> None:
    await _failed(engine)
    whole = await add_export(engine, None)
    engine.clock.advance(1)
    await add_run(engine, [f"vid_{PATHS[2].replace('.', '_')}"])
    (file,) = (await _list(stub, prefix=PATHS[2])).data
    assert list(file.export_ids) == []
    assert await _paths(stub, export_id=whole) == []


async def test_a_file_that_was_not_imported_leads_nowhere(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    await add_entry(engine, row, "in/a.mp4")
    (file,) = (await _list(stub)).data
    assert not any(file.HasField(name) for name in ("batch_id", "job_id", "file_id", "video_id", "reason"))


async def test_a_video_that_was_deleted_is_not_named(engine: Engine, stub: Any) -> None:
    await _failed(engine)
    async with engine.database.transaction() as tx:
        await videos.remove(tx, "ada", f"vid_{PATHS[2].replace('.', '_')}")
    (file,) = (await _list(stub, prefix=PATHS[2])).data
    assert (file.state, file.HasField("video_id")) == (ledger_pb2.LEDGER_FILE_STATE_IMPORTED, False)


async def test_a_file_says_in_a_sentence_why_it_stands_where_it_stands(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    await add_entry(engine, row, "in/failed.mp4", "failed", reason="no media")
    await add_entry(engine, row, "in/ignored.mp4", "skipped", reason="ignored")
    await add_entry(engine, row, "in/gone.mp4", "gone", reason="superseded")
    await add_entry(engine, row, "in/empty.mp4", "settling", hold="empty")
    reasons = {file.path: file.reason for file in (await _list(stub)).data}
    assert reasons == {
        "in/failed.mp4": "Its import failed: no media.",
        "in/ignored.mp4": "Somebody left it out.",
        "in/gone.mp4": "Another version replaced it.",
        "in/empty.mp4": "It has no bytes.",
    }


async def test_the_files_of_another_owner_are_not_found(engine: Engine, api: Api) -> None:
    await _failed(engine)
    stranger = await api.stub(LedgerServiceStub, owner="bob")
    for call in (_list(stranger), _retry(stranger, *PATHS), _release(stranger, *PATHS), _ignore(stranger, *PATHS)):
        assert (await refusal(call)).status == "NOT_FOUND"


async def test_what_belongs_to_others_finds_no_files(engine: Engine, stub: Any) -> None:
    job_id = await _failed(engine)
    await add_automation(engine, "auto_2", index_id="idx_other")
    run_id = await add_run(engine, [f"vid_{PATHS[2].replace('.', '_')}"])
    for link in ({"job_id": job_id}, {"run_id": run_id}, {"batch_id": "auto:auto_1:1:1"}, {"export_id": "exp_none"}):
        assert await _paths(stub, index_id="idx_other", **link) == []


async def test_a_cursor_of_another_list_is_refused(engine: Engine, stub: Any) -> None:
    await add_automation(engine)
    refused = await refusal(_list(stub, cursor="WzEsMl0"))
    assert (refused.status, list(refused.fields)) == ("INVALID_ARGUMENT", ["cursor"])


async def test_a_page_takes_as_many_statements_however_many_lines_it_has(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    for at in range(20):
        await add_entry(engine, row, f"in/{at}.mp4")
        job_id = (await fire(engine)).job_id or ""
        await add_run(engine, [await import_file(engine, job_id, f"in/{at}.mp4")])
    await add_export(engine, None)
    asked: list[str] = []
    event.listen(engine.database.engine.sync_engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    counts = []
    for limit in (1, 20):
        asked.clear()
        assert len((await _list(stub, limit=limit)).data) == limit
        counts.append(len(asked))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("after", [None, ("in/0", 1)])
@pytest.mark.parametrize(
    ("chosen", "index"),
    [
        (Chosen(), "ix_ledger_key"),
        (Chosen(prefix="in/00"), "ix_ledger_key"),
        (Chosen(state="imported"), "ix_ledger_key"),
        (Chosen(state="failed"), "ix_ledger_not_imported"),
        (Chosen(state="ready", prefix="in/00"), "ix_ledger_not_imported"),
        (Chosen(batch_id="auto:1"), "ix_ledger_batch"),
        (Chosen(batch_id="auto:1", state="failed", prefix="in/"), "ix_ledger_batch"),
        (Chosen(job_id="job_1"), "ix_ledger_batch"),
        (Chosen(video_id="vid_1"), "ix_import_files_video"),
        (Chosen(run_id="run_1", state="imported"), "ix_import_files_video"),
    ],
)
async def test_every_filter_has_its_index(
    engine: Engine, chosen: Chosen, index: str, after: tuple[str, int] | None
) -> None:
    row = await add_automation(engine)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    async with engine.database.reading() as session:
        event.listen(engine.database.engine.sync_engine, "before_cursor_execute", note)
        await files.listed(session, row, chosen, after=after, limit=50)
        event.remove(engine.database.engine.sync_engine, "before_cursor_execute", note)
        ((statement, parameters),) = asked
        connection = await session.connection()
        plan = [
            str(line.detail) for line in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert not [line for line in plan if line.startswith("SCAN")]
    assert [line for line in plan if index in line]
    if index.startswith("ix_ledger_"):
        assert index in plan[0]


async def test_a_failed_file_is_tried_again_in_its_job(engine: Engine, stub: Any) -> None:
    job_id = await _failed(engine)
    answer = await _retry(stub, PATHS[0])
    assert (list(answer.changed), list(answer.unchanged), answer.message) == ([PATHS[0]], [], "1 file is tried again.")
    assert await _states(engine) == {PATHS[0]: "claimed", PATHS[1]: "failed", PATHS[2]: "imported"}
    async with engine.database.reading() as session:
        job = await session.get_one(ImportJob, job_id)
        status = dict((await session.exec(select(ImportFile.key, ImportFile.status))).all())
    assert (job.status, job.failed, job.completed_at) == ("importing", 1, None)
    assert status == {PATHS[0]: "pending", PATHS[1]: "failed", PATHS[2]: "imported"}
    assert (await work_of(engine, "import_job", job_id)).state == "due"


async def test_what_can_not_be_tried_again_says_why(engine: Engine, stub: Any) -> None:
    await _failed(engine)
    answer = await _retry(stub, PATHS[2], PATHS[0], PATHS[0], "in/never.mp4")
    assert list(answer.changed) == [PATHS[0]]
    assert {file.path: file.reason for file in answer.unchanged} == {
        "in/never.mp4": "The ledger does not know it.",
        PATHS[2]: "It was imported.",
    }
    assert answer.message == "1 file is tried again; 2 left as they were."


async def test_a_file_of_a_job_that_still_runs_is_not_tried_again_yet(engine: Engine, stub: Any) -> None:
    job_id = await _failed(engine, ended=False)
    (unchanged,) = (await _retry(stub, PATHS[0])).unchanged
    assert job_id in unchanged.reason
    assert "wait for its end" in unchanged.reason


@pytest.mark.parametrize("stopped", ["paused", "disabled"])
async def test_nothing_is_tried_again_while_the_automation_is_stopped(engine: Engine, stub: Any, stopped: str) -> None:
    await _failed(engine)
    config = automations.import_state(await _row(engine)).config
    stop = replace(config, paused=stopped == "paused", enabled=stopped != "disabled")
    await _event(engine, events.Configured(config=stop))
    refused = await refusal(_retry(stub, PATHS[0]))
    assert (refused.status, stopped in refused.message) == ("FAILED_PRECONDITION", True)
    assert (await _states(engine))[PATHS[0]] == "failed"


async def _row(engine: Engine) -> Automation:
    async with engine.database.reading() as session:
        return (await session.exec(select(Automation))).one()


async def test_a_released_file_settles_as_if_it_had_been_met_now(engine: Engine, stub: Any) -> None:
    await _failed(engine)
    engine.clock.advance(100)
    answer = await _release(stub, *PATHS)
    assert list(answer.changed) == PATHS[:2]
    assert [(file.path, file.reason) for file in answer.unchanged] == [(PATHS[2], "It was imported.")]
    row = (await entries(engine))[PATHS[0]]
    assert (row.state, row.hold, row.batch_id, row.reason) == ("settling", None, None, None)
    assert row.first_seen_at == engine.clock.now()
    assert automations.import_state(await _row(engine)).next_scan_at == engine.clock.now()


async def test_files_of_a_stopped_automation_are_released_for_later(engine: Engine, stub: Any) -> None:
    await _failed(engine)
    await _event(engine, events.Paused())
    assert list((await _release(stub, PATHS[0])).changed) == [PATHS[0]]
    assert automations.import_state(await _row(engine)).next_scan_at is None


async def test_what_waits_or_is_being_imported_is_not_released(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine, spend_fuse=Fuse(max_files=1))
    for path in PATHS[:2]:
        await add_entry(engine, row, path)
    await fire(engine)
    await add_entry(engine, row, "in/ready.mp4")
    await add_entry(engine, row, "in/gone.mp4", "gone")
    answer = await _release(stub, PATHS[0], "in/ready.mp4", "in/gone.mp4")
    assert [file.reason for file in answer.unchanged] == [
        "It is in batch auto:auto_1:1:1, which is held: approve or reject that.",
        "It is ready and waits for its window.",
        "This version is gone.",
    ]


async def test_a_released_file_is_no_longer_its_old_jobs_to_import(api: Api, engine: Engine, stub: Any) -> None:
    """At most once: the next batch imports it, and a retry of the job that it failed in must not do so again."""
    job_id = await _failed(engine)
    await _release(stub, PATHS[0])
    jobs = await api.stub(ImportJobServiceStub)
    await jobs.RetryImportJob(RetryImportJobRequest(job_id=job_id))
    async with engine.database.reading() as session:
        pending = (await session.exec(select(ImportFile.key).where(ImportFile.status == "pending"))).all()
    assert list(pending) == [PATHS[1]]
    assert (await _states(engine))[PATHS[0]] == "settling"


async def test_a_released_file_that_another_batch_claimed_is_imported_by_that_alone(
    api: Api, engine: Engine, stub: Any
) -> None:
    first = await _failed(engine)
    await _release(stub, *PATHS[:2])
    async with engine.database.transaction() as tx:
        waiting = [row.seq for row in (await entries(engine)).values() if row.state == "settling"]
        await ledger.settle(
            tx,
            [{"seq": seq, "state": "ready", "hold": None, "first_seen_at": 0.0, "reason": None} for seq in waiting],
        )
    second = (await fire(engine)).job_id or ""
    await fail_file(engine, second, PATHS[0])
    await import_file(engine, second, PATHS[1])
    await end_job(engine, second)
    jobs = await api.stub(ImportJobServiceStub)
    refused = await refusal(jobs.RetryImportJob(RetryImportJobRequest(job_id=first)))
    assert "no failed or cancelled file" in refused.message
    named = RetryImportJobRequest(job_id=first, files=[{"path": PATHS[1]}])
    assert (await refusal(jobs.RetryImportJob(named))).status == "INVALID_ARGUMENT"
    assert list((await _retry(stub, PATHS[0])).changed) == [PATHS[0]]
    async with engine.database.reading() as session:
        pending = (await session.exec(select(ImportFile.job_id).where(ImportFile.status == "pending"))).all()
        imported = (await session.exec(select(Video.source_key))).all()
    assert (list(pending), sorted(imported)) == ([second], PATHS[1:])


async def test_a_job_does_not_try_again_what_the_ledger_forgot(api: Api, engine: Engine, stub: Any) -> None:
    job_id = await _failed(engine)
    async with engine.database.transaction() as tx:
        await ledger.forget(tx, automations.row_seq(await _row(engine)))
    assert await _paths(stub) == []
    jobs = await api.stub(ImportJobServiceStub)
    assert (await refusal(jobs.RetryImportJob(RetryImportJobRequest(job_id=job_id)))).status == "FAILED_PRECONDITION"


async def test_an_entry_never_takes_the_number_of_one_that_was_forgotten(engine: Engine) -> None:
    """The files of jobs keep their numbers."""
    row = await add_automation(engine)
    await add_entry(engine, row, "in/a.mp4")
    first = (await entries(engine))["in/a.mp4"].seq
    async with engine.database.transaction() as tx:
        await ledger.forget(tx, automations.row_seq(row))
    await add_entry(engine, row, "in/b.mp4")
    assert (await entries(engine))["in/b.mp4"].seq != first


async def test_what_waits_or_failed_can_be_ignored(engine: Engine, stub: Any) -> None:
    await _failed(engine)
    row = await _row(engine)
    await add_entry(engine, row, "in/ready.mp4")
    await add_entry(engine, row, "in/empty.mp4", "settling", hold="empty")
    answer = await _ignore(stub, PATHS[0], "in/ready.mp4", "in/empty.mp4", PATHS[2])
    assert sorted(answer.changed) == [PATHS[0], "in/empty.mp4", "in/ready.mp4"]
    assert [(file.path, file.reason) for file in answer.unchanged] == [(PATHS[2], "It was imported.")]
    found = await entries(engine)
    assert {(found[path].state, found[path].reason, found[path].hold) for path in answer.changed} == {
        ("skipped", "ignored", None)
    }
    again = await _ignore(stub, PATHS[0])
    assert [file.reason for file in again.unchanged] == ["It is left out."]


async def test_an_ignored_file_is_not_claimed_by_a_sequence_under_way(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    for path in PATHS:
        await add_entry(engine, row, path)
    await fire(engine, limit=1)
    await _ignore(stub, PATHS[1])
    second = await fire(engine, limit=2)
    assert await _paths(stub, batch_id=second.batch_id) == [PATHS[2]]


async def test_a_retry_of_a_job_leaves_out_what_is_ignored(api: Api, engine: Engine, stub: Any) -> None:
    job_id = await _failed(engine)
    await _ignore(stub, PATHS[0])
    jobs = await api.stub(ImportJobServiceStub)
    await jobs.RetryImportJob(RetryImportJobRequest(job_id=job_id))
    assert await _states(engine) == {PATHS[0]: "skipped", PATHS[1]: "claimed", PATHS[2]: "imported"}


async def test_of_several_versions_the_newest_is_meant(engine: Engine, stub: Any) -> None:
    """Also when it was met before, was gone, and came back."""
    row = await add_automation(engine)
    await add_entry(engine, row, "in/a.mp4", "failed", version="v1", epoch=5)
    await add_entry(engine, row, "in/a.mp4", "failed", version="v2", epoch=2)
    await _release(stub, "in/a.mp4")
    listed = {file.version: file.state for file in (await _list(stub)).data}
    assert listed == {
        "v1": ledger_pb2.LEDGER_FILE_STATE_SETTLING,
        "v2": ledger_pb2.LEDGER_FILE_STATE_FAILED,
    }


async def test_a_thousand_files_are_changed_at_once(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    async with engine.database.transaction() as tx:
        filled = """INSERT INTO ledger (automation_seq, fingerprint, key, version, size, last_modified, state, growing,
                      epoch, first_seen_at)
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
            SELECT :seq, randomblob(16), printf('in/%04d', i), 'v', 1, 0, 'failed', 0, 1, 0 FROM n"""
        await (await tx.connection()).execute(text(filled), {"seq": row.seq})
    paths = [f"in/{at:04}" for at in range(1000)]
    assert list((await _ignore(stub, *paths)).changed) == paths
    assert (await refusal(_ignore(stub, *paths, "in/one more"))).status == "INVALID_ARGUMENT"


async def test_a_reader_changes_nothing(engine: Engine, api: Api) -> None:
    await _failed(engine)
    reader = await api.stub(LedgerServiceStub, "read")
    assert len((await _list(reader)).data) == 3
    assert (await refusal(_release(reader, PATHS[0]))).status == "PERMISSION_DENIED"


async def test_files_are_reached_by_rest(engine: Engine) -> None:
    await add_connector(engine, "conn_in")
    await _failed(engine)
    path = "/api/v2/indexes/idx_news/automations/import/files"
    async with rest(engine) as client:
        listed = (await client.get(path, params={"state": "failed", "prefix": "in/", "limit": 1})).json()
        assert [file["path"] for file in listed["data"]] == PATHS[:1]
        rest_of = await client.get(path, params={"state": "failed", "cursor": listed["pagination"]["next_cursor"]})
        assert [file["path"] for file in rest_of.json()["data"]] == PATHS[1:2]
        released = await client.post(f"{path}/release", json={"paths": PATHS[:1]})
        assert (released.status_code, released.json()["changed"]) == (200, PATHS[:1])
        ignored = await client.post(f"{path}/ignore", json={"paths": PATHS[:1]})
        assert (ignored.status_code, ignored.json()["changed"]) == (200, PATHS[:1])
        retried = await client.post(f"{path}/retry", json={"paths": PATHS[1:]})
        assert (retried.status_code, retried.json()["changed"]) == (200, PATHS[1:2])


async def test_a_released_file_joins_the_next_batch(watched: Watched) -> None:
    """Over a real folder: released after it failed, it is met by the next scans and imported by another batch."""
    await watched.create()
    watched.write("a.mp4")
    await watched.run(400)
    async with watched.database.transaction() as tx:
        file = (await tx.exec(select(ImportFile))).one()
        await imports.file_failed(tx, file, "media_error", "no media")
    await watched.run(600)
    assert len(await watched.batches()) == 1
    await _release_in(watched, "in/a.mp4")
    await watched.run(400)
    assert [keys for _, keys in await watched.batches()] == [["a.mp4"], ["a.mp4"]]


async def test_a_released_file_that_is_not_there_any_more_is_gone(watched: Watched) -> None:
    await watched.create()
    watched.write("a.mp4")
    await watched.run(400)
    async with watched.database.transaction() as tx:
        await imports.file_failed(tx, (await tx.exec(select(ImportFile))).one(), "media_error", "no media")
    (watched.folder / "in/a.mp4").unlink()
    await _release_in(watched, "in/a.mp4")
    await watched.run(60)
    assert await watched.entries() == {"a.mp4": ["gone"]}


async def test_a_scan_under_way_takes_a_released_file_for_one_that_waits(watched: Watched) -> None:
    await watched.create()
    watched.write("a.mp4")
    watched.write("b.mp4")
    watched.storage.page_size = 1
    await watched.run(400)
    async with watched.database.transaction() as tx:
        for file in (await tx.exec(select(ImportFile))).all():
            await imports.file_failed(tx, file, "media_error", "no media")

    async def before_page(number: int) -> None:
        if number == 1:
            await _release_in(watched, "in/a.mp4")

    watched.storage.before_page = before_page  # type: ignore[method-assign]  # the hook of this test
    await watched.decide(events.RescanRequested())
    await watched.step()
    del watched.storage.before_page
    assert await watched.entries() == {"a.mp4": ["settling"], "b.mp4": ["failed"]}
    watched.scans = Scans(watched.database, watched.storage, lambda: 0.5)
    await watched.run(600)
    assert [keys for _, keys in await watched.batches()] == [["a.mp4", "b.mp4"], ["a.mp4"]]


async def test_under_new_only_a_replacement_of_an_ignored_file_is_imported(watched: Watched) -> None:
    """Nobody ever tried to import the ignored version: it was not the first one."""
    await watched.create(import_mode="new_only")
    watched.write("a.mp4")
    await watched.run(60)
    async with watched.database.transaction() as tx:
        row = await automations.locked(tx, "ada", "idx_1", "import")
        assert (await interventions.ignore(tx, row, ["in/a.mp4"])).changed
    watched.write("a.mp4", b"another version")
    await watched.run(700)
    assert [keys for _, keys in await watched.batches()] == [["a.mp4"]]


async def test_what_new_only_leaves_out_is_not_released(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    await add_entry(engine, row, PATHS[0], "imported")
    await add_entry(engine, row, PATHS[0], "skipped", version="v2", reason="new_only")
    answer = await _release(stub, PATHS[0])
    assert not answer.changed
    assert "only the first version of a file is imported" in answer.unchanged[0].reason.lower()


async def _release_in(watched: Watched, path: str) -> None:
    async with watched.database.transaction() as tx:
        row = await automations.locked(tx, "ada", "idx_1", "import")
        outcome = await interventions.release(tx, row, [path])
    assert outcome.changed == [path]
