"""What is known of the session a mix was rendered from: values for the checks, filled in by `plugin_bridge`."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Level:
    """The level at one point of a channel.

    `at` is where: "input" (what comes in: the clips of a track, the sum of what feeds a bus), the name of an insert
    (its output), "fader" (what goes on to the panner and the output); `stage` counts from 0 along the way. An insert
    that is not played has a stage and no level.
    `peak_dbfs` is None for silence; `over_s` is how long samples were beyond full scale, `first_over_s` and
    `peak_at_s` are times of the timeline.
    """

    at: str
    stage: int
    peak_dbfs: float | None
    rms_dbfs: float | None
    over_s: float
    peak_at_s: float | None = None
    first_over_s: float | None = None


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """An insert: `kind` as in the session model; `played` how it was rendered.

    `played` is "here" (our DSP), "hosted" (the plugin itself), "bypassed" (switched off), "missing" (passed through),
    "unheard" (its channel was not played). `stage` is that of the level at its output; what goes into it is the last
    level of a stage before. `reduction_db` is the most it turned the signal down, its own input and output gains left
    out; None where it was not measured.
    """

    name: str
    kind: str
    enabled: bool
    played: str
    stage: int
    vendor: str = ""
    plugin_id: str = ""
    parameters: dict[str, float] = field(default_factory=dict)
    reduction_db: float | None = None


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """A clip: where it is, how it overlaps the next one of its track, and its media."""

    name: str
    position_s: float
    end_s: float
    media: str
    muted: bool = False
    sample_rate: int | None = None  #: of the media
    media_channels: int | None = None
    offline: str = ""  #: why it cannot be played
    partial: str = ""  #: what is missing of its media
    overlap_s: float = 0.0  #: with the next clip of the track, both heard
    crossfaded: bool = False  #: both fade through that overlap


@dataclass(frozen=True, slots=True)
class SendFacts:
    """A send: the name of its target, or "" where there is none, and whether something listens there."""

    target: str
    gain_db: float | None
    pre: bool
    enabled: bool
    heard: bool


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """A channel of the mixer. `kind` is track, group, bus or master; `heard` whether it reaches the master.

    `mono` is whether a stereo track's audio is the same on both sides, None where not known or not stereo.
    `fader_db` and `automated_db` (lowest and highest) are None for silence or no automation.
    """

    name: str
    kind: str
    output: str
    heard: bool
    muted: bool = False
    soloed: bool = False
    active: bool = True
    inverted: bool = False
    fader_db: float | None = 0.0
    automated: bool = False
    channels: int = 2
    mono: bool | None = None
    inputs: int = 0  #: channels and sends that feed it
    levels: tuple[Level, ...] = ()
    devices: tuple[DeviceFacts, ...] = ()
    clips: tuple[ClipFacts, ...] = ()
    sends: tuple[SendFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A session: its channels (master last), its time, and what was not read, not played, or only nearly so.

    `tempos` are (time_s, bpm, numerator, denominator), ascending, from 0 on; a ramp comes as steps. `approximate` says
    one line each why the render is not what the DAW plays; `unread` what the file holds that is not understood.
    All times are of the timeline; the mix begins at `start_s` of it.
    """

    name: str
    format: str
    sample_rate: int
    channels: tuple[ChannelFacts, ...]
    tempos: tuple[tuple[float, float, int, int], ...] = ((0.0, 120.0, 4, 4),)
    approximate: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    start_s: float = 0.0

    @property
    def master(self) -> ChannelFacts:
        """The master channel."""
        return self.channels[-1]


def session_to_dict(facts: SessionFacts) -> dict[str, Any]:
    """A session as JSON: lists for tuples, None for what is no finite number."""
    data: dict[str, Any] = _plain(asdict(facts))
    return data


def session_from_dict(data: dict[str, Any]) -> SessionFacts:
    """The inverse of `session_to_dict`."""
    return SessionFacts(
        **{
            **data,
            "channels": tuple(_channel(c) for c in data["channels"]),
            "tempos": tuple((t, bpm, int(n), int(d)) for t, bpm, n, d in data["tempos"]),
            "approximate": tuple(data["approximate"]),
            "unread": tuple(data["unread"]),
        }
    )


def _channel(data: dict[str, Any]) -> ChannelFacts:
    parts: dict[str, Any] = {"levels": Level, "devices": DeviceFacts, "clips": ClipFacts, "sends": SendFacts}
    return ChannelFacts(**{**data, **{key: tuple(kind(**row) for row in data[key]) for key, kind in parts.items()}})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
