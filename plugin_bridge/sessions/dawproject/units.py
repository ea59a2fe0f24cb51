"""Values of DAWproject parameters in our units, and back.

The schema names units but not what they mean for which parameter; programs differ, and some leave the unit out. What is
read here is what Bitwig Studio writes (volume linear, pan normalized, frequencies in semitones of MIDI, ratios in
percent of reduction) and what is plausible otherwise; every reading that is a guess becomes a line of `unread`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from plugin_bridge.sessions.dawproject.xml import Element, Notes, kids, number, place

#: Silence where a parameter of a device is in dB and says -infinity.
FLOOR_DB: Final = -150.0
#: The ratio of a compressor that says "infinity to one".
HARDEST_RATIO: Final = 1000.0
#: MIDI's note 69 is 440 Hz: the unit of frequencies in semitones.
A4_HZ, A4_NOTE = 440.0, 69.0
#: Bare numbers for times above these (s) can only be milliseconds: no attack is longer than a second, no release than
#: ten (ours).
LONGEST_ATTACK_S, LONGEST_RELEASE_S = 1.0, 10.0


@dataclass(frozen=True)
class Scale:
    """How a parameter counts: its unit, and its bounds where it says them."""

    unit: str = ""
    low: float | None = None
    high: float | None = None

    def gain(self, value: float) -> float:
        """A volume as a factor of amplitude.

        linear and normalized are the factor itself (in the schema 1.0 normalized has no curve), percent is a hundred
        times that, or the factor where its bounds or its size say so.
        """
        if self.unit == "decibel":
            return float(10.0 ** (value / 20.0))
        return value / 100.0 if self.hundred(value) else value

    def gain_back(self, gain: float, like: float) -> float:
        """The value of a factor of amplitude, where `like` is a value of the same parameter; the inverse of `gain`."""
        if self.unit == "decibel":
            return 20.0 * math.log10(gain) if gain > 0.0 else -math.inf
        return gain * 100.0 if self.hundred(like) else gain

    def pan(self, value: float) -> float:
        """A pan as -1 (left) to 1 (right): from 0 to 1 where normalized, from -1 to 1 where linear."""
        symmetric = self.low is not None and self.low < 0.0
        if self.unit == "percent":
            symmetric, low, high = symmetric or self.low is None, 0.0, 100.0
        elif self.unit == "linear":
            symmetric, low, high = symmetric or self.low is None, 0.0, 1.0
        else:
            low, high = 0.0, 1.0
        low, high = self.low if self.low is not None else low, self.high if self.high is not None else high
        if symmetric:
            return value / (high or 1.0)
        return 2.0 * (value - low) / ((high - low) or 1.0) - 1.0

    def hundred(self, value: float) -> bool:
        """Whether percents count to a hundred here, and not to one."""
        if self.unit != "percent":
            return False
        return self.high > 2.0 if self.high is not None else value > 2.0


def scale_of(parameter: Element, notes: Notes) -> Scale:
    """How a parameter element counts. Raises InputError for bounds that are no numbers."""
    low, high = (number(parameter, name, notes, endless=True) for name in ("min", "max"))
    return Scale(parameter.get("unit", ""), low, high)


def scale_of_points(points: Element, parameter: Scale, notes: Notes) -> Scale:
    """How the points of an automation count: by their own unit, else by that of their parameter."""
    scale = Scale(points.get("unit") or parameter.unit, parameter.low, parameter.high)
    if scale.unit != "percent" or scale.high is not None:
        return scale
    values = [v for p in kids(points) if (v := number(p, "value", notes, endless=True)) is not None]
    return Scale(scale.unit, scale.low, max(values, default=100.0))


def volume(parameter: Element | None, what: str, notes: Notes) -> float:
    """A volume as a factor of amplitude, 1 where the file does not say. Raises InputError."""
    value = None if parameter is None else number(parameter, "value", notes, endless=True)
    if parameter is None or value is None:
        return 1.0
    scale = scale_of(parameter, notes)
    if scale.unit not in ("linear", "decibel"):
        meant = "in percent" if scale.hundred(value) else "as a factor"
        notes.add(f"{what}: its unit is {scale.unit or 'missing'}; it is read {meant}")
    gain = scale.gain(value) if value < 1e4 else math.inf
    if not 0.0 <= gain < 1e4:
        notes.bad(f"{place(parameter)}: {what} is {value:g}, which is no gain")
    return gain


def pan(parameter: Element | None, what: str, notes: Notes) -> float:
    """A pan as -1 to 1, 0 where the file does not say. Raises InputError."""
    value = None if parameter is None else number(parameter, "value", notes)
    if parameter is None or value is None:
        return 0.0
    scale = scale_of(parameter, notes)
    if scale.unit not in ("linear", "normalized", "percent"):
        guess = "normalized" if 0.0 <= value <= 1.0 else "linear" if value >= -1.0 else "percent"
        notes.add(f"{what}: its unit is {scale.unit or 'missing'}; it is read as {guess}")
        scale = Scale(guess, scale.low, scale.high)
    return clipped_pan(scale.pan(value), what, notes)


def clipped_pan(value: float, what: str, notes: Notes) -> float:
    """A pan, brought within -1 to 1."""
    if not -1.0 <= value <= 1.0:
        notes.add(f"{what}: {value:g} is beyond the side; it is read as the side")
    return min(1.0, max(-1.0, value))


def decibels(parameter: Element, what: str, notes: Notes) -> float | None:
    """A gain or threshold in dB; bare numbers are dB. Raises InputError."""
    value = number(parameter, "value", notes, endless=True)
    if value is None:
        return None
    unit = parameter.get("unit", "")
    if unit in ("linear", "normalized", "percent"):
        factor = Scale(unit, None, number(parameter, "max", notes, endless=True)).gain(value)
        value = 20.0 * math.log10(factor) if factor > 0.0 else -math.inf
    elif unit != "decibel":
        notes.add(f"{what}: its unit is {unit or 'missing'}; it is read as dB")
    if value == math.inf:
        notes.bad(f"{place(parameter)}: {what} is infinite")
    return max(FLOOR_DB, value)


def seconds(parameter: Element, what: str, longest_s: float, notes: Notes) -> float | None:
    """A time in seconds; a bare number above the longest that makes sense is milliseconds. Raises InputError."""
    value = number(parameter, "value", notes)
    if value is None:
        return None
    unit = parameter.get("unit", "")
    if unit != "seconds":
        milli = value > longest_s
        notes.add(f"{what}: its unit is {unit or 'missing'}; it is read as {'milliseconds' if milli else 'seconds'}")
        value = value / 1000.0 if milli else value
    if value < 0.0:
        notes.bad(f"{place(parameter)}: {what} is {value:g}")
    return value


def ratio(parameter: Element, what: str, notes: Notes) -> float | None:
    """A ratio as n of "n to one". In percent (0.6 or 60) it is how much of the excess is taken away: n = 1 / (1 - x).

    Bitwig Studio writes percents. Numbers of 1 or more that are linear or bare are n itself. Raises InputError.
    """
    value = number(parameter, "value", notes, endless=True)
    if value is None:
        return None
    unit = parameter.get("unit", "")
    high = number(parameter, "max", notes, endless=True)
    if value < 0.0:
        notes.bad(f"{place(parameter)}: {what} is {value:g}")
    if unit == "percent":
        taken = value / 100.0 if (value > 1.0 or (high is not None and high > 1.0)) else value
    elif unit == "normalized" or value < 1.0:
        taken = value
    else:
        taken = 1.0 - 1.0 / value
    if unit not in ("percent", "linear"):
        notes.add(f"{what}: its unit is {unit or 'missing'}; it is read as {_to_one(taken):.3g}:1")
    if unit not in ("percent", "normalized") and value >= 1.0:
        return min(value, HARDEST_RATIO)
    return _to_one(taken)


def _to_one(taken: float) -> float:
    return 1.0 / (1.0 - taken) if taken < 1.0 - 1.0 / HARDEST_RATIO else HARDEST_RATIO


def hertz(parameter: Element, what: str, notes: Notes) -> float | None:
    """A frequency in Hz; semitones are MIDI's. None where it cannot be told. Raises InputError."""
    value = number(parameter, "value", notes)
    if value is None:
        return None
    unit = parameter.get("unit", "")
    if unit == "semitones":
        return float(A4_HZ * 2.0 ** ((min(value, 200.0) - A4_NOTE) / 12.0))
    if unit in ("normalized", "percent"):
        notes.add(f"{what}: a frequency in the unit {unit} is not known in Hz")
        return None
    if unit != "hertz":
        notes.add(f"{what}: its unit is {unit or 'missing'}; it is read as Hz")
    if value <= 0.0:
        notes.bad(f"{place(parameter)}: {what} is {value:g} Hz")
    return value
