"""Whole sessions written as new DAWprojects: read again they are the same, moved they are as moved."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from dsp.errors import UsageError
from plugin_bridge.sessions.dawproject import as_written, read_dawproject, write_dawproject, write_new_dawproject
from plugin_bridge.sessions.dawproject.plan import differences
from plugin_bridge.sessions.model import (
    Band,
    Clip,
    Curve,
    Device,
    Fade,
    Media,
    Point,
    Send,
    Session,
    Tempo,
    Track,
    seconds_of,
)  # fmt: skip
from tests.test_dawproject_read import DATA, corpus, tone_wav
from tests.test_dawproject_write import EQ, faded, shifted

RATE, FILE_S = 8000, 4.0
WITH_GAIN = ("bell", "low-shelf", "high-shelf", "notch")
WITHOUT = ("high-pass", "low-pass", "high-pass-24", "low-pass-24")
numbers = st.floats(0.0, 60.0, allow_subnormal=False)
gains = st.floats(0.0, 2.0, allow_subnormal=False)
names = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=8)


@cache
def audio() -> tuple[Path, ...]:
    folder = Path(tempfile.mkdtemp(prefix="dawproject-test-"))
    atexit.register(shutil.rmtree, folder)
    return tuple(tone_wav(folder / f"{k}.wav", int(FILE_S * RATE), RATE, k) for k in (1, 2))


@st.composite
def curves(
    draw: st.DrawFn, low: float, high: float, least: int = 1, shapes: tuple[str, ...] = ("linear", "hold")
) -> Curve:
    at = sorted(draw(st.lists(numbers, min_size=least, max_size=4)))
    values = st.floats(low, high, allow_subnormal=False)
    return tuple(Point(t, draw(values), draw(st.sampled_from(shapes))) for t in at)


@st.composite
def clip(draw: st.DrawFn) -> Clip:
    number = draw(st.integers(0, 2))
    media = Media(f"audio/{number + 1}.wav", audio()[number]) if number < 2 else Media("audio/gone.wav", None)
    rate = draw(st.sampled_from([1.0, 1.0, 0.5, 2.0, 1.0594630943592953, 0.8764706309572271]))
    length = draw(st.floats(0.01, 30.0))
    loop = None
    start = draw(st.floats(0.0, 3.0))
    if draw(st.booleans()):
        loop = (draw(st.floats(0.0, 1.5)), draw(st.floats(1.6, FILE_S)))
        start = min(start, 1.5)
        length = max(length, loop[1] / rate + 0.01)
    fade = st.one_of(st.none(), st.floats(0.001, 1.0).map(Fade))
    return Clip(
        draw(names), (media,), draw(numbers), length, start, draw(st.one_of(st.just(1.0), st.floats(0.1, 4.0))),
        draw(fade), draw(fade), draw(st.booleans()), rate=rate, pitch_kept=draw(st.booleans()), loop_s=loop,
        envelope=draw(st.one_of(st.just(()), curves(0.0, 2.0, 2))),
    )  # fmt: skip


@st.composite
def device(draw: st.DrawFn) -> Device:
    db = st.floats(-30.0, 30.0)
    time = st.floats(0.0, 1.0)
    name, on = draw(names), draw(st.booleans())
    kind = draw(
        st.sampled_from(
            ["equalizer", "compressor", "limiter", "gate", "vst3", "vst2", "clap", "au", "other", "instrument"]
        )
    )
    if kind == "equalizer":
        kinds = draw(st.lists(st.sampled_from([*WITH_GAIN, *WITHOUT]), max_size=3))
        made = [(k, draw(st.floats(10.0, 20_000.0)), draw(db) if k in WITH_GAIN else 0.0) for k in kinds]
        bands = tuple(Band(k, hz, gain, draw(st.floats(0.1, 20.0)), draw(st.booleans())) for k, hz, gain in made)
        return Device(
            name, "equalizer", on, "V", "id-1", {"input_gain_db": draw(db), "output_gain_db": draw(db)}, bands
        )
    held = {
        "compressor": {
            "threshold_db": db,
            "ratio": st.floats(1.0, 50.0),
            "attack_s": time,
            "auto_makeup": st.sampled_from([0.0, 1.0]),
        },
        "limiter": {"threshold_db": db, "release_s": time, "input_gain_db": db},
        "gate": {"threshold_db": db, "ratio": st.floats(1.0, 50.0), "range_db": st.floats(-80.0, 0.0)},
    }.get(kind, {"Mix": db, "Große Größe": time})
    parameters = {k: draw(s) for k, s in held.items()}
    state = draw(st.binary(max_size=20)) if kind not in ("compressor", "limiter", "gate") else b""
    return Device(name, kind, on, "", draw(st.sampled_from(["", "com.x"])), parameters, state=state)  # type: ignore[arg-type]


@st.composite
def tempos(draw: st.DrawFn) -> tuple[Tempo, ...]:
    beats = [0.0, *sorted(draw(st.sets(st.integers(1, 40), max_size=3)))]
    made = list[Tempo]()
    for k, beat in enumerate(beats):
        bpm, ramp = draw(st.floats(40.0, 240.0)), draw(st.booleans()) and k + 1 < len(beats)
        here = Tempo(0.0, float(beat), bpm, draw(st.integers(1, 12)), draw(st.sampled_from([2, 4, 8])), ramp)
        if k:  # just before it, the one before still holds
            before = float(np.nextafter(here.beat, 0.0))
            here = replace(here, time_s=seconds_of((made[-1], here), before))
        made.append(here)
    return tuple(made)


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    count = draw(st.integers(1, 5))
    kinds = draw(st.lists(st.sampled_from(["track", "track", "group", "bus"]), min_size=count, max_size=count))
    ids = [f"t{k}" for k in range(count)]
    inside, parents = list[str](), list[str | None]()
    for k, kind in enumerate(kinds):
        inside = inside[: draw(st.integers(0, len(inside)))]
        parents.append(inside[-1] if inside else None)
        inside = [*inside, ids[k]] if kind == "group" else inside
    volume = st.one_of(st.just(()), curves(0.0, 2.0), curves(0.0, 2.0, shapes=("fader-db", "hold")))
    switched = st.lists(st.tuples(numbers, st.sampled_from([0.0, 1.0])), max_size=3).map(
        lambda found: tuple(Point(t, v, "hold") for t, v in sorted(found, key=lambda p: p[0]))
    )
    pan = st.floats(-1.0, 1.0)

    def channel(k: int, name: str, kind: str, track_id: str, parent: str | None) -> Track:
        others = [i for i in (*ids, "m") if i != track_id]
        sends = st.builds(Send, st.sampled_from(others), gains, pan, st.booleans(), st.booleans())
        return Track(
            track_id, name, kind, draw(st.sampled_from(others)) if kind != "master" else None, parent,  # type: ignore[arg-type]
            draw(st.sampled_from([1, 2])), tuple(draw(st.lists(clip(), max_size=2))) if kind == "track" else (),
            inserts=tuple(draw(st.lists(device(), max_size=2))), fader=draw(gains), pan=draw(pan),
            sends=tuple(draw(st.lists(sends, max_size=2))), muted=draw(st.booleans()), soloed=draw(st.booleans()),
            volume=draw(volume), pans=draw(st.one_of(st.just(()), curves(-1.0, 1.0))), mutes=draw(switched),
        )  # fmt: skip

    tracks = tuple(channel(k, draw(names), kinds[k], ids[k], parents[k]) for k in range(count))
    clips = [c for t in tracks for c in t.clips]
    return Session(
        "song", "DAWproject", Path("song.dawproject"), RATE if clips else 48_000, tracks,
        channel(count, "Master", "master", "m", None), draw(tempos()), 0.0,
        max((c.end_s for c in clips if not c.muted), default=0.0),
    )  # fmt: skip


unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@unhurried
@given(sessions())
def test_a_new_file_is_the_session(session: Session) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "song.dawproject")
        write_new_dawproject(session, out)
        made = read_dawproject(out, media_dir=Path(folder, "media"))
        assert differences(session, made) == []
        assert made.unread == ()
        assert (made.name, made.format, made.file) == ("song", "DAWproject", out)
        for track in made.tracks:
            for c in track.clips:
                assert (c.media[0].file is None) == ("gone" in c.media[0].name)


@unhurried
@given(sessions(), st.floats(0.3, 3.0), st.floats(-0.5, 1.0), st.booleans(), st.booleans())
def test_moves_are_read_as_made(session: Session, factor: float, shift_s: float, first: bool, over: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "song.dawproject"), Path(folder, "out.dawproject")
        write_new_dawproject(session, source)
        before = read_dawproject(source, media_dir=Path(folder, "media"))

        def moved(t: Track) -> Track:
            cut = [(c, max(0.0, -(c.position_s + shift_s))) for c in t.clips]
            gone = any(c.length_s < by + 0.01 or (c.loop_s and c.offset_s + by * c.rate > c.loop_s[1]) for c, by in cut)
            by_s = abs(shift_s) if gone else shift_s
            there = bool(t.clips) and all(c.media[0].file for c in t.clips)
            return replace(
                faded(t, factor), inserts=(EQ, *t.inserts) if first else (*t.inserts, EQ),
                clips=tuple(shifted(c, by_s) for c in t.clips), inverted=(True, True) if over and there else (),
            )  # fmt: skip

        after = replace(before, tracks=tuple(moved(t) for t in before.tracks), master=moved(before.master))
        try:
            write_dawproject(source, before, after, out)
        except UsageError as error:
            assert "before the fader" in str(error)
            assert any(s.pre and s.enabled for t in before.channels for s in t.sends)
            assert not out.exists()
            return
        made = read_dawproject(out, media_dir=Path(folder, "again"))
        assert differences(as_written(source, before, after, out), made) == []
        if factor <= 1.0 and not over:
            assert differences(replace(after, end_s=made.end_s), made) == []
        ids = [e.get("id") for e in etree.fromstring(zipfile.ZipFile(out).read("project.xml")).iter() if e.get("id")]
        assert len(ids) == len(set(ids))


@pytest.mark.corpus
@corpus
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(sessions())
def test_the_schema_finds_no_fault(session: Session) -> None:
    schema = etree.XMLSchema(etree.parse(str(DATA / "Project.xsd")))
    about = etree.XMLSchema(etree.parse(str(DATA / "MetaData.xsd")))
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "song.dawproject"), Path(folder, "out.dawproject")
        write_new_dawproject(session, source)
        before = read_dawproject(source, media_dir=Path(folder, "media"))
        tracks = tuple(replace(faded(t, 0.5), inserts=(*t.inserts, EQ)) for t in before.tracks)
        write_dawproject(source, before, replace(before, tracks=tracks), out)
        for path in (source, out):
            schema.assertValid(etree.fromstring(zipfile.ZipFile(path).read("project.xml")))
            about.assertValid(etree.fromstring(zipfile.ZipFile(path).read("metadata.xml")))


def session(**track: object) -> Session:
    media = Media("a.wav", audio()[0])
    base = Track("t", "T", "track", "m", clips=(Clip("c", (media,), 0.0, 1.0),))
    return Session("s", "", Path(), RATE, (replace(base, **track),), Track("m", "M", "master"))  # type: ignore[arg-type]


def one_clip(**changes: object) -> Session:
    (base,) = session().tracks[0].clips
    return session(clips=(replace(base, **changes),))  # type: ignore[arg-type]


REFUSED = {
    "inverted polarity": session(inverted=(True,)),
    "a trim of 0.5": session(trim=0.5),
    "the pan law": session(pan_law="sin"),
    "devices after the fader": session(post_inserts=(EQ,)),
    "not active": session(active=False),
    "on top of the fader": session(volume=(Point(0.0, 1.0),), fader_follows=False),
    "leads nowhere": session(output=None),
    "jsfx plugins": session(inserts=(Device("x", "jsfx"),)),
    "no band of kind": session(inserts=(Device("x", "equalizer", bands=(Band("tilt", 100.0),)),)),
    "a curve that goes ardour-gain": session(volume=(Point(0.0, 1.0, "ardour-gain"),)),
    "point of a pan": session(pans=(Point(0.0, 1.0, "reaper-slow"),)),
    "holds a mute": session(mutes=(Point(0.0, 1.0),)),
    "reversed audio": one_clip(reversed=True),
    "layers": one_clip(opaque=True),
    "not linear": one_clip(fade_in=Fade(1.0, (Point(0.0, 0.0, "equal-power"), Point(1.0, 1.0)))),
    "a loop it starts behind": one_clip(loop_s=(0.0, 0.5), offset_s=0.6),
    "single channels": one_clip(media=(Media("a.wav", None, channel=0),)),
    "cannot be written in XML": session(name="a\0b"),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_the_format_cannot_hold_is_refused(tmp_path: Path, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        write_new_dawproject(REFUSED[words], tmp_path / "s.dawproject")
    assert words in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_audio_goes_in_once_and_as_it_is(tmp_path: Path) -> None:
    given, other = session(), tmp_path / audio()[0].name
    other.write_bytes(audio()[1].read_bytes())
    (clip_,) = given.tracks[0].clips
    clips = (clip_, replace(clip_, position_s=2.0), replace(clip_, media=(Media("b", other),)))
    given = replace(given, tracks=(replace(given.tracks[0], clips=clips),))
    write_new_dawproject(given, tmp_path / "s.dawproject")
    z = zipfile.ZipFile(tmp_path / "s.dawproject")
    assert z.namelist() == ["metadata.xml", "project.xml", "audio/1.wav", "audio/1 (2).wav"]
    assert all(z.getinfo(n).compress_type == zipfile.ZIP_STORED for n in z.namelist()[2:])
    assert z.read("audio/1.wav") == audio()[0].read_bytes()
    write_new_dawproject(given, tmp_path / "t.dawproject", {other: "audio/kick.wav"})
    assert "audio/kick.wav" in zipfile.ZipFile(tmp_path / "t.dawproject").namelist()
    write_new_dawproject(given, tmp_path / "u.dawproject")
    assert (tmp_path / "u.dawproject").read_bytes() == (tmp_path / "s.dawproject").read_bytes()
