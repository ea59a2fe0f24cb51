"""A session to stems, buses and mix, through DawDreamer, in one pass over its channels.

Every channel is played once, those that feed it before it: clips, trim, inserts, fader, panner, sends
(`plugin_bridge.mixer.channel`). What leaves a channel is added to what it feeds, in single precision as DAWs do.

A stem is what a track adds to the input of the master: it has the gains of the buses on its way, not their devices. A
bus that things are sent to is a stem of its own, so that all stems together are that input wherever buses only add.
"""

from __future__ import annotations

import math
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
from pedalboard.io import AudioFile

from dsp.errors import InputError
from dsp.session import SessionFacts
from dsp.units import Samples
from plugin_bridge.mixer.channel import PIECE, Channel, Notes, Piece, plays
from plugin_bridge.mixer.fader import Fader, send_gains
from plugin_bridge.mixer.graph import Strip
from plugin_bridge.mixer.path import Way, own_gains
from plugin_bridge.mixer.placing import TrackAudio
from plugin_bridge.mixer.plugins import with_installed
from plugin_bridge.mixer.pool import Pool
from plugin_bridge.mixer.routing import route
from plugin_bridge.sessions.facts import facts_of
from plugin_bridge.sessions.model import Session, Track
from plugin_bridge.writer import FLOAT

#: A session that lasts longer is taken for a broken one.
MOST_S: Final = 12 * 3600.0
#: The file of what goes into the master.
MASTER_INPUT: Final = "master input.wav"
#: What is said of a session without audio, and what to do.
NO_AUDIO: Final = ("there is no audio in it, only MIDI or empty tracks", "freeze or bounce the instruments first")
#: Pieces of a file that may wait to be written.
PENDING: Final = 8
#: Called with the share of the work done, 0 to 1.
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Rendered:
    """What came of a session: files of 32-bit float at its rate, all of one length, and what was measured on the way.

    `mix` is what the master puts out, `master_input` what goes into it. `stems` and `buses` are by name.
    """

    session: Session
    mix: Path
    master_input: Path
    stems: dict[str, Path]
    buses: dict[str, Path]
    facts: SessionFacts
    frames: int

    @property
    def files(self) -> tuple[Path, ...]:
        """All files."""
        return (self.mix, self.master_input, *self.stems.values(), *self.buses.values())


def render(
    session: Session, folder: Path, *, pan_law: str | None = None, plugins: bool = True, buses: bool = True,
    even_silent: bool = False, progress: Progress | None = None,
) -> Rendered:  # fmt: skip
    """Render a session into a folder. With `pan_law` all panners follow it; without `plugins` none is hosted.

    A session of which nothing can be heard is rendered only if `even_silent`, for what it says besides. Raises
    InputError for one that is not, or in which nothing is, OSError where a file cannot be written.
    """
    length_s = session.end_s - session.start_s
    if not any(t.clips for t in session.channels):
        raise InputError(str(session.file), *NO_AUDIO)
    if not 0.0 < length_s <= MOST_S:
        cause = "there is nothing to play in it" if length_s <= 0 else f"it lasts {length_s / 3600.0:.0f} hours"
        raise InputError(str(session.file), cause, "check where its clips and its end marker are")
    if plugins:
        session = with_installed(session)
    with tempfile.TemporaryDirectory(prefix="mixdiagnose-") as scratch:
        return _Renderer(session, folder, Path(scratch), pan_law, buses, even_silent, progress).run()


@dataclass
class _Sum:
    """What goes into a channel from others, in a file: stereo float32, one value after the other."""

    path: Path
    frames: int

    def __post_init__(self) -> None:
        self._kept = np.memmap(self.path, np.float32, "w+", shape=(2, self.frames))

    def add(self, start: int, block: Samples) -> None:
        self._kept[:, start : start + block.shape[1]] += block

    def read(self, start: int, stop: int) -> Samples:
        return np.array(self._kept[:, start:stop])


