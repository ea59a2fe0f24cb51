"""Ardour sessions made for tests: XML as Ardour 7.3 saves it, cut down to what it needs to load, and audio beside it.

What is left out gets its default when Ardour loads it, so no run of Ardour is needed to make a session.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from lxml import etree

from plugin_bridge.writer import FLOAT, write_wav

SUPERCLOCKS: Final = 282_240_000
RATE: Final = 48_000
BALANCE: Final = "http://ardour.org/plugin/panner_balance"
EQUAL_POWER: Final = "http://ardour.org/plugin/panner_2in2out"
OWN_INPUT: Final[dict[str, Any]] = {"own-input": 1, "own-output": 1}
Samples: TypeAlias = npt.NDArray[np.float32]
Element: TypeAlias = etree._Element
#: Points of a curve: frames and values.
Points: TypeAlias = Sequence[tuple[float, float]]


@dataclass
class Region:
    """A region, in frames. A fade out is written from its start to the end of the region; `more` are attributes."""

    source: str
    position: int
    length: int
    start: int = 0
    gain: float = 1.0
    fade_in: Points = ()
    fade_out: Points = ()
    inverse_in: Points = ()
    inverse_out: Points = ()
    default_fades: bool = False
    envelope: Points = ()
    style: str = "Linear"  #: of the envelope
    opaque: bool = True
    muted: bool = False
    layer: int = 0
    more: dict[str, str] = field(default_factory=dict)


@dataclass
class Send:
    """An aux send to the strip called `target`; `pan` is Ardour's azimuth."""

    target: str
    gain: float = 1.0
    pre: bool = False
    pan: float = 0.5
    inverted: bool = False
    active: bool = True
    linked: bool = False


@dataclass
class Strip:
    """A track or bus. `pan` is Ardour's azimuth; points of automation are in frames, those of the panner too."""

    name: str
    channels: int = 1
    bus: bool = False
    output: str | None = "Master"
    outputs: int = 2
    regions: Sequence[Region] = ()
    gain: float = 1.0
    trim: float = 1.0
    pan: float = 0.5
    panner: str = ""
    pan_bypassed: bool = False
    phase: str = ""  #: as Ardour writes it: the last channel first
    muted: bool = False
    soloed: bool = False
    solo_up: int = 0  #: solos among what feeds it, which Ardour notes
    active: bool = True
    gains: Points = ()
    pans: Points = ()
    mutes: Points = ()
    state: str = "Play"
    sends: Sequence[Send] = ()
    before: Sequence[str] = ()  #: XML of processors before the fader
    after: Sequence[str] = ()
    vcas: Sequence[int] = ()
    flags: str = ""


def e(tag: str, attributes: dict[str, object] | None = None, *inner: Element | str) -> Element:
    """An element with its children; text is put in as it is."""
    made = etree.Element(tag, {k: _text(v) for k, v in (attributes or {}).items()})
    for child in inner:
        if isinstance(child, str):
            made.text = child
        else:
            made.append(child)
    return made


def _text(value: object) -> str:
    return f"{value:.17g}" if isinstance(value, float) else str(int(value) if isinstance(value, bool) else value)


