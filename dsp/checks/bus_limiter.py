"""**Why it matters.** A limiter on the mix bus is the one device every mastering engineer asks to remove: it
decides the transients before mastering can. Turning its output down does not hide it from this check.

**How it is measured.** A limiter or clipper makes the highest peaks end at one ceiling, however different the
sound under them is. Of the three highest 20 ms of every half second four things are weighed: how much the peaks
spread against the level under them, how many half seconds reach the ceiling, how long the waveform dwells near it,
and how far the rare peaks stand out. Nothing depends on the level of the file; a gentle high-pass after the limiter
is undone first. A model calibrated on songs with and without limiters of six families gives the probability, and is
right as the table in the README says. Less than 20 s, steady tones and exact loops are *undetermined*; less than a
minute and lossy files count less. A bus compressor is not a limiter: *over-compression* speaks of that.

With the stems beside the mix nothing is estimated: what went into the bus is their sum, what came out is the mix, and
the peaks that lost level on the way are counted (as *bus-processing* measures them, equaliser undone). Where the stems
are not those of the mix, the statistics above speak.

**References.** Laguna and Lerch 2016 (AES 141) on ceilings; peaks over threshold (M10, a generalised Pareto fit);
Deruty and Pachet 2015 on limiting in released music; Abbey Road mastering, delivery notes. Model and calibration:
benchmarks/limiter_calibration.py.
"""

from __future__ import annotations

import numpy as np

from dsp.checks._wording import clocks, severity
from dsp.findings import Advice, Cause, Finding, Fix, Measurement, Status
from dsp.meters.limiting import SHAVED_DB, LimiterEvidence, why_unknown
from dsp.meters.moments import HIGH_PASSES
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.bus_readings import BusReadings, Dynamics

ID, TITLE, DIMENSION, NEEDS = "bus-limiter", "Limiter on the mix bus", "dynamics", ("loudness",)
MEANS = "A limiter, maximiser or clipper was left on the mix bus, or on a group that everything runs through."
LISTEN = "Loud passages with the bus chain bypassed, at equal loudness: do kick and snare regain their front edge?"

#: At most this many times are listed as evidence.
MOST_TIMES = 20
#: What the cause of a proved limiter is called.
BUS = "mix bus"


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    evidence = mix.limiter
    assert evidence is not None  # NEEDS loudness
    bus = mix.stems.bus if mix.stems else None
    if bus is not None and bus.limits is not None and bus.dynamics is not None:
        return (_proved(mix, evidence, bus, bus.dynamics, profile),)
    probability, judged = mix.limiter_probability, profile.number(ID, "judge") > 0
    status: Status = "undetermined"
    title, words = "Limiter: undetermined", "undetermined"
    fixes: tuple[Fix, ...] = ()
    if probability is None:
        message = f"Undetermined: {why_unknown(evidence, mix.duration_s, mix.readings.level.crest_db)}."
    else:
        words = f"probability {probability:.0%}"
        message = f"The peaks allow no verdict (probability of a limiter {probability:.0%}). {_peaks(evidence)}"
        if probability > profile.number(ID, "problem_probability"):
            status, title = ("problem" if judged else "info"), "Limiter on the mix bus"
            message = f"{_ceiling(evidence)} in {evidence.shaved_share:.0%} of all half seconds"
            message += f" ({clocks(evidence.shaved_s)}): a limiter or clipper, probability {probability:.0%}."
            message += _sections(mix, evidence)
            if judged:
                fixes = (
                    Advice("Take the limiter or clipper off the mix bus and bounce again; keep this as a reference."),
                )
        elif probability <= profile.number(ID, "pass_probability"):
            status, title = "pass", "No limiter on the mix bus"
            message = f"Peaks come as the music makes them (probability of a limiter {probability:.0%})."
    return (
        Finding(
            ID, status, severity(status), title, message, _evidence(mix, evidence, status),
            measured=words, target="none", fixes=fixes,
        ),
    )  # fmt: skip


