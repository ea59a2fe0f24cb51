"""What compiles the window's probe and host, and runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import pytest

from plugin_bridge.link import Instance
from render_tests.plugin_window.picture import Box, Picture, load

HERE = Path(__file__).parent
NATIVE = HERE.parents[1] / "plugin_bridge" / "native"
DPF = Path("/usr/share/dpf/distrho/src")
CONTROLS = ("genre", "reset", "report", "correct", "apply", "amount", "auto", "lines")


def compiled(source: str, target: Path, packages: list[str], *flags: str) -> Path:
    """A program of this folder; skips where what it needs is missing."""
    if not shutil.which("g++") or not shutil.which("pkg-config"):
        pytest.skip("needs g++ and pkg-config")
    asked = subprocess.run(["pkg-config", "--cflags", "--libs", *packages], capture_output=True, text=True, check=False)
    if asked.returncode:
        pytest.skip(f"needs {', '.join(packages)} to compile with")
    command = ["g++", "-std=c++17", "-O1", f"-I{NATIVE}", "-isystem", str(DPF), *flags, str(HERE / source)]
    subprocess.run([*command, "-o", str(target), *asked.stdout.split(), "-ldl"], check=True)
    return target


@dataclass(frozen=True)
class Probe:
    """The program that draws without a window."""

    program: Path
    folder: Path
    _drawn: list[int] = field(default_factory=list)

    def ask(self, *words: str) -> str:
        """What it prints; raises where it fails."""
        done = subprocess.run([str(self.program), *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def draw(self, width: int, height: int, *states: str, scale: float = 1.0) -> tuple[Picture, dict[str, Box]]:
        """A picture, and where its parts are."""
        self._drawn.append(0)
        path = self.folder / f"{len(self._drawn):02}-{width}x{height}.png"
        parts = boxes(self.ask("draw", str(path), str(width), str(height), str(scale), *states))
        return load(path), parts

    def boxes(self, width: int, height: int, scale: float = 1.0) -> dict[str, Box]:
        """Where the parts of a window are."""
        return boxes(self.ask("draw", str(self.folder / "boxes.png"), str(width), str(height), str(scale)))


def boxes(printed: str) -> dict[str, Box]:
    """Where the probe says things are; controls by their names."""
    made = {}
    for line in printed.splitlines():
        name, *numbers = line.split()
        if name.startswith("control"):
            name = CONTROLS[int(name[7:])]
        made[name] = Box(*map(float, numbers))
    return made


@contextmanager
def display(folder: Path) -> Iterator[str]:
    """An X display in memory; its name."""
    if not shutil.which("Xvfb"):
        pytest.skip("needs Xvfb")
    read, write = os.pipe()
    with (folder / "xvfb.log").open("w") as log:
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "2100x1400x24", "-nolisten", "tcp", "-noreset"]
        server = subprocess.Popen(command, pass_fds=[write], stdout=log, stderr=log)
    os.close(write)
    try:
        with os.fdopen(read) as told:
            number = told.readline().strip()
        if not number:
            pytest.skip(f"Xvfb does not start: {(folder / 'xvfb.log').read_text()[-200:]}")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)


class Editor:
    """The window, open in the host."""

    def __init__(
        self, host: Path, plugin: Path, folder: Path, environment: Mapping[str, str], scale: float = 1.0
    ) -> None:
        self._folder, self._shots = folder, 0
        self._process = subprocess.Popen(
            [str(host), str(plugin), str(scale)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        assert self._answer() == "open"

    def __enter__(self) -> Editor:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        code = self._process.wait(20)
        self._process.stdout.close()
        assert code == 0

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def say(self, line: str) -> str:
        """A command of host.cpp, and its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        assert answer, f"the host ended at '{line}'"
        return answer

    def click(self, box: Box, across: float = 0.5) -> None:
        """Click a part of the window."""
        self.say(f"move {round(box.x + across * box.w)} {box.middle[1]}")
        self.say("down")
        self.say("up")

    def value(self, parameter: int) -> float:
        """A parameter of the plugin."""
        return float(self.say(f"value {parameter}"))

    def events(self) -> list[str]:
        """What the host was sent of parameters since the last time."""
        return self.say("events").split()[1:]

    def shot(self) -> Picture:
        """What is on the screen."""
        self._shots += 1
        path = self._folder / f"screen-{self._shots:02}.png"
        self.say(f"shot {path}")
        return load(path)


@contextmanager
def beating(instance: Instance) -> Iterator[None]:
    """An engine that shows signs of life all the time."""
    instance.claim()
    over = threading.Event()

    def beat() -> None:
        while not over.wait(0.2):
            instance.beat()

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
