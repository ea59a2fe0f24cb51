"""Chains: what they really do to audio beside their design, in double precision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from dsp.correction.biquad import response, sections
from dsp.correction.impulse import SPREAD, TAIL, delay_samples, factor, impulse_response
from dsp.findings import Advice, DelayMove, EqMove, Fix, GainMove, PanMove, PolarityMove
from dsp.units import Samples
from plugin_bridge.chain import BLOCK_FRAMES, chain

EQ: list[Fix] = [
    EqMove("x", "high-pass-24", 35.0, 0.0, 0.7071),
    EqMove("x", "low-shelf", 120.0, 2.0, 0.7),
    EqMove("x", "bell", 320.0, -5.0, 1.4),
    EqMove("x", "bell", 12_000.0, 4.0, 0.9),
    EqMove("x", "high-shelf", 9000.0, -3.0, 0.7),
    EqMove("x", "notch", 100.0, 0.0, 8.0),
]
CASES: dict[str, list[Fix]] = {
    "bands": EQ,
    "bands, level, polarity": [*EQ, GainMove("x", -3.3), PolarityMove("x")],
    "all": [*EQ[:3], GainMove("x", 2.5), PolarityMove("x"), DelayMove("x", 3.37)],
    "earlier": [*EQ[2:4], DelayMove("x", -20.61)],
    "fraction": [DelayMove("x", 0.25)],
    "low-pass": [EqMove("x", "low-pass", 5000.0, 0.0, 2.0), EqMove("x", "low-pass-24", 15_000.0, 0.0, 0.7071)],
}
RATES = (44_100, 48_000, 96_000, 192_000)


def noise(frames: int, channels: int = 2, seed: int = 1) -> Samples:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (channels, frames)).astype(np.float32)


def cut_up(samples: Samples, sizes: Sequence[int]) -> Iterator[Samples]:
    """Blocks of these sizes in turn, each its own memory."""
    at, k = 0, 0
    while at < samples.shape[1]:
        yield samples[:, at : at + sizes[k % len(sizes)]].copy()
        at, k = at + sizes[k % len(sizes)], k + 1


def through(moves: Sequence[Fix], samples: Samples, rate: int = 48_000, sizes: Sequence[int] = (24_000,)) -> Samples:
    return np.concatenate(list(chain(moves, rate).process(cut_up(samples, sizes))), axis=1)


def design(moves: Sequence[Fix], hz: np.ndarray, rate: int) -> np.ndarray:
    h = np.full(len(hz), factor(moves), dtype=np.complex128)
    for move in moves:
        if isinstance(move, EqMove):
            h *= response(sections(move, rate), hz, rate)
    return h * np.exp(-2j * np.pi * hz * delay_samples(moves) / rate)


def spectrum(samples: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies from 5 Hz to 20 kHz and the spectrum there of an impulse response."""
    points = 4 * rate
    bins = np.unique(np.round(np.geomspace(5.0, 20_000.0, 300) * points / rate)).astype(int)
    return bins * rate / points, np.fft.rfft(samples, points)[bins]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", CASES)
def test_the_measured_response_is_the_design(name: str, rate: int) -> None:
    moves, start = CASES[name], 4096
    impulse = np.zeros((1, start + 3 * rate), dtype=np.float32)
    impulse[0, start] = 1.0
    out = through(moves, impulse, rate)[0].astype(np.float64)
    hz, measured = spectrum(out, rate)
    measured *= np.exp(2j * np.pi * hz * start / rate)
    wanted = design(moves, hz, rate)
    ratio = measured / wanted
    heard = np.abs(wanted) > 1e-2
    assert np.abs(20.0 * np.log10(np.abs(ratio[heard]))).max() < 2e-3
    assert np.abs(np.angle(ratio[heard])).max() < 1e-3  # the time is right too
    assert np.abs(measured - wanted).max() < 1e-5 * np.abs(wanted).max() + 2e-5


@pytest.mark.parametrize("rate", [44_100, 192_000])
@pytest.mark.parametrize("name", ["bands, level, polarity", "low-pass"])
def test_rounding_is_below_minus_120_dbfs(name: str, rate: int) -> None:
    samples = noise(rate)
    wanted = samples.astype(np.float64)
    for move in CASES[name]:
        if isinstance(move, EqMove):
            wanted = signal.sosfilt(sections(move, rate), wanted, axis=1)
    error = through(CASES[name], samples, rate) - wanted * factor(CASES[name])
    assert 10.0 * np.log10(np.mean(error**2)) < -130.0
    assert np.abs(error).max() < 1e-5


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [1, 100, BLOCK_FRAMES, 30_001])
@pytest.mark.parametrize("name", CASES)
def test_length_and_channels_are_kept(name: str, frames: int, channels: int) -> None:
    out = through(CASES[name], noise(frames, channels))
    assert out.shape == (channels, frames)
    assert out.dtype == np.float32


def test_channels_are_kept_apart() -> None:
    samples = noise(20_000)
    both = through(EQ, samples)
    for channel in (0, 1):
        np.testing.assert_array_equal(both[channel], through(EQ, samples[channel : channel + 1])[0])


@settings(max_examples=25)
@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=5), st.sampled_from(["all", "earlier", "fraction"]))
def test_any_partition_gives_the_same(sizes: list[int], name: str) -> None:
    samples = noise(25_000)
    assert np.array_equal(
        through(CASES[name], samples, sizes=[*sizes, 5000]), through(CASES[name], samples, sizes=[25_000])
    )


