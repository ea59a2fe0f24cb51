"""ReaEQ, REAPER's own equaliser, as REAPER saves it.

Cockos does not document it. How sure each part is:

- The state, sure: u32 33, u32 number of bands; for each 33 bytes, i32 type, i32 on, f64 frequency (Hz), f64 gain (a
  factor), f64 bandwidth (octaves), u8 whether frequencies are shown on a scale by octaves; i32 1, i32 1, f64 output
  gain (a factor), and 16 bytes of the window. States in projects of REAPER 6.81, 7.38, 7.65 and 7.71 have this form,
  and converters by several authors agree on it. The two 1 are not understood; another value is not read.
- Types, sure: 0 low shelf, 1 high shelf, 3 low pass, 4 high pass, 5 all pass, 6 notch, 7 band pass, 8 band, 9 band
  (alt), 2 band (alt 2), 10 parallel band pass. They are also the numbers of REAPER's named parameters BANDTYPEn, which
  scripts by many authors set.
- What band and high pass sound like, sure: second-order filters of R. Bristow-Johnson's Audio EQ Cookbook, set by
  bandwidth in octaves. So REAPER's impulse responses, rendered by one author, to 1e-9 for frequencies up to a quarter
  of the sample rate; noise rendered by another; that one's low passes too.
- Shelves, nearly as sure: the Cookbook's, not by bandwidth but by a slope of 1 / octaves^2, at most 1.2 (one author) or
  1.19 (another). Of shelves much narrower than what that limit means, 0.91 octaves, the second found other than that.
- The notch, likely: the Cookbook's. The gain of passes and notches, likely without effect: people use high passes whose
  gain is saved as 1e-50. "Alt" bands, near: older definitions of a bell's width.

REAPER's filters are bilinear: towards half the sample rate they are narrower than those played here. At 48 kHz a bell
of 6 dB and a q of 1 differs by at most 0.1 dB at 3 kHz, 0.5 dB at 6 kHz, 1.3 dB at 10 kHz; a shelf by half of that.
"""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from typing import Final

from dsp.errors import UsageError
from dsp.stems.attribution import BUTTERWORTH_Q
from dsp.units import amplitude_db, from_amplitude_db
from plugin_bridge.sessions.model import Band, Device

#: The id of the plugin as a number: 'reeq'.
NUMBER: Final = 1919247729
#: The second word of the header before the state of a VST.
MAGIC: Final = 0xFEED5EEE
#: The header up to the length of the state: two inputs and two outputs, each connected to its channel of the track.
PINS: Final = struct.pack("<IIIQQIQQ", NUMBER, MAGIC, 2, 1, 2, 2, 1, 2)
#: After the length, and what stands behind the state: as REAPER writes both where no preset has been loaded.
FLAGS: Final = struct.pack("<II", 1, 0x100000)
CLOSING: Final = b"\0" + b"\0" + struct.pack("<I", 16)

_HEAD: Final = struct.Struct("<II")
_BAND: Final = struct.Struct("<iidddB")
_TAIL: Final = struct.Struct("<iid16s")
#: The window as REAPER 6.81 and 7.65 save it where it was not touched: 509 by 348.
_WINDOW: Final = struct.pack("<iiii", 1, 509, 348, 2)

_KINDS: Final = {
    0: "low-shelf", 1: "high-shelf", 2: "bell", 3: "low-pass", 4: "high-pass", 6: "notch", 8: "bell", 9: "bell",
}  # fmt: skip
_TYPES: Final = {"low-shelf": 0, "high-shelf": 1, "low-pass": 3, "high-pass": 4, "notch": 6, "bell": 8}
_ALL_PASS: Final = 5
_ALT: Final = (2, 9)
_LEVELS: Final = ("bell", "low-shelf", "high-shelf")
#: What a state may hold to be taken for one; far beyond the knobs, but for the least gain (-90 dB is shown as -inf).
_READ_HZ: Final = (5.0, 1e5)
_READ_OCTAVES: Final = (0.01, 16.0)
_READ_DB: Final = (-90.0, 60.0)
#: Up to the q of 0.01 octaves; a steep shelf of some 40 dB would have more.
_Q: Final = (1e-6, 150.0)
#: What the knobs reach, as converters note it.
_HZ: Final = (20.0, 24_000.0)
_OCTAVES: Final = (0.01, 4.0)
_DB: Final = (-90.0, 24.0)
#: Largest slope of a shelf.
STEEPEST: Final = 1.2
#: Shelves narrower than that of a new ReaEQ are not known well.
_NARROW_SHELF: Final = 0.8


def equalizer(device: Device, data: bytes) -> tuple[Device, tuple[str, ...]]:
    """A VST with what REAPER saved of it, as an equaliser if it is a ReaEQ of which nothing has to be guessed.

    Also says, a line each, what of it is only near; nothing of one that is off.
    """
    start = len(PINS) + 4 + len(FLAGS)
    if not data.startswith(PINS) or len(data) < start:
        return device, ()
    size = int.from_bytes(data[len(PINS) : len(PINS) + 4], "little")
    state = data[start : start + size]
    count = int.from_bytes(state[4:8], "little")
    if not len(state) == size == _HEAD.size + count * _BAND.size + _TAIL.size or state[:4] != _HEAD.pack(33, 0)[:4]:
        return device, ()
    bands, near = list[Band](), dict[str, None]()
    for kind, on, *values, flag in _BAND.iter_unpack(state[_HEAD.size : _HEAD.size + count * _BAND.size]):
        if on not in (0, 1) or flag not in (0, 1) or not _plausible(*values):
            return device, ()
        band = _band(kind, bool(on), *values)
        if band is not None:
            bands.append(band)
            near |= dict.fromkeys(_near(kind, band, *values[1:]))
        elif on and kind != _ALL_PASS:
            return device, ()
    first, second, gain, _ = _TAIL.unpack(state[-_TAIL.size :])
    if (first, second) != (1, 1) or not _within(_db(gain), _READ_DB):
        return device, ()
    parameters = {} if gain == 1.0 else {"output_gain_db": _db(gain)}
    made = replace(device, kind="equalizer", parameters=parameters, bands=tuple(bands))
    return made, tuple(near) if made.enabled else ()


