"""Scenes of faults that mastering cannot mend: clicks, holes, hum, hiss, steps, delays, cut fades, whistles."""

from __future__ import annotations

import numpy as np
from scipy import signal

from render_tests.scenes.base import BEAT_S, FRAMES, RATE, SECONDS, beat_s, clean, quantised
from render_tests.scenes.processors import Signal, gain
from render_tests.scenes.registry import Take, around, scene, wav_source


def _song() -> Signal:
    return clean().astype(np.float64)


def _seconds() -> Signal:
    return np.arange(FRAMES) / RATE


# Clicks and dropouts


@scene("clicks", "warning")
def clicks_of_a_slipping_clock() -> Take:
    """Three single samples are wrong: one on the left, one on the right, one on both."""
    samples, at = _song(), (round(5.452 * RATE), round(7.547 * RATE), round(21.9 * RATE))
    samples[0, at[0]] += 0.2
    samples[1, at[1]] -= 0.15
    samples[:, at[2]] += 0.2
    places = tuple(around(k / RATE, 0.0002) for k in at)
    return Take(quantised(samples), wav_source("clicks"), {"click_db": places})


@scene("clicks", "warning")
def bad_edit() -> Take:
    """Five milliseconds are missing where chords ring: a hard edit without a cross-fade."""
    at, missing = round(5.2 * RATE), 240
    tail = np.pad(_song()[:, at + missing :], ((0, 0), (0, missing)))
    samples = np.concatenate([_song()[:, :at], tail], axis=1)
    return Take(quantised(samples), wav_source("edit"), {"click_db": (around(at / RATE, 0.0002),)})


@scene("clicks", "problem")
def dropouts() -> Take:
    """A buffer of 512 samples is lost on both channels, one of 1024 on the right."""
    samples, at = _song(), (round(7.123 * RATE), round(16.52 * RATE))
    samples[:, at[0] : at[0] + 512] = 0.0
    samples[1, at[1] : at[1] + 1024] = 0.0
    places = tuple((k / RATE - 0.001, k / RATE + 0.025) for k in at)
    return Take(quantised(samples), wav_source("dropouts"), {"dropout_s": places})


# Noise and hum


def _hum(mains_hz: float, level_db: float) -> Signal:
    t = _seconds()
    wave = np.sum([np.sin(2 * np.pi * k * mains_hz * t + k) / k for k in (1, 2, 3, 4)], axis=0)
    return np.asarray(wave * gain(level_db) / np.sqrt(np.mean(wave**2)))


@scene("noise-and-hum", "warning", "head-and-tail")
def hum_at_50_hz() -> Take:
    """A guitar amplifier hums at -60 dBFS through the whole song."""
    places = {"hum_dbfs": ((0.0, SECONDS),)}
    return Take(quantised(_song() + _hum(50.0, -60.0)), wav_source("hum"), places)


@scene("noise-and-hum", "problem", "head-and-tail")
def loud_hum_at_60_hz() -> Take:
    """An unbalanced cable hums at -48 dBFS."""
    return Take(quantised(_song() + _hum(60.0, -48.0)), wav_source("hum"), {"hum_dbfs": ((0.0, SECONDS),)})


@scene("noise-and-hum", "warning", "head-and-tail")
def hiss() -> Take:
    """A noisy preamplifier hisses at -60 dBFS on either side."""
    noise = np.random.default_rng(4).standard_normal((2, FRAMES)) * gain(-60.0)
    places = {"noise_dbfs": ((22.0, SECONDS),)}
    return Take(quantised(_song() + noise), wav_source("hiss"), places)


# Direct current and what lies below hearing


@scene("dc-offset", "warning")
def offset_sets_in() -> Take:
    """A plugin adds an offset of -45 dBFS to both sides from 15 s to 21 s."""
    samples = _song()
    samples[:, 15 * RATE : 21 * RATE] += gain(-45.0)
    return Take(quantised(samples), wav_source("step"), {"dc_step_dbfs": (around(15.0, 0.5), around(21.0, 0.5))})


