"""What the built-in analyzer measures of media whose truth is known."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from automation_engine.analyzers.media_facts import FACTS, MediaFactsAnalyzer
from automation_engine.analyzers.probe import probe
from automation_engine.analyzers.protocol import Analysis, ByteSource, Media, Prompt, Segment
from automation_engine.analyzers.registry import analyzer_for
from automation_engine.analyzers.segments import fixed_segments
from automation_engine.demo_media import plain, tone, write_clip, write_frames, write_still, write_tone
from automation_engine.errors import InvalidArgument, MediaError
from tests.byte_source import BytesSource

BLACK, GREY, WHITE = (0, 0, 0), (128, 128, 128), (255, 255, 255)


def asking(*names: str, required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {} for name in names} | properties, "required": list(required)}


def content(path: Path) -> bytes:
    return path.read_bytes()


async def media_of(source: ByteSource) -> Media:
    return Media(source=source, facts=await probe(source))


async def analysis(
    path: Path, schema: dict[str, Any], start: float = 0.0, end: float | None = None, *, media: Media | None = None
) -> Analysis:
    media = media or await media_of(BytesSource.of(path))
    prompt = Prompt(prompt_id="prompt_1", name="facts", text="", json_schema=schema)
    segment = Segment(ordinal=0, start=start, end=end if end is not None else media.facts.duration or 0.0)
    return await MediaFactsAnalyzer().analyze(media, prompt, segment)


async def measured(path: Path, *names: str, start: float = 0.0, end: float | None = None) -> dict[str, Any]:
    found = await analysis(path, asking(*names), start, end)
    assert found.error is None
    return dict(found.metadata)


def grounds(*runs: tuple[tuple[int, int, int], int]) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    """Yield runs of plain frames: so many of a colour, then so many of the next."""
    for colour, count in runs:
        for _ in range(count):
            yield plain(colour)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds, 25 frames a second, a keyframe a second, with sound."""
    path = tmp_path_factory.mktemp("facts") / "clip.mp4"
    write_clip(path, seconds=4, audio=True, scenes=1)
    return path


@pytest.mark.parametrize(("colour", "luma"), [(WHITE, 235), (BLACK, 16), (GREY, 126)])
async def test_a_plain_clip_has_the_luma_of_its_colour_and_no_motion(
    tmp_path: Path, colour: tuple[int, int, int], luma: int
) -> None:
    write_frames(tmp_path / "plain.mp4", grounds((colour, 30)))
    found = await measured(tmp_path / "plain.mp4", "mean_luma", "motion", "scene_changes", "black_ratio")
    assert found["mean_luma"] == pytest.approx(luma, abs=1)
    assert found["motion"] == pytest.approx(0, abs=0.2)
    assert (found["scene_changes"], found["black_ratio"]) == (0, 1.0 if colour == BLACK else 0.0)


async def test_two_hard_cuts_are_two_scene_changes(tmp_path: Path) -> None:
    write_frames(tmp_path / "cuts.mp4", grounds((BLACK, 20), (WHITE, 20), (GREY, 20)))
    found = await measured(tmp_path / "cuts.mp4", "scene_changes", "motion", "black_ratio")
    assert found["scene_changes"] == 2
    assert found["motion"] == pytest.approx(((235 - 16) + (235 - 126)) / 59, abs=0.3)
    assert found["black_ratio"] == pytest.approx(1 / 3)


async def test_the_demo_clip_has_a_cut_between_each_two_scenes(tmp_path: Path) -> None:
    write_clip(tmp_path / "scenes.mp4", seconds=3, scenes=5)
    assert (await measured(tmp_path / "scenes.mp4", "scene_changes"))["scene_changes"] == 4


async def test_a_steady_motion_is_no_scene_change(clip: Path) -> None:
    found = await measured(clip, "scene_changes", "motion")
    assert found["scene_changes"] == 0
    assert 0.5 < found["motion"] < 20


