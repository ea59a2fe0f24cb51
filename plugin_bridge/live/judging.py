"""What the diagnosis makes of a pass: how ready it is, the checklist in lines, bands that are suggested, the spectrum.

Readiness is the share of the checks that had something to judge and found nothing to warn of (a warning counts half).
It is told in two halves, so that it agrees with the diagnosis: from 0.5 up where the mix is ready, below where a check
found a problem or not all of the pass was heard.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dsp.correction.correction import MIX, Move
from dsp.correction.plan import ANSWERED, Group, Seen, Settings, merged, propose
from dsp.diagnose import Report, diagnose
from dsp.findings import ORDER, EqMove, Status
from dsp.genre import Genre
from dsp.listening.tonal import MATCH_HZ, compare
from dsp.listening.width import region_widths
from dsp.meters.cutoff import find_cutoff
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.attribution import BUTTERWORTH_Q
from dsp.units import Curve, power_db_curve
from plugin_bridge.link_layout import BANDS
from plugin_bridge.link_results import Line, RegionReading

#: Checks of a file and its ends: a pass has none. `codec-peaks` needs an encoder.
OF_FILES: Final = ("file-format", "head-and-tail", "codec-peaks")
#: Checks that are left to the report: nothing they say decides about readiness, and they cost as much as all others.
TO_THE_REPORT: Final = (*OF_FILES, "mastering-forecast")
#: Nothing is judged of less than this (s): short-term loudness needs 3 s.
LEAST_S: Final = 3.0
#: Groups of moves that a mix without stems is corrected by.
BAND_GROUPS: Final[tuple[Group, ...]] = ("high-pass", "eq", "bus")
#: What a status counts of readiness; the others are not counted.
COUNTS: Final[dict[Status, float]] = {"pass": 1.0, "info": 1.0, "warning": 0.5, "problem": 0.0, "crashed": 0.0}


@dataclass(frozen=True)
class SpectrumSeen:
    """Third-octave levels (dB) beside the genre's curve and spreads; NaN where that is not measured."""

    band_hz: Curve
    level_db: Curve
    genre_db: Curve  #: relative to its 1 kHz band
    spread_low_db: Curve
    spread_high_db: Curve
    offset_db: float  #: the level at which the curve lies nearest to the spectrum

    @property
    def low_db(self) -> Curve:
        """The lower edge of what is usual, at the level of the spectrum."""
        return self.genre_db + self.offset_db - self.spread_low_db

    @property
    def high_db(self) -> Curve:
        """The upper edge."""
        return self.genre_db + self.offset_db + self.spread_high_db


@dataclass(frozen=True)
class Judgement:
    """A diagnosis of a pass so far."""

    report: Report
    readiness: float
    lines: tuple[Line, ...]
    bands: tuple[EqMove, ...]
    regions: tuple[RegionReading, ...]
    spectrum: SpectrumSeen
    cost_s: float  #: processor time it took, but for the bands
    bands_cost_s: float | None  #: processor time these took; None where they are those of the diagnosis before

    def value(self, name: str) -> float | None:
        """A reading of the report."""
        return next((m.value for m in self.report.measurements if m.name == name), None)


def judge(mix: Mix, profile: Profile, bands: tuple[EqMove, ...] | None = None) -> Judgement:
    """Diagnose a pass as the window shows it, with new bands unless some are given.

    The diagnosis costs 15 ms for a minute and 60 ms for eight, the bands up to half a second.
    """
    started = time.thread_time()
    report = diagnose(mix, profile, skip=TO_THE_REPORT)
    judged = time.thread_time()
    found = suggested(mix, report, profile) if bands is None else bands
    fitted = time.thread_time()
    return Judgement(
        report=report,
        readiness=readiness(report),
        lines=lines(report),
        bands=found,
        regions=tuple(
            RegionReading(
                w.region.label, w.region.low_hz, w.region.high_hz,
                w.side_share, *profile.genre.width(w.region.name), w.correlation,
            )
            for w in region_widths(mix) if w.counts
        ),
        spectrum=spectrum_of(mix, profile),
        cost_s=judged - started + time.thread_time() - fitted,
        bands_cost_s=fitted - judged if bands is None else None,
    )  # fmt: skip


def full_report(mix: Mix, profile: Profile) -> Report:
    """The report of a pass: every check that can be made of it."""
    return diagnose(mix, profile, skip=OF_FILES)


