"""A target's correction as numbers a programmer reads: second-order sections, and a Python program that applies them.

These are the very filters `fix` applies, computed for each rate anew; nothing is left out of them.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Final, TypeAlias

from dsp.correction.biquad import sections
from dsp.correction.correction import NYQUIST_SHARE, Target
from dsp.correction.impulse import BETA, SPREAD, delay_samples, factor
from dsp.findings import EqMove

#: Rates that sessions use (Hz); the session's own is added where it is another.
RATES_HZ: Final = (44_100, 48_000, 88_200, 96_000, 176_400, 192_000)

#: Rows of b0, b1, b2, a0, a1, a2, one a section.
Rows: TypeAlias = list[list[float]]


def designs(target: Target, sample_rate: int) -> dict[int, Rows]:
    """The target's sections at every rate that holds all of its bands, the session's among them."""
    highest_hz = max((band.frequency_hz for band in target.bands), default=0.0)
    rates = sorted({*RATES_HZ, sample_rate})
    return {
        rate: [list(row) for band in target.bands for row in _rows(band, rate)]
        for rate in rates
        if rate == sample_rate or highest_hz < NYQUIST_SHARE * rate / 2.0
    }


@cache
def _rows(band: EqMove, rate: int) -> tuple[tuple[float, ...], ...]:
    # Three forms ask for the same filters, and making them is the work.
    return tuple(tuple(float(c) for c in row) for row in sections(band, rate))


def sos_json(target: Target, sample_rate: int) -> str:
    """Second-order sections per rate, as `scipy.signal.sosfilt` takes them, with factor and delay (s) beside them."""
    data = {
        "target": target.name,
        "apply": "multiply by factor, filter with the rows of your rate, shift by delay_s (negative is earlier)",
        "factor": factor(target.moves),
        "delay_s": delay_samples(target.moves) / sample_rate,
        "row": ["b0", "b1", "b2", "a0", "a1", "a2"],
        "sos": {str(rate): rows for rate, rows in designs(target, sample_rate).items()},
    }
    return json.dumps(data, indent=1, allow_nan=False) + "\n"


def python_program(target: Target, sample_rate: int) -> str:
    """A program of its own: `python correct.py INPUT.wav OUTPUT.wav`, with NumPy and SciPy and nothing of ours."""
    tables = "".join(
        f"    {rate}: [\n" + "".join(f"        {row!r},\n" for row in rows) + "    ],\n"
        for rate, rows in designs(target, sample_rate).items()
    )
    return (
        _PROGRAM.replace("<FACTOR>", repr(factor(target.moves)))
        .replace("<DELAY_S>", repr(delay_samples(target.moves) / sample_rate))
        .replace("<SECTIONS>", tables)
        .replace("<REACH>", str(SPREAD))
        .replace("<BETA>", str(BETA))
        .replace("<NAME>", ascii(target.name))  # last: a track may be called <BETA>
    )


# The shift is that of `dsp.correction.impulse`: a sinc under a Kaiser window.
_PROGRAM: Final = '''# A correction by MixDiagnose: python correct.py INPUT.wav OUTPUT.wav
#
# Needs NumPy and SciPy. OUTPUT is 32-bit float at the rate and length of INPUT, and must not exist yet.
import sys
from pathlib import Path

import numpy as np
from scipy.io import wavfile
from scipy.signal import sosfilt

TARGET = <NAME>
FACTOR = <FACTOR>  # level, negative where the polarity is switched
DELAY_S = <DELAY_S>  # negative is earlier
# Second-order sections per sample rate: b0, b1, b2, a0, a1, a2.
SECTIONS = {
<SECTIONS>}
REACH = <REACH>  # samples either side of the one a fraction of a sample is interpolated from
BETA = <BETA>  # shape of the Kaiser window over them


def correct(samples, rate):
    """Samples of shape (frames,) or (frames, channels), corrected."""
    if rate not in SECTIONS:
        raise SystemExit(f"there are no filters for {rate} Hz, only for {sorted(SECTIONS)}")
    out = FACTOR * samples.astype(np.float64)
    if SECTIONS[rate] and len(out):
        out = sosfilt(SECTIONS[rate], out, axis=0)
    return shifted(out, DELAY_S * rate)


def shifted(samples, by):
    """Samples moved later by any number of them (negative: earlier), with silence let in; the length stays."""
    whole = round(by)
    taps, first = np.ones(1), whole
    if abs(by - whole) > 1e-6:
        at = np.arange(-REACH, REACH + 1) - (by - whole)
        window = np.i0(BETA * np.sqrt(np.clip(1.0 - (at / (REACH + 0.5)) ** 2, 0.0, None))) / np.i0(BETA)
        taps, first = np.sinc(at) * window, whole - REACH
    out = np.zeros_like(samples)
    for number, tap in enumerate(taps, first):
        here, there = max(0, number), max(0, -number)
        count = len(samples) - here - there
        if count > 0:
            out[here : here + count] += tap * samples[there : there + count]
    return out


def read(path):
    """Rate and samples of a WAV file, full scale being 1."""
    rate, samples = wavfile.read(path)
    if samples.dtype == np.uint8:
        return rate, (samples - 128.0) / 128.0
    if samples.dtype.kind == "i":
        return rate, samples / float(2 ** (8 * samples.dtype.itemsize - 1))
    return rate, samples


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("usage: python correct.py INPUT.wav OUTPUT.wav")
    if Path(sys.argv[2]).exists():
        raise SystemExit(f"{sys.argv[2]} exists; name another file")
    rate, samples = read(sys.argv[1])
    wavfile.write(sys.argv[2], rate, correct(samples, rate).astype(np.float32))
'''
