"""Width, correlation and mono loss by region of the spectrum, over the song and over time, from the band-gram.

With M = (L + R) / 2 and S = (L - R) / 2: the side share is the energy of S over that of M and S together, 0 for
mono, a half for unrelated channels, 1 for opposite polarity. The mono loss is the energy of M against the mean of
L and R, in dB: 0 for mono, -3 for unrelated channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsp.meters.windows import window_sums
from dsp.mix import Mix
from dsp.regions import REGIONS, Region
from dsp.units import Curve, power_db, power_db_curve

#: Windows and their step for width over time (s): a phrase.
WINDOW_S, STEP_S = 3.0, 1.0
#: A region sounds in a window whose energy is within this of the loudest (dB), and counts in the song when it
#: holds this much of the energy (dB): the air of a master holds -35 dB and is heard (our judgement).
SOUNDING_DB, SHARE_DB = -20.0, -45.0
#: What a phone's loudspeaker plays: it falls off below about 400 Hz (published ports range from 250 to 800 Hz).
PHONE_HZ = 400.0


@dataclass(frozen=True)
class RegionWidth:
    """One region of a two-channel mix; curves have one value per window, NaN where the region does not sound."""

    region: Region
    energy_share_db: float  #: of the energy of the whole mix
    side_share: float
    correlation: float
    mono_loss_db: float
    at_s: Curve  #: starts of the windows
    side_share_curve: Curve
    mono_loss_curve_db: Curve

    @property
    def counts(self) -> bool:
        """Whether there is enough in the region to judge it."""
        return self.energy_share_db >= SHARE_DB


def _of(products: Curve) -> tuple[Curve, Curve, Curve]:
    """Side share, correlation and mono loss in dB of LL, RR and Re LR in the last axis."""
    ll, rr, re = np.moveaxis(products, -1, 0)
    both = ll + rr
    with np.errstate(divide="ignore", invalid="ignore"):
        side = np.where(both > 0, (both - 2 * re) / (2 * both), np.nan)
        correlation = np.where(ll * rr > 0, re / np.sqrt(ll * rr), np.nan)
    side = np.clip(side, 0.0, 1.0)
    return side, np.clip(correlation, -1.0, 1.0), power_db_curve(1.0 - side)


def region_widths(mix: Mix, regions: Sequence[Region] = REGIONS) -> tuple[RegionWidth, ...]:
    """Every region that has bands in the mix. Empty unless it has two channels and something loud in it."""
    gram = mix.readings.gram
    loud = mix.loud_frames
    if gram.channels != 2 or not loud.any():
        return ()
    whole = gram.long_term(loud)[:3]
    total = float(whole[:2].sum())
    size, step = round(WINDOW_S / gram.frame_s), round(STEP_S / gram.frame_s)
    member = np.array([region.of(gram.band_hz) for region in regions], dtype=np.float32).T
    steps = len(gram.data) // step
    rows = (gram.data[: steps * step].reshape(-1, len(member)) @ member).reshape(steps, step, 4, len(regions))
    sums = window_sums(rows.sum(axis=1, dtype=np.float64), size // step)
    found = []
    for k, region in enumerate(regions):
        bands = region.of(gram.band_hz)
        if not bands.any() or total <= 0:
            continue
        windows = sums[:, :3, k] if len(sums) else whole[None, :, bands].sum(axis=2)
        side, correlation, loss = _of(whole[:, bands].sum(axis=1))
        side_curve, _, loss_curve = _of(windows)
        energy = windows[:, :2].sum(axis=1)
        quiet = energy < energy.max(initial=0.0) * 10 ** (SOUNDING_DB / 10)
        side_curve[quiet], loss_curve[quiet] = np.nan, np.nan
        found.append(
            RegionWidth(
                region=region,
                energy_share_db=power_db(float(whole[:2, bands].sum()) / total),
                side_share=float(side),
                correlation=float(correlation),
                mono_loss_db=float(loss),
                at_s=np.arange(len(windows)) * step * gram.frame_s,
                side_share_curve=side_curve,
                mono_loss_curve_db=loss_curve,
            )
        )
    return tuple(found)


def phone_mono_score(mix: Mix) -> tuple[float, float] | None:
    """How much of the mix a phone's one loudspeaker keeps: a score from 0 to 100 and the loss in dB.

    The score is the share of the energy above `PHONE_HZ` that is in the mid: 100 for mono, 50 for unrelated
    channels, 0 for opposite polarity. None unless the mix has two channels and something there.
    """
    gram = mix.readings.gram
    if gram.channels != 2 or not mix.loud_frames.any():
        return None
    products = gram.long_term(mix.loud_frames)[:3, gram.band_hz >= PHONE_HZ].sum(axis=1)
    side, _, loss = _of(products)
    return None if not np.isfinite(side) else (100.0 * (1.0 - float(side)), float(loss))
