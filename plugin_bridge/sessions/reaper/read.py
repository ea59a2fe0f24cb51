"""Reads a REAPER project (.rpp, versions 4 to 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from plugin_bridge.sessions.media import Finder
from plugin_bridge.sessions.model import Media, Session, Track
from plugin_bridge.sessions.reaper.curves import active, tempos
from plugin_bridge.sessions.reaper.devices import chain
from plugin_bridge.sessions.reaper.items import LOUDEST
from plugin_bridge.sessions.reaper.notes import Notes, Place
from plugin_bridge.sessions.reaper.text import Block, Document, open_project
from plugin_bridge.sessions.reaper.tracks import MASTER, Channel, Project, fader, project_settings, tracks

#: Where a project names no rate: REAPER's own default.
DEFAULT_RATE_HZ = 44100


@dataclass(frozen=True)
class Reading:
    """A session and where its channels stand in the file, the master last."""

    session: Session
    document: Document
    channels: tuple[Channel, ...]


def read_reaper(path: Path, allowed: Sequence[Path] = ()) -> Session:
    """The session of a .rpp; media are searched beside it and in `allowed` folders. Raises InputError."""
    return reading(path, allowed).session


def reading(path: Path, allowed: Sequence[Path] = ()) -> Reading:
    """The session, and where everything of it stands in the file. Raises InputError."""
    document, notes = open_project(path), Notes()
    root = document.root
    finder, inside = Finder(path, allowed), [w.replace("\\", "/") for w in root.words("RECORD_PATH") if w]

    @cache
    def find(name: str, channel: int | None) -> Media:
        return finder.find(name, channel, inside)

    settings = project_settings(root)
    channels = tracks(root, settings, find, notes)
    master = _master(root, settings, notes)
    ends = [c.end_s for channel in channels for c in channel.track.clips if not c.muted]
    _tell(root, channels, notes)
    if document.after:
        notes.add("", f"{document.after} lines after the end of the project are not read")
    session = Session(
        name=path.stem,
        format="REAPER",
        file=path,
        sample_rate=_rate(root, notes),
        tracks=tuple(c.track for c in channels),
        master=master.track,
        tempos=tempos(root),
        end_s=max(0.0, *ends) if ends else 0.0,
        unread=notes.lines,
    )
    return Reading(session, document, (*channels, master))


def _master(root: Block, settings: Project, notes: Notes) -> Channel:
    slots = chain(root.block("MASTERFXLIST"), root.whole("MASTER_FX", 0, 1) != 0, Place(notes, "Master"))
    flags = root.whole("MASTERMUTESOLO", 0, 0)
    track = Track(
        id=MASTER,
        name="Master",
        kind="master",
        inverted=(False, False),
        inserts=tuple(s.device for s in slots),
        fader=root.number("MASTER_VOLUME", 0, 1.0, 0.0, LOUDEST),
        muted=bool(flags & 1),
        soloed=bool(flags & 2),
    )
    return fader(Channel(track, root, slots=slots), "MASTER", settings, Place(notes, "Master"))


def _rate(root: Block, notes: Notes) -> int:
    rate = root.whole("SAMPLERATE", 0, 0)
    known = 1000 <= rate <= 768_000
    if not known or not root.whole("SAMPLERATE", 1, 0):
        rate = rate if known else DEFAULT_RATE_HZ
        notes.add("", f"the project plays at the rate of the audio device; {rate} Hz is taken")
    return rate


def _tell(root: Block, channels: list[Channel], notes: Notes) -> None:
    """What of the project as a whole is not played."""
    if root.number("PLAYRATE", 0, 1.0) != 1.0:
        notes.add("", f"the project's play rate of {root.number('PLAYRATE', 0, 1.0):g} is not played")
    for tag, name in (
        ("MASTERPLAYSPEEDENV", "play rate envelope"),
        ("MASTERVOLENV", "master's volume envelope before the plugins"),
        ("MASTERVOLENV3", "master's trim volume envelope"),
        ("MASTERPANENV", "master's pan envelope before the plugins"),
        ("MASTERWIDTHENV2", "master's width envelope"),
    ):
        block = root.block(tag)
        if block is not None and active(block):
            notes.add("", f"the {name} is not played")
    if root.whole("ITEMMIX", 0, 1) != 1:
        for channel in channels:
            if channel.block.whole("FREEMODE", 0, 0) == 0 and _enclosed(channel.track):
                name = channel.track.name or "without a name"
                notes.add(
                    "", f"Track '{name}': clips inside others are mixed with them, where REAPER may hide the outer"
                )


def _enclosed(track: Track) -> bool:
    """Whether a clip lies inside another."""
    heard = sorted((c for c in track.clips if not c.muted), key=lambda c: (c.position_s, -c.end_s))
    end = float("-inf")
    for clip in heard:
        if clip.end_s <= end:
            return True
        end = max(end, clip.end_s)
    return False
