"""Plugins on Ardour's channels as devices. The equaliser that comes with Ardour, a-eq, is played here.

What its settings mean (measured on exports of Ardour 7.3; libs/plugins/a-eq.lv2): bells are those of the Audio EQ
Cookbook with q = sqrt(2^b) / (2^b - 1) for a bandwidth of b octaves. Its shelves have a q of 0.7071 and lie where the
cookbook's do only at no gain: for one of G dB at f, tan(pi f / rate) is that of the low one set by 10^(G/80) higher, of
the high one by as much lower.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from lxml import etree

from plugin_bridge.sessions.ardour import filter as ardour_filter
from plugin_bridge.sessions.ardour.xml import Element, Notes, is_on, kids, to_number
from plugin_bridge.sessions.model import Band, Device, DeviceKind

#: Types of processors that are plugins.
KINDS: Final[dict[str, DeviceKind]] = {
    "lv2": "lv2", "vst3": "vst3", "lxvst": "vst2", "windows-vst": "vst2", "mac-vst": "vst2", "ladspa": "ladspa",
    "audiounit": "au", "luaproc": "other",
}  # fmt: skip
A_EQ: Final = "urn:ardour:a-eq"
#: Bands of a-eq by the names of their ports, in the order they are in the signal path.
BELLS: Final = ("1", "2", "3", "4")
SLOTS: Final = ("l", *BELLS, "h")
SHELF_Q: Final = 0.7071
#: What we insert is called so, in the first processor and in those that carry on.
OURS: Final = "MixDiagnose EQ"


def is_plugin(processor: Element) -> bool:
    """Whether a processor is a plugin."""
    return processor.get("type") in KINDS


def read_devices(processors: list[Element], track: str, notes: Notes) -> tuple[Device, ...]:
    """Plugins in the order of the signal; the processors of one equaliser of ours are one device."""
    made: list[Device] = []
    for row in grouped(processors):
        devices = [_device(p, track, notes) for p in row]
        made.append(_joined(devices) if row[0].get("name") == OURS else devices[0])
    return tuple(made)


def grouped(processors: list[Element]) -> list[list[Element]]:
    """Plugins by device: those that carry on an equaliser of ours are with its first."""
    made: list[list[Element]] = []
    for processor in processors:
        name = processor.get("name", "")
        if made and made[-1][0].get("name") == OURS and name.startswith(f"{OURS} ("):
            made[-1].append(processor)
        else:
            made.append([processor])
    return made


def _joined(devices: list[Device]) -> Device:
    """Parts of an equaliser of ours as one, as it was before it was written."""
    first = devices[0]
    bands = [replace(b, enabled=b.enabled and d.enabled is first.enabled) for d in devices for b in d.bands]
    gain = round_off(sum(d.parameters.get("output_gain_db", 0.0) for d in devices))
    parameters = {"output_gain_db": gain} if gain else {}
    return Device(OURS, "equalizer", first.enabled, parameters=parameters, bands=tuple(bands))


def _device(processor: Element, track: str, notes: Notes) -> Device:
    name, kind = processor.get("name", ""), KINDS[processor.get("type", "")]
    whose = f"Track '{track}': plugin '{name}'"
    values = ports(processor)
    if any((a.findtext("events") or "").strip() for a in kids(processor.find("Automation"), "AutomationList")):
        notes.add(f"{whose}: the automation of its parameters is not played")
    enabled, plugin_id = is_on(processor, "active"), processor.get("unique-id", "")
    state = etree.tostring(processor, encoding="utf-8", with_tail=False)
    if plugin_id == A_EQ:
        enabled = enabled and values.get("enable", 1.0) > 0.5
        gain = round_off(values.get("master", 0.0))
        parameters = {"output_gain_db": gain} if gain else {}
        return Device(
            name, "equalizer", enabled, "Ardour", plugin_id, parameters, bands_of(values, notes.rate_hz), state
        )
    if plugin_id == ardour_filter.identity():
        return Device(name, "equalizer", enabled, "MixDiagnose", plugin_id, {}, _filter(values), state)
    if kind == "vst3":
        state = _vst3_state(processor) or state
    return Device(name, kind, enabled, "", plugin_id, _parameters(processor), state=state)


def _filter(values: Mapping[str, float]) -> tuple[Band, ...]:
    """The band of our filter."""
    kind = round(min(max(values.get("0", 0.0), 0.0), len(ardour_filter.KINDS) - 1.0))
    hz, q, gain_db = (values.get(str(k + 1), default) for k, default in enumerate((1000.0, SHELF_Q, 0.0)))
    if not (0.0 < hz < 1e6 and 0.0 < q < 1e3 and abs(gain_db) < 100.0):
        return ()
    return (Band(ardour_filter.KINDS[kind], round_off(hz), round_off(gain_db), round_off(q)),)


def ports(processor: Element) -> dict[str, float]:
    """Values of a plugin's control ports by symbol, or by number where it has no symbols."""
    found = {}
    for port in kids(processor.find(processor.get("type", "lv2")), "Port"):
        value = to_number(port.get("value", ""))
        if value is not None:
            found[port.get("symbol") or port.get("id") or port.get("number") or ""] = value
    return found


