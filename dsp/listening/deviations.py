"""Where a spectrum leaves another one: stretches of third octaves, what people call them, and a move for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.findings import Advice, EqMove, Fix
from dsp.meters.bands import NOMINAL_HZ
from dsp.regions import REGIONS
from dsp.units import Curve

#: Half a third octave as a ratio.
EDGE = 10.0 ** (1 / 20)
#: Outside these (Hz) songs differ most: the key and the arrangement decide, not the balance. Elowsson and
#: Friberg 2017: spread is smallest from 200 Hz to 1 kHz and largest at the ends (10 dB in the bass).
ENDS_HZ = (90.0, 9_000.0)
#: A bus move is made between these (Hz): below, kick and bass decide; boosts are bells up to 10 kHz.
LOWEST_MOVE_HZ, HIGHEST_BOOST_HZ = 80.0, 10_000.0
#: A cut of everything from here (Hz) up is a shelf.
SHELF_FROM_HZ = 1_500.0
#: Limits of the quality of a bell: broad on a bus, broader for boosts.
LEAST_Q, MOST_Q, MOST_BOOST_Q = 0.5, 2.0, 1.4
#: What is missing by more than this was never played: no equaliser brings it back.
NOT_THERE_DB = -10.0


@dataclass(frozen=True)
class Deviation:
    """A stretch that is louder (positive) or softer than in the reference.

    `low_hz` and `high_hz` are the outer edges of its third octaves; `mean_db` is the mean over them,
    `peak_db` the difference of the one that deviates most, at `peak_hz`. `octaves` is the width at half of
    the peak, `excess` by how many times it passes its limit. `to_the_top`: it runs to the highest band compared.
    """

    label: str  #: the region it lies in, or the first and the last of several
    low_hz: float
    high_hz: float
    peak_hz: float
    mean_db: float
    peak_db: float
    octaves: float
    excess: float
    to_the_top: bool


def smoothed(difference_db: Curve) -> Curve:
    """Each band with its neighbours, weights 1-2-1, over those that were compared: about an octave wide."""
    known = np.isfinite(difference_db)
    weights = np.convolve(np.pad(known.astype(float), 1), (0.25, 0.5, 0.25), "valid")
    sums = np.convolve(np.pad(np.where(known, difference_db, 0.0), 1), (0.25, 0.5, 0.25), "valid")
    return np.where(known, sums / np.maximum(weights, 0.25), np.nan)


def deviations(
    band_hz: Curve, difference_db: Curve, spread_db: Curve, limit_db: float, ends_factor: float
) -> tuple[Deviation, ...]:
    """Stretches whose smoothed difference passes the limit, and the spread of the references; worst first.

    Outside `ENDS_HZ` the limit is `ends_factor` times as high.
    """
    curve = smoothed(difference_db)
    limit = np.where((band_hz < ENDS_HZ[0]) | (band_hz > ENDS_HZ[1]), limit_db * ends_factor, limit_db)
    limit = np.fmax(limit, spread_db)
    sign = np.where(np.abs(np.nan_to_num(curve)) >= limit, np.sign(np.nan_to_num(curve)), 0.0)
    found = []
    start = 0
    for end in range(1, len(sign) + 1):
        if end < len(sign) and sign[end] == sign[start]:
            continue
        if sign[start]:
            found.append(_deviation(band_hz, difference_db, curve, limit, slice(start, end)))
        start = end
    return tuple(sorted(found, key=lambda d: -d.excess))


def _deviation(band_hz: Curve, difference_db: Curve, curve: Curve, limit: Curve, run: slice) -> Deviation:
    at = run.start + int(np.abs(curve[run]).argmax())
    half = np.sign(curve[at]) * np.nan_to_num(curve) >= abs(curve[at]) / 2.0
    low = high = at
    while low > 0 and half[low - 1]:
        low -= 1
    while high + 1 < len(half) and half[high + 1]:
        high += 1
    last = int(np.flatnonzero(np.isfinite(curve))[-1])
    names = [r.label for r in REGIONS if r.of(band_hz[run]).any()]
    return Deviation(
        label=names[0] if len(names) == 1 else (" and " if len(names) == 2 else " to ").join((names[0], names[-1])),
        low_hz=float(band_hz[run][0] / EDGE),
        high_hz=float(band_hz[run][-1] * EDGE),
        peak_hz=float(NOMINAL_HZ[at]),
        mean_db=float(difference_db[run].mean()),
        peak_db=float(difference_db[at]),
        octaves=(high - low + 1) / 3.0,
        excess=float((np.abs(curve[run]) / limit[run]).max()),
        to_the_top=run.stop - 1 == last,
    )


def moves(deviation: Deviation, strength: float, most_db: float) -> tuple[Fix, ...]:
    """A moderate move on the mix towards the reference, or what to do where no equaliser should."""
    d = deviation
    louder = "down" if d.mean_db > 0 else "up"
    if d.high_hz <= LOWEST_MOVE_HZ * EDGE:  # not even the band at 80 Hz belongs to it
        text = f"Turn the kick or the bass {louder} a little, not the bus; the key of the song decides much down there."
        return (Advice(text),)
    if d.mean_db < NOT_THERE_DB:
        return (Advice(f"Bring up or add what plays from {hertz(d.low_hz)} to {hertz(d.high_hz)}: EQ cannot lift it."),)
    gain_db = round(2.0 * float(np.clip(-strength * d.mean_db, -most_db, most_db))) / 2.0
    if d.to_the_top and gain_db < 0.0 and d.low_hz >= SHELF_FROM_HZ:
        return (EqMove("mix", "high-shelf", float(round(d.low_hz, -2)), gain_db, 0.7),)
    centre = float(np.sqrt(max(d.low_hz, LOWEST_MOVE_HZ) * d.high_hz))
    if gain_db > 0.0:
        centre = min(centre, HIGHEST_BOOST_HZ)
    ratio = 2.0**d.octaves
    q = float(np.clip(np.sqrt(ratio) / (ratio - 1.0), LEAST_Q, MOST_BOOST_Q if gain_db > 0.0 else MOST_Q))
    return (EqMove("mix", "bell", float(f"{centre:.2g}"), gain_db, round(q, 1)),)


def hertz(frequency_hz: float, digits: int = 2) -> str:
    """A frequency in two digits, as people say it; nominal bands need three.

    >>> hertz(223.9), hertz(14125.4), hertz(12500.0, 3)
    ('220 Hz', '14 kHz', '12.5 kHz')
    """
    rounded = float(f"{frequency_hz:.{digits}g}")
    return f"{rounded:g} Hz" if rounded < 1_000.0 else f"{rounded / 1_000.0:g} kHz"
