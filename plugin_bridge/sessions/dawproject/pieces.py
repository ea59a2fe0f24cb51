"""Pieces of audio on the timeline of a DAWproject: clips of the model in the making."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from plugin_bridge.sessions.dawproject.time import Scope
from plugin_bridge.sessions.dawproject.xml import Element
from plugin_bridge.sessions.model import Clip, Curve, Fade, Media, Point

#: Times closer than this (s) are the same: a twentieth of a sample at 48 kHz.
SAME_S: Final = 1e-6
#: Speeds outside of this are no music but a mistake.
SLOWEST, FASTEST = 0.01, 100.0


@dataclass(frozen=True)
class Window:
    """A stretch of the song, in seconds; `length` is its length exactly as the file has it, where it does."""

    start: float
    end: float
    length: float | None = None

    def cut(self, other: Window) -> Window:
        """What is in both; the other one itself where it is all inside."""
        if other.start >= self.start and other.end <= self.end:
            return other
        return Window(max(self.start, other.start), min(self.end, other.end))

    @property
    def span(self) -> float:
        """Its length (s)."""
        return self.end - self.start if self.length is None else self.length


@dataclass(frozen=True)
class Piece:
    """A clip of the model in the making, and the elements it came from: the outermost clip, and the audio."""

    name: str
    media: Media
    window: Window
    offset: float
    audio: Element
    top: Element | None
    rate: float = 1.0
    pitch_kept: bool = False
    muted: bool = False
    fade_in: Fade | None = None
    fade_out: Fade | None = None
    loop: tuple[float, float] | None = None
    gain: float = 1.0
    envelope: Curve = ()

    @property
    def plain(self) -> bool:
        """Whether nothing in it depends on the time."""
        return not (self.fade_in or self.fade_out or self.loop or self.envelope)

    def clip(self) -> Clip:
        """The clip of the model."""
        return Clip(
            self.name, (self.media,), self.window.start, self.window.span, self.offset, self.gain, self.fade_in,
            self.fade_out, self.muted, rate=self.rate, pitch_kept=self.pitch_kept, loop_s=self.loop,
            envelope=self.envelope,
        )  # fmt: skip


def stretches(scope: Scope, window: Window) -> tuple[list[tuple[Window, float, float]], bool]:
    """A window in stretches of one speed: each with the time of the content at its start, and the speed.

    The second value is whether inside a stretch the speed changes all the same, as in a ramp of the tempo.
    """
    inside = {s for s in (*scope.bends, *(t.time_s for t in scope.tempos)) if window.start < s < window.end}
    times = [window.start, *sorted(inside), window.end]
    places = [scope.local(s) for s in times]
    bent = any(
        abs(scope.local(0.5 * (a + b)) - 0.5 * (x + y)) > 1e-4
        for (a, b, x, y) in zip(times, times[1:], places, places[1:], strict=False)
    )
    found = list[tuple[Window, float, float]]()
    first = 0
    for k in range(1, len(times)):
        speed = (places[k] - places[first]) / (times[k] - times[first])
        if k + 1 < len(times):
            straight_on = places[k] + speed * (times[k + 1] - times[k])
            if abs(straight_on - places[k + 1]) < 0.1 * SAME_S:
                continue
        part = window if first == 0 and k + 1 == len(times) else Window(times[first], times[k])
        found.append((part, places[first], 1.0 if abs(speed - 1.0) < 1e-9 else speed))
        first = k
    return found, bent


def faded_in(piece: Piece, start: float, length: float, say: Callable[[str], None]) -> Piece:
    """A piece with a fade in that begins at a second of the song."""
    begins = piece.window.start
    if length <= 0.0 or begins >= start + length:
        return piece
    if abs(begins - start) < SAME_S and piece.fade_in is None:
        return replace(piece, fade_in=Fade(length))
    return enveloped(piece, (Point(start, 0.0), Point(start + length, 1.0)), say)


def faded_out(piece: Piece, end: float, length: float, say: Callable[[str], None]) -> Piece:
    """A piece with a fade out that ends at a second of the song."""
    ends = piece.window.end
    if length <= 0.0 or ends <= end - length:
        return piece
    if abs(ends - end) < SAME_S and piece.fade_out is None:
        return replace(piece, fade_out=Fade(length))
    return enveloped(piece, (Point(end - length, 1.0), Point(end, 0.0)), say)


def enveloped(piece: Piece, curve: Curve, say: Callable[[str], None]) -> Piece:
    """A piece with a curve of gain in seconds of the song; one point is a gain."""
    if len(curve) == 1:
        return replace(piece, gain=piece.gain * curve[0].value)
    if piece.envelope:
        say(f"clip '{piece.name}' has several curves of gain, one of them not played")
        return piece
    start = piece.window.start
    return replace(piece, envelope=tuple(replace(p, time_s=p.time_s - start) for p in curve))


def outside(speed: float) -> bool:
    """Whether audio cannot be played at a speed."""
    return not (math.isfinite(speed) and SLOWEST <= speed <= FASTEST)
