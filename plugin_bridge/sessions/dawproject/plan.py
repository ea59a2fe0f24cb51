"""What a changed session becomes in a DAWproject, which has no polarity and faders with a top.

- Inverted clips, and tracks of clips, play a copy of their audio that is upside down, from a folder "inverted" in the
  archive. A track's polarity acts before its inserts, so the sound is the same to the sample.
- A fader is raised to its own `max`, or to 2 (+6 dB), the top of the programs that write the format; what is left goes
  into the output gain of an equaliser after all inserts. Sends before the fader would hear that, so then it is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from dsp.errors import UsageError
from plugin_bridge.sessions.dawproject.make import FADER_TOP
from plugin_bridge.sessions.dawproject.read import Reading
from plugin_bridge.sessions.dawproject.units import scale_of
from plugin_bridge.sessions.dawproject.xml import Notes, kid
from plugin_bridge.sessions.model import Clip, Curve, Device, Media, Session, Track

#: The name of equalisers that are added.
EQ_NAME: Final = "MixDiagnose EQ"


def planned(reading: Reading, before: Session, after: Session, out: Path) -> tuple[Session, dict[str, str]]:
    """What reading the new file must give, and the names of inverted copies by those of their audio.

    Raises UsageError for what the format cannot hold.
    """
    copies = dict[str, str]()
    tracks = [
        _within_top(_upright(b, a, copies), reading) for b, a in zip(before.channels, after.channels, strict=True)
    ]
    ends = [c.end_s for t in tracks for c in t.clips if not c.muted]
    made = replace(
        after, name=out.stem, file=out, tracks=tuple(tracks[:-1]), master=tracks[-1], end_s=max(ends, default=0.0)
    )
    return made, copies


def same_channels(before: Session, after: Session) -> None:
    """Refuse sessions that do not have the same channels and clips. Raises UsageError."""
    if [t.id for t in before.channels] != [t.id for t in after.channels]:
        raise UsageError("the changed session has other channels than the one it was read from")
    for b, a in zip(before.channels, after.channels, strict=True):
        if len(b.clips) != len(a.clips):
            raise UsageError(
                f"Track '{b.name}': {len(b.clips)} clips became {len(a.clips)}; only moved ones are written"
            )


def _upright(before: Track, after: Track, copies: dict[str, str]) -> Track:
    """A track whose polarity is in its audio. Raises UsageError where it has none to put it in."""
    flipped = before.polarity != after.polarity
    if before.inverted != after.inverted:
        if any(after.inverted) != all(after.inverted):
            raise UsageError(f"Track '{after.name}': DAWproject cannot invert the polarity of one side")
        if flipped and not after.clips:
            raise UsageError(f"Track '{after.name}': DAWproject has no polarity, and there are no clips to invert here")
    clips = tuple(
        _inverted(a, after.name, copies) if (b.inverted != a.inverted) != flipped else replace(a, inverted=b.inverted)
        for b, a in zip(before.clips, after.clips, strict=True)
    )
    return replace(after, clips=clips, inverted=before.inverted)


def _inverted(clip: Clip, track: str, copies: dict[str, str]) -> Clip:
    media = clip.media[0]
    if media.file is None:
        raise UsageError(f"Track '{track}': clip '{clip.name}' cannot be inverted, its audio is offline: {media.why}")
    if media.name not in copies:
        stem = PurePosixPath(media.name.replace("\\", "/")).stem or "audio"
        taken = {c.casefold() for c in copies.values()}
        names = (f"audio/inverted{k or ''}/{stem}.wav" for k in range(len(taken) + 1))
        copies[media.name] = next(n for n in names if n.casefold() not in taken)
    return replace(clip, inverted=False, media=(Media(copies[media.name], None),))


def _within_top(track: Track, reading: Reading) -> Track:
    """A track whose fader and its automation are not above their top."""
    old = reading.session.track(track.id)
    strip = reading.strips.get(track.id)
    volume = None if strip is None else kid(strip.channel, "Volume")
    top = FADER_TOP
    if volume is not None:
        scale = scale_of(volume, Notes(""))
        high = None if scale.high is None or not math.isfinite(scale.high) else scale.gain(scale.high)
        top = max(top, high or 0.0)
    top = max(top, _highest(old.fader, old.volume))
    over = _highest(track.fader, track.volume) / top
    if over <= 1.0 + 1e-12:
        return track
    if any(s.pre and s.enabled for s in track.sends):
        raise UsageError(
            f"Track '{track.name}': its fader would go to {20.0 * math.log10(over * top):+.1f} dB, above its top, "
            "and what is above cannot go into a device, which its sends before the fader would hear"
        )
    rest = Device(EQ_NAME, "equalizer", parameters={"output_gain_db": 20.0 * math.log10(over)})
    curve = tuple(replace(p, value=p.value / over) for p in track.volume)
    return replace(track, fader=track.fader / over, volume=curve, inserts=(*track.inserts, rest))


def _highest(fader: float, curve: Curve) -> float:
    return max(fader, *(p.value for p in curve)) if curve else fader


def differences(one: Any, other: Any, where: str = "the session") -> list[str]:
    """Where two values of the model differ, in words; numbers to nine digits, not where files are."""
    if one == other:
        return []
    if isinstance(one, float) and isinstance(other, float):
        return [] if math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9) else [f"{where} ({one:g}, {other:g})"]
    if type(one) is not type(other):
        return [where]
    if isinstance(one, Media):
        return [] if (one.name, one.channel) == (other.name, other.channel) else [where]
    if is_dataclass(one) and not isinstance(one, type):
        skipped = {"file", "name", "unread"} if isinstance(one, Session) else set[str]()
        if isinstance(one, Device):
            skipped = {"installed"}
        found = list[str]()
        for f in fields(one):
            if f.name not in skipped:
                inner = f"{f.name} of {_named(one) or where}"
                found += differences(getattr(one, f.name), getattr(other, f.name), inner)
        return found
    if isinstance(one, Mapping):
        if one.keys() != other.keys():
            return [where]
        return [d for k in one for d in differences(one[k], other[k], f"{k} of {where}")]
    if isinstance(one, tuple):
        if len(one) != len(other):
            return [where]
        return [d for a, b in zip(one, other, strict=True) for d in differences(a, b, where)]
    return [where]


def _named(value: object) -> str:
    kind = "track" if isinstance(value, Track) else "clip" if isinstance(value, Clip) else ""
    return f"{kind} '{value.name}'" if isinstance(value, Track | Clip) else ""
