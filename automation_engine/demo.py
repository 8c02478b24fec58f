"""The main job, end to end, on real files: ``automation-engine demo``.

Everything is set up over REST as a client would. The clock runs 60 times faster: the five quiet minutes that the
automation waits for take five seconds.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from rich.console import Console

from automation_engine.config import Settings
from automation_engine.demo_media import write_clip
from automation_engine.errors import EngineError
from automation_engine.main import Engine, running
from automation_engine.store import keys

TIME_SCALE = 60.0
_GIVE_UP = 80.0
"""Real seconds after which a demo that did not deliver has failed."""
_POLL = 0.25
_PIECES = 12

_SCHEMA = {
    "type": "object",
    "properties": {
        "duration": {"type": "number"},
        "width": {"type": "integer"},
        "height": {"type": "integer"},
        "frame_rate": {"type": "number"},
        "video_codec": {"type": "string"},
        "has_audio": {"type": "boolean"},
        "mean_luma": {"type": "number"},
        "motion": {"type": "number"},
        "scene_changes": {"type": "integer"},
    },
    "required": ["duration", "width", "height", "has_audio"],
}


class DemoFailed(EngineError):
    """The demo did not end as it must; the message says where it stood."""

    code = "demo_failed"


class _Client:
    """A REST client of the running service. Raises ``DemoFailed`` for every answer that is an error."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self._session = session
        self.url = f"{url}/api/v2"
        self._headers = {"X-API-Key": key}

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send one request and return the JSON that it is answered with."""
        async with self._session.request(method, self.url + path, json=body, headers=self._headers) as answer:
            document = await answer.json()
            if answer.status >= 400:
                raise DemoFailed(f"{method} {path} was answered {answer.status}: {document['error']['message']}")
            return document


class _Timeline:
    """What happened when, told as it happens and once more at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()
        self._events: list[str] = []

    @property
    def elapsed(self) -> float:
        """Real seconds since the start."""
        return time.monotonic() - self._started

    def note(self, text: str, *, event: bool = True) -> None:
        """Tell what happened; an event is told again at the end."""
        line = f"{self.elapsed:6.2f} s  {text}"
        self._console.print(line if event else f"[dim]{line}[/dim]")
        if event:
            self._events.append(line)

    def tell_again(self) -> None:
        """Print the events."""
        self._console.rule("timeline")
        for line in self._events:
            self._console.print(line)


async def run_demo(console: Console, *, keep: bool, data_dir: Path | None) -> None:
    """Run the demo; with ``keep``, leave the service running until it is interrupted."""
    with _folder(data_dir) as root:
        watched, delivered = root / "watched", root / "delivered"
        for folder in (watched, delivered):
            folder.mkdir(parents=True, exist_ok=True)
        settings = Settings(
            data_dir=root / "data",
            grpc="127.0.0.1:0",
            http="127.0.0.1:0",
            local_root=(watched, delivered),
            time_scale=TIME_SCALE,
            insecure_dev=True,
        )
        async with running(settings) as engine, _client(engine) as (client, key):
            timeline = _Timeline(console)
            timeline.note(f"the service is ready; its clock runs {TIME_SCALE:g} times faster")
            index_id = await _set_up(client, timeline, watched, delivered)
            artifact = await _watch(client, timeline, index_id, watched)
            console.rule(f"delivered: {artifact.name}")
            console.print_json(artifact.read_text("utf-8"))
            timeline.tell_again()
            if keep:
                console.print(_invitation(engine, key=key, index_id=index_id, watched=watched))
                await asyncio.Event().wait()


def _invitation(engine: Engine, *, key: str, index_id: str, watched: Path) -> str:
    """Say where the service is, and what to try on it."""
    route = f"{engine.http_url}/api/v2/indexes/{index_id}/automations/import"
    return f"""
REST  {engine.http_url}/docs
gRPC  {engine.grpc_address}
key   {key}
index {index_id}
drop  {watched}/incoming/daily/

Try, in another terminal:

export AUTOMATION_ENGINE_GRPC={engine.grpc_address} AUTOMATION_ENGINE_KEY={key}
automation-engine automations status {index_id} --watch
automation-engine automations explain {index_id} incoming/daily/aerial.mp4
automation-engine automations simulate {index_id} --debounce 10m --debounce 1h
curl -s -H "X-API-Key: $AUTOMATION_ENGINE_KEY" {route}/batches
curl -s -H "X-API-Key: $AUTOMATION_ENGINE_KEY" -X POST {route}/run

The service runs on; Ctrl-C ends it."""


@contextmanager
def _folder(data_dir: Path | None) -> Iterator[Path]:
    if data_dir is not None:
        yield data_dir.resolve()
        return
    with TemporaryDirectory(prefix="automation-engine-demo-") as made:
        yield Path(made)


@asynccontextmanager
async def _client(engine: Engine) -> AsyncIterator[tuple[_Client, str]]:
    async with engine.database.transaction() as tx:
        _, key = await keys.create(tx, owner="demo", name="demo", scopes=["admin"], expires_at=None)
    async with aiohttp.ClientSession() as session:
        yield _Client(session, engine.http_url, key), key


