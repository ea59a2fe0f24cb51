"""ReaEQ in REAPER projects: read as an equaliser, written as REAPER writes it, and played as designed."""

from __future__ import annotations

import base64
import difflib
import math
import re
import struct
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.signal import sosfreqz

from dsp.correction.biquad import sections
from dsp.errors import UsageError
from dsp.findings import DelayMove, EqMove, GainMove, PolarityMove
from plugin_bridge.files import read_audio
from plugin_bridge.render import render
from plugin_bridge.sessions.model import Band, Device, Session, Track
from plugin_bridge.sessions.moved import EQ_NAME, Moves, moved
from plugin_bridge.sessions.reaper import eq, read_reaper, write_reaper
from plugin_bridge.sessions.reaper.text import open_project
from plugin_bridge.writer import FLOAT, write_wav
from tests.test_reaper_read import ABSENT, DATA, HEAD, REAL, item, project, track

FADE = DATA / "FADE-cover__FADE-cover.rpp"
OTHER = '      BYPASS 0 0 0\n      <JS a/b ""\n        1 2 - -\n      >\n      FXID {1}\n      WAK 0 0\n'
CHAIN = f"    FX 1\n    MAINSEND 1 0\n    <FXCHAIN\n      SHOW 0\n{OTHER}    >\n"
MASTER = "  MASTER_VOLUME 1 0 -1 -1 1\n  MASTER_FX 1\n  MASTER_SEL 0\n  <MASTERPLAYSPEEDENV\n    ACT 0 -1\n  >\n"
BELL = Band("bell", 1000.0, -3.0, 1.4)

PASSES = ("high-pass", "low-pass", "notch")
HZ, DB = st.floats(20.0, 24_000.0), st.floats(-24.0, 24.0)
BANDS = st.one_of(
    st.builds(Band, st.just("bell"), HZ, DB, st.floats(0.27, 100.0), st.booleans()),
    st.builds(Band, st.sampled_from(("low-shelf", "high-shelf")), HZ, DB, st.floats(0.2, 0.77), st.booleans()),
    st.builds(Band, st.sampled_from(PASSES), HZ, st.just(0.0), st.floats(0.27, 50.0), st.booleans()),
)  # fmt: skip


def saved(rows: list[tuple[Any, ...]], output: float = 1.0, ones: tuple[int, int] = (1, 1), window: int = 16) -> bytes:
    """A state as REAPER saves it; rows are type, on, Hz, gain, octaves, flag."""
    bands = b"".join(struct.pack("<iidddB", *row) for row in rows)
    return struct.pack("<II", 33, len(rows)) + bands + struct.pack("<iid", *ones, output) + bytes(window)


def vst(state: bytes, size: int | None = None, pins: bytes = eq.PINS, bypass: int = 0) -> str:
    """The track of a ReaEQ with this state."""
    header = pins + struct.pack("<I", len(state) if size is None else size) + eq.FLAGS
    lines = [header, *(state[k : k + 96] for k in range(0, len(state), 96)), eq.CLOSING]
    text = "".join(f"        {base64.b64encode(line).decode()}\n" for line in lines)
    head = '<VST "VST: ReaEQ (Cockos)" reaeq.dll 0 "" 1919247729<56535472656571726561657100000000> ""'
    return track(f"    <FXCHAIN\n      BYPASS {bypass} 0 0\n      {head}\n{text}      >\n    >\n")


def device(tmp_path: Path, state: bytes, **how: Any) -> tuple[Device, tuple[str, ...]]:
    session = read_reaper(project(tmp_path, vst(state, **how)))
    return session.tracks[0].inserts[0], session.unread


def with_eq(before: Session, *bands: Band, at: int = 0, first: bool = False, **more: Any) -> Session:
    """The session with an equaliser on one of its channels, the master being the last."""
    made = Device(EQ_NAME, "equalizer", bands=bands, **more)

    def on(t: Track) -> Track:
        return replace(t, inserts=(made, *t.inserts) if first else (*t.inserts, made))

    if at == len(before.tracks):
        return replace(before, master=on(before.master))
    return replace(before, tracks=tuple(on(t) if k == at else t for k, t in enumerate(before.tracks)))


