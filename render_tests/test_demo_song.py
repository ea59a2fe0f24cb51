"""The demo song, rendered and measured: ``truth.json`` is checked by independent measures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyloudnorm
import pytest
from pedalboard.io import AudioFile
from scipy import signal

from dsp.correction.plan import Settings
from dsp.findings import DelayMove, EqMove
from mixdiagnose.fixing import Outcome, fix
from mixdiagnose.loop import Job
from plugin_bridge.demo import DEMO_FLAWS, DemoSong, write_demo
from plugin_bridge.stem_folder import find_stems

pytestmark = pytest.mark.slow

Audio = npt.NDArray[np.float64]

RATE_HZ = 48_000
STEM_NAMES = {
    "Kick In", "Kick Out", "Snare Top", "Snare Bottom", "Overheads", "Room", "Bass DI", "Bass Amp",
    "Guitar L", "Guitar R", "Keys", "Lead Vox", "Backing Vox", "Vocal Reverb",
}  # fmt: skip
# Third-octave levels of modern pop relative to 1 kHz, in dB (centre in Hz: level).
POP_BALANCE_DB = {125: 3, 250: 3, 500: 2, 1000: 0, 2000: -2, 4000: -5, 8000: -9, 10000: -11}


@pytest.fixture(scope="module")
def progress() -> list[tuple[float, str]]:
    return []


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, progress: list[tuple[float, str]]) -> DemoSong:
    directory = tmp_path_factory.mktemp("demo") / "clean"
    return write_demo(directory, flaws=(), progress=lambda fraction, label: progress.append((fraction, label)))


@pytest.fixture(scope="module")
def flawed(tmp_path_factory: pytest.TempPathFactory) -> DemoSong:
    return write_demo(tmp_path_factory.mktemp("demo") / "flawed")


@pytest.fixture(scope="module")
def clean_mix(clean: DemoSong) -> Audio:
    return _read(clean.mix)


def test_files_are_complete_and_24_bit(clean: DemoSong) -> None:
    assert {path.stem for path in clean.stems} == STEM_NAMES
    lengths = set()
    for path in (clean.mix, *clean.stems):
        with AudioFile(str(path)) as file:
            assert file.samplerate == RATE_HZ
            assert file.file_dtype == "int24"
            lengths.add(file.frames)
    assert len(lengths) == 1
    assert 64 <= lengths.pop() / RATE_HZ <= 80
    assert [stem["file"] for stem in _truth(clean)["stems"]] == [f"stems/{path.name}" for path in clean.stems]


def test_progress_runs_from_zero_to_one(clean: DemoSong, progress: list[tuple[float, str]]) -> None:
    fractions = [fraction for fraction, _ in progress]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert all(label for _, label in progress)


def test_stems_add_up_to_the_clean_mix(clean: DemoSong, clean_mix: Audio) -> None:
    total = np.zeros_like(clean_mix)
    for path in clean.stems:
        total += _read(path)  # A mono stem feeds both sides at unity.
    assert _db(np.abs(total - clean_mix).max()) < -120


def test_clean_mix_is_a_healthy_pre_master(clean_mix: Audio) -> None:
    assert np.isfinite(clean_mix).all()
    assert -18 <= _lufs(clean_mix) <= -14
    assert _db(np.abs(signal.resample_poly(clean_mix, 8, 1, axis=1)).max()) <= -3
    assert 12 <= _db(np.abs(clean_mix).max()) - _db(_rms(clean_mix)) <= 18
    assert abs(_db(_rms(clean_mix[0])) - _db(_rms(clean_mix[1]))) <= 0.5
    assert _db(np.abs(clean_mix.mean(axis=1)).max()) < -70
    # Peaks that no limiter has lined up: second by second they are spread over some decibels.
    seconds = clean_mix.shape[1] // RATE_HZ
    hits = np.sort(np.abs(clean_mix[:, : seconds * RATE_HZ]).max(axis=0).reshape(seconds, RATE_HZ).max(axis=1))
    assert _db(hits[-1]) - _db(hits[-seconds // 2]) > 2.5


def test_clean_mix_adds_up_in_mono(clean_mix: Audio) -> None:
    window = round(0.4 * RATE_HZ)
    for start in range(0, clean_mix.shape[1] - window, window // 4):
        left, right = clean_mix[:, start : start + window]
        if _db(_rms(clean_mix[:, start : start + window])) > -60:
            assert np.sum(left * right) / np.sqrt(np.sum(left**2) * np.sum(right**2)) > 0.3
    low = signal.sosfilt(signal.butter(4, 120, fs=RATE_HZ, output="sos"), clean_mix, axis=1)
    assert _db(_rms(low[0] - low[1])) - _db(_rms(low[0] + low[1])) < -20


def test_clean_mix_has_the_balance_of_pop(clean_mix: Audio) -> None:
    centres_hz = 1000.0 * 2.0 ** (np.arange(-10, 11) / 3.0)
    levels_db = np.array([_band_db(clean_mix, hz) for hz in centres_hz])
    wanted_db = np.interp(np.log2(centres_hz), np.log2(list(POP_BALANCE_DB)), list(POP_BALANCE_DB.values()))
    error_db = levels_db - levels_db[10] - wanted_db
    assert np.abs(error_db).max() < 3.7
    assert np.sqrt(np.mean(error_db**2)) < 2.0


def test_clean_mix_starts_in_silence_and_dies_away(clean_mix: Audio) -> None:
    first = np.flatnonzero(np.abs(clean_mix).max(axis=0) > 1e-4)[0] / RATE_HZ
    assert 0.1 <= first <= 0.3
    assert _db(np.abs(clean_mix[:, -RATE_HZ // 4 :]).max()) < -70


def test_choruses_are_louder_than_verses(clean: DemoSong, clean_mix: Audio) -> None:
    loudness: dict[str, list[float]] = {"verse": [], "chorus": []}
    for section in _truth(clean)["sections"]:
        if section["name"] in loudness:
            first, last = (round(section[edge] * RATE_HZ) for edge in ("start_s", "end_s"))
            loudness[section["name"]].append(_lufs(clean_mix[:, first:last]))
    assert 3 <= np.mean(loudness["chorus"]) - np.mean(loudness["verse"]) <= 5


def test_the_singer_is_in_tune(clean: DemoSong) -> None:
    """The last long note is F#4; its vibrato must average out on it."""
    voice = _stem(clean, "Lead Vox")[0]
    end_s = _truth(clean)["sections"][-1]["end_s"]
    note = voice[round((end_s - 1.5) * RATE_HZ) : round((end_s - 0.5) * RATE_HZ)]
    spectrum = np.abs(np.fft.rfft(note * np.hanning(note.size), 1 << 19)) ** 2
    frequencies = np.fft.rfftfreq(1 << 19, 1 / RATE_HZ)
    near = (frequencies > 350) & (frequencies < 390)
    centre_hz = np.sum(frequencies[near] * spectrum[near]) / np.sum(spectrum[near])
    assert abs(1200 * np.log2(centre_hz / 369.994)) < 20


