"""Compression: how dense a stem is, what a compressor would do to it, and the gentlest one that evens it out.

The compressor is the textbook one (Giannoulis, Massberg and Reiss 2012, "Digital Dynamic Range Compressor Design",
JAES 60(6)): a peak detector with attack and release (time to 63 %), a hard knee, feed-forward, no make-up gain. Its
detector is run on the sketch of the stem, which holds what lies below 3.2 kHz: nearly all of the level of a voice, a
bass or a drum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from dsp.meters.dynamics import PSR_GATE_LU, Dynamics
from dsp.meters.level import Level
from dsp.meters.windows import window_sums
from dsp.stems.model import Stems
from dsp.stems.phrases import Evenness, Piece, band_weights, evenness
from dsp.stems.sketch import Sketch
from dsp.units import Curve, from_power_db, power_db, power_db_curve

#: Passages of 3 s in half seconds, as PSR has them, and how many make a verdict.
WINDOW_BLOCKS, LEAST_WINDOWS = 6, 6
#: Half seconds further below the loudest are silence to the mean level.
SILENT_DB = -30.0
#: Moments of the mix that count as loud, and as quiet; fewer frames are not compared.
LOUD_SHARE, LEAST_FRAMES = 0.75, 200
#: Thresholds tried: the stem's own level is above them for this share of the time it sounds.
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
#: Ratios tried, up to what is usual for the role.
RATIOS = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0)
#: No setting takes more than this from half of the time: beyond, riding the level is the better tool (our judgement).
MOST_MEDIAN_DB = 6.0


@dataclass(frozen=True)
class Density:
    """How far peaks stand above the level in passages of 3 s, the medians of those that are loud.

    `crest_db` is the peak over the RMS of the louder channel, `psr_db` the true peak over the short-term loudness.
    """

    crest_db: float
    psr_db: float | None
    windows: int


def density(level: Level, dynamics: Dynamics) -> Density | None:
    """The density of a stem; None where fewer than `LEAST_WINDOWS` passages are loud."""
    channel = int(level.envelope.mean(axis=0).argmax()) if len(level.envelope) else 0
    per_block = round(level.block_s / level.hop_s)
    blocks = len(level.envelope) // per_block
    power = level.envelope[: blocks * per_block, channel].reshape(blocks, per_block).mean(axis=1)
    powers = window_sums(power, WINDOW_BLOCKS) / WINDOW_BLOCKS
    sounding = power[power > power.max(initial=0.0) * from_power_db(SILENT_DB)]
    if not len(powers) or not len(sounding):
        return None
    loud = np.flatnonzero(powers >= sounding.mean() * from_power_db(PSR_GATE_LU))
    if len(loud) < LEAST_WINDOWS:
        return None
    peaks = np.array([level.block_peaks[i : i + WINDOW_BLOCKS, channel].max() for i in loud])
    crest = 2.0 * power_db_curve(peaks) - power_db_curve(powers[loud])
    psr = dynamics.psr_db[np.isfinite(dynamics.psr_db)]
    return Density(float(np.median(crest)), float(np.median(psr)) if len(psr) else None, len(loud))


def makeup(stems: Stems) -> tuple[float, float] | None:
    """What the bus adds to quiet moments, and how much less it adds to loud ones (dB); None for too little sound."""
    weights = band_weights(stems.mix_power.shape[1])
    before, after = stems.sum_power @ weights, stems.mix_power @ weights
    heard = (before > before.max(initial=0.0) * 1e-4) & (after > 0.0)
    if heard.sum() < LEAST_FRAMES:
        return None
    before, gain = before[heard], power_db_curve(after[heard] / before[heard])
    loud = float(np.median(gain[before >= np.quantile(before, LOUD_SHARE)]))
    quiet = float(np.median(gain[before <= np.quantile(before, 1.0 - LOUD_SHARE)]))
    return quiet, quiet - loud


@dataclass(frozen=True)
class Detector:
    """Level of a compressor's detector over time (dBFS), at the times of `at_s`."""

    at_s: Curve
    level_db: Curve

    def reduction_db(self, threshold_dbfs: float, ratio: float) -> Curve:
        """Gain reduction of a hard knee over time, positive."""
        return np.asarray(np.maximum(self.level_db - threshold_dbfs, 0.0) * (1.0 - 1.0 / ratio))


