"""What the bus took off the highest peaks, from excerpts of sum and mix, after undoing its equaliser.

The sum is passed through the response of the bus (an equaliser before the dynamics), or the mix through its inverse (an
equaliser after them), whichever leaves less. What then is left between the two is a gain over time, found by least
squares over a millisecond (a limiter, a compressor), or a curve of output against input (a clipper, a saturation).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dsp.stems.bus_filter import Filter
from dsp.stems.bus_sums import Excerpt
from dsp.units import Curve, Samples

#: Least squares over so many seconds; looked at from so long before the peak; where the gain "before" it is read.
SMOOTH_S, FROM_S, BEFORE_S = 0.001, 0.020, (0.020, 0.008)
#: A gain is read where the signal is at least this share of the excerpt's peak (power): -40 dB.
LOUD = 1e-4
#: Peaks further below the highest (dB) are nothing that dynamics are set for.
WITHIN_DB = 24.0
#: Both orders of equaliser and dynamics fit alike within this ratio of what they leave: slow gains and filters commute.
ALIKE = 2.0
#: Levels of the curve of output against input, below the highest peak (dB).
STEP_DB = 0.5
CURVE_DB = np.arange(-24.0, 0.0 + STEP_DB, STEP_DB)
#: Excerpts looked at together.
AT_ONCE = 48


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


def peaks(excerpts: Sequence[Excerpt], filtered: Filter, scale: float, rate: int) -> Peaks | None:
    """What the bus did at every excerpt; `scale` is its constant gain. None without excerpts."""
    highest = max((e.peak for e in excerpts), default=0.0)
    excerpts = [e for e in excerpts if e.peak >= highest * 10.0 ** (-WITHIN_DB / 20.0)]
    if not excerpts:
        return None
    if filtered.flat:
        return _read(excerpts, rate, True, lambda total, mix: (total * np.float32(scale), mix))
    before = _read(excerpts, rate, True, lambda total, mix: (filtered.forth(total), mix))
    after = _read(excerpts, rate, False, lambda total, mix: (total * np.float32(scale), filtered.back(mix)))
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


def _read(
    excerpts: Sequence[Excerpt],
    rate: int,
    after_eq: bool,
    undone: Callable[[Samples, Samples], tuple[Samples, Samples]],
) -> Peaks:
    """Read the gains off what goes into the dynamics and what comes out, a few excerpts at a time."""
    lead = excerpts[0].lead
    start = max(0, lead - round(FROM_S * rate))
    ins, outs, rows = [], [], []
    for k in range(0, len(excerpts), AT_ONCE):
        pairs = [e.samples() for e in excerpts[k : k + AT_ONCE]]
        y, m = undone(np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs]))
        y, m = np.ascontiguousarray(y[..., start:]), np.ascontiguousarray(m[..., start:])
        rows.append(_gains(y, m, lead - start, rate))
        ins.append(y)
        outs.append(m)
    at, into, out, gain, before, power, left, left_plain = np.concatenate(rows, axis=1)
    curve, left_curve = _curve(ins, outs, float(into.max()))
    return Peaks(
        at_s=np.array([e.start for e in excerpts]) / rate + (start + at) / rate,
        into=into,
        out=out,
        gain=gain,
        before=before,
        power=power,
        left=left / power,
        left_curve=left_curve / power,
        left_plain=left_plain / power,
        curve=curve,
        after_eq=after_eq,
    )


def _gains(y: Samples, m: Samples, lead: int, rate: int) -> Curve:
    """Of excerpts (excerpts, channels, frames): the rows of `Peaks`, one column each."""
    from scipy import ndimage

    width = max(3, round(SMOOTH_S * rate) | 1)
    window = np.hanning(width + 2)[1:-1].astype(np.float32)
    window /= window.sum()
    product = ndimage.convolve1d((y * m).sum(axis=1), window, axis=-1, mode="constant")
    power = ndimage.convolve1d((y * y).sum(axis=1), window, axis=-1, mode="constant")
    heard = power > LOUD * power.max(axis=1, keepdims=True)
    gain = np.divide(product, power, out=np.ones_like(power), where=heard)
    rows = np.arange(len(y))
    size = np.abs(y)
    linked = size.max(axis=1)
    at = linked.argmax(axis=1)
    channel = size[rows, :, at].argmax(axis=1)
    first, last = (max(0, lead - round(s * rate)) for s in BEFORE_S)
    ahead = slice(first, max(last, first + 1))
    weight = np.where(heard, power, 0.0)[:, ahead]
    total = weight.sum(axis=1)
    before = np.divide((gain[:, ahead] * weight).sum(axis=1), total, out=np.ones(len(y)), where=total > 0)
    energy = np.square(m, dtype=np.float64).sum(axis=(1, 2)) + 1e-30
    left = np.square(m - gain[:, None] * y, dtype=np.float64).sum(axis=(1, 2))
    plain = np.square(m - y, dtype=np.float64).sum(axis=(1, 2))
    out = m[rows, channel, at] * np.sign(y[rows, channel, at])
    return np.array([at, linked[rows, at], out, gain[rows, at], before, energy, left, plain], dtype=np.float64)


def _curve(ins: Sequence[Samples], outs: Sequence[Samples], highest: float) -> tuple[Curve, Curve]:
    """Gain against level (at `CURVE_DB` below the highest), and the power it leaves in every excerpt."""
    above, below = np.zeros((2, len(CURVE_DB)))
    for y, m in zip(ins, outs, strict=True):
        place = np.clip(np.round((_level(y, highest) - CURVE_DB[0]) / STEP_DB), 0, len(CURVE_DB) - 1)
        at = place.astype(np.intp).ravel()
        above += np.bincount(at, (y * m).ravel(), len(CURVE_DB))
        below += np.bincount(at, (y * y).ravel(), len(CURVE_DB))
    curve = np.divide(above, below, out=np.ones(len(CURVE_DB)), where=below > 0)
    left = []
    for y, m in zip(ins, outs, strict=True):
        gain = np.interp(_level(y, highest), CURVE_DB, curve).astype(np.float32)
        left.append(np.square(m - gain * y, dtype=np.float64).sum(axis=(1, 2)))
    return curve, np.concatenate(left)


def _level(y: Samples, highest: float) -> Samples:
    """In dB below the highest."""
    return np.asarray(20.0 * np.log10(np.maximum(np.abs(y), 1e-9) / max(highest, 1e-9)), dtype=np.float32)
