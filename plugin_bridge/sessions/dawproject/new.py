"""A whole session of the model as a new DAWproject, its audio inside.

What the format cannot hold is refused, not dropped: polarity, trim, reversed audio, other pan laws, fades that are not
linear, single channels of files. A clip's gain and envelope become points of its gain expression. Tracks come in the
order of their folders and have new ids where theirs are no XML names; `start_s`, `end_s` and `unread` are not written,
the sample rate is that of the audio.
"""

from __future__ import annotations

import importlib.metadata
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lxml import etree

from dsp.errors import UsageError
from plugin_bridge.sessions.archive import CHUNK, harmless
from plugin_bridge.sessions.dawproject.make import Maker, element, spelled
from plugin_bridge.sessions.dawproject.new_clips import Audio, clip_element, curve_points, value_unit
from plugin_bridge.sessions.dawproject.pack import beside
from plugin_bridge.sessions.dawproject.xml import Element
from plugin_bridge.sessions.model import Media, Session, Track

ROLES: Final = {"track": "regular", "group": "regular", "bus": "effect", "master": "master"}
CONTENT: Final = {"track": "audio", "group": "tracks", "bus": "audio", "master": "audio"}
STATES: Final = {"vst3": "vstpreset", "vst2": "fxp", "clap": "clap-preset", "au": "aupreset"}
#: Entries of archives have a date; this one makes equal sessions equal files.
DATE: Final = (1980, 1, 1, 0, 0, 0)


def write_new_dawproject(session: Session, out: Path, media: Mapping[Path, str] | None = None) -> None:
    """Write a session as a .dawproject with all audio that is there; `media` gives names in the archive by file.

    Raises UsageError for what the format cannot hold, InputError for audio that cannot be read, OSError where the file
    cannot be written.
    """
    try:
        made = _New(session, media or {})
        root = made.project()
    except ValueError as error:  # XML has no control characters
        raise UsageError(f"{session.name}: a name in it cannot be written in XML ({error})") from None
    etree.indent(root)
    metadata = etree.Element("MetaData")
    etree.SubElement(metadata, "Title").text = re.sub(r"[\x00-\x1f\ufffe\uffff]", " ", session.name)
    with beside(out) as path, path.open("xb") as raw, zipfile.ZipFile(raw, "w") as archive:
        for name, tree in (("metadata.xml", metadata), ("project.xml", root)):
            data = etree.tostring(tree, encoding="UTF-8", xml_declaration=True)
            archive.writestr(zipfile.ZipInfo(name, DATE), data, zipfile.ZIP_DEFLATED)
        for name, state in made.states.items():
            archive.writestr(zipfile.ZipInfo(name, DATE), state, zipfile.ZIP_DEFLATED)
        for file, name in made.files.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.file_size = file.stat().st_size
            with file.open("rb") as source, archive.open(entry, "w") as target:
                while chunk := source.read(CHUNK):
                    target.write(chunk)


