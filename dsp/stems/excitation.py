"""Excitation: what third octaves do in the ear, and how loud a sound is alone and in the presence of others.

The auditory filters are the rounded exponentials of Glasberg and Moore 1990 with the level-dependent lower side of
Moore, Glasberg and Baer 1997 (ISO 532-2): a loud low sound reaches upwards further than a soft one, and much further
than a high one reaches downwards. Evaluated at the middles of the third octaves, of whose power each counts as spread
evenly over its width: where third octaves are narrower than an auditory filter (below 200 Hz), it gathers several.

Everything is relative to the threshold in quiet (ISO 226:2023), so excitation 1 is just audible. The spread is set by
what is heard altogether, as in the ear; given that, excitation is linear: those of the parts add up to that of the
whole, and the rest is the whole less the part.

Loudness is that of Moore, Glasberg and Baer 1997 (equations 17 to 20) with the threshold in noise of `MASKED_DB`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dsp.units import Curve, Samples

#: ISO 226:2023, threshold of hearing T_f in dB SPL at the third octaves from 20 Hz to 12.5 kHz.
ISO_226_HZ = (
    *(20, 25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500),
    *(3150, 4000, 5000, 6300, 8000, 10000, 12500),
)
ISO_226_THRESHOLD_DB = (
    *(78.1, 68.7, 59.5, 51.1, 44.0, 37.5, 31.5, 26.5, 22.1, 17.9, 14.4, 11.4, 8.6, 6.2, 4.4, 3.0, 2.2, 2.4, 3.5, 1.7),
    *(-1.3, -4.2, -6.0, -5.4, -1.5, 6.0, 12.6, 13.9, 12.3),
)
#: Above the standard's last frequency the threshold rises by so much an octave (our judgement: 20 dB at 16 kHz).
ABOVE_DB_PER_OCTAVE = 20.0
#: What is heard altogether plays at this level: the K-System's reference, -20 dBFS RMS of pink noise at each speaker.
LISTENING_DB_SPL = 83.0
#: Masked threshold re the masker's excitation. MPEG-1 psychoacoustic models: noise masking tone, 5.5 to 6 dB; Moore,
#: Glasberg and Baer have -3 dB from 1 kHz up, which Ma, Reiss and Black 2014 found to mask too much in music.
MASKED_DB = -6.0
#: Moore, Glasberg and Baer 1997: exponent of loudness, and the constant A in multiples of the threshold in quiet.
EXPONENT, ADDED = 0.2, 2.0
#: Levels in dB SPL per auditory filter at which the spread is worked out; between them it is interpolated.
LEVELS_DB = tuple(range(30, 111, 10))
#: Points at which a third octave is cut for the integral over its width.
POINTS = 24


def erb_hz(frequency_hz: Curve) -> Curve:
    """Equivalent rectangular bandwidth of the auditory filter (Glasberg and Moore 1990)."""
    return np.asarray(24.7 * (4.37e-3 * frequency_hz + 1.0))


def erb_number(frequency_hz: Curve) -> Curve:
    """Position on the ERB-number scale in Cam (Glasberg and Moore 1990)."""
    return np.asarray(21.4 * np.log10(4.37e-3 * frequency_hz + 1.0))


def threshold_db_spl(frequency_hz: Curve) -> Curve:
    """Threshold of hearing in dB SPL at any frequency."""
    octaves = np.log2(np.maximum(frequency_hz / ISO_226_HZ[-1], 1.0))
    known = np.interp(np.log(frequency_hz), np.log(ISO_226_HZ), ISO_226_THRESHOLD_DB)
    return np.asarray(known + ABOVE_DB_PER_OCTAVE * octaves)


def cams(band_hz: Curve) -> Curve:
    """Width of every third octave on the ERB-number scale: what its specific loudness counts for."""
    edge = 10.0**0.05
    return np.asarray(erb_number(band_hz * edge) - erb_number(band_hz / edge))


@lru_cache(maxsize=8)
def _spread(band_hz: tuple[float, ...]) -> Samples:
    """Excitation of every band by unit power of every other re threshold, shape (levels, from, to)."""
    centre = np.array(band_hz)
    edge = 10.0 ** np.linspace(-0.05, 0.05, 2 * POINTS + 1)[1::2]
    source = (centre[:, None] * edge)[:, :, None]
    away = (source - centre) / centre
    sharp = 4.0 * centre / erb_hz(centre)
    out = np.empty((len(LEVELS_DB), len(centre), len(centre)))
    for k, level in enumerate(LEVELS_DB):
        lower = sharp * (1.0 - 0.35 / 30.2 * (level - 51.0))  # p51 of a filter at 1 kHz is 30.2
        steep = np.where(away > 0.0, sharp, lower) * np.abs(away)
        out[k] = ((1.0 + steep) * np.exp(-steep)).mean(axis=1)
    return np.asarray(out / 10.0 ** (threshold_db_spl(centre) / 10.0), dtype=np.float32)


def excitation(power_spl: Samples, together: Samples, band_hz: Curve) -> Samples:
    """Excitation re the threshold in quiet, shape (..., bands), of powers re 0 dB SPL of the same shape.

    `together` is the power of all that sounds at the same time; its level per auditory filter sets the spread.
    """
    spread = _spread(tuple(map(float, band_hz)))
    share = np.minimum(1.0, erb_hz(band_hz) / (band_hz * (10.0**0.05 - 10.0**-0.05)))
    level = 10.0 * np.log10(np.maximum(together * share.astype(np.float32), np.float32(1.0)))
    place = np.clip((level - LEVELS_DB[0]) / (LEVELS_DB[1] - LEVELS_DB[0]), 0.0, len(LEVELS_DB) - 1)
    out = np.zeros(np.broadcast_shapes(power_spl.shape, together.shape), dtype=np.float32)
    for k, matrix in enumerate(spread):
        weight = np.maximum(0.0, 1.0 - np.abs(place - k), dtype=np.float32)
        if weight.any():
            out += (power_spl * weight) @ matrix
    return out


def loudness(signal: Samples) -> Samples:
    """Specific loudness of an excitation re threshold, heard alone; in units of `EXPONENT`, per Cam."""
    return np.asarray((signal + ADDED) ** EXPONENT - ADDED**EXPONENT, dtype=np.float32)


def partial_loudness(signal: Samples, masker: Samples) -> Samples:
    """Specific loudness of an excitation while the masker's is there as well; the same unit and shape."""
    share = np.float32(10.0 ** (MASKED_DB / 10.0))
    quiet = np.float32(ADDED**EXPONENT)
    audible = np.float32((1.0 + ADDED) ** EXPONENT)
    threshold = share * masker + np.float32(1.0)
    both = (signal + masker + np.float32(ADDED)) ** np.float32(EXPONENT)
    least = (masker + threshold + np.float32(ADDED)) ** np.float32(EXPONENT)
    alone = (masker + np.float32(ADDED)) ** np.float32(EXPONENT)
    ratio = threshold / np.maximum(signal, np.float32(1e-12))
    above = both - quiet - (least - audible) * np.minimum(ratio, np.float32(1.0)) ** np.float32(0.3)
    weak = (np.float32(2.0) / (np.float32(1.0) + ratio)) ** np.float32(1.5)
    below = weak * (audible - quiet) * (both - alone) / np.maximum(least - alone, np.float32(1e-12))
    return np.asarray(np.where(ratio <= 1.0, above, below), dtype=np.float32)
