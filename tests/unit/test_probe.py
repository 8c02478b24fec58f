"""What probing tells of real files, and what it refuses."""

from __future__ import annotations

import asyncio
import io
import struct
import threading
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from automation_engine.analyzers import container
from automation_engine.analyzers.decoding import decoding
from automation_engine.analyzers.file_view import BLOCK_SIZE, FileView, Stopped
from automation_engine.analyzers.probe import probe, probe_now
from automation_engine.demo_media import plain, write_clip, write_frames, write_still, write_tone
from automation_engine.errors import MediaError, StorageUnavailable
from tests.byte_source import BytesSource


def content(path: Path) -> bytes:
    return path.read_bytes()


async def refusal(data: bytes, name: str = "media") -> str:
    with pytest.raises(MediaError) as caught:
        await probe(BytesSource(data, name))
    return caught.value.message


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("probe") / "clip.mp4"
    write_clip(path, seconds=2, size=(320, 180), rate=25, audio=True)
    return path


async def test_a_clip_tells_all_its_facts(clip: Path) -> None:
    facts = await probe(BytesSource.of(clip))
    assert (facts.media_type, facts.container, facts.size) == ("video", "mp4", len(content(clip)))
    assert (facts.video_codec, facts.width, facts.height, facts.frame_rate) == ("h264", 320, 180, 25.0)
    assert (facts.audio_codec, facts.sample_rate, facts.channels) == ("aac", 48_000, 2)
    assert facts.duration == pytest.approx(2.0, abs=0.05)
    assert facts.bit_rate == pytest.approx(8 * facts.size / 2, rel=0.1)


@pytest.mark.parametrize(
    ("suffix", "container_name"),
    [("mp4", "mp4"), ("mov", "mov"), ("mkv", "matroska"), ("ts", "mpegts"), ("avi", "avi"), ("flv", "flv")],
)
async def test_a_container_is_known_by_its_common_name(tmp_path: Path, suffix: str, container_name: str) -> None:
    path = tmp_path / f"clip.{suffix}"
    write_clip(path, seconds=1, audio=True, codec="mpeg4" if suffix == "avi" else None)
    facts = await probe(BytesSource.of(path))
    assert (facts.media_type, facts.container) == ("video", container_name)
    assert facts.duration == pytest.approx(1.0, abs=0.1)


