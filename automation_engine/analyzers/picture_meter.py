"""What the pictures of a segment measure: luma, motion, cuts, black."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

SAMPLED_SIDE = 256
"""Luma is looked at on a grid of at most this many samples a side, taken from the picture without averaging."""

CUT_SCORE = 10.0
"""A frame starts a new scene when its score, 0 to 100, reaches this: the rule and the default of FFmpeg's ``scdet``."""

BLACK_SHARE = 0.98
"""A frame is black when this share of its samples is: the defaults of FFmpeg's ``blackdetect``, as the next one is."""
BLACK_LEVEL = 0.10
"""A sample is black up to this part of the way from the range's black to its white."""

_FULL_RANGE = 2
_BITS = 8


def sampled_luma(frame: VideoFrame) -> NDArray[np.int16]:
    """Return the frame's luma on the grid, 0 to 255 in the range the picture is stored in (video range: 16 to 235).

    Colours without a luma plane (RGB, palettes) are turned into full-range grey.
    """
    step = max(1, -(-max(frame.width, frame.height) // SAMPLED_SIDE))
    if not _has_plain_luma_plane(frame):
        frame = frame.reformat(format="gray" if _is_full_range(frame) else "yuv420p")
    plane = frame.planes[0]
    stored: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8)
    rows = stored[: plane.line_size * frame.height].reshape(frame.height, plane.line_size)
    return rows[::step, : frame.width : step].astype(np.int16)


def _has_plain_luma_plane(frame: VideoFrame) -> bool:
    first, *others = frame.format.components
    alone = first.is_luma and not frame.format.has_palette and all(other.plane != first.plane for other in others)
    return alone and first.bits == _BITS and frame.planes[0].line_size > 0


def _is_full_range(frame: VideoFrame) -> bool:
    """Tell whether black is 0 and white 255: declared so, or a format that knows no other range."""
    coloured = any(part.is_chroma for part in frame.format.components)
    return frame.color_range == _FULL_RANGE or frame.format.name.startswith("yuvj") or not coloured


@dataclass(slots=True)
class PictureMeter:
    """Add the frames of one segment in order, then read. Values are None where there were too few frames."""

    frames: int = 0
    scene_changes: int = 0
    _luma: float = 0.0
    _black: int = 0
    _pairs: int = 0
    _difference: float = 0.0
    _last_difference: float = 0.0
    _last: NDArray[np.int16] | None = field(default=None, repr=False)

    def add(self, frame: VideoFrame) -> None:
        """Measure one more frame."""
        luma = sampled_luma(frame)
        self.frames += 1
        self._luma += float(luma.mean())
        self._black += _is_black(luma, full_range=_is_full_range(frame))
        # Where the size changes in mid-stream there is nothing to compare with.
        if self._last is not None and self._last.shape == luma.shape:
            self._compare(float(np.abs(luma - self._last).mean()))
        self._last = luma

    def _compare(self, difference: float) -> None:
        self._pairs += 1
        self._difference += difference
        # libavfilter/vf_scdet.c: min(mafd, |mafd - previous mafd|), mafd the mean absolute difference in percent.
        score = min(difference, abs(difference - self._last_difference)) * 100 / 256
        self.scene_changes += score >= CUT_SCORE
        self._last_difference = difference

    @property
    def mean_luma(self) -> float | None:
        """Mean over all frames, 0 to 255."""
        return round(self._luma / self.frames, 3) if self.frames else None

    @property
    def motion(self) -> float | None:
        """Mean absolute difference between neighbouring frames, 0 to 255."""
        return round(self._difference / self._pairs, 3) if self._pairs else None

    @property
    def black_ratio(self) -> float | None:
        """Share of the frames that are black, 0 to 1."""
        return round(self._black / self.frames, 6) if self.frames else None


def _is_black(luma: NDArray[np.int16], *, full_range: bool) -> bool:
    black, white = (0, 255) if full_range else (16, 235)
    return bool(np.mean(luma <= black + BLACK_LEVEL * (white - black)) >= BLACK_SHARE)
