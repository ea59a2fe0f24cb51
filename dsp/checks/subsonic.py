"""**Why it matters.** Energy below 30 Hz is hardly heard, but it moves woofers, works compressors and takes
headroom from everything else. It comes from a rumbling microphone, a plosive, a synthesiser without a filter or a
slow drift.

**How it is measured.** The energy from 5 to 27 Hz, seen through windows of 400 ms, against that of the whole mix
over its loud parts. A bass note of 31 Hz (the low B of a bass) leaks less than -30 dB into it; a constant offset
does not count. It is sustained when it is that strong in half of the loud time; a few drops are music.

**References.** SessionPrep (below 30 Hz more than -20 dB); mastering delivery notes (a high-pass at 30 Hz).
"""

from __future__ import annotations

import numpy as np

from dsp.checks._wording import clock, severity
from dsp.findings import EqMove, Finding, Fix, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.units import power_db, power_db_curve

ID, TITLE, DIMENSION, NEEDS = "subsonic", "Energy below 30 Hz", "frequency balance", ("loudness",)
MEANS = "An unfiltered microphone or synthesiser, wind, steps, a plosive, or a bass an octave too low."
LISTEN = "Hardly anything: watch the cone of a woofer, or the meters with a high-pass at 30 Hz on and off."

#: Bins from the second on, free of a constant offset, to 25 Hz, whose upper flank reaches 27 Hz.
FIRST_BIN, LAST_HZ = 2, 25.0
#: Half seconds count as loud within this of the mean (dB).
LOUD_DB = -10.0
#: Fewer loud half seconds are not judged.
LEAST = 4


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    level, fine = mix.readings.level, mix.readings.gram.fine
    count = min(len(fine.low), len(level.block_means))
    means = np.repeat(np.square(level.block_means), round(level.block_s / level.hop_s), axis=0)[: len(level.envelope)]
    moving = np.maximum(level.envelope - means, 0.0).mean(axis=1)
    per_block = round(level.block_s / level.hop_s)
    padded = np.pad(moving, (0, -len(moving) % per_block))
    total = padded.reshape(-1, per_block).mean(axis=1)[:count]
    low = fine.low[:count, FIRST_BIN : int(LAST_HZ / fine.low_hz) + 1].sum(axis=1, dtype=np.float64)
    loud = total > total.mean() * 10.0 ** (LOUD_DB / 10.0) if count else np.zeros(0, dtype=bool)
    span = (FIRST_BIN * fine.low_hz, 30.0)
    if loud.sum() < LEAST:
        return (
            Finding(
                ID, "undetermined", "low", "Subsonic: undetermined", "Less than two seconds of it are loud.",
                (Measurement("duration_s", mix.duration_s, "s"),), measured="too short", target="none",
            ),
        )  # fmt: skip
    share = power_db(float(low[loud].sum() / total[loud].sum()))
    usual = float(np.median(power_db_curve(low[loud] / total[loud])))
    worst = int(np.where(loud, low, 0.0).argmax())
    worst_db = power_db(float(low[worst] / total[worst]))
    at_s = (float(fine.low_s[worst]), float(fine.low_s[worst] + level.block_s))
    info, warning = profile.number(ID, "info_db"), profile.number(ID, "warning_db")
    status: Status = "pass"
    if share > info:
        sustained = usual > profile.number(ID, "sustained_db")
        status = "warning" if share > warning and sustained else "info"
    message = f"Below 30 Hz lies {share:.0f} dB of the energy" if np.isfinite(share) else "Nothing lies below 30 Hz"
    fixes: tuple[Fix, ...] = ()
    if status == "info":
        message += f", most at {clock(at_s[0])}: a drop or a low note, if it is meant"
    if status == "warning":
        message += f", nearly all the time, most at {clock(at_s[0])}: it is not heard but takes headroom"
        fixes = (EqMove("mix", "high-pass", 25.0, 0.0, 0.71),)
    title = {"pass": "Little below 30 Hz", "info": "Some energy below 30 Hz"}.get(status, "Too much below 30 Hz")
    evidence = (
        Measurement("subsonic_share_db", share, "dB", band_hz=span),
        Measurement("subsonic_median_db", usual, "dB", band_hz=span),
        Measurement("subsonic_worst_db", worst_db, "dB", at_s, span),
    )
    words = f"{share:.0f} dB" if np.isfinite(share) else "none"
    return (
        Finding(
            ID, status, severity(status), title, message + ".", evidence,
            measured=words, target=f"<= {info:g} dB", fixes=fixes,
        ),
    )  # fmt: skip
