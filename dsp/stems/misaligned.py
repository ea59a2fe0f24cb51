"""Which of two stems that share a source is late or upside down, and what puts it right.

A pair only says that the two disagree. Late is the later one, unless others of the same source side with it;
upside down is the one whom others contradict, then the one that works against the reference or the rest of the mix.
Two alone do not tell: then it is the farther microphone, or the quieter track, whose turning changes the mix least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsp.profile import load_instruments
from dsp.stems.model import FIRST_REFERENCE, SUM, Stem, Stems
from dsp.stems.phase import BODY_HZ, OCTAVES_HZ, Pair
from dsp.units import Curve

#: A role surer than this says what stands before which microphone.
SURE = 0.5
#: What microphones of these roles hear comes late by nature: they hang metres away, or hear another drum.
DISTANT = frozenset({"cymbals", "room", "hats", "toms", "percussion", "drums", "effects"})
#: Close microphones on one drum are this far apart at most (ms): a third of a metre of air.
CLOSE_MS = 1.0
#: Two lags are the same within this (ms); one that is no better than this (dB) is not worth a second move.
SAME_MS, WORTH_DB = 0.3, 0.5
#: The rest of the mix, or a reference, decides between two where it does so by this many standard errors over seconds.
SIGMAS = 3.0
#: Beyond this (ms) one of two microphones is the farther one: the second, and more often the one that is turned over.
FARTHER_MS = 0.1


@dataclass(frozen=True)
class Misalignment:
    """One stem against its twin: what is wrong, and what mending it brings.

    `late_s` is by how much the stem is late (negative: early), 0 where it may stay; `natural` where the distance of
    microphones explains that, `distant` where they are not the same drum's, or overheads or a room. `gain_db` is what
    the two together gain in the low mids, `octave_db` in the octave from `octave_hz` up that gains most. `doubt` is
    whether the twin may as well be the culprit.
    """

    stem: str
    twin: str
    inverted: bool
    late_s: float
    natural: bool
    distant: bool
    gain_db: float
    octave_db: float
    octave_hz: float
    doubt: bool
    pair: Pair


def related(stems: Stems, pair: Pair) -> bool:
    """Whether two stems can have heard one source: not where they are known to be of different families."""
    roles, known = [stems.named(n).role for n in (pair.first, pair.second)], load_instruments()
    if any(r.confidence < SURE or r.name not in known for r in roles):
        return True
    families = {known[r.name].family for r in roles} - {"other"}
    return len(families) < 2


def misalignment(stems: Stems, pair: Pair, certain: Sequence[Pair]) -> Misalignment:
    """What is wrong with a pair; `certain` are all pairs there are."""
    gains = pair.gains
    distant, natural = _distances(stems, pair)
    late = pair.second if pair.lag_s > 0.0 else pair.first
    by_delay = _odd_one(pair, certain) or late
    late_s = abs(pair.lag_s) if by_delay == late else -abs(pair.lag_s)
    if pair.polarity > 0:
        stem, doubt = by_delay, False
        gain_db, octaves = gains.align, gains.octave_align
    else:
        stem, doubt = _upside_down(stems, pair, certain)
        only_flip = natural or gains.flip >= gains.both - WORTH_DB
        gain_db, octaves = (gains.flip, gains.octave_flip) if only_flip else (gains.both, gains.octave_both)
        # one stem may be inverted and the other late: moving the inverted one instead mends both
        late_s = 0.0 if only_flip else abs(pair.lag_s) * (1.0 if stem == late else -1.0)
    octave = int(np.argmax(octaves))
    return Misalignment(
        stem=stem,
        twin=pair.second if stem == pair.first else pair.first,
        inverted=pair.polarity < 0,
        late_s=late_s,
        natural=natural,
        distant=distant,
        gain_db=gain_db,
        octave_db=octaves[octave],
        octave_hz=OCTAVES_HZ[octave],
        doubt=doubt,
        pair=pair,
    )


def _distances(stems: Stems, pair: Pair) -> tuple[bool, bool]:
    """Whether the two microphones stand apart, and whether that or the size of a drum explains the delay."""
    a, b = (stems.named(n).role for n in (pair.first, pair.second))
    if any(r.confidence >= SURE and r.name in DISTANT for r in (a, b)):
        return True, True
    if min(a.confidence, b.confidence) < SURE or any(load_instruments()[r.name].family != "drums" for r in (a, b)):
        return False, False
    return a.name != b.name, a.name != b.name or 1000.0 * abs(pair.lag_s) <= CLOSE_MS


def _odd_one(pair: Pair, certain: Sequence[Pair]) -> str | None:
    """The stem of the pair that a third of the same source leaves alone, with the other at its side."""
    votes = {pair.first: 0, pair.second: 0}
    for mine, other in _thirds(pair, certain):
        if abs(mine) <= SAME_MS / 1000.0 < abs(other):
            votes[pair.second] += 1
        elif abs(other) <= SAME_MS / 1000.0 < abs(mine):
            votes[pair.first] += 1
    return None if votes[pair.first] == votes[pair.second] else max(votes, key=lambda n: votes[n])


def _thirds(pair: Pair, certain: Sequence[Pair]) -> list[tuple[float, float]]:
    """The lags of the first and of the second of the pair behind every stem that is paired with both."""
    lags: dict[str, dict[str, float]] = {pair.first: {}, pair.second: {}}
    for p in certain:
        for own, other, sign in ((p.first, p.second, -1.0), (p.second, p.first, 1.0)):
            if own in lags:
                lags[own][other] = sign * p.lag_s
    both = lags[pair.first].keys() & lags[pair.second].keys()
    return [(lags[pair.first][n], lags[pair.second][n]) for n in sorted(both)]


def _upside_down(stems: Stems, pair: Pair, certain: Sequence[Pair]) -> tuple[str, bool]:
    """The stem that is upside down, and whether that is doubtful."""
    signs: dict[str, dict[str, float]] = {pair.first: {}, pair.second: {}}
    for p in certain:
        for own, other in ((p.first, p.second), (p.second, p.first)):
            if own in signs and p is not pair:
                signs[own][other] = p.polarity * p.coherence * p.explained
    both = signs[pair.first].keys() & signs[pair.second].keys()
    against = sum(
        signs[pair.first][n] - signs[pair.second][n] for n in both if signs[pair.first][n] * signs[pair.second][n] < 0.0
    )
    if against:
        return (pair.second if against > 0 else pair.first), False
    a, b = stems.named(pair.first), stems.named(pair.second)
    for other in (*range(FIRST_REFERENCE, FIRST_REFERENCE + len(stems.references)), SUM):
        # both share the same with each other: what differs is what they share with the rest
        moments = _seconds(stems, _body(stems, a, other) - _body(stems, b, other))
        error = float(moments.std()) / np.sqrt(len(moments))
        if abs(float(moments.mean())) > SIGMAS * error > 0.0:
            return (a.name if moments.mean() < 0.0 else b.name), False
    if 1000.0 * abs(pair.lag_s) >= FARTHER_MS:
        return (pair.second if pair.lag_s > 0.0 else pair.first), True
    return min((a, b), key=lambda s: float(_body(stems, s).sum())).name, True


def _body(stems: Stems, stem: Stem, other: int | None = None) -> Curve:
    """Energy of a stem in the low mids over time, or what it shares there with a reference or with all other stems."""
    inside = (stems.band_hz >= BODY_HZ[0]) & (stems.band_hz < BODY_HZ[1])
    own = stem.readings.power[:, inside].sum(axis=1, dtype=np.float64)
    if other is None:
        return np.asarray(own)
    shared = stem.readings.cross[:, other, 0][:, inside].sum(axis=1, dtype=np.float64)
    return np.asarray(shared - own if other == SUM else shared)


def _seconds(stems: Stems, curve: Curve) -> Curve:
    """Sums over seconds."""
    starts = np.arange(0, max(len(curve), 1), max(1, round(1.0 / stems.frame_s)))
    return np.asarray(np.add.reduceat(np.pad(curve, (0, 1)), starts))
