"""`python -m plugin_bridge.live [--idle SECONDS]`: the engine, unless one is running for this user already."""

from __future__ import annotations

import argparse
import logging
import logging.handlers
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

# Read when NumPy is imported: threads for products this small cost more than they save.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

#: Less important than the host, whose audio must not wait for a diagnosis.
NICE = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Run the engine. Returns 0, also where another one runs."""
    parser = argparse.ArgumentParser(prog="python -m plugin_bridge.live", description="The engine of the plugin.")
    parser.add_argument("--idle", type=float, default=None, metavar="SECONDS", help="end after so long without plugins")
    arguments = parser.parse_args(argv)

    from plugin_bridge.link_files import runtime_directory
    from plugin_bridge.live.engine import IDLE_S, Engine
    from plugin_bridge.live.lock import EngineLock

    folder = runtime_directory()
    with EngineLock(folder) as lock:
        if not lock.held:
            return 0
        _log_to(folder / "engine.log")
        with suppress(AttributeError, OSError):
            os.nice(NICE)
        stopped: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda got, _: stopped.append(got))
        engine = Engine(folder, idle_s=IDLE_S if arguments.idle is None else arguments.idle)
        engine.run(lambda: bool(stopped))
    return 0


def _log_to(path: Path) -> None:
    """Keep what goes wrong in a small file: nobody sees this process's output."""
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=200_000, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger("mixdiagnose.live").addHandler(handler)


if __name__ == "__main__":
    sys.exit(main())
