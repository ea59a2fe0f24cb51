"""Fitting bands to a deviation, and what brings a region back inside the spread of its genre."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from dsp.correction.balance import AIM, After
from dsp.correction.fit import (
    BOOST_HZ,
    INSIDE,
    LEAST_Q,
    MOST_BANDS,
    MOST_Q,
    SKIRT_DB,
    STEM_DB,
    Wanted,
    direct,
    fit,
)
from dsp.findings import EqMove
from dsp.listening.tonal import compare
from dsp.meters.bands import BAND_HZ
from dsp.profile import load_genre
from dsp.stems.attribution import eq_response
from dsp.units import Curve

HZ = np.asarray(BAND_HZ, dtype=np.float64)
#: What rounding to a tenth of a decibel may leave outside, in spreads of one decibel.
ROUNDED = 0.15
#: Limits of gain beyond those of rounding (dB): soft where bands add up.
SOFT_DB = 0.2

#: Fits take too long to shrink what fails.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)

bells = st.builds(
    EqMove,
    st.just("x"),
    st.just("bell"),
    st.floats(60.0, 10_000.0),
    st.floats(-9.0, 9.0),
    st.floats(0.5, 3.0),
)


def bell(frequency_hz: float, gain_db: float, q: float = 1.0) -> EqMove:
    return EqMove("x", "bell", frequency_hz, gain_db, q)


def wanted(
    deviation: Sequence[EqMove] | Curve, tolerance: float = 1.0, spread_db: float = 1.0, hz: Curve = HZ
) -> Wanted:
    """A flat spectrum with bells on it, or any deviation (dB)."""
    deviation_db = deviation if isinstance(deviation, np.ndarray) else direct(hz)(deviation)
    return Wanted(hz, deviation_db, np.full(len(hz), spread_db), np.ones(len(hz), dtype=bool), tolerance)


def fitted(target: Wanted, most_db: float = 12.0, most_bands: int = MOST_BANDS) -> tuple[EqMove, ...]:
    return fit(target, "x", most_db, direct(target.band_hz), most_bands)


def worst(target: Wanted, bands: Sequence[EqMove]) -> float:
    """The most that is left outside, in spreads."""
    return float(np.abs(target.outside(direct(target.band_hz)(bands))).max())


@pytest.mark.parametrize(
    ("frequency_hz", "gain_db", "q"),
    [
        *((hz, db, q) for hz in (63.0, 200.0, 1300.0, 9000.0) for db, q in ((8.0, 0.6), (5.0, 1.4), (9.0, 3.0))),
        (1300.0, -8.0, 0.8), (600.0, -6.0, 2.0), (3000.0, -5.0, 1.4),
    ],
)  # fmt: skip
def test_one_bell_is_undone_by_one_band_where_it_is(frequency_hz: float, gain_db: float, q: float) -> None:
    put_on = wanted([bell(frequency_hz, gain_db, q)])
    (band,) = fitted(put_on)
    assert band.gain_db * gain_db < 0.0
    assert abs(band.gain_db) <= abs(gain_db) + 1.0
    assert abs(np.log2(band.frequency_hz / frequency_hz)) < 1 / 6
    assert worst(put_on, [band]) < ROUNDED


def test_a_bell_is_undone_exactly_where_nothing_is_tolerated() -> None:
    (band,) = fitted(wanted([bell(1000.0, 6.0, 1.2)], tolerance=0.05, spread_db=0.5))
    assert band.frequency_hz == pytest.approx(1000.0, rel=0.01)
    assert band.gain_db == pytest.approx(-6.0, abs=0.15)
    assert band.q == pytest.approx(1.2, abs=0.06)


@pytest.mark.parametrize("many", [2, 3])
def test_bells_far_apart_take_as_many_bands(many: int) -> None:
    put_on = wanted([bell(hz, 7.0, 1.5) for hz in (100.0, 1000.0, 8000.0)[:many]])
    bands = fitted(put_on)
    assert len(bands) == many
    assert worst(put_on, bands) < ROUNDED


def test_what_is_inside_the_tolerance_is_left_alone() -> None:
    assert fitted(wanted([bell(500.0, 6.0)], tolerance=6.0)) == ()
    assert fitted(wanted(np.zeros(len(HZ)), tolerance=0.0)) == ()
    assert fitted(wanted(np.full(len(HZ), 1.0 + 0.5 * INSIDE))) == ()
    assert fitted(wanted([bell(500.0, 6.0)]), most_bands=0) == ()


@given(st.lists(bells, max_size=3), st.floats(0.3, 5.0), st.sampled_from([3.0, 6.0, 12.0]))
@settings(max_examples=10, deadline=None, phases=PHASES)
def test_bands_keep_their_limits_and_never_make_it_worse(
    put_on: list[EqMove], spread_db: float, most_db: float
) -> None:
    target = wanted(put_on, spread_db=spread_db)
    bands = fitted(target, most_db)
    assert len(bands) <= MOST_BANDS
    assert all(abs(b.gain_db) <= most_db and LEAST_Q <= b.q <= MOST_Q for b in bands)
    effect = direct(HZ)(bands)
    assert target.cost(effect) <= target.cost(np.zeros(len(HZ)))
    middles = np.array([b.frequency_hz for b in bands])
    together = np.prod([np.abs(eq_response(b, middles)) for b in bands], axis=0)
    assert (np.abs(20.0 * np.log10(together)) <= most_db + SOFT_DB).all()
    assert fitted(target, most_db) == bands  # deterministic


def test_a_bump_beyond_the_limit_is_taken_as_far_as_it_goes() -> None:
    target = wanted([bell(400.0, 9.0, 1.0)])
    bands = fitted(target, 3.0)
    assert direct(HZ)(bands).min() == pytest.approx(-3.0, abs=0.3)


def test_more_bands_are_made_only_where_they_take_more() -> None:
    rng = np.random.default_rng(1)
    rough = wanted(rng.normal(0.0, 0.4, len(HZ)))  # a comb that no bell can follow, inside the tolerance for the most
    assert len(fitted(rough)) <= 1
    three = wanted([bell(hz, 7.0, 2.0) for hz in (100.0, 900.0, 8000.0)])
    costs = [three.cost(direct(HZ)(fitted(three, most_bands=n))) for n in range(5)]
    assert costs[0] > costs[1] > costs[2] > costs[3]
    assert costs[4] == costs[3]  # the fourth band is not made


@pytest.mark.parametrize(("gain_db", "q"), [(4.0, 1.0), (7.0, 2.0), (9.0, 0.8)])
def test_a_boost_is_dearer_than_a_cut(gain_db: float, q: float) -> None:
    cut, boost = (fitted(wanted([bell(1000.0, g, q)])) for g in (gain_db, -gain_db))
    peak_db = [float(np.abs(direct(HZ)(bands)).max()) for bands in (cut, boost)]
    assert peak_db[1] <= peak_db[0] + 0.1
    assert np.square(direct(HZ)(boost)).sum() < np.square(direct(HZ)(cut)).sum() + 0.5


def test_without_boosts_there_are_only_cuts() -> None:
    both = dataclasses.replace(wanted([bell(200.0, 7.0), bell(4000.0, -7.0)]), boosts=False)
    bands = fitted(both)
    assert [b.gain_db < 0.0 for b in bands] == [True]
    assert fitted(dataclasses.replace(wanted([bell(4000.0, -7.0)]), boosts=False)) == ()


def test_bands_are_no_narrower_than_wanted() -> None:
    narrow = dataclasses.replace(wanted([bell(1000.0, 9.0, 4.0)]), most_q=2.0)
    assert all(b.q <= 2.0 for b in fitted(narrow))


@pytest.mark.parametrize("frequency_hz", [20.0, 25.0, 19_000.0])
def test_nothing_is_boosted_where_nobody_hears(frequency_hz: float) -> None:
    bands = fitted(wanted([bell(frequency_hz, -9.0, 3.0)]))
    beyond = (BOOST_HZ[0] > HZ) | (BOOST_HZ[1] < HZ)
    assert float(direct(HZ)(bands)[beyond].max(initial=0.0)) <= SKIRT_DB


@given(st.integers(0, len(HZ) - 6), st.integers(2, 6), st.floats(0.5, 3.0))
@settings(max_examples=8, deadline=None, phases=PHASES)
def test_nothing_is_boosted_where_nothing_sounds(first: int, many: int, q: float) -> None:
    present = np.ones(len(HZ), dtype=bool)
    present[first : first + many] = False
    target = dataclasses.replace(wanted([bell(float(HZ[first]), -9.0, q)]), present=present)
    assert float(direct(HZ)(fitted(target, most_bands=2))[~present].max()) <= SKIRT_DB


@given(st.integers(1, len(HZ)), st.lists(bells, max_size=2), st.booleans())
@settings(max_examples=20, deadline=None, phases=PHASES)
def test_any_number_of_bands_can_be_fitted(many: int, put_on: list[EqMove], boosts: bool) -> None:
    """Files of low rates have fewer third octaves."""
    hz = HZ[:many]
    for present in (np.ones(many, dtype=bool), np.zeros(many, dtype=bool)):
        target = dataclasses.replace(wanted(put_on, hz=hz), present=present, boosts=boosts)
        bands = fitted(target, STEM_DB)
        assert all(np.isfinite([b.frequency_hz, b.gain_db, b.q]).all() for b in bands)
        assert bands == () or present.any()


@given(st.lists(bells, min_size=1, max_size=3), bells)
@settings(max_examples=30, deadline=None, phases=PHASES)
def test_what_moves_do_to_the_balance_is_what_comparing_again_says(put_on: list[EqMove], move: EqMove) -> None:
    """A second implementation: the spectrum is filtered and beside the genre once more, its level matched again."""
    genre = load_genre("modern")
    power = 10.0 ** ((genre.level_at(HZ) + direct(HZ)(put_on)) / 10.0)
    before = compare(power, HZ, genre)
    move = dataclasses.replace(move, target="mix")
    after = compare(power * 10.0 ** (direct(HZ)([move]) / 10.0), HZ, genre)
    same = before.judged & after.judged
    found = After(before, None)([move])
    np.testing.assert_allclose(found[same], (after.smooth_db - before.smooth_db)[same], atol=1e-6)
    assert not found[~before.judged].any()


def test_a_cut_in_the_middle_lifts_everything_else() -> None:
    genre = load_genre("modern")
    balance = compare(10.0 ** (genre.level_at(HZ) / 10.0), HZ, genre)
    changed = After(balance, None)([EqMove("mix", "bell", 600.0, -6.0, 0.7)])
    assert changed[int(np.abs(HZ - 600.0).argmin())] < -2.0
    assert changed[int(np.abs(HZ - 8000.0).argmin())] > 0.1
    assert 0.0 < AIM < 1.0
