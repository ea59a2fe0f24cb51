"""Whether a reference is the mix with another start, and how much later it comes."""

from __future__ import annotations

import numpy as np

from dsp.stems.model import Reference, Stems

#: Another start is looked for this far (s) in the first so many seconds, and found with this correlation or more.
MOST_SHIFT_S, LOOKED_S, SHIFTED = 3.0, 60.0, 0.5
#: It must be so many times that of the same start: then nothing is left in its old place.
PLAINLY = 2.0


def shift_s_of(stems: Stems, reference: Reference) -> float:
    """How much later the reference starts, where it is the same with another start; 0 where it is not."""
    from scipy import signal

    rate_hz = stems.mix_sketch.rate_hz
    most = round(LOOKED_S * rate_hz)
    mix, other = (s.joined().mean(axis=0)[:most].astype(np.float64) for s in (stems.mix_sketch, reference.sketch))
    if not mix.any() or not other.any():
        return 0.0
    product = signal.correlate(other, mix, "full", "fft") / float(np.sqrt((mix @ mix) * (other @ other)))
    lags = np.arange(len(product)) - (len(mix) - 1)
    height = np.abs(product) * (np.abs(lags) <= MOST_SHIFT_S * rate_hz)
    at = int(height.argmax())
    if height[at] < max(SHIFTED, PLAINLY * height[len(mix) - 1]):
        return 0.0
    if 0 < at < len(height) - 1:  # the peak of the parabola through three
        before, here, after = np.abs(product[at - 1 : at + 2])
        return float((lags[at] + 0.5 * (before - after) / (before - 2.0 * here + after)) / rate_hz)
    return float(lags[at] / rate_hz)
