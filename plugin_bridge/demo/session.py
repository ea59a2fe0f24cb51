"""The demo song as a session: its stems on tracks, in groups, and its limiter where it was, on the master."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from plugin_bridge.demo.desk import STEMS
from plugin_bridge.demo.flaws import LIMITER_CEILING_DBFS, LIMITER_DRIVE_DB, Flaw
from plugin_bridge.demo.performance import SAMPLE_RATE_HZ
from plugin_bridge.demo.score import BEATS_PER_BAR, TEMPO_BPM
from plugin_bridge.demo.song import DemoSong
from plugin_bridge.sessions.dawproject import write_new_dawproject
from plugin_bridge.sessions.model import Clip, Device, Media, Session, Tempo, Track

#: The groups of the mixer and the roles they take.
GROUPS: Final = {
    "Drums": ("kick", "snare", "cymbals", "room"),
    "Bass": ("bass",),
    "Guitars": ("electric-guitar",),
    "Vocals": ("lead-vocal", "backing-vocal", "effects"),
}
#: How long the song's limiter takes to let go (s).
RELEASE_S: Final = 0.08


def write_demo_session(song: DemoSong, flaws: frozenset[Flaw], out: Path) -> None:
    """Write the song as a DAWproject archive with all its audio. Raises OSError."""
    files = {path.stem: path for path in song.stems}
    groups = tuple(Track(f"group {name}", name, "group", "master") for name in GROUPS)
    tracks = []
    for stem in STEMS:
        group = next((f"group {name}" for name, roles in GROUPS.items() if stem.role in roles), None)
        clip = Clip(stem.name, (Media(files[stem.name].name, files[stem.name]),), 0.0, length_s(files[stem.name]))
        tracks.append(Track(stem.name, stem.name, "track", group or "master", group, clips=(clip,)))
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


def length_s(path: Path) -> float:
    """The length of a file that was just written."""
    from plugin_bridge.files import open_audio

    with open_audio(path) as reader:
        assert reader.frames is not None
        return reader.frames / reader.source.sample_rate
