"""Parts: stems that are one sound to a listener, and parts that are one instrument.

Two microphones at one drum, the direct and the amplified bass, the left and the right of a doubled guitar are one part.
The drums of a kit are several parts but one instrument: each microphone hears them all. Effects and rooms repeat other
parts and are none themselves.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from dsp.instrument import Instrument
from dsp.profile import load_instruments
from dsp.stems.model import Stem, Stems

#: Roles of which there is one part however many stems there are.
ONE_PART = ("kick", "snare", "toms", "hats", "cymbals", "bass", "lead-vocal", "backing-vocal")
#: Roles that repeat what other stems play.
REPEATS = ("effects", "room")
#: Roles that all others make room for, and that are protected most.
LEADS = ("lead-vocal",)
#: Below this confidence a role is a guess on which nothing is weighed (our judgement).
LEAST_CONFIDENCE = 0.5
#: Words at the end of a name that tell the sides, microphones and signals of one sound apart.
_SIDES = re.compile(
    r"[\s_.()-]+(l|r|lt|rt|left|right|in|out|top|bot|bottom|di|amp|mic|close|far|hi|lo|dbl|double|doubled|dt)\)?$"
)


@dataclass(frozen=True)
class Part:
    """One or more stems that sound as one; `stems` by falling level.

    `priority` says which of two parts must yield: the lower one. None where nothing told what it is. Between the
    frequencies of `core_hz` lies what must be heard of it.
    """

    name: str
    role: str
    family: str
    priority: float | None
    core_hz: tuple[float, float]
    stems: tuple[str, ...]


def parts_of(stems: Stems) -> tuple[Part, ...]:
    """The parts of a mix, in the order of its stems."""
    roles, found = load_instruments(), dict[tuple[str, str], list[Stem]]()
    for stem in stems.sounding:
        if stem.role.name not in REPEATS:
            found.setdefault(_key(stem), []).append(stem)
    parts = []
    for (role, _), members in found.items():
        members.sort(key=lambda s: -float(s.readings.power.sum()))
        known, sure = roles.get(role), max(s.role.confidence for s in members) >= LEAST_CONFIDENCE
        parts.append(
            Part(
                name=" and ".join(sorted(s.name for s in members)),
                role=role,
                family=known.family if known else "other",
                priority=known.number("priority") if known and sure else None,
                core_hz=_core(known),
                stems=tuple(s.name for s in members),
            )
        )
    return tuple(parts)


def _key(stem: Stem) -> tuple[str, str]:
    role = stem.role.name
    if role in ONE_PART:
        return role, ""
    name = stem.name.lower()
    while (shorter := _SIDES.sub("", name)) not in (name, ""):
        name = shorter
    return role, name


def _core(instrument: Instrument | None) -> tuple[float, float]:
    low, high = (instrument.number(k) if instrument else None for k in ("core_low_hz", "core_high_hz"))
    return low or 0.0, high or math.inf


def kin(one: Part, other: Part) -> bool:
    """Whether two parts are one instrument."""
    return one == other or one.family == other.family == "drums"