def write(path: Path, before: Session, after: Session, name: str = "out.rpp") -> Path:
    out = path.with_name(name)
    out.unlink(missing_ok=True)
    write_reaper(path, before, after, out)
    return out


def near(read: Device, wanted: Device) -> None:
    assert (read.name, read.kind, read.enabled) == (wanted.name, wanted.kind, wanted.enabled)
    assert len(read.bands) == len(wanted.bands)
    for a, b in zip(read.bands, wanted.bands, strict=True):
        assert (a.kind, a.frequency_hz, a.enabled) == (b.kind, b.frequency_hz, b.enabled)
        assert a.gain_db == pytest.approx(b.gain_db, abs=1e-9)
        assert a.q == pytest.approx(b.q, rel=1e-9)
    assert read.parameters.get("output_gain_db", 0.0) == pytest.approx(
        wanted.parameters.get("output_gain_db", 0.0), abs=1e-9
    )


def same(read: Session, after: Session) -> None:
    """Equal but for what only a file has: the state and the name of the plugin behind a new equaliser."""
    for a, b in zip(read.channels, after.channels, strict=True):
        assert replace(a, inserts=()) == replace(b, inserts=())
        assert len(a.inserts) == len(b.inserts)
        for x, y in zip(a.inserts, b.inserts, strict=True):
            if y.kind == "equalizer" and not y.state:
                near(x, y)
            else:
                assert x == y


def added(old: Path, new: Path) -> list[str]:
    """The lines that are new; fails where any was taken away."""
    lines = [
        line for line in difflib.ndiff(old.read_text().splitlines(True), new.read_text().splitlines(True))
        if line[:1] in "+-"
    ]  # fmt: skip
    assert all(line.startswith("+ ") for line in lines)
    return [line[2:] for line in lines]


# --- read -------------------------------------------------------------------------------------------------------------


@pytest.mark.corpus
@ABSENT
def test_a_real_reaeq_has_its_eleven_bands() -> None:
    session = read_reaper(FADE)
    found = next(t for t in session.tracks if t.name == "ref drums").inserts[0]
    assert (found.kind, found.enabled, found.parameters, len(found.state)) == ("equalizer", False, {}, 403)
    hz = [50, 100, 196.937818, 405.712382, 800, 1500, 3000, 5000, 7000, 10000, 11285.712662]
    gains = [1.78006058, 0.88680082, 1.50449692, 1.33418911, 1, 1, 1, 1, 1, 1, 1.54108320]
    assert [b.frequency_hz for b in found.bands] == pytest.approx(hz)
    assert [b.gain_db for b in found.bands] == pytest.approx([20.0 * math.log10(g) for g in gains], abs=1e-6)
    octaves = [1.0, 0.997, *([1.0] * 9)]
    assert [b.q for b in found.bands] == pytest.approx([math.sqrt(2.0**n) / (2.0**n - 1.0) for n in octaves])
    assert {(b.kind, b.enabled) for b in found.bands} == {("bell", True)}
    assert not [line for line in session.unread if "ReaEQ" in line]


