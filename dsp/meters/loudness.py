"""Loudness: ITU-R BS.1770-5 and EBU R128 (Tech 3341 meters, Tech 3342 range).

K-weighted power is summed over 10 ms hops; everything else is arithmetic on those sums. A 10 ms hop
finds the maximum momentary loudness of a 400 ms tone wherever it starts (Tech 3341 case 13), which
the 100 ms hop of the integrated measure misses by up to 0.5 LU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsp.meters.base import HOPS_PER_BLOCK, Meter
from dsp.meters.recursive import RecursiveFilter
from dsp.meters.windows import nearest_rank, window_sums
from dsp.units import Curve, Samples, finite, from_power_db, power_db, power_db_curve

#: BS.1770-5 equation 2: makes a 997 Hz full-scale sine in one front channel read -3.01 LKFS.
OFFSET_LU = -0.691
#: BS.1770-5: absolute gate, and relative gate below the absolutely gated loudness.
ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU = -70.0, -10.0
#: Tech 3342: relative gate of the loudness range, and the percentiles it lies between.
RANGE_GATE_LU, RANGE_LOW, RANGE_HIGH = -20.0, 0.10, 0.95
#: Windows in 10 ms hops: 400 ms momentary, stepped by 100 ms when integrating; 3 s short term.
MOMENTARY_HOPS, STEP_HOPS, SHORT_TERM_HOPS = 40, 10, 300
#: Tech 3342 asks for at least 66 % overlap of the 3 s windows: one a second, as the EBU reference does.
RANGE_STEP_HOPS = 100


def k_weighting(sample_rate: int) -> Curve:
    """The K-weighting as two second-order sections, shape (2, 6), at any sample rate.

    The analogue prototypes behind the 48 kHz table of BS.1770-5, bilinear-transformed as libebur128
    does (ebur128.c, `ebur128_init_filter`); at 48 kHz it equals the table to eight digits.
    """
    k = math.tan(math.pi * 1681.974450955533 / sample_rate)
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf = [
        (high + band * k / q + k * k) / a0,
        2 * (k * k - high) / a0,
        (high - band * k / q + k * k) / a0,
        1.0,
        2 * (k * k - 1) / a0,
        (1 - k / q + k * k) / a0,
    ]
    k = math.tan(math.pi * 38.13547087602444 / sample_rate)
    q = 0.5003270373238773
    a0 = 1 + k / q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    return np.array([shelf, high_pass])


@dataclass(frozen=True)
class Loudness:
    """Readings in LUFS and LU; None where the programme is too short or silent."""

    integrated_lufs: float | None
    max_momentary_lufs: float | None
    max_momentary_at_s: float | None  #: start of the loudest 400 ms
    max_short_term_lufs: float | None
    max_short_term_at_s: float | None  #: start of the loudest 3 s
    loudness_range_lu: float | None
    hop_s: float
    power: Curve  #: K-weighted, channel-weighted mean square of every hop

    def momentary_lufs(self, step_hops: int = 1) -> Curve:
        """Loudness of the 400 ms that start at every `step_hops`-th hop."""
        return _windowed_lufs(self.power, MOMENTARY_HOPS)[::step_hops]

    def short_term_lufs(self, step_hops: int = STEP_HOPS) -> Curve:
        """Loudness of the 3 s that start at every `step_hops`-th hop (100 ms by default)."""
        return _windowed_lufs(self.power, SHORT_TERM_HOPS)[::step_hops]


def lufs(power: float) -> float:
    """Loudness of a K-weighted mean square; minus infinity for silence."""
    return OFFSET_LU + power_db(power)


def _windowed_lufs(power: Curve, hops: int) -> Curve:
    return np.asarray(OFFSET_LU + power_db_curve(window_sums(power, hops) / hops))


def gated_power(powers: Curve, relative_gate_lu: float) -> Curve:
    """The window powers that pass the absolute gate and the relative gate below their mean."""
    loud = powers[powers >= from_power_db(ABSOLUTE_GATE_LUFS - OFFSET_LU)]
    if not len(loud):
        return loud
    kept: Curve = loud[loud >= loud.mean() * from_power_db(relative_gate_lu)]
    return kept


def integrated_lufs(power: Curve) -> float | None:
    """Gated loudness of a run of hop powers; None below 400 ms or when nothing passes the gates."""
    blocks = gated_power(window_sums(power, MOMENTARY_HOPS)[::STEP_HOPS] / MOMENTARY_HOPS, RELATIVE_GATE_LU)
    return lufs(float(blocks.mean())) if len(blocks) else None


def loudness_range_lu(power: Curve) -> float | None:
    """Tech 3342 loudness range of a run of hop powers; None below 3 s or in silence."""
    windows = window_sums(power, SHORT_TERM_HOPS)[::RANGE_STEP_HOPS] / SHORT_TERM_HOPS
    gated = gated_power(windows, RANGE_GATE_LU)
    if not len(gated):
        return None
    return power_db(nearest_rank(gated, RANGE_HIGH)) - power_db(nearest_rank(gated, RANGE_LOW))


class LoudnessMeter(Meter[Loudness]):
    """BS.1770 loudness of a programme whose channels count as `weights` say."""

    def __init__(self, sample_rate: int, channels: int, weights: Sequence[float]) -> None:
        super().__init__(sample_rate, channels)
        self._weights = np.asarray(weights, dtype=np.float64) / self.hop
        # a block of 50 hops is as many steps of 50 samples as a hop has samples
        self._filter = RecursiveFilter(k_weighting(sample_rate), HOPS_PER_BLOCK)
        self._state: Curve = np.zeros((channels, self._filter.order))
        self._power: list[Curve] = []

    def _consume(self, block: Samples) -> None:
        weighted, self._state = self._filter(block.astype(np.float64), self._state)
        hops = weighted.reshape(self.channels, -1, self.hop)
        self._power.append(self._weights @ np.vecdot(hops, hops))

    def _finish(self, tail: Samples) -> Loudness:
        whole_hops = tail.shape[1] // self.hop
        if whole_hops:
            block = np.zeros((self.channels, self.block_frames), dtype=np.float32)
            block[:, : tail.shape[1]] = tail
            self._consume(block)
            self._power[-1] = self._power[-1][:whole_hops]
        power = np.concatenate([np.zeros(0), *self._power])
        hop_s = self.hop / self.sample_rate
        momentary, short_term = (window_sums(power, hops) / hops for hops in (MOMENTARY_HOPS, SHORT_TERM_HOPS))
        return Loudness(
            integrated_lufs=integrated_lufs(power),
            max_momentary_lufs=finite(lufs(momentary.max())) if len(momentary) else None,
            max_momentary_at_s=int(momentary.argmax()) * hop_s if len(momentary) else None,
            max_short_term_lufs=finite(lufs(short_term.max())) if len(short_term) else None,
            max_short_term_at_s=int(short_term.argmax()) * hop_s if len(short_term) else None,
            loudness_range_lu=loudness_range_lu(power),
            hop_s=hop_s,
            power=power,
        )
