"""Signals that behave like music: plucked chords, bass notes, drums, gaps and changes of level, in stereo."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Wave = npt.NDArray[np.float32]
Numbers = npt.NDArray[Any]
#: Fundamental of open strings and keys used below, Hz (E1 = 41.2).
BASS_HZ = (41.2, 55.0, 49.0, 61.7)
CHORDS_HZ = ((220.0, 277.2, 329.6), (196.0, 246.9, 293.7), (174.6, 220.0, 261.6), (207.7, 246.9, 311.1))
BEAT_S = 0.5


@cache
def _note(hz: float, seconds: float, rate: int, partials: int, decay_s: float) -> Numbers:
    t = np.arange(round(seconds * rate)) / rate
    wave = np.zeros(len(t))
    for k in range(1, partials + 1):
        if k * hz < 0.42 * rate:
            wave += np.sin(2 * np.pi * k * hz * t + k) / k**1.3 * np.exp(-t * (1 + 0.3 * k) / decay_s)
    return wave * np.minimum(1.0, t / 0.004) * np.minimum(1.0, (t[-1] - t) / 0.01)


def _add(track: Numbers, at: int, sound: Numbers, left: float, right: float) -> None:
    end = min(track.shape[1], at + len(sound))
    track[0, at:end] += left * sound[: end - at]
    track[1, at:end] += right * sound[: end - at]


def music(seconds: float = 12.0, rate: int = 48_000, seed: int = 0, drums: bool = True) -> Numbers:
    """A song in doubles of shape (2, frames) with a peak of 0.8, the same at every rate but for its drums' noise."""
    rng = np.random.default_rng(seed)
    track = np.zeros((2, round(seconds * rate)))
    for beat in range(round(seconds / BEAT_S)):
        at = round(beat * BEAT_S * rate)
        bar = beat // 4
        part = (0.25, 1.0, 0.6, 1.0)[bar % 4]  # quiet and loud bars
        if beat % 2 == 0:
            hz = BASS_HZ[bar % 4] * (1.5 if beat % 4 == 2 else 1.0)
            _add(track, at, part * _note(hz, 0.9, rate, 8, 0.6), 0.5, 0.5)
        for k, hz in enumerate(CHORDS_HZ[(beat // 2) % 4]):
            if beat % 8 != 7:  # a gap
                pan = (0.35, 0.2, 0.1)[k]
                _add(track, at, 0.4 * part * _note(hz, 1.2, rate, 14, 0.5), pan, 0.45 - pan)
        if drums:
            t = np.arange(round(0.12 * rate)) / rate
            noise = rng.standard_normal(len(t))
            if beat % 2:
                _add(track, at, part * (0.5 * noise + np.sin(2 * np.pi * 190 * t)) * np.exp(-t / 0.03), 0.5, 0.4)
            else:
                sweep = 2 * np.pi * (48 * t + 4.5 * (1 - np.exp(-t / 0.02)))
                _add(track, at, part * 1.4 * np.sin(sweep) * np.exp(-t / 0.05), 0.5, 0.5)
            hat = np.diff(rng.standard_normal(len(t) + 1)) * np.exp(-t / 0.012)
            _add(track, at + round(0.25 * rate), 0.2 * part * hat, 0.2, 0.4)
    return np.asarray(0.8 * track / np.abs(track).max())


def wave(samples: Numbers) -> Wave:
    """As C-contiguous float32 of shape (channels, frames)."""
    return np.ascontiguousarray(np.atleast_2d(samples), dtype=np.float32)


def pink(channels: int, frames: int, seed: int, slope: float = 1.0) -> Numbers:
    """Gaussian noise whose power falls with frequency to the power of `slope`, RMS 0.1, without 0 Hz."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal((channels, frames)))
    size = np.arange(spectrum.shape[1], dtype=float)
    size[0] = np.inf
    out = np.fft.irfft(spectrum * size ** (-slope / 2), frames)
    return np.asarray(0.1 * out / out.std(axis=1, keepdims=True))


def blocks(samples: Wave, frames: int) -> Iterator[Wave]:
    """The samples in C-contiguous blocks of so many frames."""
    for start in range(0, samples.shape[1], frames):
        yield np.ascontiguousarray(samples[:, start : start + frames])
