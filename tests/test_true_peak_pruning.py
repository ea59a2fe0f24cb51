"""What the true-peak meter skips could not have changed its answer: it equals interpolating everywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.meters import true_peak as module
from dsp.meters.true_peak import FINE, MID, TruePeak, TruePeakMeter
from tests.music_signals import Numbers, Wave, blocks, music, pink, wave

RATE = 8_000  # half a second is short here, so that there are many edges between blocks
BLOCK = RATE // 2
#: float32 in the meter, doubles here.
ROUNDING = 1e-6
MID_KERNEL: Numbers = MID[:, module.SPARE][np.flatnonzero(MID[:, module.SPARE])].astype(np.float64)
PARTS = FINE.shape[1] + 1
_SONG: Numbers = music(4.0, RATE)[0]


def interpolate(x: Numbers) -> Numbers:
    """Every point of the meter's grid, 16 to a sample: row s holds sample s and the 15 points after it."""
    taps = len(MID_KERNEL)
    padded = np.pad(x, taps)
    # the midpoint after sample s is the kernel over samples s - 19 ... s + 20
    mids = np.correlate(padded, MID_KERNEL, "valid")[taps // 2 + 1 :][: len(x)]
    doubled = np.stack([x, mids], axis=1).ravel()
    before, after = module.MIDDLE, FINE.shape[0] - module.MIDDLE - 1
    around = np.lib.stride_tricks.sliding_window_view(np.pad(doubled, (before, after)), FINE.shape[0])
    return np.concatenate([doubled[:, None], around @ FINE.astype(np.float64)], axis=1).reshape(len(x), 2 * PARTS)


def brute_force(x: Wave) -> tuple[float, Numbers]:
    """The peak of a channel and that of every half second, by the meter's definition and no short cut."""
    grid = np.abs(interpolate(x.astype(np.float64)))
    sample = np.arange(len(x))
    inside = (sample >= module.REACH) & (sample < len(x) - module.REACH)
    grid[~inside, 1:] = 0.0  # only the samples count near the ends
    # the half interval before the first point left out has no right end
    last = np.flatnonzero(inside)
    if len(last):
        grid[last[-1], PARTS + 1 :] = 0.0
    per_sample = grid.max(axis=1)
    count = -(-len(x) // BLOCK)
    samples = np.abs(x.astype(np.float64))
    curve = []
    for k in range(count):
        scanned = per_sample[max(0, k * BLOCK - module.ROW) : max(0, (k + 1) * BLOCK - module.ROW)]
        if k == count - 1:
            scanned = per_sample[max(0, k * BLOCK - module.ROW) :]
        curve.append(max(samples[k * BLOCK : (k + 1) * BLOCK].max(), scanned.max(initial=0.0)))
    return float(per_sample.max()), np.array(curve)


def measured(x: Wave, frames: int) -> TruePeak:
    meter = TruePeakMeter(RATE, len(x))
    for block in blocks(x, frames):
        meter.process(block)
    return meter.result()


def agree(x: Wave, frames: int = BLOCK) -> None:
    got = measured(x, frames)
    for channel in range(len(x)):
        peak, curve = brute_force(x[channel])
        found = float(got.blocks[:, channel].max())
        assert found == pytest.approx(peak, rel=ROUNDING)
        np.testing.assert_allclose(got.blocks[: len(curve) - 1, channel], curve[:-1], rtol=ROUNDING)
        dbtp = got.channel_dbtp[channel]
        assert dbtp == (None if peak == 0 else pytest.approx(20 * np.log10(peak), abs=1e-5))


def _song(rng: np.random.Generator, frames: int) -> Numbers:
    start = int(rng.integers(0, 2 * RATE))
    return _SONG[start : start + frames]


def _sparse(rng: np.random.Generator, frames: int) -> Numbers:
    out = np.zeros(frames)
    out[rng.integers(0, frames, 40)] = rng.uniform(-1, 1, 40)
    return out


def _ringing(rng: np.random.Generator, frames: int) -> Numbers:
    """Stretches of the samples that interpolate highest: signs alternate but for one pair."""
    out = 0.2 * rng.standard_normal(frames)
    for at in rng.integers(60, frames - 60, 6):
        k = np.arange(-20, 20)
        out[at - 20 : at + 20] = np.where((k % 2 == 0) ^ (k < 0), 0.7, -0.7) * rng.uniform(0.5, 1)
    return out


SIGNALS: dict[str, Callable[[np.random.Generator, int], Numbers]] = {
    "white": lambda rng, n: rng.standard_normal(n) * 0.3,
    "uniform": lambda rng, n: rng.uniform(-1, 1, n),
    "signs": lambda rng, n: rng.choice([-1.0, 1.0], n),
    "pink": lambda rng, n: pink(1, n, int(rng.integers(1000)))[0],
    "brown": lambda rng, n: pink(1, n, int(rng.integers(1000)), 2.0)[0],
    "music": _song,
    "clipped music": lambda rng, n: np.clip(3 * _song(rng, n), -0.7, 0.7),
    "clipped noise": lambda rng, n: np.clip(rng.standard_normal(n), -0.5, 0.5),
    "sparse": _sparse,
    "ringing": _ringing,
    "steps": lambda rng, n: np.repeat(rng.uniform(-1, 1, n // 37 + 1), 37)[:n],
    "levels": lambda rng, n: rng.standard_normal(n) * np.repeat(10 ** rng.uniform(-4, 0, n // 500 + 1), 500)[:n],
    "quiet on an offset": lambda rng, n: 0.5 + 1e-3 * rng.standard_normal(n),
}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(1000, 3 * BLOCK + 170))
@pytest.mark.parametrize("kind", SIGNALS)
def test_equals_interpolating_everywhere(kind: str, seed: int, frames: int) -> None:
    agree(wave(SIGNALS[kind](np.random.default_rng(seed), frames)))


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(1, 320))
def test_short_files(seed: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    agree(wave(np.stack([rng.choice([-1.0, 1.0], frames), rng.standard_normal(frames)])), frames)


@pytest.mark.parametrize("shape", ["burst", "ringing", "impulse"])
def test_peak_at_every_offset_around_the_edge_of_a_block(shape: str) -> None:
    quiet = 0.05 * np.random.default_rng(0).standard_normal(2 * BLOCK + 300)
    for offset in range(-75, 76):
        at, x = BLOCK + offset, quiet.copy()
        if shape == "burst":  # highest between samples
            t = np.arange(len(x)) - at - 0.4
            x += 0.9 * np.cos(2 * np.pi * 0.27 * t) * np.exp(-((t / 2.5) ** 2) / 2)
        elif shape == "ringing":
            x[at - 19 : at + 21] = np.sign(MID_KERNEL) * 0.5
        else:
            x[at] = 1.0
        agree(wave(x))
        got = measured(wave(x), 1234)
        assert got.at_s is not None
        assert got.at_s * RATE == pytest.approx(at + {"burst": 0.4, "ringing": 0.5, "impulse": 0}[shape], abs=1.0)


def _kernels() -> Numbers:
    """The weights of 80 samples in each of the 16 points after sample 40, shape (16, 80)."""
    return np.array([interpolate(np.eye(80)[k])[40] for k in range(80)]).T


def test_norm_bounds_every_interpolation() -> None:
    """The largest gain is reached by the samples whose signs match a kernel's, so no signal exceeds it."""
    gains = np.abs(_kernels()).sum(axis=1)
    assert gains.max() == pytest.approx(module.NORM, rel=ROUNDING)
    assert np.abs(FINE).sum(axis=0).max() == pytest.approx(module.FINE_NORM, rel=ROUNDING)
    for kernel, gain in zip(_kernels(), gains, strict=True):
        assert interpolate(np.sign(kernel))[40].max() >= gain - 1e-9


def _bent(off: Numbers) -> Numbers:
    """The curve of second differences 1 and -1 on which these weights give most (summation by parts)."""
    return np.concatenate([[0.0, 0.0], np.sign(off.cumsum().cumsum())[:-2].cumsum().cumsum()])


def _test_signals(kernels: Numbers, left: Numbers) -> list[Numbers]:
    """Random ones, sign-matched ones, and ones whose second differences are sign-matched, of unit size."""
    rng = np.random.default_rng(3)
    width = kernels.shape[1]
    found = [rng.uniform(-1, 1, width) for _ in range(200)] + [rng.choice([-1.0, 1.0], width) for _ in range(200)]
    found += [np.convolve(rng.standard_normal(width + 30), np.hanning(31), "valid") for _ in range(200)]
    for kernel, chord in zip(kernels, left, strict=True):
        off = kernel - chord
        found += [np.sign(off), -np.sign(off)]
        curve = _bent(off)
        found += [curve, curve - np.polyval(np.polyfit(np.arange(width), curve, 1), np.arange(width))]
    return [x / np.abs(x).max() for x in found if np.abs(x).max() > 0]


@pytest.mark.parametrize("stage", ["both", "fine"])
def test_bend_bounds_the_distance_from_the_chord(stage: str) -> None:
    if stage == "both":
        kernels, position, left = _kernels()[1:], np.arange(1, 2 * PARTS) / (2 * PARTS), 40
        bend, slack = module.BEND, module.SLACK
    else:
        kernels, position, left = FINE.T.astype(np.float64), np.arange(1, PARTS) / PARTS, module.MIDDLE
        bend, slack = module.FINE_BEND, module.FINE_SLACK
    chords = np.zeros_like(kernels)
    chords[:, left], chords[:, left + 1] = 1 - position, position
    for x in _test_signals(kernels, chords):
        away = np.abs((kernels - chords) @ x).max()
        second = np.abs(np.diff(x, 2)).max()
        assert away <= bend * second + slack * np.abs(x).max() + 1e-9
    # the bound is no larger than it must be: a curve that bends by at most 1 lies nearly that far from its chord
    farthest = max(abs((kernel - chord) @ _bent(kernel - chord)) for kernel, chord in zip(kernels, chords, strict=True))
    assert 0.95 * bend < farthest < 1.05 * bend
    assert slack < 0.01  # the kernels nearly reproduce straight lines, so it stays small where nothing bends
