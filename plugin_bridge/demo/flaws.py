"""The four deliberate mistakes, by name and by number. Import-light: the command line reads the names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, cast, get_args

Flaw = Literal["bus-limiter", "clipped-snare", "late-amp", "mud"]
DEMO_FLAWS: Final[tuple[Flaw, ...]] = get_args(Flaw)

# mud: a bell on both guitars; gain at its centre, Q as in R. Bristow-Johnson's Audio EQ Cookbook.
MUD_HZ: Final = 250.0
MUD_DB: Final = 7.0
MUD_Q: Final = 1.0

# late-amp: the miked amplifier was never lined up with the direct signal; 0.58 m of air.
LATE_AMP_MS: Final = 1.7

# clipped-snare: the preamplifier was set this much too hot, and the converter cut the tops off flat. The
# fader came down by less, because a clipped snare is already quieter for its setting.
SNARE_OVERDRIVE_DB: Final = 10.0
SNARE_FADER_DB: Final = -8.0
SNARE_CEILING_DBFS: Final = -0.1

# bus-limiter: left on "to hear it loud"; a look-ahead brick wall well below full scale.
LIMITER_DRIVE_DB: Final = 5.5
LIMITER_CEILING_DBFS: Final = -4.0


def checked_flaws(names: Iterable[str]) -> frozenset[Flaw]:
    """Return the named flaws, or raise ValueError for a name that is not one."""
    chosen = frozenset(names)
    unknown = sorted(chosen - set(DEMO_FLAWS))
    if unknown:
        raise ValueError(f"unknown flaw {unknown[0]!r}; the demo song knows {', '.join(DEMO_FLAWS)}")
    return cast("frozenset[Flaw]", chosen)


def amplitude(level_db: float) -> float:
    """Return the amplitude ratio of a level in decibels."""
    return float(10.0 ** (level_db / 20.0))
