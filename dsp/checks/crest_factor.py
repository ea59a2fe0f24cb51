"""**Why it matters.** The crest factor says how far peaks stand above the average level. Between 12 and 18 dB
transients are alive and mastering has something to work with; below 8 dB the mix has been flattened.

**How it is measured.** The highest sample of any channel over the RMS of all channels over the whole file, in
dB. A sine wave has 3 dB. Turning the file up or down changes nothing.

**References.** mixanalytic (12 dB healthy, 10 dB squashed); bounce-house.
"""

from __future__ import annotations

from dsp.checks._wording import grade, severity
from dsp.findings import Advice, Finding, Fix, Measurement
from dsp.mix import Mix
from dsp.profile import Profile

ID, TITLE, DIMENSION, NEEDS = "crest-factor", "Crest factor", "dynamics", ("loudness",)
MEANS = "Compression, saturation or limiting have taken the peaks, on the bus or on the tracks that carry them."
LISTEN = "The attack of drums and plucked strings: is there a front edge, or only weight?"


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    crest = mix.readings.level.crest_db
    assert crest is not None  # NEEDS sound
    good, high = profile.number(ID, "good_db"), profile.number(ID, "high_db")
    status = grade(crest, good, profile.number(ID, "problem_db"))
    title, message = "Healthy crest factor", f"Peaks stand {crest:.1f} dB above the average level."
    fixes: tuple[Fix, ...] = ()
    if status != "pass":
        title = "Over-compressed" if status == "problem" else "Low crest factor"
        message += " Transients have been flattened; mastering can only flatten them further."
        fixes = (Advice("Ease compression, saturation and limiting on the mix bus and the drums, then bounce again."),)
    elif crest > high:
        status, title = "info", "Very dynamic"
        message += " That is unusually dynamic, which is no fault; mastering will decide how much to tame."
    evidence = (
        Measurement("crest_db", crest, "dB"),
        Measurement("rms_dbfs", mix.readings.level.rms_dbfs, "dBFS"),
        Measurement("dr", mix.readings.dynamic_range, "dB"),
    )
    return (
        Finding(
            ID, status, severity(status), title, message, evidence,
            measured=f"{crest:.1f} dB", target=f"{good:g} to {high:g} dB", fixes=fixes,
        ),
    )  # fmt: skip
