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
from dsp.units import Curve, from_power_db, power_db_curve

#: AES TD1008 and EBU R128: the ceiling masters are made to.
CEILING_DBTP = -1.0
#: Look-ahead, and release in dB per second: in the range of transparent mastering limiters, which take 50 to
#: 200 ms for 6 dB (our judgement).
LOOKAHEAD_S, RELEASE_DB_PER_S = 0.002, 60.0
#: The drive is found to this accuracy, in at most so many steps; more drive than this is never tried.
ACCURACY_LU, MOST_STEPS, MOST_DRIVE_DB = 0.01, 12, 60.0
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
    reduction_db: Curve  #: every `step_s`


def gain_reduction_db(over_db: Curve, row_s: float) -> Curve:
    """What the limiter takes away in every row, from how far each row's peak lies over the ceiling (dB).

    The need is held over the look-ahead, let go at `RELEASE_DB_PER_S`, and averaged over the look-ahead, so
    that it has fully arrived when the peak does.
    """
    ahead = max(1, round(LOOKAHEAD_S / row_s))
    slope = RELEASE_DB_PER_S * row_s * np.arange(len(over_db))
    need = np.maximum.accumulate(np.maximum(over_db, 0.0) + slope) - slope
    held = need.copy()
    for k in range(1, ahead + 2):  # one row more than the average is long: between rows the curve is a ramp
        np.maximum(held[:-k], need[k:], out=held[:-k])
    padded = np.concatenate([np.repeat(held[:1], ahead), held])
    return np.asarray(sum(padded[k : k + len(held)] for k in range(ahead + 1)) / (ahead + 1))


def _limited_power(loudness: Loudness, reduction_db: Curve, row_s: float, drive_db: float) -> Curve:
    """K-weighted power of every hop after the limiter: each scaled by the mean squared gain over its rows."""
    gain = np.ones(len(reduction_db) + 1)
    gain[0], working = 0.0, np.flatnonzero(reduction_db)
    gain[1 + working] = np.power(10.0, -reduction_db[working] / 10.0)
    passed = np.cumsum(gain)
    edges = np.arange(len(loudness.power) + 1) * (loudness.hop_s / row_s)
    mean = np.diff(np.interp(edges, np.arange(len(passed)), passed)) / (loudness.hop_s / row_s)
    return np.asarray(loudness.power * mean * from_power_db(drive_db))


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
        reduction = gain_reduction_db(level_db + (drive - ceiling_dbtp), peaks.row_s)
        reached = integrated_lufs(_limited_power(loudness, reduction, peaks.row_s, drive))
        gap = target_lufs - (reached if reached is not None else loudness.integrated_lufs)
        if abs(gap) <= ACCURACY_LU or (drive >= MOST_DRIVE_DB and gap > 0):
            break
        if step:
            slope = min(1.0, max(0.1, (last_gap - gap) / step))
        step, last_gap = gap / slope, gap
    heard = np.repeat(mix.loud_frames, max(1, round(mix.readings.gram.frame_s / peaks.row_s)))[: len(reduction)]
    counted = reduction[: len(heard)][heard]
    counted = counted if len(counted) else reduction
    out_peak = min(ceiling_dbtp, float((level_db + drive - reduction).max()))
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


def _row_levels(peaks: TruePeak) -> Curve:
    """True peaks of all rows in dB, silence as -200 dB."""
    return np.asarray(np.maximum(2.0 * power_db_curve(peaks.rows), -200.0))
