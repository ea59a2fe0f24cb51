"""How Ardour plays what its sessions hold, where it is not simply arithmetic: measured on exports of Ardour 7.3.

- Curves are evaluated in blocks of N frames whose last frame gets what belongs to the frame after it: frame k of a
  block that begins at x is evaluated at x + k N / (N - 1). For faders and panners N is 1024, the exporter's block.
  For gain curves of regions N is what is read at once, mostly all of the region: one frame at its end, left out here.
- A fader's automation comes 256 frames late (the latency of the exporter's silent sound card, which the audio is moved
  for and the fader is not), and goes through a low-pass of 25 Hz: libs/ardour/amp.cc.
- Mute automation switches at the first block that begins after its point, and through the same low-pass.
- Panners follow at once.
- Fades of more than two points are splines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from plugin_bridge.mixer.curves import Values, evaluate
from plugin_bridge.sessions.model import Curve, Point

Frames: TypeAlias = npt.NDArray[np.int64]

#: Frames of a block of Ardour's exporter, and how many frames later than the audio the fader's automation comes.
BLOCK: Final = 1024
LATE: Final = BLOCK // 4
#: The low-pass of gains keeps this share of the distance per second: 2 pi 25 Hz, nearly (libs/ardour/amp.cc).
RATE: Final = 156.825
#: Frames after which nothing is left of what a low-pass started with, at any sample rate: 40 time constants at 48 kHz.
SETTLED_S: Final = 40.0 / RATE


def automated_gain(volume: Curve, mutes: Curve, rate_hz: int, a: int, b: int, start: int = 0) -> Values:  # noqa: PLR0917
    """What automation of fader (replacing it) and mute leave of frames a to before b of the export: shape (b - a,).

    The export begins at frame `start` of the timeline. Without a curve its part is 1. Ardour computes this in single
    precision, which is up to 5e-6 from here.
    """
    gain = np.ones(b - a)
    first = max(0, a - round(SETTLED_S * rate_hz))
    for curve, switch in ((volume, False), (mutes, True)):
        if not curve:
            continue
        at = np.arange(first, b, dtype=np.int64) - LATE
        block = at // BLOCK * BLOCK
        times = block.astype(np.float64) if switch else _stretched(block, at - block, curve, rate_hz, start)
        target = evaluate(curve, (start + times) / rate_hz)
        target = (target < 0.5).astype(np.float64) if switch else target
        begins = float(evaluate(curve, np.zeros(1))[0])  # where the playhead stands when a session was opened
        begins = float(begins < 0.5) if switch else begins
        target[at < 0] = begins
        gain *= _smooth(target, rate_hz, begins if first == 0 else float(target[0]))[a - first :]
    return gain


def automated_pan(pans: Curve, rate_hz: int, a: int, b: int, start: int = 0) -> Values:
    """The position of the panner (-1 to 1) at frames a to before b of the export: shape (b - a,)."""
    at = np.arange(a, b, dtype=np.int64)
    block = (at - LATE) // BLOCK * BLOCK + LATE
    return evaluate(pans, (start + _stretched(block, at - block, pans, rate_hz, start)) / rate_hz)


def _smooth(target: Values, rate_hz: int, begins: float) -> Values:
    """The low-pass of gains: each frame has what was reached before it."""
    share = float(np.float32(RATE) / np.float32(rate_hz))
    made, _ = lfilter([0.0, share], [1.0, share - 1.0], target, zi=[begins])
    return np.asarray(made)


def _stretched(block: Frames, k: Frames, curve: Sequence[Point], rate_hz: int, start: int) -> Values:
    """Times in frames at which frame k of the block that begins at `block` is evaluated.

    Before a curve's first point and after its last its value stands; only the frames between are stretched.
    """
    low, high = (curve[i].time_s * rate_hz - start for i in (0, -1))
    head = np.clip(np.floor(low - block), 0, BLOCK)
    tail = np.clip(np.floor(block + BLOCK - high), 0, BLOCK - head)
    left, right = np.maximum(low, block), np.minimum(high, block + BLOCK)
    between = BLOCK - head - tail
    step = np.maximum(0.0, right - left) / np.maximum(1.0, between - 1.0)
    return np.asarray(np.clip(left + (k - head) * step, block, block + BLOCK))
