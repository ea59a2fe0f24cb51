"""The checks: one rule per file, numbers and a profile in, findings out.

A check is a module of this package (not starting with an underscore) with a docstring in Markdown that
has the parts *Why it matters*, *How it is measured* and *References*, and the names `ID`, `TITLE`,
`DIMENSION`, `NEEDS`, `MEANS` (what a finding may mean), `LISTEN` (what to listen for) and `run(mix, profile)`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from dsp.errors import UsageError
from dsp.findings import Finding
from dsp.mix import Mix
from dsp.profile import Profile

#: What scores are given for.
DIMENSIONS = ("gain staging", "frequency balance", "loudness", "dynamics", "stereo", "mono", "phase", "delivery")


@dataclass(frozen=True)
class Check:
    """A discovered check. `needs` names preconditions of `dsp.diagnose.UNMET`."""

    id: str
    title: str
    dimension: str
    needs: tuple[str, ...]
    doc: str
    means: str
    listen: str
    run: Callable[[Mix, Profile], Sequence[Finding]]


@cache
def all_checks() -> tuple[Check, ...]:
    """Every check there is, sorted by id. Raises RuntimeError for two of the same id."""
    found: dict[str, Check] = {}
    for info in pkgutil.iter_modules(__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        check = Check(
            id=module.ID,
            title=module.TITLE,
            dimension=module.DIMENSION,
            needs=tuple(module.NEEDS),
            doc=(module.__doc__ or "").strip(),
            means=getattr(module, "MEANS", ""),
            listen=getattr(module, "LISTEN", ""),
            run=module.run,
        )
        if check.id in found or check.dimension not in DIMENSIONS:
            raise RuntimeError(f"check {info.name}: id '{check.id}' is taken or dimension '{check.dimension}' unknown")
        found[check.id] = check
    return tuple(found[key] for key in sorted(found))


def find_check(check_id: str) -> Check:
    """The check of that id. Raises UsageError naming the ids there are."""
    for check in all_checks():
        if check.id == check_id:
            return check
    raise UsageError(f"no check '{check_id}'; there are: {', '.join(c.id for c in all_checks())}")
