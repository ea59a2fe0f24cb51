"""Stem files: which hold the same recording, which lack a channel, which end while they sound, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsp.meters.bands import SPLIT
from dsp.stems.model import Stem, Stems
from dsp.units import Curve, Samples, from_power_db, power_db

#: Candidates for the same recording agree this well (dB) in every band that carries more than this of their energy,
#: and their level over time differs by no more than this share: cheap, and weaker than the comparison of samples.
BAND_DB, BAND_SHARE, LEVEL_SHARE = 0.5, 1e-4, 0.02
#: Channels are one signal at two levels where no more than this share of either is not in the other.
ONE_SIGNAL = 1e-4
#: A sketch with less than this share of a stem's energy below 3.2 kHz says nothing of it.
LEAST_SKETCH = 1e-4
#: Frames (of 50 ms) over which the bus is taken to have one gain per band when looking for what is missing: 2 s.
STEADY_FRAMES = 40
#: Length of the end of a file that is looked at, and the loud part of a stem: the upper tenth within 30 dB.
END_S, LOUD_SHARE, LOUD_WITHIN_DB = 0.05, 0.9, -30.0


@dataclass(frozen=True)
class Twin:
    """Two stems that hold the same recording."""

    one: str
    other: str
    gain_db: float  #: of the other over the one
    inverted: bool
    residual_db: float  #: what is left of the one without the other, of its energy
    moved: bool  #: whether they lie on different sides


@dataclass(frozen=True)
class End:
    """Where a stem's file ends in the mix, how loud it is there (dB below its loud parts), and how much follows."""

    at_s: float
    level_db: float
    left_s: float


def duplicates(stems: Sequence[Stem], residual_db: float) -> tuple[Twin, ...]:
    """Pairs of stems that are the same up to a gain for each channel: the residual is below `residual_db`.

    Double-tracked parts differ far more: two takes of a part leave residuals near 0 dB.
    """
    shapes = [_Shape(s) for s in stems]
    found: list[Twin] = []
    taken: set[str] = set()
    for i, one in enumerate(shapes):
        if one.stem.name in taken:
            continue
        for other in shapes[i + 1 :]:
            if other.stem.name not in taken and one.like(other) and (twin := _twin(one, other, residual_db)):
                found.append(twin)
                taken.add(other.stem.name)
    return tuple(found)


class _Shape:
    """What is compared first: the spectrum and the level over time, both without the gain."""

    def __init__(self, stem: Stem) -> None:
        self.stem = stem
        power = stem.readings.power
        self.energy = float(power.sum(dtype=np.float64)) or 1.0
        self.spectrum = power.sum(axis=0, dtype=np.float64) / self.energy
        self.level = power.sum(axis=1, dtype=np.float64) / self.energy
        self.sides = sides(stem)

    def like(self, other: _Shape) -> bool:
        """Whether spectrum, level over time and the number of signals agree."""
        if len(signals(self.stem)) != len(signals(other.stem)):
            return False
        counts = np.maximum(self.spectrum, other.spectrum) > BAND_SHARE
        ratio = from_power_db(BAND_DB)
        lower = np.minimum(self.spectrum, other.spectrum)[counts] * ratio
        if (np.maximum(self.spectrum, other.spectrum)[counts] > lower).any():
            return False
        return float(np.abs(self.level - other.level).sum()) < LEVEL_SHARE

    def samples(self) -> Samples:
        """Its signals below 3.2 kHz."""
        return self.stem.readings.sketch.joined()[list(signals(self.stem))]


def signals(stem: Stem) -> tuple[int, ...]:
    """The channels that differ by more than a gain: one where a mono recording was panned."""
    gram = stem.readings.gram
    if gram.channels < 2:
        return (0,)
    left, right, re, im = (float(v.sum()) for v in gram.long_term())
    loud = int(right > left)
    weak, strong = min(left, right), max(left, right)
    alone = weak * strong - (re * re + im * im)  # of the weak channel, what the strong one does not explain
    return (loud,) if alone <= ONE_SIGNAL * weak * strong else (0, 1)


def sides(stem: Stem) -> float:
    """Where a stem lies, -1 left to 1 right, by the energy of its channels."""
    gram = stem.readings.gram
    if gram.channels < 2:
        return 0.0
    left, right, *_ = (float(v.sum()) for v in gram.long_term())
    return (right - left) / (left + right) if left + right > 0.0 else 0.0