def test_mud_is_the_bell_the_truth_says(clean: DemoSong, flawed: DemoSong) -> None:
    truth = _flaw(flawed, "mud")
    assert truth["stems"] == ["Guitar L", "Guitar R"]
    for name in truth["stems"]:
        frequencies, before = signal.welch(_stem(clean, name).sum(axis=0), RATE_HZ, nperseg=1 << 15)
        _, after = signal.welch(_stem(flawed, name).sum(axis=0), RATE_HZ, nperseg=1 << 15)
        gain_db = 10 * np.log10(after[1:] / before[1:])
        at = np.interp([truth["frequency_hz"], 30, 4000], frequencies[1:], gain_db)
        assert at[0] == pytest.approx(truth["gain_db"], abs=0.5)
        assert np.abs(at[1:]).max() < 0.5
        peak_hz = frequencies[1:][np.argmax(gain_db)]
        assert truth["frequency_hz"] / 1.1 < peak_hz < truth["frequency_hz"] * 1.1


def test_bass_amp_is_late_by_the_true_fraction(clean: DemoSong, flawed: DemoSong) -> None:
    truth = _flaw(flawed, "late-amp")
    excerpt = slice(30 * RATE_HZ, 34 * RATE_HZ)
    before, after = (_stem(song, "Bass Amp")[0, excerpt] for song in (clean, flawed))
    assert _delay_samples(before, after) == pytest.approx(81.6, abs=1 / 16)
    assert truth["delay_samples"] == pytest.approx(81.6)
    assert truth["delay_ms"] == 1.7
    direct = _stem(clean, "Bass DI")[0, excerpt]
    assert abs(_delay_samples(direct, before)) < 10  # Lined up but for the cabinet's own phase.


