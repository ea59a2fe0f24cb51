"""Meters that move: what a window shows twenty times a second, from a few hops of 10 ms at a time.

The meters of `dsp.meters` work on half seconds. These work on whatever there is, at the same definitions: momentary
and short-term loudness and correlation of the last 400 ms and 3 s, and of the pass so far the integrated loudness and
the true peak. Their cost grows with the number of hops, not of calls, so a bounce at many times real time is no dearer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsp.meters.base import hop_samples
from dsp.meters.loudness import (
    MOMENTARY_HOPS,
    RELATIVE_GATE_LU,
    SHORT_TERM_HOPS,
    STEP_HOPS,
    gated_power,
    k_weighting,
    lufs,
)
from dsp.meters.recursive import RecursiveFilter
from dsp.meters.true_peak import ROW, TruePeakMeter
from dsp.meters.windows import window_sums
from dsp.units import Curve, Samples, amplitude_db, finite

#: Points of the histories: a minute at ten a second.
HISTORY = 600
#: Samples per row of the filter: near this many, a divisor of the hop.
FILTER_STEP = 50
#: The true peak is looked for in this many hops at once: its cost is per call.
PEAK_HOPS = 20
#: Below this mean square of both channels (-90 dBFS) there is no correlation to show.
QUIET = 1e-9


class Grown:
    """Numbers appended for hours, as one array."""

    def __init__(self) -> None:
        self._values = np.zeros(1024)
        self.count = 0

    def append(self, values: Curve) -> None:
        """Add numbers at the end."""
        end = self.count + len(values)
        if end > len(self._values):
            self._values = np.concatenate([self._values, np.zeros(max(end, len(self._values)))])
        self._values[self.count : end] = values
        self.count = end

    @property
    def values(self) -> Curve:
        """All of them; a view."""
        return self._values[: self.count]


class PassLoudness:
    """Integrated loudness of a pass from its hop powers, the same as `dsp.meters.loudness.integrated_lufs` of all."""

    def __init__(self) -> None:
        self._rest = np.zeros(0)
        self._windows = Grown()
        self._known: tuple[int, float | None] = (0, None)

    def append(self, power: Curve) -> None:
        """Add K-weighted mean squares of hops."""
        self._rest = np.concatenate([self._rest, power])
        windows = window_sums(self._rest, MOMENTARY_HOPS)[::STEP_HOPS] / MOMENTARY_HOPS
        self._windows.append(windows)
        self._rest = self._rest[len(windows) * STEP_HOPS :]

    @property
    def integrated_lufs(self) -> float | None:
        """LUFS so far; None below 400 ms or where nothing passes the gates."""
        count = self._windows.count
        if self._known[0] != count:
            loud = gated_power(self._windows.values, RELATIVE_GATE_LU)
            self._known = count, lufs(float(loud.mean())) if len(loud) else None
        return self._known[1]


class PassPeak(TruePeakMeter):
    """True peak of a pass but for its last fifth of a second, from any number of samples at a time."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        super().__init__(sample_rate, channels, with_rows=False)
        self._few: list[Samples] = []
        self._few_frames = 0

    def process(self, block: Samples) -> None:
        """Measure float32 samples of shape (channels, frames), any number of frames."""
        self._few.append(block)
        self._few_frames += block.shape[1]
        if self._few_frames >= PEAK_HOPS * self.hop:
            whole = np.concatenate(self._few, axis=1)
            end = whole.shape[1] // ROW * ROW
            self._few, self._few_frames = [whole[:, end:]], whole.shape[1] - end
            self._consume(whole[:, :end])
            self._blocks.clear()

    @property
    def max_dbtp(self) -> float | None:
        """dBTP so far; None in silence."""
        return finite(amplitude_db(float(self._best.max())))


