"""What an analyzer is given and what it gives back.

An analyzer never invents: a value that it can't measure or derive is left out and named in ``Analysis.error``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFacts:
    """What probing a file tells, before anything is decoded in full.

    ``duration`` in seconds (None where the container does not say and it could not be measured; a still image has
    none), ``bit_rate`` in bits per second, ``width`` and ``height`` in pixels, ``frame_rate`` in frames per second,
    ``sample_rate`` in hertz.
    """

    media_type: str
    """``video``, ``audio`` or ``image``."""
    container: str
    size: int
    duration: float | None = None
    bit_rate: int | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    sample_rate: int | None = None
    channels: int | None = None


class ByteSource(Protocol):
    """Random access to the pinned bytes of one object, callable from a decoding thread (never from the event loop)."""

    name: str
    size: int

    def read_at(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``, fewer at the end. Raises ``StorageError``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One media object: its bytes and what probing told."""

    source: ByteSource
    facts: MediaFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The prompt as it was saved: ``json_schema`` is a JSON Schema whose root type is ``object``."""

    prompt_id: str
    name: str
    text: str
    json_schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A span of media, ``[start, end)`` in seconds. A still image is one segment from 0 to 0."""

    ordinal: int
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What was found in a segment. ``error`` says why field extraction failed, or is None when it succeeded."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


class Analyzer(Protocol):
    """Turns a segment of media into metadata that fits the prompt's schema."""

    name: str

    async def analyze(self, media: Media, prompt: Prompt, segment: Segment) -> Analysis:
        """Analyse one segment.

        Raises ``MediaError`` when the bytes can't be decoded, ``StorageError`` when they can't be read.
        """
        ...
