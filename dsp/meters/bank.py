"""All meters of a mix, fed together block by block while the samples are still in the cache."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from dsp.audio import Source, loudness_weights
from dsp.meters.base import Meter
from dsp.meters.clipping import Clipping, ClippingMeter
from dsp.meters.dynamics import DynamicRangeMeter, Dynamics, dynamics
from dsp.meters.glitches import Glitches, GlitchMeter
from dsp.meters.level import Level, LevelMeter
from dsp.meters.loudness import Loudness, LoudnessMeter
from dsp.meters.moments import LoudMoments, MomentsMeter
from dsp.meters.resolution import ResolutionMeter
from dsp.meters.sections import Section, sections
from dsp.meters.spectrum import BandGram, BandGramMeter
from dsp.meters.stereo import BandStereo, Stereo, StereoMeter, band_stereo
from dsp.meters.true_peak import TruePeak, TruePeakMeter
from dsp.units import Samples


@dataclass(frozen=True)
class Readings:
    """Everything measured of one programme; the stereo readings are None unless it has two channels."""

    loudness: Loudness
    true_peak: TruePeak
    level: Level
    clipping: Clipping
    glitches: Glitches
    dynamics: Dynamics
    dynamic_range: int | None
    bits_used: int | None
    moments: LoudMoments
    sections: tuple[Section, ...]
    gram: BandGram
    stereo: Stereo | None
    band_stereo: BandStereo | None


class MeterBank:
    """Every meter of this package over one programme.

    Fastest when fed blocks of `block_frames`; correct with any. With an executor the spectrum, which costs
    as much as the other meters together, is measured beside them; the results are the same.
    """

    def __init__(self, source: Source, executor: Executor | None = None) -> None:
        self._executor = executor
        rate, channels = source.sample_rate, source.channels
        self._loudness = LoudnessMeter(rate, channels, loudness_weights(source.layout))
        self._true_peak = TruePeakMeter(rate, channels)
        self._level = LevelMeter(rate, channels)
        self._clipping = ClippingMeter(rate, channels, source.bit_depth or 16)
        self._glitches = GlitchMeter(rate, channels)
        self._dynamic_range = DynamicRangeMeter(rate, channels)
        self._resolution = ResolutionMeter(rate, channels)
        self._moments = MomentsMeter(rate, channels)
        self._gram = BandGramMeter(rate, channels)
        self._stereo = StereoMeter(rate) if channels == 2 else None
        self._meters: list[Meter[Any]] = [
            self._level, self._loudness, self._true_peak, self._clipping, self._glitches,
            self._dynamic_range, self._resolution, self._moments, *([self._stereo] if self._stereo else []),
        ]  # fmt: skip
        self.block_frames = self._level.block_frames

    def process(self, block: Samples) -> None:
        """Feed float32 samples of shape (channels, frames) to every meter."""
        spectrum = self._executor.submit(self._gram.process, block) if self._executor else None
        for meter in self._meters:
            meter.process(block)
        if spectrum:
            spectrum.result()
        else:
            self._gram.process(block)

    def result(self) -> Readings:
        """All readings so far; the bank can go on measuring."""
        return self._readings(Meter.result)

    def finish(self) -> Readings:
        """All readings, in half the memory: the bank cannot go on measuring."""
        return self._readings(Meter.finish)

    def _readings(self, of: Callable[[Meter[Any]], Any]) -> Readings:
        loudness, true_peak, gram = of(self._loudness), of(self._true_peak), of(self._gram)
        return Readings(
            loudness=loudness,
            true_peak=true_peak,
            level=of(self._level),
            clipping=of(self._clipping),
            glitches=of(self._glitches),
            dynamics=dynamics(loudness, true_peak),
            dynamic_range=of(self._dynamic_range),
            bits_used=of(self._resolution),
            moments=of(self._moments),
            sections=sections(loudness),
            gram=gram,
            stereo=of(self._stereo) if self._stereo else None,
            band_stereo=band_stereo(gram) if self._stereo else None,
        )
