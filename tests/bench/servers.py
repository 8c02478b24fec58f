"""The servers that are measured, each a process of its own: ``python -m tests.bench.servers KIND``.

A server prints one line of JSON when it is ready (pid, port, key) and ends with its standard input. ``engine`` is
the product's REST over its database; ``gateway`` the same routes over a servicer that does nothing, ``moving`` over one
whose answers all differ; ``channel`` is that servicer behind a unix socket, with the gateway as ``bridge`` before it;
``fastapi`` the bare echo.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import orjson
import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import BaseModel

from automation_engine.clock import SystemClock
from automation_engine.connectors.pool import Stores
from automation_engine.main import make_app
from automation_engine.secrets import SecretBox
from automation_engine.servicers.automation_servicer import AutomationServicer
from automation_engine.servicers.pipeline import interceptors
from automation_engine.store import keys
from automation_engine.store.database import Database, sqlite_url
from automation_engine.store.schema import migrate
from automation_engine.store.tables import Connector, MediaIndex, Prompt
from automation_engine.v1 import automation_service_pb2 as pb
from automation_engine.v1.automation_service_pb2_grpc import (
    AutomationServiceServicer,
    add_AutomationServiceServicer_to_server,
)
from gateway.app import create_app
from gateway.cli import gateway_app
from gateway.codec import Codec
from gateway.dispatch import InProcessDispatch
from gateway.stubs import load_stubs
from tests.bench.measure import pin

STUBS = "automation_engine.v1"
INDEX = "idx_bench"
PUT_BODY: dict[str, Any] = {
    "enabled": True,
    "paused": False,
    "connector_id": "conn_bench",
    "source_prefix": "incoming/daily/",
    "file_pattern": "*.mp4",
    "recursive": True,
    "debounce_interval": "5m",
    "prompt_preset": {
        "prompt_id": "prompt_bench",
        "video_segmentation_type": "fixed",
        "video_segment_duration": 30,
    },
}
ANSWER: dict[str, Any] = {
    **PUT_BODY,
    "index_id": INDEX,
    "automation_id": "auto_bench",
    "state": "starting",
    "generation": 1,
    "etag": "auto_bench-1",
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "next_scan_at": "2026-01-01T00:00:30Z",
}


class Preset(BaseModel):
    """The preset, as a FastAPI service would declare it."""

    prompt_id: str
    video_segmentation_type: str | None = None
    audio_segmentation_type: str | None = None
    video_segment_duration: int | None = None
    audio_segment_duration: int | None = None
    processing_model: str | None = None
    enable_transcription: bool | None = None
    enable_image_embedding: bool | None = None
    prompt_name: str | None = None
    prompt_text: str | None = None
    json_schema: dict[str, Any] | None = None
    snapshot_at: str | None = None


class Automation(BaseModel):
    """The import automation, as a FastAPI service would declare it."""

    index_id: str = ""
    automation_id: str = ""
    enabled: bool | None = None
    paused: bool | None = None
    connector_id: str
    source_prefix: str = ""
    file_pattern: str | None = None
    recursive: bool | None = None
    debounce_interval: str
    prompt_preset: Preset
    state: str | None = None
    generation: int = 0
    etag: str = ""
    created_at: str | None = None
    updated_at: str | None = None
    next_scan_at: str | None = None
    next_trigger_at: str | None = None
    deadline_at: str | None = None
    last_change_at: str | None = None
    last_scan_at: str | None = None
    last_fired_at: str | None = None
    last_job_id: str | None = None
    last_run_id: str | None = None
    exclude_patterns: list[str] = []
    existing_files: str | None = None
    max_wait: str | None = None
    batch_limit: int | None = None
    spend_fuse: dict[str, Any] | None = None
    done_file_pattern: str | None = None


class Still(AutomationServiceServicer):
    """Answers a GET with one automation, and a PUT with what was put. ``moving``: no two GETs have the same answer."""

    def __init__(self, *, moving: bool = False) -> None:
        self._moving = moving
        self._answer = pb.GetImportAutomationResponse()
        Codec(load_stubs(STUBS).rest_name).decode(self._answer.import_automation, orjson.dumps(ANSWER))

    async def GetImportAutomation(self, request: Any, context: Any) -> pb.GetImportAutomationResponse:  # noqa: ARG002, N802 - the proto's
        """Answer."""
        if self._moving:
            self._answer.import_automation.generation += 1
        return self._answer

    async def PutImportAutomation(self, request: Any, context: Any) -> pb.PutImportAutomationResponse:  # noqa: ARG002, N802 - the proto's
        """Echo."""
        return pb.PutImportAutomationResponse(import_automation=request.import_automation)


def fastapi_app() -> FastAPI:
    """Return the bare echo: the same JSON in and out, through pydantic."""
    app = FastAPI(openapi_url=None)
    saved = Automation.model_validate(ANSWER)
    path = "/api/v2/indexes/{index_id}/automations/import"

    @app.get(path)
    async def get(index_id: str) -> Automation:  # noqa: ARG001 - part of the path
        return saved

    @app.put(path)
    async def put(index_id: str, body: Automation) -> Automation:  # noqa: ARG001 - part of the path
        return body

    return app


def _bare_app(*, moving: bool = False) -> FastAPI:
    stubs = load_stubs(STUBS)
    dispatch = InProcessDispatch()
    add_AutomationServiceServicer_to_server(Still(moving=moving), dispatch)

    async def ready() -> bool:
        return True

    return create_app(
        stubs.services,
        dispatch,
        descriptor_set=stubs.descriptor_set,
        title="bench",
        version="1",
        rest_name_extension=stubs.rest_name,
        ready=ready,
    )


@asynccontextmanager
async def _opened() -> AsyncIterator[tuple[Database, Stores, str]]:
    """Open an engine's parts on a database with one index, connector and prompt; and make a key."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = Database(sqlite_url(folder / "engine.db"), clock=SystemClock())
        await migrate(database)
        stores = Stores(SecretBox.open(folder), allowed_roots=[folder])
        async with database.transaction() as tx:
            _, key = await keys.create(tx, "ada", "bench", ["admin"])
            tx.add(MediaIndex(index_id=INDEX, owner="ada", name="Bench", created_at=tx.now))
            tx.add(
                Connector(
                    connector_id="conn_bench",
                    owner="ada",
                    name="Bench",
                    provider="local",
                    status="active",
                    scopes=["import"],
                    import_mode="all",
                    settings={"root": name},
                    created_at=tx.now,
                    updated_at=tx.now,
                )
            )
            tx.add(
                Prompt(
                    prompt_id="prompt_bench",
                    owner="ada",
                    name="Facts",
                    description="",
                    prompt_text="Measure.",
                    json_schema={"type": "object", "properties": {"duration": {"type": "number"}}},
                    semantic_indexing={},
                    created_at=tx.now,
                    updated_at=tx.now,
                )
            )
        yield database, stores, key
        await stores.close()
        await database.close()