async def test_frames_and_keyframes_are_counted_as_encoded(tmp_path: Path) -> None:
    write_frames(tmp_path / "keys.mp4", grounds((GREY, 60)), rate=30, keyframe_interval=12)
    assert await measured(tmp_path / "keys.mp4", "frame_count", "keyframes") == {"frame_count": 60, "keyframes": 5}


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "flv", "mov"])
async def test_segments_share_the_frames_without_loss_or_double(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip.{suffix}"
    write_clip(path, seconds=4, audio=True, codec="mpeg4" if suffix == "avi" else None)
    media = await media_of(BytesSource.of(path))
    counted, seen = 0, 0
    for segment in fixed_segments(media.facts.duration or 0.0, 0.7):
        schema = asking("frame_count")
        counted += (await analysis(path, schema, segment.start, segment.end, media=media)).metadata["frame_count"]
        schema = asking("frame_count", "mean_luma")
        seen += (await analysis(path, schema, segment.start, segment.end, media=media)).metadata["frame_count"]
    assert (counted, seen) == (100, 100)


async def test_a_segment_is_measured_from_its_own_frames_alone(tmp_path: Path) -> None:
    write_frames(tmp_path / "halves.mp4", grounds((BLACK, 50), (WHITE, 50)), keyframe_interval=100)
    before = await measured(tmp_path / "halves.mp4", "mean_luma", "frame_count", start=0.0, end=2.0)
    after = await measured(tmp_path / "halves.mp4", "mean_luma", "frame_count", start=2.0, end=4.0)
    assert (before["frame_count"], after["frame_count"]) == (50, 50)
    assert before["mean_luma"] == pytest.approx(16, abs=1)
    assert after["mean_luma"] == pytest.approx(235, abs=1)


async def test_a_tone_has_the_loudness_and_the_peak_that_it_was_made_with(tmp_path: Path) -> None:
    write_tone(tmp_path / "tone.wav", 2, level=-20.0)
    found = await measured(tmp_path / "tone.wav", "loudness", "peak_level", "silence_ratio")
    assert found["loudness"] == pytest.approx(-20.0, abs=0.05)
    assert found["peak_level"] == pytest.approx(-20.0, abs=0.05)
    assert found["silence_ratio"] == 0.0


@pytest.mark.parametrize("pixels", ["s16", "s32", "flt", "dbl", "u8"])
async def test_loudness_does_not_depend_on_how_samples_are_stored(tmp_path: Path, pixels: str) -> None:
    codec = {"s16": "pcm_s16le", "s32": "pcm_s32le", "flt": "pcm_f32le", "dbl": "pcm_f64le", "u8": "pcm_u8"}[pixels]
    with av.open(str(tmp_path / "tone.wav"), "w") as output:
        stream = output.add_stream(codec, rate=48_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(tone(1.0, level=-6.0, channels=1), "fltp", "mono")
        frame.sample_rate = 48_000
        for converted in av.AudioResampler(format=pixels, layout="mono", rate=48_000).resample(frame):
            output.mux(stream.encode(converted))
        output.mux(stream.encode(None))
    found = await measured(tmp_path / "tone.wav", "loudness", "peak_level")
    assert found == {"loudness": pytest.approx(-6.0, abs=0.1), "peak_level": pytest.approx(-6.0, abs=0.1)}


@pytest.mark.parametrize(("codec", "layout"), [("aac", "7.1"), ("wavpack", "hexadecagonal"), ("alac", "7.1(wide)")])
async def test_eight_channels_and_more_are_measured_within_their_own_memory(
    tmp_path: Path, codec: str, layout: str
) -> None:
    with av.open(str(tmp_path / "wide.mkv"), "w") as output:
        stream = output.add_stream(codec, rate=48_000, layout=layout)
        assert isinstance(stream, av.AudioStream)
        channels = stream.codec_context.layout.nb_channels
        packed = np.repeat(tone(1.0, level=-6.0, channels=1), channels, axis=1)
        frame = av.AudioFrame.from_ndarray(packed, "flt", layout)
        frame.sample_rate, frame.pts = 48_000, 0
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=48_000, frame_size=size)
        for converted in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(converted))
        output.mux(stream.encode(None))
    found = await measured(tmp_path / "wide.mkv", "loudness", "channels")
    assert found == {"loudness": pytest.approx(-6.0, abs=1.0), "channels": channels}


async def test_silence_is_told_by_its_share_and_the_floor(tmp_path: Path) -> None:
    sound = np.concatenate([tone(1.0), np.zeros((2, 48_000), np.float32)], axis=1)
    write_frames(tmp_path / "half.mkv", grounds((GREY, 50)), sound=sound)
    found = await measured(tmp_path / "half.mkv", "silence_ratio", end=2.0)
    assert found["silence_ratio"] == pytest.approx(0.5, abs=0.05)
    write_tone(tmp_path / "still.wav", 1, level=-200.0)
    assert await measured(tmp_path / "still.wav", "loudness", "peak_level", "silence_ratio") == {
        "loudness": -120.0,
        "peak_level": -120.0,
        "silence_ratio": 1.0,
    }


