"""Where links are, whose they are, and which are refused: the counterpart of `native/link_os.hpp`.

Linux is tested; what is said of macOS and Windows follows their documentation and is untested.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np

from dsp.errors import InputError
from plugin_bridge import link_layout as layout

_NAME: Final = re.compile(r"(\d{1,20})-(\d{1,20})-(\d{1,20})\.link")
#: What is said of a file whose magic is not there yet.
BEING_MADE: Final = "it is still being made"


class RefusedError(InputError):
    """A file among the links that is not used; `cause` says why."""

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(
            str(path), cause, "it is left alone; update MixDiagnose and its plugin, and reopen the project"
        )


def runtime_directory() -> Path:
    """The user's folder of links, made if missing, mode 0700.

    Raises InputError where it belongs to another user or others can enter it.
    """
    candidates = list(_candidates())
    for folder in candidates:
        if _own(folder):
            return folder
    raise InputError(str(candidates[-1]), "not a folder of this user alone", "remove it, or set XDG_RUNTIME_DIR")


def _candidates() -> Iterator[Path]:
    if sys.platform == "win32":
        yield Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir())) / "MixDiagnose" / "run"
        return
    uid = os.geteuid()
    if sys.platform == "darwin":
        yield Path(os.environ.get("TMPDIR", "/tmp")) / "mixdiagnose"
    else:
        runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}")
        with suppress(OSError):
            if runtime.is_absolute() and runtime.is_dir() and runtime.stat().st_uid == uid:
                yield runtime / "mixdiagnose"
                return
        yield Path(f"/dev/shm/mixdiagnose-{uid}")
    yield Path("/tmp") / f"mixdiagnose-{uid}"


def _own(folder: Path) -> bool:
    """Whether a folder, made if missing, is the user's and nobody else's."""
    if sys.platform == "win32":
        folder.mkdir(parents=True, exist_ok=True)
        return True
    with suppress(FileExistsError):
        try:
            folder.mkdir(mode=0o700)
        except FileNotFoundError:
            return False
    with suppress(OSError):
        entry = folder.lstat()
        return stat.S_ISDIR(entry.st_mode) and entry.st_uid == os.geteuid() and not entry.st_mode & 0o077
    return False


def links(folder: Path) -> Iterator[tuple[Path, int, int]]:
    """Files that are named like a link: path, process, and when the process started."""
    with suppress(OSError):
        for name in sorted(os.listdir(folder)):
            if match := _NAME.fullmatch(name):
                yield folder / name, int(match[1]), int(match[2])


def process_start(pid: int) -> int:
    """When a process started, in ticks since the boot; 0 where that cannot be told."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    return int(text[text.rindex(b")") + 2 :].split()[19])


def process_dead(pid: int, start: int) -> bool:
    """Whether there is no such process, or another that got its number; what cannot be told is alive."""
    if not 0 < pid <= 0x7FFFFFFF:
        return True
    if sys.platform == "win32":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    now = process_start(pid)
    return start != 0 and now not in (0, start)


def remove_stale(folder: Path) -> list[Path]:
    """Remove links of dead processes; a lock that is held tells of one that cannot be seen from here."""
    gone = []
    for path, pid, start in links(folder):
        # Where a file in use cannot be removed (Windows), trying is safe.
        if sys.platform == "win32" or (process_dead(pid, start) and _unused(path)):
            with suppress(OSError):
                path.unlink()
                gone.append(path)
    return gone


def _unused(path: Path) -> bool:
    import fcntl

    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(file)
    return True


def open_link(path: Path) -> tuple[int, np.void]:
    """An open file and its header. Raises RefusedError for a stranger's, older, truncated or wrong file."""
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        file = os.open(path, flags | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise RefusedError(path, f"it cannot be opened ({error.strerror})") from None
    try:
        entry = os.fstat(file)
        if not stat.S_ISREG(entry.st_mode):
            raise RefusedError(path, "it is not a file")
        if sys.platform != "win32":
            if entry.st_uid != os.geteuid():
                raise RefusedError(path, "it is another user's")
            if entry.st_mode & 0o077 or entry.st_nlink != 1:
                raise RefusedError(path, "others can read or change it")
        data = os.read(file, layout.STATIC.itemsize)
        if not any(data[:8]):
            raise RefusedError(path, BEING_MADE)
        if entry.st_size < layout.HEADER_BYTES or len(data) < layout.STATIC.itemsize:
            raise RefusedError(path, "it is truncated")
        header: np.void = np.frombuffer(data, layout.STATIC)[0]
        match = _NAME.fullmatch(path.name)
        fault = header_fault(header, entry.st_size)
        if fault is None and match and (header["pid"], header["process_start"]) != (int(match[1]), int(match[2])):
            fault = "its name and its contents disagree"
        if fault is not None:
            raise RefusedError(path, fault)
    except BaseException:
        os.close(file)
        raise
    return file, header


def header_fault(header: np.void, size: int) -> str | None:
    """What is wrong with a header, if anything."""
    if header["magic"] != layout.MAGIC:
        return "it is not a link"
    if header["version"] != layout.VERSION:
        return "it is of another version"
    expected = {
        "header_bytes": layout.HEADER_BYTES,
        "record_bytes": layout.RECORD.itemsize,
        "slot_bytes": layout.SLOT_BYTES,
        "view_bytes": layout.VIEW.itemsize,
        "results_offset": layout.RESULTS_OFFSET,
        "records_offset": layout.RECORDS_OFFSET,
        "record_count": layout.RECORDS,
        "audio_offset": layout.AUDIO_OFFSET,
    }
    if any(header[name] != value for name, value in expected.items()):
        return "its layout is another"
    frames, channels = int(header["audio_frames"]), int(header["channels"])
    possible = layout.MIN_FRAMES <= frames <= layout.MAX_FRAMES and frames & (frames - 1) == 0
    if not (possible and 1 <= channels <= layout.MAX_CHANNELS):
        return "its ring has an impossible size"
    if header["file_bytes"] != layout.file_bytes(frames, channels):
        return "its layout is another"
    return None if size == header["file_bytes"] else "it is truncated"
