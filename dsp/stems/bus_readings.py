"""What is read of the mix bus, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from dsp.stems.bus_response import ComplexCurve
from dsp.units import Curve, power_db_curve

Kind = Literal["none", "limiter", "clipper", "saturation", "compressor"]

#: A group of the response counts where it is this sure (dB, one standard deviation).
SURE_DB = 0.3
#: A peak or a frame counts as reduced by this much (dB; our judgement).
REDUCED_DB = 0.5
#: Whether there is a wall is told by peaks that would pass the highest output by this much (dB), by so many at least.
OVER_DB, LEAST_OVER = 0.3, 3
#: A limiter is proved where gains and equaliser leave no more than this of the mix, and that there is none (dB): a
#: lossy file leaves up to -13, a mix of other stems -25 and more (measured; our judgement).
PROVED_DB, REFUTED_DB = -12.0, -20.0


@dataclass(frozen=True)
class Dynamics:
    """What the bus took away over time, in dB (positive numbers are reductions).

    `frames` every 50 ms (NaN where nothing sounds) at input levels `level_db`; `peak_db` at the highest peak of every
    half second (`peak_s`), `slow_db` the part of it that was there before the peak. `ceiling_dbfs` where output peaks
    end at a wall, `slope` output against input over the highest peaks.
    """

    kind: Kind
    frames: Curve
    level_db: Curve
    peak_s: Curve
    peak_db: Curve
    slow_db: Curve
    into_dbfs: Curve
    out_dbfs: Curve
    ceiling_dbfs: float | None
    slope: float | None

    @property
    def reduced(self) -> npt.NDArray[np.bool_]:
        """Which peaks were reduced."""
        return np.asarray(self.peak_db > REDUCED_DB)

    @property
    def over(self) -> int:
        """How many peaks would pass the highest output."""
        return int((self.into_dbfs > float(self.out_dbfs.max(initial=-np.inf)) + OVER_DB).sum())

    @property
    def working(self) -> Curve:
        """The reduction of the frames in which there is some."""
        curve = np.nan_to_num(self.frames)
        return np.asarray(curve[curve > REDUCED_DB])


@dataclass(frozen=True)
class Left:
    """What is left of the mix, every half second: powers of the mix, of mix minus sum at one gain, and unexplained."""

    block_s: float
    mix: Curve
    given: Curve
    explained: Curve

    @property
    def given_db(self) -> float | None:
        """Mix minus the sum at one gain, in dB of the mix."""
        return _ratio_db(self.given, self.mix)

    @property
    def explained_db(self) -> float | None:
        """The same after equaliser and dynamics."""
        return _ratio_db(self.explained, self.mix)


@dataclass(frozen=True)
class BusReadings:
    """What the bus did. All is None or empty where sum or mix are silent, or not aligned (`delay_samples` tells).

    `eq_db` are the groups' gains beside `gain_db`, `error_db` how sure they are; `response` is complex and holds gain,
    polarity and delay. `power` is the mean power of the sum in every group.
    """

    delay_samples: float | None
    polarity: int
    gain_db: float | None
    hz: Curve
    low_hz: Curve
    high_hz: Curve
    response: ComplexCurve
    eq_db: Curve
    error_db: Curve
    power: Curve
    frame_s: float
    dynamics: Dynamics | None
    left: Left | None

    @property
    def residual_db(self) -> float | None:
        """Mix minus the sum at one gain, in dB of the mix."""
        return self.left.given_db if self.left else None

    @property
    def limits(self) -> bool | None:
        """Whether a limiter or clipper is proved: False where it is proved that there is none, else None."""
        if self.dynamics is None or self.left is None or self.left.explained_db is None:
            return None
        if self.dynamics.kind in ("limiter", "clipper"):
            return True if self.left.explained_db <= PROVED_DB else None
        if self.dynamics.kind != "none" and self.dynamics.over < LEAST_OVER:
            return None
        return False if self.left.explained_db <= REFUTED_DB else None

    @property
    def sure(self) -> npt.NDArray[np.bool_]:
        """Which groups of the response count."""
        return np.asarray(self.error_db < SURE_DB)


def _ratio_db(left: Curve, mix: Curve) -> float | None:
    total = float(mix.sum())
    return float(power_db_curve(max(float(left.sum()) / total, 1e-15))) if total > 0.0 else None
