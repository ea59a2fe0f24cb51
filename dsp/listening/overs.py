"""Overs: the separate times a decoded waveform passes full scale.

An over is a run of peaks above 0 dBTP, of any channel, that is followed by at least 10 ms without one: a
clipped drum stroke is one over however many of its crests pass full scale, and two strokes are two. Peaks are
those of every 50 samples of the true-peak meter, on the waveform between the samples.
"""

from __future__ import annotations

import numpy as np

from dsp.meters.rows import Rows
from dsp.meters.true_peak import ROW, TruePeak, TruePeakMeter
from dsp.units import Samples

#: This long without a peak above full scale ends an over (s).
GAP_S = 0.010


class OverMeter(TruePeakMeter):
    """A true-peak meter that counts overs as it goes and forgets the peaks of single rows: its size is fixed."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        super().__init__(sample_rate, channels)
        self._overs = 0
        self._counted = 0  # rows counted so far
        self._last = -(1 << 62)  # the latest row above full scale

    def _consume(self, block: Samples) -> None:
        super()._consume(block)
        rows = self._rows.joined()[1:]  # the first is from before the start, or the stand-in below
        self._overs += self._starts(rows)
        hot = np.flatnonzero(rows > 1.0)
        if hot.size:
            self._last = self._counted + int(hot[-1])
        self._counted += len(rows)
        self._rows = Rows()
        self._rows.append(np.zeros(1, np.float32))

    def _starts(self, rows: Samples) -> int:
        """How many overs begin in the rows that follow those counted."""
        hot = np.concatenate([[self._last], self._counted + np.flatnonzero(rows > 1.0)])
        gap_rows = round(GAP_S * self.sample_rate / ROW)
        return int(np.count_nonzero(np.diff(hot) > gap_rows))

    def overs(self) -> tuple[TruePeak, int]:
        """The true peak so far (its `rows` only from the last half second on) and the number of overs."""
        reading = self.result()
        if reading.max_dbtp is None or reading.max_dbtp <= 0.0:
            return reading, 0
        return reading, max(1, self._overs + self._starts(reading.rows))
