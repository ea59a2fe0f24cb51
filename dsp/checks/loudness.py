"""**Why it matters.** Loudness itself is mastering's business, but a mix that arrives loud was usually made
loud by compression or a limiter that cannot be undone. A quiet mix is no fault in a 24-bit or float file: a
gain trim restores it. In a 16-bit file a very quiet mix has lost resolution.

**How it is measured.** Integrated loudness with both gates, the loudest 400 ms and 3 s, the loudness range,
and the loudness of each section of the song.

**References.** ITU-R BS.1770-5; EBU R128, Tech 3341, Tech 3342; mixdiagnose.com pre-mastering checklist.
"""

from __future__ import annotations

from dsp.checks._wording import clock, severity
from dsp.findings import Advice, Finding, Fix, GainMove, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile

ID, TITLE, DIMENSION, NEEDS = "loudness", "Loudness", "loudness", ("loudness",)
MEANS = "The mix was made loud on the bus, or its faders are low."
LISTEN = "At equal loudness with a song you trust: is it still as open?"


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    reading = mix.readings.loudness
    loudness = reading.integrated_lufs
    assert loudness is not None  # NEEDS loudness
    low, high = profile.number(ID, "low_lufs"), profile.number(ID, "high_lufs")
    coarse = mix.readings.bits_used is not None and mix.readings.bits_used <= 16 and not mix.source.lossy
    status: Status = "pass"
    title, message = "Loudness within the target", f"The mix measures {loudness:.1f} LUFS."
    fixes: tuple[Fix, ...] = ()
    if loudness > high:
        status = "warning" if loudness <= profile.number(ID, "problem_lufs") else "problem"
        title = "Louder than the target"
        message += f" That is {loudness - high:.1f} LU above {high:g} LUFS."
        if profile.number("bus-limiter", "judge"):
            message += " A trim alone only hides what made it loud."
            fixes = (Advice("Take processing off the mix bus first, then lower the mix by what is left."),)
        fixes += (GainMove("mix", round(high - loudness, 1)),)
    elif loudness < low:
        status = "info"
        title = "Quieter than usual"
        message += " That is no fault in 24 bit or float: mastering raises it without loss."
        if coarse and loudness < profile.number(ID, "coarse_lufs"):
            status, title = "warning", "Too quiet for 16 bit"
            message = f"The mix measures {loudness:.1f} LUFS in a 16-bit file: bounce it again in 24 bit or float."
    parts = [s for s in mix.readings.sections if s.lufs is not None]
    if len(parts) > 1:
        loudest, quietest = (pick(parts, key=lambda s: s.lufs or 0.0) for pick in (max, min))
        message += (
            f" Its loudest section ({clock(loudest.start_s)}-{clock(loudest.end_s)}) is at {loudest.lufs:.1f},"
            f" its quietest ({clock(quietest.start_s)}-{clock(quietest.end_s)}) at {quietest.lufs:.1f} LUFS."
        )
    evidence = (
        Measurement("integrated_lufs", loudness, "LUFS"),
        Measurement("max_short_term_lufs", reading.max_short_term_lufs, "LUFS", reading.max_short_term_at_s),
        Measurement("max_momentary_lufs", reading.max_momentary_lufs, "LUFS", reading.max_momentary_at_s),
        Measurement("loudness_range_lu", reading.loudness_range_lu, "LU"),
        *(Measurement("section_lufs", s.lufs, "LUFS", (s.start_s, s.end_s)) for s in parts),
    )
    return (
        Finding(
            ID, status, severity(status), title, message, evidence,
            measured=f"{loudness:.1f} LUFS", target=f"{low:g} to {high:g} LUFS", fixes=fixes,
        ),
    )  # fmt: skip
