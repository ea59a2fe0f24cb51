"""Time in a DAWproject: beats and seconds, in timelines within timelines.

A `Scope` is the time inside one timeline. It knows the second of the song for each of its own times and the other way
round, so that however deep clips and warps are nested, a place in a file has one second in the song.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from plugin_bridge.sessions.dawproject.xml import Element, Notes, TimeUnit, kid, kids, number, time, unit_of
from plugin_bridge.sessions.model import Tempo, seconds_of

Tempos: TypeAlias = tuple[Tempo, ...]


def beats_of(tempos: Tempos, time_s: float) -> float:
    """The position in quarter notes at a time (s); the inverse of `model.seconds_of`."""
    k = max(0, bisect.bisect_right([t.time_s for t in tempos], time_s) - 1)
    here, after = tempos[k], time_s - tempos[k].time_s
    if here.ramp and k + 1 < len(tempos) and after > 0.0:
        slope = (tempos[k + 1].bpm - here.bpm) / (tempos[k + 1].beat - here.beat)
        if slope != 0.0:
            return here.beat + here.bpm * math.expm1(slope * after / 60.0) / slope
    return here.beat + after * here.bpm / 60.0


@dataclass(frozen=True)
class Scope:
    """The time inside a timeline; see above.

    `warped` says that its times are not the song's, only moved, but stretched; `bends` are seconds of the song at
    which they change their speed beside where the tempo does.
    """

    tempos: Tempos
    unit: TimeUnit
    seconds: Callable[[float], float]
    local: Callable[[float], float]
    warped: bool = False
    bends: tuple[float, ...] = ()

    @staticmethod
    def of_song(tempos: Tempos, unit: TimeUnit) -> Scope:
        """The time of the song itself."""
        if unit == "seconds":
            return Scope(tempos, unit, lambda x: x, lambda s: s)
        return Scope(tempos, unit, lambda x: seconds_of(tempos, x), lambda s: beats_of(tempos, s))

    def into(self, unit: TimeUnit) -> Scope:
        """The same timeline, counted in another unit from the same start."""
        return self if unit == self.unit else self.clip(0.0, 0.0, unit)

    def clip(self, at: float, start: float, unit: TimeUnit) -> Scope:
        """The time inside a clip that starts here at `at`, with what is at `start` in its own unit."""
        if unit == self.unit:
            return replace(
                self, seconds=lambda x: self.seconds(at + (x - start)), local=lambda s: self.local(s) - at + start
            )
        base = self.seconds(at)
        if self.warped:  # a stretched time has no beats but by the tempo where it starts
            beat_s = 60.0 / self.bpm(base)
            per = beat_s if unit == "beats" else 1.0 / beat_s
            return replace(
                self, unit=unit, seconds=lambda x: self.seconds(at + (x - start) * per),
                local=lambda s: (self.local(s) - at) / per + start,
            )  # fmt: skip
        if unit == "seconds":
            return replace(self, unit=unit, seconds=lambda x: base + (x - start), local=lambda s: s - base + start)
        beat = beats_of(self.tempos, base)
        return replace(
            self, unit=unit, seconds=lambda x: seconds_of(self.tempos, beat + (x - start)),
            local=lambda s: beats_of(self.tempos, s) - beat + start,
        )  # fmt: skip

    def warp(self, points: Sequence[tuple[float, float]], unit: TimeUnit) -> Scope:
        """The time of content warped onto this timeline by points (time here, time of the content), both ascending.

        Before the first and after the last point it goes on as between the nearest two. One point alone moves the
        content and leaves its speed.
        """
        if len(points) == 1:
            return self.clip(points[0][0], points[0][1], unit)
        outer, inner = [p[0] for p in points], [p[1] for p in points]
        return Scope(
            self.tempos, unit,
            lambda x: self.seconds(_along(inner, outer, x)),
            lambda s: _along(outer, inner, self.local(s)),
            True, (*self.bends, *(self.seconds(t) for t in outer)),
        )  # fmt: skip

    def bpm(self, time_s: float) -> float:
        """The tempo at a second of the song; inside a ramp, that of its start."""
        k = max(0, bisect.bisect_right([t.time_s for t in self.tempos], time_s) - 1)
        return self.tempos[k].bpm


def _along(here: Sequence[float], there: Sequence[float], x: float) -> float:
    """Linearly from one ascending list to another, beyond its ends too."""
    k = min(max(bisect.bisect_right(here, x) - 1, 0), len(here) - 2)
    return there[k] + (x - here[k]) * ((there[k + 1] - there[k]) / (here[k + 1] - here[k]))


def read_tempos(root: Element, notes: Notes) -> Tempos:
    """Tempos and time signatures of the transport and their automation. Raises InputError."""
    transport, arrangement = kid(root, "Transport"), kid(root, "Arrangement")
    tempo, signature = kid(transport, "Tempo"), kid(transport, "TimeSignature")
    bpm = 120.0 if tempo is None else _bpm(tempo, notes)
    meter = (4, 4) if signature is None else _meter(signature, notes)
    points = _tempo_points(kid(arrangement, "TempoAutomation"), notes) or [(0.0, bpm, False)]
    if points[0][0] > 0.0:  # the first value holds before it
        points.insert(0, (0.0, points[0][1], False))
    meters = [(0.0, meter), *_meter_points(kid(arrangement, "TimeSignatureAutomation"), points, notes)]
    return _together(points, meters)


def _bpm(element: Element, notes: Notes) -> float:
    value = number(element, "value", notes)
    value = 120.0 if value is None else value
    if not 1.0 <= value <= 10_000.0:
        notes.bad(f"a tempo is {value:g} BPM")
    return value


def _meter(element: Element, notes: Notes) -> tuple[int, int]:
    over, under = number(element, "numerator", notes), number(element, "denominator", notes)
    if over is None or under is None or not (1 <= over <= 999 and 1 <= under <= 128):
        shown = "/".join("?" if n is None else f"{n:g}" for n in (over, under))
        notes.bad(f"a time signature is {shown}")
    return int(over), int(under)


def _tempo_points(points: Element | None, notes: Notes) -> list[tuple[float, float, bool]]:
    """Beat, BPM and whether it ramps to the next, in order."""
    if points is None:
        return []
    found = [
        (time(p, "time", notes) or 0.0, _bpm(p, notes), p.get("interpolation") == "linear")
        for p in kids(points, "RealPoint")
    ]
    found.sort(key=lambda p: p[0])
    found = [p for k, p in enumerate(found) if p[0] >= 0.0 or k + 1 == len(found) or found[k + 1][0] > 0.0]
    found = [(max(0.0, at), bpm, ramp) for at, bpm, ramp in found]
    if unit_of(points, "timeUnit", "beats") == "beats":
        return found
    beats, beat = list[tuple[float, float, bool]](), 0.0
    for k, (at, bpm, ramp) in enumerate(found):
        if k:
            before, slow, ramped = found[k - 1]
            beat += (at - before) * (0.5 * (slow + bpm) if ramped else slow) / 60.0
            if ramped and slow != bpm:
                notes.add("The tempo ramps linearly over seconds; it is played as linear over beats")
        else:
            beat = at * bpm / 60.0
        beats.append((beat, bpm, ramp))
    return beats


def _meter_points(
    points: Element | None, tempos: Sequence[tuple[float, float, bool]], notes: Notes
) -> list[tuple[float, tuple[int, int]]]:
    if points is None:
        return []
    found = [(time(p, "time", notes) or 0.0, _meter(p, notes)) for p in kids(points, "TimeSignaturePoint")]
    found.sort(key=lambda p: p[0])
    if unit_of(points, "timeUnit", "beats") == "seconds":
        plain = _together(tempos, [(0.0, (4, 4))])
        return [(beats_of(plain, at), meter) for at, meter in found]
    return found


def _together(points: Sequence[tuple[float, float, bool]], meters: Sequence[tuple[float, tuple[int, int]]]) -> Tempos:
    """Tempos at every beat at which the tempo or the time signature changes."""
    at_beats, meter_beats = [p[0] for p in points], [m[0] for m in meters]
    steps = [
        (beat, bpm, ramp and k + 1 < len(points) and points[k + 1][0] > beat)
        for k, (beat, bpm, ramp) in enumerate(points)
    ]
    for beat in {m for m in meter_beats if m > 0.0} - set(at_beats):
        k = max(0, bisect.bisect_right(at_beats, beat) - 1)
        start, bpm, ramp = steps[k]
        if ramp:
            bpm += (steps[k + 1][1] - bpm) * (beat - start) / (steps[k + 1][0] - start)
        steps.append((beat, bpm, ramp))
    steps.sort(key=lambda s: s[0])
    made = list[Tempo]()
    for beat, bpm, ramp in steps:
        over, under = meters[max(0, bisect.bisect_right(meter_beats, beat) - 1)][1]
        here = Tempo(0.0, beat, bpm, over, under, ramp)
        made.append(replace(here, time_s=_arrival(made[-1], here)) if made else replace(here, time_s=0.0))
    return tuple(made)


def _arrival(last: Tempo, here: Tempo) -> float:
    """The second at which a tempo begins, from the one before it."""
    beats = here.beat - last.beat
    slope = (here.bpm - last.bpm) / beats if last.ramp and beats else 0.0
    if slope == 0.0:
        return last.time_s + beats * 60.0 / last.bpm
    return last.time_s + 60.0 / slope * math.log1p(slope * beats / last.bpm)
