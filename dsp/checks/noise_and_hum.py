"""**Why it matters.** Mastering lifts what is quiet. Mains hum and hiss that the mix just covers come forward in
every gap, in the head and in the tail, and can no longer be taken out without touching the music.

**How it is measured.** *Hum:* in every half second, lines at the multiples of 50 and of 60 Hz up to 280 Hz that
have the shape of a steady tone, lie within 0.4 Hz of their frequency (G1 is 49.0 Hz, B1 61.7) and stand free of
their neighbours. They are hum only if their level is the same each time they can be seen, and nowhere in the
file, head and tail included, is there less of them: an instrument that plays this note stops some time. *Noise:*
passages of 0.45 s and more that are far below the loud parts, keep their level as reverb and notes do not, and
carry a good part of their energy above 5 kHz. Where the music leaves no gap, neither can be heard, and nothing is
said.

**References.** EN 50160 (mains frequency within 1 %, in practice 0.1 %); mixanalytic (50/60 Hz hum, hiss). The
thresholds are our judgement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.checks._wording import clock, severity, spans
from dsp.findings import ORDER, Advice, Finding, Fix, Measurement, Status
from dsp.meters.windows import frames_of
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.units import power_db, power_db_curve

ID, TITLE, DIMENSION, NEEDS = "noise-and-hum", "Noise and hum", "delivery", ("sound",)
MEANS = "An amplifier, a cable, a preamplifier or a plugin that models noise, open where nothing is played."
LISTEN = "The head, the tail and the gaps, turned up."

MAINS_HZ = (50.0, 60.0)
#: A steady tone seen through a Hann window falls by 6 dB to either neighbouring bin and by more beyond: that slope and
#: its tolerance, the largest difference of the neighbours (4.2 dB is 0.4 Hz), and how far it exceeds the bins beyond.
SLOPE_DB, SLOPE_WITHIN_DB, SKEW_DB, FREE_DB = 6.25, 2.0, 4.2, 12.0
#: Power of a tone over that of its highest bin.
TONE = 1.5
#: Lines below this are rounding (dBFS).
LOWEST_DBFS = -110.0
#: Hum is seen this often at least (half seconds), its level spreads by less between quartiles (dB), and in no more than
#: this share of the file there is less of it by this much (dB).
LEAST_SEEN, SPREAD_DB, LACKING_SHARE, LACKING_DB = 4, 2.0, 0.05, 4.0
#: A single line must be seen this often: a lone line is less than a family.
LEAST_SEEN_ALONE = 8
#: Frames of 50 ms that make a steady passage, how little their level may move (dB), and the lowest that is not silence.
STEADY_FRAMES, STEADY_DB, SILENT_DBFS = 9, 3.0, -105.0
#: Noise passages belong together within this (dB).
SAME_NOISE_DB = 3.0
#: Hiss lies above this frequency (Hz).
HISS_HZ = 5_000.0
#: Shorter files are not judged (s).
SHORTEST_S = 3.0


@dataclass(frozen=True)
class Hum:
    """A family of lines: mains frequency, what multiples were seen, total level, starts of where it was seen (s)."""

    mains_hz: float
    lines_hz: tuple[float, ...]
    dbfs: float
    seen_s: tuple[float, ...]


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    loud = power_db(float(mix.spectrum.sum()))
    if mix.duration_s < SHORTEST_S:
        why = f"{mix.duration_s:.1f} s are too short to tell hum from a note and noise from a sound."
        return (
            Finding(
                ID, "undetermined", "low", "Noise and hum: undetermined", why,
                (Measurement("duration_s", mix.duration_s, "s"),), measured="too short", target="none",
            ),
        )  # fmt: skip
    status: Status = "pass"
    evidence, parts, words, fixes = [Measurement("loud_dbfs", loud, "dBFS")], [], [], list[Fix]()
    hum = max((h for h in (_hum(mix, hz) for hz in MAINS_HZ) if h), key=lambda h: h.dbfs, default=None)
    if hum and hum.dbfs - loud > profile.number(ID, "hum_most_db"):
        hum = None  # so loud a line is a note
    if hum:
        below = hum.dbfs - loud
        if below > profile.number(ID, "hum_info_db"):
            status = "info"
        if below > profile.number(ID, "hum_warning_db"):
            status = "problem" if below > profile.number(ID, "hum_problem_db") else "warning"
            fixes.append(Advice(f"Find the track that hums ({hum.mains_hz:.0f} Hz mains) and gate or de-hum it there."))
        lines = ", ".join(f"{hz:.0f}" for hz in hum.lines_hz)
        parts.append(
            f"Mains hum at {lines} Hz of {hum.dbfs:.0f} dBFS, {-below:.0f} dB below the music, "
            f"heard from {clock(hum.seen_s[0])} on"
        )
        words.append(f"hum {hum.dbfs:.0f} dBFS")
        window_s = mix.readings.level.block_s
        evidence += [
            Measurement("hum_dbfs", hum.dbfs, "dBFS", span, (hum.lines_hz[0], hum.lines_hz[-1]))
            for span in spans(hum.seen_s, window_s)[:20]
        ]
    noise = _noise(mix, loud + profile.number(ID, "gap_db"), profile.number(ID, "hiss_share"))
    if noise:
        level, share, seen = noise
        below = level - loud
        evidence += [Measurement("noise_dbfs", level, "dBFS", span) for span in seen[:20]]
        evidence.append(Measurement("hiss_share", share, "", band_hz=(HISS_HZ, 20_000.0)))
        if below > profile.number(ID, "noise_info_db"):
            noisy = below > profile.number(ID, "noise_warning_db")
            status = max(status, "warning" if noisy else "info", key=ORDER.index)
            parts.append(
                f"Hiss of {level:.0f} dBFS, {-below:.0f} dB below the music, stands in the gaps ({clock(seen[0][0])})"
            )
            words.append(f"hiss {level:.0f} dBFS")
            if noisy:
                fixes.append(
                    Advice("Mute or gate tracks where they do not play; look for a noisy amplifier or plugin.")
                )
    if not parts:
        parts.append("No hum and no hiss stands out where the music leaves room")
    title = {"pass": "No noise or hum", "info": "Noise or hum, low"}.get(status, "Noise or hum")
    return (
        Finding(
            ID, status, severity(status), title, "; ".join(parts) + ".", tuple(evidence),
            measured=", ".join(words) or "none", target="none", fixes=tuple(fixes),
        ),
    )  # fmt: skip


def _hum(mix: Mix, mains_hz: float) -> Hum | None:
    """The hum of one mains frequency, if there is one."""
    fine = mix.readings.gram.fine
    if not fine.low.size:
        return None
    level = power_db_curve(fine.low)
    found, total, seen = [], 0.0, np.zeros(len(level), dtype=bool)
    hz = mains_hz
    while round(hz / fine.low_hz) + 2 < level.shape[1]:
        line = level[:, round(hz / fine.low_hz) - 2 : round(hz / fine.low_hz) + 3]
        flags = _steady_tone(line)
        if flags.sum() >= LEAST_SEEN:
            there = line[flags, 2]
            low, middle, high = np.percentile(there, (25, 50, 75))
            lacking = (line[:, 2] < middle - LACKING_DB) & (line[:, 2] > LOWEST_DBFS)
            if high - low <= SPREAD_DB and lacking.mean() <= LACKING_SHARE:
                found.append((hz, int(flags.sum())))
                total += TONE * 10.0 ** (float(middle) / 10.0)
                seen |= flags
        hz += mains_hz
    if not found or (len(found) == 1 and found[0][1] < LEAST_SEEN_ALONE):
        return None
    seen_s = tuple(float(s) for s in fine.low_s[seen])
    return Hum(mains_hz, tuple(hz for hz, _ in found), power_db(total), seen_s)


def _steady_tone(line: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Where five bins (dB) look like a steady tone in the middle one and nothing else."""
    outer_left, left, middle, right, outer_right = line.T
    with np.errstate(invalid="ignore"):
        straight = np.abs(right - left) <= SKEW_DB
        pointed = np.abs(middle - (left + right) / 2 - SLOPE_DB) <= SLOPE_WITHIN_DB
        free = middle - np.maximum(outer_left, outer_right) >= FREE_DB
    return np.asarray(straight & pointed & free & (middle > LOWEST_DBFS))


