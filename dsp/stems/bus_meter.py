"""The mix bus, measured from what went in and what came out: the sum of the stems and the mix, sample by sample.

What is kept while the song passes is little: cross spectra every 50 ms in narrow groups of bins, energies every 50 ms,
and around the highest peak of every half second both signals as they are. `dsp.stems.bus` reads from it what the bus
did. Groups lie 5 Hz apart at the bottom, from 400 ms windows of the decimated signals, and a twelfth of an octave from
250 Hz up, from 100 ms windows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.meters.bands import FRAME_HOPS, LONG_FRAMES, SHORT_FRAMES, decimation, decimator
from dsp.meters.base import Meter
from dsp.meters.rows import Rows
from dsp.meters.windows import frames_of
from dsp.stems.bus import analyse
from dsp.stems.bus_readings import BusReadings
from dsp.stems.bus_sums import BusSums, Excerpt, Groups
from dsp.units import Curve, Samples

#: Lowest group, where short windows take over, and the top, the latter also as a share of the rate (Hz).
LOW_HZ, SPLIT_HZ, HIGH_HZ, HIGH_SHARE = 20.0, 250.0, 20_000.0, 0.46
#: Width of groups: at least so much, and of an octave.
LEAST_HZ, OCTAVE_SHARE = 5.0, 1 / 12
#: An excerpt: before the peak (for the filters to settle) and after it, in hops of 10 ms.
LEAD_HOPS, AFTER_HOPS = 4, 2
#: Excerpts kept of what is sampled at 48 kHz; of longer songs those with the highest peaks.
MOST_EXCERPTS = 600


def groups(hz: Curve, low_hz: float, high_hz: float) -> npt.NDArray[np.intp]:
    """Edges of groups of bins (indices, the last is where they end) between two frequencies."""
    edges = [int(np.searchsorted(hz, low_hz))]
    end = int(np.searchsorted(hz, high_hz))
    while edges[-1] < end:
        at = float(hz[edges[-1]])
        step = max(LEAST_HZ, at * (2.0**OCTAVE_SHARE - 1.0))
        edges.append(max(edges[-1] + 1, min(end, int(np.searchsorted(hz, at + step - 1e-6)))))
    return np.array(edges, dtype=np.intp)


__all__ = ["BusMeter", "BusReadings"]


class BusMeter(Meter[BusReadings]):
    """Fed blocks of the channels of the sum followed by those of the mix: shape (2 or 4, frames)."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        super().__init__(sample_rate, channels)
        self.frame = FRAME_HOPS * self.hop
        size = SHORT_FRAMES * self.frame
        hz = np.fft.rfftfreq(size, 1 / sample_rate)
        high = min(HIGH_HZ, HIGH_SHARE * sample_rate)
        self._short_edges = groups(hz, min(SPLIT_HZ, high), high)
        self._short_window = np.hanning(size + 1)[:size].astype(np.float32)
        self._factor = decimation(sample_rate, self.frame)
        self._low_frame = self.frame // self._factor
        long = LONG_FRAMES * self._low_frame
        low_hz = np.fft.rfftfreq(long, self._factor / sample_rate)
        self._long_edges = groups(low_hz, LOW_HZ, min(SPLIT_HZ, high))
        self._long_window = np.hanning(long + 1)[:long].astype(np.float32)
        kernel = decimator(sample_rate, self._factor)
        self._taps = kernel.reshape(-1, self._factor).T.astype(np.float32)
        self.groups = Groups.of((low_hz, self._long_edges), (hz, self._short_edges))
        # squares of both kinds of windows in the same unit: mean squares of one frame
        self._scales = (
            2.0 / (long * float(np.square(self._long_window, dtype=np.float64).sum())),
            2.0 / (size * float(np.square(self._short_window, dtype=np.float64).sum())),
        )
        self._history = np.zeros((channels, self.frame), dtype=np.float32)
        before = len(kernel) // 2 // self._factor
        self._raw = np.zeros((channels, before * self._factor), dtype=np.float32)
        self._low = np.zeros((channels, long // 2), dtype=np.float32)
        self._tail = np.zeros((channels, (LEAD_HOPS + AFTER_HOPS) * self.hop), dtype=np.float32)
        self._cross = np.zeros(size // 2 + 1, dtype=np.complex128)
        self._short, self._long, self._energy = Rows(), Rows(), Rows()
        self._guess: list[float] = []
        self._total = np.zeros(2)
        self._excerpts: list[Excerpt] = []
        self._frames = 0

    def _consume(self, block: Samples) -> None:
        self._spectra(block)
        self._low_spectra(block)
        self._energies(block)
        self._excerpt(block)
        self._frames += block.shape[1]

    def _spectra(self, block: Samples) -> None:
        import scipy.fft

        buffer = np.concatenate([self._history, block], axis=1)
        self._history = buffer[:, -self.frame :]
        spans = frames_of(buffer, SHORT_FRAMES * self.frame, self.frame).transpose(1, 0, 2)
        spectra = scipy.fft.rfft(spans * self._short_window)
        products = self._products(spectra)
        cross = products[:, 2:4].sum(axis=0)
        self._cross = self._cross + (cross[0] + 1j * cross[1])
        self._short.append(_gathered(products, self._short_edges, self._scales[1]))

    def _low_spectra(self, block: Samples) -> None:
        import scipy.fft

        raw = np.concatenate([self._raw, block], axis=1)
        rows = raw.reshape(self.channels, -1, self._factor)
        count = rows.shape[1] - self._taps.shape[1] + 1
        self._raw = raw[:, count * self._factor :]
        parts = rows @ self._taps
        low = np.sum([parts[:, m : m + count, m] for m in range(self._taps.shape[1])], axis=0)
        buffer = np.concatenate([self._low, low], axis=1)
        size = LONG_FRAMES * self._low_frame
        frames = max(0, (buffer.shape[1] - size) // self._low_frame + 1)
        self._low = buffer[:, frames * self._low_frame :]
        if frames:
            spans = frames_of(buffer, size, self._low_frame)[:, :frames].transpose(1, 0, 2)
            spectra = scipy.fft.rfft(spans * self._long_window)
            self._long.append(_gathered(self._products(spectra), self._long_edges, self._scales[0]))

    def _products(self, spectra: npt.NDArray[np.complex64]) -> Samples:
        """Of every frame and bin, summed over channels: power of the sum, of the mix, mix times conjugate sum."""
        half = self.channels // 2
        frames, _, bins = spectra.shape
        out = np.zeros((frames, 4, bins), dtype=np.float32)
        for c in range(half):
            total, mix = spectra[:, c], spectra[:, half + c]
            out[:, 0] += total.real**2 + total.imag**2
            out[:, 1] += mix.real**2 + mix.imag**2
            product = mix * total.conj()
            out[:, 2] += product.real
            out[:, 3] += product.imag
        return out

    def _energies(self, block: Samples) -> None:
        """Every 50 ms and channel: sum, mix and sum, and what is left at the gain so far, so that little cancels."""
        half = self.channels // 2
        parts = block.reshape(2, half, -1, self.frame)
        total, mix = parts
        power, cross = np.vecdot(total, total), np.vecdot(total, mix)
        self._total = self._total + np.array([power.sum(dtype=np.float64), cross.sum(dtype=np.float64)])
        guess = float(np.float32(self._total[1] / self._total[0])) if self._total[0] > 0 else 0.0
        left = mix - np.float32(guess) * total
        self._guess.append(guess)
        rows = np.stack([power, np.vecdot(mix, mix), cross, np.vecdot(left, total), np.vecdot(left, left)])
        self._energy.append(rows.transpose(2, 0, 1).astype(np.float32))

    def _excerpt(self, block: Samples) -> None:
        """Keep what surrounds the highest peak of the sum; what is too near the end belongs to the next block."""
        lead, after, half = LEAD_HOPS * self.hop, AFTER_HOPS * self.hop, self.channels // 2
        buffer = np.concatenate([self._tail, block], axis=1)
        self._tail = buffer[:, -(lead + after) :]
        inside = buffer[:half, lead:-after]
        size = np.maximum(inside.max(axis=0), -inside.min(axis=0))
        at = int(size.argmax())
        peak = float(size[at])
        if peak <= 0.0:
            return
        piece = buffer[:, at : at + lead + after]
        start = self._frames - self._tail.shape[1] + at
        self._excerpts.append(Excerpt.of(start, lead, peak, piece[:half], piece[half:]))
        most = max(8, MOST_EXCERPTS * 48_000 // max(self.sample_rate, 48_000))
        if len(self._excerpts) > most:
            least = np.sort([e.peak for e in self._excerpts])[most // 4]
            self._excerpts = [e for e in self._excerpts if e.peak > least]

    def _finish(self, tail: Samples) -> BusReadings:
        frames = self._frames + tail.shape[1]
        padded = np.zeros((self.channels, 2 * self.block_frames), dtype=np.float32)  # flushes what lags behind
        padded[:, : tail.shape[1]] = tail
        self._consume(padded[:, : self.block_frames])
        self._consume(padded[:, self.block_frames :])
        count = -(-frames // self.frame) + 1 if frames else 0
        half = self.channels // 2
        energy = self._energy.joined(5, half)
        low, high = len(self._long_edges) - 1, len(self._short_edges) - 1
        spectra = np.zeros((count, 4, low + high), dtype=np.float32)
        for rows, bands in ((self._long, slice(0, low)), (self._short, slice(low, None))):
            start = 0
            for piece in rows.drain():
                kept = piece[: count - start]
                spectra[start : start + len(kept), :, bands] = kept
                start += len(kept)
        return analyse(
            BusSums(
                sample_rate=self.sample_rate,
                channels=half,
                frames=frames,
                frame_s=self.frame / self.sample_rate,
                groups=self.groups,
                split=low,
                spectra=spectra,
                cross=self._cross,
                energy=energy[: max(0, count - 1)],
                guess=np.repeat(self._guess, self.block_frames // self.frame)[: max(0, count - 1)],
                excerpts=tuple(self._excerpts),
            )
        )


def _gathered(products: Samples, edges: npt.NDArray[np.intp], scale: float) -> Samples:
    """Sums over groups of bins, (frames, 4, groups), in mean squares."""
    if len(edges) < 2:
        return np.zeros((len(products), 4, 0), dtype=np.float32)
    sums = np.add.reduceat(products[..., : edges[-1]], edges[:-1], axis=-1)
    return np.asarray(sums * np.float32(scale), dtype=np.float32)
