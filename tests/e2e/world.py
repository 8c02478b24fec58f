"""The whole engine in one process and in virtual time: real database, real storage, real media, real REST.

``advance`` moves the clock from one instant at which something is due to the next, and does what is due there: ticks,
sweep, every unit of work. Nothing sleeps. A world can be made to die at its n-th transaction, before or after the
commit, and be opened again on what it left behind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
from sqlmodel import col, func, select

from automation_engine.clock import VirtualClock
from automation_engine.connectors.pool import Stores
from automation_engine.connectors.s3 import S3Store
from automation_engine.jobs import watch
from automation_engine.jobs.worker import Worker
from automation_engine.main import make_app, make_worker
from automation_engine.secrets import SecretBox
from automation_engine.store import keys, work
from automation_engine.store.database import Database, Transaction, sqlite_url
from automation_engine.store.schema import migrate
from automation_engine.store.tables import Automation, Work
from automation_engine.webhook_sender import WebhookSender
from tests.servers.seaweedfs import SeaweedFS

SCHEMA = {
    "type": "object",
    "properties": {"duration": {"type": "number"}, "width": {"type": "integer"}, "has_audio": {"type": "boolean"}},
    "required": ["duration"],
}


class Died(BaseException):
    """The process ends here: nobody's ``except Exception`` keeps it alive."""


