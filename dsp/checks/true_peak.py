"""**Why it matters.** Converters and lossy codecs rebuild the waveform between the samples, where it can rise
above the highest sample. A mix whose true peak is near full scale leaves no room to work in, and a master
above it clips in the listener's player.

**How it is measured.** The waveform is interpolated to 16 times the sample rate; the reading is the highest
absolute value, within 0.06 dB of the closed form up to 0.45 of the sample rate.

**References.** ITU-R BS.1770-5 Annex 2; EBU Tech 3341; AES TD1008.
"""

from __future__ import annotations

from dsp.checks._wording import clock, grade, severity
from dsp.findings import Finding, Fix, GainMove, Measurement
from dsp.mix import Mix
from dsp.profile import Profile

ID, TITLE, DIMENSION, NEEDS = "true-peak", "True peak", "gain staging", ("sound",)
MEANS = "The bounce is too hot, or was normalised."
LISTEN = "Nothing yet: it is the converters and codecs behind it that clip."


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    reading = mix.readings.true_peak
    peak, at_s = reading.max_dbtp, reading.at_s
    assert peak is not None  # NEEDS sound
    assert at_s is not None
    good = profile.number(ID, "pass_dbtp")
    status = grade(peak, good, profile.number(ID, "problem_dbtp"))
    message = f"The waveform peaks at {peak:.1f} dBTP at {clock(at_s)}."
    fixes: tuple[Fix, ...] = ()
    if status != "pass":
        fixes = (GainMove("mix", round(good - peak, 1)),)
        message += " Above 0 dBTP a converter or codec clips." if peak > 0 else f" The target is {good:g} dBTP."
    evidence = (
        Measurement("true_peak_dbtp", peak, "dBTP", at_s),
        *(Measurement(f"channel_{i}_true_peak_dbtp", v, "dBTP") for i, v in enumerate(reading.channel_dbtp, 1)),
    )
    title = "True peak within the target" if status == "pass" else "True peak too high"
    return (
        Finding(
            ID, status, severity(status), title, message, evidence,
            measured=f"{peak:.1f} dBTP", target=f"<= {good:g} dBTP", fixes=fixes,
        ),
    )  # fmt: skip
