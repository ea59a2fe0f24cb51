"""A change to a song is undone in its session: by devices in the file of the DAW, proved on what was written."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dsp.correction.plan import Settings
from dsp.units import Samples
from mixdiagnose.fixing_session import fix_session
from mixdiagnose.loop import Job
from plugin_bridge.files import read_audio
from plugin_bridge.render import render
from plugin_bridge.sessions.dawproject import write_new_dawproject
from plugin_bridge.sessions.model import Clip, Media, Session, Track
from plugin_bridge.sessions.reading import open_session
from plugin_bridge.writer import write_wav
from render_tests.ardour_build import Region, Strip, build
from render_tests.injections import as_file, bell
from render_tests.scenes.base import RATE
from render_tests.scenes.registry import clean_tracks
from render_tests.test_fix import GONE, NEW_DB, judged

pytestmark = pytest.mark.slow

#: What is wrong with it: a bell on one track, and another track late.
TRACK, BELL = "Guitar L", (300.0, 7.0, 1.0)
FADER = 0.7
TRACK_LINES = """  <TRACK {{{number}}}
    NAME "{name}"
    VOLPAN {fader} 0 -1 -1 1
    MAINSEND 1 0
    <ITEM
      POSITION 0
      LENGTH {length}
      LOOP 0
      FADEIN 0 0 0 0 0 0 0
      FADEOUT 0 0 0 0 0 0 0
      NAME "{name}"
      VOLPAN 1 0 1 -1
      SOFFS 0
      <SOURCE WAVE
        FILE "{name}.wav"
      >
    >
  >
"""


def flawed() -> dict[str, Samples]:
    tracks = dict(clean_tracks())
    tracks[TRACK] = as_file(bell(tracks[TRACK], RATE, *BELL))
    return tracks


def wav(path: Path, samples: Samples) -> Path:
    write_wav(path, partial(list, [np.ascontiguousarray(samples, np.float32)]), RATE, len(samples), 24)
    return path


def saved(form: str, folder: Path) -> Path:
    """The song as a session, its tracks at one fader."""
    tracks = {name: x / np.float32(FADER) for name, x in flawed().items()}
    length_s = next(iter(tracks.values())).shape[1] / RATE
    if form == "Ardour":
        strips = [Strip(n, 2, gain=FADER, regions=[Region(n, 0, x.shape[1])]) for n, x in tracks.items()]
        return build(folder / "song", strips, tracks, round(length_s * RATE))
    files = {name: wav(folder / f"{name}.wav", x) for name, x in tracks.items()}
    if form == "REAPER":
        body = "".join(TRACK_LINES.format(number=k, name=n, fader=FADER, length=length_s) for k, n in enumerate(files))
        path = folder / "song.rpp"
        path.write_text(f'<REAPER_PROJECT 0.1 "7.0/x64" 1\n  PANLAW 1\n  SAMPLERATE {RATE} 1 0\n{body}>\n')
        return path
    made = tuple(
        Track(n, n, "track", "master", fader=FADER, clips=(Clip(n, (Media(f.name, f),), 0.0, length_s),))
        for n, f in files.items()
    )
    path = folder / "song.dawproject"
    write_new_dawproject(Session("s", "DAWproject", path, RATE, made, Track("master", "Master", "master")), path)
    return path


@pytest.mark.parametrize("form", ["DAWproject", "REAPER", "Ardour"])
def test_what_was_done_to_a_track_is_undone_in_its_session(form: str, tmp_path: Path) -> None:
    source = saved(form, tmp_path)
    clean: Samples = np.sum(list(clean_tracks().values()), axis=0, dtype=np.float32)
    reference = wav(tmp_path / "last week.wav", as_file(clean))
    out = source.with_name(f"mended{source.suffix}")
    with open_session(source) as session:
        was = read_audio(render(session, tmp_path / "was").mix)[0].samples
        outcome = fix_session(session, out, Job(None, None, references=[str(reference)]), Settings())
    assert list(outcome.moves) == [TRACK]
    assert outcome.differences is not None
    assert any(TRACK in line and "MixDiagnose EQ" in line for line in outcome.differences)
    with open_session(out) as mended:
        (eq,) = mended.track({n: i for i, n in mended.names.items()}[TRACK]).inserts
        assert {b.kind for b in eq.bands} == {"bell"}
        now = read_audio(render(mended, tmp_path / "now").mix)[0].samples
    gone, new_db = judged(was, now, as_file(clean), RATE)
    assert gone >= GONE
    assert new_db <= NEW_DB
    # What the report says of the session after the fix is what another look at it says.
    after = {m.name: m.value for m in outcome.after.measurements}
    assert after["sample_peak_dbfs"] == pytest.approx(20 * np.log10(np.abs(now).max()), abs=1e-3)
