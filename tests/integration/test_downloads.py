"""Exports that are kept for download: written in pieces by a real job, read with a key, or once with a URL."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import grpc
import httpx
import orjson
import pytest
from cryptography.fernet import Fernet
from sqlmodel import func, select

from automation_engine.jobs import artifact
from automation_engine.jobs.exports import Exports
from automation_engine.secrets import SecretBox
from automation_engine.servicers import download_tokens
from automation_engine.servicers.export_servicer import ExportServicer
from automation_engine.store import exports, runs, work
from automation_engine.store.database import Database
from automation_engine.store.tables import Export, ExportChunk, SpentToken
from automation_engine.v1 import export_pb2
from automation_engine.v1 import export_service_pb2 as pb
from automation_engine.v1.export_service_pb2_grpc import ExportServiceStub, add_ExportServiceServicer_to_server
from gateway.cli import gateway_app
from gateway.streaming import BrokenOffError
from tests.integration.engine import Api, Engine, serve
from tests.integration.failures import refusal
from tests.integration.scenery import add_connector, add_index, add_prompt, add_run, add_videos

ORIGIN = {"x-forwarded-proto": "https", "x-forwarded-host": "media.example:8443"}
TOKEN = re.compile(r"v1\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
MIB = 1 << 20


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[Api]:
    servicer = ExportServicer(database=engine.database, box=engine.stores.box)
    async with serve(engine, {"ExportService": (add_ExportServiceServicer_to_server, servicer)}) as api:
        await add_index(engine)
        await add_connector(engine, "conn_out", scopes=["export"])
        await add_prompt(engine)
        yield api


@pytest.fixture
async def stub(api: Api) -> Any:
    """Return a stub whose calls come through a gateway at ``ORIGIN``."""
    return await api.stub_with(ExportServiceStub, {"x-api-key": await api.engine.key("write"), **ORIGIN})


@pytest.fixture
async def anonymous(api: Api) -> Any:
    """Return a stub without a key."""
    return await api.stub_with(ExportServiceStub, {})


async def _create(engine: Engine, stub: Any, *, texts: int = 1, **fields: Any) -> str:
    """Start an export of a run with so many segments, each of half a MiB."""
    run_id = await add_run(engine, await add_videos(engine, f"{engine.clock.now()}.mp4"))
    async with engine.database.transaction() as tx:
        video_id = (await exports.chosen_runs(tx, Export(prompt_run_ids=[run_id])))[0].context["video_ids"][0]
        row = {"run_id": run_id, "video_id": video_id, "error": None, "created_at": tx.now}
        spans = [{"ordinal": at, "start_time": at, "end_time": at + 1} for at in range(2, 2 + texts)]
        await runs.add_results(tx, [{**row, **span, "data": {"text": "ü" * (MIB // 4)}} for span in spans])
    request = pb.CreatePromptRunExportRequest(run_id=run_id, **fields)
    export_id: str = (await stub.CreatePromptRunExport(request)).export_id
    engine.clock.advance(1)
    return export_id


async def _perform(engine: Engine, export_id: str) -> None:
    lease = await work.claim(engine.database, f"export:{export_id}")
    assert lease is not None
    await Exports(engine.database, engine.stores).perform(lease)


async def _kept(engine: Engine, stub: Any, *, texts: int = 1) -> str:
    export_id = await _create(engine, stub, texts=texts)
    await _perform(engine, export_id)
    return export_id


async def _get(stub: Any, export_id: str) -> export_pb2.Export:
    export: export_pb2.Export = (await stub.GetExport(pb.GetExportRequest(export_id=export_id))).export
    return export


async def _url(stub: Any, export_id: str) -> pb.CreateExportDownloadUrlResponse:
    request = pb.CreateExportDownloadUrlRequest(export_id=export_id)
    answer: pb.CreateExportDownloadUrlResponse = await stub.CreateExportDownloadUrl(request)
    return answer


async def _token(stub: Any, export_id: str) -> str:
    return parse_qs(urlsplit((await _url(stub, export_id)).download_url).query)["token"][0]


async def _download(stub: Any, export_id: str, token: str | None = None) -> list[bytes]:
    call = stub.DownloadExport(pb.DownloadExportRequest(export_id=export_id, token=token))
    return [part.body.data async for part in call]


async def _chunks(engine: Engine) -> dict[str, int]:
    statement = select(ExportChunk.export_id, func.count()).group_by(ExportChunk.export_id)
    async with engine.database.reading() as session:
        return dict((await session.exec(statement)).all())


async def test_a_download_is_the_artifact_in_parts_of_a_mib_with_its_length_ahead(engine: Engine, stub: Any) -> None:
    export_id = await _kept(engine, stub, texts=5)
    call = stub.DownloadExport(pb.DownloadExportRequest(export_id=export_id))
    parts = [part.body async for part in call]
    assert [len(part.data) for part in parts[:-1]] == [MIB, MIB]
    assert {part.content_type for part in parts} == {"application/json"}
    data = b"".join(part.data for part in parts)
    export = await _get(stub, export_id)
    told = {key: value for key, value in await call.initial_metadata() if key in {"x-content-length", "cache-control"}}
    assert told == {"x-content-length": str(len(data)), "cache-control": "private, no-store"}
    assert export.file_size_bytes == len(data)
    assert len(orjson.loads(data)["runs"][0]["segments"]) == 7
    assert export.gcs_uri.startswith(f"export://{export_id}/run_")
    assert export.download_url == f"/api/v2/exports/{export_id}/download"


async def test_a_download_url_has_one_parameter_and_tells_five_fields(engine: Engine, stub: Any) -> None:
    export_id = await _kept(engine, stub)
    answer = await _url(stub, export_id)
    assert {field.name for field, _ in answer.ListFields()} == {
        "export_id",
        "status",
        "destination_type",
        "download_url",
    }
    url = urlsplit(answer.download_url)
    assert (url.scheme, url.netloc, url.path) == ("https", ORIGIN["x-forwarded-host"], _path(export_id))
    assert list(parse_qs(url.query)) == ["token"]
    token = await _token(stub, export_id)
    assert TOKEN.fullmatch(token)
    assert 32 <= len(token) <= 2048
    assert token != await _token(stub, export_id)
    assert len(base64.urlsafe_b64decode(token.split(".")[1])) == 24  # an instant and a nonce: no owner, no export


def _path(export_id: str) -> str:
    return f"/api/v2/exports/{export_id}/download"


async def test_the_operators_origin_comes_before_the_one_that_was_called(engine: Engine, stub: Any) -> None:
    export_id = await _kept(engine, stub)
    servicer = ExportServicer(database=engine.database, box=engine.stores.box, public_url="https://api.example")
    async with serve(engine, {"ExportService": (add_ExportServiceServicer_to_server, servicer)}) as served:
        url = (await _url(await served.stub_with(ExportServiceStub, await _headers(engine)), export_id)).download_url
    assert url.startswith(f"https://api.example{_path(export_id)}?token=v1.")


async def _headers(engine: Engine) -> dict[str, str]:
    return {"x-api-key": await engine.key("read"), **ORIGIN}


async def test_without_any_origin_no_url_is_made(engine: Engine, api: Api, stub: Any) -> None:
    export_id = await _kept(engine, stub)
    refused = await refusal(_url(await api.stub(ExportServiceStub), export_id))
    assert (refused.status, "--public-url" in refused.message) == ("FAILED_PRECONDITION", True)


async def test_there_is_no_url_for_what_can_not_be_downloaded(engine: Engine, stub: Any) -> None:
    waiting = await _create(engine, stub)
    answer = await _url(stub, waiting)
    assert (answer.status, answer.HasField("download_url")) == (export_pb2.EXPORT_STATUS_PENDING, False)
    delivered = await _create(engine, stub, destination_connector_id="conn_out")
    await _perform(engine, delivered)
    answer = await _url(stub, delivered)
    assert (answer.destination_connector_id, answer.HasField("download_url")) == ("conn_out", False)
    assert "file://" in (await refusal(_download(stub, delivered))).message
    assert (await refusal(_download(stub, waiting))).status == "FAILED_PRECONDITION"


async def test_a_url_works_once_without_a_key(engine: Engine, stub: Any, anonymous: Any) -> None:
    export_id = await _kept(engine, stub)
    token = await _token(stub, export_id)
    data = b"".join(await _download(anonymous, export_id, token))
    assert data == b"".join(await _download(stub, export_id))
    again = await refusal(_download(anonymous, export_id, token))
    assert (again.status, "was used" in again.message) == ("UNAUTHENTICATED", True)
    assert (await refusal(_download(anonymous, export_id))).status == "UNAUTHENTICATED"


async def test_of_many_that_use_a_url_at_once_one_gets_the_export(engine: Engine, stub: Any, anonymous: Any) -> None:
    export_id = await _kept(engine, stub)
    token = await _token(stub, export_id)
    ended = await asyncio.gather(*(_download(anonymous, export_id, token) for _ in range(8)), return_exceptions=True)
    refused = [error for error in ended if isinstance(error, grpc.aio.AioRpcError)]
    assert len(refused) == 7
    assert {error.code() for error in refused} == {grpc.StatusCode.UNAUTHENTICATED}


async def test_a_used_url_stays_used_after_a_restart(engine: Engine, stub: Any, anonymous: Any, tmp_path: Path) -> None:
    export_id = await _kept(engine, stub)
    used, unused = await _token(stub, export_id), await _token(stub, export_id)
    await _download(anonymous, export_id, used)
    database = Database(engine.database.url, clock=engine.clock)
    servicer = ExportServicer(database=database, box=SecretBox.open(tmp_path))
    async with serve(engine, {"ExportService": (add_ExportServiceServicer_to_server, servicer)}) as served:
        restarted = await served.stub_with(ExportServiceStub, {})
        assert "was used" in (await refusal(_download(restarted, export_id, used))).message
        assert await _download(restarted, export_id, unused)
    await database.close()


async def test_a_url_expires_and_used_ones_are_forgotten_then(engine: Engine, stub: Any, anonymous: Any) -> None:
    export_id = await _kept(engine, stub)
    late, used = await _token(stub, export_id), await _token(stub, export_id)
    await _download(anonymous, export_id, used)
    engine.clock.advance(download_tokens.LIFETIME)
    for token in (late, used):
        assert "has expired" in (await refusal(_download(anonymous, export_id, token))).message
    await _download(anonymous, export_id, await _token(stub, export_id))
    async with engine.database.reading() as session:
        assert (await session.exec(select(func.count()).select_from(SpentToken))).one() == 1


async def test_a_url_is_for_its_export_alone(engine: Engine, api: Api, stub: Any, anonymous: Any) -> None:
    export_id, other = await _kept(engine, stub), await _kept(engine, stub)
    token = await _token(stub, export_id)
    version, content, signature = token.split(".")
    forged = [
        (other, token),
        ("exp_none", token),
        (export_id, f"v2.{content}.{signature}"),
        (export_id, f"{version}.{content[::-1]}.{signature}"),
        (export_id, f"{version}.{content}.{signature[::-1]}"),
        (export_id, f"{version}.{content}"),
        (export_id, f"{version}.{content}.é"),
        (export_id, "x"),
    ]
    for target, text in forged:
        refused = await refusal(_download(anonymous, target, text))
        assert (refused.status, "has expired, or never was" in refused.message) == ("UNAUTHENTICATED", True), text
    async with engine.database.transaction() as tx:
        (await tx.get_one(Export, export_id)).owner = "eve"
    assert (await refusal(_download(anonymous, export_id, token))).status == "UNAUTHENTICATED"
    stranger = await api.stub(ExportServiceStub, owner="mallory")
    assert (await refusal(_download(stranger, other))).status == "NOT_FOUND"
    assert (await refusal(_url(stranger, other))).status == "NOT_FOUND"


def test_a_token_holds_while_its_key_is_kept_at_all() -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    export = Export(export_id="exp_a", owner="ada")
    token = download_tokens.issue(SecretBox([old]), export, 0.0)
    assert download_tokens.read(SecretBox([new, old]), export, token, 1.0) is not None
    assert download_tokens.read(SecretBox([new]), export, token, 1.0) is None


async def test_a_download_is_kept_for_a_week(engine: Engine, stub: Any, anonymous: Any) -> None:
    export_id = await _kept(engine, stub)
    engine.clock.advance(exports.KEPT - 1)
    token = await _token(stub, export_id)
    engine.clock.advance(2)
    export = await _get(stub, export_id)
    assert export.status == export_pb2.EXPORT_STATUS_COMPLETED
    assert (export.HasField("download_url"), export.HasField("gcs_uri")) == (False, False)
    assert not (await _url(stub, export_id)).HasField("download_url")
    for caller, proof in ((stub, None), (anonymous, token)):
        refused = await refusal(_download(caller, export_id, proof))
        assert (refused.status, "kept for 7 days" in refused.message) == ("NOT_FOUND", True)
    assert export_id in await _chunks(engine)
    newer = await _kept(engine, stub)
    assert list(await _chunks(engine)) == [newer]


async def test_what_an_attempt_that_died_kept_is_written_anew(engine: Engine, stub: Any) -> None:
    export_id = await _create(engine, stub, texts=3)
    async with engine.database.transaction() as tx:
        for ordinal in range(5):
            tx.add(ExportChunk(export_id=export_id, ordinal=ordinal, data=b"torn"))
    await _perform(engine, export_id)
    assert sum(len(part) for part in await _download(stub, export_id)) == (await _get(stub, export_id)).file_size_bytes


async def test_an_export_that_is_too_large_fails_at_once_and_leaves_nothing(
    engine: Engine, stub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifact, "MAX_BYTES", MIB)
    export_id = await _kept(engine, stub, texts=3)
    export = await _get(stub, export_id)
    assert (export.status, export.queue_status, export.attempts) == (
        export_pb2.EXPORT_STATUS_FAILED,
        export_pb2.EXPORT_QUEUE_STATUS_DEAD_LETTER,
        1,
    )
    assert "exceeds 1,048,576 bytes: export fewer runs" in export.error_message == export.last_error
    assert not await _chunks(engine)


@asynccontextmanager
async def _gateway(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of a gateway that reaches the servicers over a channel."""
    async with grpc.aio.insecure_channel(api.target) as channel:
        transport = httpx.ASGITransport(gateway_app(channel))
        headers = {"X-API-Key": await api.engine.key("read")}
        async with httpx.AsyncClient(transport=transport, base_url="https://media.example", headers=headers) as client:
            yield client


