"""What users install: the wheel, in an empty environment, from nothing to the demo's diagnosis."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow


def call(*command: object, cwd: Path, code: int = 0) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_the_wheel_installs_and_runs_the_demo(tmp_path: Path) -> None:
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "dsp/_presets/profiles/mix.toml" in names
    assert "mixdiagnose/report.schema.json" in names
    assert "mixdiagnose/correction.schema.json" in names
    assert {f"plugin_bridge/native/{n}" for n in ("plugin.cpp", "CMakeLists.txt", "dpf-1.6.patch", "link.hpp")} <= {
        *names
    }
    assert not any(n.startswith(("presets/", "tests/", "render_tests/", "benchmarks/")) for n in names)

    call(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    call(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel, cwd=tmp_path)
    program = tmp_path / "venv" / "bin" / "mixdiagnose"
    assert call(program, "explain", "true-peak", cwd=tmp_path).startswith("true-peak")
    schema = json.loads(call(program, "schema", cwd=tmp_path))

    demo = json.loads(call(program, "demo", "--into", "song", "--format", "json", "--quiet", cwd=tmp_path))
    report, after = demo["audit"], demo["fix"]["after"]
    for each in (report, after):
        jsonschema.validate(each, schema)
    problems = {f["id"]: [c["stem"] for c in f["cause"]] for f in report["findings"] if f["status"] == "problem"}
    bus = ["mix bus"]
    assert problems.pop("clipping")[0] == "Snare Top"
    assert problems == {
        "bus-limiter": bus, "bus-processing": bus, "gain-staging": ["Snare Top"], "master-devices": ["Master"],
    }  # fmt: skip
    assert [f["id"] for f in after["findings"] if f["status"] == "problem"] == ["gain-staging"]
    assert demo["fix"]["differences"][-1] == "Master: 'Bus Limiter' switched off"
    late = next(f for f in report["findings"] if f["id"] == "phase-alignment")
    assert late["cause"][0]["stem"] == "Bass Amp"
    truth = json.loads((tmp_path / "song" / "truth.json").read_text(encoding="utf-8"))
    stems = list((tmp_path / "song" / "stems").glob("*.wav"))
    assert len(stems) >= 10
    assert len(truth["stems"]) == len(stems)
    fixed = "song/demo-fixed.dawproject"
    again = call(program, "audit", fixed, "--format", "json", "--quiet", cwd=tmp_path, code=1)
    assert json.loads(again)["measurements"] == after["measurements"]
