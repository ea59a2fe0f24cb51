"""Scenes of level, dynamics, stereo and delivery."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import signal

from dsp.units import Samples
from render_tests.scenes.base import (
    BEAT_S,
    CHORUS_S,
    FRAMES,
    RATE,
    SECONDS,
    SOURCE,
    beat_s,
    clean,
    quantised,
    stems,
)  # fmt: skip
from render_tests.scenes.processors import (
    Signal,
    compressed,
    dithered,
    gain,
    levelled,
    limited,
    rotated,
    spectral_share,
)  # fmt: skip
from render_tests.scenes.registry import LEVEL, Take, around, float_source, peak_s, scene, wav_source

# Gain staging


@scene("headroom", "warning", "true-peak", "loudness")
def little_headroom() -> Take:
    """Two decibels hotter: peaks between -3 and -1 dBFS."""
    hot = quantised(clean() * gain(2.0))
    return Take(hot, wav_source("warm"), {"sample_peak_dbfs": (around(peak_s(clean()), 0.001),)})


@scene("headroom", "problem", *LEVEL)
def no_headroom() -> Take:
    """Three decibels hotter: peaks just below full scale."""
    hot = quantised(clean() * gain(3.0))
    return Take(hot, wav_source("hot"), {"sample_peak_dbfs": (around(peak_s(clean()), 0.001),)})


def _between_the_samples(amplitude: float) -> Take:
    """A ping at a quarter of the sample rate, its crests halfway between samples, in the quiet of the tail."""
    middle_s, length_s = 22.6, 0.04
    frames = round(length_s * RATE)
    n = np.arange(frames)
    ping = amplitude * np.hanning(frames) ** 0.5 * np.sin(np.pi / 2 * n + np.pi / 4)
    samples = clean().astype(np.float64)
    start = round((middle_s - length_s / 2) * RATE)
    samples[:, start : start + frames] += ping
    return Take(quantised(samples), wav_source("ping"), {"true_peak_dbtp": (around(middle_s, length_s / 2),)})


@scene("true-peak", "warning")
def over_between_samples() -> Take:
    """True peak near -2 dBTP where no sample passes -4 dBFS."""
    return _between_the_samples(0.78)


@scene("true-peak", "problem")
def high_over_between_samples() -> Take:
    """True peak near -0.5 dBTP where no sample passes -3 dBFS."""
    return _between_the_samples(0.94)


@scene("clipping", "problem", "bus-limiter")
def three_clipped_hits() -> Take:
    """The three loudest strokes, and the beat around each, ran into a converter's ceiling at -8 dBFS."""
    samples = clean().astype(np.float64)
    size = np.abs(samples).max(axis=0)
    onsets = [beat_s(half / 2) for half in range(64)]
    loudest = sorted(onsets, key=lambda s: -size[round(s * RATE) : round((s + 0.12) * RATE)].max())
    hits: list[float] = []
    for onset in loudest:
        if len(hits) < 3 and all(abs(onset - other) > 2 * BEAT_S for other in hits):
            hits.append(onset)
    ceiling = gain(-8.0)
    for onset in hits:
        hit = slice(round((onset - 0.6) * RATE), round((onset + 0.6) * RATE))
        samples[:, hit] = np.clip(samples[:, hit], -ceiling, ceiling)
    spans = tuple((onset - 0.6, onset + 0.6) for onset in sorted(hits))
    return Take(quantised(samples), wav_source("clipped hits"), {"clipped_at": spans})


@scene("clipping", "problem", "bus-limiter")
def clipped_then_turned_down() -> Take:
    """The whole song into a hard clipper 3 dB below its peak, then 8 dB down: the ceiling is at -14 dBFS."""
    ceiling = float(np.abs(clean()).max()) * gain(-3.0)
    samples = clean().astype(np.float64)
    over = np.flatnonzero(np.abs(samples).max(axis=0) > ceiling) / RATE
    places = {"clipped_at": ((float(over[0]) - 0.001, float(over[-1]) + 0.001),)}
    return Take(quantised(np.clip(samples, -ceiling, ceiling) * gain(-8.0)), wav_source("clipped"), places)


@scene("dc-offset", "warning")
def small_offset() -> Take:
    """An offset of -50 dBFS on the left."""
    samples = clean().astype(np.float64)
    samples[0] += gain(-50.0)
    return Take(quantised(samples), wav_source("offset"))


@scene("dc-offset", "problem", "low-end-mono")
def large_offset() -> Take:
    """An offset of -34 dBFS on both sides, through the silence as well."""
    return Take(quantised(clean() + gain(-34.0)), wav_source("offset"))


# Loudness and dynamics


@scene("loudness", "problem", *LEVEL)
def far_too_loud() -> Take:
    """Six decibels louder, in a float file that keeps what passes full scale."""
    loud = np.ascontiguousarray(clean() * np.float32(gain(6.0)))
    return Take(loud, float_source("loud"), {"max_short_term_lufs": ((10.0, 20.0),)})


