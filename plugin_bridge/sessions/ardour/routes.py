"""Ardour's routes as channels: the processors in a row, the panner, the fader and what moves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from plugin_bridge.sessions.ardour.devices import is_plugin, read_devices
from plugin_bridge.sessions.ardour.sends import SendReader
from plugin_bridge.sessions.ardour.vcas import Vca
from plugin_bridge.sessions.ardour.wires import Wires, inputs_of, outputs_of
from plugin_bridge.sessions.ardour.xml import PLAYS, Element, Notes, automation, controllable, is_on, kids
from plugin_bridge.sessions.model import Clip, Curve, Device, Kind, Send, Track

#: The panner that mixes both sides of a stereo channel into each other.
EQUAL_POWER: Final = "panner_2in2out"
#: Types of processors that do nothing to what is heard of an export, or are read.
KNOWN: Final = (
    "polarity", "trim", "amp", "diskreader", "diskwriter", "meter", "main-outs", "intreturn", "volume", "intsend",
)  # fmt: skip


@dataclass
class RouteReader:
    """Reads one route; `vcas` are gains and mutes of VCAs by number, with the id of their fader."""

    route: Element
    wires: Wires
    master: str
    vcas: dict[str, Vca]
    notes: Notes

    def __post_init__(self) -> None:
        self.id, self.name = self.route.get("id", ""), self.route.get("name", "")
        self.whose = f"Track '{self.name}'"
        rows = list(kids(self.route, "Processor"))
        kinds = [p.get("type", "") for p in rows]
        amp = kinds.index("amp") if "amp" in kinds else len(rows)
        disk = kinds.index("diskreader") if "diskreader" in kinds else -1
        if disk >= 0 and any(map(is_plugin, rows[:disk])):
            self.notes.add(f"{self.whose}: plugins before its playback only hear what is recorded, and are not played")
        self.before, self.after = rows[disk + 1 : amp], rows[amp + 1 :]
        self.rows = rows

    def track(self, kind: Kind, clips: tuple[Clip, ...]) -> Track:
        """The channel."""
        notes, route = self.notes, self.route
        pan, law = self._pan()
        output, extra = self._output()
        mute = route.find("MuteMaster")
        aux = SendReader(route, self.whose, self.channels(), self.wires, notes)
        sends = (*aux.read(self.before, True), *aux.read(self.after, False), *extra)
        fader, factor = self._fader()
        for row in self.rows:
            self._other(row)
        if self._moved(self.before):
            notes.add(f"{self.whose}: its trim or polarity comes after plugins, and is played before them")
        return Track(
            self.id,
            self.name,
            kind,
            output=output,
            channels=self.channels(),
            clips=clips,
            trim=self._control("trim", "trimcontrol", 1.0),
            inverted=self._phase(),
            inserts=self._devices(self.before),
            fader=fader * factor,
            pan=pan,
            pan_law=law,
            post_inserts=self._devices(self.after),
            sends=sends,
            muted=self._muted(),
            mutes_pre_sends=mute is None or "PreFader" in mute.get("mute-point", ""),
            soloed=self._soloed(),
            active=is_on(route, "active"),
            volume=self._curve(self._row("amp"), "gain", "fader", factor),
            pans=self._curve(route.find("Pannable"), "pan-azimuth", "panner", 2.0, -1.0)
            if law.startswith("ardour")
            else (),
            mutes=self._curve(route, "mute", "mute"),
        )

    def channels(self) -> int:
        """How many channels reach the panner: those of the input, or of the last plugin."""
        count = inputs_of(self.route)
        for row in (*self.before, *self.after):
            made = [c for c in kids(row.find("ConfiguredOutput"), "Channels") if c.get("type") == "audio"]
            if is_plugin(row) and made:
                count = int(self.notes.number(made[0], "count", float(count), self.whose, 1e3))
        if count > 2:
            self.notes.add(f"{self.whose}: it has {count} channels, the first two are played")
        return min(max(count, 1), 2)

    def _row(self, kind: str) -> Element | None:
        return next((r for r in self.rows if r.get("type") == kind), None)

    def _control(self, row: str, name: str, default: float) -> float:
        found = self._row(row)
        control = None if found is None else controllable(found, name)
        return self.notes.number(control, "value", default, f"{self.whose}: its {name.removesuffix('control')}")

    def _fader(self) -> tuple[float, float]:
        """The fader, and what the VCAs it follows make of it."""
        factor, row = 1.0, self._row("amp")
        control = None if row is None else controllable(row, "gaincontrol")
        masters = {m.get("id", ""): m for m in kids(None if control is None else control.find("masters"), "master")}
        for slave in kids(self.route.find("Slavable"), "Master"):
            vca = self.vcas.get(slave.get("number", ""))
            if vca is None:
                continue
            joined = self.notes.number(masters.get(vca.fader_id), "val-master", 1.0, self.whose)
            factor *= vca.gain / joined if joined > 0.0 else 1.0
            if factor != 1.0:
                self.notes.add(f"{self.whose}: its fader is shown with what the VCA '{vca.name}' makes of it")
        return max(0.0, self._control("amp", "gaincontrol", 1.0)), factor

    def _muted(self) -> bool:
        own = self.route.find("MuteMaster")
        muted = own is not None and is_on(own, "muted", False)
        slaves = [s.get("number", "") for s in kids(self.route.find("Slavable"), "Master")]
        return muted or any(self.vcas[s].muted for s in slaves if s in self.vcas)

    def _soloed(self) -> bool:
        control = controllable(self.route, "solo")
        if control is None:
            return False
        return (
            is_on(control, "self-solo", False)
            or self.notes.number(control, "value", 0.0, f"{self.whose}: its solo") > 0.0
        )

    def _phase(self) -> tuple[bool, ...]:
        """Written with the last channel first."""
        control = controllable(self.route, "phase")
        bits = (control.get("phase-invert", "") if control is not None else "")[::-1][: self.channels()]
        if (
            not bits
            and control is not None
            and self.notes.number(control, "value", 0.0, f"{self.whose}: its polarity") > 0.5
        ):
            return (True,) * self.channels()
        return tuple(b == "1" for b in bits) if "1" in bits else ()

    def _curve(self, owner: Element | None, name: str, what: str, scale: float = 1.0, offset: float = 0.0) -> Curve:
        """Automation that plays."""
        found = automation(owner, name)
        if found is None:
            return ()
        if found.get("state", "Off") not in PLAYS:
            self.notes.add(f"{self.whose}: automation of its {what} is switched off, and is not played")
            return ()
        return self.notes.curve(found, f"{self.whose}: automation of its {what}", scale, offset)

    def _pan(self) -> tuple[float, str]:
        """Where the panner stands and its law; a single output is not panned, it is on the side it is wired to."""
        outputs, channels = outputs_of(self.route), self.channels()
        if outputs == 1:
            wired = {n for pairs in self.wires.targets(self.id).values() for _, n in pairs}
            return (0.0, "none") if wired == {1, 2} else (1.0 if wired == {2} else -1.0, "ardour-mono")
        owner = self.route.find("Pannable")
        azimuth = None if owner is None else controllable(owner, "pan-azimuth")
        pan = 2.0 * self.notes.number(azimuth, "value", 0.5, f"{self.whose}: its panner") - 1.0
        if outputs > 2:
            self.notes.add(f"{self.whose}: it has {outputs} outputs, and is played without a panner")
        if not self._pannable():
            return (pan, "none") if channels == 1 else (0.0, "ardour-stereo")
        shell = self._shell()
        chosen = "" if shell is None else shell.get("user-panner", "")
        if channels == 2 and chosen.endswith(EQUAL_POWER):
            width = None if owner is None else controllable(owner, "pan-width")
            wide = self.notes.number(width, "value", 1.0, f"{self.whose}: its width") == 1.0
            if pan != 0.0 or not wide or self._pans():
                self.notes.add(f"{self.whose}: its equal power panner is played as a balance")
        return pan, "ardour-mono" if channels == 1 else "ardour-stereo"

    def _shell(self) -> Element | None:
        return next((r.find("PannerShell") for r in self.rows if r.get("type") == "main-outs"), None)

    def _pannable(self) -> bool:
        """Whether a panner is there and works."""
        shell = self._shell()
        return outputs_of(self.route) == 2 and not (shell is not None and is_on(shell, "bypassed", False))

    def _pans(self) -> Curve:
        return self._curve(self.route.find("Pannable"), "pan-azimuth", "panner", 2.0, -1.0)

    def _output(self) -> tuple[str | None, tuple[Send, ...]]:
        """The channel it feeds, and more that it feeds as sends after the panner."""
        targets = dict(self.wires.targets(self.id))
        if self.id == self.master:
            return None, ()
        if self.id in self.wires.outside:
            self.notes.add(f"{self.whose}: it feeds the hardware directly; what does not pass the master is not played")
        outputs = outputs_of(self.route)
        for target, pairs in targets.items():
            mono = self.wires.inputs.get(target) == 1
            if outputs >= 2 and not mono and not {(1, 1), (2, 2)} <= pairs:
                name = self.wires.called(target)
                self.notes.add(f"{self.whose}: its wires to '{name}' are crossed or missing, and are played straight")
        first = self.master if self.master in targets else next(iter(targets), None)
        return first, tuple(Send(t, panned=True) for t in targets if t != first)

    def _devices(self, rows: list[Element]) -> tuple[Device, ...]:
        return read_devices([r for r in rows if is_plugin(r)], self.name, self.notes)

    def _moved(self, rows: list[Element]) -> bool:
        """Whether trim or polarity, in use, stand after an active plugin."""
        kinds = [("plugin" if is_plugin(r) and is_on(r, "active") else r.get("type", "")) for r in rows]
        if "plugin" not in kinds:
            return False
        late = kinds[kinds.index("plugin") :]
        return ("trim" in late and self._control("trim", "trimcontrol", 1.0) != 1.0) or (
            "polarity" in late and bool(self._phase())
        )

    def _other(self, row: Element) -> None:
        """Say what is not read of a processor."""
        kind, name = row.get("type", ""), row.get("name", "")
        if kind == "triggerbox":
            if any(t.get("region") or t.find("Region") is not None for t in row.iter("Trigger")):
                self.notes.add(f"{self.whose}: its clips that are launched by cues are not played")
        elif kind in ("send", "port", "insert"):
            if is_on(row, "active"):
                self.notes.add(f"{self.whose}: '{name}' goes out to the hardware or another program, and is not played")
        elif kind not in KNOWN and not is_plugin(row):
            self.notes.add(f"{self.whose}: '{name}' is a '{kind}', which is not known here")
        if kind == "trim" and automation(row, "trim") is not None:
            self.notes.add(f"{self.whose}: automation of its trim is not played")
