"""Writes under an Idempotency-Key, on SQLite and on PostgreSQL, over REST and gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, text
from sqlmodel import select

from automation_engine.clock import VirtualClock
from automation_engine.config import Settings
from automation_engine.connectors.pool import Stores
from automation_engine.errors import AlreadyExists, StorageUnavailable
from automation_engine.secrets import SecretBox
from automation_engine.servicers.index_servicer import IndexServicer
from automation_engine.servicers.pipeline import interceptors
from automation_engine.store import idempotency, keys
from automation_engine.store.database import Database
from automation_engine.store.schema import migrate
from automation_engine.store.tables import KeptAnswer, MediaIndex
from automation_engine.v1.index_service_pb2 import (
    DESCRIPTOR,
    CreateIndexRequest,
    CreateIndexResponse,
    ListIndexesRequest,
)
from automation_engine.v1.index_service_pb2_grpc import IndexServiceStub, add_IndexServiceServicer_to_server
from gateway.app import create_app
from gateway.dispatch import InProcessDispatch
from gateway.stubs import load_stubs
from tests.integration.engine import Engine, serve
from tests.integration.failures import refusal
from tests.servers.postgres import Postgres

STUBS = load_stubs("automation_engine.v1")
SERVICE = DESCRIPTOR.services_by_name["IndexService"]
DAY = 24 * 3600.0

Creation = Callable[[IndexServicer, CreateIndexRequest, Any], Awaitable[CreateIndexResponse]]


class _Servicer(IndexServicer):
    """Creates indexes in a way of its own."""

    def __init__(self, database: Database, creation: Creation) -> None:
        super().__init__(database=database)
        self.creation = creation

    async def CreateIndex(self, request: Any, context: Any) -> Any:  # noqa: N802 - the service's name
        return await self.creation(self, request, context)


async def create(servicer: IndexServicer, request: CreateIndexRequest, context: Any) -> CreateIndexResponse:
    """Create it in the usual way."""
    return await IndexServicer.CreateIndex(servicer, request, context)


class Node:
    """A process of the engine: gateway and servicers on a database of its own connections."""

    def __init__(self, engine: Engine, creation: Creation) -> None:
        self.engine = engine
        self.servicer = _Servicer(engine.database, creation)
        dispatch = InProcessDispatch(interceptors(engine.database, [SERVICE], engine.stores.box))
        add_IndexServiceServicer_to_server(self.servicer, dispatch)
        app = create_app(
            [SERVICE], dispatch, descriptor_set=STUBS.descriptor_set, title="t", version="1", ready=asyncio.Event().wait
        )
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://engine/api/v2")

    async def post(self, key: str, name: str = "News", *, api_key: str = "", **headers: str) -> httpx.Response:
        """Create an index under an idempotency key."""
        sent = {"X-API-Key": api_key or await self.engine.key(), "Idempotency-Key": key, **headers}
        return await self.http.post("/indexes", json={"name": name}, headers=sent)

    async def names(self) -> list[str]:
        """Return the names of all indexes."""
        async with self.engine.database.reading() as session:
            return sorted((await session.exec(select(MediaIndex.name))).all())

    async def kept(self) -> int:
        """Return how many answers are kept."""
        async with self.engine.database.reading() as session:
            return len((await session.exec(select(KeptAnswer))).all())


Nodes = Callable[..., Awaitable[Node]]


@pytest.fixture(scope="module")
def postgres_url(postgres_server: Postgres) -> str:
    """Create one database for all tests: each costs the server a second when it stops."""
    return Settings(database_url=postgres_server.new_database()).url


@pytest.fixture(params=["sqlite", "postgresql"])
async def nodes(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Nodes]:
    """Start processes of one engine: each has its own connections, all have one database."""
    url = Settings(data_dir=tmp_path).url
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    clock = VirtualClock()
    async with AsyncExitStack() as stack:
        databases = [Database(url, clock=clock) for _ in range(2)]
        for database in databases:
            stack.push_async_callback(database.close)
        await migrate(databases[0])
        async with databases[0].transaction() as tx:
            for table in (MediaIndex, KeptAnswer):
                await tx.change(delete(table))

        async def node(creation: Creation = create) -> Node:
            stores = Stores(SecretBox.open(tmp_path), allowed_roots=[])
            return Node(Engine(database=databases.pop(0), clock=clock, stores=stores, media=tmp_path), creation)

        yield node


async def test_a_repeated_write_is_answered_byte_for_byte_and_not_done_again(nodes: Nodes) -> None:
    node = await nodes()
    first, second = await node.post("k-1"), await node.post("k-1")
    assert (first.status_code, second.status_code, second.content) == (200, 200, first.content)
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert await node.names() == ["News"]


async def test_a_write_whose_answer_got_lost_with_the_process_is_answered_by_the_next_process(nodes: Nodes) -> None:
    before, after = await nodes(), await nodes()
    lost = await before.post("k-1")
    again = await after.post("k-1")
    assert (again.content, again.headers["idempotency-replayed"]) == (lost.content, "true")
    assert await after.names() == ["News"]


async def test_a_key_with_another_body_is_refused_and_nothing_is_done(nodes: Nodes) -> None:
    node = await nodes()
    await node.post("k-1")
    refused = await node.post("k-1", "Sport")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert await node.names() == ["News"]


async def test_simultaneous_duplicates_make_one_row_in_one_process_and_across_two(nodes: Nodes) -> None:
    one, other = await nodes(), await nodes()
    if one.engine.database.embedded:
        other = one  # an SQLite file has one process
    api_key = await one.engine.key()
    answers = await asyncio.gather(*(node.post("k-1", api_key=api_key) for node in (one, other) * 3))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 5
    assert await one.names() == ["News"]


@pytest.mark.parametrize("committed", [True, False])
async def test_a_duplicate_in_another_process_waits_for_the_commit(
    nodes: Nodes, request: pytest.FixtureRequest, *, committed: bool
) -> None:
    if "sqlite" in request.node.name:
        pytest.skip("an SQLite file has one process")
    entered, leave = asyncio.Event(), asyncio.Event()

    async def hold(servicer: IndexServicer, request: CreateIndexRequest, context: Any) -> CreateIndexResponse:
        answer = await create(servicer, request, context)
        entered.set()
        await leave.wait()
        if not committed:
            raise StorageUnavailable("no answer")
        return answer

    one, other = await nodes(hold), await nodes()
    first = asyncio.create_task(one.post("k-1"))
    await entered.wait()
    second = asyncio.create_task(other.post("k-1"))
    waiting = text("SELECT 1 FROM pg_locks WHERE NOT granted")
    while not await one.engine.database.fetch(waiting):  # noqa: ASYNC110 - no event tells of a lock in the database
        await asyncio.sleep(0)
    leave.set()
    answers = await first, await second
    assert [answer.status_code for answer in answers] == [200 if committed else 503, 200]
    assert ("idempotency-replayed" in answers[1].headers) is committed
    assert await one.names() == ["News"]


async def test_a_duplicate_waits_for_the_first_no_longer_than_its_own_deadline(nodes: Nodes) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slowly(servicer: IndexServicer, request: CreateIndexRequest, context: Any) -> CreateIndexResponse:
        entered.set()
        await leave.wait()
        return await create(servicer, request, context)

    node = await nodes(slowly)
    first = asyncio.create_task(node.post("k-1"))
    await entered.wait()
    impatient = await node.post("k-1", **{"X-Request-Timeout": "0.001"})
    assert impatient.status_code == 504
    patient = asyncio.create_task(node.post("k-1"))
    leave.set()
    assert (await first).content == (await patient).content
    assert await node.names() == ["News"]


async def test_owners_and_routes_have_keys_of_their_own(nodes: Nodes) -> None:
    node = await nodes()
    ada = await node.engine.key()
    await node.post("k-1", api_key=ada)
    other = await node.post("k-1", "Sport", api_key=await node.engine.key(owner="grace"))
    headers = {"X-API-Key": ada, "Idempotency-Key": "k-1"}
    missing = await node.http.delete("/indexes/idx_none", headers=headers)
    assert (other.status_code, missing.status_code) == (200, 404)
    assert await node.names() == ["News", "Sport"]


async def test_an_answer_is_kept_for_24_hours_and_swept_afterwards(nodes: Nodes) -> None:
    node = await nodes()
    first = await node.post("k-1")
    node.engine.clock.advance(DAY - 1)
    assert (await node.post("k-1")).content == first.content
    node.engine.clock.advance(1)
    assert (await node.post("k-1")).json()["index_id"] != first.json()["index_id"]
    await node.post("k-2", "Sport")
    node.engine.clock.advance(DAY - 1)
    await idempotency.sweep(node.engine.database)
    assert await node.kept() == 2
    node.engine.clock.advance(1)
    await idempotency.sweep(node.engine.database)
    assert await node.kept() == 0


async def test_a_definite_failure_is_repeated_even_when_its_cause_is_gone(nodes: Nodes) -> None:
    async def refuse(_: IndexServicer, request: CreateIndexRequest, _context: Any) -> CreateIndexResponse:
        raise AlreadyExists("there is one of that name", details={"name": request.name})

    node = await nodes(refuse)
    first = await node.post("k-1")
    node.servicer.creation = create
    second = await node.post("k-1")
    told = [{**answer.json()["error"], "request_id": "", "timestamp": ""} for answer in (first, second)]
    assert (first.status_code, told[0]["code"]) == (409, "already_exists")
    assert (second.status_code, told[1]) == (409, told[0])
    assert second.headers["idempotency-replayed"] == "true"
    assert await node.names() == []


@pytest.mark.parametrize("fault", [StorageUnavailable("no answer"), ValueError("a bug")])
async def test_a_failure_that_may_pass_undoes_the_write_and_frees_the_key(nodes: Nodes, fault: Exception) -> None:
    async def fail(servicer: IndexServicer, request: CreateIndexRequest, context: Any) -> CreateIndexResponse:
        await create(servicer, request, context)
        raise fault

    node = await nodes(fail)
    assert (await node.post("k-1")).status_code in {500, 503}
    assert (await node.names(), await node.kept()) == ([], 0)
    node.servicer.creation = create
    assert (await node.post("k-1", "Sport")).status_code == 200
    assert await node.names() == ["Sport"]


async def test_a_call_that_is_cut_off_before_its_commit_leaves_nothing(nodes: Nodes) -> None:
    entered = asyncio.Event()

    async def hang(servicer: IndexServicer, request: CreateIndexRequest, context: Any) -> CreateIndexResponse:
        answer = await create(servicer, request, context)
        entered.set()
        await asyncio.Event().wait()
        return answer

    node = await nodes(hang)
    call = asyncio.create_task(node.post("k-1"))
    await entered.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    node.servicer.creation = create
    assert "idempotency-replayed" not in (await node.post("k-1")).headers
    assert await node.names() == ["News"]


async def test_a_call_that_died_between_two_commits_is_not_done_twice(nodes: Nodes) -> None:
    async def twice(servicer: IndexServicer, request: CreateIndexRequest, context: Any) -> CreateIndexResponse:
        await create(servicer, request, context)
        await create(servicer, request, context)
        raise StorageUnavailable("no answer")

    node = await nodes(twice)
    assert (await node.post("k-1")).status_code == 503
    assert await node.names() == ["News"], "the first commit holds, the second was undone"
    node.servicer.creation = create
    unknown = await node.post("k-1")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (409, "idempotency_outcome_unknown")
    assert await node.names() == ["News"]


async def test_a_call_of_two_commits_is_kept_whole(nodes: Nodes) -> None:
    async def twice(servicer: IndexServicer, request: CreateIndexRequest, context: Any) -> CreateIndexResponse:
        await create(servicer, request, context)
        return await create(servicer, request, context)

    node = await nodes(twice)
    first, second = await node.post("k-1"), await node.post("k-1")
    assert first.content == second.content
    assert await node.names() == ["News", "News"]


async def test_a_call_reads_what_it_wrote_before_it_was_committed(nodes: Nodes) -> None:
    seen: list[int] = []

    async def read_after(servicer: IndexServicer, request: CreateIndexRequest, context: Any) -> CreateIndexResponse:
        answer = await create(servicer, request, context)
        seen.append(len((await servicer.ListIndexes(ListIndexesRequest(), context)).indexes))
        seen.append(len(await node.engine.database.fetch(select(MediaIndex.index_id))))
        return answer

    node = await nodes(read_after)
    await node.post("k-1")
    assert (seen, await node.names()) == ([1, 1], ["News"])


async def test_a_call_that_undoes_its_own_transaction_is_answered_again_all_the_same(nodes: Nodes) -> None:
    async def undo(_: IndexServicer, request: CreateIndexRequest, _context: Any) -> CreateIndexResponse:
        async with node.engine.database.transaction() as tx:
            tx.add(MediaIndex(index_id="idx_1", owner="ada", name=request.name, created_at=0.0))
            await tx.flush()
            await tx.rollback()
        return CreateIndexResponse()

    node = await nodes(undo)
    await node.post("k-1")
    assert (await node.post("k-1")).headers["idempotency-replayed"] == "true"
    assert await node.names() == []


async def test_bells_ring_once_and_after_the_commit(nodes: Nodes) -> None:
    rung: list[int] = []

    async def ring(_: IndexServicer, _request: CreateIndexRequest, _context: Any) -> CreateIndexResponse:
        async with node.engine.database.transaction() as tx:
            tx.ring("scan", "1")
        assert rung == []
        return CreateIndexResponse()

    async def bell(_rings: Any) -> None:
        rung.append(await node.kept())

    node = await nodes(ring)
    node.engine.database.bell = bell
    await node.post("k-1")
    await node.post("k-1")
    assert rung == [1]


@asynccontextmanager
async def _stub(engine: Engine, creation: Creation, key: str) -> AsyncIterator[Any]:
    servicer = _Servicer(engine.database, creation)
    async with serve(engine, {"IndexService": (add_IndexServiceServicer_to_server, servicer)}) as api:
        yield await api.stub_with(IndexServiceStub, {"x-api-key": await engine.key(), "idempotency-key": key})


async def test_grpc_replays_the_trailing_metadata_too(engine: Engine) -> None:
    async def tagged(servicer: IndexServicer, request: CreateIndexRequest, context: Any) -> CreateIndexResponse:
        context.set_trailing_metadata((("x-http-code", "201"), ("etag", '"a-1"')))
        return await create(servicer, request, context)

    async with _stub(engine, tagged, "k-1") as stub:
        answers, told = [], []
        for _ in range(2):
            call = stub.CreateIndex(CreateIndexRequest(name="News"))
            answers.append(await call)
            told.append(dict(await call.trailing_metadata()))
    assert answers[0] == answers[1]
    assert told[0] == {"x-http-code": "201", "etag": '"a-1"'}
    assert told[1] == {**told[0], "idempotency-replayed": "true"}


@pytest.mark.parametrize("key", ["", "k" * 256, "tab\there"])
async def test_a_key_that_is_none_is_refused_by_its_name(engine: Engine, key: str) -> None:
    refused = await Node(engine, create).post(key)
    error = refused.json()["error"]
    assert (refused.status_code, error["details"]["violations"][0]["field"]) == (422, "idempotency-key")


async def test_an_invalid_request_uses_no_key_up(engine: Engine) -> None:
    async with _stub(engine, create, "k-1") as stub:
        assert (await refusal(stub.CreateIndex(CreateIndexRequest(name="")))).status == "INVALID_ARGUMENT"
        await stub.CreateIndex(CreateIndexRequest(name="News"))


async def test_a_read_takes_no_notice_of_the_key(engine: Engine) -> None:
    async with _stub(engine, create, "k-1") as stub:
        counts = []
        for name in ("News", "Sport"):
            async with engine.database.transaction() as tx:
                tx.add(MediaIndex(index_id=tx.new_id("idx"), owner="ada", name=name, created_at=tx.now))
            counts.append(len((await stub.ListIndexes(ListIndexesRequest())).indexes))
    assert counts == [1, 2]


async def test_a_kept_answer_is_sealed(engine: Engine) -> None:
    node = Node(engine, create)
    await node.post("k-1", "s3cr3t")
    async with engine.database.reading() as session:
        row = (await session.exec(select(KeptAnswer))).one()
    assert row.answer is not None
    assert b"s3cr3t" not in row.answer
    assert b"s3cr3t" not in row.request_hash


async def test_a_revoked_key_gets_no_kept_answer(engine: Engine) -> None:
    node = Node(engine, create)
    async with engine.database.transaction() as tx:
        row, api_key = await keys.create(tx, "ada", "test", ["write"])
    await node.post("k-1", api_key=api_key)
    async with engine.database.transaction() as tx:
        await keys.revoke(tx, row.key_id)
    assert (await node.post("k-1", api_key=api_key)).status_code == 401


async def test_a_task_that_outlives_its_call_commits_for_itself(engine: Engine) -> None:
    later: list[asyncio.Task[None]] = []
    answered = asyncio.Event()

    async def write(name: str) -> None:
        await answered.wait()
        async with engine.database.transaction() as tx:
            tx.add(MediaIndex(index_id=tx.new_id("idx"), owner="ada", name=name, created_at=tx.now))

    async def leave(servicer: IndexServicer, request: CreateIndexRequest, context: Any) -> CreateIndexResponse:
        later.append(asyncio.create_task(write("later")))
        return await create(servicer, request, context)

    node = Node(engine, leave)
    await node.post("k-1")
    answered.set()
    await later[0]
    assert await node.names() == ["News", "later"]
