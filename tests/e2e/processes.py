"""The service as its users meet it: ``automation-engine`` and ``automation-gateway`` as processes on free ports.

Nothing here sleeps for a guessed time: ``until`` asks, a few times a second, for what must come true, and gives up at a
deadline with what was seen last.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import random
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIG_DFL, SIGINT, SIGKILL, SIGTERM, Signals, signal
from typing import Any, Self, TypeVar

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.e2e.world import SCHEMA, Bucket

T = TypeVar("T")

ENGINE, GATEWAY = "automation-engine", "automation-gateway"
DEADLINE = 40.0
"""Real seconds that anything may take; a busy machine takes its time."""
POLL = 0.05
FAST = ("--time-scale", "300", "--insecure-dev")
"""Five minutes pass in a second."""

IMPORT_EXAMPLE: Mapping[str, Any] = {
    "enabled": True,
    "paused": False,
    "connector_id": "conn_archive",
    "source_prefix": "incoming/daily/",
    "file_pattern": "*.mp4",
    "recursive": True,
    "debounce_interval": "10m",
    "prompt_preset": {"prompt_id": "prompt_episode_extract"},
}
"""The contract's example."""
EXPORT_EXAMPLE: Mapping[str, Any] = {
    "enabled": True,
    "paused": False,
    "destination_connector_id": "conn_export",
    "destination_subpath": "exports/review-team",
}
"""The contract's example."""


async def until(what: str, ask: Callable[[], Awaitable[T]], *, within: float = DEADLINE, every: float = POLL) -> T:
    """Ask until the answer is true, and return it. Raises ``TimeoutError`` with what was asked for."""
    deadline = time.monotonic() + within
    while True:
        answer = await ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:g} s: {what}; last answer: {answer!r}")
        await asyncio.sleep(every)


def free_port() -> int:
    """Return a port that nobody listens on, below the range of outgoing connections."""
    for port in random.sample(range(22_000, 32_000), 1_000):
        with socket.socket() as trial, contextlib.suppress(OSError):
            trial.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port")


def environment(**settings: str) -> dict[str, str]:
    """Return this process's environment with these ``AUTOMATION_ENGINE_*`` settings and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOMATION_ENGINE_")}
    return kept | {f"AUTOMATION_ENGINE_{name.upper()}": value for name, value in settings.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def last_line(self) -> str:
        """The last line of its output."""
        return self.out.rstrip("\n").rpartition("\n")[2]


async def run(*arguments: str | Path, program: str = ENGINE, within: float = DEADLINE, **settings: str) -> Ended:
    """Run a command to its end; ``settings`` are its ``AUTOMATION_ENGINE_*``. Raises ``TimeoutError``."""
    process = await asyncio.create_subprocess_exec(
        *_command(program, arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(**settings),
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), within)
    except BaseException:
        process.kill()
        raise
    return Ended(code=process.returncode or 0, out=out.decode(), err=err.decode())


def _command(program: str, arguments: Sequence[str | Path]) -> list[str]:
    """Return a command line: our own programs lie beside the interpreter, others on the path."""
    ours = Path(sys.executable).parent / program
    return [str(ours) if ours.exists() else program, *map(str, arguments)]


class Running:
    """A process that goes on, whose output is kept in a file."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def said(self) -> str:
        """All of its output so far."""
        return self._log.read_text(errors="replace")

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs, negative when a signal ended it."""
        return self._process.returncode

    async def stop(self, number: Signals = SIGTERM) -> int:
        """Send a signal and return the exit code. Raises ``TimeoutError`` when the process goes on regardless."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        return await asyncio.wait_for(self._process.wait(), DEADLINE)

    async def says(self, text: str) -> str:
        """Wait until its output holds a text, and return the output."""

        async def holds() -> str:
            said = self.said
            if text not in said and self.code is not None:
                raise AssertionError(f"ended with {self.code} before it said {text!r}:\n{said}")
            return said if text in said else ""

        return await until(f"output {text!r}", holds, within=90)


def _interruptible() -> None:
    """Let Ctrl-C be heard, also where the tests themselves run in the background of a shell, which ignores it."""
    signal(SIGINT, SIG_DFL)


