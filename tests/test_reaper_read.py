"""Reading REAPER projects: what real ones hold, what a project written here holds, and bad ones."""

from __future__ import annotations

import base64
import math
import re
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rpp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsp.errors import InputError
from plugin_bridge.sessions.model import Session, Track
from plugin_bridge.sessions.reaper import read_reaper
from plugin_bridge.sessions.reaper.curves import fade_gain
from plugin_bridge.sessions.reaper.text import Block, open_project

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "sessions" / "rpp"
ABSENT = pytest.mark.skipif(not DATA.is_dir(), reason="the real projects are not beside this checkout (../shared/data)")
REAL: list[Any] = sorted(DATA.glob("*.[rR][pP][pP]")) or [pytest.param(DATA, marks=ABSENT)]

HEAD = """<REAPER_PROJECT 0.1 "7.19/linux-x86_64" 1700000000
  PANLAW 1
  PANMODE 3
  SAMPLERATE 48000 1 0
  TEMPO 120 4 4
"""


def project(tmp_path: Path, tracks: str = "", head: str = HEAD) -> Path:
    path = tmp_path / "song.rpp"
    path.write_text(head + tracks + ">\n", encoding="utf-8")
    return path


def read(tmp_path: Path, tracks: str = "", head: str = HEAD) -> Session:
    return read_reaper(project(tmp_path, tracks, head))


def track(body: str = "", name: str = "A", number: int = 1) -> str:
    return f"  <TRACK {{0000000{number}-0000-0000-0000-000000000000}}\n    NAME {name}\n{body}  >\n"


def item(body: str = "", source: str = '<SOURCE WAVE\nFILE "a.wav"\n>\n', position: float = 1.0) -> str:
    return f"    <ITEM\n      POSITION {position}\n      LENGTH 2\n{body}{source}    >\n"


def one(tmp_path: Path, body: str, head: str = HEAD) -> tuple[Track, tuple[str, ...]]:
    session = read(tmp_path, track(body), head)
    return session.tracks[0], session.unread


# --- real projects ---------------------------------------------------------------------------------------------------


def as_rpp(block: Block) -> list[Any]:
    words = block.document.words
    return [words(block.line), *(as_rpp(e) if isinstance(e, Block) else words(e) for e in block.entries)]


def theirs(element: Any) -> list[Any]:
    inner = [
        theirs(c) if isinstance(c, rpp.element.Element) else [c] if isinstance(c, str) else list(c) for c in element
    ]  # fmt: skip
    return [[element.tag, *element.attrib], *inner]


@pytest.mark.corpus
@pytest.mark.parametrize("path", REAL, ids=lambda p: p.stem)
def test_real_projects_fall_into_the_blocks_and_words_the_rpp_package_finds(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    # rpp takes no empty lines
    parsed = rpp.loads("\n".join(line for line in text.splitlines() if line.strip()) + "\n")
    assert as_rpp(open_project(path).root) == theirs(parsed)


@pytest.mark.corpus
@pytest.mark.parametrize("path", REAL, ids=lambda p: p.stem)
def test_real_projects_are_counted_as_grep_counts_them(path: Path) -> None:
    text, session = path.read_text(encoding="utf-8"), read_reaper(path)
    count = lambda pattern: len(re.findall(pattern, text, re.MULTILINE))  # noqa: E731
    assert len(session.tracks) == count(r"^  <TRACK ")
    silent = count(r"^      <SOURCE (MIDI|CLICK|EMPTY)") + count(r"^      IMGRESOURCEFLAGS")
    assert sum(len(t.clips) for t in session.tracks) == count(r"^    <ITEM") - silent
    unplayed = sum("receive from" in line and "not played" in line for line in session.unread)
    assert sum(len(t.sends) for t in session.tracks) + unplayed == count(r"^    AUXRECV ")
    assert sum(len(c.inserts) for c in session.channels) == count(r"^ +BYPASS ")
    chain_off = 0
    for chunk in re.split(r"^  <TRACK ", text, flags=re.MULTILINE)[1:]:
        off = re.search(r"^    FX 0", chunk, re.MULTILINE) is not None
        chain_off += len(re.findall(r"^      BYPASS ." if off else r"^      BYPASS (?!0 0)", chunk, re.MULTILINE))
    assert sum(not d.enabled for t in session.tracks for d in t.inserts) == chain_off
    assert sum(t.muted for t in session.tracks) == count(r"^    MUTESOLO 1")
    assert sum(t.soloed for t in session.tracks) == count(r"^    MUTESOLO \d [^0]")
    assert sum(c.muted for t in session.tracks for c in t.clips) == count(r"^      MUTE 1")
    assert sum(t.kind == "group" for t in session.tracks) == count(r"^    ISBUS 1 1")
    assert sum(t.output is None for t in session.tracks) == count(r"^    MAINSEND 0")
    levels = [float(v) for v in re.findall(r"^    VOLPAN (\S+)", text, re.MULTILINE)]
    assert [t.fader for t in session.tracks] == levels
    for t in session.tracks:
        assert all(m.file is None and m.why for c in t.clips for m in c.media)


@pytest.mark.corpus
@ABSENT
def test_the_drums_of_a_real_project_lie_in_their_folder() -> None:
    session = read_reaper(DATA / "FADE-cover__FADE-cover.rpp")
    folder = next(t for t in session.tracks if t.name == "EZdrummer")
    inside = [t for t in session.tracks if t.parent == folder.id]
    assert [t.name for t in inside][:2] == ["Kick-In", "Kick-Out"]
    assert len(inside) == 10
    assert all(t.output == folder.id for t in inside)
    assert folder.output is None
    assert folder.parent is None
    assert session.tracks[-1].parent == folder.id
    assert session.master.fader == 0.74917433089972
    eq = next(t for t in session.tracks if t.name == "ref drums").inserts[0]
    assert (eq.name, eq.vendor, eq.kind, eq.enabled, len(eq.state)) == ("ReaEQ", "Cockos", "equalizer", False, 403)


# --- a project made here is read as it was made -----------------------------------------------------------------------

NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="`"), max_size=12
)
GAINS = st.floats(0.0, 8.0)
TIMES = st.floats(0.0, 600.0)


