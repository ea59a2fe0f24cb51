"""Sketches: the low band, whatever the rate and however it was cut up."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.stems.sketch import CHUNK_BLOCKS, LEAST_HZ, MOST_S, PASS_HZ, SketchMeter
from dsp.units import Samples

RATES = [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000]


def noise(rate: int, seconds: float = 3.0, channels: int = 2) -> Samples:
    rng = np.random.default_rng(1)
    return np.asarray(0.1 * rng.standard_normal((channels, round(seconds * rate))), dtype=np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_tones_keep_level_and_phase(rate: int) -> None:
    """A tone of the pass band comes out as it went in, at the times that the sketch says."""
    t = np.arange(2 * rate) / rate
    for hz in (50.0, 440.0, 1500.0, 3000.0):
        meter = SketchMeter(rate, 1)
        meter.process(np.asarray([0.5 * np.cos(2 * np.pi * hz * t)], dtype=np.float32))
        sketch = meter.result()
        low = sketch.joined()[0]
        at = sketch.start_s[0] + np.arange(len(low)) / sketch.rate_hz
        inside = (at > 0.3) & (at < 1.7)
        turned = np.mean(low[inside] * np.exp(-2j * np.pi * hz * at[inside])) * 2.0
        assert abs(turned) == pytest.approx(0.5, rel=0.01)
        # a hundredth of a sample at 48 kHz
        assert np.angle(turned) / (2 * np.pi * hz) == pytest.approx(0.0, abs=0.02 / 48_000 + 2e-3 / (2 * np.pi * hz))


@pytest.mark.parametrize("rate", [r for r in RATES if r >= 2 * LEAST_HZ])
def test_what_is_above_does_not_fold_down(rate: int) -> None:
    t = np.arange(2 * rate) / rate
    meter = SketchMeter(rate, 1)
    sketch = meter.result()
    for hz in (sketch.rate_hz - PASS_HZ + 10.0, sketch.rate_hz - 1000.0, sketch.rate_hz):
        if hz >= 0.49 * rate:
            continue
        meter = SketchMeter(rate, 1)
        meter.process(np.asarray([0.5 * np.cos(2 * np.pi * hz * t)], dtype=np.float32))
        low = meter.result().joined()[0]
        middle = low[len(low) // 16 : len(low) // 8]
        assert np.abs(middle).max() < 0.5 * 10.0 ** (-54.0 / 20.0)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_any_partition_gives_the_same(rate: int) -> None:
    whole = noise(rate)
    once, often = SketchMeter(rate, 2), SketchMeter(rate, 2)
    once.process(whole)
    for part in np.array_split(whole, 17, axis=1):
        often.process(np.ascontiguousarray(part))
    assert np.array_equal(once.result().samples, often.finish().samples)


def test_pieces_are_the_same_for_every_track_and_long_programmes_are_thinned() -> None:
    rate = 8_000
    meter = SketchMeter(rate, 1, expected_s=2.5 * MOST_S)
    ramp = np.asarray([np.repeat(np.arange(100.0) / 100.0, rate)], dtype=np.float32)
    meter.process(ramp)
    sketch = meter.result()
    piece_s = CHUNK_BLOCKS / 2.0
    assert np.diff(sketch.start_s) == pytest.approx(3.0 * piece_s)
    for start, piece in zip(sketch.start_s[:-1], sketch.samples[:-1], strict=True):
        assert float(piece[0, 10]) / 64.0 == pytest.approx((start // 1) / 100.0, abs=1e-3)


@pytest.mark.parametrize("frames", [0, 1, 100])
def test_hardly_anything(frames: int) -> None:
    meter = SketchMeter(48_000, 2)
    meter.process(noise(48_000)[:, :frames])
    sketch = meter.result()
    assert sketch.joined().shape[0] == 2
    assert np.isfinite(sketch.joined()).all()
    assert len(sketch.start_s) == len(sketch.samples)


def test_loud_and_quiet_fit_half_floats() -> None:
    for level in (1e-4, 1.0, 100.0):
        meter = SketchMeter(48_000, 1)
        samples = (level * noise(48_000, channels=1)).astype(np.float32)
        meter.process(samples)
        low = meter.result().joined()[0]
        assert np.isfinite(low).all()
        reference = SketchMeter(48_000, 1)
        reference.process((samples / level).astype(np.float32))
        expected = level * reference.result().joined()[0]
        assert np.square(low - expected).sum() < 1e-5 * np.square(expected).sum()
