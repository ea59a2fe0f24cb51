"""The second-order sums of a mix, another version of it and its stems: all that comparing them needs.

With d = m - a r the difference of a mix and a reference turned up by a, every sum of d is linear in what was measured
in lockstep: P_d = P_m - 2 a Re C_mr + a^2 P_r and C_ds = C_ms - a C_rs, per band, whatever the phases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.stems.model import FIRST_REFERENCE, MIX, Reference, Stem, Stems
from dsp.stems.sketch import PASS_HZ, SCALE, Sketch
from dsp.units import Curve, Samples, from_power_db

Complex = npt.NDArray[np.complexfloating]

#: Bands below this (Hz) are narrower than what leaks into them from a strong neighbour.
LOWEST_HZ = 36.0
#: A band counts down to so far (dB) below the strongest, and no less than that below its neighbours: beyond, it holds
#: what leaks and what rounding to 16 or 24 bits left.
PRESENT_DB, LEAK_DB = -60.0, -10.0
#: A band that one of the two lacks by this much (dB) was taken by an encoder or a lower rate.
LACKING_DB = -30.0
#: Of lossy files only bands below this (Hz) count: above, encoders keep no waveform (our judgement).
LOSSY_HZ = 11_000.0
#: A stem this far (dB) below the mix does not sound in a band.
SOUNDS_DB = -60.0
#: Frames that a window of the band-gram reaches to either side (`dsp.meters.spectrum`).
REACH = 4
#: Windows of this length (s) over the sketches, half overlapping: a delay of 20 ms still overlaps itself.
WINDOW_S = 0.25
#: Tracks can be read so much (s) later or earlier.
MARGIN_S: Final = 0.03
#: Sketches tell up to here (Hz), less what the window spreads.
SKETCH_HZ: Final = 0.85 * PASS_HZ


@dataclass(frozen=True)
class Sums:
    """Sums over the frames both have; arrays are per band unless said otherwise.

    `weight` makes every band in which the mix sounds count alike: the weighted power of the mix is 1. `mr` is the mix
    times the conjugate of the reference; `ms`, `rs` (stems, bands) those two times the conjugates of the stems, whose
    powers are `stem`.
    """

    band_hz: Curve
    weight: Curve
    mix: Curve
    reference: Curve
    mr: Complex
    stems: tuple[Stem, ...]
    stem: Curve
    ms: Complex
    rs: Complex
    sum: Curve
    sm: Complex  #: the sum of the stems times the conjugate of the mix
    frames: int

    def difference(self, gain: float) -> Curve:
        """Power of the mix less the reference turned up by a factor."""
        return np.asarray(self.mix - 2.0 * gain * self.mr.real + gain * gain * self.reference)

    def cross(self, gain: float) -> Complex:
        """That difference times the conjugates of the stems, shape (stems, bands)."""
        return np.asarray(self.ms - gain * self.rs)


def sums(stems: Stems, k: int) -> Sums | None:
    """The sums of a mix and its reference k; None where nothing sounds in both."""
    reference, sounding = stems.references[k], stems.sounding
    frames = _common(stems, reference)
    if not frames or not sounding:
        return None
    mix, other = _summed(stems.mix_power[:frames]), _summed(reference.power[:frames])
    crosses = [_complex(_summed(s.readings.cross[:frames])) for s in sounding]
    audible = stems.band_hz < (LOSSY_HZ if reference.lossy else np.inf)
    weight = _weight(stems.band_hz, mix * audible, other * audible)
    if not weight.any():
        return None
    return Sums(
        band_hz=stems.band_hz,
        weight=weight,
        mix=mix,
        reference=other,
        mr=_complex(_summed(reference.cross[:frames])).conj(),
        stems=sounding,
        stem=np.array([_summed(s.readings.power[:frames]) for s in sounding]),
        ms=np.array([c[MIX].conj() for c in crosses]),
        rs=np.array([c[FIRST_REFERENCE + k].conj() for c in crosses]),
        sum=_summed(stems.sum_power[:frames]),
        sm=_complex(_summed(stems.sum_cross[:frames])),
        frames=frames,
    )


def _common(stems: Stems, reference: Reference) -> int:
    """Frames up to the end of the shorter one, less those in which a window reaches beyond it."""
    both = [np.flatnonzero(power.any(axis=1)) for power in (stems.mix_power, reference.power)]
    ends = [int(f[-1]) + 1 if len(f) else 0 for f in both]
    whole = len(stems.mix_power)
    return min(ends) if min(ends) >= whole - 2 * REACH else max(0, min(ends) - 2 * REACH)


def _summed(rows: Samples) -> Curve:
    return np.asarray(rows.sum(axis=0, dtype=np.float64))


def _complex(parts: Curve) -> Complex:
    """Real and imaginary part, next to last axis, as complex numbers."""
    return np.asarray(parts[..., 0, :] + 1j * parts[..., 1, :])


def _weight(band_hz: Curve, mix: Curve, reference: Curve) -> Curve:
    """What every band counts: one over its power in the mix where it sounds in both, 0 elsewhere."""
    if not mix.any() or not reference.any():
        return np.zeros(len(mix))
    around = np.maximum(np.append(0.0, mix[:-1]), np.append(mix[1:], 0.0))
    floor = np.maximum(mix, around * from_power_db(LEAK_DB))
    level = np.median(mix[reference > 0.0] / reference[reference > 0.0])
    ratio = reference * level / np.maximum(mix, 1e-30)
    sounds = (band_hz >= LOWEST_HZ) & (mix > mix.max() * from_power_db(PRESENT_DB))
    sounds &= (ratio > from_power_db(LACKING_DB)) & (ratio < from_power_db(-LACKING_DB))
    weight = np.where(sounds, 1.0 / np.maximum(floor, 1e-30), 0.0)
    return np.asarray(weight / max(float(weight @ mix), 1e-30))


class Spectra:
    """Spectra of sketches over time, of the frames both versions have."""

    def __init__(self, like: Sketch, until_s: float) -> None:
        size = max(16, round(WINDOW_S * like.rate_hz / 2.0) * 2)
        self._size, self._until_s, self.rate_hz = size, until_s, like.rate_hz
        self.margin = round(MARGIN_S * like.rate_hz)
        hz = np.fft.rfftfreq(size, 1.0 / like.rate_hz)
        self._kept = hz <= SKETCH_HZ
        self.hz: Curve = hz[self._kept]
        self._window = np.hanning(size + 1)[:-1].astype(np.float32)

    def of(self, *tracks: tuple[Sketch, float], shift: int = 0) -> Complex:
        """The spectra of a sum of sketches, each times a factor: shape (frames, channels, bins).

        `shift` reads them so many samples later, at most `margin`.
        """
        first = tracks[0][0]
        channels = max(t.samples.shape[1] for t, _ in tracks)
        rows = []
        for piece, start_s in enumerate(first.start_s):
            length = min(first.samples.shape[2], round((self._until_s - start_s) * self.rate_hz)) - 2 * self.margin
            if length < self._size:
                continue
            inside = slice(self.margin + shift, self.margin + shift + length)
            block = np.zeros((channels, length), dtype=np.float32)
            for sketch, factor in tracks:
                block += sketch.samples[piece, :, inside] * np.float32(factor / SCALE)
            spans = np.lib.stride_tricks.sliding_window_view(block, self._size, axis=1)[:, :: self._size // 2]
            rows.append(np.fft.rfft(spans * self._window)[..., self._kept].transpose(1, 0, 2).astype(np.complex64))
        return np.concatenate(rows) if rows else np.empty((0, channels, len(self.hz)), np.complex64)


def product(one: Complex, other: Complex) -> Complex:
    """One times the conjugate of the other, mean over frames and channels; a single channel is the mean of both."""
    if one.shape[1] != other.shape[1]:
        one, other = one.mean(axis=1, keepdims=True), other.mean(axis=1, keepdims=True)
    return np.asarray(np.einsum("fcb,fcb->b", one, other.conj(), dtype=np.complex128) / max(one[..., 0].size, 1))


def in_bands(hz: Curve, values: Complex | Curve, band_hz: Curve) -> tuple[npt.NDArray[np.bool_], Complex]:
    """Which third octaves lie within the bins, and the sums over them (0 elsewhere)."""
    edge = 10.0 ** (1 / 20)
    known, out = np.zeros(len(band_hz), dtype=np.bool_), np.zeros(len(band_hz), dtype=np.complex128)
    for k, middle in enumerate(band_hz):
        inside = (hz >= middle / edge) & (hz < middle * edge)
        known[k] = inside.any() and middle * edge <= hz[-1]
        out[k] = values[inside].sum() if known[k] else 0.0
    return known, out


def of_sketches(stems: Sequence[Stem]) -> list[tuple[Sketch, float]]:
    """Stems as the tracks of their sum."""
    return [(s.readings.sketch, 1.0) for s in stems]
