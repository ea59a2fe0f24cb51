"""Third-octave bands: their frequencies, their shape, and the filters that make them from spectra."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dsp.units import Curve, Samples

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
#: Bands from this one on come from the short windows.
SPLIT = 9
#: A band is measured when its middle lies below this share of the sample rate.
HIGHEST_SHARE = 0.46
#: Time between frames in 10 ms hops; short windows are 2 frames long, long ones 8.
FRAME_HOPS, SHORT_FRAMES, LONG_FRAMES = 5, 2, 8
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


def measured_bands(sample_rate: int) -> Curve:
    """Mid-band frequencies of the bands that are measured at a sample rate."""
    return BAND_HZ[HIGHEST_SHARE * sample_rate > BAND_HZ]


@dataclass(frozen=True)
class BandFilters:
    """What turns samples into third octaves at one sample rate; see `dsp.meters.spectrum`."""

    bin_hz: float
    short_window: Curve
    short_weights: Samples  #: (bins, bands from `SPLIT` on)
    factor: int  #: of the decimation before the long windows
    taps: Curve  #: of its low-pass, column m filters the m-th row of a window
    low_bins: int
    long_window: Curve
    long_weights: Samples  #: (low bins, bands below `SPLIT`)


@lru_cache(maxsize=4)
def band_filters(sample_rate: int, frame: int) -> BandFilters:
    """Windows and weights for frames of `frame` samples, made once: a mix may have dozens of tracks."""
    bands = measured_bands(sample_rate)
    size = SHORT_FRAMES * frame
    short_window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    short_hz = np.fft.rfftfreq(size, 1 / sample_rate)
    short = bin_weights(short_hz, bands[SPLIT:], short_window, np.ones(len(short_hz))) * (2.0 / (size * frame))
    factor = decimation(sample_rate, frame)
    low_frame = frame // factor
    long_size = LONG_FRAMES * low_frame
    kernel = decimator(sample_rate, factor)
    long_window = np.sin(np.pi * (np.arange(long_size) + 0.5) / long_size) ** 2
    low_hz = np.fft.rfftfreq(long_size, factor / sample_rate)
    low_hz = low_hz[low_hz <= PASS_HZ]
    lag = np.arange(len(kernel)) - len(kernel) // 2
    response = (kernel @ np.exp(-2j * np.pi * np.outer(lag, low_hz / sample_rate))).real ** 2
    energy = long_size * low_frame * (long_window**2).mean() * LONG_FRAMES
    long = bin_weights(low_hz, bands[:SPLIT], long_window, response) * (2.0 / energy)
    return BandFilters(
        bin_hz=sample_rate / size,
        short_window=short_window,
        short_weights=short.astype(np.float32),
        factor=factor,
        taps=kernel.reshape(-1, factor).T.copy(),
        low_bins=len(low_hz),
        long_window=long_window,
        long_weights=long.astype(np.float32),
    )
