"""Tracks of one source that do not move together, and core tracks that left the centre."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import signal

from dsp.units import Samples
from render_tests.scenes.base import RATE, quantised
from render_tests.scenes.processors import Signal
from render_tests.scenes.registry import Take, clean_tracks, scene, wav_source

#: How late the amplifier's microphone is: 0.58 m of air (ms).
LATE_MS = 1.7


def summed(tracks: dict[str, Samples]) -> Samples:
    """The mix that tracks make, mono ones on both sides."""
    return quantised(np.sum([np.broadcast_to(t, (2, t.shape[1])).astype(np.float64) for t in tracks.values()], axis=0))


def late(samples: Signal | Samples, count: float) -> Signal:
    """Later by a fraction of a sample, exactly; what leaves the end is lost."""
    frames = samples.shape[-1]
    spectrum = np.fft.rfft(np.asarray(samples, dtype=np.float64), 2 * frames)
    turned = spectrum * np.exp(-2j * np.pi * np.fft.rfftfreq(2 * frames) * count)
    return np.asarray(np.fft.irfft(turned, 2 * frames)[..., :frames])


@cache
def bass_tracks() -> tuple[Signal, Signal]:
    """The bass of the clean song as two mono tracks: the direct signal, and an amplifier in phase with it."""
    whole = clean_tracks()["Bass"].astype(np.float64).mean(axis=0, keepdims=True)
    driven = np.tanh(3.0 * whole / np.abs(whole).max())
    speaker = signal.butter(2, 4000, fs=RATE, output="sos")
    amplified = signal.sosfilt(speaker, driven)
    return 0.5 * whole, 0.5 * amplified * (np.abs(whole).max() / np.abs(amplified).max())


def two_basses(amplifier: Signal) -> dict[str, Samples]:
    """The clean song with its bass as a direct signal and as this amplifier."""
    direct, _ = bass_tracks()
    others = {name: track for name, track in clean_tracks().items() if name != "Bass"}
    return {**others, "Bass DI": quantised(direct), "Bass Amp": quantised(amplifier)}


@scene("phase-alignment", "warning")
def late_amplifier() -> Take:
    """The microphone before the bass amplifier was never lined up with the direct signal."""
    tracks = two_basses(late(bass_tracks()[1], LATE_MS * RATE / 1000.0))
    return Take(summed(tracks), wav_source("late amplifier"), stems=tracks, cause=("Bass Amp",))


@scene("phase-alignment", "problem")
def inverted_amplifier() -> Take:
    """A cable turns the microphone of the bass amplifier upside down: together they lose the low end."""
    tracks = two_basses(-0.5 * bass_tracks()[1])
    return Take(summed(tracks), wav_source("inverted amplifier"), stems=tracks, cause=("Bass Amp", "Bass DI"))


def with_track(name: str, samples: Signal) -> dict[str, Samples]:
    """The clean song with one track exchanged."""
    return {**clean_tracks(), name: quantised(samples)}


@scene("core-centre", "warning", "balance")
def bass_to_the_left() -> Take:
    """The pan pot of the bass was nudged a third of the way to the left."""
    bass, angle = clean_tracks()["Bass"].astype(np.float64), np.pi / 4.0 * (1.0 - 0.35)
    gains = np.sqrt(2.0) * np.array([[np.cos(angle)], [np.sin(angle)]])
    tracks = with_track("Bass", bass * gains)
    return Take(summed(tracks), wav_source("bass to the left"), stems=tracks, cause=("Bass",))


@scene("core-centre", "problem", "mono-compatibility", "correlation", "stereo-width", "low-end-mono")
def lead_out_of_phase() -> Take:
    """A stereo widener turned one side of the lead upside down: in mono nothing of it is left."""
    lead = clean_tracks()["Lead"].astype(np.float64)
    tracks = with_track("Lead", np.stack([lead[0], -late(lead[1], 2.0)]))
    return Take(summed(tracks), wav_source("inverted lead"), stems=tracks, cause=("Lead",))
