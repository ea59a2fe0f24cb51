"""What a genre sounds like on average: its long-term spectrum and how far songs of it spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.units import Curve


@dataclass(frozen=True)
class Genre:
    """Third-octave levels of a genre relative to its 1 kHz band, and their track-to-track spread.

    `band_hz` are nominal mid-band frequencies, 25 Hz to 16 kHz; `level_db` and `sigma_db` have one entry for
    each. Between `low_hz` and `high_hz` the curve is measured; outside, it is an extrapolation. `sigma_db` is
    the standard deviation of tracks that were first matched in level over 200 Hz to 2 kHz; where songs spread
    further below the curve than above, `sigma_short_db` is that of what falls short of it.
    """

    name: str
    title: str
    source: str
    band_hz: tuple[float, ...]
    level_db: tuple[float, ...]
    sigma_db: tuple[float, ...]
    low_hz: float
    high_hz: float
    sigma_source: str = ""
    sigma_short_db: tuple[float, ...] = ()
    side_shares: tuple[tuple[str, float, float], ...] = ()  #: region, usual lowest and highest side share

    def width(self, region: str) -> tuple[float, float]:
        """The usual range of the side share in a region: see `dsp.listening.width`."""
        return next(((low, high) for name, low, high in self.side_shares if name == region), (0.0, 1.0))

    @property
    def level(self) -> Curve:
        """The levels as an array, dB."""
        return np.array(self.level_db)

    @property
    def sigma(self) -> Curve:
        """The spreads as an array, dB."""
        return np.array(self.sigma_db)

    def level_at(self, frequency_hz: Curve) -> Curve:
        """Third-octave levels at any frequencies, dB; held constant beyond the ends of the curve."""
        return np.interp(np.log(frequency_hz), np.log(self.band_hz), self.level)

    def sigma_at(self, frequency_hz: Curve, short: bool = False) -> Curve:
        """Spreads above the curve, or below it (`short`), at any frequencies, dB; held beyond its ends."""
        sigma = np.array(self.sigma_short_db) if short and self.sigma_short_db else self.sigma
        return np.interp(np.log(frequency_hz), np.log(self.band_hz), sigma)

    def measured_at(self, frequency_hz: Curve) -> npt.NDArray[np.bool_]:
        """Whether the curve is measured at each of the frequencies, not extrapolated."""
        return np.asarray((frequency_hz > 0.99 * self.low_hz) & (frequency_hz < 1.01 * self.high_hz))
