"""What the plugin costs: nanoseconds per stereo frame in blocks of 512, off and with eight bands on.

The ratio to a pedalboard chain of eight filters is taken in pedalboard for both, which costs both the same.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
from pedalboard._pedalboard import Pedalboard  # the package does not declare it as exported

RATE, FRAMES, BLOCKS, ROUNDS = 48_000, 512, 2000, 5
#: Wanted at most, of what eight filters in pedalboard take.
WANTED = 1.0


def plugin() -> None:
    """Print the plugin's cost, as ratios to copying and to pedalboard's filters."""
    from render_tests.plugin_hosts import table
    from render_tests.plugin_hosts.built import compiled, lacking
    from render_tests.plugin_hosts.vst3 import copy_ns_per_frame, playing

    if why := lacking():
        print(f"{'the plugin':44}{why}")
        return
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_RUNTIME_DIR"] = name
        built = compiled(Path(name) / "plugin")
        copied = min(copy_ns_per_frame(built.host, FRAMES, BLOCKS) for _ in range(ROUNDS))
        with playing(built.host, built.binary("vst3"), RATE) as one:
            off = min(one.ns_per_frame(FRAMES, BLOCKS) for _ in range(ROUNDS))
            one.flush(one.changes(table.settings(table.EIGHT)))
            one.ns_per_frame(FRAMES, 100)
            on = min(one.ns_per_frame(FRAMES, BLOCKS) for _ in range(ROUNDS))
        for label, took in (("off", off), ("eight bands on", on)):
            print(f"{f'the plugin, {label}, ns per frame / a copy':44}{took:8.2f} {copied:8.2f} {took / copied:8.1f}")
        ours, theirs = in_pedalboard(built.plugins["vst3"])
        label = "eight bands / eight filters, in pedalboard"
        print(f"{label:44}{ours:8.2f} {theirs:8.2f} {ours / theirs:8.2f}{WANTED:9.1f}")


def in_pedalboard(bundle: Path) -> tuple[float, float]:
    """Nanoseconds per frame of the plugin with eight bands on, and of pedalboard's own filters for them."""
    from render_tests.plugin_hosts import table

    one: Any = pedalboard.VST3Plugin(str(bundle))
    one.correction = True
    for i in range(1, table.BANDS + 1):
        setattr(one, f"band_{i}_on", True)
        setattr(one, f"band_{i}_gain_db", 3.0)
    peaks = [pedalboard.PeakFilter(hz, 3.0, 1.0) for hz in np.geomspace(60.0, 12_000.0, table.BANDS)]
    boards = [Pedalboard([one]), Pedalboard(list(peaks))]
    audio = np.random.default_rng(1).uniform(-0.5, 0.5, (2, FRAMES)).astype(np.float32)
    best = [float("inf")] * 2
    for _ in range(ROUNDS):
        for k, board in enumerate(boards):
            board.process(audio, RATE, buffer_size=FRAMES, reset=True)
            for _ in range(50):
                board.process(audio, RATE, buffer_size=FRAMES, reset=False)
            begun = time.process_time()
            for _ in range(BLOCKS):
                board.process(audio, RATE, buffer_size=FRAMES, reset=False)
            best[k] = min(best[k], 1e9 * (time.process_time() - begun) / (BLOCKS * FRAMES))
    return best[0], best[1]


if __name__ == "__main__":
    plugin()