def quoted(text: str) -> str:
    mark = next(q for q in "\"'`" if q not in text)
    return f"{mark}{text}{mark}"


CLIPS = st.fixed_dictionaries(
    {
        "name": NAMES, "position": TIMES, "length": TIMES, "offset": TIMES, "item": GAINS, "take": st.floats(-8.0, 8.0),
        "muted": st.booleans(), "loop": st.booleans(), "rate": st.floats(0.25, 4.0), "keep": st.booleans(),
    }
)  # fmt: skip
TRACKS = st.fixed_dictionaries(
    {
        "name": NAMES, "fader": GAINS, "pan": st.floats(-1.0, 1.0),
        "law": st.sampled_from((-1.0, 1.0, 0.5, 0.70710678)),
        "muted": st.booleans(), "solo": st.sampled_from((0, 1, 2)), "phase": st.booleans(), "main": st.booleans(),
        "step": st.integers(-3, 1), "clips": st.lists(CLIPS, max_size=3), "fx": st.lists(st.booleans(), max_size=3),
        "chain": st.booleans(), "mode": st.sampled_from((0, 1)),
        "volume": st.lists(st.tuples(TIMES, GAINS, st.integers(0, 4)), max_size=4),
        "receives": st.lists(st.tuples(st.integers(0, 5), st.sampled_from((0, 3)), GAINS, st.booleans()), max_size=2),
    }
)  # fmt: skip


def text_of(tracks: list[dict[str, Any]], end: str = "\n") -> str:
    lines = HEAD.splitlines()
    for k, t in enumerate(tracks):
        lines += [f"<TRACK {{{k}}}", f"NAME {quoted(t['name'])}", f"AUTOMODE {t['mode']}"]
        lines += [f"VOLPAN {t['fader']!r} {t['pan']!r} {t['law']!r} -1 1", f"MUTESOLO {int(t['muted'])} {t['solo']} 0"]
        lines += [
            f"IPHASE {int(t['phase'])}",
            f"ISBUS {1 if t['step'] > 0 else 0} {t['step']}",
            f"FX {int(t['chain'])}",
        ]
        lines += [f"TRACKID {{{k}}}", f"MAINSEND {int(t['main'])} 0"]
        for source, mode, gain, muted in t["receives"]:
            lines.append(f"AUXRECV {source} {mode} {gain!r} 0.25 {int(muted)} 0 1 0 0 -1:U 31 -1 ''")
        if t["volume"]:
            points = [f"PT {a!r} {v!r} {s}" for a, v, s in t["volume"]]
            lines += ["<VOLENV2", "EGUID {1}", "ACT 1 -1", "VOLTYPE 0", *points, ">"]
        lines.append("<FXCHAIN")
        for j, bypassed in enumerate(t["fx"]):
            lines += [f"BYPASS {int(bypassed)} 0 0", f'<JS test/fx{j} ""', "1 2 - -", ">", f"FXID {{{j}}}"]
        lines.append(">")
        for c in t["clips"]:
            lines += ["<ITEM", f"POSITION {c['position']!r}", f"LENGTH {c['length']!r}", f"LOOP {int(c['loop'])}"]
            lines += ["FADEIN 0 0.5 0 1 0 0 0", f"MUTE {int(c['muted'])} 0", f"NAME {quoted(c['name'])}"]
            lines += [f"VOLPAN {c['item']!r} 0 {c['take']!r} -1", f"SOFFS {c['offset']!r}"]
            lines += [f"PLAYRATE {c['rate']!r} {int(c['keep'])} 0 -1", "<SOURCE WAVE", 'FILE "a b.wav"', ">", ">"]
        lines.append(">")
    return end.join([*lines, ">", ""])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TRACKS, max_size=5))
