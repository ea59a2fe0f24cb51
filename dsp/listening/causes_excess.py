"""Who makes a region hot or thin: the stem that holds it, and whose own spectrum has the bump.

Every stem is given the bell that best undoes the deviation of the mix. It is blamed by its share of the region times
how much smoother that bell makes its own spectrum: a bump that was put there is a bump in the stem, while what an
instrument is by itself is not undone by one bell. Smoothness decides between stems that both could be it, no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from dsp.findings import EqMove, Fix
from dsp.stems.attribution import Change, Parts, change, predicted
from dsp.units import SILENCE_POWER, Curve, power_db_curve

#: Bells that are tried: what they take (dB) and their Q, at every band of the range.
GAINS_DB, QS = (1.5, 3.0, 4.5, 6.0, 9.0), (0.5, 1.0, 2.0)
#: Bands beside the range that the deviation is judged in, and those the smoothness of the stem is.
BESIDE, AROUND = 2, 4
#: What a decibel less of bends (sum of the second differences of the stem's third octaves) weighs against the part of
#: the deviation a bell takes away, and how it multiplies the share of the stem (e to its power). Bells put into stems
#: of six songs are found alike from 0.02 to 0.035 and from 0.05 to 0.08; more, and smoothness outweighs what is heard.
SMOOTH_WEIGHT, SMOOTH_POWER = 0.03, 0.06
#: A stem's spectrum counts down to this far below its highest band around the range (dB).
DEPTH_DB = 40.0
#: The most an equaliser of a stem does, down and up (dB), in these steps; so many stems are moved at most.
MOST_CUT_DB, MOST_BOOST_DB, STEP_DB, MOST_MOVED = 6.0, 3.0, 0.5, 3
#: Stems with this part of the share of the first are moved with it.
PART_OF_FIRST = 0.5
#: Where these are not enough, those with this part of it help; who has less would be cut for what others do.
HELPS = 0.25
#: Bells become no broader than this.
LEAST_Q = 0.5


@dataclass(frozen=True)
class Blame:
    """Shares of what deviates by stem, summing to one, and the bell (frequency, Q) that undoes it best in each."""

    shares: Curve
    bells: tuple[tuple[float, float], ...]


@cache
def _bank(band_hz: tuple[float, ...], sign: int) -> list[tuple[int, float, Change]]:
    """Every bell that is tried: its band, its Q and what it does."""
    return [
        (k, q, change([EqMove("", "bell", hz, sign * gain, q)], np.array(band_hz), 48_000))
        for k, hz in enumerate(band_hz)
        for gain in GAINS_DB
        for q in QS
    ]


def blame(of: Parts, deviation_db: Curve, sigma_db: Curve, first: int, last: int) -> Blame:
    """Who makes the bands `first` to `last` deviate; `deviation_db` is 0 where nothing is judged, shape (bands,)."""
    middle = float(deviation_db[first : last + 1].mean())
    bank = [b for b in _bank(tuple(of.band_hz.tolist()), -1 if middle > 0.0 else 1) if first <= b[0] <= last]
    near = slice(max(0, first - BESIDE), last + 1 + BESIDE)
    around = slice(max(0, first - AROUND), last + 1 + AROUND)
    before = deviation_db[near] / sigma_db[near]
    cost = float(np.square(before).sum())
    less_one = np.array([c.less_one for _, _, c in bank])
    less_one_squared = np.array([c.less_one_squared for _, _, c in bank])
    filter_db = power_db_curve(np.array([c.squared for _, _, c in bank])[:, around])
    smoother, bells = np.zeros(len(of.stems)), []
    sounds = of.whole > SILENCE_POWER
    for k in range(len(of.stems)):
        after = of.whole + 2.0 * (less_one * of.cross[k]).real + less_one_squared * of.power[k]
        ratio = np.where(sounds, np.maximum(after, SILENCE_POWER) / np.where(sounds, of.whole, 1.0), 1.0)
        left = before + power_db_curve(ratio)[:, near] / sigma_db[near]
        taken = 1.0 - np.square(left).sum(axis=1) / max(cost, 1e-12)
        level = power_db_curve(np.maximum(of.power[k, around], SILENCE_POWER))
        level = np.maximum(level, level.max() - DEPTH_DB)
        gained = _bends(level) - _bends(level + filter_db)
        best = int((taken + SMOOTH_WEIGHT * gained).argmax())
        bells.append((float(of.band_hz[bank[best][0]]), bank[best][1]))
        smoother[k] = float(gained[best])
    weights = np.zeros(len(of.band_hz))
    weights[first : last + 1] = 1.0
    scores = np.maximum(of.shares(weights), 0.0) * np.exp(SMOOTH_POWER * smoother)
    return Blame(scores / max(float(scores.sum()), 1e-12), tuple(bells))


def _bends(level_db: Curve) -> npt.NDArray[np.float64]:
    """Sum of the absolute second differences along the last axis."""
    return np.asarray(np.abs(np.diff(level_db, 2, axis=-1)).sum(axis=-1), dtype=np.float64)


def source_moves(
    of: Parts, found: Blame, aim_db: float, weights: Curve, like: EqMove | None = None
) -> tuple[tuple[Fix, ...], float]:
    """Moves on the stems to blame that change the mix by `aim_db` (negative: a cut) in the weighted bands.

    The worst is moved alone, with those to blame nearly as much; where the most a stem takes is not enough, the bells
    become broader, then the next helps. A shelf of the mix (`like`) stays a shelf. Returns the moves and the change of
    the mix they make, dB.
    """
    worst = float(found.shares.max(initial=0.0))
    order = [int(k) for k in np.argsort(-found.shares)[:MOST_MOVED] if found.shares[k] > HELPS * worst]
    if not order or aim_db == 0.0:
        return (), 0.0
    sign = -1.0 if aim_db < 0.0 else 1.0
    most = MOST_CUT_DB if sign < 0.0 else MOST_BOOST_DB
    count = sum(found.shares[k] >= PART_OF_FIRST * worst for k in order)
    best: tuple[tuple[Fix, ...], float] = ((), 0.0)
    for stems, wider in [(count, 1.0), (count, 0.5), *((n, 0.5) for n in range(count + 1, len(order) + 1))]:
        for step in range(1, round(most / STEP_DB) + 1):
            moves = tuple(
                _move(of.stems[k].name, found.bells[k], sign * step * STEP_DB, wider, like) for k in order[:stems]
            )
            reached = of.change_db(predicted(of, moves), weights)
            if sign * reached >= abs(aim_db):
                return moves, reached
            if sign * reached > sign * best[1]:
                best = moves, reached
    return best


def _move(name: str, bell: tuple[float, float], gain_db: float, wider: float, like: EqMove | None) -> EqMove:
    if like is not None and like.kind != "bell":
        return EqMove(name, like.kind, like.frequency_hz, gain_db, like.q)
    return EqMove(name, "bell", float(f"{bell[0]:.2g}"), gain_db, max(bell[1] * wider, LEAST_Q))


def weights_of(band_hz: Curve, low_hz: float, high_hz: float) -> Curve:
    """One in the bands whose middle lies between two frequencies (at least the nearest one), else zero."""
    inside = (band_hz >= low_hz * 0.999) & (band_hz <= high_hz * 1.001)
    if not inside.any() and len(band_hz):
        inside[int(np.abs(np.log(band_hz / max((low_hz * high_hz) ** 0.5, 1.0))).argmin())] = True
    return inside.astype(float)


def first_last(weights: Curve) -> tuple[int, int]:
    """The outer bands of a range."""
    inside: Sequence[int] = np.flatnonzero(weights).tolist()
    return inside[0], inside[-1]
