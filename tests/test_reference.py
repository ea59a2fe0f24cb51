"""Reference tracks: what differs is found and nothing else, in every format, and what does not suit is named."""

from __future__ import annotations

import dataclasses
import json
import wave
from functools import cache
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from scipy import signal as sig

from dsp.audio import Source
from dsp.checks import reference
from dsp.diagnose import diagnose
from dsp.errors import UsageError
from dsp.findings import Advice, EqMove, Finding, GainMove
from dsp.listening.character import character
from dsp.listening.deviations import deviations, moves, smoothed
from dsp.listening.reference import Beside, compare, typical
from dsp.meters.bands import BAND_HZ, NOMINAL_HZ
from dsp.mix import Mix, measure
from dsp.profile import load_genre, load_profile
from dsp.regions import REGIONS
from dsp.units import Curve, Samples
from mixdiagnose.report.compare import plot
from render_tests.scenes.base import RATE, clean, stems

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = json.loads((ROOT / "mixdiagnose" / "report.schema.json").read_text(encoding="utf-8"))
MIX, MASTER = load_profile("mix"), load_profile("master")
CORPUS = ROOT.parent / "shared" / "data"


def measured(samples: Curve, rate: int = RATE, name: str = "reference.wav", lossy: bool = False) -> Mix:
    layout = {1: "mono", 2: "stereo"}[len(samples)]
    source = Source(name, "WAV", "PCM", rate, layout, None if lossy else 24, lossy)
    return measure(source, [np.ascontiguousarray(samples, dtype=np.float32)])


@cache
def music() -> Samples:
    """Fifteen seconds of the clean song, verse and chorus."""
    return np.ascontiguousarray(clean()[:, 3 * RATE : 18 * RATE])


@cache
def song() -> Mix:
    return measured(music(), name="song.wav")


def bell(samples: Curve, frequency_hz: float, level_db: float, q: float = 1.0) -> Curve:
    """The analogue bell and its gain, without phase."""
    hz = np.fft.rfftfreq(samples.shape[1], 1 / RATE)
    return np.asarray(np.fft.irfft(np.fft.rfft(samples) * bell_gain(hz, frequency_hz, level_db, q), samples.shape[1]))


def bell_gain(hz: Curve, frequency_hz: float, level_db: float, q: float) -> Curve:
    s, a = 1j * np.maximum(hz, 1e-3) / frequency_hz, 10.0 ** (level_db / 40.0)
    return np.asarray(np.abs((s * s + s * a / q + 1.0) / (s * s + s / (a * q) + 1.0)))


def beside(mix: Mix, *references: Mix) -> Mix:
    return dataclasses.replace(mix, references=references)


def first(mix: Mix, other: Mix) -> Beside:
    return compare(beside(mix, other)).beside[0]


def said(mix: Mix, *references: Mix) -> tuple[Finding, ...]:
    return reference.run(beside(mix, *references), MIX)


def statuses(mix: Mix, *references: Mix) -> set[str]:
    return {f.status for f in said(mix, *references)}


# Differences


@pytest.mark.parametrize("level_db", [-6.0, 4.0])
@pytest.mark.parametrize("frequency_hz", [100.0, 250.0, 630.0, 1_600.0, 4_000.0, 8_000.0])
def test_an_equaliser_is_recovered_within_half_a_decibel(frequency_hz: float, level_db: float) -> None:
    changed = measured(bell(music(), frequency_hz, level_db))
    tone = first(changed, song()).tone_db
    expected = 20 * np.log10(bell_gain(BAND_HZ[: len(tone)], frequency_hz, level_db, 1.0))
    at = NOMINAL_HZ.index(frequency_hz)
    assert tone[at] == pytest.approx(level_db, abs=0.5)
    heard = BAND_HZ[: len(tone)] >= 50.0  # the song has nothing below its bass to be measured by
    assert np.abs(tone - expected)[heard].max() < 0.8


def test_a_fader_changes_nothing() -> None:
    changed = bell(music(), 300.0, 5.0)
    here, there = (measured(changed * gain) for gain in (1.0, 0.1))
    one, other = first(here, song()), first(there, song())
    assert other.level_db == pytest.approx(one.level_db - 20.0, abs=0.02)
    assert np.nanmax(np.abs(one.tone_db - other.tone_db)) < 0.01
    assert [f.title for f in said(here, song())] == [f.title for f in said(there, song())]


