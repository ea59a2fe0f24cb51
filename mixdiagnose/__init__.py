"""MixDiagnose: what is wrong with a mix before mastering, and how it knows.

>>> from mixdiagnose import check
>>> report = check("song.wav")                       # doctest: +SKIP
>>> report.ready, [f.title for f in report.findings]  # doctest: +SKIP
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsp.diagnose import Report

__all__ = ["__version__", "check"]

__version__ = "0.1.0"


def check(mix: str | Path, profile: str = "mix") -> Report:
    """Measure a mix file and judge it by a profile ("mix", "master", or a TOML file).

    Raises dsp.errors.InputError for a file that cannot be read, UsageError for an unknown profile.
    """
    from mixdiagnose.checking import check_file

    return check_file(mix, profile=profile)
