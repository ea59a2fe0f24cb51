"""**Why it matters.** A click from a bad edit, a dropped buffer or a clock that slips, and a hole where a plugin
or a disk gave out, get louder in mastering and cannot be mended there without the tracks.

**How it is measured.** A click is a few samples whose fourth difference exceeds everything within 50 ms on either
side, while the level before and after is the same: the attack of a drum is longer and raises the level. A dropout
is 1 to 250 ms of silence in one or both channels between loud sound, cut off on both sides. What recurs in time
like a gate or a glitch beat is reported and not counted as a fault; a full stop longer than a quarter of a second
is music.

**References.** S. V. Vaseghi and P. J. W. Rayner 1990 and S. Godsill and P. Rayner 1998 on the detection of
clicks; bitwize (peaks six times the surroundings). The thresholds are our judgement.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dsp.checks._wording import clock, severity
from dsp.findings import ORDER, Advice, Finding, Fix, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.units import Curve, amplitude_db, from_amplitude_db

ID, TITLE, DIMENSION, NEEDS = "clicks", "Clicks and dropouts", "delivery", ("sound",)
MEANS = "A hard edit, a buffer that ran dry while bouncing, a clock that slipped, or a plugin that gave out."
LISTEN = "A tick or a hole at these times, soloed and on headphones."

#: Shorter files have nothing to compare a click with (s).
SHORTEST_S = 0.2
#: Corners of clipped peaks are the business of another check: clicks this near to one do not count (s).
CLIPPED_S = 2e-3
#: Glitches are regular when this share of their intervals are whole multiples, up to `MOST_BEATS`, of one beat of at
#: least `SHORTEST_BEAT_S`, within `OFF_BEAT_S` or `OFF_BEAT` of the interval.
REGULAR_SHARE, MOST_BEATS, SHORTEST_BEAT_S, OFF_BEAT_S, OFF_BEAT = 0.8, 8, 0.09, 0.003, 0.01
#: At most this many are named, and listed as evidence.
MOST_NAMED, MOST_LISTED = 4, 50


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    found = mix.readings.glitches
    if mix.duration_s < SHORTEST_S:
        return (
            Finding(
                ID, "undetermined", "low", "Clicks: undetermined", "Too short to tell a click from a sound.",
                (Measurement("duration_s", mix.duration_s, "s"),), measured="too short", target="none",
            ),
        )  # fmt: skip
    peak = from_amplitude_db(mix.readings.level.sample_peak_dbfs or 0.0)
    least = from_amplitude_db(profile.number(ID, "least_db")) * peak
    real = (found.click_ratio >= from_amplitude_db(profile.number(ID, "ratio_db"))) & (found.click_size >= least)
    real &= ~_near(found.click_s, mix.readings.clipping.start_s)
    clicks, sizes, sides = found.click_s[real], found.click_size[real], found.click_channel[real]
    least_regular = int(profile.number(ID, "regular"))
    status: Status = "pass"
    parts, fixes = list[str](), list[Fix]()
    evidence = [Measurement("clicks", len(clicks), "clicks")]
    evidence.append(Measurement("dropouts", len(found.hole_s), "dropouts"))
    if len(clicks):
        beat = _beat(clicks, least_regular)
        status = _worse(status, "info" if beat else "warning")
        named = [
            f"{clock(t)} ({_side(mix, c)}, {amplitude_db(s / peak):.0f} dB to the peak)"
            for t, s, c in zip(clicks, sizes, sides, strict=True)
        ]
        parts.append(_count(len(clicks), "click") + " at " + _some(named) + _rhythm(beat))
        evidence += [
            Measurement("click_db", amplitude_db(s / peak), "dB", float(t))
            for t, s in zip(clicks[:MOST_LISTED], sizes, strict=False)
        ]
        if not beat:
            fixes.append(
                Advice("Solo the tracks at these times: cross-fade the edit, or raise the buffer and bounce again.")
            )
    if len(found.hole_s):
        beat = _beat(found.hole_s, least_regular)
        status = _worse(status, "info" if beat else "problem")
        holes = list(zip(found.hole_s, found.hole_length_s, found.hole_channel, strict=True))
        named = [f"{clock(t)} ({_side(mix, c)}, {1000 * length:.1f} ms)" for t, length, c in holes]
        parts.append(_count(len(holes), "dropout") + " at " + _some(named) + _rhythm(beat))
        evidence += [
            Measurement("dropout_s", float(length), "s", (float(t), float(t + length)))
            for t, length, _ in holes[:MOST_LISTED]
        ]
        if not beat:
            fixes.append(Advice("Bounce again with a larger buffer or offline, and listen at these times."))
    title = "No clicks or dropouts"
    message = "No click and no dropout stands out."
    if parts:
        title = "Clicks" if not len(found.hole_s) else "Dropouts" if not len(clicks) else "Clicks and dropouts"
        message = "; ".join(parts) + "."
    words = [_count(n, word) for n, word in ((len(clicks), "click"), (len(found.hole_s), "dropout")) if n]
    return (
        Finding(
            ID, status, severity(status), title, message, tuple(evidence),
            measured=", ".join(words) or "none", target="none", fixes=tuple(fixes),
        ),
    )  # fmt: skip


def _worse(a: Status, b: Status) -> Status:
    return max(a, b, key=ORDER.index)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _some(named: Sequence[str]) -> str:
    text = ", ".join(named[:MOST_NAMED])
    return f"{text} and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else text


def _side(mix: Mix, channel: int) -> str:
    if channel < 0:
        return "several channels" if mix.source.channels > 2 else "both channels"
    return ("left", "right")[channel] if mix.source.channels == 2 else f"channel {channel + 1}"


def _rhythm(beat: float | None) -> str:
    return f", every {beat:.2f} s or multiples of it: a gate or a beat, unless a clock slips" if beat else ""


def _near(times: Curve, others: Curve) -> npt.NDArray[np.bool_]:
    """Which of `times` lie within `CLIPPED_S` of one of `others`, both sorted."""
    left = np.searchsorted(others, times - CLIPPED_S)
    right = np.searchsorted(others, times + CLIPPED_S)
    return np.asarray(right > left)


def _beat(times: Curve, least: int) -> float | None:
    """The beat in seconds that `least` or more glitches keep, if they do."""
    if len(times) < least:
        return None
    intervals = np.diff(times)
    for interval in np.unique(np.round(intervals, 4)):
        for parts in (1, 2, 3, 4):
            beat = float(interval) / parts
            if beat < SHORTEST_BEAT_S:
                break
            beats = np.round(intervals / beat)
            off = np.abs(intervals - beats * beat)
            kept = (beats >= 1) & (beats <= MOST_BEATS) & (off <= np.maximum(OFF_BEAT_S, OFF_BEAT * intervals))
            if kept.mean() >= REGULAR_SHARE:
                return beat
    return None