def _plausible(hz: float, gain: float, octaves: float) -> bool:
    return _within(hz, _READ_HZ) and _within(octaves, _READ_OCTAVES) and 0.0 <= gain < math.inf


def _band(kind: int, on: bool, hz: float, gain: float, octaves: float) -> Band | None:
    """None for what cannot be played."""
    name = _KINDS.get(kind)
    if name is None or (name in _LEVELS and not _within(_db(gain), _READ_DB)):
        return None
    if name not in _LEVELS:
        return Band(name, hz, 0.0, _rounded(q_of(octaves)), on)
    q = shelf_q_of(octaves, _db(gain)) if name.endswith("shelf") else q_of(octaves)
    return Band(name, hz, _db(gain), _rounded(q), on) if _within(q, _Q) else None


def _near(kind: int, band: Band, gain: float, octaves: float) -> list[str]:
    """What of a band is not known well."""
    if not band.enabled:
        return []
    if band.kind not in _LEVELS:
        return [] if gain == 1.0 else ["the gain of a pass or notch of ReaEQ is taken to do nothing"]
    if not band.gain_db:
        return []
    if kind in _ALT:
        return ["a band of ReaEQ of a type (alt) is played as one of its usual ones"]
    if band.kind != "bell" and octaves < _NARROW_SHELF:
        return [f"a shelf of ReaEQ of {octaves:g} octaves is played with a slope of {STEEPEST:g}"]
    return []


def state_of(device: Device) -> bytes:
    """The state of a ReaEQ with the bands of an equaliser. Raises UsageError for what it cannot be set to."""
    others = {k for k, v in device.parameters.items() if v} - {"output_gain_db"}
    if device.kind != "equalizer" or others:
        raise UsageError("REAPER is given equalisers only" if not others else f"ReaEQ has no {', '.join(others)}")
    rows = [_row(band) for whole in device.bands for band in _twelves(whole)]
    gain_db = device.parameters.get("output_gain_db", 0.0)
    if not _within(gain_db, _DB):
        raise UsageError(f"ReaEQ has no output gain of {gain_db:+g} dB")
    tail = _TAIL.pack(1, 1, from_amplitude_db(gain_db), _WINDOW)
    return _HEAD.pack(33, len(rows)) + b"".join(rows) + tail


def _twelves(band: Band) -> list[Band]:
    """A band; a pass of 24 dB per octave as two of 12."""
    if band.kind not in ("high-pass-24", "low-pass-24"):
        return [band]
    return [replace(band, kind=band.kind[:-3], q=band.q * by * math.sqrt(2.0)) for by in BUTTERWORTH_Q]


def _row(band: Band) -> bytes:
    gain_db = band.gain_db if band.kind in _LEVELS else 0.0
    octaves = math.nan
    if band.kind in _TYPES and _within(gain_db, _DB) and 0.0 < band.q < math.inf:
        octaves = shelf_octaves_of(band.q, gain_db) if band.kind.endswith("shelf") else octaves_of(band.q)
    if not (_within(band.frequency_hz, _HZ) and _within(octaves, _OCTAVES)):
        raise UsageError(
            f"ReaEQ cannot be set to a {band.kind} at {band.frequency_hz:g} Hz with a q of {band.q:g} and "
            f"{band.gain_db:+g} dB"
        )
    return _BAND.pack(
        _TYPES[band.kind], band.enabled, band.frequency_hz, from_amplitude_db(gain_db), octaves, 1
    )  # fmt: skip


def q_of(octaves: float) -> float:
    """The q of a bandwidth, as the Cookbook has it at low frequencies."""
    return 0.5 / math.sinh(0.5 * math.log(2.0) * octaves)


def octaves_of(q: float) -> float:
    """The bandwidth of a q."""
    return 2.0 / math.log(2.0) * math.asinh(0.5 / q)


def shelf_q_of(octaves: float, gain_db: float) -> float:
    """The q of a shelf that ReaEQ sets to a slope of 1 / octaves^2, at most `STEEPEST`; NaN where it has none."""
    squared = _sides(gain_db) * (max(octaves * octaves, 1.0 / STEEPEST) - 1.0) + 2.0
    return 1.0 / math.sqrt(squared) if squared > 0.0 else math.nan


def shelf_octaves_of(q: float, gain_db: float) -> float:
    """What ReaEQ is set to for a shelf of that q; NaN for one steeper than it can be."""
    squared = (1.0 / (q * q) - 2.0) / _sides(gain_db) + 1.0
    return math.sqrt(squared) if squared >= 1.0 / STEEPEST else math.nan


def _sides(gain_db: float) -> float:
    a = from_amplitude_db(0.5 * gain_db)
    return a + 1.0 / a


def _db(gain: float) -> float:
    return _rounded(amplitude_db(gain)) if 0.0 < gain < math.inf else math.nan


def _rounded(value: float) -> float:
    """Without what is only the rounding of going to factors and octaves."""
    return float(f"{value:.12g}")


def _within(value: float, limits: tuple[float, float]) -> bool:
    """Also says no to NaN."""
    return limits[0] <= value <= limits[1]
