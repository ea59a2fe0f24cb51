"""Corrected sessions in Ardour 7 itself: it opens them, plays what was asked for, and saves them unchanged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dsp.correction.biquad import analogue
from dsp.findings import EqMove
from dsp.units import Curve
from plugin_bridge.sessions.ardour import read_ardour, write_ardour
from plugin_bridge.sessions.model import Band, Device, Session, Track
from render_tests.ardour_build import RATE, Region, Samples, Strip, build
from render_tests.ardour_host import export, missing, resaved

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing), reason=missing or "it is installed")]

#: Bells, shelves that have and have not the q of Ardour's, passes, a notch: all ways a band can be written.
BANDS = (
    Band("bell", 1000.0, -6.0, 1.4), Band("high-shelf", 5000.0, 4.0, 0.7071), Band("low-shelf", 200.0, -5.0, 0.7),
    Band("bell", 400.0, 3.0, 3.0), Band("high-shelf", 3000.0, -3.0, 0.4), Band("high-pass", 60.0, 0.0, 0.9),
    Band("notch", 2000.0, 0.0, 5.0), Band("high-pass-24", 30.0), Band("low-pass", 15000.0),
)  # fmt: skip
GAIN_DB = -1.5
LATER = 100
HZ = np.array([40.0, 60, 100, 200, 300, 400, 700, 1000, 1500, 2500, 3500, 5000, 8000, 10_000])


def _session(folder: Path) -> Path:
    clicks = np.zeros((1, 2 * RATE), np.float32)
    clicks[0, [2000, RATE]] = 0.5
    flat = np.full((2, 2 * RATE), 0.25, np.float32)
    strips = [
        Strip("Clicks", 1, pan=0.0, regions=[Region("clicks", 0, 2 * RATE)]),
        Strip("Flat", 2, pan=1.0, gain=0.7, regions=[Region("flat", RATE, RATE // 2)]),
    ]
    return build(folder / "song", strips, {"clicks": clicks, "flat": flat}, 2 * RATE)


def _changed(session: Session) -> Session:
    clicks, flat = session.tracks
    eq = Device("MixDiagnose EQ", "equalizer", bands=BANDS, parameters={"output_gain_db": GAIN_DB})
    return replace(session, tracks=(replace(clicks, inserts=(eq,)), _moved(flat)))


def _moved(track: Track) -> Track:
    clips = tuple(replace(c, position_s=c.position_s + LATER / RATE) for c in track.clips)
    return replace(track, fader=track.fader * 2.5, inverted=(True, True), clips=clips)


def db(response: npt.NDArray[Any]) -> Curve:
    return np.asarray(20.0 * np.log10(np.abs(response)))


def _level_db(mix: Samples) -> Curve:
    """Of the second click, which comes when the filters have come to rest."""
    click = mix[0, RATE - 200 : RATE + RATE // 2].astype(np.float64)
    return db(np.exp(-2j * np.pi * np.outer(HZ, np.arange(len(click))) / RATE) @ click)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_ardour_plays_what_was_written(tmp_path: Path, elsewhere: bool) -> None:
    source = _session(tmp_path)
    before = read_ardour(source)
    place = tmp_path / "New session" if elsewhere else source.parent
    place.mkdir(exist_ok=True)
    written = place / "corrected.ardour"
    write_ardour(source, before, _changed(before), written)
    old, new = export(source, tmp_path / "old.wav"), export(written, tmp_path / "new.wav")
    start = RATE
    assert not new[1, : start + LATER].any()
    assert new[1, start + LATER : start + RATE // 2] == pytest.approx(-2.5 * old[1, start : start + RATE // 2 - LATER])
    moves = [EqMove("", b.kind, b.frequency_hz, b.gain_db, b.q) for b in BANDS]
    wanted = GAIN_DB + np.sum([db(analogue(m, HZ)) for m in moves], axis=0)
    assert np.abs(_level_db(new) - _level_db(old) - wanted).max() < 0.5


def test_what_ardour_saves_of_a_written_session_reads_the_same(tmp_path: Path) -> None:
    source = _session(tmp_path)
    written = source.with_name("corrected.ardour")
    write_ardour(source, read_ardour(source), _changed(read_ardour(source)), written)
    ours, theirs = read_ardour(written), read_ardour(resaved(written, "saved", tmp_path))
    for mine, other in zip(ours.tracks, theirs.tracks, strict=True):
        assert replace(other, inserts=(), fader=0.0) == replace(mine, inserts=(), fader=0.0)
        assert other.fader == pytest.approx(mine.fader, rel=1e-6)
        assert [d.name for d in other.inserts] == [d.name for d in mine.inserts]
        for a, b in zip(mine.inserts, other.inserts, strict=True):
            assert [x.kind for x in b.bands] == [x.kind for x in a.bands]
            assert [x.frequency_hz for x in b.bands] == pytest.approx([x.frequency_hz for x in a.bands], rel=1e-5)
            assert [x.q for x in b.bands] == pytest.approx([x.q for x in a.bands], rel=1e-5)
