"""Who makes it loud, dense or flat: the stems, or the bus where it holds back what the sum of the stems does not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsp.findings import Cause, Finding, Measurement
from dsp.listening.causes_peaks import highest, peak_shares, peaks
from dsp.listening.causes_trace import BUS, Trace, named, ranked, short, spans_of
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.model import Stem, Stems
from dsp.units import from_amplitude_db, from_power_db

#: Where more than this of the mix (dB) is not what the bus made of these stems, its gain says nothing of peaks (our
#: judgement: compressors of either channel alone leave -24 dB).
EXPLAINED_DB = -20.0
#: The bus holds back where it takes this much off peaks (dB; our judgement).
HELD_DB = 0.5
#: Each stem may be this much softer (dB) than the loudest to count as dense: what is softer squashes nothing.
DENSE_DB = 20.0


def loudness(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """Who the loudness is: K-weighted energy of the stems over the song."""
    energy = np.array([s.readings.loudness.power.sum() for s in stems.sounding])
    causes = ranked(stems.sounding, energy)
    return Trace(causes, f"Its loudness by stem: {named(causes, stems.sounding)}.") if causes else None


def density(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """Too dense: the bus where it holds back what the stems do not, else the loud stems with the lowest peaks."""
    spans = [s for s in spans_of(finding, "low_psr", "at_ceiling", "psr_min_db") if s[1] >= s[0]]
    held_db = held_back_db(stems, spans)
    if held_db is not None and held_db >= HELD_DB:
        text = f"The stems' sum still has these peaks; the mix bus holds them back by {held_db:.1f} dB."
        return Trace((Cause(BUS),), text, None, (Measurement("bus_reduction_db", held_db, "dB"),))
    weights = np.array([_dense(s, stems) for s in stems.sounding])
    causes = ranked(stems.sounding, weights)
    if not causes:
        return None
    crests = {s.name: s.readings.level.crest_db for s in stems.sounding}
    crest = crests[causes[0].stem]
    text = f"The densest of the loud stems: {named(causes, stems.sounding)}"
    text += f"; {short(causes[0].stem)} has a crest factor of {crest:.1f} dB." if crest is not None else "."
    return Trace(causes, text)


def held_back_db(stems: Stems, spans: Sequence[tuple[float, float]]) -> float | None:
    """How much the bus takes off the peaks it reduces within these spans (anywhere where there are none), dB.

    None where there is no bus to compare, it leaves them alone, or it did not make the mix of these stems.
    """
    explained_db = stems.bus.left.explained_db if stems.bus and stems.bus.left else None
    if stems.bus is None or explained_db is None or explained_db > EXPLAINED_DB:
        return None
    dynamics = stems.bus.dynamics
    if dynamics is None or dynamics.kind == "none" or not dynamics.reduced.any():
        return None
    inside = np.zeros(len(dynamics.peak_s), dtype=bool)
    for start, end in spans:
        inside |= (dynamics.peak_s >= start) & (dynamics.peak_s <= end)
    chosen = dynamics.reduced & inside if spans else dynamics.reduced
    return float(np.mean(dynamics.peak_db[chosen])) if chosen.any() else None


def _dense(stem: Stem, stems: Stems) -> float:
    """K-weighted energy over the square of the crest: what is loud without having peaks."""
    loudest = max(float(s.readings.loudness.power.sum()) for s in stems.sounding)
    energy, crest = float(stem.readings.loudness.power.sum()), stem.readings.level.crest_db
    if crest is None or energy < loudest * from_power_db(-DENSE_DB):
        return 0.0
    return energy / from_amplitude_db(crest)


def crest_factor(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """Low: who is dense. High: whose the peaks are."""
    crest = mix.readings.level.crest_db
    high = crest is not None and crest > profile.number("crest-factor", "good_db")
    return peaks(finding, mix, stems, profile) if high else density(finding, mix, stems, profile)


def limiter(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """The bus where the sum of the stems goes over what the mix stops at; else who hits hardest."""
    evidence = mix.limiter
    spans = [(float(t), float(t) + mix.readings.level.block_s) for t in evidence.shaved_s] if evidence else []
    held_db = held_back_db(stems, spans)
    if finding.status == "problem" and held_db is not None and held_db >= HELD_DB:
        text = f"The sum of the stems goes over that ceiling; the mix bus takes {held_db:.1f} dB off its peaks."
        return Trace((Cause(BUS),), text, None, (Measurement("bus_reduction_db", held_db, "dB"),))
    shares, _ = peak_shares(mix, stems, spans or highest(mix))
    causes = ranked(stems.sounding, shares)
    if not causes:
        return None
    return Trace(causes, f"What hits hardest there, by stem: {named(causes, stems.sounding)}.")
