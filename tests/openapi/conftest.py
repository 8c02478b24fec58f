"""A served engine and its document."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.processes import Service


@pytest.fixture(scope="package")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """Serve as operators do."""
    folder = tmp_path_factory.mktemp("openapi")
    async with Service(folder, "--local-root", folder) as service:
        yield service


@pytest.fixture(scope="package")
async def document(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the document as a file, as the server gave it out."""
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_bytes((await service.send("GET", "/openapi.json")).content)
    return path
