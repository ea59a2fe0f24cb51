"""Attribution: how much of a mix each stem is, by band and in any seconds, and what a move on a stem would do to it.

Nothing is assumed about phases. With S_i the spectrum of a stem and S their sum, C_i = S_i S* adds up to |S|^2 over
the stems, so Re C_i / |S|^2 are shares that sum to one; a negative one cancels. Left out, a stem leaves
|S|^2 - 2 Re C_i + |S_i|^2, and filtered by H it leaves |S|^2 + 2 Re (H - 1) C_i + |H - 1|^2 |S_i|^2. Products of two
moved stems are not kept; they are taken as none, which is exact for stems that were played apart. All this is done on
the sum of the stems, so gains and filters of the mix bus do not matter; what it predicts holds for the mix times the
same ratio.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dsp.findings import DelayMove, EqMove, Fix, GainMove, PolarityMove
from dsp.stems.model import MIX, SUM, Stem, Stems
from dsp.units import SILENCE_POWER, Curve, from_amplitude_db, from_power_db, power_db_curve

Mask = npt.NDArray[np.bool_]
Spectrum = npt.NDArray[np.complexfloating]
#: Coefficients of s squared, s and one.
Polynomial = tuple[float, float, float]

#: The sum explains the mix where it is coherent with it by this much (squared): below, the stems were taken before
#: their faders, and each is scaled to what of it is in the mix (our judgement; a limiter leaves more than 0.95).
LEAST_COHERENCE = 0.8
#: What is left without a stem counts no lower than this below what was there (dB): the rest is rounding.
FLOOR_DB = -60.0
#: Points within a third octave over which the response of a filter is averaged.
POINTS = 9
#: The mean of a mix is called one of stems between these mid-bands (Hz), where the level of mixes is compared.
LEVEL_HZ = (199.0, 2000.0)


@dataclass(frozen=True)
class Parts:
    """Stems and their sum over some frames: mean band powers.

    `whole` and `mix` have shape (bands,), `power` and the complex `cross` (stem times conjugate of the whole)
    (stems, bands). `fitted` says that the stems were scaled to what of them is in the mix, which then is the whole.
    """

    stems: tuple[Stem, ...]
    band_hz: Curve
    whole: Curve
    mix: Curve
    power: Curve
    cross: Spectrum
    fitted: bool = False

    def shares(self, weights: Curve) -> Curve:
        """Share of every stem in the whole, mean over bands by weights; sums to one, negative where it cancels."""
        counts = np.where(self.whole > SILENCE_POWER, weights, 0.0)
        total = float(counts.sum())
        if total <= 0.0:
            return np.zeros(len(self.stems))
        share = self.cross.real / np.maximum(self.whole, SILENCE_POWER)
        return np.asarray(share @ (counts / total))

    def without_db(self, stem: int, weights: Curve) -> float:
        """Change of the whole when a stem is left out, dB, mean over bands by weights (negative: it falls)."""
        return self.change_db(self.whole - 2.0 * self.cross[stem].real + self.power[stem], weights)

    def change_db(self, after: Curve, weights: Curve) -> float:
        """How far `after` lies above the whole, dB, mean over bands by weights."""
        counts = np.where(self.whole > SILENCE_POWER, weights, 0.0)
        if counts.sum() <= 0.0:
            return 0.0
        ratio = after / np.maximum(self.whole, SILENCE_POWER)
        level = power_db_curve(np.maximum(ratio, from_power_db(FLOOR_DB)))
        return float(np.average(level, weights=counts))

    @property
    def bus_db(self) -> Curve:
        """What the bus does to each band beyond its gain between 200 Hz and 2 kHz, dB; 0 where nothing sounds."""
        sounds = (self.whole > SILENCE_POWER) & (self.mix > SILENCE_POWER)
        gain = np.where(
            sounds, power_db_curve(np.where(sounds, self.mix / np.where(sounds, self.whole, 1.0), 1.0)), 0.0
        )
        middle = sounds & (self.band_hz > LEVEL_HZ[0]) & (self.band_hz < LEVEL_HZ[1])
        return np.where(sounds, gain - (float(np.median(gain[middle])) if middle.any() else 0.0), 0.0)


def frames_of_mix(stems: Stems, frames: Mask | None) -> Mask:
    """A selection of frames fitted to those of the stems, which may last longer; all of them where it is empty."""
    count = len(stems.mix_power)
    if frames is None:
        return np.ones(count, dtype=bool)
    chosen = np.zeros(count, dtype=bool)
    chosen[: len(frames)] = frames[:count]
    return chosen if chosen.any() else np.ones(count, dtype=bool)


def frames_within(stems: Stems, spans: Iterable[tuple[float, float]]) -> Mask:
    """Frames whose middle lies in one of the spans (s), at least the one nearest to each."""
    count = len(stems.mix_power)
    chosen = np.zeros(count, dtype=bool)
    for start, end in spans:
        first = round(start / stems.frame_s)
        chosen[max(0, min(first, count - 1)) : max(first, int(end / stems.frame_s)) + 1] = True
    return chosen


def parts(stems: Stems, frames: Mask | None = None) -> Parts:
    """The sounding stems and their sum, in the chosen frames."""
    chosen = frames_of_mix(stems, frames)
    mean = {k: _mean(v, chosen) for k, v in (("sum", stems.sum_power), ("mix", stems.mix_power))}
    sounding = stems.sounding
    bands = len(stems.band_hz)
    power = np.array([_mean(s.readings.power, chosen) for s in sounding]).reshape(-1, bands)
    sum_cross = _mean(stems.sum_cross, chosen)
    common = float((sum_cross[0] ** 2 + sum_cross[1] ** 2).sum())
    both = float((mean["sum"] * mean["mix"]).sum())
    fitted = not stems.summed and both > 0.0 and common < LEAST_COHERENCE * both
    of = MIX if fitted else SUM
    crosses = [_mean(s.readings.cross[:, of], chosen) for s in sounding]
    cross = np.array([c[0] + 1j * c[1] for c in crosses]).reshape(-1, bands)
    if not fitted:
        return Parts(sounding, stems.band_hz, mean["sum"], mean["mix"], power, cross)
    gain = np.maximum(cross.real, 0.0) / np.maximum(power, SILENCE_POWER)
    return Parts(sounding, stems.band_hz, mean["mix"], mean["mix"], gain**2 * power, gain * cross, fitted=True)


def _mean(values: npt.NDArray[np.float32], frames: Mask) -> Curve:
    return np.asarray(values.mean(axis=0, where=frames.reshape(-1, *[1] * (values.ndim - 1)), dtype=np.float64))


# Moves


@dataclass(frozen=True)
class Change:
    """A filter by third octaves: the means of H - 1, of its squared magnitude, and of that of H, shape (bands,)."""

    less_one: Spectrum
    less_one_squared: Curve
    squared: Curve


#: Quality factors of the two sections of a fourth-order Butterworth filter, for the passes of 24 dB per octave.
BUTTERWORTH_Q = (0.5 / math.cos(math.pi / 8.0), 0.5 / math.cos(3.0 * math.pi / 8.0))


def eq_prototypes(move: EqMove) -> list[tuple[Polynomial, Polynomial]]:
    """Analogue sections of a band of equalisation: R. Bristow-Johnson, Audio EQ Cookbook.

    Of each the numerator and the denominator in s, which is 1j at the band's frequency, highest power first. Passes
    of 24 dB per octave are Butterworth filters at a q of 0.7071, which scales that of both sections. Raises
    ValueError for a kind of filter that it does not have.
    """
    q = move.q
    if move.kind in ("high-pass-24", "low-pass-24"):
        halves = (replace(move, kind=move.kind[:-3], q=q * by * math.sqrt(2.0)) for by in BUTTERWORTH_Q)
        return [section for half in halves for section in eq_prototypes(half)]
    a = from_amplitude_db(move.gain_db / 2.0)
    root = math.sqrt(a) / q
    kinds: dict[str, tuple[Polynomial, Polynomial]] = {
        "bell": ((1.0, a / q, 1.0), (1.0, 1.0 / (a * q), 1.0)),
        "low-shelf": ((a, a * root, a * a), (a, root, 1.0)),
        "high-shelf": ((a * a, a * root, a), (1.0, root, a)),
        "high-pass": ((1.0, 0.0, 0.0), (1.0, 1.0 / q, 1.0)),
        "low-pass": ((0.0, 0.0, 1.0), (1.0, 1.0 / q, 1.0)),
        "notch": ((1.0, 0.0, 1.0), (1.0, 1.0 / q, 1.0)),
    }
    if move.kind not in kinds:
        raise ValueError(f"no filter '{move.kind}'; there are: {', '.join((*kinds, 'high-pass-24', 'low-pass-24'))}")
    return [kinds[move.kind]]


def eq_response(move: EqMove, hz: Curve) -> Spectrum:
    """Response of the analogue prototype of a band of equalisation, see `eq_prototypes`."""
    s = 1j * np.asarray(hz, dtype=np.float64) / move.frequency_hz
    response = np.ones_like(s)
    for above, below in eq_prototypes(move):
        response *= np.polyval(above, s) / np.polyval(below, s)
    return np.asarray(response)


def change(moves: Sequence[Fix], band_hz: Curve, sample_rate: int) -> Change:
    """All moves on one target in a row. Advice, panning and devices are left alone: they are no filters."""
    within = 10.0 ** np.linspace(-0.05, 0.05, POINTS)
    hz = np.asarray(band_hz, dtype=np.float64)[:, None] * within
    h = np.ones(hz.shape, dtype=np.complex128)
    for move in moves:
        if isinstance(move, EqMove):
            h = h * eq_response(move, hz)
        elif isinstance(move, GainMove):
            h = h * from_amplitude_db(move.gain_db)
        elif isinstance(move, PolarityMove):
            h = -h
        elif isinstance(move, DelayMove):
            h = h * np.exp(-2j * np.pi * hz * move.samples / sample_rate)
    return Change((h - 1.0).mean(axis=1), (np.abs(h - 1.0) ** 2).mean(axis=1), (np.abs(h) ** 2).mean(axis=1))


def moved(whole: Curve, cross: Spectrum, power: Curve, by: Change) -> Curve:
    """Power of the whole after a filter on one stem; the last axis of all is bands."""
    return np.asarray(whole + 2.0 * (by.less_one * cross).real + by.less_one_squared * power)


def changes(stems: Iterable[Stem], moves: Sequence[Fix], band_hz: Curve) -> dict[str, Change]:
    """The filter that `moves` put on each stem they name."""
    found = {}
    for stem in stems:
        if own := [m for m in moves if m.target == stem.name]:
            found[stem.name] = change(own, band_hz, stem.source.sample_rate)
    return found


def predicted(of: Parts, moves: Sequence[Fix]) -> Curve:
    """Power of the whole after moves on stems, shape (bands,), never below nothing."""
    by = changes(of.stems, moves, of.band_hz)
    after = np.array(of.whole)
    for k, stem in enumerate(of.stems):
        if stem.name in by:
            after += moved(np.zeros_like(of.whole), of.cross[k], of.power[k], by[stem.name])
    return np.maximum(after, 0.0)


def predicted_mix_power(stems: Stems, moves: Sequence[Fix]) -> Curve:
    """Power of the mix over time after moves on stems and on "mix", shape (frames, bands), mean over channels."""
    total = stems.sum_power.astype(np.float64)
    after = np.array(total)
    by = changes(stems.sounding, moves, stems.band_hz)
    for stem in stems.sounding:
        if stem.name in by:
            cross = stem.readings.cross[:, SUM, 0] + 1j * stem.readings.cross[:, SUM, 1]
            after += moved(np.zeros(1), cross, stem.readings.power, by[stem.name])
    sounds = total > SILENCE_POWER
    ratio = np.where(sounds, np.maximum(after, 0.0) / np.where(sounds, total, 1.0), 1.0)
    if own := [m for m in moves if m.target == "mix"]:
        ratio = ratio * change(own, stems.band_hz, 48_000).squared
    return np.asarray(stems.mix_power * ratio)


def without(stems: Stems, name: str) -> Curve:
    """Power of the sum over time without a stem, shape (frames, bands). Raises KeyError."""
    r = stems.named(name).readings
    return np.maximum(stems.sum_power.astype(np.float64) - 2.0 * r.cross[:, SUM, 0] + r.power, 0.0)
