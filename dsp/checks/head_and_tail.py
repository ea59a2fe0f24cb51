"""**Why it matters.** A bounce range set too short cuts the first attack or the end of the reverb, and no
mastering brings them back. A little silence before and the whole tail after is what houses ask for.

**How it is measured.** The level of the first 10 ms and of the last 50 ms, and how long the file is silent at
either end.

**References.** aubiomix ("full tails"); mastering delivery notes. The thresholds are our judgement.
"""

from __future__ import annotations

import numpy as np

from dsp.checks._wording import severity
from dsp.findings import ORDER, Advice, Finding, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.units import from_power_db, power_db

ID, TITLE, DIMENSION, NEEDS = "head-and-tail", "Head and tail", "delivery", ("sound",)

#: Hops of 10 ms looked at on either end.
HEAD_HOPS, TAIL_HOPS = 1, 5
#: Quieter than this is silence at the ends of a file: 16-bit noise (dBFS).
SILENCE_DBFS = -90.0


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    level = mix.readings.level
    envelope = level.envelope.max(axis=1)
    head, tail = power_db(float(envelope[:HEAD_HOPS].mean())), power_db(float(envelope[-TAIL_HOPS:].mean()))
    sounding = np.flatnonzero(envelope > from_power_db(SILENCE_DBFS))
    before = float(sounding[0]) * level.hop_s if len(sounding) else mix.duration_s
    after = mix.duration_s - float(sounding[-1] + 1) * level.hop_s if len(sounding) else mix.duration_s
    after = max(0.0, after)
    status: Status = "pass"
    notes, fixes = [], []
    if head > profile.number(ID, "head_dbfs"):
        status = "warning"
        notes.append(f"starts at once, at {head:.0f} dBFS: the first attack may be cut")
        fixes.append(Advice("Start the bounce a quarter of a second before the first sound."))
    if tail > profile.number(ID, "tail_dbfs"):
        status = "warning"
        notes.append(f"ends at {tail:.0f} dBFS: the tail is cut")
        fixes.append(Advice("Let the bounce run until the last reverb has died away."))
    longest = profile.number(ID, "max_silence_s")
    for where, length in (("head", before), ("tail", after)):
        if length > longest:
            status = max(status, "info", key=ORDER.index)
            notes.append(f"has {length:.0f} s of silence at the {where}")
            fixes.append(Advice("Check the bounce range."))
    message = (
        "The file " + ("; it ".join(notes) if notes else "starts in silence and ends when its tail has died away") + "."
    )
    evidence = (
        Measurement("head_dbfs", head, "dBFS", (0.0, HEAD_HOPS * level.hop_s)),
        Measurement("tail_dbfs", tail, "dBFS", (max(0.0, mix.duration_s - TAIL_HOPS * level.hop_s), mix.duration_s)),
        Measurement("silence_before_s", before, "s"),
        Measurement("silence_after_s", after, "s"),
    )
    title = "Clean head and tail" if status == "pass" else "Head or tail"
    return (
        Finding(
            ID, status, severity(status), title, message, evidence,
            measured=f"{before:.2f} s before, tail {'silent' if tail < SILENCE_DBFS else f'{tail:.0f} dBFS'}",
            target="silence, full tail", fixes=tuple(fixes),
        ),
    )  # fmt: skip
