"""Placement: where stems stand between left and right, by the sums of their band-grams."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsp.meters.spectrum import BandGram
from dsp.stems.model import Stem
from dsp.units import power_db

#: A panned mono track: both sides are the same but for their level.
PANNED_CORRELATION = 0.98


@dataclass(frozen=True)
class Field:
    """Energies of left and right, and of their product, of one stem or of several together."""

    left: float
    right: float
    cross: float

    @property
    def balance_db(self) -> float | None:
        """Left over right; None where a side is silent."""
        return power_db(self.left / self.right) if min(self.left, self.right) > 0.0 else None

    @property
    def pan(self) -> float:
        """The position of a constant-power panner with this balance, -1 left to 1 right."""
        return math.atan2(math.sqrt(self.right), math.sqrt(self.left)) * 4.0 / math.pi - 1.0

    @property
    def correlation(self) -> float:
        """Of the two sides, -1 to 1; 1 where only one sounds."""
        product = self.left * self.right
        return max(-1.0, min(1.0, self.cross / math.sqrt(product))) if product > 0.0 else 1.0

    @property
    def side(self) -> float:
        """Energy of the difference of the sides."""
        return max(0.0, (self.left + self.right - 2.0 * self.cross) / 4.0)

    @property
    def mono_loss_db(self) -> float:
        """Level of the mono sum against the mean of both sides (0 dB: they are one)."""
        total = self.left + self.right
        return power_db((total + 2.0 * self.cross) / (2.0 * total)) if total > 0.0 else 0.0


def together(fields: Sequence[Field]) -> Field:
    """The energies of several: what they share with each other is left out."""
    return Field(sum(f.left for f in fields), sum(f.right for f in fields), sum(f.cross for f in fields))


def field(stem: Stem, below_hz: float = math.inf) -> Field:
    """Where a stem stands, or its low end below a frequency; one of one channel stands in the middle."""
    return field_of(stem.readings.gram, below_hz)


def field_of(gram: BandGram, below_hz: float = math.inf) -> Field:
    """The same of any band-gram."""
    sums = gram.data[:, :, gram.band_hz < below_hz].sum(axis=(0, 2), dtype=np.float64)
    if gram.channels != 2:
        power = float(sums[: gram.channels].mean())
        return Field(power, power, power)
    return Field(float(sums[0]), float(sums[1]), float(sums[2]))
