"""The path between two tracks of one source: a delay and a filter of minimum phase, fitted together.

Gain and phase of such a filter are one unknown (Bode 1945): the logarithm of the gain, here at nodes a sixth of an
octave apart. It is seen three times. The powers of the two in bands tell it up to half the rate, the cross spectrum
tells its size bin by bin as far as that reaches, and the phases of the cross spectrum tell the filter and the delay.
All is linear, so the best of it, and how exactly the delay is known, come from one set of normal equations.

Beyond what the source holds nothing tells a filter there from a delay: then the error says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dsp.stems import correlate
from dsp.stems.correlate import Spectrum
from dsp.units import Curve

#: Nodes of the filter: how many in an octave, the lowest (Hz), and the highest as a multiple of the rate, for the axis
#: is that of an analogue filter: the bilinear transform puts half the rate at infinity.
PER_OCTAVE, LOWEST_HZ, HIGHEST_RATES = 6, 20.0, 1.2
#: How much the slope of a filter usually changes from node to node, and how steep it may be (nepers per node): bells
#: are sharp where instruments sound; above so many Hz there are cabinets and shelves. Our judgement.
BEND, WIDE_BEND, WIDE_HZ, STEEP = 0.2, 0.05, 4_000.0, 1.0
#: What the filters of the model leave of the gains (nepers) and of the phases (radians) of real ones: our judgement.
GAIN_FLOOR, PHASE_FLOOR = 0.02, 0.1
#: Bins less coherent than this say nothing; neighbours share what a Hann window sees: it is 1.5 bins wide.
LEAST_COHERENCE, HANN_BINS = 0.1, 1.5
#: The stretch beside the coarse lag in which the exact one lies (s).
FINE_S = 4e-4
#: Rounds of the fit, and the standard deviations from which on a phase counts less.
ROUNDS, OUTLYING = 5, 2.0
#: Of the band powers: the share of the frames that show the noise, how far over it (times) both must sound, frames that
#: takes, and the share of the loudest left out, for a click would outweigh a song in the highest bands.
QUIET, OVER, LEAST_FRAMES, TRIM = 0.2, 4.0, 16, 0.02
#: Least error of the gain in a band (nepers), that of a single frame (so a band with few frames over its noise counts
#: little), and how much of the error is the difference between loud and soft frames, which a linear filter does not
#: make: our judgement.
BAND_FLOOR, FRAME_ERROR, BENT = 0.02, 2.0, 2.0
#: The errors of filters are no Gaussians: by so much those of pairs made of real tracks exceed the calculated ones.
WIDER = 1.5


@dataclass(frozen=True)
class BandGains:
    """Gain of the second track over the first in bands, in nepers, with its standard error; only where it is known."""

    hz: Curve
    gain: Curve
    error: Curve


@dataclass(frozen=True)
class Path:
    """The delay, its standard error, its sign, the share of the phases explained, and the filter's own phases."""

    lag_s: float
    error_s: float
    polarity: int
    explained: float
    phases: Curve


def band_gains(first: Curve, second: Curve, band_hz: Curve, floors: tuple[float, float]) -> BandGains:
    """Gains in bands from powers of shape (frames, bands), without the steady noise of either track.

    `floors` are the powers of the rounding of the two formats in a band. The loud frames of the one are compared with
    as many of the other, each by itself: so a delay between them changes nothing.
    """
    known, gains, errors = [], [], []
    ranked = [np.sort(np.asarray(p, dtype=np.float64), axis=0) for p in (first, second)]
    quiet = max(1, round(QUIET * len(first)))
    for k in range(len(band_hz)):
        noises = [max(float(p[:quiet, k].mean()), f) for p, f in zip(ranked, floors, strict=True)]
        start = max(int(np.searchsorted(p[:, k], OVER * n)) for p, n in zip(ranked, noises, strict=True))
        count = len(first) - start
        if count < LEAST_FRAMES:
            continue
        stop = len(first) - max(1, round(TRIM * count))
        a, b = (p[start:stop, k] - n for p, n in zip(ranked, noises, strict=True))
        half = len(a) // 2
        bent = BENT * (_gain(a[half:], b[half:]) - _gain(a[:half], b[:half]))
        known.append(k)
        gains.append(_gain(a, b))
        errors.append(float(np.sqrt(BAND_FLOOR**2 + FRAME_ERROR**2 / len(a) + bent**2)))
    return BandGains(band_hz[known], np.array(gains), np.array(errors))


def _gain(first: Curve, second: Curve) -> float:
    """Half the logarithm of a ratio of powers."""
    return 0.5 * float(np.log(max(float(second.sum()), 1e-30) / max(float(first.sum()), 1e-30)))