def test_snare_is_clipped_flat_and_only_in_the_flawed_song(clean: DemoSong, flawed: DemoSong) -> None:
    truth = _flaw(flawed, "clipped-snare")
    runs = _flat_runs(_stem(flawed, "Snare Top")[0])
    assert int(runs.sum()) == truth["clipped_samples"]
    assert int((runs >= 3).sum()) == truth["flat_tops_of_3_or_more"] > 100
    stem = next(stem for stem in _truth(flawed)["stems"] if stem["name"] == "Snare Top")
    assert stem["sample_peak_dbfs"] == pytest.approx(truth["recorded_ceiling_dbfs"] + stem["fader_db"], abs=0.01)
    assert _flat_runs(_stem(clean, "Snare Top")[0]).max() < 3
    loudness = [_lufs(np.vstack([_stem(song, "Snare Top")] * 2)) for song in (clean, flawed)]
    assert abs(loudness[0] - loudness[1]) < 3  # The balance of the mix survives the clipping.


def test_limiter_holds_its_ceiling_and_tells_its_gain_reduction(flawed: DemoSong) -> None:
    truth = _flaw(flawed, "bus-limiter")
    mix = _read(flawed.mix)
    bus = sum((_read(path) for path in flawed.stems), np.zeros_like(mix))
    ceiling = 10 ** (truth["ceiling_dbfs"] / 20)
    assert np.abs(mix).max() <= ceiling + 2**-23
    assert np.abs(mix).max() > 0.999 * ceiling
    driven = bus * 10 ** (truth["input_gain_db"] / 20)
    loud = np.abs(driven).max(axis=0) > 0.05
    reduction_db = 20 * np.log10(np.abs(driven).max(axis=0)[loud] / np.abs(mix).max(axis=0)[loud])
    assert reduction_db.max() == pytest.approx(truth["max_gain_reduction_db"], abs=0.02)
    assert reduction_db.min() > -0.01
    assert 3 <= truth["max_gain_reduction_db"] <= 7.5
    assert 2.5 <= truth["chorus_95th_percentile_gain_reduction_db"] <= 5
    # Away from the peaks it is a wire with gain: look-ahead and latency are compensated.
    quiet = slice(-5 * RATE_HZ, -3 * RATE_HZ)
    assert _db(_rms(mix[:, quiet] - driven[:, quiet])) - _db(_rms(driven[:, quiet])) < -70


def test_flaws_can_be_switched_and_are_named(clean: DemoSong, flawed: DemoSong, tmp_path: Path) -> None:
    assert _truth(clean)["flaws"] == []
    assert [flaw["name"] for flaw in _truth(flawed)["flaws"]] == list(DEMO_FLAWS)
    with pytest.raises(ValueError, match="unknown flaw 'hum'"):
        write_demo(tmp_path / "never", flaws=("hum",))
    assert not (tmp_path / "never").exists()


def test_an_existing_mix_is_never_overwritten(clean: DemoSong) -> None:
    before = clean.mix.stat().st_mtime_ns
    with pytest.raises(FileExistsError, match="already exists"):
        write_demo(clean.mix.parent)
    assert clean.mix.stat().st_mtime_ns == before


def test_the_same_flaws_give_the_same_bytes(clean: DemoSong, tmp_path: Path) -> None:
    again = write_demo(tmp_path / "again", flaws=())
    for name in ("mix.wav", "truth.json", *(f"stems/{path.name}" for path in clean.stems)):
        first, second = clean.mix.parent / name, again.mix.parent / name
        assert first.read_bytes() == second.read_bytes(), name


def test_importing_the_demo_loads_no_audio_library() -> None:
    heavy = "{'dawdreamer', 'pedalboard', 'scipy', 'numpy'}"
    code = f"import sys, plugin_bridge.demo; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[1]).returncode == 0


def _read(path: Path) -> Audio:
    with AudioFile(str(path)) as file:
        return np.asarray(file.read(file.frames), dtype=np.float64)


def _stem(song: DemoSong, name: str) -> Audio:
    return _read(song.mix.parent / "stems" / f"{name}.wav")


