"""How fast a session of sixteen tracks and four minutes is rendered, beside Ardour's export of the same session."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.music import SECONDS, sixteen_stems

RATE, ROUNDS = 48_000, 3
#: Wanted at least: times as fast as real time.
WANTED_SPEED = 40.0

#: Our render, in a process of its own: start-up counts.
RENDER = """
import sys
from pathlib import Path
from plugin_bridge.render import render
from plugin_bridge.sessions.reading import open_session
with open_session(Path(sys.argv[1])) as session:
    render(session, Path(sys.argv[2]))
"""


def sessions() -> None:
    """Print how fast a session is rendered; the ratio to Ardour where it is installed."""
    from render_tests import ardour_build as make
    from render_tests import ardour_host as host

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sounds = sixteen_stems(RATE)
        groups = [make.Strip(f"Group {k}", 2, bus=True, gain=0.9) for k in range(3)]
        tracks = [
            make.Strip(
                n, 2, gain=0.8, output=f"Group {k % 4}" if k % 4 < 3 else "Master",
                regions=[make.Region(n, 0, SECONDS * RATE)],
            )
            for k, n in enumerate(sounds)
        ]  # fmt: skip
        path = make.build(folder / "song", [*groups, *tracks], sounds, SECONDS * RATE)
        del sounds
        ours = min(_timed(path, folder / f"render {k}") for k in range(ROUNDS))
        label = "a session of 16 tracks, real time / render"
        print(f"{label:44}{ours:8.2f}s{SECONDS:8.2f}s{SECONDS / ours:8.1f}{WANTED_SPEED:9.1f}")
        if host.missing:
            print(f"{'its render / its export by Ardour':44}{host.missing}")
            return
        theirs = []
        for k in range(ROUNDS):
            started = time.perf_counter()
            host.export(path, folder / f"{k}.wav", patience_s=60.0)
            theirs.append(time.perf_counter() - started)
        label = "its render (20 files) / its export by Ardour"
        print(f"{label:44}{ours:8.2f}s{min(theirs):8.2f}s{ours / min(theirs):8.2f}")


def _timed(session: Path, folder: Path) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", RENDER, str(session), str(folder)], check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    sessions()
