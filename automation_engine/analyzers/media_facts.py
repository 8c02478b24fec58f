"""The built-in analyzer: what can be measured of a segment, and nothing else.

It reads the prompt's schema, not its text: each property of the root object whose name stands in ``FACTS`` is measured,
every other one is left out. Only what is asked for is measured: facts of the container cost no read at all, packets
are counted without decoding, pictures and sound are decoded for the segment's span alone.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from automation_engine.analyzers.container import opened, picture_stream, sound_stream
from automation_engine.analyzers.decoding import decoding
from automation_engine.analyzers.protocol import Analysis, Media, MediaFacts, Prompt, Segment
from automation_engine.analyzers.schema import validate_data
from automation_engine.analyzers.spans import Span, read_sound, read_video
from automation_engine.errors import InvalidArgument

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream


class Source(Enum):
    """What has to be read to measure a fact, the cheapest first."""

    PROBE = "what probing told; nothing is read"
    HEADER = "the container is opened"
    PACKETS = "the segment's video packets are counted, not decoded"
    PICTURES = "the segment's video is decoded"
    SOUND = "the segment's audio is decoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One measurable fact: the JSON type of its value, its unit, and how it is measured."""

    type: str
    unit: str
    how: str
    source: Source = Source.PROBE


FACTS: Mapping[str, Fact] = {
    "media_type": Fact(type="string", unit="", how="`video`, `audio` or `image`; cover art does not make a video"),
    "container": Fact(type="string", unit="", how="file format: `mp4`, `mov`, `webm`, `matroska`, `wav`, `png` …"),
    "file_size": Fact(type="integer", unit="bytes", how="of the whole object"),
    "start_time": Fact(type="number", unit="seconds", how="start of the segment; 0 for an image"),
    "end_time": Fact(type="number", unit="seconds", how="end of the segment; 0 for an image"),
    "duration": Fact(type="number", unit="seconds", how="length of the segment; an image has none"),
    "media_duration": Fact(type="number", unit="seconds", how="length of the whole media; an image has none"),
    "bit_rate": Fact(type="integer", unit="bits per second", how="of the whole media, as the container says"),
    "width": Fact(type="integer", unit="pixels", how="of the picture as shown, a stored rotation applied"),
    "height": Fact(type="integer", unit="pixels", how="of the picture as shown, a stored rotation applied"),
    "aspect_ratio": Fact(
        type="number or string",
        unit="width to height",
        how="as shown: width, times the shape of a pixel, to height; where the schema asks for a string: `16:9`",
        source=Source.HEADER,
    ),
    "frame_rate": Fact(type="number", unit="frames per second", how="average of the video stream; an image has none"),
    "has_video": Fact(type="boolean", unit="", how="a video stream other than cover art; false for an image"),
    "has_audio": Fact(type="boolean", unit="", how="an audio stream"),
    "video_codec": Fact(type="string", unit="", how="codec of the main video or picture: `h264`, `png` …"),
    "audio_codec": Fact(type="string", unit="", how="codec of the main audio: `aac`, `mp3` …"),
    "codecs": Fact(type="array of strings", unit="", how="`video_codec`, then `audio_codec`, those there are"),
    "sample_rate": Fact(type="integer", unit="hertz", how="of the main audio"),
    "channels": Fact(type="integer", unit="channels", how="of the main audio"),
    "frame_count": Fact(
        type="integer",
        unit="frames",
        how="video packets that are shown in the segment",
        source=Source.PACKETS,
    ),
    "keyframes": Fact(
        type="integer",
        unit="frames",
        how="those of them from which decoding can start",
        source=Source.PACKETS,
    ),
    "mean_luma": Fact(
        type="number",
        unit="0 to 255",
        how="mean luma of the frames in the range they are stored in: white is 235 in video range, else 255",
        source=Source.PICTURES,
    ),
    "motion": Fact(
        type="number",
        unit="0 to 255",
        how="mean absolute luma difference of neighbouring frames; needs two",
        source=Source.PICTURES,
    ),
    "scene_changes": Fact(
        type="integer",
        unit="cuts",
        how="hard cuts between frames of the segment (needs two), by the rule and threshold (10) of FFmpeg's `scdet`",
        source=Source.PICTURES,
    ),
    "black_ratio": Fact(
        type="number",
        unit="0 to 1",
        how="share of black frames, by the thresholds of FFmpeg's `blackdetect` (0.98, 0.10)",
        source=Source.PICTURES,
    ),
    "loudness": Fact(
        type="number",
        unit="dBFS",
        how="RMS level of all samples, AES17: a full-scale sine is 0; -120 stands for everything below",
        source=Source.SOUND,
    ),
    "peak_level": Fact(
        type="number",
        unit="dBFS",
        how="highest absolute sample of any channel; -120 stands for everything below",
        source=Source.SOUND,
    ),
    "silence_ratio": Fact(
        type="number",
        unit="0 to 1",
        how="share of 50 ms windows with an RMS level below -60 dBFS",
        source=Source.SOUND,
    ),
}
"""Every property name that is measured, with its unit. The whole documentation of the analyzer's output.

Values keep their type. Two rules alone adapt them to the schema: a number without a fraction is written as an integer
where the schema asks for one (never rounded), and ``aspect_ratio`` is written ``16:9`` where it asks for a string.
"""

