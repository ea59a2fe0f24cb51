"""WAV files in the depth of what they were made from."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pedalboard.io import AudioFile

from dsp.audio import Source
from dsp.units import Samples

#: Depths that are written: integers of 16 and 24 bits, and single precision.
FLOAT: Final = 32
#: Rounding to 16 bits is made inaudible by triangular noise of two steps (Lipshitz, Wannamaker and Vanderkooy 1992,
#: "Quantization and dither"); rounding to 24 bits lies under the noise of any converter.
DITHERED: Final = 16


@dataclass(frozen=True)
class Written:
    """A file that was written, its depth in bits (32: floating point), and its highest sample (linear)."""

    path: Path
    bit_depth: int
    peak: float


def depth_of(source: Source) -> int:
    """The depth that loses nothing of a file: 16 or 24 bits, else single precision."""
    if source.lossy or source.codec == "float" or source.bit_depth is None:
        return FLOAT
    return 16 if source.bit_depth <= 16 else 24 if source.bit_depth <= 24 else FLOAT


def write_wav(
    path: Path, made: Callable[[], Iterable[Samples]], sample_rate: int, channels: int, bit_depth: int
) -> Written:
    """Write float32 blocks of shape (channels, frames), the same every time they are `made`. Deterministic.

    Blocks that lie on the steps of 16 bits already, such as silence, are kept to the bit. What passes full scale, which
    integers cannot hold, is written in single precision. Raises OSError where the file cannot be written.
    """
    peak = _write(path, made(), sample_rate, channels, bit_depth)
    if bit_depth != FLOAT and peak > 1.0:
        peak, bit_depth = _write(path, made(), sample_rate, channels, FLOAT), FLOAT
    return Written(path, bit_depth, peak)


def convert_all(files: Sequence[Path], bit_depth: int, progress: Callable[[float], None]) -> None:
    """Write files again in another depth, in their places; what passes full scale stays in floating point.

    Raises OSError where one cannot be written.
    """
    for k, path in enumerate(files):
        wide = path.with_suffix(".float.wav")
        path.rename(wide)
        with AudioFile(str(wide)) as file:
            rate, channels = int(file.samplerate), file.num_channels

        def blocks(of: Path = wide) -> Iterator[Samples]:
            with AudioFile(str(of)) as file:
                while file.tell() < file.frames:
                    yield file.read(1 << 16)

        write_wav(path, blocks, rate, channels, bit_depth)
        wide.unlink()
        progress((k + 1) / len(files))


def _write(path: Path, blocks: Iterable[Samples], sample_rate: int, channels: int, bit_depth: int) -> float:
    """Write, and give the highest sample."""
    random, peak = np.random.default_rng(zlib.crc32(path.name.encode())), 0.0  # noise of its own for every name
    with path.open("wb") as raw, AudioFile(raw, "w", sample_rate, channels, bit_depth=bit_depth, format="wav") as file:
        for block in blocks:
            peak = max(peak, float(np.abs(block).max(initial=0.0)))
            if bit_depth == FLOAT:
                file.write(block)
                continue
            largest = 2.0 ** (bit_depth - 1)
            steps = block * np.float64(largest)
            if bit_depth <= DITHERED and not np.array_equal(steps, np.rint(steps)):
                steps += random.random(block.shape) - random.random(block.shape)
            whole = np.clip(np.rint(steps), -largest, largest - 1.0).astype(np.int32)
            file.write(whole << (32 - bit_depth))
    return peak
