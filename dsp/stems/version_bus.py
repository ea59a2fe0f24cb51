"""What sets a whole mix apart from another version of it: its level, equalisation of all of it, gain over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.stems.model import Reference, Stems
from dsp.stems.version_sums import Complex, Sums
from dsp.units import Curve, from_power_db, power_db, power_db_curve

#: Cells of a frame and a band in which two versions are one signal: coherent but for this, and loud enough (dB below
#: the mean of their band). Their ratio is the gain between the versions wherever what was changed does not sound.
ALIKE, LOUD_DB = 1e-4, -40.0
#: The same for files that an encoder has changed, and how much wider their ratios are spread (our judgement).
LOSSY_ALIKE, LOSSY_WIDER = 0.02, 10
#: Width (dB) of the bins in which ratios are counted, and how far they reach.
BIN_DB, FURTHEST_DB = 0.02, 40.0
#: Share of the loud cells that must agree for their ratio to be the gain.
AGREE = 0.03
#: Versions are first taken to be of equal gain: that must not explain this many times worse than any other gain.
EQUAL = 1.2
#: A difference this small (of the power of the mix) does not argue.
TINY = 1e-6
#: Gains of this many dB and more are counted as reduction; frames count as far below the loudest (dB).
REDUCED_DB, QUIET_DB = 0.5, -30.0


@dataclass(frozen=True)
class OverTime:
    """Gain of a mix or a stem over time beside another version of it.

    `gain_db` is per `frame_s`, NaN where hardly anything sounds; `share` of what sounds lies `REDUCED_DB` or more below
    (`down`) or above 0 dB, `deepest_db` at most.
    """

    gain_db: Curve
    frame_s: float
    down: bool
    deepest_db: float
    share: float

    @property
    def at_s(self) -> float:
        """Where it is deepest."""
        return float(np.nanargmin(self.gain_db if self.down else -self.gain_db)) * self.frame_s


@dataclass(frozen=True)
class Bus:
    """The mix as its reference through one equaliser, one gain over time, or both, and what each leaves of it.

    `response` is complex per band, `gains` real per frame; what is left is weighted like `Sums.weight`.
    """

    response: Complex
    gains: Curve
    left_response: float
    left_gains: float
    left_both: float

    @property
    def left(self) -> float:
        """What the best of the three leaves."""
        return min(self.left_response, self.left_gains, self.left_both)


def bus(stems: Stems, reference: Reference, sums: Sums) -> Bus:
    """The mix explained from the reference alone."""
    w, n = sums.weight, sums.frames
    response = np.where(sums.reference > 0.0, sums.mr / np.maximum(sums.reference, 1e-30), 0.0)
    cross = (reference.cross[:n, 0] - 1j * reference.cross[:n, 1]).astype(np.complex64)
    gains, left_gains = _gains(w, stems.mix_power[:n], reference.power[:n], cross.real)
    shaped = (cross * response.conj()[None]).real
    after, left_both = _gains(w, stems.mix_power[:n], reference.power[:n] * np.abs(response) ** 2, shaped)
    return Bus(
        response=response,
        gains=gains if left_both > 0.5 * left_gains else after,
        left_response=float(w @ (sums.mix - np.abs(sums.mr) ** 2 / np.maximum(sums.reference, 1e-30))),
        left_gains=left_gains,
        left_both=left_both,
    )


def _gains(w: Curve, mix: Curve, reference: Curve, cross: Curve) -> tuple[Curve, float]:
    """The best gain of every frame, and what is left after it."""
    up, down = cross @ w, reference @ w
    gains = np.where(down > 0.0, up / np.maximum(down, 1e-30), 0.0)
    return gains, float((mix @ w).sum() - (gains * up).sum())


def over_time(gains: Curve, gain: float, level: Curve, frame_s: float) -> OverTime | None:
    """Gains over time beside the gain between the versions; None where nothing sounds."""
    sounds = level > level.max(initial=0.0) * from_power_db(QUIET_DB)
    ratio = np.abs(gains) / max(abs(gain), 1e-9)
    known = sounds & (ratio > 0.0)
    if not known.any():
        return None
    db = np.where(known, 2.0 * power_db_curve(np.where(known, ratio, 1.0)), np.nan)
    below, above = -float(np.nanmin(db)), float(np.nanmax(db))
    down = below >= above
    share = float(((db <= -REDUCED_DB) if down else (db >= REDUCED_DB)).sum() / known.sum())
    return OverTime(np.asarray(db), frame_s, down, -below if down else above, share)


def unchanged_gain(stems: Stems, reference: Reference, sums: Sums) -> tuple[float, float]:
    """The gain that most cells agree on in which both are one signal, and the share of the loud cells that do."""
    n, bands = sums.frames, sums.weight > 0.0
    mix, other = stems.mix_power[:n, bands].astype(np.float64), reference.power[:n, bands].astype(np.float64)
    alike_to, bin_db = (LOSSY_ALIKE, LOSSY_WIDER * BIN_DB) if reference.lossy else (ALIKE, BIN_DB)
    re, im = (reference.cross[:n, k][:, bands].astype(np.float64) for k in (0, 1))
    loud = (mix > mix.mean(axis=0) * from_power_db(LOUD_DB)) & (other > other.mean(axis=0) * from_power_db(LOUD_DB))
    alike = loud & (re > 0.0) & (re * re + im * im >= (1.0 - alike_to) * mix * other)
    if not alike.any():
        return 1.0, 0.0
    ratio_db = power_db_curve(mix[alike] / other[alike])
    ratio_db = ratio_db[np.abs(ratio_db) < FURTHEST_DB]
    counts = np.histogram(ratio_db, round(2 * FURTHEST_DB / bin_db), (-FURTHEST_DB, FURTHEST_DB))[0]
    near = np.convolve(counts, np.ones(3, dtype=counts.dtype), "same")
    at = int(near.argmax())
    middle_db = -FURTHEST_DB + (at + 0.5) * bin_db
    inside = ratio_db[np.abs(ratio_db - middle_db) <= 1.5 * bin_db]
    if not len(inside):
        return 1.0, 0.0
    return float(10.0 ** (np.median(inside) / 20.0)), float(near[at] / loud.sum())


def gains_between(stems: Stems, reference: Reference, sums: Sums) -> tuple[float, ...]:
    """The gain of the mix over the reference, apart from what was changed in it; two where either might be."""
    agreed, share = unchanged_gain(stems, reference, sums)
    free = [_free(sums, i) for i in range(len(sums.stems))]
    gain, least = min(free, key=lambda f: f[1])
    gain = abs(gain)  # a mix of the other polarity is not a gain, it is a change
    best = min(least, _least(sums, agreed)) + TINY
    equal = _least(sums, 1.0)
    if equal <= EQUAL * best:
        return (1.0,)
    if share >= AGREE:
        return (agreed,)
    return (1.0, gain)


def _without(sums: Sums, i: int) -> tuple[Curve, Curve, Curve]:
    """Powers of mix and reference and the real part of their product in what does not cohere with stem i."""
    power = np.maximum(sums.stem[i], 1e-30)
    known = sums.stem[i] > sums.mix * 1e-9
    ms, rs = np.where(known, sums.ms[i], 0.0), np.where(known, sums.rs[i], 0.0)
    mix, other = sums.mix - np.abs(ms) ** 2 / power, sums.reference - np.abs(rs) ** 2 / power
    return mix, other, (sums.mr - ms * rs.conj() / power).real


def _free(sums: Sums, i: int) -> tuple[float, float]:
    """The gain that explains most when stem i may have changed in any way, and what is left."""
    mix, other, both = _without(sums, i)
    gain = float(sums.weight @ both) / max(float(sums.weight @ other), 1e-30)
    return gain, float(sums.weight @ (mix - 2.0 * gain * both + gain * gain * other))


def _least(sums: Sums, gain: float) -> float:
    """What is left at a gain when the stem may have changed that explains most."""
    left = []
    for i in range(len(sums.stems)):
        mix, other, both = _without(sums, i)
        left.append(float(sums.weight @ (mix - 2.0 * gain * both + gain * gain * other)))
    return min(left)


def level_db(gain: float) -> float:
    """A factor in dB."""
    return power_db(gain * gain)
