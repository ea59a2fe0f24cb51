"""One channel of the mixer: what comes in through trim, inserts and fader, measured at every point on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dsp.session import DeviceFacts, Level
from dsp.units import Samples, amplitude_db
from plugin_bridge.mixer.devices import PLAYED
from plugin_bridge.mixer.fader import Fader
from plugin_bridge.mixer.graph import Strip, insert
from plugin_bridge.mixer.levels import LevelMeter
from plugin_bridge.sessions.model import Device, Track

#: Frames of a piece: small enough for the caches, large enough that calls do not count.
PIECE: Final = 1 << 17
#: Reads frames a to b of what comes in: float32 (1 or 2, frames).
Reader = Callable[[int, int], Samples]


@dataclass
class Notes:
    """What was found while a channel was played."""

    levels: list[Level] = field(default_factory=list)
    devices: list[DeviceFacts] = field(default_factory=list)
    mono: bool | None = None
    problems: list[str] = field(default_factory=list)


@dataclass
class Piece:
    """Frames from `start` on: what goes into the fader, what leaves it, what leaves the panner."""

    start: int
    before: Samples
    faded: Samples
    after: Samples


class Channel:
    """Plays one channel once."""

    def __init__(self, track: Track, name: str, fader: Fader, strip: Strip) -> None:
        self.track, self.notes = track, Notes()
        self._name, self._fader, self._strip = name, fader, strip
        self._rate, self._start = fader.rate_hz, fader.start_s

    def play(self, read: Reader, frames: int, beside: Executor) -> Iterator[Piece]:
        """Piece after piece, each next one read `beside`; `notes` are complete when all are taken."""
        meters = [self._meter("input", 0)]
        pieces = self._input(_ahead(read, frames, beside), meters[0])
        stage = 1
        for device in self.track.inserts:
            pieces = self._device(device, pieces, stage, meters)
            stage += 1
        fader = self._meter("fader", stage)
        post = self.track.post_inserts
        made = self._with_post_inserts(pieces, fader, meters) if any(map(plays, post)) else self._faded(pieces, fader)
        if not any(map(plays, post)):
            meters.append(fader)
            for k, device in enumerate(post):
                self._device(device, iter(()), stage + 1 + k, meters)
        yield from made
        self.notes.levels = [m.level() for m in meters]

    def _meter(self, at: str, stage: int) -> LevelMeter:
        return LevelMeter(at, stage, self._rate, self._start)

    def _input(self, given: Iterator[tuple[int, Samples]], meter: LevelMeter) -> Iterator[tuple[int, Samples]]:
        """What comes in, after trim and polarity."""
        track, same = self.track, True
        turn = [-1.0 if k < len(track.inverted) and track.inverted[k] else 1.0 for k in range(track.channels)]
        gains = np.array(turn, np.float32)[:, None] * np.float32(track.trim)
        plain = bool((gains == 1.0).all())
        for a, block in given:
            same = same and len(block) == 2 and np.array_equal(block[0], block[1])
            turned = block if plain else block * gains[: len(block)]
            meter.process(turned)
            yield a, turned
        self.notes.mono = same and meter.peak > 0.0 if track.channels == 2 else None

    def _device(
        self, device: Device, pieces: Iterator[tuple[int, Samples]], stage: int, meters: list[LevelMeter]
    ) -> Iterator[tuple[int, Samples]]:
        """The signal after a device; one that does nothing here hands it on."""
        reduction = None
        played = "missing" if device.enabled else "bypassed"
        if plays(device):
            whole = _joined(pieces)
            try:
                made, gain = insert(whole, device, self._rate)
                played = "hosted" if device.installed else "here"
                if gain is not None and gain.size:
                    reduction = max(0.0, -amplitude_db(max(float(gain.min()), 1e-9)))
            except RuntimeError as error:
                made = whole
                self.notes.problems.append(f"'{device.name}' on '{self._name}' could not be run: {error}")
            meters.append(self._meter(device.name, stage))
            pieces = _again(made, meters[-1])
        self.notes.devices.append(
            DeviceFacts(
                device.name, device.kind, device.enabled, played, stage, device.vendor, device.plugin_id,
                dict(device.parameters), reduction,
            )
        )  # fmt: skip
        return pieces

    def _faded(self, pieces: Iterator[tuple[int, Samples]], meter: LevelMeter) -> Iterator[Piece]:
        """Through fader and panner in one step; the signal between them only where a send wants it."""
        sent = any(not s.pre and not s.panned for s in self.track.sends)
        for a, block in pieces:
            b = a + block.shape[1]
            gain, (left, right) = self._fader.gain(a, b), self._fader.sides(a, b)
            plain = len(block) == 2 and not any(isinstance(g, np.ndarray) or g != 1.0 for g in (gain, left, right))
            after = block if plain else self._strip.process(block, gain * left, gain * right)
            meter.process(after)
            between = self._strip.process(block, gain, gain)[: len(block)] if sent else after
            yield Piece(a, block, between, after)

    def _with_post_inserts(
        self, pieces: Iterator[tuple[int, Samples]], meter: LevelMeter, meters: list[LevelMeter]
    ) -> Iterator[Piece]:
        """Through the fader, the devices after it, and the panner."""
        before = _joined(pieces)
        amped = np.empty_like(before)
        for a in range(0, before.shape[1], PIECE):
            block = before[:, a : a + PIECE]
            gain = self._fader.gain(a, a + block.shape[1])
            amped[:, a : a + PIECE] = self._strip.process(block, gain, gain)[: len(block)]
        meters.append(meter)
        pieces = _again(amped, meter)
        for k, device in enumerate(self.track.post_inserts):
            pieces = self._device(device, pieces, meter.stage + 1 + k, meters)
        for a, block in pieces:
            b = a + block.shape[1]
            yield Piece(a, before[:, a:b], block, self._strip.process(block, *self._fader.sides(a, b)))


def plays(device: Device) -> bool:
    """Whether a device does anything here: it is on, and it is one of ours or installed."""
    return device.enabled and (device.kind in PLAYED or device.installed is not None)


def _ahead(read: Reader, frames: int, beside: Executor) -> Iterator[tuple[int, Samples]]:
    """All pieces in order, one of them read ahead."""
    cuts = [(a, min(frames, a + PIECE)) for a in range(0, frames, PIECE)]
    coming = [beside.submit(read, *cuts[0])]
    for k, (a, _) in enumerate(cuts):
        block = coming.pop().result()
        if k + 1 < len(cuts):
            coming.append(beside.submit(read, *cuts[k + 1]))
        yield a, block


def _joined(pieces: Iterator[tuple[int, Samples]]) -> Samples:
    return np.concatenate([p for _, p in pieces], axis=1)


def _again(whole: Samples, meter: LevelMeter) -> Iterator[tuple[int, Samples]]:
    for a in range(0, whole.shape[1], PIECE):
        block = whole[:, a : a + PIECE]
        meter.process(block)
        yield a, block