def test_a_project_is_read_as_it_was_made(tmp_path: Path, made: list[dict[str, Any]]) -> None:
    path = tmp_path / "made.rpp"
    path.write_bytes(text_of(made, "\r\n").encode())
    session = read_reaper(path)
    assert len(session.tracks) == len(made)
    folders: list[str] = []
    for k, (t, want) in enumerate(zip(session.tracks, made, strict=True)):
        assert (t.id, t.name, t.fader, t.pan) == (f"{{{k}}}", want["name"], want["fader"], want["pan"])
        assert t.pan_law == (f"power:{want['law']!r}" if 0.0 < want["law"] < 1.0 else "balance")
        assert (t.muted, t.soloed, t.polarity) == (want["muted"], want["solo"] != 0, -1 if want["phase"] else 1)
        inner = folders[-1] if folders else None
        assert (t.parent, t.output) == (inner, (inner or "master") if want["main"] else None)
        if want["step"] > 0:
            folders.append(t.id)
        else:
            folders = folders[: max(0, len(folders) + want["step"])]
        assert [d.enabled for d in t.inserts] == [want["chain"] and not b for b in want["fx"]]
        assert [d.name for d in t.inserts] == [f"test/fx{j}" for j in range(len(want["fx"]))]
        shapes = ("linear", "hold", "reaper-slow", "reaper-fast-start", "reaper-fast-end")
        points = [(p.time_s, p.value, p.shape) for p in t.volume]
        assert points == [(a, v, shapes[s]) for a, v, s in sorted(want["volume"], key=lambda p: p[0])]
        assert t.fader_follows == (want["mode"] != 0)
        received = [
            (f"{{{j}}}", gain, mode == 3, not muted)
            for j, other in enumerate(made) for source, mode, gain, muted in other["receives"] if source == k
        ]  # fmt: skip
        assert [(s.target, s.gain, s.pre, s.enabled) for s in t.sends] == received
        assert all(s.inverted and s.pan == 0.25 for s in t.sends)
        for c, clip in zip(t.clips, want["clips"], strict=True):
            assert c.name == (clip["name"] or "a b.wav")
            assert (c.position_s, c.length_s, c.offset_s) == (clip["position"], clip["length"], clip["offset"])
            assert (c.gain, c.inverted) == (abs(clip["item"] * clip["take"]), math.copysign(1.0, clip["take"]) < 0.0)
            assert (c.muted, c.rate, c.pitch_kept) == (clip["muted"], clip["rate"], clip["keep"])
            assert c.loop_s == ((0.0, math.inf) if clip["loop"] else None)
            assert c.fade_in is not None
            assert c.fade_in.length_s == 0.5
            assert c.fade_out is None
            assert [m.name for m in c.media] == ["a b.wav"]
    ends = [c.end_s for t in session.tracks for c in t.clips if not c.muted]
    assert session.end_s == max([0.0, *ends])


# --- single things ---------------------------------------------------------------------------------------------------


def test_folders_in_folders_end_together(tmp_path: Path) -> None:
    steps = (1, 1, 0, -2, 0, 1, -1, 0)
    session = read(tmp_path, "".join(track(f"ISBUS {int(s > 0)} {s}\n", number=k) for k, s in enumerate(steps)))
    ids = [None, *(t.id for t in session.tracks)]
    assert [ids.index(t.parent) for t in session.tracks] == [0, 1, 2, 2, 0, 0, 6, 0]
    assert [t.kind == "group" for t in session.tracks] == [s > 0 for s in steps]


