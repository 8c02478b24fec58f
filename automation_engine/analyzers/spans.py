"""Reading one span of a stream: seek near it, decode only what lies in ``[start, end)``, stop early."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import av

from automation_engine.analyzers.container import packets_of
from automation_engine.analyzers.picture_meter import PictureMeter
from automation_engine.analyzers.sound_meter import SoundMeter, samples_of
from automation_engine.errors import MediaError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

MAX_PACKETS = 4_000_000
"""Packets read for one span: 24 hours of sound in a format that can't seek."""
MAX_DECODED_PIXELS = 2**39
"""Pixels decoded for one span: 5 minutes of 8K at 50 frames per second."""

_BACK_OFF = (0.0, 2.0, 10.0, 60.0)
"""Seconds by which a seek starts earlier, one after the other, when it landed behind the span's start; then from 0."""
_PRE_ROLL = 0.25
"""Seconds of sound decoded before the span: the first packet after a seek lacks what overlaps from the one before."""
_EPSILON = 1e-6
"""Seconds by which timestamps and segment boundaries may miss each other by rounding."""
_MICROSECONDS = 1_000_000
_ASSUMED_RATE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """``[start, end)`` in seconds from the start of the media."""

    start: float
    end: float

    def holds(self, time: float) -> bool:
        """Tell whether the instant lies inside."""
        return self.start - _EPSILON <= time < self.end - _EPSILON

    def is_over(self, time: float) -> bool:
        """Tell whether the instant lies behind the end."""
        return time >= self.end - _EPSILON

    def is_missed_from(self, time: float) -> bool:
        """Tell whether a reading that begins at the instant has missed the start."""
        return time > self.start + _EPSILON


@dataclass(slots=True)
class VideoReading:
    """What one pass over the video found: packets that show in the span, and the meter of its frames."""

    packets: int = 0
    keyframes: int = 0
    meter: PictureMeter = field(default_factory=PictureMeter)


class _LandedLate(Exception):
    """A seek ended behind the start of the span: the next attempt seeks further back."""


def read_video(
    container: InputContainer, stream: VideoStream, span: Span, stop: threading.Event, *, decode: bool
) -> VideoReading:
    """Count the packets that show in the span and, when asked to, decode and measure its frames."""
    for at in _seek_points(span.start):
        try:
            attempt = _Attempt(container, stream, at, stop)
            return _video(attempt, span) if decode else _video_packets(attempt, span)
        except _LandedLate:
            continue
    raise MediaError("the video can't be read from its start")


def read_sound(container: InputContainer, stream: AudioStream, span: Span, stop: threading.Event) -> SoundMeter:
    """Decode and measure the samples of the span."""
    for at in _seek_points(max(0.0, span.start - _PRE_ROLL)):
        try:
            return _sound(_Attempt(container, stream, at, stop), span)
        except _LandedLate:
            continue
    raise MediaError("the audio can't be read from its start")


def _seek_points(start: float) -> list[float]:
    return [start - back for back in _BACK_OFF if back < start] + [0.0]


