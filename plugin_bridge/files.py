"""Audio files as streams of float32 blocks: what they are is told by their content, never by their name.

Plain PCM is read here with numpy, exactly and without a decoder library; everything else goes through PyAV,
which is imported only then. Integers are scaled by 2^(1 - bits), so that full scale of every depth is 1.0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from dsp.audio import LAYOUTS, Audio, Source
from dsp.errors import InputError
from dsp.units import Samples
from plugin_bridge.containers import PcmStream, read_aiff, read_wave
from plugin_bridge.sniff import Kind, identify

#: Pieces of shape (channels, frames) in the sample type of the file; returns why reading stopped early.
Chunks = Generator[npt.NDArray[Any], None, str | None]
_WHOLE_FILE_BLOCK = 1 << 16


class AudioReader:
    """A file that can be read in blocks; a context manager. Made by `open_audio`."""

    def __init__(self, source: Source, frames: int | None, chunks: Callable[[int], Chunks]) -> None:
        self.source = source  #: `partial` is set when reading has ended and found that something is missing
        self.frames = frames  #: as declared by the file; None where it does not say
        self._chunks = chunks
        self._stream: Chunks | None = None

    def __enter__(self) -> AudioReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file. Blocks already handed out stay valid."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def blocks(self, frames: int) -> Iterator[Samples]:
        """All audio from the start: C-contiguous (channels, frames) blocks; only the last may be shorter.

        Each block is a new array. Raises InputError for a sample that is not a finite number.
        """
        if frames < 1:
            raise ValueError(f"expected blocks of at least one frame, got {frames}")
        self.close()
        stream = self._stream = self._chunks(frames)
        channels = self.source.channels
        block = np.empty((channels, frames), np.float32)
        filled = start = 0
        while True:
            try:
                chunk = next(stream)
            except StopIteration as end:
                reason: str | None = end.value
                break
            except OSError as error:
                cause = f"reading failed: {error.strerror or type(error).__name__}"
                raise InputError(self.source.name, cause, "copy it to a local disk") from error
            done = 0
            while done < chunk.shape[1]:
                count = min(frames - filled, chunk.shape[1] - done)
                _convert(chunk[:, done : done + count], block[:, filled : filled + count])
                done, filled = done + count, filled + count
                if filled == frames:
                    if chunk.dtype.kind == "f":
                        self._refuse_not_finite(block, start)
                    yield block
                    start, filled = start + frames, 0
                    block = np.empty((channels, frames), np.float32)
        if filled:
            last = np.ascontiguousarray(block[:, :filled])
            self._refuse_not_finite(last, start)
            yield last
        if reason is not None:
            self.source = replace(self.source, partial=reason)

    def _refuse_not_finite(self, block: Samples, start: int) -> None:
        flat = block.reshape(-1)
        with np.errstate(all="ignore"):
            energy = float(np.dot(flat, flat))  # one pass; not finite if any sample is not, or is beyond 1e19
        if math.isfinite(energy):
            return
        bad = ~np.isfinite(block)
        if not bad.any():
            return
        frame = int(bad.any(axis=0).argmax())
        channel = int(bad[:, frame].argmax())
        what = "NaN (not a number)" if np.isnan(block[channel, frame]) else "infinity"
        where = f"channel {channel + 1} ({LAYOUTS[self.source.layout][channel]})"
        when = f"{(start + frame) / self.source.sample_rate:.3f} s"
        raise InputError(
            self.source.name,
            f"the sample at {when} in {where} is {what}",
            "find the plug-in that makes it and export again",
        )


def open_audio(path: str | Path) -> AudioReader:
    """Open an audio file for measuring. Raises InputError, naming what is wrong and what to do about it."""
    name = str(path)
    file_path = Path(path)
    try:
        if file_path.is_dir():
            raise InputError(name, "is a directory", "name an audio file in it")
        if file_path.exists() and not file_path.is_file():  # opening a pipe would wait for ever
            raise InputError(name, "is not a regular file", "save the audio to a file first")
        with file_path.open("rb") as file:
            file_bytes = file.seek(0, 2)
            kind = identify(file, name, file_bytes)
            pcm = _pcm(file, name, file_bytes, kind)
    except FileNotFoundError:
        raise InputError(name, "no such file", "check the path") from None
    except PermissionError:
        raise InputError(name, "no permission to read it", "change its permissions or copy it") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        cause = getattr(error, "strerror", None) or str(error)
        raise InputError(name, f"it cannot be opened: {cause}", "check the path") from None
    if pcm is not None:
        return _pcm_reader(file_path, name, pcm)
    from plugin_bridge import files_av

    opened = files_av.open_stream(str(file_path), name, kind)
    return AudioReader(opened.source, opened.frames, lambda _: files_av.decode(opened))


class PcmFile:
    """Plain PCM that is read anywhere in the file. Made by `open_pcm`."""

    def __init__(self, path: Path, source: Source, pcm: PcmStream) -> None:
        self.source = source
        self.frames, self.channels = pcm.frames, len(pcm.order)  #: frames that are there
        promised = pcm.frames if pcm.declared_frames is None else pcm.declared_frames
        self.missing_frames = max(0, promised - pcm.frames)
        self._pcm = pcm
        self._bytes = np.memmap(path, np.uint8, "r", pcm.offset, (pcm.frames * pcm.frame_bytes,))

    def read(self, start: int, stop: int) -> Samples:
        """Frames from `start` to before `stop`, which must lie in the file: float32 (channels, frames)."""
        raw = self._bytes[start * self._pcm.frame_bytes : stop * self._pcm.frame_bytes]
        chunk = _unpack(raw, self._pcm)
        out = np.empty(chunk.shape, np.float32)
        _convert(chunk, out)
        return out


def open_pcm(path: Path) -> PcmFile | None:
    """A file of plain PCM; None where it has to be decoded. Raises InputError as `open_audio`."""
    open_audio(path).close()  # everything that can be wrong with it is found and said there
    with path.open("rb") as file:
        size = file.seek(0, 2)
        pcm = _pcm(file, str(path), size, identify(file, str(path), size))
    if pcm is None:
        return None
    return PcmFile(path, Source(str(path), pcm.container, pcm.codec, pcm.sample_rate, pcm.layout, pcm.bit_depth), pcm)


def read_audio(path: str | Path) -> tuple[Audio, Source]:
    """A whole file in memory: for short material."""
    with open_audio(path) as reader:
        blocks = list(reader.blocks(_WHOLE_FILE_BLOCK))
        return Audio(np.concatenate(blocks, axis=1), reader.source.sample_rate), reader.source


def _pcm(file: BinaryIO, name: str, file_bytes: int, kind: Kind) -> PcmStream | None:
    if kind.demuxer in ("wav", "w64"):
        return read_wave(file, name, file_bytes)
    return read_aiff(file, name, file_bytes) if kind.demuxer == "aiff" else None


def _pcm_reader(path: Path, name: str, pcm: PcmStream) -> AudioReader:
    if pcm.frames == 0:
        raise InputError(name, f"no audio samples follow its {pcm.container} header", "export it again")
    source = Source(name, pcm.container, pcm.codec, pcm.sample_rate, pcm.layout, pcm.bit_depth)
    declared = pcm.frames if pcm.declared_frames is None else pcm.declared_frames

    def chunks(frames: int) -> Chunks:
        position = 0
        with path.open("rb", buffering=0) as file:
            file.seek(pcm.offset)
            while position < pcm.frames:
                chunk = _unpack(file.read(min(frames, pcm.frames - position) * pcm.frame_bytes), pcm)
                if not chunk.shape[1]:
                    break
                position += chunk.shape[1]
                yield chunk
        if position < declared:
            ends, promised = position / pcm.sample_rate, declared / pcm.sample_rate
            return f"data ends at {ends:.1f} s of the {promised:.1f} s declared"
        return None

    return AudioReader(source, declared, chunks)


def _unpack(raw: bytes | npt.NDArray[np.uint8], pcm: PcmStream) -> npt.NDArray[Any]:
    """Stored bytes as (channels, frames) numbers; packed 24-bit integers become the top of 32-bit ones."""
    count = len(raw) // pcm.frame_bytes
    channels = len(pcm.order)
    if pcm.dtype[1:] == "i3":
        # Read each as four bytes, one of which belongs to its neighbour and is masked off.
        data = bytes(raw)
        padded = b"\0" + data if pcm.dtype[0] == "<" else data + b"\0"
        four = np.ndarray((channels, count), pcm.dtype[0] + "i4", padded, strides=(3, pcm.frame_bytes))
        samples: npt.NDArray[Any] = four & np.int32(-256)
    else:
        samples = np.frombuffer(raw, pcm.dtype, count * channels).reshape(count, channels).T
    in_order = pcm.order == tuple(range(channels))
    return samples if in_order else samples[list(pcm.order)]


def _convert(chunk: npt.NDArray[Any], out: Samples) -> None:
    """Numbers of any sample type as float32, full scale of integers being 1.0."""
    if chunk.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):  # found as infinity afterwards
            out[...] = chunk
        return
    scale = np.float32(2.0 ** (1 - 8 * chunk.dtype.itemsize))
    np.multiply(chunk, scale, out=out, dtype=np.float32, casting="unsafe")
    if chunk.dtype.kind == "u":
        out -= 1.0  # unsigned samples rest at half scale
