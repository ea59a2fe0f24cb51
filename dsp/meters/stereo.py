"""Stereo: correlation over time, width and mono compatibility in total and per band.

With mid M = (L + R) / 2 and side S = (L - R) / 2: correlation is sum(LR) / sqrt(sum(LL) sum(RR)); the
side ratio is the energy of S over that of M; the mono loss is the energy of M over the mean energy of
L and R (0 dB for identical channels, -3 dB for unrelated ones, minus infinity for opposite polarity).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.meters.base import Meter
from dsp.meters.spectrum import BandGram
from dsp.meters.windows import window_sums
from dsp.units import Curve, Samples, finite, from_power_db, power_db, power_db_curve

#: Correlation window and step in 10 ms hops: the 400 ms of momentary loudness, every 100 ms.
WINDOW_HOPS, STEP_HOPS = 40, 10
#: A window is active within this of the loudest one, and above this level: below, reverb tails and
#: noise decide the correlation (our judgement).
ACTIVE_RANGE_DB, ACTIVE_FLOOR_DBFS = -30.0, -60.0
#: Side below mid by more than this is dual mono; one channel below the other by more is one-sided.
DUAL_MONO_DB, ONE_SIDED_DB = -60.0, -40.0


@dataclass(frozen=True)
class Stereo:
    """Readings of a two-channel programme; None where nothing sounds."""

    correlation: float | None  #: of the whole programme
    correlation_min: float | None  #: of the worst active 400 ms
    correlation_min_at_s: float | None
    correlation_s: Curve  #: starts of the 400 ms windows
    correlation_curve: Curve  #: NaN where inactive
    side_ratio_db: float | None  #: side over mid
    mono_loss_db: float | None  #: level of the mono sum against the mean of both channels
    dual_mono: bool
    one_sided: str | None  #: the channel that alone sounds: "left" or "right"


@dataclass(frozen=True)
class BandStereo:
    """The same per third octave; NaN in bands without energy."""

    coherence: Curve  #: |S_LR|^2 / (S_LL S_RR), 0 unrelated to 1 one source
    correlation: Curve  #: Re S_LR / sqrt(S_LL S_RR)
    side_ratio_db: Curve
    mono_loss_db: Curve


class StereoMeter(Meter[Stereo]):
    """Channel products of a two-channel programme in 10 ms hops."""

    def __init__(self, sample_rate: int, channels: int = 2) -> None:
        if channels != 2:
            raise ValueError(f"stereo needs 2 channels, got {channels}")
        super().__init__(sample_rate, channels)
        self._products: list[Curve] = []  # LL, RR, LR and the energy of L - R of every step

    def _consume(self, block: Samples) -> None:
        left, right = block.reshape(2, -1, self.hop)
        difference = left - right
        pairs = ((left, left), (right, right), (left, right), (difference, difference))
        hops = np.array([np.vecdot(a, b) for a, b in pairs], dtype=np.float64)
        self._products.append(hops.reshape(4, -1, STEP_HOPS).sum(axis=2).T)

    def _finish(self, tail: Samples) -> Stereo:
        step = STEP_HOPS * self.hop
        whole_steps = len(self._products) * self.block_frames // step + tail.shape[1] // step
        self._consume(np.pad(tail, ((0, 0), (0, -tail.shape[1] % step))))
        products = np.concatenate(self._products)
        ll, rr, lr, dd = products.sum(axis=0)
        windows = window_sums(products[:whole_steps], WINDOW_HOPS // STEP_HOPS)
        power = (windows[:, 0] + windows[:, 1]) / (2 * WINDOW_HOPS * self.hop)
        floor = max(from_power_db(ACTIVE_FLOOR_DBFS), power.max(initial=0.0) * from_power_db(ACTIVE_RANGE_DB))
        # a window with one silent channel has no correlation
        active = (power >= floor) & (windows[:, 0] > 0) & (windows[:, 1] > 0)
        curve = np.full(len(windows), np.nan)
        curve[active] = _correlation(*windows[active, :3].T)
        worst = int(np.nanargmin(curve)) if active.any() else None
        starts = np.arange(len(windows)) * (STEP_HOPS * self.hop / self.sample_rate)
        mid, total = ll + rr + 2 * lr, ll + rr
        sounding = total > 0
        quieter, louder = sorted((ll, rr))
        one_sided = sounding and quieter <= louder * from_power_db(ONE_SIDED_DB)
        return Stereo(
            correlation=float(_correlation(ll, rr, lr)) if quieter > 0 else None,
            correlation_min=None if worst is None else float(curve[worst]),
            correlation_min_at_s=None if worst is None else float(starts[worst]),
            correlation_s=starts,
            correlation_curve=curve,
            side_ratio_db=finite(power_db(dd / mid)) if sounding and mid > 0 else None,
            mono_loss_db=finite(power_db(mid / (2 * total))) if sounding else None,
            dual_mono=bool(sounding and dd <= total * from_power_db(DUAL_MONO_DB)),
            one_sided=("left" if ll > rr else "right") if one_sided else None,
        )


def _correlation(ll: Curve, rr: Curve, lr: Curve) -> Curve:
    return np.clip(lr / np.sqrt(ll * rr), -1.0, 1.0)


def band_stereo(gram: BandGram) -> BandStereo:
    """Stereo readings of every third octave over the whole of a two-channel band-gram."""
    ll, rr, re, im = gram.long_term()
    with np.errstate(divide="ignore", invalid="ignore"):
        coherence = (re**2 + im**2) / (ll * rr)
        correlation = _correlation(ll, rr, re)
        side = power_db_curve(np.where(ll + rr > 0, (ll + rr - 2 * re) / (ll + rr + 2 * re), np.nan))
        loss = power_db_curve(np.where(ll + rr > 0, (ll + rr + 2 * re) / (2 * (ll + rr)), np.nan))
    return BandStereo(np.clip(coherence, 0.0, 1.0), correlation, side, loss)