@dataclass
class _Renderer:
    session: Session
    folder: Path
    scratch: Path
    law: str | None
    keep_buses: bool
    even_silent: bool
    progress: Progress | None
    notes: dict[str, Notes] = field(default_factory=dict)
    audio: dict[str, TrackAudio] = field(default_factory=dict)
    stems: dict[str, Path] = field(default_factory=dict)
    buses: dict[str, Path] = field(default_factory=dict)
    own_faders: dict[str, Fader] = field(default_factory=dict)

    def run(self) -> Rendered:
        session = self.session
        rate = session.sample_rate
        self.frames = math.floor((session.end_s - session.start_s) * rate + 0.5)
        self.names, self.routing = session.names, route(session)
        self.strip = Strip(rate)
        self.pool = Pool(rate, self.scratch)
        for track in session.channels:
            self.audio[track.id] = TrackAudio(track, self.pool, session.start_s)
        if not self.even_silent and not any(self.audio[t.id].sounding for t in self.routing.order):
            raise InputError(str(session.file), *self._silent())
        self.direct = {i: self._sum() for i in (*self.routing.fed_directly, session.master.id)}
        self.sent = {i: self._sum() for i in self.routing.fed_by_sends}
        self.left_out = {t.id for t in self.routing.order if self._dry(t)}
        self.folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(1) as self.writing, ThreadPoolExecutor(1) as self.reading:
            for k, track in enumerate(self.routing.order):
                self._track(track, k)
        mix = self.folder / "mix.wav"
        facts = facts_of(session, self.routing, self.audio, self.notes)
        return Rendered(session, mix, self.folder / MASTER_INPUT, self.stems, self.buses, facts, self.frames)

    def _silent(self) -> tuple[str, str]:
        """Why nothing can be played, and what to do."""
        offline = [p for a in self.audio.values() for p in a.placed if p.offline]
        if offline:
            first = offline[0]
            return (
                f"none of its audio can be played: {first.clip.media[0].name}: {first.offline}",
                "put the media beside the session, or name their folder with --allow-media",
            )
        if any(a.sounding for a in self.audio.values()):
            return "everything that has audio in it is muted or not connected to the master", "unmute a track"
        return NO_AUDIO

    def _dry(self, track: Track) -> bool:
        """Whether a return has lost its effect: what is sent there would come back dry, and twice."""
        return (
            track.id in self.routing.fed_by_sends
            and track.id not in self.routing.fed_directly
            and not self.audio[track.id].sounding
            and any(d.enabled and not plays(d) for d in track.inserts)
            and not any(d.enabled and d.installed for d in track.inserts)
        )

    def _sum(self) -> _Sum:
        return _Sum(Path(tempfile.mkstemp(".f32", "sum-", self.scratch)[1]), self.frames)

    def _fader(self, track: Track) -> Fader:
        return Fader(track, self.session, self.law)

    def _track(self, track: Track, k: int) -> None:
        """Play one channel and hand on what leaves it."""
        name, own = self.names[track.id], self.audio[track.id]
        direct, sent = self.direct.get(track.id), self.sent.get(track.id)

        def read(a: int, b: int) -> Samples:
            block = own.read(a, b)
            for fed in (direct, sent):
                if fed is not None:
                    block = block + (fed.read(a, b) if len(block) == 2 else fed.read(a, b).sum(axis=0, keepdims=True))
            files.write("in", block)
            return block

        channel = Channel(track, name, self._fader(track), self.strip)
        way, files = Way(self.session, self.routing, track, self.law), self._files(track, own)
        with files:
            for piece in channel.play(read, self.frames, self.reading):
                self._hand_on(track, piece)
                self._write(files, track, piece, way)
                if self.progress:
                    self.progress((k + min(1.0, (piece.start + PIECE) / self.frames)) / len(self.routing.order))
        self.notes[track.id] = channel.notes
        if track.id in self.left_out:
            why = "its effect is not installed here, and what is sent to it would come back dry"
            channel.notes.problems.append(f"'{name}' is left out: {why}")

    def _hand_on(self, track: Track, piece: Piece) -> None:
        """Add what leaves a channel to what it feeds."""
        if track.id in self.left_out:
            return
        if (target := self.direct.get(track.output or "")) and track.id != self.session.master.id and not track.muted:
            target.add(piece.start, piece.after)
        for send in self.routing.sends.get(track.id, ()):
            block = piece.before if send.pre else piece.after if send.panned else piece.faded
            law = "balance" if block is piece.after else self.law or track.pan_law
            self.sent[send.target].add(piece.start, self.strip.process(block, *send_gains(send, law, len(block) == 1)))

    def _files(self, track: Track, own: TrackAudio) -> _Files:
        """What is written of a channel."""
        name, session = self.names[track.id], self.session
        if track.id == session.master.id:
            paths = {"out": self.folder / "mix.wav", "in": self.folder / MASTER_INPUT}
            return _Files(session.sample_rate, paths, self.writing)
        paths = {}
        if track.kind != "track" and self.keep_buses:
            paths["out"] = self.buses[name] = self.folder / "buses" / f"{name}.wav"
        leads = Way(session, self.routing, track, self.law).open
        if leads and not track.muted and track.id not in self.left_out and (own.sounding or track.id in self.sent):
            paths["stem"] = self.stems[name] = self.folder / "stems" / f"{name}.wav"
        return _Files(session.sample_rate, paths, self.writing)

    def _write(self, files: _Files, track: Track, piece: Piece, way: Way) -> None:
        """Write one piece of every file of a channel."""
        files.write("out", piece.after)
        if "stem" in files.paths:
            block, a = piece.after, piece.start
            if track.id in self.direct:  # not what others feed into it, which are stems of their own
                block = self._own(track, a, a + block.shape[1])
            files.write("stem", block if way.plain else way.through(block, a, self.strip))

    def _own(self, track: Track, a: int, b: int) -> Samples:
        """Clips of a channel and what is sent to it, at its gains but without its devices."""
        block = self.audio[track.id].read(a, b)
        if (sent := self.sent.get(track.id)) is not None:
            block = block + sent.read(a, b)[: len(block)]
        if track.id not in self.own_faders:
            self.own_faders[track.id] = self._fader(track)
        return self.strip.process(block, *own_gains(track, self.own_faders[track.id], a, b))


class _Files(ExitStack):
    """WAV files in single precision, written piece by piece beside all else; leaving waits for them."""

    def __init__(self, rate_hz: int, paths: Mapping[str, Path], beside: Executor) -> None:
        super().__init__()
        self.paths, self._open = paths, dict[str, Any]()
        self._beside, self._pending, self._lock = beside, deque[Future[None]](), Lock()
        for kind, path in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open[kind] = self.enter_context(AudioFile(str(path), "w", rate_hz, 2, bit_depth=FLOAT))
        self.callback(self._drain, 0)  # the last to be entered is the first to be left

    def write(self, kind: str, block: Samples) -> None:
        """The next piece of a file, if there is one of that kind."""
        if kind in self._open:
            with self._lock:  # what goes into the master is written by who reads it
                self._pending.append(self._beside.submit(self._open[kind].write, block))
                self._drain(PENDING)

    def _drain(self, left: int) -> None:
        """Wait until no more than so many pieces are to be written. Raises what writing raised."""
        while len(self._pending) > left:
            self._pending.popleft().result()
