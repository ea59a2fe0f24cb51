"""What the mix bus did: gain, polarity, delay, equaliser, dynamics, and what none of them explains."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.stems.bus_filter import Filter
from dsp.stems.bus_peaks import Peaks, peaks
from dsp.stems.bus_readings import LEAST_OVER, OVER_DB, REDUCED_DB, SURE_DB, BusReadings, Dynamics, Kind, Left
from dsp.stems.bus_response import Response, lag, minimum_phase, response
from dsp.stems.bus_sums import LEFT, LEFT_SUM, MIX_ENERGY, SUM_ENERGY, BusSums
from dsp.units import Curve, power_db_curve

Mask = npt.NDArray[np.bool_]
#: Beyond so many samples of delay only the delay is measured: both must be aligned first.
ALIGNED_SAMPLES = 3
#: The constant gain is where most groups lie together: within this (dB).
TOGETHER_DB = 0.25
#: So many peaks end at one level by no chance; fewer only where those up to so far below it (dB) lose this share of
#: what they lose at most (our judgement).
MANY_OVER, NEAR_DB, NEAR_SHARE = 10, 1.5, 0.6
#: Dynamics need so many reduced peaks (our judgement).
LEAST_PEAKS = 2
#: The moving gain explains the peaks where it leaves this much less than a constant gain (dB).
BETTER_DB = 3.0
#: A curve of output against input explains them better than a gain over time by this much (dB).
CURVE_DB = 8.0
#: How far peaks at a wall spread (dB): measured on ten limiters and clippers 0.0 to 0.1, on compressors 0.4 to 1.0.
WALL_DB = 0.25
#: Output against input over the highest peaks, in dB per dB: 1 untouched, 0 a wall; a limiter of two stages up to 0.2.
STEEPEST = 0.2
#: Frames of a half second.
BLOCK_FRAMES = 10
#: Frames whose gain moves by less hold no limiter at work (dB).
STILL_DB = 0.3
#: What single precision leaves of nothing.
LEAST_LEFT = 1e-7


def analyse(sums: BusSums) -> BusReadings:
    """Read what the bus did from what its meter gathered."""
    late, polarity = lag(sums.cross, sums.sample_rate, 2 * (len(sums.cross) - 1))
    found = response(sums) if abs(late) <= ALIGNED_SAMPLES else None
    if found is None:
        silent = not np.abs(sums.cross).max(initial=0.0) > 0.0
        return _unread(sums, None if silent else float(late), int(polarity))
    sure = found.error_db < SURE_DB
    delay = _delay(sums, found, sure, late, polarity) if sure.sum() > 8 else float(late)
    filtered = Filter(
        sums.groups.hz, found.gain, found.error_db,
        delay=delay, rate=sums.sample_rate, frames=_excerpt_frames(sums),
    )  # fmt: skip
    gain_db, eq_db = _split(found, sure)
    at_peaks = peaks(sums.excerpts, filtered, filtered.scale, sums.sample_rate)
    dynamics = _dynamics(found, at_peaks)
    return BusReadings(
        delay_samples=delay,
        polarity=int(polarity),
        gain_db=gain_db,
        hz=sums.groups.hz,
        low_hz=sums.groups.low_hz,
        high_hz=sums.groups.high_hz,
        response=found.gain,
        eq_db=eq_db,
        error_db=found.error_db,
        power=found.power,
        frame_s=sums.frame_s,
        dynamics=dynamics,
        left=_left(sums, found, at_peaks, dynamics),
    )


def _unread(sums: BusSums, delay: float | None, polarity: int) -> BusReadings:
    empty = np.zeros(0)
    return BusReadings(
        delay, polarity, None, empty, empty, empty, empty.astype(np.complex128), empty, empty, empty, sums.frame_s,
        None, None,
    )  # fmt: skip


def _excerpt_frames(sums: BusSums) -> int:
    return sums.excerpts[0].total.shape[1] if sums.excerpts else 64


def _delay(sums: BusSums, found: Response, sure: Mask, late: int, polarity: float) -> float:
    """The delay in samples, with its fraction: the slope of the phase that a minimum-phase filter does not explain."""
    hz, rate = sums.groups.hz[sure], sums.sample_rate
    gain = found.gain[sure]
    grid, own = minimum_phase(hz, np.abs(gain), rate)
    own_there = np.interp(hz, grid, own.real) + 1j * np.interp(hz, grid, own.imag)
    rest = gain * polarity * np.exp(2j * np.pi * hz * late / rate) / own_there
    weight = (sums.groups.high_hz - sums.groups.low_hz)[sure]
    phase = np.angle(rest)
    slope = float((weight * hz * phase).sum() / (weight * hz * hz).sum())
    return late - slope * rate / (2.0 * np.pi)


def _split(found: Response, sure: Mask) -> tuple[float | None, Curve]:
    """The constant gain in dB and what every group strays from it.

    The constant gain is where most of the spectrum lies together, by octaves; of two places alike that nearer to 0 dB.
    """
    level = np.full(len(found.gain), np.nan)
    heard = np.abs(found.gain) > 0
    level[heard] = 20.0 * np.log10(np.abs(found.gain[heard]))
    ok = sure & heard
    if not ok.any():
        return None, level
    values = level[ok]
    together = (np.abs(values[:, None] - values) < TOGETHER_DB).sum(axis=1) - 0.05 * np.abs(values)
    best = values[int(together.argmax())]
    near = np.abs(values - best) < TOGETHER_DB
    weight = 1.0 / (found.error_db[ok][near] + 1e-4) ** 2
    gain = float((weight * values[near]).sum() / weight.sum())
    return gain, level - gain


def _dynamics(found: Response, at: Peaks | None) -> Dynamics:
    frames = -_db(np.maximum(found.frame_gain, 1e-4))
    level = power_db_curve(found.frame_power * float(np.median(np.abs(found.gain))) ** 2)
    if at is None:
        empty = np.zeros(0)
        return Dynamics("none", frames, level, empty, empty, empty, empty, empty, None, None)
    into, out = _db(at.into), _db(np.maximum(at.out, 1e-9))
    by_curve = _sum_db(at.left_curve, at.power) < _sum_db(at.left, at.power) - CURVE_DB
    reduction = into - out if by_curve else -_db(np.maximum(at.gain, 1e-4))
    kind, ceiling, slope = _kind(at, into, out, reduction, by_curve)
    slow = np.clip(-_db(np.maximum(at.before, 1e-4)), 0.0, np.maximum(reduction, 0.0))
    return Dynamics(kind, frames, level, at.at_s, reduction, slow, into, out, ceiling, slope)


def _kind(
    at: Peaks, into: Curve, out: Curve, reduction: Curve, by_curve: bool
) -> tuple[Kind, float | None, float | None]:
    """What made the reductions, the ceiling, and output against input over the highest peaks."""
    reduced = reduction > REDUCED_DB
    if reduced.sum() < LEAST_PEAKS:
        return "none", None, None
    left = np.minimum(at.left, at.left_curve)[reduced]
    if _sum_db(left, at.power[reduced]) > _sum_db(at.left_plain[reduced], at.power[reduced]) - BETTER_DB:
        return "none", None, None
    ceiling = float(out.max())
    over = into > ceiling + OVER_DB
    wall = over.sum() >= LEAST_OVER and float(out[over].std()) < WALL_DB
    if wall and over.sum() < MANY_OVER:  # few peaks may end together by chance: then others near them are lowered too
        near = (into <= ceiling) & (into > ceiling - NEAR_DB)
        wall = not near.any() or np.median(reduction[near]) <= NEAR_SHARE * np.median(reduction[over])
    high = into >= np.quantile(into, 0.7)
    spread = into[high] - into[high].mean()
    slope = float((spread * out[high]).sum() / (spread**2).sum()) if (spread**2).sum() > 1e-6 else None
    if by_curve:
        return ("clipper" if wall else "saturation"), (ceiling if wall else None), slope
    if wall or (slope is not None and slope < STEEPEST and over.sum() >= LEAST_OVER):
        return "limiter", ceiling, slope
    return "compressor", None, slope


def _left(sums: BusSums, found: Response, at: Peaks | None, dynamics: Dynamics) -> Left:
    """What is left in every half second; from the peaks where a limiter moves, which 50 ms are too coarse for."""
    energy = sums.energy.astype(np.float64).sum(axis=2)
    total, mix = energy[:, SUM_ENERGY], energy[:, MIX_ENERGY]
    gain = (energy[:, LEFT_SUM] + sums.guess * total).sum() / max(float(total.sum()), 1e-30)
    off = gain - sums.guess
    given = np.maximum(energy[:, LEFT] - 2.0 * off * energy[:, LEFT_SUM] + off**2 * total, 0.0)
    count = len(energy)
    share = (found.frame_left[:count] + found.frame_left[1 : count + 1]) / 2.0
    share = np.maximum(share, LEAST_LEFT)
    blocks = -(-count // BLOCK_FRAMES)
    mix_b, given_b, explained = (_blocks(x, blocks) for x in (mix, given, share * mix))
    if at is not None and dynamics.kind != "none":
        moving = np.abs(np.nan_to_num(dynamics.frames[:count])) > STILL_DB
        moving_b = _blocks(moving.astype(np.float64), blocks) > 0
        which = np.minimum((at.at_s / (BLOCK_FRAMES * sums.frame_s)).astype(np.intp), blocks - 1)
        by_peak = np.full(blocks, np.inf)
        np.minimum.at(by_peak, which, np.minimum(at.left, at.left_curve))
        moving_b[which[dynamics.reduced]] = True
        by_peak = np.where(np.isfinite(by_peak), by_peak, 1.0)
        explained = np.where(moving_b, np.minimum(explained, by_peak * mix_b), explained)
    return Left(BLOCK_FRAMES * sums.frame_s, mix_b, given_b, np.minimum(explained, given_b))


def _blocks(values: Curve, blocks: int) -> Curve:
    return np.asarray(np.pad(values, (0, blocks * BLOCK_FRAMES - len(values))).reshape(blocks, -1).sum(axis=1))


def _db(values: Curve) -> Curve:
    """Amplitudes in dB; NaN stays NaN."""
    return np.asarray(np.where(np.isnan(values), np.nan, 2.0 * power_db_curve(values)))


def _sum_db(share: Curve, power: Curve) -> float:
    return float(power_db_curve(max(float((share * power).sum()), 1e-30)))
