"""Takes: windows cut out of sketches at the moments that say most, as spectra that can be multiplied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.stems.model import Stem, Stems
from dsp.stems.sketch import SCALE, Sketch
from dsp.units import Curve, Samples

Starts = npt.NDArray[np.int64]
Spectra = npt.NDArray[np.complex64]

#: Length of a window (s, rounded to a power of two of samples) and the longest delay that is looked for (s).
WINDOW_S, REACH_S = 0.25, 0.024
#: What is looked at (Hz): the sketch reaches no higher, and below there are rumble and few periods.
LOW_HZ, HIGH_HZ = 40.0, 3_200.0


@dataclass(frozen=True)
class Grid:
    """Where windows can be cut: every half window, far enough from the ends of pieces for any delay.

    `starts` count the samples of all pieces of a sketch after one another, `start_s` are their times in the mix.
    """

    rate_hz: float
    size: int
    reach: int
    starts: Starts
    start_s: Curve

    @property
    def bins(self) -> slice:
        """The bins of a transform of one window that are looked at."""
        width = self.rate_hz / self.size
        return slice(int(np.ceil(LOW_HZ / width)), min(self.size // 2, int(HIGH_HZ / width)) + 1)

    @property
    def hz(self) -> Curve:
        """Their frequencies."""
        return np.asarray(np.arange(self.bins.start, self.bins.stop) * (self.rate_hz / self.size))


def grid(sketch: Sketch) -> Grid:
    """The grid of a sketch; every sketch of one measurement has the same."""
    size = 1 << round(float(np.log2(WINDOW_S * sketch.rate_hz)))
    reach = round(REACH_S * sketch.rate_hz)
    pieces, _, frames = sketch.samples.shape
    inside = np.arange(reach, frames - size - reach + 1, size // 2)
    starts = (np.arange(pieces)[:, None] * frames + inside).ravel()
    start_s = (sketch.start_s[:, None] + inside / sketch.rate_hz).ravel()
    return Grid(sketch.rate_hz, size, reach, starts, start_s)


def energies(stem: Stem, stems: Stems, where: Grid) -> Curve:
    """What sounds in every window of the grid, between `LOW_HZ` and `HIGH_HZ`, by the band-gram."""
    heard = (stems.band_hz >= LOW_HZ) & (stems.band_hz <= HIGH_HZ)
    power = stem.readings.power[:, heard].sum(axis=1, dtype=np.float64)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    ends = where.start_s + where.size / where.rate_hz
    first, last = (np.clip(np.rint(t / stems.frame_s).astype(int), 0, len(power)) for t in (where.start_s, ends))
    return np.asarray(np.maximum(sums[last] - sums[first], 0.0))


def onsets(energy: Curve) -> Curve:
    """The energy of windows that are the loudest of three, 0 elsewhere: where notes begin."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(energy, 1), 3).max(axis=1)
    return np.asarray(np.where(energy == around, energy, 0.0))


def loudest(energy: Curve, most: int) -> Starts:
    """Numbers of up to `most` windows: the loudest of as many stretches of those that have energy at all."""
    sounding = np.flatnonzero(energy > 0.0)
    stretches = np.array_split(sounding, min(most, len(sounding))) if len(sounding) else []
    return np.array([s[energy[s].argmax()] for s in stretches], dtype=np.int64)


def spectra(sketch: Sketch, starts: Starts, where: Grid) -> Spectra:
    """Spectra of windows that begin at `starts`, through a Hann window: (windows, channels, bins of the grid)."""
    piece_frames = sketch.samples.shape[2]
    cut = np.empty((len(starts), sketch.samples.shape[1], where.size), dtype=np.float32)
    for k, start in enumerate(starts.tolist()):
        piece, at = divmod(start, piece_frames)
        cut[k] = sketch.samples[piece, :, at : at + where.size]
    taper = np.sin(np.pi * (np.arange(where.size) + 0.5) / where.size) ** 2
    cut *= (taper / SCALE).astype(np.float32)
    return np.asarray(np.fft.rfft(cut)[..., where.bins], dtype=np.complex64)


def middle(channels: Spectra) -> Spectra:
    """The middle of two channels, or the left one where they cancel: (windows, bins)."""
    if channels.shape[1] == 1:
        return np.asarray(channels[:, 0])
    mono = np.asarray(channels.mean(axis=1))
    return np.asarray(channels[:, 0]) if _energy(mono) < 0.1 * _energy(channels) / channels.shape[1] else mono


def _energy(spectra: Spectra) -> float:
    return float(np.vdot(spectra, spectra).real)


def stacked(spectra: list[Spectra], bins: slice) -> Samples:
    """The same bins of several tracks with the bins first, (bins, tracks, windows), for matrix products."""
    return np.ascontiguousarray(np.array([s[:, bins] for s in spectra]).transpose(2, 0, 1))
