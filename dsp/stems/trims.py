"""Levels of stems: what is clipped and how, the noise between the notes, where the sum overloads and who does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsp.meters.level import Level
from dsp.stems.files import loud_power
from dsp.stems.model import SUM, Stem, Stems
from dsp.units import Curve, amplitude_db, from_amplitude_db, from_power_db, power_db

#: Clips closer than this in time are one event to the ear (s).
EVENT_S = 0.05
#: Hops within so many dB of the loud parts count as sounding.
SOUNDING_DB = -40.0
#: Noise floor: windows of so many hops of 10 ms, those within so many dB of the quietest; they must last so long (s)
#: and lie so far below the loud parts (dB), else what is quietest is a tail or a soft passage (our judgement).
NOISE_HOPS, NOISE_WITHIN_DB, NOISE_LEAST_S, NOISE_BELOW_DB = 30, 3.0, 1.5, 20.0
#: Below this share of the loudest window a gap is silence: -120 dB, the rounding of 20 bits.
SILENT_GAP = 1e-12
#: Overloads nearer to each other are one place (s).
PLACE_S = 1.0


@dataclass(frozen=True)
class Clips:
    """Clipped samples of one stem."""

    stem: Stem
    runs: int
    at_s: Curve  #: events, apart for the ear
    ceiling_dbfs: float
    longest_samples: int
    share: float  #: of the time it sounds that lies in flat tops


@dataclass(frozen=True)
class Overload:
    """A stretch where the sum is above the limit: where it is highest, and the shares of the stems there."""

    start_s: float
    end_s: float
    at_s: float
    peak_dbfs: float
    shares: tuple[tuple[str, float], ...]


def clips(stem: Stem, sample_rate: int) -> Clips | None:
    """What is clipped of a stem; None where nothing is."""
    found = stem.readings.clipping
    if not found.runs:
        return None
    level = stem.readings.level
    envelope = level.envelope.max(axis=1)
    sounding = (envelope >= loud_power(envelope) * from_power_db(SOUNDING_DB)).sum() * level.hop_s * sample_rate
    flat = found.length_samples.sum() / level.envelope.shape[1]
    events = found.start_s[np.concatenate([[True], np.diff(found.start_s) > EVENT_S])]
    return Clips(
        stem,
        found.runs,
        np.asarray(events),
        float(np.median(found.ceiling_dbfs)),
        int(found.length_samples.max()),
        float(flat / max(sounding, 1.0)),
    )


def noise_floor_dbfs(level: Level) -> float | None:
    """RMS of the noise between the notes; None where there are no gaps, or only silence in them."""
    envelope = level.envelope.mean(axis=1) if len(level.envelope) else np.zeros(0)
    if len(envelope) < 2 * NOISE_HOPS or not envelope.any():
        return None
    sums = np.concatenate([[0.0], envelope.cumsum()])
    windows = np.maximum(sums[NOISE_HOPS:] - sums[:-NOISE_HOPS], 0.0) / NOISE_HOPS
    heard = windows[windows > windows.max() * SILENT_GAP]
    if len(heard) < 0.9 * len(windows):  # gated, or muted between the notes: what is left of tails is no noise
        return None
    lowest = float(np.quantile(heard, 0.01))
    steady = (heard <= lowest * from_power_db(NOISE_WITHIN_DB)).sum() * level.hop_s
    if steady < NOISE_LEAST_S or lowest > loud_power(envelope) * from_power_db(-NOISE_BELOW_DB):
        return None
    return power_db(lowest)


def loud_dbfs(level: Level) -> float | None:
    """RMS of the loud parts of a stem."""
    envelope = level.envelope.mean(axis=1) if len(level.envelope) else np.zeros(0)
    return power_db(loud_power(envelope)) if envelope.any() else None


def bits_left(level: Level, bits: int) -> float | None:
    """How many bits of a file of so many bits its highest peak uses; None in silence."""
    peak = level.sample_peak_dbfs
    return None if peak is None else bits + peak / (20.0 * np.log10(2.0))


def overloads(stems: Stems, bus: Level, limit_dbfs: float) -> tuple[Overload, ...]:
    """Stretches where the sum, as measured in `bus`, is above a limit; the highest first."""
    if not len(bus.block_peaks):
        return ()
    peaks = bus.block_peaks.max(axis=1)
    over = np.flatnonzero(peaks > from_amplitude_db(limit_dbfs))
    total = stems.sum_power.sum(axis=1, dtype=np.float64)
    found = []
    for place in np.split(over, np.flatnonzero(np.diff(over) * bus.block_s > PLACE_S) + 1) if len(over) else []:
        frames = [_loudest(total, block * bus.block_s, bus.block_s, stems.frame_s) for block in place]
        highest = int(peaks[place].argmax())
        found.append(
            Overload(
                start_s=float(place[0] * bus.block_s),
                end_s=float((place[-1] + 1) * bus.block_s),
                at_s=frames[highest] * stems.frame_s,
                peak_dbfs=amplitude_db(float(peaks[place[highest]])),
                shares=shares_at(stems, frames),
            )
        )
    return tuple(sorted(found, key=lambda o: -o.peak_dbfs))


def _loudest(total: Curve, start_s: float, length_s: float, frame_s: float) -> int:
    """The frame of a stretch where the sum is loudest."""
    first = min(round(start_s / frame_s), len(total) - 1)
    last = max(round((start_s + length_s) / frame_s), first + 1)
    return first + int(total[first:last].argmax())


def shares_at(stems: Stems, frames: Sequence[int]) -> tuple[tuple[str, float], ...]:
    """Shares of the stems in the power of the sum at some frames, highest first; they add up to 1.

    The share is the real part of the stem times the conjugate of the sum: what the sum would lose, to first order,
    were the stem turned down. A stem that cancels others has none.
    """
    parts = [(s.name, float(s.readings.cross[frames, SUM, 0].sum(dtype=np.float64))) for s in stems.sounding]
    positive = [(name, max(part, 0.0)) for name, part in parts]
    total = sum(part for _, part in positive)
    shares = [(name, part / total) for name, part in positive] if total > 0.0 else []
    return tuple(sorted((s for s in shares if s[1] > 0.0), key=lambda s: -s[1]))


def common(found: Sequence[Overload]) -> tuple[tuple[str, float], ...]:
    """The shares over several places, each counted by its power, highest first."""
    total: dict[str, float] = {}
    weights = [from_power_db(o.peak_dbfs) for o in found]
    for overload, weight in zip(found, weights, strict=True):
        for name, share in overload.shares:
            total[name] = total.get(name, 0.0) + share * weight / sum(weights)
    return tuple(sorted(total.items(), key=lambda s: -s[1]))


def bus_gain_db(stems: Stems, unlike_db: float) -> float | None:
    """Gain of the bus where it did nothing else: the mix is the sum up to less than `unlike_db`; else None."""
    if stems.summed:
        return 0.0
    mix, own = (float(p.sum(dtype=np.float64)) for p in (stems.mix_power, stems.sum_power))
    cross = float(stems.sum_cross[:, 0].sum(dtype=np.float64))
    if min(mix, own) <= 0.0 or cross <= 0.0:
        return None
    left = mix - cross * cross / own
    return 2.0 * power_db(cross / own) if left <= mix * from_power_db(unlike_db) else None