def test_the_finding_names_region_range_decibels_and_a_moderate_move() -> None:
    told = [f for f in said(measured(bell(music(), 300.0, 5.0)), song()) if f.status == "info"]
    assert len(told) == 1
    assert told[0].title == "More low mids than the reference"
    assert "dB hotter than 'song.wav'" not in told[0].title
    assert "'song.wav'" in told[0].message
    tone = next(m for m in told[0].evidence if m.name == "reference_tone_db")
    assert tone.band_hz is not None
    assert 150.0 < tone.band_hz[0] < 300.0 < tone.band_hz[1] < 600.0
    assert tone.value == pytest.approx(4.5, abs=0.7)
    (move,) = told[0].fixes
    assert isinstance(move, EqMove)
    assert move.target == "mix"
    assert 230.0 <= move.frequency_hz <= 380.0
    assert move.gain_db == -3.0
    assert 0.5 <= move.q <= 2.0


def test_every_number_is_in_the_evidence() -> None:
    overview = said(measured(bell(music(), 300.0, 5.0)), song())[-1]
    assert overview.status == "pass"
    names = {m.name for m in overview.evidence}
    assert {"reference_level_db", "band_tone_db", "region_tone_db", "region_width_db", "plr_db_difference"} <= names
    regions = [m.band_hz for m in overview.evidence if m.name == "region_tone_db"]
    assert regions == [(r.low_hz, r.high_hz) for r in REGIONS]


@pytest.mark.parametrize(
    ("low_hz", "gain_db"), [(35.0, 12.0), (35.0, -5.0), (200.0, 5.0), (7_000.0, -8.0), (3_000.0, 8.0)]
)
def test_moves_stay_within_their_limits(low_hz: float, gain_db: float) -> None:
    difference = np.where((low_hz <= BAND_HZ) & (low_hz * 4 >= BAND_HZ), gain_db, 0.0)[:29]
    found = deviations(BAND_HZ[:29], difference, np.full(29, np.nan), 3.0, 1.5)
    assert len(found) == 1
    for fix in moves(found[0], 0.7, 3.0):
        assert isinstance(fix, EqMove)
        assert 80.0 <= fix.frequency_hz <= 10_000.0
        assert 0.0 < abs(fix.gain_db) <= 3.0
        assert fix.gain_db * gain_db < 0.0
        assert fix.kind == ("high-shelf" if low_hz == 3_000.0 and gain_db > 0 and found[0].to_the_top else "bell")


def test_nothing_is_moved_below_80_hz_and_nothing_lifted_that_is_not_there() -> None:
    for low, high, gain_db in ((35.0, 70.0, 9.0), (5_000.0, 12_000.0, -14.0)):
        difference = np.where((low <= BAND_HZ) & (high >= BAND_HZ), gain_db, 0.0)[:29]
        (found,) = deviations(BAND_HZ[:29], difference, np.full(29, np.nan), 3.0, 1.5)
        assert all(isinstance(fix, Advice) for fix in moves(found, 0.7, 3.0))


def test_a_cut_of_everything_from_the_treble_up_is_a_shelf() -> None:
    difference = np.where(BAND_HZ >= 3_000.0, 6.0, 0.0)[:29]
    (found,) = deviations(BAND_HZ[:29], difference, np.full(29, np.nan), 3.0, 1.5)
    assert found.label == "presence to air"
    (move,) = moves(found, 0.7, 3.0)
    assert isinstance(move, EqMove)
    assert (move.kind, move.gain_db) == ("high-shelf", -3.0)


def test_smoothing_passes_over_bands_that_were_not_compared() -> None:
    curve = smoothed(np.array([3.0, np.nan, 3.0, 3.0, np.nan]))
    assert curve[[0, 2, 3]] == pytest.approx([3.0, 3.0, 3.0])
    assert np.isnan(curve[[1, 4]]).all()


# The same song in other clothes


