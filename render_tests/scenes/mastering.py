"""Scenes of what a mastering limiter meets."""

from __future__ import annotations

import numpy as np

from render_tests.scenes.base import BEAT_S, RATE, beat_s, clean, quantised
from render_tests.scenes.processors import gain
from render_tests.scenes.registry import Take, around, scene, wav_source


@scene("mastering-forecast", "info")
def one_huge_hit() -> Take:
    """One stroke of the chorus is 9 dB too loud, in a mix that was turned down for it."""
    samples = clean().astype(np.float64)
    start = round(beat_s(20.0) * RATE) - 200
    stop = start + round(0.15 * RATE)
    samples[:, start:stop] *= gain(9.0)
    at_s = start / RATE + 0.08
    places = {"streaming_reduction_max_db": (around(at_s, 0.1),), "hard_work_db": (around(at_s, 1.5),)}
    return Take(quantised(samples * gain(-9.0)), wav_source("one hit"), places)


@scene("mastering-forecast", "warning", "frequency-balance", "noise-and-hum", "over-compression", "subsonic")
def only_transients() -> Take:
    """Everything but the strokes of the drums has been gated down by 18 dB: far too dynamic for -14 LUFS."""
    t = np.arange(clean().shape[1]) / RATE - beat_s(0.0)
    since_stroke = np.mod(t, BEAT_S / 2)
    envelope = gain(-18.0) + (1.0 - gain(-18.0)) * np.exp(-since_stroke / 0.012)
    return Take(quantised(clean() * envelope), wav_source("gated"))