async def test_a_webm_is_told_from_a_matroska(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.webm", seconds=0.4, codec="libvpx-vp9")
    facts = await probe(BytesSource.of(tmp_path / "clip.webm"))
    assert (facts.container, facts.video_codec) == ("webm", "vp9")


@pytest.mark.parametrize(("suffix", "codec"), [("wav", "pcm_s16le"), ("flac", "flac"), ("mp3", "mp3"), ("m4a", "aac")])
async def test_sound_alone_is_audio(tmp_path: Path, suffix: str, codec: str) -> None:
    write_tone(tmp_path / f"tone.{suffix}", 1.5)
    facts = await probe(BytesSource.of(tmp_path / f"tone.{suffix}"))
    assert (facts.media_type, facts.audio_codec, facts.video_codec, facts.width) == ("audio", codec, None, None)
    assert facts.duration == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize(("suffix", "codec"), [("png", "png"), ("jpg", "mjpeg")])
async def test_a_picture_is_an_image_without_duration(tmp_path: Path, suffix: str, codec: str) -> None:
    write_still(tmp_path / f"still.{suffix}", size=(200, 100))
    facts = await probe(BytesSource.of(tmp_path / f"still.{suffix}"))
    assert (facts.media_type, facts.video_codec, facts.width, facts.height) == ("image", codec, 200, 100)
    assert (facts.duration, facts.frame_rate, facts.bit_rate) == (None, None, None)


@pytest.mark.parametrize(("frames", "media_type"), [(1, "image"), (5, "video")])
async def test_a_gif_of_one_frame_is_an_image_and_of_more_a_video(tmp_path: Path, frames: int, media_type: str) -> None:
    path = tmp_path / "moving.gif"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "rgb8"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(plain((number * 40, 0, 0), (64, 64)), "rgb24").reformat(format="rgb8")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    assert (await probe(BytesSource.of(path))).media_type == media_type


async def test_cover_art_does_not_make_a_video(tmp_path: Path) -> None:
    write_still(tmp_path / "cover.jpg")
    write_tone(tmp_path / "plain.flac", 1)
    path = tmp_path / "covered.flac"
    with av.open(str(path), "w") as output, av.open(str(tmp_path / "plain.flac")) as sound:
        stream = output.add_stream_from_template(sound.streams.audio[0])
        art = output.add_stream("mjpeg")
        art.width, art.height, art.pix_fmt = 320, 180, "yuvj420p"
        art.disposition = av.stream.Disposition.attached_pic
        for packet in sound.demux():
            if packet.size:
                packet.stream = stream
                output.mux(packet)
        cover = av.Packet(content(tmp_path / "cover.jpg"))
        cover.stream, cover.pts, cover.dts, cover.time_base = art, 0, 0, Fraction(1, 25)
        output.mux(cover)
    with av.open(str(path)) as covered:
        assert len(covered.streams.video) == 1
    facts = await probe(BytesSource.of(path))
    assert (facts.media_type, facts.video_codec, facts.audio_codec) == ("audio", None, "flac")


async def test_a_rotated_picture_is_measured_as_it_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "upright.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.set_display_rotation(90)
        output.mux(stream.encode(av.VideoFrame.from_ndarray(plain((9, 9, 9)), "rgb24")))
        output.mux(stream.encode(None))
    facts = await probe(BytesSource.of(path))
    assert (facts.width, facts.height) == (180, 320)


async def test_a_duration_that_the_container_does_not_tell_is_measured() -> None:
    live = io.BytesIO()
    live.seekable = lambda: False  # type: ignore[method-assign] # a stream that can't go back to write its duration
    with av.open(live, "w", format="matroska", options={"live": "1"}) as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(plain((number, 0, 0), (64, 64)), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    facts = await probe(BytesSource(live.getvalue()))
    assert facts.duration == pytest.approx(2.0, abs=0.05)


async def test_an_empty_file_is_refused() -> None:
    assert await refusal(b"", "empty.mp4") == "empty.mp4: the file is empty"


@pytest.mark.parametrize("data", [b"hello, world\n" * 100, b"%PDF-1.7\n" + b"x" * 4000, bytes(range(256)) * 64, b"x"])
async def test_what_is_no_media_is_refused_with_the_reason(data: bytes) -> None:
    message = await refusal(data, "notes.mp4")
    assert message.startswith("notes.mp4: not media that can be decoded")


async def test_an_mp4_without_its_moov_box_is_called_truncated(clip: Path) -> None:
    data = content(clip)
    moov = data.index(b"moov") - 4
    assert "no moov box: truncated, or still being written" in await refusal(data[:moov], "clip.mp4")


async def test_an_mp4_cut_in_its_data_says_how_much_is_missing(clip: Path) -> None:
    assert "'mdat' box are missing" in await refusal(content(clip)[:2000], "clip.mp4")


async def test_a_picture_without_a_decodable_frame_is_refused(tmp_path: Path) -> None:
    write_still(tmp_path / "still.png")
    data = content(tmp_path / "still.png")
    header = data[:33]
    assert "still.png" in await refusal(header + b"\0" * 200, "still.png")


async def test_a_video_whose_data_is_noise_has_no_decodable_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    write_frames(path, (plain((n, n, n)) for n in range(20)))
    data = bytearray(content(path))
    start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[start:end] = b"\xff" * (end - start)
    message = await refusal(bytes(data), "noise.mp4")
    assert "no decodable first frame" in message
    assert "FFmpeg said" in message


@pytest.fixture
def bait(tmp_path: Path) -> Path:
    path = tmp_path / "bait.ts"
    write_clip(path, seconds=0.4)
    return path


HLS = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile '{target}'\n"
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
PLS = "[playlist]\nFile1={target}\n"
DASH = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static"><Period>
<AdaptationSet><Representation id="0" bandwidth="1"><BaseURL>{target}</BaseURL></Representation></AdaptationSet>
</Period></MPD>"""


@pytest.mark.parametrize("playlist", [HLS, CONCAT, SDP, PLS, DASH], ids=["hls", "concat", "sdp", "pls", "dash"])
@pytest.mark.parametrize("name", ["list.m3u8", "clip.mp4", "clip.%03d.jpg"])
async def test_a_playlist_opens_nothing(bait: Path, playlist: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(container, "_refuse", lambda url, *_: asked.append(url))
    for target in (str(bait), bait.as_uri(), "http://127.0.0.1:9/x.ts"):
        assert name in await refusal(playlist.format(target=target).encode(), name)
    assert asked == []


async def test_the_name_of_an_object_is_never_opened_as_a_path(tmp_path: Path) -> None:
    write_still(tmp_path / "secret.jpg")
    await refusal(b"not a picture", str(tmp_path / "secret.jpg"))


async def test_a_second_file_is_refused_even_by_an_allowed_format() -> None:
    with pytest.raises(MediaError, match="only self-contained media"):
        container._refuse("file:///etc/passwd", 0, {})


def png(width: int, height: int) -> bytes:
    """Return a valid PNG header with hardly any data behind it: few bytes that declare a large picture."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(1000)))]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(("width", "height"), [(30_000, 100), (100, 30_000)])
async def test_a_picture_with_a_side_above_the_limit_is_refused(width: int, height: int) -> None:
    assert f"a picture of {width}x{height}" in await refusal(png(width, height), "huge.png")


async def test_a_picture_with_too_many_pixels_is_refused() -> None:
    assert "more than 134,217,728 pixels" in await refusal(png(16_000, 16_000), "huge.png")


async def test_reading_stops_at_the_budget() -> None:
    source = BytesSource(bytes(BLOCK_SIZE * 4))
    view = FileView(source, stop=threading.Event(), budget=BLOCK_SIZE * 2)
    assert len(view.read(BLOCK_SIZE * 2)) == BLOCK_SIZE * 2
    assert view.read(1) == b""
    assert isinstance(view.failure, MediaError)


async def test_a_storage_that_fails_is_not_blamed_on_the_media(clip: Path) -> None:
    with pytest.raises(StorageUnavailable):
        await probe(BytesSource(content(clip), fails_after=64))
    assert (await probe(BytesSource.of(clip))).media_type == "video"


def test_a_view_reads_like_a_file() -> None:
    data = np.random.default_rng(1).bytes(BLOCK_SIZE * 2 + 100)
    view, real = FileView(BytesSource(data), stop=threading.Event()), io.BytesIO(data)
    steps: list[Callable[[io.RawIOBase | io.BytesIO], object]] = [
        lambda f: f.read(10),
        lambda f: f.seek(BLOCK_SIZE - 5),
        lambda f: f.read(20),
        lambda f: f.seek(-30, io.SEEK_END),
        lambda f: f.read(100),
        lambda f: f.read(1),
        lambda f: f.seek(-50, io.SEEK_CUR),
        lambda f: f.read(),
        lambda f: f.tell(),
    ]
    assert [step(view) for step in steps] == [step(real) for step in steps]


def test_work_that_was_given_up_stops_at_its_next_read(clip: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        probe_now(BytesSource.of(clip), stop)


async def test_a_cancelled_caller_leaves_no_thread_behind() -> None:
    begun, ended = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work(stop: threading.Event) -> None:
        loop.call_soon_threadsafe(begun.set)
        stop.wait()
        ended.set()
        raise Stopped

    task = asyncio.create_task(decoding(work))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