@scene("subsonic", "warning")
def rumble_below_hearing() -> Take:
    """An unfiltered microphone on a wooden floor moves at 8 to 20 Hz all the time."""
    noise = np.random.default_rng(6).standard_normal(FRAMES)
    rumble = signal.sosfilt(signal.butter(4, (8, 20), "bandpass", fs=RATE, output="sos"), noise)
    rumble *= gain(-33.0) / np.sqrt(np.mean(rumble**2)) * np.minimum(1.0, np.minimum(_seconds(), SECONDS - _seconds()))
    return Take(quantised(_song() + rumble), wav_source("rumble"))


@scene("subsonic", "info")
def sub_drop() -> Take:
    """One drop of a synthesiser falls from 60 to 22 Hz and stays there for a bar."""
    length = round(6 * BEAT_S * RATE)
    t = np.arange(length) / RATE
    hz = 22.0 + 38.0 * np.exp(-t / 0.4)
    drop = (
        0.16 * np.sin(2 * np.pi * np.cumsum(hz) / RATE) * np.minimum(1.0, (t[-1] - t) / 0.5) * np.minimum(1.0, t / 0.01)
    )
    samples, at = _song() * gain(-3.0), round(beat_s(16) * RATE)
    samples[:, at : at + length] += drop
    places = {"subsonic_worst_db": ((beat_s(16), beat_s(22)),)}
    return Take(quantised(samples), wav_source("drop"), places)


# Resonances


@scene("resonance", "warning", "head-and-tail")
def whistle() -> Take:
    """A computer's power supply whistles at 3290 Hz and -50 dBFS."""
    tone = np.sin(2 * np.pi * 3290.0 * _seconds()) * gain(-50.0) * np.sqrt(2.0)
    return Take(quantised(_song() + tone), wav_source("whistle"), {"whistle_db": ((0.0, SECONDS),)})


# Between the channels


def _late(samples: Signal, frames: float) -> Signal:
    """One channel later by any number of samples, through its spectrum."""
    size = samples.size + 8192
    turned = np.fft.rfft(samples, size) * np.exp(-2j * np.pi * np.fft.rfftfreq(size) * frames)
    return np.asarray(np.fft.irfft(turned, size)[: samples.size])


@scene("channel-delay", "problem", "mono-compatibility", "correlation", "low-end-mono", "stereo-width")
def right_channel_late() -> Take:
    """The right channel comes 3 ms late: a plugin without latency compensation."""
    samples = _song()
    samples[1] = _late(samples[1], 144.0)
    return Take(quantised(samples), wav_source("late"))


@scene("channel-delay", "warning", "stereo-width")
def two_samples_late() -> Take:
    """The left channel comes two samples late: a converter."""
    samples = _song()
    samples[0] = _late(samples[0], 2.0)
    return Take(quantised(samples), wav_source("late"))


@scene("channel-delay", "problem", "mono-compatibility", "correlation", "low-end-mono", "stereo-width")
def inverted_channel() -> Take:
    """The right channel is upside down: a cable."""
    samples = _song()
    samples[1] *= -1.0
    return Take(quantised(samples), wav_source("inverted"))


# Head, tail and what should not be silent


@scene("head-and-tail", "warning")
def fade_cut_off() -> Take:
    """The last chord is faded out by 8 dB a second, and the export stops before the fade does."""
    start, end = 16.5, 20.6
    t = _seconds()
    faded = _song() * gain(1.0) ** (-8.0 * np.maximum(0.0, t - start))
    held = faded[:, : round(end * RATE)]
    silence = np.zeros((2, round(1.5 * RATE)))
    return Take(
        quantised(np.concatenate([held, silence], axis=1)), wav_source("fade"), {"end_dbfs": (around(end, 0.02),)}
    )


@scene("head-and-tail", "info")
def silence_inside() -> Take:
    """A bar and more was muted by accident."""
    samples = _song()
    start, end = 9.0, 11.5
    t = _seconds()
    samples *= np.interp(t, [start, start + 0.05, end - 0.01, end], [1.0, 0.0, 0.0, 1.0])
    return Take(quantised(samples), wav_source("gap"), {"silence_inside_s": ((start, end),)})
