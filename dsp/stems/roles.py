"""Roles: what each stem is in the arrangement, by the user's word, else by its name, else by its sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from dsp.errors import UsageError
from dsp.profile import load_instruments
from dsp.stems import role_names, role_sound
from dsp.stems.model import Role, Stems
from dsp.stems.role_names import GENERAL, Word

#: So many stems that begin (or end) alike are named after the song.
LEAST_ALIKE = 3


def assign(stems: Stems, overrides: Mapping[str, str]) -> Stems:
    """The stems with their roles. `overrides` are roles by the name of the stem.

    Raises UsageError for a stem or a role that does not exist.
    """
    names = [s.name for s in stems.stems]
    own = {_stem(names, name): _role(role) for name, role in overrides.items()}
    told = from_names(names)
    found = []
    for stem, by_name in zip(stems.stems, told, strict=True):
        if stem.name in own:
            role = Role(own[stem.name], 1.0, "you said so")
        elif by_name is not None:
            role = by_name
        else:
            role = role_sound.role_of(role_sound.listen(stem.readings))
        found.append(dataclasses.replace(stem, role=role))
    return dataclasses.replace(stems, stems=tuple(found))


def from_names(names: Sequence[str]) -> list[Role | None]:
    """The role each name tells, None where it tells nothing.

    What all names begin or end with is left out where it is the song's: where the rest tells several families.

    >>> [r.name for r in from_names(["Echo Park - Vox", "Echo Park - Kick", "Echo Park - Bass"])]
    ['lead-vocal', 'kick', 'bass']
    """
    cut = [role_names.words(name) for name in names]
    head, tail = _alike(cut), _alike([words[::-1] for words in cut])
    rest = [words[head : len(words) - tail] for words in cut]
    told = [role_names.role_of(name, words) for name, words in zip(names, rest, strict=True)]
    families = load_instruments()
    sure = {families[r.name].family for r in told if r is not None and r.confidence >= GENERAL}
    if (head or tail) and len(sure) > 1:
        return told
    return [role_names.role_of(name) for name in names]


def _alike(cut: Sequence[Sequence[Word]]) -> int:
    """How many words all of at least `LEAST_ALIKE` names begin with, leaving each one word at least."""
    if len(cut) < LEAST_ALIKE:
        return 0
    most = min(len(words) for words in cut) - 1
    same = 0
    while same < most and len({words[same].text for words in cut}) == 1:
        same += 1
    return same


def _stem(names: Sequence[str], name: str) -> str:
    """The stem the user means: that very name, else the only one that differs in capitals."""
    if name in names:
        return name
    like = [n for n in names if n.lower() == name.strip().lower()]
    if len(like) == 1:
        return like[0]
    raise UsageError(f"no stem '{name}'; there are: {', '.join(names)}")


def _role(name: str) -> str:
    """The role the user means, by its key or its title."""
    said = "-".join(name.lower().replace("_", " ").replace("-", " ").split())
    for role, instrument in load_instruments().items():
        if said in (role, instrument.title.replace(" ", "-")):
            return role
    raise UsageError(f"no role '{name}'; there are: {', '.join(load_instruments())}")
