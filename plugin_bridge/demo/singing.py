"""Turns the melody into what a singer's throat does: pitch, level, formants, breath and consonants.

Everything is drawn at 1 kHz and interpolated to the sample rate. Formant frequencies are the tenor row of the
table in the Csound manual's appendix "Formant Values" (a, e, i, o, u); consonants are loci towards which the
formants bend for some tens of milliseconds, as in D. H. Klatt, "Software for a cascade/parallel formant
synthesizer", JASA 67 (1980).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from plugin_bridge.demo.performance import BEAT_S, SAMPLE_RATE_HZ, SONG_S, SONG_SAMPLES, Signal, seconds
from plugin_bridge.demo.score import Note, Parts

Curve = npt.NDArray[np.float64]

CURVE_RATE_HZ: Final = 1_000
VIBRATO_HZ: Final = 5.4
VIBRATO_SEMITONES: Final = 0.32
VIBRATO_ONSET_S: Final = 0.25
SCOOP_SEMITONES: Final = 0.8  # A phrase starts a little under its note.
DRIFT_SEMITONES: Final = 0.07
BREATH_S: Final = 0.28
NEW_PHRASE_BEATS: Final = 0.75  # A rest at least this long is a breath.


class Consonant(NamedTuple):
    """How a syllable starts: length, voicing left over, formant loci in Hz, aspiration and frication."""

    length_s: float
    voicing: float
    loci_hz: tuple[float, float, float]
    aspiration: float
    frication: float


VOWELS_HZ: Final[dict[str, tuple[float, float, float]]] = {
    "a": (650.0, 1080.0, 2650.0),
    "e": (400.0, 1700.0, 2600.0),
    "i": (290.0, 1870.0, 2800.0),
    "o": (400.0, 800.0, 2600.0),
    "u": (350.0, 600.0, 2700.0),
}
CONSONANTS: Final[dict[str, Consonant]] = {
    "l": Consonant(0.055, 0.55, (360.0, 1150.0, 2850.0), 0.00, 0.00),
    "m": Consonant(0.070, 0.40, (250.0, 1000.0, 2200.0), 0.00, 0.00),
    "n": Consonant(0.065, 0.42, (260.0, 1500.0, 2500.0), 0.00, 0.00),
    "r": Consonant(0.060, 0.50, (330.0, 1200.0, 1700.0), 0.00, 0.00),
    "v": Consonant(0.060, 0.35, (300.0, 1100.0, 2300.0), 0.10, 0.15),
    "d": Consonant(0.050, 0.12, (300.0, 1700.0, 2700.0), 0.10, 0.45),
    "t": Consonant(0.060, 0.00, (400.0, 1700.0, 2700.0), 0.25, 0.85),
    "s": Consonant(0.100, 0.00, (350.0, 1500.0, 2600.0), 0.05, 1.00),
}


def lead_curves(parts: Parts, rng: np.random.Generator) -> Signal:
    """Return f0 (Hz), level, F1, F2, F3 (Hz), aspiration and frication of the lead voice, one row each."""
    notes = parts["vox"]
    count = round(SONG_S * CURVE_RATE_HZ)
    first = VOWELS_HZ[notes[0].syllable[-1]]
    formants = [np.full(count, hz) for hz in first]
    level, aspiration, frication = np.zeros(count), np.zeros(count), np.zeros(count)
    previous_end = -NEW_PHRASE_BEATS
    for index, note in enumerate(notes):
        start_s = seconds(note.beat) + float(rng.normal(0.0, 0.006))
        legato = index + 1 < len(notes) and notes[index + 1].beat - note.beat - note.beats < NEW_PHRASE_BEATS
        end_s = seconds(note.beat + note.beats) - (0.0 if legato else 0.06)
        consonant = CONSONANTS[note.syllable[0]]
        # A consonant comes before the beat, so that the vowel is on it.
        onset = _index(start_s - 0.7 * consonant.length_s)
        vowel, end = _index(start_s + 0.3 * consonant.length_s), _index(end_s)
        targets = VOWELS_HZ[note.syllable[-1]]
        for curve, locus, target in zip(formants, consonant.loci_hz, targets, strict=True):
            curve[onset:vowel] = locus
            curve[vowel:] = target
        loudness = note.velocity * float(rng.uniform(0.93, 1.07))
        level[onset:vowel] = loudness * consonant.voicing
        level[vowel:end] = loudness * _swell(end - vowel)
        aspiration[onset:vowel] = consonant.aspiration
        frication[onset:vowel] = consonant.frication * loudness
        if note.beat - previous_end >= NEW_PHRASE_BEATS:
            breath_end = onset - round(0.06 * CURVE_RATE_HZ)
            breath = slice(breath_end - round(BREATH_S * CURVE_RATE_HZ), breath_end)
            aspiration[breath] = 0.16 * np.hanning(breath.stop - breath.start)
        previous_end = note.beat + note.beats
    pitch_hz = _pitch_hz(notes, rng, vibrato=1.0)
    rows = [pitch_hz, _smooth(level, 0.012), *(_smooth(curve, 0.018) for curve in formants)]
    rows += [_smooth(aspiration, 0.006), _smooth(frication, 0.005)]
    return _at_sample_rate(rows)


def choir_curves(parts: Parts, rng: np.random.Generator) -> Signal:
    """Return three f0 rows (Hz), then the level, F1 and F2 (Hz) that the three backing voices share."""
    count = round(SONG_S * CURVE_RATE_HZ)
    level, f1, f2 = np.zeros(count), np.full(count, 400.0), np.full(count, 800.0)
    for note in parts["choir 0"]:
        start, middle, end = (_index(seconds(note.beat + beats)) for beats in (0.02, 2.0, note.beats))
        level[start:end] = note.velocity * _swell(end - start)
        # "oh-ah": the mouth opens in the middle of the bar.
        for curve, opening, target in zip((f1, f2), VOWELS_HZ["o"], VOWELS_HZ["a"], strict=False):
            curve[start:middle] = opening
            curve[middle:end] = target
    pitches = [_pitch_hz(parts[f"choir {voice}"], rng, vibrato=0.6) for voice in range(3)]
    return _at_sample_rate([*pitches, _smooth(level, 0.030), _smooth(f1, 0.06), _smooth(f2, 0.06)])


def _pitch_hz(notes: list[Note], rng: np.random.Generator, vibrato: float) -> Curve:
    count = round(SONG_S * CURVE_RATE_HZ)
    keys = np.full(count, float(notes[0].pitch))
    depth = np.zeros(count)
    previous_end = -NEW_PHRASE_BEATS
    for note in notes:
        start, end = _index(seconds(note.beat)), _index(seconds(note.beat + note.beats))
        keys[start:] = note.pitch
        if note.beat - previous_end >= NEW_PHRASE_BEATS:
            keys[start - 100 : start] = note.pitch - SCOOP_SEMITONES
            keys[start : start + 60] -= SCOOP_SEMITONES * np.linspace(1.0, 0.0, 60)
        if note.beats * BEAT_S > 2 * VIBRATO_ONSET_S:
            bloom = min(start + round(VIBRATO_ONSET_S * CURVE_RATE_HZ), end)
            depth[bloom:end] = np.minimum(np.arange(end - bloom) / (0.35 * CURVE_RATE_HZ), 1.0)
        previous_end = note.beat + note.beats
    rate_hz = VIBRATO_HZ * (1.0 + 0.06 * _wander(rng, count, 0.4))
    phase = 2.0 * np.pi * np.cumsum(rate_hz) / CURVE_RATE_HZ + rng.uniform(0.0, 2.0 * np.pi)
    wobble = vibrato * VIBRATO_SEMITONES * _smooth(depth, 0.05) * np.sin(phase)
    bent = _smooth(keys, 0.022) + wobble + DRIFT_SEMITONES * _wander(rng, count, 0.15)
    return np.asarray(440.0 * 2.0 ** ((bent - 69.0) / 12.0))


def _swell(count: int) -> Curve:
    """Return a note's loudness over its length: a slight bloom, then a slight decay."""
    return np.asarray(0.86 + 0.14 * np.sin(np.pi * np.linspace(0.12, 0.95, max(count, 1))))[: max(count, 0)]


def _wander(rng: np.random.Generator, count: int, time_s: float) -> Curve:
    """Return smooth random drift of unit standard deviation."""
    drift = _smooth(rng.normal(0.0, 1.0, count), time_s)
    return np.asarray(drift / np.std(drift))


def _smooth(curve: Curve, sigma_s: float) -> Curve:
    half = round(3.0 * sigma_s * CURVE_RATE_HZ)
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / (sigma_s * CURVE_RATE_HZ)) ** 2)
    padded = np.pad(curve, half, mode="edge")
    return np.asarray(np.convolve(padded, kernel / kernel.sum(), mode="valid"))


def _index(time_s: float) -> int:
    return round(time_s * CURVE_RATE_HZ)


def _at_sample_rate(rows: list[Curve]) -> Signal:
    times = np.arange(SONG_SAMPLES) * (CURVE_RATE_HZ / SAMPLE_RATE_HZ)
    return np.stack([np.interp(times, np.arange(len(row)), row).astype(np.float32) for row in rows])
