"""The loudest moments of every half second, as they are and as they were before a high-pass.

A limiter or clipper leaves its mark on the highest peaks: they end at one ceiling, however different the sound
under them is. Only those moments matter, so the three highest 20 ms of every half second are kept as 20 row
maxima each (the louder channel counts).

A gentle high-pass after the limiter turns the phase of the lowest notes and spreads the ceiling over a decibel.
Its inverse is known: for first order (s + w) / s, for a second-order Butterworth (s^2 + sqrt(2) w s + w^2) / s^2,
a sum of the signal, its integral and its double integral. So the moments are also kept as they would be without
each of a few high-passes (`VIEWS`). The integrators leak at 1.5 Hz; they are advanced from 20 ms to 20 ms by their
closed form and written out only inside the moments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dsp.meters.base import HOPS_PER_BLOCK, Meter
from dsp.meters.rows import Rows
from dsp.units import Curve, Samples

#: 20 ms in hops of 10 ms, how many of them are kept of every half second, and the rows each is cut into.
MOMENT_HOPS, KEPT, ROWS = 2, 3, 20
MOMENTS = HOPS_PER_BLOCK // MOMENT_HOPS
#: Where the integrators leak (Hz).
LEAK_HZ = 1.5
#: High-passes that are undone, as (order, Hz): what sits on buses and in bounce dialogs (our judgement).
HIGH_PASSES = ((1, 20.0), (1, 30.0), (1, 40.0), (2, 20.0), (2, 30.0), (2, 40.0))


def _inverse(order: int, frequency_hz: float) -> tuple[float, float]:
    """What of the leaky integral and double integral to add, to undo a high-pass."""
    w, leak = 2 * math.pi * frequency_hz, 2 * math.pi * LEAK_HZ
    if order == 1:
        return w - leak, 0.0
    return math.sqrt(2) * w - 2 * leak, w * w - math.sqrt(2) * w * leak + leak * leak


#: Shares of the signal's integral and double integral in every view; the first is the file as it is.
VIEWS: Curve = np.array([(0.0, 0.0), *(_inverse(*h) for h in HIGH_PASSES)])


#: The same with the share of the signal itself, shape (views, 3).
WEIGHTS: Samples = np.concatenate([np.ones((len(VIEWS), 1)), VIEWS], axis=1).astype(np.float32)


@dataclass(frozen=True)
class LoudMoments:
    """The highest 20 ms of every half second; linear values."""

    moment_s: float
    start_s: Curve  #: shape (half seconds, KEPT)
    power: Samples  #: mean square over the moment, all channels, shape (half seconds, KEPT)
    rows: Samples  #: row maxima, shape (half seconds, KEPT, views, ROWS)


class MomentsMeter(Meter[LoudMoments]):
    """Keeps the loudest moments."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        super().__init__(sample_rate, channels)
        size = self._size = MOMENT_HOPS * self.hop
        step = 1.0 / sample_rate
        n = np.arange(size)
        fade = np.exp(-2 * math.pi * LEAK_HZ * step * np.arange(size + 1))
        self._rise, self._fall = (step / fade[1:]).astype(np.float32), fade[1:].astype(np.float32)
        # what a moment adds to the integral and the double integral at its end
        gather = np.stack([step * fade[size - 1 - n], step**2 * (size - n) * fade[size - 1 - n]])
        self._gather = gather.astype(np.float32)
        # both integrals at the start of every moment and at the end of the block, from those at its start
        # (two columns) and what every moment adds (two each)
        advance = fade[size] * np.array([[1.0, 0.0], [size * step, 1.0]])
        self._carry = np.zeros((2 * MOMENTS + 2, 2 * MOMENTS + 2))
        power = np.eye(2)
        for lag in range(MOMENTS + 1):
            for k in range(lag, MOMENTS + 1):
                self._carry[2 * k : 2 * k + 2, 2 * (k - lag) : 2 * (k - lag) + 2] = power
            power = advance @ power
        self._piece = max(d for d in range(1, 65) if size % d == 0)
        self._within = np.triu(np.ones((self._piece, self._piece), dtype=np.float32))
        self._over = np.triu(np.ones((size // self._piece, size // self._piece), dtype=np.float32), 1)
        self._edges = np.arange(ROWS) * size // ROWS
        self._state = np.zeros((2, channels))
        self._frames = 0
        self._starts: list[Curve] = []
        self._power, self._rows = Rows(), Rows()

    def _consume(self, block: Samples) -> None:
        moments = block.reshape(self.channels, MOMENTS, self._size)
        added = (self._gather @ moments.reshape(-1, self._size).T).reshape(2, self.channels, MOMENTS)
        inputs = np.concatenate([self._state[None], added.transpose(2, 0, 1)])
        states = (self._carry @ inputs.reshape(2 * MOMENTS + 2, self.channels)).reshape(inputs.shape)
        self._state = states[-1]
        high = np.maximum(moments.max(axis=2), -moments.min(axis=2)).max(axis=0)
        kept = np.sort(np.argpartition(high, -KEPT)[-KEPT:])
        self._keep(moments[:, kept], states[kept].transpose(1, 2, 0).astype(np.float32))
        self._starts.append((self._frames + kept * self._size) / self.sample_rate)
        self._frames += block.shape[1]

    def _keep(self, moments: Samples, states: Samples) -> None:
        """Write out the integrals inside kept moments (channels, KEPT, size) and take the row maxima."""
        signals = np.empty((3, *moments.shape), dtype=np.float32)
        signals[0] = moments
        for k in (0, 1):
            np.add(self._running_sum(signals[k] * self._rise), states[k][..., None], out=signals[k + 1])
            signals[k + 1] *= self._fall
        views = (WEIGHTS @ signals.reshape(3, -1)).reshape(len(VIEWS), *moments.shape)
        size = np.abs(views, out=views).max(axis=1)
        self._rows.append(np.maximum.reduceat(size, self._edges, axis=-1).transpose(1, 0, 2)[None])
        self._power.append((np.vecdot(moments, moments).mean(axis=0) / self._size)[None])

    def _running_sum(self, x: Samples) -> Samples:
        """Cumulative sum along the last axis by two matrix products: within short pieces, then over them."""
        pieces = x.reshape(-1, self._size // self._piece, self._piece)
        before = np.matmul(pieces.sum(axis=-1), self._over)
        return np.asarray(np.matmul(pieces, self._within) + before[..., None]).reshape(x.shape)

    def _finish(self, tail: Samples) -> LoudMoments:
        if tail.shape[1]:
            block = np.zeros((self.channels, self.block_frames), dtype=np.float32)
            block[:, : tail.shape[1]] = tail
            self._consume(block)
        count = len(self._starts)
        return LoudMoments(
            moment_s=self._size / self.sample_rate,
            start_s=np.array(self._starts).reshape(count, KEPT),
            power=self._power.joined(KEPT),
            rows=self._rows.joined(KEPT, len(VIEWS), ROWS),
        )
