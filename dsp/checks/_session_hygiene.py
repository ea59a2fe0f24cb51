"""What a session holds that is not heard, heard twice, or leads nowhere: plain looks at its facts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dsp.checks._session_path import blocked_by, reaches_master
from dsp.session import ChannelFacts, ClipFacts, SendFacts, SessionFacts


def has_content(channel: ChannelFacts) -> bool:
    """Whether something plays into it, muted clips aside."""
    return any(not k.muted for k in channel.clips) or channel.inputs > 0


def silenced(facts: SessionFacts) -> list[tuple[ChannelFacts, str]]:
    """Channels with something on them that are switched off or muted, or have all their clips muted."""
    found = []
    for c in facts.channels:
        if c.kind == "master":
            continue
        if not c.active and (c.clips or c.inputs):
            found.append((c, "switched off"))
        elif c.muted and (c.clips or c.inputs):
            found.append((c, "muted"))
        elif c.clips and all(k.muted for k in c.clips):
            found.append((c, "all clips muted"))
    return found


def astray(facts: SessionFacts) -> list[tuple[ChannelFacts, str]]:
    """Channels with something on them that do not reach the master, though not muted themselves; and why.

    With a solo on, what only the solo silences is left out.
    """
    found, solo = [], any(c.soloed for c in facts.channels)
    for c in facts.channels:
        if c.kind == "master" or c.heard or c.muted or not c.active or not has_content(c):
            continue
        if not reaches_master(facts, c):
            found.append((c, "has no output" if not c.output else f"ends in '{c.output}'"))
        elif (stop := blocked_by(facts, c)) is not None:
            found.append((c, f"runs into '{stop.name}', which is {'muted' if stop.muted else 'switched off'}"))
        elif not solo:
            found.append((c, "does not reach the master"))
    return found


def empty(facts: SessionFacts) -> list[ChannelFacts]:
    """Tracks without clips and buses nothing feeds.

    An instrument plays without clips, and what is known to hold something that was not read is not empty.
    """
    return [
        c
        for c in facts.channels
        if c.kind != "master"
        and not c.clips
        and c.inputs == 0
        and not any(d.kind == "instrument" for d in c.devices)
        and not any(f"'{c.name}'" in line for line in facts.unread)
        and not any(o.output == c.name or any(s.target == c.name for s in o.sends) for o in facts.channels)
    ]


def idle_sends(facts: SessionFacts) -> list[tuple[ChannelFacts, SendFacts, str]]:
    """Sends of heard channels that feed nothing, and why."""
    found = []
    for c in facts.channels:
        if c.muted or not c.active or not has_content(c):
            continue
        for s in c.sends:
            if not s.enabled:
                found.append((c, s, "switched off"))
            elif not s.target:
                found.append((c, s, "without a target"))
            elif s.gain_db is None or s.gain_db == -math.inf:
                found.append((c, s, "turned all the way down"))
            elif not s.heard:
                found.append((c, s, "not heard there"))
    return found


@dataclass(frozen=True)
class Overlap:
    """Two clips of a track that sound together, from and to (s); `twice`: one and the same file in one place."""

    channel: ChannelFacts
    clip: ClipFacts
    start_s: float
    end_s: float
    twice: bool


def overlaps(facts: SessionFacts, least_s: float) -> list[Overlap]:
    """Clips that overlap another one without a crossfade, both heard."""
    found = []
    for c in facts.channels:
        if c.muted or not c.active:
            continue
        playing = [k for k in c.clips if not k.muted and not k.offline]
        for k in playing:
            if least_s <= k.overlap_s < math.inf and not k.crossfaded:
                whole = k.overlap_s >= 0.9 * (k.end_s - k.position_s)
                found.append(Overlap(c, k, k.end_s - k.overlap_s, k.end_s, whole and _stacked(k, playing)))
    return found


def _stacked(clip: ClipFacts, others: Sequence[ClipFacts]) -> bool:
    """Whether another clip of the track plays the same file in the same place."""
    same = [
        k
        for k in others
        if k.media == clip.media and abs(k.position_s - clip.position_s) < 0.001 and abs(k.end_s - clip.end_s) < 0.001
    ]
    return bool(clip.media) and len(same) > 1


def dual_mono(facts: SessionFacts) -> tuple[list[ChannelFacts], list[ChannelFacts]]:
    """Stereo tracks that are the same on both sides: those of stereo files, and those of mono files or unknown ones."""
    same = [c for c in facts.channels if c.kind == "track" and c.channels >= 2 and c.mono]
    files = [c for c in same if any((k.media_channels or 0) >= 2 for k in c.clips)]
    return files, [c for c in same if c not in files]
