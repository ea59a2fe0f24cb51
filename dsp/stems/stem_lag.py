"""Whether a stem lies elsewhere in the mix than in its file, or several stems at other levels: from the sketches.

What the mix holds of one stem is the mix less all the others. Correlated with the stem itself it has its peak at the
delay between the two, wherever that lies within 20 ms. The levels of all stems together are one least-squares problem
with as many unknowns as stems. Both are solved on the low band (below 3.2 kHz) that the sketches hold, in the moments
in which most is left, every third octave counting alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft

from dsp.stems.bus import BusReadings
from dsp.stems.model import Stem, Stems
from dsp.stems.sketch import PASS_HZ
from dsp.stems.stem_match import Fit
from dsp.units import Curve

#: Pieces of 8 s looked at, those in which most is left.
MOST_PIECES = 10
#: Delays looked for, the lowest frequency, and steps between samples of the sketch.
MOST_LAG_S, LEAST_HZ, STEPS = 0.022, 30.0, 16
#: Of the power of a stem, added to the diagonal of the equations for all levels: what cannot be told stays as it is.
RIDGE = 1e-3


@dataclass(frozen=True)
class Lag:
    """A stem that comes late in the mix by so many samples of the mix (early: negative), at `change` of its level.

    `left` is what that leaves of what is left without it.
    """

    stem: str
    samples: float
    change: float
    left: float


class Sketches:
    """The sketches of mix and stems in the pieces in which a fit leaves most, through the bus, as weighted spectra."""

    def __init__(self, stems: Stems, bus: BusReadings, fit: Fit) -> None:
        sketch = stems.mix_sketch
        pieces, _, frames = sketch.samples.shape
        self.rate = sketch.rate_hz
        self.size = scipy.fft.next_fast_len(frames + round(2 * MOST_LAG_S * self.rate), real=True)
        hz = np.fft.rfftfreq(self.size, 1.0 / self.rate)
        inside = (hz >= LEAST_HZ) & (hz <= PASS_HZ)
        weight = np.interp(np.log(np.maximum(hz, 1.0)), np.log(stems.band_hz), fit.view.weight)
        # bands of constant share of an octave hold bins in proportion to their frequency
        self._weight = np.where(inside, np.sqrt(weight), 0.0).astype(np.float32)
        response = fit.view.gain.mean(axis=0) if len(fit.view.gain) else np.ones(len(stems.band_hz))
        self._response = np.interp(hz, stems.band_hz, response.real) + 1j * np.interp(hz, stems.band_hz, response.imag)
        self.stems = stems.sounding
        chosen = _chosen(stems, fit, pieces)
        self.names = [s.name for s in self.stems]
        n = len(self.names)
        self.gram, self.with_mix, self.mix_power = np.zeros((n, n)), np.zeros(n), 0.0
        self._pieces = [int(p) for p in chosen]
        self._sketch = sketch

    def spectra(self) -> list[tuple[Curve, Curve]]:
        """Of every piece: the mix (channels, bins) and the stems (stems, channels, bins), complex64."""
        out = []
        for p in self._pieces:
            mix = self._spectrum(self._sketch.samples[p]) * self._weight
            tracks = np.stack([self._of(s, p, len(mix)) for s in self.stems])
            out.append((mix, tracks * (self._response * self._weight).astype(np.complex64)))
        return out

    def _of(self, stem: Stem, piece: int, channels: int) -> Curve:
        spectrum = self._spectrum(stem.readings.sketch.samples[piece])
        return np.asarray(np.broadcast_to(spectrum, (channels, spectrum.shape[1])))

    def _spectrum(self, samples: Curve) -> Curve:
        return np.asarray(scipy.fft.rfft(samples.astype(np.float32), self.size))


def _chosen(stems: Stems, fit: Fit, pieces: int) -> Curve:
    """The pieces of the sketches in which most is left."""
    starts = stems.mix_sketch.start_s
    length = stems.mix_sketch.samples.shape[2] / stems.mix_sketch.rate_hz
    left = (fit.view.left * fit.view.weight).sum(axis=1)
    at = np.arange(len(left)) * stems.frame_s
    per_piece = np.array([left[(at >= s) & (at < s + length)].sum() for s in starts[:pieces]])
    return np.sort(np.argsort(per_piece)[::-1][:MOST_PIECES])


def lag(stems: Stems, bus: BusReadings, fit: Fit) -> Lag | None:
    """Where in the mix the stem of a fit lies; None where nothing of it is heard below 3.2 kHz."""
    sketches = Sketches(stems, bus, fit)
    own = sketches.names.index(fit.stem)
    cross = np.zeros(sketches.size // 2 + 1, dtype=np.complex128)
    power = held = before = 0.0
    for mix, tracks in sketches.spectra():
        left = mix - tracks.sum(axis=0)
        stem = tracks[own]
        target = left + stem
        cross += (target * stem.conj()).sum(axis=0)
        power, held, before = power + _power(stem), held + _power(target), before + _power(left)
    if power <= 0.0 or before <= 0.0:
        return None
    fine = scipy.fft.irfft(cross, sketches.size * STEPS) * STEPS * sketches.size
    reach = round(MOST_LAG_S * sketches.rate * STEPS)
    around = np.concatenate([fine[-reach:], fine[: reach + 1]]) / 2.0
    at = int(np.abs(around[1:-1]).argmax()) + 1
    a, b, c = np.abs(around[at - 1 : at + 2])
    shift = 0.5 * (a - c) / (a - 2 * b + c) if a - 2 * b + c < 0 else 0.0
    change = float(around[at]) / power
    late_s = (at - reach + shift) / (sketches.rate * STEPS)
    left_share = max(0.0, held - change * change * power) / before
    return Lag(fit.stem, float(late_s * stems.stems[0].source.sample_rate), change, left_share)


def levels(stems: Stems, bus: BusReadings, fit: Fit) -> tuple[dict[str, tuple[float, float]], float]:
    """The level of every stem in the mix beside its file, with its standard deviation, and the share these leave."""
    sketches = Sketches(stems, bus, fit)
    n = len(sketches.names)
    gram, with_left, before = np.zeros((n, n)), np.zeros(n), 0.0
    for mix, tracks in sketches.spectra():
        left = mix - tracks.sum(axis=0)
        flat = tracks.reshape(n, -1)
        gram += (flat.conj() @ flat.T).real
        with_left += (flat.conj() @ left.ravel()).real
        before += _power(left)
    ridge = gram + np.diag(RIDGE * np.diag(gram) + 1e-30)
    inverse = np.linalg.inv(ridge)
    change = inverse @ with_left
    left_share = max(0.0, before - 2.0 * change @ with_left + change @ gram @ change) / max(before, 1e-30)
    count = 2.0 * (PASS_HZ - LEAST_HZ) / sketches.rate * sketches.size * max(len(sketches._pieces), 1)
    error = np.sqrt(np.maximum(np.diag(inverse), 0.0) * left_share * before / count)
    return {s: (1.0 + float(c), float(e)) for s, c, e in zip(sketches.names, change, error, strict=True)}, left_share


def _power(spectrum: Curve) -> float:
    return float(np.square(np.abs(spectrum), dtype=np.float64).sum())