async def test_sound_of_a_segment_in_the_middle_is_as_loud_as_at_the_start(clip: Path) -> None:
    for start, end in ((0.5, 1.5), (1.5, 2.5), (2.5, 3.5)):
        found = await measured(clip, "loudness", "silence_ratio", start=start, end=end)
        assert found == {"loudness": pytest.approx(-20.0, abs=0.2), "silence_ratio": 0.0}


async def test_container_facts_cost_no_read(clip: Path) -> None:
    source = BytesSource.of(clip)
    media = await media_of(source)
    read_by_probe = source.fetched
    names = [name for name, fact in FACTS.items() if fact.source.name == "PROBE"]
    found = await analysis(clip, asking(*names), 1.0, 3.0, media=media)
    assert source.fetched == read_by_probe
    assert found.error is None
    assert found.metadata == {
        "media_type": "video",
        "container": "mp4",
        "file_size": source.size,
        "start_time": 1.0,
        "end_time": 3.0,
        "duration": 2.0,
        "media_duration": media.facts.duration,
        "bit_rate": media.facts.bit_rate,
        "width": 320,
        "height": 180,
        "frame_rate": 25.0,
        "has_video": True,
        "has_audio": True,
        "video_codec": "h264",
        "audio_codec": "aac",
        "codecs": ["h264", "aac"],
        "sample_rate": 48_000,
        "channels": 2,
    }


async def test_every_documented_fact_is_measured_on_a_clip_with_sound(clip: Path) -> None:
    assert (await measured(clip, *FACTS)).keys() == FACTS.keys()


async def test_an_image_has_luma_and_size_and_neither_duration_nor_motion(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "white.png"), "w", format="image2") as output:
        stream = output.add_stream("png")
        stream.width, stream.height, stream.pix_fmt = 320, 180, "rgb24"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(plain(WHITE), "rgb24")))
        output.mux(stream.encode(None))
    found = await measured(tmp_path / "white.png", *FACTS)
    assert (found["mean_luma"], found["frame_count"], found["width"]) == (255.0, 1, 320)
    assert (found["has_video"], found["has_audio"], found["media_type"]) == (False, False, "image")
    assert found.keys().isdisjoint({"duration", "frame_rate", "motion", "scene_changes", "loudness", "bit_rate"})