def test_media_are_found_in_the_folders_the_project_records_to(tmp_path: Path) -> None:
    for name in ("Audio Files/a.wav", "second/b.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    body = item() + item(source='<SOURCE WAVE\nFILE "second\\b.wav" 1\n>\n')
    session = read(tmp_path, track(body), HEAD + '  RECORD_PATH "Audio Files" second\n')
    assert [c.media[0].file for c in session.tracks[0].clips] == [
        tmp_path / "Audio Files/a.wav",
        tmp_path / "second/b.wav",
    ]


def test_the_take_that_is_selected_plays(tmp_path: Path) -> None:
    second = "TAKE SEL\nNAME second\nTAKEVOLPAN 0 -0.5 -1\nSOFFS 3\nPLAYRATE 1 0 0 -1\nCHANMODE 3\n"
    second += "<SOURCE FLAC\nFILE b.flac\n>\n"
    body = "NAME first\nVOLPAN 0.8 0 0.25 -1\nSOFFS 1\n"
    t, _ = one(tmp_path, item(body, '<SOURCE WAVE\nFILE "a.wav"\n>\n' + second))
    (clip,) = t.clips
    assert (clip.name, clip.gain, clip.inverted, clip.offset_s) == ("second", 0.4, True, 3.0)
    assert (clip.media[0].name, clip.media[0].channel, clip.pitch_kept) == ("b.flac", 0, False)
    t, _ = one(tmp_path, item(body, '<SOURCE WAVE\nFILE "a.wav"\n>\n' + second.replace(" SEL", "")))
    assert [c.name for c in t.clips] == ["first"]
    assert t.clips[0].gain == 0.2
    t, _ = one(tmp_path, item("ALLTAKES 1\n" + body, '<SOURCE WAVE\nFILE "a.wav"\n>\n' + second))
    assert [c.name for c in t.clips] == ["first", "second"]
    t, unread = one(tmp_path, item(body, '<SOURCE WAVE\nFILE "a.wav"\n>\nTAKE NULL SEL\n'))
    assert t.clips == ()
    assert "Track 'A': an item is empty, not rendered" in unread


@pytest.mark.parametrize(
    ("mode", "channels"),
    [(0, (None,)), (1, (1, 0)), (3, (0,)), (4, (1,)), (5, (2,)), (67, (0, 1)), (131, (64,)), (195, (64, 65))],
)
def test_channel_modes_pick_channels(tmp_path: Path, mode: int, channels: tuple[int | None, ...]) -> None:
    t, unread = one(tmp_path, item(f"CHANMODE {mode}\n"))
    assert tuple(m.channel for m in t.clips[0].media) == channels
    assert unread == ()


def test_sections_and_files_played_backwards(tmp_path: Path) -> None:
    inner = "<SOURCE SECTION\nLENGTH 4\nMODE {}\nSTARTPOS 10\n<SOURCE WAVE\nFILE a.wav\n>\n>\n"
    t, unread = one(tmp_path, item("SOFFS 1\n", inner.format(0)))
    assert (t.clips[0].offset_s, t.clips[0].reversed, t.clips[0].loop_s, unread) == (11.0, False, None, ())
    t, unread = one(tmp_path, item("SOFFS 1\nLOOP 1\n", inner.format(0)))
    assert (t.clips[0].offset_s, t.clips[0].loop_s) == (11.0, (10.0, 14.0))
    t, unread = one(tmp_path, item("SOFFS 3\n", inner.format(0)))
    assert "longer than its section" in unread[0]
    t, unread = one(tmp_path, item("SOFFS 1\n", inner.format(3)))
    assert (t.clips[0].offset_s, t.clips[0].reversed, unread) == (1.0, True, ())
    t, unread = one(tmp_path, item("SOFFS 1\n", inner.format(2)))
    assert t.clips[0].reversed
    assert "played backwards" in unread[0]


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("<SOURCE MIDI\nHASDATA 1 960 QN\nE 0 90 3c 60\n<X 0 0\n/wNh\n>\n>\n", "is MIDI"),
        ("<SOURCE CLICK\n>\n", "is a click"),
        ("<SOURCE EMPTY\n>\n", "is empty"),
        ("", "is empty"),
        ('<SOURCE RPP_PROJECT\nFILE "b.rpp"\n>\n', "is a project of its own"),
        ('<SOURCE VIDEO\nFILE "b.png"\n>\n', "is video without sound"),
        ('<SOURCE VIDEO\nAUDIO 0\nFILE "b.mp4"\n>\n', "is video without sound"),
        ("<SOURCE WAVE\n>\n", "names no file"),
    ],
)
def test_what_holds_no_sound_is_said(tmp_path: Path, source: str, what: str) -> None:
    t, unread = one(tmp_path, item(source=source) * 2)
    assert t.clips == ()
    assert len(unread) == 1
    assert unread[0].startswith("Track 'A': ")
    assert what in unread[0]
    assert unread[0].endswith("(2 times)")


def test_the_sound_of_a_video_plays_and_an_offline_source_does_not(tmp_path: Path) -> None:
    (tmp_path / "b.m4a").touch()
    (tmp_path / "a.wav").touch()
    t, unread = one(
        tmp_path, item(source="<SOURCE VIDEO\nFILE b.m4a\n>\n") + item(source="<SOURCE _OFFLINE_WAVE\nFILE a.wav\n>\n")
    )
    assert t.clips[0].media[0].file == tmp_path / "b.m4a"
    assert t.clips[1].media[0].file is None
    assert unread == ()


def test_lanes_that_do_not_play_are_muted(tmp_path: Path) -> None:
    lanes = "FREEMODE 2\nFIXEDLANES 9 0 0 1 0\nLANESOLO 2 0 0 0 0 0 0 0\n"
    t, unread = one(tmp_path, lanes + item("YPOS 0 0.5 2\n") + item("YPOS 0.5 0.5 2\n"))
    assert [(c.muted, c.layer, c.opaque) for c in t.clips] == [(True, 0, True), (False, 1, True)]
    assert len(unread) == 1
    lanes = f"FREEMODE 2\nLANESOLO 0 {1 << 7} 0\n"
    t, _ = one(tmp_path, lanes + "".join(item(f"YPOS {k / 50} 0.02\n") for k in (7, 38, 39, 40)))
    assert [c.muted for c in t.clips] == [True, True, False, True]
    t, _ = one(tmp_path, "FREEMODE 1\n" + item("YPOS 0.5 0.5\n"))
    assert [(c.muted, c.layer, c.opaque) for c in t.clips] == [(False, 0, False)]