@dataclass
class Builder:
    """Ids and names of a session under construction."""

    rate: int
    strips: Sequence[Strip]
    last: int = 1000
    ids: dict[str, int] = field(default_factory=dict)
    sources: dict[str, list[int]] = field(default_factory=dict)

    def id(self) -> int:
        self.last += 1
        return self.last

    def clock(self, frames: float) -> str:
        return f"a{round(frames * SUPERCLOCKS / self.rate)}"

    def curve(self, parameter: str, style: str, points: Points, state: str = "Off") -> Element:
        head = {
            "automation-id": parameter, "id": self.id(), "interpolation-style": style, "time-domain": "AudioTime",
            "state": state if points else "Off",
        }  # fmt: skip
        text = "".join(f"{self.clock(t)} {v:.17g}\n" for t, v in points)
        return e("AutomationList", head, *([e("events", None, text)] if points else []))

    def control(self, name: str, value: float, *inner: Element, flags: str = "", **more: object) -> Element:
        return e("Controllable", {"name": name, "id": self.id(), "flags": flags, "value": float(value), **more}, *inner)

    def processor(self, kind: str, name: str, *inner: Element, active: bool = True, **more: object) -> Element:
        head = {"id": self.id(), "name": name, "active": active, "user-latency": 0, "use-user-latency": 0}
        return e("Processor", {**head, "type": kind, **more}, *inner)

    def route(self, strip: Strip, order: int) -> Element:
        """A route with its processors in a row."""
        master, track = strip.name == "Master", not strip.bus
        number = self.ids[strip.name]
        head: dict[str, object] = {
            "version": 7002, "id": number, "name": strip.name, "default-type": "audio", "strict-io": master,
            "active": strip.active, "denormal-protection": 0, "meter-point": "MeterPostFader",
            "disk-io-point": "DiskIOPreFader", "meter-type": "MeterPeak",
        }  # fmt: skip
        if track:
            head |= {"audio-playlist": number + 100_000, "alignment-choice": "Automatic", "mode": "Normal"}
        kind = "MasterOut" if master else "AudioTrack" if track else "AudioBus"
        solo = {"self-solo": strip.soloed, "soloed-by-upstream": strip.solo_up, "soloed-by-downstream": 0}
        disk = [self.processor("diskwriter", "recorder"), self.processor("diskreader", "player")] if track else []
        fader = self.control("gaincontrol", strip.gain, *self._masters(strip), flags="GainLike")
        return e(
            "Route", head,
            e("PresentationInfo", {"order": order, "flags": strip.flags or f"{kind},OrderSet", "color": 0}),
            self.control("solo", strip.soloed, flags="Toggle,RealTime", **solo),
            self._io(strip, False), self._io(strip, True),
            e("MuteMaster", {"mute-point": "PostFader,Listen,Main", "muted": strip.muted}),
            self.control("mute", strip.muted, flags="Toggle,RealTime"),
            self.control("phase", 0, flags="Toggle", **{"phase-invert": strip.phase or "0" * strip.channels}),
            e("Automation", None, self.curve("mute", "Discrete", strip.mutes, strip.state)),
            e(
                "Pannable", None,
                self.control("pan-azimuth", strip.pan),
                self.control("pan-width", strip.panner == EQUAL_POWER),
                e("Automation", None, self.curve("pan-azimuth", "Linear", strip.pans, strip.state)),
            ),
            *([] if track or master else [self.processor("intreturn", "Return")]), *disk,
            self.processor("polarity", "Polarity"),
            self.processor("trim", "Amp", self.control("trimcontrol", strip.trim, flags="GainLike")),
            *(etree.fromstring(p) for p in strip.before),
            *(self._send(s) for s in strip.sends if s.pre),
            self.processor(
                "amp", "Amp",
                e("Automation", None, self.curve("gain", "Exponential", strip.gains, strip.state)), fader,
            ),
            *(etree.fromstring(p) for p in strip.after),
            *(self._send(s) for s in strip.sends if not s.pre),
            self.processor("meter", f"meter-{strip.name}"),
            self.processor(
                "main-outs", strip.name, self._panner(strip), role="Main", output=strip.name,
                **OWN_INPUT,
            ),
            e("Slavable", None, *(e("Master", {"number": n}) for n in strip.vcas)),
        )  # fmt: skip

    def _masters(self, strip: Strip) -> list[Element]:
        if not strip.vcas:
            return []
        masters = [e("master", {"id": vca_fader(n), "val-ctrl": strip.gain, "val-master": 1.0}) for n in strip.vcas]
        return [e("masters", None, *masters)]

    def _panner(self, strip: Strip) -> Element:
        head = {"bypassed": strip.pan_bypassed, "user-panner": strip.panner, "linked-to-route": 1}
        return e("PannerShell", head, *([e("Panner", {"uri": strip.panner, "type": ""})] if strip.panner else []))

    def _io(self, strip: Strip, out: bool) -> Element:
        ports = []
        for channel in range(1, (strip.outputs if out else strip.channels) + 1):
            others = [self._target(strip, channel)] if out else self._feeding(strip, channel)
            name = f"{strip.name}/audio_{'out' if out else 'in'} {channel}"
            ports.append(
                e("Port", {"type": "audio", "name": name}, *(e("Connection", {"other": o}) for o in others if o))
            )
        head = {"name": strip.name, "id": self.id(), "direction": "Output" if out else "Input", "default-type": "audio"}
        return e("IO", head, *ports)

    def _target(self, strip: Strip, channel: int) -> str:
        if strip.name == "Master":
            return f"system:playback_{channel}"
        target = next((s for s in self.strips if s.name == strip.output), None)
        if target is None:
            return strip.output or ""
        return f"{target.name}/audio_in {(channel - 1) % target.channels + 1}"

    def _feeding(self, strip: Strip, channel: int) -> list[str]:
        return [
            f"{s.name}/audio_out {c}"
            for s in self.strips
            if s.output == strip.name and s is not strip
            for c in range(1, s.outputs + 1)
            if (c - 1) % strip.channels + 1 == channel
        ]

    def _send(self, send: Send) -> Element:
        return self.processor(
            "intsend", send.target,
            e("Automation"),
            e("PannerShell", {"bypassed": 0, "user-panner": "", "linked-to-route": send.linked}),
            e("Pannable", None, self.control("pan-azimuth", send.pan), self.control("pan-width", 0)),
            self.control("polarity-invert", send.inverted, flags="Toggle"),
            self.control("gaincontrol", send.gain, flags="GainLike,InlineControl"),
            active=send.active, role="Aux", bitslot=self.id() - 1000, target=self.ids[send.target],
            **OWN_INPUT,
        )  # fmt: skip

    def playlist(self, strip: Strip) -> Element:
        number = self.ids[strip.name]
        head = {"id": number + 100_000, "name": strip.name, "type": "audio", "orig-track-id": number, "combine-ops": 0}
        return e("Playlist", head, *(self._region(r, k, strip) for k, r in enumerate(strip.regions)))

    def _region(self, region: Region, k: int, strip: Strip) -> Element:
        ids = self.sources[region.source]
        fades = region.default_fades
        head: dict[str, object] = {
            "name": f"{region.source}.{k + 1}", "muted": region.muted, "opaque": region.opaque, "locked": 0,
            "whole-file": 0, "external": 0, "hidden": 0, "position-locked": 0, "start": self.clock(region.start),
            "length": f"{self.clock(region.length)}@{self.clock(region.position)}", "sync-position": "a0",
            "ancestral-start": "a0", "ancestral-length": "a0@a0", "stretch": 1, "shift": 1,
            "layering-index": region.layer, "envelope-active": bool(region.envelope), "default-fade-in": 0,
            "default-fade-out": 0, "fade-in-active": bool(region.fade_in) or fades,
            "fade-out-active": bool(region.fade_out) or fades, "scale-amplitude": region.gain, "id": self.id(),
            "type": "audio", "first-edit": "nothing", "channels": len(ids),
        }  # fmt: skip
        for n, source in enumerate(ids):
            head |= {f"source-{n}": source, f"master-source-{n}": source}
        envelope = [self.curve("envelope", region.style, region.envelope)] if region.envelope else []
        return e(
            "Region", head | region.more,
            e("Envelope", None if envelope else {"default": "yes"}, *envelope),
            *self._fade("In", region.fade_in, region.inverse_in),
            *self._fade("Out", region.fade_out, region.inverse_out),
        )  # fmt: skip

    def _fade(self, side: str, points: Points, inverse: Points) -> list[Element]:
        if not points:
            return [e(f"Fade{side}", {"default": 1})]
        made = [e(f"Fade{side}", None, self.curve(f"fade{side.lower()}", "Curved", points))]
        if inverse:
            made.append(e(f"InverseFade{side}", None, self.curve(f"fade{side.lower()}", "Curved", inverse)))
        return made