def test_every_kind_of_band_is_read(tmp_path: Path) -> None:
    rows = [
        (0, 1, 100.0, 2.0, 1.0, 1), (1, 1, 5000.0, 0.5, 2.0, 0), (8, 1, 300.0, 2.0, 2.0, 1),
        (3, 1, 9000.0, 1.0, 2.0, 1), (4, 1, 80.0, 1.0, 2.0, 1), (6, 1, 50.0, 1.0, 0.1, 1), (5, 1, 1000.0, 1.0, 1.0, 1),
        (8, 0, 700.0, 0.5, 0.5, 1), (7, 0, 1000.0, 1.0, 1.0, 1), (8, 0, 1000.0, 0.0, 1.0, 1),
    ]  # fmt: skip
    found, unread = device(tmp_path, saved(rows, 0.5))
    kinds = ["low-shelf", "high-shelf", "bell", "low-pass", "high-pass", "notch", "bell"]
    assert [(b.kind, b.frequency_hz, b.enabled) for b in found.bands] == [
        (k, r[2], bool(r[1])) for k, r in zip(kinds, (*rows[:6], rows[7]), strict=True)
    ]
    a = 10.0 ** (20.0 * math.log10(2.0) / 40.0)
    gentle = 1.0 / math.sqrt((a + 1.0 / a) * (4.0 - 1.0) + 2.0)  # the Cookbook's, of a slope of 1 / 2^2
    wide, narrow, half = (math.sqrt(2.0**n) / (2.0**n - 1.0) for n in (2.0, 0.1, 0.5))
    assert [b.q for b in found.bands] == pytest.approx([math.sqrt(0.5), gentle, wide, wide, wide, narrow, half])
    assert found.parameters == {"output_gain_db": pytest.approx(-6.0206, abs=1e-4)}
    assert (found.kind, found.state, unread) == ("equalizer", saved(rows, 0.5), ())


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ((2, 1, 100.0, 2.0, 1.0, 1), "(alt)"), ((9, 1, 100.0, 2.0, 1.0, 1), "(alt)"),
        ((9, 1, 100.0, 1.0, 1.0, 1), ""), ((4, 1, 80.0, 1e-50, 2.0, 1), "do nothing"),
        ((0, 1, 80.0, 2.0, 0.5, 1), "slope of 1.2"), ((1, 1, 80.0, 2.0, 0.8, 1), ""), ((0, 0, 80.0, 2.0, 0.5, 1), ""),
    ],
)  # fmt: skip
def test_what_is_only_near_is_said_of_what_is_heard(tmp_path: Path, row: tuple[Any, ...], line: str) -> None:
    found, unread = device(tmp_path, saved([row]))
    assert (found.kind, len(found.bands), len(unread)) == ("equalizer", 1, int(bool(line)))
    assert line in "".join(unread)
    assert all(u.startswith("Track 'A': ") for u in unread)
    assert device(tmp_path, saved([row]), bypass=1)[1] == ()


GOOD = (8, 1, 100.0, 2.0, 1.0, 1)
WHOLE = saved([GOOD])


@pytest.mark.parametrize(
    "state",
    [
        saved([(7, 1, *GOOD[2:])]), saved([(10, 1, *GOOD[2:])]), saved([(77, 1, *GOOD[2:])]),
        saved([(-1, 1, *GOOD[2:])]),
        saved([(8, 1, math.nan, 2.0, 1.0, 1)]), saved([(8, 1, 100.0, math.inf, 1.0, 1)]),
        saved([(8, 0, 100.0, 2.0, math.nan, 1)]), saved([(8, 1, 100.0, -1.0, 1.0, 1)]),
        saved([(8, 1, 100.0, 0.0, 1.0, 1)]), saved([(8, 1, 0.0, 2.0, 1.0, 1)]), saved([(8, 1, 1e9, 2.0, 1.0, 1)]),
        saved([(8, 1, 100.0, 2.0, 0.0, 1)]), saved([(8, 1, 100.0, 2.0, 1e9, 1)]), saved([(0, 1, 100.0, 1e-4, 0.5, 1)]),
        saved([(8, 2, *GOOD[2:])]), saved([(*GOOD[:5], 2)]), saved([GOOD], math.nan), saved([GOOD], 0.0),
        saved([GOOD], ones=(1, 0)), saved([GOOD], ones=(2, 1)), saved([GOOD], window=4), saved([GOOD], window=20),
        struct.pack("<II", 32, 1) + WHOLE[8:], struct.pack("<II", 33, 10**9) + WHOLE[8:],
        struct.pack("<II", 33, 2**32 - 1) + WHOLE[8:], struct.pack("<II", 33, 0) + WHOLE[8:],
        b"", b"\0", WHOLE[:7], WHOLE[:40], WHOLE[:-1], WHOLE + b"\0",
    ],
)  # fmt: skip
def test_what_would_have_to_be_guessed_stays_a_plugin(tmp_path: Path, state: bytes) -> None:
    found, unread = device(tmp_path, state)
    assert (found.kind, found.bands, found.state, unread) == ("vst2", (), state, ())


