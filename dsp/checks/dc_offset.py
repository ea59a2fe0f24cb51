"""**Why it matters.** A constant offset eats headroom on one side, makes compressors work on nothing and
clicks at every cut. It comes from a converter, an asymmetric distortion or a broken plugin.

**How it is measured.** The mean of the samples of each channel over the whole file; the larger counts, in
dBFS.

**References.** SessionPrep (warns above -40 dBFS).
"""

from __future__ import annotations

from dsp.checks._wording import grade, severity
from dsp.findings import Advice, Finding, Fix, Measurement
from dsp.mix import Mix
from dsp.profile import Profile

ID, TITLE, DIMENSION, NEEDS = "dc-offset", "DC offset", "gain staging", ("loudness",)


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    offset = mix.readings.level.dc_offset_db
    good = profile.number(ID, "pass_dbfs")
    status = "pass" if offset is None else grade(offset, good, profile.number(ID, "problem_dbfs"))
    words = "none" if offset is None else f"{offset:.0f} dBFS"
    fixes: tuple[Fix, ...] = ()
    message = f"The mean of the samples is {words}."
    if status != "pass":
        message += " It eats headroom and clicks at every cut."
        fixes = (
            Advice("Find the track with the offset and put a high-pass at 20 Hz or below, or a DC filter, on it."),
        )
    title = "No DC offset" if status == "pass" else "DC offset"
    evidence = (Measurement("dc_offset_db", offset, "dBFS"),)
    return (
        Finding(
            ID, status, severity(status), title, message, evidence,
            measured=words, target=f"<= {good:g} dBFS", fixes=fixes,
        ),
    )  # fmt: skip
