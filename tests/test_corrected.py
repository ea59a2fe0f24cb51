"""Corrected stems and their mix as files, beside sums that are made here with plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from pedalboard.io import AudioFile
from scipy import signal

from dsp.correction.correction import Move
from dsp.errors import InputError
from dsp.findings import DelayMove, EqMove, GainMove, PolarityMove
from dsp.mix import Mix
from dsp.units import Samples, from_amplitude_db
from plugin_bridge.corrected import Workshop
from plugin_bridge.excerpts import write_excerpts
from plugin_bridge.files import read_audio
from plugin_bridge.stem_folder import find_stems
from plugin_bridge.stems import measure_folder
from plugin_bridge.writer import write_wav
from tests.music_signals import pink, wave

RATE, FRAMES = 44_100, 5 * 44_100
#: Where the trimmed stem begins, and the rate of the one that has another.
LATE, OTHER_HZ = 61_234, 32_000
#: Steps of 24 bits; what may be wrong of a change, as a part of it: the gain of the bus is measured.
STEP, PART = 2.0**-23, 1e-3
#: What another way to convert a rate may leave, of full scale.
CONVERTED = 2e-3
Numbers = npt.NDArray[np.float64]


def save(path: Path, samples: npt.ArrayLike, bits: int = 24, rate: int = RATE) -> Path:
    """A file of any kind that its name tells."""
    own = wave(np.asarray(samples))
    if path.suffix == ".wav":
        write_wav(path, partial(list, [own]), rate, len(own), bits)
    else:
        with AudioFile(str(path), "w", rate, len(own), bit_depth=bits) as file:
            file.write(own)
    return path


def read(path: Path) -> Numbers:
    """Samples of a file in double precision."""
    return read_audio(path)[0].samples.astype(np.float64)


def noise(seed: int, channels: int = 2, frames: int = FRAMES) -> Numbers:
    """What no other stem resembles: pink noise that comes and goes, nothing above 6 kHz."""
    rng = np.random.default_rng(100 + seed)
    swell = np.repeat(rng.uniform(0.1, 1.0, 2 + frames // 5000), 5000)[:frames]
    swell[-2000:] *= np.linspace(1.0, 0.0, 2000) ** 2  # converters of rates differ at an edge
    low = signal.butter(6, 6000, fs=RATE, output="sos")
    return np.asarray(0.6 * signal.sosfilt(low, pink(channels, frames, seed)) * swell)


@dataclass(frozen=True)
class Session:
    """A folder with a mix and stems, the stems as they lie in the mix (2, frames), and the files."""

    folder: Path
    placed: Mapping[str, Numbers]
    files: Mapping[str, Path]
    mix: Path

    def measured(self, mix: Path | None) -> Mix:
        return measure_folder(mix, find_stems(self.folder / "stems", mix))

    def workshop(self, place: Path, mix: Path | None = None) -> Workshop:
        return Workshop(self.measured(mix), mix, place)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Stems of every kind, and half their sum."""
    folder = tmp_path_factory.mktemp("session")
    (folder / "stems").mkdir()
    files = {
        "bass": save(folder / "stems" / "bass.wav", noise(1, 1)),
        "keys": save(folder / "stems" / "keys.flac", noise(2), bits=16),
        "kick.flac": save(folder / "stems" / "kick.flac", noise(3), bits=24),
        "kick.wav": save(folder / "stems" / "kick.wav", noise(4), bits=16),
        "late": save(folder / "stems" / "late.wav", noise(5, frames=FRAMES - LATE)),
        "other": save(
            folder / "stems" / "other.wav", signal.resample_poly(noise(6), 320, 441, axis=1), rate=OTHER_HZ
        ),
        "pad": save(folder / "stems" / "pad.mp3", noise(7), bits=16),
    }  # fmt: skip
    placed = {name: np.zeros((2, FRAMES)) for name in files}
    for name, path in files.items():
        own = read(path) if name != "other" else signal.resample_poly(read(path), 441, 320, axis=1)
        start = LATE if name == "late" else 0
        placed[name][:, start : start + own.shape[1]] = own[:, : FRAMES - start]
    mix = save(folder / "song.wav", 0.5 * np.sum(list(placed.values()), axis=0))
    return Session(folder, placed, files, mix)


@pytest.fixture(scope="module")
def measured(session: Session) -> Mix:
    return session.measured(session.mix)


@pytest.fixture(scope="module")
def summed(session: Session) -> Mix:
    return session.measured(None)


