"""The third-octave band-gram against a class 1 filter bank, and its arithmetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from dsp.meters.spectrum import BandGram, BandGramMeter
from dsp.units import Curve, Samples
from plugin_bridge.files import read_audio
from tests.music_signals import music, pink, wave

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "data"


def gram(samples: Samples, rate: int = 48_000) -> BandGram:
    meter = BandGramMeter(rate, len(samples))
    meter.process(samples)
    return meter.result()


def filter_bank_db(samples: Samples, rate: int, bands: Curve) -> Curve:
    """Levels behind third-order Butterworth band-passes (IEC 61260-1 class 1), mean of the channels."""
    edge = 10 ** (1 / 20)
    levels = []
    for band in bands:
        sos = signal.butter(3, [band / edge, band * edge], "bandpass", fs=rate, output="sos")
        levels.append(np.mean(signal.sosfilt(sos, samples.astype(np.float64), axis=-1) ** 2))
    return np.asarray(10 * np.log10(levels))


def compare(samples: Samples, rate: int, highest_hz: float) -> float:
    """Largest difference in dB from 50 Hz to `highest_hz`, of bands within 60 dB of the strongest."""
    result = gram(samples, rate)
    ours = 10 * np.log10(result.long_term()[: len(samples)].mean(axis=0))
    chosen = (result.band_hz > 45) & (result.band_hz < highest_hz) & (ours > ours.max() - 60)
    return float(np.abs(ours[chosen] - filter_bank_db(samples, rate, result.band_hz[chosen])).max())


def high_passed(x: Curve, rate: int) -> Curve:
    """Without what no mix has: brown noise grows without bound towards 0 Hz."""
    return np.asarray(signal.sosfilt(signal.butter(2, 10, "high", fs=rate, output="sos"), x, axis=-1))


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("kind", ["white", "pink", "brown", "music", "bass"])
def test_within_half_a_decibel_of_a_class_1_filter_bank(kind: str, rate: int) -> None:
    rng = np.random.default_rng(1)
    frames = 20 * rate
    t = np.arange(frames) / rate
    notes = [41.2, 55.0, 61.7, 82.4, 98.0]
    tones = [np.sin(2 * np.pi * f * t) * (np.floor(t * 2) % len(notes) == i) for i, f in enumerate(notes)]
    made = {
        "white": lambda: 0.1 * rng.standard_normal((2, frames)),
        "pink": lambda: 0.1 * pink(2, frames, 2),
        "brown": lambda: high_passed(0.1 * pink(2, frames, 3, slope=2.0), rate),
        "music": lambda: music(20.0, rate, seed=9),
        "bass": lambda: 0.3 * np.stack([sum(tones) + 0.01 * rng.standard_normal(frames)] * 2),
    }[kind]()
    # At 16 and 20 kHz the reference bank's own skirts are bent by the bilinear transform at 44.1 and 48 kHz.
    assert compare(wave(made), rate, 14_000) < 0.5


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["mixes/stk_garden.ogg", "unlimited/flying_scotsman.flac"])
def test_within_half_a_decibel_on_real_songs(name: str) -> None:
    if not (CORPUS / name).exists():
        pytest.skip("the songs are not beside this checkout")
    audio, _ = read_audio(CORPUS / name)
    assert compare(np.ascontiguousarray(audio.samples[:, : 60 * audio.sample_rate]), audio.sample_rate, 14_000) < 0.5


def test_bins_add_up_to_the_energy() -> None:
    x = wave(music(10.0, 48_000, seed=2))
    assert gram(x).bins.sum() == pytest.approx(float((x.astype(np.float64) ** 2).mean()), rel=2e-3)


def test_the_cross_term_gives_the_mono_sum_and_leaves_one_out() -> None:
    mix, stem = wave(music(8.0, 48_000, seed=3))[0], wave(music(8.0, 48_000, seed=4))[0]
    mix = (mix + stem).astype(np.float32)
    rows = ((mix, stem), (mix + stem,), (mix - stem,))
    pair, summed, rest = (gram(np.stack(row).astype(np.float32)) for row in rows)
    ll, rr, re, _ = (pair.data[:, k].astype(np.float64) for k in range(4))
    scale = summed.power[:, 0].max()
    np.testing.assert_allclose(ll + rr + 2 * re, summed.power[:, 0], atol=2e-6 * scale)
    np.testing.assert_allclose(ll + rr - 2 * re, rest.power[:, 0], atol=2e-6 * scale)


@pytest.mark.parametrize("at", [48_000, 48_600, 49_177, 50_399, 50_400])
def test_a_click_counts_the_same_wherever_it_falls_and_shows_in_its_frame(at: int) -> None:
    x = np.zeros((1, 144_000), dtype=np.float32)
    x[0, at] = 1.0
    result = gram(x)
    energy = result.power[:, 0].sum(axis=0, dtype=np.float64) * result.frame_s * 48_000
    reference = np.zeros((1, 144_000), dtype=np.float32)
    reference[0, 72_000] = 1.0
    expected = gram(reference).power[:, 0].sum(axis=0, dtype=np.float64) * result.frame_s * 48_000
    np.testing.assert_allclose(energy, expected, rtol=2e-3)
    for band in (4, 20):  # a long-window and a short-window band
        assert abs(int(result.power[:, 0, band].argmax()) - at / 48_000 / result.frame_s) <= 1.0
