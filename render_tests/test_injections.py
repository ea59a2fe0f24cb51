"""The right stem, or the bus, is named first beside the clean mix, whatever was done to it: injections drawn by seed.

Judged on the first change found. A draw that changes the mix by less than `AUDIBLE_DB` is made again: the stem is
silent where it was changed, or buried. Equalisation must be told within a decibel of what was done at the frequency
told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from dsp.stems.versions import Change, compared
from dsp.units import Samples
from plugin_bridge.files import read_audio
from render_tests.injections import Injection, Kind, as_file, bell_db, drawn_audible, headroom, summed
from render_tests.scenes.base import RATE, SOURCE
from render_tests.scenes.registry import clean_tracks, with_stems

STEMS = Path(__file__).resolve().parents[2] / "shared" / "data" / "stems"
#: Songs and where their excerpt begins (s).
SONGS = {
    "armygeddon": 60, "city_blues_redfarn": 30, "escape_from_chaosland": 60, "keep_on_rolling": 5,
    "modern_motion": 40, "waveform_playlist_pop": 5,
}  # fmt: skip
EXCERPT_S = 15
#: Four in ten are bells on a stem; the others take turns.
MIXED: tuple[Kind, ...] = (
    "eq", "gain", "eq", "delay", "polarity", "eq", "bus-eq", "delay", "eq", "bus-limiting",
)  # fmt: skip
FEW, MANY = 10, 100


@dataclass(frozen=True)
class Outcome:
    """An injection and what was said of it."""

    injection: Injection
    rate: int
    first: Change | None

    @property
    def named(self) -> bool:
        return self.first is not None and self.first.stem == self.injection.stem

    @property
    def understood(self) -> bool:
        """Whether what was done is told as well."""
        done, change = self.injection, self.first
        if change is None or not self.named:
            return False
        fit = change.fit
        match done.kind:
            case "polarity":
                return fit.kind == "polarity"
            case "gain":
                return fit.kind == "gain" and abs(fit.gain_db - done.gain_db) < 0.2
            case "delay":
                late = abs(fit.delay_s - done.delay_s) * self.rate
                return fit.kind == "delay" and not fit.flipped and late < 0.1
            case "bus-limiting":
                return change.over_time is not None and change.over_time.down
        if fit.kind != "eq" or fit.flipped:
            return False
        told = max(fit.filters, key=lambda f: abs(f.gain_db))
        true_db = bell_db(self.rate, done.frequency_hz, done.gain_db, done.q, told.frequency_hz)
        return abs(told.gain_db - true_db) < 1.0


def outcome(stems: Mapping[str, Samples], rate: int, kind: Kind, seed: int) -> Outcome:
    """One injection, beside the clean mix."""
    injection, flawed, mix = drawn_audible(np.random.default_rng(seed), stems, kind, rate)
    source = replace(SOURCE, sample_rate=rate)
    measured = with_stems(source, mix, flawed, references=[as_file(summed(stems))])
    assert measured.stems is not None
    found = compared(measured.stems, 0).changes
    return Outcome(injection, rate, found[0] if found else None)


@pytest.mark.parametrize("number", range(FEW))
def test_the_right_stem_of_the_clean_song_is_named_and_what_was_done(number: int) -> None:
    result = outcome(clean_tracks(), RATE, MIXED[number], 1000 + number)
    assert result.named, f"{result.injection}: {result.first}"
    assert result.understood, f"{result.injection}: {result.first}"


@cache
def excerpt(song: str) -> tuple[dict[str, Samples], int]:
    """An excerpt of the stems of a real song, with headroom."""
    stems, rate = {}, 0
    for path in sorted((STEMS / song).iterdir()):
        if path.suffix not in (".flac", ".ogg", ".mp3") or path.name.startswith("MIX"):
            continue
        audio, _ = read_audio(path)
        rate = audio.sample_rate
        part = audio.samples[:, SONGS[song] * rate : (SONGS[song] + EXCERPT_S) * rate]
        if part.any():
            stems[path.stem] = np.ascontiguousarray(part)
    return headroom(stems), rate


@pytest.mark.slow
@pytest.mark.corpus
def test_a_hundred_injections_into_real_songs() -> None:
    if not STEMS.is_dir():
        pytest.skip("the real songs are not beside this checkout (../shared/data)")
    songs = list(SONGS)
    outcomes = []
    for number in range(MANY):
        stems, rate = excerpt(songs[number % len(songs)])
        outcomes.append(outcome(stems, rate, MIXED[(number // len(songs) + number) % len(MIXED)], number))
    missed = [f"{o.injection}: {o.first and (o.first.stem, o.first.fit)}" for o in outcomes if not o.named]
    assert len(missed) <= 0.05 * MANY, missed
    assert all(o.understood for o in outcomes if o.injection.kind == "polarity")
    vague = [f"{o.injection}: {o.first and (o.first.stem, o.first.fit)}" for o in outcomes if not o.understood]
    assert len(vague) <= 0.05 * MANY, vague
