"""The character of a programme: what must be alike before two of them can be compared band by band.

Tilt is the straight line through the third octaves; swing and pace say how its level moves within bars, which
mastering hardly changes (a limiter takes peaks of a few milliseconds, these look at tenths of a second).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.mix import Mix
from dsp.units import Curve, from_power_db, power_db_curve

#: The tilt is fitted between these (Hz) and given as the rise from one to the other, two decades.
TILT_HZ = (99.0, 10_100.0)
#: Fewer third octaves make no line.
TILT_BANDS = 12
#: Level is read every 100 ms (ten hops of 10 ms) and set against its mean over 3 s, the short-term window.
LEVEL_HOPS, AROUND_LEVELS = 10, 30
#: Levels further below the integrated loudness are pauses (the relative gate of EBU Tech 3342).
PAUSE_LU = -20.0
#: The envelope for the pace: every 20 ms in windows of 8 s, between these rates; slower is form, faster is timbre.
PACE_STEP_HOPS, PACE_FRAMES, PACE_HZ = 2, 400, (0.4, 12.0)
#: Level that swings less than this has no pace.
LEAST_SWING_DB = 0.7


@dataclass(frozen=True)
class Character:
    """How a programme moves; None where it is too short or too even to tell."""

    loud_s: float  #: seconds that pass the gates of integrated loudness
    range_lu: float | None  #: EBU loudness range
    swing_db: float | None  #: standard deviation of the 100 ms level around its mean over 3 s
    pace_hz: float | None  #: swings of the level in a second: the centroid of its modulation spectrum


def character(mix: Mix) -> Character:
    """The character of a measured programme."""
    loudness = mix.readings.loudness
    swing = _swing_db(loudness.power, loudness.integrated_lufs)
    pace = _pace_hz(loudness.power, loudness.hop_s) if swing is not None and swing >= LEAST_SWING_DB else None
    loud_s = float(mix.loud_frames.sum()) * mix.readings.gram.frame_s
    return Character(loud_s, loudness.loudness_range_lu, swing, pace)


def tilt_db(band_hz: Curve, level_db: Curve, compared: npt.NDArray[np.bool_]) -> float | None:
    """Least-squares line through third octaves over log frequency: its rise from 100 Hz to 10 kHz in dB."""
    chosen = compared & (band_hz >= TILT_HZ[0]) & (band_hz <= TILT_HZ[1])
    if chosen.sum() < TILT_BANDS:
        return None
    octaves = np.log2(band_hz[chosen])
    slope = np.polyfit(octaves, level_db[chosen], 1)[0]
    return float(slope * math.log2(100.0))


def _swing_db(power: Curve, integrated_lufs: float | None) -> float | None:
    count = len(power) // LEVEL_HOPS
    if integrated_lufs is None or count < AROUND_LEVELS:
        return None
    levels = power[: count * LEVEL_HOPS].reshape(count, LEVEL_HOPS).mean(axis=1)
    around = np.convolve(levels, np.ones(AROUND_LEVELS), "same")
    around /= np.convolve(np.ones(count), np.ones(AROUND_LEVELS), "same")
    loud = levels >= from_power_db(integrated_lufs + PAUSE_LU)
    if loud.sum() < AROUND_LEVELS:
        return None
    return float((power_db_curve(levels[loud]) - power_db_curve(around[loud])).std())


def _pace_hz(power: Curve, hop_s: float) -> float | None:
    count = len(power) // PACE_STEP_HOPS
    envelope = np.sqrt(power[: count * PACE_STEP_HOPS].reshape(count, PACE_STEP_HOPS).mean(axis=1))
    window, total = np.hanning(PACE_FRAMES), np.zeros(PACE_FRAMES // 2 + 1)
    for start in range(0, count - PACE_FRAMES + 1, PACE_FRAMES // 2):
        stretch = envelope[start : start + PACE_FRAMES]
        mean = stretch.mean()
        if mean > 0.0:
            total += np.abs(np.fft.rfft(window * (stretch / mean - 1.0))) ** 2
    rate_hz = np.fft.rfftfreq(PACE_FRAMES, PACE_STEP_HOPS * hop_s)
    inside = (rate_hz >= PACE_HZ[0]) & (rate_hz <= PACE_HZ[1])
    strength = total[inside]
    if not strength.any():
        return None
    return float(np.exp((strength * np.log(rate_hz[inside])).sum() / strength.sum()))
