"""The spend fuse: whether a batch is so large that somebody has to approve it."""

from __future__ import annotations

from automation_engine.rules.model import Fuse


def blown(fuse: Fuse | None, files: int, size: int) -> str | None:
    """Return in one sentence why a batch of so many files and bytes has to be approved, or None if it may start."""
    if fuse is None:
        return None
    over = [
        f"{has:,} {unit} (limit: {limit:,})"
        for has, limit, unit in ((files, fuse.max_files, "files"), (size, fuse.max_bytes, "bytes"))
        if limit is not None and has > limit
    ]
    return f"The batch has {' and '.join(over)}: somebody has to approve it." if over else None
