"""**Why it matters.** Where left and right move in opposite directions, the mix cancels on a phone, a club's
mono sub or a kitchen radio, and sounds hollow between speakers. Brief dips are an effect; a sustained one is
a fault.

**How it is measured.** sum(LR) / sqrt(sum(LL) sum(RR)) over the song and over 400 ms every 100 ms, in windows
within 30 dB of the loudest. +1 is mono, 0 unrelated, -1 opposite polarity.

**References.** Hugh Robjohns, Sound on Sound, on phase correlation; bounce-house.
"""

from __future__ import annotations

import numpy as np

from dsp.checks._wording import clock, clocks, severity, spans
from dsp.findings import Advice, Finding, Fix, Measurement, Status
from dsp.meters.stereo import WINDOW_HOPS
from dsp.mix import Mix
from dsp.profile import Profile

ID, TITLE, DIMENSION, NEEDS = "correlation", "Phase correlation", "phase", ("sound", "stereo")
MEANS = "A flipped cable or channel, a widener, a doubler, or a stereo track whose sides oppose each other."
LISTEN = "Mono at these times: what gets thin or goes away?"

#: At most this many passages are listed as evidence.
MOST_SPANS = 20


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stereo = mix.readings.stereo
    assert stereo is not None  # NEEDS stereo
    overall, lowest, at_s = stereo.correlation, stereo.correlation_min, stereo.correlation_min_at_s
    evidence = [Measurement("correlation", overall, ""), Measurement("correlation_min", lowest, "", at_s)]
    if overall is None:
        return (
            Finding(
                ID, "undetermined", "low", "Correlation: undetermined", "Only one channel sounds.", tuple(evidence),
                measured="one channel", target=">= 0",
            ),
        )  # fmt: skip
    active = np.isfinite(stereo.correlation_curve)
    below = np.nan_to_num(stereo.correlation_curve, nan=1.0) < 0
    share = float(below.sum() / active.sum()) if active.any() else 0.0
    window_s = WINDOW_HOPS * mix.readings.loudness.hop_s
    passages = spans(stereo.correlation_s[below], window_s)
    status: Status = "pass"
    longest = max((end - start for start, end in passages), default=0.0)
    if overall < profile.number(ID, "problem_overall") or longest >= profile.number(ID, "problem_s"):
        status = "problem"
    elif share >= profile.number(ID, "warning_share") or (lowest is not None and lowest < profile.number(ID, "worst")):
        status = "warning"
    message = f"Correlation is {overall:+.2f} over the song"
    if lowest is not None and at_s is not None:
        message += f", at worst {lowest:+.2f} at {clock(at_s)}"
    if passages:
        message += f"; below zero for {share:.1%} of the sounding time, from {clocks(s for s, _ in passages)}"
    fixes: tuple[Fix, ...] = ()
    if status != "pass":
        fixes = (Advice("Listen in mono at these times; look for a flipped channel, a widener or a doubler."),)
    evidence += [Measurement("share_below_zero", share, ""), Measurement("longest_below_zero_s", longest, "s")]
    evidence += [Measurement("negative_correlation", lowest, "", span) for span in passages[:MOST_SPANS]]
    title = "Channels in phase" if status == "pass" else "Channels out of phase"
    return (
        Finding(
            ID, status, severity(status), title, message + ".", tuple(evidence),
            measured=f"{overall:+.2f}" + (f", worst {lowest:+.2f}" if lowest is not None else ""),
            target=">= 0", fixes=fixes,
        ),
    )  # fmt: skip
