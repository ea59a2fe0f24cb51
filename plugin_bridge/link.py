"""The engine's end of the link to the plugins: reads what they play, publishes what it found. See PROTOCOL.md.

One process reads (`Instance.read`), any number may look at what was published (`Instance.published`). Neither end locks
or waits: `link_memory` says how that is done from Python.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from dsp.units import Samples
from plugin_bridge import link_layout as layout
from plugin_bridge.link_files import (
    BEING_MADE,
    RefusedError,
    links,
    process_dead,
    process_start,
    remove_stale,
    runtime_directory,
)
from plugin_bridge.link_memory import Memory, fence
from plugin_bridge.link_results import Results, pack, unpack

IMPOSSIBLE: Final = "its indices are impossible"


@dataclass(frozen=True)
class Transport:
    """What the host said of its transport at a frame: position in seconds, tempo in beats per minute (0 if unknown)."""

    playing: bool = False
    looping: bool = False
    position_s: float = 0.0
    bpm: float = 0.0


@dataclass(frozen=True)
class Block:
    """Frames that were pushed one after the other, without any change between them.

    `audio` is float32 of shape (channels, frames), a copy; it has no frames where only something changed so far.
    `transport` and `sample_rate` hold at its first frame. Directly before that frame, `lost_frames` were lost;
    `transport_changed` and `format_changed` (rate or channels) say what else happened there.
    """

    audio: Samples
    sample_rate: float
    transport: Transport
    lost_frames: int
    transport_changed: bool
    format_changed: bool


@dataclass(frozen=True)
class Commands:
    """What was asked since the last call: begin anew, make a report (its count goes into `Results.report_answered`).

    `genre` is the one chosen, "" where the choice is the engine's.
    """

    reset: bool
    report: bool
    report_count: int
    genre: str


def scan(known: Collection[Path] = (), refused: Callable[[RefusedError], None] | None = None) -> list[Instance]:
    """Open the links of this user's plugins that are not among `known`, and remove those of dead processes.

    A file that cannot be used is given to `refused`. Raises InputError where the folder is not safe.
    """
    folder = runtime_directory()
    remove_stale(folder)
    found = []
    for path, _, _ in links(folder):
        if path not in known:
            try:
                found.append(Instance(path))
            except RefusedError as error:
                if refused is not None and error.cause != BEING_MADE:
                    refused(error)
    return found


class Instance:
    """One plugin in a host. A context manager; raises RefusedError for a file that cannot be used."""

    def __init__(self, path: Path) -> None:
        self._memory = memory = Memory(path)
        self.path, self.capacity = path, memory.capacity
        self.pid, self._start = int(memory.header["pid"]), int(memory.header["process_start"])
        self.label: str = memory.header["label"].decode("utf-8", "replace")
        self._read, self._read_records = memory.load("read_frames"), memory.load("read_records")
        self._state: np.void | None = memory.record(self._read_records - 1) if self._read_records else None
        self._skipped = 0
        self._claimed = False
        self._resets = memory.load("reset")
        self._reports: int | None = None

    def __enter__(self) -> Instance:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; the plugin keeps its end, and knows at once that the engine is gone."""
        if not self._memory.closed:
            if self._claimed:
                self._memory.store("heartbeat_ns", 0)
                self._memory.store("engine_pid", 0)
            self._memory.close()

    @property
    def closed(self) -> bool:
        """Whether the plugin is gone: removed, or its host ended. What it pushed can still be read."""
        return bool(self._memory.load("closed")) or process_dead(self.pid, self._start)

    @property
    def lost_frames(self) -> int:
        """Frames the plugin lost so far, also those after which nothing came."""
        return self._memory.load("lost_frames")

    @property
    def waiting_frames(self) -> int:
        """Frames that can be read now."""
        return self._memory.load("write_frames") - self._read

    @property
    def read_frames(self) -> int:
        """Frames read so far, by this engine and those before it."""
        return self._read

    @property
    def engine_alive(self) -> bool:
        """Whether an engine gave a sign of life in the last 2 s."""
        beat = self._memory.load("heartbeat_ns")
        return beat != 0 and time.monotonic_ns() - beat < layout.ALIVE_NS

    def claim(self) -> None:
        """Become the engine of this plugin. Raises RefusedError where another one that lives is."""
        pid, start = self._memory.load("engine_pid"), self._memory.load("engine_start")
        if pid not in (0, os.getpid()) and not process_dead(pid, start):
            raise RefusedError(self.path, f"process {pid} is its engine")
        self._memory.store("engine_start", process_start(os.getpid()))
        self._memory.store("engine_pid", os.getpid())
        self._memory.store("engine_layout", layout.ENGINE_LAYOUT)
        self._claimed = True
        self.beat()

    def beat(self) -> None:
        """A sign of life, at least once a second."""
        self._memory.store("heartbeat_ns", time.monotonic_ns())

    def read(self, max_frames: int) -> Block | None:
        """The next frames, at most `max_frames` and up to the next change; None where nothing is new.

        Raises RefusedError where the file's indices are impossible.
        """
        if not self._claimed:
            self.claim()
        written = self._memory.load("write_frames")
        fence()
        changed, lost, news, at_next = self._due(written)
        waiting, state, at = written - self._read, self._state, self._read
        if not 0 <= waiting <= self.capacity or (waiting and state is None):
            raise RefusedError(self.path, IMPOSSIBLE)
        frames = min(waiting, max_frames, at_next - at)
        if state is None or (frames <= 0 and not news):
            return None
        audio = self._memory.audio(at, frames, int(state["channels"]))
        self._advance(at + frames)
        lost, self._skipped = lost + self._skipped, 0
        transport_changed, format_changed = bool(changed & layout.TRANSPORT), bool(changed & layout.FORMAT)
        rate = float(state["sample_rate"])
        return Block(audio, rate, _transport(state, at), lost, transport_changed, format_changed)

    def skip(self) -> int:
        """Leave out what is waiting, and say how many frames that was; the next block counts them as lost."""
        written = self._memory.load("write_frames")
        frames = max(0, written - self._read)
        self._skipped += frames
        self._read = written
        self._memory.store("read_frames", written)
        return frames

    def publish(self, results: Results) -> None:
        """Give the plugin new results, and a sign of life. Raises UsageError for a band it does not have."""
        if not self._claimed:
            self.claim()
        count = self._memory.load("published") + 1
        self._memory.write_slot(count, pack(results, count))
        self.beat()

    def published(self) -> Results | None:
        """The newest results, whoever is the engine; None where there are none."""
        words = self._memory.read_slot()
        return None if words is None else unpack(words)

    def commands(self) -> Commands:
        """What was asked since the last call; a report that an engine before this one never made is asked again."""
        if self._reports is None:
            before = self.published()
            self._reports = before.report_answered if before else 0
        resets, reports = self._memory.load("reset"), self._memory.load("report")
        asked = Commands(resets != self._resets, reports != self._reports, reports, self._memory.genre())
        self._resets, self._reports = resets, reports
        return asked

    def _due(self, written: int) -> tuple[int, int, bool, int]:
        """Take up the records up to the next frame: their bits, what was lost, whether any, and where the next is."""
        count = self._memory.load("write_records")
        fence()
        if not 0 <= count - self._read_records < layout.RECORDS:
            raise RefusedError(self.path, IMPOSSIBLE)
        changed, lost, news = 0, 0, False
        for index in range(self._read_records, count):
            record = self._memory.record(index)
            if record["at_frame"] > self._read:
                return changed, lost, news, int(record["at_frame"])
            self._state, self._read_records, news = record, index + 1, True
            changed |= int(record["changed"])
            lost += int(record["lost_frames"])
        return changed, lost, news, written

    def _advance(self, read: int) -> None:
        """Give the room back.

        Frames before records: an engine that takes over may meet a record twice, and never misses one.
        """
        fence()
        self._read = read
        self._memory.store("read_frames", read)
        fence()
        self._memory.store("read_records", self._read_records)


def _transport(state: np.void, at: int) -> Transport:
    """The transport at a frame, from the record before it."""
    playing, rate = bool(state["flags"] & layout.PLAYING), float(state["sample_rate"])
    moved_s = (at - int(state["at_frame"])) / rate if playing and rate > 0 else 0.0
    looping = bool(state["flags"] & layout.LOOPING)
    return Transport(playing, looping, float(state["position_s"]) + moved_s, float(state["bpm"]))
