"""Listing real files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from automation_engine.connectors.local import LocalStore
from tests.bench.measure import Figure, paired_of, seconds, seconds_of

_FOLDERS, _FILES = 20, 1000


async def measure() -> list[Figure]:
    """Objects a second of a whole listing, against a bare walk that asks for the same facts."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for folder in range(_FOLDERS):
            (root / f"{folder:02d}").mkdir()
            for file in range(_FILES):
                (root / f"{folder:02d}" / f"clip_{file:04d}.mp4").touch()
        store = LocalStore(root)
        total = _FOLDERS * _FILES

        async def listing() -> None:
            listed = sum([len(page) async for page in store.list_pages("", recursive=True)])
            if listed != total:
                raise ValueError(f"listed {listed} of {total} files")

        async def ours() -> float:
            return total / await seconds_of(listing)

        async def theirs() -> float:
            return total / seconds(lambda: sum(status.st_size for status in _walk(name)))

        figure = await paired_of(
            "connectors",
            f"local: list {total:,} files",
            unit="objects/s",
            ours=ours,
            reference="os.scandir and stat",
            theirs=theirs,
        )
    return [figure]


def _walk(folder: str) -> Iterator[os.stat_result]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
            else:
                yield entry.stat(follow_symlinks=False)
