"""Changed sessions written as Ardour sessions: read again they are what was asked for, and nothing else differs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsp.errors import InputError, UsageError
from plugin_bridge.sessions.ardour import read_ardour, write_ardour
from plugin_bridge.sessions.ardour.insert import processors
from plugin_bridge.sessions.model import Band, Clip, Device, Session, Track
from render_tests.ardour_build import RATE, Region, Samples, Send, Strip, build, vca

SOUNDS: dict[str, Samples] = {"mono": np.full((1, 100), 0.5, np.float32), "pair": np.full((2, 100), 0.5, np.float32)}
LIMITER = (
    '<Processor id="2" name="Limiter" active="1" type="lv2" unique-id="urn:x:limiter" count="1">'
    '<ConfiguredOutput><Channels type="audio" count="2"/></ConfiguredOutput><lv2>'
    '<Port symbol="enable" value="0"/></lv2></Processor>'
)
A_EQ = '<Processor id="3" name="ACE EQ" active="1" type="lv2" unique-id="urn:ardour:a-eq" count="1"><lv2/></Processor>'
EQ = Device("MixDiagnose EQ", "equalizer", bands=(Band("bell", 500.0, -3.0, 2.0),))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    strips = [
        Strip(
            "Voice",
            1,
            gain=0.5,
            gains=[(0, 0.5), (100, 0.25)],
            regions=[Region("mono", 0, 100), Region("mono", RATE, 100, 5)],
            sends=[Send("Bus", pre=True)],
        ),
        Strip("Pair", 2, phase="01", gain=0.4, gains=[(0, 1.0)], state="Off", before=[LIMITER, A_EQ], after=[A_EQ]),
        Strip("Under", 2, gain=0.8, gains=[(0, 0.4)], vcas=[1]),
        Strip("Bus", 2, bus=True),
    ]
    master = Strip("Master", 2, bus=True, before=[LIMITER])
    return build(tmp_path / "song", strips, SOUNDS, 2 * RATE, vcas=[vca(1, 0.5)], master=master)


def write(source: Path, change: Callable[[Track], Track], which: str = "Voice") -> tuple[Session, Session, Path]:
    """What was asked for, what was read again, and the file."""
    before = read_ardour(source)
    tracks = tuple(change(t) if t.name == which else t for t in before.tracks)
    master = change(before.master) if which == "Master" else before.master
    after, out = replace(before, tracks=tracks, master=master), source.with_name("out.ardour")
    write_ardour(source, before, after, out)
    return after, read_ardour(out), out


def changed_lines(source: Path, out: Path) -> list[str]:
    """Lines that are new in the file written, but for the counter of ids."""
    lines = difflib.unified_diff(source.read_text().splitlines(), out.read_text().splitlines(), n=0, lineterm="")
    return [x[1:].strip() for x in lines if x.startswith("+") and not x.startswith("+++") and "id-counter" not in x]


def louder(by: float) -> Callable[[Track], Track]:
    return lambda t: replace(
        t, fader=t.fader * by, volume=tuple(replace(p, value=p.value * by) for p in t.volume)
    )  # fmt: skip


def shifted(clip: Clip, by_s: float) -> Clip:
    at, early = max(0.0, clip.position_s + by_s), max(0.0, -(clip.position_s + by_s))
    return replace(clip, position_s=at, offset_s=clip.offset_s + early, length_s=clip.length_s - early)


def close(a: Clip, b: Clip) -> bool:
    """The same but for times, and those within a superclock."""
    placed = replace(a, position_s=b.position_s, length_s=b.length_s, offset_s=b.offset_s)
    times = [(c.position_s, c.length_s, c.offset_s) for c in (a, b)]
    return placed == b and times[0] == pytest.approx(times[1], abs=4e-9)


def test_nothing_changed_is_the_same_file(source: Path) -> None:
    asked, got, out = write(source, lambda t: t)
    assert (got.tracks, got.master, got.unread) == (asked.tracks, asked.master, asked.unread)
    assert changed_lines(source, out) == []
    assert not list(source.parent.glob("*.part"))


def test_a_fader_and_its_automation(source: Path) -> None:
    asked, got, out = write(source, louder(0.7))
    assert got.tracks == asked.tracks
    assert len(changed_lines(source, out)) == 3  # the fader and two points


def test_automation_that_is_switched_off_stays(source: Path) -> None:
    _, got, out = write(source, lambda t: replace(t, fader=t.fader * 0.5), "Pair")
    assert got.tracks[1].fader == 0.2
    assert [re.sub(r' id="\d+"', "", x) for x in changed_lines(source, out)] == [
        '<Controllable name="gaincontrol" flags="GainLike" value="0.2"/>'
    ]


def test_a_fader_under_a_vca_leaves_the_vca(source: Path) -> None:
    asked, got, out = write(source, louder(0.5), "Under")
    assert got.tracks[2].fader == pytest.approx(asked.tracks[2].fader)
    assert got.tracks[2].volume[0].value == pytest.approx(0.1)
    assert '"GainLike" value="0.4"' in out.read_text()  # the fader's own part of 0.2


def test_a_fader_pulled_up_from_silence(source: Path) -> None:
    text = source.read_text()
    source.write_text(re.sub(r'(name="gaincontrol" id="\d+" flags="GainLike" value=)"0.4\d*"', r'\1"0"', text))
    asked, got, _ = write(source, lambda t: replace(t, fader=0.3), "Pair")
    assert got.tracks == asked.tracks


@pytest.mark.parametrize("sides", [(True, True), (False, True), (True, False), (False, False)])
def test_polarity(source: Path, sides: tuple[bool, bool]) -> None:
    _, got, _ = write(source, lambda t: replace(t, inverted=sides), "Pair")
    assert got.tracks[1].inverted == (sides if any(sides) else ())


@pytest.mark.parametrize("shift_s", [37 / RATE, -1e-4])
def test_clips_later_earlier_and_turned_over(source: Path, shift_s: float) -> None:
    def change(track: Track) -> Track:
        return replace(track, clips=tuple(replace(shifted(c, shift_s), inverted=True) for c in track.clips))

    asked, got, out = write(source, change)
    assert all(close(a, b) for a, b in zip(asked.tracks[0].clips, got.tracks[0].clips, strict=True))
    assert len(changed_lines(source, out)) == 2
    again = read_ardour(out)
    back = tuple(replace(c, inverted=False) for c in again.tracks[0].clips)
    tracks = (replace(again.tracks[0], clips=back), *again.tracks[1:])
    write_ardour(out, again, replace(again, tracks=tracks), out.with_name("back.ardour"))
    assert read_ardour(out.with_name("back.ardour")).tracks[0].clips == back


def test_a_clip_that_ends_before_the_start_is_taken_out(source: Path) -> None:
    _, got, out = write(source, lambda t: replace(t, clips=(shifted(t.clips[1], -0.5),)))
    (clip,) = got.tracks[0].clips
    assert clip.position_s == 0.5
    assert out.read_text().count("<Region ") == source.read_text().count("<Region ") - 1


def test_devices_are_switched(source: Path) -> None:
    def change(track: Track) -> Track:
        off = tuple(replace(d, enabled=not d.enabled) for d in track.inserts)
        return replace(track, inserts=off, post_inserts=tuple(replace(d, enabled=False) for d in track.post_inserts))

    _, got, out = write(source, change, "Pair")
    pair = got.tracks[1]
    assert [d.enabled for d in (*pair.inserts, *pair.post_inserts)] == [False, False, False]
    assert len(changed_lines(source, out)) == 3


def test_devices_are_switched_on_past_their_own_bypass(source: Path) -> None:
    source.write_text(source.read_text().replace('active="1" type="lv2"', 'active="0" type="lv2"'))

    def on(track: Track) -> Track:
        return replace(track, inserts=tuple(replace(d, enabled=True) for d in track.inserts))

    _, got, out = write(source, on, "Pair")
    assert [d.enabled for d in got.tracks[1].inserts] == [True, True]
    assert '<Port symbol="enable" value="1"/>' in out.read_text()


BANDS = {
    "one of each": (Band("low-shelf", 100.0, 3.0), Band("bell", 1000.0, -6.0, 1.4), Band("high-shelf", 8000.0, 2.0)),
    "more bells than one has": tuple(Band("bell", 100.0 * k, float(k), 1.0 + k) for k in range(1, 8)),
    "in any order": (Band("high-shelf", 8000.0, 2.0), Band("bell", 300.0, 1.0, 0.5), Band("low-shelf", 90.0, -4.0)),
    "a pass": (Band("high-pass", 40.0, 0.0, 0.9),),
    "a pass between": (Band("bell", 300.0, 1.0, 2.0), Band("high-pass-24", 30.0), Band("bell", 500.0, 1.0, 3.0)),
    "a shelf of another q": (Band("low-shelf", 100.0, 6.0, 0.4),),
    "a very narrow bell": (Band("bell", 100.0, 6.0, 30.0), Band("notch", 50.0, 0.0, 20.0)),
    "one that is off": (Band("bell", 100.0, 6.0, 3.0, enabled=False), Band("bell", 200.0, -2.0, 3.0)),
    "none": (),
}


@pytest.mark.parametrize("bands", BANDS.values(), ids=list(BANDS))
@pytest.mark.parametrize("gain_db", [0.0, -2.5])
def test_an_equaliser_reads_back_as_it_was(source: Path, bands: tuple[Band, ...], gain_db: float) -> None:
    parameters = {"output_gain_db": gain_db} if gain_db else {}
    eq = Device("MixDiagnose EQ", "equalizer", bands=bands, parameters=parameters)
    asked, got, out = write(source, lambda t: replace(t, inserts=(*t.inserts, eq)))
    assert got.tracks == asked.tracks
    text = out.read_text()
    new = re.findall(r' id="(9\d{5})"', text)
    assert len(new) == len(set(new)) > 0
    assert int(text.partition('id-counter="')[2].partition('"')[0]) > max(map(int, new))


def test_an_equaliser_before_and_after_what_is_there(source: Path) -> None:
    off = replace(EQ, enabled=False)
    asked, got, out = write(source, lambda t: replace(t, inserts=(EQ, *t.inserts, off)), "Pair")
    assert got.tracks == asked.tracks
    assert changed_lines(source, out)[0].startswith('<Processor id="900001" name="MixDiagnose EQ" active="1"')
    names = re.findall(r'<Processor [^>]*name="([^"]*)"', out.read_text())
    voice = names.index("player")
    assert names[voice + 1 : voice + 3] == ["Polarity", "Amp"]
    asked, got, _ = write(source.with_name("out.ardour"), lambda t: t)  # read again and written again
    assert got.tracks == asked.tracks


def test_an_equaliser_stands_before_the_limiter_on_the_master(source: Path) -> None:
    asked, got, _ = write(source, lambda t: replace(t, inserts=(EQ, *t.inserts)), "Master")
    assert [d.name for d in got.master.inserts] == ["MixDiagnose EQ", "Limiter"]
    assert got.master == asked.master


def test_an_equaliser_comes_before_a_send_that_is_tapped_before_the_fader(source: Path) -> None:
    asked, got, _ = write(source, lambda t: replace(t, inserts=(EQ,)))
    assert got.tracks == asked.tracks
    assert not any("before some of its plugins" in u for u in got.unread)


def test_as_many_instances_as_channels() -> None:
    made = processors(EQ, 2, RATE, iter(map(str, range(100))).__next__)
    assert [m.get("count") for m in made] == ["2"]
    assert [m.tag for m in made[0]][:9] == [
        "Automation", "ConfiguredInput", "CustomSinks", "ConfiguredOutput", "PresetOutput", "InputMap-0", "OutputMap-0",
        "InputMap-1", "OutputMap-1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: replace(t, pan=0.3), "only fader, polarity"),
        (lambda t: replace(t, volume=t.volume[:1]), "as a whole"),
        (lambda t: replace(louder(8.0)(t), fader=t.fader * 8.0), "+6 dB"),
        (lambda t: replace(t, clips=(*t.clips, t.clips[0])), "moved, turned over or left out"),
        (lambda t: replace(t, clips=tuple(replace(c, gain=0.5) for c in t.clips)), "moved, turned over or left out"),
        (lambda t: replace(t, inserts=(Device("Comp", "compressor"),)), "no equaliser"),
        (lambda t: replace(t, inserts=(replace(EQ, bands=(Band("bell", 500.0, -90.0),)),)), "cannot be given a bell"),
        (lambda t: replace(t, inserts=(replace(EQ, parameters={"output_gain_db": 40.0}),)), "by 40.0 dB"),
        (lambda t: replace(t, inserts=(replace(EQ, parameters={"input_gain_db": 4.0}),)), "does not have"),
        (lambda t: replace(t, post_inserts=(EQ,)), "before the fader"),
    ],
)  # fmt: skip
def test_what_ardour_cannot_hold_is_refused_before_anything_is_written(
    source: Path, change: Callable[[Track], Track], says: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(says)) as refused:
        write(source, change)
    assert "Voice" in str(refused.value) or "equaliser" in str(refused.value) or "Ardour" in str(refused.value)
    assert [p.name for p in source.parent.glob("*.ardour*")] == ["song.ardour"]


def test_devices_cannot_be_taken_out(source: Path) -> None:
    with pytest.raises(UsageError, match="not changed or taken out"):
        write(source, lambda t: replace(t, inserts=t.inserts[1:]), "Pair")


def test_a_region_glued_to_the_beat_is_not_moved(source: Path) -> None:
    source.write_text(re.sub(r'length="(a\d+)@a0"', r'length="\1@b0"', source.read_text()))
    with pytest.raises(UsageError, match="glued to bars and beats"):
        write(source, lambda t: replace(t, clips=tuple(shifted(c, 0.5) for c in t.clips)))


def test_a_playlist_of_two_tracks_moves_on_both_or_not(tmp_path: Path) -> None:
    region = [Region("mono", RATE, 100)]
    source = build(tmp_path / "song", [Strip("A", 1, regions=region), Strip("B", 1, regions=region)], SOUNDS, RATE)
    first, second = re.findall(r'audio-playlist="(\d+)"', source.read_text())
    source.write_text(source.read_text().replace(f'audio-playlist="{second}"', f'audio-playlist="{first}"'))
    before = read_ardour(source)
    out = tmp_path / "song" / "both.ardour"
    moved = tuple(replace(t, clips=tuple(shifted(c, 0.5) for c in t.clips)) for t in before.tracks)
    with pytest.raises(UsageError, match="share one playlist"):
        write_ardour(
            source, before, replace(before, tracks=(moved[0], before.tracks[1])), tmp_path / "song" / "x.ardour"
        )
    with pytest.raises(UsageError, match="share one playlist"):
        write_ardour(
            source, before, replace(before, tracks=(before.tracks[0], moved[1])), tmp_path / "song" / "x.ardour"
        )
    write_ardour(source, before, replace(before, tracks=moved), out)
    assert [c.position_s for t in read_ardour(out).tracks for c in t.clips] == [1.5, 1.5]


def test_a_session_elsewhere_has_its_audio_with_it(source: Path, tmp_path: Path) -> None:
    (source.parent / "plugins" / "5").mkdir(parents=True)
    (source.parent / "plugins" / "5" / "state.ttl").write_text("x")
    (source.parent / "interchange" / "song" / "audiofiles" / "out of here").symlink_to("/etc/passwd")
    before = read_ardour(source)
    out = tmp_path / "Mix 2" / "corrected.ardour"
    out.parent.mkdir()
    write_ardour(source, before, before, out)
    got = read_ardour(out)
    media = [m for t in got.tracks for c in t.clips for m in c.media]
    assert {m.file.parent for m in media if m.file} == {out.parent / "interchange" / "Mix 2" / "audiofiles"}
    assert (out.parent / "plugins" / "5" / "state.ttl").exists()
    assert sorted(p.name for p in media[0].file.parent.iterdir()) == ["mono.wav", "pair%L.wav", "pair%R.wav"]  # type: ignore[union-attr]
    source.unlink()
    assert read_ardour(out).tracks == got.tracks
    with pytest.raises(UsageError, match="holds a session already"):
        write_ardour(out, got, got, tmp_path / "song" / "again.ardour")


def test_audio_that_lay_elsewhere_in_the_folder_comes_along(source: Path, tmp_path: Path) -> None:
    audio = source.parent / "interchange" / "song" / "audiofiles" / "mono.wav"
    (source.parent / "loose").mkdir()
    audio.rename(source.parent / "loose" / "mono.wav")
    before = read_ardour(source)
    out = tmp_path / "other" / "corrected.ardour"
    out.parent.mkdir()
    write_ardour(source, before, before, out)
    (media,) = read_ardour(out).tracks[0].clips[0].media
    assert media.file == out.parent / "interchange" / "other" / "audiofiles" / "mono.wav"


def test_a_failed_write_leaves_nothing_behind(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_ardour(source)
    out = tmp_path / "other" / "corrected.ardour"
    out.parent.mkdir()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("plugin_bridge.sessions.ardour.place.shutil.copytree", full)
    with pytest.raises(OSError, match="No space left"):
        write_ardour(source, before, before, out)
    assert list(out.parent.iterdir()) == []


def test_a_session_of_ardour_6_is_not_written(source: Path) -> None:
    source.write_text(source.read_text().replace('version="7002" name="song"', 'version="6000" name="song"'))
    before = read_ardour(source)
    with pytest.raises(UsageError, match="Ardour 6"):
        write_ardour(source, before, before, source.with_name("out.ardour"))


def test_a_session_that_changed_meanwhile_is_refused(source: Path) -> None:
    before = read_ardour(source)
    after = replace(before, tracks=(louder(0.5)(before.tracks[0]), *before.tracks[1:]))
    text = source.read_text()
    source.write_text(text.replace(f'id="{before.tracks[0].id}" name="Voice"', 'id="7777" name="Voice"'))
    with pytest.raises(UsageError, match="'Voice' is not in"):
        write_ardour(source, before, after, source.with_name("out.ardour"))
    source.write_text("")
    with pytest.raises(InputError, match="is empty"):
        write_ardour(source, before, after, source.with_name("out.ardour"))
