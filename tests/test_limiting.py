"""Limiter forensics: the moments against direct filters, the evidence against what changes nothing, the calibration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import signal

from benchmarks.limiter_calibration import EVIDENCE, PASS, PRESET, PROBLEM, cases
from dsp.limiter_model import LimiterModel
from dsp.meters.limiting import LimiterEvidence, limiter_evidence, probability, why_unknown
from dsp.meters.moments import HIGH_PASSES, LEAK_HZ, VIEWS, LoudMoments, MomentsMeter
from dsp.profile import load_limiter_model, load_profile
from dsp.units import Samples
from render_tests.scenes.base import RATE, clean
from render_tests.scenes.processors import Signal, dithered, gain, limited


def moments_of(samples: Samples | Signal, rate: int = RATE) -> LoudMoments:
    meter = MomentsMeter(rate, len(samples))
    meter.process(np.ascontiguousarray(samples, dtype=np.float32))
    return meter.result()


def evidence_of(samples: Samples | Signal, rate: int = RATE) -> LimiterEvidence:
    evidence = limiter_evidence(moments_of(samples, rate))
    assert evidence is not None
    return evidence


def likely(evidence: LimiterEvidence, seconds: float = 60.0) -> float:
    return probability(evidence, load_limiter_model(), seconds, lossy=False)


def squeezed(reduction_db: float = 4.0) -> Signal:
    return limited(clean() * gain(reduction_db), float(np.abs(clean()).max()))


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000, 11_025])
def test_views_are_the_inverse_high_passes(rate: int) -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, 3 * rate)) * 0.1
    moments = moments_of(x, rate)
    pole = math.exp(-2 * math.pi * LEAK_HZ / rate)
    x = x.astype(np.float32).astype(np.float64)
    once = signal.lfilter([1 / rate], [1, -pole], x, axis=1)
    twice = signal.lfilter([1 / rate], [1, -pole], once, axis=1)
    size = round(moments.moment_s * rate)
    for block in range(6):
        for k in range(3):
            start = round(moments.start_s[block, k] * rate)
            inside = slice(start, start + size)
            for view, (of_once, of_twice) in enumerate(VIEWS):
                direct = np.abs(x + of_once * once + of_twice * twice)[:, inside].max()
                assert moments.rows[block, k, view].max() == pytest.approx(direct, rel=2e-3)


def test_a_high_pass_undone_gives_the_ceiling_back() -> None:
    ceiling = 0.5 * float(np.abs(clean()).max())
    clipped = np.clip(clean().astype(np.float64), -ceiling, ceiling)
    for view, (order, frequency_hz) in enumerate(HIGH_PASSES, 1):
        sections = signal.butter(order, frequency_hz, "highpass", fs=RATE, output="sos")
        turned = evidence_of(signal.sosfilt(sections, clipped, axis=1))
        assert turned.view == view
        assert turned.blur_db < 0.15
        assert turned.ceiling_dbfs == pytest.approx(20 * math.log10(ceiling), abs=0.4)


@pytest.mark.parametrize("level_db", [-6.0, -12.0, -30.0, 3.0])
def test_a_fader_changes_nothing(level_db: float) -> None:
    for samples in (clean(), squeezed()):
        before, after = evidence_of(samples), evidence_of(samples * gain(level_db))
        assert likely(after) == pytest.approx(likely(before), abs=0.01)
        assert after.ceiling_dbfs - before.ceiling_dbfs == pytest.approx(level_db, abs=0.01)
        assert after.shaved_share == before.shaved_share


def test_a_limiter_is_seen_through_trim_dither_rate_and_filter() -> None:
    x = squeezed()
    shelf = signal.lfilter([1.26, -0.6], [1, -0.34], x, axis=1)
    high_passed = signal.sosfilt(signal.butter(2, 30, "highpass", fs=RATE, output="sos"), x, axis=1)
    others = {
        "trimmed": (x * gain(-12.0), RATE),
        "dithered": (dithered(x * gain(-12.0), 16), RATE),
        "converted": (signal.resample_poly(x, 147, 160, axis=1), 44_100),
        "high-passed": (high_passed, RATE),
        "brightened": (shelf / np.abs(shelf).max(), RATE),
    }
    for name, (samples, rate) in others.items():
        assert likely(evidence_of(samples, rate)) > PROBLEM, name


def test_what_says_nothing_is_said_to() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(30 * RATE) / RATE)
    assert "tone" in (why_unknown(evidence_of(np.stack([tone, tone])), 30.0, 3.0) or "")
    bar = np.tile(clean()[:, RATE : 3 * RATE], (1, 15))
    assert "loop" in (why_unknown(evidence_of(bar), 30.0, 12.0) or "")
    assert "short" in (why_unknown(evidence_of(clean()), 5.0, 12.0) or "")
    assert limiter_evidence(moments_of(np.zeros((2, RATE)))) is None
    assert limiter_evidence(moments_of(np.zeros((2, 0)))) is None


def test_less_to_go_by_is_nearer_to_a_half() -> None:
    model = LimiterModel("test", 3.0, 0.0, 0.0, 0.0, 0.0)
    evidence = evidence_of(clean())
    sure = probability(evidence, model, 60.0, lossy=False)
    assert 0.5 < probability(evidence, model, 30.0, lossy=False) < sure
    assert 0.5 < probability(evidence, model, 60.0, lossy=True) < sure


def test_the_calibration_holds_on_what_it_has_not_seen() -> None:
    c = cases()
    p = c.cross_validated()
    assert (p[c.wanted] > PROBLEM).mean() >= 0.94
    assert (p[c.family == "none"] > PROBLEM).mean() <= 0.02
    assert (p[c.family == "compressor"] > PROBLEM).mean() <= 0.04
    assert (p[c.wanted] <= PASS).mean() <= 0.02


def test_the_preset_is_the_fit_and_the_profile_has_its_limits() -> None:
    *weights, intercept = cases().fit(np.ones(len(cases().song), dtype=bool))
    model = load_limiter_model()
    assert [getattr(model, key) for key in EVIDENCE] == pytest.approx(weights, abs=1e-3)
    assert model.intercept == pytest.approx(intercept, abs=1e-3)
    assert PRESET.is_file()
    profile = load_profile("mix")
    assert profile.number("bus-limiter", "problem_probability") == PROBLEM
    assert profile.number("bus-limiter", "pass_probability") == PASS
