"""The clips of a DAWproject: timelines within timelines, laid out flat as pieces of audio.

A clip shows a window of its content, which may be audio, warped audio, or clips again. Every piece of audio that comes
through all windows and goes at one speed becomes one clip of the model. A loop becomes the model's own where all that
it repeats is one such piece, and is laid out again and again where it is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from plugin_bridge.sessions.dawproject.curves import read_gains
from plugin_bridge.sessions.dawproject.pieces import (
    SAME_S,
    Piece,
    Window,
    enveloped,
    faded_in,
    faded_out,
    outside,
    stretches,
)
from plugin_bridge.sessions.dawproject.time import Scope
from plugin_bridge.sessions.dawproject.units import Scale, scale_of_points
from plugin_bridge.sessions.dawproject.xml import DEEPEST, Element, Notes, kid, kids, place, time, truth, unit_of
from plugin_bridge.sessions.model import Media

#: Clips and turns of loops that are visited: references and loops in loops could multiply without end.
MOST_VISITS: Final = 100_000
#: Algorithms that change the pitch with the speed, by a word in their name (Bitwig Studio: "repitch", "raw").
REPITCHING: Final = ("repitch", "raw", "resampl", "varispeed", "tape")


@dataclass
class Layout:
    """Lays timelines out. `media` finds what a File element names; `ids` are the file's elements by their id."""

    notes: Notes
    ids: dict[str, Element]
    media: Callable[[Element], Media]
    track: str = ""
    visits: int = 0
    _top: Element | None = None
    _names: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Note something about the track."""
        self.notes.add(f"Track '{self.track}': {text}")

    def content(self, element: Element, scope: Scope, window: Window, depth: int = 0) -> list[Piece]:
        """All audio of a timeline within a window of the song. Raises InputError."""
        if depth > DEEPEST:
            self.notes.bad(f"{place(element)}: timelines are nested more than {DEEPEST} deep")
        tag = str(element.tag)
        if tag == "Audio":
            return self._audio(element, scope, window)
        scope = scope.into(unit_of(element, "timeUnit", scope.unit))
        if tag == "Clips":
            return [p for clip in kids(element, "Clip") for p in self._clip(clip, scope, window, depth + 1)]
        if tag == "Lanes":
            return self._lanes(element, scope, window, depth)
        if tag == "Warps":
            return self._warps(element, scope, window, depth)
        if tag == "Notes":
            self.say("its notes are MIDI, not rendered")
        elif tag == "Video":
            self.say("its video is not played")
        elif tag == "ClipSlot":
            if kid(element, "Clip") is not None:
                self.say("a launcher slot in the arrangement is not played")
        elif tag == "markers":
            self.notes.add("Markers are not read")
        elif tag == "Points":
            self.say("an automation in a clip is not played")
        else:
            self.say(f"a timeline of type {tag[:40]} is not known")
        return []

    def _clip(self, element: Element, scope: Scope, window: Window, depth: int) -> list[Piece]:
        self._count(element)
        inner = next(kids(element), None)
        if inner is None and (written := element.get("reference")):
            inner = self.ids.get(written)
            if inner is None:
                self.say(f"a clip refers to a timeline that is not there ({written[:40]})")
        at, start = (time(element, name, self.notes) or 0.0 for name in ("time", "playStart"))
        content = scope.clip(at, start, unit_of(element, "contentTimeUnit", scope.unit))
        own, crossfade = self._window(element, scope, content, at, start)
        shown = window.cut(own)
        if inner is None or shown.end - shown.start <= SAME_S:
            return []
        outermost, self._top = self._top, self._top if self._top is not None else element
        self._names.append(element.get("name") or "")
        low, high = (time(element, name, self.notes) for name in ("loopStart", "loopEnd"))
        if high is None or not max(low or 0.0, start) < high or content.seconds(high) >= shown.end - SAME_S:
            pieces = self.content(inner, content, shown, depth)
        else:
            pieces = self._looped(inner, scope, content, shown, (low or 0.0, high), depth=depth)
        self._names.pop()
        self._top = outermost
        if not truth(element, "enable", True):
            pieces = [replace(p, muted=True) for p in pieces]
        return self._faded(element, scope, pieces, own, crossfade)

    def _window(self, element: Element, scope: Scope, content: Scope, at: float, start: float) -> tuple[Window, float]:
        """What a clip covers of the song; and the length (s) of a crossfade that makes it begin earlier."""
        duration, stop = time(element, "duration", self.notes), time(element, "playStop", self.notes)
        begin, end, length = scope.seconds(at), math.inf, None
        if duration is not None:
            end = scope.seconds(at + duration)
            length = duration if scope.unit == "seconds" and not scope.warped else None
        if stop is not None and element.get("loopEnd") is None and content.seconds(stop) < end - SAME_S:
            end = content.seconds(stop)
            length = stop - start if content.unit == "seconds" and not content.warped else None
        fade = time(element, "fadeInTime", self.notes) or 0.0
        if fade >= 0.0:
            return Window(begin, end, length), 0.0
        early = scope.clip(at, 0.0, unit_of(element, "fadeTimeUnit", scope.unit)).seconds(fade)
        return Window(early, end), begin - early

    def _looped(
        self, inner: Element, scope: Scope, content: Scope, shown: Window, loop: tuple[float, float], *, depth: int
    ) -> list[Piece]:
        """A loop from and to times of the content, for as long as the clip is shown."""
        low, high = loop
        if shown.end == math.inf:
            self.notes.bad(f"{place(inner)}: a clip that loops has no duration")
        whole = Window(min(content.seconds(low), shown.start), content.seconds(high))
        pieces = self.content(inner, content, whole, depth)
        if len(pieces) == 1 and self._even(pieces[0], whole, inner, scope, shown.end):
            piece = pieces[0]
            ends = [piece.offset + (content.seconds(x) - whole.start) * piece.rate for x in (low, high)]
            begins = piece.offset + (shown.start - whole.start) * piece.rate
            return [replace(piece, window=shown, offset=begins, loop=(ends[0], ends[1]))]
        turn = shown.cut(Window(shown.start, content.seconds(high)))
        pieces = []
        while True:
            if turn.end - turn.start > SAME_S:
                pieces += self.content(inner, content, turn, depth)
            again = content.seconds(high)
            if again >= shown.end - SAME_S:
                return pieces
            self._count(inner)
            content = scope.clip(scope.local(again), low, content.unit)
            turn = shown.cut(Window(again, content.seconds(high)))

    def _even(self, piece: Piece, whole: Window, inner: Element, scope: Scope, end: float) -> bool:
        """Whether a piece fills all of a loop, at one speed through all its turns, and has that much audio."""
        filled = abs(piece.window.start - whole.start) < SAME_S and abs(piece.window.end - whole.end) < SAME_S
        beats = scope.unit == "beats" or any(
            "beats" in (e.get("timeUnit"), e.get("contentTimeUnit"))
            for e in (inner.getparent(), *inner.iter())
            if e is not None
        )
        changes = beats and any(whole.start < t.time_s < end for t in scope.tempos)
        audio_s = time(piece.audio, "duration", self.notes)
        counted = audio_s is not None and piece.audio.get("timeUnit") != "beats"
        enough = not counted or piece.offset + piece.window.span * piece.rate <= (audio_s or 0.0) + 1e-3
        return piece.plain and filled and not changes and enough

    def _lanes(self, element: Element, scope: Scope, window: Window, depth: int) -> list[Piece]:
        pieces = [
            p for child in kids(element) if child.tag != "Points" for p in self.content(child, scope, window, depth + 1)
        ]
        for points in kids(element, "Points"):
            target = kid(points, "Target")
            if target is None or target.get("expression") != "gain":
                what = "an automation" if target is None or target.get("parameter") else "an expression"
                self.say(f"{what} in a clip is not played")
                continue
            scale = scale_of_points(points, Scale("linear"), self.notes)
            curve = read_gains(points, scope, scale, f"Track '{self.track}': gain of a clip", self.notes)
            pieces = [enveloped(p, curve, self.say) for p in pieces] if curve else pieces
        return pieces

    def _warps(self, element: Element, scope: Scope, window: Window, depth: int) -> list[Piece]:
        points = [
            (time(w, "time", self.notes) or 0.0, time(w, "contentTime", self.notes) or 0.0)
            for w in kids(element, "Warp")
        ]
        inner = next((k for k in kids(element) if k.tag != "Warp"), None)
        if inner is None:
            return []
        if not points or any(b <= a or y <= x for (a, x), (b, y) in pairwise(points)):
            self.say(f"warped audio whose points do not ascend is not played ({place(element)})")
            return []
        unit = unit_of(element, "contentTimeUnit", scope.unit)
        return self.content(inner, scope.warp(points, unit), window, depth + 1)

    def _audio(self, element: Element, scope: Scope, window: Window) -> list[Piece]:
        """A file, which goes at its own speed in seconds."""
        if window.end == math.inf:
            length = time(element, "duration", self.notes) or 0.0
            end = scope.into(unit_of(element, "timeUnit", scope.unit)).seconds(length)
            window = Window(window.start, end)
        file = kid(element, "File")
        if file is None or window.end - window.start <= SAME_S:
            return []
        media = self.media(file)
        stem = media.name.replace("\\", "/").rpartition("/")[2].rpartition(".")
        name = next((n for n in reversed(self._names) if n), stem[0] or stem[2])
        algorithm = (element.get("algorithm") or "").lower()
        self._count(element, len(scope.bends) // 100)
        parts, bent = stretches(scope.into("seconds"), window)
        if bent:
            self.say(f"clip '{name}' follows a ramp of the tempo; it is played at its mean speed")
        if any(outside(speed) for _, _, speed in parts):
            self.say(f"clip '{name}' is warped to a speed that is not played")
        kept = bool(algorithm) or scope.warped
        kept = kept and not any(word in algorithm for word in REPITCHING)
        return [
            Piece(name, media, part, offset, element, self._top, speed, kept)
            for part, offset, speed in parts
            if not outside(speed)
        ]

    def _faded(self, element: Element, scope: Scope, pieces: list[Piece], own: Window, crossfade: float) -> list[Piece]:
        """Pieces with the fades of the clip they are in."""
        fade_in, fade_out = (time(element, n, self.notes) or 0.0 for n in ("fadeInTime", "fadeOutTime"))
        unit = unit_of(element, "fadeTimeUnit", scope.unit)
        exact = unit == "seconds" and not scope.warped
        if fade_out < 0.0:
            self.say("a fade out of negative length is not played")
        end = own.end if own.end < math.inf else max((p.window.end for p in pieces), default=0.0)
        rise, fall = crossfade, 0.0
        if fade_in > 0.0:
            rise = fade_in if exact else scope.clip(scope.local(own.start), 0.0, unit).seconds(fade_in) - own.start
        if fade_out > 0.0:
            fall = fade_out if exact else end - scope.clip(scope.local(end), 0.0, unit).seconds(-fade_out)
        pieces = [faded_in(p, own.start, rise, self.say) for p in pieces]
        return [faded_out(p, end, fall, self.say) for p in pieces]

    def _count(self, element: Element, visits: int = 1) -> None:
        self.visits += visits
        if self.visits > MOST_VISITS:
            self.notes.bad(f"{place(element)}: it holds more than {MOST_VISITS} clips and turns of loops")
