"""What the engine needs, checked one by one: ``automation-engine doctor``."""

from __future__ import annotations

import asyncio
import shutil
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import av
from sqlalchemy import text
from sqlmodel import select

from automation_engine.clock import SystemClock
from automation_engine.config import Settings, parse_address
from automation_engine.connectors.pool import Stores
from automation_engine.secrets import SecretBox
from automation_engine.store.database import Database
from automation_engine.store.schema import differences, migrate
from automation_engine.store.tables import Connector

_DECODERS = ("h264", "hevc", "prores", "mpeg4", "vp9", "av1", "aac", "mp3", "pcm_s16le", "mjpeg", "png")
_FREE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found."""

    check: str
    ok: bool
    text: str


async def examine(settings: Settings) -> list[Finding]:
    """Run every check, whatever the others find."""
    checks: dict[str, Callable[[Settings], Awaitable[str]]] = {
        "data folder": _data_folder,
        "database": _database,
        "storage": _storage,
        "FFmpeg libraries": _ffmpeg,
        "ports": _ports,
        "clock": _clock,
    }
    findings = []
    for name, check in checks.items():
        try:
            findings.append(Finding(check=name, ok=True, text=await check(settings)))
        except Exception as error:  # noqa: BLE001 - whatever is wrong is the finding
            findings.append(Finding(check=name, ok=False, text=str(error) or type(error).__name__))
    return findings


async def _data_folder(settings: Settings) -> str:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    probe = settings.data_dir / ".doctor.tmp"
    await asyncio.to_thread(probe.write_bytes, b"ok")
    probe.unlink()
    free = shutil.disk_usage(settings.data_dir).free
    if free < _FREE_BYTES:
        raise OSError(f"{settings.data_dir} has {free / 2**20:,.0f} MiB left: free at least 1 GiB")
    return f"{settings.data_dir} is writable, {free / 2**30:,.0f} GiB free"


async def _database(settings: Settings) -> str:
    database = Database(settings.url, clock=SystemClock())
    try:
        await migrate(database)
        found = await differences(database)
        if found:
            raise ValueError(f"the schema differs from this version's: {found[0]}")
        async with database.reading() as session:
            await session.exec(select(1))
            version = "select sqlite_version()" if database.embedded else "show server_version"
            number = (await session.execute(text(version))).scalar_one()
        return f"{'SQLite' if database.embedded else 'PostgreSQL'} {number}, schema current"
    finally:
        await database.close()


async def _storage(settings: Settings) -> str:
    """Reach the storage of every saved connector."""
    database = Database(settings.url, clock=SystemClock())
    key = settings.secret_key
    stores = Stores(
        SecretBox.open(settings.data_dir, None if key is None else key.get_secret_value()),
        allowed_roots=settings.allowed_roots,
    )
    try:
        async with database.reading() as session:
            connectors = (await session.exec(select(Connector))).all()
        for saved in connectors:
            store = stores.get(saved)
            try:
                await store.test()
            except Exception as error:
                raise ConnectionError(f"connector {saved.connector_id} ({saved.name}): {error}") from error
        return f"{len(connectors)} connectors answer"
    finally:
        await stores.close()
        await database.close()


async def _ffmpeg(_settings: Settings) -> str:
    missing = [name for name in _DECODERS if name not in av.codecs_available]
    if missing:
        raise ValueError(f"no decoder for {', '.join(missing)}")
    version = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return f"PyAV {av.__version__}, libavcodec {version}, the usual decoders are there"


async def _ports(settings: Settings) -> str:
    for name, address in (("gRPC", settings.grpc), ("REST", settings.http)):
        host, port = parse_address(address)
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((host, port))
            except OSError as error:
                raise OSError(f"{name} can't listen on {address}: {error.strerror}") from error
    return f"gRPC {settings.grpc} and REST {settings.http} are free"


async def _clock(_settings: Settings) -> str:
    """Compare the wall clock with the monotonic one, for a moment: a clock that is being stepped shows."""
    wall, steady = time.time(), time.monotonic()
    await asyncio.sleep(0.2)
    drift = abs((time.time() - wall) - (time.monotonic() - steady))
    if drift > 0.05 or wall < 1.7e9:
        raise ValueError(f"the wall clock moved {drift:.2f} s against the monotonic one: is it synchronised?")
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(wall)) + ", steady"
