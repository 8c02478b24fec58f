"""Servers that the contract suites share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.seaweedfs import SeaweedFS, seaweedfs


@pytest.fixture(scope="session")
def s3_server() -> Iterator[SeaweedFS]:
    """Run one S3 server for all tests."""
    with seaweedfs() as server:
        yield server
