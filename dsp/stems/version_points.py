"""The ratio of what a track was to what it is, at points in frequency fine enough to fit a filter to."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np

from dsp.stems.change_fit import INSIDE, Transfer
from dsp.stems.model import Stems
from dsp.stems.version_sums import SKETCH_HZ, Complex, Spectra, Sums, product
from dsp.units import Curve

#: How far (power ratio) a track may lie below the mix before its ratio is not trusted: what rounding leaves.
TRUSTED: Final = 1e-4
#: Points per octave below the limit of the sketches, and the lowest (Hz).
PER_OCTAVE, FROM_HZ = 24, 25.0
#: Edge of a third octave over its middle.
EDGE: Final = 10.0 ** (1 / 20)


def trust(power: Curve, mix: Curve, noise: float) -> Curve:
    """How far a ratio can be trusted (0 to 1) that was found in noise of this share of the power of the mix."""
    return np.asarray(power / (power + (TRUSTED + noise) * mix + 1e-30))


def points(fine: tuple[Curve, Complex, Curve, Curve], bands: tuple[Curve, Complex, Curve]) -> Transfer:
    """Points for a fit: bins gathered into narrow groups by their power, then the bands above them.

    `fine` is frequencies, ratios, powers and trust of bins, `bands` frequencies, ratios and trust of third octaves.
    """
    hz, ratio, power, trusted = fine
    rows, values, weights = [], [], []
    edges = FROM_HZ * 2.0 ** (np.arange(round(np.log2(SKETCH_HZ / FROM_HZ) * PER_OCTAVE) + 1) / PER_OCTAVE)
    last = FROM_HZ
    for low, above in pairwise(edges):
        inside = (hz >= low) & (hz < above)
        total = float(power[inside].sum())
        if total <= 0.0:
            continue
        at, share = hz[inside], power[inside] / total
        rows.append(np.linspace(at[0], at[-1], INSIDE))
        values.append(complex(share @ ratio[inside]))
        weights.append(float(share @ trusted[inside]) * float(np.log2(above / last)))
        last = above
    for middle, value, weight in zip(*bands, strict=True):
        if middle / EDGE >= 0.999 * min(SKETCH_HZ, hz[-1] if len(hz) else 0.0):
            rows.append(middle * EDGE ** np.linspace(-1.0, 1.0, INSIDE))
            values.append(complex(value))
            weights.append(float(weight) / 3.0)
    return Transfer(np.array(rows).reshape(-1, INSIDE), np.array(values, dtype=np.complex128), np.array(weights))


def whole(stems: Stems, k: int, sums: Sums, gain: float) -> Transfer:
    """Was over is of all of the mix beside reference k turned up by a gain."""
    spectra = Spectra(stems.mix_sketch, sums.frames * stems.frame_s)
    mix, other = spectra.of((stems.mix_sketch, 1.0)), spectra.of((stems.references[k].sketch, gain))
    power = product(mix, mix).real
    ratio = np.where(power > 0.0, product(other, mix) / np.maximum(power, 1e-30), 1.0)
    coarse = np.where(sums.mix > 0.0, gain * sums.mr.conj() / np.maximum(sums.mix, 1e-30), 1.0)
    trusted = power / (power + TRUSTED * power.max(initial=0.0) + 1e-30)
    high = (sums.weight > 0.0).astype(np.float64)
    return points((spectra.hz, ratio, power, trusted), (sums.band_hz, coarse, high))