_MAX_ERROR = 1_000


class MediaFactsAnalyzer:
    """Measures the facts a prompt's schema asks for by name, see ``FACTS``."""

    name = "media_facts"

    async def analyze(self, media: Media, prompt: Prompt, segment: Segment) -> Analysis:
        """Measure one segment.

        ``error`` names each required property that can't be measured and each value that does not fit the schema; such
        a value is left out of ``metadata``, the others stay. Raises ``MediaError`` when the bytes can't be decoded,
        ``StorageError`` when they can't be read.
        """
        asked = _asked(prompt.json_schema)
        sources = {FACTS[name].source for name in asked if name in FACTS}
        measured: dict[str, Any] = _told(media.facts, segment)
        if sources - {Source.PROBE}:
            measured |= await decoding(partial(_measure, media, segment, frozenset(sources)))
        return _fitted(prompt.json_schema, asked, measured, media.facts)


def _asked(json_schema: Mapping[str, Any]) -> list[str]:
    """Return the names of the root's properties, those only required after those described."""
    return list(dict.fromkeys([*json_schema.get("properties", {}), *json_schema.get("required", [])]))


def _told(facts: MediaFacts, segment: Segment) -> dict[str, Any]:
    """Return what probing told, None where there is no such thing."""
    image = facts.media_type == "image"
    return {
        "media_type": facts.media_type,
        "container": facts.container,
        "file_size": facts.size,
        "start_time": segment.start,
        "end_time": segment.end,
        "duration": None if image else round(segment.end - segment.start, 6),
        "media_duration": facts.duration,
        "bit_rate": facts.bit_rate,
        "width": facts.width,
        "height": facts.height,
        "frame_rate": facts.frame_rate,
        "has_video": facts.media_type == "video",
        "has_audio": facts.audio_codec is not None,
        "video_codec": facts.video_codec,
        "audio_codec": facts.audio_codec,
        "codecs": [codec for codec in (facts.video_codec, facts.audio_codec) if codec],
        "sample_rate": facts.sample_rate,
        "channels": facts.channels,
    }


def _measure(media: Media, segment: Segment, sources: frozenset[Source], stop: threading.Event) -> dict[str, Any]:
    """Open the container once and read what the sources need, on a decoding thread."""
    still = media.facts.media_type == "image"
    # The last segment ends where the media does, also where the container's duration falls a few frames short.
    last = still or (media.facts.duration is not None and segment.end >= media.facts.duration)
    span = Span(start=segment.start, end=math.inf if last else segment.end)
    measured: dict[str, Any] = {}
    with opened(media.source, stop) as container:
        picture = picture_stream(container)
        if picture is not None:
            measured |= {"aspect_ratio": _aspect_ratio(picture, media.facts)}
            measured |= _seen(container, picture, span, stop, sources)
        if Source.SOUND in sources:
            measured |= _heard(container, span, stop)
    return measured


