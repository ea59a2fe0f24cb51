"""The mixer of a DAWproject: its tracks and channels as channels of the model, without clips and automation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from plugin_bridge.sessions.dawproject.devices import read_devices
from plugin_bridge.sessions.dawproject.units import pan, volume
from plugin_bridge.sessions.dawproject.xml import DEEPEST, Element, Notes, kid, kids, number, place, truth
from plugin_bridge.sessions.model import Kind, Send, Track

#: Channels of one track; more are a mistake.
MOST_CHANNELS: Final = 64
#: Tracks of one session; the largest film mixes have some thousands.
MOST_TRACKS: Final = 10_000


@dataclass(frozen=True)
class Strip:
    """A channel of the mixer in the file: its Track element or None, its Channel element or None, and its parent."""

    id: str
    name: str
    track: Element | None
    channel: Element | None
    parent: Strip | None

    @property
    def role(self) -> str:
        """What the file calls it."""
        return "" if self.channel is None else self.channel.get("role", "regular")

    @property
    def folder(self) -> bool:
        """Whether it holds other tracks."""
        if self.track is None:
            return False
        return kid(self.track, "Track") is not None or "tracks" in self.track.get("contentType", "").split()


def strips_of(root: Element, notes: Notes) -> list[Strip]:
    """All channels, in order, folders before what they hold. Raises InputError."""
    found, used = list[Strip](), set[str]()
    taken = {e.get("id") for e in root.iter() if isinstance(e.tag, str)}

    def own_id(*elements: Element | None) -> str:
        written = next((i for e in elements if e is not None and (i := e.get("id"))), "")
        if written and written not in used:
            used.add(written)
            return written
        k = len(found) + 1
        while f"track-{k}" in taken:
            k += 1
        taken.add(f"track-{k}")
        return f"track-{k}"

    def walk(element: Element, parent: Strip | None, depth: int) -> None:
        if depth > DEEPEST:
            notes.bad(f"{place(element)}: tracks are nested more than {DEEPEST} deep")
        if len(found) >= MOST_TRACKS:
            notes.bad(f"{place(element)}: it holds more than {MOST_TRACKS} tracks")
        track = element if element.tag == "Track" else None
        channel = kid(element, "Channel") if track is not None else element
        name = element.get("name") or ("" if channel is None else channel.get("name") or "")
        strip = Strip(own_id(element, channel), name or f"Track {len(found) + 1}", track, channel, parent)
        if track is not None and truth(track, "loaded", True) is False:
            notes.add(f"Track '{strip.name}': it was not loaded; it is played all the same")
        if strip.role == "vca":
            notes.add(f"Track '{strip.name}': a VCA; its gain is not played, nor on which tracks it acts in the file")
        folder = channel is None and strip.folder  # without a channel it has no place in the mixer
        if not folder:
            found.append(strip)
        inside = parent if folder or strip.role == "vca" else strip
        for child in kids(element, "Track") if track is not None else ():
            walk(child, inside, depth + 1)

    for element in kids(kid(root, "Structure")):
        if element.tag in ("Track", "Channel"):
            walk(element, None, 0)
        else:
            notes.add(f"An element of type {str(element.tag)[:40]} in the structure is not known")
    return found


def read_channels(
    root: Element, strips: list[Strip], state: Callable[[Element, str], bytes], notes: Notes
) -> tuple[list[Track], Track]:
    """The channels but the master, and the master. Raises InputError."""
    master = _master(strips, notes)
    mixer = [s for s in strips if s.role != "vca"]
    by_channel = {s.channel.get("id"): s for s in mixer if s.channel is not None and s.channel.get("id")}
    by_channel |= {s.id: s for s in mixer if s.id not in by_channel}  # some name the track where a channel belongs
    master_id = master.id if master else _free_id(root, "master")

    def output(strip: Strip) -> str:
        written = None if strip.channel is None else strip.channel.get("destination")
        if written and (to := by_channel.get(written)) and to is not strip:
            return to.id
        if written:
            notes.add(f"Track '{strip.name}': its output leads nowhere; it is played as if it had none")
        return strip.parent.id if strip.parent is not None else master_id

    made, main = list[Track](), Track(master_id, "Master", "master")
    for strip in mixer:
        sends = _sends(strip, by_channel, notes)
        if strip is master:
            main = _track(strip, "master", None, None, sends=sends, state=state, notes=notes)
        else:
            parent = strip.parent.id if strip.parent is not None and strip.parent is not master else None
            made.append(_track(strip, _kind(strip), output(strip), parent, sends=sends, state=state, notes=notes))
    return made, main


def _master(strips: list[Strip], notes: Notes) -> Strip | None:
    """The master among the channels of that role: Bitwig gives it to groups as well."""
    masters = [s for s in strips if s.role == "master"]
    plain = [s for s in masters if not s.folder and s.parent is None] or masters
    last = [s for s in plain if s.channel is not None and not s.channel.get("destination")] or plain
    if len(last) > 1:
        notes.add(f"{len(last)} channels are masters; '{last[0].name}' is taken")
    if not last:
        notes.add("There is no master channel; one without a fader's gain is put in its place")
    return last[0] if last else None


def _kind(strip: Strip) -> Kind:
    if strip.folder:
        return "group"
    return "bus" if strip.track is None or strip.role in ("effect", "submix", "master") else "track"


def _track(
    strip: Strip, kind: Kind, output: str | None, parent: str | None, *, sends: tuple[Send, ...],
    state: Callable[[Element, str], bytes], notes: Notes,
) -> Track:  # fmt: skip
    channel, where = strip.channel, f"Track '{strip.name}'"
    count = None if channel is None else number(channel, "audioChannels", notes)
    if count is not None and not 1 <= count <= MOST_CHANNELS:
        notes.add(f"{where}: {count:g} audio channels; it is played as stereo")
        count = None
    return Track(
        strip.id, strip.name, kind, output, parent, int(count or 2),
        inserts=read_devices(channel, strip.name, state, notes),
        fader=volume(kid(channel, "Volume"), f"{where}: volume", notes),
        pan=pan(kid(channel, "Pan"), f"{where}: pan", notes),
        sends=sends,
        muted=truth(kid(channel, "Mute"), "value", False),
        soloed=truth(channel, "solo", False),
    )  # fmt: skip


def _sends(strip: Strip, by_channel: dict[str | None, Strip], notes: Notes) -> tuple[Send, ...]:
    found = list[Send]()
    for element in kids(kid(strip.channel, "Sends"), "Send"):
        where = f"Track '{strip.name}': send {len(found) + 1}"
        to = by_channel.get(element.get("destination"))
        if to is None or to is strip:
            notes.add(f"{where} leads nowhere; it is not played")
            continue
        gain = volume(kid(element, "Volume"), f"{where} volume", notes)
        side = pan(kid(element, "Pan"), f"{where} pan", notes)
        enabled = truth(kid(element, "Enable"), "value", True)
        found.append(Send(to.id, gain, side, element.get("type") == "pre", enabled))
    return tuple(found)


def _free_id(root: Element, wish: str) -> str:
    taken = {e.get("id") for e in root.iter() if isinstance(e.tag, str)}
    return next(i for i in (wish, *(f"{wish}-{k}" for k in range(1, len(taken) + 2))) if i not in taken)
