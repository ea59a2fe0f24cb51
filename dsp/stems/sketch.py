"""Sketch: the low band of a track at a reduced rate, small enough to keep for every stem, for correlation.

Delays between microphones and between a stem and the mix show in what lies below 3.2 kHz as exactly as in all of it:
the precision of a delay comes from the phase of many windows, not from the sample rate. Half floats hold 11 bits of
every sample, -66 dB of error that averages out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.meters.base import Meter
from dsp.meters.rows import paged
from dsp.units import Curve, Samples

#: What is kept reaches this far up (Hz); the rate after decimation is at least `LEAST_HZ`.
PASS_HZ, LEAST_HZ = 3_200.0, 8_000
#: Pieces of this many half seconds are kept, so many seconds of them at most; of longer programmes every second,
#: third ... piece.
CHUNK_BLOCKS, MOST_S = 16, 600.0
#: The largest half float.
LARGEST = 65_504.0
#: Loud samples would overflow a half float at 65504, quiet ones lose bits below 6e-5: the scale of what is stored.
SCALE = 64.0


@dataclass(frozen=True)
class Sketch:
    """The low band of a track; `samples` has shape (pieces, channels, frames) at `rate_hz`, times `SCALE`.

    Piece k starts `start_s[k]` from the start of the mix; pieces adjoin unless the programme is longer than
    `MOST_S`. Every track of one measurement has the same pieces.
    """

    rate_hz: float
    factor: int  #: samples of the track per sample of the sketch
    start_s: Curve
    samples: npt.NDArray[np.float16]

    def joined(self) -> Samples:
        """All pieces after one another, float32 of shape (channels, frames), in the track's own level."""
        pieces, channels, frames = self.samples.shape
        out = np.empty((channels, pieces * frames), dtype=np.float32)
        np.multiply(self.samples.transpose(1, 0, 2).reshape(channels, -1), 1.0 / SCALE, out=out, dtype=np.float32)
        return out


class SketchMeter(Meter[Sketch]):
    """Gathers the sketch of a track; `expected_s` is the length of the programme, as far as it is known."""

    def __init__(self, sample_rate: int, channels: int, expected_s: float = 0.0) -> None:
        super().__init__(sample_rate, channels)
        factors = [d for d in range(1, max(1, sample_rate // LEAST_HZ) + 1) if self.block_frames % d == 0]
        self._factor = factors[-1]
        self._stride = max(1, math.ceil(expected_s / MOST_S))
        kernel = _low_pass(sample_rate, self._factor)
        self._taps = kernel.reshape(-1, self._factor).astype(np.float32)
        self._history = np.zeros((channels, len(kernel) - self._factor), dtype=np.float32)
        self._delay_s = (self._history.shape[1] - len(kernel) // 2) / sample_rate  # of the middle of the first window
        self._size = self.block_frames // self._factor
        self._blocks = 0
        self._pieces: list[npt.NDArray[np.float16]] = []  # of shape (channels, frames)

    def _consume(self, block: Samples) -> None:
        chunk, at = divmod(self._blocks, CHUNK_BLOCKS)
        self._blocks += 1
        whole = np.concatenate([self._history, block], axis=1)
        self._history = whole[:, -self._history.shape[1] :].copy() if self._history.shape[1] else self._history
        if chunk % self._stride:
            return
        columns = whole.reshape(self.channels, -1, self._factor).transpose(0, 2, 1)
        count = columns.shape[2] - len(self._taps) + 1
        parts = self._taps @ columns
        low = parts[:, 0, :count].copy()
        for m in range(1, len(self._taps)):
            low += parts[:, m, m : m + count]
        if at == 0:
            self._pieces.append(paged((self.channels, CHUNK_BLOCKS * self._size), np.float16))
        np.clip(low, -LARGEST / SCALE, LARGEST / SCALE, out=low)
        # A fork (`result`) shares the piece it writes its tail to; what it writes there this meter overwrites.
        np.multiply(
            low, np.float32(SCALE), out=self._pieces[-1][:, at * self._size : (at + 1) * self._size],
            casting="same_kind",
        )  # fmt: skip

    def _finish(self, tail: Samples) -> Sketch:
        if tail.shape[1]:
            block = np.zeros((self.channels, self.block_frames), dtype=np.float32)
            block[:, : tail.shape[1]] = tail
            self._consume(block)
        pieces = len(self._pieces)
        samples = paged((pieces, self.channels, CHUNK_BLOCKS * self._size), np.float16)
        for k in range(pieces):
            samples[k], self._pieces[k] = self._pieces[k], np.zeros((0, 0), np.float16)
        starts = np.arange(pieces) * self._stride * CHUNK_BLOCKS * (self.block_frames / self.sample_rate)
        return Sketch(
            rate_hz=self.sample_rate / self._factor,
            factor=self._factor,
            start_s=starts - self._delay_s,
            samples=samples,
        )


def _low_pass(sample_rate: int, factor: int) -> npt.NDArray[np.float64]:
    """Symmetric low-pass before decimation, a whole number of `factor` long: -60 dB of aliases in its band."""
    if factor == 1:
        return np.ones(1)
    transition = (sample_rate / factor - 2 * PASS_HZ) / sample_rate
    taps = factor * math.ceil((60.0 - 8.0) / (2.285 * 2 * np.pi * transition) / factor + 1)
    n = np.arange(taps) - taps // 2
    kernel = np.sinc(n / factor) * np.kaiser(taps + 1, 5.65)[:taps]
    return np.asarray(kernel / kernel.sum())
