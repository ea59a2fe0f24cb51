"""One small mix, saved by hand in every format: all of them sound the same, and take the same fix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dsp.correction.correction import MIX, Move
from dsp.findings import DelayMove, GainMove, PolarityMove
from dsp.units import Samples
from plugin_bridge.files import read_audio
from plugin_bridge.render import render
from plugin_bridge.sessions.dawproject import write_new_dawproject
from plugin_bridge.sessions.model import Clip, Fade, Media, Session, Track
from plugin_bridge.sessions.moved import ABLE, can, moved
from plugin_bridge.sessions.reading import open_session
from plugin_bridge.sessions.writing import write_session
from plugin_bridge.writer import FLOAT, write_wav
from render_tests.ardour_build import Region, Strip, build, linear, turn

RATE = 48_000
rng = np.random.default_rng(23)
LEAD, BASS = ((0.1 * rng.standard_normal((2, 2 * RATE))).astype(np.float32) for _ in range(2))
GAINS = {"Lead": 0.5, "Bass": 0.8, "Group": 0.7}
#: The lead begins at 0.25 s, 0.125 s into its file, lasts 1.5 s, fades in over 0.1 s and out over 0.2 s.
AT_S, INTO_S, LONG_S, IN_S, OUT_S = 0.25, 0.125, 1.5, 0.1, 0.2
TOLERANCE = 3e-7

REAPER = """<REAPER_PROJECT 0.1 "7.0/linux-x86_64" 1700000000
  PANLAW 1
  SAMPLERATE {rate} 1 0
  TEMPO 120 4 4
  MASTER_VOLUME 1 0 -1 -1 1
  <TRACK {{1}}
    NAME Group
    VOLPAN {Group} 0 -1 -1 1
    ISBUS 1 1
    MAINSEND 1 0
  >
  <TRACK {{2}}
    NAME Lead
    VOLPAN {Lead} 0 -1 -1 1
    ISBUS 2 -1
    MAINSEND 1 0
    <ITEM
      POSITION {at}
      LENGTH {long}
      LOOP 0
      FADEIN 0 {fade_in} 0 0 0 0 0
      FADEOUT 0 {fade_out} 0 0 0 0 0
      MUTE 0 0
      NAME lead
      VOLPAN 1 0 1 -1
      SOFFS {into}
      PLAYRATE 1 1 0 -1 0 0.0025
      CHANMODE 0
      <SOURCE WAVE
        FILE "lead.wav"
      >
    >
  >
  <TRACK {{3}}
    NAME Bass
    VOLPAN {Bass} 0 -1 -1 1
    ISBUS 0 0
    MAINSEND 1 0
    <ITEM
      POSITION 0
      LENGTH 2
      LOOP 0
      FADEIN 0 0 0 0 0 0 0
      FADEOUT 0 0 0 0 0 0 0
      MUTE 0 0
      NAME bass
      VOLPAN 1 0 1 -1
      SOFFS 0
      PLAYRATE 1 1 0 -1 0 0.0025
      CHANMODE 0
      <SOURCE WAVE
        FILE "bass.wav"
      >
    >
  >