async def test_a_gateway_beside_the_engine_passes_a_download_on(engine: Engine, api: Api, stub: Any) -> None:
    export_id = await _kept(engine, stub, texts=5)
    data = b"".join(await _download(stub, export_id))
    async with _gateway(api) as client:
        answer = await client.get(_path(export_id))
        assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(data)))
        assert answer.content == data
        minted = (await client.post(f"/api/v2/exports/{export_id}/download-url")).json()
        assert minted["download_url"].startswith(f"https://media.example{_path(export_id)}?token=v1.")
        assert (await client.get(minted["download_url"], headers={"X-API-Key": ""})).content == data
        assert (await client.get(minted["download_url"])).status_code == 401


async def test_a_download_that_breaks_off_ends_without_its_last_bytes(engine: Engine, api: Api, stub: Any) -> None:
    """Whoever serves the gateway closes the connection then: nobody takes the part for the whole."""
    export_id = await _kept(engine, stub, texts=5)
    async with engine.database.transaction() as tx:
        await tx.delete(await tx.get_one(ExportChunk, (export_id, 1)))
    async with _gateway(api) as client:
        with pytest.raises(BrokenOffError):
            await client.get(_path(export_id))


async def test_a_download_whose_index_is_deleted_meanwhile_breaks_off(engine: Engine, stub: Any) -> None:
    export_id = await _kept(engine, stub, texts=3)
    async with engine.database.transaction() as tx:
        await tx.delete(await tx.get_one(ExportChunk, (export_id, 1)))
    refused = await refusal(_download(stub, export_id))
    assert (refused.status, "bytes are missing" in refused.message) == ("FAILED_PRECONDITION", True)
