"""How a meter streams: any partition of the input into blocks gives the same result, bit for bit.

Every meter works on *canonical blocks* of half a second that start at multiples of half a second from
the start, whatever sizes it is fed. Blocks that already are canonical pass through without a copy.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import numpy as np

from dsp.meters.rows import Rows
from dsp.units import Samples

R = TypeVar("R")

#: Hops in one canonical block; a hop is 10 ms.
HOPS_PER_BLOCK = 50


def hop_samples(sample_rate: int) -> int:
    """Samples in the 10 ms grid every time curve is built on (exact for rates that are multiples of 100)."""
    return round(sample_rate / 100)


class Meter(ABC, Generic[R]):
    """`process(block)` any number of times, `result()` whenever wanted; measuring goes on after it.

    A subclass receives canonical blocks in `_consume` and, when a result is wanted, what is left
    (shorter than a block, possibly empty) in `_finish`. `_finish` runs on a fork, so it may change
    lists and rebind attributes freely, but arrays held in attributes must never be changed in place.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.sample_rate = sample_rate
        self.channels = channels
        self.hop = hop_samples(sample_rate)
        self.block_frames = HOPS_PER_BLOCK * self.hop
        self._pending: list[Samples] = []
        self._pending_frames = 0

    def process(self, block: Samples) -> None:
        """Measure float32 samples of shape (channels, frames), any number of frames."""
        if block.ndim != 2 or block.shape[0] != self.channels:
            raise ValueError(f"expected shape ({self.channels}, frames), got {block.shape}")
        start, frames = 0, block.shape[1]
        if self._pending_frames:
            start = min(frames, self.block_frames - self._pending_frames)
            self._pending.append(block[:, :start].copy())
            self._pending_frames += start
            if self._pending_frames < self.block_frames:
                return
            whole = np.concatenate(self._pending, axis=1)
            self._pending, self._pending_frames = [], 0
            self._consume(whole)
        while frames - start >= self.block_frames:
            self._consume(block[:, start : start + self.block_frames])
            start += self.block_frames
        if start < frames:
            self._pending.append(block[:, start:].copy())
            self._pending_frames = frames - start

    def result(self) -> R:
        """What has been measured so far, without disturbing the measurement."""
        fork = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, list | Rows):
                setattr(fork, name, copy.copy(value))
        empty = np.zeros((self.channels, 0), dtype=np.float32)
        return fork._finish(np.concatenate([empty, *self._pending], axis=1))

    def finish(self) -> R:
        """The result, giving up what was gathered for it: nothing can be measured afterwards."""
        empty = np.zeros((self.channels, 0), dtype=np.float32)
        return self._finish(np.concatenate([empty, *self._pending], axis=1))

    @abstractmethod
    def _consume(self, block: Samples) -> None:
        """Measure one canonical block of exactly `block_frames` frames."""

    @abstractmethod
    def _finish(self, tail: Samples) -> R:
        """Measure the last, shorter block and return the result."""
