"""The ways of a session: levels along a channel, and which channels lead where."""

from __future__ import annotations

import math
from itertools import pairwise

from dsp.session import ChannelFacts, DeviceFacts, Level, SessionFacts

#: What the level behind the fader is called.
FADER = "fader"
#: No level or gain is this many dB: what says so is broken.
MOST_DB = 1000.0


def master_of(facts: SessionFacts) -> ChannelFacts | None:
    """The master channel; None where there is none."""
    last = facts.channels[-1] if facts.channels else None
    return last if last is not None and last.kind == "master" else None


def peak(level: Level | None) -> float:
    """The peak of a level in dBFS; minus infinity where it is silent, not known, or no level at all."""
    value = level.peak_dbfs if level is not None else None
    return value if value is not None and abs(value) < MOST_DB else -math.inf


def levels_of(channel: ChannelFacts) -> tuple[Level, ...]:
    """The levels of a channel along the way."""
    return tuple(sorted(channel.levels, key=lambda level: level.stage))


def level_into(channel: ChannelFacts, device: DeviceFacts) -> Level | None:
    """The level that goes into a device; None where it was not measured."""
    before = [level for level in levels_of(channel) if level.stage < device.stage]
    return before[-1] if before else None


def level_after(channel: ChannelFacts, device: DeviceFacts) -> Level | None:
    """The level at a device's output; None where it was not measured."""
    return next((level for level in channel.levels if level.stage == device.stage), None)


def working(channel: ChannelFacts) -> list[DeviceFacts]:
    """The devices that are switched on, along the way; those of channels that are not played as well."""
    return sorted((d for d in channel.devices if d.enabled and d.played != "bypassed"), key=lambda d: d.stage)


def fader_level(channel: ChannelFacts) -> tuple[Level, Level] | None:
    """The levels before and after the fader; None where they were not measured."""
    devices = {d.stage for d in channel.devices}
    for before, after in pairwise(levels_of(channel)):
        if after.at == FADER and after.stage not in devices:  # a device may be called so
            return before, after
    return None


def by_name(facts: SessionFacts) -> dict[str, ChannelFacts]:
    """Channels by their names, which are unique; of two of one name the first counts."""
    return {c.name: c for c in reversed(facts.channels)}


def way_out(facts: SessionFacts, channel: ChannelFacts) -> list[ChannelFacts]:
    """The channels it runs through after itself, as far as they lead; a circle is walked once."""
    known, way, here = by_name(facts), list[ChannelFacts](), channel
    seen = {channel.name}
    while here.output in known and here.output not in seen:
        here = known[here.output]
        seen.add(here.name)
        way.append(here)
    return way


def reaches_master(facts: SessionFacts, channel: ChannelFacts) -> bool:
    """Whether its output or one of its sends leads to the master, muted or not."""
    known, open_, seen = by_name(facts), [channel], {channel.name}
    while open_:
        here = open_.pop()
        if here.kind == "master":
            return True
        for name in (here.output, *(s.target for s in here.sends if s.enabled)):
            if name in known and name not in seen:
                seen.add(name)
                open_.append(known[name])
    return False


def blocked_by(facts: SessionFacts, channel: ChannelFacts) -> ChannelFacts | None:
    """The first channel on its way out that is muted or switched off."""
    return next((c for c in way_out(facts, channel) if c.muted or not c.active), None)


def sounding_tracks(facts: SessionFacts) -> list[ChannelFacts]:
    """Tracks that are heard and have something to play."""
    return [
        c
        for c in facts.channels
        if c.kind == "track" and c.heard and not c.muted and c.active and any(not k.muted for k in c.clips)
    ]


def mix_buses(facts: SessionFacts) -> list[ChannelFacts]:
    """The master and every bus or group that all sounding tracks (two at least) run through."""
    master = master_of(facts)
    tracks = sounding_tracks(facts)
    shared: set[str] = set()
    if len(tracks) > 1:
        shared = set.intersection(*({c.name for c in way_out(facts, t)} for t in tracks))
    buses = [c for c in facts.channels if c.name in shared and c.kind in ("bus", "group")]
    return [*buses, *([master] if master else [])]


def feeders(facts: SessionFacts, channel: ChannelFacts) -> list[ChannelFacts]:
    """The channels whose output goes straight into it and that are heard."""
    return [c for c in facts.channels if c.output == channel.name and c.name != channel.name and c.heard]
