"""The calibrated weights of the evidence for a limiter: a logistic model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LimiterModel:
    """Log-odds of a limiter: the intercept and a weight for each piece of evidence (`dsp.meters.limiting`)."""

    source: str
    intercept: float
    saturation: float
    hits: float
    dwell: float
    depth: float
