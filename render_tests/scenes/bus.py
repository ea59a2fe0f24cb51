"""Scenes of the mix bus: devices on it, and stems that are not what the mix was made of."""

from __future__ import annotations

import numpy as np
from scipy import signal

from dsp.units import Samples
from render_tests.scenes.base import RATE, beat_s, quantised
from render_tests.scenes.processors import Signal, compressed, gain, limited
from render_tests.scenes.registry import Take, clean_tracks, peak_s, scene, wav_source

BUS = ("mix bus",)


def _sum(tracks: dict[str, Samples]) -> Signal:
    return np.asarray(np.sum([t.astype(np.float64) for t in tracks.values()], axis=0))


def _bell(samples: Signal | Samples, frequency_hz: float, gain_db: float, q: float) -> Signal:
    """A peaking equaliser (RBJ cookbook)."""
    w = 2.0 * np.pi * frequency_hz / RATE
    root, alpha = gain(gain_db / 2.0), np.sin(w) / (2.0 * q)
    b = [1.0 + alpha * root, -2.0 * np.cos(w), 1.0 - alpha * root]
    a = [1.0 + alpha / root, -2.0 * np.cos(w), 1.0 - alpha / root]
    return np.asarray(signal.lfilter(b, a, np.asarray(samples, dtype=np.float64), axis=1))


def _late(samples: Samples, frames: int) -> Signal:
    return np.pad(samples.astype(np.float64), ((0, 0), (frames, 0)))[:, : samples.shape[1]]


# Devices on the bus


@scene("bus-processing", "info", "frequency-balance")
def bus_equaliser() -> Take:
    """A bell on the bus takes 4 dB out of the low mids."""
    tracks = clean_tracks()
    return Take(quantised(_bell(_sum(tracks), 300.0, -4.0, 0.8)), wav_source("equalised"), stems=tracks, cause=BUS)


@scene("bus-processing", "problem", "bus-limiter")
def bus_limiter_proved() -> Take:
    """A limiter takes 4 dB off the peaks: the stems show what went into it."""
    tracks = clean_tracks()
    total = _sum(tracks)
    mix = limited(total, float(np.abs(total).max()) * gain(-4.0))
    at_s = peak_s(total)
    return Take(
        quantised(mix), wav_source("limited"), {"reduction_db": ((0.0, at_s), (at_s, 26.0))}, stems=tracks, cause=BUS
    )


@scene("bus-limiter", "problem", "bus-processing")
def bus_limiter_behind_an_equaliser() -> Take:
    """A shelf-like bell and a limiter after it: equaliser and reduction are told apart."""
    tracks = clean_tracks()
    total = _bell(_sum(tracks), 4000.0, 3.0, 0.6)
    mix = limited(total, float(np.abs(total).max()) * gain(-5.0))
    return Take(quantised(mix), wav_source("driven"), stems=tracks, cause=BUS)


@scene("bus-processing", "warning", "over-compression", "crest-factor")
def bus_compressor() -> Take:
    """A compressor that works hard all the time: 4:1 far into the mix."""
    tracks = clean_tracks()
    total = _sum(tracks)
    mix = compressed(total, float(np.abs(total).max()) * gain(-16.0), 4.0, 150.0)
    return Take(quantised(mix), wav_source("squeezed"), stems=tracks, cause=BUS)


# Stems that are not those of the mix


@scene("stem-sum", "warning")
def stem_at_another_level() -> Take:
    """The left guitar was turned up by 4 dB after the stems had been exported."""
    tracks = clean_tracks()
    mix = _sum(tracks) + (gain(4.0) - 1.0) * tracks["Guitar L"]
    return Take(quantised(mix), wav_source("louder guitar"), stems=tracks, cause=("Guitar L",))


@scene("stem-sum", "warning", "stereo-width")
def stem_upside_down() -> Take:
    """The keys were exported with the other polarity."""
    tracks = clean_tracks()
    mix = _sum(tracks) - 2.0 * tracks["Keys"]
    return Take(quantised(gain(-1.0) * mix), wav_source("keys upside down"), stems=tracks, cause=("Keys",))


@scene("stem-sum", "warning")
def stem_late_in_the_mix() -> Take:
    """The right guitar lies 7 ms later in the mix than in its stem."""
    tracks = clean_tracks()
    mix = _sum(tracks) - tracks["Guitar R"] + _late(tracks["Guitar R"], 336)
    return Take(quantised(mix), wav_source("late guitar"), stems=tracks, cause=("Guitar R",))


@scene("stem-sum", "warning", "masking")
def stem_filtered() -> Take:
    """The lead was equalised after the export."""
    tracks = clean_tracks()
    mix = _sum(tracks) - tracks["Lead"] + _bell(tracks["Lead"], 900.0, 6.0, 1.0)
    return Take(quantised(gain(-1.0) * mix), wav_source("other lead"), stems=tracks, cause=("Lead",))


@scene("stem-sum", "warning", "frequency-balance", "masking")
def stem_muted_in_the_mix() -> Take:
    """The keys were muted when the mix was bounced."""
    tracks = clean_tracks()
    return Take(quantised(_sum(tracks) - tracks["Keys"]), wav_source("no keys"), stems=tracks, cause=("Keys",))


@scene("stem-sum", "warning")
def return_not_exported() -> Take:
    """The room is a return, and no stem of it was exported."""
    tracks = dict(clean_tracks())
    mix = _sum(tracks)
    del tracks["Room"]
    return Take(quantised(mix), wav_source("no room stem"), stems=tracks)


@scene("stem-sum", "warning")
def overdub_in_the_chorus() -> Take:
    """A part of the lead was doubled by a synthesiser that is in no stem, in two bars of the chorus."""
    tracks = clean_tracks()
    start, end = beat_s(20.0), beat_s(28.0)
    t = np.arange(_sum(tracks).shape[1]) / RATE
    tone = np.sin(2 * np.pi * 523.3 * t) + 0.5 * np.sin(2 * np.pi * 1046.5 * t + 1.0)
    tone *= 0.02 * np.interp(t, [start, start + 0.05, end - 0.05, end], [0.0, 1.0, 1.0, 0.0])
    places = {"residual_there_db": ((start - 0.5, end + 0.5),)}
    return Take(quantised(_sum(tracks) + tone), wav_source("overdub"), places, stems=tracks)