def off(out: Numbers, was: Numbers, change: Numbers) -> float:
    """How far a mix is from what was there and a change, beside what may be wrong of that (1: as much)."""
    return float(np.abs(out - was - change).max() / (4.0 * STEP + PART * np.abs(change).max()))


def delivered(workshop: Workshop, moves: Mapping[str, Sequence[Move]], output: Path) -> Numbers:
    """The corrected mix."""
    workshop.deliver(moves, output)
    return read(output / "mix.wav")


def test_without_moves_everything_comes_back_to_the_bit(session: Session, measured: Mix, tmp_path: Path) -> None:
    delivered(Workshop(measured, session.mix, tmp_path / "work"), {}, tmp_path / "out")
    assert (tmp_path / "out" / "mix.wav").read_bytes() == session.mix.read_bytes()
    assert {p.name for p in (tmp_path / "out" / "stems").iterdir()} == {f"{n}.wav" for n in session.files}
    depths = {}
    for name, file in session.files.items():
        made, (audio, source) = tmp_path / "out" / "stems" / f"{name}.wav", read_audio(file)
        back, written = read_audio(made)
        assert written.container == "WAV"
        assert written.sample_rate == source.sample_rate
        assert np.array_equal(back.samples, audio.samples)
        depths[name] = written.bit_depth
        if source.container == "WAV":
            assert made.read_bytes() == file.read_bytes()
    assert depths == {"bass": 24, "keys": 16, "kick.flac": 24, "kick.wav": 16, "late": 24, "other": 24, "pad": 32}


@pytest.mark.parametrize("name", ["bass", "keys", "kick.flac", "kick.wav", "late", "other", "pad"])
def test_a_gain_changes_the_mix_by_what_it_changes_of_the_stem(
    name: str, session: Session, measured: Mix, tmp_path: Path
) -> None:
    moves = {name: (GainMove(name, -6.0),)}
    mix = delivered(Workshop(measured, session.mix, tmp_path / "work"), moves, tmp_path / "out")
    change = 0.5 * (from_amplitude_db(-6.0) - 1.0) * session.placed[name]
    bits16 = 1.5 * 2.0**-15 if name in ("keys", "kick.wav") else 0.0  # a stem of 16 bits gets its noise again
    if bits16 or name == "other":
        assert np.abs(mix - read(session.mix) - change).max() <= (bits16 or CONVERTED)
    else:
        assert off(mix, read(session.mix), change) <= 1.0
    own, was = (read(p) for p in (tmp_path / "out" / "stems" / f"{name}.wav", session.files[name]))
    assert own.shape == was.shape
    assert np.abs(own - from_amplitude_db(-6.0) * was).max() <= 2.0 * STEP + bits16
    others = [n for n in session.files if n != name]
    assert all(
        np.array_equal(read(tmp_path / "out" / "stems" / f"{n}.wav"), read(session.files[n])) for n in others[:2]
    )


@pytest.mark.parametrize("name", ["bass", "late", "kick.flac"])
@pytest.mark.parametrize("samples", [37.0, -37.0])
def test_polarity_and_delay_reach_the_mix(
    name: str, samples: float, session: Session, measured: Mix, tmp_path: Path
) -> None:
    moves = {name: (PolarityMove(name), DelayMove(name, samples))}
    mix = delivered(Workshop(measured, session.mix, tmp_path / "work"), moves, tmp_path / "out")
    own, shift = session.placed[name], round(samples)
    start = LATE if name == "late" else 0
    moved = np.zeros_like(own)
    if shift > 0:
        moved[:, start + shift :] = own[:, start:-shift]
    else:
        moved[:, start : FRAMES + shift] = own[:, start - shift :]  # what falls off the start of the file is gone
    assert off(mix, read(session.mix), -0.5 * (own + moved)) <= 1.0


@pytest.mark.parametrize("case", ["inverted", "late", "early", "shorter", "longer", "mono", "16 bits"])
def test_the_bus_has_gain_polarity_and_delay(case: str, session: Session, tmp_path: Path) -> None:
    total = read(session.mix)
    bits = 16 if case == "16 bits" else 24
    made = {
        "inverted": -total, "late": np.pad(total, ((0, 0), (2, 0)))[:, :FRAMES], "early": total[:, 3:],
        "shorter": total[:, : FRAMES - 9001], "longer": np.pad(total, ((0, 0), (0, 9001))),
        "mono": total.mean(axis=0, keepdims=True), "16 bits": total,
    }[case]  # fmt: skip
    mix = save(tmp_path / "bus.wav", made, bits)
    change = 0.5 * (from_amplitude_db(3.0) - 1.0) * session.placed["bass"]
    changed = {
        "inverted": -change, "late": np.pad(change, ((0, 0), (2, 0))), "early": change[:, 3:],
        "longer": np.pad(change, ((0, 0), (0, 9001))), "mono": change.mean(axis=0, keepdims=True),
    }.get(case, change)[:, : made.shape[1]]  # fmt: skip
    out = delivered(session.workshop(tmp_path / "work", mix), {"bass": (GainMove("bass", 3.0),)}, tmp_path / "out")
    assert out.shape == made.shape
    if bits == 16:
        assert np.abs(out - read(mix) - changed).max() <= 2.0 * 2.0**-15
    else:
        assert off(out, read(mix), changed) <= (3.0 if case in ("late", "early") else 1.0)
    assert read_audio(tmp_path / "out" / "mix.wav")[1].bit_depth == bits