@scene("loudness", "warning", *LEVEL)
def too_loud() -> Take:
    """Three and a half decibels louder, in a float file."""
    return Take(np.ascontiguousarray(clean() * np.float32(gain(3.5))), float_source("loud"))


@scene("loudness", "info")
def quiet() -> Take:
    """Twelve decibels quieter in 24 bit, which is no fault."""
    return Take(quantised(clean() * gain(-12.0)), wav_source("quiet"))


@scene("loudness", "warning", "file-format")
def quiet_in_16_bit() -> Take:
    """Twelve decibels quieter in 16 bit, which is one."""
    return Take(quantised(dithered(clean().astype(np.float64) * gain(-12.0), 16), 16), wav_source("quiet", 16))


def _flattened(samples: Samples | Signal, threshold_db: float, drive: float) -> Signal:
    """Compressed, saturated smoothly, at the RMS it came with."""
    squeezed = compressed(samples, float(np.abs(samples).max()) * gain(threshold_db), 8.0)
    unit = squeezed / np.abs(squeezed).max()
    return levelled(np.tanh(drive * unit), samples)


@scene("crest-factor", "warning", "over-compression", "bus-limiter", "dc-offset")
def compressed_mix() -> Take:
    """A compressor with a low threshold on the mix bus: less than 12 dB of crest factor is left."""
    return Take(quantised(_flattened(clean(), -14.0, 0.6)), wav_source("compressed"))


@scene("crest-factor", "problem", "over-compression", "bus-limiter", "clipping", "dc-offset")
def flattened_mix() -> Take:
    """The same with heavy saturation: less than 8 dB is left."""
    return Take(quantised(_flattened(clean(), -24.0, 5.0)), wav_source("flattened"))


