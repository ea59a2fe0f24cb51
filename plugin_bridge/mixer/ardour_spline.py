"""Fades of Ardour that have more than two points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plugin_bridge.sessions.model import Curve

Values = npt.NDArray[np.float64]


def spline(curve: Curve, times: Values) -> Values:
    """A curve as Ardour plays fades: a constrained cubic spline through its points, linear through two.

    C. Kruger, "Constrained Cubic Spline Interpolation for Chemical Engineering Applications" (2003): the slope at a
    point is the harmonic mean of those beside it, 0 where they turn. Points at one time are one, the last.
    """
    x, y = (np.array(v) for v in zip(*{p.time_s: (p.time_s, p.value) for p in curve}.values(), strict=True))
    times = np.clip(times, x[0], x[-1])
    if len(x) < 3:
        return np.asarray(np.interp(times, x, y))
    width = np.diff(x)
    chord = np.diff(y) / width
    slope = np.zeros(len(x))
    same = chord[:-1] * chord[1:] > 0.0
    slope[1:-1][same] = 2.0 / (1.0 / chord[:-1][same] + 1.0 / chord[1:][same])
    slope[0] = 1.5 * chord[0] - 0.5 * slope[1]
    slope[-1] = 1.5 * chord[-1] - 0.5 * slope[-2]
    k = np.clip(np.searchsorted(x, times, side="right") - 1, 0, len(x) - 2)
    u, h = times - x[k], width[k]
    square = (3.0 * chord[k] - 2.0 * slope[k] - slope[k + 1]) / h
    cube = (slope[k] + slope[k + 1] - 2.0 * chord[k]) / h**2
    return np.asarray(y[k] + u * (slope[k] + u * (square + u * cube)))
