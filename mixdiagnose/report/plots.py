"""Plots made of characters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

#: Eighths of a character cell, from nothing to full.
EIGHTHS = " ▁▂▃▄▅▆▇█"


def bars(values: Sequence[float | None], low: float, high: float) -> str:
    """One character per value, empty at `low` (and for None) and full at `high`.

    >>> bars([0.0, 4.0, 8.0, None], 0.0, 8.0)
    ' ▄█ '
    """
    span = max(high - low, 1e-9)
    steps = [0 if v is None else round(8 * (min(max(v, low), high) - low) / span) for v in values]
    return "".join(EIGHTHS[s] for s in steps)


def downsample(values: Sequence[float | None], width: int) -> list[float | None]:
    """At most `width` values: the highest of each stretch.

    >>> downsample([1.0, 3.0, 2.0, None], 2)
    [3.0, 2.0]
    """
    if len(values) <= width:
        return list(values)
    edges = [len(values) * k // width for k in range(width + 1)]
    stretches = [[v for v in values[a:b] if v is not None] for a, b in pairwise(edges)]
    return [max(s) if s else None for s in stretches]
