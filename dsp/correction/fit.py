"""The fewest bands of equalisation that bring a spectrum inside its tolerance.

Bands are added one at a time, each where it takes most of what stands outside, then all are moved together (least
squares of SciPy over frequency, gain and Q); one that does not take enough is not added. What lies within the tolerance
costs nothing, so nothing is done about it; a boost costs more than a cut of the same size, and both a little, so that
gains stay as small as they may, and Q near that of an octave. AutoEq 4 (J. Pasanen) fits its
parametric equalisers likewise, with other weights; limits of Q and gain are those of mix engineers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dsp.findings import EqMove
from dsp.stems.attribution import Mask, change, eq_response
from dsp.units import Curve, power_db_curve

#: Bands at most, and their Q: broader tilts a whole mix, narrower is surgery that an average spectrum does not justify.
MOST_BANDS: Final = 6
LEAST_Q, MOST_Q = 0.5, 4.0
#: The most a stem and the mix are changed by default (dB): iZotope, Sound on Sound and Galindo on mastering equalisers
#: say 0.5 to 1.5 dB for a bus and more for a track; that much more is a matter of the mix, not of an equaliser.
STEM_DB: Final = 6.0
MIX_DB: Final = 3.0
#: A decibel of boost counts as so many of cut: cuts lower masking, boosts lift noise and ringing (our judgement).
BOOST_COUNTS: Final = 1.5
#: What a decibel of change in a third octave costs beside a spread outside (our judgement: between equals it decides).
CHANGE_COSTS: Final = 0.01
#: What a factor of e in Q costs, either way from a bell an octave wide: between equals neither tilt nor surgery.
USUAL_Q, Q_COSTS = 1.4, 0.03
#: A band is added where it takes this share of what is left outside (our judgement).
WORTH: Final = 0.25
#: Nowhere outside the tolerance by more than this (spreads) is inside (our judgement: less than a curve is worth).
INSIDE: Final = 0.05
#: What a decibel beyond the limit costs: no spectrum is worth it.
BEYOND_COSTS: Final = 10.0
#: Nothing is boosted below, above, or where hardly anything sounds: the limits in Hz, and what a lift there costs.
BOOST_HZ: Final = (30.0, 16_000.0)
FORBIDDEN_COSTS: Final = 2.0
#: A lift of this much where none is allowed is the skirt of a cut or a rounding (dB).
SKIRT_DB: Final = 0.25
#: Where bands start: every other third octave, with these Q; a gain less than the last (dB) is none.
START_Q: Final = (0.7, 1.6, 3.0)
#: What a band counts of itself and its neighbours when the place that stands out most is looked for.
NEAR: Final = (0.5, 1.0, 0.5)
LEAST_DB: Final = 0.1
#: Centres of bands (Hz).
LOWEST_HZ, HIGHEST_HZ = 30.0, 16_000.0

#: What bands do to the spectrum (dB by band), given the bands: at a stem it is what the mix changes by.
Effect = Callable[[Sequence[EqMove]], Curve]


@dataclass(frozen=True)
class Wanted:
    """A deviation to be undone: dB by band, its spread there, and where there is anything to lift (all of one shape).

    `tolerance` is the deviation, in spreads, that is left alone; without `boosts` there are only cuts; `most_q` is how
    narrow a band may be.
    """

    band_hz: Curve
    deviation_db: Curve
    spread_db: Curve
    present: Mask
    tolerance: float = 1.0
    boosts: bool = True
    most_q: float = MOST_Q

    def outside(self, effect_db: Curve) -> Curve:
        """What stands outside the tolerance after a change, in spreads, signed; 0 inside."""
        spreads = (self.deviation_db + effect_db) / self.spread_db
        over = np.maximum(np.abs(spreads) - self.tolerance, 0.0)
        return np.where(self.present, np.sign(spreads) * over, 0.0)

    def cost(self, effect_db: Curve) -> float:
        """Sum of squares of what stands outside."""
        return float(np.sum(self.outside(effect_db) ** 2))

    def reached(self, effect_db: Curve) -> bool:
        """Whether hardly anything stands outside."""
        return float(np.abs(self.outside(effect_db)).max(initial=0.0)) <= INSIDE

    @property
    def liftable(self) -> Mask:
        """Where something may be lifted."""
        return np.asarray(self.present & (self.band_hz >= BOOST_HZ[0]) & (self.band_hz <= BOOST_HZ[1]))


def direct(band_hz: Curve, sample_rate: int = 48_000) -> Effect:
    """The effect of bands on what they are put on."""

    def effect(moves: Sequence[EqMove]) -> Curve:
        return power_db_curve(change(moves, band_hz, sample_rate).squared)

    return effect


def fit(
    wanted: Wanted, target: str, most_db: float, effect: Effect, most_bands: int = MOST_BANDS
) -> tuple[EqMove, ...]:
    """Bells on a target that bring a deviation inside its tolerance, as few as do; none where it is inside.

    `most_db` limits every gain and their sum anywhere on the target. Deterministic.
    """
    bands: tuple[EqMove, ...] = ()
    changed: Curve = np.zeros(len(wanted.band_hz))
    for _ in range(most_bands):
        if wanted.reached(changed):
            break
        starts = _starts(wanted, changed, target)
        tries = [_refined(wanted, (*bands, start), most_db, effect) for start in starts]
        costs = [wanted.cost(effect(t)) for t in tries]
        best = min(range(len(tries)), key=lambda k: costs[k], default=None)
        if best is None or costs[best] > (1.0 - WORTH) * wanted.cost(changed):
            break
        bands, changed = tries[best], effect(tries[best])
    return _allowed(wanted, tuple(_rounded(b) for b in _limited(bands, most_db) if abs(b.gain_db) >= LEAST_DB))


def _starts(wanted: Wanted, changed: Curve, target: str) -> list[EqMove]:
    """One bell of every width where what is left after a change (dB by band) stands out most."""
    left = wanted.outside(changed)
    usable = (wanted.band_hz >= LOWEST_HZ) & (wanted.band_hz <= HIGHEST_HZ)
    usable &= (left > 0.0) | ((left < 0.0) & wanted.boosts)
    near = np.abs(np.convolve(np.where(usable, left, 0.0), NEAR, "same")) * usable
    at = int(near.argmax())
    if near[at] == 0.0:
        return []
    gain_db = float(-np.sign(left[at]) * min(6.0, max(1.0, abs(left[at] * wanted.spread_db[at]))))
    return [EqMove(target, "bell", float(wanted.band_hz[at]), gain_db, q) for q in START_Q]


def _refined(wanted: Wanted, bands: tuple[EqMove, ...], most_db: float, effect: Effect) -> tuple[EqMove, ...]:
    """All bands moved to where the cost is least."""
    from scipy import optimize

    most_boost_db = most_db if wanted.boosts else 0.0
    low = np.array([math.log(LOWEST_HZ), -most_db, math.log(LEAST_Q)] * len(bands))
    high = np.array([math.log(HIGHEST_HZ), most_boost_db, math.log(wanted.most_q)] * len(bands))
    forbidden = ~wanted.liftable
    at_target = direct(wanted.band_hz)

    def made(x: Curve) -> tuple[EqMove, ...]:
        rows = x.reshape(-1, 3).tolist()
        return tuple(
            EqMove(b.target, b.kind, math.exp(f), g, math.exp(q)) for b, (f, g, q) in zip(bands, rows, strict=True)
        )

    def rest(x: Curve) -> Curve:
        moves = made(x)
        own = at_target(moves)
        counted = np.where(own > 0.0, BOOST_COUNTS, 1.0) * own
        beyond = np.maximum(np.abs(np.concatenate([own, _at_middles(moves)])) - most_db, 0.0)
        lifted = np.maximum(own[forbidden] - SKIRT_DB / 2.0, 0.0)
        return np.concatenate([
            wanted.outside(effect(moves)), CHANGE_COSTS * counted, Q_COSTS * (x[2::3] - math.log(USUAL_Q)),
            BEYOND_COSTS * beyond, FORBIDDEN_COSTS * lifted,
        ])  # fmt: skip

    start = np.array([v for b in bands for v in (math.log(b.frequency_hz), b.gain_db, math.log(b.q))])
    inside = np.clip(start, low + 1e-6, high - 1e-6)
    found = optimize.least_squares(
        rest, inside, bounds=(low, high), x_scale=np.array([0.3, 2.0, 0.5] * len(bands)), max_nfev=40
    )
    return made(found.x)


def _at_middles(bands: Sequence[EqMove]) -> Curve:
    """What all bands together do at the frequency of each, dB."""
    hz = np.array([b.frequency_hz for b in bands])
    return np.asarray(sum(20.0 * np.log10(np.abs(eq_response(b, hz))) for b in bands))


def _limited(bands: tuple[EqMove, ...], most_db: float) -> tuple[EqMove, ...]:
    """The bands, smaller where together they pass the limit by what the fit has left of it."""
    together_db = float(np.abs(_at_middles(bands)).max(initial=0.0))
    part = min(1.0, most_db / together_db) if together_db else 1.0
    return tuple(replace(b, gain_db=part * b.gain_db) for b in bands)


def _allowed(wanted: Wanted, bands: tuple[EqMove, ...]) -> tuple[EqMove, ...]:
    """The bands without the boosts that reach where nothing may be lifted."""
    effect = direct(wanted.band_hz)
    forbidden = ~wanted.liftable
    boosts = sorted((b for b in bands if b.gain_db > 0.0), key=lambda b: b.gain_db)
    while boosts and forbidden.any() and float(effect(bands)[forbidden].max()) > SKIRT_DB:
        worst = max(boosts, key=lambda b: float(effect([b])[forbidden].max()))
        boosts.remove(worst)
        bands = tuple(b for b in bands if b is not worst)
    return bands


def _rounded(band: EqMove) -> EqMove:
    """As people type it in: three digits of frequency, a tenth of a decibel, Q to hundredths."""
    frequency_hz = float(f"{band.frequency_hz:.3g}")
    return replace(band, frequency_hz=frequency_hz, gain_db=round(band.gain_db, 1), q=round(max(LEAST_Q, band.q), 2))
