"""What of a stem needs no other track: its own meters, in the lockstep or in another process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dsp.audio import Source, loudness_weights
from dsp.meters.base import Meter
from dsp.meters.clipping import Clipping, ClippingMeter
from dsp.meters.glitches import Glitches, GlitchMeter
from dsp.meters.level import Level, LevelMeter
from dsp.meters.loudness import Loudness, LoudnessMeter
from dsp.meters.stereo import Stereo, StereoMeter
from dsp.meters.true_peak import TruePeak, TruePeakMeter
from dsp.stems.model import Stem
from dsp.stems.sketch import Sketch, SketchMeter
from dsp.units import Samples


@dataclass(frozen=True)
class StemInput:
    """What is known of a stem before a sample is measured. Its channels are 1, or as many as the mix's."""

    name: str
    source: Source
    channels: int
    offset_samples: int = 0
    frames: int = 0
    resampled_from_hz: int | None = None


@dataclass(frozen=True)
class Alone:
    """Readings of one stem by itself, on the time axis of the mix."""

    level: Level
    loudness: Loudness
    true_peak: TruePeak
    clipping: Clipping
    glitches: Glitches
    stereo: Stereo | None
    sketch: Sketch


class AloneMeters:
    """Every meter of one stem that needs no other track; any partition into blocks gives the same."""

    def __init__(self, stem: StemInput, sample_rate: int, expected_s: float) -> None:
        channels = stem.channels
        weights = loudness_weights("mono" if channels == 1 else "stereo")
        self._level = LevelMeter(sample_rate, channels)
        self._loudness = LoudnessMeter(sample_rate, channels, weights)
        self._true_peak = TruePeakMeter(sample_rate, channels, with_rows=False)
        self._clipping = ClippingMeter(sample_rate, channels, stem.source.bit_depth or 16)
        self._glitches = GlitchMeter(sample_rate, channels)
        self._stereo = StereoMeter(sample_rate) if channels == 2 else None
        self._sketch = SketchMeter(sample_rate, channels, expected_s)
        self._meters: list[Meter[Any]] = [self._level, self._loudness, self._true_peak, self._clipping]
        self._meters += [self._glitches, self._sketch, *([self._stereo] if self._stereo else [])]

    def process(self, block: Samples) -> None:
        """Measure float32 samples of shape (channels, frames)."""
        for meter in self._meters:
            meter.process(block)

    def finish(self) -> Alone:
        """Everything measured; nothing can be measured afterwards."""
        return Alone(
            level=self._level.finish(),
            loudness=self._loudness.finish(),
            true_peak=self._true_peak.finish(),
            clipping=self._clipping.finish(),
            glitches=self._glitches.finish(),
            stereo=self._stereo.finish() if self._stereo else None,
            sketch=self._sketch.finish(),
        )


def alone_of(stem: Stem) -> Alone:
    """What was measured of a stem by itself, to be used once more beside other tracks."""
    r = stem.readings
    return Alone(r.level, r.loudness, r.true_peak, r.clipping, r.glitches, r.stereo, r.sketch)
