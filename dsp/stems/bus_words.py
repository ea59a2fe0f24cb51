"""What the bus did in an engineer's words: the bells and shelves of its equaliser, the settings of its compressor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.findings import Measurement
from dsp.stems.bus_readings import BusReadings, Dynamics
from dsp.units import Curve

#: A bend that holds this share of its gain at an end of the spectrum is a shelf; one that cuts deeper there a filter.
SHELF_SHARE, FILTER_DB = 0.7, 9.0
#: Groups at an end that a shelf has to hold.
HELD = 4
#: Frames of the gain over time (50 ms) are loud within so much of the loudest (dB), and steps of level (dB).
LOUD_DB, STEP_DB = 30.0, 1.0
#: A release is read off so many falls at least.
LEAST_FALLS = 10


@dataclass(frozen=True)
class Bend:
    """One bell, shelf or filter of the bus's response."""

    kind: str  #: "bell", "high-shelf", "low-shelf", "high-cut", "low-cut"
    hz: float  #: the middle of a bell, the half-gain frequency of a shelf
    gain_db: float
    low_hz: float
    high_hz: float

    @property
    def words(self) -> str:
        """As an engineer would say it."""
        at = f"{self.hz:.0f} Hz" if self.hz < 1000 else f"{self.hz / 1000:.1f} kHz"
        gain = f"{self.gain_db:+.1f} dB"
        match self.kind:
            case "bell":
                return f"{gain} at {at}"
            case "high-shelf" | "low-shelf":
                return f"{gain} {'above' if self.kind == 'high-shelf' else 'below'} {at}"
            case _:
                return f"rolled off {'above' if self.kind == 'high-cut' else 'below'} {at}"


def bends(bus: BusReadings, least_db: float, highest_hz: float) -> tuple[Bend, ...]:
    """The bends of the bus's response of at least so many dB, the strongest first."""
    use = bus.sure & np.isfinite(bus.eq_db) & (bus.hz <= highest_hz)
    if use.sum() < 3:
        return ()
    hz, low, high, db = bus.hz[use], bus.low_hz[use], bus.high_hz[use], _smooth(bus.eq_db[use])
    found = []
    sign = np.where(np.abs(db) > least_db / 2, np.sign(db), 0.0)
    start = 0
    for k in range(1, len(db) + 1):
        if k < len(db) and sign[k] == sign[start]:
            continue
        part = slice(start, k)
        if sign[start] and np.abs(db[part]).max() >= least_db:
            found.append(_bend(hz, low, high, db, part))
        start = k
    return tuple(sorted(found, key=lambda b: -abs(b.gain_db)))


def _bend(hz: Curve, low: Curve, high: Curve, db: Curve, part: slice) -> Bend:
    inside = np.abs(db[part])
    at = part.start + int(inside.argmax())
    peak = float(db[at])
    lows, highs = float(low[part.start]), float(high[part.stop - 1])
    half = np.flatnonzero(inside >= abs(peak) / 2) + part.start
    for kind, edge, touches, corner in (
        ("high", slice(max(part.start, part.stop - HELD), part.stop), part.stop == len(db), hz[half[0]]),
        ("low", slice(part.start, min(part.stop, part.start + HELD)), part.start == 0, hz[half[-1]]),
    ):
        if touches and np.abs(db[edge]).min() >= SHELF_SHARE * np.abs(db[edge]).max() >= SHELF_SHARE**2 * abs(peak):
            held = float(np.median(db[edge]))
            return Bend(f"{kind}-shelf", float(corner), held, lows, highs)
        if touches and peak <= -FILTER_DB and np.abs(db[edge]).max() >= abs(peak) - 1e-9:
            return Bend(f"{kind}-cut", float(corner), peak, lows, highs)
    return Bend("bell", float(hz[at]), peak, lows, highs)


def _smooth(values: Curve) -> Curve:
    """Median of three neighbours."""
    padded = np.pad(values, 1, mode="edge")
    return np.asarray(np.median([padded[:-2], padded[1:-1], padded[2:]], axis=0))


def compression(dynamics: Dynamics) -> tuple[str, tuple[Measurement, ...]]:
    """What a compressor did in a sentence, with its estimated settings."""
    curve = np.nan_to_num(dynamics.frames)
    working = dynamics.working
    typical = float(np.median(working)) if len(working) else 0.0
    most = float(np.quantile(working, 0.95)) if len(working) else 0.0
    share = len(working) / max(1, int(np.isfinite(dynamics.frames).sum()))
    ratio, threshold = _ratio(dynamics)
    release = release_s(curve)
    numbers = (
        Measurement("compression_typical_db", typical, "dB"),
        Measurement("compression_most_db", most, "dB"),
        Measurement("compression_share", share, ""),
        Measurement("compression_ratio", ratio, ""),
        Measurement("compression_threshold_dbfs", threshold, "dBFS"),
        Measurement("compression_release_s", release, "s"),
    )
    settings = []
    if ratio is not None and threshold is not None:
        settings.append(f"about {ratio:.1f}:1 above {threshold:.0f} dBFS RMS")
    if release is not None:
        settings.append(f"released in about {1e3 * release:.0f} ms")
    through = np.median(dynamics.peak_db[dynamics.reduced]) if dynamics.reduced.any() else 0.0
    if len(working) and through < 0.6 * typical:
        settings.append("slow enough to let the front edges through")
    said = f", {', '.join(settings)}" if settings else ""
    return (
        f"a compressor takes {typical:.1f} dB (up to {most:.1f} dB) off the mix in {share:.0%} of the time{said}.",
        numbers,
    )


def _ratio(dynamics: Dynamics) -> tuple[float | None, float | None]:
    """Ratio and threshold, from the reduction against the level of the frames where there is some.

    The median reduction of every decibel of level; a line through those that work.
    """
    level, curve = dynamics.level_db, dynamics.frames
    count = min(len(level), len(curve))
    level, curve = level[:count], curve[:count]
    ok = np.isfinite(level) & np.isfinite(curve)
    if not ok.any():
        return None, None
    level, curve = level[ok], curve[ok]
    steps = np.round(level / STEP_DB)
    at, reduction = [], []
    for step in np.unique(steps):
        here = steps == step
        if here.sum() >= 5:
            at.append(float(step * STEP_DB))
            reduction.append(float(np.median(curve[here])))
    levels, means = np.array(at), np.array(reduction)
    working = means > 0.25 * means.max(initial=0.0)
    if working.sum() < 4 or means.max(initial=0.0) < 1.0:
        return None, None
    slope, start = np.polyfit(levels[working], means[working], 1)
    if not 0.1 < slope < 0.95:
        return None, None
    return float(1.0 / (1.0 - slope)), float(-start / slope)


def release_s(curve: Curve, step_s: float = 0.05) -> float | None:
    """Time constant of the falls of a reduction (dB every `step_s`), where there are enough of them to tell."""
    before, after = curve[:-1], curve[1:]
    falls = (before > 1.0) & (after < 0.98 * before) & (after > 0.1)
    if falls.sum() < LEAST_FALLS:
        return None
    kept = np.quantile(after[falls] / before[falls], 0.25)
    return float(-step_s / np.log(max(kept, 1e-3)))
