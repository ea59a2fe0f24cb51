"""Stems against a difference of two versions: what each explains of it, alone and together."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.stems.change_fit import Fit, Transfer, retimed
from dsp.stems.model import Stems
from dsp.stems.version_points import TRUSTED, points, trust
from dsp.stems.version_sums import SOUNDS_DB, Complex, Spectra, Sums, in_bands, of_sketches, product
from dsp.units import Curve, from_power_db

#: Two stems above this coherence below the limit of the sketches are taken to cohere above it too: how much they share
#: there is not known, and the one found first keeps it.
COHERENT: Final = 0.2
#: Where less than this share of a difference lies in bands in which it is known, nothing more is looked for.
KNOWN_SHARE: Final = 0.2


class Search:
    """Stems against a difference, with what they share among themselves as far as the sketches tell."""

    def __init__(self, stems: Stems, k: int, sums: Sums, gain: float) -> None:
        self._sums, self._cross = sums, sums.cross(gain)
        self._power = np.maximum(sums.difference(gain), 0.0)
        self._spectra = Spectra(stems.mix_sketch, sums.frames * stems.frame_s)
        self._difference = self._spectra.of((stems.mix_sketch, 1.0), (stems.references[k].sketch, -gain))
        mix = self._spectra.of((stems.mix_sketch, 1.0))
        self._mix_power = product(mix, mix).real
        self.bus: Complex = np.ones(len(sums.band_hz), dtype=np.complex128)
        self._bus_bins: Complex = np.ones(len(self._spectra.hz), dtype=np.complex128)
        if not stems.summed:
            total = self._spectra.of(*of_sketches(sums.stems))
            self._bus_bins = _ratio(product(mix, total), product(total, total).real)
            self.bus = _ratio(sums.sm.conj(), sums.sum)
        self._known: dict[int, Complex] = {}
        self._shared: dict[tuple[int, int], Complex] = {}
        self.sounds: npt.NDArray[np.bool_] = sums.stem > sums.mix * from_power_db(SOUNDS_DB)

    def explained(self, chosen: list[int], response: Complex) -> Curve:
        """How much of what the chosen stems leave of the difference each of the others explains (weighted)."""
        sums, out = self._sums, np.zeros(len(self._sums.stems))
        total = float(sums.weight @ self._power)
        for j in range(len(out)):
            if j in chosen:
                continue
            rest, known = self._cross[j].copy(), np.ones(len(sums.band_hz), dtype=np.bool_)
            for a, i in enumerate(chosen):
                shared = self._sharing(i, j)
                known &= np.isfinite(shared)
                rest -= response[a] * np.nan_to_num(shared)
            part = float(sums.weight @ (self._power * known)) / max(total, 1e-30)
            if part < KNOWN_SHARE:
                continue
            power = np.abs(rest) ** 2 / np.maximum(sums.stem[j], 1e-30)
            out[j] = float(sums.weight @ np.where(known & self.sounds[j], power, 0.0)) / part
        return out

    def solved(self, chosen: list[int]) -> tuple[Complex, Curve]:
        """The factor of every chosen stem in the difference per band, by least squares, and its energy (weighted)."""
        count, bands = len(chosen), len(self._sums.band_hz)
        gram = np.zeros((bands, count, count), dtype=np.complex128)
        heard = self.sounds[chosen].T.copy()
        for a, i in enumerate(chosen):
            gram[:, a, a] = self._sums.stem[i] * (1.0 + 1e-9) + 1e-30
            for b in range(a):
                shared = self._sharing(chosen[b], i)
                heard[:, a] &= np.isfinite(shared)
                gram[:, a, b] = np.nan_to_num(shared)
                gram[:, b, a] = gram[:, a, b].conj()
        both = heard[:, :, None] & heard[:, None, :]
        gram = np.where(both | np.eye(count, dtype=np.bool_), gram, 0.0)
        wanted = np.where(heard, self._cross[chosen].T, 0.0)
        response = np.where(heard, np.linalg.solve(gram, wanted[..., None])[..., 0], 0.0)
        return np.asarray(response.T), np.asarray(self._sums.weight @ (response * wanted.conj()).real)

    def transfers(self, chosen: list[int], response: Complex, noise: float) -> list[Transfer]:
        """Was over is of every chosen stem: fine below the limit of the sketches, in bands above."""
        fine, powers, sums = (
            self._fine(chosen),
            [product(self._track(i), self._track(i)).real for i in chosen],
            self._sums,
        )
        out = []
        for a, i in enumerate(chosen):
            high = trust(sums.stem[i], sums.mix, noise)
            high = np.where((response[a] != 0.0) & (sums.weight > 0.0), high, 0.0)
            below = (
                self._spectra.hz,
                1.0 - fine[a] / self._bus_bins,
                powers[a],
                trust(powers[a], self._mix_power, noise),
            )
            out.append(points(below, (sums.band_hz, 1.0 - response[a] / self.bus, high)))
        return out

    def retimed(self, i: int, chosen: list[int], found: Fit) -> Fit:
        """A delay to a fraction of a sample: what the stem was beside what it is, read as much later as it came."""
        shift = round(found.delay_s * self._spectra.rate_hz)
        if abs(shift) > self._spectra.margin:
            return found
        now, change, fine = self._track(i), self._difference, self._fine(chosen)
        for a, j in enumerate(chosen):
            if j != i:
                change = change - self._track(j) * fine[a].astype(np.complex64)
        was = now - (change if change.shape[1] == now.shape[1] else change.mean(axis=1, keepdims=True)) / self._bus_bins
        later = self._spectra.of(*of_sketches([self._sums.stems[i]]), shift=shift)
        power = product(later, later).real
        ratio = _ratio(product(was, later), power)
        trusted = power / (power + TRUSTED * self._mix_power + 1e-30)
        # power of what it was, of which the ratio is the part that the shifted stem explains
        whole = np.maximum(_ratio(product(was, was), power).real, np.abs(ratio) ** 2)
        transfer = Transfer(self._spectra.hz[:, None], ratio, trusted * power / max(float(power.sum()), 1e-30))
        return retimed(transfer, found, shift / self._spectra.rate_hz, float(transfer.weight @ whole))

    def _fine(self, chosen: list[int]) -> Complex:
        """The factor of every chosen stem in the difference at every bin."""
        tracks = [self._track(i) for i in chosen]
        gram = np.array([[product(one, other) for one in tracks] for other in tracks]).transpose(2, 0, 1)
        wanted = np.array([product(self._difference, t) for t in tracks]).T
        at = np.arange(len(chosen))
        gram[:, at, at] += 1e-9 * gram[:, at, at].real.max(axis=0, initial=0.0) + 1e-30
        return np.asarray(np.linalg.solve(gram, wanted[..., None])[..., 0].T)

    def _track(self, i: int) -> Complex:
        if i not in self._known:
            self._known[i] = self._spectra.of(*of_sketches([self._sums.stems[i]]))
        return self._known[i]

    def _sharing(self, i: int, j: int) -> Complex:
        """Stem i times the conjugate of stem j per band, as far as the sketches tell; NaN where that is not known."""
        if (i, j) not in self._shared:
            one, other = self._track(i), self._track(j)
            known, powers = in_bands(self._spectra.hz, product(one, one).real, self._sums.band_hz)
            powers = powers * in_bands(self._spectra.hz, product(other, other).real, self._sums.band_hz)[1]
            both = in_bands(self._spectra.hz, product(one, other), self._sums.band_hz)[1]
            coherence = both / np.sqrt(np.maximum(powers.real, 1e-30))
            strong = self._sums.stem[[i, j]].min(axis=0) > self._sums.mix * TRUSTED
            above = np.abs(coherence[known & strong])[-3:]
            coherent = len(above) > 0 and float(np.mean(above**2)) > COHERENT
            level = np.sqrt(self._sums.stem[i] * self._sums.stem[j])
            self._shared[i, j] = np.where(known, coherence, np.nan if coherent else 0.0) * level
        return self._shared[i, j]


def _ratio(product: Complex, power: Curve) -> Complex:
    """A cross power over a power: 1 where there is none, or where it says next to nothing."""
    ratio = np.where(power > 0.0, product / np.maximum(power, 1e-30), 1.0)
    return np.where(np.abs(ratio) > 1e-3, ratio, 1.0)
