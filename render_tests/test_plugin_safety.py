"""The audio thread allocates nothing, waits for nobody and calls nothing in the system, whatever a host sends it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from render_tests.plugin_hosts import table
from render_tests.plugin_hosts.built import Built

pytestmark = pytest.mark.slow

#: What plays in a process of its own, with the watcher loaded before all else.
PROGRAM = """
import ctypes, sys
from pathlib import Path
import numpy as np
from dsp.findings import EqMove
from plugin_bridge.link import scan
from plugin_bridge.link_results import Results
from render_tests.plugin_hosts import table
from render_tests.plugin_hosts.clap import Clap
from render_tests.plugin_hosts.table import EIGHT, band
from render_tests.plugin_hosts.vst3 import NO_LISTS, NO_OUTPUT, Vst3

host, vst3, clap, what = sys.argv[1:]
watch = ctypes.CDLL(None)
watch.watch_call.argtypes = [ctypes.c_void_p] * 3
rng = np.random.default_rng(2)
noise = (0.2 * rng.standard_normal((2, 8192))).astype(np.float32)
bad = noise.copy()
bad[0, 5], bad[1, 6], bad[:, 7:9] = np.nan, np.inf, 1e-42
suggested = Results(bands=[EqMove("mix", "bell", 300.0, -3.0, 1.0)])


def play(process):
    # Off, on, moved while it fades, unplayable, silent, all bands automated, off again, and the engine's news.
    process(noise, {})
    process(noise, table.settings(EIGHT, trim=2.0))
    process(noise[:, :100], {band(2, table.GAIN): 9.0, band(3, table.KIND): 5.0})
    process(bad, {})
    process(np.zeros_like(noise), {})
    for i in range(200):
        process(noise[:, :64], {band(b, table.FREQUENCY): 50.0 * 2 ** (b + i / 200) for b in range(8)})
    process(noise, {table.CORRECTION: 0.0})
    process(noise, {band(b, table.ON): 0.0 for b in range(8)} | {table.AUTO_APPLY: 1.0})
    [end] = scan()
    with end:
        end.claim()
        for _ in range(3):
            end.beat()
            end.publish(suggested)
            process(noise, {})
    for _ in range(300):  # beyond what the ring holds: frames are lost, nothing else happens
        process(noise, {})
    process(np.zeros((2, 0), np.float32), {table.BYPASS: 1.0})


if what == "clap":
    one = Clap(Path(host), Path(clap))
    one.start(48_000)
    one.song_s = 1.0

    def watched(process, *rest):
        return watch.watch_call(ctypes.cast(process, ctypes.c_void_p), *rest)

    play(lambda audio, values: one.process(audio, values, watched))
    one.stop()
    one.close()
elif what == "vst3":
    one = Vst3(Path(host), Path(vst3))
    one.setup(48_000)
    one.transport(True, 0)
    play(lambda audio, values: one.process(audio, one.changes(values)))
    one.process(noise, lists=NO_OUTPUT)
    one.process(noise, lists=NO_LISTS)
    one.stop()
else:  # can the watcher see anything?
    libc = ctypes.PyDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    watch.watch_begin()
    libc.free(libc.malloc(10))
    libc.getppid()
    watch.watch_end()
counts = (ctypes.c_long * 4)()
watch.watch_counts(counts)
print("counts", *counts)
"""


def counted(plugin: Built, runtime: Path, what: str) -> tuple[int, ...]:
    """Allocations, locks, system calls while it played, and the number of the first call."""
    given = [str(plugin.host), str(plugin.binary("vst3")), str(plugin.binary("clap")), what]
    environment = {**os.environ, "LD_PRELOAD": str(plugin.watch), "XDG_RUNTIME_DIR": str(runtime)}
    root = str(Path(table.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *given],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = re.search(r"counts (-?\d+) (-?\d+) (-?\d+) (-?\d+)", done.stdout)
    assert found is not None
    return tuple(map(int, found.groups()))


@pytest.mark.parametrize("what", ["vst3", "clap"])
def test_playing_allocates_locks_and_calls_nothing(plugin: Built, runtime: Path, what: str) -> None:
    assert counted(plugin, runtime, what) == (0, 0, 0, -1)


def test_the_watcher_sees(plugin: Built, runtime: Path) -> None:
    allocations, _, calls, first = counted(plugin, runtime, "nothing")
    if calls < 0:
        pytest.skip("this kernel does not hand over system calls (Syscall User Dispatch, Linux 5.11)")
    assert allocations >= 2
    assert calls >= 1
    assert first == 110  # getppid on x86-64
