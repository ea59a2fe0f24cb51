"""The audio of a session's media at the session's rate, read anywhere.

Plain PCM at that rate is read from the file itself; all else is decoded, converted (soxr, very high quality) and kept
once, in a temporary file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import soxr

from dsp.audio import Source
from dsp.errors import InputError
from dsp.units import Samples
from plugin_bridge.files import open_audio, open_pcm
from plugin_bridge.sessions.model import Media

#: Frames decoded at a time.
BLOCK: Final = 1 << 16


class Audio(Protocol):
    """Audio at the rate of the session."""

    @property
    def frames(self) -> int: ...  # noqa: D102

    @property
    def channels(self) -> int: ...  # noqa: D102

    def read(self, start: int, stop: int) -> Samples:
        """Frames that lie in it: float32 (channels, frames)."""


@dataclass
class Take:
    """What is there to play of one medium."""

    source: Source | None
    audio: Audio | None
    offline: str = ""  #: why there is nothing
    partial: str = ""  #: what is missing of it


class _Decoded:
    """Float32 frames in a temporary file, channels interleaved."""

    def __init__(self, path: Path, channels: int, frames: int) -> None:
        self.frames, self.channels = frames, channels
        self._kept = np.memmap(path, np.float32, "r", shape=(frames, channels))

    def read(self, start: int, stop: int) -> Samples:
        return np.ascontiguousarray(self._kept[start:stop].T)


@dataclass
class Pool:
    """All media of a session, each opened once for every rate it is played at; `folder` holds what is decoded."""

    rate_hz: int
    folder: Path
    _takes: dict[tuple[Path, float, bool], Take] = field(default_factory=dict)

    def take(self, media: Media, rate: float = 1.0, pitch_kept: bool = False) -> Take:
        """The medium, played at a rate of its own."""
        if media.file is None:
            return Take(None, None, offline=media.why or "the file is missing")
        key = (media.file, rate, pitch_kept)
        if key not in self._takes:
            self._takes[key] = self._opened(media.file, rate, pitch_kept)
        return self._takes[key]

    def _opened(self, file: Path, rate: float, pitch_kept: bool) -> Take:
        try:
            pcm = open_pcm(file)
        except InputError as error:
            return Take(None, None, offline=f"{error.cause}; {error.remedy}")
        if pcm is not None and pcm.source.sample_rate == self.rate_hz and rate == 1.0:
            partial = ""
            if pcm.missing_frames:
                has, promised = (n / self.rate_hz for n in (pcm.frames, pcm.frames + pcm.missing_frames))
                partial = f"data ends at {has:.1f} s of the {promised:.1f} s declared"
            return Take(pcm.source, pcm, partial=partial)
        return self._decoded(file, rate, pitch_kept)

    def _decoded(self, file: Path, rate: float, pitch_kept: bool) -> Take:
        partial = ""
        with open_audio(file) as reader:
            source = reader.source
            path = Path(tempfile.mkstemp(".f32", "media-", self.folder)[1])
            with path.open("wb") as kept:
                try:
                    for block in self._converted(reader.blocks(BLOCK), source, rate, pitch_kept):
                        kept.write(np.ascontiguousarray(block, np.float32).tobytes())
                except InputError as error:
                    partial = error.cause
            partial = partial or reader.source.partial or ""
        frames = path.stat().st_size // (4 * source.channels)
        if not frames:
            with suppress(OSError):
                path.unlink()
            return Take(source, None, offline=partial or "it holds no audio")
        return Take(source, _Decoded(path, source.channels, frames), partial=partial)

    def _converted(self, blocks: Iterator[Samples], source: Source, rate: float, pitch_kept: bool) -> Iterator[Samples]:
        """Interleaved blocks at the session's rate, shape (frames, channels)."""
        if pitch_kept and rate != 1.0:
            from pedalboard import time_stretch

            whole = np.concatenate(list(blocks), axis=1)
            blocks, rate = iter([time_stretch(whole, source.sample_rate, rate)]), 1.0
        given = source.sample_rate * rate
        if given == self.rate_hz:
            yield from (b.T for b in blocks)
            return
        stream = soxr.ResampleStream(given, self.rate_hz, source.channels, dtype="float32", quality="VHQ")
        for block in blocks:
            yield stream.resample_chunk(np.ascontiguousarray(block.T))
        yield stream.resample_chunk(np.zeros((0, source.channels), np.float32), last=True)
