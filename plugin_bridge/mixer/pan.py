"""Laws of the panner: what of each input goes to left and right, by pan position (-1 left, 0 centre, 1 right).

A law is named by `Track.pan_law`:

- balance: the side that is turned away from goes down linearly, the other stays; unity in the centre. What REAPER does
  at its law of 0 dB; DAWproject leaves the law to the program, and this is our choice for it.
- power:G: gain G at the centre, 1 at the sides. Above 0.5 a sine to the power of -2 log2 G, at 0.7071 the sine and
  cosine that REAPER 7 is measured to have at its law of -3 dB; up to 0.5 the straight line of -6 dB to the power of
  -log2 G. REAPER publishes no curve: the laws between these are ours.
- ardour-mono, ardour-stereo: Ardour's equal power panner of -3 dB (libs/panners/1in2out) and its stereo balance.
- none: no panner.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.errors import UsageError

#: Bends Ardour's panner to -3 dB in the centre: 2 - 4 * 10^(-3/20), rounded as there.
ARDOUR_SCALE: Final = -0.831783138
#: Laws a user may ask for instead, by name.
LAWS: Final = {"balance": "balance", "-3": "power:0.7071", "-4.5": "power:0.5957", "-6": "power:0.5", "none": "none"}

Gains = npt.NDArray[np.float64]


def gains(law: str, pan: float | Gains) -> tuple[Gains, Gains]:
    """Gains of left and right at a pan position or at many. Raises UsageError for a law there is not."""
    p = np.clip(np.asarray(pan, np.float64), -1.0, 1.0)
    if law == "none":
        return np.ones_like(p), np.ones_like(p)
    if law in ("balance", "ardour-stereo"):
        return np.minimum(1.0, 1.0 - p), np.minimum(1.0, 1.0 + p)
    right = 0.5 * (p + 1.0)
    if law == "ardour-mono":
        left, s = 1.0 - right, ARDOUR_SCALE
        return left * (s * left + 1.0 - s), right * (s * right + 1.0 - s)
    name, _, number = law.partition(":")
    try:
        centre = float(number)
    except ValueError:
        centre = 0.0
    if name != "power" or not 0.0 < centre <= 1.0:
        raise UsageError(f"there is no pan law '{law}'; there are: {', '.join(LAWS)}")
    k = -math.log2(centre)
    if k == 0.0:
        return gains("balance", p)
    if k >= 1.0:
        return (1.0 - right) ** k, right**k
    return np.cos(0.5 * np.pi * right) ** (2.0 * k), np.sin(0.5 * np.pi * right) ** (2.0 * k)
