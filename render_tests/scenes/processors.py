"""The devices that faults are made with: a real limiter, a compressor, filters and rotations on whole mixes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from dsp.units import Samples
from render_tests.scenes.base import RATE

Signal = npt.NDArray[np.float64]

#: Samples in a millisecond, the grid that gains move on.
MILLISECOND = RATE // 1000


def gain(level_db: float) -> float:
    """The factor of a gain in dB."""
    return float(10.0 ** (level_db / 20.0))


def rms(samples: npt.NDArray[np.floating[npt.NBitBase]] | Samples | Signal) -> float:
    """Root mean square of all channels together."""
    return float(np.sqrt(np.mean(np.square(np.asarray(samples, dtype=np.float64)))))


def levelled(samples: Signal, like: Samples | Signal) -> Signal:
    """The samples at the RMS of others."""
    return samples * (rms(like) / rms(samples))


def _needed_gain(samples: Samples | Signal, ceiling: float) -> Signal:
    """The gain each millisecond needs to stay below a ceiling, one row of all channels together."""
    size = np.abs(np.asarray(samples, dtype=np.float64)).max(axis=0)
    padded = np.pad(size, (0, -size.size % MILLISECOND)).reshape(-1, MILLISECOND).max(axis=1)
    return np.asarray(np.minimum(1.0, ceiling / np.maximum(padded, 1e-12)))


def _per_sample(gains: Signal, frames: int) -> Signal:
    """Gains per millisecond as a ramp per sample that nowhere exceeds them or what follows within 2 ms."""
    lowest = ndimage.minimum_filter1d(gains, 5, mode="nearest")
    centres = (np.arange(gains.size) + 0.5) * MILLISECOND
    return np.asarray(np.interp(np.arange(frames), centres, lowest))


def limited(samples: Samples | Signal, ceiling: float, release_ms: float = 80.0) -> Signal:
    """A look-ahead brick-wall limiter: the channels linked, exponential release, no sample above the ceiling."""
    needed = _needed_gain(samples, ceiling)
    keep = float(np.exp(-1.0 / release_ms))
    released = np.empty_like(needed)
    now = 1.0
    for k, need in enumerate(needed):
        now = min(float(need), 1.0 - (1.0 - now) * keep)
        released[k] = now
    out = np.asarray(samples, dtype=np.float64) * _per_sample(released, samples.shape[1])
    assert np.abs(out).max() <= ceiling * (1.0 + 1e-9)
    return np.asarray(out)


def compressed(samples: Samples | Signal, threshold: float, ratio: float, release_ms: float = 60.0) -> Signal:
    """A compressor with a fast attack, linked channels and no make-up gain."""
    over = np.minimum(1.0, _needed_gain(samples, threshold)) ** (1.0 - 1.0 / ratio)
    keep = float(np.exp(-1.0 / release_ms))
    released = np.empty_like(over)
    now = 1.0
    for k, need in enumerate(over):
        now = min(float(need), 1.0 - (1.0 - now) * keep)
        released[k] = now
    return np.asarray(np.asarray(samples, dtype=np.float64) * _per_sample(released, samples.shape[1]))


def spectral_share(samples: Samples | Signal, from_hz: float, to_hz: float, rate: int = RATE) -> Signal:
    """What lies between two frequencies, without a shift of phase; edges of 5 % in a raised cosine."""
    frames = samples.shape[1]
    spectrum = np.fft.rfft(np.asarray(samples, dtype=np.float64))
    hz = np.fft.rfftfreq(frames, 1.0 / rate)

    def rises(edge_hz: float) -> Signal:
        if edge_hz <= 0.0:
            return np.ones(hz.size)
        place = np.clip((hz / edge_hz - 0.975) / 0.05, 0.0, 1.0)
        return np.asarray(0.5 - 0.5 * np.cos(np.pi * place))

    return np.asarray(np.fft.irfft(spectrum * rises(from_hz) * (1.0 - rises(to_hz)), frames))


def rotated(samples: Signal, degrees: float) -> Signal:
    """Every frequency of one channel shifted by the same phase."""
    spectrum = np.fft.rfft(samples)
    spectrum[1:-1] *= np.exp(1j * np.deg2rad(degrees))
    return np.asarray(np.fft.irfft(spectrum, samples.size))


def dithered(samples: Signal, bits: int, seed: int = 3) -> Signal:
    """Triangular dither of one step to either side, ahead of rounding to that many bits."""
    rng = np.random.default_rng(seed)
    step = 2.0 ** (1 - bits)
    return np.asarray(samples + step * (rng.random(samples.shape) - rng.random(samples.shape)))
