"""The mix bus, measured from what went in and what came out: the sum of the stems and the mix, sample by sample."""

from __future__ import annotations

from dataclasses import dataclass

from dsp.meters.base import Meter
from dsp.units import Samples


@dataclass(frozen=True)
class BusReadings:
    """What the bus did."""

    residual_db: float | None


class BusMeter(Meter[BusReadings]):
    """Fed blocks of the channels of the sum followed by those of the mix: shape (2 or 4, frames)."""

    def _consume(self, block: Samples) -> None:
        pass

    def _finish(self, tail: Samples) -> BusReadings:
        return BusReadings(None)