def test_other_pins_and_lengths_that_lie_stay_plugins(tmp_path: Path) -> None:
    left = eq.PINS[:12] + struct.pack("<Q", 3) + eq.PINS[20:]
    assert device(tmp_path, WHOLE)[0].kind == "equalizer"
    assert device(tmp_path, WHOLE, pins=left)[0].kind == "vst2"
    assert device(tmp_path, WHOLE, pins=b"1234" + eq.PINS[4:])[0].kind == "vst2"
    for size in (0, len(WHOLE) - 1, 2**32 - 1):
        assert device(tmp_path, WHOLE, size=size)[0].kind == "vst2"
    cut = project(tmp_path, vst(WHOLE).replace(base64.b64encode(eq.CLOSING).decode(), "AA!"))
    assert read_reaper(cut).tracks[0].inserts[0].kind == "vst2"


@given(st.binary(max_size=200))
def test_no_bytes_are_too_strange(data: bytes) -> None:
    plain = Device("x", "vst2")
    for saved_bytes in (data, eq.PINS + data, eq.PINS + len(data).to_bytes(4, "little") + eq.FLAGS + data):
        found, near = eq.equalizer(plain, saved_bytes)
        assert (found, near) == (plain, ()) or all(math.isfinite(b.q + b.gain_db) for b in found.bands)


# --- written ----------------------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(BANDS, max_size=12), st.floats(-24.0, 24.0), st.sampled_from(("", CHAIN)), st.integers(0, 1), st.booleans()
)
def test_bands_that_are_written_are_read(
    tmp_path: Path, bands: list[Band], gain_db: float, body: str, at: int, on: bool
) -> None:
    path = project(tmp_path, track(body), HEAD + MASTER)
    before = read_reaper(path)
    parameters = {"output_gain_db": gain_db}
    after = with_eq(before, *bands, at=at, first=at == 1, parameters=parameters, enabled=on)
    out = write(path, before, after)
    read = read_reaper(out)
    same(read, after)
    assert read.unread == before.unread
    new = added(path, out)
    assert sum(line.strip() == ">" for line in new) == sum(line.strip().startswith("<") for line in new)
    assert write(path, before, after, "again.rpp").read_bytes() == out.read_bytes()


def test_a_chain_that_is_there_takes_it_last(tmp_path: Path) -> None:
    path = project(tmp_path, track(CHAIN + item()) + track(number=2), HEAD + MASTER)
    before = read_reaper(path)
    after = with_eq(before, BELL)
    out = write(path, before, after)
    same(read_reaper(out), after)
    new = added(path, out)
    assert new[:3] == [
        "      BYPASS 0 0 0\n",
        '      <VST "VST: ReaEQ (Cockos)" reaeq.dll 0 "MixDiagnose EQ" '
        '1919247729<56535472656571726561657100000000> ""\n',
        "        cWVlcu5e7f4CAAAAAQAAAAAAAAACAAAAAAAAAAIAAAABAAAAAAAAAAIAAAAAAAAASQAAAAEAAAAAABAA\n",
    ]
    assert new[4:7] == ["        AAAQAAAA\n", "      >\n", "      FLOATPOS 0 0 0 0\n"]
    assert re.fullmatch(r"      FXID \{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}\n", new[7])
    assert new[8:] == ["      WAK 0 0\n"]
    assert uuid.UUID(new[7].split()[1]).version == 5
    text = out.read_text()
    assert text.index("WAK 0 0\n      BYPASS") < text.index("reaeq.dll") < text.index("<ITEM")