@dataclass(slots=True)
class _Attempt:
    """One reading of the stream from a seek to ``at`` seconds on, by frames or by packets."""

    container: InputContainer
    stream: VideoStream | AudioStream
    at: float
    stop: threading.Event
    refused: str | None = None
    """What FFmpeg said of the last packet that it could not decode."""

    def __post_init__(self) -> None:
        for stream in self.container.streams:
            wanted = stream.index == self.stream.index
            stream.discard = av.stream.Discard.default if wanted else av.stream.Discard.all
        try:
            self.container.seek(self._target(), stream=self.stream)
        except av.FFmpegError:
            if self.at > 0.0:
                raise _LandedLate from None
            raise

    def _zero(self) -> float:
        return (self.container.start_time or 0) / _MICROSECONDS

    def _target(self) -> int:
        target = int((self.at + self._zero()) / (self.stream.time_base or 1))
        return target if self.at > 0.0 else min(target, self.stream.start_time or 0)

    def time(self, timestamp: int | None) -> float | None:
        """Return a timestamp of the stream in seconds from the start of the media."""
        if timestamp is None:
            return None
        return float(timestamp * (self.stream.time_base or 1)) - self._zero()

    def packets(self) -> Iterator[Packet[Any]]:
        """Yield the packets; the last one is empty and flushes the decoder."""
        for count, packet in enumerate(packets_of(self.container, self.stream, self.stop)):
            if count >= MAX_PACKETS:
                raise MediaError(f"more than {MAX_PACKETS:,} packets in one span: too much work")
            yield packet

    def decoded(self, packet: Packet[Any]) -> list[Any]:
        """Decode one packet; a damaged one gives nothing and is remembered."""
        try:
            return packet.decode()
        except av.FFmpegError as error:
            self.refused = error.strerror
            return []

    def first(self, time: float | None, span: Span) -> float:
        """Return the time of the first thing found; raises ``_LandedLate`` when an earlier seek can find more."""
        if self.at > 0.0 and (time is None or span.is_missed_from(time)):
            raise _LandedLate
        return time or 0.0

    def finish(self, *, found: bool) -> None:
        """Accept the end of the stream, unless nothing was found: then seek further back, or say what was refused."""
        if not found and self.at > 0.0:
            raise _LandedLate
        if not found and self.refused:
            raise MediaError(f"nothing of its {self.stream.type} can be decoded; FFmpeg said: {self.refused}")


def _video_packets(attempt: _Attempt, span: Span) -> VideoReading:
    """Count packets by when they show; they come in decoding order, in which none shows before its turn."""
    reading, due = VideoReading(), None
    for packet in attempt.packets():
        if not packet.size:
            continue
        time = attempt.time(packet.dts)
        due = attempt.first(time, span) if due is None else due if time is None else time
        if span.is_over(due):
            return reading
        _count(reading, packet, span, attempt.time(packet.pts))
    attempt.finish(found=due is not None)
    return reading


def _count(reading: VideoReading, packet: Packet[Any], span: Span, shown: float | None) -> None:
    if packet.size and not packet.is_discard and shown is not None and span.holds(shown):
        reading.packets += 1
        reading.keyframes += packet.is_keyframe


def _video(attempt: _Attempt, span: Span) -> VideoReading:
    """Decode until a frame shows behind the end: frames come in the order in which they show."""
    reading, pixels, shown = VideoReading(), 0, None
    step = 1 / float(attempt.stream.guessed_rate or _ASSUMED_RATE)
    for packet in attempt.packets():
        _count(reading, packet, span, attempt.time(packet.pts))
        for frame in attempt.decoded(packet):
            pixels += frame.width * frame.height
            if pixels > MAX_DECODED_PIXELS:
                raise MediaError(f"more than {MAX_DECODED_PIXELS:,} pixels in one span: too much work")
            time = attempt.time(frame.pts)
            shown = attempt.first(time, span) if shown is None else shown + step if time is None else time
            if span.is_over(shown):
                return reading
            if span.holds(shown):
                reading.meter.add(frame)
    attempt.finish(found=shown is not None)
    return reading


def _sound(attempt: _Attempt, span: Span) -> SoundMeter:
    """Decode until the end, keeping of each frame the samples inside."""
    meter, clock = SoundMeter(sample_rate=0), None
    for packet in attempt.packets():
        for frame in attempt.decoded(packet):
            time = attempt.time(frame.pts)
            begins = attempt.first(time, span) if clock is None else clock if time is None else time
            meter.sample_rate = frame.sample_rate
            clock = begins + frame.samples / frame.sample_rate
            if span.is_over(begins):
                return meter
            first = max(0, round((span.start - begins) * frame.sample_rate))
            last = round((min(span.end, clock) - begins) * frame.sample_rate)
            if first < last:
                meter.add(samples_of(frame)[first:last])
    attempt.finish(found=clock is not None)
    return meter
