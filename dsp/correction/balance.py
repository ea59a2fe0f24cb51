"""What brings a region that stands out of its genre's spread back inside: bands on the stems that make it, or the mix.

An average is no target. A region is corrected only where nine in ten songs of the genre lie nearer to the average, and
then only as far as the tolerance; what is missing is lifted only where the diagnosis proposes that, which it does for a
genre that somebody named.

The stems that make a region are moved first, the others named for it where the limits of these do not suffice. What the
bus makes is left to the bus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from dsp.correction.correction import MIX
from dsp.correction.fit import Wanted, direct, fit
from dsp.findings import EqMove, Finding
from dsp.listening.causes_trace import BUS
from dsp.listening.tonal import MATCH_HZ, SMOOTHING, TonalBalance, compare, level_match
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
#: What a region may stay at where more would have to be moved: midway from there to where the diagnosis warns.
ENOUGH: Final = 1.25
#: The narrowest band, three quarters of an octave, as the diagnosis proposes it: of what is smoothed over half an
#: octave nothing narrower can be known.
MOST_Q: Final = 2.0
Moves: TypeAlias = tuple[EqMove, ...]
Band: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class After:
    """A mix and what moves on its stems and on "mix" do to its balance; without stems only the latter do anything."""

    balance: TonalBalance
    of: Parts | None

    def __call__(self, moves: Sequence[EqMove]) -> Curve:
        """What the deviation changes by (dB by band, 0 where nothing is judged), smoothed and its level matched again.

        A cut within the range the level is matched over lowers the level, so everything else stands out more.
        """
        b = self.balance
        raw = np.where(b.present, self._raw(moves)[: len(b.present)], 0.0)
        match = b.present & (b.band_hz > 0.99 * MATCH_HZ[0]) & (b.band_hz < 1.01 * MATCH_HZ[1])
        difference = np.nan_to_num(b.deviation_db) + raw
        raw = np.where(b.present, raw - level_match(difference[match], b.genre.sigma_at(b.band_hz)[match]), 0.0)
        weight = np.convolve(b.present.astype(float), SMOOTHING, "same")
        return np.where(b.judged, np.convolve(raw, SMOOTHING, "same") / np.where(b.judged, weight, 1.0), 0.0)

    def _raw(self, moves: Sequence[EqMove]) -> Curve:
        at_mix = direct(self.balance.band_hz)([m for m in moves if m.target == MIX])
        if self.of is None or all(m.target == MIX for m in moves):
            return at_mix
        whole = self.of.whole
        sounds = whole > SILENCE_POWER
        ratio = np.where(sounds, predicted(self.of, moves), 1.0) / np.where(sounds, whole, 1.0)
        at_stems = power_db_curve(np.maximum(ratio, SILENCE_POWER))
        return at_stems[: len(at_mix)] + at_mix[: len(at_stems)]


def genre_moves(
    mix: Mix,
    findings: Sequence[Finding],
    profile: Profile,
    limit_db: Callable[[str], float],
    *,
    at_mix: bool = False,
) -> Moves:
    """Bands for the findings of the check frequency-balance, on the stems that cause them, or on the mix.

    `limit_db` is the most that is done to a target.
    """
    cutoff = find_cutoff(mix.readings.gram)
    balance = compare(mix.spectrum, mix.readings.gram.band_hz, profile.genre, cutoff.frequency_hz if cutoff else None)
    of = _in_mix(parts(mix.stems, mix.loud_frames if mix.loud_frames.any() else None)) if mix.stems else None
    after = After(balance, of)
    moves: Moves = ()
    for finding in findings:
        band_hz = _region(finding)
        if band_hz is None:
            continue
        for targets in [[MIX]] if at_mix else _turns(finding, of):
            if _left(after, band_hz, moves) > ENOUGH:
                moves += _fitted(after, band_hz, moves, targets, min(limit_db(t) for t in targets))
    return moves


def _in_mix(of: Parts) -> Parts:
    """Stems as parts of the mix: what is changed of them is added after the bus, without what that does to bands."""
    if of.fitted:
        return of
    gain = 10.0 ** (of.bus_db / 20.0)
    return replace(of, cross=of.cross / gain, power=of.power / gain**2)


def _region(finding: Finding) -> tuple[float, float] | None:
    """The range that is to be corrected, None where it is left alone."""
    size = next((m for m in finding.evidence if m.name == "deviation_sigma" and m.band_hz), None)
    if size is None or size.value is None or abs(size.value) < OUTSIDE:
        return None
    return size.band_hz if any(isinstance(m, EqMove) for m in finding.fixes) else None


def _turns(finding: Finding, of: Parts | None) -> list[list[str]]:
    """Stems to be moved alike, then more of them where that does not suffice; none where the bus is the cause."""
    causes = [c for c in finding.cause if c.share]
    if of is None or not causes or causes[0].stem == BUS:
        return []
    names = [s.name for s in of.stems]
    least = PART_OF_FIRST * (causes[0].share or 0.0)
    stems = [c for c in causes if c.stem in names]
    first = [c.stem for c in stems if (c.share or 0.0) >= least]
    return [turn for turn in (first, [c.stem for c in stems if c.stem not in first]) if turn]


def _fitted(after: After, band_hz: Band, made: Moves, targets: Sequence[str], most_db: float) -> Moves:
    """The same bands on some targets that bring a region inside, after other moves."""
    before = after(made)

    def placed(bands: Sequence[EqMove]) -> Moves:
        return tuple(replace(m, target=t) for t in targets for m in bands)

    def effect(bands: Sequence[EqMove]) -> Curve:
        return after(made + placed(bands)) - before

    wanted = _wanted(after.balance, band_hz, before)
    return placed(fit(wanted, targets[0], most_db, effect))


def _wanted(balance: TonalBalance, band_hz: Band, changed: Curve) -> Wanted:
    """A region that is to come inside while nothing else gets further out than it is."""
    now = np.where(balance.judged, np.nan_to_num(balance.smooth_db) + changed, 0.0)
    flagged = _within(balance, band_hz)
    inside = np.clip(now, -AIM * balance.sigma_db, AIM * balance.sigma_db)
    short = bool((now * flagged).sum() < 0.0)
    return Wanted(balance.band_hz, np.where(flagged, now, inside), balance.sigma_db, balance.judged, AIM, short, MOST_Q)


def _left(after: After, band_hz: Band, moves: Moves) -> float:
    """How far a region stands out after moves, in spreads."""
    b = after.balance
    now = (np.nan_to_num(b.smooth_db) + after(moves)) / b.sigma_db
    return float(np.abs(now[_within(b, band_hz)]).max(initial=0.0))


def _within(balance: TonalBalance, band_hz: Band) -> Mask:
    return np.asarray(balance.judged & (balance.band_hz >= band_hz[0]) & (balance.band_hz <= band_hz[1]))
