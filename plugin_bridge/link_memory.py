"""A link's file in memory: words, texts and slots that another process changes at the same time.

A word is read and written through a `memoryview` of native 64-bit integers, which is one aligned load or store of the
processor on every system with 64-bit words. x86-64 keeps the order of loads and the order of stores, and the one case
it does not keep (a store, then a load) matters nowhere here. arm64 keeps neither, and Python has no fences: `fence`
passes through a lock twice, so that nothing before the first release moves behind it and nothing after the second
acquisition moves before it.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.units import Samples
from plugin_bridge import link_layout as layout
from plugin_bridge.link_files import open_link

_BARRIER: Final = threading.Lock()
_INDEX: Final = {name: offset // 8 for name, offset in layout.WORDS.items()}
_VIEW_WORDS: Final = layout.VIEW.itemsize // 8
_TRIES: Final = 64


def fence() -> None:
    """No load or store passes this, in either direction."""
    with _BARRIER:
        pass
    with _BARRIER:
        pass


class Memory:
    """A mapped link. Raises RefusedError for a file that cannot be used."""

    def __init__(self, path: Path) -> None:
        file, self.header = open_link(path)
        try:
            self._map = mmap.mmap(file, int(self.header["file_bytes"]))
        finally:
            os.close(file)
        self.capacity, self.channels = int(self.header["audio_frames"]), int(self.header["channels"])
        self._bytes = memoryview(self._map)
        self._words = self._bytes.cast("Q")
        samples = np.frombuffer(self._map, np.float32, self.channels * self.capacity, layout.AUDIO_OFFSET)
        self._ring = samples.reshape(self.channels, self.capacity)
        self._records = np.frombuffer(self._map, layout.RECORD, layout.RECORDS, layout.RECORDS_OFFSET)

    @property
    def closed(self) -> bool:
        """Whether it was let go."""
        return self._map.closed

    def close(self) -> None:
        """Let go of the file; copies that were made stay."""
        if not self.closed:
            del self._ring, self._records
            self._words.release()
            self._bytes.release()
            self._map.close()

    def load(self, name: str) -> int:
        """A word of the header."""
        return self._words[_INDEX[name]]

    def store(self, name: str, value: int) -> None:
        """Set a word of the header."""
        self._words[_INDEX[name]] = value

    def record(self, index: int) -> np.void:
        """A copy of a record, by its number since the beginning."""
        copy: np.void = self._records[index % layout.RECORDS].copy()
        return copy

    def audio(self, at: int, frames: int, channels: int) -> Samples:
        """A copy of frames of the ring, by their number since the beginning."""
        start, channels = at % self.capacity, min(channels, self.channels)
        first = min(frames, self.capacity - start)
        audio = np.empty((channels, frames), np.float32)
        audio[:, :first] = self._ring[:channels, start : start + first]
        audio[:, first:] = self._ring[:channels, : frames - first]
        return audio

    def write_slot(self, count: int, words: npt.NDArray[np.uint64]) -> None:
        """Write publication `count` into the slot that is not the newest, and make it the newest."""
        at = _slot(count)
        sequence = self._words[at] | 1  # odd already where an engine ended in the middle of this
        self._words[at] = sequence
        fence()
        self._words[at + 1 : at + 1 + len(words)] = memoryview(words.data).cast("B").cast("Q")
        fence()
        self._words[at] = sequence + 1
        fence()
        self.store("published", count)

    def read_slot(self) -> npt.NDArray[np.uint64] | None:
        """A whole copy of the newest publication; None where there is none."""
        for _ in range(_TRIES):
            if (count := self.load("published")) == 0 or self.load("engine_layout") != layout.ENGINE_LAYOUT:
                return None
            at = _slot(count)
            for copy in self._whole(at, at + 1, _VIEW_WORDS):
                return np.frombuffer(copy, np.uint64)
        return None

    def genre(self) -> str:
        """The genre the plugin asks for."""
        for _ in range(_TRIES):
            for copy in self._whole(_INDEX["genre_sequence"], _INDEX["genre"], 4):
                return copy.split(b"\0", 1)[0].decode("utf-8", "ignore")
        return ""

    def _whole(self, sequence: int, at: int, words: int) -> Iterator[bytes]:
        """A copy of words that a sequence lock guards, if nobody wrote to them meanwhile."""
        fence()
        before = self._words[sequence]
        fence()
        copy = self._words[at : at + words].tobytes()
        fence()
        if before == self._words[sequence] and not before & 1:
            yield copy


def _slot(count: int) -> int:
    return (layout.RESULTS_OFFSET + (count & 1) * layout.SLOT_BYTES) // 8
