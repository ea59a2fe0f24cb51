"""Ardour sessions (.ardour), as Ardour 7 writes them; those of 6 and 8 nearly so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from plugin_bridge.sessions.ardour.regions import RegionReader, Sources
from plugin_bridge.sessions.ardour.routes import RouteReader
from plugin_bridge.sessions.ardour.vcas import read_vcas
from plugin_bridge.sessions.ardour.wires import inputs_of, read_wires
from plugin_bridge.sessions.ardour.write import write_ardour
from plugin_bridge.sessions.ardour.xml import Element, Notes, is_on, kids, load, read_tempos, to_number
from plugin_bridge.sessions.media import Finder
from plugin_bridge.sessions.model import Clip, Kind, Session, Track

__all__ = ["read_ardour", "write_ardour"]

#: Versions of the format that are read (Ardour 6 to 8), and those that are known well: 7.3 writes 7002.
READ: Final = range(6000, 9000)
KNOWN: Final = range(7000, 8000)
#: Routes that are there to listen with, not to mix.
LISTENING: Final = {
    "MonitorOut": "the monitor section",
    "FoldbackBus": "a foldback bus",
    "Auditioner": "the auditioner",
}


def read_ardour(path: Path, allowed: Sequence[Path] = ()) -> Session:
    """A session as Ardour would export it from its session range; media outside its folder only from `allowed`.

    Raises InputError where the file is no session of Ardour 6 to 8, or is broken.
    """
    root = load(path).getroot()
    notes = Notes(str(path))
    _version(root, notes)
    rate = to_number(root.get("sample-rate", ""))
    if rate is None or not 1000 <= rate <= 1_000_000:
        notes.bad(f"its sample rate is '{root.get('sample-rate', '')[:20]}'")
    notes.rate_hz = round(rate)
    notes.tempos = read_tempos(root, notes)
    tracks, master = _channels(root, path, allowed, notes)
    start_s, end_s = _range(root, notes)
    if end_s <= start_s:
        start_s, end_s = 0.0, max((c.end_s for t in tracks for c in t.clips if not c.muted), default=0.0)
    if any(True for _ in root.iterfind("IOPlugins/*")):
        notes.add("The session has plugins on its inputs and outputs, which are not played")
    return Session(
        root.get("name", "") or path.stem, "Ardour", path, notes.rate_hz, tracks, master, notes.tempos, start_s, end_s,
        tuple(notes.unread),
    )  # fmt: skip


def _version(root: Element, notes: Notes) -> None:
    text = root.get("version", "")
    version = to_number(text)
    if version is None or int(version) not in READ:
        notes.bad(f"is written in version '{text[:20]}' of Ardour's format; those of Ardour 6 to 8 are read")
    if int(version) not in KNOWN:
        notes.add(f"The session is of version {text[:20]} of Ardour's format; it is read as if it were of 7002")


def _channels(root: Element, path: Path, allowed: Sequence[Path], notes: Notes) -> tuple[tuple[Track, ...], Track]:
    routes = list(kids(root.find("Routes"), "Route"))
    seen: set[str] = set()
    for route in routes:
        if not route.get("id") or route.get("id") in seen:
            notes.bad(f"two of its channels have the id '{route.get('id', '')[:40]}'")
        seen.add(route.get("id", ""))
    heard = []
    for route in sorted(routes, key=_order):
        what = next((w for flag, w in LISTENING.items() if flag in _flags(route)), None)
        if what:
            notes.add(f"'{route.get('name', '')}' is {what}, which is not part of the mix")
        else:
            heard.append(route)
    master = next((r.get("id", "") for r in heard if "MasterOut" in _flags(r)), "")
    wires, vcas = read_wires(heard), read_vcas(root, notes)
    sources = Sources(root, path, Finder(path, allowed), notes)
    playlists = {p.get("id", ""): p for p in kids(root.find("Playlists"), "Playlist")}
    options = {o.get("name"): o for o in kids(root.find("Config"), "Option")}
    fades = "use-region-fades" not in options or is_on(options["use-region-fades"], "value")
    made = []
    for route in heard:
        clips: tuple[Clip, ...] = ()
        kind, name = _kind(route), route.get("name", "")
        if kind == "track" and route.get("default-type", "audio") == "midi":
            notes.add(f"Track '{name}': it is a MIDI track, and its instrument is not played")
        elif kind == "track":
            playlist = playlists.get(route.get("audio-playlist", ""))
            clips = RegionReader(name, max(1, inputs_of(route)), fades, sources, notes).clips(playlist)
        made.append(RouteReader(route, wires, master, vcas, notes).track(kind, clips))
    if any(t.soloed for t in made):
        _isolated(heard, notes)
    tracks = tuple(t for t in made if t.id != master)
    return tracks, next((t for t in made if t.id == master), Track("master", "Master", "master"))


def _flags(route: Element) -> tuple[str, ...]:
    info = route.find("PresentationInfo")
    return tuple("" if info is None else info.get("flags", "").split(","))


def _order(route: Element) -> float:
    info = route.find("PresentationInfo")
    return to_number("" if info is None else info.get("order", "")) or 0.0


def _kind(route: Element) -> Kind:
    if "MasterOut" in _flags(route):
        return "master"
    return "track" if route.get("audio-playlist") or route.get("midi-playlist") else "bus"


def _isolated(routes: list[Element], notes: Notes) -> None:
    for route in routes:
        if any(is_on(c, "solo-isolated", False) for c in kids(route, "Controllable")):
            notes.add(f"Track '{route.get('name', '')}': it is isolated from the solo of others, which is not read")


def _range(root: Element, notes: Notes) -> tuple[float, float]:
    """The session's range, from 0 to 0 where it has none."""
    for location in kids(root.find("Locations"), "Location"):
        if "IsSessionRange" in location.get("flags", "").split(","):
            start, end = (notes.seconds(location.get(n, "0"), "The session range") for n in ("start", "end"))
            return max(0.0, start), end
    return 0.0, 0.0