class _New:
    """Elements of a session; `files` and `states` are what goes into the archive, by name there."""

    def __init__(self, session: Session, names: Mapping[Path, str]) -> None:
        self._session, self._names = session, names
        self._maker = Maker(t.id for t in session.channels)
        self._ids = {t.id: t.id if _is_name(t.id) else self._maker.new_id() for t in session.channels}
        self._channel_ids = {t.id: self._maker.new_id() for t in session.channels}
        self._targets = dict[tuple[str, str], str]()
        self._audio = dict[Path, Audio]()
        self.files: dict[Path, str] = {}
        self.states: dict[str, bytes] = {}

    def project(self) -> Element:
        """The root. Raises UsageError, InputError, and ValueError for names that are no text."""
        root = element("Project", version="1.0")
        root.append(element("Application", name="MixDiagnose", version=_version()))
        root.append(self._transport())
        structure, rows = etree.SubElement(root, "Structure"), dict[str, Element]()
        for track in self._session.channels:
            rows[track.id] = self._track(track)
            parent = rows.get(track.parent or "")
            (structure if parent is None else parent).append(rows[track.id])
        root.append(self._arrangement())
        etree.SubElement(root, "Scenes")
        return root

    def _transport(self) -> Element:
        first = self._session.tempos[0]
        made = etree.Element("Transport")
        tempo = self._maker.real("Tempo", first.bpm, "bpm", max=max(666.0, first.bpm), min=min(20.0, first.bpm))
        signature = element(
            "TimeSignature", denominator=str(first.denominator), numerator=str(first.numerator), id=self._maker.new_id()
        )
        made.extend([tempo, signature])
        self._targets["", "Tempo"], self._targets["", "TimeSignature"] = tempo.get("id", ""), signature.get("id", "")
        return made

    def _track(self, track: Track) -> Element:
        where = f"Track '{track.name}'"
        _refuse(track, where)
        made = element("Track", contentType=CONTENT[track.kind], loaded="true", id=self._ids[track.id], name=track.name)
        channel = etree.SubElement(made, "Channel")
        channel.set("audioChannels", str(track.channels))
        if track.kind != "master":
            channel.set("destination", self._channel_id(track.output, where))
        channel.set("role", ROLES[track.kind])
        channel.set("solo", "true" if track.soloed else "false")
        channel.set("id", self._channel_ids[track.id])
        if track.inserts:
            devices = etree.SubElement(channel, "Devices")
            devices.extend([self._maker.device(d, where, self._state(d.kind, d.state)) for d in track.inserts])
        mute = self._maker.switch("Mute", track.muted)
        pan = self._maker.real("Pan", _normalized(track.pan), "normalized", max=1.0, min=0.0)
        channel.extend([mute, pan])
        if track.sends:
            sends = etree.SubElement(channel, "Sends")
            for send in track.sends:
                if send.inverted:
                    raise UsageError(f"{where}: DAWproject has no polarity of sends")
                to, kind = self._channel_id(send.target, where), "pre" if send.pre else "post"
                row = element("Send", destination=to, type=kind, id=self._maker.new_id())
                side = self._maker.real("Pan", _normalized(send.pan), "normalized", max=1.0, min=0.0)
                row.extend([self._maker.switch("Enable", send.enabled), side, self._maker.volume(send.gain)])
                sends.append(row)
        volume = self._maker.volume(max(track.fader, *(p.value for p in track.volume), 0.0))
        volume.set("value", spelled(track.fader))
        channel.append(volume)
        for part in (mute, pan, volume):
            self._targets[track.id, str(part.tag)] = part.get("id", "")
        return made

    def _channel_id(self, track_id: str | None, where: str) -> str:
        if track_id not in self._channel_ids:
            raise UsageError(f"{where}: DAWproject cannot hold an output that leads nowhere")
        return self._channel_ids[track_id]

    def _state(self, kind: str, state: bytes) -> str:
        if not state:
            return ""
        name = f"plugins/{len(self.states) + 1}.{STATES.get(kind, 'state')}"
        self.states[name] = state
        return name

    def _arrangement(self) -> Element:
        made = element("Arrangement", id=self._maker.new_id())
        lanes = element("Lanes", timeUnit="seconds", id=self._maker.new_id())
        made.append(lanes)
        for track in self._session.channels:
            lane = element("Lanes", track=self._ids[track.id], id=self._maker.new_id())
            clips = element("Clips", id=self._maker.new_id())
            clips.extend([clip_element(c, self._file, self._maker, f"Track '{track.name}'") for c in track.clips])
            lane.append(clips)
            lane.extend(self._automation(track))
            lanes.append(lane)
        tempos = self._session.tempos
        if len(tempos) > 1:
            points = self._points("", "Tempo", "bpm", "TempoAutomation")
            for t in tempos:
                way = "linear" if t.ramp else "hold"
                points.append(element("RealPoint", time=spelled(t.beat), value=spelled(t.bpm), interpolation=way))
            made.append(points)
        if len({(t.numerator, t.denominator) for t in tempos}) > 1:
            points = self._points("", "TimeSignature", "", "TimeSignatureAutomation")
            for t in tempos:
                meter = {"numerator": str(t.numerator), "denominator": str(t.denominator)}
                points.append(element("TimeSignaturePoint", time=spelled(t.beat), **meter))
            made.append(points)
        return made

    def _automation(self, track: Track) -> list[Element]:
        found, where = list[Element](), f"Track '{track.name}'"
        if track.volume:
            unit, value = value_unit(track.volume, where)
            found.append(curve_points(self._points(track.id, "Volume", unit), track.volume, value))
        if track.pans:
            if any(p.shape not in ("linear", "hold") for p in track.pans):
                raise UsageError(f"{where}: DAWproject goes linearly from point to point of a pan")
            found.append(curve_points(self._points(track.id, "Pan", "normalized"), track.pans, _normalized))
        if track.mutes:
            points = self._points(track.id, "Mute", "")
            for p in track.mutes:
                if p.shape != "hold":
                    raise UsageError(f"{where}: DAWproject holds a mute from point to point")
                points.append(element("BoolPoint", time=spelled(p.time_s), value="true" if p.value >= 0.5 else "false"))
            found.append(points)
        return found

    def _points(self, track_id: str, what: str, unit: str, tag: str = "Points") -> Element:
        beats = {} if track_id else {"timeUnit": "beats"}
        made = element(tag, **beats, **({"unit": unit} if unit else {}), id=self._maker.new_id())
        made.append(element("Target", parameter=self._targets[track_id, what]))
        return made

    def _file(self, media: Media) -> tuple[str, Audio]:
        """What a file is called in the archive, and what it is; where it is not there, a guess."""
        if media.file is None:
            return media.name, Audio(2, self._session.sample_rate, None)
        if media.file not in self.files:
            self.files[media.file] = self._name(media)
            self._audio[media.file] = Audio.of(media.file)
        return self.files[media.file], self._audio[media.file]

    def _name(self, media: Media) -> str:
        assert media.file is not None
        if (given := self._names.get(media.file)) is not None:
            return given
        stem, dot, ending = harmless(media.file.name).rpartition(".")
        stem, ending = (stem, dot + ending) if dot else (ending, "")
        taken = {n.casefold() for n in self.files.values()}
        names = (f"audio/{stem}{f' ({k})' if k > 1 else ''}{ending}" for k in range(1, len(taken) + 2))
        return next(n for n in names if n.casefold() not in taken)


def _refuse(track: Track, where: str) -> None:
    """Refuse what the format does not have in a channel. Raises UsageError."""
    refused = {
        "inverted polarity": any(track.inverted),
        f"a trim of {track.trim:g}": track.trim != 1.0,
        f"the pan law '{track.pan_law}'": track.pan_law != "balance",
        "devices after the fader": bool(track.post_inserts),
        "tracks that are not active": not track.active,
        "automation on top of the fader": bool(track.volume) and not track.fader_follows,
    }
    for what, there in refused.items():
        if there:
            raise UsageError(f"{where}: DAWproject cannot hold {what}")


def _normalized(pan: float) -> float:
    return 0.5 * (pan + 1.0)


def _is_name(text: str) -> bool:
    """Whether a text can be an xs:ID (here: of ASCII)."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9._-]*", text) is not None


def _version() -> str:
    try:
        return importlib.metadata.version("mixdiagnose")
    except importlib.metadata.PackageNotFoundError:
        return "0"
