"""How plugins start their engine, compiled as the plugin is: a script stands for Python and says what it was told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plugin_bridge.native.places import engine_file

HERE = Path(__file__).parent / "launch"
NATIVE = Path(__file__).parent.parent / "plugin_bridge" / "native"

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("g++") is None, reason="needs g++ on a system with posix_spawn"
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("launch") / "launch"
    command = ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{NATIVE}", str(HERE / "launch.cpp")]
    subprocess.run([*command, "-o", str(made), "-lpthread"], check=True)
    return made


def started(program: Path, folder: Path, plugins: int, alive: bool) -> list[str]:
    """What the script was called with while so many plugins were open."""
    log = folder / "log"
    environment = {**os.environ, "HOME": str(folder), "LOG": str(log)}
    environment.pop("XDG_CONFIG_HOME", None)
    subprocess.run([str(program), str(plugins), str(int(alive))], env=environment, check=True, timeout=20)
    for _ in range(50):  # it is nobody's child: nobody waits for it
        if log.exists() or alive:
            break
        time.sleep(0.02)
    return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that says how the engine is started, and a script that it names."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    script = tmp_path / "a python"
    script.write_text('#!/bin/sh\necho "$@" >> "$LOG"\n')
    script.chmod(0o755)
    file = engine_file()
    file.parent.mkdir(parents=True)
    file.write_text(f"{script}\n")
    file.chmod(0o600)
    return file


def test_one_engine_is_started_for_all_plugins_of_a_process(program: Path, engine: Path, tmp_path: Path) -> None:
    assert started(program, tmp_path, 3, alive=False) == ["-m plugin_bridge.live"]


def test_none_is_started_while_one_is_heard(program: Path, engine: Path, tmp_path: Path) -> None:
    assert started(program, tmp_path, 2, alive=True) == []
    assert started(program, tmp_path, 0, alive=False) == []


def test_a_file_that_others_may_write_is_not_trusted(program: Path, engine: Path, tmp_path: Path) -> None:
    engine.chmod(0o620)
    assert started(program, tmp_path, 1, alive=False) == []
    engine.unlink()
    assert started(program, tmp_path, 1, alive=False) == []
