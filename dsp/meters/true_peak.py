"""True peak: the highest value of the continuous waveform between samples (BS.1770-5 Annex 2).

The waveform is interpolated to 16 times the sample rate: midpoints by a 40-tap Kaiser-windowed sinc,
then seven points in every half by an 8-tap one. Against the closed form of a sine this errs by less
than 0.06 dB up to 0.45 of the sample rate (0.011 + 0.009 dB of ripple, 0.034 dB of grid; the 4x FIR
printed in the standard errs by up to 0.3 dB).

The answer is that of interpolating everywhere, but only what can matter is evaluated. An interpolated
value is at most the L1 norm of the interpolator times the largest sample under it; and it lies off the
straight line between its neighbours by at most another L1 norm times the largest second difference
there, which music, whose treble is weak, keeps small. What either bound keeps below the peak already
found in the same half second is skipped.

`rows` are the peaks of every 50 samples (about a millisecond), from the doubled grid with a parabola through
its highest point: within 0.1 dB for what lies below a quarter of the sample rate. Far below the highest
peak so far (`ROWS_WITHIN`) they are those of the samples alone.

Nothing is assumed about the signal outside the file, so within 24 samples of its ends only the samples
count; a waveform that starts or stops abruptly is the head-and-tail check's business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.meters.base import HOPS_PER_BLOCK, Meter
from dsp.meters.rows import Rows
from dsp.meters.windows import frames_of
from dsp.units import Curve, Samples, amplitude_db, finite

MID_TAPS, MID_BETA = 40, 6.25
FINE_TAPS, FINE_BETA, FINE_PARTS = 8, 6.75, 8
#: Samples per row, context on either side of it in a matrix window, and how far an interpolation reaches.
ROW, CONTEXT, REACH = HOPS_PER_BLOCK, HOPS_PER_BLOCK // 2, MID_TAPS // 2 + FINE_TAPS // 2
WINDOW = ROW + 2 * CONTEXT
#: Midpoints per window: those of the row, and the fine stage's neighbours on either side.
SPARE = FINE_TAPS // 2
MIDS = ROW + 2 * SPARE
FIRST = CONTEXT - SPARE  # where in a window the sample before the first midpoint lies
MIDDLE = FINE_TAPS // 2 - 1  # the point before the interval that a fine interpolation fills
#: Rows whose samples stay below this share of the highest peak so far (-9 dB) are not interpolated for `rows`:
#: no limiter of a mix reaches that deep (our judgement).
ROWS_WITHIN = 0.35
#: Nor are rows below twice the RMS so far (6 dB): a limiter that makes music as loud as -9 LUFS under -1 dBTP leaves
#: them alone.
ROWS_ABOVE_RMS = 2.0
#: Nor is a row of which the bounds say that it rises by less than this ratio (0.05 dB) above its samples.
ROWS_CERTAIN = 10 ** (0.05 / 20)


def windowed_sinc(distance: Curve, taps: int, beta: float) -> Samples:
    """Kaiser-windowed sinc at distances in samples, of unit gain at 0 Hz along the last axis."""
    window = np.i0(beta * np.sqrt(np.maximum(0.0, 1.0 - (2.0 * distance / taps) ** 2)))
    kernel = np.sinc(distance) * window
    return np.asarray(kernel / kernel.sum(axis=-1, keepdims=True), dtype=np.float32)


def _mid_matrix() -> Samples:
    """From a window of samples to the midpoints after its samples FIRST, FIRST + 1 ..., (WINDOW, MIDS)."""
    kernel = windowed_sinc(np.arange(MID_TAPS) - (MID_TAPS - 1) / 2, MID_TAPS, MID_BETA)
    matrix = np.zeros((WINDOW, MIDS), dtype=np.float32)
    for j in range(MIDS):
        first = FIRST + j - MID_TAPS // 2 + 1
        matrix[first : first + MID_TAPS, j] = kernel
    return matrix


def _fine_matrix() -> Samples:
    """`FINE_TAPS` points of the doubled grid to the inner points of their middle interval, (taps, 7)."""
    parts = np.arange(1, FINE_PARTS)[:, None] / FINE_PARTS
    return np.ascontiguousarray(windowed_sinc(np.arange(FINE_TAPS)[None, :] - MIDDLE - parts, FINE_TAPS, FINE_BETA).T)


MID = _mid_matrix()
FINE = _fine_matrix()


def _beyond_chord(kernel: Curve, left: int, part: float) -> tuple[float, float]:
    """How far an interpolated value can lie off the straight line between its two neighbours.

    The kernel less the line's two weights sums to zero, so it is a weighted sum of second differences
    (twice summed by parts): at most the L1 norm of those weights times the largest of them, the first
    number, plus a remainder of the kernel's first moment times the largest sample, the second.
    """
    off = kernel.astype(np.float64)
    off[left : left + 2] -= (1.0 - part, part)
    weights = off.cumsum().cumsum()
    return float(np.abs(weights[:-1]).sum()), 2.0 * abs(float(weights[-1]))


def _bounds() -> tuple[float, float, float, float, float]:
    """The norms below, of both stages together and of the fine stage alone."""
    grid = np.zeros((WINDOW, 2 * MIDS))
    grid[FIRST + np.arange(MIDS), 2 * np.arange(MIDS)] = 1.0
    grid[:, 1::2] = MID
    norm = float(np.abs(MID[:, SPARE]).sum())
    both, fine = [_beyond_chord(MID[:, SPARE], CONTEXT, 0.5)], []
    for half in range(2):  # the half intervals after the row's first sample
        for k in range(FINE_PARTS - 1):
            part, start = (k + 1) / FINE_PARTS, 2 * SPARE + half - MIDDLE
            kernel = grid[:, start : start + FINE_TAPS] @ FINE[:, k]
            norm = max(norm, float(np.abs(kernel).sum()))
            both.append(_beyond_chord(kernel, CONTEXT, (half + part) / 2))
            fine.append(_beyond_chord(FINE[:, k], MIDDLE, part))
    (bend, slack), (fine_bend, fine_slack) = np.max(both, axis=0), np.max(fine, axis=0)
    return norm, float(bend), float(slack), float(fine_bend), float(fine_slack)


#: L1 norms of everything interpolated: in samples, and off the chord in second differences and samples.
NORM, BEND, SLACK, FINE_BEND, FINE_SLACK = _bounds()
FINE_NORM = float(np.abs(FINE).sum(axis=0).max())


def _second_difference(x: Samples) -> Samples:
    """|x[k-1] - 2 x[k] + x[k+1]| along the last axis, two shorter than x."""
    out: Samples = x[..., :-2] + x[..., 2:]
    out -= 2.0 * x[..., 1:-1]
    np.abs(out, out=out)
    return out


def _with_neighbours(values: Samples) -> Samples:
    """The largest of each inner value and the two beside it, two shorter than `values`."""
    return np.maximum(np.maximum(values[:-2], values[2:]), values[1:-1])


def _crests(grid: Samples, at: npt.NDArray[np.intp], size: Samples) -> Samples:
    """Height of the parabola through every row's highest point, of absolute value `size`, and its neighbours."""
    centre = np.arange(len(grid)) * grid.shape[1] + at
    before, middle, after = grid.ravel()[centre + np.array([[-1], [0], [1]])]
    slope, bend = (after - before) / 2, 2 * middle - before - after
    inside = np.abs(2 * slope) < np.abs(bend)  # else the crest lies beyond the neighbours: at a file's end
    return np.asarray(size + np.divide(slope**2, np.abs(2 * bend), out=np.zeros_like(size), where=inside))


