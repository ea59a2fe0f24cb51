"""The stems' parts of a difference between two versions of a mix: found one after another, each fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dsp.stems.change_fit import ENOUGH, Fit, fit, fit_delay
from dsp.stems.model import FIRST_REFERENCE, MIX, Stems
from dsp.stems.version_bus import OverTime, over_time
from dsp.stems.version_search import Search
from dsp.stems.version_sums import Complex, Sums
from dsp.units import Curve

#: A stem has a part in the difference with this share of it or more; the search ends where so little is left.
LEAST_SHARE: Final = 0.04
ENOUGH_LEFT: Final = 0.05
MOST_PARTS: Final = 6
#: How much of what no stem explains counts as noise in the ratios that are fitted: it is spread over many frames.
NOISE: Final = 0.3
#: A delay whose ratio is explained but for this share may keep what it no longer coheres with.
DELAYED: Final = 0.15
#: A delay found again more precisely is of the same level within this (dB), or it is another one.
SAME_DB: Final = 3.0
#: A gain over time is what was done where a constant change leaves this many times more.
RIDE_BETTER: Final = 2.0
#: Windows (s) of gains over time, and of which those are told in which most of a change is heard, how far below the
#: strongest (power ratio), and how many.
SPAN_S, HEARD, MOST_SPANS = 2.0, 0.25, 6


@dataclass(frozen=True)
class Part:
    """A stem in a difference: `response` is its complex factor per band, `energy` what it makes of it (weighted)."""

    index: int
    response: Complex
    energy: float
    fit: Fit
    curve_db: Curve
    ride: OverTime | None


def parts(stems: Stems, k: int, sums: Sums, gain: float) -> list[Part]:
    """The stems that make a difference, found by how much of what is left each explains."""
    total = float(sums.weight @ sums.difference(gain))
    search = Search(stems, k, sums, gain)
    chosen: list[int] = []
    response: Complex = np.zeros((0, len(sums.band_hz)), np.complex128)
    energy: Curve = np.zeros(0)
    left = total
    own: dict[int, float] = {}
    rides: dict[int, tuple[OverTime, float]] = {}
    while len(chosen) < min(MOST_PARTS, len(sums.stems)) and left > ENOUGH_LEFT * total:
        explains = search.explained(chosen, response)
        best = int(explains.argmax())
        if explains[best] < LEAST_SHARE * total:
            break
        chosen.append(best)
        response, energy = search.solved(chosen)
        left = total - float(energy.sum()) - sum(own.values())
        if left > ENOUGH_LEFT * total:
            own[best] = _own(search, sums, chosen, response)
            ride, moved = _ride(stems, k, sums, best, gain)
            if ride and left - own[best] > RIDE_BETTER * (left + energy[-1] - moved):
                rides[best], own[best] = (ride, moved), moved - float(energy[-1])
            left -= own[best]
    if not chosen:
        return []
    noise = NOISE * max(left, 0.0)
    out = []
    for a, (i, transfer) in enumerate(zip(chosen, search.transfers(chosen, response, noise), strict=True)):
        fitted = fit(transfer)
        if fitted.kind == "delay":
            precise = search.retimed(i, chosen, fitted)
            sure = precise.left <= ENOUGH and abs(precise.gain_db - fitted.gain_db) < SAME_DB
            fitted = precise if sure else fitted
        ratio = np.abs(1.0 - response[a] / search.bus)
        curve = np.where(search.sounds[i], -20.0 * np.log10(np.maximum(ratio, 1e-6)), np.nan)
        ride = rides[i][0] if i in rides else None
        out.append(Part(i, response[a], float(energy[a]) + own.get(i, 0.0), fitted, curve, ride))
    return out


def _own(search: Search, sums: Sums, chosen: list[int], response: Complex) -> float:
    """What the last of the chosen stems has in the difference beyond what coheres with it, because it was delayed."""
    i, last = chosen[-1], response[-1]
    found = fit_delay(search.transfers(chosen, response, 0.0)[-1])
    if found.left > 2.0 * DELAYED:
        return 0.0
    found = search.retimed(i, chosen, found)
    if found.left > DELAYED:
        return 0.0
    missing = np.maximum(10.0 ** (-found.gain_db / 10.0) - np.abs(1.0 - last / search.bus) ** 2, 0.0)
    return float(sums.weight @ np.where(search.sounds[i], missing * np.abs(search.bus) ** 2 * sums.stem[i], 0.0))


def _ride(stems: Stems, k: int, sums: Sums, i: int, gain: float) -> tuple[OverTime | None, float]:
    """A stem's gain over time, from its factor in the difference window by window, and what that explains."""
    readings, n = sums.stems[i].readings, sums.frames
    cross = (readings.cross[:n, MIX, 0] - gain * readings.cross[:n, FIRST_REFERENCE + k, 0]) @ sums.weight
    power = readings.power[:n] @ sums.weight
    starts = np.arange(0, n, max(1, round(SPAN_S / stems.frame_s)))
    cross, power = np.add.reduceat(cross, starts), np.add.reduceat(power, starts)
    factor = np.where(power > 0.0, cross / np.maximum(power, 1e-30), 0.0)
    bus = float(sums.weight @ sums.sm.real) / max(float(sums.weight @ sums.sum), 1e-30) if not stems.summed else 1.0
    was = 1.0 - factor / (bus if abs(bus) > 1e-3 else 1.0)
    gains = np.where(was > 1e-3, 1.0 / np.maximum(was, 1e-3), 0.0)
    return over_time(gains, 1.0, power, SPAN_S), float((factor * cross).sum())


def effect_db(sums: Sums, part: Part, alone: Curve | None) -> Curve:
    """How much more power the mix has per band with a change than without, NaN where it does not sound.

    `alone` is the power of the reference where nothing else changed.
    """
    ms, power = sums.ms[part.index], sums.stem[part.index]
    without = sums.mix - 2.0 * (part.response.conj() * ms).real + np.abs(part.response) ** 2 * power
    without = alone if alone is not None else without
    heard = sums.weight > 0.0
    least = np.maximum(without, 1e-3 * sums.mix)
    return np.where(heard, 10.0 * np.log10(np.where(heard, sums.mix, 1.0) / np.where(heard, least, 1.0)), np.nan)


def spans(stems: Stems, sums: Sums, power: Curve) -> tuple[tuple[float, float], ...]:
    """Where a part with this power per frame is strongest, in stretches of two seconds, joined."""
    size = max(1, round(SPAN_S / stems.frame_s))
    starts = np.arange(0, len(power), size)
    if not len(starts):
        return ()
    level = np.add.reduceat(power, starts)
    strong = np.flatnonzero(level >= HEARD * level.max())
    end_s = sums.frames * stems.frame_s
    joined: list[tuple[float, float]] = []
    for row in strong:
        start, stop = float(starts[row] * stems.frame_s), float(min((starts[row] + size) * stems.frame_s, end_s))
        if joined and start <= joined[-1][1] + 1e-9:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    strongest = sorted(joined, key=lambda s: s[0] - s[1])[:MOST_SPANS]
    return tuple(sorted(strongest))
