"""Level: sample peak, RMS, crest factor, DC offset and left/right balance, with the 10 ms envelope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.meters.base import Meter
from dsp.units import Curve, Samples, amplitude_db, finite, power_db


@dataclass(frozen=True)
class Level:
    """Sample values in dBFS (a full-scale square wave is 0 dBFS RMS); None in digital silence.

    The crest factor is the highest sample of any channel over the RMS of all channels together.
    """

    frames: int
    sample_peak_dbfs: float | None
    sample_peak_at_s: float | None
    channel_peak_dbfs: tuple[float | None, ...]
    rms_dbfs: float | None
    crest_db: float | None
    dc_offset_db: float | None  #: of the channel where it is largest
    balance_db: float | None  #: left over right; None unless both of two channels sound
    hop_s: float
    envelope: Curve  #: mean square of every 10 ms, shape (hops, channels); the last may be shorter
    block_s: float  #: the half second that `block_peaks` are spaced by
    block_peaks: Curve  #: highest absolute sample (linear) of every half second, shape (blocks, channels)
    block_means: Curve  #: mean sample of every half second, shape (blocks, channels)


class LevelMeter(Meter[Level]):
    """Plain sample statistics of every channel."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        super().__init__(sample_rate, channels)
        self._frames = 0
        self._peak = np.zeros(channels)
        self._peak_at = np.zeros(channels, dtype=np.int64)
        self._sum = np.zeros(channels)
        self._energy = np.zeros(channels)
        self._envelope: list[Curve] = []
        self._peaks: list[Curve] = []
        self._means: list[Curve] = []

    def _consume(self, block: Samples) -> None:
        size = np.abs(block)
        at = size.argmax(axis=1)
        peak = size[np.arange(self.channels), at].astype(np.float64)
        self._peak_at = np.where(peak > self._peak, self._frames + at, self._peak_at)
        self._peak = np.maximum(peak, self._peak)
        self._peaks.append(peak)
        whole = block.shape[1] // self.hop * self.hop
        hops = block[:, :whole].reshape(self.channels, -1, self.hop)
        energy = np.vecdot(hops, hops).astype(np.float64)
        rest = block[:, whole:].astype(np.float64)
        if rest.size:
            energy = np.concatenate([energy, np.vecdot(rest, rest)[:, None] * (self.hop / rest.shape[1])], axis=1)
            self._energy = self._energy - energy[:, -1] * (1 - rest.shape[1] / self.hop)
        self._energy = self._energy + energy.sum(axis=1)
        total = block.sum(axis=1, dtype=np.float64)
        self._sum = self._sum + total
        self._means.append(total / block.shape[1])
        self._envelope.append(energy.T / self.hop)
        self._frames += block.shape[1]

    def _finish(self, tail: Samples) -> Level:
        if tail.shape[1]:
            self._consume(tail)
        frames = max(self._frames, 1)
        mean_square = self._energy / frames
        peak, power = float(self._peak.max()), float(mean_square.mean())
        balance = None
        if self.channels == 2 and mean_square.min() > 0:
            balance = power_db(float(mean_square[0] / mean_square[1]))
        return Level(
            frames=self._frames,
            sample_peak_dbfs=finite(amplitude_db(peak)),
            sample_peak_at_s=int(self._peak_at[self._peak.argmax()]) / self.sample_rate if peak > 0 else None,
            channel_peak_dbfs=tuple(finite(amplitude_db(float(p))) for p in self._peak),
            rms_dbfs=finite(power_db(power)),
            crest_db=amplitude_db(peak) - power_db(power) if power > 0 else None,
            dc_offset_db=finite(amplitude_db(float(np.abs(self._sum / frames).max()))),
            balance_db=balance,
            hop_s=self.hop / self.sample_rate,
            envelope=np.concatenate([np.zeros((0, self.channels)), *self._envelope]),
            block_s=self.block_frames / self.sample_rate,
            block_peaks=np.array(self._peaks).reshape(-1, self.channels),
            block_means=np.array(self._means).reshape(-1, self.channels),
        )
