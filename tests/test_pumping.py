"""Pumping: none in clean music, more with more compression, never from a fader."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.audio import Source
from dsp.listening.pumping import pumping_db_per_db
from dsp.mix import Mix, measure
from dsp.units import Samples
from render_tests.scenes.base import RATE, clean
from render_tests.scenes.processors import Signal, compressed


def mix_of(samples: Samples | Signal) -> Mix:
    source = Source("x", "WAV", "PCM", RATE, "stereo" if len(samples) == 2 else "mono", 24)
    return measure(source, [np.ascontiguousarray(samples, dtype=np.float32)])


def kick_and_pad(ratio: float) -> Signal:
    """A kick on every beat under a held chord, through a bus compressor."""
    t = np.arange(24 * RATE) / RATE
    since = np.mod(t, 0.5)
    kick = 0.7 * np.sin(2 * np.pi * 55 * since) * np.exp(-since / 0.08)
    pad = sum(0.03 * np.sin(2 * np.pi * f * t) for f in (440, 554, 659, 880, 1108, 1318, 1760, 2637, 3520))
    x = np.stack([kick + pad, kick + pad])
    return compressed(x, 0.1, ratio, release_ms=150.0) if ratio > 1 else x


def test_more_compression_pumps_more() -> None:
    values = [pumping_db_per_db(mix_of(kick_and_pad(r))) for r in (1.0, 2.0, 4.0, 20.0)]
    assert all(v is not None for v in values)
    known = [v for v in values if v is not None]
    assert known == sorted(known)
    assert known[0] < 0.05
    assert known[-1] > 0.2


def test_the_clean_song_does_not_pump_at_any_level() -> None:
    values = [pumping_db_per_db(mix_of(clean() * np.float32(g))) for g in (1.0, 0.1)]
    assert values[0] is not None
    assert values[0] < 0.1
    assert values[1] == pytest.approx(values[0], abs=0.01)


def test_where_nothing_can_be_said_nothing_is() -> None:
    assert pumping_db_per_db(mix_of(clean()[:, : 10 * RATE])) is None
    assert pumping_db_per_db(mix_of(np.zeros((2, 30 * RATE)))) is None
    tone = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(30 * RATE) / RATE)
    assert pumping_db_per_db(mix_of(tone[None])) in (None, pytest.approx(0.0, abs=0.3))
