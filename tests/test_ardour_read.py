"""Ardour sessions as they are read: every value, what cannot be expressed, and files that are broken."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dsp.errors import InputError, MixDiagnoseError
from plugin_bridge.sessions.ardour import read_ardour
from plugin_bridge.sessions.ardour.devices import octaves_of, q_of, shelf_lies_at, shelf_set_to
from plugin_bridge.sessions.ardour.xml import MOST_BYTES
from plugin_bridge.sessions.model import Point, Session
from render_tests.ardour_build import (
    EQUAL_POWER,
    RATE,
    Region,
    Samples,
    Send,
    Strip,
    build,
    constant_power,
    linear,
    turn,
    vca,
)

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "sessions" / "ardour"
SOUNDS: dict[str, Samples] = {"mono": np.full((1, 100), 0.5, np.float32), "pair": np.full((2, 100), 0.5, np.float32)}
A_EQ = (
    '<Processor id="1" name="ACE EQ" active="1" type="lv2" unique-id="urn:ardour:a-eq" count="1">'
    '<lv2><Port symbol="freql" value="100"/><Port symbol="gl" value="0"/><Port symbol="freq1" value="500"/>'
    '<Port symbol="g1" value="-4"/><Port symbol="bw1" value="1"/><Port symbol="g2" value="3"/>'
    '<Port symbol="freq2" value="800"/><Port symbol="bw2" value="2"/><Port symbol="filtog2" value="0"/>'
    '<Port symbol="filtog3" value="0"/><Port symbol="filtogl" value="0"/><Port symbol="filtog4" value="0"/>'
    '<Port symbol="freqh" value="6000"/><Port symbol="gh" value="6"/><Port symbol="master" value="-2"/></lv2>'
    '<Controllable name="Gain 1" value="-4" parameter="3" symbol="g1"/></Processor>'
)
REVERB = (
    '<Processor id="2" name="ACE Reverb" active="0" type="lv2" unique-id="urn:ardour:a-reverb" count="1">'
    '<ConfiguredInput><Channels type="audio" count="1"/></ConfiguredInput>'
    '<ConfiguredOutput><Channels type="audio" count="2"/></ConfiguredOutput>'
    '<Controllable name="Blend" value="0.25" parameter="4" symbol="blend"/></Processor>'
)


def song(folder: Path, *strips: Strip, **more: object) -> Session:
    return read_ardour(build(folder / "song", strips, SOUNDS, 2 * RATE, **more))  # type: ignore[arg-type]


def edited(folder: Path, edit: Callable[[str], str], *strips: Strip) -> Session:
    """A session whose text was changed."""
    path = build(folder / "song", strips or [track()], SOUNDS, 2 * RATE)
    text = path.read_text()
    changed = edit(text)
    assert changed != text
    path.write_text(changed)
    return read_ardour(path)


def track(**more: object) -> Strip:
    return Strip("A", 1, regions=[Region("mono", RATE, 100)], **more)  # type: ignore[arg-type]


def test_the_mixer(tmp_path: Path) -> None:
    session = song(
        tmp_path,
        Strip("Voice/1", 1, output="Bus/audio_in 1", gain=0.5, trim=2.0, pan=0.25, phase="1", soloed=True),
        Strip("Pair", 2, phase="01", pan=0.75, muted=True, sends=[Send("Bus/audio_in 1", 0.3, pan=0.0, pre=True)]),
        Strip("Gone", 2, output=None, active=False, sends=[Send("Mono", 0.2, pan=0.9, inverted=True)]),
        Strip("Bus/audio_in 1", 2, bus=True, gain=0.25),
        Strip("Mono", 1, bus=True, outputs=1),
        master=Strip("Master", 2, bus=True, gain=0.9),
    )
    by = {t.name: t for t in session.channels}
    voice, pair, gone, bus, mono = (by[n] for n in ("Voice/1", "Pair", "Gone", "Bus/audio_in 1", "Mono"))
    assert session.format == "Ardour"
    assert (session.master.kind, session.master.output, session.master.fader) == ("master", None, 0.9)
    assert (voice.kind, voice.output, voice.channels, voice.fader, voice.trim) == ("track", bus.id, 1, 0.5, 2.0)
    assert (voice.pan, voice.pan_law, voice.inverted, voice.soloed) == (-0.5, "ardour-mono", (True,), True)
    assert (pair.pan, pair.pan_law, pair.inverted, pair.muted) == (0.5, "ardour-stereo", (True, False), True)
    assert (bus.kind, bus.output, bus.channels) == ("bus", session.master.id, 2)
    assert (gone.output, gone.active) == (None, False)
    (send,) = pair.sends
    assert (send.target, send.gain, send.pan, send.pre, send.panned, send.enabled) == (
        bus.id,
        0.3,
        -1.0,
        True,
        False,
        True,
    )
    (send,) = gone.sends
    assert (send.target, send.pan, send.pre, send.inverted) == (mono.id, 0.0, False, True)  # one input has no panner
    assert (mono.channels, mono.pan, mono.pan_law) == (1, -1.0, "ardour-mono")  # its one output is the left
    assert not pair.mutes_pre_sends  # Ardour plays it though the track is muted


def test_panners(tmp_path: Path) -> None:
    session = song(
        tmp_path,
        Strip("Mono off", 1, pan=0.1, pan_bypassed=True, pans=[(0, 0.1)]),
        Strip("Pair off", 2, pan=0.1, pan_bypassed=True),
        Strip("Power", 2, pan=0.5, panner=EQUAL_POWER),
        Strip("Power left", 2, pan=0.25, panner=EQUAL_POWER),
    )
    assert [(t.pan_law, t.pans) for t in session.tracks] == [("none", ()), *[("ardour-stereo", ())] * 3]
    assert session.tracks[1].pan == 0.0
    assert [u for u in session.unread if "equal power" in u] == [
        "Track 'Power left': its equal power panner is played as a balance"
    ]


def test_a_linked_send_is_panned_as_its_track(tmp_path: Path) -> None:
    strip = track(pan=0.25, sends=[Send("Bus", pan=1.0, linked=True)])
    assert song(tmp_path, strip, Strip("Bus", 2, bus=True)).tracks[0].sends[0].pan == -0.5


def test_regions(tmp_path: Path) -> None:
    fade, ended = constant_power(330), turn(linear(66))
    regions = [
        Region("pair", RATE // 2, 80, 20, -0.7, fade, ended, turn(fade), layer=3),
        Region("mono", RATE, 100, opaque=False, muted=True, envelope=[(0, 1.0), (50, 0.5)], style="Exponential"),
        Region("mono", 7, 30, default_fades=True),
    ]
    first, second, third = song(tmp_path, Strip("T", 2, regions=regions)).tracks[0].clips
    assert (first.position_s, first.length_s, first.offset_s) == (0.5, 80 / RATE, 20 / RATE)
    assert (first.gain, first.inverted, first.layer, first.opaque, first.muted) == (0.7, True, 3, True, False)
    assert [m.name for m in first.media] == ["pair%L.wav", "pair%R.wav"]
    assert all(m.file is not None and m.file.exists() for m in first.media)
    assert (first.fade_in.length_s, first.fade_out.length_s) == (330 / RATE, 66 / RATE)  # type: ignore[union-attr]
    assert first.fade_in is not None
    point, last = first.fade_in.curve[11], first.fade_in.below[-1]
    assert (point.time_s, point.shape) == (110 / 330, "ardour-spline")
    assert point.value == pytest.approx(0.5)
    assert (last.time_s, last.value) == (1.0, 1e-7)
    assert [1.0 - p.time_s for p in reversed(first.fade_in.below)] == pytest.approx(
        [p.time_s for p in first.fade_in.curve]
    )
    assert first.fade_out is not None
    assert first.fade_out.curve == (Point(0.0, 1e-7), Point(1.0, 1.0))  # silence at the edge
    assert first.fade_out.below[0].value == pytest.approx(1.0)  # where the file has none, a default fade's
    assert (second.opaque, second.muted, len(second.media)) == (False, True, 1)
    assert second.envelope == (Point(0.0, 1.0, "ardour-gain"), Point(50 / RATE, 0.5, "ardour-gain"))
    assert third.fade_in is not None
    assert third.fade_in.length_s == 64 / RATE
    assert song(tmp_path, Strip("T", 2, regions=regions), fades=False).tracks[0].clips[0].fade_in is None


def test_a_mono_track_plays_the_first_source_of_a_region(tmp_path: Path) -> None:
    assert [m.name for m in song(tmp_path, Strip("T", 1, regions=[Region("pair", 0, 9)])).tracks[0].clips[0].media] == [
        "pair%L.wav"
    ]


def test_automation(tmp_path: Path) -> None:
    points = [(RATE, 0.5), (0, 1.0)]
    on = song(tmp_path, track(gains=points, pans=points, mutes=[(0, 0), (RATE, 1)])).tracks[0]
    assert on.volume == (Point(0.0, 1.0, "ardour-gain"), Point(1.0, 0.5, "ardour-gain"))
    assert on.pans == (Point(0.0, 1.0), Point(1.0, 0.0))
    assert on.mutes == (Point(0.0, 0.0, "hold"), Point(1.0, 1.0, "hold"))
    assert on.fader_follows
    off = song(tmp_path, track(gains=points, state="Off"))
    assert off.tracks[0].volume == ()
    edit = song(tmp_path, track(gains=points, state="Write"))
    assert edit.tracks[0].volume == ()
    assert off.unread == edit.unread == (
        "Track 'A': automation of its fader is switched off, and is not played",
    )  # fmt: skip


def test_vcas_move_and_mute_faders(tmp_path: Path) -> None:
    strips = track(gain=0.8, gains=[(0, 0.6)], vcas=[1]), Strip("B", 2, vcas=[2])
    session = song(tmp_path, *strips, vcas=[vca(1, 0.5), vca(2, 1.0, muted=True)])
    first, second = session.tracks
    assert first.fader == pytest.approx(0.4)
    assert first.volume[0].value == pytest.approx(0.3)
    assert (second.fader, second.muted) == (1.0, True)
    assert session.unread == ("Track 'A': its fader is shown with what the VCA 'VCA 1' makes of it",)


def test_devices(tmp_path: Path) -> None:
    strip = track(before=[A_EQ, REVERB], after=[A_EQ.replace('active="1"', 'active="0"')])
    session = song(tmp_path, strip)
    read = session.tracks[0]
    eq, reverb = read.inserts
    assert (eq.kind, eq.vendor, eq.enabled, eq.parameters) == ("equalizer", "Ardour", True, {"output_gain_db": -2.0})
    assert [(b.kind, b.gain_db, b.enabled) for b in eq.bands] == [
        ("bell", -4.0, True), ("bell", 3.0, False), ("high-shelf", 6.0, True),
    ]  # fmt: skip
    assert [b.q for b in eq.bands] == pytest.approx([2**0.5, 2 / 3, 0.7071])
    warped = math.tan(math.pi * 6000 / RATE) / 10 ** (6 / 80)
    assert [b.frequency_hz for b in eq.bands] == pytest.approx([500, 800, RATE / math.pi * math.atan(warped)])
    assert (reverb.kind, reverb.enabled, reverb.parameters) == ("lv2", False, {"Blend": 0.25})
    assert b"urn:ardour:a-reverb" in reverb.state
    assert [d.enabled for d in read.post_inserts] == [False]
    assert (read.channels, read.pan_law) == (2, "ardour-stereo")  # the reverb makes it stereo


@pytest.mark.parametrize("octaves", [0.1, 0.5, 1.0, 4.0])
def test_the_bandwidth_of_a_bell_and_its_q(octaves: float) -> None:
    """Against the definition: frequencies one bandwidth apart, symmetrical about 1, are q apart."""
    half = 2.0 ** (octaves / 2.0)
    assert q_of(octaves) == pytest.approx(1.0 / (half - 1.0 / half))
    assert octaves_of(q_of(octaves)) == pytest.approx(octaves)


@pytest.mark.parametrize("kind", ["low-shelf", "high-shelf"])
def test_where_a_shelf_lies(kind: str) -> None:
    for hz, gain_db in ((100.0, 6.0), (3000.0, -12.0), (9000.0, 3.0)):
        there = shelf_set_to(kind, hz, gain_db, RATE)
        assert shelf_lies_at(kind, there, gain_db, RATE) == pytest.approx(hz)
        assert (there < hz) == ((kind == "low-shelf") == (gain_db > 0.0))


def test_the_tempo_map_and_times_in_beats(tmp_path: Path) -> None:
    def edit(text: str) -> str:
        text = text.replace(
            "</Tempos>", '<Tempo npm="60" enpm="60" note-type="4" sclock="282240000" quarters="2:0"/></Tempos>'
        ).replace(
            "</Meters>", '<Meter note-value="8" divisions-per-bar="6" sclock="282240000" quarters="2:0"/></Meters>'
        )
        return re.sub(r'length="a\d+@a\d+"', f'length="b{1920}@b{1920 * 3}"', text)

    session = edited(tmp_path, edit)
    assert [(t.time_s, t.beat, t.bpm, t.numerator, t.denominator) for t in session.tempos] == [
        (0.0, 0.0, 120.0, 4, 4), (1.0, 2.0, 60.0, 6, 8),
    ]  # fmt: skip
    clip = session.tracks[0].clips[0]
    assert (clip.position_s, clip.length_s) == (2.0, 1.0)
    ramp = edited(tmp_path, lambda t: t.replace('enpm="120"', 'enpm="90"'))
    assert ramp.tempos[0].ramp
    assert any("ramps" in u for u in ramp.unread)


def test_what_is_played(tmp_path: Path) -> None:
    assert (song(tmp_path, track(), start=RATE).start_s, song(tmp_path, track(), start=RATE).end_s) == (1.0, 2.0)
    without = edited(tmp_path, lambda t: t.replace("IsSessionRange", "IsMark"))
    assert (without.start_s, without.end_s) == (0.0, 1.0 + 100 / RATE)


def test_samples_of_older_versions(tmp_path: Path) -> None:
    def edit(text: str) -> str:
        text = text.replace('version="7002" name="song"', 'version="6000" name="song"')
        return re.sub(r'start="a0" length="a\d+@a\d+"', 'start="10" length="50" position="24000"', text)

    session = edited(tmp_path, edit)
    clip = session.tracks[0].clips[0]
    assert (clip.position_s, clip.length_s, clip.offset_s) == (0.5, 50 / RATE, 10 / RATE)
    assert session.unread == ("The session is of version 6000 of Ardour's format; it is read as if it were of 7002",)


PLAYING = '<AutomationList automation-id="send" state="Play"><events>a0 1 </events></AutomationList>'
CUES = '<Processor type="triggerbox"><Triggers><Trigger region="5"/></Triggers></Processor>'


def with_send_automation(text: str) -> str:
    head, send, rest = text.partition('type="intsend"')
    return head + send + rest.replace("<Automation/>", f"<Automation>{PLAYING}</Automation>", 1)


def without_a_wire(text: str) -> str:
    """The right output of A goes nowhere, at either end."""
    head, port, rest = text.partition('name="A/audio_out 2"')
    return (head + port + rest.replace('<Connection other="Master/audio_in 2"/>', "", 1)).replace(
        '<Connection other="A/audio_out 2"/>', ""
    )


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (lambda t: t.replace('flags="AudioBus,OrderSet"', 'flags="MonitorOut"'), "'Bus' is the monitor section"),
        (lambda t: t.replace('flags="AudioBus,OrderSet"', 'flags="FoldbackBus"'), "send to '?' is not played"),
        (lambda t: t.replace('other="Master/audio_in 1"', 'other="system:playback_1"', 1), "feeds the hardware"),
        (without_a_wire, "crossed or missing"),
        (with_send_automation, "send to 'Bus': its automation"),
        (lambda t: t.replace('type="intreturn"', 'type="wormhole"'), "'Return' is a 'wormhole'"),
        (lambda t: t.replace('type="intreturn"', 'type="insert"'), "goes out to the hardware"),
        (lambda t: t.replace('default-type="audio" strict-io="0"', 'default-type="midi"', 1), "MIDI track"),
        (lambda t: t.replace('type="audio" first-edit', 'type="midi" first-edit'), "MIDI regions"),
        (lambda t: t.replace("</Region>", "<RegionFXPlugin/></Region>"), "effects on the region"),
        (lambda t: t.replace("<UnusedPlaylists/>", "<IOPlugins><Plugin/></IOPlugins>"), "plugins on its inputs"),
        (lambda t: re.sub(r'(name="gaincontrol".*?) value="0.5"', r'\1 value="nan"', t), "gain is 'nan', 1 is taken"),
        (lambda t: t.replace("a0 0.25\n", "a0 0.25\nx\na9 inf\n"), "the point 'a9 inf'"),
        (lambda t: t.replace('interpolation-style="Exponential"', 'interpolation-style="Wavy"'), "'Wavy'"),
        (lambda t: t.replace('soloed-by-downstream="0"', 'soloed-by-downstream="0" solo-isolated="1"'), "isolated"),
        (lambda t: t.replace("<Processor id", f"{CUES}<Processor id", 1), "launched by cues"),
    ],
)  # fmt: skip
def test_nothing_is_dropped_silently(tmp_path: Path, edit: Callable[[str], str], line: str) -> None:
    strip = track(gain=0.5, gains=[(0, 0.25)], soloed=True, sends=[Send("Bus")])
    session = edited(tmp_path, edit, strip, Strip("Bus", 2, bus=True))
    assert any(line in u for u in session.unread), session.unread


def test_an_ordinary_session_leaves_nothing_unread(tmp_path: Path) -> None:
    session = song(tmp_path, track(gains=[(0, 1.0)], sends=[Send("Bus")]), Strip("Bus", 2, bus=True))
    assert session.unread == ()


def test_more_outputs_are_sends_after_the_panner(tmp_path: Path) -> None:
    def edit(text: str) -> str:
        for n in (1, 2):
            here = f'<Port type="audio" name="A/audio_out {n}">'
            text = text.replace(here, f'{here}<Connection other="Bus/audio_in {n}"/>')
        return text

    session = edited(tmp_path, edit, track(), Strip("Bus", 2, bus=True))
    first, bus = session.tracks
    assert first.output == session.master.id
    assert [(s.target, s.gain, s.panned) for s in first.sends] == [(bus.id, 1.0, True)]


def test_media(tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere" / "take.wav"
    outside.parent.mkdir()
    outside.write_bytes(b"RIFF")
    path = build(tmp_path / "song", [track()], SOUNDS, 2 * RATE)
    text = path.read_text()
    path.write_text(text.replace('name="mono.wav"', f'name="{outside}"'))
    (media,) = read_ardour(path).tracks[0].clips[0].media
    assert media.file is None
    assert "--allow-media" in media.why
    assert read_ardour(path, [outside.parent]).tracks[0].clips[0].media[0].file == outside.resolve()
    path.write_text(text.replace('name="mono.wav"', 'name="gone.wav"'))
    assert read_ardour(path).tracks[0].clips[0].media[0].why
    path.write_text(re.sub(r'source-0="\d+"', 'source-0="7"', text))
    assert "no source 7" in read_ardour(path).tracks[0].clips[0].media[0].why
    path.write_text(text.replace('origin=""', 'playlist="4"'))
    assert "compound" in read_ardour(path).tracks[0].clips[0].media[0].why


def test_audio_of_a_renamed_session_is_found(tmp_path: Path) -> None:
    path = build(tmp_path / "song", [track()], SOUNDS, 2 * RATE)
    (path.parent / "interchange" / "song").rename(path.parent / "interchange" / "old name")
    assert read_ardour(path).tracks[0].clips[0].media[0].file is not None


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe<\0S\0", "no text in UTF-8"),
        (b"RIFF", "its XML is broken"),
        (b'<Session version="7002" sample-rate="48000"><Routes>', "its XML is broken"),
        (b"<Project/>", "is no Ardour session"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><Session/>', "declares a document type"),
        (b'<Session version="3.0.0" sample-rate="48000"/>', "version '3.0.0'"),
        (b'<Session version="9001" sample-rate="48000"/>', "version '9001'"),
        (b'<Session sample-rate="48000"/>', "version ''"),
        (b'<Session version="7002"/>', "its sample rate is ''"),
        (b'<Session version="7002" sample-rate="nan"/>', "its sample rate is 'nan'"),
        (b'<Session version="7002" sample-rate="48000"><Routes><Route/></Routes></Session>', "have the id ''"),
    ],
)  # fmt: skip
def test_what_is_no_session_is_refused_in_one_line(tmp_path: Path, content: bytes, cause: str) -> None:
    path = tmp_path / "broken.ardour"
    path.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(cause)) as refused:
        read_ardour(path)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_ardour(tmp_path / "none.ardour")
    large = tmp_path / "large.ardour"
    with large.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(InputError, match="is larger than"):
        read_ardour(large)


def test_a_session_of_nothing_has_a_master_and_no_end(tmp_path: Path) -> None:
    path = tmp_path / "bare.ardour"
    path.write_text('<Session version="7002" sample-rate="48000"/>')
    session = read_ardour(path)
    assert (session.name, session.tracks, session.master.kind, session.end_s) == ("bare", (), "master", 0.0)


ODD = (
    "", "nan", "inf", "-1", "1e308", "0", "x", "9" * 30, "a", "b", "a-5", "bnan", "a1@", "@@", "é\u2028", "../../etc",
    "1:2", "0x10", "ainf", "b1e300",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_damaged_sessions_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    """Values overwritten, text cut off or out: a session, or one line."""
    rnd = random.Random(seed)
    strip = track(gains=[(0, 0.5), (9, 0.25)], before=[A_EQ, REVERB], vcas=[1], sends=[Send("Bus")])
    path = build(tmp_path / "song", [strip, Strip("Bus", 2, bus=True)], SOUNDS, RATE, vcas=[vca(1, 0.5)])
    text = path.read_text()
    spots = list(re.finditer(r'="([^"]*)"', text))
    for spot in sorted(rnd.sample(spots, rnd.choice((1, 3, 20))), key=lambda s: -s.start()):
        text = text[: spot.start(1)] + rnd.choice(ODD) + text[spot.end(1) :]
    if rnd.random() < 0.2:
        text = text[: rnd.randrange(len(text))]
    path.write_text(text)
    try:
        read_ardour(path)
    except MixDiagnoseError as error:
        assert "\n" not in str(error)


@pytest.mark.corpus
def test_sessions_with_real_music(tmp_path: Path) -> None:
    if not DATA.exists():
        pytest.skip(f"{DATA} is not there")
    buses = read_ardour(DATA / "buses" / "buses.ardour")
    levels = read_ardour(DATA / "levels" / "levels.ardour")
    assert buses.unread == levels.unread == ()
    assert [t.kind for t in buses.channels] == ["bus", *["track"] * 4, "master"]
    keys = buses.tracks[0]
    assert [t.name for t in buses.tracks if t.output == keys.id] == ["Honky piano", "Bright piano"]
    assert (buses.end_s, levels.end_s, buses.sample_rate) == (9.0, 10.0, 44_100)
    assert all(m.file is not None for t in (*buses.tracks, *levels.tracks) for c in t.clips for m in c.media)
    assert [t.name for t in levels.tracks if t.muted] == ["Bright piano"]
