"""The plugin's parameters as the tests know them, and the filters they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.signal import sosfilt

from dsp.correction.biquad import Sections, response, sections
from dsp.correction.correction import EQ_KINDS
from dsp.findings import EqMove
from dsp.stems.attribution import Spectrum
from dsp.units import Curve, Samples

BYPASS, CORRECTION, AMOUNT, TRIM, AUTO_APPLY, FIRST_BAND = range(6)
KIND, ON, FREQUENCY, GAIN, Q, PER_BAND = range(6)
BANDS: Final = 8
READINGS: Final = FIRST_BAND + BANDS * PER_BAND
COUNT: Final = READINGS + 6
KINDS: Final = EQ_KINDS[:6]

#: Eight bands of all kinds.
EIGHT: Final = (
    EqMove("mix", "high-pass", 31.0, 0.0, 0.7),
    EqMove("mix", "low-shelf", 110.0, 2.5, 0.8),
    EqMove("mix", "bell", 240.0, -3.2, 1.4),
    EqMove("mix", "notch", 800.0, 0.0, 8.0),
    EqMove("mix", "bell", 1900.0, 1.7, 0.6),
    EqMove("mix", "bell", 4200.0, -5.0, 3.0),
    EqMove("mix", "high-shelf", 9000.0, 3.0, 0.7),
    EqMove("mix", "low-pass", 17500.0, 0.0, 0.7),
)


def band(index: int, which: int) -> int:
    """The number of a band's parameter."""
    return FIRST_BAND + index * PER_BAND + which


def settings(moves: Sequence[EqMove], **others: float) -> dict[int, float]:
    """Parameters, as plain values, that put bands into the signal; others by name (`amount=50.0`)."""
    names = {"bypass": BYPASS, "correction": CORRECTION, "amount": AMOUNT, "trim": TRIM}
    made = {CORRECTION: 1.0, **{names[name]: value for name, value in others.items()}}
    for i, move in enumerate(moves):
        values = (KINDS.index(move.kind), 1.0, move.frequency_hz, move.gain_db, move.q)
        made |= {band(i, which): float(value) for which, value in enumerate(values)}
    return made


def designed(moves: Sequence[EqMove], rate: int) -> Sections:
    """The sections of all bands that fit a rate, as the plugin should play them: frequencies are single precision."""
    rows = [
        sections(
            EqMove(
                "mix", m.kind, float(np.float32(m.frequency_hz)), float(np.float32(m.gain_db)), float(np.float32(m.q))
            ),
            rate,
        )
        for m in moves
        if m.frequency_hz < 0.49 * rate
    ]
    return np.concatenate(rows) if rows else np.array([[1.0, 0, 0, 1, 0, 0]])


def filtered(audio: Samples, moves: Sequence[EqMove], rate: int) -> Curve:
    """Audio as the bands should leave it, in double precision."""
    return np.asarray(sosfilt(designed(moves, rate), audio.astype(np.float64), axis=1))


def off_by_db(impulse: Curve, moves: Sequence[EqMove], rate: int) -> float:
    """How far (dB) the response measured by an impulse (of one channel) is at most from the design's, 20 Hz to 20 kHz.

    Below -80 dB neither is looked at.
    """
    measured = np.abs(np.fft.rfft(impulse.astype(np.float64)))
    hz = np.fft.rfftfreq(len(impulse), 1.0 / rate)
    wanted: Spectrum = np.abs(response(designed(moves, rate), hz, rate))
    heard = (hz >= 20.0) & (hz <= min(20_000.0, 0.499 * rate)) & (np.abs(wanted) > 1e-4)
    return float(np.abs(20.0 * np.log10(measured[heard] / np.abs(wanted[heard]))).max())


def loudest_db(audio: Curve) -> float:
    """The largest sample in dB of full scale."""
    return float(20.0 * np.log10(max(np.abs(audio).max(), 1e-30)))
