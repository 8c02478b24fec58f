"""A world on real storage: a local folder, or a bucket of a real S3 server."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from automation_engine.config import Settings
from automation_engine.demo_media import write_clip
from tests.e2e.world import Bucket, Folder, S3Bucket, World, open_world
from tests.servers.postgres import Postgres
from tests.servers.seaweedfs import SeaweedFS

_numbers = itertools.count()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Open a world in a folder of its own."""
    async with open_world(tmp_path) as world:
        yield world


@pytest.fixture
async def postgres_world(tmp_path: Path, postgres_server: Postgres) -> AsyncIterator[World]:
    """Open a world on a PostgreSQL database of its own."""
    async with open_world(tmp_path, url=Settings(database_url=postgres_server.new_database()).url) as world:
        yield world


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], bytes]:
    """Return the bytes of real clips, one second long, a different one for each seed."""
    folder = tmp_path_factory.mktemp("clips")
    made: dict[int, bytes] = {}

    def bytes_of(seed: int) -> bytes:
        if seed not in made:
            path = folder / f"{seed}.mp4"
            write_clip(path, seconds=1, size=(160, 90), audio=False, seed=seed)
            made[seed] = path.read_bytes()
        return made[seed]

    return bytes_of


@pytest.fixture(params=["local", "s3"])
def buckets(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Bucket, Bucket]:
    """Return a source and a destination, on either kind of storage."""
    if request.param == "local":
        return Folder(tmp_path / "watched"), Folder(tmp_path / "delivered")
    server: SeaweedFS = request.getfixturevalue("s3_server")
    number = next(_numbers)
    return S3Bucket(server, server.create_bucket(f"watched-{number}")), S3Bucket(
        server, server.create_bucket(f"delivered-{number}")
    )
