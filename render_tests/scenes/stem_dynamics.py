"""Scenes of stems that were compressed too much or too little, and of stems that carry rumble."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import signal

from render_tests.scenes.base import FRAMES, RATE, SECONDS, clean, quantised
from render_tests.scenes.processors import Signal, gain
from render_tests.scenes.registry import Take, clean_tracks, scene, wav_source


def _with(name: str, change: Callable[[Signal], Signal], title: str, *, places: bool = False) -> Take:
    """The clean song with one stem changed, in the stem and in the mix."""
    tracks = dict(clean_tracks())
    before = tracks[name].astype(np.float64)
    after = change(before)
    tracks[name] = quantised(after)
    mix = quantised(clean().astype(np.float64) + after - before)
    spans = {"rumble_dbfs": ((0.0, SECONDS),)} if places else {}
    return Take(mix, wav_source(title), spans, stems=tracks, cause=(name,))


# Rumble


@scene("rumble", "warning")
def street_under_the_lead() -> Take:
    """The singer's microphone hears the street: noise from 15 to 60 Hz at -36 dBFS, all the time."""
    noise = np.random.default_rng(16).standard_normal(FRAMES)
    street = signal.sosfilt(signal.butter(3, (15, 60), "bandpass", fs=RATE, output="sos"), noise)
    t = np.arange(FRAMES) / RATE
    street *= gain(-36.0) / np.sqrt(np.mean(street**2)) * np.minimum(1.0, np.minimum(t, SECONDS - t) / 0.5)
    return _with("Lead", lambda x: x + street, "street", places=True)


@scene("rumble", "warning")
def footsteps_under_the_keys() -> Take:
    """Somebody taps the beat with a foot beside the stand of the keyboard."""
    t = np.arange(round(0.4 * RATE)) / RATE
    step = np.sin(2 * np.pi * 28.0 * t) * np.sin(np.pi * t / t[-1]) ** 2
    steps, rng = np.zeros(FRAMES), np.random.default_rng(17)
    for beat_s in np.arange(0.1, SECONDS - 0.5, 0.6):
        at = round((beat_s + rng.uniform(0.0, 0.02)) * RATE)
        steps[at : at + len(step)] += rng.uniform(0.6, 1.0) * step
    return _with("Keys", lambda x: x + 0.08 * steps, "steps", places=True)


# Compression


@scene("stem-dynamics", "warning", "gain-staging")
def drums_without_attack() -> Take:
    """The drums were driven 22 dB into a clipper and brought back to their old loudness."""
    return _with("Drums", lambda x: _driven(x, 22.0), "flat")


@scene("stem-dynamics", "warning")
def lead_of_two_distances() -> Take:
    """Every other phrase of the lead was sung at four times the distance from the microphone."""

    def moved(x: Signal) -> Signal:
        level = np.convolve(np.abs(x).max(axis=0), np.ones(round(0.1 * RATE)) / round(0.1 * RATE), mode="same")
        rests = np.flatnonzero(np.diff((level > 0.02 * level.max()).astype(np.int8)) == -1)
        far = np.zeros(FRAMES)
        for start, end in zip(rests[::2], [*rests[1::2], FRAMES][: len(rests[::2])], strict=True):
            far[start:end] = 1.0
        return np.asarray(x * gain(1.0) ** (3.0 - 12.0 * far))

    return _with("Lead", moved, "distances")


def _driven(x: Signal, drive_db: float) -> Signal:
    peak = float(np.abs(x).max())
    flat = np.clip(x * gain(drive_db), -peak, peak)
    return np.asarray(flat * np.sqrt(np.mean(x**2) / np.mean(flat**2)))
