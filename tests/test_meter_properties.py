"""What holds for every meter: any partition, any level, either channel, either polarity, silence around."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.audio import Source
from dsp.meters.bank import MeterBank, Readings
from dsp.units import Samples

RATES = (8_000, 11_025, 22_050, 44_100, 48_000, 88_200, 96_000, 192_000, 768_000)


def bank(rate: int = 48_000, layout: str = "stereo") -> MeterBank:
    return MeterBank(Source("test", "WAV", "PCM", rate, layout, 24))


def measure(samples: Samples, rate: int = 48_000) -> Readings:
    meters = bank(rate, {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)])
    meters.process(samples)
    return meters.result()


def song(seconds: float = 4.0, rate: int = 48_000, seed: int = 1, channels: int = 2) -> Samples:
    """Notes, hits and noise that start and end in silence."""
    rng = np.random.default_rng(seed)
    frames = int(seconds * rate)
    t = np.arange(frames) / rate
    x = np.zeros((channels, frames))
    for _ in range(12):
        start, f = rng.uniform(0, seconds * 0.8), rng.uniform(50, min(3000, rate / 3))
        note = np.where(t > start, np.sin(2 * np.pi * f * (t - start)) * np.exp(-3 * (t - start)), 0.0)
        x += rng.uniform(0.02, 0.3, (channels, 1)) * note
    x += 0.01 * rng.standard_normal(x.shape) * np.sin(np.pi * t / seconds)
    ramp = np.clip(np.minimum(t, t[::-1]) / 0.02, 0, 1)
    return np.ascontiguousarray(0.7 * x * ramp, dtype=np.float32)


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Every number of nested dataclasses and tuples, by path."""
    if dataclasses.is_dataclass(value):
        pairs = [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value)]
    elif isinstance(value, tuple):
        pairs = [(str(i), v) for i, v in enumerate(value)]
    else:
        return {name: value}
    return {k: v for part, each in pairs for k, v in flat(each, f"{name}.{part}").items()}


def assert_same(a: Readings, b: Readings, tolerance: float = 1e-9) -> None:
    ours, theirs = flat(a), flat(b)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        other = theirs[name]
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(value, other, rtol=tolerance, atol=tolerance, err_msg=name)
        elif isinstance(value, float):
            assert value == pytest.approx(other, rel=tolerance, abs=tolerance), name
        else:
            assert value == other, name


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_partition_gives_the_same(data: st.DataObject) -> None:
    x = song(2.3, seed=data.draw(st.integers(0, 1000)))
    cuts = sorted(data.draw(st.lists(st.integers(0, x.shape[1]), max_size=8)))
    extra = data.draw(st.integers(0, x.shape[1] - 3))
    edges = sorted({0, *cuts, extra, extra + 1, extra + 2, x.shape[1]})
    meters = bank()
    for a, b in pairwise(edges):
        meters.process(x[:, a:b])
        if data.draw(st.booleans()):
            meters.result()  # looking must not disturb
    assert_same(meters.result(), measure(x))


@settings(max_examples=15, deadline=None)
@given(st.floats(-40, 3), st.integers(0, 1000))
def test_level_moves_levels_and_nothing_else(gain_db: float, seed: int) -> None:
    x = song(4.0, seed=seed)
    before, after = measure(x), measure((x * np.float32(10 ** (gain_db / 20))).astype(np.float32))
    moved = [
        (before.level.sample_peak_dbfs, after.level.sample_peak_dbfs),
        (before.level.rms_dbfs, after.level.rms_dbfs),
        (before.true_peak.max_dbtp, after.true_peak.max_dbtp),
        (before.loudness.max_momentary_lufs, after.loudness.max_momentary_lufs),
        (before.loudness.max_short_term_lufs, after.loudness.max_short_term_lufs),
    ]
    for a, b in moved:
        assert a is not None
        assert b == pytest.approx(a + gain_db, abs=1e-4)
    assert after.level.crest_db == pytest.approx(before.level.crest_db, abs=1e-4)
    assert after.level.balance_db == pytest.approx(before.level.balance_db, abs=1e-4)
    assert after.stereo is not None
    assert before.stereo is not None
    assert after.stereo.correlation == pytest.approx(before.stereo.correlation, abs=1e-5)
    assert after.stereo.mono_loss_db == pytest.approx(before.stereo.mono_loss_db, abs=1e-4)
    assert after.stereo.side_ratio_db == pytest.approx(before.stereo.side_ratio_db, abs=1e-3)
    np.testing.assert_allclose(
        after.gram.long_term()[:2], before.gram.long_term()[:2] * 10 ** (gain_db / 10), rtol=1e-4, atol=1e-18
    )


