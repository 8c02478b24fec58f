"""What a media object is, told before anything is decoded in full."""

from __future__ import annotations

import errno
import itertools
import threading
from functools import partial
from typing import TYPE_CHECKING

import av
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from automation_engine.analyzers.container import (
    IMAGE_FORMATS,
    MAX_PIXELS,
    codec_name,
    opened,
    packets_of,
    picture_stream,
    sound_stream,
)
from automation_engine.analyzers.decoding import decoding
from automation_engine.analyzers.protocol import ByteSource, MediaFacts
from automation_engine.errors import MediaError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

PROBE_BYTES = 256 * 1024 * 1024
"""Most bytes fetched to probe one object."""
FIRST_FRAME_PACKETS = 500
"""Packets tried until one gives a frame."""

_MICROSECONDS = 1_000_000
_PICTURE_BRANDS = {"avif": "avif", "heic": "heic", "heix": "heic", "mif1": "heif"}
_BRANDS = {"qt": "mov", "M4A": "m4a", "M4B": "m4a"}
_ANIMATIONS = frozenset({"gif", "apng"})


async def probe(source: ByteSource) -> MediaFacts:
    """Tell what the object is; its first frame has been decoded.

    Raises ``MediaError`` when it is no media, truncated, empty, has no frame that can be decoded, or asks for more work
    than it is worth; ``StorageError`` when it can't be read.
    """
    return await decoding(partial(probe_now, source))


def probe_now(source: ByteSource, stop: threading.Event) -> MediaFacts:
    """Do the work of ``probe`` on the calling thread."""
    with opened(source, stop, budget=PROBE_BYTES) as container:
        picture, sound = picture_stream(container), sound_stream(container)
        main = picture or sound
        if main is None:
            raise MediaError(f"{container.format.long_name}: it holds no video, picture or sound")
        frame = _first_frame(container, main, stop)
        image = picture is not None and _is_image(container, picture, stop)
        width, height = _displayed_size(frame)
        return MediaFacts(
            media_type="image" if image else "video" if picture else "audio",
            container=_container_name(source, container),
            size=source.size,
            duration=None if image else _duration(container, main, stop),
            bit_rate=None if image else container.bit_rate or None,
            video_codec=codec_name(picture),
            audio_codec=codec_name(sound),
            width=width,
            height=height,
            frame_rate=_frame_rate(picture) if picture and not image else None,
            sample_rate=sound.sample_rate or None if sound and sound.codec_context else None,
            channels=sound.channels or None if sound and sound.codec_context else None,
        )


def _first_frame(
    container: InputContainer, stream: VideoStream | AudioStream, stop: threading.Event
) -> VideoFrame | AudioFrame:
    if stream.codec_context is None:
        raise MediaError(f"there is no decoder for its {stream.type} stream")
    said, tried = "nothing", 0
    for packet in itertools.islice(packets_of(container, stream, stop), FIRST_FRAME_PACKETS):
        tried += 1
        try:
            for frame in packet.decode():
                if isinstance(frame, VideoFrame | AudioFrame):
                    return frame
        except av.FFmpegError as error:
            # EINVAL is also how a decoder answers to a picture above its ``max_pixels``.
            large = f" (damaged, or more than {MAX_PIXELS:,} pixels)" if error.errno == errno.EINVAL else ""
            said = f"{error.strerror}{large}"
    raise MediaError(
        f"its {stream.type} ({codec_name(stream)}) has no decodable first frame in {tried} packets; FFmpeg said: {said}"
    )


def _displayed_size(frame: VideoFrame | AudioFrame) -> tuple[int, int] | tuple[None, None]:
    """Return width and height as shown: a phone stores an upright picture lying, with a rotation."""
    if not isinstance(frame, VideoFrame):
        return None, None
    lying = frame.rotation % 180 != 0
    return (frame.height, frame.width) if lying else (frame.width, frame.height)


def _is_image(container: InputContainer, stream: VideoStream, stop: threading.Event) -> bool:
    """Tell whether the format is one for pictures and holds a single one."""
    if container.format.name in IMAGE_FORMATS.split(","):
        return True
    if container.format.name in _ANIMATIONS or _major_brand(container) in _PICTURE_BRANDS:
        container.seek(0, stream=stream)
        packets = (packet for packet in packets_of(container, stream, stop) if packet.size)
        return next(packets, None) is not None and next(packets, None) is None
    return False


def _major_brand(container: InputContainer) -> str:
    return container.metadata.get("major_brand", "").strip()


def _container_name(source: ByteSource, container: InputContainer) -> str:
    """Return one name for what FFmpeg calls a family: ``mp4``, ``mov``, ``webm``, ``png``."""
    name = container.format.name
    if name.startswith("mov,"):
        brand = _major_brand(container)
        return _BRANDS.get(brand) or _PICTURE_BRANDS.get(brand) or (brand[:3] if brand[:2] == "3g" else "mp4")
    if name.startswith("matroska"):
        return "webm" if b"webm" in source.read_at(0, 64) else "matroska"
    return name.removesuffix("_pipe")


def _frame_rate(stream: VideoStream) -> float | None:
    rate = stream.average_rate or stream.guessed_rate
    return round(float(rate), 6) if rate else None


def _duration(container: InputContainer, stream: VideoStream | AudioStream, stop: threading.Event) -> float | None:
    """Return seconds, as the container says, as the stream says, or as the packets show."""
    if container.duration and container.duration > 0:
        return container.duration / _MICROSECONDS
    if stream.duration and stream.duration > 0 and stream.time_base:
        return round(float(stream.duration * stream.time_base), 6)
    return _measured_duration(container, stream, stop)


def _measured_duration(
    container: InputContainer, stream: VideoStream | AudioStream, stop: threading.Event
) -> float | None:
    """Walk all packets: to the end of the last one, or, without timestamps, the sum of them."""
    container.seek(0)
    total, first, last = 0, None, 0
    for packet in packets_of(container, stream, stop):
        length = packet.duration or 0
        total += length
        if packet.pts is not None:
            first = packet.pts if first is None else min(first, packet.pts)
            last = max(last, packet.pts + length)
    ticks = total if first is None else last - first
    return round(float(ticks * stream.time_base), 6) if ticks > 0 and stream.time_base else None
