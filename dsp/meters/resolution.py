"""Resolution: how many bits the samples really use, whatever the container claims."""

from __future__ import annotations

import numpy as np

from dsp.meters.base import Meter
from dsp.units import Samples

#: Scale that turns 24-bit samples into whole numbers; float32 holds every one of them exactly.
FULL_SCALE_24 = np.float32(2.0**23)


class ResolutionMeter(Meter[int | None]):
    """Significant bits of the finest sample: 1-24, 32 when finer than 24 bits, None in silence.

    Looking stops once all 24 bits are in use.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        super().__init__(sample_rate, channels)
        self._used = 0  # bits set in any sample, as 24-bit integers
        self._finer = False

    def _consume(self, block: Samples) -> None:
        if self._finer or self._used & 1:
            return
        scaled = np.abs(block * FULL_SCALE_24)
        self._finer = not np.array_equal(np.floor(scaled), scaled)
        if not self._finer:
            self._used |= int(np.bitwise_or.reduce(np.minimum(scaled, 2.0**30).astype(np.int32), axis=None))

    def _finish(self, tail: Samples) -> int | None:
        if tail.shape[1]:
            self._consume(tail)
        if self._finer:
            return 32
        return 24 - ((self._used & -self._used).bit_length() - 1) if self._used else None
