"""**Why it matters.** A bounce range set too short cuts the first attack or the end of the reverb, and no mastering
brings them back. A little silence before and the whole tail after is what houses ask for. Silence inside is a part
that was muted by accident, or a second song.

**How it is measured.** The level of the first 10 ms and of the last 50 ms, and how long the file is silent (below
-90 dBFS) at either end and inside; a constant offset is not sound. An end that was falling steadily and stops above
the threshold, at the end of the file or with silence after it, is a fade or a decay that was cut off.

**References.** aubiomix ("full tails"); craftlab (gaps of a second and more); mastering delivery notes. The
thresholds are our judgement.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.checks._wording import clocks, severity
from dsp.findings import ORDER, Advice, Finding, Fix, Measurement, Status
from dsp.meters.level import Level
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.units import Curve, from_power_db, power_db, power_db_curve

ID, TITLE, DIMENSION, NEEDS = "head-and-tail", "Head, tail and gaps", "delivery", ("sound",)
MEANS = "A bounce range that is too short or too long, a fade that ends outside it, or a mute left on."
LISTEN = "The first attack and the end of the last reverb, at high volume."

#: Hops of 10 ms looked at on either end.
HEAD_HOPS, TAIL_HOPS = 1, 5
#: Quieter than this is silence: 16-bit noise (dBFS).
SILENCE_DBFS = -90.0
#: A fade falls this fast at least and at most (dB/s) over the last `FADE_S`, seen in steps of `STEP_HOPS`, and strays
#: from a straight line in dB by less than `STRAIGHT_DB` (standard deviation).
SLOWEST_FADE, FASTEST_FADE, FADE_S, STEP_HOPS, STRAIGHT_DB = 3.0, 40.0, 2.0, 10, 3.0


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    level = mix.readings.level
    envelope = _sound(level)
    head, tail = power_db(float(envelope[:HEAD_HOPS].mean())), power_db(float(envelope[-TAIL_HOPS:].mean()))
    sounding = np.flatnonzero(envelope > from_power_db(SILENCE_DBFS))
    first, last = (int(sounding[0]), int(sounding[-1]) + 1) if len(sounding) else (len(envelope), len(envelope))
    before = min(first * level.hop_s, mix.duration_s)
    after = max(0.0, mix.duration_s - last * level.hop_s) if len(sounding) else mix.duration_s
    gaps = _gaps(sounding, profile.number(ID, "gap_s") / level.hop_s) * level.hop_s
    fade = _fade(envelope[:last], level.hop_s)
    end = power_db(float(envelope[max(0, last - TAIL_HOPS) : last].mean())) if last else -np.inf
    limit, longest = profile.number(ID, "tail_dbfs"), profile.number(ID, "max_silence_s")
    status: Status = "pass"
    notes, fixes = list[str](), list[Fix]()
    if head > profile.number(ID, "head_dbfs"):
        status = "warning"
        notes.append(f"starts at once, at {head:.0f} dBFS: the first attack may be cut")
        fixes.append(Advice("Start the bounce a quarter of a second before the first sound."))
    if tail > limit or (fade and end > limit):
        status = "warning"
        if fade:
            notes.append(f"is cut off at {end:.0f} dBFS while it dies away by {fade:.0f} dB a second")
        else:
            notes.append(f"ends at {tail:.0f} dBFS: the tail is cut")
        fixes.append(Advice("Let the bounce run until the last reverb has died away or the fade has ended."))
    for where, length in (("head", before), ("tail", after)):
        if length > longest:
            status = max(status, "info", key=ORDER.index)
            notes.append(f"has {length:.0f} s of silence at the {where}")
            fixes.append(Advice("Check the bounce range."))
    if len(gaps):
        long = float(np.diff(gaps).max())
        status = max(status, "warning" if long > longest else "info", key=ORDER.index)
        notes.append(f"is silent inside from {clocks(gaps[:, 0])} on, for up to {long:.1f} s")
        fixes.append(Advice("Check that nothing was muted there."))
    message = (
        "The file " + ("; it ".join(notes) if notes else "starts in silence and ends when its tail has died away") + "."
    )
    evidence = (
        Measurement("head_dbfs", head, "dBFS", (0.0, HEAD_HOPS * level.hop_s)),
        Measurement("tail_dbfs", tail, "dBFS", (max(0.0, mix.duration_s - TAIL_HOPS * level.hop_s), mix.duration_s)),
        Measurement("end_dbfs", end, "dBFS", min(last * level.hop_s, mix.duration_s)),
        Measurement("fade_db_per_s", fade, "dB/s"),
        Measurement("silence_before_s", before, "s"),
        Measurement("silence_after_s", after, "s"),
        *(Measurement("silence_inside_s", float(b - a), "s", (float(a), float(b))) for a, b in gaps[:20]),
    )
    title = "Clean head and tail" if status == "pass" else "Head, tail or gaps"
    return (
        Finding(
            ID, status, severity(status), title, message, evidence,
            measured=f"{before:.2f} s before, tail {'silent' if tail < SILENCE_DBFS else f'{tail:.0f} dBFS'}",
            target="silence, full tail", fixes=tuple(fixes),
        ),
    )  # fmt: skip


def _sound(level: Level) -> Curve:
    """Mean square of every 10 ms in the louder channel, without the offset of its half second."""
    offset = np.repeat(np.square(level.block_means), round(level.block_s / level.hop_s), axis=0)
    return np.asarray(np.maximum(level.envelope - offset[: len(level.envelope)], 0.0).max(axis=1))


def _gaps(sounding: npt.NDArray[np.intp], least_hops: float) -> npt.NDArray[np.intp]:
    """First and last hop (exclusive) of the silences between sounding hops, shape (gaps, 2)."""
    wide = np.flatnonzero(np.diff(sounding) - 1 >= least_hops)
    return np.stack([sounding[wide] + 1, sounding[wide + 1]], axis=1)


def _fade(envelope: Curve, hop_s: float) -> float | None:
    """How fast the end falls in dB per second, where it falls steadily; None where it does not."""
    steps = round(FADE_S / (STEP_HOPS * hop_s))
    if len(envelope) < steps * STEP_HOPS:
        return None
    ends = power_db_curve(envelope[-steps * STEP_HOPS :].reshape(steps, STEP_HOPS).mean(axis=1))
    if not np.isfinite(ends).all():
        return None
    at_s = np.arange(steps) * STEP_HOPS * hop_s
    slope, start = np.polyfit(at_s, ends, 1)
    straight = float((ends - start - slope * at_s).std()) <= STRAIGHT_DB
    return float(-slope) if straight and SLOWEST_FADE <= -slope <= FASTEST_FADE else None
