"""MixDiagnose: what is wrong with a mix before mastering, and how it knows.

>>> from mixdiagnose import check
>>> report = check("song.wav")                       # doctest: +SKIP
>>> report.ready, [f.title for f in report.findings]  # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsp.diagnose import Report

__all__ = ["__version__", "audit", "check", "use_one_blas_thread"]

__version__ = "0.1.0"


#: The variables that OpenBLAS, MKL and OpenMP read when NumPy is imported.
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


def use_one_blas_thread() -> None:
    """Ask for one thread per matrix product, unless the user asked for something else.

    The products here are small: threads that wait for one another cost ten times what they save on a busy
    machine. Has no effect once NumPy is imported.
    """
    for name in BLAS_THREADS:
        os.environ.setdefault(name, "1")


def check(
    mix: str | Path,
    profile: str = "mix",
    *,
    stems: str | Path | None = None,
    roles: Mapping[str, str] | None = None,
    references: Sequence[str | Path] = (),
    genre: str | None = None,
) -> Report:
    """Measure a mix file and judge it by a profile ("mix", "master", or a TOML file).

    `stems` is a folder of the tracks it was made of, `roles` says what some of them are ({"Track 3": "bass"}),
    `references` are songs to set beside it, `genre` is the one to judge its spectrum by ("modern" by default).
    Raises dsp.errors.InputError for a file that cannot be read, UsageError for an unknown profile, genre or role.
    """
    use_one_blas_thread()
    from mixdiagnose.checking import check_file
    from plugin_bridge.stem_folder import find_stems

    folder = find_stems(stems, mix) if stems is not None else None
    return check_file(mix, stems=folder, roles=roles, profile=profile, references=references, genre=genre)


def audit(
    session: str | Path,
    profile: str = "mix",
    *,
    allow_media: Sequence[str | Path] = (),
    roles: Mapping[str, str] | None = None,
    references: Sequence[str | Path] = (),
    genre: str | None = None,
) -> Report:
    """The same of a session (.dawproject, .rpp, .ardour), which is rendered, or of a folder of stems.

    In a folder a file that is called the mix is judged beside the others, else their sum. `allow_media` are folders
    outside a session's own from which its media may be read.
    """
    use_one_blas_thread()
    from mixdiagnose.checking import check_file
    from plugin_bridge.sessions.reading import is_session
    from plugin_bridge.stem_folder import find_stems

    if is_session(Path(session)):
        from mixdiagnose.auditing import audit_session

        allowed = [Path(folder) for folder in allow_media]
        return audit_session(
            Path(session), allowed=allowed, roles=roles, profile=profile, references=references, genre=genre
        )
    folder = find_stems(session)
    return check_file(folder.mix, stems=folder, roles=roles, profile=profile, references=references, genre=genre)