def _aspect_ratio(stream: VideoStream, facts: MediaFacts) -> Fraction | None:
    if not stream.width or not stream.height or not facts.width or not facts.height:
        return None
    shape = Fraction(stream.width, stream.height) * (stream.sample_aspect_ratio or 1)
    turned = (stream.width < stream.height) != (facts.width < facts.height)
    return 1 / shape if turned else shape


def _seen(
    container: InputContainer, stream: VideoStream, span: Span, stop: threading.Event, sources: frozenset[Source]
) -> dict[str, Any]:
    decode = Source.PICTURES in sources
    if not decode and Source.PACKETS not in sources:
        return {}
    reading = read_video(container, stream, span, stop, decode=decode)
    meter = reading.meter
    return {
        "frame_count": reading.packets,
        "keyframes": reading.keyframes,
        "mean_luma": meter.mean_luma,
        "motion": meter.motion,
        "scene_changes": meter.scene_changes if meter.frames > 1 else None,
        "black_ratio": meter.black_ratio,
    }


def _heard(container: InputContainer, span: Span, stop: threading.Event) -> dict[str, Any]:
    stream = sound_stream(container)
    if stream is None or stream.codec_context is None:
        return {}
    meter = read_sound(container, stream, span, stop)
    return {"loudness": meter.loudness, "peak_level": meter.peak_level, "silence_ratio": meter.silence_ratio}


def _fitted(
    json_schema: Mapping[str, Any], asked: list[str], measured: Mapping[str, Any], facts: MediaFacts
) -> Analysis:
    """Keep what was asked for and fits the schema; say what is missing and what does not fit."""
    properties = json_schema.get("properties", {})
    found = {name: _adapted(measured.get(name), properties.get(name)) for name in asked}
    metadata = {name: value for name, value in found.items() if value is not None}
    missing = [name for name in json_schema.get("required", []) if name not in metadata]
    reasons = [f"{name}: {_why_not(name, facts)}" for name in missing]
    try:
        faults = validate_data(json_schema, metadata)
    except InvalidArgument as error:
        return Analysis(error=f"the prompt's json_schema can't be used: {error.message}"[:_MAX_ERROR])
    reasons += [f"{fault.field}: {fault.message}" for fault in faults if fault.field]
    unfit = {fault.field.split(".")[0] for fault in faults}
    # What the root itself demands (a missing property, told above; minProperties, anyOf …) has no path.
    reasons += [fault.message for fault in faults if not fault.field and not missing]
    kept = {name: value for name, value in metadata.items() if name not in unfit}
    return Analysis(metadata=kept, error="; ".join(reasons)[:_MAX_ERROR] or None)


def _adapted(value: Any, wanted: Any) -> Any:
    """Write a value as the schema asks, by the two rules of ``FACTS``."""
    types = wanted.get("type", []) if isinstance(wanted, Mapping) else []
    types = [types] if isinstance(types, str) else types
    if isinstance(value, Fraction):
        as_text = "string" in types and "number" not in types
        return f"{value.numerator}:{value.denominator}" if as_text else round(float(value), 6)
    if isinstance(value, float) and value.is_integer() and "integer" in types and "number" not in types:
        return int(value)
    return value


def _why_not(name: str, facts: MediaFacts) -> str:
    """Say why a required property has no value."""
    if name not in FACTS:
        return f"required, but not a fact that {MediaFactsAnalyzer.name} can measure"
    sound = FACTS[name].source is Source.SOUND or name in {"audio_codec", "sample_rate", "channels"}
    if sound and facts.audio_codec is None:
        return "required, but the media has no audio"
    if facts.media_type == "audio" and not sound and facts.video_codec is None:
        return "required, but audio has none"
    if facts.media_type == "image":
        return "required, but a still image has none"
    if FACTS[name].source in {Source.PICTURES, Source.SOUND}:
        return "required, but this segment holds too little to measure it"
    return "required, but the container does not tell"
