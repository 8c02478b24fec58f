"""Why an MP4 or QuickTime file is broken, read from its outermost boxes (ISO/IEC 14496-12, section 4.2).

FFmpeg says "invalid data" of an upload that stopped half way; the boxes say what is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automation_engine.analyzers.protocol import ByteSource

MAX_BOXES = 64
"""Outermost boxes looked at: a fragmented file has thousands, and tells its faults while it is decoded."""

_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})
_LONG_HEADER = 16


def iso_fault(source: ByteSource) -> str | None:
    """Return what is missing in an ISO media file; None for a whole one, or for another kind of file."""
    position, seen = 0, set[bytes]()
    for _ in range(MAX_BOXES):
        if position >= source.size:
            return None if b"moov" in seen else "it has no moov box: truncated, or still being written"
        kind, length = _box(source, position)
        if not seen and kind not in _FIRST_BOXES:
            return None
        if position + length > source.size:
            missing = position + length - source.size
            return f"it is truncated: {missing:,} bytes of its {kind.decode('ascii', 'replace')!r} box are missing"
        seen.add(kind)
        position += length
    return None


def _box(source: ByteSource, position: int) -> tuple[bytes, int]:
    """Return the kind and the whole length in bytes of the box at ``position``."""
    header = source.read_at(position, _LONG_HEADER)
    length, kind = int.from_bytes(header[:4], "big"), header[4:8]
    if length == 1:
        length = int.from_bytes(header[8:], "big")
    elif length == 0:
        length = source.size - position
    return kind, max(length, 8)