def test_the_mix_itself_is_a_target(session: Session, measured: Mix, tmp_path: Path) -> None:
    moves = {"mix": (GainMove("mix", -3.0),), "bass": (GainMove("bass", 2.0),)}
    mix = delivered(Workshop(measured, session.mix, tmp_path / "work"), moves, tmp_path / "out")
    down, change = from_amplitude_db(-3.0), 0.5 * (from_amplitude_db(2.0) - 1.0) * session.placed["bass"]
    assert off(mix, down * read(session.mix), down * change) <= 1.0


@pytest.mark.parametrize("mix_db", [0.0, -4.0])
def test_without_a_mix_the_sum_of_the_stems_is_made(
    mix_db: float, session: Session, summed: Mix, tmp_path: Path
) -> None:
    moves: dict[str, tuple[Move, ...]] = {"kick.wav": (GainMove("kick.wav", -5.0),)}
    if mix_db:
        moves["mix"] = (GainMove("mix", mix_db),)
    workshop = Workshop(summed, None, tmp_path / "work")
    path, folder = workshop.render(moves)
    assert folder is not None
    assert (path is None) == (mix_db == 0.0)  # else it is measured as the sum of the stems
    again = measure_folder(path, folder, known={s.name: s for s in summed.stems.stems} if summed.stems else None)
    mix = delivered(workshop, moves, tmp_path / "out")
    lost = (from_amplitude_db(-5.0) - 1.0) * session.placed["kick.wav"]
    # alone, the late stem begins at the start: nothing tells its place
    total = np.sum([v for n, v in session.placed.items() if n != "late"], axis=0) + lost
    total[:, : FRAMES - LATE] += session.placed["late"][:, LATE:]
    assert np.abs(mix[:, :FRAMES] - from_amplitude_db(mix_db) * total).max() <= CONVERTED
    assert again.readings.level.sample_peak_dbfs == pytest.approx(20.0 * np.log10(np.abs(mix).max()), abs=1e-3)
    assert read_audio(tmp_path / "out" / "mix.wav")[1].bit_depth == 32  # a lossy stem has no depth


def test_the_sum_has_the_depth_of_the_stems_but_24_bits_at_least(tmp_path: Path) -> None:
    (tmp_path / "stems").mkdir()
    for k, name in enumerate(("one", "two", "three")):
        save(tmp_path / "stems" / f"{name}.wav", noise(k, frames=RATE), bits=16)
    folder = find_stems(tmp_path / "stems")
    mix = delivered(Workshop(measure_folder(None, folder), None, tmp_path / "work"), {}, tmp_path / "out")
    assert np.array_equal(mix, np.sum([read(p) for p in folder.stems], axis=0))
    assert read_audio(tmp_path / "out" / "mix.wav")[1].bit_depth == 24


def test_two_files_of_one_name_keep_their_names_when_measured_again(
    session: Session, measured: Mix, tmp_path: Path
) -> None:
    assert measured.stems
    known, names = {s.name: s for s in measured.stems.stems}, [s.name for s in measured.stems.stems]
    for moved in (("kick.wav",), ("kick.flac",), ("kick.wav", "kick.flac")):
        workshop = Workshop(measured, session.mix, tmp_path / "-".join(moved))
        mix, folder = workshop.render({n: (GainMove(n, -1.0),) for n in moved})
        assert folder is not None
        again = measure_folder(mix, folder, known=known).stems
        assert again is not None
        assert [s.name for s in again.stems] == names


