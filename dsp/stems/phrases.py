"""Phrases and hits: where a stem speaks, how loud each time, and how much of that the arrangement explains.

A phrase is a stretch above a gate between rests of 0.3 s and more; a hit is a rise and what follows it. A singer
who gives more where the band does is no fault, and neither is one who stays even while the band grows: what counts as
uneven is what is left of the levels after the rest of the mix has explained as much as it can.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.meters.bands import BAND_HZ
from dsp.meters.loudness import k_weighting, lufs
from dsp.meters.windows import window_sums
from dsp.stems.model import SUM, Stem, Stems
from dsp.units import Curve, from_power_db, power_db_curve

#: Levels that decide what sounds are means over this long (s).
PHRASE_S, HIT_S = 0.1, 0.03
#: What sounds lies within this of the loud parts (their 95th percentile), in dB: below are breaths and tails of
#: phrases, or other drums in the microphone (our judgement).
PHRASE_GATE_DB, HIT_GATE_DB = -26.0, -18.0
#: Shorter rests are part of a phrase; shorter sounds are none; a longer phrase is cut where it is quietest for a
#: moment, in its middle half (our judgement).
REST_S, SHORTEST_S, LONGEST_S = 0.3, 0.4, 6.0
#: A hit rises by this much within `RISE_S`, the next one comes `APART_S` later at the earliest.
RISE_DB, RISE_S, APART_S = 6.0, 0.1, 0.12
#: A hit is set beside the rest of the mix within this of it: a bar or so.
AROUND_S = 2.0
#: The rest counts as at least this far below its own loud parts: a bare first line is not set beside silence.
REST_FLOOR_DB = -15.0
#: Spread is what lies between these shares of the time, so that single shouts and sighs count for little.
LOW_SHARE, HIGH_SHARE = 0.1, 0.9
#: Fewer pieces say nothing of evenness.
LEAST_PHRASES, LEAST_HITS = 6, 16


@dataclass(frozen=True)
class Piece:
    """A phrase or a hit; level as loudness (phrases, K-weighted) or dBFS RMS (hits)."""

    start_s: float
    end_s: float
    level_db: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Evenness:
    """Levels of the pieces of a stem. `deviation_db` is what neither the rest nor the usual level explains.

    `follows` is how far the stem moves with the rest of the mix: 0 not at all, 1 decibel for decibel.
    """

    pieces: tuple[Piece, ...]
    deviation_db: Curve
    follows: float
    level_spread_db: float  #: of the levels as they are
    spread_db: float  #: of the deviations


def phrases(power: Curve, hop_s: float) -> tuple[Piece, ...]:
    """Phrases of a stem from its K-weighted power per hop."""
    smoothing = round(PHRASE_S / hop_s)
    if len(power) < smoothing:
        return ()
    smooth = _smoothed(power, smoothing)
    on = smooth > _loud(smooth) * from_power_db(PHRASE_GATE_DB)
    pieces = []
    for start, end in _runs(on, round(REST_S / hop_s)):
        if (end - start) * hop_s < SHORTEST_S:
            continue
        for a, b in _cut(smooth, start, end, round(LONGEST_S / hop_s)):
            sounding = power[a:b][on[a:b]]
            if len(sounding) and sounding.any():
                pieces.append(Piece(a * hop_s, b * hop_s, lufs(float(sounding.mean()))))
    return tuple(pieces)


def hits(power: Curve, hop_s: float) -> tuple[Piece, ...]:
    """Hits or notes of a stem from its mean square per hop: the highest 30 ms after every rise."""
    smoothing = round(HIT_S / hop_s)
    if len(power) < smoothing:
        return ()
    level = np.maximum(power_db_curve(_smoothed(power, smoothing)), -200.0)
    gate = float(np.percentile(level[level > level.max() - 60.0], 95)) + HIT_GATE_DB
    rise, apart = round(RISE_S / hop_s), round(APART_S / hop_s)
    before = np.full(len(level), np.inf)
    for k in range(1, rise + 1):
        np.minimum(before[k:], level[:-k], out=before[k:])
    before[0] = -200.0
    rising = np.flatnonzero((level > gate) & (level - before >= RISE_DB))
    pieces, free = [], 0
    for at in rising.tolist():
        if at < free:
            continue
        top = at + int(level[at : at + apart].argmax())
        pieces.append(Piece(at * hop_s, (at + apart) * hop_s, float(level[top])))
        free = top + apart // 2 if top > at + apart // 2 else at + apart
    return tuple(pieces)


def own_power(stem: Stem, from_hz: float) -> Curve:
    """K-weighted power over time of a stem above a frequency, one value per frame of the band-grams: free of rumble."""
    weights = band_weights(stem.readings.power.shape[1])
    weights[: int(np.searchsorted(BAND_HZ, from_hz))] = 0.0
    return np.asarray(stem.readings.power @ weights, dtype=np.float64)


def rest_power(stems: Stems, stem: Stem) -> Curve:
    """K-weighted power over time of the sum of all other stems, one value per frame of the band-grams."""
    r = stem.readings
    rest = np.maximum(stems.sum_power - 2.0 * r.cross[:, SUM, 0] + r.power, 0.0)
    return np.asarray(rest @ band_weights(rest.shape[1]), dtype=np.float64)


def evenness(pieces: tuple[Piece, ...], rest: Curve, frame_s: float) -> Evenness | None:
    """How even the pieces are beside the rest of the mix (`rest_power`); None for no pieces."""
    if not pieces:
        return None
    levels = np.array([p.level_db for p in pieces])
    weights = np.array([p.seconds for p in pieces])
    around = np.array([_around(p, rest, frame_s) for p in pieces])
    backing = power_db_curve(np.maximum(around, _loud(rest) * from_power_db(REST_FLOOR_DB) + 1e-20))
    moves = backing - np.average(backing, weights=weights)
    varies = float(np.average(moves**2, weights=weights))
    follows = float(np.average(moves * levels, weights=weights)) / varies if varies > 1e-6 else 0.0
    follows = float(np.clip(follows, 0.0, 1.0))
    left = levels - follows * moves
    left -= 0.5 * (share_of(left, weights, 0.25) + share_of(left, weights, 0.75))
    return Evenness(pieces, left, follows, _spread(levels, weights), _spread(left, weights))


def share_of(values: Curve, weights: Curve, share: float) -> float:
    """The value below which so much of the weight lies, between the middles of the pieces around it."""
    order = np.argsort(values)
    edges = (np.cumsum(weights[order]) - 0.5 * weights[order]) / weights.sum()
    return float(np.interp(share, edges, values[order]))


def _spread(values: Curve, weights: Curve) -> float:
    return share_of(values, weights, HIGH_SHARE) - share_of(values, weights, LOW_SHARE)


def _around(piece: Piece, rest: Curve, frame_s: float) -> float:
    """Mean power of the rest while a phrase sounds, or within a bar of a hit."""
    spare = max(0.0, AROUND_S - piece.seconds) / 2.0 if piece.seconds < SHORTEST_S else 0.0
    start, end = round((piece.start_s - spare) / frame_s), round((piece.end_s + spare) / frame_s) + 1
    part = rest[max(0, start) : max(1, end)]
    return float(part.mean()) if len(part) else 0.0


def _smoothed(power: Curve, hops: int) -> Curve:
    """Mean over so many hops around each."""
    padded = np.pad(np.asarray(power, dtype=np.float64), (hops // 2, hops - 1 - hops // 2))
    return np.asarray(window_sums(padded, hops) / hops)


def _loud(power: Curve) -> float:
    """The 95th percentile of what is within 60 dB of the loudest."""
    top = float(power.max()) if len(power) else 0.0
    return float(np.percentile(power[power > top * 1e-6], 95)) if top > 0.0 else 0.0


def _runs(on: npt.NDArray[np.bool_], bridge: int) -> list[tuple[int, int]]:
    """(start, end) of what is on, across gaps shorter than `bridge`."""
    change = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    runs: list[tuple[int, int]] = []
    for start, end in change.reshape(-1, 2).tolist():
        if runs and start - runs[-1][1] < bridge:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs


def _cut(level: Curve, start: int, end: int, longest: int) -> list[tuple[int, int]]:
    """The stretch in pieces of at most that length, cut at the lowest level of its middle half."""
    if end - start <= longest:
        return [(start, end)]
    quarter = (end - start) // 4
    at = start + quarter + int(level[start + quarter : end - quarter].argmin())
    return _cut(level, start, at, longest) + _cut(level, at, end, longest)


def band_weights(bands: int) -> Curve:
    """The K-weighting at the middle of every third-octave band (power)."""
    rate = 192_000
    z = np.exp(-2j * np.pi * BAND_HZ[:bands] / rate)
    gain = np.ones(bands)
    for b0, b1, b2, a0, a1, a2 in k_weighting(rate):
        gain *= np.abs((b0 + b1 * z + b2 * z * z) / (a0 + a1 * z + a2 * z * z)) ** 2
    return gain
