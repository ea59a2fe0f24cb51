"""Stems as values: what each is, all that was measured of it, and what it shares with the mix."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dsp.audio import Source
from dsp.meters.clipping import Clipping
from dsp.meters.dynamics import Dynamics
from dsp.meters.glitches import Glitches
from dsp.meters.level import Level
from dsp.meters.loudness import Loudness
from dsp.meters.spectrum import BandGram
from dsp.meters.stereo import BandStereo, Stereo
from dsp.meters.true_peak import TruePeak
from dsp.stems.bus_meter import BusReadings
from dsp.stems.sketch import Sketch
from dsp.units import Curve, Samples


@dataclass(frozen=True)
class Role:
    """What a stem is in the arrangement: a key of `presets/instruments.toml`, how sure that is (0 to 1) and why."""

    name: str
    confidence: float
    reason: str


#: The role of what could not be told.
UNKNOWN = Role("other", 0.0, "nothing told what it is")


@dataclass(frozen=True)
class StemReadings:
    """Everything measured of one stem, on the time axis of the mix: a late stem begins with silence.

    `cross` has shape (frames, others, 2, bands): the real and the imaginary part of the stem times the conjugate of
    the mix, of the sum of all stems, and of every lockstep reference, in this order (`MIX`, `SUM`, `FIRST_REFERENCE`);
    mean over the channels of the mix, like the powers of `power`. A mono stem feeds both channels at unity.
    """

    level: Level
    loudness: Loudness
    true_peak: TruePeak
    clipping: Clipping
    glitches: Glitches
    dynamics: Dynamics
    stereo: Stereo | None
    band_stereo: BandStereo | None
    gram: BandGram
    cross: Samples
    sketch: Sketch

    @cached_property
    def power(self) -> Samples:
        """Band powers over time, mean of the channels it feeds, shape (frames, bands)."""
        return np.asarray(self.gram.power.mean(axis=1), dtype=np.float32)


#: Indices of `StemReadings.cross`.
MIX, SUM, FIRST_REFERENCE = 0, 1, 2


@dataclass(frozen=True)
class Stem:
    """A stem: its name is unique among those of a mix and is what fixes name as their target."""

    name: str
    source: Source
    readings: StemReadings
    role: Role = UNKNOWN
    #: samples of the mix before its first one; 0 unless it was found to be trimmed, negative where it starts before
    offset_samples: int = 0
    frames: int = 0  #: samples of the mix it lasts, before any padding
    resampled_from_hz: int | None = None  #: its own rate where that is not the mix's
    rate_hz: int = 48_000  #: the rate it was measured at: that of the mix

    @property
    def silent(self) -> bool:
        """Whether nothing sounds."""
        return self.readings.level.sample_peak_dbfs is None


@dataclass(frozen=True)
class Unusable:
    """A file of the stems folder that could not be used, in the words of an InputError."""

    name: str
    cause: str
    remedy: str


@dataclass(frozen=True)
class Reference:
    """A reference measured in lockstep, because it might be another version of the same mix.

    `power` has shape (frames, bands), `cross` (frames, 2, bands) is the reference times the conjugate of the mix, both
    mean over channels. `lossy` tells that an encoder has changed it.
    """

    name: str
    power: Samples
    cross: Samples
    sketch: Sketch
    lossy: bool = False


@dataclass(frozen=True)
class Stems:
    """All stems of a mix, and what they are together.

    `mix_power` and `sum_power` have shape (frames, bands), mean over channels, on the same frames as every stem;
    `sum_cross` (frames, 2, bands) is the sum times the conjugate of the mix. `bus` and `sum_level` are None where the
    mix is the sum of the stems (`summed`): then nothing was given that a bus could have processed, and the level of the
    sum is that of the mix. `channels` are those of the mix.
    """

    stems: tuple[Stem, ...]
    frame_s: float
    band_hz: Curve
    channels: int
    mix_power: Samples
    sum_power: Samples
    sum_cross: Samples
    mix_sketch: Sketch
    summed: bool
    bus: BusReadings | None
    sum_level: Level | None = None
    references: tuple[Reference, ...] = ()
    unusable: tuple[Unusable, ...] = field(default=())

    @property
    def sounding(self) -> tuple[Stem, ...]:
        """Those that are not silent."""
        return tuple(s for s in self.stems if not s.silent)

    def named(self, name: str) -> Stem:
        """The stem of that name. Raises KeyError."""
        for stem in self.stems:
            if stem.name == name:
                return stem
        raise KeyError(name)
