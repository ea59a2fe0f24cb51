"""Roles from sound, for stems whose name tells nothing.

Struck things are told by their strokes: nearly all energy comes within a tenth of a second of one. What is struck is
told by where its energy lies, a bass by a low, moving line without treble (stems of MUSDB18: drums reach from 50 Hz to
16 kHz within 20 dB, a bass is 25 dB down at 1 kHz). Whether a held tone is sung, bowed or played on keys is not told:
such a stem stays "other", as a wrong role does more harm than none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.stems.model import Role, StemReadings
from dsp.units import Curve, from_power_db, power_db_curve

#: Strokes: local maxima of the 10 ms envelope within 60 ms, this far above what came before and at most this far
#: below the loud ones (dB); how long a stroke's energy is counted, in hops before and after.
REACH_HOPS, RISE_DB, UNDER_DB = 6, 6.0, 15.0
BEFORE_HOPS, AFTER_HOPS = 2, 10
#: Least number of strokes, and seconds of sound, by which anything is told.
LEAST_STROKES, LEAST_S = 8, 3.0
#: Frames this far below the loud ones are not counted as sound (dB).
ACTIVE_DB = -30.0
#: Share of a struck stem's energy that lies in its strokes: kits, kicks and snares of the demo, the scenes and of songs
#: rendered from MIDI have 0.82 and more, plucked and hammered strings 0.69 and less. Its crest factor (dB).
STRUCK, STRUCK_CREST_DB = 0.78, 14.0
#: Limits of the four regions whose shares are compared (Hz).
LOW_HZ, MIDDLE_HZ, HIGH_HZ = 150.0, 500.0, 2_000.0
#: Kicks: least share below `LOW_HZ` (of real and synthetic ones: 0.93 and more).
KICK_LOW = 0.85
#: Kits: least shares below `LOW_HZ` and above `HIGH_HZ`, and most share of tones.
KIT_LOW, KIT_HIGH, KIT_TONES = 0.1, 0.08, 0.45
#: Snares: between `LOW_HZ` and `MIDDLE_HZ`, above `HIGH_HZ`, and most below `LOW_HZ`.
SNARE_BODY, SNARE_HIGH, SNARE_LOW = 0.2, 0.3, 0.1
#: Cymbals and hats: least share above `HIGH_HZ`.
CYMBAL_HIGH = 0.8
#: Basses: least share below `LOW_HZ` and below `MIDDLE_HZ`, most above `HIGH_HZ` (four times that of the average bass
#: of MUSDB18), least share of tones, and how far the middle half of its low tones spreads (semitones).
BASS_LOW, BASS_BELOW, BASS_HIGH, BASS_TONES, BASS_SPREAD = 0.25, 0.8, 0.006, 0.4, 1.5
#: A tone stands this far (dB) over the median of the bins around it (of 10 Hz).
TONE_DB, AROUND_BINS = 10.0, 31
#: Spectra looked at for tones at most: the loudest.
MOST_SPECTRA = 200
#: How sure each can be; below one half nothing should be judged by it (our judgement).
SURE = {"kick": 0.7, "drums": 0.65, "bass": 0.6, "snare": 0.5, "percussion": 0.4}


@dataclass(frozen=True)
class Sound:
    """What is told by: shares of the energy (0 to 1) by region, of strokes and of tones."""

    active_s: float
    strokes: int
    struck: float
    crest_db: float
    low: float
    body: float
    high: float
    tones: float
    spread: float  #: of the low tones: the middle half, in semitones


def listen(readings: StemReadings) -> Sound | None:
    """What a stem sounds like; None in silence."""
    power = readings.power.astype(np.float64)
    total = power.sum(axis=1)
    crest = readings.level.crest_db
    if crest is None or not total.any():
        return None
    active = total >= _loud(total) * from_power_db(ACTIVE_DB)
    spectrum = power[active].mean(axis=0)
    spectrum /= spectrum.sum()
    hz = readings.gram.band_hz
    strokes, struck = _strokes(readings.level.envelope.mean(axis=1))
    return Sound(
        active_s=float(active.sum()) * readings.gram.frame_s,
        strokes=strokes,
        struck=struck,
        crest_db=crest,
        low=float(spectrum[hz < LOW_HZ].sum()),
        body=float(spectrum[(hz >= LOW_HZ) & (hz < MIDDLE_HZ)].sum()),
        high=float(spectrum[hz >= HIGH_HZ].sum()),
        tones=_tones(readings.gram.fine.high),
        spread=_spread(readings.gram.fine.low, readings.gram.fine.low_hz),
    )


def _loud(power: Curve) -> float:
    """Level of the loud moments: the upper tenth of what lies within 40 dB of the highest."""
    near = power[power >= power.max() * 1e-4]
    return float(np.quantile(near, 0.9))


def _strokes(envelope: Curve) -> tuple[int, float]:
    """Number of strokes and their share of the energy, from the mean squares of 10 ms."""
    from scipy import ndimage

    level = power_db_curve(np.maximum(envelope, float(envelope.max()) * 1e-12))
    around = ndimage.maximum_filter1d(level, 2 * REACH_HOPS + 1, mode="nearest")
    before = ndimage.minimum_filter1d(level, REACH_HOPS + 1, origin=REACH_HOPS // 2, mode="nearest")
    loud = 10.0 * np.log10(_loud(envelope))
    at = np.flatnonzero((level >= around) & (level > loud - UNDER_DB) & (level - before > RISE_DB))
    if not len(at):
        return 0, 0.0
    marks = np.zeros(len(envelope) + 1)
    np.add.at(marks, np.maximum(at - BEFORE_HOPS, 0), 1.0)
    np.add.at(marks, np.minimum(at + AFTER_HOPS, len(envelope)), -1.0)
    inside = marks[:-1].cumsum() > 0
    return len(at), float(envelope[inside].sum() / envelope.sum())


def _tones(spectra: npt.NDArray[np.float32]) -> float:
    """Share of the energy in lines that stand out of what is around them; 0 where there are no spectra."""
    from scipy import ndimage

    if not len(spectra) or not spectra.any():
        return 0.0
    loudest = np.sort(np.argsort(spectra.sum(axis=1))[-MOST_SPECTRA:])
    x = spectra[loudest].astype(np.float64)
    x = x[x.sum(axis=1) > x.sum(axis=1).max() * 1e-2]
    around = ndimage.median_filter(x, (1, AROUND_BINS))
    return float(x[x > around * from_power_db(TONE_DB)].sum() / x.sum())


def _spread(low: npt.NDArray[np.float32], bin_hz: float) -> float:
    """How far the loudest low tone moves: semitones between its quartiles."""
    first = max(1, round(25.0 / bin_hz))
    if low.shape[0] < 2 or low.shape[1] <= first + 1 or not low.any():
        return 0.0
    total = low.sum(axis=1)
    at = low[total > total.max() * 1e-2][:, first:].argmax(axis=1) + first
    quartiles = np.quantile(12.0 * np.log2(at), (0.25, 0.75))
    return float(quartiles[1] - quartiles[0])


def role_of(sound: Sound | None) -> Role:
    """The role a sound tells, "other" where it tells none."""
    if sound is None:
        return Role("other", 0.0, "silent, and the name tells nothing")
    if sound.active_s < LEAST_S:
        return Role("other", 0.0, f"sounds for {sound.active_s:.1f} s only, and the name tells nothing")
    struck = sound.struck >= STRUCK and sound.crest_db >= STRUCK_CREST_DB and sound.strokes >= LEAST_STROKES
    role, reason = _struck(sound) if struck else _held(sound)
    return Role(role, SURE.get(role, 0.0), f"by its sound: {reason}")


def _struck(sound: Sound) -> tuple[str, str]:
    strokes = f"short strokes (crest {sound.crest_db:.0f} dB)"
    below = f"{sound.low:.0%} of the energy below {LOW_HZ:g} Hz"
    above = f"{sound.high:.0%} above {HIGH_HZ / 1000:g} kHz"
    if sound.low >= KICK_LOW:
        return "kick", f"low {strokes}, {below}"
    if sound.body >= SNARE_BODY and sound.high >= SNARE_HIGH and sound.low <= SNARE_LOW:
        return "snare", f"{strokes} with a body, {sound.body:.0%} of it from {LOW_HZ:g} to {MIDDLE_HZ:g} Hz, {above}"
    if sound.low >= KIT_LOW and sound.high >= KIT_HIGH and sound.tones <= KIT_TONES:
        return "drums", f"{strokes} from low to high, {below}, {above}"
    if sound.high >= CYMBAL_HIGH:
        return "percussion", f"bright {strokes}, {above}: cymbals, wires or a shaker"
    return "percussion", f"{strokes}, {below}, {above}"


def _held(sound: Sound) -> tuple[str, str]:
    below = f"{sound.low:.0%} of the energy below {LOW_HZ:g} Hz"
    if (
        sound.low >= BASS_LOW
        and sound.low + sound.body >= BASS_BELOW
        and sound.high <= BASS_HIGH
        and sound.tones >= BASS_TONES
        and sound.spread >= BASS_SPREAD
    ):
        return "bass", f"a low line that moves, {below} and {sound.high:.1%} above {HIGH_HZ / 1000:g} kHz"
    if sound.tones < KIT_TONES:
        return "other", "neither strokes nor clear tones: a full track, a noise or a distorted instrument"
    return "other", "tones that many instruments and voices have in common"
