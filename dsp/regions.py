"""The regions of the spectrum people speak of: the one place where their limits stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.units import Curve


@dataclass(frozen=True)
class Region:
    """A stretch of the spectrum in Hz: `name` is its key in JSON, `label` what a sentence calls it."""

    name: str
    label: str
    low_hz: float
    high_hz: float

    def of(self, band_hz: Curve) -> npt.NDArray[np.bool_]:
        """Which bands have their middle in this region."""
        return np.asarray((band_hz >= self.low_hz) & (band_hz < self.high_hz))


#: Adjoining, from the lowest up. The limits are conventions of mixing; no standard draws them.
REGIONS = (
    Region("sub-bass", "sub-bass", 20.0, 60.0),
    Region("bass", "bass", 60.0, 200.0),
    Region("mud", "low mids", 200.0, 500.0),
    Region("midrange", "midrange", 500.0, 2_000.0),
    Region("presence", "presence", 2_000.0, 6_000.0),
    Region("sibilance", "sibilance", 6_000.0, 12_000.0),
    Region("air", "air", 12_000.0, 20_000.0),
)
