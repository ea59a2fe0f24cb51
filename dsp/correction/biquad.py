"""Second-order filters as close to their analogue prototypes as they can be, up to the top of the spectrum.

The bilinear transform squeezes everything above into what lies below half the sample rate: a bell of 12 dB at 16 kHz
is 8 dB off at 20 kHz. M. Vicanek (Matched Second Order Digital Filters, 2016) takes the poles of the prototype as they
are and chooses the zeros by magnitude instead: with x = sin^2(w/2) the squared magnitude of z-polynomials of second
order is a polynomial in x, which a few points of the prototype determine. Here the points are many: the zeros are the
least squares of the ratio, and then both polynomials are moved together to the least error in dB (Gauss-Newton), which
is evened out by weighting the points again where it is largest (C. Lawson, 1961). The gain at 0 Hz is the prototype's
own. Zeros on the unit circle (the notch's, those of passes) stay where they are. A polynomial positive from x = 0 to 1
has a factor with all roots inside the unit circle, and no step leaves these, so all filters are stable and minimum
phase, whatever the setting; cuts are boosts turned over, exactly.

Largest error in dB to 20 kHz at 44.1 kHz (to 0.9 of half the rate at others), gains within +-12 dB, centres from 20 Hz
to 16 kHz: bells 0.25, low-passes 0.35 (0.75 at 24 dB per octave) and notches 0.5 at any q from 0.3 to 10; shelves and
high-passes 0.4 to a q of 2, 0.8 to 4, 1.7 to 10 (1.0 up to 8 kHz); high-passes of 24 dB per octave 1.0 to a q of 2.
Resonances sharper than a q of 4 that lie above, beyond 0.9 of half the rate, cannot be followed, and are not.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dsp.findings import EqMove
from dsp.stems.attribution import Polynomial, Spectrum, eq_prototypes, eq_response
from dsp.units import Curve

Sections = npt.NDArray[np.float64]

#: The prototype is followed up to this angle (radians per sample): just above 20 kHz at 44.1 kHz.
TOP = 0.91 * math.pi
#: Up to half the rate an error counts this much of one below, or a root may come to lie there on the unit circle.
ABOVE = 0.2
#: Steps in least squares, and more with the points weighted again.
PLAIN, WEIGHTED = 3, 4
#: Points: in the whole spectrum, about each resonance, and above what is followed.
WIDE, NEAR, HIGH = 40, 12, 8
#: Roots of the first guess turn no further than this (radians per sample): beyond pi they come back further down.
TURN = 0.99 * math.pi
#: How often a step that would leave the filters that are stable is halved before it is not taken.
HALVINGS = 12


def sections(move: EqMove, sample_rate: int) -> Sections:
    """Second-order sections of a band, shape (n, 6): b0 b1 b2 1 a1 a2, as `scipy.signal.sosfilt` takes them.

    A bell or shelf without gain is one section that changes nothing. Raises ValueError for a kind there is not, for a
    frequency that is not above 0 and below half the sample rate, for a q that is not above 0.
    """
    if not 0.0 < move.frequency_hz < 0.5 * sample_rate:
        raise ValueError(f"a filter at {move.frequency_hz:g} Hz does not fit a sample rate of {sample_rate} Hz")
    if not (0.0 < move.q < math.inf and math.isfinite(move.gain_db)):
        raise ValueError(f"no filter has a q of {move.q:g} and a gain of {move.gain_db:g} dB")
    levels = move.kind in ("bell", "low-shelf", "high-shelf")
    if levels and move.gain_db == 0.0:
        return np.array([[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]])
    cut = levels and move.gain_db < 0.0
    angle = 2.0 * math.pi * move.frequency_hz / sample_rate
    rows = []
    for above, below in eq_prototypes(replace(move, gain_db=-move.gain_db) if cut else move):
        b, a = _matched(above, below, angle)
        if cut:
            b, a = a, b
        rows.append(np.concatenate([b, a]) / a[0])
    return np.array(rows)


def response(sos: Sections, hz: npt.ArrayLike, sample_rate: int) -> Spectrum:
    """Complex response of sections in a row at frequencies, of their shape."""
    z = np.exp(-2j * np.pi * np.asarray(hz, dtype=np.float64) / sample_rate)
    total = np.ones_like(z)
    for row in sos:
        total *= np.polyval(row[2::-1], z) / np.polyval(row[:2:-1], z)
    return np.asarray(total)


def analogue(move: EqMove, hz: npt.ArrayLike) -> Spectrum:
    """Complex response of the prototype of a band, which `sections` follows in magnitude."""
    return eq_response(move, np.asarray(hz, dtype=np.float64))


# Polynomials


def _natural(p: Polynomial) -> float:
    """Frequency of the roots of a prototype's polynomial, 1 at that of the band; infinite where it has none."""
    return math.sqrt(p[2] / p[0]) if p[0] > 0.0 else math.inf


def _roots_kept(p: Polynomial, angle: float) -> Curve:
    """The z-polynomial 1 + c1/z + c2/z^2 with the roots of p, mapped by exp(s) (matched z)."""
    if p[0] == 0.0:
        return np.array([1.0, 0.0, 0.0])
    at = angle * _natural(p)
    if p[1] == 0.0:
        return np.array([1.0, -2.0 * math.cos(at), 1.0])
    damping = 0.5 * p[1] / math.sqrt(p[0] * p[2])
    radius = math.exp(-damping * at)
    if damping < 1.0:
        return np.array([1.0, -2.0 * radius * math.cos(min(at * math.sqrt(1.0 - damping**2), TURN)), radius**2])
    apart = at * math.sqrt(damping**2 - 1.0)
    return np.array([1.0, -math.exp(apart - damping * at) - math.exp(-apart - damping * at), radius**2])


