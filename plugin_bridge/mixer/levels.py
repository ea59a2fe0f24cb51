"""How loud it is at one point of a channel: peak, mean square and what is beyond full scale, block by block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.session import Level
from dsp.units import Samples, amplitude_db


@dataclass
class LevelMeter:
    """A point of a channel; `at` and `stage` as in `dsp.session.Level`."""

    at: str
    stage: int
    rate_hz: int
    start_s: float
    peak: float = 0.0
    peak_frame: int = 0
    first_over: int | None = None
    over_frames: int = 0
    power: float = 0.0
    frames: int = 0

    def process(self, block: Samples) -> None:
        """Blocks of float32, shape (channels, frames)."""
        if not block.size:
            return
        top = max(float(block.max()), -float(block.min()))
        if top > self.peak:
            self.peak, self.peak_frame = top, self.frames + int(np.abs(block).max(axis=0).argmax())
        if top > 1.0:
            beyond = (np.abs(block) > 1.0).any(axis=0)
            if self.first_over is None:
                self.first_over = self.frames + int(beyond.argmax())
            self.over_frames += int(beyond.sum())
        flat = block.reshape(-1)
        self.power += float(np.dot(flat, flat)) / len(block)
        self.frames += block.shape[1]

    def level(self) -> Level:
        """What was found."""
        silent = self.peak == 0.0
        rms = np.sqrt(self.power / self.frames) if self.frames else 0.0
        return Level(
            at=self.at,
            stage=self.stage,
            peak_dbfs=None if silent else amplitude_db(self.peak),
            rms_dbfs=None if silent or not rms else amplitude_db(float(rms)),
            over_s=self.over_frames / self.rate_hz,
            peak_at_s=None if silent else self.start_s + self.peak_frame / self.rate_hz,
            first_over_s=None if self.first_over is None else self.start_s + self.first_over / self.rate_hz,
        )
