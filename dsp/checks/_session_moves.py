"""One gain for all that feeds a bus, by the faders that do it exactly."""

from __future__ import annotations

from dsp.checks._session_path import feeders
from dsp.findings import Advice, Fix, GainMove
from dsp.session import ChannelFacts, SessionFacts

#: Buses behind each other that are followed; longer ways are nobody's session.
MOST_BUSES = 200


def turn_all(facts: SessionFacts, bus: ChannelFacts, gain_db: float) -> tuple[Fix, ...]:
    """One gain for all that feeds a bus, so that the balance stays.

    Moves of the faders of what feeds it, less those whose input is moved already because all of it comes from behind
    moved faders. Advice where that is not exact: a bus fed from both sides, a send straight into this bus, a circle, or
    nothing known to feed it.
    """
    ways = _Ways(facts, bus)
    moved = [c for c in feeders(facts, bus) if ways.gains_into(c.name, 0) == {0}]
    if not ways.exact:
        text = f"Turn everything that feeds '{bus.name}' {'down' if gain_db < 0 else 'up'} by {abs(gain_db):.1f} dB"
        return (Advice(f"{text}, sends included.", bus.name),)
    return tuple(GainMove(c.name, gain_db) for c in moved)


class _Ways:
    """How often the gain has been applied to what goes into a channel, over all ways into it: 0, 1, or both."""

    def __init__(self, facts: SessionFacts, bus: ChannelFacts) -> None:
        self._feeding = {c.name for c in feeders(facts, bus)}
        self._own = {c.name for c in facts.channels if c.clips}
        self._into = dict[str, list[tuple[str, bool]]]()  # by channel: who feeds it, and whether behind its fader
        self._known = dict[str, set[int]]()
        self._open = set[str]()
        for c in facts.channels:
            self._into.setdefault(c.output, []).append((c.name, True))
            for s in c.sends:
                if s.enabled:
                    self._into.setdefault(s.target, []).append((c.name, not s.pre))
        sent = any(s.target == bus.name and s.enabled for c in facts.channels for s in c.sends)
        self.exact = bool(self._feeding) and not sent and not bus.clips
        sides = [self.gains_into(name, 0) for name in sorted(self._feeding)]
        if any(side not in ({0}, {1}) for side in sides):
            self.exact = False

    def gains_into(self, name: str, depth: int) -> set[int]:
        """The numbers of times; in a circle, or beyond `MOST_BUSES`, nothing is exact."""
        if name in self._known:
            return self._known[name]
        if depth > MOST_BUSES or name in self._open:
            self.exact = False
            return {0}
        self._open.add(name)
        found = {0} if name in self._own else set[int]()
        for source, behind in self._into.get(name, ()):
            before = self.gains_into(source, depth + 1)
            found |= {1} if behind and source in self._feeding and before == {0} else before
        self._open.discard(name)
        self._known[name] = found or {0}
        return self._known[name]
