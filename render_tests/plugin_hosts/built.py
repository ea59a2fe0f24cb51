"""What the tests of the plugin compile, once per test session: the plugin, the hosts, the watcher."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from plugin_bridge.native.build import build, missing

DPF = Path("/usr/share/dpf/distrho")
HERE = Path(__file__).parent
#: A variable that names a folder where `make test` has compiled all of it beside the linters.
MADE = "MIXDIAGNOSE_TEST_PLUGIN"


@dataclass(frozen=True)
class Built:
    """Where things lie: plugins by format ("vst3", "clap-mono", ...), the host's and the watcher's libraries."""

    plugins: dict[str, Path]
    host: Path
    watch: Path

    def binary(self, kind: str) -> Path:
        """The library of a plugin."""
        path = self.plugins[kind]
        return next(path.rglob("*.so")) if path.is_dir() else path


def lacking() -> str:
    """What there is not to compile with; "" where all is there."""
    there = not missing() and DPF.is_dir() and shutil.which("g++") is not None
    return "" if there else "needs cmake, make, g++ and the Debian package dpf-source"


def compiled(folder: Path) -> Built:
    """Compiles all of it into a folder, where nobody has done so yet; others who ask meanwhile wait."""
    folder.mkdir(exist_ok=True)
    host, watch, done = folder / "host.so", folder / "watch.so", folder / "done"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.is_file():
            build(folder / "bin", jobs=2)
            _library("host.cpp", host)
            _library("watch.cpp", watch)
            done.touch()
    bundles = {p for p in (folder / "bin").iterdir() if p.name.startswith("MixDiagnose")}
    kinds = {b.suffix[1:] + ("-mono" if b.stem.endswith("Mono") else ""): b for b in bundles}
    return Built(kinds, host, watch)


def built(factory: pytest.TempPathFactory) -> Built:
    """The one of this test session, whichever worker comes first; skips where there is nothing to compile with."""
    if why := lacking():
        pytest.skip(why)
    if (made := os.environ.get(MADE)) and (Path(made) / "done").is_file():
        return compiled(Path(made))
    base = factory.getbasetemp()
    return compiled((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "plugin")


def main(arguments: list[str]) -> int:
    """Compile into a folder anew; what is missing is said by the tests."""
    folder = Path(arguments[0])
    shutil.rmtree(folder, ignore_errors=True)
    if not lacking():
        compiled(folder)
    return 0


def _library(source: str, target: Path) -> None:
    command = ["g++", "-std=c++17", "-O1", "-fPIC", "-shared", "-isystem", str(DPF / "src"), str(HERE / source)]
    subprocess.run([*command, "-o", str(target), "-ldl"], check=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
