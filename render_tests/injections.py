"""Faults of one track or of the bus, put into stems by seed, for proofs that the right one is named.

Pure functions on arrays: stems are a mapping of names to samples of shape (channels, frames), a stem of one channel
feeds both sides of a stereo mix, and the mix is the sum of the stems after the bus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage, signal

from dsp.units import Samples

Signal = npt.NDArray[np.float64]
Kind = Literal["eq", "gain", "delay", "polarity", "bus-eq", "bus-limiting"]

KINDS: Final[tuple[Kind, ...]] = ("eq", "gain", "delay", "polarity", "bus-eq", "bus-limiting")
#: What is drawn: bells anywhere between these, by as much either way; gains; delays in seconds; decibels of limiting.
EQ_HZ: Final = (60.0, 10_000.0)
EQ_DB: Final = (3.0, 9.0)
EQ_Q: Final = (0.5, 3.0)
GAIN_DB: Final = (3.0, 8.0)
DELAY_S: Final = (0.0001, 0.015)
LIMIT_DB: Final = (3.0, 8.0)
#: What changes the mix by less than this (dB, power of the difference over that of the mix) is not heard: the stem is
#: silent where it was changed, or buried. Such draws are made again (`drawn_audible`).
AUDIBLE_DB: Final = -40.0
#: Draws until an audible one must have come.
MOST_DRAWS: Final = 200


@dataclass(frozen=True)
class Injection:
    """One fault. `stem` is None for the bus; what a kind does not use is 0."""

    kind: Kind
    stem: str | None = None
    frequency_hz: float = 0.0
    gain_db: float = 0.0  #: of a bell or a fader; how far a limiter's ceiling lies under the highest peak
    q: float = 0.0
    delay_s: float = 0.0

    def __str__(self) -> str:
        numbers = {
            "Hz": self.frequency_hz, "dB": self.gain_db, "Q": self.q, "ms": 1e3 * self.delay_s,
        }  # fmt: skip
        words = ", ".join(f"{v:.4g} {unit}" for unit, v in numbers.items() if v)
        return f"{self.kind} on {self.stem or 'the bus'} ({words})"


def as_file(samples: npt.ArrayLike) -> Samples:
    """Samples as a 24-bit file holds them: float32 of whole steps, limited to full scale."""
    steps = np.clip(np.round(np.asarray(samples, dtype=np.float64) * 2.0**23), -(2.0**23), 2.0**23 - 1.0)
    return np.ascontiguousarray(steps / 2.0**23, dtype=np.float32)


def bell(samples: npt.ArrayLike, rate: int, frequency_hz: float, gain_db: float, q: float) -> Signal:
    """A peaking equaliser, minimum phase (RBJ cookbook)."""
    b, a = bell_coefficients(rate, frequency_hz, gain_db, q)
    return np.asarray(signal.lfilter(b, a, np.asarray(samples, dtype=np.float64), axis=1))


def bell_coefficients(rate: int, frequency_hz: float, gain_db: float, q: float) -> tuple[list[float], list[float]]:
    """Numerator and denominator of `bell`."""
    w = 2.0 * np.pi * frequency_hz / rate
    root, alpha = 10.0 ** (gain_db / 40.0), np.sin(w) / (2.0 * q)
    return (
        [1.0 + alpha * root, -2.0 * np.cos(w), 1.0 - alpha * root],
        [1.0 + alpha / root, -2.0 * np.cos(w), 1.0 - alpha / root],
    )


def bell_db(rate: int, frequency_hz: float, gain_db: float, q: float, at_hz: float) -> float:
    """What `bell` does at a frequency, in dB."""
    b, a = bell_coefficients(rate, frequency_hz, gain_db, q)
    _, response = signal.freqz(b, a, [at_hz], fs=rate)
    return float(20.0 * np.log10(np.abs(response[0])))


def gained(samples: npt.ArrayLike, gain_db: float) -> Signal:
    """A fader moved."""
    return np.asarray(samples, dtype=np.float64) * 10.0 ** (gain_db / 20.0)


def delayed(samples: npt.ArrayLike, rate: int, delay_s: float) -> Signal:
    """Later by any fraction of a sample (earlier where negative), exact below half the rate; the length is kept."""
    x = np.asarray(samples, dtype=np.float64)
    room = int(np.ceil(abs(delay_s) * rate)) + 4096  # the sinc of a fraction rings to both sides
    size = x.shape[1] + 2 * room
    spectrum = np.fft.rfft(np.pad(x, ((0, 0), (room, room))))
    spectrum *= np.exp(-2j * np.pi * np.fft.rfftfreq(size) * (delay_s * rate))
    return np.asarray(np.fft.irfft(spectrum, size)[:, room : room + x.shape[1]])


def flipped(samples: npt.ArrayLike) -> Signal:
    """The polarity switched."""
    return -np.asarray(samples, dtype=np.float64)


def limited(samples: npt.ArrayLike, rate: int, reduction_db: float, release_s: float = 0.08) -> Signal:
    """A look-ahead limiter on linked channels whose ceiling lies so far under the highest peak; no make-up gain."""
    return np.asarray(samples, dtype=np.float64) * limiter_gain(samples, rate, reduction_db, release_s)


def limiter_gain(samples: npt.ArrayLike, rate: int, reduction_db: float, release_s: float = 0.08) -> Signal:
    """The gain over time (frames,) that `limited` applies: 2 ms of look-ahead, exponential release."""
    size = np.abs(np.asarray(samples, dtype=np.float64)).max(axis=0)
    step = max(1, rate // 1000)
    rows = np.pad(size, (0, -size.size % step)).reshape(-1, step).max(axis=1)
    needed = np.minimum(1.0, size.max(initial=0.0) * 10.0 ** (-reduction_db / 20.0) / np.maximum(rows, 1e-12))
    keep, now = float(np.exp(-0.001 / release_s)), 1.0
    for k, need in enumerate(needed):
        now = min(float(need), 1.0 - (1.0 - now) * keep)
        needed[k] = now
    lowest = ndimage.minimum_filter1d(needed, 5, mode="nearest")
    return np.asarray(np.interp(np.arange(size.size), (np.arange(lowest.size) + 0.5) * step, lowest))


def summed(stems: Mapping[str, npt.ArrayLike]) -> Signal:
    """The sum of stems, mono ones on both sides; as long as the longest."""
    tracks = [np.asarray(s, dtype=np.float64) for s in stems.values()]
    out = np.zeros((max(t.shape[0] for t in tracks), max(t.shape[1] for t in tracks)))
    for track in tracks:
        out[:, : track.shape[1]] += track
    return out


def drawn(rng: np.random.Generator, names: Sequence[str], kind: Kind) -> Injection:
    """A fault of a kind, its numbers drawn from the ranges above (frequencies, Qs and delays evenly in octaves)."""

    def even(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    stem = None if kind.startswith("bus-") else str(names[int(rng.integers(len(names)))])
    sign = float(rng.choice([-1.0, 1.0]))
    match kind:
        case "eq" | "bus-eq":
            frequency_hz, gain_db, q = even(*EQ_HZ), sign * float(rng.uniform(*EQ_DB)), even(*EQ_Q)
            return Injection(kind, stem, frequency_hz=frequency_hz, gain_db=gain_db, q=q)
        case "gain":
            return Injection(kind, stem, gain_db=sign * float(rng.uniform(*GAIN_DB)))
        case "delay":
            return Injection(kind, stem, delay_s=even(*DELAY_S))
        case "polarity":
            return Injection(kind, stem)
        case "bus-limiting":
            return Injection(kind, gain_db=float(rng.uniform(*LIMIT_DB)))


def altered(samples: npt.ArrayLike, injection: Injection, rate: int) -> Signal:
    """A stem, or the mix for a fault of the bus, with the fault."""
    match injection.kind:
        case "eq" | "bus-eq":
            return bell(samples, rate, injection.frequency_hz, injection.gain_db, injection.q)
        case "gain":
            return gained(samples, injection.gain_db)
        case "delay":
            return delayed(samples, rate, injection.delay_s)
        case "polarity":
            return flipped(samples)
        case "bus-limiting":
            return limited(samples, rate, injection.gain_db)


def injected(stems: Mapping[str, Samples], injection: Injection, rate: int) -> tuple[dict[str, Samples], Samples]:
    """The stems and their mix with the fault, as 24-bit files hold them.

    Nothing is clipped on the way: where a sum passes full scale, all is turned down together before (`headroom`).
    """
    out: dict[str, Samples] = dict(stems)
    if injection.stem is not None:
        out[injection.stem] = as_file(altered(stems[injection.stem], injection, rate))
        return out, as_file(summed(out))
    return out, as_file(altered(summed(out), injection, rate))


def headroom(stems: Mapping[str, Samples], peak: float = 0.25) -> dict[str, Samples]:
    """Stems all turned up or down together until their sum peaks there (-12 dBFS): no fault drawn here then clips."""
    gain = peak / max(float(np.abs(summed(stems)).max()), 1e-9)
    return {name: as_file(np.asarray(s, dtype=np.float64) * gain) for name, s in stems.items()}


def change_db(clean: Samples, flawed: Samples) -> float:
    """Power of the difference of two mixes over that of the first, in dB; the level of the whole is not matched."""
    difference = np.asarray(flawed, dtype=np.float64) - clean
    power = float(np.mean(np.square(np.asarray(clean, dtype=np.float64))))
    return float(10.0 * np.log10(max(float(np.mean(np.square(difference))), 1e-20) / max(power, 1e-20)))


def drawn_audible(
    rng: np.random.Generator, stems: Mapping[str, Samples], kind: Kind, rate: int
) -> tuple[Injection, dict[str, Samples], Samples]:
    """A drawn fault that changes the mix by `AUDIBLE_DB` or more, with the stems and the mix it makes."""
    clean = as_file(summed(stems))
    names = sorted(stems)
    for _ in range(MOST_DRAWS):
        injection = drawn(rng, names, kind)
        flawed, mix = injected(stems, injection, rate)
        if change_db(clean, mix) >= AUDIBLE_DB:
            return injection, flawed, mix
    raise RuntimeError(f"none of {MOST_DRAWS} draws of '{kind}' is audible")
