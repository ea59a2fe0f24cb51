"""ZIP archives of sessions, opened with suspicion: what one holds may come from anybody.

An archive is refused as a whole where it could harm (a bomb, a name outside the archive, a link) or cannot be read for
certain (encrypted, two files of one name, a table of contents that does not fit the file). Nothing is unpacked on the
way; files are read with a limit or written to a folder of the caller, one by one, under names made harmless.
"""

from __future__ import annotations

import re
import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final

from dsp.errors import InputError

#: Files in one archive: a song of some hundred tracks has a few thousand pieces of audio and states of plugins.
MOST_FILES: Final = 50_000
#: Deflate cannot pack tighter than 1032:1 (zlib, Technical details); silence comes near that, real sessions stay below
#: 10:1. So what unpacks to no more than this is never a bomb, and more may be this much larger than the archive.
HARMLESS_BYTES: Final = 1 << 30
MOST_RATIO: Final = 100.0
#: No session unpacks to more than this, whatever the archive's size.
MOST_BYTES: Final = 1 << 40
#: XML and states of plugins, read into memory: a piece that is larger than a megabyte packs at most so well.
SMALL_BYTES: Final = 1 << 20
MOST_TEXT_RATIO: Final = 200.0
#: Left free on the disk that files are unpacked to.
SPARE_BYTES: Final = 1 << 28
CHUNK: Final = 1 << 20
#: What `zipfile` raises for archives that are broken, beside its own error.
BROKEN: Final = (zipfile.BadZipFile, zlib.error, struct.error, ValueError, EOFError, OSError, NotImplementedError)
#: Bits of a file's flags: encrypted, strongly so, and with masked headers (PKWARE APPNOTE 4.4.4).
ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"
AGAIN: Final = "copy it or export it again"