def vca_fader(number: int) -> int:
    """The id of a VCA's fader."""
    return 500 + 10 * number


def vca(number: int, gain: float, muted: bool = False) -> Element:
    """A VCA called after its number."""
    fader = {"name": "gaincontrol", "id": vca_fader(number), "flags": "GainLike", "value": gain}
    mute = {"name": "mute", "id": vca_fader(number) + 1, "flags": "Toggle,RealTime", "value": float(muted)}
    return e(
        "VCA", {"name": f"VCA {number}", "number": number},
        e("PresentationInfo", {"order": 90 + number, "flags": "VCA,OrderSet", "color": 0}),
        e("Controllable", fader), e("Controllable", mute), e("Automation"), e("Slavable"),
    )  # fmt: skip


def build(
    folder: Path, strips: Sequence[Strip], sounds: dict[str, Samples], end: int, *, start: int = 0,
    master: Strip | None = None, rate: int = RATE, fades: bool = True, vcas: Sequence[Element] = (),
) -> Path:  # fmt: skip
    """Write a session with its audio into a folder; gives the path of its .ardour file, which is called as the folder.

    `sounds` are float32 of shape (channels, frames), one file per channel as Ardour stores them.
    """
    audio = folder / "interchange" / folder.name / "audiofiles"
    shutil.rmtree(folder, ignore_errors=True)
    audio.mkdir(parents=True)
    builder = Builder(rate, [master or Strip("Master", 2, bus=True), *strips])
    sources = []
    for name, sound in sounds.items():
        builder.sources[name] = []
        for k, channel in enumerate(sound):
            file = f"{name}{'' if len(sound) == 1 else '%' + 'LR'[k]}.wav"
            _write(audio / file, channel, rate)
            builder.sources[name].append(builder.id())
            head = {"name": file, "type": "audio", "flags": "", "id": builder.last, "channel": 0, "gain": 1}
            sources.append(e("Source", {**head, "origin": "", "take-id": ""}))
    for strip in builder.strips:
        builder.ids[strip.name] = builder.id()
    options = {
        "use-region-fades": fades, "realtime-export": 0, "native-file-data-format": "FormatFloat",
        "native-file-header-format": "WAVE",
    }  # fmt: skip
    span = {"name": "session", "start": builder.clock(start), "end": builder.clock(end), "flags": "IsSessionRange"}
    tempo = {"npm": 120, "enpm": 120, "note-type": 4, "type": "Tempo::Constant", "active": 1, "sclock": 0}
    meter = {"note-value": 4, "divisions-per-bar": 4, "sclock": 0, "quarters": "0:0", "bbt": "1|1|0"}
    root = e(
        "Session",
        {
            "version": 7002, "name": folder.name, "sample-rate": rate, "session-range-is-free": 0,
            "id-counter": 900_000, "name-counter": 1, "event-counter": 0, "vca-counter": 1,
        },
        e("ProgramVersion", {"created-with": "Ardour 7.3.0", "modified-with": "Ardour 7.3.0"}),
        e("Config", None, *(e("Option", {"name": n, "value": v}) for n, v in options.items())),
        e("Sources", None, *sources),
        e("Regions"),
        e("Locations", None, e("Location", {"id": builder.id(), "locked": 0, "cue": 0, **span})),
        e("VCAManager", None, *vcas),
        e("Routes", None, *(builder.route(s, k) for k, s in enumerate(builder.strips))),
        e("Playlists", None, *(builder.playlist(s) for s in strips if not s.bus)),
        e("UnusedPlaylists"),
        e("RouteGroups"),
        e(
            "TempoMap", {"superclocks-per-second": SUPERCLOCKS},
            e("Tempos", None, e("Tempo", {**tempo, "quarters": "0:0", "bbt": "1|1|0", "omega": 0, "continuing": 0})),
            e("Meters", None, e("Meter", meter)), e("MusicTimes"),
        ),
    )  # fmt: skip
    etree.indent(root)
    path = folder / f"{folder.name}.ardour"
    path.write_bytes(b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="UTF-8") + b"\n")
    return path


