"""Servers that the contract suites share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.azurite import Azurite, azurite
from tests.servers.fake_gcs import FakeGcs, fake_gcs
from tests.servers.postgres import Postgres, postgres
from tests.servers.seaweedfs import SeaweedFS, seaweedfs


@pytest.fixture(scope="session")
def s3_server() -> Iterator[SeaweedFS]:
    """Run one S3 server for all tests."""
    with seaweedfs() as server:
        yield server


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[FakeGcs]:
    """Run one GCS-like server for all tests."""
    with fake_gcs() as server:
        yield server


@pytest.fixture(scope="session")
def azure_server() -> Iterator[Azurite]:
    """Run one Blob Storage server, with OAuth over TLS, for all tests."""
    with azurite(tls=True) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """Run one PostgreSQL server for all tests."""
    with postgres() as server:
        yield server
