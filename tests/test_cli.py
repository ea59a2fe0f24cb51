"""The command line as scripts and people meet it: real processes on real files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from dsp.checks import all_checks
from dsp.units import Samples
from render_tests.scenes.base import clean

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = json.loads((ROOT / "mixdiagnose" / "report.schema.json").read_text(encoding="utf-8"))
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mixdiagnose", *map(str, arguments)],
        capture_output=True,
        encoding=environment.get("PYTHONIOENCODING", "utf-8"),
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT), **environment},
        check=False,
        timeout=120,
    )


def write_wav(path: Path, samples: Samples) -> Path:
    """A 24-bit WAV of samples (channels, frames)."""
    whole = np.clip(np.round(samples.T.astype(np.float64) * 2**23), -(2**23), 2**23 - 1).astype("<i4")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(samples))
        file.setsampwidth(3)
        file.setframerate(48_000)
        file.writeframes(whole.reshape(-1, 1).view(np.uint8)[:, :3].tobytes())
    return path


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("wav") / "good song.wav", clean())


@pytest.fixture(scope="module")
def clipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("wav") / "clipped.wav", np.clip(clean() * 4, -0.5, 0.5))


def test_a_ready_mix_exits_with_0_and_one_with_problems_with_1(good: Path, clipped: Path) -> None:
    ready, not_ready = run("check", good), run("check", clipped)
    assert ready.returncode == 0, ready.stdout + ready.stderr
    assert "READY for mastering" in ready.stdout
    assert not_ready.returncode == 1
    assert "NOT READY" in not_ready.stdout
    assert "PROBLEM  Clipped peaks  [clipping]" in not_ready.stdout


def test_json_is_only_json_and_fits_the_schema(good: Path) -> None:
    done = run("check", good, "--format", "json", "--quiet")
    assert done.stderr == ""
    report = json.loads(done.stdout)
    jsonschema.validate(report, SCHEMA)
    assert report["ready"] is True
    assert report["inputs"][0]["bit_depth"] == 24
    assert report["measurements"]["integrated_lufs"]["value"] == pytest.approx(-16.5, abs=2.5)


def test_only_and_skip_choose_checks(good: Path) -> None:
    only = json.loads(run("check", good, "--only", "true-peak", "--only", "headroom", "--format", "json").stdout)
    assert [item["id"] for item in only["checklist"]] == ["headroom", "true-peak"]
    skipped = json.loads(run("check", good, "--skip", "loudness", "--format", "json").stdout)
    assert "loudness" not in {item["id"] for item in skipped["checklist"]}


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"], ["chek", "x"], ["check", "{good}", "--only", "nonsense"], ["check", "{good}", "--profile", "nope"],
        ["check", "{good}", "--format", "xml"], ["explain", "nonsense"], [],
        ["check", "{good}", "-o", "/nowhere/x.json"],
    ],
)  # fmt: skip
def test_wrong_usage_exits_with_2(arguments: list[str], good: Path) -> None:
    done = run(*(a.format(good=good) for a in arguments))
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["missing", "empty", "lfs", "link", "text", "directory", "header only", "noise"])
def test_unreadable_files_exit_with_3_and_one_line(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    content = {
        "empty": b"",
        "lfs": LFS.encode(),
        "link": b"../stems/song.flac",
        "text": b"this is not audio at all, it is a letter",
        "header only": b"RIFF\x24\0\0\0WAVEfmt ",
        "noise": bytes(range(7, 250)) * 40,
    }
    if kind == "directory":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(content[kind])
    done = run("check", path)
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert str(path) in done.stderr
    assert ";" in done.stderr  # cause; remedy
    if kind == "lfs":
        assert "git lfs pull" in done.stderr
    if kind == "link":
        assert "../stems/song.flac" in done.stderr


def test_a_truncated_file_is_measured_as_far_as_it_goes(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    path.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    done = run("check", path, "--format", "json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert "declared" in report["inputs"][0]["partial"]
    assert report["inputs"][0]["duration_s"] == pytest.approx(13.0, abs=0.1)
    assert report["ready"] is False


def test_output_goes_to_a_file_and_nothing_else_is_overwritten(good: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    assert run("check", good, "--format", "json", "-o", target).returncode == 0
    jsonschema.validate(json.loads(target.read_text()), SCHEMA)
    assert run("check", good, "--format", "json", "-o", target).returncode == 0
    named_like_a_report = tmp_path / "song.log"
    named_like_a_report.write_bytes(good.read_bytes())
    assert run("check", named_like_a_report, "-o", named_like_a_report).returncode == 2
    assert named_like_a_report.read_bytes() == good.read_bytes()
    assert run("check", good, "--only", "loudness", "--skip", "loudness").returncode == 2
    before = good.read_bytes()
    refused = run("check", good, "-o", good)
    assert refused.returncode == 2
    assert good.read_bytes() == before


def test_a_piped_report_is_plain_and_80_columns_wide(clipped: Path) -> None:
    text = run("check", clipped, "--second-opinion").stdout
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert not any(line != line.rstrip() for line in text.splitlines())
    assert "pyloudnorm" in text
    assert "libebur128" in text


def test_the_report_survives_ascii_and_a_reader_that_leaves(good: Path) -> None:
    plain = run("check", good, PYTHONIOENCODING="ascii")
    assert plain.returncode == 0
    assert plain.stdout.isascii()
    command = f"'{sys.executable}' -m mixdiagnose explain | head -1"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    left = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environment, check=False)
    assert left.stderr == ""


def test_explain_knows_every_check() -> None:
    listed = run("explain").stdout
    for check in all_checks():
        assert check.id in listed
    told = run("explain", "bus-limiter").stdout
    assert "Why it matters" in told
    assert "References" in told
    assert max(map(len, told.splitlines())) <= 80


def test_schema_prints_the_committed_schema() -> None:
    assert json.loads(run("schema").stdout) == SCHEMA
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint('\\n'.join(sys.modules), file=sys.stderr)"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True,
    )  # fmt: skip
    return {name.split(".")[0] for name in done.stderr.split()}


def test_help_loads_nothing_heavy() -> None:
    loaded = modules_after("from mixdiagnose.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass")
    assert not loaded & {"numpy", "scipy", "pedalboard", "dawdreamer", "av", "rich", "pyloudnorm"}


def test_checking_a_wav_loads_only_numpy_and_rich(good: Path) -> None:
    skip = ["--skip", "codec-peaks"]  # which encodes, with PyAV and pedalboard
    loaded = modules_after(f"from mixdiagnose.cli import main\nmain(['check', {str(good)!r}, '--quiet', *{skip}])")
    assert "numpy" in loaded
    assert not loaded & {"scipy", "pedalboard", "dawdreamer", "av", "pyloudnorm", "pyebur128"}


def test_matrix_products_use_one_thread_unless_the_user_says_otherwise(good: Path) -> None:
    code = "import os\nfrom mixdiagnose.cli import main\nmain(['explain'])\nprint(os.environ['OPENBLAS_NUM_THREADS'])"
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"} | {"PYTHONPATH": str(ROOT)}
    for given, expected in (({}, "1"), ({"OPENBLAS_NUM_THREADS": "2"}, "2")):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment | given, check=True
        )
        assert done.stdout.split()[-1] == expected


def test_the_public_function_gives_the_same_report(good: Path) -> None:
    from mixdiagnose import check

    report = check(good)
    assert report.ready
    told = json.loads(run("check", good, "--format", "json").stdout)
    assert {m.name: m.value for m in report.measurements} == {
        name: m["value"] for name, m in told["measurements"].items() if name != "third_octave_db"
    }
