"""Dynamics: PLR and PSR from loudness and true peak, the DR of the dynamic range database, sections.

PLR is the true peak over the integrated loudness, PSR the true peak of 3 s over the short-term loudness
of the same 3 s (AES convention paper 9767 and Ian Shepherd's Dynameter use these terms). DR follows the
"TT Dynamic Range" algorithm as dr14meter 1.1.5 implements it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.meters.base import HOPS_PER_BLOCK, Meter
from dsp.meters.loudness import SHORT_TERM_HOPS, Loudness, lufs
from dsp.meters.true_peak import TruePeak
from dsp.meters.windows import window_sums
from dsp.units import Curve, Samples, amplitude_db, power_db, power_db_curve

#: PSR is judged where the short-term loudness is no further below the integrated one (our judgement):
#: in a quieter passage a high ratio says nothing of the mix bus.
PSR_GATE_LU = -10.0


@dataclass(frozen=True)
class Dynamics:
    """Ratios in dB; None where the programme is too short or silent."""

    plr_db: float | None
    psr_min_db: float | None
    psr_min_at_s: float | None  #: start of the 3 s with the lowest ratio
    psr_s: Curve  #: starts of the 3 s windows, half a second apart
    psr_db: Curve  #: NaN where gated


def dynamics(loudness: Loudness, true_peak: TruePeak) -> Dynamics:
    """PLR, and PSR every half second with its minimum over what is loud enough to count."""
    integrated, peak = loudness.integrated_lufs, true_peak.max_dbtp
    powers = window_sums(loudness.power, SHORT_TERM_HOPS)[::HOPS_PER_BLOCK] / SHORT_TERM_HOPS
    blocks = SHORT_TERM_HOPS // HOPS_PER_BLOCK
    if integrated is None or peak is None or not len(powers):
        plr = peak - integrated if peak is not None and integrated is not None else None
        return Dynamics(plr, None, None, np.zeros(0), np.zeros(0))
    loudest = true_peak.blocks.max(axis=1)
    peaks = np.array([loudest[i : i + blocks].max() for i in range(len(powers))])
    short_term = lufs(1.0) + power_db_curve(powers)
    starts = np.arange(len(powers)) * true_peak.block_s
    psr = np.full(len(powers), np.nan)
    counts = short_term >= integrated + PSR_GATE_LU
    psr[counts] = 2.0 * power_db_curve(peaks[counts]) - short_term[counts]
    at = int(np.nanargmin(psr)) if counts.any() else None
    return Dynamics(
        plr_db=peak - integrated,
        psr_min_db=None if at is None else float(psr[at]),
        psr_min_at_s=None if at is None else float(starts[at]),
        psr_s=starts,
        psr_db=psr,
    )


#: DR: blocks of 3 s (dr14meter takes 44,160 samples for a second at 44.1 kHz, so do we), the share of
#: loudest blocks, and the sine-referenced RMS.
DR_BLOCK_S, DR_LOUDEST_SHARE = 3, 0.2
DR_SECOND_AT_44100 = 44_160


class DynamicRangeMeter(Meter[int | None]):
    """DR ("DR14") of a programme: an integer number of dB; None in silence or below two blocks."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        super().__init__(sample_rate, channels)
        self._size = DR_BLOCK_S * (DR_SECOND_AT_44100 if sample_rate == 44_100 else sample_rate)
        self._energy = np.zeros(channels)
        self._peak = np.zeros(channels)
        self._filled = 0
        self._blocks: list[tuple[Curve, Curve]] = []  # RMS and peak of every block

    def _consume(self, block: Samples) -> None:
        start = 0
        while start < block.shape[1]:
            part = block[:, start : start + self._size - self._filled]
            self._energy = self._energy + np.vecdot(part, part)
            self._peak = np.maximum(self._peak, np.abs(part).max(axis=1))
            self._filled += part.shape[1]
            start += part.shape[1]
            if self._filled == self._size:
                self._close()

    def _close(self) -> None:
        self._blocks.append((np.sqrt(2.0 * self._energy / self._filled), self._peak))
        self._energy, self._peak, self._filled = np.zeros(self.channels), np.zeros(self.channels), 0

    def _finish(self, tail: Samples) -> int | None:
        self._consume(tail)
        if self._filled:
            self._close()
        if len(self._blocks) < 2:
            return None
        rms, peaks = (np.sort(np.array(values), axis=0) for values in zip(*self._blocks, strict=True))
        loudest = rms[-max(1, int(len(rms) * DR_LOUDEST_SHARE)) :]
        power = (loudest**2).mean(axis=0)
        heard = (power > 0.0) & (peaks[-2] > 0.0)
        if not heard.any():
            return None
        ratios = [
            amplitude_db(float(p)) - power_db(float(w)) for p, w in zip(peaks[-2][heard], power[heard], strict=True)
        ]
        return round(float(np.mean(ratios)))