def test_a_crossfade_made_by_reaper_stands_for_the_fade_it_hides(tmp_path: Path) -> None:
    t, _ = one(tmp_path, item("FADEIN 1.1 0.01 0.25 1 1 0 0\nFADEOUT 5 0.5 0 1 0 0 0\n"))
    clip = t.clips[0]
    assert clip.fade_in is not None
    assert clip.fade_out is not None
    assert clip.fade_in.length_s == 0.25
    assert [p.value for p in clip.fade_in.curve][::16] == [0.0, 0.75, 1.0]
    assert clip.fade_out.curve[0].shape == "reaper-slow"


@pytest.mark.parametrize("shape", range(7))
@pytest.mark.parametrize("bend", [-1.0, -0.4, 0.0, 0.4, 1.0])
def test_fades_rise_from_silence_to_all(shape: int, bend: float) -> None:
    gains = np.array([fade_gain(shape, bend, x) for x in np.linspace(0.0, 1.0, 101)])
    assert gains[0] == 0.0
    assert gains[-1] == pytest.approx(1.0)
    assert (np.diff(gains) >= -1e-12).all()
    assert bend == 0.0 or (gains[50] < fade_gain(shape, 0.0, 0.5)) == (bend > 0.0)


def test_the_fade_curves_are_those_read_off_renders() -> None:
    half = {
        (0, 0.0): 0.5, (1, 0.0): 0.75, (2, 0.0): 0.5, (5, 0.0): 0.5, (6, 0.0): 0.5,
        (0, 1.0): 0.0625, (0, -1.0): 0.9375, (1, 1.0): 0.0625, (2, 1.0): 0.25, (0, 0.5): 0.28125,
    }  # fmt: skip
    for (shape, bend), gain in half.items():
        assert fade_gain(shape, bend, 0.5) == pytest.approx(gain)


def test_envelopes_in_the_modes_of_automation(tmp_path: Path) -> None:
    envelopes = (
        "<VOLENV2\nACT 1 -1\nPT 0 0.5 0\nPT 4 1 5 0 0 0 -0.25\n>\n<PANENV2\nACT 1 -1\nPT 0 0.5 0\n>\n"
        "<MUTEENV\nACT 1 -1\nPT 0 1 1\nPT 2 0 1\n>\n"
    )
    t, unread = one(tmp_path, "AUTOMODE 0\nVOLPAN 0.7 0.25 -1 -1 1\n" + envelopes)
    assert [(p.time_s, p.value, p.shape, p.tension) for p in t.volume] == [
        (0.0, 0.5, "linear", 0.0), (4.0, 1.0, "reaper-bezier", -0.25),
    ]  # fmt: skip
    assert not t.fader_follows
    assert [p.value for p in t.pans] == [-0.25]  # 0.5 in the envelope is left; the panner is added
    assert [(p.time_s, p.value, p.shape) for p in t.mutes] == [(0.0, 0.0, "hold"), (2.0, 1.0, "hold")]
    assert unread == ()
    t, _ = one(tmp_path, "AUTOMODE 1\nVOLPAN 0.7 0.25 -1 -1 1\n" + envelopes)
    assert t.fader_follows
    assert [p.value for p in t.pans] == [-0.5]
    t, _ = one(tmp_path, "AUTOMODE 0\n" + envelopes, HEAD + "  GLOBAL_AUTO 1\n")
    assert t.fader_follows
    t, unread = one(tmp_path, envelopes, HEAD + "  GLOBAL_AUTO 6\n")
    assert (t.volume, t.pans, t.mutes, len(unread)) == ((), (), (), 1)
    t, unread = one(tmp_path, envelopes.replace("ACT 1", "ACT 0"))
    assert (t.volume, t.pans, t.mutes, unread) == ((), (), (), ())


