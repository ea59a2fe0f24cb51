"""Correlation of two tracks: coherence, the delay between them, and whether one is upside down.

The cross spectrum of two signals, averaged over windows in which both sound, holds in its phase the delay and the
polarity of what they have in common, and in its size how much that is. The delay is found coarsely as the peak of
the generalised cross-correlation (Knapp and Carter 1976) with a partly whitened spectrum, then exactly by turning
the phases of all bins together.

A filter, an amplifier or a cabinet turns phases too, by what goes with its frequency response if it is of minimum
phase (Bode 1945): `minimum_phase` gives that part, and `path.py` fits it together with the delay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.units import Curve

Spectrum = npt.NDArray[np.complexfloating]

#: Exponent of the whitening: 1 is PHAT, 0 plain correlation; 0.6 to 0.8 suits drums, which are narrow in frequency.
WHITENING = 0.7
#: Steps per sample at which the correlation is drawn.
STEPS = 8
#: A bin counts by coherence / (1 - coherence), the reciprocal variance of its phase, and at most this many times:
#: beyond, what a model of the filter leaves of the phases is more than their noise.
MOST_WEIGHT = 5.0
#: Width of a peak: what is closer to the highest is its own flank (s).
PEAK_S = 0.0008
#: The steps of the search for the exact delay end below this (s): a two-thousandth of a sample at 48 kHz.
FINEST_S = 1e-8


@dataclass(frozen=True)
class Peak:
    """The highest peak of a correlation: `lag_s` positive where the second track is late, `value` -1 to 1.

    `ratio` is its size over that of the highest peak elsewhere.
    """

    lag_s: float
    value: float
    ratio: float


def coherence(cross: Spectrum, power_a: Curve, power_b: Curve) -> Curve:
    """Magnitude-squared coherence of every bin, 0 to 1."""
    product = np.maximum(np.asarray(power_a, dtype=np.float64) * power_b, 1e-60)
    return np.asarray(np.clip(np.abs(cross).astype(np.float64) ** 2 / product, 0.0, 1.0))


def peak(cross: Spectrum, first: int, size: int, rate_hz: float, reach_s: float) -> Peak:
    """The best lag within `reach_s` by the partly whitened cross spectrum (second times conjugate of the first).

    `cross` holds the bins of a transform of `size` samples from number `first` on.
    """
    whole = np.zeros(size // 2 + 1, dtype=np.complex128)
    whole[first : first + len(cross)] = cross / np.maximum(np.abs(cross), 1e-30) ** WHITENING
    total = float(np.abs(whole).sum())
    if total <= 0.0:
        return Peak(0.0, 0.0, 0.0)
    curve = np.fft.irfft(whole, size * STEPS) * (size * STEPS / 2.0 / total)
    reach = min(round(reach_s * rate_hz * STEPS), size * STEPS // 2 - 1)
    curve = np.concatenate([curve[-reach:], curve[: reach + 1]])
    height = np.abs(curve)
    best = int(height.argmax())
    away = round(PEAK_S * rate_hz * STEPS)
    elsewhere = max(height[: max(0, best - away)].max(initial=0.0), height[best + away + 1 :].max(initial=0.0))
    return Peak((best - reach) / STEPS / rate_hz, float(curve[best]), float(height[best] / max(elsewhere, 1e-9)))


def weights(shared: Curve) -> Curve:
    """How much the phase of every bin is worth, by its coherence."""
    return np.asarray(np.minimum(shared / np.maximum(1.0 - shared, 1e-6), MOST_WEIGHT))


def steering(lags_s: Curve, hz: Curve) -> Spectrum:
    """What turns phases back that lags have turned, shape (bins, lags)."""
    return np.asarray(np.exp(2j * np.pi * np.outer(hz, lags_s)))


def exact(units: Spectrum, hz: Curve, within_s: float) -> tuple[float, float]:
    """The lag within `within_s` of zero that fits best, and how much of the phases it explains (-1 to 1).

    `units` are the weighted phases of the bins as complex numbers. A negative share is a signal upside down.
    """
    total = float(np.abs(units).sum())
    if total <= 0.0:
        return 0.0, 0.0
    step = within_s / 16.0
    lags = np.arange(-16, 17) * step
    while True:  # every search lies within one step of the last one's best
        values = (units @ steering(lags, hz)).real / total
        best = int(np.abs(values).argmax())
        if step < FINEST_S:
            return float(lags[best]), float(values[best])
        lags = lags[best] + np.arange(-8, 9) * (step / 8.0)
        step /= 8.0


def minimum_phase(band_hz: Curve, gain_db: Curve, hz: Curve, sample_rate: float) -> Curve:
    """Phases at `hz` of the minimum-phase filter with this gain: the Hilbert transform of its logarithm.

    Below the first of the bands (third octaves) the gain is held, above the last it goes on as between the last two.
    """
    size = 1 << 13
    grid = np.fft.rfftfreq(size, 1.0 / sample_rate)
    octaves = np.log2(np.maximum(grid, 1e-9))
    at = np.log2(band_hz)
    gain = np.interp(octaves, at, gain_db)
    slope = float((gain_db[-1] - gain_db[-2]) / (at[-1] - at[-2]))
    gain = (gain + slope * np.maximum(octaves - at[-1], 0.0)) * (np.log(10.0) / 20.0)
    return np.asarray(np.interp(hz, grid, hilbert(gain)))


def hilbert(log_gain: Curve) -> Curve:
    """Phases of the minimum-phase filter with this natural logarithm of its gain.

    The first axis runs from 0 Hz to half the rate, both included; others are filters of their own.
    """
    size = 2 * (len(log_gain) - 1)
    cepstrum = np.fft.irfft(log_gain, size, axis=0)
    cepstrum[1 : size // 2] *= 2.0
    cepstrum[size // 2 + 1 :] = 0.0
    return np.asarray(np.fft.rfft(cepstrum, axis=0).imag)
