"""The link between processes: a bounce at fifty times real time, and either side killed at any moment."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin_bridge.link import Instance, scan
from plugin_bridge.link_results import Results
from tests.link import Plugin, compiled

RATE = 48_000
MODULUS = 1 << 24

# An engine in a process of its own: it reads and publishes until it is killed.
ENGINE = """
import sys
from pathlib import Path
from plugin_bridge.link import Instance
from plugin_bridge.link_results import Results
instance = Instance(Path(sys.argv[1]))
while True:
    block = instance.read(1000)
    instance.publish(Results(momentary_lufs=-20.0, integrated_lufs=-20.0))
    if instance.read_frames > 5000:
        print(flush=True)
"""


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "mixdiagnose"


@contextlib.contextmanager
def playing(speed: float, seconds: float, frames: int = 512) -> Iterator[tuple[subprocess.Popen[str], Instance]]:
    """A plugin in a process of its own that starts to play when it gets a line."""
    command = [str(compiled("producer")), str(RATE), str(speed), str(seconds), str(frames)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            with Instance(Path(process.stdout.readline().strip())) as instance:
                process.stdin.write("\n")
                process.stdin.flush()
                yield process, instance
        finally:
            process.kill()


def expected(start: int, frames: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return (np.arange(start, start + frames) % MODULUS).astype(np.float32)


def drain(instance: Instance, start: int, most: int = RATE) -> int:
    """Read what is there, hold it against the ramp from `start` on, and say where that ended."""
    while (block := instance.read(most)) is not None:
        start += block.lost_frames
        assert np.array_equal(block.audio[0], expected(start, block.audio.shape[1]))
        assert np.array_equal(block.audio[1], -block.audio[0])
        assert block.transport.position_s == pytest.approx(start / RATE, abs=1.01e-3)
        start += block.audio.shape[1]
    return start


def test_nothing_is_lost_at_fifty_times_real_time() -> None:
    """With a reader that comes back in time: where the machine stopped it for longer, it tries again."""
    seconds = 100
    for _ in range(5):
        with playing(50.0, seconds) as (_, instance):
            at, longest_s, last_s = 0, 0.0, time.monotonic()
            while at < seconds * RATE and longest_s < 0.3:
                at = drain(instance, at)
                instance.publish(Results())
                time.sleep(0.002)
                longest_s, last_s = max(longest_s, time.monotonic() - last_s), time.monotonic()
            if longest_s < 0.3:
                assert instance.lost_frames == 0
                return
    pytest.skip("this machine stops a process for 0.3 s at a time")


def test_what_a_late_engine_misses_is_counted_to_the_frame() -> None:
    with playing(1e9, 60.0) as (process, instance):
        assert process.stdout
        pushed = int(process.stdout.readline())
        lost = instance.lost_frames
        assert pushed == 60 * RATE
        assert lost >= pushed - instance.capacity
        assert drain(instance, 0) == pushed - lost


@pytest.mark.parametrize("after_s", [0.01, 0.05, 0.2])
def test_a_host_that_is_killed_leaves_what_it_played_and_its_file_goes(after_s: float, runtime: Path) -> None:
    with playing(20.0, 1e6, 64) as (process, instance):
        while instance.waiting_frames == 0:
            time.sleep(0.001)
        time.sleep(after_s)
        closed = [instance.closed]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        closed.append(instance.closed)
        assert closed == [False, True]
        assert instance.path.exists()
        assert drain(instance, 0) > 0
        assert scan() == []
        assert list(runtime.iterdir()) == []
        assert instance.read(1) is None  # still mapped


def test_a_new_plugin_removes_what_a_killed_host_left(runtime: Path) -> None:
    with playing(20.0, 1e6) as (process, _):
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with Plugin() as plugin:
            path = plugin.open(1_000.0)
            assert list(runtime.iterdir()) == [path]


def test_a_plugin_that_ends_takes_its_file_along(runtime: Path) -> None:
    with playing(50.0, 1.0) as (process, instance):
        assert process.stdout
        process.stdout.readline()
        process.communicate("")
        assert process.returncode == 0
        assert instance.closed
        assert list(runtime.iterdir()) == []
        assert drain(instance, 0) == RATE  # what it pushed last is not lost


def test_an_engine_that_is_killed_stops_nothing_and_another_takes_over() -> None:
    with Plugin() as plugin:
        path = plugin.open(RATE)
        pushed = read = 0

        def push() -> None:
            nonlocal pushed
            ramp = expected(pushed, 512)
            plugin.push(np.stack([ramp, -ramp]), position_s=pushed / RATE)
            pushed += 512

        for _ in range(4):
            engine = subprocess.Popen([sys.executable, "-c", ENGINE, str(path)], stdout=subprocess.PIPE, text=True)
            assert engine.stdout
            for _ in range(20):
                push()
            engine.stdout.readline()
            assert plugin.alive()
            push()
            os.kill(engine.pid, signal.SIGKILL)
            engine.communicate()
            push()
            results = plugin.results()
            assert results is not None
            assert results["momentary_lufs"] == results["integrated_lufs"] == -20.0
            with Instance(path) as next_one:
                assert next_one.read_frames > read
                read = drain(next_one, next_one.read_frames)
                assert read == pushed
                assert next_one.lost_frames == 0
