"""A DAW session as values: what every reader makes, the renderer plays, the audit judges and the writers change.

Times are seconds from the start of the timeline, gains are factors of amplitude (1 is unity, 0 is silence; as the
formats hold them, so that nothing is lost on the way), pans go from -1 (left) to 1 (right). Nothing here is audio.
"""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

#: How a curve goes from one point to the next. `linear`, `hold` (the value stays until the next point), and by name
#: where a program has a law of its own: see `plugin_bridge.mixer.curves`.
Shape: TypeAlias = Literal[
    "linear", "hold", "ardour-gain", "ardour-spline",
    "reaper-slow", "reaper-fast-start", "reaper-fast-end", "reaper-bezier", "reaper-fader", "equal-power", "fader-db",
]  # fmt: skip
#: track: has clips; group: holds other tracks and takes their sum; bus: takes what is routed or sent to it.
Kind: TypeAlias = Literal["track", "group", "bus", "master"]
#: What a device is. The first four are played here with their parameters; plugins are hosted where installed.
DeviceKind: TypeAlias = Literal[
    "equalizer", "compressor", "limiter", "gate",
    "vst3", "vst2", "clap", "au", "lv2", "ladspa", "jsfx", "instrument", "other",
]  # fmt: skip
#: Laws of the panner: see `plugin_bridge.mixer.pan`.
PanLaw: TypeAlias = str


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a curve; `shape` is the way to the next one, `tension` (-1 to 1) bends a bezier."""

    time_s: float
    value: float
    shape: Shape = "linear"
    tension: float = 0.0


#: A curve over time: before its first point it has the first value, after the last one the last.
Curve: TypeAlias = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Media:
    """An audio file as the session names it, and where it is; `file` is None where it is offline, and `why` says so.

    `channel` picks one channel of the file; None is all of them.
    """

    name: str
    file: Path | None
    why: str = ""
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Fade:
    """A fade at an edge of a clip: from 0 to 1 (fade in) over `length_s`, along a curve of points in 0 to 1 of it.

    Fades out are written the same way round and played backwards in time: value 0 is silence at the edge. `below` is
    what an opaque clip leaves of those under it while it fades; without it that is 1 less the fade.
    """

    length_s: float
    curve: Curve = (Point(0.0, 0.0), Point(1.0, 1.0))
    below: Curve = ()


@dataclass(frozen=True, slots=True)
class Clip:
    """A piece of audio on a track.

    `media` is one file with all channels, or one entry per channel. `position_s` is where it begins on the timeline,
    `offset_s` where that is in the media (in time of the media), `rate` how fast it plays (2: an octave up, half as
    long, where `pitch_kept` is False). `loop_s` repeats the media from and to these times of it. `envelope` is a curve
    of gain over time from the start of the clip. Of overlapping clips, an `opaque` one hides those of a lower `layer`.
    """

    name: str
    media: tuple[Media, ...]
    position_s: float
    length_s: float
    offset_s: float = 0.0
    gain: float = 1.0
    fade_in: Fade | None = None
    fade_out: Fade | None = None
    muted: bool = False
    inverted: bool = False
    reversed: bool = False
    rate: float = 1.0
    pitch_kept: bool = False
    loop_s: tuple[float, float] | None = None
    envelope: Curve = ()
    layer: int = 0
    opaque: bool = False

    @property
    def end_s(self) -> float:
        """Where it ends on the timeline."""
        return self.position_s + self.length_s


@dataclass(frozen=True, slots=True)
class Band:
    """A band of an equaliser; `kind` as in `dsp.findings.EqMove`."""

    kind: str
    frequency_hz: float
    gain_db: float = 0.0
    q: float = 0.7071
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Device:
    """An insert. Parameters of the kinds played here have our names (`plugin_bridge/mixer/devices.py`).

    `plugin_id` is the format's own identification, `state` what the plugin saved, `installed` its file on this machine
    where there is one.
    """

    name: str
    kind: DeviceKind
    enabled: bool = True
    vendor: str = ""
    plugin_id: str = ""
    parameters: Mapping[str, float] = field(default_factory=dict)
    bands: tuple[Band, ...] = ()
    state: bytes = b""
    installed: Path | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """A copy of a channel's signal to another channel: after the fader, or before it (`pre`).

    After the fader it is taken after the panner too, unless `panned` is False; `pan` then places it by the track's law.
    """

    target: str
    gain: float = 1.0
    pan: float = 0.0
    pre: bool = False
    enabled: bool = True
    inverted: bool = False
    panned: bool = True


@dataclass(frozen=True, slots=True)
class Track:
    """A channel of the mixer, with clips if it is a track.

    The signal goes through trim and polarity, inserts, fader and its automation, panner, `post_inserts`, and then to
    `output`, the id of another channel (None: nowhere). Automation replaces the fader where `fader_follows`, else it
    is a gain of its own on top. A track that is not `active` is not played at all; one that is muted still feeds its
    sends before the fader unless `mutes_pre_sends`.
    """

    id: str
    name: str
    kind: Kind
    output: str | None = None
    parent: str | None = None
    channels: int = 2
    clips: tuple[Clip, ...] = ()
    trim: float = 1.0
    inverted: tuple[bool, ...] = ()
    inserts: tuple[Device, ...] = ()
    fader: float = 1.0
    pan: float = 0.0
    pan_law: PanLaw = "balance"
    post_inserts: tuple[Device, ...] = ()
    sends: tuple[Send, ...] = ()
    muted: bool = False
    soloed: bool = False
    active: bool = True
    volume: Curve = ()
    pans: Curve = ()
    mutes: Curve = ()
    fader_follows: bool = True
    mutes_pre_sends: bool = True

    @property
    def polarity(self) -> int:
        """-1 where all of it is upside down, else 1."""
        return -1 if self.inverted and all(self.inverted) else 1


@dataclass(frozen=True, slots=True)
class Tempo:
    """Tempo from a time on, in quarter notes per minute, with its time signature; it ramps to the next if `ramp`."""

    time_s: float
    beat: float
    bpm: float
    numerator: int = 4
    denominator: int = 4
    ramp: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """A session as read from a file.

    `tracks` are all channels but the master, in the order of the mixer. It is played from `start_s` to `end_s`.
    `unread` says, one line each, what the file holds and this model cannot express.
    """

    name: str
    format: str
    file: Path
    sample_rate: int
    tracks: tuple[Track, ...]
    master: Track
    tempos: tuple[Tempo, ...] = (Tempo(0.0, 0.0, 120.0),)
    start_s: float = 0.0
    end_s: float = 0.0
    unread: tuple[str, ...] = ()

    @property
    def channels(self) -> tuple[Track, ...]:
        """All channels, the master last."""
        return (*self.tracks, self.master)

    @property
    def names(self) -> dict[str, str]:
        """A name of its own for every channel, by id, that can be the name of a file on every system.

        Of several with one name (but for case, as file systems see it) the later ones are numbered. These are the
        names of stems and the targets of moves; "mix" is never one, as that means the whole mix.
        """
        taken, names = {"mix"}, dict[str, str]()
        for track in self.channels:
            plain = name = _file_name(track.name) or {"master": "Master"}.get(track.kind, f"Track {len(names) + 1}")
            number = 2
            while name.casefold() in taken:
                name, number = f"{plain} ({number})", number + 1
            taken.add(name.casefold())
            names[track.id] = name
        return names

    def track(self, track_id: str) -> Track:
        """The channel with that id. Raises KeyError."""
        return next((t for t in self.channels if t.id == track_id), None) or _missing(track_id)


def _file_name(name: str) -> str:
    """A name without what file systems do not hold."""
    safe = re.sub(r'[<>:"/\\|?*\x00-\x1f\x7f]', "_", name).strip().rstrip(". ")[:100]
    return f"{safe}_" if re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", safe) else safe


def _missing(track_id: str) -> Track:
    raise KeyError(track_id)


def seconds_of(tempos: tuple[Tempo, ...], beat: float) -> float:
    """The time (s) of a position in quarter notes. With a ramp the tempo changes linearly over beats."""
    k = max(0, bisect.bisect_right([t.beat for t in tempos], beat) - 1)
    here, beats = tempos[k], beat - tempos[k].beat
    if not here.ramp or k + 1 == len(tempos) or beats <= 0.0:
        return here.time_s + beats * 60.0 / here.bpm
    there = tempos[k + 1]
    slope = (there.bpm - here.bpm) / (there.beat - here.beat)
    if slope == 0.0:
        return here.time_s + beats * 60.0 / here.bpm
    return here.time_s + 60.0 / slope * math.log1p(slope * beats / here.bpm)
