"""Changed clips written to the regions of a playlist: where they lie, where they begin in their media, polarity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dsp.errors import UsageError
from plugin_bridge.sessions.ardour.regions import times
from plugin_bridge.sessions.ardour.xml import SUPERCLOCKS, Element, to_number
from plugin_bridge.sessions.model import Clip, Track


def write_clips(playlist: Element | None, regions: Sequence[Element], old: Track, new: Track) -> None:
    """Write what differs between the clips of a track; regions whose clip is gone are taken out.

    Raises UsageError for what cannot be written.
    """
    if playlist is None or len(regions) != len(old.clips):
        raise UsageError(f"'{old.name}': its regions are not those that were read")
    for region, before, after in _pairs(regions, old, new):
        if after is None:
            playlist.remove(region)
            continue
        whose = f"'{old.name}': region '{before.name}'"
        if (after.position_s, after.length_s) != (before.position_s, before.length_s):
            length, position = times(region)
            moved = _clock(position, before.position_s, after.position_s, whose)
            region.set("length", f"{_clock(length, before.length_s, after.length_s, whose)}@{moved}")
        if after.offset_s != before.offset_s:
            region.set("start", _clock(region.get("start", "a0"), before.offset_s, after.offset_s, whose))
        if after.inverted != before.inverted:
            gain = region.get("scale-amplitude", "1")
            if to_number(gain) is None:
                raise UsageError(f"{whose} has the gain '{gain[:20]}', which cannot be turned over")
            region.set("scale-amplitude", gain.strip()[1:] if gain.strip().startswith("-") else f"-{gain.strip()}")


def _pairs(regions: Sequence[Element], old: Track, new: Track) -> Iterator[tuple[Element, Clip, Clip | None]]:
    """Every region with its clip before and after; None where it is gone: where some are, those that ended first.

    Raises UsageError for clips that are new or otherwise changed.
    """
    by_end = sorted(range(len(old.clips)), key=lambda n: old.clips[n].end_s)
    gone = set(by_end[: max(0, len(old.clips) - len(new.clips))])
    kept = [clip for n, clip in enumerate(old.clips) if n not in gone]
    if [_still(c) for c in kept] != [_still(c) for c in new.clips]:
        raise UsageError(f"'{old.name}': regions can only be moved, turned over or left out in an Ardour session")
    rest = iter(new.clips)
    for n, (region, clip) in enumerate(zip(regions, old.clips, strict=True)):
        yield region, clip, None if n in gone else next(rest)


def _still(clip: Clip) -> Clip:
    """A clip without what may be changed."""
    return replace(clip, position_s=0.0, length_s=0.0, offset_s=0.0, inverted=False)


def _clock(written: str, before_s: float, after_s: float, whose: str) -> str:
    """A time in superclocks; one in beats cannot be moved by seconds without loosening it from the beat."""
    if after_s == before_s:
        return written
    if written[:1] == "b":
        raise UsageError(f"{whose} is glued to bars and beats: unglue it in Ardour before it is moved in time")
    return f"a{round(after_s * SUPERCLOCKS)}"
