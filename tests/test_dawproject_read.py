"""Reading DAWprojects: values in every unit, routing, nested and warped clips, automation, and bad files."""

from __future__ import annotations

import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dsp.errors import InputError
from plugin_bridge.sessions.dawproject import read_dawproject
from plugin_bridge.sessions.dawproject.time import beats_of
from plugin_bridge.sessions.model import Clip, Fade, Point, Session, Track, seconds_of

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "sessions" / "dawproject"
MASTER = '<Track id="m" name="Master"><Channel role="master" id="mc"/></Track>'
FILE = '<File path="audio/a.wav"/>'
AUDIO = f'<Audio channels="2" duration="8.0" sampleRate="44100" timeUnit="seconds">{FILE}</Audio>'


def project(
    structure: str = "", arrangement: str = "", transport: str = "", unit: str = "seconds", more: str = ""
) -> str:
    """A project.xml; `arrangement` goes into its lanes, `more` behind them."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Project version="1.0"><Application name="t" version="1"/>'
        f"<Transport>{transport}</Transport><Structure>{structure}</Structure>"
        f'<Arrangement><Lanes timeUnit="{unit}">{arrangement}</Lanes>{more}</Arrangement></Project>'
    )


def slower(beat: int) -> str:
    """From 120 to 60 BPM at a beat."""
    return (
        '<TempoAutomation timeUnit="beats"><Target parameter="tp"/><RealPoint time="0" value="120"/>'
        f'<RealPoint time="{beat}" value="60"/></TempoAutomation>'
    )


def equalizer(band: str) -> str:
    return track(f"<Devices><Equalizer><Band type='bell'>{band}</Band></Equalizer></Devices>")


def track(channel: str = "", name: str = "T", attributes: str = "", inner: str = "") -> str:
    return f'<Track id="t" name="{name}"><Channel id="tc" {attributes}>{channel}</Channel>{inner}</Track>'


def tone_wav(path: Path, frames: int = 4410, rate: int = 44100, channels: int = 2) -> Path:
    samples = np.random.default_rng(frames).integers(-20_000, 20_000, (frames, channels), dtype="<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def archive(path: Path, xml: str | bytes, files: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("project.xml", xml)
        for name, data in (files or {}).items():
            z.writestr(name, data)
    return path


def read(tmp_path: Path, xml: str | bytes, files: dict[str, bytes] | None = None) -> Session:
    return read_dawproject(archive(tmp_path / "s.dawproject", xml, files), media_dir=tmp_path / "media")


def read_track(tmp_path: Path, channel: str, **more: str) -> tuple[Track, tuple[str, ...]]:
    session = read(tmp_path, project(track(channel, **more) + MASTER))
    return session.tracks[0], session.unread


def clips(
    tmp_path: Path, arrangement: str, unit: str = "seconds", transport: str = "", more: str = ""
) -> tuple[Clip, ...]:
    inner = f'<Lanes track="t">{arrangement}</Lanes>'
    return read(tmp_path, project(track() + MASTER, inner, transport, unit, more)).tracks[0].clips


def times(clip: Clip) -> tuple[float, ...]:
    return tuple(round(x, 9) for x in (clip.position_s, clip.length_s, clip.offset_s, clip.rate))


@pytest.mark.parametrize(
    ("attributes", "gain", "noted"),
    [
        ('value="0.659140" unit="linear" max="2"', 0.65914, False),
        ('value="-6.0" unit="decibel"', 10 ** (-6 / 20), False),
        ('value="-inf" unit="decibel"', 0.0, False),
        ('value="-Infinity" unit="decibel"', 0.0, False),
        ('value="50" unit="percent"', 0.5, True),
        ('value="0.5" unit="percent"', 0.5, True),
        ('value="1" unit="percent" max="100"', 0.01, True),
        ('value="0.5" unit="normalized"', 0.5, True),
        ('value="0.8"', 0.8, True),
        ('unit="linear"', 1.0, False),
    ],
)
def test_volume_in_every_unit(tmp_path: Path, attributes: str, gain: float, noted: bool) -> None:
    found, unread = read_track(tmp_path, f"<Volume {attributes}/>")
    assert found.fader == pytest.approx(gain, rel=1e-12, abs=0.0)
    assert bool(unread) == noted
    assert all("'T'" in line for line in unread)


@pytest.mark.parametrize(
    ("attributes", "pan", "noted"),
    [
        ('value="0.5" unit="normalized" min="0" max="1"', 0.0, False),
        ('value="0.3" unit="normalized"', -0.4, False),
        ('value="-0.25" unit="linear"', -0.25, False),
        ('value="0.75" unit="linear" min="0" max="1"', 0.5, False),
        ('value="0.75" unit="normalized" min="-1" max="1"', 0.75, False),
        ('value="-50" unit="percent"', -0.5, False),
        ('value="75" unit="percent" min="0" max="100"', 0.5, False),
        ('value="0.75"', 0.5, True),
        ('value="-0.75"', -0.75, True),
        ('value="1.5" unit="normalized"', 1.0, True),
    ],
)
def test_pan_in_every_unit(tmp_path: Path, attributes: str, pan: float, noted: bool) -> None:
    found, unread = read_track(tmp_path, f"<Pan {attributes}/>")
    assert found.pan == pytest.approx(pan, abs=1e-12)
    assert bool(unread) == noted


def test_a_fader_is_the_number_of_the_file(tmp_path: Path) -> None:
    found, _ = read_track(
        tmp_path, '<Mute value="true"/><Volume value="0.177125" unit="linear"/>', attributes='solo="true"'
    )
    assert (found.fader, found.muted, found.soloed, found.pan_law) == (0.177125, True, True, "balance")


DEVICES = """<Devices>
<Equalizer deviceName="EQ" deviceRole="audioFX" id="d1"><Enabled value="false"/>
 <Band type="bell" order="0"><Freq unit="semitones" value="81"/>
  <Gain unit="decibel" value="6"/><Q unit="linear" value="2"/></Band>
 <Band type="highPass" order="4"><Freq unit="hertz" value="40"/><Enabled value="false"/></Band>
 <Band type="lowShelf"><Freq value="100"/><Gain value="-2"/></Band>
 <Band type="bandPass"><Freq unit="hertz" value="40"/></Band>
 <Band type="notch"><Freq unit="normalized" value="0.4"/></Band>
 <InputGain unit="decibel" value="1"/><OutputGain unit="linear" value="0.5"/></Equalizer>
