"""**Why it matters.** A mastering engineer equalises and compresses before the final limiter; both need room
above the highest peak. Many houses ask for peaks between -6 and -3 dBFS. In a float file a hot level alone
does no harm and a gain trim mends it; in a fixed-point file anything above 0 dBFS is lost.

**How it is measured.** The highest absolute sample of any channel, in dBFS, with its time.

**References.** Recording Academy Producers & Engineers Wing, "Recommendations for delivering mixes".
"""

from __future__ import annotations

from dsp.checks._wording import clock, grade, severity
from dsp.findings import Advice, Finding, Fix, GainMove, Measurement
from dsp.mix import Mix
from dsp.profile import Profile

ID, TITLE, DIMENSION, NEEDS = "headroom", "Headroom", "gain staging", ("sound",)
MEANS = "The mix bus is too hot; in a float file that alone costs nothing."
LISTEN = "Nothing: level cannot be heard, only what it ran into."


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    level = mix.readings.level
    peak, at_s = level.sample_peak_dbfs, level.sample_peak_at_s
    assert peak is not None  # NEEDS sound
    assert at_s is not None
    good = profile.number(ID, "pass_dbfs")
    status = grade(peak, good, profile.number(ID, "problem_dbfs"))
    fixes: tuple[Fix, ...] = ()
    message = f"The highest sample is {peak:.1f} dBFS at {clock(at_s)}."
    if status != "pass":
        trim = GainMove("mix", round(good - peak, 1))
        fixes = (trim, Advice("Trim before the bounce, at the mix bus or all faders together, not with a limiter."))
        message += f" Lower the mix by {-trim.gain_db:.1f} dB to leave mastering its room."
    evidence = (Measurement("sample_peak_dbfs", peak, "dBFS", at_s),)
    title = "Enough headroom" if status == "pass" else "Too little headroom"
    return (
        Finding(
            ID, status, severity(status), title, message, evidence,
            measured=f"{peak:.1f} dBFS", target=f"<= {good:g} dBFS", fixes=fixes,
        ),
    )  # fmt: skip
