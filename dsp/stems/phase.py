"""Phase between stems: pairs that heard one source, the delay and the polarity between them, and what they cost.

Two microphones on a drum, a direct signal and its amplifier, a track and its parallel copy: what they have in
common cancels where one comes late or upside down. Two players, two takes or two instruments on the same beat
have nothing in common but the music, and are never paired.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dsp.stems import correlate, path, takes
from dsp.stems.model import Stem, Stems
from dsp.units import Curve, power_db

#: Where a late or inverted twin costs body (Hz): the low mids.
BODY_HZ = (60.0, 500.0)
#: Octaves in which combing is looked for, by their lower limits (Hz).
OCTAVES_HZ = (50.0, 100.0, 200.0, 400.0, 800.0, 1600.0)
#: Windows for the first look at all pairs: in total, and of every stem at least and at most; then for one pair.
SCREEN_WINDOWS, FEWEST, MOST, PAIR_WINDOWS = 320, 8, 32, 96
#: Bins of the first look multiplied at once.
CHUNK = 128
#: Both sound in a window: within this power of their loudest (-30 dB); for a closer look within this (-20 dB), for
#: what leaks into a microphone between its own notes has other delays.
SOUNDING, LOUD = 1e-3, 1e-2
#: From these on a pair is looked at closely: in songs, unrelated stems reach coherences of 0.45 and peaks of 0.31.
SCREEN_COHERENCE, SCREEN_PEAK = 0.2, 0.35
#: Windows that must agree at least (eight onsets), how closely (s), and where they look for their own lag (s).
LEAST_WINDOWS, AGREE_S, ASTRAY_S = 8, 1e-4, 4e-3
#: Formats without a bit depth count as 24 bit.
ROUNDING_BITS = 24


@dataclass(frozen=True)
class Gains:
    """What the sum of two stems gains, as it sounds in the mix (dB): in the low mids, and in every octave.

    By turning one over (`flip`), by moving one (`align`), and by both.
    """

    flip: float
    align: float
    both: float
    octave_flip: tuple[float, ...]
    octave_align: tuple[float, ...]
    octave_both: tuple[float, ...]


@dataclass(frozen=True)
class Pair:
    """Two stems that share a source.

    `lag_s` is positive where the second is late, `error_s` its standard error: what a filter does above all that the
    source holds is not told from a delay. `polarity` is -1 where one is upside down. `coherence` (0 to 1) is the share
    of their power that is common, `explained` the share of its phases that the delay and a filter explain, `agreeing`
    the share of the windows that say the same, `ratio` the height of the correlation over any other of its peaks.
    `at_s` are the windows' times.
    """

    first: str
    second: str
    lag_s: float
    error_s: float
    polarity: int
    coherence: float
    explained: float
    agreeing: float
    ratio: float
    at_s: tuple[float, ...]
    gains: Gains


def find_pairs(stems: Stems) -> tuple[Pair, ...]:
    """Every pair that shares a source, in the order of the stems; whether it matters is for the caller to judge."""
    sounding = [s for s in stems.sounding if s.readings.sketch.samples.size]
    if len(sounding) < 2:
        return ()
    where = takes.grid(sounding[0].readings.sketch)
    energy = [takes.energies(s, stems, where) for s in sounding]
    loudness = [e / max(float(e.max()), 1e-30) for e in energy]
    found = (
        _close((sounding[i], sounding[j]), np.minimum(loudness[i], loudness[j]), lag_s, where, stems)
        for i, j, lag_s in _screened(sounding, energy, where)
    )
    return tuple(pair for pair in found if pair)


def _screened(sounding: Sequence[Stem], energy: Sequence[Curve], where: takes.Grid) -> Iterator[tuple[int, int, float]]:
    """Pairs worth a closer look, and the lag between them (s)."""
    each = int(np.clip(SCREEN_WINDOWS // len(sounding), FEWEST, MOST))
    chosen = np.unique(np.concatenate([takes.loudest(e, each) for e in energy]))
    if len(chosen) < LEAST_WINDOWS:
        return
    loud = np.array([e[chosen] > SOUNDING * e.max() for e in energy], dtype=np.float32)
    spectra = []
    for stem, both in zip(sounding, loud, strict=True):
        own = takes.middle(takes.spectra(stem.readings.sketch, where.starts[chosen], where))
        level = np.sqrt((np.abs(own) ** 2).mean(axis=1, keepdims=True))
        own *= both[:, None] / np.maximum(np.sqrt(level), 1e-12)  # loud windows count more, but not by their power
        spectra.append(own)
    count, bins = len(sounding), spectra[0].shape[1]
    cross, power = np.empty((count, count, bins), np.complex64), np.empty((count, count, bins), np.float32)
    for start in range(0, bins, CHUNK):
        part = slice(start, min(start + CHUNK, bins))
        rows = takes.stacked(spectra, part)
        cross[..., part] = (rows @ rows.conj().transpose(0, 2, 1)).transpose(1, 2, 0)
        power[..., part] = ((rows.real**2 + rows.imag**2) @ loud.T).transpose(1, 2, 0)
    together = loud @ loud.T
    for i in range(count):
        for j in range(i + 1, count):
            a, b = power[i, j], power[j, i]
            weight = np.sqrt(a * b)
            shared = correlate.coherence(cross[j, i], a, b)
            if together[i, j] < LEAST_WINDOWS or (shared * weight).sum() < SCREEN_COHERENCE * weight.sum():
                continue
            best = correlate.peak(cross[j, i], where.bins.start, where.size, where.rate_hz, takes.REACH_S)
            if abs(best.value) >= SCREEN_PEAK:
                yield i, j, best.lag_s


def _close(two: tuple[Stem, Stem], joint: Curve, coarse_s: float, where: takes.Grid, stems: Stems) -> Pair | None:
    """The pair as the windows show it in which both are loudest; None where there are too few."""
    chosen = takes.loudest(takes.onsets(np.where(joint > LOUD * joint.max(), joint, 0.0)), PAIR_WINDOWS)
    if len(chosen) < LEAST_WINDOWS:
        return None
    at, shift = where.starts[chosen], round(coarse_s * where.rate_hz)
    x, y = (takes.spectra(s.readings.sketch, at + n, where) for s, n in zip(two, (0, shift), strict=True))
    mono_x, mono_y = takes.middle(x), takes.middle(y)
    level = np.sqrt((np.abs(mono_x) ** 2).sum(axis=1) * (np.abs(mono_y) ** 2).sum(axis=1))[:, None]
    level = np.maximum(np.sqrt(level), 1e-30)  # as in the first look: loud windows count more, not by their power
    each = mono_y * mono_x.conj() / level
    cross = each.sum(axis=0)
    power_x, power_y = ((np.abs(v) ** 2 / level).sum(axis=0) for v in (mono_x, mono_y))
    shared = correlate.coherence(cross, power_x, power_y)
    bands, rate = _band_gains(two, stems), where.rate_hz * two[0].readings.sketch.factor
    found = path.fit(cross, (power_x, power_y), where.hz, windows=len(chosen), bands=bands, sample_rate=rate)
    turned = np.exp(-1j * found.phases)
    best = correlate.peak(cross * turned * np.sqrt(shared), where.bins.start, where.size, where.rate_hz, takes.REACH_S)
    lags_s = np.arange(-round(ASTRAY_S * where.rate_hz), round(ASTRAY_S * where.rate_hz) + 1) / where.rate_hz
    heights = np.abs(
        (each / np.maximum(np.abs(each), 1e-30) ** correlate.WHITENING * (turned * shared))
        @ correlate.steering(lags_s, where.hz)
    )
    lag_s = shift / where.rate_hz + found.lag_s
    common = np.sqrt(power_x * power_y)
    return Pair(
        first=two[0].name,
        second=two[1].name,
        lag_s=lag_s,
        error_s=found.error_s,
        polarity=found.polarity,
        coherence=float((shared * common).sum() / max(float(common.sum()), 1e-30)),
        explained=found.explained,
        agreeing=float((np.abs(lags_s[heights.argmax(axis=1)] - found.lag_s) <= AGREE_S + 0.5 / where.rate_hz).mean()),
        ratio=best.ratio,
        at_s=tuple(where.start_s[chosen].tolist()),
        gains=_gains(x, y, where.hz, shift / where.rate_hz, lag_s),
    )


def _band_gains(two: tuple[Stem, Stem], stems: Stems) -> path.BandGains:
    """Gain of the second stem over the first in bands."""
    # rounding to so many bits is a noise of 4^-bits / 3, of which a fifth at most lies in one band
    floors = [0.07 * 4.0 ** -(s.source.bit_depth or ROUNDING_BITS) for s in two]
    first, second = (s.readings.power for s in two)
    return path.band_gains(first, second, stems.band_hz, (floors[0], floors[1]))


def _gains(x: takes.Spectra, y: takes.Spectra, hz: Curve, shift_s: float, lag_s: float) -> Gains:
    """What mending brings; `y` was cut `shift_s` later than `x`. Channels add up each by themselves."""
    channels = max(x.shape[1], y.shape[1])
    cross = (y * x.conj()).sum(axis=(0, 1)) * (channels / max(x.shape[1] * y.shape[1] // channels, 1) / channels)
    power = sum((np.abs(v) ** 2).sum(axis=(0, 1)) * (channels / v.shape[1]) for v in (x, y))
    now = (cross * np.exp(-2j * np.pi * hz * shift_s)).real
    mended = (cross * np.exp(2j * np.pi * hz * (lag_s - shift_s))).real

    def gain(low: float, high: float) -> tuple[float, float, float]:
        inside = (hz >= low) & (hz < high)
        total = float(np.asarray(power)[inside].sum())
        if total <= 0.0:
            return 0.0, 0.0, 0.0
        sums = [total + 2.0 * float(v[inside].sum()) for v in (now, -now, mended, -mended)]
        was, flip, align, both = (max(s, 1e-6 * total) for s in sums)
        return power_db(flip / was), power_db(align / was), power_db(both / was)

    octaves = zip(*(gain(low, 2.0 * low) for low in OCTAVES_HZ), strict=True)
    return Gains(*gain(*BODY_HZ), *octaves)
