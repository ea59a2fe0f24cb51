"""The devices of a DAWproject channel: built-in ones as our parameters, plugins by their names and states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from plugin_bridge.sessions.dawproject.units import (
    LONGEST_ATTACK_S,
    LONGEST_RELEASE_S,
    decibels,
    hertz,
    ratio,
    seconds,
)
from plugin_bridge.sessions.dawproject.xml import Element, Notes, kid, kids, number, place, truth
from plugin_bridge.sessions.model import Band, Device, DeviceKind

KINDS: Final[dict[str, DeviceKind]] = {
    "Equalizer": "equalizer", "Compressor": "compressor", "Limiter": "limiter", "NoiseGate": "gate",
    "Vst3Plugin": "vst3", "Vst2Plugin": "vst2", "ClapPlugin": "clap", "AuPlugin": "au",
    "BuiltinDevice": "other", "Device": "other",
}  # fmt: skip
BANDS: Final = {
    "bell": "bell", "lowShelf": "low-shelf", "highShelf": "high-shelf", "notch": "notch",
    "highPass": "high-pass", "lowPass": "low-pass",
}  # fmt: skip
#: Elements of the built-in devices, our names for them; all in dB.
GAINS: Final = {
    "Threshold": "threshold_db", "InputGain": "input_gain_db", "OutputGain": "output_gain_db", "Range": "range_db",
}  # fmt: skip
TIMES: Final = {"Attack": ("attack_s", LONGEST_ATTACK_S), "Release": ("release_s", LONGEST_RELEASE_S)}
DEFAULT_Q: Final = 0.7071


def read_devices(
    channel: Element | None, track: str, state: Callable[[Element, str], bytes], notes: Notes
) -> tuple[Device, ...]:
    """The inserts of a channel, in order. `state` gives the bytes of a State element. Raises InputError."""
    return tuple(_device(d, track, state, notes) for d in kids(kid(channel, "Devices")))


def _device(element: Element, track: str, state: Callable[[Element, str], bytes], notes: Notes) -> Device:
    tag = str(element.tag)
    name = element.get("name") or element.get("deviceName") or tag
    where = f"Track '{track}': device '{name}'"
    kind, role = KINDS.get(tag, "other"), element.get("deviceRole", "")
    if tag not in KINDS:
        notes.add(f"{where}: a device of type {tag[:40]} is not known")
    if role == "instrument":
        kind = "instrument"
    elif role == "noteFX":
        kind = "other"
        notes.add(f"{where} changes notes; it is not played")
    bands, parameters = tuple[Band, ...](), dict[str, float]()
    if kind in ("equalizer", "compressor", "limiter", "gate"):
        parameters = _own(element, where, notes)
        bands = tuple(b for e in kids(element, "Band") if (b := _band(e, where, notes)))
        if further := sum(1 for _ in kids(kid(element, "Parameters"))):
            notes.add(f"{where}: {further} parameters of its own are not played")
    else:
        parameters = _plugin(element, notes)
    saved = kid(element, "State")
    return Device(
        name, kind, truth(kid(element, "Enabled"), "value", True), element.get("deviceVendor", ""),
        element.get("deviceID", ""), parameters, bands, b"" if saved is None else state(saved, where),
    )  # fmt: skip


def _own(element: Element, where: str, notes: Notes) -> dict[str, float]:
    """The parameters of a built-in device that the file gives."""
    found = dict[str, float | None]()
    for child in kids(element):
        tag = str(child.tag)
        what = f"{where}: {tag}"
        if tag in GAINS:
            found[GAINS[tag]] = decibels(child, what, notes)
        elif tag in TIMES:
            found[TIMES[tag][0]] = seconds(child, what, TIMES[tag][1], notes)
        elif tag == "Ratio":
            found["ratio"] = ratio(child, what, notes)
        elif tag == "AutoMakeup":
            found["auto_makeup"] = float(truth(child, "value", False))
        elif tag not in ("Band", "Parameters", "Enabled", "State"):
            notes.add(f"{what[:120]} is not known")
    if "range_db" in found and found["range_db"] is not None:
        found["range_db"] = -abs(found["range_db"])
    return {name: value for name, value in found.items() if value is not None}


def _plugin(element: Element, notes: Notes) -> dict[str, float]:
    """The parameters a plugin shows, by name (or by number where they have none), in their own units."""
    found = dict[str, float]()
    for child in kids(kid(element, "Parameters")):
        name = child.get("name") or f"parameter {child.get('parameterID', '?')}"
        if child.tag == "BoolParameter":
            found.setdefault(name, float(truth(child, "value", False)))
        elif (value := number(child, "value", notes, endless=True)) is not None and abs(value) < 1e300:
            found.setdefault(name, value)
    return found


def _band(element: Element, where: str, notes: Notes) -> Band | None:
    """A band, or None where it cannot be said in our terms."""
    written = element.get("type", "")
    what = f"{where}: {written or 'a'} band"
    frequency = kid(element, "Freq")
    hz = None if frequency is None else hertz(frequency, f"{what} frequency", notes)
    if written not in BANDS or hz is None:
        notes.add(f"{what[:120]} is not played")
        return None
    gain, width = kid(element, "Gain"), kid(element, "Q")
    gain_db = 0.0 if gain is None else decibels(gain, f"{what} gain", notes) or 0.0
    q = DEFAULT_Q if width is None else number(width, "value", notes)
    q = DEFAULT_Q if q is None else q
    if q <= 0.0:
        notes.bad(f"{place(element)}: {what} has a Q of {q:g}")
    kind, order = BANDS[written], number(element, "order", notes) or 2.0  # Bitwig writes 0 where it means none
    if written in ("highPass", "lowPass") and order != 2.0:
        kind = f"{kind}-24" if order >= 3.0 else kind
        if order != 4.0:
            notes.add(f"{what} of order {order:g} is played as one of order {4 if order >= 3.0 else 2}")
    return Band(kind, hz, gain_db, q, truth(kid(element, "Enabled"), "value", True))
