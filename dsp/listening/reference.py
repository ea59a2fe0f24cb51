"""A mix beside its references: level-matched, then the differences in tone, dynamics and width.

Levels are matched on integrated loudness. What is then left over in all bands alike is only how much the parts
that differ weigh in that loudness, so tone is read from where most of the spectrum agrees (`zero_db`): a
boost of one region must not read as a cut of all others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.listening.character import Character, character, tilt_db
from dsp.meters.cutoff import find_cutoff
from dsp.mix import Mix
from dsp.regions import REGIONS
from dsp.units import Curve, power_db, power_db_curve

#: Bands compared end with 16 kHz: what is above is the converters' and the encoders'.
MOST_BANDS = 29
#: Edges of a third octave over its middle (IEC 61260-1, base ten).
EDGE = 10.0 ** (1 / 20)
#: A band counts up to this share of the sample rate, and of a lossy file up to this frequency (Hz): encoders
#: leave out or thin out what is above (LAME at 128 kbit/s and AAC encoders low-pass at 15 to 17 kHz).
RATE_SHARE, LOSSY_HZ = 0.46, 15_000.0
#: A band this far below the strongest one does not sound.
PRESENT_DB = -70.0
#: The zero of tone lies between these (Hz), the middle two decades of the spectrum.
ZERO_HZ = (99.0, 10_100.0)
#: Half of the bands within this (dB) are one song with a few moves: then they are the zero, else the median.
AGREE_DB = 1.0
#: Side this far below mid counts as mono.
MONO_DB = -20.0
#: The readings compared, of those a mix has.
COMPARED = ("integrated_lufs", "loudness_range_lu", "plr_db", "psr_min_db", "crest_db", "side_ratio_db")


@dataclass(frozen=True)
class Beside:
    """A mix beside one reference; differences are mix minus reference, NaN in bands that cannot be compared.

    `level_db` is what the reference must be turned up by to be as loud as the mix. `tone_db` is per third
    octave after that and less `zero_db`, which is left over where the two agree. `width_db` is per region:
    side over mid.
    """

    name: str
    reference: Mix
    character: Character
    level_db: float
    zero_db: float
    tone_db: Curve
    tilt_db: float | None  #: of the reference, 100 Hz to 10 kHz, over the bands compared
    mix_tilt_db: float | None
    width_db: Curve
    readings: dict[str, float | None]  #: of the reference, by the names of `COMPARED`
    itself: bool  #: the reference measures exactly as the mix does
    again: bool  #: it measures exactly as an earlier reference does


@dataclass(frozen=True)
class Typical:
    """Mean of differences over references, and their sample standard deviation (NaN of one)."""

    mean: Curve
    spread: Curve


@dataclass(frozen=True)
class Comparison:
    """A mix beside several references."""

    mix: Mix
    band_hz: Curve
    character: Character
    readings: dict[str, float | None]
    width_db: Curve  #: of the mix, side over mid per region; NaN where not measurable
    beside: tuple[Beside, ...]


def compare(mix: Mix) -> Comparison:
    """A mix beside each of its references that has a loudness. Whether they suit is another question."""
    own = _Measured(mix)
    references = [_Measured(r) for r in mix.references if r.readings.loudness.integrated_lufs is not None]
    beside = [
        _beside(own, other, any(_same(other.mix, earlier.mix) for earlier in references[:k]))
        for k, other in enumerate(references)
    ]
    band_hz = mix.readings.gram.band_hz[:MOST_BANDS]
    return Comparison(mix, band_hz, character(mix), own.readings, own.width_db, tuple(beside))


def typical(rows: list[Curve]) -> Typical:
    """Mean and spread of curves, band by band, over those that have a value there."""
    values = np.array(rows)
    known = np.isfinite(values)
    count = known.sum(axis=0)
    mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(known, (values - mean) ** 2, 0.0).sum(axis=0)
    spread = np.sqrt(squares / np.maximum(count - 1, 1))
    return Typical(np.where(count > 0, mean, np.nan), np.where(count > 1, spread, np.nan))


def region_tone(band_hz: Curve, tone_db: Curve) -> Curve:
    """Mean over the third octaves of every region; NaN where none was compared."""
    out = np.full(len(REGIONS), np.nan)
    for k, region in enumerate(REGIONS):
        inside = region.of(band_hz) & np.isfinite(tone_db)
        if inside.any():
            out[k] = tone_db[inside].mean()
    return out


class _Measured:
    """What a comparison needs of one programme, worked out once."""

    def __init__(self, mix: Mix) -> None:
        gram = mix.readings.gram
        self.mix = mix
        self.loudness_lufs = mix.readings.loudness.integrated_lufs or 0.0
        self.band_hz = gram.band_hz[:MOST_BANDS]
        # channels add up in loudness, so they do here: a mono file has half the sum of the same in stereo
        self.level_db = power_db_curve(mix.spectrum[:MOST_BANDS] * gram.channels)
        self.sounds = self.level_db >= self.level_db.max(initial=-np.inf) + PRESENT_DB
        self.sounds &= np.isfinite(self.level_db) & (self.band_hz * EDGE <= highest_hz(mix))
        values = {m.name: m.value for m in mix.measurements()}
        self.readings = {name: values[name] for name in COMPARED}
        self.width_db = _widths_db(mix, self.band_hz, self.sounds)


def _beside(mix: _Measured, other: _Measured, again: bool) -> Beside:
    count = min(len(mix.band_hz), len(other.band_hz))
    band_hz, both = mix.band_hz[:count], mix.sounds[:count] & other.sounds[:count]
    level_db = mix.loudness_lufs - other.loudness_lufs
    tone = np.full(len(mix.band_hz), np.nan)
    tone[:count][both] = (mix.level_db[:count] - other.level_db[:count])[both] - level_db
    zero = _zero_db(mix.band_hz, tone)
    return Beside(
        name=other.mix.source.name,
        reference=other.mix,
        character=character(other.mix),
        level_db=level_db,
        zero_db=zero,
        tone_db=tone - zero,
        tilt_db=tilt_db(band_hz, other.level_db[:count], both),
        mix_tilt_db=tilt_db(band_hz, mix.level_db[:count], both),
        width_db=mix.width_db - other.width_db,
        readings=other.readings,
        itself=_same(mix.mix, other.mix),
        again=again,
    )


def _zero_db(band_hz: Curve, difference_db: Curve) -> float:
    """Where most of the middle of the spectrum agrees: its densest half if that is tight, else its median."""
    inside = np.isfinite(difference_db) & (band_hz >= ZERO_HZ[0]) & (band_hz <= ZERO_HZ[1])
    values = np.sort(difference_db[inside])
    if not len(values):
        return 0.0
    half = len(values) // 2 + 1
    widths = values[half - 1 :] - values[: len(values) - half + 1]
    first = int(widths.argmin())
    dense = values[first : first + half]
    return float(dense.mean() if widths[first] <= AGREE_DB else np.median(values))


def highest_hz(mix: Mix) -> float:
    """Up to where the spectrum of a file is music: not beyond its rate, an earlier low rate, or an encoder."""
    limits = [RATE_SHARE * mix.source.sample_rate]
    if mix.source.lossy:
        limits.append(LOSSY_HZ)
    if cutoff := find_cutoff(mix.readings.gram):
        limits.append(cutoff.frequency_hz)
    return min(limits)


def _widths_db(mix: Mix, band_hz: Curve, sounds: npt.NDArray[np.bool_]) -> Curve:
    """Side over mid of every region in dB, from the mean share of the side in its bands, at least `MONO_DB`."""
    out = np.full(len(REGIONS), np.nan)
    stereo = mix.readings.stereo
    if stereo is None or stereo.one_sided:
        return out
    frames = mix.loud_frames if mix.loud_frames.any() else None
    ll, rr, re, _ = mix.readings.gram.long_term(frames)[:, :MOST_BANDS]
    share = np.clip((ll + rr - 2.0 * re) / np.maximum(2.0 * (ll + rr), 1e-30), 0.0, 1.0)
    for k, region in enumerate(REGIONS):
        inside = region.of(band_hz) & sounds
        if inside.any():
            side = float(share[inside].mean())
            out[k] = max(power_db(side) - power_db(1.0 - side), MONO_DB) if side < 1.0 else -MONO_DB
    return out


def _same(one: Mix, other: Mix) -> bool:
    """Whether two programmes measure exactly alike, frame by frame."""
    return one is other or np.array_equal(one.readings.gram.data, other.readings.gram.data)
