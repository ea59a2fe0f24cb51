"""The demo song as a session: its stems on tracks, in groups, and its limiter where it was, on the master."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import numpy as np

from dsp.units import from_amplitude_db
from plugin_bridge.demo.desk import STEMS, Stem, fader_db
from plugin_bridge.demo.flaws import LIMITER_CEILING_DBFS, LIMITER_DRIVE_DB, Flaw
from plugin_bridge.demo.performance import SAMPLE_RATE_HZ
from plugin_bridge.demo.score import BEATS_PER_BAR, TEMPO_BPM
from plugin_bridge.demo.song import DemoSong
from plugin_bridge.demo.wav import BIT_DEPTH
from plugin_bridge.files import read_audio
from plugin_bridge.sessions.dawproject import write_new_dawproject
from plugin_bridge.sessions.model import Clip, Device, Media, Session, Tempo, Track
from plugin_bridge.writer import write_wav

#: The groups of the mixer and the roles they take.
GROUPS: Final = {
    "Drums": ("kick", "snare", "cymbals", "room"),
    "Bass": ("bass",),
    "Guitars": ("electric-guitar",),
    "Vocals": ("lead-vocal", "backing-vocal", "effects"),
}
#: What a recording can hold, and what it is made to hold where it would be more (linear): -3 dBFS.
HOTTEST: Final = 0.995
RECORDED: Final = 0.7079
#: How long the song's limiter takes to let go (s).
RELEASE_S: Final = 0.08


def write_demo_session(song: DemoSong, flaws: frozenset[Flaw], out: Path) -> None:
    """Write the song as a DAWproject archive with all its audio, as it was before the faders. Raises OSError."""
    files = {path.stem: path for path in song.stems}
    groups = tuple(Track(f"group {name}", name, "group", "master") for name in GROUPS)
    with tempfile.TemporaryDirectory(prefix="mixdiagnose-") as folder:
        tracks = [_track(stem, files[stem.name], fader_db(stem, flaws), Path(folder)) for stem in STEMS]
        limiter = Device(
            "Bus Limiter", "limiter",
            parameters={
                "input_gain_db": LIMITER_DRIVE_DB, "threshold_db": LIMITER_CEILING_DBFS, "attack_s": 0.0,
                "release_s": RELEASE_S, "output_gain_db": 0.0,
            },
        )  # fmt: skip
        master = Track("master", "Master", "master", inserts=(limiter,) if "bus-limiter" in flaws else ())
        session = Session(
            "MixDiagnose demo song", "DAWproject", out, SAMPLE_RATE_HZ, (*groups, *tracks), master,
            tempos=(Tempo(0.0, 0.0, TEMPO_BPM, BEATS_PER_BAR, 4),),
            end_s=max(t.clips[0].end_s for t in tracks),
        )  # fmt: skip
        write_new_dawproject(session, out)


def _track(stem: Stem, path: Path, level_db: float, folder: Path) -> Track:
    """A stem before its fader, which stands as in the song, or lower where nobody could have recorded that."""
    audio, _ = read_audio(path)
    peak, fader = float(np.abs(audio.samples).max()), from_amplitude_db(level_db)
    if peak > HOTTEST * fader:
        fader = peak / RECORDED
    recorded = folder / path.name
    write_wav(recorded, lambda: iter([audio.samples / np.float32(fader)]), SAMPLE_RATE_HZ, audio.channels, BIT_DEPTH)
    group = next((f"group {name}" for name, roles in GROUPS.items() if stem.role in roles), None)
    clip = Clip(stem.name, (Media(recorded.name, recorded),), 0.0, audio.duration_s)
    return Track(stem.name, stem.name, "track", group or "master", group, clips=(clip,), fader=fader)
