"""The mastering forecast against the same limiter really applied to the audio."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dsp.audio import Source
from dsp.listening.forecast import forecast, gain_reduction_db
from dsp.mix import Mix, measure
from dsp.units import Samples, amplitude_db
from render_tests.scenes.base import RATE, clean

SOURCE = Source("mix", "WAV", "float", RATE, "stereo", 32)


def mix_of(samples: Samples) -> Mix:
    return measure(SOURCE, [np.ascontiguousarray(samples, dtype=np.float32)])


def rendered(samples: Samples, work: Any) -> Samples:
    """The drive and the gain reduction applied to the samples."""
    middle = (np.arange(len(work.reduction_db)) + 0.5) * work.step_s * RATE
    curve = np.interp(np.arange(samples.shape[1]), middle, work.reduction_db)
    return np.asarray(samples * 10 ** ((work.drive_db - curve) / 20), dtype=np.float32)


@pytest.mark.parametrize("target_lufs", [-16.0, -14.0, -11.0, -9.0])
@pytest.mark.parametrize("level_db", [0.0, -12.0, 6.0])
def test_the_forecast_is_what_the_limiter_does(target_lufs: float, level_db: float) -> None:
    samples = clean() * np.float32(10 ** (level_db / 20))
    work = forecast(mix_of(samples), target_lufs)
    assert work is not None
    after = mix_of(rendered(samples, work)).readings
    assert after.loudness.integrated_lufs == pytest.approx(target_lufs, abs=0.1)
    assert after.true_peak.max_dbtp is not None
    assert after.true_peak.max_dbtp <= -1.0 + 0.15
    before = mix_of(samples).readings.dynamics.plr_db
    assert before is not None
    assert after.dynamics.plr_db is not None
    assert work.plr_lost_db == pytest.approx(before - after.dynamics.plr_db, abs=0.2)


def test_a_fader_changes_only_the_drive() -> None:
    one, other = (forecast(mix_of(clean() * np.float32(g)), -10.0) for g in (1.0, 0.25))
    assert one is not None
    assert other is not None
    assert other.drive_db - one.drive_db == pytest.approx(amplitude_db(4.0), abs=0.05)
    assert other.max_db == pytest.approx(one.max_db, abs=0.1)
    assert other.p95_db == pytest.approx(one.p95_db, abs=0.1)


def test_more_loudness_needs_more_limiting() -> None:
    work = [forecast(mix_of(clean()), t) for t in (-20.0, -14.0, -12.0, -10.0, -8.0)]
    assert [w.max_db for w in work if w] == sorted(w.max_db for w in work if w)
    assert work[0] is not None
    assert work[0].max_db == 0.0


def test_the_reduction_is_there_before_the_peak_and_lets_go_steadily() -> None:
    over = np.full(1000, -10.0)
    over[500] = 6.0
    curve = gain_reduction_db(over, 0.001)
    assert curve[500] == pytest.approx(6.0, abs=0.1)
    assert curve[495] == 0.0
    assert curve[600] == pytest.approx(0.0, abs=0.2)
    assert curve[550] == pytest.approx(3.0, abs=0.2)


def test_silence_has_no_forecast() -> None:
    assert forecast(mix_of(np.zeros((2, RATE), np.float32)), -14.0) is None
