"""What a rendered session says of itself, as the checks want it: `dsp.session.SessionFacts`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise

from dsp.session import ChannelFacts, ClipFacts, DeviceFacts, SendFacts, SessionFacts
from dsp.units import amplitude_db
from plugin_bridge.mixer.channel import Notes
from plugin_bridge.mixer.devices import PLAYED
from plugin_bridge.mixer.placing import Placed, TrackAudio
from plugin_bridge.mixer.routing import Routing
from plugin_bridge.sessions.model import Device, Session, Track, seconds_of

#: A tempo that ramps is told in so many steps.
RAMP_STEPS = 32


def facts_of(
    session: Session, routing: Routing, audio: Mapping[str, TrackAudio], notes: Mapping[str, Notes]
) -> SessionFacts:
    """All facts of a session that was rendered; channels that are not heard have no levels."""
    names = session.names
    channels = tuple(_channel(session, routing, t, audio[t.id], notes.get(t.id)) for t in session.channels)
    approximate = [p for n in notes.values() for p in n.problems]
    approximate += routing.cut
    for channel in channels:
        approximate += _not_as_the_daw(channel)
    approximate += [
        f"'{names[t.id]}': {count} stretched clips are played by Rubber Band, the DAW has its own way"
        for t in session.tracks
        if (count := sum(c.pitch_kept and c.rate != 1.0 and not c.muted for c in t.clips)) and t.id in routing.heard
    ]
    approximate += [
        f"'{names[t.id]}' holds samples that are not numbers: they are played as silence"
        for t in session.channels
        if audio[t.id].dirty
    ]
    return SessionFacts(
        session.name, session.format, session.sample_rate, channels,
        tuple(_steps(session)), tuple(approximate), session.unread, session.start_s,
    )  # fmt: skip


def _steps(session: Session) -> Iterable[tuple[float, float, int, int]]:
    """The tempos with every ramp in steps, each of which has the mean of its beats."""
    for k, here in enumerate(session.tempos):
        signature = here.numerator, here.denominator
        if not here.ramp or k + 1 == len(session.tempos):
            yield here.time_s, here.bpm, *signature
            continue
        there = session.tempos[k + 1]
        beats = [here.beat + (there.beat - here.beat) * n / RAMP_STEPS for n in range(RAMP_STEPS + 1)]
        times = [seconds_of(session.tempos, b) for b in beats[:-1]] + [there.time_s]
        for n in range(RAMP_STEPS):
            length_s = times[n + 1] - times[n]
            bpm = 60.0 * (beats[n + 1] - beats[n]) / length_s if length_s > 0.0 else here.bpm
            yield times[n], bpm, *signature


def _channel(session: Session, routing: Routing, track: Track, audio: TrackAudio, notes: Notes | None) -> ChannelFacts:
    names = session.names
    fed = [t for t in session.tracks if t.output == track.id]
    sent = [t for t in session.tracks for s in t.sends if s.target == track.id]
    return ChannelFacts(
        name=names[track.id],
        kind=track.kind,
        output=names.get(track.output or "", ""),
        heard=track.id in routing.heard,
        muted=track.muted,
        soloed=track.soloed,
        active=track.active,
        inverted=track.polarity < 0,
        fader_db=_db(track.fader),
        automated=bool(track.volume),
        channels=track.channels,
        mono=notes.mono if notes else None,
        inputs=len(fed) + len(sent),
        levels=tuple(notes.levels) if notes else (),
        devices=tuple(notes.devices) if notes else tuple(_unplayed((*track.inserts, *track.post_inserts))),
        clips=_clips(audio.placed),
        sends=tuple(
            SendFacts(names.get(s.target, ""), _db(s.gain), s.pre, s.enabled, s.target in routing.heard)
            for s in track.sends
        ),
    )


def _db(gain: float) -> float | None:
    return amplitude_db(gain) if gain > 0.0 else None


def _unplayed(devices: Iterable[Device]) -> Iterable[DeviceFacts]:
    """Devices of a channel that is not heard."""
    for k, d in enumerate(devices):
        there = d.kind in PLAYED or d.installed is not None
        played = "bypassed" if not d.enabled else "unheard" if there else "missing"
        yield DeviceFacts(d.name, d.kind, d.enabled, played, k + 1, d.vendor, d.plugin_id, dict(d.parameters))


def _clips(placed: Iterable[Placed]) -> tuple[ClipFacts, ...]:
    """Clips in time, each with how it overlaps the next that is heard."""
    ordered = sorted(placed, key=lambda p: (p.clip.position_s, p.clip.end_s))
    facts = [_clip(p) for p in ordered]
    heard = [k for k, p in enumerate(ordered) if not p.clip.muted and not p.offline]
    for k, after in pairwise(heard):
        one, other = ordered[k].clip, ordered[after].clip
        overlap = min(one.end_s, other.end_s) - other.position_s
        if overlap <= 0.0 or one.opaque or other.opaque:  # an opaque one hides the other: nothing is heard twice
            continue
        fades = (one.fade_out, other.fade_in)
        crossed = all(f is not None and f.length_s >= 0.5 * overlap for f in fades)
        facts[k] = replace(facts[k], overlap_s=overlap, crossfaded=crossed)
    return tuple(facts)


def _clip(placed: Placed) -> ClipFacts:
    clip, sources = placed.clip, [t.source for t in placed.takes if t.source]
    return ClipFacts(
        name=clip.name,
        position_s=clip.position_s,
        end_s=clip.end_s,
        media=clip.media[0].name if clip.media else "",
        muted=clip.muted,
        sample_rate=sources[0].sample_rate if sources else None,
        media_channels=None if not sources else sources[0].channels if len(clip.media) == 1 else len(clip.media),
        offline=placed.offline,
        partial=next((t.partial for t in placed.takes if t.partial), ""),
    )


def _not_as_the_daw(channel: ChannelFacts) -> list[str]:
    """What of a channel is not played as its DAW does."""
    if not channel.heard:
        return []
    said = []
    for device in channel.devices:
        if device.played == "missing":
            said.append(f"'{device.name}' on '{channel.name}' is not installed here: the signal passes it unchanged")
        elif device.played == "here" and device.kind != "equalizer":
            said.append(f"'{device.name}' on '{channel.name}' is played by our own {device.kind}; the DAW's may differ")
    return said
