"""Where a spectrum ends in a cliff: the mark of lossy encoders and of conversion from a lower sample rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.meters.spectrum import BandGram
from dsp.units import power_db_curve

#: Looked for above this frequency, as a fall of at least this much within this width, to a floor that stays
#: at least that far below all the way up (our judgement: music rolls off over octaves, encoders over 500 Hz,
#: sample-rate converters over 2 kHz).
LOWEST_HZ, DROP_DB, WIDTH_HZ = 9_000.0, 25.0, 1_500.0
#: The edge is where the level has fallen by this much.
EDGE_DB = 6.0
#: Widths averaged on either side of the fall (Hz), and how far below the half rate a cliff must lie to show.
SIDE_HZ, MARGIN_HZ = 500.0, 500.0
#: Below the strongest bin by more than this there is nothing left to fall off a cliff.
PRESENT_DB = -100.0


@dataclass(frozen=True)
class Cutoff:
    """The upper end of a cliff and its height."""

    frequency_hz: float
    drop_db: float


def find_cutoff(gram: BandGram) -> Cutoff | None:
    """The steepest cliff of the long-term spectrum, or None where it ends as music does."""
    if not gram.bins.any() or gram.bin_hz * len(gram.bins) < LOWEST_HZ + WIDTH_HZ + SIDE_HZ:
        return None
    side, width = max(1, round(SIDE_HZ / gram.bin_hz)), max(1, round(WIDTH_HZ / gram.bin_hz))
    mean = np.convolve(gram.bins, np.ones(side) / side, mode="valid")  # mean[k]: bins k ... k + side - 1
    level = power_db_curve(np.maximum(mean, gram.bins.max() * 1e-16))
    last = len(level) - side - width
    first = round(LOWEST_HZ / gram.bin_hz)
    if last <= first:
        return None
    drops = level[first:last] - level[first + side + width : last + side + width]
    k = int(drops.argmax())
    below, above = level[first + k], level[first + k + side + width :]
    if drops[k] < DROP_DB or below < level.max() + PRESENT_DB or above.max() > below - DROP_DB:
        return None
    edge = (first + k + side) * gram.bin_hz
    if edge > gram.bin_hz * (len(gram.bins) - 1) - MARGIN_HZ:
        return None
    # a converter's low-pass is 6 dB down at half the lower rate
    span = power_db_curve(np.maximum(gram.bins[first + k + side : first + k + side + width], gram.bins.max() * 1e-16))
    inside = np.flatnonzero(span > below - EDGE_DB)
    return Cutoff(float(edge + (int(inside[-1]) if len(inside) else 0) * gram.bin_hz), float(drops[k]))
