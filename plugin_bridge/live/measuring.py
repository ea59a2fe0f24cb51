"""One pass being measured: with every meter of `mixdiagnose check`, so its readings are those of the exported file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dsp.audio import Source
from dsp.meters.bank import MeterBank
from dsp.mix import Mix
from dsp.units import Samples
from plugin_bridge.link_layout import JOINED_LATE, LOST_FRAMES

#: What a pass may lack, in words.
MISSED = {LOST_FRAMES: "audio was lost", JOINED_LATE: "the analysis joined late"}


def lacking(missed: int) -> list[str]:
    """What a pass lacks, from bits of `plugin_bridge.link_layout`, in words."""
    return [words for bit, words in MISSED.items() if missed & bit]


def source_of(name: str, sample_rate: int, channels: int) -> Source:
    """What is known of audio that comes from a plugin."""
    return Source(name, "live", "float", sample_rate, "mono" if channels == 1 else "stereo", bit_depth=32)


class Pass:
    """All meters over one pass. `missed` are bits of `plugin_bridge.link_layout` for what it lacks, 0 for nothing."""

    def __init__(self, source: Source, missed: int = 0) -> None:
        self.source = source
        self.missed = missed
        self.frames = 0
        self._bank = MeterBank(source)
        self._waiting: list[Samples] = []  # less than what fills the next half second
        self._fed = 0

    @property
    def seconds(self) -> float:
        """Length so far."""
        return self.frames / self.source.sample_rate

    def process(self, block: Samples) -> None:
        """Measure float32 samples of shape (channels, frames); they are the pass's from now on."""
        self.frames += block.shape[1]
        self._waiting.append(block)
        size = self._bank.block_frames
        if self.frames // size > self._fed // size:
            self._feed(self.frames // size * size)

    def _feed(self, until: int) -> None:
        """Give the meters what waits, until so many frames are measured."""
        audio = self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting, axis=1)
        count = until - self._fed
        self._bank.process(audio[:, :count])
        self._waiting = [audio[:, count:].copy()] if count < audio.shape[1] else []
        self._fed = until

    def mix(self, to_the_sample: bool = False) -> Mix:
        """What has been measured: to the last whole half second, or `to_the_sample`."""
        if to_the_sample and self._waiting:
            self._feed(self.frames)
        lacks = " and ".join(lacking(self.missed))
        return Mix(replace(self.source, partial=lacks or None), self._bank.result())
