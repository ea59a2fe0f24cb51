"""Aux sends of Ardour's channels."""

from __future__ import annotations

from dataclasses import dataclass

from plugin_bridge.sessions.ardour.devices import is_plugin
from plugin_bridge.sessions.ardour.wires import Wires
from plugin_bridge.sessions.ardour.xml import Element, Notes, controllable, is_on, kids, plays
from plugin_bridge.sessions.model import Send


@dataclass(frozen=True)
class SendReader:
    """Reads the sends of one route with so many channels."""

    route: Element
    whose: str
    channels: int
    wires: Wires
    notes: Notes

    def read(self, rows: list[Element], pre: bool) -> list[Send]:
        """Sends among processors that all come before the fader (`pre`) or all after it."""
        made = []
        for k, row in enumerate(rows):
            if row.get("type") != "intsend" or row.get("role", "Aux") not in ("Aux", "Foldback"):
                continue
            if any(is_plugin(r) and is_on(r, "active") for r in rows[k:]):
                self.notes.add(f"{self.whose}: a send comes before some of its plugins, and is played after them")
            if send := self._send(row, pre):
                made.append(send)
        return made

    def _send(self, row: Element, pre: bool) -> Send | None:
        notes, target = self.notes, row.get("target", "")
        whose = f"{self.whose}: send to '{self.wires.called(target)}'"
        if target not in self.wires.names.values():
            notes.add(f"{whose} is not played, that channel is not part of the mix")
            return None
        enabled = is_on(row, "active")
        if any(plays(a) for a in kids(row.find("Automation"), "AutomationList")):
            notes.add(f"{whose}: its automation is not played")
        shell = row.find("PannerShell")
        linked = shell is not None and is_on(shell, "linked-to-route", False)
        owner = self.route.find("Pannable") if linked else row.find("Pannable")
        azimuth = None if owner is None else controllable(owner, "pan-azimuth")
        if shell is not None and is_on(shell, "bypassed", False):
            notes.add(f"{whose}: its panner is bypassed, and is played in the centre")
            azimuth = None
        pan = 2.0 * notes.number(azimuth, "value", 0.5, f"{whose}: its panner") - 1.0
        if self.wires.inputs.get(target) == 1:  # there is no panner on the way to a single input
            pan = -1.0 if self.channels == 1 else 0.0
        polarity = controllable(row, "polarity-invert")
        return Send(
            target,
            max(0.0, notes.number(controllable(row, "gaincontrol"), "value", 1.0, f"{whose}: its gain")),
            pan,
            pre,
            enabled,
            notes.number(polarity, "value", 0.0, f"{whose}: its polarity") > 0.5,
            panned=False,
        )