@dataclass(frozen=True)
class TruePeak:
    """Highest interpolated absolute value, dBTP; None for digital silence or no samples."""

    max_dbtp: float | None
    at_s: float | None
    channel_dbtp: tuple[float | None, ...]
    channel_at_s: tuple[float | None, ...]
    block_s: float  #: the half second that `blocks` are spaced by
    blocks: Curve  #: true peak (linear) of every half second, shape (blocks, channels)
    row_s: float  #: length of one of `rows`
    rows: Samples  #: peak (linear) of every 50 samples, the highest of all channels, shape (rows,)


class TruePeakMeter(Meter[TruePeak]):
    """True peak of every channel in every half second, with its time.

    `with_rows=False` leaves `rows` empty and saves their time; everything else is the same.
    """

    def __init__(self, sample_rate: int, channels: int, with_rows: bool = True) -> None:
        super().__init__(sample_rate, channels)
        self._with_rows = with_rows
        self._history = np.zeros((channels, 2 * ROW), dtype=np.float32)
        self._start = -2 * ROW  # where the history lies in the file
        self._blocks: list[Curve] = []
        self._rows = Rows()
        self._energy, self._frames = 0.0, 0
        self._best = np.zeros(channels)
        self._best_at = np.zeros(channels)  # in samples

    def _consume(self, block: Samples) -> None:
        self._scan(block, end=None)

    def _scan(self, block: Samples, end: int | None) -> None:
        """Peaks of `block` and the part of the history not yet interpolated; `end` when it is the last."""
        buffer = np.concatenate([self._history, block], axis=1)
        self._energy += float(np.vecdot(block, block).max())
        self._frames += block.shape[1]
        rms = math.sqrt(self._energy / max(self._frames, 1))
        found = [self._channel_peak(buffer[channel], end, rms) for channel in range(self.channels)]
        peaks, at = np.array([f[0] for f in found]), np.array([f[1] for f in found])
        self._blocks.append(peaks)
        if self._with_rows:
            self._rows.append(np.max([f[2] for f in found], axis=0))
        self._best_at = np.where(peaks > self._best, at, self._best_at)
        self._best = np.maximum(peaks, self._best)
        self._history = buffer[:, -2 * ROW :]
        self._start += block.shape[1]

    def _channel_peak(self, x: Samples, end: int | None, rms: float) -> tuple[float, float, Samples]:
        """Highest absolute value of one channel's buffer, its position in samples from the start, row peaks.

        The samples of the new block, and every interval of all rows of the buffer but the first and last.
        """
        size = np.abs(x)
        at = int(size[2 * ROW :].argmax()) + 2 * ROW
        peak, where = float(size[at]), float(at)

        highest = size.reshape(-1, ROW).max(axis=1)
        reach = _with_neighbours(highest)
        chord = np.maximum(highest[1:-1], size[2 * ROW :: ROW])
        bend = np.zeros_like(x)
        bend[1:-1] = _second_difference(x)
        bend = _with_neighbours(bend.reshape(-1, ROW).max(axis=1))
        row_peaks = highest[1:-1].copy()
        within = np.float32(max(ROWS_WITHIN * max(peak, float(self._best.max())), ROWS_ABOVE_RMS * rms))
        bound = np.minimum(NORM * reach, chord + BEND * bend + SLACK * reach)
        needed = bound > peak
        if self._with_rows:
            needed |= (row_peaks > within) & (bound > ROWS_CERTAIN * row_peaks)
        rows = np.flatnonzero(needed)
        if not rows.size:
            return peak, self._start + where, row_peaks

        windows = frames_of(x[CONTEXT:], WINDOW, ROW)[rows]
        grid = np.empty((rows.size, 2 * MIDS), dtype=np.float32)
        grid[:, 0::2] = windows[:, FIRST : FIRST + MIDS]
        grid[:, 1::2] = windows @ MID
        size = np.abs(grid)
        top = size.max(axis=1)
        centre = size[:, 2 * SPARE : 2 * (SPARE + ROW) + 1]  # the row and the sample after it
        if end is not None or self._start < 0:  # ends of the file: see the module's last paragraph
            sample = self._start + ROW * (rows[:, None] + 1) + np.arange(2 * ROW + 1) // 2
            centre[(sample < REACH) | (sample >= (math.inf if end is None else end) - REACH)] = -math.inf
        column = centre.argmax(axis=1)
        highest = centre[np.arange(len(rows)), column]
        row = int(highest.argmax())
        if highest[row] > peak:
            peak, where = float(highest[row]), (rows[row] + 1) * ROW + int(column[row]) / 2
        if self._with_rows:
            row_peaks[rows] = np.maximum(row_peaks[rows], _crests(grid, 2 * SPARE + column, highest))

        near = np.flatnonzero(FINE_NORM * top > peak)
        rows, grid, centre, top = rows[near], grid[near], centre[near], top[near]
        enough = peak - FINE_BEND * _second_difference(grid).max(axis=1) - FINE_SLACK * top
        hot = np.maximum(centre[:, :-1], centre[:, 1:]) > enough[:, None]
        row_of, first = np.nonzero(hot & np.isfinite(np.minimum(centre[:, :-1], centre[:, 1:])))
        points = frames_of(grid, FINE_TAPS, 1)[row_of, first + 2 * SPARE - MIDDLE]
        fine = np.abs(points @ FINE)
        if fine.size and fine.max() > peak:
            k, part = divmod(int(fine.argmax()), FINE_PARTS - 1)
            peak = float(fine[k, part])
            where = (rows[row_of[k]] + 1) * ROW + (first[k] + (part + 1) / FINE_PARTS) / 2
        return peak, self._start + where, row_peaks

    def _finish(self, tail: Samples) -> TruePeak:
        end = self._start + 2 * ROW + tail.shape[1]
        if end > 0:
            padded = np.zeros((self.channels, (-(-tail.shape[1] // ROW) + 2) * ROW), dtype=np.float32)
            padded[:, : tail.shape[1]] = tail
            self._scan(padded, end)
        at_s = self._best_at / self.sample_rate
        loudest = int(self._best.argmax())
        channel_dbtp = tuple(finite(amplitude_db(float(p))) for p in self._best)
        channel_at_s = tuple(float(t) if p > 0 else None for t, p in zip(at_s, self._best, strict=True))
        return TruePeak(
            max_dbtp=channel_dbtp[loudest],
            at_s=channel_at_s[loudest],
            channel_dbtp=channel_dbtp,
            channel_at_s=channel_at_s,
            block_s=self.block_frames / self.sample_rate,
            blocks=np.array(self._blocks).reshape(-1, self.channels),
            row_s=ROW / self.sample_rate,
            rows=self._rows.joined()[1 : 1 + -(-max(end, 0) // ROW)],
        )
