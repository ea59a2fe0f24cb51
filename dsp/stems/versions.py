"""What changed between a mix and another version of it, and in which stem.

The difference of two versions of one mix is made by the stems that were changed and by nothing else. A stem that is in
the difference coheres with it, others do not, so each band of the difference is explained from the stems one after
another (orthogonal matching pursuit over bands), and the ratio of what a stem was to what it is says what was done.
Where the sum of the stems is still the reference while the mix is not, the stems are as they were and the bus changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal
from weakref import ref

import numpy as np

from dsp.stems.change_fit import GOOD, Fit, fit, fit_delay
from dsp.stems.model import Stems
from dsp.stems.version_bus import Bus, OverTime, bus, gains_between, level_db, over_time
from dsp.stems.version_parts import Part, effect_db, parts, spans
from dsp.stems.version_points import whole
from dsp.stems.version_shift import shift_s_of
from dsp.stems.version_sums import Sums, sums
from dsp.units import Curve, from_power_db, power_db

State = Literal["same", "version", "shifted", "other"]

#: A reference coheres with the mix over bands by this much (mean of the magnitude-squared coherence) if it is a version
#: of it. Unrelated songs stay below 0.05, a stem that is half of the mix and late leaves 0.3.
RELATED: Final = 0.15
#: Where the gain between two versions is not plain, it is 1 unless that takes two stems more to explain the
#: difference, or leaves this many times more of it.
ALMOST_EQUAL: Final = 2.5
#: A difference below this (dB of the power of the mix, bands alike) is dither and rounding.
SAME_DB: Final = -50.0
#: A difference below this is what an encoder does (up to -19 by MP3 and AAC of 256 kbit/s, measured; our judgement).
LOSSY_SAME_DB: Final = -15.0
#: The stems are as they were if their sum misses the reference by less than this share of the difference.
UNTOUCHED: Final = 0.05
#: Where the mix is the sum of its stems, a change of all of it must be this many times the better explanation.
BUS_BETTER: Final = 2.0
#: The bus explains a difference if it leaves less than this share; both its equalisation and its gain over time changed
#: if together they leave this many times less.
BUS_LEAVES, BOTH_BETTER = 0.35, 2.0
#: Of a difference that either explains alike, within this share of it, it is equalisation.
EVEN: Final = 1e-3
#: A difference explained to less than this may be another start, or mean that more changed than can be told.
SURE: Final = 0.8


@dataclass(frozen=True)
class Change:
    """One thing that changed from the reference to the mix: a stem, or everything alike (`stem` is None).

    `share` is its part of the energy of the difference, all bands alike. `curve_db` is what was done per band, NaN
    where it does not sound; `effect_db` how much more power the mix has there because of it.
    """

    stem: str | None
    fit: Fit
    share: float
    curve_db: Curve
    effect_db: Curve
    at_s: tuple[tuple[float, float], ...]  #: where most of it is heard
    over_time: OverTime | None = None  #: where its gain moves


@dataclass(frozen=True)
class Version:
    """A reference beside the mix: whether it is another version of it, and what then changed.

    `gain_db` is the gain of the mix over it apart from the changes, `difference_db` the power of what differs over that
    of the mix with all bands alike, `explained` the share of it that the changes explain. `shift_s` is how much later
    the reference starts, where it is the same song with another start.
    """

    name: str
    state: State
    gain_db: float = 0.0
    difference_db: float = -np.inf
    explained: float = 0.0
    shift_s: float = 0.0
    changes: tuple[Change, ...] = ()


def changes(stems: Stems, k: int) -> tuple[Change, ...]:
    """What changed from lockstep reference k to the mix, most of the difference first; empty for another recording."""
    return compared(stems, k).changes


class _Key:
    """Stems by identity and without keeping them, so that several checks ask once."""

    def __init__(self, stems: Stems, k: int) -> None:
        self.stems, self.k, self._hash = ref(stems), k, hash((id(stems), k))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.stems() is other.stems() and self.k == other.k


def compared(stems: Stems, k: int) -> Version:
    """Lockstep reference k beside the mix; worked out once for the same stems."""
    return _compared(_Key(stems, k))


@lru_cache(maxsize=32)
def _compared(key: _Key) -> Version:
    stems = key.stems()
    assert stems is not None  # the caller holds them
    return _compare(stems, key.k)


def _compare(stems: Stems, k: int) -> Version:
    reference = stems.references[k]
    found = sums(stems, k)
    if found is None:
        return Version(reference.name, "other")
    if coherence(found) < RELATED:
        shift_s = shift_s_of(stems, reference)
        return Version(reference.name, "shifted" if shift_s else "other", shift_s=shift_s)
    first, *others = gains_between(stems, reference, found)
    best = _at(stems, k, found, first)
    if others and (len(best.parts) != 1 or not best.sure):
        shift_s = shift_s_of(stems, reference)
        if shift_s:
            return Version(reference.name, "shifted", shift_s=shift_s)
        again = _at(stems, k, found, others[0])
        simpler = len(again.parts) + 1 < len(best.parts) or best.left > ALMOST_EQUAL * again.left
        best = again if again.sure and simpler else best
    gain, total, left = best.gain, best.total, best.left
    difference_db = power_db(max(total, 0.0))
    if total < from_power_db(_same_db(stems, k)):
        return Version(reference.name, "same", level_db(gain), difference_db, 1.0)
    of_bus, proven = best.bus, best.proven
    if of_bus.left_response <= BUS_LEAVES * total:
        late = fit_delay(whole(stems, k, found, gain))
        if late.left <= GOOD:
            return Version(reference.name, "shifted", shift_s=-late.delay_s)
    if proven or _is_bus(found, total, of_bus.left, left):
        made, left = _bus_changes(stems, k, found, gain, of_bus), of_bus.left
    else:
        made = _stem_changes(stems, found, gain, total, best.parts)
    explained = min(1.0, max(0.0, 1.0 - left / total))
    if explained < SURE:
        shift_s = shift_s_of(stems, reference)
        if shift_s:
            return Version(reference.name, "shifted", shift_s=shift_s)
    return Version(reference.name, "version", level_db(gain), difference_db, explained, 0.0, made)


@dataclass(frozen=True)
class _Tried:
    """A difference at one gain: its power, what bus or stems make of it, and what the stems leave of it."""

    gain: float
    total: float
    bus: Bus
    proven: bool  #: the stems are as they were
    parts: list[Part]

    @property
    def left(self) -> float:
        return self.total - sum(p.energy for p in self.parts)

    @property
    def sure(self) -> bool:
        """Whether the stems explain nearly all of it."""
        return self.left <= (1.0 - SURE) * self.total


def _at(stems: Stems, k: int, found: Sums, gain: float) -> _Tried:
    total = float(found.weight @ found.difference(gain))
    proven = not stems.summed and _stems_are_the_reference(found, total)
    quiet = proven or total < from_power_db(_same_db(stems, k))
    return _Tried(
        gain, total, bus(stems, stems.references[k], found), proven, [] if quiet else parts(stems, k, found, gain)
    )


def _same_db(stems: Stems, k: int) -> float:
    return LOSSY_SAME_DB if stems.references[k].lossy else SAME_DB


def coherence(found: Sums) -> float:
    """Mean magnitude-squared coherence of mix and reference over the bands in which both sound."""
    counts = found.weight > 0.0
    both = found.mix[counts] * found.reference[counts]
    return float(np.mean(np.abs(found.mr[counts]) ** 2 / np.maximum(both, 1e-30)))


def _is_bus(found: Sums, total: float, bus_leaves: float, stems_leave: float) -> bool:
    """Whether a change of all of the mix explains the difference better than changed stems do."""
    better = BUS_BETTER if _stems_are_the_mix(found, total) else 1.0
    return bus_leaves <= BUS_LEAVES * total and bus_leaves * better < stems_leave


def _stems_are_the_reference(found: Sums, total: float) -> bool:
    """Whether the sum of the stems is still the reference, and not the mix."""
    missed = _misses(found, found.reference, found.rs.sum(axis=0).real)
    return missed < UNTOUCHED * total and missed < _misses(found, found.mix, found.sm.real)


def _stems_are_the_mix(found: Sums, total: float) -> bool:
    return _misses(found, found.mix, found.sm.real) < UNTOUCHED * total


def _misses(found: Sums, power: Curve, cross: Curve) -> float:
    """Power by which the sum of the stems, at its best gain, misses a track; weighted."""
    w = found.weight
    gain = float(w @ cross) / max(float(w @ found.sum), 1e-30)
    return float(w @ (power - 2.0 * gain * cross + gain * gain * found.sum))


def _stem_changes(stems: Stems, found: Sums, gain: float, total: float, of_stems: list[Part]) -> tuple[Change, ...]:
    out = []
    for part in of_stems:
        alone = found.reference * gain * gain if len(of_stems) == 1 else None
        power, played = np.abs(part.response) ** 2, found.stems[part.index].readings.power
        out.append(
            Change(
                stem=found.stems[part.index].name,
                fit=part.fit,
                share=min(1.0, part.energy / total),
                curve_db=part.curve_db,
                effect_db=effect_db(found, part, alone),
                at_s=spans(stems, found, played[: found.frames] @ (power * found.weight)),
                over_time=part.ride,
            )
        )
    return tuple(sorted(out, key=lambda c: -c.share))


def _bus_changes(stems: Stems, k: int, found: Sums, gain: float, of_bus: Bus) -> tuple[Change, ...]:
    """Equalisation of all of the mix, its gain over time, or both."""
    reference, total = stems.references[k], float(found.weight @ found.difference(gain))
    alone = min(of_bus.left_response, of_bus.left_gains)
    together = alone > UNTOUCHED * total and of_bus.left_both * BOTH_BETTER < alone
    n, out = found.frames, []
    mixed, other = stems.mix_power[:n] @ found.weight, reference.power[:n] @ found.weight
    effect = np.full(len(found.band_hz), np.nan)
    heard = found.weight > 0.0
    effect[heard] = 10.0 * np.log10(np.maximum(found.mix[heard], 1e-30) / (gain * gain * found.reference[heard]))
    static = of_bus.left_response <= of_bus.left_gains + EVEN * total
    if together or static:
        transfer = whole(stems, k, found, gain)
        curve = np.where(heard, 20.0 * np.log10(np.maximum(np.abs(of_bus.response) / abs(gain), 1e-6)), np.nan)
        share = min(1.0, max(0.0, 1.0 - of_bus.left_response / total))
        at_s = spans(stems, found, mixed)
        out.append(Change(None, fit(transfer), share, np.asarray(curve), effect, at_s))
    if together or not static:
        held = over_time(of_bus.gains, gain, mixed, stems.frame_s)
        share = min(1.0, max(0.0, 1.0 - of_bus.left_gains / total))
        difference = np.abs(of_bus.gains - gain) ** 2 * other
        flat = np.full(len(found.band_hz), np.nan)
        out.append(Change(None, Fit("other"), share, flat, effect, spans(stems, found, difference), held))
    return tuple(sorted(out, key=lambda c: -c.share))
