"""Opening media of strangers: bytes in, streams out, and nothing else.

What a hostile file can't do here: make FFmpeg open an address or another file (only self-contained formats are
allowed, every protocol is refused, and so is every second file), declare pictures or streams without bound, or be
guessed a format by its name.
"""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import av

from automation_engine.analyzers.file_view import BLOCK_SIZE, FileView, Stopped
from automation_engine.analyzers.iso_boxes import iso_fault
from automation_engine.errors import MediaError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

    from automation_engine.analyzers.protocol import ByteSource

VIDEO_FORMATS = "apng,asf,avi,flv,gif,ivf,matroska,mov,mpeg,mpegts,mxf,ogg,rm"
AUDIO_FORMATS = "aac,ac3,aiff,amr,ape,au,caf,dsf,eac3,flac,mp3,tta,w64,wav,wv"
IMAGE_FORMATS = (
    "bmp_pipe,dpx_pipe,exr_pipe,gem_pipe,j2k_pipe,jpeg_pipe,jpegls_pipe,jpegxl_pipe,pbm_pipe,pgm_pipe,png_pipe,"
    "ppm_pipe,psd_pipe,qoi_pipe,sgi_pipe,tiff_pipe,webp_pipe"
)
"""FFmpeg's names of the formats that are read. Each is self-contained: no playlist, no manifest, no session.
Raw elementary streams (``.h264``) are left out: they have no times to cut segments by."""

MAX_SIDE = 16_384
"""Largest width and height, in pixels."""
MAX_PIXELS = 2**27
"""Largest picture, in pixels (134 million: 16,384 by 8,192)."""
MAX_STREAMS = 64

_NOT_LISTED = "a playlist, manifest, raw stream, or another format that is not read here"
_OPTIONS = {
    "format_whitelist": f"{VIDEO_FORMATS},{AUDIO_FORMATS},{IMAGE_FORMATS}",
    "protocol_whitelist": "none",
    "max_streams": str(MAX_STREAMS),
    "max_pixels": str(MAX_PIXELS),
}


@contextlib.contextmanager
def opened(source: ByteSource, stop: threading.Event, *, budget: int | None = None) -> Iterator[InputContainer]:
    """Open the source as media; at most ``budget`` bytes are fetched from it (None: no limit).

    Raises ``MediaError`` for bytes that are no media or break a limit, also when FFmpeg says so inside the block; what
    stopped the reading (``StorageError``, ``Stopped``) goes before what the decoder made of it. A ``MediaError`` of the
    block's own gets the object's name in front.
    """
    view = FileView(source, stop=stop, budget=budget)
    try:
        _check_whole(source)
        with _open(view) as container:
            _check_limits(container)
            yield container
    except (av.FFmpegError, MediaError) as error:
        raise _blamed(source, view.failure or error) from error
    if view.failure is not None:
        raise _blamed(source, view.failure)


def _blamed(source: ByteSource, cause: Exception) -> Exception:
    """Return the error to raise for a cause: one about the media names the object, one of the storage stays."""
    if isinstance(cause, MediaError):
        return MediaError(f"{source.name}: {cause.message}")
    if isinstance(cause, av.FFmpegError):
        # FFmpeg answers EINVAL for a format that it recognised and that is not on the list.
        said = _NOT_LISTED if cause.errno == errno.EINVAL else f"FFmpeg said: {cause.strerror}"
        return MediaError(f"{source.name}: not media that can be decoded ({source.size:,} bytes); {said}")
    return cause


def _check_whole(source: ByteSource) -> None:
    if fault := "the file is empty" if source.size == 0 else iso_fault(source):
        raise MediaError(fault)


def _open(view: FileView) -> InputContainer:
    return av.open(
        view,
        "r",
        options=_OPTIONS,
        metadata_errors="replace",
        buffer_size=BLOCK_SIZE,
        io_open=_refuse,
    )


def _refuse(url: str, _flags: int, _options: dict[str, str]) -> NoReturn:
    raise MediaError(f"the file refers to another one, {url[:200]!r}: only self-contained media is read")


def _check_limits(container: InputContainer) -> None:
    if len(container.streams) > MAX_STREAMS:
        raise MediaError(f"{len(container.streams)} streams: at most {MAX_STREAMS} are read")
    for stream in container.streams.video:
        if stream.codec_context is None:
            continue
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        stream.codec_context.thread_count = 1
        if max(stream.width, stream.height) > MAX_SIDE or stream.width * stream.height > MAX_PIXELS:
            raise MediaError(
                f"a picture of {stream.width}x{stream.height}: "
                f"at most {MAX_SIDE:,} pixels a side and {MAX_PIXELS:,} in all are read"
            )


def packets_of(
    container: InputContainer, stream: VideoStream | AudioStream, stop: threading.Event
) -> Iterator[Packet[Any]]:
    """Yield the stream's packets from where the container stands; an empty one, which flushes the decoder, is last.

    Raises ``Stopped`` once ``stop`` is set.
    """
    # PyAV trips, behind that last packet, over a stream that showed only after the file was opened (FLV, MPEG-TS).
    with contextlib.suppress(IndexError):
        for packet in container.demux(stream):
            if stop.is_set():
                raise Stopped
            yield packet


def picture_stream(container: InputContainer) -> VideoStream | None:
    """Return the main video stream; cover art is none, and neither are the parts of a tiled picture."""
    kinds = av.stream.Disposition
    aside = kinds.attached_pic | kinds.timed_thumbnails | kinds.dependent
    candidates = [stream for stream in container.streams.video if not stream.disposition & aside]
    return next((s for s in candidates if s.disposition & kinds.default), next(iter(candidates), None))


def sound_stream(container: InputContainer) -> AudioStream | None:
    """Return the main audio stream."""
    candidates = container.streams.audio
    default = av.stream.Disposition.default
    return next((s for s in candidates if s.disposition & default), next(iter(candidates), None))


def codec_name(stream: Stream | None) -> str | None:
    """Return the codec's common name (``h264``, ``mp3``), ``unknown`` when this FFmpeg has no decoder for it."""
    if stream is None:
        return None
    return stream.codec_context.codec.canonical_name if stream.codec_context is not None else "unknown"
