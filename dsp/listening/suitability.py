"""Whether a reference suits a mix at all: comparing blindly is worse than not comparing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsp.findings import Measurement
from dsp.genre import Genre
from dsp.listening import tonal
from dsp.listening.character import Character
from dsp.listening.reference import Beside, Comparison, highest_hz
from dsp.mix import Mix

#: Fewer third octaves in common are no spectrum (two octaves and a half).
LEAST_BANDS = 8


@dataclass(frozen=True)
class Limits:
    """Beyond these a reference does not suit: differences, except for the factors and the length."""

    least_s: float  #: seconds that count in its loudness
    tilt_db: float  #: of the tilts from 100 Hz to 10 kHz
    range_lu: float  #: of the loudness ranges
    swing_factor: float  #: between the swings of the level within bars
    pace_factor: float  #: between the paces of those swings
    genre_db: float  #: by which each fits the genre nearest to the other worse than its own


@dataclass(frozen=True)
class Reason:
    """Why a reference does not suit, in words that follow "because", and the numbers."""

    text: str
    evidence: tuple[Measurement, ...]


def reasons(comparison: Comparison, beside: Beside, limits: Limits, genres: Sequence[Genre]) -> tuple[Reason, ...]:
    """All that speaks against a reference; empty where it suits."""
    own, its = comparison.character, beside.character
    found = []
    if its.loud_s < limits.least_s:
        evidence = Measurement("reference_loud_s", its.loud_s, "s")
        found.append(Reason(f"only {its.loud_s:.0f} s of it sound, too few for a spectrum", (evidence,)))
    bands = int(np.isfinite(beside.tone_db).sum())
    if bands < LEAST_BANDS:
        evidence = Measurement("bands_in_common", bands, "")
        found.append(Reason(f"only {bands} third octaves sound in both", (evidence,)))
    if beside.tilt_db is not None and beside.mix_tilt_db is not None:
        difference = beside.mix_tilt_db - beside.tilt_db
        if abs(difference) >= limits.tilt_db:
            side = "darker" if difference > 0 else "brighter"
            text = (
                f"it is far {side}: from 100 Hz to 10 kHz its spectrum falls {-beside.tilt_db:.0f} dB, "
                f"this mix's {-beside.mix_tilt_db:.0f} dB"
            )
            found.append(Reason(text, _pair("tilt_db", beside.mix_tilt_db, beside.tilt_db, "dB")))
    found += _movement(own, its, limits)
    return (*found, *_genre(comparison.mix, beside.reference, limits.genre_db, genres))


def _movement(own: Character, its: Character, limits: Limits) -> list[Reason]:
    found = []
    if own.range_lu is not None and its.range_lu is not None and abs(own.range_lu - its.range_lu) >= limits.range_lu:
        text = f"its loud and soft passages lie {its.range_lu:.0f} LU apart, this mix's {own.range_lu:.0f} LU"
        found.append(Reason(text, _pair("loudness_range_lu", own.range_lu, its.range_lu, "LU")))
    if _apart(own.swing_db, its.swing_db, limits.swing_factor):
        text = f"its level swings by {its.swing_db:.1f} dB within a bar, this mix's by {own.swing_db:.1f} dB"
        found.append(Reason(text, _pair("swing_db", own.swing_db, its.swing_db, "dB")))
    if _apart(own.pace_hz, its.pace_hz, limits.pace_factor):
        text = f"its level moves {its.pace_hz:.1f} times a second, this mix's {own.pace_hz:.1f} times"
        found.append(Reason(text, _pair("pace_hz", own.pace_hz, its.pace_hz, "Hz")))
    return found


def _genre(mix: Mix, reference: Mix, apart_db: float, genres: Sequence[Genre]) -> list[Reason]:
    own, its = ({n.genre.name: n for n in nearest_genres(m, genres)} for m in (mix, reference))
    if not own or not its:
        return []
    of_mix, of_reference = next(iter(own.values())), next(iter(its.values()))
    wrong_for_mix = own[of_reference.genre.name].distance_db - of_mix.distance_db
    wrong_for_reference = its[of_mix.genre.name].distance_db - of_reference.distance_db
    if min(wrong_for_mix, wrong_for_reference) < apart_db:
        return []
    text = f"by its spectrum it is nearest to '{of_reference.genre.name}', this mix to '{of_mix.genre.name}'"
    evidence = (
        Measurement("genre_apart_db", wrong_for_mix, "dB"),
        Measurement("reference_genre_apart_db", wrong_for_reference, "dB"),
    )
    return [Reason(text, evidence)]


def nearest_genres(mix: Mix, genres: Sequence[Genre]) -> tuple[tonal.Nearness, ...]:
    """Genres by their distance from the spectrum of a programme, nearest first; () where it has too little."""
    band_hz, ends_hz = mix.readings.gram.band_hz, highest_hz(mix)
    return tonal.nearest([tonal.compare(mix.spectrum, band_hz, genre, ends_hz) for genre in genres])


def _apart(one: float | None, other: float | None, factor: float) -> bool:
    if one is None or other is None or min(one, other) <= 0.0:
        return False
    return max(one, other) >= factor * min(one, other)


def _pair(name: str, own: float | None, its: float | None, unit: str) -> tuple[Measurement, ...]:
    return (Measurement(name, own, unit), Measurement(f"reference_{name}", its, unit))
