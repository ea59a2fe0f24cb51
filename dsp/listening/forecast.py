"""What a mastering limiter will have to do: a transparent look-ahead limiter as an instrument of measurement.

It never touches audio. The true peak of every millisecond and the K-weighted power of every 10 ms say what a
limiter with 2 ms of look-ahead and a steady release takes away at each moment, and how loud the result is: a
gain that moves slowly against 10 ms leaves the shape of the spectrum, so the power of a hop scales with its
square. Rendering the same curve onto the audio gives the loudness to 0.1 LU and the ceiling to 0.1 dB (tests).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.meters.loudness import Loudness, integrated_lufs
from dsp.meters.true_peak import TruePeak
from dsp.mix import Mix
from dsp.units import Curve, Samples, from_power_db

#: AES TD1008 and EBU R128: the ceiling masters are made to.
CEILING_DBTP = -1.0
#: Look-ahead, and release in dB per second: in the range of transparent mastering limiters, which take 50 to
#: 200 ms for 6 dB (our judgement).
LOOKAHEAD_S, RELEASE_DB_PER_S = 0.002, 60.0
#: The drive is found to this accuracy, in at most so many steps; more drive than this is never tried.
ACCURACY_LU, MOST_STEPS, MOST_DRIVE_DB = 0.01, 12, 60.0
#: Rows and hops worked on at once.
AT_ONCE, HOPS_AT_ONCE = 1 << 18, 1 << 15
#: Reduction that counts as work (dB): below, nobody hears it (our judgement).
AUDIBLE_DB = 1.0


@dataclass(frozen=True)
class Forecast:
    """A mix driven to a loudness under a ceiling; reductions in dB, over the time that counts for loudness."""

    target_lufs: float
    drive_db: float  #: gain before the limiter
    reached_lufs: float
    median_db: float
    p95_db: float
    max_db: float
    max_at_s: float
    working_share: float  #: share of the time with more than `AUDIBLE_DB` of reduction
    plr_lost_db: float  #: how far the peak-to-loudness ratio shrinks
    step_s: float
    reduction_db: Samples  #: every `step_s`


def gain_reduction_db(level_db: Samples, row_s: float, ceiling_db: float = 0.0) -> Samples:
    """What the limiter takes away in every row, from each row's peak level, where it exceeds the ceiling (dB).

    The need is held over the look-ahead, let go at `RELEASE_DB_PER_S`, and averaged over the look-ahead, so
    that it has fully arrived when the peak does.
    """
    ahead = max(1, round(LOOKAHEAD_S / row_s))
    fall = RELEASE_DB_PER_S * row_s
    need = np.empty(len(level_db), dtype=np.float32)
    last = 0.0
    for start in range(0, len(level_db), AT_ONCE):  # in pieces, for memory's sake
        part = np.maximum(level_db[start : start + AT_ONCE].astype(np.float64) - ceiling_db, 0.0)
        ramp = fall * np.arange(len(part))
        part[0] = max(part[0], last - fall)
        part = np.maximum.accumulate(part + ramp) - ramp
        need[start : start + AT_ONCE], last = part, float(part[-1])
    before = np.zeros(ahead, dtype=np.float32)
    for start in range(0, len(need), AT_ONCE):
        stop = min(start + AT_ONCE, len(need))
        held = np.pad(need[start : stop + ahead + 1], (0, max(0, stop + ahead + 1 - len(need))))
        # held one row longer than the average is: between rows the curve is a ramp
        held = np.max([held[k : k + stop - start] for k in range(ahead + 2)], axis=0)
        padded = np.concatenate([before, held])
        before = padded[-ahead:]
        need[start:stop] = sum(padded[k : k + len(held)] for k in range(ahead + 1)) / (ahead + 1)
    return need


def _limited_power(loudness: Loudness, reduction_db: Samples, row_s: float, drive_db: float) -> Curve:
    """K-weighted power of every hop after the limiter: each scaled by the mean squared gain over its rows."""
    rows_per_hop, last = loudness.hop_s / row_s, len(reduction_db) - 1
    passed = np.empty(len(loudness.power))
    for start in range(0, len(passed), HOPS_AT_ONCE):
        edge = np.arange(start, min(start + HOPS_AT_ONCE, len(passed)) + 1) * rows_per_hop
        whole = np.minimum(edge.astype(np.int64), last)
        part = reduction_db[whole[0] : whole[-1] + 1]
        gain, working = np.ones(len(part), dtype=np.float32), np.flatnonzero(part)
        gain[working] = np.power(np.float32(10.0), part[working] * np.float32(-0.1))
        over = np.minimum(edge - whole, 1.0) * gain[whole - whole[0]]  # what of an edge's row belongs before it
        passed[start : start + HOPS_AT_ONCE] = np.add.reduceat(gain, whole - whole[0])[:-1] + np.diff(over)
    return np.asarray(loudness.power * passed * (from_power_db(drive_db) / rows_per_hop))


def forecast(mix: Mix, target_lufs: float, ceiling_dbtp: float = CEILING_DBTP) -> Forecast | None:
    """Drive a mix to `target_lufs` under a true-peak ceiling.

    None where its loudness cannot be measured. Where no drive reaches the target, `reached_lufs` is lower.
    """
    loudness, peaks = mix.readings.loudness, mix.readings.true_peak
    if loudness.integrated_lufs is None or peaks.max_dbtp is None:
        return None
    level_db = _row_levels(peaks)
    drive = target_lufs - loudness.integrated_lufs
    gap = last_gap = 0.0
    step, slope = 0.0, 1.0  # LU of loudness per dB of drive: one without limiting, less with it
    for _ in range(MOST_STEPS):
        drive = min(drive + step, MOST_DRIVE_DB)
        reduction = gain_reduction_db(level_db, peaks.row_s, ceiling_dbtp - drive)
        reached = integrated_lufs(_limited_power(loudness, reduction, peaks.row_s, drive))
        gap = target_lufs - (reached if reached is not None else loudness.integrated_lufs)
        if abs(gap) <= ACCURACY_LU or (drive >= MOST_DRIVE_DB and gap > 0):
            break
        if step:
            slope = min(1.0, max(0.1, (last_gap - gap) / step))
        step, last_gap = gap / slope, gap
    counted = _while_loud(mix, reduction)
    counted = counted if len(counted) else reduction
    out_peak = min(ceiling_dbtp, float(np.subtract(level_db, reduction, out=level_db).max()) + drive)
    working_share = float((counted > AUDIBLE_DB).mean())
    median, p95 = np.percentile(counted, (50, 95), overwrite_input=counted is not reduction)
    plr = peaks.max_dbtp - loudness.integrated_lufs
    return Forecast(
        target_lufs=target_lufs,
        drive_db=drive,
        reached_lufs=target_lufs - gap,
        median_db=float(median),
        p95_db=float(p95),
        max_db=float(reduction.max()),
        max_at_s=int(reduction.argmax()) * peaks.row_s,
        working_share=working_share,
        plr_lost_db=plr - (out_peak - (target_lufs - gap)),
        step_s=peaks.row_s,
        reduction_db=reduction,
    )


def _while_loud(mix: Mix, reduction_db: Samples) -> Samples:
    """The reductions of the rows that count for loudness."""
    loud, rows_per_frame = mix.loud_frames, mix.readings.gram.frame_s / mix.readings.true_peak.row_s
    parts = [np.zeros(0, dtype=np.float32)]
    for start in range(0, len(reduction_db), AT_ONCE):
        part = reduction_db[start : start + AT_ONCE]
        frame = ((start + np.arange(len(part))) / rows_per_frame).astype(np.int64)
        parts.append(part[loud[np.minimum(frame, len(loud) - 1)]])
    return np.concatenate(parts)


def _row_levels(peaks: TruePeak) -> Samples:
    """True peaks of all rows in dB, silence as -200 dB."""
    levels: Samples = np.maximum(peaks.rows, np.float32(1e-10))
    np.log10(levels, out=levels)
    levels *= 20.0
    return levels
