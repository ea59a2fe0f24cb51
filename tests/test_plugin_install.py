"""Installing the plugin for a user, with a home of its own; what is built is made up here, the build has its tests."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from dsp.errors import UsageError
from mixdiagnose import __version__, cli
from plugin_bridge.native import doctor, places
from plugin_bridge.native.install import install, recorded, uninstall

linux = pytest.mark.skipif(sys.platform != "linux", reason="the folders are those of Linux")
pytestmark = linux


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (tmp_path / "run").mkdir(mode=0o700)
    return tmp_path


def made(folder: Path, formats: Sequence[str], content: bytes = b"code") -> dict[str, Path]:
    """A bundle and a file, as the build gives them."""
    bundle = folder / "MixDiagnose.vst3" / "Contents" / "x86_64-linux"
    bundle.mkdir(parents=True)
    (bundle / "MixDiagnose.so").write_bytes(content)
    (folder / "MixDiagnose.clap").write_bytes(content)
    every = {"vst3": folder / "MixDiagnose.vst3", "clap": folder / "MixDiagnose.clap"}
    return {form: every[form] for form in formats}


BOTH = ("vst3", "clap")


def test_it_is_where_hosts_look_and_knows_its_python(home: Path) -> None:
    done = install("1.0", BOTH, made)
    assert [i.path for i in done] == [
        str(home / ".vst3" / "MixDiagnose.vst3"),
        str(home / ".clap" / "MixDiagnose.clap"),
    ]
    assert (home / ".vst3/MixDiagnose.vst3/Contents/x86_64-linux/MixDiagnose.so").read_bytes() == b"code"
    engine = places.engine_file()
    assert engine.read_text() == f"{sys.executable}\n"
    assert engine.stat().st_mode & 0o077 == 0
    assert recorded() == ("1.0", done)


def test_ours_is_replaced_and_what_is_not_ours_is_left(home: Path) -> None:
    install("1.0", BOTH, made)
    install("1.1", BOTH, lambda folder, formats: made(folder, formats, b"newer"))
    assert (home / ".clap" / "MixDiagnose.clap").read_bytes() == b"newer"
    assert recorded()[0] == "1.1"
    assert not [p for p in (home / ".vst3").iterdir() if p.name.startswith(".")]
    uninstall()
    (home / ".clap" / "MixDiagnose.clap").write_bytes(b"somebody's")
    with pytest.raises(UsageError, match="not installed by this command"):
        install("1.1", ("clap",), made)
    assert (home / ".clap" / "MixDiagnose.clap").read_bytes() == b"somebody's"


def test_uninstalling_takes_away_what_was_not_changed(home: Path) -> None:
    install("1.0", BOTH, made)
    changed = home / ".vst3/MixDiagnose.vst3/Contents/x86_64-linux/MixDiagnose.so"
    changed.write_bytes(b"patched")
    taken = uninstall()
    assert str(home / ".clap" / "MixDiagnose.clap") in taken
    assert changed.exists()
    assert not places.engine_file().exists()
    assert uninstall() == []


def test_the_doctor_names_what_is_wrong_and_what_to_do(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {s.what: s for s in doctor.examine("1.0")}
    assert before["plugin"].status == "problem"
    assert before["engine"].remedy == "mixdiagnose plugin install"
    install(__version__, BOTH, made)
    assert not [s for s in doctor.examine(__version__) if s.status == "problem"]
    assert {s.what: s.status for s in doctor.examine("9.9")}["version"] == "warning"
    (home / ".clap" / "MixDiagnose.clap").unlink()
    places.engine_file().chmod(0o666)
    found = {s.what: s for s in doctor.examine(__version__)}
    assert "gone" in found["clap"].found
    assert "others may write" in found["engine"].found
    assert cli.main(["plugin", "doctor", "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {s["what"] for s in told} >= {"vst3", "clap", "engine", "shared memory", "running"}


def test_a_python_that_is_gone_is_told(home: Path) -> None:
    install(__version__, BOTH, made)
    places.engine_file().write_text(str(home / "no" / "python") + "\n")
    assert "cannot be run" in {s.what: s for s in doctor.examine(__version__)}["engine"].found