class LiveMeters:
    """Momentary and short-term loudness, correlation and their histories at any time; a pass since `begin`."""

    def __init__(self, sample_rate: int, channels: int, weights: Sequence[float]) -> None:
        self.sample_rate, self.channels = sample_rate, channels
        self.hop = hop_samples(sample_rate)
        self._weights = np.asarray(weights, dtype=np.float64) / self.hop
        divisors = [d for d in range(1, self.hop + 1) if self.hop % d == 0]
        step = min(divisors, key=lambda d: abs(np.log(d / FILTER_STEP)))
        self._filter = RecursiveFilter(k_weighting(sample_rate), step)
        self._power = np.zeros(SHORT_TERM_HOPS + STEP_HOPS)  # of the last hops
        self._products: Curve = np.zeros((MOMENTARY_HOPS, 3))  # LL, RR, LR of the last hops
        self._hops = 0
        self.momentary_history = np.full(HISTORY, -np.inf)  #: LUFS every 100 ms, the last one newest
        self.short_term_history = np.full(HISTORY, -np.inf)  #: the same of 3 s
        self.begin()

    def begin(self) -> None:
        """Start a pass: its loudness and true peak are those of what follows alone."""
        self._few: Samples = np.zeros((self.channels, 0), dtype=np.float32)
        self._state: Curve = np.zeros((self.channels, self._filter.order))
        self.pass_loudness, self.pass_peak = PassLoudness(), PassPeak(self.sample_rate, self.channels)

    def process(self, block: Samples, counted: bool) -> None:
        """Measure float32 samples of shape (channels, frames); `counted` are those of a pass."""
        if counted:
            self.pass_peak.process(block)
        whole = np.concatenate([self._few, block], axis=1)
        count = whole.shape[1] // self.hop
        self._few = whole[:, count * self.hop :]
        if not count:
            return
        audio = whole[:, : count * self.hop].astype(np.float64)
        weighted, self._state = self._filter(audio, self._state)
        hops = weighted.reshape(self.channels, count, self.hop)
        power = self._weights @ np.vecdot(hops, hops)
        if counted:
            self.pass_loudness.append(power)
        self._remember(power)
        if self.channels == 2:
            left, right = audio.reshape(2, count, self.hop)[:, -MOMENTARY_HOPS:]
            products = np.stack([np.vecdot(a, b) for a, b in ((left, left), (right, right), (left, right))], axis=1)
            self._products = np.concatenate([self._products, products])[-MOMENTARY_HOPS:]

    def _remember(self, power: Curve) -> None:
        """Take hop powers into the last seconds and, every tenth, into the histories."""
        every = np.concatenate([self._power, power])
        first = STEP_HOPS - self._hops % STEP_HOPS  # new hops until the next point of the history
        ends = len(self._power) + np.arange(first, len(power) + 1, STEP_HOPS)
        ends = ends[-HISTORY:]
        if len(ends):
            for history, hops in ((self.momentary_history, MOMENTARY_HOPS), (self.short_term_history, SHORT_TERM_HOPS)):
                sums = window_sums(every, hops)[ends - hops]
                points = lufs(1.0) + 10.0 * np.log10(np.maximum(sums / hops, 1e-30))
                history[: -len(points)] = history[len(points) :]
                history[-len(points) :] = points
        self._power = every[-len(self._power) :]
        self._hops += len(power)

    @property
    def momentary_lufs(self) -> float | None:
        """Of the last 400 ms; None in digital silence."""
        return finite(lufs(float(self._power[-MOMENTARY_HOPS:].mean())))

    @property
    def short_term_lufs(self) -> float | None:
        """Of the last 3 s; None in digital silence."""
        return finite(lufs(float(self._power[-SHORT_TERM_HOPS:].mean())))

    @property
    def correlation(self) -> float | None:
        """Of the last 400 ms, -1 to 1; None for one channel, and where one of two is silent."""
        ll, rr, lr = self._products.sum(axis=0)
        if min(ll, rr) <= QUIET * self.hop * MOMENTARY_HOPS:
            return None
        return float(np.clip(lr / np.sqrt(ll * rr), -1.0, 1.0))
