"""Shift: stems that do not lie where they should in the mix, and a bus that delays everything.

A stem exported from its first note, or with the latency of a plug-in, is still in the mix, and a matched filter finds
it there. A loop fits at every repeat: a place is believed only if it fits clearly better than any other, and the
place a stem has is kept if it fits nearly as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from dsp.stems import correlate, matched
from dsp.stems.matched import Place
from dsp.stems.model import MIX, Stem, Stems
from dsp.units import Curve, power_db_curve

#: A stem is looked for where it is found in place at less than this share of the gain of the bus.
LEAST_SHARE = 0.75
#: Bands in which it is asked for (Hz).
BAND_HZ = (40.0, 10_000.0)
#: Moments in which the bus has one gain (s).
MOMENT_S = 0.2
#: A bus delays everything if this share of the stems agrees on it within so much (s); no plug-in needs longer (s).
AGREEING, AGREE_S, BUS_S = 0.6, 1e-4, 0.1
#: Shorter delays of the bus show in the phases of the bands (s), if so much of the mix is those stems.
SHORT_S, LEAST_COHERENCE = 3e-4, 0.5
#: One delay must explain so much of those phases; less than so many samples is what filters do.
EXPLAINED, LEAST_SAMPLES = 0.9, 0.75


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
        return {}, _short_delay_s(stems, stems.sounding)
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
        delay_s = _short_delay_s(stems, [s for s in stems.sounding if s not in suspects])
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
        self._mix = matched.track(stems.mix_sketch)
        self._known = np.zeros(len(self._mix), dtype=np.float32)
        self._placed: dict[str, int] = {}
        for stem in known:
            self._add(matched.track(stem.readings.sketch), round(home_s * self._rate_hz), 1.0)

    def fit(self, stem: Stem) -> Place:
        """The best place of a stem in what no other stem explains."""
        track = matched.track(stem.readings.sketch)
        if stem.name in self._placed:
            self._add(track, self._placed.pop(stem.name), -1.0)
        place = matched.place(track, self._rest(), self._rate_hz, self._home_s)
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


def _short_delay_s(stems: Stems, placed: Sequence[Stem]) -> float:
    """A delay of the bus of a few samples, by the phases between the stems that are in place and the mix."""
    if not placed:
        return 0.0
    own, mix = _energy(s.readings.power for s in placed), _energy([stems.mix_power])
    real, imaginary = (_energy(s.readings.cross[:, MIX, part] for s in placed) for part in (0, 1))
    known = (own > 0.0) & (mix > 0.0)
    if known.sum() < 3:
        return 0.0
    spectrum = real[known] - 1j * imaginary[known]
    shared = correlate.coherence(spectrum, own[known], mix[known])
    level = np.sqrt(own[known] * mix[known])
    if float((shared * level).sum()) < LEAST_COHERENCE * float(level.sum()):
        return 0.0
    total = _energy([stems.sum_power])[known]
    gain_db = power_db_curve(mix[known] / np.maximum(total, 1e-30))
    rate = stems.mix_sketch.rate_hz * stems.mix_sketch.factor
    hz = stems.band_hz[known]
    phases = np.angle(spectrum) - correlate.minimum_phase(hz, gain_db, hz, rate)
    lag_s, explained = correlate.exact(correlate.weights(shared) * np.exp(1j * phases), hz, SHORT_S)
    return lag_s if explained >= EXPLAINED and abs(lag_s) * rate >= LEAST_SAMPLES else 0.0


def _energy(powers: Iterable[Curve]) -> Curve:
    """Sums over time and over tracks, per band."""
    return np.asarray(np.sum([p.sum(axis=0, dtype=np.float64) for p in powers], axis=0))
