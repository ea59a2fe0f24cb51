"""Carving: the cut in a masker that makes room for what it hides, worked out with the model before it is advised."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dsp.stems.field import Field, Mask
from dsp.stems.masking import Hidden
from dsp.units import Curve

#: Depths tried (dB): a stem is cut by 6 dB at most. The Q is wide enough not to ring and narrow enough to aim.
DEPTHS_DB = (-2.0, -3.0, -4.0, -5.0, -6.0)
WIDEST_Q, NARROWEST_Q = 0.7, 2.0
#: The shallowest cut is taken that gives back such a share of what leaving the masker out would (our judgement).
ENOUGH = 0.35
#: A static cut costs too much that takes more of the masker's own loudness than this, or works while the hidden part
#: is busy for less than this share of the masker's time (our judgement).
MOST_COST, LEAST_USE = 0.12, 0.5


@dataclass(frozen=True)
class Carving:
    """A cut in a masker. `gives` is the share of the hidden part's loudness in the region that comes back by it,
    `costs` the share of the masker's own loudness it takes; `keyed` where it should act only while the part plays.
    `enough` tells whether it gives back a fair part of what leaving the masker out would.
    """

    frequency_hz: float
    gain_db: float
    q: float
    gives: float
    costs: float
    keyed: bool
    enough: bool


def bell(band_hz: Curve, frequency_hz: float, gain_db: float, q: float) -> Curve:
    """Power response of a bell at the middles of bands (the analogue prototype of the Audio EQ Cookbook)."""
    x, a = band_hz / frequency_hz, 10.0 ** (gain_db / 40.0)
    up = (1.0 - x**2) ** 2
    return np.asarray((up + (x * a / q) ** 2) / (up + (x / (a * q)) ** 2))


def carve(field: Field, hidden: Hidden) -> Carving:
    """The cut in the masker that gives back most for its depth."""
    frequency, q = _place(field.band_hz, hidden.band_returns)
    inside = hidden.region.of(field.band_hz)
    cuts = [bell(field.band_hz, frequency, depth, q) for depth in DEPTHS_DB]
    given, taken = _effects(field, hidden, cuts, inside)
    chosen = next((k for k, gives in enumerate(given) if gives >= ENOUGH * hidden.returns), len(cuts) - 1)
    keyed = taken[chosen] > MOST_COST or hidden.busy_s < LEAST_USE * hidden.masker_s
    enough = given[chosen] >= ENOUGH * hidden.returns
    return Carving(frequency, DEPTHS_DB[chosen], q, given[chosen], taken[chosen], keyed, enough)


def _place(band_hz: Curve, returns: Curve) -> tuple[float, float]:
    """Middle and Q of a bell over the bands where loudness returns."""
    weight, octave = returns / max(float(returns.sum()), 1e-12), np.log2(band_hz)
    middle = float(weight @ octave)
    spread = math.sqrt(max(0.0, float(weight @ (octave - middle) ** 2)))
    width = 2.0 ** max(1.0 / 3.0, math.sqrt(12.0) * spread)  # as wide as a rectangle of that spread
    q = min(NARROWEST_Q, max(WIDEST_Q, math.sqrt(width) / (width - 1.0)))
    return float(f"{2.0**middle:.2g}"), round(q, 1)


def _effects(field: Field, hidden: Hidden, cuts: list[Curve], inside: Mask) -> tuple[list[float], list[float]]:
    """What each cut gives back and costs, as shares."""
    i, j = hidden.part, hidden.masker
    given, cost = np.zeros(len(cuts)), np.zeros(len(cuts))
    alone = own = 0.0
    for start, stop in field.chunks():
        found = field.excitations(start, stop)
        both, playing = field.plays[i, start:stop] & field.plays[j, start:stop], field.plays[j, start:stop]
        if not playing.any():
            continue
        part, masker = found[i, both], found[j]
        rest = field.rest(found, i)[both]
        alone += float(field.alone(part)[:, inside].sum())
        before = float(field.beside(part, rest)[:, inside].sum())
        whole = float(field.alone(masker[playing]).sum())
        own += whole
        for k, cut in enumerate(cuts):
            less = field.excitation_of(j, start, stop, cut)
            changed = np.maximum(rest - masker[both] + less[both], 0.0)
            given[k] += float(field.beside(part, changed)[:, inside].sum()) - before
            cost[k] += whole - float(field.alone(less[playing]).sum())
    return (given / max(alone, 1e-12)).tolist(), (cost / max(own, 1e-12)).tolist()


def shares(field: Field, hidden: Hidden) -> tuple[tuple[str, float], ...]:
    """The masker's stems with their shares of what is lost, most first."""
    inside = hidden.region.of(field.band_hz)
    stems = field.parts[hidden.masker].stems
    powers = [float(field.stems.named(s).readings.power[:, inside].sum()) for s in stems]
    total = max(sum(powers), 1e-30)
    told = [(s, hidden.blame * p / total) for s, p in zip(stems, powers, strict=True)]
    return tuple(sorted(told, key=lambda t: -t[1]))