def test_gated_readings_follow_the_level_while_above_the_absolute_gate() -> None:
    x = song(8.0)
    before, after = measure(x), measure((x * np.float32(0.25)).astype(np.float32))
    shift = 20 * math.log10(0.25)
    assert after.loudness.integrated_lufs == pytest.approx((before.loudness.integrated_lufs or 0) + shift, abs=1e-4)
    assert after.dynamics.plr_db == pytest.approx(before.dynamics.plr_db, abs=1e-4)
    assert after.dynamics.psr_min_db == pytest.approx(before.dynamics.psr_min_db, abs=1e-4)
    assert after.dynamic_range == before.dynamic_range


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_swapping_channels_swaps_only_sides(seed: int) -> None:
    x = song(4.0, seed=seed)
    a, b = measure(x), measure(np.ascontiguousarray(x[::-1]))
    assert b.loudness.integrated_lufs == pytest.approx(a.loudness.integrated_lufs, abs=1e-9)
    assert b.true_peak.channel_dbtp == a.true_peak.channel_dbtp[::-1]
    assert b.level.balance_db == pytest.approx(-(a.level.balance_db or 0), abs=1e-9)
    assert a.stereo is not None
    assert b.stereo is not None
    assert b.stereo.correlation == pytest.approx(a.stereo.correlation, abs=1e-6)
    np.testing.assert_allclose(b.gram.data[:, 0], a.gram.data[:, 1], rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(b.gram.data[:, 3], -a.gram.data[:, 3], rtol=1e-4, atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_flipping_both_polarities_changes_nothing(seed: int) -> None:
    x = song(4.0, seed=seed)
    a, b = measure(x), measure(-x)
    assert b.loudness.integrated_lufs == pytest.approx(a.loudness.integrated_lufs, abs=1e-9)
    assert b.true_peak.max_dbtp == pytest.approx(a.true_peak.max_dbtp, abs=1e-6)
    assert b.level.crest_db == pytest.approx(a.level.crest_db, abs=1e-9)
    np.testing.assert_allclose(b.gram.data, a.gram.data, rtol=1e-5, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 1000))
def test_silence_around_is_not_heard(before: int, after: int, seed: int) -> None:
    """Padded by whole 100 ms steps, so that the gating blocks fall on the same samples."""
    x, step = song(4.0, seed=seed), 4_800
    a = measure(np.pad(x, ((0, 0), (0, 4 * step))))
    b = measure(np.pad(x, ((0, 0), (before * step, (4 + after) * step))))
    # blocks that straddle the start of the song are new, and quiet: the relative gate takes most of them
    assert b.loudness.integrated_lufs == pytest.approx(a.loudness.integrated_lufs, abs=0.5 if before else 1e-9)
    # single precision rounds to 1e-6 dB, and the rows lie differently on the samples
    assert b.true_peak.max_dbtp == pytest.approx(a.true_peak.max_dbtp, abs=1e-5)
    assert b.level.sample_peak_dbfs == a.level.sample_peak_dbfs
    assert b.loudness.max_momentary_lufs == pytest.approx(a.loudness.max_momentary_lufs, abs=1e-6)
    assert b.clipping.runs == a.clipping.runs


def test_each_channel_alone_adds_up() -> None:
    x = song(5.0)
    left, right = x.copy(), x.copy()
    left[1], right[0] = 0, 0
    whole, one, other = measure(x), measure(left), measure(right)
    np.testing.assert_allclose(one.loudness.power + other.loudness.power, whole.loudness.power, rtol=1e-9, atol=1e-18)
    np.testing.assert_allclose(one.gram.data[:, 0], whole.gram.data[:, 0], rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_rate_and_length_works_and_no_number_is_nan(rate: int, channels: int) -> None:
    hop = round(rate / 100)
    lengths = [0, 1, hop - 1, hop, 50 * hop - 1, 50 * hop, 50 * hop + 1] if rate <= 96_000 else [1, 50 * hop + 1]
    for frames in lengths:
        x = np.zeros((channels, frames), dtype=np.float32)
        if frames:
            x[:] = song((frames + 1) / rate, rate, channels=channels)[:, :frames]
            x += np.float32(0.1)
        for name, value in flat(measure(x, rate)).items():
            if isinstance(value, float):
                assert math.isfinite(value), (name, frames)
            if isinstance(value, np.ndarray) and name not in (".dynamics.psr_db", ".stereo.correlation_curve"):
                assert np.isfinite(value).all() or ".band_stereo" in name, (name, frames)


def test_silence_is_not_measurable() -> None:
    r = measure(np.zeros((2, 480_000), dtype=np.float32))
    assert r.loudness.integrated_lufs is None
    assert r.loudness.max_momentary_lufs is None
    assert r.true_peak.max_dbtp is None
    assert r.level.crest_db is None
    assert r.dynamic_range is None
    assert r.bits_used is None
    assert r.stereo is not None
    assert r.stereo.correlation is None
    assert not r.stereo.dual_mono


def test_wrong_shapes_are_refused_with_the_shape() -> None:
    with pytest.raises(ValueError, match=r"expected shape \(2, frames\), got \(1, 5\)"):
        bank().process(np.zeros((1, 5), dtype=np.float32))
