"""Writing moves into DAWprojects: only what they change, and read again it is what was meant."""

from __future__ import annotations

import difflib
import shutil
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lxml import etree

from dsp.errors import InputError, UsageError
from plugin_bridge.files import read_audio
from plugin_bridge.sessions.dawproject import as_written, read_dawproject, write_dawproject
from plugin_bridge.sessions.dawproject.pack import _without
from plugin_bridge.sessions.dawproject.plan import differences
from plugin_bridge.sessions.dawproject.text import Edits
from plugin_bridge.sessions.dawproject.xml import parse
from plugin_bridge.sessions.model import Band, Clip, Device, Session, Track
from tests.test_dawproject_read import (
    AUDIO,
    DATA,
    FILE,
    MASTER,
    archive,
    corpus,
    project,
    slower,
    tone_wav,
    track,
    warps,
)  # fmt: skip

BANDS = (
    Band("bell", 300.0, -3.0, 1.2), Band("low-shelf", 80.0, 2.0), Band("high-shelf", 8000.0, -1.0, 0.9),
    Band("high-pass", 30.0), Band("high-pass-24", 25.0, 0.0, 0.8, False),
)  # fmt: skip
EQ = Device("MixDiagnose EQ", "equalizer", parameters={"output_gain_db": -1.5}, bands=BANDS)

#: A file as programs other than ours write them: single quotes, spaces, CRLF, comments, references, a mark.
ODD = """<?xml version='1.0' encoding='UTF-8' standalone="yes"?>\r
<!-- made by hand, with <Track> in a comment -->\r
<Project version='1.0'>\r
\t<Application name="x &amp; y" version="1" />\r
\t<Transport><Tempo id="tp" unit="bpm" value="120" /></Transport>\r
\t<Structure>\r
\t\t<Track id='t1' name='Bass &quot;DI&quot; &#xFC;' contentType="audio">\r
\t\t\t<Channel id='c1' destination='mc' role='regular' >\r
\t\t\t\t<Devices>\r
\t\t\t\t\t<Compressor deviceName="C" deviceRole="audioFX" id="d1"><Threshold unit="decibel" value="-20"/></Compressor>\r
\t\t\t\t</Devices>\r
\t\t\t\t<Volume max='1.0' unit='linear' value='0.5' id='v1' />\r
\t\t\t</Channel>\r
\t\t</Track>\r
\t\t<Track id='t2' name='Vox'><Channel id='c2'/></Track>\r
\t\t<Track id='t3' name='Keys'/>\r
\t\t<Track id='m' name='Master'><Channel id='mc' role='master'><Devices></Devices></Channel></Track>\r
\t</Structure>\r
\t<Arrangement>\r
\t\t<Lanes timeUnit='beats'>\r
\t\t\t<Clips track='t1'>\r
\t\t\t\t<Clip time='4' duration='8' playStart='0' name='one'><Clips>\r
\t\t\t\t\t<Clip time="0" duration="8" contentTimeUnit="seconds">AUDIO</Clip></Clips></Clip>\r
\t\t\t\t<Clip time='16' duration='8'>AUDIO</Clip>\r
\t\t\t</Clips>\r
\t\t\t<Clips track='t2'><Clip time='0.5' duration='4' fadeTimeUnit='beats' fadeOutTime='1'>AUDIO</Clip></Clips>\r
\t\t\t<Clips track='t3'><Clip time='0' duration='4'>AUDIO</Clip></Clips>\r
\t\t\t<Points track='t1' unit="decibel"><Target parameter='v1'/>\r
\t\t\t\t<RealPoint time='0' value='-12.0' interpolation='linear'/><RealPoint time='8' value='-inf'/></Points>\r
\t\t</Lanes>\r
\t</Arrangement>\r
</Project>\r
<!-- the end -->\r
""".replace("AUDIO", AUDIO)


