"""Batches through a real gRPC server and REST, over a real database, and what their certificates count."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from automation_engine.connectors.protocol import ObjectInfo
from automation_engine.jobs.sources import saved_connector
from automation_engine.rules import events
from automation_engine.rules.model import Fuse, LedgerState
from automation_engine.servicers.import_batch_servicer import ImportBatchServicer
from automation_engine.store import automations, imports
from automation_engine.store.fingerprints import fingerprint
from automation_engine.store.tables import Batch, ImportFile, ImportJob, LedgerEntry
from automation_engine.v1 import automation_pb2, import_batch_pb2
from automation_engine.v1 import import_batch_service_pb2 as pb
from automation_engine.v1.import_batch_service_pb2_grpc import (
    ImportBatchServiceStub,
    add_ImportBatchServiceServicer_to_server,
)
from tests.integration import test_scans
from tests.integration.engine import Api, Engine, serve
from tests.integration.failures import refusal
from tests.integration.ledgers import add_automation, add_entry, entries, fire, rest
from tests.integration.scenery import add_connector, work_of
from tests.integration.test_scans import Watched, _Listed

watched = test_scans.watched
"""The fixture: a folder that nothing watches yet."""
HELD, STARTED, REJECTED = (
    import_batch_pb2.BATCH_STATUS_HELD,
    import_batch_pb2.BATCH_STATUS_STARTED,
    import_batch_pb2.BATCH_STATUS_REJECTED,
)
_PARTS = (
    "members",
    "ready",
    "settling",
    "held",
    "claimed_before",
    "imported_before",
    "failed_before",
    "skipped_before",
    "gone_since",
    "unexplained",
)


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[Api]:
    servicer = ImportBatchServicer(database=engine.database)
    async with serve(engine, {"ImportBatchService": (add_ImportBatchServiceServicer_to_server, servicer)}) as api:
        await add_connector(engine, "conn_in")
        yield api


@pytest.fixture
async def stub(api: Api) -> Any:
    return await api.stub(ImportBatchServiceStub)


async def _fired(engine: Engine, *keys: str, **config: Any) -> Batch:
    """Fire a batch of those files by a new automation."""
    row = await add_automation(engine, **config)
    for key in keys:
        await add_entry(engine, row, key)
    return await fire(engine)


def _held(engine: Engine, *keys: str) -> Any:
    return _fired(engine, *(keys or ("in/a.mp4", "in/b.mp4")), spend_fuse=Fuse(max_files=1))


async def _list(stub: Any, **fields: Any) -> Any:
    return await stub.ListImportBatches(pb.ListImportBatchesRequest(index_id="idx_news", **fields))


async def _get(stub: Any, batch_id: str) -> Any:
    return (await stub.GetImportBatch(pb.GetImportBatchRequest(index_id="idx_news", batch_id=batch_id))).batch


async def _approve(stub: Any, batch_id: str) -> Any:
    request = pb.ApproveImportBatchRequest(index_id="idx_news", batch_id=batch_id)
    return (await stub.ApproveImportBatch(request)).batch


async def _reject(stub: Any, batch_id: str) -> Any:
    request = pb.RejectImportBatchRequest(index_id="idx_news", batch_id=batch_id)
    return (await stub.RejectImportBatch(request)).batch


async def _pause(engine: Engine) -> None:
    async with engine.database.transaction() as tx:
        row = await automations.lock(tx, "auto_1")
        assert row is not None
        await automations.apply_import(tx, row, events.Paused())


async def test_a_batch_names_its_job_its_files_and_why_it_was_fired(engine: Engine, stub: Any) -> None:
    fired = await _fired(engine, "in/a.mp4", "in/b.mp4")
    batch = await _get(stub, fired.batch_id)
    assert (batch.batch_id, batch.status, batch.trigger) == (
        "auto:auto_1:1:1",
        STARTED,
        automation_pb2.BATCH_TRIGGER_QUIET,
    )
    assert (batch.generation, batch.sequence, batch.object_count, batch.bytes) == (1, 1, 2, 20)
    assert batch.job_id == fired.job_id
    assert not batch.HasField("run_id")
    assert not batch.HasField("held_reason")
    async with engine.database.transaction() as tx:
        (await tx.get_one(ImportJob, batch.job_id)).run_id = "run_1"
    assert (await _get(stub, fired.batch_id)).run_id == "run_1"


async def test_batches_are_listed_newest_first_page_by_page(engine: Engine, stub: Any) -> None:
    row = await add_automation(engine)
    for at in range(5):
        await add_entry(engine, row, f"in/{at}.mp4")
        engine.clock.advance(at % 2)  # some were fired at the same instant
        await fire(engine)
    page, listed = await _list(stub, limit=2), []
    while True:
        listed += [batch.sequence for batch in page.data]
        if not page.pagination.has_more:
            break
        page = await _list(stub, limit=2, cursor=page.pagination.next_cursor)
    assert listed == [5, 4, 3, 2, 1]


async def test_batches_can_be_listed_by_status(engine: Engine, stub: Any) -> None:
    held = await _held(engine)
    assert [batch.batch_id for batch in (await _list(stub, status=HELD)).data] == [held.batch_id]
    assert list((await _list(stub, status=STARTED)).data) == []


async def test_a_cursor_of_another_list_is_refused(engine: Engine, stub: Any) -> None:
    await add_automation(engine)
    refused = await refusal(_list(stub, cursor="bm9uc2Vuc2U"))
    assert (refused.status, list(refused.fields)) == ("INVALID_ARGUMENT", ["cursor"])


async def test_the_batches_of_another_owner_are_not_found(engine: Engine, api: Api) -> None:
    batch = await _held(engine)
    stranger = await api.stub(ImportBatchServiceStub, owner="bob")
    for call in (_list(stranger), _get(stranger, batch.batch_id), _approve(stranger, batch.batch_id)):
        assert (await refusal(call)).status == "NOT_FOUND"


async def test_a_batch_of_another_automation_is_not_found(engine: Engine, stub: Any) -> None:
    await add_automation(engine)
    other = await add_automation(engine, "auto_2", index_id="idx_other")
    await add_entry(engine, other, "in/a.mp4")
    batch = await fire(engine, "auto_2")
    refused = await refusal(_get(stub, batch.batch_id))
    assert (refused.status, batch.batch_id in refused.message) == ("NOT_FOUND", True)


async def test_a_held_batch_has_no_job_and_says_why(engine: Engine, stub: Any) -> None:
    batch = await _get(stub, (await _held(engine)).batch_id)
    assert (batch.status, batch.HasField("job_id")) == (HELD, False)
    assert "2 files" in batch.held_reason


async def test_approving_starts_the_job_and_notes_who_did_it(engine: Engine, stub: Any) -> None:
    held = await _held(engine)
    batch = await _approve(stub, held.batch_id)
    assert (batch.status, bool(batch.decided_by), batch.HasField("decided_at")) == (STARTED, True, True)
    assert (await work_of(engine, "import_job", batch.job_id)).state == "due"
    assert "2 files" in batch.held_reason


async def test_approving_again_returns_the_same_batch(engine: Engine, stub: Any) -> None:
    held = await _held(engine)
    first = await _approve(stub, held.batch_id)
    engine.clock.advance(10)
    assert await _approve(stub, held.batch_id) == first


async def test_a_rejected_batch_leaves_its_files_out(engine: Engine, stub: Any) -> None:
    held = await _held(engine)
    first = await _reject(stub, held.batch_id)
    assert (first.status, first.HasField("job_id")) == (REJECTED, False)
    assert {(row.state, row.reason) for row in (await entries(engine)).values()} == {("skipped", "rejected")}
    assert await _reject(stub, held.batch_id) == first


async def test_what_was_decided_stays_so(engine: Engine, stub: Any) -> None:
    held = await _held(engine)
    await _approve(stub, held.batch_id)
    refused = await refusal(_reject(stub, held.batch_id))
    assert (refused.status, refused.reason) == ("FAILED_PRECONDITION", "ILLEGAL_TRANSITION")
    row = await add_automation(engine, "auto_2", index_id="idx_2", spend_fuse=Fuse(max_files=1))
    for key in ("in/a.mp4", "in/b.mp4"):
        await add_entry(engine, row, key, version="v2")
    other = await fire(engine, "auto_2")
    await stub.RejectImportBatch(pb.RejectImportBatchRequest(index_id="idx_2", batch_id=other.batch_id))
    request = pb.ApproveImportBatchRequest(index_id="idx_2", batch_id=other.batch_id)
    assert (await refusal(stub.ApproveImportBatch(request))).status == "FAILED_PRECONDITION"


async def test_nothing_is_approved_while_the_automation_is_paused(engine: Engine, stub: Any) -> None:
    held = await _held(engine)
    await _pause(engine)
    refused = await refusal(_approve(stub, held.batch_id))
    assert (refused.status, "paused" in refused.message) == ("FAILED_PRECONDITION", True)
    assert (await _get(stub, held.batch_id)).status == HELD


async def test_a_reader_may_not_approve(engine: Engine, api: Api) -> None:
    held = await _held(engine)
    reader = await api.stub(ImportBatchServiceStub, "read")
    assert (await _get(reader, held.batch_id)).status == HELD
    assert (await refusal(_approve(reader, held.batch_id))).status == "PERMISSION_DENIED"


async def test_batches_are_reached_by_rest(engine: Engine) -> None:
    await add_connector(engine, "conn_in")
    held = await _held(engine)
    path = "/api/v2/indexes/idx_news/automations/import/batches"
    async with rest(engine) as client:
        listed = (await client.get(path, params={"status": "held"})).json()
        assert [batch["batch_id"] for batch in listed["data"]] == [held.batch_id]
        approved = await client.post(f"{path}/{held.batch_id}/approve")
        assert (approved.status_code, approved.json()["status"]) == (200, "started")
        assert (await client.get(f"{path}/{held.batch_id}")).json() == approved.json()
        assert (await client.get(f"{path}/auto:auto_1:1:9")).status_code == 404


# Certificates, over scans of a real folder.


async def _certificates(watched: Watched) -> list[dict[str, Any]]:
    """Return the certificate of each batch, each of which has to add up, with nothing unexplained."""
    async with watched.database.reading() as session:
        batches = (await session.exec(select(Batch).order_by(col(Batch.fired_at), col(Batch.sequence)))).all()
        found = []
        for batch in batches:
            prints = select(LedgerEntry.fingerprint).where(LedgerEntry.batch_id == batch.batch_id)
            certificate = batch.certificate
            assert certificate is not None
            assert certificate["unexplained"] == 0
            assert certificate["members"] == batch.object_count
            assert certificate["matched"] == sum(certificate[name] for name in _PARTS)
            assert min(certificate[name] for name in _PARTS) == 0
            assert certificate["member_hash"] == _sum((await session.exec(prints)).all())
            found.append(certificate)
    return found


def _sum(prints: Any) -> str:
    return f"{sum(int.from_bytes(item, 'big') for item in prints) % 2**128:032x}"


async def _listing(watched: Watched) -> list[ObjectInfo]:
    store = watched.storage.get(await _connector(watched))
    return [info async for page in store.list_pages("in/", recursive=True) for info in page]


async def _connector(watched: Watched) -> Any:
    return await saved_connector(watched.database, "conn_1", scope="import")


async def test_a_certificate_counts_all_that_was_listed(watched: Watched) -> None:
    await watched.create()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        watched.write(name)
    await watched.run(400)
    (certificate,) = await _certificates(watched)
    scans = {row.epoch: row for row in await watched.scan_rows()}
    decided = scans[certificate["scan_epoch"]]
    assert (certificate["listed"], certificate["matched"], certificate["members"]) == (3, 3, 3)
    assert (certificate["scan_started_at"], certificate["scan_finished_at"]) == (
        decided.started_at,
        decided.finished_at,
    )


async def test_whoever_lists_the_same_versions_gets_the_same_hash(watched: Watched) -> None:
    await watched.create()
    watched.storage.page_size = 2
    for at in range(7):
        watched.write(f"{at}.mp4")
    await watched.run(400)
    (certificate,) = await _certificates(watched)
    listed = reversed(await _listing(watched))
    assert certificate["listing_hash"] == _sum(fingerprint("conn_1", info.key, info.version) for info in listed)
    assert certificate["member_hash"] == certificate["listing_hash"]


async def test_what_is_not_watched_is_counted_by_who_leaves_it_out(watched: Watched) -> None:
    watch = replace((await _default(watched)).watch, file_pattern="*.mp4", exclude_patterns=("draft_*",))
    await watched.configure(watch=watch)
    for name in ("a.mp4", "draft_b.mp4", "draft_c.mov", "d.txt"):
        watched.write(name)
    await watched.run(400)
    (certificate,) = await _certificates(watched)
    counts = [certificate[name] for name in ("listed", "not_matched", "excluded", "matched")]
    assert counts == [4, 2, 1, 1]


async def _default(watched: Watched) -> Any:
    await watched.create()
    return (await watched.state()).config


async def test_what_waits_is_settling_or_held(watched: Watched) -> None:
    await watched.create()
    watched.write("a.mp4")
    watched.write("empty.mp4", b"")
    watched.write("b.mp4.part")
    watched.write("growing.mp4")
    while not await watched.batches():
        watched.append("growing.mp4")
        await watched.run(20)
    (certificate,) = await _certificates(watched)
    assert [certificate[name] for name in ("matched", "members", "settling", "held")] == [4, 1, 1, 2]


async def test_a_batch_of_a_sequence_counts_the_earlier_ones_as_claimed(watched: Watched) -> None:
    await watched.create(batch_cap=4)
    for at in range(10):
        watched.write(f"{at}.mp4")
    await watched.run(400)
    counted = [
        tuple(certificate[name] for name in ("members", "ready", "claimed_before"))
        for certificate in await _certificates(watched)
    ]
    assert counted == [(4, 6, 0), (4, 2, 4), (2, 0, 8)]


async def test_what_was_resolved_before_is_counted_by_how_it_ended(watched: Watched) -> None:
    await watched.create()
    ends = {"a.mp4": "imported", "b.mp4": "failed", "c.mp4": "skipped", "d.mp4": "claimed"}
    for name in ends:
        watched.write(name)
    await watched.run(400)
    for name, state in ends.items():
        await watched.resolve(name, LedgerState(state))
    watched.write("new.mp4")
    await watched.run(400)
    _, certificate = await _certificates(watched)
    counted = {name: certificate[name] for name in _PARTS if certificate[name]}
    assert counted == {
        "members": 1,
        "imported_before": 1,
        "failed_before": 1,
        "skipped_before": 1,
        "claimed_before": 1,
    }


async def test_what_is_no_longer_listed_is_not_counted(watched: Watched) -> None:
    await watched.create()
    watched.write("a.mp4")
    watched.write("b.mp4")
    await watched.run(400)
    for name in ("a.mp4", "b.mp4"):
        await watched.resolve(name, LedgerState.IMPORTED)
    (watched.folder / "in/a.mp4").unlink()
    watched.write("c.mp4")
    await watched.run(400)
    _, certificate = await _certificates(watched)
    assert (certificate["matched"], certificate["imported_before"], certificate["members"]) == (2, 1, 1)


async def test_what_ended_since_the_known_ones_were_loaded_is_counted_as_it_stands(watched: Watched) -> None:
    """The set of known identities is kept between scans; how they are resolved does not change it."""
    await watched.create()
    watched.write("a.mp4")
    await watched.run(400)
    watched.write("b.mp4")
    await watched.run(60)
    await watched.resolve("a.mp4", LedgerState.IMPORTED)
    await watched.run(400)
    _, certificate = await _certificates(watched)
    assert (certificate["imported_before"], certificate["claimed_before"]) == (1, 0)


async def test_a_repeated_page_counts_once(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    await watched.create()
    watched.storage.page_size = 2
    for at in range(4):
        watched.write(f"{at}.mp4")
    original = _Listed.list_pages

    async def twice(self: _Listed, prefix: str, *, recursive: bool) -> AsyncGenerator[list[ObjectInfo], None]:
        async for page in original(self, prefix, recursive=recursive):
            yield page
            yield page

    monkeypatch.setattr(_Listed, "list_pages", twice)
    await watched.run(400)
    (certificate,) = await _certificates(watched)
    assert (certificate["listed"], certificate["matched"]) == (8, 4)
    first = (await watched.scan_rows())[0]
    assert (first.listed, first.matched) == (8, 4)


async def test_the_longest_wait_rests_on_the_latest_complete_scan(watched: Watched) -> None:
    await watched.create()
    watched.write("first.mp4")
    at = 0
    while not await watched.batches():
        watched.write(f"{at}.mp4")
        at += 1
        await watched.run(25)
    assert [trigger for trigger, _ in await watched.batches()] == ["max_wait"]
    (certificate,) = await _certificates(watched)
    complete = [row for row in await watched.scan_rows() if row.outcome == "complete"]
    assert certificate["scan_epoch"] in {row.epoch for row in complete}
    assert certificate["settling"] > 0


async def test_what_vanished_after_it_was_listed_is_counted_as_gone(watched: Watched) -> None:
    """A job finds that a file was replaced, while a scan that still listed it is under way."""
    await watched.create()
    watched.write("a.mp4")
    await watched.run(400)
    watched.write("b.mp4")
    await watched.run(290)
    watched.storage.page_size = 1

    async def before_page(number: int) -> None:
        if number == 1:
            async with watched.database.transaction() as tx:
                file = (await tx.exec(select(ImportFile))).first()
                assert file is not None
                await imports.file_skipped(tx, file, "superseded", "replaced", LedgerState.GONE)

    watched.storage.before_page = before_page  # type: ignore[method-assign]  # the hook of this test
    while len(await watched.batches()) < 2:
        await watched.run(10)
    _, certificate = await _certificates(watched)
    assert (certificate["gone_since"], certificate["members"]) == (1, 1)


async def test_a_batch_that_is_held_has_its_certificate_from_when_it_fired(watched: Watched) -> None:
    await watched.create(spend_fuse=Fuse(max_files=1))
    for name in ("a.mp4", "b.mp4"):
        watched.write(name)
    await watched.run(400)
    (certificate,) = await _certificates(watched)
    assert certificate["members"] == 2


async def test_a_scan_after_which_nothing_fires_counts_nothing_against_the_ledger(watched: Watched) -> None:
    await watched.create()
    watched.write("a.mp4")
    await watched.run(400)
    await watched.run(60)
    asked: list[str] = []
    event.listen(
        watched.database.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _u, statement, *_: asked.append(statement),
    )
    scans = len(await watched.scan_rows())
    while len(await watched.scan_rows()) == scans:
        await watched.run(10)
    last = (await watched.scan_rows())[-1]
    assert (last.standing, len(last.listing_hash or "")) == (None, 32)
    assert not [statement for statement in asked if "fingerprint IN" in statement]


async def test_a_certificate_is_shown_with_its_batch(watched: Watched, tmp_path: Path) -> None:
    await watched.create()
    watched.write("a.mp4")
    await watched.run(400)
    engine = Engine(database=watched.database, clock=watched.clock, stores=watched.storage, media=tmp_path)
    async with rest(engine) as client:
        listed = (await client.get("/api/v2/indexes/idx_1/automations/import/batches")).json()
    (kept,) = await _certificates(watched)
    shown = listed["data"][0]["certificate"]
    assert {name: shown[name] for name in _PARTS} == {name: kept[name] for name in _PARTS}
    assert (shown["listing_hash"], shown["scan_epoch"]) == (kept["listing_hash"], kept["scan_epoch"])
    assert shown["scan_finished_at"].endswith("Z")