def test_envelopes_on_the_scale_of_the_fader_and_of_takes(tmp_path: Path) -> None:
    envelope = "<VOLENV{}\nACT 1 -1\nVOLTYPE 1\nPT 0 1 0\nPT 4 0.5 {}\n>\n"
    t, unread = one(tmp_path, envelope.format("2", 1) + item("PLAYRATE 2 0 0\n" + envelope.format("", 3)))
    assert [p.shape for p in t.volume] == ["reaper-fader", "hold"]
    assert [(p.time_s, p.value) for p in t.clips[0].envelope] == [(0.0, 1.0), (2.0, 0.5)]
    assert len(unread) == 1
    assert "linear scale" in unread[0]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("<VOLENV\nACT 1\nPT 0 0.5 0\n>\n", "volume envelope before the plugins"),
        ("<WIDTHENV2\nACT 1\nPT 0 0.5 0\n>\n", "width envelope"),
        ("AUXRECV 0 0 1 0 0 0 0 0 0 -1:U 0 -1 ''\n<AUXVOLENV\nACT 1\nPT 0 0.5 0\n>\n", "volume envelope of a receive"),
        ("HWOUT 0 0 1 0 0 0 0 -1:U -1\n", "hardware output"),
        ("NCHAN 4\n", "of its 4 channels"),
        ("MAINSEND 1 2\n", "feeds other channels"),
        ("PLAYOFFS 0.01 0\n", "playback offset"),
        ("VOLPAN 1 0 -1 -0.5 0.5\nPANMODE 5\n", "stereo width"),
        ("VOLPAN 1 0 -1 -0.5 0.5\nPANMODE 6\n", "dual pan"),
        ("VOLPAN 1 0.5 1.41421356 -1 1\n", "gain compensation"),
        ("<FREEZE 0\n>\n", "frozen"),
        ("AUXRECV 0 0 1 0 0 0 0 2 0 -1:U 0 -1 ''\n", "other channels than the first two"),
        ("AUXRECV 0 0 1 0 0 0 0 0 2 -1:U 0 -1 ''\n", "other channels than the first two"),
        ("AUXRECV 0 0 1 0 0 0 0 -1 0 -1:U 0 -1 ''\n", "MIDI only"),
        ("AUXRECV 0 0 1 0 0 1 0 0 0 -1:U 0 -1 ''\n", "mono"),
        ("AUXRECV 7 0 1 0 0 0 0 0 0 -1:U 0 -1 ''\n", "not there"),
        ("<FXCHAIN\nBYPASS 0 0\n<JS a/b \"\"\n>\n<PARMENV 1 0 1 0.5\nACT 1\nPT 0 1 0\n>\n>\n", "automation"),
        ("<FXCHAIN\nBYPASS 0 0\n<JS a/b \"\"\n>\nWET 0.5 0\n>\n", "wet/dry"),
        ("<FXCHAIN\nBYPASS 0 0\n<NEWTHING a\n>\n>\n", "'NEWTHING'"),
        (item("SM 0 0 + 1 2\n"), "stretch markers"),
        (item("PLAYRATE 1 1 2 -1\n"), "pitch shift"),
        (item("VOLPAN 1 0.5 1 -1\n"), "pan of an item"),
        (item("MUTE 0 -1\n"), "solo of an item"),
        (item("<TAKEFX\nBYPASS 0 0 0\n<JS a/b \"\"\n>\n>\n"), "plugins on an item"),
        (item("<PITCHENV\nACT 1\nPT 0 3 0\n>\n"), "pitch envelope"),
        (item("FADEIN 5 1 0 1 0 0.5 0\n"), "nearly REAPER's"),
        (item("CHANMODE 2\n"), "summed to mono"),
        (item("CHANMODE 900\n"), "channel mode 900"),
    ],
)  # fmt: skip
def test_what_is_not_played_is_said(tmp_path: Path, body: str, what: str) -> None:
    _, unread = one(tmp_path, body)
    assert len(unread) == 1, unread
    assert what in unread[0]
    assert unread[0].startswith("Track 'A'")


@pytest.mark.parametrize(
    "body",
    [
        "<VOLENV\nACT 1\nPT 0 1 0\n>\n", "<VOLENV\nACT 0\nPT 0 0.5 0\n>\n", "PLAYOFFS 0.01 1\n",
        "VOLPAN 1 0 -1 -0.5 0.5\n", "VOLPAN 1 0 1.4142\n", "GROUP_FLAGS 0 0\n", "<FXCHAIN\n>\n",
        item("<TAKEFX\nBYPASS 1 0 0\n<JS a/b \"\"\n>\n>\n"),
        item("<PITCHENV\nACT 1\nPT 0 0 0\n>\n"),
    ],
)  # fmt: skip
def test_what_does_nothing_is_not_said(tmp_path: Path, body: str) -> None:
    assert one(tmp_path, body)[1] == ()


def test_plugins_of_every_kind(tmp_path: Path) -> None:
    state = struct.pack("<IIIQIQIII", 1, 0xFEED5EEE, 1, 1, 1, 2, 5, 1, 0) + b"hello" + b"\0tail\0"
    coded = base64.b64encode(state).decode()
    lines = [coded[k : k + 40] for k in range(0, len(coded), 40)]
    uid = "F2AEE70D00DE4F4E41636D65475A4455"
    chain = (
        f'BYPASS 0 0 0\n<VST "VST3: Bus Comp (Acme (Inc)) (mono)" bus.vst3 0 "My comp" 136{{{uid}}} ""\n'
        + "\n".join(lines)
        + "\n>\n"
        'BYPASS 0 1 0\n<VST "VSTi: Synth (Maker) (8 out)" s.dll 0 "" 7<5653> ""\nnot base 64\n>\n'
        'BYPASS 0 0 0\n<CLAP "CLAP: Surge XT (Surge)" org.surge "" \n<STATE\naGVsbG8=\n>\n>\n'
        'BYPASS 0 0 0\n<AU "AU: Verb (Apple)" "Apple: Verb" "" 1 2 3\n>\n'
        'BYPASS 0 0 0\n<DX "DX: Old" old\n>\n'
        'BYPASS 0 0 0\n<VIDEO_EFFECT "Video processor" ""\n<CODE\n|x > 1 ? <2;\n>\n>\n'
        'BYPASS 1 0 0\n<CONTAINER Container "inner" ""\nCONTAINER_CFG 2 2 2 0\nBYPASS 0 0 0\n<JS a/b "J"\n>\n>\n'
    )
    t, unread = one(tmp_path, f"<FXCHAIN\nSHOW 0\n{chain}>\n")
    found = [(d.name, d.vendor, d.kind, d.enabled, d.plugin_id) for d in t.inserts]
    assert found == [
        ("My comp", "", "vst3", True, uid), ("Synth", "Maker", "instrument", False, "7<5653>"),
        ("Surge XT", "Surge", "clap", True, "org.surge"), ("Verb", "Apple", "au", True, "Apple: Verb"),
        ("Old", "", "other", True, "old"), ("Video processor", "", "other", True, "Video processor"),
        ("J", "", "jsfx", False, "a/b"),
    ]  # fmt: skip
    assert t.inserts[0].state == b"hello"
    assert t.inserts[1].state == b"not base 64"
    assert t.inserts[2].state == b"hello"
    assert len(unread) == 1
    assert "container" in unread[0]


