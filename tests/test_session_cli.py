"""`audit`, `fix` and `render` on sessions, as scripts and people meet them."""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from pedalboard.io import AudioFile
from scipy.signal import sosfilt

from dsp.correction.biquad import sections
from dsp.correction.correction import MIX, Correction, Move, Target
from dsp.findings import DelayMove, EqMove, GainMove, PolarityMove, RemoveDevice
from dsp.units import Samples
from mixdiagnose import cli
from plugin_bridge.files import read_audio
from plugin_bridge.sessions.dawproject import write_new_dawproject
from plugin_bridge.sessions.model import Clip, Device, Media, Send, Session, Track
from plugin_bridge.sessions.reading import open_session
from render_tests.scenes.base import RATE
from render_tests.scenes.registry import clean_tracks

ROOT = Path(__file__).resolve().parent.parent
REPORT = json.loads((ROOT / "mixdiagnose" / "report.schema.json").read_text(encoding="utf-8"))
#: The stretch of the clean mix that is used (s).
START_S, END_S = 9.0, 15.0
NULL = 1e-6


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.out))


def run(*arguments: object) -> Done:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = cli.main([str(a) for a in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def refused(*arguments: object, code: int = 2) -> str:
    """The one line of a run that is refused."""
    done = run(*arguments)
    assert (done.code, done.out) == (code, ""), done
    assert done.err.count("\n") == 1, done.err
    return done.err


def hashed(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def session_of(folder: Path, *, limiter: bool = True, **changes: dict[str, object]) -> Session:
    """The clean tracks on a mixer, with a return and, if asked for, a limiter on the master."""
    cut = slice(int(START_S * RATE), int(END_S * RATE))
    tracks = []
    for name, samples in clean_tracks().items():
        path = folder / f"{name}.wav"
        with AudioFile(str(path), "w", RATE, len(samples), bit_depth=24) as file:
            file.write(np.ascontiguousarray(samples[:, cut], np.float32))
        clip = Clip(name, (Media(path.name, path),), 0.0, END_S - START_S)
        track = Track(name, name, "track", "master", clips=(clip,), sends=(Send("fx", 0.1),) if name == "Lead" else ())
        tracks.append(replace(track, **changes.get(name, {})))  # type: ignore[arg-type]
    parameters = {"input_gain_db": 6.0, "threshold_db": -9.0, "attack_s": 0.0, "release_s": 0.05, "output_gain_db": 0.0}
    inserts = (Device("Loud", "limiter", parameters=parameters),) if limiter else ()
    master = Track("master", "Master", "master", inserts=inserts)
    fx = Track("fx", "Echo", "bus", "master", fader=0.5)
    return Session("song", "DAWproject", folder / "song.dawproject", RATE, (*tracks, fx), master, end_s=END_S - START_S)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    session = session_of(folder)
    write_new_dawproject(session, tmp_path / "song.dawproject")
    return tmp_path / "song.dawproject"


def rendered(session: Path, folder: Path) -> dict[str, Samples]:
    """Stems, mix and master input of a session by name."""
    assert run("render", session, "-o", folder, "--quiet").code == 0
    files = {f["name"]: folder / f["path"] for f in json.loads((folder / "manifest.json").read_text())["files"]}
    return {name: read_audio(path)[0].samples for name, path in files.items()}


def test_an_audit_names_tracks_and_devices(song: Path) -> None:
    before = hashed(song)
    done = run("audit", song, "--format", "json", "--skip", "codec-peaks", "--quiet")
    assert done.code == 1
    report = done.json
    jsonschema.validate(report, REPORT)
    assert report["inputs"][0]["name"] == str(song)
    assert report["inputs"][0]["partial"] is None
    assert set(report["stems"]) == {*clean_tracks(), "Echo"}
    device = next(f for f in report["findings"] if f["id"] == "master-devices")
    assert device["status"] == "problem"
    assert {"kind": "remove-device", "target": "Master", "device": "Loud"} in device["fixes"]
    checks = {c["id"]: c["status"] for c in report["checklist"]}
    assert checks["media"] == "pass"
    assert checks["bus-limiter"] == "problem"  # the effect is heard as well as seen
    assert hashed(song) == before


def test_the_limiter_comes_off_and_nothing_else_changes(song: Path, tmp_path: Path) -> None:
    out, before = tmp_path / "mended.dawproject", hashed(song)
    dry = run("fix", song, "--dry-run", "--quiet")
    assert "Master: 'Loud' switched off" in dry.out
    assert not out.exists()
    done = run("fix", song, "-o", out, "--format", "json", "--quiet")
    outcome = done.json
    assert "Master: 'Loud' switched off" in outcome["differences"]
    assert hashed(song) == before
    status = {c["id"]: c["status"] for c in outcome["after"]["checklist"]}
    assert status["bus-limiter"] == "pass"
    assert status["master-devices"] != "problem"
    # The report after is of the written file, read again.
    again = run("audit", out, "--format", "json", "--skip", "codec-peaks", "--quiet").json
    assert again["measurements"] == outcome["after"]["measurements"]
    assert json.loads(out.with_suffix(".correction.json").read_text())["targets"]


def test_every_move_is_heard_in_the_written_session(song: Path, tmp_path: Path) -> None:
    moves: dict[str, tuple[Move, ...]] = {
        "Bass": (EqMove("Bass", "bell", 200.0, -4.0, 1.0), EqMove("Bass", "high-pass", 30.0, 0.0, 0.7071)),
        "Lead": (GainMove("Lead", 1.5),),
        "Drums": (PolarityMove("Drums"), DelayMove("Drums", 100.0)),
        MIX: (RemoveDevice(MIX, "Loud"), GainMove(MIX, -3.0), EqMove(MIX, "high-shelf", 6000.0, 2.0, 0.7071)),
    }
    assert set(moves) - {MIX} <= set(clean_tracks())
    file = tmp_path / "correction.json"
    file.write_text(Correction(RATE, tuple(Target(n, m) for n, m in moves.items())).to_json(), encoding="utf-8")
    out = tmp_path / "mended.dawproject"
    done = run("fix", song, "-o", out, "--apply", file, "--quiet", "--format", "json")
    assert done.err == ""
    was, later = rendered(song, tmp_path / "was"), rendered(out, tmp_path / "now")
    frames = was["Drums"].shape[1]
    assert later["Drums"].shape[1] == frames + 100  # the session ends with its last clip
    now = {name: x[:, :frames] for name, x in later.items()}
    down = 10 ** (-3 / 20)

    def filtered(x: Samples, *bands: EqMove) -> Samples:
        made = x.astype(float)
        for band in bands:
            made = sosfilt(sections(band, RATE), made, axis=1)
        return made.astype(np.float32)

    np.testing.assert_allclose(now["Lead"], down * 10 ** (1.5 / 20) * was["Lead"], atol=NULL)
    bands = [m for m in moves["Bass"] if isinstance(m, EqMove)]
    np.testing.assert_allclose(now["Bass"], down * filtered(was["Bass"], *bands), atol=NULL)
    np.testing.assert_allclose(now["Drums"][:, 100:frames], -down * was["Drums"][:, :-100], atol=NULL)
    untouched = next(n for n in clean_tracks() if n not in moves)
    np.testing.assert_allclose(now[untouched], down * was[untouched], atol=NULL)
    # The equaliser comes first on the master, and its limiter does nothing any more.
    shelf = moves[MIX][2]
    assert isinstance(shelf, EqMove)
    np.testing.assert_allclose(now["Mix"], filtered(now["Master input"], shelf), atol=4 * NULL)
    with open_session(out) as written:
        assert [d.enabled for d in written.master.inserts] == [True, False]


def test_missing_media_are_listed_and_the_audit_goes_on(tmp_path: Path) -> None:
    session = session_of(tmp_path, limiter=False)
    xml = tmp_path / "project.xml"
    write_new_dawproject(session, tmp_path / "song.dawproject")
    import zipfile

    with zipfile.ZipFile(tmp_path / "song.dawproject") as archive:
        xml.write_bytes(archive.read("project.xml"))
        archive.extractall(tmp_path / "all")
    (tmp_path / "all" / "project.xml").rename(tmp_path / "all" / "song.xml")
    lost = next((tmp_path / "all" / "audio").iterdir())
    for copy in tmp_path.glob("*.wav"):
        copy.unlink()
    lost.unlink()
    done = run("audit", tmp_path / "all" / "song.xml", "--format", "json", "--skip", "codec-peaks", "--quiet")
    assert done.code == 1
    report = done.json
    assert lost.name in report["inputs"][0]["partial"]
    assert report["ready"] is False
    media = next(f for f in report["findings"] if f["id"] == "media")
    assert media["status"] == "problem"
    assert lost.stem in {*(c["stem"] for c in media["cause"])}


def test_render_writes_a_manifest(song: Path, tmp_path: Path) -> None:
    made = run("render", song, "-o", tmp_path / "out", "--bits", "24", "--format", "json", "--quiet")
    manifest = made.json
    assert manifest == json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["partial"] is False
    assert {f["kind"] for f in manifest["files"]} == {"mix", "master input", "stem", "bus"}
    for file in manifest["files"]:
        _, source = read_audio(tmp_path / "out" / file["path"])
        assert (source.sample_rate, source.bit_depth) == (RATE, 24)
    text = run("render", song, "-o", tmp_path / "float", "--quiet")
    assert "played by our own limiter" in text.out
    assert read_audio(tmp_path / "float" / "mix.wav")[1].codec == "float"


def test_what_cannot_be_done_is_one_line(song: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    taken = tmp_path / "taken.dawproject"
    taken.write_bytes(b"mine")
    (tmp_path / "live.als").write_bytes(b"x")
    assert "exists already" in refused("fix", song, "-o", taken)
    assert "exists already" in refused("fix", song, "-o", song)
    assert taken.read_bytes() == b"mine"
    assert "written as .dawproject" in refused("fix", song, "-o", tmp_path / "a.rpp")
    assert "no folder" in refused("fix", song, "-o", tmp_path / "none" / "a.dawproject")
    assert "leave out --stems" in refused("fix", song, "--stems", tmp_path, "--dry-run")
    assert "not an empty folder" in refused("render", song, "-o", tmp_path / "full")
    assert "Live set" in refused("audit", tmp_path / "live.als")
    assert "no such file" in refused("audit", tmp_path / "gone.dawproject", code=3)
    assert "is a directory" in refused("audit", _folder(tmp_path / "dir.rpp"), code=3)
    assert "not a session" in refused("audit", _file(tmp_path / "notes.txt"))
    _file(_folder(tmp_path / "project") / "song.ardour")
    for command in (("audit",), ("fix", "--dry-run")):
        assert "a session; name that: " in refused(*command, tmp_path / "project")
    assert "no such folder" in refused("audit", song, "--allow-media", tmp_path / "gone")
    assert "no pan law" in refused("audit", song, "--pan-law", "7")
    assert "no genre" in refused("audit", song, "--genre", "polka")
    for name, content in (("empty", b""), ("text", b"hello"), ("zip", b"PK\x03\x04" + bytes(40))):
        path = tmp_path / f"{name}.dawproject"
        path.write_bytes(content)
        assert str(path) in refused("audit", path, code=3)


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _file(path: Path) -> Path:
    path.write_text("hello")
    return path
