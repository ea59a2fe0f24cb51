"""Items of REAPER tracks as clips."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from plugin_bridge.sessions.model import Clip, Curve, Media
from plugin_bridge.sessions.reaper.curves import LATEST_S, active, bent_on_fader, curve, fade, fade_is_near, points
from plugin_bridge.sessions.reaper.devices import chain
from plugin_bridge.sessions.reaper.notes import Place
from plugin_bridge.sessions.reaper.text import Block, Part

#: Gains beyond this are no mix: 120 dB.
LOUDEST: Final = 1e6
#: Sources that hold no sound of their own, and what they are called.
_SILENT: Final = {
    "MIDI": "MIDI", "MIDIPOOL": "MIDI", "CLICK": "a click", "LTC": "time code", "EMPTY": "empty",
    "VIDEOEFFECT": "a video effect", "RPP_PROJECT": "a project of its own", "RPP": "a project of its own",
}  # fmt: skip
#: Channel modes that pick channels: first and last number, the channel of the first, and whether it is a pair.
_CHANNEL_MODES: Final = ((3, 66, 0, False), (67, 130, 0, True), (131, 194, 64, False), (195, 257, 64, True))
_PICTURES: Final = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".svg")
#: Envelopes of takes that are not played, and the value at which they do nothing.
_UNPLAYED: Final = {"PANENV": ("pan", 0.0), "MUTEENV": ("mute", 1.0), "PITCHENV": ("pitch", 0.0)}

#: Finds a file by what the project calls it and one of its channels.
Find = Callable[[str, int | None], Media]


@dataclass(frozen=True, slots=True)
class Take:
    """Where a clip stands in the file: its item, its take, and whether the take is the item's first."""

    item: Block
    part: Part
    first: bool
    section_s: float


@dataclass(frozen=True, slots=True)
class Lanes:
    """Fixed lanes of a track: which play, 32 to a number (None: all), and whether higher ones hide the lower."""

    playing: tuple[int, ...] | None = None
    hiding: bool = False

    def plays(self, lane: int) -> bool:
        """Whether a lane is heard."""
        if self.playing is None:
            return True
        return lane >> 5 < len(self.playing) and bool(self.playing[lane >> 5] >> (lane & 31) & 1)


def clips(track: Block, find: Find, here: Place) -> list[tuple[Clip, Take]]:
    """The clips of a track in the order of the file, each with where it stands."""
    lanes, found = _lanes(track), list[tuple[Clip, Take]]()
    for item in track.blocks("ITEM"):
        found += _item(item, lanes, find, here)
    return found


def _lanes(track: Block) -> Lanes:
    if track.whole("FREEMODE", 0, 0) != 2:
        return Lanes()
    fields = range(len(track.words("LANESOLO")))
    playing = tuple(track.whole("LANESOLO", k, 0) for k in fields) if fields else None
    return Lanes(playing, track.whole("FIXEDLANES", 3, 0) == 1)


def _item(item: Block, lanes: Lanes, find: Find, here: Place) -> list[tuple[Clip, Take]]:
    takes = _takes(item)
    chosen = takes if item.whole("ALLTAKES", 0, 0) else [next((t for t in takes if t[1]), takes[0])]
    lane = 0
    height = item.side("YPOS", 1)
    if height > 0.0 and lanes != Lanes():
        lane = round(max(0.0, item.side("YPOS", 0)) / max(height, 1e-3))
    if item.whole("MUTE", 1, 0) == -1:
        here.tell("solo of an item is not followed")
    found = list[tuple[Clip, Take]]()
    for part, _ in chosen:
        made = _clip(item, part, part is takes[0][0], find, here)
        if made is None:
            continue
        clip, take = made
        if not lanes.plays(lane):
            clip = replace(clip, muted=True)
            here.tell("an item on a lane that does not play is taken as muted")
        found.append((replace(clip, layer=lane, opaque=lanes.hiding), take))
    return found


def _takes(item: Block) -> list[tuple[Part, bool]]:
    """The takes of an item, and whether it is the one that plays; what comes before the first TAKE is the first."""
    marks = set(item.all("TAKE"))
    if not marks:
        return [(item, True)]
    starts = [k for k, e in enumerate(item.entries) if e in marks]
    edges = [0, *starts, len(item.entries)]
    made = []
    for j, (a, b) in enumerate(pairwise(edges)):
        entries = item.entries[a:b]
        part = Part(item.document, entries, entries[0] if j > 0 and isinstance(entries[0], int) else item.line)
        made.append((part, j > 0 and "SEL" in part.words("TAKE")))
    return made