def _noise(mix: Mix, below_dbfs: float, least_share: float) -> tuple[float, float, list[tuple[float, float]]] | None:
    """Level (dBFS) of the noise in the gaps, its share above 5 kHz, and where it is heard; None without a gap."""
    gram = mix.readings.gram
    power = gram.power.mean(axis=1, dtype=np.float64)
    total = np.maximum(power_db_curve(power.sum(axis=1)), -200.0)
    runs = frames_of(total, STEADY_FRAMES, 1)
    if not len(runs):
        return None
    lowest, highest = runs.min(axis=1), runs.max(axis=1)
    hiss = power[:, gram.band_hz > HISS_HZ].sum(axis=1) / np.maximum(power.sum(axis=1), 1e-30)
    share = frames_of(hiss, STEADY_FRAMES, 1).mean(axis=1)
    steady = (lowest > SILENT_DBFS) & (highest < below_dbfs) & (highest - lowest < STEADY_DB) & (share >= least_share)
    if not steady.any():
        return None
    level = runs.mean(axis=1)
    same = np.flatnonzero(steady & (level < level[steady].min() + SAME_NOISE_DB))
    seen = spans((same * gram.frame_s).tolist(), (STEADY_FRAMES - 1) * gram.frame_s)
    return float(level[same].mean()), float(share[same].mean()), seen
