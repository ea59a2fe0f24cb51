"""The response of the bus as a filter for excerpts, and its inverse."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.stems.bus_response import ComplexCurve, minimum_phase
from dsp.units import Curve, Samples

#: The response is taken into account where it strays from a plain gain by this much (dB), or the delay by samples.
FLAT_DB, FLAT_SAMPLES = 0.05, 0.02
#: Groups less sure than this (dB) follow their neighbours.
SURE_DB = 0.5


class Filter:
    """The response of the bus as a filter of excerpts, with its inverse."""

    def __init__(self, hz: Curve, gain: ComplexCurve, error_db: Curve, *, delay: float, rate: int, frames: int) -> None:
        import scipy.fft

        self.size = scipy.fft.next_fast_len(2 * frames, real=True)
        sure = (error_db < SURE_DB) & (np.abs(gain) > 0)
        self.flat = not sure.any()
        self.scale = 1.0
        if self.flat:
            return
        level = np.abs(gain[sure])
        self.scale = float(np.median(level))
        straight = np.abs(20 * np.log10(level / self.scale)).max() < FLAT_DB and abs(delay) < FLAT_SAMPLES
        grid, smallest = minimum_phase(
            hz[sure], level, rate, scipy.fft.next_fast_len(max(16_384, rate // 3), real=True)
        )
        polarity = np.sign(np.sum(gain[sure].real)) or 1.0
        own = _at(grid, smallest, hz[sure])
        late = np.exp(-2j * np.pi * hz[sure] * delay / rate)
        # what minimum phase and delay do not explain is near 1 and smooth, so it can be interpolated
        rest = gain[sure] / (own * late * polarity)
        bins = np.fft.rfftfreq(self.size, 1.0 / rate)
        between = np.interp(bins, hz[sure], rest.real) + 1j * np.interp(bins, hz[sure], rest.imag)
        full = _at(grid, smallest, bins) * np.exp(-2j * np.pi * bins * delay / rate) * polarity * between
        self.flat = bool(straight and polarity > 0)
        self.scale = float(polarity * self.scale)
        self.response = full.astype(np.complex64)

    def forth(self, x: Samples) -> Samples:
        """Through the bus's response, (..., frames)."""
        return self._run(x, self.response)

    def back(self, x: Samples) -> Samples:
        """Through the inverse and the constant gain."""
        return self._run(x, np.complex64(self.scale) / self.response)

    def _run(self, x: Samples, response: npt.NDArray[np.complex64]) -> Samples:
        import scipy.fft

        y = scipy.fft.irfft(scipy.fft.rfft(x, self.size) * response, self.size)
        return np.asarray(y[..., : x.shape[-1]], dtype=np.float32)


def _at(grid: Curve, values: ComplexCurve, hz: Curve) -> ComplexCurve:
    return np.asarray(np.interp(hz, grid, values.real) + 1j * np.interp(hz, grid, values.imag))
