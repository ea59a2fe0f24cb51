"""Files of a DAWproject archive: copied packed as they are, replaced, or added."""

from __future__ import annotations

import copy
import os
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from dsp.errors import InputError, UsageError
from plugin_bridge.files import open_audio
from plugin_bridge.sessions.archive import Archive
from plugin_bridge.writer import FLOAT, depth_of, write_wav

_BLOCK = 1 << 16
#: The bit that says sizes stand after a file's data, and the tag of sizes beyond 4 GB (PKWARE APPNOTE 4.4.4, 4.5.3).
_SIZES_AFTER, _ZIP64 = 0x8, 1


@contextmanager
def beside(out: Path) -> Iterator[Path]:
    """A path to write to that becomes `out` at the end, or nothing where that fails."""
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        yield temporary
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)


def repack(source: Archive, out: Path, changed: Mapping[str, bytes], added: Mapping[str, Path]) -> None:
    """Write an archive again: `changed` files with new content, all others to the byte, then `added` ones unpacked.

    Raises OSError where it cannot be written, InputError where the source is damaged.
    """
    with beside(out) as path, path.open("xb") as raw, zipfile.ZipFile(raw, "w") as target:
        target.comment = source.comment
        for info in source.infos:
            if (data := changed.get(info.filename)) is None:
                _copy(source, info, target)
            else:
                entry = zipfile.ZipInfo(info.filename, info.date_time)
                entry.external_attr, entry.create_system = info.external_attr, info.create_system
                target.writestr(entry, data, info.compress_type)
        for name, file in added.items():
            target.write(file, name, zipfile.ZIP_STORED)


def _copy(source: Archive, info: zipfile.ZipInfo, target: zipfile.ZipFile) -> None:
    """One file, packed as it is."""
    assert target.fp is not None
    entry = copy.copy(info)
    entry.flag_bits &= ~_SIZES_AFTER
    entry.extra = _without(entry.extra, _ZIP64)
    target.fp.seek(target.start_dir)
    entry.header_offset = target.start_dir
    target.fp.write(entry.FileHeader())
    for chunk in source.raw(info):
        target.fp.write(chunk)
    target.filelist.append(entry)
    target.NameToInfo[entry.filename] = entry
    target.start_dir = target.fp.tell()
    target._didModify = True  # type: ignore[attr-defined]  # `zipfile` has no way to add what is packed already


def _without(extra: bytes, tag: int) -> bytes:
    """An entry's extra fields without those of a tag."""
    kept, at = b"", 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind != tag:
            kept += extra[at : at + 4 + size]
        at += 4 + size
    return kept


def inverted_copy(media: Path, out: Path) -> None:
    """Write audio upside down as WAV, exactly: in the depth of the source where that holds every sample, else float.

    Raises UsageError where the audio cannot be read.
    """
    try:
        with open_audio(media) as reader:
            source = reader.source

            def blocks() -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
                for block in reader.blocks(_BLOCK):
                    yield -block

            made: Callable[[], Iterator[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]] = blocks
            depth = depth_of(source)
            written = write_wav(out, made, source.sample_rate, source.channels, depth)
            if depth != FLOAT and written.peak >= 1.0:  # the lowest integer has no counterpart
                write_wav(out, made, source.sample_rate, source.channels, FLOAT)
    except InputError as error:
        raise UsageError(f"no copy of {media.name} with inverted polarity can be made: {error.cause}") from error
