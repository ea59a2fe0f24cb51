"""What brings a region that stands out of its genre's spread back inside: bands on the stems that make it, or the mix.

An average is no target. A region is corrected only where nine in ten songs of the genre lie nearer to the average, and
then only as far as the tolerance; what is missing is lifted only where the diagnosis proposes that, which it does for a
genre that somebody named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from dsp.correction.fit import Effect, Wanted, direct, fit
from dsp.findings import EqMove, Finding
from dsp.listening.causes_trace import BUS
from dsp.listening.tonal import SMOOTHING, compare
from dsp.meters.cutoff import find_cutoff
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.attribution import Mask, Parts, parts, predicted
from dsp.units import SILENCE_POWER, Curve, power_db_curve

#: A region is corrected from this many spreads on: of a normal distribution a tenth lies beyond 1.645 (two-sided).
OUTSIDE: Final = 1.645
#: It is brought to this many: just within one, which is where the diagnosis stops to mention it.
AIM: Final = 0.95
#: Stems with this part of the share of the first are moved with it, by the same bands.
PART_OF_FIRST: Final = 0.5
MIX: Final = "mix"


def genre_moves(
    mix: Mix, findings: Sequence[Finding], profile: Profile, limit_db: Callable[[str], float], *, at_mix: bool = False
) -> tuple[EqMove, ...]:
    """Bands for the findings of the check frequency-balance, on the stems that cause them, or on the mix."""
    cutoff = find_cutoff(mix.readings.gram)
    balance = compare(mix.spectrum, mix.readings.gram.band_hz, profile.genre, cutoff.frequency_hz if cutoff else None)
    judged = balance.judged
    deviation = np.where(judged, np.nan_to_num(balance.smooth_db), 0.0)
    of = parts(mix.stems, mix.loud_frames if mix.loud_frames.any() else None) if mix.stems else None
    moves: tuple[EqMove, ...] = ()
    for finding in findings:
        band_hz = _region(finding)
        if band_hz is None:
            continue
        flagged = judged & (balance.band_hz >= band_hz[0]) & (balance.band_hz <= band_hz[1])
        inside = np.clip(deviation, -AIM * balance.sigma_db, AIM * balance.sigma_db)
        wanted = Wanted(balance.band_hz, np.where(flagged, deviation, inside), balance.sigma_db, judged, AIM)
        if at_mix:
            targets, effect = [MIX], _smoothed(direct(balance.band_hz), judged)
        elif of is not None:
            targets = _targets(finding, of)
            effect = _smoothed(_at_stems(of, targets), judged)
        else:
            continue
        if targets:
            made = fit(wanted, targets[0], limit_db(targets[0]), effect)
            moves += tuple(replace(m, target=t) for t in targets for m in made)
    return moves


def _region(finding: Finding) -> tuple[float, float] | None:
    """The range that is to be corrected, None where it is left alone."""
    size = next((m for m in finding.evidence if m.name == "deviation_sigma" and m.band_hz), None)
    if size is None or size.value is None or abs(size.value) < OUTSIDE:
        return None
    return size.band_hz if any(isinstance(m, EqMove) for m in finding.fixes) else None


def _targets(finding: Finding, of: Parts) -> list[str]:
    """The stems that make a region stand out; none where the bus does."""
    causes = [c for c in finding.cause if c.share]
    if not causes or causes[0].stem == BUS:
        return []
    first = causes[0].share or 0.0
    names = {s.name for s in of.stems}
    return [c.stem for c in causes if c.stem in names and (c.share or 0.0) >= PART_OF_FIRST * first]


def _at_stems(of: Parts, targets: Sequence[str]) -> Effect:
    """What bands put on all of some stems do to the mix."""

    def effect(moves: Sequence[EqMove]) -> Curve:
        after = predicted(of, [replace(m, target=t) for t in targets for m in moves])
        sounds = of.whole > SILENCE_POWER
        ratio = np.where(sounds, np.maximum(after, SILENCE_POWER) / np.where(sounds, of.whole, 1.0), 1.0)
        return power_db_curve(ratio)

    return effect


def _smoothed(effect: Effect, judged: Mask) -> Effect:
    """The same over half an octave of judged bands, as the deviation is."""
    weight = np.convolve(judged.astype(float), SMOOTHING, "same")

    def smooth(moves: Sequence[EqMove]) -> Curve:
        total = np.convolve(np.where(judged, effect(moves)[: len(judged)], 0.0), SMOOTHING, "same")
        return np.where(judged, total / np.where(judged, weight, 1.0), 0.0)

    return smooth