def readiness(report: Report) -> float:
    """0 to 1, see the module; 0 where nothing could be judged."""
    counted = [COUNTS[c.status] for c in report.checklist if c.status in COUNTS]
    if not counted:
        return 0.0
    share = float(np.mean(counted))
    return 0.5 + 0.5 * share if report.ready else min(0.5 * share, 0.49)


def lines(report: Report) -> tuple[Line, ...]:
    """The checklist, the worst first; what was not judged is left out."""
    worst = {f.check: f for f in reversed(report.findings)}  # of a check's findings the first is the worst
    told = []
    for item in sorted(report.checklist, key=lambda c: -ORDER.index(c.status)):
        if item.status == "skipped":
            continue
        text = worst[item.id].title if item.status != "pass" else item.title
        target = f", aim for {item.target}" if item.target and item.status in ("warning", "problem") else ""
        told.append(Line(item.id, item.status, f"{text}: {item.measured}{target}" if item.measured else text))
    return tuple(told)


def answered(report: Report) -> frozenset[tuple[str, str]]:
    """The findings that ask for bands: what has to change before other bands are needed."""
    asking = (f for f in report.findings if f.status in ANSWERED and any(isinstance(m, EqMove) for m in f.fixes))
    return frozenset((f.check, f.title) for f in asking)


def suggested(mix: Mix, report: Report, profile: Profile) -> tuple[EqMove, ...]:
    """The bands `mixdiagnose fix` would put on this mix, at most eight, from the lowest up."""
    seen, settings = Seen(mix, report.findings, profile), Settings()
    made: dict[str, tuple[Move, ...]] = {}
    for group in BAND_GROUPS:
        made = merged(made, propose(group, seen, settings, made))
    return fitting([m for m in made.get(MIX, ()) if isinstance(m, EqMove)])


def fitting(moves: Sequence[EqMove]) -> tuple[EqMove, ...]:
    """Bands as a plugin of eight second-order ones has them; of more, passes and the largest gains are kept."""
    bands: list[EqMove] = []
    for move in sorted(moves, key=lambda m: (m.gain_db != 0.0, -abs(m.gain_db))):
        halves = [move]
        if move.kind.endswith("-24"):
            kind = move.kind.removesuffix("-24")
            halves = [replace(move, kind=kind, q=move.q * by * 2.0**0.5) for by in BUTTERWORTH_Q]
        if len(bands) + len(halves) <= BANDS:
            bands += halves
    return tuple(sorted(bands, key=lambda m: m.frequency_hz))


def spectrum_of(mix: Mix, profile: Profile) -> SpectrumSeen:
    """The spectrum of the pass, gated like loudness, and the genre's spread about its own level."""
    gram, genre = mix.readings.gram, profile.genre
    power = mix.spectrum
    cutoff = find_cutoff(gram)
    balance = compare(power, gram.band_hz, genre, cutoff.frequency_hz if cutoff else None)
    return spectrum_seen(power, balance.band_hz, genre, balance.offset_db if balance.anchors else np.nan)


def spectrum_seen(power: Curve, band_hz: Curve, genre: Genre, offset_db: float) -> SpectrumSeen:
    """Third-octave mean squares beside a genre at a level; NaN for one that nothing tells."""
    known = genre.measured_at(band_hz)
    return SpectrumSeen(
        band_hz=band_hz,
        level_db=power_db_curve(power),
        genre_db=np.where(known, genre.level_at(band_hz), np.nan),
        spread_low_db=genre.sigma_at(band_hz, short=True),
        spread_high_db=genre.sigma_at(band_hz),
        offset_db=offset_db,
    )


def moving_spectrum(power: Curve, band_hz: Curve, genre: Genre) -> SpectrumSeen:
    """The same of a moment, its level matched by the median band of 200 Hz to 2 kHz: quick, and near enough to see."""
    level_db, genre_db = power_db_curve(power), genre.level_at(band_hz)
    middle = (band_hz > 0.99 * MATCH_HZ[0]) & (band_hz < 1.01 * MATCH_HZ[1]) & np.isfinite(level_db)
    offset_db = float(np.median((level_db - genre_db)[middle])) if middle.any() else np.nan
    return spectrum_seen(power, band_hz, genre, offset_db)
