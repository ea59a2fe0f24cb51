"""Without a reference, what leaves the genre's spread is brought back, and what stays inside it is left alone.

One to three bells on stems or on the mix, of 3 to 9 dB either way, drawn by seed, in real files. A band leaves where it
is beyond `OUTSIDE` spreads above the average and was not before; it is back where the diagnosis does not warn of it any
more, or not more than of the song without the bells. What falls short is not counted: without a named genre nothing is
boosted, so a cut is never undone; of what a cut lets stand out elsewhere the same is asked as of a boost.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dsp.correction.balance import OUTSIDE
from dsp.correction.plan import Moves, Settings
from dsp.findings import EqMove
from dsp.listening.tonal import compare
from dsp.meters.cutoff import find_cutoff
from dsp.mix import Mix
from dsp.stems.attribution import change, predicted
from dsp.units import SILENCE_POWER, Curve, Samples
from mixdiagnose.loop import Job, Loop, Step
from plugin_bridge.stem_folder import find_stems
from render_tests.injections import Injection, altered, as_file, drawn, summed
from render_tests.test_fix import write_song
from render_tests.test_injections import SONGS, STEMS
from render_tests.test_injections_alone import CHECK, MOST_DRAWS, PROFILE, Song, clean_song, real_song

#: Draws per song of either kind: in the suite, and by `make proof` (105 together).
EACH = 15 if os.environ.get("PROOF") == "all" else 2
#: What must come back, and from how many spreads on the diagnosis warns.
BACK, WARNS = 0.7, PROFILE.number(CHECK.id, "warning_sigma")
#: A quarter of the draws are on the mix, so many bells at most.
ON_MIX, MOST_BELLS = 0.25, 3
#: What a spread may differ by and be no worse: a tenth of a decibel is what moves are rounded to (our judgement).
SAME = 0.05
TONAL = Settings(only=("eq", "bus"))


@dataclass(frozen=True)
class Drawn:
    """Bells put into a song."""

    song: Song
    injections: tuple[Injection, ...]

    def __str__(self) -> str:
        return f"{self.song.name}: {'; '.join(map(str, self.injections))}"

    def made(self) -> tuple[dict[str, Samples], Samples]:
        """The stems and the mix."""
        stems, rate = dict(self.song.stems), self.song.rate
        for injection in self.injections:
            if injection.stem is not None:
                stems[injection.stem] = as_file(altered(stems[injection.stem], injection, rate))
        mix = summed(stems)
        for injection in self.injections:
            if injection.stem is None:
                mix = altered(mix, injection, rate)
        return stems, as_file(mix)

    def expected(self) -> Curve:
        """Spreads by the third octaves of the stems: most draws need not be heard."""
        of = self.song.parts
        moves = [
            EqMove(i.stem or "mix", "bell", i.frequency_hz, i.gain_db, i.q) for i in self.injections
        ]  # fmt: skip
        after = (
            predicted(of, moves) * change([m for m in moves if m.target == "mix"], of.band_hz, self.song.rate).squared
        )
        ratio = np.maximum(after, SILENCE_POWER) / np.maximum(of.whole, SILENCE_POWER)
        return spreads(self.song.mix.spectrum * ratio, of.band_hz, self.song.ends_hz)


@dataclass(frozen=True)
class Result:
    """The spreads by band of the song without the bells, with them, and corrected."""

    drawn: Drawn
    clean: Curve
    before: Curve
    after: Curve
    moves: Moves
    steps: tuple[Step, ...]

    @property
    def back(self) -> bool:
        """Whether nothing that left is warned of more than it was."""
        return self.within(WARNS)

    def within(self, sigmas: float) -> bool:
        """Whether what left is within so many spreads, or where it was."""
        return bool((self.after <= np.maximum(sigmas, self.clean + SAME))[left(self.before, self.clean)].all())

    @property
    def touched(self) -> bool:
        """Whether anything is equalised."""
        return any(isinstance(m, EqMove) for row in self.moves.values() for m in row)

    def __str__(self) -> str:
        where = left(self.before, self.clean)
        steps = [(s.group, s.kept, s.reason) for s in self.steps]
        return f"{self.drawn}: {self.before[where].round(2)} -> {self.after[where].round(2)}, {steps}"


def spreads(spectrum: Curve, band_hz: Curve, ends_hz: float | None) -> Curve:
    """The deviation of every judged band in spreads of the genre; 0 elsewhere."""
    balance = compare(spectrum, band_hz, PROFILE.genre, ends_hz)
    return np.where(balance.judged, balance.sigmas(PROFILE.number(CHECK.id, "low_factor")), 0.0)


def spreads_of(mix: Mix) -> Curve:
    """The same of a measured mix."""
    cutoff = find_cutoff(mix.readings.gram)
    return spreads(mix.spectrum, mix.readings.gram.band_hz, cutoff.frequency_hz if cutoff else None)


def left(now: Curve, clean: Curve) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Bands that stand out of the spread and did not before."""
    return np.asarray((now >= OUTSIDE) & (clean < OUTSIDE))


