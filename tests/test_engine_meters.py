"""Meters that move say at any time what those of `dsp.meters` say of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.audio import loudness_weights
from dsp.meters.loudness import LoudnessMeter
from dsp.meters.spectrum import BandGramMeter
from dsp.meters.true_peak import TruePeakMeter
from dsp.mix import measure
from dsp.units import Samples, power_db_curve
from plugin_bridge.live.measuring import Pass, source_of
from plugin_bridge.live.meters import HISTORY, LiveMeters
from plugin_bridge.live.spectrum import LiveSpectrum
from tests.music_signals import music

RATE = 48_000


def song(seconds: float = 7.3, rate: int = RATE) -> Samples:
    return np.ascontiguousarray(music(seconds, rate), dtype=np.float32)


def heard(x: Samples, sizes: list[int], rate: int = RATE) -> LiveMeters:
    meters = LiveMeters(rate, len(x), loudness_weights("stereo" if len(x) == 2 else "mono"))
    start, k = 0, 0
    while start < x.shape[1]:
        meters.process(x[:, start : start + sizes[k % len(sizes)]], counted=True)
        start += sizes[k % len(sizes)]
        k += 1
    return meters


def reference(x: Samples, rate: int = RATE) -> LoudnessMeter:
    meter = LoudnessMeter(rate, len(x), loudness_weights("stereo" if len(x) == 2 else "mono"))
    meter.process(x)
    return meter


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_readings_equal_those_of_the_whole_at_every_rate(rate: int, channels: int) -> None:
    x = song(4.21, rate)[:channels]
    live, loudness = heard(x, [rate // 20], rate), reference(x, rate).result()
    assert live.pass_loudness.integrated_lufs == pytest.approx(loudness.integrated_lufs, abs=1e-7)
    assert live.momentary_lufs == pytest.approx(loudness.momentary_lufs()[-1], abs=1e-7)
    assert live.short_term_lufs == pytest.approx(loudness.short_term_lufs(1)[-1], abs=1e-7)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=6))
def test_how_the_audio_is_cut_up_does_not_matter(sizes: list[int]) -> None:
    x = song(4.0)
    whole, cut = heard(x, [x.shape[1]]), heard(x, [max(s, 100) for s in sizes])
    assert cut.pass_loudness.integrated_lufs == pytest.approx(whole.pass_loudness.integrated_lufs, abs=1e-9)
    assert cut.momentary_lufs == pytest.approx(whole.momentary_lufs, abs=1e-9)
    assert cut.correlation == pytest.approx(whole.correlation, abs=1e-6)
    assert np.allclose(cut.momentary_history[-30:], whole.momentary_history[-30:], atol=1e-9)
    assert np.allclose(cut.short_term_history[-30:], whole.short_term_history[-30:], atol=1e-9)


def test_the_history_is_the_curve_of_momentary_and_short_term_loudness() -> None:
    x = song(7.3)
    live, loudness = heard(x, [2400]), reference(x).result()
    momentary, short = loudness.momentary_lufs(10), loudness.short_term_lufs(10)
    # the last point of the history ends at the last whole tenth of a second
    assert np.allclose(live.momentary_history[-len(momentary) :], momentary, atol=1e-9)
    assert np.allclose(live.short_term_history[-len(short) :], short, atol=1e-9)
    assert len(live.momentary_history) == HISTORY
    assert live.momentary_history[0] < -200.0


def test_the_true_peak_of_a_pass_is_that_of_the_whole() -> None:
    x = song(5.0)
    x[:, 100_000] = 0.97  # well before the last fifth of a second
    meter = TruePeakMeter(RATE, 2)
    meter.process(x)
    peak = meter.result().max_dbtp
    assert heard(x, [2400]).pass_peak.max_dbtp == pytest.approx(peak, abs=1e-4)
    assert heard(x, [113, 9001]).pass_peak.max_dbtp == pytest.approx(peak, abs=1e-4)


def test_correlation_is_of_the_last_400_ms_and_none_of_silence() -> None:
    x = song(3.0)
    x[1] = -x[0]
    x[1, -24_000:] = x[0, -24_000:]
    assert heard(x[:, :-24_000], [2400]).correlation == pytest.approx(-1.0, abs=1e-9)
    assert heard(x, [2400]).correlation == pytest.approx(1.0, abs=1e-9)
    assert heard(np.zeros((2, RATE), np.float32), [2400]).correlation is None
    assert heard(x[:1], [2400]).correlation is None


def test_a_pass_that_begins_forgets_what_was_before() -> None:
    loud, x = np.float32(0.9) * np.ones((2, RATE), np.float32), song(4.0)
    meters = heard(loud, [1777])
    meters.begin()
    meters.process(x, counted=True)
    assert meters.pass_loudness.integrated_lufs == pytest.approx(reference(x).result().integrated_lufs, abs=1e-9)


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_the_moving_spectrum_is_the_frame_of_the_band_gram(rate: int) -> None:
    x, frame = song(3.0, rate), rate // 20
    meter = BandGramMeter(rate, 2)
    meter.process(x)
    gram, k = meter.result(), 30
    late = LiveSpectrum(rate, 2)
    late.process(x[:, : (k + 1) * frame])  # the last 100 ms are centred on frame k
    expected = power_db_curve(gram.power[k].mean(axis=0))
    assert np.allclose(power_db_curve(late.power())[9:], expected[9:], atol=0.01)
    later = LiveSpectrum(rate, 2)
    later.process(x[:, : (k + 4) * frame + 200])  # and the last 400 ms, but for the decimator's delay
    present = expected[:9] > expected.max() - 40.0
    assert np.allclose(power_db_curve(later.power())[:9][present], expected[:9][present], atol=1.0)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 60_000), min_size=1, max_size=5), st.booleans())
def test_a_pass_reads_what_a_file_reads_however_it_comes(sizes: list[int], looked_at: bool) -> None:
    x, source = song(3.7), source_of("x", RATE, 2)
    measured, start, k = Pass(source), 0, 0
    while start < x.shape[1]:
        size = max(sizes[k % len(sizes)], 500)
        measured.process(x[:, start : start + size])
        if looked_at and k % 3 == 0:
            measured.mix(to_the_sample=k % 2 == 0)
        start, k = start + size, k + 1
    expected, got = measure(source, [x]), measured.mix(to_the_sample=True)
    assert got.measurements() == expected.measurements()
    assert np.array_equal(got.spectrum, expected.spectrum)
    assert measured.frames == x.shape[1]
