"""Folders of stems as people have them: which files count, what is wrong with some of them, and what is said of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from scipy import signal

from dsp.errors import InputError, UsageError
from dsp.units import Samples
from mixdiagnose import audit, check
from plugin_bridge.stem_folder import MIX_NAME, find_stems
from plugin_bridge.stems import measure_folder
from render_tests.scenes.base import RATE, clean
from render_tests.scenes.registry import clean_tracks
from tests.test_bad_input import wav_bytes
from tests.test_cli import LFS, SCHEMA, run, write_wav

SECONDS = 8


def tracks() -> dict[str, Samples]:
    return {name: np.ascontiguousarray(t[:, 4 * RATE : (4 + SECONDS) * RATE]) for name, t in clean_tracks().items()}


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """song/mix.wav and song/stems/NAME.wav; some stems are mono."""
    folder = tmp_path_factory.mktemp("songs") / "song"
    (folder / "stems").mkdir(parents=True)
    for name, track in tracks().items():
        mono = name in ("Bass", "Lead")
        write_wav(folder / "stems" / f"{name}.wav", track[:1] if mono else track)
    write_wav(folder / "mix.wav", np.sum(list(tracks().values()), axis=0))
    return folder


@pytest.fixture
def copy(song: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(song, tmp_path / "song"))


def stems_of(folder: Path) -> list[str]:
    return [p.stem for p in find_stems(folder).stems]


def test_a_folder_is_sorted_into_stems_and_mix(song: Path, copy: Path) -> None:
    names = sorted(tracks())
    assert stems_of(song / "stems") == names
    assert stems_of(song) == names
    assert find_stems(song).mix == song / "mix.wav"
    for extra in ("notes.txt", "cover.png", ".hidden.wav", "tempo.mid", "Keys.wav.reapeaks"):
        (copy / "stems" / extra).write_bytes(b"x")
    assert stems_of(copy / "stems") == names
    shutil.copy(copy / "mix.wav", copy / "stems" / "a copy of it.wav")
    assert [p.stem for p in find_stems(copy / "stems", copy / "mix.wav").stems] == names


@pytest.mark.parametrize(
    "name",
    ["mix", "Mix", "01 Full Mix", "MIX_sum_of_stems", "mixdown", "pre-master", "Final Mix v3", "Master", "bounce"],
)
def test_what_is_called_the_mix_is_the_mix(name: str) -> None:
    assert MIX_NAME.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["Mix Bus Verb", "Drum Mix", "Mixed Percussion", "Remix Vox", "Master Kick", "03 Bass"]
)
def test_what_only_sounds_like_it_is_a_stem(name: str) -> None:
    assert not MIX_NAME.fullmatch(name)


def test_folders_without_stems_are_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="export the tracks"):
        find_stems(tmp_path)
    with pytest.raises(UsageError, match="not a folder"):
        find_stems(tmp_path / "no")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_wav(tmp_path / name / "x.wav", clean()[:, :4800])
    with pytest.raises(UsageError, match=r"name one of the folders in it \(a, b\)"):
        find_stems(tmp_path)
    for name in ("mix.wav", "master.wav", "x.wav"):
        write_wav(tmp_path / "a" / name, clean()[:, :4800])
    with pytest.raises(UsageError, match="several mixes"):
        _ = find_stems(tmp_path / "a").mix


def test_the_api_reads_stems_and_their_sum(song: Path) -> None:
    with_mix, without = check(song / "mix.wav", stems=song / "stems"), audit(song / "stems", roles={"keys": "synth"})
    assert [s.name for s in with_mix.stems] == sorted(tracks())
    loudness = [r.to_dict()["measurements"]["integrated_lufs"]["value"] for r in (with_mix, without)]
    assert loudness[0] == pytest.approx(loudness[1], abs=0.01)
    assert without.inputs[0]["container"] == "render"
    assert {s.name: s.role for s in without.stems}["Keys"] == "synth"
    for report in (with_mix, without):
        jsonschema.validate(json.loads(json.dumps(report.to_dict())), SCHEMA)
        for region in ("bass", "presence"):
            assert sum(s.shares[region] or 0.0 for s in report.stems) == pytest.approx(1.0, abs=1e-3)


def checked(folder: Path, *more: str) -> dict[str, Any]:
    done = run(
        "check", folder / "mix.wav", "--stems", folder / "stems", "--format", "json", "--skip", "codec-peaks", *more
    )
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(report, SCHEMA)
    return report


def told(report: dict[str, Any]) -> str:
    return " ".join(f["message"] for f in report["findings"] if f["id"] == "stem-files")


def test_one_broken_stem_does_not_cost_the_others(copy: Path) -> None:
    stems = copy / "stems"
    (stems / "Choir.wav").write_text(LFS)
    (stems / "Empty.wav").write_bytes(b"")
    (stems / "Surround.wav").write_bytes(wav_bytes(b"\0" * 7 * 3 * 999, channels=7, bits=24, mask=0x13F))
    nan = np.zeros(RATE, np.float32)
    nan[RATE // 2] = np.nan
    (stems / "Nan.wav").write_bytes(wav_bytes(nan.tobytes(), channels=1, bits=32, tag=3))
    data = (stems / "Keys.wav").read_bytes()
    (stems / "Keys.wav").write_bytes(data[: len(data) // 2])
    report = checked(copy)
    text = told(report)
    for name, cause in (
        ("Choir", "LFS"), ("Empty", "empty"), ("Surround", "7 channels"), ("Nan", "NaN"), ("Keys", "data ends"),
    ):  # fmt: skip
        assert name in text
        assert cause in text, text
    assert not report["ready"]
    assert "Guitar L" in report["stems"]
    assert "Choir" not in report["stems"]


def test_no_readable_stem_is_an_error_of_one_line(tmp_path: Path, song: Path) -> None:
    (tmp_path / "Keys.wav").write_text(LFS)
    done = run("check", song / "mix.wav", "--stems", tmp_path)
    assert done.returncode == 3
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "Keys.wav" in done.stderr
    assert "git lfs pull" in done.stderr


def test_other_rates_and_formats_are_brought_together(copy: Path) -> None:
    stems = copy / "stems"
    slower = signal.resample_poly(tracks()["Keys"].astype(np.float64), 147, 160, axis=1)
    frames = np.ascontiguousarray(np.clip(slower, -1, 1).T.astype("<f4")).tobytes()
    (stems / "Keys.wav").write_bytes(wav_bytes(frames, bits=32, tag=3, rate=44_100))
    report = checked(copy)
    assert "44100 Hz" in told(report)
    mix = measure_folder(copy / "mix.wav", find_stems(stems))
    assert mix.stems is not None
    keys = mix.stems.named("Keys")
    assert keys.resampled_from_hz == 44_100
    residual = mix.stems.sum_power.sum() - 2 * mix.stems.sum_cross[:, 0].sum() + mix.stems.mix_power.sum()
    assert residual < 1e-4 * mix.stems.mix_power.sum()


def test_a_bounce_among_the_stems_becomes_the_mix(copy: Path) -> None:
    shutil.copy(copy / "mix.wav", copy / "stems" / "My Song.wav")
    done = run("audit", copy / "stems", "--format", "json", "--only", "stem-files")
    report = json.loads(done.stdout)
    assert report["inputs"][0]["name"].endswith("My Song.wav")
    assert "My Song" not in report["stems"]


def test_a_trimmed_stem_is_put_in_its_place(copy: Path) -> None:
    whole = tracks()["Lead"][:1]
    cut = round(2.1 * RATE)
    write_wav(copy / "stems" / "Lead.wav", whole[:, cut:])
    report = checked(copy)
    assert report["stems"]["Lead"]["offset_s"] == pytest.approx(2.1, abs=1 / RATE)
    assert "Lead" in told(report)


def test_roles_are_the_users_own(song: Path) -> None:
    report = checked(song, "--role", "Keys=synth", "--role", "lead=backing-vocal")
    assert report["stems"]["Keys"]["role"] == "synth"
    assert report["stems"]["Lead"]["role"] == "backing-vocal"
    for role, text in (("Keys", "STEM=ROLE"), ("Keys=kazoo", "kazoo"), ("Nobody=bass", "Nobody")):
        done = run("check", song / "mix.wav", "--stems", song / "stems", "--role", role)
        assert done.returncode == 2, role
        assert text in done.stderr
    assert run("check", song / "mix.wav", "--role", "Keys=synth").returncode == 2


def test_audit_wants_a_folder_and_stems_want_two_channels(song: Path, tmp_path: Path) -> None:
    assert run("audit", song / "mix.wav").returncode == 2
    assert run("audit", tmp_path).returncode == 2
    surround = tmp_path / "surround.wav"
    surround.write_bytes(wav_bytes(b"\0" * 6 * 2 * 48_000, channels=6, bits=16, mask=0x3F))
    done = run("check", surround, "--stems", song / "stems")
    assert done.returncode == 2
    assert "mono or stereo" in done.stderr


def test_the_mix_is_named_when_it_is_the_mix_that_is_broken(song: Path, tmp_path: Path) -> None:
    broken = tmp_path / "mix.wav"
    broken.write_text(LFS)
    with pytest.raises(InputError, match="LFS"):
        check(broken, stems=song / "stems")


def test_the_report_shows_stems_and_names_causes(song: Path) -> None:
    text = run("check", song / "mix.wav", "--stems", song / "stems", "--skip", "codec-peaks").stdout
    assert "Stems" in text
    assert "Guitar L" in text
    assert max(map(len, text.splitlines())) <= 80
