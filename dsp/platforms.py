"""What a music service or a recommendation does with the level of a file, and how surely that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TurnsUp = Literal["yes", "no", "unknown"]
Certainty = Literal["official", "measured", "hearsay"]
Kind = Literal["service", "recommendation", "broadcast"]


@dataclass(frozen=True)
class Platform:
    """What a platform does with level, where that is known from, and how surely."""

    id: str
    title: str
    kind: Kind
    default: bool  #: what listeners get who change no setting
    reference_lufs: float
    turns_up: TurnsUp
    ceiling_dbtp: float | None  #: raised up to this true peak, or asked for; None where nothing is said
    limiter: bool  #: raised past the ceiling all the same, into a limiter
    certainty: Certainty
    date: str
    source: str
    note: str = ""
