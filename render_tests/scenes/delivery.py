"""Scenes of delivery: what services and codecs make of the file."""

from __future__ import annotations

import numpy as np

from dsp.mix import measure
from plugin_bridge.codecs import encode
from render_tests.scenes.base import clean
from render_tests.scenes.processors import gain
from render_tests.scenes.registry import LEVEL, Take, float_source, scene


@scene("platforms", "info", *LEVEL)
def turned_down_everywhere() -> Take:
    """Six decibels louder, in a float file: services turn it down by as much."""
    return Take(np.ascontiguousarray(clean() * np.float32(gain(6.0))), float_source("loud"))


@scene("codec-peaks", "info", *LEVEL)
def over_after_encoding() -> Take:
    """Raised until its true peak lies just below full scale: codecs lift it above."""
    peak_dbtp = measure(float_source("peak"), [clean()]).readings.true_peak.max_dbtp
    assert peak_dbtp is not None
    samples = np.ascontiguousarray(clean() * np.float32(gain(-0.02 - peak_dbtp)))
    source = float_source("full")
    return Take(samples, source, encoded=encode(measure(source, [samples]), [samples]))