def test_the_master_and_the_tempo_map(tmp_path: Path) -> None:
    head = HEAD.replace("TEMPO 120 4 4", "TEMPO 90 3 4") + (
        "  MASTER_VOLUME 0.5 -0.5 0.5 -1 1\n  MASTERMUTESOLO 1\n  MASTER_FX 0\n  MASTERAUTOMODE 0\n"
        "  <MASTERFXLIST\n    BYPASS 0 0 0\n    <JS loser/limiter \"\"\n    >\n  >\n"
        "  <MASTERVOLENV2\n    ACT 1 -1\n    PT 0 0.25 1\n  >\n"
        f"  <TEMPOENVEX\n    ACT 1 -1\n    PT 0 120 1 {65536 * 4 + 4} 0 1\n"
        f"    PT 2 60 0\n    PT 4 120 1 {65536 * 8 + 6} 0 1\n  >\n"
    )  # fmt: skip
    session = read(tmp_path, head=head)
    master = session.master
    assert (master.fader, master.pan, master.pan_law, master.muted, master.kind) == (
        0.5,
        -0.5,
        "power:0.5",
        True,
        "master",
    )
    assert [(d.name, d.enabled) for d in master.inserts] == [("loser/limiter", False)]
    assert [p.value for p in master.volume] == [0.25]
    tempos = [(t.time_s, t.beat, t.bpm, t.numerator, t.denominator, t.ramp) for t in session.tempos]
    assert tempos == [(0.0, 0.0, 120.0, 4, 4, False), (2.0, 4.0, 60.0, 4, 4, True), (4.0, 7.0, 120.0, 6, 8, False)]
    assert session.unread == ()


def test_a_clip_inside_another_is_said_where_reaper_may_hide_the_outer(tmp_path: Path) -> None:
    body = track(item("LENGTH 9\n").replace("LENGTH 2\n", "") + item(position=2.0))
    assert read(tmp_path, body, HEAD + "  ITEMMIX 1\n").unread == ()
    assert "inside others" in read(tmp_path, body, HEAD + "  ITEMMIX 0\n").unread[0]


def test_the_rate_is_guessed_and_said_where_the_device_decides(tmp_path: Path) -> None:
    session = read(tmp_path, head=HEAD.replace("SAMPLERATE 48000 1 0", "SAMPLERATE 96000 0 0"))
    assert session.sample_rate == 96000
    assert "96000" in session.unread[0]
    session = read(tmp_path, head=HEAD.replace("  SAMPLERATE 48000 1 0\n", ""))
    assert session.sample_rate == 44100
    assert "44100" in session.unread[0]


def test_ids_are_unique_whatever_the_file_says(tmp_path: Path) -> None:
    session = read(tmp_path, track() + track() + "<TRACK\n>\n" + "<TRACK master\n>\n")
    assert len({c.id for c in session.channels}) == 5


# --- bad files -------------------------------------------------------------------------------------------------------


def test_old_projects_in_the_code_page_of_windows(tmp_path: Path) -> None:
    path = tmp_path / "old.rpp"
    path.write_bytes(
        (HEAD + track(name='"Fl\u00f6te \u2026 \u00e0\u00a01"') + ">\n").replace("\n", "\r\n").encode("cp1252")
    )
    assert read_reaper(path).tracks[0].name == "Fl\u00f6te \u2026 \u00e0\u00a01"


@pytest.mark.parametrize("name", ["a\u00a0b", '"a\u2028b \x85c"', "'it''", '"never closed', "\u3000x"])
def test_odd_spaces_and_open_quotes(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, track(name=name)).tracks[0].name == name.strip("\"'")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n\n", b"\0" * 500, b"RIFF\x10\0\0\0WAVE", b"<?xml version='1.0'?><a/>", bytes(range(256)) * 40,
        HEAD.encode("utf-16"), b"<", b"<REAPER_PROJECTS\n>\n", b"{}", "\ufeff\u3042".encode(),
    ],
)  # fmt: skip
def test_what_is_no_project_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.rpp"
    path.write_bytes(data)
    with pytest.raises(InputError, match="not a REAPER project") as caught:
        read_reaper(path)
    assert "\n" not in str(caught.value)


