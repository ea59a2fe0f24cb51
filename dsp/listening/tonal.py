"""Tonal balance: a long-term spectrum beside the average of a genre, matched in level.

The level is matched over 200 Hz to 2 kHz, where songs of all genres differ least (Elowsson and Friberg 2017),
by Huber's location: between a median, which a bump inside that range hardly drags along, and a mean, which does
not jump. No band moves it by more than itself. Nothing here depends on how loud a mix is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dsp.genre import Genre
from dsp.mix import Mix
from dsp.regions import REGIONS, Region
from dsp.units import Curve, power_db_curve

Mask = npt.NDArray[np.bool_]

#: The level is matched between these mid-band frequencies (Hz).
MATCH_HZ = (200.0, 2000.0)
#: Beyond this many spreads from the matched level a band counts by its side only, not by its distance.
HUBER_SIGMA = 0.5
#: The matched level is refined until it moves by less than this (dB), or this often.
SETTLED_DB, ROUNDS = 1e-9, 500
#: A band this far below the curve, counted from the strongest matched band, holds nothing but the skirts of others.
ABSENT_DB = 40.0
#: Half the width of a third-octave band, as a ratio.
EDGE = 10.0 ** (1 / 20)
#: A band may reach beyond the end of the spectrum by this ratio: what it loses then is a fraction of a dB.
OVERLAP = 1.05
#: Smoothing over neighbouring bands, about half an octave wide (a key puts its notes into single bands).
SMOOTHING = (0.25, 0.5, 0.25)


def region_of(frequency_hz: float) -> Region:
    """The region a frequency lies in; exact mid-bands count as the nominal ones they are named after.

    >>> region_of(199.5).name
    'mud'
    """
    return next((r for r in REGIONS if frequency_hz < 0.99 * r.high_hz), REGIONS[-1])


@dataclass(frozen=True)
class Range:
    """Neighbouring bands that deviate the same way.

    `low_hz` and `high_hz` are the edges of the outer bands, `first` and `last` their indices; the peak is the
    band that deviates most in spreads (`sigmas`), `deviation_db` how much in dB (smoothed).
    """

    first: int
    last: int
    low_hz: float
    high_hz: float
    peak_hz: float
    deviation_db: float
    sigmas: float

    @property
    def octaves(self) -> float:
        """Width in octaves."""
        return float(np.log2(self.high_hz / self.low_hz))

    @property
    def region(self) -> Region:
        """The region its peak lies in."""
        return region_of(self.peak_hz)


@dataclass(frozen=True)
class TonalBalance:
    """A spectrum beside a genre, band by band.

    `deviation_db` is the third-octave level less the curve and the matched level: positive is hot; NaN where
    `present` is False (nothing in the band, or above where the spectrum was cut off). `offset_db` is the
    matched level, `anchors` the number of bands between 200 Hz and 2 kHz that had something in them.
    """

    genre: Genre
    band_hz: Curve
    deviation_db: Curve
    present: Mask
    offset_db: float
    anchors: int

    @property
    def judged(self) -> Mask:
        """Bands that are present and where the curve of the genre is measured."""
        return np.asarray(self.present & self.genre.measured_at(self.band_hz))

    @cached_property
    def smooth_db(self) -> Curve:
        """The deviation smoothed over half an octave of present bands, dB; NaN where nothing is present."""
        weight = np.convolve(self.present.astype(float), SMOOTHING, "same")
        total = np.convolve(np.where(self.present, self.deviation_db, 0.0), SMOOTHING, "same")
        return np.where(self.present, total / np.where(self.present, weight, 1.0), np.nan)

    @cached_property
    def sigma_db(self) -> Curve:
        """The spread of the genre on the side of the curve where each band lies, dB."""
        short = np.nan_to_num(self.smooth_db) < 0.0
        return np.where(short, self.genre.sigma_at(self.band_hz, short=True), self.genre.sigma_at(self.band_hz))

    def sigmas(self, low_factor: float) -> Curve:
        """The smoothed deviation in spreads of the genre; 0 in bands that are not judged.

        Below the measured range only an excess counts, against `low_factor` times the spread.
        """
        below = self.present & (self.band_hz < self.genre.low_hz) & ~self.judged
        z = np.nan_to_num(self.smooth_db) / self.sigma_db
        return np.where(self.judged, z, np.where(below, np.maximum(z, 0.0) / low_factor, 0.0))

    def ranges(self, least_sigmas: float, low_factor: float) -> tuple[Range, ...]:
        """Runs of bands beyond so many spreads in the same direction, the worst first."""
        z = self.sigmas(low_factor)
        sign = np.where(np.abs(z) > least_sigmas, np.sign(z), 0.0)
        edges = np.flatnonzero(np.diff(np.concatenate([[0.0], sign, [0.0]])))
        found = []
        for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            if sign[first] == 0.0:
                continue
            peak = first + int(np.abs(z[first:end]).argmax())
            found.append(
                Range(
                    first, end - 1, float(self.band_hz[first] / EDGE), float(self.band_hz[end - 1] * EDGE),
                    float(self.band_hz[peak]), float(self.smooth_db[peak]), float(z[peak]),
                )
            )  # fmt: skip
        return tuple(sorted(found, key=lambda r: -abs(r.sigmas)))

    def regions(self) -> tuple[tuple[Region, float | None], ...]:
        """Mean deviation of every region in dB over its present bands; None where there are none."""
        of = [region_of(float(f)) for f in self.band_hz]
        out = []
        for region in REGIONS:
            inside = np.array([r is region for r in of], dtype=bool) & self.present
            out.append((region, float(self.deviation_db[inside].mean()) if inside.any() else None))
        return tuple(out)


def level_match(difference_db: Curve, sigma_db: Curve) -> float:
    """The level most of the bands agree on, dB: Huber's M-estimate of location, bands weighted by 1 / spread.

    Adding a constant to all bands adds it to the result. A bump of one octave inside the range takes about a fifth
    of its height along, one of two octaves a third: seen from 200 Hz to 2 kHz it is partly level.
    """
    level = float(np.median(difference_db))
    for _ in range(ROUNDS):
        distance = np.abs(difference_db - level)
        weight = np.minimum(1.0, HUBER_SIGMA * sigma_db / np.maximum(distance, 1e-9)) / sigma_db
        before, level = level, float((weight * difference_db).sum() / weight.sum())
        if abs(level - before) < SETTLED_DB:
            break
    return level


def compare(power: Curve, band_hz: Curve, genre: Genre, ends_hz: float | None = None) -> TonalBalance:
    """Third-octave mean squares beside a genre; `ends_hz` is where a low-pass has cut the spectrum off, if any.

    Works for any third-octave spectrum: of a mix, a passage, a stem or the result of an equaliser.
    """
    band_hz = np.asarray(band_hz[: len(power)], dtype=np.float64)
    sigma = genre.sigma_at(band_hz)
    difference = power_db_curve(power) - genre.level_at(band_hz)
    match = (band_hz > 0.99 * MATCH_HZ[0]) & (band_hz < 1.01 * MATCH_HZ[1])
    nothing = np.zeros(len(band_hz), dtype=bool)
    if not np.isfinite(difference[match]).any():
        return TonalBalance(genre, band_hz, np.full(len(band_hz), np.nan), nothing, 0.0, 0)
    present = difference > difference[match].max() - ABSENT_DB
    if ends_hz is not None:
        present &= band_hz * EDGE < OVERLAP * ends_hz
    above = np.flatnonzero(~present & (band_hz > MATCH_HZ[1]))
    if len(above) and not (ends_hz is not None and band_hz[above[0]] * EDGE >= OVERLAP * ends_hz):
        present[above[0] - 1 :] = False  # the band beside an empty one holds part of the slope
    anchors = present & match
    if not anchors.any():
        return TonalBalance(genre, band_hz, np.full(len(band_hz), np.nan), nothing, 0.0, 0)
    offset = level_match(difference[anchors], sigma[anchors])
    deviation = np.where(present, np.where(present, difference, 0.0) - offset, np.nan)
    return TonalBalance(genre, band_hz, deviation, present, offset, int(anchors.sum()))


@dataclass(frozen=True)
class Nearness:
    """How far a spectrum lies from a genre: the mean of the absolute smoothed deviation, dB."""

    genre: Genre
    distance_db: float


def nearest(balances: Sequence[TonalBalance]) -> tuple[Nearness, ...]:
    """Genres by their distance from one spectrum, nearest first; nothing where no band is common to all.

    Bands count that all find present and one of them judges, weighted with 1 / the mean spread of all genres: the
    same weights for every genre, so one that spreads widely is not near to everything.
    """
    if not balances:
        return ()
    common = np.all([b.present for b in balances], axis=0) & np.any([b.judged for b in balances], axis=0)
    if not common.any():
        return ()
    weight = 1.0 / np.mean([b.genre.sigma_at(b.band_hz) for b in balances], axis=0)[common]
    found = [Nearness(b.genre, float(np.average(np.abs(b.smooth_db[common]), weights=weight))) for b in balances]
    return tuple(sorted(found, key=lambda n: (n.distance_db, n.genre.name)))


def passages(mix: Mix, window_s: float) -> Iterable[tuple[float, float, Curve]]:
    """Windows of the mix: start and end in seconds and the mean spectrum of their loud frames.

    Windows of which less than half passes the gates of loudness are left out.
    """
    gram, loud = mix.readings.gram, mix.loud_frames
    step = max(1, round(window_s / gram.frame_s))
    for start in range(0, len(loud), step):
        chosen = loud[start : start + step]
        if 2 * int(chosen.sum()) >= step:
            power = gram.power[start : start + step][chosen]
            end_s = min((start + step) * gram.frame_s, mix.duration_s)
            yield start * gram.frame_s, end_s, power.mean(axis=(0, 1), dtype=np.float64)