@dataclass(frozen=True)
class Levels:
    """What the pieces of a stem were measured on, per hop, and the rest of the mix (`rest_power`), per frame."""

    power: Curve
    hop_s: float
    rest: Curve
    frame_s: float


@dataclass(frozen=True)
class Aim:
    """The spread to reach, and the compressor to reach it with."""

    spread_db: float
    most_ratio: float
    attack_ms: float
    release_ms: float


@dataclass(frozen=True)
class Setting:
    """A compressor for one stem, and what is expected of it while the stem sounds."""

    threshold_dbfs: float
    ratio: float
    attack_ms: float
    release_ms: float
    typical_reduction_db: float  #: the median of the moments it works
    max_reduction_db: float
    spread_after_db: float  #: of the pieces beside the rest of the mix, as `Evenness.spread_db`


def detector(sketch: Sketch, attack_ms: float, release_ms: float) -> Detector:
    """The level a peak detector with this attack and release shows: the louder channel decides."""
    size = np.abs(sketch.joined()).max(axis=0, initial=0.0)
    rise, fall = (1.0 - math.exp(-1000.0 / (ms * sketch.rate_hz)) for ms in (attack_ms, release_ms))
    level, out = 0.0, []
    for value in size.tolist():
        level += (rise if value > level else fall) * (value - level)
        out.append(level)
    at_s = sketch.start_s[:, None] + np.arange(sketch.samples.shape[2]) / sketch.rate_hz
    return Detector(at_s.ravel(), np.maximum(2.0 * power_db_curve(out), -200.0))


def compressed(pieces: tuple[Piece, ...], power: Curve, hop_s: float, found: Detector, reduction: Curve) -> Curve:
    """Levels of the pieces after a gain reduction, from the power per hop that they were measured on."""
    at = (np.arange(len(power)) + 0.5) * hop_s
    taken = np.interp(at, found.at_s, reduction)
    after = power * 10.0 ** (-taken / 10.0)
    levels = []
    for piece in pieces:
        hops = slice(round(piece.start_s / hop_s), max(round(piece.end_s / hop_s), round(piece.start_s / hop_s) + 1))
        before = float(power[hops].sum())
        lost = power_db(float(after[hops].sum()) / before) if before > 0.0 else 0.0
        levels.append(piece.level_db + lost)
    return np.array(levels)


def suggest(sketch: Sketch, even: Evenness, levels: Levels, aim: Aim) -> Setting | None:
    """The gentlest setting whose pieces spread by no more than is aimed at; the closest one where none does.

    `even` are the pieces of the stem, measured on `levels`. None where nothing sounds.
    """
    attack_ms, release_ms, power, hop_s = aim.attack_ms, aim.release_ms, levels.power, levels.hop_s
    found = detector(sketch, attack_ms, release_ms)
    starts, ends = np.array([(p.start_s, p.end_s) for p in even.pieces]).T
    inside = np.searchsorted(starts, found.at_s, side="right") > np.searchsorted(ends, found.at_s, side="right")
    level = found.level_db[inside]
    if not len(level):
        return None
    settings = []
    for share in SHARES:
        threshold = float(np.round(np.quantile(level, 1.0 - share)))
        for ratio in (r for r in RATIOS if r <= aim.most_ratio):
            reduction = found.reduction_db(threshold, ratio)
            acting = reduction[inside]
            if float(np.median(acting)) > MOST_MEDIAN_DB:
                continue
            loud = compressed(even.pieces, power, hop_s, found, reduction)
            pieces = tuple(replace(p, level_db=float(v)) for p, v in zip(even.pieces, loud, strict=True))
            after = evenness(pieces, levels.rest, levels.frame_s)
            assert after is not None  # there are pieces
            typical = float(np.median(acting[acting > 0.0])) if acting.any() else 0.0
            setting = Setting(threshold, ratio, attack_ms, release_ms, typical, float(acting.max()), after.spread_db)
            settings.append((float(acting.mean()), setting))
    if not settings:
        return None
    enough = [(mean, s) for mean, s in settings if s.spread_after_db <= aim.spread_db]
    if enough:
        return min(enough, key=lambda e: e[0])[1]
    return min(settings, key=lambda e: e[1].spread_after_db)[1]
