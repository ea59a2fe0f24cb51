"""Scenes of frequency balance: broad equalisation of the whole mix, and of one track."""

from __future__ import annotations

import numpy as np

from dsp.units import Samples
from render_tests.scenes.base import CHORUS_S, RATE, clean, quantised, stems
from render_tests.scenes.processors import Signal, levelled
from render_tests.scenes.registry import Take, scene, wav_source


def bell(samples: Samples | Signal, frequency_hz: float, level_db: float, q: float) -> Signal:
    """An analogue bell without a shift of phase: gain `level_db` at `frequency_hz`."""
    spectrum = np.fft.rfft(np.asarray(samples, dtype=np.float64))
    s = 1j * np.maximum(np.fft.rfftfreq(samples.shape[1], 1.0 / RATE), 1e-3) / frequency_hz
    a = 10.0 ** (level_db / 40.0)
    spectrum *= np.abs((s * s + s * a / q + 1.0) / (s * s + s / (a * q) + 1.0))
    return np.asarray(np.fft.irfft(spectrum, samples.shape[1]))


def _equalised(frequency_hz: float, level_db: float, q: float = 1.0) -> Take:
    changed = levelled(bell(clean(), frequency_hz, level_db, q), clean())
    return Take(quantised(changed * 0.6), wav_source(f"{level_db:+g} dB at {frequency_hz:g} Hz"))


@scene("frequency-balance", "problem")
def boxy() -> Take:
    """Nine decibels too much at 630 Hz."""
    return _equalised(630.0, 9.0)


@scene("frequency-balance", "problem")
def boomy() -> Take:
    """Fifteen decibels too much at 150 Hz."""
    return _equalised(150.0, 15.0)


@scene("frequency-balance", "warning")
def scooped() -> Take:
    """Twelve decibels missing around 1.6 kHz."""
    return _equalised(1600.0, -12.0)


@scene("frequency-balance", "warning")
def harsh() -> Take:
    """Fifteen decibels too much at 3 kHz."""
    return _equalised(3000.0, 15.0)


@scene("frequency-balance", "warning")
def distant() -> Take:
    """Nine decibels missing around 3.5 kHz."""
    return _equalised(3500.0, -9.0)


@scene("frequency-balance", "info")
def dark() -> Take:
    """Fifteen decibels missing around 8 kHz."""
    return _equalised(8000.0, -15.0, 0.7)


@scene("frequency-balance", "info")
def warm() -> Take:
    """Six decibels too much at 400 Hz: heard, but not unusual."""
    return _equalised(400.0, 6.0)


@scene("frequency-balance", "warning")
def muddy_chorus() -> Take:
    """Both guitars with far too much at 300 Hz, in the chorus only."""
    tracks = stems()
    inside = np.arange(tracks["Bass"].shape[1]) / RATE
    chorus = (inside >= CHORUS_S[0]) & (inside < CHORUS_S[1])
    extra = sum(bell(tracks[name], 300.0, 16.0, 1.4) - tracks[name] for name in ("Guitar L", "Guitar R"))
    mix = np.sum(list(tracks.values()), axis=0) + extra * chorus
    return Take(quantised(levelled(mix, clean()) * 0.6), wav_source("muddy chorus"), {"deviation_db": ((9.0, 21.0),)})
