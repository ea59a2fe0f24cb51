"""Envelopes and fades of REAPER as curves.

REAPER does not publish its curves. The fades are those that authors of converters read off renders of a tone. With x
from 0 to 1, shapes 0, 3 and 4 are x; 1, the usual one, 1 - (1 - x)^2; 2 is x, but bends by squares; 5 is 3x^2 - 2x^3;
6 is 8x^4 below the middle and mirrored above. Their curvature c blends them linearly into a slow start (c > 0: x^4;
shape 2: x^2) or a fast one (c < 0: 1 - (1 - x)^4; shape 1: sqrt(1 - (1 - x)^8); shape 2: 1 - (1 - x)^2). By the same
renders the two S shapes (5 and 6) blend in another way; bent, they are only near.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final

from plugin_bridge.sessions.model import Curve, Fade, Point, Shape, Tempo
from plugin_bridge.sessions.reaper.text import Block, Part, within

#: Ways from a point of an envelope to the next, by REAPER's number.
SHAPES: Final[tuple[Shape, ...]] = (
    "linear", "hold", "reaper-slow", "reaper-fast-start", "reaper-fast-end", "reaper-bezier",
)  # fmt: skip
#: Of a volume envelope that is drawn on the scale of the fader (VOLTYPE 1).
ON_FADER: Final[Shape] = "reaper-fader"
#: Points of a fade that is no straight line.
FADE_POINTS: Final = 33
#: Times beyond this (s) are no music: four months.
LATEST_S: Final = 1e7


def points(block: Block, low: float, high: float) -> tuple[tuple[int, Point], ...]:
    """The points of an envelope, each with its line, ascending in time."""
    document, found = block.document, list[tuple[int, Point]]()
    on_fader = block.whole("VOLTYPE", 0, 0) == 1
    for k in block.all("PT"):
        time_s = document.number(k, 0, 0.0, -LATEST_S, LATEST_S)
        value = document.number(k, 1, 0.0, low, high)
        kind = int(document.number(k, 2, 0.0, 0.0, 1e9))
        shape = SHAPES[kind] if kind < len(SHAPES) else "linear"
        tension = within(document.number(k, 6, 0.0)) if shape == "reaper-bezier" else 0.0
        found.append((k, Point(time_s, value, ON_FADER if on_fader and shape == "linear" else shape, tension)))
    return tuple(sorted(found, key=lambda p: p[1].time_s))


def active(block: Block) -> bool:
    """Whether an envelope is switched on and has points."""
    return block.whole("ACT", 0, 1) != 0 and block.at("PT") is not None


def bent_on_fader(block: Block) -> bool:
    """Whether it has curved pieces on the scale of the fader, which are played on a linear one."""
    document = block.document
    return block.whole("VOLTYPE", 0, 0) == 1 and any(
        words[2:3] not in ([], ["0"], ["1"]) for words in (document.words(k)[1:] for k in block.all("PT"))
    )


def fade(item: Part, key: str) -> Fade | None:
    """FADEIN or FADEOUT of an item; the length of an automatic crossfade stands for the one it hides."""
    length = item.number(key, 2, 0.0, -LATEST_S, LATEST_S)
    length = length if length > 0.0 else item.number(key, 1, 0.0, -LATEST_S, LATEST_S)
    if length <= 0.0:
        return None
    shape, bend = item.whole(key, 0, 0), item.side(key, 5)
    if shape == 5 and bend == 0.0:
        return Fade(length, (Point(0.0, 0.0, "reaper-slow"), Point(1.0, 1.0)))
    if shape not in (1, 5, 6) and bend == 0.0:
        return Fade(length)
    return Fade(length, _dense(shape, bend))


@lru_cache(1024)
def _dense(shape: int, bend: float) -> Curve:
    """A fade as many straight lines."""
    steps = [k / (FADE_POINTS - 1) for k in range(FADE_POINTS)]
    return tuple(Point(x, fade_gain(shape, bend, x)) for x in steps)


def fade_is_near(item: Part, key: str) -> bool:
    """Whether the curve of a fade is only near REAPER's: a bent S, or a shape of a number not known here."""
    shape = item.whole(key, 0, 0)
    return (shape > 6 or (shape in (5, 6) and item.side(key, 5) != 0.0)) and fade(item, key) is not None


def fade_gain(shape: int, bend: float, x: float) -> float:
    """Gain of a fade in at x of its length (0 to 1), with `bend` from -1 to 1."""
    plain = x
    if shape == 1:
        plain = 1.0 - (1.0 - x) ** 2
    elif shape == 5:
        plain = x * x * (3.0 - 2.0 * x)
    elif shape == 6:
        plain = 8.0 * x**4 if x <= 0.5 else 1.0 - 8.0 * (1.0 - x) ** 4
    power = 2 if shape == 2 else 4
    if bend > 0.0:
        target = x**power
    elif shape == 1:
        target = math.sqrt(1.0 - (1.0 - x) ** 8)
    else:
        target = 1.0 - (1.0 - x) ** power
    return plain + abs(bend) * (target - plain)


def curve(found: tuple[tuple[int, Point], ...]) -> Curve:
    """The points without their lines."""
    return tuple(p for _, p in found)


def tempos(project: Block) -> tuple[Tempo, ...]:
    """The tempo map. Its points count whether or not the envelope is shown as active.

    A point is seconds, quarter notes per minute, 0 where it ramps to the next (linearly in time), and where the time
    signature changes, that as numerator + 65536 denominator.
    """
    upper, lower = project.whole("TEMPO", 1, 4), project.whole("TEMPO", 2, 4)
    made = [_tempo(0.0, 0.0, project.number("TEMPO", 0, 120.0, 1e-3, 1e5), upper, lower)]
    block = project.block("TEMPOENVEX")
    for time_s, bpm, ramp, code in sorted(_tempo_points(block) if block else ()):
        here = made[-1]
        if code:
            upper, lower = code % 65536, code // 65536
        mean = 0.5 * (here.bpm + bpm) if here.ramp else here.bpm
        new = replace(_tempo(time_s, here.beat + (time_s - here.time_s) * mean / 60.0, bpm, upper, lower), ramp=ramp)
        made[-1 if time_s == here.time_s else len(made) :] = [new]
    return tuple(made)


def _tempo_points(block: Block) -> Iterator[tuple[float, float, bool, int]]:
    document = block.document
    for k in block.all("PT"):
        time_s = document.number(k, 0, 0.0, -LATEST_S, LATEST_S)
        bpm = document.number(k, 1, 120.0, 1e-3, 1e5)
        shape, code = (int(document.number(k, j, n, 0.0, 2.0**40)) for j, n in ((2, 1.0), (3, 0.0)))
        yield max(0.0, time_s), bpm, shape == 0, code


def _tempo(time_s: float, beat: float, bpm: float, upper: int, lower: int) -> Tempo:
    upper, lower = (upper, lower) if 0 < upper <= 255 and 0 < lower <= 255 else (4, 4)
    return Tempo(time_s, beat, bpm, upper, lower)