async def start(log: Path, program: str, *arguments: str | Path, **settings: str) -> Running:
    """Start a process; its output is appended to the file."""
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *_command(program, arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment(**settings),
            preexec_fn=_interruptible,
        )
    return Running(process, log)


@asynccontextmanager
async def started(log: Path, program: str, *arguments: str | Path, **settings: str) -> AsyncIterator[Running]:
    """Start a process that does not outlive the block."""
    running = await start(log, program, *arguments, **settings)
    try:
        yield running
    finally:
        await running.stop(SIGKILL)


class Service:
    """An engine on a data folder, that can be stopped, killed, and started again on the same ports."""

    def __init__(self, folder: Path, *options: str | Path) -> None:
        self.data = folder / "data"
        self.log = folder / "serve.log"
        self.grpc, self.http = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self.arguments = ("--data-dir", self.data, "--grpc", self.grpc, "--http", self.http, *options)
        self.key = ""
        self._client = httpx.AsyncClient(base_url=f"http://{self.http}", timeout=DEADLINE)
        self._running: Running | None = None

    @property
    def running(self) -> Running:
        """The present process."""
        assert self._running is not None, "the service was not started"
        return self._running

    async def __aenter__(self) -> Self:
        await self.start()
        self.key = await self.new_key()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
        await self.kill()

    async def start(self) -> None:
        """Start, and return when REST and gRPC both say that it is ready."""
        self._running = await start(self.log, ENGINE, "serve", *self.arguments)
        await ready(self.running, http=self.http, grpc_address=self.grpc)

    async def kill(self) -> None:
        """End it with a signal that it can't catch."""
        await self.running.stop(SIGKILL)

    async def new_key(self, scopes: str = "admin", *, owner: str = "ada", days: float | None = None) -> str:
        """Create a key on the command line."""
        expiry = () if days is None else ("--expires-in-days", f"{days:f}")
        made = await run("keys", "create", "--data-dir", self.data, "--scopes", scopes, "--owner", owner, *expiry)
        assert made.code == 0, made.err
        return made.last_line

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request as it is, without a key unless the headers hold one."""
        return await self._client.request(method, path, **options)

    async def rest(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """Call the API with the key and return the JSON; the answer must have that status."""
        answer = await self.send(method, f"/api/v2{path}", json=body, headers={"X-API-Key": self.key})
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}\n{self.running.said}"
        return answer.json() if answer.content else None


async def ready(running: Running, *, http: str, grpc_address: str | None = None) -> None:
    """Wait until ``/healthz`` answers 200 and gRPC health says SERVING."""
    async with httpx.AsyncClient() as client:

        async def serving() -> bool:
            assert running.code is None, f"ended with {running.code} before it was ready:\n{running.said}"
            try:
                answer = await client.get(f"http://{http}/healthz")
            except httpx.TransportError:
                return False
            return answer.status_code == 200 and (grpc_address is None or await is_serving(grpc_address))

        await until(f"{http} is ready", serving)


async def is_serving(address: str, service: str = "") -> bool:
    """Ask gRPC health."""
    async with grpc.aio.insecure_channel(address) as channel:
        try:
            request = health_pb2.HealthCheckRequest(service=service)
            answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=5)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An index of a service with its two automations, the place they watch and the place they deliver to."""

    service: Service
    source: Bucket
    target: Bucket
    ids: Mapping[str, str]

    @classmethod
    async def set_up(
        cls, service: Service, source: Bucket, target: Bucket, *, import_mode: str = "all", **changes: Any
    ) -> Scene:
        """Create everything over REST, as a client would; ``changes`` are made to the contract's import example."""
        ids = {"index": (await service.rest("POST", "/indexes", {"name": "Dailies"}))["index_id"]}
        for scope, bucket in (("import", source), ("export", target)):
            path, settings = bucket.connector()
            body = {"name": scope, "scopes": [scope], "import_mode": import_mode, **settings}
            ids[scope] = (await service.rest("POST", path, body))["connector_id"]
        prompt = {"name": "Facts", "prompt_text": "Measure.", "json_schema": SCHEMA}
        ids["prompt"] = (await service.rest("POST", "/prompts", prompt))["prompt_id"]
        scene = cls(service=service, source=source, target=target, ids=ids)
        await scene.automation("PUT", body=scene.import_body(debounce_interval="5m", **changes))
        await scene.automation("PUT", kind="export", body=scene.export_body())
        return scene

    def import_body(self, **changes: Any) -> dict[str, Any]:
        """Return the contract's example with the ids replaced."""
        preset = {"prompt_id": self.ids["prompt"]}
        return {**IMPORT_EXAMPLE, "connector_id": self.ids["import"], "prompt_preset": preset, **changes}

    def export_body(self) -> dict[str, Any]:
        """Return the contract's example with the ids replaced."""
        return {**EXPORT_EXAMPLE, "destination_connector_id": self.ids["export"]}

    async def automation(self, method: str, action: str = "", *, kind: str = "import", body: Any = None) -> Any:
        """Call a route of one of the automations."""
        return await self.service.rest(method, f"/indexes/{self.ids['index']}/automations/{kind}{action}", body)

    async def jobs(self) -> list[dict[str, Any]]:
        """Return the import jobs, the newest first."""
        return list(await self.service.rest("GET", f"/import-jobs?index_id={self.ids['index']}"))

    async def runs(self) -> list[dict[str, Any]]:
        """Return the prompt runs, the newest first."""
        page = await self.service.rest("GET", f"/indexes/{self.ids['index']}/prompt-runs?limit=200")
        return list(page["data"])

    async def exports(self) -> list[dict[str, Any]]:
        """Return what was delivered to this scene's target, the newest first."""
        exports = await self.service.rest("GET", "/exports?limit=200")
        return [export for export in exports if export["destination_connector_id"] == self.ids["export"]]

    async def videos(self) -> list[str]:
        """Return the titles of the imported videos."""
        page = await self.service.rest("GET", f"/indexes/{self.ids['index']}/videos?limit=200")
        return sorted(video["title"] for video in page["data"])

    async def claimed(self) -> list[str]:
        """Return the names of all files that any import job has ever taken up, once for each time."""
        names = []
        for job in await self.jobs():
            page = await self.service.rest("GET", f"/import-jobs/{job['job_id']}/files?limit=200")
            names += [file["file_name"].rpartition("/")[2] for file in page["items"]]
        return sorted(names)

    async def status(self) -> dict[str, Any]:
        """Return the import automation's status."""
        return dict(await self.automation("GET", "/status"))

    async def delivered(self, count: int) -> None:
        """Wait until that many exports are in their destination."""

        async def all_there() -> bool:
            exports = await self.exports()
            return len(exports) >= count and all(export["status"] == "completed" for export in exports)

        await until(f"{count} exports are completed", all_there)

    async def nothing_lost_or_doubled(self, titles: Sequence[str], *, jobs: int) -> None:
        """Check that each file was imported, analysed and delivered exactly once."""
        assert await self.videos() == sorted(titles)
        assert await self.claimed() == sorted(titles)
        done = await self.jobs()
        assert [job["status"] for job in done] == ["completed"] * jobs
        assert sum(job["progress"]["imported"] for job in done) == len(titles)
        runs = await self.runs()
        assert {run["run_id"] for run in runs} == {job["execution"]["run_id"] for job in done}
        assert [run["status"] for run in runs] == ["completed"] * jobs
        exports = await self.exports()
        exported = sorted(export["export_params"]["prompt_run_ids"][0] for export in exports)
        assert exported == sorted(run["run_id"] for run in runs)
        assert sorted(await self._delivered_titles()) == sorted(titles)

    async def _delivered_titles(self) -> list[str]:
        """Check every artifact against its manifest, and return the videos whose one segment they hold."""
        names = [name for name in await self.target.names() if not name.rpartition("/")[2].startswith(".")]
        manifests = [name for name in names if name.endswith(".manifest.json")]
        assert len(names) == 2 * len(manifests) == 2 * len(await self.exports()), names
        titles = []
        for name in manifests:
            artifact = await self.target.read(name.removesuffix(".manifest.json") + ".json")
            manifest = json.loads(await self.target.read(name))
            assert manifest["sha256"] == hashlib.sha256(artifact).hexdigest()
            [run] = json.loads(artifact)["runs"]
            titles += [segment["video_name"] for segment in run["segments"]]
        return titles