def test_what_can_be_mended_of_its_flaws_is_mended(flawed: DemoSong, clean: DemoSong, tmp_path: Path) -> None:
    """Beside the song without flaws: the late amplifier and the mud; not what a limiter and a clipper took away."""
    outcome = _fixed(flawed, tmp_path / "out", (str(clean.mix),))
    late = [m for m in outcome.moves["Bass Amp"] if isinstance(m, DelayMove)]
    assert late[0].samples == pytest.approx(-81.6, abs=0.3)
    for guitar in ("Guitar L", "Guitar R"):
        mud = max((m for m in outcome.moves[guitar] if isinstance(m, EqMove)), key=lambda m: abs(m.gain_db))
        assert mud.frequency_hz == pytest.approx(250.0, rel=0.06)
        assert mud.gain_db == pytest.approx(-7.0, abs=1.0)
    left = {f.check: f for f in outcome.after.findings if f.status == "problem"}
    assert set(left) == {"bus-limiter", "gain-staging"}
    assert [c.stem for c in left["gain-staging"].cause] == ["Snare Top"]
    assert "limiter" in getattr(left["bus-limiter"].fixes[0], "text", "")
    assert {c.id: c.status for c in outcome.after.checklist}["phase-alignment"] == "pass"
    written = {p.stem for p in (tmp_path / "out" / "stems").iterdir()}
    assert written == STEM_NAMES


def test_without_the_song_as_it_was_only_the_amplifier_moves(flawed: DemoSong, tmp_path: Path) -> None:
    outcome = _fixed(flawed, tmp_path / "out")
    moved = {name for name in outcome.moves if name != "mix"}
    assert moved == {"Bass Amp"}


def test_the_song_without_flaws_gets_no_moves(clean: DemoSong, tmp_path: Path) -> None:
    outcome = _fixed(clean, tmp_path / "out")
    assert not outcome.moves
    assert (tmp_path / "out" / "mix.wav").read_bytes() == clean.mix.read_bytes()


def _fixed(song: DemoSong, output: Path, references: tuple[str, ...] = ()) -> Outcome:
    return fix(Job(song.mix, find_stems(song.mix.parent / "stems", song.mix), references), output, Settings())


def _truth(song: DemoSong) -> dict[str, Any]:
    return dict(json.loads(song.truth.read_text(encoding="utf-8")))


def _flaw(song: DemoSong, name: str) -> dict[str, Any]:
    return next(flaw for flaw in _truth(song)["flaws"] if flaw["name"] == name)


def _db(amplitude: float) -> float:
    return float(20 * np.log10(max(float(amplitude), 1e-15)))


def _rms(audio: Audio) -> float:
    return float(np.sqrt(np.mean(audio**2)))


def _lufs(audio: Audio) -> float:
    return float(pyloudnorm.Meter(RATE_HZ).integrated_loudness(audio.T))


def _band_db(audio: Audio, centre_hz: float) -> float:
    frequencies, power = signal.welch(audio, RATE_HZ, nperseg=1 << 15)
    band = (frequencies >= centre_hz * 2 ** (-1 / 6)) & (frequencies < centre_hz * 2 ** (1 / 6))
    return float(10 * np.log10(power.mean(axis=0)[band].sum()))


def _delay_samples(reference: Audio, delayed: Audio, reach: int = 256, steps: int = 64) -> float:
    """Return how much later ``delayed`` is, from the band-limited cross-correlation, to 1/``steps``."""
    size = 1 << int(np.ceil(np.log2(2 * reference.size)))
    spectrum = np.conj(np.fft.rfft(reference, size)) * np.fft.rfft(delayed, size)
    correlation = np.fft.irfft(spectrum, size)
    coarse = int(np.argmax(np.concatenate((correlation[-reach:], correlation[: reach + 1])))) - reach
    omega = 2 * np.pi * np.fft.rfftfreq(size)
    lags = coarse + np.arange(-steps, steps + 1) / steps
    fine = [float(np.real(spectrum * np.exp(1j * omega * lag)).sum()) for lag in lags]
    return float(lags[int(np.argmax(fine))])


def _flat_runs(audio: Audio) -> npt.NDArray[np.int64]:
    """Return the lengths of the runs of samples at the stem's own peak."""
    flat = np.abs(audio) >= np.abs(audio).max() - 1.5 * 2**-23
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flat.astype(np.int8), [0]))))
    return np.asarray(edges[1::2] - edges[::2])