<Compressor deviceName="C" deviceRole="audioFX"><Attack unit="seconds" value="0.01"/><AutoMakeup value="true"/>
 <Ratio unit="percent" value="75" max="100"/><Release value="100"/><Threshold unit="decibel" value="-20"/></Compressor>
<Compressor deviceName="C2" deviceRole="audioFX"><Ratio unit="percent" value="0.6"/></Compressor>
<Compressor deviceName="C3" deviceRole="audioFX"><Ratio unit="linear" value="4"/></Compressor>
<Compressor deviceName="C4" deviceRole="audioFX"><Ratio unit="percent" value="100"/></Compressor>
<NoiseGate deviceName="G" deviceRole="audioFX"><Range unit="decibel" value="-inf"/>
 <Threshold unit="decibel" value="-50"/></NoiseGate>
<Limiter deviceName="L" deviceRole="audioFX"><InputGain value="6.0"/><Threshold value="-6"/></Limiter>
<Vst3Plugin deviceID="ABC" deviceName="P" deviceRole="audioFX" deviceVendor="V" name="Mine">
 <Parameters><RealParameter name="Mix" unit="linear" value="0.3"/>
  <BoolParameter parameterID="7" value="true"/></Parameters>
 <State path="plugins/p.vstpreset"/></Vst3Plugin>
