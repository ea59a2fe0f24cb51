"""EBU Tech 3341 and 3342 and ITU-R BS.1770-5, at the standards' own tolerances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from dsp.audio import loudness_weights
from dsp.meters.loudness import SHORT_TERM_HOPS, Loudness, LoudnessMeter, k_weighting
from dsp.meters.true_peak import TruePeak, TruePeakMeter
from tests import ebu_signals as ebu

STEADY = {f"3341-{c.case}": c for c in ebu.TECH_3341_INTEGRATED}
RANGES = {f"3342-{c.case}": c for c in ebu.TECH_3342}
HOP_S = 0.01


def loudness(samples: ebu.Wave, rate: int = ebu.RATE, weights: Sequence[float] | None = None) -> Loudness:
    meter = LoudnessMeter(rate, len(samples), weights or (1.0,) * len(samples))
    for block in ebu.blocks(samples):
        meter.process(block)
    return meter.result()


def true_peak(samples: ebu.Wave) -> TruePeak:
    meter = TruePeakMeter(ebu.RATE, len(samples))
    for block in ebu.blocks(samples):
        meter.process(block)
    return meter.result()


def near(expected: float, tolerance: float = ebu.LOUDNESS_TOLERANCE) -> object:
    return pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("case", STEADY.values(), ids=STEADY.keys())
def test_tech_3341_steady_levels(case: ebu.Steady) -> None:
    got = loudness(ebu.tone(case.stretches))
    readings = {"I": got.integrated_lufs, "M": got.max_momentary_lufs, "S": got.max_short_term_lufs}
    for name, expected in case.expected.items():
        assert readings[name] == near(expected), name
    if "M" in case.expected:  # of a steady tone every reading is the same, not the highest alone
        assert got.momentary_lufs() == near(case.expected["M"])
        assert got.short_term_lufs() == near(case.expected["S"])


def test_tech_3341_6_five_channels() -> None:
    got = loudness(ebu.case_6(), weights=loudness_weights("5.0"))
    assert got.integrated_lufs == near(ebu.CASE_6_INTEGRATED)
    # without the +1.5 dB of the surrounds the case would read 0.2 LU lower, outside the tolerance
    assert loudness(ebu.case_6()).integrated_lufs != near(ebu.CASE_6_INTEGRATED)


def test_tech_3341_9_constant_short_term() -> None:
    got = loudness(ebu.tone(ebu.CASE_9)).short_term_lufs(step_hops=1)
    assert len(got) == 1201
    assert got == near(ebu.CONSTANT)


def test_tech_3341_12_constant_momentary() -> None:
    got = loudness(ebu.tone(ebu.CASE_12)).momentary_lufs()
    after_1_s = got[60:]  # windows of 400 ms that end 1 s after the start or later
    assert len(after_1_s) == 901
    assert after_1_s == near(ebu.CONSTANT)


@pytest.mark.parametrize("i", range(20))
def test_tech_3341_10_maximum_short_term(i: int) -> None:
    got = loudness(ebu.tone(ebu.CASE_10[i]))
    assert got.max_short_term_lufs == near(-23.0)
    assert got.max_short_term_at_s == pytest.approx(i * 0.15, abs=0.02)


@pytest.mark.parametrize("i", range(20))
def test_tech_3341_13_maximum_momentary(i: int) -> None:
    got = loudness(ebu.tone(ebu.CASE_13[i]))
    assert got.max_momentary_lufs == near(-23.0)
    assert got.max_momentary_at_s == pytest.approx(i * 0.02, abs=0.02)


def successive_maxima(curve: Sequence[float], window_s: float) -> list[float]:
    """The highest reading of each tone: of windows that end inside its own 2 * window_s."""
    period = round(2 * window_s / HOP_S)
    ends = np.concatenate([np.full(round(window_s / HOP_S) - 1, -np.inf), curve])  # reading at each window's end
    return [float(ends[i * period : (i + 1) * period].max()) for i in range(20)]


def test_tech_3341_11_successive_short_term_maxima() -> None:
    # the last tones are 3 s followed by 0.15 s and more of silence, so each one's maximum ends inside its 6 s
    got = loudness(ebu.tone(ebu.CASE_11)).short_term_lufs(step_hops=1)
    assert successive_maxima(got.tolist(), 3.0) == near_all(ebu.SUCCESSIVE_MAXIMA)


def test_tech_3341_14_successive_momentary_maxima() -> None:
    got = loudness(ebu.tone(ebu.CASE_14)).momentary_lufs()
    assert successive_maxima(got.tolist(), 0.4) == near_all(ebu.SUCCESSIVE_MAXIMA)


def near_all(expected: Sequence[float]) -> object:
    return pytest.approx(list(expected), abs=ebu.LOUDNESS_TOLERANCE)


@pytest.mark.parametrize(("case", "divisor", "amplitude", "phase", "expected"), ebu.TRUE_PEAK_TONES)
def test_tech_3341_true_peak_of_tones(case: int, divisor: int, amplitude: float, phase: float, expected: float) -> None:
    got = true_peak(ebu.true_peak_tone(divisor, amplitude, phase)).max_dbtp
    assert got is not None
    assert expected - ebu.TRUE_PEAK_BELOW <= got <= expected + ebu.TRUE_PEAK_ABOVE, case


@pytest.mark.parametrize(("case", "offset", "expected"), ebu.TRUE_PEAK_BURSTS)
def test_tech_3341_true_peak_between_samples(case: int, offset: int, expected: float) -> None:
    got = true_peak(ebu.true_peak_burst(offset)).max_dbtp
    assert got is not None
    assert expected - ebu.TRUE_PEAK_BELOW <= got <= expected + ebu.TRUE_PEAK_ABOVE, case


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("case", RANGES.values(), ids=RANGES.keys())
def test_tech_3342_loudness_range(case: ebu.Steady, times: int) -> None:
    """Also unchanged, within the same tolerance, when the whole signal is repeated."""
    got = loudness(ebu.tone(case.stretches * times)).loudness_range_lu
    assert got == near(case.expected["LRA"], ebu.RANGE_TOLERANCE)


@pytest.mark.parametrize("channels", [1, 2])
def test_bs1770_full_scale_sine_in_one_channel(channels: int) -> None:
    """BS.1770-5, Annex 1: a 0 dBFS, 997 Hz sine in one front channel reads -3.01 LKFS."""
    samples = np.zeros((channels, 10 * ebu.RATE), dtype=np.float32)
    samples[0] = ebu.tone(((10, 0),), 1, 997.0)[0]
    assert loudness(samples).integrated_lufs == near(-3.01, 0.005)  # the digits the standard gives


def test_bs1770_lfe_is_not_counted() -> None:
    weights, front = loudness_weights("5.1"), ebu.tone(((5, -23),), 1)[0]
    samples = np.zeros((6, len(front)), dtype=np.float32)
    samples[3] = front
    assert loudness(samples, weights=weights).integrated_lufs is None
    samples[2] = 0.5 * front
    with_lfe = loudness(samples, weights=weights).integrated_lufs
    samples[3] = 0
    assert with_lfe == loudness(samples, weights=weights).integrated_lufs


def test_bs1770_surrounds_count_more() -> None:
    """BS.1770-5 Table 4: 1.41, about +1.5 dB, at 60-120 degrees; 1.0 elsewhere."""
    for layout, surrounds in (("5.1", (4, 5)), ("5.1(side)", (4, 5)), ("7.1", (6, 7)), ("quad(side)", (2, 3))):
        weights = loudness_weights(layout)
        one = ebu.tone(((2, -20),), 1)[0]
        for channel, weight in enumerate(weights):
            if weight == 0.0:
                continue
            samples = np.zeros((len(weights), len(one)), dtype=np.float32)
            samples[channel] = one
            expected = -23.0 + (10 * np.log10(1.41) if channel in surrounds else 0.0)
            assert loudness(samples, weights=weights).integrated_lufs == near(expected, 0.02), (layout, channel)


def test_k_weighting_table_at_48_khz() -> None:
    """BS.1770-5 Tables 1 and 2, to the eight digits after the point that the bilinear form is known to reach."""
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(k_weighting(48_000), [shelf, high_pass], rtol=0, atol=1e-8)


RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000, 768_000)


@pytest.mark.parametrize("rate", RATES)
def test_every_rate_reads_the_same(rate: int) -> None:
    got = loudness(ebu.tone(((3, -20),), 2, 1000.0, rate), rate)
    assert got.integrated_lufs == near(-20.0, 0.1)  # EBU Tech 3341's tolerance
    assert got.max_momentary_lufs == near(-20.0, 0.1)
    assert len(got.power) * got.hop_s == pytest.approx(3.0, abs=0.02)
    assert SHORT_TERM_HOPS * got.hop_s == pytest.approx(3.0, rel=0.0025)
