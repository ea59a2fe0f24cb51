"""**Why it matters.** A limiter on the mix bus is the one device every mastering engineer asks to remove: it
decides the transients before mastering can. Turning its output down does not hide it from this check.

**How it is measured.** A limiter makes loud passages peak at one ceiling, song-long, at whatever level that
is. The peaks of all half seconds are ranked: of unlimited songs even the loudest tenth spreads over more than
a decibel. With a minimum PSR that is high as well, the mix passes; between the two the answer is
*undetermined*, as it is for short files, steady tones and loops whose repeats are identical.

**References.** Deruty and Pachet 2015 on limiting in released music; Abbey Road mastering, delivery notes.
The thresholds are our judgement.
"""

from __future__ import annotations

import numpy as np

from dsp.checks._wording import clocks, severity
from dsp.findings import Advice, Finding, Fix, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.units import Curve, power_db_curve

ID, TITLE, DIMENSION, NEEDS = "bus-limiter", "Limiter on the mix bus", "dynamics", ("loudness",)
MEANS = "A limiter, maximiser or clipper was left on the mix bus, or on a group that everything runs through."
LISTEN = "Loud passages with the bus chain bypassed, at equal loudness: do kick and snare regain their front edge?"

#: Fewer half seconds than this (20 s) say nothing about a ceiling (our judgement).
FEWEST_BLOCKS = 40
#: Below this crest factor the programme is a tone or noise, not a mix (a sine has 3 dB).
STEADY_CREST_DB = 4.0
#: Peaks this close in sample *and* true peak are repeats of one waveform: a loop, not a ceiling (our judgement).
IDENTICAL_DB = 0.02
#: A half second peaks "at the ceiling" within this (dB), and at most this many times are listed.
AT_CEILING_DB, MOST_TIMES = 0.3, 20


def _depth_db(peaks: Curve) -> Curve:
    """How far every half second's peak lies below the highest."""
    levels = 2.0 * power_db_curve(peaks.max(axis=1))
    return np.asarray(levels.max() - levels)


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    level, psr = mix.readings.level, mix.readings.dynamics.psr_min_db
    samples = _depth_db(level.block_peaks)
    waveform = _depth_db(mix.readings.true_peak.blocks[: len(samples)])
    ranked = np.sort(samples)
    depth10, depth25 = (float(ranked[int(share * (len(ranked) - 1))]) for share in (0.10, 0.25))
    spread = float(np.sort(waveform)[int(0.10 * (len(waveform) - 1))])
    ceiling = level.sample_peak_dbfs
    hits = np.flatnonzero(samples <= AT_CEILING_DB)
    share = len(hits) / len(samples)
    status: Status = "undetermined"
    fixes: tuple[Fix, ...] = ()
    numbers = (
        f"a tenth of all half seconds peak within {depth10:.1f} dB of the highest, a quarter within {depth25:.1f} dB"
    )
    title, message = "Limiter: undetermined", f"The peaks allow no verdict: {numbers}."
    if len(samples) < FEWEST_BLOCKS:
        message = f"Only {mix.duration_s:.0f} s long: too short to tell a ceiling from chance."
    elif level.crest_db is not None and level.crest_db < STEADY_CREST_DB:
        message = "The programme is steady like a tone: its peaks say nothing about a limiter."
    elif max(depth10, spread) <= IDENTICAL_DB:
        message = "The peaks repeat exactly, as in a loop: they say nothing about a limiter."
    elif depth10 <= profile.number(ID, "problem_depth10_db") and depth25 <= profile.number(ID, "problem_depth25_db"):
        judged = profile.number(ID, "judge") > 0
        status, title = ("problem" if judged else "info"), "Limiter on the mix bus"
        times = clocks(hits * level.block_s)
        message = f"The song peaks at one ceiling, {ceiling:.1f} dBFS, in {share:.0%} of all half seconds ({times}): "
        message += f"{numbers}."
        if judged:
            fixes = (
                Advice("Take the limiter or clipper off the mix bus and bounce again; keep this one as a reference."),
            )
    elif depth10 >= profile.number(ID, "pass_depth10_db") and (psr is None or psr >= profile.number(ID, "pass_psr_db")):
        status, title = "pass", "No limiter on the mix bus"
        message = f"Peaks come as the music makes them: {numbers}."
    evidence = (
        Measurement("peak_depth_10_percent_db", depth10, "dB"),
        Measurement("peak_depth_25_percent_db", depth25, "dB"),
        Measurement("share_at_ceiling", share, ""),
        Measurement("ceiling_dbfs", ceiling, "dBFS"),
        Measurement("psr_min_db", psr, "dB"),
        *(
            Measurement("at_ceiling", ceiling, "dBFS", float(k * level.block_s))
            for k in hits[:MOST_TIMES]
            if status == "problem"
        ),
    )
    return (
        Finding(
            ID, status, severity(status), title, message, evidence,
            measured=f"{share:.0%} at one ceiling", target="none", fixes=fixes,
        ),
    )  # fmt: skip
