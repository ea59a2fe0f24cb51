"""Width by region against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.audio import Source
from dsp.listening.width import phone_mono_score, region_widths
from dsp.mix import Mix, measure
from dsp.profile import genre_names, load_genre
from dsp.regions import REGIONS
from dsp.units import Curve

RATE = 48_000


def mix_of(left: Curve, right: Curve) -> Mix:
    samples = np.ascontiguousarray(np.stack([left, right]), dtype=np.float32)
    return measure(Source("x", "WAV", "PCM", RATE, "stereo", 24), [samples])


def noise(seed: int, seconds: float = 12.0) -> Curve:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


@pytest.mark.parametrize(
    ("right", "side_share", "loss_db"),
    [
        (lambda x, y: x, 0.0, 0.0),
        (lambda x, y: y, 0.5, -3.01),
        (lambda x, y: -0.5 * x, 0.9, -10.0),
        (lambda x, y: 0 * x, 0.5, -3.01),
        (lambda x, y: 0.6 * x + 0.8 * y, 0.2, -0.97),
    ],
)
def test_every_region_reads_the_closed_form(right: object, side_share: float, loss_db: float) -> None:
    x, y = noise(1), noise(2)
    mix = mix_of(x, right(x, y))  # type: ignore[operator]
    widths = region_widths(mix)
    assert [w.region for w in widths] == list(REGIONS)
    for w in widths:
        assert w.side_share == pytest.approx(side_share, abs=0.1 if w.region.high_hz < 100 else 0.02), w.region
        assert w.mono_loss_db == pytest.approx(loss_db, abs=0.9 if w.region.high_hz < 100 else 0.4), w.region
        assert np.nanmean(w.side_share_curve) == pytest.approx(side_share, abs=0.06)
    score = phone_mono_score(mix)
    assert score is not None
    assert score[0] == pytest.approx(100 * (1 - side_share), abs=1.0)


def test_a_wide_region_is_found_where_it_is() -> None:
    x, y = noise(1, 20.0), noise(2, 20.0)
    spectrum = np.fft.rfft(np.stack([x, y]))
    hz = np.fft.rfftfreq(len(x), 1 / RATE)
    presence = (hz >= 2000) & (hz < 6000)
    side = np.fft.irfft(np.where(presence, spectrum[1], 0), len(x))
    side[: 10 * RATE] = 0.0
    widths = {w.region.name: w for w in region_widths(mix_of(x + side, x - side))}
    curve, at_s = widths["presence"].side_share_curve, widths["presence"].at_s
    assert np.nanmax(curve[at_s + 3.0 < 10.0]) < 0.02
    assert np.nanmin(curve[at_s > 10.0]) == pytest.approx(0.5, abs=0.05)
    assert widths["midrange"].side_share < 0.1  # the skirts of the third octaves
    assert widths["sibilance"].side_share < 0.1


def test_mono_and_silence_have_no_width() -> None:
    assert region_widths(mix_of(np.zeros(RATE), np.zeros(RATE))) == ()
    mono = measure(Source("x", "WAV", "PCM", RATE, "mono", 24), [noise(1).astype(np.float32)[None]])
    assert region_widths(mono) == ()
    assert phone_mono_score(mono) is None


@pytest.mark.parametrize("name", genre_names())
def test_every_genre_has_a_range_for_every_region(name: str) -> None:
    genre = load_genre(name)
    for region in REGIONS:
        low, high = genre.width(region.name)
        assert 0.0 <= low < high <= 0.7
