"""Curves of automation, fades and envelopes as gains per sample.

Ways from one point to the next, by the name of their `Shape`:

- linear, hold: as they say. fader-db: linear in dB.
- ardour-gain: Ardour's fader position, p = ((6 log2 g + 192) / 198)^8, goes linearly (libs/pbd/pbd/control_math.h).
- ardour-spline: through all points of a fade, see `ardour_spline.py`.
- reaper-slow: 3t^2 - 2t^3; reaper-fast-start: 1 - (1 - t)^3; reaper-fast-end: t^3; reaper-bezier: a cubic bent by its
  tension; reaper-fader: linear on the scale of its faders, p = (sqrt(1 + 2g) - 1)^(1/3). REAPER does not publish these:
  they are what authors of converters read off its renders.
- equal-power: sin(t pi / 2).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plugin_bridge.mixer.ardour_spline import spline
from plugin_bridge.sessions.model import Curve

Values = npt.NDArray[np.float64]
#: Silence in dB where a curve goes linearly in dB.
FLOOR_DB = -150.0


def evaluate(curve: Curve, times_s: Values) -> Values:
    """The curve at ascending times; shape (n,). It must have a point."""
    if curve[0].shape == "ardour-spline":
        return spline(curve, times_s)
    at = np.array([p.time_s for p in curve])
    value = np.array([p.value for p in curve])
    made = np.empty(len(times_s))
    edges = np.searchsorted(times_s, at, side="left")
    made[: edges[0]] = value[0]
    for k, point in enumerate(curve):
        first = edges[k]
        if k + 1 == len(curve):
            made[first:] = value[k]
            break
        last = edges[k + 1]
        if last > first:
            t = (times_s[first:last] - at[k]) / (at[k + 1] - at[k])
            made[first:last] = _between(point.shape, value[k], value[k + 1], t, point.tension)
    return made


def _between(shape: str, start: float, end: float, t: Values, tension: float) -> Values:
    if shape == "hold":
        return np.full(len(t), start)
    if shape == "ardour-gain":
        return ardour_gain(start, end, t)
    if shape == "fader-db":
        low = [20.0 * np.log10(max(g, 10.0 ** (FLOOR_DB / 20.0))) for g in (start, end)]
        return np.asarray(10.0 ** ((low[0] + (low[1] - low[0]) * t) / 20.0))
    if shape == "reaper-fader":
        low = [np.cbrt(np.sqrt(1.0 + 2.0 * max(g, 0.0)) - 1.0) for g in (start, end)]
        return np.asarray(0.5 * ((low[0] + (low[1] - low[0]) * t) ** 3 + 1.0) ** 2 - 0.5)
    if shape == "reaper-slow":
        t = t * t * (3.0 - 2.0 * t)
    elif shape == "reaper-fast-start":
        t = 1.0 - (1.0 - t) ** 3
    elif shape == "reaper-fast-end":
        t = t**3
    elif shape == "equal-power":
        t = np.sin(0.5 * np.pi * t)
    elif shape == "reaper-bezier" and tension:
        t = _bent(t, tension)
    return np.asarray(start + (end - start) * t)


def _bent(t: Values, tension: float) -> Values:
    """A cubic from (0, 0) to (1, 1): a slow start for tensions above 0, a fast one below; straight for 0."""
    b = 1.0 - min(1.0, abs(tension))
    x1, y1, x2, y2 = b / 4.0, 1.0 - 0.75 * b, 0.75 * b, 1.0 - b / 4.0
    if tension > 0.0:
        x1, y1, x2, y2 = 1.0 - x2, 1.0 - y2, 1.0 - x1, 1.0 - y1
    s = np.linspace(0.0, 1.0, 513)
    x, y = (3.0 * (1.0 - s) ** 2 * s * p + 3.0 * (1.0 - s) * s**2 * q + s**3 for p, q in ((x1, x2), (y1, y2)))
    return np.asarray(np.interp(t, x, y))


def ardour_gain(start: float, end: float, t: Values, upper: float = 2.0) -> Values:
    """Between two gains as Ardour's fader moves, from `start` at t = 0 to `end` at 1."""

    def position(gain: float) -> float:
        g = gain * 2.0 / upper
        return 0.0 if g <= 1e-10 else max(0.0, (6.0 * np.log2(g) + 192.0) / 198.0) ** 8

    p = position(start) + (position(end) - position(start)) * t
    gain = np.zeros(len(t))
    heard = p > 0.0
    gain[heard] = 2.0 ** ((p[heard] ** 0.125 * 198.0 - 192.0) / 6.0)
    return gain * upper / 2.0


def faded(curve: Curve, frames: npt.NDArray[np.int64], length: int, out: bool) -> Values:
    """Gains of a fade at ascending frames of the `length` it takes: 0 at the very edge of the clip, 1 at the other."""
    at = frames / max(1, length - 1)
    return evaluate(curve, (1.0 - at)[::-1])[::-1] if out else evaluate(curve, at)
