"""Tracks of REAPER projects as channels of the mixer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from plugin_bridge.sessions.model import Curve, Kind, Point, Send, Track
from plugin_bridge.sessions.reaper.curves import active, bent_on_fader, curve, points
from plugin_bridge.sessions.reaper.devices import Slot, chain
from plugin_bridge.sessions.reaper.items import LOUDEST, Find, Take, clips
from plugin_bridge.sessions.reaper.notes import Notes, Place, track_name
from plugin_bridge.sessions.reaper.text import Block, Document, within

MASTER: Final = "master"
#: Envelopes of a track that are not played: what they are, and the value at which they do nothing.
_UNPLAYED: Final[dict[str, tuple[str, float | None]]] = {
    "VOLENV": ("volume envelope before the plugins", 1.0), "VOLENV3": ("trim volume envelope", 1.0),
    "PANENV": ("pan envelope before the plugins", 0.0), "WIDTHENV": ("width envelope before the plugins", 1.0),
    "WIDTHENV2": ("width envelope", 1.0), "DUALPANENVL": ("dual pan envelope", None),
    "DUALPANENVL2": ("dual pan envelope", None), "DUALPANENV": ("dual pan envelope", None),
    "DUALPANENV2": ("dual pan envelope", None), "AUXVOLENV": ("volume envelope of a receive", 1.0),
    "AUXPANENV": ("pan envelope of a receive", 0.0), "AUXMUTEENV": ("mute envelope of a receive", 1.0),
}  # fmt: skip
#: Modes of automation.
_TRIM_READ, _BYPASSED = 0, 6
#: The second channel of a track as the source of a mono send.
_RIGHT: Final = 1025


@dataclass(frozen=True)
class Project:
    """What of a project all its tracks need."""

    law: float
    pan_mode: int
    automation: int


@dataclass
class Channel:
    """A track as read, and where it stands in the file: its block, its clips, its devices, its volume envelope."""

    track: Track
    block: Block
    takes: list[Take] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    volume: tuple[tuple[int, Point], ...] = ()


def project_settings(root: Block) -> Project:
    """The settings all tracks share."""
    return Project(
        root.number("PANLAW", 0, 1.0, -LOUDEST, LOUDEST), root.whole("PANMODE", 0, 0), root.whole("GLOBAL_AUTO", 0, -1)
    )


def tracks(root: Block, project: Project, find: Find, notes: Notes) -> list[Channel]:
    """The channels of a project in their order; those that feed no folder feed the master."""
    blocks = root.blocks("TRACK")
    ids, names = _ids(blocks), [track_name(b.text("NAME"), k) for k, b in enumerate(blocks)]
    made, folders = list[Channel](), list[str]()
    for block, track_id, name in zip(blocks, ids, names, strict=True):
        read = _track(block, find, Place(notes, name))
        folder = folders[-1] if folders else None
        output = None if block.whole("MAINSEND", 0, 1) == 0 else folder or MASTER
        read.track = replace(read.track, id=track_id, output=output, parent=folder)
        made.append(fader(read, "", project, Place(notes, name)))
        steps = block.whole("ISBUS", 1, 0)
        if steps > 0:
            folders.append(track_id)
        elif steps < 0:
            del folders[max(0, len(folders) + steps) :]
    _connect(made, names, notes)
    return made


def _ids(blocks: list[Block]) -> list[str]:
    """The id of every track, one of our own where it has none or another has the same."""
    taken, ids = {MASTER}, list[str]()
    for k, block in enumerate(blocks):
        written = block.text("TRACKID") or next(iter(block.arguments), "")
        ids.append(written if written and written not in taken else f"track {k + 1}")
        taken.add(ids[-1])
    return ids


def _track(block: Block, find: Find, here: Place) -> Channel:
    found = clips(block, find, here)
    slots = chain(block.block("FXCHAIN"), block.whole("FX", 0, 1) != 0, here)
    kind: Kind = "track"
    if block.whole("ISBUS", 1, 0) > 0:
        kind = "group"
    elif not block.blocks("ITEM") and block.at("AUXRECV") is not None:
        kind = "bus"
    track = Track(
        id="",
        name=block.text("NAME"),
        kind=kind,
        clips=tuple(c for c, _ in found),
        inverted=(block.whole("IPHASE", 0, 0) != 0,) * 2,
        inserts=tuple(s.device for s in slots),
        fader=block.number("VOLPAN", 0, 1.0, 0.0, LOUDEST),
        muted=block.whole("MUTESOLO", 0, 0) != 0,
        soloed=block.whole("MUTESOLO", 1, 0) != 0,
    )
    _tell(block, here)
    return Channel(track, block, [t for _, t in found], slots)


def fader(channel: Channel, prefix: str, project: Project, here: Place) -> Channel:
    """The channel with its panner and automation; the master's lines begin with a `prefix` of their own.

    In REAPER's mode Trim/Read the fader trims the volume envelope and the panner is added to the pan envelope; in all
    others envelopes replace them. A pan envelope counts the other way round: 1 is left. A mute envelope is 0 for muted.
    """
    block, volpan = channel.block, "MASTER_VOLUME" if prefix else "VOLPAN"
    written = block.side(volpan, 1)
    mode = block.whole(f"{prefix}_PANMODE" if prefix else "PANMODE", 0, -1)
    mode = project.pan_mode if mode < 0 else mode
    law = block.number(volpan, 2, -1.0, -LOUDEST, LOUDEST)
    law = project.law if law < 0.0 else law
    automation = block.whole(f"{prefix}AUTOMODE" if prefix else "AUTOMODE", 0, 0)
    automation = automation if project.automation < 0 else project.automation
    envelopes = {
        tag: b for tag in ("VOLENV2", "PANENV2", "MUTEENV") if (b := block.block(prefix + tag)) and active(b)
    }  # fmt: skip
    if automation == _BYPASSED and envelopes:
        here.tell("its envelopes are bypassed for the whole project, and not played")
        envelopes = {}
    for tag, b in envelopes.items():
        if b.at("POOLEDENVINST") is not None:
            here.tell(f"automation items in its envelope {prefix + tag} are not played")
    volume = points(envelopes["VOLENV2"], 0.0, LOUDEST) if "VOLENV2" in envelopes else ()
    if volume and bent_on_fader(envelopes["VOLENV2"]):
        here.tell("curved pieces of its volume envelope are played on a linear scale")
    trimmed = written if automation == _TRIM_READ else 0.0
    pans = _mapped(envelopes.get("PANENV2"), lambda v: max(-1.0, min(1.0, trimmed - v)))
    mutes = _mapped(envelopes.get("MUTEENV"), lambda v: 0.0 if v >= 0.5 else 1.0)
    sides = block.number(volpan, 3, -1.0, -LOUDEST, LOUDEST), block.number(volpan, 4, 1.0, -LOUDEST, LOUDEST)
    if mode in (5, 6) and sides != (-1.0, 1.0):
        here.tell(f"its {'dual pan' if mode == 6 else 'stereo width'} is not played")
    if law > 1.0 and (written != 0.0 or pans):
        here.tell("the gain compensation of its pan law is not played")
    if law <= 0.0:
        here.tell(f"its pan law of {law:g} is not understood")
    track = replace(
        channel.track,
        pan=0.0 if mode == 6 else written,
        pan_law=f"power:{law!r}" if 0.0 < law < 1.0 else "balance",
        volume=curve(volume),
        pans=() if mode == 6 else pans,
        mutes=mutes,
        fader_follows=automation != _TRIM_READ,
    )
    return replace(channel, track=track, volume=volume)


def _mapped(block: Block | None, to: Callable[[float], float]) -> Curve:
    if block is None:
        return ()
    return tuple(replace(p, value=to(p.value)) for _, p in points(block, -LOUDEST, LOUDEST))


def _tell(block: Block, here: Place) -> None:
    """What of a track is not played."""
    for inner in block.blocks():
        name, rest = _UNPLAYED.get(inner.tag, ("", None))
        if name and active(inner) and {p.value for _, p in points(inner, -1e9, 1e9)} != {rest}:
            here.tell(f"its {name} is not played")
    if block.at("HWOUT") is not None:
        here.tell("its hardware output is not played")
    if block.whole("NCHAN", 0, 2) > 2:
        here.tell(f"of its {block.whole('NCHAN', 0, 2)} channels the first two are played")
    if block.whole("MAINSEND", 0, 1) and block.whole("MAINSEND", 1, 0):
        here.tell("it feeds other channels than the first two of what it goes to; the first two are taken")
    if block.number("PLAYOFFS", 0, 0.0) != 0.0 and not block.whole("PLAYOFFS", 1, 0) & 1:
        here.tell("the playback offset of its media is not played")
    if block.block("FREEZE") is not None:
        here.tell("it is frozen: what it was before is not looked at")
    if any(block.words("GROUP_FLAGS")) and set(block.words("GROUP_FLAGS")) != {"0"}:
        here.tell("it belongs to a group of tracks, which is not followed")


def _connect(channels: list[Channel], names: list[str], notes: Notes) -> None:
    """Writes the receives of every track as sends of the tracks they come from."""
    sends: dict[int, list[Send]] = {}
    for channel, name in zip(channels, names, strict=True):
        document = channel.block.document
        for k in channel.block.all("AUXRECV"):
            source = int(document.number(k, 0, -1.0))
            if not 0 <= source < len(channels):
                notes.add(name, "a receive comes from a track that is not there")
                continue
            here = Place(notes, f"{name}, receive from {names[source]}")
            made = _receive(document, k, channel.track.id, here)
            if made is None:
                continue
            if int(document.number(k, 1, 0.0)) == 1 and channels[source].track.inserts:
                here.tell("taken before the plugins, played after them")
            sends.setdefault(source, []).append(made)
    for index, found in sends.items():
        channels[index].track = replace(channels[index].track, sends=tuple(found))


def _receive(document: Document, k: int, target: str, here: Place) -> Send | None:
    """A line AUXRECV: track, mode, gain, pan, mute, mono, polarity, channels from and to (1024 and more: mono)."""
    source, there = int(document.number(k, 7, 0.0)), int(document.number(k, 8, 0.0))
    if source < 0:
        here.tell("MIDI only, not played")
        return None
    if there & 1023 or (source & 1023 and source != _RIGHT) or source >> 10 > 1:
        here.tell("on other channels than the first two, not played")
        return None
    if document.number(k, 5, 0.0) or source >> 10 or there >> 10:
        here.tell("mono, played in stereo")
    gain = document.number(k, 2, 1.0, -LOUDEST, LOUDEST)
    return Send(
        target=target,
        gain=abs(gain),
        pan=within(document.number(k, 3, 0.0, -LOUDEST, LOUDEST)),
        pre=int(document.number(k, 1, 0.0)) != 0,
        enabled=not document.number(k, 4, 0.0),
        inverted=bool(document.number(k, 6, 0.0)) != (gain < 0.0),
    )
