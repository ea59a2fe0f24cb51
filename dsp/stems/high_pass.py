"""High-passes worked out on paper: what one would take from a stem, and the headroom that gives back.

It is computed from the waveform of the sketch, by the same filter: the peaks afterwards are those measured, less what
the filter takes at their very moment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.meters.level import Level
from dsp.meters.recursive import RecursiveFilter
from dsp.meters.true_peak import TruePeak
from dsp.stems.model import Stems
from dsp.stems.sketch import Sketch
from dsp.units import Curve, Samples, power_db

#: The quality of the filter: second-order Butterworth, as every channel strip has it.
Q = 0.7071
#: A fourth-order Butterworth low-pass is two sections of these.
FOURTH_ORDER_Q = (0.5412, 1.3066)
#: Samples a filter computes at once.
STEP = 64
#: The gain of the bus is that of what lies below (Hz).
BUS_BELOW_HZ = 250.0


@dataclass(frozen=True)
class Headroom:
    """What comes back in dB when something is taken away: of the peak and of the RMS."""

    peak_db: float
    rms_db: float


def low_part(sketch: Sketch, corner_hz: float) -> Samples:
    """What a high-pass takes from a track, shape (channels, frames), at the times of `sketch.joined()`."""
    return np.asarray(sketch.joined() - _filtered(sketch, _high_pass(corner_hz, sketch.rate_hz)[None]))


def headroom(level: Level, peaks: TruePeak, sketch: Sketch, low: Samples) -> Headroom:
    """What comes back when `low` is taken from a track, as `low_part` gives it, of its own or of a stem in it.

    The peak of every row (of every half second, where there are no rows) lies where the sketch has its highest, plus
    what lies above 3.2 kHz; that part stays as it is.
    """
    whole = sketch.joined()
    power = float(level.envelope.mean()) if len(level.envelope) else 0.0
    step_s, measured = (peaks.row_s, peaks.rows) if len(peaks.rows) else (peaks.block_s, peaks.blocks.max(axis=1))
    if not whole.size or not len(measured) or power <= 0.0:
        return Headroom(0.0, 0.0)
    after = whole - low
    at_s = (sketch.start_s[:, None] + np.arange(sketch.samples.shape[2]) / sketch.rate_hz).ravel()
    step = np.floor(at_s / step_s + 1e-9).astype(np.int64)
    inside = np.flatnonzero((step >= 0) & (step < len(measured)))
    if not len(inside):
        return Headroom(0.0, 0.0)
    starts = np.flatnonzero(np.diff(step[inside], prepend=-1))
    measured = measured[step[inside][starts]]
    was, left = (np.maximum.reduceat(np.abs(x[:, inside]).max(axis=0), starts) for x in (whole, after))
    highest = float((left + np.maximum(measured - was, 0.0)).max())
    lost = float((whole**2).mean() - (after**2).mean()) * whole.shape[1] / len(inside)
    return Headroom(
        peak_db=2.0 * power_db(float(measured.max()) / highest) if highest > 0.0 and measured.max() > 0.0 else 0.0,
        rms_db=-power_db(max(1.0 - lost / power, 1e-6)),
    )


def on_bus(stems: Stems, parts: list[Samples]) -> Samples:
    """The sum of what is taken from stems as it arrives in the mix, shape of the mix's sketch."""
    shape = stems.mix_sketch.joined().shape
    total = np.zeros(shape, dtype=np.float32)
    for part in parts:
        total[:, : part.shape[1]] += part[:, : shape[1]]
    low = stems.band_hz < BUS_BELOW_HZ
    passed, given = float(stems.sum_cross[:, 0, low].sum()), float(stems.sum_power[:, low].sum())
    gain = 1.0 if stems.summed or given <= 0.0 else float(np.clip(passed / given, -10.0, 10.0))
    return np.asarray(total * np.float32(gain))


def low_passed(sketch: Sketch, corner_hz: float) -> Samples:
    """The sketch below a frequency, fourth order."""
    w = np.tan(np.pi * corner_hz / sketch.rate_hz)
    sections = []
    for q in FOURTH_ORDER_Q:
        a0 = 1.0 + w / q + w * w
        sections.append([w * w / a0, 2 * w * w / a0, w * w / a0, 1.0, 2 * (w * w - 1) / a0, (1 - w / q + w * w) / a0])
    return _filtered(sketch, np.array(sections))


def _filtered(sketch: Sketch, sections: Curve) -> Samples:
    whole = sketch.joined()
    frames = whole.shape[1]
    run = RecursiveFilter(sections, STEP)
    padded = np.pad(whole.astype(np.float64), ((0, 0), (0, -frames % STEP)))
    out, _ = run(padded, np.zeros((len(whole), run.order)))
    return np.asarray(out[:, :frames], dtype=np.float32)


def _high_pass(corner_hz: float, rate_hz: float) -> Curve:
    """Second-order Butterworth high-pass as a section b0 b1 b2 a0 a1 a2 (bilinear transform)."""
    w = np.tan(np.pi * corner_hz / rate_hz)
    a0 = 1.0 + w / Q + w * w
    return np.array([1.0 / a0, -2.0 / a0, 1.0 / a0, 1.0, 2 * (w * w - 1) / a0, (1 - w / Q + w * w) / a0])