class Case:
    """A session in a folder, read, and what moves make of it."""

    def __init__(self, folder: Path, xml: str = ODD, name: str = "song.dawproject") -> None:
        self.folder, self.source, self.out = folder, folder / name, folder / f"out{Path(name).suffix}"
        data = tone_wav(folder / "tone.wav", 44100 * 8).read_bytes()
        if name.endswith(".xml"):
            self.source.write_bytes(xml.encode())
            (folder / "audio").mkdir()
            (folder / "audio" / "a.wav").write_bytes(data)
        else:
            archive(self.source, b"\xef\xbb\xbf" + xml.encode(), {"audio/a.wav": data, "other/notes.txt": b"keep me"})
        self.before = self.read(self.source)

    def read(self, path: Path) -> Session:
        return read_dawproject(path, media_dir=self.folder / f"media-{path.stem}")

    def write(self, after: Session) -> Session:
        """Write, and read again what must be as meant."""
        write_dawproject(self.source, self.before, after, self.out)
        made = self.read(self.out)
        assert not differences(as_written(self.source, self.before, after, self.out), made)
        return made

    def lines(self, path: Path | None = None) -> list[str]:
        path = path or self.out
        data = path.read_bytes() if path.suffix == ".xml" else zipfile.ZipFile(path).read("project.xml")
        return data.decode().splitlines(keepends=True)

    def changed(self) -> tuple[list[str], list[str]]:
        """Lines that went, and lines that came."""
        diff = list(difflib.unified_diff(self.lines(self.source), self.lines(), n=0))[2:]
        return [d[1:] for d in diff if d[0] == "-"], [d[1:] for d in diff if d[0] == "+"]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def with_track(session: Session, track_id: str, change: Callable[[Track], Track]) -> Session:
    tracks = tuple(change(t) if t.id == track_id else t for t in session.tracks)
    return replace(
        session, tracks=tracks, master=change(session.master) if session.master.id == track_id else session.master
    )


def faded(t: Track, factor: float) -> Track:
    return replace(t, fader=t.fader * factor, volume=tuple(replace(p, value=p.value * factor) for p in t.volume))


def shifted(c: Clip, by_s: float) -> Clip:
    cut = max(0.0, -(c.position_s + by_s))
    envelope = tuple(replace(p, time_s=p.time_s - cut) for p in c.envelope)
    return replace(
        c, position_s=max(0.0, c.position_s + by_s), offset_s=c.offset_s + cut * c.rate, length_s=c.length_s - cut,
        envelope=envelope,
    )  # fmt: skip


def test_nothing_changed_is_the_same_file(case: Case) -> None:
    made = case.write(case.before)
    assert not differences(case.before, made)
    assert case.lines() == case.lines(case.source)
    one, other = zipfile.ZipFile(case.source), zipfile.ZipFile(case.out)
    assert [(i.filename, i.date_time, i.CRC, i.compress_type, i.compress_size) for i in one.infolist()] == [
        (i.filename, i.date_time, i.CRC, i.compress_type, i.compress_size) for i in other.infolist()
    ]
    assert other.testzip() is None
    assert not [p for p in case.folder.iterdir() if p.suffix == ".part"]


def test_a_fader_and_its_automation(case: Case) -> None:
    made = case.write(with_track(case.before, "t1", lambda t: faded(t, 1.5)))
    assert made.tracks[0].fader == 0.75
    gone, came = case.changed()
    assert len(gone) == len(came) == 2
    assert came[0] == gone[0].replace("'0.5'", "'0.75'")
    assert "value='-INF'" in came[1]


def test_a_fader_above_its_own_top_raises_that_to_two(case: Case) -> None:
    made = case.write(with_track(case.before, "t1", lambda t: faded(t, 3.0)))
    assert made.tracks[0].fader == 1.5
    assert any("max='2.0'" in line for line in case.changed()[1])


def test_a_fader_above_two_is_an_equaliser_too(case: Case) -> None:
    made = case.write(with_track(case.before, "t1", lambda t: faded(t, 5.0)))
    assert made.tracks[0].fader == 2.0
    rest = made.tracks[0].inserts[-1]
    assert rest.name == "MixDiagnose EQ"
    assert rest.parameters == pytest.approx({"output_gain_db": 20 * np.log10(1.25)})
    assert [p.value for p in made.tracks[0].volume] == pytest.approx([4.0 * 10 ** (-12 / 20), 0.0])


