"""**Why it matters.** Headroom rules do not say whether a mix is ready: a mix at -6 dBFS can still be one snare
away from being unmasterable. What counts is how hard a limiter must work to bring it to the loudness it will
be released at, and where.

**How it is measured.** A transparent true-peak look-ahead limiter (2 ms, released at 60 dB per second) is driven
until the song reaches -14 LUFS (streaming) and -9 LUFS (loud) under -1 dBTP. Reported: its gain reduction over the
time that counts for loudness (median, 95 %, highest), the peak-to-loudness ratio lost, and the passages where it
works hardest. Nothing else of mastering is simulated: equalisation and compression before it make it work less.

**References.** AES TD1008 (-1 dBTP, -14 LUFS); practitioners' rule that more than 2 to 3 dB of limiting is heard.
What counts as much is our judgement.
"""

from __future__ import annotations

import numpy as np

from dsp.checks._wording import clock, grade, severity, spans
from dsp.findings import Advice, Finding, Fix, Measurement
from dsp.listening.forecast import CEILING_DBTP, Forecast, forecast
from dsp.mix import Mix
from dsp.profile import Profile

ID, TITLE, DIMENSION, NEEDS = "mastering-forecast", "Mastering forecast", "dynamics", ("loudness",)
MEANS = "A few hits stand far above the rest, or the mix is more dynamic than its release loudness."
LISTEN = "The named passages through any limiter at that gain: does it pump or dull?"

#: Passages are told in windows of this length (s), at most this many of them.
WINDOW_S, MOST_SPANS = 1.0, 8


def hardest(work: Forecast, least_db: float) -> list[tuple[float, float, float]]:
    """Passages where the limiter takes `least_db` or more: start and end in seconds, and the most it takes."""
    rows = max(1, round(WINDOW_S / work.step_s))
    padded = np.pad(work.reduction_db, (0, -len(work.reduction_db) % rows)).reshape(-1, rows).max(axis=1)
    hot = np.flatnonzero(padded >= least_db)
    joined = spans((hot * rows * work.step_s).tolist(), rows * work.step_s * 1.001)
    step = rows * work.step_s
    return [(a, b, float(padded[round(a / step) : max(round(a / step) + 1, round(b / step))].max())) for a, b in joined]


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    targets = profile.number(ID, "streaming_lufs"), profile.number(ID, "loud_lufs")
    streaming, loud = (forecast(mix, target) for target in targets)
    assert streaming is not None  # NEEDS loudness
    assert loud is not None
    good, much = profile.number(ID, "good_p95_db"), profile.number(ID, "warning_max_db")
    status = grade(streaming.p95_db, good, np.inf)
    if status == "pass" and streaming.max_db > much:
        status = "info"
    parts = []
    for work in (streaming, loud):
        reach = "" if abs(work.reached_lufs - work.target_lufs) < 0.1 else f" (only {work.reached_lufs:.1f} is reached)"
        if work.max_db < 0.1:
            parts.append(f"{work.target_lufs:g} LUFS{reach} needs no limiting ({work.drive_db:+.1f} dB of gain)")
        else:
            parts.append(
                f"{work.target_lufs:g} LUFS{reach} needs {work.drive_db:+.1f} dB of gain and up to {work.max_db:.1f} dB"
                f" of limiting (median {work.median_db:.1f}, 95 % of the time below {work.p95_db:.1f}; most at"
                f" {clock(work.max_at_s)}) and costs {max(work.plr_lost_db, 0.0):.1f} dB of PLR"
            )
    message = f"Under {CEILING_DBTP:g} dBTP, " + "; ".join(parts) + "."
    fixes: tuple[Fix, ...] = ()
    passages = hardest(streaming, max(good, streaming.max_db / 2)) if streaming.max_db >= good else []
    if status == "warning":
        message += " The limiter works most of the time: the mix is more dynamic than that loudness allows."
        fixes = (Advice("Ride or compress the loudest parts in the mix, or aim for a lower loudness."),)
    elif status == "info" and passages:
        few = streaming.working_share < profile.number(ID, "few_share")
        message += " A few peaks stick out." if few else " That much will be heard on the peaks."
        fixes = (Advice(f"Look for the track behind the peak at {clock(streaming.max_at_s)} and tame it there."),)
    evidence = [
        m
        for work, name in ((streaming, "streaming"), (loud, "loud"))
        for m in (
            Measurement(f"{name}_target_lufs", work.target_lufs, "LUFS"),
            Measurement(f"{name}_reached_lufs", work.reached_lufs, "LUFS"),
            Measurement(f"{name}_drive_db", work.drive_db, "dB"),
            Measurement(f"{name}_reduction_median_db", work.median_db, "dB"),
            Measurement(f"{name}_reduction_p95_db", work.p95_db, "dB"),
            Measurement(f"{name}_reduction_max_db", work.max_db, "dB", work.max_at_s if work.max_db > 0 else None),
            Measurement(f"{name}_plr_lost_db", work.plr_lost_db, "dB"),
            Measurement(f"{name}_working_share", work.working_share, ""),
        )
    ]
    evidence += [Measurement("hard_work_db", most, "dB", (a, b)) for a, b, most in passages[:MOST_SPANS]]
    title = {"pass": "Masters easily", "info": "Peaks will be limited"}.get(status, "Too dynamic for that loudness")
    return (
        Finding(
            ID, status, severity(status), title, message, tuple(evidence),
            measured=f"{streaming.max_db:.1f} dB at {targets[0]:g}, {loud.max_db:.1f} dB at {targets[1]:g} LUFS",
            target=f"<= {much:g} dB at {targets[0]:g} LUFS", fixes=fixes,
        ),
    )  # fmt: skip