def at_rate(samples: Curve, rate: int) -> Curve:
    common = int(np.gcd(rate, RATE))
    return np.asarray(sig.resample_poly(samples, rate // common, RATE // common, axis=1))


@pytest.mark.parametrize("change", ["44100", "96000", "22050", "trimmed", "down 12 dB", "up 6 dB", "16 bit", "mono"])
def test_the_same_song_otherwise_delivered_reports_nothing(change: str) -> None:
    samples: Curve = music().astype(np.float64)
    rate = RATE
    if change.isdigit():
        rate = int(change)
        samples = at_rate(samples, rate)
    elif change == "trimmed":
        samples = samples[:, round(0.6 * RATE) : -round(0.6 * RATE)]
    elif change.endswith("dB"):
        samples = samples * 10 ** ({"down 12 dB": -12.0, "up 6 dB": 6.0}[change] / 20)
    elif change == "16 bit":
        samples = np.round(samples * 2**15) / 2**15
    elif change == "mono":
        samples = samples.mean(axis=0, keepdims=True)
    other = measured(samples, rate)
    if change == "mono":  # a fold-down loses what is wide, so only the middle is the same; width has no value
        assert np.isnan(first(song(), other).width_db).all()
        assert "undetermined" not in statuses(song(), other)
        return
    assert statuses(song(), other) == {"pass"}
    assert statuses(other, song()) == {"pass"}
    assert np.nanmax(np.abs(first(song(), other).tone_db)) < 1.0


@pytest.mark.parametrize(
    ("name", "codec", "form"), [("a.mp3", "libmp3lame", "s16p"), ("a.flac", "flac", "s16"), ("a.m4a", "aac", "fltp")]
)
def test_lossy_and_packed_references_report_nothing(name: str, codec: str, form: str, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    from mixdiagnose.checking import measure_file

    scaled = music() if form == "fltp" else np.round(music() * 32_767).astype(np.int16)
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=RATE, layout="stereo")
        stream.format = form
        if codec != "flac":
            stream.bit_rate = 128_000
        for start in range(0, scaled.shape[1], 1152):
            piece = scaled[:, start : start + 1152]
            packed = piece if form.endswith("p") else piece.T.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(packed), format=form, layout="stereo")
            frame.sample_rate, frame.pts = RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    other = measure_file(tmp_path / name)
    assert statuses(song(), other) == {"pass"}
    assert statuses(other, song()) == {"pass"}
    if codec == "libmp3lame":
        assert np.isnan(first(song(), other).tone_db[NOMINAL_HZ.index(16000)])


# Several references


def test_several_references_give_mean_and_spread() -> None:
    levels = (2.0, 4.0, 6.0)
    references = [measured(bell(music(), 1_000.0, db), name=f"{db}.wav") for db in levels]
    comparison = compare(beside(song(), *references))
    tone = typical([b.tone_db for b in comparison.beside])
    at = NOMINAL_HZ.index(1000)
    assert tone.mean[at] == pytest.approx(-4.0, abs=0.3)
    assert tone.spread[at] == pytest.approx(2.0, abs=0.2)
    told = [f for f in said(song(), *references) if f.status == "info"]
    assert [f.title for f in told] == ["Less midrange than the references"]
    assert "3 references on average" in told[0].message
    assert any(m.name == "reference_spread_db" for m in told[0].evidence)


def test_what_lies_within_the_spread_of_the_references_is_no_finding() -> None:
    references = [measured(bell(music(), 1_000.0, db)) for db in (-2.0, 10.0)]
    assert statuses(song(), *references) == {"pass"}


def test_mean_and_spread_skip_what_is_not_known() -> None:
    of = typical([np.array([1.0, np.nan, np.nan]), np.array([3.0, 2.0, np.nan])])
    assert of.mean[:2] == pytest.approx([2.0, 2.0])
    assert of.spread[0] == pytest.approx(np.sqrt(2.0))
    assert np.isnan(of.mean[2])
    assert np.isnan(of.spread[1:]).all()


def test_the_mix_itself_and_a_reference_given_twice_are_said_politely() -> None:
    (itself,) = said(song(), song())
    assert (itself.status, itself.title) == ("info", "The reference is the mix")
    other = measured(bell(music(), 300.0, 1.0))
    told = said(song(), other, other)
    assert [f.title for f in told] == ["The same reference twice", "Beside the references"]
    assert "'reference.wav' turned" in told[-1].message


# References that do not suit


def sloped(samples: Curve, db_per_octave: float) -> Curve:
    hz = np.maximum(np.fft.rfftfreq(samples.shape[1], 1 / RATE), 30.0)
    gain = 10 ** (db_per_octave * np.log2(hz / 1_000.0) / 20)
    return np.asarray(np.fft.irfft(np.fft.rfft(samples) * gain, samples.shape[1]))


def why_not(other: Curve, rate: int = RATE) -> str:
    (finding,) = said(song(), measured(other, rate))
    assert finding.status == "undetermined"
    assert "'reference.wav'" in finding.message
    return finding.message


def test_another_tilt_does_not_suit() -> None:
    assert "far darker" in why_not(sloped(music(), -1.5))  # 10 dB over 100 Hz to 10 kHz
    assert "far brighter" in why_not(sloped(music(), 1.5))
    assert "undetermined" not in statuses(song(), measured(sloped(music(), 1.0)))  # 6.6 dB


def test_another_kind_of_dynamics_does_not_suit() -> None:
    rise = 10 ** (np.interp(np.arange(music().shape[1]), [0, music().shape[1]], [-30.0, 0.0]) / 20)
    assert "LU apart" in why_not(music() * rise)
    tremolo = 1.0 + 0.97 * np.sin(2 * np.pi * 9.0 * np.arange(music().shape[1]) / RATE)
    assert "within a bar" in why_not(music() * tremolo) or "times a second" in why_not(music() * tremolo)


def test_too_little_of_a_reference_does_not_suit() -> None:
    assert "s of it sound" in why_not(music()[:, 5 * RATE : 10 * RATE])
    (silent,) = said(song(), measured(np.zeros((2, RATE))))
    assert silent.status == "undetermined"
    assert "silent" in silent.message


def test_one_that_does_not_suit_does_not_spoil_those_that_do() -> None:
    told = said(measured(bell(music(), 300.0, 5.0)), song(), measured(sloped(music(), -2.0), name="dark.wav"))
    assert [f.title for f in told] == [
        "More low mids than the reference", "A reference that does not suit", "Beside the references",
    ]  # fmt: skip
    assert told[1].status == "info"
    assert "'dark.wav'" in told[1].message


def test_pace_and_swing_read_a_beat() -> None:
    t = np.arange(20 * RATE) / RATE
    noise = np.random.default_rng(1).standard_normal((2, t.size))
    for beats_hz in (1.0, 2.0, 4.0):
        pulses = np.sin(np.pi * beats_hz * t) ** 2
        of = character(measured(0.1 * noise * (0.2 + pulses)))
        assert of.pace_hz == pytest.approx(beats_hz, rel=0.25)
        assert of.swing_db is not None
        assert of.swing_db > 2.0
    steady = character(measured(0.1 * noise))
    assert steady.swing_db is not None
    assert steady.swing_db < 0.5
    assert steady.pace_hz is None


# Dynamics, width, loudness


def test_a_mix_denser_than_its_reference_warns() -> None:
    squashed = np.tanh(music() * 8.0) / 8.0
    told = {f.title: f for f in said(measured(squashed), song())}
    assert told["Denser than the reference"].status == "warning"
    assert "Denser than the reference" not in {f.title for f in said(song(), measured(squashed))}


def test_width_is_compared_by_region() -> None:
    mid, side = music().mean(axis=0), (music()[0] - music()[1]) / 2
    narrow = measured(np.stack([mid + 0.3 * side, mid - 0.3 * side]))
    told = next(f for f in said(narrow, song()) if f.title == "Other width than the reference")
    assert "midrange 10 dB narrower" in told.message
    assert not any("sub-bass" in m.name for m in told.evidence)
    assert "wider" in next(f for f in said(song(), narrow) if "width" in f.title).message


def test_only_a_master_must_be_as_loud_as_its_references() -> None:
    soft = measured(music() * 0.4)
    told = {f.title: f for f in reference.run(beside(soft, song()), MASTER)}
    (move,) = told["Other loudness than the reference"].fixes
    assert isinstance(move, GainMove)
    assert 0.0 < move.gain_db <= 8.0
    assert statuses(soft, song()) == {"pass"}


def test_the_stems_alone_are_compared_without_a_crash() -> None:
    for name, track in stems().items():
        if name in {"Bass", "Room"}:
            assert said(song(), measured(track[:, : 15 * RATE], name=name))


# Values, reports and the command line


def test_a_report_with_references_fits_the_schema() -> None:
    report = diagnose(beside(measured(bell(music(), 300.0, 5.0)), song(), song()), MIX, only=["reference"])
    data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    jsonschema.validate(data, SCHEMA)
    assert [i["role"] for i in data["inputs"]] == ["mix", "reference", "reference"]


def test_genres_are_known_by_name_only() -> None:
    assert load_genre("modern").name == "modern"
    for name in ("polka", "../profiles/mix", ""):
        with pytest.raises(UsageError, match="modern"):
            load_genre(name)


def test_the_plot_clips_and_labels() -> None:
    lines = plot([0.0] * 29, blocks=False)
    assert lines[-1].split() == ["31", "63", "125", "250", "500", "1k", "2k", "4k", "8k", "16k"]
    tall = plot([40.0, *[0.0] * 27, float("nan")], blocks=True)
    assert tall[0].startswith("+20.0  ██")
    assert max(map(len, tall)) < 80
    assert plot([float("nan")] * 3, blocks=False)


def write(path: Path, samples: Samples | Curve, rate: int = RATE) -> Path:
    """A 16-bit WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(samples))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(np.clip(samples, -1, 1).T * 32_767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("songs")
    return {
        "mix": write(folder / "mix.wav", bell(music(), 300.0, 5.0) * 0.7),
        "song": write(folder / "a song with a very long name indeed, by an orchestra.wav", music()),
        "half": write(folder / "half.wav", at_rate(music(), 44_100), 44_100),
        "dark": write(folder / "dark.wav", sloped(music(), -2.0) * 0.5),
    }


def mixdiagnose(*arguments: object) -> int:
    from mixdiagnose.cli import main

    return main([str(a) for a in arguments])


def test_compare_draws_a_table_a_plot_and_the_moves(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert mixdiagnose("compare", files["mix"], files["song"], files["half"]) == 0
    out = capsys.readouterr().out
    assert "More low mids than the references" in out
    assert "bell at" in out
    assert "levels matched" in out
    assert "Integrated loudness" in out
    assert "16k" in out
    assert max(map(len, out.splitlines())) <= 80
    assert mixdiagnose("compare", files["song"], files["half"]) == 0
    assert "Like the reference in tone, dynamics and width." in capsys.readouterr().out
    assert mixdiagnose("compare", files["song"], files["dark"]) == 0
    out = capsys.readouterr().out
    assert "NOT COMPARED" in out
    assert "levels matched" not in out


def test_compare_as_json_is_a_report_of_one_check(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert mixdiagnose("compare", files["mix"], files["song"], "--format", "json", "--quiet") == 0
    report = json.loads(capsys.readouterr().out)
    jsonschema.validate(report, SCHEMA)
    assert [item["id"] for item in report["checklist"]] == ["reference"]
    assert [i["role"] for i in report["inputs"]] == ["mix", "reference"]


def test_check_takes_references_and_a_genre(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("check", files["mix"], "--only", "reference", "--format", "json")
    mixdiagnose(*arguments)
    assert json.loads(capsys.readouterr().out)["checklist"][0]["status"] == "skipped"
    mixdiagnose(*arguments, "--reference", files["song"], "--reference", files["mix"], "--genre", "jazz")
    report = json.loads(capsys.readouterr().out)
    assert report["genre"] == "jazz"
    assert [i["name"] for i in report["inputs"]] == [str(files[k]) for k in ("mix", "song", "mix")]
    titles = {f["title"] for f in report["findings"]}
    assert {"The reference is the mix", "More low mids than the reference"} <= titles


@pytest.mark.parametrize("command", ["check", "compare"])
def test_a_reference_that_cannot_be_read_is_named(
    command: str, files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("not audio")
    arguments = [files["mix"], bad] if command == "compare" else [files["mix"], "--reference", bad]
    assert mixdiagnose(command, *arguments) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert str(bad) in captured.err


def test_wrong_usage_is_refused_before_any_work(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mixdiagnose("check", tmp_path / "nowhere.wav", "--genre", "polka") == 2
    assert "modern" in capsys.readouterr().err
    assert mixdiagnose("demo", "--into", tmp_path / "demo", "--genre", "polka") == 2
    assert not (tmp_path / "demo").exists()
    capsys.readouterr()
    before = files["song"].read_bytes()
    assert mixdiagnose("compare", files["mix"], files["song"], "-o", files["song"]) == 2
    assert files["song"].read_bytes() == before
    with pytest.raises(SystemExit, match="2"):
        mixdiagnose("compare", files["mix"])


def test_the_public_function_takes_the_same(files: dict[str, Path]) -> None:
    from mixdiagnose import check

    report = check(files["mix"], references=[files["song"]], genre="rock")
    assert report.genre == "rock"
    assert [i["role"] for i in report.inputs] == ["mix", "reference"]


def test_progress_covers_all_files_and_a_file_given_twice_is_read_once(files: dict[str, Path]) -> None:
    from mixdiagnose.checking import measure_all

    shares: list[float | None] = []
    mix = measure_all(files["mix"], [files["song"], files["song"]], shares.append)
    known = [s for s in shares if s is not None]
    assert known == sorted(known)
    assert 0.0 < known[0] < 0.1
    assert known[-1] == pytest.approx(2 / 3)
    assert mix.references[0].readings is mix.references[1].readings
    assert [r.source.name for r in mix.references] == [str(files["song"])] * 2


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the real songs are not beside the checkout")
def test_real_songs_are_compared_where_they_can_be() -> None:
    from mixdiagnose.checking import measure_file

    songs = CORPUS / "mixes"
    farm, other = (measure_file(songs / name) for name in ("stk_farm.ogg", "stk_farm_f.ogg"))
    assert statuses(farm, other) == {"pass"}
    dance = measure_file(next(songs.glob("Hungarian*.ogg")))
    assert statuses(measure_file(songs / "stk_hacienda.ogg"), dance) == {"undetermined"}
