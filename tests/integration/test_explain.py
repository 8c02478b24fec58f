"""Why a file was imported, or was not, through a real gRPC server and REST, over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import event, text

from automation_engine.rules import events
from automation_engine.rules.model import Fuse
from automation_engine.servicers.ledger_servicer import LedgerServicer
from automation_engine.store import automations, videos
from automation_engine.v1 import ledger_pb2
from automation_engine.v1 import ledger_service_pb2 as pb
from automation_engine.v1.ledger_service_pb2_grpc import LedgerServiceStub, add_LedgerServiceServicer_to_server
from tests.integration.engine import Api, Engine, serve
from tests.integration.failures import refusal
from tests.integration.ledgers import add_automation, add_entry, fail_file, fire, rest
from tests.integration.scenery import add_connector, add_index, import_file

PASSED, FAILED, PENDING, UNKNOWN = (
    ledger_pb2.CHECK_RESULT_PASSED,
    ledger_pb2.CHECK_RESULT_FAILED,
    ledger_pb2.CHECK_RESULT_PENDING,
    ledger_pb2.CHECK_RESULT_UNKNOWN,
)
ROWS = 100_000
_FILL = text(
    """
    INSERT INTO ledger (automation_seq, fingerprint, key, version, size, last_modified, state, growing, epoch,
                        first_seen_at, batch_id)
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :rows - 1)
    SELECT :seq, randomblob(16), printf('in/%06d.mp4', i), 'v1', 10, 1.7e9, 'imported', 0, 1, 1.7e9, 'auto:auto_1:1:1'
    FROM n
    """
)


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[Api]:
    service = (add_LedgerServiceServicer_to_server, LedgerServicer(database=engine.database))
    async with serve(engine, {"LedgerService": service}) as api:
        await add_connector(engine, "conn_in")
        yield api


@pytest.fixture
async def stub(api: Api) -> Any:
    return await api.stub(LedgerServiceStub)


async def _explain(stub: Any, path: str = "in/a.mp4") -> Any:
    return (await stub.ExplainFile(pb.ExplainFileRequest(index_id="idx_news", path=path))).explanation


def _results(told: Any) -> dict[str, int]:
    return {check.name: check.result for check in told.checks}


async def test_a_file_that_was_imported_passes_every_check(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    await add_entry(engine, row, "in/a.mp4")
    job_id = (await fire(engine)).job_id or ""
    video_id = await import_file(engine, job_id, "in/a.mp4")
    told = await _explain(stub)
    assert told.verdict == f"It was imported as video {video_id} by job {job_id} at 2026-01-01 00:00:00 UTC."
    assert not told.HasField("failing_check")
    assert set(_results(told).values()) == {PASSED}
    assert (told.path, told.file.path, told.file.video_id, told.file.job_id) == (
        "in/a.mp4",
        "in/a.mp4",
        video_id,
        job_id,
    )


async def test_a_file_whose_video_was_deleted_was_imported_all_the_same(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    await add_entry(engine, row, "in/a.mp4")
    job_id = (await fire(engine)).job_id or ""
    video_id = await import_file(engine, job_id, "in/a.mp4")
    async with engine.database.transaction() as tx:
        await videos.remove(tx, "ada", video_id)
    assert (await _explain(stub)).verdict == f"It was imported by job {job_id}; what it became was deleted since."


async def test_the_first_check_that_does_not_pass_is_the_verdict(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    await add_entry(engine, row, "in/a.mp4", "settling")
    told = await _explain(stub)
    (settled,) = [check for check in told.checks if check.name == "settled"]
    assert (told.failing_check, settled.result, told.verdict) == ("settled", PENDING, settled.text)
    assert settled.passes_at.seconds >= round(engine.clock.now()) + 30
    assert not settled.HasField("remedy")


async def test_a_failed_file_says_what_went_wrong_and_what_would_change_it(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    await add_entry(engine, row, "in/a.mp4")
    await fail_file(engine, (await fire(engine)).job_id or "", "in/a.mp4", "moov atom not found")
    told = await _explain(stub)
    (check,) = [check for check in told.checks if check.name == told.failing_check]
    assert "moov atom not found" in told.verdict
    assert (check.result, bool(check.remedy)) == (FAILED, True)


async def test_a_file_of_a_held_batch_waits_for_somebody(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine, spend_fuse=Fuse(max_files=1))
    for key in ("in/a.mp4", "in/b.mp4"):
        await add_entry(engine, row, key)
    await fire(engine)
    told = await _explain(stub)
    assert told.failing_check == "batch"
    assert "2 files" in told.verdict


@pytest.mark.parametrize(
    ("path", "failing"),
    [("elsewhere/a.mp4", "under_prefix"), ("in/a.mov", "matches_pattern"), ("in/.a.mp4", "not_temporary")],
)
async def test_a_file_that_the_ledger_never_met_is_explained_by_its_path(
    engine: Engine, stub: Any, path: str, failing: str
) -> None:
    await add_automation(engine)
    told = await _explain(stub, path)
    assert (told.failing_check, _results(told)[failing]) == (failing, FAILED)
    assert not told.HasField("file")


async def test_a_file_that_no_scan_met_is_awaited(engine: Engine, stub: Any) -> None:
    await add_automation(engine)
    told = await _explain(stub)
    assert (told.failing_check, _results(told)["listed"], _results(told)["imported"]) == ("listed", PENDING, UNKNOWN)


async def test_while_the_automation_is_paused_that_is_the_verdict(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    await add_entry(engine, row, "in/a.mp4")
    async with engine.database.transaction() as tx:
        locked = await automations.lock(tx, "auto_1")
        assert locked is not None
        await automations.apply_import(tx, locked, events.Paused())
    told = await _explain(stub)
    assert (told.failing_check, told.verdict) == ("automation_active", "The automation is paused.")


async def test_of_several_versions_the_newest_is_explained(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    await add_entry(engine, row, "in/a.mp4", "imported", version="v1", epoch=1)
    await add_entry(engine, row, "in/a.mp4", "settling", version="v2", epoch=2)
    told = await _explain(stub)
    assert (told.file.version, told.failing_check) == ("v2", "settled")


async def test_the_file_of_another_owner_is_not_explained(engine: Engine, api: Api) -> None:
    await add_automation(engine)
    stranger = await api.stub(LedgerServiceStub, owner="bob")
    assert (await refusal(_explain(stranger))).status == "NOT_FOUND"


async def test_an_index_without_an_import_automation_explains_nothing(engine: Engine, stub: Any) -> None:
    await add_index(engine)
    refused = await refusal(_explain(stub))
    assert (refused.status, "PUT one first" in refused.message) == ("NOT_FOUND", True)


@pytest.mark.parametrize("path", ["", "x" * 1025])
async def test_a_path_has_1_to_1024_bytes(engine: Engine, stub: Any, path: str) -> None:
    await add_automation(engine)
    refused = await refusal(_explain(stub, path))
    assert (refused.status, list(refused.fields)) == ("INVALID_ARGUMENT", ["path"])


async def test_100_000_rows_are_answered_in_one_indexed_query(engine: Engine, stub: Any) -> None:
    """One statement asks the ledger: batch, job, file and video come with it, each along an index."""
    row = await add_automation(engine)
    async with engine.database.transaction() as tx:
        await (await tx.connection()).execute(_FILL, {"seq": row.seq, "rows": ROWS})
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    sync = engine.database.engine.sync_engine
    event.listen(sync, "before_cursor_execute", note)
    told = await _explain(stub, "in/054321.mp4")
    event.remove(sync, "before_cursor_execute", note)
    assert told.file.path == "in/054321.mp4"
    ((statement, parameters),) = [call for call in asked if "ledger" in call[0].replace("ledger_version", "")]
    for joined in ("JOIN batches", "JOIN import_jobs", "JOIN import_files", "JOIN videos"):
        assert joined in statement
    async with engine.database.engine.connect() as connection:
        found = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        plan = [str(line.detail) for line in found]
    assert plan[0] == "SEARCH ledger USING INDEX ix_ledger_key (automation_seq=? AND key=?)"
    assert not [line for line in plan if line.startswith("SCAN")]


async def test_a_file_is_explained_by_rest(engine: Engine) -> None:
    row = await add_automation(engine)
    await add_entry(engine, row, "in/a b.mp4", "settling")
    async with rest(engine) as client:
        path = "/api/v2/indexes/idx_news/automations/import/explain"
        told = (await client.get(path, params={"path": "in/a b.mp4"})).json()
    assert (told["path"], told["failing_check"]) == ("in/a b.mp4", "settled")
    assert told["checks"][0] == {
        "name": "automation_active",
        "result": "passed",
        "text": "The automation watches.",
        "passes_at": None,
        "remedy": None,
    }
    assert told["file"]["state"] == "settling"
