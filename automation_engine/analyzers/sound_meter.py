"""What the sound of a segment measures: loudness, peak, silence.

Levels are in dBFS by AES17-2015: 0 dBFS is the RMS level of a full-scale sine, so that a sine whose peak is at -20 dBFS
has an RMS level of -20 dBFS too (and a full-scale square wave +3.01).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from av.audio.plane import AudioPlane

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from numpy.typing import NDArray

FLOOR = -120.0
"""The level in dBFS that stands for everything below it, digital silence included: JSON has no minus infinity."""
SILENCE = -60.0
"""A window is silent below this RMS level in dBFS: the default noise floor of FFmpeg's ``silencedetect``."""
WINDOW = 0.05
"""Length of such a window, in seconds."""
LONGEST_WINDOW = 38_400
"""Samples of a window at most: 50 ms at 768 kHz."""


_TYPES: dict[str, type[np.generic]] = {
    "u8": np.uint8,
    "s16": np.int16,
    "s32": np.int32,
    "s64": np.int64,
    "flt": np.float32,
    "dbl": np.float64,
}


def samples_of(frame: AudioFrame) -> NDArray[np.float64]:
    """Return the frame's samples, full scale 1, of shape (samples, channels)."""
    channels, dtype = frame.layout.nb_channels, np.dtype(_TYPES[frame.format.packed.name])
    planes, in_each = (channels, 1) if frame.format.is_planar else (1, channels)
    # Not by ``frame.planes`` or ``to_ndarray``: PyAV 18 counts planes up to a null pointer, which eight planes and more
    # don't end in, and reads memory that is not the frame's.
    raw = [np.frombuffer(memoryview(AudioPlane(frame, n)), dtype, frame.samples * in_each) for n in range(planes)]
    shaped = np.stack(raw, axis=1) if frame.format.is_planar else raw[0].reshape(frame.samples, channels)
    if dtype.kind == "f":
        return shaped.astype(np.float64)
    full_scale = 2.0 ** (8 * dtype.itemsize - 1)
    return (shaped.astype(np.float64) - (full_scale if dtype.kind == "u" else 0.0)) / full_scale


def decibels(ratio: float) -> float:
    """Return an amplitude ratio in dB, not below ``FLOOR``."""
    return round(max(FLOOR, 20 * math.log10(ratio)), 2) if ratio > 0 else FLOOR


@dataclass(slots=True)
class SoundMeter:
    """Add the samples of one segment in order, then read. Values are None where there were no samples."""

    sample_rate: int
    samples: int = 0
    _energy: float = 0.0
    _peak: float = 0.0
    _silent: int = 0
    _rest: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), repr=False)

    def add(self, samples: NDArray[np.float64]) -> None:
        """Measure more samples, of shape (samples, channels)."""
        # A decoder of floats may hand out NaN or infinity: neither is a level.
        samples = np.nan_to_num(samples, posinf=1.0, neginf=-1.0)
        if not samples.size:
            return
        power = np.mean(samples**2, axis=1)
        self.samples += len(power)
        self._energy += float(power.sum())
        self._peak = max(self._peak, float(np.abs(samples).max()))
        self._windows(np.concatenate([self._rest, power]))

    def _windows(self, power: NDArray[np.float64]) -> None:
        # What is left over is copied with every frame: a file that declares gigahertz must not make it grow.
        length = min(max(1, round(self.sample_rate * WINDOW)), LONGEST_WINDOW)
        whole = len(power) // length
        means = power[: whole * length].reshape(whole, length).mean(axis=1)
        self._silent += length * int(np.count_nonzero(means < _SILENT_POWER))
        self._rest = power[whole * length :]

    @property
    def loudness(self) -> float | None:
        """RMS level over all samples of all channels, in dBFS."""
        return decibels(math.sqrt(2 * self._energy / self.samples)) if self.samples else None

    @property
    def peak_level(self) -> float | None:
        """Highest absolute sample of any channel, in dBFS."""
        return decibels(self._peak) if self.samples else None

    @property
    def silence_ratio(self) -> float | None:
        """Share of the time that is silent, 0 to 1; the last window is as long as what is left."""
        if not self.samples:
            return None
        tail = len(self._rest) if len(self._rest) and self._rest.mean() < _SILENT_POWER else 0
        return round((self._silent + tail) / self.samples, 6)


_SILENT_POWER = 10 ** (SILENCE / 10) / 2
"""Mean square below which a window is silent."""
