"""The true-peak meter against closed forms, and its pruning against interpolating everything."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from dsp.meters import true_peak as tp
from dsp.meters.true_peak import TruePeakMeter
from dsp.units import Curve, Samples

RATE = 48_000


def reading(samples: Samples, rate: int = RATE) -> tp.TruePeak:
    meter = TruePeakMeter(rate, len(samples))
    meter.process(samples)
    return meter.result()


def brute_force(x: Samples) -> float:
    """Highest value of the signal interpolated everywhere with the meter's own kernels."""
    mid = tp.windowed_sinc(np.arange(tp.MID_TAPS) - (tp.MID_TAPS - 1) / 2, tp.MID_TAPS, tp.MID_BETA)
    half = tp.MID_TAPS // 2
    mids = sliding_window_view(x, tp.MID_TAPS) @ mid  # mids[k] lies after sample k + half - 1
    grid = np.empty(2 * len(mids), dtype=np.float32)
    grid[0::2], grid[1::2] = x[half - 1 : half - 1 + len(mids)], mids
    fine = sliding_window_view(grid, tp.FINE_TAPS) @ tp.FINE
    lead = tp.MIDDLE
    # intervals whose sample index lies at least REACH from both ends, as the meter's docstring says
    sample = (np.arange(len(fine)) + lead) // 2 + half - 1
    inside = (sample >= tp.REACH) & (sample < len(x) - tp.REACH)
    # the interval's right-hand point must count as well
    right = (np.arange(len(fine)) + lead + 1) // 2 + half - 1
    inside &= right < len(x) - tp.REACH
    at = np.arange(len(mids)) + half - 1
    counted = np.abs(mids[(at >= tp.REACH) & (at < len(x) - tp.REACH)])
    return max(
        float(np.abs(x).max()),
        float(counted.max(initial=0.0)),
        float(np.abs(fine[inside]).max(initial=0.0)),
    )


@settings(max_examples=150, deadline=None)
@given(st.floats(0.001, 0.45), st.floats(0, 2 * math.pi), st.floats(-60, 6))
def test_sines_read_their_amplitude_at_any_frequency_and_phase(share: float, phase: float, level_db: float) -> None:
    amplitude = 10 ** (level_db / 20)
    # long enough that some crest comes close to the grid however the frequency relates to the rate
    x = amplitude * np.sin(2 * math.pi * share * np.arange(24_000) + phase)
    peak = reading(x.astype(np.float32)[None]).max_dbtp
    assert peak == pytest.approx(level_db, abs=0.1)  # the accuracy promised; measured 0.013 dB


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(0, 2**31), st.sampled_from(["noise", "square", "impulse", "silence"]))
def test_never_below_the_sample_peak(frames: int, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    x = {
        "noise": rng.standard_normal(frames),
        "square": np.where(np.arange(frames) % 2, 1.0, -1.0),
        "impulse": np.eye(1, frames, frames // 2)[0],
        "silence": np.zeros(frames),
    }[kind].astype(np.float32)
    peak, samples = reading(x[None]).max_dbtp, float(np.abs(x).max())
    if samples == 0:
        assert peak is None
    else:
        assert peak is not None
        assert peak >= 20 * math.log10(samples) - 1e-9


def music(rng: np.random.Generator, frames: int) -> Curve:
    t = np.arange(frames) / RATE
    tone = sum(np.sin(2 * math.pi * f * t + rng.uniform(0, 6)) / f**0.5 for f in (55, 220, 331, 1250, 6100))
    hits = np.zeros(frames)
    hits[rng.integers(0, frames, 12)] = rng.uniform(-3, 3, 12)
    return np.asarray(0.2 * tone + np.convolve(hits, np.exp(-np.arange(400) / 40.0))[:frames] * 0.2)


@pytest.mark.parametrize("kind", ["noise", "music", "clipped", "sparse", "dense-treble", "tiny"])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_skipped_cannot_matter(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = 24_000 * 3 + 777
    if kind == "tiny":
        frames = 30 + 37 * seed
    x = {
        "noise": rng.standard_normal(frames) * 0.1,
        "music": music(rng, frames),
        "clipped": np.clip(music(rng, frames) * 4, -0.5, 0.5),
        "sparse": np.where(rng.random(frames) < 0.001, rng.standard_normal(frames), 0.0),
        "dense-treble": np.sin(2 * math.pi * 0.41 * np.arange(frames)) * rng.uniform(0.5, 1.0, frames),
        "tiny": rng.standard_normal(frames),
    }[kind].astype(np.float32)
    meter = reading(x[None])
    assert meter.max_dbtp is not None
    # where the sample grid alone decides, single-precision products differ in the last bits
    expected = brute_force(x) if frames > tp.MID_TAPS + tp.FINE_TAPS else float(np.abs(x).max())
    assert 10 ** (meter.max_dbtp / 20) == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("offset", range(-60, 61, 4))
def test_a_peak_at_a_block_edge_is_found_with_its_time(offset: int) -> None:
    edge, width = 24_000, 300
    x = np.zeros(3 * edge)
    n = np.arange(-width, width + 1)
    x[edge + offset + n] = np.sinc((n - 0.5) * 0.6) * np.hanning(len(n))  # crest between two samples
    result = reading(x.astype(np.float32)[None])
    assert result.max_dbtp == pytest.approx(0.0, abs=0.1)
    assert result.at_s == pytest.approx((edge + offset + 0.5) / RATE, abs=1.0 / RATE)


def test_channels_are_told_apart() -> None:
    t = np.arange(RATE)
    x = np.stack([0.5 * np.sin(0.1 * t), 0.25 * np.sin(0.37 * t)]).astype(np.float32)
    result = reading(x)
    assert result.channel_dbtp == pytest.approx((-6.02, -12.04), abs=0.05)
    assert result.max_dbtp == result.channel_dbtp[0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31))
def test_the_bounds_hold_even_for_the_worst_signs(seed: int) -> None:
    """Samples signed as the kernel is reach the L1 norm itself; nothing may reach beyond it."""
    rng = np.random.default_rng(seed)
    kernel = tp.MID[:, tp.SPARE]
    x = np.zeros(400, dtype=np.float32)
    x[150 : 150 + tp.WINDOW] = np.sign(kernel) * rng.uniform(0.9, 1.0, tp.WINDOW)
    peak = brute_force(x)
    assert peak <= tp.NORM * float(np.abs(x).max()) * (1 + 1e-6)
    assert peak == pytest.approx(10 ** ((reading(x[None]).max_dbtp or -999) / 20), rel=2e-6)
