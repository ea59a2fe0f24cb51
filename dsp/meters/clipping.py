"""Clipped samples: flat tops at any ceiling, found by their shape and not by 0 dBFS.

A clipper leaves runs of samples at one level that nothing near them exceeds, entered and left with a
corner. A loud low note is flat at its crest too, but enters it smoothly. The idea of searching the
file's own ceiling and then the shape in time is Laguna and Lerch 2016 ("An Efficient Algorithm for
Clipping Detection and Declipping", AES 141); the tolerances are our judgement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.meters.base import Meter
from dsp.units import Curve, Samples, power_db_curve

#: Shortest run of samples that counts (the common rule of clip meters, e.g. bounce-house, SessionPrep).
SHORTEST_RUN = 3
#: How much a flat top may vary: a share of its level, plus this many steps of 16-bit dither.
FLATNESS, DITHER_STEPS = 2e-4, 2
#: Corners: the steps into and out of a run exceed each of: a share of the level, dither, the run's spread.
CORNER, CORNER_STEPS, CORNER_SPREADS = 1e-3, 4, 4
#: Ceilings below this are never looked for (-40 dBFS): quantisation makes plateaus of its own there.
LOWEST_CEILING = 0.01
#: A run alone at its ceiling counts only when it is this long; shorter ones must recur at the same level.
LONE_RUN = 5


@dataclass(frozen=True)
class Clipping:
    """Runs of clipped samples in order of time; every array has one entry per run."""

    start_s: Curve
    length_samples: npt.NDArray[np.int64]
    channel: npt.NDArray[np.int64]
    ceiling_dbfs: Curve

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.start_s)


class ClippingMeter(Meter[Clipping]):
    """Finds flat tops in every half second of every channel, above and below zero separately.

    `bit_depth` is that of the file where it is less than 16, so that coarse steps do not pass for clips.
    """

    def __init__(self, sample_rate: int, channels: int, bit_depth: int = 16) -> None:
        super().__init__(sample_rate, channels)
        self._step = 2.0 ** (1 - min(bit_depth, 16))
        self._start = 0
        #: rows of start sample, length, channel, signed level
        self._runs: list[npt.NDArray[np.float64]] = []

    def _consume(self, block: Samples) -> None:
        for channel, x in enumerate(block):
            for sign, top in ((1.0, float(x.max())), (-1.0, -float(x.min()))):
                if top >= LOWEST_CEILING:
                    self._flat_tops(x, channel, sign, top)
        self._start += block.shape[1]

    def _flat_tops(self, x: Samples, channel: int, sign: float, top: float) -> None:
        floor = top - FLATNESS * top - DITHER_STEPS * self._step
        at = np.flatnonzero(x >= floor if sign > 0 else x <= -floor)
        if len(at) < SHORTEST_RUN:
            return
        breaks = np.flatnonzero(np.diff(at) > 1) + 1
        first, last = at[np.concatenate([[0], breaks])], at[np.concatenate([breaks - 1, [len(at) - 1]])]
        long = last - first + 1 >= SHORTEST_RUN
        first, last = first[long], last[long]
        if not len(first):
            return
        size = np.abs(x)
        bounds = np.stack([first, last + 1], axis=1).ravel()  # even stretches are the runs
        padded = np.append(size, np.float32(0.0))
        spread = np.maximum.reduceat(padded, bounds)[::2] - np.minimum.reduceat(padded, bounds)[::2]
        into = np.where(first > 0, np.abs(x[first] - x[first - 1]), np.inf)
        out = np.where(last + 1 < len(x), np.abs(x[last] - x[np.minimum(last + 1, len(x) - 1)]), np.inf)
        corner = np.maximum(max(CORNER * top, CORNER_STEPS * self._step), CORNER_SPREADS * spread)
        steps = np.minimum(into, out)
        clipped = np.isfinite(steps) & (steps > corner)
        if clipped.any():
            start, length = first[clipped], (last - first + 1)[clipped]
            same = np.ones(len(start))
            self._runs.append(np.stack([self._start + start, length, same * channel, same * sign * top], axis=1))

    def _finish(self, tail: Samples) -> Clipping:
        if tail.shape[1]:
            self._consume(tail)
        runs = np.concatenate([np.zeros((0, 4)), *self._runs])
        level = np.abs(runs[:, 3])
        # The same run on another channel is no recurrence: a mono part on both sides clips once.
        events = np.unique(runs[:, [0, 3]], axis=0)
        order, apart = np.sort(np.abs(events[:, 1])), 2 * FLATNESS * level + DITHER_STEPS * self._step
        company = np.searchsorted(order, level + apart, "right") - np.searchsorted(order, level - apart, "left")
        runs = runs[(company > 1) | (runs[:, 1] >= LONE_RUN)]
        runs = runs[np.argsort(runs[:, 0], kind="stable")]
        return Clipping(
            start_s=runs[:, 0] / self.sample_rate,
            length_samples=runs[:, 1].astype(np.int64),
            channel=runs[:, 2].astype(np.int64),
            ceiling_dbfs=power_db_curve(runs[:, 3] ** 2),
        )
