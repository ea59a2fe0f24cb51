"""The plugin's end of the link, compiled for tests: as a library in this process, and as programs of their own."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from dsp.units import Samples
from plugin_bridge import link_layout as layout

HERE = Path(__file__).parent
NATIVE = HERE.parents[1] / "plugin_bridge" / "native"


@cache
def compiled(name: str, *flags: str) -> Path:
    """A program of this folder, compiled once for each state of its sources; skips where there is no compiler."""
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("there is no C++ compiler: install g++")
    sources = [HERE / f"{name}.cpp", HERE / "engine.hpp", *sorted(NATIVE.glob("link*.hpp"))]
    state = hashlib.sha256(b"\0".join([*(s.read_bytes() for s in sources), " ".join(flags).encode()])).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"mixdiagnose-tests-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    assert folder.stat().st_uid == os.geteuid()
    out = folder / f"{name}-{state}"
    if not out.exists():
        made = folder / f"{out.name}.{os.getpid()}"
        options = ["-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", f"-I{NATIVE}", "-pthread", *flags]
        run = subprocess.run(
            [compiler, *options, str(sources[0]), "-o", str(made)], capture_output=True, text=True, check=False
        )
        if run.returncode and "cannot find" in run.stderr and "san" in run.stderr:
            pytest.skip(f"this compiler has no runtime for {' '.join(flags)}: {run.stderr.splitlines()[-1]}")
        assert run.returncode == 0, run.stderr
        made.replace(out)
    return out


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(compiled("shim", "-shared", "-fPIC")))
    library.link_new.restype = ctypes.c_void_p
    for name in ("link_path", "link_fault"):
        getattr(library, name).restype = ctypes.c_char_p
    return library


class Plugin:
    """A `mixdiagnose::Link` in this process. A context manager."""

    def __init__(self) -> None:
        self._library = _library()
        self._link = ctypes.c_void_p(self._library.link_new())

    def __enter__(self) -> Plugin:
        return self

    def __exit__(self, *_: object) -> None:
        self._library.link_delete(self._link)

    def open(self, sample_rate: float, channels: int = 2, label: str = "") -> Path:
        """The path of the link; raises OSError with the reason where there is none."""
        if not self._library.link_open(self._link, ctypes.c_double(sample_rate), channels, label.encode()):
            raise OSError(self._library.link_fault(self._link).decode())
        return Path(self._library.link_path(self._link).decode())

    def close(self) -> None:
        self._library.link_close(self._link)

    def push(
        self,
        audio: Samples,
        playing: bool = True,
        looping: bool = False,
        position_s: float = 0.0,
        bpm: float = 120.0,
    ) -> None:
        samples = np.ascontiguousarray(audio, np.float32)
        numbers = ctypes.c_double(position_s), ctypes.c_double(bpm)
        pointer = ctypes.c_void_p(samples.ctypes.data)
        self._library.link_push(self._link, pointer, *samples.shape, int(playing), int(looping), *numbers)

    def results(self) -> np.void | None:
        """As `link_layout.RESULTS`; None where there are none."""
        return self._out("link_results", layout.RESULTS)

    def view(self) -> np.void | None:
        """As `link_layout.VIEW`; None where there are none."""
        return self._out("link_view", layout.VIEW)

    def alive(self) -> bool:
        return bool(self._library.link_alive(self._link))

    def watch(self, looks: int) -> int:
        return int(self._library.link_watch(self._link, ctypes.c_uint64(looks)))

    def ask(self, what: str) -> None:
        """`reset` or `report`."""
        getattr(self._library, f"link_{what}")(self._link)

    def choose_genre(self, name: str) -> None:
        self._library.link_genre(self._link, name.encode())

    def _out(self, function: str, kind: np.dtype[np.void]) -> np.void | None:
        out = np.zeros(1, kind)
        found = getattr(self._library, function)(self._link, ctypes.c_void_p(out.ctypes.data))
        return out[0] if found else None
