"""Writing moves back into REAPER projects: read again they are there, and nothing else in the file has changed."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsp.errors import InputError, UsageError
from plugin_bridge.sessions.model import Band, Clip, Device, Point, Session, Track
from plugin_bridge.sessions.reaper import read_reaper, write_reaper
from plugin_bridge.sessions.reaper.edits import written
from tests.test_reaper_read import HEAD, REAL, TRACKS, item, project, text_of, track

EDITED = ("VOLPAN", "MASTER_VOLUME", "PT", "IPHASE", "POSITION", "SOFFS", "LENGTH", "BYPASS")


def changed_lines(old: Path, new: Path) -> list[tuple[bytes, bytes]]:
    """Lines that differ, as pairs; fails where lines were added or taken away, or other lines than may be differ."""
    before, after = old.read_bytes().splitlines(keepends=True), new.read_bytes().splitlines(keepends=True)
    assert len(before) == len(after)
    pairs = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    for a, b in pairs:
        words, others = a.split(), b.split()
        assert words[0] == others[0]
        assert words[0].decode() in EDITED
        indent = len(a) - len(a.lstrip())
        assert (a[:indent], a[len(a.rstrip()) :]) == (b[:indent], b[len(b.rstrip()) :])
        assert sum(x != y for x, y in zip(words, others, strict=True)) <= 2
    return pairs


def shifted(clip: Clip, by_s: float) -> Clip:
    """A clip moved in time; what would come before 0 is cut off."""
    position = clip.position_s + by_s
    if position >= 0.0:
        return replace(clip, position_s=position)
    length = max(0.0, clip.length_s + position)
    return replace(clip, position_s=0.0, offset_s=clip.offset_s - position * clip.rate, length_s=length)


def moved(t: Track, gain: float, turn: bool, by_s: float, switch: bool, chain_on: bool = True) -> Track:
    return replace(
        t,
        fader=t.fader * gain,
        volume=tuple(replace(p, value=p.value * gain) for p in t.volume) if t.fader_follows else t.volume,
        inverted=tuple(not i for i in t.inverted) if turn else t.inverted,
        clips=tuple(replace(shifted(c, by_s), inverted=c.inverted != turn) for c in t.clips),
        inserts=tuple(replace(d, enabled=d.enabled != (switch and chain_on)) for d in t.inserts),
    )


def differences(a: Track, b: Track) -> int:
    """How many lines tell two tracks apart."""
    count = int(a.fader != b.fader) + int(a.inverted != b.inverted)
    count += sum(x != y for x, y in zip(a.volume, b.volume, strict=True))
    for x, y in zip(a.clips, b.clips, strict=True):
        count += (x.position_s != y.position_s) + (x.offset_s != y.offset_s) + (x.length_s != y.length_s)
        count += x.inverted != y.inverted
    return count + sum(x != y for x, y in zip(a.inserts, b.inserts, strict=True))


def same(read: Session, after: Session) -> None:
    assert read.tracks == after.tracks
    assert read.master == after.master
    assert read.tempos == after.tempos


def write(path: Path, before: Session, after: Session, name: str = "out.rpp") -> Path:
    out = path.with_name(name)
    out.unlink(missing_ok=True)
    write_reaper(path, before, after, out)
    assert not list(path.parent.glob("*.part"))
    return out


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(TRACKS, min_size=1, max_size=4),
    st.floats(0.01, 10.0),
    st.floats(-50.0, 50.0),
    st.booleans(),
    st.booleans(),
)
def test_moves_are_read_again(
    tmp_path: Path, made: list[dict[str, Any]], gain: float, by_s: float, turn: bool, switch: bool
) -> None:
    path = tmp_path / "made.rpp"
    path.write_bytes(text_of(made, "\r\n").encode())
    before = read_reaper(path)
    tracks = tuple(
        moved(t, gain, turn, by_s, switch, m["chain"]) for t, m in zip(before.tracks, made, strict=True)
    )  # fmt: skip
    after = replace(before, tracks=tracks)
    out = write(path, before, after)
    same(read_reaper(out), after)
    changed_lines(path, out)
    back = write(out, after, before, "back.rpp")
    same(read_reaper(back), before)


@pytest.mark.corpus
@pytest.mark.parametrize("source", REAL, ids=lambda p: p.stem)
def test_real_projects_take_moves_and_stay_as_they_were_otherwise(tmp_path: Path, source: Path) -> None:
    path = tmp_path / source.name
    path.write_bytes(source.read_bytes())
    before, rng = read_reaper(path), random.Random(source.name)
    untouched = write(path, before, before)
    assert untouched.read_bytes() == path.read_bytes()
    tracks = []
    for t in before.tracks:
        off = bool(t.inserts) and not any(d.enabled for d in t.inserts)
        tracks.append(moved(t, rng.uniform(0.1, 2.0), rng.random() < 0.5, rng.uniform(-20.0, 20.0), not off))
    after = replace(before, tracks=tuple(tracks), master=replace(before.master, fader=0.123))
    out = write(path, before, after)
    same(read_reaper(out), after)
    assert len(changed_lines(path, out)) == sum(map(differences, before.channels, after.channels))


def test_one_level_changes_one_word(tmp_path: Path) -> None:
    path = project(tmp_path, track("VOLPAN 0.70710678118655 0.25 -1 -1 1\n") + track("VOLPAN 1 0 -1 -1 1\n", number=2))
    before = read_reaper(path)
    tracks = (before.tracks[0], replace(before.tracks[1], fader=10.0 ** (-3.0 / 20.0)))
    out = write(path, before, replace(before, tracks=tracks))
    assert changed_lines(path, out) == [(b"VOLPAN 1 0 -1 -1 1\n", b"VOLPAN 0.7079457843841379 0 -1 -1 1\n")]


def test_lines_that_are_not_there_are_added(tmp_path: Path) -> None:
    body = "    <ITEM\n      <SOURCE WAVE\n        FILE a.wav\n      >\n    >\n"
    path = project(tmp_path, track(body))
    before = read_reaper(path)
    t = before.tracks[0]
    clips = tuple(replace(c, position_s=0.5, offset_s=0.25, length_s=3.0, inverted=True) for c in t.clips)
    tracks = (replace(t, fader=0.5, inverted=(True, True), clips=clips),)
    after = replace(before, tracks=tracks, master=replace(before.master, fader=0.25))
    out = write(path, before, after)
    same(read_reaper(out), after)
    added = [line for line in out.read_text().splitlines() if line not in path.read_text().splitlines()]
    assert added == [
        "  MASTER_VOLUME 0.25", "    VOLPAN 0.5", "    IPHASE 1", "      POSITION 0.5", "      LENGTH 3",
        "      SOFFS 0.25", "      VOLPAN 1 0 -1",
    ]  # fmt: skip


def test_a_later_take_is_turned_and_slipped_by_its_own_lines(tmp_path: Path) -> None:
    second = "TAKE SEL\n<SOURCE WAVE\nFILE b.wav\n>\n"
    for lines in ("", "TAKEVOLPAN 0.5 0.5 -1\nSOFFS 2\n"):
        path = project(
            tmp_path,
            track(
                item("VOLPAN 1 0 1 -1\nSOFFS 1\n").replace(
                    "    >\n", second.replace("SEL\n", "SEL\n" + lines) + "    >\n", 1
                )
            ),
        )
        before = read_reaper(path)
        t = before.tracks[0]
        assert t.clips[0].media[0].name == "b.wav"
        clips = tuple(replace(c, offset_s=7.0, inverted=True) for c in t.clips)
        after = replace(before, tracks=(replace(t, clips=clips),))
        out = write(path, before, after)
        same(read_reaper(out), after)
        assert "VOLPAN 1 0 1 -1\nSOFFS 1\n" in out.read_text()


def test_a_clip_moved_to_before_the_start_is_muted(tmp_path: Path) -> None:
    body = item("SOFFS 0\n", position=0.5) + item("MUTE 0 0\nSOFFS 4\n", position=1.5) + item("SOFFS 8\n", position=6.0)
    path = project(tmp_path, track(body))
    before = read_reaper(path)
    t = before.tracks[0]
    clips = tuple(shifted(c, -4.0) for c in t.clips if c.end_s > 4.0)
    assert len(clips) == 1
    again = read_reaper(write(path, before, edited(before, clips=clips))).tracks[0].clips
    assert [c.muted for c in again] == [True, True, False]
    assert again[2] == clips[0]
    assert [replace(c, muted=False) for c in again[:2]] == list(t.clips[:2])
    clips = tuple(shifted(c, -3.0) for c in t.clips if c.end_s > 3.0)
    again = read_reaper(write(path, before, edited(before, clips=clips))).tracks[0].clips
    assert [c.muted for c in again] == [True, False, False]
    assert again[1:] == clips


def test_a_clip_that_plays_a_section_slips_within_it(tmp_path: Path) -> None:
    section = "<SOURCE SECTION\nLENGTH 40\nMODE 0\nSTARTPOS 16\n<SOURCE WAVE\nFILE a.wav\n>\n>\n"
    path = project(tmp_path, track(item("SOFFS 1\n", section)))
    before = read_reaper(path)
    t = before.tracks[0]
    assert t.clips[0].offset_s == 17.0
    after = replace(before, tracks=(replace(t, clips=(replace(t.clips[0], offset_s=20.5),)),))
    out = write(path, before, after)
    same(read_reaper(out), after)
    assert changed_lines(path, out) == [(b"SOFFS 1\n", b"SOFFS 4.5\n")]


def test_takes_that_play_together_move_together(tmp_path: Path) -> None:
    body = item("ALLTAKES 1\n", '<SOURCE WAVE\nFILE "a.wav"\n>\nTAKE\n<SOURCE WAVE\nFILE b.wav\n>\n')
    path = project(tmp_path, track(body))
    before = read_reaper(path)
    t = before.tracks[0]
    assert len(t.clips) == 2
    after = replace(before, tracks=(replace(t, clips=tuple(shifted(c, 1.0) for c in t.clips)),))
    same(read_reaper(write(path, before, after)), after)
    apart = tuple(shifted(c, k + 1.0) for k, c in enumerate(t.clips))
    with pytest.raises(UsageError, match="play together"):
        write(path, before, replace(before, tracks=(replace(t, clips=apart),)))


def test_an_offline_plugin_that_is_switched_on_is_loaded(tmp_path: Path) -> None:
    path = project(tmp_path, track('    <FXCHAIN\n      BYPASS 0 1 0\n      <JS a/b ""\n      >\n    >\n'))
    before = read_reaper(path)
    assert not before.tracks[0].inserts[0].enabled
    after = replace(before, tracks=(moved(before.tracks[0], 1.0, False, 0.0, True),))
    out = write(path, before, after)
    same(read_reaper(out), after)
    assert changed_lines(path, out) == [(b"      BYPASS 0 1 0\n", b"      BYPASS 0 0 0\n")]


def edited(before: Session, **changes: Any) -> Session:
    return replace(before, tracks=(replace(before.tracks[0], **changes), *before.tracks[1:]))


def test_what_cannot_be_written_is_refused_by_name(tmp_path: Path) -> None:
    chain = "".join(f'      BYPASS 0 0 0\n      <JS {name} ""\n      >\n' for name in ("a/b", "c/d"))
    chain = f"    FX 0\n    <FXCHAIN\n{chain}    >\n"
    envelope = "<VOLENV2\nACT 1 -1\nPT 0 1 0\n>\n"
    path = project(tmp_path, track(chain + envelope + item(), name="Bass"))
    before = read_reaper(path)
    t = before.tracks[0]
    eq = Device("MixDiagnose EQ", "equalizer", bands=(Band("bell", 1000.0, -3.0, 1.0),))
    clip = t.clips[0]
    bad: list[tuple[dict[str, Any], str]] = [
        ({"inserts": (*t.inserts, eq)}, "'Bass': 'MixDiagnose EQ' cannot be written"),
        ({"inserts": (eq, *t.inserts)}, "'Bass': 'MixDiagnose EQ' cannot be written"),
        ({"inserts": t.inserts[:1]}, "not taken out"),
        ({"inserts": t.inserts[::-1]}, "order"),
        ({"inserts": (replace(t.inserts[0], enabled=True), t.inserts[1])}, "cannot be switched by itself"),
        ({"pan": 0.5}, "only level"),
        ({"name": "Other"}, "only level"),
        ({"inverted": (True, False)}, "polarity of all channels"),
        ({"clips": (clip, clip)}, "not added"),
        ({"clips": (replace(clip, gain=0.5),)}, "only time and polarity"),
        ({"clips": (replace(clip, position_s=-1.0),)}, "before 0"),
        ({"volume": ()}, "only the values"),
        ({"volume": (Point(1.0, 1.0),)}, "only the values"),
    ]
    for changes, what in bad:
        with pytest.raises(UsageError, match=what):
            write(path, before, edited(before, **changes))
    with pytest.raises(UsageError, match="no switch of polarity"):
        write(path, before, replace(before, master=replace(before.master, inverted=(True, True))))
    with pytest.raises(UsageError, match="not those that were read"):
        write(path, before, replace(before, tracks=()))
    assert [p.name for p in tmp_path.iterdir()] == ["song.rpp"]


def test_a_project_that_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    path = project(tmp_path, track(item()))
    before = read_reaper(path)
    project(tmp_path, track(item() * 2))
    with pytest.raises(UsageError, match="not as it was read"):
        write(path, before, before)
    path.write_text("gone")
    with pytest.raises(InputError):
        write(path, before, before)


def test_a_file_of_another_that_stands_in_the_way_is_left(tmp_path: Path) -> None:
    path = project(tmp_path, track())
    before = read_reaper(path)
    (tmp_path / "out.rpp.part").write_text("mine")
    with pytest.raises(FileExistsError):
        write_reaper(path, before, before, tmp_path / "out.rpp")
    assert (tmp_path / "out.rpp.part").read_text() == "mine"
    assert not (tmp_path / "out.rpp").exists()


def test_media_are_found_from_another_folder(tmp_path: Path) -> None:
    song, away = tmp_path / "song", tmp_path / "song" / "mixes" / "fixed"
    away.mkdir(parents=True)
    for name in ("Audio/a.wav", "Audio/it's.wav", "mixes/fixed/c.wav", "b.wav"):
        (song / name).parent.mkdir(exist_ok=True, parents=True)
        (song / name).touch()
    files = [
        'FILE "a.wav" 1',
        "FILE Audio\\it's.wav",
        f'FILE "{song}/b.wav"',
        "FILE missing.wav",
        'FILE "mixes/fixed/c.wav"',
    ]
    files.append('FILE "C:\\\\other\\\\Audio\\\\a.wav"')
    head = HEAD + "  RECORD_PATH Audio ''\n"
    files.append(f'FILE "{away}/c.wav"')
    path = project(song, track("".join(item(source=f"<SOURCE WAVE\n{f}\n>\n") for f in files)), head)
    before = read_reaper(path)
    found = [c.media[0].file for c in before.tracks[0].clips]
    out = away / "out.rpp"
    write_reaper(path, before, before, out)
    again = read_reaper(out, [song])
    assert [c.media[0].file for c in again.tracks[0].clips] == found
    assert found.count(None) == 1
    lines = [line for line in out.read_text().splitlines() if line.startswith("FILE")]
    assert lines == [
        f'FILE "{song}/Audio/a.wav" 1', f'FILE "{song}/Audio/it\'s.wav"', f'FILE "{song}/b.wav"', "FILE missing.wav",
        'FILE "c.wav"', f'FILE "{song}/Audio/a.wav"', f'FILE "{away}/c.wav"',
    ]  # fmt: skip
    rest = [line for line in path.read_text().splitlines() if not line.startswith("FILE")]
    assert [line for line in out.read_text().splitlines() if not line.startswith("FILE")] == rest


def test_media_allowed_outside_are_found_from_another_folder(tmp_path: Path) -> None:
    for name in ("song", "library", "fixed"):
        (tmp_path / name).mkdir()
    file = tmp_path / "library" / "kick.wav"
    file.touch()
    path = project(tmp_path / "song", track(item(source="<SOURCE WAVE\nFILE ../library/kick.wav\n>\n")))
    before = read_reaper(path, [tmp_path / "library"])
    assert before.tracks[0].clips[0].media[0].file == file
    out = tmp_path / "fixed" / "out.rpp"
    write_reaper(path, before, before, out)
    assert read_reaper(out, [tmp_path / "library"]).tracks[0].clips[0].media[0].file == file


def test_an_old_project_keeps_its_code_page(tmp_path: Path) -> None:
    path = tmp_path / "old.rpp"
    path.write_bytes((HEAD + track(item("NAME Fl\u00f6te\n"), name="Fl\u00f6te") + ">\n").encode("cp1252"))
    before = read_reaper(path)
    after = edited(before, fader=0.5)
    out = write(path, before, after)
    same(read_reaper(out), after)
    assert b"NAME Fl\xf6te\n" in out.read_bytes()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_without_exponent_and_exactly(value: float) -> None:
    assert float(written(value)) == value
    assert "e" not in written(value).lower()
