"""Spectrum: third-octave powers of the left, the right and their cross term, every 50 ms.

Bands are those of IEC 61260-1 (base ten, 25 Hz to 20 kHz), shaped like the third-order Butterworth
band-pass that is its usual class 1 filter. From 200 Hz up they come from transforms of 100 ms with a
sine window at 50 % overlap, whose squares sum to one, so every sample counts the same and the bands add
up to the energy of the signal. Below, where bands are narrower than such a window resolves, they come
from 400 ms Hann windows of the decimated signal, at the same times.

The cross term makes everything linear in channels and tracks exact: the power of L + R is
LL + RR + 2 Re LR, and likewise for a mix and its stems, whatever the phases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.meters.bands import FRAME_HOPS, LONG_FRAMES, SHORT_FRAMES, SPLIT, band_filters, measured_bands
from dsp.meters.base import HOPS_PER_BLOCK, Meter
from dsp.meters.rows import Rows, paged
from dsp.meters.windows import frames_of
from dsp.units import Curve, Samples

#: Frames averaged at once.
AT_ONCE = 4096
#: Frames in a canonical block.
FRAMES_PER_BLOCK = HOPS_PER_BLOCK // FRAME_HOPS
#: Half seconds in one fine spectrum of the upper bins, and where those end (Hz).
FINE_BLOCKS, FINE_HZ = 4, 8_000.0


@dataclass(frozen=True)
class FineSpectra:
    """Narrow-band mean powers over time, mean of all channels: for hum, resonances and delays.

    `low` has shape (half seconds, bins) with bins `low_hz` (2.5 Hz) apart up to 280 Hz, seen through a
    400 ms Hann window, the k-th from `low_s[k]` on; `high` has shape (times, bins) with bins `bin_hz` (10 Hz)
    apart up to 8 kHz, one every `high_s` (2 s). `cross` is the mean of left times the conjugate of the
    right in bins `bin_hz` apart, complex, over the whole file; empty unless there are two channels.
    """

    low_hz: float
    low_s: Curve
    low: Samples
    high_s: float
    high: Samples
    cross: npt.NDArray[np.complex128]


@dataclass(frozen=True)
class BandGram:
    """Third-octave mean squares over time (full-scale square wave = 1).

    `data` has shape (frames, kinds, bands): the power of every channel and, of two channels, the real
    and the imaginary part of the left times the conjugate of the right. Frame k is centred at k times
    `frame_s`. `bins` is the mean power spectrum over the whole file, averaged over channels, `bin_hz`
    apart; `fine` are such spectra over time.
    """

    frame_s: float
    band_hz: Curve
    channels: int
    data: Samples
    bin_hz: float
    bins: Curve
    fine: FineSpectra

    @property
    def power(self) -> Samples:
        """Power of every channel, shape (frames, channels, bands); a view."""
        return self.data[:, : self.channels]

    def long_term(self, frames: npt.NDArray[np.bool_] | None = None) -> Curve:
        """Mean of `data` over the chosen frames (all by default), shape (kinds, bands)."""
        total, count = np.zeros(self.data.shape[1:]), 0
        for start in range(0, len(self.data), AT_ONCE):  # a selection is a copy: never of the whole song
            part = self.data[start : start + AT_ONCE]
            part = part if frames is None else part[frames[start : start + AT_ONCE]]
            total += part.sum(axis=0, dtype=np.float64)
            count += len(part)
        return total / max(count, 1)


class BandGramMeter(Meter[BandGram]):
    """Third-octave band powers every 50 ms.

    `short_spectra` and `long_spectra`, shape (frames, channels, bins), are those of the frames that the last
    canonical block (or `finish`) completed, valid until the next: what tracks fed alike are multiplied by. The
    weights gather their products into bands (`banded`).
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        super().__init__(sample_rate, channels)
        self.frame = FRAME_HOPS * self.hop
        self.band_hz = measured_bands(sample_rate)

        filters = band_filters(sample_rate, self.frame)
        self._bin_hz, self._short_window, self.short_weights = (
            filters.bin_hz, filters.short_window, filters.short_weights,
        )  # fmt: skip
        self._factor, self._taps, self._low_bins = filters.factor, filters.taps, filters.low_bins
        self._long_window, self.long_weights = filters.long_window, filters.long_weights
        self._low_frame = self.frame // self._factor
        taps = self._taps.size
        rows_before = taps // 2 // self._factor
        self._rows_after = self._taps.shape[1] - rows_before - 1
        self._history = np.zeros((channels, self.frame))
        self._work, self.short_spectra = np.empty((0, 0, 0)), np.empty((0, 0, 0), dtype=np.complex128)
        self.long_spectra = np.empty((0, channels, self._low_bins), dtype=np.complex128)
        self._raw = np.zeros((channels, rows_before * self._factor))
        self._low = np.zeros((channels, LONG_FRAMES // 2 * self._low_frame))
        self._bins = np.zeros(self.short_weights.shape[0])
        self._cross = np.zeros(len(self._bins) if channels == 2 else 0, dtype=np.complex128)
        self._fine_bins = min(len(self._bins), round(FINE_HZ / self._bin_hz) + 1)
        self._fine, self._fine_frames = np.zeros(self._fine_bins), 0
        self._high, self._low_means, self._short, self._long = Rows(), Rows(), Rows(), Rows()
        self._long_counts: list[int] = []

    def _consume(self, block: Samples) -> None:
        self._short_frames(block)
        self._long_frames(block)

    def _short_frames(self, block: Samples) -> None:
        frames, size = block.shape[1] // self.frame, SHORT_FRAMES * self.frame
        if len(self._work) != frames:  # reused from block to block: fresh memory costs more than the sums
            self._work = np.empty((frames, self.channels, size))
            self.short_spectra = np.empty((frames, self.channels, size // 2 + 1), dtype=np.complex128)
        buffer = np.concatenate([self._history, block], axis=1, dtype=np.float64)
        self._history = buffer[:, -self.frame :].copy()
        spans = frames_of(buffer, size, self.frame).transpose(1, 0, 2)
        np.multiply(spans, self._short_window, out=self._work)
        powers = _powers(np.fft.rfft(self._work, out=self.short_spectra))
        sums = powers[:, : self.channels].sum(axis=(0, 1)) / self.channels
        self._bins = self._bins + sums
        if self.channels == 2:
            self._cross = self._cross + (powers[:, 2].sum(axis=0) + 1j * powers[:, 3].sum(axis=0))
        self._fine, self._fine_frames = self._fine + sums[: self._fine_bins], self._fine_frames + frames
        if self._fine_frames >= FINE_BLOCKS * FRAMES_PER_BLOCK:
            self._high.append((self._fine / self._fine_frames).astype(np.float32)[None])
            self._fine, self._fine_frames = np.zeros(self._fine_bins), 0
        self._short.append(banded(powers, self.short_weights))

    def _long_frames(self, block: Samples) -> None:
        self.long_spectra = self.long_spectra[:0]
        raw = np.concatenate([self._raw, block], axis=1, dtype=np.float64)
        rows = raw.reshape(self.channels, -1, self._factor)
        count = rows.shape[1] - self._taps.shape[1] + 1
        if count <= 0:
            self._raw = raw
            return
        self._raw = raw[:, count * self._factor :].copy()
        parts = rows @ self._taps
        low = sum(parts[:, m : m + count, m] for m in range(self._taps.shape[1]))
        buffer = np.concatenate([self._low, low], axis=1)
        frames = (buffer.shape[1] - LONG_FRAMES * self._low_frame) // self._low_frame + 1
        self._low = buffer[:, max(frames, 0) * self._low_frame :].copy()
        if frames <= 0:
            return
        spans = frames_of(buffer, LONG_FRAMES * self._low_frame, self._low_frame)
        spectra = np.fft.rfft(spans[:, :frames].transpose(1, 0, 2) * self._long_window)[..., : self._low_bins]
        self.long_spectra = spectra
        powers = _powers(spectra)
        self._long.append(banded(powers, self.long_weights))
        self._long_counts.append(len(powers))
        self._low_means.append(powers[:, : self.channels].mean(axis=(0, 1))[None])

    def _finish(self, tail: Samples) -> BandGram:
        total = self._short.count * self.frame + tail.shape[1]
        frames = -(-total // self.frame) + 1 if total else 0
        flush = (LONG_FRAMES // 2 + 2) * self.frame + self._taps.size
        padded = np.zeros((self.channels, (-(-(tail.shape[1] + flush) // self.frame)) * self.frame), np.float32)
        padded[:, : tail.shape[1]] = tail
        self._short_frames(padded)
        self._long_frames(padded)
        kinds = self.channels + (2 if self.channels == 2 else 0)
        data: Samples = paged((frames, kinds, len(self.band_hz)))
        for parts, bands in ((self._long, slice(0, SPLIT)), (self._short, slice(SPLIT, None))):
            start = 0
            for part in parts.drain():
                data[start : start + len(part), :, bands] = part[: frames - start]
                start += len(part)
        np.maximum(data[:, : self.channels], 0.0, out=data[:, : self.channels])  # sharpened weights may dip below
        scale = 2.0 / (SHORT_FRAMES * self.frame)  # of the spectra of one frame, per bin, both signs together
        bins = self._bins * (scale / max(total, 1))
        bins[[0, -1]] /= 2.0  # 0 Hz and half the rate have no negative twin
        return BandGram(
            frame_s=self.frame / self.sample_rate,
            band_hz=self.band_hz,
            channels=self.channels,
            data=data,
            bin_hz=self._bin_hz,
            bins=bins,
            fine=self._fine_spectra(frames, total),
        )

    def _fine_spectra(self, frames: int, total: int) -> FineSpectra:
        """The narrow-band spectra of the first `frames` frames, in mean squares."""
        counts = np.array(self._long_counts, dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]]) if len(counts) else counts
        kept = int((starts + counts <= frames).sum())
        size, window = len(self._long_window), self._long_window
        low = self._low_means.joined(self._low_bins)[:kept]
        low *= np.float32(2.0 / (size * float(window @ window)))
        whole = (frames - 1) // (FINE_BLOCKS * FRAMES_PER_BLOCK)
        high = self._high.joined(self._fine_bins)[:whole]
        high *= np.float32(2.0 / (SHORT_FRAMES * self.frame * self.frame))
        return FineSpectra(
            low_hz=self.sample_rate / self._factor / size,
            low_s=starts[:kept] * (self.frame / self.sample_rate),
            low=low,
            high_s=FINE_BLOCKS * FRAMES_PER_BLOCK * self.frame / self.sample_rate,
            high=high,
            cross=self._cross * (2.0 / (SHORT_FRAMES * self.frame * max(total, 1))),
        )


def _powers(spectra: npt.NDArray[np.complex128]) -> Samples:
    """Squared magnitudes and, of two channels, real and imaginary cross spectrum: (frames, kinds, bins)."""
    frames, channels, bins = spectra.shape
    re, im = spectra.real.astype(np.float32), spectra.imag.astype(np.float32)
    out = np.empty((frames, channels + (2 if channels == 2 else 0), bins), dtype=np.float32)
    np.multiply(re, re, out=out[:, :channels])
    out[:, :channels] += im * im
    if channels == 2:
        np.multiply(re[:, 0], re[:, 1], out=out[:, 2])
        out[:, 2] += im[:, 0] * im[:, 1]
        np.multiply(im[:, 0], re[:, 1], out=out[:, 3])
        out[:, 3] -= re[:, 0] * im[:, 1]
    return out


def banded(powers: Samples, weights: Samples) -> Samples:
    """Bins gathered into bands, as one matrix product: (frames, kinds, bands)."""
    frames, kinds, bins = powers.shape
    return np.asarray((powers.reshape(-1, bins) @ weights).reshape(frames, kinds, -1))