def _square(c: Curve) -> Curve:
    """Squared magnitude of a z-polynomial: coefficients of 1, x and x^2."""
    at_zero, at_top, bend = float(c.sum()) ** 2, (c[0] - c[1] + c[2]) ** 2, 16.0 * c[0] * c[2]
    return np.array([at_zero, at_top - at_zero - bend, bend])


def _gap(p: Curve) -> float:
    """(b0 - b2)^2 of the minimum-phase factor of a squared magnitude; not above 0 where it has none."""
    if min(p[0], p.sum()) <= 0.0:
        return -1.0
    return 0.25 * float((math.sqrt(p[0]) + math.sqrt(p.sum())) ** 2 - p[2])


def _factor(p: Curve) -> Curve:
    """The z-polynomial of a squared magnitude whose roots both lie inside the unit circle: b0, b1, b2."""
    low, top = math.sqrt(p[0]), math.sqrt(p.sum())
    b0 = 0.25 * (low + top) + 0.5 * math.sqrt(_gap(p))
    return np.array([b0, 0.5 * (low - top), p[2] / (16.0 * b0)])


# Design


def _matched(above: Polynomial, below: Polynomial, angle: float) -> tuple[Curve, Curve]:
    """Both z-polynomials of a section that does not cut, whose band lies at an angle (radians per sample)."""
    w = _points(above, below, angle)
    x = np.sin(0.5 * w) ** 2
    powers = np.stack([np.ones_like(x), x, x * x], axis=1)
    s = 1j * w / angle
    target = np.abs(np.polyval(above, s) / np.polyval(below, s)) ** 2
    on_circle, passes = above[0] > 0.0 and above[1] == 0.0, above[2] == 0.0
    if on_circle or _natural(above) < _natural(below):
        zeros = _roots_kept(above, angle)
        num = _square(zeros)
        at_zero = angle**4 if passes else num[0] * (below[2] / above[2]) ** 2
        den = _quotient(powers, (powers @ num) / target, at_zero, _roots_kept(below, angle))
    else:
        den = _square(_roots_kept(below, angle))
        at_zero = den[0] * (above[2] / below[2]) ** 2
        num = _quotient(powers, (powers @ den) * target, at_zero, _roots_kept(above, angle))
    free = np.array([False, not on_circle, not on_circle, passes, True, True])
    counts = np.where(w > TOP, ABOVE, 1.0)
    num, den = _refined(powers, np.log(target), counts, np.concatenate([num, den]), free)
    return zeros if on_circle else _factor(num), _factor(den)


def _points(above: Polynomial, below: Polynomial, angle: float) -> Curve:
    """Angles at which the prototype is followed: all the way up, closer together about its resonances."""
    damped = [p for p in (above, below) if p[1] > 0.0]
    centres = [angle * _natural(p) for p in damped]
    width = min(p[1] / math.sqrt(p[0] * p[2]) for p in damped)
    near = np.exp(np.arcsinh(0.5 * width * np.tan(np.linspace(-1.5, 1.5, NEAR))))
    wide = np.geomspace(min(*centres, 0.25 * TOP, 0.25 * TOP) / 30.0, TOP, WIDE)
    points = np.concatenate([wide, *(near * c for c in centres)])
    points = np.concatenate([points[points <= TOP], np.linspace(TOP, math.pi, HIGH + 1)[1:]])
    return points[(above[1] > 0.0) | (np.abs(points / angle - 1.0) > 1e-3)]


def _quotient(powers: Curve, wanted: Curve, at_zero: float, otherwise: Curve) -> Curve:
    """The square, of given value at x = 0, nearest to the wanted in relative terms; without a factor, `otherwise`."""
    columns = powers[:, 1:] / wanted[:, None]
    scale = np.abs(columns).max(axis=0)
    rest = np.linalg.lstsq(columns / scale, 1.0 - at_zero / wanted, rcond=None)[0] / scale
    found = np.array([at_zero, *rest])
    if _gap(found) > 0.0:
        return found
    known = _square(otherwise)
    return np.asarray(known * (at_zero / known[0]))


def _refined(
    powers: Curve, log_target: Curve, counts: Curve, start: Curve, free: npt.NDArray[np.bool_]
) -> tuple[Curve, Curve]:
    """Both squares moved to the least error in dB, of all steps the one whose largest error is least."""
    weights = np.ones(len(powers))
    at, best, least = start, start, math.inf
    for step in range(PLAIN + WEIGHTED + 1):
        above, below = powers @ at[:3], powers @ at[3:]
        error = counts * (log_target - np.log(above / below))
        largest = float(np.abs(error).max())
        if largest < least:
            best, least = at, largest
        if step >= PLAIN:
            weights = weights * (np.abs(error) / max(largest, 1e-12) + 1e-3)
        root = np.sqrt(weights / weights.mean())
        slope = np.concatenate([powers / above[:, None], -powers / below[:, None]], axis=1)[:, free]
        slope = slope * (root * counts)[:, None]
        scale = np.sqrt((slope**2).sum(axis=0))
        move = np.zeros(6)
        move[free] = np.linalg.lstsq(slope / scale, error * root, rcond=1e-9)[0] / scale
        at = _allowed(at, move, free)
    return best[:3], best[3:]


def _allowed(at: Curve, move: Curve, free: npt.NDArray[np.bool_]) -> Curve:
    """A step, halved until both squares still have factors inside the unit circle."""
    for _ in range(HALVINGS):
        to = at + move
        if _gap(to[3:]) > 0.0 and (not free[1] or _gap(to[:3]) > 0.0):
            return np.asarray(to)
        move = 0.5 * move
    return at
