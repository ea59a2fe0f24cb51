"""How checks name several stems in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

#: Stems named in a sentence at most.
MOST_NAMES = 6


def names(of: Sequence[str], most: int = MOST_NAMES) -> str:
    """Names in a sentence.

    >>> names(["Kick", "Snare"])
    "'Kick' and 'Snare'"
    >>> names(["A", "B", "C"], most=1)
    "'A' and 2 more"
    """
    return listed([f"'{n}'" for n in of], most)


def listed(of: Sequence[str], most: int = MOST_NAMES) -> str:
    """The first few of a list in words.

    >>> listed(["one", "two", "three"])
    'one, two and three'
    """
    if len(of) > most:
        return f"{', '.join(of[:most])} and {len(of) - most} more"
    return ", ".join(of[:-1]) + (" and " if len(of) > 1 else "") + of[-1] if of else ""