def test_new_chains_stand_where_reaper_has_them(tmp_path: Path) -> None:
    body = "    FX 0\n    MAINSEND 1 0\n    <VOLENV2\n      ACT 0 -1\n    >\n" + item()
    path = project(tmp_path, track(body) + track(number=2), HEAD + MASTER)
    before = read_reaper(path)
    after = with_eq(with_eq(before, BELL), BELL, at=2, first=True)
    out = write(path, before, after)
    same(read_reaper(out), after)
    inner = [e if isinstance(e, int) else e.tag for e in open_project(out).root.blocks("TRACK")[0].entries]
    assert [e for e in inner if isinstance(e, str)] == ["VOLENV2", "FXCHAIN", "ITEM"]
    text = out.read_text()
    assert "    FX 1\n    MAINSEND 1 0\n" in text
    head = "<{}\n{}  SHOW 0\n{}  LASTSEL 0\n{}  DOCKED 0\n{}  BYPASS 0 0 0\n"
    assert "    " + head.format("FXCHAIN", *(["    "] * 4)) in text
    assert "  MASTER_SEL 0\n  " + head.format("MASTERFXLIST", *(["  "] * 4)) in text
    assert "  >\n  <MASTERPLAYSPEEDENV\n" in text
    plain = path.read_text().replace("FX 0\n", "FX 1\n")
    path.write_text(plain)
    added(path, out)
    guids = re.findall(r"FXID (\S+)", text)
    assert len(set(guids)) == 2
    twice = write(out, read_reaper(out), with_eq(read_reaper(out), BELL), "twice.rpp")
    assert len(set(re.findall(r"FXID (\S+)", twice.read_text()))) == 3
    assert [d.name for d in read_reaper(twice).tracks[0].inserts] == [EQ_NAME] * 2


def test_on_the_master_it_comes_first(tmp_path: Path) -> None:
    head = HEAD + MASTER.replace("  <MASTERPLAY", f"  <MASTERFXLIST\n    SHOW 0\n{OTHER}  >\n  <MASTERPLAY")
    path = project(tmp_path, track(), head)
    before = read_reaper(path)
    after = with_eq(before, BELL, at=1, first=True)
    out = write(path, before, after)
    same(read_reaper(out), after)
    assert len(added(path, out)) == 9
    assert [d.kind for d in read_reaper(out).master.inserts] == ["equalizer", "jsfx"]
    path.write_text(head.replace(OTHER, OTHER + "      PARALLEL 1\n" + OTHER) + track() + ">\n")
    with pytest.raises(UsageError, match="in parallel"):
        write(path, read_reaper(path), with_eq(read_reaper(path), BELL, at=1, first=True))


def test_a_project_without_any_line_of_the_master_takes_one(tmp_path: Path) -> None:
    for tracks, at in (("", 0), (track(), 0), (track(), 1)):
        path = project(tmp_path, tracks)
        before = read_reaper(path)
        after = with_eq(before, BELL, at=at)
        same(read_reaper(write(path, before, after)), after)


def test_passes_of_24_db_per_octave_are_two(tmp_path: Path) -> None:
    path = project(tmp_path, track())
    before = read_reaper(path)
    out = write(path, before, with_eq(before, Band("high-pass-24", 80.0, 0.0, math.sqrt(0.5))))
    bands = read_reaper(out).tracks[0].inserts[0].bands
    assert [b.kind for b in bands] == ["high-pass"] * 2
    assert sorted(b.q for b in bands) == pytest.approx([0.5411961, 1.3065630])


@pytest.mark.parametrize(
    "band",
    [
        Band("high-shelf", 1000.0, 3.0, 1.0), Band("bell", 10.0, 3.0), Band("bell", 25_000.0, 3.0),
        Band("bell", 1000.0, 25.0), Band("bell", 1000.0, -91.0), Band("bell", 1000.0, 3.0, 0.2),
        Band("bell", 1000.0, 3.0, 200.0), Band("bell", 1000.0, 3.0, 0.0), Band("bell", 1000.0, math.nan),
        Band("bell", math.nan, 3.0), Band("bell", 1000.0, 3.0, math.nan), Band("band-pass", 1000.0),
        Band("low-shelf", 1000.0, 6.0, 0.05),
    ],
)  # fmt: skip
def test_what_reaeq_cannot_be_set_to_is_refused(tmp_path: Path, band: Band) -> None:
    path = project(tmp_path, track(name="Bass"))
    before = read_reaper(path)
    with pytest.raises(UsageError, match=r"'Bass': 'MixDiagnose EQ' cannot be written .*: ReaEQ cannot be set to"):
        write(path, before, with_eq(before, BELL, band))
    assert [p.name for p in tmp_path.iterdir()] == ["song.rpp"]