def _parameters(processor: Element) -> Mapping[str, float]:
    """Parameters of any plugin by the names it gives them."""
    found = {}
    for control in kids(processor, "Controllable"):
        value = to_number(control.get("value", ""))
        if value is not None and control.get("parameter") is not None:
            found[control.get("name", "")] = value
    return found


def _vst3_state(processor: Element) -> bytes:
    """The state of a VST3 plugin as the .vstpreset that Ardour keeps; empty where it is damaged."""
    try:
        data = base64.b64decode(processor.findtext("vst3/chunk") or "", validate=False)
    except (binascii.Error, ValueError):
        return b""
    return data if data[:4] == b"VST3" else b""


def bands_of(values: Mapping[str, float], rate_hz: int) -> tuple[Band, ...]:
    """Bands of an a-eq in the order of the signal; those that are off and flat are left out."""
    made = []
    for slot in SLOTS:
        gain_db, hz = values.get(f"g{slot}", 0.0), values.get(f"freq{slot}", 1000.0)
        on = values.get(f"filtog{slot}", 1.0) > 0.5
        if (not on and gain_db == 0.0) or not 0.0 < hz < 1e6 or abs(gain_db) > 100.0:
            continue
        if slot in BELLS:
            width = min(max(values.get(f"bw{slot}", 1.0), 0.01), 20.0)
            made.append(Band("bell", round_off(hz), round_off(gain_db), round_off(q_of(width)), on))
            continue
        kind = "low-shelf" if slot == "l" else "high-shelf"
        made.append(Band(kind, round_off(shelf_lies_at(kind, hz, gain_db, rate_hz)), round_off(gain_db), SHELF_Q, on))
    return tuple(made)


def shelf_lies_at(kind: str, set_hz: float, gain_db: float, rate_hz: int) -> float:
    """Where a shelf of a-eq has half its gain that is set to a frequency."""
    by = 10.0 ** (gain_db / 80.0)
    return _warped(set_hz, by if kind == "low-shelf" else 1.0 / by, rate_hz)


def shelf_set_to(kind: str, lies_hz: float, gain_db: float, rate_hz: int) -> float:
    """What a shelf of a-eq is set to that shall have half its gain at a frequency."""
    by = 10.0 ** (gain_db / 80.0)
    return _warped(lies_hz, 1.0 / by if kind == "low-shelf" else by, rate_hz)


def _warped(hz: float, by: float, rate_hz: int) -> float:
    """A frequency moved by a factor, as the bilinear transform bends it."""
    half = min(hz / rate_hz, 0.499)
    return float(rate_hz / math.pi * math.atan(by * math.tan(math.pi * half)))


def q_of(octaves: float) -> float:
    """The q of a bell of that bandwidth."""
    return 0.5 / math.sinh(0.5 * octaves * math.log(2.0))


def octaves_of(q: float) -> float:
    """The bandwidth of a bell of that q, in octaves."""
    return 2.0 / math.log(2.0) * math.asinh(0.5 / q)


def round_off(value: float) -> float:
    """To the nine digits that survive the conversion to a-eq's settings and back."""
    return float(f"{value:.9g}")
