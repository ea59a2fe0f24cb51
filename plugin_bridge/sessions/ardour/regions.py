"""Regions of Ardour's playlists as clips, and the sources they play."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from plugin_bridge.sessions.ardour.xml import Element, Notes, is_on, kids
from plugin_bridge.sessions.media import Finder
from plugin_bridge.sessions.model import Clip, Curve, Fade, Media, Point, Shape

#: A fade that is not written out has this many frames (libs/ardour/audioregion.cc).
DEFAULT_FADE: Final = 64
#: Points between the ends of a fade of constant power (as before).
STEPS: Final = 33


class Sources:
    """The audio files of a session by the ids of its sources, found when they are asked for."""

    def __init__(self, session: Element, path: Path, finder: Finder, notes: Notes) -> None:
        self._finder, self._notes = finder, notes
        self._by_id = {s.get("id", ""): s for s in kids(session.find("Sources"), "Source")}
        self._inside = _folders(path, session.get("name", ""))
        self._found: dict[tuple[str, int], Media] = {}

    def media(self, source_id: str) -> tuple[Media, float]:
        """The file of a source with the channel of it that is played, and the gain it has of its own."""
        source = self._by_id.get(source_id)
        if source is None:
            return Media("", None, f"the session has no source {source_id[:40]}"), 1.0
        name = source.get("name", "")
        if source.find("Playlist") is not None or source.get("playlist"):
            return Media(name, None, "it is a compound of regions, which is not played here; uncombine it"), 1.0
        channel = int(self._notes.number(source, "channel", 0.0, f"Source '{name}'", 1e3))
        key = name, max(0, channel)
        if key not in self._found:
            self._found[key] = self._finder.find(name, key[1], self._inside)
        return self._found[key], self._notes.number(source, "gain", 1.0, f"Source '{name}'")


def _folders(path: Path, name: str) -> list[str]:
    """Folders beside a session that hold audio, its own first; a session that was renamed has several."""
    try:
        found = sorted(e.name for e in os.scandir(path.absolute().parent / "interchange") if e.is_dir())
    except OSError:
        found = []
    found.sort(key=lambda f: f != name)
    return [f"interchange/{f}/audiofiles" for f in found]


def regions_of(playlist: Element | None) -> list[Element]:
    """The regions of a playlist that are read, in the order of their clips."""
    return [r for r in kids(playlist, "Region") if r.get("type", "audio") == "audio"]


@dataclass(frozen=True)
class RegionReader:
    """Reads the regions of one track with so many `inputs`; `fades` is whether the session plays fades at all."""

    track: str
    inputs: int
    fades: bool
    sources: Sources
    notes: Notes

    def clips(self, playlist: Element | None) -> tuple[Clip, ...]:
        """The clips of a playlist."""
        regions = regions_of(playlist)
        if len(regions) < len(list(kids(playlist, "Region"))):
            self.notes.add(f"Track '{self.track}': its MIDI regions are not played")
        return tuple(self._clip(r) for r in regions)

    def _clip(self, region: Element) -> Clip:
        name, notes = region.get("name", ""), self.notes
        whose = f"Track '{self.track}': region '{name}'"
        position_s, length_s = _span(region, whose, notes)
        media, own_gain = self._media(region, whose)
        gain = notes.number(region, "scale-amplitude", 1.0, whose) * own_gain
        for tag in ("RegionFXPlugin", "Plugin"):
            if region.find(tag) is not None:
                notes.add(f"{whose}: effects on the region are not played")
        points = region.find("Envelope/AutomationList") if is_on(region, "envelope-active", False) else None
        return Clip(
            name,
            media,
            position_s,
            length_s,
            offset_s=notes.seconds(region.get("start", "0"), whose),
            gain=abs(gain),
            fade_in=_fade(region, "In", whose, notes) if self.fades else None,
            fade_out=_fade(region, "Out", whose, notes) if self.fades else None,
            muted=is_on(region, "muted", False),
            inverted=math.copysign(1.0, gain) < 0.0,
            envelope=notes.curve(points, f"{whose}: its gain curve"),
            layer=int(notes.number(region, "layering-index", 0.0, whose, 1e9)),
            opaque=is_on(region, "opaque"),
        )

    def _media(self, region: Element, whose: str) -> tuple[tuple[Media, ...], float]:
        """Media for the channels of the track, and the gain the sources have of their own."""
        channels = max(1, int(self.notes.number(region, "channels", 1.0, whose, 1e3)))
        found = [self.sources.media(region.get(f"source-{k}", "")) for k in range(min(self.inputs, channels))]
        gains = [gain for _, gain in found]
        if len(set(gains)) > 1:
            self.notes.add(f"{whose}: its channels have gains of their own, that of the first is taken for all")
        return tuple(media for media, _ in found), gains[0]


def _span(region: Element, whose: str, notes: Notes) -> tuple[float, float]:
    """Position and length in seconds; a length in beats is one from where the region begins."""
    length, position = times(region)
    position_s, length_s = notes.seconds(position, whose), notes.seconds(length, whose)
    if length[:1] == "b" and position[:1] == "b":
        length_s = notes.seconds(f"b{float(position[1:]) + float(length[1:])}", whose) - position_s
    return position_s, max(0.0, length_s)


def times(region: Element) -> tuple[str, str]:
    """Length and position of a region as they are written: together since Ardour 7, apart before."""
    length, _, position = region.get("length", "0").partition("@")
    return length, position or region.get("position", "0")


def _fade(region: Element, side: str, whose: str, notes: Notes) -> Fade | None:
    """A fade that is played. Where the file has none for the regions below, that of a default fade stays (7.3)."""
    if not is_on(region, f"fade-{side.lower()}-active", False):
        return None
    written, default = _points(region, f"Fade{side}", whose, notes), _default(notes.rate_hz, side == "Out")
    if len(written) < 2 or written[-1].time_s <= 0.0:
        return default
    length_s, out = written[-1].time_s, side == "Out"
    below = _points(region, f"InverseFade{side}", whose, notes)
    if len(below) < 2 or below[-1].time_s <= 0.0:
        by, first = default.length_s / length_s, 1.0 if out else 0.0
        rest = tuple(replace(p, time_s=first + (p.time_s - first) * by) for p in default.below)
        return Fade(length_s, _within(written, out), rest)
    return Fade(length_s, _within(written, out), _within(below, out))


def _points(region: Element, tag: str, whose: str, notes: Notes) -> Curve:
    found = region.find(tag)
    if found is None or found.get("default"):
        return ()
    return notes.curve(found.find("AutomationList"), f"{whose}: {tag}")


def _within(curve: Curve, out: bool) -> Curve:
    """Points of a fade from 0 at the edge of the region to 1 inside it."""
    last = curve[-1].time_s
    shape: Shape = curve[0].shape if len(curve) > 2 or curve[0].shape != "ardour-spline" else "linear"
    at = [Point(1.0 - p.time_s / last if out else p.time_s / last, p.value, shape) for p in curve]
    return tuple(reversed(at)) if out else tuple(at)


def _default(rate_hz: int, out: bool) -> Fade:
    """The fade of a region that has no other: of constant power, its points on whole frames (audioregion.cc)."""
    steps = [(DEFAULT_FADE * k // STEPS / DEFAULT_FADE, 0.5 * math.pi * k / STEPS) for k in range(STEPS - 1)]
    there = [Point(t, math.cos(a) if out else math.sin(a), "ardour-spline") for t, a in steps]
    there.append(Point(1.0, 0.0 if out else 1.0, "ardour-spline"))
    back = tuple(replace(p, time_s=1.0 - p.time_s) for p in reversed(there))
    return Fade(DEFAULT_FADE / rate_hz, back if out else tuple(there), tuple(there) if out else back)