async def _set_up(client: _Client, timeline: _Timeline, watched: Path, delivered: Path) -> str:
    """Create what the automations need, and both automations. Returns the index."""
    index = await client.call("POST", "/indexes", {"name": "Dailies"})
    source = await client.call(
        "POST", "/connectors/local", {"name": "camera drop", "root": str(watched), "scopes": ["import"]}
    )
    target = await client.call(
        "POST", "/connectors/local", {"name": "review team", "root": str(delivered), "scopes": ["export"]}
    )
    prompt = await client.call(
        "POST", "/prompts", {"name": "Facts", "prompt_text": "Measure each segment.", "json_schema": _SCHEMA}
    )
    index_id: str = index["index_id"]
    await client.call(
        "PUT",
        f"/indexes/{index_id}/automations/import",
        {
            "enabled": True,
            "paused": False,
            "connector_id": source["connector_id"],
            "source_prefix": "incoming/daily/",
            "file_pattern": "*.mp4",
            "recursive": True,
            "debounce_interval": "5m",
            "prompt_preset": {"prompt_id": prompt["prompt_id"]},
        },
    )
    await client.call(
        "PUT",
        f"/indexes/{index_id}/automations/export",
        {
            "enabled": True,
            "paused": False,
            "destination_connector_id": target["connector_id"],
            "destination_subpath": "exports/review-team",
        },
    )
    timeline.note("index, connectors, prompt and both automations are set up over REST")
    return index_id


async def _watch(client: _Client, timeline: _Timeline, index_id: str, watched: Path) -> Path:
    """Drop the clips and tell what the automations wait for, until the export is in its destination."""
    dropping = asyncio.create_task(_drop(timeline, watched / "incoming" / "daily"))
    told: set[str] = set()
    told_why = ""
    try:
        while timeline.elapsed < _GIVE_UP:
            status = await client.call("GET", f"/indexes/{index_id}/automations/import/status")
            why = _why(status)
            if _gist(why) != _gist(told_why):
                timeline.note(why, event=False)
            told_why = why
            artifact = await _progress(client, timeline, index_id, told)
            if artifact is not None and dropping.done():
                await dropping
                return artifact
            await asyncio.sleep(_POLL)
    finally:
        dropping.cancel()
    raise DemoFailed(f"nothing was delivered within {_GIVE_UP:g} s; the automation says: {told_why}")


def _why(status: dict[str, Any]) -> str:
    held = ", ".join(f"{item['path']} ({item['reason']})" for item in status["held_by"])
    return f"{status['state']}: {status['why']}" + (f" Held by: {held}" if held else "")


def _gist(why: str) -> str:
    """Return a sentence without its numbers: a countdown alone is no news."""
    return re.sub(r"\d+", "", why)


async def _progress(client: _Client, timeline: _Timeline, index_id: str, told: set[str]) -> Path | None:
    """Tell what became of jobs, runs and exports since the last look. Returns the artifact once it is delivered."""

    def tell(text: str) -> None:
        if text not in told:
            told.add(text)
            timeline.note(text)

    for job in await client.call("GET", f"/import-jobs?index_id={index_id}&automation_only=true"):
        progress = job["progress"]
        tell(f"import job {job['status']}: {progress['imported']} of {progress['total_files']} files")
    for run in (await client.call("GET", f"/indexes/{index_id}/prompt-runs"))["data"]:
        tell(f"prompt run {run['status']}: {run['completed_segments']} segments of {run['total_videos']} videos")
    for export in await client.call("GET", "/exports"):
        tell(f"export {export['status']}")
        if export["status"] == "completed":
            return Path(export["destination_uri"].removeprefix("file://"))
    return None


async def _drop(timeline: _Timeline, folder: Path) -> None:
    """Deliver three clips the way clips are delivered: piece by piece, under a temporary name, into a subfolder."""
    (folder / "cam-b").mkdir(parents=True)
    with TemporaryDirectory(prefix="automation-engine-clips-") as made:
        clips = Path(made)
        for number, name in enumerate(("interview", "aerial", "closing")):
            await asyncio.to_thread(
                write_clip, clips / f"{name}.mp4", seconds=3 + number, audio=name == "interview", seed=number
            )
        timeline.note("three clips are made; they arrive now")
        part = folder / "aerial.mp4.part"
        await asyncio.to_thread(part.write_bytes, (clips / "aerial.mp4").read_bytes())
        timeline.note("aerial.mp4.part is written under its temporary name")
        (folder / "cam-b" / "closing.mp4").write_bytes((clips / "closing.mp4").read_bytes())
        timeline.note("cam-b/closing.mp4 arrives at once, in a subfolder")
        data = (clips / "interview.mp4").read_bytes()
        step = -(-len(data) // _PIECES)
        with (folder / "interview.mp4").open("wb", buffering=0) as slow:
            for at in range(0, len(data), step):
                slow.write(data[at : at + step])
                if at == 0:
                    timeline.note(f"interview.mp4 begins to arrive, in {_PIECES} pieces")
                await asyncio.sleep(_POLL)
        timeline.note("interview.mp4 is complete")
        part.rename(folder / "aerial.mp4")
        timeline.note("aerial.mp4.part is renamed to aerial.mp4")
