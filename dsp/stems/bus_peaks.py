"""What the bus took off the highest peaks, from excerpts of sum and mix, after undoing its equaliser.

The sum is passed through the response of the bus (an equaliser before the dynamics), or the mix through its inverse (an
equaliser after them), whichever leaves less. What then is left between the two is a gain over time, found by least
squares over a millisecond (a limiter, a compressor), or a curve of output against input (a clipper, a saturation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy import ndimage

from dsp.stems.bus_response import ComplexCurve, minimum_phase
from dsp.stems.bus_sums import Excerpt
from dsp.units import Curve

#: The response is taken into account where it strays from a plain gain by this much (dB), or the delay by samples.
FLAT_DB, FLAT_SAMPLES = 0.05, 0.02
#: Groups less sure than this (dB) follow their neighbours.
SURE_DB = 0.5
#: Least squares over so many seconds; looked at from so long before the peak; where the gain "before" it is read.
SMOOTH_S, FROM_S, BEFORE_S = 0.001, 0.020, (0.020, 0.008)
#: A gain is read where the signal is at least this share of the excerpt's peak (power): -40 dB.
LOUD = 1e-4
#: Peaks further below the highest (dB) are nothing that dynamics are set for.
WITHIN_DB = 24.0
#: Both orders of equaliser and dynamics fit alike within this ratio of what they leave: slow gains and filters commute.
ALIKE = 2.0
#: Levels of the curve of output against input, below the highest peak (dB).
CURVE_DB = np.linspace(-24.0, 0.0, 49)


@dataclass(frozen=True)
class Peaks:
    """The highest peak of every half second, after undoing the equaliser; linear levels of the mix's scale.

    `into` is what the peak would be without the dynamics, `out` what it is, `gain` the gain there (a millisecond's),
    `before` the gain ahead of it. `left` is the share of the power around it that a gain over time leaves, `left_curve`
    what a curve of output against input leaves, `left_plain` what a constant gain leaves. `curve` is that curve: gains
    at `CURVE_DB` below the highest `into`.
    """

    at_s: Curve
    into: Curve
    out: Curve
    gain: Curve
    before: Curve
    power: Curve
    left: Curve
    left_curve: Curve
    left_plain: Curve
    curve: Curve
    after_eq: bool  #: whether the equaliser comes before the dynamics


class Filter:
    """The response of the bus as a filter of excerpts, with its inverse."""

    def __init__(self, hz: Curve, gain: ComplexCurve, error_db: Curve, *, delay: float, rate: int, frames: int) -> None:
        self.size = scipy.fft.next_fast_len(2 * frames, real=True)
        sure = (error_db < SURE_DB) & (np.abs(gain) > 0)
        self.flat = not sure.any()
        self.scale = 1.0
        if self.flat:
            return
        level = np.abs(gain[sure])
        self.scale = float(np.median(level))
        straight = np.abs(20 * np.log10(level / self.scale)).max() < FLAT_DB and abs(delay) < FLAT_SAMPLES
        grid, smallest = minimum_phase(
            hz[sure], level, rate, scipy.fft.next_fast_len(max(16_384, rate // 3), real=True)
        )
        polarity = np.sign(np.sum(gain[sure].real)) or 1.0
        own = _at(grid, smallest, hz[sure])
        late = np.exp(-2j * np.pi * hz[sure] * delay / rate)
        # what minimum phase and delay do not explain is near 1 and smooth, so it can be interpolated
        rest = gain[sure] / (own * late * polarity)
        bins = np.fft.rfftfreq(self.size, 1.0 / rate)
        between = np.interp(bins, hz[sure], rest.real) + 1j * np.interp(bins, hz[sure], rest.imag)
        full = _at(grid, smallest, bins) * np.exp(-2j * np.pi * bins * delay / rate) * polarity * between
        self.flat = bool(straight and polarity > 0)
        self.scale = float(polarity * self.scale)
        self.response = full.astype(np.complex64)

    def forth(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Through the bus's response, (..., frames)."""
        return self._run(x, self.response)

    def back(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Through the inverse and the constant gain."""
        return self._run(x, np.complex64(self.scale) / self.response)

    def _run(self, x: npt.NDArray[np.float32], response: npt.NDArray[np.complex64]) -> npt.NDArray[np.float32]:
        y = scipy.fft.irfft(scipy.fft.rfft(x, self.size) * response, self.size)
        return np.asarray(y[..., : x.shape[-1]], dtype=np.float32)


def _at(grid: Curve, values: ComplexCurve, hz: Curve) -> ComplexCurve:
    return np.asarray(np.interp(hz, grid, values.real) + 1j * np.interp(hz, grid, values.imag))


def peaks(excerpts: Sequence[Excerpt], filtered: Filter, scale: float, rate: int) -> Peaks | None:
    """What the bus did at every excerpt; `scale` is its constant gain. None without excerpts."""
    highest = max((e.peak for e in excerpts), default=0.0)
    excerpts = [e for e in excerpts if e.peak >= highest * 10.0 ** (-WITHIN_DB / 20.0)]
    if not excerpts:
        return None
    pairs = [e.samples() for e in excerpts]
    total, mix = (np.array([p[k] for p in pairs], dtype=np.float32) for k in (0, 1))
    lead, at_s = excerpts[0].lead, np.array([e.start / rate for e in excerpts])
    if filtered.flat:
        return _read(total * np.float32(scale), mix, lead, at_s, rate=rate, after_eq=True)
    before = _read(filtered.forth(total), mix, lead, at_s, rate=rate, after_eq=True)
    after = _read(total * np.float32(filtered.scale), filtered.back(mix), lead, at_s, rate=rate, after_eq=False)
    first, second = _worst(before), _worst(after)
    if max(first, second) > ALIKE * min(first, second):
        return before if first < second else after
    return before if _flat(before) <= _flat(after) else after


def _worst(peaks: Peaks) -> float:
    """What is left where the gain is lowest: an equaliser on the wrong side of the dynamics shows there."""
    active = peaks.gain <= np.quantile(peaks.gain, 0.5)
    return float(np.minimum(peaks.left, peaks.left_curve)[active].sum())


def _flat(peaks: Peaks) -> float:
    """How even the highest outputs are: a limiter's ceiling shows only on its side of the equaliser."""
    high = peaks.into >= np.quantile(peaks.into, 0.8)
    return float(np.std(np.log(np.maximum(peaks.out[high], 1e-9))))


def _read(y: Curve, m: Curve, lead: int, at_s: Curve, *, rate: int, after_eq: bool) -> Peaks:
    """Read the gains off what goes in (excerpts, channels, frames) and what comes out."""
    start = max(0, lead - round(FROM_S * rate))
    width = max(3, round(SMOOTH_S * rate) | 1)
    window = np.hanning(width + 2)[1:-1].astype(np.float32)
    window /= window.sum()
    product = ndimage.convolve1d((y * m).sum(axis=1), window, axis=-1, mode="constant")[:, start:]
    power = ndimage.convolve1d((y * y).sum(axis=1), window, axis=-1, mode="constant")[:, start:]
    y, m = y[..., start:], m[..., start:]
    lead -= start
    highest = power.max(axis=1, keepdims=True)
    heard = power > LOUD * highest
    gain = np.divide(product, power, out=np.ones_like(power), where=heard)
    rows = np.arange(len(y))
    size = np.abs(y)
    linked = size.max(axis=1)
    at = linked.argmax(axis=1)
    channel = size[rows, :, at].argmax(axis=1)
    into, out = linked[rows, at], m[rows, channel, at] * np.sign(y[rows, channel, at])
    first, last = (max(0, lead - round(s * rate)) for s in BEFORE_S)
    weight = np.where(heard, power, 0.0)[:, first : max(last, first + 1)]
    ahead = (gain[:, first : max(last, first + 1)] * weight).sum(axis=1)
    total = weight.sum(axis=1)
    energy = np.square(m, dtype=np.float64).sum(axis=(1, 2)) + 1e-30
    curve, left_curve = _curve(y, m, float(into.max()))
    return Peaks(
        at_s=at_s + (start + at) / rate,
        into=into.astype(np.float64),
        out=out.astype(np.float64),
        gain=gain[rows, at].astype(np.float64),
        before=np.divide(ahead, total, out=np.ones(len(y)), where=total > 0),
        power=energy,
        left=np.square(m - gain[:, None] * y, dtype=np.float64).sum(axis=(1, 2)) / energy,
        left_curve=left_curve / energy,
        left_plain=np.square(m - y, dtype=np.float64).sum(axis=(1, 2)) / energy,
        curve=curve,
        after_eq=after_eq,
    )


def _curve(y: Curve, m: Curve, highest: float) -> tuple[Curve, Curve]:
    """Gain against level (at `CURVE_DB` below the highest), and the power it leaves in every excerpt."""
    level = 20.0 * np.log10(np.maximum(np.abs(y), 1e-9) / max(highest, 1e-9))
    step = CURVE_DB[1] - CURVE_DB[0]
    place = np.clip(np.round((level - CURVE_DB[0]) / step), 0, len(CURVE_DB) - 1).astype(np.intp).ravel()
    above = np.bincount(place, (y * m).ravel(), len(CURVE_DB))
    below = np.bincount(place, (y * y).ravel(), len(CURVE_DB))
    curve = np.divide(above, below, out=np.ones(len(CURVE_DB)), where=below > 0)
    gain = np.interp(level, CURVE_DB, curve).astype(np.float32)
    return curve, np.square(m - gain * y, dtype=np.float64).sum(axis=(1, 2))