def test_blocks_of_one_frame_and_of_none() -> None:
    samples = noise(300)
    expected = through(CASES["all"], samples)
    assert np.array_equal(through(CASES["all"], samples, sizes=[1]), expected)
    blocks = [samples[:, :0], samples[:, :10], samples[:, 10:10], samples[:, 10:]]
    assert np.array_equal(np.concatenate(list(chain(CASES["all"], 48_000).process(blocks)), axis=1), expected)
    assert list(chain(EQ, 48_000).process([])) == []


def test_a_chain_forgets_what_it_played() -> None:
    samples, made = noise(40_000), chain(CASES["all"], 48_000)
    first, second = (np.concatenate(list(made.process([samples])), axis=1) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    "moves",
    [
        [],
        [PanMove("x", 0.5), Advice("listen")],
        [EqMove("x", "bell", 1000.0, 0.0, 1.0), GainMove("x", 0.0), DelayMove("x", 0.0)],
        [PolarityMove("x"), PolarityMove("x")],
        [DelayMove("x", 7.5), DelayMove("x", -7.5)],
    ],
)
def test_no_moves_are_bit_exact(moves: list[Fix]) -> None:
    samples = noise(10_000)
    assert np.array_equal(through(moves, samples), samples)
    assert not len(chain(moves, 48_000).board)


@pytest.mark.parametrize("shift", [1, 480, 9000, 30_000, -1, -480, -9000, -30_000])
def test_whole_samples_are_a_plain_shift(shift: int) -> None:
    samples = noise(20_000)
    expected = np.zeros_like(samples)
    if abs(shift) < samples.shape[1]:
        if shift > 0:
            expected[:, shift:] = samples[:, :-shift]
        else:
            expected[:, :shift] = samples[:, -shift:]
    assert np.array_equal(through([DelayMove("x", float(shift))], samples, sizes=[7000]), expected)
    turned = through([DelayMove("x", float(shift)), PolarityMove("x")], samples, sizes=[7000])
    assert np.array_equal(turned, -expected)


def test_gain_and_polarity_are_exact() -> None:
    samples = noise(10_000)
    assert np.array_equal(through([PolarityMove("x")], samples), -samples)
    out = through([GainMove("x", -3.3)], samples)
    np.testing.assert_allclose(out, samples * np.float32(10.0 ** (-3.3 / 20.0)), rtol=1e-6)


def test_earlier_loses_only_what_falls_off_the_start() -> None:
    samples = noise(20_000)
    later, back = 5.5, through([DelayMove("x", -105.5)], np.pad(samples, ((0, 0), (100, 6))))
    there = np.pad(back, ((0, 0), (0, 200)))
    again = through([DelayMove("x", later)], there)
    wanted = np.fft.rfft(samples[0, 1000:-1000] * np.hanning(18_000))
    got = np.fft.rfft(again[0, 1000:19_000] * np.hanning(18_000))
    below = slice(10, int(18_000 * 0.45))
    assert np.abs(got - wanted)[below].max() < 2e-3 * np.abs(wanted).max()


def test_the_tail_of_an_impulse_response_is_down_120_db() -> None:
    for moves in CASES.values():
        impulse = impulse_response(moves, 48_000)
        assert impulse.samples.dtype == np.float64
        assert abs(impulse.samples[-1]) <= TAIL * np.abs(impulse.samples).max()
        hz, h = spectrum(impulse.samples, 48_000)
        h *= np.exp(2j * np.pi * hz * impulse.origin / 48_000)
        assert np.abs(h - design(moves, hz, 48_000)).max() < 2e-5


@pytest.mark.parametrize(
    ("delay", "origin", "peak"), [(0.0, 0, 0), (5.0, 0, 5), (-5.0, 5, 0), (100.25, 0, 100), (0.25, SPREAD, SPREAD)]
)
def test_the_origin_is_time_zero(delay: float, origin: int, peak: int) -> None:
    impulse = impulse_response([DelayMove("x", delay)], 48_000)
    assert (impulse.origin, int(np.abs(impulse.samples).argmax())) == (origin, peak)
    assert impulse.origin < len(impulse.samples)


def test_only_what_is_needed_is_on_the_board() -> None:
    def names(moves: list[Fix]) -> list[str]:
        return [type(plugin).__name__ for plugin in chain(moves, 48_000).board]

    assert names([GainMove("x", 1.0)]) == ["Gain"]
    assert names([PolarityMove("x"), DelayMove("x", 3.0)]) == ["Invert"]
    assert names(EQ) == ["Convolution", "Gain"]
    assert chain(EQ, 48_000).latency_samples == 0
    assert chain(CASES["fraction"], 48_000).latency_samples == SPREAD


def test_what_a_chain_cannot_take_is_refused() -> None:
    for bad in (noise(10, 3), noise(10)[0], noise(10).astype(np.float64)):
        with pytest.raises(ValueError, match="a chain takes float32 of shape"):
            list(chain(EQ, 48_000).process([bad]))  # type: ignore[list-item]
    with pytest.raises(ValueError, match="does not fit a sample rate"):
        chain([EqMove("x", "bell", 5000.0, 1.0, 1.0)], 8000)
