"""New elements of a DAWproject, as its schema has them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lxml import etree

from dsp.errors import UsageError
from plugin_bridge.sessions.dawproject.devices import BANDS, GAINS, KINDS, TIMES
from plugin_bridge.sessions.dawproject.xml import Element
from plugin_bridge.sessions.model import Band, Device

#: The top of the faders of programs that write the format (Bitwig Studio: +6 dB).
FADER_TOP: Final = 2.0
#: Elements of a channel and of a built-in device, in the order of the schema.
CHANNEL_ORDER: Final = ("Devices", "Mute", "Pan", "Sends", "Volume")
DEVICE_ORDER: Final = (
    "Parameters", "Enabled", "State", "Band", "Attack", "AutoMakeup", "InputGain", "OutputGain", "Range", "Ratio",
    "Release", "Threshold",
)  # fmt: skip
#: What of a played device has which of these parameters.
HELD: Final = {
    "equalizer": ("input_gain_db", "output_gain_db"),
    "compressor": (
        "attack_s", "auto_makeup", "input_gain_db", "output_gain_db", "ratio", "release_s", "threshold_db",
    ),
    "limiter": ("attack_s", "input_gain_db", "output_gain_db", "release_s", "threshold_db"),
    "gate": ("attack_s", "range_db", "ratio", "release_s", "threshold_db"),
}  # fmt: skip
_TYPES: Final = {ours: theirs for theirs, ours in BANDS.items()}
_TAGS: Final = {kind: tag for tag, kind in reversed(KINDS.items())}


class Maker:
    """Makes elements with ids that are not taken yet."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        used = [int(m[1]) for i in taken if (m := re.fullmatch(r"id(\d{1,9})", i))]
        self._next = max(used, default=-1) + 1

    def new_id(self) -> str:
        """An id like those Bitwig Studio writes."""
        self._next += 1
        return f"id{self._next - 1}"

    def real(self, tag: str, value: float, unit: str, **bounds: float) -> Element:
        """A parameter that is a number."""
        limits = {k: spelled(v) for k, v in bounds.items()}
        return element(tag, **limits, unit=unit, value=spelled(value), id=self.new_id(), name=tag)

    def switch(self, tag: str, value: bool) -> Element:
        """A parameter that is on or off."""
        return element(tag, value=_word(value), id=self.new_id(), name=tag)

    def volume(self, gain: float) -> Element:
        """A fader."""
        return self.real("Volume", gain, "linear", max=max(FADER_TOP, gain), min=0.0)

    def device(self, device: Device, where: str, state_path: str = "") -> Element:
        """A device. Raises UsageError for one the format cannot hold."""
        role = "instrument" if device.kind == "instrument" else "audioFX"
        tag = "Device" if device.kind in ("instrument", "other") else _TAGS.get(device.kind, "")
        if not tag:
            raise UsageError(f"{where}: DAWproject holds no {device.kind} plugins ('{device.name}')")
        identity = {"deviceID": device.plugin_id, "deviceVendor": device.vendor}
        made = element(
            tag, **{k: v for k, v in identity.items() if v}, deviceName=device.name, deviceRole=role, loaded="true",
            id=self.new_id(), name=device.name,
        )  # fmt: skip
        if device.kind not in HELD:
            if device.parameters:
                parameters = etree.SubElement(made, "Parameters")
                for name, value in device.parameters.items():
                    row = self.real("RealParameter", value, "linear")
                    row.set("name", name)
                    parameters.append(row)
            made.append(self.switch("Enabled", device.enabled))
            if state_path:
                made.append(element("State", path=state_path))
            return made
        made.append(self.switch("Enabled", device.enabled))
        if state_path:
            made.append(element("State", path=state_path))
        for band in device.bands:
            made.append(self.band(band, where))
        made.extend(sorted(self._parameters(device, where), key=lambda e: DEVICE_ORDER.index(str(e.tag))))
        return made

    def band(self, band: Band, where: str) -> Element:
        """A band of an equaliser. Raises UsageError for a kind the format does not have."""
        steep = band.kind.endswith("-24")
        kind = _TYPES.get(band.kind.removesuffix("-24"), "")
        passes = kind in ("highPass", "lowPass")
        if not kind or (steep and not passes) or (passes and band.gain_db):
            raise UsageError(f"{where}: DAWproject holds no band of kind {band.kind} and {band.gain_db:g} dB")
        order = {"order": "4" if steep else "2"} if passes else {}
        made = element("Band", type=kind, **order)
        made.append(self.real("Freq", band.frequency_hz, "hertz"))
        if not passes:
            made.append(self.real("Gain", band.gain_db, "decibel"))
        made.append(self.real("Q", band.q, "linear"))
        made.append(self.switch("Enabled", band.enabled))
        return made

    def _parameters(self, device: Device, where: str) -> list[Element]:
        made = list[Element]()
        names = {ours: theirs for theirs, ours in GAINS.items()}
        times = {ours: theirs for theirs, (ours, _) in TIMES.items()}
        for name, value in device.parameters.items():
            if name not in HELD[device.kind]:
                raise UsageError(f"{where}: DAWproject holds no {name} of a {device.kind} ('{device.name}')")
            if name in names:
                made.append(self.real(names[name], value, "decibel"))
            elif name in times:
                made.append(self.real(times[name], value, "seconds"))
            elif name == "ratio":
                if value < 1.0:
                    raise UsageError(f"{where}: DAWproject holds no ratio of {value:g} ('{device.name}')")
                made.append(self.real("Ratio", 100.0 * (1.0 - 1.0 / value), "percent", max=100.0, min=0.0))
            else:
                made.append(self.switch("AutoMakeup", bool(value)))
        return made


def element(tag: str, **attributes: str) -> Element:
    """An element with attributes in this order."""
    made = etree.Element(tag)
    for name, value in attributes.items():
        made.set(name, value)
    return made


def spelled(value: float) -> str:
    """A number that reads back as itself; infinities as XML Schema spells them."""
    return repr(float(value)).replace("inf", "INF")


def _word(value: bool) -> str:
    return "true" if value else "false"
