"""Glitches: clicks and dropouts, found by what no instrument does, per channel and to the sample.

A click is an impulse or a step: a few samples that carry nearly all the treble of tens of milliseconds on
either side, while the level before and after is the same. The fourth difference makes both stand out
(Vaseghi and Rayner 1990 and Godsill and Rayner 1998 take the residual of a predictor, which costs a
hundred times as much). The stroke of a stick fails twice: its treble lasts for a millisecond or two, and
the level rises. A dropout is a hole between two loud passages with both edges cut off. The detection
constants are our judgement, from faults put into real songs and from the hardest attacks of those songs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.meters.base import Meter
from dsp.units import Curve, Samples

#: Rows of about this length carry the largest fourth difference (s); 50 samples at 48 kHz.
ROW_S = 1 / 960
#: A click exceeds all rows from the second to this many on either side: the period of 20 Hz, so that no wave
#: of a bass is alone.
CONTEXT_ROWS, NEAR_ROWS = 50, 2
#: Those rows, from the one itself.
CONTEXT = np.concatenate([np.arange(-CONTEXT_ROWS, 1 - NEAR_ROWS), np.arange(NEAR_ROWS, CONTEXT_ROWS + 1)])
#: ... by at least this factor (12 dB; a check asks for more).
LEAST_RATIO = 4.0
#: Share of the energy of the fourth difference within 1 ms that lies in the click itself, here +-85 us. Clicks put into
#: real songs reach 0.85 to 1, strokes of drums in them 0.3 to 0.6.
CLICK_S, AROUND_S, LEAST_CONCENTRATION = 85e-6, 2.2e-3, 0.8
#: The mean of the square of Gaussian noise is this many times its median.
MEAN_OF_MEDIAN = 2.2
#: Power before and after, from 0.5 to 25 ms off the row: more than a factor of 4 (6 dB) is the attack or end of a note.
SIDE_FROM_S, SIDE_TO_S, LARGEST_RISE = 0.5e-3, 25e-3, 4.0
#: Fourth differences below this are quantisation: 16 steps of 16 bit.
LOWEST = 16 / 32768
#: Floor below which the power of slopes counts as none, as a share of that of levels (-20 dB).
FLOOR_OF_SLOPE = 0.01
#: A click in silence stands out by this much, as nothing can be said of silence.
LARGEST_RATIO = 1000.0
#: Fourth difference of a single sample of height one.
IMPULSE = 6.0
#: Shortest and longest hole (s): a full stop of the whole arrangement is longer.
SHORTEST_HOLE_S, LONGEST_HOLE_S = 1e-3, 0.25
#: What remains in a hole, of the peaks of 10 ms on either side; those differ by less than `ALIKE`.
HOLE, HOLE_SIDE_S, ALIKE = 3e-3, 10e-3, 8.0
#: The last half millisecond before a hole and the first after it reach this share of those peaks: no fade.
EDGE_S, EDGE = 0.5e-3, 0.25
#: Glitches of two channels within this are one (s).
TOGETHER_S = 1e-3


@dataclass(frozen=True)
class Glitches:
    """Clicks and holes in order of time; every array has one entry per glitch.

    `channel` is -1 where a glitch is in more than one. `click_size` is linear (the height of a single
    sample that would measure the same), `click_ratio` how far it exceeds the 50 ms on either side.
    """

    click_s: Curve
    click_channel: npt.NDArray[np.int64]
    click_size: Curve
    click_ratio: Curve
    hole_s: Curve
    hole_length_s: Curve
    hole_channel: npt.NDArray[np.int64]


class GlitchMeter(Meter[Glitches]):
    """Finds clicks and holes of every channel."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        super().__init__(sample_rate, channels)
        wanted = sample_rate * ROW_S
        divisors = [d for d in range(1, self.block_frames + 1) if self.block_frames % d == 0]
        self.row = min(divisors, key=lambda d: (abs(math.log(d / wanted)), d))
        self._width = max(4, round(CLICK_S * sample_rate))
        self._reach = max(16, round(AROUND_S * sample_rate))
        self._side = round(SIDE_FROM_S * sample_rate), round(SIDE_TO_S * sample_rate)
        self._samples = np.zeros((channels, self.block_frames), dtype=np.float32)  # the block before
        self._rows = np.zeros((channels, self.block_frames // self.row), dtype=np.float32)
        self._start = -self.block_frames  # where that block lies in the file
        self._clicks: list[tuple[int, int, float, float]] = []  # sample, channel, size, ratio
        self._holes: list[tuple[int, int, int]] = []  # sample, length, channel

    def _consume(self, block: Samples) -> None:
        before = self._samples.shape[1]
        samples = np.concatenate([self._samples, block], axis=1)
        new = samples[:, before - 4 :]
        for _ in range(4):
            new = new[:, 1:] - new[:, :-1]
        np.abs(new, out=new)
        rows = np.concatenate([self._rows, new.reshape(self.channels, -1, self.row).max(axis=2)], axis=1)
        self._judge_rows(samples, rows)
        self._samples, self._rows = samples[:, before:], rows[:, self._rows.shape[1] :]
        self._start += block.shape[1]

    def _judge_rows(self, samples: Samples, rows: Samples) -> None:
        """Look for glitches in the rows of one block: those up to `CONTEXT_ROWS` before the last one."""
        count = rows.shape[1] // 2
        first = count - CONTEXT_ROWS
        here, earlier = rows[:, first : first + count], rows[:, first - 1 : first - 1 + count]
        beside = np.maximum(rows[:, first - 2 : first - 2 + count], rows[:, first + 2 : first + 2 + count])
        next_to = np.maximum(earlier, rows[:, first + 1 : first + 1 + count])
        audible = here > LOWEST
        channel_of, row_of = np.nonzero((here > LEAST_RATIO * beside) & (here >= next_to) & audible)
        if len(row_of):
            highest = rows[channel_of[:, None], first + row_of[:, None] + CONTEXT].max(axis=1)
            for k in np.flatnonzero(here[channel_of, row_of] >= LEAST_RATIO * highest):
                channel, row = int(channel_of[k]), first + int(row_of[k])
                self._judge_click(
                    samples[channel], row * self.row, float(rows[channel, row]), float(highest[k]), channel
                )
        for channel, row in zip(*np.nonzero((earlier < HOLE * here) & audible), strict=True):
            self._judge_hole(samples[channel], (first + int(row)) * self.row, int(channel))

    def _judge_click(self, x: Samples, at: int, size: float, highest: float, channel: int) -> None:
        """Keep what stands out at the row that starts at `at` if it is as short as a click and no attack."""
        low, high = self._side
        before, after = x[at - high : at - low], x[at + self.row + low : at + self.row + high]
        floor = (size / IMPULSE / 100.0) ** 2 * (high - low)  # silence on both sides is alike, however silent
        for _ in range(2):  # as it is, and differentiated: a loud low note hides the attack of a drum
            rise = (float(after @ after) + floor) / (float(before @ before) + floor)
            if not 1.0 / LARGEST_RISE <= rise <= LARGEST_RISE:
                return
            before, after, floor = before[1:] - before[:-1], after[1:] - after[:-1], floor * FLOOR_OF_SLOPE
        bend = x[at - self._reach - 4 : at + self.row + self._reach].astype(np.float64)
        for _ in range(4):
            bend = bend[1:] - bend[:-1]
        bend *= bend  # entry k belongs to sample at - reach - 2 + k
        peak = self._reach + int(bend[self._reach : self._reach + self.row].argmax())
        whole = bend[peak - self._reach : peak + self._reach + 1]
        noise = MEAN_OF_MEDIAN * float(np.partition(whole, self._reach)[self._reach])
        excess = np.maximum(whole - noise, 0.0)
        within = excess[self._reach - self._width : self._reach + self._width + 1]
        if within.sum() < LEAST_CONCENTRATION * excess.sum():
            return
        sample = self._start + at - self._reach - 2 + peak
        self._clicks.append((sample, channel, size / IMPULSE, size / max(highest, size / LARGEST_RATIO)))

    def _judge_hole(self, x: Samples, at: int, channel: int) -> None:
        """Keep the silence before the row that starts at `at` if loud sound is cut off on both sides of it."""
        side, edge = round(HOLE_SIDE_S * self.sample_rate), max(2, round(EDGE_S * self.sample_rate))
        after = np.abs(x[at : at + self.row + side])
        loud = float(after.max())
        if max(float(x[at - self.row // 2 : at].max()), -float(x[at - self.row // 2 : at].min())) > HOLE * loud:
            return
        end = at + int((after > HOLE * loud).argmax())
        longest = round(LONGEST_HOLE_S * self.sample_rate)
        sounding = np.flatnonzero(np.abs(x[end - longest : end]) > HOLE * loud)
        if not len(sounding):
            return
        start = end - longest + int(sounding[-1]) + 1
        if end - start < max(2, SHORTEST_HOLE_S * self.sample_rate):
            return
        before = np.abs(x[max(start - side, 0) : start])
        earlier = float(before.max())
        alike = max(loud, earlier) <= ALIKE * min(loud, earlier)
        edges = min(float(before[-edge:].max()) / earlier, float(np.abs(x[end : end + edge]).max()) / loud)
        if alike and edges >= EDGE:
            self._holes.append((self._start + start, end - start, channel))

    def _finish(self, tail: Samples) -> Glitches:
        empty = np.zeros((self.channels, 2 * self.block_frames), dtype=np.float32)
        empty[:, : tail.shape[1]] = tail
        for start in (0, self.block_frames):
            self._consume(empty[:, start : start + self.block_frames])
        clicks = self._merged(np.array(self._clicks, dtype=np.float64).reshape(-1, 4), 1, [2, 3])
        holes = self._merged(np.array(self._holes, dtype=np.float64).reshape(-1, 3), 2, [1])
        return Glitches(
            click_s=clicks[:, 0] / self.sample_rate,
            click_channel=clicks[:, 1].astype(np.int64),
            click_size=clicks[:, 2],
            click_ratio=clicks[:, 3],
            hole_s=holes[:, 0] / self.sample_rate,
            hole_length_s=holes[:, 1] / self.sample_rate,
            hole_channel=holes[:, 2].astype(np.int64),
        )

    def _merged(self, found: Curve, channel: int, largest: list[int]) -> Curve:
        """Rows in order of time (the first column), those at the same time in several channels as one.

        The channel becomes -1 there, and of the columns `largest` the larger value stays.
        """
        out: list[Curve] = []
        for row in found[np.argsort(found[:, 0], kind="stable")]:
            if out and row[0] - out[-1][0] <= TOGETHER_S * self.sample_rate:
                if row[channel] != out[-1][channel]:
                    out[-1][channel] = -1
                for column in largest:
                    out[-1][column] = max(out[-1][column], row[column])
            else:
                out.append(row.copy())
        return np.array(out).reshape(-1, found.shape[1])