<ClapPlugin deviceID="org.synth" deviceName="S" deviceRole="instrument"/>
<Vst2Plugin deviceID="1" deviceName="A" deviceRole="noteFX"/>
<BuiltinDevice deviceName="B" deviceRole="audioFX"/>
</Devices>"""


def test_devices_in_our_terms(tmp_path: Path) -> None:
    xml = project(track(DEVICES) + MASTER)
    session = read(tmp_path, xml, {"plugins/p.vstpreset": b"state"})
    eq, c, c2, c3, c4, gate, limiter, plugin, synth, note, builtin = session.tracks[0].inserts
    assert (eq.kind, eq.enabled) == ("equalizer", False)
    assert eq.parameters == pytest.approx({"input_gain_db": 1.0, "output_gain_db": 20 * np.log10(0.5)})
    assert [(b.kind, round(b.frequency_hz, 6), b.gain_db, b.q, b.enabled) for b in eq.bands] == [
        ("bell", 880.0, 6.0, 2.0, True), ("high-pass-24", 40.0, 0.0, 0.7071, False),
        ("low-shelf", 100.0, -2.0, 0.7071, True),
    ]  # fmt: skip
    assert c.parameters == pytest.approx(
        {"attack_s": 0.01, "auto_makeup": 1.0, "ratio": 4.0, "release_s": 0.1, "threshold_db": -20.0}
    )
    assert [d.parameters["ratio"] for d in (c2, c3, c4)] == pytest.approx([2.5, 4.0, 1000.0])
    assert (gate.kind, gate.parameters) == ("gate", {"range_db": -150.0, "threshold_db": -50.0})
    assert limiter.parameters == {"input_gain_db": 6.0, "threshold_db": -6.0}
    assert (plugin.name, plugin.kind, plugin.plugin_id, plugin.vendor, plugin.state) == (
        "Mine",
        "vst3",
        "ABC",
        "V",
        b"state",
    )
    assert plugin.parameters == {"Mix": 0.3, "parameter 7": 1.0}
    assert [(d.kind, d.plugin_id) for d in (synth, note, builtin)] == [
        ("instrument", "org.synth"),
        ("other", "1"),
        ("other", ""),
    ]
    for words in ("bandPass band is not played", "not known in Hz", "Release: its unit is missing; it is read as milli",
                  "'A' changes notes", "Threshold: its unit is missing; it is read as dB"):  # fmt: skip
        assert any(words in line for line in session.unread), words


ROUTING = """
<Track id="g" name="Group" contentType="tracks"><Channel id="gc" role="master" destination="mc"/>
  <Track id="a" name="A"><Channel id="ac" audioChannels="1"/></Track>
  <Track id="b" name="B"><Channel id="bc" destination="mc"/></Track>
  <Track id="f" name="Folder"><Track id="c" name="C"><Channel id="cc" destination="nowhere"/></Track></Track>
</Track>
<Track id="d" name="D"><Channel id="dc"><Sends>
  <Send destination="fxc" type="pre"><Enable value="false"/><Pan unit="normalized" value="1"/>
   <Volume unit="decibel" value="-20"/></Send>
  <Send destination="x"><Volume unit="linear" value="1"/></Send></Sends></Channel></Track>
