"""Fixtures of the integration tests; a module of tests serves its own servicers with ``serve(engine, {...})``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.engine import Engine, open_engine


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """Open an engine on an empty database."""
    async with open_engine(tmp_path) as engine:
        yield engine
