"""Masking: which part hides which, in which region of the spectrum, when, and how much loudness that costs.

The loudness of a part beside the others is set against its loudness alone (their ratio is the masked-to-unmasked ratio
of Aichinger, Sontacchi and Schneider-Stickler 2011), every 100 ms. What is lost is laid to the maskers in proportion to
their excitation at the same place and moment; of the few that take most, each is left out to see how much of the
loudness returns (the loudness lost of Wichern et al. 2015). So the cost grows with the number of parts, not of pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.regions import REGIONS, Region
from dsp.stems.field import Field, Mask, at_ear
from dsp.stems.parts import Part
from dsp.units import Curve, from_power_db

#: So many maskers of every part are left out.
MOST_MASKERS = 3
#: A region counts that holds so much of the part's loudness (our judgement).
LEAST_WEIGHT = 0.15
#: Both must play together for so long, and for such a share of the hidden part's time (our judgement).
LEAST_S, LEAST_SHARE = 3.0, 0.15
#: The masker must take this much of a region's loudness by itself to be left out at all.
LEAST_LOST = 0.01
#: A part is busy where it is within so much of its loudest moment.
BUSY_DB = -20.0


@dataclass(frozen=True)
class Hidden:
    """One part hidden by another in one region, while both play.

    `returns`, `heard` and `weight` are shares: of the part's loudness alone in this region, what would come back
    without the masker and what is heard beside everything; of all its loudness alone, what lies in this region.
    `part` and `masker` are indices into the parts.
    """

    part: int
    masker: int
    region: Region
    returns: float
    heard: float
    weight: float
    together_s: float  #: both play
    masker_s: float  #: the masker plays
    busy_s: float  #: the masker plays while the hidden part is busy
    band_returns: Curve  #: what comes back by third octave, as a share of its loudness alone in this region
    spans: tuple[tuple[float, float], ...]  #: seconds in which more comes back than on average, longest first

    @property
    def blame(self) -> float:
        """The masker's share of what is lost."""
        return min(1.0, self.returns / max(1.0 - self.heard, 1e-9))


@dataclass(frozen=True)
class Masking:
    """The share of its loudness that is heard of every part while it plays, and what is hidden, worst first."""

    parts: tuple[Part, ...]
    heard: tuple[float | None, ...]
    hidden: tuple[Hidden, ...]


def may_yield(part: Part, masker: Part) -> bool:
    """Whether a masker should make room for a part: both are known, and it does not rank above it."""
    return part.priority is not None and masker.priority is not None and masker.priority <= part.priority


def masking(field: Field) -> Masking:
    """What hides what in a mix."""
    parts = field.parts
    count = len(parts)
    lost = np.zeros((count, count))
    alone, beside = np.zeros(count), np.zeros(count)
    judged = [[j for j in range(count) if not field.kin[i, j] and may_yield(parts[i], parts[j])] for i in range(count)]
    for start, stop in field.chunks():
        found, plays = field.excitations(start, stop), field.plays[:, start:stop]
        for i in range(count):
            rest = field.rest(found, i)
            loud = field.alone(found[i])
            left, ear = field.better_ear(found[i], rest)
            alone[i] += loud[plays[i]].sum()
            beside[i] += left[plays[i]].sum()
            per_rest = np.maximum(loud - left, 0.0) / np.maximum(at_ear(rest, ear), np.float32(1e-6))
            for j in judged[i]:
                both = plays[i] & plays[j]
                lost[i, j] += np.vdot(per_rest[both], at_ear(found[j], ear)[both])
    pairs = []
    for i in range(count):
        worst = sorted((-lost[i, j], j) for j in judged[i])[:MOST_MASKERS]
        pairs += [(i, j) for _, j in worst if lost[i, j] > LEAST_LOST * alone[i] and _together(field, i, j)]
    heard = tuple(float(b / a) if a > 0.0 else None for a, b in zip(alone, beside, strict=True))
    return Masking(parts, heard, tuple(sorted(_left_out(field, pairs), key=lambda h: -h.returns)))


def _together(field: Field, part: int, masker: int) -> bool:
    both = float((field.plays[part] & field.plays[masker]).sum())
    return both * field.frame_s >= LEAST_S and both >= LEAST_SHARE * float(field.plays[part].sum())


class _Sums:
    """Loudness of one part while another plays as well, by second and band: alone, beside all, without the other."""

    def __init__(self, seconds: int, bands: int) -> None:
        self.alone, self.beside, self.without = (np.zeros((seconds, bands)) for _ in range(3))


def _left_out(field: Field, pairs: list[tuple[int, int]]) -> list[Hidden]:
    """What returns to each part when a masker is left out."""
    per_s = max(1, round(1.0 / field.frame_s))
    sums = {pair: _Sums(-(-field.frames // per_s), len(field.band_hz)) for pair in pairs}
    for start, stop in field.chunks() if pairs else ():
        found, plays = field.excitations(start, stop), field.plays[:, start:stop]
        seconds, firsts = np.unique(np.arange(start, stop) // per_s, return_index=True)
        for i in dict.fromkeys(i for i, _ in pairs):
            rest = field.rest(found, i)
            loud, left = field.alone(found[i]), field.beside(found[i], rest)
            for j in (j for k, j in pairs if k == i):
                both, pair = (plays[i] & plays[j])[:, None], sums[i, j]
                without = field.beside(found[i], np.maximum(rest - found[j], 0.0))
                for total, values in ((pair.alone, loud), (pair.beside, left), (pair.without, without)):
                    total[seconds] += np.add.reduceat(values * both, firsts, axis=0)
    return [h for pair in pairs for h in _by_region(field, pair, sums[pair], per_s * field.frame_s)]


def _by_region(field: Field, pair: tuple[int, int], sums: _Sums, step_s: float) -> list[Hidden]:
    """The regions that matter to the hidden part."""
    i, j = pair
    whole, plays = float(sums.alone.sum()), field.plays[i] & field.plays[j]
    busy = field.level[i] > field.level[i].max(initial=0.0) * from_power_db(BUSY_DB)
    out = []
    for region in REGIONS:
        inside = region.of(field.band_hz)
        alone, beside, without = (v[:, inside] for v in (sums.alone, sums.beside, sums.without))
        loud = float(alone.sum())
        if whole <= 0.0 or loud < LEAST_WEIGHT * whole:
            continue
        back, bands = np.maximum(without - beside, 0.0), np.zeros(len(field.band_hz))
        bands[inside] = back.sum(axis=0) / loud
        returns = float(back.sum()) / loud
        most = (alone.sum(axis=1) > 0.0) & (back.sum(axis=1) >= returns * alone.sum(axis=1))
        out.append(
            Hidden(
                part=i,
                masker=j,
                region=region,
                returns=returns,
                heard=float(beside.sum()) / loud,
                weight=loud / whole,
                together_s=float(plays.sum()) * field.frame_s,
                masker_s=float(field.plays[j].sum()) * field.frame_s,
                busy_s=float((plays & busy).sum()) * field.frame_s,
                band_returns=bands,
                spans=_spans(most, step_s, field.seconds),
            )
        )
    return out


def _spans(hit: Mask, step_s: float, end_s: float) -> tuple[tuple[float, float], ...]:
    """Runs of seconds as (start, end), the longest first."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], hit, [False]])))
    spans = [(float(a * step_s), min(float(b * step_s), end_s)) for a, b in edges.reshape(-1, 2)]
    return tuple(sorted(spans, key=lambda s: (s[0] - s[1], s[0])))