def _write(path: Path, channel: Samples, rate: int) -> None:
    write_wav(path, lambda: iter([channel[None, :]]), rate, 1, FLOAT)


def linear(frames: int) -> Points:
    """A fade in, as Ardour makes it when it is chosen; the others likewise (libs/ardour/audioregion.cc)."""
    return [(0, 1e-7), (frames, 1.0)]


def fast(frames: int) -> Points:
    """Linear in dB, from -60."""
    return [(0, 1e-7), *((frames * k / 32, 10 ** (-60 * (32 - k) / 32 / 20)) for k in range(2, 32)), (frames, 1.0)]


def slow(frames: int) -> Points:
    """From linear in dB at its foot to flat at its head."""
    turned = [(-1 / 32 * k, -80 / 32 * k, k / 32) for k in range(1, 31)]
    steps = [10 ** ((flat * (1 - by) + steep * by) / 20) for flat, steep, by in turned]
    return turn([(0, 1.0), *((frames * k / 32, v) for k, v in enumerate(steps, 1)), (frames, 1e-7)])


def constant_power(frames: int) -> Points:
    """A quarter of a sine."""
    inner = [(frames * k // 33, math.sin(0.5 * math.pi * k / 33)) for k in range(1, 32)]
    return [(0, 1e-7), *inner, (frames, 1.0)]


def symmetric(frames: int) -> Points:
    """Halves to the foot, then straight."""
    inner = [(frames * k / 30, 0.3 * 0.5 ** (9 - k)) for k in range(1, 8)]
    return [(0, 1e-7), *inner, (frames / 2, 0.6), (frames, 1.0)]


def turn(points: Points) -> Points:
    """A fade the other way round: a fade out from a fade in."""
    return [(points[-1][0] - t, v) for t, v in reversed(points)]


def inverse(points: Points) -> Points:
    """What keeps the power of both sides of a crossfade."""
    return [(t, math.sqrt(max(0.0, 1.0 - v * v))) for t, v in points]
