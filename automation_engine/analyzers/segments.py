"""How media is cut into the segments that are analysed."""

from __future__ import annotations

from typing import Final

from automation_engine.analyzers.protocol import Segment
from automation_engine.errors import MediaError

DEFAULT_SECONDS: Final = 30.0
"""Length of a segment, in seconds, where none was asked for."""
SHORTEST_TAIL: Final = 0.5
"""A tail shorter than this many seconds (and than half a segment) is joined to the segment before it: it is what is
left of rounding and of sound that outlasts the picture, and there is nothing to see in it."""
MAX_SEGMENTS: Final = 100_000
"""Most segments of one object: 24 hours by the second is 86,400."""


def segment(media_type: str, duration: float | None, segmentation: str | None, seconds: float | None) -> list[Segment]:
    """Cut one object into segments: an image is one from 0 to 0, everything else is cut by ``fixed_segments``.

    ``duration`` in seconds. ``segmentation`` is ``fixed``, with segments of ``seconds`` (None: 30); ``smart`` and
    ``content_aware`` are accepted and cut like ``fixed`` by the default duration, or by ``seconds`` where given.
    Raises ``MediaError`` for video or audio whose duration nobody knows, and for more than ``MAX_SEGMENTS``.
    """
    if media_type == "image":
        return [Segment(ordinal=0, start=0.0, end=0.0)]
    if segmentation not in {None, "fixed", "smart", "content_aware"}:
        raise ValueError(f"segmentation {segmentation!r}: must be fixed, smart or content_aware")
    if duration is None or duration <= 0.0:
        raise MediaError(f"the {media_type} has no known duration: it can't be cut into segments")
    return fixed_segments(duration, seconds if seconds is not None else DEFAULT_SECONDS)


def fixed_segments(duration: float, seconds: float = DEFAULT_SECONDS) -> list[Segment]:
    """Cut ``[0, duration)`` every ``seconds``: without gap or overlap, the last one shorter (or joined, see above).

    Boundaries are multiples of ``seconds``, so that they don't drift. Raises ``ValueError`` for values not above zero.
    """
    if not (0.0 < duration < float("inf") and 0.0 < seconds < float("inf")):
        raise ValueError(f"duration {duration} and segment length {seconds}: must be above zero and finite")
    if duration / seconds > MAX_SEGMENTS:
        raise MediaError(f"{duration:,.0f} s in segments of {seconds:g} s: more than {MAX_SEGMENTS:,} segments")
    whole = int(duration / seconds)
    tail = duration - whole * seconds
    joined = whole > 0 and tail < min(SHORTEST_TAIL, seconds / 2)
    count = whole if joined else whole + 1
    ends = [number * seconds for number in range(1, count)] + [duration]
    return [Segment(ordinal=n, start=n * seconds, end=end) for n, end in enumerate(ends)]