def test_above_two_is_refused_before_pre_fader_sends(tmp_path: Path) -> None:
    sends = '<Sends><Send destination="mc" type="pre"><Volume unit="linear" value="1"/></Send></Sends>'
    case = Case(tmp_path, project(track(sends) + MASTER))
    with pytest.raises(UsageError, match=r"'T': its fader would go to .9\.5 dB"):
        case.write(with_track(case.before, "t", lambda t: faded(t, 3.0)))
    assert not case.out.exists()


@pytest.mark.parametrize("which", ["t2", "t3", "m"])
def test_a_fader_that_was_not_there(case: Case, which: str) -> None:
    made = case.write(with_track(case.before, which, lambda t: replace(t, fader=0.5)))
    assert made.track(which).fader == 0.5
    gone, came = case.changed()
    assert len(gone) == 1
    assert sum("<Volume" in line for line in came) == 1


@pytest.mark.parametrize("which", ["t1", "t2", "t3", "m"])
@pytest.mark.parametrize("first", [True, False])
def test_equalisers_are_added(case: Case, which: str, first: bool) -> None:
    def add(t: Track) -> Track:
        return replace(t, inserts=(EQ, *t.inserts) if first else (*t.inserts, EQ, EQ))

    made = case.write(with_track(case.before, which, add))
    assert not differences(add(case.before.track(which)).inserts, made.track(which).inserts)
    ids = [e.get("id") for e in parse("".join(case.lines()).lstrip("\ufeff"), "x").iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    if which == "t1":
        gone, came = case.changed()
        assert not gone
        assert came[0].startswith("\t\t\t\t\t<Equalizer")
        assert all(line.endswith("\r\n") for line in came)


def test_devices_are_switched(case: Case) -> None:
    def off(t: Track) -> Track:
        return replace(t, inserts=(*(replace(d, enabled=False) for d in t.inserts), EQ))

    once = case.write(with_track(case.before, "t1", off))
    assert [d.enabled for d in once.tracks[0].inserts] == [False, True]
    case.source, case.before, case.out = case.out, once, case.folder / "again.dawproject"
    twice = case.write(
        with_track(
            once, "t1", lambda t: replace(t, inserts=tuple(replace(d, enabled=not d.enabled) for d in t.inserts))
        )
    )
    assert [d.enabled for d in twice.tracks[0].inserts] == [True, False]
    gone, came = case.changed()
    assert len(gone) == len(came) == 2


@pytest.mark.parametrize("by_s", [13 / 44100, -13 / 44100, 0.37])
def test_clips_move(case: Case, by_s: float) -> None:
    after = with_track(case.before, "t1", lambda t: replace(t, clips=tuple(shifted(c, by_s) for c in t.clips)))
    made = case.write(after)
    for was, now in zip(case.before.tracks[0].clips, made.tracks[0].clips, strict=True):
        assert now.position_s - was.position_s == pytest.approx(by_s, abs=1e-9)
        assert (now.length_s, now.offset_s) == pytest.approx((was.length_s, was.offset_s), abs=1e-9)
    gone, came = case.changed()
    assert len(gone) == len(came) == 2


@pytest.mark.parametrize("which", ["t2", "t3"])
def test_clips_that_would_start_before_the_song_are_cut(case: Case, which: str) -> None:
    made = case.write(
        with_track(case.before, which, lambda t: replace(t, clips=tuple(shifted(c, -0.4) for c in t.clips)))
    )
    (was,), (now,) = case.before.track(which).clips, made.track(which).clips
    cut = 0.4 - was.position_s
    assert (now.position_s, now.offset_s, now.length_s) == pytest.approx((0.0, cut, was.length_s - cut), abs=1e-9)


def test_a_move_across_a_tempo_change(tmp_path: Path) -> None:
    clip = f'<Clips track="t"><Clip time="6" duration="4" contentTimeUnit="seconds">{AUDIO}</Clip></Clips>'
    case = Case(tmp_path, project(track() + MASTER, clip, unit="beats", more=slower(8)))
    made = case.write(with_track(case.before, "t", lambda t: replace(t, clips=tuple(shifted(c, 0.5) for c in t.clips))))
    (was,), (now,) = case.before.tracks[0].clips, made.tracks[0].clips
    assert (now.position_s, now.length_s) == pytest.approx((was.position_s + 0.5, was.length_s))


def test_warped_audio_that_a_move_would_bend_is_refused(tmp_path: Path) -> None:
    clip = f'<Clips track="t"><Clip time="0" duration="8">{warps([(0, 0), (8, 4)])}</Clip></Clips>'
    case = Case(tmp_path, project(track() + MASTER, clip, unit="beats", more=slower(8)))
    with pytest.raises(UsageError, match="cannot hold"):
        case.write(with_track(case.before, "t", lambda t: replace(t, clips=tuple(shifted(c, 0.5) for c in t.clips))))
    assert not case.out.exists()


@pytest.mark.parametrize("whole", [True, False])
def test_polarity_is_in_the_audio(case: Case, whole: bool) -> None:
    """Both tracks play the same file; one of them is turned over."""

    def turn(t: Track) -> Track:
        if whole:
            return replace(t, inverted=(True, True))
        return replace(t, clips=tuple(replace(c, inverted=True) for c in t.clips))

    made = case.write(with_track(case.before, "t1", turn))
    plain = read_audio(case.before.tracks[0].clips[0].media[0].file or "")[0].samples
    for clip in made.tracks[0].clips:
        assert (clip.media[0].name, clip.inverted) == ("audio/inverted/a.wav", False)
        assert np.array_equal(read_audio(clip.media[0].file or "")[0].samples, -plain)
    assert made.tracks[1].clips[0].media[0].name == "audio/a.wav"
    assert [c.name for c in made.tracks[0].clips] == [c.name for c in case.before.tracks[0].clips]


def test_the_lowest_integer_is_inverted_exactly(tmp_path: Path) -> None:
    import wave

    case = Case(tmp_path)
    with wave.open(str(tmp_path / "low.wav"), "wb") as file:
        file.setparams((1, 2, 44100, 0, "NONE", ""))
        file.writeframes(np.array([-32768, 32767, 0, 5], "<i2").tobytes())
    xml = project(track() + MASTER, f'<Clips track="t"><Clip time="0" duration="1">{AUDIO}</Clip></Clips>')
    archive(case.source, xml, {"audio/a.wav": (tmp_path / "low.wav").read_bytes()})
    shutil.rmtree(case.folder / "media-song")
    case.before = case.read(case.source)
    made = case.write(with_track(case.before, "t", lambda t: replace(t, inverted=(True, True))))
    samples = read_audio(made.tracks[0].clips[0].media[0].file or "")[0].samples[0]
    assert samples.tolist() == [1.0, -32767 / 32768, 0.0, -5 / 32768]


def test_an_alias_is_not_inverted_alone(tmp_path: Path) -> None:
    clips = (
        f'<Clips track="t"><Clip time="0" duration="1"><Lanes id="L">{AUDIO}</Lanes></Clip>'
        '<Clip time="5" duration="2" reference="L"/></Clips>'
    )
    case = Case(tmp_path, project(track() + MASTER, clips))
    first, second = case.before.tracks[0].clips
    after = with_track(case.before, "t", lambda t: replace(t, clips=(replace(first, inverted=True), second)))
    with pytest.raises(UsageError):
        case.write(after)
    case.write(with_track(case.before, "t", lambda t: replace(t, inverted=(True, True))))


def refused_changes() -> dict[str, Callable[[Session], Session]]:
    def on(track_id: str, **changes: object) -> Callable[[Session], Session]:
        return lambda s: with_track(s, track_id, lambda t: replace(t, **changes))  # type: ignore[arg-type]

    return {
        "pan": on("t1", pan=0.5),
        "a bus is inverted": on("m", inverted=(True, True)),
        "one side is inverted": on("t1", inverted=(True, False)),
        "a device is gone": on("t1", inserts=()),
        "a device is another": on("t1", inserts=(EQ,)),
        "a band of no such kind": on("t1", inserts=(EQ, replace(EQ, bands=(Band("all-pass", 100.0),)))),
        "a clip is gone": on("t1", clips=()),
        "a track is gone": lambda s: replace(s, tracks=s.tracks[1:]),
        "trim": on("t1", trim=0.5),
        "tempo": lambda s: replace(s, tempos=(replace(s.tempos[0], bpm=99.0),)),
    }


@pytest.mark.parametrize("what", refused_changes())
def test_other_changes_are_refused(case: Case, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        case.write(refused_changes()[what](case.before))
    assert "\n" not in str(caught.value)
    assert not list(case.folder.glob("*out*"))


def test_inner_clips_do_not_move_apart(tmp_path: Path) -> None:
    inner = "".join(f'<Clip time="{t}" duration="1">{AUDIO}</Clip>' for t in (0, 1))
    case = Case(
        tmp_path,
        project(
            track() + MASTER, f'<Clips track="t"><Clip time="9" duration="2"><Clips>{inner}</Clips></Clip></Clips>'
        ),
    )
    first, second = case.before.tracks[0].clips
    with pytest.raises(UsageError, match="move apart"):
        case.write(with_track(case.before, "t", lambda t: replace(t, clips=(shifted(first, 0.5), second))))


def test_a_source_that_changed_since_is_refused(case: Case) -> None:
    archive(case.source, project(track() + MASTER))
    with pytest.raises((InputError, UsageError)):
        case.write(case.before)


def test_offline_audio_cannot_be_inverted(tmp_path: Path) -> None:
    case = Case(tmp_path)
    archive(case.source, ODD)
    case.before = case.read(case.source)
    with pytest.raises(UsageError, match="offline"):
        case.write(with_track(case.before, "t1", lambda t: replace(t, inverted=(True, True))))
    case.write(with_track(case.before, "t1", lambda t: faded(t, 0.5)))


def test_a_bare_project(tmp_path: Path) -> None:
    case = Case(tmp_path, ODD, "project.xml")
    made = case.write(with_track(case.before, "t1", lambda t: replace(faded(t, 0.5), inserts=(*t.inserts, EQ))))
    assert made.tracks[0].clips[0].media[0].file == tmp_path / "audio" / "a.wav"
    case.out = tmp_path / "x.xml"
    with pytest.raises(UsageError, match="no archive"):
        case.write(with_track(case.before, "t1", lambda t: replace(t, inverted=(True, True))))


@pytest.mark.parametrize("name", ["song.dawproject", "project.xml"])
def test_external_audio_is_found_from_another_folder(tmp_path: Path, name: str) -> None:
    home = tmp_path / "kept"
    home.mkdir()
    external = AUDIO.replace(FILE, '<File path="audio\\a.wav" external="true"/>')
    xml = project(track() + MASTER, f'<Clips track="t"><Clip time="0" duration="1">{external}</Clip></Clips>')
    case = Case(home, xml, name)
    (home / "audio").mkdir(exist_ok=True)
    wanted = tone_wav(home / "audio" / "a.wav")
    case.before = case.read(case.source)
    assert case.before.tracks[0].clips[0].media[0].file == wanted
    (tmp_path / "fixed").mkdir()
    out = tmp_path / "fixed" / f"out{Path(name).suffix}"
    write_dawproject(case.source, case.before, with_track(case.before, "t", lambda t: faded(t, 0.5)), out)
    media = read_dawproject(out, [home], media_dir=tmp_path / "m").tracks[0].clips[0].media[0]
    assert (media.name, media.file) == ("../kept/audio/a.wav", wanted)


def test_sizes_after_the_data_and_comments_survive(case: Case) -> None:
    """An archive written as a stream: sizes stand behind the data of each file."""

    class Pipe:
        def __init__(self, path: Path) -> None:
            self.file = path.open("wb")

        def write(self, data: bytes) -> int:
            return self.file.write(data)

        def flush(self) -> None:
            self.file.flush()

    data = zipfile.ZipFile(case.source).read("audio/a.wav")
    pipe = Pipe(case.source)
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as z:  # type: ignore[call-overload]
        z.comment = "größer".encode()
        z.writestr("audio/ä.txt", "text")
        z.writestr("project.xml", ODD)
        z.writestr("audio/a.wav", data)
    pipe.file.close()
    assert zipfile.ZipFile(case.source).infolist()[0].flag_bits & 8
    case.before = case.read(case.source)
    case.write(with_track(case.before, "t1", lambda t: faded(t, 0.5)))
    made = zipfile.ZipFile(case.out)
    assert (made.testzip(), made.comment, made.read("audio/a.wav")) == (None, "größer".encode(), data)
    assert made.namelist() == ["audio/ä.txt", "project.xml", "audio/a.wav"]
    for info in made.infolist():  # programs that read an archive from its start need the sizes there
        assert not info.flag_bits & 8
        header = case.out.read_bytes()[info.header_offset :][:26]
        assert struct.unpack("<LL", header[18:26]) == (info.compress_size, info.file_size)


def test_large_sizes_are_not_kept_twice() -> None:
    date, large = struct.pack("<HHB", 0x5455, 1, 7), struct.pack("<HHQ", 1, 8, 1 << 33)
    assert _without(date + large + date, 1) == date + date


def test_edits_of_odd_xml() -> None:
    text = "<?xml version='1.0'?><!-- <a x='1'/> --><a x='1' y = \"&lt;>\" ><b/><![CDATA[<c>]]><d z='/>'></d></a>"
    root = etree.fromstring(text.encode())
    edits = Edits(text, root)
    b, d = root
    edits.set(root, "x", "it's <&>")
    edits.set(root, "y", "2")
    edits.set(b, "new", "3")
    edits.set(b, "new", "4")
    edits.add(b, None, etree.Element("e"))
    edits.add(d, None, etree.Element("f"))
    edits.add(root, d, etree.Element("g", q='"\n'))
    made = edits.text()
    assert made == (
        "<?xml version='1.0'?><!-- <a x='1'/> --><a x='it&#39;s &lt;&amp;&gt;' y = \"2\" ><b new=\"4\"><e/></b>"
        "<![CDATA[<c>]]><g q=\"&#34;&#10;\"/><d z='/>'><f/></d></a>"
    )
    assert etree.fromstring(made.encode())[1].get("q") == '"\n'


@pytest.mark.corpus
@corpus
@pytest.mark.parametrize("name", ["peer_written_francium6", "bitwig_readme_example_media_missing"])
def test_real_sessions_gain_no_faults(tmp_path: Path, name: str) -> None:
    """What the schema finds wrong in a file is all it finds wrong in what is written."""
    schema = etree.XMLSchema(etree.parse(str(DATA / "Project.xsd")))
    source, out = DATA / f"{name}.dawproject", tmp_path / "out.dawproject"
    before = read_dawproject(source, media_dir=tmp_path / "m")
    change: Callable[[Track], Track] = lambda t: replace(  # noqa: E731
        faded(t, 0.9),
        inserts=(EQ, *(replace(d, enabled=False) for d in t.inserts), EQ),
        clips=tuple(shifted(c, 0.01) for c in t.clips),
        inverted=(True, True) if t.clips and t.clips[0].media[0].file else (),
    )
    after = replace(before, tracks=tuple(change(t) for t in before.tracks), master=change(before.master))
    write_dawproject(source, before, after, out)
    made = read_dawproject(out, media_dir=tmp_path / "n")
    assert not differences(as_written(source, before, after, out), made)

    def faults(path: Path) -> set[str]:
        schema.validate(etree.fromstring(zipfile.ZipFile(path).read("project.xml")))
        return {e.message for e in schema.error_log}  # type: ignore[attr-defined]

    assert faults(out) == faults(source)
    one, other = zipfile.ZipFile(source), zipfile.ZipFile(out)
    for info in one.infolist():
        if info.filename != "project.xml":
            assert other.read(info.filename) == one.read(info.filename)
