"""A matched filter: where a stem lies in a mix, however quiet it is.

The whole stem is correlated with the whole mix, each frequency divided by the power of the mix, which is the noise
that hides the stem; where it belongs stands out over all other places by the root of its bandwidth times its length.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dsp.stems import correlate
from dsp.stems.sketch import Sketch
from dsp.units import Curve

#: Below, nothing is correlated (Hz).
LOW_HZ = 40.0
#: A place is believed from this share of the gain of the bus on: what is left of a mix when others are taken out has
#: lost some of a stem that is like them.
LEAST_GAIN = 0.3
#: Standard deviations over all other places that a place must have, and by which it must be ahead of the next best.
LEAST_SIGMAS, AHEAD_SIGMAS = 12.0, 6.0
#: The place a stem has is kept where it fits by this share of the best.
KEPT_SHARE = 0.8
#: Peaks this close belong to one place; so close to the place a stem has it stays (s).
SAME_S, NEAR_S = 0.02, 5e-4
#: Rates of the search (Hz): the second, the sketch's own, where the first finds nothing.
COARSE_HZ, ALL_HZ = 2_000.0, 1e9
#: Windows of the exact look (s), how many of them, and how far from the coarse place they look (s).
WINDOW_S, WINDOWS, FINE_S = 0.5, 240, 1e-3


@dataclass(frozen=True)
class Place:
    """Where a stem fits best in the mix: later by `lag_s` than it lies, at `gain`, and whether that is certain."""

    lag_s: float
    gain: float
    sigmas: float
    certain: bool

    def moved(self, level: float) -> bool:
        """Whether the stem lies elsewhere; `level` is the gain of the bus."""
        return self.certain and self.lag_s != 0.0 and self.gain >= LEAST_GAIN * level


def track(sketch: Sketch) -> Curve:
    """The middle of a track at the rate of its sketch; what was not kept of long programmes is silent."""
    pieces, channels, frames = sketch.samples.shape
    joined = sketch.joined()
    mono = joined.mean(axis=0)
    if channels == 2 and float(mono @ mono) < 0.05 * float(np.vdot(joined, joined)):
        mono = joined[0]
    starts = np.rint((sketch.start_s - sketch.start_s[0]) * sketch.rate_hz).astype(int)
    if starts[-1] == (pieces - 1) * frames:
        return np.asarray(mono)
    out = np.zeros(starts[-1] + frames, dtype=np.float32)
    for k, start in enumerate(starts.tolist()):
        out[start : start + frames] = mono[k * frames : (k + 1) * frames]
    return out


def place(stem: Curve, mix: Curve, rate_hz: float, home_s: float) -> Place:
    """The best place of a stem in the mix; `home_s` where that fits nearly as well."""
    from scipy import signal

    best = Place(0.0, 0.0, 0.0, False)
    for limit in (COARSE_HZ, ALL_HZ):
        step = max(1, int(rate_hz // limit))
        low = [np.asarray(signal.resample_poly(x, 1, step) if step > 1 else x, np.float32) for x in (stem, mix)]
        best = _matched(low[0], low[1], rate_hz / step, home_s)
        if best.certain:
            break
    if not best.certain or best.lag_s == home_s:
        return best
    return Place(_exact(stem, mix, rate_hz, best.lag_s), best.gain, best.sigmas, True)


def _noise(mix: Curve, rate_hz: float, count: int) -> Curve:
    """Power of the mix at the bins of a transform of `count` samples, smooth, and never far below its strongest."""
    from scipy import signal

    size = min(len(mix), 1 << round(float(np.log2(0.25 * rate_hz))))
    _, power = signal.welch(mix, rate_hz, nperseg=size)
    power = np.maximum(power, 1e-6 * float(power.max()))
    return np.asarray(np.interp(np.linspace(0.0, 1.0, count // 2 + 1), np.linspace(0.0, 1.0, len(power)), power))


def _matched(stem: Curve, mix: Curve, rate_hz: float, home_s: float) -> Place:
    """The best lag by matched filter; `home_s` where that fits nearly as well."""
    from scipy import fft

    used = np.flatnonzero(stem)
    if not len(used) or not mix.any():
        return Place(0.0, 0.0, 0.0, False)
    stem = stem[: used[-1] + 1]
    count = int(fft.next_fast_len(len(stem) + len(mix), real=True))
    noise = _noise(mix, rate_hz, count)
    noise[: int(LOW_HZ * count / rate_hz)] = np.inf
    own = np.asarray(fft.rfft(stem, count))
    curve = np.asarray(fft.irfft(np.asarray(fft.rfft(mix, count)) * own.conj() / noise, count))
    norm = float((np.abs(own) ** 2 / noise).sum()) * 2.0 / count
    height = np.abs(curve)
    sigma = 1.4826 * float(np.median(height))
    top = int(height.argmax())
    lag = top if top < len(mix) else top - count
    same = round(SAME_S * rate_hz)
    away = np.abs((np.arange(count) - top + count // 2) % count - count // 2) > same
    second = float(height[away].max(initial=0.0))
    home = round(home_s * rate_hz)
    here = float(height[np.arange(home - 1, home + 2) % count].max())
    if sigma <= 0.0 or norm <= 0.0:
        return Place(0.0, 0.0, 0.0, False)
    sigmas, gain = float(height[top]) / sigma, float(height[top]) / norm
    if abs(lag - home) <= max(1, round(NEAR_S * rate_hz)) or here >= KEPT_SHARE * float(height[top]):
        return Place(home_s, gain, sigmas, sigmas >= LEAST_SIGMAS)
    certain = sigmas >= LEAST_SIGMAS and float(height[top]) - second >= AHEAD_SIGMAS * sigma
    return Place(lag / rate_hz, gain, sigmas, certain)


def _exact(stem: Curve, mix: Curve, rate_hz: float, lag_s: float) -> float:
    """The lag to a fraction of a sample of the track, from the phases of the loudest windows."""
    from scipy import signal

    size, shift = round(WINDOW_S * rate_hz), round(lag_s * rate_hz)
    starts = np.arange(max(0, -shift), min(len(stem), len(mix) - shift) - size + 1, size // 2)
    if not len(starts):
        return lag_s
    energy = np.array([float(stem[s : s + size] @ stem[s : s + size]) for s in starts.tolist()])
    starts = starts[np.argsort(energy)[::-1][:WINDOWS]]
    taper = signal.windows.hann(size, sym=False).astype(np.float32)
    own, other = (_windows(x, at, size, taper) for x, at in ((stem, starts), (mix, starts + shift)))
    noise = np.maximum((np.abs(other) ** 2).mean(axis=0), 1e-30)
    hz = np.arange(own.shape[1]) * rate_hz / size
    units = (other * own.conj()).sum(axis=0) / noise
    units[hz < LOW_HZ] = 0.0
    residual_s, _ = correlate.exact(units, hz, FINE_S)
    return shift / rate_hz + residual_s


def _windows(track: Curve, starts: Iterable[int], size: int, taper: Curve) -> correlate.Spectrum:
    return np.asarray(np.fft.rfft(np.array([track[s : s + size] for s in starts]) * taper))
