"""What was done to a track, from how what it was relates to what it is: a fader, a switch of polarity, a shift in
time, or equalisation.

`Transfer` holds the ratio was/is as a complex number at many frequencies: 1 where nothing changed, 1/h after a filter
h, -1 after a switch of polarity, exp(j w t) after a delay of t. Every kind of change is fitted to all of it; the
simplest that leaves hardly anything is what was done.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from dsp.units import Curve, amplitude_db

Complex = npt.NDArray[np.complexfloating]
Kind = Literal["gain", "polarity", "delay", "eq", "other"]
Shape = Literal["bell", "low-shelf", "high-shelf"]

#: A fit that leaves this share of the change is what was done; one that leaves more than the second is not.
GOOD, ENOUGH = 0.02, 0.25
#: A simpler kind is preferred unless a later one leaves this many times less.
BETTER = 4.0
#: Delays looked for (s). Microphones and plug-ins stay within; what is later is an echo or an edit.
MOST_DELAY_S = 0.025
#: Less than this (s) is a phase of a filter or noise: a quarter of a sample at 48 kHz.
LEAST_DELAY_S = 5e-6
#: A third octave is looked into at so many frequencies.
INSIDE: Final = 9
#: Equalisation is looked for at every sixth of an octave, with these gains (dB) and qualities; a shelf has this one.
FREQUENCIES_HZ: Final = 30.0 * 2.0 ** (np.arange(56) / 6.0)
GAINS_DB: Final = (-12.0, -6.0, -3.0, 3.0, 6.0, 12.0)
QUALITIES: Final = (0.4, 0.7, 1.2, 2.0, 3.5)
SHELF_Q: Final = 0.71
#: Filters at most in one change; another one is looked for where it leaves this many times less, and until so little of
#: the change is left. Fewer are taken that leave no more than the third times as much.
MOST_FILTERS: Final = 6
WORTH: Final = 1.4
SIMPLER: Final = 2.0
ENDS: Final = 0.002
#: What a decibel of gain costs, squared, of the change: of filters that fit alike those are meant that do not work
#: against each other.
GAIN_COSTS: Final = 2e-6
#: Limits of a fitted filter: frequency (Hz), gain (dB), quality.
LOWEST: Final = (20.0, -24.0, 0.2)
HIGHEST: Final = (20_000.0, 24.0, 10.0)


@dataclass(frozen=True)
class Filter:
    """One band of equalisation: its kind as `EqMove` has it."""

    kind: Shape
    frequency_hz: float
    gain_db: float
    q: float

    def response(self, hz: Curve) -> Complex:
        """Complex response of the analogue prototype (RBJ cookbook), with minimum phase."""
        return response(self.kind, self.frequency_hz, self.gain_db, self.q, hz)


def response(kind: str, frequency_hz: float, gain_db: float, q: float, hz: Curve) -> Complex:
    """Complex response of a bell or a shelf at frequencies in Hz."""
    s = 1j * np.asarray(hz, dtype=np.float64) / frequency_hz
    a = 10.0 ** (gain_db / 40.0)
    if kind == "bell":
        return np.asarray((s * s + s * a / q + 1.0) / (s * s + s / (a * q) + 1.0))
    if kind == "low-shelf":
        root = math.sqrt(a) / q
        return np.asarray(a * (s * s + root * s + a) / (a * s * s + root * s + 1.0))
    root = math.sqrt(a) / q
    return np.asarray(a * (a * s * s + root * s + 1.0) / (s * s + root * s + a))


@dataclass(frozen=True)
class Transfer:
    """Was over is: `ratio` (complex) and `weight` (from 0, untrustworthy, up) of points in frequency.

    Row k of `hz` holds the frequencies the k-th point is a mean over, shape (points, `INSIDE`).
    """

    hz: Curve
    ratio: Complex
    weight: Curve

    @property
    def change(self) -> float:
        """How far it is from 1: mean square, weighted."""
        return self.error(np.ones(len(self.ratio)))

    def error(self, model: Complex | Curve) -> float:
        """Mean square of what a model of the ratio at every point leaves, weighted."""
        return float(self.weight @ np.abs(self.ratio - model) ** 2 / max(float(self.weight.sum()), 1e-30))

    def scaled(self, model: Complex) -> tuple[float, float]:
        """The real factor that suits a model best, and what is then left."""
        power = float(self.weight @ np.abs(model) ** 2)
        factor = float(self.weight @ (self.ratio * model.conj()).real) / max(power, 1e-30)
        return factor, self.error(factor * model)


@dataclass(frozen=True)
class Fit:
    """What was done to a track. `gain_db` is the change of level of all of it, apart from `filters`."""

    kind: Kind
    gain_db: float = 0.0
    flipped: bool = False
    delay_s: float = 0.0  #: later by so much
    filters: tuple[Filter, ...] = field(default=())
    left: float = 1.0  #: share of the change that this does not explain


def fit(transfer: Transfer) -> Fit:
    """The simplest change that explains a transfer."""
    total = transfer.change
    if total <= 0.0 or not (transfer.weight > 0.0).any():
        return Fit("other")
    ones = np.ones(len(transfer.ratio), dtype=np.complex128)
    factor, left = transfer.scaled(ones)
    candidates = [_named("gain", factor, left / total)]
    if candidates[0].left > GOOD:
        candidates.append(fit_delay(transfer))
        if candidates[-1].left > GOOD:
            candidates.append(_filtered(transfer, total))
    best = candidates[0]
    for other in candidates[1:]:
        if other.left * BETTER < best.left or (best.left > GOOD and other.left < best.left):
            best = other
    return best if best.left <= ENOUGH else Fit("other", left=best.left)


def _named(kind: Kind, factor: float, left: float, delay_s: float = 0.0, filters: tuple[Filter, ...] = ()) -> Fit:
    """A fit from the factor of was over is."""
    size = max(abs(factor), 1e-6)
    name: Kind = "polarity" if kind == "gain" and factor < 0.0 else kind
    return Fit(name, -amplitude_db(size), factor < 0.0, delay_s, filters, left)


def fit_delay(transfer: Transfer) -> Fit:
    """The best shift in time, found on a grid and refined."""
    total, middle = transfer.change, transfer.hz[:, transfer.hz.shape[1] // 2]
    if total <= 0.0 or not len(middle):
        return Fit("delay")
    step = 0.2 / min(float(middle[transfer.weight > 0.0].max(initial=1.0)), 4_000.0)
    grid = np.arange(-MOST_DELAY_S, MOST_DELAY_S + step, step)
    turned = np.exp(-2j * np.pi * np.outer(grid, middle)) @ (transfer.weight * transfer.ratio)
    at = float(grid[int(np.abs(turned.real).argmax())])
    delay_s = _best_delay(transfer, at, step)
    factor, rest = transfer.scaled(_shifted(transfer, delay_s))
    return Fit("delay") if abs(delay_s) < LEAST_DELAY_S else _named("delay", factor, rest / total, delay_s)


def _best_delay(transfer: Transfer, around_s: float, within_s: float) -> float:
    from scipy import optimize

    def left(delay_s: float) -> float:
        return transfer.scaled(_shifted(transfer, delay_s))[1]

    limits = (around_s - within_s, around_s + within_s)
    return float(optimize.minimize_scalar(left, bounds=limits, method="bounded", options={"xatol": 1e-9}).x)


def retimed(transfer: Transfer, found: Fit, advance_s: float, power: float) -> Fit:
    """A delay made precise from the ratio of what a track was to what it is, read `advance_s` later.

    `power` is what it was over what it is, weighted like the ratio: what the delay does not explain of it is left.
    """
    rest_s = _best_delay(transfer, found.delay_s - advance_s, 1e-4)
    model = _shifted(transfer, rest_s)
    factor, _ = transfer.scaled(model)
    explained = factor * factor * float(transfer.weight @ np.abs(model) ** 2)
    delay_s, left = advance_s + rest_s, max(0.0, 1.0 - explained / max(power, 1e-30))
    if abs(delay_s) < LEAST_DELAY_S:
        return _named("gain", factor, left)
    return _named("delay", factor, left, delay_s)


def _shifted(transfer: Transfer, delay_s: float) -> Complex:
    return np.asarray(np.exp(2j * np.pi * delay_s * transfer.hz).mean(axis=1))


def _filtered(transfer: Transfer, total: float) -> Fit:
    """Equalisation, with a change of level beside it where that takes fewer filters or leaves less."""
    plain = _equalised(transfer, total, level=False)
    if plain.left <= GOOD and len(plain.filters) == 1:
        return plain
    levelled = _equalised(transfer, total, level=True)
    if plain.left <= GOOD and levelled.left <= GOOD:
        return levelled if len(levelled.filters) < len(plain.filters) else plain
    return min(plain, levelled, key=lambda f: f.left)


def _equalised(transfer: Transfer, total: float, *, level: bool) -> Fit:
    """Up to `MOST_FILTERS`, added one by one and refined together; of all the numbers, the fewest that do as well.

    With `level` the level of all of it may have changed too; else at most its polarity.
    """
    filters: tuple[Filter, ...] = ()
    factor, rest = _factor(transfer, np.ones(len(transfer.ratio), dtype=np.complex128), level)
    made: list[tuple[tuple[Filter, ...], float, float]] = []
    for _ in range(MOST_FILTERS):
        tries = [_refined(transfer, (*filters, start), level) for start in _starts(transfer, filters)]
        scaled = [_factor(transfer, _inverse(transfer, f), level) for f in tries]
        best = min(range(len(tries)), key=lambda k: scaled[k][1])
        if scaled[best][1] > rest / WORTH:
            break
        filters, (factor, rest) = tries[best], scaled[best]
        made.append((filters, factor, rest))
        if rest <= ENDS * total:
            break
    if not made:
        return _named("eq", factor, 1.0)
    enough = max(made[-1][2] * SIMPLER, GOOD / 4.0 * total)
    filters, factor, rest = next(m for m in made if m[2] <= enough)
    return _named("eq", factor, rest / total, filters=filters)


def _factor(transfer: Transfer, model: Complex, level: bool) -> tuple[float, float]:
    """The factor of a model, any or of one size only, and what is then left."""
    factor, left = transfer.scaled(model)
    if level:
        return factor, left
    whole = math.copysign(1.0, factor)
    return whole, transfer.error(whole * model)


def _inverse(transfer: Transfer, filters: tuple[Filter, ...]) -> Complex:
    """1/h of filters at every point."""
    out = np.ones(transfer.hz.shape, dtype=np.complex128)
    for each in filters:
        out /= each.response(transfer.hz)
    return np.asarray(out.mean(axis=1))


def _starts(transfer: Transfer, before: tuple[Filter, ...]) -> list[Filter]:
    """The bell and the shelf of a coarse grid that help most."""
    middle = transfer.hz[:, INSIDE // 2]
    kept = _inverse(transfer, before)
    kinds: list[list[tuple[Shape, float]]] = [
        [("bell", q) for q in QUALITIES],
        [("low-shelf", SHELF_Q), ("high-shelf", SHELF_Q)],
    ]
    out = []
    for shapes in kinds:
        grid = [(k, f, g, q) for (k, q), f, g in itertools.product(shapes, FREQUENCIES_HZ.tolist(), GAINS_DB)]
        models = kept * np.array([response(k, f, -g, q, middle) for k, f, g, q in grid])
        along = (models.conj() * transfer.ratio).real @ transfer.weight
        explained = along * np.abs(along) / np.maximum(np.abs(models) ** 2 @ transfer.weight, 1e-30)
        kind, frequency_hz, gain_db, q = grid[int(np.abs(explained).argmax())]
        out.append(Filter(kind, frequency_hz, gain_db, q))
    return out


def _refined(transfer: Transfer, filters: tuple[Filter, ...], level: bool) -> tuple[Filter, ...]:
    """Filters moved to where they leave least."""
    from scipy import optimize

    kinds, root = [f.kind for f in filters], np.sqrt(transfer.weight)
    bounds = (np.array([*LOWEST] * len(kinds)), np.array([*HIGHEST] * len(kinds)))
    for limits in bounds:
        limits[::3], limits[2::3] = np.log(limits[::3]), np.log(limits[2::3])

    def made(x: Curve) -> tuple[Filter, ...]:
        return tuple(
            Filter(kind, math.exp(x[3 * k]), float(x[3 * k + 1]), math.exp(x[3 * k + 2]) if kind == "bell" else SHELF_Q)
            for k, kind in enumerate(kinds)
        )

    def rest(x: Curve) -> Curve:
        model = _inverse(transfer, made(x))
        factor, _ = _factor(transfer, model, level)
        left = root * (transfer.ratio - factor * model)
        return np.concatenate([left.real, left.imag, gain_costs * x[1::3]])

    gain_costs = math.sqrt(GAIN_COSTS * float(transfer.weight.sum()) * transfer.change)
    start = np.array([v for f in filters for v in (math.log(f.frequency_hz), f.gain_db, math.log(f.q))])
    found = optimize.least_squares(rest, np.clip(start, bounds[0] + 1e-6, bounds[1] - 1e-6), bounds=bounds, max_nfev=30)
    return made(found.x)