async def _http(app: FastAPI, key: str = "") -> None:
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, http="httptools", log_level="warning", access_log=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it by this flag alone
        await asyncio.sleep(0.01)
    await _until_told(server.servers[0].sockets[0].getsockname()[1], key)
    server.should_exit = True
    await serving


async def _until_told(port: int, key: str) -> None:
    sys.stdout.write(orjson.dumps({"pid": os.getpid(), "port": port, "key": key}).decode() + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


async def _rpc(
    address: str, servicer: AutomationServiceServicer, guards: Sequence[grpc.aio.ServerInterceptor] = (), key: str = ""
) -> None:
    server = grpc.aio.server(interceptors=guards)
    add_AutomationServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port(address)
    await server.start()
    await _until_told(port, key)
    await server.stop(None)


async def _engine() -> None:
    async with _opened() as (database, stores, key):
        await _http(make_app(database, stores), key)


async def _engine_rpc() -> None:
    async with _opened() as (database, stores, key):
        guards = interceptors(database, load_stubs(STUBS).services, stores.box)
        servicer = AutomationServicer(database=database, stores=stores)
        await _rpc("127.0.0.1:0", servicer, guards, key)


async def _bridge() -> None:
    async with grpc.aio.insecure_channel(f"unix:{sys.argv[2]}") as channel:
        await _http(gateway_app(channel))


KINDS: dict[str, tuple[int, Callable[[], Coroutine[Any, Any, None]]]] = {
    "engine": (0, _engine),
    "gateway": (0, lambda: _http(_bare_app())),
    "moving": (0, lambda: _http(_bare_app(moving=True))),
    "fastapi": (0, lambda: _http(fastapi_app())),
    "bridge": (0, _bridge),
    "channel": (1, lambda: _rpc(f"unix:{sys.argv[2]}", Still())),
    "engine_rpc": (0, _engine_rpc),
    "echo_rpc": (0, lambda: _rpc("127.0.0.1:0", Still())),
}
"""Of each kind the core (see ``pin``) and what it runs. The servicer behind the bridge shares the load's core."""

if __name__ == "__main__":
    core, serve = KINDS[sys.argv[1]]
    pin(core)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
