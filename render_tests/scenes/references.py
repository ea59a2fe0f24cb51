"""Scenes beside a reference, which is the clean mix itself or something that does not suit it."""

from __future__ import annotations

import numpy as np

from render_tests.scenes.base import FRAMES, clean, filtered_noise, quantised
from render_tests.scenes.processors import gain
from render_tests.scenes.registry import Take, scene, wav_source
from render_tests.scenes.tonal import bell


@scene("reference", "info")
def hotter_low_mids_than_the_reference() -> Take:
    """Five decibels too much at 300 Hz, beside the same song without."""
    hot = quantised(bell(clean(), 300.0, 5.0, 1.0) * gain(-2.0))
    return Take(hot, wav_source("low mids"), references=(clean(),))


@scene("reference", "warning", "frequency-balance")
def much_less_presence_than_the_references() -> Take:
    """Nine decibels missing at 3 kHz, beside the same song at two levels."""
    dull = quantised(bell(clean(), 3_000.0, -9.0, 1.0))
    softer = np.ascontiguousarray(clean() * np.float32(0.5))
    return Take(dull, wav_source("dull"), references=(clean(), softer))


@scene("reference", "undetermined")
def a_reference_of_another_kind() -> Take:
    """The clean song beside half a minute of steady wind, which has neither its beat nor its spectrum."""
    wind = filtered_noise(2 * FRAMES, 20.0, 400.0, np.random.default_rng(4)).reshape(2, FRAMES)
    return Take(clean(), references=(quantised(wind * (0.1 / np.abs(wind).max())),))
