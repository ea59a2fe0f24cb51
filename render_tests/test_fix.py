"""What was done to a song is undone, where the song as it was is given: injections drawn by seed, real files.

One to three bells on stems or on the mix, of 3 to 9 dB either way. Judged at the mix, in third octaves: of the error
that was put in (dB squared, where it is more than `HEARD_DB`), how much is gone, and what new there is elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from dsp.correction.plan import Settings
from dsp.findings import EqMove
from dsp.meters.spectrum import BandGramMeter
from dsp.units import Curve, Samples, power_db_curve
from mixdiagnose.fixing import Outcome, fix
from mixdiagnose.loop import Job
from plugin_bridge.files import read_audio
from plugin_bridge.stem_folder import find_stems
from plugin_bridge.writer import write_wav
from render_tests.injections import AUDIBLE_DB, EQ_DB, EQ_HZ, EQ_Q, MOST_DRAWS, as_file, bell, change_db, summed
from render_tests.scenes.base import RATE
from render_tests.scenes.registry import clean_tracks
from render_tests.test_injections import SONGS, STEMS, excerpt

#: Draws per song: in the suite, and by `make proof` (200 together).
EACH = 34 if os.environ.get("PROOF") == "all" else 4
#: Bands that the injection changes by more than this are its region; of a spectrum, those above this are heard (dB).
HEARD_DB, PRESENT_DB = 0.25, -60.0
#: What must be gone of the error, and the most new error elsewhere (dB).
GONE, NEW_DB = 0.7, 1.0


@dataclass(frozen=True)
class Drawn:
    """Bells (Hz, dB, Q) and the targets they are put on, with what they make."""

    where: tuple[str, ...]
    bells: tuple[tuple[float, float, float], ...]
    stems: dict[str, Samples]
    mix: Samples
    clean: Samples

    def __str__(self) -> str:
        told = (
            f"{w}: {hz:.0f} Hz {db:+.1f} dB Q {q:.1f}" for w, (hz, db, q) in zip(self.where, self.bells, strict=True)
        )
        return "; ".join(told)


def draw(rng: np.random.Generator, stems: Mapping[str, Samples], rate: int) -> Drawn:
    """One to three bells, a quarter of them on the mix, the others on one stem or several; audible ones."""
    names, clean = sorted(stems), as_file(summed(stems))

    def even(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    for _ in range(MOST_DRAWS):
        count, kind = int(rng.integers(1, 4)), rng.random()
        bells = tuple(
            (even(*EQ_HZ), float(rng.choice([-1.0, 1.0]) * rng.uniform(*EQ_DB)), even(*EQ_Q)) for _ in range(count)
        )
        one = str(names[int(rng.integers(len(names)))])
        many = tuple(str(names[int(rng.integers(len(names)))]) for _ in bells)
        where = ("mix",) * count if kind < 0.25 else (one,) * count if kind < 0.7 else many
        flawed, mix = dict(stems), clean
        for target, numbers in zip(where, bells, strict=True):
            if target == "mix":
                mix = as_file(bell(mix, rate, *numbers))
            else:
                flawed[target] = as_file(bell(flawed[target], rate, *numbers))
        mix = mix if where[0] == "mix" else as_file(summed(flawed))
        if change_db(clean, mix) >= AUDIBLE_DB:
            return Drawn(where, bells, flawed, mix, clean)
    raise RuntimeError(f"none of {MOST_DRAWS} draws is audible")


def write_song(folder: Path, stems: Mapping[str, Samples], mix: Samples, rate: int) -> None:
    """FOLDER/mix.wav and FOLDER/stems as 24-bit files."""
    (folder / "stems").mkdir(parents=True)
    for name, samples in stems.items():
        write_wav(folder / "stems" / f"{name}.wav", partial(list, [samples]), rate, len(samples), 24)
    write_wav(folder / "mix.wav", partial(list, [mix]), rate, len(mix), 24)


def corrected(folder: Path, references: tuple[str, ...] = ()) -> tuple[Outcome, Samples]:
    """The outcome of `fix` for a song in a folder, and the mix it has written."""
    stems = find_stems(folder / "stems", folder / "mix.wav")
    outcome = fix(Job(folder / "mix.wav", stems, references), folder / "out", Settings())
    return outcome, read_audio(folder / "out" / "mix.wav")[0].samples


def spectrum(samples: npt.ArrayLike, rate: int) -> Curve:
    """Mean third-octave powers of a programme."""
    audio = np.asarray(samples, dtype=np.float32)
    meter = BandGramMeter(rate, len(audio))
    for start in range(0, audio.shape[1], meter.block_frames):
        meter.process(np.ascontiguousarray(audio[:, start : start + meter.block_frames]))
    return np.asarray(meter.finish().power.mean(axis=(0, 1), dtype=np.float64))


def judged(before: Samples, after: Samples, clean: Samples, rate: int) -> tuple[float, float]:
    """Share of the error that is gone, and the most that is new elsewhere (dB)."""
    was, is_now, meant = (spectrum(x, rate) for x in (before, after, clean))
    present = meant > meant.max() * 10.0 ** (PRESENT_DB / 10.0)
    error = np.where(present, power_db_curve(np.maximum(was, 1e-30) / np.maximum(meant, 1e-30)), 0.0)
    left = np.where(present, power_db_curve(np.maximum(is_now, 1e-30) / np.maximum(meant, 1e-30)), 0.0)
    region = np.abs(error) > HEARD_DB
    put_in = float(np.square(error[region]).sum())
    gone = 1.0 - float(np.square(left[region]).sum()) / put_in if put_in else 1.0
    return gone, float((np.abs(left) - np.abs(error))[~region].max(initial=0.0))


def undone(folder: Path, stems: Mapping[str, Samples], rate: int, seed: int) -> tuple[Drawn, float, float]:
    """One injection, and what is gone of it and new after `fix` beside the song as it was."""
    drawn = draw(np.random.default_rng(seed), stems, rate)
    write_song(folder, drawn.stems, drawn.mix, rate)
    write_wav(folder / "clean.wav", partial(list, [drawn.clean]), rate, len(drawn.clean), 24)
    _, after = corrected(folder, (str(folder / "clean.wav"),))
    return drawn, *judged(drawn.mix, after, drawn.clean, rate)


@pytest.mark.parametrize("seed", range(2))
def test_what_was_done_to_the_clean_song_is_undone(tmp_path: Path, seed: int) -> None:
    drawn, gone, new_db = undone(tmp_path / "song", clean_tracks(), RATE, 500 + seed)
    assert gone >= GONE, str(drawn)
    assert new_db <= NEW_DB, str(drawn)


@pytest.mark.slow
@pytest.mark.corpus
@pytest.mark.parametrize("song", SONGS)
def test_what_was_done_to_a_real_song_is_undone(tmp_path: Path, song: str) -> None:
    if not STEMS.is_dir():
        pytest.skip("the real songs are not beside this checkout (../shared/data)")
    stems, rate = excerpt(song)
    poor = []
    for number in range(EACH):
        drawn, gone, new_db = undone(tmp_path / str(number), stems, rate, 7000 + number)
        assert new_db <= NEW_DB, f"{new_db:.2f} dB of new error: {drawn}"
        assert gone >= 0.0, f"worse than before: {drawn}"
        if gone < GONE:
            poor.append(f"{gone:.0%}: {drawn}")
    assert len(poor) <= 0.05 * EACH, poor


@pytest.mark.slow
@pytest.mark.corpus
@pytest.mark.parametrize("song", SONGS)
def test_the_songs_as_they_are_get_no_equalisation(tmp_path: Path, song: str) -> None:
    if not STEMS.is_dir():
        pytest.skip("the real songs are not beside this checkout (../shared/data)")
    folder = find_stems(STEMS / song)
    outcome = fix(Job(folder.mix, folder), None, Settings())
    moved = [m for moves in outcome.moves.values() for m in moves if isinstance(m, EqMove) and abs(m.gain_db) > 0.5]
    assert not moved, moved
