"""A session with moves made: on its faders, clips and inserts. What differs is also said in plain words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from dsp.correction.correction import MIX, Move
from dsp.errors import UsageError
from dsp.findings import DelayMove, EqMove, GainMove, PolarityMove, RemoveDevice
from dsp.units import amplitude_db, from_amplitude_db
from plugin_bridge.sessions.model import Band, Clip, Device, Session, Track

Moves: TypeAlias = Mapping[str, Sequence[Move]]
#: What the equaliser is called that bands are written into.
EQ_NAME: Final = "MixDiagnose EQ"
#: What a format's channels can be given; polarity is the channel's or, where there is none, that of its clips.
ABLE: Final = {
    "DAWproject": frozenset({"gain", "delay", "clip-polarity", "eq"}),
    "REAPER": frozenset({"gain", "delay", "polarity", "eq"}),
    "Ardour": frozenset({"gain", "delay", "polarity", "eq"}),
}


def can(session: Session, name: str, move: Move) -> bool:
    """Whether a move on a target of that name can be written into the session."""
    track, able = _target(session, name), ABLE[session.format]
    if track is None:
        return False
    # A folder with clips of its own: its stem is these clips alone, its channel holds what others feed it too.
    if name != MIX and track.clips and any(t.output == track.id for t in session.tracks):
        return False
    if isinstance(move, RemoveDevice):
        return any(d.name == move.device for d in (*track.inserts, *track.post_inserts))
    if isinstance(move, EqMove):
        return "eq" in able
    if isinstance(move, PolarityMove):
        return name != MIX and ("polarity" in able or ("clip-polarity" in able and bool(track.clips)))
    if isinstance(move, DelayMove):  # a clip that would end before the timeline begins has no place
        return bool(track.clips) and all(c.end_s + round(move.samples) / session.sample_rate > 0.0 for c in track.clips)
    return True


def moved(session: Session, moves: Moves) -> Session:
    """The session with moves made. Raises UsageError for a target it does not have or a move it cannot hold."""
    changed: dict[str, Track] = {}
    for name, row in moves.items():
        track = _target(session, name)
        if track is None:
            raise UsageError(f"{session.file} has no track '{name}'")
        for move in row:
            if not can(session, name, move):
                raise UsageError(
                    f"a {type(move).__name__} on '{name}' cannot be written into a {session.format} session"
                )
        if name == MIX and (gain := _gain(row)) != 1.0:
            # The whole mix is turned down before the master, as its fader would only hide what goes into it.
            for feeding in (t for t in session.tracks if t.output == session.master.id):
                changed[feeding.id] = _turned(changed.get(feeding.id, feeding), gain)
        own = [m for m in row if name != MIX or not isinstance(m, GainMove)]
        changed[track.id] = _moved(session, changed.get(track.id, track), own)
    return replace(
        session,
        tracks=tuple(changed.get(t.id, t) for t in session.tracks),
        master=changed.get(session.master.id, session.master),
    )


def _target(session: Session, name: str) -> Track | None:
    """The channel a target means: the master for the mix, else the one of that name."""
    if name == MIX:
        return session.master
    ids = {n: i for i, n in session.names.items()}
    return session.track(ids[name]) if name in ids else None


def _moved(session: Session, track: Track, row: Sequence[Move]) -> Track:
    off = {m.device for m in row if isinstance(m, RemoveDevice)}
    flipped = sum(isinstance(m, PolarityMove) for m in row) % 2 == 1
    shift_s = sum(round(m.samples) for m in row if isinstance(m, DelayMove)) / session.sample_rate
    bands = tuple(_band(m) for m in row if isinstance(m, EqMove))
    track = _turned(track, _gain(row))
    if off:
        track = replace(track, inserts=_without(track.inserts, off), post_inserts=_without(track.post_inserts, off))
    if flipped and "polarity" in ABLE[session.format]:
        sides = track.inverted or (False,) * track.channels
        track = replace(track, inverted=tuple(not s for s in sides))
    elif flipped:
        track = replace(track, clips=tuple(replace(c, inverted=not c.inverted) for c in track.clips))
    if shift_s:
        track = replace(track, clips=tuple(_shifted(c, shift_s) for c in track.clips))
    if bands:
        eq = Device(EQ_NAME, "equalizer", bands=bands)
        master = track.id == session.master.id  # a limiter on the master comes after it, as it came after the mix
        track = replace(track, inserts=(eq, *track.inserts) if master else (*track.inserts, eq))
    return track


def _gain(row: Sequence[Move]) -> float:
    """All changes of level together, as a factor."""
    return from_amplitude_db(sum(m.gain_db for m in row if isinstance(m, GainMove)))


def _turned(track: Track, gain: float) -> Track:
    """A channel with its fader moved by a factor, and the automation that stands for it."""
    if gain == 1.0:
        return track
    volume = track.volume
    if volume and track.fader_follows:
        volume = tuple(replace(p, value=p.value * gain) for p in volume)
    return replace(track, fader=track.fader * gain, volume=volume)


def _without(devices: Sequence[Device], off: set[str]) -> tuple[Device, ...]:
    """Devices with those of these names switched off: nothing is lost that could be wanted again."""
    return tuple(replace(d, enabled=False) if d.name in off else d for d in devices)


def _band(move: EqMove) -> Band:
    return Band(move.kind, move.frequency_hz, move.gain_db, move.q)


def _shifted(clip: Clip, shift_s: float) -> Clip:
    """A clip moved in time; what would come to lie before the start of the timeline is cut off."""
    early_s = max(0.0, -(clip.position_s + shift_s))
    moved = replace(clip, position_s=max(0.0, clip.position_s + shift_s))
    if not early_s:
        return moved
    envelope = tuple(replace(p, time_s=p.time_s - early_s) for p in clip.envelope)
    return replace(
        moved, offset_s=clip.offset_s + early_s * clip.rate, length_s=clip.length_s - early_s, envelope=envelope
    )


def differences(before: Session, after: Session) -> list[str]:
    """What differs between two versions of a session, a line each."""
    names, said = before.names, list[str]()
    for old, new in zip(before.channels, after.channels, strict=True):
        name = names[old.id]
        if new.fader != old.fader:
            said.append(f"{name}: fader {_db(old.fader)} -> {_db(new.fader)}")
        if new.volume != old.volume and new.volume:
            change = amplitude_db(new.fader / old.fader) if old.fader else 0.0
            said.append(f"{name}: volume automation {change:+.2f} dB, {len(new.volume)} points")
        if new.inverted != old.inverted:
            said.append(f"{name}: polarity {'switched' if any(new.inverted) else 'no longer switched'}")
        said += [f"{name}: {line}" for line in _clips(old, new)]
        on = [d.name for d in (*old.inserts, *old.post_inserts) if d.enabled]
        off = [d.name for d in (*new.inserts, *new.post_inserts) if not d.enabled]
        said += [f"{name}: '{device}' switched off" for device in on if device in off]
        for device in new.inserts:
            if device.name == EQ_NAME and device not in old.inserts:
                where = "first" if new.inserts.index(device) == 0 and len(new.inserts) > 1 else "last"
                bands = "; ".join(_words(b) for b in device.bands)
                said.append(f"{name}: new {where} insert '{device.name}': {bands}")
    return said


def _clips(old: Track, new: Track) -> Iterator[str]:
    if new.clips == old.clips:
        return
    if any(a.inverted != b.inverted for a, b in zip(old.clips, new.clips, strict=False)):
        yield f"{len(new.clips)} clips turned over (polarity)"
    shifts = {round(b.end_s - a.end_s, 9) for a, b in zip(old.clips, new.clips, strict=True)}
    if len(shifts) == 1 and (shift := shifts.pop()):
        yield f"{len(new.clips)} clips moved by {1000.0 * shift:+.2f} ms"


def _words(band: Band) -> str:
    gain = f" {band.gain_db:+.1f} dB" if band.gain_db else ""
    return f"{band.kind} {band.frequency_hz:.0f} Hz{gain} Q {band.q:.2f}"


def _db(gain: float) -> str:
    return f"{amplitude_db(gain):.2f} dB" if gain > 0.0 and not math.isinf(gain) else "silence"
