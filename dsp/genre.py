"""What a genre sounds like on average: its long-term spectrum and how far songs of it spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.units import Curve


@dataclass(frozen=True)
class Genre:
    """Third-octave levels of a genre relative to its 1 kHz band, and their track-to-track spread.

    `band_hz` are nominal mid-band frequencies, 25 Hz to 16 kHz; `level_db` and `sigma_db` have one entry for
    each. Between `low_hz` and `high_hz` the curve is measured; outside, it is an extrapolation.
    """

    name: str
    title: str
    source: str
    band_hz: tuple[float, ...]
    level_db: tuple[float, ...]
    sigma_db: tuple[float, ...]
    low_hz: float
    high_hz: float

    @property
    def level(self) -> Curve:
        """The levels as an array, dB."""
        return np.array(self.level_db)

    @property
    def sigma(self) -> Curve:
        """The spreads as an array, dB."""
        return np.array(self.sigma_db)