def test_other_devices_and_chains_that_are_off_are_refused(tmp_path: Path) -> None:
    path = project(tmp_path, track(CHAIN.replace("FX 1", "FX 0"), name="Bass") + track(number=2))
    before = read_reaper(path)
    with pytest.raises(UsageError, match="switched off, and would be switched on"):
        write(path, before, with_eq(before, BELL))
    t = before.tracks[1]
    bad: list[tuple[Device, str]] = [
        (Device("Comp", "compressor"), "equalisers only"),
        (Device(EQ_NAME, "equalizer", parameters={"input_gain_db": 1.0}), "no input_gain_db"),
        (Device(EQ_NAME, "equalizer", parameters={"output_gain_db": 90.0}), "output gain of"),
        (Device(EQ_NAME, "equalizer", parameters={"output_gain_db": math.nan}), "output gain of"),
        (Device('a"b', "equalizer"), "name"),
        (Device("a\nb", "equalizer"), "name"),
    ]
    for new, what in bad:
        with pytest.raises(UsageError, match=what):
            write(path, before, replace(before, tracks=(before.tracks[0], replace(t, inserts=(new,)))))


def test_all_moves_go_into_one_file(tmp_path: Path) -> None:
    other = track(CHAIN + "    IPHASE 0\n" + item("SOFFS 2\n", position=4.0), name="Bass")
    path = project(tmp_path, other, HEAD + MASTER)
    before = read_reaper(path)
    moves: Moves = {
        "Bass": [
            GainMove("Bass", -3.0), PolarityMove("Bass"), DelayMove("Bass", 480.0),
            EqMove("Bass", "bell", 400.0, -2.0, 1.0),
        ],
        "mix": [EqMove("mix", "high-shelf", 8000.0, 1.5, 0.7)],
    }  # fmt: skip
    after = moved(before, moves)
    bass = after.tracks[0]
    after = replace(after, tracks=(replace(bass, inserts=(off(bass.inserts[0]), *bass.inserts[1:])),))
    out = write(path, before, after)
    again = read_reaper(out)
    same(again, after)
    assert [d.enabled for d in again.tracks[0].inserts] == [False, True]
    assert (again.tracks[0].polarity, again.tracks[0].clips[0].position_s) == (-1, 4.01)
    assert [d.name for d in again.master.inserts] == [EQ_NAME]
    with pytest.raises(UsageError, match="order and the settings"):
        write(out, again, on_master(again, replace(again.master.inserts[0], bands=())), "other.rpp")
    bypassed = on_master(again, off(again.master.inserts[0]))
    assert read_reaper(write(out, again, bypassed, "off.rpp")).master == bypassed.master


def off(d: Device) -> Device:
    return replace(d, enabled=False)


def on_master(session: Session, d: Device) -> Session:
    return replace(session, master=replace(session.master, inserts=(d,)))


@pytest.mark.corpus
@pytest.mark.parametrize("source", REAL, ids=lambda p: p.stem)
def test_real_projects_take_it_and_stay_as_they_were_otherwise(tmp_path: Path, source: Path) -> None:
    path = tmp_path / source.name
    path.write_bytes(source.read_bytes())
    before = read_reaper(path)
    after = with_eq(before, BELL, at=len(before.tracks), first=True)
    for at in range(len(before.tracks)):
        after = with_eq(after, BELL, Band("low-shelf", 100.0, 2.0, 0.7), at=at)
    off = [t.name for t in before.tracks if t.inserts and not any(d.enabled for d in t.inserts)]
    if off:  # the switch of a whole chain is off
        with pytest.raises(UsageError, match="switched off"):
            write(path, before, after)
        pairs = zip(before.tracks, after.tracks, strict=True)
        after = replace(after, tracks=tuple(old if old.name in off else new for old, new in pairs))
    out = write(path, before, after)
    same(read_reaper(out), after)
    old, new = (p.read_bytes().splitlines(True) for p in (path, out))
    rest = iter(new)
    missing = [line for line in old if line not in rest]  # all old lines are there, in their order
    assert {line.strip() for line in missing} <= {b"FX 0", b"MASTER_FX 0"}
    assert all(line.endswith(b"\r\n") for line in new) == all(line.endswith(b"\r\n") for line in old)


