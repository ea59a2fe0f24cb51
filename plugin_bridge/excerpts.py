"""Before and after to listen to, at equal loudness: louder always sounds better."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from dsp.audio import loudness_weights
from dsp.meters.base import hop_samples
from dsp.meters.loudness import LoudnessMeter
from dsp.units import Samples, from_amplitude_db
from plugin_bridge.corrected import Workshop
from plugin_bridge.files import open_audio
from plugin_bridge.writer import write_wav

#: Length of the excerpts and of their fades (s).
LENGTH_S, FADE_S = 20.0, 0.02
#: Room above the louder of both, and their depth (bits).
PEAK: Final = from_amplitude_db(-1.0)
BITS: Final = 24


def write_excerpts(workshop: Workshop, mix: Path, folder: Path) -> tuple[Path, ...]:
    """The stretch of the corrected `mix` that changed most: before.wav and after.wav, of the same loudness.

    Both are only turned down, by as much as it takes to leave 1 dB above the higher peak. Raises OSError.
    """
    rate, layout = workshop.measured.source.sample_rate, workshop.measured.source.layout
    size = hop_samples(rate) * 100
    before, after = workshop.mix_blocks({}), _blocks(mix, size)
    start, length = _where(_cut(before, size), after, rate, size)
    folder.mkdir(parents=True, exist_ok=True)
    pair = [
        _between(_cut(workshop.mix_blocks({}), size), start, length),
        _between(_blocks(mix, size), start, length),
    ]
    levels = [_loudness(x, rate, layout) for x in pair]
    known = [x for x in levels if x is not None]
    gains = [from_amplitude_db(min(known) - x) if x is not None and len(known) == len(pair) else 1.0 for x in levels]
    peak = max(float(np.abs(x).max(initial=0.0)) * g for x, g in zip(pair, gains, strict=True))
    down = min(1.0, PEAK / peak) if peak > 0.0 else 1.0
    made = []
    for name, samples, gain in zip(("before", "after"), pair, gains, strict=True):
        path = folder / f"{name}.wav"
        faded = _faded(samples * np.float32(gain * down), rate)
        write_wav(path, partial(list, [faded]), rate, len(samples), BITS)
        made.append(path)
    return tuple(made)


def _blocks(path: Path, size: int) -> Iterator[Samples]:
    with open_audio(path) as reader:
        yield from reader.blocks(size)


def _cut(blocks: Iterable[Samples], size: int) -> Iterator[Samples]:
    """The same audio in blocks of one size, the last shorter."""
    held: Samples | None = None
    for block in blocks:
        held = block if held is None else np.concatenate([held, block], axis=1)
        while held.shape[1] >= size:
            yield held[:, :size]
            held = held[:, size:]
    if held is not None and held.shape[1]:
        yield held


def _where(before: Iterable[Samples], after: Iterable[Samples], rate: int, size: int) -> tuple[int, int]:
    """First frame and length of the stretch in which most of the difference lies, beside the levels of both."""
    rows = [
        (_power(a), _power(b), float(np.vdot(a[:, : b.shape[1]], b[:, : a.shape[1]])))
        for a, b in zip(before, after, strict=False)
    ]
    if not rows:
        return 0, 0
    one, other, both = np.array(rows).T
    gain = float(both.sum() / max(float(other.sum()), 1e-30))
    change = np.maximum(one - 2.0 * gain * both + gain * gain * other, 0.0)
    count = max(1, round(LENGTH_S * rate / size))
    sums = np.convolve(change, np.ones(min(count, len(change))), "valid")
    return int(sums.argmax()) * size, min(count, len(change)) * size


def _power(block: Samples) -> float:
    return float(np.vdot(block, block))


def _between(blocks: Iterable[Samples], start: int, length: int) -> Samples:
    kept, at = list[Samples](), 0
    for block in blocks:
        inside = block[:, max(0, start - at) : max(0, start + length - at)]
        if inside.shape[1]:
            kept.append(inside)
        at += block.shape[1]
        if at >= start + length:
            break
    return np.ascontiguousarray(np.concatenate(kept, axis=1)) if kept else np.zeros((1, 1), np.float32)


def _loudness(samples: Samples, rate: int, layout: str) -> float | None:
    meter = LoudnessMeter(rate, len(samples), loudness_weights(layout))
    meter.process(samples)
    return meter.finish().integrated_lufs


def _faded(samples: Samples, rate: int) -> Samples:
    count = min(round(FADE_S * rate), samples.shape[1] // 2)
    ramp = np.linspace(0.0, 1.0, count, dtype=np.float32)
    out = np.array(samples)
    out[:, :count] *= ramp
    out[:, out.shape[1] - count :] *= ramp[::-1]
    return out
