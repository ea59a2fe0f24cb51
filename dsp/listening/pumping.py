"""Pumping: whether the middle of the spectrum ducks when the low end comes, as a bus compressor makes it.

In music the parts come and go together or independently: when the low end rises, the middle rises or stays. A
compressor that is driven by kick and bass turns everything down with each of them. So the level of the middle (in
dB, the median of its third octaves, each less its own median) is fitted against the level of the low end, both
between slow swells and single frames, 0.7 to 6 Hz. The slope is what the middle does for each decibel of low end.
"""

from __future__ import annotations

import numpy as np

from dsp.mix import Mix
from dsp.units import Curve, power_db_curve

#: Low end and middle (Hz): kick and bass, and what rides on the bus with them.
LOW_HZ, MIDDLE_HZ = 130.0, (400.0, 6_000.0)
#: Modulation looked at (Hz): from slower than a bar to eighth notes.
SLOWEST_HZ, FASTEST_HZ = 0.7, 6.0
#: The low end counts where it is louder than in this share of all frames; fewer frames than 20 s say nothing.
QUIET_SHARE, FEWEST_S = 0.2, 20.0
#: Levels are not looked at below this (dB under the loudest frame).
FLOOR_DB = 70.0


def _smoothed(level: Curve, frames: int) -> Curve:
    """Running mean over a number of frames, the ends held."""
    padded = np.pad(level, (frames // 2, frames - 1 - frames // 2), mode="edge")
    sums = np.cumsum(np.concatenate([[0.0], padded]))
    return np.asarray((sums[frames:] - sums[:-frames]) / frames)


def pumping_db_per_db(mix: Mix) -> float | None:
    """How far the middle falls for each dB the low end rises; negative where it rises with it.

    None for less than 20 s of sound, or where the low end or the middle are empty.
    """
    gram = mix.readings.gram
    if len(gram.data) * gram.frame_s < FEWEST_S or mix.silent:
        return None
    power = gram.power.mean(axis=1)
    middle_bands = (gram.band_hz > MIDDLE_HZ[0]) & (gram.band_hz < MIDDLE_HZ[1])
    low = power_db_curve(power[:, gram.band_hz < LOW_HZ].sum(axis=1))
    middle = power_db_curve(power[:, middle_bands])
    low = np.maximum(low, low.max() - FLOOR_DB)
    middle = np.maximum(middle, middle.max() - FLOOR_DB)
    if low.max() < middle.max() - FLOOR_DB or not middle_bands.any():
        return None
    common = np.median(middle - np.median(middle, axis=0), axis=1)
    slow, fast = (max(1, round(0.5 / (f * gram.frame_s) * k)) for f, k in ((SLOWEST_HZ, 2), (FASTEST_HZ, 1)))
    swings = [_smoothed(level, fast) - _smoothed(level, slow) for level in (low, common)]
    loud = low > np.quantile(low, QUIET_SHARE)
    x, y = (s[loud] - s[loud].mean() for s in swings)
    energy = float(x @ x)
    return -float(x @ y) / energy if energy > 0.0 else None