<Track id="fx" name="Reverb"><Channel id="fxc" role="effect" destination="sc"/></Track>
<Channel id="sc" name="Sub" role="submix"/>
<Track id="v" name="All" ><Channel id="vc" role="vca"/></Track>
"""


def test_routing(tmp_path: Path) -> None:
    session = read(tmp_path, project(ROUTING + MASTER))
    found = {t.name: (t.id, t.kind, t.output, t.parent, t.channels) for t in session.channels}
    assert found == {
        "Group": ("g", "group", "m", None, 2), "A": ("a", "track", "g", "g", 1), "B": ("b", "track", "m", "g", 2),
        "C": ("c", "track", "g", "g", 2), "D": ("d", "track", "m", None, 2), "Reverb": ("fx", "bus", "sc", None, 2),
        "Sub": ("sc", "bus", "m", None, 2), "Master": ("m", "master", None, None, 2),
    }  # fmt: skip
    (send,) = session.track("d").sends
    assert (send.target, round(send.gain, 9), send.pan, send.pre, send.enabled) == ("fx", 0.1, 1.0, True, False)
    for words in ("'All': a VCA", "'C': its output leads nowhere", "'D': send 2 leads nowhere"):
        assert any(words in line for line in session.unread), words


def test_a_master_is_made_where_there_is_none(tmp_path: Path) -> None:
    session = read(tmp_path, project('<Track id="master" name="T"><Channel/></Track>'))
    assert session.master.kind == "master"
    assert session.tracks[0].output == session.master.id != session.tracks[0].id == "master"


def test_a_clip_in_seconds_is_exact(tmp_path: Path) -> None:
    (clip,) = clips(
        tmp_path,
        f'<Clips><Clip time="1.1" duration="2.3" playStart="0.7" fadeTimeUnit="seconds" fadeInTime="0.1" '
        f'fadeOutTime="0.3" '
        f'enable="false" name="Take">{AUDIO}</Clip></Clips>',
    )
    assert (clip.position_s, clip.length_s, clip.offset_s, clip.rate, clip.name) == (1.1, 2.3, 0.7, 1.0, "Take")
    assert (clip.fade_in, clip.fade_out, clip.muted) == (Fade(0.1), Fade(0.3), True)
    assert clip.media[0].why == "the archive does not hold it"


def test_beats_at_one_tempo(tmp_path: Path) -> None:
    tempo = '<Tempo id="tp" unit="bpm" value="120"/>'
    (clip,) = clips(
        tmp_path,
        f'<Clips><Clip time="4" duration="8" contentTimeUnit="seconds" playStart="1" fadeTimeUnit="beats" '
        f'fadeInTime="1">{AUDIO}'
        "</Clip></Clips>",
        "beats", tempo,
    )  # fmt: skip
    assert times(clip) == (2.0, 4.0, 1.0, 1.0)
    assert clip.fade_in == Fade(0.5)


def test_clips_in_clips(tmp_path: Path) -> None:
    """The outer clip shows from 2 to 6 of its content: the tail of the first, the head of the second."""
    inner = "".join(f'<Clip time="{t}" duration="3" playStart="0.5" name="{t}">{AUDIO}</Clip>' for t in (0, 5))
    found = clips(tmp_path, f'<Clips><Clip time="10" duration="4" playStart="2"><Clips>{inner}</Clips></Clip></Clips>')
    assert [(c.name, *times(c)) for c in found] == [("0", 10.0, 1.0, 2.5, 1.0), ("5", 13.0, 1.0, 0.5, 1.0)]


def test_an_outer_fade_runs_through_what_is_inside(tmp_path: Path) -> None:
    inner = "".join(f'<Clip time="{t}" duration="1">{AUDIO}</Clip>' for t in (0, 1))
    first, second = clips(
        tmp_path,
        f'<Clips><Clip time="10" duration="2" fadeInTime="1.5" fadeOutTime="0.5" enable="false">'
        f"<Clips>{inner}</Clips></Clip></Clips>",
    )
    assert (first.fade_in, first.fade_out, first.muted) == (Fade(1.5), None, True)
    assert second.envelope == (Point(-1.0, 0.0), Point(0.5, 1.0))
    assert second.fade_out == Fade(0.5)


def test_a_negative_fade_is_a_crossfade(tmp_path: Path) -> None:
    (clip,) = clips(
        tmp_path, f'<Clips><Clip time="3" duration="2" playStart="1" fadeInTime="-0.5">{AUDIO}</Clip></Clips>'
    )
    assert times(clip) == (2.5, 2.5, 0.5, 1.0)
    assert clip.fade_in == Fade(0.5)


def warps(points: list[tuple[float, float]], content: str = "seconds", algorithm: str = "stretch") -> str:
    audio = AUDIO.replace("<Audio", f'<Audio algorithm="{algorithm}"')
    rows = "".join(f'<Warp time="{a}" contentTime="{b}"/>' for a, b in points)
    return f'<Warps timeUnit="beats" contentTimeUnit="{content}">{audio}{rows}</Warps>'


def test_warps(tmp_path: Path) -> None:
    """Eight beats at 120 BPM take four seconds; of two of audio, that is half speed."""
    for algorithm, kept in (("stretch", True), ("repitch", False)):
        inner = warps([(0, 0), (8, 2)], algorithm=algorithm)
        (clip,) = clips(tmp_path, f'<Clips><Clip time="4" duration="4" playStart="2">{inner}</Clip></Clips>', "beats")
        assert times(clip) == (2.0, 2.0, 0.5, 0.5)
        assert clip.pitch_kept is kept


def test_several_speeds_are_several_clips(tmp_path: Path) -> None:
    found = clips(
        tmp_path,
        f'<Clips><Clip time="0" duration="8">{warps([(0, 0), (2, 1), (4, 2), (8, 3)])}</Clip></Clips>',
        "beats",
    )
    assert [times(c) for c in found] == [(0.0, 2.0, 0.0, 1.0), (2.0, 2.0, 2.0, 0.5)]


def test_warps_from_beats_to_beats(tmp_path: Path) -> None:
    (clip,) = clips(
        tmp_path, f'<Clips><Clip time="0" duration="4">{warps([(0, 0), (4, 8)], "beats")}</Clip></Clips>', "beats"
    )
    assert times(clip) == (0.0, 2.0, 0.0, 2.0)


def test_warped_audio_follows_the_tempo(tmp_path: Path) -> None:
    """120 BPM for four beats, then 60: the same beats take twice as long."""
    tempos = slower(4)
    found = clips(
        tmp_path, f'<Clips><Clip time="0" duration="8">{warps([(0, 0), (8, 4)])}</Clip></Clips>', "beats",
        '<Tempo id="tp" unit="bpm" value="120"/>', tempos,
    )  # fmt: skip
    assert [times(c) for c in found] == [(0.0, 2.0, 0.0, 1.0), (2.0, 4.0, 2.0, 0.5)]


def test_backward_warps_are_told(tmp_path: Path) -> None:
    xml = project(
        track() + MASTER, f'<Clips track="t"><Clip time="0" duration="8">{warps([(0, 4), (4, 0)])}</Clip></Clips>'
    )
    session = read(tmp_path, xml)
    assert session.tracks[0].clips == ()
    assert any("'T'" in line and "ascend" in line for line in session.unread)


def test_a_loop_of_one_file(tmp_path: Path) -> None:
    for inner in (AUDIO, f'<Clips><Clip time="0" duration="8">{AUDIO}</Clip></Clips>'):
        (clip,) = clips(
            tmp_path,
            f'<Clips><Clip time="1" duration="20" playStart="3" loopStart="2" loopEnd="6">{inner}</Clip></Clips>',
        )
        assert times(clip) == (1.0, 20.0, 3.0, 1.0)
        assert clip.loop_s == (2.0, 6.0)


def test_a_loop_that_does_not_come_round_is_none(tmp_path: Path) -> None:
    (clip,) = clips(tmp_path, f'<Clips><Clip time="1" duration="4" loopStart="0" loopEnd="4">{AUDIO}</Clip></Clips>')
    assert clip.loop_s is None


def test_a_loop_of_clips_is_laid_out(tmp_path: Path) -> None:
    """Content of 4 s with audio from 1 to 3, started at 2: half, whole, half again."""
    inner = f'<Clips><Clip time="1" duration="2">{AUDIO}</Clip></Clips>'
    found = clips(
        tmp_path, f'<Clips><Clip time="10" duration="8" playStart="2" loopStart="0" loopEnd="4">{inner}</Clip></Clips>'
    )
    assert [times(c) for c in found] == [(10.0, 1.0, 1.0, 1.0), (13.0, 2.0, 0.0, 1.0), (17.0, 1.0, 0.0, 1.0)]


def test_an_alias_plays_what_it_refers_to(tmp_path: Path) -> None:
    found = clips(
        tmp_path,
        f'<Clips><Clip time="0" duration="1"><Lanes id="L">{AUDIO}</Lanes></Clip>'
        '<Clip time="5" duration="2" reference="L"/></Clips>',
    )
    assert [times(c) for c in found] == [(0.0, 1.0, 0.0, 1.0), (5.0, 2.0, 0.0, 1.0)]


def test_play_stop_and_no_duration(tmp_path: Path) -> None:
    found = clips(
        tmp_path,
        f'<Clips><Clip time="0" duration="9" playStart="1" playStop="3">{AUDIO}</Clip>'
        f'<Clip time="20">{AUDIO}</Clip></Clips>',
    )
    assert [times(c) for c in found] == [(0.0, 2.0, 1.0, 1.0), (20.0, 8.0, 0.0, 1.0)]


def test_what_lies_before_the_start_is_cut(tmp_path: Path) -> None:
    (clip,) = clips(tmp_path, f'<Clips><Clip time="-1" duration="3">{AUDIO}</Clip></Clips>')
    assert times(clip) == (0.0, 2.0, 1.0, 1.0)


def test_gain_of_a_clip(tmp_path: Path) -> None:
    def points(*values: str, unit: str = "decibel") -> str:
        return f'<Points unit="{unit}"><Target expression="gain"/>{"".join(values)}</Points>'

    one = points('<RealPoint time="0" value="-20"/>')
    two = points(
        '<RealPoint time="1" value="1" interpolation="linear"/>', '<RealPoint time="2" value="0"/>', unit="linear"
    )
    (clip,) = clips(
        tmp_path, f'<Clips><Clip time="10" duration="3" playStart="1"><Lanes>{AUDIO}{one}{two}</Lanes></Clip></Clips>'
    )
    assert clip.gain == pytest.approx(0.1)
    assert clip.envelope == (Point(0.0, 1.0), Point(1.0, 0.0, "hold"))


AUTOMATION = """<Lanes track="t">
<Points unit="decibel"><Target parameter="v"/><RealPoint time="2" value="-20" interpolation="linear"/>
 <RealPoint time="4" value="0"/></Points>
