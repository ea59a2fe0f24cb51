"""The field: the parts of a mix as the ears receive them, at the level a mix is listened to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dsp.stems.excitation import LISTENING_DB_SPL, cams, excitation, loudness, partial_loudness
from dsp.stems.model import Stems
from dsp.stems.parts import kin, parts_of
from dsp.units import Curve, Samples, from_power_db

Mask = npt.NDArray[np.bool_]
#: Frames of the band-gram averaged: 100 ms, about what the ear needs to tell a sound within another.
POOL = 2
#: Frames worked on at once.
AT_ONCE = 2048
#: Excitations of so much are kept for the next time they are asked for.
KEPT_BYTES = 64 << 20
#: A part plays where it is within so much of its own loudest moment, and of the loudest moment of any part.
PLAYS_DB, NOTHING_DB = -40.0, -70.0
#: The level of the whole is that of the frames within so much of the loudest.
SOUNDS_DB = -20.0


class Field:
    """Excitations of every part over time. Whatever the faders do, the whole is heard at `LISTENING_DB_SPL`.

    Where two channels receive a part differently, each is an ear's: the ear that hears it better counts.
    """

    def __init__(self, stems: Stems) -> None:
        self.stems, self.parts = stems, parts_of(stems)
        self.band_hz, self.frame_s = stems.band_hz, POOL * stems.frame_s
        self.frames = -(-len(stems.mix_power) // POOL)
        self.seconds = max(1, len(stems.mix_power) - 1) * stems.frame_s  # a frame is centred at either end
        self.cams = cams(self.band_hz).astype(np.float32)
        count = len(self.parts)
        self.kin: Mask = np.array([kin(a, b) for a in self.parts for b in self.parts]).reshape(count, count)
        power = np.asarray(stems.sum_power.sum(axis=1), dtype=np.float64)
        loud = power > power.max(initial=0.0) * from_power_db(SOUNDS_DB)
        level = float(power[loud].mean()) if loud.any() else 0.0
        self._kept: dict[int, Samples] = {}
        self._scale = from_power_db(LISTENING_DB_SPL) / max(level, 1e-20)

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Starts and ends of stretches of frames."""
        for start in range(0, self.frames, AT_ONCE):
            yield start, min(start + AT_ONCE, self.frames)

    def power(self, part: int, start: int, stop: int) -> Samples:
        """Power of one part at the ears re 0 dB SPL, shape (frames, ears, bands)."""
        out = np.zeros((stop - start, self.stems.channels, len(self.band_hz)), dtype=np.float32)
        for name in self.parts[part].stems:
            raw = self.stems.named(name).readings.gram.power[start * POOL : stop * POOL]
            whole = len(raw) // POOL
            out[:whole] += raw[: whole * POOL].reshape(-1, POOL, *raw.shape[1:]).mean(axis=1)
            if whole * POOL < len(raw):
                out[whole] += raw[whole * POOL :].mean(axis=0)
        return np.minimum(out, np.float32(1e30 / self._scale)) * np.float32(self._scale)

    @cached_property
    def level(self) -> Curve:
        """Power of every part over time re 0 dB SPL, shape (parts, frames)."""
        total = np.zeros((len(self.parts), self.frames))
        for start, stop in self.chunks():
            for k in range(len(self.parts)):
                total[k, start:stop] = self.power(k, start, stop).mean(axis=1).sum(axis=1)
        return total

    @cached_property
    def plays(self) -> Mask:
        """Whether each part plays, shape (parts, frames)."""
        own = self.level.max(axis=1, initial=0.0, keepdims=True) * from_power_db(PLAYS_DB)
        return np.asarray(self.level > np.maximum(own, self.level.max(initial=0.0) * from_power_db(NOTHING_DB)))

    def excitations(self, start: int, stop: int) -> Samples:
        """Of every part, shape (parts, frames, ears, bands)."""
        if start in self._kept:
            return self._kept[start]
        powers = np.stack([self.power(k, start, stop) for k in range(len(self.parts))])
        found = excitation(powers, powers.sum(axis=0), self.band_hz)
        if (len(self._kept) + 1) * found.nbytes <= KEPT_BYTES:
            self._kept[start] = found
        return found

    def excitation_of(self, part: int, start: int, stop: int, gain: Curve) -> Samples:
        """Of one part with its power changed by band; the spread stays that of the whole as it is."""
        powers = [self.power(k, start, stop) for k in range(len(self.parts))]
        return excitation(powers[part] * np.asarray(gain, dtype=np.float32), np.sum(powers, axis=0), self.band_hz)

    def rest(self, excitations: Samples, part: int) -> Samples:
        """What sounds beside a part and is not its own instrument, shape (frames, ears, bands)."""
        others = (~self.kin[part]).astype(np.float32)
        return np.asarray((others @ excitations.reshape(len(others), -1)).reshape(excitations.shape[1:]))

    def alone(self, signal: Samples) -> Samples:
        """Loudness by band of an excitation heard by itself, shape (frames, bands)."""
        return np.asarray(loudness(signal).max(axis=1) * self.cams)

    def beside(self, signal: Samples, rest: Samples) -> Samples:
        """Loudness by band of an excitation beside another in the better ear, shape (frames, bands)."""
        return np.asarray(partial_loudness(signal, rest).max(axis=1) * self.cams)

    def better_ear(self, signal: Samples, rest: Samples) -> tuple[Samples, Mask]:
        """The same, and whether the better ear is the second, shape (frames, bands)."""
        by_ear = partial_loudness(signal, rest)
        second = by_ear[:, -1] > by_ear[:, 0]
        return np.asarray(at_ear(by_ear, second) * self.cams), second


def at_ear(by_ear: Samples, second: Mask) -> Samples:
    """What is at the first or the second ear, shape (frames, bands)."""
    return np.asarray(np.where(second, by_ear[:, -1], by_ear[:, 0]))
