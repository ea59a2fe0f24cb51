"""Third-octave bands: their frequencies, their shape, and the filters that make them from spectra."""

from __future__ import annotations

import numpy as np

from dsp.units import Curve

#: IEC 61260-1 exact mid-band frequencies, 25 Hz to 20 kHz, and their nominal names.
BAND_HZ: Curve = 1000.0 * 10.0 ** (np.arange(-16, 14) / 10.0)
NOMINAL_HZ = (
    *(25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500),
    *(3150, 4000, 5000, 6300, 8000, 10000, 12500, 16000, 20000),
)
#: Butterworth order of each side of the band shape.
BAND_ORDER = 3
#: Lowest rate after decimation (Hz) and the highest frequency it must leave untouched.
DECIMATED_HZ, PASS_HZ = 1600, 280.0
#: Rounds of correction of the bin weights for the width of the analysis window.
SHARPENING = 8


def band_shape(frequency_hz: Curve, band_hz: float, order: int = BAND_ORDER) -> Curve:
    """Power response of a third-octave Butterworth band-pass, 0.5 at its edges (IEC 61260-1 class 1)."""
    edge = 10.0 ** (1 / 20)
    f = np.maximum(frequency_hz, 1e-6)
    detune = (f / band_hz - band_hz / f) / (edge - 1 / edge)
    return np.asarray(1.0 / (1.0 + detune ** (2 * order)))


def bin_weights(bin_hz: Curve, bands: Curve, window: Curve, response: Curve) -> Curve:
    """Weight of every bin in every band, shape (bins, bands).

    A bin sees its neighbours through the window, so weights equal to the band shape would give a wider
    band; they are corrected until the shape seen through the window is right (Van Cittert iteration).
    """
    size = len(window)
    kernel = np.abs(np.fft.fft(window, 4 * size)[: 4 * 9 : 4]) ** 2  # at whole bins; more decides nothing
    kernel = np.concatenate([kernel[:0:-1], kernel]) / (kernel[0] + 2 * kernel[1:].sum())
    half = len(kernel) // 2
    columns = []
    for band in bands:
        shape = band_shape(bin_hz, float(band))
        weight = shape
        for _ in range(SHARPENING):
            seen = np.convolve(np.pad(weight, half, mode="edge"), kernel, mode="valid")
            weight = weight + (shape - seen)
        columns.append(weight)
    return np.array(columns).T / response[:, None]


def decimation(sample_rate: int, frame: int) -> int:
    """Largest divisor of a frame that leaves at least `DECIMATED_HZ`."""
    return max(d for d in range(1, max(1, sample_rate // DECIMATED_HZ) + 1) if frame % d == 0)


def decimator(sample_rate: int, factor: int) -> Curve:
    """Symmetric low-pass for decimation, a whole number of `factor` long: -80 dB where it would alias."""
    if factor == 1:
        return np.ones(1)
    transition = (sample_rate / factor - 2 * PASS_HZ) / sample_rate
    taps = factor * int(np.ceil((80.0 - 8.0) / (2.285 * 2 * np.pi * transition) / factor + 1))
    n = np.arange(taps) - taps // 2
    kernel = np.sinc(n / factor) * np.kaiser(taps + 1, 7.86)[:taps]
    return np.asarray(kernel / kernel.sum())