<Points><Target parameter="p"/><RealPoint time="0" value="0.25" interpolation="linear"/>
 <RealPoint time="8" value="1"/></Points>
<Points><Target parameter="u"/><BoolPoint time="0" value="false"/><BoolPoint time="4" value="true"/></Points>
<Points><Target parameter="f"/><RealPoint time="0" value="1"/></Points></Lanes>"""
CHANNEL = (
    '<Devices><Limiter deviceName="L" deviceRole="audioFX">'
    '<Threshold id="f" unit="decibel" value="0"/></Limiter></Devices>'
    '<Mute id="u"/><Pan id="p" unit="normalized"/><Volume id="v" unit="linear"/>'
)


def test_automation(tmp_path: Path) -> None:
    session = read(tmp_path, project(track(CHANNEL) + MASTER, AUTOMATION, unit="beats"))
    found = session.tracks[0]
    assert [(p.time_s, round(p.value, 9), p.shape) for p in found.volume] == [
        (1.0, 0.1, "fader-db"),
        (2.0, 1.0, "hold"),
    ]
    assert found.pans == (Point(0.0, -0.5), Point(4.0, 1.0, "hold"))
    assert found.mutes == (Point(0.0, 0.0, "hold"), Point(2.0, 1.0, "hold"))
    assert "Track 'T': automation of Threshold is not played" in session.unread


def test_automation_in_beats_bends_with_the_tempo(tmp_path: Path) -> None:
    tempos = slower(4)
    points = (
        '<Points track="t"><Target parameter="v"/><RealPoint time="0" value="0" interpolation="linear"/>'
        '<RealPoint time="8" value="1"/></Points>'
    )
    session = read(tmp_path, project(track(CHANNEL) + MASTER, points, unit="beats", more=tempos))
    assert session.tracks[0].volume == (Point(0.0, 0.0), Point(2.0, 0.5), Point(6.0, 1.0, "hold"))


def test_tempos(tmp_path: Path) -> None:
    more = (
        '<TempoAutomation timeUnit="beats"><Target parameter="tp"/>'
        '<RealPoint time="0" value="60" interpolation="linear"/>'
        '<RealPoint time="8" value="120"/><RealPoint time="8" value="90"/></TempoAutomation>'
        '<TimeSignatureAutomation timeUnit="beats"><Target parameter="ts"/>'
        '<TimeSignaturePoint time="4" numerator="3" denominator="8"/></TimeSignatureAutomation>'
    )
    transport = '<Tempo id="tp" unit="bpm" value="60"/><TimeSignature id="ts" numerator="6" denominator="4"/>'
    tempos = read(tmp_path, project(MASTER, transport=transport, more=more)).tempos
    assert [(t.beat, t.bpm, t.numerator, t.denominator, t.ramp) for t in tempos] == [
        (0.0, 60.0, 6, 4, True), (4.0, 90.0, 3, 8, True), (8.0, 120.0, 3, 8, False), (8.0, 90.0, 3, 8, False),
    ]  # fmt: skip
    # The mean of 60 / v over beats at which v goes linearly from 60 to 120: 60 ln 2 / 60 per beat.
    assert tempos[2].time_s == pytest.approx(8.0 * np.log(2.0))
    for beat in (-1.0, 0.0, 1.0, 4.0, 6.5, 8.0, 11.0):
        assert beats_of(tempos, seconds_of(tempos, beat)) == pytest.approx(beat, abs=1e-9)


def test_a_ramp_under_warped_audio_is_told(tmp_path: Path) -> None:
    more = (
        '<TempoAutomation><Target parameter="tp"/><RealPoint time="0" value="60" interpolation="linear"/>'
        '<RealPoint time="8" value="120"/></TempoAutomation>'
    )
    inner = f'<Clips track="t"><Clip time="0" duration="8">{warps([(0, 0), (8, 4)])}</Clip></Clips>'
    session = read(tmp_path, project(track() + MASTER, inner, unit="beats", more=more))
    (clip,) = session.tracks[0].clips
    assert clip.length_s * clip.rate == pytest.approx(4.0)
    assert any("ramp" in line for line in session.unread)


def test_what_is_no_audio_is_told(tmp_path: Path) -> None:
    inner = (
        '<Lanes track="t"><Clips><Clip time="0" duration="1"><Notes/></Clip><Clip time="0" duration="1">'
        '<Video channels="1" duration="1" sampleRate="1"><File path="v.mp4"/></Video></Clip></Clips></Lanes>'
        f'<Clips track="gone"><Clip time="0">{AUDIO}</Clip></Clips><Clips><Clip time="0">{AUDIO}</Clip></Clips>'
    )
    scenes = f'<Scenes><Scene><ClipSlot><Clip time="0">{AUDIO}</Clip></ClipSlot></Scene></Scenes></Project>'
    xml = project(track() + MASTER, inner, more='<Markers><Marker time="0"/></Markers>').replace("</Project>", scenes)
    unread = read(tmp_path, xml).unread
    for words in ("'T': its notes are MIDI, not rendered", "video", "Markers", "(gone)", "on no track", "launcher"):
        assert any(words in line for line in unread), words


def test_audio_comes_out_of_the_archive_once(tmp_path: Path) -> None:
    data = tone_wav(tmp_path / "x.wav").read_bytes()
    inner = f'<Clips track="t"><Clip time="0">{AUDIO}</Clip><Clip time="9">{AUDIO}</Clip></Clips>'
    session = read(tmp_path, project(track() + MASTER, inner), {"audio/a.wav": data})
    first, second = (c.media[0] for c in session.tracks[0].clips)
    assert first == second
    assert first.file is not None
    assert (first.name, first.file.read_bytes()) == ("audio/a.wav", data)
    assert list((tmp_path / "media").iterdir()) == [first.file]
    assert (session.sample_rate, session.end_s, session.name) == (44100, 17.0, "s")


def test_external_audio_and_a_bare_project(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    other.mkdir()
    tone_wav(home / "a.wav")
    tone_wav(other / "b.wav")
    files = (AUDIO.replace(FILE, f'<File path="{path}" external="true"/>') for path in ("a.wav", "../other/b.wav"))
    inner = "".join(f'<Clips track="t"><Clip time="0">{file}</Clip></Clips>' for file in files)
    path = archive(home / "s.dawproject", project(track() + MASTER, inner))
    first, second = (c.media[0] for c in read_dawproject(path, media_dir=tmp_path / "m").tracks[0].clips)
    assert (first.file, second.file) == (home / "a.wav", None)
    assert "--allow-media" in second.why
    second = read_dawproject(path, [other], media_dir=tmp_path / "m").tracks[0].clips[1].media[0]
    assert second.file == other / "b.wav"
    bare = home / "project.xml"
    bare.write_text(project(track() + MASTER, f'<Clips track="t"><Clip time="0">{AUDIO}</Clip></Clips>'))
    session = read_dawproject(bare, media_dir=tmp_path / "m")
    assert session.tracks[0].clips[0].media[0].file == home / "a.wav"
    assert session.name == "home"


def test_damaged_audio_is_offline(tmp_path: Path) -> None:
    path = tmp_path / "s.dawproject"
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("project.xml", project(track() + MASTER, f'<Clips track="t"><Clip time="0">{AUDIO}</Clip></Clips>'))
        z.writestr("audio/a.wav", b"0123456789" * 100)
    data = bytearray(path.read_bytes())
    data[data.index(b"0123456789") + 5] ^= 1
    path.write_bytes(data)
    (clip,) = read_dawproject(path, media_dir=tmp_path / "m").tracks[0].clips
    assert clip.media[0].file is None
    assert "damaged" in clip.media[0].why


BOMB = (
    '<!DOCTYPE p [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    '<Project version="1.0"><Application name="&b;"/></Project>'
)
LOOPING = (
    '<Clips track="t"><Clip time="0" duration="1000" loopStart="0" loopEnd="0.00001"><Clips>'
    f'<Clip time="0" duration="0.00001" fadeInTime="0.000001">{AUDIO}</Clip></Clips></Clip></Clips>'
)
NESTED = '<Clips track="t">' + '<Clip time="0" duration="1"><Clips>' * 70 + "</Clips></Clip>" * 70 + "</Clips>"
MULTIPLYING = "".join(
    f'<Clips id="x{k}" track="t">' + f'<Clip time="0" duration="1" reference="x{k + 1}"/>' * 10 + "</Clips>"
    for k in range(20)
)


@pytest.mark.parametrize(
    ("xml", "words"),
    [
        ("", "broken"),
        ("<Project", "broken"),
        ("<Project version='1.0'><Structure></Project>", "broken"),
        ("<Session/>", "no DAWproject"),
        ("<project version='0.1'/>", "before 1.0"),
        ("<Project version='0.1'/>", "version 0.1"),
        ("<Project version='2.0'/>", "version 2.0"),
        (BOMB, "document type"),
        (b"\xff\xfe\x00", "not utf-16"),
        (b"<?xml version='1.0' encoding='utf-7'?><Project/>", "utf-7"),
        (b"<?xml version='1.0' encoding='utf-8'?><Project a='\xff'/>", "not utf-8"),
        ("<a>" * 300 + "</a>" * 300, "broken"),
        (project(track('<Volume value="nan" unit="linear"/>')), "no number ('nan')"),
        (project(track('<Volume value="1,5" unit="linear"/>')), "no number"),
        (project(track('<Volume value="-1" unit="linear"/>')), "no gain"),
        (project(track('<Volume value="1e300" unit="decibel"/>')), "no gain"),
        (project(track('<Volume value="1e999" unit="linear"/>')), "no gain"),
        (project(track('<Pan value="inf" unit="linear"/>')), "no number"),
        (project(transport='<Tempo unit="bpm" value="0"/>'), "0 BPM"),
        (project(transport='<TimeSignature numerator="4" denominator="0"/>'), "4/0"),
        (
            project(track(), f'<Clips track="t"><Clip time="1e300" duration="1">{AUDIO}</Clip></Clips>'),
            "beyond any song",
        ),
        (project(track(), f'<Clips track="t"><Clip time="NaN">{AUDIO}</Clip></Clips>'), "no number"),
        (project(track(), LOOPING), "more than"),
        (project(track(), NESTED), "nested"),
        (project(track(), MULTIPLYING), "more than"),
        (project("<Track>" * 60 + "</Track>" * 60), "nested"),
        (
            project(equalizer("<Freq value='0' unit='hertz'/>")),
            "0 Hz",
        ),
        (
            project(equalizer("<Freq value='9' unit='hertz'/><Q value='-1'/>")),
            "Q of -1",
        ),
    ],
    ids=lambda value: str(value)[:20],
)
def test_bad_projects(tmp_path: Path, xml: str | bytes, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, xml)
    assert words in str(caught.value)
    assert str(tmp_path / "s.dawproject") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_clip_that_plays_itself(tmp_path: Path) -> None:
    inner = '<Clips id="x" track="t"><Clip time="0" duration="1" reference="x"/></Clips>'
    with pytest.raises(InputError, match="nested"):
        read(tmp_path, project(track(), inner))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"project.json": b"{}"}, "before 1.0"),
        ({"Song/project.xml": b"<Project/>"}, "in a folder"),
        ({"song.als": b""}, "without project.xml"),
    ],
)
def test_archives_that_are_no_dawproject(tmp_path: Path, files: dict[str, bytes], words: str) -> None:
    path = tmp_path / "s.dawproject"
    with zipfile.ZipFile(path, "w") as z:
        for name, data in files.items():
            z.writestr(name, data)
    with pytest.raises(InputError, match=words):
        read_dawproject(path, media_dir=tmp_path / "m")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    said = encoding.removesuffix("-sig")
    xml = project(track(name="Flöte")).replace("UTF-8", said).encode(encoding)
    assert read(tmp_path, xml).tracks[0].name == "Flöte"


corpus = pytest.mark.skipif(not DATA.is_dir(), reason="the real sessions are not beside this checkout (../shared/data)")


@pytest.mark.corpus
@corpus
def test_a_session_of_another_program(tmp_path: Path) -> None:
    session = read_dawproject(DATA / "peer_written_francium6.dawproject", media_dir=tmp_path)
    assert [t.fader for t in session.tracks] == [1.0, 0.8, 0.9, 0.7, 0.9, 0.6]
    assert [round(t.pan, 9) for t in session.tracks] == [0.0, 0.0, 0.0, -0.4, 0.0, 0.4]
    assert [c.position_s for t in session.tracks for c in t.clips] == [0.0] * 5 + [2.0]
    assert all(m.file and m.file.is_file() for t in session.tracks for c in t.clips for m in c.media)
    (limiter,) = session.master.inserts
    assert (limiter.kind, limiter.parameters["threshold_db"], limiter.parameters["input_gain_db"]) == (
        "limiter",
        -6.0,
        6.0,
    )
    assert session.track("id28").inserts[1].parameters["ratio"] == pytest.approx(2.5)
    assert (session.end_s, session.sample_rate, session.tempos[0].bpm, session.unread) == (12.0, 44100, 128.0, ())


@pytest.mark.corpus
@corpus
@pytest.mark.parametrize(
    "name", ["bitwig_readme_example_media_missing.dawproject", "bitwig_readme_example_project.xml"]
)
def test_the_example_of_the_format(tmp_path: Path, name: str) -> None:
    session = read_dawproject(DATA / name, media_dir=tmp_path)
    bass, drums = session.tracks
    assert (bass.inserts[0].kind, bass.inserts[0].plugin_id) == ("instrument", "org.surge-synth-team.surge-xt")
    (clip,) = drums.clips
    assert (clip.media[0].file, clip.pitch_kept, drums.output) == (None, True, "id14")
    assert clip.length_s == pytest.approx(8.00003433227539 * 60 / 149)
    assert clip.rate == pytest.approx(2.823541666666667 / clip.length_s)
    assert any("Bass" in line and "MIDI" in line for line in session.unread)
