"""Random Ardour sessions: what was written of them is read, and moves written into them read back as made."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.correction.correction import MIX, Move
from dsp.findings import DelayMove, EqMove, GainMove, PolarityMove
from plugin_bridge.sessions.ardour import read_ardour, write_ardour
from plugin_bridge.sessions.model import Device, Session, Track
from plugin_bridge.sessions.moved import can, moved
from render_tests.ardour_build import RATE, Region, Strip, build

SOUNDS = {"one": np.zeros((1, 8), np.float32), "two": np.zeros((2, 8), np.float32)}
GAIN = st.floats(0.05, 1.4).map(lambda g: float(np.float32(g)))


@st.composite
def strips(draw: st.DrawFn) -> list[Strip]:
    """A few tracks and buses."""
    buses = [Strip(f"Bus {k}", 2, bus=True, gain=draw(GAIN)) for k in range(draw(st.integers(0, 2)))]
    made = list(buses)
    for k in range(draw(st.integers(1, 4))):
        channels = draw(st.sampled_from((1, 2)))
        regions = [
            Region(
                "one" if channels == 1 else "two", draw(st.integers(0, 200_000)), draw(st.integers(3000, 90_000)),
                draw(st.integers(0, 5000)), draw(GAIN) * draw(st.sampled_from((1, -1))), layer=n,
                muted=draw(st.booleans()),
            )
            for n in range(draw(st.integers(0, 3)))
        ]  # fmt: skip
        gains = draw(st.sampled_from(((), ((0, 0.5), (30_000, 0.25)))))
        made.append(
            Strip(
                f"Track {k}", channels, regions=regions, gain=draw(GAIN), trim=draw(GAIN), gains=gains,
                pan=draw(st.integers(0, 8)) / 8, phase="".join(draw(st.sampled_from("01")) for _ in range(channels)),
                muted=draw(st.booleans()), soloed=draw(st.booleans()), active=draw(st.booleans()),
                output=draw(st.sampled_from(["Master", None, *(b.name for b in buses)])),
            )
        )  # fmt: skip
    return made


@st.composite
def moves(draw: st.DrawFn, session: Session) -> dict[str, tuple[Move, ...]]:
    """Moves that the session can hold."""
    found: dict[str, tuple[Move, ...]] = {}
    for name in (*session.names.values(), MIX):
        if name == "Master":
            continue
        own: list[Move] = [
            GainMove(name, draw(st.floats(-12.0, 0.0))),
            PolarityMove(name),
            DelayMove(name, draw(st.integers(-2000, 2000))),
            EqMove(name, "bell", draw(st.floats(40.0, 9e3)), draw(st.floats(-6.0, 6.0)), draw(st.floats(0.6, 4.0))),
            EqMove(name, "high-pass", draw(st.floats(20.0, 200.0)), 0.0, 0.7071),
        ]
        if row := tuple(m for m in own if draw(st.booleans()) and can(session, name, m)):
            found[name] = row
    return found


def parts(track: Track) -> tuple[list[float], list[float], Track]:
    """Times, values (of bands, automation and fader), and the rest of a channel, which must be equal to the bit."""
    bands = sorted((b.kind, b.frequency_hz, b.gain_db, b.q) for d in track.inserts for b in d.bands)
    times = [t for c in track.clips for t in (c.position_s, c.length_s, c.offset_s)]
    values = [v for band in bands for v in band[1:]] + [p.value for p in track.volume] + [track.fader]
    clips = tuple(replace(c, position_s=0.0, length_s=0.0, offset_s=0.0) for c in track.clips)
    kinds = tuple(Device(kind, "equalizer") for kind, *_ in bands)
    volume = tuple(replace(p, value=0.0) for p in track.volume)
    turned = track.inverted if any(track.inverted) else ()  # nothing turned is written in two ways
    return times, values, replace(track, inserts=kinds, clips=clips, volume=volume, fader=0.0, inverted=turned)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_moves_read_back_as_they_were_made(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given_strips = data.draw(strips())
        session = read_ardour(build(folder / "song", given_strips, SOUNDS, 10 * RATE))
        assert [t.name for t in session.tracks] == [s.name for s in given_strips]
        for track, strip in zip(session.tracks, given_strips, strict=True):
            assert track.fader == pytest.approx(strip.gain)
            assert (track.muted, track.soloed, track.active, len(track.clips)) == (
                strip.muted, strip.soloed, strip.active, len(strip.regions),
            )  # fmt: skip
        after = moved(session, data.draw(moves(session)))
        out = folder / "song" / "mended.ardour"
        write_ardour(session.file, session, after, out)
        again = read_ardour(out)
        assert again.unread == session.unread
        for made, wanted in zip(again.channels, after.channels, strict=True):
            times, values, rest = parts(made)
            wanted_times, wanted_values, wanted_rest = parts(wanted)
            assert times == pytest.approx(wanted_times, abs=1e-8)
            assert values == pytest.approx(wanted_values, rel=1e-3, abs=1e-3)  # a-eq keeps its settings in steps
            assert rest == wanted_rest
