"""The way from a channel to the input of the master: what the buses between do to level, side and polarity."""

from __future__ import annotations

from plugin_bridge.mixer.fader import Fader
from plugin_bridge.mixer.graph import Gain
from plugin_bridge.mixer.routing import Routing
from plugin_bridge.sessions.model import Session, Track


def own_gains(track: Track, fader: Fader, a: int, b: int) -> tuple[Gain, Gain]:
    """Trim, polarity, fader and panner of a channel as gains of left and right, for frames a to before b."""
    turn = [-1.0 if k < len(track.inverted) and track.inverted[k] else 1.0 for k in range(2)]
    left, right = fader.sides(a, b)
    gain = fader.gain(a, b) * track.trim
    return gain * left * turn[0], gain * right * turn[-1 if track.channels > 1 else 0]


class Way:
    """The buses between a channel and the master; `open` is whether its output leads there at all."""

    def __init__(self, session: Session, routing: Routing, track: Track, law: str | None) -> None:
        self.buses: list[tuple[Track, Fader]] = []
        at, seen = track, {track.id}
        while at.output in routing.heard and at.output != session.master.id and at.output not in seen:
            assert at.output is not None
            at = session.track(at.output)
            seen.add(at.id)
            self.buses.append((at, Fader(at, session, law)))
        self.open = at.output == session.master.id
        self.plain = all(f.unity and t.trim == 1.0 and not any(t.inverted) for t, f in self.buses)

    def gains(self, a: int, b: int) -> tuple[Gain, Gain]:
        """All their gains of left and right for frames a to before b; asked for piece after piece."""
        left: Gain = 1.0
        right: Gain = 1.0
        for track, fader in self.buses:
            own = own_gains(track, fader, a, b)
            left, right = left * own[0], right * own[1]
        return left, right
