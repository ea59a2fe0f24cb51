"""Ardour 7 itself, driven without a screen, for tests.

Its exporter sometimes hangs, crashes, writes silence, or reports another latency than the time before (256 frames,
seldom 272), which moves automation: so it is watched, and an export can be had again.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from plugin_bridge.files import read_audio
from render_tests.ardour_build import Samples

LIBRARY: Final = Path("/usr/lib/ardour7")
EXPORTER: Final = LIBRARY / "utils" / "ardour7-export"
#: Why tests with Ardour are skipped; empty where it is there.
missing: Final = "" if EXPORTER.exists() else "Ardour 7 is not installed (apt-get install ardour)"


def environment(home: Path) -> dict[str, str]:
    """Where Ardour finds its parts, and a home of its own. Without SIMD, whose routines crash on some processors."""
    for folder in (".config/ardour7", ".cache/ardour7/vst"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    own = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return own | {
        "LD_LIBRARY_PATH": str(LIBRARY), "ARDOUR_DATA_PATH": "/usr/share/ardour7", "LC_ALL": "C.UTF-8",
        "ARDOUR_CONFIG_PATH": "/etc/ardour7", "ARDOUR_DLL_PATH": str(LIBRARY), "VAMP_PATH": str(LIBRARY / "vamp"),
        "ARDOUR_FPU_FLAGS": "0", "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
    }  # fmt: skip


def export(
    session: Path,
    out: Path,
    good: Callable[[Samples], bool] | None = None,
    attempts: int = 12,
    patience_s: float = 10.0,
) -> Samples:
    """The mix as Ardour exports it, float32 (channels, frames); started again where it writes nothing for `patience_s`.

    With `good` it is exported again until that is content; the last export is given where it never is. Raises
    RuntimeError where Ardour never exports anything but silence.
    """
    command = [str(EXPORTER), "-b", "float", "-o", str(out), str(session.parent), session.stem]
    last, said = None, ""
    for _ in range(attempts):
        out.unlink(missing_ok=True)
        code, said = _watched(command, out.parent / "home", out, patience_s)
        if code != 0 or not out.exists():
            continue
        mix = np.array(read_audio(out)[0].samples)
        if mix.any():
            last = mix
            if good is None or good(mix):
                break
    if last is None:
        raise RuntimeError(f"Ardour did not export {session.name} in {attempts} attempts: {said[-2000:]}")
    return last


def resaved(session: Path, name: str, folder: Path, attempts: int = 5) -> Path:
    """The session opened in Ardour and saved by it as a snapshot of that name. Raises RuntimeError."""
    script, made = folder / "resave.lua", session.with_name(f"{name}.ardour")
    script.write_text(
        'AudioEngine:set_backend("None (Dummy)", "Freewheel", "")\n'
        f'assert(load_session("{session.parent}", "{session.stem}"))\n'
        f'assert(Session:save_state("{name}", false, false, false, false, false) == 0)\n'
        'print("SAVED")\nclose_session()\nquit()\n',
        encoding="utf-8",
    )
    said = ""
    for _ in range(attempts):
        made.unlink(missing_ok=True)
        _, said = _watched([str(LIBRARY / "luasession"), str(script)], folder / "home", None)
        if "SAVED" in said and made.exists():
            return made
    raise RuntimeError(f"Ardour did not save {session.name}: {said[-2000:]}")


def _watched(command: Sequence[str], home: Path, out: Path | None, patience_s: float = 10.0) -> tuple[int | None, str]:
    """Exit code and what was printed; killed (None) when `out` has not grown for so long."""
    env = environment(home)
    with (home / "log.txt").open("w+b") as log:
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        size, since = -1, time.monotonic()
        try:
            while process.poll() is None and time.monotonic() - since < patience_s:
                now = out.stat().st_size if out is not None and out.exists() else -1
                if now != size:
                    size, since = now, time.monotonic()
                time.sleep(0.02)
            code = process.poll()
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        log.seek(0)
        return code, log.read().decode("utf-8", "replace")
