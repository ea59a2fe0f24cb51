"""A file in, a report out: reads, measures with progress, judges."""

from __future__ import annotations

import ctypes
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsp.checks import reference
from dsp.checks._beside import Judged
from dsp.diagnose import Report, diagnose, select
from dsp.errors import UsageError
from dsp.meters.bank import MeterBank
from dsp.mix import Mix
from dsp.profile import Profile, load_genre, load_profile
from dsp.session import SessionFacts
from dsp.stems.model import Stem
from mixdiagnose import __version__
from plugin_bridge.files import open_audio
from plugin_bridge.stem_folder import Folder
from plugin_bridge.stems import measure_folder, summed_blocks

if TYPE_CHECKING:
    from plugin_bridge.render import Rendered

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
    _keep_memory()
    with open_audio(path) as reader, ThreadPoolExecutor(1) as beside:
        bank = MeterBank(reader.source, beside)
        done = 0
        for block in reader.blocks(bank.block_frames):
            bank.process(block)
            done += block.shape[1]
            if progress:
                progress(min(done / reader.frames, 1.0) if reader.frames else None)
        mix = Mix(reader.source, bank.finish())
    del bank
    _give_back_memory()
    return mix


def _give_back_memory() -> None:
    """Let the C library return the holes that hours of small arrays left in its heap, where it can (glibc)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


#: glibc's mallopt: how much free memory at the top of the heap is given back, and from which size on an array is.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def _keep_memory() -> None:
    """Let the C library keep what it frees (glibc): the same arrays are wanted again every half second.

    Fetching their pages from the system each time costs a third of the time; `_give_back_memory` undoes it.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_TRIM_THRESHOLD, 1 << 28)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 26)


def encoded(mix: Mix, stems: Folder | None = None, full: bool = False, progress: Progress | None = None) -> Mix:
    """A measured file, or the sum of its stems, with what lossy codecs make of it.

    Raises InputError where it cannot be read again.
    """
    from plugin_bridge.codecs import encode, encode_file

    if stems is not None and mix.stems and mix.stems.summed:
        return replace(mix, encoded=encode(mix, summed_blocks(stems, mix), full=full, progress=progress))
    return replace(mix, encoded=encode_file(mix.source.name, mix, full=full, progress=progress))


def measure_all(path: str | Path, references: Sequence[str | Path] = (), progress: Progress | None = None) -> Mix:
    """Measure a file and its references; `progress` covers all of them, and a file given twice is read once.

    Raises InputError for the one that cannot be read.
    """
    return _measured([path, *references], progress, {})


def measure_with_folder(
    path: str | Path | None,
    folder: Folder,
    *,
    references: Sequence[str | Path] = (),
    roles: Mapping[str, str] | None = None,
    placed: bool = False,
    progress: Progress | None = None,
    again: Progress | None = None,
) -> Mix:
    """The same with the stems of a folder beside the file; without one the sum of the stems is the mix.

    `again` is told of the second pass that stems in other places need: see `plugin_bridge.stems.measure_folder`. Stems
    that are `placed` are known to begin where the mix does.
    Raises InputError for the file that cannot be read, UsageError for a role that does not exist.
    """
    _keep_memory()
    part = partial(_report_part, progress, 0, 1 + len(references)) if progress else None
    known: dict[str, Stem] | None = {} if placed else None
    mix = measure_folder(path, folder, references=references, roles=roles, known=known, progress=part, again=again)
    _give_back_memory()
    file = Path(mix.source.name)
    return _measured([file, *references], progress, {file.absolute(): mix})


def _measured(files: Sequence[str | Path], progress: Progress | None, measured: dict[Path, Mix]) -> Mix:
    """The first of the files with the others as its references; what is in `measured` is not read again."""
    for k, file in enumerate(files):
        if Path(file).absolute() not in measured:
            part = partial(_report_part, progress, k, len(files)) if progress else None
            measured[Path(file).absolute()] = measure_file(file, part)
    mixes = [measured[Path(file).absolute()] for file in files]
    named = [replace(m, source=replace(m.source, name=str(file))) for m, file in zip(mixes, files, strict=True)]
    return replace(named[0], references=tuple(named[1:]))