def test_a_project_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = (HEAD + track(item()) + ">\n").encode()
    path = tmp_path / "cut.rpp"
    for length in range(len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError):
            read_reaper(path)
    path.write_bytes(b"\xef\xbb\xbf" + whole[:-1])
    assert len(read_reaper(path).tracks) == 1


@pytest.mark.parametrize(
    "line",
    [
        "VOLPAN nan 0 -1", "VOLPAN inf 0", "VOLPAN -1 0", "VOLPAN 1 7", "VOLPAN 1e300 0", "VOLPAN x 0", "VOLPAN 1_0 0",
        "IPHASE inf", "MUTESOLO nan", "ISBUS 1 1e400", "NCHAN -inf", "AUXRECV 1e99 0 1", "AUXRECV 0 0 nan",
        "<VOLENV2\nACT 1\nPT nan 1 0\n>", "<VOLENV2\nACT 1\nPT 0 inf 0\n>", "<VOLENV2\nACT 1\nPT 0 1 -1\n>",
        "<FXCHAIN\nBYPASS nan\n<JS a\n>\n>", "VOLPAN " + "1" * 70_000,
    ],
)  # fmt: skip
def test_numbers_that_are_none_are_refused_with_their_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputError, match=r"line \d+"):
        one(tmp_path, line + "\n")


@pytest.mark.parametrize(
    "line",
    [
        "POSITION 1e30",
        "POSITION nan",
        "LENGTH -1",
        "LENGTH inf",
        "PLAYRATE 0",
        "PLAYRATE -1",
        "SOFFS nan",
        "FADEIN 1 inf",
    ],
)
def test_items_of_impossible_time_are_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputError, match=r"line \d+"):
        one(tmp_path, f"<ITEM\n{line}\n<SOURCE WAVE\nFILE a.wav\n>\n>\n")


@pytest.mark.parametrize(
    "line", ["SAMPLERATE nan", "TEMPO 0", "TEMPO nan", "PANLAW nan", "MASTER_VOLUME nan", "PLAYRATE x"]
)
def test_bad_settings_of_the_project_are_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputError, match=r"line \d+"):
        read(tmp_path, head=HEAD.split("\n", 1)[0] + f"\n  {line}\n")


def test_lines_after_the_end_of_a_project_are_said(tmp_path: Path) -> None:
    assert "2 lines after" in read(tmp_path, ">\nmore\n").unread[0]


def test_deep_blocks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="deep"):
        one(tmp_path, "<A\n" * 5000 + ">\n" * 5000)
    inner = "<SOURCE SECTION\nMODE 0\n" * 100 + "<SOURCE WAVE\nFILE a.wav\n>\n" + ">\n" * 100
    assert len(one(tmp_path, item(source=inner))[0].clips) == 1
    inner = '<CONTAINER C "" ""\nBYPASS 0 0 0\n' * 100 + "<JS a\n>\n" + ">\n" * 100
    assert len(one(tmp_path, f"<FXCHAIN\n{inner}>\n")[0].inserts) == 1


def test_time_grows_no_faster_than_the_file(tmp_path: Path) -> None:
    def seconds(count: int) -> float:
        state = '<VST "VST: X (Y)" x.dll 0 "" 1 ""\n' + ("A" * 128 + "\n") * count + ">\n"
        tracks = "".join(track(item() * 3, number=k % 10) for k in range(count // 100))
        path = project(tmp_path, track(f"<FXCHAIN\nBYPASS 0 0 0\n{state}>\n") + tracks)
        best = math.inf
        for _ in range(2):
            start = time.perf_counter()
            read_reaper(path)
            best = min(best, time.perf_counter() - start)
        return best

    small, large = seconds(5_000), seconds(40_000)
    assert large < 8.0 * small * 3.0


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_reaper(tmp_path / "none.rpp")
    with pytest.raises(InputError, match="cannot be read"):
        read_reaper(tmp_path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_projects_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    body = "VOLPAN 1 0 -1 -1 1\nAUXRECV 0 0 1 0 0 0 0 0 0 -1:U 0 -1 ''\n<VOLENV2\nACT 1 -1\nPT 0 1 0\n>\n"
    whole = bytearray((HEAD + track(body + item("FADEIN 1 0.1 0 1 0 0 0\nTAKE SEL\nSOFFS 1\n")) + ">\n").encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        if data.draw(st.booleans()):
            whole[at] = data.draw(st.integers(0, 255))
        else:
            del whole[at : at + data.draw(st.integers(1, 20))]
    path = tmp_path / "bad.rpp"
    path.write_bytes(bytes(whole))
    try:
        session = read_reaper(path)
    except InputError:
        return
    numbers = [v for t in session.channels for v in (t.fader, t.pan, *(p.value for p in t.volume))]
    assert all(math.isfinite(v) for v in [*numbers, session.end_s])
