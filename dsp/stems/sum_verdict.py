"""Whether the stems sum to the mix, and if not, whose doing that is: the bus's, one stem's, or what is in none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dsp.stems.bus_readings import BusReadings
from dsp.stems.model import Stems
from dsp.stems.stem_lag import Lag, together
from dsp.stems.stem_match import Fit, View, fits, views
from dsp.units import Curve, from_power_db

Kind = Literal[
    "silent",
    "late",
    "same",
    "bus",
    "level",
    "polarity",
    "absent",
    "delay",
    "equaliser",
    "several",
    "otherwise",
    "missing",
]
#: The bus explains the difference where no more than this is left of the mix, and so much less than before (dB):
#: equalisers and dynamics leave -35 to -60, stems at other levels -25 and more (measured; our judgement).
EXPLAINED_DB, IMPROVED_DB = -24.0, 6.0
#: Where no stem explains it better, the bus may leave this much (dB): channels compressed apart, deep saturation.
AT_LAST_DB = -15.0
#: One stem explains it where it leaves this share of what is left without it; where it at least has to do with it, and
#: the share that all others must then leave (our judgement: a fault of one stem leaves less than a hundredth).
SETTLED, SETTLED_BANDS, RELATED, UNRELATED = 0.16, 0.25, 0.55, 0.8
#: A level alone does, where it leaves no more than this times what a filter leaves.
NEARLY = 1.3
#: A stem explains better than the bus where it leaves this share of what that does.
BETTER = 0.25
#: A delay below this many samples is not spoken of; how many stems are tried for one.
LEAST_SAMPLES, MOST_TRIED = 1.0, 3
#: A change of this or less of a stem's level counts as absent; stems at other levels by this (dB).
ABSENT, LEVEL_DB = 0.1, 1.0


@dataclass(frozen=True)
class Verdict:
    """What came of it: `fit` of the stem where it is one, `lag` where that is late, `levels` where it is several."""

    kind: Kind
    fit: Fit | None = None
    lag: Lag | None = None
    levels: tuple[tuple[str, float], ...] = ()
    view: View | None = None  #: the simplest view of the bus, for what is left where

    @property
    def stems(self) -> tuple[str, ...]:
        """Those it is about."""
        if self.levels:
            return tuple(name for name, _ in self.levels)
        return (self.fit.stem,) if self.fit else ()


def verdict(stems: Stems, bus: BusReadings, same_db: float) -> Verdict:
    """Judge; `same_db` is what may be left of the mix beside the sum at one gain."""
    if bus.left is None or bus.left.given_db is None or bus.left.explained_db is None:
        return Verdict("silent" if bus.delay_samples is None else "late")
    if bus.left.given_db <= same_db:
        return Verdict("same")
    seen = list(views(stems, bus))
    flat = min((v for v in seen if not v.equalised), key=lambda v: v.share)
    found = [f for v in seen for f in fits(stems, v)]
    base = min(v.share for v in seen)
    gain = min(found, key=lambda f: f.left)
    improved = bus.left.explained_db <= bus.left.given_db - IMPROVED_DB
    explained = improved and bus.left.explained_db <= max(EXPLAINED_DB, same_db)
    bound = min(base, from_power_db(bus.left.explained_db)) * BETTER if explained else base * SETTLED
    if gain.left <= bound and len(stems.sounding) > 1:
        return _by_gain(gain, flat)
    if explained:
        return Verdict("bus", view=flat)
    other = _otherwise(stems, found, base, flat)
    if not other.stems and improved and bus.left.explained_db <= AT_LAST_DB:
        return Verdict("bus", view=flat)
    return other


def _by_gain(fit: Fit, flat: View) -> Verdict:
    if abs(fit.change) <= ABSENT:
        return Verdict("absent", fit, view=flat)
    return Verdict("polarity" if fit.change < 0 else "level", fit, view=flat)


def _otherwise(stems: Stems, found: list[Fit], base: float, flat: View) -> Verdict:
    """What needs more than one number: a delay, an equaliser, several stems."""
    best: dict[str, Fit] = {}
    for f in found:
        if f.stem not in best or f.bands_left < best[f.stem].bands_left:
            best[f.stem] = f
    ranked = sorted(best.values(), key=lambda f: f.bands_left)
    first = ranked[0]
    heard = together(stems, first, [f.stem for f in ranked[:MOST_TRIED]])
    nearest = min(heard.lags, key=lambda x: x.left, default=None)
    if nearest is not None:
        fit = best[nearest.stem]
        by_bands = fit.bands_left / max(fit.before, 1e-30)
        if abs(nearest.samples) >= LEAST_SAMPLES and nearest.left <= min(SETTLED, 2.0 * by_bands):
            return Verdict("delay", fit, nearest, view=flat)
    level = min((f for f in found if f.stem == first.stem), key=lambda f: f.left)
    by_level = level.left <= NEARLY * first.bands_left
    if first.bands_left <= SETTLED_BANDS * base:
        return _by_gain(level, flat) if by_level else Verdict("equaliser", first, view=flat)
    if heard.left <= SETTLED:
        off = {s: c for s, (c, e) in heard.levels.items() if abs(level_db(c)) > LEVEL_DB and abs(c - 1.0) > 4.0 * e}
        if off:
            power = {s.name: float(s.readings.power.sum()) for s in stems.sounding}
            order = sorted(off, key=lambda s: -((off[s] - 1.0) ** 2) * power[s])
            return Verdict("several", levels=tuple((s, off[s]) for s in order), view=flat)
    second = ranked[1].bands_left if len(ranked) > 1 else base
    if first.bands_left <= RELATED * base and second >= UNRELATED * base:
        return _by_gain(level, flat) if by_level else Verdict("otherwise", first, view=flat)
    return Verdict("missing", view=flat)


def level_db(change: float) -> float:
    """A change of level in dB, bounded."""
    return float(20.0 * np.log10(max(abs(change), 1e-4)))


def left_by_band(view: View) -> Curve:
    """Power that a view of the bus leaves in every third octave, (bands,)."""
    return np.asarray(view.left.sum(axis=0, dtype=np.float64))