def _proved(mix: Mix, evidence: LimiterEvidence, bus: BusReadings, dynamics: Dynamics, profile: Profile) -> Finding:
    """The verdict where the stems show what went into the bus."""
    reduced = dynamics.reduced
    off, times = dynamics.peak_db[reduced], dynamics.peak_s[reduced]
    most = float(off.max(initial=0.0))
    numbers: tuple[Measurement, ...] = (
        Measurement("reduced_peaks", float(reduced.sum()), "peaks"),
        Measurement("reduction_max_db", most, "dB"),
        Measurement("reduction_median_db", float(np.median(off)) if len(off) else None, "dB"),
        Measurement("residual_explained_db", bus.left.explained_db if bus.left else None, "dB"),
    )
    if not bus.limits:
        held = "compression" if dynamics.kind == "compressor" else "saturation" if dynamics.kind == "saturation" else ""
        message = f"The stems prove it: {f'there is {held} on the bus, but ' if held else ''}no peak of their sum is"
        message += " stopped at a ceiling." if held else " lowered by more than half a decibel on its way into the mix."
        return Finding(
            ID, "pass", "none", "No limiter on the mix bus", message, numbers + _evidence(mix, evidence, "pass"),
            measured="proved by the stems", target="none",
        )  # fmt: skip
    judged = profile.number(ID, "judge") > 0 and most >= profile.number(ID, "proved_db")
    status: Status = "problem" if judged else "info"
    ceiling = f" at a ceiling of {dynamics.ceiling_dbfs:.1f} dBFS" if dynamics.ceiling_dbfs is not None else ""
    message = (
        f"The stems prove it: the bus took {np.median(off):.1f} dB (up to {most:.1f} dB) off the peaks of {len(off)} of"
        f" {len(dynamics.peak_db)} half seconds{ceiling} ({clocks(times.tolist())}): a {dynamics.kind}."
    )
    listed = np.sort(np.argsort(-off)[:MOST_TIMES])
    numbers += tuple(Measurement("reduction_db", float(off[k]), "dB", float(times[k])) for k in listed)
    advice = Advice("Take the limiter or clipper off the mix bus and bounce again; keep this as a reference.", BUS)
    return Finding(
        ID, status, severity(status), "Limiter on the mix bus", message, numbers + _evidence(mix, evidence, status),
        measured=f"{dynamics.kind}, up to {most:.1f} dB", target="none", cause=(Cause(BUS, 1.0),),
        fixes=(advice,) if judged else (),
    )  # fmt: skip


def _peaks(evidence: LimiterEvidence) -> str:
    return (
        f"The highest 2 % of all moments lie within {evidence.depth_2_percent_db:.1f} dB of the highest peak, and"
        f" {evidence.shaved_share:.0%} of all half seconds reach them."
    )


def _ceiling(evidence: LimiterEvidence) -> str:
    """What the ceiling is, in words."""
    if not evidence.view:
        return f"The song peaks at one ceiling, {_near(evidence)},"
    _, frequency_hz = HIGH_PASSES[evidence.view - 1]
    return (
        f"Before a high-pass near {frequency_hz:g} Hz turned its phases, the song peaked at one ceiling,"
        f" {_near(evidence)},"
    )


def _near(evidence: LimiterEvidence) -> str:
    """The ceiling with what it is blurred by."""
    blur = f" (blurred by {evidence.blur_db:.1f} dB)" if evidence.blur_db >= SHAVED_DB else ""
    return f"{evidence.ceiling_dbfs:.1f} dBFS{blur}"


def _sections(mix: Mix, evidence: LimiterEvidence) -> str:
    """How much of each section is at the ceiling, where that differs."""
    parts = [(s, _share(mix, evidence, s.start_s, s.end_s)) for s in mix.readings.sections if s.end_s > s.start_s]
    if len(parts) < 2:
        return ""
    most, least = (pick(parts, key=lambda p: p[1]) for pick in (max, min))
    return (
        f" Most in the section {clocks([most[0].start_s])} to {clocks([most[0].end_s])} ({most[1]:.0%}),"
        f" least in {clocks([least[0].start_s])} to {clocks([least[0].end_s])} ({least[1]:.0%})."
    )


def _share(mix: Mix, evidence: LimiterEvidence, start_s: float, end_s: float) -> float:
    """Share of the half seconds of a passage that peak at the ceiling."""
    inside = ((evidence.shaved_s >= start_s) & (evidence.shaved_s < end_s)).sum()
    return min(1.0, float(inside) * mix.readings.level.block_s / (end_s - start_s))


def _evidence(mix: Mix, evidence: LimiterEvidence, status: Status) -> tuple[Measurement, ...]:
    numbers = (
        Measurement("limiter_probability", mix.limiter_probability, ""),
        Measurement("ceiling_dbfs", evidence.ceiling_dbfs, "dBFS"),
        Measurement("ceiling_blur_db", evidence.blur_db, "dB"),
        Measurement("shaved_share", evidence.shaved_share, ""),
        Measurement("saturation", evidence.saturation, ""),
        Measurement("ceiling_hits_log", evidence.hits, ""),
        Measurement("dwell_log", evidence.dwell, ""),
        Measurement("depth_log", evidence.depth, ""),
        Measurement("m10", evidence.m10, ""),
        Measurement("depth_2_percent_db", evidence.depth_2_percent_db, "dB"),
        Measurement("flat_tops", float(mix.readings.clipping.runs), "runs"),
        Measurement("psr_min_db", mix.readings.dynamics.psr_min_db, "dB", mix.readings.dynamics.psr_min_at_s),
        Measurement("plr_db", mix.readings.dynamics.plr_db, "dB"),
    )
    if status not in ("problem", "info"):
        return numbers
    sections = tuple(
        Measurement("section_shaved_share", _share(mix, evidence, s.start_s, s.end_s), "", (s.start_s, s.end_s))
        for s in mix.readings.sections
        if s.end_s > s.start_s
    )
    times = tuple(Measurement("at_ceiling", evidence.ceiling_dbfs, "dBFS", float(t)) for t in evidence.shaved_s)
    return numbers + sections + times[:MOST_TIMES]
