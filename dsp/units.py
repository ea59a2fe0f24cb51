"""Decibels: the two conversions, their inverses, and what silence becomes."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

#: Audio samples or derived curves. Audio is float32 of shape (channels, frames).
Samples: TypeAlias = npt.NDArray[np.float32]
Curve: TypeAlias = npt.NDArray[np.floating[Any]]

#: Power at or below this counts as digital silence: -200 dB, far below 24-bit noise (-144 dB).
SILENCE_POWER = 1e-20


def power_db(power: float) -> float:
    """10 log10 of a power ratio; minus infinity for zero or less.

    >>> power_db(0.5)
    -3.010299956639812
    """
    return 10.0 * math.log10(power) if power > 0.0 else -math.inf


def amplitude_db(amplitude: float) -> float:
    """20 log10 of an amplitude ratio; minus infinity for zero or less.

    >>> amplitude_db(10.0)
    20.0
    """
    return 20.0 * math.log10(amplitude) if amplitude > 0.0 else -math.inf


def from_power_db(level_db: float) -> float:
    """The power ratio of a level in dB: the inverse of `power_db`."""
    return float(10.0 ** (level_db / 10.0))


def from_amplitude_db(level_db: float) -> float:
    """The amplitude ratio of a level in dB: the inverse of `amplitude_db`."""
    return float(10.0 ** (level_db / 20.0))


def power_db_curve(power: npt.ArrayLike) -> Curve:
    """`power_db` of every element of an array; minus infinity for zero or less, without warnings."""
    values = np.asarray(power, dtype=np.float64)
    out = np.full(values.shape, -np.inf)
    np.log10(values, out=out, where=values > 0.0)
    out *= 10.0
    return out


def finite(value: float | None) -> float | None:
    """The value, or None ("not measurable") where it is missing, infinite or not a number."""
    return float(value) if value is not None and math.isfinite(value) else None
