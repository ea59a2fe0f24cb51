"""A file in, a report out: reads, measures with progress, judges."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from dsp.diagnose import Report, diagnose, select
from dsp.meters.bank import MeterBank
from dsp.mix import Mix
from dsp.profile import load_profile
from mixdiagnose import __version__
from plugin_bridge.files import open_audio

#: Called with the share of the work done, 0 to 1, or None while the length is not known.
Progress = Callable[[float | None], None]


def tool() -> dict[str, str]:
    """Name and versions of what made a report."""
    return {
        "name": "mixdiagnose",
        "version": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def measure_file(path: str | Path, progress: Progress | None = None) -> Mix:
    """Measure a file in one pass. Raises InputError where it cannot be read."""
    with open_audio(path) as reader, ThreadPoolExecutor(1) as beside:
        bank = MeterBank(reader.source, beside)
        done = 0
        for block in reader.blocks(bank.block_frames):
            bank.process(block)
            done += block.shape[1]
            if progress:
                progress(min(done / reader.frames, 1.0) if reader.frames else None)
        return Mix(reader.source, bank.result())


def encoded(path: str | Path, mix: Mix, full: bool = False, progress: Progress | None = None) -> Mix:
    """A measured file with what lossy codecs make of it. Raises InputError where it cannot be read again."""
    from plugin_bridge.codecs import encode_file

    return replace(mix, encoded=encode_file(path, mix, full=full, progress=progress))


def check_file(
    path: str | Path,
    *,
    profile: str = "mix",
    only: Iterable[str] = (),
    skip: Iterable[str] = (),
    second_opinion: bool = False,
    full: bool = False,
    progress: Progress | None = None,
    encoding: Progress | None = None,
) -> Report:
    """Measure and judge a file; `second_opinion` sets other meters' readings beside ours.

    Where the check `codec-peaks` is to run, the loudest 30 s (all of it with `full`) are encoded; `encoding` is
    told how far that is.

    Raises InputError for the file, UsageError for an unknown profile or check.
    """
    judged_by = load_profile(profile)
    chosen = {check.id for check in select(only, skip)}  # a wrong id is said before the work, not after
    started = time.perf_counter()
    mix = measure_file(path, progress)
    seconds = {"measure": round(time.perf_counter() - started, 4)}
    if "codec-peaks" in chosen:
        mix = encoded(path, mix, full, encoding)
        seconds["encode"] = round(time.perf_counter() - started - seconds["measure"], 4)
    report = diagnose(mix, judged_by, only=only, skip=skip, tool=tool(), seconds=seconds)
    if second_opinion:
        from mixdiagnose.second_opinion import second_opinions

        report = replace(report, second_opinion=second_opinions(path, mix))
    return report
