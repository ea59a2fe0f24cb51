"""The spectrum of the last moment: third octaves as the band-gram has them, without keeping any.

From 200 Hz up of the last 100 ms, below of the last 400 ms, through the filters of `dsp.meters.bands`.
"""

from __future__ import annotations

import numpy as np

from dsp.meters.bands import FRAME_HOPS, LONG_FRAMES, SHORT_FRAMES, band_filters, measured_bands
from dsp.meters.base import hop_samples
from dsp.units import Curve, Samples


class LiveSpectrum:
    """Third-octave mean squares of what was heard last, mean of all channels."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.band_hz = measured_bands(sample_rate)
        frame = FRAME_HOPS * hop_samples(sample_rate)
        self._filters = filters = band_filters(sample_rate, frame)
        self._short = SHORT_FRAMES * frame
        self._window, self._long_window = (np.float32(w) for w in (filters.short_window, filters.long_window))
        self._taps = np.float32(filters.taps)
        self._low = LONG_FRAMES * (frame // filters.factor)
        rows = self._low + filters.taps.shape[1] - 1
        self._heard = np.zeros((channels, max(rows * filters.factor, self._short)), dtype=np.float32)

    def process(self, block: Samples) -> None:
        """Hear float32 samples of shape (channels, frames)."""
        size = self._heard.shape[1]
        self._heard = np.concatenate([self._heard[:, min(block.shape[1], size) :], block[:, -size:]], axis=1)

    def power(self) -> Curve:
        """Mean squares, shape (bands,); a sine of full scale has a half."""
        f = self._filters
        channels = len(self._heard)
        short = np.fft.rfft(self._heard[:, -self._short :] * self._window)
        rows = self._low + f.taps.shape[1] - 1
        parts = self._heard[:, -rows * f.factor :].reshape(channels, rows, f.factor) @ self._taps
        low = sum(parts[:, m : m + self._low, m] for m in range(f.taps.shape[1]))
        long = np.fft.rfft(low * self._long_window)[:, : f.low_bins]
        bands = [
            (spectra.real**2 + spectra.imag**2).mean(axis=0) @ weights
            for spectra, weights in ((long, f.long_weights), (short, f.short_weights))
        ]
        return np.asarray(np.maximum(np.concatenate(bands), 0.0)[: len(self.band_hz)])
