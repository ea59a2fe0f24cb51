"""What is connected to what in an Ardour session."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from plugin_bridge.sessions.ardour.xml import Element, kids


@dataclass
class Wires:
    """Who feeds whom, by ports: pairs of (channel of the source, channel of the target)."""

    names: dict[str, str]  #: ids by the names of routes
    joined: dict[str, dict[str, set[tuple[int, int]]]] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)  #: audio inputs of every route
    outside: set[str] = field(default_factory=set)  #: ids of routes that feed the hardware

    def targets(self, route: str) -> dict[str, set[tuple[int, int]]]:
        """Ids of the routes it feeds, with the ports."""
        return self.joined.get(route, {})

    def called(self, route: str) -> str:
        """The name of a route."""
        return next((n for n, i in self.names.items() if i == route), "?")


def read_wires(routes: list[Element]) -> Wires:
    """All connections, whichever of both ends they are noted at."""
    wires = Wires({r.get("name", ""): r.get("id", "") for r in routes})
    wires.inputs = {r.get("id", ""): inputs_of(r) for r in routes}
    for route in routes:
        for io in kids(route, "IO"):
            out = io.get("direction") == "Output"
            for port in kids(io, "Port"):
                own = _port(port.get("name", ""), wires)
                for other in (_port(c.get("other", ""), wires) for c in kids(port, "Connection")):
                    if own is None:
                        continue
                    if other is None:
                        if out and port.get("type", "audio") == "audio":
                            wires.outside.add(route.get("id", ""))
                        continue
                    (a, m), (b, n) = (own, other) if out else (other, own)
                    if a != b:
                        wires.joined.setdefault(a, {}).setdefault(b, set()).add((m, n))
    return wires


def _port(name: str, wires: Wires) -> tuple[str, int] | None:
    """Id of the route and channel (from 1) of an audio port; names of routes may contain slashes."""
    found = re.fullmatch(r"(.*)/audio_(?:in|out) (\d{1,4})", name, re.DOTALL)
    if found is None:
        return None
    route = wires.names.get(found[1]) or wires.names.get(found[1].partition(":")[2])
    return (route, int(found[2])) if route else None


def inputs_of(route: Element) -> int:
    """Audio inputs of a route."""
    io = next((i for i in kids(route, "IO") if i.get("direction") == "Input"), None)
    return sum(p.get("type", "audio") == "audio" for p in kids(io, "Port"))


def outputs_of(route: Element) -> int:
    """Audio outputs of a route."""
    io = next((i for i in kids(route, "IO") if i.get("direction") == "Output"), None)
    return sum(p.get("type", "audio") == "audio" for p in kids(io, "Port"))