def _report_part(progress: Progress, index: int, count: int, share: float | None) -> None:
    """Report the share done of one of several files as a share of all."""
    progress(None if share is None else (index + share) / count)


def of_session(mix: Mix, file: Path, facts: SessionFacts) -> Mix:
    """A mix that was rendered from a session, with what the session says, called by its names."""
    stems = mix.stems
    if stems is not None:
        named = tuple(replace(s, source=replace(s.source, name=s.name)) for s in stems.stems)
        stems = replace(stems, stems=named)
    source = replace(mix.source, name=str(file), partial=_missing(facts))
    return replace(mix, source=source, stems=stems, session=facts)


def _missing(facts: SessionFacts) -> str | None:
    """Which media of a session could not be played, in one line; None where all could."""
    heard = [c for channel in facts.channels if channel.heard for c in channel.clips if not c.muted]
    missing = list(dict.fromkeys(c.media for c in heard if c.offline or c.partial))
    if not missing:
        return None
    more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
    return f"rendered without media that is missing or broken: {', '.join(missing[:5])}{more}"


def judging(profile: str, genre: str | None = None) -> Profile:
    """The profile of that name, with the genre if one is named. Raises UsageError naming what there is."""
    loaded = load_profile(profile)
    return replace(loaded, genre=load_genre(genre)) if genre is not None else loaded


def compare_files(
    path: str | Path,
    references: Sequence[str | Path],
    *,
    profile: str = "mix",
    progress: Progress | None = None,
) -> tuple[Report, Judged]:
    """A mix beside references: the report of the reference check alone, and the comparison it was made from.

    Raises InputError for a file, UsageError for an unknown profile.
    """
    judged_by = load_profile(profile)
    started = time.perf_counter()
    mix = measure_all(path, references, progress)
    seconds = {"measure": round(time.perf_counter() - started, 4)}
    report = diagnose(mix, judged_by, only=[reference.ID], tool=tool(), seconds=seconds)
    return report, reference.judge(mix, judged_by)


def check_file(
    path: str | Path | None,
    *,
    stems: Folder | None = None,
    roles: Mapping[str, str] | None = None,
    profile: str = "mix",
    references: Sequence[str | Path] = (),
    genre: str | None = None,
    only: Iterable[str] = (),
    skip: Iterable[str] = (),
    second_opinion: bool = False,
    full: bool = False,
    rendered: Rendered | None = None,
    progress: Progress | None = None,
    again: Progress | None = None,
    encoding: Progress | None = None,
) -> Report:
    """Measure and judge a file, beside its stems if there are any; without a file the sum of the stems is judged.

    `rendered` is the session that file and stems were rendered from: they are called by its names.

    `second_opinion` sets other meters' readings beside ours. Where the check `codec-peaks` is to run, the loudest
    30 s (all of it with `full`) are encoded; `encoding` is told how far that is. `roles` are the user's own, by stem.

    Raises InputError for a file, UsageError for an unknown profile, genre, check or role.
    """
    judged_by = judging(profile, genre)
    chosen = {check.id for check in select(only, skip)}  # a wrong id is said before the work, not after
    started = time.perf_counter()
    if stems is not None:
        mix = measure_with_folder(
            path, stems, references=references, roles=roles, placed=rendered is not None, progress=progress, again=again
        )
    elif path is not None:
        mix = measure_all(path, references, progress)
    else:
        raise UsageError("a mix or a folder of stems is needed")
    seconds = {"measure": round(time.perf_counter() - started, 4)}
    if "codec-peaks" in chosen:
        mix = encoded(mix, stems, full, encoding)
        seconds["encode"] = round(time.perf_counter() - started - seconds["measure"], 4)
    given = of_session(mix, rendered.session.file, rendered.facts) if rendered else mix
    report = diagnose(given, judged_by, only=only, skip=skip, tool=tool(), seconds=seconds)
    if second_opinion and not (mix.stems and mix.stems.summed):
        from mixdiagnose.second_opinion import second_opinions

        report = replace(report, second_opinion=second_opinions(mix.source.name, mix))
    return report
