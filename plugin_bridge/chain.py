"""A target's moves as a `pedalboard.Pedalboard`, and audio through it: same length, same place in time.

Bands and what of a delay is less than a sample go into one impulse response for `pedalboard.Convolution`; gain and
polarity are plugins of their own, whole samples of delay a plain shift. pedalboard's own filters bend towards half the
sample rate; docs/adr/0011-equalisation-by-convolution.md compares.

The convolution in JUCE scales every response by its energy, so what it made of ours is measured and turned back. It
loses its memory where a block is longer than any before, so it is fed blocks of one length, whatever comes in, which
also makes the result independent of how the audio is cut up. Beyond two channels it would copy the first one: those
are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pedalboard
from pedalboard._pedalboard import Pedalboard  # the package does not declare it as exported

from dsp.correction.impulse import delay_samples, factor, impulse_response
from dsp.findings import DelayMove, EqMove, Fix
from dsp.units import Samples, amplitude_db

#: The board is fed this many frames at a time: the fastest for responses of all lengths.
BLOCK_FRAMES = 8192
#: More channels than these the convolution does not keep apart.
MOST_CHANNELS = 2


@dataclass(frozen=True)
class Chain:
    """All moves on one target.

    `board` has their effect but for the shift: it puts out everything `latency_samples` late, and whole samples of
    delay, `shift_samples`, are not in it. `process` mends both. One pass at a time: the board has a memory.
    """

    board: Pedalboard
    sample_rate: int
    latency_samples: int
    shift_samples: int

    def process(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        """Blocks of float32, shape (channels, frames), with the moves made: as many frames as come in, in other blocks.

        Earlier audio loses what falls off its start and ends in silence, later audio begins in silence and loses its
        end. Without moves the blocks are handed on as they are. Raises ValueError for more than two channels.
        """
        earlier = self.latency_samples - self.shift_samples
        if not len(self.board) and not earlier:
            yield from blocks
            return
        self.board.reset()
        yield from self._through(_later(blocks, -earlier) if earlier < 0 else blocks, max(0, earlier))

    def _through(self, blocks: Iterable[Samples], earlier: int) -> Iterator[Samples]:
        """Through the board in equal blocks, made earlier by a number of frames."""
        held: Samples | None = None
        taken, given = 0, -earlier
        for block in blocks:
            _check(block)
            held = block if held is None else np.concatenate((held, block), axis=1)
            taken += block.shape[1]
            while held.shape[1] >= BLOCK_FRAMES:
                out = self._run(held[:, :BLOCK_FRAMES])
                held = held[:, BLOCK_FRAMES:]
                if given + BLOCK_FRAMES > 0:
                    yield out[:, max(0, -given) :]
                given += BLOCK_FRAMES
        while held is not None and given < taken:
            out = self._run(np.pad(held, ((0, 0), (0, BLOCK_FRAMES - held.shape[1]))))
            held = held[:, :0]
            if given + BLOCK_FRAMES > 0:
                yield out[:, max(0, -given) : taken - given]
            given += BLOCK_FRAMES

    def _run(self, block: Samples) -> Samples:
        if not len(self.board):
            return block
        out: Samples = self.board.process(
            np.ascontiguousarray(block), self.sample_rate, buffer_size=BLOCK_FRAMES, reset=False
        )
        return out


def chain(moves: Sequence[Fix], sample_rate: int) -> Chain:
    """The chain of all moves, which are taken to be on one target; panning, devices and advice are no part of it.

    Raises ValueError for a band that does not fit the sample rate or does not exist.
    """
    delay = delay_samples(moves)
    shift = round(delay)
    shaping: list[Fix] = [m for m in moves if isinstance(m, EqMove) and not _is_flat(m)]
    if delay != shift:
        shaping.append(DelayMove("", delay - shift))
    plugins: list[pedalboard.Plugin] = []
    by, latency = factor(moves), 0
    if shaping:
        impulse = impulse_response(shaping, sample_rate)
        latency = impulse.origin
        convolution = _convolution(impulse.samples, sample_rate)
        plugins.append(convolution)
        by /= _gain_of(convolution, impulse.samples, sample_rate)
    if abs(by) != 1.0:
        plugins.append(pedalboard.Gain(amplitude_db(abs(by))))
    if by < 0.0:
        plugins.append(pedalboard.Invert())
    return Chain(Pedalboard(plugins), sample_rate, latency, shift)


def _is_flat(move: EqMove) -> bool:
    return move.gain_db == 0.0 and move.kind in ("bell", "low-shelf", "high-shelf")


def _convolution(samples: npt.NDArray[np.float64], sample_rate: int) -> pedalboard.Convolution:
    return pedalboard.Convolution(samples.astype(np.float32), mix=1.0, sample_rate=sample_rate)


def _gain_of(convolution: pedalboard.Convolution, samples: npt.NDArray[np.float64], sample_rate: int) -> float:
    """What the convolution multiplies its response by: an impulse is sent through it."""
    impulse = np.zeros((1, len(samples)), dtype=np.float32)
    impulse[0, 0] = 1.0
    out = convolution.process(impulse, sample_rate, buffer_size=BLOCK_FRAMES, reset=True)
    return float(np.dot(out[0].astype(np.float64), samples) / np.dot(samples, samples))


def _later(blocks: Iterable[Samples], frames: int) -> Iterator[Samples]:
    """The same number of frames in the same blocks, later."""
    held: Samples | None = None
    for block in blocks:
        silence = np.zeros((len(block), frames), dtype=np.float32) if held is None else held
        joined = np.concatenate((silence, block), axis=1)
        held = joined[:, block.shape[1] :]
        yield joined[:, : block.shape[1]]


def _check(block: Samples) -> None:
    if block.ndim != 2 or not 1 <= block.shape[0] <= MOST_CHANNELS or block.dtype != np.float32:
        raise ValueError(f"a chain takes float32 of shape (1 or 2, frames), not {block.dtype} of shape {block.shape}")
