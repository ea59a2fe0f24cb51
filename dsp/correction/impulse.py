"""The impulse response of a target's moves: bands, gain, polarity and delay in one row of numbers.

Moves are linear and do not change, so their order does not matter. A delay by whole samples is zeros in front; what is
left of it, at most half a sample, is a sinc under a Kaiser window (J. F. Kaiser, R. W. Schafer, 1980), which begins
before time zero: so does every response with such a delay or with one that makes earlier, and `origin` says where its
time zero is. Panning, devices and advice are no filters and are left alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.correction.biquad import Sections, sections
from dsp.findings import DelayMove, EqMove, Fix, GainMove, PolarityMove
from dsp.units import from_amplitude_db

Response = npt.NDArray[np.float64]

#: What is cut off at the end adds up to no more than this share of the largest value (-120 dB), so no frequency changes
#: by more.
TAIL = 1e-6
#: The poles are followed until they have died away to this.
DEAD = 1e-11
#: Samples on either side of a delayed impulse, and the shape of their window: flat to 1e-5 up to 0.93 of half the rate,
#: and the ends are below -120 dB.
SPREAD, BETA = 64, 12.0


@dataclass(frozen=True)
class Impulse:
    """A response of shape (taps,), whose time zero is at the index `origin`: less than taps, never below 0."""

    samples: Response
    origin: int


def impulse_response(moves: Sequence[Fix], sample_rate: int) -> Impulse:
    """What becomes of a unit impulse at time zero. Raises ValueError for bands that `sections` refuses."""
    bands = [sections(m, sample_rate) for m in moves if isinstance(m, EqMove)]
    samples = _filtered(np.concatenate(bands)) if bands else np.ones(1)
    samples = samples * factor(moves)
    delay = delay_samples(moves)
    begins = round(delay)  # where the first sample lies, counted from time zero
    if delay != begins:
        samples = np.convolve(samples, _fraction(delay - begins))
        begins -= SPREAD
    origin = max(0, -begins)
    silence = max(0, begins), max(0, origin + 1 - len(samples))
    return Impulse(np.pad(samples, silence), origin)


def delay_samples(moves: Sequence[Fix]) -> float:
    """Sum of all delays, later for positive samples."""
    return math.fsum(m.samples for m in moves if isinstance(m, DelayMove))


def factor(moves: Sequence[Fix]) -> float:
    """What all gains and switches of polarity multiply by."""
    gain_db = math.fsum(m.gain_db for m in moves if isinstance(m, GainMove))
    turned = sum(isinstance(m, PolarityMove) for m in moves) % 2
    return from_amplitude_db(gain_db) * (-1.0 if turned else 1.0)


def _filtered(sos: Sections) -> Response:
    """Impulse response of sections in a row, until what would follow does not count."""
    from scipy.signal import sosfilt

    radius = max(max(np.abs(np.roots(row[3:])), default=0.0) for row in sos)
    length = 1 if radius == 0.0 else len(sos) * 2 + math.ceil(math.log(DEAD) / math.log(radius))
    impulse = np.zeros(length)
    impulse[0] = 1.0
    samples = np.asarray(sosfilt(sos, impulse))
    rest = np.cumsum(np.abs(samples[::-1]))[::-1]
    kept = int(np.searchsorted(-rest, -TAIL * np.abs(samples).max()))
    return samples[: max(1, kept)]


def _fraction(samples: float) -> Response:
    """An impulse later by at most half a sample, about the index `SPREAD`."""
    at = np.arange(-SPREAD, SPREAD + 1) - samples
    inside = np.clip(1.0 - (at / (SPREAD + 0.5)) ** 2, 0.0, None)
    return np.asarray(np.sinc(at) * np.i0(BETA * np.sqrt(inside)) / np.i0(BETA))
