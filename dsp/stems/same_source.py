"""Whether two stems carry the same sound: two microphones at one drum, a signal and its amplifier, a copy."""

from __future__ import annotations

import numpy as np

from dsp.stems.correlate import coherence
from dsp.stems.model import Stem, Stems
from dsp.stems.takes import energies, grid, loudest, middle, spectra

#: Windows compared, and the fewest that say anything.
WINDOWS, LEAST_WINDOWS = 48, 8
#: Mean coherence from which on two stems are one sound: microphones at one source and a bass beside its amplifier have
#: 0.9 and more, two samplers that play the same notes up to 0.7, unrelated tracks a few hundredths (our judgement).
SAME = 0.75


def same_source(one: Stem, other: Stem, stems: Stems) -> bool:
    """Whether what two stems hold between 40 Hz and 3.2 kHz is coherent; False where they hardly sound together."""
    where = grid(one.readings.sketch)
    if not len(where.starts):
        return False
    energy = np.minimum(energies(one, stems, where), energies(other, stems, where))
    chosen = loudest(energy, WINDOWS)
    if len(chosen) < LEAST_WINDOWS:
        return False
    a, b = (middle(spectra(s.readings.sketch, where.starts[chosen], where)) for s in (one, other))
    power_a, power_b = (np.asarray((s.real**2 + s.imag**2).mean(axis=0), dtype=np.float64) for s in (a, b))
    shared = coherence((a * b.conj()).mean(axis=0), power_a, power_b)
    weight = np.sqrt(power_a * power_b)
    return float(weight @ shared) > SAME * float(weight.sum())