class Archive:
    """An open archive; a context manager. Raises InputError where it is not safe or not whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._raw = open_input(path)
        try:
            self._zip = zipfile.ZipFile(self._raw)
            self.infos = self._zip.infolist()
            self.files = self._checked(self.infos, self._raw.seek(0, 2))
        except BROKEN as error:
            self._raw.close()
            raise _not_readable(path, error) from None
        except InputError:
            self._raw.close()
            raise
        self._exact = {info.filename: info for info in self.files}
        self._alike: dict[str, list[zipfile.ZipInfo]] = {}
        for info in self.files:
            self._alike.setdefault(_plain(info.filename), []).append(info)
        self._unpacked: dict[tuple[str, Path], Path] = {}
        self._taken: dict[Path, set[str]] = {}

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()
        self._raw.close()

    @property
    def comment(self) -> bytes:
        """The comment at the archive's end."""
        return self._zip.comment

    def find(self, name: str) -> str | None:
        """The file that a session calls so: slashes, case and Unicode form may differ; None where there is none."""
        if name in self._exact:
            return name
        alike = self._alike.get(_plain(name), [])
        return alike[0].filename if len(alike) == 1 else None

    def read(self, name: str, most: int) -> bytes:
        """A file of at most so many bytes. Raises InputError where it is larger, packed like a bomb or damaged."""
        info = self._exact[name]
        self._refuse_above(info.file_size, name, most)
        if info.file_size > max(SMALL_BYTES, MOST_TEXT_RATIO * info.compress_size):
            raise self._bomb(f"{name} unpacks to {info.file_size} from {info.compress_size} bytes")
        data = bytearray()
        for chunk in self._chunks(info):
            data += chunk
            self._refuse_above(len(data), name, most)
        return bytes(data)

    def extract(self, name: str, folder: Path) -> Path:
        """Write a file into a folder, once, under its own last name or one like it; gives where it is.

        Raises InputError where it is damaged or does not fit on the disk.
        """
        info, key = self._exact[name], (name, folder)
        if key in self._unpacked:
            return self._unpacked[key]
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < info.file_size + SPARE_BYTES:
            need = f"unpacking {name} needs {info.file_size / 1e9:.1f} GB"
            raise InputError(str(self.path), need, f"make room on the disk of {folder}")
        path = self._place(info, folder)
        if not path.exists():
            try:
                with path.open("xb") as file:
                    for chunk in self._chunks(info):
                        file.write(chunk)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        self._unpacked[key] = path
        return path

    def raw(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """The packed bytes of a file, as they lie in the archive."""
        self._raw.seek(info.header_offset)
        header = self._raw.read(30)
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise InputError(str(self.path), f"the header of {info.filename} is damaged", AGAIN)
        name, extra = struct.unpack("<HH", header[26:])
        self._raw.seek(name + extra, 1)
        left = info.compress_size
        while left:
            chunk = self._raw.read(min(left, CHUNK))
            if not chunk:
                raise InputError(str(self.path), f"{info.filename} is cut off", AGAIN)
            left -= len(chunk)
            yield chunk

    def _chunks(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        count = 0
        try:
            with self._zip.open(info) as file:
                while chunk := file.read(CHUNK):
                    count += len(chunk)
                    if count > info.file_size:
                        raise self._bomb(f"{info.filename} unpacks to more than it declares")
                    yield chunk
        except BROKEN as error:
            cause = f"{info.filename} in it is damaged ({_words(error)})"
            raise InputError(str(self.path), cause, AGAIN) from None
        if count != info.file_size:
            raise InputError(str(self.path), f"{info.filename} in it is cut off", AGAIN)

    def _place(self, info: zipfile.ZipInfo, folder: Path) -> Path:
        """A free path in a folder, or that of the same content."""
        stem, dot, ending = harmless(info.filename).rpartition(".")
        stem, ending = (stem, dot + ending) if dot else (ending, "")
        if folder not in self._taken:
            self._taken[folder] = {p.name.casefold() for p in folder.iterdir()}
        taken = self._taken[folder]
        for number in range(1, len(taken) + 2):
            path = folder / (f"{stem}{ending}" if number == 1 else f"{stem} ({number}){ending}")
            if path.name.casefold() not in taken or _same(path, info):
                taken.add(path.name.casefold())
                return path
        raise AssertionError("as many names as files, and one more")

    def _refuse_above(self, size: int, name: str, most: int) -> None:
        if size > most:
            cause = f"{name} in it is larger than {most >> 20} MB"
            raise InputError(str(self.path), cause, "export the session again; no DAW writes it so large")

    def _bomb(self, why: str) -> InputError:
        return InputError(str(self.path), f"is packed like a decompression bomb: {why}", "do not open it")

    def _checked(self, infos: list[zipfile.ZipInfo], file_bytes: int) -> list[zipfile.ZipInfo]:
        """The files among an archive's entries, if all of them are safe."""
        if len(infos) > MOST_FILES:
            raise self._bomb(f"it holds {len(infos)} files")
        names = set[str]()
        for info in infos:
            self._refuse_unsafe(info)
            if info.filename in names:
                raise InputError(str(self.path), f"holds two files called {info.filename}", AGAIN)
            names.add(info.filename)
        end = 0
        for info in sorted(infos, key=lambda i: i.header_offset):
            if info.header_offset < end:
                raise self._bomb(f"{info.filename} overlaps another file")
            end = info.header_offset + 30 + info.compress_size
            if end > file_bytes:
                raise InputError(str(self.path), f"{info.filename} in it is cut off", AGAIN)
        total = sum(i.file_size for i in infos)
        if total > HARMLESS_BYTES and (total > MOST_RATIO * file_bytes or total > MOST_BYTES):
            raise self._bomb(f"it unpacks to {total / 1e9:.1f} GB from {file_bytes / 1e6:.1f} MB")
        return [i for i in infos if not i.is_dir()]

    def _refuse_unsafe(self, info: zipfile.ZipInfo) -> None:
        name = info.filename
        parts = name.replace("\\", "/").split("/")
        why = ""
        if name.startswith(("/", "\\")) or ".." in parts or (len(name) > 1 and name[1] == ":"):
            why = f"names a file outside itself ({name})"
        elif info.create_system == 3 and stat.S_ISLNK(info.external_attr >> 16):
            why = f"holds a link to another file ({name})"
        elif info.flag_bits & ENCRYPTED:
            why = f"is encrypted ({name})"
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            why = f"is packed by a method sessions do not use ({name})"
        if why:
            raise InputError(str(self.path), why, "export the session again from the DAW")


def open_input(path: Path) -> BinaryIO:
    """A session file, opened. Raises InputError where there is none, or only the pointer Git LFS leaves for it."""
    try:
        if path.is_dir():
            raise InputError(str(path), "is a directory", "name the session file in it")
        if path.exists() and not path.is_file():  # opening a pipe would wait for ever
            raise InputError(str(path), "is not a regular file", "save the session to a file first")
        file = path.open("rb")
    except FileNotFoundError:
        raise InputError(str(path), "no such file", "check the path") from None
    except PermissionError:
        raise InputError(str(path), "no permission to read it", "change its permissions or copy it") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        raise InputError(str(path), f"it cannot be opened: {_words(error)}", "check the path") from None
    start = file.read(len(LFS_POINTER))
    file.seek(0)
    if start == LFS_POINTER:
        file.close()
        raise InputError(str(path), "is only the pointer that Git LFS leaves for a file", "fetch it with git lfs pull")
    if not start:
        file.close()
        raise InputError(str(path), "is empty", AGAIN)
    return file


def harmless(name: str) -> str:
    """The last part of a file's name with nothing in it that any system objects to; never empty."""
    last = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    plain = re.sub(r"[^\w .()+,=@\[\]-]", "_", last).strip(" .") or "file"
    stem, dot, ending = plain.rpartition(".")
    if not dot or len(ending) > 8:
        stem, dot, ending = plain, "", ""
    if re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", stem):
        stem = f"_{stem}"
    while len(stem.encode()) > 120:
        stem = stem[:-1]
    return f"{stem}{dot}{ending}"


def _plain(name: str) -> str:
    """A name as it is compared where it is not found as written."""
    parts = [p for p in name.replace("\\", "/").split("/") if p not in ("", ".")]
    return unicodedata.normalize("NFC", "/".join(parts)).casefold()


def _same(path: Path, info: zipfile.ZipInfo) -> bool:
    """Whether a path holds what the archive does, by its checksum."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size != info.file_size:
        return False
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            crc = zlib.crc32(chunk, crc)
    return crc == info.CRC


def _not_readable(path: Path, error: Exception) -> InputError:
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] == b"PK":
        return InputError(str(path), f"is a ZIP archive that is cut off or damaged ({_words(error)})", AGAIN)
    return InputError(str(path), "is no ZIP archive", "name a session that a DAW exported")


def _words(error: BaseException) -> str:
    """What an error says, in one short line."""
    return " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())[:120]
