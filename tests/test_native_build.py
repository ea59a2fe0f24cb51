"""What builds the plugin: DPF's sources mended or refused, and errors in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dsp.errors import UsageError
from mixdiagnose import __version__
from plugin_bridge.native import build as building
from plugin_bridge.native.derive_dpf import MAIN, PATCH, UnexpectedSourceError, derive, hunks_of, main, patched

DPF = Path("/usr/share/dpf/distrho")
needs_dpf = pytest.mark.skipif(not DPF.is_dir(), reason="needs the Debian package dpf-source")


@needs_dpf
def test_the_sources_are_mended_and_the_packaged_ones_left(tmp_path: Path) -> None:
    before = {p: p.read_bytes() for p in DPF.rglob("*.cpp")}
    derive(DPF, tmp_path)
    assert {p: p.read_bytes() for p in DPF.rglob("*.cpp")} == before
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.cpp")} == {name for name, _ in files()} | {MAIN}
    vst3 = (tmp_path / "src/DistrhoPluginVST3.cpp").read_text()
    assert "toNormalized" in vst3
    assert len(vst3) > len((DPF / "src/DistrhoPluginVST3.cpp").read_text())
    # A second time nothing is written, so nothing is compiled again.
    times = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.cpp")}
    derive(DPF, tmp_path)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.cpp")} == times


@needs_dpf
@pytest.mark.parametrize("change", ["a line more", "a line less", "a blank more", "all mended already"])
def test_another_dpf_is_refused_and_nothing_written(
    tmp_path: Path, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "distrho"
    shutil.copytree(DPF, other)
    source = other / "src" / "DistrhoPluginVST3.cpp"
    text = source.read_text()
    lines = text.splitlines(keepends=True)
    if change == "all mended already":
        text = patched(text, dict(files())["src/DistrhoPluginVST3.cpp"], "VST3")
    elif change == "a line more":
        text = "".join(["// new\n", *lines])
    elif change == "a line less":
        text = "".join(lines[:20] + lines[21:])
    else:
        text = text.replace("if (data->nframes <= 0)", "if (data->nframes  <= 0)")
    source.write_text(text)
    with pytest.raises(UnexpectedSourceError, match=r"DistrhoPluginVST3.cpp is not that of DPF 1.6: line \d+"):
        derive(other, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert main([str(other), str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_missing_dpf_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_hunks() -> None:
    patch = "--- a/x\n+++ b/x\n@@ -2,2 +2,3 @@\n two\n+new\n three\n@@ -5 +6 @@\n-five\n+FIVE\n"
    [(name, hunks)] = hunks_of(patch)
    assert name == "x"
    assert patched("one\ntwo\nthree\nfour\nfive\nsix\n", hunks, name) == "one\ntwo\nnew\nthree\nfour\nFIVE\nsix\n"
    with pytest.raises(UnexpectedSourceError):
        patched("one\ntwo\nthree\nfour\n", hunks, name)


def files() -> list[tuple[str, list[tuple[int, list[str]]]]]:
    return list(hunks_of(PATCH.read_text("utf-8")))


def test_what_is_missing_is_told_with_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"without CMake .*apt install cmake.*; a C\+\+ compiler .*g\+\+") as told:
        building.build(tmp_path / "out")
    assert "\n" not in str(told.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(bool(building.missing()), reason="needs cmake, make and g++")
def test_what_is_asked_for_wrongly_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'vst2'"):
        building.build(tmp_path, ["vst2"])
    with pytest.raises(UsageError, match="'quad'"):
        building.build(tmp_path, variants=["quad"])
    with pytest.raises(UsageError, match="is not DPF"):
        building.build(tmp_path, dpf=tmp_path)
    fake = tmp_path / "fake" / "distrho"
    (fake / "src").mkdir(parents=True)
    for name in (MAIN, "src/DistrhoPluginVST3.cpp", "src/DistrhoPluginCLAP.cpp"):
        (fake / name).write_text("int nothing;\n")
    with pytest.raises(UsageError, match=r"could not be built: .*is not that of DPF 1\.6") as told:
        building.build(tmp_path / "out", dpf=fake.parent)
    assert "\n" not in str(told.value)


def test_the_plugin_has_the_version_of_the_program() -> None:
    source = (building.SOURCE / "plugin.cpp").read_text()
    assert f"d_version({', '.join(__version__.split('.'))})" in source
    assert f"<string>{__version__}</string>" in (building.SOURCE / "Info.plist.in").read_text()


def test_a_plugin_replaces_the_one_before(tmp_path: Path) -> None:
    for name in ("A.vst3", "A.clap"):
        made, out = tmp_path / "made" / name, tmp_path / "out"
        if name == "A.vst3":
            (made / "Contents").mkdir(parents=True)
            (made / "Contents" / "new").touch()
            (out / name / "Contents").mkdir(parents=True)
            (out / name / "Contents" / "old").touch()
        else:
            made.write_text("new")
            (out / name).write_text("old")
        placed = building._placed(made, out)
        assert placed == out / name
    assert [p.name for p in (out / "A.vst3" / "Contents").iterdir()] == ["new"]
    assert (out / "A.clap").read_text() == "new"