def _twin(one: _Shape, other: _Shape, residual_db: float) -> Twin | None:
    """The two as twins if their samples agree."""
    mine, theirs = one.samples(), other.samples()
    energies = [float(np.vdot(x, x)) for x in mine]
    crosses = [float(np.vdot(x, y)) for x, y in zip(mine, theirs, strict=True)]
    others = [float(np.vdot(y, y)) for y in theirs]
    heard = one.energy * one.stem.readings.gram.frame_s * one.stem.readings.sketch.rate_hz
    if min(sum(energies), sum(others)) <= 0.0 or sum(energies) < LEAST_SKETCH * heard:
        return None
    left = sum(e - c * c / o if o > 0.0 else e for e, c, o in zip(energies, crosses, others, strict=True))
    residual = max(left / sum(energies), 1e-7)
    if residual > from_power_db(residual_db):
        return None
    return Twin(
        one.stem.name, other.stem.name,
        gain_db=power_db(other.energy / one.energy), inverted=sum(crosses) < 0.0, residual_db=power_db(residual),
        moved=abs(one.sides - other.sides) > 0.5,
    )  # fmt: skip


def empty_side(stem: Stem, silent_dbfs: float) -> str | None:
    """The side on which a stereo stem holds nothing: "left", "right" or None."""
    peaks = stem.readings.level.channel_peak_dbfs
    if len(peaks) != 2:
        return None
    quiet = [p is None or p < silent_dbfs for p in peaks]
    return ("left" if quiet[0] else "right") if quiet[0] != quiet[1] else None


def dual_mono(stem: Stem, difference_db: float) -> bool:
    """Whether the channels of a stereo stem hold the same: their difference is below `difference_db`."""
    gram, limit = stem.readings.gram, from_power_db(difference_db)
    if gram.channels < 2:
        return False
    left, right, re, _ = (v[SPLIT:].sum() for v in gram.long_term())  # below, the sketch is more exact
    total = float(gram.long_term()[:2].sum())
    low = stem.readings.sketch.joined()
    apart, both = low[0] - low[1], float(np.vdot(low, low))
    return bool(left + right - 2.0 * re <= total * limit) and float(np.vdot(apart, apart)) <= max(both * limit, 1e-20)


def quiet(stem: Stem, silent_dbfs: float) -> bool:
    """Whether nothing of a stem can be heard."""
    peak = stem.readings.level.sample_peak_dbfs
    return peak is None or peak < silent_dbfs


def end_of(stem: Stem, sample_rate: int, length_s: float) -> End | None:
    """The end of a stem's file in a song of `length_s`; None where its length is not known or nothing sounds."""
    level = stem.readings.level
    envelope = level.envelope.mean(axis=1) if len(level.envelope) else np.zeros(0)
    if not stem.frames or not envelope.any():
        return None
    at_s = (stem.frames + stem.offset_samples) / sample_rate
    stop = min(int(at_s / level.hop_s), len(envelope))
    last = envelope[max(0, stop - round(END_S / level.hop_s)) : stop]
    here = float(last.mean()) if len(last) else 0.0
    return End(at_s, power_db(max(here / loud_power(envelope), 1e-20)), length_s - at_s)


def beyond_db(stem: Stem, length_s: float) -> float | None:
    """How loud a stem gets after the end of the mix, in dB of its loud parts; None where nothing follows."""
    level = stem.readings.level
    envelope = level.envelope.mean(axis=1) if len(level.envelope) else np.zeros(0)
    after = envelope[int(length_s / level.hop_s) + 1 :]
    return power_db(float(after.max()) / loud_power(envelope)) if after.any() else None


def loud_power(envelope: Curve) -> float:
    """Mean square of the loud moments of an envelope that is not silent."""
    near = envelope[envelope >= envelope.max() * from_power_db(LOUD_WITHIN_DB)]
    return float(np.quantile(near, LOUD_SHARE))


def missing_db(stems: Stems) -> float | None:
    """What of the mix no filter of the sum explains, in dB of the mix; None without a mix of its own or in silence.

    In every band the bus is allowed a gain and a phase that stand still for two seconds.
    """
    total = float(stems.mix_power.sum(dtype=np.float64))
    if stems.summed or total <= 0.0:
        return None
    left = 0.0
    for start in range(0, len(stems.mix_power), STEADY_FRAMES):
        part = slice(start, start + STEADY_FRAMES)
        mix, own = (p[part].sum(axis=0, dtype=np.float64) for p in (stems.mix_power, stems.sum_power))
        cross = stems.sum_cross[part].sum(axis=0, dtype=np.float64)
        explained = np.divide((cross**2).sum(axis=0), own, out=np.zeros_like(own), where=own > 0.0)
        left += float(np.maximum(mix - explained, 0.0).sum())
    return power_db(max(left / total, 1e-12))
