"""Levels of stems: what is clipped and how, the noise between the notes, and where their sum overloads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.meters.level import Level
from dsp.stems.files import loud_power
from dsp.stems.model import Stem, Stems
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
    """A stretch where the sum is above the limit, how high it gets, and in the half second from when on."""

    start_s: float
    end_s: float
    at_s: float
    peak_dbfs: float


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


def overloads(bus: Level, limit_dbfs: float) -> tuple[Overload, ...]:
    """Stretches, to half a second, where the sum as measured in `bus` is above a limit; the highest first."""
    if not len(bus.block_peaks):
        return ()
    peaks = bus.block_peaks.max(axis=1)
    over = np.flatnonzero(peaks > from_amplitude_db(limit_dbfs))
    if not len(over):
        return ()
    found = [
        Overload(
            start_s=float(place[0] * bus.block_s),
            end_s=float((place[-1] + 1) * bus.block_s),
            at_s=float(place[peaks[place].argmax()] * bus.block_s),
            peak_dbfs=amplitude_db(float(peaks[place].max())),
        )
        for place in np.split(over, np.flatnonzero(np.diff(over) * bus.block_s > PLACE_S) + 1)
    ]
    return tuple(sorted(found, key=lambda o: -o.peak_dbfs))


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
