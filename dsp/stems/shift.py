"""Shift: stems that do not lie where they should in the mix, and a bus that delays everything.

A stem exported from its first note, or with the latency of a plug-in, is still in the mix: a matched filter finds it
there. The whole stem is correlated with the whole mix, each frequency divided by the power of the mix, which is the
noise that hides the stem; where it belongs stands out over all other places by the root of its bandwidth times its
length, however quiet it is. A loop fits at every repeat: a place is believed only if it fits clearly better than any
other, and the place a stem has is kept if it fits nearly as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import fft, signal

from dsp.stems import correlate
from dsp.stems.model import MIX, Stem, Stems
from dsp.stems.sketch import Sketch
from dsp.units import Curve, power_db_curve

#: A stem is looked for where it is found in place at less than this share of the gain of the bus; a place is believed
#: from this share of it on (what is left of a mix when others are taken out has lost some of a stem that is like them).
LEAST_SHARE, LEAST_GAIN = 0.5, 0.3
#: Bands in which it is asked for (Hz).
BAND_HZ = (40.0, 10_000.0)
#: Standard deviations over all other places that a place must have, and by which it must be ahead of the next best.
LEAST_SIGMAS, AHEAD_SIGMAS = 12.0, 6.0
#: The place a stem has is kept where it fits by this share of the best.
KEPT_SHARE = 0.8
#: Peaks this close belong to one place; so close to the place a stem has it stays (s).
SAME_S, NEAR_S = 0.02, 5e-4
#: Rates of the search (Hz): the second, the sketch's own, where the first finds nothing.
COARSE_HZ, ALL_HZ = 2_000.0, 1e9
#: Moments in which the bus has one gain (s).
MOMENT_S = 0.05
#: Windows of the exact look (s), how many of them, and how far from the coarse place they look (s).
WINDOW_S, WINDOWS, FINE_S = 0.5, 240, 1e-3
#: A bus delays everything if this share of the stems agrees on it within so much (s); no plug-in needs longer (s).
AGREEING, AGREE_S, BUS_S = 0.6, 1e-4, 0.1
#: Shorter delays of the bus show in the phases of the bands (s), if so much of the mix is the sum of the stems.
SHORT_S, LEAST_COHERENCE = 3e-4, 0.5


@dataclass(frozen=True)
class Place:
    """Where a stem fits best in the mix: later by `lag_s` than it lies, at `gain`, and whether that is certain."""

    lag_s: float
    gain: float
    sigmas: float
    certain: bool

    def moved(self, level: float) -> bool:
        """Whether the stem lies elsewhere; `level` is the gain of the bus."""
        return self.certain and self.lag_s != 0.0 and self.gain >= LEAST_GAIN * level


def find_offsets(stems: Stems) -> dict[str, int]:
    """Samples by which stems must be moved later (earlier where negative) to lie in the mix where they should.

    Only those of which it is certain. A bus that delays everything moves all stems alike.
    """
    lags_s, delay_s = _lags(stems)
    rate = stems.mix_sketch.rate_hz * stems.mix_sketch.factor
    samples = {s.name: round(lags_s.get(s.name, delay_s) * rate) for s in stems.sounding}
    return {name: count for name, count in samples.items() if count}


def bus_delay(stems: Stems) -> float:
    """Samples by which the mix comes after the sum of its stems: what plug-ins on the bus delay everything by."""
    return _lags(stems)[1] * stems.mix_sketch.rate_hz * stems.mix_sketch.factor


def share(stem: Stem, stems: Stems) -> float:
    """How much of a stem is found in the mix where it lies: the gain of the bus if it is, about 0 if it is not."""
    own, mix = _beside_mix(stem.readings.power, stems)
    shared, _ = _beside_mix(stem.readings.cross[:, MIX, 0], stems)
    total = float((own / mix).sum())
    return float((shared / mix).sum()) / total if total > 0.0 else 0.0


def _beside_mix(power: Curve, stems: Stems) -> tuple[Curve, Curve]:
    """Energies in the bands in which the mix sounds, and those of the mix."""
    inside = (stems.band_hz >= BAND_HZ[0]) & (stems.band_hz <= BAND_HZ[1])
    mix = stems.mix_power[:, inside].sum(axis=0, dtype=np.float64)
    return power[:, inside].sum(axis=0, dtype=np.float64)[mix > 0.0], mix[mix > 0.0]


def _gain(stems: Stems) -> float:
    """The gain of the bus, by the powers of the mix and of the sum of the stems: no matter where those lie."""
    total, mix = _beside_mix(stems.sum_power, stems)
    heard = total > 0.0
    return float(np.sqrt(np.median(mix[heard] / total[heard]))) if heard.any() else 0.0


def _lags(stems: Stems) -> tuple[dict[str, float], float]:
    """How late stems lie that do not lie where they should (s), and how late the bus makes the others."""
    if stems.summed or not stems.mix_sketch.samples.size or not stems.mix_power.any():
        return {}, 0.0
    suspects = [s for s in stems.sounding if share(s, stems) < LEAST_SHARE * _gain(stems)]
    if not suspects:
        return {}, _short_delay_s(stems)
    loudness = {s.name: float(np.divide(*_beside_mix(s.readings.power, stems)).sum()) for s in suspects}
    suspects.sort(key=lambda s: -loudness[s.name])
    puzzle = _Puzzle(stems, [s for s in stems.sounding if s not in suspects], 0.0)
    places = {s.name: puzzle.fit(s) for s in suspects}
    delay_s = _agreed(list(places.values()), len(stems.sounding))
    if delay_s:
        late = [s for s in suspects if abs(places[s.name].lag_s - delay_s) > AGREE_S]
        puzzle = _Puzzle(stems, [s for s in stems.sounding if s not in late], delay_s)
        places = {s.name: puzzle.fit(s) for s in late}
    else:
        delay_s = _short_delay_s(stems)
    moved = [s for s in suspects if s.name in places and places[s.name].moved(_gain(stems))]
    for stem in moved if len(moved) > 1 else ():  # once more, now that all the others are known
        places[stem.name] = puzzle.fit(stem)
    return {s.name: places[s.name].lag_s for s in moved if places[s.name].moved(_gain(stems))}, delay_s


class _Puzzle:
    """The mix, and what of it is explained by stems whose place is known; the loudest should be fitted first.

    A room fits best the drum that it heard best: its own place shows when that drum is known.
    """

    def __init__(self, stems: Stems, known: Iterable[Stem], home_s: float) -> None:
        self._rate_hz, self._home_s = stems.mix_sketch.rate_hz, home_s
        self._mix = _track(stems.mix_sketch)
        self._known = np.zeros(len(self._mix), dtype=np.float32)
        self._placed: dict[str, int] = {}
        for stem in known:
            self._add(_track(stem.readings.sketch), round(home_s * self._rate_hz), 1.0)

    def fit(self, stem: Stem) -> Place:
        """The best place of a stem in what no other stem explains."""
        track = _track(stem.readings.sketch)
        if stem.name in self._placed:
            self._add(track, self._placed.pop(stem.name), -1.0)
        place = _place(track, self._rest(), self._rate_hz, self._home_s)
        if place.certain:
            self._placed[stem.name] = round(place.lag_s * self._rate_hz)
            self._add(track, self._placed[stem.name], 1.0)
        return place

    def _rest(self) -> Curve:
        """What the known stems do not explain, at the gain that the bus has from moment to moment."""
        size = round(MOMENT_S * self._rate_hz)
        ends = (0, -len(self._mix) % size)
        mix, known = (np.pad(x, ends).reshape(-1, size) for x in (self._mix, self._known))
        shared, energy = np.vecdot(mix, known), np.vecdot(known, known)
        usual = float(shared.sum()) / max(float(energy.sum()), 1e-30)
        gain = np.where(energy > 0.0, shared / np.maximum(energy, 1e-30), usual)
        gain = np.clip(gain, 0.5 * usual, 1.5 * usual)[:, None] if usual > 0.0 else np.zeros((len(gain), 1))
        return np.asarray((mix - gain.astype(np.float32) * known).ravel()[: len(self._mix)])

    def _add(self, track: Curve, shift: int, gain: float) -> None:
        start, skip = max(0, shift), max(0, -shift)
        part = track[skip : skip + max(0, len(self._known) - start)]
        self._known[start : start + len(part)] += np.float32(gain) * part


def _agreed(places: list[Place], count: int) -> float:
    """The lag on which most of `count` stems agree, 0 where they do not."""
    lags = np.array([p.lag_s for p in places if p.certain and abs(p.lag_s) <= BUS_S])
    enough = max(2.0, AGREEING * count)
    if len(lags) < enough:
        return 0.0
    median = float(np.median(lags))
    return median if (np.abs(lags - median) <= AGREE_S).sum() >= enough else 0.0


def _short_delay_s(stems: Stems) -> float:
    """A delay of the bus of a few samples, by the phases between the sum of the stems and the mix."""
    cross = stems.sum_cross.sum(axis=0, dtype=np.float64)
    total, mix = (p.sum(axis=0, dtype=np.float64) for p in (stems.sum_power, stems.mix_power))
    known = (total > 0.0) & (mix > 0.0)
    if known.sum() < 3:
        return 0.0
    spectrum = cross[0][known] - 1j * cross[1][known]
    shared = correlate.coherence(spectrum, total[known], mix[known])
    level = np.sqrt(total[known] * mix[known])
    if float((shared * level).sum()) < LEAST_COHERENCE * float(level.sum()):
        return 0.0
    hz, gain_db = stems.band_hz[known], power_db_curve(mix[known] / total[known])
    rate = stems.mix_sketch.rate_hz * stems.mix_sketch.factor
    phases = np.angle(spectrum) - correlate.minimum_phase(hz, gain_db, hz, rate)
    return correlate.exact(correlate.weights(shared) * np.exp(1j * phases), hz, SHORT_S)[0]


def _track(sketch: Sketch) -> Curve:
    """The middle of a track at the rate of its sketch; what was not kept of long programmes is silent."""
    pieces, channels, frames = sketch.samples.shape
    joined = sketch.joined()
    mono = joined.mean(axis=0)
    if channels == 2 and float(mono @ mono) < 0.05 * float(np.vdot(joined, joined)):
        mono = joined[0]
    starts = np.rint((sketch.start_s - sketch.start_s[0]) * sketch.rate_hz).astype(int)
    if starts[-1] == (pieces - 1) * frames:
        return np.asarray(mono)
    out = np.zeros(starts[-1] + frames, dtype=np.float32)
    for k, start in enumerate(starts.tolist()):
        out[start : start + frames] = mono[k * frames : (k + 1) * frames]
    return out


def _place(stem: Curve, mix: Curve, rate_hz: float, home_s: float) -> Place:
    """The best place of a stem in the mix; `home_s` where that fits nearly as well."""
    best = Place(0.0, 0.0, 0.0, False)
    for limit in (COARSE_HZ, ALL_HZ):
        step = max(1, int(rate_hz // limit))
        low = [np.asarray(signal.resample_poly(x, 1, step) if step > 1 else x, np.float32) for x in (stem, mix)]
        best = _matched(low[0], low[1], rate_hz / step, home_s)
        if best.certain:
            break
    if not best.certain or best.lag_s == home_s:
        return best
    return Place(_exact(stem, mix, rate_hz, best.lag_s), best.gain, best.sigmas, True)


def _noise(mix: Curve, rate_hz: float, count: int) -> Curve:
    """Power of the mix at the bins of a transform of `count` samples, smooth, and never far below its strongest."""
    size = min(len(mix), 1 << round(float(np.log2(0.25 * rate_hz))))
    _, power = signal.welch(mix, rate_hz, nperseg=size)
    power = np.maximum(power, 1e-6 * float(power.max()))
    return np.asarray(np.interp(np.linspace(0.0, 1.0, count // 2 + 1), np.linspace(0.0, 1.0, len(power)), power))


def _matched(stem: Curve, mix: Curve, rate_hz: float, home_s: float) -> Place:
    """The best lag by matched filter; `home_s` where that fits nearly as well."""
    used = np.flatnonzero(stem)
    if not len(used) or not mix.any():
        return Place(0.0, 0.0, 0.0, False)
    stem = stem[: used[-1] + 1]
    count = int(fft.next_fast_len(len(stem) + len(mix), real=True))
    noise = _noise(mix, rate_hz, count)
    noise[: int(BAND_HZ[0] * count / rate_hz)] = np.inf
    own = np.asarray(fft.rfft(stem, count))
    curve = np.asarray(fft.irfft(np.asarray(fft.rfft(mix, count)) * own.conj() / noise, count))
    norm = float((np.abs(own) ** 2 / noise).sum()) * 2.0 / count
    height = np.abs(curve)
    sigma = 1.4826 * float(np.median(height))
    top = int(height.argmax())
    lag = top if top < len(mix) else top - count
    same = round(SAME_S * rate_hz)
    away = np.abs((np.arange(count) - top + count // 2) % count - count // 2) > same
    second = float(height[away].max(initial=0.0))
    home = round(home_s * rate_hz)
    here = float(height[np.arange(home - 1, home + 2) % count].max())
    if sigma <= 0.0 or norm <= 0.0:
        return Place(0.0, 0.0, 0.0, False)
    sigmas, gain = float(height[top]) / sigma, float(height[top]) / norm
    if abs(lag - home) <= max(1, round(NEAR_S * rate_hz)) or here >= KEPT_SHARE * float(height[top]):
        return Place(home_s, gain, sigmas, sigmas >= LEAST_SIGMAS)
    certain = sigmas >= LEAST_SIGMAS and float(height[top]) - second >= AHEAD_SIGMAS * sigma
    return Place(lag / rate_hz, gain, sigmas, certain)


def _exact(stem: Curve, mix: Curve, rate_hz: float, lag_s: float) -> float:
    """The lag to a fraction of a sample of the track, from the phases of the loudest windows."""
    size, shift = round(WINDOW_S * rate_hz), round(lag_s * rate_hz)
    starts = np.arange(max(0, -shift), min(len(stem), len(mix) - shift) - size + 1, size // 2)
    if not len(starts):
        return lag_s
    energy = np.array([float(stem[s : s + size] @ stem[s : s + size]) for s in starts.tolist()])
    starts = starts[np.argsort(energy)[::-1][:WINDOWS]]
    taper = signal.windows.hann(size, sym=False).astype(np.float32)
    own, other = (_windows(x, at, size, taper) for x, at in ((stem, starts), (mix, starts + shift)))
    noise = np.maximum((np.abs(other) ** 2).mean(axis=0), 1e-30)
    hz = np.arange(own.shape[1]) * rate_hz / size
    units = (other * own.conj()).sum(axis=0) / noise
    units[hz < BAND_HZ[0]] = 0.0
    residual_s, _ = correlate.exact(units, hz, FINE_S)
    return shift / rate_hz + residual_s


def _windows(track: Curve, starts: Iterable[int], size: int, taper: Curve) -> correlate.Spectrum:
    return np.asarray(np.fft.rfft(np.array([track[s : s + size] for s in starts]) * taper))
