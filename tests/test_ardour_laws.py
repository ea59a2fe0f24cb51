"""How Ardour plays curves, against its own arithmetic done sample by sample."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from plugin_bridge.mixer.ardour_laws import BLOCK, LATE, automated_gain, automated_pan
from plugin_bridge.mixer.ardour_spline import spline
from plugin_bridge.mixer.curves import evaluate
from plugin_bridge.sessions.model import Curve, Point

RATE = 48_000
GAINS: Curve = tuple(Point(t / RATE, v, "ardour-gain") for t, v in ((0, 0.4), (3000, 1.0), (9000, 0.1), (15_000, 0.7)))
MUTES: Curve = tuple(Point(t / RATE, v, "hold") for t, v in ((0, 0.0), (5000, 1.0), (7000, 0.0)))


def low_pass(target: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    """Ardour's loop: what was reached goes out, then a step towards the target."""
    made, value = [], float(target[0])
    for aim in target:
        made.append(value)
        value += 156.825 / RATE * (aim - value)
    return made


def test_the_faders_automation_is_late_and_smooth() -> None:
    frames = 20_000
    at = np.arange(frames) - LATE
    plain = evaluate(GAINS, np.maximum(at, 0) / RATE)
    got = automated_gain(GAINS, (), RATE, 0, frames)
    assert np.abs(got - low_pass(plain)).max() < 2e-4  # blocks are stretched by one frame
    assert got[: LATE + 1] == pytest.approx(0.4)


def test_blocks_end_where_the_next_begins() -> None:
    """Without the low-pass, as panners have none: the last frame of a block gets what belongs to the one after it."""
    ramp = (Point(0.0, -1.0), Point(1.0, 1.0))
    got = (automated_pan(ramp, RATE, 0, RATE) + 1.0) / 2.0 * RATE
    block = LATE + 5 * BLOCK
    assert got[block : block + BLOCK] == pytest.approx(np.linspace(block, block + BLOCK, BLOCK))
    assert got[LATE + BLOCK - 1] == got[LATE + BLOCK]


def test_mute_switches_at_the_next_block() -> None:
    got = automated_gain((), MUTES, RATE, 0, 16_000)
    falls = LATE + 5 * BLOCK  # 5000 lies in the fifth block
    assert got[: falls + 1] == pytest.approx(1.0)
    rises = LATE + 7 * BLOCK
    assert got[falls : rises + 1] == pytest.approx((1.0 - 156.825 / RATE) ** np.arange(rises - falls + 1), rel=1e-4)
    assert got[-1] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("start", [0, 4000])
def test_any_partition_gives_the_same(start: int) -> None:
    pans = (Point(0.0, 0.0), Point(0.3, 1.0), Point(0.31, -1.0))
    whole = automated_gain(GAINS, MUTES, RATE, 0, 30_000, start), automated_pan(pans, RATE, 0, 30_000, start)
    edges = [0, 1, 777, 1024, 5000, 20_000, 30_000]
    parts = [
        (automated_gain(GAINS, MUTES, RATE, a, b, start), automated_pan(pans, RATE, a, b, start))
        for a, b in itertools.pairwise(edges)
    ]
    for k in (0, 1):
        assert np.concatenate([p[k] for p in parts]) == pytest.approx(whole[k], abs=1e-9)


def test_a_curve_before_and_after_its_points_stands() -> None:
    curve = (Point(0.5, 0.25), Point(0.6, 0.75))
    got = automated_pan(curve, RATE, 0, RATE)
    assert (got[: RATE // 2] == 0.25).all()
    assert (got[-RATE // 3 :] == 0.75).all()


def test_a_spline_goes_through_its_points_and_never_beyond() -> None:
    rnd = np.random.default_rng(3)
    for _ in range(20):
        x = np.sort(rnd.uniform(0.0, 1.0, 9))
        y = rnd.uniform(0.0, 1.0, 9)
        curve = tuple(Point(a, b) for a, b in zip(x, y, strict=True))
        assert spline(curve, x) == pytest.approx(y)
        for (a, va), (b, vb) in itertools.pairwise(zip(x, y, strict=True)):
            between = spline(curve, np.linspace(a, b, 50))
            assert between.min() >= min(va, vb) - 1e-9
            assert between.max() <= max(va, vb) + 1e-9


def test_splines_of_few_points() -> None:
    times = np.array([-1.0, 0.5, 2.0])
    assert spline((Point(0.0, 0.2), Point(1.0, 0.8)), times) == pytest.approx([0.2, 0.5, 0.8])
    assert spline((Point(0.0, 0.2),), times) == pytest.approx([0.2, 0.2, 0.2])
    doubled = (Point(0.0, 0.0), Point(0.5, 0.1), Point(0.5, 0.5), Point(1.0, 1.0))
    assert spline(doubled, times) == pytest.approx([0.0, 0.5, 1.0])
