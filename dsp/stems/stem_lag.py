"""Whether a stem lies elsewhere in the mix than in its file, or several stems at other levels: from the sketches.

What the mix holds of one stem is the mix less all the others. Correlated with the stem itself it has its peak at the
delay between the two, wherever that lies within 20 ms. The levels of all stems together are one least-squares problem
with as many unknowns as stems. Both are solved on the low band (below 3.2 kHz) that the sketches hold, in the moments
in which most is left, every third octave counting alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.stems.model import Stems
from dsp.stems.sketch import PASS_HZ
from dsp.stems.stem_match import Fit

Spectra = npt.NDArray[np.complex64]

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


@dataclass(frozen=True)
class Together:
    """The stems in the mix: where some of them lie, and the level of every one beside its file if all are solved for.

    `levels` holds values and standard deviations by name; `left` is the share of what is left that these levels leave.
    """

    lags: tuple[Lag, ...]
    levels: dict[str, tuple[float, float]]
    left: float


def together(stems: Stems, fit: Fit, names: Sequence[str]) -> Together:
    """Correlate what the mix holds with the stems; lags of those named. The bus is seen as the fit sees it."""
    import scipy.fft

    sounding = stems.sounding
    n = len(sounding)
    own = [[s.name for s in sounding].index(name) for name in names]
    gram, with_left, before, count = np.zeros((n, n)), np.zeros(n), 0.0, 0
    frames = stems.mix_sketch.samples.shape[2]
    size = scipy.fft.next_fast_len(frames + round(2 * MOST_LAG_S * stems.mix_sketch.rate_hz), real=True)
    cross = np.zeros((len(names), size // 2 + 1), dtype=np.complex128)
    held = np.zeros(len(names))
    for mix, tracks in _spectra(stems, fit, size):
        left = mix - tracks.sum(axis=0)
        flat = tracks.reshape(n, -1)
        gram += (flat.conj() @ flat.T).real
        with_left += (flat.conj() @ left.ravel()).real
        before, count = before + _power(left), count + int(np.count_nonzero(mix[0]))
        for k, j in enumerate(own):
            target = left + tracks[j]  # what the mix holds of this stem
            cross[k] += (target * tracks[j].conj()).sum(axis=0)
            held[k] += _power(target)
    lags = [
        _lag(stems, name, cross[k], held[k], float(gram[j, j]), before)
        for k, (name, j) in enumerate(zip(names, own, strict=True))
        if gram[j, j] > 0.0 and before > 0.0
    ]
    inverse = np.linalg.inv(gram + np.diag(RIDGE * np.diag(gram) + 1e-30))
    change = inverse @ with_left
    remains = max(0.0, before - 2.0 * float(change @ with_left) + float(change @ gram @ change))
    error = np.sqrt(np.maximum(np.diag(inverse), 0.0) * remains / max(2 * count, 1))
    levels = {s.name: (1.0 + float(c), float(e)) for s, c, e in zip(sounding, change, error, strict=True)}
    return Together(tuple(lags), levels, remains / max(before, 1e-30))


def _spectra(stems: Stems, fit: Fit, size: int) -> Iterator[tuple[Spectra, Spectra]]:
    """Piece by piece the mix (channels, bins) and the stems through the bus (stems, channels, bins), bands alike."""
    sketch = stems.mix_sketch
    hz = np.fft.rfftfreq(size, 1.0 / sketch.rate_hz)
    weight = np.interp(np.log(np.maximum(hz, 1.0)), np.log(stems.band_hz), fit.view.weight)
    weight = np.where((hz >= LEAST_HZ) & (hz <= PASS_HZ), np.sqrt(weight), 0.0).astype(np.float32)
    response = fit.view.response * (float(fit.view.moving.mean()) if len(fit.view.moving) else 1.0)
    through = np.interp(hz, stems.band_hz, response.real) + 1j * np.interp(hz, stems.band_hz, response.imag)
    through = (through * weight).astype(np.complex64)
    starts, length = sketch.start_s, sketch.samples.shape[2] / sketch.rate_hz
    left = (fit.view.left * fit.view.weight).sum(axis=1)
    at = np.arange(len(left)) * stems.frame_s
    per_piece = np.array([left[(at >= s) & (at < s + length)].sum() for s in starts])
    for piece in np.sort(np.argsort(per_piece)[::-1][:MOST_PIECES]):
        mix = _spectrum(sketch.samples[piece], size)
        tracks = np.empty((len(stems.sounding), *mix.shape), dtype=np.complex64)
        for k, stem in enumerate(stems.sounding):
            tracks[k] = _spectrum(stem.readings.sketch.samples[piece], size)  # a mono stem feeds every channel
        yield mix * weight, tracks * through


def _spectrum(samples: npt.NDArray[np.float16], size: int) -> Spectra:
    import scipy.fft

    return np.asarray(scipy.fft.rfft(samples.astype(np.float32), size), dtype=np.complex64)


def _lag(stems: Stems, name: str, cross: npt.NDArray[np.complex128], *powers: float) -> Lag:
    """The peak of a cross spectrum; `powers` are of what the mix holds of it, of the stem, and of what is left."""
    import scipy.fft

    held, power, before = powers
    rate, size = stems.mix_sketch.rate_hz, 2 * (len(cross) - 1) or 1
    fine = scipy.fft.irfft(cross, size * STEPS) * (STEPS * size / 2.0)
    reach = round(MOST_LAG_S * rate * STEPS)
    around = np.concatenate([fine[-reach:], fine[: reach + 1]])
    at = int(np.abs(around[1:-1]).argmax()) + 1
    a, b, c = (float(abs(v)) for v in around[at - 1 : at + 2])
    shift = 0.5 * (a - c) / (a - 2 * b + c) if a - 2 * b + c < 0 else 0.0
    change = float(around[at]) / power
    late_s = (at - reach + shift) / (rate * STEPS)
    share = max(0.0, held - change * change * power) / before
    return Lag(name, late_s * stems.stems[0].source.sample_rate, change, share)


def _power(spectrum: Spectra) -> float:
    return float(np.square(np.abs(spectrum), dtype=np.float64).sum())
