"""**Why it matters.** A wide low end cancels in clubs that sum the subs, cannot be cut to vinyl, and eats
headroom without being heard as width. Kick and bass belong in the centre.

**How it is measured.** The correlation of left and right over the third octaves below 120 Hz, from their
cross spectrum. The frequency is a convention: 90 to 150 Hz are in use.

**References.** MixDoctor (0.9); bounce-house (0.6); mixanalytic (mono below 100-120 Hz).
"""

from __future__ import annotations

import math

import numpy as np

from dsp.checks._wording import grade, severity
from dsp.findings import Advice, Finding, Fix, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.units import power_db

ID, TITLE, DIMENSION, NEEDS = "low-end-mono", "Mono low end", "mono", ("sound", "stereo")
MEANS = "A stereo bass or kick sample, a chorus or widener that reaches down, or spaced microphones."
LISTEN = "Mono on a system with a sub: does the bass stay?"


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    gram, below = mix.readings.gram, profile.number(ID, "below_hz")
    ll, rr, re, _ = gram.long_term()
    low = gram.band_hz < below
    left, right, cross = (float(v[low].sum()) for v in (ll, rr, re))
    share_db = power_db((left + right) / max(float((ll + rr).sum()), 1e-30))
    good = profile.number(ID, "good")
    span = (float(gram.band_hz[0]), below)
    if share_db < profile.number(ID, "share_db") or min(left, right) <= 0.0:
        return (
            Finding(
                ID, "pass", "none", "Hardly any low end", f"The low end carries {share_db:.0f} dB of the energy.",
                (Measurement("low_end_share_db", share_db, "dB", band_hz=span),),
                measured="hardly any", target=f">= {good:g}",
            ),
        )  # fmt: skip
    correlation = float(np.clip(cross / math.sqrt(left * right), -1.0, 1.0))
    status: Status = grade(correlation, profile.number(ID, "warning"), profile.number(ID, "problem"))
    if status == "pass" and correlation < good:
        status = "info"
    message = f"Below {below:g} Hz left and right correlate {correlation:+.2f} (1 is mono)."
    fixes: tuple[Fix, ...] = ()
    if status in ("warning", "problem"):
        cancels = " They cancel in mono." if status == "problem" else ""
        message += cancels + " Check the bass, the kick and wide synths."
        fixes = (
            Advice(f"Make kick and bass mono below {below:g} Hz; high-pass the side signal of wide synths there."),
        )
    title = "Low end in the centre" if status == "pass" else "Wide low end"
    evidence = (
        Measurement("low_end_correlation", correlation, "", band_hz=span),
        Measurement("low_end_share_db", share_db, "dB", band_hz=span),
    )
    return (
        Finding(
            ID, status, severity(status), title, message, evidence,
            measured=f"{correlation:+.2f}", target=f">= {good:g}", fixes=fixes,
        ),
    )  # fmt: skip