>
"""


def reaper(folder: Path) -> Path:
    wavs(folder)
    path = folder / "song.rpp"
    numbers = {"rate": RATE, "at": AT_S, "long": LONG_S, "fade_in": IN_S, "fade_out": OUT_S, "into": INTO_S}
    path.write_text(REAPER.format(**numbers, **GAINS), encoding="utf-8")
    return path


def dawproject(folder: Path) -> Path:
    wavs(folder)
    lead = Clip(
        "lead",
        (Media("lead.wav", folder / "lead.wav"),),
        AT_S,
        LONG_S,
        INTO_S,
        fade_in=Fade(IN_S),
        fade_out=Fade(OUT_S),
    )
    bass = Clip("bass", (Media("bass.wav", folder / "bass.wav"),), 0.0, 2.0)
    group = Track("g", "Group", "group", "m", fader=GAINS["Group"])
    tracks = (
        group,
        Track("l", "Lead", "track", "g", "g", clips=(lead,), fader=GAINS["Lead"]),
        Track("b", "Bass", "track", "m", clips=(bass,), fader=GAINS["Bass"]),
    )
    path = folder / "song.dawproject"
    write_new_dawproject(
        Session("song", "DAWproject", path, RATE, tracks, Track("m", "Master", "master"), end_s=2.0), path
    )
    return path


def ardour(folder: Path) -> Path:
    rise, fall = linear(round(IN_S * RATE)), turn(linear(round(OUT_S * RATE)))
    lead = Region("lead", round(AT_S * RATE), round(LONG_S * RATE), round(INTO_S * RATE), fade_in=rise, fade_out=fall)
    strips = [
        Strip("Lead", 2, gain=GAINS["Lead"], output="Group", regions=[lead]),
        Strip("Bass", 2, gain=GAINS["Bass"], regions=[Region("bass", 0, 2 * RATE)]),
        Strip("Group", 2, bus=True, gain=GAINS["Group"]),
    ]
    return build(folder / "song", strips, {"lead": LEAD, "bass": BASS}, 2 * RATE)


def wavs(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, samples in (("lead", LEAD), ("bass", BASS)):
        write_wav(folder / f"{name}.wav", lambda x=samples: iter([x]), RATE, 2, FLOAT)  # type: ignore[misc]


FORMATS = {"REAPER": reaper, "DAWproject": dawproject, "Ardour": ardour}


def expected(
    lead_db: float = 0.0, bass: float = 1.0, late: int = 0, all_db: float = 0.0
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The mix in numpy, with moves made: gain of the lead, factor of the bass, delay of the bass, gain of all."""
    a, into, frames = round(AT_S * RATE), round(INTO_S * RATE), round(LONG_S * RATE)
    rise, fall = round(IN_S * RATE), round(OUT_S * RATE)
    fade = np.ones(frames)
    fade[:rise] *= np.linspace(0.0, 1.0, rise)
    fade[-fall:] *= np.linspace(1.0, 0.0, fall)
    mix = np.zeros((2, 2 * RATE + late))
    mix[:, a : a + frames] += (
        GAINS["Lead"] * GAINS["Group"] * 10 ** (lead_db / 20) * fade * LEAD[:, into : into + frames]
    )
    mix[:, late:] += GAINS["Bass"] * bass * BASS
    return 10 ** (all_db / 20) * mix


def mix_of(path: Path, folder: Path) -> Samples:
    with open_session(path) as session:
        assert session.unread == ()
        made = render(session, folder)
        assert made.facts.approximate == ()
        return read_audio(made.mix)[0].samples


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_sounds_the_same(name: str, tmp_path: Path) -> None:
    path = FORMATS[name](tmp_path / "session")
    np.testing.assert_allclose(mix_of(path, tmp_path / "out"), expected(), atol=TOLERANCE)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_takes_the_same_fix(name: str, tmp_path: Path) -> None:
    path = FORMATS[name](tmp_path / "session")
    moves: dict[str, tuple[Move, ...]] = {
        "Lead": (GainMove("Lead", -3.0),),
        "Bass": (PolarityMove("Bass"), DelayMove("Bass", 48.0)),
        MIX: (GainMove(MIX, -1.5),),
    }
    out = path.with_name(f"mended{path.suffix}")
    with open_session(path) as before:
        assert all(can(before, target, m) for target, row in moves.items() for m in row)
        write_session(before, moved(before, moves), out)
    late = 48 if name != "Ardour" else 0  # the range of an Ardour session ends where it did
    wanted = expected(-3.0, -1.0, 48, -1.5)[:, : 2 * RATE + late]
    np.testing.assert_allclose(mix_of(out, tmp_path / "out"), wanted, atol=TOLERANCE)


def test_every_format_that_is_read_is_written() -> None:
    assert set(ABLE) == set(FORMATS)
