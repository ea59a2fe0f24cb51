"""Writes a changed session as an Ardour session: what moves touch is changed in the XML, all else stays."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lxml import etree

from dsp.errors import UsageError
from plugin_bridge.sessions.ardour.clips import write_clips
from plugin_bridge.sessions.ardour.devices import grouped, is_plugin, ports
from plugin_bridge.sessions.ardour.insert import processors
from plugin_bridge.sessions.ardour.place import check_place, copy_media
from plugin_bridge.sessions.ardour.regions import regions_of
from plugin_bridge.sessions.ardour.wires import inputs_of
from plugin_bridge.sessions.ardour.xml import Element, automation, controllable, kids, load, to_number
from plugin_bridge.sessions.model import Device, Session, Track

#: Ardour's faders go up to 6 dB.
MOST_GAIN: Final = 2.0


def write_ardour(source: Path, before: Session, after: Session, out: Path) -> None:
    """Write `source` with what differs from `before` to `after`; `out` must not exist.

    Beside the session `out` is a snapshot of it. In another folder, which must not hold a session yet, it is a session
    of its own: its folders of audio and of plugin states are copied there. Times are kept to a superclock (4 ns), the
    bands of a new equaliser as Ardour's can be set: q to nine digits, that of a shelf as 0.7071 where that is within
    0.05 dB. Raises UsageError for what an Ardour session cannot hold, InputError where `source` is not what was read,
    OSError.
    """
    tree = load(source)
    root = tree.getroot()
    version = to_number(root.get("version", "")) or 0.0
    if version < 7000:
        raise UsageError(f"{source} was saved by Ardour 6; open it in Ardour 7 or later, save it, and correct that")
    writer = _Writer(root, before, after)
    writer.run()
    check_place(source, out)
    part = out.with_name(f"{out.name}.part")
    try:
        body = etree.tostring(tree, encoding="UTF-8", xml_declaration=False)
        with part.open("xb") as file:
            file.write(b'<?xml version="1.0" encoding="UTF-8"?>\n' + body.rstrip(b"\n") + b"\n")
        copy_media(source, before, out)
        os.replace(part, out)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@dataclass
class _Writer:
    root: Element
    before: Session
    after: Session

    def __post_init__(self) -> None:
        self.last_id = int(to_number(self.root.get("id-counter", "0")) or 0)
        taken = (to_number(e.get("id", "")) for e in self.root.iter() if isinstance(e.tag, str) and e.get("id"))
        self.last_id = max([self.last_id, *(int(i) for i in taken if i is not None)])

    def run(self) -> None:
        """Make all changes. Raises UsageError."""
        routes = {r.get("id", ""): r for r in kids(self.root.find("Routes"), "Route")}
        playlists = {p.get("id", ""): p for p in kids(self.root.find("Playlists"), "Playlist")}
        if [t.id for t in self.before.channels] != [t.id for t in self.after.channels]:
            raise UsageError(f"{self.before.file}: the tracks are not those that were read from it")
        shared: dict[str, Track] = {}
        for old, new in zip(self.before.channels, self.after.channels, strict=True):
            if new == old:
                self._share(routes.get(old.id), new, shared)
                continue
            if old.id not in routes:
                raise UsageError(f"'{old.name}' is not in {self.before.file}, so nothing on it can be changed")
            self._channel(routes[old.id], old, new)
            if not self._share(routes[old.id], new, shared) and new.clips != old.clips:
                playlist = playlists.get(routes[old.id].get("audio-playlist", ""))
                write_clips(playlist, regions_of(playlist), old, new)
        self.root.set("id-counter", str(self.last_id + 1))

    def _share(self, route: Element | None, new: Track, shared: dict[str, Track]) -> bool:
        """Whether another track plays the same playlist. Raises UsageError where only one is to be changed."""
        playlist = "" if route is None else route.get("audio-playlist", "")
        other = shared.setdefault(playlist, new) if playlist else new
        if other.clips != new.clips:
            raise UsageError(f"'{new.name}' and '{other.name}' share one playlist: what is moved on one moves on both")
        return other is not new

    def _channel(self, route: Element, old: Track, new: Track) -> None:
        same = replace(
            new, fader=old.fader, volume=old.volume, inverted=old.inverted, clips=old.clips, inserts=old.inserts,
            post_inserts=old.post_inserts,
        )  # fmt: skip
        if same != old:
            raise UsageError(f"'{old.name}': only fader, polarity, clips and inserts are written to an Ardour session")
        if new.fader != old.fader or new.volume != old.volume:
            _fader(route, old, new)
        if new.inverted != old.inverted:
            _phase(route, new)
        rows = list(kids(route, "Processor"))
        kinds = [r.get("type") for r in rows]
        amp = kinds.index("amp") if "amp" in kinds else len(rows)
        first = kinds.index("diskreader") + 1 if "diskreader" in kinds else 0
        if new.post_inserts != old.post_inserts:
            if len(new.post_inserts) != len(old.post_inserts):
                raise UsageError(f"'{old.name}': inserts are only added before the fader")
            _placed(old.post_inserts, new.post_inserts, old.name)
            _switch(rows[amp + 1 :], old.post_inserts, new.post_inserts)
        if new.inserts != old.inserts:
            self._inserts(route, rows[first:amp], old, new)

    def _inserts(self, route: Element, rows: Sequence[Element], old: Track, new: Track) -> None:
        at = _placed(old.inserts, new.inserts, old.name)
        _switch(rows, old.inserts, new.inserts[at : at + len(old.inserts)])
        plugins = [r for r in rows if is_plugin(r)]
        entry = next((r for r in rows if r.get("type") not in ("polarity", "trim", "intreturn", "triggerbox")), None)
        amp = next((r for r in kids(route, "Processor") if r.get("type") == "amp"), None)
        front = plugins[0] if plugins else entry if entry is not None else amp
        if front is None:
            raise UsageError(f"'{old.name}' has no fader in the session, so nothing can be inserted before it")
        inputs = inputs_of(route)
        for device in new.inserts[:at]:
            for made in processors(device, max(1, inputs), self.before.sample_rate, self._id):
                _add(front, made, before=True)
        back = plugins[-1] if plugins else front
        behind = bool(plugins)
        made_of = back.find("ConfiguredOutput/Channels[@type='audio']") if behind else None
        channels = int(to_number(made_of.get("count", "")) or inputs) if made_of is not None else inputs
        for device in new.inserts[at + len(old.inserts) :]:
            for made in processors(device, max(1, channels), self.before.sample_rate, self._id):
                _add(back, made, before=not behind)
                if behind:
                    back = made

    def _id(self) -> str:
        self.last_id += 1
        return str(self.last_id)


def _add(beside: Element, made: Element, before: bool) -> None:
    """Put a processor before or after another, indented as that is."""
    tail = beside.tail
    if before:
        beside.addprevious(made)
        made.tail = tail
    else:
        beside.addnext(made)
        made.tail, beside.tail = tail, tail
    depth = "\n" + (tail or "").rpartition("\n")[2]
    etree.indent(made, space="  ", level=max(0, (len(depth) - 1) // 2))


def _fader(route: Element, old: Track, new: Track) -> None:
    """Fader and its automation, without what VCAs make of them."""
    row = next((r for r in kids(route, "Processor") if r.get("type") == "amp"), None)
    control = None if row is None else controllable(row, "gaincontrol")
    own = None if control is None else to_number(control.get("value", ""))
    if control is None or own is None:
        raise UsageError(f"'{old.name}': its fader is not in the session")
    factor = old.fader / own if own > 0.0 and old.fader > 0.0 else 1.0
    _within(new.fader / factor, new.name)
    control.set("value", repr(new.fader / factor))
    if new.volume == old.volume:
        return
    _scaled(old, new)
    events = automation(row, "gain")
    inner = None if events is None else events.find("events")
    if inner is None or not inner.text:
        raise UsageError(f"'{old.name}': the automation of its fader is not in the session")
    lines = [line for line in inner.text.splitlines() if line.split()]
    if len(lines) != len(old.volume):
        raise UsageError(f"'{old.name}': the automation of its fader has points that are none")
    if [float(line.split()[1]) * factor for line in lines] != [p.value for p in old.volume]:
        raise UsageError(
            f"'{old.name}': the points of its fader's automation are not in order; save it in Ardour first"
        )
    for point in new.volume:
        _within(point.value / factor, new.name)
    made = [f"{line.split()[0]} {p.value / factor!r}" for line, p in zip(lines, new.volume, strict=True)]
    inner.text = "\n".join(made) + "\n"


def _scaled(old: Track, new: Track) -> None:
    """Raises UsageError unless the curve is the old one times a factor."""
    ratio = new.fader / old.fader if old.fader > 0.0 else 0.0
    fits = len(old.volume) == len(new.volume) and all(
        replace(b, value=a.value) == a and abs(b.value - a.value * ratio) <= 1e-9 * max(1.0, a.value)
        for a, b in zip(old.volume, new.volume, strict=True)
    )
    if not fits:
        raise UsageError(f"'{old.name}': the automation of its fader can only be moved as a whole, with the fader")


def _within(gain: float, name: str) -> None:
    if not 0.0 <= gain <= MOST_GAIN:
        raise UsageError(f"'{name}': Ardour's faders end at +6 dB; lower the clips or the buses instead")


def _phase(route: Element, new: Track) -> None:
    """Polarity of every input, written with the last first."""
    control = controllable(route, "phase")
    if control is None:
        raise UsageError(f"'{new.name}' has no polarity switch in the session")
    bits = list(control.get("phase-invert", "")[::-1].ljust(max(1, inputs_of(route)), "0"))
    for k in range(min(len(bits), max(new.channels, len(new.inverted)))):
        bits[k] = "1" if k < len(new.inverted) and new.inverted[k] else "0"
    control.set("phase-invert", "".join(reversed(bits)))


def _placed(old: Sequence[Device], new: Sequence[Device], name: str) -> int:
    """Where among the new devices the old ones begin. Raises UsageError where they are not all there, in order."""

    def key(devices: Sequence[Device]) -> list[Device]:
        return [replace(d, enabled=True) for d in devices]

    for at in range(len(new) - len(old) + 1):
        if key(new[at : at + len(old)]) == key(old):
            return at
    raise UsageError(f"'{name}': inserts can be added and switched, but not changed or taken out, in an Ardour session")


def _switch(rows: Sequence[Element], old: Sequence[Device], new: Sequence[Device]) -> None:
    """Switch plugins on or off."""
    groups = grouped([r for r in rows if is_plugin(r)])
    for row, before, after in zip(groups, old, new, strict=True):
        if after.enabled == before.enabled:
            continue
        for processor in row:
            processor.set("active", "1" if after.enabled else "0")
            if after.enabled and ports(processor).get("enable") == 0.0:
                _enable(processor)


def _enable(processor: Element) -> None:
    """Release a plugin's own bypass."""
    for element in _enabling(processor):
        element.set("value", "1")


def _enabling(processor: Element) -> Iterator[Element]:
    for element in processor.iter("Port", "Controllable"):
        if element.get("symbol") == "enable":
            yield element