def _squashed_chorus(threshold_db: float, drive: float) -> Take:
    start, end = CHORUS_S
    edges = [0.0, start - 0.05, start, end, end + 0.05, SECONDS]
    inside = np.interp(np.arange(FRAMES) / RATE, edges, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    chorus = clean()[:, round(start * RATE) : round(end * RATE)]
    squashed = clean().astype(np.float64)
    squashed[:, round(start * RATE) : round(end * RATE)] = _flattened(chorus, threshold_db, drive)
    samples = inside * squashed + (1.0 - inside) * clean()
    places = {"psr_min_db": ((start, end),), "low_psr": ((start - 2.0, end + 2.0),)}
    return Take(quantised(samples), wav_source("squashed"), places)


@scene("over-compression", "warning", "crest-factor", "bus-limiter", "dc-offset")
def squashed_chorus() -> Take:
    """The verse breathes, the chorus is held down: PSR below 8 dB there."""
    return _squashed_chorus(-10.0, 0.3)


@scene("over-compression", "problem", "crest-factor", "bus-limiter", "clipping", "dc-offset")
def crushed_chorus() -> Take:
    """The same with a PSR below 6 dB."""
    return _squashed_chorus(-24.0, 10.0)


def _limited() -> Signal:
    """Driven 4 dB into a limiter that keeps the peak of the clean mix, then 6 dB down."""
    ceiling = float(np.abs(clean()).max())
    driven = clean() * gain(4.0)
    out = limited(driven, ceiling)
    assert 3.5 < 20 * np.log10(np.abs(driven).max() / np.abs(out).max()) < 4.5
    return np.asarray(out * gain(-6.0))


@scene("bus-limiter", "problem")
def limiter_behind_a_trim() -> Take:
    """A brick-wall limiter takes 4 dB, and a trim of -6 dB after it hides the ceiling."""
    return Take(quantised(_limited()), wav_source("limited"), {"at_ceiling": ((0.5, 21.0),)})


@scene("bus-limiter", "problem", "file-format")
def limiter_behind_trim_and_dither() -> Take:
    """The same, dithered to 16 bit: no two peaks are equal any more."""
    return Take(quantised(dithered(_limited(), 16), 16), wav_source("limited", 16))


# Stereo and mono


@scene("correlation", "problem", "mono-compatibility", "low-end-mono")
def flipped_passage() -> Take:
    """The right channel is upside down for four seconds."""
    samples = clean().copy()
    samples[1, 8 * RATE : 12 * RATE] *= -1.0
    return Take(
        samples, wav_source("flipped"), {"correlation_min": ((7.6, 12.0),), "negative_correlation": ((7.6, 12.4),)}
    )


@scene("correlation", "warning")
def flipped_for_a_moment() -> Take:
    """The right channel is upside down for one second."""
    samples = clean().copy()
    samples[1, 8 * RATE : 9 * RATE] *= -1.0
    return Take(
        samples, wav_source("flipped"), {"correlation_min": ((7.6, 9.0),), "negative_correlation": ((7.6, 9.4),)}
    )


@scene("mono-compatibility", "problem", "correlation", "stereo-width")
def side_heavy() -> Take:
    """A widener turns the sides up and the middle down, above the bass."""
    low = spectral_share(clean(), 0.0, 200.0)
    high = clean() - low
    mid, side = (high[0] + high[1]) / 2, (high[0] - high[1]) / 2
    wide = np.stack([0.5 * mid + 2.2 * side, 0.5 * mid - 2.2 * side])
    return Take(quantised(0.6 * low + wide), wav_source("wide"))


@scene("mono-compatibility", "problem", "correlation", "stereo-width")
def one_guitar_twice() -> Take:
    """A single guitar, doubled with its polarity flipped on the right, instead of two."""
    tracks = dict(stems())
    mono = 1.6 * tracks["Guitar L"].sum(axis=0)
    tracks["Guitar L"], tracks["Guitar R"] = np.stack([mono, 0 * mono]), np.stack([0 * mono, -mono])
    return Take(quantised(0.7 * np.sum(list(tracks.values()), axis=0)), wav_source("doubled"))


def _wide_bass(degrees: float) -> Take:
    low = spectral_share(clean(), 0.0, 150.0)
    rest = clean() - low
    wide = np.stack([rotated(low[0], degrees), rotated(low[1], -degrees)])
    return Take(quantised(rest + wide), wav_source("wide bass"))


@scene("low-end-mono", "warning")
def wide_low_end() -> Take:
    """A phase widener reaches into the bass: the sides are 70 degrees apart."""
    return _wide_bass(35.0)


@scene("low-end-mono", "problem", "mono-compatibility", "correlation", "stereo-width")
def cancelling_low_end() -> Take:
    """The sides of the bass are 140 degrees apart and cancel in mono."""
    return _wide_bass(70.0)


@scene("balance", "warning")
def leaning() -> Take:
    """The right channel is 3 dB lower."""
    return Take(quantised(clean() * np.array([[1.0], [gain(-3.0)]])), wav_source("leaning"))


@scene("balance", "problem")
def one_channel_lost() -> Take:
    """The right channel is missing."""
    return Take(quantised(clean() * np.array([[1.0], [0.0]])), wav_source("left only"))


@scene("stereo-width", "info")
def dual_mono() -> Take:
    """A mono button was left on."""
    mono = clean().mean(axis=0)
    return Take(quantised(np.stack([mono, mono])), wav_source("mono"))


# Delivery


@scene("file-format", "warning")
def sixteen_bit() -> Take:
    """A 16-bit bounce."""
    return Take(quantised(dithered(clean().astype(np.float64), 16), 16), wav_source("16 bit", 16))


@scene("file-format", "warning")
def sixteen_bit_in_24() -> Take:
    """A 16-bit bounce saved as 24 bit."""
    return Take(quantised(dithered(clean().astype(np.float64), 16), 16), wav_source("padded", 24))


@scene("file-format", "warning")
def ends_at_16_khz() -> Take:
    """The spectrum ends at 16 kHz, as an MP3 turned into a WAV does."""
    return Take(quantised(spectral_share(clean(), 0.0, 16_000.0)), wav_source("decoded"))


@scene("file-format", "warning")
def converted_up() -> Take:
    """44.1 kHz blown up to 96 kHz."""
    low = signal.resample(clean().astype(np.float64), FRAMES * 147 // 160, axis=1)
    high = signal.resample(low, 2 * FRAMES, axis=1)
    return Take(quantised(high), wav_source("96k", sample_rate=96_000))


@scene("file-format", "problem")
def lossy() -> Take:
    """An MP3."""
    return Take(clean(), replace(SOURCE, name="song.mp3", container="MP3", codec="MP3", bit_depth=None, lossy=True))


@scene("file-format", "problem")
def low_rate() -> Take:
    """A sample rate of 32 kHz."""
    low = signal.resample_poly(clean().astype(np.float64), 2, 3, axis=1)
    return Take(quantised(low), wav_source("32k", sample_rate=32_000))


@scene("file-format", "problem")
def partial() -> Take:
    """Half of the file could not be read."""
    return Take(clean(), replace(SOURCE, partial="data ends at 26.0 s of the 52.0 s declared"))


@scene("head-and-tail", "warning")
def cut_head() -> Take:
    """The bounce starts in the middle of the first bar."""
    return Take(
        np.ascontiguousarray(clean()[:, round(1.5 * RATE) :]), wav_source("no head"), {"head_dbfs": ((0.0, 0.01),)}
    )


@scene("head-and-tail", "warning")
def cut_tail() -> Take:
    """The bounce ends while the last chord sounds."""
    end_s = 21.0
    places = {"tail_dbfs": ((end_s - 0.05, end_s),)}
    return Take(np.ascontiguousarray(clean()[:, : round(end_s * RATE)]), wav_source("no tail"), places)


@scene("head-and-tail", "info")
def long_silence() -> Take:
    """Eleven seconds of silence before the song."""
    return Take(np.pad(clean(), ((0, 0), (11 * RATE, 0))), wav_source("late"))
