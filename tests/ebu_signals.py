"""The synthetic test signals of EBU Tech 3341 (2023, Table 1) and Tech 3342 (Table 1), and what a meter must read.

All are at 48 kHz; unless said otherwise, a 1 kHz sine in phase in both channels whose level is its peak in
dBFS. Cases 7 and 8 of Tech 3341 and 5 and 6 of Tech 3342 are recorded programmes and not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import firwin

RATE = 48_000
#: Tolerances of the standards: loudness (LU), loudness range (LU), true peak (dB, below and above).
LOUDNESS_TOLERANCE, RANGE_TOLERANCE = 0.1, 1.0
TRUE_PEAK_BELOW, TRUE_PEAK_ABOVE = 0.4, 0.2
SILENCE = -np.inf

Stretch = tuple[float, float]  # seconds, peak level in dBFS
Wave = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Steady:
    """A tone in stretches of constant level, and the readings asked for: I, M, S (maxima) or LRA."""

    case: int
    stretches: tuple[Stretch, ...]
    expected: dict[str, float]


TECH_3341_INTEGRATED = (
    Steady(1, ((20, -23),), {"I": -23.0, "M": -23.0, "S": -23.0}),
    Steady(2, ((20, -33),), {"I": -33.0, "M": -33.0, "S": -33.0}),
    Steady(3, ((10, -36), (60, -23), (10, -36)), {"I": -23.0}),
    Steady(4, ((10, -72), (10, -36), (60, -23), (10, -36), (10, -72)), {"I": -23.0}),
    Steady(5, ((20, -26), (20.1, -20), (20, -26)), {"I": -23.0}),
)
#: Case 6, layout 5.0, 20 s: the level of each speaker, in file order L R C Ls Rs.
CASE_6_LEVELS, CASE_6_INTEGRATED = (-28.0, -28.0, -24.0, -30.0, -30.0), -23.0
#: Constant short-term loudness after 3 s (9), constant momentary loudness after 1 s (12).
CASE_9: tuple[Stretch, ...] = ((1.34, -20), (1.66, -30)) * 5
CASE_12: tuple[Stretch, ...] = ((0.18, -20), (0.22, -30)) * 25
CONSTANT = -23.0
#: Twenty files (10: maximum short term, 13: maximum momentary), each with a later start.
CASE_10: tuple[tuple[Stretch, ...], ...] = tuple(((i * 0.15, SILENCE), (3.0, -23.0), (1.0, SILENCE)) for i in range(20))
CASE_13: tuple[tuple[Stretch, ...], ...] = tuple(((i * 0.02, SILENCE), (0.4, -23.0), (1.0, SILENCE)) for i in range(20))
#: Twenty tones in one file, each 1 dB louder than the last (11: short term, 14: momentary).
CASE_11: tuple[Stretch, ...] = tuple(
    s for i in range(20) for s in ((i * 0.15, SILENCE), (3.0, -38.0 + i), (3.0 - i * 0.15, SILENCE))
)
CASE_14: tuple[Stretch, ...] = tuple(
    s for i in range(20) for s in ((i * 0.02, SILENCE), (0.4, -38.0 + i), (0.4 - i * 0.02, SILENCE))
)
SUCCESSIVE_MAXIMA = tuple(-38.0 + i for i in range(20))
#: Tones for the true peak: case, sample rate over frequency, amplitude, phase in degrees, dBTP.
TRUE_PEAK_TONES = (
    (15, 4, 0.50, 0.0, -6.0),
    (16, 4, 0.50, 45.0, -6.0),
    (17, 6, 0.50, 60.0, -6.0),
    (18, 8, 0.50, 67.5, -6.0),
    (19, 4, 1.41, 45.0, 3.0),
)
#: Cases 20-23: one signal at 4 x 48 kHz, decimated from sample 0, 1, 2 and 3 of it.
TRUE_PEAK_BURSTS = ((20, 0, 0.0), (21, 1, 0.0), (22, 2, 0.0), (23, 3, 0.0))
TECH_3342 = (
    Steady(1, ((20, -20), (20, -30)), {"LRA": 10.0}),
    Steady(2, ((20, -20), (20, -15)), {"LRA": 5.0}),
    Steady(3, ((20, -40), (20, -20)), {"LRA": 20.0}),
    Steady(4, ((20, -50), (20, -35), (20, -20), (20, -35), (20, -50)), {"LRA": 15.0}),
)


def tone(stretches: Sequence[Stretch], channels: int = 2, frequency_hz: float = 1000.0, rate: int = RATE) -> Wave:
    """One uninterrupted sine whose level steps as the stretches say, the same in every channel."""
    gain = np.concatenate([np.full(round(s * rate), 10.0 ** (level / 20)) for s, level in stretches])
    wave = np.sin(2 * np.pi * frequency_hz / rate * np.arange(len(gain)))
    return np.ascontiguousarray(np.tile((gain * wave).astype(np.float32), (channels, 1)))


def case_6() -> Wave:
    """Five channels with a level each."""
    return np.ascontiguousarray(np.concatenate([tone(((20, level),), 1) for level in CASE_6_LEVELS]))


def true_peak_tone(divisor: int, amplitude: float, phase_degrees: float, seconds: float = 0.5) -> Wave:
    """A sine of rate / divisor that starts at the phase, with fades of 10 ms."""
    frames, fade = round(seconds * RATE), RATE // 100
    envelope = np.minimum(1.0, np.minimum(np.arange(frames), np.arange(frames)[::-1]) / fade)
    wave = np.sin(2 * np.pi * np.arange(frames) / divisor + np.deg2rad(phase_degrees))
    return np.tile((amplitude * envelope * wave).astype(np.float32), (2, 1))


def true_peak_burst(offset: int, seconds: float = 0.5) -> Wave:
    """A sine of rate/6 at 0.5, with one period of rate/4 at 1.0 in its middle, begun and ended at a zero.

    Made at four times the rate, low-passed at half the final one and decimated from sample `offset`.
    """
    periods = round(seconds * RATE / 6 / 2)
    outer = 0.5 * np.sin(2 * np.pi * np.arange(24 * periods) / 24)
    inner = np.sin(2 * np.pi * np.arange(16) / 16)
    fine = np.concatenate([outer, inner, outer])
    fade = 4 * RATE // 100
    envelope = np.minimum(1.0, np.minimum(np.arange(len(fine)), np.arange(len(fine))[::-1]) / fade)
    low_pass = firwin(1023, 0.95 * RATE / 2, fs=4 * RATE, window=("kaiser", 8.0))
    wave = np.convolve(fine * envelope, low_pass, mode="same")[offset::4]
    return np.tile(wave.astype(np.float32), (2, 1))


def blocks(samples: Wave, frames: int = RATE // 2) -> Iterator[Wave]:
    """The samples in C-contiguous blocks."""
    for start in range(0, samples.shape[1], frames):
        yield np.ascontiguousarray(samples[:, start : start + frames])
