"""Sections: where the loudness of a song steps from one part to the next, and how loud each part is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dsp.meters.loudness import Loudness, integrated_lufs, lufs
from dsp.units import power_db_curve

#: Shortest section, and what one more section must explain: squared dB times seconds. 64 is a step of
#: 2 dB held for 32 s on both sides, or of 4 dB held for 8 s (our judgement).
SHORTEST_S, PRICE_DB2_S = 8.0, 64.0
#: The curve is cut into at most this many cells, and nothing is quieter than this below the loudest.
MOST_CELLS, FLOOR_DB = 480, -30.0


@dataclass(frozen=True)
class Section:
    """A part of the song of even loudness; `lufs` is its own integrated loudness, None in silence."""

    start_s: float
    end_s: float
    lufs: float | None


def sections(loudness: Loudness) -> tuple[Section, ...]:
    """The song cut where that explains most of its loudness curve (exact, by dynamic programming)."""
    power, hop_s = loudness.power, loudness.hop_s
    hops = max(1, round(1.0 / hop_s), math.ceil(len(power) / MOST_CELLS))
    cells = len(power) // hops
    if not cells:
        return ()
    level = lufs(1.0) + power_db_curve(power[: cells * hops].reshape(cells, hops).mean(axis=1))
    level = np.maximum(level, level.max() + FLOOR_DB) if np.isfinite(level.max()) else np.zeros(cells)
    cell_s = hops * hop_s
    shortest = math.ceil(SHORTEST_S / cell_s)
    sums, squares = (np.concatenate([[0.0], np.cumsum(v)]) for v in (level, level**2))
    best, cut = np.full(cells + 1, np.inf), np.zeros(cells + 1, dtype=np.int64)
    best[0] = 0.0
    for end in range(min(shortest, cells), cells + 1):
        starts = np.arange(0, max(1, end - shortest + 1))
        length = end - starts
        error = squares[end] - squares[starts] - (sums[end] - sums[starts]) ** 2 / length
        cost = best[starts] + error * cell_s + PRICE_DB2_S
        cut[end] = cost.argmin()
        best[end] = cost[cut[end]]
    edges, end = [len(power)], cells
    while end > 0:
        end = int(cut[end])
        edges.append(end * hops)
    edges.reverse()
    return tuple(Section(a * hop_s, b * hop_s, integrated_lufs(power[a:b])) for a, b in pairwise(edges))
