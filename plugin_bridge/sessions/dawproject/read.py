"""Reads DAWproject 1.0: the exchange format of Bitwig Studio, Studio One, Cubase and others.

https://github.com/bitwig/dawproject: a ZIP archive with project.xml, states of plugins, and the audio that is not
external. Decisions where the schema leaves it open are in `units` (values), `clips` (clips and
loops) and `channels` (routing). The format has no polarity, trim, pan law or range of the song.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from dsp.errors import InputError
from plugin_bridge.sessions.archive import Archive, open_input
from plugin_bridge.sessions.dawproject.channels import Strip, read_channels, strips_of
from plugin_bridge.sessions.dawproject.clips import Layout
from plugin_bridge.sessions.dawproject.curves import read_curve, read_gains
from plugin_bridge.sessions.dawproject.pieces import Piece, Window
from plugin_bridge.sessions.dawproject.time import Scope, Tempos, read_tempos
from plugin_bridge.sessions.dawproject.units import clipped_pan, scale_of, scale_of_points
from plugin_bridge.sessions.dawproject.xml import (
    PROJECT_BYTES,
    WRITERS,
    Element,
    Notes,
    Text,
    decode,
    kid,
    kids,
    name_of,
    number,
    parse,
    truth,
    unit_of,
)
from plugin_bridge.sessions.media import Finder
from plugin_bridge.sessions.model import Curve, Media, Session, Track

PROJECT: Final = "project.xml"
#: The largest state of a plugin that is read.
STATE_BYTES: Final = 256 << 20
#: What the session's rate is where no audio says it: what the programs that write the format start with.
DEFAULT_RATE: Final = 48_000
#: Rates that audio in a session can have.
RATES: Final = (4_000, 1_536_000)


@dataclass
class Reading:
    """A session as read, and the elements its parts came from: what the writer changes."""

    session: Session
    root: Element
    strips: dict[str, Strip]
    pieces: dict[str, list[Piece]]
    volumes: dict[str, list[Element]] = field(default_factory=dict)


@dataclass
class Found:
    """Where audio and states lie: in the archive, unpacked into a folder as they are asked for, or beside it."""

    path: Path
    archive: Archive | None
    finder: Finder
    folder: Path | None
    known: dict[tuple[str, bool], Media] = field(default_factory=dict)

    def media(self, file: Element) -> Media:
        """What a File element names."""
        name, external = file.get("path", ""), truth(file, "external", False) or self.archive is None
        if (name, external) not in self.known:
            self.known[name, external] = self.finder.find(name) if external else self._inside(name)
        return self.known[name, external]

    def state(self, notes: Notes) -> Callable[[Element, str], bytes]:
        """Reads State elements; where there is nothing to read, that is noted."""

        def read(file: Element, where: str) -> bytes:
            name, external = file.get("path", ""), truth(file, "external", False) or self.archive is None
            inside = None if external or self.archive is None else self.archive.find(name)
            try:
                if inside is not None and self.archive is not None:
                    return self.archive.read(inside, STATE_BYTES)
                found = self.finder.find(name).file if external else None
                if found is not None and found.stat().st_size <= STATE_BYTES:
                    return found.read_bytes()
                notes.add(f"{where}: its saved state is not there ({name[:80]})")
            except (InputError, OSError) as error:
                notes.add(f"{where}: its saved state cannot be read ({getattr(error, 'cause', None) or name[:80]})")
            return b""

        return read

    def _inside(self, name: str) -> Media:
        inside = None if self.archive is None else self.archive.find(name)
        if inside is None or self.archive is None:
            return Media(name, None, "the archive does not hold it")
        if self.folder is None:
            return Media(name, None, "it was not unpacked")
        try:
            return Media(name, self.archive.extract(inside, self.folder))
        except InputError as error:
            return Media(name, None, error.cause)


def read_dawproject(path: Path, allowed: Sequence[Path] = (), *, media_dir: Path) -> Session:
    """A .dawproject, or the project.xml of one with its audio beside it.

    Audio in the archive is unpacked into `media_dir`; external audio is read in the session's folder and `allowed`.
    Audio that is not there is offline, and no error. Raises InputError.
    """
    with ExitStack() as stack:
        text, archive = open_project(path, stack)
        return read_text(text, Found(path, archive, Finder(path, allowed), media_dir)).session


def open_project(path: Path, stack: ExitStack) -> tuple[Text, Archive | None]:
    """The XML of a project, and the archive it is in where it is in one. Raises InputError."""
    with open_input(path) as file:
        start = file.read(256)
        if _is_xml(start):
            if (size := file.seek(0, 2)) > PROJECT_BYTES:
                raise InputError(str(path), f"is an XML of {size >> 20} MB", "export the session again from the DAW")
            file.seek(0)
            return decode(file.read(), str(path)), None
    archive = stack.enter_context(Archive(path))
    name = archive.find(PROJECT)
    if name is None:
        names = [i.filename for i in archive.files]
        if archive.find("project.json"):
            raise InputError(str(path), "is written in a draft of DAWproject before 1.0", f"export it with {WRITERS}")
        if deeper := next((n for n in names if n.endswith(f"/{PROJECT}")), None):
            raise InputError(str(path), f"holds its project in a folder ({deeper})", "pack what is in that folder")
        raise InputError(str(path), f"is an archive without {PROJECT}, no DAWproject", "name a .dawproject")
    return decode(archive.read(name, PROJECT_BYTES), str(path)), archive


def _is_xml(start: bytes) -> bool:
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return plain.startswith(b"<") or start.startswith((b"\xff\xfe", b"\xfe\xff"))


def read_text(text: Text, found: Found) -> Reading:
    """A session from its XML. Raises InputError."""
    notes = Notes(str(found.path))
    root = parse(text.text, notes.subject)
    tempos = read_tempos(root, notes)
    strips = strips_of(root, notes)
    channels, master = read_channels(root, strips, found.state(notes), notes)
    ids = {i: e for e in root.iter() if isinstance(e.tag, str) and (i := e.get("id"))}
    timeline = _Timeline(root, tempos, strips, Layout(notes, ids, found.media), notes)
    timeline.read()
    tracks = [timeline.filled(t) for t in channels]
    master = timeline.filled(master)
    for scene in kids(kid(root, "Scenes"), "Scene"):
        if any(True for _ in scene.iter("Clip")):
            notes.add("Clips of the launcher (scenes) are not played")
    ends = [c.end_s for t in (*tracks, master) for c in t.clips if not c.muted]
    session = Session(
        name_of(found.path), "DAWproject", found.path, _rate(root, notes), tuple(tracks), master, tempos, 0.0,
        max(ends, default=0.0), tuple(notes.unread),
    )  # fmt: skip
    return Reading(session, root, {s.id: s for s in strips}, timeline.pieces, timeline.volumes)


def _rate(root: Element, notes: Notes) -> int:
    """The sample rate most audio has."""
    rates = Counter(number(a, "sampleRate", notes) or 0.0 for a in root.iter("Audio"))
    likely = [(n, -r) for r, n in rates.items() if RATES[0] <= r <= RATES[1]]
    return int(-max(likely)[1]) if likely else DEFAULT_RATE


class _Timeline:
    """The arrangement: gathers clips and automation by track."""

    def __init__(self, root: Element, tempos: Tempos, strips: list[Strip], layout: Layout, notes: Notes) -> None:
        self._root, self._tempos, self._layout, self._notes = root, tempos, layout, notes
        self._by_track = {e.get("id"): s for s in strips for e in (s.channel, s.track) if e is not None}
        self._targets = {
            p.get("id"): (s, str(p.tag))
            for s in strips
            for p in kids(s.channel, "Volume", "Pan", "Mute")
            if p.get("id")
        }
        self.pieces: dict[str, list[Piece]] = {}
        self.volumes: dict[str, list[Element]] = {}
        self._curves: dict[tuple[str, str], Curve] = {}

    def read(self) -> None:
        """Read all of it."""
        arrangement = kid(self._root, "Arrangement")
        for element in kids(arrangement):
            tag = str(element.tag)
            if tag == "Lanes":
                if element.get("timeUnit") is None:
                    self._notes.add("The arrangement names no unit of time; it is read in beats")
                self._walk(element, Scope.of_song(self._tempos, "beats"), None, 0)
            elif tag == "Markers":
                self._notes.add("Markers are not read")
            elif tag not in ("TempoAutomation", "TimeSignatureAutomation"):
                self._notes.add(f"An element of type {tag[:40]} in the arrangement is not known")

    def filled(self, track: Track) -> Track:
        """A track with its clips and automation."""
        clips = tuple(p.clip() for p in self.pieces.get(track.id, ()))
        volume, pans, mutes = (self._curves.get((track.id, what), ()) for what in ("Volume", "Pan", "Mute"))
        return replace(track, clips=clips, volume=volume, pans=pans, mutes=mutes)

    def _walk(self, element: Element, scope: Scope, strip: Strip | None, depth: int) -> None:
        """Lanes of tracks within lanes, down to what lies on a track."""
        scope = Scope.of_song(self._tempos, unit_of(element, "timeUnit", scope.unit))
        if written := element.get("track"):
            strip = self._by_track.get(written)
            if strip is None:
                self._notes.add(f"A lane belongs to a track that is not there ({written[:40]})")
                return
        if element.tag == "Lanes" and depth < 200:
            for child in kids(element):
                self._walk(child, scope, strip, depth + 1)
        elif element.tag == "Points":
            self._automation(element, scope)
        elif strip is not None and strip.role != "vca":
            self._layout.track = strip.name
            pieces = self._layout.content(element, scope, Window(0.0, float("inf")))
            self.pieces.setdefault(strip.id, []).extend(pieces)
        elif any(True for _ in element.iter("Clip", "Audio")):
            self._notes.add("Clips that are on no track are not played")

    def _automation(self, points: Element, scope: Scope) -> None:
        target = kid(points, "Target")
        strip, what = self._targets.get(None if target is None else target.get("parameter"), (None, ""))
        if strip is None:
            self._notes.add(f"{self._described(target)} is not played")
            return
        parameter = kid(strip.channel, what)
        assert parameter is not None
        notes, where = self._notes, f"Track '{strip.name}': automation of its {what.lower()}"
        scale = scale_of_points(points, scale_of(parameter, notes), notes)
        if what == "Volume":
            curve = read_gains(points, scope, scale, where, notes)
            if curve:
                self.volumes.setdefault(strip.id, []).append(points)
        elif what == "Pan":
            curve = read_curve(points, scope, lambda v: clipped_pan(scale.pan(v), where, notes), "linear", notes)
        else:
            curve = read_curve(points, scope, lambda v: float(v >= 0.5), "hold", notes)
        if (known := self._curves.get((strip.id, what))) and curve:
            notes.add(f"{where} is there more than once; all its points are taken together")
            curve = tuple(sorted((*known, *curve), key=lambda p: p.time_s))
        if curve:
            self._curves[strip.id, what] = curve

    def _described(self, target: Element | None) -> str:
        """What a target that is no fader, pan or mute is, for a note."""
        written = None if target is None else target.get("parameter")
        parameter = self._layout.ids.get(written or "")
        if parameter is None:
            return "An automation of something that is not there" if written else "An automation of expression"
        channel = next((a for a in parameter.iterancestors() if a.tag == "Channel"), None)
        strip = self._by_track.get(None if channel is None else channel.get("id"))
        name = f"Track '{strip.name}': automation" if strip else "An automation"
        return f"{name} of {(parameter.get('name') or str(parameter.tag))[:60]}"
