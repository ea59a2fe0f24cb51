"""The way from a channel to the input of the master: what the buses between do to level, side and polarity."""

from __future__ import annotations

from dsp.units import Samples
from plugin_bridge.mixer.fader import Fader
from plugin_bridge.mixer.graph import Gain, Strip
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
        self.plain = all(_plain(t, f) for t, f in self.buses)

    def through(self, block: Samples, a: int, strip: Strip) -> Samples:
        """A piece from frame `a` on as it reaches the master; asked for piece after piece."""
        for track, fader in self.buses:
            if track.channels == 1:
                block = block.sum(axis=0, keepdims=True)
            block = strip.process(block, *own_gains(track, fader, a, a + block.shape[1]))
        return block


def _plain(track: Track, fader: Fader) -> bool:
    """Whether a bus changes nothing."""
    return fader.unity and track.trim == 1.0 and track.channels > 1 and not any(track.inverted)
