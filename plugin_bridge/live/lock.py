"""One engine per user: a file that the running one keeps locked.

The system lets go of the lock with the process, however that ends. Windows is served by its documentation, untested.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType


class EngineLock:
    """The lock in a folder; `held` says whether this process has it. Used as `with EngineLock(folder) as lock`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "engine.lock"
        self._file = -1
        self.held = False

    def __enter__(self) -> EngineLock:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        self._file = os.open(self._path, flags, 0o600)
        self.held = _locked(self._file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)
        self.held = False


def _locked(file: int) -> bool:
    """Whether a file could be locked at once."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def engine_runs(folder: Path) -> bool:
    """Whether an engine holds the lock of a folder."""
    with EngineLock(folder) as lock:
        return not lock.held
