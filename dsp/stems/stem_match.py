"""Which stem is not in the mix as its file says: louder, upside down, late, filtered, absent.

What the mix holds beyond the sum of the stems after the bus, M - m S with m the gain and response of the bus, is
correlated with every stem, in third octaves every 50 ms. A stem whose gain in the mix is 1 + d leaves m d S_i there, so
one number explains all of it; a stem that was filtered leaves one complex number per band. What correlates with no
stem is in none of them. This is exact in cross spectra and assumes nothing about how the stems are related, as long as
one of them is at fault. Several views of the bus are tried: an equaliser may be the bus's or one stem's, and whichever
leaves least is believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dsp.stems.bus_readings import BusReadings
from dsp.stems.bus_response import ComplexCurve
from dsp.stems.model import MIX, SUM, Stem, Stems
from dsp.units import Curve

#: Bands so far below the strongest count by their level, not for themselves (power ratio).
QUIET_BAND = 1e-4
#: From the middle of a third octave to its edge.
HALF_BAND = 10**0.05


@dataclass(frozen=True)
class View:
    """One view of the bus: its gain of every frame and band, and what it leaves of the mix."""

    equalised: bool
    moving: Curve  #: gain of every frame, (frames,)
    response: ComplexCurve  #: (bands,)
    left: Curve  #: (frames, bands), power
    weight: Curve  #: of the bands, which makes them count alike

    @property
    def share(self) -> float:
        """What it leaves, as a share of the mix, bands counting alike."""
        return float(self.left.sum(axis=0, dtype=np.float64) @ self.weight)


@dataclass(frozen=True)
class Fit:
    """One stem changed: `change` is what the mix holds of it for what the file holds (1 alike, 0 absent, -1 flipped).

    `left` is the share of the mix that remains after changing its gain alone, `bands_left` after changing every band
    by itself to `bands`; `before` without either.
    """

    stem: str
    view: View
    change: float
    before: float
    left: float
    bands: ComplexCurve
    bands_left: float
    error: float  #: of `change`, one standard deviation as far as what is left tells


def views(stems: Stems, bus: BusReadings) -> Iterator[View]:
    """Views of the bus: a gain of either polarity, with its delay or without; with its equaliser; with dynamics."""
    frames = len(stems.mix_power)
    rate = stems.stems[0].source.sample_rate
    late = np.exp(-2j * np.pi * stems.band_hz * (bus.delay_samples or 0.0) / rate)
    level = 10.0 ** ((bus.gain_db or 0.0) / 20.0)
    response = third_octaves(bus, stems.band_hz)
    still = np.ones(frames)
    plain = np.ones(len(stems.band_hz), dtype=np.complex128)
    yield _view(stems, False, still, bus.polarity * level * plain)
    yield _view(stems, False, still, -bus.polarity * level * plain)
    yield _view(stems, False, still, bus.polarity * level * late)
    yield _view(stems, True, still, response)
    if bus.dynamics is not None and bus.dynamics.kind != "none":
        moving = np.ones(frames)
        curve = np.clip(np.nan_to_num(bus.dynamics.frames[:frames]), -40.0, 40.0)
        moving[: len(curve)] = 10.0 ** (-curve / 20.0)
        yield _view(stems, False, moving, bus.polarity * level * late)
        yield _view(stems, True, moving, response)


def third_octaves(bus: BusReadings, band_hz: Curve) -> ComplexCurve:
    """The response of the bus in third octaves, as an average over the power there."""
    out = np.ones(len(band_hz), dtype=np.complex128)
    for k, middle in enumerate(band_hz if len(bus.hz) else ()):
        inside = (bus.hz >= middle / HALF_BAND) & (bus.hz < middle * HALF_BAND)
        if not inside.any():
            inside[np.abs(np.log(bus.hz / middle)).argmin()] = True
        power = bus.power[inside] + 1e-30
        out[k] = (bus.response[inside] * power).sum() / power.sum()
    return out


def _view(stems: Stems, equalised: bool, moving: Curve, response: ComplexCurve) -> View:
    gain = (moving[:, None] * response).astype(np.complex64)
    cross = stems.sum_cross[:, 0] - np.complex64(1j) * stems.sum_cross[:, 1]  # mix times conjugate of the sum
    left = stems.mix_power - 2.0 * (gain.conj() * cross).real + np.abs(gain) ** 2 * stems.sum_power
    mean = stems.mix_power.sum(axis=0, dtype=np.float64)
    least = max(QUIET_BAND * float(mean.max(initial=0.0)), 1e-30)
    weight = 1.0 / np.maximum(mean, least) / max(len(mean), 1)
    return View(equalised, moving, response, np.maximum(left, np.float32(0.0)), weight)


def fits(stems: Stems, view: View) -> list[Fit]:
    """How much of what a view leaves every sounding stem explains."""
    return [_fit(s, view) for s in stems.sounding]


def _fit(stem: Stem, view: View) -> Fit:
    cross = stem.readings.cross
    # what is left times the conjugate of the stem, seen through the bus: |g h|^2 counts its power
    moving, response = view.moving[:, None], view.response
    with_mix = (moving * (cross[:, MIX, 0] - 1j * cross[:, MIX, 1])).sum(axis=0)
    with_sum = (moving**2 * (cross[:, SUM, 0] - 1j * cross[:, SUM, 1])).sum(axis=0)
    above = response.conj() * (with_mix - response * with_sum)
    below = np.abs(response) ** 2 * (moving**2 * stem.readings.power).sum(axis=0)
    w, before = view.weight, view.share
    power = max(float(w @ below), 1e-30)
    change = float(w @ above.real) / power
    left = max(0.0, before - change * float(w @ above.real))
    bands = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    by_band = np.divide(np.abs(above) ** 2, below, out=np.zeros(len(below)), where=below > 0)
    bands_left = max(0.0, before - float(w @ by_band))
    error = float(np.sqrt(left / power / max(1, len(view.moving) // 2)))
    return Fit(stem.name, view, 1.0 + change, before, left, 1.0 + bands, bands_left, error)
