"""Rumble: what a stem carries below its own range, told from its notes, and what a high-pass would give back.

Traffic, footfall, a hand on the microphone and hum go on while nobody plays, so the low end of the rests tells them.
Where there are no rests it is what lies below every note the instrument has and either does not care about the notes
(as strong in their dips as on top of them) or rises towards 0 Hz, as plosives do and no note does. What the other
tracks play into an open microphone is bleed, not rumble: it is coherent with them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.meters.spectrum import BandGram, FineSpectra
from dsp.stems.high_pass import low_passed
from dsp.stems.model import SUM, Stem, Stems
from dsp.units import Curve, power_db, power_db_curve

#: Rumble is counted from this bin up (10 Hz): below lies drift, which the check of the offset names.
FIRST_BIN = 4
#: A stem plays within this of its loud half seconds (95th percentile), and rests this far below them (dB).
PLAYS_DB, RESTS_DB = -25.0, -40.0
#: Half seconds of rest, or of playing, that allow a verdict.
LEAST_RESTS, LEAST_PLAYED = 4, 12
#: Whether a stem plays is seen this many times above its lowest note and its corner, clear of the flank of any rumble;
#: a stem with less than this up there (dB below all of it) is not judged.
OWN_FACTOR, OWN_DB = 3.0, -40.0
#: Below every note: a minor third under the lowest one, clear of its flank.
BELOW_FACTOR = 0.84
#: A high-pass stays so far below the lowest partial that this loses half a decibel.
CORNER_FACTOR = 1.7
#: The lowest partial is where this share of the own power has been gathered, from below.
LOWEST_SHARE = 0.01
#: Rumble weaker than this against the stem gives no headroom back (dB).
WEAK_DB = -30.0
#: Dips and tops are this share of the frames; they must differ by `DIP_DB`, and the low end by no more than `EVEN_DB`.
DIP_SHARE, DIP_DB, EVEN_DB = 0.25, 6.0, -3.0
#: Twice the density in the lower half (in octaves): rising towards 0 Hz.
RISING = 2.0
#: Coherent power, or correlation of levels, with the other tracks from which on the low end is bleed.
BLEED_COHERENCE, BLEED_CORRELATION = 0.3, 0.6
#: Its source has at least so many times the power there; microphones that share a floor have about the same.
BLEED_SOURCE = 4.0
#: Lowest corner (Hz): below, no filter of a channel strip reaches.
LEAST_CORNER_HZ = 20.0
#: Mains frequencies (Hz), and the share of the rumble within two bins of one that makes it hum.
MAINS_HZ, HUM_SHARE = (50.0, 60.0), 0.7


@dataclass(frozen=True)
class Rumble:
    """What was found in a stem. `kind` is "rests" (it goes on while the stem rests) or "under" (below its notes)."""

    kind: str
    corner_hz: float
    level_dbfs: float  #: RMS of what lies below the corner while it sounds
    at_s: tuple[float, float]  #: the half second where it is strongest
    lowest_hz: float  #: the lowest partial of the stem, as played or as the instrument allows
    hum_hz: float | None  #: where it is mains hum


def find(stems: Stems, stem: Stem, lowest_hz: float | None, corner_hz: float) -> Rumble | None:
    """Rumble of a stem, for a corner of at most `corner_hz`; `lowest_hz` is the lowest note of its role, if known."""
    gram, fine = stem.readings.gram, stem.readings.gram.fine
    low = np.asarray(fine.low, dtype=np.float64)
    if len(low) < LEAST_RESTS:
        return None
    own = _per_block(gram, OWN_FACTOR * max(corner_hz, lowest_hz or 0.0))
    top = float(np.percentile(own[own > 0.0], 95)) if (own > 0.0).any() else 0.0
    if top <= _loudest(gram) * 10.0 ** (OWN_DB / 10.0):
        return None
    plays = own > top * 10.0 ** (PLAYS_DB / 10.0)
    rests = own < top * 10.0 ** (RESTS_DB / 10.0)
    rests &= np.roll(rests, 1) & np.roll(rests, -1)  # notes ring on
    hz = np.arange(low.shape[1]) * fine.low_hz
    played, rested = (low[w].mean(axis=0) if w.any() else np.zeros(len(hz)) for w in (plays, rests))
    enough = int(rests.sum()) >= LEAST_RESTS
    lowest = _lowest_partial(hz, played - 1.5 * rested, float(own[plays].mean()), lowest_hz or 0.0, enough)
    if lowest is None:
        return None
    corner = float(np.floor(min(corner_hz, lowest / CORNER_FACTOR)))
    if corner < LEAST_CORNER_HZ:
        return None
    below = (hz <= corner) & (np.arange(len(hz)) >= FIRST_BIN)
    weak = float(gram.power.mean(axis=1).sum(axis=1).mean()) * 10.0 ** (WEAK_DB / 10.0)
    found: tuple[str, Curve, npt.NDArray[np.bool_]] | None = None
    if enough and rested[below].sum() > weak and not _bleed(stems, stem, rests, fine, corner):
        found = "rests", rested, rests
    elif lowest_hz is not None and plays.sum() >= LEAST_PLAYED:
        under = below & (hz < BELOW_FACTOR * lowest_hz)
        bled = played[under].sum() <= weak or _bleed(stems, stem, plays, fine, corner)
        if not bled and _is_under(stem, hz, played, under):
            found, below = ("under", played, plays), under
    if found is None:
        return None
    kind, spectrum, when = found
    power = float(spectrum[below].sum())
    worst = int(np.where(when, low[:, below].sum(axis=1), 0.0).argmax())
    start = float(fine.low_s[worst])
    hum = [m for m in MAINS_HZ if spectrum[below & (np.abs(hz - m) <= 2 * fine.low_hz)].sum() > HUM_SHARE * power]
    return Rumble(kind, corner, power_db(power), (start, start + 0.5), lowest, hum[0] if hum else None)


def _per_block(gram: BandGram, from_hz: float) -> Curve:
    """Power from a frequency up in the half seconds of the fine spectra."""
    own = gram.power[:, :, gram.band_hz >= from_hz].mean(axis=1).sum(axis=1, dtype=np.float64)
    starts = np.minimum(np.round(gram.fine.low_s / gram.frame_s).astype(np.int64), len(own) - 1)
    return np.asarray(np.add.reduceat(own, starts) / np.diff(np.append(starts, len(own))))


def _loudest(gram: BandGram) -> float:
    """Power of the loud frames (95th percentile), all bands together."""
    return float(np.percentile(gram.power.mean(axis=1).sum(axis=1), 95))


def _lowest_partial(hz: Curve, own: Curve, above: float, known_hz: float, rested: bool) -> float | None:
    """Where a stem begins: its lowest partial, or the lowest note of its role where nothing lower is played.

    `own` is its spectrum free of what goes on in rests; without any, and without a role, nothing can be told.
    """
    if not rested and not known_hz:
        return None
    own = np.where(hz >= max(0.9 * known_hz, 10.0), np.maximum(own, 0.0), 0.0)
    total = max(float(own.sum()), above)
    reached = np.flatnonzero(np.cumsum(own) >= LOWEST_SHARE * total)
    return max(float(hz[reached[0]]) if len(reached) else float(hz[-1]), known_hz)


def _is_under(stem: Stem, hz: Curve, spectrum: Curve, under: npt.NDArray[np.bool_]) -> bool:
    """Whether what lies below all notes is none of them: as strong in their dips, or rising towards 0 Hz."""
    inside = np.flatnonzero(under)
    if len(inside) < 3:
        return False
    middle = np.sqrt(hz[inside[0]] * hz[inside[-1]])
    lower, upper = inside[hz[inside] <= middle], inside[hz[inside] > middle]
    if len(upper) and spectrum[lower].mean() >= RISING * spectrum[upper].mean():
        return True
    gram, sketch = stem.readings.gram, stem.readings.sketch
    low = low_passed(sketch, float(hz[inside[-1]]))
    at_s = sketch.start_s[:, None] + np.arange(sketch.samples.shape[2]) / sketch.rate_hz
    at = np.round(at_s.ravel() / gram.frame_s).astype(np.int64)
    frames = len(gram.data)
    good = (at >= 0) & (at < frames)
    size = (low**2).mean(axis=0)
    sums = np.bincount(at[good], weights=size[good], minlength=frames)
    counts = np.bincount(at[good], minlength=frames)
    own = gram.power.mean(axis=1)[:, gram.band_hz > OWN_FACTOR * hz[inside[-1]]].sum(axis=1, dtype=np.float64)
    sounding = (counts > 0) & (own > np.percentile(own, 95) * 10.0 ** (RESTS_DB / 10.0))
    if sounding.sum() < 8 * LEAST_PLAYED:
        return False
    own, level = own[sounding], sums[sounding] / counts[sounding]
    dips, tops = own <= np.quantile(own, DIP_SHARE), own >= np.quantile(own, 1.0 - DIP_SHARE)
    if power_db(float(own[tops].mean() / max(own[dips].mean(), 1e-20))) < DIP_DB or level[tops].mean() <= 0.0:
        return False
    return power_db(float(level[dips].mean() / level[tops].mean())) >= EVEN_DB


def _bleed(stems: Stems, stem: Stem, when: npt.NDArray[np.bool_], fine: FineSpectra, corner_hz: float) -> bool:
    """Whether the low end is what other tracks play: coherent with them, or loud when they are."""
    bands = (stems.band_hz <= corner_hz) & (stems.band_hz > 0.0)
    if not bands.any():
        return False
    starts = np.round(fine.low_s / stems.frame_s).astype(np.int64)
    frames = np.zeros(len(stems.sum_power), dtype=bool)
    for start, end, chosen in zip(starts, np.append(starts[1:], len(frames)), when, strict=True):
        frames[start:end] = chosen
    power = stem.readings.power[frames][:, bands].astype(np.float64)
    cross = stem.readings.cross[frames][:, SUM][:, :, bands].astype(np.float64)
    rest = np.maximum(stems.sum_power[frames][:, bands] - 2.0 * cross[:, 0] + power, 0.0)
    shared = (cross[:, 0] - power).sum(axis=0) ** 2 + cross[:, 1].sum(axis=0) ** 2
    both = power.sum(axis=0) * rest.sum(axis=0)
    loudest = max((float(s.readings.power[frames][:, bands].sum()) for s in stems.stems if s is not stem), default=0.0)
    if loudest < BLEED_SOURCE * float(power.sum()) or not (both > 0.0).any():
        return False
    coherence = np.divide(shared, both, out=np.zeros_like(both), where=both > 0.0)
    if float(np.average(coherence, weights=power.sum(axis=0))) > BLEED_COHERENCE:
        return True
    levels = [power_db_curve(p.sum(axis=1) + 1e-12) for p in (power, rest)]
    return min(x.std() for x in levels) > 1.0 and float(np.corrcoef(levels[0], levels[1])[0, 1]) > BLEED_CORRELATION
