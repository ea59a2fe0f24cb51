"""A second process that measures every stem alone while the first measures them together.

Half of what is measured of a stem needs no other track. Threads of one interpreter hardly share such work, as the many
small steps of it hold its lock; two processes do. Run as a module it reads jobs from its standard input and writes
their readings to its standard output, one after the other.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dsp.errors import InputError
from dsp.meters.base import HOPS_PER_BLOCK, hop_samples
from dsp.mix import rows
from dsp.stems.alone import Alone, AloneMeters, StemInput
from dsp.units import Samples
from plugin_bridge.files import AudioReader, open_audio

#: What glibc reads at its start: keep what is freed, as the same arrays are wanted again for every half second.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(1 << 28), "MALLOC_MMAP_THRESHOLD_": str(1 << 26)}
#: Less audio than this (s, all stems together) is measured before another process has started.
LEAST_S = 120.0


@dataclass(frozen=True)
class Job:
    """A stem to measure: its file, its place, the rate and the length of the mix."""

    path: Path
    stem: StemInput
    sample_rate: int
    frames: int
    expected_s: float


def stem_blocks(reader: AudioReader, sample_rate: int, channels: int) -> Iterator[Samples]:
    """The audio of a stem in the rate and the channels of its mix, in blocks of half a second.

    Raises InputError for what cannot be read in the middle.
    """
    for block in _at_rate(reader, sample_rate, HOPS_PER_BLOCK * hop_samples(sample_rate)):
        yield np.ascontiguousarray(block.mean(axis=0, keepdims=True)) if channels < block.shape[0] else block


def measured_alone(job: Job) -> Alone:
    """Everything of one stem that needs no other; a file that breaks off is followed by silence."""
    meters, channels, done = AloneMeters(job.stem, job.sample_rate, job.expected_s), job.stem.channels, 0
    size = HOPS_PER_BLOCK * hop_samples(job.sample_rate)

    def until_it_breaks(reader: AudioReader) -> Iterator[Samples]:
        try:
            yield from stem_blocks(reader, job.sample_rate, channels)
        except InputError:
            return

    with open_audio(job.path) as reader:
        for _, (block,), _ in rows(size, channels, None, [(job.stem, until_it_breaks(reader))], []):
            kept = block[:, : job.frames - done]
            meters.process(kept)
            done += kept.shape[1]
    while done < job.frames:
        silence = np.zeros((channels, min(size, job.frames - done)), np.float32)
        meters.process(silence)
        done += silence.shape[1]
    return meters.finish()


class Elsewhere:
    """Jobs given to another process; a context manager. What it does not deliver is measured here.

    `known` is what is known already of other stems, as long as the mix.
    """

    def __init__(self, jobs: Sequence[Job], known: Mapping[str, Alone] | None = None) -> None:
        self._jobs, self._known, self._done = jobs, dict(known or {}), dict[str, Alone]()
        environment = {**os.environ, **KEEP_MEMORY, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=environment,
        )  # fmt: skip
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def __enter__(self) -> Elsewhere:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reading.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe and not pipe.closed:
                pipe.close()

    def _read(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            with self._process.stdin as jobs:
                pickle.dump(self._jobs, jobs)
            for job in self._jobs:
                self._done[job.stem.name] = pickle.load(self._process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            return  # it has ended before its time: see `readings`

    def readings(self, frames: int) -> dict[str, Alone]:
        """What was measured of every stem, by name; measured again here where the mix is of another length."""
        self._reading.join()
        done = dict(self._known)
        for job in self._jobs:
            found = self._done.pop(job.stem.name, None)
            if found is None or found.level.frames != frames:
                found = measured_alone(replace(job, frames=frames))
            done[job.stem.name] = found
        return done


def worth_it(jobs: Sequence[Job]) -> bool:
    """Whether another process pays: enough to do, a second processor, an interpreter, lengths that are known."""
    seconds = sum(j.frames / j.sample_rate for j in jobs)
    known = all(not j.stem.source.lossy and j.stem.resampled_from_hz is None for j in jobs)
    return known and seconds >= LEAST_S and (os.cpu_count() or 1) > 1 and not getattr(sys, "frozen", False)


def _at_rate(reader: AudioReader, rate: int, block: int) -> Iterator[Samples]:
    """Blocks of `block` frames at a rate, converted where the file has another."""
    own = reader.source
    if own.sample_rate == rate:
        yield from reader.blocks(block)
        return
    from plugin_bridge.coders import Resampler

    resampler = Resampler(own.sample_rate, rate, own.channels)

    def pieces() -> Iterator[Samples]:
        for each in reader.blocks(HOPS_PER_BLOCK * hop_samples(own.sample_rate)):
            yield from resampler.process(each)
        yield from resampler.finish()

    held = np.zeros((own.channels, 0), dtype=np.float32)
    for piece in pieces():
        held = np.concatenate([held, piece], axis=1)
        while held.shape[1] >= block:
            yield np.ascontiguousarray(held[:, :block])
            held = held[:, block:]
    if held.shape[1]:
        yield np.ascontiguousarray(held)


def main() -> None:
    """Measure the jobs that come in."""
    jobs: Sequence[Job] = pickle.load(sys.stdin.buffer)
    for job in jobs:
        pickle.dump(measured_alone(job), sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