def draws(song: Song, seed: int, leaving: bool) -> Iterator[Drawn]:
    """Bells that should make some band leave the spread, or none be outside it."""
    rng, names, clean = np.random.default_rng(seed), sorted(song.stems), spreads_of(song.mix)
    kind = "bus-eq" if rng.random() < ON_MIX else "eq"
    for _ in range(MOST_DRAWS):
        count = int(rng.integers(1, MOST_BELLS + 1))
        now = Drawn(song, tuple(drawn(rng, names, "bus-eq" if kind == "bus-eq" else "eq") for _ in range(count)))
        expected = now.expected()
        if left(expected, clean).any() if leaving else not (expected >= OUTSIDE).any():
            yield now
            kind = "bus-eq" if rng.random() < ON_MIX else "eq"


def corrected(drawn: Drawn, folder: Path, settings: Settings) -> Result:
    """What the closed loop makes of it from files."""
    stems, mix = drawn.made()
    write_song(folder, stems, mix, drawn.song.rate)
    loop = Loop(Job(folder / "mix.wav", find_stems(folder / "stems", folder / "mix.wav")), folder / "versions")
    steps = loop.run(settings)
    clean, before, after = (spreads_of(m) for m in (drawn.song.mix, loop.first, loop.now))
    shutil.rmtree(folder)
    return Result(drawn, clean, before, after, loop.moves, steps)


def results(
    songs: Sequence[Song], each: int, seed: int, folder: Path, *, leaving: bool, settings: Settings = TONAL
) -> Iterator[Result]:
    """So many of every song, of those that prove to leave the spread, or to stay inside it."""
    for number, song in enumerate(songs):
        found = 0
        for k, now in enumerate(draws(song, seed + number, leaving)):
            result = corrected(now, folder / f"{song.name} {k}", settings)
            if left(result.before, result.clean).any() if leaving else not (result.before >= OUTSIDE).any():
                found += 1
                yield result
            if found == each:
                break


def real_songs() -> list[Song]:
    """The real songs, and the one that is made here."""
    if not STEMS.is_dir():
        pytest.skip("the real songs are not beside this checkout (../shared/data)")
    return [*map(real_song, SONGS), clean_song()]


def test_the_clean_song_is_brought_back_and_left_alone(tmp_path: Path) -> None:
    for result in results([clean_song()], 1, 10, tmp_path / "leaving", leaving=True):
        assert result.back, str(result)
        assert max(result.after) < max(result.before)
    for result in results([clean_song()], 1, 20, tmp_path / "staying", leaving=False):
        assert not result.touched, str(result)


@pytest.mark.slow
@pytest.mark.corpus
def test_what_leaves_the_spread_is_brought_back(tmp_path: Path) -> None:
    songs = real_songs()
    found = list(results(songs, EACH, 100, tmp_path, leaving=True))
    found += results(songs[:1], 1, 300, tmp_path / "all groups", leaving=True, settings=Settings())
    assert len(found) == EACH * len(songs) + 1
    missed = [str(r) for r in found if not r.back]
    assert len(missed) <= (1.0 - BACK) * len(found), missed


@pytest.mark.slow
@pytest.mark.corpus
def test_what_stays_inside_the_spread_is_left_alone(tmp_path: Path) -> None:
    songs = real_songs()
    found = list(results(songs, EACH, 200, tmp_path, leaving=False))
    assert len(found) == EACH * len(songs)
    touched = [str(r) for r in found if r.touched]
    assert not touched
