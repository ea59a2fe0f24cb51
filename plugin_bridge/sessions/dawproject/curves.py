"""Automation of a DAWproject as curves over the seconds of the song."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import replace

from plugin_bridge.sessions.dawproject.time import Scope
from plugin_bridge.sessions.dawproject.units import Scale
from plugin_bridge.sessions.dawproject.xml import Element, Notes, kids, number, place, time, truth, unit_of
from plugin_bridge.sessions.model import Curve, Point, Shape


def read_curve(points: Element, scope: Scope, value: Callable[[float], float], way: Shape, notes: Notes) -> Curve:
    """A Points element as a curve: `value` turns the file's numbers into ours, `way` is how its linear segments go.

    A segment that is linear in beats bends in seconds where the tempo changes: it gets a point there. Raises
    InputError.
    """
    scope = scope.into(unit_of(points, "timeUnit", scope.unit))
    found = list[tuple[float, float, bool]]()
    for p in kids(points):
        if p.tag == "Target":
            continue
        at = time(p, "time", notes)
        if p.tag == "BoolPoint":
            found.append((at or 0.0, float(truth(p, "value", False)), False))
        elif (read := number(p, "value", notes, endless=True)) is not None:
            found.append((at or 0.0, read, p.get("interpolation") == "linear"))
        else:
            notes.bad(f"{place(p)}: a point has no value")
    found.sort(key=lambda p: p[0])
    changes = [t.time_s for t in scope.tempos[1:]] if scope.unit == "beats" else []
    made = list[Point]()
    for k, (at, v, linear) in enumerate(found):
        here = Point(scope.seconds(at), value(v), way if linear else "hold")
        made.append(here)
        if linear and k + 1 < len(found):
            then, w, _ = found[k + 1]
            end_s = scope.seconds(then)
            for s in changes[bisect.bisect_right(changes, here.time_s) : bisect.bisect_left(changes, end_s)]:
                share = (scope.local(s) - at) / (then - at)
                made.append(replace(here, time_s=s, value=value(v + (w - v) * share)))
    return tuple(made)


def read_gains(points: Element, scope: Scope, scale: Scale, what: str, notes: Notes) -> Curve:
    """A Points element as a curve of gain factors. Raises InputError for what is no gain."""

    def gain(value: float) -> float:
        made = scale.gain(value) if value < 1e4 else -1.0
        if not 0.0 <= made < 1e4:
            notes.bad(f"{place(points)}: {what} goes to {value:g}, which is no gain")
        return made

    return read_curve(points, scope, gain, "fader-db" if scale.unit == "decibel" else "linear", notes)
