"""Filters against their analogue prototypes, and what must hold at every setting: stable, minimum phase, exact at 0."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import signal

from dsp.correction.biquad import Sections, analogue, response, sections
from dsp.findings import EqMove

LEVELS = ("bell", "low-shelf", "high-shelf")
ALL = (*LEVELS, "high-pass", "low-pass", "notch", "high-pass-24", "low-pass-24")
#: Beside a notch and deep below a pass a decibel of the prototype says nothing.
FLOOR = 1e-5

kinds = st.sampled_from(ALL)
gains = st.floats(-12.0, 12.0).filter(lambda g: abs(g) > 1e-3)
rates = st.sampled_from((8000, 11_025, 22_050, 44_100, 48_000, 88_200, 96_000, 192_000))


def error_db(move: EqMove, sample_rate: int) -> float:
    """Largest difference from the prototype up to 20 kHz at 44.1 kHz, 0.907 of half the rate at others."""
    top = 20_000.0 / 44_100.0 * sample_rate
    near = move.frequency_hz * 2.0 ** np.linspace(-0.5, 0.5, 101)
    hz = np.concatenate([np.geomspace(min(20.0, 0.25 * move.frequency_hz), top, 300), near[near < top]])
    hz = hz[np.abs(hz / move.frequency_hz - 1.0) > 2e-3] if move.kind == "notch" else hz
    wanted = np.abs(analogue(move, hz))
    made = np.abs(response(sections(move, sample_rate), hz, sample_rate))
    heard = wanted > FLOOR
    return float(np.abs(20.0 * np.log10(made[heard] / wanted[heard])).max())


def largest_roots(sos: Sections) -> tuple[float, float]:
    """Largest radii of the zeros and of the poles."""
    zeros, poles = (
        max(max(np.abs(np.roots(row[part])), default=0.0) for row in sos) for part in (slice(3), slice(3, 6))
    )
    return zeros, poles


@pytest.mark.parametrize(
    ("kind", "largest_q", "highest_hz", "within_db"),
    [
        ("bell", 10.0, 16_000.0, 0.25),
        ("low-shelf", 2.0, 16_000.0, 0.4),
        ("low-shelf", 10.0, 8000.0, 1.0),
        ("low-shelf", 10.0, 16_000.0, 1.7),
        ("high-shelf", 2.0, 16_000.0, 0.4),
        ("high-shelf", 4.0, 16_000.0, 0.8),
        ("high-shelf", 10.0, 8000.0, 1.0),
        ("high-pass", 2.0, 16_000.0, 0.4),
        ("high-pass", 4.0, 16_000.0, 0.8),
        ("high-pass", 10.0, 8000.0, 1.0),
        ("low-pass", 10.0, 16_000.0, 0.35),
        ("notch", 30.0, 16_000.0, 0.5),
        ("high-pass-24", 2.0, 16_000.0, 1.0),
        ("low-pass-24", 10.0, 16_000.0, 0.75),
    ],
)
def test_nothing_cramps(kind: str, largest_q: float, highest_hz: float, within_db: float) -> None:
    centres = (20.0, 90.0, 400.0, 1500.0, 5000.0, 7000.0, 8000.0, 10_500.0, 12_000.0, 14_000.0, 16_000.0)
    for frequency in [f for f in centres if f <= highest_hz]:
        for q in np.geomspace(0.3, largest_q, 6):
            for gain in (-12.0, -6.0, 2.0, 9.0, 12.0) if kind in LEVELS else (0.0,):
                move = EqMove("", kind, frequency, gain, float(q))
                assert error_db(move, 44_100) < within_db, move


@given(st.sampled_from(("bell", "low-shelf", "high-shelf", "high-pass", "low-pass", "notch")), st.floats(0.3, 2.0))
def test_a_cramping_design_is_worse_where_it_cramps(kind: str, q: float) -> None:
    """The bilinear transform of the same prototype, at 14 kHz, differs by more at 20 kHz."""
    move = EqMove("", kind, 14_000.0, 6.0, q)
    warped = 44_100.0 / math.pi * math.tan(math.pi * 20_000.0 / 44_100.0)
    scale = 14_000.0 / (44_100.0 / math.pi * math.tan(math.pi * 14_000.0 / 44_100.0))
    bilinear, wanted = np.abs(analogue(move, [warped * scale, 20_000.0]))
    ours = np.abs(response(sections(move, 44_100), [20_000.0], 44_100))[0]
    assert abs(math.log(ours / wanted)) <= abs(math.log(bilinear / wanted)) + 0.03


@given(kinds, st.floats(0.0, 1.0), gains, st.floats(0.1, 30.0), rates)
@example("high-shelf", 0.93, 11.3, 8.4, 44_100)
@example("high-pass", 1.0, 0.0, 30.0, 192_000)
@example("low-shelf", 0.0, -12.0, 30.0, 192_000)
@example("bell", 0.0, 12.0, 30.0, 192_000)
def test_stable_and_minimum_phase(kind: str, at: float, gain: float, q: float, rate: int) -> None:
    frequency = 10.0 * (0.049 * rate) ** at  # 10 Hz to 0.49 of the rate
    sos = sections(EqMove("", kind, frequency, gain, q), rate)
    assert sos.dtype == np.float64
    assert np.isfinite(sos).all()
    assert (sos[:, 3] == 1.0).all()
    zeros, poles = largest_roots(sos)
    assert poles < 1.0
    assert zeros < 1.0 + 1e-7  # two zeros in one place come back from their polynomial with half the digits


@given(st.sampled_from(LEVELS), st.floats(0.0, 1.0), gains, st.floats(0.3, 10.0), rates)
def test_no_band_does_more_than_its_prototype_even_above_what_is_followed(
    kind: str, at: float, gain: float, q: float, rate: int
) -> None:
    move = EqMove("", kind, 10.0 * (0.049 * rate) ** at, gain, q)
    hz = np.concatenate([np.linspace(0.0, 0.5 * rate, 2000), move.frequency_hz * 2.0 ** np.linspace(-2.0, 2.0, 200)])
    hz = hz[hz <= 0.5 * rate]
    made = 20.0 * np.log10(np.abs(response(sections(move, rate), hz, rate)))
    wanted = 20.0 * np.log10(np.abs(analogue(move, np.geomspace(0.01, 100.0, 4000) * move.frequency_hz)))
    slack = 0.5 if kind == "bell" or q <= 2.0 else 3.0
    assert made.max() < wanted.max() + slack
    assert made.min() > wanted.min() - slack


@given(st.sampled_from(LEVELS), st.floats(20.0, 18_000.0), gains, st.floats(0.3, 10.0))
def test_a_cut_turns_its_boost_over(kind: str, frequency: float, gain: float, q: float) -> None:
    boost, cut = (sections(EqMove("", kind, frequency, g, q), 44_100)[0] for g in (abs(gain), -abs(gain)))
    np.testing.assert_allclose(cut[:3], boost[3:] / boost[0], rtol=1e-12)
    np.testing.assert_allclose(cut[3:], boost[:3] / boost[0], rtol=1e-12)


@given(st.sampled_from(LEVELS), st.floats(20.0, 20_000.0), st.floats(0.3, 10.0))
def test_no_gain_is_no_change(kind: str, frequency: float, q: float) -> None:
    assert sections(EqMove("", kind, frequency, 0.0, q), 44_100).tolist() == [[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]]


@given(kinds.filter(lambda k: "high-pass" not in k), st.floats(20.0, 18_000.0), gains, st.floats(0.3, 10.0), rates)
def test_the_gain_at_0_hz_is_the_prototypes(kind: str, frequency: float, gain: float, q: float, rate: int) -> None:
    move = EqMove("", kind, min(frequency, 0.45 * rate), gain, q)
    ours = response(sections(move, rate), [0.0], rate)
    assert ours[0] == pytest.approx(analogue(move, [0.0])[0], rel=1e-6)


def test_a_little_gain_changes_little() -> None:
    for kind in LEVELS:
        sos = sections(EqMove("", kind, 9000.0, 1e-4, 1.0), 44_100)
        assert np.abs(20.0 * np.log10(np.abs(response(sos, np.linspace(0, 22_050, 500), 44_100)))).max() < 2e-4


@pytest.mark.parametrize("kind", ["high-pass", "high-pass-24"])
def test_zeros_that_stop_a_frequency_stop_it(kind: str) -> None:
    assert np.abs(response(sections(EqMove("", kind, 50.0, 0.0, 0.71), 48_000), [0.0], 48_000))[0] == 0.0
    notch = sections(EqMove("", "notch", 50.0, 0.0, 10.0), 48_000)
    assert np.abs(response(notch, [50.0], 48_000))[0] < 1e-9


def test_passes_of_24_db_per_octave_are_butterworth_filters() -> None:
    hz = np.geomspace(20.0, 2000.0, 50)
    for kind, name in (("high-pass-24", "highpass"), ("low-pass-24", "lowpass")):
        move = EqMove("", kind, 200.0, 0.0, math.sqrt(0.5))
        b, a = signal.butter(4, 2.0 * math.pi * 200.0, name, analog=True)
        _, wanted = signal.freqs(b, a, 2.0 * math.pi * hz)
        np.testing.assert_allclose(analogue(move, hz), wanted, rtol=1e-9)
        np.testing.assert_allclose(np.abs(response(sections(move, 48_000), hz, 48_000)), np.abs(wanted), rtol=0.04)


def test_response_is_that_of_scipy() -> None:
    sos = sections(EqMove("", "low-pass-24", 3000.0, 0.0, 0.9), 48_000)
    hz = np.linspace(10.0, 23_000.0, 100)
    np.testing.assert_allclose(response(sos, hz, 48_000), signal.sosfreqz(sos, hz, fs=48_000)[1], rtol=1e-9)


@pytest.mark.parametrize(
    ("move", "message"),
    [
        (EqMove("", "bell", 22_050.0, 3.0, 1.0), "22050 Hz does not fit a sample rate of 44100"),
        (EqMove("", "bell", 0.0, 3.0, 1.0), "0 Hz does not fit"),
        (EqMove("", "bell", math.nan, 3.0, 1.0), "nan Hz does not fit"),
        (EqMove("", "bell", 1000.0, 3.0, 0.0), "q of 0"),
        (EqMove("", "bell", 1000.0, math.inf, 1.0), "gain of inf"),
        (EqMove("", "comb", 1000.0, 3.0, 1.0), "no filter 'comb'"),
    ],
)
def test_what_is_no_filter_is_refused(move: EqMove, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sections(move, 44_100)
