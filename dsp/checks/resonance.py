"""**Why it matters.** A whistle (a computer, a monitor, a ringing snare left open) or a resonance that rings with
every chord sticks out more after compression. Cut narrowly at its source, it costs nothing.

**How it is measured.** Spectra of two seconds in bins of 10 Hz from 200 Hz to 8 kHz, each bin against the half
octave around it. A line counts when it stands out in four fifths of the time. Notes do that too, so more is
asked: a *whistle* keeps its level while what surrounds it rises and falls; a *resonance* keeps its distance from
its surroundings while these change against the rest of the mix, where a note comes and goes. Lines with a partner
at a half, a third, twice or three times the frequency are partials of a note, and among more than a few lines, as
in a loop or a drone, a resonance cannot be told from a note: then nothing is said.

**References.** T. van Waterschoot and M. Moonen 2011, *Fifty years of acoustic feedback control*
(peak-to-neighbouring and peak-to-harmonic power ratios, persistence over frames). The numbers are our judgement,
from lines and filters put into real songs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.checks._wording import severity, spans
from dsp.findings import Advice, EqMove, Finding, Fix, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.units import Curve, from_power_db, power_db_curve

ID, TITLE, DIMENSION, NEEDS = "resonance", "Resonances and whistles", "frequency balance", ("loudness",)
MEANS = "A ringing drum, a room, a computer or power supply near a microphone, or a filter with too much of its own."
LISTEN = "A tone that stays whatever is played; sweep a narrow bell there."

#: Searched range (Hz): below, 10 Hz are too coarse beside the distance of notes.
FROM_HZ, TO_HZ = 200.0, 7_900.0
#: The surroundings reach this far up and down in octaves, at least so many bins, without so many next to the line.
AROUND_OCTAVES, AROUND_BINS, GAP_BINS = 0.25, 6, 3
#: Spectra below the loudest by more are silence (dB), and a line stands out in this share of them.
ACTIVE_DB, PERSISTENT = -40.0, 0.8
#: Bins on either side that a line outdoes.
APART_BINS = 4
#: Partials of one note agree within this share of the frequency.
PARTIAL = 0.005
NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@dataclass(frozen=True)
class Line:
    """A line that stands out all the time: frequency, height over its surroundings (dB), and spreads over time (dB).

    `level_db` is the spread of its level, `height_db` of its height, `around_db` of the level of its
    surroundings, and `colour_db` of that level against the level of the whole.
    """

    hz: float
    db: float
    level_db: float
    height_db: float
    around_db: float
    colour_db: float


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    fine = mix.readings.gram.fine
    active = np.zeros(len(fine.high), dtype=bool)
    if fine.high.size:
        total = fine.high.sum(axis=1)
        active = total > total.max() * from_power_db(ACTIVE_DB)
    duration = Measurement("sounding_s", float(active.sum() * fine.high_s), "s")
    least_s = profile.number(ID, "least_s")
    if active.sum() * fine.high_s < least_s:
        why = f"Less than {least_s:g} s sound: a note that is held cannot be told from a resonance."
        return (
            Finding(
                ID, "undetermined", "low", "Resonance: undetermined", why, (duration,),
                measured="too short", target="none",
            ),
        )  # fmt: skip
    lines = _lines(fine.high[active], mix.readings.gram.bin_hz, profile.number(ID, "info_db"))
    around, steady = profile.number(ID, "around_db"), profile.number(ID, "steady_share")
    whistles = [k for k in lines if k.around_db >= around and k.level_db <= steady * k.around_db]
    few = len(lines) <= int(profile.number(ID, "most_lines"))
    apart = profile.number(ID, "ring_share")
    rings = [k for k in lines if few and k.colour_db >= around and k.height_db <= apart * k.colour_db]
    chosen = [k for k in whistles + [k for k in rings if k not in whistles] if not _partial(k, lines)]
    evidence = [duration]
    if not chosen or len(chosen) > int(profile.number(ID, "most_lines")):
        message = "No line stands out whatever is played."
        if lines:
            strongest = max(lines, key=lambda k: k.db)
            message = f"Lines that stand out most of the time, like {_named(strongest.hz)}, behave as notes do."
        evidence += [Measurement("line_db", k.db, "dB", band_hz=(k.hz, k.hz)) for k in lines[:10]]
        return (
            Finding(
                ID, "pass", "none", "No resonance", message, tuple(evidence),
                measured="none", target="none",
            ),
        )  # fmt: skip
    status: Status = "warning" if any(k.db >= profile.number(ID, "warning_db") for k in chosen) else "info"
    starts = (np.flatnonzero(active) * fine.high_s).tolist()
    parts, fixes = list[str](), list[Fix]()
    for line in sorted(chosen, key=lambda k: -k.db):
        kind = "whistle" if line in whistles else "resonance"
        parts.append(f"a {kind} at {_named(line.hz)}, {line.db:.0f} dB above its surroundings")
        band = (line.hz * 2.0 ** (-1 / 12), line.hz * 2.0 ** (1 / 12))
        here = _present(fine.high[active], line, mix.readings.gram.bin_hz, profile.number(ID, "info_db") / 2)
        times = spans([starts[k] for k in here], fine.high_s)[:20]
        evidence += [Measurement(f"{kind}_db", line.db, "dB", span, band) for span in times]
        fixes.append(EqMove("mix", "bell", round(line.hz, 1), -min(6.0, round(line.db / 2, 1)), 12.0))
    fixes.append(
        Advice("Listen at these frequencies and cut at the track it comes from; a drone that is meant may stay.")
    )
    message = " and ".join(parts)
    return (
        Finding(
            ID, status, severity(status), "Something rings", message[0].upper() + message[1:] + ".", tuple(evidence),
            measured=", ".join(f"{k.hz:.0f} Hz" for k in chosen), target="none", fixes=tuple(fixes),
        ),
    )  # fmt: skip


def _heights(level: Curve) -> tuple[Curve, Curve]:
    """Of spectra in dB, shape (times, bins): every bin over its surroundings, and the surroundings."""
    count = level.shape[1]
    bins = np.arange(count)
    sums = np.concatenate([np.zeros((len(level), 1)), np.cumsum(level, axis=1)], axis=1)
    low = np.maximum(np.minimum((bins / 2**AROUND_OCTAVES).astype(int), bins - AROUND_BINS), 1)
    high = np.minimum(np.maximum(np.ceil(bins * 2**AROUND_OCTAVES).astype(int), bins + AROUND_BINS) + 1, count)
    first, last = np.maximum(bins - GAP_BINS, low), np.minimum(bins + GAP_BINS + 1, high)
    around = (sums[:, high] - sums[:, low] - sums[:, last] + sums[:, first]) / np.maximum(high - low - last + first, 1)
    return level - around, around


def _lines(power: Curve, bin_hz: float, least_db: float) -> list[Line]:
    """Lines that stand out by `least_db` nearly all the time."""
    level = np.maximum(power_db_curve(power), -200.0)
    height, around = _heights(level)
    colour = around - power_db_curve(power.sum(axis=1))[:, None]
    persistent = np.percentile(height, 100.0 * (1.0 - PERSISTENT), axis=0)
    found = []
    for k in np.flatnonzero(persistent >= least_db):
        beside = persistent[max(0, k - APART_BINS) : k + APART_BINS + 1]
        if not FROM_HZ <= k * bin_hz <= TO_HZ or persistent[k] < beside.max():
            continue
        left, middle, right = np.median(level[:, k - 1 : k + 2], axis=0)
        bend = left - 2 * middle + right
        off = float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else 0.0
        spreads = (_spread(v[:, k]) for v in (level, height, around, colour))
        found.append(Line(float(k + off) * bin_hz, float(persistent[k]), *spreads))
    return found


def _spread(values: Curve) -> float:
    """Half the range of the middle two thirds: a standard deviation that a few odd passages do not move."""
    low, high = np.percentile(values, (16.0, 84.0))
    return float(high - low) / 2.0


def _present(power: Curve, line: Line, bin_hz: float, least_db: float) -> npt.NDArray[np.intp]:
    """In which of the spectra a line stands out."""
    height, _ = _heights(np.maximum(power_db_curve(power), -200.0))
    return np.flatnonzero(height[:, round(line.hz / bin_hz)] >= least_db)


def _partial(line: Line, lines: list[Line]) -> bool:
    """Whether another line is a simple multiple or fraction of this one."""
    others = (k.hz for k in lines if k is not line)
    return any(abs(hz / (line.hz * ratio) - 1.0) <= PARTIAL for hz in others for ratio in (1 / 3, 1 / 2, 2.0, 3.0))


def _named(hz: float) -> str:
    """A frequency with the note it is nearest to.

    >>> _named(445.0)
    '445 Hz (A4 +20 cents)'
    """
    note = 69.0 + 12.0 * math.log2(hz / 440.0)
    nearest = round(note)
    return f"{hz:.0f} Hz ({NOTES[nearest % 12]}{nearest // 12 - 1} {100 * (note - nearest):+.0f} cents)"
