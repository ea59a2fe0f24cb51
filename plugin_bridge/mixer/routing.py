"""Who feeds whom: the order in which channels are played, and which of them reach the master at all."""

from __future__ import annotations

from dataclasses import dataclass, field

from plugin_bridge.sessions.model import Send, Session, Track


@dataclass(frozen=True)
class Routing:
    """Channels in the order they can be played, the master last.

    `heard` are the ids of those that reach the master, `sends` what each of them really sends, `cut` says, one line
    each, which connections were left out because they lead back to where they came from.
    """

    order: tuple[Track, ...]
    heard: frozenset[str]
    sends: dict[str, tuple[Send, ...]]
    fed_directly: frozenset[str]  #: ids of channels that a heard channel's output leads to
    fed_by_sends: frozenset[str]
    cut: tuple[str, ...] = ()


@dataclass
class _Graph:
    """The connections of a session, those that close a circle left out."""

    session: Session
    by_id: dict[str, Track]
    cut: list[str] = field(default_factory=list)
    order: list[Track] = field(default_factory=list)
    dropped: set[tuple[str, str]] = field(default_factory=set)

    def targets(self, track: Track) -> list[str]:
        """Ids of the channels it feeds."""
        found = [track.output] if track.output in self.by_id else []
        found += [s.target for s in track.sends if s.enabled and s.target in self.by_id]
        return [t for t in found if t is not None and (track.id, t) not in self.dropped]

    def sort(self) -> None:
        """Put every channel before those it feeds; iterative, as hostile sessions nest deeply."""
        state: dict[str, int] = {}
        finished: list[Track] = []
        for root in self.session.channels:
            stack = [(root, iter(self.targets(root)))] if root.id not in state else []
            state.setdefault(root.id, 1)
            while stack:
                track, rest = stack[-1]
                target = next(rest, None)
                if target is None:
                    state[track.id] = 2
                    finished.append(track)
                    stack.pop()
                elif state.get(target) == 1:
                    self.dropped.add((track.id, target))
                    names = self.session.names
                    self.cut.append(f"'{names[track.id]}' feeds back into '{names[target]}': that path is not played")
                elif target not in state:
                    state[target] = 1
                    stack.append((self.by_id[target], iter(self.targets(self.by_id[target]))))
        self.order = finished[::-1]


def route(session: Session) -> Routing:
    """The routing of a session, with mute and solo as they are set."""
    graph = _Graph(session, {t.id: t for t in session.channels})
    graph.sort()
    soloed = _soloed(session, graph)
    heard = {session.master.id}
    for track in reversed(graph.order):
        alive = track.active and (soloed is None or track.id in soloed)
        if track.id != session.master.id and alive and any(t in heard for t in _fed(track, graph)):
            heard.add(track.id)
    order = tuple(t for t in graph.order if t.id in heard and t.id != session.master.id)
    sends = {
        t.id: tuple(
            s for s in t.sends
            if s.enabled and s.target in heard and (t.id, s.target) not in graph.dropped and (s.pre or not t.muted)
        )
        for t in order
    }  # fmt: skip
    direct = frozenset(
        t.output for t in order if t.output in heard and not t.muted and (t.id, t.output) not in graph.dropped
    )
    by_sends = frozenset(s.target for row in sends.values() for s in row)
    return Routing(
        (*order, session.master), frozenset(heard), sends, frozenset(d for d in direct if d), by_sends,
        tuple(graph.cut),
    )  # fmt: skip


def _fed(track: Track, graph: _Graph) -> list[str]:
    """What a channel feeds with its mute as it is."""
    if not track.muted:
        return graph.targets(track)
    if track.mutes_pre_sends:
        return []
    sent = {s.target for s in track.sends if s.pre}
    return [t for t in graph.targets(track) if t in sent]


def _soloed(session: Session, graph: _Graph) -> set[str] | None:
    """Channels that solo leaves on: the soloed ones, what feeds them and what they feed; None without solo."""
    chosen = {t.id for t in session.tracks if t.soloed}
    if not chosen:
        return None
    up, down = set(chosen), set(chosen)
    for track in reversed(graph.order):  # targets come before what feeds them
        if any(t in up for t in graph.targets(track)):
            up.add(track.id)
    for track in graph.order:
        if track.id in down:
            down.update(graph.targets(track))
    return up | down
