"""24-bit WAV files, exact to the last bit.

pedalboard cuts floating-point samples off where it should round them, which leaves half a step of offset in
every stem and adds up over fourteen. So the samples are rounded here and handed over as integers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from pedalboard.io import AudioFile

from plugin_bridge.demo.performance import SAMPLE_RATE_HZ, Signal

BIT_DEPTH: Final = 24
QUANTUM: Final = 2.0 ** (1 - BIT_DEPTH)  # One step, full scale being 1.


def quantised(audio: Signal) -> Signal:
    """Return the audio rounded to 24 bits, which single precision holds exactly."""
    steps = np.round(audio.astype(np.float64) / QUANTUM)
    largest = 1.0 / QUANTUM - 1.0
    return np.asarray(np.clip(steps, -largest - 1.0, largest) * QUANTUM, dtype=np.float32)


def write_wav(path: Path, audio: Signal) -> None:
    """Write audio that :func:`quantised` returned, without any further rounding."""
    integers = (audio.astype(np.float64) * 2.0**31).astype(np.int32)
    with AudioFile(str(path), "w", SAMPLE_RATE_HZ, audio.shape[0], bit_depth=BIT_DEPTH) as file:
        file.write(integers)
