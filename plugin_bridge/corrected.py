"""Corrected stems and their mix as files.

The mix with its stems corrected is the mix plus what the correction changes of the stems, at the gain of the bus: all
the bus did stays as it was, and a mix of which no stem is changed stays the same to the bit. What the bus did beyond
gain, polarity and delay is not done to the change: a limiter keeps its own moments.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from dsp.correction.correction import MIX, Move
from dsp.errors import InputError
from dsp.findings import DelayMove
from dsp.meters.base import HOPS_PER_BLOCK, hop_samples
from dsp.mix import Mix, Track, rows
from dsp.stems.alone import StemInput
from dsp.stems.model import Stem
from dsp.units import Samples, from_amplitude_db
from plugin_bridge.chain import chain
from plugin_bridge.files import open_audio
from plugin_bridge.stem_folder import Folder
from plugin_bridge.stem_worker import stem_blocks
from plugin_bridge.writer import depth_of, write_wav

#: The moves of every target that has some, by its name; `MIX` is the whole mix.
Moves: TypeAlias = Mapping[str, Sequence[Move]]
#: Files written at once.
THREADS: Final = 2
#: Depth of a mix that is made from stems: theirs, and never less than this.
LEAST_MIX_BITS: Final = 24


class Workshop:
    """A mix, its stems, and the files made of them in one folder, each version of them in a place of its own.

    `measured` is the uncorrected mix; `mix` its file, None where it is the sum of the stems.
    """

    def __init__(self, measured: Mix, mix: Path | None, folder: Path) -> None:
        self.measured, self.mix, self.folder = measured, mix, folder
        self.stems = measured.stems.stems if measured.stems else ()
        self._made: dict[tuple[str, tuple[Move, ...]], Path] = {}

    def render(self, moves: Moves, done: Callable[[], None] | None = None) -> tuple[Path | None, Folder | None]:
        """Write the stems that have moves, and the mix; `done` is told after every file.

        Returns what `measure_folder` takes: the mix is None where it is the sum of the stems. Raises OSError.
        """
        place = self._stems(moves, done)
        mix = None
        if self.mix is not None or moves.get(MIX):
            mix = place / "mix.wav"
            self.write_mix(mix, moves)
            if done:
                done()
        return mix, Folder(place, list(self.paths(moves).values())) if self.stems else None

    def _stems(self, moves: Moves, done: Callable[[], None] | None = None) -> Path:
        """Write the stems that have moves and are not written yet; returns the folder of this version."""
        place = self.folder / str(len(self._made))
        place.mkdir(parents=True, exist_ok=True)
        wanted = [s for s in self.stems if moves.get(s.name) and (s.name, tuple(moves[s.name])) not in self._made]
        with ThreadPoolExecutor(THREADS) as pool:
            for stem, path in zip(wanted, pool.map(partial(self._stem, moves, place), wanted), strict=True):
                self._made[stem.name, tuple(moves[stem.name])] = path
                if done:
                    done()
        return place

    def paths(self, moves: Moves) -> dict[str, Path]:
        """The file of every stem: its own where it is not changed. Those that are must have been rendered."""
        return {s.name: self._path(s, moves) for s in self.stems}

    def _path(self, stem: Stem, moves: Moves) -> Path:
        own = tuple(moves.get(stem.name, ()))
        return self._made[stem.name, own] if own else Path(stem.source.name)

    def write_mix(self, path: Path, moves: Moves) -> None:
        """Write the corrected mix; it is copied where nothing changes it."""
        source = self.measured.source
        if self.mix is not None and not any(moves.values()) and source.container == "WAV":
            shutil.copyfile(self.mix, path)
            return
        made_of = [source] if self.mix is not None else [s.source for s in self.stems]
        depth = max(depth_of(x) for x in made_of)
        if self.mix is None:
            depth = max(LEAST_MIX_BITS, depth)
        write_wav(path, partial(self.mix_blocks, moves), source.sample_rate, source.channels, depth)

    def deliver(self, moves: Moves, output: Path) -> None:
        """Write OUT/mix.wav and OUT/stems/NAME.wav, all of them; what is not changed is copied. Raises OSError."""
        output.mkdir(parents=True, exist_ok=True)
        self._stems(moves)
        self.write_mix(output / "mix.wav", moves)
        if self.stems:
            (output / "stems").mkdir()
        for stem in self.stems:
            own, target = self._path(stem, moves), output / "stems" / f"{stem.name}.wav"
            if own.is_relative_to(self.folder) or stem.source.container == "WAV":
                shutil.copyfile(own, target)
            else:
                self._write_stem(stem, (), target)

    def _stem(self, moves: Moves, place: Path, stem: Stem) -> Path:
        """Write one corrected stem, under the name of its file: measured again, it is called the same."""
        path = place / Path(stem.source.name).name
        self._write_stem(stem, moves[stem.name], path)
        return path

    def _write_stem(self, stem: Stem, moves: Sequence[Move], path: Path) -> None:
        """Write one stem with moves made, as a WAV of its own rate and depth."""
        rate = stem.resampled_from_hz or self.measured.source.sample_rate
        own = [replace(m, samples=m.samples * rate / stem.rate_hz) if isinstance(m, DelayMove) else m for m in moves]

        def blocks() -> Iterator[Samples]:
            with open_audio(stem.source.name) as reader:
                pieces = reader.blocks(HOPS_PER_BLOCK * hop_samples(rate))
                yield from chain(own, rate).process(_as_read(stem, pieces))

        write_wav(path, blocks, rate, stem.source.channels, depth_of(stem.source))

    def mix_blocks(self, moves: Moves) -> Iterator[Samples]:
        """The corrected mix; its stems must have been rendered."""
        rate = self.measured.source.sample_rate
        made = self._changed(moves) if self.mix is not None else self._summed(moves)
        return chain(moves.get(MIX, ()), rate).process(made)

    def _summed(self, moves: Moves) -> Iterator[Samples]:
        """The sum of the stems as they are now."""
        channels = self.measured.source.channels
        tracks = [self._track(s, self._path(s, moves)) for s in self.stems]
        for _, blocks, _ in rows(self._block, channels, None, tracks, []):
            yield _sum(blocks, channels)

    def _changed(self, moves: Moves) -> Iterator[Samples]:
        """The mix plus what has changed of its stems, in the time and at the gain of the bus."""
        assert self.mix is not None
        changed = [s for s in self.stems if moves.get(s.name)]
        channels, gain = self.measured.source.channels, np.float32(self._bus_gain)
        with open_audio(self.mix) as reader:
            mix = reader.blocks(self._block)
            if not changed:
                yield from mix
                return
            now = [self._track(s, self._path(s, moves), self._bus_delay) for s in changed]
            was = [self._track(s, Path(s.source.name), self._bus_delay) for s in changed]
            for own, blocks, _ in rows(self._block, channels, mix, [*now, *was], []):
                if own is None:  # the stems go on after the end of the mix
                    return
                change = _sum(blocks[: len(now)], channels) - _sum(blocks[len(now) :], channels)
                yield own + gain * change[:, : own.shape[1]]

    def _track(self, stem: Stem, path: Path, later: int = 0) -> Track:
        """A stem as it lies in the mix, or so many frames later, read from a file."""
        source, channels = stem.source, min(stem.source.channels, self.measured.source.channels)
        given = StemInput(
            stem.name, source, channels, offset_samples=stem.offset_samples + later, frames=stem.frames,
            resampled_from_hz=stem.resampled_from_hz,
        )  # fmt: skip
        return given, _as_read(stem, _read(path, self.measured.source.sample_rate, channels))

    @property
    def _block(self) -> int:
        return HOPS_PER_BLOCK * hop_samples(self.measured.source.sample_rate)

    @property
    def _bus_gain(self) -> float:
        """Gain and polarity of the bus."""
        bus = self.measured.stems.bus if self.measured.stems else None
        return bus.polarity * from_amplitude_db(bus.gain_db) if bus and bus.gain_db is not None else 1.0

    @property
    def _bus_delay(self) -> int:
        bus = self.measured.stems.bus if self.measured.stems else None
        return round(bus.delay_samples) if bus and bus.delay_samples is not None else 0


def _read(path: Path, sample_rate: int, channels: int) -> Iterator[Samples]:
    with open_audio(path) as reader:
        yield from stem_blocks(reader, sample_rate, channels)


def _as_read(stem: Stem, blocks: Iterable[Samples]) -> Iterator[Samples]:
    """The audio of a stem as far as it was measured: where it was found to break off, it does so again."""
    try:
        yield from blocks
    except InputError:
        if stem.source.partial is None:
            raise


def _sum(blocks: Sequence[Samples], channels: int) -> Samples:
    total = np.zeros((channels, blocks[0].shape[1]), np.float32)
    for block in blocks:
        total += block
    return total
