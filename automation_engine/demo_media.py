"""Real media, made on the spot: for the demo, and for tests that know what they will measure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

SAMPLE_RATE = 48_000
"""Of every tone, in hertz."""
PITCH = 440.0
"""Of every tone, in hertz."""
SCENES = ((30, 60, 110), (205, 190, 90), (80, 30, 120), (150, 210, 200), (120, 60, 20))
"""Ground colours (RGB), one a scene: neighbours differ enough in luma for a cut to be seen."""

_CHUNK = 1024
_SOUND_CODECS = {".wav": "pcm_s16le", ".flac": "flac", ".mp3": "libmp3lame"}
_PICTURE_CODECS = {".png": ("png", "rgb24"), ".jpg": ("mjpeg", "yuvj420p"), ".jpeg": ("mjpeg", "yuvj420p")}


def video_codec() -> str:
    """Return the encoder for clips: H.264 where this FFmpeg has it, MPEG-4 part 2 otherwise."""
    return "libx264" if "libx264" in av.codecs_available else "mpeg4"


def write_clip(
    path: Path | str,
    *,
    seconds: float,
    size: tuple[int, int] = (320, 180),
    rate: int = 25,
    audio: bool = False,
    scenes: int = 3,
    seed: int = 0,
    codec: str | None = None,
) -> None:
    """Write a video of a square that moves over plain grounds, with a hard cut between each two of its ``scenes``.

    The container follows the name (``.mp4``, ``.mov``, ``.mkv`` …). With ``audio`` it carries a tone in AAC. The same
    arguments give the same pictures; another ``seed`` gives others.
    """
    count = max(1, round(seconds * rate))
    pictures = (_scene(number, count, size, scenes, seed) for number in range(count))
    write_frames(path, pictures, rate=rate, sound=tone(seconds) if audio else None, codec=codec)


def write_frames(
    path: Path | str,
    pictures: Iterable[NDArray[np.uint8]],
    *,
    rate: int = 25,
    keyframe_interval: int = 25,
    sound: NDArray[np.float32] | None = None,
    codec: str | None = None,
) -> None:
    """Encode pictures and sound.

    ``pictures`` are RGB of shape (height, width, 3), all of one even size, ``sound`` is of shape (channels, samples),
    full scale 1. Every ``keyframe_interval``-th frame is a keyframe and no other one is.
    """
    frames = iter(pictures)
    first = next(frames)
    with av.open(str(path), "w") as container:
        video = _video_stream(container, codec or video_codec(), first, rate, keyframe_interval)
        if sound is not None:
            audio = _audio_stream(container, "aac", len(sound))
            for chunk in _sound_frames(sound, audio):
                container.mux(audio.encode(chunk))
            container.mux(audio.encode(None))
        for number, picture in enumerate((first, *frames)):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))


def write_tone(path: Path | str, seconds: float, *, level: float = -20.0) -> None:
    """Write sound alone: a stereo tone whose peak is at ``level`` dBFS.

    The codec follows the name: 16-bit PCM for ``.wav``, ``.flac``, ``.mp3``, AAC for everything else (``.m4a``).
    """
    with av.open(str(path), "w") as container:
        stream = _audio_stream(container, _SOUND_CODECS.get(Path(path).suffix, "aac"), 2)
        for chunk in _sound_frames(tone(seconds, level=level), stream):
            container.mux(stream.encode(chunk))
        container.mux(stream.encode(None))


def write_still(path: Path | str, *, size: tuple[int, int] = (320, 180), seed: int = 0) -> None:
    """Write one picture, ``.png`` or ``.jpg`` by its name."""
    codec, pixels = _PICTURE_CODECS[Path(path).suffix]
    encoder = av.Codec(codec, "w").create("video")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = *size, pixels, Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(_scene(0, 1, size, 1, seed), "rgb24").reformat(format=pixels)
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    Path(path).write_bytes(b"".join(bytes(packet) for packet in packets))


def tone(seconds: float, *, level: float = -20.0, channels: int = 2) -> NDArray[np.float32]:
    """Return a sine whose peak is at ``level`` dBFS, of shape (channels, samples)."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sine = 10 ** (level / 20) * np.sin(2 * np.pi * PITCH * time)
    return np.tile(sine.astype(np.float32), (channels, 1))


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (320, 180)) -> NDArray[np.uint8]:
    """Return a picture of one colour (RGB)."""
    return np.full((size[1], size[0], 3), colour, np.uint8)


def _scene(number: int, count: int, size: tuple[int, int], scenes: int, seed: int) -> NDArray[np.uint8]:
    """Draw one of ``count`` frames: the ground of its scene, and the square where it is by now."""
    width, height = size
    side = max(2, height // 4)
    picture = plain(SCENES[(number * scenes // count + seed) % len(SCENES)], size)
    left = (number * 3 + seed * 17) % (width - side)
    top = (number * 2 + seed * 11) % (height - side)
    picture[top : top + side, left : left + side] = 255 - picture[0, 0]
    return picture


def _video_stream(
    container: OutputContainer, codec: str, picture: NDArray[np.uint8], rate: int, keyframe_interval: int
) -> VideoStream:
    options = {"g": str(keyframe_interval), "sc_threshold": "0"}
    if codec == "libx264":
        options |= {"preset": "ultrafast", "keyint_min": str(keyframe_interval)}
    stream = container.add_stream(codec, rate=rate, options=options)
    if not isinstance(stream, av.VideoStream):
        raise TypeError(f"{codec!r} is no video encoder")
    stream.height, stream.width = picture.shape[:2]
    stream.pix_fmt = "yuv420p"
    return stream


def _audio_stream(container: OutputContainer, codec: str, channels: int) -> AudioStream:
    stream = container.add_stream(codec, rate=SAMPLE_RATE, layout="mono" if channels == 1 else "stereo")
    if not isinstance(stream, av.AudioStream):
        raise TypeError(f"{codec!r} is no audio encoder")
    return stream


def _sound_frames(sound: NDArray[np.float32], stream: AudioStream) -> Iterator[av.AudioFrame]:
    """Yield the samples in frames, in the format the encoder takes."""
    resampler = av.AudioResampler(format=stream.format, layout=stream.layout, rate=SAMPLE_RATE)
    for start in range(0, sound.shape[1], _CHUNK):
        samples = np.ascontiguousarray(sound[:, start : start + _CHUNK])
        frame = av.AudioFrame.from_ndarray(samples, "fltp", "mono" if len(sound) == 1 else "stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
        yield from resampler.resample(frame)
