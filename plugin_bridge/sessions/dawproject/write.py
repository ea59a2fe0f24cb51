"""Writes moves into a DAWproject: only what they change, in a copy of the file.

See `plan` for what becomes of polarity and of faders above their top. At the end the new text is read again,
and a file that would not say what was meant is never written.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from dsp.errors import InputError, UsageError
from plugin_bridge.sessions.archive import Archive
from plugin_bridge.sessions.dawproject.external import relocated
from plugin_bridge.sessions.dawproject.make import CHANNEL_ORDER, DEVICE_ORDER, FADER_TOP, Maker, element, spelled
from plugin_bridge.sessions.dawproject.pack import beside, inverted_copy, repack
from plugin_bridge.sessions.dawproject.pieces import Piece
from plugin_bridge.sessions.dawproject.plan import differences, planned, same_channels
from plugin_bridge.sessions.dawproject.read import PROJECT, Found, Reading, open_project, read_text
from plugin_bridge.sessions.dawproject.text import Edits
from plugin_bridge.sessions.dawproject.time import Scope
from plugin_bridge.sessions.dawproject.units import Scale, scale_of, scale_of_points
from plugin_bridge.sessions.dawproject.xml import Element, Notes, Text, kid, kids, number, unit_of
from plugin_bridge.sessions.media import Finder
from plugin_bridge.sessions.model import Clip, Device, Session, Track

#: Clips are moved where they shift by more than this (s).
STILL_S: Final = 1e-12


def write_dawproject(source: Path, before: Session, after: Session, out: Path) -> None:
    """Write `after` to `out`, where `before` was read from `source` and only moves lie between.

    The new file, read again, is `as_written`. Raises UsageError for a move the format cannot hold, InputError where
    the source has changed or is damaged, OSError where the file cannot be written.
    """
    with ExitStack() as stack:
        text, archive = open_project(source, stack)
        reading = _read_again(text, source, archive, before)
        same_channels(before, after)
        wanted, copies = planned(reading, before, after, out)
        if copies and archive is None:
            raise UsageError(f"{source.name} has no archive to put inverted audio in; pack it as a .dawproject first")
        writer = _Writer(text, reading, before, wanted)
        writer.write()
        moved = relocated(reading, before, source, out, writer.edits)
        made = Text(writer.edits.text(), text.codec, text.mark)
        _refuse_other(made, Found(source, archive, Finder(source), None), wanted, moved)
        data = made.encode(made.text)
        if archive is None:
            with beside(out) as path:
                path.write_bytes(data)
            return
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files = {m.name: m.file for t in before.channels for c in t.clips for m in c.media if m.file is not None}
        added = dict[str, Path]()
        for k, (name, copy) in enumerate(copies.items()):
            added[copy] = folder / f"{k}.wav"
            inverted_copy(files[name], added[copy])
        repack(archive, out, {archive.find(PROJECT) or PROJECT: data}, added)


def as_written(source: Path, before: Session, after: Session, out: Path) -> Session:
    """What reading `out` gives after `write_dawproject`, but for the places of its media and new names of external
    audio: `after`, with polarity in the names of media and what faders cannot hold in an equaliser.
    """
    with ExitStack() as stack:
        text, archive = open_project(source, stack)
        same_channels(before, after)
        return planned(_read_again(text, source, archive, before), before, after, out)[0]


def _read_again(text: Text, source: Path, archive: Archive | None, before: Session) -> Reading:
    reading = read_text(text, Found(source, archive, Finder(source), None))
    if found := differences(before, reading.session):
        raise InputError(str(source), f"is not what was read before: {found[0]}", "start again")
    return reading


def _refuse_other(made: Text, found: Found, wanted: Session, moved: dict[str, str]) -> None:
    """Refuse a text that does not say what was meant. Raises UsageError."""
    got = read_text(made, found).session
    back = {new: old for old, new in moved.items()}
    channels = [
        replace(
            t,
            clips=tuple(
                replace(c, media=tuple(replace(m, name=back.get(m.name, m.name)) for m in c.media)) for c in t.clips
            ),
        )
        for t in got.channels
    ]
    got = replace(got, tracks=tuple(channels[:-1]), master=channels[-1])
    if wrong := differences(wanted, got):
        raise UsageError(f"DAWproject cannot hold this: {wrong[0]}")


class _Writer:
    """Gathers the edits that make one session of another."""

    def __init__(self, text: Text, reading: Reading, before: Session, wanted: Session) -> None:
        self.edits = Edits(text.text, reading.root)
        self._reading, self._before, self._wanted = reading, before, wanted
        self._notes = Notes(str(before.file))
        ids = (e.get("id") or "" for e in reading.root.iter() if isinstance(e.tag, str))
        self._maker = Maker(ids)
        self._channels = dict[str, Element]()
        self._files = dict[Element, str]()

    def write(self) -> None:
        """Make all edits. Raises UsageError."""
        for old, new in zip(self._before.channels, self._wanted.channels, strict=True):
            if old == new:
                continue
            if old.fader != new.fader or old.volume != new.volume:
                self._fader(old, new)
            self._devices(old, new)
            self._clips(old, new)
        for file, name in self._files.items():
            self.edits.set(file, "path", name)
            if file.get("external") is not None:
                self.edits.set(file, "external", "false")

    def _channel(self, track: Track) -> Element:
        """The channel of a track in the file. Raises UsageError."""
        strip = self._reading.strips.get(track.id)
        if strip is None or (strip.channel is None and strip.track is None):
            raise UsageError(f"Track '{track.name}': the file has no such channel to change")
        if strip.channel is not None:
            return strip.channel
        if track.id not in self._channels:
            assert strip.track is not None
            made = element("Channel", audioChannels="2", role="regular", id=self._maker.new_id())
            self.edits.add(strip.track, kid(strip.track, "Track"), made)
            self._channels[track.id] = made
        return self._channels[track.id]

    def _put(self, parent: Element, new: Element, order: tuple[str, ...]) -> None:
        """Add an element to another one where the schema wants it."""
        rank = order.index(str(new.tag))
        later = next((k for k in kids(parent) if k.tag in order and order.index(str(k.tag)) > rank), None)
        if parent in self._channels.values():
            parent.insert(len(parent) if later is None else parent.index(later), new)
        else:
            self.edits.add(parent, later, new)

    def _fader(self, old: Track, new: Track) -> None:
        channel = self._channel(new)
        volume = kid(channel, "Volume")
        if volume is None:
            self._put(channel, self._maker.volume(new.fader), CHANNEL_ORDER)
        elif old.fader != new.fader:
            scale, was = scale_of(volume, self._notes), number(volume, "value", self._notes, endless=True)
            self.edits.set(volume, "value", spelled(scale.gain_back(new.fader, 1.0 if was is None else was)))
            high = None if scale.high is None else scale.gain(scale.high)
            if high is not None and max(new.fader, *(p.value for p in new.volume), 0.0) > high:
                self.edits.set(volume, "max", spelled(scale.gain_back(FADER_TOP, scale.high or 1.0)))
        if old.volume != new.volume and volume is not None:
            self._automation(old, new, scale_of(volume, self._notes))

    def _automation(self, old: Track, new: Track, scale: Scale) -> None:
        """Scale all points of a fader's automation by the same factor."""
        ratios = [n.value / o.value for o, n in zip(old.volume, new.volume, strict=False) if o.value > 0.0]
        factor = ratios[0] if ratios else 1.0
        for points in self._reading.volumes.get(new.id, ()):
            own = scale_of_points(points, scale, self._notes)
            for point in kids(points):
                value = number(point, "value", self._notes, endless=True)
                if point.tag != "Target" and value is not None:
                    self.edits.set(point, "value", spelled(own.gain_back(own.gain(value) * factor, value)))

    def _devices(self, old: Track, new: Track) -> None:
        if old.inserts == new.inserts:
            return
        first = _where(old.inserts, new.inserts)
        if first is None:
            raise UsageError(f"Track '{new.name}': only added devices and switched ones are written, no other change")
        channel = self._channel(new)
        there = list(kids(kid(channel, "Devices")))
        kept = new.inserts[first : first + len(old.inserts)]
        for element_, was, now in zip(there, old.inserts, kept, strict=True):
            if was.enabled != now.enabled:
                self._enable(element_, now.enabled)
        front, back = new.inserts[:first], new.inserts[first + len(old.inserts) :]
        where = f"Track '{new.name}'"
        made = [[self._maker.device(d, where) for d in part] for part in (front, back)]
        devices = kid(channel, "Devices")
        if devices is None:
            if made[0] or made[1]:
                devices = element("Devices")
                devices.extend([*made[0], *made[1]])
                self._put(channel, devices, CHANNEL_ORDER)
            return
        for part, place in ((made[0], there[0] if there else None), (made[1], None)):
            for d in part:
                self.edits.add(devices, place, d)

    def _enable(self, device: Element, enabled: bool) -> None:
        switch = kid(device, "Enabled")
        if switch is None:
            self._put(device, self._maker.switch("Enabled", enabled), DEVICE_ORDER)
        else:
            self.edits.set(switch, "value", "true" if enabled else "false")

    def _clips(self, old: Track, new: Track) -> None:
        shifts = dict[Element, tuple[float, str]]()
        for piece, was, now in zip(self._reading.pieces.get(new.id, ()), old.clips, new.clips, strict=True):
            if was.media[0].name != now.media[0].name:
                self._invert(piece, new.name, now)
            shift = now.end_s - was.end_s
            if piece.top is None:
                if abs(shift) > STILL_S:
                    raise UsageError(f"Track '{new.name}': clip '{now.name}' is not in a clip that could be moved")
                continue
            known = shifts.setdefault(piece.top, (shift, now.name))
            if abs(known[0] - shift) > 1e-9:
                raise UsageError(f"Track '{new.name}': '{known[1]}' and '{now.name}' are one clip and move apart")
        for top, (shift, _) in shifts.items():
            if abs(shift) > STILL_S:
                self._shift(top, shift)

    def _invert(self, piece: Piece, track: str, now: Clip) -> None:
        file = kid(piece.audio, "File")
        assert file is not None
        if self._files.setdefault(file, now.media[0].name) != now.media[0].name:
            raise UsageError(f"Track '{track}': clip '{now.name}' is played elsewhere too and cannot be inverted alone")

    def _shift(self, clip: Element, shift_s: float) -> None:
        """Move a clip in time; what would come to lie before the start is cut off."""
        parent = next((a for a in clip.iterancestors() if a.get("timeUnit")), clip)
        scope = Scope.of_song(
            self._before.tempos, unit_of(parent, "timeUnit", "beats") if parent is not clip else "beats"
        )
        at, length = (number(clip, name, self._notes) for name in ("time", "duration"))
        start, at = number(clip, "playStart", self._notes) or 0.0, at or 0.0
        begin, end = scope.seconds(at) + shift_s, None if length is None else scope.seconds(at + length) + shift_s
        content = scope.clip(at, start, unit_of(clip, "contentTimeUnit", scope.unit))
        time = scope.local(max(0.0, begin))
        self.edits.set(clip, "time", spelled(max(0.0, time)))
        if begin < 0.0:
            self.edits.set(clip, "playStart", spelled(content.local(-shift_s)))
        if end is not None and length is not None:
            duration = scope.local(end) - time
            if abs(duration - length) > 1e-9:
                self.edits.set(clip, "duration", spelled(duration))


def _where(old: tuple[Device, ...], new: tuple[Device, ...]) -> int | None:
    """At which place in a new chain the old one starts, but for what is switched; None where it is not there whole."""
    plain = [[replace(d, enabled=True, installed=None) for d in chain] for chain in (old, new)]
    for k in range(len(new) - len(old) + 1):
        if plain[1][k : k + len(old)] == plain[0]:
            return k
    return None