@pytest.mark.parametrize(("pixels", "luma"), [("yuv420p10le", 235), ("yuv444p", 235), ("gray", 255)])
async def test_luma_does_not_depend_on_how_pixels_are_stored(tmp_path: Path, pixels: str, luma: int) -> None:
    with av.open(str(tmp_path / "white.mkv"), "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, pixels
        frame = av.VideoFrame.from_ndarray(plain(WHITE), "rgb24").reformat(format=pixels)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    assert (await measured(tmp_path / "white.mkv", "mean_luma"))["mean_luma"] == luma


async def test_what_is_not_measurable_and_not_required_is_left_out(clip: Path) -> None:
    schema = asking(
        "width", "sentiment", people={"type": "array"}, video={"type": "object", "properties": {"width": {}}}
    )
    found = await analysis(clip, schema)
    assert (found.metadata, found.error) == ({"width": 320}, None)


async def test_a_required_property_that_is_no_fact_is_named_in_the_error(clip: Path) -> None:
    found = await analysis(clip, asking("width", "sentiment", required=("width", "sentiment")))
    assert found.metadata == {"width": 320}
    assert found.error == "sentiment: required, but not a fact that media_facts can measure"


async def test_required_loudness_of_a_silent_film_is_an_error_and_no_number(tmp_path: Path) -> None:
    write_clip(tmp_path / "silent.mp4", seconds=1)
    found = await analysis(tmp_path / "silent.mp4", asking("loudness", required=("loudness",)))
    assert (found.metadata, found.error) == ({}, "loudness: required, but the media has no audio")


async def test_required_width_of_sound_is_an_error(tmp_path: Path) -> None:
    write_tone(tmp_path / "tone.wav", 1)
    found = await analysis(tmp_path / "tone.wav", asking(required=("width", "mean_luma")))
    assert found.error == "width: required, but audio has none; mean_luma: required, but audio has none"


async def test_required_duration_of_an_image_is_an_error(tmp_path: Path) -> None:
    write_still(tmp_path / "still.jpg")
    found = await analysis(tmp_path / "still.jpg", asking(required=("duration",)))
    assert found.error == "duration: required, but a still image has none"


async def test_a_value_that_does_not_fit_is_named_and_left_out(clip: Path) -> None:
    found = await analysis(
        clip, asking(width={"type": "string"}, height={"minimum": 720}, channels={"type": "integer"})
    )
    assert found.metadata == {"channels": 2}
    assert found.error == "height: 180 is less than the minimum of 720; width: 320 is not of type 'string'"


async def test_a_number_is_written_as_an_integer_only_where_that_is_exact(tmp_path: Path) -> None:
    write_frames(tmp_path / "film.mp4", grounds((GREY, 36)), rate=24)
    integer = {"type": "integer"}
    found = await analysis(tmp_path / "film.mp4", asking(frame_rate=integer, duration=integer))
    assert (found.metadata, type(found.metadata["frame_rate"])) == ({"frame_rate": 24}, int)
    assert found.error == "duration: 1.5 is not of type 'integer'"


async def test_an_aspect_ratio_is_a_number_or_the_words_of_one(clip: Path) -> None:
    assert await measured(clip, "aspect_ratio") == {"aspect_ratio": pytest.approx(16 / 9, abs=1e-6)}
    found = await analysis(clip, asking(aspect_ratio={"type": "string"}))
    assert (found.metadata, found.error) == ({"aspect_ratio": "16:9"}, None)


async def test_an_unusable_schema_is_an_error_of_the_analysis(clip: Path) -> None:
    found = await analysis(clip, asking(width={"$ref": "http://127.0.0.1:1/width"}))
    assert found.metadata == {}
    assert "can't be used" in (found.error or "")


async def test_a_segment_behind_the_picture_has_sound_but_no_luma(tmp_path: Path) -> None:
    write_frames(tmp_path / "long.mp4", grounds((GREY, 25)), sound=tone(4.0))
    found = await analysis(tmp_path / "long.mp4", asking("loudness", "frame_count", required=("mean_luma",)), 2.0, 4.0)
    assert found.metadata == {"loudness": pytest.approx(-20, abs=0.3), "frame_count": 0}
    assert found.error == "mean_luma: required, but this segment holds too little to measure it"


async def test_damage_in_the_middle_costs_frames_and_not_the_segment(tmp_path: Path) -> None:
    path = tmp_path / "damaged.mkv"
    write_clip(path, seconds=4, codec="mpeg4")
    media = await media_of(BytesSource.of(path))
    data = bytearray(content(path))
    middle = len(data) // 2
    data[middle : middle + 600] = b"\xff" * 600
    found = await analysis(path, asking("mean_luma"), media=Media(source=BytesSource(bytes(data)), facts=media.facts))
    assert 16 < found.metadata["mean_luma"] < 235


async def test_media_that_was_lost_since_probing_is_a_media_error(clip: Path) -> None:
    media = Media(source=BytesSource(b"\0" * 5000, "lost.mp4"), facts=(await media_of(BytesSource.of(clip))).facts)
    with pytest.raises(MediaError, match=r"lost\.mp4: not media"):
        await analysis(clip, asking("mean_luma"), media=media)


class _Gate(BytesSource):
    """Lets reads through only after it was opened, and tells when one waits."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.waiting, self.open = threading.Event(), threading.Event()

    def read_at(self, start: int, length: int) -> bytes:
        self.waiting.set()
        self.open.wait()
        return super().read_at(start, length)


async def test_a_cancelled_analysis_reads_no_further(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    write_tone(path, 20)
    facts = (await media_of(BytesSource.of(path))).facts
    source = _Gate(content(path))
    task = asyncio.create_task(analysis(path, asking("loudness"), media=Media(source=source, facts=facts)))
    await asyncio.to_thread(source.waiting.wait)
    task.cancel()
    await asyncio.sleep(0)
    source.open.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.fetched < source.size / 2


def test_only_what_is_built_in_is_an_analyzer() -> None:
    assert analyzer_for(None).name == analyzer_for("media_facts").name == "media_facts"
    with pytest.raises(InvalidArgument, match="is not available here: use media_facts"):
        analyzer_for("gemini-2.5-pro")


def test_the_documentation_lists_every_fact_as_it_is_measured() -> None:
    page = (Path(__file__).parents[2] / "docs" / "media-facts.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{name}` | {fact.type} | {fact.unit} | {fact.how} |" for name, fact in FACTS.items()]