@pytest.mark.corpus
@ABSENT
def test_it_is_written_as_a_real_one_is(tmp_path: Path) -> None:
    """The same words in the same lines; the flags and the closing line are those of plugins without a preset."""
    path = tmp_path / "song.rpp"
    path.write_bytes(FADE.read_bytes())
    before = read_reaper(path)
    k = next(k for k, t in enumerate(before.tracks) if len(t.inserts) and t.inserts[0].enabled)
    real = next(t for t in before.tracks if t.name == "ref drums").inserts[0]
    bands = tuple(replace(b, enabled=True) for b in real.bands)
    out = write(path, before, with_eq(before, *bands, at=k))
    theirs, ours = (chunk(path, 'VST: ReaEQ (Cockos)" reaeq.dll 0 ""'), chunk(out, EQ_NAME))
    plain = chunk(path, "Ozone 9 Dynamic EQ.dll")
    assert [re.sub(r'"MixDiagnose EQ"', '""', line) for line in ours[:1]] == theirs[:1]
    assert [len(line) for line in ours[1:-1]] == [len(line) for line in theirs[1:-1]]
    header, wanted = base64.b64decode(ours[1]), base64.b64decode(theirs[1])
    assert header[:56] == wanted[:56]
    assert header[56:] == base64.b64decode(plain[1])[56:]
    state, model = (base64.b64decode("".join(c[2:-1])) for c in (ours, theirs))
    assert (len(state), state[:8], state[-32:]) == (len(model), model[:8], model[-32:])
    assert ours[-1] == "AAAQAAAA"
    assert path.read_text().count("\n        AAAQAAAA\n") == 2


def chunk(path: Path, what: str) -> list[str]:
    """The lines of a plugin up to its end."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    k = next(k for k, line in enumerate(lines) if what in line)
    return lines[k : lines.index(">", k)]


# --- played -----------------------------------------------------------------------------------------------------------


def test_a_session_with_it_has_the_designed_response(tmp_path: Path) -> None:
    rate, long = 48_000, 1 << 16
    pulse = np.zeros((2, long), dtype=np.float32)
    pulse[:, 100] = 0.5
    write_wav(tmp_path / "a.wav", lambda: iter([pulse]), rate, 2, FLOAT)
    body = item("LOOP 0\n", position=0.0).replace("LENGTH 2", f"LENGTH {long / rate!r}")
    path = project(tmp_path, track(body))
    before = read_reaper(path)
    bands = (
        Band("high-pass", 40.0, 0.0, 0.71), Band("low-shelf", 120.0, 3.0, 0.7), Band("bell", 900.0, -5.0, 2.5),
        Band("notch", 3000.0, 0.0, 8.0), Band("bell", 5000.0, 4.0, 0.9, enabled=False),
        Band("high-shelf", 7000.0, -4.0, 0.71),
    )  # fmt: skip
    out = write(path, before, with_eq(before, *bands, parameters={"output_gain_db": -1.5}))
    rendered = render(read_reaper(out), tmp_path / "rendered")
    samples = read_audio(rendered.mix)[0].samples
    got = np.fft.rfft(samples[0].astype(np.float64)[100:long] / 0.5, long)
    hz = np.fft.rfftfreq(long, 1.0 / rate)
    at = (hz > 25.0) & (hz < 20_000.0)
    wanted = np.full(at.sum(), 10.0 ** (-1.5 / 20.0), dtype=np.complex128)
    for band in bands:
        if band.enabled:
            sos = sections(EqMove("", band.kind, band.frequency_hz, band.gain_db, band.q), rate)
            wanted = wanted * sosfreqz(sos, hz[at], fs=rate)[1]
    heard = np.abs(wanted) > 1e-3  # the middle of the notch
    off_db = 20.0 * np.log10(np.abs(got[at][heard] / wanted[heard]))
    assert np.abs(off_db).max() < 0.1
