"""What the bus meter gathers, before anything is read from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.units import Curve, Samples

#: Indices of `BusSums.spectra`: power of the sum, of the mix, real and imaginary part of mix times conjugate sum.
POWER, MIX_POWER, CROSS_RE, CROSS_IM = range(4)
#: Indices of `BusSums.energy`: sum, mix, their product, and what is left at a guessed gain: times the sum, squared.
SUM_ENERGY, MIX_ENERGY, PRODUCT, LEFT_SUM, LEFT = range(5)


@dataclass(frozen=True)
class Groups:
    """Narrow bands next to one another: edges and middles in Hz."""

    low_hz: Curve
    high_hz: Curve
    hz: Curve

    @classmethod
    def of(cls, *parts: tuple[Curve, npt.NDArray[np.intp]]) -> Groups:
        """From the frequencies of bins and the edges of groups, several kinds of windows after one another."""
        low, high = [], []
        for hz, edges in parts:
            half = (hz[1] - hz[0]) / 2 if len(hz) > 1 else 0.0
            low.append(hz[edges[:-1]] - half)
            high.append(hz[edges[1:] - 1] + half)
        lows, highs = np.concatenate(low), np.concatenate(high)
        return cls(lows, highs, (lows + highs) / 2)


@dataclass(frozen=True)
class Excerpt:
    """Sum and mix around a peak: half floats as shares of `scales`, shape (channels, frames)."""

    start: int  #: in samples from the start of the mix
    lead: int  #: samples before the peak
    peak: float  #: of the sum
    scales: tuple[float, float]
    total: npt.NDArray[np.float16]
    mix: npt.NDArray[np.float16]

    @classmethod
    def of(cls, start: int, lead: int, peak: float, total: Samples, mix: Samples) -> Excerpt:
        """Packed: half floats hold 11 bits, an error of -66 dB that averages out."""
        scales = tuple(max(float(np.abs(x).max(initial=0.0)), 1e-9) for x in (total, mix))
        packed = [(x / np.float32(s)).astype(np.float16) for x, s in zip((total, mix), scales, strict=True)]
        return cls(start, lead, peak, (scales[0], scales[1]), packed[0], packed[1])

    def samples(self) -> tuple[Samples, Samples]:
        """The sum and the mix."""
        total, mix = self.total.astype(np.float32), self.mix.astype(np.float32)
        return total * np.float32(self.scales[0]), mix * np.float32(self.scales[1])


@dataclass(frozen=True)
class BusSums:
    """Sums over time of the sum of the stems and the mix.

    `spectra` has shape (frames, 4, groups), centred every `frame_s`; `energy` (frames, 5, channels), one row per
    `frame_s` from the start, with `guess` the gain of its last two; `cross` is the whole file's cross spectrum in bins
    of 10 Hz.
    """

    sample_rate: int
    channels: int
    frames: int
    frame_s: float
    groups: Groups
    split: int  #: groups before this one are seen through long windows
    spectra: Samples
    cross: npt.NDArray[np.complex128]
    energy: Samples
    guess: Curve
    excerpts: tuple[Excerpt, ...]
