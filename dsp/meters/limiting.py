"""Evidence of a limiter or clipper on the mix bus, whatever the level of the file, from its loudest moments.

Four numbers say how much the highest peaks end at one ceiling (all natural logarithms):

saturation  spread of the peaks of the loudest moments against the spread of the level under them: without a
            limiter louder sound makes higher peaks
hits        how many half seconds reach the highest sample of the file within 0.03 dB, repeats of the same sound
            counted once: the pile at the ceiling
dwell       how much of the loudest moments lies within 1 dB of their peak: clippers flatten what they cut
depth       how far below the highest peak the peaks lie that only one millisecond in 5000 exceeds

None depends on gain. A high-pass after the limiter spreads the ceiling, so the evidence is taken from the view
(`dsp.meters.moments`) in which the highest peaks are flattest, among those that do not raise the peaks: undoing a
high-pass that was never there does raise them. A logistic model, calibrated by `benchmarks.limiter_calibration` on
songs with and without limiters and cross-validated by song and by family of limiters, makes a probability of them.
M10 and the depth at 2 % rank are the peaks-over-threshold statistics of the same moments, reported beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dsp.limiter_model import LimiterModel
from dsp.meters.moments import MOMENTS, ROWS, LoudMoments
from dsp.units import Curve, Samples, power_db_curve

#: Shares of all 20 ms that count as the loudest: for saturation, dwell, and M10.
SATURATION_SHARE, DWELL_SHARE, TAIL_SHARE, RANK_SHARE = 0.02, 0.03, 0.10, 0.02
#: Share of all milliseconds that lie above the depth, and the fewest: those of a minute and a half.
DEPTH_SHARE, DEPTH_FEWEST = 0.0002, 18
#: A half second is at the ceiling within this (dB); two with levels this alike are one sound repeated.
HIT_DB, SAME_DB = 0.03, 0.1
#: Of the loudest moments, what lies within this of a moment's peak is dwelling there (dB).
DWELL_DB = 1.0
#: A view may raise the median of the highest peaks by no more than this (dB); over this share of the moments.
RISE_DB, RISE_SHARE = 0.1, 1 / 3
#: Half seconds that peak no further below the ceiling than this, or than its blur, count as shaved (dB).
SHAVED_DB = 0.2
#: Fewer distinct sounds than this among the loudest moments are a loop.
LEAST_DISTINCT = 0.25
#: Never fewer moments than this.
FEWEST = 10
#: Shorter than this nothing is said; shorter than that the evidence counts less, by the square of the length, as
#: there are both fewer peaks and fewer kinds of them; and less after a lossy codec (s; our judgement).
SHORTEST_S, SURE_S, LOSSY_TRUST = 20.0, 60.0, 0.7
#: Below this crest factor the programme is a tone or noise, not a mix (a sine has 3 dB).
STEADY_CREST_DB = 4.0


@dataclass(frozen=True)
class LimiterEvidence:
    """What the loudest moments say; see the module. `view` is the high-pass undone, 0 for none."""

    view: int
    saturation: float
    hits: float
    dwell: float
    depth: float
    m10: float
    depth_2_percent_db: float
    distinct_share: float  #: how many of the loudest moments are not repeats of another
    ceiling_dbfs: float  #: median of the highest peaks
    blur_db: float  #: their standard deviation: what dither, codecs and filters made of one ceiling
    shaved_share: float  #: of all half seconds, those that peak at the ceiling
    shaved_s: Curve  #: where they peak, seconds

    def log_odds(self, model: LimiterModel) -> float:
        """The evidence weighed."""
        return (
            model.intercept
            + model.saturation * self.saturation
            + model.hits * self.hits
            + model.dwell * self.dwell
            + model.depth * self.depth
        )


def why_unknown(evidence: LimiterEvidence, duration_s: float, crest_db: float | None) -> str | None:
    """Why the peaks of a programme say nothing about a limiter; None where they do."""
    if duration_s < SHORTEST_S:
        return f"only {duration_s:.0f} s long: too short to tell a ceiling from chance"
    if crest_db is not None and crest_db < STEADY_CREST_DB:
        return "steady like a tone: its peaks say nothing about a limiter"
    if evidence.distinct_share < LEAST_DISTINCT:
        return "its loudest moments are repeats of one sound, as in a loop: they say nothing about a limiter"
    return None


def probability(evidence: LimiterEvidence, model: LimiterModel, duration_s: float, lossy: bool) -> float:
    """The probability of a limiter or clipper on the mix bus, nearer to a half where there is less to go by."""
    trust = min(1.0, duration_s / SURE_S) ** 2 * (LOSSY_TRUST if lossy else 1.0)
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, trust * evidence.log_odds(model)))))


def limiter_evidence(moments: LoudMoments) -> LimiterEvidence | None:
    """The evidence of a programme; None for silence or less than half a second."""
    blocks = len(moments.rows)
    if not blocks or moments.rows[:, :, 0].max() <= 0.0:
        return None
    peaks = _decibels(moments.rows.max(axis=3))
    under = np.maximum(power_db_curve(moments.power), -200.0)
    flat = peaks.reshape(-1, peaks.shape[2])
    view = _view(flat, blocks)
    peak, level = flat[:, view], under.ravel()
    rows = _decibels(moments.rows[:, :, view]).reshape(-1, ROWS)
    order = np.argsort(-peak, kind="stable")
    top = float(peak[order[0]])
    highest = order[: _count(SATURATION_SHARE, blocks)]
    dwelling = order[: _count(DWELL_SHARE, blocks)]
    depths = np.sort(top - peak)
    tail = depths[: _count(TAIL_SHARE, blocks)]
    every = np.sort(top - rows, axis=None)
    block_peaks = peaks[:, :, view].max(axis=1)
    block_levels = under[np.arange(blocks), peaks[:, :, view].argmax(axis=1)]
    at_ceiling = np.flatnonzero(block_peaks >= top - HIT_DB)
    distinct = len(np.unique(np.round(block_levels[at_ceiling] / SAME_DB)))
    ceiling_db, blur_db = float(np.median(peak[highest])), float(peak[highest].std())
    shaved = np.flatnonzero(block_peaks >= ceiling_db - max(SHAVED_DB, blur_db))
    starts = moments.start_s[np.arange(blocks), peaks[:, :, view].argmax(axis=1)]
    rank = max(DEPTH_FEWEST, int(DEPTH_SHARE * blocks * MOMENTS * ROWS))
    spread = float(level[highest].std())
    sounds = np.stack([np.round(level[highest] / SAME_DB), np.round(flat[highest, 0] / HIT_DB)])
    return LimiterEvidence(
        view=view,
        saturation=math.log((float(peak[highest].std()) + 0.02) / (spread + SAME_DB)),
        hits=math.log(distinct),
        dwell=math.log(float((peak[dwelling, None] - rows[dwelling] < DWELL_DB).mean())),
        depth=math.log(float(every[min(len(every) - 1, rank)]) + 0.05),
        m10=1.0 - float(tail.mean()) / max(float(tail[-1]), 1e-3),
        depth_2_percent_db=float(depths[min(len(depths) - 1, int(RANK_SHARE * blocks * MOMENTS))]),
        distinct_share=np.unique(sounds, axis=1).shape[1] / len(highest),
        ceiling_dbfs=ceiling_db,
        blur_db=blur_db,
        shaved_share=len(shaved) / blocks,
        shaved_s=np.asarray(starts[shaved], dtype=np.float64),
    )


def _decibels(size: Samples) -> Curve:
    """Levels of linear peaks; silence as -200 dB."""
    return np.asarray(np.maximum(2.0 * power_db_curve(size), -200.0))


def _count(share: float, blocks: int) -> int:
    """How many moments a share of all 20 ms is."""
    return max(FEWEST, int(share * blocks * MOMENTS))


def _view(peaks: Curve, blocks: int) -> int:
    """The view whose highest peaks are flattest, of those that do not raise the peaks; shape (moments, views)."""
    loud = np.argsort(-peaks[:, 0], kind="stable")[: max(FEWEST, int(RISE_SHARE * len(peaks)))]
    rise = np.median(peaks[loud] - peaks[loud, :1], axis=0)
    top = np.sort(peaks, axis=0)[-_count(SATURATION_SHARE, blocks) :]
    return int(np.where(rise <= RISE_DB, top.std(axis=0), np.inf).argmin())