class MortalDatabase(Database):
    """A database whose process dies at its ``dies_at``-th transaction, before or just after the commit."""

    def __init__(self, url: str, *, clock: VirtualClock) -> None:
        super().__init__(url, clock=clock)
        self.transactions = 0
        self.dies_at = 0
        self.after_commit = False
        self.dead = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Write, unless death comes first."""
        if self.dead:
            raise Died
        self.transactions += 1
        last = self.transactions == self.dies_at
        async with super().transaction() as tx:
            yield tx
            if self.dead or (last and not self.after_commit):
                self.dead = True
                raise Died
        if last:
            self.dead = True
            raise Died


class Bucket(Protocol):
    """A place that files are put into and found in."""

    async def put(self, name: str, data: bytes) -> None:
        """Put a file there, whole."""

    async def names(self) -> list[str]:
        """Name what is there."""

    async def read(self, name: str) -> bytes:
        """Read a file."""

    def connector(self) -> tuple[str, dict[str, Any]]:
        """Return the path and the body that create a connector to it."""


@dataclass(frozen=True)
class Folder:
    """A local folder."""

    root: Path

    async def put(self, name: str, data: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.root.parent / ".draft"
        draft.write_bytes(data)
        draft.replace(path)

    async def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())

    async def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def connector(self) -> tuple[str, dict[str, Any]]:
        self.root.mkdir(exist_ok=True)
        return "/connectors/local", {"root": str(self.root)}


@dataclass(frozen=True)
class S3Bucket:
    """A bucket of a real S3 server."""

    server: SeaweedFS
    name: str

    def _store(self) -> S3Store:
        return S3Store(
            self.name,
            self.server.region,
            self.server.access_key_id,
            self.server.secret_access_key,
            endpoint_url=self.server.endpoint_url,
        )

    async def put(self, name: str, data: bytes) -> None:
        async def once() -> AsyncIterator[bytes]:
            yield data

        store = self._store()
        await store.put(name, once(), content_type="video/mp4")
        await store.close()

    async def names(self) -> list[str]:
        store = self._store()
        found = [info.key async for page in store.list_pages("", recursive=True) for info in page]
        await store.close()
        return sorted(found)

    async def read(self, name: str) -> bytes:
        store = self._store()
        info = await store.head(name)
        data = b"".join([chunk async for chunk in store.read_stream(name, version=info.version)])
        await store.close()
        return data

    def connector(self) -> tuple[str, dict[str, Any]]:
        return "/connectors/s3", {
            "bucket": self.name,
            "region": self.server.region,
            "endpoint_url": self.server.endpoint_url,
            "aws_access_key_id": self.server.access_key_id,
            "aws_secret_access_key": self.server.secret_access_key,
        }


@dataclass
class World:
    """An engine that runs only as far as it is told to."""

    folder: Path
    clock: VirtualClock
    database: MortalDatabase
    watch: watch.Watch
    worker: Worker
    client: httpx.AsyncClient
    key: str
    ids: dict[str, str] = field(default_factory=dict)

    async def rest(self, method: str, path: str, body: Any = None, *, expect: int = 200, key: str | None = None) -> Any:
        """Send one REST request; the answer must have that status."""
        headers = {"X-API-Key": key or self.key}
        answer = await self.client.request(method, f"/api/v2{path}", json=body, headers=headers)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def automation(self, action: str = "", body: Any = None, *, kind: str = "import") -> Any:
        """Call a route of the index's automation: PUT with a body, GET its status, POST any other action."""
        method = "PUT" if not action else "GET" if action == "status" else "POST"
        path = f"/indexes/{self.ids['index']}/automations/{kind}"
        return await self.rest(method, path + (f"/{action}" if action else ""), body)

    async def set_up(
        self, source: Bucket, target: Bucket | None = None, *, import_mode: str = "all", **changes: Any
    ) -> None:
        """Create index, connectors, prompt, and the automations."""
        self.ids["index"] = (await self.rest("POST", "/indexes", {"name": "Dailies"}))["index_id"]
        self.ids["source"] = await self._connector(source, "import", import_mode)
        prompt = {"name": "Facts", "prompt_text": "Measure.", "json_schema": SCHEMA}
        self.ids["prompt"] = (await self.rest("POST", "/prompts", prompt))["prompt_id"]
        await self.automation(body=self.import_body(**changes))
        if target is not None:
            self.ids["target"] = await self._connector(target, "export", "all")
            await self.automation(kind="export", body=self.export_body())

    async def _connector(self, bucket: Bucket, scope: str, import_mode: str) -> str:
        path, settings = bucket.connector()
        body = {"name": scope, "scopes": [scope], "import_mode": import_mode, **settings}
        return str((await self.rest("POST", path, body))["connector_id"])

    def import_body(self, **changes: Any) -> dict[str, Any]:
        """Return the contract's example, with this world's ids."""
        return {
            "enabled": True,
            "paused": False,
            "connector_id": self.ids["source"],
            "source_prefix": "incoming/daily/",
            "file_pattern": "*.mp4",
            "recursive": True,
            "debounce_interval": "5m",
            "prompt_preset": {"prompt_id": self.ids["prompt"]},
            **changes,
        }

    def export_body(self, **changes: Any) -> dict[str, Any]:
        """Return the contract's example, with this world's ids."""
        return {
            "enabled": True,
            "paused": False,
            "destination_connector_id": self.ids["target"],
            "destination_subpath": "exports/review-team",
            **changes,
        }

    async def advance(self, seconds: float) -> None:
        """Let time pass, stopping at every instant at which something is due."""
        end = self.clock.now() + seconds
        while True:
            await self.settle()
            coming = await self._next_instant()
            if coming is None or coming > end:
                break
            self.clock.advance(max(0.0, coming - self.clock.now()))
        self.clock.advance(max(0.0, end - self.clock.now()))
        await self.settle()

    async def settle(self) -> None:
        """Do what is due now, until nothing is."""
        while True:
            await self.watch.tick()
            await watch.export_tick(self.database)
            async with self.database.reading() as session:
                due = await work.due(session, self.database)
            if not due:
                return
            for _, work_id in due:
                await self.worker.perform(work_id)

    async def _next_instant(self) -> float | None:
        now = self.clock.now()
        actions = select(func.min(Automation.next_action_at)).where(col(Automation.next_action_at) > now)
        works = select(func.min(Work.due_at)).where(Work.state == "due", Work.due_at > now)
        async with self.database.reading() as session:
            instants = [(await session.exec(statement)).one() for statement in (actions, works)]
        return min((at for at in instants if at is not None), default=None)

    async def jobs(self) -> list[dict[str, Any]]:
        """Return the import jobs, the oldest first."""
        jobs = await self.rest("GET", f"/import-jobs?index_id={self.ids['index']}")
        return list(reversed(jobs))

    async def videos(self) -> list[str]:
        """Return the titles of the imported videos."""
        page = await self.rest("GET", f"/indexes/{self.ids['index']}/videos?limit=200")
        return sorted(video["title"] for video in page["data"])

    async def exports(self) -> list[dict[str, Any]]:
        """Return the exports, the oldest first."""
        return list(reversed(await self.rest("GET", "/exports")))


@asynccontextmanager
async def open_world(
    folder: Path, *, before: World | None = None, url: str | None = None, sender: WebhookSender | None = None
) -> AsyncIterator[World]:
    """Open a world in a folder, on SQLite or at ``url``; ``before`` died there, its ids and clock go on."""
    clock = before.clock if before else VirtualClock()
    database = MortalDatabase(url or sqlite_url(folder / "engine.db"), clock=clock)
    await migrate(database)
    stores = Stores(SecretBox.open(folder), allowed_roots=[folder])
    key = before.key if before else await _key(database)
    await work.recover(database)
    await watch.restart(database)
    sender = sender or WebhookSender()
    worker = make_worker(database, stores, lambda: 0.5, sender=sender)
    transport = httpx.ASGITransport(make_app(database, stores, sender=sender))
    async with httpx.AsyncClient(transport=transport, base_url="http://world") as client:
        ids = dict(before.ids) if before else {}
        yield World(folder, clock, database, watch.Watch(database), worker, client, key, ids)
    await sender.close()
    await stores.close()
    await database.close()


async def _key(database: Database) -> str:
    async with database.transaction() as tx:
        _, key = await keys.create(tx, "ada", "world", ["admin"])
    return key
