"""VCAs: faders that move those of several channels."""

from __future__ import annotations

from dataclasses import dataclass

from plugin_bridge.sessions.ardour.xml import Element, Notes, controllable, is_on, kids, plays


@dataclass(frozen=True)
class Vca:
    """A VCA: its gain now, whether it is muted, and the id of its fader."""

    name: str
    gain: float
    muted: bool
    fader_id: str


def read_vcas(session: Element, notes: Notes) -> dict[str, Vca]:
    """VCAs by number."""
    made = {}
    for element in kids(session.find("VCAManager"), "VCA"):
        name, fader, mute = element.get("name", ""), controllable(element, "gaincontrol"), controllable(element, "mute")
        whose = f"VCA '{name}'"
        if any(plays(a) for a in element.iter("AutomationList")):
            notes.add(f"{whose}: its automation is not played")
        if element.find("Slavable/Master") is not None:
            notes.add(f"{whose}: the VCA it follows itself is not read")
        solo = controllable(element, "solo")
        if solo is not None and is_on(solo, "self-solo", False):
            notes.add(f"{whose}: that it is soloed is not read")
        gain = max(0.0, notes.number(fader, "value", 1.0, f"{whose}: its fader"))
        muted = notes.number(mute, "value", 0.0, f"{whose}: its mute") > 0.5
        made[element.get("number", "")] = Vca(name, gain, muted, "" if fader is None else fader.get("id", ""))
    return made
