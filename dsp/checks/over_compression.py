"""**Why it matters.** Compression and limiting on the mix bus are the two things mastering cannot take back.
Two ratios show them whatever the level of the file: the true peak over the loudness of the whole song (PLR)
and over that of every three seconds (PSR). Pumping is what a bus compressor driven by kick and bass leaves.

**How it is measured.** PLR is the true peak less the integrated loudness. PSR is the true peak of three
seconds less their short-term loudness, every half second, where that is no more than 10 LU below the
integrated loudness; the lowest decides. Pumping is how far the middle of the spectrum falls for each decibel the
low end rises, at the pace of beats: without compression it rises with it or stays. It may be meant (a side chain),
so it is never a problem by itself. A limiter is another matter: see *bus-limiter*.

**References.** Ian Shepherd, Dynameter (minimum PSR of 8 in any genre; PSR 6 with PLR 8 a casualty); bounce-
house.
"""

from __future__ import annotations

import numpy as np

from dsp.checks._wording import clock, clocks, grade, severity, spans
from dsp.findings import ORDER, Advice, Finding, Fix, Measurement
from dsp.listening.pumping import pumping_db_per_db
from dsp.meters.loudness import SHORT_TERM_HOPS
from dsp.mix import Mix
from dsp.profile import Profile

ID, TITLE, DIMENSION, NEEDS = "over-compression", "PLR and PSR", "dynamics", ("loudness",)
MEANS = "The bus compressor or limiter works all the time, or most tracks are limited."
LISTEN = "A chorus at equal loudness with the bus bypassed: pumping, flatness, a chorus that does not lift."

#: At most this many passages are listed as evidence.
MOST_SPANS = 20


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    dynamics = mix.readings.dynamics
    plr, psr = dynamics.plr_db, dynamics.psr_min_db
    assert plr is not None  # NEEDS loudness
    good_plr, good_psr = profile.number(ID, "good_plr_db"), profile.number(ID, "good_psr_db")
    status = grade(plr, good_plr, profile.number(ID, "problem_plr_db"))
    message = f"The true peak stands {plr:.1f} dB above the loudness of the song (PLR)"
    evidence = [Measurement("plr_db", plr, "dB"), Measurement("psr_min_db", psr, "dB", dynamics.psr_min_at_s)]
    if psr is not None and dynamics.psr_min_at_s is not None:
        of_psr = grade(psr, good_psr, profile.number(ID, "problem_psr_db"))
        status = max(status, of_psr, key=ORDER.index)
        message += (
            f" and at least {psr:.1f} dB above that of any three loud seconds (PSR, {clock(dynamics.psr_min_at_s)})"
        )
        low = np.flatnonzero(np.nan_to_num(dynamics.psr_db, nan=np.inf) < good_psr)
        squashed = spans(dynamics.psr_s[low], SHORT_TERM_HOPS * mix.readings.loudness.hop_s)
        if squashed:
            message += f". PSR is below {good_psr:g} dB from {clocks(s for s, _ in squashed)}"
            evidence += [Measurement("low_psr", good_psr, "dB", span) for span in squashed[:MOST_SPANS]]
    pumping = pumping_db_per_db(mix)
    evidence.append(Measurement("pumping_db_per_db", pumping, "dB/dB"))
    pumps = pumping is not None and pumping >= profile.number(ID, "pumping")
    if pumping is not None and pumps:
        strong = pumping >= profile.number(ID, "strong_pumping")
        status = max(status, "warning" if strong else "info", key=ORDER.index)
        message += f". It pumps: for each dB the low end rises the middle falls by {pumping:.1f} dB"
    fixes: tuple[Fix, ...] = ()
    if status != "pass":
        fixes = (Advice("Bypass the compressor or limiter on the mix bus and compare at equal loudness."),)
    only_pumps = pumps and plr > good_plr and (psr is None or psr > good_psr)
    title = "Dynamics intact" if status == "pass" else "Pumping" if only_pumps else "Over-compressed"
    return (
        Finding(
            ID, status, severity(status), title, message + ".", tuple(evidence),
            measured=f"PLR {plr:.1f}" + (f", PSR {psr:.1f} dB" if psr is not None else " dB"),
            target=f"PLR > {good_plr:g}, PSR > {good_psr:g} dB", fixes=fixes,
        ),
    )  # fmt: skip