def fit(
    cross: Spectrum, powers: tuple[Curve, Curve], hz: Curve, *, windows: int, bands: BandGains, sample_rate: float
) -> Path:
    """The path that explains the cross spectrum of the two (second times conjugate of the first) at evenly spaced `hz`.

    Spectra are sums over `windows`, which overlap by half; the lag is within `FINE_S` of zero.
    """
    shared = correlate.coherence(cross, *powers)
    weight = correlate.weights(shared)
    size, turns = _filters(sample_rate, float(hz[0]), float(hz[1] - hz[0]), len(hz))
    count = turns.shape[1]
    variance = (1.0 - shared) / np.maximum(shared, 1e-9) / windows * HANN_BINS  # of phase, and of the gain in nepers
    clear = (shared > LEAST_COHERENCE) / HANN_BINS
    ratio = 0.5 * np.log(np.maximum(powers[1], 1e-30) / np.maximum(powers[0], 1e-30))
    seen = np.column_stack([size, -0.5 * np.log(np.maximum(shared, 1e-3)), np.zeros(len(hz))])
    normal, right = _usual(bands, sample_rate)
    weighed = seen.T * (clear / (variance + GAIN_FLOOR**2))
    normal, right = normal + weighed @ seen, right + weighed @ ratio
    first = turns @ np.linalg.solve(normal, right)[:count]
    models = (np.zeros(len(hz)), first)
    phases = np.angle(cross)
    fits = [correlate.exact(weight * np.exp(1j * (phases - m)), hz, FINE_S) for m in models]
    start = max((0, 1), key=lambda k: abs(fits[k][1]))
    polarity = 1 if fits[start][1] > 0.0 else -1
    expected = models[start] - 2.0 * np.pi * hz * fits[start][0]
    unknown = np.column_stack([turns, np.zeros(len(hz)), -2.0 * np.pi * hz * 1e-3])
    trust = np.ones(len(hz))
    for _ in range(ROUNDS):
        heard = trust * clear / (variance + PHASE_FLOOR**2)
        turned = expected + np.angle(polarity * cross * np.exp(-1j * expected))
        whole = normal + (unknown * heard[:, None]).T @ unknown
        found = np.linalg.solve(whole, right + unknown.T @ (heard * turned))
        expected = unknown @ found
        off = np.angle(polarity * cross * np.exp(-1j * expected)) / np.sqrt(variance + PHASE_FLOOR**2)
        scale = max(1.0, 1.4826 * float(np.median(np.abs(off[clear > 0.0])))) if clear.any() else 1.0
        trust = 1.0 / (scale**2 + (off / OUTLYING) ** 2)
    total = max(float(weight.sum()), 1e-30)
    explained = float((weight * np.cos(phases - expected)).sum()) / total
    error_s = WIDER * 1e-3 * float(np.sqrt(np.linalg.inv(whole)[-1, -1]))
    plain_s, plain = fits[0]
    if abs(plain) >= abs(explained):  # a room, not a filter
        return Path(plain_s, error_s, 1 if plain > 0.0 else -1, abs(plain), models[0])
    return Path(1e-3 * float(found[-1]), error_s, 1 if explained > 0.0 else -1, abs(explained), turns @ found[:count])


def _usual(bands: BandGains, sample_rate: float) -> tuple[Curve, Curve]:
    """Normal equations of what the bands tell of the gains, and of what filters in general are like.

    The unknowns are the gains at the nodes (nepers), whose noise makes the two less coherent (1 the second's, -1 the
    first's), and the delay (ms).
    """
    nodes = _nodes(sample_rate)
    place = np.eye(len(nodes), len(nodes) + 2)
    slopes, bends = np.diff(place, axis=0), np.diff(place, n=2, axis=0)
    usual = np.where(nodes[1:-1] > np.log2(WIDE_HZ), WIDE_BEND, BEND)[:, None]
    at = np.column_stack([_hats(bands.hz, sample_rate), np.zeros((len(bands.hz), 2))])
    normal = (at / bands.error[:, None] ** 2).T @ at + slopes.T @ slopes / STEEP**2 + (bends / usual**2).T @ bends
    normal[len(nodes), len(nodes)] += 1.0
    return normal + 1e-9 * np.eye(len(normal)), at.T @ (bands.gain / bands.error**2)


def _nodes(sample_rate: float) -> Curve:
    """Octaves of the nodes on the axis of the analogue filter."""
    return np.arange(np.log2(LOWEST_HZ), np.log2(HIGHEST_RATES * sample_rate), 1.0 / PER_OCTAVE)


def _hats(hz: Curve, sample_rate: float) -> Curve:
    """What a gain of 1 at every node is at `hz`, straight between nodes and beyond the last: (frequencies, nodes)."""
    nodes = _nodes(sample_rate)
    half = np.clip(np.pi * np.asarray(hz) / sample_rate, 1e-9, 0.49 * np.pi)
    at = np.maximum(np.log2(sample_rate / np.pi * np.tan(half)), nodes[0])
    left = np.clip(((at - nodes[0]) * PER_OCTAVE).astype(int), 0, len(nodes) - 2)
    share = (at - nodes[left]) * PER_OCTAVE
    out, rows = np.zeros((len(at), len(nodes))), np.arange(len(at))
    out[rows, left], out[rows, left + 1] = 1.0 - share, share
    return out


@lru_cache(maxsize=4)
def _filters(sample_rate: float, first_hz: float, step_hz: float, count: int) -> tuple[Curve, Curve]:
    """What a gain of 1 neper at every node makes of gains and of phases, each of shape (bins, nodes)."""
    hz = first_hz + step_hz * np.arange(count)
    grid = np.fft.rfftfreq(1 << 14, 1.0 / sample_rate)
    phases = correlate.hilbert(_hats(grid, sample_rate))
    return _hats(hz, sample_rate), np.column_stack([np.interp(hz, grid, p) for p in phases.T])
