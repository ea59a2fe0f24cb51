"""Damaged DAWprojects: whatever is wrong in them, there is a session with finite numbers, or an InputError."""

from __future__ import annotations

import math
import random
import tempfile
from copy import deepcopy
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from dsp.errors import InputError
from plugin_bridge.sessions.dawproject import read_dawproject
from plugin_bridge.sessions.dawproject.read import Found, read_text
from plugin_bridge.sessions.dawproject.xml import Text
from plugin_bridge.sessions.media import Finder
from tests.test_dawproject_read import AUDIO, CHANNEL, DEVICES, MASTER, ROUTING, project, track, warps

RICH = project(
    track(DEVICES + CHANNEL[CHANNEL.index("<Mute") :]) + ROUTING + MASTER,
    f'<Lanes track="t"><Clips><Clip time="1" duration="20" playStart="1" loopStart="0" loopEnd="4" fadeInTime="1" '
    'fadeOutTime="0.5">'
    f'<Clips id="x"><Clip time="1" duration="2" contentTimeUnit="seconds"><Lanes>{AUDIO}<Points unit="decibel">'
    f'<Target expression="gain"/><RealPoint time="0" value="-3"/></Points></Lanes></Clip></Clips></Clip>'
    f'<Clip time="30" duration="8">{warps([(0, 0), (4, 1), (8, 4)])}</Clip>'
    '<Clip time="50" duration="2" reference="x"/></Clips>'
    '<Points unit="linear"><Target parameter="v"/><RealPoint time="0" value="1" interpolation="linear"/>'
    '<RealPoint time="9" value="0"/></Points>'
    '<Points><Target parameter="u"/><BoolPoint time="0" value="true"/></Points></Lanes>',
    '<Tempo id="tp" unit="bpm" value="120"/><TimeSignature id="ts" numerator="4" denominator="4"/>',
    "beats",
    '<Markers><Marker time="0"/></Markers><TempoAutomation timeUnit="beats"><Target parameter="tp"/>'
    '<RealPoint time="0" value="60" '
    'interpolation="linear"/><RealPoint time="8" value="120"/></TempoAutomation>',
)  # fmt: skip
VALUES = (
    "", "nan", "inf", "-inf", "-1", "0", "1e9", "1e308", "-1e308", "1e-308", "1e999", "9" * 400, "x", "t", "tc", "true",
    "seconds",     "beats", "percent", "linear", "decibel", "hertz", "master", "vca", "../../etc/passwd", "/etc/passwd",
    "\u202e", "0x10", "1_0", "٣",
)  # fmt: skip


def mutated(seed: int) -> str:
    """The rich project with some of it changed."""
    draw = random.Random(seed)
    root = etree.fromstring(RICH.encode())
    for _ in range(draw.randint(1, 4)):
        elements = list(root.iter())
        one, other = draw.choice(elements), draw.choice(elements)
        what = draw.randrange(6)
        if what <= 2 and one.attrib:
            one.set(draw.choice(list(one.attrib)), draw.choice(VALUES))
        elif what == 3 and one.attrib:
            del one.attrib[draw.choice(list(one.attrib))]
        elif what == 4 and one.getparent() is not None:
            one.getparent().remove(one)  # type: ignore[union-attr]
        elif what == 5 and one is not root:
            other.append(deepcopy(one))
    return etree.tostring(root, encoding="unicode")


def all_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if is_dataclass(value):
        return all(all_finite(getattr(value, f.name)) for f in fields(value))
    if isinstance(value, dict):
        return all(map(all_finite, value.values()))
    return all(map(all_finite, value)) if isinstance(value, tuple) else True


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_damage_is_read_or_refused(seed: int) -> None:
    path = Path("song.dawproject")
    try:
        session = read_text(Text(mutated(seed), "utf-8"), Found(path, None, Finder(path), None)).session
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert all_finite(session)
    ids = [t.id for t in session.channels]
    assert len(ids) == len(set(ids))
    for channel in session.tracks:
        assert channel.output in ids
        assert channel.parent is None or channel.parent in ids
        for clip in channel.clips:
            assert clip.position_s >= 0.0
            assert clip.length_s > 0.0
            assert clip.rate > 0.0
            assert not clip.loop_s or clip.loop_s[0] < clip.loop_s[1]
        for curve in (channel.volume, channel.pans, channel.mutes, *(c.envelope for c in channel.clips)):
            assert [p.time_s for p in curve] == sorted(p.time_s for p in curve)


def test_undamaged(tmp_path: Path) -> None:
    path = Path("song.dawproject")
    session = read_text(Text(RICH, "utf-8"), Found(path, None, Finder(tmp_path / "x"), None)).session
    assert len(session.track("t").clips) == 8
    assert session.track("t").volume


@pytest.mark.parametrize("step", [7])
def test_every_truncation_of_the_text(step: int) -> None:
    path = Path("song.dawproject")
    found = Found(path, None, Finder(path), None)
    for end in range(0, len(RICH) - 1, step):
        with pytest.raises(InputError):
            read_text(Text(RICH[:end], "utf-8"), found)


def test_noise_is_no_session() -> None:
    draw = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.dawproject")
        for start in (b"", b"PK\x03\x04", b"<Project", b"\xff\xfe", b"<?xml version='1.0'?>"):
            for _ in range(20):
                path.write_bytes(start + draw.randbytes(draw.randrange(400)))
                with pytest.raises(InputError):
                    read_dawproject(path, media_dir=Path(folder))