def test_a_version_is_written_once_and_no_version_replaces_another(
    session: Session, measured: Mix, tmp_path: Path
) -> None:
    workshop, told = Workshop(measured, session.mix, tmp_path), list[int]()
    one, two = {"bass": (GainMove("bass", -1.0),)}, {"bass": (GainMove("bass", -2.0),)}
    workshop.render(one, lambda: told.append(1))
    first = workshop.paths(one)["bass"]
    content = first.read_bytes()
    workshop.render(two)
    workshop.render({**one, "late": (GainMove("late", -2.0),)}, lambda: told.append(2))
    assert workshop.paths(one)["bass"] == first
    assert first.read_bytes() == content
    assert told == [1, 1, 2, 2]  # a stem and the mix, twice: the bass was there already


def test_a_delay_is_counted_in_samples_of_the_mix_at_every_rate(
    session: Session, measured: Mix, tmp_path: Path
) -> None:
    moves = {"other": (DelayMove("other", 441.0),)}
    delivered(Workshop(measured, session.mix, tmp_path / "work"), moves, tmp_path / "out")
    own, was = (read(p) for p in (tmp_path / "out" / "stems" / "other.wav", session.files["other"]))
    assert np.array_equal(own[:, 320:], was[:, :-320])


def test_a_stem_that_breaks_off_is_moved_as_far_as_it_goes_and_only_that_one(
    tmp_path: Path,
) -> None:
    (tmp_path / "stems").mkdir()
    broken = wave(noise(1))
    broken[0, 3 * RATE] = np.nan
    for name, samples in (("bad", broken), ("good", wave(noise(2)))):
        save(tmp_path / "stems" / f"{name}.wav", samples, bits=32)
    mix = save(tmp_path / "song.wav", noise(1) + noise(2))
    workshop = Session(tmp_path, {}, {}, mix).workshop(tmp_path / "work", mix)
    assert [bool(s.source.partial) for s in workshop.stems] == [True, False]
    out = delivered(workshop, {"bad": (GainMove("bad", -6.0),)}, tmp_path / "out")
    whole = RATE  # before the break, to the block
    change = (from_amplitude_db(-6.0) - 1.0) * noise(1)
    assert np.abs(out - read(mix) - change)[:, :whole].max() <= 1e-5
    assert np.array_equal(out[:, 3 * RATE :], read(mix)[:, 3 * RATE :])
    save(tmp_path / "stems" / "good.wav", broken, bits=32)  # it was whole when it was measured
    with pytest.raises(InputError, match="NaN"):
        workshop.render({"good": (GainMove("good", -1.0),)})


def test_excerpts_are_equally_loud_and_hold_what_changed(tmp_path: Path) -> None:
    (tmp_path / "stems").mkdir()
    long = 40 * 8_000
    quiet = pink(2, long, 1)
    part = np.zeros((2, long))
    part[:, 30 * 8_000 : 33 * 8_000] = pink(2, 3 * 8_000, 2)
    for name, samples in (("all", quiet), ("part", part)):
        save(tmp_path / "stems" / f"{name}.wav", samples, rate=8_000)
    mix = save(tmp_path / "song.wav", quiet + part, rate=8_000)
    workshop = Session(tmp_path, {}, {}, mix).workshop(tmp_path / "work", mix)
    boosted = EqMove("part", "bell", 1000.0, 9.0, 1.0)
    delivered(workshop, {"mix": (GainMove("mix", -6.0),), "part": (boosted,)}, tmp_path / "out")
    before, after = write_excerpts(workshop, tmp_path / "out" / "mix.wav", tmp_path / "listen")
    one, other = read(before), read(after)
    assert one.shape == other.shape == (2, 20 * 8_000)
    same = np.abs(one - other)[:, 2000:] > 1e-3
    loudest = np.abs(read(mix)[:, 20 * 8_000 :]).max()
    assert 20 <= np.argmax(np.abs(one).max(axis=0)) / 8_000 + 20 <= 40
    assert same.any()
    assert max(np.abs(x).max() for x in (one, other)) <= from_amplitude_db(-1.0) + STEP
    assert loudest > 0.0
    again = write_excerpts(workshop, tmp_path / "out" / "mix.wav", tmp_path / "again")
    assert [p.read_bytes() for p in again] == [before.read_bytes(), after.read_bytes()]


def test_excerpts_of_something_short_or_silent_are_what_there_is(tmp_path: Path) -> None:
    mix = save(tmp_path / "song.wav", np.zeros((1, 5000)), rate=8_000)
    from mixdiagnose.checking import measure_file

    workshop = Workshop(measure_file(mix), mix, tmp_path / "work")
    for path in write_excerpts(workshop, mix, tmp_path / "listen"):
        samples: Samples = read_audio(path)[0].samples
        assert samples.shape == (1, 5000)
        assert not samples.any()