def _clip(item: Block, part: Part, first: bool, find: Find, here: Place) -> tuple[Clip, Take] | None:
    outer = source = part.block("SOURCE")
    while source is not None and source.arguments[:1] == ["SECTION"]:
        outer, source = source, source.block("SOURCE")
    kind = (source.arguments[:1] or [""])[0] if source else ""
    name = source.text("FILE") if source else ""
    if source is None or outer is None:
        here.tell("an item is empty, not rendered")
        return None
    if kind in _SILENT:
        here.tell(f"an item is {_SILENT[kind]}, not rendered")
        return None
    if kind == "VIDEO" and (name.lower().endswith(_PICTURES) or source.text("AUDIO") == "0"):
        here.tell("an item is video without sound, not rendered")
        return None
    if not name:
        here.tell(f"a source '{kind}' names no file, not rendered")
        return None
    rate = part.number("PLAYRATE", 0, 1.0, 1e-4, 1e4)
    offset = part.number("SOFFS", 0, 0.0, -LATEST_S, LATEST_S)
    clip = Clip(
        name=part.text("NAME") or name.replace("\\", "/").rpartition("/")[2],
        media=_media(name, kind, part.whole("CHANMODE", 0, 0), find, here),
        position_s=item.number("POSITION", 0, 0.0, -LATEST_S, LATEST_S),
        length_s=item.number("LENGTH", 0, 0.0, 0.0, LATEST_S),
        offset_s=offset,
        fade_in=fade(item, "FADEIN"),
        fade_out=fade(item, "FADEOUT"),
        muted=item.whole("MUTE", 0, 0) != 0,
        rate=rate,
        pitch_kept=part.whole("PLAYRATE", 1, 1) != 0,
        loop_s=(0.0, math.inf) if item.whole("LOOP", 0, 0) else None,
        envelope=_envelope(part, rate, here),
    )
    gain = _gain(item, part, first)
    clip = replace(clip, gain=abs(gain), inverted=math.copysign(1.0, gain) < 0.0)
    clip, start = _section(clip, outer, here) if outer is not source else (clip, 0.0)
    _tell(item, part, first, here)
    return clip, Take(item, part, first, start)


def _gain(item: Block, part: Part, first: bool) -> float:
    """Gain of item and take; below 0 where the take is upside down."""
    take = part.number(*(("VOLPAN", 2) if first else ("TAKEVOLPAN", 1)), 1.0, -LOUDEST, LOUDEST)
    return item.number("VOLPAN", 0, 1.0, -LOUDEST, LOUDEST) * take


def _media(name: str, kind: str, mode: int, find: Find, here: Place) -> tuple[Media, ...]:
    """The file, with the channels that the take's channel mode picks."""
    if kind.startswith("_OFFLINE"):
        return (Media(name, None, "the item is set offline in REAPER"),)
    if mode == 1:
        return find(name, 1), find(name, 0)
    for first, last, channel, stereo in _CHANNEL_MODES:
        if first <= mode <= last:
            k = mode - first + channel
            return (find(name, k), find(name, k + 1)) if stereo else (find(name, k),)
    if mode == 2:
        here.tell("a take summed to mono is played in stereo")
    elif mode != 0:
        here.tell(f"channel mode {mode} of a take is not understood")
    return (find(name, None),)


def _section(clip: Clip, section: Block, here: Place) -> tuple[Clip, float]:
    """A clip that plays a section of its file, or the file backwards; and where the section starts in it (s).

    MODE 2 turns the section, 3 the whole file; SOFFS then counts from its end, as our offsets do.
    """
    mode = section.whole("MODE", 0, 0)
    clip = replace(clip, reversed=bool(mode & 2))
    if mode & 1:
        return clip, 0.0
    start = section.number("STARTPOS", 0, 0.0, -LATEST_S, LATEST_S)
    length = section.number("LENGTH", 0, 0.0, -LATEST_S, LATEST_S)
    if clip.reversed:
        here.tell("a section of a file played backwards is taken from the end of the file")
        return clip, 0.0
    if length > 0.0 and clip.loop_s:
        clip = replace(clip, loop_s=(start, start + length))
    elif length > 0.0 and clip.offset_s + clip.length_s * clip.rate > length * (1.0 + 1e-9):
        here.tell("an item is longer than its section of the file; what follows in the file is played")
    return replace(clip, offset_s=start + clip.offset_s), start


def _envelope(part: Part, rate: float, here: Place) -> Curve:
    """The take's volume envelope, whose times run at the rate of the take."""
    block = part.block("VOLENV")
    if block is None or not active(block):
        return ()
    if bent_on_fader(block):
        here.tell("curved pieces of a take's volume envelope are played on a linear scale")
    found = curve(points(block, 0.0, LOUDEST))
    return found if rate == 1.0 else tuple(replace(p, time_s=p.time_s / rate) for p in found)


def _tell(item: Block, part: Part, first: bool, here: Place) -> None:
    """What of an item is not played."""
    if part.number(*(("VOLPAN", 1) if first else ("TAKEVOLPAN", 0)), 0.0) != 0.0:
        here.tell("the pan of an item is not played")
    if part.number("PLAYRATE", 2, 0.0) != 0.0:
        here.tell("the pitch shift of an item is not played")
    if part.at("SM") is not None:
        here.tell("stretch markers are not played")
    for tag, (name, rest) in _UNPLAYED.items():
        block = part.block(tag)
        if block is not None and active(block) and {p.value for _, p in points(block, -1e9, 1e9)} != {rest}:
            here.tell(f"the {name} envelope of an item is not played")
    if any(slot.device.enabled for slot in chain(part.block("TAKEFX"), True, here)):
        here.tell("plugins on an item are not played")
    for key in ("FADEIN", "FADEOUT"):
        if fade_is_near(item, key):
            here.tell("the curve of a fade is only nearly REAPER's")
