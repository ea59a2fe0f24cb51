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
#: Rows worked on at once.
AT_ONCE = 1 << 18
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


def gain_reduction_db(over_db: Samples, row_s: float) -> Samples:
    """What the limiter takes away in every row, from how far each row's peak lies over the ceiling (dB).

    The need is held over the look-ahead, let go at `RELEASE_DB_PER_S`, and averaged over the look-ahead, so
    that it has fully arrived when the peak does.
    """
    ahead = max(1, round(LOOKAHEAD_S / row_s))
    fall = RELEASE_DB_PER_S * row_s
    need = np.empty(len(over_db), dtype=np.float32)
    last = 0.0
    for start in range(0, len(over_db), AT_ONCE):  # in pieces: the ramp is long and the memory of a song is not
        part = np.maximum(over_db[start : start + AT_ONCE], 0.0).astype(np.float64)
        ramp = fall * np.arange(len(part))
        part[0] = max(part[0], last - fall)
        part = np.maximum.accumulate(part + ramp) - ramp
        need[start : start + AT_ONCE], last = part, float(part[-1])
    held = need.copy()
    for k in range(1, ahead + 2):  # one row more than the average is long: between rows the curve is a ramp
        np.maximum(held[:-k], need[k:], out=held[:-k])
    np.copyto(need, held)
    for k in range(1, ahead + 1):
        need[k:] += held[:-k]
        need[:k] += held[0]
    need /= ahead + 1
    return need


def _limited_power(loudness: Loudness, reduction_db: Samples, row_s: float, drive_db: float) -> Curve:
    """K-weighted power of every hop after the limiter: each scaled by the mean squared gain over its rows."""
    gain = np.ones(len(reduction_db), dtype=np.float32)
    working = np.flatnonzero(reduction_db)
    gain[working] = np.power(np.float32(10.0), reduction_db[working] * np.float32(-0.1))
    edge = np.arange(len(loudness.power) + 1) * (loudness.hop_s / row_s)
    whole = np.minimum(edge.astype(np.int64), len(gain) - 1)
    over = np.minimum(edge - whole, 1.0) * gain[whole]  # what of the row at each edge belongs before it
    passed = np.add.reduceat(gain, whole)[:-1] + np.diff(over)
    return np.asarray(loudness.power * passed * (from_power_db(drive_db) * row_s / loudness.hop_s))


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
        reduction = gain_reduction_db(level_db + np.float32(drive - ceiling_dbtp), peaks.row_s)
        reached = integrated_lufs(_limited_power(loudness, reduction, peaks.row_s, drive))
        gap = target_lufs - (reached if reached is not None else loudness.integrated_lufs)
        if abs(gap) <= ACCURACY_LU or (drive >= MOST_DRIVE_DB and gap > 0):
            break
        if step:
            slope = min(1.0, max(0.1, (last_gap - gap) / step))
        step, last_gap = gap / slope, gap
    counted = _while_loud(mix, reduction)
    counted = counted if len(counted) else reduction
    out_peak = min(ceiling_dbtp, float((level_db - reduction).max()) + drive)
    plr = peaks.max_dbtp - loudness.integrated_lufs
    return Forecast(
        target_lufs=target_lufs,
        drive_db=drive,
        reached_lufs=target_lufs - gap,
        median_db=float(np.median(counted)),
        p95_db=float(np.percentile(counted, 95)),
        max_db=float(reduction.max()),
        max_at_s=int(reduction.argmax()) * peaks.row_s,
        working_share=float((counted > AUDIBLE_DB).mean()),
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
